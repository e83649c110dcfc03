/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh.c - commands in a guest over one SSH connection that stays open.
 *
 * A command takes one round trip: the channel for the next one is asked for
 * when the last one ends, so that it is open by the time it is needed.
 */
#include <errno.h>
#include <libssh2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "lifecycle.h"
#include "guest/ssh_conn.h"

#define WINDOW (2 * 1024 * 1024) /* what a guest may send ahead; also the most memory that it can make us hold */
#define CHUNK (32 * 1024)
#define TURN (256 * 1024)        /* bytes read from the socket per turn, so that stdin and cancelling get theirs */
#define KILL_MS 3000             /* to end a command in the guest; after it the connection is given up */
#define RESIZE_LOOK_MS 250
#define LINE_MAX_BYTES 8000      /* dropbear takes 9000 of command, libssh2 sends 32 KiB; a longer one goes by file */

struct ssh_session {
	struct ssh_conn *conn;
	LIBSSH2_CHANNEL *spare; /* open and unused */
	bool opening;           /* libssh2 is in the middle of opening the next one */
	bool broken;            /* the connection cannot be used any more */
};

/* One command under way. */
struct run {
	struct ssh_session *session;
	LIBSSH2_CHANNEL *channel;
	const struct stoker_exec *exec;
	struct exec_io *io;
	int64_t deadline_ns;
	int cancel_fd;
	char *in;             /* CHUNK bytes read from in_fd; libssh2 wants them unmoved until it took them */
	const char *pending;  /* what is being written now */
	size_t pending_len;
	bool in_ended;        /* nothing more will come */
	bool eof_sent;
	bool hung_up;         /* the reader of stdout is gone and the command was told */
	int size;             /* last window size the guest was told */
};

/* ------------------------------------------------------------------ channels */

/* Carries the opening of a channel on without waiting. 0 when session->spare is there, EAGAIN, or libssh2's error. */
static int open_step(struct ssh_session *session)
{
	if (session->spare)
		return 0;
	session->spare = libssh2_channel_open_ex(session->conn->session, "session", sizeof "session" - 1, WINDOW,
	                                         LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0);
	session->opening = !session->spare &&
		libssh2_session_last_errno(session->conn->session) == LIBSSH2_ERROR_EAGAIN;
	return session->spare ? 0 : libssh2_session_last_errno(session->conn->session);
}

/* An open channel for the caller, who frees it. 0, or an errno in *why, or libssh2's error. */
static int open_channel(struct ssh_session *session, LIBSSH2_CHANNEL **out, int64_t deadline_ns, int cancel_fd,
                        int *why)
{
	int rc;

	*why = 0;
	ssh_conn_turn(session->conn, TURN);
	while ((rc = open_step(session)) == LIBSSH2_ERROR_EAGAIN) {
		*why = ssh_conn_wait(session->conn, deadline_ns, cancel_fd);
		if (*why)
			return rc;
	}
	*out = session->spare;
	session->spare = NULL;
	return rc;
}

/* Frees a channel; one that the guest does not close makes the connection useless. */
static void free_channel(struct ssh_session *session, LIBSSH2_CHANNEL *channel, int64_t deadline_ns)
{
	ssh_conn_turn(session->conn, TURN);
	while (!session->broken && libssh2_channel_free(channel) == LIBSSH2_ERROR_EAGAIN) {
		if (ssh_conn_wait(session->conn, deadline_ns, -1))
			session->broken = true;
	}
}

/* True when the guest has closed the channel and everything it sent was read. */
static bool channel_over(LIBSSH2_CHANNEL *channel)
{
	return libssh2_channel_eof(channel) == 1 && libssh2_channel_wait_closed(channel) == 0;
}

/* Reads and drops until the guest closes the channel. */
static bool drain(struct ssh_session *session, LIBSSH2_CHANNEL *channel, char *buf, size_t cap, int64_t deadline_ns)
{
	for (;;) {
		ssize_t n;
		ssh_conn_turn(session->conn, TURN);
		for (int stream = 0; stream <= 1; stream++) {
			while ((n = libssh2_channel_read_ex(channel, stream, buf, cap)) > 0)
				;
			if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
				return false;
		}
		if (channel_over(channel))
			return true;
		if (ssh_conn_wait(session->conn, deadline_ns, -1))
			return false;
	}
}

/* -------------------------------------------------------------------- ending */

/* SSH's own signal request reaches one process, dropbear forgets children of
 * the shell, and libssh2 1.10 cannot send it at all. So a second command ends
 * the first: both are children of the connection's server process, which runs
 * nothing else, as a session has one command at a time; what earlier commands
 * left in the background belongs to init by now. The tree is stopped before it
 * is ended, so that nothing forks away in between. */
static const char kill_script[] =
	"P=$PPID; [ \"$P\" -gt 1 ] || exit 1; K=' '; more=1; while [ $more = 1 ]; do more=0; "
	"for f in /proc/[0-9]*/stat; do { read -r l <$f; } 2>/dev/null || continue; "
	"p=${l%% *}; set -- ${l##*) }; [ $p = $$ ] && continue; "
	"case $K in *\" $p \"*) continue;; esac; "
	"case \" $P$K\" in *\" $2 \"*) kill -STOP $p 2>/dev/null && { K=\"$K$p \"; more=1; };; esac; "
	"done; done; [ \"$K\" = ' ' ] || { kill -$S $K; kill -CONT $K; } 2>/dev/null";

/* Sends a signal to the command on `channel` and all it started. */
static bool kill_command(struct ssh_session *session, const char *signal_name, char *buf, size_t cap,
                         int64_t deadline_ns)
{
	char script[sizeof kill_script + 32];
	LIBSSH2_CHANNEL *channel = NULL;
	bool done = false;
	int rc, why;

	snprintf(script, sizeof script, "S=%s; %s", signal_name, kill_script);
	if (open_channel(session, &channel, deadline_ns, -1, &why) != 0)
		return false;
	ssh_conn_turn(session->conn, TURN);
	while ((rc = libssh2_channel_exec(channel, script)) == LIBSSH2_ERROR_EAGAIN) {
		if (ssh_conn_wait(session->conn, deadline_ns, -1))
			break;
	}
	if (rc == 0)
		done = drain(session, channel, buf, cap, deadline_ns);
	free_channel(session, channel, deadline_ns);
	return done;
}

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL }, { "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL }, { "USR1", SIGUSR1 },
	{ "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "SYS", SIGSYS }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
};

int ssh_signal_number(const char *name)
{
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		if (strcmp(name, signals[i].name) == 0)
			return signals[i].number;
	}
	return SIGTERM;
}

/* How the command ended, as the guest tells it. */
static void take_status(struct ssh_session *session, LIBSSH2_CHANNEL *channel, struct stoker_exec_result *result)
{
	char *name = NULL;
	size_t len = 0;

	result->status = libssh2_channel_get_exit_status(channel) & 0xff;
	result->signal = 0;
	libssh2_channel_get_exit_signal(channel, &name, &len, NULL, NULL, NULL, NULL);
	if (!name)
		return;
	result->signal = ssh_signal_number(name);
	result->status = 128 + result->signal;
	libssh2_free(session->conn->session, name);
}

/* -------------------------------------------------------------------- moving */

/* Passes on what the guest sent. 0, an errno, or libssh2's error in *rc. */
static int move_output(struct run *run, char *buf, int *rc)
{
	*rc = 0;
	for (int stream = 0; stream <= 1; stream++) {
		struct exec_sink *sink = stream == 0 ? &run->io->out : &run->io->err;
		ssize_t n;
		while ((n = libssh2_channel_read_ex(run->channel, stream, buf, CHUNK)) > 0) {
			int failed = exec_deliver(sink, buf, (size_t)n, run->deadline_ns, run->cancel_fd);
			if (failed)
				return failed;
		}
		if (n < 0 && n != LIBSSH2_ERROR_EAGAIN) {
			*rc = (int)n;
			return 0;
		}
	}
	return 0;
}

/* Sends stdin as far as the guest takes it. 0 or libssh2's error. */
static int move_input(struct run *run)
{
	static const char end_of_tty[] = "\004";

	while (run->pending_len && run->session->conn->out_len < SSH_OUT_SOFT) {
		ssize_t n = libssh2_channel_write_ex(run->channel, 0, run->pending, run->pending_len);
		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			return 0;
		if (n < 0)
			return (int)n;
		run->pending += n;
		run->pending_len -= (size_t)n;
	}
	if (run->pending_len || !run->in_ended || run->eof_sent)
		return 0;
	if (run->exec->tty) {
		/* A terminal has no end of file but this character. */
		run->pending = end_of_tty;
		run->pending_len = 1;
		run->eof_sent = true;
		return move_input(run);
	}
	int rc = libssh2_channel_send_eof(run->channel);
	run->eof_sent = rc != LIBSSH2_ERROR_EAGAIN;
	return rc == LIBSSH2_ERROR_EAGAIN ? 0 : rc;
}

static void read_input(struct run *run)
{
	ssize_t n = read(run->io->in_fd, run->in, CHUNK);

	if (n > 0) {
		run->pending = run->in;
		run->pending_len = (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		run->in_ended = true; /* an unreadable stdin is an empty one */
	}
}

static int resize(struct run *run)
{
	int size, rc;

	if (!run->exec->tty || !run->exec->resize || *run->exec->resize == run->size)
		return 0;
	size = *run->exec->resize;
	rc = libssh2_channel_request_pty_size_ex(run->channel, size & 0xffff, (size >> 16) & 0xffff, 0, 0);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return 0;
	run->size = size;
	return rc;
}

/* Waits for the guest, for stdin, for the caller. 0 or an errno. */
static int wait_any(struct run *run)
{
	struct ssh_conn *conn = run->session->conn;
	bool want_in = run->io->in_fd >= 0 && !run->in_ended && !run->pending_len;
	struct pollfd fds[3] = { { conn->sock, POLLIN, 0 }, { run->cancel_fd, POLLIN, 0 },
		                 { want_in ? run->io->in_fd : -1, POLLIN, 0 } };
	int ms = deadline_poll_ms(run->deadline_ns), n;

	ssh_conn_flush(conn);
	if (conn->out_len)
		fds[0].events |= POLLOUT;
	/* A SIGWINCH may be taken by another thread. */
	if (run->exec->tty && run->exec->resize && (ms < 0 || ms > RESIZE_LOOK_MS))
		ms = RESIZE_LOOK_MS;
	n = poll(fds, 3, ms);
	if (n > 0 && fds[1].revents)
		return ECANCELED;
	if (run->deadline_ns != INT64_MAX && clock_now_ns() >= run->deadline_ns)
		return ETIMEDOUT;
	if (n > 0 && fds[2].revents)
		read_input(run);
	ssh_conn_flush(conn);
	return 0;
}

/* Moves bytes until the guest closes the channel. 0, an errno, or libssh2's error in *rc. */
static int pump(struct run *run, char *buf, int *rc)
{
	for (;;) {
		int why;
		ssh_conn_turn(run->session->conn, TURN);
		why = move_output(run, buf, rc);
		if (why || *rc)
			return why;
		if (channel_over(run->channel))
			return 0;
		if (run->io->out.broken && !run->hung_up) {
			/* As in a pipe whose reader left; bytes in flight are dropped by exec_deliver(). */
			run->hung_up = true;
			kill_command(run->session, "PIPE", buf, CHUNK, deadline_after_ms(KILL_MS));
			continue;
		}
		*rc = move_input(run);
		if (*rc == 0)
			*rc = resize(run);
		if (*rc)
			return 0;
		why = wait_any(run);
		if (why)
			return why;
	}
}

/* Asks for the terminal and the command. 0, EAGAIN with an errno in *why, or libssh2's error. */
static int start(struct run *run, const char *command, int *why)
{
	const struct stoker_exec *exec = run->exec;
	const char *term = exec->term && exec->term[0] ? exec->term : "xterm-256color";
	int rc = 0;

	*why = 0;
	ssh_conn_turn(run->session->conn, TURN);
	while (exec->tty && (rc = libssh2_channel_request_pty_ex(run->channel, term, (unsigned)strlen(term), NULL, 0,
	                     exec->cols ? exec->cols : 80, exec->rows ? exec->rows : 24, 0, 0)) == LIBSSH2_ERROR_EAGAIN) {
		*why = ssh_conn_wait(run->session->conn, run->deadline_ns, run->cancel_fd);
		if (*why)
			return rc;
	}
	while (rc == 0 && (rc = libssh2_channel_exec(run->channel, command)) == LIBSSH2_ERROR_EAGAIN) {
		*why = ssh_conn_wait(run->session->conn, run->deadline_ns, run->cancel_fd);
		if (*why)
			return rc;
		rc = 0;
	}
	return rc;
}

/* Runs one command line. */
static enum stoker_status run_line(struct ssh_session *session, const char *line, const struct stoker_exec *exec,
                                   struct exec_io *io, int64_t deadline_ns, int cancel_fd,
                                   struct stoker_exec_result *result, struct stoker_error *err)
{
	struct ssh_conn *conn = session->conn;
	struct run run = { .session = session, .exec = exec, .io = io, .cancel_fd = cancel_fd, .deadline_ns = deadline_ns,
		           .pending = io->in_fd < 0 ? io->in : NULL, .pending_len = io->in_fd < 0 && io->in ? io->in_len : 0,
		           .in_ended = io->in_fd < 0, .size = exec->resize ? *exec->resize : 0 };
	enum stoker_status st = STOKER_OK;
	bool started = false, running = false;
	int64_t end = 0;
	int rc, why;
	char *buf = malloc(2 * CHUNK);

	if (!buf)
		return error_errno(err, ENOMEM, "cannot run a command");
	run.in = buf + CHUNK;
	if (exec->tty && io->in_fd < 0 && !run.pending_len)
		run.eof_sent = true; /* no input at all is not an input that ended: the terminal stays open */

	rc = open_channel(session, &run.channel, deadline_ns, cancel_fd, &why);
	if (rc == 0) {
		rc = start(&run, line, &why);
		started = rc == 0 || why;
		running = rc == 0;
	}
	if (rc == 0)
		why = pump(&run, buf, &rc);
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
		st = error_set(err, STOKER_E_FAILED, "the guest's SSH server refuses to run a command%s",
		               exec->tty ? " on a pseudo-terminal" : "");
		error_fix(err, "Look at the console (stoker logs %s), or use the channel (without --via ssh)", conn->name);
	} else if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE && !conn->ended) {
		st = error_set(err, STOKER_E_LIMIT, "the guest's SSH server opens no further channel on this connection");
	} else if (why) {
		st = ssh_wait_error(conn, why, "running a command over SSH", err);
		end = deadline_after_ms(KILL_MS);
		/* Interrupted before its start was confirmed, it may never have been asked for: the server takes
		 * requests in order, so after the kill it is dead or will never be, and no end of it need come. */
		if (started && (!kill_command(session, "KILL", buf, CHUNK, end) ||
		                (running && !drain(session, run.channel, buf, CHUNK, end))))
			session->broken = true;
	} else if (rc != 0) {
		session->broken = true;
		st = ssh_conn_error(conn, rc, "running a command over SSH", err);
	}
	if (run.channel) {
		take_status(session, run.channel, result);
		free_channel(session, run.channel, end ? end : deadline_after_ms(KILL_MS));
	}
	if (!session->broken) {
		ssh_conn_turn(conn, TURN);
		open_step(session);
	}
	free(buf);
	return st;
}

/* A command line that is too long for the server is put into a file in the
 * guest, which removes itself as its first act; *line becomes the one that
 * reads it. */
static enum stoker_status by_file(struct ssh_session *session, char **line, int64_t deadline_ns, int cancel_fd,
                                  struct stoker_error *err)
{
	static const char put[] = "umask 077; f=$(mktemp) && { echo 'rm -f \"$f\"'; cat; } >\"$f\" && printf %s \"$f\"";
	struct exec_io io = { .in_fd = -1, .in = *line, .in_len = strlen(*line) };
	struct stoker_exec_result result = { .status = 0 };
	const struct stoker_exec plain = { .argv = NULL };
	enum stoker_status st;
	char *name, *fresh;
	size_t cap;

	exec_sink_open(&io.out, -1, 256);
	exec_sink_open(&io.err, -1, 256);
	st = run_line(session, put, &plain, &io, deadline_ns, cancel_fd, &result, err);
	name = io.out.data;
	if (st == STOKER_OK && (result.status != 0 || !name || name[0] != '/' || io.out.truncated ||
	                        strlen(name) != io.out.len || strpbrk(name, "'\n"))) {
		st = error_set(err, STOKER_E_LIMIT, "the guest has no place for a command of %zu bytes", io.in_len);
		error_fix(err, "Make room in the guest's /tmp, send data through stdin, or use the channel (without --via ssh)");
	}
	if (st == STOKER_OK) {
		cap = io.out.len + 32;
		fresh = malloc(cap);
		if (fresh) {
			snprintf(fresh, cap, "f='%s'; . '%s'", name, name);
			free(*line);
			*line = fresh;
		} else {
			st = error_errno(err, ENOMEM, "cannot run a command");
		}
	}
	free(io.out.data);
	free(io.err.data);
	return st;
}

static enum stoker_status ssh_exec(void *impl, const struct stoker_exec *exec, struct exec_io *io,
                                   const struct stoker_call *call, struct stoker_exec_result *result,
                                   struct stoker_error *err)
{
	struct ssh_session *session = impl;
	int64_t begin = clock_now_ns(), deadline = deadline_after_ms(call ? call->timeout_ms : -1);
	int cancel_fd = call ? call->cancel_fd : -1;
	enum stoker_status st;
	char *line = NULL;

	memset(result, 0, sizeof *result);
	if (session->broken || session->conn->ended || session->conn->io_errno) {
		error_set(err, STOKER_E_CLOSED, "the SSH connection to %s has ended", session->conn->name);
		return error_fix(err, "Open a new session");
	}
	st = ssh_command(exec, &line, err);
	if (st == STOKER_OK && strlen(line) > LINE_MAX_BYTES)
		st = by_file(session, &line, deadline, cancel_fd, err);
	if (st == STOKER_OK)
		st = run_line(session, line, exec, io, deadline, cancel_fd, result, err);
	free(line);
	result->duration_ns = clock_now_ns() - begin;
	result->out_bytes = io->out.bytes;
	result->err_bytes = io->err.bytes;
	result->truncated = io->out.truncated || io->err.truncated;
	return st;
}

/* ------------------------------------------------------------------ the rest */

/* libssh2's keepalive asks for a reply but never waits for it (and 1.10 keeps
 * every reply in memory). An "env" request on the spare channel must be
 * answered too, yes or no, costs the server nothing, and its answer is waited
 * for: a true round trip through the guest's SSH server. */
static enum stoker_status ssh_ping(void *impl, const struct stoker_call *call, int64_t *rtt_ns,
                                   struct stoker_error *err)
{
	struct ssh_session *session = impl;
	int cancel_fd = call ? call->cancel_fd : -1, rc, why = 0;
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : 10000), begin;
	LIBSSH2_CHANNEL *channel = NULL;

	if (session->broken) {
		error_set(err, STOKER_E_CLOSED, "the SSH connection to %s has ended", session->conn->name);
		return error_fix(err, "Open a new session");
	}
	rc = open_channel(session, &channel, deadline, cancel_fd, &why);
	begin = clock_now_ns();
	ssh_conn_turn(session->conn, TURN);
	while (rc == 0 && (rc = libssh2_channel_setenv_ex(channel, "STOKER_PING", 11, "1", 1)) == LIBSSH2_ERROR_EAGAIN) {
		why = ssh_conn_wait(session->conn, deadline, cancel_fd);
		if (why)
			break;
		rc = 0;
	}
	*rtt_ns = clock_now_ns() - begin;
	if (why) {
		/* The answer may still come: the connection keeps its place for it by not being used again. */
		session->broken = session->broken || channel;
		return ssh_wait_error(session->conn, why, "waiting for the SSH server's answer", err);
	}
	if (rc != 0 && rc != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
		session->broken = true;
		return ssh_conn_error(session->conn, rc, "waiting for the SSH server's answer", err);
	}
	session->spare = channel;
	return STOKER_OK;
}

static enum stoker_status ssh_statistics(void *impl, struct stoker_guest_stats *out, struct stoker_error *err)
{
	(void)impl, (void)out;
	error_set(err, STOKER_E_MISSING, "the guest's load and memory come from its agent, not over SSH");
	return error_fix(err, "Open the session by the channel");
}

static void ssh_close(void *impl)
{
	struct ssh_session *session = impl;

	if (!session)
		return;
	ssh_conn_close(session->conn);
	free(session);
}

enum stoker_status ssh_open(stoker *s, const struct vm_record *rec, const struct stoker_call *call, void **impl,
                            struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call_limit_ms(s, call));
	struct ssh_session *session = calloc(1, sizeof *session);
	enum stoker_status st;

	if (!session)
		return error_errno(err, ENOMEM, "cannot open an SSH session");
	st = ssh_conn_open(s, rec, deadline, call ? call->cancel_fd : -1, &session->conn, err);
	if (st != STOKER_OK) {
		free(session);
		return st;
	}
	ssh_conn_turn(session->conn, TURN);
	open_step(session);
	*impl = session;
	return STOKER_OK;
}

const struct session_ops ssh_ops = { .via = STOKER_VIA_SSH, .exec = ssh_exec, .ping = ssh_ping,
	                             .statistics = ssh_statistics, .close = ssh_close };
