/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"

enum { NOTES_MAX = 64 };

static void reopen(struct console *c)
{
	struct stat st;
	c->fd = openat(c->dir, c->name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	c->size = 0;
	if (c->fd >= 0 && fstat(c->fd, &st) == 0 && st.st_size > 0)
		c->size = (size_t)st.st_size;
}

static void rotate(struct console *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	/* Should the rename be impossible the log starts over: the cap is a promise. */
	if (renameat(c->dir, c->name, c->dir, c->old) < 0 && errno != ENOENT)
		unlinkat(c->dir, c->name, 0);
	reopen(c);
}

bool console_open(struct console *c, const char *path, bool fresh)
{
	char folder[PATH_MAX];
	const char *base = strrchr(path, '/');
	size_t len = base ? (size_t)(base - path) : 0;

	memset(c, 0, sizeof *c);
	c->dir = c->fd = -1;
	c->cap = CONSOLE_LOG_CAP;
	if (!base || len >= sizeof folder || strlen(base + 1) >= sizeof c->name || !base[1]) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(folder, path, len);
	folder[len] = '\0';
	snprintf(c->name, sizeof c->name, "%s", base + 1);
	snprintf(c->old, sizeof c->old, "%s.1", base + 1);
	c->dir = open(len ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0)
		return false;
	reopen(c);
	if (fresh && c->size > 0)
		rotate(c);
	return true;
}

/* False when not all of it could be written. */
static bool put(struct console *c, const char *data, size_t len)
{
	if (c->fd < 0)
		reopen(c);
	while (len > 0 && c->fd >= 0) {
		size_t room = c->size < c->cap ? c->cap - c->size : 0;
		ssize_t n;
		if (room == 0) {
			rotate(c);
			continue;
		}
		n = write(c->fd, data, len < room ? len : room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		c->size += (size_t)n;
		c->line_open = data[n - 1] != '\n';
		data += n;
		len -= (size_t)n;
	}
	c->lost += len;
	return len == 0;
}

static __attribute__((format(printf, 2, 0))) void vnote(struct console *c, const char *fmt, va_list ap)
{
	char line[256] = "\nstoker: ";
	const size_t head = strlen(line);
	int n = vsnprintf(line + head, sizeof line - head - 1, fmt, ap);
	size_t len;
	if (n < 0)
		return;
	len = head + ((size_t)n < sizeof line - head - 1 ? (size_t)n : sizeof line - head - 2);
	line[len++] = '\n';
	put(c, c->line_open ? line : line + 1, c->line_open ? len : len - 1);
}

static __attribute__((format(printf, 2, 3))) void note(struct console *c, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vnote(c, fmt, ap);
	va_end(ap);
}

void console_note(struct console *c, const char *fmt, ...)
{
	va_list ap;
	if (c->notes++ >= NOTES_MAX)
		return;
	va_start(ap, fmt);
	vnote(c, fmt, ap);
	va_end(ap);
}

void console_write(struct console *c, const void *data, size_t len)
{
	uint64_t lost = c->lost;
	if (lost > 0) {
		/* Try the remark first: when even that does not fit, the data will not either. */
		c->lost = 0;
		note(c, "%llu bytes of the console could not be written here", (unsigned long long)lost);
		if (c->lost > 0) {
			c->lost = lost + len;
			return;
		}
	}
	put(c, data, len);
}
