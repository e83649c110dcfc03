/* SPDX-License-Identifier: Apache-2.0
 *
 * view_fanout.c - the answers of many VMs, side by side where there is room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "view.h"

#define COLUMN_MIN 36
#define GROUPS_MAX 64

/* One answer in a column; lines that the most common answer does not have stand out. Returns its lines. */
static int answer(const struct model *model, struct screen *screen, int group, const struct fanout_item *common, int row,
                  int col, int cols, int top, int bottom)
{
	const struct fanout *fanout = &model->fanout;
	const struct fanout_item *item = fanout_example(fanout, group);
	size_t members = fanout_members(fanout, group);
	char names[160], text[256], took[32];
	int i, line = row;

	if (item == NULL)
		return 0;
#define VISIBLE (screen != NULL && line >= top && line < bottom)
	format_duration(took, sizeof took, item->took_ns);
	if (item->failed)
		snprintf(text, sizeof text, "%zu VM%s could not be asked", members, members == 1 ? "" : "s");
	else if (members == 1)
		snprintf(text, sizeof text, "1 VM says (status %d, %s)", item->status, took);
	else
		snprintf(text, sizeof text, "%zu VMs say (status %d)", members, item->status);
	if (VISIBLE)
		screen_field(screen, line, col, cols, tone(item->failed || item->status != 0 ? TONE_BAD : TONE_STRONG), text);
	line++;
	fanout_names(fanout, group, names, sizeof names);
	if (VISIBLE)
		screen_field(screen, line, col, cols, tone(TONE_ACCENT), names);
	line++;
	for (i = 0; i < item->line_count; i++, line++) {
		bool odd = common != NULL && common != item &&
		           (i >= common->line_count || strcmp(common->lines[i], item->lines[i]) != 0);
		if (VISIBLE)
			screen_field(screen, line, col + 2, cols - 2, tone(item->failed ? TONE_BAD : odd ? TONE_BUSY : TONE_PLAIN),
			             item->lines[i]);
	}
	if (item->line_count == 0) {
		if (VISIBLE)
			screen_put(screen, line, col + 2, cols - 2, tone(TONE_QUIET), "(nothing)");
		line++;
	}
	if (item->cut) {
		if (VISIBLE)
			screen_put(screen, line, col + 2, cols - 2, tone(TONE_QUIET), "... there was more");
		line++;
	}
#undef VISIBLE
	return line - row;
}

/* All of it, `top` lines further up; counts only without a screen. */
static int answers(const struct model *model, struct screen *screen, int row, int col, int rows, int cols, int top)
{
	const struct fanout *fanout = &model->fanout;
	int groups[GROUPS_MAX], per, width, used = 0;
	size_t n = fanout_order(fanout, groups, GROUPS_MAX), i, k;
	const struct fanout_item *common = NULL;

	for (i = 0; i < n && (common == NULL || common->failed); i++)
		common = fanout_example(fanout, groups[i]);
	per = cols / COLUMN_MIN < 1 ? 1 : cols / COLUMN_MIN;
	if ((size_t)per > n)
		per = n > 0 ? (int)n : 1;
	width = cols / per;
	for (i = 0; i < n; i += (size_t)per) {
		int tallest = 0;
		for (k = i; k < n && k < i + (size_t)per; k++) {
			int lines = answer(model, screen, groups[k], common, row - top + used, col + (int)(k - i) * width, width - 1, row,
			                   row + rows);
			tallest = lines > tallest ? lines : tallest;
		}
		used += tallest + 1;
	}
	return used;
}

int fanout_height(const struct model *model)
{
	return answers(model, NULL, 0, 0, 0, model->cols_size - 4, 0);
}

void view_fanout(const struct model *model, struct screen *screen)
{
	int rows = model->rows_size - 2, cols = model->cols_size, top = model->fanout.top, total, inner = rows - 3;
	char title[128], text[160];

	snprintf(title, sizeof title, "%.100s", model->fanout.command);
	draw_box(screen, 1, 0, rows, cols, title);
	fanout_summary(&model->fanout, text, sizeof text);
	screen_field(screen, 2, 2, cols - 4, tone(model->fanout.pending > 0 ? TONE_BUSY : TONE_STRONG), text);
	total = fanout_height(model);
	if (top > total - inner)
		top = total - inner;
	top = top < 0 ? 0 : top;
	answers(model, screen, 3, 2, inner, cols - 4, top);
	if (top > 0)
		screen_put(screen, 1, cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (top + inner < total)
		screen_put(screen, rows, cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_DOWN));
}
