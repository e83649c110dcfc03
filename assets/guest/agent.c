/* SPDX-License-Identifier: Apache-2.0
 *
 * agent.c - the loop: the host's frames, the commands' bytes, the children's ends.
 *
 * Output is fair: each round every command that has something to say may add
 * one frame, and the round begins one command further each time. While more
 * than a quarter of the wire's buffer waits, no output is added and no request
 * is read, so a host that does not read gets no more of our memory.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define PORT_SOON 1000   /* tries, 2 ms apart, while the driver is still looking around */
#define PORT_LATER_MS 1000
#define RING_FIRST_MS 1000 /* the bell, as long as nobody comes: doubled each time */
#define RING_LAST_MS 30000
#define TURNS 8          /* frames of one output in one round */
#define FIXED 3          /* descriptors before those of the streams */

struct round {
	struct pollfd fd[FIXED + 3 * FRAME_STREAMS_MAX];
	struct {
		uint16_t stream;
		uint8_t which;
	} of[FIXED + 3 * FRAME_STREAMS_MAX];
	nfds_t count;
};

bool agent_init(struct agent *a)
{
	sigset_t all, ours;

	memset(a, 0, sizeof *a);
	a->wire.fd = a->listener = a->wire.stage[0] = a->wire.way[0] = -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGUSR1);
	sigaddset(&ours, SIGUSR2);
	sigaddset(&ours, SIGIO);
	a->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signal_fd >= 0;
}

static void send_hello(struct agent *a)
{
	static const char *const names[MARK_COUNT] = { "init", "modules", "root", "key", "net", "sshd", "hello" };
	char text[FRAME_HELLO_MAX];
	size_t at = 0;

	if (a->marks.at[MARK_HELLO] == 0)
		a->marks.at[MARK_HELLO] = now_ms();
	at += (size_t)snprintf(text, sizeof text, "protocol=%d\nagent=%s\n", FRAME_VERSION, AGENT_VERSION);
	if (a->service.host_key[0] != '\0')
		at += (size_t)snprintf(text + at, sizeof text - at, "host_key=%s\n", a->service.host_key);
	for (int i = 0; i < MARK_COUNT; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s:%lld", i == 0 ? "marks=" : ",", names[i],
		                       (long long)a->marks.at[i]);
	text[at++] = '\n';
	if (a->sync_due && !wire_raw(&a->wire, a->nonce, sizeof a->nonce))
		return;
	a->sync_due = false;
	a->hello_due = !wire_send(&a->wire, FRAME_HELLO, 0, text, at);
}

static void forget_all(struct agent *a)
{
	for (unsigned i = 0; i < a->top; i++)
		if (a->stream[i].id != 0)
			stream_forget(&a->stream[i]);
	a->top = 0;
}

/* ---- the port */

static void host_lost(struct agent *a)
{
	forget_all(a);
	wire_reset(&a->wire);
	a->wire.up = false;
	a->hello_due = a->sync_due = false;
	a->wire.fd = port_lost(a->wire.fd, a->listener);
}

/* On a busy host what a bell set going may be cut before it stands, or the bell itself be given up in its queue: a
 * guest that waited for the host then would wait for ever. */
static void ring_again(struct agent *a, int64_t now)
{
	if (a->ring_ms == 0) {
		a->ring_wait_ms = RING_FIRST_MS;
	} else if (now >= a->ring_ms) {
		port_ring();
		a->ring_wait_ms = a->ring_wait_ms < RING_LAST_MS ? 2 * a->ring_wait_ms : RING_LAST_MS;
	} else {
		return;
	}
	a->ring_ms = now + a->ring_wait_ms;
}

static void port_look(struct agent *a, int64_t now)
{
	if (a->wire.fd < 0) {
		if (now < a->port_ms && a->listener < 0)
			return;
		a->wire.fd = port_open(&a->listener);
		if (a->wire.fd < 0 && a->listener >= 0) {
			ring_again(a, now);
			return;
		}
		if (a->wire.fd < 0) {
			if (++a->port_tries == PORT_SOON)
				say("there is no port %s to the host", FRAME_PORT_NAME);
			a->port_ms = now + (a->port_tries < PORT_SOON ? 2 : PORT_LATER_MS);
			return;
		}
		port_notify(a->wire.fd, a->listener, true);
	}
	struct pollfd p = { .fd = a->wire.fd, .events = POLLIN };

	if (a->wire.up || poll(&p, 1, 0) < 0 || p.revents & (POLLHUP | POLLERR | POLLNVAL))
		return;
	port_notify(a->wire.fd, a->listener, false);
	wire_reset(&a->wire);
	if (a->listener < 0) /* vsock would make a packet of each page */
		wire_splices(&a->wire);
	a->wire.up = true;
	a->hello_due = true;
	a->ring_ms = 0;
}

/* ---- the host's frames */

static struct stream *find(struct agent *a, uint32_t id)
{
	for (unsigned i = 0; i < a->top; i++)
		if (a->stream[i].id == id)
			return &a->stream[i];
	return NULL;
}

static void on_exec(struct agent *a, uint32_t id, const uint8_t *p, size_t n)
{
	if (id == 0 || find(a, id) != NULL) {
		say("the host asked for a command on stream %u, which is in use", (unsigned)id);
		return;
	}
	for (unsigned i = 0; i < FRAME_STREAMS_MAX; i++)
		if (a->stream[i].id == 0) {
			stream_start(&a->stream[i], &a->wire, id, p, n);
			if (a->stream[i].id != 0 && a->top <= i)
				a->top = i + 1;
			return;
		}
	stream_refuse(&a->wire, id, EAGAIN, "as many commands as the agent can tend run already");
}

static void on_sync(struct agent *a, const uint8_t *nonce)
{
	forget_all(a);
	wire_discard(&a->wire); /* half a frame may be out: the nonce marks the new beginning */
	memcpy(a->nonce, nonce, FRAME_NONCE);
	a->hello_due = a->sync_due = true;
}

static void on_stream_frame(struct stream *s, const struct frame *f, const uint8_t *p)
{
	switch (f->type) {
	case FRAME_STDIN:
		stream_stdin(s, p, f->length);
		break;
	case FRAME_CREDIT:
		if (f->length == 5)
			stream_credit(s, p[0], frame_get32(p + 1));
		break;
	case FRAME_SIGNAL:
		if (f->length == 4)
			stream_signal(s, frame_get32(p));
		break;
	case FRAME_RESIZE:
		if (f->length == 4)
			stream_resize(s, frame_get16(p), frame_get16(p + 2));
		break;
	case FRAME_CLOSE:
		stream_close(s);
		break;
	default:
		break;
	}
}

static void on_frame(struct agent *a, const struct frame *f, const uint8_t *p)
{
	char text[512];
	struct stream *s;

	switch (f->type) {
	case FRAME_SYNC:
		if (f->stream == 0 && f->length == FRAME_NONCE)
			on_sync(a, p);
		break;
	case FRAME_EXEC:
		on_exec(a, f->stream, p, f->length);
		break;
	case FRAME_PING:
		if (f->length <= 64)
			wire_send(&a->wire, FRAME_PONG, f->stream, p, f->length);
		break;
	case FRAME_STATS:
		wire_send(&a->wire, FRAME_STATS, f->stream, text, stats_text(text, sizeof text));
		break;
	case FRAME_POWEROFF:
		a->end = END_POWEROFF;
		break;
	default:
		/* What concerns a stream that is over crossed its EXIT on the way. */
		s = f->stream != 0 ? find(a, f->stream) : NULL;
		if (s != NULL)
			on_stream_frame(s, f, p);
	}
}

static void read_frames(struct agent *a)
{
	const uint8_t *payload;
	struct frame f;

	while (a->end == END_NONE && wire_room(&a->wire) >= WIRE_OUT * 3 / 4 && wire_next(&a->wire, &f, &payload)) {
		wire_drop(&a->wire, &f); /* the bytes stay where they are until the next wire_fill() */
		on_frame(a, &f, payload);
	}
}

/* ---- signals */

/* The only place that waits for children, so that no status is lost: a
 * command's, dropbear's, or an orphan's that became ours. */
static void reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (service_ended(&a->service, pid, status))
			continue;
		for (unsigned i = 0; i < a->top; i++)
			if (a->stream[i].id != 0 && a->stream[i].pid == pid && !a->stream[i].ended) {
				a->stream[i].ended = true;
				a->stream[i].status = status;
				break;
			}
	}
}

static void read_signals(struct agent *a)
{
	struct signalfd_siginfo si;
	bool child = false;

	while (read(a->signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
		switch (si.ssi_signo) {
		case SIGCHLD:
			child = true;
			break;
		case SIGINT:  /* ctrl-alt-del */
		case SIGTERM: /* busybox reboot */
			a->end = END_REBOOT;
			break;
		case SIGUSR1: /* busybox halt */
		case SIGUSR2: /* busybox poweroff */
			a->end = END_POWEROFF;
			break;
		default: /* SIGIO: port_look() is next */
			break;
		}
	if (child)
		reap(a);
}

/* ---- the loop */

static void add(struct round *r, int fd, short events, unsigned stream, unsigned which)
{
	r->fd[r->count] = (struct pollfd){ .fd = fd, .events = events };
	r->of[r->count].stream = (uint16_t)stream;
	r->of[r->count].which = (uint8_t)which;
	r->count++;
}

static void prepare(struct agent *a, struct round *r)
{
	struct wire *w = &a->wire;
	bool space = w->way_left == 0 && w->out_len - w->out_at <= WIRE_OUT / 4;
	short port = (short)((space ? POLLIN : 0) | (wire_waits(w) ? POLLOUT : 0));

	r->count = 0;
	add(r, a->signal_fd, POLLIN, 0, 0);
	add(r, w->up ? w->fd : w->fd < 0 ? a->listener : -1, w->up ? port : POLLIN, 0, 0);
	add(r, a->service.log_fd, POLLIN, 0, 0);
	for (unsigned n = 0; n < a->top; n++) {
		unsigned i = (a->turn + n) % a->top;
		const struct stream *s = &a->stream[i];

		if (s->id == 0)
			continue;
		if (s->fd[STREAM_IN] >= 0 && (s->buf_len > s->buf_at || s->in_eof))
			add(r, s->fd[STREAM_IN], POLLOUT, i, STREAM_IN);
		for (unsigned k = STREAM_OUT; space && k <= STREAM_ERR; k++)
			if (s->fd[k] >= 0 && s->credit[k] > 0)
				add(r, s->fd[k], POLLIN, i, k);
	}
	a->turn = a->top > 0 ? (a->turn + 1) % a->top : 0;
}

static int sooner(int timeout, int64_t at, int64_t now)
{
	int64_t left = at > now ? at - now : 0;

	return timeout < 0 || left < timeout ? (int)left : timeout;
}

static int timeout_of(const struct agent *a, int64_t now)
{
	int timeout = service_timeout(&a->service, now);

	if (a->wire.fd < 0)
		timeout = sooner(timeout, a->listener < 0 ? a->port_ms : a->ring_ms, now);
	else if (a->wire.fd >= 0 && !a->wire.up) /* SIGIO tells; this is for the case that it got lost */
		timeout = sooner(timeout, now + PORT_LATER_MS, now);
	for (unsigned i = 0; i < a->top; i++) {
		const struct stream *s = &a->stream[i];

		if (s->id != 0 && s->ended && !s->draining)
			timeout = sooner(timeout, s->linger_ms, now);
		/* What is due and could not be sent waits for room, and that the port tells. */
		if (s->id != 0 && s->end_ms > now && stream_holds_end(s))
			timeout = sooner(timeout, s->end_ms, now);
	}
	return timeout;
}

/* One frame of an output. False: the wire is full. */
static bool move_output(struct agent *a, struct stream *s, unsigned which, bool *more)
{
	enum moved m = stream_read(s, &a->wire, which);

	if (m == MOVED_FULL) {
		if (!wire_flush(&a->wire))
			return false;
		m = stream_read(s, &a->wire, which);
	}
	*more = m == MOVED_MORE;
	return m != MOVED_FULL;
}

/* Every output gets its turns one frame at a time, but several turns a round:
 * a round costs a poll() and often a change of process. */
static void move_bytes(struct agent *a, struct round *r)
{
	bool any = true;

	for (int turn = 0; any && turn < TURNS; turn++) {
		any = false;
		for (nfds_t i = FIXED; i < r->count; i++) {
			struct stream *s = &a->stream[r->of[i].stream];
			unsigned which = r->of[i].which;
			bool more = false;

			/* An earlier frame of this round may have closed or even replaced it. */
			if (r->fd[i].revents == 0 || s->id == 0 || s->fd[which] != r->fd[i].fd)
				continue;
			if (which == STREAM_IN)
				stream_write(s);
			else if (s->credit[which] > 0 && !move_output(a, s, which, &more))
				return;
			if (!more)
				r->fd[i].revents = 0;
			any |= more;
		}
	}
}

static void settle(struct agent *a, int64_t now)
{
	unsigned top = 0;

	for (unsigned i = 0; i < a->top; i++) {
		struct stream *s = &a->stream[i];

		if (s->id != 0)
			stream_settle(s, &a->wire, now);
		if (s->id != 0)
			top = i + 1;
	}
	a->top = top;
}

enum end agent_run(struct agent *a)
{
	static struct round r; /* 18 KiB: too much for a stack, and there is one loop */

	while (a->end == END_NONE) {
		int64_t now = now_ms();

		service_tick(&a->service, now);
		if (!a->wire.up)
			port_look(a, now);
		if (a->wire.up && a->hello_due && a->service.settled)
			send_hello(a);
		settle(a, now);
		if (a->wire.up && !wire_flush(&a->wire))
			host_lost(a);
		prepare(a, &r);
		if (poll(r.fd, r.count, timeout_of(a, now)) < 0 && errno != EINTR)
			say("poll: %s", strerror(errno));
		if (r.fd[0].revents != 0)
			read_signals(a);
		if (r.fd[2].revents != 0 && r.fd[2].fd == a->service.log_fd)
			service_log(&a->service);
		if (a->marks.at[MARK_SSHD] == 0 && a->service.settled)
			a->marks.at[MARK_SSHD] = now_ms();
		if (!a->wire.up)
			r.fd[1].revents = 0; /* port_look() is next */
		if (r.fd[1].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			host_lost(a);
			continue;
		}
		if (r.fd[1].revents & POLLIN && !wire_fill(&a->wire)) {
			host_lost(a);
			continue;
		}
		if (a->wire.up)
			read_frames(a);
		move_bytes(a, &r);
		/* Whoever writes much is let fill its pipe before we look again. In poll() we would be woken by its first page,
		 * and more than half of the time would go into changing between the two of us. */
		if (a->wire.bulk)
			sched_yield();
		a->wire.bulk = false;
	}
	return a->end;
}
