/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_tui.c - tui: the dashboard.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "tui/tui.h"

/* COLSxROWS, as people say it and tmux takes it. */
static bool size_of(const char *text, int *rows, int *cols)
{
	char rest;
	return sscanf(text, "%4dx%4d%c", cols, rows, &rest) == 2 && *rows >= 1 && *rows <= 1000 && *cols >= 1 && *cols <= 1000;
}

int verb_tui(struct cli *cli, const struct args *args)
{
	struct stoker_options places = cli->places;
	struct tui_options options = {
		.read_only = arg_flag(args, "read-only"),
		.ascii = arg_flag(args, "ascii"),
		.no_colour = cli->no_colour,
		.theme = arg_text(args, "theme", NULL),
		.plain = arg_flag(args, "plain"),
		.record = arg_text(args, "record", NULL),
		.replay = arg_text(args, "replay", NULL),
		.start_vm = arg_text(args, "start", NULL),
		.once = arg_flag(args, "once"),
	};
	struct winsize window;

	if (arg_given(args, "size") && !size_of(arg_text(args, "size", ""), &options.rows, &options.cols))
		return cli_usage(cli, "Give it as --size COLUMNSxROWS, for example --size 120x30.", "\"%s\" is no size from 1x1 to 1000x1000",
		                 arg_text(args, "size", ""));
	if (options.rows == 0 && options.once && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0) {
		options.rows = window.ws_row;
		options.cols = window.ws_col;
	}

	if (options.once && (options.record != NULL || options.plain))
		return cli_usage(cli, "", "--record and --plain are not for --once");
	if (!options.once && !options.plain && !(isatty(STDIN_FILENO) && cli->out_is_terminal))
		return cli_usage(cli, "Take --once for one frame as text, or `stoker list`.", "the dashboard needs a terminal");
	if (!options.once && arg_given(args, "size"))
		return cli_usage(cli, "", "--size is for --once");
	places.actor = "dashboard";
	return tui_run(&places, &options);
}
