/* SPDX-License-Identifier: Apache-2.0
 *
 * term.h - a terminal emulator in memory: bytes in, cells out, keys to bytes.
 * term.c is the only file that includes <vterm.h>.
 */
#ifndef STOKER_UI_TUI_TERM_H
#define STOKER_UI_TUI_TERM_H

#include "screen.h"

struct term;

struct term *term_new(int rows, int cols, size_t scrollback_lines); /* rows, cols raised to 2 */
void term_free(struct term *term);
void term_resize(struct term *term, int rows, int cols);

/* Bytes from the guest. Give at most 16 KiB per loop turn, so that keys stay fast. */
void term_feed(struct term *term, const void *bytes, size_t len);

/* Bytes for the guest (answers to queries, encoded keys): taken from the front. */
size_t term_output(struct term *term, void *buf, size_t cap);
void term_key(struct term *term, const struct key *key); /* CHAR and SPECIAL, in the modes the guest set */
void term_paste(struct term *term, const char *bytes, size_t len); /* bracketed when the guest asked; ESC is removed */
/* True when the guest asked for the mouse and the event was passed on. row, col: inside the pane. */
bool term_mouse(struct term *term, const struct key *key, int row, int col);

/* Draws into a rectangle; scroll_back lines are shown above the live screen (0: live). Sets the cursor when `focus`. */
void term_draw(const struct term *term, struct screen *screen, int row, int col, int rows, int cols, int scroll_back,
               bool focus);
bool term_take_damage(struct term *term); /* true once after anything visible changed */
int term_scrollback(const struct term *term); /* lines kept above the screen */
bool term_alternate(const struct term *term); /* the guest uses the alternate screen */
const char *term_title(const struct term *term); /* cleaned; "" when none */

/* Lines are numbered from the first that ever was; a number keeps its line
 * while new ones come. Kept are first <= n < end, the last rows of them being
 * the screen. */
int64_t term_first_line(const struct term *term);
int64_t term_end_line(const struct term *term);
/* The nearest line at `from` or beyond it (dir < 0: above, else below) that contains the needle, or -1. Case counts
 * unless the needle is all lower case. */
int64_t term_find_line(const struct term *term, const char *needle, int64_t from, int dir);
/* The text of a line's columns first .. last, trailing blanks cut: UTF-8, not terminated; returns its bytes. */
size_t term_text(const struct term *term, int64_t line, int first, int last, char *out, size_t cap);
/* Every place where the needle stands is drawn reversed; NULL: none. */
void term_mark(struct term *term, const char *needle);

/* Whether a guest may set the clipboard; what it has set, once: malloc'ed text without control characters. */
void term_allow_clipboard(struct term *term, bool allowed);
char *term_take_clipboard(struct term *term, size_t *len);
/* Leaves every mode that a program set and did not take back, as when its connection was cut. */
void term_settle(struct term *term);

bool term_mouse_wanted(const struct term *term); /* the guest asked for the mouse */
void term_focus(struct term *term, bool focus);  /* told to a guest that asked */

#endif
