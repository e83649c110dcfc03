/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_wait.c - wait: returns when VMs have come so far.
 */
#include <string.h>

#include "cli/each.h"
#include "cli/verbs.h"

static enum stoker_status act(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                              bool *gone, struct stoker_error *err)
{
	const char *what = arg_text(args, "for", "ready");
	enum stoker_until until = STOKER_UNTIL_READY;
	struct stoker_call call;

	(void)gone;
	cli_call(cli, args, &call);
	if (strcmp(what, "running") == 0)
		until = STOKER_UNTIL_RUNNING;
	else if (strcmp(what, "ssh") == 0)
		until = STOKER_UNTIL_SSH;
	else if (strcmp(what, "stopped") == 0)
		until = STOKER_UNTIL_STOPPED;
	if (until != STOKER_UNTIL_STOPPED)
		cli_waiting(cli, ref);
	return stoker_wait(cli->s, ref, until, &call, vm, err);
}

int verb_wait(struct cli *cli, const struct args *args)
{
	const struct each each = { act, NULL, arg_text(args, "for", "ready"), "there is no VM to wait for" };

	return each_target(cli, args, &each);
}
