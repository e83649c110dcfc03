/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.h - figures over time, in braille (two figures a column, four heights a
 * row) or in ASCII (one figure a column, two heights a row).
 */
#ifndef STOKER_UI_TUI_GRAPH_H
#define STOKER_UI_TUI_GRAPH_H

#include "usage.h"
#include "theme.h"

/* Values 0 to 100 into `cols` columns of one row, the newest at the right. Returns nothing where there is none. */
void graph_spark(struct screen *screen, int row, int col, int cols, struct style style, const int8_t *values, int count);
/* The last `points` points of one metric into rows x cols, the newest at the right. Of points that share a figure
 * the peak is shown; `top` is the height. */
void graph_area(struct screen *screen, int row, int col, int rows, int cols, struct style style,
                const struct usage *usage, enum metric metric, int64_t now_ns, int points, uint32_t top);
/* How many figures a graph of that width has. */
int graph_figures(const struct screen *screen, int cols);

#endif
