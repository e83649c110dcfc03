/* SPDX-License-Identifier: Apache-2.0
 *
 * util.c - the console, small files, base64.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

/* The kernel gives pid 1 the console as 0, 1 and 2; a command must never
 * inherit it. This one is moved out of the way and closed on exec. */
#define CONSOLE_FD 9

void say_open(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (fd != CONSOLE_FD) {
		dup3(fd, CONSOLE_FD, O_CLOEXEC);
		close(fd);
	}
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(null, i); /* clears O_CLOEXEC: 0-2 are always there for a child */
	if (null > 2)
		close(null);
}

void say(const char *fmt, ...)
{
	char line[512] = "stoker-init: ";
	size_t at = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line + at, sizeof line - at - 1, fmt, ap);

	va_end(ap);
	if (n < 0)
		return;
	at += (size_t)n < sizeof line - at - 1 ? (size_t)n : sizeof line - at - 2;
	line[at++] = '\n';
	if (write(CONSOLE_FD, line, at) < 0)
		(void)!write(2, line, at);
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

ssize_t read_file(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	buf[0] = '\0';
	if (fd < 0)
		return -1;
	while (got < cap - 1) {
		ssize_t n = read(fd, buf + got, cap - 1 - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	buf[got] = '\0';
	return (ssize_t)got;
}

static bool write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, text, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		text += w, n -= (size_t)w;
	}
	return true;
}

static bool write_flags(const char *path, const char *text, mode_t mode, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, mode);

	if (fd < 0)
		return false;
	bool ok = fchmod(fd, mode) == 0 && write_all(fd, text, strlen(text));

	close(fd);
	return ok;
}

bool write_file(const char *path, const char *text, mode_t mode)
{
	return write_flags(path, text, mode, O_TRUNC);
}

bool ensure_line(const char *path, const char *line, mode_t mode)
{
	char text[16384];
	char with[1100];
	size_t len = strlen(line);
	ssize_t n = read_file(path, text, sizeof text);

	if (n > 0)
		for (const char *p = text; (p = strstr(p, line)) != NULL; p++)
			if ((p == text || p[-1] == '\n') && (p[len] == '\n' || p[len] == '\0'))
				return true;
	const char *gap = n > 0 && text[n - 1] != '\n' ? "\n" : "";
	int w = snprintf(with, sizeof with, "%s%s\n", gap, line);

	if (w < 0 || (size_t)w >= sizeof with) {
		errno = E2BIG;
		return false;
	}
	return write_flags(path, with, mode, O_APPEND);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

ssize_t base64_decode(uint8_t *out, size_t cap, const char *text)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t n = 0;

	for (; *text != '\0' && *text != '='; text++) {
		const char *digit = strchr(base64_digits, *text);

		if (digit == NULL)
			return -1;
		bits = bits << 6 | (uint32_t)(digit - base64_digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			if (n == cap)
				return -1;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return (ssize_t)n;
}

bool base64_encode(char *out, size_t cap, const uint8_t *data, size_t n)
{
	if (cap < (n + 2) / 3 * 4 + 1)
		return false;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)data[i] << 16 | (i + 1 < n ? (uint32_t)data[i + 1] << 8 : 0) |
		                (i + 2 < n ? data[i + 2] : 0);

		*out++ = base64_digits[bits >> 18];
		*out++ = base64_digits[bits >> 12 & 63];
		*out++ = i + 1 < n ? base64_digits[bits >> 6 & 63] : '=';
		*out++ = i + 2 < n ? base64_digits[bits & 63] : '=';
	}
	*out = '\0';
	return true;
}
