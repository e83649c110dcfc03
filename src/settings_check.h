/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_check.h - between settings.c, which knows the keys, and settings_check.c.
 */
#ifndef STOKER_SETTINGS_CHECK_H
#define STOKER_SETTINGS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum setting_kind {
	WORD,      /* an image name and the like */
	CHOICE,    /* one of `allowed`, separated by '|' */
	NUMBER,    /* low..high */
	PROGRAM,   /* a name to look up in PATH, or an absolute path */
	SOURCE,    /* upstream, or a URL */
	ADDRESSES, /* A-B or CIDR */
	PORTS,     /* A-B */
	EGRESS,    /* all, none, or networks */
	DNS,       /* host, none, or up to three addresses */
	KEY,       /* Ctrl-X or F1..F12 */
};

struct setting_key {
	const char *key, *standard;
	enum setting_kind kind;
	long low, high;
	const char *allowed;
	const char *help;
};

struct setting_fault {
	char why[256];
	char allowed[256];
};

bool setting_number(const char *text, long *out);
/* `why` then says what is wrong with it. */
bool setting_addresses(const char *text, uint32_t *first, uint32_t *last, const char **why);
bool setting_ports(const char *text, uint16_t *first, uint16_t *last, const char **why);
/* False: `f` says why not, and what is allowed. */
bool setting_check(const struct setting_key *key, const char *text, struct setting_fault *f);

#endif
