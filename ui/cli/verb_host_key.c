/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_host_key.c - host-key: what a guest's SSH server shows, and its acceptance.
 */
#include <string.h>

#include "cli/json.h"
#include "cli/verbs.h"

static void line(const char *key, const char *fingerprint, const char *whole)
{
	printf("  %-9s ", key);
	if (*whole) {
		cli_put(stdout, fingerprint);
		fputs("  ", stdout);
		cli_put(stdout, whole);
	} else {
		fputs("nothing", stdout);
	}
	putchar('\n');
}

int verb_host_key(struct cli *cli, const struct args *args)
{
	const char *accept = arg_text(args, "accept", NULL);
	struct stoker_host_key key = { 0 };
	struct stoker_error err = { 0 };
	struct stoker_call call;
	struct stoker_vm vm;
	int code = cli_open(cli);

	if (code != EXIT_OK)
		return code;
	cli_call(cli, args, &call);
	if (stoker_get(cli->s, args->words[0], &vm, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (!accept) {
		cli_waiting(cli, vm.id);
		if (stoker_host_key_get(cli->s, vm.id, &call, &key, &err) != STOKER_OK)
			return cli_fail(cli, &err);
		cli_progress_end(cli);
	} else if (stoker_host_key_accept(cli->s, vm.id, accept, &call, &err) != STOKER_OK ||
	           stoker_get(cli->s, vm.id, &vm, &err) != STOKER_OK) {
		return cli_fail(cli, &err);
	}
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_text(o, "name", vm.name);
		json_add_text(o, "id", vm.id);
		json_add_some(o, "shown", key.shown);
		json_add_some(o, "fingerprint", key.fingerprint);
		json_add_some(o, "recorded", vm.host_key);
		json_add_bool(o, "accepted", accept != NULL);
		return json_print(cli, o, EXIT_OK);
	}
	if (accept) {
		if (!cli->quiet)
			printf("%s  host key accepted\n", vm.name);
		return EXIT_OK;
	}
	if (cli->quiet) {
		cli_put(stdout, key.fingerprint);
		putchar('\n');
		return EXIT_OK;
	}
	printf("%s\n", vm.name);
	line("shown", key.fingerprint, key.shown);
	line("recorded", key.recorded_fingerprint, key.recorded);
	if (!key.recorded[0])
		cli_note(cli, "Accept it, if it is what the guest's console says: stoker host-key %s --accept %s", vm.name, key.fingerprint);
	else if (strcmp(key.shown, key.recorded) != 0)
		cli_note(cli, "They differ: nothing is said to that server");
	return EXIT_OK;
}
