/* SPDX-License-Identifier: Apache-2.0 */
#include "hello.h"

#include <stdint.h>
#include <string.h>

#include "guest/frame.h"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (is_lower(c))
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool host_key_valid(const char *text, size_t len)
{
	/* The blob: u32 11, "ssh-ed25519", u32 32, 32 bytes of key: 51 bytes, so 68 digits and no padding. */
	static const char type[] = "ssh-ed25519 ";
	static const uint8_t prefix[] = { 0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5', '1', '9', 0, 0, 0, 32 };
	enum { TYPE = sizeof type - 1, DIGITS = 68 };
	uint8_t blob[51];

	if (len != TYPE + DIGITS || memcmp(text, type, TYPE) != 0)
		return false;
	for (size_t i = 0; i < DIGITS; i += 4) {
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = base64_digit(text[TYPE + i + k]);
			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		blob[i / 4 * 3] = (uint8_t)(v >> 16);
		blob[i / 4 * 3 + 1] = (uint8_t)(v >> 8);
		blob[i / 4 * 3 + 2] = (uint8_t)v;
	}
	return memcmp(blob, prefix, sizeof prefix) == 0;
}

static bool agent_valid(const char *v, size_t len)
{
	if (len == 0 || len >= sizeof ((struct hello *)0)->agent)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_lower(v[i]) && !is_digit(v[i]) && !(v[i] >= 'A' && v[i] <= 'Z') && (v[i] == '\0' || !strchr(".-+_", v[i])))
			return false;
	return true;
}

/* key: [a-z][a-z0-9_-]{0,23}, value: 1 to 20 digits. */
static bool mark_valid(const char *v, size_t len)
{
	const char *colon = memchr(v, ':', len);
	size_t key = colon ? (size_t)(colon - v) : 0;
	if (key == 0 || key > 24 || len - key - 1 == 0 || len - key - 1 > 20 || !is_lower(v[0]))
		return false;
	for (size_t i = 1; i < key; i++)
		if (!is_lower(v[i]) && !is_digit(v[i]) && v[i] != '_' && v[i] != '-')
			return false;
	for (size_t i = key + 1; i < len; i++)
		if (!is_digit(v[i]))
			return false;
	return true;
}

/* Marks are only shown: a bad pair is left out, it does not cost the VM its agent. */
static void marks_copy(char *out, size_t cap, const char *v, size_t len)
{
	size_t o = 0;
	while (len > 0) {
		const char *comma = memchr(v, ',', len);
		size_t n = comma ? (size_t)(comma - v) : len;
		if (mark_valid(v, n) && o + (o > 0) + n + 1 <= cap) {
			if (o > 0)
				out[o++] = ',';
			memcpy(out + o, v, n);
			o += n;
		}
		v += comma ? n + 1 : n;
		len -= comma ? n + 1 : n;
	}
	out[o] = '\0';
}

bool hello_parse(const void *text, size_t len, struct hello *out, const char **why)
{
	enum { PROTOCOL = 1, AGENT = 2, HOST_KEY = 4, MARKS = 8 };
	const char *p = text;
	unsigned seen = 0;

	memset(out, 0, sizeof *out);
	*why = "its hello is malformed";
	if (len == 0 || len > FRAME_HELLO_MAX || memchr(p, '\0', len))
		return false;
	while (len > 0) {
		const char *end = memchr(p, '\n', len), *eq;
		size_t line = end ? (size_t)(end - p) : len, key, vlen;
		unsigned bit = 0;
		eq = memchr(p, '=', line);
		if (!eq)
			return false;
		key = (size_t)(eq - p);
		vlen = line - key - 1;
		if (key == 8 && memcmp(p, "protocol", 8) == 0) {
			bit = PROTOCOL;
			if (vlen != 1 || eq[1] != '0' + FRAME_VERSION) {
				*why = "its agent speaks another version of the protocol";
				return false;
			}
		} else if (key == 5 && memcmp(p, "agent", 5) == 0) {
			bit = AGENT;
			if (!agent_valid(eq + 1, vlen))
				return false;
			memcpy(out->agent, eq + 1, vlen);
		} else if (key == 8 && memcmp(p, "host_key", 8) == 0 && vlen > 0) {
			bit = HOST_KEY;
			if (!host_key_valid(eq + 1, vlen)) {
				*why = "the host key in its hello is malformed";
				return false;
			}
			memcpy(out->host_key, eq + 1, vlen);
		} else if (key == 5 && memcmp(p, "marks", 5) == 0) {
			bit = MARKS;
			marks_copy(out->marks, sizeof out->marks, eq + 1, vlen);
		}
		if (bit & seen)
			return false;
		seen |= bit;
		p += end ? line + 1 : line;
		len -= end ? line + 1 : line;
	}
	if (!(seen & PROTOCOL) || !(seen & AGENT))
		return false;
	return true;
}
