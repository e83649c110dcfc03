/* SPDX-License-Identifier: Apache-2.0
 *
 * term_private.h - what the parts of the terminal emulator know of each other:
 * term.c (the screen and its lines), term_cells.c (libvterm's cells and ours),
 * term_input.c (keys, pastes, the mouse). Nobody else includes it.
 */
#ifndef STOKER_UI_TUI_TERM_PRIVATE_H
#define STOKER_UI_TUI_TERM_PRIVATE_H

#include <vterm.h>

#include "needle.h"
#include "term.h"
#include "term_filter.h"
#include "term_history.h"

/* libvterm crashes on a wide character in a screen of one column; the upper
 * bound keeps its two buffers under 100 MiB on any terminal somebody may have. */
#define SIZE_MIN 2
#define SIZE_MAX_ 1000
#define HISTORY_BYTES (16U << 20)
#define HISTORY_LINES 100000U
#define OUTPUT_MAX (2U << 20) /* a paste waiting for a slow guest */
#define ANSWERS_MAX 4096U     /* a guest that asks without reading the answers gets no more */

#if VTERM_VERSION_MAJOR > 0 || VTERM_VERSION_MINOR >= 2
#define HAS_CONCEAL 1
#else
#define HAS_CONCEAL 0
#endif

struct term {
	VTerm *vt;
	VTermScreen *screen;
	VTermState *state;
	int rows, cols;
	struct filter filter;
	struct history *history;
	struct cell *line;   /* one row being converted */
	char *out;           /* bytes for the guest: out_start .. out_end */
	size_t out_start, out_end, out_cap;
	size_t answers;      /* how many of them are answers, at most */
	bool feeding;
	bool damage;
	bool alternate, reverse, cursor_visible;
	int mouse;
	char title[256];
	struct needle marked;
	bool clipboard_allowed;
	char *clip;          /* base64 as it comes, or NULL */
	size_t clip_len;
	char *clipboard;     /* what was set and not yet taken */
	size_t clipboard_len;
};

/* term.c: bytes for the guest. */
bool term_reserve(struct term *term, size_t len);
void term_put(struct term *term, const char *bytes, size_t len);

/* term_cells.c */
void term_row_from(const struct term *term, const VTermScreenCell *from, struct cell *to, int cols);
void term_live_row(const struct term *term, int row, struct cell *to);
void term_cell_to(const struct term *term, const struct cell *from, VTermScreenCell *to);

#endif
