/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_events.c - events: what happened on this host and by whom, in the words
 * of the dashboard; --follow goes on.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "common/format.h"

#define EVENTS_MAX 10000 /* as many as are kept */

/* About which VMs: by their ids, those of deleted ones too. None: about everything. */
struct wanted {
	char (*ids)[STOKER_ID_SIZE];
	size_t count;
};

static bool is_wanted(const struct wanted *wanted, const struct stoker_event *event)
{
	size_t i = 0;

	while (i < wanted->count && strcmp(wanted->ids[i], event->id) != 0)
		i++;
	return wanted->count == 0 || i < wanted->count;
}

/* The id of a VM, or of the one that had this name last. */
static enum stoker_status find(struct cli *cli, const char *ref, const struct stoker_event *events, size_t count, char *id,
                               struct stoker_error *err)
{
	struct stoker_vm vm;
	enum stoker_status status = stoker_get(cli->s, ref, &vm, err);

	if (status == STOKER_OK)
		memcpy(id, vm.id, STOKER_ID_SIZE);
	if (status != STOKER_E_NOT_FOUND)
		return status;
	for (size_t i = count; i > 0; i--) {
		const struct stoker_event *event = &events[i - 1];

		if (event->id[0] && (strcmp(event->name, ref) == 0 || strcmp(event->id, ref) == 0)) {
			memcpy(id, event->id, STOKER_ID_SIZE);
			return STOKER_OK;
		}
	}
	return status;
}

static const char *kind_colour(const char *kind)
{
	if (strcmp(kind, "failed") == 0 || strcmp(kind, "crashed") == 0)
		return "\033[31m";
	return strcmp(kind, "ready") == 0 || strcmp(kind, "started") == 0 ? "\033[32m" : "";
}

static cJSON *event_json(const struct stoker_event *event)
{
	cJSON *o = cJSON_CreateObject();

	json_add_at(o, "at", event->at_ms);
	json_add_text(o, "by", event->actor);
	json_add_text(o, "kind", event->kind);
	json_add_some(o, "name", event->name);
	json_add_some(o, "id", event->id);
	json_add_text(o, "text", event->text);
	return o;
}

static void print_event(struct cli *cli, const struct stoker_event *event)
{
	const char *colour = kind_colour(event->kind);
	char at[32];

	format_at(at, sizeof(at), event->at_ms);
	printf("%s  %-9s  ", at, event->actor);
	fputs(*colour ? cli_colour(cli, colour) : "", stdout);
	cli_put(stdout, event->text);
	puts(*colour ? cli_colour(cli, "\033[0m") : "");
}

static int follow(struct cli *cli, stoker_watch *watcher, const struct wanted *wanted, int64_t seq)
{
	struct stoker_event *events = NULL;
	struct stoker_error err = { 0 };
	size_t count = 0;

	signals_cancel_fd();
	while (!signals_caught() && !ferror(stdout)) {
		if (stoker_events(cli->s, seq, EVENTS_MAX, &events, &count, &err) != STOKER_OK)
			return cli_fail(cli, &err);
		for (size_t i = 0; i < count; i++) {
			if (is_wanted(wanted, &events[i]))
				print_event(cli, &events[i]);
			seq = events[i].seq;
		}
		stoker_free(events);
		events = NULL;
		if (fflush(stdout) != 0 || !cli_wait_change(watcher, -1, -1))
			break;
	}
	return EXIT_OK;
}

int verb_events(struct cli *cli, const struct args *args)
{
	struct wanted wanted = { 0 };
	struct stoker_event *events = NULL;
	struct stoker_error err = { 0 };
	stoker_watch *watcher = NULL;
	int64_t limit = arg_number(args, "limit", EVENTS_MAX);
	size_t count = 0, first, found = 0;
	cJSON *array = NULL;
	int code;

	if (cli->json && arg_flag(args, "follow"))
		return cli_usage(cli, "", "--follow goes on, --json is one value");
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	/* Watched before it is read: what happens between the two is not missed. */
	if ((arg_flag(args, "follow") && stoker_watch_open(cli->s, &watcher, &err) != STOKER_OK) ||
	    stoker_events(cli->s, 0, EVENTS_MAX, &events, &count, &err) != STOKER_OK) {
		code = cli_fail(cli, &err);
		goto out;
	}
	wanted.ids = calloc(args->word_count + 1, sizeof(*wanted.ids));
	if (!wanted.ids || (cli->json && !(array = cJSON_CreateArray()))) {
		code = cli_fail_text(cli, STOKER_E_NOMEM, "events", "", "out of memory");
		goto out;
	}
	for (; wanted.count < args->word_count; wanted.count++) {
		if (find(cli, args->words[wanted.count], events, count, wanted.ids[wanted.count], &err) != STOKER_OK) {
			code = cli_fail(cli, &err);
			goto out;
		}
	}
	for (first = count; first > 0 && (int64_t)found < limit; first--)
		found += is_wanted(&wanted, &events[first - 1]);
	for (size_t i = first; i < count; i++) {
		if (!is_wanted(&wanted, &events[i]))
			continue;
		if (array)
			cJSON_AddItemToArray(array, event_json(&events[i]));
		else
			print_event(cli, &events[i]);
	}
	if (array) {
		code = json_print(cli, array, EXIT_OK);
		array = NULL;
	} else if (watcher) {
		code = follow(cli, watcher, &wanted, count > 0 ? events[count - 1].seq : 0);
	}
out:
	cJSON_Delete(array);
	stoker_watch_close(watcher);
	stoker_free(events);
	free(wanted.ids);
	return code;
}
