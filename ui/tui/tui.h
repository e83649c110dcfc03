/* SPDX-License-Identifier: Apache-2.0
 *
 * tui.h - the dashboard, as the command line sees it.
 */
#ifndef STOKER_UI_TUI_TUI_H
#define STOKER_UI_TUI_TUI_H

#include <stdbool.h>

#include "stoker.h"

struct tui_options {
	bool read_only;       /* show everything, change nothing */
	bool ascii;           /* plain ASCII even when the locale could more */
	bool no_colour;       /* NO_COLOR counts too, whatever this says */
	const char *theme;    /* NULL: as the setting ui.theme says */
	const char *start_vm; /* NULL, or the VM (name or id) to start and select at once; with `once` to select */
	const char *record;   /* NULL, or a file that everything typed is written to */
	const char *replay;   /* NULL, or such a file to be played; with `once` without a terminal, then its last frame */
	bool plain;           /* lines of text instead of a picture, for screen readers */
	bool once;            /* write one frame as text to stdout and leave: needs no terminal */
	int rows, cols;       /* size of that frame; 0: the terminal's, else 24 x 80 */
};

/* Runs the dashboard until the operator leaves it; returns the program's exit
 * code. `places` may be NULL; its strings are used while it runs. Messages
 * about what prevents it go to stderr as "stoker: ...". */
int tui_run(const struct stoker_options *places, const struct tui_options *options);

#endif
