/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_config.c - config: the settings in force, and where each comes from.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/vm_filter.h"
#include "tui/keymap.h"
#include "tui/preset.h"

static const struct {
	const char *name;
	enum stoker_place place;
} places[] = {
	{ "state", STOKER_PLACE_STATE },
	{ "runtime", STOKER_PLACE_RUNTIME },
	{ "images", STOKER_PLACE_IMAGES },
	{ "config", STOKER_PLACE_CONFIG },
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static bool find_setting(stoker *s, const char *key, struct stoker_setting_row *row)
{
	for (size_t i = 0; stoker_setting_at(s, i, row); i++) {
		if (strcmp(row->key, key) == 0)
			return true;
	}
	return false;
}

static const char *nearest_key(stoker *s, const char *key)
{
	struct stoker_setting_row row;
	const char *best = NULL;
	unsigned least = ~0U;

	for (size_t i = 0; stoker_setting_at(s, i, &row); i++) {
		const char *part = strchr(row.key, '.');
		unsigned distance = edit_distance(key, row.key);

		/* "memory" and "defaults.memory" for "defaults.memory_mib". */
		if (strlen(key) >= 2 && ((part && strncmp(part + 1, key, strlen(key)) == 0) || strncmp(row.key, key, strlen(key)) == 0))
			distance = 1;
		if (distance < least) {
			least = distance;
			best = row.key;
		}
	}
	return best && edit_is_slip(least, key) ? best : NULL;
}

static cJSON *row_json(const struct stoker_setting_row *row)
{
	cJSON *o = cJSON_CreateObject();

	json_add_text(o, "key", row->key);
	json_add_text(o, "value", row->value);
	json_add_text(o, "default", row->standard);
	json_add_text(o, "origin", row->origin);
	json_add_text(o, "help", row->help);
	return o;
}

static int some(struct cli *cli, const struct args *args)
{
	cJSON *results = cJSON_CreateArray();
	int first = EXIT_OK;

	for (size_t i = 0; i < args->word_count; i++) {
		struct stoker_setting_row row;

		if (find_setting(cli->s, args->words[i], &row)) {
			cJSON_AddItemToArray(results, row_json(&row));
			if (!cli->json) {
				cli_put(stdout, row.value);
				putchar('\n');
			}
			continue;
		}
		const char *near = nearest_key(cli->s, args->words[i]);
		char fix[160] = "See `stoker config`";

		if (near)
			snprintf(fix, sizeof(fix), "Did you mean %s?", near);
		int code = cli_fail_text(cli, STOKER_E_NOT_FOUND, "config", fix, "there is no setting \"%s\"", args->words[i]);
		if (first == EXIT_OK)
			first = code;
	}
	if (cli->json)
		return json_print_results(cli, results, args->word_count == 1, first);
	cJSON_Delete(results);
	return first;
}

struct problems {
	struct cli *cli;
	cJSON *list;
	size_t count;
};

static void problem(void *user, const char *origin, const char *text)
{
	struct problems *problems = user;
	cJSON *o = cJSON_CreateObject();

	problems->count++;
	json_add_text(o, "origin", origin);
	json_add_text(o, "problem", text);
	cJSON_AddItemToArray(problems->list, o);
	if (problems->cli->json)
		return;
	cli_put(stdout, origin);
	fputs(": ", stdout);
	cli_put(stdout, text);
	putchar('\n');
}

/* What opening the handle could not see: the sections that only the dashboard reads. */
static int check(struct cli *cli)
{
	struct problems problems = { cli, cJSON_CreateArray(), 0 };
	struct stoker_setting_row row;
	struct keymap keymap;
	struct vm_filter filter;
	struct field *fields = calloc(FORM_COUNT, sizeof *fields);
	char why[320];

	keymap_load(&keymap, cli->s, problem, &problems);
	for (size_t i = 0; stoker_setting_at(cli->s, i, &row); i++) {
		if (strncmp(row.key, "filters.", 8) == 0 && !vm_filter_read(&filter, row.value))
			problem(&problems, row.origin, filter.problem);
		if (strncmp(row.key, "presets.", 8) == 0 && fields && !preset_apply(fields, row.value, why, sizeof why))
			problem(&problems, row.origin, why);
	}
	free(fields);
	if (cli->json)
		return json_print(cli, problems.list, problems.count > 0 ? EXIT_FAILED : EXIT_OK);
	cJSON_Delete(problems.list);
	if (problems.count == 0)
		cli_note(cli, "nothing is wrong with %s", stoker_place(cli->s, STOKER_PLACE_CONFIG));
	return problems.count > 0 ? EXIT_FAILED : EXIT_OK;
}

int verb_config(struct cli *cli, const struct args *args)
{
	static const char *const heads[] = { "SETTING", "VALUE", "FROM", "WHAT", NULL };
	struct stoker_setting_row row;
	struct table *t;
	int code;

	/* "check" is no setting, so what stands behind it cannot be one that is asked for. */
	if (args->word_count > 1 && strcmp(args->words[0], "check") == 0)
		return cli_usage(cli, "Leave it away: the whole file is checked", "check takes nothing more, and there is \"%s\"", args->words[1]);
	code = cli_open(cli);
	if (code != EXIT_OK)
		return code;
	if (args->word_count > 0 && strcmp(args->words[0], "check") == 0)
		return check(cli);
	if (args->word_count > 0)
		return some(cli, args);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject(), *list;

		list = cJSON_AddObjectToObject(o, "places");
		for (size_t i = 0; i < PLACES; i++)
			json_add_some(list, places[i].name, stoker_place(cli->s, places[i].place));
		list = cJSON_AddArrayToObject(o, "settings");
		for (size_t i = 0; stoker_setting_at(cli->s, i, &row); i++)
			cJSON_AddItemToArray(list, row_json(&row));
		return json_print(cli, o, EXIT_OK);
	}
	for (size_t i = 0; i < PLACES && !cli->quiet; i++) {
		const char *path = stoker_place(cli->s, places[i].place);

		printf("%-8s ", places[i].name);
		cli_put(stdout, path && *path ? path : "-");
		putchar('\n');
	}
	if (!cli->quiet)
		putchar('\n');
	t = table_new(heads);
	for (size_t i = 0; stoker_setting_at(cli->s, i, &row); i++) {
		table_row(t);
		table_cell(t, NULL, "%s", row.key);
		table_cell(t, NULL, "%s", *row.value ? row.value : "\"\"");
		table_cell(t, NULL, "%s", row.origin);
		table_cell(t, NULL, "%s", row.help);
	}
	table_print(cli, t, stdout, !cli->quiet, 0);
	return EXIT_OK;
}
