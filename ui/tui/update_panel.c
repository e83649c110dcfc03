/* SPDX-License-Identifier: Apache-2.0
 *
 * update_panel.c - what is below the list: operations, events, figures; and
 * the list's own groups.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "groups.h"
#include "layout.h"
#include "update.h"

bool panel_takes_focus(enum panel panel)
{
	return panel == PANEL_OPERATIONS || panel == PANEL_EVENTS;
}

void panel_close(struct model *model)
{
	model->panel_focus = false;
	model->panel = PANEL_PHASES;
	model_arrange(model);
}

/* The same key again closes what it opened. */
void panel_open(struct model *model, enum panel panel)
{
	struct layout layout;
	char key[24];

	if (model->panel == panel && (model->panel_focus || !panel_takes_focus(panel))) {
		panel_close(model);
		return;
	}
	if (model->panel != panel)
		model->panel_at = model->panel_top = 0;
	model->panel = panel;
	model->panel_focus = panel_takes_focus(panel);
	model_arrange(model);
	layout_of(model, &layout);
	if (layout.panel.rows == 0 && (model->front >= 0 || model->opening[0] != '\0')) {
		action_first_key(model, ACTION_DETACH, key, sizeof key);
		say(model, MESSAGE_PLAIN, "there is no room for it above the pane: %s puts the pane away", key);
	}
}

int panel_lines(const struct model *model)
{
	int i, count = 0;
	if (model->panel == PANEL_OPERATIONS)
		return (int)(model->op_count + model->ended_count);
	if (model->panel != PANEL_EVENTS)
		return 0;
	if (!model->events_of_one)
		return model->event_count;
	for (i = 0; i < model->event_count; i++)
		count += strcmp(model->events[i].id, model->selected) == 0;
	return count;
}

const struct stoker_event *panel_event(const struct model *model, int line)
{
	int i;
	if (!model->events_of_one)
		return line >= 0 && line < model->event_count ? &model->events[line] : NULL;
	for (i = 0; i < model->event_count; i++) {
		if (strcmp(model->events[i].id, model->selected) == 0 && line-- == 0)
			return &model->events[i];
	}
	return NULL;
}

void panel_move(struct model *model, int by, bool to_end)
{
	int count = panel_lines(model);
	model->panel_at = to_end ? (by < 0 ? 0 : count - 1) : model->panel_at + by;
	model_arrange(model); /* keeps it inside */
}

/* ------------------------------------------------------------- operations */

/* What is under way comes first, the newest of it at the top. */
const struct op *panel_op(const struct model *model, int line)
{
	return line >= 0 && line < (int)model->op_count ? &model->ops[model->op_count - 1 - (size_t)line] : NULL;
}

const struct op_ended *panel_ended(const struct model *model, int line)
{
	line -= (int)model->op_count;
	return line >= 0 && line < (int)model->ended_count ? &model->ended[line] : NULL;
}

static bool op_can_cancel(const struct op *op)
{
	switch (op->action) {
	case ACTION_CREATE:
	case ACTION_START:
	case ACTION_STOP:
	case ACTION_RESIZE:
	case ACTION_SHELL:
		return true;
	default:
		return false;
	}
}

bool op_progress(struct model *model, const struct event *event)
{
	size_t i;
	for (i = 0; i < model->op_count; i++) {
		struct op *op = &model->ops[i];
		if (op->id != event->op)
			continue;
		snprintf(op->step, sizeof op->step, "%.63s", event->text);
		op->done = event->done;
		op->total = event->total;
		return model->panel == PANEL_OPERATIONS;
	}
	return false;
}

void op_keep(struct model *model, const struct op *op, const struct event *event)
{
	struct op_ended *ended;
	bool opens = op->action == ACTION_SHELL || op->action == ACTION_LOGS;

	/* A shell or log that opened is seen as such; nobody sees one that was left before. */
	if (opens && !event->failed && !op->cancelling)
		return;
	if (model->ended == NULL)
		model->ended = calloc(OPS_KEPT, sizeof *model->ended);
	if (model->ended == NULL)
		return;
	if (model->ended_count == OPS_KEPT)
		model->ended_count--;
	memmove(model->ended + 1, model->ended, model->ended_count * sizeof *model->ended);
	ended = &model->ended[0];
	memset(ended, 0, sizeof *ended);
	ended->op = *op;
	ended->took_ns = model->now_ns - op->since_ns;
	ended->result = event->failed ? (event->error.code == STOKER_E_CANCELLED ? OP_CANCELLED : OP_FAILED) :
	                opens         ? OP_CANCELLED : OP_DONE;
	if (event->failed)
		format_reason(ended->why, sizeof ended->why, &event->error); /* what it was is in the line already */
	if (op->vm_id[0] == '\0' && event->has_vm) {
		memcpy(ended->op.vm_id, event->vm.id, sizeof ended->op.vm_id);
		memcpy(ended->op.name, event->vm.name, sizeof ended->op.name);
	}
	model->ended_count++;
}

void panel_cancel(struct model *model, struct effects *effects)
{
	const struct op *shown = panel_op(model, model->panel_at);
	struct op *op = shown != NULL ? &model->ops[shown - model->ops] : NULL;
	if (op == NULL) {
		say(model, MESSAGE_PLAIN, "cancel: that operation has ended");
	} else if (!op_can_cancel(op)) {
		say(model, MESSAGE_PLAIN, "cancel: %s cannot be cut short", action_at(op->action)->name);
	} else {
		op->cancelling = true;
		effect_add(effects, EFFECT_CANCEL)->op = op->id;
	}
}

void panel_retry(struct model *model, struct effects *effects)
{
	const struct op_ended *ended = panel_ended(model, model->panel_at);
	const struct row *row = ended != NULL ? model_row(model, ended->op.vm_id) : NULL;
	enum action_id action;
	const char *why;
	struct op again;

	if (ended == NULL || ended->result == OP_DONE) {
		say(model, MESSAGE_PLAIN, ended == NULL ? "retry: that operation is still under way" :
		    "retry: that operation did not fail");
		return;
	}
	action = ended->op.action;
	if (action == ACTION_CREATE && row == NULL) {
		form_again(model, effects);
		return;
	}
	if (action == ACTION_RECONCILE) {
		plan_open(model, effects);
		return;
	}
	if (action == ACTION_CREATE)
		action = ACTION_START; /* it was made and did not start */
	if (row == NULL) {
		say(model, MESSAGE_PLAIN, "retry: %s is not there any more", ended->op.name);
		return;
	}
	again = ended->op;
	why = action_at(action)->why_not != NULL ? action_at(action)->why_not(&row->vm) : NULL;
	if (why != NULL) {
		say(model, MESSAGE_PLAIN, "retry %s %s: %s", action_at(action)->name, row->vm.name, why);
		return;
	}
	op_again(model, &again, action, effects);
}

/* ------------------------------------------------------------------ groups */

bool panel_enter(struct model *model)
{
	const char *id = NULL;
	if (model->panel_focus && model->panel == PANEL_EVENTS) {
		const struct stoker_event *event = panel_event(model, model->panel_at);
		id = event != NULL ? event->id : "";
	} else if (model->panel_focus && model->panel == PANEL_OPERATIONS) {
		const struct op *op = panel_op(model, model->panel_at);
		const struct op_ended *ended = panel_ended(model, model->panel_at);
		id = op != NULL ? op->vm_id : ended != NULL ? ended->op.vm_id : "";
	} else if (model->on_group) {
		panel_fold(model);
		return true;
	}
	if (id == NULL)
		return false;
	if (model_row(model, id) != NULL) {
		memcpy(model->selected, model_row(model, id)->vm.id, sizeof model->selected);
		model->on_group = false;
		model_arrange(model);
	} else {
		say(model, MESSAGE_PLAIN, "that VM is not there any more");
	}
	return true;
}

void panel_fold(struct model *model)
{
	const struct group *group = NULL;
	size_t i;

	for (i = model->selected_at + 1; i > 0 && group == NULL && i <= model->line_count; i--)
		group = model_line_group(model, i - 1);
	if (group == NULL) {
		say(model, MESSAGE_PLAIN, "fold: the list is not grouped");
		return;
	}
	model->on_group = true;
	memcpy(model->selected_group, group->key, sizeof model->selected_group);
	model->selected[0] = '\0';
	if (!group->folded && model->folded_count == FOLDED_MAX)
		say(model, MESSAGE_PLAIN, "fold: %d groups are folded, that is as many as can be", FOLDED_MAX);
	group_fold(model, model->selected_group, !group->folded);
	model_arrange(model);
}

void panel_group(struct model *model)
{
	char text[128];
	groups_next(model);
	if (model->on_group)
		model->selected_at = 0;
	model->on_group = false;
	model_arrange(model);
	groups_name(model, text, sizeof text);
	say(model, MESSAGE_PLAIN, "%s", text);
}
