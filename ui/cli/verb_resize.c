/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_resize.c - resize: a larger disk for VMs that do not run.
 */
#include "cli/each.h"
#include "cli/verbs.h"

static enum stoker_status act(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                              bool *gone, struct stoker_error *err)
{
	struct stoker_call call;

	cli_call(cli, args, &call);
	*gone = false;
	return stoker_resize(cli->s, ref, (unsigned)arg_number(args, "disk", 0), &call, vm, err);
}

int verb_resize(struct cli *cli, const struct args *args)
{
	static const struct each each = { act, NULL, "resized", "nothing to resize" };

	if (arg_number(args, "disk", 0) == 0)
		return cli_usage(cli, "Add --disk SIZE.", "the new size of the disk is missing");
	return each_target(cli, args, &each);
}
