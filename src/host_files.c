/* SPDX-License-Identifier: Apache-2.0
 *
 * host_files.c - which processes hold files under a path.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle.h"

/* True when `target` is `prefix` itself, or lies under it when prefix ends in a slash. */
static bool covered(const char *target, const char *prefix)
{
	size_t n = strlen(prefix);
	if (strncmp(target, prefix, n) != 0)
		return false;
	return (n > 0 && prefix[n - 1] == '/') || target[n] == '\0' || strcmp(target + n, " (deleted)") == 0;
}

static void look_fds(int64_t pid, const char *prefix, void (*found)(void *, int64_t, const char *), void *user)
{
	char dir[64], link[128], target[STOKER_PATH_SIZE];
	struct dirent *e;
	DIR *d;
	snprintf(dir, sizeof dir, "/proc/%lld/fd", (long long)pid);
	d = opendir(dir);
	if (!d)
		return; /* another user's, or gone */
	while ((e = readdir(d))) {
		ssize_t n;
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(link, sizeof link, "%s/%.20s", dir, e->d_name);
		n = readlink(link, target, sizeof target - 1);
		if (n <= 0 || target[0] != '/')
			continue;
		target[n] = '\0';
		if (covered(target, prefix))
			found(user, pid, target);
	}
	closedir(d);
}

static void look_maps(int64_t pid, const char *prefix, void (*found)(void *, int64_t, const char *), void *user)
{
	char path[64], *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;
	snprintf(path, sizeof path, "/proc/%lld/maps", (long long)pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while ((n = getline(&line, &cap, f)) > 0) {
		char *slash = strchr(line, '/');
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (slash && covered(slash, prefix))
			found(user, pid, slash);
	}
	free(line);
	fclose(f);
}

void host_files_held(const char *prefix, void (*found)(void *user, int64_t pid, const char *path), void *user)
{
	struct dirent *e;
	DIR *d = opendir("/proc");
	if (!d)
		return;
	while ((e = readdir(d))) {
		char *end;
		int64_t pid = strtoll(e->d_name, &end, 10);
		if (pid <= 0 || *end)
			continue;
		look_fds(pid, prefix, found, user);
		look_maps(pid, prefix, found, user);
	}
	closedir(d);
}
