/* SPDX-License-Identifier: Apache-2.0
 *
 * timing.c - kept timings, percentiles, events.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "handle.h"
#include "store.h"

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* Nearest rank in whole numbers: ceil(percent * n / 100), counted from 1. */
static int64_t rank(const int64_t *sorted, size_t n, size_t percent)
{
	/* n / 100 and the rest apart, so that no product overflows. */
	size_t at = n / 100 * percent + (n % 100 * percent + 99) / 100;
	return sorted[at - 1];
}

void stoker_percentiles_of(int64_t *samples, size_t count, struct stoker_percentiles *out)
{
	memset(out, 0, sizeof *out);
	if (!count)
		return;
	qsort(samples, count, sizeof *samples, ascending);
	out->count = count;
	out->p50_ns = rank(samples, count, 50);
	out->p95_ns = rank(samples, count, 95);
	out->p99_ns = rank(samples, count, 99);
	out->min_ns = samples[0];
	out->max_ns = samples[count - 1];
}

enum stoker_status stoker_timings(stoker *s, const char *ref, struct stoker_timing **out, size_t *count,
                                  struct stoker_error *err)
{
	struct vm_record rec;
	struct stoker_error not_found;
	enum stoker_status st;

	*out = NULL;
	*count = 0;
	if (!ref)
		return history_timings(s->store, NULL, out, count, err);
	st = store_find(s->store, ref, &rec, &not_found);
	if (st == STOKER_OK)
		return history_timings(s->store, rec.vm.id, out, count, err);
	/* A VM that is gone, as an ephemeral one always is, may still be asked about. */
	if (st == STOKER_E_NOT_FOUND && history_timings(s->store, ref, out, count, NULL) == STOKER_OK && *count)
		return STOKER_OK;
	free(*out);
	*out = NULL;
	*count = 0;
	if (err)
		*err = not_found;
	return st;
}

enum stoker_status stoker_phase_percentiles(stoker *s, const char *ref,
                                            struct stoker_percentiles out[STOKER_PHASE_COUNT], struct stoker_error *err)
{
	struct stoker_timing *all = NULL;
	int64_t *samples = NULL;
	size_t count = 0;
	enum stoker_status st;

	memset(out, 0, STOKER_PHASE_COUNT * sizeof *out);
	st = stoker_timings(s, ref, &all, &count, err);
	if (st != STOKER_OK || !count)
		goto out;
	samples = calloc(count, sizeof *samples);
	if (!samples) {
		st = error_errno(err, ENOMEM, "cannot sort %zu timings", count);
		goto out;
	}
	for (int phase = 0; phase < STOKER_PHASE_COUNT; phase++) {
		size_t n = 0;
		for (size_t i = 0; i < count; i++)
			if ((int)all[i].phase == phase)
				samples[n++] = all[i].duration_ns;
		stoker_percentiles_of(samples, n, &out[phase]);
	}
out:
	free(samples);
	free(all);
	return st;
}

enum stoker_status stoker_events(stoker *s, int64_t since_seq, size_t limit, struct stoker_event **out, size_t *count,
                                 struct stoker_error *err)
{
	*out = NULL;
	*count = 0;
	return history_events(s->store, since_seq, limit, out, count, err);
}
