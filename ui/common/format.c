/* SPDX-License-Identifier: Apache-2.0
 *
 * format.c - times, sizes and errors as people read them, the same everywhere.
 */
#include "format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

__attribute__((format(printf, 3, 4))) static size_t put(char *out, size_t cap, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(out, cap, format, args);
	va_end(args);
	if (n < 0 || cap == 0)
		return 0;
	return (size_t)n < cap ? (size_t)n : cap - 1;
}

static size_t put_long(char *out, size_t cap, int64_t seconds)
{
	int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days >= 1000)
		return put(out, cap, "%lldd", (long long)days);
	if (days > 0)
		return put(out, cap, "%lldd%02lldh", (long long)days, (long long)(hours % 24));
	return put(out, cap, "%lldh%02lldm", (long long)hours, (long long)(minutes % 60));
}

size_t format_duration(char *out, size_t cap, int64_t ns)
{
	if (ns < 0)
		return put(out, cap, "-");
	/* The border of each step is where its own rounding would reach the next
	 * step's first value, so that 999.6 ms never shows as "1000 ms". */
	if (ns < MS - 5000)
		return put(out, cap, "0.%02lld ms", (long long)((ns + 5000) / 10000));
	if (ns < 10 * MS - 50000) {
		int64_t tenths = (ns + 50000) / 100000;

		if (tenths % 10 == 0)
			return put(out, cap, "%lld ms", (long long)(tenths / 10));
		return put(out, cap, "%lld.%lld ms", (long long)(tenths / 10), (long long)(tenths % 10));
	}
	if (ns < SECOND - MS / 2)
		return put(out, cap, "%lld ms", (long long)((ns + MS / 2) / MS));
	if (ns < 10 * SECOND - 5 * MS) {
		int64_t hundredths = (ns + 5 * MS) / (10 * MS);

		return put(out, cap, "%lld.%02lld s", (long long)(hundredths / 100), (long long)(hundredths % 100));
	}
	if (ns < 60 * SECOND - 50 * MS) {
		int64_t tenths = (ns + 50 * MS) / (100 * MS);

		return put(out, cap, "%lld.%lld s", (long long)(tenths / 10), (long long)(tenths % 10));
	}
	/* Adding a half must not overflow at the end of the range. */
	int64_t seconds = ns / SECOND + (ns % SECOND >= SECOND / 2);
	if (seconds < 3600)
		return put(out, cap, "%lldm%02llds", (long long)(seconds / 60), (long long)(seconds % 60));
	return put_long(out, cap, seconds);
}

size_t format_uptime(char *out, size_t cap, int64_t ms)
{
	int64_t seconds = ms / 1000;

	if (ms < 0)
		return put(out, cap, "-");
	if (seconds < 60)
		return put(out, cap, "%llds", (long long)seconds);
	if (seconds < 3600)
		return put(out, cap, "%lldm", (long long)(seconds / 60));
	return put_long(out, cap, seconds);
}

/* A value in 1024ths of `unit`: one decimal below 100 units, none when it is whole or larger. */
static size_t put_scaled(char *out, size_t cap, uint64_t value, char unit)
{
	uint64_t whole = value / 1024, tenth = value % 1024 * 10 / 1024;

	if (tenth == 0 || whole >= 100)
		return put(out, cap, "%llu%c", (unsigned long long)whole, unit);
	return put(out, cap, "%llu.%llu%c", (unsigned long long)whole, (unsigned long long)tenth, unit);
}

size_t format_mib(char *out, size_t cap, uint64_t mib)
{
	if (mib < 10240)
		return put(out, cap, "%lluM", (unsigned long long)mib);
	if (mib < 1024 * 1024)
		return put_scaled(out, cap, mib, 'G');
	return put_scaled(out, cap, mib / 1024, 'T');
}

size_t format_kib(char *out, size_t cap, uint64_t kib)
{
	if (kib < 1024)
		return put(out, cap, "%lluK", (unsigned long long)kib);
	if (kib < 1024 * 1024)
		return put(out, cap, "%lluM", (unsigned long long)(kib / 1024));
	if (kib < UINT64_C(1024) * 1024 * 1024)
		return put_scaled(out, cap, kib / 1024, 'G');
	return put_scaled(out, cap, kib / (1024 * 1024), 'T');
}

size_t format_at(char *out, size_t cap, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;

	if (at_ms <= 0 || !localtime_r(&seconds, &tm))
		return put(out, cap, "-");
	return put(out, cap, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	           tm.tm_min, tm.tm_sec);
}

size_t format_reason(char *out, size_t cap, const struct stoker_error *err)
{
	const char *advice = stoker_error_advice(err), *between = err->why[0] && *advice ? ". " : "";
	size_t after = strlen(between) + strlen(advice), room = after < cap ? cap - after - 1 : 0;

	return put(out, cap, "%.*s%s%s", (int)(room > cap / 2 ? room : cap / 2), err->why, between, advice);
}
