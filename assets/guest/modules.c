/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.c - the kernel's modules.
 *
 * /modules/list in the initrd has a line "GROUP FILE" per module, dependencies
 * before what needs them. Only the groups of devices that are there are
 * loaded: each module costs a few milliseconds of the boot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

#define LIST "/modules/list"

static void load(const char *file)
{
	char path[128];

	if (snprintf(path, sizeof path, "/modules/%s", file) >= (int)sizeof path)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		say("module %s cannot be opened: %s", file, strerror(errno));
		return;
	}
	if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)
		say("module %s cannot be loaded: %s", file, strerror(errno));
	close(fd);
}

void modules_load(const char *group)
{
	char list[4096];
	char *save = NULL;

	if (read_file(LIST, list, sizeof list) <= 0)
		return; /* everything is built in */
	for (char *line = strtok_r(list, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *file = strchr(line, ' ');

		if (file == NULL)
			continue;
		*file++ = '\0';
		if (strcmp(line, group) == 0)
			load(file);
	}
}

void modules_load_devices(void)
{
	/* By the virtio device ids. The console first: the host answers while the others load. */
	static const struct {
		unsigned long id;
		const char *group;
	} kinds[] = { { 3, "console" }, { 2, "blk" }, { 1, "net" }, { 4, "rng" }, { 19, "vsock" } };
	unsigned long there = 0;
	struct dirent *e;

	if (access(LIST, F_OK) != 0)
		return; /* everything is built in */
	DIR *dir = opendir("/sys/bus/virtio/devices");

	if (dir == NULL) {
		say("the kernel has found no virtio device");
		return;
	}
	while ((e = readdir(dir)) != NULL) {
		char path[300];
		char text[32];

		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof path, "/sys/bus/virtio/devices/%s/device", e->d_name) >= (int)sizeof path ||
		    read_file(path, text, sizeof text) <= 0)
			continue;
		unsigned long id = strtoul(text, NULL, 16);

		if (id < 32)
			there |= 1ul << id;
	}
	closedir(dir);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (there & 1ul << kinds[i].id)
			modules_load(kinds[i].group);
}
