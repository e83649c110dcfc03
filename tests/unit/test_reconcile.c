/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reconcile.c - every contradiction there is, with real processes, files
 * and locks; what a `sleep` cannot play (a VMM that answers) is left to e2e.
 *
 * A "VMM" here is a sleep whose output goes to the FIFO vmm.err as our
 * supervisor arranges it, an "innocent" any other process.
 */
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>

#include "handle.h"
#include "lifecycle.h"
#include "reconcile.h"
#include "store_kit.h"
#include "supervisor/status.h"

struct place {
	struct stoker s;
	char state[256], runtime[300], images[300];
	struct process_id children[64]; /* reaped by the kernel: ended only as who they are */
	unsigned count;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	char path[4096];
	void *dir;
	if (!p || kit_make(&dir) != 0)
		return -1;
	snprintf(p->state, sizeof p->state, "%s", (char *)dir);
	free(dir);
	snprintf(p->runtime, sizeof p->runtime, "%s/run", p->state);
	snprintf(p->images, sizeof p->images, "%s/images", p->state);
	mkdir(p->runtime, 0700);
	mkdir(p->images, 0700);
	mkdir(kit_path(path, p->state, "vms"), 0700);
	mkdir(kit_path(path, p->runtime, "vms"), 0700);
	p->s.state_dir = p->state;
	p->s.runtime_dir = p->runtime;
	p->s.image_dir = p->images;
	strcpy(p->s.actor, "command");
	process_boot_id(p->s.boot_id);
	p->s.store = kit_open(p->state);
	*state = p;
	return 0;
}

static void end(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	process_signal(fd, SIGKILL);
	process_wait_end(fd, INT64_MAX, -1);
	close(fd);
}

static int tear_down(void **state)
{
	struct place *p = *state;
	for (unsigned i = 0; i < p->count; i++)
		end(&p->children[i]);
	store_close(p->s.store);
	nftw(p->state, kit_rm, 32, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

/* A sleep with these as its stdin and its stdout/stderr; "" for /dev/null. */
static struct process_id spawn_as(struct place *p, const char *in, const char *out, const char *follow)
{
	struct process_id id;
	char self[512] = "";
	pid_t pid;
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	pid = fork();
	if (pid == 0) {
		int a = open(in[0] ? in : "/dev/null", O_RDWR), b = open(out[0] ? out : "/dev/null", O_RDWR);
		if (a < 0 || b < 0)
			_exit(9);
		dup2(a, 0);
		dup2(b, 1);
		dup2(b, 2);
		close_range(3, ~0u, 0);
		if (follow)
			execlp("tail", "tail", follow, "-s", "0.02", "-f", "/dev/null", (char *)NULL);
		execlp("sleep", "sleep", "600", (char *)NULL);
		_exit(9);
	}
	assert_true(pid > 0 && p->count < sizeof p->children / sizeof *p->children);
	for (int i = 0; i < 500; i++) { /* until it is sleep, with its files as they will be */
		char link[64], target[512] = "";
		snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
		if (readlink(link, target, sizeof target - 1) > 0 && strcmp(target, self) != 0 &&
		    process_identify(pid, &id)) {
			p->children[p->count++] = id;
			return id;
		}
		usleep(2000);
	}
	fail_msg("no process");
	return id;
}

static struct process_id spawn(struct place *p, const char *in, const char *out)
{
	return spawn_as(p, in, out, NULL);
}

/* As a supervisor does, it ends when its VMM has ended. */
static struct process_id spawn_supervisor(struct place *p, const struct process_id *vmm)
{
	char follow[32];
	snprintf(follow, sizeof follow, "--pid=%lld", (long long)vmm->pid);
	return spawn_as(p, "", "", follow);
}

static struct process_id dead_one(struct place *p)
{
	struct process_id id = spawn(p, "", "");
	end(&id);
	return id;
}

static void make_files(struct place *p, const struct vm_record *rec)
{
	char path[4096];
	kit_manifest(p->state, rec);
	kit_write(kit_path(path, p->state, "vms/%s/disk.ext4", rec->vm.id), "disk", 4);
	kit_write(kit_path(path, p->state, "vms/%s/console.log", rec->vm.id), "log", 3);
}

static void make_run(struct place *p, const char *id)
{
	char path[4096];
	mkdir(kit_path(path, p->runtime, "vms/%s", id), 0700);
	assert_int_equal(mkfifo(kit_path(path, p->runtime, "vms/%s/vmm.err", id), 0600), 0);
}

static struct process_id spawn_vmm(struct place *p, const char *id)
{
	char disk[4096], fifo[4096];
	make_run(p, id);
	return spawn(p, kit_path(disk, p->state, "vms/%s/disk.ext4", id),
	             kit_path(fifo, p->runtime, "vms/%s/vmm.err", id));
}

static void write_status(struct place *p, const char *id, const struct process_id *vmm,
                         const struct process_id *supervisor, bool hello, int exit_status)
{
	struct run_status run = { 0 };
	char path[4096], text[4096];
	size_t n;
	run.vmm = *vmm;
	run.supervisor = *supervisor;
	run.spawned_ns = clock_now_ns();
	run.exit_status = exit_status;
	run.exit_ns = exit_status == -2 ? 0 : clock_now_ns();
	if (hello) {
		run.hello_ns = clock_now_ns();
		strcpy(run.agent, "1");
		strcpy(run.host_key,
		       "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	}
	n = status_format(&run, text, sizeof text);
	assert_true(n > 0 && n < sizeof text);
	mkdir(kit_path(path, p->runtime, "vms/%s", id), 0700);
	kit_write(kit_path(path, p->runtime, "vms/%s/status", id), text, n);
	assert_true(run_status_read(&p->s, id, &run));
}

/* A VM as create leaves it, with its files. */
static void make_vm(struct place *p, unsigned n, struct vm_record *rec)
{
	kit_record(rec, n);
	rec->vm.network = STOKER_NET_NONE;
	rec->agent = true;
	make_files(p, rec);
	assert_ok(store_insert(p->s.store, rec, NULL, e));
}

static unsigned planned(struct place *p, struct stoker_finding *first)
{
	stoker_plan *plan;
	unsigned n;
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &plan, e));
	n = (unsigned)stoker_plan_count(plan);
	if (n && first)
		*first = *stoker_plan_at(plan, 0);
	assert_null(stoker_plan_at(plan, n));
	stoker_plan_free(plan);
	return n;
}

static void assert_nothing(struct place *p)
{
	struct stoker_finding f;
	if (planned(p, &f))
		fail_msg("still %s of %s: %s", stoker_finding_kind_name(f.kind), f.subject, f.detail);
}

/* Exactly one finding of this kind; carries it out by its proposal or alternative; then nothing is left. */
static void mend(struct place *p, enum stoker_finding_kind kind, enum stoker_repair repair)
{
	stoker_plan *plan, *same;
	const struct stoker_finding *f;
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &plan, e));
	assert_ok(stoker_reconcile_plan(&p->s, NULL, &same, e)); /* planning changes nothing */
	assert_int_equal(stoker_plan_count(plan), 1);
	assert_int_equal(stoker_plan_count(same), 1);
	f = stoker_plan_at(plan, 0);
	if (f->kind != kind)
		fail_msg("%s: %s", stoker_finding_kind_name(f->kind), f->detail);
	assert_true(f->subject[0] && f->detail[0] && f->repair_text[0]);
	if (repair != f->repair && repair != f->alternative)
		fail_msg("%s proposes %s or %s", stoker_finding_kind_name(kind), stoker_repair_name(f->repair),
		         stoker_repair_name(f->alternative));
	assert_ok(stoker_reconcile_apply(&p->s, plan, 0, repair, e));
	assert_true(f->done);
	assert_ok(stoker_reconcile_apply(&p->s, plan, 0, repair, e));
	/* A second hand with the old plan finds nothing to do. */
	assert_ok(stoker_reconcile_apply(&p->s, same, 0, repair, e));
	stoker_plan_free(plan);
	stoker_plan_free(same);
	assert_nothing(p);
}

static enum stoker_state state_of(struct place *p, const char *name)
{
	struct vm_record rec;
	assert_ok(store_find(p->s.store, name, &rec, e));
	assert_int_equal(rec.op.kind, STOKER_PHASE_NONE);
	return rec.vm.state;
}

static bool exists(const char *dir, const char *tail, const char *id)
{
	char path[4096];
	return access(kit_path(path, dir, "vms/%s%s", id, tail), F_OK) == 0;
}

static bool has_record(struct place *p, const char *name)
{
	struct vm_record rec;
	return store_find(p->s.store, name, &rec, NULL) == STOKER_OK;
}

static void set_running(struct place *p, struct vm_record *rec, struct process_id vmm, struct process_id supervisor)
{
	rec->vm.state = STOKER_RUNNING;
	rec->vmm = vmm;
	rec->supervisor = supervisor;
	rec->run = 1;
	rec->started_ns = clock_now_ns();
	rec->ready_ns = rec->started_ns + 1;
	assert_ok(store_update(p->s.store, rec, e));
}

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

static void cut_off(struct place *p, struct vm_record *rec, enum stoker_phase kind, enum stoker_state vm_state)
{
	rec->vm.state = vm_state;
	rec->op.kind = kind;
	rec->op.since_ns = clock_now_ns();
	rec->op.owner = dead_one(p);
	assert_ok(store_update(p->s.store, rec, e));
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

static void test_after_rescue(void **state)
{
	struct place *p = *state;
	struct vm_record rec, two;
	struct process_id vmm, supervisor;
	char path[4096];

	make_vm(p, 1, &rec);
	make_vm(p, 2, &two);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	store_close(p->s.store);
	kit_write(kit_path(path, p->state, "store.db"), "this is no database, it is a letter", 35);
	p->s.store = kit_open(p->state);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CREATED);
	reconcile_after_rescue(&p->s);
	assert_int_equal(state_of(p, "vm-1"), STOKER_RUNNING);
	assert_int_equal(state_of(p, "vm-2"), STOKER_CREATED);
	assert_ok(store_find(p->s.store, "vm-1", &rec, e));
	assert_int_equal(rec.vmm.pid, vmm.pid);
	assert_nothing(p);
}

static void test_orphan_vmm(void **state)
{
	struct place *p = *state;
	struct vm_record rec, other;
	struct process_id vmm, supervisor;
	struct stoker_finding f;
	char path[4096];

	make_vm(p, 1, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	assert_ok(store_remove(p->s.store, rec.vm.id, e));
	assert_int_equal(planned(p, &f), 1);
	assert_true(f.ask);
	assert_string_equal(f.subject, "vm-1");
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_ADOPT);
	assert_int_equal(state_of(p, "vm-1"), STOKER_RUNNING);
	assert_true(process_alive(&vmm));
	/* Its name was taken meanwhile. */
	assert_ok(store_remove(p->s.store, rec.vm.id, e));
	kit_record(&other, 2);
	strcpy(other.vm.name, "vm-1");
	make_files(p, &other);
	assert_ok(store_insert(p->s.store, &other, NULL, e));
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_ADOPT);
	assert_int_equal(state_of(p, "vm-1-0000000000000001"), STOKER_RUNNING);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CREATED);
	/* The other way: ended, and nothing is left. */
	assert_ok(store_remove(p->s.store, rec.vm.id, e));
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_END);
	assert_false(process_alive(&vmm));
	assert_false(exists(p->state, "", rec.vm.id));
	assert_false(exists(p->runtime, "", rec.vm.id));
	assert_true(exists(p->state, "/disk.ext4", other.vm.id));
	/* Even its folders were removed under it. */
	kit_record(&rec, 3);
	make_files(p, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	nftw(kit_path(path, p->state, "vms/%s", rec.vm.id), kit_rm, 8, FTW_DEPTH | FTW_PHYS);
	nftw(kit_path(path, p->runtime, "vms/%s", rec.vm.id), kit_rm, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(planned(p, &f), 1);
	assert_int_equal(f.pid, vmm.pid);
	assert_true(f.ask);
	mend(p, STOKER_FINDING_ORPHAN_VMM, STOKER_REPAIR_END);
	assert_false(process_alive(&vmm));
}

static void make_old(const char *path)
{
	struct timespec times[2] = { { time(NULL) - 60, 0 }, { time(NULL) - 60, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_orphan_dir(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id reader;
	struct stoker_finding f;
	char path[4096], other[4096];
	int fd;

	kit_record(&rec, 1);
	make_files(p, &rec);
	/* In somebody's use, be it an editor: left alone. */
	reader = spawn(p, kit_path(path, p->state, "vms/%s/console.log", rec.vm.id), "");
	assert_nothing(p);
	end(&reader);
	/* Locked: somebody works on it. */
	fd = open(kit_path(path, p->state, "vms/%s", rec.vm.id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_nothing(p);
	close(fd);
	mend(p, STOKER_FINDING_ORPHAN_DIR, STOKER_REPAIR_REMOVE);
	assert_false(exists(p->state, "", rec.vm.id));
	/* ... or taken back. */
	make_files(p, &rec);
	mend(p, STOKER_FINDING_ORPHAN_DIR, STOKER_REPAIR_ADOPT);
	assert_int_equal(state_of(p, "vm-1"), STOKER_CREATED);

	/* Without our tag nothing is ours: no manifest, another's manifest, a broken one, a link. */
	kit_record(&rec, 2);
	make_files(p, &rec);
	unlink(kit_path(path, p->state, "vms/%s/manifest.json", rec.vm.id));
	assert_nothing(p);
	kit_write(path, "{}", 2);
	assert_nothing(p);
	kit_path(other, p->state, "vms/0000000000000001/manifest.json");
	unlink(path);
	assert_int_equal(link(other, path), 0);
	assert_nothing(p);
	unlink(path);
	assert_int_equal(symlink(other, path), 0);
	assert_nothing(p);
	assert_true(exists(p->state, "/disk.ext4", rec.vm.id));
	mkdir(kit_path(path, p->state, "vms/precious-data-xx"), 0700);
	mkdir(kit_path(path, p->state, "vms/ABCDEF0123456789"), 0700);
	assert_int_equal(symlink(p->images, kit_path(path, p->state, "vms/00000000000000aa")), 0);
	assert_nothing(p);
	/* An empty folder holds nothing to lose, but a young one may be somebody's who is just beginning. */
	mkdir(kit_path(path, p->state, "vms/0000000000000009"), 0700);
	assert_nothing(p);
	make_old(path);
	assert_int_equal(planned(p, &f), 1);
	mend(p, STOKER_FINDING_ORPHAN_DIR, STOKER_REPAIR_REMOVE);
	assert_false(exists(p->state, "", "0000000000000009"));
}

static void test_orphan_runtime(void **state)
{
	struct place *p = *state;
	struct process_id gone = dead_one(p), living = spawn(p, "", ""), reader;
	char path[4096];
	static const char id[] = "00000000000000bb";

	/* Without a status file it cannot be told whose it is. */
	make_run(p, id);
	assert_nothing(p);
	write_status(p, id, &gone, &living, false, -2);
	assert_nothing(p);
	write_status(p, id, &gone, &gone, false, 0);
	reader = spawn(p, kit_path(path, p->runtime, "vms/%s/vmm.err", id), "");
	assert_nothing(p);
	end(&reader);
	mend(p, STOKER_FINDING_ORPHAN_RUNTIME, STOKER_REPAIR_REMOVE);
	assert_false(exists(p->runtime, "", id));
	assert_true(process_alive(&living));
}

static void test_orphan_image(void **state)
{
	struct place *p = *state;
	struct stoker_finding f;
	char path[4096], file[4096];
	int fd;

	mkdir(kit_path(path, p->images, ".build-micro-1-abcdef"), 0700);
	kit_write(kit_path(file, p->images, ".build-micro-1-abcdef/root.ext4"), "half", 4);
	assert_nothing(p); /* young */
	make_old(path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_nothing(p); /* somebody builds */
	close(fd);
	assert_int_equal(planned(p, &f), 1);
	mend(p, STOKER_FINDING_ORPHAN_IMAGE, STOKER_REPAIR_REMOVE);
	assert_int_not_equal(access(path, F_OK), 0);
	mkdir(kit_path(path, p->images, "build-mine"), 0700);
	make_old(path);
	assert_int_equal(symlink("/etc", kit_path(path, p->images, ".build-link")), 0);
	assert_nothing(p);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_order),          TEST(test_dead_process), TEST(test_half_done),
		TEST(test_lost_supervisor),   TEST(test_unknown_vmm),  TEST(test_after_rescue),
		TEST(test_orphan_vmm),        TEST(test_orphan_dir),   TEST(test_orphan_runtime),
		TEST(test_orphan_image),      TEST(test_lost_disk),    TEST(test_locked),
		TEST(test_changed_meanwhile), TEST(test_many),         TEST(test_cancel),
	};
	signal(SIGCHLD, SIG_IGN); /* no zombies: what was ended is gone */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
