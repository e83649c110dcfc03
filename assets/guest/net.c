/* SPDX-License-Identifier: Apache-2.0
 *
 * net.c - the network card, as the kernel's command line says.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

static void set_address(struct sockaddr *out, uint32_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };

	memcpy(out, &in, sizeof in);
}

static uint32_t mask_of(unsigned prefix)
{
	return prefix == 0 ? 0 : ~0u << (32 - prefix);
}

static bool up(int fd, const char *name)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(fd, SIOCGIFFLAGS, &r) != 0)
		return false;
	r.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(fd, SIOCSIFFLAGS, &r) == 0;
}

static bool add_route(int fd, char *name, uint32_t to, uint32_t mask, uint32_t gateway)
{
	struct rtentry r = { 0 };

	set_address(&r.rt_dst, to);
	set_address(&r.rt_genmask, mask);
	r.rt_flags = RTF_UP;
	if (gateway != 0) {
		set_address(&r.rt_gateway, gateway);
		r.rt_flags |= RTF_GATEWAY;
	}
	if (mask == ~0u)
		r.rt_flags |= RTF_HOST;
	r.rt_dev = name;
	return ioctl(fd, SIOCADDRT, &r) == 0 || errno == EEXIST;
}

static bool first_card(char name[IFNAMSIZ])
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *e;

	name[0] = '\0';
	if (dir == NULL)
		return false;
	while ((e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, "eth", 3) == 0 && strlen(e->d_name) < IFNAMSIZ &&
		    (name[0] == '\0' || strcmp(e->d_name, name) < 0))
			memcpy(name, e->d_name, strlen(e->d_name) + 1);
	closedir(dir);
	return name[0] != '\0';
}

static bool card_up(int fd, char *name, const struct config *c)
{
	struct ifreq r = { 0 };

	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	set_address(&r.ifr_addr, c->ip);
	if (ioctl(fd, SIOCSIFADDR, &r) != 0)
		return false;
	set_address(&r.ifr_netmask, mask_of(c->prefix));
	if (ioctl(fd, SIOCSIFNETMASK, &r) != 0 || !up(fd, name))
		return false;
	if (c->gateway == 0)
		return true;
	/* A gateway outside of the guest's own network (a /32) is a neighbour all the same. */
	if (((c->ip ^ c->gateway) & mask_of(c->prefix)) != 0 && !add_route(fd, name, c->gateway, ~0u, 0))
		return false;
	return add_route(fd, name, 0, 0, c->gateway);
}

void net_up(const struct config *c)
{
	char name[IFNAMSIZ];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		say("no network: %s", strerror(errno));
		return;
	}
	if (!up(fd, "lo"))
		say("lo cannot be set up: %s", strerror(errno));
	if (c->ip != 0) {
		if (!first_card(name))
			say("an address was given but there is no network card");
		else if (!card_up(fd, name, c))
			say("%s cannot be set up: %s", name, strerror(errno));
	}
	close(fd);
}

static const char *dotted(char out[INET_ADDRSTRLEN], uint32_t address)
{
	struct in_addr a = { htonl(address) };

	return inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN) != NULL ? out : "";
}

static void unless(bool ok, const char *path)
{
	if (!ok)
		say("%s cannot be written: %s", path, strerror(errno));
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

void net_files(const struct config *c)
{
	char text[256], old[256], ip[INET_ADDRSTRLEN];
	size_t at = 0;

	if (sethostname(c->host, strlen(c->host)) != 0)
		say("the hostname cannot be set: %s", strerror(errno));
	snprintf(text, sizeof text, "%s\n", c->host);
	if (read_file("/etc/hostname", old, sizeof old) < 0 || strcmp(text, old) != 0)
		unless(write_file("/etc/hostname", text, 0644), "/etc/hostname");
	snprintf(text, sizeof text, "%s\t%s", c->ip != 0 ? dotted(ip, c->ip) : "127.0.1.1", c->host);
	if (access("/etc/hosts", F_OK) != 0)
		unless(write_file("/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n", 0644), "/etc/hosts");
	unless(ensure_line("/etc/hosts", text, 0644), "/etc/hosts");

	for (size_t i = 0; i < sizeof c->dns / sizeof c->dns[0]; i++)
		if (c->dns[i] != 0 && at < sizeof text)
			at += (size_t)snprintf(text + at, sizeof text - at, "nameserver %s\n", dotted(ip, c->dns[i]));
	/* The image's is a link into /run: written at every boot, it costs no write to the disk. That of a root with an
	 * init of its own leads where that one wants it. */
	bool link = is_link("/etc/resolv.conf");

	if (at > 0 && !(link && c->init[0] != '\0') && (read_file("/etc/resolv.conf", old, sizeof old) < 0 || strcmp(text, old) != 0))
		unless(write_file(link ? "/run/resolv.conf" : "/etc/resolv.conf", text, 0644), "/etc/resolv.conf");

	if (c->key[0] == '\0')
		return;
	if (mkdir("/root/.ssh", 0700) != 0 && errno != EEXIST)
		say("/root/.ssh cannot be made: %s", strerror(errno));
	unless(ensure_line("/root/.ssh/authorized_keys", c->key, 0600), "/root/.ssh/authorized_keys");
}
