/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.h - the text a clipboard travels as (OSC 52).
 */
#ifndef STOKER_UI_COMMON_BASE64_H
#define STOKER_UI_COMMON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* malloc'ed and terminated; NULL without memory. */
char *base64_encode(const char *bytes, size_t len);
/* Into `out`, which has room for len / 4 * 3 + 3 bytes; false when it is no base64. */
bool base64_decode(const char *text, size_t len, char *out, size_t *out_len);

#endif
