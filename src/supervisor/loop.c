/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c - the one loop: waits, lets every part have its turn, ends with the VMM.
 */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "supervisor.h"

enum { EVENTS = 32, LAST_READS = 64 };
#define CONSOLE_RETRY NS_PER_S
#define LINGER (NS_PER_S / 2) /* for clients that still read the last output */

bool watch_set(struct supervisor *s, int op, int fd, enum watch_kind kind, unsigned index, bool out)
{
	struct epoll_event ev = { .events = EPOLLIN | (out ? (uint32_t)EPOLLOUT : 0),
		                  .data.u64 = (uint64_t)kind << 32 | index };
	return epoll_ctl(s->epoll, op, fd, &ev) == 0;
}

static bool console_readable(struct supervisor *s)
{
	ssize_t n;
	if (s->console_fd < 0)
		return false;
	n = read(s->console_fd, s->scratch, READ_CHUNK / 2); /* a socket or a FIFO */
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close(s->console_fd);
		s->console_fd = -1;
		s->console_due_ns = clock_now_ns() + CONSOLE_RETRY;
		return false;
	}
	s->trim_due_ns = clock_now_ns() + NS_PER_S;
	console_write(&s->console, s->scratch, (size_t)n);
	return true;
}

static void console_connect(struct supervisor *s)
{
	s->console_fd = vmm_console(s);
	s->console_due_ns = 0;
	if (s->console_fd >= 0 && watch_set(s, EPOLL_CTL_ADD, s->console_fd, WATCH_CONSOLE, 0, false))
		return;
	if (s->console_fd >= 0)
		close(s->console_fd);
	s->console_fd = -1;
	s->console_due_ns = clock_now_ns() + CONSOLE_RETRY;
}

/* What lies in the sockets is read to its end, the end published, and only then the clients let go: a client that
 * sees its connection closed finds the reason in the status. The sockets go before that, for after the publishing
 * another supervisor may use the folder. */
static void vmm_over(struct supervisor *s)
{
	s->over = true;
	for (int i = 0; i < LAST_READS && console_readable(s); i++)
		;
	for (int i = 0; i < LAST_READS && s->guest_fd >= 0; i++)
		guest_readable(s);
	vmm_ended(s);
	close(s->vmm_fd);
	s->vmm_fd = -1;
	vmm_leftovers(s);
	publish(s);
	close(s->listen);
	if (s->bell_fd >= 0)
		close(s->bell_fd);
	s->listen = s->bell_fd = -1;
	guest_close(s, "the VM has ended");
	if (s->console_fd >= 0)
		close(s->console_fd);
	s->console_fd = -1;
	s->console_due_ns = s->reconnect_due_ns = s->sync_due_ns = 0;
	s->over_due_ns = clock_now_ns() + LINGER;
}

/* Gives back what a burst needed: an idle supervisor is small. */
static void trim(struct supervisor *s)
{
	s->trim_due_ns = 0;
	if (s->guest_in_len == 0)
		madvise(s->guest_in, READ_BUFFER, MADV_DONTNEED);
	madvise(s->scratch, READ_BUFFER, MADV_DONTNEED);
	malloc_trim(0);
}

static int64_t next_due(const struct supervisor *s)
{
	const int64_t due[] = { s->publish_due_ns, s->reconnect_due_ns, s->console_due_ns, s->sync_due_ns,
		                s->trim_due_ns,    s->hangup_due_ns,    s->over_due_ns };
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < sizeof due / sizeof *due; i++)
		if (due[i] > 0 && due[i] < first)
			first = due[i];
	return first;
}

static bool is_due(int64_t due, int64_t now)
{
	return due > 0 && due <= now;
}

static void timers(struct supervisor *s)
{
	int64_t now = clock_now_ns();
	if (is_due(s->publish_due_ns, now))
		publish(s);
	if (is_due(s->hangup_due_ns, now))
		guest_close(s, "the VMM closed the guest's channel");
	if (is_due(s->reconnect_due_ns, now))
		guest_reconnect(s);
	if (is_due(s->console_due_ns, now))
		console_connect(s);
	if (is_due(s->sync_due_ns, now)) {
		s->sync_due_ns = 0;
		relay_sync_failed(&s->relay);
	}
	if (is_due(s->trim_due_ns, now))
		trim(s);
}

static void event(struct supervisor *s, const struct epoll_event *ev)
{
	unsigned index = (unsigned)(ev->data.u64 & 0xffffffff);
	bool in = (ev->events & ~(uint32_t)EPOLLOUT) != 0, out = (ev->events & EPOLLOUT) != 0;
	switch ((enum watch_kind)(ev->data.u64 >> 32)) {
	case WATCH_LISTEN:
		if (s->listen >= 0)
			clients_accept(s);
		break;
	case WATCH_GUEST:
		if (out)
			s->guest_dirty = true;
		if (in)
			guest_readable(s);
		break;
	case WATCH_BELL:
		if (s->bell_fd >= 0)
			guest_rang(s);
		break;
	case WATCH_CONSOLE:
		console_readable(s);
		break;
	case WATCH_ERRORS:
		vmm_errors_read(s);
		break;
	case WATCH_METRICS:
		vmm_metrics_read(s);
		break;
	case WATCH_VMM:
		if (!s->over)
			vmm_over(s);
		break;
	case WATCH_CLIENT:
		if (out)
			client_writable(s, index);
		if (in && s->guest_out.len <= GUEST_QUEUE_SOFT)
			client_readable(s, index);
		break;
	}
}

int loop_run(struct supervisor *s)
{
	struct epoll_event events[EVENTS];
	if (!watch_set(s, EPOLL_CTL_ADD, s->listen, WATCH_LISTEN, 0, false) ||
	    !watch_set(s, EPOLL_CTL_ADD, s->vmm_fd, WATCH_VMM, 0, false) ||
	    (s->bell_fd >= 0 && !watch_set(s, EPOLL_CTL_ADD, s->bell_fd, WATCH_BELL, 0, false)) ||
	    (s->errors_fd >= 0 && !watch_set(s, EPOLL_CTL_ADD, s->errors_fd, WATCH_ERRORS, 0, false)) ||
	    (s->metrics_fd >= 0 && !watch_set(s, EPOLL_CTL_ADD, s->metrics_fd, WATCH_METRICS, 0, false)))
		return 1;
	if (s->console_fd < 0 || !watch_set(s, EPOLL_CTL_ADD, s->console_fd, WATCH_CONSOLE, 0, false))
		s->console_due_ns = clock_now_ns() + CONSOLE_RETRY;
	for (;;) {
		int n;
		clients_settle(s);
		if (s->over && s->publish_due_ns == 0 && (s->queued == 0 || clock_now_ns() >= s->over_due_ns))
			break;
		if (s->over && clock_now_ns() >= s->over_due_ns)
			s->over_due_ns = 0; /* only the publishing is left to wait for */
		n = epoll_wait(s->epoll, events, EVENTS, deadline_poll_ms(next_due(s)));
		for (int i = 0; i < n; i++)
			event(s, &events[i]);
		timers(s);
	}
	clients_close_all(s);
	return 0;
}
