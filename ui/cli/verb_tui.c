/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_tui.c - tui: the dashboard.
 */
#include <unistd.h>

#include "cli/verbs.h"
#include "tui/tui.h"

int verb_tui(struct cli *cli, const struct args *args)
{
	struct stoker_options places = cli->places;
	struct tui_options options = {
		.read_only = arg_flag(args, "read-only"),
		.ascii = arg_flag(args, "ascii"),
		.no_colour = cli->no_colour,
		.start_vm = arg_text(args, "start", NULL),
		.once = arg_flag(args, "once"),
		.rows = (int)arg_number(args, "rows", 0),
		.cols = (int)arg_number(args, "cols", 0),
	};

	if (!options.once && !(isatty(STDIN_FILENO) && cli->out_is_terminal))
		return cli_usage(cli, "Take --once for one frame as text, or `stoker list`.", "the dashboard needs a terminal");
	if (!options.once && (arg_given(args, "rows") || arg_given(args, "cols")))
		return cli_usage(cli, "", "--rows and --cols are for --once");
	places.actor = "dashboard";
	return tui_run(&places, &options);
}
