/* SPDX-License-Identifier: Apache-2.0
 *
 * session.h - one way into a guest behind stoker_session: channel or SSH.
 */
#ifndef STOKER_SRC_GUEST_SESSION_H
#define STOKER_SRC_GUEST_SESSION_H

#include "stoker.h"
#include "store.h"

/* Where a command's bytes come from and go to: descriptors or memory. */
struct exec_sink {
	int fd;          /* >= 0: write there; else memory when ceiling > 0; else dropped */
	int own_fd;      /* >= 0: the same pipe or terminal opened again, so that it can be non-blocking for us alone */
	bool file, socket, careful; /* how fd is written to; set by exec_sink_open() */
	char *data;      /* malloc'ed, NUL-terminated */
	size_t len, cap, ceiling;
	uint64_t bytes;  /* delivered */
	bool truncated;
	bool broken;     /* the reader of fd is gone (EPIPE): drop the rest */
};
struct exec_io {
	int in_fd;       /* >= 0; else `in` */
	const char *in;
	size_t in_len;
	struct exec_sink out, err;
};

/* Prepares a sink: `fd` >= 0, or memory up to `ceiling`, or neither. */
void exec_sink_open(struct exec_sink *sink, int fd, size_t ceiling);
/* Closes what was opened for it; the data stays. */
void exec_sink_close(struct exec_sink *sink);
/* The descriptor to poll for POLLOUT when exec_offer() took less than all. */
int exec_sink_poll_fd(const struct exec_sink *sink);

/* Delivers what can be delivered without waiting: *taken bytes. 0, or an errno value (ENOMEM, EIO, ENOSPC, ...). */
int exec_offer(struct exec_sink *sink, const void *data, size_t len, size_t *taken);

/* Delivers all of the bytes, waiting for a slow reader of fd within the
 * deadline and cancel_fd. 0, or an errno value (ETIMEDOUT, ECANCELED, ENOMEM, EIO).
 * SIGPIPE is blocked in the calling thread while a command runs (session.c). */
int exec_deliver(struct exec_sink *sink, const void *data, size_t len, int64_t deadline_ns, int cancel_fd);

struct session_ops {
	enum stoker_via via;
	enum stoker_status (*exec)(void *impl, const struct stoker_exec *exec, struct exec_io *io,
	                           const struct stoker_call *call, struct stoker_exec_result *result,
	                           struct stoker_error *err);
	enum stoker_status (*ping)(void *impl, const struct stoker_call *call, int64_t *rtt_ns, struct stoker_error *err);
	enum stoker_status (*statistics)(void *impl, struct stoker_guest_stats *out, struct stoker_error *err);
	void (*close)(void *impl);
};

/* channel.c: connects to the VM's control.sock and waits for hello. */
enum stoker_status channel_open(stoker *s, const struct vm_record *rec, const struct stoker_call *call, void **impl,
                                struct stoker_error *err);
extern const struct session_ops channel_ops;

/* ssh.c: TCP to 127.0.0.1:ssh_port, handshake, the host key compared with the
 * pinned one before anything else, public key authentication; records the
 * phase `ssh` when it is the first of this run. */
enum stoker_status ssh_open(stoker *s, const struct vm_record *rec, const struct stoker_call *call, void **impl,
                            struct stoker_error *err);
extern const struct session_ops ssh_ops;

/* keys.c: makes an ed25519 key pair: OpenSSH private format in
 * <dir>/key (0600); public_line gets "ssh-ed25519 AAAA... stoker". */
enum stoker_status key_make(const char *dir, char public_line[256], struct stoker_error *err);
/* The public line of an existing <dir>/key.pub. */
enum stoker_status key_public(const char *dir, char public_line[256], struct stoker_error *err);

#endif
