/* SPDX-License-Identifier: Apache-2.0
 *
 * view_panes.c - the tabs of the open panes and the one in front.
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "update.h"
#include "view.h"

/* The width of a tab: sign, name, activity. */
static int tab_width(const struct pane *pane)
{
	return 2 + text_width(pane->vm_name) + 2 + 1;
}

/* The first tab in sight, so that the one in front is. */
static int first_tab(const struct model *model, int cols)
{
	int first = 0, i, width = 0;
	for (i = 0; i <= model->front && model->front >= 0; i++) {
		width += tab_width(model->panes[i]);
		while (width > cols && first < model->front)
			width -= tab_width(model->panes[first++]);
	}
	return first;
}

static void draw_tabs(const struct model *model, struct screen *screen, const struct rect *at)
{
	int col = at->col + 1, end = at->col + at->cols, i, need;
	char title[160], text[200];

	for (i = first_tab(model, at->cols - 2); i < model->pane_count && col < end; i++) {
		const struct pane *pane = model->panes[i];
		bool front = i == model->front;
		struct style style = tone(front ? (model->pane_focus ? TONE_TITLE : TONE_STRONG) : TONE_QUIET);
		int width = tab_width(pane);
		if (pane->ops->kind == PANE_LOG)
			snprintf(text, sizeof text, "%s %s", screen_ascii(screen) ? "=" : "≡", pane->vm_name);
		else
			snprintf(text, sizeof text, "%s %s", glyph(screen, GLYPH_SHELL), pane->vm_name);
		if (col + width > end)
			width = end - col;
		screen_field(screen, at->row, col, width - 2, style, text);
		screen_hot(screen, at->row, col, width, HOT_TAB, i);
		if (pane->activity && !front && i != model->split.other)
			screen_put(screen, at->row, col + width - 3, 1, tone(TONE_BUSY), glyph(screen, GLYPH_ACTIVITY));
		if (pane->broadcast)
			screen_put(screen, at->row, col, width - 3, tone(TONE_WARN), text);
		if (front && model->pane_focus)
			screen_restyle(screen, at->row, col, width - 3, ATTR_REVERSE, 0);
		col += width;
	}
	if (model->front >= 0) {
		/* Of two the upper one: the line between them says it of the lower. */
		bool other = model->split.other >= 0 && model->split.stacked && model->split.other_first;
		const struct pane *named = model->panes[other ? model->split.other : model->front];
		title[0] = '\0';
		named->ops->title(named, title, sizeof title);
		if (named->logging && strlen(title) + 12 < sizeof title)
			memcpy(title + strlen(title), "  logged", 9);
		need = text_width(title);
		if (col + need + 2 <= end)
			screen_put(screen, at->row, end - need - 1, need, tone(TONE_QUIET), title);
	}
}

static void opening(const struct model *model, struct screen *screen, const struct layout *layout)
{
	char text[STOKER_NAME_MAX + 64], clock[16];
	int64_t since = model->now_ns;
	size_t i;
	bool booting = false;

	for (i = 0; i < model->count; i++)
		booting = booting || (strcmp(model->rows[i].vm.name, model->opening) == 0 && !model->rows[i].vm.ready);
	for (i = 0; i < model->op_count; i++) {
		if (strcmp(model->ops[i].name, model->opening) == 0 && model->ops[i].action ==
		    (model->opening_kind == PANE_SHELL ? ACTION_SHELL : ACTION_LOGS))
			since = model->ops[i].since_ns;
	}
	running_text(model->now_ns - since, clock, sizeof clock);
	screen_put(screen, layout->tabs.row, layout->tabs.col + 1, layout->tabs.cols - 2, tone(TONE_STRONG), model->opening);
	snprintf(text, sizeof text, "Opening %s ... %s", model->opening_kind == PANE_SHELL ? "a shell" : "the log", clock);
	screen_put(screen, layout->pane.row + layout->pane.rows / 3, layout->pane.col + 3, layout->pane.cols - 4,
	           tone(TONE_BUSY), text);
	if (layout->pane.rows > layout->pane.rows / 3 + 1)
		screen_put(screen, layout->pane.row + layout->pane.rows / 3 + 1, layout->pane.col + 3, layout->pane.cols - 4,
		           tone(TONE_QUIET), booting ? "It is still booting and is waited for. Esc: do not." : "Esc: do not wait");
}

/* The other one of two, and the line between them. */
static void second(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct pane *pane = model->panes[model->split.other];
	const struct rect *at = &layout->divider;
	char title[160] = "", text[240];
	int r;

	if (model->split.stacked) {
		/* Says whose the lower one is; the tabs are above the upper one. */
		const struct pane *lower = model->split.other_first ? model->panes[model->front] : pane;
		lower->ops->title(lower, title, sizeof title);
		snprintf(text, sizeof text, "%s", lower->vm_name);
		draw_rule(screen, at->row, at->col, at->cols, text, title, false);
	} else {
		for (r = 0; r < at->rows; r++)
			screen_put(screen, at->row + r, at->col, 1, tone(TONE_QUIET), glyph(screen, GLYPH_V));
	}
	if (!screen_seeking(screen))
		pane->ops->draw(pane, screen, layout->other.row, layout->other.col, layout->other.rows, layout->other.cols, false);
}

void view_panes(const struct model *model, struct screen *screen, const struct layout *layout)
{
	const struct rect *pane = &layout->pane;
	int r;

	if (layout->beside) {
		for (r = layout->tabs.row; r < pane->row + pane->rows; r++)
			screen_put(screen, r, layout->tabs.col - 1, 1, tone(TONE_QUIET), glyph(screen, GLYPH_V));
		if (layout->panel.rows > 0)
			screen_put(screen, layout->panel.row, layout->tabs.col - 1, 1, tone(TONE_QUIET),
			           glyph(screen, GLYPH_TEE_LEFT));
	} else if (!model->full) {
		draw_rule(screen, layout->tabs.row, 0, layout->tabs.cols, NULL, NULL, false);
		screen_fill(screen, layout->tabs.row, 0, 1, layout->tabs.cols, tone(TONE_PLAIN));
	}
	draw_tabs(model, screen, &layout->tabs);
	if (model->front < 0) {
		opening(model, screen, layout);
		return;
	}
	if (layout->other.rows > 0)
		second(model, screen, layout);
	if (pane->rows > 0 && !screen_seeking(screen))
		model->panes[model->front]->ops->draw(model->panes[model->front], screen, pane->row, pane->col, pane->rows,
		                                      pane->cols, model->pane_focus && model->dialog == DIALOG_NONE);
}
