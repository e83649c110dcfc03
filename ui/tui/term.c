/* SPDX-License-Identifier: Apache-2.0
 *
 * term.c - the terminal emulator over libvterm (0.1.4 and later).
 *
 * A guest's bytes go through term_filter.h, which passes on only sequences it
 * has rebuilt; what leaves the top of the screen goes to term_history.c. What
 * is left here is the emulator's screen and its answers.
 */
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/text.h"
#include "term_private.h"

/* ---- bytes for the guest */

bool term_reserve(struct term *term, size_t len)
{
	size_t have = term->out_end - term->out_start, cap = term->out_cap ? term->out_cap : 256;
	char *grown;

	if (term->out_start > 0 && (have == 0 || len > term->out_cap - term->out_end)) {
		memmove(term->out, term->out + term->out_start, have);
		term->out_start = 0;
		term->out_end = have;
	}
	if (len > OUTPUT_MAX || have > OUTPUT_MAX - len)
		return false;
	if (have + len <= term->out_cap)
		return true;
	while (cap < have + len)
		cap *= 2;
	grown = realloc(term->out, cap);
	if (grown == NULL)
		return false;
	term->out = grown;
	term->out_cap = cap;
	return true;
}

void term_put(struct term *term, const char *bytes, size_t len)
{
	if (len == 0 || !term_reserve(term, len))
		return;
	memcpy(term->out + term->out_end, bytes, len);
	term->out_end += len;
}

/* libvterm gives every answer whole, in one call. */
static void on_output(const char *bytes, size_t len, void *user)
{
	struct term *term = user;
	if (term->feeding) {
		if (len > ANSWERS_MAX - term->answers)
			return;
		term->answers += len;
	}
	term_put(term, bytes, len);
}

size_t term_output(struct term *term, void *buf, size_t cap)
{
	size_t len = term->out_end - term->out_start;
	if (len > cap)
		len = cap;
	if (len > 0)
		memcpy(buf, term->out + term->out_start, len);
	term->out_start += len;
	if (term->out_start == term->out_end) {
		term->out_start = term->out_end = 0;
		term->answers = 0;
		if (term->out_cap > 65536) { /* after a large paste */
			free(term->out);
			term->out = NULL;
			term->out_cap = 0;
		}
	}
	return len;
}

#define CLIP_MAX 87384U /* base64 of 64 KiB */

/* ---- what libvterm calls */

static int on_damage(VTermRect rect, void *user)
{
	struct term *term = user;
	(void)rect;
	term->damage = true;
	return 1;
}

static int on_moverect(VTermRect to, VTermRect from, void *user)
{
	(void)from;
	return on_damage(to, user);
}

static int on_movecursor(VTermPos to, VTermPos from, int visible, void *user)
{
	struct term *term = user;
	(void)to;
	(void)from;
	(void)visible;
	term->damage = true;
	return 1;
}

static int on_termprop(VTermProp prop, VTermValue *value, void *user)
{
	struct term *term = user;
	switch (prop) {
	case VTERM_PROP_CURSORVISIBLE:
		term->cursor_visible = value->boolean;
		break;
	case VTERM_PROP_ALTSCREEN:
		term->alternate = value->boolean;
		break;
	case VTERM_PROP_REVERSE:
		term->reverse = value->boolean;
		break;
	case VTERM_PROP_MOUSE:
		term->mouse = value->number;
		break;
	default:
		return 1;
	}
	term->damage = true;
	return 1;
}

static int on_pushline(int cols, const VTermScreenCell *cells, void *user)
{
	struct term *term = user;
	if (cols > SIZE_MAX_)
		return 0;
	term_row_from(term, cells, term->line, cols);
	history_push(term->history, term->line, cols);
	return 1;
}

static int on_popline(int cols, VTermScreenCell *cells, void *user)
{
	struct term *term = user;
	if (cols > SIZE_MAX_ || !history_pop(term->history, term->line, cols))
		return 0;
	for (int col = 0; col < cols; col++)
		term_cell_to(term, &term->line[col], &cells[col]);
	return 1;
}

static const VTermScreenCallbacks screen_callbacks = {
	.damage = on_damage,
	.moverect = on_moverect,
	.movecursor = on_movecursor,
	.settermprop = on_termprop,
	.sb_pushline = on_pushline,
	.sb_popline = on_popline,
};

/* ---- what the filter calls */

static void pass(void *user, const char *bytes, size_t len)
{
	struct term *term = user;
	vterm_input_write(term->vt, bytes, len);
}

static void set_title(void *user, const char *bytes, size_t len)
{
	struct term *term = user;
	text_clean(term->title, sizeof(term->title), bytes, len);
	term->damage = true;
}

static void clear_history(void *user)
{
	struct term *term = user;
	history_clear(term->history);
	term->damage = true;
}

/* A query ("?") gets no answer: what the clipboard holds is none of a guest's business. */
static void set_clipboard(void *user, const char *bytes, size_t len)
{
	struct term *term = user;
	char *plain;
	size_t n, at, out = 0;

	if (!term->clipboard_allowed)
		return;
	if (bytes != NULL) {
		if (term->clip == NULL)
			term->clip = malloc(CLIP_MAX);
		if (term->clip == NULL || term->clip_len + len > CLIP_MAX) {
			term->clip_len = CLIP_MAX + 1; /* too much: none of it */
			return;
		}
		memcpy(term->clip + term->clip_len, bytes, len);
		term->clip_len += len;
		return;
	}
	plain = term->clip != NULL && term->clip_len <= CLIP_MAX && len > 0 ? malloc(term->clip_len / 4 * 3 + 4) : NULL;
	if (plain != NULL && base64_decode(term->clip, term->clip_len, plain, &n)) {
		/* Whoever pastes it must not run what cannot be seen. */
		for (at = 0; at < n;) {
			uint32_t ch;
			size_t step = text_decode(plain + at, n - at, &ch);
			if (ch == '\n' || ch == '\t' || (ch != TEXT_BAD && !text_unsafe(ch))) {
				memmove(plain + out, plain + at, step);
				out += step;
			}
			at += step;
		}
		free(term->clipboard);
		term->clipboard = plain;
		term->clipboard_len = out;
		plain = NULL;
	}
	free(plain);
	free(term->clip);
	term->clip = NULL;
	term->clip_len = 0;
}

void term_allow_clipboard(struct term *term, bool allowed)
{
	term->clipboard_allowed = allowed;
	if (!allowed) { /* half of one, too */
		free(term->clip);
		term->clip = NULL;
		term->clip_len = 0;
	}
}

char *term_take_clipboard(struct term *term, size_t *len)
{
	char *text = term->clipboard;
	*len = term->clipboard_len;
	term->clipboard = NULL;
	term->clipboard_len = 0;
	return text;
}

static const struct filter_ops filter_callbacks = { pass, set_title, clear_history, set_clipboard };

/* ---- life */

static int bounded(int n)
{
	return n < SIZE_MIN ? SIZE_MIN : n > SIZE_MAX_ ? SIZE_MAX_ : n;
}

struct term *term_new(int rows, int cols, size_t scrollback_lines)
{
	struct term *term = calloc(1, sizeof(*term));
	if (term == NULL)
		return NULL;
	term->rows = bounded(rows);
	term->cols = bounded(cols);
	term->cursor_visible = true;
	filter_init(&term->filter);
	term->line = calloc(SIZE_MAX_ + 1, sizeof(*term->line));
	term->history = history_new(scrollback_lines > HISTORY_LINES ? HISTORY_LINES : scrollback_lines, HISTORY_BYTES);
	term->vt = vterm_new(term->rows, term->cols);
	if (term->line == NULL || term->history == NULL || term->vt == NULL) {
		term_free(term);
		return NULL;
	}
	vterm_set_utf8(term->vt, 1);
	vterm_output_set_callback(term->vt, on_output, term);
	term->state = vterm_obtain_state(term->vt);
	term->screen = vterm_obtain_screen(term->vt);
	vterm_screen_set_callbacks(term->screen, &screen_callbacks, term);
	vterm_screen_enable_altscreen(term->screen, 1);
	vterm_screen_set_damage_merge(term->screen, VTERM_DAMAGE_SCROLL);
	vterm_screen_reset(term->screen, 1);
	vterm_input_write(term->vt, "\0337", 2); /* so that a restore without a save is harmless */
	term->damage = true;
	return term;
}

void term_free(struct term *term)
{
	if (term == NULL)
		return;
	if (term->vt != NULL)
		vterm_free(term->vt);
	history_free(term->history);
	free(term->line);
	free(term->out);
	free(term->clip);
	free(term->clipboard);
	free(term);
}

void term_resize(struct term *term, int rows, int cols)
{
	VTermPos cursor;
	rows = bounded(rows);
	cols = bounded(cols);
	if (rows == term->rows && cols == term->cols)
		return;
	if (rows != term->rows) {
		/* The scrolling region may end up outside the screen. Dropping it is
		 * what other terminals do, but it must not move the cursor. */
		char home[48];
		int n;
		vterm_state_get_cursorpos(term->state, &cursor);
		n = snprintf(home, sizeof(home), "\033[r\033[%d;%dH", cursor.row + 1, cursor.col + 1);
		vterm_input_write(term->vt, home, (size_t)n);
	}
	term->rows = rows;
	term->cols = cols;
	vterm_set_size(term->vt, rows, cols);
	/* 0.1.4 can leave the cursor above the first row; TBC 1 does nothing but check it. */
	vterm_input_write(term->vt, "\033[1g", 4);
	vterm_screen_flush_damage(term->screen);
	term->damage = true;
}

void term_settle(struct term *term)
{
	/* CAN ends a sequence that was cut in two; then as the filter would have it from a guest. */
	static const char leave[] = "\030\033\\\033[?1049l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1004l\033[!p\033[?7h\r\n\033[J";
	term_feed(term, leave, sizeof leave - 1);
}

void term_feed(struct term *term, const void *bytes, size_t len)
{
	term->feeding = true;
	filter_feed(&term->filter, &filter_callbacks, term, bytes, len, term->cols);
	vterm_screen_flush_damage(term->screen);
	term->feeding = false;
}

bool term_take_damage(struct term *term)
{
	bool damage = term->damage;
	term->damage = false;
	return damage;
}

int term_scrollback(const struct term *term)
{
	return (int)history_count(term->history);
}

bool term_alternate(const struct term *term)
{
	return term->alternate;
}

const char *term_title(const struct term *term)
{
	return term->title;
}

/* ---- lines by number, drawing, searching */

int64_t term_first_line(const struct term *term)
{
	return history_first(term->history);
}

int64_t term_end_line(const struct term *term)
{
	return history_first(term->history) + (int64_t)history_count(term->history) + term->rows;
}

static void line_cells(const struct term *term, int64_t number, struct cell *cells)
{
	int64_t i = number - history_first(term->history), kept = (int64_t)history_count(term->history);
	if (i < kept)
		history_get(term->history, (size_t)i, cells, term->cols);
	else
		term_live_row(term, (int)(i - kept), cells);
}

size_t term_text(const struct term *term, int64_t line, int first, int last, char *out, size_t cap)
{
	struct cell *cells = term->line;
	size_t used = 0, end = 0;

	if (line < term_first_line(term) || line >= term_end_line(term) || first < 0)
		return 0;
	line_cells(term, line, cells);
	for (int col = first; col <= last && col < term->cols; col++) {
		if (cells[col].width == 0)
			continue;
		for (int i = 0; i < CELL_CHARS && cells[col].ch[i] != 0; i++) {
			if (used + 4 > cap)
				return end;
			used += text_encode(out + used, cells[col].ch[i]);
		}
		if (cells[col].ch[0] != ' ' || cells[col].ch[1] != 0)
			end = used;
	}
	return end;
}

int64_t term_find_line(const struct term *term, const char *needle, int64_t from, int dir)
{
	struct needle wanted;
	int64_t first = term_first_line(term), end = term_end_line(term), number, found = -1;
	int64_t kept_end = end - term->rows;
	struct cell *cells;

	needle_read(&wanted, needle);
	if (wanted.len == 0)
		return -1;
	cells = malloc(((size_t)term->cols + 1) * sizeof(*cells));
	if (cells == NULL)
		return -1;
	if (from < first)
		from = dir < 0 ? first - 1 : first;
	if (from >= end)
		from = dir < 0 ? end - 1 : end;
	for (number = from; number >= first && number < end && found < 0; number += dir < 0 ? -1 : 1) {
		if (number < kept_end) {
			size_t bytes;
			const char *text = history_text(term->history, (size_t)(number - first), &bytes);
			if (!needle_may_be_in(&wanted, text, bytes))
				continue;
		}
		line_cells(term, number, cells);
		if (needle_in(&wanted, cells, term->cols))
			found = number;
	}
	free(cells);
	return found;
}

void term_mark(struct term *term, const char *needle)
{
	needle_read(&term->marked, needle);
	term->damage = true;
}

static void mark_row(const struct term *term, const struct cell *cells, struct screen *screen, int row, int col,
                     int cols)
{
	for (int at = 0; at < cols; at++) {
		int end;
		if (cells[at].width == 0)
			continue;
		end = needle_at(&term->marked, cells, term->cols, at);
		if (end < 0)
			continue;
		for (; at < end && at < cols; at++) {
			bool reversed = (cells[at].style.attr & ATTR_REVERSE) != 0;
			screen_restyle(screen, row, col + at, 1, reversed ? 0 : ATTR_REVERSE, reversed ? ATTR_REVERSE : 0);
		}
		at--;
	}
}

void term_draw(const struct term *term, struct screen *screen, int row, int col, int rows, int cols, int scroll_back,
               bool focus)
{
	struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	struct cell *cells = term->line;
	int64_t top;
	int width = cols < term->cols ? cols : term->cols;

	if (scroll_back < 0)
		scroll_back = 0;
	if (scroll_back > term_scrollback(term))
		scroll_back = term_scrollback(term);
	top = term_first_line(term) + term_scrollback(term) - scroll_back;
	screen_fill(screen, row, col, rows, cols, plain);
	for (int r = 0; r < rows && top + r < term_end_line(term); r++) {
		line_cells(term, top + r, cells);
		for (int c = 0; c < width; c++) {
			if (cells[c].width == 2 && c + 1 >= width) {
				cells[c].ch[0] = ' ';
				cells[c].ch[1] = 0;
				cells[c].width = 1;
			}
			if (cells[c].width != 0)
				screen_set(screen, row + r, col + c, &cells[c]);
		}
		if (term->marked.len > 0)
			mark_row(term, cells, screen, row + r, col, width);
	}
	if (focus) {
		VTermPos cursor;
		vterm_state_get_cursorpos(term->state, &cursor);
		if (term->cursor_visible && cursor.row + scroll_back < rows && cursor.col < cols)
			screen_cursor(screen, row + cursor.row + scroll_back, col + cursor.col);
		else
			screen_cursor(screen, -1, -1);
	}
}

