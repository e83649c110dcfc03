/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile_repair.c - carrying one repair out. The caller holds the VM's lock
 * and has just looked again; everything here can be done twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "error.h"
#include "lifecycle_steps.h"
#include "reconcile.h"
#include "trash.h"

enum { KILL_MS = 10000, ACCEPT_MS = 5000 };

static enum stoker_status note(stoker *s, enum stoker_status st, const struct vm_record *rec, const char *done)
{
	if (st == STOKER_OK)
		history_event(s->store, "reconcile", rec, "reconciled", "%s: %s", rec->vm.name, done);
	return st;
}

static void no_process(struct vm_record *rec)
{
	rec->vmm.pid = rec->supervisor.pid = 0;
	rec->ready_ns = rec->ssh_ns = 0;
}

/* Into the store: this state, nothing under way. */
static enum stoker_status mark(stoker *s, struct vm_record *rec, enum stoker_state state, const char *reason,
                               struct stoker_error *err)
{
	rec->vm.state = state;
	memset(rec->vm.reason, 0, sizeof rec->vm.reason);
	snprintf(rec->vm.reason, sizeof rec->vm.reason, "%s", reason);
	rec->op.kind = STOKER_PHASE_NONE;
	return store_update(s->store, rec, err);
}

/* Files first, then the record, as a delete has it. */
static enum stoker_status drop(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = lifecycle_remove(s, rec, err);
	return st == STOKER_OK ? store_remove(s->store, rec->vm.id, err) : st;
}

/* Ends what the record, the status file and the held files name, each only if it is still who it was. The record has no
 * process then. */
static enum stoker_status end_all(stoker *s, struct vm_record *rec, const struct host_view *view,
                                  struct run_status *run, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(KILL_MS);
	bool told = run_status_read(s, rec->vm.id, run);
	const struct holder *vmm = view_vmm(view, rec->vm.id);
	struct vm_record target = *rec;
	enum stoker_status st = lifecycle_kill(s, &target, deadline, err);

	if (st == STOKER_OK && told) {
		target.vmm = run->vmm;
		target.supervisor = run->supervisor;
		st = lifecycle_kill(s, &target, deadline, err);
	}
	if (st == STOKER_OK && vmm) {
		target.vmm = vmm->process;
		target.supervisor = (struct process_id){ 0 };
		st = lifecycle_kill(s, &target, deadline, err);
	}
	if (!run_status_read(s, rec->vm.id, run))
		run->exit_status = -1;
	if (st == STOKER_OK)
		no_process(rec);
	return st;
}

/* A VMM without a living supervisor gets one; the VM itself is right already, so failing is no failure. */
static void supervise(stoker *s, struct vm_record *rec)
{
	struct run_status run;
	if (process_alive(&rec->supervisor))
		return;
	/* Adopted before, but the adopter died before it wrote that down. */
	if (run_status_read(s, rec->vm.id, &run) && run.vmm.pid == rec->vmm.pid &&
	    run.vmm.start_ticks == rec->vmm.start_ticks && process_alive(&run.supervisor)) {
		rec->supervisor = run.supervisor;
		store_update(s->store, rec, NULL);
		return;
	}
	lifecycle_adopt(s, rec, NULL);
}

/* Fills the run's part of a record from what the supervisor published. */
static void from_status(struct vm_record *rec, const struct run_status *run)
{
	rec->vmm = run->vmm;
	rec->supervisor = run->supervisor;
	rec->started_ns = run->spawned_ns;
	/* Taken from there, not as news: its boot was timed when it happened. */
	rec->ready_ns = run->hello_ns;
	rec->ssh_ns = 0;
	if (run->hello_ns)
		snprintf(rec->vm.host_key, sizeof rec->vm.host_key, "%s", run->host_key);
	if (!rec->vm.started_at_ms)
		rec->vm.started_at_ms = clock_wall_ms() - (clock_now_ns() - run->spawned_ns) / NS_PER_MS;
	if (!rec->run)
		rec->run = 1;
	rec->vm.state = STOKER_RUNNING;
	rec->vm.exit_status = -1;
	memset(rec->vm.reason, 0, sizeof rec->vm.reason);
	rec->op.kind = STOKER_PHASE_NONE;
}

static enum stoker_status adopt_known(stoker *s, struct vm_record *rec, struct stoker_error *err)
{
	struct run_status run;
	enum stoker_status st;
	if (process_alive(&rec->vmm)) {
		st = mark(s, rec, STOKER_RUNNING, "", err);
	} else if (living_by_status(s, rec->vm.id, &run)) {
		from_status(rec, &run);
		st = store_update(s->store, rec, err);
	} else {
		return error_set(err, STOKER_E_STATE, "its VMM has ended meanwhile");
	}
	if (st != STOKER_OK)
		return st;
	supervise(s, rec);
	lifecycle_take_up(s, rec);
	return STOKER_OK;
}

static enum stoker_status finish_start(stoker *s, struct vm_record *rec, const struct host_view *view, bool undo,
                                       struct stoker_error *err)
{
	struct run_status run;
	enum stoker_status st;

	if (!undo && living_by_status(s, rec->vm.id, &run)) {
		from_status(rec, &run);
		/* Booted for sure, or asked to again: a VMM that runs already takes that without harm. */
		if (run.hello_ns || lifecycle_accept(s, rec, deadline_after_ms(ACCEPT_MS), NULL) == STOKER_OK) {
			st = store_update(s->store, rec, err);
			if (st == STOKER_OK) {
				supervise(s, rec);
				lifecycle_take_up(s, rec);
				return note(s, st, rec, "its start was finished");
			}
			return st;
		}
	}
	st = end_all(s, rec, view, &run, err);
	if (st != STOKER_OK)
		return st;
	st = mark(s, rec, STOKER_ERROR, "start was cut off", err);
	return note(s, st, rec, "its start was cut off; marked failed");
}

static enum stoker_status repair_half_done(stoker *s, struct vm_record *rec, const struct host_view *view,
                                           enum stoker_repair repair, struct stoker_error *err)
{
	struct run_status run;
	enum stoker_status st;

	switch (rec->op.kind) {
	case STOKER_PHASE_CREATE:
		return note(s, drop(s, rec, err), rec, "its create was undone");
	case STOKER_PHASE_START:
		return finish_start(s, rec, view, repair == STOKER_REPAIR_UNDO, err);
	case STOKER_PHASE_STOP:
		st = end_all(s, rec, view, &run, err);
		if (st != STOKER_OK)
			return st;
		rec->vm.exit_status = run.exit_status >= 0 ? run.exit_status : -1;
		if (rec->vm.ephemeral)
			return note(s, drop(s, rec, err), rec,
			            "its stop was finished, and it was deleted as it is ephemeral");
		return note(s, mark(s, rec, STOKER_STOPPED, "", err), rec, "its stop was finished");
	case STOKER_PHASE_DELETE:
		st = end_all(s, rec, view, &run, err);
		return st == STOKER_OK ? note(s, drop(s, rec, err), rec, "its delete was finished") : st;
	case STOKER_PHASE_NONE: /* starting or stopping, nobody about it, and its VMM lives */
		st = adopt_known(s, rec, err);
		return note(s, st, rec, "marked running");
	default:
		rec->op.kind = STOKER_PHASE_NONE;
		return note(s, store_update(s->store, rec, err), rec, "a forgotten operation was cleared");
	}
}

static enum stoker_status repair_dead(stoker *s, struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	bool rebooted = rec->vmm.pid && strcmp(rec->vmm.boot_id, s->boot_id) != 0;
	const char *done = "it had ended, and its end was recorded";

	if (!rec->vmm.pid || rebooted) {
		no_process(rec);
		rec->vm.exit_status = -1;
		st = mark(s, rec, STOKER_STOPPED, "", err);
		done = rebooted ? "marked stopped: the host was restarted" : "marked stopped";
	} else if (!lifecycle_take_up(s, rec) || rec->vmm.pid) {
		no_process(rec);
		rec->vm.exit_status = -1;
		st = mark(s, rec, STOKER_CRASHED, "its VMM ended; nobody saw how", err);
		done = "marked crashed: its VMM is gone";
	}
	if (st == STOKER_OK && rec->vm.ephemeral) {
		st = drop(s, rec, err);
		done = "deleted: it is ephemeral and had ended";
	}
	return note(s, st, rec, done);
}

/* One that lives is here because nothing reaches it. The VMM goes on without it. */
static enum stoker_status end_supervisor(const struct process_id *supervisor, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	int fd = process_pidfd(supervisor);

	if (fd < 0)
		return errno == ESRCH ? STOKER_OK : error_errno(err, errno, "cannot reach the supervisor (process %lld)",
		                                                (long long)supervisor->pid);
	if ((process_signal(fd, SIGKILL) < 0 && errno != ESRCH) || process_wait_end(fd, deadline_after_ms(KILL_MS), -1) < 0)
		st = error_errno(err, errno, "cannot end the supervisor (process %lld)", (long long)supervisor->pid);
	close(fd);
	return st;
}

static enum stoker_status end_unreachable(stoker *s, struct vm_record *rec, const struct host_view *view,
                                          struct stoker_error *err)
{
	struct run_status run;
	enum stoker_status st = end_all(s, rec, view, &run, err);

	if (st != STOKER_OK)
		return st;
	rec->vm.exit_status = -1;
	if (rec->vm.ephemeral)
		return note(s, drop(s, rec, err), rec, "ended and deleted: nothing could reach it");
	return note(s, mark(s, rec, STOKER_STOPPED, "", err), rec, "its VMM was ended: nothing could reach it");
}

enum stoker_status repair_record(stoker *s, struct vm_record *rec, const struct stoker_finding *found,
                                 const struct host_view *view, enum stoker_repair repair, struct stoker_error *err)
{
	struct run_status run;
	enum stoker_status st;

	switch (found->kind) {
	case STOKER_FINDING_DEAD_PROCESS:
		return repair_dead(s, rec, err);
	case STOKER_FINDING_HALF_DONE:
		return repair_half_done(s, rec, view, repair, err);
	case STOKER_FINDING_LOST_SUPERVISOR:
		if (repair == STOKER_REPAIR_END)
			return end_unreachable(s, rec, view, err);
		st = end_supervisor(&rec->supervisor, err);
		if (st != STOKER_OK)
			return st;
		supervise(s, rec);
		if (!process_alive(&rec->supervisor))
			return lifecycle_adopt(s, rec, err); /* once more, for the reason */
		return note(s, STOKER_OK, rec, "it has a supervisor again");
	case STOKER_FINDING_ORPHAN_VMM:
		if (repair == STOKER_REPAIR_ADOPT)
			return note(s, adopt_known(s, rec, err), rec, "it runs, and its record says so again");
		st = end_all(s, rec, view, &run, err);
		if (st != STOKER_OK)
			return st;
		rec->vm.exit_status = run.exit_status >= 0 ? run.exit_status : -1;
		return note(s, mark(s, rec, STOKER_STOPPED, "", err), rec, "its VMM was ended");
	case STOKER_FINDING_ABANDONED:
		st = end_all(s, rec, view, &run, err);
		if (st != STOKER_OK)
			return st;
		return note(s, drop(s, rec, err), rec, "deleted: the command it was made for was gone");
	case STOKER_FINDING_LOST_NETWORK:
		return note(s, net_attach(s, rec, err), rec, "its network was made again");
	case STOKER_FINDING_LOST_DISK:
		if (repair == STOKER_REPAIR_REMOVE)
			return note(s, drop(s, rec, err), rec, "deleted: its disk was gone");
		return note(s, mark(s, rec, STOKER_ERROR, LOST_DISK_REASON, err), rec,
		            "marked failed: its disk is gone");
	default:
		return error_set(err, STOKER_E_INVALID, "this is not a finding about a record");
	}
}

/* ---- no record */

static enum stoker_status unused(stoker *s, const char *id, struct stoker_error *err)
{
	struct host_view now;
	const struct holder *h;
	enum stoker_status st = STOKER_OK;
	view_take(s, &now);
	h = view_of(&now, id);
	if (h)
		st = error_set(err, STOKER_E_STATE, "process %lld uses files of %s", (long long)h->process.pid, id);
	else if (now.failed)
		st = error_set(err, STOKER_E_STATE, "nobody can tell whether files of %s are in use", id);
	view_free(&now);
	return st;
}

static enum stoker_status remove_leftovers(stoker *s, const char *id, struct stoker_error *err)
{
	enum stoker_status st = unused(s, id, err);
	if (st == STOKER_OK)
		st = lifecycle_remove_files(s, id, err);
	/* Its device, where there is one that we may see. */
	if (st == STOKER_OK)
		net_remove_device(s, id, NULL);
	return st;
}

static enum stoker_status adopt_orphan(stoker *s, const char *id, struct stoker_error *err)
{
	struct vm_record rec;
	struct run_status run;
	char name[STOKER_NAME_MAX + 1];
	enum stoker_status st;
	bool lives = living_by_status(s, id, &run);

	if (!manifest_of(s, id, &rec))
		return error_set(err, STOKER_E_STATE, "the manifest of %s is lost or damaged", id);
	memcpy(name, rec.vm.name, sizeof name);
	if (lives) {
		from_status(&rec, &run);
	} else {
		no_process(&rec);
		rec.vm.state = rec.vm.started_at_ms ? STOKER_STOPPED : STOKER_CREATED;
	}
	st = store_adopt(s->store, &rec, err);
	if (st != STOKER_OK)
		return st;
	trash_unmark(s, id); /* its way out of the trash had been cut off */
	if (strcmp(name, rec.vm.name) != 0)
		manifest_write(s->state_dir, &rec, NULL);
	if (lives) {
		supervise(s, &rec);
		lifecycle_take_up(s, &rec);
	}
	return note(s, st, &rec,
	            lives ? "a VM that runs was taken into the store again" : "a VM was taken into the store again");
}

enum stoker_status repair_orphan(stoker *s, const struct stoker_finding *found, const struct host_view *view,
                                 enum stoker_repair repair, struct stoker_error *err)
{
	const char *id = found->id;
	struct vm_record shell = { 0 };
	struct run_status run;
	enum stoker_status st;

	if (repair == STOKER_REPAIR_ADOPT)
		return adopt_orphan(s, id, err);
	memcpy(shell.vm.id, id, sizeof shell.vm.id);
	snprintf(shell.vm.name, sizeof shell.vm.name, "%.60s", found->subject);
	switch (found->kind) {
	case STOKER_FINDING_ORPHAN_VMM: {
		struct vm_record rec;
		bool tagged = manifest_of(s, id, &rec), told = run_status_read(s, id, &run);
		st = end_all(s, &shell, view, &run, err);
		if (st == STOKER_OK && (tagged || told))
			st = remove_leftovers(s, id, err);
		return note(s, st, &shell, "its VMM was ended and what it held removed");
	}
	case STOKER_FINDING_ORPHAN_DIR:
	case STOKER_FINDING_ORPHAN_RUNTIME:
		return note(s, remove_leftovers(s, id, err), &shell, "leftovers without a record were removed");
	default:
		return error_set(err, STOKER_E_INVALID, "this is not a finding about a leftover");
	}
}
