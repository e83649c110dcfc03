/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_timings.c - timings: the phases, and the rows people compare.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"

enum { ROW_CREATE_START, ROW_SSH_READY, ROW_EXEC, ROW_STOP_DELETE, ROW_LIFECYCLE, ROWS };

static const struct {
	const char *name, *title;
} row_names[ROWS] = {
	{ "create_start", "Create + Start" }, { "ssh_ready", "SSH ready (boot + ssh)" }, { "exec", "Command execution" },
	{ "stop_delete", "Stop + Delete" },   { "lifecycle", "Full lifecycle" },
};

struct samples {
	int64_t *ns;
	size_t count;
	int64_t last;
	struct stoker_percentiles p;
};

/* Newest last within a VM: the order in which things happened. */
static int by_vm(const void *a, const void *b)
{
	const struct stoker_timing *x = a, *y = b;
	int c = strcmp(x->id, y->id);

	if (c != 0)
		return c;
	return x->at_ms != y->at_ms ? (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms) : (x->phase > y->phase) - (x->phase < y->phase);
}

static void add(struct samples *s, int64_t ns)
{
	s->last = s->ns[s->count++] = ns;
}

/* One VM's timings, oldest first, into the rows. */
static void add_vm(const struct stoker_timing *t, size_t count, struct samples rows[ROWS])
{
	int64_t at[STOKER_PHASE_COUNT], first_exec = -1, life_start = -1, life_boot = -1, life_ssh = -1;
	unsigned starts = 0;

	for (int i = 0; i < STOKER_PHASE_COUNT; i++)
		at[i] = -1;
	for (size_t i = 0; i < count; i++) {
		int64_t ns = t[i].duration_ns;

		at[t[i].phase] = ns;
		switch (t[i].phase) {
		case STOKER_PHASE_START:
			if (++starts == 1 && at[STOKER_PHASE_CREATE] >= 0)
				add(&rows[ROW_CREATE_START], at[STOKER_PHASE_CREATE] + ns);
			life_start = ns;
			/* A new run: what belonged to the one before counts no more. */
			at[STOKER_PHASE_BOOT] = at[STOKER_PHASE_SSH] = at[STOKER_PHASE_STOP] = first_exec = -1;
			break;
		case STOKER_PHASE_BOOT:
			life_boot = ns;
			break;
		case STOKER_PHASE_SSH:
			life_ssh = ns;
			if (at[STOKER_PHASE_BOOT] >= 0)
				add(&rows[ROW_SSH_READY], at[STOKER_PHASE_BOOT] + ns);
			break;
		case STOKER_PHASE_EXEC:
			if (first_exec < 0)
				first_exec = ns;
			add(&rows[ROW_EXEC], ns);
			break;
		case STOKER_PHASE_DELETE: {
			int64_t end = (at[STOKER_PHASE_STOP] > 0 ? at[STOKER_PHASE_STOP] : 0) + ns;

			if (starts > 0)
				add(&rows[ROW_STOP_DELETE], end);
			/* The whole life of a VM that was started once, used and deleted. */
			if (starts == 1 && at[STOKER_PHASE_CREATE] >= 0 && life_boot >= 0 && first_exec >= 0)
				add(&rows[ROW_LIFECYCLE], at[STOKER_PHASE_CREATE] + life_start + life_boot + (life_ssh > 0 ? life_ssh : 0) +
				                              first_exec + end);
			break;
		}
		default:
			break;
		}
	}
}

static bool make_rows(const struct stoker_timing *timings, size_t count, struct samples rows[ROWS])
{
	struct stoker_timing *sorted = calloc(count + 1, sizeof(*sorted));
	bool ok = sorted != NULL;

	for (int i = 0; i < ROWS; i++) {
		rows[i].last = -1;
		ok &= (rows[i].ns = calloc(count + 1, sizeof(int64_t))) != NULL;
	}
	if (ok && count > 0) {
		memcpy(sorted, timings, count * sizeof(*sorted));
		qsort(sorted, count, sizeof(*sorted), by_vm);
		for (size_t i = 0, k; i < count; i = k) {
			for (k = i + 1; k < count && strcmp(sorted[k].id, sorted[i].id) == 0;)
				k++;
			add_vm(sorted + i, k - i, rows);
		}
	}
	for (int i = 0; ok && i < ROWS; i++)
		stoker_percentiles_of(rows[i].ns, rows[i].count, &rows[i].p);
	free(sorted);
	return ok;
}

static void add_table_row(struct table *t, const char *name, int64_t last, const struct stoker_percentiles *p)
{
	const int64_t columns[] = { last, p->count ? p->p50_ns : -1, p->count ? p->p95_ns : -1, p->count ? p->p99_ns : -1 };
	char text[32];

	table_row(t);
	table_cell(t, NULL, "%s", name);
	for (size_t i = 0; i < 4; i++) {
		format_duration(text, sizeof(text), columns[i]);
		table_cell(t, NULL, "%s", text);
	}
	table_cell(t, NULL, "%llu", (unsigned long long)p->count);
}

static int print_json(struct cli *cli, const char *name, const char *id, const int64_t last[STOKER_PHASE_COUNT],
                      const struct stoker_percentiles p[STOKER_PHASE_COUNT], const struct samples rows[ROWS])
{
	cJSON *o = cJSON_CreateObject(), *phases, *list;

	json_add_some(o, "name", name);
	json_add_some(o, "id", id);
	/* The last time of each, by its name: what most scripts want. */
	for (int i = 0; i < STOKER_PHASE_COUNT; i++)
		json_add_ms(o, stoker_phase_name((enum stoker_phase)i), last[i]);
	phases = cJSON_AddObjectToObject(o, "phases");
	for (int i = 0; i < STOKER_PHASE_COUNT; i++) {
		cJSON *phase = cJSON_AddObjectToObject(phases, stoker_phase_name((enum stoker_phase)i));

		json_add_ms(phase, "last_ms", last[i]);
		json_add_percentiles(phase, &p[i]);
	}
	list = cJSON_AddArrayToObject(o, "rows");
	for (int i = 0; i < ROWS; i++) {
		cJSON *row = cJSON_CreateObject();

		json_add_text(row, "row", row_names[i].name);
		json_add_text(row, "title", row_names[i].title);
		json_add_ms(row, "last_ms", rows[i].last);
		json_add_percentiles(row, &rows[i].p);
		cJSON_AddItemToArray(list, row);
	}
	return json_print(cli, o, EXIT_OK);
}

static void print_tables(struct cli *cli, const int64_t last[STOKER_PHASE_COUNT],
                         const struct stoker_percentiles p[STOKER_PHASE_COUNT], const struct samples rows[ROWS])
{
	static const char *const heads[] = { "PHASE", ">LAST", ">P50", ">P95", ">P99", ">N", NULL };
	/* One table, so that the columns of both parts stand under each other. */
	struct table *t = table_new(heads);

	for (int i = 0; i < STOKER_PHASE_COUNT; i++)
		add_table_row(t, stoker_phase_name((enum stoker_phase)i), last[i], &p[i]);
	table_row(t);
	for (int i = 0; i < ROWS; i++)
		add_table_row(t, row_names[i].title, rows[i].last, &rows[i].p);
	table_print(cli, t, stdout, true, 0);
}

int verb_timings(struct cli *cli, const struct args *args)
{
	struct stoker_percentiles p[STOKER_PHASE_COUNT] = { 0 };
	struct samples rows[ROWS] = { 0 };
	int64_t last[STOKER_PHASE_COUNT];
	struct stoker_timing *timings = NULL;
	struct stoker_error err = { 0 }, unknown = { 0 };
	struct stoker_vm vm;
	const char *ref = args->words[0], *name = NULL, *id = NULL;
	size_t count = 0;
	int code = cli_open(cli);

	if (code != EXIT_OK)
		return code;
	if (ref && stoker_get(cli->s, ref, &vm, &unknown) == STOKER_OK) {
		ref = id = vm.id;
		name = vm.name;
	} else if (ref && unknown.code != STOKER_E_NOT_FOUND) {
		return cli_fail(cli, &unknown);
	}
	if (stoker_timings(cli->s, ref, &timings, &count, &err) != STOKER_OK) {
		code = cli_fail(cli, unknown.code == STOKER_E_NOT_FOUND ? &unknown : &err);
		goto out;
	}
	/* Deleted, but not forgotten. By its id from here on: another may get its name any time. */
	if (ref && !id && count > 0) {
		ref = id = timings[0].id;
		name = timings[0].name;
	}
	if (stoker_phase_percentiles(cli->s, ref, p, &err) != STOKER_OK) {
		code = cli_fail(cli, &err);
		goto out;
	}
	for (int i = 0; i < STOKER_PHASE_COUNT; i++)
		last[i] = -1;
	for (size_t i = count; i > 0; i--)
		last[timings[i - 1].phase] = timings[i - 1].duration_ns;
	if (!make_rows(timings, count, rows))
		code = cli_fail_text(cli, STOKER_E_NOMEM, "timings", "", "out of memory");
	else if (cli->json)
		code = print_json(cli, name, id, last, p, rows);
	else
		print_tables(cli, last, p, rows);
out:
	for (int i = 0; i < ROWS; i++)
		free(rows[i].ns);
	stoker_free(timings);
	return code;
}
