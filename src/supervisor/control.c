/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A folder's path may be longer than sun_path: name the socket through the
 * folder's descriptor, which is always short. */
static int unix_socket(const char *dir, const char *name, int listening)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int dirfd, fd = -1, saved, n;

	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -1;
	n = snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", dirfd, name);
	if (n < 0 || (size_t)n >= sizeof addr.sun_path) {
		errno = ENAMETOOLONG;
		goto fail;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto fail;
	if (listening) {
		if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
			goto fail;
		if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || fchmodat(dirfd, name, 0600, 0) < 0 ||
		    listen(fd, 64) < 0)
			goto fail;
	} else if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
		goto fail;
	}
	close(dirfd);
	return fd;
fail:
	saved = errno;
	if (fd >= 0)
		close(fd);
	close(dirfd);
	errno = saved;
	return -1;
}

int control_listen(const char *dir, const char *name)
{
	return unix_socket(dir, name, 1);
}

int control_connect(const char *dir, const char *name)
{
	return unix_socket(dir, name, 0);
}
