/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_metrics.c - lines of a VMM's counters that may be any bytes, and files
 * of their sums: the same whole and in pieces, never less than before, and the
 * same when it is written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/metrics.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct metrics whole = { 0 }, pieces = { 0 }, again, before = { 0 };
	char text[METRICS_TEXT_MAX];
	size_t len;

	metrics_feed(&whole, (const char *)data, size);
	for (size_t at = 0, n = 1; at < size; at += n, n = n % 7 + 1) {
		bool more;
		n = n < size - at ? n : size - at;
		more = metrics_feed(&pieces, (const char *)data + at, n);
		check(more == (pieces.lines > before.lines));
		for (int i = 0; i < METRIC_COUNT; i++)
			check(pieces.sum[i] <= INT64_MAX && (i == METRIC_STARTUP_US || pieces.sum[i] >= before.sum[i]));
		before = pieces;
	}
	check(whole.lines == pieces.lines && memcmp(whole.sum, pieces.sum, sizeof whole.sum) == 0);
	len = metrics_format(&whole, text, sizeof text);
	check(len > 0 && metrics_parse(text, len, &again) && again.lines == whole.lines);
	check(memcmp(again.sum, whole.sum, sizeof again.sum) == 0);
	check(!metrics_parse(text, len - 1, &again));

	if (metrics_parse((const char *)data, size, &again)) {
		len = metrics_format(&again, text, sizeof text);
		check(len > 0 && metrics_parse(text, len, &whole) && memcmp(again.sum, whole.sum, sizeof again.sum) == 0);
	}
	return 0;
}
