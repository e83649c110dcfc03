/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ssh.c - commands in sessions: streams, terminals, deadlines, much of it, many at once.
 */
#include "ssh_pair.h"

static void streams(struct server *v)
{
	void *impl = open_session(v);
	struct ran r = run_sh(impl, "cat; echo problem >&2; exit 42", "some input\nwithout end");

	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "some input\nwithout end");
	assert_string_equal(r.errout, "problem\n");
	assert_int_equal(r.result.status, 42);
	assert_int_equal(r.result.signal, 0);
	assert_true(r.result.duration_ns > 0);
	ran_free(&r);
	r = run_sh(impl, "kill -KILL $$", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.signal, SIGKILL);
	assert_int_equal(r.result.status, 128 + SIGKILL);
	ran_free(&r);
	r = run_sh(impl, "cat", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "");
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("no-such-program") }, NULL, 0, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.status, 127);
	assert_non_null(strstr(r.errout, "no-such-program"));
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "pwd; echo $A"), .dir = "/usr",
	             .env = (const char *const[]){ "A=x y", NULL } }, NULL, 0, 5000, -1);
	assert_string_equal(r.out, "/usr\nx y\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

/* Longer than dropbear and libssh2 take in one piece. */
static void long_command(struct server *v)
{
	void *impl = open_session(v);
	const size_t sizes[] = { 7900, 9500, 40000, 120000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *word = malloc(sizes[i] + 1);
		struct ran r;
		assert_non_null(word);
		for (size_t k = 0; k < sizes[i]; k++)
			word[k] = "ab\n' \"$\\*"[k % 9];
		word[sizes[i]] = '\0';
		r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "printf %s \"$1\"; cat", "sh", word), .dir = "/usr" },
		             "+input", 6, 20000, -1);
		assert_int_equal(r.st, STOKER_OK);
		assert_int_equal(r.result.out_bytes, sizes[i] + 6);
		assert_memory_equal(r.out, word, sizes[i]);
		assert_string_equal(r.out + sizes[i], "+input");
		assert_string_equal(r.errout, "");
		ran_free(&r);
		free(word);
	}
	ssh_ops.close(impl);
}

static void test_long_command(void **state)
{
	(void)state;
	long_command(&bear);
	long_command(&sshd);
}

static void test_streams_openssh(void **state)
{
	(void)state;
	streams(&sshd);
}

static void test_streams_dropbear(void **state)
{
	(void)state;
	streams(&bear);
}

static void many(struct server *v)
{
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();

	for (int i = 0; i < 500; i++) {
		struct ran r;
		char script[64], want[64];
		snprintf(script, sizeof script, "echo %d; exit %d", i, i % 100);
		snprintf(want, sizeof want, "%d\n", i);
		r = run_sh(impl, script, NULL);
		assert_int_equal(r.st, STOKER_OK);
		assert_string_equal(r.out, want);
		assert_int_equal(r.result.status, i % 100);
		ran_free(&r);
	}
	print_message("500 commands: %.2f ms each\n", (double)(clock_now_ns() - begin) / 500 / NS_PER_MS);
	ssh_ops.close(impl);
}

static void test_many_openssh(void **state)
{
	(void)state;
	many(&sshd);
}

static void test_many_dropbear(void **state)
{
	(void)state;
	many(&bear);
}

static void tty(struct server *v)
{
	void *impl = open_session(v);
	struct ran r;

	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "stty size; echo $TERM; tty >&2"),
	             .tty = true, .rows = 33, .cols = 111, .term = "vt100" }, NULL, 0, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_non_null(strstr(r.out, "33 111\r\n"));
	assert_non_null(strstr(r.out, "vt100"));
	assert_non_null(strstr(r.out, "/dev/"));
	ran_free(&r);
	/* The end of the input ends a program that reads a terminal. */
	r = run_with(impl, &(struct stoker_exec){ ARGV("cat"), .tty = true }, "line\n", 5, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "line\r\nline\r\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

static void test_tty(void **state)
{
	(void)state;
	tty(&sshd);
	tty(&bear);
}

/* True while a process with this argument lives. */
static bool lives(const char *mark)
{
	char command[128];
	snprintf(command, sizeof command, "exec pgrep -f '%s' >/dev/null", mark);
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void timeout(struct server *v)
{
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	int pipes[2];
	struct ran r;

	/* Something that an earlier command left in the background is spared. */
	r = run_sh(impl, "sleep 98765 >/dev/null 2>&1 </dev/null & echo left", NULL);
	assert_string_equal(r.out, "left\n");
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c",
	             "trap '' TERM HUP; echo begun; sleep 98764 & sleep 98763; sleep 98762") }, NULL, 0, 400, -1);
	assert_int_equal(r.st, STOKER_E_TIMEOUT);
	assert_string_equal(r.out, "begun\n");
	assert_int_equal(r.result.signal, SIGKILL);
	assert_true(clock_now_ns() - begin < 5 * NS_PER_S);
	ran_free(&r);
	assert_false(lives("slee[p] 98764"));
	assert_false(lives("slee[p] 98763"));
	assert_true(lives("slee[p] 98765"));
	/* The session goes on. */
	r = run_sh(impl, "echo alive", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "alive\n");
	ran_free(&r);
	/* Cancelling is the same, and a terminal too. */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sleep", "98761"), .tty = true }, NULL, 0,
	             -1, pipes[0]);
	assert_int_equal(r.st, STOKER_E_CANCELLED);
	ran_free(&r);
	close(pipes[0]);
	close(pipes[1]);
	assert_false(lives("slee[p] 98761"));
	r = run_sh(impl, "pkill -f 'slee[p] 98765'; echo alive", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "alive\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

static void test_timeout(void **state)
{
	(void)state;
	timeout(&sshd);
	timeout(&bear);
}

/* ------------------------------------------------------------------- volume */

static void volume(struct server *v, const char *script, uint64_t bytes)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct exec_io io = { .in_fd = -1 };
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	long before = resident_kib();

	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	exec_sink_open(&io.out, null, 0);
	exec_sink_open(&io.err, -1, 0);
	if (ssh_ops.exec(impl, &(struct stoker_exec){ .argv = argv }, &io, NULL, &result, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	exec_sink_close(&io.out);
	close(null);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.out_bytes, bytes);
	print_message("out: %.0f MB/s, %+ld KiB resident\n", (double)bytes / 1e6 / ((double)(clock_now_ns() - begin) / 1e9),
	              resident_kib() - before);
	assert_true(resident_kib() - before < 16 * 1024);
	ssh_ops.close(impl);
}

static void volume_in(struct server *v, uint64_t bytes)
{
	const char *argv[] = { "sh", "-c", "wc -c", NULL };
	struct exec_io io = { .in_fd = -1 };
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	char path[] = "/tmp/stoker-ssh-in-XXXXXX";

	exec_sink_open(&io.out, -1, 4096);
	exec_sink_open(&io.err, -1, 0);
	io.in_fd = mkostemp(path, O_CLOEXEC);
	unlink(path);
	assert_int_equal(ftruncate(io.in_fd, (off_t)bytes), 0);
	if (ssh_ops.exec(impl, &(struct stoker_exec){ .argv = argv }, &io, NULL, &result, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	close(io.in_fd);
	assert_int_equal(result.status, 0);
	assert_non_null(io.out.data);
	assert_int_equal(strtoull(io.out.data, NULL, 10), bytes);
	print_message("in: %.0f MB/s\n", (double)bytes / 1e6 / ((double)(clock_now_ns() - begin) / 1e9));
	free(io.out.data);
	ssh_ops.close(impl);
}

#define VOLUME (200 * 1000 * 1000)
static void test_volume(void **state)
{
	const char *more = getenv("STOKER_TEST_BYTES"); /* beyond 1 GiB dropbear exchanges keys again */
	uint64_t bytes = more ? strtoull(more, NULL, 10) : VOLUME;
	char script[64];
	(void)state;

	snprintf(script, sizeof script, "head -c %llu /dev/zero", (unsigned long long)bytes);
	volume(&bear, script, bytes);
	volume(&sshd, script, bytes);
	bytes = more ? bytes : bytes / 4;
	volume_in(&bear, bytes);
	volume_in(&sshd, bytes);
}

static void test_both_ways(void **state)
{
	size_t len = 3 << 20;
	char *in = malloc(len);
	struct ran r;
	void *impl = open_session(&bear);
	(void)state;

	assert_non_null(in);
	for (size_t i = 0; i < len; i++)
		in[i] = (char)('a' + i * 7 % 26);
	r = run_with(impl, &(struct stoker_exec){ ARGV("cat") }, in, len, 60000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.out_bytes, len);
	assert_memory_equal(r.out, in, len);
	ran_free(&r);
	free(in);
	ssh_ops.close(impl);
}

/* A reader that leaves ends the command, as in a pipe. */
static void test_reader_leaves(void **state)
{
	struct exec_io io = { .in_fd = -1 };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(&bear);
	int pipes[2];
	(void)state;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	exec_sink_open(&io.out, pipes[1], 0);
	exec_sink_open(&io.err, -1, 0);
	call.timeout_ms = 10000;
	if (ssh_ops.exec(impl, &(struct stoker_exec){ ARGV("yes") }, &io, &call, &result, &err) !=
	    STOKER_OK)
		fail_msg("%s", err.why);
	exec_sink_close(&io.out);
	close(pipes[1]);
	assert_int_equal(result.signal, SIGPIPE);
	ssh_ops.close(impl);
}

static void ping(struct server *v)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t rtt = -1;
	struct ran r;

	for (int i = 0; i < 20; i++) {
		if (ssh_ops.ping(impl, &call, &rtt, &err) != STOKER_OK)
			fail_msg("%s", err.why);
		assert_true(rtt > 0 && rtt < 5 * NS_PER_S);
	}
	print_message("ping %.3f ms\n", (double)rtt / NS_PER_MS);
	/* A stopped server answers no ping: it is a true round trip. */
	r = run_sh(impl, "echo $PPID", NULL);
	pid_t pid = (pid_t)atoi(r.out);
	ran_free(&r);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	call.timeout_ms = 300;
	assert_int_equal(ssh_ops.ping(impl, &call, &rtt, &err), STOKER_E_TIMEOUT);
	kill(pid, SIGCONT);
	ssh_ops.close(impl);
}

static void test_ping(void **state)
{
	(void)state;
	ping(&sshd);
	ping(&bear);
}

static void test_statistics(void **state)
{
	struct stoker_guest_stats stats;
	struct stoker_error err;
	void *impl = open_session(&bear);
	(void)state;
	assert_int_equal(ssh_ops.statistics(impl, &stats, &err), STOKER_E_MISSING);
	ssh_ops.close(impl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_openssh), cmocka_unit_test(test_streams_dropbear),
		cmocka_unit_test(test_long_command), cmocka_unit_test(test_many_openssh),
		cmocka_unit_test(test_many_dropbear), cmocka_unit_test(test_tty), cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_volume), cmocka_unit_test(test_both_ways), cmocka_unit_test(test_reader_leaves),
		cmocka_unit_test(test_ping), cmocka_unit_test(test_statistics),
	};

	return pair_possible("test_ssh") ? cmocka_run_group_tests(tests, setup, teardown) : 0;
}
