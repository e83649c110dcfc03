/* SPDX-License-Identifier: Apache-2.0
 *
 * test_supervisor.c - the supervisor's whole life: what it starts, its end, its death and who adopts the VM.
 */
#include "supervisor_kit.h"

#include <sys/prctl.h>
#include <sys/wait.h>

static void whole_life(void **state)
{
	static const char *const gone[] = { "control.sock", "qmp.sock", "console.sock", "channel.sock", "vmm.err",
		                            "status.new" };
	struct vm *vm = *state;
	struct stoker_guest_stats stats;
	struct run_status st;
	struct outcome o;
	char path[4300], text[256] = "";
	int64_t rtt;
	void *impl;
	int fd;

	up(vm, "polite");
	status(vm, &st); /* is there before the report */
	assert_int_equal(st.vmm.pid, vm->rec.vmm.pid);
	assert_int_equal(st.exit_status, -2);
	impl = enter(vm);
	status(vm, &st);
	assert_string_equal(st.host_key, FAKE_KEY);
	assert_string_equal(st.agent, "9.9");
	assert_string_equal(st.marks, "init:1,hello:2");
	assert_true(st.spawned_ns > 0 && st.hello_ns >= st.spawned_ns && st.hello_ns <= clock_now_ns());
	for (int i = 0; i < 50; i++)
		expect_works(impl);
	o = run(impl, "cat", NULL, "through and back", 10000);
	assert_string_equal(o.out, "through and back");
	o = run(impl, "missing", NULL, NULL, 10000);
	assert_int_equal(o.st, STOKER_OK);
	assert_int_equal(o.result.status, 127);
	assert_string_equal(o.errout, "stoker: no such thing\n");
	assert_int_equal(channel_ops.ping(impl, NULL, &rtt, NULL), STOKER_OK);
	assert_true(rtt > 0);
	assert_int_equal(channel_ops.statistics(impl, &stats, NULL), STOKER_OK);
	assert_int_equal(stats.uptime_ms, 77);
	expect_traffic(vm);
	assert_int_equal(channel_poweroff(&vm->s, &vm->rec, NULL), STOKER_OK);
	wait_gone(&vm->rec.vmm);
	o = run(impl, "echo", "x", NULL, 10000);
	assert_int_equal(o.st, STOKER_E_STATE);
	assert_non_null(strstr(o.err.why, "poweroff"));
	channel_ops.close(impl);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	assert_true(st.asked);
	assert_string_equal(st.bye, "poweroff");
	assert_int_equal(st.exit_status, 0);
	assert_true(st.exit_ns > st.hello_ns);
	assert_string_equal(st.message, "fake: a warning"); /* no leaked descriptor, no info */
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
		snprintf(path, sizeof path, "%s/%s", vm->run, gone[i]);
		assert_int_equal(access(path, F_OK), -1);
	}
	fd = open(vm->log, O_RDONLY);
	assert_true(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	assert_string_equal(text, "fake kernel boots\n");
	assert_int_equal(access(vm->notify, F_OK), 0);
}

static void no_such_vmm(void **state)
{
	struct vm *vm = *state;
	assert_false(supervise(vm, NULL, "/nonexistent/qemu", "polite"));
	assert_string_equal(vm->report, "error cannot run /nonexistent/qemu: No such file or directory\n");
	snprintf(vm->run, sizeof vm->run, "%s/nowhere", vm->dir);
	assert_false(supervise(vm, NULL, self, "polite"));
	assert_int_equal(strncmp(vm->report, "error cannot open the runtime folder", 36), 0);
}

static void vmm_dies(void **state)
{
	struct vm *vm = *state;
	struct stoker_error err;
	struct run_status st;
	void *impl;
	if (supervise(vm, NULL, self, "dies")) {
		wait_gone(&vm->rec.supervisor);
		status(vm, &st);
		assert_int_equal(st.exit_status, 5);
		assert_string_equal(st.message, "fake: a warning");
		assert_int_equal(channel_open(&vm->s, &vm->rec, NULL, &impl, &err), STOKER_E_STATE);
		assert_non_null(strstr(err.why, "fake: a warning"));
	}
	/* In the middle of a command. */
	up(vm, "polite");
	impl = enter(vm);
	{
		struct outcome o = run(impl, "die", NULL, NULL, 10000);
		assert_int_equal(o.st, STOKER_E_STATE);
		assert_non_null(strstr(o.err.why, "dying now"));
	}
	channel_ops.close(impl);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	assert_int_equal(st.exit_status, 3);
	/* Killed. */
	up(vm, "polite");
	kill_one(&vm->rec.vmm);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	assert_int_equal(st.exit_status, 256 + SIGKILL);
	assert_int_equal(st.hello_ns == 0 || st.hello_ns > 0, 1);
}

static void vm_ends_while_waited_for(void **state)
{
	struct vm *vm = *state;
	struct stoker_error err;
	int64_t start;
	up(vm, "silent");
	start = clock_now_ns();
	assert_int_equal(channel_wait_hello(&vm->s, &vm->rec, deadline_after_ms(100), -1, &err), STOKER_E_TIMEOUT);
	assert_true(clock_now_ns() - start >= 90 * NS_PER_MS);
	kill_one(&vm->rec.vmm);
	assert_int_equal(channel_wait_hello(&vm->s, &vm->rec, deadline_after_ms(10000), -1, &err), STOKER_E_STATE);
}

static void timeout_and_cancel(void **state)
{
	struct vm *vm = *state;
	const char *argv[] = { "hang", NULL };
	struct stoker_exec exec = { .argv = argv };
	struct exec_io io = { .in_fd = -1 };
	struct stoker_exec_result result;
	struct stoker_call call = { .timeout_ms = -1 };
	struct stoker_error err;
	struct outcome o;
	int cancel[2];
	void *impl;
	up(vm, "polite");
	impl = enter(vm);
	for (int i = 0; i < 5; i++) { /* on a busy host the answer may come too late to be waited for */
		o = run(impl, "hang", NULL, NULL, 100);
		assert_int_equal(o.st, STOKER_E_TIMEOUT);
		if (o.result.status != 0)
			break;
	}
	assert_int_equal(o.result.status, 137); /* it was killed, and said so */
	assert_true(o.result.duration_ns < 5 * NS_PER_S);
	expect_works(impl); /* the session goes on */
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	exec_sink_open(&io.out, -1, 0);
	exec_sink_open(&io.err, -1, 0);
	call.cancel_fd = cancel[0];
	assert_int_equal(channel_ops.exec(impl, &exec, &io, &call, &result, &err), STOKER_E_CANCELLED);
	expect_works(impl);
	channel_ops.close(impl);
	close(cancel[0]);
	close(cancel[1]);
}

static void supervisor_dies_and_vm_is_adopted(void **state)
{
	struct vm *vm = *state;
	struct process_id old;
	struct run_status st, before;
	char adopt[64];
	struct outcome o;
	void *impl;
	up(vm, "polite");
	impl = enter(vm);
	status(vm, &before);
	old = vm->rec.supervisor;
	{ /* politely asked to end it does not */
		int fd = process_pidfd(&old);
		process_signal(fd, SIGTERM);
		process_signal(fd, SIGHUP);
		process_signal(fd, SIGINT);
		close(fd);
	}
	expect_works(impl);
	kill_one(&old);
	o = run(impl, "echo", "x", NULL, 5000);
	assert_int_equal(o.st, STOKER_E_CLOSED);
	channel_ops.close(impl);
	usleep(50000);
	assert_true(process_alive(&vm->rec.vmm));
	snprintf(adopt, sizeof adopt, "%lld:%llu", (long long)vm->rec.vmm.pid, (unsigned long long)vm->rec.vmm.start_ticks);
	assert_true(supervise(vm, adopt, NULL, NULL));
	assert_int_not_equal(vm->rec.supervisor.pid, old.pid);
	status(vm, &st);
	assert_string_equal(st.host_key, before.host_key); /* handed over */
	assert_int_equal(st.hello_ns, before.hello_ns);
	assert_int_equal(st.spawned_ns, before.spawned_ns);
	impl = enter(vm);
	expect_works(impl);
	channel_ops.close(impl);
	kill_one(&vm->rec.vmm);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	assert_int_equal(st.exit_status, -1); /* nobody's child: not known */
	assert_true(st.exit_ns > 0);
	/* Nothing to adopt any more; and never another process with that number. */
	assert_false(supervise(vm, adopt, NULL, NULL));
	snprintf(adopt, sizeof adopt, "%d:1", (int)getpid());
	assert_false(supervise(vm, adopt, NULL, NULL));
}

static void status_cannot_be_written(void **state)
{
	struct vm *vm = *state;
	struct run_status st;
	char path[4300];
	up(vm, "polite");
	channel_ops.close(enter(vm));
	snprintf(path, sizeof path, "%s/status.new", vm->run);
	assert_int_equal(mkdir(path, 0700), 0); /* in the way of the new file, as a full disk would be */
	kill_one(&vm->rec.vmm);
	usleep(100000);
	status(vm, &st);
	assert_int_equal(st.exit_status, -2);
	assert_true(process_alive(&vm->rec.supervisor)); /* keeps what it alone knows */
	assert_int_equal(rmdir(path), 0);
	wait_gone(&vm->rec.supervisor);
	status(vm, &st);
	assert_int_equal(st.exit_status, 256 + SIGKILL);
}

/* All that it was asked to start has ended, when this returns. */
static bool starts_a_vmm(struct vm *vm, bool awaited)
{
	char fd[16], program[4300], mark[4300], text[9000];
	const char *argv[] = { TEST_SUPERVISOR, "--run", vm->run, "--log", vm->log, "--notify", vm->notify, "--name", "fake",
		               "--report", fd, "--", program, NULL };
	int report[2], file;
	bool started;
	pid_t pid;

	snprintf(program, sizeof program, "%s/vmm", vm->dir);
	snprintf(mark, sizeof mark, "%s/started", vm->dir);
	snprintf(text, sizeof text, "#!/bin/sh\n: >'%s'\n", mark);
	file = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
	close(file);
	assert_int_equal(pipe(report), 0);
	snprintf(fd, sizeof fd, "%d", report[1]);
	if (!awaited)
		close(report[0]);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(report[1]);
	while (wait(NULL) > 0)
		;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	if (awaited)
		close(report[0]);
	started = access(mark, F_OK) == 0;
	unlink(mark);
	return started;
}

static void starter_is_gone(void **state)
{
	assert_true(starts_a_vmm(*state, true));
	assert_false(starts_a_vmm(*state, false));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_life), TEST(no_such_vmm), TEST(vmm_dies), TEST(vm_ends_while_waited_for),
		TEST(timeout_and_cancel), TEST(supervisor_dies_and_vm_is_adopted), TEST(status_cannot_be_written), TEST(starter_is_gone),
	};
	if (!kit_begin(argc, argv))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
