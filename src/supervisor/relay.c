/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	USED = 1,
	OUT_EOF = 2,
	ERR_EOF = 4,
	IN_EOF = 8,
	EXITED = 16,
	CLOSED = 32,  /* CLOSE was sent: only EXIT is awaited */
	ORPHAN = 64,  /* nobody is to be told of the EXIT */
	TTY = 128,    /* has no stderr of its own */
};

/* A stream's number towards the guest: generation << 10 | slot. Slots below
 * FRAME_STREAMS_MAX are commands; each client has one for PING and one for
 * STATS above them, so that no number of commands can keep a ping out. */
enum {
	SLOT_BITS = 10,
	PING_BASE = FRAME_STREAMS_MAX,
	STATS_BASE = PING_BASE + RELAY_CLIENTS_MAX,
	SLOT_END = STATS_BASE + RELAY_CLIENTS_MAX,
	EXIT_HEAD = 5,
	EXIT_TEXT_MAX = 1024,
	PING_MAX = 64,
	STATS_MAX = 4096,
};
_Static_assert(SLOT_END <= 1 << SLOT_BITS, "slots must fit their bits");
_Static_assert(RELAY_CLIENTS_MAX <= UINT8_MAX, "a client must fit its byte");

static uint32_t next_generation(struct relay *r)
{
	r->generation = (r->generation + 1) & ((1u << (32 - SLOT_BITS)) - 1);
	if (r->generation == 0)
		r->generation = 1;
	return r->generation;
}

static uint32_t guest_number(unsigned slot, uint32_t generation)
{
	return generation << SLOT_BITS | slot;
}

static void to_client(struct relay *r, unsigned client, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	uint8_t head[FRAME_HEADER];
	frame_write_header(head, &f);
	r->ops->client_send(r->user, client, head, sizeof head, data, len);
}

static void to_guest(struct relay *r, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	uint8_t head[FRAME_HEADER];
	if (r->state != RELAY_OPEN)
		return;
	frame_write_header(head, &f);
	r->ops->guest_send(r->user, head, sizeof head, data, len);
}

static void tell_exit(struct relay *r, unsigned client, uint32_t stream, int errno_value, const char *why)
{
	uint8_t payload[EXIT_HEAD + 160];
	size_t n = strnlen(why, sizeof payload - EXIT_HEAD);
	payload[0] = FRAME_NOT_RUN;
	frame_put32(payload + 1, (uint32_t)errno_value);
	memcpy(payload + EXIT_HEAD, why, n);
	to_client(r, client, FRAME_EXIT, stream, payload, EXIT_HEAD + n);
}

static void stream_free(struct relay *r, struct relay_stream *s)
{
	if (!(s->flags & ORPHAN))
		r->clients[s->client].streams--;
	s->flags = 0;
	r->streams--;
}

static void stream_maybe_free(struct relay *r, struct relay_stream *s)
{
	unsigned done = EXITED | OUT_EOF | ERR_EOF;
	if ((s->flags & done) == done || ((s->flags & CLOSED) && (s->flags & EXITED)))
		stream_free(r, s);
}

/* Ends every stream that depends on the guest as it was until now. */
static void streams_end(struct relay *r, int errno_value, const char *why)
{
	for (unsigned i = 0; i < FRAME_STREAMS_MAX && r->streams > 0; i++) {
		struct relay_stream *s = &r->table[i];
		if (!(s->flags & USED))
			continue;
		if (!(s->flags & ORPHAN))
			tell_exit(r, s->client, s->client_stream, errno_value, why);
		stream_free(r, s);
	}
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++) {
		struct relay_client *c = &r->clients[i];
		if (c->used && c->ping_busy)
			tell_exit(r, i, c->ping_stream, errno_value, why);
		if (c->used && c->stats_busy)
			tell_exit(r, i, c->stats_stream, errno_value, why);
		c->ping_busy = c->stats_busy = false;
	}
}

static void client_refuse(struct relay *r, unsigned client, int errno_value, const char *why)
{
	tell_exit(r, client, 0, errno_value, why);
	relay_client_down(r, client);
	r->ops->client_end(r->user, client);
}

static void give_up(struct relay *r, const char *why)
{
	r->state = RELAY_BROKEN;
	r->hello_len = 0;
	snprintf(r->broken_why, sizeof r->broken_why, "%s", why);
	streams_end(r, EPROTO, why);
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++)
		if (r->clients[i].used)
			client_refuse(r, i, EPROTO, why);
	r->ops->broken(r->user, r->broken_why);
}

static void lose_step(struct relay *r, const char *why)
{
	streams_end(r, EPROTO, why);
	r->hello_len = 0;
	if (++r->resyncs > RELAY_RESYNCS_MAX) {
		give_up(r, why);
		return;
	}
	r->state = RELAY_SYNCING; /* whatever happens in between: nothing is parsed any more */
	r->sync_bytes = 0;
	r->ops->lost_step(r->user, why);
}

void relay_init(struct relay *r, const struct relay_ops *ops, void *user)
{
	memset(r, 0, sizeof *r);
	r->ops = ops;
	r->user = user;
}

void relay_guest_up(struct relay *r)
{
	if (r->state == RELAY_DOWN)
		r->state = RELAY_OPEN;
}

void relay_guest_down(struct relay *r, const char *why)
{
	if (r->state != RELAY_BROKEN)
		r->state = RELAY_DOWN;
	r->hello_len = 0;
	streams_end(r, ECONNRESET, why);
}

void relay_sync(struct relay *r, const uint8_t nonce[FRAME_NONCE])
{
	/* Long enough to end whatever frame the agent thinks it is in. */
	static const uint8_t zeros[FRAME_PAYLOAD_MAX];
	struct frame f = { .length = FRAME_NONCE, .type = FRAME_SYNC };
	uint8_t head[FRAME_HEADER];

	if (r->state != RELAY_OPEN && r->state != RELAY_SYNCING)
		return;
	r->state = RELAY_SYNCING;
	r->sync_bytes = 0;
	memcpy(r->nonce, nonce, FRAME_NONCE);
	frame_write_header(head, &f);
	r->ops->guest_discard(r->user);
	r->ops->guest_send(r->user, zeros, sizeof zeros, NULL, 0);
	r->ops->guest_send(r->user, head, sizeof head, nonce, FRAME_NONCE);
}

void relay_sync_failed(struct relay *r)
{
	if (r->state == RELAY_SYNCING)
		lose_step(r, "the guest's agent does not answer");
}

/* ---- from the guest */

static struct relay_stream *guest_stream(struct relay *r, uint32_t number)
{
	unsigned slot = number & ((1u << SLOT_BITS) - 1);
	struct relay_stream *s;
	if (slot >= FRAME_STREAMS_MAX)
		return NULL;
	s = &r->table[slot];
	return (s->flags & USED) && s->generation == number >> SLOT_BITS ? s : NULL;
}

/* The guest broke the rules of one stream: it ends, the others go on. */
static void violate(struct relay *r, uint32_t number, struct relay_stream *s, const char *why)
{
	if (!(s->flags & CLOSED) && !(s->flags & EXITED))
		to_guest(r, FRAME_CLOSE, number, NULL, 0);
	if (!(s->flags & ORPHAN))
		tell_exit(r, s->client, s->client_stream, EPROTO, why);
	stream_free(r, s);
}

static void guest_output(struct relay *r, const struct frame *f, const uint8_t *data)
{
	struct relay_stream *s = guest_stream(r, f->stream);
	unsigned which = f->type == FRAME_STDOUT ? 1 : 2;
	uint8_t eof = which == 1 ? OUT_EOF : ERR_EOF;

	if (!s)
		return; /* late, from a command that has ended here */
	if (f->length > s->credit[which]) {
		violate(r, f->stream, s, "the guest sent more output than it was allowed");
		return;
	}
	s->credit[which] -= f->length;
	if (s->flags & CLOSED)
		return; /* sent before the CLOSE arrived there */
	if (s->flags & eof) {
		if (f->length == 0 && (s->flags & TTY) && which == 2)
			return; /* agents may say so of a terminal too */
		violate(r, f->stream, s, "the guest sent output behind the end of it");
		return;
	}
	if (f->length == 0)
		s->flags |= eof;
	to_client(r, s->client, f->type, s->client_stream, data, f->length);
	stream_maybe_free(r, s);
}

static void guest_credit(struct relay *r, const struct frame *f, const uint8_t *data)
{
	struct relay_stream *s = guest_stream(r, f->stream);
	uint32_t more;
	if (!s)
		return;
	more = f->length == 5 ? frame_get32(data + 1) : 0;
	/* Credit never exceeds the window, so what a client may send and the guest must keep is bounded. */
	if (more == 0 || data[0] != 0 || more > FRAME_WINDOW || s->credit[0] > FRAME_WINDOW - more) {
		violate(r, f->stream, s, "the guest allowed more input than there can be");
		return;
	}
	s->credit[0] += more;
	if (!(s->flags & (CLOSED | EXITED)))
		to_client(r, s->client, FRAME_CREDIT, s->client_stream, data, f->length);
}

static void guest_exit(struct relay *r, const struct frame *f, const uint8_t *data)
{
	struct relay_stream *s = guest_stream(r, f->stream);
	size_t len = f->length > EXIT_HEAD + EXIT_TEXT_MAX ? EXIT_HEAD + EXIT_TEXT_MAX : f->length;
	if (!s)
		return;
	if (f->length < EXIT_HEAD || data[0] > FRAME_NOT_RUN || (s->flags & EXITED)) {
		violate(r, f->stream, s, "the guest reported an impossible end of the command");
		return;
	}
	s->flags |= EXITED;
	if (!(s->flags & ORPHAN))
		to_client(r, s->client, FRAME_EXIT, s->client_stream, data, len);
	if (data[0] == FRAME_NOT_RUN) /* there never was a command, so there is no output to end */
		stream_free(r, s);
	else
		stream_maybe_free(r, s);
}

static void guest_answer(struct relay *r, const struct frame *f, const uint8_t *data)
{
	unsigned slot = f->stream & ((1u << SLOT_BITS) - 1);
	uint32_t generation = f->stream >> SLOT_BITS;
	struct relay_client *c;
	if (f->type == FRAME_PONG && slot >= PING_BASE && slot < STATS_BASE) {
		c = &r->clients[slot - PING_BASE];
		if (!c->used || !c->ping_busy || c->ping_generation != generation || f->length > PING_MAX)
			return;
		c->ping_busy = false;
		to_client(r, slot - PING_BASE, FRAME_PONG, c->ping_stream, data, f->length);
	} else if (f->type == FRAME_STATS && slot >= STATS_BASE && slot < SLOT_END) {
		c = &r->clients[slot - STATS_BASE];
		if (!c->used || !c->stats_busy || c->stats_generation != generation || f->length > STATS_MAX)
			return;
		c->stats_busy = false;
		to_client(r, slot - STATS_BASE, FRAME_STATS, c->stats_stream, data, f->length);
	}
}

static void greet(struct relay *r, unsigned client)
{
	struct relay_client *c = &r->clients[client];
	if (!c->used || c->greeted || r->hello_len == 0)
		return;
	c->greeted = true;
	to_client(r, client, FRAME_HELLO, 0, r->hello_text, r->hello_len);
}

static void guest_hello(struct relay *r, const struct frame *f, const uint8_t *data)
{
	struct hello hello;
	const char *why;
	if (f->stream != 0 || !hello_parse(data, f->length, &hello, &why)) {
		lose_step(r, f->stream != 0 ? "its hello is malformed" : why);
		return;
	}
	/* An agent that greets again has started again and knows no stream any more. */
	if (r->hello_len > 0)
		streams_end(r, ECONNRESET, "the guest's agent was started again");
	memcpy(r->hello_text, data, f->length);
	r->hello_len = (uint16_t)f->length;
	r->ops->hello(r->user, &hello);
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++)
		greet(r, i);
	if (r->poweroff_due)
		to_guest(r, FRAME_POWEROFF, 0, NULL, 0);
	r->poweroff_due = false;
}

static void guest_frame(struct relay *r, const struct frame *f, const uint8_t *data)
{
	if (r->hello_len == 0 && f->type != FRAME_HELLO && f->type != FRAME_BYE) {
		lose_step(r, "the guest's agent does not begin with a hello");
		return;
	}
	switch (f->type) {
	case FRAME_HELLO:
		guest_hello(r, f, data);
		break;
	case FRAME_STDOUT:
	case FRAME_STDERR:
		guest_output(r, f, data);
		break;
	case FRAME_CREDIT:
		guest_credit(r, f, data);
		break;
	case FRAME_EXIT:
		guest_exit(r, f, data);
		break;
	case FRAME_PONG:
	case FRAME_STATS:
		guest_answer(r, f, data);
		break;
	case FRAME_BYE:
		if (f->length == 8 && memcmp(data, "poweroff", 8) == 0)
			r->ops->bye(r->user, "poweroff");
		else if (f->length == 6 && memcmp(data, "reboot", 6) == 0)
			r->ops->bye(r->user, "reboot");
		break;
	default:
		lose_step(r, "the guest's agent sends what only a host may send");
	}
}

/* Drops everything before the nonce. Returns what was used up. */
static size_t find_nonce(struct relay *r, const uint8_t *in, size_t len)
{
	const uint8_t *at = memmem(in, len, r->nonce, FRAME_NONCE);
	size_t used;
	if (at) {
		r->state = RELAY_OPEN;
		r->hello_len = 0;
		return (size_t)(at - in) + FRAME_NONCE;
	}
	used = len < FRAME_NONCE ? 0 : len - (FRAME_NONCE - 1);
	r->sync_bytes += used;
	if (r->sync_bytes > RELAY_SYNC_BYTES_MAX) {
		lose_step(r, "the guest's agent sends garbage");
		return len;
	}
	return used;
}

size_t relay_guest_input(struct relay *r, const uint8_t *in, size_t len)
{
	size_t used = 0;
	while (used < len) {
		struct frame f;
		long n;
		if (r->state == RELAY_SYNCING) {
			size_t dropped = find_nonce(r, in + used, len - used);
			used += dropped;
			if (r->state == RELAY_SYNCING)
				return used;
			continue;
		}
		if (r->state != RELAY_OPEN)
			return len;
		n = frame_next(in + used, len - used, &f);
		if (n == 0)
			return used;
		if (n < 0) {
			lose_step(r, "the guest's agent sends garbage");
			return len; /* the answer to a SYNC that is only being sent cannot be in here */
		}
		guest_frame(r, &f, in + used + FRAME_HEADER);
		if (r->state != RELAY_OPEN)
			return len;
		used += (size_t)n;
	}
	return used;
}

/* ---- from clients */

void relay_client_up(struct relay *r, unsigned client)
{
	memset(&r->clients[client], 0, sizeof r->clients[client]);
	r->clients[client].used = true;
	if (r->state == RELAY_BROKEN)
		client_refuse(r, client, EPROTO, r->broken_why);
	else
		greet(r, client);
}

void relay_client_down(struct relay *r, unsigned client)
{
	struct relay_client *c = &r->clients[client];
	if (!c->used)
		return;
	for (unsigned i = 0; i < FRAME_STREAMS_MAX && c->streams > 0; i++) {
		struct relay_stream *s = &r->table[i];
		if (!(s->flags & USED) || (s->flags & ORPHAN) || s->client != client)
			continue;
		if (!(s->flags & CLOSED))
			to_guest(r, FRAME_CLOSE, guest_number(i, s->generation), NULL, 0);
		s->flags |= CLOSED | ORPHAN;
		c->streams--;
		stream_maybe_free(r, s);
	}
	memset(c, 0, sizeof *c);
}

static int client_slot(struct relay *r, unsigned client, uint32_t stream)
{
	if (r->clients[client].streams == 0)
		return -1;
	for (int i = 0; i < FRAME_STREAMS_MAX; i++) {
		const struct relay_stream *s = &r->table[i];
		if ((s->flags & USED) && !(s->flags & ORPHAN) && s->client == client && s->client_stream == stream)
			return i;
	}
	return -1;
}

/* Each returns false for what no honest client does. */
static bool client_exec(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	struct relay_stream *s = NULL;
	unsigned slot;
	if (f->stream == 0 || f->length < 12 || client_slot(r, client, f->stream) >= 0)
		return false;
	if (r->state != RELAY_OPEN || r->hello_len == 0) {
		tell_exit(r, client, f->stream, ECONNRESET, "the guest's agent is not there");
		return true;
	}
	for (slot = 0; slot < FRAME_STREAMS_MAX; slot++)
		if (!(r->table[slot].flags & USED)) {
			s = &r->table[slot];
			break;
		}
	if (!s) {
		tell_exit(r, client, f->stream, EAGAIN, "too many commands run in this guest at once");
		return true;
	}
	s->client = (uint8_t)client;
	s->client_stream = f->stream;
	s->generation = next_generation(r);
	s->credit[0] = s->credit[1] = s->credit[2] = FRAME_WINDOW;
	s->flags = USED;
	if (frame_get32(data) & EXEC_TTY)
		s->flags |= TTY | ERR_EOF;
	r->streams++;
	r->clients[client].streams++;
	to_guest(r, FRAME_EXEC, guest_number(slot, s->generation), data, f->length);
	return true;
}

static bool client_stdin(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	int slot = client_slot(r, client, f->stream);
	struct relay_stream *s;
	if (slot < 0)
		return true; /* the command has just ended */
	s = &r->table[slot];
	if (f->length > s->credit[0] || (s->flags & IN_EOF))
		return false;
	s->credit[0] -= f->length;
	if (f->length == 0)
		s->flags |= IN_EOF;
	if (!(s->flags & (EXITED | CLOSED)))
		to_guest(r, FRAME_STDIN, guest_number((unsigned)slot, s->generation), data, f->length);
	return true;
}

static bool client_credit(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	int slot;
	uint32_t more;
	struct relay_stream *s;
	if (f->length != 5 || data[0] < 1 || data[0] > 2)
		return false;
	slot = client_slot(r, client, f->stream);
	if (slot < 0)
		return true;
	s = &r->table[slot];
	more = frame_get32(data + 1);
	if (more == 0 || more > FRAME_WINDOW || s->credit[data[0]] > FRAME_WINDOW - more)
		return false;
	s->credit[data[0]] += more;
	if (!(s->flags & (CLOSED | (data[0] == 1 ? OUT_EOF : ERR_EOF))))
		to_guest(r, FRAME_CREDIT, guest_number((unsigned)slot, s->generation), data, f->length);
	return true;
}

/* SIGNAL, RESIZE, CLOSE. */
static bool client_command(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	int slot;
	struct relay_stream *s;
	if (f->length != (f->type == FRAME_CLOSE ? 0u : 4u))
		return false;
	slot = client_slot(r, client, f->stream);
	if (slot < 0)
		return true;
	s = &r->table[slot];
	if (s->flags & CLOSED)
		return true;
	to_guest(r, f->type, guest_number((unsigned)slot, s->generation), data, f->length);
	if (f->type == FRAME_CLOSE) {
		s->flags |= CLOSED;
		stream_maybe_free(r, s);
	}
	return true;
}

static bool client_question(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	struct relay_client *c = &r->clients[client];
	bool ping = f->type == FRAME_PING;
	if (f->stream == 0 || f->length > (ping ? (uint32_t)PING_MAX : 0))
		return false;
	if (r->state != RELAY_OPEN || r->hello_len == 0) {
		tell_exit(r, client, f->stream, ECONNRESET, "the guest's agent is not there");
		return true;
	}
	if (ping) {
		c->ping_busy = true;
		c->ping_stream = f->stream;
		c->ping_generation = next_generation(r);
		to_guest(r, FRAME_PING, guest_number(PING_BASE + client, c->ping_generation), data, f->length);
	} else {
		c->stats_busy = true;
		c->stats_stream = f->stream;
		c->stats_generation = next_generation(r);
		to_guest(r, FRAME_STATS, guest_number(STATS_BASE + client, c->stats_generation), NULL, 0);
	}
	return true;
}

static bool client_frame(struct relay *r, unsigned client, const struct frame *f, const uint8_t *data)
{
	switch (f->type) {
	case FRAME_EXEC:
		return client_exec(r, client, f, data);
	case FRAME_STDIN:
		return client_stdin(r, client, f, data);
	case FRAME_CREDIT:
		return client_credit(r, client, f, data);
	case FRAME_SIGNAL:
	case FRAME_RESIZE:
	case FRAME_CLOSE:
		return client_command(r, client, f, data);
	case FRAME_PING:
	case FRAME_STATS:
		return client_question(r, client, f, data);
	case FRAME_POWEROFF:
		if (f->stream != 0 || f->length != 0)
			return false;
		r->ops->asked(r->user);
		r->poweroff_due = r->state != RELAY_OPEN;
		to_guest(r, FRAME_POWEROFF, 0, NULL, 0);
		return true;
	default:
		return false;
	}
}

size_t relay_client_input(struct relay *r, unsigned client, const uint8_t *in, size_t len)
{
	size_t used = 0;
	while (used < len) {
		struct frame f;
		long n;
		if (!r->clients[client].used)
			return len;
		n = frame_next(in + used, len - used, &f);
		if (n == 0)
			return used;
		if (n < 0 || !client_frame(r, client, &f, in + used + FRAME_HEADER)) {
			if (r->clients[client].used)
				client_refuse(r, client, EPROTO, "a client broke the protocol of the control socket");
			return len;
		}
		used += (size_t)n;
	}
	return used;
}
