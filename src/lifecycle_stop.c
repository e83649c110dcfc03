/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_stop.c - phases stop and delete.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/channel.h"
#include "lifecycle_steps.h"
#include "trash.h"

enum { KILL_LIMIT_MS = 10000 };

/* Asks the guest and waits for the VMM's end; at the deadline, or when nobody
 * can be asked, kills. A guest that is still booting has nothing to lose yet
 * and is not waited for. */
static enum stoker_status end_vmm(stoker *s, struct vm_record *rec, bool force, const struct stoker_call *call,
                                  struct stoker_error *err)
{
	int64_t grace = call && call->timeout_ms >= 0 ? call->timeout_ms : settings_number(s->settings, "timeouts.stop_s") * 1000;
	struct run_status run;
	enum stoker_status st;

	if (!force && !rec->vm.ephemeral && rec->agent && rec->ready_ns && grace > 0 &&
	    channel_poweroff(s, rec, NULL) == STOKER_OK) {
		int64_t deadline = deadline_after_ms(grace);
		int fd = process_pidfd(&rec->vmm);
		if (fd >= 0) {
			int rc = process_wait_end(fd, deadline, call ? call->cancel_fd : -1);
			int why = rc < 0 ? errno : 0;
			close(fd);
			if (why == ECANCELED)
				return error_set(err, STOKER_E_CANCELLED, "cancelled; the guest may still be powering off");
			if (why == ETIMEDOUT)
				history_event(s->store, s->actor, rec, "killed", "%s did not power off in %lld ms and was killed",
				              rec->vm.name, (long long)grace);
		}
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
		history_timing(s->store, rec, STOKER_PHASE_DELETE, since_ns, took);
		history_event(s->store, s->actor, rec, "deleted", "%s %s (%lld ms)", rec->vm.name,
		              trash ? "put into the trash" : "deleted", (long long)(took / NS_PER_MS));
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
		}
		st = STOKER_E_STATE;
		goto out;
	}
	before = rec.vm.state;
	st = steps_begin(s, &rec, STOKER_PHASE_STOP, STOKER_STOPPING, since, &why);
	if (st != STOKER_OK)
		goto out;
	st = end_vmm(s, &rec, force, call, &why);
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
			st = end_vmm(s, &rec, true, call, &why);
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
