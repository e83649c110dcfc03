/* SPDX-License-Identifier: Apache-2.0
 *
 * select.h - a selection in a terminal's lines: begun by hand or by mouse,
 * shown, and read out as text.
 */
#ifndef STOKER_UI_TUI_SELECT_H
#define STOKER_UI_TUI_SELECT_H

#include "term.h"

#define SELECT_MAX 65536 /* bytes copied at once: what terminals take in one OSC 52 */

struct selection {
	bool on;
	bool whole_lines;
	int64_t from_line, to_line; /* numbered as term.h says; `to` moves, and may stand before `from` */
	int from_col, to_col;       /* both belong to it */
};

void select_begin(struct selection *selection, int64_t line, int col, bool whole_lines);
/* The run of letters and the like around the place, as a double click takes it. */
void select_word(struct selection *selection, const struct term *term, int64_t line, int col);
/* Marks it in what term_draw() has drawn with its first row showing line `top`. */
void select_draw(const struct selection *selection, struct screen *screen, int row, int col, int rows, int cols, int64_t top);
/* Its text: UTF-8, lines ended by '\n' but for the last, trailing blanks cut. malloc'ed; NULL when there is nothing.
 * *cut: there was more than SELECT_MAX. */
char *select_text(const struct selection *selection, const struct term *term, size_t *len, bool *cut);

#endif
