/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_handshake.c - the floor of an SSH session: libssh2 by itself, from the
 * connect to the authenticated session, without anything of ours.
 *
 *	bench_handshake PORT KEY     prints "handshake nanoseconds"
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libssh2.h>

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* One attempt. NULL with the reason in `why` when it failed. */
static LIBSSH2_SESSION *attempt(const struct sockaddr_in *addr, const char *key, int *fd, char why[200])
{
	LIBSSH2_SESSION *session = libssh2_session_init();
	char *text = NULL;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && session && connect(*fd, (const struct sockaddr *)addr, sizeof *addr) == 0 &&
	    libssh2_session_handshake(session, *fd) == 0 &&
	    libssh2_userauth_publickey_fromfile(session, "root", NULL, key, NULL) == 0)
		return session;
	if (session)
		libssh2_session_last_error(session, &text, NULL, 0);
	snprintf(why, 200, "%s", text ? text : "no socket");
	libssh2_session_free(session);
	close(*fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	LIBSSH2_SESSION *session;
	char why[200] = "";
	int64_t begun;
	int fd;

	if (argc != 3)
		return 2;
	addr.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (libssh2_init(0) != 0)
		return 1;
	begun = now_ns();
	/* A guest says that it is ready as its sshd is starting: the first connection may come too early. */
	while (!(session = attempt(&addr, argv[2], &fd, why))) {
		if (now_ns() - begun > 10000000000LL) {
			fprintf(stderr, "bench_handshake: no session on port %s: %s\n", argv[1], why);
			return 1;
		}
		usleep(1000);
	}
	printf("handshake %" PRId64 "\n", now_ns() - begun);
	libssh2_session_disconnect(session, "done");
	libssh2_session_free(session);
	close(fd);
	libssh2_exit();
	return 0;
}
