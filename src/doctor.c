/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor.c - is everything right for so many VMs? Each check is a function
 * that adds one row: what it found, and the exact command that mends it.
 *
 * Nothing here changes anything, so it works on a read-only handle and beside
 * VMs that run.
 */
#include "doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "backend/backend.h"
#include "error.h"
#include "host.h"
#include "store.h"

/* What one VM costs the host besides its guest's memory: QEMU's own, with room. */
enum { VMM_OVERHEAD_MIB = 48, DISK_FLOOR_MIB = 64, PROCESSES_PER_VM = 8, FILES_BASE = 64, FILES_PER_VM = 4 };

struct stoker_check *doctor_row(struct doctor *d, const char *name, enum stoker_check_result result,
                                const char *reason, ...)
{
	struct stoker_check *row;
	va_list ap;

	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 16;
		struct stoker_check *rows = realloc(d->rows, cap * sizeof *rows);
		if (!rows) {
			d->failed = true;
			return &d->spare;
		}
		d->rows = rows;
		d->cap = cap;
	}
	row = &d->rows[d->count++];
	memset(row, 0, sizeof *row);
	snprintf(row->name, sizeof row->name, "%s", name);
	row->result = result;
	va_start(ap, reason);
	vsnprintf(row->reason, sizeof row->reason, reason, ap);
	va_end(ap);
	return row;
}

void doctor_fix(struct stoker_check *row, const char *fix, ...)
{
	va_list ap;

	va_start(ap, fix);
	vsnprintf(row->fix, sizeof row->fix, fix, ap);
	va_end(ap);
}

/* ---- the processor and KVM */

/* The value of "key\t: value" of the first processor; "" when not there. */
static void cpuinfo_value(const char *text, const char *key, char *out, size_t cap)
{
	size_t len = strlen(key);

	out[0] = '\0';
	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		const char *value;
		if (strncmp(p, key, len) != 0 || (p[len] != '\t' && p[len] != ' ' && p[len] != ':'))
			continue;
		value = strchr(p, ':');
		if (!value)
			return;
		value += 1 + (value[1] == ' ');
		snprintf(out, cap, "%.*s", (int)strcspn(value, "\n"), value);
		return;
	}
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = strstr(list, word); p; p = strstr(p + 1, word))
		if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
			return true;
	return false;
}

static void check_cpu_and_kvm(struct doctor *d)
{
	static const char unknown[] = "unknown";
	char text[16384], model[128], flags[8192], reason[200];
	const char *virtualization = "";
	bool probed;
	struct stoker_check *row;

	if (read_whole_file("/proc/cpuinfo", text, sizeof text) < 0)
		text[0] = '\0';
	cpuinfo_value(text, "model name", model, sizeof model);
	cpuinfo_value(text, "flags", flags, sizeof flags);
	if (has_word(flags, "vmx"))
		virtualization = "vmx";
	else if (has_word(flags, "svm"))
		virtualization = "svm";
	if (virtualization[0]) {
		doctor_row(d, "cpu", STOKER_CHECK_OK, "%s, %u CPUs, hardware virtualization %s", model[0] ? model : unknown,
		           d->cpus, virtualization);
	} else {
		row = doctor_row(d, "cpu", STOKER_CHECK_WARN, "%s, %u CPUs, without hardware virtualization%s",
		                 model[0] ? model : unknown, d->cpus,
		                 has_word(flags, "hypervisor") ? " (this host is itself a VM)" : "");
		doctor_fix(row, has_word(flags, "hypervisor")
		                    ? "Enable nested virtualization for this VM on its own host; guests run emulated until then"
		                    : "Enable VT-x or AMD-V in the firmware; guests run emulated until then");
	}
	probed = stoker_kvm_probe(reason, sizeof reason);
	if (probed) {
		doctor_row(d, "kvm", STOKER_CHECK_OK, "%s", reason);
		return;
	}
	row = doctor_row(d, "kvm", STOKER_CHECK_WARN, "%s; guests are emulated (tcg), which works and is slower", reason);
	if (access("/dev/kvm", F_OK) < 0 && virtualization[0])
		doctor_fix(row, "sudo modprobe kvm_%s", strcmp(virtualization, "vmx") == 0 ? "intel" : "amd");
	else if (access("/dev/kvm", F_OK) == 0 && access("/dev/kvm", R_OK | W_OK) < 0)
		doctor_fix(row, "sudo usermod -aG kvm \"$USER\", then log in again");
	else if (access("/dev/kvm", F_OK) == 0)
		doctor_fix(row, "Nothing on this host mends it; stoker uses tcg by itself");
}

static void check_backends(struct doctor *d)
{
	const struct backend_ops *ops;
	for (size_t i = 0; (ops = backend_at(i)); i++)
		ops->doctor(d);
}

static void check_clock(struct doctor *d)
{
	char text[64];
	unsigned khz = tsc_khz();
	struct stoker_check *row;

	if (read_whole_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", text, sizeof text) <= 0)
		snprintf(text, sizeof text, "unknown");
	text[strcspn(text, "\n")] = '\0';
	if (khz) {
		doctor_row(d, "clock", STOKER_CHECK_OK, "TSC at %u.%03u MHz, given to emulated guests; the host keeps time by %s",
		           khz / 1000, khz % 1000, text);
		return;
	}
	row = doctor_row(d, "clock", STOKER_CHECK_WARN,
	                 "the TSC's frequency is not known: an emulated guest measures it itself, and may hang there on a "
	                 "loaded host");
	doctor_fix(row, "Use --accel kvm where it works, or start fewer VMs at once");
}

/* ---- limits and resources against the number of VMs */

static void check_files_limit(struct doctor *d)
{
	struct rlimit limit;
	unsigned long need = FILES_BASE + (unsigned long)d->vms * FILES_PER_VM;
	struct stoker_check *row;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need) {
		doctor_row(d, "files", STOKER_CHECK_OK, "%lu descriptors allowed, a dashboard of %u VMs may need %lu",
		           (unsigned long)limit.rlim_cur, d->vms, need);
		return;
	}
	row = doctor_row(d, "files", STOKER_CHECK_FAIL, "%lu descriptors allowed (RLIMIT_NOFILE), a dashboard of %u VMs may need %lu",
	                 (unsigned long)limit.rlim_cur, d->vms, need);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= need)
		doctor_fix(row, "ulimit -n %lu", need);
	else
		doctor_fix(row, "echo '* hard nofile %lu' | sudo tee -a /etc/security/limits.conf, then log in again", need);
}

static void check_process_limit(struct doctor *d)
{
	struct rlimit limit;
	unsigned long need = (unsigned long)d->vms * PROCESSES_PER_VM;
	struct stoker_check *row;

	if (getrlimit(RLIMIT_NPROC, &limit) < 0)
		return;
	if (geteuid() == 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need) {
		doctor_row(d, "processes", STOKER_CHECK_OK, "%s, %u VMs may need %lu with their threads",
		           geteuid() == 0 ? "no limit for root" : "the limit is high enough", d->vms, need);
		return;
	}
	row = doctor_row(d, "processes", STOKER_CHECK_FAIL,
	                 "%lu processes and threads allowed (RLIMIT_NPROC), %u VMs may need %lu", (unsigned long)limit.rlim_cur,
	                 d->vms, need);
	doctor_fix(row, "ulimit -u %lu", need);
}

static void check_memory(struct doctor *d)
{
	char text[8192];
	uint64_t available, need;
	struct stoker_check *row;

	if (read_whole_file("/proc/meminfo", text, sizeof text) <= 0)
		return;
	available = host_meminfo_kib(text, "MemAvailable") / 1024;
	need = d->new_vms * (uint64_t)(d->memory_mib + VMM_OVERHEAD_MIB);
	if (d->new_vms == 0 || need <= available) {
		doctor_row(d, "memory", STOKER_CHECK_OK, "%llu MiB available, %u more VMs of %u MiB need at most %llu MiB",
		           (unsigned long long)available, d->new_vms, d->memory_mib, (unsigned long long)need);
		return;
	}
	/* Guests touch what they use and no more, so asking for too much is not yet failing. */
	row = doctor_row(d, "memory", need / 4 > available ? STOKER_CHECK_FAIL : STOKER_CHECK_WARN,
	                 "%llu MiB available, %u more VMs of %u MiB may need up to %llu MiB", (unsigned long long)available,
	                 d->new_vms, d->memory_mib, (unsigned long long)need);
	doctor_fix(row, "stoker create --memory %llu ..., or fewer VMs (there is room for %llu)",
	           (unsigned long long)(available / d->new_vms > VMM_OVERHEAD_MIB + 128
	                                    ? available / d->new_vms - VMM_OVERHEAD_MIB : 128),
	           (unsigned long long)(available / (d->memory_mib + VMM_OVERHEAD_MIB)));
}

static void check_disk(struct doctor *d)
{
	struct statvfs fs;
	uint64_t free_mib, need;
	struct stoker_check *row;

	if (statvfs(d->s->state_dir, &fs) < 0) {
		row = doctor_row(d, "disk", STOKER_CHECK_FAIL, "%s: %s", d->s->state_dir, strerror(errno));
		doctor_fix(row, "Choose another place with --state DIR");
		return;
	}
	free_mib = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
	need = (uint64_t)d->new_vms * d->disk_mib;
	if (free_mib < DISK_FLOOR_MIB + 8 * (uint64_t)d->new_vms) {
		row = doctor_row(d, "disk", STOKER_CHECK_FAIL, "only %llu MiB free in %s", (unsigned long long)free_mib,
		                 d->s->state_dir);
		doctor_fix(row, "Free some, or choose another place with --state DIR");
	} else if (need > free_mib) {
		row = doctor_row(d, "disk", STOKER_CHECK_WARN,
		                 "%llu MiB free in %s: disks are sparse and %u more VMs start small, but would need %llu MiB when full",
		                 (unsigned long long)free_mib, d->s->state_dir, d->new_vms, (unsigned long long)need);
		doctor_fix(row, "stoker create --disk %llu ..., or --disk-mode shared",
		           (unsigned long long)(free_mib / d->new_vms > DISK_FLOOR_MIB ? free_mib / d->new_vms : DISK_FLOOR_MIB));
	} else {
		doctor_row(d, "disk", STOKER_CHECK_OK, "%llu MiB free in %s, %u more VMs of %u MiB need at most %llu MiB",
		           (unsigned long long)free_mib, d->s->state_dir, d->new_vms, d->disk_mib, (unsigned long long)need);
	}
}

/* ---- stoker's own places */

static void check_place(struct doctor *d, const char *name, const char *path, bool must_be_ours)
{
	struct stoker_check *row;
	struct stat st;
	int mode = must_be_ours && !d->s->read_only ? R_OK | W_OK | X_OK : R_OK | X_OK;

	if (stat(path, &st) < 0) {
		row = doctor_row(d, name, STOKER_CHECK_FAIL, "%s: %s", path, strerror(errno));
		doctor_fix(row, "mkdir -m 700 -p '%s'", path);
	} else if (!S_ISDIR(st.st_mode)) {
		row = doctor_row(d, name, STOKER_CHECK_FAIL, "%s is not a folder", path);
		doctor_fix(row, "Choose another place, see stoker config");
	} else if (must_be_ours && st.st_uid != geteuid()) {
		row = doctor_row(d, name, STOKER_CHECK_FAIL, "%s belongs to user %u, not to you", path, (unsigned)st.st_uid);
		doctor_fix(row, "sudo chown -R %u '%s'", (unsigned)geteuid(), path);
	} else if (must_be_ours && st.st_mode & 077) {
		row = doctor_row(d, name, STOKER_CHECK_FAIL, "%s is open to others (mode %03o)", path,
		                 (unsigned)st.st_mode & 0777);
		doctor_fix(row, "chmod 700 '%s'", path);
	} else if (access(path, mode) < 0) {
		row = doctor_row(d, name, STOKER_CHECK_FAIL, "%s: %s", path, strerror(errno));
		doctor_fix(row, "chmod u+rwx '%s'", path);
	} else {
		doctor_row(d, name, STOKER_CHECK_OK, "%s", path);
	}
}

static void check_places(struct doctor *d)
{
	check_place(d, "state", d->s->state_dir, true);
	check_place(d, "runtime", d->s->runtime_dir, true);
	check_place(d, "images", d->s->image_dir, false);
}

enum stoker_status stoker_doctor(stoker *s, unsigned vms, struct stoker_check **out, size_t *count,
                                 struct stoker_error *err)
{
	static void (*const checks[])(struct doctor *) = {
		check_cpu_and_kvm, check_clock, check_backends, doctor_check_programs, doctor_check_kernel,
		doctor_check_image, doctor_check_tools,
		check_places, check_files_limit, check_process_limit, check_memory, check_disk, doctor_check_pools,
		doctor_check_network
	};
	struct doctor d = { .s = s };
	struct vm_record *all = NULL;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	enum stoker_status st = store_all(s->store, &all, &d.existing, err);

	if (st != STOKER_OK) {
		error_what(err, "check the host");
		return st;
	}
	for (size_t i = 0; i < d.existing; i++)
		d.living += all[i].vmm.pid != 0, d.taps += all[i].vm.network == STOKER_NET_TAP;
	free(all);
	d.cpus = cpus > 0 ? (unsigned)cpus : 1;
	d.vms = vms ? vms : d.existing ? (unsigned)d.existing : 1;
	/* What lives already has its memory, and what exists its disk, address and port. */
	d.new_vms = d.vms > d.living ? d.vms - (unsigned)d.living : 0;
	d.memory_mib = (unsigned)settings_number(s->settings, "defaults.memory_mib");
	d.disk_mib = (unsigned)settings_number(s->settings, "defaults.disk_mib");
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
		checks[i](&d);
	if (d.failed) {
		free(d.rows);
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	*out = d.rows;
	*count = d.count;
	return STOKER_OK;
}
