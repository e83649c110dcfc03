/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - frames over the port: one buffer each way, and finding the step again.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

void wire_reset(struct wire *w)
{
	w->lost = false;
	w->in_at = w->in_len = w->out_at = w->out_len = 0;
}

size_t wire_room(const struct wire *w)
{
	return sizeof w->out - (w->out_len - w->out_at);
}

static bool make_room(struct wire *w, size_t n)
{
	if (sizeof w->out - w->out_len >= n)
		return true;
	if (wire_room(w) < n)
		return false;
	memmove(w->out, w->out + w->out_at, w->out_len - w->out_at);
	w->out_len -= w->out_at;
	w->out_at = 0;
	return true;
}

bool wire_raw(struct wire *w, const void *data, size_t n)
{
	if (!make_room(w, n))
		return false;
	memcpy(w->out + w->out_len, data, n);
	w->out_len += n;
	return true;
}

bool wire_send(struct wire *w, enum frame_type type, uint32_t stream, const void *payload, size_t n)
{
	struct frame f = { .length = (uint32_t)n, .stream = stream, .type = (uint8_t)type };

	if (n > FRAME_PAYLOAD_MAX || !make_room(w, FRAME_HEADER + n))
		return false;
	frame_write_header(w->out + w->out_len, &f);
	if (n > 0)
		memcpy(w->out + w->out_len + FRAME_HEADER, payload, n);
	w->out_len += FRAME_HEADER + n;
	return true;
}

uint8_t *wire_reserve(struct wire *w)
{
	/* The last quarter is kept for what is no output: an answer never waits for data. */
	if (w->out_len - w->out_at > sizeof w->out / 4 || !make_room(w, FRAME_HEADER + WIRE_CHUNK))
		return NULL;
	return w->out + w->out_len + FRAME_HEADER;
}

void wire_commit(struct wire *w, enum frame_type type, uint32_t stream, size_t n)
{
	struct frame f = { .length = (uint32_t)n, .stream = stream, .type = (uint8_t)type };

	frame_write_header(w->out + w->out_len, &f);
	w->out_len += FRAME_HEADER + n;
}

bool wire_flush(struct wire *w)
{
	while (w->out_at < w->out_len) {
		ssize_t n = write(w->fd, w->out + w->out_at, w->out_len - w->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		w->out_at += (size_t)n;
	}
	w->out_at = w->out_len = 0;
	return true;
}

bool wire_fill(struct wire *w)
{
	if (w->in_at > 0) {
		memmove(w->in, w->in + w->in_at, w->in_len - w->in_at);
		w->in_len -= w->in_at;
		w->in_at = 0;
	}
	while (w->in_len < sizeof w->in) {
		ssize_t n = read(w->fd, w->in + w->in_len, sizeof w->in - w->in_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		w->in_len += (size_t)n;
	}
	return true;
}

/* Drops bytes up to the next thing that looks like the header of a SYNC. */
static void search(struct wire *w)
{
	struct frame f;

	for (; w->in_at + FRAME_HEADER <= w->in_len; w->in_at++)
		if (frame_read_header(w->in + w->in_at, &f) && f.type == FRAME_SYNC && f.length == FRAME_NONCE &&
		    f.stream == 0)
			break;
}

bool wire_next(struct wire *w, struct frame *f, const uint8_t **payload)
{
	if (w->in_len - w->in_at < FRAME_HEADER)
		return false;
	if (!w->lost && !frame_read_header(w->in + w->in_at, f)) {
		say("the host's frames are out of step");
		w->lost = true;
	}
	if (w->lost)
		search(w);
	if (w->in_len - w->in_at < FRAME_HEADER || !frame_read_header(w->in + w->in_at, f) ||
	    w->in_len - w->in_at - FRAME_HEADER < f->length)
		return false;
	w->lost = false;
	*payload = w->in + w->in_at + FRAME_HEADER;
	return true;
}

void wire_drop(struct wire *w, const struct frame *f)
{
	w->in_at += FRAME_HEADER + f->length;
}
