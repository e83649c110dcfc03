/* SPDX-License-Identifier: Apache-2.0
 *
 * term_history.h - the lines that left the top of a terminal, packed.
 *
 * A cell on the screen is 32 bytes; most lines need one byte a column and one
 * style. Lines are numbered from the first that ever left the screen, so that a
 * number keeps naming the same line while new ones come and old ones go.
 */
#ifndef STOKER_UI_TUI_TERM_HISTORY_H
#define STOKER_UI_TUI_TERM_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "screen.h"

struct history;

/* At most `lines` lines and `bytes` bytes are kept; the oldest go first. */
struct history *history_new(size_t lines, size_t bytes);
void history_free(struct history *history);
void history_clear(struct history *history);

/* A line that cannot be kept for want of memory is counted as one that went. */
void history_push(struct history *history, const struct cell *cells, int cols);
/* Takes the newest line back; false when there is none. */
bool history_pop(struct history *history, struct cell *cells, int cols);

size_t history_count(const struct history *history);
int64_t history_first(const struct history *history); /* number of the oldest kept line */

/* Line first + i, i < count, filled with blanks to `cols`. */
void history_get(const struct history *history, size_t i, struct cell *cells, int cols);
/* Its text, UTF-8 without trailing blanks, not terminated. */
const char *history_text(const struct history *history, size_t i, size_t *len);

#endif
