/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_connect.c - from a port on the loopback to an authenticated connection.
 *
 * QEMU's user network accepts a connection before the guest listens, then
 * stalls or closes it. So a server counts as there when its first byte has
 * come; until then the attempt is dropped after a while and made anew, each
 * time with more patience, so that a slow guest is not cut off for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libssh2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/ssh_conn.h"
#include "lifecycle.h"

#define CONNECT_TURN (64 * 1024)
#define CONNECT_MAX (256 * 1024) /* a key exchange and an authentication take about 3 KiB */
#define REFUSED_MS 2000          /* nobody listens on the host's port: QEMU is not there */
#define CLOSED_MS 10000          /* a guest that said it is ready does not serve SSH; with a TAP its refusal is the guest's */
#define RETRY_MS 10              /* between tries at first: the server starts while the agent says hello */
#define RETRY_SOON_MS 1000       /* how long "at first" is; then ever less often */
#define RETRY_MAX_MS 250
#define SSH_USER "root"

/* ---------------------------------------------------- the socket under libssh2 */

void ssh_conn_flush(struct ssh_conn *conn)
{
	size_t sent = 0;

	while (!conn->dead && sent < conn->out_len) {
		ssize_t n = send(conn->sock, conn->out + sent, conn->out_len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			conn->io_errno = errno;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	conn->out_len -= sent;
	if (conn->out_len != 0 && sent != 0)
		memmove(conn->out, conn->out + sent, conn->out_len);
}

static ssize_t on_send(libssh2_socket_t sock, const void *data, size_t len, int flags, void **abstract)
{
	struct ssh_conn *conn = *abstract;
	(void)sock, (void)flags;

	if (conn->dead || conn->io_errno)
		return -EPIPE;
	if (len > SSH_OUT_HARD - conn->out_len) {
		conn->io_errno = ENOBUFS; /* the peer makes us answer and does not read */
		return -ENOBUFS;
	}
	if (conn->out_len + len > conn->out_cap) {
		size_t cap = conn->out_len + len + 16 * 1024;
		unsigned char *more = realloc(conn->out, cap);
		if (!more)
			return -ENOMEM;
		conn->out = more;
		conn->out_cap = cap;
	}
	memcpy(conn->out + conn->out_len, data, len);
	conn->out_len += len;
	ssh_conn_flush(conn);
	return conn->io_errno ? -conn->io_errno : (ssize_t)len;
}

static ssize_t on_recv(libssh2_socket_t sock, void *data, size_t len, int flags, void **abstract)
{
	struct ssh_conn *conn = *abstract;
	ssize_t n;
	(void)sock, (void)flags;

	if (conn->dead)
		return -ECONNABORTED;
	if (conn->receive_max && conn->received >= conn->receive_max) {
		conn->io_errno = EPROTO;
		return -EPROTO;
	}
	if (len > conn->budget)
		len = conn->budget;
	if (len == 0)
		return -EAGAIN;
	do {
		n = recv(conn->sock, data, len, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		/* Empty: libssh2 asks several times per turn, the kernel is asked once. */
		conn->budget = 0;
		if (errno != EAGAIN)
			conn->io_errno = errno;
		return -errno;
	}
	if (n == 0)
		conn->ended = true;
	conn->budget = (size_t)n < len ? 0 : conn->budget - (size_t)n;
	conn->received += (uint64_t)n;
	if (n > 0)
		conn->received_ns = clock_now_ns();
	return n;
}

int ssh_conn_wait(struct ssh_conn *conn, int64_t deadline_ns, int cancel_fd)
{
	struct pollfd fds[2] = { { conn->sock, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
	int n;

	ssh_conn_flush(conn);
	if (conn->out_len)
		fds[0].events |= POLLOUT;
	n = poll(fds, cancel_fd >= 0 ? 2 : 1, deadline_poll_ms(deadline_ns));
	if (n > 0 && cancel_fd >= 0 && fds[1].revents)
		return ECANCELED;
	/* Also with bytes at hand: a peer that sends one now and then must not hold us for ever. */
	if (deadline_ns != INT64_MAX && clock_now_ns() >= deadline_ns)
		return ETIMEDOUT;
	ssh_conn_flush(conn);
	ssh_conn_turn(conn, CONNECT_TURN);
	return 0;
}

enum stoker_status ssh_wait_error(const struct ssh_conn *conn, int why, const char *doing, struct stoker_error *err)
{
	if (why == ECANCELED)
		return error_set(err, STOKER_E_CANCELLED, "cancelled while %s", doing);
	if (why == ETIMEDOUT) {
		error_set(err, STOKER_E_TIMEOUT, "the time was over while %s", doing);
		return error_fix(err, "Look at the console (stoker logs %s), or allow more time with --timeout", conn->name);
	}
	return error_errno(err, why, "failed while %s", doing);
}

enum stoker_status ssh_conn_error(struct ssh_conn *conn, int rc, const char *doing, struct stoker_error *err)
{
	char said[160];
	char *text = NULL;
	int len = 0;

	if (conn->io_errno == EPROTO && conn->receive_max) {
		error_set(err, STOKER_E_PEER, "what answers at 127.0.0.1:%u is no SSH server: %llu bytes came while %s",
		          conn->port, (unsigned long long)conn->received, doing);
		return error_fix(err, "Look at the guest's console: stoker logs %s", conn->name);
	}
	if (conn->io_errno == ENOBUFS)
		return error_set(err, STOKER_E_PEER, "the SSH server asks for more than it reads, while %s", doing);
	if (conn->ended || conn->io_errno || conn->dead || rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_SOCKET_RECV || rc == LIBSSH2_ERROR_SOCKET_SEND) {
		error_set(err, STOKER_E_CLOSED, "the SSH connection was closed by the guest while %s%s%s", doing,
		          conn->io_errno ? ": " : "", conn->io_errno ? strerror(conn->io_errno) : "");
		return error_fix(err, "See whether the VM still runs: stoker inspect %s", conn->name);
	}
	if (rc == LIBSSH2_ERROR_ALLOC)
		return error_errno(err, ENOMEM, "SSH failed while %s", doing);
	libssh2_session_last_error(conn->session, &text, &len, 0);
	error_clean(said, sizeof said, text ? text : "", text && len > 0 ? (size_t)len : 0);
	if (rc == LIBSSH2_ERROR_METHOD_NONE || rc == LIBSSH2_ERROR_KEX_FAILURE || rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE) {
		error_set(err, STOKER_E_PEER, "no agreement with the guest's SSH server on keys and ciphers (%s)", said);
		return error_fix(err, "The server must offer an ed25519 host key, curve25519-sha256 and aes-ctr");
	}
	error_set(err, STOKER_E_PEER, "the guest's SSH server broke the protocol while %s (%s)", doing, said);
	return error_fix(err, "Look at the guest's console: stoker logs %s", conn->name);
}

/* ------------------------------------------------------------------- connect */

enum dialled { DIAL_OK, DIAL_REFUSED, DIAL_CLOSED, DIAL_SILENT, DIAL_CANCELLED, DIAL_FAILED };

/* Waits for events on a socket. 1, 0 (deadline) or -1 (cancelled). */
static int wait_socket(int sock, short events, int64_t deadline_ns, int cancel_fd)
{
	for (;;) {
		struct pollfd fds[2] = { { sock, events, 0 }, { cancel_fd, POLLIN, 0 } };
		int n = poll(fds, cancel_fd >= 0 ? 2 : 1, deadline_poll_ms(deadline_ns));
		if (n > 0 && cancel_fd >= 0 && fds[1].revents)
			return -1;
		if (n > 0 && sock >= 0 && fds[0].revents)
			return 1;
		if (deadline_ns != INT64_MAX && clock_now_ns() >= deadline_ns)
			return 0;
	}
}

static enum dialled dial(struct ssh_conn *conn, int64_t deadline_ns, int cancel_fd)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(conn->port),
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, failed = 0, ready;
	socklen_t len = sizeof failed;
	char byte;
	ssize_t n;

	conn->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (conn->sock < 0) {
		conn->io_errno = errno;
		return DIAL_FAILED;
	}
	setsockopt(conn->sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(conn->sock, (const struct sockaddr *)&addr, sizeof addr) != 0) {
		if (errno != EINPROGRESS)
			return errno == ECONNREFUSED ? DIAL_REFUSED : DIAL_CLOSED;
		ready = wait_socket(conn->sock, POLLOUT, deadline_ns, cancel_fd);
		if (ready <= 0)
			return ready < 0 ? DIAL_CANCELLED : DIAL_SILENT;
		if (getsockopt(conn->sock, SOL_SOCKET, SO_ERROR, &failed, &len) != 0 || failed != 0)
			return failed == ECONNREFUSED ? DIAL_REFUSED : DIAL_CLOSED;
	}
	/* An SSH server speaks first. */
	ready = wait_socket(conn->sock, POLLIN, deadline_ns, cancel_fd);
	if (ready <= 0)
		return ready < 0 ? DIAL_CANCELLED : DIAL_SILENT;
	n = recv(conn->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n == 1 ? DIAL_OK : DIAL_CLOSED;
}

/* What an agent said to be ready is missed soon. Without one nobody knows when a server will be there, and what is
 * closed or refused now may be open in a minute: only a VMM that is gone ends the probing before the deadline. */
static bool gives_up(const struct vm_record *rec, enum dialled how, int64_t took)
{
	if (!rec->agent && rec->vmm.pid > 0)
		return !process_alive(&rec->vmm);
	return (how == DIAL_REFUSED && took > REFUSED_MS * NS_PER_MS) ||
	       (how == DIAL_CLOSED && rec->agent && took > CLOSED_MS * NS_PER_MS);
}

static enum stoker_status dial_until(struct ssh_conn *conn, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                     struct stoker_error *err)
{
	int64_t begin = clock_now_ns(), patience = 1000 * NS_PER_MS, pause = RETRY_MS * NS_PER_MS, until;
	enum dialled how, seen = DIAL_SILENT;
	unsigned tries = 0;

	for (;;) {
		int64_t now = clock_now_ns(), tried = now;
		until = deadline_ns == INT64_MAX || deadline_ns - now > patience ? now + patience : deadline_ns;
		how = dial(conn, until, cancel_fd);
		if (how == DIAL_REFUSED && rec->vm.network == STOKER_NET_TAP)
			how = DIAL_CLOSED; /* nobody stands between: the port is the guest's own, whose server may be slow */
		tries++;
		if (how == DIAL_OK)
			return STOKER_OK;
		if (conn->sock >= 0)
			close(conn->sock);
		conn->sock = -1;
		now = clock_now_ns();
		if (how == DIAL_CANCELLED)
			return error_set(err, STOKER_E_CANCELLED, "cancelled while connecting");
		if (how == DIAL_FAILED)
			return error_errno(err, conn->io_errno, "cannot make a socket");
		/* A last try that the deadline cut short says less than the one before. */
		if (how != DIAL_SILENT || now - tried >= 500 * NS_PER_MS)
			seen = how;
		if (now >= deadline_ns || gives_up(rec, how, now - begin))
			break;
		if (how == DIAL_SILENT) {
			patience = patience < 8000 * NS_PER_MS ? patience * 2 : patience;
			continue;
		}
		until = now + pause < deadline_ns ? now + pause : deadline_ns;
		if (wait_socket(-1, 0, until, cancel_fd) < 0)
			return error_set(err, STOKER_E_CANCELLED, "cancelled while connecting");
		if (now - begin > RETRY_SOON_MS * NS_PER_MS && pause < RETRY_MAX_MS * NS_PER_MS)
			pause *= 2;
	}
	if (!rec->agent && rec->vmm.pid > 0 && !process_alive(&rec->vmm)) {
		error_set(err, STOKER_E_CLOSED, "the VM ended before its SSH server said a word");
		return error_fix(err, "Look at its console: stoker logs %s", conn->name);
	}
	if (seen == DIAL_REFUSED) {
		error_set(err, STOKER_E_CLOSED, "nothing listens at 127.0.0.1:%u: the VMM is gone or has lost its port", conn->port);
		return error_fix(err, "See whether the VM still runs: stoker inspect %s", conn->name);
	}
	if (seen == DIAL_CLOSED) {
		error_set(err, STOKER_E_CLOSED, "the guest takes no connection to its SSH port, or closes it (%u tries)", tries);
		return error_fix(err, "No SSH server runs in the guest, or none yet: stoker logs %s", conn->name);
	}
	error_set(err, STOKER_E_TIMEOUT, "the guest's SSH server did not say a word in %lld ms (%u tries)",
	          (long long)((clock_now_ns() - begin) / NS_PER_MS), tries);
	return error_fix(err, "Look at the console (stoker logs %s), or allow more time with --timeout", conn->name);
}

/* ------------------------------------------------- handshake, host key, login */

/* libssh2 counts its users in a plain integer: it must be begun by one thread, once. */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static void library_begin(void)
{
	libssh2_init(0);
}

/* Sets those of the names that this libssh2 has. It would drop the others itself, but 1.10 does so by a memcpy()
 * that overlaps. */
static bool prefer_names(struct ssh_conn *conn, int method, const char *names)
{
	char known[256] = "";
	const char **have = NULL;
	int count = libssh2_session_supported_algs(conn->session, method, &have);
	size_t used = 0;

	while (*names) {
		size_t len = strcspn(names, ",");
		for (int i = 0; i < count; i++) {
			if (strlen(have[i]) == len && memcmp(have[i], names, len) == 0 && used + len + 2 < sizeof known)
				used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? "," : "", have[i]);
		}
		names += len + (names[len] == ',');
	}
	if (count > 0)
		libssh2_free(conn->session, have);
	return used != 0 && libssh2_session_method_pref(conn->session, method, known) == 0;
}

static enum stoker_status session_make(struct ssh_conn *conn, struct stoker_error *err)
{
	/* The first of each are the fastest for a dropbear under emulation
	 * among those that all current servers have; ed25519 is what the agent makes and what is pinned. */
	static const struct {
		int method;
		const char *names;
	} prefer[] = {
		{ LIBSSH2_METHOD_KEX, "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256" },
		{ LIBSSH2_METHOD_HOSTKEY, "ssh-ed25519" },
		{ LIBSSH2_METHOD_CRYPT_CS, "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes128-ctr,aes256-ctr" },
		{ LIBSSH2_METHOD_CRYPT_SC, "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes128-ctr,aes256-ctr" },
		{ LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256,hmac-sha1" },
		{ LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256,hmac-sha1" },
		{ LIBSSH2_METHOD_COMP_CS, "none" },
		{ LIBSSH2_METHOD_COMP_SC, "none" },
	};

	pthread_once(&library_once, library_begin);
	conn->session = libssh2_session_init_ex(NULL, NULL, NULL, conn);
	if (!conn->session)
		return error_errno(err, ENOMEM, "cannot make an SSH session");
	libssh2_session_set_blocking(conn->session, 0);
#if LIBSSH2_VERSION_NUM >= 0x010b01
	libssh2_session_callback_set2(conn->session, LIBSSH2_CALLBACK_SEND, (libssh2_cb_generic *)on_send);
	libssh2_session_callback_set2(conn->session, LIBSSH2_CALLBACK_RECV, (libssh2_cb_generic *)on_recv);
#else
	libssh2_session_callback_set(conn->session, LIBSSH2_CALLBACK_SEND, (void *)on_send);
	libssh2_session_callback_set(conn->session, LIBSSH2_CALLBACK_RECV, (void *)on_recv);
#endif
	for (size_t i = 0; i < sizeof prefer / sizeof *prefer; i++) {
		if (!prefer_names(conn, prefer[i].method, prefer[i].names))
			return error_set(err, STOKER_E_FAILED, "this libssh2 knows none of %s", prefer[i].names);
	}
	return STOKER_OK;
}

/* Reads the VM's private key; it belongs wiped and freed. */
static enum stoker_status key_read(stoker *s, const struct vm_record *rec, char **out, size_t *len,
                                   struct stoker_error *err)
{
	const size_t cap = 8192;
	char path[STOKER_PATH_SIZE];
	char *text;
	ssize_t n;
	int fd;

	if (!path_state(s, path, "vms/%s/key", rec->vm.id))
		return error_errno(err, ENAMETOOLONG, "cannot read the SSH key of %s", rec->vm.name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		error_errno(err, errno, "cannot read the SSH key %.300s", path);
		return error_fix(err, "Use the channel (exec without --via ssh), or delete the VM and create it anew");
	}
	/* Zeroed and never full: libssh2 looks for a line's end with strlen(). */
	text = calloc(1, cap);
	do {
		n = text ? read(fd, text, cap) : -1;
	} while (n < 0 && text && errno == EINTR);
	close(fd);
	if (n <= 0 || (size_t)n >= cap) {
		free(text);
		if (!text)
			return error_errno(err, ENOMEM, "cannot read the SSH key");
		error_set(err, STOKER_E_FAILED, "the SSH key %.300s is damaged", path);
		return error_fix(err, "Use the channel (exec without --via ssh), or delete the VM and create it anew");
	}
	*out = text;
	*len = (size_t)n;
	return STOKER_OK;
}

static enum stoker_status log_in(stoker *s, const struct vm_record *rec, struct ssh_conn *conn, int64_t deadline_ns,
                                 int cancel_fd, struct stoker_error *err)
{
	char *key = NULL;
	size_t len = 0;
	enum stoker_status st = key_read(s, rec, &key, &len, err);
	uint64_t received = conn->received;
	int rc, why;

	if (st != STOKER_OK)
		return st;
	while ((rc = libssh2_userauth_publickey_frommemory(conn->session, SSH_USER, sizeof SSH_USER - 1, NULL, 0, key, len,
	                                                   NULL)) == LIBSSH2_ERROR_EAGAIN) {
		why = ssh_conn_wait(conn, deadline_ns, cancel_fd);
		if (why) {
			st = ssh_wait_error(conn, why, "logging in over SSH", err);
			goto out;
		}
	}
	if (rc == 0)
		goto out;
	if ((rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED || rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED) && !conn->ended &&
	    !conn->io_errno) {
		st = error_set(err, STOKER_E_AUTH, "the guest refuses the VM's SSH key for user " SSH_USER);
		error_fix(err, "The guest's authorized_keys must hold the VM's key.pub; an agent writes it at every boot");
	} else if (conn->received == received && !conn->ended && !conn->io_errno) {
		/* The server was not even asked. */
		st = error_set(err, STOKER_E_FAILED, "the SSH key of %s is damaged", rec->vm.name);
		error_fix(err, "Use the channel (exec without --via ssh), or delete the VM and create it anew");
	} else {
		st = ssh_conn_error(conn, rc, "logging in over SSH", err);
	}
out:
	OPENSSL_cleanse(key, len);
	free(key);
	return st;
}

/* Up to the key that the server shows: *blob is the session's. */
static enum stoker_status exchange(stoker *s, const struct vm_record *rec, struct ssh_conn *conn, int64_t deadline_ns,
                                   int cancel_fd, const char **blob, size_t *len, struct stoker_error *err)
{
	enum stoker_status st = dial_until(conn, rec, deadline_ns, cancel_fd, err);
	int rc, why, type;

	if (st == STOKER_OK && !rec->agent)
		lifecycle_note_banner(s, rec);
	if (st == STOKER_OK)
		st = session_make(conn, err);
	if (st != STOKER_OK)
		return st;
	conn->receive_max = CONNECT_MAX;
	ssh_conn_turn(conn, CONNECT_TURN);
	while ((rc = libssh2_session_handshake(conn->session, conn->sock)) == LIBSSH2_ERROR_EAGAIN) {
		why = ssh_conn_wait(conn, deadline_ns, cancel_fd);
		if (why)
			return ssh_wait_error(conn, why, "exchanging SSH keys with the guest", err);
	}
	if (rc != 0)
		return ssh_conn_error(conn, rc, "exchanging SSH keys with the guest", err);
	*blob = libssh2_session_hostkey(conn->session, len, &type);
	return *blob ? STOKER_OK : error_set(err, STOKER_E_HOST_KEY, "the guest's SSH server showed no host key");
}

static enum stoker_status connect_to(stoker *s, const struct vm_record *rec, struct ssh_conn *conn, int64_t deadline_ns,
                                     int cancel_fd, struct stoker_error *err)
{
	const char *blob = NULL;
	size_t len = 0;
	enum stoker_status st = exchange(s, rec, conn, deadline_ns, cancel_fd, &blob, &len, err);

	if (st == STOKER_OK)
		st = ssh_check_host_key(rec, blob, len, err);
	if (st == STOKER_OK)
		st = log_in(s, rec, conn, deadline_ns, cancel_fd, err);
	conn->receive_max = 0;
	return st;
}

/* Refuses what cannot have SSH; waits for the agent when it has not spoken in this run. */
static enum stoker_status wait_ready(stoker *s, struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                     struct stoker_error *err)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_vm vm;
	enum stoker_status st;

	if (rec->vm.network == STOKER_NET_NONE || rec->vm.ssh_port == 0) {
		error_set(err, STOKER_E_MISSING, "%s has no network card, so no SSH", rec->vm.name);
		return rec->agent ? error_fix(err, "Use the channel: stoker exec %s -- COMMAND, with -it and sh for a terminal", rec->vm.name) :
			error_fix(err, "Its image has no agent, so nothing but SSH leads into it: create it with a network");
	}
	if (rec->vm.stale) {
		error_set(err, STOKER_E_STATE, "the record of %s is stale: %s", rec->vm.name, rec->vm.reason);
		return error_fix(err, "Mend it: stoker reconcile");
	}
	if (rec->vm.state != STOKER_RUNNING && rec->vm.state != STOKER_STARTING) {
		error_set(err, STOKER_E_STATE, "%s is %s", rec->vm.name, stoker_state_name(rec->vm.state));
		return rec->vm.state == STOKER_PAUSED ? error_fix(err, "Let it go on: stoker resume %s", rec->vm.name) :
			lifecycle_fix_start(err, rec->vm.name, rec->vm.ephemeral);
	}
	if (!rec->agent || rec->ready_ns != 0 || rec->vm.ready)
		return STOKER_OK;
	/* The host key of this run comes with the hello: a connection made before would be compared with an old one. */
	call.timeout_ms = deadline_poll_ms(deadline_ns);
	call.cancel_fd = cancel_fd;
	st = stoker_wait(s, rec->vm.id, STOKER_UNTIL_READY, &call, &vm, err);
	return st == STOKER_OK ? lifecycle_find(s, vm.id, rec, err) : st;
}

static enum stoker_status conn_new(stoker *s, struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                   struct ssh_conn **out, struct stoker_error *err)
{
	enum stoker_status st = wait_ready(s, rec, deadline_ns, cancel_fd, err);
	struct ssh_conn *conn = st == STOKER_OK ? calloc(1, sizeof *conn) : NULL;

	if (st != STOKER_OK)
		return st;
	if (!conn)
		return error_errno(err, ENOMEM, "cannot open an SSH connection"), STOKER_E_NOMEM;
	conn->sock = -1;
	conn->port = rec->vm.ssh_port;
	snprintf(conn->name, sizeof conn->name, "%s", rec->vm.name);
	*out = conn;
	return STOKER_OK;
}

enum stoker_status ssh_wait_banner(stoker *s, const struct vm_record *given, int64_t deadline_ns, int cancel_fd,
                                   struct stoker_error *err)
{
	struct vm_record rec = *given;
	struct ssh_conn *conn = NULL;
	enum stoker_status st = conn_new(s, &rec, deadline_ns, cancel_fd, &conn, err);

	if (st == STOKER_OK)
		st = dial_until(conn, &rec, deadline_ns, cancel_fd, err);
	if (st == STOKER_OK)
		lifecycle_note_banner(s, &rec);
	ssh_conn_close(conn);
	return st;
}

enum stoker_status ssh_shown_key(stoker *s, const struct vm_record *given, int64_t deadline_ns, int cancel_fd,
                                 char line[128], struct stoker_error *err)
{
	struct vm_record rec = *given;
	struct ssh_conn *conn = NULL;
	const char *blob = NULL;
	size_t len = 0;
	enum stoker_status st = conn_new(s, &rec, deadline_ns, cancel_fd, &conn, err);

	if (st == STOKER_OK)
		st = exchange(s, &rec, conn, deadline_ns, cancel_fd, &blob, &len, err);
	if (st == STOKER_OK && !ssh_key_line(blob, len, line))
		st = error_set(err, STOKER_E_HOST_KEY, "the guest's SSH server shows a key that is no ed25519 key");
	ssh_conn_close(conn);
	return st;
}

enum stoker_status ssh_conn_open(stoker *s, const struct vm_record *given, int64_t deadline_ns, int cancel_fd,
                                 struct ssh_conn **out, struct stoker_error *err)
{
	int64_t request_ns = clock_now_ns();
	struct vm_record rec = *given;
	struct ssh_conn *conn = NULL;
	enum stoker_status st = conn_new(s, &rec, deadline_ns, cancel_fd, &conn, err);

	if (st != STOKER_OK)
		return st;
	st = connect_to(s, &rec, conn, deadline_ns, cancel_fd, err);
	if (st != STOKER_OK) {
		ssh_conn_close(conn);
		return st;
	}
	if (rec.ssh_ns == 0)
		lifecycle_note_ssh(s, &rec, request_ns);
	*out = conn;
	return STOKER_OK;
}

void ssh_conn_close(struct ssh_conn *conn)
{
	if (!conn)
		return;
	if (conn->session) {
		/* A farewell as far as it can be sent now; from then on libssh2 finds a dead socket and waits for nothing. */
		if (!conn->ended && !conn->io_errno && !conn->dead)
			libssh2_session_disconnect(conn->session, "done");
		conn->dead = true;
		for (int i = 0; i < 64 && libssh2_session_free(conn->session) == LIBSSH2_ERROR_EAGAIN; i++)
			;
	}
	if (conn->sock >= 0)
		close(conn->sock);
	if (conn->out)
		OPENSSL_cleanse(conn->out, conn->out_cap);
	free(conn->out);
	free(conn);
}
