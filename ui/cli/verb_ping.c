/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_ping.c - ping: round trips to the agent and over SSH.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"

struct way {
	const char *name;
	enum stoker_via via;
	struct stoker_percentiles p;
};

static void pause_ms(int64_t ms)
{
	struct pollfd cancel = { .fd = signals_cancel_fd(), .events = POLLIN };

	if (ms > 0)
		poll(&cancel, 1, (int)(ms < 3600000 ? ms : 3600000));
}

static enum stoker_status measure(struct cli *cli, const struct args *args, const char *ref, struct way *way,
                                  struct stoker_error *err)
{
	size_t count = (size_t)arg_number(args, "count", 10), done = 0;
	int64_t *samples = calloc(count, sizeof(*samples));
	stoker_session *session = NULL;
	enum stoker_status status;
	struct stoker_call call;

	cli_call(cli, args, &call);
	cli_waiting(cli, ref);
	status = stoker_session_open(cli->s, ref, way->via, &call, &session, err);
	cli_progress_end(cli);
	if (status != STOKER_OK || !samples)
		goto out;
	way->name = stoker_session_via(session) == STOKER_VIA_SSH ? "ssh" : "channel";
	while (done < count && !signals_caught()) {
		if (done > 0)
			pause_ms(arg_number(args, "interval", 0));
		if (signals_caught())
			break;
		if ((status = stoker_ping(session, &call, &samples[done], err)) != STOKER_OK)
			break;
		if (cli->verbose && !cli->json) {
			char text[32];

			format_duration(text, sizeof(text), samples[done]);
			printf("%s %zu: %s\n", way->name, done + 1, text);
		}
		done++;
	}
	/* What was measured before a signal came is worth its line. */
	if (status == STOKER_E_CANCELLED && done > 0)
		status = STOKER_OK;
out:
	if (done > 0)
		stoker_percentiles_of(samples, done, &way->p);
	stoker_session_close(session);
	free(samples);
	return status;
}

static void add_row(struct table *t, const struct way *way)
{
	const int64_t columns[] = { way->p.min_ns, way->p.p50_ns, way->p.p99_ns, way->p.max_ns };
	char text[32];

	table_row(t);
	table_cell(t, NULL, "%s", way->name);
	table_cell(t, NULL, "%llu", (unsigned long long)way->p.count);
	for (size_t i = 0; i < 4; i++) {
		format_duration(text, sizeof(text), columns[i]);
		table_cell(t, NULL, "%s", text);
	}
}

static cJSON *row_json(const struct way *way)
{
	cJSON *o = cJSON_CreateObject();

	json_add_text(o, "via", way->name);
	json_add_int(o, "count", (int64_t)way->p.count);
	json_add_ms(o, "min_ms", way->p.min_ns);
	json_add_ms(o, "median_ms", way->p.p50_ns);
	json_add_ms(o, "p99_ms", way->p.p99_ns);
	json_add_ms(o, "max_ms", way->p.max_ns);
	return o;
}

int verb_ping(struct cli *cli, const struct args *args)
{
	static const char *const heads[] = { "WAY", ">COUNT", ">MIN", ">MEDIAN", ">P99", ">MAX", NULL };
	const char *via = arg_text(args, "via", "both");
	struct way ways[2] = { { "channel", STOKER_VIA_CHANNEL, { 0 } }, { "ssh", STOKER_VIA_SSH, { 0 } } };
	struct stoker_error err = { 0 }, first_err = { 0 };
	struct stoker_vm vm;
	struct table *t;
	cJSON *rows, *errors;
	int code = cli_open(cli), first = 0, last = 2;

	if (code != EXIT_OK)
		return code;
	if (stoker_get(cli->s, args->words[0], &vm, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (strcmp(via, "auto") == 0)
		ways[0].via = STOKER_VIA_AUTO;
	if (strcmp(via, "ssh") == 0)
		first = 1;
	else if (strcmp(via, "both") != 0 || vm.network == STOKER_NET_NONE)
		last = 1;
	t = table_new(heads);
	rows = cJSON_CreateArray();
	errors = cJSON_CreateArray();
	for (int i = first; i < last && !signals_caught(); i++) {
		if (measure(cli, args, vm.id, &ways[i], &err) != STOKER_OK) {
			/* A VM that does not run cannot be reached in either way: once is enough. */
			bool known = code != EXIT_OK && strcmp(err.why, first_err.why) == 0;
			int failed = known ? code : cli_fail(cli, &err);
			cJSON *o = cJSON_CreateObject();

			json_add_text(o, "via", ways[i].name);
			json_fill_error(o, &err);
			cJSON_AddItemToArray(errors, o);
			if (code == EXIT_OK) {
				code = failed;
				first_err = err;
			}
		}
		if (ways[i].p.count == 0)
			continue;
		add_row(t, &ways[i]);
		cJSON_AddItemToArray(rows, row_json(&ways[i]));
	}
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		table_free(t);
		json_add_text(o, "name", vm.name);
		json_add_text(o, "id", vm.id);
		cJSON_AddItemToObject(o, "rows", rows);
		if (code != EXIT_OK)
			json_add_error(o, &first_err);
		cJSON_AddItemToObject(o, "errors", errors);
		return json_print(cli, o, code);
	}
	if (cJSON_GetArraySize(rows) > 0)
		table_print(cli, t, stdout, !cli->quiet, 0);
	else
		table_free(t);
	cJSON_Delete(rows);
	cJSON_Delete(errors);
	return code;
}
