/* SPDX-License-Identifier: Apache-2.0
 *
 * service.c - dropbear, and the host key that the host pins.
 *
 * The key is made once: in the overlay of an isolated VM it lives as long as
 * the VM, with a tmpfs on top as long as one run.
 *
 * The host may connect as soon as it has our hello, and a connection that
 * comes before dropbear listens is refused. So the hello waits for dropbear's
 * first message, which it writes when its sockets are open.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define KEY_DIR "/etc/dropbear"
#define KEY_FILE KEY_DIR "/dropbear_ed25519_host_key"
#define SSHD "/usr/sbin/dropbear"
#define KEY_TYPE "ssh-ed25519"
#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 10000
#define STEADY_MS 10000 /* lived as long: the next death counts as the first */

static const char *const service_env[] = { "PATH=" GUEST_PATH, NULL };

static pid_t spawn(const char *const argv[], int log)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid = 0;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	posix_spawn_file_actions_init(&actions);
	if (log >= 0)
		posix_spawn_file_actions_adddup2(&actions, log, 2);
	int err = posix_spawn(&pid, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv,
	                      (char *const *)(uintptr_t)service_env);

	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (err != 0) {
		say("%s cannot be started: %s", argv[0], strerror(err));
		return 0;
	}
	return pid;
}

/* dropbear's file: string "ssh-ed25519", string of 64 bytes: seed, public key.
 * What the host wants: base64 of string "ssh-ed25519", string public key. */
enum { NAME = sizeof KEY_TYPE - 1, HALF = 32, HEAD = 4 + NAME + 4, SIZE = HEAD + 2 * HALF };
#define KEY_HEAD "\0\0\0\x0b" KEY_TYPE "\0\0\0\x40"

static bool take_key(struct service *s, const uint8_t *file)
{
	uint8_t blob[HEAD + HALF];

	memcpy(blob, KEY_HEAD, HEAD);
	blob[HEAD - 1] = HALF;
	memcpy(blob + HEAD, file + SIZE - HALF, HALF);
	memcpy(s->host_key, KEY_TYPE " ", NAME + 1);
	return base64_encode(s->host_key + NAME + 1, sizeof s->host_key - NAME - 1, blob, sizeof blob);
}

static bool read_key(struct service *s)
{
	char file[256];
	ssize_t n = read_file(KEY_FILE, file, sizeof file);

	return n == SIZE && memcmp(file, KEY_HEAD, HEAD) == 0 && take_key(s, (const uint8_t *)file);
}

/* On the disk before the hello: the host pins it then, and a guest that is
 * killed a moment later must come back with the same. The fsync after
 * the rename puts the file and its name on the disk, since both are in the
 * same transaction of the journal; what a kill before its end leaves is no
 * whole key, or one that nobody was told of. */
static bool store_key(const uint8_t *file)
{
	int fd = open(KEY_FILE ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, file, SIZE) == SIZE && rename(KEY_FILE ".new", KEY_FILE) == 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool make_key(struct service *s)
{
	uint8_t file[SIZE];

	memcpy(file, KEY_HEAD, HEAD);
	if (getrandom(file + HEAD, HALF, 0) != HALF)
		return false;
	ed25519_public(file + HEAD + HALF, file + HEAD);
	if (mkdir(KEY_DIR, 0700) != 0 && errno != EEXIST)
		return false;
	return store_key(file) && take_key(s, file);
}

static void start(struct service *s, int64_t now)
{
	static const char *const argv[] = { SSHD, "-F", "-E", "-s", "-m", "-p", "22", "-r", KEY_FILE, NULL };
	int log[2] = { -1, -1 };

	s->again_ms = 0;
	s->started_ms = now;
	if (pipe2(log, O_CLOEXEC | O_NONBLOCK) != 0) {
		say("no pipe for dropbear: %s", strerror(errno));
		s->again_ms = now + BACKOFF_LAST_MS;
		return;
	}
	s->sshd_pid = spawn(argv, log[1]);
	close(log[1]);
	s->log_fd = log[0];
	if (s->sshd_pid == 0)
		s->settled = true;
}

void service_log(struct service *s)
{
	char text[1024];
	ssize_t n = read(s->log_fd, text, sizeof text);

	if (n > 0) {
		s->settled = true; /* the rest is about its sessions */
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(s->log_fd);
	s->log_fd = -1;
}

void service_begin(struct service *s, const struct config *c)
{
	s->log_fd = -1;
	s->settled = true;
	if (c->ip == 0 || access(SSHD, X_OK) != 0)
		return;
	if (!read_key(s) && !make_key(s)) {
		say("no SSH host key could be made: %s; SSH is off", strerror(errno));
		return;
	}
	s->settled = false;
	start(s, now_ms());
}

bool service_ended(struct service *s, pid_t pid, int status)
{
	int64_t now = now_ms();

	if (pid != s->sshd_pid)
		return false;
	s->sshd_pid = 0;
	s->settled = true;
	s->failures = now - s->started_ms >= STEADY_MS ? 1 : s->failures + 1;
	int64_t wait = s->failures > 7 ? BACKOFF_LAST_MS : (int64_t)BACKOFF_FIRST_MS << (s->failures - 1);

	s->again_ms = now + (wait < BACKOFF_LAST_MS ? wait : BACKOFF_LAST_MS);
	if (s->failures == 1 || s->failures == 8)
		say("dropbear ended with %d and is started again", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return true;
}

void service_tick(struct service *s, int64_t now)
{
	if (s->again_ms != 0 && now >= s->again_ms)
		start(s, now);
}

int service_timeout(const struct service *s, int64_t now)
{
	if (s->again_ms == 0)
		return -1;
	return s->again_ms > now ? (int)(s->again_ms - now) : 0;
}
