/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle.c - the record against the host: finding, refreshing, locking, killing.
 *
 * The order of every change is: intent into the store, effect on the host,
 * result into the store. Nobody changes a VM's record without its lock; a
 * reader that meets something newly published by a supervisor writes it down
 * only if the lock is free, else it shows it and leaves the writing to others.
 */
#include "lifecycle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "disk.h"
#include "error.h"
#include "lifecycle_steps.h"
#include "net/net.h"
#include "process.h"
#include "trash.h"

/* ---- the lock */

static void lock_pause(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 4 * NS_PER_MS }, NULL);
}

enum stoker_status lifecycle_find_again(stoker *s, const char *id, struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = store_find(s->store, id, rec, err);
	return st == STOKER_E_NOT_FOUND ? error_set(err, st, "it was deleted just now") : st;
}

enum stoker_status lifecycle_lock(stoker *s, const char *id, int64_t deadline_ns, int cancel_fd, int *lock_fd,
                                  struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	*lock_fd = -1;
	if (!path_state(s, path, "vms/%s", id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	for (;;) {
		struct stat mine, there;
		struct vm_record rec;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
			error_set(err, STOKER_E_STATE, "%s is no folder of its own", path);
			return error_fix(err, "Put its folder back there; or remove what stands there, then: stoker reconcile"), STOKER_E_STATE;
		}
		if (fd < 0 && errno != ENOENT)
			return error_errno(err, errno, "cannot open the VM's folder");
		if (fd < 0) {
			/* Being made just now, or its maker died before: then whoever holds the record makes it. */
			enum stoker_status st = lifecycle_find_again(s, id, &rec, err);
			if (st != STOKER_OK)
				return st;
			if (rec.op.kind != STOKER_PHASE_CREATE || !process_alive(&rec.op.owner)) {
				if (mkdir(path, 0700) < 0 && errno != EEXIST)
					return error_errno(err, errno, "cannot make the VM's folder");
				continue;
			}
		} else if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			/* The folder may have been deleted while we waited: a lock on a dead folder is none. */
			if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
			    mine.st_dev == there.st_dev) {
				*lock_fd = fd;
				return STOKER_OK;
			}
			close(fd);
			if (lifecycle_find_again(s, id, &rec, err) == STOKER_E_NOT_FOUND)
				return STOKER_E_NOT_FOUND;
			continue;
		} else {
			close(fd);
		}
		if (cancel_fd >= 0 && poll(&(struct pollfd){ cancel_fd, POLLIN, 0 }, 1, 0) > 0)
			return error_set(err, STOKER_E_CANCELLED, "cancelled");
		if (clock_now_ns() >= deadline_ns) {
			const char *what = "another operation";
			if (store_find(s->store, id, &rec, NULL) == STOKER_OK && rec.op.kind != STOKER_PHASE_NONE)
				what = stoker_phase_name(rec.op.kind);
			error_set(err, STOKER_E_TIMEOUT, "%s is under way on it", what);
			return error_fix(err, "Wait for it to end and try again"), STOKER_E_TIMEOUT;
		}
		lock_pause();
	}
}

static bool try_lock(stoker *s, const char *id, int *fd)
{
	char path[STOKER_PATH_SIZE];
	*fd = path_state(s, path, "vms/%s", id) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (*fd < 0)
		return false;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	close(*fd);
	*fd = -1;
	return false;
}

/* ---- what the supervisor published */

/* The VMM's end as the supervisor saw it, into the record. */
static void lifecycle_apply_end(struct vm_record *rec, const struct run_status *run)
{
	struct stoker_vm *vm = &rec->vm;
	vm->exit_status = run->exit_status < 0 ? -1 : run->exit_status;
	vm->reason[0] = '\0';
	if (run->asked || run->bye[0] || (!rec->agent && run->exit_status == 0)) {
		vm->state = STOKER_STOPPED;
	} else {
		const char *colon = run->message[0] ? ": " : "";
		vm->state = STOKER_CRASHED;
		if (run->exit_status == 0)
			snprintf(vm->reason, sizeof vm->reason, "the guest reset or panicked");
		else if (run->exit_status > 256)
			snprintf(vm->reason, sizeof vm->reason, "the VMM was ended by signal %d%s%.300s", run->exit_status - 256,
			         colon, run->message);
		else if (run->exit_status > 0)
			snprintf(vm->reason, sizeof vm->reason, "the VMM ended with status %d%s%.300s", run->exit_status, colon,
			         run->message);
		else
			snprintf(vm->reason, sizeof vm->reason, "the VMM ended; nobody saw how");
	}
	rec->vmm.pid = rec->supervisor.pid = 0;
	rec->ready_ns = rec->ssh_ns = 0;
}

static void apply_hello(struct vm_record *rec, const struct run_status *run)
{
	rec->ready_ns = run->hello_ns;
	snprintf(rec->vm.host_key, sizeof rec->vm.host_key, "%s", run->host_key);
}

static void note_end(stoker *s, const struct vm_record *rec)
{
	if (rec->vm.state == STOKER_CRASHED)
		history_event(s->store, "host", rec, "crashed", "%s crashed: %s", rec->vm.name, rec->vm.reason);
	else
		history_event(s->store, "guest", rec, "stopped", "%s powered itself off", rec->vm.name);
}

/* With the lock held: writes down what the supervisor published since. False
 * when there is nothing of this VMM to read. */
bool lifecycle_take_up(stoker *s, struct vm_record *now)
{
	struct run_status run;
	bool hello = false, end = false;

	if (now->op.kind != STOKER_PHASE_NONE || !run_status_read(s, now->vm.id, &run) ||
	    !process_same(&run.vmm, &now->vmm))
		return false;
	if (!now->ready_ns && run.hello_ns) {
		int64_t took = run.hello_ns - now->started_ns;
		apply_hello(now, &run);
		now->vm.last_phase = STOKER_PHASE_BOOT;
		now->vm.last_phase_ns = took > 0 ? took : 0;
		history_timing(s->store, now, STOKER_PHASE_BOOT, now->started_ns, now->vm.last_phase_ns);
		hello = true;
	}
	if (run.exit_status != -2 && !process_alive(&now->vmm)) {
		lifecycle_apply_end(now, &run);
		end = true;
	}
	if ((hello || end) && store_update(s->store, now, NULL) == STOKER_OK) {
		if (hello)
			history_event(s->store, "guest", now, "ready", "%s is ready", now->vm.name);
		if (end)
			note_end(s, now);
		handle_touch(s);
	}
	return true;
}

/* The same if the lock is free; *rec is then what the store holds. An
 * ephemeral VM that ended goes with it. */
static bool take_up(stoker *s, struct vm_record *rec)
{
	struct vm_record now;
	bool done = false;
	int lock;

	if (s->read_only || !try_lock(s, rec->vm.id, &lock))
		return false;
	if (store_find(s->store, rec->vm.id, &now, NULL) == STOKER_OK && process_same(&now.vmm, &rec->vmm) &&
	    lifecycle_take_up(s, &now)) {
		if (now.vm.ephemeral && now.vmm.pid == 0)
			steps_delete(s, &now, clock_now_ns(), NULL);
		*rec = now;
		done = true;
	}
	close(lock);
	return done;
}

/* ---- refresh */

static void contradict(struct stoker_vm *vm, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void contradict(struct stoker_vm *vm, const char *fmt, ...)
{
	va_list ap;
	vm->stale = true;
	va_start(ap, fmt);
	vsnprintf(vm->reason, sizeof vm->reason, fmt, ap);
	va_end(ap);
}

/* Also in state error: a VMM that could not be stopped still has its identity recorded. */
static bool names_vmm(const struct vm_record *rec)
{
	return rec->vmm.pid > 0;
}

static void show_living(stoker *s, struct vm_record *rec)
{
	struct stoker_vm *vm = &rec->vm;
	vm->pid = rec->vmm.pid;
	vm->uptime_ms = rec->started_ns ? (clock_now_ns() - rec->started_ns) / NS_PER_MS : 0;
	vm->ready = rec->ready_ns != 0;
	if (process_alive(&rec->supervisor))
		vm->supervisor_pid = rec->supervisor.pid;
	else if (rec->op.kind == STOKER_PHASE_NONE)
		contradict(vm, "its supervisor (process %lld) is gone; the VM goes on", (long long)rec->supervisor.pid);
	if (!vm->ready && vm->phase == STOKER_PHASE_NONE && vm->state == STOKER_RUNNING) {
		struct run_status run;
		if (run_status_read(s, vm->id, &run) && process_same(&run.vmm, &rec->vmm) && run.hello_ns) {
			if (!take_up(s, rec)) { /* shown all the same */
				apply_hello(rec, &run);
			}
			vm->pid = rec->vmm.pid;
			vm->supervisor_pid = rec->supervisor.pid;
			vm->uptime_ms = (clock_now_ns() - rec->started_ns) / NS_PER_MS;
			vm->ready = rec->ready_ns != 0;
		}
		/* Whether a guest has booted that has neither agent nor network nobody can know. */
		if (!vm->ready && (rec->agent || vm->network != STOKER_NET_NONE)) {
			vm->phase = STOKER_PHASE_BOOT;
			vm->phase_since_ns = rec->started_ns;
		}
	}
}

void lifecycle_refresh(stoker *s, struct vm_record *rec)
{
	struct stoker_vm *vm = &rec->vm;

	vm->pid = vm->supervisor_pid = 0;
	vm->agent = rec->agent;
	vm->ready = vm->stale = false;
	vm->uptime_ms = -1;
	vm->phase = STOKER_PHASE_NONE;
	if (rec->op.kind != STOKER_PHASE_NONE) {
		if (process_alive(&rec->op.owner)) {
			vm->phase = rec->op.kind;
			vm->phase_since_ns = rec->op.since_ns;
		} else {
			contradict(vm, "%s was cut off: process %lld is gone", stoker_phase_name(rec->op.kind),
			           (long long)rec->op.owner.pid);
		}
	}
	if (rec->owner.pid && rec->op.kind == STOKER_PHASE_NONE && !process_alive(&rec->owner))
		contradict(vm, "the command it was made for (process %lld) is gone", (long long)rec->owner.pid);
	if (!names_vmm(rec)) {
		if (rec->op.kind == STOKER_PHASE_NONE && (vm->state == STOKER_STARTING || vm->state == STOKER_STOPPING ||
		                                          vm->state == STOKER_RUNNING))
			contradict(vm, "the record says %s, but names no process", stoker_state_name(vm->state));
		return;
	}
	if (strcmp(rec->vmm.boot_id, s->boot_id) != 0) {
		contradict(vm, "the record says %s, but the host was restarted since", stoker_state_name(vm->state));
		return;
	}
	if (process_alive(&rec->vmm)) {
		show_living(s, rec);
	} else if (rec->op.kind == STOKER_PHASE_NONE) { /* else the operation under way sees to it */
		struct run_status run;
		bool published = run_status_read(s, vm->id, &run) && process_same(&run.vmm, &rec->vmm) &&
		                 run.exit_status != -2;
		if (published) {
			if (!take_up(s, rec))
				lifecycle_apply_end(rec, &run);
		} else if (!process_alive(&rec->supervisor)) {
			contradict(vm, "the record says %s, but process %lld is gone", stoker_state_name(vm->state),
			           (long long)rec->vmm.pid);
		} /* else: its supervisor is about to publish the end */
	}
}

enum stoker_status lifecycle_find(stoker *s, const char *ref, struct vm_record *out, struct stoker_error *err)
{
	enum stoker_status st = store_find(s->store, ref, out, err);
	int lock;
	if (st != STOKER_OK)
		return st;
	lifecycle_refresh(s, out);
	/* A VMM without its supervisor: the next command adopts it. */
	if (out->vm.stale && out->vm.pid && !out->vm.supervisor_pid && out->op.kind == STOKER_PHASE_NONE && !s->read_only &&
	    try_lock(s, out->vm.id, &lock)) {
		struct vm_record now;
		if (store_find(s->store, out->vm.id, &now, NULL) == STOKER_OK && now.op.kind == STOKER_PHASE_NONE &&
		    process_alive(&now.vmm) && !process_alive(&now.supervisor) &&
		    lifecycle_adopt(s, &now, NULL) == STOKER_OK)
			*out = now;
		close(lock);
		lifecycle_refresh(s, out);
	}
	return STOKER_OK;
}

/* ---- notes */

/* The record as it is now, when it is still of the same run. */
static bool same_run(stoker *s, const struct vm_record *rec, struct vm_record *now)
{
	return store_find(s->store, rec->vm.id, now, NULL) == STOKER_OK && now->run == rec->run &&
	       now->op.kind == STOKER_PHASE_NONE && now->vm.state == STOKER_RUNNING;
}

void lifecycle_note_banner(stoker *s, const struct vm_record *rec)
{
	struct vm_record now;
	int64_t end = clock_now_ns();
	int lock;
	if (s->read_only || rec->ready_ns || !try_lock(s, rec->vm.id, &lock))
		return;
	if (same_run(s, rec, &now) && !now.ready_ns) {
		now.ready_ns = end;
		now.vm.last_phase = STOKER_PHASE_BOOT;
		now.vm.last_phase_ns = end - now.started_ns;
		if (store_update(s->store, &now, NULL) == STOKER_OK) {
			history_timing(s->store, &now, STOKER_PHASE_BOOT, now.started_ns, now.vm.last_phase_ns);
			history_event(s->store, "guest", &now, "ready", "%s is ready", now.vm.name);
			handle_touch(s);
		}
	}
	close(lock);
}

void lifecycle_note_ssh(stoker *s, const struct vm_record *rec, int64_t request_ns)
{
	struct vm_record now;
	int64_t end = clock_now_ns(), from;
	int lock;
	if (s->read_only || rec->ssh_ns || !try_lock(s, rec->vm.id, &lock))
		return;
	if (same_run(s, rec, &now) && !now.ssh_ns) {
		now.ssh_ns = end;
		if (!now.ready_ns)
			now.ready_ns = rec->ready_ns ? rec->ready_ns : request_ns;
		from = now.ready_ns > request_ns ? now.ready_ns : request_ns;
		if (store_update(s->store, &now, NULL) == STOKER_OK) {
			history_timing(s->store, &now, STOKER_PHASE_SSH, from, end > from ? end - from : 0);
			handle_touch(s);
		}
	}
	close(lock);
}

void lifecycle_note_exec(stoker *s, const struct vm_record *rec, int64_t start_ns, int64_t duration_ns)
{
	if (!s->read_only)
		history_timing(s->store, rec, STOKER_PHASE_EXEC, start_ns, duration_ns);
}

/* ---- ending and removing */

enum stoker_status lifecycle_kill(stoker *s, const struct vm_record *rec, int64_t deadline_ns, struct stoker_error *err)
{
	int vmm = process_pidfd(&rec->vmm), supervisor = -1;
	enum stoker_status st = STOKER_OK;

	(void)s;
	/* Only what is known to be gone needs no end. */
	if (vmm < 0 && errno != ESRCH)
		return error_errno(err, errno, "cannot reach the VMM (process %lld)", (long long)rec->vmm.pid);
	supervisor = process_pidfd(&rec->supervisor);
	if (vmm >= 0) {
		if (process_signal(vmm, SIGKILL) < 0 && errno != ESRCH)
			st = error_errno(err, errno, "cannot end the VMM (process %lld)", (long long)rec->vmm.pid);
		else if (process_wait_end(vmm, deadline_ns, -1) < 0)
			st = error_errno(err, errno, "the VMM (process %lld) does not end", (long long)rec->vmm.pid);
	}
	/* The supervisor reaps the VMM, publishes its end and goes; one that hangs is ended as well. */
	if (supervisor >= 0 && st == STOKER_OK && process_wait_end(supervisor, deadline_after_ms(2000), -1) < 0) {
		process_signal(supervisor, SIGKILL);
		process_wait_end(supervisor, deadline_after_ms(2000), -1);
	}
	if (vmm >= 0)
		close(vmm);
	if (supervisor >= 0)
		close(supervisor);
	return st;
}

enum stoker_status lifecycle_remove_folder(const char *path, const char *last, struct stoker_error *err)
{
	struct dirent *e;
	bool failed = false;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d;
	if (fd < 0)
		return errno == ENOENT ? STOKER_OK : error_errno(err, errno, "cannot open %s", path);
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return error_errno(err, errno, "cannot read %s", path);
	}
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, last) == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && errno != ENOENT)
			failed = true;
	}
	if (!failed && *last)
		unlinkat(fd, last, 0); /* rmdir() tells when it stayed */
	closedir(d);
	if (rmdir(path) < 0 && errno != ENOENT)
		return error_errno(err, errno, "cannot remove %s", path);
	return STOKER_OK;
}

enum stoker_status lifecycle_remove_files(stoker *s, const char *id, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	enum stoker_status st;
	if (!path_state(s, path, "vms/%s/disk.ext4", id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	st = disk_unused(path, err);
	if (st != STOKER_OK)
		return st;
	if (path_runtime(s, path, "vms/%s", id)) {
		st = lifecycle_remove_folder(path, "status", err);
		if (st != STOKER_OK)
			return st;
	}
	if (trash_marked(s, id))
		return trash_take(s, id, err);
	/* The manifest is our tag on the folder: it goes last, so that what a crash leaves is still known as ours. */
	path_state(s, path, "vms/%s", id);
	return lifecycle_remove_folder(path, "manifest.json", err);
}

enum stoker_status lifecycle_remove(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	/* The files first: they are held by a VMM that lives against all expectation. */
	enum stoker_status st = lifecycle_remove_files(s, rec->vm.id, err);
	return st == STOKER_OK && rec->vm.network == STOKER_NET_TAP ? net_detach(s, rec, err) : st;
}
