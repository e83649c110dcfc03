/* SPDX-License-Identifier: Apache-2.0
 *
 * actions.c - the table of actions.
 */
#include "actions.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "model.h"

static const char *why_not_start(const struct stoker_vm *vm)
{
	switch (vm->state) {
	case STOKER_STARTING:
	case STOKER_RUNNING:
	case STOKER_PAUSED:
		return vm->stale ? NULL : "it runs already";
	case STOKER_STOPPING:
		return "it is being stopped";
	default:
		return NULL;
	}
}

static const char *why_not_stop(const struct stoker_vm *vm)
{
	switch (vm->state) {
	case STOKER_CREATED:
	case STOKER_STOPPED:
	case STOKER_CRASHED:
		return "it does not run";
	case STOKER_ERROR:
		return vm->pid > 0 ? NULL : "it does not run";
	default:
		return NULL;
	}
}

static const char *why_not_pause(const struct stoker_vm *vm)
{
	return vm->state == STOKER_RUNNING ? NULL : vm->state == STOKER_PAUSED ? "it is paused already" : "it does not run";
}

static const char *why_not_resume(const struct stoker_vm *vm)
{
	return vm->state == STOKER_PAUSED ? NULL : "it is not paused";
}

static const char *why_not_delete(const struct stoker_vm *vm)
{
	return vm->phase == STOKER_PHASE_DELETE ? "it is being deleted" : NULL;
}

static const char *why_not_shell(const struct stoker_vm *vm)
{
	if (vm->network == STOKER_NET_NONE)
		return "it has no network for SSH; exec on the command line works";
	switch (vm->state) {
	case STOKER_RUNNING:
	case STOKER_STARTING:
		return NULL;
	case STOKER_PAUSED:
		return "it is paused";
	case STOKER_STOPPING:
		return "it is being stopped";
	default:
		return "it does not run";
	}
}

static const char *why_not_resize(const struct stoker_vm *vm)
{
	if (vm->disk_mode == STOKER_DISK_SHARED)
		return "it has no disk of its own";
	return vm->pid > 0 ? "it runs; stop it first" : NULL;
}

static const char *why_not_run(const struct stoker_vm *vm)
{
	return vm->state == STOKER_RUNNING ? NULL : vm->state == STOKER_PAUSED ? "it is paused" : "it does not run";
}

#define NO_KEY { SK_NONE, 0, 0 }
#define SPECIAL(key) { key, 0, 0 }
#define PLAIN(ch) { SK_NONE, ch, 0 }
#define CONTROL(ch) { SK_NONE, ch, MOD_CTRL }

static const struct action actions[ACTION_COUNT] = {
#define X(id, name, key, second, group, flags, rank, why_not, footer, help)                                            \
	{ ACTION_##id, name, key, second, group, flags, rank, why_not, footer, help },
	ACTIONS(X)
#undef X
};

const struct action *action_at(enum action_id id)
{
	return id < ACTION_COUNT ? &actions[id] : NULL;
}

enum action_id action_of_name(const char *name)
{
	enum action_id found = ACTION_NONE;
	size_t len = strlen(name);
	int i;
	if (len == 0)
		return ACTION_NONE;
	for (i = 0; i < ACTION_COUNT; i++) {
		if (strcmp(actions[i].name, name) == 0)
			return (enum action_id)i;
		if (strncmp(actions[i].name, name, len) == 0) {
			if (found != ACTION_NONE)
				return ACTION_NONE;
			found = (enum action_id)i;
		}
	}
	return found;
}

void action_key_text(const struct binding *binding, bool ascii, char *buf, size_t cap)
{
	static const struct {
		enum special_key key;
		const char *sign;
	} signs[] = { { SK_ENTER, "↵" }, { SK_UP, "↑" }, { SK_DOWN, "↓" }, { SK_LEFT, "←" }, { SK_RIGHT, "→" } };
	struct binding shown = *binding;
	size_t i;

	if (ascii && binding->special == SK_NONE && binding->ch != 0)
		shown.ch = char_ascii(binding->ch);
	binding_name(&shown, buf, cap);
	for (i = 0; i < sizeof signs / sizeof *signs; i++) {
		if (!ascii && binding->mods == 0 && binding->special == signs[i].key)
			snprintf(buf, cap, "%s", signs[i].sign);
	}
}

void action_keys_text(const struct model *model, enum action_id id, char *buf, size_t cap)
{
	size_t len = 0;
	int i, told = 0;
	buf[0] = '\0';
	for (i = 0; i < KEYS_EACH && told < 2; i++) {
		char key[24];
		action_key_text(&model->keymap.keys[id][i], model->ascii, key, sizeof key);
		if (key[0] == '\0' || len >= cap)
			continue;
		len += (size_t)snprintf(buf + len, cap - len, "%s%s", told++ > 0 ? " " : "", key);
	}
}

void action_first_key(const struct model *model, enum action_id id, char *buf, size_t cap)
{
	action_key_text(keymap_first(&model->keymap, (int)id), model->ascii, buf, cap);
}

const char *action_group_name(enum action_group group)
{
	static const char *const names[GROUP_COUNT] = { "Virtual machines", "List", "Below the list", "Panes", "General" };
	return names[group];
}

const char *action_disabled(enum action_id id, const struct model *model)
{
	const struct action *action = action_at(id);
	const struct row *row;
	const char *why = NULL;
	size_t i;

	if ((action->flags & ACT_CHANGES) && model->read_only)
		return "this dashboard is read-only";
	if ((action->flags & ACT_PANE) && model->pane_count == 0 &&
	    !(id == ACTION_NEXT_FOCUS && panel_takes_focus(model->panel)))
		return "no pane is open";
	if ((id == ACTION_RETRY || id == ACTION_CANCEL) && model->panel != PANEL_OPERATIONS)
		return "the operations are not shown";
	if ((id == ACTION_RETRY || id == ACTION_CANCEL) && panel_lines(model) == 0)
		return "there is no operation";
	if (id == ACTION_ONLY_THIS && model->panel != PANEL_EVENTS)
		return "the events are not shown";
	if (id == ACTION_UNDO && model->deleted_count == 0)
		return "this dashboard has put nothing into the trash";
	if (id == ACTION_SAVE_FILTER && model->filter.len == 0)
		return "there is no filter to keep";
	if (id == ACTION_RESULTS && model->batch.count == 0)
		return "there was no action on several VMs yet";
	if ((id == ACTION_MARK || id == ACTION_MARK_ALL || id == ACTION_INVERT) && model->on_group)
		return NULL;
	if (!(action->flags & ACT_VM))
		return NULL;
	row = model_selected(model);
	if ((action->flags & ACT_MANY) && model->marked > 0) {
		/* Possible when it is for at least one of them. */
		for (i = 0; i < model->count; i++) {
			if (!model->rows[i].marked)
				continue;
			why = action->why_not != NULL ? action->why_not(&model->rows[i].vm) : NULL;
			if (why == NULL)
				return NULL;
		}
		return why;
	}
	if (row == NULL)
		return model->count == 0 ? "there is no VM yet" : model->on_group ? "a group is selected; mark it for what is meant for all in it" : "no VM is selected";
	return action->why_not != NULL ? action->why_not(&row->vm) : NULL;
}
