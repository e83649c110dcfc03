/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile_kit.h - a place with real processes, files and locks in it, to be
 * put out of order. What a `sleep` cannot play (a VMM that answers) is left to
 * e2e.
 *
 * A "VMM" here is a sleep whose output goes to the FIFO vmm.err as our
 * supervisor arranges it, an "innocent" any other process.
 */
#ifndef STOKER_TESTS_RECONCILE_KIT_H
#define STOKER_TESTS_RECONCILE_KIT_H

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

KIT_UNUSED static int set_up(void **state)
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

KIT_UNUSED static void end(const struct process_id *id)
{
	int fd = process_pidfd(id);
	if (fd < 0)
		return;
	process_signal(fd, SIGKILL);
	process_wait_end(fd, INT64_MAX, -1);
	close(fd);
}

KIT_UNUSED static int tear_down(void **state)
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
KIT_UNUSED static struct process_id spawn_as(struct place *p, const char *in, const char *out, const char *follow)
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

KIT_UNUSED static struct process_id spawn(struct place *p, const char *in, const char *out)
{
	return spawn_as(p, in, out, NULL);
}

/* As a supervisor does, it ends when its VMM has ended. */
KIT_UNUSED static struct process_id spawn_supervisor(struct place *p, const struct process_id *vmm)
{
	char follow[32];
	snprintf(follow, sizeof follow, "--pid=%lld", (long long)vmm->pid);
	return spawn_as(p, "", "", follow);
}

KIT_UNUSED static struct process_id dead_one(struct place *p)
{
	struct process_id id = spawn(p, "", "");
	end(&id);
	return id;
}

KIT_UNUSED static void make_files(struct place *p, const struct vm_record *rec)
{
	char path[4096];
	kit_manifest(p->state, rec);
	kit_write(kit_path(path, p->state, "vms/%s/disk.ext4", rec->vm.id), "disk", 4);
	kit_write(kit_path(path, p->state, "vms/%s/console.log", rec->vm.id), "log", 3);
}

KIT_UNUSED static void make_run(struct place *p, const char *id)
{
	char path[4096];
	mkdir(kit_path(path, p->runtime, "vms/%s", id), 0700);
	assert_int_equal(mkfifo(kit_path(path, p->runtime, "vms/%s/vmm.err", id), 0600), 0);
}

KIT_UNUSED static struct process_id spawn_vmm(struct place *p, const char *id)
{
	char disk[4096], fifo[4096];
	make_run(p, id);
	return spawn(p, kit_path(disk, p->state, "vms/%s/disk.ext4", id),
	             kit_path(fifo, p->runtime, "vms/%s/vmm.err", id));
}

KIT_UNUSED static void write_status(struct place *p, const char *id, const struct process_id *vmm,
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
	if (exit_status == -2)
		kit_write(kit_path(path, p->runtime, "vms/%s/control.sock", id), "", 0); /* it listens before it tells */
	assert_true(run_status_read(&p->s, id, &run));
}

/* A VM as create leaves it, with its files. */
KIT_UNUSED static void make_vm(struct place *p, unsigned n, struct vm_record *rec)
{
	kit_record(rec, n);
	rec->vm.network = STOKER_NET_NONE;
	rec->agent = true;
	make_files(p, rec);
	assert_ok(store_insert(p->s.store, rec, NULL, e));
}

KIT_UNUSED static unsigned planned(struct place *p, struct stoker_finding *first)
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

KIT_UNUSED static void assert_nothing(struct place *p)
{
	struct stoker_finding f;
	if (planned(p, &f))
		fail_msg("still %s of %s: %s", stoker_finding_kind_name(f.kind), f.subject, f.detail);
}

/* Exactly one finding of this kind; carries it out by its proposal or alternative; then nothing is left. */
KIT_UNUSED static void mend(struct place *p, enum stoker_finding_kind kind, enum stoker_repair repair)
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

KIT_UNUSED static enum stoker_state state_of(struct place *p, const char *name)
{
	struct vm_record rec;
	assert_ok(store_find(p->s.store, name, &rec, e));
	assert_int_equal(rec.op.kind, STOKER_PHASE_NONE);
	return rec.vm.state;
}

KIT_UNUSED static bool exists(const char *dir, const char *tail, const char *id)
{
	char path[4096];
	return access(kit_path(path, dir, "vms/%s%s", id, tail), F_OK) == 0;
}

KIT_UNUSED static bool has_record(struct place *p, const char *name)
{
	struct vm_record rec;
	return store_find(p->s.store, name, &rec, NULL) == STOKER_OK;
}

KIT_UNUSED static void set_running(struct place *p, struct vm_record *rec, struct process_id vmm,
                                   struct process_id supervisor)
{
	rec->vm.state = STOKER_RUNNING;
	rec->vmm = vmm;
	rec->supervisor = supervisor;
	rec->run = 1;
	rec->started_ns = clock_now_ns();
	rec->ready_ns = rec->started_ns + 1;
	assert_ok(store_update(p->s.store, rec, e));
}

KIT_UNUSED static void cut_off(struct place *p, struct vm_record *rec, enum stoker_phase kind,
                               enum stoker_state vm_state)
{
	rec->vm.state = vm_state;
	rec->op.kind = kind;
	rec->op.since_ns = clock_now_ns();
	rec->op.owner = dead_one(p);
	assert_ok(store_update(p->s.store, rec, e));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* No zombies: what was ended is gone. */
#define KIT_RUN(tests) (signal(SIGCHLD, SIG_IGN), cmocka_run_group_tests(tests, NULL, NULL))

#endif
