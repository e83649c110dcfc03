/* SPDX-License-Identifier: Apache-2.0
 *
 * exec_io.c - where the output of a command goes: a descriptor of the
 * caller's or memory with a ceiling. The caller's descriptor is usually
 * blocking, and is left so (others may share it); yet a reader that stalls
 * must not keep us from a deadline. So a pipe or terminal is opened once more
 * for ourselves, non-blocking; where that is impossible it is only written to
 * in pieces that the kernel promises to take.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "guest/session.h"

void exec_sink_open(struct exec_sink *sink, int fd, size_t ceiling)
{
	char path[64];
	struct stat st;
	int flags;

	*sink = (struct exec_sink){ .fd = fd, .own_fd = -1, .ceiling = fd < 0 ? ceiling : 0 };
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0) {
		sink->careful = true;
		return;
	}
	sink->socket = S_ISSOCK(st.st_mode);
	sink->file = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	if (sink->socket || sink->file)
		return;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK))
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	sink->own_fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	sink->careful = sink->own_fd < 0;
}

void exec_sink_close(struct exec_sink *sink)
{
	if (sink->own_fd >= 0)
		close(sink->own_fd);
	sink->own_fd = -1;
}

int exec_sink_poll_fd(const struct exec_sink *sink)
{
	return sink->broken ? -1 : sink->own_fd >= 0 ? sink->own_fd : sink->fd;
}

static int keep(struct exec_sink *sink, const void *data, size_t len)
{
	size_t room = sink->ceiling - sink->len;
	if (len > room) {
		sink->truncated = true;
		len = room;
	}
	if (sink->cap - sink->len < len + 1) {
		size_t cap = sink->cap ? sink->cap : 4096;
		char *grown;
		while (cap - sink->len < len + 1)
			cap *= 2; /* the ceiling is far from overflow: it was bounded when it was set */
		grown = realloc(sink->data, cap);
		if (!grown)
			return ENOMEM;
		sink->data = grown;
		sink->cap = cap;
	}
	memcpy(sink->data + sink->len, data, len);
	sink->len += len;
	sink->data[sink->len] = '\0';
	sink->bytes += len;
	return 0;
}

int exec_offer(struct exec_sink *sink, const void *data, size_t len, size_t *taken)
{
	const char *p = data;
	int fd = exec_sink_poll_fd(sink);
	size_t left = len;

	*taken = len;
	if (fd < 0)
		return sink->fd < 0 && sink->ceiling > 0 ? keep(sink, data, len) : 0;
	while (left > 0) {
		size_t piece = left;
		ssize_t n;
		if (sink->careful) {
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };
			piece = left < PIPE_BUF ? left : PIPE_BUF;
			if (poll(&pfd, 1, 0) == 0)
				break;
		}
		n = sink->socket ? send(fd, p, piece, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd, p, piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			sink->broken = true; /* nobody reads any more: the command goes on, its output is dropped */
			return 0;
		}
		if (n < 0)
			return errno;
		p += n;
		left -= (size_t)n;
		sink->bytes += (uint64_t)n;
	}
	*taken = len - left;
	return 0;
}

int exec_deliver(struct exec_sink *sink, const void *data, size_t len, int64_t deadline_ns, int cancel_fd)
{
	const char *p = data;
	while (len > 0) {
		size_t taken;
		int problem = exec_offer(sink, p, len, &taken);
		struct pollfd fds[2];
		if (problem)
			return problem;
		p += taken;
		len -= taken;
		if (len == 0)
			break;
		fds[0] = (struct pollfd){ .fd = exec_sink_poll_fd(sink), .events = POLLOUT };
		fds[1] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
		if (poll(fds, 2, deadline_poll_ms(deadline_ns)) < 0 && errno != EINTR)
			return errno;
		if (fds[1].revents)
			return ECANCELED;
		if (clock_now_ns() >= deadline_ns)
			return ETIMEDOUT;
	}
	return 0;
}
