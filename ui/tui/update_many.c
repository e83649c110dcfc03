/* SPDX-License-Identifier: Apache-2.0
 *
 * update_many.c - marks, one command on many VMs, results, undo: and what is
 * asked for in the message line.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "update.h"
#include "view.h"

#define AT_ONCE 6 /* of a fan-out: workers are left for other operations */

/* ------------------------------------------------------------------- marks */

void unmark(struct model *model)
{
	size_t i;
	for (i = 0; i < model->count; i++)
		model->rows[i].marked = false;
	model->marked = 0;
	model->mark_anchor[0] = '\0';
}

void mark_one(struct model *model)
{
	struct row *row = model_row(model, model->selected);
	const struct group *group = model->on_group ? model_line_group(model, model->selected_at) : NULL;
	size_t i, marked = 0;

	if (row != NULL) {
		row->marked = !row->marked;
		memcpy(model->mark_anchor, row->vm.id, sizeof model->mark_anchor);
	}
	if (group == NULL)
		return;
	/* A group: all in it, or none when all are. */
	for (i = group->first; i < group->first + group->count; i++)
		marked += model->rows[model->shown[i]].marked;
	for (i = group->first; i < group->first + group->count; i++)
		model->rows[model->shown[i]].marked = marked < group->count;
}

void mark_all(struct model *model)
{
	size_t i;
	bool all = true;
	for (i = 0; i < model->shown_count; i++)
		all = all && model->rows[model->shown[i]].marked;
	for (i = 0; i < model->shown_count; i++)
		model->rows[model->shown[i]].marked = !all;
	model_arrange(model);
}

/* From the one marked last to the selected one, in the order now shown. */
void mark_range(struct model *model)
{
	size_t i, from = model->shown_count, to, swap;
	if (model_line_row(model, model->selected_at) == NULL)
		return;
	to = (size_t)model->lines[model->selected_at]; /* groups take lines too */
	for (i = 0; i < model->shown_count; i++) {
		if (strcmp(model->rows[model->shown[i]].vm.id, model->mark_anchor) == 0)
			from = i;
	}
	if (from == model->shown_count) {
		say(model, MESSAGE_PLAIN, "mark the first one of them before: a range goes from there to the selected one");
		return;
	}
	if (from > to) {
		swap = from;
		from = to;
		to = swap;
	}
	for (i = from; i <= to && i < model->shown_count; i++)
		model->rows[model->shown[i]].marked = true;
	model_arrange(model);
}

void mark_invert(struct model *model)
{
	size_t i;
	for (i = 0; i < model->shown_count; i++)
		model->rows[model->shown[i]].marked = !model->rows[model->shown[i]].marked;
	model_arrange(model);
}

/* ------------------------------------------------------------ many results */

void many_ended(struct model *model, const struct event *event, const struct op *op, const struct row *row)
{
	char text[160];

	if (op->action == ACTION_DELETE && !event->failed && model->trash_keep_s > 0 && (row == NULL || !row->vm.ephemeral)) {
		struct deleted_vm *last;
		if (model->deleted_count == DELETED_KEPT) {
			memmove(model->deleted, model->deleted + 1, (DELETED_KEPT - 1) * sizeof *model->deleted);
			model->deleted_count--;
		}
		last = &model->deleted[model->deleted_count++];
		memcpy(last->id, op->vm_id, sizeof last->id);
		memcpy(last->name, op->name, sizeof last->name);
		last->batch = op->batch;
	}
	if (!batch_ended(&model->batch, event) || model->batch.count < 2)
		return;
	batch_summary(&model->batch, text, sizeof text);
	if (model->batch.failed > 0 && model->dialog == DIALOG_NONE && !model->pane_focus && !model->filtering &&
	    !model->commanding && model->asking == ASK_NOTHING)
		results_open(model);
	else
		say(model, model->batch.failed > 0 ? MESSAGE_BAD : MESSAGE_GOOD, "%s", text);
}

void results_open(struct model *model)
{
	int count;
	char **lines = batch_lines(&model->batch, &count);
	text_open(model, "Results", lines, count);
	model->text.vm_id[0] = '\0';
}

void commands_open(struct model *model)
{
	char **lines = calloc(ACTION_COUNT + 2, sizeof *lines), title[112];
	int i, count = 0;

	if (lines == NULL)
		return;
	keymap_text(&model->keymap, model->marked > 0 ? "What the actions on the marked VMs are on the command line; {commands-copy} copies"
	                                              : "What the actions are on the command line; {commands-copy} copies", title, sizeof title);
	lines[count++] = strdup(title);
	for (i = 0; i < ACTION_COUNT; i++) {
		char *command = action_disabled((enum action_id)i, model) == NULL ? command_of(model, (enum action_id)i) : NULL;
		if (command != NULL && command[0] != '\0') {
			size_t cap = strlen(command) + 32;
			char *line = malloc(cap);
			if (line != NULL)
				snprintf(line, cap, "%s\t%s", action_at((enum action_id)i)->name, command);
			lines[count] = line;
			count += line != NULL;
		}
		free(command);
	}
	text_open(model, "Commands", lines, count);
	model->text.vm_id[0] = '\0';
	model->text.choose = count > 1;
	model->text.cursor = 1;
}

void command_copy(struct model *model, char *command, struct effects *effects)
{
	struct effect *effect;
	if (command == NULL || command[0] == '\0') {
		free(command);
		return;
	}
	say(model, MESSAGE_GOOD, "copied: %s", command);
	effect = effect_add(effects, EFFECT_COPY);
	free(effect->text);
	effect->text = command;
}

/* -------------------------------------------------------------------- undo */

/* What was deleted with the last one comes back with it. */
void undo(struct model *model, struct effects *effects)
{
	uint64_t last;
	size_t i, kept = 0;

	if (model->deleted_count == 0)
		return;
	last = model->deleted[model->deleted_count - 1].batch;
	batch_begin(&model->batch, ACTION_UNDO);
	for (i = 0; i < model->deleted_count; i++) {
		struct deleted_vm *gone = &model->deleted[i];
		struct effect *effect;
		if (gone->batch != last) {
			model->deleted[kept++] = *gone;
			continue;
		}
		effect = effect_add(effects, EFFECT_DO);
		effect->action = ACTION_UNDO;
		memcpy(effect->id, gone->id, sizeof effect->id);
		effect->op = op_begin(model, ACTION_UNDO, gone->id, gone->name);
		batch_add(&model->batch, effect->op, gone->name, model->now_ns);
	}
	model->deleted_count = kept;
}

/* ------------------------------------------------ one command on many VMs */

static void ask_next(struct model *model, struct effects *effects)
{
	struct fanout *fanout = &model->fanout;
	size_t i, asked = 0;

	for (i = 0; i < fanout->count; i++)
		asked += fanout->items[i].op != 0 && !fanout->items[i].ended;
	for (i = 0; i < fanout->count && asked < AT_ONCE; i++) {
		struct fanout_item *item = &fanout->items[i];
		struct effect *effect;
		if (item->op != 0 || item->ended)
			continue;
		effect = effect_add(effects, EFFECT_RUN);
		effect->action = ACTION_RUN;
		memcpy(effect->id, item->id, sizeof effect->id);
		free(effect->text);
		effect->text = strdup(fanout->command);
		effect->op = item->op = model->next_op++;
		asked++;
	}
}

/* What has been asked is given up; what has not been asked is not. */
static void run_cancel(struct model *model, struct effects *effects)
{
	struct fanout *fanout = &model->fanout;
	size_t i;
	for (i = 0; i < fanout->count; i++) {
		struct fanout_item *item = &fanout->items[i];
		if (item->ended)
			continue;
		if (item->op != 0) {
			effect_add(effects, EFFECT_CANCEL)->op = item->op;
		} else {
			char **lines = calloc(1, sizeof *lines);
			if (lines != NULL)
				lines[0] = strdup("it was not asked any more");
			item->op = model->next_op++;
			fanout_answer(fanout, item->op, true, 0, 0, lines, lines != NULL && lines[0] != NULL, false);
		}
	}
}

static void run_begin(struct model *model, const char *command, struct effects *effects)
{
	const struct action *action = action_at(ACTION_RUN);
	size_t i, n = action_targets(model, ACTION_RUN);

	run_cancel(model, effects);
	if (n == 0 || !fanout_begin(&model->fanout, command, n))
		return;
	n = 0;
	/* In the order of the list, as far as it shows them; the answers come in any. */
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		if (!action_target(model, action, row)) {
			if (row->marked && model->fanout.left++ == 0)
				snprintf(model->fanout.left_why, sizeof model->fanout.left_why, "%s", action->why_not(&row->vm));
			continue;
		}
		memcpy(model->fanout.items[n].id, row->vm.id, STOKER_ID_SIZE);
		memcpy(model->fanout.items[n++].name, row->vm.name, sizeof row->vm.name);
	}
	model->dialog = DIALOG_FANOUT;
	ask_next(model, effects);
}

void run_ask(struct model *model)
{
	field_set(&model->answer, model->fanout.command);
	model->asking = ASK_COMMAND;
}

void run_ended(struct model *model, struct event *event, struct effects *effects)
{
	fanout_answer(&model->fanout, event->op, event->failed, event->status, event->duration_ns, event->lines,
	              event->line_count, event->cut);
	ask_next(model, effects);
}

/* The same command once more, to the same VMs. */
static void run_again(struct model *model, struct effects *effects)
{
	struct fanout *fanout = &model->fanout;
	size_t i;

	for (i = 0; i < fanout->count; i++) {
		struct fanout_item *item = &fanout->items[i];
		int k;
		for (k = 0; k < item->line_count; k++)
			free(item->lines[k]);
		free(item->lines);
		item->lines = NULL;
		item->line_count = 0;
		item->ended = item->failed = item->cut = false;
		item->op = 0;
		item->group = -1;
	}
	fanout->pending = fanout->count;
	fanout->groups = 0;
	ask_next(model, effects);
}

void run_key(struct model *model, const struct key *key, struct effects *effects)
{
	int page = model->rows_size - 6 > 1 ? model->rows_size - 6 : 1, height;
	enum place_key own = keymap_at(&model->keymap, key, PLACE_ANSWERS);

	if (own == IN_ANSWERS_GIVE_UP) {
		run_cancel(model, effects);
	} else if (own == IN_ANSWERS_AGAIN) {
		if (model->fanout.pending == 0)
			run_again(model, effects);
	} else if (keymap_at(&model->keymap, key, PLACE_DIALOG) == IN_DIALOG_LEAVE) {
		run_cancel(model, effects);
		model->dialog = DIALOG_NONE;
		return;
	} else {
		scroll_key(model, &model->fanout.top, key, page);
	}
	height = fanout_height(model) - (model->rows_size - 5);
	if (model->fanout.top > height)
		model->fanout.top = height;
	if (model->fanout.top < 0)
		model->fanout.top = 0;
}

/* --------------------------------------------------------- the asking line */

static void keep_filter(struct model *model, const char *name, struct effects *effects)
{
	struct effect *effect;
	if (*name == '\0' || strlen(name) > 32 || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		say(model, MESSAGE_BAD, "a filter's name is of lower case letters, digits and -, 32 at most");
		return;
	}
	effect = effect_add(effects, EFFECT_REMEMBER);
	free(effect->text);
	effect->text = strdup(name);
}

void ask_key(struct model *model, const struct key *key, struct effects *effects)
{
	enum asking asking = model->asking;
	enum place_key own = keymap_at(&model->keymap, key, PLACE_LINE);

	if (own == IN_LINE_LEAVE) {
		model->asking = ASK_NOTHING;
	} else if (own != IN_LINE_ACCEPT) {
		field_key(&model->answer, key, &model->keymap);
	} else {
		model->asking = ASK_NOTHING;
		if (model->answer.len == 0)
			return;
		if (asking == ASK_COMMAND)
			run_begin(model, model->answer.text, effects);
		else if (asking == ASK_DISK)
			resize_begin(model, model->answer.text, effects);
		else
			keep_filter(model, model->answer.text, effects);
	}
}
