/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_guest.h - a stand-in for VMM and agent in one, for faults that no honest
 * guest shows: it holds descriptors 10-12 as a VMM does, says what an agent
 * says, and lies on request. The command's name is what it is to do.
 */
#ifndef STOKER_TESTS_FAKE_GUEST_H
#define STOKER_TESTS_FAKE_GUEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/frame.h"
#include "supervisor/control.h"

#define FAKE_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define FAKE_OTHER_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"

enum { FAKE_STREAMS = 64 };

struct fake_stream {
	uint32_t id, credit, owed;
	uint64_t left; /* still to flood */
	bool cat;
};

struct fake {
	int fd;
	uint8_t in[256 * 1024];
	size_t len;
	struct fake_stream streams[FAKE_STREAMS];
};

static void fake_write(struct fake *g, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len > 0) {
		ssize_t n = send(g->fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* the supervisor is gone: the next read tells */
		p += n;
		len -= (size_t)n;
	}
}

static void fake_frame(struct fake *g, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .type = type, .stream = stream };
	uint8_t head[FRAME_HEADER];
	frame_write_header(head, &f);
	fake_write(g, head, sizeof head);
	fake_write(g, data, len);
}

static void fake_hello(struct fake *g, const char *key)
{
	char text[512];
	int n = snprintf(text, sizeof text, "protocol=1\nagent=9.9\nhost_key=%s\nmarks=init:1,hello:2\n", key);
	fake_frame(g, FRAME_HELLO, 0, text, (size_t)n);
}

static void fake_end(struct fake *g, uint32_t stream, int kind, int value)
{
	uint8_t payload[5] = { (uint8_t)kind };
	frame_put32(payload + 1, (uint32_t)value);
	fake_frame(g, FRAME_STDOUT, stream, NULL, 0);
	fake_frame(g, FRAME_STDERR, stream, NULL, 0);
	fake_frame(g, FRAME_EXIT, stream, payload, sizeof payload);
}

static void fake_garbage(struct fake *g)
{
	char junk[3000];
	memset(junk, 'g', sizeof junk);
	fake_write(g, junk, sizeof junk);
}

static struct fake_stream *fake_find(struct fake *g, uint32_t id)
{
	for (int i = 0; i < FAKE_STREAMS; i++)
		if (g->streams[i].id == id)
			return &g->streams[i];
	return NULL;
}

static void fake_exec(struct fake *g, uint32_t id, const uint8_t *data, size_t len)
{
	const char *arg = (const char *)data + 12, *end = (const char *)data + len;
	struct fake_stream *s = fake_find(g, 0);
	char payload[64 * 1024];
	arg += strlen(arg) + 1; /* user */
	arg += strlen(arg) + 1; /* folder */
	if (!s || end[-1] != '\0')
		abort();
	*s = (struct fake_stream){ .id = id, .credit = FRAME_WINDOW };
	if (strcmp(arg, "echo") == 0) {
		arg += strlen(arg) + 1;
		fake_frame(g, FRAME_STDOUT, id, arg, strlen(arg));
		fake_frame(g, FRAME_STDERR, id, "to stderr", 9);
		fake_end(g, id, FRAME_EXITED, 7);
		s->id = 0;
	} else if (strcmp(arg, "cat") == 0) {
		s->cat = true;
	} else if (strcmp(arg, "flood") == 0) {
		s->left = strtoull(arg + 6, NULL, 10);
	} else if (strcmp(arg, "lie") == 0) {
		/* Far more than was allowed. */
		memset(payload, 'l', sizeof payload);
		for (int i = 0; i < 500; i++)
			fake_frame(g, FRAME_STDOUT, id, payload, sizeof payload);
	} else if (strcmp(arg, "garbage") == 0) {
		fake_garbage(g);
	} else if (strcmp(arg, "rekey") == 0) {
		fake_hello(g, FAKE_OTHER_KEY);
	} else if (strcmp(arg, "twice") == 0) {
		fake_end(g, id, FRAME_EXITED, 0);
		fake_end(g, id, FRAME_EXITED, 1);
		s->id = 0;
	} else if (strcmp(arg, "missing") == 0) {
		fake_frame(g, FRAME_EXIT, id, "\2\2\0\0\0no such thing", 18);
		s->id = 0;
	} else if (strcmp(arg, "die") == 0) {
		fprintf(stderr, "fake: dying now\n");
		_exit(3);
	} /* "hang": until it is closed */
}

static void fake_request(struct fake *g, const struct frame *f, const uint8_t *data)
{
	struct fake_stream *s = f->stream ? fake_find(g, f->stream) : NULL;
	uint8_t credit[5] = { 0 };
	switch (f->type) {
	case FRAME_EXEC:
		fake_exec(g, f->stream, data, f->length);
		break;
	case FRAME_STDIN:
		if (!s || !s->cat)
			break;
		if (f->length == 0) {
			fake_end(g, s->id, FRAME_EXITED, 0);
			s->id = 0;
			break;
		}
		/* Output credit is the client's to watch in this one: it reads all. */
		fake_frame(g, FRAME_STDOUT, s->id, data, f->length);
		frame_put32(credit + 1, f->length);
		fake_frame(g, FRAME_CREDIT, s->id, credit, sizeof credit);
		break;
	case FRAME_CREDIT:
		if (s && data[0] == 1)
			s->credit += frame_get32(data + 1);
		break;
	case FRAME_SIGNAL:
	case FRAME_CLOSE:
		if (!s)
			break;
		if (f->type == FRAME_CLOSE)
			fake_frame(g, FRAME_EXIT, s->id, "\1\x9\0\0\0", 5);
		else
			fake_end(g, s->id, FRAME_SIGNALED, (int)frame_get32(data));
		s->id = 0;
		break;
	case FRAME_PING:
		fake_frame(g, FRAME_PONG, f->stream, data, f->length);
		break;
	case FRAME_STATS:
		fake_frame(g, FRAME_STATS, f->stream, "uptime_ms=77\nprocesses=3\nrx_bytes=5000\ntx_bytes=40\n", 51);
		break;
	case FRAME_SYNC:
		memset(g->streams, 0, sizeof g->streams);
		fake_write(g, data, FRAME_NONCE);
		fake_hello(g, FAKE_KEY);
		break;
	case FRAME_POWEROFF:
		fake_frame(g, FRAME_BYE, 0, "poweroff", 8);
		_exit(0);
	}
}

/* One piece of each flood in turn, as far as there is credit. */
static bool fake_flood(struct fake *g)
{
	static uint8_t block[16 * 1024];
	bool more = false;
	for (int i = 0; i < FAKE_STREAMS; i++) {
		struct fake_stream *s = &g->streams[i];
		size_t n = sizeof block;
		if (!s->id || !s->left)
			continue;
		n = n < s->left ? n : s->left;
		n = n < s->credit ? n : s->credit;
		if (n == 0)
			continue;
		fake_frame(g, FRAME_STDOUT, s->id, block, n);
		s->credit -= (uint32_t)n;
		s->left -= n;
		if (s->left == 0) {
			fake_end(g, s->id, FRAME_EXITED, 0);
			s->id = 0;
		}
		more = true;
	}
	return more;
}

static void fake_take(struct fake *g)
{
	size_t at = 0;
	struct frame f;
	while (at < g->len) {
		long n = frame_next(g->in + at, g->len - at, &f);
		if (n == 0)
			break;
		if (n > 0)
			fake_request(g, &f, g->in + at + FRAME_HEADER);
		at += n > 0 ? (size_t)n : 1; /* out of step: look on byte by byte */
	}
	memmove(g->in, g->in + at, g->len - at);
	g->len -= at;
}

/* Never returns. */
static void fake_guest_main(const char *mode)
{
	static struct fake g;
	int console = accept(VMM_FD_CONSOLE, NULL, NULL);
	char link[64];

	for (int fd = 3; fd < 64; fd++) /* what a VMM must not inherit */
		if ((fd < VMM_FD_QMP || fd > VMM_FD_CHANNEL) && fd != console &&
		    readlink("/proc/self/fd/0", link, sizeof link) > 0 && fcntl(fd, F_GETFD) >= 0 &&
		    !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			fprintf(stderr, "fake: descriptor %d leaked\n", fd);
	if (write(console, "fake kernel boots\n", 18) < 0)
		_exit(9);
	fprintf(stderr, "fake: info: not worth a word\nfake: a warning\n"
	                "2026-01-01T00:00:00.000000000 [f:fc_vcpu 0:WARN] Received a VcpuEvent::Resume message\n");
	if (strcmp(mode, "dies") == 0)
		_exit(5);
	for (bool first = true;; first = false) {
		struct pollfd next = { .fd = VMM_FD_CHANNEL, .events = POLLIN };
		poll(&next, 1, -1); /* the listeners are non-blocking */
		g.fd = accept(VMM_FD_CHANNEL, NULL, NULL);
		g.len = 0;
		if (g.fd < 0)
			_exit(8);
		if (first && strcmp(mode, "silent") != 0)
			fake_hello(&g, FAKE_KEY);
		while (strcmp(mode, "garbage") == 0)
			fake_garbage(&g);
		if (strcmp(mode, "stall") == 0) /* alive, but never reads what it is sent */
			for (;;)
				pause();
		for (;;) {
			bool busy = fake_flood(&g);
			struct pollfd pfd = { .fd = g.fd, .events = POLLIN };
			ssize_t n;
			if (poll(&pfd, 1, busy ? 0 : -1) <= 0)
				continue;
			n = recv(g.fd, g.in + g.len, sizeof g.in - g.len, 0);
			if (n <= 0)
				break; /* the supervisor died: wait for the next */
			g.len += (size_t)n;
			fake_take(&g);
		}
		close(g.fd);
		memset(g.streams, 0, sizeof g.streams);
	}
}

#endif
