/* SPDX-License-Identifier: Apache-2.0
 *
 * each.c - a verb carried out on each of several VMs.
 */
#include "cli/each.h"

#include <string.h>

#include "cli/json.h"
#include "common/format.h"
#include "common/now.h"

int each_of(struct cli *cli, const struct args *args, const struct each *each, const struct targets *targets)
{
	cJSON *results = cJSON_CreateArray();
	int first = EXIT_OK;

	if (targets->count == 0 && !cli->json)
		cli_note(cli, "%s", each->nothing);
	for (size_t i = 0; i < targets->count; i++) {
		const char *ref = targets->names[i];
		const char *name = targets->vms ? targets->vms[i].name : ref;
		struct stoker_error err = { 0 };
		struct stoker_vm vm = { 0 };
		bool gone = false;
		int64_t began = mono_ns();
		enum stoker_status status = each->act(cli, args, ref, &vm, &gone, &err);
		int64_t took = mono_ns() - began;

		cli_progress_end(cli);
		if (cli->json) {
			cJSON *o = status == STOKER_OK && !gone ? json_vm(&vm) : cJSON_CreateObject();

			if (status != STOKER_OK || gone)
				json_add_text(o, "name", name);
			if (gone)
				json_add_bool(o, "deleted", status == STOKER_OK);
			json_add_ms(o, "duration_ms", took);
			if (status != STOKER_OK)
				json_add_error(o, &err);
			cJSON_AddItemToArray(results, o);
		}
		if (status != STOKER_OK) {
			int code = cli_fail(cli, &err);

			if (first == EXIT_OK)
				first = code;
			if (status == STOKER_E_CANCELLED)
				break;
			continue;
		}
		if (cli->json)
			continue;
		/* A prefix of an id was typed, or a name: the name is what a person wants back. */
		cli_put(stdout, vm.name[0] ? vm.name : name);
		if (!cli->quiet) {
			char text[32];

			format_duration(text, sizeof(text), took);
			printf("  %s in %s", each->done, text);
			if (!gone && vm.pid > 0)
				printf("  pid %lld", (long long)vm.pid);
		}
		putchar('\n');
	}
	if (cli->json)
		return json_print_results(cli, results, targets->single, first);
	cJSON_Delete(results);
	return first;
}

int each_target(struct cli *cli, const struct args *args, const struct each *each)
{
	struct targets targets = { 0 };
	int code = cli_open(cli);

	if (code == EXIT_OK && (code = targets_find(cli, args, each->skip, &targets)) == EXIT_OK)
		code = each_of(cli, args, each, &targets);
	targets_free(&targets);
	return code;
}
