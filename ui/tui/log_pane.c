/* SPDX-License-Identifier: Apache-2.0
 *
 * log_pane.c - a VM's console log, in a pane: where the view is, keys, drawing.
 */
#include "log_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"

#define READ_MAX 16384
#define LEFT_STEP 8
#define WHEEL_LINES 3

static struct log_pane *of(struct pane *pane)
{
	return (struct log_pane *)pane;
}

static const struct log_pane *of_const(const struct pane *pane)
{
	return (const struct log_pane *)pane;
}

/* ---- layout */

/* The byte behind the characters that fit into `cols` columns. */
static size_t fit(const char *text, int cols)
{
	size_t at = 0, len = strlen(text);
	int used = 0;
	while (at < len) {
		uint32_t ch;
		size_t step = text_decode(text + at, len - at, &ch);
		int width = char_width(ch);
		if (used + width > cols && used > 0)
			break;
		used += width;
		at += step;
	}
	return at;
}

static int height(const struct log_pane *p, int64_t n)
{
	const char *text = log_line_at(p, n);
	int rows = 1;
	if (!p->wrap)
		return 1;
	for (text += fit(text, p->cols); *text != '\0'; text += fit(text, p->cols))
		rows++;
	return rows;
}

/* Moves (line, row) by `by` rows, stopping at the ends. */
void log_step(const struct log_pane *p, int64_t *line, int *row, int64_t by)
{
	while (by < 0) {
		if (*row > 0) {
			int take_rows = -by < *row ? (int)-by : *row;
			*row -= take_rows;
			by += take_rows;
		} else if (*line > p->first) {
			--*line;
			*row = height(p, *line) - 1;
			by++;
		} else {
			break;
		}
	}
	while (by > 0 && *line < log_view_end(p)) {
		int h = height(p, *line);
		if (*row + by < h) {
			*row += (int)by;
			break;
		}
		by -= h - *row;
		if (*line + 1 >= log_view_end(p)) {
			*row = h - 1;
			break;
		}
		++*line;
		*row = 0;
	}
}

/* The first row of the view that shows the end. */
static void end_top(const struct log_pane *p, int64_t *line, int *row)
{
	*line = log_view_end(p) - 1;
	*row = 0;
	if (*line < p->first) {
		*line = p->first;
		return;
	}
	*row = height(p, *line) - 1;
	log_step(p, line, row, 1 - p->rows);
}

void log_current(const struct log_pane *p, int64_t *line, int *row)
{
	if (p->follow) {
		end_top(p, line, row);
	} else {
		*line = p->top < p->first ? p->first : p->top;
		*row = p->top < p->first ? 0 : p->top_row;
	}
}

void log_go(struct log_pane *p, int64_t line, int row)
{
	int64_t last;
	int last_row;
	end_top(p, &last, &last_row);
	if (line < p->first) {
		line = p->first;
		row = 0;
	}
	p->follow = line > last || (line == last && row >= last_row);
	p->top = line;
	p->top_row = row;
}

static void move(struct log_pane *p, int64_t by)
{
	int64_t line;
	int row;
	log_current(p, &line, &row);
	log_step(p, &line, &row, by);
	log_go(p, line, row);
}

/* ---- the pane */

static void wrap(struct log_pane *p)
{
	int64_t line;
	int row;
	log_current(p, &line, &row);
	p->wrap = !p->wrap;
	p->left = 0;
	if (!p->follow)
		log_go(p, line, 0);
}

static bool log_key(struct pane *pane, const struct key *key, const struct keymap *keymap)
{
	struct log_pane *p = of(pane);
	bool was_typing = p->pager.typing;
	enum place_key own = was_typing ? IN_NONE : keymap_at(keymap, key, PLACE_CONSOLE);
	enum pager_act act = own != IN_NONE ? PAGER_NOTHING : pager_key(&p->pager, key, keymap, true);
	int page = p->rows > 1 ? p->rows - 1 : 1;

	if (own == IN_CONSOLE_FOLLOW)
		p->follow = true;
	else if (own == IN_CONSOLE_WRAP)
		wrap(p);

	if (!was_typing && p->pager.typing) {
		log_current(p, &p->began_top, &p->began_row);
		p->began_follow = p->follow;
		p->match = -1;
	}
	switch (act) {
	case PAGER_UP: move(p, -1); break;
	case PAGER_DOWN: move(p, 1); break;
	case PAGER_PAGE_UP: move(p, -page); break;
	case PAGER_PAGE_DOWN: move(p, page); break;
	case PAGER_HALF_UP: move(p, -(p->rows / 2)); break;
	case PAGER_HALF_DOWN: move(p, p->rows / 2); break;
	case PAGER_WHEEL_UP: move(p, -WHEEL_LINES); break;
	case PAGER_WHEEL_DOWN: move(p, WHEEL_LINES); break;
	case PAGER_TOP: log_go(p, p->first, 0); break;
	case PAGER_BOTTOM: p->follow = true; break;
	case PAGER_LEFT: p->left = p->left > LEFT_STEP ? p->left - LEFT_STEP : 0; break;
	case PAGER_RIGHT:
		if (!p->wrap && p->left < LINE_MAX_BYTES)
			p->left += LEFT_STEP;
		break;
	case PAGER_TYPED:
		log_search_back(p);
		if (p->pager.needle[0] != '\0')
			log_search_on(p, p->pager.backwards);
		break;
	case PAGER_DROPPED: log_search_back(p); break;
	case PAGER_NEXT: log_search_on(p, p->pager.backwards); break;
	case PAGER_PREVIOUS: log_search_on(p, !p->pager.backwards); break;
	case PAGER_LEAVE: case PAGER_REFUSED: return false; /* the dashboard closes the pane, see pane_refused() */
	case PAGER_FOUND: case PAGER_NOTHING: break;
	}
	return true;
}

static bool log_command(struct pane *pane, enum pane_command command)
{
	(void)pane;
	return command == PANE_SCROLL; /* it always is in that mode */
}

static void log_title(const struct pane *pane, char *buf, size_t cap)
{
	const struct log_pane *p = of_const(pane);
	int64_t line;
	int row;

	log_current(p, &line, &row);
	if (p->failed)
		snprintf(buf, cap, "console: could not be read");
	else if (p->follow)
		snprintf(buf, cap, "console, following");
	else
		snprintf(buf, cap, "console, line %lld of %lld", (long long)line + 1, (long long)log_view_end(p));
}

#define LOG_KEYS(wraps)                                                                                                \
	"{text-leave} close   {text-search} search   {text-next} {text-previous} next   {text-page-up} {text-page-down} "      \
	"{text-first} {text-last} move   {console-wrap} " wraps "   {console-follow} follow"

static const char *log_hint(const struct pane *pane)
{
	const struct log_pane *p = of_const(pane);
	if (p->pager.typing)
		return PAGER_TYPING_HINT;
	return p->wrap ? LOG_KEYS("cut lines") : LOG_KEYS("wrap");
}

/* One row of the screen from the text's byte `at` on. */
static void draw_row(const struct log_pane *p, struct screen *screen, int row, int col, int cols, const char *text,
                     size_t len)
{
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	char part[LINE_MAX_BYTES * 2];

	if (len >= sizeof(part))
		len = sizeof(part) - 1;
	memcpy(part, text, len);
	part[len] = '\0';
	screen_put(screen, row, col, cols, style, part);
	if (p->pager.needle[0] != '\0')
		log_draw_matches(p, screen, row, col, cols, part);
}

static void log_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	struct log_pane *p = of(pane);
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	int64_t line;
	int skip, r = 0;

	if (rows < 1 || cols < 1)
		return;
	p->rows = rows;
	p->cols = cols;
	screen_fill(screen, row, col, rows, cols, style);
	log_current(p, &line, &skip);
	for (; r < rows && line < log_view_end(p); line++) {
		const char *text = log_line_at(p, line);
		if (!p->wrap) {
			/* the left edge may fall into a wide character: a blank stands for its half */
			size_t hidden = p->left > 0 ? fit(text, p->left) : 0;
			draw_row(p, screen, row + r++, col, cols, text + hidden, strlen(text + hidden));
			continue;
		}
		do {
			size_t len = fit(text, cols);
			if (skip > 0)
				skip--;
			else
				draw_row(p, screen, row + r++, col, cols, text, len);
			text += len;
		} while (*text != '\0' && r < rows);
		skip = 0;
	}
	if (log_view_end(p) == p->first) {
		struct style dim = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_DIM };
		screen_put(screen, row, col, cols, dim,
		           p->failed ? "the console log could not be read" : "nothing on the console yet");
	}
	if (focus)
		screen_cursor(screen, -1, -1);
	pager_draw(&p->pager, screen, row + rows - 1, col, cols, focus);
}

static int log_poll(const struct pane *pane, struct pollfd fds[PANE_MAX_FDS])
{
	const struct log_pane *p = of_const(pane);
	if (p->failed)
		return 0;
	fds[0].fd = stoker_log_fd(p->log);
	fds[0].events = POLLIN;
	fds[0].revents = 0;
	return fds[0].fd >= 0 ? 1 : 0;
}

static int log_timeout_ms(const struct pane *pane)
{
	return of_const(pane)->more ? 0 : -1;
}

static bool log_ready(struct pane *pane, const struct pollfd *fds, int count)
{
	struct log_pane *p = of(pane);
	char buf[4096];
	size_t read = 0;

	(void)fds;
	(void)count;
	p->more = false;
	while (!p->failed) {
		ssize_t n;
		if (read >= READ_MAX) {
			p->more = true;
			break;
		}
		n = stoker_log_read(p->log, buf, sizeof(buf));
		if (n < 0)
			p->failed = true;
		if (n <= 0)
			break;
		log_take(p, buf, (size_t)n);
		read += (size_t)n;
	}
	if (read > 0)
		pane->activity = true;
	return read > 0 || p->failed;
}

static bool log_over(const struct pane *pane, char *why, size_t cap)
{
	const struct log_pane *p = of_const(pane);
	if (p->failed && cap > 0)
		snprintf(why, cap, "the console log could not be read");
	return p->failed;
}

static void log_free(struct pane *pane)
{
	struct log_pane *p = of(pane);
	stoker_log_close(p->log);
	while (p->lines != NULL && p->first < p->end)
		log_drop_first(p);
	free(p->lines);
	free(p);
}

static const struct pane_ops ops = {
	.kind = PANE_LOG,
	.title = log_title,
	.hint = log_hint,
	.draw = log_draw,
	.key = log_key,
	.command = log_command,
	.poll = log_poll,
	.timeout_ms = log_timeout_ms,
	.ready = log_ready,
	.over = log_over,
	.free = log_free,
};

struct pane *log_pane_new(stoker_log *log, const struct stoker_vm *vm, int rows, int cols)
{
	struct log_pane *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		stoker_log_close(log);
		return NULL;
	}
	p->pane.ops = &ops;
	p->log = log;
	p->rows = rows < 1 ? 1 : rows;
	p->cols = cols < 1 ? 1 : cols;
	p->follow = true;
	p->match = -1;
	p->more = true;
	snprintf(p->pane.vm_id, sizeof(p->pane.vm_id), "%s", vm->id);
	snprintf(p->pane.vm_name, sizeof(p->pane.vm_name), "%s", vm->name);
	p->lines = calloc(LINES_MAX, sizeof(*p->lines));
	if (p->lines == NULL) {
		log_free(&p->pane);
		return NULL;
	}
	return &p->pane;
}
