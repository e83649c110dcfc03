/* SPDX-License-Identifier: Apache-2.0
 *
 * test_console.c - the capped console log: rotation, a new run, remarks, full disk.
 */
#include "store_kit.h"

#include <sys/resource.h>
#include <signal.h>

#include "supervisor/console.h"
#include "supervisor/control.h"

static off_t size_of(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;
	return stat(kit_path(path, dir, "%s", name), &st) == 0 ? st.st_size : -1;
}

static void content(const char *dir, const char *name, char *out, size_t cap)
{
	char path[4096];
	int fd = open(kit_path(path, dir, "%s", name), O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, out, cap - 1) : 0;
	assert_true(fd >= 0);
	out[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void let_go(struct console *c)
{
	close(c->fd);
	close(c->dir);
}

static void never_larger_than_its_cap(void **state)
{
	char path[4096], block[10007];
	struct console c;
	memset(block, 'x', sizeof block);
	assert_true(console_open(&c, kit_path(path, *state, "console.log"), true));
	for (size_t sum = 0; sum < 3u * CONSOLE_LOG_CAP; sum += sizeof block) {
		console_write(&c, block, sizeof block);
		assert_true(size_of(*state, "console.log") <= CONSOLE_LOG_CAP);
	}
	assert_int_equal(size_of(*state, "console.log.1"), CONSOLE_LOG_CAP);
	assert_int_equal(c.lost, 0);
	let_go(&c);
}

static void new_run_and_adoption(void **state)
{
	char path[4096], text[256];
	struct console c;
	kit_path(path, *state, "console.log");
	assert_true(console_open(&c, path, true));
	console_write(&c, "first\n", 6);
	let_go(&c);
	assert_true(console_open(&c, path, false)); /* adopted: goes on */
	console_write(&c, "still first", 11);
	console_note(&c, "the guest said %d things", 3);
	let_go(&c);
	assert_true(console_open(&c, path, true));
	console_write(&c, "second\n", 7);
	console_note(&c, "remark");
	let_go(&c);
	content(*state, "console.log.1", text, sizeof text);
	assert_string_equal(text, "first\nstill first\nstoker: the guest said 3 things\n");
	content(*state, "console.log", text, sizeof text);
	assert_string_equal(text, "second\nstoker: remark\n");
}

static void remarks_have_an_end(void **state)
{
	char path[4096];
	struct console c;
	assert_true(console_open(&c, kit_path(path, *state, "console.log"), true));
	for (int i = 0; i < 100000; i++)
		console_note(&c, "a guest that makes us remark something over and over");
	assert_true(size_of(*state, "console.log") < 64 * 100);
	let_go(&c);
}

static void full_disk_costs_lines_only(void **state)
{
	char path[4096], text[4096], block[1500];
	struct rlimit before, small;
	struct console c;
	memset(block, 'x', sizeof block);
	signal(SIGXFSZ, SIG_IGN);
	assert_true(console_open(&c, kit_path(path, *state, "console.log"), true));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 2000; /* the nearest thing to a full disk that needs no root */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	console_write(&c, block, sizeof block);
	console_write(&c, block, sizeof block);
	console_write(&c, block, sizeof block);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(size_of(*state, "console.log"), 2000);
	assert_int_equal(c.lost, 2500);
	console_write(&c, "back\n", 5);
	content(*state, "console.log", text, sizeof text);
	assert_non_null(strstr(text, "\nstoker: 2500 bytes of the console could not be written here\nback\n"));
	assert_int_equal(c.lost, 0);
	let_go(&c);
}

static void folder_is_gone(void **state)
{
	char path[4096], dir[4096];
	struct console c;
	assert_int_equal(mkdir(kit_path(dir, *state, "vm"), 0700), 0);
	assert_true(console_open(&c, kit_path(path, *state, "vm/console.log"), true));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	for (int i = 0; i < 2 * CONSOLE_LOG_CAP / 4096; i++)
		console_write(&c, dir, sizeof dir);
	if (c.fd >= 0)
		close(c.fd);
	close(c.dir);
	assert_false(console_open(&c, path, true));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, kit_make, kit_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(never_larger_than_its_cap), TEST(new_run_and_adoption), TEST(remarks_have_an_end),
		TEST(full_disk_costs_lines_only), TEST(folder_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
