/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reconcile.c - records that the host contradicts, whole plans, and
 * carrying them out.
 */
#include "reconcile_kit.h"

static void test_in_order(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor;
	assert_nothing(p);
	make_vm(p, 1, &rec);
	make_vm(p, 2, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	make_vm(p, 3, &rec);
	rec.op.kind = STOKER_PHASE_START; /* under way: its owner, we, lives */
	rec.vm.state = STOKER_STARTING;
	assert_true(process_identify(getpid(), &rec.op.owner));
	assert_ok(store_update(p->s.store, &rec, e));
	assert_nothing(p);
}

static void test_dead_process(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id gone = dead_one(p), other = dead_one(p), innocent = spawn(p, "", ""), wrong = innocent;
	struct run_status run;

	make_vm(p, 1, &rec);
	set_running(p, &rec, gone, other);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CRASHED);
	/* The recorded pid was given to somebody else: that one is not even looked at twice. */
	wrong.start_ticks--;
	set_running(p, &rec, wrong, wrong);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CRASHED);
	assert_true(process_alive(&innocent));
	/* Another boot: same pid, same ticks, still not ours. */
	wrong = innocent;
	wrong.boot_id[0] = wrong.boot_id[0] == '0' ? '1' : '0';
	set_running(p, &rec, wrong, wrong);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_STOPPED);
	assert_true(process_alive(&innocent));
	/* A record that names nobody. */
	memset(&wrong, 0, sizeof wrong);
	set_running(p, &rec, wrong, wrong);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_STOPPED);
	/* An end that was published but never taken up keeps its exit status. */
	write_status(p, rec.vm.id, &gone, &other, true, 256 + 6);
	set_running(p, &rec, gone, other);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CRASHED);
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	assert_int_equal(rec.vm.exit_status, 256 + 6);
	/* One whose supervisor lives and is about to tell is no finding. */
	write_status(p, rec.vm.id, &gone, &innocent, true, -2);
	set_running(p, &rec, gone, innocent);
	assert_nothing(p);
	/* An ephemeral one goes with its VMM. */
	assert_true(run_status_read(&p->s, rec.vm.id, &run));
	write_status(p, rec.vm.id, &gone, &other, true, -2);
	rec.vm.ephemeral = true;
	set_running(p, &rec, gone, other);
	mend(p, STOKER_FINDING_DEAD_PROCESS, STOKER_REPAIR_MARK);
	assert_false(has_record(p, "vm-1"));
	assert_false(exists(p->state, "", rec.vm.id));
	assert_false(exists(p->runtime, "", rec.vm.id));
}

static void test_half_done(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor, innocent = spawn(p, "", "");
	char path[4096];

	/* create: with all files, with none, with a folder only */
	make_vm(p, 1, &rec);
	cut_off(p, &rec, STOKER_PHASE_CREATE, STOKER_CREATED);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_UNDO);
	assert_false(has_record(p, "vm-1"));
	assert_false(exists(p->state, "", rec.vm.id));
	kit_record(&rec, 2);
	assert_ok(store_insert(p->s.store, &rec, NULL, e));
	cut_off(p, &rec, STOKER_PHASE_CREATE, STOKER_CREATED);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_UNDO);
	assert_false(has_record(p, "vm-2"));
	assert_false(exists(p->state, "", rec.vm.id));
	kit_record(&rec, 3);
	assert_ok(store_insert(p->s.store, &rec, NULL, e));
	mkdir(kit_path(path, p->state, "vms/%s", rec.vm.id), 0700);
	cut_off(p, &rec, STOKER_PHASE_CREATE, STOKER_CREATED);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_UNDO);
	assert_false(exists(p->state, "", rec.vm.id));

	/* start: nothing lives */
	make_vm(p, 4, &rec);
	cut_off(p, &rec, STOKER_PHASE_START, STOKER_STARTING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-4"), STOKER_ERROR);
	/* start: the status is of the run before, and its pid is an innocent's now */
	vmm = innocent;
	vmm.start_ticks ^= 1;
	write_status(p, rec.vm.id, &vmm, &vmm, false, -2);
	cut_off(p, &rec, STOKER_PHASE_START, STOKER_STARTING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-4"), STOKER_ERROR);
	assert_true(process_alive(&innocent));
	/* start: the VMM lives and its guest has said hello */
	make_vm(p, 5, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	cut_off(p, &rec, STOKER_PHASE_START, STOKER_STARTING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_int_equal(state_of(p, "vm-5"), STOKER_RUNNING);
	assert_ok(store_find(p->s.store, "vm-5", &rec, e));
	assert_int_equal(rec.vmm.pid, vmm.pid);
	assert_true(rec.ready_ns > 0 && rec.vm.host_key[0]);
	assert_true(process_alive(&vmm));
	/* stop of it */
	cut_off(p, &rec, STOKER_PHASE_STOP, STOKER_STOPPING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_int_equal(state_of(p, "vm-5"), STOKER_STOPPED);
	assert_false(process_alive(&vmm));
	/* start: the VMM lives but takes no boot; no status at all, it is known by its FIFO */
	make_vm(p, 6, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	cut_off(p, &rec, STOKER_PHASE_START, STOKER_STARTING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_int_equal(state_of(p, "vm-6"), STOKER_ERROR);
	assert_false(process_alive(&vmm));

	/* stop: the VMM is gone already; ephemeral: deleted with it */
	make_vm(p, 7, &rec);
	rec.vm.ephemeral = true;
	cut_off(p, &rec, STOKER_PHASE_STOP, STOKER_STOPPING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(has_record(p, "vm-7"));
	assert_false(exists(p->state, "", rec.vm.id));

	/* delete: running still; files gone already */
	make_vm(p, 8, &rec);
	supervisor = dead_one(p);
	vmm = spawn_vmm(p, rec.vm.id);
	set_running(p, &rec, vmm, supervisor);
	cut_off(p, &rec, STOKER_PHASE_DELETE, STOKER_STOPPING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(process_alive(&vmm));
	assert_false(has_record(p, "vm-8"));
	assert_false(exists(p->state, "", rec.vm.id));
	assert_false(exists(p->runtime, "", rec.vm.id));
	kit_record(&rec, 9);
	assert_ok(store_insert(p->s.store, &rec, NULL, e));
	cut_off(p, &rec, STOKER_PHASE_DELETE, STOKER_STOPPED);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(has_record(p, "vm-9"));
	/* nobody about it, although it says so */
	make_vm(p, 10, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	rec.vm.state = STOKER_STOPPING;
	assert_ok(store_update(p->s.store, &rec, e));
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-10"), STOKER_RUNNING);
	assert_true(process_alive(&innocent));
}

/* With the real supervisor, which needs no VMM that answers to take one over. */
static void test_lost_supervisor(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm;
	struct run_status run;

	assert_int_equal(setenv("STOKER_SUPERVISOR", TEST_SUPERVISOR, 1), 0);
	make_vm(p, 1, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	set_running(p, &rec, vmm, dead_one(p));
	mend(p, STOKER_FINDING_LOST_SUPERVISOR, STOKER_REPAIR_ADOPT);
	assert_int_equal(state_of(p, "vm-1"), STOKER_RUNNING);
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	assert_true(process_alive(&vmm) && process_alive(&rec.supervisor));
	/* Adopted, but the adopter died before it wrote that down: the one that is there is taken. */
	run.supervisor = rec.supervisor;
	rec.supervisor = dead_one(p);
	assert_ok(store_update(p->s.store, &rec, e));
	mend(p, STOKER_FINDING_LOST_SUPERVISOR, STOKER_REPAIR_ADOPT);
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	assert_int_equal(rec.supervisor.pid, run.supervisor.pid);
	/* It goes with its VMM. */
	end(&vmm);
	for (int i = 0; i < 500 && process_alive(&rec.supervisor); i++)
		usleep(10000);
	assert_false(process_alive(&rec.supervisor));
}

/* It lives, and nobody finds its socket any more. */
static void test_unreachable(void **state)
{
	static const char *const of_vmm[] = { "qmp.sock", "console.sock", "channel.sock" };
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor;
	char path[4096];

	assert_int_equal(setenv("STOKER_SUPERVISOR", TEST_SUPERVISOR, 1), 0);
	make_vm(p, 1, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	assert_nothing(p);
	for (size_t i = 0; i < 3; i++) {
		kit_path(path, p->runtime, "vms/%s/", rec.vm.id);
		strcat(path, of_vmm[i]);
		kit_write(path, "", 0);
	}
	assert_int_equal(unlink(kit_path(path, p->runtime, "vms/%s/control.sock", rec.vm.id)), 0);
	mend(p, STOKER_FINDING_LOST_SUPERVISOR, STOKER_REPAIR_ADOPT);
	assert_false(process_alive(&supervisor));
	assert_true(process_alive(&vmm));
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	assert_true(process_alive(&rec.supervisor));
	assert_int_equal(unlink(kit_path(path, p->runtime, "vms/%s/control.sock", rec.vm.id)), 0);
	assert_int_equal(unlink(kit_path(path, p->runtime, "vms/%s/qmp.sock", rec.vm.id)), 0);
	mend(p, STOKER_FINDING_LOST_SUPERVISOR, STOKER_REPAIR_END);
	assert_false(process_alive(&vmm));
	assert_int_equal(state_of(p, "vm-1"), STOKER_STOPPED);
}

static void test_unknown_vmm(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor;
	struct stoker_finding f;

	/* The record knows nothing of it: as after a rescue from the manifest. */
	make_vm(p, 1, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	assert_int_equal(planned(p, &f), 1);
	assert_false(f.ask);
	assert_int_equal(f.pid, vmm.pid);
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_ADOPT);
	assert_int_equal(state_of(p, "vm-1"), STOKER_RUNNING);
	/* A stop that failed left it living. */
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	rec.vm.state = STOKER_ERROR;
	assert_ok(store_update(p->s.store, &rec, e));
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_END);
	assert_int_equal(state_of(p, "vm-1"), STOKER_STOPPED);
	assert_false(process_alive(&vmm));
	/* Known by its FIFO alone: may only be ended, and only when a person says so. */
	make_vm(p, 2, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	assert_int_equal(planned(p, &f), 1);
	assert_true(f.ask);
	assert_true(process_alive(&vmm));
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_END);
	assert_int_equal(state_of(p, "vm-2"), STOKER_STOPPED);
	assert_false(process_alive(&vmm));
}

static void test_lost_disk(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	char path[4096];

	make_vm(p, 1, &rec);
	unlink(kit_path(path, p->state, "vms/%s/disk.ext4", rec.vm.id));
	mend(p, STOKER_FINDING_LOST_DISK, STOKER_REPAIR_MARK);
	assert_int_equal(state_of(p, "vm-1"), STOKER_ERROR);
	make_vm(p, 2, &rec);
	nftw(kit_path(path, p->state, "vms/%s", rec.vm.id), kit_rm, 8, FTW_DEPTH | FTW_PHYS);
	mend(p, STOKER_FINDING_LOST_DISK, STOKER_REPAIR_REMOVE);
	assert_false(has_record(p, "vm-2"));
	assert_false(exists(p->state, "", rec.vm.id));
	/* Without a disk of its own there is none to lose. */
	kit_record(&rec, 3);
	rec.vm.disk_mode = STOKER_DISK_SHARED;
	kit_manifest(p->state, &rec);
	assert_ok(store_insert(p->s.store, &rec, NULL, e));
	assert_nothing(p);
}

/* Under the lock of whoever works on it, a VM is never found to be wrong. */
static void test_locked(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	char path[4096];
	int fd;
	make_vm(p, 1, &rec);
	cut_off(p, &rec, STOKER_PHASE_STOP, STOKER_STOPPING);
	fd = open(kit_path(path, p->state, "vms/%s", rec.vm.id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_nothing(p);
	close(fd);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
}

/* What was planned may be over when it is to be carried out. */
static void test_changed_meanwhile(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor;
	struct stoker_error err;
	stoker_plan *plan;

	make_vm(p, 1, &rec);
	set_running(p, &rec, dead_one(p), dead_one(p));
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &plan, e));
	assert_int_equal(stoker_reconcile_apply(&p->s, plan, 7, STOKER_REPAIR_MARK, &err), STOKER_E_INVALID);
	assert_int_equal(stoker_reconcile_apply(&p->s, plan, 0, STOKER_REPAIR_REMOVE, &err), STOKER_E_INVALID);
	assert_int_equal(stoker_reconcile_apply(&p->s, plan, 0, STOKER_REPAIR_NONE, &err), STOKER_E_INVALID);
	p->s.read_only = true;
	assert_int_equal(stoker_reconcile_apply(&p->s, plan, 0, STOKER_REPAIR_MARK, &err), STOKER_E_READ_ONLY);
	p->s.read_only = false;
	/* It was started again. */
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	assert_ok(stoker_reconcile_apply(&p->s, plan, 0, STOKER_REPAIR_MARK, e));
	assert_int_equal(state_of(p, "vm-1"), STOKER_RUNNING);
	assert_true(process_alive(&vmm));
	stoker_plan_free(plan);
	/* It was deleted. */
	make_vm(p, 2, &rec);
	set_running(p, &rec, dead_one(p), dead_one(p));
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &plan, e));
	assert_ok(lifecycle_remove_files(&p->s, rec.vm.id, e));
	assert_ok(store_remove(p->s.store, rec.vm.id, e));
	assert_ok(stoker_reconcile_apply(&p->s, plan, 0, STOKER_REPAIR_MARK, e));
	assert_false(exists(p->state, "", rec.vm.id));
	stoker_plan_free(plan);
}

static void test_many(void **state)
{
	struct place *p = *state;
	struct process_id gone = dead_one(p);
	struct stoker_event *events;
	stoker_plan *plan;
	int64_t began;
	size_t count;

	for (unsigned i = 0; i < 1000; i++) {
		struct vm_record rec;
		char path[4096];
		kit_record(&rec, i);
		rec.vm.network = STOKER_NET_NONE;
		if (i % 50 == 0) {
			rec.vm.state = STOKER_RUNNING;
			rec.vmm = rec.supervisor = gone;
		}
		mkdir(kit_path(path, p->state, "vms/%s", rec.vm.id), 0700);
		kit_write(kit_path(path, p->state, "vms/%s/disk.ext4", rec.vm.id), "x", 1);
		assert_ok(store_insert(p->s.store, &rec, NULL, e));
	}
	began = clock_now_ns();
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &plan, e));
	print_message("plan over 1000 records: %lld us\n", (long long)(clock_now_ns() - began) / 1000);
	assert_int_equal(stoker_plan_count(plan), 20);
	for (size_t i = 0; i < 20; i++)
		assert_ok(stoker_reconcile_apply(&p->s, plan, i, stoker_plan_at(plan, i)->repair, e));
	stoker_plan_free(plan);
	assert_nothing(p);
	assert_ok(stoker_events(&p->s, 0, 100, &events, &count, e));
	assert_int_equal(count, 20);
	assert_string_equal(events[0].actor, "reconcile");
	stoker_free(events);
}

static void test_cancel(void **state)
{
	struct place *p = *state;
	struct stoker_call call = STOKER_CALL_INIT;
	struct vm_record rec;
	stoker_plan *plan;
	int fds[2];
	make_vm(p, 1, &rec);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	call.cancel_fd = fds[0];
	assert_int_equal(stoker_reconcile_plan(&p->s, &call, &plan, NULL), STOKER_E_CANCELLED);
	assert_null(plan);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),    TEST(test_dead_process), TEST(test_half_done), TEST(test_lost_supervisor), TEST(test_unreachable),
		TEST(test_unknown_vmm), TEST(test_lost_disk),    TEST(test_locked),    TEST(test_changed_meanwhile),
		TEST(test_many),        TEST(test_cancel),
	};
	return KIT_RUN(tests);
}
