/* SPDX-License-Identifier: Apache-2.0
 *
 * test_reconcile_orphans.c - what is on the host and in no record: taken up
 * again, ended or removed when it is ours, and left alone when it is not.
 */
#include "reconcile_kit.h"

static void make_old(const char *path)
{
	struct timespec times[2] = { { time(NULL) - 60, 0 }, { time(NULL) - 60, 0 } };
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_after_rescue),   TEST(test_orphan_vmm),   TEST(test_orphan_dir),
		TEST(test_orphan_runtime), TEST(test_orphan_image),
	};
	return KIT_RUN(tests);
}
