/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.c - what a guest may reach, as people write it and as numbers.
 *
 * Whatever becomes a rule is composed from these numbers: no text that somebody
 * gave ever reaches nft.
 */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "net.h"

/* The next part of a list separated by commas, in `part`; false at its end. An overlong part comes cut, which no
 * parser takes for right. */
static bool next_part(const char **list, char *part, size_t cap)
{
	size_t n = strcspn(*list, ",");
	if (n == 0 && (*list)[0] == '\0')
		return false;
	snprintf(part, cap, "%.*s", (int)(n < cap ? n : cap), *list);
	*list += n;
	if (**list == ',')
		(*list)++;
	return true;
}

static bool number(const char *text, const char **end, unsigned long max, unsigned long *out)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5)
		return false;
	*out = strtoul(text, NULL, 10);
	*end = text + n;
	return *out <= max;
}

static uint32_t mask_of(unsigned bits)
{
	return bits ? UINT32_MAX << (32 - bits) : 0;
}

static bool cidr_of(const char *text, struct net_cidr *out)
{
	const char *slash = strchr(text, '/'), *end;
	char address[16];
	struct in_addr in;
	unsigned long bits = 32;
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof address)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &in) != 1 || (slash && (!number(slash + 1, &end, 32, &bits) || *end)))
		return false;
	out->base = ntohl(in.s_addr);
	out->bits = (unsigned)bits;
	return (out->base & ~mask_of(out->bits)) == 0;
}

/* Blocks nest or are apart: one that lies in another says nothing more, and the kernel takes no overlap. */
static bool add_cidr(struct net_policy *p, struct net_cidr c)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->cidr_count; i++)
		if (p->cidrs[i].bits <= c.bits && ((p->cidrs[i].base ^ c.base) & mask_of(p->cidrs[i].bits)) == 0)
			return true;
	for (size_t i = 0; i < p->cidr_count; i++)
		if (((p->cidrs[i].base ^ c.base) & mask_of(c.bits)) != 0)
			p->cidrs[kept++] = p->cidrs[i];
	p->cidr_count = kept;
	if (kept == NET_CIDRS_MAX)
		return false;
	p->cidrs[p->cidr_count++] = c;
	return true;
}

static enum stoker_status bad(const char *what, const char *part, const char *fix, struct stoker_error *err)
{
	char shown[80];
	error_set(err, STOKER_E_INVALID, "'%s' is %s", error_clean(shown, sizeof shown, part, strnlen(part, 64)), what);
	return error_fix(err, "%s", fix), STOKER_E_INVALID;
}

static enum stoker_status parse_egress(struct net_policy *p, const char *list, struct stoker_error *err)
{
	static const char fix[] = "Allowed: all, none, or IPv4 networks: 10.0.0.0/8,192.168.7.5";
	struct net_cidr c;
	char part[48];

	if (!list[0] || strcmp(list, "none") == 0)
		return STOKER_OK;
	if (strcmp(list, "all") == 0) {
		p->open = true;
		return STOKER_OK;
	}
	while (next_part(&list, part, sizeof part)) {
		if (!cidr_of(part, &c))
			return bad("no egress: neither all, none nor a network whose address is its first one", part, fix, err);
		if (!add_cidr(p, c)) {
			error_set(err, STOKER_E_INVALID, "more than %d networks", NET_CIDRS_MAX);
			return error_fix(err, "Use larger ones, or all"), STOKER_E_INVALID;
		}
	}
	return STOKER_OK;
}

static enum stoker_status parse_publish(struct net_policy *p, const char *list, struct stoker_error *err)
{
	char part[24];

	while (next_part(&list, part, sizeof part)) {
		unsigned long host, guest = 0;
		const char *end;
		if (!number(part, &end, UINT16_MAX, &host) || *end != ':' || !number(end + 1, &end, UINT16_MAX, &guest) || *end ||
		    host == 0 || guest == 0)
			return bad("nothing that can be published", part,
			           "Give HOST:GUEST, two ports from 1 to 65535: 8080:80", err);
		if (net_publishes(p, (uint16_t)host)) {
			error_set(err, STOKER_E_INVALID, "port %lu of the host is published twice", host);
			return error_fix(err, "Publish each port of the host once"), STOKER_E_INVALID;
		}
		if (p->port_count == NET_PORTS_MAX)
			return error_set(err, STOKER_E_INVALID, "more than %d published ports", NET_PORTS_MAX);
		p->ports[p->port_count].host = (uint16_t)host;
		p->ports[p->port_count++].guest = (uint16_t)guest;
	}
	return STOKER_OK;
}

static enum stoker_status parse_allow(struct net_policy *p, const char *list, struct stoker_error *err)
{
	char part[24];

	while (next_part(&list, part, sizeof part)) {
		unsigned long port = 0;
		const char *end;
		bool known = false;
		if (strcmp(part, "guests") == 0) {
			p->guests = true;
		} else if (strcmp(part, "host") == 0) {
			p->host = true;
		} else if (strcmp(part, "metadata") == 0) {
			p->metadata = true;
		} else if (strncmp(part, "host:", 5) == 0 && number(part + 5, &end, UINT16_MAX, &port) && !*end && port) {
			for (size_t i = 0; i < p->host_port_count; i++)
				known = known || p->host_ports[i] == port;
			if (!known && p->host_port_count == NET_HOST_PORTS_MAX)
				return error_set(err, STOKER_E_INVALID, "more than %d ports of the host", NET_HOST_PORTS_MAX);
			if (!known)
				p->host_ports[p->host_port_count++] = (uint16_t)port;
		} else {
			return bad("nothing that can be allowed", part, "Allowed: guests, host, host:PORT, metadata", err);
		}
	}
	return STOKER_OK;
}

enum stoker_status net_policy_parse(struct net_policy *out, const char *egress, const char *publish, const char *allow,
                                    struct stoker_error *err)
{
	enum stoker_status st;
	memset(out, 0, sizeof *out);
	st = parse_egress(out, egress ? egress : "", err);
	if (st == STOKER_OK)
		st = parse_publish(out, publish ? publish : "", err);
	if (st == STOKER_OK)
		st = parse_allow(out, allow ? allow : "", err);
	return st;
}

bool net_policy_of(const struct stoker_vm *vm, struct net_policy *out)
{
	return net_policy_parse(out, vm->egress, vm->publish, vm->allow, NULL) == STOKER_OK;
}

bool net_publishes(const struct net_policy *policy, uint16_t port)
{
	for (size_t i = 0; i < policy->port_count; i++)
		if (policy->ports[i].host == port)
			return true;
	return false;
}

/* Appends to a text of `cap` bytes at *at; false when it does not fit. */
__attribute__((format(printf, 4, 5))) static bool append(char *text, size_t cap, size_t *at, const char *fmt, ...)
{
	va_list ap;
	int n;
	if (*at && *at + 1 < cap)
		text[(*at)++] = ',';
	va_start(ap, fmt);
	n = vsnprintf(text + *at, cap - *at, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= cap - *at)
		return false;
	*at += (size_t)n;
	return true;
}

bool net_policy_text(const struct net_policy *p, struct stoker_vm *vm)
{
	size_t at = 0;
	bool ok = true;

	memset(vm->egress, 0, sizeof vm->egress);
	memset(vm->publish, 0, sizeof vm->publish);
	memset(vm->allow, 0, sizeof vm->allow);
	if (p->open || !p->cidr_count)
		snprintf(vm->egress, sizeof vm->egress, "%s", p->open ? "all" : "none");
	for (size_t i = 0; ok && !p->open && i < p->cidr_count; i++) {
		struct in_addr in = { htonl(p->cidrs[i].base) };
		char text[INET_ADDRSTRLEN];
		ok = inet_ntop(AF_INET, &in, text, sizeof text) &&
		     append(vm->egress, sizeof vm->egress, &at, "%s/%u", text, p->cidrs[i].bits);
	}
	at = 0;
	for (size_t i = 0; ok && i < p->port_count; i++)
		ok = append(vm->publish, sizeof vm->publish, &at, "%u:%u", (unsigned)p->ports[i].host, (unsigned)p->ports[i].guest);
	at = 0;
	ok = ok && (!p->guests || append(vm->allow, sizeof vm->allow, &at, "guests")) &&
	     (!p->host || append(vm->allow, sizeof vm->allow, &at, "host"));
	/* The whole host includes each of its ports. */
	for (size_t i = 0; ok && !p->host && i < p->host_port_count; i++)
		ok = append(vm->allow, sizeof vm->allow, &at, "host:%u", (unsigned)p->host_ports[i]);
	return ok && (!p->metadata || append(vm->allow, sizeof vm->allow, &at, "metadata"));
}
