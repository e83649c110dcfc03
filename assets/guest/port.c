/* SPDX-License-Identifier: Apache-2.0
 *
 * port.c - the transport below the frames: a virtio-serial port found by its
 * name (QEMU), or vsock (Firecracker).
 *
 * Over vsock the agent is the one that is connected to: it listens on a port
 * that only root may bind, so no ordinary program of the guest can pass for
 * it. That the host may come it tells by a connection to the host's port
 * FRAME_VSOCK_PORT, the doorbell, which carries nothing and which anybody may
 * ring. It is rung again, ever less often, as long as nobody comes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"

#define PORTS "/sys/class/virtio-ports"

/* linux/vm_sockets.h, which musl's tools do not bring along. */
#define VSOCK_HOST 2
#define VSOCK_ANY (~0u)
#define VSOCK_CONNECT_TIMEOUT 6
struct vsock_address {
	sa_family_t family;
	unsigned short reserved;
	unsigned port, cid;
	unsigned char flags, zero[3];
};

static int serial_open(void)
{
	DIR *dir = opendir(PORTS);
	struct dirent *e;
	int fd = -1;

	if (dir == NULL)
		return -1;
	while (fd < 0 && (e = readdir(dir)) != NULL) {
		char path[320];
		char name[64];

		if (e->d_name[0] == '.' || snprintf(path, sizeof path, PORTS "/%s/name", e->d_name) >= (int)sizeof path ||
		    read_file(path, name, sizeof name) <= 0)
			continue;
		name[strcspn(name, "\n")] = '\0';
		if (strcmp(name, FRAME_PORT_NAME) != 0)
			continue;
		snprintf(path, sizeof path, "/dev/%s", e->d_name);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			fcntl(fd, F_SETOWN, getpid());
	}
	closedir(dir);
	return fd;
}

/* The VMM answers at once, yes or no; the limit is for one that hangs. */
void port_ring(void)
{
	const struct vsock_address host = { .family = AF_VSOCK, .port = FRAME_VSOCK_PORT, .cid = VSOCK_HOST };
	const struct timeval limit = { .tv_sec = 1 };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	setsockopt(fd, AF_VSOCK, VSOCK_CONNECT_TIMEOUT, &limit, sizeof limit);
	connect(fd, (const struct sockaddr *)&host, sizeof host); /* nobody there: whoever comes later connects by itself */
	close(fd);
}

static int vsock_listen(void)
{
	const struct vsock_address me = { .family = AF_VSOCK, .port = FRAME_VSOCK_AGENT_PORT, .cid = VSOCK_ANY };
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (bind(fd, (const struct sockaddr *)&me, sizeof me) != 0 || listen(fd, 8) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* The sockets exist without a device as well: then nobody could ever connect. */
static bool vsock_there(void)
{
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	unsigned cid = VSOCK_ANY;
	bool there = fd >= 0 && ioctl(fd, _IO(7, 0xb9), &cid) == 0 && cid != VSOCK_ANY && cid > VSOCK_HOST;

	if (fd >= 0)
		close(fd);
	return there;
}

int port_open(int *listener)
{
	if (*listener < 0) {
		int fd = serial_open();

		if (fd >= 0 || !vsock_there())
			return fd;
		*listener = vsock_listen();
		if (*listener < 0)
			return -1;
		port_ring();
	}
	return accept4(*listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* A serial port whose host side is closed is always "hung up" for poll(), so
 * polling it would spin. The driver sends SIGIO when that changes. Otherwise
 * SIGIO is off: it would come with every byte. */
void port_notify(int fd, int listener, bool on)
{
	if (listener < 0)
		fcntl(fd, F_SETFL, O_NONBLOCK | (on ? O_ASYNC : 0));
}

int port_lost(int fd, int listener)
{
	if (listener < 0) {
		port_notify(fd, listener, true);
		return fd;
	}
	close(fd);
	port_ring();
	return -1;
}
