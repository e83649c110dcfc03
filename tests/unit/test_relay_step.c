/* SPDX-License-Identifier: Apache-2.0
 *
 * test_relay_step.c - the supervisor's relay: hellos, losing step and finding it, the agent going and coming.
 */
#include "relay_world.h"

static void hello_is_taken_and_given(void **state)
{
	(void)state;
	relay_guest_up(&w.relay);
	relay_client_up(&w.relay, 5);
	expect_nothing();
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	assert_int_equal(w.hellos, 1);
	assert_string_equal(w.last.host_key, KEY);
	assert_string_equal(w.last.agent, "0.1.0");
	assert_string_equal(w.last.marks, "init:12,net:30");
	assert_memory_equal(expect(5, FRAME_HELLO)->head, HELLO, 40);
	relay_client_up(&w.relay, 6);
	expect(6, FRAME_HELLO);
	/* A second one greets nobody twice: it could be a flood. */
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	expect_nothing();
}

static void hellos_that_lie(void **state)
{
	static const char *const bad[] = {
		"", "protocol=1\n", "agent=0.1\n", "protocol=2\nagent=0.1\n", "protocol=1\nagent=\x1b[2J\n",
		"protocol=1\nagent=0.1\nhost_key=ssh-rsa AAAA\n", "protocol=1\nagent=0.1\nhost_key=" KEY "A\n",
		"protocol=1\nagent=0.1\nhost_key=" KEY " comment\n", "protocol=1\nprotocol=1\nagent=0.1\n",
		"protocol=1\nagent=0123456789012345678901234567890123456789\n", "protocol=1\nagent=0.1\nno equals sign\n",
		/* the right length, another type in the blob */
		"protocol=1\nagent=0.1\nhost_key=ssh-ed25519 AAAAC3NzaC1lZDI1NTE4AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n",
	};
	struct hello h;
	const char *why;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		assert_false(hello_parse(bad[i], strlen(bad[i]), &h, &why));
		assert_non_null(why);
	}
	assert_false(hello_parse("protocol=1\nagent=0.1\n\0=", 23, &h, &why));
	/* Marks are only decoration: the bad ones go, the good ones stay, and they fit. */
	assert_true(hello_parse("protocol=1\nagent=0.1\nmarks=a:1,,b,c:x,:5,d:2,e:\x1b\n", 49, &h, &why));
	assert_string_equal(h.marks, "a:1,d:2");
	assert_true(hello_parse("agent=0.1\nprotocol=1\nlater=thing", 32, &h, &why));
}

static void garbage_ends_in_step_again(void **state)
{
	static const char junk[] = "this is no frame at all, whatever one thinks of it";
	uint8_t answer[1000];
	size_t n = 0;
	(void)state;
	exec(0, 1);
	expect(-1, FRAME_EXEC);
	client(1, FRAME_PING, 8, "x", 1);
	expect(-1, FRAME_PING);
	relay_guest_input(&w.relay, (const uint8_t *)junk, sizeof junk);
	expect_exit(0, 1, FRAME_NOT_RUN, EPROTO);
	expect_exit(1, 8, FRAME_NOT_RUN, EPROTO);
	assert_int_equal(expect(-1, FRAME_SYNC)->f.length, FRAME_NONCE);
	assert_int_equal(w.zeros, 1);
	assert_int_equal(w.discards, 1);
	/* Meanwhile a command is answered, not queued for ever. */
	exec(0, 2);
	expect_exit(0, 2, FRAME_NOT_RUN, ECONNRESET);
	/* Rests of frames, then the nonce cut in two, then the hello. */
	n = frame(answer, FRAME_STDOUT, 5, "rest", 4);
	memcpy(answer + n, w.nonce, FRAME_NONCE);
	n += FRAME_NONCE;
	n += frame(answer + n, FRAME_HELLO, 0, HELLO, strlen(HELLO));
	for (size_t at = 0, end = 1; at < n; end += 3) {
		if (end > n)
			end = n;
		at += relay_guest_input(&w.relay, answer + at, end - at);
	}
	assert_int_equal(w.relay.state, RELAY_OPEN);
	expect_nothing(); /* both were greeted before */
	exec(0, 3);
	expect(-1, FRAME_EXEC);
	assert_int_equal(w.lost, 1);
}

static void garbage_for_ever_ends_the_channel(void **state)
{
	uint8_t *junk = malloc(1 << 20);
	(void)state;
	assert_non_null(junk);
	memset(junk, 0x55, 1 << 20);
	for (int i = 0; i < 1000 && w.relay.state != RELAY_BROKEN; i++)
		relay_guest_input(&w.relay, junk, 1 << 20);
	free(junk);
	assert_int_equal(w.relay.state, RELAY_BROKEN);
	assert_int_equal(w.broken, 1);
	assert_int_equal(w.lost, RELAY_RESYNCS_MAX);
	assert_true(w.ended[0] && w.ended[1] && w.ended[2]);
	/* Whoever comes later is told at once. */
	w.at = w.count;
	w.ended[3] = false;
	relay_client_up(&w.relay, 3);
	expect_exit(3, 0, FRAME_NOT_RUN, EPROTO);
	assert_true(w.ended[3]);
}

static void silence_after_a_sync(void **state)
{
	(void)state;
	relay_guest_input(&w.relay, (const uint8_t *)"no frame, no frame", 18);
	for (int i = 0; i < RELAY_RESYNCS_MAX; i++)
		relay_sync_failed(&w.relay);
	assert_int_equal(w.relay.state, RELAY_BROKEN);
}

static void what_only_a_host_says(void **state)
{
	static const uint8_t types[] = { FRAME_EXEC, FRAME_STDIN, FRAME_SYNC, FRAME_SIGNAL, FRAME_POWEROFF, FRAME_PING };
	(void)state;
	for (size_t i = 0; i < sizeof types; i++) {
		ready(state);
		guest(types[i], 1, "0123456789abcdef", 16);
		assert_int_equal(w.lost, 1);
	}
}

static void nothing_before_a_hello(void **state)
{
	(void)state;
	relay_guest_up(&w.relay);
	guest(FRAME_STDOUT, 1, "x", 1);
	assert_int_equal(w.lost, 1);
}

static void agent_starts_again(void **state)
{
	(void)state;
	exec(0, 1);
	expect(-1, FRAME_EXEC);
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	expect_exit(0, 1, FRAME_NOT_RUN, ECONNRESET);
	assert_int_equal(w.relay.streams, 0);
	assert_int_equal(w.hellos, 2);
}

static void guest_goes_away(void **state)
{
	(void)state;
	exec(0, 1);
	expect(-1, FRAME_EXEC);
	relay_guest_down(&w.relay, "the VM has ended");
	expect_exit(0, 1, FRAME_NOT_RUN, ECONNRESET);
	expect_nothing();
}

static void adoption(void **state)
{
	uint8_t nonce[FRAME_NONCE] = "0123456789abcde";
	uint8_t half[40];
	(void)state;
	relay_guest_up(&w.relay);
	relay_sync(&w.relay, nonce);
	expect(-1, FRAME_SYNC);
	memset(half, 0x11, sizeof half); /* the middle of somebody's output */
	relay_guest_input(&w.relay, half, sizeof half);
	relay_client_up(&w.relay, 0);
	relay_guest_input(&w.relay, nonce, sizeof nonce);
	assert_int_equal(w.relay.state, RELAY_OPEN);
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	expect(0, FRAME_HELLO);
	assert_int_equal(w.lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(hello_is_taken_and_given), FRESH(hellos_that_lie), READY(garbage_ends_in_step_again),
		READY(garbage_for_ever_ends_the_channel), READY(silence_after_a_sync), READY(what_only_a_host_says),
		FRESH(nothing_before_a_hello), READY(agent_starts_again), READY(guest_goes_away), FRESH(adoption),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
