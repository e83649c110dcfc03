/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - a VM's console log for the inside of libstoker.
 */
#ifndef STOKER_SRC_LOG_H
#define STOKER_SRC_LOG_H

#include "handle.h"

/* The last `lines` lines of this run's console in one line, made harmless, " | "
 * between them. "" when there are none. Returns out. */
char *log_last_lines(const stoker *s, const char *id, int lines, char *out, size_t cap);

/* Adds the last lines of the VM's console to err->why: for a guest that never became ready or ended. */
void error_console(const stoker *s, const char *id, struct stoker_error *err);

#endif
