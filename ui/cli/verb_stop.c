/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_stop.c - stop: powers VMs off, or kills them.
 */
#include "cli/each.h"
#include "cli/verbs.h"

static bool is_down(const struct stoker_vm *vm)
{
	return vm->state == STOKER_CREATED || vm->state == STOKER_STOPPED || vm->state == STOKER_CRASHED ||
	       (vm->state == STOKER_ERROR && vm->pid <= 0);
}

static enum stoker_status act(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                              bool *gone, struct stoker_error *err)
{
	struct stoker_call call;

	cli_call(cli, args, &call);
	enum stoker_status status = stoker_stop(cli->s, ref, arg_flag(args, "force"), &call, vm, err);
	*gone = status == STOKER_OK && vm->ephemeral;
	return status;
}

int verb_stop(struct cli *cli, const struct args *args)
{
	const struct each each = { act, is_down, "stopped", "nothing to stop" };

	return each_target(cli, args, &each);
}
