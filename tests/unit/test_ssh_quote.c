/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever an argument holds, a shell given our line hands exactly it to the
 * program: checked with the real shells of this machine.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest/ssh_conn.h"

#define ARGV(...) .argv = (const char *const[]){ __VA_ARGS__, NULL }

/* stdout of `shell -c line`; the status in *status. */
static size_t run_shell(const char *const *shell, const char *line, char *out, size_t cap, int *status)
{
	const char *argv[8];
	size_t n = 0, len = 0;
	ssize_t got;
	int pipes[2];
	pid_t pid;

	for (; shell[n]; n++)
		argv[n] = shell[n];
	argv[n++] = "-c";
	argv[n++] = line;
	argv[n] = NULL;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(pipes[1], 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(99);
	}
	close(pipes[1]);
	while (len < cap && (got = read(pipes[0], out + len, cap - len)) > 0)
		len += (size_t)got;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, status, 0), pid);
	*status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
	return len;
}

static const char *const dash[] = { "sh", NULL }, *const bash[] = { "bash", NULL },
                         *const ash[] = { "busybox", "sh", NULL };
static const char *const *const shells[] = { dash, bash, ash };

static bool have(const char *const *shell)
{
	char out[8];
	int status;
	run_shell(shell, "exit 0", out, sizeof out, &status);
	return status == 0;
}

static void expect(const struct stoker_exec *exec, const char *out, size_t len, int status)
{
	struct stoker_error err;
	char *line, got[20000];

	assert_int_equal(ssh_command(exec, &line, &err), STOKER_OK);
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		int ended;
		size_t n;
		if (!have(shells[i]))
			continue;
		n = run_shell(shells[i], line, got, sizeof got, &ended);
		if (ended != status || n != len || memcmp(got, out, len) != 0)
			print_message("%s -c %s\n", shells[i][0], line);
		assert_int_equal(ended, status);
		assert_int_equal(n, len);
		assert_memory_equal(got, out, len);
	}
	free(line);
}

static void test_arguments(void **state)
{
	static const char *const args[] = { "", " ", "'", "''", "a'b", "\"$HOME\"", "`id`", "$(id)", "\\", "\\'", "a\nb", "\n",
		                            "*", "~", "!x", "a;b", "&", "|", "#", "-n", "--", "\x01\x7f\xff\xfe", "\xc3\xa9",
		                            "{a,b}", "a=b", "\t", "'\\''", "$'x'", "%s%n" };
	enum { COUNT = sizeof args / sizeof *args };
	const char *argv[COUNT + 3] = { "printf", "%s|" };
	char want[512];
	size_t len = 0;
	(void)state;

	for (size_t i = 0; i < COUNT; i++) {
		argv[i + 2] = args[i];
		len += (size_t)snprintf(want + len, sizeof want - len, "%s|", args[i]);
	}
	expect(&(struct stoker_exec){ .argv = argv }, want, len, 0);
}

/* Random bytes, the ones a shell reads something into more often. */
static void test_property(void **state)
{
	static const char special[] = "'\"\\$`!*?[]{}()<>|&;#~ \t\n=-%";
	unsigned seed = 1;
	(void)state;

	for (int round = 0; round < 150; round++) {
		char args[6][64], want[512];
		const char *argv[9] = { "printf", "%s\001" };
		size_t count = 1 + (size_t)rand_r(&seed) % 6, len = 0;
		for (size_t i = 0; i < count; i++) {
			size_t n = (size_t)rand_r(&seed) % 40;
			for (size_t k = 0; k < n; k++) {
				int r = rand_r(&seed);
				args[i][k] = r & 1 ? special[(r >> 1) % (int)(sizeof special - 1)] : (char)(1 + (r >> 1) % 255);
			}
			args[i][n] = '\0';
			argv[i + 2] = args[i];
			memcpy(want + len, args[i], n);
			len += n;
			want[len++] = '\001';
		}
		expect(&(struct stoker_exec){ .argv = argv }, want, len, 0);
	}
}

static void test_environment_and_folder(void **state)
{
	static const char *const env[] = { "A=1", "WITH SPACE=x'y", "NL=a\nb", "A.B=2", "IFS=z", "-i=3", NULL };
	static const char script[] = "pwd; printf '%s|%s' \"$A\" \"$NL\"";
	static const char want[] = "/usr/lib\n1|a\nb";
	(void)state;

	expect(&(struct stoker_exec){ ARGV("sh", "-c", script), .env = env, .dir = "/usr/lib" },
	       want, sizeof want - 1, 0);
	/* A shell passes only names on that are its own; env knows no such limit. */
	expect(&(struct stoker_exec){ ARGV("printenv", "--", "WITH SPACE", "A.B", "-i"), .env = env },
	       "x'y\n2\n3\n", 8, 0);
	expect(&(struct stoker_exec){ ARGV("pwd"), .dir = "/no where/'x" }, "", 0, 126);
	expect(&(struct stoker_exec){ ARGV("pwd"), .dir = "-" }, "", 0, 126);
}

static void test_status(void **state)
{
	(void)state;
	expect(&(struct stoker_exec){ ARGV("true") }, "", 0, 0);
	expect(&(struct stoker_exec){ ARGV("false") }, "", 0, 1);
	expect(&(struct stoker_exec){ ARGV("[", "a", "=", "b", "]") }, "", 0, 1);
	expect(&(struct stoker_exec){ ARGV("no-such-program") }, "", 0, 127);
	expect(&(struct stoker_exec){ ARGV("/etc/passwd") }, "", 0, 126);
	expect(&(struct stoker_exec){ ARGV("-no-such") }, "", 0, 127);
	expect(&(struct stoker_exec){ ARGV("a=b") }, "", 0, 127);
	expect(&(struct stoker_exec){ ARGV("a=b"), .env = (const char *const[]){ "X=1", NULL } },
	       "", 0, 127);
	expect(&(struct stoker_exec){ ARGV("exit", "3") }, "", 0, 127);
	expect(&(struct stoker_exec){ ARGV("sh", "-c", "exit 77") }, "", 0, 77);
}

static void test_refused(void **state)
{
	static char huge[1100 * 1024];
	struct stoker_error err;
	char *line;
	(void)state;

	memset(huge, 'x', sizeof huge - 1);
	assert_int_equal(ssh_command(&(struct stoker_exec){ .argv = (const char *const[]){ NULL } }, &line, &err),
	                 STOKER_E_INVALID);
	assert_int_equal(ssh_command(&(struct stoker_exec){ ARGV("echo", huge) }, &line, &err),
	                 STOKER_E_LIMIT);
	static const char *const users[] = { "a b", "-x", "x'y", "a;b", "../x", "$(id)",
		                             "0123456789012345678901234567890123" };
	for (size_t i = 0; i < sizeof users / sizeof *users; i++)
		assert_int_equal(ssh_command(&(struct stoker_exec){ ARGV("id"), .user = users[i] },
		                             &line, &err), STOKER_E_INVALID);
	assert_int_equal(ssh_command(&(struct stoker_exec){ ARGV("id"),
	                             .env = (const char *const[]){ "NOEQUALS", NULL } }, &line, &err), STOKER_E_INVALID);
	assert_int_equal(ssh_command(&(struct stoker_exec){ ARGV("id"),
	                             .env = (const char *const[]){ "=x", NULL } }, &line, &err), STOKER_E_INVALID);
}

static void test_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	static const char script[] = "id -un; pwd; printf '%s' \"$1\"";
	static const char want[] = "nobody\n/usr\na'b\n\"c\"";
	expect(&(struct stoker_exec){ ARGV("sh", "-c", script, "sh", "a'b\n\"c\""),
	       .user = "nobody", .dir = "/usr" }, want, sizeof want - 1, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments), cmocka_unit_test(test_property),
		cmocka_unit_test(test_environment_and_folder), cmocka_unit_test(test_status),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
