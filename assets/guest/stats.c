/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.c - the guest's own figures.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "guest.h"

static unsigned long meminfo(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p != NULL ? strtoul(p + strlen(key), NULL, 10) : 0;
}

/* Received and sent by network cards: what a container's bridge moves has passed or will pass one of them, or none. */
static void traffic(unsigned long long *received, unsigned long long *sent)
{
	char text[16384], card[64], *line, *next;

	*received = *sent = 0;
	read_file("/proc/net/dev", text, sizeof text);
	for (line = text; line != NULL; line = next) {
		unsigned long long in, out;
		char *colon;

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		colon = strchr(line, ':');
		if (colon == NULL)
			continue;
		*colon = '\0';
		line += strspn(line, " ");
		if (snprintf(card, sizeof card, "/sys/class/net/%s/device", line) < (int)sizeof card &&
		    access(card, F_OK) == 0 && sscanf(colon + 1, "%llu %*s %*s %*s %*s %*s %*s %*s %llu", &in, &out) == 2) {
			*received += in;
			*sent += out;
		}
	}
}

size_t stats_text(char *buf, size_t cap)
{
	char memory[4096];
	struct sysinfo si = { 0 };
	struct statvfs fs = { 0 };
	unsigned long long received, sent;

	traffic(&received, &sent);
	sysinfo(&si);
	read_file("/proc/meminfo", memory, sizeof memory);
	statvfs("/", &fs);
	/* The load is a fixed-point number with 16 bits after the point. */
#define LOAD(i) si.loads[i] >> 16, (si.loads[i] & 0xffff) * 100 >> 16
	int n = snprintf(buf, cap,
	                 "uptime_ms=%lld\nload1=%lu.%02lu\nload5=%lu.%02lu\nload15=%lu.%02lu\n"
	                 "mem_total_kib=%lu\nmem_available_kib=%lu\ndisk_total_kib=%llu\ndisk_free_kib=%llu\n"
	                 "processes=%u\nrx_bytes=%llu\ntx_bytes=%llu\n",
	                 (long long)now_ms(), LOAD(0), LOAD(1), LOAD(2), meminfo(memory, "MemTotal:"),
	                 meminfo(memory, "MemAvailable:"), (unsigned long long)fs.f_blocks * fs.f_frsize / 1024,
	                 (unsigned long long)fs.f_bavail * fs.f_frsize / 1024, (unsigned)si.procs, received, sent);
#undef LOAD
	return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}
