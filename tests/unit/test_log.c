/* SPDX-License-Identifier: Apache-2.0
 *
 * test_log.c - reading a console log while it grows and is rotated.
 */
#include "store_kit.h"

#include <poll.h>

#include "log.h"
#include "supervisor/console.h"
#include "supervisor/control.h"

struct place {
	char *dir;
	stoker *s;
	struct stoker_vm vm;
	char path[4096];
};

/* A VM that was never started: a record and its folder are all a log needs. */
static int make(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct stoker_options options = { 0 };
	struct vm_record rec = { 0 };
	struct store_pools pools = { 0 };
	struct stoker_error err = { 0 };
	void *dir;
	char path[4096];
	if (!p || kit_make(&dir) != 0)
		return -1;
	p->dir = dir;
	options.state_dir = p->dir;
	if (stoker_open(&options, &p->s, &err) != STOKER_OK) {
		print_error("%s\n", err.why);
		return -1;
	}
	memcpy(rec.vm.id, "0123456789abcdef", 17);
	memcpy(rec.vm.name, "talker", 7);
	memcpy(rec.vm.image, "micro", 6);
	memcpy(rec.vm.backend, "qemu", 5);
	memcpy(rec.vm.accel, "tcg", 4);
	memcpy(rec.vm.egress, "all", 4);
	rec.vm.vcpus = 1;
	rec.vm.memory_mib = 256;
	rec.vm.disk_mib = 64;
	rec.vm.exit_status = -1;
	rec.vm.phase = rec.vm.last_phase = STOKER_PHASE_NONE;
	rec.vm.network = STOKER_NET_NONE;
	rec.vm.created_at_ms = clock_wall_ms();
	rec.op.kind = STOKER_PHASE_NONE;
	if (store_insert(p->s->store, &rec, &pools, &err) != STOKER_OK) {
		print_error("%s\n", err.why);
		return -1;
	}
	if (!path_state(p->s, path, "vms/0123456789abcdef") || mkdir(path, 0700) < 0 ||
	    !path_state(p->s, p->path, "vms/0123456789abcdef/console.log"))
		return -1;
	*state = p;
	return 0;
}

static int drop(void **state)
{
	struct place *p = *state;
	void *dir = p->dir;
	stoker_close(p->s);
	free(p);
	return kit_drop(&dir);
}

static void let_go(struct console *c)
{
	close(c->fd);
	close(c->dir);
}

static stoker_log *follow(struct place *p, int lines)
{
	struct stoker_error err = { 0 };
	stoker_log *log;
	if (stoker_log_open(p->s, "talker", lines, &log, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	return log;
}

static void expect(stoker_log *log, const char *want)
{
	char got[65536];
	size_t len = 0;
	ssize_t n;
	while ((n = stoker_log_read(log, got + len, 7)) > 0)
		len += (size_t)n;
	assert_int_equal(n, 0);
	got[len] = '\0';
	assert_string_equal(got, want);
}

static bool readable(stoker_log *log, int ms)
{
	struct pollfd pfd = { .fd = stoker_log_fd(log), .events = POLLIN };
	return poll(&pfd, 1, ms) == 1;
}

static void tails(void **state)
{
	struct place *p = *state;
	struct console c;
	stoker_log *log;
	static const struct {
		int lines;
		const char *want;
	} cases[] = { { -1, "old 1\nold 2\nnew 1\nnew 2\nhalf" }, { 0, "" }, { 1, "half" }, { 2, "new 2\nhalf" },
		      { 3, "new 1\nnew 2\nhalf" }, { 4, "old 2\nnew 1\nnew 2\nhalf" },
		      { 5, "old 1\nold 2\nnew 1\nnew 2\nhalf" }, { 99, "old 1\nold 2\nnew 1\nnew 2\nhalf" } };
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "old 1\nold 2\n", 12);
	let_go(&c);
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "new 1\nnew 2\nhalf", 16);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		log = follow(p, cases[i].lines);
		expect(log, cases[i].want);
		stoker_log_close(log);
	}
	console_write(&c, "\n", 1);
	log = follow(p, 1);
	expect(log, "half\n");
	stoker_log_close(log);
	let_go(&c);
}

static void long_tail(void **state)
{
	struct place *p = *state;
	struct console c;
	char line[64], want[64 * 100] = "";
	stoker_log *log;
	size_t len = 0;
	assert_true(console_open(&c, p->path, true));
	for (int i = 0; i < 5000; i++) {
		int n = snprintf(line, sizeof line, "line %d of a log that is longer than a block\n", i);
		console_write(&c, line, (size_t)n);
		if (i >= 4950)
			len += (size_t)snprintf(want + len, sizeof want - len, "%s", line);
	}
	log = follow(p, 50);
	expect(log, want);
	stoker_log_close(log);
	let_go(&c);
}

static void follows_what_is_written(void **state)
{
	struct place *p = *state;
	stoker_log *log = follow(p, -1); /* before there is a file */
	struct console c;
	expect(log, "");
	assert_false(readable(log, 0));
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "first", 5);
	assert_true(readable(log, 5000));
	expect(log, "first");
	assert_false(readable(log, 0));
	console_write(&c, " second", 7);
	assert_true(readable(log, 5000));
	expect(log, " second");
	let_go(&c);
	/* The VM starts again: another file. */
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "third", 5);
	assert_true(readable(log, 5000));
	expect(log, "third");
	let_go(&c);
	stoker_log_close(log);
}

static void nothing_lost_over_rotations(void **state)
{
	struct place *p = *state;
	struct console c;
	stoker_log *log;
	char *block = malloc(65536), *got = malloc(65536);
	uint64_t written = 0, read_bytes = 0;
	assert_non_null(block);
	assert_non_null(got);
	assert_true(console_open(&c, p->path, true));
	log = follow(p, -1);
	for (int i = 0; i < 3 * (CONSOLE_LOG_CAP / 65536); i++) {
		ssize_t n;
		for (size_t k = 0; k < 65536; k++)
			block[k] = (char)(written++ % 251);
		console_write(&c, block, 65536);
		if (i % 17)
			continue;
		while ((n = stoker_log_read(log, got, 65536)) > 0)
			for (ssize_t k = 0; k < n; k++)
				assert_int_equal((unsigned char)got[k], read_bytes++ % 251);
		assert_int_equal(n, 0);
		assert_int_equal(read_bytes, written);
	}
	/* Twice while it was not looked at: what is left of the middle comes, then the newest. */
	for (int i = 0; i < 2 * (CONSOLE_LOG_CAP / 65536) + 5; i++)
		console_write(&c, block, 65536);
	stoker_log_close(log);
	let_go(&c);
	free(block);
	free(got);
}

static void rotated_twice_unseen(void **state)
{
	struct place *p = *state;
	struct console c;
	stoker_log *log;
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "one\n", 4);
	log = follow(p, -1);
	expect(log, "one\n");
	console_write(&c, "end of one\n", 11);
	let_go(&c);
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "two\n", 4);
	let_go(&c);
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "three\n", 6);
	expect(log, "end of one\ntwo\nthree\n");
	let_go(&c);
	stoker_log_close(log);
}

static void last_lines(void **state)
{
	struct place *p = *state;
	struct console c;
	char out[64];
	assert_string_equal(log_last_lines(p->s, "0123456789abcdef", 3, out, sizeof out), "");
	assert_true(console_open(&c, p->path, true));
	console_write(&c, "a\nb \x1b[31m\r\n\nc", 13);
	assert_string_equal(log_last_lines(p->s, "0123456789abcdef", 4, out, sizeof out), "a | b ?[31m | c");
	assert_string_equal(log_last_lines(p->s, "0123456789abcdef", 1, out, sizeof out), "c");
	for (int i = 0; i < 1000; i++)
		console_write(&c, "long line without any end ", 26);
	assert_true(strlen(log_last_lines(p->s, "0123456789abcdef", 4, out, sizeof out)) < sizeof out);
	let_go(&c);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tails), TEST(long_tail), TEST(follows_what_is_written), TEST(nothing_lost_over_rotations),
		TEST(rotated_twice_unseen), TEST(last_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
