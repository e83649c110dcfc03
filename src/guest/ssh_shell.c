/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_shell.c - an interactive shell for a poll() loop. Opening blocks and is
 * given to a worker; afterwards the shell belongs to whoever polls it, and no
 * call waits. One call of stoker_shell_read() reads a bounded piece from the
 * socket, so that a guest that floods never holds up the loop.
 */
#include <errno.h>
#include <libssh2.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "guest/ssh_conn.h"
#include "lifecycle.h"

#define WINDOW (256 * 1024)
#define TURN (64 * 1024)
#define QUEUE_MAX (1024 * 1024)
#define PROBE_NS (10 * NS_PER_S) /* silence after which the server is asked */
#define CUT_NS (28 * NS_PER_S)   /* silence, asked or not, that ends the shell */

struct stoker_shell {
	struct ssh_conn *conn;
	LIBSSH2_CHANNEL *channel;
	unsigned char *queue; /* keys and pastes on their way: from `head`, `len` bytes */
	size_t head, len, cap;
	uint16_t rows, cols;  /* wanted */
	bool resize;          /* the guest does not know yet */
	uint16_t sent_rows, sent_cols;
	bool resizing;        /* libssh2 is in the middle of telling it */
	bool probing;         /* an answer is awaited */
	bool over;
	int status;
	struct stoker_error why; /* code STOKER_OK: a plain exit */
};

/* --------------------------------------------------------------------- open */

static enum stoker_status wait_or(struct ssh_conn *conn, int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	int why = ssh_conn_wait(conn, deadline, cancel_fd);
	return why ? ssh_wait_error(conn, why, "opening a shell in the guest", err) : STOKER_OK;
}

static enum stoker_status begin(struct stoker_shell *shell, const struct stoker_shell_spec *spec, int64_t deadline,
                                int cancel_fd, struct stoker_error *err)
{
	static const char doing[] = "opening a shell in the guest";
	const char *term = spec && spec->term && spec->term[0] ? spec->term : "xterm-256color";
	const char *command = spec ? spec->command : NULL;
	struct ssh_conn *conn = shell->conn;
	enum stoker_status st;
	int rc;

	if (strlen(term) > 64 || (command && strlen(command) > 8192))
		return error_set(err, STOKER_E_INVALID, "the name of the terminal or the command is too long");
	ssh_conn_turn(conn, TURN);
	while (!(shell->channel = libssh2_channel_open_ex(conn->session, "session", sizeof "session" - 1, WINDOW,
	                                                  LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0))) {
		rc = libssh2_session_last_errno(conn->session);
		if (rc != LIBSSH2_ERROR_EAGAIN)
			return ssh_conn_error(conn, rc, doing, err);
		if ((st = wait_or(conn, deadline, cancel_fd, err)) != STOKER_OK)
			return st;
	}
	while ((rc = libssh2_channel_request_pty_ex(shell->channel, term, (unsigned)strlen(term), NULL, 0, shell->cols,
	                                            shell->rows, 0, 0)) == LIBSSH2_ERROR_EAGAIN) {
		if ((st = wait_or(conn, deadline, cancel_fd, err)) != STOKER_OK)
			return st;
	}
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
		error_set(err, STOKER_E_FAILED, "the guest gives no pseudo-terminal");
		return error_fix(err, "See that /dev/pts is mounted in the guest");
	}
	while (rc == 0 && (rc = command ? libssh2_channel_exec(shell->channel, command) :
	                   libssh2_channel_shell(shell->channel)) == LIBSSH2_ERROR_EAGAIN) {
		if ((st = wait_or(conn, deadline, cancel_fd, err)) != STOKER_OK)
			return st;
		rc = 0;
	}
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
		return error_set(err, STOKER_E_FAILED, "the guest's SSH server refuses to start %s", command ? "the command" :
		                 "a login shell");
	if (rc != 0)
		return ssh_conn_error(conn, rc, doing, err);
	/* One stream, as on a terminal. */
	while (libssh2_channel_handle_extended_data2(shell->channel, LIBSSH2_CHANNEL_EXTENDED_DATA_MERGE) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if ((st = wait_or(conn, deadline, cancel_fd, err)) != STOKER_OK)
			return st;
	}
	return STOKER_OK;
}

enum stoker_status ssh_shell_open(stoker *s, const struct vm_record *rec, const struct stoker_shell_spec *spec,
                                  const struct stoker_call *call, stoker_shell **out, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call_limit_ms(s, call));
	int cancel_fd = call ? call->cancel_fd : -1;
	struct stoker_shell *shell = calloc(1, sizeof *shell);
	enum stoker_status st;

	if (!shell)
		return error_errno(err, ENOMEM, "cannot open a shell");
	shell->rows = spec && spec->rows ? spec->rows : 24;
	shell->cols = spec && spec->cols ? spec->cols : 80;
	shell->status = -1;
	st = ssh_conn_open(s, rec, deadline, cancel_fd, &shell->conn, err);
	if (st == STOKER_OK)
		st = begin(shell, spec, deadline, cancel_fd, err);
	if (st != STOKER_OK) {
		error_what(err, "open a shell in %s", rec->vm.name);
		stoker_shell_close(shell);
		return st;
	}
	shell->conn->received_ns = clock_now_ns();
	*out = shell;
	return STOKER_OK;
}

enum stoker_status stoker_shell_open(stoker *s, const char *ref, const struct stoker_shell_spec *spec,
                                     const struct stoker_call *call, stoker_shell **out, struct stoker_error *err)
{
	struct vm_record rec;
	enum stoker_status st = handle_writable(s, err);

	if (st == STOKER_OK)
		st = lifecycle_find(s, ref, &rec, err);
	return st == STOKER_OK ? ssh_shell_open(s, &rec, spec, call, out, err) : st;
}

/* ---------------------------------------------------------------- afterwards */

static ssize_t finish(struct stoker_shell *shell, struct stoker_error *err)
{
	if (err && shell->why.code != STOKER_OK)
		*err = shell->why;
	return -1;
}

static void end(struct stoker_shell *shell, int rc, const char *doing)
{
	if (shell->over)
		return;
	shell->over = true;
	ssh_conn_error(shell->conn, rc, doing, &shell->why);
}

static void ended_by_guest(struct stoker_shell *shell)
{
	char *name = NULL;
	size_t len = 0;

	shell->over = true;
	shell->status = libssh2_channel_get_exit_status(shell->channel) & 0xff;
	libssh2_channel_get_exit_signal(shell->channel, &name, &len, NULL, NULL, NULL, NULL);
	if (!name)
		return;
	shell->status = 128 + ssh_signal_number(name);
	libssh2_free(shell->conn->session, name);
}

/* Sends queued keys as far as the guest takes them. */
static void send_keys(struct stoker_shell *shell)
{
	while (shell->len && shell->conn->out_len < SSH_OUT_SOFT) {
		/* After EAGAIN (no window, or a key exchange) the same bytes come first again; where they lie does not
		 * matter, as nothing of them is half sent. */
		ssize_t n = libssh2_channel_write_ex(shell->channel, 0, (const char *)shell->queue + shell->head, shell->len);
		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			return;
		if (n < 0) {
			end(shell, (int)n, "sending keys");
			return;
		}
		shell->head += (size_t)n;
		shell->len -= (size_t)n;
	}
	if (shell->len == 0)
		shell->head = 0;
}

static void send_size(struct stoker_shell *shell)
{
	int rc;

	while ((shell->resizing || shell->resize) && shell->conn->out_len < SSH_OUT_SOFT) {
		if (!shell->resizing) {
			shell->sent_rows = shell->rows;
			shell->sent_cols = shell->cols;
			shell->resizing = true;
			shell->resize = false;
		}
		rc = libssh2_channel_request_pty_size_ex(shell->channel, shell->sent_cols, shell->sent_rows, 0, 0);
		if (rc == LIBSSH2_ERROR_EAGAIN)
			return;
		shell->resizing = false;
		if (rc < 0) {
			end(shell, rc, "telling the size of the terminal");
			return;
		}
	}
}

/* A server that says nothing for a while is asked something that it must
 * answer. Not by libssh2's keepalive: 1.10 keeps every reply in memory. */
static void probe(struct stoker_shell *shell)
{
	int64_t silent = clock_now_ns() - shell->conn->received_ns;
	int rc;

	if (silent >= CUT_NS) {
		shell->over = true;
		error_set(&shell->why, STOKER_E_CLOSED, "the guest has not answered for %d seconds", (int)(silent / NS_PER_S));
		error_fix(&shell->why, "See whether the VM still runs: stoker inspect %s", shell->conn->name);
		return;
	}
	if (!shell->probing && silent < PROBE_NS)
		return;
	rc = libssh2_channel_setenv_ex(shell->channel, "STOKER_PING", 11, "1", 1);
	shell->probing = rc == LIBSSH2_ERROR_EAGAIN;
	if (rc < 0 && rc != LIBSSH2_ERROR_EAGAIN && rc != LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
		end(shell, rc, "waiting for the guest");
}

static void carry_on(struct stoker_shell *shell)
{
	ssh_conn_flush(shell->conn);
	send_size(shell);
	if (!shell->over)
		send_keys(shell);
	if (!shell->over)
		probe(shell);
}

ssize_t stoker_shell_read(stoker_shell *shell, void *buf, size_t cap, struct stoker_error *err)
{
	ssize_t n;

	if (shell->over)
		return finish(shell, err);
	ssh_conn_flush(shell->conn);
	/* First what libssh2 holds already: a guest that sends byte by byte costs a hundred bytes of it for each. */
	ssh_conn_turn(shell->conn, 0);
	n = libssh2_channel_read_ex(shell->channel, 0, buf, cap);
	if (n == 0 || n == LIBSSH2_ERROR_EAGAIN) {
		ssh_conn_turn(shell->conn, TURN);
		n = libssh2_channel_read_ex(shell->channel, 0, buf, cap);
	}
	if (n > 0)
		return n;
	if (n < 0 && n != LIBSSH2_ERROR_EAGAIN) {
		end(shell, (int)n, "reading from the shell");
		return finish(shell, err);
	}
	if (libssh2_channel_eof(shell->channel) == 1 && libssh2_channel_wait_closed(shell->channel) == 0) {
		ended_by_guest(shell);
		return finish(shell, err);
	}
	carry_on(shell);
	return shell->over ? finish(shell, err) : 0;
}

ssize_t stoker_shell_write(stoker_shell *shell, const void *buf, size_t len)
{
	size_t room = QUEUE_MAX - shell->len, used = shell->head + shell->len;

	if (shell->over)
		return -1;
	if (len > room)
		len = room;
	if (used + len > shell->cap) {
		size_t cap = shell->len + len < 4096 ? 4096 : (shell->len + len) * 2;
		unsigned char *fresh = malloc(cap);
		if (!fresh)
			return 0;
		if (shell->len)
			memcpy(fresh, shell->queue + shell->head, shell->len);
		free(shell->queue);
		shell->queue = fresh;
		shell->cap = cap;
		shell->head = 0;
		used = shell->len;
	}
	if (len)
		memcpy(shell->queue + used, buf, len);
	shell->len += len;
	ssh_conn_turn(shell->conn, TURN);
	carry_on(shell);
	return shell->over ? -1 : (ssize_t)len;
}

void stoker_shell_resize(stoker_shell *shell, uint16_t rows, uint16_t cols)
{
	if (shell->over || rows == 0 || cols == 0)
		return;
	if (rows == shell->rows && cols == shell->cols)
		return;
	shell->rows = rows;
	shell->cols = cols;
	shell->resize = true;
	ssh_conn_turn(shell->conn, TURN);
	carry_on(shell);
}

int stoker_shell_fd(const stoker_shell *shell)
{
	return shell->conn->sock;
}

short stoker_shell_events(const stoker_shell *shell)
{
	/* Keys that wait for the guest's window wait for its word, not for the socket. */
	return shell->conn->out_len ? POLLIN | POLLOUT : POLLIN;
}

int stoker_shell_timeout_ms(const stoker_shell *shell)
{
	if (shell->over)
		return 0;
	return deadline_poll_ms(shell->conn->received_ns + (shell->probing ? CUT_NS : PROBE_NS));
}

int stoker_shell_status(const stoker_shell *shell)
{
	return shell->status;
}

void stoker_shell_close(stoker_shell *shell)
{
	if (!shell)
		return;
	ssh_conn_close(shell->conn);
	free(shell->queue);
	free(shell);
}
