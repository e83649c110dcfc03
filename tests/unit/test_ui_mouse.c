/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_mouse.c - a person with a mouse: whatever can be read as a button,
 * a row, a heading or a key is clicked where it is seen.
 */
#include "ui_fixture.h"

#include "tui/hot.h"

struct toy {
	struct pane pane;
};

static void toy_title(const struct pane *pane, char *buf, size_t cap)
{
	(void)pane;
	snprintf(buf, cap, "toy");
}

static const char *toy_hint(const struct pane *pane)
{
	(void)pane;
	return "";
}

static void toy_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	(void)pane, (void)screen, (void)row, (void)col, (void)rows, (void)cols, (void)focus;
}

static bool toy_over(const struct pane *pane, char *why, size_t cap)
{
	(void)pane, (void)why, (void)cap;
	return false;
}

static void toy_free(struct pane *pane)
{
	(void)pane; /* part of the scene */
}

static const struct pane_ops toy_ops = { .free = toy_free, .kind = PANE_SHELL, .title = toy_title, .hint = toy_hint,
	                                 .draw = toy_draw, .over = toy_over };

struct scene {
	struct model *model;
	struct effects effects;
	struct stoker_vm vms[8];
	struct toy toy;
};

static void begin(struct scene *s, int rows, int cols)
{
	memset(s, 0, sizeof *s);
	s->model = model_new(rows, cols);
	assert_non_null(s->model);
	fixture_list(s->model, s->vms, fixture_fleet(s->vms), &s->effects);
	effects_clear(&s->effects);
}

static void end(struct scene *s)
{
	effects_free(&s->effects);
	model_free(s->model);
}

/* The nth place (from 0) where `text` can be read; false: nowhere. */
static bool find(const struct scene *s, const char *text, int nth, int *row, int *col)
{
	struct screen *screen = screen_new(s->model->rows_size, s->model->cols_size);
	char *all, *line, *next;
	bool found = false;

	view_draw(s->model, screen);
	all = screen_text(screen);
	*row = 0;
	for (line = all; *line != '\0' && !found; line = next, ++*row) {
		char *at = line;
		next = strchr(line, '\n');
		*next++ = '\0';
		while ((at = strstr(at, text)) != NULL && nth-- > 0)
			at++;
		if (at != NULL) {
			*at = '\0';
			*col = text_width(line);
			found = true;
			break;
		}
	}
	free(all);
	screen_free(screen);
	return found;
}

static void act_at(struct scene *s, enum mouse_act act, int button, int row, int col, int64_t later_ns)
{
	struct event event;
	fixture_event(&event, EVENT_KEY);
	event.now_ns += later_ns;
	event.key = (struct key){ .kind = KEY_KIND_MOUSE, .act = act, .button = button, .row = row, .col = col };
	fixture_send(s->model, &event, &s->effects);
}

static void click_nth(struct scene *s, const char *text, int nth, int button, int64_t later_ns)
{
	int row, col = 0;
	if (!find(s, text, nth, &row, &col))
		fail_msg("\"%s\" is not on the screen", text);
	act_at(s, MOUSE_PRESS, button, row, col, later_ns);
}

static void click(struct scene *s, const char *text)
{
	/* Long after the last one: no double click. */
	static int64_t later;
	later += 10 * SECOND;
	click_nth(s, text, 0, 1, later);
}

static size_t effects_of(const struct scene *s, enum effect_kind kind)
{
	size_t i, n = 0;
	for (i = 0; i < s->effects.count; i++)
		n += s->effects.items[i].kind == kind;
	return n;
}

static void rows_headings_and_counts(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	click(&s, "build-7");
	assert_string_equal(s.model->selected, s.vms[2].id);
	click_nth(&s, "old-heron", 0, 3, 0); /* the right button marks */
	assert_int_equal(s.model->marked, 1);
	assert_string_equal(s.model->selected, s.vms[3].id);
	click_nth(&s, "old-heron", 0, 3, 0);
	assert_int_equal(s.model->marked, 0);
	click(&s, "STATUS");
	assert_int_equal(s.model->sort, SORT_STATUS);
	assert_false(s.model->reverse);
	click(&s, "STATUS");
	assert_true(s.model->reverse);
	click_nth(&s, "STATUS", 0, 3, 0);
	assert_int_equal(s.model->dialog, DIALOG_COLUMNS);
	act_at(&s, MOUSE_PRESS, 1, 0, 0, 0); /* beside it: away */
	assert_int_equal(s.model->dialog, DIALOG_NONE);
	/* The header's counts are filters, and take themselves back. */
	click(&s, "‖ 1");
	assert_int_equal(s.model->shown_count, 1);
	assert_string_equal(s.model->rows[s.model->shown[0]].vm.name, "sleeper");
	click(&s, "‖ 1");
	assert_int_equal(s.model->shown_count, s.model->count);
	click(&s, "slowest amber-fox");
	assert_string_equal(s.model->selected, s.vms[1].id);
	end(&s);
}

/* Each count of the header finds just as many as it says. */
static void counts_mean_what_they_say(void **state)
{
	static const char *const counts[] = { "● 2", "◐ 1", "‖ 1", "○ 1", "✖ 1", "! 1", "? 1" };
	struct scene s;
	size_t i;
	(void)state;
	begin(&s, 40, 160);
	for (i = 0; i < sizeof counts / sizeof *counts; i++) {
		click(&s, counts[i]);
		assert_string_equal(s.model->wanted.problem, "");
		assert_int_equal(s.model->shown_count, (size_t)atoi(strchr(counts[i], ' ')));
		click(&s, counts[i]);
	}
	end(&s);
}

static void the_footer_is_buttons(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 160);
	click(&s, "c create");
	assert_int_equal(s.model->dialog, DIALOG_CREATE);
	click(&s, "Esc cancel");
	assert_int_equal(s.model->dialog, DIALOG_NONE);
	click(&s, "filter");
	assert_true(s.model->filtering);
	fixture_type(s.model, "ottter", &s.effects);
	click(&s, "ter "); /* into what was typed */
	assert_int_equal(s.model->filter.at, 3);
	fixture_special(s.model, SK_BACKSPACE, &s.effects);
	assert_string_equal(s.model->filter.text, "otter");
	click(&s, "Enter keep");
	assert_false(s.model->filtering);
	assert_int_equal(s.model->shown_count, 1);
	click(&s, "Esc shows all"); /* goes on with it */
	assert_true(s.model->filtering);
	click(&s, "Esc drop");
	assert_int_equal(s.model->shown_count, s.model->count);
	end(&s);
}

static void the_form(void **state)
{
	struct scene s;
	size_t i;
	(void)state;
	begin(&s, 40, 120);
	fixture_char(s.model, 'c', 0, &s.effects);
	effects_clear(&s.effects);
	click(&s, "Memory");
	assert_int_equal(s.model->form.focus, FORM_MEMORY);
	click_nth(&s, "none", 1, 1, 0); /* of the network; the first is of the presets */
	assert_int_equal(s.model->form.focus, FORM_NETWORK);
	assert_string_equal(s.model->form.fields[FORM_NETWORK].text, "none");
	assert_int_equal(effects_of(&s, EFFECT_CHECK), 1);
	click(&s, "tcg");
	assert_string_equal(s.model->form.fields[FORM_ACCEL].text, "tcg");
	click(&s, "Name");
	fixture_type(s.model, "abcd", &s.effects);
	click(&s, "cd  "); /* the cursor goes between */
	fixture_char(s.model, '-', 0, &s.effects);
	assert_string_equal(s.model->form.fields[FORM_NAME].text, "ab-cd");
	for (i = 0; i < s.effects.count; i++)
		assert_int_not_equal(s.effects.items[i].kind, EFFECT_CREATE);
	act_at(&s, MOUSE_PRESS, 1, 0, 0, 0); /* beside it: nothing is lost */
	assert_int_equal(s.model->dialog, DIALOG_CREATE);
	click(&s, "Enter create");
	assert_int_equal(s.model->dialog, DIALOG_NONE);
	assert_int_equal(effects_of(&s, EFFECT_CREATE), 1);
	end(&s);
}

static void the_plan(void **state)
{
	struct scene s;
	struct event event;
	int i;
	(void)state;
	begin(&s, 40, 120);
	click(&s, "reconcile");
	assert_int_equal(s.model->dialog, DIALOG_RECONCILE);
	fixture_event(&event, EVENT_PLAN);
	event.op = s.model->plan.op;
	event.count = 3;
	event.items = calloc(3, sizeof *event.items);
	for (i = 0; i < 3; i++) {
		snprintf(event.items[i].finding.subject, sizeof event.items[i].finding.subject, "subject-%d", i);
		snprintf(event.items[i].finding.repair_text, sizeof event.items[i].finding.repair_text, "remove it");
		event.items[i].finding.repair = STOKER_REPAIR_REMOVE;
	}
	fixture_send(s.model, &event, &s.effects);
	click(&s, "subject-1");
	assert_int_equal(s.model->plan.cursor, 1);
	assert_int_equal(s.model->plan.items[1].choice, STOKER_REPAIR_REMOVE);
	click_nth(&s, "[x]", 2, 1, 0);
	assert_int_equal(s.model->plan.items[2].choice, STOKER_REPAIR_NONE);
	click(&s, "Space leaves");
	assert_int_equal(s.model->plan.items[2].choice, STOKER_REPAIR_REMOVE);
	click(&s, "subject-0");
	act_at(&s, MOUSE_WHEEL_DOWN, 0, 5, 5, 0);
	assert_int_equal(s.model->plan.cursor, 1);
	effects_clear(&s.effects);
	click(&s, "Enter carries");
	assert_int_equal(effects_of(&s, EFFECT_APPLY), 1);
	end(&s);
}

static void a_question(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 40, 120);
	click(&s, "test-3");
	click(&s, "D delete");
	assert_int_equal(s.model->dialog, DIALOG_CONFIRM);
	act_at(&s, MOUSE_PRESS, 1, 3, 3, 0);
	assert_int_equal(s.model->dialog, DIALOG_CONFIRM);
	click(&s, "Keep it");
	assert_int_equal(s.model->dialog, DIALOG_NONE);
	assert_int_equal(effects_of(&s, EFFECT_DO), 0);
	click(&s, "D delete");
	click(&s, "Delete it");
	assert_int_equal(effects_of(&s, EFFECT_DO), 1);
	end(&s);
}

/* The list under it or the panel under it, three lines at a time; a panel without lines is left alone. */
static void the_wheel_moves_what_is_under_it(void **state)
{
	struct scene s;
	struct layout layout;
	int i;
	(void)state;
	begin(&s, 60, 120);
	layout_of(s.model, &layout);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, layout.list.row, 5, 0);
	assert_int_equal(s.model->selected_at, 3);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, layout.panel.row + 1, 5, 0);
	assert_int_equal(s.model->selected_at, 3);
	act_at(&s, MOUSE_WHEEL_UP, 0, layout.list.row + layout.list.rows - 1, 5, 0);
	assert_int_equal(s.model->selected_at, 0);
	for (i = 0; i < 10; i++)
		snprintf(s.model->events[i].text, sizeof s.model->events[i].text, "event %d", i);
	s.model->event_count = 10;
	fixture_char(s.model, 'e', 0, &s.effects);
	layout_of(s.model, &layout);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, layout.panel.row + 3, 5, 0);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, layout.panel.row + 3, 5, 0);
	assert_int_equal(s.model->panel_at, 6);
	assert_int_equal(s.model->selected_at, 0);
	act_at(&s, MOUSE_WHEEL_UP, 0, layout.panel.row + 3, 5, 0);
	assert_int_equal(s.model->panel_at, 3);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, layout.list.row, 5, 0);
	assert_int_equal(s.model->selected_at, 3);
	assert_int_equal(s.model->panel_at, 3);
	end(&s);
}

static void help_and_palette_do_what_they_list(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 60, 120);
	click(&s, "? help");
	assert_int_equal(s.model->dialog, DIALOG_HELP);
	act_at(&s, MOUSE_WHEEL_DOWN, 0, 5, 5, 0);
	assert_int_equal(s.model->help_top, 3);
	act_at(&s, MOUSE_WHEEL_UP, 0, 5, 5, 0);
	click(&s, "All that is recorded");
	assert_int_equal(s.model->dialog, DIALOG_TEXT);
	assert_int_equal(effects_of(&s, EFFECT_INSPECT), 1);
	click(&s, "Esc back");
	assert_int_equal(s.model->dialog, DIALOG_NONE);
	fixture_char(s.model, ':', 0, &s.effects);
	assert_true(s.model->commanding);
	fixture_type(s.model, "heron", &s.effects);
	click(&s, "VM, crashed");
	assert_false(s.model->commanding);
	assert_string_equal(s.model->selected, s.vms[3].id);
	fixture_char(s.model, ':', 0, &s.effects);
	act_at(&s, MOUSE_PRESS, 1, 4, 4, 0); /* beside the palette: away, and nothing else */
	assert_false(s.model->commanding);
	assert_string_equal(s.model->selected, s.vms[3].id);
	end(&s);
}

static void columns_dialog(void **state)
{
	struct scene s;
	(void)state;
	begin(&s, 50, 160);
	fixture_char(s.model, '|', 0, &s.effects);
	click_nth(&s, "[x]", 2, 1, 0);
	assert_int_equal(s.model->columns.cursor, 2);
	assert_int_equal(s.model->columns.choice[2].want, COLUMN_ON);
	end(&s);
}

static void panes_and_their_footer(void **state)
{
	struct scene s;
	struct event event;
	(void)state;
	begin(&s, 40, 160);
	memcpy(s.model->opening, "quiet-otter", 12);
	s.model->opening_kind = PANE_SHELL;
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = &s.toy.pane;
	s.toy.pane.ops = &toy_ops;
	memcpy(s.toy.pane.vm_id, s.vms[0].id, STOKER_ID_SIZE);
	memcpy(s.toy.pane.vm_name, s.vms[0].name, sizeof s.vms[0].name);
	fixture_send(s.model, &event, &s.effects);
	assert_true(s.model->pane_focus);
	effects_clear(&s.effects);
	click(&s, "full screen"); /* comes after the leave key: the guest gets neither */
	assert_true(s.model->full && s.model->pane_focus);
	assert_int_equal(effects_of(&s, EFFECT_PANE_KEY), 0);
	click(&s, "half screen");
	assert_false(s.model->full);
	click(&s, "to the list");
	assert_false(s.model->pane_focus);
	click(&s, "⌂ quiet-otter");
	assert_true(s.model->pane_focus);
	click(&s, "build-7");
	assert_false(s.model->pane_focus);
	assert_int_equal(effects_of(&s, EFFECT_PANE_KEY), 0);
	end(&s);
}

static void panels(void **state)
{
	struct scene s;
	struct event event;
	int i;
	(void)state;
	begin(&s, 40, 120);
	fixture_event(&event, EVENT_SNAPSHOT);
	event.snapshot = calloc(1, sizeof *event.snapshot);
	event.snapshot->events = calloc(3, sizeof *event.snapshot->events);
	event.snapshot->event_count = 3;
	for (i = 0; i < 3; i++) {
		memcpy(event.snapshot->events[i].id, s.vms[i].id, STOKER_ID_SIZE);
		snprintf(event.snapshot->events[i].text, sizeof event.snapshot->events[i].text, "%s did %d", s.vms[i].name, i);
		event.snapshot->events[i].at_ms = WALL_MS - 1000;
	}
	fixture_send(s.model, &event, &s.effects);
	snapshot_free(event.snapshot);
	click(&s, "build-7 did 2"); /* the newest, in the message line: all of them */
	assert_int_equal(s.model->panel, PANEL_EVENTS);
	click(&s, "amber-fox did 1");
	assert_int_equal(s.model->panel_at, 1);
	assert_true(s.model->panel_focus);
	click_nth(&s, "amber-fox did 1", 0, 1, 100 * SECOND);
	click_nth(&s, "amber-fox did 1", 0, 1, 100 * SECOND + SECOND / 5);
	assert_string_equal(s.model->selected, s.vms[1].id);
	click(&s, "Esc close");
	assert_int_equal(s.model->panel, PANEL_PHASES);
	end(&s);
}

/* Every cell of every dialog is clicked with every button: nothing may break, whatever it means. */
static void everywhere(void **state)
{
	static const uint32_t opens[] = { 0, 'c', '?', '|', 'y', ':', '/', 'P', 't', 'e', 'm', 'b', 'D', 'R', '!' };
	static const int sizes[][2] = { { 8, 36 }, { 24, 80 } };
	struct scene s;
	size_t i, k;
	int row, col, button;
	(void)state;
	for (k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		begin(&s, sizes[k][0], sizes[k][1]);
		for (i = 0; i < sizeof opens / sizeof *opens; i++) {
			for (row = 0; row < sizes[k][0]; row++) {
				for (col = 0; col < sizes[k][1]; col += 3) {
					button = 1 + (row + col) % 2 * 2;
					s.model->dialog = DIALOG_NONE;
					s.model->filtering = s.model->commanding = s.model->naming = false;
					s.model->asking = ASK_NOTHING;
					fixture_special(s.model, SK_ESCAPE, &s.effects);
					if (opens[i] != 0)
						fixture_char(s.model, opens[i], 0, &s.effects);
					act_at(&s, MOUSE_PRESS, button, row, col, 0);
					act_at(&s, MOUSE_RELEASE, button, row, col, 0);
					act_at(&s, MOUSE_WHEEL_DOWN, 0, row, col, 0);
					assert_true(s.model->selected_at < s.model->line_count || s.model->line_count == 0);
					effects_clear(&s.effects);
				}
			}
		}
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_headings_and_counts), cmocka_unit_test(counts_mean_what_they_say),
		cmocka_unit_test(the_footer_is_buttons),    cmocka_unit_test(the_form),
		cmocka_unit_test(the_plan),                 cmocka_unit_test(a_question),
		cmocka_unit_test(the_wheel_moves_what_is_under_it), cmocka_unit_test(help_and_palette_do_what_they_list), cmocka_unit_test(columns_dialog),
		cmocka_unit_test(panes_and_their_footer),   cmocka_unit_test(panels),
		cmocka_unit_test(everywhere),
	};
	return cmocka_run_group_tests_name("ui mouse", tests, NULL, NULL);
}
