/* SPDX-License-Identifier: Apache-2.0
 *
 * channel.c - what the client's side of a VM's channel offers: sessions, the
 * wait for the agent's hello, and the request to power off.
 */
#include "guest/channel.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "lifecycle.h"
#include "guest/channel_conn.h"

enum { ANSWER_MS = 5000 };

static enum stoker_status wait_hello(struct channel *c, int64_t deadline_ns, int cancel_fd, struct stoker_error *err)
{
	struct wire_exit end;
	const uint8_t *data;
	struct frame f;
	for (;;) {
		int problem = chan_wait(c, deadline_ns, cancel_fd, &f, &data);
		if (problem)
			return chan_failed(c, problem, "did not become ready", err);
		if (f.type == FRAME_HELLO)
			return STOKER_OK;
		if (f.type == FRAME_EXIT && f.stream == 0 && wire_exit_parse(data, f.length, &end)) {
			chan_note_lost(c, &end);
			return chan_lost(c, err);
		}
	}
}

enum stoker_status channel_wait_hello(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                      struct stoker_error *err)
{
	struct channel *c;
	enum stoker_status st = chan_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	st = wait_hello(c, deadline_ns, cancel_fd, err);
	chan_close(c);
	return st;
}

enum stoker_status channel_poweroff(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	struct channel *c;
	enum stoker_status st = chan_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	chan_send(c, FRAME_POWEROFF, 0, NULL, 0);
	chan_flush(c); /* 12 bytes into an empty socket */
	chan_close(c);
	return STOKER_OK;
}

enum stoker_status channel_open(stoker *s, const struct vm_record *rec, const struct stoker_call *call, void **impl,
                                struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call_limit_ms(s, call));
	struct channel *c;
	enum stoker_status st = chan_connect(s, rec, &c, err);
	if (st != STOKER_OK)
		return st;
	st = wait_hello(c, deadline, call ? call->cancel_fd : -1, err);
	if (st != STOKER_OK) {
		chan_close(c);
		return st;
	}
	*impl = c;
	return STOKER_OK;
}

/* ---- questions */

/* Sends a question on a stream of its own and waits for the answer of the same type or `answer`. */
static enum stoker_status ask(struct channel *c, uint8_t type, uint8_t answer, const void *data, size_t len,
                              int64_t deadline, int cancel_fd, struct frame *f, const uint8_t **reply,
                              struct stoker_error *err)
{
	uint32_t stream = chan_stream(c);
	struct wire_exit end;
	if (c->lost)
		return chan_lost(c, err);
	if (!chan_send(c, type, stream, data, len))
		return chan_failed(c, ETIMEDOUT, "did not answer", err);
	for (;;) {
		int problem = chan_wait(c, deadline, cancel_fd, f, reply);
		if (problem)
			return chan_failed(c, problem, "did not answer", err);
		if (f->stream == stream && f->type == answer)
			return STOKER_OK;
		if (f->type != FRAME_EXIT || (f->stream != stream && f->stream != 0) ||
		    !wire_exit_parse(*reply, f->length, &end))
			continue; /* late, of a command that was given up */
		if (f->stream == 0)
			chan_note_lost(c, &end);
		if (f->stream == 0 || chan_lost(c, err) == STOKER_E_STATE)
			return chan_lost(c, err);
		error_set(err, STOKER_E_CLOSED, "%s gave no answer: %s", c->name, end.text);
		return error_fix(err, "Try again"), STOKER_E_CLOSED;
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
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): error_set() never gives STOKER_OK, so reply is set */
	if (!wire_stats_parse(reply, f.length, out))
		return error_set(err, STOKER_E_PEER, "the agent of %s gave malformed statistics", c->name);
	return STOKER_OK;
}

const struct session_ops channel_ops = {
	.via = STOKER_VIA_CHANNEL,
	.exec = channel_exec,
	.ping = channel_ping,
	.statistics = channel_statistics,
	.close = chan_close,
};
