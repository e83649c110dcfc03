/* SPDX-License-Identifier: Apache-2.0
 *
 * test_supervisor.c - the real supervisor and the real client between a fake
 * guest that misbehaves: faults of the protocol, deaths, adoption, floods.
 */
#include "store_kit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "fake_guest.h"
#include "guest/channel.h"
#include "guest/session.h"
#include "guest/traffic.h"
#include "lifecycle.h"
#include "supervisor/control.h"

static const char *self;

struct vm {
	char dir[4096], run[4200], log[4200], notify[4200];
	struct stoker s;
	struct vm_record rec;
	char report[600];
};

static int make(void **state)
{
	struct vm *vm = calloc(1, sizeof *vm);
	char path[4200];
	void *dir;
	if (!vm || kit_make(&dir) != 0)
		return -1;
	snprintf(vm->dir, sizeof vm->dir, "%s", (char *)dir);
	free(dir);
	snprintf(path, sizeof path, "%s/vms", vm->dir);
	snprintf(vm->run, sizeof vm->run, "%s/vms/0123456789abcdef", vm->dir);
	snprintf(vm->log, sizeof vm->log, "%s/console.log", vm->dir);
	snprintf(vm->notify, sizeof vm->notify, "%s/changed", vm->dir);
	if (mkdir(path, 0700) < 0 || mkdir(vm->run, 0700) < 0)
		return -1;
	vm->s.runtime_dir = vm->s.state_dir = vm->dir;
	memcpy(vm->rec.vm.id, "0123456789abcdef", 17);
	snprintf(vm->rec.vm.name, sizeof vm->rec.vm.name, "fake");
	process_boot_id(vm->s.boot_id);
	*state = vm;
	return 0;
}

/* Runs the supervisor; true when it reports a VMM. */
static bool supervise(struct vm *vm, const char *adopt, const char *program, const char *mode)
{
	char fd[16];
	const char *argv[20] = { TEST_SUPERVISOR, "--run", vm->run, "--log", vm->log, "--notify", vm->notify, "--name", "fake",
		                 "--report", fd, adopt ? "--adopt" : "--", adopt ? adopt : program,
		                 adopt ? NULL : "--fake-guest", mode, NULL };
	long long vmm, sup;
	unsigned long long vmm_ticks, sup_ticks;
	size_t len = 0;
	ssize_t n;
	int report[2];
	pid_t pid;

	assert_int_equal(pipe(report), 0);
	snprintf(fd, sizeof fd, "%d", report[1]);
	pid = fork();
	if (pid == 0) {
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(report[1]);
	while ((n = read(report[0], vm->report + len, sizeof vm->report - 1 - len)) > 0)
		len += (size_t)n;
	vm->report[len] = '\0';
	close(report[0]);
	waitpid(pid, NULL, 0);
	if (sscanf(vm->report, "ok %lld %llu %lld %llu", &vmm, &vmm_ticks, &sup, &sup_ticks) != 4)
		return false;
	vm->rec.vmm.pid = vmm;
	vm->rec.vmm.start_ticks = vmm_ticks;
	vm->rec.supervisor.pid = sup;
	vm->rec.supervisor.start_ticks = sup_ticks;
	memcpy(vm->rec.vmm.boot_id, vm->s.boot_id, BOOT_ID_SIZE);
	memcpy(vm->rec.supervisor.boot_id, vm->s.boot_id, BOOT_ID_SIZE);
	return true;
}

static void up(struct vm *vm, const char *mode)
{
	assert_true(supervise(vm, NULL, self, mode));
}

static void kill_one(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	process_signal(fd, SIGKILL);
	process_wait_end(fd, deadline_after_ms(10000), -1);
	close(fd);
}

static int drop(void **state)
{
	struct vm *vm = *state;
	char *dir = strdup(vm->dir);
	kill_one(&vm->rec.vmm);
	kill_one(&vm->rec.supervisor);
	free(vm);
	*state = dir;
	return kit_drop(state);
}

static void wait_gone(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	assert_int_equal(process_wait_end(fd, deadline_after_ms(10000), -1), 0);
	close(fd);
}

static void status(struct vm *vm, struct run_status *out)
{
	assert_true(run_status_read(&vm->s, vm->rec.vm.id, out));
}

static void *enter(struct vm *vm)
{
	struct stoker_call call = { .timeout_ms = 10000, .cancel_fd = -1 };
	struct stoker_error err = { 0 };
	void *impl = NULL;
	if (channel_open(&vm->s, &vm->rec, &call, &impl, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	return impl;
}

struct outcome {
	enum stoker_status st;
	struct stoker_exec_result result;
	struct stoker_error err;
	char out[64], errout[64];
};

static struct outcome run(void *impl, const char *command, const char *arg, const char *in, int64_t timeout_ms)
{
	const char *argv[] = { command, arg, NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_call call = { .timeout_ms = timeout_ms, .cancel_fd = -1 };
	struct exec_io io = { .in_fd = -1, .in = in, .in_len = in ? strlen(in) : 0 };
	struct outcome o = { 0 };
	exec_sink_open(&io.out, -1, 1 << 20);
	exec_sink_open(&io.err, -1, 1 << 20);
	o.st = channel_ops.exec(impl, &exec, &io, &call, &o.result, &o.err);
	if (io.out.data)
		snprintf(o.out, sizeof o.out, "%s", io.out.data);
	if (io.err.data)
		snprintf(o.errout, sizeof o.errout, "%s", io.err.data);
	free(io.out.data);
	free(io.err.data);
	return o;
}

static void expect_works(void *impl)
{
	struct outcome o = run(impl, "echo", "hello", NULL, 10000);
	if (o.st != STOKER_OK)
		fail_msg("%s", o.err.why);
	assert_int_equal(o.result.status, 7);
	assert_string_equal(o.out, "hello");
	assert_string_equal(o.errout, "to stderr");
}

/* What the host cannot count is asked of the agent, and waited for by nobody. */
static void expect_traffic(struct vm *vm)
{
	struct stoker_vm vms[3] = { [1] = vm->rec.vm };
	struct stoker_sample samples[3];
	struct timespec pause = { .tv_nsec = 10000000 };
	int calls = 0;

	vms[1].pid = vm->rec.vmm.pid;
	vms[1].network = STOKER_NET_USER;
	vms[1].state = STOKER_RUNNING;
	vms[2] = vms[1];
	snprintf(vms[2].id, sizeof vms[2].id, "elsewhere"); /* no supervisor answers there */
	stoker_sample_vms(&vm->s, vms, 3, samples);
	assert_null(vm->s.traffic); /* one look costs no guest anything */
	do {
		nanosleep(&pause, NULL);
		stoker_sample_vms(&vm->s, vms, 3, samples);
		assert_int_equal(samples[0].rx_bytes, -1);
		assert_int_equal(samples[2].rx_bytes, -1);
	} while (samples[1].rx_bytes < 0 && ++calls < 500);
	assert_int_equal(samples[1].rx_bytes, 5000);
	assert_int_equal(samples[1].tx_bytes, 40);
	stoker_sample_vms(&vm->s, vms, 3, samples);
	assert_int_equal(samples[1].rx_bytes, -1); /* told once; the next question is not due yet */
	traffic_free(vm->s.traffic);
	vm->s.traffic = NULL;
}

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

/* Reads nothing for a while, then all. */
static void *late_reader(void *fd)
{
	char buf[65536];
	nanosleep(&(struct timespec){ .tv_nsec = 300 * NS_PER_MS }, NULL);
	while (read(*(int *)fd, buf, sizeof buf) > 0)
		;
	return NULL;
}

static void liar_loses_its_command_only(void **state)
{
	struct vm *vm = *state;
	struct outcome o;
	const char *argv[] = { "lie", NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_call call = { .timeout_ms = 10000, .cancel_fd = -1 };
	struct exec_io io = { .in_fd = -1 };
	int unread[2];
	pthread_t reader;
	void *a, *b;
	up(vm, "polite");
	a = enter(vm);
	b = enter(vm);
	/* While its output is not taken nothing more is granted: of a client that grants as fast as it lies nobody sees a
	 * lie. */
	assert_int_equal(pipe(unread), 0);
	assert_int_equal(pthread_create(&reader, NULL, late_reader, &unread[0]), 0);
	exec_sink_open(&io.out, unread[1], 0);
	exec_sink_open(&io.err, -1, 0);
	o.st = channel_ops.exec(a, &exec, &io, &call, &o.result, &o.err);
	exec_sink_close(&io.out);
	close(unread[1]);
	pthread_join(reader, NULL);
	close(unread[0]);
	assert_int_equal(o.st, STOKER_E_PEER);
	assert_non_null(strstr(o.err.why, "more output than it was allowed"));
	expect_works(b);
	expect_works(a);
	o = run(a, "twice", NULL, NULL, 10000);
	assert_int_equal(o.st, STOKER_OK);
	expect_works(a);
	channel_ops.close(a);
	channel_ops.close(b);
}

static void garbage_is_recovered_from(void **state)
{
	struct vm *vm = *state;
	struct run_status st;
	struct outcome o;
	void *impl;
	up(vm, "polite");
	impl = enter(vm);
	o = run(impl, "garbage", NULL, NULL, 10000);
	assert_int_equal(o.st, STOKER_E_PEER);
	for (int i = 0; i < 100; i++) { /* in step again within moments */
		o = run(impl, "echo", "x", NULL, 10000);
		if (o.st == STOKER_OK)
			break;
		usleep(20000);
	}
	expect_works(impl);
	/* Another host key in the middle of a run: not taken. */
	o = run(impl, "rekey", NULL, NULL, 10000);
	assert_int_not_equal(o.st, STOKER_OK);
	status(vm, &st);
	assert_string_equal(st.host_key, FAKE_KEY);
	channel_ops.close(impl);
}

static void garbage_for_ever(void **state)
{
	struct vm *vm = *state;
	struct stoker_call call = { .timeout_ms = 60000, .cancel_fd = -1 };
	struct stoker_error err;
	enum stoker_status st;
	void *impl = NULL;
	struct outcome o;
	up(vm, "garbage");
	st = channel_open(&vm->s, &vm->rec, &call, &impl, &err);
	if (st == STOKER_OK) { /* its first hello was good */
		o = run(impl, "echo", "x", NULL, 60000);
		assert_int_not_equal(o.st, STOKER_OK);
		channel_ops.close(impl);
		for (int i = 0; i < 600 && st == STOKER_OK; i++) {
			call.timeout_ms = 100;
			st = channel_open(&vm->s, &vm->rec, &call, &impl, &err);
			if (st == STOKER_OK)
				channel_ops.close(impl);
			else if (st == STOKER_E_TIMEOUT)
				st = STOKER_OK;
		}
	}
	assert_int_equal(st, STOKER_E_PEER);
	assert_non_null(strstr(err.why, "garbage"));
	assert_true(process_alive(&vm->rec.vmm)); /* its channel is lost, the VM goes on */
	assert_true(process_alive(&vm->rec.supervisor));
}

static long memory_kib(const struct process_id *id)
{
	char path[64], text[4096], *p;
	int fd;
	ssize_t n;
	snprintf(path, sizeof path, "/proc/%lld/status", (long long)id->pid);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	p = strstr(text, "VmRSS:");
	assert_non_null(p);
	return strtol(p + 6, NULL, 10);
}

struct flooded {
	void *impl;
	int out;
	struct stoker_exec_result result;
	enum stoker_status st;
};

static void *flooded_thread(void *arg)
{
	struct flooded *f = arg;
	const char *argv[] = { "flood", "100000000", NULL };
	struct stoker_exec exec = { .argv = argv };
	struct exec_io io = { .in_fd = -1 };
	exec_sink_open(&io.out, f->out, 0);
	exec_sink_open(&io.err, -1, 0);
	f->st = channel_ops.exec(f->impl, &exec, &io, NULL, &f->result, NULL);
	exec_sink_close(&io.out);
	return NULL;
}

static void stalled_reader_starves_nobody(void **state)
{
	enum { STALLED = 8 };
	struct vm *vm = *state;
	struct flooded stalled[STALLED], flowing = { 0 };
	pthread_t threads[STALLED], thread;
	int pipes[STALLED][2];
	long before, after;
	int64_t start;
	void *impl;

	up(vm, "polite");
	before = memory_kib(&vm->rec.supervisor);
	for (int i = 0; i < STALLED; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		stalled[i] = (struct flooded){ .impl = enter(vm), .out = pipes[i][1] };
		assert_int_equal(pthread_create(&threads[i], NULL, flooded_thread, &stalled[i]), 0);
	}
	flowing.impl = enter(vm);
	flowing.out = open("/dev/null", O_WRONLY);
	assert_int_equal(pthread_create(&thread, NULL, flooded_thread, &flowing), 0);
	impl = enter(vm);
	start = clock_now_ns();
	for (int i = 0; i < 20; i++)
		expect_works(impl);
	assert_true(clock_now_ns() - start < 20 * NS_PER_S);
	pthread_join(thread, NULL);
	assert_int_equal(flowing.st, STOKER_OK);
	assert_int_equal(flowing.result.out_bytes, 100000000);
	after = memory_kib(&vm->rec.supervisor);
#ifndef __SANITIZE_ADDRESS__
	/* A window or so for each that stalls, whatever the guest sends. */
	assert_true(after - before < STALLED * 2 * FRAME_WINDOW / 1024 + 2048);
#else
	(void)before, (void)after;
#endif
	for (int i = 0; i < STALLED; i++)
		close(pipes[i][0]); /* their readers are gone: that ends the commands */
	for (int i = 0; i < STALLED; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(stalled[i].st, STOKER_OK);
		assert_int_equal(stalled[i].result.signal, SIGPIPE);
		close(pipes[i][1]);
		channel_ops.close(stalled[i].impl);
	}
	close(flowing.out);
	channel_ops.close(flowing.impl);
	channel_ops.close(impl);
}

static void guest_that_does_not_read(void **state)
{
	static char large[200 * 1024];
	struct vm *vm = *state;
	struct outcome o;
	void *impl, *other;
	memset(large, 'x', sizeof large - 1);
	up(vm, "stall");
	for (int i = 0; i < 10; i++) { /* fills everything on the way */
		impl = enter(vm);
		o = run(impl, "cat", NULL, large, 100);
		assert_int_equal(o.st, STOKER_E_TIMEOUT);
		channel_ops.close(impl);
	}
	other = enter(vm); /* the supervisor itself still answers */
	channel_ops.close(other);
	assert_true(memory_kib(&vm->rec.supervisor) < 40 * 1024 || getenv("ASAN_OPTIONS"));
	kill_one(&vm->rec.vmm);
	wait_gone(&vm->rec.supervisor);
}

static void too_many_clients(void **state)
{
	enum { MANY = 140 };
	struct vm *vm = *state;
	struct stoker_error err;
	void *impls[MANY], *extra;
	unsigned refused = 0;
	up(vm, "polite");
	for (int i = 0; i < MANY; i++) {
		impls[i] = NULL;
		if (channel_open(&vm->s, &vm->rec, NULL, &impls[i], &err) != STOKER_OK) {
			assert_non_null(strstr(err.why, "too many clients"));
			refused++;
		}
	}
	assert_int_equal(refused, MANY - 128);
	expect_works(impls[0]);
	for (int i = 0; i < MANY; i++)
		if (impls[i])
			channel_ops.close(impls[i]);
	extra = enter(vm);
	expect_works(extra);
	channel_ops.close(extra);
}

static void another_user_is_not_served(void **state)
{
	struct vm *vm = *state;
	char path[4300];
	int fd, code;
	pid_t pid;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	up(vm, "polite");
	snprintf(path, sizeof path, "%s/control.sock", vm->run);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(vm->run, 0755), 0);
	snprintf(path, sizeof path, "%s/vms", vm->dir);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(vm->dir, 0755), 0);
	pid = fork();
	if (pid == 0) {
		char byte;
		if (setuid(65534) < 0 || (fd = control_connect(vm->run, "control.sock")) < 0)
			_exit(1);
		usleep(200000);
		_exit(read(fd, &byte, 1) == 0 ? 0 : 2); /* closed without a word */
	}
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_int_equal(WEXITSTATUS(code), 0);
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

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(whole_life), TEST(no_such_vmm), TEST(vmm_dies), TEST(vm_ends_while_waited_for), TEST(timeout_and_cancel),
		TEST(liar_loses_its_command_only), TEST(garbage_is_recovered_from), TEST(garbage_for_ever),
		TEST(stalled_reader_starves_nobody), TEST(guest_that_does_not_read), TEST(too_many_clients),
		TEST(another_user_is_not_served), TEST(supervisor_dies_and_vm_is_adopted), TEST(status_cannot_be_written),
	};
	char path[4096];
	if (argc == 3 && strcmp(argv[1], "--fake-guest") == 0)
		fake_guest_main(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	if (!realpath("/proc/self/exe", path))
		return 1;
	self = path;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
