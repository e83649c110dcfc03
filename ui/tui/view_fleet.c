/* SPDX-License-Identifier: Apache-2.0
 *
 * view_fleet.c - each phase over everything that was timed: percentiles, how
 * they are spread, where the selected VM stands, and who is the outlier.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "view.h"

#define NAME_COLS 8
#define TIME_COLS 9

/* The newest timing of the selected VM, -1 when there is none. */
static int64_t own(const struct model *model, enum stoker_phase phase)
{
	size_t i;
	if (strcmp(model->timings_id, model->selected) != 0)
		return -1;
	for (i = 0; i < model->timing_count; i++) {
		if (model->timings[i].phase == phase)
			return model->timings[i].duration_ns;
	}
	return -1;
}

static void histogram(struct screen *screen, int row, int col, int cols, const struct fleet_phase *phase, int64_t mine)
{
	unsigned bins[FLEET_BINS] = { 0 }, most = 0;
	int width = cols < FLEET_BINS ? cols : FLEET_BINS, i, at;

	for (i = 0; i < FLEET_BINS; i++)
		bins[i * width / FLEET_BINS] += phase->bins[i];
	for (i = 0; i < width; i++)
		most = bins[i] > most ? bins[i] : most;
	for (i = 0; i < width && most > 0; i++) {
		if (bins[i] > 0)
			screen_put(screen, row, col + i, 1, tone(TONE_ACCENT), spark(screen, (int)(bins[i] * 100 / most)));
	}
	if (mine < 0)
		return;
	at = fleet_bin(mine, phase->min_ns, phase->max_ns, width);
	if (bins[at] == 0)
		screen_put(screen, row, col + at, 1, tone(TONE_STRONG), spark(screen, 0));
	screen_restyle(screen, row, col + at, 1, ATTR_REVERSE, 0);
}

static void time_at(struct screen *screen, int row, int col, enum tone which, int64_t ns)
{
	char text[24];
	if (ns < 0)
		snprintf(text, sizeof text, "%s", glyph(screen, GLYPH_DASH));
	else
		format_duration(text, sizeof text, ns);
	screen_field(screen, row, col, -(TIME_COLS - 1), tone(ns < 0 ? TONE_QUIET : which), text);
}

void view_fleet(const struct model *model, struct screen *screen, const struct rect *at)
{
	static const int order[] = { STOKER_PHASE_CREATE, STOKER_PHASE_START, STOKER_PHASE_BOOT, STOKER_PHASE_SSH,
	                             STOKER_PHASE_EXEC, STOKER_PHASE_STOP, STOKER_PHASE_DELETE };
	const struct row *row = model_selected(model);
	bool two = at->rows >= 20; /* room for the waterfall below */
	int cols = at->cols, line = at->row + 1, p99, bars, bar_cols, worst, i;
	struct rect below = { at->row + 9, 0, at->rows - 9, at->cols };
	char text[STOKER_NAME_MAX + 32];

	snprintf(text, sizeof text, "fleet: phases of %llu lives",
	         (unsigned long long)model->spread[STOKER_PHASE_CREATE].count);
	draw_rule(screen, at->row, 0, cols, model->spread_known ? text : "fleet: phases", NULL, false);
	if (!model->spread_known) {
		screen_put(screen, line, 3, cols - 4, tone(TONE_QUIET), "Reading the timings ...");
		return;
	}
	p99 = cols >= 70;
	bars = 3 + NAME_COLS + (3 + p99) * TIME_COLS + (cols >= 100 ? 7 : 0) + 1;
	bar_cols = cols - bars - (cols >= 90 ? 30 : cols >= 60 ? 20 : 0);
	bar_cols = bar_cols > FLEET_BINS ? FLEET_BINS : bar_cols;
	bar_cols = bar_cols < 8 ? 0 : bar_cols;
	worst = bars + (bar_cols > 0 ? bar_cols + 2 : 0);
	screen_field(screen, line, 3 + NAME_COLS, -(TIME_COLS - 1), tone(TONE_QUIET), row != NULL ? "this VM" : "");
	screen_field(screen, line, 3 + NAME_COLS + TIME_COLS, -(TIME_COLS - 1), tone(TONE_QUIET), "p50");
	screen_field(screen, line, 3 + NAME_COLS + 2 * TIME_COLS, -(TIME_COLS - 1), tone(TONE_QUIET), "p95");
	if (p99)
		screen_field(screen, line, 3 + NAME_COLS + 3 * TIME_COLS, -(TIME_COLS - 1), tone(TONE_QUIET), "p99");
	if (cols >= 100)
		screen_field(screen, line, bars - 8, -6, tone(TONE_QUIET), "n");
	if (bar_cols > 0)
		screen_put(screen, line, bars, bar_cols, tone(TONE_QUIET), "min ... max");
	if (cols - worst > 12)
		screen_put(screen, line, worst, cols - worst - 1, tone(TONE_QUIET), "slowest");
	for (i = 0; i < (int)(sizeof order / sizeof *order) && i < at->rows - 2; i++) {
		enum stoker_phase phase = (enum stoker_phase)order[i];
		const struct fleet_phase *spread = &model->spread[phase];
		int64_t mine = row != NULL ? own(model, phase) : -1;
		bool slow = mine >= 0 && spread->count >= 10 && mine > spread->p95_ns;
		char time[24];
		line++;
		screen_put(screen, line, 3, NAME_COLS, tone(spread->count > 0 ? TONE_PLAIN : TONE_QUIET),
		           stoker_phase_name(phase));
		time_at(screen, line, 3 + NAME_COLS, slow ? TONE_BAD : TONE_STRONG, mine);
		if (slow)
			screen_put(screen, line, 3 + NAME_COLS + TIME_COLS - 1, 1, tone(TONE_BAD), glyph(screen, GLYPH_SLOW));
		time_at(screen, line, 3 + NAME_COLS + TIME_COLS, TONE_PLAIN, spread->count > 0 ? spread->p50_ns : -1);
		time_at(screen, line, 3 + NAME_COLS + 2 * TIME_COLS, TONE_PLAIN, spread->count > 0 ? spread->p95_ns : -1);
		if (p99)
			time_at(screen, line, 3 + NAME_COLS + 3 * TIME_COLS, TONE_PLAIN, spread->count > 0 ? spread->p99_ns : -1);
		if (spread->count == 0)
			continue;
		if (cols >= 100) {
			snprintf(text, sizeof text, "%llu", (unsigned long long)spread->count);
			screen_field(screen, line, bars - 8, -6, tone(TONE_QUIET), text);
		}
		if (bar_cols > 0)
			histogram(screen, line, bars, bar_cols, spread, mine);
		if (cols - worst > 12) {
			format_duration(time, sizeof time, spread->max_ns);
			snprintf(text, sizeof text, "%s %s", spread->worst_name, time);
			screen_field(screen, line, worst, cols - worst - 1,
			             tone(row != NULL && strcmp(spread->worst_id, row->vm.id) == 0 ? TONE_BAD : TONE_QUIET), text);
		}
	}
	if (two)
		view_phases(model, screen, &below);
}
