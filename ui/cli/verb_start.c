/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_start.c - start: boots VMs.
 */
#include "cli/each.h"
#include "cli/verbs.h"
#include "common/now.h"

static bool is_up(const struct stoker_vm *vm)
{
	return !vm->stale && (vm->state == STOKER_STARTING || vm->state == STOKER_RUNNING || vm->state == STOKER_PAUSED);
}

static enum stoker_status act(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                              bool *gone, struct stoker_error *err)
{
	struct stoker_call call;
	int64_t began = mono_ns();

	(void)gone;
	cli_call(cli, args, &call);
	enum stoker_status status = stoker_start(cli->s, ref, &call, vm, err);
	if (status != STOKER_OK || !arg_flag(args, "wait"))
		return status;
	if (call.timeout_ms > 0) {
		call.timeout_ms -= (mono_ns() - began) / 1000000;
		if (call.timeout_ms < 0)
			call.timeout_ms = 0;
	}
	cli_waiting(cli, vm->id);
	status = stoker_wait(cli->s, vm->name, vm->network == STOKER_NET_NONE ? STOKER_UNTIL_READY : STOKER_UNTIL_SSH, &call,
	                     vm, err);
	cli_waited(vm, status, "was started and is kept running", err);
	return status;
}

int verb_start(struct cli *cli, const struct args *args)
{
	const struct each each = { act, is_up, arg_flag(args, "wait") ? "ready" : "started", "nothing to start" };

	return each_target(cli, args, &each);
}
