/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_delete.c - delete: removes VMs and their disks.
 */
#include <unistd.h>

#include "cli/each.h"
#include "cli/signals.h"
#include "cli/verbs.h"

static enum stoker_status act(struct cli *cli, const struct args *args, const char *ref, struct stoker_vm *vm,
                              bool *gone, struct stoker_error *err)
{
	struct stoker_call call;

	(void)vm;
	cli_call(cli, args, &call);
	*gone = true;
	return arg_flag(args, "trash") ? stoker_trash_put(cli->s, ref, arg_flag(args, "force"), &call, err)
	                               : stoker_delete(cli->s, ref, arg_flag(args, "force"), &call, err);
}

int verb_delete(struct cli *cli, const struct args *args)
{
	static const struct each each = { act, NULL, "deleted", "nothing to delete" };
	bool many = arg_flag(args, "all") || arg_list(args, "label", 0);
	struct targets targets = { 0 };
	char question[96];
	int code;

	/* Before anything is looked up, so that a script learns it at once and always. */
	if (many && !arg_flag(args, "yes") && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
		return cli_usage(cli, "Add --yes.", "deleting several VMs without a terminal to ask on needs --yes");
	if ((code = cli_open(cli)) != EXIT_OK || (code = targets_find(cli, args, NULL, &targets)) != EXIT_OK)
		goto out;
	if (many && targets.count > 0 && !arg_flag(args, "yes")) {
		signals_cancel_fd();
		for (size_t i = 0; i < targets.count; i++)
			fprintf(stderr, "  %s  %s\n", targets.vms[i].name, stoker_state_name(targets.vms[i].state));
		snprintf(question, sizeof(question), "Delete %zu VM%s and %s?", targets.count, targets.count == 1 ? "" : "s",
		         targets.count == 1 ? "its disk" : "their disks");
		if (!cli_ask(cli, question)) {
			cli_note(cli, "nothing was deleted");
			code = EXIT_FAILED;
			goto out;
		}
	}
	code = each_of(cli, args, &each, &targets);
out:
	targets_free(&targets);
	return code;
}
