/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - the counters of a VMM that writes them as lines of JSON, each
 * with what was added since the line before: summed up, and as the text of the
 * file `metrics` (control.h), both ways. Pure.
 */
#ifndef STOKER_SRC_SUPERVISOR_METRICS_H
#define STOKER_SRC_SUPERVISOR_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric {
	METRIC_STARTUP_US,
	METRIC_IO_IN,
	METRIC_IO_OUT,
	METRIC_MMIO_READ,
	METRIC_MMIO_WRITE,
	METRIC_RX,
	METRIC_TX,
	METRIC_READ,
	METRIC_WRITE,
	METRIC_COUNT
};

enum { METRICS_TEXT_MAX = 1024, METRICS_NAME = 32 };

struct metrics {
	uint64_t lines; /* whole ones so far */
	uint64_t sum[METRIC_COUNT];
	/* Of the line that is being read. */
	uint64_t line[METRIC_COUNT], number;
	char name[METRICS_NAME], key[2][METRICS_NAME]; /* the string read last; the keys it stands under */
	unsigned name_len, depth, digits;
	bool in_string, escaped, named, odd, bad, whole;
};

/* Takes in what came, in pieces of any size. A line that is no whole JSON object adds nothing. True when one did. */
bool metrics_feed(struct metrics *m, const char *data, size_t len);

/* Returns the length, 0 when it does not fit. */
size_t metrics_format(const struct metrics *m, char *out, size_t cap);
/* False for anything but a whole file, *out is cleared then. */
bool metrics_parse(const char *text, size_t len, struct metrics *out);

#endif
