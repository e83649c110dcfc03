/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.c - see plain.h: what is told, and where lines come from.
 */
#include "plain_private.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/format.h"
#include "common/text.h"
#include "loop.h"
#include "update.h"
#include "view.h"

#define EVENTS_TOLD 20
#define PANEL_COLS 140

struct plain *plain_new(const struct stoker_options *places, const sigset_t *mask, FILE *out)
{
	struct plain *plain = calloc(1, sizeof *plain);
	if (plain == NULL)
		return NULL;
	plain->places = places;
	plain->mask = *mask;
	plain->out = out;
	return plain;
}

void plain_free(struct plain *plain)
{
	if (plain == NULL)
		return;
	free(plain->said);
	free(plain);
}

void plain_tell(struct plain *plain, const char *format, ...)
{
	char text[2048], line[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_clean(line, sizeof line, text, strlen(text));
	fprintf(plain->out, "%s\n", line);
}

static void state_words(const struct row *row, char *buf, size_t cap)
{
	const struct stoker_vm *vm = &row->vm;
	if (vm->stale)
		snprintf(buf, cap, "%s, which the host contradicts", stoker_state_name(vm->state));
	else if (vm->state == STOKER_RUNNING)
		snprintf(buf, cap, "running, %s", vm->ready ? "ready" : "booting");
	else
		snprintf(buf, cap, "%s", stoker_state_name(vm->state));
}

void plain_list(struct plain *plain, const struct model *model)
{
	char words[64];
	size_t i;

	plain_tell(plain, "%zu VM%s%s", model->shown_count, model->shown_count == 1 ? "" : "s",
	           model->count == 0 ? " yet. Type: create NAME" : ":");
	for (i = 0; i < model->line_count; i++) {
		const struct row *row = model_line_row(model, i);
		const struct group *group = model_line_group(model, i);
		if (group != NULL)
			plain_tell(plain, "Group %s, %zu VM%s:", group->key[0] != '\0' ? group->key : "of the others", group->count,
			           group->count == 1 ? "" : "s");
		if (row == NULL)
			continue;
		state_words(row, words, sizeof words);
		plain_tell(plain, "%s: %s%s%s%s%s%s", row->vm.name, words, row->vm.ip[0] != '\0' ? ", " : "", row->vm.ip,
		           row->vm.reason[0] != '\0' ? ", " : "", row->vm.reason, row->marked ? ", marked" : "");
	}
}

static void changes(struct plain *plain, const struct model *model)
{
	struct said *now = calloc(model->count + 1, sizeof *now);
	size_t i, k;

	if (now == NULL)
		return;
	for (i = 0; i < model->count; i++) {
		memcpy(now[i].id, model->rows[i].vm.id, sizeof now[i].id);
		memcpy(now[i].name, model->rows[i].vm.name, sizeof now[i].name);
		state_words(&model->rows[i], now[i].words, sizeof now[i].words);
		for (k = 0; k < plain->said_count && strcmp(plain->said[k].id, now[i].id) != 0; k++)
			;
		if (plain->began && (k == plain->said_count || strcmp(plain->said[k].words, now[i].words) != 0))
			plain_tell(plain, "%s: %s", now[i].name, now[i].words);
	}
	for (k = 0; k < plain->said_count; k++) {
		if (model_row(model, plain->said[k].id) == NULL)
			plain_tell(plain, "%s: gone", plain->said[k].name);
	}
	free(plain->said);
	plain->said = now;
	plain->said_count = model->count;
}

void plain_plan(struct plain *plain, const struct plan_view *plan)
{
	size_t i;
	if (plan->state == PLAN_FAILED)
		plain_tell(plain, "%s", plan->failure);
	else if (plan->count == 0)
		plain_tell(plain, "The records and the host agree: nothing to repair.");
	for (i = 0; i < plan->count && plan->state != PLAN_FAILED; i++) {
		const struct plan_item *item = &plan->items[i];
		plain_tell(plain, "%zu. %s: %s%s%s", i + 1, item->finding.subject[0] != '\0' ? item->finding.subject : "no record",
		           item->finding.detail, item->choice == STOKER_REPAIR_NONE ? " (left out)" : "",
		           item->result == ITEM_DONE ? " (done)" : item->result == ITEM_FAILED ? " (failed)" : "");
	}
	if (plan->state == PLAN_READY && plan->count > 0)
		plain_tell(plain, "Type yes to repair these, no to leave them, a number to leave one out or take it in, "
		                  "other and a number for what else can be done with it.");
}

static void tell_confirm(struct plain *plain, const struct model *model)
{
	const struct confirm *confirm = &model->confirm;
	struct confirm_words words;
	char text[160];
	size_t i;

	confirm_words(model, "undo", &words);
	plain_tell(plain, "%s", words.title);
	for (i = 0; i < confirm->count; i++) {
		const struct row *row = model_row(model, confirm->ids[i]);
		if (row == NULL)
			continue;
		confirm_line(model, row, text, sizeof text);
		plain_tell(plain, "%s: %s", row->vm.name, text);
	}
	confirm_left(model, text, sizeof text);
	if (text[0] != '\0')
		plain_tell(plain, "%s", text);
	plain_tell(plain, "%s%sType yes or no.", words.note, words.note[0] != '\0' ? " " : "");
}

static void tell_form(struct plain *plain, const struct model *model, bool news)
{
	const struct form *form = &model->form;
	int i;

	for (i = 0; i < FORM_COUNT && news; i++) {
		const char *unit = form_unit((enum form_field)i), *choices = form_choices((enum form_field)i);
		if (i == FORM_PRESET)
			choices = model->presets;
		plain_tell(plain, "%s: %s%s%s%s", form_label((enum form_field)i),
		           form->fields[i].len > 0 ? form->fields[i].text : "empty", choices != NULL || *unit != '\0' ? " (" : "",
		           choices != NULL ? choices : unit, choices != NULL || *unit != '\0' ? ")" : "");
	}
	if (!form->checking)
		plain_tell(plain, "%s%sType a field and what it is to be, yes to create it, no to leave it.",
		           form->message[0] != '\0' ? form->message : "It can be created",
		           form->message[0] == '\0' || form->message[strlen(form->message) - 1] != '.' ? ". " : " ");
	plain->form_told = form->generation;
	plain->form_checking = form->checking;
}

static void tell_dialog(struct plain *plain, const struct model *model)
{
	int i;
	bool news = model->dialog != plain->dialog;

	plain->dialog = model->dialog;
	if (model->dialog == DIALOG_CONFIRM && news) {
		tell_confirm(plain, model);
	} else if (model->dialog == DIALOG_CREATE &&
	           (news || model->form.generation != plain->form_told || model->form.checking != plain->form_checking)) {
		tell_form(plain, model, news);
	} else if (model->dialog == DIALOG_TEXT && (news || model->text.count != plain->text_lines)) {
		for (i = 0; i < model->text.count; i++) {
			const char *line = model->text.lines[i], *tab = strchr(line, '\t');
			if (tab != NULL)
				plain_tell(plain, "%.*s: %s", (int)(tab - line), line, tab + 1);
			else
				plain_tell(plain, "%s", line);
		}
	} else if (model->dialog == DIALOG_RECONCILE && (news || model->plan.state != plain->plan_state)) {
		if (model->plan.state != PLAN_LOOKING && model->plan.state != PLAN_WORKING)
			plain_plan(plain, &model->plan);
	}
	plain->text_lines = model->dialog == DIALOG_TEXT ? model->text.count : 0;
	plain->plan_state = model->plan.state;
}

/* ------------------------------------------------------------ panels, answers */

#define SLOW_SIGN 0x25b2 /* the only one that nothing beside it says in words */

/* Lines, bars, braille and signs: a picture's, the words beside them say the same. */
static bool is_drawn(uint32_t ch)
{
	return (ch >= 0x2190 && ch <= 0x2bff && ch != SLOW_SIGN) || ch == 0xb7;
}

/* A row of a view, read from left to right: what stands apart is parted by a comma. */
static void tell_row(struct plain *plain, const struct screen *screen, int row)
{
	char text[PANEL_COLS * 5 + 1], clean[PANEL_COLS * 5 + 1];
	size_t len = 0;
	int col, k, apart = 0;

	for (col = 0; col < screen_cols(screen); col++) {
		const struct cell *cell = screen_at(screen, row, col);
		if (cell->width == 0)
			continue;
		if (cell->ch[0] == ' ' || is_drawn(cell->ch[0])) {
			apart++;
			continue;
		}
		if (len > 0 && apart > 0)
			len += (size_t)snprintf(text + len, sizeof text - len, "%s", apart > 1 ? ", " : " ");
		if (cell->ch[0] == SLOW_SIGN)
			len += (size_t)snprintf(text + len, sizeof text - len, "slow");
		for (k = 0, apart = 0; cell->ch[0] != SLOW_SIGN && k < CELL_CHARS && cell->ch[k] != 0 && len + 8 < sizeof text; k++)
			len += text_encode(text + len, cell->ch[k]);
		if (len + 8 >= sizeof text)
			break;
	}
	text[len] = '\0';
	text_clean(clean, sizeof clean, text, len);
	if (len > 0)
		plain_tell(plain, "%s", clean);
}

/* Are the figures here that the panel is about? */
static bool panel_ready(const struct model *model, enum panel panel)
{
	const struct row *row = model_selected(model);
	if (panel == PANEL_PHASES)
		return row == NULL || strcmp(model->timings_id, model->selected) == 0;
	if (panel == PANEL_GRAPHS)
		return row == NULL || row->vm.pid == 0 || (row->past != NULL && row->cpu >= 0);
	return panel != PANEL_FLEET || model->spread_known;
}

static void tell_panel(struct plain *plain, struct model *model)
{
	static void (*const views[PANEL_COUNT])(const struct model *, struct screen *, const struct rect *) = {
		[PANEL_PHASES] = view_phases, [PANEL_GRAPHS] = view_graphs, [PANEL_FLEET] = view_fleet,
		[PANEL_OPERATIONS] = view_operations, [PANEL_EVENTS] = view_history };
	int lines = panel_lines(model), row;
	struct rect at = { 0, 0, 0, PANEL_COLS };
	struct screen *screen;

	/* One row for each metric: its name and how much it is just now. */
	at.rows = plain->panel == PANEL_GRAPHS ? 5 : !panel_takes_focus(plain->panel) ? 12 :
	          (lines < EVENTS_TOLD ? lines : EVENTS_TOLD) + 3;
	screen = screen_new(at.rows, at.cols);
	if (screen == NULL)
		return;
	views[plain->panel](model, screen, &at);
	for (row = 0; row < at.rows; row++)
		tell_row(plain, screen, row);
	screen_free(screen);
	plain->panel = model->panel = PANEL_NONE;
	model->panel_focus = false;
}

/* Those that say the same together, the most common answer first. */
static void tell_answers(struct plain *plain, const struct fanout *fanout)
{
	int *groups = calloc(fanout->count + 1, sizeof *groups), k;
	size_t n = groups != NULL ? fanout_order(fanout, groups, fanout->count) : 0, i;
	char text[160];

	fanout_summary(fanout, text, sizeof text);
	plain_tell(plain, "%s: %s", fanout->command, text);
	for (i = 0; i < n; i++) {
		const struct fanout_item *item = fanout_example(fanout, groups[i]);
		fanout_names(fanout, groups[i], text, sizeof text);
		if (item->failed)
			plain_tell(plain, "%s could not be asked:", text);
		else
			plain_tell(plain, "%s, status %d, %s:", text, item->status, item->line_count > 0 ? "says" : "says nothing");
		for (k = 0; k < item->line_count; k++)
			plain_tell(plain, "%s", item->lines[k]);
		if (item->cut)
			plain_tell(plain, "... there was more");
	}
	free(groups);
}

void plain_present(struct plain *plain, struct model *model)
{
	if (!model->loaded) {
		if (model->failure[0] != '\0' && strcmp(plain->message, model->failure) != 0) {
			plain_tell(plain, "%s", model->failure);
			snprintf(plain->message, sizeof plain->message, "%s", model->failure);
		}
		fflush(plain->out);
		return;
	}
	changes(plain, model);
	if (!plain->began) {
		plain_list(plain, model);
		plain_tell(plain, "Type help for what can be done.");
		plain->began = true;
	}
	if (strcmp(plain->message, model->message) != 0) {
		memcpy(plain->message, model->message, sizeof plain->message);
		if (model->message[0] != '\0')
			plain_tell(plain, "%s", model->message);
	}
	tell_dialog(plain, model);
	if (plain->panel != PANEL_NONE && panel_ready(model, plain->panel))
		tell_panel(plain, model);
	if (plain->answers && model->fanout.pending == 0) {
		plain->answers = false;
		tell_answers(plain, &model->fanout);
	}
	fflush(plain->out);
}

/* -------------------------------------------------------------- what is typed */

/* Another stoker on the same terminal, which is ours again when it ends. */
static void run_for(struct plain *plain, const char *verb, const char *name)
{
	extern char **environ;
	char state[1100], run[1100], config[1100];
	char *arguments[] = { (char *)(uintptr_t)"stoker", (char *)(uintptr_t)verb, (char *)(uintptr_t)name, NULL };
	char **envp;
	size_t n = 0, used = 0;
	posix_spawnattr_t attr;
	pid_t pid;
	int status;

	while (environ[n] != NULL)
		n++;
	envp = calloc(n + 4, sizeof *envp);
	if (envp == NULL)
		return;
	/* First come first found: the places this dashboard was told. */
	if (plain->places->state_dir != NULL && snprintf(state, sizeof state, "STOKER_STATE_DIR=%s", plain->places->state_dir) < (int)sizeof state)
		envp[used++] = state;
	if (plain->places->runtime_dir != NULL && snprintf(run, sizeof run, "STOKER_RUNTIME_DIR=%s", plain->places->runtime_dir) < (int)sizeof run)
		envp[used++] = run;
	if (plain->places->config_file != NULL && snprintf(config, sizeof config, "STOKER_CONFIG=%s", plain->places->config_file) < (int)sizeof config)
		envp[used++] = config;
	memcpy(envp + used, environ, n * sizeof *envp);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &plain->mask);
	fflush(plain->out);
	if (posix_spawn(&pid, "/proc/self/exe", NULL, &attr, arguments, envp) != 0)
		plain_tell(plain, "it cannot be run");
	else
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawnattr_destroy(&attr);
	free(envp);
}

static void outside(struct plain *plain, struct loop *loop)
{
	const char *name, *verb = plain_to_run(plain, &name);
	if (verb == NULL)
		return;
	run_for(plain, verb, *name != '\0' ? name : NULL);
	jobs_read(loop->jobs, READ_LIST);
}

void plain_read(struct plain *plain, struct loop *loop)
{
	ssize_t n = read(STDIN_FILENO, plain->in + plain->in_len, sizeof plain->in - plain->in_len - 1);
	char *end;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) { /* Ctrl-D, or nobody is there any more */
		loop->quit = true;
		return;
	}
	plain->in_len += (size_t)n;
	plain->in[plain->in_len] = '\0';
	while (!loop->quit && (end = memchr(plain->in, '\n', plain->in_len)) != NULL) {
		size_t used = (size_t)(end - plain->in) + 1;
		char line[sizeof plain->in];
		memcpy(line, plain->in, used - 1);
		line[used - 1] = '\0';
		plain->in_len -= used;
		memmove(plain->in, plain->in + used, plain->in_len);
		if (!plain->overlong) {
			plain_line(plain, loop->model, line, &loop->effects);
			outside(plain, loop);
			loop_feed(loop, &(struct event){ .kind = EVENT_TICK });
			plain_present(plain, loop->model); /* what one line says is not lost to the next */
		}
		plain->overlong = false;
		loop->dirty = true;
	}
	if (plain->in_len == sizeof plain->in - 1) {
		plain->overlong = true; /* no command is that long */
		plain->in_len = 0;
	}
}
