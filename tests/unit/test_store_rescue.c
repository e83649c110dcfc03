/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_rescue.c - a store that is broken in every way we can think of:
 * never a crash, never a VM lost whose manifest is there.
 *
 * STOKER_RESCUE_ROUNDS and STOKER_RESCUE_SEED change the random part.
 */
#include <sqlite3.h>

#include "store_kit.h"

#define VMS 12

static const struct store_pools pools = { 0xac100002, 0xac1000fe, 2200, 2999, NULL };

static void fill(const char *dir)
{
	struct store *store = kit_open(dir);
	for (unsigned i = 1; i <= VMS; i++) {
		struct vm_record rec;
		kit_record(&rec, i);
		assert_ok(store_insert(store, &rec, &pools, e));
		kit_manifest(dir, &rec);
	}
	store_close(store);
}

static void assert_all_there(struct store *store)
{
	struct vm_record *all;
	size_t count;
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, VMS);
	for (unsigned i = 0; i < VMS; i++) {
		struct vm_record want;
		kit_record(&want, i + 1);
		assert_string_equal(all[i].vm.id, want.vm.id);
		assert_true(all[i].vm.ip[0] != '\0');
		assert_int_equal(all[i].vm.ssh_port, 2200 + i);
	}
	free(all);
}

static void slurp(const char *path, unsigned char *buf, size_t cap, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	assert_true(fd >= 0);
	n = read(fd, buf, cap);
	assert_true(n > 0 && (size_t)n < cap);
	*len = (size_t)n;
	close(fd);
}

/* Clean for the next round. */
static void sweep(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	assert_non_null(d);
	while ((entry = readdir(d)))
		if (strncmp(entry->d_name, "store.db.corrupt", 16) == 0 || strncmp(entry->d_name, "store.db-", 9) == 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
}

static void test_random_damage(void **state)
{
	static unsigned char good[256 * 1024], bad[256 * 1024];
	const char *rounds_text = getenv("STOKER_RESCUE_ROUNDS"), *seed_text = getenv("STOKER_RESCUE_SEED");
	unsigned rounds = rounds_text ? (unsigned)atoi(rounds_text) : 1000, rescued = 0;
	unsigned seed = seed_text ? (unsigned)atoi(seed_text) : 20240607;
	char path[4096];
	size_t len;

	fill(*state);
	kit_path(path, *state, "store.db");
	slurp(path, good, sizeof good, &len);
	for (unsigned round = 0; round < rounds; round++) {
		struct store *store;
		struct vm_record rec;
		struct stoker_error err;
		char notice[512];
		size_t size = len;
		unsigned kind = (unsigned)rand_r(&seed) % 6;

		memcpy(bad, good, len);
		if (kind == 0) { /* cut off */
			size = (size_t)rand_r(&seed) % len;
		} else if (kind == 1) { /* a block of noise */
			size_t at = (size_t)rand_r(&seed) % len, n = 1 + (size_t)rand_r(&seed) % 5000;
			for (size_t k = at; k < at + n && k < len; k++)
				bad[k] = (unsigned char)rand_r(&seed);
		} else if (kind == 2) { /* a block of zeros */
			size_t at = (size_t)rand_r(&seed) % len / 512 * 512;
			memset(bad + at, 0, len - at < 4096 ? len - at : 4096);
		} else if (kind == 3) { /* noise in the header */
			for (unsigned n = 1 + (unsigned)rand_r(&seed) % 8; n; n--)
				bad[(size_t)rand_r(&seed) % 100] = (unsigned char)rand_r(&seed);
		} else { /* a few bytes anywhere */
			for (unsigned n = 1 + (unsigned)rand_r(&seed) % 4; n; n--)
				bad[(size_t)rand_r(&seed) % len] ^= (unsigned char)(1u << (unsigned)rand_r(&seed) % 8);
		}
		kit_write(path, bad, size);
		if (store_open(*state, false, &store, notice, sizeof notice, &err) != STOKER_OK)
			fail_msg("round %u kind %u: %s", round, kind, err.why);
		/* A bit that turned one allowed value into another is beyond detection,
		 * but every VM must be there under its id and the store must work. */
		for (unsigned i = 1; i <= VMS; i++) {
			char id[17];
			snprintf(id, sizeof id, "%016x", i);
			if (store_find(store, id, &rec, &err) != STOKER_OK)
				fail_msg("round %u kind %u: %s: %s", round, kind, id, err.why);
		}
		kit_record(&rec, 1000 + round);
		assert_ok(store_insert(store, &rec, &pools, e));
		assert_ok(store_remove(store, rec.vm.id, e));
		store_close(store);
		rescued += kit_count(*state, "store.db.corrupt") > 0;
		sweep(*state);
	}
	print_message("%u of %u damages needed a rescue\n", rescued, rounds);
	assert_true(rescued > rounds / 4);
}

static void test_not_a_database(void **state)
{
	struct store *store;
	char path[4096], notice[512];
	fill(*state);
	kit_write(kit_path(path, *state, "store.db"), "this is no database, it is a letter", 35);
	assert_ok(store_open(*state, false, &store, notice, sizeof notice, e));
	assert_non_null(strstr(notice, "12 manifests"));
	assert_non_null(strstr(notice, "store.db.corrupt-"));
	assert_all_there(store);
	store_close(store);
	assert_int_equal(kit_count(*state, "store.db.corrupt-"), 1);
	assert_ok(store_open(*state, false, &store, notice, sizeof notice, e));
	assert_string_equal(notice, "");
	store_close(store);
}

static void test_vanished(void **state)
{
	struct store *store, *old;
	struct vm_record rec;
	char path[4096], notice[512];
	fill(*state);
	old = kit_open(*state);
	unlink(kit_path(path, *state, "store.db"));
	assert_ok(store_open(*state, false, &store, notice, sizeof notice, e));
	assert_non_null(strstr(notice, "gone"));
	assert_all_there(store);
	store_close(store);
	/* A handle that was open all the time goes over to the new file. */
	assert_all_there(old);
	kit_record(&rec, 77);
	assert_ok(store_insert(old, &rec, &pools, e));
	store = kit_open(*state);
	assert_ok(store_find(store, "vm-77", &rec, e));
	store_close(store);
	/* ... and makes it itself when it is the first to see. */
	unlink(path);
	assert_ok(store_remove(old, "00000000000000ff", e));
	assert_int_equal(access(path, F_OK), 0);
	assert_all_there(old);
	store_close(old);
}

/* Two writers: one is on the file when it becomes corrupt and is replaced. */
static void test_corrupt_while_open(void **state)
{
	struct store *old, *store;
	struct vm_record rec;
	char path[4096];
	int fd;
	fill(*state);
	old = kit_open(*state);
	assert_all_there(old);
	fd = open(kit_path(path, *state, "store.db"), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned at = 4096; at < 65536; at += 4096)
		assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, at), 8);
	/* As a second stoker would: the change counter tells `old` to drop its cache. */
	assert_int_equal(pwrite(fd, "\x7f\xff\xff\xff", 4, 24), 4);
	close(fd);
	kit_record(&rec, 50);
	assert_ok(store_insert(old, &rec, &pools, e));
	assert_int_equal(kit_count(*state, "store.db.corrupt-"), 1);
	store = kit_open(*state);
	assert_ok(store_find(store, "vm-50", &rec, e));
	store_close(store);
	assert_ok(store_remove(old, rec.vm.id, e));
	assert_all_there(old);
	store_close(old);
}

/* A row that no check of SQLite's minds, but that cannot be ours. */
static void test_damaged_row(void **state)
{
	struct store *store;
	char path[4096];
	sqlite3 *db;
	fill(*state);
	assert_int_equal(sqlite3_open(kit_path(path, *state, "store.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
	                              "UPDATE vm SET name='../../etc' WHERE seq=3; UPDATE vm SET state=99 WHERE seq=4",
	                              NULL, NULL, NULL),
	                 SQLITE_OK);
	sqlite3_close(db);
	store = kit_open(*state);
	assert_all_there(store);
	store_close(store);
	assert_int_equal(kit_count(*state, "store.db.corrupt-"), 1);
}

static void test_hostile_manifests(void **state)
{
	struct store *store;
	struct vm_record rec, *all;
	char path[4096], other[4096], notice[512];
	size_t count;

	fill(*state);
	/* Unusable: noise, another id, a link, a folder. They are told of and left where they are. */
	kit_record(&rec, 0x20);
	kit_manifest(*state, &rec);
	kit_write(kit_path(path, *state, "vms/0000000000000020/manifest.json"), "{\"stoker_manifest\":1,", 21);
	kit_record(&rec, 0x21);
	kit_manifest(*state, &rec);
	mkdir(kit_path(path, *state, "vms/0000000000000022"), 0700);
	rename(kit_path(path, *state, "vms/0000000000000021/manifest.json"),
	       kit_path(other, *state, "vms/0000000000000022/manifest.json"));
	assert_int_equal(symlink(other, path), 0);
	mkdir(kit_path(path, *state, "vms/0000000000000023"), 0700);
	mkdir(kit_path(path, *state, "vms/0000000000000023/manifest.json"), 0700);
	mkdir(kit_path(path, *state, "vms/not-an-id"), 0700);
	/* Usable, but claiming what others have: it gives way. */
	kit_record(&rec, 0x30);
	strcpy(rec.vm.name, "vm-1");
	strcpy(rec.vm.ip, "172.16.0.2");
	rec.vm.ssh_port = 2200;
	kit_manifest(*state, &rec);
	assert_int_equal(truncate(kit_path(path, *state, "store.db"), 0), 0);

	assert_ok(store_open(*state, false, &store, notice, sizeof notice, e));
	assert_non_null(strstr(notice, "13 manifests; 4 manifests were unusable"));
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, VMS + 1);
	assert_string_equal(all[VMS].vm.name, "vm-1-0000000000000030");
	assert_int_equal(all[VMS].vm.ssh_port, 0);
	free(all);
	store_close(store);
	assert_int_equal(access(other, F_OK), 0);
}

/* Many openers meet a corrupt store at once: one rescue, nobody fails. */
static void test_one_rescue(void **state)
{
	char path[4096];
	pid_t pids[16];
	int go[2];
	fill(*state);
	kit_write(kit_path(path, *state, "store.db"), "this is no database, it is a letter", 35);
	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < 16; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct store *store;
			struct vm_record *all;
			size_t count = 0;
			char c;
			close(go[1]);
			if (read(go[0], &c, 1) < 0 || store_open(*state, false, &store, NULL, 0, NULL) != STOKER_OK)
				_exit(1);
			_exit(store_all(store, &all, &count, NULL) == STOKER_OK && count == VMS ? 0 : 2);
		}
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < 16; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(kit_count(*state, "store.db.corrupt-"), 1);
}

/* A dead writer's journal brings the last committed state back; beside a new file it must not. */
static void test_foreign_journal(void **state)
{
	static unsigned char good[256 * 1024];
	struct store *store;
	char path[4096], journal[4096];
	size_t len;
	fill(*state);
	kit_path(path, *state, "store.db");
	kit_path(journal, *state, "store.db-journal");
	slurp(path, good, sizeof good, &len);
	/* A hot journal's header with nonsense behind it, beside a corrupt file. */
	memcpy(good,
	       "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7\x00\x00\x00\x02\x12\x34\x56\x78\x00\x00\x00\x05\x00\x00\x02\x00\x00"
	       "\x00\x10\x00",
	       28);
	kit_write(journal, good, len);
	kit_write(path, "this is no database, it is a letter", 35);
	store = kit_open(*state);
	assert_all_there(store);
	store_close(store);
	store = kit_open(*state);
	assert_all_there(store);
	store_close(store);
}

static void test_history_replaced(void **state)
{
	struct store *store = kit_open(*state);
	struct vm_record rec;
	struct stoker_event *events;
	struct stoker_timing *timings;
	size_t count;
	char path[4096];

	kit_record(&rec, 1);
	history_event(store, "library", &rec, "created", "one");
	kit_write(kit_path(path, *state, "history.db"), "not a database at all, not at all", 33);
	history_event(store, "library", &rec, "created", "two"); /* same inode: broken under our feet */
	history_event(store, "library", &rec, "created", "three");
	assert_ok(history_events(store, 0, 10, &events, &count, e));
	assert_true(count >= 1);
	assert_string_equal(events[count - 1].text, "three");
	free(events);
	store_close(store);
	unlink(path);
	mkdir(path, 0700); /* cannot be mended: nothing of it may reach a caller */
	store = kit_open(*state);
	history_event(store, "library", &rec, "created", "four");
	history_timing(store, &rec, STOKER_PHASE_BOOT, 1, 2);
	assert_ok(history_timings(store, NULL, &timings, &count, e));
	assert_int_equal(count, 0);
	free(timings);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_damage, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_not_a_database, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_vanished, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_corrupt_while_open, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_damaged_row, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_hostile_manifests, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_one_rescue, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_foreign_journal, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_history_replaced, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
