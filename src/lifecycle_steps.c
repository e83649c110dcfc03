/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_steps.c - intent, result and failure, the same for every verb.
 */
#include "lifecycle_steps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

enum { LOCK_WAIT_MS = 30000 };

enum stoker_status steps_begin(stoker *s, struct vm_record *rec, enum stoker_phase kind, enum stoker_state state,
                               int64_t since_ns, struct stoker_error *err)
{
	enum stoker_status st;
	rec->vm.state = state;
	rec->op.kind = kind;
	rec->op.since_ns = since_ns;
	if (!process_identify(getpid(), &rec->op.owner))
		return error_set(err, STOKER_E_FAILED, "/proc does not tell who we are");
	st = store_update(s->store, rec, err);
	if (st == STOKER_OK)
		handle_touch(s);
	return st;
}

static const char *past(enum stoker_phase kind)
{
	switch (kind) {
	case STOKER_PHASE_CREATE:
		return "created";
	case STOKER_PHASE_START:
		return "started";
	case STOKER_PHASE_STOP:
		return "stopped";
	case STOKER_PHASE_DELETE:
		return "deleted";
	default:
		return stoker_phase_name(kind);
	}
}

enum stoker_status steps_end(stoker *s, struct vm_record *rec, enum stoker_phase kind, enum stoker_state state,
                             struct stoker_error *err)
{
	int64_t since = rec->op.since_ns, took = clock_now_ns() - since;
	enum stoker_status st;

	rec->vm.state = state;
	rec->op.kind = STOKER_PHASE_NONE;
	rec->vm.last_phase = kind;
	rec->vm.last_phase_ns = took;
	st = store_update(s->store, rec, err);
	if (st != STOKER_OK)
		return st;
	if (kind == STOKER_PHASE_START)
		history_done(s->store, s->actor, rec, kind, since, took, past(kind), "%s started, pid %lld", rec->vm.name,
		             (long long)rec->vmm.pid);
	else
		history_done(s->store, s->actor, rec, kind, since, took, past(kind), "%s %s (%lld ms)", rec->vm.name,
		             past(kind), (long long)(took / NS_PER_MS));
	handle_touch(s);
	return STOKER_OK;
}

void steps_failed(stoker *s, struct vm_record *rec, enum stoker_phase kind, const struct stoker_error *why)
{
	rec->vm.state = STOKER_ERROR;
	snprintf(rec->vm.reason, sizeof rec->vm.reason, "%s failed: %.340s", stoker_phase_name(kind), why->why);
	rec->op.kind = STOKER_PHASE_NONE;
	store_update(s->store, rec, NULL);
	history_event(s->store, s->actor, rec, "failed", "%s: %s", rec->vm.name, rec->vm.reason);
	handle_touch(s);
}

int64_t call_limit_ms(const stoker *s, const struct stoker_call *call)
{
	return call && call->timeout_ms >= 0 ? call->timeout_ms : settings_number(s->settings, "timeouts.ready_s") * 1000;
}

enum stoker_status steps_enter(stoker *s, const char *ref, int64_t limit_ms, int cancel_fd, struct vm_record *rec,
                               int *lock_fd, struct stoker_error *err)
{
	enum stoker_status st = handle_writable(s, err);
	*lock_fd = -1;
	if (st == STOKER_OK)
		st = store_find(s->store, ref, rec, err);
	if (st == STOKER_OK)
		st = lifecycle_lock(s, rec->vm.id, deadline_after_ms(limit_ms < 0 ? LOCK_WAIT_MS : limit_ms), cancel_fd,
		                    lock_fd, err);
	if (st != STOKER_OK)
		return st;
	st = lifecycle_find_again(s, rec->vm.id, rec, err);
	if (st == STOKER_OK) {
		if (rec->vmm.pid && (!rec->ready_ns || !process_alive(&rec->vmm)))
			lifecycle_take_up(s, rec);
		lifecycle_refresh(s, rec);
		return STOKER_OK;
	}
	close(*lock_fd);
	*lock_fd = -1;
	return st;
}
