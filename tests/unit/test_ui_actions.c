/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of actions is what keys, footer and help are made of: it has to be whole.
 */
#include "ui_fixture.h"

static bool same(const struct binding *a, const struct binding *b)
{
	return (a->special != SK_NONE || a->ch != 0) && a->special == b->special && a->ch == b->ch && a->mods == b->mods;
}

static void every_action_is_complete(void **state)
{
	char text[24];
	int i;
	(void)state;
	for (i = 0; i < ACTION_COUNT; i++) {
		const struct action *action = action_at((enum action_id)i);
		assert_int_equal(action->id, i);
		assert_true(strlen(action->name) > 1 && strlen(action->name) <= 11);
		assert_true(strlen(action->help) > 3);
		assert_true(action->group < GROUP_COUNT);
		action_key_text(&action->key, false, text, sizeof text);
		assert_true(text[0] != '\0');
		action_key_text(&action->key, true, text, sizeof text);
		assert_true(text[0] != '\0');
		for (const char *p = text; *p != '\0'; p++)
			assert_true(*p > 0 && *p < 127);
		assert_true((action->flags & ACT_QUIET) || action->footer[0] != '\0');
		assert_true(!(action->flags & ACT_DANGER) || (action->flags & ACT_CHANGES));
		assert_true(action->why_not == NULL || (action->flags & ACT_VM));
	}
	assert_null(action_at(ACTION_NONE));
}

static void no_two_share_a_key_or_a_name(void **state)
{
	int i, k;
	(void)state;
	for (i = 0; i < ACTION_COUNT; i++) {
		for (k = i + 1; k < ACTION_COUNT; k++) {
			const struct action *a = action_at((enum action_id)i), *b = action_at((enum action_id)k);
			assert_false(same(&a->key, &b->key) || same(&a->key, &b->second));
			assert_false(same(&a->second, &b->key) || same(&a->second, &b->second));
			assert_string_not_equal(a->name, b->name);
		}
	}
}

static void every_key_finds_its_action(void **state)
{
	struct keymap map;
	int i, k;
	(void)state;
	keymap_standard(&map);
	for (i = 0; i < ACTION_COUNT; i++) {
		const struct binding *bindings[2] = { &action_at((enum action_id)i)->key, &action_at((enum action_id)i)->second };
		for (k = 0; k < 2; k++) {
			struct key key;
			if (bindings[k]->special == SK_NONE && bindings[k]->ch == 0)
				continue;
			memset(&key, 0, sizeof key);
			key.kind = bindings[k]->special != SK_NONE ? KEY_KIND_SPECIAL : KEY_KIND_CHAR;
			key.special = bindings[k]->special;
			key.ch = bindings[k]->ch;
			key.mods = bindings[k]->mods;
			assert_int_equal(keymap_action(&map, &key), i);
		}
		assert_int_equal(action_of_name(action_at((enum action_id)i)->name), i);
	}
	assert_int_equal(action_of_name("reco"), ACTION_RECONCILE);
	assert_int_equal(action_of_name("s"), ACTION_NONE); /* several */
	assert_int_equal(action_of_name(""), ACTION_NONE);
	assert_int_equal(action_of_name("launch"), ACTION_NONE);
}

/* What an action refuses, it refuses with a reason, in every state of a VM. */
static void a_disabled_action_says_why(void **state)
{
	struct model *model = model_new(24, 80);
	struct effects effects = { 0 };
	int i, s;
	(void)state;
	for (s = 0; s < STOKER_STATE_COUNT; s++) {
		struct stoker_vm vm = fixture_vm(1, "one", (enum stoker_state)s);
		fixture_list(model, &vm, 1, &effects);
		for (i = 0; i < ACTION_COUNT; i++) {
			const char *why = action_disabled((enum action_id)i, model);
			assert_true(why == NULL || strlen(why) > 5);
		}
		assert_true((action_disabled(ACTION_START, model) == NULL) ==
		            (s == STOKER_CREATED || s == STOKER_STOPPED || s == STOKER_CRASHED || s == STOKER_ERROR));
		assert_true((action_disabled(ACTION_STOP, model) == NULL) ==
		            (s == STOKER_STARTING || s == STOKER_RUNNING || s == STOKER_PAUSED || s == STOKER_STOPPING));
		assert_null(action_disabled(ACTION_DELETE, model));
	}
	effects_free(&effects);
	model_free(model);
}

static void read_only_changes_nothing(void **state)
{
	struct model *model = model_new(24, 80);
	struct effects effects = { 0 };
	struct stoker_vm vms[8];
	int i;
	size_t k;
	(void)state;
	model->read_only = true;
	fixture_list(model, vms, fixture_fleet(vms), &effects);
	for (i = 0; i < ACTION_COUNT; i++) {
		effects_clear(&effects);
		update_act(model, (enum action_id)i, &effects);
		model->dialog = DIALOG_NONE;
		for (k = 0; k < effects.count; k++)
			assert_true(effects.items[k].kind != EFFECT_DO && effects.items[k].kind != EFFECT_CREATE &&
			            effects.items[k].kind != EFFECT_APPLY &&
			            !(effects.items[k].kind == EFFECT_OPEN && effects.items[k].pane_kind == PANE_SHELL));
	}
	effects_free(&effects);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_is_complete),
		cmocka_unit_test(no_two_share_a_key_or_a_name),
		cmocka_unit_test(every_key_finds_its_action),
		cmocka_unit_test(a_disabled_action_says_why),
		cmocka_unit_test(read_only_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
