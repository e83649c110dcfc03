/* SPDX-License-Identifier: Apache-2.0
 *
 * term.c - the terminal emulator over libvterm (0.1.4 and later).
 *
 * A guest's bytes go through term_filter.c, which passes on only sequences it
 * has rebuilt; what leaves the top of the screen goes to term_history.c. What
 * is left here is the emulator's screen, its answers, and keys.
 */
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "common/text.h"
#include "needle.h"
#include "term_filter.h"
#include "term_history.h"
#include "term_keys.h"

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
	bool alternate, reverse, cursor_visible, cursor_blink;
	int cursor_shape, mouse;
	char title[256];
	struct needle marked;
};

/* ---- bytes for the guest */

static bool out_reserve(struct term *term, size_t len)
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

static void out_put(struct term *term, const char *bytes, size_t len)
{
	if (len == 0 || !out_reserve(term, len))
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
	out_put(term, bytes, len);
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

/* ---- cells */

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
		       (from->attrs.reverse ? ATTR_REVERSE : 0) |
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
	} else if (width == 0 || (width == 2 && from->width != 2)) {
		ch = '?';
		width = 1;
	}
	to->ch[n++] = ch;
	to->width = (uint8_t)width;
	for (int i = 1; !erased && !conceal && i < VTERM_MAX_CHARS_PER_CELL && from->chars[i] != 0 && n < CELL_CHARS; i++) {
		if (char_width(from->chars[i]) == 0)
			to->ch[n++] = from->chars[i];
	}
}

/* What an emulator's row looks like here; returns nothing of its right halves. */
static void row_from(const struct term *term, const VTermScreenCell *from, struct cell *to, int cols)
{
	for (int col = 0; col < cols; col++) {
		cell_from(term, &from[col], &to[col]);
		if (to[col].width == 2) {
			to[col + 1] = (struct cell){ .style = to[col].style };
			col++;
		}
	}
}

static void live_row(const struct term *term, int row, struct cell *to)
{
	VTermPos pos = { .row = row };
	VTermScreenCell cell;
	for (pos.col = 0; pos.col < term->cols; pos.col++) {
		vterm_screen_get_cell(term->screen, pos, &cell);
		cell_from(term, &cell, &to[pos.col]);
		if (to[pos.col].width == 2) {
			if (pos.col + 1 == term->cols) { /* never by libvterm; a right half needs its column */
				to[pos.col].ch[0] = '?';
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

static void cell_to(const struct term *term, const struct cell *from, VTermScreenCell *to)
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
	to->attrs.font = from->style.attr & ATTR_DIM ? FILTER_FONT_DIM : 0;
	if (n == 0 && (from->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE)) != 0)
		to->chars[0] = ' '; /* a written blank keeps its look, an erased one would not */
	colour_to(term, from->style.fg, false, &to->fg);
	colour_to(term, from->style.bg, true, &to->bg);
}

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
	case VTERM_PROP_CURSORBLINK:
		term->cursor_blink = value->boolean;
		break;
	case VTERM_PROP_CURSORSHAPE:
		term->cursor_shape = value->number;
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
	row_from(term, cells, term->line, cols);
	history_push(term->history, term->line, cols);
	return 1;
}

static int on_popline(int cols, VTermScreenCell *cells, void *user)
{
	struct term *term = user;
	if (cols > SIZE_MAX_ || !history_pop(term->history, term->line, cols))
		return 0;
	for (int col = 0; col < cols; col++)
		cell_to(term, &term->line[col], &cells[col]);
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

static const struct filter_ops filter_callbacks = { pass, set_title, clear_history };

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

enum term_cursor term_cursor_shape(const struct term *term, bool *blink)
{
	if (blink != NULL)
		*blink = term->cursor_blink;
	return term->cursor_shape == VTERM_PROP_CURSORSHAPE_UNDERLINE  ? TERM_CURSOR_UNDERLINE
	       : term->cursor_shape == VTERM_PROP_CURSORSHAPE_BAR_LEFT ? TERM_CURSOR_BAR
	                                                               : TERM_CURSOR_BLOCK;
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
		live_row(term, (int)(i - kept), cells);
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

int term_find(const struct term *term, const char *needle, int from, int dir, int *row)
{
	int64_t first = term_first_line(term), top = first + term_scrollback(term) - from;
	int64_t found = term_find_line(term, needle, dir < 0 ? top - 1 : top + term->rows, dir);
	int64_t back;

	if (found < 0)
		return -1;
	/* The line found goes to the top when there is enough below it. */
	back = first + term_scrollback(term) - found;
	if (back < 0)
		back = 0;
	if (row != NULL)
		*row = (int)(found - (first + term_scrollback(term) - back));
	return (int)back;
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

/* ---- keys */

static VTermKey special_of(enum special_key key)
{
	static const VTermKey keys[] = {
		[SK_UP] = VTERM_KEY_UP,           [SK_DOWN] = VTERM_KEY_DOWN,
		[SK_LEFT] = VTERM_KEY_LEFT,       [SK_RIGHT] = VTERM_KEY_RIGHT,
		[SK_INSERT] = VTERM_KEY_INS,      [SK_DELETE] = VTERM_KEY_DEL,
		[SK_HOME] = VTERM_KEY_HOME,       [SK_END] = VTERM_KEY_END,
		[SK_PAGE_UP] = VTERM_KEY_PAGEUP,  [SK_PAGE_DOWN] = VTERM_KEY_PAGEDOWN,
	};
	if (key >= SK_F1 && key <= SK_F12)
		return (VTermKey)VTERM_KEY_FUNCTION(1 + (int)(key - SK_F1));
	return (size_t)key < sizeof(keys) / sizeof(keys[0]) ? keys[key] : VTERM_KEY_NONE;
}

static VTermModifier modifiers(unsigned mods)
{
	unsigned out = (mods & MOD_SHIFT ? VTERM_MOD_SHIFT : 0U) | (mods & MOD_ALT ? VTERM_MOD_ALT : 0U) |
	               (mods & MOD_CTRL ? VTERM_MOD_CTRL : 0U);
	return (VTermModifier)out;
}

void term_key(struct term *term, const struct key *key)
{
	char bytes[TERM_KEY_MAX];
	size_t len;

	len = term_key_bytes(key, bytes);
	if (len > 0) {
		out_put(term, bytes, len);
		return;
	}
	if (key->kind != KEY_KIND_SPECIAL)
		return;
	switch (key->special) {
	case SK_ENTER: /* with Shift or Ctrl: as without, or shells would print the rest of a CSI u */
		if (key->mods & MOD_ALT)
			out_put(term, "\033", 1);
		vterm_keyboard_key(term->vt, VTERM_KEY_ENTER, VTERM_MOD_NONE);
		return;
	default:
		vterm_keyboard_key(term->vt, special_of(key->special), modifiers(key->mods));
	}
}

/* Only text, tabs and line ends are pasted: no control character can end the
 * brackets early or press a key in the guest. */
void term_paste(struct term *term, const char *bytes, size_t len)
{
	size_t i = 0;

	if (!out_reserve(term, len + 16)) /* all of it or none: half a paste could be another command */
		return;
	vterm_keyboard_start_paste(term->vt);
	while (i < len) {
		uint32_t ch;
		size_t step = text_decode(bytes + i, len - i, &ch);
		if (ch == '\n')
			out_put(term, "\r", 1);
		else if (ch == '\r')
			out_put(term, "\r", i + 1 < len && bytes[i + 1] == '\n' ? 0 : 1);
		else if (ch == '\t' || (ch != TEXT_BAD && ch >= 0x20 && !(ch >= 0x7f && ch <= 0x9f)))
			out_put(term, bytes + i, step);
		i += step;
	}
	vterm_keyboard_end_paste(term->vt);
}

/* ---- mouse */

bool term_mouse_wanted(const struct term *term)
{
	return term->mouse != VTERM_PROP_MOUSE_NONE;
}

bool term_mouse(struct term *term, const struct key *key, int row, int col)
{
	VTermModifier mods = modifiers(key->mods);

	/* libvterm 0.1.4 reports clicks to guests that never asked. */
	if (key->kind != KEY_KIND_MOUSE || !term_mouse_wanted(term))
		return false;
	row = row < 0 ? 0 : row >= term->rows ? term->rows - 1 : row;
	col = col < 0 ? 0 : col >= term->cols ? term->cols - 1 : col;
	vterm_mouse_move(term->vt, row, col, mods);
	switch (key->act) {
	case MOUSE_PRESS:
		if (key->button >= 1 && key->button <= 3)
			vterm_mouse_button(term->vt, key->button, true, mods);
		break;
	case MOUSE_RELEASE:
		for (int button = 1; button <= 3; button++) {
			if (key->button == button || key->button < 1 || key->button > 3)
				vterm_mouse_button(term->vt, button, false, mods);
		}
		break;
	case MOUSE_WHEEL_UP:
		vterm_mouse_button(term->vt, 4, true, mods);
		break;
	case MOUSE_WHEEL_DOWN:
		vterm_mouse_button(term->vt, 5, true, mods);
		break;
	case MOUSE_MOVE:
		break;
	}
	return true;
}

void term_focus(struct term *term, bool focus)
{
	if (focus)
		vterm_state_focus_in(term->state);
	else
		vterm_state_focus_out(term->state);
}
