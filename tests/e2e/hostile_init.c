/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_init.c - the init of a guest that means harm: what it does on the
 * agent's port is told by the VM's name. Built and packed by errors.sh.
 *
 *   garbage  bytes that are no frames, for ever
 *   flood    a good hello, then output of commands that nobody started
 *   stall    a good hello, then neither reads nor writes again
 *   liar     a good hello; each command is told to have ended before it began,
 *            with more output than was allowed and answers that nobody asked for
 *   half     a hello that claims to be longer than it is
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frame.h"

static int port;

static void load_modules(void)
{
	char group[32], file[96], path[128];
	FILE *list = fopen("/modules/list", "r");
	while (list && fscanf(list, "%31s %95s", group, file) == 2) {
		snprintf(path, sizeof path, "/modules/%s", file);
		syscall(SYS_finit_module, open(path, O_RDONLY), "", 0);
	}
}

static int open_port(void)
{
	for (;; usleep(10000)) {
		DIR *dir = opendir("/sys/class/virtio-ports");
		struct dirent *e;
		while (dir && (e = readdir(dir))) {
			char path[512];
			snprintf(path, sizeof path, "/dev/%s", e->d_name);
			int fd = e->d_name[0] == '.' ? -1 : open(path, O_RDWR);
			if (fd >= 0)
				return fd;
		}
		if (dir)
			closedir(dir);
	}
}

/* The whole of it, as often as it takes while nobody is there. */
static void out(const void *data, size_t len)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(port, p, len);
		if (n <= 0) {
			usleep(10000);
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

static void frame(uint8_t type, uint32_t stream, const void *data, uint32_t len)
{
	static uint8_t all[FRAME_HEADER + FRAME_PAYLOAD_MAX];
	struct frame f = { .length = len, .stream = stream, .type = type };
	frame_write_header(all, &f);
	memcpy(all + FRAME_HEADER, data, len);
	out(all, FRAME_HEADER + len);
}

static void hello(void)
{
	static const char text[] = "protocol=1\nagent=hostile\nmarks=init:1\n";
	frame(FRAME_HELLO, 0, text, sizeof text - 1);
}

static bool in(void *data, size_t len)
{
	char *p = data;
	while (len > 0) {
		ssize_t n = read(port, p, len);
		if (n < 0)
			return false;
		if (n == 0)
			usleep(10000);
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static void lie(void)
{
	static uint8_t head[FRAME_HEADER], data[FRAME_PAYLOAD_MAX];
	static const uint8_t gone[5] = { FRAME_EXITED, 0, 0, 0, 0 };
	struct frame f;
	while (in(head, sizeof head)) {
		if (!frame_read_header(head, &f) || !in(data, f.length))
			continue;
		if (f.type != FRAME_EXEC)
			continue;
		frame(FRAME_PONG, f.stream + 7, "not asked", 9);
		frame(FRAME_EXIT, f.stream + 1, gone, sizeof gone);
		memset(data, 'x', sizeof data);
		for (int i = 0; i < 2 * FRAME_WINDOW / FRAME_PAYLOAD_MAX; i++)
			frame(FRAME_STDOUT, f.stream, data, sizeof data);
		frame(FRAME_EXIT, f.stream, gone, sizeof gone);
		frame(FRAME_EXIT, f.stream, gone, sizeof gone);
	}
}

int main(void)
{
	static char line[4096], noise[4096];
	mount("dev", "/dev", "devtmpfs", 0, "");
	mount("proc", "/proc", "proc", 0, "");
	mount("sys", "/sys", "sysfs", 0, "");
	load_modules();
	FILE *f = fopen("/proc/cmdline", "r");
	if (!f || !fgets(line, sizeof line, f))
		return 1;
	char *mode = strstr(line, "stoker.host=");
	mode = mode ? mode + strlen("stoker.host=") : line;
	mode[strcspn(mode, " \n")] = '\0';
	port = open_port();
	if (strcmp(mode, "garbage") == 0) {
		for (unsigned n = 1;;) {
			for (size_t i = 0; i < sizeof noise; i++)
				noise[i] = (char)((n = n * 1103515245 + 12345) >> 16);
			out(noise, sizeof noise);
		}
	}
	if (strcmp(mode, "half") == 0) {
		struct frame whole = { .length = FRAME_HELLO_MAX, .type = FRAME_HELLO };
		frame_write_header((uint8_t *)noise, &whole);
		out(noise, FRAME_HEADER + 10);
		for (;;)
			pause();
	}
	hello();
	if (strcmp(mode, "liar") == 0)
		lie();
	for (uint32_t stream = 1; strcmp(mode, "flood") == 0; stream++)
		frame(FRAME_STDOUT, stream, noise, sizeof noise);
	for (;;)
		pause();
}
