/* SPDX-License-Identifier: Apache-2.0
 *
 * shell_copy.c - reading back in a shell's pane: scrolling, searching, selecting.
 */
#include <stdlib.h>
#include <string.h>

#include "shell_private.h"
#include "common/now.h"

#define DOUBLE_NS 400000000LL

/* ---- reading back */

int64_t shell_live_top(const struct shell_pane *p)
{
	return term_end_line(p->term) - p->rows;
}

void shell_go(struct shell_pane *p, int64_t top)
{
	int64_t live = shell_live_top(p), first = term_first_line(p->term);
	if (top < first)
		top = first;
	p->scrolled = top < live;
	p->top = top;
}

int64_t shell_top(const struct shell_pane *p)
{
	return p->scrolled ? p->top : shell_live_top(p);
}

void shell_page_begin(struct shell_pane *p)
{
	p->paging = true;
	p->match = -1;
}

static void page_end(struct shell_pane *p)
{
	p->paging = p->scrolled = p->visual = p->selection.on = false;
	memset(&p->pager, 0, sizeof(p->pager));
	term_mark(p->term, NULL);
}

/* Brings a line into view; one that is in view already moves nothing. */
static void show(struct shell_pane *p, int64_t line)
{
	int64_t top = shell_top(p);
	p->match = line;
	if (p->visual)
		p->selection.to_line = line;
	if (line >= top && line < top + p->rows - 1)
		return;
	shell_go(p, line - p->rows / 2);
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
	int64_t from = up ? shell_top(p) + p->rows - 1 : shell_top(p);
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
		shell_go(p, p->began);
}

/* ---- selecting */

static void copy(struct shell_pane *p)
{
	struct pane *pane = &p->pane;
	free(pane->copied);
	pane->copied = select_text(&p->selection, p->term, &pane->copied_len, &pane->copied_cut);
	pane->copied_by_guest = false;
}

/* Begins at the last match when one is in sight, else in the middle of the view. */
static void visual_begin(struct shell_pane *p, bool whole_lines)
{
	int64_t top = shell_top(p), line = top + p->rows / 2;
	if (p->match >= top && p->match < top + p->rows)
		line = p->match;
	if (line >= term_end_line(p->term))
		line = term_end_line(p->term) - 1;
	if (p->selection.on)
		p->selection.whole_lines = whole_lines;
	else
		select_begin(&p->selection, line, 0, whole_lines);
	p->visual = true;
}

static void in_sight(struct shell_pane *p, int64_t line)
{
	int64_t top = shell_top(p);
	if (line < top)
		shell_go(p, line);
	else if (line >= top + p->rows)
		shell_go(p, line - p->rows + 1);
}

static void move_to(struct shell_pane *p, int64_t line, int col)
{
	int64_t first = term_first_line(p->term), last = term_end_line(p->term) - 1;
	p->selection.to_line = line < first ? first : line > last ? last : line;
	p->selection.to_col = col < 0 ? 0 : col >= p->cols ? p->cols - 1 : col;
	in_sight(p, p->selection.to_line);
}

/* true: the key was one of those that shape a selection. What moves the view moves its end while one selects. */
static bool visual_key(struct shell_pane *p, const struct key *key, const struct keymap *keymap)
{
	struct selection *s = &p->selection;
	enum place_key mode = keymap_at(keymap, key, PLACE_COPY), own = keymap_at(keymap, key, PLACE_SELECT);
	int64_t line = s->to_line;
	int col = s->to_col, page = p->rows > 1 ? p->rows - 1 : 1;

	if (s->on) {
		switch ((int)own) {
		case IN_COPY_TAKE:
			copy(p);
			page_end(p);
			return true;
		case IN_COPY_OTHER_END:
			if (!p->visual)
				return false;
			s->to_line = s->from_line;
			s->to_col = s->from_col;
			s->from_line = line;
			s->from_col = col;
			in_sight(p, s->to_line);
			return true;
		case IN_COPY_LINE_START:
		case IN_COPY_LINE_END:
			if (!p->visual)
				return false;
			move_to(p, line, own == IN_COPY_LINE_START ? 0 : p->cols);
			return true;
		default:
			break;
		}
	}
	if (mode != IN_NONE) {
		if (p->visual && s->whole_lines == (mode == IN_COPY_LINES))
			p->visual = s->on = false;
		else
			visual_begin(p, mode == IN_COPY_LINES);
		return true;
	}
	if (!s->on)
		return false;
	switch ((int)keymap_at(keymap, key, PLACE_TEXT)) {
	case IN_TEXT_LEAVE:
		s->on = p->visual = false;
		return true;
	case IN_TEXT_LEFT: col--; break;
	case IN_TEXT_RIGHT: col++; break;
	case IN_TEXT_UP: line--; break;
	case IN_TEXT_DOWN: line++; break;
	case IN_TEXT_PAGE_UP: line -= page; break;
	case IN_TEXT_PAGE_DOWN: line += page; break;
	case IN_TEXT_HALF_UP: line -= p->rows / 2; break;
	case IN_TEXT_HALF_DOWN: line += p->rows / 2; break;
	case IN_TEXT_FIRST: line = col = 0; break;
	case IN_TEXT_LAST:
		line = INT64_MAX;
		col = p->cols;
		break;
	default:
		return false; /* searching moves the end too: see show() */
	}
	if (p->visual)
		move_to(p, line, col);
	return p->visual;
}

bool shell_page_key(struct shell_pane *p, const struct key *key, const struct keymap *keymap)
{
	bool was_typing = p->pager.typing;
	enum pager_act act;
	int page = p->rows > 1 ? p->rows - 1 : 1;

	p->dirty = true;
	if (key->kind == KEY_KIND_MOUSE && key->act != MOUSE_WHEEL_UP && key->act != MOUSE_WHEEL_DOWN) {
		shell_mouse(p, key);
		return true;
	}
	if (!was_typing && visual_key(p, key, keymap))
		return true;
	act = pager_key(&p->pager, key, keymap, true);
	if (!was_typing && p->pager.typing) {
		p->began = shell_top(p);
		p->began_live = !p->scrolled;
		p->match = -1;
	}
	switch (act) {
	case PAGER_UP: shell_go(p, shell_top(p) - 1); break;
	case PAGER_DOWN: shell_go(p, shell_top(p) + 1); break;
	case PAGER_PAGE_UP: shell_go(p, shell_top(p) - page); break;
	case PAGER_PAGE_DOWN: shell_go(p, shell_top(p) + page); break;
	case PAGER_HALF_UP: shell_go(p, shell_top(p) - p->rows / 2); break;
	case PAGER_HALF_DOWN: shell_go(p, shell_top(p) + p->rows / 2); break;
	case PAGER_WHEEL_UP: shell_go(p, shell_top(p) - WHEEL_LINES); break;
	case PAGER_WHEEL_DOWN: shell_go(p, shell_top(p) + WHEEL_LINES); break;
	case PAGER_TOP: shell_go(p, 0); break;
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
	case PAGER_REFUSED: return false; /* nor does the guest get it: it may be one of the dashboard's */
	}
	return true;
}

/* ---- the mouse */

/* Drag: from here to there. Two clicks: the word; three: the line. Letting go copies, as everywhere. */
static void select_mouse(struct shell_pane *p, const struct key *key)
{
	int row = key->row < 0 ? 0 : key->row >= p->rows ? p->rows - 1 : key->row;
	int col = key->col < 0 ? 0 : key->col >= p->cols ? p->cols - 1 : key->col;
	int64_t line = shell_top(p) + row, now = mono_ns();

	p->dirty = true;
	if (key->act == MOUSE_PRESS && key->button == 1) {
		bool again = line == p->clicked_line && col == p->clicked_col && now - p->clicked_at < DOUBLE_NS;
		p->clicks = again ? p->clicks % 3 + 1 : 1;
		p->clicked_at = now;
		p->clicked_line = line;
		p->clicked_col = col;
		p->dragging = true;
		p->visual = p->selection.on = false;
		if (p->clicks == 2)
			select_word(&p->selection, p->term, line, col);
		else if (p->clicks == 3)
			select_begin(&p->selection, line, 0, true);
	} else if (key->act == MOUSE_MOVE && p->dragging) {
		if (!p->selection.on)
			select_begin(&p->selection, p->clicked_line, p->clicked_col, false);
		/* Beyond the edge: the lines there come into view. */
		if (key->row < 0 || key->row >= p->rows) {
			shell_go(p, shell_top(p) + (key->row < 0 ? -1 : 1));
			line = shell_top(p) + row;
		}
		p->selection.to_line = line;
		p->selection.to_col = col;
	} else if (key->act == MOUSE_RELEASE && p->dragging) {
		p->dragging = false;
		if (p->selection.on)
			copy(p);
	}
}

void shell_mouse(struct shell_pane *p, const struct key *key)
{
	bool up = key->act == MOUSE_WHEEL_UP;

	if (!p->over && !p->scrolled && !p->paging && !p->dragging && term_mouse(p->term, key, key->row, key->col)) {
		shell_flush_output(p);
		return;
	}
	if (!up && key->act != MOUSE_WHEEL_DOWN) {
		select_mouse(p, key);
		return;
	}
	if (term_alternate(p->term) && !p->scrolled) {
		/* A full-screen program that does not know the wheel knows the arrows. */
		struct key arrow = { .kind = KEY_KIND_SPECIAL, .special = up ? SK_UP : SK_DOWN };
		for (int i = 0; i < WHEEL_LINES; i++)
			term_key(p->term, &arrow);
		shell_flush_output(p);
		return;
	}
	shell_go(p, shell_top(p) + (up ? -WHEEL_LINES : WHEEL_LINES));
	p->dirty = true;
}
