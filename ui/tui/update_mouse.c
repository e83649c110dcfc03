/* SPDX-License-Identifier: Apache-2.0
 *
 * update_mouse.c - clicks and the wheel.
 */
#include <string.h>

#include "layout.h"
#include "update.h"

#define WHEEL_STEP 3
#define DOUBLE_NS 400000000LL

static void dialog_mouse(struct model *model, const struct key *key, struct effects *effects)
{
	struct key moved;
	int button, i;

	if (model->dialog == DIALOG_CONFIRM && key->act == MOUSE_PRESS && key->button == 1) {
		button = button_at(model, key->row, key->col);
		if (button == 1)
			model->dialog = DIALOG_NONE;
		else if (button == 2)
			confirm_yes(model, effects);
		return;
	}
	if (key->act != MOUSE_WHEEL_UP && key->act != MOUSE_WHEEL_DOWN)
		return;
	memset(&moved, 0, sizeof moved);
	moved.kind = KEY_KIND_SPECIAL;
	moved.special = key->act == MOUSE_WHEEL_UP ? SK_UP : SK_DOWN;
	for (i = 0; i < (model->dialog == DIALOG_TEXT || model->dialog == DIALOG_HELP ? WHEEL_STEP : 1); i++)
		dialog_key(model, &moved, effects);
}

static void press(struct model *model, const struct layout *layout, const struct key *key, struct effects *effects)
{
	enum action_id action;
	enum sort_by sort;
	int tab;

	if (rect_has(&layout->list, key->row, key->col)) {
		size_t at = model->top + (size_t)(key->row - layout->list.row);
		model->pane_focus = model->panel_focus = false;
		if (at >= model->line_count)
			return;
		select_at(model, (long)at);
		if (strcmp(model->clicked, model->selected) == 0 && model->now_ns - model->clicked_ns < DOUBLE_NS) {
			model->clicked[0] = '\0';
			update_act(model, ACTION_SHELL, effects);
			return;
		}
		memcpy(model->clicked, model->selected, sizeof model->clicked);
		model->clicked_ns = model->now_ns;
	} else if (rect_has(&layout->panel, key->row, key->col)) {
		if (panel_takes_focus(model->panel) && key->row > layout->panel.row + 1) {
			model->pane_focus = false;
			model->panel_focus = true;
			model->panel_at = model->panel_top + key->row - layout->panel.row - 2;
			model_arrange(model);
		}
	} else if (rect_has(&layout->heading, key->row, key->col)) {
		sort = heading_at(model, key->col);
		if (sort != SORT_COUNT) {
			model->reverse = sort == model->sort && !model->reverse;
			model->sort = sort;
			model_arrange(model);
		}
	} else if (rect_has(&layout->tabs, key->row, key->col)) {
		tab = tab_at(model, key->col);
		if (tab >= 0)
			pane_front(model, tab, true);
	} else if (rect_has(&layout->footer, key->row, key->col)) {
		action = footer_at(model, key->col);
		if (action != ACTION_NONE) {
			model->pane_focus = false;
			update_act(model, action, effects);
		}
	}
}

static void to_pane(struct model *model, int index, const struct rect *at, const struct key *key, struct effects *effects)
{
	struct effect *effect = effect_add(effects, EFFECT_PANE_KEY);
	effect->pane = model->panes[index];
	effect->key = *key;
	effect->key.row -= at->row;
	effect->key.col -= at->col;
}

void mouse_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct layout layout;

	layout_of(model, &layout);
	if (model->dialog != DIALOG_NONE) {
		dialog_mouse(model, key, effects);
		return;
	}
	if (model->front >= 0 && model->split.other >= 0 && layout.other.rows > 0 && model->mouse_pane < 0 &&
	    rect_has(&layout.other, key->row, key->col)) {
		if (key->act == MOUSE_PRESS) {
			pane_front(model, model->split.other, true);
			layout_of(model, &layout);
		} else {
			to_pane(model, model->split.other, &layout.other, key, effects);
			return;
		}
	}
	/* A button that went down in the pane comes up for the pane, wherever that is. */
	if (model->front >= 0 && layout.pane.rows > 0 &&
	    (model->mouse_pane == model->front || rect_has(&layout.pane, key->row, key->col))) {
		if (key->act == MOUSE_PRESS) {
			model->pane_focus = true;
			model->mouse_pane = model->front;
		} else if (key->act == MOUSE_RELEASE) {
			model->mouse_pane = -1;
		}
		to_pane(model, model->front, &layout.pane, key, effects);
		return;
	}
	model->mouse_pane = -1;
	if (key->act == MOUSE_PRESS && key->button == 1)
		press(model, &layout, key, effects);
	else if (key->act == MOUSE_WHEEL_UP && rect_has(&layout.list, key->row, key->col))
		select_at(model, (long)model->selected_at - WHEEL_STEP);
	else if (key->act == MOUSE_WHEEL_DOWN && rect_has(&layout.list, key->row, key->col))
		select_at(model, (long)model->selected_at + WHEEL_STEP);
	else if ((key->act == MOUSE_WHEEL_UP || key->act == MOUSE_WHEEL_DOWN) &&
	         rect_has(&layout.panel, key->row, key->col) && panel_takes_focus(model->panel))
		panel_move(model, key->act == MOUSE_WHEEL_UP ? -WHEEL_STEP : WHEEL_STEP, false);
}
