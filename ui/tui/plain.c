/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.c - see plain.h.
 */
#include "plain.h"

#include <ctype.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/text.h"
#include "loop.h"
#include "update.h"

struct said {
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1], words[64];
};

struct plain {
	const struct stoker_options *places;
	sigset_t mask;
	char in[1024];
	size_t in_len;
	bool overlong;
	struct said *said;
	size_t said_count;
	bool began;
	char message[1280];
	enum dialog dialog;
	int text_lines;
	enum plan_state plan_state;
};

struct plain *plain_new(const struct stoker_options *places, const sigset_t *mask)
{
	struct plain *plain = calloc(1, sizeof *plain);
	if (plain == NULL)
		return NULL;
	plain->places = places;
	plain->mask = *mask;
	return plain;
}

void plain_free(struct plain *plain)
{
	if (plain == NULL)
		return;
	free(plain->said);
	free(plain);
}

/* Whatever it is, as one clean line. */
static void tell(const char *text)
{
	char line[2048];
	text_clean(line, sizeof line, text, strlen(text));
	printf("%s\n", line);
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

static void list(const struct model *model)
{
	char line[900], words[64];
	size_t i;

	snprintf(line, sizeof line, "%zu VM%s%s", model->shown_count, model->shown_count == 1 ? "" : "s",
	         model->count == 0 ? " yet. Type: create NAME" : ":");
	tell(line);
	for (i = 0; i < model->shown_count; i++) {
		const struct row *row = &model->rows[model->shown[i]];
		state_words(row, words, sizeof words);
		snprintf(line, sizeof line, "%s: %s%s%s%s%s", row->vm.name, words, row->vm.ip[0] != '\0' ? ", " : "", row->vm.ip,
		         row->vm.reason[0] != '\0' ? ", " : "", row->vm.reason);
		tell(line);
	}
}

static void changes(struct plain *plain, const struct model *model)
{
	struct said *now = calloc(model->count + 1, sizeof *now);
	char line[300];
	size_t i, k;

	if (now == NULL)
		return;
	for (i = 0; i < model->count; i++) {
		memcpy(now[i].id, model->rows[i].vm.id, sizeof now[i].id);
		memcpy(now[i].name, model->rows[i].vm.name, sizeof now[i].name);
		state_words(&model->rows[i], now[i].words, sizeof now[i].words);
		for (k = 0; k < plain->said_count && strcmp(plain->said[k].id, now[i].id) != 0; k++)
			;
		if (plain->began && (k == plain->said_count || strcmp(plain->said[k].words, now[i].words) != 0)) {
			snprintf(line, sizeof line, "%s: %s", now[i].name, now[i].words);
			tell(line);
		}
	}
	for (k = 0; k < plain->said_count; k++) {
		if (model_row((struct model *)(uintptr_t)model, plain->said[k].id) == NULL) {
			snprintf(line, sizeof line, "%s: gone", plain->said[k].name);
			tell(line);
		}
	}
	free(plain->said);
	plain->said = now;
	plain->said_count = model->count;
}

static void say_plan(const struct plan_view *plan)
{
	char line[900];
	size_t i;
	if (plan->state == PLAN_FAILED)
		tell(plan->failure);
	else if (plan->count == 0)
		tell("The records and the host agree: nothing to repair.");
	for (i = 0; i < plan->count && plan->state != PLAN_FAILED; i++) {
		const struct plan_item *item = &plan->items[i];
		snprintf(line, sizeof line, "%s: %s%s%s", item->finding.subject[0] != '\0' ? item->finding.subject : "no record",
		         item->finding.detail, item->choice == STOKER_REPAIR_NONE ? " (left out)" : "",
		         item->result == ITEM_DONE ? " (done)" : item->result == ITEM_FAILED ? " (failed)" : "");
		tell(line);
	}
	if (plan->state == PLAN_READY && plan->count > 0)
		tell("Type yes to repair these, no to leave them.");
}

static void say_dialog(struct plain *plain, const struct model *model)
{
	char line[600];
	size_t i;
	bool news = model->dialog != plain->dialog;

	plain->dialog = model->dialog;
	if (model->dialog == DIALOG_CONFIRM && news) {
		const struct confirm *confirm = &model->confirm;
		for (i = 0; i < confirm->count; i++) {
			const struct row *row = model_row((struct model *)(uintptr_t)model, confirm->ids[i]);
			snprintf(line, sizeof line, "%s %s?", action_at(confirm->action)->name, row != NULL ? row->vm.name : confirm->ids[i]);
			tell(line);
		}
		tell(confirm->action == ACTION_QUIT ? "Something is still under way. Leave? Type yes or no."
		                                    : "This cannot be undone. Type yes or no.");
	} else if (model->dialog == DIALOG_TEXT && (news || model->text.count != plain->text_lines)) {
		for (i = 0; i < (size_t)model->text.count; i++)
			tell(model->text.lines[i]);
	} else if (model->dialog == DIALOG_RECONCILE && (news || model->plan.state != plain->plan_state)) {
		if (model->plan.state != PLAN_LOOKING && model->plan.state != PLAN_WORKING)
			say_plan(&model->plan);
	}
	plain->text_lines = model->dialog == DIALOG_TEXT ? model->text.count : 0;
	plain->plan_state = model->plan.state;
}

void plain_present(struct plain *plain, struct model *model)
{
	if (!model->loaded) {
		if (model->failure[0] != '\0' && strcmp(plain->message, model->failure) != 0) {
			tell(model->failure);
			snprintf(plain->message, sizeof plain->message, "%s", model->failure);
		}
		fflush(stdout);
		return;
	}
	changes(plain, model);
	if (!plain->began) {
		list(model);
		tell("Type help for what can be done.");
		plain->began = true;
	}
	if (strcmp(plain->message, model->message) != 0) {
		memcpy(plain->message, model->message, sizeof plain->message);
		if (model->message[0] != '\0')
			tell(model->message);
	}
	say_dialog(plain, model);
	fflush(stdout);
}

/* -------------------------------------------------------------- what is typed */

/* Another stoker on the same terminal, which is ours again when it ends. */
static void run_for(const struct plain *plain, const char *verb, const char *name)
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
	fflush(stdout);
	if (posix_spawn(&pid, "/proc/self/exe", NULL, &attr, arguments, envp) != 0)
		tell("it cannot be run");
	else
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawnattr_destroy(&attr);
	free(envp);
}

static void press(struct loop *loop, enum special_key special, uint32_t ch)
{
	struct event event = { .kind = EVENT_KEY };
	event.key.kind = special != SK_NONE ? KEY_KIND_SPECIAL : KEY_KIND_CHAR;
	event.key.special = special;
	event.key.ch = ch;
	loop_feed(loop, &event);
}

static void answer(struct loop *loop, bool yes)
{
	struct model *model = loop->model;
	if (yes && model->dialog == DIALOG_CONFIRM) {
		press(loop, SK_RIGHT, 0); /* the safe answer has the focus */
		press(loop, SK_ENTER, 0);
	} else if (yes && model->dialog == DIALOG_RECONCILE) {
		press(loop, SK_ENTER, 0);
	} else {
		press(loop, SK_ESCAPE, 0);
	}
}

static void help(const struct model *model)
{
	static const enum action_id said[] = { ACTION_START, ACTION_STOP, ACTION_KILL, ACTION_DELETE, ACTION_INSPECT, ACTION_RECONCILE };
	char line[300];
	size_t i;
	tell("list: all VMs. list WORDS: those that fit a filter.");
	tell("create NAME: a VM with the defaults. shell NAME, logs NAME: its shell, its console.");
	for (i = 0; i < sizeof said / sizeof *said; i++) {
		snprintf(line, sizeof line, "%s%s: %s.", action_at(said[i])->name, said[i] == ACTION_RECONCILE ? "" : " NAME",
		         model->read_only && (action_at(said[i])->flags & ACT_CHANGES) ? "not in a read-only dashboard" : action_at(said[i])->help);
		tell(line);
	}
	tell("quit: leave; the VMs run on.");
}

static void carry_out(struct plain *plain, struct loop *loop, char *line)
{
	struct model *model = loop->model;
	char *verb = line, *name;
	enum action_id action;
	char text[200];
	size_t i;

	verb += strspn(verb, " \t");
	name = verb + strcspn(verb, " \t");
	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, " \t");
	for (i = strlen(name); i > 0 && isspace((unsigned char)name[i - 1]); i--)
		name[i - 1] = '\0';
	if (*verb == '\0')
		return;
	if (model->dialog != DIALOG_NONE && model->dialog != DIALOG_TEXT) {
		answer(loop, strcmp(verb, "yes") == 0);
		if (strcmp(verb, "yes") == 0 || strcmp(verb, "no") == 0)
			return;
	} else if (model->dialog == DIALOG_TEXT) {
		press(loop, SK_ESCAPE, 0);
	}
	if (strcmp(verb, "list") == 0) {
		field_set(&model->filter, name);
		model_arrange(model);
		list(model);
		return;
	}
	if (strcmp(verb, "help") == 0) {
		help(model);
		return;
	}
	action = action_of_name(verb);
	if (action != ACTION_START && action != ACTION_STOP && action != ACTION_KILL && action != ACTION_DELETE &&
	    action != ACTION_INSPECT && action != ACTION_RECONCILE && action != ACTION_SHELL && action != ACTION_LOGS &&
	    action != ACTION_CREATE && action != ACTION_QUIT) {
		snprintf(text, sizeof text, "%.60s is nothing that can be done here. Type help.", verb);
		tell(text);
		return;
	}
	if (*name != '\0' && action != ACTION_CREATE) {
		for (i = 0; i < model->count && strcmp(model->rows[i].vm.name, name) != 0; i++)
			;
		if (i == model->count) {
			snprintf(text, sizeof text, "there is no VM %.60s", name);
			tell(text);
			return;
		}
		memcpy(model->selected, model->rows[i].vm.id, sizeof model->selected);
		field_set(&model->filter, "");
		model_arrange(model);
	} else if (action_at(action)->flags & ACT_VM) {
		snprintf(text, sizeof text, "Which VM? Type: %s NAME", action_at(action)->name);
		tell(text);
		return;
	}
	model->message[0] = plain->message[0] = '\0'; /* what is said twice is told twice */
	if (action == ACTION_SHELL || action == ACTION_LOGS || action == ACTION_CREATE) {
		const char *why = action_disabled(action, model);
		if (why != NULL)
			tell(why);
		else
			run_for(plain, action == ACTION_SHELL ? "shell" : action == ACTION_LOGS ? "logs" : "create", *name != '\0' ? name : NULL);
		jobs_read(loop->jobs, READ_LIST);
		return;
	}
	update_act(model, action, &loop->effects);
	loop_feed(loop, &(struct event){ .kind = EVENT_TICK });
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
		if (!plain->overlong)
			carry_out(plain, loop, line);
		plain->overlong = false;
		loop->dirty = true;
	}
	if (plain->in_len == sizeof plain->in - 1) {
		plain->overlong = true; /* no command is that long */
		plain->in_len = 0;
	}
}
