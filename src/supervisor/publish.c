/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.c - the status file: replaced by rename, then the watchers are told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return;
	futimens(fd, NULL);
	close(fd);
}

/* NAME by way of NAME.new: whoever reads finds a whole one. False with errno. */
static bool replace(const struct supervisor *s, const char *name, const char *text, size_t len)
{
	char aside[32];
	size_t done = 0;
	int fd, saved;

	snprintf(aside, sizeof aside, "%s.new", name);
	fd = openat(s->run_dir, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			saved = n < 0 ? errno : EIO;
			close(fd);
			unlinkat(s->run_dir, aside, 0);
			errno = saved;
			return false;
		}
		done += (size_t)n;
	}
	close(fd);
	/* Exchanged where there is an old one: ext4 writes out at once what replaces a file by a rename, and then has
	 * blocks to free when the folder goes. Nothing in here outlasts a power cut. */
	if (renameat2(s->run_dir, aside, s->run_dir, name, RENAME_EXCHANGE) == 0)
		return unlinkat(s->run_dir, aside, 0) == 0 || errno == ENOENT;
	return renameat(s->run_dir, aside, s->run_dir, name) == 0;
}

bool publish_now(struct supervisor *s)
{
	char text[SUPERVISOR_STATUS_MAX];
	size_t len = status_format(&s->status, text, sizeof text);

	if (len == 0) {
		errno = EOVERFLOW;
		return false;
	}
	if (!replace(s, "status", text, len))
		return false;
	touch(s->opt.notify);
	return true;
}

void publish_metrics(struct supervisor *s)
{
	char text[METRICS_TEXT_MAX];
	size_t len = metrics_format(&s->metrics, text, sizeof text);
	/* Where it cannot be written now it is with the next line: they are sums. */
	if (len > 0)
		replace(s, METRICS_FILE, text, len);
}

void publish_metrics_inherit(struct supervisor *s)
{
	char text[METRICS_TEXT_MAX + 1];
	int fd = openat(s->run_dir, METRICS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
	if (n > 0)
		metrics_parse(text, (size_t)n, &s->metrics);
	if (fd >= 0)
		close(fd);
}

void publish_metrics_forget(struct supervisor *s)
{
	unlinkat(s->run_dir, METRICS_FILE, 0);
}

void publish(struct supervisor *s)
{
	/* A full disk passes; a folder that was removed does not come back. */
	if (publish_now(s) || errno == ENOENT || errno == ENOTDIR || errno == ESTALE)
		s->publish_due_ns = 0;
	else
		s->publish_due_ns = clock_now_ns() + NS_PER_S;
}

void publish_inherit(struct supervisor *s)
{
	char text[SUPERVISOR_STATUS_MAX + 1];
	struct run_status old;
	int fd = openat(s->run_dir, "status", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;
	if (fd < 0)
		return;
	n = read(fd, text, sizeof text);
	close(fd);
	/* Only if it is about this very VMM: a folder may have been used before. */
	if (n <= 0 || !status_parse(text, (size_t)n, &old) || old.vmm.pid != s->status.vmm.pid ||
	    old.vmm.start_ticks != s->status.vmm.start_ticks || strcmp(old.vmm.boot_id, s->status.vmm.boot_id) != 0)
		return;
	old.supervisor = s->status.supervisor;
	old.exit_status = -2;
	old.exit_ns = 0;
	s->status = old;
}
