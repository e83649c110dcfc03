/* SPDX-License-Identifier: Apache-2.0
 *
 * clients.c - local clients of the control socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

enum { DIRECT_MIN = 4096, ACCEPTS_PER_TURN = 16 };

void clients_init(struct supervisor *s)
{
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++)
		s->clients[i].fd = -1;
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid();
}

static void refuse(int fd)
{
	static const char why[] = "too many clients are connected to this VM";
	struct frame f = { .length = 5 + sizeof why - 1, .type = FRAME_EXIT };
	uint8_t out[FRAME_HEADER + 5 + sizeof why - 1];
	frame_write_header(out, &f);
	out[FRAME_HEADER] = FRAME_NOT_RUN;
	frame_put32(out + FRAME_HEADER + 1, EAGAIN);
	memcpy(out + FRAME_HEADER + 5, why, sizeof why - 1);
	if (send(fd, out, sizeof out, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; /* it will see the end of the connection all the same */
}

void clients_accept(struct supervisor *s)
{
	for (int n = 0; n < ACCEPTS_PER_TURN; n++) {
		int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		unsigned i;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE) && s->spare_fd >= 0) {
			/* Without this the waiting connection would wake the loop for ever. */
			close(s->spare_fd);
			fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (fd >= 0)
				close(fd);
			s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (fd < 0)
			return;
		if (!same_user(fd)) {
			close(fd);
			continue;
		}
		for (i = 0; i < RELAY_CLIENTS_MAX && s->clients[i].fd >= 0; i++)
			;
		if (i == RELAY_CLIENTS_MAX) {
			refuse(fd);
			close(fd);
			continue;
		}
		s->clients[i] = (struct client){ .fd = fd };
		s->clients_used++;
		relay_client_up(&s->relay, i);
	}
}

static void client_close(struct supervisor *s, unsigned i)
{
	struct client *c = &s->clients[i];
	if (c->fd < 0)
		return;
	close(c->fd); /* leaves the epoll set by itself */
	s->queued -= c->out.len;
	queue_clear(&c->out);
	free(c->rest);
	*c = (struct client){ .fd = -1 };
	s->clients_used--;
	relay_client_down(&s->relay, i);
}

/* A client may well write POWEROFF and close at once: a failed send is no reason not to read what it wrote. */
static void sent(struct client *c, int problem)
{
	if (problem == 0)
		return;
	c->mute = true;
	c->doomed |= problem == ENOMEM;
	queue_clear(&c->out);
}

/* Only marks clients: a client is never forgotten in the middle of what the relay is doing. */
void client_queue(struct supervisor *s, unsigned i, const void *a, size_t alen, const void *b, size_t blen)
{
	struct client *c = &s->clients[i];
	size_t before = c->out.len;
	if (c->fd < 0 || c->doomed || c->mute)
		return;
	if (alen + blen >= DIRECT_MIN)
		sent(c, queue_send(&c->out, c->fd, a, alen, b, blen));
	else
		sent(c, queue_add(&c->out, a, alen) && queue_add(&c->out, b, blen) ? 0 : ENOMEM);
	c->dirty = true;
	s->queued += c->out.len - before;
	while (s->queued > CLIENT_QUEUES_MAX) {
		/* Somebody has to go, and it is who reads least. */
		struct client *fullest = NULL;
		for (unsigned k = 0; k < RELAY_CLIENTS_MAX; k++)
			if (s->clients[k].fd >= 0 && (!fullest || s->clients[k].out.len > fullest->out.len))
				fullest = &s->clients[k];
		if (!fullest)
			return;
		s->queued -= fullest->out.len;
		queue_clear(&fullest->out);
		fullest->doomed = true;
	}
}

void client_readable(struct supervisor *s, unsigned i)
{
	struct client *c = &s->clients[i];
	size_t len, used;
	ssize_t n;

	if (c->fd < 0 || c->doomed || c->ending)
		return;
	if (c->rest_len > 0)
		memcpy(s->scratch, c->rest, c->rest_len);
	n = recv(c->fd, s->scratch + c->rest_len, READ_CHUNK, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->doomed = true;
		return;
	}
	s->trim_due_ns = clock_now_ns() + NS_PER_S;
	len = c->rest_len + (size_t)n;
	used = relay_client_input(&s->relay, i, s->scratch, len);
	len -= used;
	if (len == 0) {
		free(c->rest);
		c->rest = NULL;
	} else {
		uint8_t *rest = realloc(c->rest, len);
		if (!rest) {
			c->doomed = true;
			return;
		}
		memcpy(rest, s->scratch + used, len);
		c->rest = rest;
	}
	c->rest_len = len;
}

void client_writable(struct supervisor *s, unsigned i)
{
	struct client *c = &s->clients[i];
	size_t before = c->out.len;
	if (c->fd < 0 || c->doomed || c->mute)
		return;
	sent(c, queue_send(&c->out, c->fd, NULL, 0, NULL, 0));
	s->queued -= before - c->out.len;
}

static void watch(struct supervisor *s, unsigned i)
{
	struct client *c = &s->clients[i];
	bool in = !s->clients_held, out = c->out.len > 0;
	/* Without anything to wait for it leaves the set: a hangup would be reported over and over. */
	if (!in && !out) {
		if (c->watched)
			epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		c->watched = false;
	} else if (!c->watched || c->wants_out != out || c->wants_in != in) {
		struct epoll_event ev = { .events = (in ? (uint32_t)EPOLLIN : 0) | (out ? (uint32_t)EPOLLOUT : 0),
			                  .data.u64 = (uint64_t)WATCH_CLIENT << 32 | i };
		if (epoll_ctl(s->epoll, c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev) < 0) {
			client_close(s, i);
			return;
		}
		c->watched = true;
	}
	c->wants_out = out;
	c->wants_in = in;
}

void clients_settle(struct supervisor *s)
{
	bool again;
	do {
		again = false;
		for (unsigned i = 0; i < RELAY_CLIENTS_MAX && s->clients_used > 0; i++) {
			struct client *c = &s->clients[i];
			if (c->fd < 0)
				continue;
			if (c->dirty && !c->doomed)
				client_writable(s, i);
			c->dirty = false;
			/* Ending one tells the guest and may fill other queues: look again. */
			if (c->doomed || c->ending) {
				client_close(s, i);
				again = true;
			}
		}
		guest_flush(s);
	} while (again);
	s->clients_held = s->guest_out.len > GUEST_QUEUE_SOFT;
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX && s->clients_used > 0; i++)
		if (s->clients[i].fd >= 0)
			watch(s, i);
}

void clients_close_all(struct supervisor *s)
{
	for (unsigned i = 0; i < RELAY_CLIENTS_MAX; i++)
		client_close(s, i);
}
