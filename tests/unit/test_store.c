/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store.c - records, pools, versions, refusals.
 */
#include <sqlite3.h>
#include <sys/syscall.h>

#include "store_kit.h"

static const struct store_pools pools = { 0xac100002, 0xac100005, 2200, 2205, NULL };

static bool odd_only(uint16_t port)
{
	return port & 1;
}

static void test_round_trip(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec, got, *all;
	size_t count;

	kit_record(&rec, 1);
	rec.op.kind = STOKER_PHASE_CREATE;
	rec.op.since_ns = INT64_MAX - 5;
	rec.op.owner = (struct process_id){ 4711, UINT64_MAX >> 1, "01234567-89ab-cdef-0123-456789abcdef" };
	assert_ok(store_insert(store, &rec, &pools, e));
	assert_string_equal(rec.vm.ip, "172.16.0.2");
	assert_int_equal(rec.vm.ssh_port, 2200);

	rec.vm.state = STOKER_RUNNING;
	rec.vm.started_at_ms = 1700000001234;
	rec.vm.exit_status = 256 + 9;
	strcpy(rec.vm.reason, "b\xc3\xb6se");
	strcpy(rec.vm.host_key, "ssh-ed25519 AAAA");
	rec.vm.last_phase = STOKER_PHASE_BOOT;
	rec.vm.last_phase_ns = INT64_C(9007199254740993); /* more than a double holds */
	rec.vmm = (struct process_id){ 99, 1, "01234567-89ab-cdef-0123-456789abcdef" };
	rec.supervisor = (struct process_id){ 98, 2, "01234567-89ab-cdef-0123-456789abcdef" };
	rec.run = UINT32_MAX;
	rec.started_ns = INT64_C(9007199254740993);
	rec.ready_ns = 2;
	rec.ssh_ns = 3;
	rec.agent = rec.vm.ephemeral = true;
	rec.op.kind = STOKER_PHASE_STOP;
	assert_ok(store_update(store, &rec, e));
	store_close(store);

	store = kit_open(*state);
	assert_ok(store_find(store, "vm-1", &got, e));
	rec.vm.phase = STOKER_PHASE_STOP;
	rec.vm.phase_since_ns = INT64_MAX - 5;
	assert_memory_equal(&rec, &got, sizeof rec);
	rec.op = (struct store_op){ .kind = STOKER_PHASE_NONE };
	assert_ok(store_update(store, &rec, e));
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, 1);
	assert_int_equal(all[0].op.kind, STOKER_PHASE_NONE);
	assert_int_equal(all[0].vm.phase, STOKER_PHASE_NONE);
	free(all);
	assert_ok(store_remove(store, rec.vm.id, e));
	assert_ok(store_remove(store, rec.vm.id, e));
	assert_int_equal(store_update(store, &rec, NULL), STOKER_E_NOT_FOUND);
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, 0);
	free(all);
	store_close(store);
}

static void test_pools(void **state)
{
	struct store *store = kit_open(*state);
	struct store_pools odd = pools;
	struct vm_record rec;
	struct stoker_error err;
	unsigned addresses, ports;

	for (unsigned i = 1; i <= 4; i++) {
		kit_record(&rec, i);
		assert_ok(store_insert(store, &rec, &pools, e));
		assert_int_equal(rec.vm.ssh_port, 2199 + i);
	}
	kit_record(&rec, 5);
	assert_int_equal(store_insert(store, &rec, &pools, &err), STOKER_E_LIMIT);
	assert_non_null(strstr(err.why, "4 addresses"));
	assert_string_equal(rec.vm.ip, "");
	assert_int_equal(store_find(store, "vm-5", &rec, NULL), STOKER_E_NOT_FOUND);
	/* What a removed one held is given again, the lowest first. */
	assert_ok(store_remove(store, "0000000000000002", e));
	kit_record(&rec, 6);
	assert_ok(store_insert(store, &rec, &pools, e));
	assert_string_equal(rec.vm.ip, "172.16.0.3");
	assert_int_equal(rec.vm.ssh_port, 2201);
	/* A port that something else on the host holds is passed over. */
	odd.first_address = odd.last_address = 0;
	odd.port_free = odd_only;
	kit_record(&rec, 7);
	assert_ok(store_insert(store, &rec, &odd, e));
	assert_string_equal(rec.vm.ip, "");
	assert_int_equal(rec.vm.ssh_port, 2205);
	kit_record(&rec, 8);
	assert_int_equal(store_insert(store, &rec, &odd, &err), STOKER_E_LIMIT);
	assert_non_null(strstr(err.why, "2200-2205"));
	assert_ok(store_pool_use(store, &addresses, &ports, e));
	assert_int_equal(addresses, 4);
	assert_int_equal(ports, 5);
	assert_ok(store_image_users(store, "micro", &ports, e));
	assert_int_equal(ports, 5);
	assert_ok(store_image_users(store, "debian", &ports, e));
	assert_int_equal(ports, 0);
	/* Without pools nothing is allocated. */
	kit_record(&rec, 9);
	assert_ok(store_insert(store, &rec, NULL, e));
	assert_int_equal(rec.vm.ssh_port, 0);
	store_close(store);
}

static void test_names(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec, got;
	struct stoker_error err;

	kit_record(&rec, 0xabcdef0000000001);
	strcpy(rec.vm.name, "otter");
	assert_ok(store_insert(store, &rec, NULL, e));
	kit_record(&rec, 0xabcdef0000000002);
	strcpy(rec.vm.name, "otter");
	assert_int_equal(store_insert(store, &rec, NULL, &err), STOKER_E_EXISTS);
	assert_non_null(strstr(err.why, "otter"));
	strcpy(rec.vm.name, "abcd"); /* also the beginning of both ids: a name goes first */
	assert_ok(store_insert(store, &rec, NULL, e));
	assert_ok(store_find(store, "abcd", &got, e));
	assert_string_equal(got.vm.id, "abcdef0000000002");
	assert_int_equal(store_find(store, "abcde", &got, &err), STOKER_E_INVALID);
	assert_ok(store_find(store, "abcdef0000000001", &got, e));
	assert_string_equal(got.vm.name, "otter");
	assert_int_equal(store_find(store, "abcdef000000000", &got, &err), STOKER_E_INVALID);
	assert_int_equal(store_find(store, "abc", &got, &err), STOKER_E_NOT_FOUND);
	assert_int_equal(store_find(store, "", &got, &err), STOKER_E_NOT_FOUND);
	assert_int_equal(store_find(store, "a\033]0;x\007", &got, &err), STOKER_E_NOT_FOUND);
	assert_null(strchr(err.why, '\033'));
	assert_int_equal(store_find(store, "x' OR '1'='1", &got, &err), STOKER_E_NOT_FOUND);
	/* A name that is somebody's whole id leads nobody away. */
	kit_record(&rec, 0x1234);
	strcpy(rec.vm.name, "abcdef0000000001");
	assert_ok(store_insert(store, &rec, NULL, e));
	assert_ok(store_find(store, "abcdef0000000001", &got, e));
	assert_string_equal(got.vm.name, "otter");
	assert_ok(store_find(store, rec.vm.id, &got, e));
	assert_string_equal(got.vm.name, "abcdef0000000001");
	/* The same id twice is refused, and so is a record that could not be read again. */
	kit_record(&rec, 0xabcdef0000000001);
	assert_int_equal(store_insert(store, &rec, NULL, &err), STOKER_E_EXISTS);
	kit_record(&rec, 3);
	strcpy(rec.vm.name, "../x");
	assert_int_equal(store_insert(store, &rec, NULL, &err), STOKER_E_INVALID);
	kit_record(&rec, 3);
	strcpy(rec.vm.reason, "red \033[31m");
	assert_int_equal(store_insert(store, &rec, NULL, &err), STOKER_E_INVALID);
	store_close(store);
}

static void test_adopt(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec, got;

	kit_record(&rec, 1);
	assert_ok(store_insert(store, &rec, &pools, e));
	kit_record(&rec, 2);
	strcpy(rec.vm.name, "vm-1");
	strcpy(rec.vm.ip, "172.16.0.2");
	rec.vm.ssh_port = 2203;
	rec.vm.state = STOKER_RUNNING;
	assert_ok(store_adopt(store, &rec, e));
	assert_string_equal(rec.vm.name, "vm-1-0000000000000002");
	assert_string_equal(rec.vm.ip, "");
	assert_ok(store_find(store, "0000000000000002", &got, e));
	assert_memory_equal(&got, &rec, sizeof got);
	store_close(store);
}

static void test_order_and_many(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec, *all;
	size_t count;
	for (unsigned i = 0; i < 200; i++) {
		kit_record(&rec, 1000 - i);
		assert_ok(store_insert(store, &rec, NULL, e));
	}
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, 200);
	for (unsigned i = 0; i < 200; i++) {
		kit_record(&rec, 1000 - i);
		assert_string_equal(all[i].vm.id, rec.vm.id);
	}
	free(all);
	store_close(store);
}

static void sql(const char *dir, const char *text)
{
	char path[4096];
	sqlite3 *db;
	assert_int_equal(sqlite3_open(kit_path(path, dir, "store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_versions(void **state)
{
	struct store *store = kit_open(*state);
	struct stoker_error err;
	struct stat before, after;
	char path[4096];

	store_close(store);
	sql(*state, "PRAGMA user_version=7; UPDATE meta SET v='7' WHERE k='schema'");
	stat(kit_path(path, *state, "store.db"), &before);
	assert_int_equal(store_open(*state, false, &store, NULL, 0, &err), STOKER_E_STORE);
	assert_non_null(strstr(err.why, "newer"));
	assert_non_null(strstr(err.why, "7"));
	stat(path, &after);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(kit_count(*state, "store.db.corrupt"), 0);
	/* A database of another program is left alone too. */
	unlink(path);
	sql(*state, "CREATE TABLE bookmarks(a)");
	chmod(path, 0600);
	assert_int_equal(store_open(*state, false, &store, NULL, 0, &err), STOKER_E_STORE);
	assert_non_null(strstr(err.why, "another program"));
	assert_int_equal(kit_count(*state, "store.db.corrupt"), 0);
}

static void refused(const char *dir, const char *word)
{
	struct store *store;
	struct stoker_error err;
	assert_int_equal(store_open(dir, false, &store, NULL, 0, &err), STOKER_E_STORE);
	assert_null(store);
	if (!strstr(err.why, word))
		fail_msg("\"%s\" lacks \"%s\"", err.why, word);
	assert_true(err.fix[0] != '\0');
}

static void test_refusals(void **state)
{
	char path[4096], other[4096];
	store_close(kit_open(*state));
	kit_path(path, *state, "store.db");
	chmod(path, 0640);
	refused(*state, "open to others");
	chmod(path, 0600);
	chmod(*state, 0750);
	refused(*state, "open to others");
	chmod(*state, 0700);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		refused(*state, "user 12345");
		assert_int_equal(chown(path, 0, 0), 0);
		assert_int_equal(chown(*state, 12345, 12345), 0);
		refused(*state, "user 12345");
		assert_int_equal(chown(*state, 0, 0), 0);
	}
	/* A FIFO is not waited at, neither in the journal's place nor in the history's. */
	kit_path(other, *state, "store.db-journal");
	unlink(other);
	assert_int_equal(mkfifo(other, 0600), 0);
	alarm(20);
	refused(*state, "unable to open");
	unlink(other);
	assert_int_equal(mkfifo(kit_path(other, *state, "history.db-journal"), 0600), 0);
	store_close(kit_open(*state)); /* goes on without the history */
	alarm(0);
	unlink(other);
	assert_int_equal(rename(path, kit_path(other, *state, "elsewhere.db")), 0);
	assert_int_equal(symlink(other, path), 0);
	refused(*state, "not a regular file");
	unlink(path);
	mkdir(path, 0700);
	refused(*state, "not a regular file");
	rmdir(path);
	assert_int_equal(rename(other, path), 0);
	store_close(kit_open(*state));
}

static void test_modes(void **state)
{
	struct stat sb;
	char path[4096];
	mode_t old = umask(0);
	struct store *store = kit_open(*state);
	struct vm_record rec;
	kit_record(&rec, 1);
	assert_ok(store_insert(store, &rec, &pools, e));
	history_event(store, "library", &rec, "created", "created %s", rec.vm.name);
	for (const char *const *name =
	         (const char *const[]){ "store.db", "store.db-journal", "store.lock", "history.db", NULL };
	     *name; name++) {
		assert_int_equal(stat(kit_path(path, *state, "%s", *name), &sb), 0);
		assert_int_equal(sb.st_mode & 0777, 0600);
	}
	store_close(store);
	umask(old);
}

static void test_read_only(void **state)
{
	struct store *store = kit_open(*state), *reader;
	struct vm_record rec, got;
	struct stoker_error err;
	char notice[256];
	char path[4096];

	kit_record(&rec, 1);
	assert_ok(store_insert(store, &rec, &pools, e));
	kit_manifest(*state, &rec);
	assert_ok(store_open(*state, true, &reader, notice, sizeof notice, e));
	assert_string_equal(notice, "");
	assert_ok(store_find(reader, "vm-1", &got, e));
	assert_int_equal(store_update(reader, &rec, &err), STOKER_E_READ_ONLY);
	assert_int_equal(store_remove(reader, rec.vm.id, &err), STOKER_E_READ_ONLY);
	assert_int_equal(store_insert(reader, &rec, NULL, &err), STOKER_E_READ_ONLY);
	/* It sees what others write. */
	rec.vm.state = STOKER_STOPPED;
	assert_ok(store_update(store, &rec, e));
	assert_ok(store_find(reader, "vm-1", &got, e));
	assert_int_equal(got.vm.state, STOKER_STOPPED);
	store_close(reader);
	store_close(store);
	/* A corrupt one is shown from the manifests, and not touched. */
	kit_write(kit_path(path, *state, "store.db"), "garbage garbage garbage", 23);
	assert_ok(store_open(*state, true, &reader, notice, sizeof notice, e));
	assert_non_null(strstr(notice, "1 VMs"));
	assert_ok(store_find(reader, "vm-1", &got, e));
	assert_int_equal(store_remove(reader, rec.vm.id, &err), STOKER_E_READ_ONLY);
	store_close(reader);
	assert_int_equal(kit_count(*state, "store.db.corrupt"), 0);
	unlink(path);
	assert_ok(store_open(*state, true, &reader, notice, sizeof notice, e));
	assert_ok(store_find(reader, "vm-1", &got, e));
	store_close(reader);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* In place of libc's: counts what SQLite asks of the disk. */
static int synced;

int fdatasync(int fd)
{
	synced++;
	return (int)syscall(SYS_fdatasync, fd);
}

static int syncs_of_update(struct store *store, struct vm_record *rec)
{
	rec->vm.last_phase_ns++; /* what is already there, SQLite does not write */
	synced = 0;
	assert_ok(store_update(store, rec, e));
	return synced;
}

/* A record at rest is on disk to the last byte; a step under way and a running VM are not waited for so long. */
static void test_syncs(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec;
	struct stat journal;
	char path[4096];
	int rest;

	kit_record(&rec, 1);
	rec.op.kind = STOKER_PHASE_NONE;
	rec.vmm.pid = rec.supervisor.pid = 0;
	assert_ok(store_insert(store, &rec, &pools, e));
	rest = syncs_of_update(store, &rec);
	assert_true(rest == 4);
	rec.op.kind = STOKER_PHASE_START;
	assert_in_range(syncs_of_update(store, &rec), 3, 3);
	rec.op.kind = STOKER_PHASE_NONE;
	rec.vmm.pid = getpid();
	assert_in_range(syncs_of_update(store, &rec), 3, 3);
	rec.vmm.pid = 0;
	assert_int_equal(syncs_of_update(store, &rec), rest);
	rec.op.kind = STOKER_PHASE_DELETE;
	syncs_of_update(store, &rec);
	synced = 0;
	assert_ok(store_remove(store, rec.vm.id, e));
	assert_int_equal(synced, rest);
	/* The journal's blocks are kept for the next commit. */
	assert_int_equal(stat(kit_path(path, *state, "store.db-journal"), &journal), 0);
	assert_true(journal.st_size > 0);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_pools, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_names, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_adopt, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_order_and_many, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_versions, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_refusals, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_modes, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_read_only, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_syncs, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
