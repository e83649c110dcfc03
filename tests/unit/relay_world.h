/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_world.h - a relay between nobody and nobody: frames go in, and what comes out is kept and asked for.
 */
#ifndef STOKER_TESTS_RELAY_WORLD_H
#define STOKER_TESTS_RELAY_WORLD_H

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

static inline void record(int to, const void *a, size_t alen, const void *b, size_t blen)
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

static inline void client_send(void *user, unsigned client, const void *a, size_t alen, const void *b, size_t blen)
{
	(void)user;
	assert_false(w.ended[client]);
	record((int)client, a, alen, b, blen);
}

static inline void guest_send(void *user, const void *a, size_t alen, const void *b, size_t blen)
{
	(void)user;
	if (alen == FRAME_PAYLOAD_MAX) {
		w.zeros++;
		return;
	}
	record(-1, a, alen, b, blen);
}

static inline void guest_discard(void *user)
{
	(void)user;
	w.discards++;
}

static inline void client_end(void *user, unsigned client)
{
	(void)user;
	w.ended[client] = true;
}

static inline void hello(void *user, const struct hello *h)
{
	(void)user;
	w.hellos++;
	w.last = *h;
}

static inline void bye(void *user, const char *how)
{
	(void)user;
	(void)how;
	w.byes++;
}

static inline void asked(void *user)
{
	(void)user;
	w.asks++;
}

static inline void lost_step(void *user, const char *why)
{
	(void)user;
	assert_non_null(why);
	w.lost++;
	memset(w.nonce, 0xa0 + (int)w.lost, sizeof w.nonce);
	relay_sync(&w.relay, w.nonce);
}

static inline void broken(void *user, const char *why)
{
	(void)user;
	assert_non_null(why);
	w.broken++;
}

static const struct relay_ops ops = { client_send, guest_send, guest_discard, client_end, hello, bye,
	                              asked,       lost_step,  broken };

static inline size_t frame(uint8_t *out, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .type = type, .stream = stream, .length = (uint32_t)len };
	frame_write_header(out, &f);
	if (len > 0)
		memcpy(out + FRAME_HEADER, data, len);
	return FRAME_HEADER + len;
}

static inline void guest(uint8_t type, uint32_t stream, const void *data, size_t len)
{
	size_t n = frame(w.pieces, type, stream, data, len);
	assert_int_equal(relay_guest_input(&w.relay, w.pieces, n), n);
}

static inline void client(unsigned i, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	size_t n = frame(w.pieces, type, stream, data, len);
	assert_int_equal(relay_client_input(&w.relay, i, w.pieces, n), n);
}

/* The next frame that came out must be this one. */
static inline struct sent *expect(int to, uint8_t type)
{
	struct sent *s = &w.sent[w.at];
	assert_true(w.at < w.count);
	w.at++;
	assert_int_equal(s->f.type, type);
	assert_int_equal(s->to, to);
	return s;
}

static inline void expect_nothing(void)
{
	assert_int_equal(w.at, w.count);
}

static inline void exec(unsigned i, uint32_t stream)
{
	client(i, FRAME_EXEC, stream, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0ls", 17);
}

static inline int fresh(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	relay_init(&w.relay, &ops, NULL);
	return 0;
}

static inline int ready(void **state)
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

static inline void expect_exit(int to, uint32_t stream, int kind, int value)
{
	struct sent *s = expect(to, FRAME_EXIT);
	assert_int_equal(s->f.stream, stream);
	assert_int_equal(s->head[0], kind);
	assert_int_equal((int)frame_get32(s->head + 1), value);
}

#define FRESH(t) cmocka_unit_test_setup(t, fresh)
#define READY(t) cmocka_unit_test_setup(t, ready)

#endif
