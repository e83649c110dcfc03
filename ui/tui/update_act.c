/* SPDX-License-Identifier: Apache-2.0
 *
 * update_act.c - what each action does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "layout.h"
#include "update.h"

uint64_t op_begin(struct model *model, enum action_id action, const char *id, const char *name)
{
	struct row *row;
	struct op *op;
	if (model->op_count == model->op_cap) {
		size_t cap = model->op_cap == 0 ? 16 : model->op_cap * 2;
		struct op *grown = realloc(model->ops, cap * sizeof *grown);
		if (grown == NULL)
			return 0;
		model->ops = grown;
		model->op_cap = cap;
	}
	op = &model->ops[model->op_count++];
	memset(op, 0, sizeof *op);
	op->id = model->next_op++;
	op->action = action;
	op->since_ns = model->now_ns;
	op->since_ms = model->wall_ms;
	op->batch = model->batch.number;
	snprintf(op->vm_id, sizeof op->vm_id, "%s", id);
	snprintf(op->name, sizeof op->name, "%s", name);
	row = model_row(model, id);
	if (row != NULL && action != ACTION_SHELL && action != ACTION_LOGS) {
		row->op = action;
		row->op_since_ns = model->now_ns;
	}
	return op->id;
}

void op_end(struct model *model, const struct event *event, struct effects *effects)
{
	char text[1280];
	struct op op;
	struct row *row;
	struct pane *pane = NULL;
	size_t i;

	for (i = 0; i < model->op_count && model->ops[i].id != event->op; i++)
		;
	if (i == model->op_count)
		return;
	op = model->ops[i];
	memmove(model->ops + i, model->ops + i + 1, (model->op_count - i - 1) * sizeof op);
	model->op_count--;
	op_keep(model, &op, event);
	row = model_row(model, op.vm_id);
	if (row != NULL && row->op == op.action)
		row->op = ACTION_NONE;
	if (op.action == ACTION_RECONCILE) {
		if (model->plan.op == op.id && model->plan.state == PLAN_WORKING)
			model->plan.state = PLAN_DONE;
	}
	if ((op.action == ACTION_SHELL || op.action == ACTION_LOGS) && event->failed &&
	    strcmp(model->opening, op.name) == 0) {
		model->opening[0] = '\0';
		model_arrange(model);
	}
	if (op.action == ACTION_SHELL && event->failed) {
		pane = model_pane_of(model, op.vm_id, PANE_SHELL);
		if (pane != NULL)
			pane->reopening = false;
	}
	many_ended(model, event, &op, row);
	if (!event->failed) {
		if (op.action == ACTION_DELETE && row != NULL) {
			/* Gone at once: until the next list it would look like a VM at rest. */
			size_t at = (size_t)(row - model->rows);
			free(row->past);
			memmove(row, row + 1, (model->count - at - 1) * sizeof *row);
			model->count--;
			model_arrange(model);
		}
		if ((op.action == ACTION_CREATE || op.action == ACTION_UNDO) && event->has_vm) {
			memcpy(model->select_name, event->vm.name, sizeof model->select_name);
			model_arrange(model);
		}
		return;
	}
	if (event->error.code == STOKER_E_CANCELLED)
		return;
	if (pane != NULL && pane_lost_its_vm(model, pane, text, sizeof text)) {
		pane->told = true;
		say(model, MESSAGE_PLAIN, "%s", text);
		return;
	}
	stoker_error_text(&event->error, text, sizeof text);
	say(model, MESSAGE_BAD, "%s", text);
	if (op.action == ACTION_CREATE && model->dialog == DIALOG_NONE && !model->pane_focus && !event->has_vm) {
		/* What was typed is not lost: the form comes back with the reason. */
		model->dialog = DIALOG_CREATE;
		model->form.wrong = true;
		model->form.checking = false;
		format_reason(model->form.message, sizeof model->form.message, &event->error);
		model->select_name[0] = '\0';
		model->message[0] = '\0';
	}
	(void)effects;
}

bool action_target(const struct model *model, const struct action *action, const struct row *row)
{
	bool many = (action->flags & ACT_MANY) && model->marked > 0;
	if (many ? !row->marked : strcmp(row->vm.id, model->selected) != 0)
		return false;
	return action->why_not == NULL || action->why_not(&row->vm) == NULL;
}

size_t action_targets(const struct model *model, enum action_id id)
{
	size_t i, n = 0;
	for (i = 0; i < model->count; i++)
		n += action_target(model, action_at(id), &model->rows[i]);
	return n;
}

static void carry_out(struct model *model, enum action_id action, const char *id, unsigned disk_mib, struct effects *effects)
{
	struct row *row = model_row(model, id);
	struct effect *effect;
	if (row == NULL)
		return;
	if (row->op != ACTION_NONE) {
		batch_leave(&model->batch, row->vm.name, "something else is still under way on it");
		say(model, MESSAGE_PLAIN, "%s: %s is still under way", row->vm.name, action_at(row->op)->name);
		return;
	}
	effect = effect_add(effects, EFFECT_DO);
	effect->action = action;
	/* A confirmed delete means it: the dialog said that the VM runs. */
	effect->force = action == ACTION_KILL || action == ACTION_DELETE;
	memcpy(effect->id, row->vm.id, sizeof effect->id);
	effect->count = disk_mib;
	effect->op = op_begin(model, action, row->vm.id, row->vm.name);
	if (model->op_count > 0)
		model->ops[model->op_count - 1].disk_mib = disk_mib;
	batch_add(&model->batch, effect->op, row->vm.name, model->now_ns);
}

void op_again(struct model *model, const struct op *op, enum action_id action, struct effects *effects)
{
	const char *id = op->vm_id;

	if (action == ACTION_SHELL || action == ACTION_LOGS) {
		snprintf(model->selected, sizeof model->selected, "%s", id);
		model->on_group = false;
		model_arrange(model);
		update_act(model, action, effects);
		return;
	}
	batch_begin(&model->batch, action);
	carry_out(model, action, id, op->disk_mib, effects);
}

/* The line begins empty: a figure typed behind the present one would make a disk that can never shrink again. */
static void resize_ask(struct model *model)
{
	field_set(&model->answer, "");
	model->asking = ASK_DISK;
}

void resize_begin(struct model *model, const char *text, struct effects *effects)
{
	const struct action *action = action_at(ACTION_RESIZE);
	unsigned disk_mib;
	size_t i;

	if (!form_number(text, &disk_mib) || disk_mib == 0) {
		say(model, MESSAGE_BAD, "%.40s is no size: a whole number of MiB, or with a G behind it of GiB", text);
		return;
	}
	batch_begin(&model->batch, ACTION_RESIZE);
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		if (action_target(model, action, row))
			carry_out(model, ACTION_RESIZE, row->vm.id, disk_mib, effects);
		else if (row->marked)
			batch_leave(&model->batch, row->vm.name, action->why_not(&row->vm));
	}
	unmark(model);
}

static void ask(struct model *model, const struct action *action)
{
	size_t i;
	struct confirm *confirm = &model->confirm;

	free(confirm->ids);
	memset(confirm, 0, sizeof *confirm);
	confirm->ids = calloc(model->count + 1, sizeof *confirm->ids);
	if (confirm->ids == NULL)
		return;
	confirm->action = action->id;
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		if (action_target(model, action, row))
			memcpy(confirm->ids[confirm->count++], row->vm.id, STOKER_ID_SIZE);
		else if (row->marked && confirm->left++ == 0)
			snprintf(confirm->left_why, sizeof confirm->left_why, "%s", action->why_not(&row->vm));
	}
	/* What does no harm only wants to be seen. */
	confirm->yes = !(action->flags & ACT_DANGER);
	model->dialog = DIALOG_CONFIRM;
}

void confirm_yes(struct model *model, struct effects *effects)
{
	size_t i;
	enum action_id action = model->confirm.action;
	model->dialog = DIALOG_NONE;
	if (action == ACTION_QUIT) {
		effect_add(effects, EFFECT_QUIT);
		return;
	}
	batch_begin(&model->batch, action);
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		if (row->marked && action_at(action)->why_not != NULL && action_at(action)->why_not(&row->vm) != NULL)
			batch_leave(&model->batch, row->vm.name, action_at(action)->why_not(&row->vm));
	}
	for (i = 0; i < model->confirm.count; i++)
		carry_out(model, action, model->confirm.ids[i], 0, effects);
	unmark(model);
}

/* Several at once are told first: so many will be stopped, so many are left. */
static void do_now(struct model *model, const struct action *action, struct effects *effects)
{
	size_t i;
	if (model->marked > 1) {
		ask(model, action);
		return;
	}
	batch_begin(&model->batch, action->id);
	for (i = 0; i < model->count; i++) {
		if (action_target(model, action, &model->rows[i]))
			carry_out(model, action->id, model->rows[i].vm.id, 0, effects);
	}
	unmark(model);
}

static void open_pane(struct model *model, enum action_id action, struct effects *effects)
{
	enum pane_kind kind = action == ACTION_SHELL ? PANE_SHELL : PANE_LOG;
	const struct row *row = model_selected(model);
	const struct pane *pane;
	struct effect *effect;
	size_t i;
	int k;

	if (row == NULL)
		return;
	pane = model_pane_of(model, row->vm.id, kind);
	for (k = 0; pane != NULL && k < model->pane_count; k++) {
		char why[256];
		if (model->panes[k] != pane)
			continue;
		if (!pane->ops->over(pane, why, sizeof why)) {
			pane_front(model, k, true);
			return;
		}
		if (kind == PANE_SHELL) {
			/* What is over is connected again, below what it showed. */
			pane_front(model, k, true);
			pane_reopen(model, model->panes[k], effects);
			return;
		}
		pane_close(model, k, effects);
		break;
	}
	snprintf(model->opening, sizeof model->opening, "%s", row->vm.name);
	model->opening_kind = kind;
	model->front = -1;
	model_arrange(model);
	for (i = 0; i < model->op_count; i++) {
		if (model->ops[i].action == action && !model->ops[i].cancelling && strcmp(model->ops[i].vm_id, row->vm.id) == 0)
			return; /* on its way already */
	}
	effect = effect_add(effects, EFFECT_OPEN);
	effect->pane_kind = kind;
	effect->action = action;
	memcpy(effect->id, row->vm.id, sizeof effect->id);
	effect->op = op_begin(model, action, row->vm.id, row->vm.name);
}

static const char *sort_name(enum sort_by sort)
{
	static const char *const names[SORT_COUNT] = {
		"order of creation", "name", "status, what needs a person first", "address", "CPU", "resident memory",
		"uptime", "last timing", "disk rate", "network rate" };
	return names[sort];
}

static void quit(struct model *model, struct effects *effects)
{
	size_t i, changes = 0;
	if (model->panel_focus) {
		panel_close(model);
		return;
	}
	if (model->opening[0] != '\0') { /* its place is on the screen already: that is what is left, not the dashboard */
		pane_opening_leave(model, effects);
		return;
	}
	if (model->front >= 0 && model->panes[model->front]->ops->kind == PANE_LOG) {
		pane_close(model, model->front, effects);
		return;
	}
	if (model->front >= 0) {
		pane_act(model, ACTION_DETACH, effects);
		return;
	}
	for (i = 0; i < model->op_count; i++)
		changes += model->ops[i].action != ACTION_SHELL && model->ops[i].action != ACTION_LOGS;
	if (model->pane_count > 0 || changes > 0) {
		free(model->confirm.ids);
		memset(&model->confirm, 0, sizeof model->confirm);
		model->confirm.action = ACTION_QUIT;
		model->dialog = DIALOG_CONFIRM;
		return;
	}
	effect_add(effects, EFFECT_QUIT);
}

void update_act(struct model *model, enum action_id id, struct effects *effects)
{
	const struct action *action = action_at(id);
	const char *why = action_disabled(id, model);
	struct layout layout;
	long at = (long)model->selected_at, page;
	struct effect *effect;
	const struct row *row;

	if (why != NULL) {
		row = model_selected(model);
		if ((action->flags & ACT_VM) && row != NULL && !model->read_only && model->marked == 0)
			say(model, MESSAGE_PLAIN, "%s %s: %s", action->name, row->vm.name, why);
		else
			say(model, MESSAGE_PLAIN, "%s: %s", action->name, why);
		return;
	}
	layout_of(model, &layout);
	page = layout.list.rows > 1 ? layout.list.rows - 1 : 1;
	switch (id) {
	case ACTION_UP:
		if (model->panel_focus)
			panel_move(model, -1, false);
		else
			select_at(model, at - 1);
		break;
	case ACTION_DOWN:
		if (model->panel_focus)
			panel_move(model, 1, false);
		else
			select_at(model, at + 1);
		break;
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
		if (model->panel_focus)
			panel_move(model, id == ACTION_PAGE_UP ? 3 - layout.panel.rows : layout.panel.rows - 3, false);
		else
			select_at(model, id == ACTION_PAGE_UP ? at - page : at + page);
		break;
	case ACTION_FIRST:
	case ACTION_LAST:
		if (model->panel_focus)
			panel_move(model, id == ACTION_FIRST ? -1 : 1, true);
		else
			select_at(model, id == ACTION_FIRST ? 0 : (long)model->line_count - 1);
		break;
	case ACTION_SHELL:
	case ACTION_LOGS:
		open_pane(model, id, effects);
		break;
	case ACTION_CREATE:
		form_open(model, effects);
		break;
	case ACTION_START:
	case ACTION_STOP:
	case ACTION_PAUSE:
	case ACTION_RESUME:
		do_now(model, action, effects);
		break;
	case ACTION_KILL:
	case ACTION_DELETE:
		ask(model, action);
		break;
	case ACTION_RECONCILE:
		plan_open(model, effects);
		break;
	case ACTION_INSPECT:
		row = model_selected(model);
		if (row == NULL)
			break;
		text_open(model, row->vm.name, NULL, 0);
		memcpy(model->text.vm_id, row->vm.id, sizeof model->text.vm_id);
		effect = effect_add(effects, EFFECT_INSPECT);
		memcpy(effect->id, row->vm.id, sizeof effect->id);
		break;
	case ACTION_UNDO:
		undo(model, effects);
		break;
	case ACTION_CLONE:
		form_clone(model, model_selected(model), effects);
		break;
	case ACTION_RUN:
		run_ask(model);
		break;
	case ACTION_RESIZE:
		resize_ask(model);
		break;
	case ACTION_MARK_RANGE:
		mark_range(model);
		break;
	case ACTION_INVERT:
		mark_invert(model);
		break;
	case ACTION_SAVE_FILTER:
		field_set(&model->answer, "");
		model->asking = ASK_FILTER_NAME;
		break;
	case ACTION_COMMAND:
		commands_open(model);
		break;
	case ACTION_RESULTS:
		results_open(model);
		break;
	case ACTION_MARK:
		mark_one(model);
		select_at(model, at + 1);
		break;
	case ACTION_MARK_ALL:
		mark_all(model);
		break;
	case ACTION_FILTER:
		model->filtering = true;
		break;
	case ACTION_SORT:
		model->sort = (enum sort_by)((model->sort + 1) % SORT_COUNT);
		model->reverse = false;
		say(model, MESSAGE_PLAIN, "sorted by %s", sort_name(model->sort));
		model_arrange(model);
		break;
	case ACTION_REVERSE:
		model->reverse = !model->reverse;
		model_arrange(model);
		break;
	case ACTION_PHASES:
		model->panel = model->panel == PANEL_PHASES ? PANEL_NONE : PANEL_PHASES;
		model->panel_focus = false;
		model_arrange(model);
		break;
	case ACTION_GRAPHS:
		panel_open(model, PANEL_GRAPHS);
		break;
	case ACTION_FLEET:
		panel_open(model, PANEL_FLEET);
		break;
	case ACTION_OPERATIONS:
		panel_open(model, PANEL_OPERATIONS);
		break;
	case ACTION_EVENTS:
		panel_open(model, PANEL_EVENTS);
		break;
	case ACTION_ONLY_THIS:
		model->events_of_one = !model->events_of_one;
		model->panel_at = model->panel_top = 0;
		model_arrange(model);
		break;
	case ACTION_RETRY:
		panel_retry(model, effects);
		break;
	case ACTION_CANCEL:
		panel_cancel(model, effects);
		break;
	case ACTION_GROUP:
		panel_group(model);
		break;
	case ACTION_FOLD:
		panel_fold(model);
		break;
	case ACTION_COLUMNS:
		model->columns.cursor = 0;
		model->dialog = DIALOG_COLUMNS;
		break;
	case ACTION_PALETTE:
		field_set(&model->palette, "");
		model->palette_at = 0;
		model->commanding = true;
		break;
	case ACTION_HELP:
		help_open(model);
		break;
	case ACTION_SUSPEND:
		effect_add(effects, EFFECT_SUSPEND);
		break;
	case ACTION_REDRAW:
		effect_add(effects, EFFECT_REDRAW);
		break;
	case ACTION_QUIT:
		quit(model, effects);
		break;
	default:
		pane_act(model, id, effects);
		break;
	}
}
