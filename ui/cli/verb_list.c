/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_list.c - list: the VMs as a table, as names or as JSON; --watch goes on.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"
#include "common/vm_filter.h"

static const char *const heads[] = { "NAME", "STATUS", ">PID", "IP", ">PORT", "BACKEND", ">VCPU", ">MEM", ">UP", "LAST",
	                                 NULL };

enum format { FORMAT_TABLE, FORMAT_NAMES, FORMAT_IDS, FORMAT_JSON };

/* What is asked for: the library picks by state and label, the filter from what is left. */
struct wanted {
	struct stoker_filter filter;
	struct vm_filter fits;
};

struct listing {
	struct stoker_vm *vms;
	size_t count;
};

static const char *state_colour(const struct stoker_vm *vm)
{
	if (vm->stale)
		return "\033[35m";
	switch (vm->state) {
	case STOKER_RUNNING:
		return vm->ready ? "\033[32m" : "\033[33m";
	case STOKER_STARTING:
	case STOKER_STOPPING:
		return "\033[33m";
	case STOKER_PAUSED:
		return "\033[34m";
	case STOKER_CRASHED:
	case STOKER_ERROR:
		return "\033[31m";
	default:
		return NULL;
	}
}

static void status_text(const struct stoker_vm *vm, char *out, size_t cap)
{
	const char *state = stoker_state_name(vm->state);

	if (vm->stale)
		snprintf(out, cap, "%s, stale", state);
	else if (vm->state == STOKER_RUNNING && !vm->ready)
		snprintf(out, cap, "%s, booting", state);
	else if (vm->state == STOKER_CRASHED && vm->exit_status >= 0)
		snprintf(out, cap, vm->exit_status >= 256 ? "%s, signal %d" : "%s, exit %d", state, vm->exit_status % 256);
	else
		snprintf(out, cap, "%s", state);
}

static void add_row(struct table *t, const struct stoker_vm *vm)
{
	char text[64];

	table_row(t);
	table_cell(t, NULL, "%s", vm->name);
	status_text(vm, text, sizeof(text));
	table_cell(t, state_colour(vm), "%s", text);
	if (vm->pid > 0)
		table_cell(t, NULL, "%lld", (long long)vm->pid);
	else
		table_cell(t, NULL, "-");
	table_cell(t, NULL, "%s", vm->ip[0] ? vm->ip : "-");
	if (vm->ssh_port)
		table_cell(t, NULL, "%u", vm->ssh_port);
	else
		table_cell(t, NULL, "-");
	table_cell(t, NULL, "%s%s%s", vm->backend, vm->accel[0] ? " " : "", vm->accel);
	table_cell(t, NULL, "%u", vm->vcpus);
	format_mib(text, sizeof(text), vm->memory_mib);
	table_cell(t, NULL, "%s", text);
	format_uptime(text, sizeof(text), vm->uptime_ms);
	table_cell(t, NULL, "%s", text);
	if (vm->reason[0]) {
		table_cell(t, NULL, "%s", vm->reason);
	} else if (vm->last_phase < STOKER_PHASE_COUNT) {
		format_duration(text, sizeof(text), vm->last_phase_ns);
		table_cell(t, NULL, "%s %s", stoker_phase_name(vm->last_phase), text);
	} else {
		table_cell(t, NULL, "-");
	}
}

static int terminal_columns(const struct cli *cli)
{
	uint16_t rows, cols;

	if (!cli->out_is_terminal)
		return 0;
	terminal_dimensions(STDOUT_FILENO, &rows, &cols);
	return cols;
}

static int print_listing(struct cli *cli, const struct listing *l, enum format format)
{
	if (format == FORMAT_JSON) {
		cJSON *array = cJSON_CreateArray();

		for (size_t i = 0; i < l->count; i++)
			cJSON_AddItemToArray(array, json_vm(&l->vms[i]));
		return json_print(cli, array, EXIT_OK);
	}
	if (format == FORMAT_TABLE) {
		struct table *t = table_new(heads);

		for (size_t i = 0; i < l->count; i++)
			add_row(t, &l->vms[i]);
		table_print(cli, t, stdout, true, terminal_columns(cli));
		return EXIT_OK;
	}
	for (size_t i = 0; i < l->count; i++)
		puts(format == FORMAT_NAMES ? l->vms[i].name : l->vms[i].id);
	return EXIT_OK;
}

static const struct stoker_vm *find(const struct listing *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++) {
		if (strcmp(l->vms[i].id, id) == 0)
			return &l->vms[i];
	}
	return NULL;
}

static bool changed(const struct stoker_vm *a, const struct stoker_vm *b)
{
	return a->state != b->state || a->ready != b->ready || a->stale != b->stale || a->pid != b->pid ||
	       a->phase != b->phase || a->last_phase != b->last_phase || a->last_phase_ns != b->last_phase_ns ||
	       strcmp(a->reason, b->reason) != 0;
}

/* Without a terminal to redraw: a row for each VM that changed, one with "deleted" for each that went. */
static void print_changes(struct cli *cli, const struct listing *before, const struct listing *now, enum format format)
{
	struct table *t = table_new(heads);

	for (size_t i = 0; i < now->count; i++) {
		const struct stoker_vm *old = find(before, now->vms[i].id);

		if (old && !changed(old, &now->vms[i]))
			continue;
		if (format == FORMAT_TABLE)
			add_row(t, &now->vms[i]);
		else if (!old)
			puts(format == FORMAT_NAMES ? now->vms[i].name : now->vms[i].id);
	}
	for (size_t i = 0; i < before->count; i++) {
		if (find(now, before->vms[i].id) || format != FORMAT_TABLE)
			continue;
		table_row(t);
		table_cell(t, NULL, "%s", before->vms[i].name);
		table_cell(t, NULL, "deleted");
	}
	table_print(cli, t, stdout, false, 0);
	fflush(stdout);
}

/* One look knows no rate: the CPU of a VM is that since its start. */
static void sift(struct cli *cli, const struct wanted *wanted, struct listing *l)
{
	struct stoker_sample *samples;
	int64_t now = wall_ms();
	size_t kept = 0;

	if (wanted->fits.count == 0)
		return;
	samples = calloc(l->count + 1, sizeof(*samples));
	if (samples)
		stoker_sample_vms(cli->s, l->vms, l->count, NULL, samples);
	for (size_t i = 0; i < l->count; i++) {
		const struct stoker_vm *vm = &l->vms[i];
		struct vm_filter_facts facts = { vm, -1, -1, vm->uptime_ms, now, false, vm->phase != STOKER_PHASE_NONE };

		if (samples && samples[i].cpu_ns >= 0) {
			facts.rss_mib = (int64_t)(samples[i].rss_kib / 1024);
			if (vm->uptime_ms > 0)
				facts.cpu_percent = samples[i].cpu_ns / 10000 / vm->uptime_ms;
		}
		if (vm_filter_fits(&wanted->fits, &facts))
			l->vms[kept++] = *vm;
	}
	l->count = kept;
	free(samples);
}

static enum stoker_status look(struct cli *cli, const struct wanted *wanted, struct listing *l, struct stoker_error *err)
{
	enum stoker_status status = stoker_list(cli->s, &wanted->filter, &l->vms, &l->count, err);

	if (status == STOKER_OK)
		sift(cli, wanted, l);
	return status;
}

static int watch(struct cli *cli, const struct wanted *wanted, enum format format)
{
	struct listing before = { 0 }, now = { 0 };
	struct stoker_watch *watcher = NULL;
	struct stoker_error err = { 0 };
	int code = EXIT_OK;
	bool redraw = cli->out_is_terminal && !cli->no_colour, first = true;

	signals_cancel_fd();
	if (stoker_watch_open(cli->s, &watcher, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	while (!signals_caught() && !ferror(stdout)) {
		if (look(cli, wanted, &now, &err) != STOKER_OK) {
			code = cli_fail(cli, &err);
			break;
		}
		if (redraw) {
			fputs("\033[H\033[J", stdout);
			print_listing(cli, &now, format);
			fflush(stdout);
		} else if (first) {
			print_listing(cli, &now, format);
			fflush(stdout);
		} else {
			print_changes(cli, &before, &now, format);
		}
		first = false;
		stoker_free(before.vms);
		before = now;
		memset(&now, 0, sizeof(now));
		/* The uptimes on the screen move once a second; a pipe waits for a change. */
		if (!cli_wait_change(watcher, -1, redraw ? 1000 : -1))
			break;
	}
	stoker_free(before.vms);
	stoker_watch_close(watcher);
	return code;
}

static int take_states(struct cli *cli, const struct args *args, const char **states, size_t most, char **room)
{
	size_t n = 0;

	if (!arg_words(args, "status", states, most, room))
		return cli_usage(cli, "", "too many states");
	for (size_t i = 0; states[i]; i++) {
		int state = 0;

		if (!*states[i]) /* "running," */
			continue;
		while (state < STOKER_STATE_COUNT && strcmp(stoker_state_name((enum stoker_state)state), states[i]) != 0)
			state++;
		if (state == STOKER_STATE_COUNT)
			return cli_usage(cli, "They are created, starting, running, paused, stopping, stopped, crashed and error.",
			                 "there is no state \"%s\"", states[i]);
		states[n++] = states[i];
	}
	states[n] = NULL;
	return EXIT_OK;
}

int verb_list(struct cli *cli, const struct args *args)
{
	enum { STATES_MOST = 31 };
	const char *states[STATES_MOST + 1], *labels[LABELS_MOST + 1], *name = arg_text(args, "format", "table");
	char *state_room = NULL, *label_room = NULL;
	struct wanted wanted = { 0 };
	struct stoker_error err = { 0 };
	struct listing l = { 0 };
	enum format format = FORMAT_TABLE;
	int code = take_states(cli, args, states, STATES_MOST, &state_room);

	if (code != EXIT_OK)
		goto out;
	if (!arg_words(args, "label", labels, LABELS_MOST, &label_room)) {
		code = cli_usage(cli, "", "more than %d labels", LABELS_MOST);
		goto out;
	}
	wanted.filter.states = states[0] ? states : NULL;
	wanted.filter.labels = labels[0] ? labels : NULL;
	if (!vm_filter_read(&wanted.fits, arg_text(args, "filter", ""))) {
		code = cli_usage(cli, "See FILTERS in stoker(1).", "the filter is wrong at character %zu: %s",
		                 wanted.fits.problem_at + 1, wanted.fits.problem);
		goto out;
	}
	if (cli->json || strcmp(name, "json") == 0)
		format = FORMAT_JSON;
	else if (strcmp(name, "ids") == 0)
		format = FORMAT_IDS;
	else if (cli->quiet || strcmp(name, "names") == 0)
		format = FORMAT_NAMES;
	if (arg_flag(args, "watch") && format == FORMAT_JSON) {
		code = cli_usage(cli, "", "--watch shows a table that changes, --json is one value");
		goto out;
	}
	if ((code = cli_open(cli)) != EXIT_OK)
		goto out;
	if (arg_flag(args, "watch")) {
		code = watch(cli, &wanted, format);
	} else if (look(cli, &wanted, &l, &err) != STOKER_OK) {
		code = cli_fail(cli, &err);
	} else {
		if (l.count == 0 && format == FORMAT_TABLE && cli->out_is_terminal)
			cli_note(cli, "%s", wanted.filter.states || wanted.filter.labels || wanted.fits.count ? "no VM fits" : "no VMs yet. Make one with `stoker create`");
		code = print_listing(cli, &l, format);
	}
out:
	free(state_room);
	free(label_room);
	stoker_free(l.vms);
	return code;
}
