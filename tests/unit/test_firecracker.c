/* SPDX-License-Identifier: Apache-2.0
 *
 * test_firecracker.c - Firecracker's backend against an API that fails it:
 * every fault at every step, resolved by the state or told, never late.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>

#include "backend/firecracker.h"
#include "clock.h"
#include "fc_double.h"
#include "fc_place.h"


struct kit {
	struct fc_place place;
	stoker s;
	struct vm_record rec;
	struct launch launch;
	pid_t pid;
};

static struct kit kit;

static int setup(void **state)
{
	(void)state;
	memset(&kit, 0, sizeof kit);
	if (!fc_place_make(&kit.place))
		return -1;
	kit.s.runtime_dir = kit.place.root;
	kit.rec.vm.vcpus = 1;
	kit.rec.vm.memory_mib = 256;
	kit.rec.vm.network = STOKER_NET_NONE;
	kit.rec.cid = 3;
	strcpy(kit.rec.vm.id, ID);
	strcpy(kit.rec.vm.name, "fox");
	strcpy(kit.rec.vm.backend, "firecracker");
	strcpy(kit.rec.vm.accel, "kvm");
	kit.launch.rec = &kit.rec;
	strcpy(kit.launch.files.kernel, "/k");
	strcpy(kit.launch.files.initrd, "/i");
	strcpy(kit.launch.files.root, "/r");
	strcpy(kit.launch.disk, "/d");
	strcpy(kit.launch.public_key, "ssh-ed25519 AAAA");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return fc_place_remove(&kit.place);
}

static void begin(struct double_plan plan)
{
	kit.launch.explained = false;
	kit.pid = double_start(kit.place.run, plan);
	assert_true(kit.pid > 0);
	assert_true(process_identify(kit.pid, &kit.rec.vmm));
}

static enum stoker_status boot(int64_t limit_ms, struct stoker_error *err)
{
	int64_t from = clock_now_ns();
	enum stoker_status st;
	memset(err, 0, sizeof *err);
	st = firecracker_backend.accept(&kit.s, &kit.launch, deadline_after_ms(limit_ms), -1, err);
	assert_true((clock_now_ns() - from) / NS_PER_MS < limit_ms + 1500);
	if (st != STOKER_OK) {
		assert_true(err->why[0] != '\0');
		assert_int_equal(err->code, st);
	}
	return st;
}

static enum vmm_state told(void)
{
	enum vmm_state now = VMM_NOT_STARTED;
	struct stoker_error err;
	assert_int_equal(firecracker_backend.state(&kit.s, &kit.rec, deadline_after_ms(2000), -1, &now, &err), STOKER_OK);
	return now;
}

static const char *const steps[] = { "/", "/machine-config", "/boot-source", "/drives/base", "/drives/disk", "/vsock",
	                             "/actions" };

static void once_is_mended(void **state)
{
	struct stoker_error err;
	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		for (int fault = FAULT_CUT; fault < FAULT_SLOW; fault++) {
			begin((struct double_plan){ .fault = (enum fault)fault, .step = steps[i], .times = 1 });
			if (boot(8000, &err) != STOKER_OK)
				fail_msg("fault %d at %s: %s", fault, steps[i], err.why);
			assert_int_equal(told(), VMM_RUNNING);
			double_end(kit.pid);
		}
}

static void for_ever_is_told_in_time(void **state)
{
	struct stoker_error err;
	(void)state;
	for (size_t i = 1; i < sizeof steps / sizeof *steps; i++)
		for (int fault = FAULT_LOST; fault < FAULT_SLOW; fault++) {
			enum stoker_status st;
			begin((struct double_plan){ .fault = (enum fault)fault, .step = steps[i], .times = 1000 });
			st = boot(4000, &err);
			/* A boot whose answer was spoilt is under way all the same, and that is what it says of itself. */
			if (strcmp(steps[i], "/actions") == 0 && fault != FAULT_LOST) {
				assert_int_equal(st, STOKER_OK);
				assert_int_equal(told(), VMM_RUNNING);
			} else {
				assert_int_not_equal(st, STOKER_OK);
				assert_true(err.fix[0] != '\0');
			}
			double_end(kit.pid);
		}
}

static void its_state_for_ever_untold(void **state)
{
	struct stoker_error err;
	(void)state;
	for (int fault = FAULT_CUT; fault < FAULT_SLOW; fault++) {
		begin((struct double_plan){ .fault = (enum fault)fault, .step = "/", .times = 1000 });
		assert_int_not_equal(boot(2500, &err), STOKER_OK);
		double_end(kit.pid);
	}
}

static void late(void **state)
{
	struct stoker_error err;
	(void)state;
	for (int fault = FAULT_SLOW; fault <= FAULT_SILENT; fault++) {
		begin((struct double_plan){ .fault = (enum fault)fault, .step = "/actions", .times = 1 });
		assert_int_equal(boot(5000, &err), STOKER_OK);
		assert_int_equal(told(), VMM_RUNNING);
		double_end(kit.pid);
	}
	begin((struct double_plan){ .fault = FAULT_NONE, .step = "" });
	kill(kit.pid, SIGSTOP); /* hangs: the kernel still accepts connections for it */
	assert_int_equal(boot(2500, &err), STOKER_E_TIMEOUT);
	double_end(kit.pid);
}

static void refusals_reach_the_user(void **state)
{
	static const struct {
		const char *step, *text, *advice;
	} said[] = {
		{ "/boot-source", "Boot source error: The kernel file cannot be opened: No such file or directory (os error 2)",
		  "image build" },
		{ "/drives/disk", "Unable to create the block device: Permission denied (os error 13)", "owner and mode" },
		{ "/vsock", "Cannot create backend for vsock device: Address in use", "reconcile" },
		{ "/machine-config", "The memory size (MiB) is either 0, or not a multiple of the configured page size.", "--memory" },
		{ "/actions", "Network config error: Cannot open/create the tap device: Resource busy (os error 16)", "lsof" },
		{ "/actions", "The MAC address is already in use: 52:54:00:00:00:01", "one address" },
		{ "/actions", "Error creating KVM object: Permission denied", "doctor" },
		{ "/vsock", "The requested operation is not supported after starting the microVM.", "reconcile" },
	};
	struct stoker_error err;
	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		begin((struct double_plan){ .fault = FAULT_REFUSED, .step = said[i].step, .times = 1000, .text = said[i].text });
		assert_int_equal(boot(4000, &err), STOKER_E_FAILED);
		assert_non_null(strstr(err.why, said[i].text));
		assert_non_null(strstr(err.fix, said[i].advice));
		assert_true(kit.launch.explained);
		double_end(kit.pid);
	}
}

static void another_process_is_never_spoken_to(void **state)
{
	struct stoker_error err;
	(void)state;
	begin((struct double_plan){ .fault = FAULT_NONE, .step = "" });
	assert_true(process_identify(getpid(), &kit.rec.vmm));
	assert_int_equal(boot(2000, &err), STOKER_E_PEER);
	assert_true(process_identify(kit.pid, &kit.rec.vmm));
	assert_int_equal(told(), VMM_NOT_STARTED);
	kit.rec.vmm.start_ticks++; /* the pid is another's by now */
	assert_int_not_equal(boot(1000, &err), STOKER_OK);
	double_end(kit.pid);
}

static void versions(void **state)
{
	struct stoker_error err;
	(void)state;
	begin((struct double_plan){ .step = "", .version = "1.6.4" });
	assert_int_equal(boot(2000, &err), STOKER_E_MISSING);
	assert_non_null(strstr(err.fix, "firecracker.binary"));
	double_end(kit.pid);
	begin((struct double_plan){ .step = "", .version = "what" });
	assert_int_equal(boot(2000, &err), STOKER_E_PEER);
	double_end(kit.pid);
	assert_int_equal(firecracker_version_number("1.17.0-dev"), 117);
	assert_true(firecracker_version_number("1.9.1") < firecracker_version_number("1.12.1"));
}

static void pause_and_resume(void **state)
{
	struct stoker_error err;
	(void)state;
	for (int fault = FAULT_NONE; fault < FAULT_SLOW; fault++)
		for (int on = 1; on >= 0; on--) {
			begin((struct double_plan){ .fault = (enum fault)fault, .step = "/vm", .times = fault != FAULT_NONE });
			assert_int_equal(boot(4000, &err), STOKER_OK);
			if (firecracker_backend.pause(&kit.s, &kit.rec, on, deadline_after_ms(4000), -1, &err) != STOKER_OK)
				fail_msg("fault %d: %s", fault, err.why);
			assert_int_equal(told(), on ? VMM_PAUSED : VMM_RUNNING);
			double_end(kit.pid);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once_is_mended, setup, teardown),
		cmocka_unit_test_setup_teardown(for_ever_is_told_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(its_state_for_ever_untold, setup, teardown),
		cmocka_unit_test_setup_teardown(late, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals_reach_the_user, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_is_never_spoken_to, setup, teardown),
		cmocka_unit_test_setup_teardown(versions, setup, teardown),
		cmocka_unit_test_setup_teardown(pause_and_resume, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
