/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - columns aligned by the width people see.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "tui/screen.h"

#define CELL_TEXT 400

struct cell_text {
	char *text;
	const char *sgr;
};

struct table {
	size_t columns, rows, at, room;
	const char *const *heads;
	struct cell_text *cells;
	bool broken; /* memory ran out */
};

struct table *table_new(const char *const *heads)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->heads = heads;
	while (heads[t->columns])
		t->columns++;
	return t;
}

void table_row(struct table *t)
{
	if (!t || t->broken)
		return;
	if (t->rows == t->room) {
		size_t room = t->room ? t->room * 2 : 32;
		struct cell_text *cells = reallocarray(t->cells, room * t->columns, sizeof(*cells));

		if (!cells) {
			t->broken = true;
			return;
		}
		t->cells = cells;
		t->room = room;
	}
	memset(t->cells + t->rows * t->columns, 0, t->columns * sizeof(*t->cells));
	t->rows++;
	t->at = 0;
}

void table_cell(struct table *t, const char *sgr, const char *format, ...)
{
	char text[CELL_TEXT], clean[CELL_TEXT];
	va_list args;

	if (!t || t->broken || t->rows == 0 || t->at == t->columns)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_clean(clean, sizeof(clean), text, strlen(text));
	struct cell_text *cell = &t->cells[(t->rows - 1) * t->columns + t->at++];
	cell->text = strdup(clean);
	cell->sgr = sgr;
	if (!cell->text)
		t->broken = true;
}

static bool is_right(const struct table *t, size_t column)
{
	return t->heads[column][0] == '>';
}

static const char *head(const struct table *t, size_t column)
{
	return t->heads[column] + is_right(t, column);
}

/* Cuts cleaned text to so many columns, on a character's border. */
static int cut(const char *text, int width, int *columns)
{
	size_t len = strlen(text), at = 0;
	int used = 0;

	while (at < len) {
		uint32_t ch;
		size_t n = text_decode(text + at, len - at, &ch);
		int w = char_width(ch);

		if (used + w > width)
			break;
		used += w;
		at += n;
	}
	*columns = used;
	return (int)at;
}

static void print_row(struct cli *cli, const struct table *t, FILE *to, const int *widths, size_t row, int fit)
{
	int used = 0;
	size_t columns_used = t->columns;

	/* No blanks behind the last text of a row. */
	while (columns_used > 0) {
		const char *text = row ? t->cells[(row - 1) * t->columns + columns_used - 1].text : head(t, columns_used - 1);

		if (text && *text)
			break;
		columns_used--;
	}
	for (size_t c = 0; c < columns_used; c++) {
		const struct cell_text *cell = row ? &t->cells[(row - 1) * t->columns + c] : NULL;
		const char *text = cell ? (cell->text ? cell->text : "") : head(t, c);
		const char *sgr = cell && cell->sgr ? cli_colour(cli, cell->sgr) : "";
		int columns = text_width(text), bytes = (int)strlen(text), pad = widths[c] - columns;
		bool is_last = c + 1 == columns_used;

		if (c + 1 == t->columns && fit > 0 && used + columns > fit)
			bytes = cut(text, fit > used ? fit - used : 0, &columns);
		if (is_right(t, c))
			fprintf(to, "%*s", pad, "");
		fprintf(to, "%s%.*s%s", sgr, bytes, text, *sgr ? "\033[0m" : "");
		if (!is_last)
			fprintf(to, "%*s", is_right(t, c) ? 2 : pad + 2, "");
		used += widths[c] + 2;
	}
	fputc('\n', to);
}

void table_print(struct cli *cli, struct table *t, FILE *to, bool heads, int fit)
{
	int *widths = t ? calloc(t->columns, sizeof(*widths)) : NULL;

	if (!t || t->broken || !widths) {
		cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
		goto out;
	}
	for (size_t c = 0; c < t->columns; c++) {
		widths[c] = heads ? text_width(head(t, c)) : 0;
		for (size_t r = 0; r < t->rows; r++) {
			const char *text = t->cells[r * t->columns + c].text;
			int w = text ? text_width(text) : 0;

			if (w > widths[c])
				widths[c] = w;
		}
	}
	for (size_t r = heads ? 0 : 1; r <= t->rows; r++)
		print_row(cli, t, to, widths, r, fit);
out:
	free(widths);
	table_free(t);
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}
