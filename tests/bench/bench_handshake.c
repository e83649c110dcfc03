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

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	LIBSSH2_SESSION *session;
	int64_t begun;
	int fd;

	if (argc != 3)
		return 2;
	addr.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (libssh2_init(0) != 0)
		return 1;
	begun = now_ns();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	session = libssh2_session_init();
	if (fd < 0 || !session || connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
	    libssh2_session_handshake(session, fd) != 0 ||
	    libssh2_userauth_publickey_fromfile(session, "root", NULL, argv[2], NULL) != 0) {
		fprintf(stderr, "bench_handshake: no session on port %s\n", argv[1]);
		return 1;
	}
	printf("handshake %" PRId64 "\n", now_ns() - begun);
	libssh2_session_disconnect(session, "done");
	libssh2_session_free(session);
	close(fd);
	libssh2_exit();
	return 0;
}
