/* SPDX-License-Identifier: Apache-2.0
 *
 * each.h - a verb carried out on each of several VMs.
 */
#ifndef STOKER_UI_CLI_EACH_H
#define STOKER_UI_CLI_EACH_H

#include "cli/cli.h"

struct each {
	/* Does it to one VM. Sets *gone when the VM is not there any more afterwards; fills vm otherwise. */
	enum stoker_status (*act)(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
	                          bool *gone, struct stoker_error *err);
	bool (*skip)(const struct stoker_vm *vm); /* left out of --all and --label; may be NULL */
	const char *done;                         /* "stopped" */
	const char *nothing;                      /* said when --all leaves nothing: "nothing runs" */
};

/* Goes on after a failure; gives the exit code of the first one. */
int each_target(struct cli *cli, const struct args *args, const struct each *each);
int each_of(struct cli *cli, const struct args *args, const struct each *each, const struct targets *targets);

#endif
