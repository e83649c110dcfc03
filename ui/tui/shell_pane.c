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

#include "common/text.h"
#include "common/now.h"
#include "shell_private.h"

static struct shell_pane *of(struct pane *pane)
{
	return (struct shell_pane *)pane;
}

static const struct shell_pane *of_const(const struct pane *pane)
{
	return (const struct shell_pane *)pane;
}

/* ---- moving bytes */

void shell_flush_output(struct shell_pane *p)
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
	int64_t until = mono_ns() + PARSE_NS;
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
			if (p->log != NULL)
				session_log_feed(p->log, p->in + p->in_at, slice);
			p->in_at += slice;
			any = true;
			if (mono_ns() >= until) {
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

	if (p->log != NULL && session_log_trouble(p->log))
		return 0;
	if (p->log != NULL && (wait < 0 || wait > LOG_LOOK_MS))
		wait = LOG_LOOK_MS; /* whether its file could be made is known a little later */

	if (p->more || (p->over && p->in_at < p->in_len))
		return 0;
	if (p->dirty) {
		int64_t left = p->frame_at + FRAME_NS - mono_ns();
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
		shell_flush_output(p);
	}
	if (pane->copied == NULL) {
		pane->copied = term_take_clipboard(p->term, &pane->copied_len);
		pane->copied_by_guest = true;
		pane->copied_cut = false;
	}
	if (p->log != NULL && session_log_failed(p->log, pane->notice, sizeof pane->notice))
		shell_pane_log(pane, NULL);
	if (!p->dirty)
		return false;
	now = mono_ns();
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

/* ---- keys */

static void to_guest(struct shell_pane *p, const struct key *key)
{
	if (key->kind == KEY_KIND_PASTE)
		term_paste(p->term, key->paste, key->paste_len);
	else
		term_key(p->term, key);
	shell_flush_output(p);
}

static bool shell_key(struct pane *pane, const struct key *key, const struct keymap *keymap)
{
	struct shell_pane *p = of(pane);
	enum place_key own;

	if (p->paging)
		return shell_page_key(p, key, keymap);
	if (key->kind == KEY_KIND_MOUSE) {
		shell_mouse(p, key);
		return true;
	}
	own = keymap_at(keymap, key, PLACE_SHELL);
	if (own != IN_NONE && !term_alternate(p->term)) {
		shell_go(p, shell_top(p) + (own == IN_SHELL_PAGE_UP ? 1 - p->rows : p->rows - 1));
		p->dirty = true;
		return true;
	}
	if (p->selection.on) {
		p->selection.on = false;
		p->dirty = true;
	}
	if (p->over) {
		if (pane->reopening || keymap_at(keymap, key, PLACE_ENDED) != IN_ENDED_READ_BACK)
			return false;
		shell_page_begin(p);
		shell_go(p, shell_top(p) + 1 - p->rows);
		p->dirty = true;
		return true;
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
	switch (command) {
	case PANE_SCROLL:
		shell_page_begin(p);
		p->dirty = true;
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
		snprintf(buf, cap, "scrolled %lld of %d", (long long)(shell_live_top(p) - p->top), term_scrollback(p->term));
	else
		snprintf(buf, cap, "%.*s  %dx%d", (int)(len > 0 ? len : strlen(p->login)), len > 0 ? title : p->login, p->cols,
		         p->rows);
}

static const char *shell_hint(const struct pane *pane)
{
	const struct shell_pane *p = of_const(pane);
	if (p->paging && p->pager.typing)
		return PAGER_TYPING_HINT;
	if (p->selection.on)
		return "{copy-take} copy   {text-leave} drop   {text-left} {text-down} {text-up} {text-right} {copy-line-start} {copy-line-end} move   "
		       "{copy-other-end} other end";
	if (p->paging)
		return "{text-leave} back   {text-search} search   {text-next} {text-previous} next   {copy-select} {copy-lines} select   "
		       "{text-page-up} {text-page-down} {text-first} {text-last} move";
	if (pane->reopening)
		return "{ended-leave} do not connect again";
	if (p->over && pane->gone)
		return "{ended-read-back} read back   {ended-leave} close";
	if (p->over)
		return "{ended-connect} connect again   {ended-read-back} read back   {ended-leave} close";
	return "";
}

/* "[120/500]" in the corner, as tmux has it: seen, and nearly nothing hidden. */
static void draw_position(const struct shell_pane *p, struct screen *screen, int row, int col, int cols)
{
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE };
	char text[48];
	int width;

	snprintf(text, sizeof(text), "[%lld/%d]", (long long)(shell_live_top(p) - shell_top(p)), term_scrollback(p->term));
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
			shell_go(p, p->top);
	}
	if (focus != p->focus) {
		p->focus = focus;
		term_focus(p->term, focus);
		shell_flush_output(p);
	}
	if (p->scrolled)
		shell_go(p, p->top); /* the oldest lines may be gone */
	back = shell_live_top(p) - shell_top(p);
	term_draw(p->term, screen, row, col, rows, cols, (int)back, focus && !p->over);
	select_draw(&p->selection, screen, row, col, rows, cols, shell_top(p));
	if (p->visual && focus)
		screen_cursor(screen, row + (int)(p->selection.to_line - shell_top(p)), col + p->selection.to_col);
	if (p->paging || p->scrolled) {
		draw_position(p, screen, row, col, cols);
		if (p->paging && focus && !p->visual)
			screen_cursor(screen, row + rows - 1, col);
		pager_draw(&p->pager, screen, row + rows - 1, col, cols, focus);
	}
	if (p->over && !p->paging) {
		struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE };
		char line[600];
		snprintf(line, sizeof(line), " %s%s", p->why[0] != '\0' ? p->why : "the shell has ended",
		         pane->reopening ? "; connecting again ..." : "");
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
	session_log_close(p->log);
	free(pane->copied);
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

void shell_pane_attach(struct pane *pane, stoker_shell *shell)
{
	static const char again[] = "\033[2m-- connected again --\033[m\r\n";
	struct shell_pane *p = of(pane);

	stoker_shell_close(p->shell);
	p->shell = shell;
	p->over = false;
	p->why[0] = '\0';
	p->in_at = p->in_len = p->out_at = p->out_len = 0;
	while (term_output(p->term, p->out, sizeof(p->out)) > 0)
		; /* what was typed into the old session is not for the new one */
	term_settle(p->term);
	term_feed(p->term, again, sizeof again - 1);
	p->more = p->dirty = true;
	p->focus = false;
	stoker_shell_resize(shell, (uint16_t)p->rows, (uint16_t)p->cols);
}

void shell_pane_log(struct pane *pane, const char *path)
{
	struct shell_pane *p = of(pane);
	session_log_close(p->log);
	p->log = path != NULL ? session_log_open(path) : NULL;
	pane->logging = p->log != NULL;
	if (path != NULL && p->log == NULL)
		snprintf(pane->notice, sizeof pane->notice, "the session cannot be logged: no memory");
}

void shell_pane_clipboard(struct pane *pane, bool allowed)
{
	term_allow_clipboard(of(pane)->term, allowed);
}

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
