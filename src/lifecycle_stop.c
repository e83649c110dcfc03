/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_stop.c - phases stop and delete.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "error.h"
#include "guest/channel.h"
#include "guest/session.h"
#include "lifecycle_steps.h"
#include "trash.h"

enum { KILL_LIMIT_MS = 10000 };

/* Waits for the VMM's end. STOKER_OK: it has ended; _TIMEOUT; _CANCELLED with the error set. */
static enum stoker_status wait_end(const struct vm_record *rec, int64_t deadline, const struct stoker_call *call,
                                   struct stoker_error *err)
{
	int fd = process_pidfd(&rec->vmm), rc, why;
	if (fd < 0)
		return errno == ESRCH ? STOKER_OK
		                      : error_errno(err, errno, "cannot reach the VMM (process %lld)", (long long)rec->vmm.pid);
	rc = process_wait_end(fd, deadline, call ? call->cancel_fd : -1);
	why = errno;
	close(fd);
	if (rc < 0 && why == ECANCELED)
		return error_set(err, STOKER_E_CANCELLED, "cancelled; the guest may still be powering off");
	return rc < 0 ? STOKER_E_TIMEOUT : STOKER_OK;
}

/* A guest without agent is asked over SSH, where its host key is known. For a reboot: not every machine can be switched
 * off, and every VMM ends with a reset. */
static bool ask_by_ssh(stoker *s, const struct vm_record *rec, int64_t deadline, int cancel_fd)
{
	static const char *const argv[] = { "reboot", NULL };
	const struct stoker_exec exec = { .argv = argv };
	struct stoker_call call = { deadline_poll_ms(deadline), cancel_fd, NULL, NULL };
	struct stoker_exec_result result;
	struct exec_io io = { .in_fd = -1 };
	struct vm_record running = *rec;
	enum stoker_status st;
	void *ssh = NULL;

	if (rec->agent || !rec->vm.host_key[0] || !rec->vm.ssh_port)
		return false;
	running.vm.state = STOKER_RUNNING; /* it is in the middle of a stop: no reason not to be reached */
	if (ssh_open(s, &running, &call, &ssh, NULL) != STOKER_OK)
		return false;
	exec_sink_open(&io.out, -1, 0);
	exec_sink_open(&io.err, -1, 0);
	call.timeout_ms = deadline_poll_ms(deadline);
	st = ssh_ops.exec(ssh, &exec, &io, &call, &result, NULL);
	ssh_ops.close(ssh);
	/* The answer may be lost with the connection. */
	return st == STOKER_E_CLOSED || (st == STOKER_OK && result.status == 0);
}

/* The rungs before the kill: the agent is asked, or the guest over SSH; half the time later, or at once when it cannot
 * be, ctrl-alt-del is pressed where there are keys. STOKER_E_TIMEOUT: the kill is due. */
static enum stoker_status ask_to_end(stoker *s, struct vm_record *rec, bool paused, int64_t grace,
                                     const struct stoker_call *call, struct stoker_error *err)
{
	const struct backend_ops *ops = backend_by_name(rec->vm.backend);
	int64_t deadline = deadline_after_ms(grace), half = deadline_after_ms(grace / 2);
	int cancel_fd = call ? call->cancel_fd : -1;
	enum stoker_status st = STOKER_E_TIMEOUT;

	/* A guest that stands still hears nothing. */
	if (paused && (!ops || ops->pause(s, rec, false, half, cancel_fd, NULL) != STOKER_OK))
		return STOKER_E_TIMEOUT;
	if (rec->agent ? channel_poweroff(s, rec, NULL) == STOKER_OK : ask_by_ssh(s, rec, half, cancel_fd))
		st = wait_end(rec, ops && ops->press ? half : deadline, call, err);
	if (st == STOKER_E_TIMEOUT && ops && ops->press && ops->press(s, rec, deadline, cancel_fd, NULL) == STOKER_OK)
		st = wait_end(rec, deadline, call, err);
	return st;
}

/* A guest that is still booting has nothing to lose yet and is not waited for. */
static enum stoker_status end_vmm(stoker *s, struct vm_record *rec, bool force, bool paused, const struct stoker_call *call,
                                  struct stoker_error *err)
{
	int64_t grace = call && call->timeout_ms >= 0 ? call->timeout_ms : settings_number(s->settings, "timeouts.stop_s") * 1000;
	struct run_status run;
	enum stoker_status st;

	if (!force && !rec->vm.ephemeral && (rec->ready_ns || !rec->agent) && grace > 0) {
		st = ask_to_end(s, rec, paused, grace, call, err);
		if (st == STOKER_E_CANCELLED)
			return st;
		if (st == STOKER_E_TIMEOUT && (rec->agent || rec->vm.host_key[0]))
			history_event(s->store, s->actor, rec, "killed", "%s did not power off in %lld ms and was killed",
			              rec->vm.name, (long long)grace);
	}
	st = lifecycle_kill(s, rec, deadline_after_ms(KILL_LIMIT_MS), err);
	if (st != STOKER_OK)
		return st;
	rec->vm.exit_status = run_status_read(s, rec->vm.id, &run) && run.exit_status >= 0 ? run.exit_status : -1;
	rec->vmm.pid = rec->supervisor.pid = 0;
	rec->ready_ns = rec->ssh_ns = 0;
	return STOKER_OK;
}

enum stoker_status steps_delete(stoker *s, struct vm_record *rec, int64_t since_ns, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	bool trash = trash_marked(s, rec->vm.id);
	if (rec->op.kind != STOKER_PHASE_DELETE) /* else the intent was recorded before the VMM was killed */
		st = steps_begin(s, rec, STOKER_PHASE_DELETE, rec->vm.state, since_ns, err);
	if (st == STOKER_OK)
		st = lifecycle_remove(s, rec, err);
	if (st != STOKER_OK) {
		if (err && err->code != STOKER_OK)
			steps_failed(s, rec, STOKER_PHASE_DELETE, err);
		return st;
	}
	st = store_remove(s->store, rec->vm.id, err);
	if (st == STOKER_OK) {
		int64_t took = clock_now_ns() - since_ns;
		history_done(s->store, s->actor, rec, STOKER_PHASE_DELETE, since_ns, took, "deleted", "%s %s (%lld ms)",
		             rec->vm.name, trash ? "put into the trash" : "deleted", (long long)(took / NS_PER_MS));
		handle_touch(s);
	}
	return st;
}

enum stoker_status stoker_stop(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                               struct stoker_vm *out, struct stoker_error *err)
{
	int64_t since = clock_now_ns();
	struct stoker_error why = { 0 };
	struct vm_record rec;
	enum stoker_status st;
	enum stoker_state before;
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	st = steps_enter(s, ref, -1, call ? call->cancel_fd : -1, &rec, &lock, &why);
	if (st != STOKER_OK)
		goto out;
	if (!rec.vm.pid) {
		if (rec.vm.stale) {
			error_set(&why, STOKER_E_STATE, "%s", rec.vm.reason);
			error_fix(&why, "Mend the record: stoker reconcile");
		} else {
			error_set(&why, STOKER_E_STATE, "not running (%s)", stoker_state_name(rec.vm.state));
			error_fix(&why, "Nothing needs doing; stoker list shows it");
		}
		st = STOKER_E_STATE;
		goto out;
	}
	before = rec.vm.state;
	st = steps_begin(s, &rec, STOKER_PHASE_STOP, STOKER_STOPPING, since, &why);
	if (st != STOKER_OK)
		goto out;
	st = end_vmm(s, &rec, force, before == STOKER_PAUSED, call, &why);
	if (st == STOKER_E_CANCELLED) {
		rec.vm.state = before;
		rec.op.kind = STOKER_PHASE_NONE;
		store_update(s->store, &rec, NULL);
		handle_touch(s);
	} else if (st != STOKER_OK) {
		/* The VMM still lives: its identity stays recorded. */
		steps_failed(s, &rec, STOKER_PHASE_STOP, &why);
	} else {
		rec.vm.reason[0] = '\0';
		st = steps_end(s, &rec, STOKER_PHASE_STOP, STOKER_STOPPED, &why);
		if (st == STOKER_OK && rec.vm.ephemeral)
			st = steps_delete(s, &rec, clock_now_ns(), &why);
	}
out:
	if (lock >= 0)
		close(lock);
	if (st == STOKER_OK) {
		lifecycle_refresh(s, &rec);
		if (out)
			*out = rec.vm;
	} else {
		error_what(&why, "stop %s", rec.vm.name[0] ? rec.vm.name : "a VM");
		if (err)
			*err = why;
	}
	return st;
}

/* keep_s > 0: into the trash for that time, unless it is ephemeral. */
static enum stoker_status delete_vm(stoker *s, const char *ref, bool force, long keep_s, const struct stoker_call *call,
                                    struct stoker_error *err)
{
	int64_t since = clock_now_ns();
	struct stoker_error why = { 0 };
	struct vm_record rec;
	enum stoker_status st;
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	st = steps_enter(s, ref, call ? call->timeout_ms : -1, call ? call->cancel_fd : -1, &rec, &lock, &why);
	if (st != STOKER_OK)
		goto out;
	if (rec.vm.pid && !force) {
		st = error_set(&why, STOKER_E_STATE, "it is running (process %lld)", (long long)rec.vm.pid);
		error_fix(&why, "Stop it first: stoker stop %s, or delete it running: stoker delete --force %s", rec.vm.name,
		          rec.vm.name);
		goto out;
	}
	if (keep_s > 0 && !rec.vm.ephemeral) {
		/* What a restore reads: the manifest of the create knows nothing of the runs since. */
		st = manifest_write(s->state_dir, &rec, &why);
		if (st == STOKER_OK)
			st = trash_mark(s, rec.vm.id, keep_s, &why);
		if (st != STOKER_OK)
			goto out;
	} else {
		trash_unmark(s, rec.vm.id); /* of one that failed before */
	}
	if (rec.vm.pid) {
		st = steps_begin(s, &rec, STOKER_PHASE_DELETE, STOKER_STOPPING, since, &why);
		if (st == STOKER_OK)
			st = end_vmm(s, &rec, true, false, call, &why);
		if (st != STOKER_OK) {
			steps_failed(s, &rec, STOKER_PHASE_DELETE, &why);
			goto out;
		}
		rec.vm.state = STOKER_STOPPED;
	}
	st = steps_delete(s, &rec, since, &why);
out:
	if (st != STOKER_OK && lock >= 0 && keep_s > 0)
		trash_unmark(s, rec.vm.id);
	if (lock >= 0)
		close(lock);
	if (st != STOKER_OK) {
		error_what(&why, "delete %s", rec.vm.name[0] ? rec.vm.name : "a VM");
		if (err)
			*err = why;
	}
	return st;
}

enum stoker_status stoker_delete(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                                 struct stoker_error *err)
{
	return delete_vm(s, ref, force, 0, call, err);
}

enum stoker_status stoker_trash_put(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                                    struct stoker_error *err)
{
	enum stoker_status st = delete_vm(s, ref, force, settings_number(s->settings, "trash.keep_s"), call, err);
	if (st == STOKER_OK)
		stoker_trash_empty(s, NULL, true, NULL, NULL);
	return st;
}
