/* SPDX-License-Identifier: Apache-2.0
 *
 * painter.c - compares cells and writes what differs.
 */
#include "painter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colours.h"
#include "palette.h"
#include "theme.h"

#define OUT_MAX (8u * 1024u * 1024u)

static void out_bytes(struct painter *painter, const char *bytes, size_t len)
{
	if (painter->out_len + len > painter->out_cap) {
		size_t cap = painter->out_cap < 16384 ? 16384 : painter->out_cap;
		char *grown;
		while (cap < painter->out_len + len)
			cap *= 2;
		grown = cap > OUT_MAX ? NULL : realloc(painter->out, cap);
		if (grown == NULL) {
			painter->valid = false; /* the frame is torn: the next one is drawn whole */
			return;
		}
		painter->out = grown;
		painter->out_cap = cap;
	}
	memcpy(painter->out + painter->out_len, bytes, len);
	painter->out_len += len;
}

static void out_text(struct painter *painter, const char *text)
{
	out_bytes(painter, text, strlen(text));
}

static void out_char(struct painter *painter, uint32_t ch)
{
	char b[4];
	size_t n;
	if (ch < 0x80) {
		b[0] = (char)ch;
		n = 1;
	} else if (ch < 0x800) {
		b[0] = (char)(0xc0 | ch >> 6);
		b[1] = (char)(0x80 | (ch & 0x3f));
		n = 2;
	} else if (ch < 0x10000) {
		b[0] = (char)(0xe0 | ch >> 12);
		b[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[2] = (char)(0x80 | (ch & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | ch >> 18);
		b[1] = (char)(0x80 | (ch >> 12 & 0x3f));
		b[2] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[3] = (char)(0x80 | (ch & 0x3f));
		n = 4;
	}
	out_bytes(painter, b, n);
}

static void out_colour(struct painter *painter, int32_t colour, bool background)
{
	char text[32];
	int base = background ? 40 : 30;
	if (colour < 0)
		return;
	if (colour >= 0x1000000)
		snprintf(text, sizeof text, ";%d;2;%d;%d;%d", base + 8, (int)(colour >> 16 & 255),
		         (int)(colour >> 8 & 255), (int)(colour & 255));
	else if (colour < 8)
		snprintf(text, sizeof text, ";%d", base + (int)colour);
	else if (colour < 16)
		snprintf(text, sizeof text, ";%d", base + 60 + (int)colour - 8);
	else
		snprintf(text, sizeof text, ";%d;5;%d", base + 8, (int)colour);
	out_text(painter, text);
}

static void set_pen(struct painter *painter, const struct style *wanted)
{
	static const struct {
		uint16_t attr;
		char code[3];
	} codes[] = { { ATTR_BOLD, ";1" },      { ATTR_DIM, ";2" },   { ATTR_ITALIC, ";3" },
		      { ATTR_UNDERLINE, ";4" }, { ATTR_BLINK, ";5" }, { ATTR_REVERSE, ";7" },
		      { ATTR_STRIKE, ";9" } };
	struct style style = *wanted;
	size_t i;

	palette_apply(painter->palette, painter->colours, &style);
	/* Bright colours of a terminal that has eight: bold stands for them. */
	if (painter->colours == 8 && style.fg >= 8 && style.fg < 16)
		style.attr |= ATTR_BOLD;
	style.fg = colour_for(painter->colours, style.fg);
	style.bg = colour_for(painter->colours, style.bg);
	if (painter->pen_known && style_same(&style, &painter->pen))
		return;
	out_text(painter, "\033[0");
	for (i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (style.attr & codes[i].attr)
			out_bytes(painter, codes[i].code, 2);
	}
	out_colour(painter, style.fg, false);
	out_colour(painter, style.bg, true);
	out_text(painter, "m");
	painter->pen = style;
	painter->pen_known = true;
}

static void go(struct painter *painter, int row, int col)
{
	char text[32];
	if (painter->at_row == row && painter->at_col == col)
		return;
	if (painter->at_row == row && painter->at_col >= 0 && col > painter->at_col && col - painter->at_col < 10)
		snprintf(text, sizeof text, "\033[%dC", col - painter->at_col);
	else
		snprintf(text, sizeof text, "\033[%d;%dH", row + 1, col + 1);
	out_text(painter, text);
	painter->at_row = row;
	painter->at_col = col;
}

/* Characters whose width every terminal agrees on. After any other the cursor
 * is placed anew instead of being believed. */
static bool trusted(const struct cell *cell)
{
	uint32_t ch = cell->ch[0];
	return cell->width == 1 && cell->ch[1] == 0 &&
	       (ch < 0x300 || (ch >= 0x2010 && ch <= 0x2027) || (ch >= 0x2190 && ch <= 0x23cf) ||
	        (ch >= 0x2500 && ch <= 0x25fc) || (ch >= 0x2800 && ch <= 0x28ff));
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	int i;
	if (a->ch[0] != b->ch[0] || a->width != b->width || !style_same(&a->style, &b->style))
		return false;
	for (i = 1; i < CELL_CHARS && (a->ch[i] != 0 || b->ch[i] != 0); i++) {
		if (a->ch[i] != b->ch[i])
			return false;
	}
	return true;
}

static void show_cell(struct painter *painter, int row, int col, const struct cell *cell)
{
	int i;
	go(painter, row, col);
	set_pen(painter, &cell->style);
	for (i = 0; i < CELL_CHARS && cell->ch[i] != 0; i++)
		out_char(painter, cell->ch[i]);
	painter->at_col = trusted(cell) ? col + cell->width : -1;
}

static bool plain_blank(const struct cell *cell)
{
	return cell->ch[0] == ' ' && cell->ch[1] == 0 && cell->style.bg < 0 && cell->style.fg != COLOUR_TONE(TONE_WARN) &&
	       (cell->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE | ATTR_STRIKE)) == 0;
}

static void show_row(struct painter *painter, const struct screen *screen, int row)
{
	static const struct style none = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	struct cell *shown = painter->shown + (size_t)row * (size_t)painter->cols;
	int col, end = painter->cols, changed = 0;

	while (end > 0 && plain_blank(screen_at(screen, row, end - 1)))
		end--;
	for (col = end; col < painter->cols; col++)
		changed += !painter->valid || !same_cell(&shown[col], screen_at(screen, row, col));
	for (col = 0; col < painter->cols; col++) {
		const struct cell *cell = screen_at(screen, row, col);
		if (col == end && changed > 4) {
			go(painter, row, col);
			set_pen(painter, &none);
			out_text(painter, "\033[K");
			break;
		}
		if (cell->width == 0)
			continue;
		if (painter->valid && same_cell(&shown[col], cell) &&
		    (cell->width == 1 || same_cell(&shown[col + 1], cell + 1)))
			continue;
		show_cell(painter, row, col, cell);
	}
	for (col = 0; col < painter->cols; col++)
		shown[col] = *screen_at(screen, row, col);
}

static bool fit(struct painter *painter, int rows, int cols)
{
	struct cell *cells;
	if (painter->shown != NULL && rows == painter->rows && cols == painter->cols)
		return true;
	cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
	if (cells == NULL)
		return false;
	free(painter->shown);
	painter->shown = cells;
	painter->rows = rows;
	painter->cols = cols;
	painter->valid = false;
	return true;
}

void painter_present(struct painter *painter, const struct screen *screen)
{
	int row, cursor_row, cursor_col;
	bool whole;

	if (!fit(painter, screen_rows(screen), screen_cols(screen)))
		return;
	whole = !painter->valid;
	screen_get_cursor(screen, &cursor_row, &cursor_col);
	if (whole) {
		/* Cells are compared against nothing: all are written, so that a
		 * terminal that was scribbled on is repaired without a flash. */
		out_text(painter, "\033[?25l\033[0m");
		painter->cursor_row = -1;
		painter->pen_known = false;
		painter->at_row = -1;
	}
	for (row = 0; row < painter->rows; row++)
		show_row(painter, screen, row);
	painter->valid = true;
	if (painter->out_len > 0 && painter->cursor_row >= 0 && !whole) {
		/* The cursor was visible while we wrote: that is fine for a key's echo,
		 * the frame arrives in one piece. */
		painter->cursor_col = -1;
	}
	if (cursor_row < 0) {
		if (painter->cursor_row >= 0)
			out_text(painter, "\033[?25l");
	} else if (painter->cursor_row != cursor_row || painter->cursor_col != cursor_col) {
		painter->at_row = -1;
		go(painter, cursor_row, cursor_col);
		if (painter->cursor_row < 0)
			out_text(painter, "\033[?25h");
	}
	painter->cursor_row = cursor_row;
	painter->cursor_col = cursor_col;
}

void painter_append(struct painter *painter, const char *bytes, size_t len)
{
	out_bytes(painter, bytes, len);
}

void painter_free(struct painter *painter)
{
	free(painter->shown);
	free(painter->out);
}
