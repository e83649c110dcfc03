/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.c - the guest's side: its life, what it sends, and losing and finding step.
 */
#include "relay_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void to_client(struct relay *r, unsigned client, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	uint8_t head[FRAME_HEADER];
	frame_write_header(head, &f);
	r->ops->client_send(r->user, client, head, sizeof head, data, len);
}

void relay_to_guest(struct relay *r, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	uint8_t head[FRAME_HEADER];
	if (r->state != RELAY_OPEN)
		return;
	frame_write_header(head, &f);
	r->ops->guest_send(r->user, head, sizeof head, data, len);
}

void relay_tell_exit(struct relay *r, unsigned client, uint32_t stream, int errno_value, const char *why)
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

void relay_stream_maybe_free(struct relay *r, struct relay_stream *s)
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
			relay_tell_exit(r, s->client, s->client_stream, errno_value, why);
		stream_free(r, s);
	}
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++) {
		struct relay_client *c = &r->clients[i];
		if (c->used && c->ping_busy)
			relay_tell_exit(r, i, c->ping_stream, errno_value, why);
		if (c->used && c->stats_busy)
			relay_tell_exit(r, i, c->stats_stream, errno_value, why);
		c->ping_busy = c->stats_busy = false;
	}
}

void relay_client_refuse(struct relay *r, unsigned client, int errno_value, const char *why)
{
	relay_tell_exit(r, client, 0, errno_value, why);
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
			relay_client_refuse(r, i, EPROTO, why);
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
		relay_to_guest(r, FRAME_CLOSE, number, NULL, 0);
	if (!(s->flags & ORPHAN))
		relay_tell_exit(r, s->client, s->client_stream, EPROTO, why);
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
	relay_stream_maybe_free(r, s);
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
		relay_stream_maybe_free(r, s);
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

void relay_greet(struct relay *r, unsigned client)
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
		relay_greet(r, i);
	if (r->poweroff_due)
		relay_to_guest(r, FRAME_POWEROFF, 0, NULL, 0);
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
