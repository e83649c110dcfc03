/* SPDX-License-Identifier: Apache-2.0
 *
 * painter.h - the fewest bytes that turn what a terminal shows into a screen.
 *
 * Knows no terminal: bytes collect in a buffer, for whoever writes them. The
 * sequences are ECMA-48 and private mode 25 (the cursor's visibility).
 */
#ifndef STOKER_UI_TUI_PAINTER_H
#define STOKER_UI_TUI_PAINTER_H

#include "screen.h"

struct painter {
	int colours; /* 0, 8, 16, 256, or 1 << 24 */
	enum palette palette;
	bool valid;  /* `shown` is what the terminal shows */
	struct cell *shown;
	int rows, cols;
	int cursor_row, cursor_col; /* what the terminal shows; -1: hidden */
	int at_row, at_col;         /* where the next character would land; -1: not known */
	struct style pen;
	bool pen_known;
	char *out;                  /* out_sent .. out_len are to be written */
	size_t out_len, out_cap, out_sent;
};

/* Zero-initialise, set `colours` and cursor_row to -1. */
void painter_free(struct painter *painter);
/* Bytes that are no picture (a clipboard), behind the frame that may be on its way. */
void painter_append(struct painter *painter, const char *bytes, size_t len);
void painter_present(struct painter *painter, const struct screen *screen);

#endif
