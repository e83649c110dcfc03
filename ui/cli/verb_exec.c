/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_exec.c - exec: a command in a VM.
 */
#include "cli/guest.h"
#include "cli/verbs.h"
#include "common/now.h"

int verb_exec(struct cli *cli, const struct args *args)
{
	bool tty = arg_flag(args, "tty");
	int64_t began = mono_ns();
	bool many = arg_flag(args, "all") || arg_list(args, "label", 0);
	int code;

	if (!many && args->word_count == 0)
		return cli_usage(cli, "", "no VM is named");
	if (!args->command)
		return cli_usage(cli, "", "no command is given");
	if ((code = guest_check(cli, args, tty)) != EXIT_OK || (code = cli_open(cli)) != EXIT_OK)
		return code;
	if (many)
		return exec_many(cli, args);
	return guest_command(cli, args, args->words[0], args->command, arg_flag(args, "interactive"), tty, began);
}
