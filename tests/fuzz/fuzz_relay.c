/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_relay.c - the supervisor's relay between a hostile guest and hostile
 * clients. The input is a script: an operation byte (whose bytes come), a
 * 16-bit length, and that many bytes; "frames" among them get a right header so
 * that what lies behind it is reached. What comes out must be frames, and no
 * client may be sent more output of a stream than it gave credit for.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/relay.h"

enum { CLIENTS = 4 };

struct world {
	struct relay relay;
	size_t guest_len, client_len[CLIENTS];
	uint32_t last_guest_stream; /* a number the guest knows from us */
	uint64_t outstanding[CLIENTS]; /* output bytes sent and not paid for */
	uint64_t granted[CLIENTS];
	bool ended[CLIENTS];
};

/* Apart, because clearing them for every input would take most of the time. */
static uint8_t guest_rest[4 * FRAME_PAYLOAD_MAX], client_rest[CLIENTS][4 * FRAME_PAYLOAD_MAX];

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void client_send(void *user, unsigned client, const void *a, size_t alen, const void *b, size_t blen)
{
	struct world *w = user;
	struct frame f = { 0 };
	(void)b;
	check(client < CLIENTS && alen == FRAME_HEADER && frame_read_header(a, &f) && f.length == blen);
	check(!w->ended[client]);
	check(w->relay.clients[client].used);
	if (f.type == FRAME_STDOUT || f.type == FRAME_STDERR)
		w->outstanding[client] += f.length;
	check(w->outstanding[client] <= w->granted[client]);
}

static void guest_send(void *user, const void *a, size_t alen, const void *b, size_t blen)
{
	struct world *w = user;
	struct frame f = { 0 };
	(void)b;
	if (alen == FRAME_PAYLOAD_MAX && blen == 0)
		return; /* the zeros before a SYNC */
	check(alen == FRAME_HEADER && frame_read_header(a, &f) && f.length == blen);
	if (f.stream)
		w->last_guest_stream = f.stream;
}

static void guest_discard(void *user)
{
	(void)user;
}

static void client_end(void *user, unsigned client)
{
	struct world *w = user;
	w->ended[client] = true;
}

static void hello(void *user, const struct hello *h)
{
	(void)user;
	check(memchr(h->agent, 0, sizeof h->agent) && memchr(h->host_key, 0, sizeof h->host_key) &&
	      memchr(h->marks, 0, sizeof h->marks));
	check(!h->host_key[0] || host_key_valid(h->host_key, strlen(h->host_key)));
}

static void bye(void *user, const char *how)
{
	(void)user;
	check(strcmp(how, "poweroff") == 0 || strcmp(how, "reboot") == 0);
}

static void asked(void *user)
{
	(void)user;
}

static const uint8_t nonce[FRAME_NONCE] = "sixteen bytes...";

static void lost_step(void *user, const char *why)
{
	struct world *w = user;
	check(why != NULL);
	relay_sync(&w->relay, nonce);
}

static void broken(void *user, const char *why)
{
	(void)user;
	check(why != NULL);
}

static const struct relay_ops ops = { client_send, guest_send, guest_discard, client_end, hello, bye,
	                              asked,       lost_step,  broken };

static void feed_guest(struct world *w, const uint8_t *data, size_t len)
{
	size_t used;
	if (len > sizeof guest_rest - w->guest_len)
		return;
	memcpy(guest_rest + w->guest_len, data, len);
	w->guest_len += len;
	used = relay_guest_input(&w->relay, guest_rest, w->guest_len);
	check(used <= w->guest_len);
	w->guest_len -= used;
	/* Never more kept than one unfinished frame. */
	check(w->guest_len < FRAME_HEADER + FRAME_PAYLOAD_MAX);
	memmove(guest_rest, guest_rest + used, w->guest_len);
}

static void feed_client(struct world *w, unsigned i, const uint8_t *data, size_t len)
{
	size_t used;
	struct frame f;
	if (w->ended[i] || len > sizeof client_rest[i] - w->client_len[i])
		return;
	/* What the client may be sent: at most a window for each stream and direction, and what it gives back. */
	memcpy(client_rest[i] + w->client_len[i], data, len);
	w->client_len[i] += len;
	for (size_t at = 0; at + FRAME_HEADER <= w->client_len[i];) {
		long n = frame_next(client_rest[i] + at, w->client_len[i] - at, &f);
		if (n <= 0)
			break;
		if (f.type == FRAME_EXEC)
			w->granted[i] += 2 * FRAME_WINDOW;
		if (f.type == FRAME_CREDIT && f.length == 5)
			w->granted[i] += frame_get32(client_rest[i] + at + FRAME_HEADER + 1);
		at += (size_t)n;
	}
	used = relay_client_input(&w->relay, i, client_rest[i], w->client_len[i]);
	check(used <= w->client_len[i]);
	w->client_len[i] -= used;
	check(w->client_len[i] < FRAME_HEADER + FRAME_PAYLOAD_MAX);
	memmove(client_rest[i], client_rest[i] + used, w->client_len[i]);
}

/* type, stream byte, payload: gets a right header. Stream 255 of the guest: one that exists. */
static size_t framed(const struct world *w, bool guest, const uint8_t *data, size_t len, uint8_t *out)
{
	struct frame f;
	if (len < 2)
		return 0;
	f = (struct frame){ .length = (uint32_t)(len - 2), .type = data[0],
		            .stream = guest && data[1] == 255 ? w->last_guest_stream : data[1] };
	frame_write_header(out, &f);
	memcpy(out + FRAME_HEADER, data + 2, len - 2);
	return FRAME_HEADER + len - 2;
}

static void check_books(const struct world *w)
{
	unsigned streams = 0;
	for (unsigned i = 0; i < FRAME_STREAMS_MAX; i++) {
		const struct relay_stream *s = &w->relay.table[i];
		if (!s->flags)
			continue;
		streams++;
		check(s->credit[0] <= FRAME_WINDOW && s->credit[1] <= FRAME_WINDOW && s->credit[2] <= FRAME_WINDOW);
	}
	check(streams == w->relay.streams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static uint8_t frame[FRAME_HEADER + FRAME_PAYLOAD_MAX];

	memset(&w, 0, sizeof w);
	relay_init(&w.relay, &ops, &w);
	relay_guest_up(&w.relay);
	for (unsigned i = 0; i < CLIENTS; i++)
		relay_client_up(&w.relay, i);
	while (size >= 3) {
		uint8_t op = data[0];
		size_t len = frame_get16(data + 1), n;
		unsigned client = (op >> 4) % CLIENTS;
		data += 3, size -= 3;
		if (len > size)
			len = size;
		switch (op % 8) {
		case 0:
			feed_guest(&w, data, len);
			break;
		case 1:
			n = framed(&w, true, data, len, frame);
			feed_guest(&w, frame, n);
			break;
		case 2:
			feed_client(&w, client, data, len);
			break;
		case 3:
			n = framed(&w, false, data, len, frame);
			feed_client(&w, client, frame, n);
			break;
		case 4:
			if (w.ended[client] || (op & 8)) {
				relay_client_down(&w.relay, client);
				w.client_len[client] = 0;
				w.outstanding[client] = w.granted[client] = 0;
				w.ended[client] = false;
				relay_client_up(&w.relay, client);
			}
			break;
		case 5:
			relay_guest_down(&w.relay, "gone");
			w.guest_len = 0;
			relay_guest_up(&w.relay);
			if (op & 8)
				relay_sync(&w.relay, nonce);
			break;
		case 6:
			feed_guest(&w, nonce, sizeof nonce);
			break;
		case 7:
			relay_sync_failed(&w.relay);
			break;
		}
		check_books(&w);
		data += len, size -= len;
	}
	return 0;
}
