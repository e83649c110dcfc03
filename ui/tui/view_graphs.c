/* SPDX-License-Identifier: Apache-2.0
 *
 * view_graphs.c - what the selected VM used in the last ten minutes.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "graph.h"
#include "view.h"

#define LABEL_COLS 10
#define VALUE_COLS 12

/* A round figure at or above the peak, so that the scale stays while the figures move under it. */
static uint32_t ceiling(uint32_t peak, uint32_t least)
{
	uint32_t top = least;
	while (top < peak && top < 1u << 30)
		top *= 2;
	return top;
}

static void figure(enum metric metric, uint32_t value, char *buf, size_t cap)
{
	char text[16];
	if (value == HISTORY_GAP) {
		snprintf(buf, cap, "-");
	} else if (metric == METRIC_CPU) {
		snprintf(buf, cap, "%u%%", value);
	} else if (metric == METRIC_MEMORY) {
		format_mib(buf, cap, value);
	} else {
		if (value == 0)
			snprintf(text, sizeof text, "0");
		else
			format_kib(text, sizeof text, value);
		snprintf(buf, cap, "%s/s", text);
	}
}

/* As wide as there are points, at most. */
static int graph_width(const struct screen *screen, int cols)
{
	int width = cols - LABEL_COLS - VALUE_COLS - 1;
	while (width > 1 && graph_figures(screen, width) > HISTORY_POINTS)
		width--;
	return width;
}

/* What the newest reading said. One of those that are read by turns may be older than the newest points. */
static uint32_t newest(const struct model *model, const struct row *row, enum metric metric)
{
	int64_t rate = metric == METRIC_DISK ? row->disk_rate : row->net_rate;
	uint32_t now = usage_at(row->past, metric, model->now_ns, 0);

	if (now == HISTORY_GAP)
		now = usage_at(row->past, metric, model->now_ns, 1);
	if (now != HISTORY_GAP || metric == METRIC_CPU)
		return now;
	if (metric == METRIC_MEMORY)
		return row->rss_kib > 0 ? (uint32_t)(row->rss_kib / 1024) : HISTORY_GAP;
	return rate >= 0 ? (uint32_t)((rate + 1023) / 1024) : HISTORY_GAP;
}

static void draw_metric(const struct model *model, struct screen *screen, const struct row *row, enum metric metric,
                        int at, int rows, int cols)
{
	static const char *const names[METRIC_COUNT] = { "cpu", "memory", "disk", "network" };
	static const enum tone tones[METRIC_COUNT] = { TONE_ACCENT, TONE_GOOD, TONE_BUSY, TONE_PAUSED };
	int width = graph_width(screen, cols);
	uint32_t peak, top, now;
	char text[32], what[64];

	if (width < 8)
		return;
	peak = usage_peak(row->past, metric, model->now_ns, HISTORY_POINTS);
	now = newest(model, row, metric);
	switch (metric) {
	case METRIC_CPU: /* all its processors are the top */
		top = row->vm.vcpus > 0 ? row->vm.vcpus * 100 : 100;
		break;
	case METRIC_MEMORY:
		top = row->vm.memory_mib > peak ? row->vm.memory_mib : peak;
		break;
	default:
		top = ceiling(peak, 64);
		break;
	}
	screen_put(screen, at, 2, LABEL_COLS - 2, tone(TONE_STRONG), names[metric]);
	if (rows > 1) {
		figure(metric, top, text, sizeof text);
		screen_field(screen, at, LABEL_COLS + width + 1, -(VALUE_COLS - 1), tone(TONE_QUIET), text);
	}
	graph_area(screen, at, LABEL_COLS, rows, width, tone(tones[metric]), row->past, metric, model->now_ns, HISTORY_POINTS, top);
	figure(metric, now, text, sizeof text);
	screen_field(screen, at + rows - 1, LABEL_COLS + width + 1, -(VALUE_COLS - 1), tone(TONE_PLAIN), text);
	if (rows > 2 && peak > 0) {
		figure(metric, peak, text, sizeof text);
		snprintf(what, sizeof what, "peak %s", text);
		screen_field(screen, at + 1, LABEL_COLS + width + 1, -(VALUE_COLS - 1), tone(TONE_QUIET), what);
	}
	if (metric == METRIC_NETWORK && row->net_rate < 0)
		screen_put(screen, at + rows - 1, LABEL_COLS, width, tone(TONE_QUIET),
		           row->vm.network == STOKER_NET_USER ? (width < 26 ? "not told yet" : "not told by its agent yet") :
		           row->vm.network == STOKER_NET_NONE ? "it has none" : "not known yet");
	if (metric == METRIC_DISK && row->disk_rate < 0)
		screen_put(screen, at + rows - 1, LABEL_COLS, width, tone(TONE_QUIET), "not known yet");
}

void view_graphs(const struct model *model, struct screen *screen, const struct rect *at)
{
	const struct row *row = model_selected(model);
	char title[STOKER_NAME_MAX + 32];
	int room = at->rows - 1, shown = METRIC_COUNT, each, left, line, m;

	if (row == NULL) {
		draw_rule(screen, at->row, 0, at->cols, "graphs", NULL, false);
		screen_put(screen, at->row + 1, 3, at->cols - 4, tone(TONE_QUIET),
		           model->count == 0 ? "No VM yet." : "Select a VM to see what it uses.");
		return;
	}
	snprintf(title, sizeof title, "%s: the last 10 minutes", row->vm.name);
	draw_rule(screen, at->row, 0, at->cols, title, NULL, false);
	if (row->vm.pid == 0 && row->past == NULL) {
		screen_put(screen, at->row + 1, 3, at->cols - 4, tone(TONE_QUIET), "It does not run.");
		return;
	}
	shown = room < shown ? room : shown;
	/* Time is below all of them when there is room for it. */
	each = room / (shown > 0 ? shown : 1);
	if (each > 1)
		room--;
	left = room - (each > 2 ? shown - 1 : 0); /* a blank between tall ones */
	each = left / (shown > 0 ? shown : 1);
	for (m = 0, line = at->row + 1; m < shown; m++) {
		int rows = each + (m < left - each * shown && each > 1 ? 1 : 0);
		draw_metric(model, screen, row, (enum metric)m, line, rows, at->cols);
		line += rows + (each > 2 ? 1 : 0);
	}
	if (line <= at->row + at->rows - 1 && each > 1) {
		int width = graph_width(screen, at->cols);
		int last = at->row + at->rows - 1;
		if (width > 40) {
			screen_put(screen, last, LABEL_COLS, 12, tone(TONE_QUIET), "10 min ago");
			screen_put(screen, last, LABEL_COLS + width / 2 - 3, 12, tone(TONE_QUIET), "5 min");
			screen_put(screen, last, LABEL_COLS + width - 3, 4, tone(TONE_QUIET), "now");
		}
	}
}
