/* SPDX-License-Identifier: Apache-2.0
 *
 * What things are called: command lines, help, palette, presets, memory.
 */
#include "ui_story.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/command.h"
#include "tui/finder.h"
#include "tui/fuzzy.h"
#include "tui/memory.h"
#include "tui/preset.h"

/* ---------------------------------------------------------------- commands */

/* What sh makes of a line, word by word. */
static void words_of(const char *line, char *out, size_t cap)
{
	char script[8192];
	ssize_t n, have = 0;
	int fds[2], status;
	pid_t pid;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	snprintf(script, sizeof script, "printf '<%%s>' %s", line);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], out + have, cap - 1 - (size_t)have)) > 0)
		have += n;
	out[have] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void quoting(void **state)
{
	static const char *const words[] = { "plain", "two words", "", "it's", "''", "$HOME `id` \"x\" \\", "*?[a]", "#no", "~",
		                                 "a;b|c&d>e<f(g)", "-x", "\xc3\xa4\xe4\xb8\xad", "!h", "k=v" };
	char quoted[128], out[256], want[160];
	size_t i;
	(void)state;
	for (i = 0; i < sizeof words / sizeof *words; i++) {
		assert_true(shell_quote(quoted, sizeof quoted, words[i]) == strlen(quoted));
		words_of(quoted, out, sizeof out);
		snprintf(want, sizeof want, "<%s>", words[i]);
		assert_string_equal(out, want);
	}
	assert_int_equal(shell_quote(quoted, 4, "it's"), 9);
	assert_int_equal(strlen(quoted), 3);
}

static void says(const struct story *s, enum action_id action, const char *want)
{
	char *line = command_of(s->model, action);
	assert_non_null(line);
	assert_string_equal(line, want);
	free(line);
}

static void every_action_has_its_line(void **state)
{
	struct story *s = *state;
	char out[512], *line;
	says(s, ACTION_STOP, "stoker stop quiet-otter");
	says(s, ACTION_KILL, "stoker stop --force quiet-otter");
	says(s, ACTION_DELETE, "stoker delete --force --trash quiet-otter");
	says(s, ACTION_SHELL, "stoker shell quiet-otter");
	says(s, ACTION_LOGS, "stoker logs --follow quiet-otter");
	says(s, ACTION_INSPECT, "stoker inspect quiet-otter");
	says(s, ACTION_RECONCILE, "stoker reconcile");
	says(s, ACTION_UP, "");
	says(s, ACTION_MARK, "");
	s->model->trash_keep_s = 0;
	fixture_char(s->model, ' ', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, ' ', 0, &s->effects);
	says(s, ACTION_STOP, "stoker stop quiet-otter build-7");
	says(s, ACTION_DELETE, "stoker delete --force quiet-otter build-7");
	says(s, ACTION_SHELL, ""); /* the selected one has crashed */
	says(s, ACTION_RUN, ""); /* nothing was run yet */
	snprintf(s->model->fanout.command, sizeof s->model->fanout.command, "uname -r; id");
	says(s, ACTION_RUN, "for vm in quiet-otter build-7; do stoker exec \"$vm\" -- sh -c 'uname -r; id'; done");
	s->model->fanout.command[0] = '\0';
	field_set(&s->model->filter, "label:tier=web 'x");
	line = command_of(s->model, ACTION_FILTER);
	words_of(line, out, sizeof out);
	assert_string_equal(out, "<stoker><list><--filter><label:tier=web 'x>");
	free(line);
	/* The form: only what is not standard. */
	field_set(&s->model->filter, "");
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_type(s->model, "web", &s->effects);
	field_set(&s->model->form.fields[FORM_MEMORY], "2G");
	field_set(&s->model->form.fields[FORM_LABELS], "a=b,c=d");
	s->model->command_places = strdup(" --state '/x y'");
	line = command_of_form(s->model);
	words_of(line, out, sizeof out);
	assert_string_equal(out, "<stoker><--state></x y><create><web><--memory><2G><--label><a=b><--label><c=d><--start>");
	free(line);
}

/* What the command line has nothing for, and why. */
static const struct {
	enum action_id action;
	const char *why;
} no_line[] = {
	{ ACTION_UP, "moves" }, { ACTION_DOWN, "moves" }, { ACTION_PAGE_UP, "moves" }, { ACTION_PAGE_DOWN, "moves" },
	{ ACTION_FIRST, "moves" }, { ACTION_LAST, "moves" },
	{ ACTION_MARK, "the line of what follows names the VMs" }, { ACTION_MARK_ALL, "as above" },
	{ ACTION_MARK_RANGE, "as above" }, { ACTION_INVERT, "as above" },
	{ ACTION_SAVE_FILTER, "the dashboard keeps it" }, { ACTION_SORT, "a look" }, { ACTION_REVERSE, "a look" },
	{ ACTION_COLUMNS, "a look" }, { ACTION_GROUP, "a look" }, { ACTION_FOLD, "a look" },
	{ ACTION_GRAPHS, "ten minutes of figures are kept by a dashboard that was there" },
	{ ACTION_OPERATIONS, "this dashboard's own" }, { ACTION_CANCEL, "this dashboard's own; Ctrl-C there" },
	{ ACTION_NEXT_FOCUS, "panes" }, { ACTION_FULL, "panes" }, { ACTION_SCROLL, "panes" }, { ACTION_DETACH, "panes" },
	{ ACTION_NEXT_PANE, "panes" }, { ACTION_SPLIT, "panes" }, { ACTION_STACK, "panes" }, { ACTION_OTHER_PANE, "panes" },
	{ ACTION_BROADCAST, "panes" }, { ACTION_LOG_SESSION, "panes" }, { ACTION_CLOSE, "panes" },
	{ ACTION_PALETTE, "finds" }, { ACTION_COMMAND, "the page of these lines" }, { ACTION_RESULTS, "a verb tells its own" },
	{ ACTION_HELP, "of the keys" }, { ACTION_SUSPEND, "the terminal" }, { ACTION_REDRAW, "the terminal" },
	{ ACTION_QUIT, "the dashboard itself" },
};

/* Every action has a line for some VM, or is among those above. */
static void every_action_has_a_line_or_a_reason(void **state)
{
	struct story *s = *state;
	struct op failed = { .id = 1, .action = ACTION_START };
	struct event event;
	size_t i, k;
	int wrong = 0;

	memcpy(s->model->deleted[0].id, "00000000000000ff", sizeof s->model->deleted[0].id);
	s->model->deleted_count = 1;
	snprintf(s->model->fanout.command, sizeof s->model->fanout.command, "id");
	memcpy(failed.vm_id, s->model->rows[0].vm.id, sizeof failed.vm_id);
	fixture_event(&event, EVENT_OP_DONE);
	event.failed = true;
	op_keep(s->model, &failed, &event);
	s->model->panel = PANEL_OPERATIONS;
	for (i = 0; i < ACTION_COUNT; i++) {
		bool has = false, excused = false;
		for (k = 0; k < sizeof no_line / sizeof *no_line; k++)
			excused = excused || (no_line[k].action == (enum action_id)i && no_line[k].why[0] != '\0');
		for (k = 0; k < s->model->count && !has; k++) {
			char *line;
			memcpy(s->model->selected, s->model->rows[k].vm.id, sizeof s->model->selected);
			model_arrange(s->model);
			line = command_of(s->model, (enum action_id)i);
			has = line != NULL && strncmp(line, "stoker ", 7) == 0;
			free(line);
		}
		if (has == excused) {
			fprintf(stderr, "%s %s\n", action_at((enum action_id)i)->name,
			        has ? "has a line and is said to have none" : "has no line, and nothing says why");
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void views_have_their_lines(void **state)
{
	struct story *s = *state;
	says(s, ACTION_PHASES, "stoker timings quiet-otter");
	says(s, ACTION_FLEET, "stoker timings");
	says(s, ACTION_EVENTS, "stoker events --follow");
	says(s, ACTION_ONLY_THIS, "stoker events --follow quiet-otter");
	s->model->events_of_one = true;
	says(s, ACTION_EVENTS, "stoker events --follow quiet-otter");
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_char(s->model, 'j', 0, &s->effects);
	field_set(&s->model->defaults[FORM_VCPUS], "1");
	says(s, ACTION_CLONE, "stoker create --image micro --vcpus 4 --memory 2048 --disk 2048 --disk-mode isolated "
	     "--backend firecracker --accel kvm --network user --egress all --label team=build --label tier=ci --start");
}

static const char *typed(struct story *s, enum form_field field)
{
	return s->model->form.fields[field].text;
}

/* What a guest may reach: words by the arrows and Space, networks and ports by typing; nothing typed is lost to an arrow. */
static void form_of_the_network(void **state)
{
	struct story *s = *state;
	char *line, out[600];
	struct effect *effect;

	field_set(&s->model->defaults[FORM_EGRESS], "all");
	fixture_char(s->model, 'c', 0, &s->effects);
	s->model->form.focus = FORM_EGRESS;
	fixture_special(s->model, SK_RIGHT, &s->effects);
	assert_string_equal(typed(s, FORM_EGRESS), "none");
	fixture_char(s->model, ' ', 0, &s->effects);
	assert_string_equal(typed(s, FORM_EGRESS), "all");
	fixture_type(s->model, "10.0.0.0/8", &s->effects);
	assert_string_equal(typed(s, FORM_EGRESS), "10.0.0.0/8");
	fixture_special(s->model, SK_LEFT, &s->effects);
	assert_string_equal(typed(s, FORM_EGRESS), "10.0.0.0/8");
	fixture_special(s->model, SK_DOWN, &s->effects);
	assert_int_equal(s->model->form.focus, FORM_PUBLISH);
	fixture_type(s->model, "8080:80,8443:443", &s->effects);
	fixture_special(s->model, SK_DOWN, &s->effects);
	fixture_special(s->model, SK_RIGHT, &s->effects);
	fixture_special(s->model, SK_RIGHT, &s->effects);
	assert_string_equal(typed(s, FORM_ALLOW), "metadata");
	fixture_special(s->model, SK_LEFT, &s->effects);
	fixture_type(s->model, ":53,guests", &s->effects);
	assert_string_equal(typed(s, FORM_ALLOW), "host:53,guests");
	line = command_of_form(s->model);
	words_of(line, out, sizeof out);
	assert_string_equal(out, "<stoker><create><--egress><10.0.0.0/8><--publish><8080:80,8443:443><--allow><host:53,guests><--start>");
	free(line);
	effects_clear(&s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	effect = &s->effects.items[s->effects.count - 1];
	assert_int_equal(effect->kind, EFFECT_CREATE);
	assert_string_equal(effect->spec->spec.egress, "10.0.0.0/8");
	assert_string_equal(effect->spec->spec.publish, "8080:80,8443:443");
	assert_string_equal(effect->spec->spec.allow, "host:53,guests");
}

/* A standard is typed over; who goes into it with an arrow, Backspace or a click changes it. */
static void standards_are_typed_over(void **state)
{
	struct story *s = *state;
	const struct form *form = &s->model->form;

	field_set(&s->model->defaults[FORM_MEMORY], "512");
	field_set(&s->model->defaults[FORM_DISK], "2048");
	field_set(&s->model->defaults[FORM_LABELS], "tier=web");
	fixture_char(s->model, 'c', 0, &s->effects);
	while (form->focus != FORM_MEMORY)
		fixture_special(s->model, SK_TAB, &s->effects);
	fixture_type(s->model, "1024", &s->effects);
	assert_string_equal(typed(s, FORM_MEMORY), "1024");
	fixture_special(s->model, SK_TAB, &s->effects);
	fixture_special(s->model, SK_BACKSPACE, &s->effects);
	fixture_type(s->model, "9", &s->effects);
	assert_string_equal(typed(s, FORM_DISK), "2049");
	fixture_special(s->model, SK_UP, &s->effects);
	fixture_special(s->model, SK_LEFT, &s->effects);
	fixture_type(s->model, "0", &s->effects);
	assert_string_equal(typed(s, FORM_MEMORY), "10204");
	form_click(s->model, FORM_DISK, 20, 1);
	fixture_type(s->model, "7", &s->effects);
	assert_string_equal(typed(s, FORM_DISK), "27049");
	while (form->focus != FORM_LABELS)
		fixture_special(s->model, SK_TAB, &s->effects);
	fixture_type(s->model, ",a=b", &s->effects);
	assert_string_equal(typed(s, FORM_LABELS), "tier=web,a=b");
}

static const struct effect *last_of(const struct effects *effects, enum effect_kind kind)
{
	size_t i;
	for (i = effects->count; i > 0; i--) {
		if (effects->items[i - 1].kind == kind)
			return &effects->items[i - 1];
	}
	return NULL;
}

/* The line that does what a dialog, the palette or the page of commands shows goes to the clipboard. */
static void commands_are_copied(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, 'y', 0, &s->effects);
	assert_true(s->model->text.choose);
	fixture_char(s->model, 'k', 0, &s->effects); /* not onto the heading */
	assert_int_equal(s->model->text.cursor, 1);
	fixture_char(s->model, 'j', 0, &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_NONE);
	assert_string_equal(last_of(&s->effects, EFFECT_COPY)->text, "stoker create --start");
	assert_string_equal(s->model->message, "copied: stoker create --start");
	fixture_char(s->model, 'X', 0, &s->effects);
	fixture_char(s->model, 'y', MOD_CTRL, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CONFIRM); /* is still to be answered */
	assert_string_equal(last_of(&s->effects, EFFECT_COPY)->text, "stoker stop --force quiet-otter");
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, ':', 0, &s->effects);
	fixture_type(s->model, "inspect", &s->effects);
	fixture_char(s->model, 'y', MOD_CTRL, &s->effects);
	assert_string_equal(last_of(&s->effects, EFFECT_COPY)->text, "stoker inspect quiet-otter");
	assert_false(s->model->commanding);
}

static void disks_grow(void **state)
{
	struct story *s = *state;
	size_t i;
	fixture_char(s->model, '+', 0, &s->effects);
	assert_int_equal(s->model->asking, ASK_NOTHING); /* the selected one runs */
	assert_string_equal(s->model->message, "resize quiet-otter: it runs; stop it first");
	for (i = 0; i < s->model->count; i++)
		s->model->rows[i].marked = true;
	s->model->marked = s->model->count;
	fixture_char(s->model, '+', 0, &s->effects);
	assert_int_equal(s->model->asking, ASK_DISK);
	assert_string_equal(s->model->answer.text, ""); /* what is typed is the size, not the end of one */
	fixture_type(s->model, "many", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(count_of(&s->effects, EFFECT_DO), 0);
	assert_non_null(strstr(s->model->message, "many is no size"));
	fixture_char(s->model, '+', 0, &s->effects);
	fixture_type(s->model, "4g", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_true(count_of(&s->effects, EFFECT_DO) > 1);
	assert_int_equal(last_of(&s->effects, EFFECT_DO)->action, ACTION_RESIZE);
	assert_int_equal(last_of(&s->effects, EFFECT_DO)->count, 4096);
	assert_int_equal(s->model->marked, 0);
	for (i = 0; i < s->effects.count; i++) {
		if (s->effects.items[i].kind == EFFECT_DO)
			assert_int_equal(model_row(s->model, s->effects.items[i].id)->vm.pid, 0);
	}
}

/* Help begins with what had the keys, and gives them back to it. */
static void help_knows_where_it_is(void **state)
{
	struct story *s = *state;
	fixture_char(s->model, '?', 0, &s->effects);
	assert_int_equal(s->model->help_of, HELP_LIST);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, 'e', 0, &s->effects);
	fixture_char(s->model, '?', 0, &s->effects);
	assert_int_equal(s->model->help_of, HELP_EVENTS);
	fixture_char(s->model, 'q', 0, &s->effects);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_type(s->model, "web?", &s->effects); /* is a character there */
	assert_string_equal(s->model->form.fields[FORM_NAME].text, "web?");
	fixture_special(s->model, SK_F1, &s->effects);
	assert_int_equal(s->model->help_of, HELP_FORM);
	assert_true(dialog_is_open(s->model, DIALOG_CREATE));
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_CREATE);
	assert_string_equal(s->model->form.fields[FORM_NAME].text, "web?");
}

/* What is below the list without having the keys is told of, too; and where one types, F1 helps and typing goes on. */
static void help_knows_what_is_seen_and_typed(void **state)
{
	struct story *s = *state;
	static const struct {
		char key;
		enum help_of below;
	} panels[] = { { 0, HELP_PHASES }, { 'm', HELP_GRAPHS }, { 'P', HELP_FLEET } };
	size_t i;

	for (i = 0; i < sizeof panels / sizeof *panels; i++) {
		if (panels[i].key != 0)
			fixture_char(s->model, panels[i].key, 0, &s->effects);
		fixture_char(s->model, '?', 0, &s->effects);
		assert_int_equal(s->model->help_of, HELP_LIST);
		assert_int_equal(s->model->help_below, panels[i].below);
		fixture_special(s->model, SK_ESCAPE, &s->effects);
	}
	fixture_char(s->model, '/', 0, &s->effects);
	fixture_type(s->model, "o?t", &s->effects); /* any character */
	fixture_special(s->model, SK_F1, &s->effects);
	assert_int_equal(s->model->dialog, DIALOG_HELP);
	assert_int_equal(s->model->help_of, HELP_FILTER);
	fixture_special(s->model, SK_F1, &s->effects);
	fixture_type(s->model, "ter", &s->effects);
	assert_string_equal(s->model->filter.text, "o?tter");
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, ':', 0, &s->effects);
	fixture_type(s->model, "sta", &s->effects);
	fixture_special(s->model, SK_F1, &s->effects);
	assert_int_equal(s->model->help_of, HELP_PALETTE);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_true(s->model->commanding);
	fixture_type(s->model, "r", &s->effects);
	assert_string_equal(s->model->palette.text, "star");
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	fixture_char(s->model, '!', 0, &s->effects);
	fixture_special(s->model, SK_F1, &s->effects);
	assert_int_equal(s->model->help_of, HELP_LINE);
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	assert_int_equal(s->model->asking, ASK_COMMAND);
}

/* What is said of each place can be read whole on 80 columns. */
static void help_fits(void **state)
{
	struct story *s = *state;
	struct screen *screen = screen_new(24, 80);
	int of;
	s->model->rows_size = 24;
	s->model->cols_size = 80;
	s->model->dialog = DIALOG_HELP;
	for (of = 0; of < HELP_COUNT; of++) {
		char *shown, *here, *end, *cut;
		s->model->help_of = (enum help_of)of;
		view_draw(s->model, screen);
		shown = screen_text(screen);
		end = strstr(shown, "Virtual machines");
		here = strstr(shown, of == HELP_PHASES || of == HELP_GRAPHS || of == HELP_FLEET ? "Below the list: " : "Here: ");
		assert_non_null(here);
		assert_non_null(end);
		*end = '\0';
		cut = strstr(here, "… "); /* at the right edge of the page, or of the keys */
		if (cut != NULL)
			fail_msg("cut off: %.*s", (int)(cut - shown > 60 ? 60 : cut - shown), cut - (cut - shown > 60 ? 60 : cut - shown));
		free(shown);
	}
	/* And all that follows. */
	s->model->help_of = HELP_LIST;
	for (of = 0; of < 6; of++) {
		char *shown, *cut;
		s->model->help_top = of * 18;
		view_draw(s->model, screen);
		shown = screen_text(screen);
		cut = strstr(shown, "… │");
		if (cut != NULL)
			fail_msg("cut off: %.*s", 60, cut - 60);
		free(shown);
	}
	screen_free(screen);
}

/* ----------------------------------------------------------------- palette */

static void fuzzy(void **state)
{
	(void)state;
	assert_true(fuzzy_score("reconcile", "rec") > fuzzy_score("trace", "rec"));
	assert_true(fuzzy_score("stop", "stop") > fuzzy_score("stopper", "stop"));
	assert_true(fuzzy_score("save-filter", "sf") > 0);
	assert_true(fuzzy_score("save-filter", "sf") > fuzzy_score("usefulness", "sf"));
	assert_true(fuzzy_score("FULL-screen", "fuscr") > 0);
	assert_int_equal(fuzzy_score("stop", "spot"), 0);
	assert_int_equal(fuzzy_score("", "a"), 0);
	assert_true(fuzzy_score("anything", "") > 0);
}

static const struct finder_item *first(struct story *s, const char *typed, struct finder_item *items)
{
	field_set(&s->model->palette, typed);
	return finder_find(s->model, items, FINDER_MAX) > 0 ? &items[0] : NULL;
}

static void palette(void **state)
{
	struct story *s = *state;
	struct finder_item items[FINDER_MAX];
	struct screen *screen;
	char *shown;
	assert_int_equal(first(s, "insp", items)->index, ACTION_INSPECT);
	assert_int_equal(first(s, "power off", items)->index, ACTION_STOP); /* by what it does */
	assert_int_equal(first(s, "amber", items)->kind, FINDER_VM);
	assert_null(first(s, "zzzz", items));
	/* A VM that the filter hides is found and shown. */
	field_set(&s->model->filter, "quiet");
	model_arrange(s->model);
	fixture_char(s->model, ':', 0, &s->effects);
	fixture_type(s->model, "amber", &s->effects);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_string_equal(s->model->selected, s->vms[1].id);
	/* What is not possible says why, and its key is shown. */
	fixture_char(s->model, 'g', 0, &s->effects);
	fixture_char(s->model, ':', 0, &s->effects);
	fixture_type(s->model, "start", &s->effects);
	screen = screen_new(40, 120);
	view_draw(s->model, screen);
	shown = screen_text(screen);
	assert_non_null(strstr(shown, "start              s            not now: it runs already"));
	free(shown);
	screen_free(screen);
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_non_null(strstr(s->model->message, "it runs already"));
	/* Down chooses another; Tab takes its name into the line. */
	fixture_char(s->model, ':', 0, &s->effects);
	fixture_type(s->model, "mark", &s->effects);
	fixture_special(s->model, SK_DOWN, &s->effects);
	fixture_special(s->model, SK_TAB, &s->effects);
	assert_string_equal(s->model->palette.text, "mark-all");
	fixture_special(s->model, SK_ENTER, &s->effects);
	assert_int_equal(s->model->marked, s->count);
}

/* ------------------------------------------------------- presets and memory */

static void presets(void **state)
{
	struct story *s = *state;
	struct setting_line *own = calloc(2, sizeof *own);
	const char *name, *text;
	char why[320];
	snprintf(own[0].key, sizeof own[0].key, "presets.web");
	snprintf(own[0].value, sizeof own[0].value, "memory=2G label=tier=web label=x=y");
	snprintf(own[1].key, sizeof own[1].key, "presets.small");
	snprintf(own[1].value, sizeof own[1].value, "memory=64M");
	s->model->settings = own;
	s->model->setting_count = 2;
	preset_names(s->model);
	assert_string_equal(s->model->presets, "none small medium large throwaway web");
	assert_true(preset_at(s->model, 0, &name, &text));
	assert_string_equal(text, "memory=64M"); /* the file's goes before the built-in one */
	assert_false(preset_at(s->model, 5, &name, &text));
	field_set(&s->model->defaults[FORM_MEMORY], "512");
	fixture_char(s->model, 'c', 0, &s->effects);
	fixture_type(s->model, "keep-me", &s->effects);
	fixture_special(s->model, SK_UP, &s->effects);
	fixture_special(s->model, SK_LEFT, &s->effects);
	assert_string_equal(s->model->form.fields[FORM_PRESET].text, "web");
	assert_string_equal(s->model->form.fields[FORM_MEMORY].text, "2G");
	assert_string_equal(s->model->form.fields[FORM_LABELS].text, "tier=web,x=y");
	assert_string_equal(s->model->form.fields[FORM_NAME].text, "keep-me");
	fixture_special(s->model, SK_RIGHT, &s->effects);
	assert_string_equal(s->model->form.fields[FORM_PRESET].text, "none");
	assert_string_equal(s->model->form.fields[FORM_MEMORY].text, "512");
	assert_false(preset_apply(s->model->form.fields, "memory", why, sizeof why));
	assert_false(preset_apply(s->model->form.fields, "colour=red", why, sizeof why));
	assert_non_null(strstr(why, "no colour"));
	assert_false(preset_apply(s->model->form.fields, "ephemeral=maybe", why, sizeof why));
	/* A clone begins as the VM is, without its name. */
	fixture_special(s->model, SK_ESCAPE, &s->effects);
	s->model->rows[0].vm.memory_mib = 1234;
	fixture_char(s->model, 'C', 0, &s->effects);
	assert_string_equal(s->model->form.fields[FORM_MEMORY].text, "1234");
	assert_string_equal(s->model->form.fields[FORM_NAME].text, "");
}

static void memory(void **state)
{
	struct story *s = *state;
	char text[MEMORY_SIZE], name[40];
	int i;
	memory_take(s->model, "sort", "-cpu");
	memory_take(s->model, "filter", "state:running");
	memory_take(s->model, "filters.hot", "cpu>50 label:a=b = c");
	memory_take(s->model, "filters.hot", "cpu>60");
	memory_take(s->model, "filters.Not A Name", "x");
	assert_int_equal(s->model->sort, SORT_CPU);
	assert_true(s->model->reverse);
	assert_int_equal(s->model->kept_count, 1);
	memory_text(s->model, text, sizeof text);
	assert_non_null(strstr(text, "\nsort = -cpu\nfilter = state:running\nfilters.hot = cpu>60\n"));
	memory_take(s->model, "sort", "no such");
	assert_int_equal(s->model->sort, SORT_CREATED);
	for (i = 0; i < KEPT_MAX; i++) {
		snprintf(name, sizeof name, "f-%d", i);
		assert_true(memory_keep_filter(s->model, name, "x") == (i < KEPT_MAX - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quoting), STORY(every_action_has_its_line), STORY(every_action_has_a_line_or_a_reason), STORY(views_have_their_lines), STORY(form_of_the_network), STORY(standards_are_typed_over), STORY(commands_are_copied),
		STORY(disks_grow), STORY(help_knows_where_it_is), STORY(help_knows_what_is_seen_and_typed), STORY(help_fits), cmocka_unit_test(fuzzy),
		STORY(palette), STORY(presets), STORY(memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
