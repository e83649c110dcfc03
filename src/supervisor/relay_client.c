/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_client.c - the clients' side: each frame held to the rules of the control socket, then passed on.
 */
#include "relay_parts.h"

#include <errno.h>
#include <string.h>

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

void relay_client_up(struct relay *r, unsigned client)
{
	memset(&r->clients[client], 0, sizeof r->clients[client]);
	r->clients[client].used = true;
	if (r->state == RELAY_BROKEN)
		relay_client_refuse(r, client, EPROTO, r->broken_why);
	else
		relay_greet(r, client);
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
			relay_to_guest(r, FRAME_CLOSE, guest_number(i, s->generation), NULL, 0);
		s->flags |= CLOSED | ORPHAN;
		c->streams--;
		relay_stream_maybe_free(r, s);
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
		relay_tell_exit(r, client, f->stream, ECONNRESET, "the guest's agent is not there");
		return true;
	}
	for (slot = 0; slot < FRAME_STREAMS_MAX; slot++)
		if (!(r->table[slot].flags & USED)) {
			s = &r->table[slot];
			break;
		}
	if (!s) {
		relay_tell_exit(r, client, f->stream, EAGAIN, "too many commands run in this guest at once");
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
	relay_to_guest(r, FRAME_EXEC, guest_number(slot, s->generation), data, f->length);
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
		relay_to_guest(r, FRAME_STDIN, guest_number((unsigned)slot, s->generation), data, f->length);
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
		relay_to_guest(r, FRAME_CREDIT, guest_number((unsigned)slot, s->generation), data, f->length);
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
	relay_to_guest(r, f->type, guest_number((unsigned)slot, s->generation), data, f->length);
	if (f->type == FRAME_CLOSE) {
		s->flags |= CLOSED;
		relay_stream_maybe_free(r, s);
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
		relay_tell_exit(r, client, f->stream, ECONNRESET, "the guest's agent is not there");
		return true;
	}
	if (ping) {
		c->ping_busy = true;
		c->ping_stream = f->stream;
		c->ping_generation = next_generation(r);
		relay_to_guest(r, FRAME_PING, guest_number(PING_BASE + client, c->ping_generation), data, f->length);
	} else {
		c->stats_busy = true;
		c->stats_stream = f->stream;
		c->stats_generation = next_generation(r);
		relay_to_guest(r, FRAME_STATS, guest_number(STATS_BASE + client, c->stats_generation), NULL, 0);
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
		relay_to_guest(r, FRAME_POWEROFF, 0, NULL, 0);
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
				relay_client_refuse(r, client, EPROTO, "a client broke the protocol of the control socket");
			return len;
		}
		used += (size_t)n;
	}
	return used;
}
