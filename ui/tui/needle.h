/* SPDX-License-Identifier: Apache-2.0
 *
 * needle.h - what is searched for in rows of cells. As in vim's smart case: it
 * folds unless the needle has an upper case letter.
 */
#ifndef STOKER_UI_TUI_NEEDLE_H
#define STOKER_UI_TUI_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "screen.h"

#define NEEDLE_MAX 128

struct needle {
	wint_t ch[NEEDLE_MAX];
	size_t len; /* 0: finds nothing */
	bool folding;
};

/* Characters past NEEDLE_MAX do not count. NULL: an empty one. */
void needle_read(struct needle *needle, const char *text);
/* The column behind the needle when it stands at `col`, else -1. */
int needle_at(const struct needle *needle, const struct cell *cells, int cols, int col);
bool needle_in(const struct needle *needle, const struct cell *cells, int cols);
/* False only when the needle is surely not in a row of that text. */
bool needle_may_be_in(const struct needle *needle, const char *text, size_t len);

#endif
