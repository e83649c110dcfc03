/* SPDX-License-Identifier: Apache-2.0
 *
 * cmdline.c - the host's wishes from the kernel's command line.
 *
 *   stoker.ip=ADDR/LEN stoker.gw=ADDR stoker.dns=ADDR[,ADDR...]
 *   stoker.host=NAME stoker.key=BASE64 stoker.disk=isolated|shared|copy
 *   stoker.off=switch|reset stoker.init=PATH
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

static bool address(const char *text, uint32_t *out)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return false;
	*out = ntohl(a.s_addr);
	return true;
}

static bool set_ip(struct config *c, char *value)
{
	char *slash = strchr(value, '/');
	char *end;
	uint32_t ip;

	if (slash == NULL)
		return false;
	*slash = '\0';
	unsigned long prefix = strtoul(slash + 1, &end, 10);

	if (slash[1] == '\0' || *end != '\0' || prefix < 1 || prefix > 32 || !address(value, &ip))
		return false;
	c->ip = ip;
	c->prefix = (unsigned)prefix;
	return true;
}

static bool set_dns(struct config *c, char *value)
{
	size_t n = 0;
	char *save = NULL;

	for (char *one = strtok_r(value, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save))
		if (n == sizeof c->dns / sizeof c->dns[0] || !address(one, &c->dns[n++]))
			return false;
	return true;
}

static bool set_host(struct config *c, const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= sizeof c->host || value[0] == '-' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") != n)
		return false;
	memcpy(c->host, value, n + 1);
	return true;
}

/* One line of printable text: a newline in it would be a second key. */
static bool set_key(struct config *c, const char *value)
{
	ssize_t n = base64_decode((uint8_t *)c->key, sizeof c->key - 1, value);

	while (n > 0 && c->key[n - 1] == '\n')
		n--;
	c->key[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n; i++)
		if (c->key[i] < ' ' || c->key[i] > '~')
			n = -1;
	if (n < 0)
		c->key[0] = '\0';
	return n >= 0;
}

static bool set_disk(struct config *c, const char *value)
{
	static const char *const names[] = { "isolated", "shared", "copy" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(value, names[i]) == 0) {
			c->disk = (enum disk_mode)i;
			return true;
		}
	return false;
}

static bool set_init(struct config *c, const char *value)
{
	size_t n = strlen(value);

	if (value[0] != '/' || n >= sizeof c->init)
		return false;
	memcpy(c->init, value, n + 1);
	return true;
}

void config_parse(struct config *c, char *text)
{
	char *save = NULL;

	for (char *word = strtok_r(text, " \t\n", &save); word != NULL; word = strtok_r(NULL, " \t\n", &save)) {
		char *value = strchr(word, '=');
		bool ok = true;

		if (strncmp(word, "stoker.", 7) != 0 || value == NULL || value[1] == '\0')
			continue;
		*value++ = '\0';
		const char *name = word + 7;

		if (strcmp(name, "ip") == 0)
			ok = set_ip(c, value);
		else if (strcmp(name, "gw") == 0)
			ok = address(value, &c->gateway);
		else if (strcmp(name, "dns") == 0)
			ok = set_dns(c, value);
		else if (strcmp(name, "host") == 0)
			ok = set_host(c, value);
		else if (strcmp(name, "key") == 0)
			ok = set_key(c, value);
		else if (strcmp(name, "disk") == 0)
			ok = set_disk(c, value);
		else if (strcmp(name, "init") == 0)
			ok = set_init(c, value);
		else if (strcmp(name, "off") == 0)
			ok = (c->reset = strcmp(value, "reset") == 0) || strcmp(value, "switch") == 0;
		if (!ok)
			say("the kernel's command line has a bad %s", word);
	}
}

void config_read(struct config *c)
{
	char text[4096];

	memset(c, 0, sizeof *c);
	if (read_file("/proc/cmdline", text, sizeof text) < 0)
		say("/proc/cmdline cannot be read");
	config_parse(c, text);
	if (c->host[0] == '\0')
		memcpy(c->host, "stoker", 7);
}
