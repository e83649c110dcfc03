/* SPDX-License-Identifier: Apache-2.0
 *
 * update_pane.c - shells and logs: which is in front, who gets the keys.
 */
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "update.h"

void pane_front(struct model *model, int index, bool focus)
{
	if (index < 0 || index >= model->pane_count)
		return;
	if (index == model->split.other) {
		/* They change places in the keys' eyes, not on the screen. */
		model->split.other = model->front;
		model->split.other_first = !model->split.other_first;
	}
	model->front = index;
	model->panes[index]->activity = false;
	model->pane_focus = focus;
	model->opening[0] = '\0';
	model_arrange(model);
}

static int index_of(const struct model *model, const struct pane *pane)
{
	int i;
	for (i = 0; i < model->pane_count; i++) {
		if (model->panes[i] == pane)
			return i;
	}
	return -1;
}

void pane_close(struct model *model, int index, struct effects *effects)
{
	struct effect *effect;
	if (index < 0 || index >= model->pane_count)
		return;
	effect = effect_add(effects, EFFECT_PANE_FREE);
	effect->pane = model->panes[index];
	memmove(model->panes + index, model->panes + index + 1,
	        (size_t)(model->pane_count - index - 1) * sizeof *model->panes);
	model->pane_count--;
	model->pane_changes++;
	if (model->split.other == index)
		model->split.other = -1;
	else if (model->split.other > index)
		model->split.other--;
	model->mouse_pane = -1;
	if (model->front == index) {
		model->front = model->split.other; /* the other one is still there, or -1 */
		model->split.other = -1;
		if (model->front < 0)
			model->pane_focus = model->full = false;
	} else if (model->front > index) {
		model->front--;
	}
	model_arrange(model);
}

void pane_opening_leave(struct model *model, struct effects *effects)
{
	enum action_id action = model->opening_kind == PANE_SHELL ? ACTION_SHELL : ACTION_LOGS;
	size_t i;

	for (i = 0; i < model->op_count; i++) {
		struct op *op = &model->ops[i];
		if (op->action != action || op->cancelling || strcmp(op->name, model->opening) != 0)
			continue;
		op->cancelling = true;
		effect_add(effects, EFFECT_CANCEL)->op = op->id;
	}
	model->opening[0] = '\0';
	model_arrange(model);
}

void pane_opened(struct model *model, const struct event *event, struct effects *effects)
{
	bool wanted = strcmp(model->opening, event->pane->vm_name) == 0 && model->opening_kind == event->pane->ops->kind;
	bool free_hands = model->dialog == DIALOG_NONE && !model->filtering && !model->commanding && !model->naming &&
	                  model->asking == ASK_NOTHING;
	int at = index_of(model, event->pane);
	char close[24];

	if (at >= 0) { /* one that was there already has a session again */
		event->pane->reopening = event->pane->told = false;
		event->pane->cut_ns = 0;
		event->pane->attached_ns = model->now_ns;
		if (model->message_tone == MESSAGE_PLAIN && at == model->front)
			model->message[0] = '\0';
		return;
	}
	if (model->ended_count > 0 && model->ended[0].op.id == event->op && model->ended[0].op.cancelling) {
		/* It was there before the word that nobody waits for it any more. */
		effect_add(effects, EFFECT_PANE_FREE)->pane = event->pane;
		return;
	}
	event->pane->attached_ns = model->now_ns;
	if (model->pane_count == PANES_MAX) {
		struct effect *effect = effect_add(effects, EFFECT_PANE_FREE);
		effect->pane = event->pane;
		action_first_key(model, ACTION_CLOSE, close, sizeof close);
		say(model, MESSAGE_BAD, "%d panes are open, that is as many as there can be. Close one with %s", PANES_MAX, close);
		model->opening[0] = '\0';
		return;
	}
	model->panes[model->pane_count++] = event->pane;
	model->pane_changes++;
	if (wanted)
		pane_front(model, model->pane_count - 1, free_hands);
	else
		event->pane->activity = true;
}

void pane_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct effect *effect;
	int i;

	if (model->front < 0) {
		model->pane_focus = false;
		return;
	}
	if (keymap_leaves(&model->keymap, key)) {
		model->was_full = model->full;
		model->pane_focus = model->full = false;
		model->leader = true;
		model_arrange(model);
		return;
	}
	effect = effect_add(effects, EFFECT_PANE_KEY);
	effect->pane = model->panes[model->front];
	effect->key = *key;
	if (!model->panes[model->front]->broadcast || *model->panes[model->front]->ops->hint(model->panes[model->front]) != '\0')
		return;
	/* To the others too; not to one that reads back: there it would be a command. */
	for (i = 0; i < model->pane_count; i++) {
		struct pane *pane = model->panes[i];
		if (i == model->front || !pane->broadcast || *pane->ops->hint(pane) != '\0')
			continue;
		effect = effect_add(effects, EFFECT_PANE_KEY);
		effect->pane = pane;
		effect->key = *key;
	}
}

void pane_reopen(struct model *model, struct pane *pane, struct effects *effects)
{
	const struct row *row = model_row(model, pane->vm_id);
	struct effect *effect;
	size_t i;

	if (row == NULL || pane->reopening)
		return;
	pane->reopening = true;
	for (i = 0; i < model->op_count; i++) {
		if (model->ops[i].action == ACTION_SHELL && strcmp(model->ops[i].vm_id, pane->vm_id) == 0)
			return; /* on its way already */
	}
	effect = effect_add(effects, EFFECT_OPEN);
	effect->pane_kind = PANE_SHELL;
	effect->action = ACTION_SHELL;
	memcpy(effect->id, row->vm.id, sizeof effect->id);
	effect->op = op_begin(model, ACTION_SHELL, row->vm.id, row->vm.name);
}

static void reopen_give_up(struct model *model, struct pane *pane, struct effects *effects)
{
	size_t i;
	pane->reopening = false;
	for (i = 0; i < model->op_count; i++) {
		if (model->ops[i].action == ACTION_SHELL && strcmp(model->ops[i].vm_id, pane->vm_id) == 0)
			effect_add(effects, EFFECT_CANCEL)->op = model->ops[i].id;
	}
}

/* The pane had no use for it: it may be one of ours. */
void pane_refused(struct model *model, const struct key *key, struct effects *effects)
{
	enum action_id action = keymap_action(&model->keymap, key);
	enum place_key ended = keymap_at(&model->keymap, key, PLACE_ENDED);
	struct pane *pane;
	char why[256];
	bool over;

	if (model->front < 0)
		return;
	pane = model->panes[model->front];
	over = pane->ops->kind == PANE_SHELL && pane->ops->over(pane, why, sizeof why);
	if (pane->reopening && ended == IN_ENDED_LEAVE) {
		reopen_give_up(model, pane, effects);
	} else if (over && ended == IN_ENDED_CONNECT && model_row(model, pane->vm_id) != NULL) {
		memcpy(model->selected, pane->vm_id, sizeof model->selected);
		model_arrange(model);
		update_act(model, ACTION_SHELL, effects);
	} else if ((over && (ended == IN_ENDED_LEAVE || ended == IN_ENDED_CONNECT)) ||
	           (pane->ops->kind == PANE_LOG && keymap_at(&model->keymap, key, PLACE_TEXT) == IN_TEXT_LEAVE)) {
		pane_close(model, model->front, effects);
	} else if (action == ACTION_NEXT_FOCUS) {
		model->pane_focus = false;
	} else if (action == ACTION_HELP) {
		help_open(model);
	} else if (action == ACTION_FULL) {
		model->full = !model->full;
		model_arrange(model); /* a panel below the list is out of sight then, and has no focus */
	}
}

/* Which of the two ends first, a guest's SSH or its VM, nobody knows: so long is waited for word of the VM's end. */
#define VM_END_NS 1000000000LL
#define REOPEN_AFTER_NS 10000000000LL

static bool reachable(struct model *model, const struct pane *pane)
{
	const struct row *row = model_row(model, pane->vm_id);
	return row != NULL && row->vm.state == STOKER_RUNNING && row->vm.ready && !row->vm.stale && row->op == ACTION_NONE &&
	       !model->read_only;
}

bool pane_lost_its_vm(const struct model *model, const struct pane *pane, char *buf, size_t cap)
{
	const struct row *row = model_row(model, pane->vm_id);

	if (row != NULL && row->vm.pid > 0)
		return false;
	snprintf(buf, cap, "%s %s, and its shell with it", pane->vm_name,
	         row == NULL ? "was deleted" : row->vm.state == STOKER_CRASHED ? "has crashed" : "has ended");
	return true;
}

/* A pane whose session ended as it should goes away; one that was cut off
 * stays, so that its last lines can be read, and says why. */
void pane_changed(struct model *model, struct effects *effects)
{
	char why[256], text[384];
	int i;
	for (i = 0; i < model->pane_count; i++) {
		struct pane *pane = model->panes[i];
		bool shell = pane->ops->kind == PANE_SHELL, lost;
		why[0] = '\0';
		if (!pane->ops->over(pane, why, sizeof why))
			continue;
		if (shell && why[0] == '\0') {
			pane_close(model, i--, effects);
			continue;
		}
		if (pane->cut_ns == 0)
			pane->cut_ns = model->now_ns;
		pane->gone = model_row(model, pane->vm_id) == NULL;
		lost = shell && pane_lost_its_vm(model, pane, text, sizeof text);
		if (shell && !lost && model->now_ns - pane->cut_ns < VM_END_NS)
			continue;
		if (shell && !pane->reopening && reachable(model, pane)) {
			/* Cut off while the VM lives: once without being asked, unless it was cut off again at once. */
			if (model->now_ns - pane->attached_ns > REOPEN_AFTER_NS)
				pane->retried = false;
			if (!pane->retried) {
				pane->retried = true;
				pane_reopen(model, pane, effects);
			}
		}
		if (i == model->front && !pane->reopening && !pane->told && model->message[0] == '\0' && model->pane_focus) {
			pane->told = true;
			if (!lost)
				snprintf(text, sizeof text, "%s: %s", pane->vm_name, why[0] != '\0' ? why : "the log has ended");
			say(model, MESSAGE_PLAIN, "%s", text);
		}
	}
	if (model->front >= 0)
		model->panes[model->front]->activity = false;
	if (model->split.other >= 0)
		model->panes[model->split.other]->activity = false;
	broadcast_settle(model);
}

void pane_act(struct model *model, enum action_id action, struct effects *effects)
{
	struct layout layout;
	struct effect *effect;
	struct row *row;
	char key[24];

	layout_of(model, &layout);
	switch (action) {
	case ACTION_NEXT_FOCUS:
		/* List, panel, pane, and from there the leave key. */
		if (!model->panel_focus && panel_takes_focus(model->panel) && layout.panel.rows > 0) {
			model->panel_focus = true;
			break;
		}
		model->panel_focus = false;
		if (model->pane_count == 0)
			break;
		if (model->front < 0)
			pane_front(model, 0, true);
		else
			model->pane_focus = true;
		break;
	case ACTION_SPLIT:
	case ACTION_STACK:
	case ACTION_OTHER_PANE:
	case ACTION_BROADCAST:
	case ACTION_LOG_SESSION:
		split_act(model, action, effects);
		break;
	case ACTION_NEXT_PANE:
		pane_front(model, (model->front + 1) % model->pane_count, model->leader);
		break;
	case ACTION_FULL:
		if (model->front < 0)
			model->front = 0;
		model->full = !(model->leader && model->was_full);
		model->pane_focus = true;
		break;
	case ACTION_SCROLL:
		if (model->front < 0)
			model->front = 0;
		effect = effect_add(effects, EFFECT_PANE_COMMAND);
		effect->pane = model->panes[model->front];
		effect->command = PANE_SCROLL;
		model->full = model->leader && model->was_full;
		model->pane_focus = true;
		break;
	case ACTION_DETACH:
		if (model->front < 0) {
			binding_name(keymap_first(&model->keymap, ACTION_SHELL), key, sizeof key);
			say(model, MESSAGE_PLAIN, "no pane is shown; %s on a VM with %s brings its shell back", key, model->ascii ? "$" : "⌂");
		} else if (model->panes[model->front]->ops->kind == PANE_LOG) {
			pane_close(model, model->front, effects);
		} else {
			model->front = -1;
		}
		split_settle(model);
		if (model->front < 0)
			model->full = false;
		model->pane_focus = false;
		break;
	case ACTION_CLOSE:
		/* The one in front, else the selected VM's shell. */
		row = model_row(model, model->selected);
		if (model->front >= 0)
			pane_close(model, model->front, effects);
		else if (row != NULL && model_pane_of(model, row->vm.id, PANE_SHELL) != NULL)
			pane_close(model, index_of(model, model_pane_of(model, row->vm.id, PANE_SHELL)), effects);
		break;
	default:
		break;
	}
	model_arrange(model);
}
