/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.c - rings of two-second points.
 */
#include "usage.h"

#include <stdlib.h>

struct usage *usage_new(void)
{
	struct usage *usage = calloc(1, sizeof *usage);
	int m, i;
	if (usage == NULL)
		return NULL;
	for (m = 0; m < METRIC_COUNT; m++) {
		usage->step[m] = -1;
		for (i = 0; i < HISTORY_POINTS; i++)
			usage->points[i][m] = HISTORY_GAP;
	}
	return usage;
}

void usage_add(struct usage *usage, enum metric metric, int64_t since_ns, int64_t now_ns, uint32_t value)
{
	int64_t step = now_ns / HISTORY_STEP_NS, since = since_ns / HISTORY_STEP_NS, i;

	if (now_ns < 0 || step < usage->step[metric])
		return;
	if (value > 1u << 30)
		value = 1u << 30; /* so that a few of them add up */
	if (step > usage->step[metric]) {
		/* What nobody measured in between is a gap. */
		for (i = step - 1; i > usage->step[metric] && i > step - HISTORY_POINTS; i--)
			usage->points[i % HISTORY_POINTS][metric] = i >= since ? value : HISTORY_GAP;
		usage->step[metric] = step;
		usage->sum[metric] = usage->parts[metric] = 0;
	}
	if (usage->parts[metric] >= 3)
		return;
	usage->sum[metric] += value;
	usage->parts[metric]++;
	usage->points[step % HISTORY_POINTS][metric] = usage->sum[metric] / usage->parts[metric];
}

uint32_t usage_at(const struct usage *usage, enum metric metric, int64_t now_ns, int ago)
{
	int64_t step = now_ns / HISTORY_STEP_NS - ago;
	if (usage == NULL || step < 0 || ago < 0 || ago >= HISTORY_POINTS || step > usage->step[metric] ||
	    step <= usage->step[metric] - HISTORY_POINTS)
		return HISTORY_GAP;
	return usage->points[step % HISTORY_POINTS][metric];
}

uint32_t usage_peak(const struct usage *usage, enum metric metric, int64_t now_ns, int points)
{
	uint32_t peak = 0;
	int i;
	for (i = 0; i < points; i++) {
		uint32_t value = usage_at(usage, metric, now_ns, i);
		if (value != HISTORY_GAP && value > peak)
			peak = value;
	}
	return peak;
}
