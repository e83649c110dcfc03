/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - see base64.h.
 */
#include "base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const char *bytes, size_t len)
{
	char *out = len > SIZE_MAX / 2 ? NULL : malloc((len + 2) / 3 * 4 + 1), *to = out;
	size_t i;
	if (out == NULL)
		return NULL;
	for (i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)bytes[i] << 16;
		if (i + 1 < len)
			v |= (uint32_t)(unsigned char)bytes[i + 1] << 8;
		if (i + 2 < len)
			v |= (unsigned char)bytes[i + 2];
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*to = '\0';
	return out;
}

bool base64_decode(const char *text, size_t len, char *out, size_t *out_len)
{
	uint32_t v = 0;
	unsigned bits = 0;
	size_t i, n = 0;

	while (len > 0 && text[len - 1] == '=')
		len--;
	for (i = 0; i < len; i++) {
		const char *at = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
		if (at == NULL)
			return false;
		v = (v << 6 | (uint32_t)(at - digits)) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 255);
		}
	}
	*out_len = n;
	return len % 4 != 1;
}
