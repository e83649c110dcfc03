/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.c - the socket to the guest's agent, and what the relay wants done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

enum { DIRECT_MIN = 16 * 1024 };
#define RECONNECT_FIRST (200 * NS_PER_MS)
#define RECONNECT_LAST (5 * NS_PER_S)
#define HANGUP_WAIT (500 * NS_PER_MS)
#define SYNC_LIMIT (10 * NS_PER_S)

/* ---- what the relay asks for */

static void op_client_send(void *user, unsigned client, const void *a, size_t alen, const void *b, size_t blen)
{
	client_queue(user, client, a, alen, b, blen);
}

static void op_guest_send(void *user, const void *a, size_t alen, const void *b, size_t blen)
{
	struct supervisor *s = user;
	int problem;
	if (s->guest_fd < 0)
		return;
	/* Small frames of one turn go out together. */
	if (alen + blen >= DIRECT_MIN)
		problem = queue_send(&s->guest_out, s->guest_fd, a, alen, b, blen);
	else
		problem = queue_add(&s->guest_out, a, alen) && queue_add(&s->guest_out, b, blen) ? 0 : ENOMEM;
	s->guest_dirty = true;
	/* A piece of a frame would be worse than none. The end of the socket is seen when it is read. */
	if (problem == ENOMEM)
		shutdown(s->guest_fd, SHUT_RDWR);
}

static void op_guest_discard(void *user)
{
	struct supervisor *s = user;
	queue_clear(&s->guest_out);
}

static void op_client_end(void *user, unsigned client)
{
	struct supervisor *s = user;
	s->clients[client].ending = true;
	s->clients[client].dirty = true;
}

static void op_hello(void *user, const struct hello *hello)
{
	struct supervisor *s = user;
	struct run_status *st = &s->status;
	s->sync_due_ns = 0;
	if (st->hello_ns > 0) {
		if (strcmp(st->host_key, hello->host_key) != 0)
			console_note(&s->console, "the guest gave another SSH host key; the first one of this run stays in force");
		return;
	}
	st->hello_ns = clock_now_ns();
	snprintf(st->agent, sizeof st->agent, "%s", hello->agent);
	snprintf(st->marks, sizeof st->marks, "%s", hello->marks);
	snprintf(st->host_key, sizeof st->host_key, "%s", hello->host_key);
	publish(s);
}

static void op_bye(void *user, const char *how)
{
	struct supervisor *s = user;
	if (s->status.bye[0])
		return;
	snprintf(s->status.bye, sizeof s->status.bye, "%s", how);
	publish(s);
}

static void op_asked(void *user)
{
	struct supervisor *s = user;
	if (s->status.asked)
		return;
	s->status.asked = true;
	publish(s);
}

static void synchronise(struct supervisor *s)
{
	uint8_t nonce[FRAME_NONCE];
	if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
		return; /* cannot happen for 16 bytes once the pool is filled */
	relay_sync(&s->relay, nonce);
	s->guest_dirty = true;
}

static void op_lost_step(void *user, const char *why)
{
	struct supervisor *s = user;
	console_note(&s->console, "%s; asking it to start anew", why);
	synchronise(s);
	s->sync_due_ns = clock_now_ns() + SYNC_LIMIT;
}

static void op_broken(void *user, const char *why)
{
	struct supervisor *s = user;
	console_note(&s->console, "%s; given up, commands can no longer be run over the channel", why);
	guest_close(s, why);
}

static const struct relay_ops ops = {
	.client_send = op_client_send,
	.guest_send = op_guest_send,
	.guest_discard = op_guest_discard,
	.client_end = op_client_end,
	.hello = op_hello,
	.bye = op_bye,
	.asked = op_asked,
	.lost_step = op_lost_step,
	.broken = op_broken,
};

/* ---- the socket */

void guest_init(struct supervisor *s)
{
	relay_init(&s->relay, &ops, s);
	s->guest_fd = -1;
	s->reconnect_wait_ns = RECONNECT_FIRST;
}

void guest_connected(struct supervisor *s, int fd, bool fresh)
{
	s->guest_in_len = 0;
	if (fd < 0 || !watch_set(s, EPOLL_CTL_ADD, fd, WATCH_GUEST, 0, false)) {
		if (fd >= 0)
			close(fd);
		s->reconnect_due_ns = clock_now_ns() + s->reconnect_wait_ns;
		if (s->reconnect_wait_ns < RECONNECT_LAST)
			s->reconnect_wait_ns *= 2;
		return;
	}
	s->reconnect_due_ns = 0;
	s->guest_fd = fd;
	s->guest_wants_out = s->rang = false;
	if (s->greeting)
		return;
	relay_guest_up(&s->relay);
	/* No limit on the answer: the guest may still be booting. */
	if (!fresh)
		synchronise(s);
}

/* The VMM passes a connection on to the guest's port once it was told which. */
static int vsock_connect(struct supervisor *s)
{
	char line[32];
	int fd = control_connect(s->opt.run, VMM_VSOCK_SOCKET);
	int len = snprintf(line, sizeof line, "CONNECT %d\n", FRAME_VSOCK_AGENT_PORT);

	if (fd >= 0 && send(fd, line, (size_t)len, MSG_NOSIGNAL) != len) {
		close(fd);
		fd = -1;
	}
	s->greeting = fd >= 0;
	return fd;
}

void guest_reconnect(struct supervisor *s)
{
	int fd = s->opt.channel_vsock ? vsock_connect(s) : control_connect(s->opt.run, "channel.sock");
	guest_connected(s, fd, s->opt.channel_vsock);
}

bool guest_bell(struct supervisor *s)
{
	s->bell_fd = control_listen(s->opt.run, BELL_SOCKET);
	return s->bell_fd >= 0;
}

/* Whoever rings, the answer is only a connection to the agent's port, if there is none that lives. */
void guest_rang(struct supervisor *s)
{
	int fd;
	for (int i = 0; i < 16 && (fd = accept4(s->bell_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0; i++)
		close(fd);
	if (s->over || s->relay.state == RELAY_BROKEN)
		return;
	s->rang = true;
	if (s->guest_fd >= 0 && s->hangup_due_ns == 0)
		return; /* its end has not been seen yet, or there is none */
	guest_close(s, "the guest's agent lost the connection");
	guest_reconnect(s);
}

/* True once the answer to CONNECT has been taken off what came in. */
static bool greeted(struct supervisor *s)
{
	enum { GREETING_MAX = 32 };
	uint8_t *end = memchr(s->guest_in, '\n', s->guest_in_len < GREETING_MAX ? s->guest_in_len : GREETING_MAX);
	size_t len;
	if (!end && s->guest_in_len < GREETING_MAX)
		return false;
	if (!end || s->guest_in_len < 3 || memcmp(s->guest_in, "OK ", 3) != 0) {
		console_note(&s->console, "the VMM's vsock answered with something else than OK");
		guest_close(s, "the VMM's vsock does not work");
		return false;
	}
	len = (size_t)(end - s->guest_in) + 1;
	s->guest_in_len -= len;
	memmove(s->guest_in, s->guest_in + len, s->guest_in_len);
	s->greeting = false;
	relay_guest_up(&s->relay);
	return true;
}

void guest_close(struct supervisor *s, const char *why)
{
	if (s->guest_fd < 0)
		return;
	close(s->guest_fd);
	s->guest_fd = -1;
	queue_clear(&s->guest_out);
	s->guest_in_len = 0;
	s->sync_due_ns = s->hangup_due_ns = 0;
	s->greeting = false;
	relay_guest_down(&s->relay, why);
	if (!s->over && s->relay.state != RELAY_BROKEN)
		s->reconnect_due_ns = clock_now_ns() + s->reconnect_wait_ns;
}

void guest_readable(struct supervisor *s)
{
	size_t used;
	ssize_t n;
	if (s->guest_fd < 0)
		return;
	n = recv(s->guest_fd, s->guest_in + s->guest_in_len, READ_BUFFER - s->guest_in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && s->over) {
		guest_close(s, "the VM has ended");
		return;
	}
	if (n <= 0 && s->rang) { /* the guest lives, and waits for another */
		guest_close(s, "the guest's agent lost the connection");
		guest_reconnect(s);
		return;
	}
	if (n <= 0) {
		/* Most often the VMM is just ending: then that is what clients are to be told. */
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->guest_fd, NULL);
		s->hangup_due_ns = clock_now_ns() + HANGUP_WAIT;
		return;
	}
	s->trim_due_ns = clock_now_ns() + NS_PER_S;
	s->reconnect_wait_ns = RECONNECT_FIRST;
	s->guest_in_len += (size_t)n;
	if (s->greeting && !greeted(s))
		return;
	used = relay_guest_input(&s->relay, s->guest_in, s->guest_in_len);
	if (s->guest_fd < 0)
		return; /* closed on the way */
	s->guest_in_len -= used;
	if (used > 0 && s->guest_in_len > 0)
		memmove(s->guest_in, s->guest_in + used, s->guest_in_len);
}

void guest_flush(struct supervisor *s)
{
	bool out;
	if (s->guest_fd < 0)
		return;
	if (s->guest_dirty && queue_send(&s->guest_out, s->guest_fd, NULL, 0, NULL, 0) != 0)
		queue_clear(&s->guest_out); /* its end is seen when it is read */
	s->guest_dirty = false;
	out = s->guest_out.len > 0;
	if (s->hangup_due_ns == 0 && out != s->guest_wants_out &&
	    watch_set(s, EPOLL_CTL_MOD, s->guest_fd, WATCH_GUEST, 0, out))
		s->guest_wants_out = out;
}
