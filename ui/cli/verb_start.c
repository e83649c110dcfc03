/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_start.c - start: boots VMs; restart: stops them before.
 */
#include <stdio.h>

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

static bool is_down(const struct stoker_vm *vm)
{
	return !is_up(vm);
}

static enum stoker_status act_again(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                                    bool *gone, struct stoker_error *err)
{
	struct stoker_call call;
	enum stoker_status status = stoker_get(cli->s, ref, vm, err);

	if (status != STOKER_OK)
		return status;
	if (vm->ephemeral) {
		err->code = STOKER_E_STATE;
		snprintf(err->what, sizeof(err->what), "restart %s", vm->name);
		snprintf(err->why, sizeof(err->why), "it is ephemeral, and a stop deletes it");
		snprintf(err->fix, sizeof(err->fix), "Make a new one: stoker create --ephemeral --start");
		return STOKER_E_STATE;
	}
	if (vm->pid > 0 && !vm->stale) {
		cli_call(cli, args, &call);
		call.timeout_ms = -1; /* the limit is the start's */
		status = stoker_stop(cli->s, vm->id, arg_flag(args, "force"), &call, vm, err);
		/* Somebody else's stop, or its end, came first. */
		if (status != STOKER_OK && status != STOKER_E_STATE)
			return status;
	}
	return act(cli, args, vm->id, vm, gone, err);
}

int verb_restart(struct cli *cli, const struct args *args)
{
	const struct each each = { act_again, is_down, arg_flag(args, "wait") ? "ready" : "restarted", "nothing to restart" };

	return each_target(cli, args, &each);
}
