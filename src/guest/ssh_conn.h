/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_conn.h - one authenticated SSH connection, shared by sessions (ssh.c)
 * and shells (ssh_shell.c).
 *
 * libssh2 demands that a send that would block is repeated first, with the
 * same buffer, before anything else is sent; some of its own sends (window
 * adjustments inside a read, a key exchange) cannot keep to that. So its
 * socket is ours: what the socket does not take at once waits in `out`, and
 * libssh2 never sees a short write. And reads have a budget, because one call
 * of libssh2 otherwise decrypts as long as bytes come in.
 */
#ifndef STOKER_SRC_GUEST_SSH_CONN_H
#define STOKER_SRC_GUEST_SSH_CONN_H

#include "guest/session.h"

struct _LIBSSH2_SESSION;

#define SSH_OUT_SOFT (64 * 1024)   /* no new data is written while more than this waits in `out` */
#define SSH_OUT_HARD (1024 * 1024) /* the connection is given up beyond */

struct ssh_conn {
	int sock;
	struct _LIBSSH2_SESSION *session;
	unsigned char *out; /* encrypted, not yet taken by the socket */
	size_t out_len, out_cap;
	size_t budget;      /* bytes that may still be read before the next turn */
	uint64_t received;
	int64_t received_ns; /* when bytes last came */
	uint64_t receive_max; /* 0: no limit; while connecting a peer may only send so much */
	int io_errno;       /* what ended the socket; 0: nothing yet */
	bool ended;         /* the peer closed it */
	bool dead;          /* we gave it up: nothing is sent or received any more */
	uint16_t port;
	char name[STOKER_NAME_MAX + 1];
};

/* Connects, compares the host key, authenticates. Waits for the agent's hello
 * first when the guest has an agent and is still booting. Records the phase
 * `ssh` of this run. */
enum stoker_status ssh_conn_open(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                 struct ssh_conn **out, struct stoker_error *err);
/* Probes, ever less often, until something that speaks first answers at the port: the guest has no agent that would
 * tell. Records the phase `boot` of this run. */
enum stoker_status ssh_wait_banner(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                   struct stoker_error *err);
/* The host key that the server shows now, "ssh-ed25519 AAAA...", whatever is recorded; nothing is sent after it. */
enum stoker_status ssh_shown_key(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                 char line[128], struct stoker_error *err);
/* Never waits for the peer. NULL is allowed. */
void ssh_conn_close(struct ssh_conn *conn);

/* Sends what waits in `out` as far as the socket takes it. */
void ssh_conn_flush(struct ssh_conn *conn);

/* Begins a turn of at most `budget` bytes read. */
static inline void ssh_conn_turn(struct ssh_conn *conn, size_t budget)
{
	conn->budget = budget;
}

/* Waits until libssh2 should be called again. 0, ETIMEDOUT or ECANCELED. */
int ssh_conn_wait(struct ssh_conn *conn, int64_t deadline_ns, int cancel_fd);

/* The error for a failed call of libssh2 (rc < 0 and not EAGAIN). `doing`: "authenticating". */
enum stoker_status ssh_conn_error(struct ssh_conn *conn, int rc, const char *doing, struct stoker_error *err);
/* The error for what ssh_conn_wait() or exec_deliver() returned. */
enum stoker_status ssh_wait_error(const struct ssh_conn *conn, int why, const char *doing, struct stoker_error *err);

/* ssh.c: the number of "KILL" or "SIGKILL"; SIGTERM for one that POSIX does not know. */
int ssh_signal_number(const char *name);

/* ssh_hostkey.c: "SHA256:..." of a host key blob, as ssh-keygen -l prints it. */
void ssh_fingerprint(const void *blob, size_t len, char out[64]);
/* The blob in "ssh-ed25519 AAAA... [comment]"; false when it is not an ed25519 key. */
bool ssh_key_blob(const char *line, unsigned char blob[64], size_t *len);
/* "ssh-ed25519 AAAA..." of a blob; false when it is not an ed25519 key. */
bool ssh_key_line(const void *blob, size_t len, char line[128]);
/* Compares what the server showed with the pinned key. */
enum stoker_status ssh_check_host_key(const struct vm_record *rec, const void *blob, size_t len,
                                      struct stoker_error *err);
/* The normal form of a key that a person gave, "ssh-ed25519 AAAA...". STOKER_E_INVALID when it is no ed25519 key. */
enum stoker_status ssh_key_given(const char *text, char line[128], struct stoker_error *err);

/* ssh_shell.c: stoker_shell_open() of a record just read. */
enum stoker_status ssh_shell_open(stoker *s, const struct vm_record *rec, const struct stoker_shell_spec *spec,
                                  const struct stoker_call *call, stoker_shell **out, struct stoker_error *err);

/* ssh_quote.c: the command line that makes a POSIX shell run exactly this
 * command: argv, env, folder and user as stoker_exec says. malloc'ed into *out. */
enum stoker_status ssh_command(const struct stoker_exec *exec, char **out, struct stoker_error *err);

#endif
