/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_check.c - what a value of the configuration may be, by its kind.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "net/net.h"
#include "settings_check.h"

#define POOL_ADDRESSES_MAX 65536

bool setting_number(const char *text, long *out)
{
	char *end;
	if (!isdigit((unsigned char)text[0]) || strlen(text) > 12)
		return false;
	errno = 0;
	*out = strtol(text, &end, 10);
	return !errno && *end == '\0';
}

static bool address_of(const char *text, size_t len, uint32_t *out)
{
	char copy[16];
	struct in_addr addr;
	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, &addr) != 1)
		return false;
	*out = ntohl(addr.s_addr);
	return true;
}

bool setting_addresses(const char *text, uint32_t *first, uint32_t *last, const char **why)
{
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	long bits;
	*why = "this is neither a range of IPv4 addresses nor a CIDR block";
	if (dash) {
		if (!address_of(text, (size_t)(dash - text), first) || !address_of(dash + 1, strlen(dash + 1), last))
			return false;
	} else if (slash) {
		uint32_t base, mask;
		if (!address_of(text, (size_t)(slash - text), &base) || !setting_number(slash + 1, &bits))
			return false;
		*why = "a block must be of /16 to /29";
		if (bits < 16 || bits > 29)
			return false;
		mask = UINT32_MAX << (32 - bits);
		*why = "the address is not the first of its block";
		if (base & ~mask)
			return false;
		/* Without the network's own address, the gateway's and the broadcast address. */
		*first = base + 2;
		*last = (base | ~mask) - 1;
	} else {
		return false;
	}
	*why = "the first address is above the last one";
	if (*first > *last)
		return false;
	*why = "a pool has at most 65536 addresses";
	if (*last - *first >= POOL_ADDRESSES_MAX)
		return false;
	*why = "these addresses are not for hosts";
	return *first >> 24 != 0 && *first >> 24 != 127 && *last >> 24 != 127 && *last >> 24 < 224;
}

bool setting_ports(const char *text, uint16_t *first, uint16_t *last, const char **why)
{
	const char *dash = strchr(text, '-');
	char low[8];
	long a, b;
	*why = "this is not a range of ports";
	if (!dash || dash - text >= (ptrdiff_t)sizeof low)
		return false;
	memcpy(low, text, (size_t)(dash - text));
	low[dash - text] = '\0';
	if (!setting_number(low, &a) || !setting_number(dash + 1, &b))
		return false;
	*why = "ports are from 1024 to 65535";
	if (a < 1024 || b > UINT16_MAX)
		return false;
	*why = "the first port is above the last one";
	if (a > b)
		return false;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return true;
}

static bool is_choice(const char *allowed, const char *text)
{
	size_t len = strlen(text);
	if (strchr(text, '|'))
		return false;
	for (const char *p = allowed; len && p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strncmp(p, text, len) == 0 && (p[len] == '|' || p[len] == '\0'))
			return true;
	return false;
}

/* One to `most` addresses, with commas between them. */
static bool is_addresses(const char *text, unsigned most)
{
	unsigned n = 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		uint32_t address;
		if (!address_of(text, len, &address) || address == 0 || ++n > most)
			return false;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool is_key(const char *text)
{
	long n;
	if (strncmp(text, "Ctrl-", 5) == 0 && text[5] && !text[6])
		/* Not those that a shell or the terminal cannot do without: Ctrl-C D H I J M Q S Z [ */
		return strchr("ABEFGKLNOPRTUVWXY]\\^_", text[5]) != NULL;
	return text[0] == 'F' && setting_number(text + 1, &n) && n >= 1 && n <= 12 && text[1] != '0';
}

static bool is_url(const char *text)
{
	size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	if (!scheme || !isalnum((unsigned char)text[scheme]))
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7f)
			return false;
	return true;
}

bool setting_check(const struct setting_key *key, const char *text, struct setting_fault *f)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *why = "this value is not allowed";
	uint32_t a, b;
	uint16_t p, q;
	long n;
	bool ok = false;

	switch (key->kind) {
	case WORD:
		ok = text[0] && strlen(text) < 64 && text[strspn(text, word)] == '\0' && text[0] != '.' &&
		     text[0] != '-';
		snprintf(f->allowed, sizeof f->allowed,
		         "Allowed are letters, digits and . _ -, beginning with a letter or digit");
		break;
	case CHOICE: {
		size_t o = 0;
		ok = is_choice(key->allowed, text);
		o = (size_t)snprintf(f->allowed, sizeof f->allowed, "Allowed are ");
		for (const char *c = key->allowed; *c && o + 3 < sizeof f->allowed; c++) {
			f->allowed[o++] = *c == '|' ? ',' : *c;
			if (*c == '|')
				f->allowed[o++] = ' ';
		}
		f->allowed[o] = '\0';
		break;
	}
	case NUMBER:
		ok = setting_number(text, &n) && n >= key->low && n <= key->high;
		snprintf(f->allowed, sizeof f->allowed, "Allowed are whole numbers from %ld to %ld", key->low,
		         key->high);
		break;
	case PROGRAM:
		ok = text[0] && text[0] != '-' && (text[0] == '/' || !strchr(text, '/'));
		for (const char *c = text; *c; c++)
			ok = ok && (unsigned char)*c >= 0x20 && *c != 0x7f;
		snprintf(f->allowed, sizeof f->allowed, "Allowed are a program's name and an absolute path");
		break;
	case SOURCE:
		ok = strcmp(text, "upstream") == 0 || is_url(text);
		snprintf(f->allowed, sizeof f->allowed, "Allowed are upstream and a URL: https://HOST/PATH or http://HOST/PATH");
		break;
	case ADDRESSES:
		ok = setting_addresses(text, &a, &b, &why);
		snprintf(f->allowed, sizeof f->allowed,
		         "Allowed are for example 172.16.0.2-172.16.0.254 and 172.16.0.0/24");
		break;
	case PORTS:
		ok = setting_ports(text, &p, &q, &why);
		snprintf(f->allowed, sizeof f->allowed, "Allowed is for example 2200-2999");
		break;
	case EGRESS: {
		struct net_policy policy;
		ok = net_policy_parse(&policy, text, NULL, NULL, NULL) == STOKER_OK;
		snprintf(f->allowed, sizeof f->allowed, "Allowed are all, none and networks, such as 10.0.0.0/8,192.168.7.5");
		break;
	}
	case DNS:
		ok = strcmp(text, "host") == 0 || strcmp(text, "none") == 0 || is_addresses(text, 3);
		snprintf(f->allowed, sizeof f->allowed, "Allowed are host, none and up to three IPv4 addresses with commas between them");
		break;
	case KEY:
		ok = is_key(text);
		snprintf(f->allowed, sizeof f->allowed,
		         "Allowed are Ctrl- with one of A B E F G K L N O P R T U V W X Y ] \\ ^ _ and F1 to F12");
		break;
	}
	if (!ok) {
		char shown[80];
		error_clean(shown, sizeof shown, text, strlen(text));
		if (text[0])
			snprintf(f->why, sizeof f->why, "%s: \"%s\"", why, shown);
		else
			snprintf(f->why, sizeof f->why, "it has no value");
	}
	return ok;
}
