/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c - what the host as a whole and each VMM use, read from /proc.
 *
 * Called once a second for every VM of a dashboard: a file is opened, read in
 * one go and closed, and nothing is allocated.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "handle.h"
#include "host.h"
#include "settings.h"
#include "store.h"

/* The aggregate line of /proc/stat. Guest time is part of user time there, so
 * the first eight fields are all of it. */
static bool cpu_ticks(const char *text, uint64_t *busy, uint64_t *total)
{
	uint64_t v[8] = { 0 }, sum = 0;
	int n = sscanf(text, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
	               &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7]);
	if (n < 4)
		return false;
	for (int i = 0; i < 8; i++)
		sum += v[i];
	*total = sum;
	*busy = sum - v[3] - v[4]; /* idle, waiting for a disk */
	return true;
}

uint64_t host_meminfo_kib(const char *text, const char *field)
{
	size_t len = strlen(field);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, field, len) == 0 && p[len] == ':')
			return strtoull(p + len + 1, NULL, 10);
	return 0;
}

enum stoker_status host_pools(stoker *s, struct stoker_host *out, struct stoker_error *err)
{
	struct store_pools pools = { .first_port = 0 };

	settings_pools(s->settings, &pools);
	out->addresses_total = pools.last_address ? pools.last_address - pools.first_address + 1 : 0;
	out->ports_total = pools.last_port ? (unsigned)(pools.last_port - pools.first_port) + 1 : 0;
	return store_pool_use(s->store, &out->addresses_used, &out->ports_used, err);
}

enum stoker_status stoker_host_read(stoker *s, struct stoker_host *out, struct stoker_error *err)
{
	char buf[8192];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct stoker_host host;
	enum stoker_status st;

	memset(&host, 0, sizeof host);
	if (gethostname(host.hostname, sizeof host.hostname - 1) < 0)
		host.hostname[0] = '\0';
	host.cpus = cpus > 0 ? (unsigned)cpus : 1;
	if (read_whole_file("/proc/stat", buf, sizeof buf) <= 0 ||
	    !cpu_ticks(buf, &host.cpu_busy_ticks, &host.cpu_total_ticks) ||
	    read_whole_file("/proc/meminfo", buf, sizeof buf) <= 0) {
		error_set(err, STOKER_E_FAILED, "/proc cannot be read");
		error_what(err, "read the host's load");
		return error_fix(err, "Mount it: mount -t proc proc /proc"), STOKER_E_FAILED;
	}
	host.mem_total_kib = host_meminfo_kib(buf, "MemTotal");
	host.mem_available_kib = host_meminfo_kib(buf, "MemAvailable");
	st = host_pools(s, &host, err);
	if (st == STOKER_OK)
		*out = host;
	return st;
}

/* Fields 14, 15 (CPU time in ticks) and 24 (resident pages) of /proc/PID/stat,
 * counted from behind the command's name, which may hold anything. */
bool host_parse_stat(const char *text, uint64_t *cpu_ticks_out, uint64_t *pages)
{
	const char *p = strrchr(text, ')');
	uint64_t user = 0, system = 0, rss = 0;

	if (!p)
		return false;
	p++;
	for (int field = 3; field <= 24; field++) {
		char *end;
		while (*p == ' ')
			p++;
		if (*p == '\0')
			return false;
		if (field == 3) {
			p++; /* the state's letter */
			continue;
		}
		errno = 0;
		if (field == 14)
			user = strtoull(p, &end, 10);
		else if (field == 15)
			system = strtoull(p, &end, 10);
		else if (field == 24)
			rss = strtoull(p, &end, 10);
		else
			strtoll(p, &end, 10); /* may be negative: tpgid, priority */
		if (end == p)
			return false;
		p = end;
	}
	*cpu_ticks_out = user + system;
	*pages = rss;
	return true;
}

void stoker_sample_vms(stoker *s, const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
	char path[64], buf[1024];

	(void)s;
	for (size_t i = 0; i < count; i++) {
		uint64_t cpu, pages;
		out[i].at_ns = clock_now_ns();
		out[i].cpu_ns = -1;
		out[i].rss_kib = 0;
		if (vms[i].pid <= 0)
			continue;
		snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", vms[i].pid);
		if (read_whole_file(path, buf, sizeof buf) <= 0 || !host_parse_stat(buf, &cpu, &pages))
			continue;
		out[i].cpu_ns = (int64_t)(cpu * (uint64_t)(NS_PER_S / (ticks > 0 ? ticks : 100)));
		out[i].rss_kib = pages * (uint64_t)(page > 0 ? page / 1024 : 4);
	}
}
