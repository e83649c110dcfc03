/* SPDX-License-Identifier: Apache-2.0
 *
 * view_phases.c - the life of the selected VM as bars on one time line.
 *
 * create, start, boot and ssh follow one another, so each bar begins where the
 * one before ended; exec, stop and delete stand for themselves. The scale is
 * the fleet's usual life, so that a bar means the same from VM to VM and only
 * a slower life than usual changes it.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "view.h"

#define LABEL_COLS 10
#define RUNS_MAX 6

struct life {
	int64_t ns[STOKER_PHASE_COUNT]; /* -1: not (yet) happened */
	enum stoker_phase live;         /* going on now */
	uint32_t run;
};

/* Room for "1.23 s" below "fleet p50" where there is some. */
static int time_cols(int cols)
{
	return cols >= 90 ? 12 : 9;
}

static bool chained(int phase)
{
	return phase == STOKER_PHASE_CREATE || phase == STOKER_PHASE_START || phase == STOKER_PHASE_BOOT ||
	       phase == STOKER_PHASE_SSH;
}

/* The newest run's timings; create belongs to every run. */
static void read_life(const struct model *model, const struct row *row, struct life *life)
{
	size_t i;
	int p;

	life->live = row->vm.phase;
	life->run = 0;
	for (p = 0; p < STOKER_PHASE_COUNT; p++)
		life->ns[p] = -1;
	if (strcmp(model->timings_id, row->vm.id) == 0) {
		for (i = 0; i < model->timing_count; i++) {
			if (model->timings[i].run > life->run)
				life->run = model->timings[i].run;
		}
		for (i = 0; i < model->timing_count; i++) { /* newest first: the first of a kind counts */
			const struct stoker_timing *timing = &model->timings[i];
			if (timing->phase >= STOKER_PHASE_COUNT || life->ns[timing->phase] >= 0)
				continue;
			if (timing->run == life->run || timing->phase == STOKER_PHASE_CREATE)
				life->ns[timing->phase] = timing->duration_ns;
		}
	}
	if (life->live == STOKER_PHASE_START) { /* a new life: what is recorded was the one before */
		for (p = 0; p < STOKER_PHASE_COUNT; p++) {
			if (p != STOKER_PHASE_CREATE)
				life->ns[p] = -1;
		}
	}
	if (life->live != STOKER_PHASE_NONE)
		life->ns[life->live] = model->now_ns - row->vm.phase_since_ns;
	if (life->live != STOKER_PHASE_NONE && life->ns[life->live] < 0)
		life->ns[life->live] = 0;
}

static void draw_bar(struct screen *screen, int row, int col, int cols, int64_t from, int64_t length, int64_t scale,
                     bool live)
{
	int64_t eighths = (int64_t)cols * 8;
	int begin, end, c;
	struct style style = tone(live ? TONE_BUSY : TONE_ACCENT);

	if (scale <= 0)
		return;
	begin = (int)(from * eighths / scale);
	end = (int)((from + length) * eighths / scale);
	end = end > (int)eighths ? (int)eighths : end;
	begin = begin >= (int)eighths ? (int)eighths - 1 : begin;
	if (end <= begin)
		end = begin + 1; /* what happened is seen, however short */
	/* Whole columns from the left; only the right end is drawn in eighths. */
	begin = begin / 8 * 8;
	for (c = begin / 8; c * 8 < end; c++) {
		int part = end - c * 8 >= 8 ? 8 : end - c * 8;
		screen_put(screen, row, col + c, 1, style, block(screen, part));
	}
}

static void last_runs(const struct model *model, struct screen *screen, int row, int cols)
{
	int64_t boot[RUNS_MAX + 1], samples[TIMINGS_KEPT];
	struct stoker_percentiles p;
	size_t i, k, count = 0;
	int shown = 0, col = 3;
	char text[64], time[16], other[16];

	/* A run is from its start to the agent's hello. */
	for (i = 0; i < model->timing_count; i++) {
		const struct stoker_timing *timing = &model->timings[i];
		int64_t start = -1;
		if (timing->phase != STOKER_PHASE_BOOT)
			continue;
		for (k = 0; k < model->timing_count && start < 0; k++) {
			if (model->timings[k].phase == STOKER_PHASE_START && model->timings[k].run == timing->run)
				start = model->timings[k].duration_ns;
		}
		samples[count++] = timing->duration_ns + (start > 0 ? start : 0);
		if (shown < RUNS_MAX)
			boot[shown++] = samples[count - 1];
	}
	if (count == 0) {
		screen_put(screen, row, col, cols - col, tone(TONE_QUIET), "no run has been timed yet");
		return;
	}
	col += screen_put(screen, row, col, cols - col, tone(TONE_QUIET), "last runs to ready  ");
	for (i = 0; i < (size_t)shown; i++) {
		format_duration(time, sizeof time, boot[i]);
		if (col + (int)strlen(time) + 2 + (cols > 60 ? 28 : 0) > cols)
			break;
		col += screen_put(screen, row, col, cols - col, tone(i == 0 ? TONE_PLAIN : TONE_QUIET), time);
		col += screen_put(screen, row, col, cols - col, tone(TONE_QUIET), "  ");
	}
	stoker_percentiles_of(samples, count, &p);
	format_duration(time, sizeof time, p.p50_ns);
	format_duration(other, sizeof other, p.p95_ns);
	snprintf(text, sizeof text, "p50 %s  p95 %s", time, other);
	if (col + (int)strlen(text) + 4 <= cols)
		screen_put(screen, row, cols - (int)strlen(text) - 2, cols, tone(TONE_QUIET), text);
}

static void draw_phase(const struct model *model, struct screen *screen, int row, int cols, int phase,
                       const struct life *life, int64_t from, int64_t scale)
{
	int times = time_cols(cols), bar = LABEL_COLS, bar_cols = cols - LABEL_COLS - 2 * times - 2, end;
	bool live = life->live == (enum stoker_phase)phase, slow;
	char text[24];

	screen_put(screen, row, 3, LABEL_COLS - 4, tone(live ? TONE_BUSY : life->ns[phase] >= 0 ? TONE_PLAIN : TONE_QUIET),
	           stoker_phase_name((enum stoker_phase)phase));
	end = cols - 2 * times - 1;
	if (life->ns[phase] >= 0) {
		if (bar_cols > 3)
			draw_bar(screen, row, bar, bar_cols, from, life->ns[phase], scale, live);
		if (live)
			running_text(life->ns[phase], text, sizeof text);
		else
			format_duration(text, sizeof text, life->ns[phase]);
		slow = model_slow(model, (enum stoker_phase)phase, life->ns[phase]);
		screen_field(screen, row, end, -(times - 1), tone(slow ? TONE_BAD : live ? TONE_BUSY : TONE_PLAIN), text);
		if (slow) /* slower than 95 of 100 */
			screen_put(screen, row, end + times - 1, 1, tone(TONE_BAD), glyph(screen, GLYPH_SLOW));
	} else {
		screen_field(screen, row, end, -(times - 1), tone(TONE_QUIET), glyph(screen, GLYPH_DASH));
	}
	if (model->fleet[phase].count > 0) {
		format_duration(text, sizeof text, model->fleet[phase].p50_ns);
		screen_field(screen, row, end + times, -(times - 1), tone(TONE_QUIET), text);
	}
}

/* A heading in the rule, its right end over a column's. */
static void above(struct screen *screen, int row, int end, const char *text)
{
	int width = text_width(text);
	screen_fill(screen, row, end - width - 1, 1, width + 2, tone(TONE_PLAIN));
	screen_put(screen, row, end - width, width, tone(TONE_QUIET), text);
}

void view_phases(const struct model *model, struct screen *screen, const struct rect *at)
{
	static const int order[] = { STOKER_PHASE_CREATE, STOKER_PHASE_START, STOKER_PHASE_BOOT, STOKER_PHASE_SSH,
	                             STOKER_PHASE_EXEC, STOKER_PHASE_STOP, STOKER_PHASE_DELETE };
	const struct row *selected = model_selected(model);
	struct life life;
	int64_t usual = 0, now = 0, scale, from = 0;
	char title[STOKER_NAME_MAX + 32], time[16];
	int i, lines = at->rows - 2;

	if (selected == NULL) {
		draw_rule(screen, at->row, 0, at->cols, "phases", NULL, false);
		if (model->on_group) {
			char text[96];
			keymap_text(&model->keymap, "A group is selected: {shell} folds it, {mark} marks all in it.", text, sizeof text);
			screen_put(screen, at->row + 1, 3, at->cols - 4, tone(TONE_QUIET), text);
		}
		return;
	}
	read_life(model, selected, &life);
	for (i = 0; i < STOKER_PHASE_COUNT; i++) {
		if (!chained(i))
			continue;
		usual += model->fleet[i].count > 0 ? model->fleet[i].p50_ns : 0;
		now += life.ns[i] > 0 ? life.ns[i] : 0;
	}
	/* Grows in steps of a quarter when a life is longer than usual: bars do not creep while they grow. */
	scale = model->fleet[STOKER_PHASE_BOOT].count > 0 ? usual + usual / 4 : 1000000000;
	while (scale < now)
		scale += scale / 4 + 1;
	snprintf(title, sizeof title, "%s: phases", selected->vm.name);
	draw_rule(screen, at->row, 0, at->cols, title, NULL, false);
	/* Headings stand over their columns. */
	if (now > 0) {
		format_duration(time, sizeof time, now);
		snprintf(title, sizeof title, at->cols >= 70 && life.ns[STOKER_PHASE_START] > 0 ? "this run %s" : "%s", time);
		above(screen, at->row, at->cols - time_cols(at->cols) - 2, title);
	}
	above(screen, at->row, at->cols - 2, at->cols >= 90 ? "fleet p50" : "p50");
	for (i = 0; i < (int)(sizeof order / sizeof *order) && i < lines; i++) {
		int phase = order[i];
		int64_t begin = chained(phase) ? from : 0;
		draw_phase(model, screen, at->row + 1 + i, at->cols, phase, &life, begin, scale);
		if (chained(phase) && life.ns[phase] > 0)
			from += life.ns[phase];
	}
	/* Why it is as it is matters more than how fast it was. */
	if (selected->vm.reason[0] != '\0')
		screen_field(screen, at->row + at->rows - 1, 3, at->cols - 5, tone(selected->vm.stale ? TONE_ODD : TONE_BAD),
		             selected->vm.reason);
	else if (strcmp(model->timings_id, selected->vm.id) == 0)
		last_runs(model, screen, at->row + at->rows - 1, at->cols);
}
