/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ssh_shell.c - shells: their life, pastes and floods, and servers that die under them.
 */
#include "ssh_pair.h"

static stoker_shell *open_shell(struct server *v, const char *command)
{
	struct stoker_shell_spec spec = { .rows = 30, .cols = 100, .term = "xterm", .command = command };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	stoker_shell *shell = NULL;

	call.timeout_ms = 20000;
	if (ssh_shell_open(v->s, &v->rec, &spec, &call, &shell, &err) != STOKER_OK)
		fail_msg("%s: %s", err.what, err.why);
	return shell;
}

/* Reads until `want` has come (NULL: the end), at most 20 s. */
static bool read_until(stoker_shell *shell, const char *want, char *text, size_t cap, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(20000);
	size_t len = 0;

	text[0] = '\0';
	while (clock_now_ns() < deadline) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		int wait = stoker_shell_timeout_ms(shell);
		ssize_t n;
		poll(&fd, 1, wait < 0 || wait > 500 ? 500 : wait);
		while ((n = stoker_shell_read(shell, text + len, cap - 1 - len, err)) > 0) {
			len += (size_t)n;
			text[len] = '\0';
			if (len > cap / 2) {
				memmove(text, text + cap / 4, len - cap / 4 + 1);
				len -= cap / 4;
			}
			if (want && strstr(text, want))
				return true;
		}
		if (n < 0)
			return want == NULL;
	}
	return false;
}

static void shell_lives(struct server *v)
{
	stoker_shell *shell = open_shell(v, "exec sh");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];

	assert_int_equal(stoker_shell_write(shell, "PS1=; stty size; echo $TERM-$((40+2))\n", 38), 38);
	assert_true(read_until(shell, "xterm-42", text, sizeof text, &err));
	assert_non_null(strstr(text, "30 100"));
	for (uint16_t i = 20; i <= 50; i++)
		stoker_shell_resize(shell, i, (uint16_t)(i * 2));
	assert_int_equal(stoker_shell_write(shell, "stty size; echo end-$((1+1))\n", 29), 29);
	assert_true(read_until(shell, "end-2", text, sizeof text, &err));
	assert_non_null(strstr(text, "50 100"));
	assert_int_equal(stoker_shell_write(shell, "exit 7\n", 7), 7);
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(stoker_shell_status(shell), 7);
	assert_int_equal(err.code, STOKER_OK);
	assert_int_equal(stoker_shell_write(shell, "x", 1), -1);
	stoker_shell_close(shell);
}

static void test_shell(void **state)
{
	(void)state;
	shell_lives(&sshd);
	shell_lives(&bear);
}

static void test_login_shell(void **state)
{
	stoker_shell *shell = open_shell(&bear, NULL);
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	(void)state;

	assert_int_equal(stoker_shell_write(shell, "echo in-$((6*7))\nkill -TERM $$; kill -9 $$\n", 43), 43);
	assert_true(read_until(shell, "in-42", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(stoker_shell_status(shell), 128 + SIGKILL);
	stoker_shell_close(shell);
}

/* A large paste into a program that does not read it: taken up to a limit,
 * never waiting; and a resize still gets through. */
static void test_shell_paste(void **state)
{
	stoker_shell *shell = open_shell(&sshd, "stty raw -echo; echo go; sleep 1; stty size; head -c 2000000 | wc -c; "
	                                 "stty size");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024], paste[100000];
	int64_t begin, longest = 0;
	size_t taken = 0;
	(void)state;

	memset(paste, 'p', sizeof paste);
	assert_true(read_until(shell, "go", text, sizeof text, &err));
	for (int i = 0; i < 40; i++) {
		begin = clock_now_ns();
		ssize_t n = stoker_shell_write(shell, paste, sizeof paste);
		longest = clock_now_ns() - begin > longest ? clock_now_ns() - begin : longest;
		assert_true(n >= 0);
		taken += (size_t)n;
	}
	assert_true(taken >= 1000000 && taken < 4000000);
	stoker_shell_resize(shell, 44, 144);
	assert_true(longest < 200 * NS_PER_MS);
	while (taken < 2000000) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[256];
		ssize_t n;
		poll(&fd, 1, 100);
		n = stoker_shell_read(shell, bit, sizeof bit, &err);
		assert_true(n >= 0);
		n = stoker_shell_write(shell, paste, 2000000 - taken < sizeof paste ? 2000000 - taken : sizeof paste);
		assert_true(n >= 0);
		taken += (size_t)n;
	}
	assert_true(read_until(shell, "44 144", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	stoker_shell_close(shell);
}

static void test_shell_flood(void **state)
{
	stoker_shell *shell = open_shell(&bear, "yes");
	static char buf[16 * 1024];
	int64_t end = deadline_after_ms(1000), longest = 0;
	uint64_t bytes = 0;
	long before = resident_kib();
	(void)state;

	while (clock_now_ns() < end) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		int64_t begin;
		ssize_t n;
		poll(&fd, 1, 100);
		begin = clock_now_ns();
		n = stoker_shell_read(shell, buf, sizeof buf, NULL);
		assert_true(n >= 0);
		if (clock_now_ns() - begin > longest)
			longest = clock_now_ns() - begin;
		bytes += (uint64_t)n;
	}
	print_message("flood: %.1f MB/s, longest read %.2f ms\n", (double)bytes / 1e6, (double)longest / NS_PER_MS);
	assert_true(bytes > 1000000);
	assert_true(resident_kib() - before < 4096);
	stoker_shell_close(shell);
}

static void test_shell_cut(void **state)
{
	stoker_shell *shell = open_shell(&bear, "echo go; sleep 0.3; kill -9 $PPID; sleep 3");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	(void)state;

	assert_true(read_until(shell, "go", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(err.code, STOKER_E_CLOSED);
	assert_int_equal(stoker_shell_status(shell), -1);
	stoker_shell_close(shell);
}

/* A server that stands still is noticed; takes half a minute, so only when asked for. */
static void test_shell_frozen(void **state)
{
	stoker_shell *shell = open_shell(&bear, "echo pid $PPID; exec cat");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	int64_t begin = clock_now_ns();
	pid_t pid;
	(void)state;

	if (!getenv("STOKER_TEST_LONG")) {
		stoker_shell_close(shell);
		skip();
	}
	assert_true(read_until(shell, "\n", text, sizeof text, &err));
	assert_int_equal(sscanf(text, "pid %d", &pid), 1);
	/* Silence alone ends nothing while the server answers. */
	while (clock_now_ns() - begin < 45 * NS_PER_S) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[64];
		poll(&fd, 1, stoker_shell_timeout_ms(shell));
		assert_int_equal(stoker_shell_read(shell, bit, sizeof bit, &err), 0);
	}
	assert_int_equal(kill(pid, SIGSTOP), 0);
	begin = clock_now_ns();
	for (;;) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[64];
		poll(&fd, 1, stoker_shell_timeout_ms(shell));
		if (stoker_shell_read(shell, bit, sizeof bit, &err) < 0)
			break;
		assert_true(clock_now_ns() - begin < 40 * NS_PER_S);
	}
	print_message("noticed after %.1f s: %s\n", (double)(clock_now_ns() - begin) / 1e9, err.why);
	assert_int_equal(err.code, STOKER_E_CLOSED);
	assert_true(clock_now_ns() - begin < 31 * NS_PER_S);
	kill(pid, SIGKILL);
	stoker_shell_close(shell);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shell), cmocka_unit_test(test_login_shell), cmocka_unit_test(test_shell_paste),
		cmocka_unit_test(test_shell_flood), cmocka_unit_test(test_shell_cut), cmocka_unit_test(test_shell_frozen),
	};

	return pair_possible("test_ssh_shell") ? cmocka_run_group_tests(tests, setup, teardown) : 0;
}
