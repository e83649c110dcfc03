/* SPDX-License-Identifier: Apache-2.0
 *
 * term_history.c - a ring of packed lines with a ceiling.
 */
#include "term_history.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

struct span {
	struct style style;
	uint16_t cells; /* characters, not columns */
};

/* spans, then the text, in one block */
struct line {
	uint32_t text_len;
	uint16_t span_count;
	struct span spans[];
};

struct history {
	struct line **ring;
	size_t capacity; /* of the ring as it is; grows up to max_lines */
	size_t start, count;
	size_t max_lines, max_bytes, bytes;
	int64_t first;
	/* one line being packed, grown to the widest so far */
	struct span *spans;
	char *text;
	size_t work_cols;
};

static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };

struct history *history_new(size_t lines, size_t bytes)
{
	struct history *history = calloc(1, sizeof(*history));
	if (history == NULL)
		return NULL;
	history->max_lines = lines;
	history->max_bytes = bytes;
	return history;
}

static size_t line_size(const struct line *line)
{
	return sizeof(*line) + line->span_count * sizeof(line->spans[0]) + line->text_len;
}

static char *line_text(struct line *line)
{
	return (char *)(line->spans + line->span_count);
}

/* The place of the i-th line, i <= capacity. */
static size_t slot(const struct history *history, size_t i)
{
	size_t at_slot = history->start + i;
	return at_slot >= history->capacity ? at_slot - history->capacity : at_slot;
}

static struct line *at(const struct history *history, size_t i)
{
	return history->ring[slot(history, i)];
}

static void drop_oldest(struct history *history)
{
	struct line *line = history->ring[history->start];
	if (line != NULL)
		history->bytes -= line_size(line);
	free(line);
	history->ring[history->start] = NULL;
	history->start = slot(history, 1);
	history->count--;
	history->first++;
}

void history_clear(struct history *history)
{
	while (history->count > 0)
		drop_oldest(history);
}

void history_free(struct history *history)
{
	if (history == NULL)
		return;
	history_clear(history);
	free(history->ring);
	free(history->spans);
	free(history->text);
	free(history);
}

static bool reserve_work(struct history *history, size_t cols)
{
	struct span *spans;
	char *text;
	if (cols <= history->work_cols)
		return true;
	spans = realloc(history->spans, cols * sizeof(*spans));
	if (spans != NULL)
		history->spans = spans;
	text = realloc(history->text, cols * CELL_CHARS * 4);
	if (text != NULL)
		history->text = text;
	if (spans == NULL || text == NULL)
		return false;
	history->work_cols = cols;
	return true;
}

static struct line *pack(struct history *history, const struct cell *cells, int cols)
{
	struct line *line;
	size_t spans = 0, len = 0;
	int col, i;

	while (cols > 0 && cells[cols - 1].ch[0] == ' ' && cells[cols - 1].ch[1] == 0 &&
	       style_same(&cells[cols - 1].style, &plain))
		cols--;
	if (cols > UINT16_MAX || !reserve_work(history, (size_t)cols))
		return NULL;
	for (col = 0; col < cols; col++) {
		const struct cell *cell = &cells[col];
		if (cell->width == 0)
			continue;
		if (spans == 0 || !style_same(&history->spans[spans - 1].style, &cell->style))
			history->spans[spans++] = (struct span){ cell->style, 0 };
		history->spans[spans - 1].cells++;
		for (i = 0; i < CELL_CHARS && cell->ch[i] != 0; i++)
			len += text_encode(history->text + len, cell->ch[i]);
	}
	line = malloc(sizeof(*line) + spans * sizeof(line->spans[0]) + len);
	if (line == NULL)
		return NULL;
	line->text_len = (uint32_t)len;
	line->span_count = (uint16_t)spans;
	if (spans > 0)
		memcpy(line->spans, history->spans, spans * sizeof(line->spans[0]));
	if (len > 0)
		memcpy(line_text(line), history->text, len);
	return line;
}

static bool grow(struct history *history)
{
	size_t capacity = history->capacity ? history->capacity * 2 : 64, i;
	struct line **ring;

	if (capacity > history->max_lines)
		capacity = history->max_lines;
	ring = calloc(capacity, sizeof(struct line *));
	if (ring == NULL)
		return false;
	for (i = 0; i < history->count; i++)
		ring[i] = at(history, i);
	free(history->ring);
	history->ring = ring;
	history->capacity = capacity;
	history->start = 0;
	return true;
}

void history_push(struct history *history, const struct cell *cells, int cols)
{
	struct line *line;
	bool room;

	if (history->max_lines == 0) {
		history->first++;
		return;
	}
	line = pack(history, cells, cols);
	room = history->count < history->capacity ||
	       (history->capacity < history->max_lines && grow(history));
	if (line == NULL || (!room && history->count == 0)) {
		free(line);
		/* Keeps the numbers of all other lines right: what stays is one
		 * unbroken sequence that ends at the screen's top line. */
		history_clear(history);
		history->first++;
		return;
	}
	if (!room)
		drop_oldest(history);
	history->ring[slot(history, history->count)] = line;
	history->count++;
	history->bytes += line_size(line);
	while (history->bytes > history->max_bytes)
		drop_oldest(history);
}

static void blank(struct cell *cell)
{
	memset(cell, 0, sizeof(*cell));
	cell->ch[0] = ' ';
	cell->width = 1;
	cell->style = plain;
}

static void unpack(const struct line *packed, const char *text, struct cell *cells, int cols)
{
	size_t span = 0, used = 0, at_byte = 0;
	int col = 0, marks = 0, last = -1;

	for (int i = 0; i < cols; i++)
		blank(&cells[i]);
	while (at_byte < packed->text_len) {
		uint32_t ch;
		int width;
		at_byte += text_decode(text + at_byte, packed->text_len - at_byte, &ch);
		width = char_width(ch);
		if (width == 0) {
			if (last >= 0 && marks + 1 < CELL_CHARS)
				cells[last].ch[++marks] = ch;
			continue;
		}
		while (span < packed->span_count && used >= packed->spans[span].cells) {
			span++;
			used = 0;
		}
		if (span == packed->span_count || col + width > cols)
			break;
		cells[col].ch[0] = ch;
		cells[col].width = (uint8_t)width;
		cells[col].style = packed->spans[span].style;
		if (width == 2) {
			cells[col + 1].ch[0] = 0;
			cells[col + 1].width = 0;
			cells[col + 1].style = packed->spans[span].style;
		}
		last = col;
		marks = 0;
		col += width;
		used++;
	}
}

bool history_pop(struct history *history, struct cell *cells, int cols)
{
	struct line *line;
	if (history->count == 0)
		return false;
	line = at(history, history->count - 1);
	unpack(line, line_text(line), cells, cols);
	history->bytes -= line_size(line);
	free(line);
	history->count--;
	history->ring[slot(history, history->count)] = NULL;
	return true;
}

size_t history_count(const struct history *history)
{
	return history->count;
}

int64_t history_first(const struct history *history)
{
	return history->first;
}

void history_get(const struct history *history, size_t i, struct cell *cells, int cols)
{
	struct line *line = at(history, i);
	unpack(line, line_text(line), cells, cols);
}

const char *history_text(const struct history *history, size_t i, size_t *len)
{
	struct line *line = at(history, i);
	*len = line->text_len;
	return line_text(line);
}
