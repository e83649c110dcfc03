/* SPDX-License-Identifier: Apache-2.0
 *
 * finder.c - what the palette offers, and its keys.
 */
#include "finder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "fuzzy.h"
#include "layout.h"
#include "update.h"

static bool is_filter(const struct setting_line *setting)
{
	return strncmp(setting->key, "filters.", 8) == 0;
}

struct found {
	struct finder_item *items;
	size_t count, cap;
};

static int best_first(const void *a, const void *b)
{
	const struct finder_item *x = a, *y = b;
	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

/* Keeps the best `cap` of all. */
static void offer(struct found *found, enum finder_kind kind, int index, int score)
{
	struct finder_item item = { kind, index, score };
	size_t i;
	if (score <= 0)
		return;
	if (found->count == found->cap) {
		size_t worst = 0;
		for (i = 1; i < found->count; i++) {
			if (best_first(&found->items[i], &found->items[worst]) > 0)
				worst = i;
		}
		if (best_first(&item, &found->items[worst]) < 0)
			found->items[worst] = item;
		return;
	}
	found->items[found->count++] = item;
}

size_t finder_find(const struct model *model, struct finder_item *out, size_t cap)
{
	const char *typed = model->palette.text;
	struct found found = { out, 0, cap };
	char text[192];
	size_t k;
	int i;

	for (i = 0; i < ACTION_COUNT; i++) {
		const struct action *action = action_at((enum action_id)i);
		int score = fuzzy_score(action->name, typed);
		if (i == ACTION_PALETTE)
			continue;
		/* By what it does as well, but a name goes before that. */
		if (score == 0 && model->palette.len >= 3 && strcasestr(action->help, typed) != NULL)
			score = 2;
		offer(&found, FINDER_ACTION, i, score > 0 ? score * 2 + 1 : 0);
	}
	for (i = 0; i < model->pane_count; i++) {
		snprintf(text, sizeof text, "%s %s", model->panes[i]->ops->kind == PANE_SHELL ? "shell" : "logs",
		         model->panes[i]->vm_name);
		offer(&found, FINDER_PANE, i, model->palette.len > 0 ? fuzzy_score(text, typed) * 2 : 0);
	}
	for (k = 0; k < model->count && model->palette.len > 0; k++)
		offer(&found, FINDER_VM, (int)k, fuzzy_score(model->rows[k].vm.name, typed) * 2);
	for (k = 0; k < model->setting_count; k++) {
		const struct setting_line *setting = &model->settings[k];
		bool filter = is_filter(setting);
		int score = fuzzy_score(filter ? setting->key + 8 : setting->key, typed);
		if (filter && score == 0)
			score = fuzzy_score("filter", typed);
		offer(&found, filter ? FINDER_FILTER : FINDER_SETTING, (int)k,
		      model->palette.len > 0 || filter ? filter ? score * 2 : score : 0);
	}
	qsort(found.items, found.count, sizeof *found.items, best_first);
	return found.count;
}

void finder_words(const struct model *model, const struct finder_item *item, char *name, size_t name_cap, char *key,
                   size_t key_cap, char *help, size_t help_cap, const char **why)
{
	const struct setting_line *setting;
	const struct stoker_vm *vm;
	*why = NULL;
	key[0] = '\0';
	switch (item->kind) {
	case FINDER_ACTION:
		snprintf(name, name_cap, "%s", action_at((enum action_id)item->index)->name);
		action_keys_text(model, (enum action_id)item->index, key, key_cap);
		snprintf(help, help_cap, "%s", action_at((enum action_id)item->index)->help);
		*why = action_disabled((enum action_id)item->index, model);
		break;
	case FINDER_VM:
		vm = &model->rows[item->index].vm;
		snprintf(name, name_cap, "%s", vm->name);
		snprintf(help, help_cap, "VM, %s%s%s: select it", stoker_state_name(vm->state), vm->ip[0] != '\0' ? ", " : "", vm->ip);
		break;
	case FINDER_PANE:
		snprintf(name, name_cap, "%s", model->panes[item->index]->vm_name);
		snprintf(help, help_cap, "open %s: bring it to the front",
		         model->panes[item->index]->ops->kind == PANE_SHELL ? "shell" : "log");
		break;
	case FINDER_FILTER:
		setting = &model->settings[item->index];
		snprintf(name, name_cap, "%s", setting->key + 8);
		snprintf(help, help_cap, "filter: %s", setting->value);
		break;
	case FINDER_SETTING:
	default:
		setting = &model->settings[item->index];
		snprintf(name, name_cap, "%s", setting->key);
		snprintf(help, help_cap, "setting = %s (%s): %s", setting->value, setting->origin, setting->help);
		break;
	}
}

static void take(struct model *model, const struct finder_item *item, struct effects *effects)
{
	const struct setting_line *setting;
	switch (item->kind) {
	case FINDER_ACTION:
		update_act(model, (enum action_id)item->index, effects);
		break;
	case FINDER_VM:
		model->on_group = false;
		memcpy(model->selected, model->rows[item->index].vm.id, sizeof model->selected);
		model_arrange(model);
		if (strcmp(model->selected, model->rows[item->index].vm.id) != 0) {
			field_set(&model->filter, ""); /* it was filtered out: it is what was asked for */
			model->on_group = false;
			memcpy(model->selected, model->rows[item->index].vm.id, sizeof model->selected);
			model_arrange(model);
		}
		break;
	case FINDER_PANE:
		pane_front(model, item->index, true);
		break;
	case FINDER_FILTER:
		field_set(&model->filter, model->settings[item->index].value);
		model_arrange(model);
		break;
	case FINDER_SETTING:
	default:
		setting = &model->settings[item->index];
		say(model, MESSAGE_PLAIN, "%s = %s (%s): %s. It is changed in the configuration file, which is read again by itself",
		    setting->key, setting->value, setting->origin, setting->help);
		break;
	}
}

void finder_click(struct model *model, size_t at, struct effects *effects)
{
	struct finder_item items[FINDER_MAX];
	size_t count = finder_find(model, items, FINDER_MAX);

	model->commanding = false;
	if (at < count)
		take(model, &items[at], effects);
}

void finder_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct finder_item items[FINDER_MAX];
	char name[96], keys[40], help[400];
	const char *why;
	size_t count = finder_find(model, items, FINDER_MAX), page = 8;

	if (model->palette_at >= count)
		model->palette_at = count > 0 ? count - 1 : 0;
	if (keymap_at(&model->keymap, key, PLACE_COMMAND) == IN_COPY_COMMAND) {
		if (count > 0 && items[model->palette_at].kind == FINDER_ACTION)
			command_copy(model, command_of(model, (enum action_id)items[model->palette_at].index), effects);
		model->commanding = false;
		return;
	}
	switch ((int)keymap_at(&model->keymap, key, PLACE_LINE)) {
	case IN_LINE_ACCEPT:
		model->commanding = false;
		if (count > 0)
			take(model, &items[model->palette_at], effects);
		else if (model->palette.len > 0)
			say(model, MESSAGE_BAD, "nothing is called like %s", model->palette.text);
		return;
	case IN_LINE_LEAVE:
		model->commanding = false;
		return;
	case IN_LINE_UP:
		model->palette_at -= model->palette_at > 0;
		return;
	case IN_LINE_DOWN:
		model->palette_at += model->palette_at + 1 < count;
		return;
	case IN_LINE_PAGE_UP:
		model->palette_at -= model->palette_at < page ? model->palette_at : page;
		return;
	case IN_LINE_PAGE_DOWN:
		if (count > 0)
			model->palette_at = model->palette_at + page < count ? model->palette_at + page : count - 1;
		return;
	case IN_LINE_COMPLETE:
		if (count == 0)
			return;
		finder_words(model, &items[model->palette_at], name, sizeof name, keys, sizeof keys, help, sizeof help, &why);
		field_set(&model->palette, name);
		model->palette_at = 0;
		return;
	case IN_LINE_ERASE:
		if (model->palette.len == 0) {
			model->commanding = false; /* the colon goes too */
			return;
		}
		break;
	default:
		break;
	}
	if (field_key(&model->palette, key, &model->keymap))
		model->palette_at = 0;
}
