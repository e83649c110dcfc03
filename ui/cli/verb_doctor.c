/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_doctor.c - doctor: everything this host needs, and how to mend it.
 */
#include "cli/json.h"
#include "cli/verbs.h"

int verb_doctor(struct cli *cli, const struct args *args)
{
	static const char *const names[] = { "ok", "warn", "fail" };
	static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };
	struct stoker_check *checks = NULL;
	struct stoker_error err = { 0 };
	size_t count = 0, counts[3] = { 0 };
	cJSON *o = NULL, *list = NULL;
	int code = cli_open(cli);

	if (code != EXIT_OK)
		return code;
	if (stoker_doctor(cli->s, (unsigned)arg_number(args, "vms", 0), &checks, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (cli->json) {
		o = cJSON_CreateObject();
		list = cJSON_AddArrayToObject(o, "checks");
	}
	for (size_t i = 0; i < count; i++) {
		const struct stoker_check *c = &checks[i];
		unsigned r = (unsigned)c->result < 3 ? (unsigned)c->result : 2;

		counts[r]++;
		if (cli->json) {
			cJSON *item = cJSON_CreateObject();

			json_add_text(item, "name", c->name);
			json_add_text(item, "result", names[r]);
			json_add_text(item, "reason", c->reason);
			json_add_text(item, "fix", c->fix);
			cJSON_AddItemToArray(list, item);
			continue;
		}
		if (cli->quiet && r == STOKER_CHECK_OK)
			continue;
		printf("%s%-4s%s  %-12s ", cli_colour(cli, colours[r]), names[r], cli_colour(cli, "\033[0m"), c->name);
		cli_put(stdout, c->reason);
		if (c->fix[0]) {
			fputs("\n                    fix: ", stdout);
			cli_put(stdout, c->fix);
		}
		putchar('\n');
	}
	stoker_free(checks);
	code = counts[STOKER_CHECK_FAIL] ? EXIT_FAILED : EXIT_OK;
	if (cli->json) {
		json_add_bool(o, "ok", code == EXIT_OK);
		return json_print(cli, o, code);
	}
	if (!cli->quiet)
		printf("%zu ok, %zu warn, %zu fail\n", counts[0], counts[1], counts[2]);
	return code;
}
