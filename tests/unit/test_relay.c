/* SPDX-License-Identifier: Apache-2.0
 *
 * test_relay.c - the supervisor's relay: renumbering, credit, lies, a client's rules.
 */
#include "relay_world.h"

static void command_goes_both_ways(void **state)
{
	uint32_t g;
	(void)state;
	exec(0, 7);
	g = expect(-1, FRAME_EXEC)->f.stream;
	assert_int_not_equal(g, 7);
	client(0, FRAME_STDIN, 7, "in", 2);
	assert_int_equal(expect(-1, FRAME_STDIN)->f.stream, g);
	client(0, FRAME_SIGNAL, 7, "\2\0\0\0", 4);
	expect(-1, FRAME_SIGNAL);
	client(0, FRAME_RESIZE, 7, "\2\0\3\0", 4);
	expect(-1, FRAME_RESIZE);
	guest(FRAME_STDOUT, g, "out", 3);
	assert_int_equal(expect(0, FRAME_STDOUT)->f.stream, 7);
	guest(FRAME_STDERR, g, "err", 3);
	expect(0, FRAME_STDERR);
	guest(FRAME_CREDIT, g, "\0\2\0\0\0", 5);
	expect(0, FRAME_CREDIT);
	guest(FRAME_STDOUT, g, NULL, 0);
	guest(FRAME_STDERR, g, NULL, 0);
	expect(0, FRAME_STDOUT);
	expect(0, FRAME_STDERR);
	guest(FRAME_EXIT, g, "\0\3\0\0\0", 5);
	expect_exit(0, 7, FRAME_EXITED, 3);
	assert_int_equal(w.relay.streams, 0);
	/* The number is free again, and the guest's is another one. */
	exec(0, 7);
	assert_int_not_equal(expect(-1, FRAME_EXEC)->f.stream, g);
	guest(FRAME_STDOUT, g, "late", 4);
	expect_nothing();
}

static void same_numbers_of_two_clients(void **state)
{
	uint32_t a, b;
	(void)state;
	exec(0, 1);
	exec(1, 1);
	a = expect(-1, FRAME_EXEC)->f.stream;
	b = expect(-1, FRAME_EXEC)->f.stream;
	assert_int_not_equal(a, b);
	guest(FRAME_STDOUT, b, "b", 1);
	guest(FRAME_STDOUT, a, "a", 1);
	assert_int_equal(expect(1, FRAME_STDOUT)->head[0], 'b');
	assert_int_equal(expect(0, FRAME_STDOUT)->head[0], 'a');
	/* One goes: its command alone is ended. */
	relay_client_down(&w.relay, 0);
	assert_int_equal(expect(-1, FRAME_CLOSE)->f.stream, a);
	guest(FRAME_STDOUT, a, "more", 4);
	guest(FRAME_STDOUT, b, "more", 4);
	expect(1, FRAME_STDOUT);
	guest(FRAME_EXIT, a, "\1\x9\0\0\0", 5);
	expect_nothing();
	assert_int_equal(w.relay.streams, 1);
}

static void guest_exceeds_its_credit(void **state)
{
	static uint8_t full[FRAME_PAYLOAD_MAX];
	uint32_t a, b;
	(void)state;
	exec(0, 1);
	exec(1, 2);
	a = expect(-1, FRAME_EXEC)->f.stream;
	b = expect(-1, FRAME_EXEC)->f.stream;
	for (int i = 0; i < FRAME_WINDOW / FRAME_PAYLOAD_MAX; i++) {
		guest(FRAME_STDOUT, a, full, sizeof full);
		expect(0, FRAME_STDOUT);
	}
	client(0, FRAME_CREDIT, 1, "\1\5\0\0\0", 5);
	expect(-1, FRAME_CREDIT);
	guest(FRAME_STDOUT, a, full, 5);
	expect(0, FRAME_STDOUT);
	guest(FRAME_STDOUT, a, full, 1);
	assert_int_equal(expect(-1, FRAME_CLOSE)->f.stream, a);
	expect_exit(0, 1, FRAME_NOT_RUN, EPROTO);
	/* That stream only. */
	guest(FRAME_STDOUT, b, "fine", 4);
	expect(1, FRAME_STDOUT);
	assert_int_equal(w.lost, 0);
}

static void guest_lies_about_a_stream(void **state)
{
	static const struct {
		uint8_t type;
		const char *data;
		size_t len;
	} lies[] = {
		{ FRAME_CREDIT, "\0\1\0\0\0", 5 },     /* there is all the credit already */
		{ FRAME_CREDIT, "\1\1\0\0\0", 5 },     /* for its own output */
		{ FRAME_CREDIT, "\0\0\0\0\0", 5 },     { FRAME_CREDIT, "\0\1", 2 },
		{ FRAME_CREDIT, "\0\xff\xff\xff\xff", 5 }, { FRAME_EXIT, "\0", 1 },
		{ FRAME_EXIT, "\7\0\0\0\0", 5 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		uint32_t g;
		exec(0, (uint32_t)i + 1);
		g = expect(-1, FRAME_EXEC)->f.stream;
		guest(lies[i].type, g, lies[i].data, lies[i].len);
		expect(-1, FRAME_CLOSE);
		expect_exit(0, (uint32_t)i + 1, FRAME_NOT_RUN, EPROTO);
		assert_int_equal(w.relay.streams, 0);
	}
	expect_nothing();
}

static void output_behind_its_end(void **state)
{
	uint32_t g;
	(void)state;
	exec(0, 1);
	g = expect(-1, FRAME_EXEC)->f.stream;
	guest(FRAME_STDOUT, g, NULL, 0);
	expect(0, FRAME_STDOUT);
	guest(FRAME_STDOUT, g, NULL, 0); /* a flood of empty frames costs no credit, so it must end */
	expect(-1, FRAME_CLOSE);
	expect_exit(0, 1, FRAME_NOT_RUN, EPROTO);
}

static void terminal_has_no_stderr(void **state)
{
	uint32_t g;
	(void)state;
	client(0, FRAME_EXEC, 1, "\1\0\0\0\x18\0\x50\0\1\0\0\0\0\0sh", 17);
	g = expect(-1, FRAME_EXEC)->f.stream;
	guest(FRAME_STDERR, g, NULL, 0); /* allowed, and not told */
	guest(FRAME_STDOUT, g, NULL, 0);
	expect(0, FRAME_STDOUT);
	guest(FRAME_EXIT, g, "\0\0\0\0\0", 5);
	expect(0, FRAME_EXIT);
	assert_int_equal(w.relay.streams, 0);
}

static void clients_that_break_the_rules(void **state)
{
	static uint8_t full[FRAME_PAYLOAD_MAX];
	(void)state;
	/* What only a guest may send. */
	client(0, FRAME_STDOUT, 1, "x", 1);
	expect_exit(0, 0, FRAME_NOT_RUN, EPROTO);
	assert_true(w.ended[0]);
	/* More stdin than allowed. */
	exec(1, 1);
	expect(-1, FRAME_EXEC);
	for (int i = 0; i < FRAME_WINDOW / FRAME_PAYLOAD_MAX; i++) {
		client(1, FRAME_STDIN, 1, full, sizeof full);
		expect(-1, FRAME_STDIN);
	}
	client(1, FRAME_STDIN, 1, full, 1);
	expect_exit(1, 0, FRAME_NOT_RUN, EPROTO);
	expect(-1, FRAME_CLOSE); /* and its command is ended */
	assert_true(w.ended[1]);
	/* More credit than the window. */
	exec(2, 1);
	expect(-1, FRAME_EXEC);
	client(2, FRAME_CREDIT, 1, "\1\1\0\0\0", 5);
	expect_exit(2, 0, FRAME_NOT_RUN, EPROTO);
	expect(-1, FRAME_CLOSE);
	/* A wrong header. */
	relay_client_up(&w.relay, 4);
	expect(4, FRAME_HELLO);
	assert_int_equal(relay_client_input(&w.relay, 4, full, 100), 100);
	expect_exit(4, 0, FRAME_NOT_RUN, EPROTO);
	assert_true(w.ended[4]);
	assert_int_equal(w.lost, 0);
}

static void frames_for_ended_streams_are_no_crime(void **state)
{
	(void)state;
	client(0, FRAME_STDIN, 99, "x", 1);
	client(0, FRAME_CREDIT, 99, "\1\1\0\0\0", 5);
	client(0, FRAME_SIGNAL, 99, "\1\0\0\0", 4);
	client(0, FRAME_CLOSE, 99, NULL, 0);
	guest(FRAME_STDOUT, 12345, "x", 1);
	guest(FRAME_EXIT, 12345, "\0\0\0\0\0", 5);
	guest(FRAME_PONG, 12345, "x", 1);
	expect_nothing();
	assert_false(w.ended[0]);
}

static void as_many_streams_as_there_are(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= FRAME_STREAMS_MAX; i++) {
		exec(i % 2, i);
		expect(-1, FRAME_EXEC);
	}
	exec(2, 1);
	expect_exit(2, 1, FRAME_NOT_RUN, EAGAIN);
	/* A ping still gets through. */
	client(2, FRAME_PING, 2, "abc", 3);
	expect(-1, FRAME_PING);
	relay_client_down(&w.relay, 0);
	assert_int_equal(w.relay.streams, FRAME_STREAMS_MAX); /* their ends are awaited */
}

static void questions(void **state)
{
	uint32_t first, second, stats;
	(void)state;
	client(0, FRAME_PING, 3, "one", 3);
	first = expect(-1, FRAME_PING)->f.stream;
	client(0, FRAME_PING, 4, "two", 3);
	second = expect(-1, FRAME_PING)->f.stream;
	guest(FRAME_PONG, first, "one", 3); /* replaced: nobody waits for it */
	expect_nothing();
	guest(FRAME_PONG, second, "two", 3);
	assert_int_equal(expect(0, FRAME_PONG)->f.stream, 4);
	guest(FRAME_PONG, second, "two", 3);
	expect_nothing();
	client(1, FRAME_STATS, 9, NULL, 0);
	stats = expect(-1, FRAME_STATS)->f.stream;
	guest(FRAME_PONG, stats, "x", 1); /* an answer to something else */
	expect_nothing();
	guest(FRAME_STATS, stats, "uptime_ms=1\n", 12);
	assert_int_equal(expect(1, FRAME_STATS)->f.stream, 9);
}

static void poweroff_is_noted_first(void **state)
{
	(void)state;
	client(0, FRAME_POWEROFF, 0, NULL, 0);
	assert_int_equal(w.asks, 1);
	expect(-1, FRAME_POWEROFF);
	guest(FRAME_BYE, 0, "poweroff", 8);
	guest(FRAME_BYE, 0, "\x1b[2J", 4);
	assert_int_equal(w.byes, 1);
}

static void poweroff_waits_for_an_agent_that_is_away(void **state)
{
	(void)state;
	relay_guest_down(&w.relay, "gone");
	client(0, FRAME_POWEROFF, 0, NULL, 0);
	expect_nothing();
	relay_guest_up(&w.relay);
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	expect(-1, FRAME_POWEROFF);
}

static void closing_a_stream(void **state)
{
	uint32_t g;
	(void)state;
	exec(0, 1);
	g = expect(-1, FRAME_EXEC)->f.stream;
	client(0, FRAME_CLOSE, 1, NULL, 0);
	expect(-1, FRAME_CLOSE);
	client(0, FRAME_CLOSE, 1, NULL, 0);
	guest(FRAME_STDOUT, g, "on the way", 10);
	expect_nothing();
	guest(FRAME_EXIT, g, "\1\x9\0\0\0", 5);
	expect_exit(0, 1, FRAME_SIGNALED, 9);
	assert_int_equal(w.relay.streams, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		READY(command_goes_both_ways), READY(same_numbers_of_two_clients), READY(guest_exceeds_its_credit),
		READY(guest_lies_about_a_stream), READY(output_behind_its_end), READY(terminal_has_no_stderr),
		READY(clients_that_break_the_rules), READY(frames_for_ended_streams_are_no_crime),
		READY(as_many_streams_as_there_are), READY(questions), READY(poweroff_is_noted_first),
		READY(poweroff_waits_for_an_agent_that_is_away), READY(closing_a_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
