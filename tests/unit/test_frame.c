/* SPDX-License-Identifier: Apache-2.0
 *
 * test_frame.c - headers, whole frames, and the client's view of a command.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/channel_wire.h"

static void header_goes_both_ways(void **state)
{
	const struct frame in = { .length = 0x8123, .stream = 0xdeadbeef, .type = FRAME_STDOUT };
	struct frame out;
	uint8_t head[FRAME_HEADER];
	(void)state;
	frame_write_header(head, &in);
	assert_true(frame_read_header(head, &out));
	assert_int_equal(out.length, in.length);
	assert_int_equal(out.stream, in.stream);
	assert_int_equal(out.type, in.type);
	/* The very bytes, so that no side can change them alone. */
	assert_memory_equal(head, "\x23\x81\x00\x00\x05\x01", 6);
	assert_memory_equal(head + 8, "\xef\xbe\xad\xde", 4);
}

static void every_changed_bit_is_noticed(void **state)
{
	const struct frame in = { .length = 1000, .stream = 77, .type = FRAME_EXEC };
	struct frame out;
	uint8_t head[FRAME_HEADER];
	(void)state;
	frame_write_header(head, &in);
	for (unsigned bit = 0; bit < FRAME_HEADER * 8; bit++) {
		head[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(frame_read_header(head, &out));
		head[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(frame_read_header(head, &out));
}

static void impossible_headers(void **state)
{
	const struct frame bad[] = { { .length = FRAME_PAYLOAD_MAX + 1, .type = FRAME_STDOUT }, { .type = 0 },
		                     { .type = FRAME_TYPE_END }, { .length = 0xffffffff, .type = FRAME_HELLO } };
	struct frame out;
	uint8_t head[FRAME_HEADER] = { 0 };
	(void)state;
	assert_false(frame_read_header(head, &out)); /* zeros: what is sent before a SYNC */
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		frame_write_header(head, &bad[i]);
		assert_false(frame_read_header(head, &out));
	}
}

static void next_frame(void **state)
{
	uint8_t buf[FRAME_HEADER + 4];
	struct frame f = { .length = 4, .type = FRAME_STDIN, .stream = 1 };
	(void)state;
	frame_write_header(buf, &f);
	memcpy(buf + FRAME_HEADER, "abcd", 4);
	for (size_t n = 0; n < sizeof buf; n++)
		assert_int_equal(frame_next(buf, n, &f), 0);
	assert_int_equal(frame_next(buf, sizeof buf, &f), (long)sizeof buf);
	buf[6] ^= 1;
	assert_int_equal(frame_next(buf, FRAME_HEADER, &f), -1);
}

static void exec_payload(void **state)
{
	static uint8_t out[FRAME_PAYLOAD_MAX];
	const char *const argv[] = { "ls", "-l", NULL }, *const env[] = { "A=1", NULL };
	struct stoker_exec exec = { .argv = argv, .env = env, .dir = "/tmp", .user = "me" };
	static const char want[] = "me\0/tmp\0ls\0-l\0A=1";
	size_t len = wire_exec(&exec, out);
	(void)state;
	assert_int_equal(len, 12 + sizeof want);
	assert_memory_equal(out, "\0\0\0\0\0\0\0\0\2\0\1\0", 12);
	assert_memory_equal(out + 12, want, sizeof want);
	exec.tty = true;
	exec.rows = 24;
	exec.cols = 80;
	len = wire_exec(&exec, out);
	assert_memory_equal(out, "\1\0\0\0\x18\0\x50\0\2\0\2\0", 12);
	assert_non_null(memmem(out, len, "TERM=xterm-256color", 20));
}

static void exec_too_large(void **state)
{
	static uint8_t out[FRAME_PAYLOAD_MAX];
	char *large = malloc(FRAME_PAYLOAD_MAX);
	const char *argv[] = { "echo", large, NULL };
	struct stoker_exec exec = { .argv = argv };
	(void)state;
	assert_non_null(large);
	memset(large, 'x', FRAME_PAYLOAD_MAX - 1);
	large[FRAME_PAYLOAD_MAX - 1] = '\0';
	assert_int_equal(wire_exec(&exec, out), 0);
	/* 12 bytes, two empty strings, "echo", and what is left with its NUL: exactly full. */
	large[FRAME_PAYLOAD_MAX - 12 - 2 - 5 - 1] = '\0';
	assert_int_equal(wire_exec(&exec, out), FRAME_PAYLOAD_MAX);
	argv[0] = NULL;
	assert_int_equal(wire_exec(&exec, out), 0);
	free(large);
}

static enum wire_action give(struct wire_command *c, uint8_t type, uint32_t stream, const void *data, uint32_t len,
                             int *which)
{
	struct frame f = { .type = type, .stream = stream, .length = len };
	return wire_command_frame(c, &f, data, which);
}

static void command_to_its_end(void **state)
{
	struct wire_command c;
	int which = -1;
	(void)state;
	wire_command_init(&c, 9, false);
	assert_int_equal(give(&c, FRAME_STDOUT, 8, "late", 4, &which), WIRE_NOTHING);
	assert_int_equal(give(&c, FRAME_STDERR, 9, "bad", 3, &which), WIRE_DELIVER);
	assert_int_equal(which, 1);
	assert_int_equal(give(&c, FRAME_EXIT, 9, "\0\7\0\0\0", 5, &which), WIRE_ENDED);
	assert_false(wire_command_done(&c)); /* its output has not ended */
	assert_int_equal(give(&c, FRAME_STDOUT, 9, "rest", 4, &which), WIRE_DELIVER);
	assert_int_equal(give(&c, FRAME_STDOUT, 9, NULL, 0, &which), WIRE_NOTHING);
	assert_int_equal(give(&c, FRAME_STDERR, 9, NULL, 0, &which), WIRE_NOTHING);
	assert_true(wire_command_done(&c));
	assert_int_equal(c.exit.value, 7);
}

static void command_lies(void **state)
{
	static uint8_t full[FRAME_PAYLOAD_MAX];
	struct wire_command c;
	int which;
	(void)state;
	wire_command_init(&c, 1, false);
	for (int i = 0; i < FRAME_WINDOW / FRAME_PAYLOAD_MAX; i++)
		assert_int_equal(give(&c, FRAME_STDOUT, 1, full, sizeof full, &which), WIRE_DELIVER);
	assert_int_equal(give(&c, FRAME_STDOUT, 1, full, 1, &which), WIRE_BROKEN); /* past its credit */
	assert_int_equal(give(&c, FRAME_CREDIT, 1, "\0\1\0\0\0", 5, &which), WIRE_BROKEN); /* more than there can be */
	wire_command_init(&c, 1, false);
	c.in_credit = 0;
	assert_int_equal(give(&c, FRAME_CREDIT, 1, "\0\0\0\20\0", 5, &which), WIRE_NOTHING);
	assert_int_equal(c.in_credit, FRAME_WINDOW);
	assert_int_equal(give(&c, FRAME_CREDIT, 1, "\1\1\0\0\0", 5, &which), WIRE_BROKEN);
	assert_int_equal(give(&c, FRAME_CREDIT, 1, "\0\0\0\0\0", 5, &which), WIRE_BROKEN);
	assert_int_equal(give(&c, FRAME_EXIT, 1, "\0\0\1\0\0", 5, &which), WIRE_BROKEN); /* exit code 256 */
	assert_int_equal(give(&c, FRAME_EXIT, 1, "\3\0\0\0\0", 5, &which), WIRE_BROKEN);
	assert_int_equal(give(&c, FRAME_EXIT, 1, "\0\0", 2, &which), WIRE_BROKEN);
	assert_int_equal(give(&c, FRAME_HELLO, 1, "x", 1, &which), WIRE_BROKEN);
	assert_int_equal(give(&c, FRAME_STDOUT, 1, NULL, 0, &which), WIRE_NOTHING);
	assert_int_equal(give(&c, FRAME_STDOUT, 1, "x", 1, &which), WIRE_BROKEN); /* behind the end */
}

static void credit_comes_back_in_pieces(void **state)
{
	struct wire_command c;
	(void)state;
	wire_command_init(&c, 1, false);
	c.credit[0] = 0;
	assert_int_equal(wire_command_consumed(&c, 0, FRAME_WINDOW / 4 - 1), 0);
	assert_int_equal(wire_command_consumed(&c, 0, 1), FRAME_WINDOW / 4);
	assert_int_equal(c.credit[0], FRAME_WINDOW / 4);
	c.out_eof = true;
	assert_int_equal(wire_command_consumed(&c, 0, FRAME_WINDOW), 0);
}

static void not_run_and_lost(void **state)
{
	struct wire_command c;
	int which;
	(void)state;
	wire_command_init(&c, 1, false);
	assert_int_equal(give(&c, FRAME_EXIT, 1, "\2\2\0\0\0no \x1b[2Jsuch file", 20, &which), WIRE_ENDED);
	assert_true(wire_command_done(&c));
	assert_int_equal(c.exit.value, ENOENT);
	assert_null(strchr(c.exit.text, 0x1b));
	assert_int_equal(give(&c, FRAME_EXIT, 0, "\2\x47\0\0\0gone", 9, &which), WIRE_LOST);
	assert_string_equal(c.exit.text, "gone");
}

static bool stats(const char *text, struct stoker_guest_stats *out)
{
	return wire_stats_parse((const uint8_t *)text, strlen(text), out);
}

static void statistics(void **state)
{
	struct stoker_guest_stats s;
	(void)state;
	assert_true(stats("uptime_ms=1500\nload1=0.52\nload5=12\nload15=3.004\nmem_total_kib=7\nprocesses=42\nnew=x\n", &s));
	assert_int_equal(s.uptime_ms, 1500);
	assert_true(s.load1 > 0.519 && s.load1 < 0.521);
	assert_true(s.load15 > 3.0039 && s.load15 < 3.0041);
	assert_int_equal(s.processes, 42);
	assert_int_equal(s.rx_bytes, -1);
	assert_true(stats("uptime_ms=1\nrx_bytes=70000000000\ntx_bytes=3\n", &s));
	assert_int_equal(s.rx_bytes, 70000000000);
	assert_int_equal(s.tx_bytes, 3);
	assert_true(stats("uptime_ms=1\nrx_bytes=3\n", &s)); /* half an answer is none */
	assert_int_equal(s.rx_bytes, -1);
	assert_false(stats("uptime_ms=1\nrx_bytes=9000000000000000000\ntx_bytes=9000000000000000000\n", &s));
	assert_false(stats("", &s));
	assert_false(stats("uptime_ms=-1\n", &s));
	assert_false(stats("uptime_ms=1\nload1=nan\n", &s));
	assert_false(stats("uptime_ms=1\nload1=1e9\n", &s));
	assert_false(stats("uptime_ms=99999999999999999999\n", &s));
	assert_false(stats("uptime_ms=1\nnothing\n", &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_goes_both_ways), cmocka_unit_test(every_changed_bit_is_noticed),
		cmocka_unit_test(impossible_headers),    cmocka_unit_test(next_frame),
		cmocka_unit_test(exec_payload),          cmocka_unit_test(exec_too_large),
		cmocka_unit_test(command_to_its_end),    cmocka_unit_test(command_lies),
		cmocka_unit_test(credit_comes_back_in_pieces), cmocka_unit_test(not_run_and_lost),
		cmocka_unit_test(statistics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
