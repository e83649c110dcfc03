/* SPDX-License-Identifier: Apache-2.0
 *
 * view.c - the frame, put together; and what several views need.
 */
#include "view.h"

#include <stdio.h>
#include <string.h>

void clock_text(const struct model *model, int64_t at_ms, bool seconds, char *buf, size_t cap)
{
	int64_t s = at_ms / 1000 + model->utc_offset_s;
	int day = (int)((s % 86400 + 86400) % 86400);
	if (seconds)
		snprintf(buf, cap, "%02d:%02d:%02d", day / 3600, day / 60 % 60, day % 60);
	else
		snprintf(buf, cap, "%02d:%02d", day / 3600, day / 60 % 60);
}

enum glyph row_glyph(const struct row *row)
{
	return row->op != ACTION_NONE && row->vm.phase == STOKER_PHASE_NONE ? GLYPH_BUSY : state_glyph(&row->vm);
}

void running_text(int64_t ns, char *buf, size_t cap)
{
	int64_t tenths = ns < 0 ? 0 : ns / 100000000, minutes = tenths / 600;
	/* As coarse as its age: what takes minutes does not flicker by tenths. */
	if (tenths < 100)
		snprintf(buf, cap, "%d.%ds", (int)(tenths / 10), (int)(tenths % 10));
	else if (minutes < 1)
		snprintf(buf, cap, "%ds", (int)(tenths / 10));
	else if (minutes < 10)
		snprintf(buf, cap, "%dm%02ds", (int)minutes, (int)(tenths / 10 % 60));
	else
		snprintf(buf, cap, "%dm", (int)(minutes > 99999 ? 99999 : minutes));
}

int draw_wrapped(struct screen *screen, int row, int col, int rows, int cols, struct style style, const char *text)
{
	int line = 0;
	while (*text != '\0' && line < rows) {
		char part[1024];
		size_t take = 0, last_blank = 0;
		int width = 0;
		if (cols < 1)
			return line;
		/* As many bytes as fit, a blank for preference at the end. */
		while (text[take] != '\0' && take < sizeof part - 5) {
			char one[5];
			size_t n = 1;
			while (n < 4 && (text[take + n] & 0xc0) == 0x80)
				n++;
			memcpy(one, text + take, n);
			one[n] = '\0';
			width += text_width(one);
			if (width > cols)
				break;
			if (text[take] == ' ')
				last_blank = take;
			take += n;
		}
		if (take == 0)
			take = 1; /* a character wider than the line: stepped over */
		if (text[take] != '\0' && text[take] != ' ' && last_blank > 0)
			take = last_blank;
		memcpy(part, text, take);
		part[take] = '\0';
		if (screen != NULL)
			screen_put(screen, row + line, col, cols, style, part);
		text += take;
		while (*text == ' ')
			text++;
		line++;
	}
	return line;
}

static void too_small(const struct model *model, struct screen *screen)
{
	char text[96];
	snprintf(text, sizeof text, "%d x %d is too small: the dashboard needs %d columns and %d rows", model->cols_size,
	         model->rows_size, LAYOUT_MIN_COLS, LAYOUT_MIN_ROWS);
	draw_wrapped(screen, 0, 0, model->rows_size, model->cols_size, tone(TONE_STRONG), text);
}

static void panel(const struct model *model, struct screen *screen, const struct rect *at)
{
	switch (model->panel) {
	case PANEL_GRAPHS:
		view_graphs(model, screen, at);
		break;
	case PANEL_FLEET:
		view_fleet(model, screen, at);
		break;
	case PANEL_OPERATIONS:
		view_operations(model, screen, at);
		break;
	case PANEL_EVENTS:
		view_history(model, screen, at);
		break;
	default:
		view_phases(model, screen, at);
		break;
	}
}

void view_draw(const struct model *model, struct screen *screen)
{
	struct layout layout;

	screen_clear(screen);
	screen_set_ascii(screen, model->ascii);
	layout_of(model, &layout);
	if (layout.too_small) {
		too_small(model, screen);
		return;
	}
	if (layout.header.rows > 0)
		view_header(model, screen, &layout);
	if (layout.list.rows > 0)
		view_list(model, screen, &layout);
	if (layout.panel.rows > 0)
		panel(model, screen, &layout.panel);
	if (layout.tabs.rows > 0)
		view_panes(model, screen, &layout);
	if (layout.events.rows > 0)
		view_events(model, screen, &layout);
	if (layout.message.rows > 0)
		view_message(model, screen, &layout);
	view_footer(model, screen, &layout);
	if (model->commanding && layout.message.rows > 0)
		view_finder(model, screen, &layout);
	if (model->dialog != DIALOG_NONE)
		view_dialog(model, screen);
}
