/* SPDX-License-Identifier: Apache-2.0
 *
 * run_status.c - reading what a VM's supervisor published.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lifecycle.h"
#include "supervisor/control.h"
#include "supervisor/status.h"

bool run_status_read(const stoker *s, const char *id, struct run_status *out)
{
	char path[STOKER_PATH_SIZE], text[SUPERVISOR_STATUS_MAX + 2]; /* one byte too many shows */
	size_t len;
	struct stat st;
	int fd;

	if (!path_runtime(s, path, "vms/%s/status", id))
		return false;
	/* Non-blocking: should something have put a FIFO there, opening it must not hang. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
		close(fd);
		return false;
	}
	len = read_whole(fd, text, sizeof text);
	close(fd);
	return status_parse(text, len, out);
}
