/* SPDX-License-Identifier: Apache-2.0
 *
 * shell_pane.c - a shell in a VM, in a pane.
 *
 * The guest sets the pace nowhere: a turn of the loop reads a bounded amount
 * and stops parsing it after a few milliseconds, and the picture is renewed at
 * most FRAME_NS apart, so that a flood costs neither keys nor the list their
 * promptness. What arrives after a silence is shown at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/text.h"
#include "pager.h"
#include "pane.h"
#include "term.h"

#define READ_MAX 16384          /* bytes a turn */
#define SLICE 128               /* bytes between two looks at the clock */
#define PARSE_NS 1000000        /* parsing in a turn: short, so that the scheduler has no reason to interrupt it */
#define FRAME_NS 20000000       /* 50 pictures a second */
#define WHEEL_LINES 3
#define TITLE_COLS 32

struct shell_pane {
	struct pane pane;
	stoker_shell *shell;
	struct term *term;
	char login[64];
	int rows, cols;

	char in[READ_MAX]; /* read, and not yet parsed: in_at .. in_len */
	size_t in_at, in_len;
	char out[4096];    /* for the guest, and not yet taken: out_at .. out_len */
	size_t out_at, out_len;
	bool more;         /* there may be more to read although nothing wakes us */
	bool dirty;        /* the picture has changed since ready() last said so */
	int64_t frame_at;  /* when ready() last said so */
	bool focus;

	bool over;
	char why[512];

	bool paging;       /* keys read back instead of going to the guest */
	bool scrolled;     /* the view stands on `top`, else it is live */
	int64_t top;       /* number of the line in the first row */
	int64_t began;     /* `top` when the search began */
	bool began_live;
	int64_t match;     /* line of the last match, -1 */
	struct pager pager;
};

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct shell_pane *of(struct pane *pane)
{
	return (struct shell_pane *)pane;
}

static const struct shell_pane *of_const(const struct pane *pane)
{
	return (const struct shell_pane *)pane;
}

/* ---- moving bytes */

static void flush_output(struct shell_pane *p)
{
	while (!p->over) {
		ssize_t n;
		if (p->out_at == p->out_len) {
			p->out_at = 0;
			p->out_len = term_output(p->term, p->out, sizeof(p->out));
			if (p->out_len == 0)
				return;
		}
		n = stoker_shell_write(p->shell, p->out + p->out_at, p->out_len - p->out_at);
		if (n <= 0)
			return; /* its queue is full, or it is over: then reading tells why */
		p->out_at += (size_t)n;
	}
}

static void ended(struct shell_pane *p, const struct stoker_error *err)
{
	int status = stoker_shell_status(p->shell);
	const char *why = err->why[0] != '\0' ? err->why : err->what;

	p->over = true;
	p->more = false;
	p->dirty = true;
	p->why[0] = '\0';
	if (status >= 0)
		return; /* a shell that was left as one leaves shells */
	if (err->code != STOKER_OK)
		text_clean(p->why, sizeof(p->why), why, strlen(why));
	if (p->why[0] == '\0')
		snprintf(p->why, sizeof(p->why), "the connection was cut");
}

/* true when bytes arrived. */
static bool take_input(struct shell_pane *p)
{
	int64_t until = now_ns() + PARSE_NS;
	struct stoker_error err = { STOKER_OK, "", "", "" };
	size_t read = 0;
	bool any = false;

	p->more = false;
	for (;;) {
		size_t slice = p->in_len - p->in_at;
		ssize_t n;
		if (slice > 0) {
			slice = slice < SLICE ? slice : SLICE;
			term_feed(p->term, p->in + p->in_at, slice);
			p->in_at += slice;
			any = true;
			if (now_ns() >= until) {
				p->more = true;
				break;
			}
			continue;
		}
		if (p->over)
			break;
		if (read >= READ_MAX) {
			p->more = true;
			break;
		}
		n = stoker_shell_read(p->shell, p->in, sizeof(p->in) - read, &err);
		if (n < 0) {
			ended(p, &err);
			break;
		}
		if (n == 0)
			break;
		p->in_at = 0;
		p->in_len = (size_t)n;
		read += (size_t)n;
	}
	if (term_take_damage(p->term))
		p->dirty = true;
	return any;
}

static int shell_poll(const struct pane *pane, struct pollfd fds[PANE_MAX_FDS])
{
	const struct shell_pane *p = of_const(pane);
	if (p->over)
		return 0;
	fds[0].fd = stoker_shell_fd(p->shell);
	fds[0].events = stoker_shell_events(p->shell);
	fds[0].revents = 0;
	return fds[0].fd >= 0 ? 1 : 0;
}

static int shell_timeout_ms(const struct pane *pane)
{
	const struct shell_pane *p = of_const(pane);
	int wait = p->over ? -1 : stoker_shell_timeout_ms(p->shell);

	if (p->more || (p->over && p->in_at < p->in_len))
		return 0;
	if (p->dirty) {
		int64_t left = p->frame_at + FRAME_NS - now_ns();
		int frame = left <= 0 ? 0 : (int)((left + 999999) / 1000000);
		wait = wait < 0 || frame < wait ? frame : wait;
	}
	return wait;
}

static bool shell_ready(struct pane *pane, const struct pollfd *fds, int count)
{
	struct shell_pane *p = of(pane);
	int64_t now;

	(void)fds;
	(void)count;
	if (!p->over || p->in_at < p->in_len) {
		if (take_input(p))
			pane->activity = true;
		flush_output(p);
	}
	if (!p->dirty)
		return false;
	now = now_ns();
	if (!p->over && now - p->frame_at < FRAME_NS)
		return false;
	p->dirty = false;
	p->frame_at = now;
	return true;
}

static bool shell_over(const struct pane *pane, char *why, size_t cap)
{
	const struct shell_pane *p = of_const(pane);
	if (p->over && cap > 0)
		snprintf(why, cap, "%s", p->why);
	return p->over;
}

/* ---- reading back */

static int64_t live_top(const struct shell_pane *p)
{
	return term_end_line(p->term) - p->rows;
}

static void go(struct shell_pane *p, int64_t top)
{
	int64_t live = live_top(p), first = term_first_line(p->term);
	if (top < first)
		top = first;
	p->scrolled = top < live;
	p->top = top;
}

static int64_t current_top(const struct shell_pane *p)
{
	return p->scrolled ? p->top : live_top(p);
}

static void page_begin(struct shell_pane *p)
{
	p->paging = true;
	p->match = -1;
}

static void page_end(struct shell_pane *p)
{
	p->paging = p->scrolled = false;
	memset(&p->pager, 0, sizeof(p->pager));
	term_mark(p->term, NULL);
}

/* Brings a line into view; one that is in view already moves nothing. */
static void show(struct shell_pane *p, int64_t line)
{
	int64_t top = current_top(p);
	p->match = line;
	if (line >= top && line < top + p->rows - 1)
		return;
	go(p, line - p->rows / 2);
}

static void search(struct shell_pane *p, int64_t from, bool up)
{
	int64_t line = term_find_line(p->term, p->pager.needle, from, up ? -1 : 1);
	p->pager.missed = line < 0;
	if (line >= 0)
		show(p, line);
}

/* From the match before, else from where the view stands: its last line upwards, its first downwards. */
static void search_on(struct shell_pane *p, bool up)
{
	int64_t from = up ? current_top(p) + p->rows - 1 : current_top(p);
	if (p->match >= 0)
		from = p->match + (up ? -1 : 1);
	search(p, from, up);
}

static void search_back_to_start(struct shell_pane *p)
{
	p->match = -1;
	if (p->began_live)
		p->scrolled = false;
	else
		go(p, p->began);
}

static bool page_key(struct shell_pane *p, const struct key *key)
{
	bool was_typing = p->pager.typing;
	enum pager_act act = pager_key(&p->pager, key, true);
	int page = p->rows > 1 ? p->rows - 1 : 1;

	p->dirty = true;
	if (!was_typing && p->pager.typing) {
		p->began = current_top(p);
		p->began_live = !p->scrolled;
		p->match = -1;
	}
	switch (act) {
	case PAGER_UP: go(p, current_top(p) - 1); break;
	case PAGER_DOWN: go(p, current_top(p) + 1); break;
	case PAGER_PAGE_UP: go(p, current_top(p) - page); break;
	case PAGER_PAGE_DOWN: go(p, current_top(p) + page); break;
	case PAGER_HALF_UP: go(p, current_top(p) - p->rows / 2); break;
	case PAGER_HALF_DOWN: go(p, current_top(p) + p->rows / 2); break;
	case PAGER_WHEEL_UP: go(p, current_top(p) - WHEEL_LINES); break;
	case PAGER_WHEEL_DOWN: go(p, current_top(p) + WHEEL_LINES); break;
	case PAGER_TOP: go(p, 0); break;
	case PAGER_BOTTOM: p->scrolled = false; break;
	case PAGER_TYPED:
		search_back_to_start(p);
		term_mark(p->term, p->pager.needle);
		if (p->pager.needle[0] != '\0')
			search_on(p, p->pager.backwards);
		break;
	case PAGER_DROPPED:
		search_back_to_start(p);
		term_mark(p->term, p->pager.needle);
		break;
	case PAGER_FOUND:
		break; /* shown while it was typed */
	case PAGER_NEXT: search_on(p, p->pager.backwards); break;
	case PAGER_PREVIOUS: search_on(p, !p->pager.backwards); break;
	case PAGER_LEAVE: page_end(p); break;
	case PAGER_LEFT: case PAGER_RIGHT: case PAGER_NOTHING: break;
	case PAGER_REFUSED: break; /* a stray key must not reach the guest from here */
	}
	return true;
}

/* ---- keys */

static void to_guest(struct shell_pane *p, const struct key *key)
{
	if (key->kind == KEY_KIND_PASTE)
		term_paste(p->term, key->paste, key->paste_len);
	else
		term_key(p->term, key);
	flush_output(p);
}

static void mouse(struct shell_pane *p, const struct key *key)
{
	bool up = key->act == MOUSE_WHEEL_UP;

	if (!p->scrolled && term_mouse(p->term, key, key->row, key->col)) {
		flush_output(p);
		return;
	}
	if (!up && key->act != MOUSE_WHEEL_DOWN)
		return;
	if (term_alternate(p->term) && !p->scrolled) {
		/* A full-screen program that does not know the wheel knows the arrows. */
		struct key arrow = { .kind = KEY_KIND_SPECIAL, .special = up ? SK_UP : SK_DOWN };
		for (int i = 0; i < WHEEL_LINES; i++)
			term_key(p->term, &arrow);
		flush_output(p);
		return;
	}
	go(p, current_top(p) + (up ? -WHEEL_LINES : WHEEL_LINES));
	p->dirty = true;
}

static bool shell_key(struct pane *pane, const struct key *key)
{
	struct shell_pane *p = of(pane);

	if (p->paging)
		return page_key(p, key);
	if (key->kind == KEY_KIND_MOUSE && (!p->over || key->act == MOUSE_WHEEL_UP || key->act == MOUSE_WHEEL_DOWN)) {
		mouse(p, key);
		return true;
	}
	if (key->kind == KEY_KIND_SPECIAL && (key->mods & MOD_SHIFT) != 0 && !term_alternate(p->term) &&
	    (key->special == SK_PAGE_UP || key->special == SK_PAGE_DOWN)) {
		go(p, current_top(p) + (key->special == SK_PAGE_UP ? 1 - p->rows : p->rows - 1));
		p->dirty = true;
		return true;
	}
	if (p->over) {
		if (key->kind != KEY_KIND_SPECIAL || (key->special != SK_PAGE_UP && key->special != SK_UP))
			return false;
		page_begin(p); /* nothing else could be meant */
		return page_key(p, key);
	}
	if (key->kind != KEY_KIND_CHAR && key->kind != KEY_KIND_SPECIAL && key->kind != KEY_KIND_PASTE)
		return false;
	if (p->scrolled) {
		p->scrolled = false;
		p->dirty = true;
	}
	to_guest(p, key);
	return true;
}

static bool shell_command(struct pane *pane, enum pane_command command)
{
	struct shell_pane *p = of(pane);
	struct key leave = { .kind = KEY_KIND_CHAR, .ch = ']', .mods = MOD_CTRL };

	switch (command) {
	case PANE_SCROLL:
		page_begin(p);
		p->dirty = true;
		return true;
	case PANE_LITERAL:
		if (p->over)
			return false;
		to_guest(p, &leave);
		return true;
	default:
		return false;
	}
}

/* ---- showing */

static void shell_title(const struct pane *pane, char *buf, size_t cap)
{
	const struct shell_pane *p = of_const(pane);
	const char *title = term_title(p->term);
	size_t len = 0, all = strlen(title);
	int width = 0;

	/* The guest chooses its title, but not to fill the line with it. */
	while (len < all) {
		uint32_t ch;
		size_t step = text_decode(title + len, all - len, &ch);
		if (width + char_width(ch) > TITLE_COLS)
			break;
		width += char_width(ch);
		len += step;
	}
	if (p->over)
		snprintf(buf, cap, "%s", p->why[0] != '\0' ? "cut off" : "ended");
	else if (p->scrolled)
		snprintf(buf, cap, "scrolled %lld of %d", (long long)(live_top(p) - p->top), term_scrollback(p->term));
	else
		snprintf(buf, cap, "%.*s  %dx%d", (int)(len > 0 ? len : strlen(p->login)), len > 0 ? title : p->login, p->cols,
		         p->rows);
}

static const char *shell_hint(const struct pane *pane)
{
	const struct shell_pane *p = of_const(pane);
	if (p->paging && p->pager.typing)
		return "Enter find   Esc give up";
	if (p->paging)
		return "PgUp PgDn g G move   / search   n N next   q back";
	if (p->over)
		return "Enter connect again   PgUp read back   q close";
	return "";
}

/* "[120/500]" in the corner, as tmux has it: seen, and nearly nothing hidden. */
static void draw_position(const struct shell_pane *p, struct screen *screen, int row, int col, int cols)
{
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE };
	char text[48];
	int width;

	snprintf(text, sizeof(text), "[%lld/%d]", (long long)(live_top(p) - current_top(p)), term_scrollback(p->term));
	width = text_width(text);
	if (width <= cols)
		screen_put(screen, row, col + cols - width, width, style, text);
}

static void shell_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	struct shell_pane *p = of(pane);
	int64_t back;
	int term_rows = rows < 2 ? 2 : rows, term_cols = cols < 2 ? 2 : cols;

	if (rows < 1 || cols < 1)
		return;
	if (term_rows != p->rows || term_cols != p->cols) {
		bool at_end = !p->scrolled;
		p->rows = term_rows;
		p->cols = term_cols;
		term_resize(p->term, term_rows, term_cols);
		if (!p->over)
			stoker_shell_resize(p->shell, (uint16_t)term_rows, (uint16_t)term_cols);
		if (!at_end)
			go(p, p->top);
	}
	if (focus != p->focus) {
		p->focus = focus;
		term_focus(p->term, focus);
		flush_output(p);
	}
	if (p->scrolled)
		go(p, p->top); /* the oldest lines may be gone */
	back = live_top(p) - current_top(p);
	term_draw(p->term, screen, row, col, rows, cols, (int)back, focus && !p->over);
	if (p->paging || p->scrolled) {
		draw_position(p, screen, row, col, cols);
		if (p->paging && focus)
			screen_cursor(screen, row + rows - 1, col);
		pager_draw(&p->pager, screen, row + rows - 1, col, cols, focus);
	}
	if (p->over && !p->paging) {
		struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE };
		char line[600];
		snprintf(line, sizeof(line), " %s", p->why[0] != '\0' ? p->why : "the shell has ended");
		screen_field(screen, row + rows - 1, col, cols, style, line);
		if (focus)
			screen_cursor(screen, -1, -1);
	}
	term_take_damage(p->term);
}

static void shell_free(struct pane *pane)
{
	struct shell_pane *p = of(pane);
	stoker_shell_close(p->shell);
	term_free(p->term);
	free(p);
}

static const struct pane_ops ops = {
	.kind = PANE_SHELL,
	.title = shell_title,
	.hint = shell_hint,
	.draw = shell_draw,
	.key = shell_key,
	.command = shell_command,
	.poll = shell_poll,
	.timeout_ms = shell_timeout_ms,
	.ready = shell_ready,
	.over = shell_over,
	.free = shell_free,
};

struct pane *shell_pane_new(stoker_shell *shell, const struct stoker_vm *vm, int rows, int cols,
                            size_t scrollback_lines)
{
	struct shell_pane *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		stoker_shell_close(shell);
		return NULL;
	}
	p->pane.ops = &ops;
	p->shell = shell;
	p->rows = rows < 2 ? 2 : rows;
	p->cols = cols < 2 ? 2 : cols;
	p->match = -1;
	p->more = true; /* what came with the opening wakes nobody */
	snprintf(p->pane.vm_id, sizeof(p->pane.vm_id), "%s", vm->id);
	snprintf(p->pane.vm_name, sizeof(p->pane.vm_name), "%s", vm->name);
	snprintf(p->login, sizeof(p->login), "root%s%s", vm->ip[0] != '\0' ? "@" : "", vm->ip);
	p->term = term_new(p->rows, p->cols, scrollback_lines);
	if (p->term == NULL) {
		shell_free(&p->pane);
		return NULL;
	}
	stoker_shell_resize(shell, (uint16_t)p->rows, (uint16_t)p->cols);
	return &p->pane;
}
