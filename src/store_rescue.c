/* SPDX-License-Identifier: Apache-2.0
 *
 * store_rescue.c - a new store in place of a corrupt or vanished one.
 *
 * The new file is complete and on disk before the old one is touched, and the
 * old one is kept. A crash at any point leaves either the old file, or none
 * beside a complete set of manifests: both are mended by the next opener.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "store_db.h"

#define MANIFESTS_MAX 100000

static bool is_id(const char *name)
{
	return strlen(name) == STOKER_ID_SIZE - 1 && strspn(name, "0123456789abcdef") == STOKER_ID_SIZE - 1;
}

static int by_creation(const void *a, const void *b)
{
	const struct stoker_vm *x = &((const struct vm_record *)a)->vm, *y = &((const struct vm_record *)b)->vm;
	if (x->created_at_ms != y->created_at_ms)
		return x->created_at_ms < y->created_at_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* All readable manifests; those that are there but cannot be used are counted. */
static enum stoker_status collect(const struct store *store, struct vm_record **out, size_t *count, unsigned *unusable,
                                  struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	struct vm_record *all = NULL;
	size_t n = 0, cap = 0;
	struct dirent *entry;
	DIR *dir = NULL;
	int fd = openat(store->dir_fd, "vms", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	*out = NULL;
	*count = 0;
	if (fd < 0) {
		if (errno == ENOENT)
			return STOKER_OK;
		return error_errno(err, errno, "cannot read the manifests in %s/vms", store->dir);
	}
	dir = fdopendir(fd);
	if (!dir) {
		st = error_errno(err, errno, "cannot read the manifests in %s/vms", store->dir);
		close(fd);
		return st;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		char path[4096 + 64];
		struct stat sb;
		struct stoker_error why;
		if (!is_id(entry->d_name))
			continue;
		snprintf(path, sizeof path, "%s/vms/%s/manifest.json", store->dir, entry->d_name);
		if (lstat(path, &sb) < 0 && errno == ENOENT)
			continue; /* a create that had not come so far */
		if (n == cap) {
			size_t more = cap ? cap * 2 : 64;
			struct vm_record *bigger =
			    more <= MANIFESTS_MAX * 2 ? reallocarray(all, more, sizeof *all) : NULL;
			if (!bigger) {
				st = error_errno(err, ENOMEM, "cannot take up more than %zu manifests", n);
				break;
			}
			all = bigger;
			cap = more;
		}
		st = manifest_read(path, &all[n], &why);
		if (st == STOKER_E_NOT_FOUND) { /* deleted just now */
			st = STOKER_OK;
			continue;
		}
		/* The host's fault, not the manifest's: a VM must not be left out for that. */
		if (st != STOKER_OK && st != STOKER_E_INVALID) {
			if (err)
				*err = why;
			break;
		}
		if (st == STOKER_OK && strcmp(all[n].vm.id, entry->d_name) == 0)
			n++;
		else
			++*unusable;
		st = STOKER_OK;
	}
	if (st == STOKER_OK && errno)
		st = error_errno(err, errno, "cannot read the manifests in %s/vms", store->dir);
	closedir(dir);
	if (st != STOKER_OK) {
		free(all);
		return st;
	}
	if (n)
		qsort(all, n, sizeof *all, by_creation);
	*out = all;
	*count = n;
	return STOKER_OK;
}

enum stoker_status store_fill(struct store *store, unsigned *taken, unsigned *unusable, struct stoker_error *err)
{
	struct vm_record *all;
	size_t count;
	enum stoker_status st = collect(store, &all, &count, unusable, err);

	if (st != STOKER_OK)
		return st;
	if (sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		st = store_failed(store, store->db, "rebuild", err);
	for (size_t i = 0; st == STOKER_OK && i < count; i++) {
		st = store_put_yielding(store, &all[i], err);
		if (st == STOKER_OK)
			++*taken;
	}
	if (st == STOKER_OK && sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		st = store_failed(store, store->db, "rebuild", err);
	free(all);
	return st;
}

/* Files that SQLite would take for the new database's own. */
static const char *const companions[] = { "-journal", "-wal", "-shm" };

static void unlink_new(const struct store *store)
{
	unlinkat(store->dir_fd, "store.db.new", 0);
	for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
		char name[64];
		snprintf(name, sizeof name, "store.db.new%s", companions[i]);
		unlinkat(store->dir_fd, name, 0);
	}
}

static enum stoker_status build_new(const struct store *store, unsigned *taken, unsigned *unusable,
                                    struct stoker_error *err)
{
	/* A handle of its own on the new file, so that nothing of it lasts when it fails. */
	struct store fresh = { .dir = store->dir, .dir_fd = store->dir_fd, .lock_fd = -1 };
	enum stoker_status st;
	char path[4096 + 32];
	int fd;

	unlink_new(store);
	fd = openat(store->dir_fd, "store.db.new", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		int e = errno;
		error_errno(err, e, "cannot make %s/store.db.new", store->dir);
		return STOKER_E_STORE;
	}
	fchmod(fd, 0600); /* whatever the umask took away */
	close(fd);
	snprintf(path, sizeof path, "%s/store.db.new", store->dir);
	if (store_connect(path, false, &fresh.db) != SQLITE_OK ||
	    sqlite3_exec(fresh.db, "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=FULL;", NULL, NULL, NULL) !=
	        SQLITE_OK)
		st = store_failed(&fresh, fresh.db, "make", err);
	else
		st = store_migrate(fresh.db, err);
	if (st == STOKER_OK)
		st = store_fill(&fresh, taken, unusable, err);
	store_detach(&fresh);
	if (st != STOKER_OK)
		unlink_new(store);
	return st;
}

/* Nothing in it is to be rolled back: it is empty, or begins with the zeros that end a commit (see store.c). */
static bool is_spent(const struct store *store, const char *name, const struct stat *sb)
{
	char first = 1;
	int fd;
	if (!S_ISREG(sb->st_mode) || sb->st_size == 0)
		return S_ISREG(sb->st_mode);
	fd = openat(store->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (read(fd, &first, 1) != 1)
		first = 1;
	close(fd);
	return first == 0;
}

/* Moves store.db and what belongs to it aside. The companions go first: without
 * its journal the old file is still corrupt and still there, whereas a new file
 * beside the old journal would be rolled back into garbage. */
static enum stoker_status move_aside(const struct store *store, char *kept, size_t cap, struct stoker_error *err)
{
	char stamp[32], from[64], to[128];
	struct stat sb;
	struct tm tm;
	time_t now = time(NULL);
	unsigned n = 0;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	do {
		snprintf(kept, cap, n ? "store.db.corrupt-%s.%u" : "store.db.corrupt-%s", stamp, n);
	} while (fstatat(store->dir_fd, kept, &sb, AT_SYMLINK_NOFOLLOW) == 0 && ++n < 10000);
	for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
		snprintf(from, sizeof from, "store.db%s", companions[i]);
		snprintf(to, sizeof to, "%s%s", kept, companions[i]);
		if (fstatat(store->dir_fd, from, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (is_spent(store, from, &sb) ? unlinkat(store->dir_fd, from, 0) < 0
		                               : renameat(store->dir_fd, from, store->dir_fd, to) < 0)
			return error_errno(err, errno, "cannot move %s/%s aside", store->dir, from);
	}
	if (fstatat(store->dir_fd, "store.db", &sb, AT_SYMLINK_NOFOLLOW) < 0 || sb.st_size == 0) {
		kept[0] = '\0'; /* nothing worth keeping; the rename below replaces it */
		return STOKER_OK;
	}
	if (renameat(store->dir_fd, "store.db", store->dir_fd, kept) < 0)
		return error_errno(err, errno, "cannot move %s/store.db aside", store->dir);
	return STOKER_OK;
}

enum stoker_status store_rebuild(struct store *store, const char *why, struct stoker_error *err)
{
	char kept[96] = "", bad[64] = "";
	unsigned taken = 0, unusable = 0;
	enum stoker_status st = build_new(store, &taken, &unusable, err);

	if (st == STOKER_OK)
		st = move_aside(store, kept, sizeof kept, err);
	if (st == STOKER_OK && renameat(store->dir_fd, "store.db.new", store->dir_fd, "store.db") < 0)
		st = error_errno(err, errno, "cannot put %s/store.db in place", store->dir);
	if (st == STOKER_OK && fsync(store->dir_fd) < 0)
		st = error_errno(err, errno, "cannot write the folder %s to disk", store->dir);
	if (st != STOKER_OK) {
		unlink_new(store);
		return st;
	}
	if (!why && !taken && !unusable)
		return STOKER_OK; /* a first store, not a rescue */
	if (unusable)
		snprintf(bad, sizeof bad, "; %u manifests were unusable", unusable);
	if (store->notice)
		snprintf(store->notice, store->notice_cap,
		         "the store was %s%s%s and was rebuilt from %u manifest%s%s%s%s", why ? "corrupt (" : "gone",
		         why ? why : "", why ? ")" : "", taken, taken == 1 ? "" : "s", bad,
		         kept[0] ? "; the old file is kept as " : "", kept);
	history_event(store, "host", NULL, "rescued", "the store was %s and was rebuilt from %u manifest%s%s%s%s",
	              why ? "corrupt" : "gone", taken, taken == 1 ? "" : "s", bad,
	              kept[0] ? "; the old file is kept as " : "", kept);
	return STOKER_OK;
}
