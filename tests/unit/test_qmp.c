/* SPDX-License-Identifier: Apache-2.0
 *
 * QMP against a peer that misbehaves: every call ends within its deadline,
 * with an error of the right kind. That the happy path works is shown by real
 * QEMU in the end-to-end tests; here one good exchange shows that the double is sound.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/qmp.h"
#include "clock.h"
#include "supervisor/control.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"
#define OK "{\"return\": {}}\r\n"

static char dir[] = "/tmp/stoker-qmp-XXXXXX";

/* A peer that sends `script` (length n) at once, then keeps the connection, or cuts it. */
static pid_t peer(const char *script, size_t n, bool cut)
{
	int fd = control_listen(dir, "qmp.sock");
	pid_t pid;
	assert_true(fd >= 0);
	pid = fork();
	if (pid == 0) {
		struct pollfd p = { fd, POLLIN, 0 };
		int conn;
		poll(&p, 1, 5000);
		conn = accept(fd, NULL, NULL);
		while (n > 0) {
			ssize_t sent = send(conn, script, n, MSG_NOSIGNAL);
			if (sent <= 0)
				_exit(1);
			script += sent;
			n -= (size_t)sent;
		}
		if (!cut)
			sleep(10);
		_exit(0);
	}
	close(fd);
	return pid;
}

static enum stoker_status attempt(const char *script, size_t n, bool cut, struct stoker_error *err)
{
	struct process_id anyone = { 0 };
	struct qmp *q = NULL;
	char status[40] = "";
	int64_t before = clock_now_ns(), deadline = deadline_after_ms(300);
	pid_t pid = peer(script, n, cut);
	enum stoker_status st = qmp_open(dir, &anyone, &q, err);
	if (st == STOKER_OK)
		st = qmp_run(q, "query-status", "status", status, sizeof status, deadline, -1, err);
	qmp_close(q);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(clock_now_ns() - before < 2 * NS_PER_S);
	if (st == STOKER_OK)
		assert_string_equal(status, "running");
	return st;
}

#define TRY(script, cut, err) attempt(script, sizeof(script) - 1, cut, err)

static void good_exchange(void **state)
{
	(void)state;
	assert_int_equal(TRY(GREETING "{\"event\": \"RESUME\"}\r\n" OK "{\"return\": {\"status\": \"running\"}}\r\n", false, NULL),
	                 STOKER_OK);
}

static void faults(void **state)
{
	struct stoker_error err;
	size_t huge = 3 << 20;
	char *long_line = malloc(huge);
	(void)state;
	assert_non_null(long_line);
	memset(long_line, 'x', huge);
	assert_int_equal(TRY("", false, &err), STOKER_E_TIMEOUT);
	assert_int_equal(TRY("", true, &err), STOKER_E_CLOSED);
	assert_int_equal(TRY("hello\r\n", false, &err), STOKER_E_PEER);
	assert_int_equal(TRY("{\"nothing\": 1}\r\n", false, &err), STOKER_E_PEER);
	assert_int_equal(TRY(GREETING "{\"ret", false, &err), STOKER_E_TIMEOUT);
	assert_int_equal(TRY(GREETING OK "{\"ret", true, &err), STOKER_E_CLOSED);
	assert_int_equal(TRY(GREETING "{\"error\": {\"desc\": \"no \\u001b[2J way\"}}\r\n", false, &err), STOKER_E_FAILED);
	assert_null(strchr(err.why, 27));
	assert_int_equal(attempt(long_line, huge, false, &err), STOKER_E_PEER);
	free(long_line);
}

static void foreign_listener_is_refused(void **state)
{
	struct process_id other;
	struct stoker_error err;
	struct qmp *q = NULL;
	pid_t pid = peer(GREETING, sizeof GREETING - 1, false);
	(void)state;
	assert_true(process_identify(getppid(), &other)); /* not the one that listens */
	assert_int_equal(qmp_open(dir, &other, &q, &err), STOKER_E_PEER);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[64];
	(void)state;
	snprintf(path, sizeof path, "%s/qmp.sock", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_exchange),
		cmocka_unit_test(faults),
		cmocka_unit_test(foreign_listener_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
