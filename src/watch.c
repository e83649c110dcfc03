/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - "something may have changed": inotify on STATE/changed.
 *
 * The file is watched for its touches and the folder for the file's coming and
 * going, so that the watch survives a file that is removed, replaced, or made
 * only later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "error.h"
#include "handle.h"

struct stoker_watch {
	int fd;
	int dir_wd, file_wd; /* -1: none */
	char *dir, *file;
};

#define FILE_EVENTS (IN_ATTRIB | IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)
#define DIR_EVENTS (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

static void watch_file(struct stoker_watch *w)
{
	int wd = inotify_add_watch(w->fd, w->file, FILE_EVENTS | IN_DONT_FOLLOW);
	/* The old inode may live on under another name, and is of no interest there. */
	if (w->file_wd >= 0 && w->file_wd != wd)
		inotify_rm_watch(w->fd, w->file_wd);
	w->file_wd = wd;
}

enum stoker_status stoker_watch_open(stoker *s, stoker_watch **out, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	enum stoker_status st = STOKER_OK;
	struct stoker_watch *w = calloc(1, sizeof *w);

	*out = NULL;
	if (!w)
		return error_errno(err, ENOMEM, "cannot watch for changes");
	w->fd = w->dir_wd = w->file_wd = -1;
	if (!path_state(s, path, "changed")) {
		st = error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
		goto fail;
	}
	w->dir = strdup(s->state_dir);
	w->file = strdup(path);
	if (!w->dir || !w->file) {
		st = error_errno(err, ENOMEM, "cannot watch for changes");
		goto fail;
	}
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0) {
		int e = errno;
		st = error_errno(err, e, "cannot watch for changes");
		if (e == EMFILE)
			error_fix(err, "Raise fs.inotify.max_user_instances (sysctl)");
		goto fail;
	}
	w->dir_wd = inotify_add_watch(w->fd, w->dir, DIR_EVENTS);
	if (w->dir_wd < 0) {
		int e = errno;
		st = error_errno(err, e, "cannot watch the folder %s", w->dir);
		if (e == ENOSPC)
			error_fix(err, "Raise fs.inotify.max_user_watches (sysctl)");
		goto fail;
	}
	watch_file(w);
	*out = w;
	return STOKER_OK;
fail:
	stoker_watch_close(w);
	return st;
}

int stoker_watch_fd(const stoker_watch *watch)
{
	return watch->fd;
}

bool stoker_watch_drain(stoker_watch *watch)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false, again = false;
	ssize_t n;

	while ((n = read(watch->fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR)) {
		for (ssize_t at = 0; at < n;) {
			struct inotify_event event;
			const char *name = buf + at + sizeof event;
			memcpy(&event, buf + at, sizeof event);
			at += (ssize_t)(sizeof event + event.len);
			if (event.mask & IN_Q_OVERFLOW) {
				changed = again = true;
			} else if (event.wd == watch->dir_wd && watch->dir_wd >= 0) {
				if (event.mask & IN_IGNORED)
					watch->dir_wd = -1;
				if (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
					changed = true;
				else if (event.len && (strcmp(name, "changed") == 0 || strcmp(name, "store.db") == 0))
					changed = again = true;
			} else if (event.wd == watch->file_wd && watch->file_wd >= 0) {
				changed = true;
				if (event.mask & IN_IGNORED)
					watch->file_wd = -1;
			}
		}
	}
	if (watch->dir_wd < 0) /* the folder was removed; it may be made again */
		watch->dir_wd = inotify_add_watch(watch->fd, watch->dir, DIR_EVENTS);
	if (again || watch->file_wd < 0) {
		int before = watch->file_wd;
		watch_file(watch);
		changed |= watch->file_wd >= 0 && watch->file_wd != before;
	}
	return changed;
}

void stoker_watch_close(stoker_watch *watch)
{
	if (!watch)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch->dir);
	free(watch->file);
	free(watch);
}
