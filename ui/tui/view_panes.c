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

static void draw_tab(const struct model *model, struct screen *screen, int row, int col, int width, int i)
{
	const struct pane *pane = model->panes[i];
	bool front = i == model->front;
	char text[200];

	snprintf(text, sizeof text, "%s %s",
	         pane->ops->kind == PANE_SHELL ? glyph(screen, GLYPH_SHELL) : screen_ascii(screen) ? "=" : "≡", pane->vm_name);
	screen_field(screen, row, col, width - 2, tone(front ? (model->pane_focus ? TONE_TITLE : TONE_STRONG) : TONE_QUIET), text);
	screen_hot(screen, row, col, width, HOT_TAB, i);
	if (pane->activity && !front && i != model->split.other)
		screen_put(screen, row, col + width - 3, 1, tone(TONE_BUSY), glyph(screen, GLYPH_ACTIVITY));
	if (pane->broadcast)
		screen_put(screen, row, col, width - 3, tone(TONE_WARN), text);
	if (front && model->pane_focus)
		screen_restyle(screen, row, col, width - 3, ATTR_REVERSE, 0);
}

/* What the pane says of itself, at the right end of its heading if there is room. */
static void draw_title(struct screen *screen, int row, int col, int end, const struct pane *pane)
{
	char title[160] = "";
	int need;

	pane->ops->title(pane, title, sizeof title);
	if (pane->logging && strlen(title) + 12 < sizeof title)
		memcpy(title + strlen(title), "  logged", 9);
	need = text_width(title);
	if (col + need + 2 <= end)
		screen_put(screen, row, end - need - 1, need, tone(TONE_QUIET), title);
}

static void draw_tabs(const struct model *model, struct screen *screen, const struct layout *layout)
{
	const struct rect *at = &layout->tabs;
	int col = at->col + 1, end = at->col + at->cols, upper = model->front, i, width;

	if (model->front >= 0 && model->split.other >= 0 && layout->other.rows > 0) {
		/* The tabs are above the left or upper one of two; of a right one its name is above it, of a lower one the
		 * line between them says it. */
		if (model->split.other_first)
			upper = model->split.other;
		if (!model->split.stacked) {
			int right = model->split.other_first ? model->front : model->split.other;
			int from = (model->split.other_first ? layout->pane : layout->other).col;
			width = tab_width(model->panes[right]);
			draw_tab(model, screen, at->row, from, from + width > end ? end - from : width, right);
			draw_title(screen, at->row, from + width, end, model->panes[right]);
			end = from - 1;
			screen_put(screen, at->row, end, 1, tone(TONE_QUIET), glyph(screen, GLYPH_V));
		}
	}
	for (i = first_tab(model, end - at->col - 2); i < model->pane_count && col + 3 < end; i++) {
		width = tab_width(model->panes[i]);
		if (col + width > end)
			width = end - col;
		draw_tab(model, screen, at->row, col, width, i);
		col += width;
	}
	if (upper >= 0)
		draw_title(screen, at->row, col, end, model->panes[upper]);
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
	if (layout->pane.rows > layout->pane.rows / 3 + 1) {
		keymap_text(&model->keymap, booting ? "It is still booting and is waited for. {list-clear}: do not." : "{list-clear}: do not wait", text, sizeof text);
		screen_put(screen, layout->pane.row + layout->pane.rows / 3 + 1, layout->pane.col + 3, layout->pane.cols - 4,
		           tone(TONE_QUIET), text);
	}
}

/* The other one of two, and the line between them. */
static void second(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct pane *pane = model->panes[model->split.other];
	const struct rect *at = &layout->divider;
	char title[160] = "", text[240];
	int r;

	if (!screen_seeking(screen))
		pane->ops->draw(pane, screen, layout->other.row, layout->other.col, layout->other.rows, layout->other.cols, false);
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
	/* First the panes: they take their size from being drawn, and what the tabs say of them depends on it. */
	if (model->front >= 0 && pane->rows > 0 && !screen_seeking(screen))
		model->panes[model->front]->ops->draw(model->panes[model->front], screen, pane->row, pane->col, pane->rows,
		                                      pane->cols, model->pane_focus && model->dialog == DIALOG_NONE);
	if (model->front >= 0 && layout->other.rows > 0)
		second(model, screen, layout);
	draw_tabs(model, screen, layout);
	if (model->front < 0)
		opening(model, screen, layout);
}
