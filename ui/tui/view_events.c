/* SPDX-License-Identifier: Apache-2.0
 *
 * view_events.c - what happened on this host, and by whom.
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "update.h"
#include "view.h"

void panel_cursor(const struct model *model, struct screen *screen, const struct rect *at, int i)
{
	int row = at->row + 2 + i;
	screen_hot(screen, row, at->col, at->cols, HOT_PANEL, model->panel_top + i);
	if (model->panel_top + i == model->panel_at) {
		screen_put(screen, row, 1, 1, tone(TONE_STRONG), glyph(screen, GLYPH_SELECT));
		if (model->panel_focus) {
			screen_uncolour(screen, row, 0, at->cols);
			screen_restyle(screen, row, 0, at->cols, ATTR_REVERSE, ATTR_DIM);
		}
	}
	if (i == 0 && model->panel_top > 0)
		screen_put(screen, row, at->cols - 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (i == at->rows - 3 && model->panel_top + i + 1 < panel_lines(model))
		screen_put(screen, row, at->cols - 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_DOWN));
}

static enum tone kind_tone(const char *kind)
{
	if (strcmp(kind, "failed") == 0 || strcmp(kind, "crashed") == 0)
		return TONE_BAD;
	if (strcmp(kind, "ready") == 0 || strcmp(kind, "started") == 0)
		return TONE_GOOD;
	return TONE_PLAIN;
}

/* "today" needs no date, another day does. */
static void at_text(const struct model *model, int64_t at_ms, char *buf, size_t cap)
{
	int64_t today = (model->wall_ms / 1000 + model->utc_offset_s) / 86400;
	int64_t day = (at_ms / 1000 + model->utc_offset_s) / 86400;
	if (day == today)
		clock_text(model, at_ms, true, buf, cap);
	else
		snprintf(buf, cap, "%lldd ago", (long long)(today - day));
}

void view_history(const struct model *model, struct screen *screen, const struct rect *at)
{
	int count = panel_lines(model), height = at->rows - 2, i;
	bool wide = at->cols >= 70;
	const struct row *selected = model_selected(model);
	char title[STOKER_NAME_MAX + 32], right[48], text[24];

	if (model->events_of_one)
		snprintf(title, sizeof title, "events of %s", selected != NULL ? selected->vm.name : "no VM");
	else
		snprintf(title, sizeof title, "events");
	snprintf(right, sizeof right, model->event_count == EVENTS_KEPT && !model->events_of_one ? "the newest %d" : "%d", count);
	draw_rule(screen, at->row, 0, at->cols, title, right, model->panel_focus);
	if (count == 0) {
		draw_wrapped(screen, at->row + 1, 3, height + 1, at->cols - 5, tone(TONE_QUIET),
		             model->events_of_one ? "Nothing about it is kept." : "Nothing has happened yet.");
		return;
	}
	screen_put(screen, at->row + 1, 3, 8, tone(TONE_QUIET), "TIME");
	if (wide)
		screen_put(screen, at->row + 1, 13, 9, tone(TONE_QUIET), "BY");
	screen_put(screen, at->row + 1, wide ? 24 : 13, 20, tone(TONE_QUIET), "WHAT");
	for (i = 0; i < height && model->panel_top + i < count; i++) {
		const struct stoker_event *event = panel_event(model, model->panel_top + i);
		int row = at->row + 2 + i;
		if (event == NULL)
			break;
		at_text(model, event->at_ms, text, sizeof text);
		screen_field(screen, row, 3, 8, tone(TONE_QUIET), text);
		if (wide)
			screen_field(screen, row, 13, 10, tone(TONE_ACCENT), event->actor);
		screen_field(screen, row, wide ? 24 : 13, at->cols - (wide ? 26 : 15), tone(kind_tone(event->kind)), event->text);
		panel_cursor(model, screen, at, i);
	}
}
