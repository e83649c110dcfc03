/* SPDX-License-Identifier: Apache-2.0
 *
 * update_mouse.c - clicks and the wheel. Where a pane is, they are the pane's;
 * everywhere else the views say what is there (hot.h).
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "layout.h"
#include "update.h"
#include "view.h"

#define WHEEL_STEP 3
#define DOUBLE_NS 400000000LL

static void send_key(struct model *model, int code, struct effects *effects)
{
	struct key key = hot_key(code);
	key_take(model, &key, effects);
}

/* The second of two clicks on the same thing? */
static bool again(struct model *model, const char *what)
{
	bool is = strcmp(model->clicked, what) == 0 && model->now_ns - model->clicked_ns < DOUBLE_NS;
	snprintf(model->clicked, sizeof model->clicked, "%s", is ? "" : what);
	model->clicked_ns = model->now_ns;
	return is;
}

/* What is typed into ends when something else is clicked; a filter stays as it is. */
static void leave_prompt(struct model *model)
{
	model->filtering = model->naming = model->commanding = false;
	model->asking = ASK_NOTHING;
}

static void line_clicked(struct model *model, int line, struct effects *effects)
{
	leave_prompt(model);
	model->pane_focus = model->panel_focus = false;
	select_at(model, line);
	if (!again(model, model->on_group ? model->selected_group : model->selected))
		return;
	if (model->on_group)
		panel_fold(model);
	else
		update_act(model, ACTION_SHELL, effects);
}

static void panel_clicked(struct model *model, int line)
{
	char what[32];
	leave_prompt(model);
	model->pane_focus = false;
	model->panel_focus = true;
	model->panel_at = line;
	model_arrange(model);
	snprintf(what, sizeof what, "panel %d", line);
	if (again(model, what))
		panel_enter(model);
}

/* VMs in one state only; the same again takes it back. */
static void state_clicked(struct model *model, int which)
{
	static const char *const words[] = {
		[GLYPH_RUNNING] = "state:running !is:busy !is:stale", [GLYPH_BUSY] = "is:busy",
		[GLYPH_PAUSED] = "state:paused", [GLYPH_STOPPED] = "state:created,stopped !is:busy",
		[GLYPH_CRASHED] = "state:crashed", [GLYPH_ERROR] = "state:error", [GLYPH_STALE] = "is:stale" };
	leave_prompt(model);
	field_set(&model->filter, strcmp(model->filter.text, words[which]) == 0 ? "" : words[which]);
	model_arrange(model);
}

static void sort_clicked(struct model *model, enum sort_by sort)
{
	if (sort == SORT_COUNT)
		return;
	model->reverse = sort == model->sort && !model->reverse;
	model->sort = sort;
	model_arrange(model);
}

static void prompt_clicked(struct model *model, const struct hot *hot)
{
	struct field *field = model->naming ? &model->path : model->commanding ? &model->palette :
	                      model->asking != ASK_NOTHING ? &model->answer : model->filtering ? &model->filter : NULL;
	if (field != NULL)
		field_click(field, hot->cols, hot->offset);
}

/* Outside of what only shows something: it is put away. What was typed or asked is not. */
static void outside_clicked(struct model *model)
{
	if (model->dialog == DIALOG_TEXT || model->dialog == DIALOG_COLUMNS)
		model->dialog = DIALOG_NONE;
	else if (model->dialog == DIALOG_HELP)
		model->dialog = model->help_back;
	else if (model->dialog == DIALOG_NONE && model->commanding)
		model->commanding = false;
}

static void clicked(struct model *model, const struct hot *hot, struct effects *effects)
{
	/* What a dialog or the palette covers, or leaves free around itself, is not there. */
	bool modal = model->dialog != DIALOG_NONE || model->commanding;

	switch (hot->kind) {
	case HOT_KEY:
		send_key(model, hot->value, effects);
		return;
	case HOT_YES:
		confirm_yes(model, effects);
		return;
	case HOT_NO:
		model->dialog = DIALOG_NONE;
		return;
	case HOT_FIELD:
		form_click(model, hot->value < 0 ? -1 - hot->value : hot->value, hot->cols, hot->value < 0 ? -1 : hot->offset);
		return;
	case HOT_CHOICE:
		form_choose(model, hot->value / HOT_CHOICES, hot->value % HOT_CHOICES, effects);
		return;
	case HOT_PLAN:
	case HOT_PLAN_BOX:
		model->plan.cursor = hot->value;
		if (hot->kind == HOT_PLAN_BOX)
			key_bound(model, IN_PLAN_TAKE, effects);
		return;
	case HOT_COLUMN:
	case HOT_COLUMN_BOX:
		model->columns.cursor = hot->value;
		if (hot->kind == HOT_COLUMN_BOX)
			key_bound(model, IN_COLUMNS_SHOW, effects);
		return;
	case HOT_TEXT:
		model->text.cursor = hot->value;
		text_copy(model, effects);
		return;
	case HOT_COPY:
		key_bound(model, IN_COPY_COMMAND, effects);
		return;
	case HOT_FOUND:
		finder_click(model, (size_t)hot->value, effects);
		return;
	case HOT_PROMPT:
		prompt_clicked(model, hot);
		return;
	case HOT_INSIDE:
		return;
	case HOT_ACTION:
		/* Of the dialogs only the help lists actions. */
		if (modal && (model->dialog != DIALOG_HELP || model->help_back != DIALOG_NONE)) {
			outside_clicked(model);
			return;
		}
		model->dialog = DIALOG_NONE;
		leave_prompt(model);
		update_act(model, (enum action_id)hot->value, effects);
		return;
	default:
		break;
	}
	if (modal) {
		outside_clicked(model);
		return;
	}
	switch (hot->kind) {
	case HOT_LINE:
		line_clicked(model, hot->value, effects);
		break;
	case HOT_VM:
		leave_prompt(model);
		model->on_group = false;
		memcpy(model->selected, model->rows[hot->value].vm.id, sizeof model->selected);
		model_arrange(model);
		break;
	case HOT_SORT:
		sort_clicked(model, (enum sort_by)hot->value);
		break;
	case HOT_STATE:
		state_clicked(model, hot->value);
		break;
	case HOT_PANEL:
		panel_clicked(model, hot->value);
		break;
	case HOT_TAB:
		leave_prompt(model);
		pane_front(model, hot->value, true);
		break;
	case HOT_LEADER: {
		struct key leave = binding_key(&model->keymap.leave);
		key_take(model, &leave, effects);
		send_key(model, hot->value, effects);
		break;
	}
	default:
		break;
	}
}

/* The right button: marks in the list; on a heading, which columns there are. */
static void right_clicked(struct model *model, const struct hot *hot, struct effects *effects)
{
	if (model->dialog != DIALOG_NONE || model->commanding)
		return;
	if (hot->kind == HOT_LINE) {
		leave_prompt(model);
		model->pane_focus = model->panel_focus = false;
		select_at(model, hot->value);
		mark_one(model);
		model_arrange(model);
	} else if (hot->kind == HOT_SORT) {
		update_act(model, ACTION_COLUMNS, effects);
	}
}

static void wheel(struct model *model, const struct layout *layout, const struct key *key, struct effects *effects)
{
	bool up = key->act == MOUSE_WHEEL_UP, scrolls = model->dialog == DIALOG_TEXT || model->dialog == DIALOG_HELP ||
	                                                model->dialog == DIALOG_FANOUT;
	enum place_key row = up ? IN_TEXT_UP : IN_TEXT_DOWN;
	int i;

	if (model->dialog != DIALOG_NONE || model->commanding) {
		if (model->dialog == DIALOG_CONFIRM)
			return;
		if (model->dialog == DIALOG_CREATE)
			row = up ? IN_FORM_PREVIOUS : IN_FORM_NEXT;
		else if (model->dialog == DIALOG_NONE)
			row = up ? IN_LINE_UP : IN_LINE_DOWN;
		for (i = 0; i < (scrolls ? WHEEL_STEP : 1); i++)
			key_bound(model, row, effects);
	} else if (rect_has(&layout->list, key->row, key->col)) {
		select_at(model, (long)model->selected_at + (up ? -WHEEL_STEP : WHEEL_STEP));
	} else if (rect_has(&layout->panel, key->row, key->col) && panel_takes_focus(model->panel)) {
		panel_move(model, up ? -WHEEL_STEP : WHEEL_STEP, false);
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

/* True when it was for a pane. */
static bool pane_mouse(struct model *model, struct layout *layout, const struct key *key, struct effects *effects)
{
	if (model->front >= 0 && model->split.other >= 0 && layout->other.rows > 0 && model->mouse_pane < 0 &&
	    rect_has(&layout->other, key->row, key->col)) {
		if (key->act != MOUSE_PRESS) {
			to_pane(model, model->split.other, &layout->other, key, effects);
			return true;
		}
		pane_front(model, model->split.other, true);
		layout_of(model, layout);
	}
	/* A button that went down in the pane comes up for the pane, wherever that is. */
	if (model->front < 0 || layout->pane.rows == 0 ||
	    (model->mouse_pane != model->front && !rect_has(&layout->pane, key->row, key->col)))
		return false;
	if (key->act == MOUSE_PRESS) {
		leave_prompt(model);
		model->pane_focus = true;
		model->mouse_pane = model->front;
	} else if (key->act == MOUSE_RELEASE) {
		model->mouse_pane = -1;
	}
	to_pane(model, model->front, &layout->pane, key, effects);
	return true;
}

void mouse_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct layout layout;
	struct hot hot;

	layout_of(model, &layout);
	if (model->dialog == DIALOG_NONE && !model->commanding && pane_mouse(model, &layout, key, effects))
		return;
	model->mouse_pane = -1;
	if (key->act == MOUSE_WHEEL_UP || key->act == MOUSE_WHEEL_DOWN) {
		wheel(model, &layout, key, effects);
	} else if (key->act == MOUSE_PRESS && (key->button == 1 || key->button == 3)) {
		hot = hot_at(model, key->row, key->col);
		if (key->button == 1)
			clicked(model, &hot, effects);
		else
			right_clicked(model, &hot, effects);
	}
}
