/* SPDX-License-Identifier: Apache-2.0
 *
 * process_run.c - a helper program run to its end, without a shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "process.h"

extern char **environ;

enum { LINE_MAX_BYTES = 4096, TAIL_BYTES = 2048 };

struct lines {
	char buf[LINE_MAX_BYTES];
	size_t len;
	void (*on_line)(void *user, const char *line);
	void *user;
};

static void lines_feed(struct lines *l, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] != '\n' && l->len + 1 < sizeof l->buf) {
			l->buf[l->len++] = data[i];
			continue;
		}
		if (data[i] == '\n') {
			l->buf[l->len] = '\0';
			if (l->on_line)
				l->on_line(l->user, l->buf);
			l->len = 0;
		}
	}
}

struct tail {
	char buf[TAIL_BYTES];
	size_t len;
};

static void tail_feed(struct tail *t, const char *data, size_t n)
{
	if (n > sizeof t->buf) {
		data += n - sizeof t->buf;
		n = sizeof t->buf;
	}
	if (t->len + n > sizeof t->buf) {
		size_t drop = t->len + n - sizeof t->buf;
		memmove(t->buf, t->buf + drop, t->len - drop);
		t->len -= drop;
	}
	memcpy(t->buf + t->len, data, n);
	t->len += n;
}

static char **merge_env(const char *const *extra)
{
	size_t have = 0, more = 0, n = 0;
	char **env;
	while (environ[have])
		have++;
	while (extra && extra[more])
		more++;
	env = calloc(have + more + 1, sizeof *env);
	if (!env)
		return NULL;
	for (size_t i = 0; i < have; i++) {
		bool replaced = false;
		for (size_t k = 0; k < more && !replaced; k++) {
			size_t key = strcspn(extra[k], "=") + 1;
			replaced = strncmp(environ[i], extra[k], key) == 0;
		}
		if (!replaced)
			env[n++] = environ[i];
	}
	for (size_t k = 0; k < more; k++)
		env[n++] = (char *)(uintptr_t)extra[k];
	return env;
}

/* A file without a name that holds the input: no pipe that a slow reader could leave us waiting at. */
static int input_file(const void *input, size_t len)
{
	const char *at = input;
	int fd = memfd_create("input", MFD_CLOEXEC);
	while (fd >= 0 && len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int why = n < 0 ? errno : EIO;
			close(fd);
			errno = why;
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Ends our own unreaped child with its group, which cannot be anybody else's. `n`: poll() said 0, the time is over. */
static enum stoker_status cut_short(pid_t pid, int n, const char *name, struct stoker_error *err)
{
	kill(-pid, SIGKILL);
	return n == 0 ? error_set(err, STOKER_E_TIMEOUT, "%s did not end in time", name)
	              : error_set(err, STOKER_E_CANCELLED, "%s was cancelled", name);
}

/* Its pipes are closed, which does not say that it ends. */
static enum stoker_status await(pid_t pid, int64_t deadline, int cancel_fd, const char *name, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* O_CLOEXEC by itself */

	if (fd >= 0 && process_wait_end(fd, deadline, cancel_fd) < 0 && (errno == ETIMEDOUT || errno == ECANCELED))
		st = cut_short(pid, errno == ECANCELED, name, err);
	if (fd >= 0)
		close(fd);
	return st;
}

enum stoker_status process_run(const char *const *argv, const char *const *extra_env, const struct stoker_call *call,
                               void (*on_line)(void *user, const char *line), void *user, struct stoker_error *err)
{
	return process_run_input(argv, extra_env, NULL, 0, call, on_line, user, err);
}

enum stoker_status process_run_input(const char *const *argv, const char *const *extra_env, const void *input,
                                     size_t input_len, const struct stoker_call *call,
                                     void (*on_line)(void *user, const char *line), void *user, struct stoker_error *err)
{
	static const char *const sbin[] = { "/usr/sbin", "/sbin" };
	enum stoker_status st = STOKER_OK;
	int out[2] = { -1, -1 }, errs[2] = { -1, -1 }, status = 0, rc;
	int64_t deadline = deadline_after_ms(call ? call->timeout_ms : -1);
	int cancel_fd = call ? call->cancel_fd : -1, in = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	struct lines *lines = NULL;
	struct tail tail = { .len = 0 };
	char **env = NULL, clean[600];
	sigset_t none, all;
	pid_t pid = -1;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	lines = calloc(1, sizeof *lines);
	env = merge_env(extra_env);
	if (input)
		in = input_file(input, input_len);
	if (!lines || !env || (input && in < 0) || pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0) {
		st = error_errno(err, errno, "cannot prepare to run %s", argv[0]);
		goto out;
	}
	lines->on_line = on_line;
	lines->user = user;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&actions, in, 0);
	else
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	posix_spawn_file_actions_adddup2(&actions, errs[1], 2);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	rc = posix_spawnp(&pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, env);
	/* An ordinary user's PATH has no sbin, where Debian keeps mke2fs. */
	for (size_t i = 0; rc == ENOENT && !strchr(argv[0], '/') && i < sizeof sbin / sizeof *sbin; i++) {
		char path[PATH_MAX];
		if (snprintf(path, sizeof path, "%s/%s", sbin[i], argv[0]) < (int)sizeof path)
			rc = posix_spawn(&pid, path, &actions, &attr, (char *const *)(uintptr_t)argv, env);
	}
	if (rc != 0) {
		pid = -1;
		st = rc == ENOENT ? error_set(err, STOKER_E_MISSING, "%s is not installed", argv[0])
		                  : error_errno(err, rc, "cannot run %s", argv[0]);
		goto out;
	}
	close(out[1]);
	close(errs[1]);
	out[1] = errs[1] = -1;
	while (out[0] >= 0 || errs[0] >= 0) {
		char buf[4096];
		struct pollfd fds[3] = { { out[0], POLLIN, 0 }, { errs[0], POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int n = poll(fds, 3, deadline_poll_ms(deadline));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n > 0 && fds[2].revents)) {
			st = cut_short(pid, n, argv[0], err);
			break;
		}
		for (int i = 0; i < 2; i++) {
			int *fd = i ? &errs[0] : &out[0];
			ssize_t got;
			if (*fd < 0 || !fds[i].revents)
				continue;
			got = read(*fd, buf, sizeof buf);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0) {
				close(*fd);
				*fd = -1;
			} else if (i) {
				tail_feed(&tail, buf, (size_t)got);
			} else {
				lines_feed(lines, buf, (size_t)got);
			}
		}
	}
	if (lines->len)
		lines_feed(lines, "\n", 1);
	if (st == STOKER_OK)
		st = await(pid, deadline, cancel_fd, argv[0], err);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (st == STOKER_OK && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		size_t from = tail.len > 512 ? tail.len - 512 : 0;
		while (tail.len > from && tail.buf[tail.len - 1] == '\n')
			tail.len--;
		error_clean(clean, sizeof clean, tail.buf + from, tail.len - from);
		if (WIFEXITED(status))
			st = error_set(err, WEXITSTATUS(status) == 127 ? STOKER_E_MISSING : STOKER_E_FAILED,
			               "%s ended with %d%s%s", argv[0], WEXITSTATUS(status), clean[0] ? ": " : "", clean);
		else
			st = error_set(err, STOKER_E_FAILED, "%s was ended by signal %d%s%s", argv[0], WTERMSIG(status),
			               clean[0] ? ": " : "", clean);
	}
out:
	for (int i = 0; i < 2; i++) {
		if (out[i] >= 0)
			close(out[i]);
		if (errs[i] >= 0)
			close(errs[i]);
	}
	if (in >= 0)
		close(in);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	free(lines);
	free(env);
	return st;
}
