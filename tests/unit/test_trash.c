/* SPDX-License-Identifier: Apache-2.0
 *
 * test_trash.c - what is deleted rests, comes back or goes; also when each of
 * that was cut off.
 */
#include "reconcile_kit.h"
#include "trash.h"

static struct stoker_trashed only(struct place *p)
{
	struct stoker_trashed *all, one;
	size_t n;
	assert_ok(stoker_trash_list(&p->s, &all, &n, e));
	assert_int_equal(n, 1);
	one = all[0];
	stoker_free(all);
	return one;
}

static size_t in_trash(struct place *p)
{
	struct stoker_trashed *all;
	size_t n;
	assert_ok(stoker_trash_list(&p->s, &all, &n, e));
	stoker_free(all);
	return n;
}

static bool trash_has(struct place *p, const char *tail)
{
	char path[4096];
	return access(kit_path(path, p->state, "trash%s", tail), F_OK) == 0;
}

/* As if so much time had passed since. */
static void age(struct place *p, const char *id, int64_t seconds)
{
	char path[4096], text[64];
	int64_t now = clock_wall_ms();
	int n = snprintf(text, sizeof text, "%lld %lld\n", (long long)(now - seconds * 1000),
	                 (long long)(now - seconds * 1000 + 600000));
	kit_write(kit_path(path, p->state, "trash/%s/trash", id), text, (size_t)n);
}

static void test_there_and_back(void **state)
{
	struct place *p = *state;
	struct vm_record rec, now;
	struct stoker_trashed one;
	struct stoker_vm vm;
	struct stoker_error err = { 0 };

	make_vm(p, 1, &rec);
	rec.vm.state = STOKER_STOPPED;
	rec.vm.started_at_ms = 1700000001000;
	rec.run = 3;
	snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "ssh-ed25519 AAAA");
	assert_ok(store_update(p->s.store, &rec, e));
	assert_false(trash_has(p, ""));
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	assert_false(has_record(p, "vm-1"));
	assert_false(exists(p->state, "", rec.vm.id));
	assert_nothing(p);
	one = only(p);
	assert_string_equal(one.id, rec.vm.id);
	assert_string_equal(one.name, "vm-1");
	assert_true(one.expires_at_ms - one.deleted_at_ms == 600000);
	assert_true(one.disk_bytes > 0);
	assert_ok(stoker_trash_restore(&p->s, "vm-1", NULL, &vm, e));
	assert_string_equal(vm.id, rec.vm.id);
	assert_int_equal(vm.state, STOKER_STOPPED);
	assert_string_equal(vm.host_key, "ssh-ed25519 AAAA"); /* what happened since the create is not lost */
	assert_ok(store_find(p->s.store, "vm-1", &now, e));
	assert_int_equal(now.run, 3);
	assert_true(exists(p->state, "/disk.ext4", rec.vm.id));
	assert_false(exists(p->state, "/trash", rec.vm.id));
	assert_int_equal(in_trash(p), 0);
	assert_nothing(p);
	/* A delete for good leaves nothing, whatever was before. */
	assert_ok(stoker_delete(&p->s, "vm-1", false, NULL, e));
	assert_int_equal(in_trash(p), 0);
	assert_false(exists(p->state, "", rec.vm.id));
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, &err), STOKER_E_NOT_FOUND);
	assert_non_null(strstr(err.fix, "stoker trash list"));
}

static void test_names_and_addresses(void **state)
{
	struct place *p = *state;
	struct vm_record rec, other;
	struct stoker_vm vm;
	struct stoker_error err = { 0 };

	kit_record(&rec, 1);
	strcpy(rec.vm.ip, "172.16.0.2");
	rec.vm.ssh_port = 2200;
	make_files(p, &rec);
	assert_ok(store_insert(p->s.store, &rec, NULL, e));
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	/* All three are free at once, and another takes them. */
	kit_record(&other, 2);
	strcpy(other.vm.name, "vm-1");
	strcpy(other.vm.ip, "172.16.0.2");
	other.vm.ssh_port = 2200;
	make_files(p, &other);
	assert_ok(store_insert(p->s.store, &other, NULL, e));
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, &err), STOKER_E_EXISTS);
	assert_non_null(strstr(err.why, "there is a VM called vm-1 now"));
	assert_non_null(strstr(err.fix, "--name"));
	assert_int_equal(in_trash(p), 1);
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", "Not_A_Name", NULL, &err), STOKER_E_INVALID);
	assert_ok(stoker_trash_restore(&p->s, rec.vm.id, "vm-again", &vm, e));
	assert_string_equal(vm.name, "vm-again");
	assert_string_equal(vm.ip, "172.16.0.3");
	assert_true(vm.ssh_port != 2200 && vm.ssh_port != 0);
	assert_nothing(p);
	/* Two of one name in the trash: the one deleted last is meant; an id says which. */
	assert_ok(stoker_trash_put(&p->s, "vm-again", false, NULL, e));
	age(p, rec.vm.id, 60);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	assert_int_equal(in_trash(p), 2);
	assert_int_equal(stoker_trash_restore(&p->s, "00000000", NULL, NULL, &err), STOKER_E_INVALID);
	assert_ok(stoker_trash_restore(&p->s, "vm-1", NULL, &vm, e));
	assert_string_equal(vm.id, other.vm.id);
}

static void test_time(void **state)
{
	struct place *p = *state;
	struct vm_record one, two, three;
	size_t removed;
	char path[4096];

	make_vm(p, 1, &one);
	make_vm(p, 2, &two);
	make_vm(p, 3, &three);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	assert_ok(stoker_trash_put(&p->s, "vm-2", false, NULL, e));
	assert_ok(stoker_trash_empty(&p->s, NULL, true, &removed, e));
	assert_int_equal(removed, 0);
	age(p, one.vm.id, 601);
	/* The next one that is put there takes along what has had its time. */
	assert_ok(stoker_trash_put(&p->s, "vm-3", false, NULL, e));
	assert_int_equal(in_trash(p), 2);
	assert_false(trash_has(p, "/0000000000000001"));
	/* A mark that cannot be read: it stays until it is named. */
	kit_write(kit_path(path, p->state, "trash/%s/trash", two.vm.id), "?", 1);
	age(p, three.vm.id, 3600);
	assert_ok(stoker_trash_empty(&p->s, NULL, true, &removed, e));
	assert_int_equal(removed, 1);
	assert_int_equal(only(p).expires_at_ms, 0);
	assert_ok(stoker_trash_empty(&p->s, "vm-2", false, &removed, e));
	assert_int_equal(removed, 1);
	assert_false(trash_has(p, "")); /* no trace of a trash */
	assert_nothing(p);
}

static void keep_for(struct place *p, const char *seconds)
{
	char path[4096], text[64];
	int n = snprintf(text, sizeof text, "[trash]\nkeep_s = %s\n", seconds);

	settings_free(p->s.settings);
	p->s.settings = NULL;
	kit_write(kit_path(path, p->state, "stoker.conf"), text, (size_t)n);
	assert_ok(settings_load(path, true, &p->s.settings, e));
}

/* For as long as the configuration says; 0: not at all. */
static void test_how_long(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct stoker_trashed one;

	keep_for(p, "90");
	make_vm(p, 1, &rec);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	one = only(p);
	assert_int_equal(one.expires_at_ms - one.deleted_at_ms, 90000);
	assert_ok(stoker_trash_empty(&p->s, NULL, false, NULL, e));
	keep_for(p, "0");
	make_vm(p, 2, &rec);
	assert_ok(stoker_trash_put(&p->s, "vm-2", false, NULL, e));
	assert_int_equal(in_trash(p), 0);
	assert_false(trash_has(p, ""));
	assert_false(exists(p->state, "", rec.vm.id));
	assert_false(has_record(p, "vm-2"));
	assert_nothing(p);
	settings_free(p->s.settings);
	p->s.settings = NULL;
}

static void test_ephemeral(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	make_vm(p, 1, &rec);
	rec.vm.ephemeral = true;
	assert_ok(store_update(p->s.store, &rec, e));
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	assert_int_equal(in_trash(p), 0);
	assert_false(exists(p->state, "", rec.vm.id));
	assert_nothing(p);
}

/* A delete into the trash that was killed at each of its steps is finished by reconcile, into the trash. */
static void test_cut_off_on_the_way_in(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct process_id vmm, supervisor;

	/* marked, intent recorded, nothing moved */
	make_vm(p, 1, &rec);
	assert_ok(trash_mark(&p->s, rec.vm.id, 600, e));
	cut_off(p, &rec, STOKER_PHASE_DELETE, STOKER_CREATED);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(has_record(p, "vm-1"));
	assert_string_equal(only(p).name, "vm-1");
	assert_ok(stoker_trash_empty(&p->s, NULL, false, NULL, e));

	/* moved, the record still there */
	make_vm(p, 2, &rec);
	assert_ok(trash_mark(&p->s, rec.vm.id, 600, e));
	cut_off(p, &rec, STOKER_PHASE_DELETE, STOKER_CREATED);
	assert_ok(trash_take(&p->s, rec.vm.id, e));
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(has_record(p, "vm-2"));
	assert_string_equal(only(p).name, "vm-2");
	assert_ok(stoker_trash_restore(&p->s, "vm-2", NULL, NULL, e));
	assert_ok(stoker_delete(&p->s, "vm-2", false, NULL, e));

	/* a running one, its VMM not yet killed */
	make_vm(p, 3, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	supervisor = spawn_supervisor(p, &vmm);
	write_status(p, rec.vm.id, &vmm, &supervisor, true, -2);
	set_running(p, &rec, vmm, supervisor);
	assert_ok(trash_mark(&p->s, rec.vm.id, 600, e));
	cut_off(p, &rec, STOKER_PHASE_DELETE, STOKER_STOPPING);
	mend(p, STOKER_FINDING_HALF_DONE, STOKER_REPAIR_FINISH);
	assert_false(process_alive(&vmm));
	assert_string_equal(only(p).name, "vm-3");
	assert_ok(stoker_trash_empty(&p->s, NULL, false, NULL, e));

	/* only marked: it is as it was, and the next plain delete means it */
	make_vm(p, 4, &rec);
	assert_ok(trash_mark(&p->s, rec.vm.id, 600, e));
	assert_nothing(p);
	assert_ok(stoker_delete(&p->s, "vm-4", false, NULL, e));
	assert_int_equal(in_trash(p), 0);
}

static void test_cut_off_on_the_way_out(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	char from[4096], to[4096];

	make_vm(p, 1, &rec);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	/* taken out, no record yet */
	assert_int_equal(rename(kit_path(from, p->state, "trash/%s", rec.vm.id), kit_path(to, p->state, "vms/%s", rec.vm.id)), 0);
	mend(p, STOKER_FINDING_ORPHAN_DIR, STOKER_REPAIR_REMOVE);
	assert_string_equal(only(p).name, "vm-1"); /* back, not gone */
	assert_int_equal(rename(from, to), 0);
	mend(p, STOKER_FINDING_ORPHAN_DIR, STOKER_REPAIR_ADOPT);
	assert_true(has_record(p, "vm-1"));
	assert_false(exists(p->state, "/trash", rec.vm.id));
	/* recorded, the mark still on */
	assert_ok(trash_mark(&p->s, rec.vm.id, 600, e));
	assert_nothing(p);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	/* half removed */
	assert_int_equal(rename(from, kit_path(to, p->state, "trash/%s.gone", rec.vm.id)), 0);
	assert_int_equal(in_trash(p), 0);
	assert_ok(stoker_trash_empty(&p->s, NULL, true, NULL, e));
	assert_false(trash_has(p, ""));
}

/* What is not ours is not touched. */
static void test_foreign(void **state)
{
	struct place *p = *state;
	char path[4096];
	mkdir(kit_path(path, p->state, "trash"), 0700);
	mkdir(kit_path(path, p->state, "trash/00000000000000aa"), 0700);
	kit_write(kit_path(path, p->state, "trash/00000000000000aa/manifest.json"), "{}", 2);
	mkdir(kit_path(path, p->state, "trash/mine"), 0700);
	kit_write(kit_path(path, p->state, "trash/note.gone"), "x", 1);
	assert_int_equal(in_trash(p), 0);
	assert_ok(stoker_trash_empty(&p->s, NULL, false, NULL, e));
	assert_true(trash_has(p, "/00000000000000aa/manifest.json"));
	assert_true(trash_has(p, "/mine"));
	assert_true(trash_has(p, "/note.gone"));
}

static void test_failures(void **state)
{
	struct place *p = *state;
	struct vm_record rec;
	struct stoker_error err = { 0 };
	struct process_id holder;
	char path[4096];
	int lock;

	/* somebody uses its disk: nothing is moved, no mark is left */
	make_vm(p, 1, &rec);
	holder = spawn(p, kit_path(path, p->state, "vms/%s/disk.ext4", rec.vm.id), "");
	assert_int_not_equal(stoker_trash_put(&p->s, "vm-1", false, NULL, &err), STOKER_OK);
	assert_false(exists(p->state, "/trash", rec.vm.id));
	assert_true(exists(p->state, "/disk.ext4", rec.vm.id));
	end(&holder);
	assert_ok(stoker_trash_put(&p->s, "vm-1", false, NULL, e));
	/* somebody else restores or removes it just now */
	lock = open(kit_path(path, p->state, "trash/%s", rec.vm.id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, &err), STOKER_E_STATE);
	assert_int_equal(stoker_trash_empty(&p->s, "vm-1", false, NULL, &err), STOKER_E_STATE);
	assert_ok(stoker_trash_empty(&p->s, NULL, false, NULL, e));
	close(lock);
	assert_int_equal(in_trash(p), 1);
	/* read-only */
	p->s.read_only = true;
	assert_int_equal(stoker_trash_put(&p->s, "vm-1", false, NULL, &err), STOKER_E_READ_ONLY);
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, &err), STOKER_E_READ_ONLY);
	assert_int_equal(stoker_trash_empty(&p->s, NULL, false, NULL, &err), STOKER_E_READ_ONLY);
	assert_int_equal(in_trash(p), 1);
	p->s.read_only = false;
	/* the store refuses: it goes back into the trash */
	store_close(p->s.store);
	assert_ok(store_open(p->state, true, &p->s.store, NULL, 0, e));
	assert_int_equal(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, &err), STOKER_E_READ_ONLY);
	assert_int_equal(in_trash(p), 1);
	assert_false(exists(p->state, "", rec.vm.id));
	store_close(p->s.store);
	p->s.store = kit_open(p->state);
	assert_ok(stoker_trash_restore(&p->s, "vm-1", NULL, NULL, e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_there_and_back), TEST(test_names_and_addresses), TEST(test_time), TEST(test_how_long), TEST(test_ephemeral),
		TEST(test_cut_off_on_the_way_in), TEST(test_cut_off_on_the_way_out), TEST(test_foreign), TEST(test_failures),
	};
	return KIT_RUN(tests);
}
