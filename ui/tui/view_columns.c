/* SPDX-License-Identifier: Apache-2.0
 *
 * view_columns.c - the dialog in which the list's columns are chosen. The list
 * behind it shows each change at once.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hot.h"
#include "view.h"

#define WIDTH 64

void view_columns(const struct model *model, struct screen *screen)
{
	const struct columns *columns = &model->columns;
	int rows = model->rows_size - 3 < COL_COUNT + 2 ? model->rows_size - 3 : COL_COUNT + 2;
	int cols = model->cols_size - 2 < WIDTH ? model->cols_size - 2 : WIDTH;
	int row = model->rows_size - 1 - rows > 1 ? (model->rows_size - rows) / 2 : 1, col = (model->cols_size - cols) / 2;
	int page = rows - 2 > 1 ? rows - 2 : 1, top = columns->cursor - page + 1, i;
	static const char *const wants[3] = { "as fits", "shown", "left out" };
	static const enum tone tones[3] = { TONE_PLAIN, TONE_ACCENT, TONE_QUIET };
	struct column_place place[COL_COUNT];
	struct layout layout;

	layout_of(model, &layout);
	columns_place(columns, layout.list.cols - layout.beside, place);
	top = top < 0 ? 0 : top;
	draw_box(screen, row, col, rows, cols, "Columns");
	for (i = 0; i < page && top + i < COL_COUNT; i++) {
		const struct column_choice *choice = &columns->choice[top + i];
		bool there = place[choice->column].width != 0, cursor = top + i == columns->cursor;
		char text[96];
		int line = row + 1 + i;

		if (cursor)
			screen_put(screen, line, col + 1, 1, tone(TONE_STRONG), glyph(screen, GLYPH_SELECT));
		screen_put(screen, line, col + 3, 3, tone(tones[choice->want]),
		           there ? "[x]" : choice->want == COLUMN_OFF ? "[ ]" : "[-]");
		snprintf(text, sizeof text, "%s", column_title(choice->column)[0] != '\0' ? column_title(choice->column) :
		         screen_ascii(screen) ? ".-=*#" : "⣀⣤⣶⣿");
		screen_field(screen, line, col + 7, 8, tone(there ? TONE_STRONG : TONE_QUIET), text);
		screen_field(screen, line, col + 16, 8, tone(tones[choice->want]),
		             choice->column <= COL_STATUS ? "always" : wants[choice->want]);
		screen_hot(screen, line, col + 1, cols - 2, HOT_COLUMN, top + i);
		screen_hot(screen, line, col + 2, 5, HOT_COLUMN_BOX, top + i);
		if (choice->width > 0)
			snprintf(text, sizeof text, "%d", choice->width);
		screen_field(screen, line, col + 25, -3, tone(TONE_ACCENT), choice->width > 0 ? text : "");
		if (cols > 40)
			screen_field(screen, line, col + 30, cols - 32, tone(TONE_QUIET), column_help(choice->column));
		if (cursor)
			screen_restyle(screen, line, col + 1, cols - 2, ATTR_REVERSE, ATTR_DIM);
	}
}
