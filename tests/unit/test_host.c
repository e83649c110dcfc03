/* SPDX-License-Identifier: Apache-2.0
 *
 * test_host.c - reading /proc, also when it holds something unexpected, and
 * the KVM probe, whatever this host's answer is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "host.h"

static void stat_is_counted_from_behind_the_name(void **state)
{
	uint64_t cpu, pages;

	(void)state;
	assert_true(host_parse_stat("12 (qemu) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 900 5000000 4321 18446744073709551615 1", &cpu, &pages));
	assert_int_equal(cpu, 300);
	assert_int_equal(pages, 4321);
	/* A command may call itself anything. */
	assert_true(host_parse_stat("12 (a) R 1 (b) S 1 12 12 0 -1 4194304 100 0 0 0 7 5 0 0 20 0 3 0 900 5000000 99 1 1", &cpu, &pages));
	assert_int_equal(cpu, 12);
	assert_int_equal(pages, 99);
}

static void stat_that_is_cut_off_is_refused(void **state)
{
	static const char text[] = "12 (qemu) S 1 12 12 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 900 5000000 4321";
	char part[sizeof text];
	uint64_t cpu, pages;

	(void)state;
	assert_false(host_parse_stat("", &cpu, &pages));
	assert_false(host_parse_stat("12 (qemu)", &cpu, &pages));
	assert_false(host_parse_stat("12 (qemu) S 1 x", &cpu, &pages));
	for (size_t n = 0; n < sizeof text - 5; n++) {
		memcpy(part, text, n);
		part[n] = '\0';
		assert_false(host_parse_stat(part, &cpu, &pages));
	}
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

static void samples_of_this_process_and_of_none(void **state)
{
	struct stoker_vm vms[3];
	struct stoker_sample samples[3];

	(void)state;
	memset(vms, 0, sizeof vms);
	vms[0].pid = getpid();
	vms[2].pid = INT32_MAX; /* beyond what a kernel hands out */
	stoker_sample_vms(NULL, vms, 3, samples);
	assert_true(samples[0].cpu_ns >= 0);
	assert_true(samples[0].rss_kib > 100);
	assert_true(samples[0].at_ns > 0);
	assert_int_equal(samples[1].cpu_ns, -1);
	assert_int_equal(samples[2].cpu_ns, -1);
	assert_int_equal(samples[2].rss_kib, 0);
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
		cmocka_unit_test(stat_is_counted_from_behind_the_name),
		cmocka_unit_test(stat_that_is_cut_off_is_refused),
		cmocka_unit_test(meminfo_finds_whole_names_only),
		cmocka_unit_test(samples_of_this_process_and_of_none),
		cmocka_unit_test(probe_always_answers_soon_and_leaves_nothing),
	};
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
