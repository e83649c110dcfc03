/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.h - where everything is, for drawing it and for finding what the
 * mouse meant.
 */
#ifndef STOKER_UI_TUI_LAYOUT_H
#define STOKER_UI_TUI_LAYOUT_H

#include <stdbool.h>

#define LAYOUT_MIN_ROWS 8
#define LAYOUT_MIN_COLS 36
#define LAYOUT_TALL 20 /* from here on the header has two lines */

struct model;

struct rect {
	int row, col, rows, cols; /* rows 0: not there */
};

struct layout {
	bool too_small;
	bool beside; /* the pane is right of the list, not below it */
	struct rect other, divider; /* the second pane, and what is between the two */
	struct rect header, heading, list, panel, tabs, pane, events, message, footer;
};

void layout_of(const struct model *model, struct layout *layout);
bool rect_has(const struct rect *rect, int row, int col);

#endif
