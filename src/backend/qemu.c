/* SPDX-License-Identifier: Apache-2.0
 *
 * qemu.c - QEMU's microvm machine.
 *
 * No shell is ever in between: the command line is a vector, and every path in
 * an option list has its commas doubled, which is QEMU's own quoting.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../doctor.h"
#include "../error.h"
#include "../supervisor/control.h"
#include "backend.h"
#include "qemu.h"
#include "qmp.h"

static enum stoker_status qemu_find(stoker *s, char path[STOKER_PATH_SIZE], struct stoker_error *err)
{
	const char *name = settings_get(s->settings, "qemu.binary");
	if (program_find(name, path))
		return STOKER_OK;
	error_set(err, STOKER_E_MISSING, "QEMU (%s) is not installed", name);
	return error_fix(err, "Install it: apt-get install qemu-system-x86, or name it as qemu.binary in stoker.conf"),
	       STOKER_E_MISSING;
}

static enum stoker_status qemu_check(stoker *s, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	return qemu_find(s, path, err);
}

/* QEMU's option lists are separated by commas; a comma in a value is doubled. */
static bool quoted(const char *path, char out[2 * STOKER_PATH_SIZE])
{
	size_t o = 0;
	for (; *path; path++) {
		if (o + 3 > 2 * STOKER_PATH_SIZE)
			return false;
		out[o++] = *path;
		if (*path == ',')
			out[o++] = ',';
	}
	out[o] = '\0';
	return true;
}

static void drive(struct argv *a, const char *id, const char *path, bool read_only, bool *ok)
{
	char file[2 * STOKER_PATH_SIZE];
	*ok = *ok && quoted(path, file);
	argv_add(a, "-drive");
	argv_add(a, "id=%s,if=none,format=raw,file.locking=%s,%sfile=%s", id, read_only ? "off" : "on",
	         read_only ? "read-only=on," : "", *ok ? file : "");
	argv_add(a, "-device");
	argv_add(a, "virtio-blk-device,drive=%s,serial=%s", id, id);
}

static void network(struct argv *a, const struct launch *launch, bool *ok)
{
	const struct stoker_vm *vm = &launch->rec->vm;
	struct net_policy policy;
	char name[NET_NAME_SIZE], mac[NET_MAC_SIZE], ports[NET_PORTS_MAX * 64] = "";
	size_t at = 0;

	if (vm->network == STOKER_NET_NONE)
		return;
	*ok = *ok && launch->net.address[0] && net_policy_of(vm, &policy);
	net_mac(vm->id, mac);
	argv_add(a, "-netdev");
	if (vm->network == STOKER_NET_TAP) {
		/* It belongs to QEMU's user, who needs no other right to open it. */
		net_tap_name(vm->id, name);
		argv_add(a, "tap,id=net,ifname=%s,script=no,downscript=no,vhost=off", name);
	} else {
		for (size_t i = 0; *ok && i < policy.port_count; i++)
			at += (size_t)snprintf(ports + at, sizeof ports - at, ",hostfwd=tcp:127.0.0.1:%u-%s:%u",
			                       (unsigned)policy.ports[i].host, vm->ip, (unsigned)policy.ports[i].guest);
		argv_add(a, "user,id=net,ipv6=off,net=%s,host=%s,dns=%s,restrict=%s,hostfwd=tcp:127.0.0.1:%u-%s:22%s",
		         launch->net.user_net, launch->net.gateway, launch->net.dns, strcmp(vm->egress, "none") == 0 ? "on" : "off",
		         (unsigned)vm->ssh_port, vm->ip, ports);
	}
	argv_add(a, "-device");
	argv_add(a, "virtio-net-device,netdev=net,mac=%s", mac);
}

static enum stoker_status qemu_command(stoker *s, const struct launch *launch, struct argv *a, struct stoker_error *err)
{
	const struct stoker_vm *vm = &launch->rec->vm;
	bool kvm = strcmp(vm->accel, "kvm") == 0, ok = true;
	char path[STOKER_PATH_SIZE], small[STOKER_PATH_SIZE], why[200], boot[2048];
	enum stoker_status st = qemu_find(s, path, err);

	if (st != STOKER_OK)
		return st;
	if (!boot_arguments(launch, boot, sizeof boot))
		return error_set(err, STOKER_E_FAILED, "the guest's kernel command line is too long");
	/* Chosen anew with every start: it can emulate no processor and has no user-mode network. */
	a->sandbox = kvm && vm->network != STOKER_NET_USER && !launch->whole && qemu_small(s, path, small, why, sizeof why);
	argv_add(a, "%s", a->sandbox ? small : path);
	argv_add(a, "-name");
	argv_add(a, "stoker-%s", vm->name);
	argv_add(a, "-M");
	argv_add(a, "microvm,acpi=on,rtc=on,auto-kernel-cmdline=off");
	argv_add(a, "-accel");
	argv_add(a, kvm ? "kvm" : "tcg");
	argv_add(a, "-cpu");
	/* "Enhanced rep movsb" makes kernels copy and clear memory byte by byte, which TCG takes literally: without it
	 * they go by eight, boot with a fifth less work and move data three times as fast. */
	argv_add(a, kvm ? "host" : "max,-erms");
	argv_add(a, "-smp");
	argv_add(a, "%u", vm->vcpus);
	argv_add(a, "-m");
	argv_add(a, "%u", vm->memory_mib);
	argv_add(a, "-nodefaults");
	argv_add(a, "-no-user-config");
	argv_add(a, "-display");
	argv_add(a, "none");
	argv_add(a, "-no-reboot");
	/* Begun by `cont` over QMP: a guest that already ran would delay QMP's answers under TCG, and an accepted
	 * boot is one that QEMU acknowledged. */
	argv_add(a, "-S");
	/* The small one is built without it. */
	if (!launch->no_sandbox && !a->sandbox) {
		argv_add(a, "-sandbox");
		argv_add(a, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	}
	argv_add(a, "-chardev");
	argv_add(a, "socket,id=qmp,fd=%d,server=on,wait=off", VMM_FD_QMP);
	argv_add(a, "-mon");
	argv_add(a, "chardev=qmp,mode=control");
	/* wait=on costs nothing, since the supervisor connected before the exec, and loses no early line. */
	argv_add(a, "-chardev");
	argv_add(a, "socket,id=console,fd=%d,server=on,wait=on", VMM_FD_CONSOLE);
	argv_add(a, "-serial");
	argv_add(a, "chardev:console");
	argv_add(a, "-chardev");
	argv_add(a, "socket,id=agent,fd=%d,server=on,wait=off", VMM_FD_CHANNEL);
	argv_add(a, "-device");
	argv_add(a, "virtio-serial-device");
	argv_add(a, "-device");
	argv_add(a, "virtserialport,chardev=agent,name=stoker.agent");
	if (vm->disk_mode != STOKER_DISK_COPY)
		drive(a, "base", launch->files.root, true, &ok);
	if (launch->disk[0])
		drive(a, "disk", launch->disk, false, &ok);
	network(a, launch, &ok);
	argv_add(a, "-kernel");
	argv_add(a, "%s", launch->files.kernel);
	if (launch->files.initrd[0]) {
		argv_add(a, "-initrd");
		argv_add(a, "%s", launch->files.initrd);
	}
	argv_add(a, "-append");
	argv_add(a, "%s", boot);
	if (!ok || a->failed)
		return error_set(err, STOKER_E_NOMEM, "QEMU's command line could not be composed");
	return STOKER_OK;
}

static enum stoker_status monitor(stoker *s, const struct vm_record *rec, struct qmp **out, struct stoker_error *err)
{
	char run[STOKER_PATH_SIZE];
	enum stoker_status st;

	if (!path_runtime(s, run, "vms/%s", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the runtime folder's path is too long");
	/* The supervisor made the socket; once QEMU has come up it listens on it again, and from then on the
	 * credentials are QEMU's. Either is ours, anybody else is not. */
	st = qmp_open(run, &rec->supervisor, out, NULL);
	return st == STOKER_OK ? st : qmp_open(run, &rec->vmm, out, err);
}

static enum stoker_status command(stoker *s, const struct vm_record *rec, const char *name, const char *member,
                                  char *value, size_t cap, int64_t deadline_ns, int cancel_fd, struct stoker_error *err)
{
	struct qmp *qmp = NULL;
	enum stoker_status st = monitor(s, rec, &qmp, err);
	if (st == STOKER_OK)
		st = qmp_run(qmp, name, member, value, cap, deadline_ns, cancel_fd, err);
	qmp_close(qmp);
	return st;
}

static enum stoker_status qemu_accept(stoker *s, struct launch *launch, int64_t deadline_ns, int cancel_fd,
                                      struct stoker_error *err)
{
	return command(s, launch->rec, "cont", NULL, NULL, 0, deadline_ns, cancel_fd, err);
}

static enum stoker_status qemu_state(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                     enum vmm_state *out, struct stoker_error *err)
{
	char status[32] = "";
	enum stoker_status st = command(s, rec, "query-status", "status", status, sizeof status, deadline_ns, cancel_fd, err);
	*out = strcmp(status, "running") == 0 ? VMM_RUNNING : strcmp(status, "prelaunch") == 0 ? VMM_NOT_STARTED : VMM_PAUSED;
	return st;
}

static enum stoker_status qemu_pause(stoker *s, const struct vm_record *rec, bool on, int64_t deadline_ns, int cancel_fd,
                                     struct stoker_error *err)
{
	return command(s, rec, on ? "stop" : "cont", NULL, NULL, 0, deadline_ns, cancel_fd, err);
}

const struct backend_ops qemu_backend = {
	.name = "qemu",
	.title = "QEMU",
	.networks = NETWORK_BIT(STOKER_NET_USER) | NETWORK_BIT(STOKER_NET_TAP) | NETWORK_BIT(STOKER_NET_NONE),
	.standard = STOKER_NET_USER,
	.console = "socket",
	.channel = "socket",
	.sockets = { "qmp.sock", "console.sock", "channel.sock" },
	.boot = "reboot=t",
	.check = qemu_check,
	.command = qemu_command,
	.accept = qemu_accept,
	.state = qemu_state,
	.pause = qemu_pause,
	.doctor = doctor_check_qemu,
};
