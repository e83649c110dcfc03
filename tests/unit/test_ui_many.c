/* SPDX-License-Identifier: Apache-2.0
 *
 * Many VMs at once: marks, batches, what was deleted, one command on all.
 */
#include "ui_story.h"

#include "tui/command.h"

static bool marked(const struct story *s, int i)
{
	return model_row(s->model, s->vms[i].id)->marked;
}

static void ranges(void **state)
{
	struct story *s = *state;
	size_t i;
	fixture_char(s->model, 'v', 0, &s->effects);
	assert_int_equal(s->model->marked, 0);
	assert_non_null(strstr(s->model->message, "mark the first"));
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, ' ', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'v', 0, &s->effects);
	assert_int_equal(s->model->marked, 4);
	assert_true(!marked(s, 0) && marked(s, 1) && marked(s, 2) && marked(s, 3) && marked(s, 4) && !marked(s, 5));
	fixture_char(s->model, 'V', 0, &s->effects);
	assert_int_equal(s->model->marked, 4);
	assert_true(marked(s, 0) && !marked(s, 1) && marked(s, 7));
	/* Upwards too, in the order that is shown. */
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->marked, 0);
	fixture_char(s->model, 'G', 0, &s->effects);
	fixture_char(s->model, ' ', 0, &s->effects);
	fixture_char(s->model, 'g', 0, &s->effects);
	fixture_char(s->model, 'v', 0, &s->effects);
	assert_int_equal(s->model->marked, s->count);
	/* In groups, whose own lines are no VMs: the whole of one group, and nothing else. */
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	s->model->group_by = GROUP_BY_STATE;
	model_arrange(s->model);
	for (i = 0; i < s->model->group_count && strcmp(s->model->groups[i].key, "running") != 0; i++)
		;
	assert_int_equal(s->model->groups[i].count, 3);
	model_select_line(s->model, s->model->groups[i].first + i + 1);
	fixture_char(s->model, ' ', 0, &s->effects);
	model_select_line(s->model, s->model->groups[i].first + i + 3);
	fixture_char(s->model, 'v', 0, &s->effects);
	assert_int_equal(s->model->marked, 3);
	assert_true(marked(s, 0) && marked(s, 1) && marked(s, 2));
	s->model->group_by = GROUP_BY_NONE;
	model_arrange(s->model);
	/* By filter: all that is shown, and the marks stay when it goes. */
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, '/', 0, &s->effects);
	fixture_type(s->model, "state:running", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	fixture_char(s->model, 'a', 0, &s->effects);
	assert_int_equal(s->model->marked, s->model->shown_count);
	field_set(&s->model->filter, "");
	model_arrange(s->model);
	assert_true(s->model->marked > 0 && s->model->marked < s->count);
}

static void ended(struct story *s, uint64_t op, bool failed)
{
	struct event event;
	fixture_event(&event, EVENT_OP_DONE);
	event.op = op;
	event.now_ns = NOW_NS + SECOND;
	event.failed = failed;
	event.error.code = STOKER_E_FAILED;
	snprintf(event.error.why, sizeof event.error.why, "the guest would not");
	fixture_send(s->model, &event, &s->effects);
}

static void a_batch_is_told_before_and_after(void **state)
{
	struct story *s = *state;
	uint64_t ops[8];
	size_t i, n = 0;
	fixture_char(s->model, 'a', 0, &s->effects);
	fixture_char(s->model, 'x', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CONFIRM);
	assert_true(s->model->confirm.yes);
	assert_int_equal(s->model->confirm.count + s->model->confirm.left, s->count);
	assert_true(s->model->confirm.left >= 2);
	assert_string_equal(s->model->confirm.left_why, "it does not run");
	effects_clear(&s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	for (i = 0; i < s->effects.count; i++) {
		if (s->effects.items[i].kind == EFFECT_DO)
			ops[n++] = s->effects.items[i].op;
	}
	assert_int_equal(n, s->model->batch.working);
	assert_int_equal(s->model->batch.left, s->count - n);
	for (i = 0; i + 1 < n; i++)
		ended(s, ops[i], false);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
	ended(s, ops[n - 1], true);
	/* One failed: each one's result is shown at once. */
	assert_int_equal(s->model->dialog, DIALOG_TEXT);
	assert_non_null(strstr(s->model->text.lines[0], "1 failed"));
	assert_non_null(strstr(s->model->text.lines[1], "the guest would not"));
	assert_int_equal(s->model->text.count, s->count + 1);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, 'E', 0, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_TEXT);
}

static void what_was_deleted_comes_back(void **state)
{
	struct story *s = *state;
	uint64_t op = 0;
	size_t i;
	fixture_char(s->model, 'U', 0, &s->effects);
	assert_non_null(strstr(s->model->message, "nothing into the trash"));
	fixture_char(s->model, 'D', 0, &s->effects);
	fixture_char(s->model, 'y', 0, &s->effects);
	for (i = 0; i < s->effects.count; i++)
		op = s->effects.items[i].kind == EFFECT_DO ? s->effects.items[i].op : op;
	ended(s, op, false);
	assert_int_equal(s->model->count, s->count - 1);
	assert_int_equal(s->model->deleted_count, 1);
	effects_clear(&s->effects);
	fixture_char(s->model, 'U', 0, &s->effects);
	assert_int_equal(s->model->deleted_count, 0);
	for (i = 0; i < s->effects.count && s->effects.items[i].kind != EFFECT_DO; i++)
		;
	assert_int_equal(s->effects.items[i].action, ACTION_UNDO);
	assert_string_equal(s->effects.items[i].id, s->vms[0].id);
}

/* What was deleted together comes back together, however many other ends came in between. */
static void a_deleted_batch_comes_back(void **state)
{
	struct story *s = *state;
	uint64_t ops[3];
	size_t i, n = 0;
	char *line;
	fixture_type(s->model, "   D", &s->effects);
	fixture_char(s->model, 'y', 0, &s->effects);
	for (i = 0; i < s->effects.count; i++) {
		if (s->effects.items[i].kind == EFFECT_DO && n < 3)
			ops[n++] = s->effects.items[i].op;
	}
	assert_int_equal(n, 3);
	for (i = 0; i < 2; i++)
		ended(s, ops[i], false);
	/* One of another delete, while the third is still under way. */
	fixture_char(s->model, 'G', 0, &s->effects);
	effects_clear(&s->effects);
	fixture_char(s->model, 'D', 0, &s->effects);
	fixture_char(s->model, 'y', 0, &s->effects);
	for (i = 0; i < s->effects.count && s->effects.items[i].kind != EFFECT_DO; i++)
		;
	ended(s, s->effects.items[i].op, false);
	ended(s, ops[2], false);
	assert_int_equal(s->model->deleted_count, 4);
	line = command_of(s->model, ACTION_UNDO);
	assert_true(strncmp(line, "stoker trash restore 0000000000001000 ", 38) == 0);
	free(line);
	effects_clear(&s->effects);
	fixture_char(s->model, 'U', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 3);
	assert_int_equal(s->model->deleted_count, 1);
	assert_string_equal(s->model->deleted[0].id, s->vms[7].id);
	effects_clear(&s->effects);
	fixture_char(s->model, 'U', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 1);
	assert_int_equal(s->model->deleted_count, 0);
}

/* An ephemeral VM does not rest, and the dialog does not say so. */
static void what_is_ephemeral_goes(void **state)
{
	struct story *s = *state;
	struct screen *screen = screen_new(40, 120);
	char *shown;
	s->vms[0].ephemeral = true;
	fixture_list(s->model, s->vms, s->count, &s->effects);
	fixture_char(s->model, 'D', 0, &s->effects);
	view_draw(s->model, screen);
	shown = screen_text(screen);
	assert_non_null(strstr(shown, "Its disk goes with it."));
	free(shown);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_type(s->model, "  D", &s->effects);
	view_draw(s->model, screen);
	shown = screen_text(screen);
	assert_non_null(strstr(shown, "They rest in the trash for 10m, but for 1 ephemeral; U takes them back."));
	free(shown);
	screen_free(screen);
}

static void answer(struct story *s, uint64_t op, bool failed, const char *one, const char *two)
{
	struct event event;
	fixture_event(&event, EVENT_RAN);
	event.op = op;
	event.failed = failed;
	event.lines = calloc(3, sizeof *event.lines);
	if (one != NULL)
		event.lines[event.line_count++] = strdup(one);
	if (two != NULL)
		event.lines[event.line_count++] = strdup(two);
	fixture_send(s->model, &event, &s->effects);
}

static void one_command_on_many(void **state)
{
	struct story *s = *state;
	struct stoker_vm vms[20];
	struct screen *screen;
	char text[160], *shown;
	uint64_t ops[20];
	size_t i, n = 0, at;
	for (i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, "web-%zu", i);
		vms[i] = fixture_vm((int)i, name, i == 19 ? STOKER_STOPPED : STOKER_RUNNING);
	}
	fixture_list(s->model, vms, 20, &s->effects);
	fixture_char(s->model, 'a', 0, &s->effects);
	fixture_char(s->model, '!', 0, &s->effects);
	assert_int_equal(s->model->asking, ASK_COMMAND);
	effects_clear(&s->effects);
	screen = screen_new(40, 120);
	view_draw(s->model, screen);
	shown = screen_text(screen);
	assert_non_null(strstr(shown, "a command for 19 VMs, 1 left out"));
	free(shown);
	screen_free(screen);
	fixture_type(s->model, "uname -r", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_FANOUT);
	assert_int_equal(s->model->fanout.count, 19); /* the stopped one is not asked */
	/* Only so many at once, so that other operations find a worker. */
	assert_int_equal(count_of(&s->effects, EFFECT_RUN), 6);
	for (at = 0; at < s->effects.count; at++) {
		if (s->effects.items[at].kind != EFFECT_RUN)
			continue;
		assert_string_equal(s->effects.items[at].text, "uname -r");
		ops[n++] = s->effects.items[at].op;
		if (n == 6)
			break;
	}
	for (i = 0; i < 6; i++)
		answer(s, ops[i], false, i == 3 ? "6.7" : "6.1", "x86_64");
	assert_int_equal(s->model->fanout.groups, 2);
	fanout_summary(&s->model->fanout, text, sizeof text);
	assert_string_equal(text, "5 say one thing, 1 says another; 13 still at it; 1 left: it does not run");
	/* The rest is given up: those under way are cancelled, the others never asked. */
	fixture_char(s->model, 'x', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_CANCEL), 6);
	assert_int_equal(s->model->fanout.pending, 6);
	for (i = 0; i < s->model->fanout.count; i++) {
		if (!s->model->fanout.items[i].ended)
			answer(s, s->model->fanout.items[i].op, true, "cancelled", NULL);
	}
	assert_int_equal(s->model->fanout.pending, 0);
	fanout_summary(&s->model->fanout, text, sizeof text);
	assert_string_equal(text, "5 say one thing, 1 says another; 13 could not be asked; 1 left: it does not run");
	answer(s, 9999, false, "nobody asked", NULL); /* is dropped */
	screen = screen_new(40, 120);
	view_draw(s->model, screen);
	shown = screen_text(screen);
	assert_non_null(strstr(shown, "7 VMs could not be asked"));
	assert_non_null(strstr(shown, "5 VMs say (status 0)"));
	assert_non_null(strstr(shown, "1 VM says (status 0"));
	assert_non_null(strstr(shown, "web-0, web-1, web-2, web-4, web-5"));
	free(shown);
	screen_free(screen);
	/* once more, to the same */
	effects_clear(&s->effects);
	fixture_char(s->model, 'r', 0, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_RUN), 6);
	assert_int_equal(s->model->fanout.pending, 19);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(ranges), STORY(a_batch_is_told_before_and_after), STORY(what_was_deleted_comes_back),
		STORY(a_deleted_batch_comes_back), STORY(what_is_ephemeral_goes), STORY(one_command_on_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
