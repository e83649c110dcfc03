/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.h - monotonic time, wall time and deadlines.
 */
#ifndef STOKER_SRC_CLOCK_H
#define STOKER_SRC_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

static inline int64_t clock_now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static inline int64_t clock_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS;
}

/* A moment on the monotonic clock; INT64_MAX: never. */
static inline int64_t deadline_after_ms(int64_t ms)
{
	int64_t now = clock_now_ns();
	return ms < 0 || ms > (INT64_MAX - now) / NS_PER_MS ? INT64_MAX : now + ms * NS_PER_MS;
}

/* For poll(): milliseconds left, rounded up, 0 when past, -1 for never. */
static inline int deadline_poll_ms(int64_t deadline)
{
	int64_t left;
	if (deadline == INT64_MAX)
		return -1;
	left = deadline - clock_now_ns();
	if (left <= 0)
		return 0;
	left = (left + NS_PER_MS - 1) / NS_PER_MS;
	return left > 0x7fffffff ? 0x7fffffff : (int)left;
}

#endif
