/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_run.c - run: a command in a VM of its own, of which nothing is left.
 */
#include <unistd.h>

#include "cli/guest.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "common/now.h"

/* Not to be cancelled: a second ctrl-C must not leave the VM behind. */
static int clean_up(struct cli *cli, const char *id, int code)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { 0 };
	enum stoker_status status = stoker_delete(cli->s, id, true, &call, &err);

	/* An ephemeral VM whose guest powered off is gone already. */
	if (status == STOKER_OK || status == STOKER_E_NOT_FOUND)
		return code;
	return cli_fail(cli, &err);
}

int verb_run(struct cli *cli, const struct args *args)
{
	static const char *const login[] = { "/bin/sh", "-l", NULL };
	const char *const *command = args->command ? args->command : login;
	bool tty = arg_flag(args, "tty"), interactive = arg_flag(args, "interactive");
	struct spec_texts texts;
	struct stoker_error err = { 0 };
	struct stoker_spec spec;
	struct stoker_vm vm;
	struct stoker_call call;
	int64_t began = mono_ns();
	int code;

	if (!args->command) {
		if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
			return cli_usage(cli, "", "no command is given");
		tty = interactive = true;
	}
	if ((code = guest_check(cli, args, tty)) != EXIT_OK ||
	    (code = spec_from_args(cli, args, &spec, &texts)) != EXIT_OK)
		return code;
	/* Before the first effect: from here on signals are heard, not obeyed. */
	cli_call(cli, args, &call);
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	spec.name = arg_text(args, "name", NULL);
	spec.ephemeral = spec.owned = true;
	if (stoker_create(cli->s, &spec, &call, &vm, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (call.timeout_ms > 0) {
		call.timeout_ms -= (mono_ns() - began) / 1000000;
		if (call.timeout_ms < 1)
			call.timeout_ms = 1;
	}
	if (stoker_start(cli->s, vm.id, &call, &vm, &err) != STOKER_OK) {
		code = cli_fail(cli, &err);
	} else {
		if (cli->verbose)
			cli_note(cli, "%s runs with pid %lld", vm.name, (long long)vm.pid);
		code = guest_command(cli, args, vm.id, command, interactive, tty, began);
	}
	return clean_up(cli, vm.id, code);
}
