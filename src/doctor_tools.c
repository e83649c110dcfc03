/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor_tools.c - doctor's checks of QEMU, of our own programs, of images,
 * of the tools that build them, and of the address and port pools.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/qemu.h"
#include "doctor.h"
#include "error.h"
#include "host.h"
#include "lifecycle_steps.h"
#include "net/view.h"
#include "settings.h"
#include "store.h"

enum { QEMU_DEADLINE_MS = 5000, QEMU_OLDEST_MAJOR = 6, PORTS_TESTED = 64 };

static void qemu_machine_line(void *user, const char *line)
{
	bool *microvm = user;

	if (strncmp(line, "microvm ", 8) == 0)
		*microvm = true;
}

static const char install_qemu[] = "sudo apt-get install --no-install-recommends qemu-system-x86";

void doctor_check_qemu(struct doctor *d)
{
	const char *name = settings_get(d->s->settings, "qemu.binary");
	char path[STOKER_PATH_SIZE], small[STOKER_PATH_SIZE], version[96] = "", beside[200];
	const char *const sandbox[] = { path, "-sandbox", "on", "-machine", "help", NULL };
	const char *const machines[] = { path, "-machine", "help", NULL };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error why = { .code = STOKER_OK };
	struct stoker_check *row;
	bool sandboxed, microvm = false;
	unsigned major = 0;

	call.timeout_ms = QEMU_DEADLINE_MS;
	if (!program_find(name, path)) {
		row = doctor_row(d, "qemu", STOKER_CHECK_FAIL, "%s is not installed", name);
		doctor_fix(row, "%s", install_qemu);
		return;
	}
	if (qemu_version(path, version, sizeof version, &why) != STOKER_OK || sscanf(version, "QEMU emulator version %u", &major) != 1) {
		row = doctor_row(d, "qemu", STOKER_CHECK_FAIL, "%s does not work: %s", path,
		                 why.why[0] ? why.why : "it does not tell its version");
		doctor_fix(row, "sudo apt-get install --reinstall qemu-system-x86, or set qemu.binary in stoker.conf");
		return;
	}
	sandboxed = process_run(sandbox, NULL, &call, qemu_machine_line, &microvm, &why) == STOKER_OK;
	if (!sandboxed)
		process_run(machines, NULL, &call, qemu_machine_line, &microvm, NULL);
	if (!microvm) {
		row = doctor_row(d, "qemu", STOKER_CHECK_FAIL, "%s (%s) has no machine microvm", path, version);
		doctor_fix(row, "%s, or set qemu.binary in stoker.conf", install_qemu);
	} else if (major < QEMU_OLDEST_MAJOR) {
		row = doctor_row(d, "qemu", STOKER_CHECK_WARN, "%s: %s is older than what stoker is tested with (%d)", path,
		                 version, QEMU_OLDEST_MAJOR);
		doctor_fix(row, "%s", install_qemu);
	} else if (!sandboxed) {
		/* Start uses such a one as it is. */
		row = doctor_row(d, "qemu", STOKER_CHECK_WARN, "%s: %s works, but without its sandbox: %s", path, version,
		                 why.why);
		doctor_fix(row, "%s", install_qemu);
	} else if (qemu_small(d->s, path, small, beside, sizeof beside)) {
		doctor_row(d, "qemu", STOKER_CHECK_OK, "%s: %s, with microvm and sandbox; VMs with KVM and network "
		           "tap or none run on its small build %s", path, version, strrchr(small, '/') + 1);
	} else {
		doctor_row(d, "qemu", STOKER_CHECK_OK, "%s: %s, with microvm and sandbox%s%s", path, version,
		           beside[0] ? "; its small build is not used: " : "", beside);
	}
}

void doctor_check_programs(struct doctor *d)
{
	struct stoker_error why = { .code = STOKER_OK };
	char path[STOKER_PATH_SIZE];
	struct stoker_check *row;

	if (supervisor_find(path, &why) == STOKER_OK) {
		doctor_row(d, "supervisor", STOKER_CHECK_OK, "%s", path);
		return;
	}
	row = doctor_row(d, "supervisor", STOKER_CHECK_FAIL, "%s", why.why);
	doctor_fix(row, "%s", why.fix);
}

void doctor_check_image(struct doctor *d)
{
	const char *name = settings_get(d->s->settings, "defaults.image");
	struct stoker_error why = { .code = STOKER_OK };
	struct stoker_image image;
	struct stoker_check *row;

	if (stoker_image_get(d->s, name, &image, &why) == STOKER_OK) {
		doctor_row(d, "image", STOKER_CHECK_OK, "%s, kernel %s", image.name, image.kernel_version);
		return;
	}
	row = doctor_row(d, "image", STOKER_CHECK_FAIL, "%s", why.why);
	doctor_fix(row, "stoker image build %s", name);
}

static void kernel_line(void *user, const char *line)
{
	char *version = user;
	if (!version[0])
		(void)sscanf(line, " Candidate: %63s", version);
}

/* What an image's kernel is made from. Once an image is built it is not needed any more. */
void doctor_check_kernel(struct doctor *d)
{
	static const char *const packages[] = { "linux-image-cloud-amd64", "linux-image-virtual" };
	static const char *const plain[] = { "LC_ALL=C", NULL };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_check *row;

	call.timeout_ms = QEMU_DEADLINE_MS;
	for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
		const char *const policy[] = { "apt-cache", "policy", packages[i], NULL };
		char version[64] = "";
		process_run(policy, plain, &call, kernel_line, version, NULL);
		if (version[0] && strcmp(version, "(none)") != 0) {
			doctor_row(d, "kernel", STOKER_CHECK_OK, "package %s %s can be had", packages[i], version);
			return;
		}
	}
	row = doctor_row(d, "kernel", STOKER_CHECK_WARN, "neither %s nor %s is known to apt", packages[0], packages[1]);
	doctor_fix(row, "sudo apt-get update");
}

/* Missing ones are a warning when the image is there already: it is built once. */
void doctor_check_tools(struct doctor *d)
{
	static const struct {
		const char *program, *package;
		bool always; /* needed for every create, not only to build an image */
	} tools[] = {
		{ "mke2fs", "e2fsprogs", true },   { "debugfs", "e2fsprogs", false }, { "apt-get", "apt", false },
		{ "dpkg-deb", "dpkg", false },     { "tar", "tar", false },           { "awk", "mawk", false },
		{ "lz4", "lz4", false },
	};
	char path[STOKER_PATH_SIZE], missing[160] = "", packages[160] = "";
	enum stoker_check_result result = STOKER_CHECK_WARN;
	struct stoker_check *row;
	size_t m = 0, p = 0;

	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
		if (program_find(tools[i].program, path))
			continue;
		if (tools[i].always)
			result = STOKER_CHECK_FAIL;
		m += (size_t)snprintf(missing + m, sizeof missing - m, "%s%s", m ? ", " : "", tools[i].program);
		if (!strstr(packages, tools[i].package))
			p += (size_t)snprintf(packages + p, sizeof packages - p, " %s", tools[i].package);
	}
	if (!missing[0]) {
		doctor_row(d, "tools", STOKER_CHECK_OK, "all that images and disks are made with is installed");
		return;
	}
	row = doctor_row(d, "tools", result, "not installed: %s (%s)", missing,
	                 result == STOKER_CHECK_FAIL ? "disks cannot be made without" : "needed to build images only");
	doctor_fix(row, "sudo apt-get install%s", packages);
}

void doctor_check_pools(struct doctor *d)
{
	struct stoker_error why = { .code = STOKER_OK };
	struct store_pools pools = { .first_port = 0 };
	struct stoker_host host;
	unsigned left, tested = 0, busy = 0;
	unsigned need = d->vms > d->existing ? d->vms - (unsigned)d->existing : 0;
	struct stoker_check *row;

	if (host_pools(d->s, &host, &why) != STOKER_OK) {
		row = doctor_row(d, "pools", STOKER_CHECK_FAIL, "%s", why.why);
		doctor_fix(row, "%s", why.fix);
		return;
	}
	settings_pools(d->s->settings, &pools);
	left = host.addresses_total > host.addresses_used ? host.addresses_total - host.addresses_used : 0;
	if (left >= need) {
		doctor_row(d, "addresses", STOKER_CHECK_OK, "%u of %u guest addresses are free", left, host.addresses_total);
	} else {
		row = doctor_row(d, "addresses", STOKER_CHECK_FAIL, "%u of %u guest addresses are free, %u are needed", left,
		                 host.addresses_total, need);
		doctor_fix(row, "Widen network.pool in %s", d->s->config_file);
	}
	/* Ports may be taken by programs that are not ours: try as many as are needed, within reason. */
	for (unsigned port = pools.first_port; port <= pools.last_port && tested < PORTS_TESTED; port++, tested++)
		busy += !port_is_free((uint16_t)port);
	busy = busy > d->living ? busy - (unsigned)d->living : 0;
	left = host.ports_total > host.ports_used ? host.ports_total - host.ports_used : 0;
	left = left > busy ? left - busy : 0;
	if (left >= need) {
		doctor_row(d, "ports", STOKER_CHECK_OK, "%u of %u host ports are free%s", left, host.ports_total,
		           busy ? ", some are taken by other programs" : "");
	} else {
		row = doctor_row(d, "ports", STOKER_CHECK_FAIL, "%u of %u host ports are free, %u are needed", left,
		                 host.ports_total, need);
		doctor_fix(row, "Widen network.ports in %s", d->s->config_file);
	}
}

/* Whether VMs can have network tap. Nothing is wrong where nobody wants it. */
void doctor_check_network(struct doctor *d)
{
	struct stoker_error why = { .code = STOKER_OK };
	struct net_view *view;
	struct stoker_check *row;
	const char *table;
	char devices[200] = "", text[8], name[NET_NAME_SIZE], id[STOKER_ID_SIZE];

	if (net_check(d->s, &why) != STOKER_OK) {
		row = doctor_row(d, "tap", d->taps ? STOKER_CHECK_FAIL : STOKER_CHECK_WARN, "network tap cannot be had: %s", why.why);
		doctor_fix(row, "%s", why.fix);
		return;
	}
	doctor_row(d, "tap", STOKER_CHECK_OK, "network tap can be had, with the pool %s",
	           settings_get(d->s->settings, "network.pool"));
	view = net_view_take(d->s, NULL);
	if (!view)
		return;
	table = net_view_table(view);
	if (table && (net_view_device(view, 0, name, id) || strcmp(table, "gone") != 0)) {
		row = doctor_row(d, "rules", STOKER_CHECK_FAIL, "the table of rules inet stoker is %s", table);
		doctor_fix(row, "stoker reconcile --yes");
	} else {
		doctor_row(d, "rules", STOKER_CHECK_OK, table ? "the table inet stoker is made with the first VM" :
		           "the table inet stoker is as it was made");
	}
	if (read_whole_file("/proc/sys/net/ipv4/ip_forward", text, sizeof text) <= 0)
		text[0] = '?';
	net_view_forwarding(view, devices, sizeof devices);
	doctor_row(d, "forwarding", STOKER_CHECK_OK, "net.ipv4.ip_forward is %c and is left so; stoker turned forwarding on for %s",
	           text[0], devices[0] ? devices : "no device");
	net_view_free(view);
}
