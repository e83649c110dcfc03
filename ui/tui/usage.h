/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.h - what a VM used in the last ten minutes.
 *
 * A point is two seconds, the mean of what was measured in them: two points are
 * one column of a braille graph. Time that was not measured is a gap; but what
 * was read by turns, every half a minute perhaps, holds for all the time since
 * it was read before.
 */
#ifndef STOKER_UI_TUI_USAGE_H
#define STOKER_UI_TUI_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_POINTS 300
#define HISTORY_STEP_NS 2000000000LL
#define HISTORY_GAP UINT32_MAX

/* CPU in percent of one CPU, memory in MiB, disk and network in KiB a second (both ways). */
enum metric { METRIC_CPU, METRIC_MEMORY, METRIC_DISK, METRIC_NETWORK, METRIC_COUNT };

struct usage {
	int64_t step[METRIC_COUNT]; /* of the newest point */
	uint32_t sum[METRIC_COUNT], parts[METRIC_COUNT]; /* of the newest point */
	uint32_t points[HISTORY_POINTS][METRIC_COUNT];   /* a ring, step % HISTORY_POINTS: a VM's of one time lie together */
};

struct usage *usage_new(void);
/* The value of the time from since_ns (of the reading before; now_ns: there is none) to now_ns. */
void usage_add(struct usage *usage, enum metric metric, int64_t since_ns, int64_t now_ns, uint32_t value);
/* The point `ago` steps before the one of now_ns, HISTORY_GAP when there is none. usage may be NULL. */
uint32_t usage_at(const struct usage *usage, enum metric metric, int64_t now_ns, int ago);
/* The greatest of the last `points` points, 0 when there are none. */
uint32_t usage_peak(const struct usage *usage, enum metric metric, int64_t now_ns, int points);

#endif
