/* SPDX-License-Identifier: Apache-2.0
 *
 * term_cells.c - libvterm's cells into ours and back.
 */
#include <string.h>

#include "term_private.h"

static int32_t colour_of(const VTermColor *colour, bool background)
{
	if (background ? VTERM_COLOR_IS_DEFAULT_BG(colour) : VTERM_COLOR_IS_DEFAULT_FG(colour))
		return COLOUR_DEFAULT;
	if (VTERM_COLOR_IS_INDEXED(colour))
		return colour->indexed.idx;
	return COLOUR_RGB(colour->rgb.red, colour->rgb.green, colour->rgb.blue);
}

static void cell_from(const struct term *term, const VTermScreenCell *from, struct cell *to)
{
	bool erased = from->chars[0] == 0 || from->chars[0] == (uint32_t)-1, conceal;
	uint32_t ch = erased ? ' ' : filter_unproxy(from->chars[0]);
	unsigned attr = 0;
	int width, n = 0;

	memset(to, 0, sizeof(*to));
	to->style.fg = colour_of(&from->fg, false);
	to->style.bg = colour_of(&from->bg, true);
	if (erased) {
		/* 0.1.4 erases with the whole pen; only its background is meant. */
		to->style.fg = COLOUR_DEFAULT;
		attr = term->reverse ? ATTR_REVERSE : 0;
	} else {
		attr = (from->attrs.bold ? ATTR_BOLD : 0) | (from->attrs.underline ? ATTR_UNDERLINE : 0) |
		       (from->attrs.italic ? ATTR_ITALIC : 0) | (from->attrs.blink ? ATTR_BLINK : 0) |
		       (from->attrs.reverse ? ATTR_REVERSE : 0) | (from->attrs.strike ? ATTR_STRIKE : 0) |
		       (from->attrs.font == FILTER_FONT_DIM ? ATTR_DIM : 0);
	}
	to->style.attr = (uint16_t)attr;
	conceal = from->attrs.font == FILTER_FONT_CONCEAL;
#if HAS_CONCEAL
	conceal = conceal || from->attrs.conceal;
#endif
	width = char_width(ch);
	if (conceal) {
		ch = ' ';
		width = 1;
	} else if (width == 0) {
		ch = '?';
		width = 1;
	} else if (width == 2 && from->width != 2) { /* its right half has been written over: as elsewhere, nothing is left */
		ch = ' ';
		width = 1;
		erased = true; /* its marks go with it */
	}
	to->ch[n++] = ch;
	to->width = (uint8_t)width;
	for (int i = 1; !erased && !conceal && i < VTERM_MAX_CHARS_PER_CELL && from->chars[i] != 0 && n < CELL_CHARS; i++) {
		if (char_width(from->chars[i]) == 0)
			to->ch[n++] = from->chars[i];
	}
}

/* What an emulator's row looks like here; returns nothing of its right halves. */
void term_row_from(const struct term *term, const VTermScreenCell *from, struct cell *to, int cols)
{
	for (int col = 0; col < cols; col++) {
		cell_from(term, &from[col], &to[col]);
		if (to[col].width == 2) {
			to[col + 1] = (struct cell){ .style = to[col].style };
			col++;
		}
	}
}

void term_live_row(const struct term *term, int row, struct cell *to)
{
	VTermPos pos = { .row = row };
	VTermScreenCell cell;
	for (pos.col = 0; pos.col < term->cols; pos.col++) {
		vterm_screen_get_cell(term->screen, pos, &cell);
		cell_from(term, &cell, &to[pos.col]);
		if (to[pos.col].width == 2) {
			if (pos.col + 1 == term->cols) { /* never by libvterm; a right half needs its column */
				to[pos.col].ch[0] = ' ';
				to[pos.col].ch[1] = 0;
				to[pos.col].width = 1;
			} else {
				to[pos.col + 1] = (struct cell){ .style = to[pos.col].style };
				pos.col++;
			}
		}
	}
}

static void colour_to(const struct term *term, int32_t from, bool background, VTermColor *to)
{
	VTermColor fg, bg;
	if (from == COLOUR_DEFAULT) {
		vterm_state_get_default_colors(term->state, &fg, &bg);
		*to = background ? bg : fg;
	} else if (from < 256) {
		vterm_color_indexed(to, (uint8_t)from);
	} else {
		vterm_color_rgb(to, (uint8_t)(from >> 16), (uint8_t)(from >> 8), (uint8_t)from);
	}
}

void term_cell_to(const struct term *term, const struct cell *from, VTermScreenCell *to)
{
	uint32_t ch = from->ch[0];
	int n = 0;

	memset(to, 0, sizeof(*to));
	if (from->width == 2 && ch >= 0x10000 && ch <= 0x1ffff)
		ch = ch - 0x10000 + FILTER_PROXY_BASE;
	if (ch != ' ' || from->ch[1] != 0) {
		to->chars[n++] = ch;
		for (int i = 1; i < CELL_CHARS && from->ch[i] != 0; i++)
			to->chars[n++] = from->ch[i];
	}
	to->width = from->width == 2 ? 2 : 1;
	to->attrs.bold = (from->style.attr & ATTR_BOLD) != 0;
	to->attrs.underline = (from->style.attr & ATTR_UNDERLINE) != 0;
	to->attrs.italic = (from->style.attr & ATTR_ITALIC) != 0;
	to->attrs.blink = (from->style.attr & ATTR_BLINK) != 0;
	to->attrs.reverse = (from->style.attr & ATTR_REVERSE) != 0;
	to->attrs.strike = (from->style.attr & ATTR_STRIKE) != 0;
	to->attrs.font = from->style.attr & ATTR_DIM ? FILTER_FONT_DIM : 0;
	if (n == 0 && (from->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE | ATTR_STRIKE)) != 0)
		to->chars[0] = ' '; /* a written blank keeps its look, an erased one would not */
	colour_to(term, from->style.fg, false, &to->fg);
	colour_to(term, from->style.bg, true, &to->bg);
}
