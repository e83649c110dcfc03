/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_faults.c - the store under a disk that is full, fails or is
 * read-only, and under kill -9 at every one of its system calls.
 *
 * The calls are hit with strace: this program runs itself as a worker under
 * it. What the worker acknowledged on its stdout must be there afterwards.
 * STOKER_FAULT_STEP=1 hits every single call; the default hits every third.
 */
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "store_kit.h"

static const struct store_pools pools = { 0xac100002, 0xac1000fe, 2200, 2999, NULL };

#ifdef __SANITIZE_ADDRESS__
enum { VMS = 4, STEP = 6 }; /* each run takes several times as long */
#else
enum { VMS = 4, STEP = 3 };
#endif

/* ---- the worker: a small life of a store, telling what was acknowledged */

static void tell(char what, unsigned n)
{
	char line[2] = { what, (char)('0' + n) };
	if (write(1, line, sizeof line) != (ssize_t)sizeof line)
		_exit(7);
}

static int worker(const char *dir)
{
	struct store *store;
	struct vm_record rec;
	struct stoker_error err = { 0 };
	char path[4096];
	int failed = 0;

	if (store_open(dir, false, &store, NULL, 0, &err) != STOKER_OK)
		return err.why[0] ? 3 : 4;
	for (unsigned i = 1; i <= VMS; i++) {
		kit_record(&rec, i);
		rec.op.kind = STOKER_PHASE_CREATE;
		if (store_insert(store, &rec, &pools, &err) != STOKER_OK) {
			failed++;
			continue;
		}
		mkdir(kit_path(path, dir, "vms"), 0700);
		mkdir(kit_path(path, dir, "vms/%s", rec.vm.id), 0700);
		if (manifest_write(dir, &rec, &err) != STOKER_OK)
			failed++;
		rec.op.kind = STOKER_PHASE_NONE;
		rec.vm.state = STOKER_STOPPED;
		if (store_update(store, &rec, &err) == STOKER_OK)
			tell('+', i);
		else
			failed++;
		history_event(store, "command", &rec, "created", "x");
	}
	kit_record(&rec, 2);
	if (store_remove(store, rec.vm.id, &err) == STOKER_OK) {
		unlink(kit_path(path, dir, "vms/%s/manifest.json", rec.vm.id));
		tell('-', 2);
	} else {
		failed++;
	}
	store_close(store);
	return failed ? 3 : 0;
}

/* ---- running it under strace */

static bool strace_works(void)
{
	char *argv[] = { (char *)(uintptr_t) "strace", (char *)(uintptr_t) "-qq",
		         (char *)(uintptr_t) "-o",     (char *)(uintptr_t) "/dev/null",
		         (char *)(uintptr_t) "-e",     (char *)(uintptr_t) "trace=fsync",
		         (char *)(uintptr_t) "true",   NULL };
	extern char **environ;
	pid_t pid;
	int status;
	return posix_spawnp(&pid, "strace", NULL, NULL, argv, environ) == 0 && waitpid(pid, &status, 0) == pid &&
	       status == 0;
}

/* The worker's exit status (128 + signal), its words in `said`. */
static int run_worker(const char *dir, const char *mode, const char *inject, char *said, size_t cap)
{
	char self[4096] = "";
	int out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		/* The leak check of a sanitizer build traces as well, and only one may. */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		dup2(out[1], 1);
		execlp("strace", "strace", "-qq", "-o", "/dev/null", "-e", inject, self, mode, dir, (char *)NULL);
		_exit(99);
	}
	close(out[1]);
	while ((n = read(out[0], said + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	said[len] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* strace ends as its child did, by the same signal too. */
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_after(const char *dir, const char *said, const char *inject)
{
	struct store *store;
	struct stoker_error err;
	struct vm_record *all, rec;
	char notice[512];
	size_t count;

	if (store_open(dir, false, &store, notice, sizeof notice, &err) != STOKER_OK)
		fail_msg("%s: %s", inject, err.why);
	if (strstr(notice, "corrupt"))
		fail_msg("%s: %s", inject, notice);
	for (const char *p = said; p[0] && p[1]; p += 2) {
		char name[16];
		bool removed = p[0] == '+' && p[1] == '2' && strstr(said, "-2");
		snprintf(name, sizeof name, "vm-%c", p[1]);
		if (p[0] == '+' && !removed && store_find(store, name, &rec, NULL) != STOKER_OK &&
		    p[1] != '2') /* the removal of 2 may have been carried out and not acknowledged */
			fail_msg("%s: %s was acknowledged and is lost", inject, name);
		if (p[0] == '-' && store_find(store, name, &rec, NULL) == STOKER_OK)
			fail_msg("%s: the removal of %s was acknowledged and is lost", inject, name);
	}
	/* It works, and what it hands out is unique. */
	for (unsigned i = 20; i < 24; i++) {
		kit_record(&rec, i);
		assert_ok(store_insert(store, &rec, &pools, e));
	}
	assert_ok(store_all(store, &all, &count, e));
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(!all[i].vm.ssh_port || all[i].vm.ssh_port != all[k].vm.ssh_port);
	free(all);
	store_close(store);
}

static void storm(const char *base, const char *const *calls, const char *how, bool kills)
{
	const char *text = getenv("STOKER_FAULT_STEP");
	unsigned step = text && atoi(text) > 0 ? (unsigned)atoi(text) : STEP, hits = 0;
	char inject[128], said[256], dir[4096];

	for (; *calls; calls++) {
		for (unsigned when = 1; when < 400; when += step) {
			int status;
			kit_path(dir, base, "%s-%u-%u", *calls, kills, when);
			mkdir(dir, 0700);
			snprintf(inject, sizeof inject, "inject=%s:%s:when=%u", *calls, how, when);
			status = run_worker(dir, "worker", inject, said, sizeof said);
			if (status == 0 && strcmp(said, "+1+2+3+4-2") != 0)
				fail_msg("%s: all went well, but it said %s", inject, said);
			if (status != 0 && status != 3 && !(kills && status == 128 + SIGKILL))
				fail_msg("%s: ended with %d", inject, status);
			check_after(dir, said, inject);
			nftw(dir, kit_rm, 32, FTW_DEPTH | FTW_PHYS);
			hits += status != 0;
			/* Past its last call, or a call whose failure is nobody's loss: enough of this one. */
			if (status == 0 && when > 60)
				break;
		}
	}
	print_message("%s: %u times\n", how, hits);
	assert_true(hits > 5);
}

static void test_killed_anywhere(void **state)
{
	static const char *const calls[] = { "pwrite64", "fsync",    "fdatasync", "ftruncate",
		                             "renameat", "unlinkat", "fcntl",     NULL };
	if (!strace_works()) {
		print_message("skipped: strace cannot trace here\n");
		skip();
	}
	storm(*state, calls, "signal=KILL", true);
}

/* A rescue that is itself cut off or fails anywhere: the next opener makes it good. */
static void test_rescue_cut_off(void **state)
{
	static const char *const calls[] = { "pwrite64", "fsync", "renameat", "unlinkat", "openat", "fcntl", NULL };
	static const char *const hows[] = { "signal=KILL", "error=EIO", "error=ENOSPC" };
	char inject[128], said[256], dir[4096], path[4096];
	unsigned hits = 0;

	if (!strace_works()) {
		print_message("skipped: strace cannot trace here\n");
		skip();
	}
	for (unsigned k = 0; k < 3 * (sizeof calls / sizeof *calls - 1); k++) {
		const char *call = calls[k / 3], *how = hows[k % 3];
		for (unsigned when = 1; when < 40; when += strcmp(call, "fcntl") == 0 ? 5 : 2) {
			struct vm_record rec;
			struct store *store;
			int status;
			kit_path(dir, *state, "rescue-%u-%u", k, when);
			mkdir(dir, 0700);
			for (unsigned i = 1; i <= VMS; i++) {
				kit_record(&rec, i);
				kit_manifest(dir, &rec);
			}
			kit_write(kit_path(path, dir, "store.db"), "this is no database, it is a letter", 35);
			snprintf(inject, sizeof inject, "inject=%s:%s:when=%u", call, how, when);
			status = run_worker(dir, "rescue", inject, said, sizeof said);
			if (status != 0 && status != 3 && status != 127 && !(k % 3 == 0 && status == 128 + SIGKILL))
				fail_msg("%s: ended with %d", inject, status);
			hits += status != 0;
			store = kit_open(dir);
			for (unsigned i = 1; i <= VMS; i++) {
				snprintf(path, sizeof path, "vm-%u", i);
				if (store_find(store, path, &rec, NULL) != STOKER_OK)
					fail_msg("%s: %s is lost", inject, path);
			}
			store_close(store);
			/* The old one was moved, not removed, and only once. */
			assert_int_equal(kit_count(dir, "store.db.corrupt-"), 1);
			assert_int_equal(kit_count(dir, "store.db.new"), 0);
			nftw(dir, kit_rm, 32, FTW_DEPTH | FTW_PHYS);
		}
	}
	print_message("rescues hit: %u\n", hits);
	assert_true(hits > 20);
}

static void test_failing_disk(void **state)
{
	static const char *const calls[] = { "pwrite64", "fsync", "fdatasync", "ftruncate", "renameat", NULL };
	if (!strace_works()) {
		print_message("skipped: strace cannot trace here\n");
		skip();
	}
	storm(*state, calls, "error=EIO", false);
	storm(*state, calls, "error=ENOSPC", false);
}

/* ---- a disk that really is full */

static bool small_disk(const char *dir, const char *options)
{
	static bool apart;
	if (!apart) {
		/* Root may just do it; others in a user namespace, if the host allows that. */
		if (unshare(CLONE_NEWNS) < 0)
			return false;
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			return false;
		apart = true;
	}
	return mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

static void eat(const char *dir)
{
	char path[4096], block[4096] = { 1 };
	int fd = open(kit_path(path, dir, "ballast"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	while (write(fd, block, sizeof block) > 0)
		;
	close(fd);
}

static void test_full_disk(void **state)
{
	struct store *store;
	struct vm_record rec, got;
	struct stoker_error err = { 0 };
	char dir[4096], path[4096], notice[256];
	unsigned made = 0;
	struct stat sb;

	mkdir(kit_path(dir, *state, "small"), 0700);
	if (!small_disk(dir, "size=600k,mode=0700")) {
		print_message("skipped: no file system may be mounted here\n");
		skip();
	}
	store = kit_open(dir);
	kit_record(&rec, 1);
	kit_manifest(dir, &rec);
	assert_ok(store_insert(store, &rec, &pools, e));
	history_event(store, "command", &rec, "created", "x");
	eat(dir);
	for (unsigned i = 2; i < 400; i++) {
		kit_record(&rec, i);
		if (store_insert(store, &rec, &pools, &err) != STOKER_OK)
			break;
		made = i;
	}
	assert_int_equal(err.code, STOKER_E_STORE);
	assert_non_null(strstr(err.fix, "Free disk space"));
	history_event(store, "command", &rec, "created", "nobody minds");
	/* A manifest that cannot be written leaves the old one. */
	kit_record(&rec, 1);
	rec.vm.state = STOKER_CRASHED;
	if (manifest_write(dir, &rec, &err) != STOKER_OK) {
		assert_ok(manifest_read(kit_path(path, dir, "vms/%s/manifest.json", rec.vm.id), &got, e));
		assert_int_equal(got.vm.state, STOKER_CREATED);
	}
	store_close(store);
	/* All that was acknowledged is there; nothing was rescued for want of space. */
	assert_ok(store_open(dir, false, &store, notice, sizeof notice, e));
	assert_string_equal(notice, "");
	assert_ok(store_find(store, "vm-1", &got, e));
	if (made)
		assert_ok(store_find(store, "vm-2", &got, e));
	store_close(store);
	/* A rescue for which there is no room fails and keeps what is there. */
	assert_int_equal(truncate(kit_path(path, dir, "ballast"), 0), 0);
	kit_write(kit_path(path, dir, "store.db"), "this is no database, it is a letter", 35);
	eat(dir);
	assert_int_not_equal(store_open(dir, false, &store, notice, sizeof notice, &err), STOKER_OK);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_size, 35);
	assert_int_equal(kit_count(dir, "store.db.new"), 0);
	assert_int_equal(kit_count(dir, "store.db.corrupt"), 0);
	/* Read-only it can be looked at all the same. */
	assert_ok(store_open(dir, true, &store, notice, sizeof notice, e));
	assert_ok(store_find(store, "vm-1", &got, e));
	store_close(store);
	/* With room again all is well. */
	unlink(kit_path(path, dir, "ballast"));
	assert_ok(store_open(dir, false, &store, notice, sizeof notice, e));
	assert_non_null(strstr(notice, "corrupt"));
	assert_ok(store_find(store, "vm-1", &got, e));
	store_close(store);
	umount2(dir, MNT_DETACH);
}

static void test_read_only_disk(void **state)
{
	struct store *store;
	struct vm_record rec, got;
	struct stoker_error err = { 0 };
	char dir[4096];

	mkdir(kit_path(dir, *state, "fixed"), 0700);
	if (!small_disk(dir, "size=2m,mode=0700")) {
		print_message("skipped: no file system may be mounted here\n");
		skip();
	}
	store = kit_open(dir);
	kit_record(&rec, 1);
	assert_ok(store_insert(store, &rec, &pools, e));
	store_close(store);
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_not_equal(store_open(dir, false, &store, NULL, 0, &err), STOKER_OK);
	assert_non_null(strstr(err.why, "ead-only"));
	assert_true(err.fix[0] != '\0');
	assert_ok(store_open(dir, true, &store, NULL, 0, e));
	assert_ok(store_find(store, "vm-1", &got, e));
	store_close(store);
	umount2(dir, MNT_DETACH);
}

/* No descriptors left: an error, no crash, and afterwards all is as before. */
static void test_no_descriptors(void **state)
{
	struct store *store;
	struct vm_record rec, got;
	struct rlimit old, low;
	struct stoker_error err;
	store = kit_open(*state);
	kit_record(&rec, 1);
	assert_ok(store_insert(store, &rec, &pools, e));
	store_close(store);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	for (rlim_t n = 3; n < 14; n++) {
		low = old;
		low.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
		if (store_open(*state, false, &store, NULL, 0, &err) == STOKER_OK) {
			kit_record(&rec, 2);
			store_update(store, &rec, NULL);
			history_event(store, "command", &rec, "created", "x");
			store_close(store);
		}
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(kit_count(*state, "store.db.corrupt"), 0);
	store = kit_open(*state);
	assert_ok(store_find(store, "vm-1", &got, e));
	store_close(store);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed_anywhere, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_rescue_cut_off, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_failing_disk, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_full_disk, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_read_only_disk, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_no_descriptors, kit_make, kit_drop),
	};
	if (argc == 3 && strcmp(argv[1], "worker") == 0)
		return worker(argv[2]);
	if (argc == 3 && strcmp(argv[1], "rescue") == 0) {
		struct store *store;
		return store_open(argv[2], false, &store, NULL, 0, NULL) == STOKER_OK ? (store_close(store), 0) : 3;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
