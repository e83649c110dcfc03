/* SPDX-License-Identifier: Apache-2.0
 *
 * update_dialog.c - keys of dialogs: confirm, reconcile, text, help.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "layout.h"
#include "update.h"

static void dialog_close(struct model *model, struct effects *effects)
{
	if (model->dialog == DIALOG_RECONCILE && model->plan.state != PLAN_WORKING)
		effect_add(effects, EFFECT_PLAN_DROP);
	model->dialog = DIALOG_NONE;
}

static void confirm_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct confirm *confirm = &model->confirm;

	switch ((int)keymap_at(&model->keymap, key, PLACE_CONFIRM)) {
	case IN_CONFIRM_NO:
		model->dialog = DIALOG_NONE;
		return;
	case IN_CONFIRM_OTHER:
		confirm->yes = !confirm->yes;
		return;
	case IN_CONFIRM_YES:
		confirm_yes(model, effects);
		return;
	default:
		break;
	}
	switch ((int)keymap_at(&model->keymap, key, PLACE_DIALOG)) {
	case IN_DIALOG_LEAVE:
		model->dialog = DIALOG_NONE;
		break;
	case IN_DIALOG_ACCEPT:
		if (confirm->yes)
			confirm_yes(model, effects);
		else
			model->dialog = DIALOG_NONE;
		break;
	default:
		break;
	}
}

/* ------------------------------------------------------------------ scroll */

bool scroll_key(const struct model *model, int *top, const struct key *key, int page)
{
	switch ((int)keymap_at(&model->keymap, key, PLACE_TEXT)) {
	case IN_TEXT_UP: *top -= 1; break;
	case IN_TEXT_DOWN: *top += 1; break;
	case IN_TEXT_PAGE_UP: *top -= page; break;
	case IN_TEXT_PAGE_DOWN: *top += page; break;
	case IN_TEXT_HALF_UP: *top -= page / 2; break;
	case IN_TEXT_HALF_DOWN: *top += page / 2; break;
	case IN_TEXT_FIRST: *top = 0; break;
	case IN_TEXT_LAST: *top = 1 << 20; break;
	default: return false;
	}
	return true;
}

static void clamp(int *top, int count, int page)
{
	if (*top > count - page)
		*top = count - page;
	if (*top < 0)
		*top = 0;
}

void text_open(struct model *model, const char *title, char **lines, int count)
{
	struct text_view *text = &model->text;
	int i;
	for (i = 0; i < text->count; i++)
		free(text->lines[i]);
	free(text->lines);
	text->lines = lines;
	text->count = count;
	text->top = text->cursor = 0;
	text->choose = false;
	snprintf(text->title, sizeof text->title, "%s", title);
	model->dialog = DIALOG_TEXT;
}

/* --------------------------------------------------------------- reconcile */

void plan_open(struct model *model, struct effects *effects)
{
	struct plan_view *plan = &model->plan;
	struct effect *effect;

	if (plan->state == PLAN_WORKING && plan->op != 0) {
		size_t i;
		for (i = 0; i < model->op_count; i++) {
			if (model->ops[i].id == plan->op) {
				model->dialog = DIALOG_RECONCILE; /* still at it: look on */
				return;
			}
		}
	}
	free(plan->items);
	memset(plan, 0, sizeof *plan);
	model->dialog = DIALOG_RECONCILE;
	effect = effect_add(effects, EFFECT_PLAN);
	plan->op = effect->op = op_begin(model, ACTION_RECONCILE, "", "");
}

void plan_event(struct model *model, struct event *event)
{
	struct plan_view *plan = &model->plan;
	struct plan_item *item;
	size_t i;

	if (event->kind == EVENT_PLAN) {
		if (event->op != plan->op || !dialog_is_open(model, DIALOG_RECONCILE)) {
			free(event->items);
			return;
		}
		free(plan->items);
		plan->items = event->items;
		plan->count = plan->items != NULL ? event->count : 0; /* so whoever counts has a list */
		plan->cursor = plan->top = 0;
		plan->state = event->failed ? PLAN_FAILED : PLAN_READY;
		if (event->failed)
			stoker_error_text(&event->error, plan->failure, sizeof plan->failure);
		for (i = 0; i < plan->count; i++)
			plan->items[i].choice = plan->items[i].finding.ask ? STOKER_REPAIR_NONE : plan->items[i].finding.repair;
		return;
	}
	if (event->op != plan->op || event->item >= plan->count)
		return;
	item = &plan->items[event->item];
	item->result = event->begun ? ITEM_WORKING : event->failed ? ITEM_FAILED : ITEM_DONE;
	if (event->failed)
		stoker_error_text(&event->error, item->why, sizeof item->why);
}

static size_t chosen(const struct plan_view *plan)
{
	size_t i, n = 0;
	for (i = 0; i < plan->count; i++)
		n += plan->items[i].choice != STOKER_REPAIR_NONE;
	return n;
}

static void apply(struct model *model, struct effects *effects)
{
	struct plan_view *plan = &model->plan;
	enum stoker_repair *choices;
	struct effect *effect;
	size_t i;

	choices = calloc(plan->count, sizeof *choices);
	if (choices == NULL)
		return;
	for (i = 0; i < plan->count; i++)
		choices[i] = plan->items[i].choice;
	effect = effect_add(effects, EFFECT_APPLY);
	effect->choices = choices;
	effect->count = plan->count;
	plan->op = effect->op = op_begin(model, ACTION_RECONCILE, "", "");
	plan->state = PLAN_WORKING;
}

static void plan_accept(struct model *model, struct effects *effects)
{
	const struct plan_view *plan = &model->plan;
	if (plan->state == PLAN_READY && chosen(plan) > 0)
		apply(model, effects);
	else if (plan->state == PLAN_DONE || plan->state == PLAN_FAILED ||
	         (plan->state != PLAN_LOOKING && plan->state != PLAN_WORKING && chosen(plan) == 0))
		dialog_close(model, effects);
}

static void plan_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct plan_view *plan = &model->plan;
	enum place_key own = keymap_at(&model->keymap, key, PLACE_PLAN), any = keymap_at(&model->keymap, key, PLACE_DIALOG);
	int last = plan->count > 0 ? (int)plan->count - 1 : 0;

	if (own != IN_NONE) {
		struct plan_item *item = &plan->items[plan->cursor];
		if (plan->state != PLAN_READY || plan->cursor >= (int)plan->count)
			return;
		if (own == IN_PLAN_TAKE)
			item->choice = item->choice != STOKER_REPAIR_NONE ? STOKER_REPAIR_NONE : item->finding.repair;
		else if (item->finding.alternative != STOKER_REPAIR_NONE)
			item->choice = item->choice == item->finding.alternative ? item->finding.repair : item->finding.alternative;
	} else if (any == IN_DIALOG_LEAVE) {
		dialog_close(model, effects);
	} else if (any == IN_DIALOG_ACCEPT) {
		plan_accept(model, effects);
	} else if (scroll_key(model, &plan->cursor, key, 10)) {
		plan->cursor = plan->cursor < 0 ? 0 : plan->cursor > last ? last : plan->cursor;
	}
}

void text_copy(struct model *model, struct effects *effects)
{
	const struct text_view *text = &model->text;
	const char *tab = text->cursor < text->count ? strchr(text->lines[text->cursor], '\t') : NULL;
	model->dialog = DIALOG_NONE;
	if (tab != NULL)
		command_copy(model, strdup(tab + 1), effects);
}

static void text_key(struct model *model, const struct key *key, struct effects *effects)
{
	const struct keymap *map = &model->keymap;
	struct text_view *text = &model->text;
	int page = model->rows_size - 6 > 1 ? model->rows_size - 6 : 1;

	if (text->choose && keymap_at(map, key, PLACE_COMMANDS) == IN_COMMANDS_COPY) {
		text_copy(model, effects);
	} else if (keymap_at(map, key, PLACE_DIALOG) == IN_DIALOG_LEAVE || keymap_action(map, key) == ACTION_INSPECT) {
		model->dialog = DIALOG_NONE;
	} else if (!text->choose) {
		scroll_key(model, &text->top, key, page);
		clamp(&text->top, text->count, page);
	} else {
		/* The chosen line moves, and the page with it; the view keeps it in sight. */
		scroll_key(model, &text->cursor, key, page);
		text->cursor = text->cursor < 1 ? 1 : text->cursor >= text->count ? text->count - 1 : text->cursor;
		if (text->top > text->cursor - 1)
			text->top = text->cursor - 1;
	}
}

bool dialog_is_open(const struct model *model, enum dialog dialog)
{
	return model->dialog == dialog || (model->dialog == DIALOG_HELP && model->help_back == dialog);
}

void help_open(struct model *model)
{
	static const enum help_of dialogs[DIALOG_COUNT] = { [DIALOG_CREATE] = HELP_FORM, [DIALOG_RECONCILE] = HELP_PLAN,
		[DIALOG_TEXT] = HELP_TEXT, [DIALOG_COLUMNS] = HELP_COLUMNS, [DIALOG_FANOUT] = HELP_FANOUT };
	static const enum help_of below[PANEL_COUNT] = { HELP_COUNT, HELP_PHASES, HELP_GRAPHS, HELP_FLEET, HELP_OPERATIONS,
		HELP_EVENTS };
	const struct pane *pane = model->front >= 0 ? model->panes[model->front] : NULL;
	struct layout layout;

	layout_of(model, &layout);
	model->help_below = HELP_COUNT;
	if (model->dialog != DIALOG_NONE)
		model->help_of = dialogs[model->dialog];
	else if (model->filtering)
		model->help_of = HELP_FILTER;
	else if (model->commanding)
		model->help_of = HELP_PALETTE;
	else if (model->asking != ASK_NOTHING || model->naming)
		model->help_of = HELP_LINE;
	else if (pane != NULL && (model->leader || model->pane_focus))
		model->help_of = pane->ops->kind == PANE_LOG ? HELP_LOG : model->leader ? HELP_SHELL : HELP_COPY;
	else if (model->panel_focus)
		model->help_of = below[model->panel];
	else {
		model->help_of = HELP_LIST;
		if (layout.panel.rows > 0)
			model->help_below = below[model->panel];
	}
	model->help_back = model->dialog;
	model->dialog = DIALOG_HELP;
	model->help_top = 0;
}

static void help_close(struct model *model)
{
	model->dialog = model->help_back;
	model->help_back = DIALOG_NONE;
}

static void help_key(struct model *model, const struct key *key)
{
	if (keymap_at(&model->keymap, key, PLACE_DIALOG) == IN_DIALOG_LEAVE || keymap_action(&model->keymap, key) == ACTION_HELP)
		help_close(model);
	else
		scroll_key(model, &model->help_top, key, model->rows_size - 4 > 1 ? model->rows_size - 4 : 1);
	clamp(&model->help_top, 200, 1);
}

static void columns_dialog_key(struct model *model, const struct key *key)
{
	int *cursor = &model->columns.cursor;

	if (columns_key(&model->columns, key, &model->keymap))
		return;
	if (keymap_at(&model->keymap, key, PLACE_DIALOG) != IN_NONE || keymap_action(&model->keymap, key) == ACTION_COLUMNS)
		model->dialog = DIALOG_NONE;
	else if (scroll_key(model, cursor, key, 10))
		*cursor = *cursor < 0 ? 0 : *cursor >= COL_COUNT ? COL_COUNT - 1 : *cursor;
}

/* The command line that a dialog shows. */
static char *command_shown(const struct model *model)
{
	if (model->dialog == DIALOG_CREATE)
		return command_of_form(model);
	if (model->dialog == DIALOG_CONFIRM && model->confirm.count > 0)
		return command_of_ids(model, model->confirm.action, model->confirm.ids, model->confirm.count);
	return NULL;
}

void dialog_key(struct model *model, const struct key *key, struct effects *effects)
{
	bool help = model->dialog == DIALOG_CREATE ? keymap_at(&model->keymap, key, PLACE_LINE) == IN_LINE_HELP
	                                           : keymap_action(&model->keymap, key) == ACTION_HELP;

	if (keymap_at(&model->keymap, key, PLACE_COMMAND) == IN_COPY_COMMAND) {
		command_copy(model, command_shown(model), effects);
		return;
	}
	if (help && model->dialog != DIALOG_HELP && model->dialog != DIALOG_CONFIRM) {
		help_open(model);
		return;
	}
	switch (model->dialog) {
	case DIALOG_CONFIRM:
		confirm_key(model, key, effects);
		break;
	case DIALOG_CREATE:
		form_key(model, key, effects);
		break;
	case DIALOG_RECONCILE:
		plan_key(model, key, effects);
		break;
	case DIALOG_TEXT:
		text_key(model, key, effects);
		break;
	case DIALOG_HELP:
		help_key(model, key);
		break;
	case DIALOG_COLUMNS:
		columns_dialog_key(model, key);
		break;
	case DIALOG_FANOUT:
		run_key(model, key, effects);
		break;
	default:
		break;
	}
}
