/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c - what the host as a whole and each VMM use, read from /proc.
 *
 * Called once a second for every VM of a dashboard, of which a thousand are to
 * cost less than a hundredth of a core. Opening a file of /proc costs five times
 * what reading it does: so the files are kept open between the calls, and only
 * those of VMs for which there are no descriptors are opened anew, by turns.
 * Reading is nearly all of the cost that is left, and a graph has one point for
 * two seconds: so of many VMs those out of sight are read every other time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/traffic.h"
#include "handle.h"
#include "host.h"
#include "settings.h"
#include "store.h"

#define OPENED_AT_ONCE 250 /* VMs; two files each */
#define READ_EACH_TIME 500 /* VMs; of more of them those out of sight are read every other time */
#define PID_LIMIT (1 << 22)
#define PROCESS_CPU_CLOCK 2 /* CPUCLOCK_SCHED */

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
	st = s ? host_pools(s, &host, err) : STOKER_OK;
	if (st == STOKER_OK)
		*out = host;
	return st;
}

/* The CPU time of a whole process by its CPU clock: one system call, where
 * /proc/PID/stat is three and a page of text. */
static int64_t cpu_time_ns(int64_t pid)
{
	struct timespec ts;

	/* The number of a process' clock as Linux makes it, in linux/posix-timers.h: what clock_getcpuclockid() gives, which
	 * asks the kernel whether there is such a process, as the next call does anyway. Beyond what a kernel hands out, a
	 * pid and its clock's number are not one to one. */
	if (pid > PID_LIMIT || clock_gettime((clockid_t)(~(unsigned)pid << 3 | PROCESS_CPU_CLOCK), &ts) != 0)
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

/* ---- the files of a VMM */

enum { FILE_CLOSED = -1, FILE_REFUSED = -2 /* of another user's process */ };

/* A kept file never tells of another process that got the same pid: reading it fails once its own has ended. */
struct vmm_files {
	int64_t pid;
	int statm, io;
};

struct sampler {
	struct vmm_files *files; /* of each VM of the last call, in its order */
	size_t count;
	size_t turn;  /* the VM of which files are opened next when not all of them can be kept */
	unsigned calls; /* that there were before this one */
};

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = FILE_CLOSED;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	for (size_t i = 0; i < sampler->count; i++) {
		close_file(&sampler->files[i].statm);
		close_file(&sampler->files[i].io);
	}
	free(sampler->files);
	free(sampler);
}

/* Gives each VM of this call the files that were kept for it. The list seldom changes, and little. */
static bool follow_list(struct sampler *sampler, const struct stoker_vm *vms, size_t count)
{
	struct vmm_files *files;
	size_t at = 0;
	bool same = sampler->count == count;

	for (size_t i = 0; i < count && same; i++)
		same = sampler->files[i].pid == vms[i].pid;
	if (same)
		return true;
	files = malloc((count + 1) * sizeof *files);
	if (!files)
		return false;
	for (size_t i = 0; i < count; i++) {
		files[i] = (struct vmm_files){ vms[i].pid, FILE_CLOSED, FILE_CLOSED };
		for (size_t tried = 0; vms[i].pid > 0 && tried < sampler->count; tried++, at++) {
			struct vmm_files *old;
			if (at >= sampler->count)
				at = 0;
			old = &sampler->files[at];
			if (old->pid != vms[i].pid)
				continue;
			files[i] = *old;
			*old = (struct vmm_files){ 0, FILE_CLOSED, FILE_CLOSED };
			break;
		}
	}
	for (size_t i = 0; i < sampler->count; i++) { /* of VMs that are not there any more */
		close_file(&sampler->files[i].statm);
		close_file(&sampler->files[i].io);
	}
	free(sampler->files);
	sampler->files = files;
	sampler->count = count;
	return true;
}

/* The whole of /proc/PID/NAME, which one read gives; "" when there is none. */
static bool read_file(int64_t pid, const char *name, int *fd, bool keep, char *buf, size_t cap)
{
	char path[64];
	ssize_t n = -1;

	buf[0] = '\0';
	if (*fd == FILE_REFUSED)
		return false;
	if (*fd < 0) {
		snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, name);
		*fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (*fd >= 0) {
		do
			n = pread(*fd, buf, cap - 1, 0);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0 && errno == EACCES) { /* asking again would cost what it costs now, for the same answer */
		close_file(fd);
		*fd = FILE_REFUSED;
	} else if (n <= 0 || !keep) {
		close_file(fd);
	}
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void sample_files(struct vmm_files *files, bool keep, struct stoker_sample *out)
{
	long page = sysconf(_SC_PAGESIZE);
	char buf[512], *size_end, *end;
	uint64_t resident;

	if (read_file(files->pid, "statm", &files->statm, keep, buf, sizeof buf)) {
		strtoull(buf, &size_end, 10); /* the whole size; what is resident is behind it */
		resident = strtoull(size_end, &end, 10);
		if (end > size_end)
			out->rss_kib = resident * (uint64_t)(page > 0 ? page / 1024 : 4);
	}
	if (!read_file(files->pid, "io", &files->io, keep, buf, sizeof buf) ||
	    !host_parse_io(buf, &out->read_bytes, &out->write_bytes))
		out->read_bytes = out->write_bytes = -1;
}

/* How many VMs' files may be kept: half of what the process may have open is left to everything else. */
static size_t room_for_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	return limit.rlim_cur > 1 << 20 ? 1 << 18 : (size_t)limit.rlim_cur / 4;
}

static void sample_once(const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	for (size_t i = 0; i < count; i++) {
		struct vmm_files files = { vms[i].pid, FILE_CLOSED, FILE_CLOSED };
		if (out[i].cpu_ns >= 0)
			sample_files(&files, false, &out[i]);
	}
}

/* Those in sight each time, those with kept files each time or every other time, and as many of the rest as opening
 * them may cost. */
static void sample_rest(struct sampler *sampler, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                        struct stoker_sample *out)
{
	size_t room = room_for_files(), kept = 0, opened = 0, begin, rest = count;
	bool each_time = !in_sight || count <= READ_EACH_TIME;

	for (size_t i = 0; i < count; i++) {
		bool seen = in_sight && in_sight[i], keep = kept < room;
		if (out[i].cpu_ns < 0)
			continue;
		kept += keep;
		if (!keep && rest == count)
			rest = i;
		/* One half at one call, the other at the next: by a number that stays when the list changes. */
		if (seen || (keep && (each_time || (((uint64_t)vms[i].pid + sampler->calls) & 1))))
			sample_files(&sampler->files[i], keep, &out[i]);
	}
	begin = sampler->turn < count ? sampler->turn : 0;
	for (size_t i = 0; rest < count && i < count && opened < OPENED_AT_ONCE; i++) {
		size_t at = (begin + i) % count;
		if (at < rest || out[at].cpu_ns < 0 || out[at].rss_kib > 0 || out[at].read_bytes >= 0)
			continue;
		sample_files(&sampler->files[at], false, &out[at]);
		sampler->turn = at + 1;
		opened++;
	}
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
			out[i].traffic_ns = out[i].at_ns;
		}
	}
	free(taps);
}

void stoker_sample_vms(stoker *s, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                       struct stoker_sample *out)
{
	struct sampler *sampler = NULL;

	if (s && !s->sampler)
		s->sampler = calloc(1, sizeof *s->sampler);
	if (s && s->sampler && follow_list(s->sampler, vms, count))
		sampler = s->sampler;
	for (size_t i = 0; i < count; i++) {
		out[i] = (struct stoker_sample){ clock_now_ns(), -1, 0, -1, -1, -1, -1, 0 };
		if (vms[i].pid > 0)
			out[i].cpu_ns = cpu_time_ns(vms[i].pid);
	}
	sample_taps(vms, count, out);
	/* Who looks only once gets no rate: then nothing is kept for it, and no guest woken. */
	if (sampler && sampler->calls > 0) {
		sample_rest(sampler, vms, count, in_sight, out);
		traffic_sample(s, vms, count, in_sight, out);
	} else {
		sample_once(vms, count, out);
	}
	if (sampler)
		sampler->calls++;
}
