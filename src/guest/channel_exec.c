/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_exec.c - a command over the channel. channel_wire.c decides what a
 * frame means; this moves stdin, stdout and stderr independently of each other,
 * so that none waits for the reader or writer of another.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/channel_conn.h"

enum { CLOSE_WAIT_MS = 500 };

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
		if (!chan_send(c, FRAME_CREDIT, r->cmd.stream, payload, sizeof payload))
			c->lost = true; /* the supervisor reads nothing at all */
	}
	/* As it would be for a command on this host: writing where nobody reads any more ends it. */
	if (sink->broken && !r->pipe_told && !r->cmd.exited) {
		uint8_t signo[4];
		frame_put32(signo, SIGPIPE);
		r->pipe_told = chan_send(c, FRAME_SIGNAL, r->cmd.stream, signo, sizeof signo);
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
	while (!wire_command_done(&r->cmd) && chan_next(c, &f, &data)) {
		int which = 0, problem = 0;
		switch (wire_command_frame(&r->cmd, &f, data, &which)) {
		case WIRE_NOTHING:
		case WIRE_ENDED:
			break;
		case WIRE_DELIVER:
			problem = deliver(c, r, which, data, f.length);
			break;
		case WIRE_LOST:
			chan_note_lost(c, &r->cmd.exit);
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
	uint8_t *room = chan_room(c, want);
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
	chan_frame(c, FRAME_STDIN, r->cmd.stream, (size_t)n);
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
	if (chan_send(c, FRAME_RESIZE, r->cmd.stream, payload, sizeof payload))
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
		chan_flush(c);
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
			chan_fill(c);
	}
}

/* The caller gave up: the command is killed, and its end waited for briefly so that the status is known. */
static void abandon(struct channel *c, struct running *r)
{
	int64_t deadline = deadline_after_ms(CLOSE_WAIT_MS);
	const uint8_t *data;
	struct frame f;
	int which;
	if (r->cmd.exited || c->lost || !chan_send(c, FRAME_CLOSE, r->cmd.stream, NULL, 0))
		return;
	r->cmd.closing = true;
	while (!r->cmd.exited && chan_wait(c, deadline, -1, &f, &data) == 0) {
		enum wire_action action = wire_command_frame(&r->cmd, &f, data, &which);
		if (action == WIRE_LOST)
			chan_note_lost(c, &r->cmd.exit);
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
static enum stoker_status not_run(struct channel *c, struct running *r, const struct stoker_exec *exec,
                                  int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	const struct wire_exit *e = &r->cmd.exit;
	char line[768], command[256];
	const char *shell = "";
	int n;
	switch (e->value) {
	case EPROTO:
		error_set(err, STOKER_E_PEER, "the command in %s was cut off: %s", c->name, e->text);
		return error_fix(err, "Look at its console: stoker logs %s; if it stays so, stop it and start it again", c->name), STOKER_E_PEER;
	case ECONNRESET:
		if (chan_lost(c, err) == STOKER_E_STATE)
			return STOKER_E_STATE;
		error_set(err, STOKER_E_CLOSED, "the command in %s was cut off: %s", c->name, e->text);
		error_fix(err, "Try again");
		return STOKER_E_CLOSED;
	case EAGAIN:
		error_set(err, STOKER_E_LIMIT, "%s", e->text);
		error_fix(err, "Try again when some of them have ended");
		return STOKER_E_LIMIT;
	default:
		break;
	}
	/* The agent says what failed, usually better than the number does. A line in one word was meant for a shell. */
	if (e->value == ENOENT && strchr(exec->argv[0], ' '))
		shell = " (for a line of shell: sh -c 'LINE')";
	error_clean(command, sizeof command, exec->argv[0], strlen(exec->argv[0]));
	if (e->text[0])
		n = snprintf(line, sizeof line, "stoker: %s%s\n", e->text, shell);
	else
		n = snprintf(line, sizeof line, "stoker: cannot run %s: %s%s\n", command, strerror(e->value), shell);
	if (n > 0)
		exec_deliver(&r->io->err, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, deadline, cancel_fd);
	return STOKER_OK;
}

/* `ended`: the guest confirmed that the command is dead. */
static enum stoker_status failed(struct channel *c, int problem, bool ended, struct stoker_error *err)
{
	switch (problem) {
	case ETIMEDOUT:
		error_set(err, STOKER_E_TIMEOUT,
		          ended ? "the command did not end in time and was killed"
		                : "the command did not end in time, and %s does not answer the order to kill it",
		          c->name);
		error_fix(err, ended ? "Give it longer with --timeout" : "See how it is: stoker logs %s", c->name);
		return STOKER_E_TIMEOUT;
	case ECANCELED:
		return error_set(err, STOKER_E_CANCELLED,
		                 ended ? "cancelled; the command was killed" : "cancelled; the command was told to end");
	case ECONNRESET:
		return chan_lost(c, err);
	case EPROTO:
		return error_set(err, STOKER_E_PEER, "%s answered with something impossible", c->name);
	case ENOMEM:
		return error_set(err, STOKER_E_NOMEM, "not enough memory for the command's output");
	default:
		return error_errno(err, problem, "the command's output could not be written");
	}
}

enum stoker_status channel_exec(void *impl, const struct stoker_exec *exec, struct exec_io *io,
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
		return chan_lost(c, err);
	if (!exec->argv || !exec->argv[0])
		return error_set(err, STOKER_E_INVALID, "no command was given");
	while (c->out_len > 0) { /* rests of a command that was given up */
		struct pollfd pfd = { .fd = c->fd, .events = POLLOUT };
		chan_flush(c);
		if (c->out_len > 0 && poll(&pfd, 1, deadline_poll_ms(deadline)) == 0)
			return failed(c, ETIMEDOUT, false, err);
	}
	room = chan_room(c, FRAME_PAYLOAD_MAX);
	len = room ? wire_exec(exec, room) : 0;
	if (len == 0) {
		error_set(err, STOKER_E_INVALID, "the command line and environment are larger than %d KiB",
		          FRAME_PAYLOAD_MAX / 1024);
		error_fix(err, "Send what is large as standard input or in a file");
		return STOKER_E_INVALID;
	}
	wire_command_init(&r.cmd, chan_stream(c), exec->tty);
	r.resize = exec->resize ? *exec->resize : 0;
	chan_frame(c, FRAME_EXEC, r.cmd.stream, len);
	problem = run(c, &r, exec, deadline, cancel_fd);
	if (problem && problem != ECONNRESET && problem != EPROTO)
		abandon(c, &r);
	if (problem)
		st = failed(c, problem, r.cmd.exited, err);
	else if (r.cmd.exit.kind == FRAME_NOT_RUN)
		st = not_run(c, &r, exec, deadline, cancel_fd, err);
	else
		st = STOKER_OK;
	fill_result(&r, start, result);
	free(r.pending[0].data);
	free(r.pending[1].data);
	return st;
}
