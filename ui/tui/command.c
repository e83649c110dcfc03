/* SPDX-License-Identifier: Apache-2.0
 *
 * command.c - see command.h.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "update.h"

size_t shell_quote(char *out, size_t cap, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
	size_t len = 0;
	bool bare = *word != '\0' && word[strspn(word, plain)] == '\0';

#define PUT(c)                                                                                                         \
	do {                                                                                                           \
		if (len + 1 < cap)                                                                                     \
			out[len] = (c);                                                                                \
		len++;                                                                                                 \
	} while (0)
	if (!bare)
		PUT('\'');
	for (; *word != '\0'; word++) {
		if (*word == '\'') { /* out of the quotes, a quoted one, and in again */
			PUT('\'');
			PUT('\\');
			PUT('\'');
		}
		PUT(*word);
	}
	if (!bare)
		PUT('\'');
#undef PUT
	if (cap > 0)
		out[len < cap ? len : cap - 1] = '\0';
	return len;
}

struct line {
	char *text;
	size_t len, cap;
	bool failed;
};

static void add_raw(struct line *line, const char *text)
{
	size_t n = strlen(text);
	if (line->len + n + 1 > line->cap) {
		size_t cap = (line->len + n + 1) * 2;
		char *grown = realloc(line->text, cap);
		if (grown == NULL) {
			line->failed = true;
			return;
		}
		line->text = grown;
		line->cap = cap;
	}
	memcpy(line->text + line->len, text, n + 1);
	line->len += n;
}

static void add(struct line *line, const char *word)
{
	char quoted[4 * FIELD_SIZE + 3];
	shell_quote(quoted, sizeof quoted, word);
	if (line->len > 0)
		add_raw(line, " ");
	add_raw(line, quoted);
}

static void add_option(struct line *line, const char *option, const char *value)
{
	add(line, option);
	add(line, value);
}

/* "stoker" with the places this dashboard was told, so that the line means the same host. */
static void add_stoker(const struct model *model, struct line *line)
{
	add_raw(line, "stoker");
	if (model->command_places != NULL)
		add_raw(line, model->command_places);
}

static void begin(const struct model *model, struct line *line)
{
	memset(line, 0, sizeof *line);
	add_stoker(model, line);
}

static char *finish(struct line *line)
{
	if (line->failed) {
		free(line->text);
		return NULL;
	}
	return line->text;
}

static void add_labels(struct line *line, const char *labels)
{
	char pair[FIELD_SIZE];
	while (*labels != '\0') {
		size_t n = strcspn(labels, ",");
		if (n > 0) {
			snprintf(pair, sizeof pair, "%.*s", (int)n, labels);
			add_option(line, "--label", pair);
		}
		labels += n + (labels[n] == ',');
	}
}

static char *command_of_fields(const struct model *model, const struct field *fields)
{
	static const struct {
		enum form_field field;
		const char *option;
	} options[] = {
		{ FORM_IMAGE, "--image" }, { FORM_VCPUS, "--vcpus" }, { FORM_MEMORY, "--memory" }, { FORM_DISK, "--disk" },
		{ FORM_DISK_MODE, "--disk-mode" }, { FORM_BACKEND, "--backend" }, { FORM_ACCEL, "--accel" },
		{ FORM_NETWORK, "--network" }, { FORM_EGRESS, "--egress" }, { FORM_PUBLISH, "--publish" }, { FORM_ALLOW, "--allow" },
	};
	struct line line;
	size_t i;

	begin(model, &line);
	add(&line, "create");
	if (fields[FORM_NAME].len > 0)
		add(&line, fields[FORM_NAME].text);
	for (i = 0; i < sizeof options / sizeof *options; i++) {
		const struct field *field = &fields[options[i].field];
		/* What is standard needs no saying. */
		if (field->len > 0 && strcmp(field->text, model->defaults[options[i].field].text) != 0)
			add_option(&line, options[i].option, field->text);
	}
	add_labels(&line, fields[FORM_LABELS].text);
	if (strcmp(fields[FORM_EPHEMERAL].text, "yes") == 0)
		add(&line, "--ephemeral");
	if (strcmp(fields[FORM_START].text, "no") != 0)
		add(&line, "--start");
	return finish(&line);
}

char *command_of_form(const struct model *model)
{
	return command_of_fields(model, model->form.fields);
}

/* Several VMs of one command go through a loop where the verb takes one. */
static void add_vms(const struct model *model, struct line *line, char (*ids)[STOKER_ID_SIZE], size_t count)
{
	size_t i;
	for (i = 0; i < count; i++) {
		const struct row *row = model_row(model, ids[i]);
		if (row != NULL)
			add(line, row->vm.name);
	}
}

static bool any_lives(const struct model *model, char (*ids)[STOKER_ID_SIZE], size_t count)
{
	size_t i;
	for (i = 0; i < count; i++) {
		const struct row *row = model_row(model, ids[i]);
		if (row != NULL && row->vm.pid > 0)
			return true;
	}
	return false;
}

/* The command that is being typed, or was run last: in one VM, or in each of several. */
static char *command_of_run(const struct model *model, struct line *line, char (*ids)[STOKER_ID_SIZE], size_t count)
{
	const char *typed = model->asking == ASK_COMMAND ? model->answer.text : model->fanout.command;

	line->len = 0;
	if (*typed == '\0') {
		add_raw(line, "");
		return finish(line);
	}
	if (count > 1) {
		add_raw(line, "for vm in");
		add_vms(model, line, ids, count);
		add_raw(line, "; do ");
	}
	add_stoker(model, line);
	add_raw(line, " exec");
	if (count > 1)
		add_raw(line, " \"$vm\"");
	else
		add_vms(model, line, ids, count);
	add_raw(line, " -- sh -c");
	add(line, typed);
	if (count > 1)
		add_raw(line, "; done");
	return finish(line);
}

char *command_of_ids(const struct model *model, enum action_id id, char (*ids)[STOKER_ID_SIZE], size_t count)
{
	const struct action *action = action_at(id);
	const struct row *row = model_selected(model);
	const struct op_ended *ended;
	char one[1][STOKER_ID_SIZE];
	struct field like[FORM_COUNT];
	struct line line;
	size_t i;

	begin(model, &line);
	switch (id) {
	case ACTION_CREATE:
		add_raw(&line, " create --start");
		return finish(&line);
	case ACTION_RECONCILE:
		add_raw(&line, " reconcile");
		return finish(&line);
	case ACTION_FILTER:
		add(&line, "list");
		if (model->filter.len > 0)
			add_option(&line, "--filter", model->filter.text);
		return finish(&line);
	case ACTION_FLEET:
		add_raw(&line, " timings");
		return finish(&line);
	case ACTION_EVENTS:
		add_raw(&line, " events --follow");
		if (model->events_of_one && row != NULL)
			add(&line, row->vm.name);
		return finish(&line);
	case ACTION_ONLY_THIS:
	case ACTION_PHASES:
		if (row == NULL)
			break;
		add_raw(&line, id == ACTION_PHASES ? " timings" : " events --follow");
		add(&line, row->vm.name);
		return finish(&line);
	case ACTION_RETRY:
		ended = model->panel == PANEL_OPERATIONS ? panel_ended(model, model->panel_at) : NULL;
		row = ended != NULL && ended->result != OP_DONE ? model_row(model, ended->op.vm_id) : NULL;
		if (row == NULL)
			break;
		free(line.text);
		memcpy(one[0], row->vm.id, sizeof one[0]);
		return command_of_ids(model, ended->op.action == ACTION_CREATE ? ACTION_START : ended->op.action, one, 1);
	case ACTION_UNDO:
		if (model->deleted_count == 0)
			break;
		add_raw(&line, " trash restore");
		for (i = 0; i < model->deleted_count; i++) {
			if (model->deleted[i].batch == model->deleted[model->deleted_count - 1].batch)
				add(&line, model->deleted[i].id);
		}
		return finish(&line);
	default:
		break;
	}
	if (count == 0 || !(action->flags & ACT_VM)) {
		line.len = 0;
		add_raw(&line, "");
		return finish(&line);
	}
	switch (id) {
	case ACTION_KILL:
		add_raw(&line, " stop --force");
		break;
	case ACTION_DELETE:
		add(&line, "delete");
		if (any_lives(model, ids, count))
			add(&line, "--force");
		if (model->trash_keep_s > 0)
			add(&line, "--trash");
		break;
	case ACTION_LOGS:
		add_raw(&line, " logs --follow");
		break;
	case ACTION_RESIZE: {
		unsigned disk_mib = 0;
		char text[24];
		add(&line, "resize");
		if (model->asking == ASK_DISK && form_number(model->answer.text, &disk_mib) && disk_mib > 0) {
			snprintf(text, sizeof text, "%u", disk_mib);
			add_option(&line, "--disk", text);
		} else {
			add_raw(&line, " --disk SIZE");
		}
		break;
	}
	case ACTION_RUN:
		return command_of_run(model, &line, ids, count);
	case ACTION_CLONE:
		free(line.text);
		row = model_row(model, ids[0]);
		if (row == NULL)
			return NULL;
		memset(like, 0, sizeof like);
		form_fill_like(model, &row->vm, like);
		return command_of_fields(model, like);
	case ACTION_MARK:
	case ACTION_MARK_ALL:
	case ACTION_MARK_RANGE:
	case ACTION_INVERT:
	case ACTION_COMMAND:
		line.len = 0;
		add_raw(&line, "");
		return finish(&line);
	default: /* the verb is called as the action is */
		add(&line, action->name);
		break;
	}
	add_vms(model, &line, ids, action->flags & ACT_MANY ? count : 1);
	return finish(&line);
}

char *command_of(const struct model *model, enum action_id id)
{
	char(*ids)[STOKER_ID_SIZE] = calloc(model->count + 1, sizeof *ids), *text;
	size_t i, count = 0;

	if (ids == NULL)
		return NULL;
	for (i = 0; i < model->count; i++) {
		if (action_target(model, action_at(id), &model->rows[i]))
			memcpy(ids[count++], model->rows[i].vm.id, STOKER_ID_SIZE);
	}
	text = command_of_ids(model, id, ids, count);
	free(ids);
	return text;
}
