/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_agent.c - the guest's agent reads what a host sends: headers, losing
 * and finding the step, EXEC payloads, and every request about a stream. The
 * agent's own sources are compiled in; only the start of a process is left out.
 * What it answers must be whole frames within the credit it was given.
 *
 * The input is the host's bytes. A byte 0xf5 in front of a type byte, a stream
 * byte and a 16-bit length stands for the right header of these.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../assets/guest/wire.c"

#include "../../assets/guest/stream.c"

#define stream_start stream_start_real
void stream_start(struct stream *s, struct wire *w, uint32_t id, const uint8_t *p, size_t n);
#include "../../assets/guest/exec.c"
#undef stream_start

#include "../../assets/guest/agent.c"

static int null_fd = -1;
static int64_t clock_ms;

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- what the agent needs of its other parts */

void say(const char *fmt, ...)
{
	(void)fmt;
}

int64_t now_ms(void)
{
	return clock_ms;
}

ssize_t read_file(const char *path, char *buf, size_t cap)
{
	int n = snprintf(buf, cap, "%s", strstr(path, "passwd") ? "root:x:0:0::/root:/bin/sh\nme:x:7:8::/home:\nbroken\n"
	                                                        : "some:x:9:me,you\nother:x:a:b\n");
	return n;
}

size_t stats_text(char *buf, size_t cap)
{
	return (size_t)snprintf(buf, cap, "uptime_ms=1\n");
}

int port_open(int *listener)
{
	(void)listener;
	return -1;
}

void port_ring(void)
{
}

void port_notify(int fd, int listener, bool on)
{
	(void)fd, (void)listener, (void)on;
}

int port_lost(int fd, int listener)
{
	(void)listener;
	return fd;
}

bool service_ended(struct service *s, pid_t pid, int status)
{
	(void)s, (void)pid, (void)status;
	return false;
}

void service_tick(struct service *s, int64_t now)
{
	(void)s, (void)now;
}

void service_log(struct service *s)
{
	(void)s;
}

int service_timeout(const struct service *s, int64_t now)
{
	(void)s, (void)now;
	return -1;
}

/* All of the request is read, as before a start; then there is a stream whose
 * command takes everything and says nothing. */
void stream_start(struct stream *s, struct wire *w, uint32_t id, const uint8_t *p, size_t n)
{
	static struct command c;
	const char *wrong = parse(&c, p, n);
	if (wrong) {
		stream_refuse(w, id, EINVAL, wrong);
		return;
	}
	if (!find_user(&c)) {
		stream_refuse(w, id, EINVAL, "no such user");
		return;
	}
	find_groups(&c);
	set_default(&c, "PATH", GUEST_PATH);
	set_default(&c, "HOME", c.who.home);
	check(variable(&c, "PATH") != NULL && c.who.groups > 0);
	for (size_t i = 0; i < c.argc; i++)
		check((const uint8_t *)c.strings[i] >= p && (const uint8_t *)c.strings[i] < p + n);
	stream_init(s, id);
	s->tty = c.flags & EXEC_TTY;
	s->fd[STREAM_IN] = dup(null_fd);
}

/* ---- the host */

static void check_answers(struct wire *w)
{
	size_t at = w->out_at;
	check(w->out_at <= w->out_len && w->out_len <= sizeof w->out);
	while (at < w->out_len) {
		struct frame f;
		long n = frame_next(w->out + at, w->out_len - at, &f);
		if (n < 0 && w->out_len - at >= FRAME_NONCE) { /* the nonce stands bare before a hello */
			at += FRAME_NONCE;
			n = frame_next(w->out + at, w->out_len - at, &f);
			check(n > 0 && f.type == FRAME_HELLO);
		}
		check(n > 0);
		at += (size_t)n;
	}
	w->out_at = w->out_len = 0; /* the host took it */
}

static void take_all(struct agent *a)
{
	read_frames(a);
	if (a->hello_due)
		send_hello(a);
	settle(a, clock_ms);
	check_answers(&a->wire);
	check(a->wire.in_at <= a->wire.in_len && a->wire.in_len <= sizeof a->wire.in);
	for (unsigned i = 0; i < a->top; i++) {
		const struct stream *s = &a->stream[i];
		check(s->id == 0 || s->credit[STREAM_IN] <= FRAME_WINDOW);
		check(s->buf_at <= s->buf_len && s->buf_len <= s->buf_cap && s->buf_cap <= 2 * FRAME_WINDOW);
	}
}

/* As wire_fill() does it, from memory. */
static void feed(struct agent *a, const uint8_t *data, size_t len)
{
	struct wire *w = &a->wire;
	while (len > 0 && a->end == END_NONE) {
		size_t n;
		if (w->in_at > 0) {
			memmove(w->in, w->in + w->in_at, w->in_len - w->in_at);
			w->in_len -= w->in_at;
			w->in_at = 0;
		}
		n = sizeof w->in - w->in_len < len ? sizeof w->in - w->in_len : len;
		check(n > 0); /* a whole frame always fits, so there is always progress */
		memcpy(w->in + w->in_len, data, n);
		w->in_len += n;
		data += n, len -= n;
		take_all(a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct agent a;

	if (null_fd < 0)
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	a.wire.fd = -1;
	a.wire.up = true;
	a.service.settled = true;
	while (size > 0 && a.end == END_NONE) {
		if (size >= 5 && data[0] == 0xf5) {
			struct frame f = { .type = data[1], .stream = data[2], .length = frame_get16(data + 3) };
			uint8_t head[FRAME_HEADER];
			frame_write_header(head, &f);
			feed(&a, head, sizeof head);
			data += 5, size -= 5;
			if (f.length > size)
				f.length = (uint32_t)size;
			feed(&a, data, f.length);
			data += f.length, size -= f.length;
			clock_ms += 100;
		} else {
			const uint8_t *mark = memchr(data + 1, 0xf5, size - 1);
			size_t raw = mark ? (size_t)(mark - data) : size;
			feed(&a, data, raw);
			data += raw, size -= raw;
		}
	}
	for (unsigned i = a.top; i < FRAME_STREAMS_MAX; i++)
		check(a.stream[i].id == 0);
	forget_all(&a);
	wire_reset(&a.wire);
	a.end = END_NONE;
	a.hello_due = a.sync_due = false;
	a.top = a.turn = 0;
	return 0;
}
