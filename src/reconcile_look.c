/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile_look.c - one VM, or what is left of one: what contradicts what.
 * Changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "reconcile.h"
#include "trash.h"

enum { YOUNG_S = 2, ASK_VMM_MS = 1000 };

struct stoker_finding *findings_add(struct findings *all, enum stoker_finding_kind kind, const char *id)
{
	struct stoker_finding *f;
	if (all->count == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 16;
		f = reallocarray(all->items, cap, sizeof *f);
		if (!f) {
			all->failed = true;
			return NULL;
		}
		all->items = f;
		all->cap = cap;
	}
	f = &all->items[all->count++];
	memset(f, 0, sizeof *f);
	f->kind = kind;
	snprintf(f->id, sizeof f->id, "%s", id);
	return f;
}

__attribute__((format(printf, 2, 3))) static void detail(struct stoker_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
}

static void propose(struct stoker_finding *f, enum stoker_repair repair, enum stoker_repair alternative,
                    const char *text)
{
	f->repair = repair;
	f->alternative = alternative;
	snprintf(f->repair_text, sizeof f->repair_text, "%s", text);
}

bool living_by_status(const stoker *s, const char *id, struct run_status *out)
{
	return run_status_read(s, id, out) && process_alive(&out->vmm);
}

bool manifest_of(const stoker *s, const char *id, struct vm_record *out)
{
	char path[STOKER_PATH_SIZE];
	return path_state(s, path, "vms/%s/manifest.json", id) && manifest_read(path, out, NULL) == STOKER_OK &&
	       strcmp(out->vm.id, id) == 0;
}

static bool believed_alive(enum stoker_state state)
{
	return state == STOKER_STARTING || state == STOKER_RUNNING || state == STOKER_PAUSED ||
	       state == STOKER_STOPPING;
}

/* ---- a record */

static void look_half_done(stoker *s, const struct vm_record *rec, const struct host_view *view, struct findings *out)
{
	struct stoker_finding *f = findings_add(out, STOKER_FINDING_HALF_DONE, rec->vm.id);
	const struct holder *vmm = view_vmm(view, rec->vm.id);
	struct run_status run;

	if (!f)
		return;
	snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	detail(f, "%s was cut off: process %lld, which carried it out, is gone", stoker_phase_name(rec->op.kind),
	       (long long)rec->op.owner.pid);
	if (process_alive(&rec->vmm))
		f->pid = rec->vmm.pid;
	else if (living_by_status(s, rec->vm.id, &run))
		f->pid = run.vmm.pid;
	else if (vmm)
		f->pid = vmm->process.pid;
	switch (rec->op.kind) {
	case STOKER_PHASE_CREATE:
		propose(f, STOKER_REPAIR_UNDO, STOKER_REPAIR_NONE, "undo the create; free its name, address and port");
		break;
	case STOKER_PHASE_START:
		if (f->pid)
			propose(f, STOKER_REPAIR_FINISH, STOKER_REPAIR_UNDO, "finish the start: its VMM lives");
		else
			propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE, "mark it failed; it can be started again");
		break;
	case STOKER_PHASE_STOP:
		propose(f, STOKER_REPAIR_FINISH, STOKER_REPAIR_NONE,
		        f->pid ? "finish the stop: end its VMM" : "mark it stopped");
		break;
	case STOKER_PHASE_DELETE:
		propose(f, STOKER_REPAIR_FINISH, STOKER_REPAIR_NONE, "finish the delete");
		break;
	default:
		propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE, "forget the operation");
		break;
	}
}

/* The VMM of a running record is gone. */
static void look_dead(stoker *s, const struct vm_record *rec, struct findings *out)
{
	struct run_status run;
	bool told = run_status_read(s, rec->vm.id, &run) && process_same(&run.vmm, &rec->vmm);
	bool rebooted = rec->vmm.pid && strcmp(rec->vmm.boot_id, s->boot_id) != 0;
	struct stoker_finding *f;

	/* Its supervisor is about to publish the end. */
	if (told && run.exit_status == -2 && process_alive(&run.supervisor))
		return;
	f = findings_add(out, STOKER_FINDING_DEAD_PROCESS, rec->vm.id);
	if (!f)
		return;
	snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	f->pid = rec->vmm.pid;
	if (rebooted)
		detail(f, "the record says %s, but the host was restarted since", stoker_state_name(rec->vm.state));
	else if (!rec->vmm.pid)
		detail(f, "the record says %s, but names no process", stoker_state_name(rec->vm.state));
	else
		detail(f, "the record says %s, but process %lld is gone", stoker_state_name(rec->vm.state),
		       (long long)rec->vmm.pid);
	if (rec->vm.ephemeral)
		propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE, "delete it: it is ephemeral and has ended");
	else
		propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE,
		        rebooted || !rec->vmm.pid       ? "mark it stopped"
		        : told && run.exit_status != -2 ? "record how it ended"
		                                        : "mark it crashed");
}

/* A VMM lives that the record does not count on. */
static void look_unknown_vmm(const struct vm_record *rec, const struct process_id *vmm, bool by_status,
                             struct findings *out)
{
	struct stoker_finding *f = findings_add(out, STOKER_FINDING_ORPHAN_VMM, rec->vm.id);
	if (!f)
		return;
	snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	f->pid = vmm->pid;
	detail(f, "the record says %s, but its VMM lives as process %lld", stoker_state_name(rec->vm.state),
	       (long long)vmm->pid);
	if (by_status) {
		propose(f, STOKER_REPAIR_ADOPT, STOKER_REPAIR_END, "record that it runs");
	} else {
		/* Without its status file nobody can tell how to talk to it. */
		propose(f, STOKER_REPAIR_END, STOKER_REPAIR_NONE, "end that VMM: its status file is lost");
		f->ask = true;
	}
}

static bool disk_lost(const stoker *s, const struct vm_record *rec)
{
	char path[STOKER_PATH_SIZE];
	struct stat sb;
	return rec->vm.disk_mode != STOKER_DISK_SHARED && path_state(s, path, "vms/%s/disk.ext4", rec->vm.id) &&
	       lstat(path, &sb) < 0 &&
	       !(rec->vm.state == STOKER_ERROR &&
	         strncmp(rec->vm.reason, LOST_DISK_REASON, strlen(LOST_DISK_REASON)) == 0);
}

/* A pause or a resume that was cut off leaves "paused" behind. One that cannot be asked is let be. */
static bool paused_and_runs(stoker *s, const struct vm_record *rec)
{
	const struct backend_ops *ops = backend_by_name(rec->vm.backend);
	enum vmm_state now;
	return rec->vm.state == STOKER_PAUSED && ops &&
	       ops->state(s, rec, deadline_after_ms(ASK_VMM_MS), -1, &now, NULL) == STOKER_OK && now == VMM_RUNNING;
}

static bool socket_gone(const stoker *s, const struct vm_record *rec, const char *name)
{
	char path[STOKER_PATH_SIZE];
	struct stat sb;
	return path_runtime(s, path, "vms/%s/%s", rec->vm.id, name) && lstat(path, &sb) < 0 && errno == ENOENT;
}

/* A logout or a cleaner of old files takes the names of sockets away; who listened on them listens to nobody. */
static bool unreachable(const stoker *s, const struct vm_record *rec)
{
	/* A supervisor whose VMM has just ended takes its own away. */
	return socket_gone(s, rec, "control.sock") && process_alive(&rec->supervisor) && process_alive(&rec->vmm);
}

static bool can_be_adopted(const stoker *s, const struct vm_record *rec)
{
	const struct backend_ops *ops = backend_by_name(rec->vm.backend);
	for (size_t i = 0; ops && ops->sockets[i]; i++)
		if (socket_gone(s, rec, ops->sockets[i]))
			return false;
	return ops != NULL;
}

static struct stoker_finding *look_unreachable(const stoker *s, const struct vm_record *rec, struct findings *out)
{
	struct stoker_finding *f = findings_add(out, STOKER_FINDING_LOST_SUPERVISOR, rec->vm.id);

	if (!f)
		return NULL;
	if (can_be_adopted(s, rec)) {
		detail(f, "its supervisor (process %lld) lives, but somebody removed its socket",
		       (long long)rec->supervisor.pid);
		propose(f, STOKER_REPAIR_ADOPT, STOKER_REPAIR_NONE, "replace the supervisor; the VM goes on");
	} else {
		detail(f, "it runs (process %lld), but somebody removed its sockets", (long long)rec->vmm.pid);
		propose(f, STOKER_REPAIR_END, STOKER_REPAIR_NONE, "end its VMM, which nothing can reach; it can be started again");
		f->ask = true;
	}
	return f;
}

static void look_living(stoker *s, const struct vm_record *rec, struct findings *out)
{
	enum stoker_state state = rec->vm.state;
	struct stoker_finding *f;
	if (state == STOKER_STARTING || state == STOKER_STOPPING) {
		f = findings_add(out, STOKER_FINDING_HALF_DONE, rec->vm.id);
		if (f) {
			detail(f, "the record says %s, but nobody is about it and its VMM lives",
			       stoker_state_name(state));
			propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE, "mark it running");
		}
	} else if (!process_alive(&rec->supervisor)) {
		f = findings_add(out, STOKER_FINDING_LOST_SUPERVISOR, rec->vm.id);
		if (f) {
			detail(f, "its VMM (process %lld) lives, its supervisor (process %lld) is gone",
			       (long long)rec->vmm.pid, (long long)rec->supervisor.pid);
			propose(f, STOKER_REPAIR_ADOPT, STOKER_REPAIR_NONE,
			        "start a new supervisor for it; the VM goes on");
		}
	} else if (unreachable(s, rec)) {
		f = look_unreachable(s, rec, out);
	} else if (paused_and_runs(s, rec)) {
		f = findings_add(out, STOKER_FINDING_HALF_DONE, rec->vm.id);
		if (f) {
			detail(f, "the record says paused, but its VMM (process %lld) runs the guest", (long long)rec->vmm.pid);
			propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_NONE, "mark it running");
		}
	} else {
		return;
	}
	if (f) {
		f->pid = rec->vmm.pid;
		snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	}
}

/* Made for one command, which would have deleted it at its end. */
static void look_abandoned(const struct vm_record *rec, struct findings *out)
{
	struct stoker_finding *f = findings_add(out, STOKER_FINDING_ABANDONED, rec->vm.id);
	if (!f)
		return;
	snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	f->pid = process_alive(&rec->vmm) ? rec->vmm.pid : 0;
	detail(f, "the command it was made for (process %lld) is gone", (long long)rec->owner.pid);
	propose(f, STOKER_REPAIR_END, STOKER_REPAIR_NONE, f->pid ? "end its VMM and delete it" : "delete it");
}

static void look_process(stoker *s, const struct vm_record *rec, const struct host_view *view, struct findings *out)
{
	const struct holder *vmm;
	struct run_status run;

	if (rec->op.kind != STOKER_PHASE_NONE) {
		if (!process_alive(&rec->op.owner))
			look_half_done(s, rec, view, out);
		return;
	}
	if (rec->owner.pid && !process_alive(&rec->owner)) {
		look_abandoned(rec, out);
		return;
	}
	if (process_alive(&rec->vmm)) {
		if (believed_alive(rec->vm.state))
			look_living(s, rec, out);
		else
			look_unknown_vmm(rec, &rec->vmm, true, out);
		return;
	}
	if (living_by_status(s, rec->vm.id, &run)) {
		look_unknown_vmm(rec, &run.vmm, true, out);
		return;
	}
	vmm = view_vmm(view, rec->vm.id);
	if (vmm && process_alive(&vmm->process)) {
		look_unknown_vmm(rec, &vmm->process, false, out);
		return;
	}
	if (believed_alive(rec->vm.state)) {
		look_dead(s, rec, out);
	} else if (disk_lost(s, rec)) {
		struct stoker_finding *f = findings_add(out, STOKER_FINDING_LOST_DISK, rec->vm.id);
		if (f) {
			snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
			detail(f, "the record has a disk of %u MiB, but vms/%s/disk.ext4 is gone", rec->vm.disk_mib,
			       rec->vm.id);
			propose(f, STOKER_REPAIR_MARK, STOKER_REPAIR_REMOVE,
			        "mark it failed: it cannot be started again");
		}
	}
}

/* Does the repair of what was found leave a VM that is to have its network? */
static bool stays(const struct vm_record *rec, const struct findings *out, size_t before)
{
	if (rec->op.kind == STOKER_PHASE_CREATE || rec->op.kind == STOKER_PHASE_DELETE)
		return false;
	for (size_t i = before; i < out->count; i++) {
		enum stoker_finding_kind kind = out->items[i].kind;
		if (kind == STOKER_FINDING_ABANDONED ||
		    (rec->vm.ephemeral && (kind == STOKER_FINDING_DEAD_PROCESS || kind == STOKER_FINDING_HALF_DONE)))
			return false;
	}
	return true;
}

/* Of an operation under way its network may be half there: then it is looked at only once that was found cut off. */
void look_record(stoker *s, const struct vm_record *rec, const struct host_view *view, struct findings *out)
{
	size_t before = out->count;
	struct stoker_finding *f;
	const char *lost;

	look_process(s, rec, view, out);
	if (rec->vm.network != STOKER_NET_TAP || !view || !view->net || !stays(rec, out, before) ||
	    (rec->op.kind != STOKER_PHASE_NONE && out->count == before))
		return;
	lost = net_view_lacks(view->net, rec);
	f = lost ? findings_add(out, STOKER_FINDING_LOST_NETWORK, rec->vm.id) : NULL;
	if (!f)
		return;
	snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	f->pid = process_alive(&rec->vmm) ? rec->vmm.pid : 0;
	detail(f, "it has network tap, but %s %s not there", lost, strcmp(lost, "rules of its own") == 0 ? "are" : "is");
	propose(f, STOKER_REPAIR_RESTORE, STOKER_REPAIR_NONE,
	        f->pid && strcmp(lost, "its device") == 0 ? "make it again; the running guest gets it by a stop and a start"
	                                                  : "make it again");
}

/* ---- no record */

enum folder { ABSENT, EMPTY_YOUNG, EMPTY, FILLED };

static enum folder folder_at(const char *path)
{
	enum folder is = EMPTY;
	struct stat sb;
	struct dirent *e;
	DIR *d;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ABSENT;
	if (fstat(fd, &sb) < 0 || sb.st_uid != geteuid() || !(d = fdopendir(fd))) {
		close(fd);
		return FILLED; /* not ours to judge */
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			is = FILLED;
	/* An age below zero is a clock that was set back: then it is not young either. */
	if (is == EMPTY && time(NULL) - sb.st_mtime >= 0 && time(NULL) - sb.st_mtime < YOUNG_S)
		is = EMPTY_YOUNG;
	closedir(d);
	return is;
}

static void look_orphan_vmm(const char *id, const struct process_id *vmm, bool adoptable, const struct vm_record *rec,
                            struct findings *out)
{
	struct stoker_finding *f = findings_add(out, STOKER_FINDING_ORPHAN_VMM, id);
	if (!f)
		return;
	f->pid = vmm->pid;
	f->ask = true;
	if (rec)
		snprintf(f->subject, sizeof f->subject, "%s", rec->vm.name);
	else
		snprintf(f->subject, sizeof f->subject, "VMM of %s", id);
	detail(f, "process %lld is a VMM that holds files of %s, which has no record", (long long)vmm->pid, id);
	if (adoptable)
		propose(f, STOKER_REPAIR_ADOPT, STOKER_REPAIR_END, "take it into the store again");
	else
		propose(f, STOKER_REPAIR_END, STOKER_REPAIR_NONE, "end it and remove what it held");
}

void look_orphan(stoker *s, const char *id, const struct host_view *view, struct findings *out)
{
	char state[STOKER_PATH_SIZE], run_dir[STOKER_PATH_SIZE];
	struct vm_record rec;
	struct run_status run;
	struct stoker_finding *f = NULL;
	const struct holder *vmm = view_vmm(view, id);
	enum folder in_state, in_run;
	bool tagged, told;

	if (!path_state(s, state, "vms/%s", id) || !path_runtime(s, run_dir, "vms/%s", id))
		return;
	tagged = manifest_of(s, id, &rec);
	told = run_status_read(s, id, &run);
	if (told && process_alive(&run.vmm)) {
		look_orphan_vmm(id, &run.vmm, tagged, tagged ? &rec : NULL, out);
		return;
	}
	if (vmm && process_alive(&vmm->process)) {
		look_orphan_vmm(id, &vmm->process, false, tagged ? &rec : NULL, out);
		return;
	}
	if (!view || view->failed || view_of(view, id) || (told && process_alive(&run.supervisor)))
		return; /* in somebody's use, or nobody can tell */
	in_state = folder_at(state);
	in_run = folder_at(run_dir);
	if (tagged || in_state == EMPTY) {
		f = findings_add(out, STOKER_FINDING_ORPHAN_DIR, id);
		if (!f)
			return;
		if (tagged) {
			snprintf(f->subject, sizeof f->subject, "%s", rec.vm.name);
			detail(f, "vms/%s is the folder of a VM that has no record, and nobody uses it", id);
			propose(f, STOKER_REPAIR_REMOVE, STOKER_REPAIR_ADOPT,
			        trash_marked(s, id) ? "put it back into the trash" : "remove the folder and the disk in it");
		} else {
			snprintf(f->subject, sizeof f->subject, "folder of %s", id);
			detail(f, "vms/%s is empty and has no record", id);
			propose(f, STOKER_REPAIR_REMOVE, STOKER_REPAIR_NONE, "remove the empty folder");
		}
	} else if (in_state == ABSENT && (in_run == EMPTY || (in_run == FILLED && told))) {
		f = findings_add(out, STOKER_FINDING_ORPHAN_RUNTIME, id);
		if (!f)
			return;
		snprintf(f->subject, sizeof f->subject, "sockets of %s", id);
		detail(f, "a runtime folder is left of %s, which has no record, and nobody uses it", id);
		propose(f, STOKER_REPAIR_REMOVE, STOKER_REPAIR_NONE, "remove the leftover folder");
	}
}
