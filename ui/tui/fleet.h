/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.h - how a phase is spread over everything that was timed.
 */
#ifndef STOKER_UI_TUI_FLEET_H
#define STOKER_UI_TUI_FLEET_H

#include "stoker.h"

#define FLEET_BINS 32

/* One phase. The bins are equally wide in the logarithm, from min to max. */
struct fleet_phase {
	uint64_t count;
	int64_t p50_ns, p95_ns, p99_ns, min_ns, max_ns;
	unsigned bins[FLEET_BINS];
	/* Whose timing is the greatest. */
	char worst_id[STOKER_ID_SIZE];
	char worst_name[STOKER_NAME_MAX + 1];
};

/* False without memory. */
bool fleet_spread(const struct stoker_timing *timings, size_t count, struct fleet_phase out[STOKER_PHASE_COUNT]);
/* The bin of a duration between min and max. */
int fleet_bin(int64_t ns, int64_t min_ns, int64_t max_ns, int bins);

#endif
