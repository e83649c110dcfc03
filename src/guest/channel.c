/* SPDX-License-Identifier: Apache-2.0
 *
 * channel.c - the client's side of a VM's channel: a connection to its
 * supervisor's control.sock. channel_wire.c decides, this file moves bytes.
 */
#include "guest/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/channel_wire.h"
#include "guest/session.h"
#include "lifecycle.h"
#include "supervisor/control.h"

enum {
	IN_CAP = 128 * 1024 + FRAME_HEADER + FRAME_PAYLOAD_MAX,
	OUT_CAP = FRAME_HEADER + FRAME_PAYLOAD_MAX + 4096, /* a frame of stdin and some small ones */
	CLOSE_WAIT_MS = 500,
	ANSWER_MS = 5000,
};

struct channel {
	stoker *s;
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1];
	int fd;
	bool lost;             /* closed by the other side, or it broke the protocol */
	char lost_why[256];    /* what the supervisor said of it */
	uint32_t last_stream;
	size_t in_at, in_len, out_at, out_len;
	uint8_t in[IN_CAP], out[OUT_CAP];
};

/* Output that its reader has not taken yet; never more than the guest had credit for. */
struct pending {
	uint8_t *data;
	size_t at, len, cap;
};

struct running {
	struct wire_command cmd;
	struct exec_io *io;
	struct pending pending[2];
	bool in_eof, pipe_told;
	size_t in_at;
	int resize;
};

/* ---- the connection */

static enum stoker_status lost(const struct channel *c, struct stoker_error *err)
{
	struct run_status run;
	bool known = run_status_read(c->s, c->id, &run);
	if (!known) { /* its runtime folder is gone, and so is it */
		error_set(err, STOKER_E_STATE, "%s has ended and was removed", c->name);
		return STOKER_E_STATE;
	}
	if (run.exit_status != -2) {
		if (run.bye[0])
			error_set(err, STOKER_E_STATE, "%s has ended: its guest did a %s", c->name, run.bye);
		else if (run.message[0])
			error_set(err, STOKER_E_STATE, "%s has ended, its VMM's last words were: %s", c->name, run.message);
		else
			error_set(err, STOKER_E_STATE, "%s has ended", c->name);
		error_fix(err, "Start it again: stoker start %s", c->name);
		return STOKER_E_STATE;
	}
	if (c->lost_why[0]) {
		error_set(err, STOKER_E_PEER, "the channel to %s is of no use: %s", c->name, c->lost_why);
		error_fix(err, "Go over SSH (--via ssh), or stop and start it");
		return STOKER_E_PEER;
	}
	error_set(err, STOKER_E_CLOSED, "the supervisor of %s closed the connection", c->name);
	error_fix(err, "Try again; if it stays so: stoker reconcile");
	return STOKER_E_CLOSED;
}

static void flush(struct channel *c)
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

/* Where a payload of up to `len` bytes may be put; NULL while there is no room. */
static uint8_t *out_room(struct channel *c, size_t len)
{
	if (c->out_at > 0) {
		memmove(c->out, c->out + c->out_at, c->out_len);
		c->out_at = 0;
	}
	return sizeof c->out - c->out_len < FRAME_HEADER + len ? NULL : c->out + c->out_len + FRAME_HEADER;
}

/* The payload is already where out_room() said. */
static void out_frame(struct channel *c, uint8_t type, uint32_t stream, size_t len)
{
	struct frame f = { .length = (uint32_t)len, .stream = stream, .type = type };
	frame_write_header(c->out + c->out_len, &f);
	c->out_len += FRAME_HEADER + len;
}

static bool out_small(struct channel *c, uint8_t type, uint32_t stream, const void *data, size_t len)
{
	uint8_t *room = out_room(c, len);
	if (!room)
		return false;
	if (len > 0)
		memcpy(room, data, len);
	out_frame(c, type, stream, len);
	return true;
}

static void fill(struct channel *c)
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

/* The next whole frame; its payload is valid until the next fill(). */
static bool next(struct channel *c, struct frame *f, const uint8_t **data)
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

static uint32_t new_stream(struct channel *c)
{
	c->last_stream = c->last_stream == UINT32_MAX ? 1 : c->last_stream + 1;
	return c->last_stream;
}

/* Waits for the next frame. 0, ETIMEDOUT, ECANCELED, or ECONNRESET when the connection is over. */
static int wait_frame(struct channel *c, int64_t deadline_ns, int cancel_fd, struct frame *f, const uint8_t **data)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = c->fd, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };
		if (next(c, f, data))
			return 0;
		if (c->lost)
			return ECONNRESET;
		if (c->out_len > 0) {
			flush(c);
			fds[0].events |= c->out_len > 0 ? POLLOUT : 0;
		}
		if (poll(fds, 2, deadline_poll_ms(deadline_ns)) < 0 && errno != EINTR)
			return errno;
		if (fds[1].revents)
			return ECANCELED;
		if (fds[0].revents & ~POLLOUT)
			fill(c);
		else if (clock_now_ns() >= deadline_ns)
			return ETIMEDOUT;
	}
}

/* An EXIT about the whole connection: the supervisor says why it ends it. */
static void note_lost(struct channel *c, const struct wire_exit *e)
{
	c->lost = true;
	memcpy(c->lost_why, e->text, sizeof c->lost_why);
}

static enum stoker_status waiting_failed(struct channel *c, int problem, const char *what, struct stoker_error *err)
{
	switch (problem) {
	case ETIMEDOUT:
		error_set(err, STOKER_E_TIMEOUT, "%s %s in time", c->name, what);
		error_fix(err, "See what it says: stoker logs %s", c->name);
		return STOKER_E_TIMEOUT;
	case ECANCELED:
		return error_set(err, STOKER_E_CANCELLED, "cancelled");
	case ECONNRESET:
		return lost(c, err);
	default:
		return error_errno(err, problem, "the channel to %s failed", c->name);
	}
}

static enum stoker_status channel_connect(stoker *s, const struct vm_record *rec, struct channel **out,
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
	c->lost = false;
	c->lost_why[0] = '\0';
	c->last_stream = 0;
	c->in_at = c->in_len = c->out_at = c->out_len = 0;
	c->fd = control_connect(dir, "control.sock");
	if (c->fd < 0) {
		int problem = errno;
		struct run_status run;
		free(c);
		if (run_status_read(s, rec->vm.id, &run) && run.exit_status != -2) {
			error_set(err, STOKER_E_STATE, "%s has ended%s%s", rec->vm.name, run.message[0] ? ": " : "", run.message);
			error_fix(err, "Start it again: stoker start %s", rec->vm.name);
			return STOKER_E_STATE;
		}
		error_errno(err, problem, "cannot reach the supervisor of %s", rec->vm.name);
		if (problem == ENOENT || problem == ECONNREFUSED)
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

static void channel_close(void *impl)
{
	struct channel *c = impl;
	if (!c)
		return;
	close(c->fd); /* the supervisor ends what still runs for us */
	free(c);
}

static enum stoker_status wait_hello(struct channel *c, int64_t deadline_ns, int cancel_fd, struct stoker_error *err)
{
	struct wire_exit end;
	const uint8_t *data;
	struct frame f;
	for (;;) {
		int problem = wait_frame(c, deadline_ns, cancel_fd, &f, &data);
		if (problem)
			return waiting_failed(c, problem, "did not become ready", err);
		if (f.type == FRAME_HELLO)
			return STOKER_OK;
		if (f.type == FRAME_EXIT && f.stream == 0 && wire_exit_parse(data, f.length, &end)) {
			note_lost(c, &end);
			return lost(c, err);
		}
	}
}

enum stoker_status channel_wait_hello(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                      struct stoker_error *err)
{
	struct channel *c;
	enum stoker_status st = channel_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	st = wait_hello(c, deadline_ns, cancel_fd, err);
	channel_close(c);
	return st;
}

enum stoker_status channel_poweroff(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	struct channel *c;
	enum stoker_status st = channel_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	out_small(c, FRAME_POWEROFF, 0, NULL, 0);
	flush(c); /* 12 bytes into an empty socket */
	channel_close(c);
	return STOKER_OK;
}

enum stoker_status channel_open(stoker *s, const struct vm_record *rec, const struct stoker_call *call, void **impl,
                                struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : 60000);
	struct channel *c;
	enum stoker_status st = channel_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	st = wait_hello(c, deadline, call ? call->cancel_fd : -1, err);
	if (st != STOKER_OK) {
		channel_close(c);
		return st;
	}
	*impl = c;
	return STOKER_OK;
}

/* ---- a command */

static bool keep(struct pending *p, const uint8_t *data, size_t len)
{
	if (p->at > 0) {
		memmove(p->data, p->data + p->at, p->len);
		p->at = 0;
	}
	if (p->cap - p->len < len) {
		size_t cap = p->cap ? p->cap : 16384;
		uint8_t *grown;
		while (cap - p->len < len)
			cap *= 2;
		grown = realloc(p->data, cap);
		if (!grown)
			return false;
		p->data = grown;
		p->cap = cap;
	}
	memcpy(p->data + p->len, data, len);
	p->len += len;
	return true;
}

static void give_back(struct channel *c, struct running *r, int which, size_t bytes)
{
	uint32_t credit = wire_command_consumed(&r->cmd, which, (uint32_t)bytes);
	uint8_t payload[5] = { (uint8_t)(which + 1) };
	struct exec_sink *sink = which == 0 ? &r->io->out : &r->io->err;
	if (credit > 0) {
		frame_put32(payload + 1, credit);
		if (!out_small(c, FRAME_CREDIT, r->cmd.stream, payload, sizeof payload))
			c->lost = true; /* the supervisor reads nothing at all */
	}
	/* As it would be for a command on this host: writing where nobody reads any more ends it. */
	if (sink->broken && !r->pipe_told && !r->cmd.exited) {
		uint8_t signo[4];
		frame_put32(signo, SIGPIPE);
		r->pipe_told = out_small(c, FRAME_SIGNAL, r->cmd.stream, signo, sizeof signo);
	}
}

/* 0 or an errno value. */
static int deliver(struct channel *c, struct running *r, int which, const uint8_t *data, size_t len)
{
	struct exec_sink *sink = which == 0 ? &r->io->out : &r->io->err;
	struct pending *p = &r->pending[which];
	size_t taken = 0;
	int problem;
	if (p->len == 0) {
		problem = exec_offer(sink, data, len, &taken);
		if (problem)
			return problem;
		give_back(c, r, which, taken);
	}
	return taken < len && !keep(p, data + taken, len - taken) ? ENOMEM : 0;
}

static int deliver_pending(struct channel *c, struct running *r, int which)
{
	struct pending *p = &r->pending[which];
	size_t taken;
	int problem = exec_offer(which == 0 ? &r->io->out : &r->io->err, p->data + p->at, p->len, &taken);
	if (problem)
		return problem;
	p->at += taken;
	p->len -= taken;
	give_back(c, r, which, taken);
	return 0;
}

/* All frames that are there. 0, EPROTO, ECONNRESET, or what made a delivery fail. */
static int take_frames(struct channel *c, struct running *r)
{
	const uint8_t *data;
	struct frame f;
	while (!wire_command_done(&r->cmd) && next(c, &f, &data)) {
		int which = 0, problem = 0;
		switch (wire_command_frame(&r->cmd, &f, data, &which)) {
		case WIRE_NOTHING:
		case WIRE_ENDED:
			break;
		case WIRE_DELIVER:
			problem = deliver(c, r, which, data, f.length);
			break;
		case WIRE_LOST:
			note_lost(c, &r->cmd.exit);
			return ECONNRESET;
		case WIRE_BROKEN:
			c->lost = true;
			return EPROTO;
		}
		if (problem)
			return problem;
	}
	return c->lost && !wire_command_done(&r->cmd) ? ECONNRESET : 0;
}

static bool may_read_input(const struct channel *c, const struct running *r)
{
	return !r->in_eof && !r->cmd.exited && r->cmd.in_credit > 0 && c->out_len == 0;
}

/* One frame of stdin straight into the output buffer, its end as an empty one. */
static void pump_input(struct channel *c, struct running *r)
{
	size_t want = r->cmd.in_credit < FRAME_PAYLOAD_MAX ? r->cmd.in_credit : FRAME_PAYLOAD_MAX;
	uint8_t *room = out_room(c, want);
	ssize_t n;
	if (!room)
		return;
	if (r->io->in_fd >= 0) {
		n = read(r->io->in_fd, room, want);
		if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			n = 0; /* what cannot be read has ended */
	} else {
		size_t left = r->io->in_len - r->in_at;
		n = (ssize_t)(left < want ? left : want);
		if (n > 0)
			memcpy(room, r->io->in + r->in_at, (size_t)n);
		r->in_at += (size_t)n;
	}
	out_frame(c, FRAME_STDIN, r->cmd.stream, (size_t)n);
	r->cmd.in_credit -= (uint32_t)n;
	r->in_eof = n == 0;
}

/* Memory needs no waiting: as much as there is credit and room for, and its end behind it. */
static void pump_memory(struct channel *c, struct running *r)
{
	if (r->io->in_fd >= 0)
		return;
	while (!r->in_eof && !r->cmd.exited && (r->cmd.in_credit > 0 || r->in_at == r->io->in_len)) {
		size_t before = c->out_len;
		pump_input(c, r);
		if (c->out_len == before)
			return;
	}
}

static void send_resize(struct channel *c, struct running *r, const struct stoker_exec *exec)
{
	uint8_t payload[4];
	int now;
	if (!exec->tty || !exec->resize)
		return;
	now = *exec->resize;
	if (now == r->resize || now == 0 || c->out_len > 0)
		return;
	frame_put16(payload, (uint16_t)((unsigned)now >> 16));
	frame_put16(payload + 2, (uint16_t)((unsigned)now & 0xffff));
	if (out_small(c, FRAME_RESIZE, r->cmd.stream, payload, sizeof payload))
		r->resize = now;
}

/* Until the command and all its output have arrived. 0 or an errno value as take_frames(), ETIMEDOUT, ECANCELED. */
static int run(struct channel *c, struct running *r, const struct stoker_exec *exec, int64_t deadline_ns, int cancel_fd)
{
	enum { CHANNEL, CANCEL, INPUT, OUTPUT, ERRORS, COUNT };
	for (;;) {
		struct pollfd fds[COUNT];
		int timeout, problem = take_frames(c, r);
		if (problem)
			return problem;
		if (wire_command_done(&r->cmd) && r->pending[0].len == 0 && r->pending[1].len == 0)
			return 0;
		send_resize(c, r, exec);
		pump_memory(c, r);
		flush(c);
		fds[CHANNEL] = (struct pollfd){ .fd = c->fd, .events = (short)(POLLIN | (c->out_len > 0 ? POLLOUT : 0)) };
		/* Once it is done only the readers of its output are waited for. */
		if (wire_command_done(&r->cmd))
			fds[CHANNEL].fd = -1;
		fds[CANCEL] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
		fds[INPUT] = (struct pollfd){ .fd = may_read_input(c, r) ? r->io->in_fd : -1, .events = POLLIN };
		for (int i = 0; i < 2; i++)
			fds[OUTPUT + i] = (struct pollfd){
				.fd = r->pending[i].len > 0 ? exec_sink_poll_fd(i == 0 ? &r->io->out : &r->io->err) : -1,
				.events = POLLOUT };
		timeout = deadline_poll_ms(deadline_ns);
		/* The signal that changes the size may have come just before poll(). */
		if (exec->tty && exec->resize && (timeout < 0 || timeout > 200))
			timeout = 200;
		if (poll(fds, COUNT, timeout) < 0) {
			if (errno != EINTR)
				return errno;
			continue;
		}
		if (fds[CANCEL].revents)
			return ECANCELED;
		if (deadline_ns != INT64_MAX && clock_now_ns() >= deadline_ns)
			return ETIMEDOUT;
		for (int i = 0; i < 2; i++)
			if (fds[OUTPUT + i].revents && (problem = deliver_pending(c, r, i)) != 0)
				return problem;
		if (fds[INPUT].revents)
			pump_input(c, r);
		if (fds[CHANNEL].revents & ~POLLOUT)
			fill(c);
	}
}

/* The caller gave up: the command is killed, and its end waited for briefly so that the status is known. */
static void abandon(struct channel *c, struct running *r)
{
	int64_t deadline = deadline_after_ms(CLOSE_WAIT_MS);
	const uint8_t *data;
	struct frame f;
	int which;
	if (r->cmd.exited || c->lost || !out_small(c, FRAME_CLOSE, r->cmd.stream, NULL, 0))
		return;
	r->cmd.closing = true;
	while (!r->cmd.exited && wait_frame(c, deadline, -1, &f, &data) == 0) {
		enum wire_action action = wire_command_frame(&r->cmd, &f, data, &which);
		if (action == WIRE_LOST)
			note_lost(c, &r->cmd.exit);
		if (action == WIRE_BROKEN || action == WIRE_LOST) {
			c->lost = true;
			return;
		}
	}
}

static void fill_result(const struct running *r, int64_t start_ns, struct stoker_exec_result *result)
{
	const struct wire_exit *e = &r->cmd.exit;
	memset(result, 0, sizeof *result);
	result->duration_ns = clock_now_ns() - start_ns;
	result->out_bytes = r->io->out.bytes;
	result->err_bytes = r->io->err.bytes;
	result->truncated = r->io->out.truncated || r->io->err.truncated;
	if (!r->cmd.exited)
		return;
	if (e->kind == FRAME_EXITED) {
		result->status = e->value;
	} else if (e->kind == FRAME_SIGNALED) {
		result->signal = e->value;
		result->status = 128 + e->value;
	} else {
		result->status = e->value == ENOENT ? 127 : 126;
	}
}

/* What an EXIT of kind NOT_RUN means to the caller. */
static enum stoker_status not_run(struct channel *c, struct running *r, const struct stoker_exec *exec, int64_t deadline,
                                  int cancel_fd, struct stoker_error *err)
{
	const struct wire_exit *e = &r->cmd.exit;
	char line[768], command[256];
	int n;
	switch (e->value) {
	case EPROTO:
		return error_set(err, STOKER_E_PEER, "the command was cut off: %s", e->text);
	case ECONNRESET:
		memcpy(c->lost_why, e->text, sizeof c->lost_why);
		return lost(c, err);
	case EAGAIN:
		error_set(err, STOKER_E_LIMIT, "%s", e->text);
		error_fix(err, "Try again when some of them have ended");
		return STOKER_E_LIMIT;
	default:
		break;
	}
	/* The agent says what failed, usually better than the number does. */
	error_clean(command, sizeof command, exec->argv[0], strlen(exec->argv[0]));
	if (e->text[0])
		n = snprintf(line, sizeof line, "stoker: %s\n", e->text);
	else
		n = snprintf(line, sizeof line, "stoker: cannot run %s: %s\n", command, strerror(e->value));
	if (n > 0)
		exec_deliver(&r->io->err, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, deadline, cancel_fd);
	return STOKER_OK;
}

static enum stoker_status failed(struct channel *c, int problem, int64_t timeout_ms, struct stoker_error *err)
{
	switch (problem) {
	case ETIMEDOUT:
		error_set(err, STOKER_E_TIMEOUT, "the command did not end within %lld ms and was killed", (long long)timeout_ms);
		error_fix(err, "Give it longer with --timeout");
		return STOKER_E_TIMEOUT;
	case ECANCELED:
		return error_set(err, STOKER_E_CANCELLED, "cancelled; the command was killed");
	case ECONNRESET:
		return lost(c, err);
	case EPROTO:
		return error_set(err, STOKER_E_PEER, "%s answered with something impossible", c->name);
	case ENOMEM:
		return error_set(err, STOKER_E_NOMEM, "not enough memory for the command's output");
	default:
		return error_errno(err, problem, "the command's output could not be written");
	}
}

static enum stoker_status channel_exec(void *impl, const struct stoker_exec *exec, struct exec_io *io,
                                       const struct stoker_call *call, struct stoker_exec_result *result,
                                       struct stoker_error *err)
{
	int64_t start = clock_now_ns(), timeout_ms = call ? call->timeout_ms : -1;
	int64_t deadline = timeout_ms < 0 ? INT64_MAX : deadline_after_ms(timeout_ms);
	int cancel_fd = call ? call->cancel_fd : -1, problem;
	struct channel *c = impl;
	struct running r = { .io = io };
	enum stoker_status st;
	uint8_t *room;
	size_t len;

	memset(result, 0, sizeof *result);
	if (c->lost)
		return lost(c, err);
	if (!exec->argv || !exec->argv[0])
		return error_set(err, STOKER_E_INVALID, "no command was given");
	while (c->out_len > 0) { /* rests of a command that was given up */
		struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };
		flush(c);
		if (c->out_len > 0 && poll(&pfd, 1, deadline_poll_ms(deadline)) == 0)
			return failed(c, ETIMEDOUT, timeout_ms, err);
	}
	room = out_room(c, FRAME_PAYLOAD_MAX);
	len = room ? wire_exec(exec, room) : 0;
	if (len == 0) {
		error_set(err, STOKER_E_INVALID, "the command line and environment are larger than %d KiB",
		          FRAME_PAYLOAD_MAX / 1024);
		error_fix(err, "Send what is large as standard input or in a file");
		return STOKER_E_INVALID;
	}
	wire_command_init(&r.cmd, new_stream(c), exec->tty);
	r.resize = exec->resize ? *exec->resize : 0;
	out_frame(c, FRAME_EXEC, r.cmd.stream, len);
	problem = run(c, &r, exec, deadline, cancel_fd);
	if (problem && problem != ECONNRESET && problem != EPROTO)
		abandon(c, &r);
	if (problem)
		st = failed(c, problem, timeout_ms, err);
	else if (r.cmd.exit.kind == FRAME_NOT_RUN)
		st = not_run(c, &r, exec, deadline, cancel_fd, err);
	else
		st = STOKER_OK;
	fill_result(&r, start, result);
	free(r.pending[0].data);
	free(r.pending[1].data);
	return st;
}

/* ---- questions */

/* Sends a question on a stream of its own and waits for the answer of the same type or `answer`. */
static enum stoker_status ask(struct channel *c, uint8_t type, uint8_t answer, const void *data, size_t len,
                              int64_t deadline, int cancel_fd, struct frame *f, const uint8_t **reply,
                              struct stoker_error *err)
{
	uint32_t stream = new_stream(c);
	struct wire_exit end;
	if (c->lost)
		return lost(c, err);
	if (!out_small(c, type, stream, data, len))
		return waiting_failed(c, ETIMEDOUT, "did not answer", err);
	for (;;) {
		int problem = wait_frame(c, deadline, cancel_fd, f, reply);
		if (problem)
			return waiting_failed(c, problem, "did not answer", err);
		if (f->stream == stream && f->type == answer)
			return STOKER_OK;
		if (f->type != FRAME_EXIT || (f->stream != stream && f->stream != 0) ||
		    !wire_exit_parse(*reply, f->length, &end))
			continue; /* late, of a command that was given up */
		if (f->stream == 0)
			note_lost(c, &end);
		memcpy(c->lost_why, end.text, sizeof c->lost_why);
		return lost(c, err);
	}
}

static enum stoker_status channel_ping(void *impl, const struct stoker_call *call, int64_t *rtt_ns,
                                       struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : ANSWER_MS);
	int64_t start = clock_now_ns();
	struct channel *c = impl;
	uint8_t sent[8];
	const uint8_t *reply;
	struct frame f;
	enum stoker_status st;

	frame_put32(sent, (uint32_t)start);
	frame_put32(sent + 4, (uint32_t)((uint64_t)start >> 32));
	st = ask(c, FRAME_PING, FRAME_PONG, sent, sizeof sent, deadline, call ? call->cancel_fd : -1, &f, &reply, err);
	if (st != STOKER_OK)
		return st;
	if (f.length != sizeof sent || memcmp(reply, sent, sizeof sent) != 0)
		return error_set(err, STOKER_E_PEER, "the agent of %s answered a ping with other bytes", c->name);
	*rtt_ns = clock_now_ns() - start;
	return STOKER_OK;
}

static enum stoker_status channel_statistics(void *impl, struct stoker_guest_stats *out, struct stoker_error *err)
{
	struct channel *c = impl;
	const uint8_t *reply;
	struct frame f;
	enum stoker_status st =
		ask(c, FRAME_STATS, FRAME_STATS, NULL, 0, deadline_after_ms(ANSWER_MS), -1, &f, &reply, err);
	if (st != STOKER_OK)
		return st;
	if (!wire_stats_parse(reply, f.length, out))
		return error_set(err, STOKER_E_PEER, "the agent of %s gave malformed statistics", c->name);
	return STOKER_OK;
}

const struct session_ops channel_ops = {
	.via = STOKER_VIA_CHANNEL,
	.exec = channel_exec,
	.ping = channel_ping,
	.statistics = channel_statistics,
	.close = channel_close,
};
