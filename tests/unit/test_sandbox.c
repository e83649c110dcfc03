/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sandbox.c - what the supervisor's filter leaves a VMM that has none of its own. This program is that VMM as well.
 */
#include "supervisor_kit.h"

#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

extern char **environ;

static void *thread(void *arg)
{
	return arg;
}

/* As the VMM: the exit code is the errno of what was tried, 0 where it did it. */
static int attempt(const char *what)
{
	const char *const argv[] = { "/bin/true", NULL };
	pthread_t id;
	pid_t pid;
	long done = -1;

	usleep(100000); /* the supervisor first learns of the VMM, then of its end */
	errno = 0;
	if (strcmp(what, "thread") == 0)
		return pthread_create(&id, NULL, thread, NULL) ? 99 : pthread_join(id, NULL);
	if (strcmp(what, "exec") == 0)
		done = execv(argv[0], (char *const *)(uintptr_t)argv);
	else if (strcmp(what, "execveat") == 0)
		done = syscall(SYS_execveat, -1, argv[0], argv, environ, 0);
	else if (strcmp(what, "fork") == 0)
		done = syscall(SYS_fork);
	else if (strcmp(what, "child") == 0)
		done = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	else if (strcmp(what, "spawn") == 0)
		return posix_spawn(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ);
	else if (strcmp(what, "clone3") == 0)
		done = syscall(SYS_clone3, NULL, 0);
	else if (strcmp(what, "setuid") == 0)
		done = syscall(SYS_setuid, getuid());
	else if (strcmp(what, "mount") == 0)
		done = syscall(SYS_mount, NULL, NULL, NULL, 0, NULL);
	else if (strcmp(what, "unshare") == 0)
		done = unshare(0);
	else if (strcmp(what, "x32") == 0)
		done = syscall(0x40000000 | SYS_getpid);
	else if (strcmp(what, "priority") == 0)
		done = setpriority(PRIO_PROCESS, 0, 0);
	return done == 0 ? 0 : errno;
}

static void expect(struct vm *vm, const char *what, int end)
{
	struct run_status st;

	if (!supervise(vm, NULL, self, what))
		fail_msg("%s: %s", what, vm->report);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	if (st.exit_status != end)
		fail_msg("%s ended with %d, not %d", what, st.exit_status, end);
}

static void filtered(void **state)
{
	struct vm *vm = *state;
	const int killed = 256 + SIGSYS;

	vm->sandbox = true;
	expect(vm, "thread", 0);
	expect(vm, "exec", ENOSYS);
	expect(vm, "execveat", killed);
	expect(vm, "fork", killed);
	expect(vm, "child", killed);
	expect(vm, "spawn", killed);
	expect(vm, "clone3", ENOSYS);
	expect(vm, "setuid", killed);
	expect(vm, "mount", killed);
	expect(vm, "unshare", killed);
	expect(vm, "x32", killed);
	expect(vm, "priority", EPERM);
}

static void not_asked_for(void **state)
{
	expect(*state, "thread", 0);
	expect(*state, "exec", 0);
	expect(*state, "setuid", 0);
	expect(*state, "priority", 0);
}

static void no_such_vmm(void **state)
{
	struct vm *vm = *state;

	vm->sandbox = true;
	assert_false(supervise(vm, NULL, "/nonexistent/qemu", "thread"));
	assert_string_equal(vm->report, "error cannot run /nonexistent/qemu: No such file or directory\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { TEST(filtered), TEST(not_asked_for), TEST(no_such_vmm) };

	if (argc == 3 && strcmp(argv[1], "--fake-guest") == 0)
		return attempt(argv[2]);
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* that starts a process of its own, which the filter is against */
	return kit_begin(argc, argv) ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
