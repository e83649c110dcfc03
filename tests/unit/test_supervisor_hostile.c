/* SPDX-License-Identifier: Apache-2.0
 *
 * test_supervisor_hostile.c - the supervisor between guests and clients that lie, flood, stall and do not read.
 */
#include "supervisor_kit.h"

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(liar_loses_its_command_only), TEST(garbage_is_recovered_from), TEST(garbage_for_ever),
		TEST(stalled_reader_starves_nobody), TEST(guest_that_does_not_read), TEST(too_many_clients),
		TEST(another_user_is_not_served),
	};
	if (!kit_begin(argc, argv))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
