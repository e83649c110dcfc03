/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_pause.c - pause, resume: halts VMs where they are, lets them go on.
 */
#include "cli/each.h"
#include "cli/verbs.h"

static bool not_running(const struct stoker_vm *vm)
{
	return vm->state != STOKER_RUNNING;
}

static bool not_paused(const struct stoker_vm *vm)
{
	return vm->state != STOKER_PAUSED;
}

static enum stoker_status pause_one(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                                    bool *gone, struct stoker_error *err)
{
	struct stoker_call call;

	(void)gone;
	cli_call(cli, args, &call);
	return stoker_pause(cli->s, ref, &call, vm, err);
}

static enum stoker_status resume_one(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                                     bool *gone, struct stoker_error *err)
{
	struct stoker_call call;

	(void)gone;
	cli_call(cli, args, &call);
	return stoker_resume(cli->s, ref, &call, vm, err);
}

int verb_pause(struct cli *cli, const struct args *args)
{
	const struct each each = { pause_one, not_running, "paused", "nothing to pause" };

	return each_target(cli, args, &each);
}

int verb_resume(struct cli *cli, const struct args *args)
{
	const struct each each = { resume_one, not_paused, "resumed", "nothing to resume" };

	return each_target(cli, args, &each);
}
