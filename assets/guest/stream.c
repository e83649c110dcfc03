/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c - the bytes of a running command, its credit and its end.
 *
 * The exit status is sent when the command has ended and its pipes are read to
 * their end. A descendant that outlived it and keeps a pipe open (a daemon
 * started in the background) is waited for LINGER_MS only: what lies in the
 * pipes then is still sent, what is written later is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

#define LINGER_MS 200
#define END_HOLD_MS 5
#define CREDIT_STEP (FRAME_WINDOW / 4)
#define CREDIT_MAX (1u << 30)
#define TTY_EOF 4 /* ctrl-D */
#define PIPE_SIZE (512 * 1024) /* what is written while a list of WIRE_SPLICE is on its way waits here */

void stream_init(struct stream *s, uint32_t id)
{
	memset(s, 0, sizeof *s);
	s->id = id;
	for (int i = 0; i < 3; i++) {
		s->fd[i] = -1;
		s->credit[i] = FRAME_WINDOW;
	}
}

static void shut(struct stream *s, unsigned which)
{
	if (s->fd[which] >= 0)
		close(s->fd[which]);
	s->fd[which] = -1;
}

static void shut_in(struct stream *s)
{
	shut(s, STREAM_IN);
	s->in_dead = true;
	/* Nobody will take it: it counts as consumed, so that the host is not stuck. */
	s->owed += (uint32_t)(s->buf_len - s->buf_at);
	free(s->buf);
	s->buf = NULL;
	s->buf_at = s->buf_len = s->buf_cap = 0;
}

static void kill_group(const struct stream *s, int signo)
{
	/* Once the leader is reaped its number may name another group, unless a
	 * descendant still holds one of the pipes. */
	if (s->pid > 0 && (!s->ended || s->fd[STREAM_OUT] >= 0 || s->fd[STREAM_ERR] >= 0))
		kill(-s->pid, signo);
}

/* How much of it the command took; -1: its end is closed. */
static ssize_t push(struct stream *s, const uint8_t *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t w = write(s->fd[STREAM_IN], p + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EAGAIN)
			break;
		if (w <= 0)
			return -1;
		done += (size_t)w;
	}
	if (done > 0)
		s->line_open = p[done - 1] != '\n';
	return (ssize_t)done;
}

static bool keep(struct stream *s, const uint8_t *p, size_t n)
{
	if (s->buf_at > 0) {
		memmove(s->buf, s->buf + s->buf_at, s->buf_len - s->buf_at);
		s->buf_len -= s->buf_at;
		s->buf_at = 0;
	}
	if (s->buf_cap - s->buf_len < n) {
		size_t cap = s->buf_cap != 0 ? s->buf_cap : 4096;

		while (cap - s->buf_len < n)
			cap *= 2;
		uint8_t *buf = realloc(s->buf, cap);

		if (buf == NULL)
			return false;
		s->buf = buf;
		s->buf_cap = cap;
	}
	memcpy(s->buf + s->buf_len, p, n);
	s->buf_len += n;
	return true;
}

/* A pipe is closed. A terminal cannot be: its end of file is a key, which
 * after half a line only completes the line. */
static void end_in(struct stream *s)
{
	if (!s->tty) {
		shut_in(s);
		return;
	}
	uint8_t keys[2] = { TTY_EOF, TTY_EOF };

	(void)!write(s->fd[STREAM_IN], keys, s->line_open ? 2 : 1);
	s->in_eof = false;
	s->line_open = false;
}

void stream_write(struct stream *s)
{
	if (s->fd[STREAM_IN] < 0)
		return;
	if (s->buf_len > s->buf_at) {
		ssize_t n = push(s, s->buf + s->buf_at, s->buf_len - s->buf_at);

		if (n < 0) {
			shut_in(s);
			return;
		}
		s->buf_at += (size_t)n;
		s->owed += (uint32_t)n;
		if (s->buf_at < s->buf_len)
			return;
		s->buf_at = s->buf_len = 0;
		if (s->buf_cap > 64 * 1024) {
			free(s->buf);
			s->buf = NULL;
			s->buf_cap = 0;
		}
	}
	if (s->in_eof)
		end_in(s);
}

void stream_stdin(struct stream *s, const uint8_t *p, size_t n)
{
	if (n > s->credit[STREAM_IN]) {
		say("the host sent more than was allowed to stream %u: its command is ended", (unsigned)s->id);
		shut_in(s);
		kill_group(s, SIGKILL);
		return;
	}
	s->credit[STREAM_IN] -= (uint32_t)n;
	if (s->in_dead || s->ended) {
		s->owed += (uint32_t)n;
		return;
	}
	if (n == 0) {
		s->in_eof = true;
		stream_write(s);
		return;
	}
	if (s->buf_len == s->buf_at) {
		ssize_t done = push(s, p, n);

		if (done < 0) {
			s->owed += (uint32_t)n;
			shut_in(s);
			return;
		}
		s->owed += (uint32_t)done;
		p += done, n -= (size_t)done;
	}
	if (n > 0 && !keep(s, p, n)) {
		say("no memory for the input of a command: it is ended");
		shut_in(s);
		kill_group(s, SIGKILL);
	}
}

void stream_credit(struct stream *s, unsigned which, uint32_t n)
{
	if (which != STREAM_OUT && which != STREAM_ERR)
		return;
	s->credit[which] = n < CREDIT_MAX - s->credit[which] ? s->credit[which] + n : CREDIT_MAX;
}

void stream_signal(struct stream *s, uint32_t signo)
{
	if (signo >= 1 && signo < 65)
		kill_group(s, (int)signo);
}

void stream_resize(struct stream *s, uint16_t rows, uint16_t cols)
{
	struct winsize size = { .ws_row = rows, .ws_col = cols };

	if (s->tty && s->fd[STREAM_OUT] >= 0 && rows > 0 && cols > 0)
		ioctl(s->fd[STREAM_OUT], TIOCSWINSZ, &size);
}

void stream_close(struct stream *s)
{
	s->closed = true;
	kill_group(s, SIGKILL);
	for (unsigned i = 0; i < 3; i++) {
		shut(s, i);
		s->out_eof[i] = true;
	}
	shut_in(s);
}

void stream_forget(struct stream *s)
{
	stream_close(s);
	s->id = 0;
}

static size_t splice_out(struct stream *s, struct wire *w, unsigned which)
{
	size_t most = s->draining && s->left[which] < s->credit[which] ? s->left[which] : s->credit[which];

	most = wire_splice(w, which == STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR, s->id, s->fd[which], most);
	s->credit[which] -= (uint32_t)most;
	if (s->draining)
		s->left[which] -= most;
	return most;
}

enum moved stream_read(struct stream *s, struct wire *w, unsigned which)
{
	size_t want = WIRE_CHUNK;
	uint8_t *into = wire_reserve(w);

	if (into == NULL || w->way_left > 0)
		return MOVED_FULL;
	if (want > s->credit[which])
		want = s->credit[which];
	if (s->draining && want > s->left[which])
		want = s->left[which];
	if (want == 0)
		return MOVED_ALL;
	if (s->widened) { /* one that had much to say will have more */
		size_t moved = splice_out(s, w, which);

		if (moved > 0)
			return w->way_left == 0 ? MOVED_MORE : MOVED_ALL;
	}
	ssize_t n = read(s->fd[which], into, want);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return MOVED_ALL;
	if (n <= 0) { /* a terminal whose last user is gone gives EIO */
		shut(s, which);
		return MOVED_ALL;
	}
	/* A command that fills its pipe gets a larger one: fewer turns for both. Not before it is worth the call. */
	if (n >= WIRE_CHUNK / 2 && !s->widened) {
		fcntl(s->fd[which], F_SETPIPE_SZ, PIPE_SIZE);
		s->widened = true;
	}
	wire_commit(w, which == STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR, s->id, (size_t)n);
	s->credit[which] -= (uint32_t)n;
	if (s->draining)
		s->left[which] -= (size_t)n;
	return (size_t)n == want ? MOVED_MORE : MOVED_ALL;
}

static void send_exit(struct stream *s, struct wire *w)
{
	uint8_t payload[5];
	bool signaled = WIFSIGNALED(s->status);

	payload[0] = signaled ? FRAME_SIGNALED : FRAME_EXITED;
	frame_put32(payload + 1, (uint32_t)(signaled ? WTERMSIG(s->status) : WEXITSTATUS(s->status)));
	wire_send(w, FRAME_EXIT, s->id, payload, sizeof payload);
}

static void start_draining(struct stream *s)
{
	s->draining = true;
	for (unsigned i = STREAM_OUT; i <= STREAM_ERR; i++) {
		int left = 0;

		if (s->fd[i] >= 0 && ioctl(s->fd[i], FIONREAD, &left) == 0 && left > 0)
			s->left[i] = (size_t)left;
	}
}

/* A command that ends closes its outputs one by one, and a moment later its
 * status is there. The three frames in one write are one wake-up for each on
 * the way to the host's caller, not three. A command that closes an output and
 * goes on has its end told a little later. */
static bool end_due(struct stream *s, int64_t now)
{
	if (s->end_ms == 0)
		s->end_ms = now + END_HOLD_MS;
	return s->ended || now >= s->end_ms;
}

bool stream_holds_end(const struct stream *s)
{
	for (unsigned i = STREAM_OUT; i <= STREAM_ERR; i++)
		if (!s->ended && s->fd[i] < 0 && !s->out_eof[i])
			return true;
	return false;
}

void stream_settle(struct stream *s, struct wire *w, int64_t now)
{
	if (wire_room(w) < WIRE_OUT / 2)
		return;
	if (s->ended && s->linger_ms == 0) {
		s->linger_ms = now + LINGER_MS;
		if (!s->in_dead)
			shut_in(s);
	}
	if (s->owed >= CREDIT_STEP && !s->closed && !s->ended) {
		uint8_t payload[5] = { STREAM_IN };

		frame_put32(payload + 1, s->owed);
		if (wire_send(w, FRAME_CREDIT, s->id, payload, sizeof payload)) {
			s->credit[STREAM_IN] += s->owed;
			s->owed = 0;
		}
	}
	if (s->ended && !s->draining && now >= s->linger_ms)
		start_draining(s);
	for (unsigned i = STREAM_OUT; i <= STREAM_ERR; i++) {
		if (s->draining && s->left[i] == 0)
			shut(s, i);
		if (s->fd[i] < 0 && !s->out_eof[i] && end_due(s, now))
			s->out_eof[i] = wire_send(w, i == STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR, s->id, NULL, 0);
	}
	if (s->ended && s->out_eof[STREAM_OUT] && s->out_eof[STREAM_ERR]) {
		send_exit(s, w);
		shut_in(s);
		s->id = 0;
	}
}
