/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect.c - everything about one VM as lines to read.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "common/text.h"
#include "jobs.h"

#define LINES_MAX 96

struct page {
	char **lines;
	int count;
};

static void line(struct page *page, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void line(struct page *page, const char *label, const char *format, ...)
{
	char text[1024], clean[1100], *made;
	va_list args;
	size_t n;

	if (page->count >= LINES_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_clean(clean, sizeof clean, text, strlen(text));
	n = (label != NULL ? strlen(label) + 1 : 0) + strlen(clean) + 1;
	made = malloc(n);
	if (made == NULL)
		return;
	snprintf(made, n, "%s%s%s", label != NULL ? label : "", label != NULL ? "\t" : "", clean);
	page->lines[page->count++] = made;
}

static void timings(struct page *page, stoker *s, const char *id)
{
	struct stoker_percentiles p[STOKER_PHASE_COUNT];
	char p50[16], p95[16], p99[16], min[16], max[16];
	int i;

	if (stoker_phase_percentiles(s, id, p, NULL) != STOKER_OK)
		return;
	line(page, NULL, "%s", "");
	line(page, NULL, "%s", "Timings");
	for (i = 0; i < STOKER_PHASE_COUNT; i++) {
		if (p[i].count == 0)
			continue;
		format_duration(p50, sizeof p50, p[i].p50_ns);
		format_duration(p95, sizeof p95, p[i].p95_ns);
		format_duration(p99, sizeof p99, p[i].p99_ns);
		format_duration(min, sizeof min, p[i].min_ns);
		format_duration(max, sizeof max, p[i].max_ns);
		line(page, stoker_phase_name((enum stoker_phase)i), "p50 %-8s p95 %-8s p99 %-8s min %-8s max %-8s n %llu", p50,
		     p95, p99, min, max, (unsigned long long)p[i].count);
	}
}

static void counters(struct page *page, stoker *s, const char *id)
{
	struct stoker_vmm_counters c;
	char a[32], b[32];

	if (stoker_vmm_count(s, id, NULL, &c, NULL) != STOKER_OK)
		return;
	line(page, NULL, "%s", "");
	line(page, NULL, "%s", "Counters of the VMM");
	if (c.startup_ns > 0) {
		format_duration(a, sizeof a, c.startup_ns);
		line(page, "start-up", "%s to its API", a);
	}
	if (c.boot_ns >= 0) {
		format_duration(a, sizeof a, c.boot_ns);
		line(page, "boot", "%s", a);
	}
	line(page, "exits", "%lld io in, %lld io out, %lld mmio read, %lld mmio write", (long long)c.exits_io_in,
	     (long long)c.exits_io_out, (long long)c.exits_mmio_read, (long long)c.exits_mmio_write);
	format_kib(a, sizeof a, (uint64_t)c.read_bytes / 1024);
	format_kib(b, sizeof b, (uint64_t)c.write_bytes / 1024);
	line(page, "disks", "%s read, %s written", a, b);
	if (c.rx_bytes >= 0) {
		format_kib(a, sizeof a, (uint64_t)c.rx_bytes / 1024);
		format_kib(b, sizeof b, (uint64_t)c.tx_bytes / 1024);
		line(page, "network", "%s received, %s sent", a, b);
	}
}

static void files(struct page *page, stoker *s, const char *id)
{
	struct stoker_paths paths;
	if (stoker_vm_paths(s, id, &paths, NULL) != STOKER_OK)
		return;
	line(page, NULL, "%s", "");
	line(page, NULL, "%s", "Files");
	line(page, "folder", "%s", paths.dir);
	line(page, "sockets", "%s", paths.run);
	if (paths.disk[0] != '\0')
		line(page, "disk", "%s", paths.disk);
	line(page, "key", "%s", paths.key);
	line(page, "console", "%s", paths.console);
	line(page, "kernel", "%s", paths.kernel);
	line(page, "initrd", "%s", paths.initrd);
	line(page, "base", "%s", paths.base);
}

char **inspect_lines(stoker *s, const char *id, int *count, struct stoker_error *err)
{
	struct page page = { calloc(LINES_MAX, sizeof *page.lines), 0 };
	struct stoker_vm vm;
	char at[32], mem[16], disk[16], up[16];

	*count = 0;
	if (page.lines == NULL)
		return NULL;
	if (stoker_get(s, id, &vm, err) != STOKER_OK) {
		char text[1280];
		stoker_error_text(err, text, sizeof text);
		line(&page, NULL, "%s", text);
		*count = page.count;
		return page.lines;
	}
	line(&page, "id", "%s", vm.id);
	line(&page, "state", "%s%s%s", stoker_state_name(vm.state), vm.ready ? ", ready" : "",
	     vm.stale ? ", contradicted by the host" : "");
	if (vm.reason[0] != '\0')
		line(&page, "reason", "%s", vm.reason);
	if (vm.exit_status >= 256)
		line(&page, "last exit", "signal %d", vm.exit_status - 256);
	else if (vm.exit_status >= 0)
		line(&page, "last exit", "status %d", vm.exit_status);
	if (vm.uptime_ms >= 0) {
		format_uptime(up, sizeof up, vm.uptime_ms);
		line(&page, "up", "%s", up);
	}
	format_at(at, sizeof at, vm.created_at_ms);
	line(&page, "created", "%s", at);
	if (vm.started_at_ms > 0) {
		format_at(at, sizeof at, vm.started_at_ms);
		line(&page, "started", "%s", at);
	}
	if (vm.pid > 0)
		line(&page, "processes", "VMM %lld, supervisor %lld", (long long)vm.pid, (long long)vm.supervisor_pid);
	line(&page, NULL, "%s", "");
	line(&page, NULL, "%s", "Machine");
	line(&page, "image", "%s", vm.image);
	format_mib(mem, sizeof mem, vm.memory_mib);
	format_mib(disk, sizeof disk, vm.disk_mib);
	line(&page, "size", "%u vCPU, %s memory, %s disk (%s)", vm.vcpus, mem, disk, stoker_disk_mode_name(vm.disk_mode));
	line(&page, "backend", "%s, %s", vm.backend, vm.accel);
	if (vm.choice[0] != '\0')
		line(&page, "because", "%s", vm.choice);
	line(&page, "network", "%s%s%s, may reach: %s", stoker_network_name(vm.network), vm.ip[0] != '\0' ? " " : "", vm.ip,
	     vm.egress);
	if (vm.ssh_port > 0)
		line(&page, "ssh", "127.0.0.1 port %u", vm.ssh_port);
	if (vm.host_key[0] != '\0')
		line(&page, "host key", "%s", vm.host_key);
	if (vm.labels[0] != '\0')
		line(&page, "labels", "%s", vm.labels);
	if (vm.ephemeral)
		line(&page, "ephemeral", "deleted as soon as it ends");
	counters(&page, s, vm.id);
	timings(&page, s, vm.id);
	files(&page, s, vm.id);
	*count = page.count;
	return page.lines;
}
