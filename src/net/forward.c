/* SPDX-License-Identifier: Apache-2.0
 *
 * forward.c - see forward.h.
 */
#include "forward.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "link.h"

void forward_name(struct forward_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return;
	if (names->count < FORWARD_MAX)
		snprintf(names->items[names->count++], NET_NAME_SIZE, "%.15s", name);
}

/* ---- the setting */

static bool setting_path(char out[96], const char *name)
{
	return name[0] && !strchr(name, '/') && name[0] != '.' &&
	       snprintf(out, 96, "/proc/sys/net/ipv4/conf/%s/forwarding", name) < 96;
}

bool forward_is_on(const char *name)
{
	char path[96], text[8];
	return setting_path(path, name) && read_whole_file(path, text, sizeof text) > 0 && text[0] == '1';
}

enum stoker_status forward_set(const char *name, bool on, struct stoker_error *err)
{
	char path[96];
	int fd = setting_path(path, name) ? open(path, O_WRONLY | O_CLOEXEC) : -1, why = errno;
	bool done = fd >= 0 && write(fd, on ? "1" : "0", 1) == 1;
	if (fd >= 0) {
		why = errno;
		close(fd);
	}
	if (done)
		return STOKER_OK;
	error_errno(err, why, "cannot turn forwarding %s for %s", on ? "on" : "off", name);
	return error_fix(err, "Do it by hand: sudo sysctl net.ipv4.conf.%s.forwarding=%d", name, on);
}

/* ---- where it is needed */

static bool reaches(const struct net_policy *policy, const struct net_route *r)
{
	if (policy->open || (policy->metadata && r->bits == 0))
		return true;
	for (size_t i = 0; i < policy->cidr_count; i++) {
		const struct net_cidr *c = &policy->cidrs[i];
		uint32_t last = c->base | (c->bits ? (uint32_t)(0xffffffffULL >> c->bits) : UINT32_MAX);
		if (r->to <= last && link_route_last(r) >= c->base)
			return true;
	}
	return false;
}

void forward_needed(const struct net_policy *policy, const struct net_route *routes, size_t count, struct forward_names *out)
{
	for (size_t i = 0; i < count; i++) {
		const struct net_route *r = &routes[i];
		char name[IF_NAMESIZE];
		if (r->type == 1 /* RTN_UNICAST */ && r->protocol != LINK_ROUTE_PROTOCOL && r->index && reaches(policy, r) &&
		    if_indextoname((unsigned)r->index, name) && strcmp(name, "lo") != 0 && !forward_is_on(name))
			forward_name(out, name);
	}
}

/* ---- the file: lines "BOOT NAMESPACE DEVICE" */

/* What the lines of now begin with. */
static bool line_start(const stoker *s, char out[96])
{
	struct stat sb;
	return stat("/proc/self/ns/net", &sb) == 0 &&
	       snprintf(out, 96, "%.40s %llu ", s->boot_id, (unsigned long long)sb.st_ino) < 96;
}

void forward_noted(const stoker *s, struct forward_names *names)
{
	char path[STOKER_PATH_SIZE], start[96], text[4096], name[NET_NAME_SIZE];

	if (!path_state(s, path, "forwarding") || !line_start(s, start) ||
	    read_whole_file(path, text, sizeof text) <= 0)
		return;
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		if (strncmp(p, start, strlen(start)) != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)strcspn(p + strlen(start), "\n"), p + strlen(start));
		forward_name(names, name);
	}
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	for (const char *p = text; (p = strstr(p, line)); p += len)
		if (p == text || p[-1] == '\n')
			return true;
	return false;
}

enum stoker_status forward_note(const stoker *s, const char *name, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE], start[96], line[128], text[4096];
	int fd = -1, len;
	bool ok = false;

	if (path_state(s, path, "forwarding") && line_start(s, start))
		fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0) {
		len = snprintf(line, sizeof line, "%s%s\n", start, name);
		if (read_whole_file(path, text, sizeof text) < 0)
			text[0] = '\0';
		/* What an earlier boot left is over. */
		ok = (strstr(text, s->boot_id) || ftruncate(fd, 0) == 0) &&
		     (has_line(text, line) || write(fd, line, (size_t)len) == len);
	}
	if (fd >= 0 && close(fd) == 0 && ok)
		return STOKER_OK;
	return error_errno(err, errno, "cannot note in %s/forwarding that forwarding is turned on for %s", s->state_dir,
	                   name);
}

void forward_forget(const stoker *s)
{
	char path[STOKER_PATH_SIZE];
	if (path_state(s, path, "forwarding"))
		unlink(path);
}
