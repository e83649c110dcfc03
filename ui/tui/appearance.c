/* SPDX-License-Identifier: Apache-2.0
 *
 * appearance.c - see appearance.h.
 */
#include "appearance.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "palette.h"

/* Its fonts hold 256 or 512 characters; what marks the selection, a running VM and a graph is the same blot in them. */
static bool on_linux_console(void)
{
	const char *term = getenv("TERM");
	return term != NULL && strncmp(term, "linux", 5) == 0 && isatty(STDOUT_FILENO);
}

bool appearance_ascii(const struct loop *loop)
{
	const char *value = loop_setting(loop, "ui.ascii");
	if (loop->options->ascii || strcmp(value, "on") == 0)
		return true;
	return strcmp(value, "off") != 0 && (strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0 || on_linux_console());
}

/* Named by somebody, and not left to the terminal's background? */
static bool named(const struct loop *loop, enum palette *palette)
{
	return palette_by_name(loop->options->theme != NULL ? loop->options->theme : loop_setting(loop, "ui.theme"), palette);
}

/* It keeps a lone Esc back until the next key for as long as a program wants the mouse. */
static bool within_gnu_screen(void)
{
	const char *session = getenv("STY"), *term = getenv("TERM");
	return session != NULL && *session != '\0' && term != NULL && strncmp(term, "screen", 6) == 0;
}

void appearance_read(const struct loop *loop, struct terminal_options *options)
{
	const char *no_colour = getenv("NO_COLOR"), *colour = loop_setting(loop, "ui.colour");

	memset(options, 0, sizeof *options);
	options->no_colour = loop->options->no_colour || (no_colour != NULL && *no_colour != '\0') || strcmp(colour, "none") == 0;
	options->colours = atoi(colour);
	options->ascii = appearance_ascii(loop);
	options->mouse = strcmp(loop_setting(loop, "ui.mouse"), "on") == 0 ||
	                 (strcmp(loop_setting(loop, "ui.mouse"), "auto") == 0 && !within_gnu_screen());
	options->palette = PALETTE_DARK;
	if (!named(loop, &options->palette)) {
		palette_of_colorfgbg(getenv("COLORFGBG"), &options->palette);
		options->ask_background = true;
	}
}

void appearance_apply(struct loop *loop)
{
	struct terminal_options options;
	if (loop->terminal == NULL)
		return;
	appearance_read(loop, &options);
	/* The answer of the last time still holds. */
	if (options.ask_background && loop->ground_known) {
		options.palette = palette_for_background(loop->ground);
		options.ask_background = false;
	}
	terminal_adjust(loop->terminal, &options);
	loop->model->ascii = options.ascii;
}

void appearance_ground(struct loop *loop, uint32_t rgb)
{
	enum palette palette;
	loop->ground = rgb;
	loop->ground_known = true;
	if (!named(loop, &palette)) /* else it was asked for before the configuration changed */
		terminal_palette(loop->terminal, palette_for_background(rgb));
}
