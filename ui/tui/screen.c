/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.c - the grid of cells in memory.
 */
#include "screen.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "hot.h"

#define SCREEN_MAX 4096 /* rows or columns; also bounds every product below */

struct screen {
	int rows, cols;
	int cursor_row, cursor_col;
	bool ascii;
	struct cell *cells;
	int seek_row, seek_col; /* row < 0: nothing is looked for */
	struct hot found;
};

static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };

/* One character of UTF-8; anything malformed, overlong or a surrogate is taken
 * byte by byte as '?', so that reading can never run past the NUL. */
static uint32_t next_char(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	uint32_t ch;
	int more, i;

	if (p[0] < 0x80) {
		*text += 1;
		return p[0];
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		ch = p[0] & 0x1f;
		more = 1;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		ch = p[0] & 0x0f;
		more = 2;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		ch = p[0] & 0x07;
		more = 3;
	} else {
		*text += 1;
		return '?';
	}
	for (i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*text += 1;
			return '?';
		}
		ch = ch << 6 | (p[i] & 0x3f);
	}
	if ((more == 2 && ch < 0x800) || (more == 3 && (ch < 0x10000 || ch > 0x10ffff)) ||
	    (ch >= 0xd800 && ch <= 0xdfff)) {
		*text += 1;
		return '?';
	}
	*text += more + 1;
	return ch;
}

/* What may reach a terminal. Control characters could move things; so could
 * the invisible format characters, above all those that turn the direction of
 * writing, which make a name read as another one. */
static uint32_t harmless(uint32_t ch)
{
	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		return '?';
	if (ch == 0xad || ch == 0x61c || ch == 0x180e || (ch >= 0x200b && ch <= 0x200f && ch != 0x200d) ||
	    (ch >= 0x2028 && ch <= 0x202e) || (ch >= 0x2060 && ch <= 0x206f) || ch == 0xfeff ||
	    (ch >= 0xfff0 && ch <= 0xfffb) || (ch >= 0xe0000 && ch <= 0xe0fff))
		return '?';
	return ch;
}

/* The next character as it will be shown, with its width. */
static uint32_t next_shown(const char **text, int *width)
{
	uint32_t ch = harmless(next_char(text));
	*width = char_width(ch);
	return ch;
}

int text_width(const char *text)
{
	int total = 0, width;
	while (*text != '\0') {
		next_shown(&text, &width);
		total += width;
	}
	return total;
}

static void blank(struct cell *cell, struct style style)
{
	memset(cell, 0, sizeof *cell);
	cell->ch[0] = ' ';
	cell->width = 1;
	cell->style = style;
}

static int clamp_size(int n)
{
	return n < 1 ? 1 : n > SCREEN_MAX ? SCREEN_MAX : n;
}

struct screen *screen_new(int rows, int cols)
{
	struct screen *screen = calloc(1, sizeof *screen);
	if (screen != NULL)
		screen->seek_row = -1;
	if (screen == NULL || !screen_resize(screen, rows, cols)) {
		free(screen);
		return NULL;
	}
	return screen;
}

void screen_free(struct screen *screen)
{
	if (screen == NULL)
		return;
	free(screen->cells);
	free(screen);
}

bool screen_resize(struct screen *screen, int rows, int cols)
{
	struct cell *cells;
	rows = clamp_size(rows);
	cols = clamp_size(cols);
	cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
	if (cells == NULL)
		return false;
	free(screen->cells);
	screen->cells = cells;
	screen->rows = rows;
	screen->cols = cols;
	screen_clear(screen);
	return true;
}

void screen_clear(struct screen *screen)
{
	size_t i, n = (size_t)screen->rows * (size_t)screen->cols;
	for (i = 0; i < n; i++)
		blank(&screen->cells[i], plain);
	screen->cursor_row = -1;
	screen->cursor_col = -1;
}

int screen_rows(const struct screen *screen)
{
	return screen->rows;
}

int screen_cols(const struct screen *screen)
{
	return screen->cols;
}

static struct cell *cell_at(const struct screen *screen, int row, int col)
{
	return &screen->cells[(size_t)row * (size_t)screen->cols + (size_t)col];
}

static bool inside(const struct screen *screen, int row, int col)
{
	return row >= 0 && row < screen->rows && col >= 0 && col < screen->cols;
}

/* Before a cell is overwritten: the other half of a wide character that it
 * cuts becomes a blank. */
static void cut(struct screen *screen, int row, int col)
{
	struct cell *cell = cell_at(screen, row, col);
	if (cell->width == 0 && col > 0)
		blank(cell_at(screen, row, col - 1), cell_at(screen, row, col - 1)->style);
	if (cell->width == 2 && col + 1 < screen->cols)
		blank(cell_at(screen, row, col + 1), cell_at(screen, row, col + 1)->style);
}

static void place(struct screen *screen, int row, int col, uint32_t ch, int width, struct style style)
{
	struct cell *cell;
	cut(screen, row, col);
	if (width == 2)
		cut(screen, row, col + 1);
	cell = cell_at(screen, row, col);
	blank(cell, style);
	cell->ch[0] = ch;
	cell->width = (uint8_t)width;
	if (width == 2) {
		cell = cell_at(screen, row, col + 1);
		blank(cell, style);
		cell->ch[0] = 0;
		cell->width = 0;
	}
}

static void combine(struct screen *screen, int row, int col, uint32_t ch)
{
	struct cell *cell;
	int i;
	if (!inside(screen, row, col))
		return;
	cell = cell_at(screen, row, col);
	if (cell->width == 0 && col > 0)
		cell = cell_at(screen, row, col - 1);
	for (i = 1; i < CELL_CHARS; i++) {
		if (cell->ch[i] == 0) {
			cell->ch[i] = ch;
			return;
		}
	}
}

int screen_put(struct screen *screen, int row, int col, int width, struct style style, const char *text)
{
	int used = 0, w;
	if (row < 0 || row >= screen->rows)
		return 0;
	while (*text != '\0') {
		uint32_t ch = next_shown(&text, &w);
		if (screen->ascii && ch > 0x7e) {
			if (w == 0)
				continue;
			ch = char_ascii(ch);
			w = 1;
		}
		if (w == 0) {
			if (used > 0)
				combine(screen, row, col + used - 1, ch);
			continue;
		}
		if (used + w > width || col + used + w > screen->cols)
			break;
		if (col + used >= 0)
			place(screen, row, col + used, ch, w, style);
		used += w;
	}
	return used;
}

void screen_field(struct screen *screen, int row, int col, int width, struct style style, const char *text)
{
	int field = width < 0 ? -width : width;
	int need = text_width(text), used;

	if (field == 0)
		return;
	screen_fill(screen, row, col, 1, field, style);
	if (need <= field) {
		screen_put(screen, row, width < 0 ? col + field - need : col, need, style, text);
		return;
	}
	used = screen_put(screen, row, col, field - 1, style, text);
	screen_put(screen, row, col + used, 1, style, screen->ascii ? "~" : "…");
}

void screen_fill(struct screen *screen, int row, int col, int rows, int cols, struct style style)
{
	int r, c, last_row, last_col;
	if (rows <= 0 || cols <= 0)
		return;
	last_row = rows > screen->rows - row ? screen->rows : row + rows;
	last_col = cols > screen->cols - col ? screen->cols : col + cols;
	for (r = row < 0 ? 0 : row; r < last_row; r++) {
		for (c = col < 0 ? 0 : col; c < last_col; c++) {
			cut(screen, r, c);
			blank(cell_at(screen, r, c), style);
		}
	}
}

void screen_set(struct screen *screen, int row, int col, const struct cell *cell)
{
	uint32_t ch;
	int i, width = cell->width == 2 ? 2 : 1;

	if (!inside(screen, row, col))
		return;
	if (cell->width == 0 && cell->ch[0] == 0) {
		/* A right half: placed together with its left one. */
		if (cell_at(screen, row, col)->width != 0)
			place(screen, row, col, ' ', 1, cell->style);
		return;
	}
	ch = cell->ch[0] == 0 ? ' ' : harmless(cell->ch[0]);
	if (screen->ascii && ch > 0x7e) {
		place(screen, row, col, char_ascii(ch), 1, cell->style);
		if (width == 2 && col + 1 < screen->cols)
			place(screen, row, col + 1, ' ', 1, cell->style);
		return;
	}
	/* The sender's idea of the width may not be ours: then the cells it
	 * claims are kept and the character gives way. */
	if (char_width(ch) != width || (width == 2 && col + 1 >= screen->cols)) {
		place(screen, row, col, char_width(ch) == 1 ? ch : '?', 1, cell->style);
		if (width == 2 && col + 1 < screen->cols)
			place(screen, row, col + 1, ' ', 1, cell->style);
		return;
	}
	place(screen, row, col, ch, width, cell->style);
	for (i = 1; i < CELL_CHARS && cell->ch[i] != 0 && !screen->ascii; i++) {
		if (char_width(harmless(cell->ch[i])) == 0)
			combine(screen, row, col, cell->ch[i]);
	}
}

const struct cell *screen_at(const struct screen *screen, int row, int col)
{
	return inside(screen, row, col) ? cell_at(screen, row, col) : NULL;
}

void screen_restyle(struct screen *screen, int row, int col, int cols, uint16_t attr_on, uint16_t attr_off)
{
	int c;
	for (c = col; c < col + cols; c++) {
		if (inside(screen, row, c)) {
			struct style *style = &cell_at(screen, row, c)->style;
			style->attr = (uint16_t)((style->attr & ~attr_off) | attr_on);
		}
	}
}

void screen_uncolour(struct screen *screen, int row, int col, int cols)
{
	int c;
	for (c = col; c < col + cols; c++) {
		if (inside(screen, row, c)) {
			cell_at(screen, row, c)->style.fg = COLOUR_DEFAULT;
			cell_at(screen, row, c)->style.bg = COLOUR_DEFAULT;
		}
	}
}

void screen_cursor(struct screen *screen, int row, int col)
{
	bool ok = inside(screen, row, col);
	screen->cursor_row = ok ? row : -1;
	screen->cursor_col = ok ? col : -1;
}

void screen_get_cursor(const struct screen *screen, int *row, int *col)
{
	*row = screen->cursor_row;
	*col = screen->cursor_col;
}

void screen_set_ascii(struct screen *screen, bool ascii)
{
	screen->ascii = ascii;
}

bool screen_ascii(const struct screen *screen)
{
	return screen->ascii;
}

char *screen_text(const struct screen *screen)
{
	size_t cap = (size_t)screen->rows * ((size_t)screen->cols * CELL_CHARS * 4 + 1) + 1;
	char *text = malloc(cap), *shrunk;
	size_t len = 0;
	int row, col, i;

	if (text == NULL)
		return NULL;
	for (row = 0; row < screen->rows; row++) {
		size_t end = len;
		for (col = 0; col < screen->cols; col++) {
			const struct cell *cell = cell_at(screen, row, col);
			if (cell->width == 0)
				continue;
			for (i = 0; i < CELL_CHARS && cell->ch[i] != 0; i++)
				len += text_encode(text + len, cell->ch[i]);
			if (cell->ch[0] != ' ' || cell->ch[1] != 0)
				end = len;
		}
		len = end;
		text[len++] = '\n';
	}
	text[len] = '\0';
	shrunk = realloc(text, len + 1);
	return shrunk != NULL ? shrunk : text;
}

/* ------------------------------------------------------------------ clicks */

void screen_hot(struct screen *screen, int row, int col, int cols, enum hot_kind kind, int value)
{
	if (row != screen->seek_row || screen->seek_col < col || screen->seek_col >= col + cols)
		return;
	screen->found = (struct hot){ kind, value, screen->seek_col - col, cols };
}

void screen_hot_box(struct screen *screen, int row, int col, int rows, int cols)
{
	if (screen->seek_row >= row && screen->seek_row < row + rows)
		screen_hot(screen, screen->seek_row, col, cols, HOT_INSIDE, 0);
}

void screen_seek(struct screen *screen, int row, int col)
{
	screen->seek_row = row;
	screen->seek_col = col;
	screen->found = (struct hot){ HOT_NONE, 0, 0, 0 };
}

bool screen_seeking(const struct screen *screen)
{
	return screen->seek_row >= 0;
}

struct hot screen_found(const struct screen *screen)
{
	return screen->found;
}
