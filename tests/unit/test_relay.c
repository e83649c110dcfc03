/* SPDX-License-Identifier: Apache-2.0
 *
 * test_relay.c - the supervisor's relay: renumbering, credit, lies, losing step.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/relay.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define HELLO "protocol=1\nagent=0.1.0\nhost_key=" KEY "\nmarks=init:12,net:30\n"

/* One frame that came out. */
struct sent {
	int to; /* client, or -1: the guest */
	struct frame f;
	uint8_t head[64];
};

static struct world {
	struct relay relay;
	struct sent sent[4096];
	size_t count, at;
	unsigned hellos, byes, asks, lost, broken, discards, zeros;
	bool ended[RELAY_CLIENTS_MAX];
	struct hello last;
	uint8_t nonce[FRAME_NONCE];
	uint8_t pieces[8 * 1024 * 1024];
} w;

static void record(int to, const void *a, size_t alen, const void *b, size_t blen)
{
	struct sent *s = &w.sent[w.count % (sizeof w.sent / sizeof *w.sent)];
	assert_int_equal(alen, FRAME_HEADER);
	assert_true(frame_read_header(a, &s->f));
	assert_int_equal(s->f.length, blen);
	s->to = to;
	memset(s->head, 0, sizeof s->head);
	if (blen > 0)
		memcpy(s->head, b, blen < sizeof s->head ? blen : sizeof s->head);
	w.count++;
}

static void client_send(void *user, unsigned client, const void *a, size_t alen, const void *b, size_t blen)
{
	(void)user;
	assert_false(w.ended[client]);
	record((int)client, a, alen, b, blen);
}

static void guest_send(void *user, const void *a, size_t alen, const void *b, size_t blen)
{
	(void)user;
	if (alen == FRAME_PAYLOAD_MAX) {
		w.zeros++;
		return;
	}
	record(-1, a, alen, b, blen);
}

static void guest_discard(void *user)
{
	(void)user;
	w.discards++;
}

static void client_end(void *user, unsigned client)
{
	(void)user;
	w.ended[client] = true;
}

static void hello(void *user, const struct hello *h)
{
	(void)user;
	w.hellos++;
	w.last = *h;
}

static void bye(void *user, const char *how)
{
	(void)user;
	(void)how;
	w.byes++;
}

static void asked(void *user)
{
	(void)user;
	w.asks++;
}

static void lost_step(void *user, const char *why)
{
	(void)user;
	assert_non_null(why);
	w.lost++;
	memset(w.nonce, 0xa0 + (int)w.lost, sizeof w.nonce);
	relay_sync(&w.relay, w.nonce);
}

static void broken(void *user, const char *why)
{
	(void)user;
	assert_non_null(why);
	w.broken++;
}

static const struct relay_ops ops = { client_send, guest_send, guest_discard, client_end, hello, bye,
	                              asked,       lost_step,  broken };

static size_t frame(uint8_t *out, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .type = type, .stream = stream, .length = (uint32_t)len };
	frame_write_header(out, &f);
	if (len > 0)
		memcpy(out + FRAME_HEADER, data, len);
	return FRAME_HEADER + len;
}

static void guest(uint8_t type, uint32_t stream, const void *data, size_t len)
{
	size_t n = frame(w.pieces, type, stream, data, len);
	assert_int_equal(relay_guest_input(&w.relay, w.pieces, n), n);
}

static void client(unsigned i, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	size_t n = frame(w.pieces, type, stream, data, len);
	assert_int_equal(relay_client_input(&w.relay, i, w.pieces, n), n);
}

/* The next frame that came out must be this one. */
static struct sent *expect(int to, uint8_t type)
{
	struct sent *s = &w.sent[w.at];
	assert_true(w.at < w.count);
	w.at++;
	assert_int_equal(s->f.type, type);
	assert_int_equal(s->to, to);
	return s;
}

static void expect_nothing(void)
{
	assert_int_equal(w.at, w.count);
}

static void exec(unsigned i, uint32_t stream)
{
	client(i, FRAME_EXEC, stream, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0ls", 17);
}

static int fresh(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	relay_init(&w.relay, &ops, NULL);
	return 0;
}

static int ready(void **state)
{
	fresh(state);
	relay_guest_up(&w.relay);
	guest(FRAME_HELLO, 0, HELLO, strlen(HELLO));
	for (unsigned i = 0; i < 3; i++) {
		relay_client_up(&w.relay, i);
		expect((int)i, FRAME_HELLO);
	}
	return 0;
}

static void expect_exit(int to, uint32_t stream, int kind, int value)
{
	struct sent *s = expect(to, FRAME_EXIT);
	assert_int_equal(s->f.stream, stream);
	assert_int_equal(s->head[0], kind);
	assert_int_equal((int)frame_get32(s->head + 1), value);
}

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

#define FRESH(t) cmocka_unit_test_setup(t, fresh)
#define READY(t) cmocka_unit_test_setup(t, ready)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(hello_is_taken_and_given), FRESH(hellos_that_lie), READY(command_goes_both_ways),
		READY(same_numbers_of_two_clients), READY(guest_exceeds_its_credit), READY(guest_lies_about_a_stream),
		READY(output_behind_its_end), READY(terminal_has_no_stderr), READY(clients_that_break_the_rules),
		READY(frames_for_ended_streams_are_no_crime), READY(as_many_streams_as_there_are), READY(questions),
		READY(poweroff_is_noted_first), READY(poweroff_waits_for_an_agent_that_is_away), READY(closing_a_stream),
		READY(garbage_ends_in_step_again), READY(garbage_for_ever_ends_the_channel), READY(silence_after_a_sync),
		READY(what_only_a_host_says), FRESH(nothing_before_a_hello), READY(agent_starts_again),
		READY(guest_goes_away), FRESH(adoption),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
