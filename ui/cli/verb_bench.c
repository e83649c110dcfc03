/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_bench.c - bench: whole lives of VMs, measured step by step.
 *
 * Every VM is ephemeral and deleted by the thread that made it, whatever
 * happens, a signal included. Each thread has a handle of its own.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"

enum row {
	ROW_CREATE_START, ROW_READY, ROW_SSH_READY, ROW_EXEC_FIRST, ROW_EXEC_NEXT, ROW_EXEC_SSH_FIRST, ROW_EXEC_SSH_NEXT,
	ROW_STOP_DELETE, ROW_LIFECYCLE, ROWS
};

static const char *const row_names[ROWS] = { "create_start", "ready", "ssh_ready", "exec_first", "exec_next",
	                                         "exec_ssh_first", "exec_ssh_next", "stop_delete", "lifecycle" };

struct bench {
	struct cli *cli;
	struct stoker_spec spec;
	struct stoker_call call;
	size_t vms, commands;
	bool ssh, graceful;
	int64_t *samples[ROWS]; /* room for every sample; filled under the lock */
	size_t counts[ROWS];
	pthread_mutex_t lock;   /* samples, output, first_code */
	atomic_size_t next, finished;
	int first_code;
};

/* What one VM gave, added to the whole only when it is through. */
struct life {
	int64_t ns[ROWS];
	int64_t *exec_next, *exec_ssh_next;
	size_t exec_next_count, exec_ssh_next_count;
};

static enum stoker_status one_command(stoker_session *session, const struct stoker_call *call, struct stoker_error *err)
{
	static const char *const argv[] = { "true", NULL };
	const struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result = { 0 };
	enum stoker_status status = stoker_exec_fds(session, &exec, -1, -1, -1, call, &result, err);

	if (status == STOKER_OK && result.status != 0 && err) {
		*err = (struct stoker_error){ .code = STOKER_E_PEER };
		snprintf(err->what, sizeof(err->what), "bench");
		snprintf(err->why, sizeof(err->why), "the command \"true\" ended with status %d", result.status);
		return STOKER_E_PEER;
	}
	return status;
}

/* The first command opens its session; the following ones use it. */
static enum stoker_status commands(struct bench *b, stoker *s, const char *id, enum stoker_via via, int64_t *first,
                                   int64_t *next, size_t *next_count, struct stoker_error *err)
{
	stoker_session *session = NULL;
	int64_t began = mono_ns();
	enum stoker_status status = stoker_session_open(s, id, via, &b->call, &session, err);

	if (status == STOKER_OK)
		status = one_command(session, &b->call, err);
	if (status == STOKER_OK)
		*first = mono_ns() - began;
	while (status == STOKER_OK && *next_count < b->commands) {
		began = mono_ns();
		status = one_command(session, &b->call, err);
		if (status == STOKER_OK)
			next[(*next_count)++] = mono_ns() - began;
	}
	stoker_session_close(session);
	return status;
}

static enum stoker_status end_vm(struct bench *b, stoker *s, const char *id, struct stoker_error *err)
{
	/* Never cancelled: what was made goes. */
	struct stoker_call call = STOKER_CALL_INIT;
	enum stoker_status status = STOKER_OK;

	if (b->graceful) {
		struct stoker_vm vm;

		status = stoker_stop(s, id, false, &call, &vm, err);
	}
	enum stoker_status deleted = stoker_delete(s, id, true, &call, err);
	return deleted != STOKER_OK ? deleted : status;
}

static enum stoker_status live(struct bench *b, stoker *s, struct life *life, struct stoker_vm *vm,
                               struct stoker_error *err)
{
	int64_t began = mono_ns(), ending;
	struct stoker_error end_err = { 0 };
	enum stoker_status status = stoker_create(s, &b->spec, &b->call, vm, err), ended;

	if (status != STOKER_OK)
		return status;
	status = stoker_start(s, vm->id, &b->call, vm, err);
	life->ns[ROW_CREATE_START] = mono_ns() - began;
	if (status == STOKER_OK)
		status = stoker_wait(s, vm->id, STOKER_UNTIL_READY, &b->call, vm, err);
	life->ns[ROW_READY] = mono_ns() - began;
	if (status == STOKER_OK && b->ssh) {
		status = stoker_wait(s, vm->id, STOKER_UNTIL_SSH, &b->call, vm, err);
		life->ns[ROW_SSH_READY] = mono_ns() - began;
	}
	if (status == STOKER_OK)
		status = commands(b, s, vm->id, STOKER_VIA_CHANNEL, &life->ns[ROW_EXEC_FIRST], life->exec_next,
		                  &life->exec_next_count, err);
	if (status == STOKER_OK && b->ssh)
		status = commands(b, s, vm->id, STOKER_VIA_SSH, &life->ns[ROW_EXEC_SSH_FIRST], life->exec_ssh_next,
		                  &life->exec_ssh_next_count, err);
	ending = mono_ns();
	ended = end_vm(b, s, vm->id, &end_err);
	life->ns[ROW_STOP_DELETE] = mono_ns() - ending;
	/* A life with one command: the many others were only there to be measured. */
	life->ns[ROW_LIFECYCLE] = life->ns[b->ssh ? ROW_SSH_READY : ROW_READY] + life->ns[ROW_EXEC_FIRST] +
	                          life->ns[ROW_STOP_DELETE];
	if (status == STOKER_OK && ended != STOKER_OK)
		*err = end_err;
	return status != STOKER_OK ? status : ended;
}

static bool is_measured(const struct bench *b, int row)
{
	return b->ssh || (row != ROW_SSH_READY && row != ROW_EXEC_SSH_FIRST && row != ROW_EXEC_SSH_NEXT);
}

static void keep(struct bench *b, const struct life *life)
{
	for (int r = 0; r < ROWS; r++) {
		if (r != ROW_EXEC_NEXT && r != ROW_EXEC_SSH_NEXT && is_measured(b, r))
			b->samples[r][b->counts[r]++] = life->ns[r];
	}
	for (size_t i = 0; i < life->exec_next_count; i++)
		b->samples[ROW_EXEC_NEXT][b->counts[ROW_EXEC_NEXT]++] = life->exec_next[i];
	for (size_t i = 0; i < life->exec_ssh_next_count; i++)
		b->samples[ROW_EXEC_SSH_NEXT][b->counts[ROW_EXEC_SSH_NEXT]++] = life->exec_ssh_next[i];
}

static void tell(struct bench *b, const struct stoker_vm *vm, const struct life *life)
{
	struct cli *cli = b->cli;
	size_t finished = atomic_fetch_add(&b->finished, 1) + 1;

	if (cli->verbose) {
		char start[32], ready[32], ssh[32], exec[32], end[32];

		format_duration(start, sizeof(start), life->ns[ROW_CREATE_START]);
		format_duration(ready, sizeof(ready), life->ns[ROW_READY]);
		format_duration(ssh, sizeof(ssh), b->ssh ? life->ns[ROW_SSH_READY] : -1);
		format_duration(exec, sizeof(exec), life->ns[ROW_EXEC_FIRST]);
		format_duration(end, sizeof(end), life->ns[ROW_STOP_DELETE]);
		fprintf(stderr, "%zu/%zu %s: create + start %s, ready %s, ssh %s, command %s, stop + delete %s\n", finished, b->vms,
		        vm->name, start, ready, ssh, exec, end);
	} else if (cli->err_is_terminal && !cli->quiet) {
		cli->progress_shown = true;
		fprintf(stderr, "\r\033[K%zu of %zu VMs", finished, b->vms);
		fflush(stderr);
	}
}

static void *worker(void *data)
{
	struct bench *b = data;
	struct stoker_error err = { 0 };
	struct life life = { 0 };
	stoker *s = NULL;
	bool ready = stoker_open(&b->cli->places, &s, &err) == STOKER_OK;

	life.exec_next = calloc(b->commands, sizeof(int64_t));
	life.exec_ssh_next = calloc(b->commands, sizeof(int64_t));
	if (ready && (!life.exec_next || !life.exec_ssh_next)) {
		ready = false;
		err.code = STOKER_E_NOMEM;
		snprintf(err.why, sizeof(err.why), "out of memory");
	}
	while (ready && !signals_caught() && atomic_fetch_add(&b->next, 1) < b->vms) {
		struct stoker_vm vm = { 0 };

		life.exec_next_count = life.exec_ssh_next_count = 0;
		memset(&err, 0, sizeof(err));
		enum stoker_status status = live(b, s, &life, &vm, &err);
		pthread_mutex_lock(&b->lock);
		if (status == STOKER_OK) {
			keep(b, &life);
			tell(b, &vm, &life);
		} else {
			int code = cli_fail(b->cli, &err);

			if (b->first_code == EXIT_OK)
				b->first_code = code;
		}
		pthread_mutex_unlock(&b->lock);
		/* What fails once (no image, no QEMU) fails every time: the first one ends it all. */
		if (status != STOKER_OK)
			atomic_store(&b->next, b->vms);
	}
	if (!ready) {
		pthread_mutex_lock(&b->lock);
		b->first_code = cli_fail(b->cli, &err);
		pthread_mutex_unlock(&b->lock);
	}
	free(life.exec_next);
	free(life.exec_ssh_next);
	stoker_close(s);
	return NULL;
}

static int report(struct bench *b)
{
	static const char *const heads[] = { "PHASE", ">N", ">P50", ">P95", ">MIN", ">MAX", NULL };
	struct cli *cli = b->cli;
	struct table *t = cli->json ? NULL : table_new(heads);
	cJSON *o = cli->json ? cJSON_CreateObject() : NULL, *rows = cJSON_AddArrayToObject(o, "rows");

	for (int r = 0; r < ROWS; r++) {
		struct stoker_percentiles p = { 0 };

		if (!is_measured(b, r))
			continue;
		stoker_percentiles_of(b->samples[r], b->counts[r], &p);
		if (cli->json) {
			cJSON *row = cJSON_CreateObject();

			json_add_text(row, "phase", row_names[r]);
			json_add_percentiles(row, &p);
			cJSON_AddItemToArray(rows, row);
			continue;
		}
		const int64_t columns[] = { p.p50_ns, p.p95_ns, p.min_ns, p.max_ns };
		table_row(t);
		table_cell(t, NULL, "%s", row_names[r]);
		table_cell(t, NULL, "%llu", (unsigned long long)p.count);
		for (size_t i = 0; i < 4; i++) {
			char text[32];

			format_duration(text, sizeof(text), p.count ? columns[i] : -1);
			table_cell(t, NULL, "%s", text);
		}
	}
	if (!cli->json) {
		table_print(cli, t, stdout, !cli->quiet, 0);
		return b->first_code;
	}
	json_add_int(o, "vms", (int64_t)atomic_load(&b->finished));
	return json_print(cli, o, b->first_code);
}

int verb_bench(struct cli *cli, const struct args *args)
{
	struct bench b = { .cli = cli, .lock = PTHREAD_MUTEX_INITIALIZER };
	struct spec_texts texts;
	size_t parallel = (size_t)arg_number(args, "parallel", 1), started = 0;
	pthread_t threads[256];
	int code = spec_from_args(cli, args, &b.spec, &texts);

	if (code != EXIT_OK)
		return code;
	b.vms = (size_t)arg_number(args, "vms", 10);
	b.commands = (size_t)arg_number(args, "commands", 10);
	b.graceful = arg_flag(args, "graceful");
	b.ssh = !arg_flag(args, "no-ssh") && !(b.spec.network && strcmp(b.spec.network, "none") == 0);
	/* A stop that asks the guest is for VMs that are not ephemeral; those are killed at once. */
	b.spec.ephemeral = !b.graceful;
	b.spec.owned = true;
	cli_call(cli, args, &b.call);
	b.call.progress = NULL;
	/* The state folder is made, and what it wants said is said, once and not by every thread. */
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	for (int r = 0; r < ROWS; r++) {
		size_t room = b.vms * (r == ROW_EXEC_NEXT || r == ROW_EXEC_SSH_NEXT ? b.commands : 1);

		if (!(b.samples[r] = calloc(room, sizeof(int64_t)))) {
			code = cli_fail_text(cli, STOKER_E_NOMEM, "bench", "", "out of memory");
			goto out;
		}
	}
	if (parallel > b.vms)
		parallel = b.vms;
	while (started < parallel && pthread_create(&threads[started], NULL, worker, &b) == 0)
		started++;
	if (started == 0)
		worker(&b);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	cli_progress_end(cli);
	code = report(&b);
out:
	for (int r = 0; r < ROWS; r++)
		free(b.samples[r]);
	return code;
}
