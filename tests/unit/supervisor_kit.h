/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor_kit.h - the real supervisor around a fake guest that does as it is told, and the real client.
 */
#ifndef STOKER_TESTS_SUPERVISOR_KIT_H
#define STOKER_TESTS_SUPERVISOR_KIT_H

#include "store_kit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "fake_guest.h"
#include "guest/channel.h"
#include "guest/session.h"
#include "guest/traffic.h"
#include "host.h"
#include "lifecycle.h"
#include "supervisor/control.h"

static const char *self;

/* These programs are their own fake guest: one that was started as that does not come back from here. */
static inline bool kit_begin(int argc, char **argv)
{
	static char path[4096];
	if (argc == 3 && strcmp(argv[1], "--fake-guest") == 0)
		fake_guest_main(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	self = realpath("/proc/self/exe", path);
	return self != NULL;
}

struct vm {
	char dir[4096], run[4200], log[4200], notify[4200];
	struct stoker s;
	struct vm_record rec;
	char report[600];
	bool sandbox;
};

static inline int make(void **state)
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
static inline bool supervise(struct vm *vm, const char *adopt, const char *program, const char *mode)
{
	char fd[16];
	const char *argv[20] = { TEST_SUPERVISOR, "--run", vm->run, "--log", vm->log, "--notify", vm->notify, "--name", "fake",
		                 "--report", fd, vm->sandbox ? "--sandbox" : "--metrics=none", adopt ? "--adopt" : "--", adopt ? adopt : program,
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

static inline void up(struct vm *vm, const char *mode)
{
	assert_true(supervise(vm, NULL, self, mode));
}

static inline void kill_one(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	process_signal(fd, SIGKILL);
	process_wait_end(fd, deadline_after_ms(10000), -1);
	close(fd);
}

static inline int drop(void **state)
{
	struct vm *vm = *state;
	char *dir = strdup(vm->dir);
	kill_one(&vm->rec.vmm);
	kill_one(&vm->rec.supervisor);
	free(vm);
	*state = dir;
	return kit_drop(state);
}

static inline void wait_gone(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	assert_int_equal(process_wait_end(fd, deadline_after_ms(10000), -1), 0);
	close(fd);
}

static inline void status(struct vm *vm, struct run_status *out)
{
	assert_true(run_status_read(&vm->s, vm->rec.vm.id, out));
}

static inline void *enter(struct vm *vm)
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

static inline struct outcome run(void *impl, const char *command, const char *arg, const char *in, int64_t timeout_ms)
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

static inline void expect_works(void *impl)
{
	struct outcome o = run(impl, "echo", "hello", NULL, 10000);
	if (o.st != STOKER_OK)
		fail_msg("%s", o.err.why);
	assert_int_equal(o.result.status, 7);
	assert_string_equal(o.out, "hello");
	assert_string_equal(o.errout, "to stderr");
}

/* What the host cannot count is asked of the agent, and waited for by nobody; of one in sight again and again. */
static inline void expect_traffic(struct vm *vm)
{
	struct stoker_vm vms[3] = { [1] = vm->rec.vm };
	const bool in_sight[3] = { false, true, true };
	struct stoker_sample samples[3];
	struct timespec pause = { .tv_nsec = 10000000 };
	int64_t counted_ns = 0;

	vms[1].pid = vm->rec.vmm.pid;
	vms[1].network = STOKER_NET_USER;
	vms[1].state = STOKER_RUNNING;
	vms[2] = vms[1];
	snprintf(vms[2].id, sizeof vms[2].id, "elsewhere"); /* no supervisor answers there */
	stoker_sample_vms(&vm->s, vms, 3, in_sight, samples);
	assert_null(vm->s.traffic); /* one look costs no guest anything */
	for (int answer = 0; answer < 3; answer++) {
		int calls = 0;
		do {
			nanosleep(&pause, NULL);
			stoker_sample_vms(&vm->s, vms, 3, in_sight, samples);
			assert_int_equal(samples[0].rx_bytes, -1);
			assert_int_equal(samples[2].rx_bytes, -1);
		} while (samples[1].rx_bytes < 0 && ++calls < 500);
		assert_int_equal(samples[1].rx_bytes, 5000);
		assert_int_equal(samples[1].tx_bytes, 40);
		assert_true(samples[1].traffic_ns > counted_ns && samples[1].traffic_ns <= samples[1].at_ns);
		counted_ns = samples[1].traffic_ns;
		stoker_sample_vms(&vm->s, vms, 3, in_sight, samples);
		assert_int_equal(samples[1].rx_bytes, -1); /* told once; the next question is not due yet */
	}
	traffic_free(vm->s.traffic);
	vm->s.traffic = NULL;
	sampler_free(vm->s.sampler);
	vm->s.sampler = NULL;
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, drop)

#endif
