/* SPDX-License-Identifier: Apache-2.0
 *
 * hello.h - what an agent says of itself, checked. Pure: bytes in, fields out.
 */
#ifndef STOKER_SRC_SUPERVISOR_HELLO_H
#define STOKER_SRC_SUPERVISOR_HELLO_H

#include <stdbool.h>
#include <stddef.h>

struct hello {
	char agent[32];     /* version: letters, digits and . - + _ */
	char host_key[128]; /* "ssh-ed25519 " and 68 base64 digits; "" when not given */
	char marks[256];    /* "k:v,k:v"; pairs that are malformed or do not fit are left out */
};

/* False when the text is no hello of protocol 1; *why then says it in one
 * static sentence. Unknown keys are skipped; each known one may come once. */
bool hello_parse(const void *text, size_t len, struct hello *out, const char **why);

/* "ssh-ed25519 <base64 of a 51-byte blob>" and nothing behind it. */
bool host_key_valid(const char *text, size_t len);

#endif
