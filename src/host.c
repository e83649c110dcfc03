/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c - what the host as a whole and each VMM use, read from /proc.
 *
 * Called once a second for every VM of a dashboard: a file is opened, read in
 * one go and closed, and nothing is allocated. A thousand VMs are to cost less
 * than a hundredth of a core: so the files are read by turns.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/traffic.h"
#include "handle.h"
#include "host.h"
#include "settings.h"
#include "store.h"

#define SAMPLED_AT_ONCE 256
#define PID_LIMIT (1 << 22)

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

/* The CPU time of a whole process by its CPU clock: one system call, where
 * /proc/PID/stat is three and a page of text. */
static int64_t cpu_time_ns(int64_t pid)
{
	struct timespec ts;
	clockid_t clock;

	/* Beyond what a kernel hands out, a pid and its clock's number are not one to one. */
	if (pid > PID_LIMIT || clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		return -1;
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* A line "name: 123" of /proc/PID/io that is not the first; -1 when not there. */
static int64_t io_field(const char *text, const char *line)
{
	const char *p = strstr(text, line);
	return p ? strtoll(p + strlen(line), NULL, 10) : -1;
}

bool host_parse_io(const char *text, int64_t *read_bytes, int64_t *write_bytes)
{
	int64_t read = io_field(text, "\nread_bytes: "), written = io_field(text, "\nwrite_bytes: ");
	int64_t cancelled = io_field(text, "\ncancelled_write_bytes: ");

	if (read < 0 || written < 0)
		return false;
	*read_bytes = read;
	/* Pages that were thrown away before they were written never reached a disk. */
	*write_bytes = cancelled > 0 && cancelled <= written ? written - cancelled : written;
	return true;
}

static void sample_rest(int64_t pid, struct stoker_sample *out)
{
	long page = sysconf(_SC_PAGESIZE);
	char path[64], buf[512];
	uint64_t size, resident;

	snprintf(path, sizeof path, "/proc/%" PRId64 "/statm", pid);
	if (read_whole_file(path, buf, sizeof buf) > 0 && sscanf(buf, "%" SCNu64 " %" SCNu64, &size, &resident) == 2)
		out->rss_kib = resident * (uint64_t)(page > 0 ? page / 1024 : 4);
	/* Another user's process does not tell. */
	snprintf(path, sizeof path, "/proc/%" PRId64 "/io", pid);
	if (read_whole_file(path, buf, sizeof buf) <= 0 || !host_parse_io(buf, &out->read_bytes, &out->write_bytes))
		out->read_bytes = out->write_bytes = -1;
}

/* ---- TAP devices: one file tells of all of them, of this network namespace */

struct tap {
	char name[NET_NAME_SIZE];
	int64_t in, out; /* of the host: what the guest sent and received */
};

bool host_parse_netdev(const char *line, char name[NET_NAME_SIZE], int64_t *in, int64_t *out)
{
	const char *colon = strchr(line, ':');
	size_t len;

	line += strspn(line, " ");
	if (!colon || colon < line)
		return false;
	len = (size_t)(colon - line);
	if (len == 0 || len >= NET_NAME_SIZE)
		return false;
	memcpy(name, line, len);
	name[len] = '\0';
	/* Bytes are the 1st of eight fields of what came in, and the 1st of what went out. */
	return sscanf(colon + 1, "%" SCNd64 " %*s %*s %*s %*s %*s %*s %*s %" SCNd64, in, out) == 2;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tap *)a)->name, ((const struct tap *)b)->name);
}

static struct tap *read_taps(size_t *count)
{
	struct tap *taps = NULL, tap;
	char *line = NULL;
	size_t size = 0, cap = 0;
	FILE *f = fopen("/proc/net/dev", "re");

	*count = 0;
	while (f && getline(&line, &size, f) > 0) {
		if (!host_parse_netdev(line, tap.name, &tap.in, &tap.out) || strncmp(tap.name, "stk", 3) != 0)
			continue;
		if (*count == cap) {
			struct tap *more = reallocarray(taps, cap ? cap * 2 : 64, sizeof *taps);
			if (!more)
				break;
			taps = more;
			cap = cap ? cap * 2 : 64;
		}
		taps[(*count)++] = tap;
	}
	free(line);
	if (f)
		fclose(f);
	if (*count > 0)
		qsort(taps, *count, sizeof *taps, by_name);
	return taps;
}

static void sample_taps(const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	struct tap *taps = NULL, key, *found;
	size_t n = 0;
	bool have = false;

	for (size_t i = 0; i < count; i++) {
		if (vms[i].pid <= 0 || vms[i].network != STOKER_NET_TAP)
			continue;
		if (!have)
			taps = read_taps(&n);
		have = true;
		net_tap_name(vms[i].id, key.name);
		found = n > 0 ? bsearch(&key, taps, n, sizeof *taps, by_name) : NULL;
		if (found) {
			out[i].rx_bytes = found->out;
			out[i].tx_bytes = found->in;
		}
	}
	free(taps);
}

void stoker_sample_vms(stoker *s, const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	size_t stride = s ? count / SAMPLED_AT_ONCE + 1 : 1, turn = s ? s->sample_turn % stride : 0;

	for (size_t i = 0; i < count; i++) {
		out[i] = (struct stoker_sample){ clock_now_ns(), -1, 0, -1, -1, -1, -1 };
		if (vms[i].pid <= 0)
			continue;
		out[i].cpu_ns = cpu_time_ns(vms[i].pid);
		if (out[i].cpu_ns >= 0 && i % stride == turn)
			sample_rest(vms[i].pid, &out[i]);
	}
	sample_taps(vms, count, out);
	/* Who looks only once gets no rate: then no guest is woken for it. */
	if (s && s->sample_turn++ > 0)
		traffic_sample(s, vms, count, out);
}
