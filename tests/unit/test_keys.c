/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys are right when OpenSSH's own tool reads the private file and comes to
 * the same public half and fingerprint.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest/session.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/stoker-keys-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[128];
	static const char *const names[] = { "key", "key.pub", ".key.new", ".key.pub.new" };
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* First line that a program prints. */
static void output_of(const char *const *argv, char *line, size_t cap)
{
	int pipes[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(pipes[1], 1);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(pipes[1]);
	while (len < cap - 1 && (n = read(pipes[0], line + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	close(pipes[0]);
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_openssh_reads_it(void **state)
{
	char public[256], again[256], key[128], pub[128], said[512], said_pub[512];
	struct stoker_error err;
	struct stat st;
	(void)state;

	snprintf(key, sizeof key, "%s/key", dir);
	snprintf(pub, sizeof pub, "%s/key.pub", dir);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(key_make(dir, public, &err), STOKER_OK);
		assert_int_equal(stat(key, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(key_public(dir, again, &err), STOKER_OK);
		assert_string_equal(public, again);
		output_of((const char *const[]){ "ssh-keygen", "-y", "-f", key, NULL }, said, sizeof said);
		assert_string_equal(said, public);
		output_of((const char *const[]){ "ssh-keygen", "-l", "-f", key, NULL }, said, sizeof said);
		output_of((const char *const[]){ "ssh-keygen", "-l", "-f", pub, NULL }, said_pub, sizeof said_pub);
		assert_string_equal(said, said_pub);
		assert_non_null(strstr(said, "256 SHA256:"));
		assert_non_null(strstr(said, "(ED25519)"));
	}
}

static void test_two_keys_differ(void **state)
{
	char one[256], two[256];
	struct stoker_error err;
	(void)state;
	assert_int_equal(key_make(dir, one, &err), STOKER_OK);
	assert_int_equal(key_make(dir, two, &err), STOKER_OK);
	assert_string_not_equal(one, two);
}

/* What a killed writer left does not stand in the way, and links are not followed. */
static void test_leftovers(void **state)
{
	char aside[128], victim[128], public[256];
	struct stoker_error err;
	struct stat st;
	int fd;
	(void)state;

	snprintf(aside, sizeof aside, "%s/.key.new", dir);
	snprintf(victim, sizeof victim, "%s/key.pub", dir);
	fd = open(victim, O_WRONLY | O_CREAT, 0600);
	close(fd);
	assert_int_equal(symlink(victim, aside), 0);
	assert_int_equal(key_make(dir, public, &err), STOKER_OK);
	assert_int_equal(lstat(aside, &st), -1);
	assert_int_equal(lstat(victim, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void test_failures(void **state)
{
	char public[256], path[128];
	struct stoker_error err;
	FILE *f;
	(void)state;

	assert_int_equal(key_make("/nonexistent/place", public, &err), STOKER_E_FAILED);
	assert_non_null(strstr(err.why, "/nonexistent/place"));
	assert_int_equal(key_public("/nonexistent/place", public, &err), STOKER_E_FAILED);
	snprintf(path, sizeof path, "%s/key.pub", dir);
	static const char *const bad[] = { "", "ssh-ed25519 ", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQDQ7Z6v6a7c4v3fM",
		                           "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB\"; init=/bin/sh AAAAAAAAAAAAAAAAAAAA" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(key_public(dir, public, &err), STOKER_E_FAILED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssh_reads_it), cmocka_unit_test(test_two_keys_differ),
		cmocka_unit_test(test_leftovers), cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
