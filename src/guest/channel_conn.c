/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_conn.c - moves the bytes between a client and the supervisor.
 */
#include "guest/channel_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "lifecycle.h"
#include "process.h"
#include "supervisor/control.h"

enum { ENDING_MS = 1000 };

/* Whether the supervisor has published the VM's end; the error then tells how it came, and what to do. */
static bool has_ended(const struct run_status *run, const char *name, bool ephemeral, struct stoker_error *err)
{
	if (run->exit_status == -2)
		return false;
	if (run->bye[0])
		error_set(err, STOKER_E_STATE, "%s has ended: its guest did a %s", name, run->bye);
	else if (run->message[0])
		error_set(err, STOKER_E_STATE, "%s has ended, its VMM's last words were: %s", name, run->message);
	else
		error_set(err, STOKER_E_STATE, "%s has ended", name);
	lifecycle_fix_start(err, name, ephemeral);
	return true;
}

enum stoker_status chan_lost(const struct channel *c, struct stoker_error *err)
{
	struct run_status run;
	if (!run_status_read(c->s, c->id, &run)) { /* its runtime folder is gone, and so is it */
		error_set(err, STOKER_E_STATE, "%s has ended and was removed", c->name);
		if (c->ephemeral)
			lifecycle_fix_start(err, c->name, true);
		return STOKER_E_STATE;
	}
	if (has_ended(&run, c->name, c->ephemeral, err))
		return STOKER_E_STATE;
	if (c->lost_why[0]) {
		error_set(err, STOKER_E_PEER, "the channel to %s is of no use: %s", c->name, c->lost_why);
		error_fix(err, "Go over SSH (--via ssh), or stop and start it");
		return STOKER_E_PEER;
	}
	error_set(err, STOKER_E_CLOSED, "the supervisor of %s closed the connection", c->name);
	error_fix(err, "Try again; if it stays so: stoker reconcile");
	return STOKER_E_CLOSED;
}

void chan_flush(struct channel *c)
{
	while (c->out_len > 0 && !c->lost) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			c->out_len = 0; /* what the other side said before it closed is still to be read */
		if (n < 0)
			return;
		c->out_at += (size_t)n;
		c->out_len -= (size_t)n;
	}
	c->out_at = 0;
}

uint8_t *chan_room(struct channel *c, size_t len)
{
	if (c->out_at > 0) {
		memmove(c->out, c->out + c->out_at, c->out_len);
		c->out_at = 0;
	}
	return sizeof c->out - c->out_len < FRAME_HEADER + len ? NULL : c->out + c->out_len + FRAME_HEADER;
}

void chan_frame(struct channel *c, uint8_t type, uint32_t stream, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	frame_write_header(c->out + c->out_len, &f);
	c->out_len += FRAME_HEADER + len;
}

bool chan_send(struct channel *c, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	uint8_t *room = chan_room(c, len);
	if (!room)
		return false;
	if (len > 0)
		memcpy(room, data, len);
	chan_frame(c, type, stream, len);
	return true;
}

void chan_fill(struct channel *c)
{
	ssize_t n;
	if (c->in_at > 0) {
		memmove(c->in, c->in + c->in_at, c->in_len);
		c->in_at = 0;
	}
	do
		n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		c->lost = true;
}

bool chan_next(struct channel *c, struct frame *f, const uint8_t **data)
{
	long n = frame_next(c->in + c->in_at, c->in_len, f);
	if (n < 0)
		c->lost = true;
	if (n <= 0)
		return false;
	*data = c->in + c->in_at + FRAME_HEADER;
	c->in_at += (size_t)n;
	c->in_len -= (size_t)n;
	return true;
}

uint32_t chan_stream(struct channel *c)
{
	c->last_stream = c->last_stream == UINT32_MAX ? 1 : c->last_stream + 1;
	return c->last_stream;
}

int chan_wait(struct channel *c, int64_t deadline_ns, int cancel_fd, struct frame *f, const uint8_t **data)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = c->fd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };
		if (chan_next(c, f, data))
			return 0;
		if (c->lost)
			return ECONNRESET;
		if (c->out_len > 0) {
			chan_flush(c);
			fds[0].events |= c->out_len > 0 ? POLLOUT : 0;
		}
		if (poll(fds, 2, deadline_poll_ms(deadline_ns)) < 0 && errno != EINTR)
			return errno;
		if (fds[1].revents)
			return ECANCELED;
		if (fds[0].revents & ~POLLOUT)
			chan_fill(c);
		else if (clock_now_ns() >= deadline_ns)
			return ETIMEDOUT;
	}
}

void chan_note_lost(struct channel *c, const struct wire_exit *e)
{
	c->lost = true;
	memcpy(c->lost_why, e->text, sizeof c->lost_why);
}

enum stoker_status chan_failed(struct channel *c, int problem, const char *what, struct stoker_error *err)
{
	switch (problem) {
	case ETIMEDOUT:
		error_set(err, STOKER_E_TIMEOUT, "%s %s in time", c->name, what);
		error_fix(err, "See what it says: stoker logs %s", c->name);
		return STOKER_E_TIMEOUT;
	case ECANCELED:
		return error_set(err, STOKER_E_CANCELLED, "cancelled");
	case ECONNRESET:
		return chan_lost(c, err);
	default:
		return error_errno(err, problem, "the channel to %s failed", c->name);
	}
}

/* Nobody listens. A supervisor whose VMM has ended takes its sockets away first and says so a moment later, so that
 * what is started next finds the place empty: while it lives, that moment is waited for. */
static bool ended_meanwhile(stoker *s, const struct vm_record *rec, bool wait, struct stoker_error *err)
{
	const struct timespec pause = { 0, 2 * NS_PER_MS };
	int64_t deadline = deadline_after_ms(ENDING_MS);
	struct run_status run;
	bool alive;

	do {
		alive = wait && process_alive(&rec->supervisor);
		if (run_status_read(s, rec->vm.id, &run) && has_ended(&run, rec->vm.name, rec->vm.ephemeral, err))
			return true;
		if (alive)
			nanosleep(&pause, NULL);
	} while (alive && clock_now_ns() < deadline);
	return false;
}

enum stoker_status chan_connect(stoker *s, const struct vm_record *rec, struct channel **out,
                                          struct stoker_error *err)
{
	char dir[STOKER_PATH_SIZE];
	struct ucred peer;
	socklen_t len = sizeof peer;
	struct channel *c;

	if (!path_runtime(s, dir, "vms/%s", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the runtime folder's path is too long");
	/* Not calloc: the buffers are touched only as far as they are used. */
	c = malloc(sizeof *c);
	if (!c)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	c->s = s;
	memcpy(c->id, rec->vm.id, sizeof c->id);
	memcpy(c->name, rec->vm.name, sizeof c->name);
	c->ephemeral = rec->vm.ephemeral;
	c->lost = false;
	c->lost_why[0] = '\0';
	c->last_stream = 0;
	c->in_at = c->in_len = c->out_at = c->out_len = 0;
	c->fd = control_connect(dir, "control.sock");
	if (c->fd < 0) {
		int problem = errno;
		bool nobody = problem == ENOENT || problem == ECONNREFUSED;
		free(c);
		if (ended_meanwhile(s, rec, nobody, err))
			return STOKER_E_STATE;
		error_errno(err, problem, "cannot reach the supervisor of %s", rec->vm.name);
		if (nobody)
			error_fix(err, "See what is wrong: stoker reconcile");
		return STOKER_E_FAILED;
	}
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid()) {
		close(c->fd);
		free(c);
		return error_set(err, STOKER_E_PEER, "the control socket of %s belongs to another user", rec->vm.name);
	}
	*out = c;
	return STOKER_OK;
}

void chan_close(void *impl)
{
	struct channel *c = impl;
	if (!c)
		return;
	close(c->fd); /* the supervisor ends what still runs for us */
	free(c);
}
