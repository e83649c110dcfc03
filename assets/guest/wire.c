/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - frames over the port: one buffer each way, and finding the step again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

static void pipe_close(int p[2])
{
	for (int i = 0; p[0] >= 0 && i < 2; i++)
		close(p[i]);
	p[0] = p[1] = -1;
}

static bool pipe_make(int p[2], int size)
{
	if (pipe2(p, O_CLOEXEC | O_NONBLOCK) != 0) {
		p[0] = p[1] = -1;
		return false;
	}
	return fcntl(p[1], F_SETPIPE_SZ, size) >= size;
}

static void way_close(struct wire *w)
{
	pipe_close(w->stage);
	pipe_close(w->way);
	w->way_left = 0;
}

void wire_reset(struct wire *w)
{
	w->lost = w->cut = false;
	w->in_at = w->in_len = w->out_at = w->out_len = 0;
	way_close(w);
}

void wire_splices(struct wire *w)
{
	if (w->way[0] < 0 && !(pipe_make(w->stage, WIRE_SPLICE) && pipe_make(w->way, 2 * WIRE_SPLICE)))
		way_close(w);
}

bool wire_waits(const struct wire *w)
{
	return w->out_len > w->out_at || w->way_left > 0;
}

void wire_discard(struct wire *w)
{
	bool splices = w->way[0] >= 0;

	w->out_at = w->out_len = 0;
	way_close(w);
	if (splices)
		wire_splices(w);
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

static bool way_flush(struct wire *w)
{
	while (w->way_left > 0) {
		ssize_t n = splice(w->way[0], NULL, w->fd, NULL, w->way_left, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* Without memory for its list the driver drops the pages and says so by a zero. */
		if (n <= 0) {
			w->cut = true;
			break;
		}
		w->way_left -= (size_t)n;
	}
	return !w->cut;
}

/* The port's driver takes over the pages that the command wrote, where read() and write() would copy them twice, and
 * many frames go as one list, where each write to the port costs a kick and an interrupt.
 *
 * From the command's pipe they go at once into the stage: each look at that pipe may wake its writer, which then runs
 * in our place. From there they go piece by piece, with the headers between, into the way, and at once into the port:
 * Linux's virtio_console hands the device a list with a place for each buffer of the pipe, filled or not, so what it is
 * given must be all there is. The stage's buffers, cut in at most seven places, and the headers always have room in the
 * way, which has twice as many. */
size_t wire_splice(struct wire *w, enum frame_type type, uint32_t stream, int pipe, size_t most)
{
	struct frame f = { .stream = stream, .type = (uint8_t)type };
	uint8_t head[FRAME_HEADER];
	ssize_t n;

	if (w->way[0] < 0 || wire_waits(w))
		return 0;
	n = splice(pipe, NULL, w->stage[1], NULL, most < WIRE_SPLICE ? most : WIRE_SPLICE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n <= 0)
		return 0;
	for (size_t left = (size_t)n; left > 0; left -= f.length) {
		f.length = left < FRAME_PAYLOAD_MAX ? (uint32_t)left : FRAME_PAYLOAD_MAX;
		frame_write_header(head, &f);
		if (write(w->way[1], head, sizeof head) != (ssize_t)sizeof head ||
		    splice(w->stage[0], NULL, w->way[1], NULL, f.length, SPLICE_F_MOVE) != (ssize_t)f.length) {
			w->cut = true;
			return (size_t)n;
		}
		w->way_left += sizeof head + f.length;
	}
	w->bulk = n >= WIRE_CHUNK;
	w->out_at = w->out_len = 0;
	wire_flush(w); /* a failure is told by the next one */
	return (size_t)n;
}

bool wire_flush(struct wire *w)
{
	if (!way_flush(w))
		return false;
	while (w->way_left == 0 && w->out_at < w->out_len) {
		ssize_t n = write(w->fd, w->out + w->out_at, w->out_len - w->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		w->out_at += (size_t)n;
	}
	if (w->way_left == 0)
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
