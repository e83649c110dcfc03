/* SPDX-License-Identifier: Apache-2.0
 *
 * error.h - how the inside of libstoker reports failures.
 */
#ifndef STOKER_SRC_ERROR_H
#define STOKER_SRC_ERROR_H

#include "stoker.h"

/* Fills *err (which may be NULL) and returns `code`, so that callers write
 * `return error_set(...)` or `st = error_set(...); goto out;`. `why` is a
 * printf format for one sentence without a final stop; text that came from a
 * guest or a VMM must have gone through error_clean() first. `what` and `fix`
 * start empty. */
enum stoker_status error_set(struct stoker_error *err, enum stoker_status code, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds what was being done ("start quiet-otter"); keeps one that is there. */
void error_what(struct stoker_error *err, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* Sets what to do next. Returns err->code so that it can end a chain. */
enum stoker_status error_fix(struct stoker_error *err, const char *fix, ...) __attribute__((format(printf, 2, 3)));

/* STOKER_E_FAILED (or _NOMEM, _LIMIT for ENOMEM, EMFILE, ENFILE) with
 * "<why>: <strerror(errno_value)>" and, for ENOSPC, EMFILE, EACCES and the
 * like, the usual advice. */
enum stoker_status error_errno(struct stoker_error *err, int errno_value, const char *why, ...)
	__attribute__((format(printf, 3, 4)));

/* Copies n bytes of foreign text to `out` (cap bytes with NUL) with control
 * bytes, escapes and invalid UTF-8 made visible as '?'. Returns out. */
char *error_clean(char *out, size_t cap, const char *text, size_t n);

#endif
