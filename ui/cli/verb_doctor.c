/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_doctor.c - doctor: everything this host needs, and how to mend it.
 */
#include <string.h>

#include "cli/json.h"
#include "cli/verbs.h"

static const char *const names[] = { "ok", "warn", "fail" };

static unsigned result_of(const struct stoker_check *c)
{
	return (unsigned)c->result < 3 ? (unsigned)c->result : 2;
}

static cJSON *to_json(const struct stoker_check *c)
{
	cJSON *item = cJSON_CreateObject();

	json_add_text(item, "name", c->name);
	json_add_text(item, "result", names[result_of(c)]);
	json_add_text(item, "reason", c->reason);
	json_add_text(item, "fix", c->fix);
	return item;
}

static void print(const struct cli *cli, const struct stoker_check *c)
{
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
	unsigned r = result_of(c);

	if (cli->quiet && r == STOKER_CHECK_OK)
		return;
	printf("%s%-4s%s  %-12s ", cli_colour(cli, colours[r]), names[r], cli_colour(cli, "\033[0m"), c->name);
	cli_put(stdout, c->reason);
	if (c->fix[0]) {
		fputs("\n                    fix: ", stdout);
		cli_put(stdout, c->fix);
	}
	putchar('\n');
}

/* --install: the program, and the one row that says what it is worth here. */
static int install(struct cli *cli, const struct args *args, const char *program)
{
	struct stoker_check *checks = NULL, *row = NULL;
	struct stoker_error err = { 0 };
	struct stoker_call call;
	char path[4096];
	bool installed = false;
	size_t count = 0;
	cJSON *o;

	cli_call(cli, args, &call);
	if (stoker_install(cli->s, program, &call, path, sizeof(path), &installed, &err) != STOKER_OK ||
	    stoker_doctor(cli->s, 0, &checks, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	cli_progress_end(cli);
	for (size_t i = 0; i < count && !row; i++)
		if (strcmp(checks[i].name, program) == 0)
			row = &checks[i];
	if (cli->json) {
		o = cJSON_CreateObject();
		json_add_text(o, "program", program);
		json_add_text(o, "path", path);
		json_add_bool(o, "installed", installed);
		if (row)
			cJSON_AddItemToObject(o, "check", to_json(row));
		stoker_free(checks);
		return json_print(cli, o, EXIT_OK);
	}
	if (!cli->quiet) {
		printf(installed ? "%s installed: " : "%s was installed already: ", program);
		cli_put(stdout, path);
		putchar('\n');
	}
	if (row)
		print(cli, row);
	if (row && strncmp(row->reason, path, strlen(path)) != 0)
		cli_note(cli, "another %s goes before the installed one", program);
	stoker_free(checks);
	return EXIT_OK;
}

/* What no handle can be had for is a finding as well: stoker's folders or its store. A wrong --config is not. */
static bool is_finding(const struct stoker_error *err)
{
	return err->code != STOKER_E_INVALID && err->code != STOKER_E_NOT_FOUND && err->code != STOKER_E_NOMEM;
}

static int show(struct cli *cli, const struct stoker_check *checks, size_t count)
{
	size_t counts[3] = { 0 };
	cJSON *o = NULL, *list = NULL;
	int code;

	if (cli->json) {
		o = cJSON_CreateObject();
		list = cJSON_AddArrayToObject(o, "checks");
	}
	for (size_t i = 0; i < count; i++) {
		counts[result_of(&checks[i])]++;
		if (cli->json)
			cJSON_AddItemToArray(list, to_json(&checks[i]));
		else
			print(cli, &checks[i]);
	}
	code = counts[STOKER_CHECK_FAIL] ? EXIT_FAILED : EXIT_OK;
	if (cli->json) {
		json_add_bool(o, "ok", code == EXIT_OK);
		return json_print(cli, o, code);
	}
	if (!cli->quiet)
		printf("%zu ok, %zu warn, %zu fail\n", counts[0], counts[1], counts[2]);
	return code;
}

int verb_doctor(struct cli *cli, const struct args *args)
{
	const char *program = arg_text(args, "install", NULL);
	struct stoker_check *checks = NULL, place = { .name = "places", .result = STOKER_CHECK_FAIL };
	struct stoker_error err = { 0 };
	size_t count = 0;
	int code;

	if (program) {
		code = cli_open(cli);
		return code == EXIT_OK ? install(cli, args, program) : code;
	}
	if (stoker_open(&cli->places, &cli->s, &err) != STOKER_OK) {
		if (!is_finding(&err))
			return cli_fail(cli, &err);
		snprintf(place.reason, sizeof(place.reason), "%.310s", err.why);
		snprintf(place.fix, sizeof(place.fix), "%.310s", stoker_error_advice(&err));
		code = show(cli, &place, 1);
		cli_note(cli, "the rest can be looked at once that is mended");
		return code;
	}
	cli_notice(cli);
	if (stoker_doctor(cli->s, (unsigned)arg_number(args, "vms", 0), &checks, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	code = show(cli, checks, count);
	stoker_free(checks);
	return code;
}
