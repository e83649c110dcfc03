/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_firecracker.c - what the client of Firecracker's API makes of an answer
 * that may be any bytes: the same for every request of a question and of a
 * pause. The connections are real ones, of this process with itself.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/firecracker.h"
#include "clock.h"
#include "supervisor/control.h"

enum { ANSWER_MAX = 256 * 1024 };

#define ID "0123456789abcdef"

static struct {
	char root[64], run[128];
	int listener;
	pthread_mutex_t lock; /* of the answer: the client may have given up a connection that is still served */
	uint8_t answer[ANSWER_MAX];
	size_t length;
	stoker s;
	struct vm_record rec;
} kit = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void serve(int fd)
{
	static uint8_t answer[ANSWER_MAX]; /* one at a time */
	char in[4096];
	size_t sent = 0, length;
	ssize_t n = recv(fd, in, sizeof in, 0);
	pthread_mutex_lock(&kit.lock);
	length = kit.length;
	memcpy(answer, kit.answer, length);
	pthread_mutex_unlock(&kit.lock);
	while (n > 0 && sent < length && (n = send(fd, answer + sent, length - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	shutdown(fd, SHUT_WR);
	/* With something unread the end would be a reset, and the answer be lost. */
	while (recv(fd, in, sizeof in, 0) > 0)
		;
}

static void *server(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = accept4(kit.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			poll(&(struct pollfd){ kit.listener, POLLIN, 0 }, 1, -1);
			continue;
		}
		serve(fd);
		close(fd);
	}
	return NULL;
}

static void leave(void)
{
	char path[192];
	snprintf(path, sizeof path, "%s/" VMM_API_SOCKET, kit.run);
	unlink(path);
	rmdir(kit.run);
	snprintf(path, sizeof path, "%s/vms", kit.root);
	rmdir(path);
	rmdir(kit.root);
}

static void enter(void)
{
	pthread_t thread;
	strcpy(kit.root, "/tmp/stoker-fuzz-XXXXXX");
	check(mkdtemp(kit.root) != NULL);
	snprintf(kit.run, sizeof kit.run, "%s/vms", kit.root);
	check(mkdir(kit.run, 0700) == 0);
	snprintf(kit.run, sizeof kit.run, "%s/vms/" ID, kit.root);
	check(mkdir(kit.run, 0700) == 0);
	atexit(leave);
	kit.s.runtime_dir = kit.root;
	strcpy(kit.rec.vm.id, ID);
	check(process_identify(getpid(), &kit.rec.vmm));
	kit.listener = control_listen(kit.run, VMM_API_SOCKET);
	check(kit.listener >= 0 && pthread_create(&thread, NULL, server, NULL) == 0);
}

static bool clean(const char *text, size_t cap)
{
	size_t len = strnlen(text, cap);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return len < cap;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { LIMIT_MS = 2000 };
	struct stoker_error err = { 0 };
	enum vmm_state state = VMM_PAUSED, told = (enum vmm_state)77;
	char version[32] = "";
	int64_t from = clock_now_ns();
	enum stoker_status st;

	if (!kit.root[0])
		enter();
	/* The body alone, as if HTTP had been right. */
	if (firecracker_read_state((const char *)data, size, 200, &state, version))
		check(state <= VMM_PAUSED && clean(version, sizeof version) && firecracker_version_number(version) >= 0);
	check(!firecracker_read_state((const char *)data, size, 204, &state, version));

	pthread_mutex_lock(&kit.lock);
	kit.length = size < ANSWER_MAX ? size : ANSWER_MAX;
	if (size > 0)
		memcpy(kit.answer, data, kit.length);
	pthread_mutex_unlock(&kit.lock);
	st = firecracker_backend.state(&kit.s, &kit.rec, deadline_after_ms(LIMIT_MS), -1, &told, &err);
	check(st == STOKER_OK ? told <= VMM_PAUSED : st == err.code && clean(err.why, sizeof err.why) && err.why[0] && err.fix[0]);
	st = firecracker_backend.pause(&kit.s, &kit.rec, true, deadline_after_ms(LIMIT_MS), -1, &err);
	check(st == STOKER_OK || (st == err.code && clean(err.why, sizeof err.why) && err.why[0] && err.fix[0]));
	check(clock_now_ns() - from < (2 * LIMIT_MS + 500) * NS_PER_MS);
	return 0;
}
