/* SPDX-License-Identifier: Apache-2.0
 *
 * Stories played to update(): what is selected, marked, asked, carried out.
 */
#include "ui_fixture.h"

struct story {
	struct model *model;
	struct effects effects;
	struct stoker_vm vms[8];
	size_t count;
};

static int begin(void **state)
{
	struct story *s = calloc(1, sizeof *s);
	int i;
	assert_non_null(s);
	s->model = model_new(30, 120);
	assert_non_null(s->model);
	s->count = fixture_fleet(s->vms);
	for (i = 0; i < FORM_COUNT; i++)
		field_set(&s->model->defaults[i], "");
	field_set(&s->model->defaults[FORM_MEMORY], "512");
	field_set(&s->model->defaults[FORM_START], "yes");
	fixture_list(s->model, s->vms, s->count, &s->effects);
	effects_clear(&s->effects);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct story *s = *state;
	effects_free(&s->effects);
	model_free(s->model);
	free(s);
	return 0;
}

static const struct effect *find(const struct effects *effects, enum effect_kind kind)
{
	size_t i;
	for (i = 0; i < effects->count; i++) {
		if (effects->items[i].kind == kind)
			return &effects->items[i];
	}
	return NULL;
}

static size_t count_of(const struct effects *effects, enum effect_kind kind)
{
	size_t i, n = 0;
	for (i = 0; i < effects->count; i++)
		n += effects->items[i].kind == kind;
	return n;
}

static const char *selected_name(const struct model *model)
{
	const struct row *row = model_selected(model);
	return row != NULL ? row->vm.name : "";
}

static void op_done(struct story *s, uint64_t op, bool failed, const char *why)
{
	struct event event;
	fixture_event(&event, EVENT_OP_DONE);
	event.op = op;
	event.failed = failed;
	if (failed) {
		event.error.code = STOKER_E_FAILED;
		snprintf(event.error.what, sizeof event.error.what, "start it");
		snprintf(event.error.why, sizeof event.error.why, "%s", why);
	}
	fixture_send(s->model, &event, &s->effects);
}

static void the_first_one_is_selected_and_looked_at(void **state)
{
	struct story *s = *state;
	assert_string_equal(selected_name(s->model), "quiet-otter");
	fixture_char(s->model, 'j', 0, &s->effects);
	assert_string_equal(selected_name(s->model), "amber-fox");
	assert_string_equal(find(&s->effects, EFFECT_LOOK)->id, s->vms[1].id);
}

static void selection_stays_with_its_vm(void **state)
{
	struct story *s = *state;
	struct stoker_vm moved[8];
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	assert_string_equal(selected_name(s->model), "build-7");
	/* sorting */
	fixture_char(s->model, 'o', 0, &s->effects);
	assert_int_equal(s->model->sort, SORT_NAME);
	assert_string_equal(selected_name(s->model), "build-7");
	assert_int_equal(model_cursor(s->model), 1);
	fixture_char(s->model, 'O', 0, &s->effects);
	assert_string_equal(selected_name(s->model), "build-7");
	/* a list in another order, with two VMs less */
	moved[0] = s->vms[7];
	moved[1] = s->vms[4];
	moved[2] = s->vms[2];
	moved[3] = s->vms[0];
	fixture_list(s->model, moved, 4, &s->effects);
	assert_string_equal(selected_name(s->model), "build-7");
	/* filtered out: another takes over; back: it is still that other one */
	fixture_type(s->model, "/otter", &s->effects);
	assert_string_equal(selected_name(s->model), "quiet-otter");
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->shown_count, 4);
	assert_string_equal(selected_name(s->model), "quiet-otter");
}

static void when_it_goes_its_neighbour_is_selected(void **state)
{
	struct story *s = *state;
	struct stoker_vm fewer[8];
	fixture_char(s->model, 'G', 0, &s->effects);
	assert_string_equal(selected_name(s->model), "sleeper");
	fixture_list(s->model, s->vms, 7, &s->effects);
	assert_string_equal(selected_name(s->model), "failed-to-start");
	fixture_char(s->model, 'g', 0, &s->effects);
	memcpy(fewer, s->vms + 1, sizeof fewer[0] * 6);
	fixture_list(s->model, fewer, 6, &s->effects);
	assert_string_equal(selected_name(s->model), "amber-fox");
	fixture_list(s->model, fewer, 0, &s->effects);
	assert_null(model_selected(s->model));
	assert_int_equal(model_cursor(s->model), -1);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'D', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
	assert_true(strstr(s->model->message, "no VM yet") != NULL);
}

static void filter_words(void **state)
{
	struct story *s = *state;
	fixture_type(s->model, "/running !fox", &s->effects);
	assert_int_equal(s->model->shown_count, 3); /* quiet-otter, build-7, ghost */
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_false(s->model->filtering);
	assert_int_equal(s->model->shown_count, 3);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->shown_count, 8);
	fixture_type(s->model, "/team=build", &s->effects);
	assert_int_equal(s->model->shown_count, 1);
	fixture_char(s->model, 'u', MOD_CTRL, &s->effects);
	fixture_type(s->model, "stale", &s->effects);
	assert_string_equal(selected_name(s->model), "ghost");
}

static void sorting_by_address_counts_in_numbers(void **state)
{
	struct story *s = *state;
	snprintf(s->vms[0].ip, sizeof s->vms[0].ip, "172.16.0.100");
	fixture_list(s->model, s->vms, s->count, &s->effects);
	s->model->sort = SORT_IP;
	model_arrange(s->model);
	assert_string_equal(s->model->rows[s->model->shown[7]].vm.name, "quiet-otter");
	s->model->sort = SORT_STATUS;
	model_arrange(s->model);
	assert_string_equal(s->model->rows[s->model->shown[0]].vm.name, "ghost");
}

static void marks_are_acted_on_together(void **state)
{
	struct story *s = *state;
	struct stoker_vm turned[8];
	size_t i;

	fixture_char(s->model, ' ', 0, &s->effects);
	assert_string_equal(selected_name(s->model), "amber-fox"); /* Space moves on */
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, ' ', 0, &s->effects);
	assert_int_equal(s->model->marked, 2);
	fixture_char(s->model, 'o', 0, &s->effects);
	/* Marks belong to VMs, not to places in the list: it comes the other way round, and one of them is gone. */
	assert_true(s->count <= 8 && s->count > 3);
	for (i = 0; i + 1 < s->count; i++)
		turned[i] = s->vms[s->count - 1 - (i < s->count - 2 ? i : i + 1)];
	fixture_list(s->model, turned, s->count - 1, &s->effects);
	assert_int_equal(s->model->marked, 2);
	assert_null(model_row(s->model, s->vms[1].id));
	assert_true(model_row(s->model, s->vms[0].id)->marked && model_row(s->model, s->vms[2].id)->marked);
	fixture_list(s->model, s->vms, s->count, &s->effects);
	assert_int_equal(s->model->marked, 2);
	assert_true(model_row(s->model, s->vms[0].id)->marked && model_row(s->model, s->vms[2].id)->marked);
	effects_clear(&s->effects);
	fixture_char(s->model, 'x', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CONFIRM); /* several: what will be done is shown first */
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 2);
	assert_int_equal(s->model->op_count, 2);
	assert_int_equal(s->model->marked, 0);
	assert_int_equal(model_row(s->model, s->vms[0].id)->op, ACTION_STOP);
	assert_int_equal(model_row(s->model, s->vms[2].id)->op, ACTION_STOP);
	/* Again on the same one while it is under way: refused. */
	effects_clear(&s->effects);
	s->model->sort = SORT_CREATED;
	model_arrange(s->model);
	fixture_char(s->model, 'g', 0, &s->effects);
	fixture_char(s->model, 'x', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0);
	assert_true(strstr(s->model->message, "under way") != NULL);
}

static void actions_that_do_not_apply_say_why(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 's', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0);
	assert_string_equal(s->model->message, "start quiet-otter: it runs already");
	fixture_char(s->model, 'j', 0, &s->effects);
	assert_string_equal(s->model->message, "");
}

static void happens(struct story *s, int64_t after_ns)
{
	struct event event;
	fixture_event(&event, EVENT_SNAPSHOT);
	event.now_ns += after_ns;
	event.snapshot = calloc(1, sizeof *event.snapshot);
	assert_non_null(event.snapshot);
	event.snapshot->events = calloc(1, sizeof *event.snapshot->events);
	assert_non_null(event.snapshot->events);
	event.snapshot->event_count = 1;
	fixture_send(s->model, &event, &s->effects);
	snapshot_free(event.snapshot);
}

/* Who only looks on is told of a crash although a word of the last key still stands there; a failure stays. */
static void a_message_gives_way_to_what_happens(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 's', 0, &s->effects);
	happens(s, SECOND);
	assert_string_equal(s->model->message, "start quiet-otter: it runs already");
	fixture_list(s->model, s->vms, s->count, &s->effects);
	assert_string_equal(s->model->message, "start quiet-otter: it runs already");
	happens(s, 5 * SECOND);
	assert_string_equal(s->model->message, "");
	fixture_char(s->model, 'x', 0, &s->effects);
	op_done(s, find(&s->effects, EFFECT_DO)->op, true, "the guest did not answer");
	happens(s, 60 * SECOND);
	assert_non_null(strstr(s->model->message, "the guest did not answer"));
}

static void delete_asks_and_the_safe_answer_has_the_focus(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 'D', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CONFIRM);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0);
	fixture_char(s->model, 'D', 0, &s->effects);
	fixture_special(s->model, SK_TAB, &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 1);
	assert_int_equal(find(&s->effects, EFFECT_DO)->action, ACTION_DELETE);
	assert_true(find(&s->effects, EFFECT_DO)->force);
	assert_string_equal(find(&s->effects, EFFECT_DO)->id, s->vms[0].id);
}

/* The dialog asked about those VMs: what happens meanwhile changes nothing about that. */
static void a_confirmed_delete_hits_what_was_shown(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 'D', 0, &s->effects);
	fixture_list(s->model, s->vms + 1, 7, &s->effects); /* quiet-otter is gone by itself */
	effects_clear(&s->effects);
	fixture_char(s->model, 'y', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0); /* and not its neighbour instead */
	assert_int_equal(s->model->dialog, DIALOG_NONE);
}

static void failures_stay_until_the_next_key(void **state)
{
	struct story *s = *state;
	uint64_t op;
	fixture_char(s->model, 'x', 0, &s->effects);
	op = find(&s->effects, EFFECT_DO)->op;
	op_done(s, op, true, "the guest did not answer");
	assert_int_equal(s->model->op_count, 0);
	assert_string_equal(s->model->ended[0].why, "the guest did not answer. See whether this host has all it needs: stoker doctor");
	assert_int_equal(model_row(s->model, s->vms[0].id)->op, ACTION_NONE);
	assert_string_equal(s->model->message, "start it: the guest did not answer. See whether this host has all it needs: stoker doctor");
	fixture_list(s->model, s->vms, s->count, &s->effects);
	assert_string_equal(s->model->message, "start it: the guest did not answer. See whether this host has all it needs: stoker doctor");
	fixture_char(s->model, 'j', 0, &s->effects);
	assert_string_equal(s->model->message, "");
	op_done(s, op, true, "late and unknown"); /* nothing under way has that number */
	assert_string_equal(s->model->message, "");
}

static void the_form_checks_while_typing(void **state)
{
	struct story *s = *state;
	struct event event;
	uint64_t first;

	fixture_char(s->model, 'c', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CREATE);
	first = find(&s->effects, EFFECT_CHECK)->generation;
	effects_clear(&s->effects);
	fixture_type(s->model, "web", &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_CHECK), 3);
	assert_string_equal(s->effects.items[2].spec->spec.name, "web");
	/* The answer to an older text is no answer. */
	fixture_event(&event, EVENT_CHECKED);
	event.generation = first;
	event.failed = true;
	snprintf(event.error.why, sizeof event.error.why, "old");
	fixture_send(s->model, &event, &s->effects);
	assert_false(s->model->form.wrong);
	event.generation = s->model->form.generation;
	snprintf(event.error.why, sizeof event.error.why, "the name is taken");
	fixture_send(s->model, &event, &s->effects);
	assert_true(s->model->form.wrong);
	effects_clear(&s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects); /* refused while wrong */
	assert_int_equal(s->model->dialog, DIALOG_CREATE);
	fixture_char(s->model, '2', 0, &s->effects);
	event.generation = s->model->form.generation;
	event.failed = false;
	fixture_send(s->model, &event, &s->effects);
	effects_clear(&s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
	assert_string_equal(find(&s->effects, EFFECT_CREATE)->spec->spec.name, "web2");
	assert_int_equal(find(&s->effects, EFFECT_CREATE)->spec->spec.memory_mib, 512);
	assert_true(find(&s->effects, EFFECT_CREATE)->spec->start);
}

static void a_failed_create_brings_the_form_back(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_type(s->model, "web", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	op_done(s, find(&s->effects, EFFECT_CREATE)->op, true, "the disk is full");
	assert_int_equal(s->model->dialog, DIALOG_CREATE);
	assert_string_equal(s->model->form.fields[FORM_NAME].text, "web");
	assert_string_equal(s->model->form.message, "the disk is full. See whether this host has all it needs: stoker doctor");
}

static void numbers_are_checked_at_once(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_special(s->model, SK_DOWN, &s->effects);
	fixture_special(s->model, SK_DOWN, &s->effects);
	fixture_special(s->model, SK_DOWN, &s->effects);
	assert_int_equal(s->model->form.focus, FORM_MEMORY);
	fixture_type(s->model, "x", &s->effects);
	assert_true(s->model->form.wrong);
	fixture_char(s->model, 'u', MOD_CTRL, &s->effects);
	effects_clear(&s->effects);
	fixture_type(s->model, "2G", &s->effects);
	assert_int_equal(s->effects.items[s->effects.count - 1].spec->spec.memory_mib, 2048);
}

static struct plan_item *findings(size_t count)
{
	struct plan_item *items = calloc(count, sizeof *items);
	size_t i;
	assert_non_null(items);
	for (i = 0; i < count; i++) {
		snprintf(items[i].finding.subject, sizeof items[i].finding.subject, "thing %zu", i);
		items[i].finding.repair = STOKER_REPAIR_MARK;
	}
	items[count - 1].finding.ask = true;
	items[count - 1].finding.repair = STOKER_REPAIR_ADOPT;
	items[count - 1].finding.alternative = STOKER_REPAIR_END;
	return items;
}

static void reconcile_shows_first_and_does_what_is_left_in(void **state)
{
	struct story *s = *state;
	struct event event;
	const struct effect *effect;

	fixture_char(s->model, 'R', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_RECONCILE);
	fixture_event(&event, EVENT_PLAN);
	event.op = find(&s->effects, EFFECT_PLAN)->op;
	event.items = findings(3);
	event.count = 3;
	fixture_send(s->model, &event, &s->effects);
	op_done(s, event.op, false, "");
	assert_int_equal(s->model->plan.state, PLAN_READY);
	assert_int_equal(s->model->plan.items[2].choice, STOKER_REPAIR_NONE); /* asks: left out unless chosen */
	fixture_char(s->model, ' ', 0, &s->effects);                           /* leave the first out */
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'e', 0, &s->effects); /* end it instead of adopting */
	effects_clear(&s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	effect = find(&s->effects, EFFECT_APPLY);
	assert_non_null(effect);
	assert_int_equal(effect->choices[0], STOKER_REPAIR_NONE);
	assert_int_equal(effect->choices[1], STOKER_REPAIR_MARK);
	assert_int_equal(effect->choices[2], STOKER_REPAIR_END);
	fixture_event(&event, EVENT_PLAN_ITEM);
	event.op = effect->op;
	event.item = 1;
	fixture_send(s->model, &event, &s->effects);
	event.item = 2;
	event.failed = true;
	snprintf(event.error.why, sizeof event.error.why, "it does not end");
	fixture_send(s->model, &event, &s->effects);
	event.item = 99; /* out of range: ignored */
	fixture_send(s->model, &event, &s->effects);
	assert_int_equal(s->model->plan.items[1].result, ITEM_DONE);
	assert_int_equal(s->model->plan.items[2].result, ITEM_FAILED);
	op_done(s, effect->op, false, "");
	assert_int_equal(s->model->plan.state, PLAN_DONE);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
}

static void findings_without_a_list_are_none(void **state)
{
	struct story *s = *state;
	struct event event;

	fixture_char(s->model, 'R', 0, &s->effects);
	fixture_event(&event, EVENT_PLAN);
	event.op = find(&s->effects, EFFECT_PLAN)->op;
	event.count = 2;
	fixture_send(s->model, &event, &s->effects);
	assert_int_equal(s->model->plan.count, 0);
	fixture_char(s->model, ' ', 0, &s->effects);
	fixture_char(s->model, 'e', 0, &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
}

static void created_vms_get_the_selection(void **state)
{
	struct story *s = *state;
	struct event event;
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	fixture_event(&event, EVENT_OP_DONE);
	event.op = find(&s->effects, EFFECT_CREATE)->op;
	event.has_vm = true;
	event.vm = fixture_vm(77, "brave-lynx", STOKER_STARTING);
	fixture_send(s->model, &event, &s->effects);
	assert_string_equal(selected_name(s->model), "brave-lynx");
}

static void quitting(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, '?', 0, &s->effects);
	fixture_char(s->model, 'q', 0, &s->effects); /* closes the help first */
	assert_null(find(&s->effects, EFFECT_QUIT));
	fixture_char(s->model, 'x', 0, &s->effects);
	fixture_char(s->model, 'q', 0, &s->effects); /* something is under way: asks */
	assert_int_equal(s->model->dialog, DIALOG_CONFIRM);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	op_done(s, find(&s->effects, EFFECT_DO)->op, false, "");
	fixture_char(s->model, 'q', 0, &s->effects);
	assert_non_null(find(&s->effects, EFFECT_QUIT));
}

static void trembling_figures_do_not_move(void **state)
{
	struct story *s = *state;
	struct event event;
	struct stoker_sample sample = { NOW_NS, 0, 74000 };
	char id[1][STOKER_ID_SIZE];
	int i;
	memcpy(id[0], s->vms[0].id, STOKER_ID_SIZE);
	for (i = 0; i < 6; i++) {
		static const int percent[6] = { 0, 20, 21, 19, 40, 0 };
		static const int shown[6] = { -1, 20, 20, 20, 40, 0 };
		fixture_event(&event, EVENT_SNAPSHOT);
		event.snapshot = calloc(1, sizeof *event.snapshot);
		event.snapshot->samples = malloc(sizeof sample);
		event.snapshot->sample_ids = malloc(sizeof id);
		event.snapshot->sample_count = 1;
		sample.at_ns += SECOND;
		sample.cpu_ns += percent[i] * SECOND / 100;
		sample.rss_kib = 74000 + (uint64_t)i * 100;
		memcpy(event.snapshot->samples, &sample, sizeof sample);
		memcpy(event.snapshot->sample_ids, id, sizeof id);
		fixture_send(s->model, &event, &s->effects);
		snapshot_free(event.snapshot);
		assert_int_equal(s->model->rows[0].cpu, shown[i]);
		assert_int_equal(s->model->rows[0].rss_kib, 74000);
	}
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_first_one_is_selected_and_looked_at),
		STORY(selection_stays_with_its_vm),
		STORY(when_it_goes_its_neighbour_is_selected),
		STORY(filter_words),
		STORY(sorting_by_address_counts_in_numbers),
		STORY(marks_are_acted_on_together),
		STORY(actions_that_do_not_apply_say_why),
		STORY(a_message_gives_way_to_what_happens),
		STORY(delete_asks_and_the_safe_answer_has_the_focus),
		STORY(a_confirmed_delete_hits_what_was_shown),
		STORY(failures_stay_until_the_next_key),
		STORY(the_form_checks_while_typing),
		STORY(a_failed_create_brings_the_form_back),
		STORY(numbers_are_checked_at_once),
		STORY(reconcile_shows_first_and_does_what_is_left_in),
		STORY(findings_without_a_list_are_none),
		STORY(created_vms_get_the_selection),
		STORY(quitting),
		STORY(trembling_figures_do_not_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
