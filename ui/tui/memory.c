/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c - remembers how the dashboard was left.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const panels[PANEL_COUNT] = { "none", "phases", "graphs", "fleet", "operations", "events" };
static const char *const groups[GROUP_BY_COUNT] = { "none", "state", "image", "backend", "label" };

static const char *const sorts[SORT_COUNT] = { "created", "name", "status", "ip", "cpu", "rss", "uptime", "last", "disk",
	                                           "network" };

static int one_of(const char *const *names, int count, const char *value, int other)
{
	int i;
	for (i = 0; i < count; i++) {
		if (strcmp(names[i], value) == 0)
			return i;
	}
	return other;
}

static void line(char *buf, size_t cap, const char *key, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void line(char *buf, size_t cap, const char *key, const char *format, ...)
{
	size_t len = strlen(buf);
	char value[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	if (len < cap)
		snprintf(buf + len, cap - len, "%s = %s\n", key, value);
}

void memory_text(const struct model *model, char *buf, size_t cap)
{
	char text[512];
	int i;
	snprintf(buf, cap, "# How the dashboard was left. It may be deleted.\n");
	columns_write(&model->columns, text, sizeof text);
	line(buf, cap, "columns", "%s", text);
	line(buf, cap, "panel", "%s", panels[model->panel]);
	line(buf, cap, "group", "%s", groups[model->group_by]);
	if (model->group_label[0] != '\0')
		line(buf, cap, "group_label", "%s", model->group_label);
	line(buf, cap, "sort", "%s%s", model->reverse ? "-" : "", sorts[model->sort]);
	if (model->filter.len > 0)
		line(buf, cap, "filter", "%s", model->filter.text);
	for (i = 0; i < model->kept_count; i++) {
		snprintf(text, sizeof text, "filters.%s", model->kept[i].name);
		line(buf, cap, text, "%s", model->kept[i].text);
	}
}

bool memory_keep_filter(struct model *model, const char *name, const char *text)
{
	int i;
	if (*name == '\0' || strlen(name) >= sizeof model->kept[0].name ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0' || strlen(text) >= sizeof model->kept[0].text)
		return false;
	for (i = 0; i < model->kept_count && strcmp(model->kept[i].name, name) != 0; i++)
		;
	if (i == KEPT_MAX)
		return false;
	snprintf(model->kept[i].name, sizeof model->kept[i].name, "%s", name);
	snprintf(model->kept[i].text, sizeof model->kept[i].text, "%s", text);
	model->kept_count += i == model->kept_count;
	return true;
}

void memory_take(struct model *model, const char *key, const char *value)
{
	if (strcmp(key, "columns") == 0)
		columns_read(&model->columns, value);
	else if (strcmp(key, "panel") == 0)
		model->panel = (enum panel)one_of(panels, PANEL_COUNT, value, PANEL_PHASES);
	else if (strcmp(key, "group") == 0)
		model->group_by = (enum group_by)one_of(groups, GROUP_BY_COUNT, value, GROUP_BY_NONE);
	else if (strcmp(key, "group_label") == 0)
		snprintf(model->group_label, sizeof model->group_label, "%s", value);
	else if (strcmp(key, "filter") == 0)
		field_set(&model->filter, value);
	else if (strncmp(key, "filters.", 8) == 0)
		memory_keep_filter(model, key + 8, value);
	else if (strcmp(key, "sort") == 0) {
		model->reverse = *value == '-';
		model->sort = (enum sort_by)one_of(sorts, SORT_COUNT, value + model->reverse, SORT_CREATED);
	}
}

void memory_load(struct model *model, const char *path)
{
	char buf[MEMORY_SIZE], *at = buf, *next;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	if (n <= 0)
		return;
	buf[n] = '\0';
	for (; *at != '\0'; at = next) {
		char *equals;
		next = at + strcspn(at, "\n");
		if (*next == '\0')
			break; /* cut off, or too long: not a whole line */
		*next++ = '\0';
		equals = strstr(at, " = ");
		if (*at == '#' || equals == NULL)
			continue;
		*equals = '\0';
		memory_take(model, at, equals + 3);
	}
}

bool memory_save(const struct model *model, const char *path)
{
	char buf[MEMORY_SIZE], temp[4200];
	size_t len;
	ssize_t written;
	int fd, error;

	if (snprintf(temp, sizeof temp, "%s.%ld", path, (long)getpid()) >= (int)sizeof temp) {
		errno = ENAMETOOLONG;
		return false;
	}
	memory_text(model, buf, sizeof buf);
	len = strlen(buf);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	written = write(fd, buf, len);
	error = written < 0 ? errno : written != (ssize_t)len ? ENOSPC : 0;
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error == 0 && rename(temp, path) != 0)
		error = errno;
	if (error != 0)
		unlink(temp);
	errno = error;
	return error == 0;
}
