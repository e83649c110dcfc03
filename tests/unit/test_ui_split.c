/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_split.c - two panes at once, broadcast, coming back after a cut, in the model.
 */
#include "ui_fixture.h"

struct toy {
	struct pane pane;
	bool over, reading;
	int rows, cols;
};

static void toy_title(const struct pane *pane, char *buf, size_t cap)
{
	(void)pane;
	snprintf(buf, cap, "toy");
}

static const char *toy_hint(const struct pane *pane)
{
	return ((const struct toy *)pane)->reading ? "q back" : "";
}

static void toy_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	struct toy *toy = (struct toy *)pane;
	assert_true(rows > 0 && cols > 0 && row + rows <= screen_rows(screen) && col + cols <= screen_cols(screen));
	toy->rows = rows;
	toy->cols = cols;
	(void)focus;
}

static bool toy_over(const struct pane *pane, char *why, size_t cap)
{
	if (((const struct toy *)pane)->over)
		snprintf(why, cap, "cut off");
	return ((const struct toy *)pane)->over;
}

static void toy_free(struct pane *pane)
{
	(void)pane; /* part of the scene */
}

static const struct pane_ops ops = { .free = toy_free, .kind = PANE_SHELL, .title = toy_title, .hint = toy_hint, .draw = toy_draw, .over = toy_over };

struct scene {
	struct model *model;
	struct effects effects;
	struct stoker_vm vms[8];
	struct toy toys[3];
};

static void opened(struct scene *s, int i)
{
	struct event event;
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = &s->toys[i].pane;
	s->toys[i].pane.ops = &ops;
	memcpy(s->toys[i].pane.vm_id, s->vms[i].id, STOKER_ID_SIZE);
	memcpy(s->toys[i].pane.vm_name, s->vms[i].name, sizeof s->vms[i].name);
	fixture_send(s->model, &event, &s->effects);
}

static void begin(struct scene *s, int rows, int cols)
{
	int i;
	memset(s, 0, sizeof *s);
	s->model = model_new(rows, cols);
	for (i = 0; i < 3; i++)
		s->vms[i] = fixture_vm(i, i == 0 ? "fox" : i == 1 ? "owl" : "elk", STOKER_RUNNING);
	fixture_list(s->model, s->vms, 3, &s->effects);
	for (i = 0; i < 3; i++)
		opened(s, i);
	s->model->front = 0;
	effects_clear(&s->effects);
}

static void end(struct scene *s)
{
	effects_free(&s->effects);
	model_free(s->model);
}

static int count(const struct scene *s, enum effect_kind kind)
{
	int n = 0;
	size_t i;
	for (i = 0; i < s->effects.count; i++)
		n += s->effects.items[i].kind == kind;
	return n;
}

static void draw(struct scene *s)
{
	struct screen *screen = screen_new(s->model->rows_size, s->model->cols_size);
	view_draw(s->model, screen);
	screen_free(screen);
}

static bool seen(struct scene *s, const char *what)
{
	struct screen *screen = screen_new(s->model->rows_size, s->model->cols_size);
	char *text;
	bool found;
	view_draw(s->model, screen);
	text = screen_text(screen);
	found = strstr(text, what) != NULL;
	free(text);
	screen_free(screen);
	return found;
}

static void two_share_the_place(void **state)
{
	struct scene s;
	struct layout one, two;
	(void)state;
	begin(&s, 40, 160);
	layout_of(s.model, &one);
	memcpy(s.model->selected, s.vms[1].id, STOKER_ID_SIZE);
	model_arrange(s.model);
	fixture_char(s.model, '%', 0, &s.effects);
	assert_int_equal(s.model->front, 1);
	assert_int_equal(s.model->split.other, 0);
	layout_of(s.model, &two);
	assert_int_equal(two.pane.cols + two.other.cols + 1, one.pane.cols);
	assert_int_equal(two.pane.rows, one.pane.rows);
	draw(&s);
	assert_int_equal(s.toys[0].cols, two.other.cols);
	assert_int_equal(s.toys[1].cols, two.pane.cols);
	/* to the other one: the keys go there, nothing moves on the screen */
	s.model->pane_focus = false;
	fixture_char(s.model, ';', 0, &s.effects);
	assert_int_equal(s.model->front, 0);
	layout_of(s.model, &one);
	assert_int_equal(one.pane.col, two.other.col);
	assert_int_equal(one.other.col, two.pane.col);
	/* one above the other, then the upper one is closed: the lower one has all of it */
	s.model->pane_focus = false;
	fixture_char(s.model, '"', 0, &s.effects);
	assert_true(s.model->split.stacked);
	draw(&s);
	s.model->pane_focus = false;
	fixture_char(s.model, 'w', 0, &s.effects);
	assert_int_equal(s.model->pane_count, 2);
	assert_int_equal(s.model->split.other, -1);
	assert_string_equal(s.model->panes[s.model->front]->vm_name, "owl");
	end(&s);
}

static void too_little_room_shows_one(void **state)
{
	struct scene s;
	struct layout layout;
	int rows, cols;
	(void)state;
	begin(&s, 40, 160);
	fixture_char(s.model, '%', 0, &s.effects);
	for (rows = 1; rows < 60; rows += 3) {
		for (cols = 1; cols < 200; cols += 7) {
			struct event event;
			fixture_event(&event, EVENT_RESIZE);
			event.rows = rows;
			event.cols = cols;
			fixture_send(s.model, &event, &s.effects);
			s.model->split.stacked = cols & 1;
			layout_of(s.model, &layout);
			assert_true(layout.other.rows == 0 || (layout.other.cols >= 20 && layout.pane.cols >= 20));
			draw(&s);
		}
	}
	end(&s);
}

/* A panel that has no room is not moved in unseen; why it is not there is said. */
static void a_panel_out_of_sight_has_no_focus(void **state)
{
	struct scene s;
	struct event event;
	(void)state;
	begin(&s, 24, 80);
	s.model->pane_focus = false;
	fixture_char(s.model, 'e', 0, &s.effects);
	assert_false(s.model->panel_focus);
	assert_non_null(strstr(s.model->message, "d puts the pane away"));
	fixture_char(s.model, 'j', 0, &s.effects);
	assert_int_equal(s.model->selected_at, 1);
	fixture_char(s.model, 'd', 0, &s.effects);
	fixture_special(s.model, SK_TAB, &s.effects);
	assert_true(s.model->panel_focus);
	/* Nor when the terminal becomes too small for it. */
	end(&s);
	begin(&s, 30, 160);
	s.model->pane_focus = false;
	fixture_char(s.model, 'e', 0, &s.effects);
	assert_true(s.model->panel_focus);
	fixture_event(&event, EVENT_RESIZE);
	event.rows = 24;
	event.cols = 80;
	fixture_send(s.model, &event, &s.effects);
	assert_false(s.model->panel_focus);
	end(&s);
}

static void broadcast_reaches_those_that_were_marked(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	s.model->rows[1].marked = true;
	s.model->marked = 1;
	fixture_char(s.model, 'B', 0, &s.effects);
	assert_true(s.toys[0].pane.broadcast && s.toys[1].pane.broadcast && !s.toys[2].pane.broadcast);
	assert_true(s.model->pane_focus);
	effects_clear(&s.effects);
	fixture_char(s.model, 'x', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_PANE_KEY), 2);
	/* one that reads back takes keys as commands: it gets none */
	s.toys[1].reading = true;
	effects_clear(&s.effects);
	fixture_char(s.model, 'x', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_PANE_KEY), 1);
	s.toys[1].reading = false;
	/* and when the one in front does, the others get nothing either, and the footer does not say they do */
	assert_true(seen(&s, "BROADCAST"));
	s.toys[0].reading = true;
	assert_false(seen(&s, "BROADCAST"));
	effects_clear(&s.effects);
	fixture_char(s.model, 'x', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_PANE_KEY), 1);
	s.toys[0].reading = false;
	/* a mark that comes later does not join */
	s.model->rows[2].marked = true;
	effects_clear(&s.effects);
	fixture_char(s.model, 'x', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_PANE_KEY), 2);
	s.model->pane_focus = false;
	fixture_char(s.model, 'B', 0, &s.effects);
	assert_false(s.toys[0].pane.broadcast || s.toys[1].pane.broadcast);
	end(&s);
}

static void changed(struct scene *s, int64_t now)
{
	struct event event;
	fixture_event(&event, EVENT_PANE_CHANGED);
	event.now_ns = now;
	fixture_send(s->model, &event, &s->effects);
}

static void a_cut_shell_comes_back_once_by_itself(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	s.toys[0].over = true;
	changed(&s, NOW_NS + 20 * SECOND);
	assert_int_equal(count(&s, EFFECT_OPEN), 0); /* its VM may be ending, too */
	changed(&s, NOW_NS + 21 * SECOND);
	assert_int_equal(count(&s, EFFECT_OPEN), 1);
	assert_true(s.toys[0].pane.reopening);
	effects_clear(&s.effects);
	changed(&s, NOW_NS + 21 * SECOND);
	assert_int_equal(count(&s, EFFECT_OPEN), 0); /* it is on its way */
	/* it comes, and is cut off again at once: the operator is asked now */
	{
		struct event event;
		s.toys[0].over = false;
		fixture_event(&event, EVENT_PANE_OPENED);
		event.now_ns = NOW_NS + 22 * SECOND;
		event.pane = &s.toys[0].pane;
		fixture_send(s.model, &event, &s.effects);
		assert_false(s.toys[0].pane.reopening);
		assert_int_equal(s.model->pane_count, 3);
	}
	s.toys[0].over = true;
	effects_clear(&s.effects);
	changed(&s, NOW_NS + 23 * SECOND);
	changed(&s, NOW_NS + 25 * SECOND);
	assert_int_equal(count(&s, EFFECT_OPEN), 0);
	end(&s);
}

/* The guest powered off: its SSH goes first, its VM a little later. */
static void a_shell_ends_with_its_vm(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	s.model->front = 0;
	s.model->pane_focus = true;
	s.model->message[0] = '\0';
	s.toys[0].over = true;
	changed(&s, NOW_NS + 20 * SECOND);
	assert_string_equal(s.model->message, "");
	s.vms[0].state = STOKER_STOPPED;
	s.vms[0].pid = 0;
	fixture_list(s.model, s.vms, 3, &s.effects);
	assert_non_null(strstr(s.model->message, " has ended, and its shell with it"));
	assert_false(s.toys[0].pane.gone);
	assert_int_equal(count(&s, EFFECT_OPEN), 0);
	/* It is said once. */
	s.model->message[0] = '\0';
	fixture_list(s.model, s.vms, 3, &s.effects);
	assert_string_equal(s.model->message, "");
	/* Deleted: there is nothing left to connect to. */
	fixture_list(s.model, s.vms + 1, 2, &s.effects);
	assert_true(s.toys[0].pane.gone);
	end(&s);
}

static void a_cut_shell_of_a_dead_vm_stays_cut(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	s.vms[0].state = STOKER_CRASHED;
	fixture_list(s.model, s.vms, 3, &s.effects);
	s.toys[0].over = true;
	effects_clear(&s.effects);
	changed(&s, NOW_NS + 20 * SECOND);
	changed(&s, NOW_NS + 22 * SECOND);
	assert_int_equal(count(&s, EFFECT_OPEN), 0);
	end(&s);
}

static void two_clicks_open_a_shell(void **state)
{
	struct scene s;
	struct event event;
	struct layout layout;
	(void)state;
	begin(&s, 40, 160);
	s.model->front = -1;
	layout_of(s.model, &layout);
	fixture_event(&event, EVENT_KEY);
	event.key = (struct key){ .kind = KEY_KIND_MOUSE, .act = MOUSE_PRESS, .button = 1, .row = layout.list.row + 1, .col = 5 };
	fixture_send(s.model, &event, &s.effects);
	assert_string_equal(s.model->selected, s.vms[1].id);
	assert_int_equal(s.model->front, -1);
	event.now_ns += 200000000;
	fixture_send(s.model, &event, &s.effects);
	assert_int_equal(s.model->front, 1);
	end(&s);
}

/* Typed as fast as fingers are: the key that leaves a log came before the log, and left the dashboard. */
static void leaving_what_is_not_open_yet_leaves_no_more(void **state)
{
	struct scene s;
	struct event event;
	uint64_t op;
	(void)state;
	begin(&s, 40, 160);
	s.model->pane_count = 0;
	s.model->front = -1;
	fixture_char(s.model, 'l', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_OPEN), 1);
	op = s.model->ops[0].id;
	fixture_char(s.model, 'q', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_QUIT), 0);
	assert_int_equal(count(&s, EFFECT_CANCEL), 1);
	assert_false(seen(&s, "Opening the log"));
	/* asked for again while the first one is being left: another one is opened */
	fixture_char(s.model, 'l', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_OPEN), 2);
	assert_true(seen(&s, "Opening the log"));
	/* the first comes all the same, and nobody gets to see it */
	fixture_event(&event, EVENT_OP_DONE);
	event.op = op;
	fixture_send(s.model, &event, &s.effects);
	fixture_event(&event, EVENT_PANE_OPENED);
	event.op = op;
	event.pane = &s.toys[0].pane;
	fixture_send(s.model, &event, &s.effects);
	assert_int_equal(count(&s, EFFECT_PANE_FREE), 1);
	assert_int_equal(s.model->pane_count, 0);
	assert_true(seen(&s, "Opening the log"));
	fixture_char(s.model, 'q', 0, &s.effects);
	fixture_char(s.model, 'q', 0, &s.effects);
	assert_int_equal(count(&s, EFFECT_QUIT), 1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_share_the_place),
		cmocka_unit_test(too_little_room_shows_one),
		cmocka_unit_test(a_panel_out_of_sight_has_no_focus),
		cmocka_unit_test(broadcast_reaches_those_that_were_marked),
		cmocka_unit_test(a_cut_shell_comes_back_once_by_itself),
		cmocka_unit_test(a_shell_ends_with_its_vm),
		cmocka_unit_test(a_cut_shell_of_a_dead_vm_stays_cut),
		cmocka_unit_test(two_clicks_open_a_shell),
		cmocka_unit_test(leaving_what_is_not_open_yet_leaves_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
