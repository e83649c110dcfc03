/* SPDX-License-Identifier: Apache-2.0
 *
 * test_watch.c - being told of changes, through every fate of the file.
 */
#include <poll.h>

#include "handle.h"
#include "store_kit.h"

static bool told(stoker_watch *w)
{
	struct pollfd p = { .fd = stoker_watch_fd(w), .events = POLLIN };
	return poll(&p, 1, 200) == 1 && stoker_watch_drain(w);
}

static void test_touches(void **state)
{
	struct stoker s = { .state_dir = *state };
	stoker_watch *a, *b;
	char path[4096], other[4096];

	/* There is no file yet. */
	assert_ok(stoker_watch_open(&s, &a, e));
	assert_false(stoker_watch_drain(a));
	handle_touch(&s);
	assert_true(told(a));
	assert_ok(stoker_watch_open(&s, &b, e));
	assert_false(stoker_watch_drain(b));
	for (int i = 0; i < 3; i++) {
		handle_touch(&s);
		assert_true(told(a));
		assert_true(told(b));
		assert_false(stoker_watch_drain(a));
	}
	/* Removed and made again; replaced by a rename; written into instead of touched. */
	unlink(kit_path(path, *state, "changed"));
	assert_true(told(a));
	handle_touch(&s);
	assert_true(told(a));
	handle_touch(&s);
	assert_true(told(a));
	kit_write(kit_path(other, *state, "changed.new"), "", 0);
	rename(other, path);
	assert_true(told(a));
	handle_touch(&s);
	assert_true(told(a));
	kit_write(path, "x", 1);
	assert_true(told(a));
	rename(path, other);
	assert_true(told(a));
	kit_write(other, "y", 1); /* the old inode is nobody's business any more */
	assert_false(told(a));
	handle_touch(&s);
	assert_true(told(a));
	/* Other files in the folder say nothing, and a read is no change. */
	while (told(b))
		;
	kit_write(other, "z", 1);
	assert_false(told(b));
	close(open(path, O_RDONLY | O_CLOEXEC));
	assert_false(told(b));
	stoker_watch_close(a);
	stoker_watch_close(b);
	stoker_watch_close(NULL);
}

static void test_store_writes(void **state)
{
	struct stoker s = { .state_dir = *state };
	struct vm_record rec;
	stoker_watch *w;
	char path[4096];

	s.store = kit_open(*state);
	handle_touch(&s);
	assert_ok(stoker_watch_open(&s, &w, e));
	kit_record(&rec, 1);
	assert_ok(store_insert(s.store, &rec, NULL, e));
	while (told(w))
		;
	/* Nothing but a touch wakes the dashboard: its own and others' reads least of all. */
	for (int i = 0; i < 5; i++) {
		struct pollfd p = { .fd = stoker_watch_fd(w), .events = POLLIN };
		store_close(kit_open(*state));
		assert_ok(store_find(s.store, "vm-1", &rec, e));
		assert_ok(store_update(s.store, &rec, e));
		assert_int_equal(poll(&p, 1, 20), 0);
	}
	/* A store that is replaced is a change. */
	unlink(kit_path(path, *state, "store.db"));
	store_close(kit_open(*state));
	assert_true(told(w));
	stoker_watch_close(w);
	store_close(s.store);
}

static void test_folder_gone(void **state)
{
	struct stoker s = { 0 };
	stoker_watch *w;
	char path[4096];
	s.state_dir = kit_path(path, *state, "place");
	assert_int_equal(stoker_watch_open(&s, &w, NULL), STOKER_E_FAILED);
	mkdir(path, 0700);
	assert_ok(stoker_watch_open(&s, &w, e));
	rmdir(path);
	assert_true(told(w));
	stoker_watch_drain(w);
	stoker_watch_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_touches, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_store_writes, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_folder_gone, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
