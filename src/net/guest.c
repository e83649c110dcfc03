/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.c - names that follow from a VM's id, and what a guest is told of its network.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "../settings.h"
#include "net.h"

void net_tap_name(const char *id, char out[NET_NAME_SIZE])
{
	snprintf(out, NET_NAME_SIZE, "stk%.12s", id);
}

void net_mac(const char *id, char out[NET_MAC_SIZE])
{
	snprintf(out, NET_MAC_SIZE, "52:54:00:%.2s:%.2s:%.2s", id, id + 2, id + 4);
}

bool net_address(const char *text, uint32_t *out)
{
	struct in_addr in;
	if (inet_pton(AF_INET, text, &in) != 1)
		return false;
	*out = ntohl(in.s_addr);
	return true;
}

const char *net_address_text(uint32_t address, char out[16])
{
	struct in_addr in = { htonl(address) };
	return inet_ntop(AF_INET, &in, out, 16) ? out : "";
}

uint32_t net_gateway(const stoker *s)
{
	struct store_pools pools = { 0 };
	settings_pools(s->settings, &pools);
	return pools.first_address ? pools.first_address - 1 : 0;
}

/* ---- name servers */

/* The name servers of a resolv.conf that a guest can reach: those on the host's own loopback it cannot. */
static void resolvers(const char *path, char out[56])
{
	char text[4096], line[64];
	size_t at = 0, found = 0;

	out[0] = '\0';
	if (read_whole_file(path, text, sizeof text) <= 0)
		return;
	for (const char *p = text; *p && found < 3;) {
		size_t n = strcspn(p, "\n");
		uint32_t address;
		snprintf(line, sizeof line, "%.*s", (int)(n < sizeof line ? n : sizeof line), p);
		p += n + (p[n] == '\n');
		if (strncmp(line, "nameserver", 10) != 0 || (line[10] != ' ' && line[10] != '\t'))
			continue;
		char *value = line + 10 + strspn(line + 10, " \t");
		value[strcspn(value, " \t\r#;")] = '\0';
		if (!net_address(value, &address) || address >> 24 == 127 || address == 0)
			continue;
		at += (size_t)snprintf(out + at, 56 - at, "%s%s", found ? "," : "", value);
		found++;
	}
}

static void name_servers(const stoker *s, char out[56])
{
	const char *dns = settings_get(s->settings, "network.dns");
	if (strcmp(dns, "none") == 0) {
		out[0] = '\0';
	} else if (strcmp(dns, "host") != 0) {
		snprintf(out, 56, "%s", dns);
	} else {
		resolvers("/etc/resolv.conf", out);
		/* systemd-resolved: the file above names only its own socket on the loopback, this one whom it asks. */
		if (!out[0])
			resolvers("/run/systemd/resolve/resolv.conf", out);
	}
}

/* ---- the whole */

/* QEMU's user-mode network exists inside one QEMU only, so its gateway and name server are where this guest is not. */
static void user_config(uint32_t ip, struct net_guest *out)
{
	uint32_t net = ip & 0xffff0000, gateway = net + 1, dns = net + 0xfffd;
	char text[16];

	if (ip == gateway)
		gateway++;
	if (ip == dns)
		dns--;
	snprintf(out->address, sizeof out->address, "%s/16", net_address_text(ip, text));
	snprintf(out->user_net, sizeof out->user_net, "%s/16", net_address_text(net, text));
	net_address_text(gateway, out->gateway);
	net_address_text(dns, text);
	snprintf(out->dns, sizeof out->dns, "%s", text);
}

void net_guest_config(const stoker *s, const struct stoker_vm *vm, struct net_guest *out)
{
	uint32_t ip;

	memset(out, 0, sizeof *out);
	if (vm->network == STOKER_NET_NONE || !net_address(vm->ip, &ip))
		return;
	if (vm->network == STOKER_NET_USER) {
		user_config(ip, out);
		return;
	}
	snprintf(out->address, sizeof out->address, "%.15s/32", vm->ip);
	net_address_text(net_gateway(s), out->gateway);
	name_servers(s, out->dns);
}
