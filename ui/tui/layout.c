/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.c - shares the screen out.
 */
#include "layout.h"

#include <string.h>

#include "model.h"

static struct rect rect(int row, int col, int rows, int cols)
{
	struct rect r = { row, col, rows < 0 ? 0 : rows, cols };
	return r;
}

/* Left of a pane the list keeps what tells VMs apart; the pane gets at least
 * 80 columns as soon as there is room for both. */
static int list_width(int cols)
{
	int width = cols - 82;
	if (width < 46)
		width = 46;
	if (width > 84)
		width = 84;
	return width;
}

static int phases_height(int rows)
{
	return rows >= 34 ? 9 : rows >= 26 ? 8 : rows >= 18 ? 6 : 0;
}

/* The other panels are what one looks at: the list keeps enough to move in. */
static int panel_height(const struct model *model, int room)
{
	int list = room < 9 ? 2 : room < 16 ? 4 : room * 2 / 5;
	if (list > 20)
		list = 20;
	/* A short list leaves the rest to the panel. */
	if ((int)model->line_count < list && list > 4)
		list = (int)model->line_count > 4 ? (int)model->line_count : 4;
	return room - list;
}

static void share_out(const struct model *model, struct layout *layout)
{
	int rows = model->rows_size, cols = model->cols_size, bottom, left = cols, panel, events, top;
	bool pane = model->front >= 0 || model->opening[0] != '\0';

	memset(layout, 0, sizeof *layout);
	if (rows < LAYOUT_MIN_ROWS || cols < LAYOUT_MIN_COLS) {
		layout->too_small = true;
		return;
	}
	layout->footer = rect(rows - 1, 0, 1, cols);
	if (pane && model->full) {
		layout->tabs = rect(0, 0, 1, cols);
		layout->pane = rect(1, 0, rows - 2, cols);
		if (model->filtering || model->commanding || model->asking != ASK_NOTHING || model->message[0] != '\0') {
			layout->message = rect(rows - 2, 0, 1, cols);
			layout->pane.rows--;
		}
		return;
	}
	top = rows >= LAYOUT_TALL ? 2 : 1;
	layout->header = rect(0, 0, top, cols);
	layout->message = rect(rows - 2, 0, 1, cols);
	bottom = rows - 2; /* first row below list, phases, events and pane */
	events = rows >= 44 ? 5 : rows >= 36 ? 3 : rows >= 30 ? 1 : 0;
	if (events > 0 && (!pane || cols >= 100)) {
		/* The newest event shares the message line; these are older ones. */
		layout->events = rect(bottom - events, 0, events, cols);
		bottom -= events;
	}
	if (pane && cols >= 100) {
		left = list_width(cols);
		layout->beside = true;
		layout->tabs = rect(top, left + 1, 1, cols - left - 1);
		layout->pane = rect(top + 1, left + 1, bottom - top - 1, cols - left - 1);
	} else if (pane) {
		int list = rows < 12 ? 1 : rows < 20 ? 3 : rows / 4;
		layout->list = rect(top, 0, list, cols);
		layout->tabs = rect(top + list, 0, 1, cols);
		layout->pane = rect(top + 1 + list, 0, bottom - top - 1 - list, cols);
		return;
	}
	if (rows >= 12) {
		layout->heading = rect(top, 0, 1, left);
		top++;
	}
	panel = model->panel == PANEL_NONE ? 0 : model->panel != PANEL_PHASES ? panel_height(model, bottom - top) :
	        model->count == 0 ? 0 : phases_height(rows);
	/* With few VMs there is room: the list never gets less than five rows for phases alone. */
	if (model->panel == PANEL_PHASES && bottom - top - panel < 5)
		panel = 0;
	if (panel > 0)
		layout->panel = rect(bottom - panel, 0, panel, left);
	layout->list = rect(top, 0, bottom - panel - top, left);
}

#define SPLIT_MIN_COLS 20
#define SPLIT_MIN_ROWS 3

/* The pane's place for two: the one that has the keys, and the other. Too small a place is left to the first. */
static void split(const struct model *model, struct layout *layout)
{
	struct rect all = layout->pane, first = all, second = all;

	if (model->split.stacked) {
		if (all.rows < 2 * SPLIT_MIN_ROWS + 1)
			return;
		first.rows = (all.rows - 1) / 2;
		layout->divider = rect(all.row + first.rows, all.col, 1, all.cols);
		second.row = layout->divider.row + 1;
		second.rows = all.rows - first.rows - 1;
	} else {
		if (all.cols < 2 * SPLIT_MIN_COLS + 1)
			return;
		first.cols = (all.cols - 1) / 2;
		layout->divider = rect(all.row, all.col + first.cols, all.rows, 1);
		second.col = layout->divider.col + 1;
		second.cols = all.cols - first.cols - 1;
	}
	layout->other = model->split.other_first ? first : second;
	layout->pane = model->split.other_first ? second : first;
}

void layout_of(const struct model *model, struct layout *layout)
{
	share_out(model, layout);
	if (model->split.other >= 0 && model->front >= 0 && layout->pane.rows > 0)
		split(model, layout);
}

bool rect_has(const struct rect *r, int row, int col)
{
	return row >= r->row && row < r->row + r->rows && col >= r->col && col < r->col + r->cols;
}
