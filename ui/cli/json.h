/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - JSON as programs want it: whole numbers exact, text always valid.
 */
#ifndef STOKER_UI_CLI_JSON_H
#define STOKER_UI_CLI_JSON_H

#include <cjson/cJSON.h>

#include "cli/cli.h"

/* Text of any bytes as a JSON string: what is not UTF-8 becomes U+FFFD, and
 * what a terminal might obey is escaped. NULL becomes null. */
cJSON *json_text(const char *text, size_t len);
/* True when the bytes are UTF-8, so that json_text() lost nothing. */
bool json_is_lossless(const char *text, size_t len);

void json_add_text(cJSON *object, const char *key, const char *text);    /* "" too */
void json_add_some(cJSON *object, const char *key, const char *text);    /* "" becomes null */
void json_add_int(cJSON *object, const char *key, int64_t value);
void json_add_positive(cJSON *object, const char *key, int64_t value);   /* 0 and less become null */
void json_add_bool(cJSON *object, const char *key, bool value);
void json_add_null(cJSON *object, const char *key);
void json_add_ms(cJSON *object, const char *key, int64_t ns);            /* milliseconds with three decimals; < 0: null */
void json_add_at(cJSON *object, const char *key, int64_t at_ms);         /* "2026-02-03T14:02:07.123Z"; 0: null */
void json_add_base64(cJSON *object, const char *key, const char *data, size_t len);
/* "8080:80,..." as an array "publish" of objects of host and guest; "a,b" as an array of texts. */
void json_add_published(cJSON *object, const char *list);
void json_add_words(cJSON *object, const char *key, const char *list);
/* code, what, why, fix: the members of an error. */
void json_fill_error(cJSON *object, const struct stoker_error *err);
void json_add_error(cJSON *object, const struct stoker_error *err);      /* "error": { code what why fix } */

/* The documented object of a VM (`list`). */
cJSON *json_vm(const struct stoker_vm *vm);
/* n p50_ms p95_ms p99_ms min_ms max_ms */
void json_add_percentiles(cJSON *object, const struct stoker_percentiles *p);

/* Prints the value (readable on a terminal, on one line else), frees it, and gives the code to return. */
int json_print(struct cli *cli, cJSON *value, int code);

/* Results of a verb for several VMs: one object for one name, an array else. */
int json_print_results(struct cli *cli, cJSON *array, bool single, int code);

#endif
