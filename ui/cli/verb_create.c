/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_create.c - create: makes VMs, and starts them when asked to.
 */
#include <string.h>

#include "cli/json.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"

static void tell(struct cli *cli, const struct stoker_vm *vm, int64_t began_ns, const char *done)
{
	char took[32];

	if (cli->quiet) {
		puts(vm->name);
		return;
	}
	format_duration(took, sizeof(took), mono_ns() - began_ns);
	printf("%s  %s in %s", vm->name, done, took);
	if (vm->ip[0])
		printf("  ip %s", vm->ip);
	if (vm->ssh_port)
		printf("  ssh port %u", vm->ssh_port);
	if (vm->pid > 0)
		printf("  pid %lld", (long long)vm->pid);
	putchar('\n');
}

/* What --timeout leaves for the next step of one VM; -1 when there is no limit. */
static int64_t left_ms(const struct stoker_call *whole, int64_t began_ns)
{
	if (whole->timeout_ms < 0)
		return -1;
	int64_t left = whole->timeout_ms - (mono_ns() - began_ns) / 1000000;
	return left > 0 ? left : 0;
}

static enum stoker_status make(struct cli *cli, const struct stoker_spec *spec, const struct stoker_call *whole,
                               bool start, bool wait, struct stoker_vm *vm, bool *made, struct stoker_error *err)
{
	struct stoker_call call = *whole;
	int64_t began = mono_ns();
	enum stoker_status status = stoker_create(cli->s, spec, &call, vm, err);

	if (status != STOKER_OK)
		return status;
	*made = true;
	if (start) {
		call.timeout_ms = left_ms(whole, began);
		status = stoker_start(cli->s, vm->id, &call, vm, err);
	}
	if (status == STOKER_OK && wait) {
		call.timeout_ms = left_ms(whole, began);
		cli_waiting(cli, vm->id);
		status = stoker_wait(cli->s, vm->name, vm->network == STOKER_NET_NONE ? STOKER_UNTIL_READY : STOKER_UNTIL_SSH,
		                     &call, vm, err);
	}
	cli_waited(vm, status, "was created and is kept", err);
	cli_progress_end(cli);
	if (!cli->json && status == STOKER_OK)
		tell(cli, vm, began, wait ? "ready" : start ? "started" : "created");
	return status;
}

/* A name that can be none, or that is given twice, is found before there is a first VM to clean up again. */
static int check_names(struct cli *cli, const struct args *args, struct stoker_spec *spec)
{
	for (size_t i = 0; args->word_count > 1 && i < args->word_count; i++) {
		struct stoker_error err = { 0 };

		for (size_t j = 0; j < i; j++) {
			if (strcmp(args->words[i], args->words[j]) == 0)
				return cli_usage(cli, "", "%.64s is named twice", args->words[i]);
		}
		spec->name = args->words[i];
		if (stoker_check_spec(cli->s, spec, &err) == STOKER_E_INVALID)
			return cli_fail(cli, &err);
	}
	return EXIT_OK;
}

int verb_create(struct cli *cli, const struct args *args)
{
	struct spec_texts texts;
	struct stoker_spec spec;
	struct stoker_call call;
	size_t count = args->word_count ? args->word_count : 1;
	bool wait = arg_flag(args, "wait"), start = wait || arg_flag(args, "start");
	int code = spec_from_args(cli, args, &spec, &texts), first = EXIT_OK;
	cJSON *results;

	if (code != EXIT_OK || (code = cli_open(cli)) != EXIT_OK)
		return code;
	spec.ephemeral = arg_flag(args, "ephemeral");
	spec.host_key = arg_text(args, "host-key", NULL);
	if ((code = check_names(cli, args, &spec)) != EXIT_OK)
		return code;
	cli_call(cli, args, &call);
	results = cJSON_CreateArray();
	for (size_t i = 0; i < count; i++) {
		struct stoker_error err = { 0 };
		struct stoker_vm vm = { 0 };
		bool made = false;

		spec.name = args->words[i];
		enum stoker_status status = make(cli, &spec, &call, start, wait, &vm, &made, &err);
		cJSON *o = NULL;
		if (cli->json) {
			o = made ? json_vm(&vm) : cJSON_CreateObject();
			if (!made)
				json_add_text(o, "name", spec.name);
			cJSON_AddItemToArray(results, o);
		}
		if (status == STOKER_OK)
			continue;
		if (o)
			json_add_error(o, &err);
		code = cli_fail(cli, &err);
		if (first == EXIT_OK)
			first = code;
		if (status == STOKER_E_CANCELLED)
			break; /* its message says what was kept */
		if (made && !cli->json)
			cli_note(cli, "%s was created and is kept. Delete it with `stoker delete --force %s`", vm.name, vm.name);
	}
	if (cli->json)
		return json_print_results(cli, results, count == 1, first);
	cJSON_Delete(results);
	return first;
}
