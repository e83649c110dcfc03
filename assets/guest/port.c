/* SPDX-License-Identifier: Apache-2.0
 *
 * port.c - the transport below the frames: a virtio-serial port found by its
 * name. Another transport (vsock under Firecracker) gives port_open() another
 * descriptor; nothing above it changes.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"

#define PORTS "/sys/class/virtio-ports"

int port_open(void)
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

/* A port whose host side is closed is always "hung up" for poll(), so polling
 * it would spin. The driver sends SIGIO when that changes. Otherwise SIGIO is
 * off: it would come with every byte. */
void port_notify(int fd, bool on)
{
	fcntl(fd, F_SETFL, O_NONBLOCK | (on ? O_ASYNC : 0));
}
