/* SPDX-License-Identifier: Apache-2.0
 *
 * The dashboard as lines of text: everything in the table of actions can be
 * typed, and what is told is true.
 */
#include "ui_fixture.h"

#include "tui/plain.h"

struct talk {
	struct model *model;
	struct effects effects;
	struct plain *plain;
	char *said;
	size_t len;
	FILE *out;
};

/* What has been told since the last time it was asked. */
static const char *told(struct talk *talk)
{
	static char text[65536];
	fflush(talk->out);
	snprintf(text, sizeof text, "%.*s", (int)talk->len, talk->said);
	rewind(talk->out);
	return text;
}

static const char *type(struct talk *talk, const char *line)
{
	effects_clear(&talk->effects);
	told(talk);
	plain_line(talk->plain, talk->model, line, &talk->effects);
	plain_present(talk->plain, talk->model);
	return told(talk);
}

static void begin(struct talk *talk)
{
	struct stoker_vm vms[8];
	struct event event;
	sigset_t mask;

	memset(talk, 0, sizeof *talk);
	sigemptyset(&mask);
	talk->out = open_memstream(&talk->said, &talk->len);
	talk->model = model_new(PLAIN_ROWS, PLAIN_COLS);
	talk->plain = plain_new(NULL, &mask, talk->out);
	assert_non_null(talk->plain);
	fixture_list(talk->model, vms, fixture_fleet(vms), &talk->effects);
	talk->model->trash_keep_s = 7 * 86400;
	memcpy(talk->model->timings_id, talk->model->selected, sizeof talk->model->timings_id);
	fixture_event(&event, EVENT_TICK);
	fixture_send(talk->model, &event, &talk->effects);
	plain_present(talk->plain, talk->model);
	told(talk);
}

static void end(struct talk *talk)
{
	effects_free(&talk->effects);
	plain_free(talk->plain);
	model_free(talk->model);
	fclose(talk->out);
	free(talk->said);
}

/* Effects that are not only a look at a VM. */
static size_t acts(const struct talk *talk)
{
	size_t i, n = 0;
	for (i = 0; i < talk->effects.count; i++)
		n += talk->effects.items[i].kind != EFFECT_LOOK;
	return n;
}

/* Something to undo, to cut short, to try again, to have results of, to keep as a filter. */
static void history(struct talk *talk)
{
	struct model *model = talk->model;
	struct event event;

	type(talk, "stop quiet-otter");
	type(talk, "start test-3");
	fixture_event(&event, EVENT_OP_DONE);
	event.op = model->ops[1].id;
	event.failed = true;
	snprintf(event.error.what, sizeof event.error.what, "start test-3");
	snprintf(event.error.why, sizeof event.error.why, "its disk is gone");
	event.error.code = STOKER_E_FAILED;
	fixture_send(model, &event, &talk->effects);
	memcpy(model->deleted[0].id, "00000000000000ff", sizeof model->deleted[0].id);
	model->deleted_count = 1;
	model->dialog = DIALOG_NONE;
	field_set(&model->filter, "e");
	plain_present(talk->plain, model);
}

/* Is the action carried out, or does it ask, or tell what it is for? */
static bool reached(const struct action *action, const char *line)
{
	static const char *const refusals[] = { "nothing that can be done here", "is for the picture", "Which VM?",
		                                "there is no VM" };
	struct talk talk;
	const char *text, *name, *verb;
	bool asks, ok;
	size_t i;

	begin(&talk);
	history(&talk);
	text = type(&talk, line);
	if (text[0] == '\0') { /* it waited for the fleet's figures: here they are */
		talk.model->spread_known = true;
		plain_present(talk.plain, talk.model);
		text = told(&talk);
	}
	verb = plain_to_run(talk.plain, &name);
	asks = talk.model->asking != ASK_NOTHING || talk.model->dialog != DIALOG_NONE;
	ok = acts(&talk) > 0 || verb != NULL || (action->flags & ACT_CHANGES ? asks : text[0] != '\0');
	if (asks && talk.model->dialog != DIALOG_TEXT && talk.model->dialog != DIALOG_RECONCILE)
		ok = ok && text[0] != '\0'; /* and says what it asks */
	for (i = 0; i < sizeof refusals / sizeof *refusals; i++)
		ok = ok && strstr(text, refusals[i]) == NULL;
	end(&talk);
	return ok;
}

static void every_action_can_be_typed(void **state)
{
	struct stoker_vm vms[8];
	size_t count = fixture_fleet(vms), k;
	int i, wrong = 0;
	(void)state;
	for (i = 0; i < ACTION_COUNT; i++) {
		const struct action *action = action_at((enum action_id)i);
		char line[128];
		bool ok = reached(action, action->name);
		for (k = 0; k < count && !ok; k++) {
			snprintf(line, sizeof line, "%s %s", action->name, vms[k].name);
			ok = reached(action, line);
		}
		if (ok != (plain_why_not((enum action_id)i) == NULL)) {
			fprintf(stderr, "%s: %s\n", action->name, ok ? "can be typed, and is said to be for a picture" :
			        "nothing comes of it when it is typed; plain_line.c says of none of both kinds why");
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void the_help_tells_of_what_can_be_typed(void **state)
{
	struct talk talk;
	const char *text;
	int i;
	(void)state;
	begin(&talk);
	text = type(&talk, "help");
	for (i = 0; i < ACTION_COUNT; i++) {
		const struct action *action = action_at((enum action_id)i);
		char head[32], heads[32];
		snprintf(head, sizeof head, "\n%s:", action->name);
		snprintf(heads, sizeof heads, "\n%s ", action->name);
		assert_true((strstr(text, head) != NULL || strstr(text, heads) != NULL) == (plain_why_not((enum action_id)i) == NULL));
	}
	end(&talk);
}

static void what_is_asked_says_what_will_be(void **state)
{
	struct talk talk;
	const char *text;
	(void)state;
	begin(&talk);
	text = type(&talk, "delete test-3");
	assert_non_null(strstr(text, "Delete test-3?"));
	assert_non_null(strstr(text, "It rests in the trash for 7d"));
	assert_non_null(strstr(text, "undo takes it back"));
	assert_null(strstr(text, "undone"));
	type(&talk, "no");
	assert_int_equal(acts(&talk), 0);
	talk.model->trash_keep_s = 0;
	text = type(&talk, "delete test-3");
	assert_non_null(strstr(text, "Its disk goes with it."));
	assert_null(strstr(text, "trash"));
	type(&talk, "yes");
	assert_int_equal(talk.effects.items[0].kind, EFFECT_DO);
	assert_int_equal(talk.effects.items[0].action, ACTION_DELETE);
	text = type(&talk, "kill quiet-otter");
	assert_non_null(strstr(text, "As if the power were cut"));
	end(&talk);
}

static void several_are_asked_about_together(void **state)
{
	struct talk talk;
	const char *text;
	(void)state;
	begin(&talk);
	text = type(&talk, "mark ghost");
	assert_non_null(strstr(text, "1 marked"));
	/* Those that are named, and not the marked one. */
	text = type(&talk, "stop quiet-otter build-7 test-3");
	assert_non_null(strstr(text, "Stop 2 VMs?"));
	assert_non_null(strstr(text, "1 is left: it does not run"));
	assert_null(strstr(text, "ghost"));
	type(&talk, "yes");
	assert_int_equal(acts(&talk), 2);
	assert_string_equal(talk.effects.items[0].id, "0000000000001000");
	assert_string_equal(talk.effects.items[1].id, "0000000000001002");
	end(&talk);
}

static void a_line_goes_on_behind_the_names(void **state)
{
	struct talk talk;
	const char *text;
	char *line;
	struct event event;
	(void)state;
	begin(&talk);
	type(&talk, "run quiet-otter build-7 uname -a");
	assert_int_equal(acts(&talk), 2);
	assert_int_equal(talk.effects.items[0].kind, EFFECT_RUN);
	assert_string_equal(talk.effects.items[0].text, "uname -a");
	for (size_t i = 0; i < 2; i++) {
		fixture_event(&event, EVENT_RAN);
		event.op = talk.model->fanout.items[i].op;
		line = strdup("Linux");
		event.lines = malloc(sizeof line);
		event.lines[0] = line;
		event.line_count = 1;
		told(&talk);
		fixture_send(talk.model, &event, &talk.effects);
		plain_present(talk.plain, talk.model);
	}
	text = told(&talk);
	assert_non_null(strstr(text, "uname -a: all 2 say the same"));
	assert_non_null(strstr(text, "quiet-otter, build-7"));
	assert_non_null(strstr(text, "\nLinux\n"));
	text = type(&talk, "resize test-3");
	assert_non_null(strstr(text, "Which size"));
	type(&talk, "3G");
	assert_int_equal(talk.effects.items[0].action, ACTION_RESIZE);
	assert_int_equal(talk.effects.items[0].count, 3072);
	type(&talk, "create new-one");
	assert_int_equal(talk.effects.items[talk.effects.count - 2].kind, EFFECT_CREATE);
	assert_string_equal(talk.effects.items[talk.effects.count - 2].spec->spec.name, "new-one");
	text = type(&talk, "clone build-7");
	assert_non_null(strstr(text, "vCPUs: 4"));
	type(&talk, "vcpus 2");
	type(&talk, "disk mode copy");
	type(&talk, "backend nonsense");
	assert_int_equal(talk.model->dialog, DIALOG_CREATE);
	type(&talk, "yes");
	assert_int_equal(talk.effects.items[0].kind, EFFECT_CREATE);
	assert_int_equal(talk.effects.items[0].spec->spec.vcpus, 2);
	assert_string_equal(talk.effects.items[0].spec->spec.disk_mode, "copy");
	end(&talk);
}

static void views_are_told_without_their_drawings(void **state)
{
	struct talk talk;
	const char *text, *p;
	(void)state;
	begin(&talk);
	type(&talk, "start test-3");
	text = type(&talk, "operations");
	assert_non_null(strstr(text, "start, test-3"));
	for (p = text; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p < 127));
	text = type(&talk, "graphs old-heron");
	assert_non_null(strstr(text, "old-heron: the last 10 minutes"));
	/* Not before its figures are here. */
	text = type(&talk, "phases build-7");
	assert_string_equal(text, "");
	memcpy(talk.model->timings_id, talk.model->selected, sizeof talk.model->timings_id);
	told(&talk);
	plain_present(talk.plain, talk.model);
	assert_non_null(strstr(told(&talk), "build-7: phases"));
	end(&talk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_action_can_be_typed),
		cmocka_unit_test(the_help_tells_of_what_can_be_typed),
		cmocka_unit_test(what_is_asked_says_what_will_be),
		cmocka_unit_test(several_are_asked_about_together),
		cmocka_unit_test(a_line_goes_on_behind_the_names),
		cmocka_unit_test(views_are_told_without_their_drawings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
