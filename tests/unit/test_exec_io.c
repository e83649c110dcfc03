/* SPDX-License-Identifier: Apache-2.0
 *
 * test_exec_io.c - output to memory, files, pipes, terminals and sockets,
 * whose readers are slow, gone or patient; no call may block past its deadline.
 */
#include "store_kit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "guest/session.h"

static void memory_with_a_ceiling(void **state)
{
	struct exec_sink sink;
	(void)state;
	exec_sink_open(&sink, -1, 10);
	assert_int_equal(exec_deliver(&sink, "12345", 5, INT64_MAX, -1), 0);
	assert_false(sink.truncated);
	assert_int_equal(exec_deliver(&sink, "678901234", 9, INT64_MAX, -1), 0);
	assert_true(sink.truncated);
	assert_int_equal(sink.bytes, 10);
	assert_string_equal(sink.data, "1234567890");
	assert_int_equal(exec_deliver(&sink, "x", 1, INT64_MAX, -1), 0);
	assert_int_equal(sink.len, 10);
	exec_sink_close(&sink);
	free(sink.data);
}

static void memory_grows(void **state)
{
	struct exec_sink sink;
	char block[1000];
	(void)state;
	memset(block, 'x', sizeof block);
	exec_sink_open(&sink, -1, 1 << 20);
	for (int i = 0; i < 500; i++)
		assert_int_equal(exec_deliver(&sink, block, sizeof block, INT64_MAX, -1), 0);
	assert_int_equal(sink.len, 500000);
	assert_int_equal(strlen(sink.data), 500000);
	free(sink.data);
}

static void dropped(void **state)
{
	struct exec_sink sink;
	(void)state;
	exec_sink_open(&sink, -1, 0);
	assert_int_equal(exec_deliver(&sink, "12345", 5, INT64_MAX, -1), 0);
	assert_null(sink.data);
	assert_int_equal(sink.bytes, 0);
}

static void pipe_without_a_reader_in_time(void **state)
{
	char *block = calloc(1, 1 << 20);
	struct exec_sink sink;
	int64_t start = clock_now_ns(), took;
	int fds[2];
	(void)state;
	assert_non_null(block);
	assert_int_equal(pipe(fds), 0);
	exec_sink_open(&sink, fds[1], 0);
	assert_int_equal(exec_deliver(&sink, block, 1 << 20, deadline_after_ms(100), -1), ETIMEDOUT);
	took = clock_now_ns() - start;
	assert_true(took >= 90 * NS_PER_MS && took < 10 * NS_PER_S);
	/* The caller's own descriptor is blocking still. */
	assert_false(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	exec_sink_close(&sink);
	close(fds[0]);
	close(fds[1]);
	free(block);
}

static void cancelled_while_waiting(void **state)
{
	char *block = calloc(1, 1 << 20);
	struct exec_sink sink;
	int fds[2], cancel[2];
	(void)state;
	assert_non_null(block);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	exec_sink_open(&sink, fds[1], 0);
	assert_int_equal(exec_deliver(&sink, block, 1 << 20, INT64_MAX, cancel[0]), ECANCELED);
	exec_sink_close(&sink);
	close(fds[0]);
	close(fds[1]);
	close(cancel[0]);
	close(cancel[1]);
	free(block);
}

static void reader_is_gone(void **state)
{
	struct exec_sink sink;
	int fds[2];
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* session.c blocks it for the thread */
	assert_int_equal(pipe(fds), 0);
	exec_sink_open(&sink, fds[1], 0);
	close(fds[0]);
	assert_int_equal(exec_deliver(&sink, "x", 1, INT64_MAX, -1), 0);
	assert_true(sink.broken);
	assert_int_equal(exec_deliver(&sink, "more", 4, INT64_MAX, -1), 0);
	assert_int_equal(sink.bytes, 0);
	exec_sink_close(&sink);
	close(fds[1]);
}

struct drain {
	int fd;
	size_t total;
	bool same;
};

static void *drain(void *arg)
{
	struct drain *d = arg;
	unsigned char buf[1000];
	ssize_t n;
	d->same = true;
	while ((n = read(d->fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			d->same &= buf[i] == (unsigned char)(d->total++ * 7);
	return NULL;
}

/* A megabyte through a descriptor whose reader takes a kilobyte at a time. */
static void through(int out, int in, bool careful)
{
	unsigned char *block = malloc(1 << 20);
	struct drain d = { .fd = in };
	struct exec_sink sink;
	pthread_t thread;
	assert_non_null(block);
	for (size_t i = 0; i < 1 << 20; i++)
		block[i] = (unsigned char)(i * 7);
	exec_sink_open(&sink, out, 0);
	if (careful) { /* what is left when it cannot be opened again */
		exec_sink_close(&sink);
		sink.careful = true;
	}
	assert_int_equal(pthread_create(&thread, NULL, drain, &d), 0);
	assert_int_equal(exec_deliver(&sink, block, 1 << 20, deadline_after_ms(60000), -1), 0);
	exec_sink_close(&sink);
	close(out);
	pthread_join(thread, NULL);
	close(in);
	assert_true(d.same);
	assert_int_equal(d.total, 1 << 20);
	assert_int_equal(sink.bytes, 1 << 20);
	free(block);
}

static void every_byte_arrives(void **state)
{
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	through(fds[1], fds[0], false);
	assert_int_equal(pipe(fds), 0);
	through(fds[1], fds[0], true);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, 0), 0);
	through(fds[1], fds[0], false);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	through(fds[1], fds[0], false);
}

static void file_keeps_its_place(void **state)
{
	char path[4096], buf[16] = "";
	struct exec_sink sink;
	int fd = open(kit_path(path, *state, "out"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "ab", 2), 2);
	exec_sink_open(&sink, fd, 0);
	assert_int_equal(exec_deliver(&sink, "cd", 2, INT64_MAX, -1), 0);
	exec_sink_close(&sink);
	assert_int_equal(write(fd, "ef", 2), 2); /* behind it: the offset is shared, as in a shell */
	assert_int_equal(pread(fd, buf, sizeof buf, 0), 6);
	assert_string_equal(buf, "abcdef");
	close(fd);
}

static void full_disk(void **state)
{
	struct exec_sink sink;
	int fd = open("/dev/full", O_WRONLY);
	(void)state;
	if (fd < 0)
		skip();
	exec_sink_open(&sink, fd, 0);
	assert_int_equal(exec_deliver(&sink, "x", 1, INT64_MAX, -1), ENOSPC);
	exec_sink_close(&sink);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_with_a_ceiling),
		cmocka_unit_test(memory_grows),
		cmocka_unit_test(dropped),
		cmocka_unit_test(pipe_without_a_reader_in_time),
		cmocka_unit_test(cancelled_while_waiting),
		cmocka_unit_test(reader_is_gone),
		cmocka_unit_test(every_byte_arrives),
		cmocka_unit_test_setup_teardown(file_keeps_its_place, kit_make, kit_drop),
		cmocka_unit_test(full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
