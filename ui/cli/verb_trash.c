/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_trash.c - trash list, restore and empty.
 */

#include "cli/json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"

/* What has had its time is not offered any more. */
static int open_and_purge(struct cli *cli)
{
	int code = cli_open(cli);

	if (code == EXIT_OK)
		stoker_trash_empty(cli->s, NULL, true, NULL, NULL);
	return code;
}

int verb_trash_list(struct cli *cli, const struct args *args)
{
	static const char *const heads[] = { "NAME", "ID", "IMAGE", ">DISK", "DELETED", ">LEFT", NULL };
	struct stoker_error err = { 0 };
	struct stoker_trashed *all = NULL;
	size_t count = 0;
	struct table *t;
	int code = open_and_purge(cli);

	(void)args;
	if (code != EXIT_OK)
		return code;
	if (stoker_trash_list(cli->s, &all, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (cli->json) {
		cJSON *array = cJSON_CreateArray();

		for (size_t i = 0; i < count; i++) {
			cJSON *o = cJSON_CreateObject();

			json_add_text(o, "name", all[i].name);
			json_add_text(o, "id", all[i].id);
			json_add_text(o, "image", all[i].image);
			json_add_int(o, "memory_mib", all[i].memory_mib);
			json_add_int(o, "disk_bytes", (int64_t)all[i].disk_bytes);
			json_add_at(o, "created_at", all[i].created_at_ms);
			json_add_at(o, "deleted_at", all[i].deleted_at_ms);
			json_add_at(o, "expires_at", all[i].expires_at_ms);
			cJSON_AddItemToArray(array, o);
		}
		stoker_free(all);
		return json_print(cli, array, EXIT_OK);
	}
	if (cli->quiet) {
		for (size_t i = 0; i < count; i++)
			puts(all[i].name);
		stoker_free(all);
		return EXIT_OK;
	}
	if (count == 0)
		cli_note(cli, "the trash is empty");
	t = table_new(heads);
	for (size_t i = 0; i < count; i++) {
		char text[32];
		int64_t left = all[i].expires_at_ms - wall_ms();

		table_row(t);
		table_cell(t, NULL, "%s", all[i].name);
		table_cell(t, NULL, "%s", all[i].id);
		table_cell(t, NULL, "%s", all[i].image);
		format_kib(text, sizeof(text), all[i].disk_bytes / 1024);
		table_cell(t, NULL, "%s", text);
		format_at(text, sizeof(text), all[i].deleted_at_ms);
		table_cell(t, NULL, "%s", text);
		format_uptime(text, sizeof(text), all[i].expires_at_ms > 0 && left > 0 ? left : -1);
		table_cell(t, NULL, "%s", text);
	}
	if (count > 0)
		table_print(cli, t, stdout, true, 0);
	else
		table_free(t);
	stoker_free(all);
	return EXIT_OK;
}

int verb_trash_restore(struct cli *cli, const struct args *args)
{
	const char *name = arg_text(args, "name", NULL);
	cJSON *results = cJSON_CreateArray();
	int first = EXIT_OK, code = EXIT_OK;

	if (name && args->word_count > 1) {
		code = cli_usage(cli, "", "--name is for one VM");
		goto out;
	}
	if ((code = open_and_purge(cli)) != EXIT_OK)
		goto out;
	for (size_t i = 0; i < args->word_count; i++) {
		struct stoker_error err = { 0 };
		struct stoker_vm vm;

		if (stoker_trash_restore(cli->s, args->words[i], name, &vm, &err) != STOKER_OK) {
			code = cli_fail(cli, &err);
			if (first == EXIT_OK)
				first = code;
			if (cli->json) {
				cJSON *o = cJSON_CreateObject();

				json_add_text(o, "name", args->words[i]);
				json_add_error(o, &err);
				cJSON_AddItemToArray(results, o);
			}
			continue;
		}
		if (cli->json) {
			cJSON_AddItemToArray(results, json_vm(&vm));
		} else {
			cli_put(stdout, vm.name);
			puts(cli->quiet ? "" : "  restored");
		}
	}
	if (cli->json)
		return json_print_results(cli, results, args->word_count == 1, first);
	code = first;
out:
	cJSON_Delete(results);
	return code;
}

int verb_trash_empty(struct cli *cli, const struct args *args)
{
	struct stoker_error err = { 0 };
	size_t removed = 0, one, i = 0;
	char question[96];
	int code = EXIT_OK;

	if ((code = open_and_purge(cli)) != EXIT_OK)
		return code;
	if (!arg_flag(args, "yes") && cli->out_is_terminal) {
		snprintf(question, sizeof(question), "Remove what is in the trash for good?");
		if (!cli_ask(cli, question)) {
			cli_note(cli, "nothing was removed");
			return EXIT_FAILED;
		}
	}
	do {
		if (stoker_trash_empty(cli->s, args->words[i], false, &one, &err) != STOKER_OK)
			return cli_fail(cli, &err);
		removed += one;
	} while (args->words[i] && args->words[++i]);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "removed", (int64_t)removed);
		return json_print(cli, o, EXIT_OK);
	}
	if (!cli->quiet)
		printf("%zu VM%s removed from the trash\n", removed, removed == 1 ? "" : "s");
	return EXIT_OK;
}
