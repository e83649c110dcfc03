/* SPDX-License-Identifier: Apache-2.0
 *
 * text.h - foreign text made harmless before a person's terminal sees it.
 */
#ifndef STOKER_UI_COMMON_TEXT_H
#define STOKER_UI_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Copies `in` (len bytes, not necessarily terminated) to `out` as one line of
 * valid UTF-8 that no terminal takes for anything but text. `out` is always
 * NUL-terminated when cap > 0, never ends in half a character, and the bytes
 * before the NUL are returned. What does not fit is cut off. The rules:
 *
 *  - escape sequences (CSI, OSC, DCS, APC, PM, SOS, two-byte ones) are dropped
 *    whole; an unterminated one ends at the next control character, so that it
 *    can hide at most the rest of its line;
 *  - a tab becomes blanks up to the next multiple of eight characters; a line
 *    end (LF, CR, CR LF, VT, FF, U+2028, U+2029) becomes one blank, at the very
 *    end of the text nothing;
 *  - every other control character (C0, DEL, C1 in either form) and every
 *    malformed piece of UTF-8 becomes '?';
 *  - characters that have no width or turn the writing direction (bidirectional
 *    controls, zero-width space and joiners, BOM, soft hyphen, fillers,
 *    variation selectors, tags) are dropped, and so are more than three
 *    combining marks in a row.
 *
 * `out` and `in` must not overlap.
 */
size_t text_clean(char *out, size_t cap, const char *in, size_t len);

/* Reads one character of UTF-8 from `in` (len > 0). Returns the bytes it takes;
 * for malformed input *ch is TEXT_BAD and the bytes to step over are returned. */
#define TEXT_BAD 0xffffffffU
size_t text_decode(const char *in, size_t len, uint32_t *ch);
/* Writes a character as UTF-8; returns 1 to 4. What is no character gives '?'. */
size_t text_encode(char out[4], uint32_t ch);

/* True for a character that must never reach a terminal as text: control
 * characters, and those without width that could hide or reorder others. */
bool text_unsafe(uint32_t ch);

#endif
