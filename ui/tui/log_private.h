/* SPDX-License-Identifier: Apache-2.0
 *
 * log_private.h - what the parts of the console pane share.
 */
#ifndef STOKER_UI_TUI_LOG_PRIVATE_H
#define STOKER_UI_TUI_LOG_PRIVATE_H

#include "pager.h"
#include "pane.h"

#define LINE_MAX_BYTES 2048       /* a longer line goes on in the next */
#define LINES_MAX 20000
#define BYTES_MAX (8U << 20)

struct log_pane {
	struct pane pane;
	stoker_log *log;
	int rows, cols;
	bool failed, more;

	char **lines;          /* a ring: line n is lines[n % LINES_MAX], first <= n < end */
	int64_t first, end;
	size_t bytes;
	char raw[LINE_MAX_BYTES]; /* the line that is still coming */
	size_t raw_len;
	bool after_cr;         /* a line end was taken: a LF now belongs to it */
	char partial[LINE_MAX_BYTES * 2]; /* it, cleaned, to be shown as the last line */

	bool follow, wrap;
	int64_t top;           /* first line in view when not following */
	int top_row;           /* and, wrapped, which row of it */
	int left;              /* columns hidden at the left when not wrapped */
	int64_t match;
	int64_t began_top;
	int began_row;
	bool began_follow;
	struct pager pager;
};

/* log_lines.c: keeping what the console says. */
void log_drop_first(struct log_pane *p);
void log_take(struct log_pane *p, const char *bytes, size_t len);
/* Lines in view are numbered first .. the end; the last is the one still coming. */
int64_t log_view_end(const struct log_pane *p);
const char *log_line_at(const struct log_pane *p, int64_t n);

/* log_pane.c: where the view is. */
void log_step(const struct log_pane *p, int64_t *line, int *row, int64_t by);
void log_current(const struct log_pane *p, int64_t *line, int *row);
void log_go(struct log_pane *p, int64_t line, int row);

/* log_search.c */
void log_search_on(struct log_pane *p, bool up);
void log_search_back(struct log_pane *p);
void log_draw_matches(const struct log_pane *p, struct screen *screen, int row, int col, int cols, const char *text);

#endif
