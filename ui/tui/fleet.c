/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.c - percentiles, histogram and outlier of each phase.
 */
#include "fleet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int fleet_bin(int64_t ns, int64_t min_ns, int64_t max_ns, int bins)
{
	double low = log((double)(min_ns > 0 ? min_ns : 1)), high = log((double)(max_ns > 0 ? max_ns : 1));
	int bin;
	if (high - low < 1e-9 || bins < 2)
		return 0;
	bin = (int)((log((double)(ns > 0 ? ns : 1)) - low) / (high - low) * bins);
	return bin < 0 ? 0 : bin >= bins ? bins - 1 : bin;
}

bool fleet_spread(const struct stoker_timing *timings, size_t count, struct fleet_phase out[STOKER_PHASE_COUNT])
{
	int64_t *samples = malloc((count + 1) * sizeof *samples);
	struct stoker_percentiles p;
	size_t i, n;
	int phase;

	memset(out, 0, STOKER_PHASE_COUNT * sizeof *out);
	if (samples == NULL)
		return false;
	for (phase = 0; phase < STOKER_PHASE_COUNT; phase++) {
		struct fleet_phase *at = &out[phase];
		const struct stoker_timing *worst = NULL;
		for (i = n = 0; i < count; i++) {
			if (timings[i].phase != (enum stoker_phase)phase)
				continue;
			samples[n++] = timings[i].duration_ns;
			if (worst == NULL || timings[i].duration_ns > worst->duration_ns)
				worst = &timings[i];
		}
		if (n == 0 || worst == NULL)
			continue;
		stoker_percentiles_of(samples, n, &p);
		at->count = n;
		at->p50_ns = p.p50_ns;
		at->p95_ns = p.p95_ns;
		at->p99_ns = p.p99_ns;
		at->min_ns = p.min_ns;
		at->max_ns = p.max_ns;
		for (i = 0; i < n; i++)
			at->bins[fleet_bin(samples[i], p.min_ns, p.max_ns, FLEET_BINS)]++;
		memcpy(at->worst_id, worst->id, sizeof at->worst_id);
		memcpy(at->worst_name, worst->name, sizeof at->worst_name);
	}
	free(samples);
	return true;
}
