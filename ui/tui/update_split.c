/* SPDX-License-Identifier: Apache-2.0
 *
 * update_split.c - two panes at once, typing into several, a session's log.
 */
#include <stdio.h>
#include <string.h>

#include "update.h"

static int index_of(const struct model *model, const struct pane *pane)
{
	int i;
	for (i = 0; i < model->pane_count && model->panes[i] != pane; i++)
		;
	return i < model->pane_count ? i : -1;
}

/* Whatever happened: a second pane is only there beside a first one. */
void split_settle(struct model *model)
{
	if (model->split.other < 0 || model->front >= 0 || model->opening[0] != '\0')
		return;
	model->front = model->split.other;
	model->split.other = -1;
	model_arrange(model);
}

static void split(struct model *model, bool stacked, struct effects *effects)
{
	const struct row *row = model_selected(model);
	const struct pane *pane = row != NULL ? model_pane_of(model, row->vm.id, PANE_SHELL) : NULL;
	int at = pane != NULL ? index_of(model, pane) : -1, i;

	if (model->front < 0)
		model->front = 0;
	if (model->split.other >= 0 && model->split.stacked == stacked && (at < 0 || at == model->front || at == model->split.other)) {
		model->split.other = -1; /* the same again takes it back */
		return;
	}
	model->split.stacked = stacked;
	if (model->split.other >= 0 && (at < 0 || at == model->front))
		return; /* turned */
	if (at < 0 && row != NULL && strcmp(row->vm.id, model->panes[model->front]->vm_id) != 0 &&
	    action_disabled(ACTION_SHELL, model) == NULL) {
		/* The selected VM's shell is opened beside the one that is there. */
		model->split.other = model->front;
		model->split.other_first = true;
		update_act(model, ACTION_SHELL, effects);
		return;
	}
	for (i = 1; (at < 0 || at == model->front) && i < model->pane_count; i++)
		at = (model->front + i) % model->pane_count;
	if (at < 0 || at == model->front) {
		say(model, MESSAGE_PLAIN, "there is one pane only. Select another VM in the list and split again: its shell opens beside this one");
		return;
	}
	if (at == model->split.other)
		return;
	model->split.other = at;
	model->split.other_first = false;
	pane_front(model, at, true);
}

static size_t typed_into(const struct model *model)
{
	size_t n = 0;
	int i;
	for (i = 0; i < model->pane_count; i++)
		n += model->panes[i]->broadcast;
	return n;
}

/* The shells are chosen once: what is marked later does not join by itself. */
static void broadcast(struct model *model)
{
	size_t n;
	int i;
	bool on = typed_into(model) > 0;

	for (i = 0; i < model->pane_count; i++) {
		struct pane *pane = model->panes[i];
		const struct row *row = model_row(model, pane->vm_id);
		bool seen = i == model->front || i == model->split.other;
		char why[256];
		pane->broadcast = !on && pane->ops->kind == PANE_SHELL && !pane->ops->over(pane, why, sizeof why) &&
		                  (model->marked > 0 ? (row != NULL && row->marked) || i == model->front : seen);
	}
	n = typed_into(model);
	if (on) {
		model->pane_focus = model->front >= 0;
		say(model, MESSAGE_GOOD, "broadcast is off: what is typed goes to one shell again");
	} else if (n < 2) {
		for (i = 0; i < model->pane_count; i++)
			model->panes[i]->broadcast = false;
		say(model, MESSAGE_PLAIN, "broadcast needs two open shells: mark VMs whose shells are open, or split the pane");
	} else {
		if (model->front < 0 || !model->panes[model->front]->broadcast) {
			for (i = 0; i < model->pane_count && !model->panes[i]->broadcast; i++)
				;
			pane_front(model, i, true);
		}
		model->pane_focus = true;
	}
}

/* "fox owl build-7", as many as fit; returns how many there are. */
size_t broadcast_names(const struct model *model, char *buf, size_t cap)
{
	size_t len = 0, n = 0;
	int i;
	buf[0] = '\0';
	for (i = 0; i < model->pane_count; i++) {
		if (!model->panes[i]->broadcast)
			continue;
		n++;
		if (len < cap)
			len += (size_t)snprintf(buf + len, cap - len, "%s%s", n > 1 ? " " : "", model->panes[i]->vm_name);
	}
	return n;
}

/* One left is no broadcast any more. */
void broadcast_settle(struct model *model)
{
	int i;
	char why[256];
	size_t n = 0;
	for (i = 0; i < model->pane_count; i++) {
		if (model->panes[i]->broadcast && model->panes[i]->ops->over(model->panes[i], why, sizeof why))
			model->panes[i]->broadcast = false;
		n += model->panes[i]->broadcast;
	}
	if (n != 1)
		return;
	for (i = 0; i < model->pane_count; i++)
		model->panes[i]->broadcast = false;
	say(model, MESSAGE_PLAIN, "broadcast is off: one shell is left of it");
}

/* ------------------------------------------------------------ session log */

static void log_begin(struct model *model, struct effects *effects)
{
	struct pane *pane;
	struct effect *effect;
	int64_t s = model->wall_ms / 1000 + model->utc_offset_s;
	int day = (int)(s % 86400);
	char path[1100];

	if (model->front < 0)
		model->front = 0;
	pane = model->panes[model->front];
	if (pane->ops->kind != PANE_SHELL) {
		say(model, MESSAGE_PLAIN, "log-session: this is a console's log, which is kept already");
		return;
	}
	if (pane->logging) {
		effect = effect_add(effects, EFFECT_PANE_LOG);
		effect->pane = pane;
		pane->logging = false;
		say(model, MESSAGE_GOOD, "%s: the session's log is closed", pane->vm_name);
		return;
	}
	/* Days since 1970 and the time make names that sort and do not repeat. */
	snprintf(path, sizeof path, "%s/%s-%lld-%02d%02d%02d.log", model->session_dir, pane->vm_name, (long long)(s / 86400),
	         day / 3600, day / 60 % 60, day % 60);
	field_set(&model->path, path);
	model->naming = true;
	memcpy(model->naming_id, pane->vm_id, sizeof model->naming_id);
}

void path_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct pane *pane = model_pane_of(model, model->naming_id, PANE_SHELL);
	struct effect *effect;
	enum place_key own = keymap_at(&model->keymap, key, PLACE_LINE);

	if (own == IN_LINE_ACCEPT && model->path.len > 0) {
		model->naming = false;
		if (pane == NULL)
			return;
		effect = effect_add(effects, EFFECT_PANE_LOG);
		effect->pane = pane;
		snprintf(effect->path, sizeof effect->path, "%s", model->path.text);
		pane->logging = true;
		model->pane_focus = model->front >= 0;
		say(model, MESSAGE_GOOD, "%s: the session is written to %s", pane->vm_name, effect->path);
	} else if (own == IN_LINE_LEAVE) {
		model->naming = false;
		model->pane_focus = model->front >= 0;
	} else {
		field_key(&model->path, key, &model->keymap);
	}
}

void split_act(struct model *model, enum action_id action, struct effects *effects)
{
	switch (action) {
	case ACTION_SPLIT:
	case ACTION_STACK:
		split(model, action == ACTION_STACK, effects);
		break;
	case ACTION_OTHER_PANE:
		if (model->split.other >= 0)
			pane_front(model, model->split.other, true);
		else
			say(model, MESSAGE_PLAIN, "other-pane: one pane is shown only");
		break;
	case ACTION_BROADCAST:
		broadcast(model);
		break;
	case ACTION_LOG_SESSION:
		log_begin(model, effects);
		break;
	default:
		break;
	}
}
