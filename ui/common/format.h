/* SPDX-License-Identifier: Apache-2.0
 *
 * format.h - times, sizes and errors as people read them, the same everywhere.
 *
 * Each writes at most cap bytes, always NUL-terminated when cap > 0, and
 * returns the length of the text (cut to what fits). All but errors is ASCII.
 */
#ifndef STOKER_UI_COMMON_FORMAT_H
#define STOKER_UI_COMMON_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "stoker.h"

/* A time that was measured: "0.42 ms", "4 ms", "4.1 ms", "26 ms", "1.23 s",
 * "12.3 s", "2m05s", "2h14m", "3d04h"; "-" when negative. Never wider than 7. */
size_t format_duration(char *out, size_t cap, int64_t ns);
/* A time that runs: "0s", "59s", "41m", "2h14m", "3d04h"; "-" when negative. */
size_t format_uptime(char *out, size_t cap, int64_t ms);
/* Sizes: "256M", "2048M", "23.4G", "1.5T". */
size_t format_mib(char *out, size_t cap, uint64_t mib);
/* "812K", "73M", "1.4G", "1.5T". */
size_t format_kib(char *out, size_t cap, uint64_t kib);
/* Wall clock, local time: "2026-02-03 14:02:07", "-" when at_ms is 0. */
size_t format_at(char *out, size_t cap, int64_t at_ms);
/* "why. what to do", where what was done is known already. Of what is too long the reason is cut, not the advice. */
size_t format_reason(char *out, size_t cap, const struct stoker_error *err);

#endif
