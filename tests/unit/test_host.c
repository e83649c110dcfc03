/* SPDX-License-Identifier: Apache-2.0
 *
 * test_host.c - reading /proc, also when it holds something unexpected, and
 * the KVM probe, whatever this host's answer is.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "guest/traffic.h"
#include "handle.h"
#include "host.h"

static void io_is_read_by_whole_names(void **state)
{
	static const char text[] = "rchar: 700\nwchar: 800\nsyscr: 1\nsyscw: 2\nread_bytes: 4096\nwrite_bytes: 12288\n"
	                           "cancelled_write_bytes: 8192\n";
	int64_t in = -7, out = -7;
	char part[sizeof text];

	(void)state;
	assert_true(host_parse_io(text, &in, &out));
	assert_int_equal(in, 4096);
	assert_int_equal(out, 4096);
	/* More thrown away than written: others' pages; then it says nothing about ours. */
	assert_true(host_parse_io("rchar: 1\nread_bytes: 0\nwrite_bytes: 5\ncancelled_write_bytes: 9\n", &in, &out));
	assert_int_equal(out, 5);
	assert_false(host_parse_io("", &in, &out));
	assert_false(host_parse_io("rchar: 700\ncancelled_write_bytes: 8192\n", &in, &out));
	for (size_t n = 0; n < sizeof text; n++) { /* cut off anywhere */
		memcpy(part, text, n);
		part[n] = '\0';
		host_parse_io(part, &in, &out);
	}
}

static void devices_are_read_by_name(void **state)
{
	char name[NET_NAME_SIZE];
	int64_t in = 0, out = 0;

	(void)state;
	assert_true(host_parse_netdev("stk0123456789ab: 1000 2 0 0 0 0 0 0 77777777777 5 0 0 0 0 0 0\n", name, &in, &out));
	assert_string_equal(name, "stk0123456789ab");
	assert_int_equal(in, 1000);
	assert_true(out == 77777777777);
	assert_true(host_parse_netdev("    lo:    5       1    0    0    0     0          0         0      6 1 0 0 0 0 0 0", name, &in, &out));
	assert_string_equal(name, "lo");
	assert_false(host_parse_netdev("Inter-|   Receive                                                |  Transmit", name, &in, &out));
	assert_false(host_parse_netdev(" face |bytes    packets errs drop fifo frame compressed multicast|bytes", name, &in, &out));
	assert_false(host_parse_netdev("a-name-that-is-too-long-for-one: 1 1 1 1 1 1 1 1 1", name, &in, &out));
	assert_false(host_parse_netdev("stk0: 1 2", name, &in, &out));
	assert_false(host_parse_netdev("", name, &in, &out));
}

static int open_files(void)
{
	int n = 0;
	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* How many of them had everything read at this call. */
static size_t sample_many(stoker *s, const struct stoker_vm *vms, struct stoker_sample *samples, size_t many, bool *read)
{
	size_t n = 0;

	stoker_sample_vms(s, vms, many, NULL, samples);
	for (size_t i = 0; i < many; i++) {
		assert_true(samples[i].cpu_ns > 0);
		assert_true((samples[i].rss_kib > 0) == (samples[i].read_bytes >= 0));
		n += samples[i].rss_kib > 0;
		read[i] |= samples[i].rss_kib > 0;
	}
	return n;
}

/* A thousand VMs: all of each every time where files can be kept open; where not, CPU time every time and the rest
 * within a few calls, and never more descriptors than are left to it. */
static void many_are_sampled_every_time(void **state)
{
	enum { MANY = 1000 };
	static const rlim_t limits[] = { 4096, 400 };
	static struct stoker_vm vms[MANY];
	static struct stoker_sample samples[MANY];
	struct rlimit before, limit;
	int files = open_files();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	for (size_t i = 0; i < MANY; i++)
		vms[i].pid = getpid();
	for (size_t l = 0; l < 2; l++) {
		static bool read[MANY];
		stoker s = { .sampler = NULL };

		limit = (struct rlimit){ limits[l], before.rlim_max };
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
			print_message("this host lets nobody have %lu files open\n", (unsigned long)limits[l]);
			continue;
		}
		memset(read, 0, sizeof read);
		/* Who looks only once gets all, and nothing is kept for it. */
		assert_int_equal(sample_many(&s, vms, samples, MANY, read), MANY);
		assert_int_equal(open_files(), files);
		memset(read, 0, sizeof read);
		for (int call = 0; call < 4; call++) {
			size_t all = sample_many(&s, vms, samples, MANY, read);
			assert_int_equal(all, l == 0 ? MANY : 100 + 250);
			assert_int_equal(open_files(), files + (l == 0 ? 2 * MANY : 200));
		}
		for (size_t i = 0; i < MANY; i++)
			assert_true(read[i]);
		traffic_free(s.traffic);
		sampler_free(s.sampler);
		assert_int_equal(open_files(), files);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Of more VMs than can all be read each time those in sight are, wherever they are in the list and whether or not files
 * can be kept open for them; the others every other time, each of them. */
static void those_in_sight_are_read_each_time(void **state)
{
	enum { MANY = 600, FEW = 300 };
	static struct stoker_vm vms[MANY];
	static struct stoker_sample samples[MANY];
	static bool in_sight[MANY];
	struct rlimit before, limit;
	int files = open_files();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){ 4 * (MANY - 50), before.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		skip();
	for (size_t i = 0; i < MANY; i++) {
		vms[i].pid = getpid();
		in_sight[i] = i == 7 || i == FEW + 7 || i == MANY - 1;
	}
	for (size_t count = MANY; count >= FEW; count -= MANY - FEW) {
		static unsigned read[MANY];
		stoker s = { .sampler = NULL };

		memset(read, 0, sizeof read);
		stoker_sample_vms(&s, vms, count, in_sight, samples);
		for (int call = 1; call <= 8; call++) {
			stoker_sample_vms(&s, vms, count, in_sight, samples);
			for (size_t i = 0; i < count; i++) {
				assert_true(samples[i].cpu_ns > 0);
				assert_true((samples[i].rss_kib > 0) == (samples[i].read_bytes >= 0));
				read[i] += samples[i].rss_kib > 0;
			}
		}
		for (size_t i = 0; i < count; i++)
			assert_int_equal(read[i], in_sight[i] || count == FEW || i >= MANY - 50 ? 8 : 4);
		sampler_free(s.sampler);
		traffic_free(s.traffic);
		assert_int_equal(open_files(), files);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static pid_t idle_child(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

/* Kept files follow their process through the list, and tell of no other one. */
static void kept_files_follow_the_list(void **state)
{
	pid_t pids[3];
	struct stoker_vm vms[3];
	struct stoker_sample samples[3];
	stoker s = { .sampler = NULL };
	int files = open_files();

	(void)state;
	memset(vms, 0, sizeof vms);
	for (int i = 0; i < 3; i++)
		vms[i].pid = pids[i] = idle_child();
	vms[2].pid = getpid(); /* far more memory than a child that has touched nothing */
	for (int call = 0; call < 2; call++)
		stoker_sample_vms(&s, vms, 3, NULL, samples);
	assert_int_equal(open_files(), files + 6);
	assert_true(samples[2].rss_kib > samples[0].rss_kib);
	/* One goes, the others change places. */
	vms[0].pid = getpid();
	vms[1].pid = pids[0];
	stoker_sample_vms(&s, vms, 2, NULL, samples);
	assert_int_equal(open_files(), files + 4);
	assert_true(samples[0].rss_kib > samples[1].rss_kib);
	assert_true(samples[1].rss_kib > 0 && samples[1].read_bytes >= 0);
	/* Ended: nothing is said of it, and nothing kept. */
	kill(pids[0], SIGKILL);
	assert_int_equal(waitpid(pids[0], NULL, 0), pids[0]);
	stoker_sample_vms(&s, vms, 2, NULL, samples);
	assert_int_equal(samples[1].cpu_ns, -1);
	assert_int_equal(samples[1].rss_kib, 0);
	assert_int_equal(samples[1].read_bytes, -1);
	vms[1].pid = 0;
	stoker_sample_vms(&s, vms, 2, NULL, samples);
	assert_int_equal(open_files(), files + 2);
	for (int i = 1; i < 3; i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	traffic_free(s.traffic);
	sampler_free(s.sampler);
	assert_int_equal(open_files(), files);
}

static void meminfo_finds_whole_names_only(void **state)
{
	static const char text[] = "MemTotal:       16000 kB\nMemFree:   1 kB\nMemAvailable:    9000 kB\nSwapTotal: 5 kB\n";

	(void)state;
	assert_int_equal(host_meminfo_kib(text, "MemTotal"), 16000);
	assert_int_equal(host_meminfo_kib(text, "MemAvailable"), 9000);
	assert_int_equal(host_meminfo_kib(text, "Mem"), 0);
	assert_int_equal(host_meminfo_kib(text, "SwapFree"), 0);
	assert_int_equal(host_meminfo_kib("", "MemTotal"), 0);
}

static void the_host_is_read_without_a_store(void **state)
{
	struct stoker_host host = { .ports_total = 7 };

	(void)state;
	assert_int_equal(stoker_host_read(NULL, &host, NULL), STOKER_OK);
	assert_true(host.cpus > 0 && host.cpu_total_ticks > 0 && host.mem_total_kib > host.mem_available_kib);
	assert_int_equal(host.ports_total, 0);
}

static void samples_of_this_process_and_of_none(void **state)
{
	struct stoker_vm vms[3];
	struct stoker_sample samples[3];

	(void)state;
	memset(vms, 0, sizeof vms);
	vms[0].pid = getpid();
	vms[2].pid = INT32_MAX; /* beyond what a kernel hands out */
	stoker_sample_vms(NULL, vms, 3, NULL, samples);
	assert_true(samples[0].cpu_ns >= 0);
	assert_true(samples[0].rss_kib > 100);
	assert_true(samples[0].at_ns > 0);
	assert_int_equal(samples[1].cpu_ns, -1);
	assert_int_equal(samples[2].cpu_ns, -1);
	assert_int_equal(samples[2].rss_kib, 0);
	assert_true(samples[0].read_bytes >= 0 && samples[0].write_bytes >= 0);
	assert_int_equal(samples[2].read_bytes, -1);
	assert_int_equal(samples[0].rx_bytes, -1);
}

static void probe_always_answers_soon_and_leaves_nothing(void **state)
{
	char reason[200], again[200];

	(void)state;
	for (int i = 0; i < 5; i++) {
		int64_t begun = clock_now_ns();
		bool works = stoker_kvm_probe(reason, sizeof reason);
		assert_true(clock_now_ns() - begun < 2 * NS_PER_S); /* generous: machines under test are loaded */
		assert_true(strlen(reason) > 10);
		assert_int_equal(works, stoker_kvm_probe(again, sizeof again));
	}
	/* No child is left, dead or alive. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	print_message("this host: %s\n", reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(io_is_read_by_whole_names),
		cmocka_unit_test(devices_are_read_by_name),
		cmocka_unit_test(many_are_sampled_every_time),
		cmocka_unit_test(those_in_sight_are_read_each_time),
		cmocka_unit_test(kept_files_follow_the_list),
		cmocka_unit_test(meminfo_finds_whole_names_only),
		cmocka_unit_test(the_host_is_read_without_a_store),
		cmocka_unit_test(samples_of_this_process_and_of_none),
		cmocka_unit_test(probe_always_answers_soon_and_leaves_nothing),
	};
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
