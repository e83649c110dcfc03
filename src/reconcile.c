/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile.c - the store against the host: the plan, and carrying it out.
 *
 * A plan is made without locks first, since most VMs are in order; whatever
 * looks wrong is looked at again under its VM's lock, so that an operation that
 * is just going on is never taken for a wreck. Who holds the lock works on the
 * VM: then there is nothing to find.
 */
#include "reconcile.h"

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
#include "error.h"
#include "guest/image.h"

enum { LOCK_MS = 10000, IDS_MAX = 200000, IMAGE_YOUNG_S = 2 };

struct stoker_plan {
	struct findings found;
};

const char *stoker_finding_kind_name(enum stoker_finding_kind kind)
{
	static const char *const names[STOKER_FINDING_KIND_COUNT] = { "dead_process", "half_done",  "lost_supervisor",
		                                                      "orphan_vmm",   "orphan_dir", "orphan_runtime",
		                                                      "orphan_image", "lost_disk",
		                                                      "abandoned",    "lost_network", "lost_rules",
		                                                      "orphan_tap",   "orphan_rules" };
	return (unsigned)kind < STOKER_FINDING_KIND_COUNT ? names[kind] : "";
}

const char *stoker_repair_name(enum stoker_repair repair)
{
	static const char *const names[] = { "none", "mark", "finish", "undo", "remove", "adopt", "end", "restore" };
	return (unsigned)repair < sizeof names / sizeof *names ? names[repair] : "";
}

/* ---- ids */

struct ids {
	char (*items)[STOKER_ID_SIZE];
	size_t count, cap;
	bool failed;
};

static void ids_add(struct ids *ids, const char *id)
{
	if (ids->count == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		void *more = cap <= IDS_MAX ? reallocarray(ids->items, cap, sizeof *ids->items) : NULL;
		if (!more) {
			ids->failed = true;
			return;
		}
		ids->items = more;
		ids->cap = cap;
	}
	memcpy(ids->items[ids->count++], id, STOKER_ID_SIZE);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void ids_sort(struct ids *ids)
{
	size_t kept = 0;
	if (!ids->count)
		return;
	qsort(ids->items, ids->count, sizeof *ids->items, by_text);
	for (size_t i = 0; i < ids->count; i++)
		if (kept == 0 || strcmp(ids->items[kept - 1], ids->items[i]) != 0)
			memmove(ids->items[kept++], ids->items[i], STOKER_ID_SIZE);
	ids->count = kept;
}

static bool ids_have(const struct ids *ids, const char *id)
{
	return ids->count && bsearch(id, ids->items, ids->count, sizeof *ids->items, by_text);
}

static void ids_from_folder(struct ids *ids, const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)))
		if (strlen(e->d_name) == STOKER_ID_SIZE - 1 &&
		    strspn(e->d_name, "0123456789abcdef") == STOKER_ID_SIZE - 1)
			ids_add(ids, e->d_name);
	closedir(d);
}

/* ---- looking under the lock */

enum grip { GRIP_HELD, GRIP_NO_FOLDER, GRIP_BUSY };

/* The VM's lock if it is free. Leaves nothing behind: a missing folder stays missing. */
static enum grip grip(const stoker *s, const char *id, int *fd)
{
	char path[STOKER_PATH_SIZE];
	struct stat mine, there;
	*fd = -1;
	if (!path_state(s, path, "vms/%s", id))
		return GRIP_BUSY;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return errno == ENOENT ? GRIP_NO_FOLDER : GRIP_BUSY;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0 && fstat(*fd, &mine) == 0 && stat(path, &there) == 0 &&
	    mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
		return GRIP_HELD;
	close(*fd);
	*fd = -1;
	return GRIP_BUSY;
}

static void look_now(stoker *s, const char *id, const struct host_view *view, struct findings *out,
                     struct vm_record *rec, enum stoker_status *st)
{
	struct stoker_error why;
	*st = store_find(s->store, id, rec, &why);
	/* An id is found before a prefix or a name can be meant, but a VM may be named like another's id. */
	if (*st == STOKER_OK && strcmp(rec->vm.id, id) == 0)
		look_record(s, rec, view, out);
	else if (*st == STOKER_OK || *st == STOKER_E_NOT_FOUND) {
		*st = STOKER_E_NOT_FOUND;
		look_orphan(s, id, view, out);
	}
}

static void look_locked(stoker *s, const char *id, const struct host_view *view, struct findings *out)
{
	struct vm_record rec;
	enum stoker_status st;
	int fd;
	if (grip(s, id, &fd) == GRIP_BUSY)
		return;
	look_now(s, id, view, out, &rec, &st);
	if (fd >= 0)
		close(fd);
}

/* ---- images */

static void look_images(stoker *s, struct findings *out)
{
	struct dirent *e;
	DIR *d = opendir(s->image_dir);
	if (!d)
		return;
	while ((e = readdir(d))) {
		char path[STOKER_PATH_SIZE];
		struct stoker_finding *f;
		struct stat sb;
		if (strncmp(e->d_name, ".build-", 7) != 0 || !path_image(s, path, "%s", e->d_name) ||
		    lstat(path, &sb) < 0 || !S_ISDIR(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077))
			continue;
		/* Between its making and its locking it is young; a living build holds its lock. */
		if ((time(NULL) >= sb.st_mtime && time(NULL) - sb.st_mtime < IMAGE_YOUNG_S) || image_build_busy(path))
			continue;
		f = findings_add(out, STOKER_FINDING_ORPHAN_IMAGE, "");
		if (!f)
			break;
		if (strlen(e->d_name) >= sizeof f->subject) {
			out->count--;
			continue;
		}
		memcpy(f->subject, e->d_name, strlen(e->d_name) + 1);
		snprintf(f->detail, sizeof f->detail, "an image build was cut off, and nobody works in its folder");
		snprintf(f->repair_text, sizeof f->repair_text, "remove the unfinished build");
		f->repair = STOKER_REPAIR_REMOVE;
	}
	closedir(d);
}

static enum stoker_status repair_image(stoker *s, const struct stoker_finding *f, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	struct stat sb;
	enum stoker_status st;
	if (strchr(f->subject, '/') || !path_image(s, path, "%s", f->subject))
		return error_set(err, STOKER_E_INVALID, "this is no build's folder");
	if (lstat(path, &sb) < 0 && errno == ENOENT)
		return STOKER_OK;
	st = image_build_remove(path, err);
	if (st == STOKER_OK)
		history_event(s->store, "reconcile", NULL, "reconciled", "an unfinished image build was removed: %s",
		              f->subject);
	return st;
}

/* ---- the network, beyond single records */

/* Rules of a VM that has lost its device only: that is another finding, whose repair makes it again. */
static bool address_is_known(const struct vm_record *all, size_t count, const char *address)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].vm.network == STOKER_NET_TAP && strcmp(all[i].vm.ip, address) == 0)
			return true;
	return false;
}

static void look_network(stoker *s, const struct host_view *view, const struct ids *known, const struct vm_record *all,
                         size_t count, struct findings *out)
{
	char name[NET_NAME_SIZE], id[STOKER_ID_SIZE], path[STOKER_PATH_SIZE], text[16];
	struct stoker_finding *f;
	const char *table;
	uint32_t address;

	if (!view->net)
		return;
	table = net_view_table(view->net);
	/* Without a device nobody is held to anything: the next one makes the table. */
	if (table && (net_view_device(view->net, 0, name, id) || strcmp(table, "gone") != 0) && (f = findings_add(out, STOKER_FINDING_LOST_RULES, ""))) {
		snprintf(f->subject, sizeof f->subject, "table stoker");
		snprintf(f->detail, sizeof f->detail, "the table of rules inet stoker is %s, and guests are not held to what they may reach",
		         strcmp(table, "gone") == 0 ? "gone" : "not as it was made");
		snprintf(f->repair_text, sizeof f->repair_text, "make it whole again");
		f->repair = STOKER_REPAIR_RESTORE;
	}
	for (size_t i = 0; net_view_device(view->net, i, name, id); i++) {
		/* What is left of it in a folder is another finding, whose repair takes the device along. */
		if (ids_have(known, id) || (path_state(s, path, "vms/%s", id) && access(path, F_OK) == 0))
			continue;
		f = findings_add(out, STOKER_FINDING_ORPHAN_TAP, id);
		if (!f)
			return;
		snprintf(f->subject, sizeof f->subject, "%s", name);
		snprintf(f->detail, sizeof f->detail, "the device %s was made for the VM %s, which has no record", name, id);
		snprintf(f->repair_text, sizeof f->repair_text, "remove the device and its rules");
		f->repair = STOKER_REPAIR_REMOVE;
	}
	for (size_t i = 0; (address = net_view_stray(view->net, i)); i++) {
		if (address_is_known(all, count, net_address_text(address, text)))
			continue;
		f = findings_add(out, STOKER_FINDING_ORPHAN_RULES, "");
		if (!f)
			return;
		snprintf(f->subject, sizeof f->subject, "%s", text);
		snprintf(f->detail, sizeof f->detail, "there are rules for the address %s, but no device that has it", text);
		snprintf(f->repair_text, sizeof f->repair_text, "remove these rules");
		f->repair = STOKER_REPAIR_REMOVE;
	}
}

static enum stoker_status repair_network(stoker *s, const struct stoker_finding *f, struct stoker_error *err)
{
	struct vm_record rec;
	enum stoker_status st = STOKER_OK;
	uint32_t address;

	if (f->kind == STOKER_FINDING_LOST_RULES)
		st = net_restore(s, err);
	else if (f->kind == STOKER_FINDING_ORPHAN_RULES)
		st = net_address(f->subject, &address) ? net_remove_stray(s, address, err) : STOKER_OK;
	else if (store_find(s->store, f->id, &rec, NULL) == STOKER_E_NOT_FOUND)
		st = net_remove_device(s, f->id, err);
	if (st == STOKER_OK)
		history_event(s->store, "reconcile", NULL, "reconciled", "%s: %s", f->subject, f->repair_text);
	return st;
}

/* ---- the plan */

static bool cancelled(const struct stoker_call *call)
{
	return call && call->cancel_fd >= 0 && poll(&(struct pollfd){ call->cancel_fd, POLLIN, 0 }, 1, 0) > 0;
}

static void progress(const struct stoker_call *call, const char *step, size_t done, size_t total)
{
	struct stoker_progress p = { step, (int64_t)done, (int64_t)total };
	if (call && call->progress)
		call->progress(call->user, &p);
}

enum stoker_status stoker_reconcile_plan(stoker *s, const struct stoker_call *call, stoker_plan **out,
                                         struct stoker_error *err)
{
	struct stoker_plan *plan = calloc(1, sizeof *plan);
	struct vm_record *all = NULL;
	struct ids known = { 0 }, seen = { 0 };
	struct host_view view = { 0 };
	struct findings quick = { 0 };
	char path[STOKER_PATH_SIZE];
	size_t count = 0;
	enum stoker_status st;

	*out = NULL;
	if (!plan)
		return error_errno(err, ENOMEM, "cannot make a plan");
	/* Host first, records after: what is made meanwhile has a record before it has a folder. */
	progress(call, "looking at the host", 0, 0);
	if (path_state(s, path, "vms"))
		ids_from_folder(&seen, path);
	if (path_runtime(s, path, "vms"))
		ids_from_folder(&seen, path);
	view_take(s, &view);
	for (size_t i = 0; i < view.count; i++)
		ids_add(&seen, view.items[i].id);
	ids_sort(&seen);
	st = store_all(s->store, &all, &count, err);
	if (st != STOKER_OK)
		goto out;
	for (size_t i = 0; i < count; i++) {
		ids_add(&known, all[i].vm.id);
		if (i % 64 == 0)
			progress(call, "comparing records", i, count);
		if (cancelled(call)) {
			st = error_set(err, STOKER_E_CANCELLED, "cancelled; nothing was changed");
			goto out;
		}
		quick.count = 0;
		look_record(s, &all[i], &view, &quick);
		if (quick.count)
			look_locked(s, all[i].vm.id, &view, &plan->found);
	}
	ids_sort(&known);
	for (size_t i = 0; i < seen.count; i++)
		if (!ids_have(&known, seen.items[i]))
			look_locked(s, seen.items[i], &view, &plan->found);
	look_images(s, &plan->found);
	look_network(s, &view, &known, all, count, &plan->found);
	if (quick.failed || plan->found.failed || known.failed || seen.failed || view.failed)
		st = error_errno(err, ENOMEM, "cannot make a whole plan");
out:
	view_free(&view);
	free(quick.items);
	free(known.items);
	free(seen.items);
	free(all);
	if (st != STOKER_OK) {
		stoker_plan_free(plan);
		error_what(err, "reconcile");
		return st;
	}
	*out = plan;
	return STOKER_OK;
}

size_t stoker_plan_count(const stoker_plan *plan)
{
	return plan->found.count;
}

const struct stoker_finding *stoker_plan_at(const stoker_plan *plan, size_t i)
{
	return i < plan->found.count ? &plan->found.items[i] : NULL;
}

void stoker_plan_free(stoker_plan *plan)
{
	if (!plan)
		return;
	free(plan->found.items);
	free(plan);
}

/* ---- carrying out */

static bool offers(const struct stoker_finding *f, enum stoker_repair repair)
{
	return repair != STOKER_REPAIR_NONE && (repair == f->repair || repair == f->alternative);
}

/* With the lock where there is a folder: looks again, and repairs what is still so. */
static enum stoker_status look_and_repair(stoker *s, const struct stoker_finding *f, enum stoker_repair repair,
                                          struct stoker_error *err)
{
	/* Only these depend on who holds what; for the others /proc need not be read once more. */
	bool holders = f->kind != STOKER_FINDING_DEAD_PROCESS && f->kind != STOKER_FINDING_LOST_SUPERVISOR &&
	               f->kind != STOKER_FINDING_LOST_DISK;
	struct host_view view = { 0 };
	struct findings again = { 0 };
	const struct stoker_finding *still = NULL;
	struct vm_record rec;
	enum stoker_status st;

	if (holders)
		view_take(s, &view);
	look_now(s, f->id, holders ? &view : NULL, &again, &rec, &st);
	for (size_t i = 0; !still && i < again.count; i++)
		if (again.items[i].kind == f->kind)
			still = &again.items[i];
	if (again.failed) {
		st = error_errno(err, ENOMEM, "cannot look again");
	} else if (st != STOKER_OK && st != STOKER_E_NOT_FOUND) {
		st = error_set(err, st, "the record cannot be read");
	} else if (!still) {
		st = STOKER_OK; /* it is no longer so */
	} else if (!offers(still, repair)) {
		error_set(err, STOKER_E_STATE, "it has changed meanwhile: %s", still->detail);
		error_fix(err, "Make a new plan");
		st = STOKER_E_STATE;
	} else if (st == STOKER_OK) {
		st = repair_record(s, &rec, still, &view, repair, err);
	} else {
		st = repair_orphan(s, still, &view, repair, err);
	}
	free(again.items);
	view_free(&view);
	return st;
}

enum stoker_status stoker_reconcile_apply(stoker *s, stoker_plan *plan, size_t i, enum stoker_repair repair,
                                          struct stoker_error *err)
{
	struct stoker_finding *f;
	struct stoker_error why;
	enum stoker_status st = handle_writable(s, err);
	int lock = -1;

	if (st != STOKER_OK)
		return st;
	if (i >= plan->found.count)
		return error_set(err, STOKER_E_INVALID, "the plan has no item %zu", i);
	f = &plan->found.items[i];
	if (f->done)
		return STOKER_OK;
	if (!offers(f, repair))
		return error_set(err, STOKER_E_INVALID, "%s is no repair for this finding", stoker_repair_name(repair));
	if (f->kind == STOKER_FINDING_ORPHAN_IMAGE) {
		st = repair_image(s, f, err);
	} else if (f->kind == STOKER_FINDING_LOST_RULES || f->kind == STOKER_FINDING_ORPHAN_TAP ||
	           f->kind == STOKER_FINDING_ORPHAN_RULES) {
		st = repair_network(s, f, err);
	} else {
		st = lifecycle_lock(s, f->id, deadline_after_ms(LOCK_MS), -1, &lock, &why);
		/* Neither folder nor record: nothing to lock, and nobody else can be about it. */
		if (st == STOKER_OK || st == STOKER_E_NOT_FOUND)
			st = look_and_repair(s, f, repair, err);
		else if (err)
			*err = why;
		if (lock >= 0)
			close(lock);
	}
	if (st == STOKER_OK) {
		f->done = true;
		handle_touch(s);
	} else {
		error_what(err, "reconcile %s", f->subject);
	}
	return st;
}

void reconcile_after_rescue(stoker *s)
{
	struct vm_record *all = NULL, rec;
	size_t count = 0;
	if (store_all(s->store, &all, &count, NULL) != STOKER_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		struct run_status run;
		struct findings found = { 0 };
		enum stoker_status st;
		int fd;
		if (!living_by_status(s, all[i].vm.id, &run) || grip(s, all[i].vm.id, &fd) != GRIP_HELD)
			continue;
		look_now(s, all[i].vm.id, NULL, &found, &rec, &st);
		if (st == STOKER_OK && found.count && found.items[0].kind == STOKER_FINDING_ORPHAN_VMM &&
		    found.items[0].repair == STOKER_REPAIR_ADOPT)
			repair_record(s, &rec, &found.items[0], NULL, STOKER_REPAIR_ADOPT, NULL);
		free(found.items);
		close(fd);
	}
	free(all);
}
