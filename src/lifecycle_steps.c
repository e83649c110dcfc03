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
	history_timing(s->store, rec, kind, since, took);
	if (kind == STOKER_PHASE_START)
		history_event(s->store, s->actor, rec, past(kind), "%s started, pid %lld", rec->vm.name, (long long)rec->vmm.pid);
	else
		history_event(s->store, s->actor, rec, past(kind), "%s %s (%lld ms)", rec->vm.name, past(kind),
		              (long long)(took / NS_PER_MS));
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

enum stoker_status steps_enter(stoker *s, const char *ref, const struct stoker_call *call, struct vm_record *rec,
                               int *lock_fd, struct stoker_error *err)
{
	enum stoker_status st = handle_writable(s, err);
	*lock_fd = -1;
	if (st == STOKER_OK)
		st = store_find(s->store, ref, rec, err);
	if (st == STOKER_OK)
		st = lifecycle_lock(s, rec->vm.id, deadline_after_ms(LOCK_WAIT_MS), call ? call->cancel_fd : -1, lock_fd, err);
	if (st != STOKER_OK)
		return st;
	st = store_find(s->store, rec->vm.id, rec, err);
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

void steps_add_console(stoker *s, const char *id, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE], tail[600], clean[700];
	struct stat info;
	ssize_t n = 0;
	size_t len;
	int fd;
	if (!err || !path_state(s, path, "vms/%s/console.log", id))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (fstat(fd, &info) == 0) {
		off_t from = info.st_size > 400 ? info.st_size - 400 : 0;
		n = pread(fd, tail, 400, from);
	}
	close(fd);
	len = strlen(err->why);
	if (n <= 0) {
		snprintf(err->why + len, sizeof err->why - len, "; its console is empty");
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		if (tail[i] == '\n' || tail[i] == '\r' || tail[i] == '\t')
			tail[i] = ' ';
	error_clean(clean, sizeof clean, tail, (size_t)n);
	snprintf(err->why + len, sizeof err->why - len, "; its console ends: %s", clean);
}
