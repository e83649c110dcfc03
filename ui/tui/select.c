/* SPDX-License-Identifier: Apache-2.0
 *
 * select.c - see select.h.
 */
#include "select.h"

#include <stdlib.h>
#include <string.h>

void select_begin(struct selection *selection, int64_t line, int col, bool whole_lines)
{
	selection->on = true;
	selection->whole_lines = whole_lines;
	selection->from_line = selection->to_line = line;
	selection->from_col = selection->to_col = col;
}

static bool before(int64_t line_a, int col_a, int64_t line_b, int col_b)
{
	return line_a < line_b || (line_a == line_b && col_a < col_b);
}

/* The columns of a line that belong to it; false: none does. */
static bool part_of(const struct selection *s, int64_t line, int *first, int *last)
{
	bool turned = before(s->to_line, s->to_col, s->from_line, s->from_col);
	int64_t top = turned ? s->to_line : s->from_line, end = turned ? s->from_line : s->to_line;

	if (!s->on || line < top || line > end)
		return false;
	*first = s->whole_lines || line > top ? 0 : turned ? s->to_col : s->from_col;
	*last = s->whole_lines || line < end ? INT16_MAX : turned ? s->from_col : s->to_col;
	return true;
}

static bool word_at(const struct term *term, int64_t line, int col)
{
	char text[32];
	size_t len = term_text(term, line, col, col, text, sizeof text);
	/* What paths, addresses and options are made of. */
	return len > 0 && ((unsigned char)text[0] >= 0x80 || (text[0] >= '0' && text[0] <= '9') ||
	                   ((text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z') || strchr("_-./~:@%+=", text[0]) != NULL);
}

void select_word(struct selection *selection, const struct term *term, int64_t line, int col)
{
	int first = col, last = col;
	if (!word_at(term, line, col))
		return;
	while (first > 0 && word_at(term, line, first - 1))
		first--;
	while (word_at(term, line, last + 1))
		last++;
	select_begin(selection, line, first, false);
	selection->to_col = last;
}

void select_draw(const struct selection *selection, struct screen *screen, int row, int col, int rows, int cols, int64_t top)
{
	int r, c, first, last;
	for (r = 0; r < rows; r++) {
		if (!part_of(selection, top + r, &first, &last))
			continue;
		for (c = first; c <= last && c < cols; c++) {
			const struct cell *cell = screen_at(screen, row + r, col + c);
			bool reversed = cell != NULL && (cell->style.attr & ATTR_REVERSE) != 0;
			screen_restyle(screen, row + r, col + c, 1, reversed ? 0 : ATTR_REVERSE, reversed ? ATTR_REVERSE : 0);
		}
	}
}

char *select_text(const struct selection *selection, const struct term *term, size_t *len, bool *cut)
{
	int64_t line = selection->from_line < selection->to_line ? selection->from_line : selection->to_line;
	int64_t end = selection->from_line < selection->to_line ? selection->to_line : selection->from_line;
	char *text = malloc(SELECT_MAX + 1);
	size_t used = 0;
	int first, last;

	*len = 0;
	*cut = false;
	if (text == NULL || !selection->on) {
		free(text);
		return NULL;
	}
	if (line < term_first_line(term))
		line = term_first_line(term);
	for (; line <= end && line < term_end_line(term); line++) {
		size_t n;
		if (!part_of(selection, line, &first, &last))
			continue;
		n = term_text(term, line, first, last, text + used, SELECT_MAX - used);
		used += n;
		if (line < end || selection->whole_lines) {
			if (used + 8 >= SELECT_MAX) {
				*cut = true;
				break;
			}
			text[used++] = '\n';
		}
	}
	text[used] = '\0';
	*len = used;
	if (used == 0) {
		free(text);
		return NULL;
	}
	return text;
}
