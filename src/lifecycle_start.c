/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_start.c - phase start, and the adoption of a VMM that lost its supervisor.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "disk.h"
#include "error.h"
#include "guest/session.h"
#include "lifecycle_steps.h"
#include "net/net.h"
#include "supervisor/control.h"

enum { START_LIMIT_MS = 30000, REPORT_LIMIT_MS = 5000, REPORT_FD = 3 };

extern char **environ;

/* ---- finding and starting the supervisor */

static bool beside(const char *file, const char *tail, char out[STOKER_PATH_SIZE])
{
	const char *slash = strrchr(file, '/');
	int n = slash ? snprintf(out, STOKER_PATH_SIZE, "%.*s/%s", (int)(slash - file), file, tail) : STOKER_PATH_SIZE;
	return n < STOKER_PATH_SIZE && access(out, X_OK) == 0;
}

/* $STOKER_SUPERVISOR; beside this library or program (a build folder), or below the same prefix wherever that was moved
 * to, which of a program that is not stoker's only the library tells; where it was installed. */
enum stoker_status supervisor_find(char out[STOKER_PATH_SIZE], struct stoker_error *err)
{
	const char *named = getenv("STOKER_SUPERVISOR");
	char exe[STOKER_PATH_SIZE];
	Dl_info info;
	ssize_t n;
	if (named && named[0]) {
		if (snprintf(out, STOKER_PATH_SIZE, "%s", named) < STOKER_PATH_SIZE && access(out, X_OK) == 0)
			return STOKER_OK;
		return error_set(err, STOKER_E_MISSING, "STOKER_SUPERVISOR names no program: %s", named);
	}
	if (dladdr((void *)(uintptr_t)stoker_version, &info) && info.dli_fname &&
	    (beside(info.dli_fname, "stoker-supervisor", out) ||
	     beside(info.dli_fname, "../libexec/stoker/stoker-supervisor", out) ||
	     beside(info.dli_fname, "../../libexec/stoker/stoker-supervisor", out)))
		return STOKER_OK;
	n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n > 0) {
		exe[n] = '\0';
		if (beside(exe, "stoker-supervisor", out) || beside(exe, "../stoker-supervisor", out) ||
		    beside(exe, "../libexec/stoker/stoker-supervisor", out))
			return STOKER_OK;
	}
	if (snprintf(out, STOKER_PATH_SIZE, "%s/stoker-supervisor", STOKER_LIBEXECDIR) < STOKER_PATH_SIZE &&
	    access(out, X_OK) == 0)
		return STOKER_OK;
	error_set(err, STOKER_E_MISSING, "stoker-supervisor is not installed");
	return error_fix(err, "Install stoker whole (cmake --install), or name it in STOKER_SUPERVISOR"), STOKER_E_MISSING;
}

/* Starts it and waits for its one line. */
static enum stoker_status supervisor_start(stoker *s, struct vm_record *rec, const struct argv *vmm, bool adopt,
                                           int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE], run[STOKER_PATH_SIZE], log[STOKER_PATH_SIZE], changed[STOKER_PATH_SIZE], line[1200];
	char clean[600];
	long long vmm_pid, sup_pid;
	unsigned long long vmm_ticks, sup_ticks;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	const struct backend_ops *ops;
	struct argv a = { 0 };
	sigset_t none, all;
	enum stoker_status st;
	int report[2] = { -1, -1 }, rc;
	size_t len = 0;
	pid_t child = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	st = backend_of(rec, &ops, err);
	if (st == STOKER_OK)
		st = supervisor_find(path, err);
	if (st != STOKER_OK)
		goto out;
	if (!path_runtime(s, run, "vms/%s", rec->vm.id) || !path_state(s, log, "vms/%s/console.log", rec->vm.id) ||
	    !path_state(s, changed, "changed")) {
		st = error_set(err, STOKER_E_FAILED, "the paths of the VM's folders are too long");
		goto out;
	}
	argv_add(&a, "%s", path);
	argv_add(&a, "--run");
	argv_add(&a, "%s", run);
	argv_add(&a, "--log");
	argv_add(&a, "%s", log);
	argv_add(&a, "--notify");
	argv_add(&a, "%s", changed);
	argv_add(&a, "--name");
	argv_add(&a, "%s", rec->vm.name);
	argv_add(&a, "--report");
	argv_add(&a, "%d", REPORT_FD);
	argv_add(&a, "--log-cap");
	argv_add(&a, "%ld", settings_number(s->settings, "console.log_kib") * 1024);
	argv_add(&a, "--console");
	argv_add(&a, "%s", ops->console);
	argv_add(&a, "--channel");
	argv_add(&a, "%s", ops->channel);
	argv_add(&a, "--metrics");
	argv_add(&a, "%s", ops->counters ? "fifo" : "none");
	if (adopt) {
		argv_add(&a, "--adopt");
		argv_add(&a, "%lld:%llu", (long long)rec->vmm.pid, (unsigned long long)rec->vmm.start_ticks);
	} else {
		if (vmm->sandbox)
			argv_add(&a, "--sandbox");
		argv_add(&a, "--");
		for (size_t i = 0; i < vmm->count; i++)
			argv_add(&a, "%s", vmm->items[i]);
	}
	if (a.failed || pipe2(report, O_CLOEXEC) < 0) {
		st = error_errno(err, a.failed ? ENOMEM : errno, "cannot start the supervisor");
		goto out;
	}
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	posix_spawn_file_actions_adddup2(&actions, report[1], REPORT_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, REPORT_FD + 1);
	rc = posix_spawn(&child, path, &actions, &attr, a.items, environ);
	if (rc != 0) {
		child = -1;
		st = error_errno(err, rc, "cannot start the supervisor");
		goto out;
	}
	close(report[1]);
	report[1] = -1;
	for (;;) {
		struct pollfd fds[2] = { { report[0], POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int n = poll(fds, 2, deadline_poll_ms(deadline));
		ssize_t got;
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n > 0 && fds[1].revents)) {
			if (st != STOKER_OK)
				goto out;
			/* What was started is known only by the report: without it nobody could end it again. */
			st = n == 0 ? error_set(err, STOKER_E_TIMEOUT, "the supervisor did not report in time")
			            : error_set(err, STOKER_E_CANCELLED, "cancelled");
			cancel_fd = -1;
			deadline = deadline_after_ms(REPORT_LIMIT_MS);
			continue;
		}
		got = read(report[0], line + len, sizeof line - 1 - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0)
			len += (size_t)got;
		if (got <= 0 || len == sizeof line - 1 || memchr(line, '\n', len))
			break;
	}
	line[len] = '\0';
	if (sscanf(line, "ok %lld %llu %lld %llu", &vmm_pid, &vmm_ticks, &sup_pid, &sup_ticks) == 4) {
		rec->vmm.pid = vmm_pid;
		rec->vmm.start_ticks = vmm_ticks;
		memcpy(rec->vmm.boot_id, s->boot_id, sizeof rec->vmm.boot_id);
		rec->supervisor.pid = sup_pid;
		rec->supervisor.start_ticks = sup_ticks;
		memcpy(rec->supervisor.boot_id, s->boot_id, sizeof rec->supervisor.boot_id);
	} else if (st != STOKER_OK) {
		/* Cancelled or late, and nothing was started. */
	} else if (strncmp(line, "error ", 6) == 0) {
		line[strcspn(line, "\n")] = '\0';
		st = error_set(err, STOKER_E_FAILED, "%s", error_clean(clean, sizeof clean, line + 6, strlen(line + 6)));
	} else {
		st = error_set(err, STOKER_E_FAILED, "the supervisor ended without a report");
	}
out:
	for (int i = 0; i < 2; i++)
		if (report[i] >= 0)
			close(report[i]);
	/* It detached by a fork of its own: what we started ends at once and must be reaped. */
	if (child > 0)
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	argv_free(&a);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return st;
}

enum stoker_status lifecycle_adopt(stoker *s, struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = supervisor_start(s, rec, NULL, true, deadline_after_ms(5000), -1, err);
	if (st == STOKER_OK)
		st = store_update(s->store, rec, err);
	if (st == STOKER_OK) {
		history_event(s->store, s->actor, rec, "adopted", "%s got a new supervisor, pid %lld", rec->vm.name,
		              (long long)rec->supervisor.pid);
		handle_touch(s);
	}
	return st;
}

/* ---- start */

static enum stoker_status may_start(const struct vm_record *rec, struct stoker_error *err)
{
	const struct stoker_vm *vm = &rec->vm;
	if (vm->pid) {
		error_set(err, STOKER_E_STATE, vm->state == STOKER_PAUSED ? "already started, and paused (process %lld)"
		                                                          : "already running (process %lld)",
		          (long long)vm->pid);
		if (vm->state == STOKER_PAUSED)
			return error_fix(err, "Let it go on: stoker resume %s", vm->name), STOKER_E_STATE;
		return error_fix(err, "Nothing needs doing; stoker list shows it"), STOKER_E_STATE;
	}
	if (vm->stale || vm->state == STOKER_STARTING || vm->state == STOKER_STOPPING || vm->state == STOKER_RUNNING) {
		error_set(err, STOKER_E_STATE, "its record does not fit the host: %s", vm->reason);
		return error_fix(err, "Mend it: stoker reconcile"), STOKER_E_STATE;
	}
	return STOKER_OK;
}

static enum stoker_status check_ports(const struct stoker_vm *vm, struct stoker_error *err)
{
	struct net_policy policy = { 0 };
	uint16_t taken = vm->ssh_port && !port_is_free(vm->ssh_port) ? vm->ssh_port : 0;

	net_policy_of(vm, &policy);
	for (size_t i = 0; !taken && i < policy.port_count; i++)
		if (!port_is_free(policy.ports[i].host))
			taken = policy.ports[i].host;
	if (!taken)
		return STOKER_OK;
	error_set(err, STOKER_E_LIMIT, "port %u of 127.0.0.1 is taken by another program", (unsigned)taken);
	return error_fix(err, "End that program (ss -ltnp 'sport = :%u' names it), or create the VM anew", (unsigned)taken),
	       STOKER_E_LIMIT;
}

static enum stoker_status check_disk(const struct stoker_vm *vm, const char *path, struct stoker_error *err)
{
	struct stat info;

	disk_forget_aside(path);
	if (access(path, R_OK | W_OK) < 0 || stat(path, &info) < 0)
		error_errno(err, errno, "its disk cannot be used");
	else if (S_ISREG(info.st_mode))
		return STOKER_OK;
	else /* at a FIFO a VMM would wait for its other end */
		error_set(err, STOKER_E_MISSING, "its disk cannot be used: %s is no file", path);
	return error_fix(err, "Delete this VM and create it again: stoker delete %s", vm->name), STOKER_E_MISSING;
}

/* `fresh`: nothing of it runs yet. */
static enum stoker_status compose(stoker *s, struct vm_record *rec, bool fresh, struct launch *launch,
                                  struct stoker_error *err)
{
	char dir[STOKER_PATH_SIZE];
	enum stoker_status st = image_paths(s, rec->vm.image, &launch->files, err);
	if (st != STOKER_OK)
		return st;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): error_set() never gives STOKER_OK, so without memory nobody comes here */
	launch->rec = rec;
	rec->agent = launch->files.agent;
	if (!path_state(s, dir, "vms/%s", rec->vm.id) || !path_state(s, launch->disk, "vms/%s/disk.ext4", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	if (rec->vm.disk_mode == STOKER_DISK_SHARED)
		launch->disk[0] = '\0';
	else
		st = check_disk(&rec->vm, launch->disk, err);
	if (st == STOKER_OK && fresh)
		st = check_ports(&rec->vm, err);
	if (st == STOKER_OK && fresh)
		st = backend_again(s, rec, err);
	if (st != STOKER_OK)
		return st;
	net_guest_config(s, &rec->vm, &launch->net);
	return key_public(dir, launch->public_key, err);
}

enum stoker_status lifecycle_accept(stoker *s, struct vm_record *rec, int64_t deadline_ns, struct stoker_error *err)
{
	struct launch *launch = calloc(1, sizeof *launch);
	const struct backend_ops *ops;
	enum stoker_status st = launch ? backend_of(rec, &ops, err) : error_set(err, STOKER_E_NOMEM, "not enough memory");
	if (st == STOKER_OK)
		st = compose(s, rec, false, launch, err);
	if (st == STOKER_OK)
		st = ops->accept(s, launch, deadline_ns, -1, err);
	free(launch);
	return st;
}

/* The effect: supervisor and VMM, up to the accepted boot. */
static enum stoker_status launch_vmm(stoker *s, struct vm_record *rec, struct launch *launch,
                                     const struct stoker_call *call, struct stoker_error *err)
{
	const struct backend_ops *ops;
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : START_LIMIT_MS);
	int cancel_fd = call ? call->cancel_fd : -1;
	struct argv argv = { 0 };
	enum stoker_status st = backend_of(rec, &ops, err);
	char run[STOKER_PATH_SIZE];

	if (st != STOKER_OK)
		return st;
	if (!path_runtime(s, run, "vms/%s", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the runtime folder's path is too long");
	if (mkdir(run, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "cannot make %s", run);
	if (path_runtime(s, run, "vms/%s/status", rec->vm.id))
		unlink(run); /* of the run before */
	/* Made when the VM was created; a restart of the host takes it away. */
	st = rec->vm.network == STOKER_NET_TAP ? net_attach(s, rec, err) : STOKER_OK;
	if (st == STOKER_OK)
		st = ops->command(s, launch, &argv, err);
	launch->lesser = argv.sandbox;
	if (st == STOKER_OK)
		st = supervisor_start(s, rec, &argv, false, deadline, cancel_fd, err);
	if (st == STOKER_OK)
		st = ops->accept(s, launch, deadline, cancel_fd, err);
	if (st != STOKER_OK) {
		struct run_status status;
		if (rec->vmm.pid == 0 && run_status_read(s, rec->vm.id, &status)) {
			rec->vmm = status.vmm;
			rec->supervisor = status.supervisor;
		}
		lifecycle_kill(s, rec, deadline_after_ms(5000), NULL);
		/* A VMM that refused its command line says why on its standard error. */
		if (err && st != STOKER_E_CANCELLED && !launch->explained && run_status_read(s, rec->vm.id, &status) && status.message[0])
			st = error_set(err, st == STOKER_E_CLOSED ? STOKER_E_FAILED : st, "%s says: %s", ops->title, status.message);
		rec->vmm.pid = rec->supervisor.pid = 0;
	}
	argv_free(&argv);
	return st;
}

enum stoker_status stoker_start(stoker *s, const char *ref, const struct stoker_call *call, struct stoker_vm *out,
                                struct stoker_error *err)
{
	int64_t since = clock_now_ns();
	struct stoker_error why = { 0 };
	struct launch *launch = calloc(1, sizeof *launch);
	struct vm_record rec;
	enum stoker_status st;
	enum stoker_state before;
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	st = launch ? steps_enter(s, ref, call ? call->timeout_ms : -1, call ? call->cancel_fd : -1, &rec, &lock, &why) : error_set(&why, STOKER_E_NOMEM, "not enough memory");
	if (st == STOKER_OK)
		st = may_start(&rec, &why);
	if (st == STOKER_OK)
		st = compose(s, &rec, true, launch, &why);
	if (st != STOKER_OK)
		goto out;
	before = rec.vm.state;
	rec.run++;
	rec.vm.reason[0] = '\0';
	rec.vm.exit_status = -1;
	rec.ready_ns = rec.ssh_ns = rec.started_ns = 0;
	rec.vmm.pid = rec.supervisor.pid = 0;
	st = steps_begin(s, &rec, STOKER_PHASE_START, STOKER_STARTING, since, &why);
	if (st != STOKER_OK)
		goto out;
	st = launch_vmm(s, &rec, launch, call, &why);
	if (st == STOKER_E_FAILED && launch->lesser) {
		history_event(s->store, s->actor, &rec, "whole", "the small build of the VMM did not do: %s", why.why);
		launch->whole = true;
		st = launch_vmm(s, &rec, launch, call, &why);
	}
	if (st == STOKER_E_FAILED && strstr(why.why, "sandbox")) {
		/* Built without seccomp: such a QEMU refuses the option itself. Asking beforehand would cost every start. */
		launch->no_sandbox = true;
		st = launch_vmm(s, &rec, launch, call, &why);
	}
	if (st == STOKER_OK) {
		rec.started_ns = clock_now_ns();
		rec.vm.started_at_ms = clock_wall_ms();
		st = steps_end(s, &rec, STOKER_PHASE_START, STOKER_RUNNING, &why);
		if (st != STOKER_OK)
			lifecycle_kill(s, &rec, deadline_after_ms(5000), NULL);
	}
	if (st == STOKER_E_CANCELLED) {
		rec.vm.state = before;
		rec.op.kind = STOKER_PHASE_NONE;
		store_update(s->store, &rec, NULL);
		handle_touch(s);
	} else if (st != STOKER_OK) {
		steps_failed(s, &rec, STOKER_PHASE_START, &why);
	}
out:
	if (lock >= 0)
		close(lock);
	if (st == STOKER_OK) {
		lifecycle_refresh(s, &rec);
		if (out)
			*out = rec.vm;
	} else {
		error_what(&why, "start %s", rec.vm.name[0] ? rec.vm.name : "a VM");
		if (err)
			*err = why;
	}
	free(launch);
	return st;
}
