/* SPDX-License-Identifier: Apache-2.0
 *
 * process.c - identity, pidfd and signalling. Also linked into the supervisor,
 * so it needs nothing beyond libc and error.c.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

size_t read_whole(int fd, char *buf, size_t cap)
{
	size_t len = 0;
	while (len + 1 < cap) {
		ssize_t n = read(fd, buf + len, cap - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	return len;
}

ssize_t read_whole_file(const char *path, char *buf, size_t cap)
{
	size_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read_whole(fd, buf, cap);
	close(fd);
	return (ssize_t)len;
}

/* Of a file of /proc that fits, which one read gives whole. */
static size_t read_once(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	if (fd < 0)
		return 0;
	do
		n = read(fd, buf, cap - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* It cannot change while a process lives, and every look at another process asks for it. */
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;
static char boot_known[64];

static bool boot_read(char text[64])
{
	return read_once("/proc/sys/kernel/random/boot_id", text, 64) >= BOOT_ID_SIZE - 1;
}

static void boot_keep(void)
{
	if (!boot_read(boot_known))
		boot_known[0] = '\0';
}

bool process_boot_id(char out[BOOT_ID_SIZE])
{
	char now[64];
	pthread_once(&boot_once, boot_keep);
	if (boot_known[0] == '\0' && !boot_read(now)) /* /proc may have been mounted since */
		return false;
	memcpy(out, boot_known[0] ? boot_known : now, BOOT_ID_SIZE - 1);
	out[BOOT_ID_SIZE - 1] = '\0';
	return true;
}

/* State letter and start ticks from /proc/PID/stat. The command name in
 * parentheses may hold anything, so fields are counted from the last ')'. */
static bool stat_read(int64_t pid, char *state, uint64_t *ticks)
{
	char path[64], buf[1024], *p;
	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	if (read_once(path, buf, sizeof buf) == 0)
		return false;
	p = strrchr(buf, ')');
	if (!p || p[1] != ' ')
		return false;
	p += 2;
	*state = *p;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return false;
		p++;
	}
	*ticks = strtoull(p, NULL, 10);
	return true;
}

bool process_identify(int64_t pid, struct process_id *out)
{
	char state;
	struct process_id id = { .pid = pid };
	if (pid <= 0 || !stat_read(pid, &state, &id.start_ticks) || state == 'Z' || state == 'X')
		return false;
	if (!process_boot_id(id.boot_id))
		return false;
	*out = id;
	return true;
}

/* Such a failure to look says nothing about what was to be looked at. */
static bool is_shortage(int why)
{
	return why == EMFILE || why == ENFILE || why == ENOMEM;
}

bool process_alive(const struct process_id *id)
{
	char state, boot[BOOT_ID_SIZE];
	uint64_t ticks;
	if (id->pid <= 0)
		return false;
	errno = 0;
	if (!stat_read(id->pid, &state, &ticks))
		return is_shortage(errno);
	if (ticks != id->start_ticks || state == 'Z' || state == 'X')
		return false;
	return process_boot_id(boot) ? strcmp(boot, id->boot_id) == 0 : is_shortage(errno);
}

bool process_same(const struct process_id *a, const struct process_id *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks && strcmp(a->boot_id, b->boot_id) == 0;
}

int process_pidfd(const struct process_id *id)
{
	char state, boot[BOOT_ID_SIZE];
	uint64_t ticks;
	int fd, why;
	if (id->pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	fd = (int)syscall(SYS_pidfd_open, (pid_t)id->pid, 0); /* O_CLOEXEC by itself */
	if (fd < 0) {
		if (errno == EINVAL || errno == ENOENT) /* the number is a thread's now */
			errno = ESRCH;
		return -1;
	}
	/* The pidfd is held, so the pid cannot be used again between this look and the signal. */
	errno = 0;
	if (!stat_read(id->pid, &state, &ticks)) {
		why = is_shortage(errno) ? errno : ESRCH;
		close(fd);
		errno = why;
		return -1;
	}
	if (ticks != id->start_ticks || !process_boot_id(boot) ||
	    strcmp(boot, id->boot_id) != 0) {
		close(fd);
		errno = ESRCH;
		return -1;
	}
	return fd;
}

int process_signal(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

int process_wait_end(int pidfd, int64_t deadline_ns, int cancel_fd)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = pidfd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };
		int n = poll(fds, 2, deadline_poll_ms(deadline_ns));
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0 && fds[0].revents)
			return 0;
		if (n > 0 && fds[1].revents) {
			errno = ECANCELED;
			return -1;
		}
		if (n == 0 && clock_now_ns() >= deadline_ns) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}
