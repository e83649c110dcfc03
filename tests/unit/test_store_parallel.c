/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store_parallel.c - many processes on one store: everything unique,
 * nothing lost, no "busy" reaches anybody.
 */
#include <signal.h>

#include "store_kit.h"

#define PROCESSES 16
#define EACH 16

static const struct store_pools pools = { 0xac100002, 0xac1000ff + 4, 2200, 2999, NULL };

static void wait_all(const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static int insert_many(const char *dir, unsigned process)
{
	struct store *store;
	struct stoker_error err;
	if (store_open(dir, false, &store, NULL, 0, &err) != STOKER_OK) {
		fprintf(stderr, "open: %s\n", err.why);
		return 1;
	}
	for (unsigned i = 0; i < EACH; i++) {
		struct vm_record rec;
		kit_record(&rec, process * EACH + i);
		rec.op.kind = STOKER_PHASE_CREATE;
		if (store_insert(store, &rec, &pools, &err) != STOKER_OK) {
			fprintf(stderr, "insert: %s\n", err.why);
			return 2;
		}
		rec.op.kind = STOKER_PHASE_NONE;
		if (store_update(store, &rec, &err) != STOKER_OK) {
			fprintf(stderr, "update: %s\n", err.why);
			return 3;
		}
		history_timing(store, &rec, STOKER_PHASE_CREATE, clock_now_ns(), 1000);
	}
	store_close(store);
	return 0;
}

static int by_port(const void *a, const void *b)
{
	return ((const struct vm_record *)a)->vm.ssh_port - ((const struct vm_record *)b)->vm.ssh_port;
}

static void test_inserts(void **state)
{
	pid_t pids[PROCESSES];
	struct store *store;
	struct vm_record *all;
	struct stoker_timing *timings;
	size_t count;
	int64_t began = clock_now_ns();

	/* The folder is empty: the making of the store races as well. */
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(insert_many(*state, i));
	}
	wait_all(pids, PROCESSES);
	print_message("%d inserts and updates by %d processes: %lld ms\n", PROCESSES * EACH, PROCESSES,
	              (long long)(clock_now_ns() - began) / NS_PER_MS);
	store = kit_open(*state);
	assert_ok(store_all(store, &all, &count, e));
	assert_int_equal(count, PROCESSES * EACH);
	qsort(all, count, sizeof *all, by_port);
	for (size_t i = 0; i < count; i++) {
		unsigned a, b, c, d;
		assert_int_equal(all[i].vm.ssh_port, 2200 + i);
		assert_int_equal(sscanf(all[i].vm.ip, "%u.%u.%u.%u", &a, &b, &c, &d), 4);
		assert_int_equal((c << 8 | d) - 2, i); /* handed out with the port, in the same transaction */
	}
	free(all);
	assert_ok(history_timings(store, NULL, &timings, &count, e));
	assert_int_equal(count, PROCESSES * EACH);
	free(timings);
	store_close(store);
}

static void test_same_name(void **state)
{
	pid_t pids[PROCESSES];
	unsigned won = 0;
	for (unsigned i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct store *store;
			struct vm_record rec;
			enum stoker_status st;
			if (store_open(*state, false, &store, NULL, 0, NULL) != STOKER_OK)
				_exit(9);
			kit_record(&rec, i);
			strcpy(rec.vm.name, "the-one");
			st = store_insert(store, &rec, &pools, NULL);
			_exit(st == STOKER_OK ? 0 : st == STOKER_E_EXISTS ? 1 : 2);
		}
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		won += status == 0;
	}
	assert_int_equal(won, 1);
}

/* A reader as the dashboard is, among writers: neither hinders the other. */
static void test_reader_among_writers(void **state)
{
	pid_t pids[20];
	struct store *store = kit_open(*state);
	int64_t longest = 0;
	for (int i = 0; i < 20; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct store *mine;
			if (store_open(*state, false, &mine, NULL, 0, NULL) != STOKER_OK)
				_exit(1);
			for (unsigned k = 0; k < 10; k++) {
				struct vm_record rec;
				kit_record(&rec, 1 + (unsigned)i);
				if (store_insert(mine, &rec, &pools, NULL) != STOKER_OK ||
				    store_remove(mine, rec.vm.id, NULL) != STOKER_OK)
					_exit(2);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 50; i++) {
		struct vm_record *all;
		size_t count;
		int64_t began = clock_now_ns(), took;
		assert_ok(store_all(store, &all, &count, e));
		free(all);
		took = clock_now_ns() - began;
		longest = took > longest ? took : longest;
		usleep(10000);
	}
	wait_all(pids, 20);
	print_message("longest read among 20 writers: %lld us\n", (long long)longest / 1000);
	store_close(store);
}

/* Writers killed at any moment: what was acknowledged is there, the store is sound. */
static void test_killed_writers(void **state)
{
	unsigned seed = 7;
	for (int round = 0; round < 40; round++) {
		int told[2], status;
		pid_t pid;
		unsigned last = 0, n;
		struct store *store;
		struct vm_record *all;
		size_t count;
		char notice[256];

		assert_int_equal(pipe(told), 0);
		pid = fork();
		if (pid == 0) {
			struct store *mine;
			if (store_open(*state, false, &mine, NULL, 0, NULL) != STOKER_OK)
				_exit(1);
			for (n = 1;; n++) {
				struct vm_record rec;
				kit_record(&rec, (unsigned long long)round * 100000 + n);
				if (store_insert(mine, &rec, NULL, NULL) != STOKER_OK)
					_exit(2);
				history_event(mine, "library", &rec, "created", "x");
				if (write(told[1], &n, sizeof n) != (ssize_t)sizeof n)
					_exit(3);
			}
		}
		close(told[1]);
		usleep(5000 + (useconds_t)rand_r(&seed) % 15000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(told[0], &n, sizeof n) == (ssize_t)sizeof n)
			last = n;
		close(told[0]);
		assert_ok(store_open(*state, false, &store, notice, sizeof notice, e));
		assert_string_equal(notice, "");
		assert_ok(store_all(store, &all, &count, e));
		n = 0;
		for (size_t i = 0; i < count; i++)
			n += strtoull(all[i].vm.id, NULL, 16) / 100000 == (unsigned)round;
		assert_true(n == last || n == last + 1); /* + 1: killed between commit and telling */
		free(all);
		store_close(store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inserts, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_same_name, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_reader_among_writers, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_killed_writers, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
