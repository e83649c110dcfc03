/* SPDX-License-Identifier: Apache-2.0
 *
 * view_operations.c - what this dashboard has under way and has done.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "update.h"
#include "view.h"

#define BAR_COLS 10

static void progress(struct screen *screen, int row, int col, int cols, const struct op *op)
{
	char text[96];
	int i, eighths;
	if (op->cancelling) {
		screen_field(screen, row, col, cols, tone(TONE_BUSY), "being cancelled ...");
		return;
	}
	if (op->total <= 0) {
		screen_field(screen, row, col, cols, tone(TONE_QUIET), op->step);
		return;
	}
	eighths = (int)((double)(op->done < 0 ? 0 : op->done > op->total ? op->total : op->done) / (double)op->total * BAR_COLS * 8);
	for (i = 0; i < BAR_COLS && i < cols; i++)
		screen_put(screen, row, col + i, 1, tone(TONE_ACCENT), block(screen, eighths - i * 8));
	snprintf(text, sizeof text, "%3d%% %s", eighths * 100 / (BAR_COLS * 8), op->step);
	screen_field(screen, row, col + BAR_COLS + 1, cols - BAR_COLS - 1, tone(TONE_QUIET), text);
}

static void draw_line(const struct model *model, struct screen *screen, const struct rect *at, int row, int line)
{
	const struct op_ended *ended = panel_ended(model, line);
	const struct op *op = ended != NULL ? &ended->op : panel_op(model, line);
	bool wide = at->cols >= 60;
	int name = wide ? (at->cols >= 100 ? 24 : 16) : 12, col = wide ? 3 : 2;
	char text[64], time[24];
	enum tone which = TONE_BUSY;
	enum glyph sign = GLYPH_BUSY;

	if (op == NULL)
		return;
	if (ended != NULL) {
		sign = ended->result == OP_DONE ? GLYPH_CHECK : ended->result == OP_FAILED ? GLYPH_CRASHED : GLYPH_DASH;
		which = ended->result == OP_DONE ? TONE_GOOD : ended->result == OP_FAILED ? TONE_BAD : TONE_QUIET;
	}
	if (wide) {
		clock_text(model, op->since_ms, true, text, sizeof text);
		screen_put(screen, row, col, 8, tone(TONE_QUIET), text);
		col += 10;
	}
	screen_put(screen, row, col, 1, tone(which), glyph(screen, sign));
	screen_field(screen, row, col + 2, 10, tone(TONE_PLAIN), action_at(op->action)->name);
	col += 13;
	screen_field(screen, row, col, name, tone(TONE_STRONG), op->name[0] != '\0' ? op->name :
	             op->action == ACTION_RECONCILE ? "this host" : "a new VM");
	col += name + 1;
	if (ended != NULL)
		format_duration(time, sizeof time, ended->took_ns);
	else
		running_text(model->now_ns - op->since_ns, time, sizeof time);
	screen_field(screen, row, col, -8, tone(ended != NULL ? TONE_PLAIN : TONE_BUSY), time);
	col += 10;
	if (ended == NULL)
		progress(screen, row, col, at->cols - col - 1, op);
	else if (ended->result == OP_FAILED)
		screen_field(screen, row, col, at->cols - col - 1, tone(TONE_BAD), ended->why);
	else
		screen_field(screen, row, col, at->cols - col - 1, tone(TONE_QUIET),
		             ended->result == OP_CANCELLED ? "cancelled" : "done");
}

void view_operations(const struct model *model, struct screen *screen, const struct rect *at)
{
	int count = panel_lines(model), height = at->rows - 2, i;
	bool wide = at->cols >= 60;
	char right[48];

	snprintf(right, sizeof right, "%zu under way, %zu ended", model->op_count, model->ended_count);
	draw_rule(screen, at->row, 0, at->cols, "operations", right, model->panel_focus);
	if (count == 0) {
		draw_wrapped(screen, at->row + 1, 3, height + 1, at->cols - 5, tone(TONE_QUIET),
		             "This dashboard has done nothing yet. What others did is among the events.");
		return;
	}
	if (wide) {
		screen_put(screen, at->row + 1, 3, 8, tone(TONE_QUIET), "BEGAN");
		screen_put(screen, at->row + 1, 15, 10, tone(TONE_QUIET), "OPERATION");
		screen_put(screen, at->row + 1, 26, 8, tone(TONE_QUIET), "VM");
		screen_field(screen, at->row + 1, at->cols >= 100 ? 51 : 43, -8, tone(TONE_QUIET), "TOOK");
		screen_put(screen, at->row + 1, at->cols >= 100 ? 61 : 53, 8, tone(TONE_QUIET), "RESULT");
	} else {
		screen_put(screen, at->row + 1, 4, 20, tone(TONE_QUIET), "OPERATION  VM");
	}
	for (i = 0; i < height && model->panel_top + i < count; i++) {
		draw_line(model, screen, at, at->row + 2 + i, model->panel_top + i);
		panel_cursor(model, screen, at, i);
	}
}
