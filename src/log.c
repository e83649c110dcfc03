/* SPDX-License-Identifier: Apache-2.0
 *
 * log.c - reading a console log while its supervisor writes and rotates it:
 * console.log becomes console.log.1, and a new console.log begins. A file that
 * is held open cannot lose its inode number to another, so numbers tell which
 * file comes next, also when it was rotated more than once meanwhile.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "lifecycle.h"

#define LOG_NEW "console.log"
#define LOG_OLD "console.log.1"

struct stoker_log {
	int dir, fd, notify, watch; /* fd -1: nothing opened yet */
	ino_t inode;
};

static int open_part(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static ino_t inode_of(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? st.st_ino : 0;
}

/* Where the last *lines lines of a file begin; *lines becomes how many are missing still. */
static off_t tail_offset(int fd, int *lines)
{
	char block[4096];
	off_t end = lseek(fd, 0, SEEK_END), at = end;
	if (*lines <= 0 || end <= 0)
		return end > 0 ? end : 0;
	while (at > 0) {
		off_t from = at > (off_t)sizeof block ? at - (off_t)sizeof block : 0;
		ssize_t n = pread(fd, block, (size_t)(at - from), from);
		if (n <= 0)
			return at;
		for (ssize_t i = n - 1; i >= 0; i--) {
			/* The newline that ends the very last line separates nothing. */
			if (block[i] != '\n' || from + i == end - 1)
				continue;
			if (--*lines == 0)
				return from + i + 1;
		}
		at = from;
	}
	--*lines; /* the first line of the file has no newline before it */
	return 0;
}

static bool take(struct stoker_log *log, int fd)
{
	char path[64];
	struct stat st;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	if (log->fd >= 0)
		close(log->fd);
	if (log->watch >= 0)
		inotify_rm_watch(log->notify, log->watch);
	log->fd = fd;
	log->inode = st.st_ino;
	/* Not by its name, which may be another file's by now. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	log->watch = inotify_add_watch(log->notify, path, IN_MODIFY);
	return true;
}

/* Opens the parts that hold the wanted lines, the older one first. */
static void start(struct stoker_log *log, int lines)
{
	int newer = open_part(log->dir, LOG_NEW), older = open_part(log->dir, LOG_OLD), left = lines;
	off_t at = 0;
	if (newer >= 0 && lines >= 0)
		at = tail_offset(newer, &left);
	if (older >= 0 && inode_of(log->dir, LOG_NEW) != 0 && newer >= 0 && (lines < 0 || left > 0)) {
		if (lines >= 0)
			lseek(older, tail_offset(older, &left), SEEK_SET);
		if (take(log, older)) /* the newer one follows by itself, from its beginning */
			older = -1;
	} else if (newer >= 0) {
		lseek(newer, at, SEEK_SET);
		if (take(log, newer))
			newer = -1;
	} else if (older >= 0) {
		if (lines >= 0)
			lseek(older, tail_offset(older, &left), SEEK_SET);
		if (take(log, older))
			older = -1;
	}
	if (newer >= 0)
		close(newer);
	if (older >= 0)
		close(older);
}

enum stoker_status stoker_log_open(stoker *s, const char *ref, int tail_lines, stoker_log **out,
                                   struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	struct vm_record rec;
	struct stoker_log *log;
	enum stoker_status st;

	*out = NULL;
	st = lifecycle_find(s, ref, &rec, err);
	if (st != STOKER_OK)
		return st;
	if (!path_state(s, path, "vms/%s", rec.vm.id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	log = malloc(sizeof *log);
	if (!log)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	*log = (struct stoker_log){ .dir = -1, .fd = -1, .watch = -1 };
	log->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (log->notify >= 0)
		log->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The folder only for new files: the disk in it is written all the time. */
	if (log->dir < 0 || inotify_add_watch(log->notify, path, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
		st = error_errno(err, errno, "cannot watch the console log of %s", rec.vm.name);
		stoker_log_close(log);
		return st;
	}
	start(log, tail_lines);
	*out = log;
	return STOKER_OK;
}

/* The file after the one that was read to its end, if there is one. */
static bool advance(struct stoker_log *log)
{
	ino_t newer = inode_of(log->dir, LOG_NEW), older = inode_of(log->dir, LOG_OLD);
	if (log->fd < 0)
		return take(log, open_part(log->dir, LOG_NEW));
	if (newer == 0 || newer == log->inode)
		return false;
	/* Rotated twice meanwhile: what is the old one now was never read. */
	if (older != 0 && older != log->inode)
		return take(log, open_part(log->dir, LOG_OLD));
	return take(log, open_part(log->dir, LOG_NEW));
}

static ssize_t read_part(struct stoker_log *log, void *buf, size_t cap)
{
	ssize_t n;
	if (log->fd < 0)
		return 0;
	do
		n = read(log->fd, buf, cap);
	while (n < 0 && errno == EINTR);
	return n;
}

static void drain(struct stoker_log *log)
{
	char events[4096] __attribute__((aligned(8)));
	while (read(log->notify, events, sizeof events) > 0)
		;
}

ssize_t stoker_log_read(stoker_log *log, void *buf, size_t cap)
{
	bool drained = false;
	for (;;) {
		ino_t newest;
		ssize_t n = read_part(log, buf, cap);
		if (n != 0)
			return n;
		newest = inode_of(log->dir, LOG_NEW);
		if (log->fd >= 0 && newest != 0 && newest != log->inode) {
			/* Its last bytes may have come between the read and the rotation. */
			n = read_part(log, buf, cap);
			if (n != 0)
				return n;
		}
		if (advance(log)) {
			drained = false;
			continue;
		}
		if (drained)
			return 0;
		/* Look once more after emptying it: what came before that is no event any more. */
		drain(log);
		drained = true;
	}
}

int stoker_log_fd(const stoker_log *log)
{
	return log->notify;
}

void stoker_log_close(stoker_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	if (log->dir >= 0)
		close(log->dir);
	if (log->notify >= 0)
		close(log->notify);
	free(log);
}

char *log_last_lines(const stoker *s, const char *id, int lines, char *out, size_t cap)
{
	char path[STOKER_PATH_SIZE], raw[2048];
	size_t len = 0, from = 0, o = 0;
	off_t at, size;
	int fd = -1;

	if (cap > 0)
		out[0] = '\0';
	if (cap < 8 || !path_state(s, path, "vms/%s/" LOG_NEW, id))
		return out;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && lseek(fd, 0, SEEK_END) == 0 && path_state(s, path, "vms/%s/" LOG_OLD, id)) {
		/* Just rotated: what came last is the end of the old one. */
		close(fd);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (fd < 0)
		return out;
	at = tail_offset(fd, &lines);
	size = lseek(fd, 0, SEEK_END);
	if (size - at > (off_t)sizeof raw)
		at = size - (off_t)sizeof raw;
	while (len < sizeof raw) {
		ssize_t n = pread(fd, raw + len, sizeof raw - len, at + (off_t)len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	while (from < len && o + 8 < cap) {
		const char *end = memchr(raw + from, '\n', len - from);
		size_t line = end ? (size_t)(end - raw) - from : len - from, text = line;
		while (text > 0 && (raw[from + text - 1] == '\r' || raw[from + text - 1] == ' '))
			text--;
		if (text > 0) {
			if (o > 0) {
				memcpy(out + o, " | ", 4);
				o += 3;
			}
			error_clean(out + o, cap - o, raw + from, text);
			o += strlen(out + o);
		}
		from += line + 1;
	}
	return out;
}

void error_console(const stoker *s, const char *id, struct stoker_error *err)
{
	char lines[400];
	size_t len;
	if (!err)
		return;
	log_last_lines(s, id, 4, lines, sizeof lines);
	len = strlen(err->why);
	snprintf(err->why + len, sizeof err->why - len, lines[0] ? "; its console ends with: %s" : "; its console is empty%s",
	         lines);
}
