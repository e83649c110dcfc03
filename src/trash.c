/* SPDX-License-Identifier: Apache-2.0
 *
 * trash.c - see trash.h.
 */
#include "trash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "lifecycle_steps.h"
#include "net/net.h"
#include "settings.h"
#include "spec.h"
#include "store.h"

#define GONE ".gone"

/* ---- the mark */

enum stoker_status trash_mark(stoker *s, const char *id, int64_t keep_s, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE], text[64];
	int64_t now = clock_wall_ms();
	int n = snprintf(text, sizeof text, "%lld %lld\n", (long long)now, (long long)(now + keep_s * 1000)), fd;
	bool ok;

	if (!path_state(s, path, "vms/%s/trash", id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, errno, "cannot mark it for the trash");
	ok = write(fd, text, (size_t)n) == n;
	if (close(fd) < 0 || !ok) {
		enum stoker_status st = error_errno(err, errno, "cannot mark it for the trash");
		unlink(path);
		return st;
	}
	return STOKER_OK;
}

void trash_unmark(stoker *s, const char *id)
{
	char path[STOKER_PATH_SIZE];
	if (path_state(s, path, "vms/%s/trash", id))
		unlink(path);
}

bool trash_marked(stoker *s, const char *id)
{
	char path[STOKER_PATH_SIZE];
	struct stat sb;
	return path_state(s, path, "vms/%s/trash", id) && lstat(path, &sb) == 0 && S_ISREG(sb.st_mode);
}

enum stoker_status trash_take(stoker *s, const char *id, struct stoker_error *err)
{
	char from[STOKER_PATH_SIZE], to[STOKER_PATH_SIZE];

	if (!path_state(s, from, "vms/%s", id) || !path_state(s, to, "trash"))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	if (mkdir(to, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "cannot make the trash");
	if (!path_state(s, to, "trash/%s", id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	if (rename(from, to) < 0 && errno != ENOENT)
		return error_errno(err, errno, "cannot put it into the trash");
	return STOKER_OK;
}

/* ---- one entry */

static bool is_id(const char *text, size_t len)
{
	return len == STOKER_ID_SIZE - 1 && strspn(text, "0123456789abcdef") >= len;
}

/* The entry's manifest: without one that is its own it is not ours. */
static bool read_entry(stoker *s, const char *id, struct stoker_trashed *out, struct vm_record *rec)
{
	char path[STOKER_PATH_SIZE], text[64] = "";
	struct stat sb;
	ssize_t n = -1;
	int fd;

	if (!path_state(s, path, "trash/%s/manifest.json", id) || manifest_read(path, rec, NULL) != STOKER_OK ||
	    strcmp(rec->vm.id, id) != 0)
		return false;
	memset(out, 0, sizeof *out);
	memcpy(out->id, rec->vm.id, sizeof out->id);
	memcpy(out->name, rec->vm.name, sizeof out->name);
	memcpy(out->image, rec->vm.image, sizeof out->image);
	memcpy(out->labels, rec->vm.labels, sizeof out->labels);
	out->memory_mib = rec->vm.memory_mib;
	out->created_at_ms = rec->vm.created_at_ms;
	if (path_state(s, path, "trash/%s/disk.ext4", id) && lstat(path, &sb) == 0)
		out->disk_bytes = (uint64_t)sb.st_blocks * 512;
	fd = path_state(s, path, "trash/%s/trash", id) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd >= 0) {
		long long deleted, expires;
		n = read(fd, text, sizeof text - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (sscanf(text, "%lld %lld", &deleted, &expires) == 2 && deleted >= 0 && expires >= deleted) { /* NOLINT(cert-err34-c): checked */
			out->deleted_at_ms = deleted;
			out->expires_at_ms = expires;
		}
	}
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct stoker_trashed *x = a, *y = b;
	if (x->deleted_at_ms != y->deleted_at_ms)
		return x->deleted_at_ms < y->deleted_at_ms ? 1 : -1;
	return strcmp(x->id, y->id);
}

enum stoker_status stoker_trash_list(stoker *s, struct stoker_trashed **out, size_t *count, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	size_t n = 0, cap = 0;
	struct stoker_trashed *all = NULL;
	struct vm_record rec;
	struct dirent *e;
	DIR *d;

	*out = NULL;
	*count = 0;
	d = path_state(s, path, "trash") ? opendir(path) : NULL;
	if (!d && errno != ENOENT)
		return error_errno(err, errno, "cannot read the trash");
	while (d && (e = readdir(d))) {
		if (!is_id(e->d_name, strlen(e->d_name)))
			continue;
		if (n == cap) {
			struct stoker_trashed *more = reallocarray(all, cap ? cap * 2 : 16, sizeof *more);
			if (!more) {
				free(all);
				closedir(d);
				return error_errno(err, ENOMEM, "cannot read the trash");
			}
			all = more;
			cap = cap ? cap * 2 : 16;
		}
		n += read_entry(s, e->d_name, &all[n], &rec);
	}
	if (d)
		closedir(d);
	if (!all) {
		all = malloc(sizeof *all);
		if (!all)
			return error_errno(err, ENOMEM, "cannot read the trash");
	}
	qsort(all, n, sizeof *all, newest_first);
	*out = all;
	*count = n;
	return STOKER_OK;
}

/* By name (the one deleted last), id, or prefix of an id. */
static enum stoker_status find(stoker *s, const char *ref, struct stoker_trashed *out, struct stoker_error *err)
{
	struct stoker_trashed *all;
	size_t n, i, len = strlen(ref), found = 0;
	char shown[80];
	enum stoker_status st = stoker_trash_list(s, &all, &n, err);

	if (st != STOKER_OK)
		return st;
	for (i = 0; i < n && !found; i++) {
		if (strcmp(all[i].name, ref) == 0) {
			*out = all[i];
			found = 1;
		}
	}
	for (i = 0; i < n && !found && len >= 4; i++) {
		if (strncmp(all[i].id, ref, len) == 0) {
			for (size_t k = i + 1; k < n; k++)
				found += strncmp(all[k].id, ref, len) == 0;
			*out = all[i];
			found++;
		}
	}
	free(all);
	if (found == 1)
		return STOKER_OK;
	error_clean(shown, sizeof shown, ref, strnlen(ref, 64));
	if (found) {
		error_set(err, STOKER_E_INVALID, "more than one id in the trash begins with %s", shown);
		return error_fix(err, "Give more digits"), STOKER_E_INVALID;
	}
	error_set(err, STOKER_E_NOT_FOUND, "there is no %s in the trash", shown[0] ? shown : "VM without a name");
	return error_fix(err, "See what there is: stoker trash list"), STOKER_E_NOT_FOUND;
}

/* The lock of a VM lies on its folder's inode and goes with it when it is renamed. */
static int lock_entry(stoker *s, const char *id)
{
	char path[STOKER_PATH_SIZE];
	struct stat mine, there;
	int fd = path_state(s, path, "trash/%s", id) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 && lstat(path, &there) == 0 &&
	    mine.st_ino == there.st_ino && mine.st_dev == there.st_dev)
		return fd;
	close(fd);
	return -1;
}

/* ---- restoring */

/* A name of its own, and where it can be the address and the port it had. */
static enum stoker_status insert(stoker *s, struct vm_record *rec, struct stoker_error *err)
{
	struct store_pools pools = { 0 };
	enum stoker_status st = store_insert(s->store, rec, NULL, err);
	struct vm_record other;

	if (st != STOKER_E_EXISTS || rec->vm.network == STOKER_NET_NONE ||
	    (store_find(s->store, rec->vm.name, &other, NULL) == STOKER_OK && strcmp(other.vm.name, rec->vm.name) == 0))
		return st;
	settings_pools(s->settings, &pools);
	pools.port_free = port_is_free;
	return store_insert(s->store, rec, &pools, err);
}

enum stoker_status stoker_trash_restore(stoker *s, const char *ref, const char *name, struct stoker_vm *out,
                                        struct stoker_error *err)
{
	char from[STOKER_PATH_SIZE], to[STOKER_PATH_SIZE];
	struct stoker_error why = { 0 };
	struct stoker_trashed entry;
	struct vm_record rec, other;
	enum stoker_status st = handle_writable(s, &why);
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	if (st == STOKER_OK)
		st = find(s, ref, &entry, &why);
	if (st == STOKER_OK && name)
		st = spec_check_name(name, &why);
	if (st != STOKER_OK)
		goto out;
	lock = lock_entry(s, entry.id);
	if (lock < 0 || !read_entry(s, entry.id, &entry, &rec)) {
		st = error_set(&why, STOKER_E_STATE, "it is being restored or removed just now");
		goto out;
	}
	if (name) {
		memset(rec.vm.name, 0, sizeof rec.vm.name);
		memcpy(rec.vm.name, name, strlen(name));
	}
	if (store_find(s->store, rec.vm.name, &other, NULL) == STOKER_OK && strcmp(other.vm.name, rec.vm.name) == 0) {
		st = error_set(&why, STOKER_E_EXISTS, "there is a VM called %s now", rec.vm.name);
		error_fix(&why, "Give it another name: stoker trash restore %s --name NAME", entry.id);
		goto out;
	}
	memset(&rec.vmm, 0, sizeof rec.vmm);
	memset(&rec.supervisor, 0, sizeof rec.supervisor);
	memset(&rec.owner, 0, sizeof rec.owner);
	rec.started_ns = rec.ready_ns = rec.ssh_ns = 0;
	rec.op.kind = STOKER_PHASE_NONE;
	rec.vm.state = rec.vm.started_at_ms || rec.run ? STOKER_STOPPED : STOKER_CREATED;
	rec.vm.reason[0] = '\0';
	path_state(s, from, "trash/%s", entry.id);
	if (!path_state(s, to, "vms/%s", entry.id)) {
		st = error_set(&why, STOKER_E_FAILED, "the state folder's path is too long");
		goto out;
	}
	if (rename(from, to) < 0) {
		st = error_errno(&why, errno, "cannot take it out of the trash");
		goto out;
	}
	st = insert(s, &rec, &why);
	if (st == STOKER_OK && rec.vm.network == STOKER_NET_TAP) {
		st = net_attach(s, &rec, &why);
		if (st != STOKER_OK) {
			net_detach(s, &rec, NULL);
			store_remove(s->store, rec.vm.id, NULL);
		}
	}
	if (st != STOKER_OK) {
		if (rename(to, from) < 0)
			error_fix(&why, "Put its folder back into the trash: stoker reconcile");
		goto out;
	}
	manifest_write(s->state_dir, &rec, NULL); /* its name and address may be other ones now */
	trash_unmark(s, entry.id);
	history_event(s->store, s->actor, &rec, "restored", "%s restored from the trash", rec.vm.name);
	handle_touch(s);
	lifecycle_refresh(s, &rec);
	if (out)
		*out = rec.vm;
out:
	if (lock >= 0)
		close(lock);
	if (st != STOKER_OK) {
		char shown[64];
		error_what(&why, "restore %s", error_clean(shown, sizeof shown, ref, strnlen(ref, 48)));
		if (err)
			*err = why;
	}
	return st;
}

/* ---- removing for good */

/* Renamed first: what a crash leaves half removed can only be removed further. */
static enum stoker_status remove_entry(stoker *s, const struct stoker_trashed *entry, bool expired, struct stoker_error *err)
{
	char from[STOKER_PATH_SIZE], to[STOKER_PATH_SIZE];
	enum stoker_status st = STOKER_OK;
	int lock = lock_entry(s, entry->id);

	if (lock < 0)
		return STOKER_E_STATE;
	path_state(s, from, "trash/%s", entry->id);
	if (!path_state(s, to, "trash/%s" GONE, entry->id))
		st = error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	else if (rename(from, to) < 0)
		st = error_errno(err, errno, "cannot remove %s", from);
	if (st == STOKER_OK)
		st = lifecycle_remove_folder(to, "manifest.json", err);
	close(lock);
	if (st == STOKER_OK) {
		struct vm_record rec = { 0 };
		memcpy(rec.vm.id, entry->id, sizeof rec.vm.id);
		memcpy(rec.vm.name, entry->name, sizeof rec.vm.name);
		history_event(s->store, s->actor, &rec, "purged",
		              expired ? "%s has left the trash: its time was up" : "%s was removed from the trash", entry->name);
	}
	return st;
}

static void finish_removals(stoker *s)
{
	char path[STOKER_PATH_SIZE];
	struct dirent *e;
	DIR *d = path_state(s, path, "trash") ? opendir(path) : NULL;
	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		if (len == STOKER_ID_SIZE - 1 + sizeof GONE - 1 && is_id(e->d_name, STOKER_ID_SIZE - 1) &&
		    strcmp(e->d_name + STOKER_ID_SIZE - 1, GONE) == 0 && path_state(s, path, "trash/%s", e->d_name))
			lifecycle_remove_folder(path, "manifest.json", NULL);
	}
	if (d)
		closedir(d);
	/* Goes when nothing is in it: a host without a trash has no trace of one. */
	if (path_state(s, path, "trash"))
		rmdir(path);
}

enum stoker_status stoker_trash_empty(stoker *s, const char *ref, bool expired_only, size_t *removed,
                                      struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	struct stoker_trashed *all = NULL, one;
	struct stoker_error why = { 0 };
	size_t n = 0, done = 0;
	int64_t now = clock_wall_ms();
	enum stoker_status st = handle_writable(s, &why), each;

	if (removed)
		*removed = 0;
	if (st == STOKER_OK && ref) {
		st = find(s, ref, &one, &why);
		if (st == STOKER_OK && (st = remove_entry(s, &one, false, &why)) == STOKER_E_STATE)
			error_set(&why, STOKER_E_STATE, "it is being restored or removed just now");
		done = st == STOKER_OK;
	} else if (st == STOKER_OK && path_state(s, path, "trash") && access(path, F_OK) == 0) {
		st = stoker_trash_list(s, &all, &n, &why);
		for (size_t i = 0; i < n; i++) {
			/* A clock that was set back must not end anything early: nothing is older than itself. */
			if (expired_only && (!all[i].expires_at_ms || now < all[i].expires_at_ms || now < all[i].deleted_at_ms))
				continue;
			each = remove_entry(s, &all[i], expired_only, st == STOKER_OK ? &why : NULL);
			done += each == STOKER_OK;
			if (each != STOKER_OK && each != STOKER_E_STATE && st == STOKER_OK)
				st = each;
		}
		free(all);
	}
	if (st == STOKER_OK)
		finish_removals(s);
	if (done > 0)
		handle_touch(s);
	if (removed)
		*removed = done;
	if (st != STOKER_OK) {
		error_what(&why, "empty the trash");
		if (err)
			*err = why;
	}
	return st;
}
