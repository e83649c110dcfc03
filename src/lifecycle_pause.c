/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_pause.c - pause and resume.
 *
 * Whatever is cut off in between leaves a record that says paused over a VMM
 * that may run: pausing is recorded before the effect, resuming after it. So
 * only of a paused one the VMM must be asked (reconcile does), and resuming
 * one that runs does no harm.
 */
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "error.h"
#include "lifecycle_steps.h"

enum { PAUSE_LIMIT_MS = 10000, ASK_MS = 2000 };

static enum stoker_status may_change(const struct vm_record *rec, bool on, struct stoker_error *err)
{
	const struct stoker_vm *vm = &rec->vm;
	if (!vm->pid || (vm->state != STOKER_RUNNING && vm->state != STOKER_PAUSED)) {
		error_set(err, STOKER_E_STATE, "it is %s%s%s", stoker_state_name(vm->state), vm->reason[0] ? ": " : "", vm->reason);
		if (vm->stale)
			return error_fix(err, "Mend the record: stoker reconcile"), STOKER_E_STATE;
		return lifecycle_fix_start(err, vm->name, vm->ephemeral), STOKER_E_STATE;
	}
	if (!on && vm->state == STOKER_RUNNING) {
		error_set(err, STOKER_E_STATE, "it is not paused");
		return error_fix(err, "Nothing needs doing; stoker list shows it"), STOKER_E_STATE;
	}
	if (on && vm->state == STOKER_PAUSED) {
		error_set(err, STOKER_E_STATE, "it is paused already");
		return error_fix(err, "Let it go on: stoker resume %s", vm->name), STOKER_E_STATE;
	}
	return STOKER_OK;
}

static enum stoker_status record(stoker *s, struct vm_record *rec, enum stoker_state state, struct stoker_error *err)
{
	enum stoker_status st;
	rec->vm.state = state;
	st = store_update(s->store, rec, err);
	handle_touch(s);
	return st;
}

static enum stoker_status change(stoker *s, struct vm_record *rec, bool on, const struct stoker_call *call,
                                 struct stoker_error *err)
{
	const struct backend_ops *ops;
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : PAUSE_LIMIT_MS);
	int cancel_fd = call ? call->cancel_fd : -1;
	enum vmm_state now;
	enum stoker_status st = backend_of(rec, &ops, err);

	if (st == STOKER_OK && on)
		st = record(s, rec, STOKER_PAUSED, err);
	if (st != STOKER_OK)
		return st;
	st = ops->pause(s, rec, on, deadline, cancel_fd, err);
	if (st == STOKER_OK)
		return on ? st : record(s, rec, STOKER_RUNNING, err);
	/* What is true then? Where the VMM does not say it stays "paused", which a later resume puts right. */
	if (ops->state(s, rec, deadline_after_ms(ASK_MS), -1, &now, NULL) == STOKER_OK)
		record(s, rec, now == VMM_PAUSED ? STOKER_PAUSED : STOKER_RUNNING, NULL);
	return st;
}

static enum stoker_status pause_or_resume(stoker *s, const char *ref, bool on, const struct stoker_call *call,
                                          struct stoker_vm *out, struct stoker_error *err)
{
	struct stoker_error why = { 0 };
	struct vm_record rec;
	enum stoker_status st;
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	st = steps_enter(s, ref, call ? call->timeout_ms : -1, call ? call->cancel_fd : -1, &rec, &lock, &why);
	if (st == STOKER_OK)
		st = may_change(&rec, on, &why);
	if (st == STOKER_OK)
		st = change(s, &rec, on, call, &why);
	if (st == STOKER_OK)
		history_event(s->store, s->actor, &rec, on ? "paused" : "resumed", "%s %s", rec.vm.name, on ? "paused" : "resumed");
	if (lock >= 0)
		close(lock);
	if (st == STOKER_OK) {
		lifecycle_refresh(s, &rec);
		if (out)
			*out = rec.vm;
	} else {
		error_what(&why, "%s %s", on ? "pause" : "resume", rec.vm.name[0] ? rec.vm.name : "a VM");
		if (err)
			*err = why;
	}
	return st;
}

enum stoker_status stoker_pause(stoker *s, const char *ref, const struct stoker_call *call, struct stoker_vm *out,
                                struct stoker_error *err)
{
	return pause_or_resume(s, ref, true, call, out, err);
}

enum stoker_status stoker_resume(stoker *s, const char *ref, const struct stoker_call *call, struct stoker_vm *out,
                                 struct stoker_error *err)
{
	return pause_or_resume(s, ref, false, call, out, err);
}
