/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "lifecycle.h"

enum { SMALL_HOLE = 64 * 1024 };

static bool cancelled(const struct stoker_call *call)
{
	struct pollfd fd = { .fd = call ? call->cancel_fd : -1, .events = POLLIN };
	return fd.fd >= 0 && poll(&fd, 1, 0) > 0;
}

static void report(const struct stoker_call *call, const char *step, int64_t done, int64_t total)
{
	struct stoker_progress p = { step, done, total };
	if (call && call->progress)
		call->progress(call->user, &p);
}

/* One data extent, in pieces so that progress and cancelling work. */
static enum stoker_status copy_extent(int in, int out, off_t from, off_t to, const struct stoker_call *call, off_t size,
                                      struct stoker_error *err)
{
	bool fallback = false;
	while (from < to) {
		size_t want = to - from > 8 << 20 ? 8u << 20 : (size_t)(to - from);
		off_t a = from, b = from;
		ssize_t n = -1;
		if (cancelled(call))
			return error_set(err, STOKER_E_CANCELLED, "cancelled");
		if (!fallback) {
			n = copy_file_range(in, &a, out, &b, want, 0);
			fallback = n <= 0 && (n == 0 || errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS);
		}
		if (fallback) {
			char buf[65536];
			n = pread(in, buf, want < sizeof buf ? want : sizeof buf, from);
			if (n > 0)
				n = pwrite(out, buf, (size_t)n, from);
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, n < 0 ? errno : EIO, "cannot copy the disk");
		from += n;
		report(call, "copying the disk", from, size);
	}
	return STOKER_OK;
}

/* Where the data that begins at `at` ends. A small hole is copied like data: each extent costs the file system an
 * allocation and, where it tells the disk of what it frees (mount option discard), a wait when the disk is removed. */
static off_t end_of_data(int in, off_t at, off_t size)
{
	off_t hole;
	do {
		hole = lseek(in, at, SEEK_HOLE);
		if (hole < 0)
			return size;
		at = lseek(in, hole, SEEK_DATA);
	} while (at >= 0 && at - hole <= SMALL_HOLE);
	return hole;
}

enum stoker_status disk_copy(const char *from, const char *to, const struct stoker_call *call, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	struct stat info;
	int in = -1, out = -1;
	off_t at = 0;

	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &info) < 0) {
		st = error_errno(err, errno, "cannot read %s", from);
		goto out;
	}
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0) {
		st = error_errno(err, errno, "cannot make %s", to);
		goto out;
	}
	if (ioctl(out, FICLONE, in) < 0) {
		if (ftruncate(out, info.st_size) < 0) {
			st = error_errno(err, errno, "cannot size %s", to);
			goto out;
		}
		while (at < info.st_size) {
			off_t data = lseek(in, at, SEEK_DATA), hole;
			if (data < 0) {
				if (errno == ENXIO)
					break;
				data = at;
			}
			hole = end_of_data(in, data, info.st_size);
			st = copy_extent(in, out, data, hole, call, info.st_size, err);
			if (st != STOKER_OK)
				goto out;
			at = hole;
		}
	}
	if (fdatasync(out) < 0)
		st = error_errno(err, errno, "cannot write %s", to);
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (st != STOKER_OK && out >= 0)
		unlink(to);
	return st;
}

static enum stoker_status run_tool(const char *const *argv, const struct stoker_call *call, const char *package,
                                   struct stoker_error *err)
{
	enum stoker_status st = process_run(argv, NULL, call, NULL, NULL, err);
	if (st == STOKER_E_MISSING)
		error_fix(err, "Install it: apt-get install %s", package);
	return st;
}

/* The formatted empty ext4 of one size, made without a name and then linked to
 * it: a half-formatted one is never seen, and whoever dies on the way leaves
 * nothing. Two that make the same at once make the same; the second link finds
 * the first's. */
static enum stoker_status template_make(stoker *s, const char *path, unsigned mib, const struct stoker_call *call,
                                        struct stoker_error *err)
{
	char dir[STOKER_PATH_SIZE], mine[64], seen[64];
	enum stoker_status st;
	int fd;

	if (!path_state(s, dir, "templates"))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		st = error_errno(err, errno, "cannot make a file in %s", dir);
		if (errno == EOPNOTSUPP || errno == EISDIR)
			error_fix(err, "The file system there knows no unnamed files; choose another place with --state DIR");
		return st;
	}
	/* Under this name another process, mke2fs, can open it. */
	snprintf(seen, sizeof seen, "/proc/%ld/fd/%d", (long)getpid(), fd);
	snprintf(mine, sizeof mine, "/proc/self/fd/%d", fd);
	if (ftruncate(fd, (off_t)mib << 20) < 0) {
		st = error_errno(err, errno, "cannot size an empty disk");
	} else {
		/* No room kept for growing while mounted: a growth happens offline, and the room is 1 MB to copy for each VM.
		 * (Fewer backups of the superblock, sparse_super2, would be fewer extents for each VM. resize2fs 1.47 leaves
		 * bitmaps behind that are wrong then.) */
		const char *const argv[] = { "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", "stoker-disk", "-O", "^resize_inode",
			                     "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", seen, NULL };
		st = run_tool(argv, call, "e2fsprogs", err);
		if (st == STOKER_OK && linkat(AT_FDCWD, mine, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
			st = error_errno(err, errno, "cannot put %s in place", path);
	}
	close(fd);
	return st;
}

/* s_feature_compat of ext4's superblock, at byte 0x5c of it; 0x4 is COMPAT_HAS_JOURNAL. */
static bool has_journal(const char *disk)
{
	unsigned char flags = 0;
	int fd = open(disk, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd >= 0 ? pread(fd, &flags, 1, 1024 + 0x5c) : -1;
	if (fd >= 0)
		close(fd);
	return n == 1 && (flags & 4);
}

enum stoker_status disk_fits(const char *base, unsigned mib, struct stoker_error *err)
{
	struct stat info;
	if (stat(base, &info) < 0)
		return error_errno(err, errno, "cannot look at %s", base);
	if (info.st_size <= (off_t)mib << 20)
		return STOKER_OK;
	error_set(err, STOKER_E_INVALID, "the image's root file system is larger (%lld MiB) than the disk (%u MiB)",
	          (long long)(info.st_size >> 20), mib);
	return error_fix(err, "Ask for at least --disk %lld", (long long)((info.st_size + (1 << 20) - 1) >> 20));
}

/* To the size asked for, and with a journal: a read-only base needs none, but a
 * writable copy must survive a VMM that is killed. */
static enum stoker_status grow(const char *disk, unsigned mib, const struct stoker_call *call, struct stoker_error *err)
{
	const char *const argv[] = { "resize2fs", "-f", disk, NULL };
	const char *const journal[] = { "tune2fs", "-O", "has_journal", disk, NULL };
	enum stoker_status st = disk_fits(disk, mib, err);
	if (st != STOKER_OK)
		return st;
	if (truncate(disk, (off_t)mib << 20) < 0)
		return error_errno(err, errno, "cannot size %s", disk);
	st = run_tool(argv, call, "e2fsprogs", err);
	return st == STOKER_OK && !has_journal(disk) ? run_tool(journal, call, "e2fsprogs", err) : st;
}

/* Beside the disk, for as long as it is being grown. */
static bool aside_of(const char *disk, char out[STOKER_PATH_SIZE])
{
	return snprintf(out, STOKER_PATH_SIZE, "%s.new", disk) < STOKER_PATH_SIZE;
}

void disk_forget_aside(const char *disk)
{
	char aside[STOKER_PATH_SIZE];
	if (aside_of(disk, aside))
		unlink(aside);
}

static enum stoker_status sync_path(const char *path, int flags, struct stoker_error *err)
{
	int fd = open(path, flags | O_CLOEXEC);
	int e = fd < 0 || fsync(fd) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return e ? error_errno(err, e, "cannot write %s", path) : STOKER_OK;
}

enum stoker_status disk_grow(const char *disk, unsigned mib, const struct stoker_call *call, struct stoker_error *err)
{
	char aside[STOKER_PATH_SIZE], folder[STOKER_PATH_SIZE];
	/* A guest that was killed left a journal to replay, which resize2fs does not do; -p mends only what is safe, and
	 * says with 1 that it did. */
	const char *const check[] = { "/bin/sh", "-c", "e2fsck -fp \"$1\" || [ $? -eq 1 ]", "sh", aside, NULL };
	enum stoker_status st;

	if (!aside_of(disk, aside))
		return error_set(err, STOKER_E_FAILED, "the path of the disk is too long");
	memcpy(folder, disk, sizeof folder);
	*strrchr(folder, '/') = '\0';
	disk_forget_aside(disk); /* of one that was cut off */
	st = disk_copy(disk, aside, call, err);
	if (st == STOKER_OK)
		st = run_tool(check, call, "e2fsprogs", err);
	if (st == STOKER_OK)
		st = grow(aside, mib, call, err);
	if (st == STOKER_OK)
		st = sync_path(aside, O_RDONLY, err);
	if (st == STOKER_OK && rename(aside, disk) < 0)
		st = error_errno(err, errno, "cannot put the grown disk in place");
	if (st == STOKER_OK)
		st = sync_path(folder, O_RDONLY | O_DIRECTORY, err);
	if (st != STOKER_OK)
		unlink(aside);
	return st;
}

enum stoker_status disk_make(stoker *s, const struct vm_record *rec, const char *base, const struct stoker_call *call,
                             struct stoker_error *err)
{
	char from[STOKER_PATH_SIZE], to[STOKER_PATH_SIZE];
	enum stoker_status st;

	if (rec->vm.disk_mode == STOKER_DISK_SHARED)
		return STOKER_OK;
	if (!path_state(s, to, "vms/%s/disk.ext4", rec->vm.id) ||
	    !path_state(s, from, "templates/ext4-%u.img", rec->vm.disk_mib))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	if (rec->vm.disk_mode == STOKER_DISK_COPY) {
		st = disk_copy(base, to, call, err);
		return st == STOKER_OK ? grow(to, rec->vm.disk_mib, call, err) : st;
	}
	if (access(from, F_OK) < 0) {
		report(call, "formatting an empty disk", 0, 0);
		st = template_make(s, from, rec->vm.disk_mib, call, err);
		if (st != STOKER_OK)
			return st;
	}
	return disk_copy(from, to, call, err);
}

struct holder {
	int64_t pid;
};

static void first_holder(void *user, int64_t pid, const char *path)
{
	struct holder *h = user;
	(void)path;
	if (!h->pid && pid != getpid())
		h->pid = pid;
}

/* The kernel itself knows whether anybody else has a file open or mapped: it
 * then refuses a write lease. Only to name the holder, or where leases do not
 * work, is /proc searched. */
enum stoker_status disk_unused(const char *path, struct stoker_error *err)
{
	struct holder holder = { 0 };
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? STOKER_OK : error_errno(err, errno, "cannot look at %s", path);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
		close(fd);
		return STOKER_OK;
	}
	close(fd);
	host_files_held(path, first_holder, &holder);
	if (holder.pid == 0)
		return STOKER_OK; /* held only for a moment, or by a process that ended just now */
	error_set(err, STOKER_E_STATE, "process %lld uses %s", (long long)holder.pid, path);
	return error_fix(err, "End that process first, or let stoker reconcile show what it is"), STOKER_E_STATE;
}
