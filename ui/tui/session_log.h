/* SPDX-License-Identifier: Apache-2.0
 *
 * session_log.h - what a shell showed, as text in a file.
 *
 * Escape sequences are left out: whoever reads the file later has it printed
 * on a terminal of their own, and a guest must not reach that one either. A
 * thread writes, so that a slow disk delays no key.
 */
#ifndef STOKER_UI_TUI_SESSION_LOG_H
#define STOKER_UI_TUI_SESSION_LOG_H

#include <stdbool.h>
#include <stddef.h>

struct session_log;

/* Makes the file, 0600; one that is there already is left alone and is an
 * error. NULL without memory or a thread. */
struct session_log *session_log_open(const char *path);
/* What the guest sent; never waits. More than the thread gets rid of is left
 * out, and the file says how much. */
void session_log_feed(struct session_log *log, const char *bytes, size_t len);
/* True once, when it has failed: why is a sentence. */
bool session_log_failed(struct session_log *log, char *why, size_t cap);
/* Whether session_log_failed() has something to say. */
bool session_log_trouble(struct session_log *log);
/* Never waits: the thread writes what is left, and ends. NULL is allowed. */
void session_log_close(struct session_log *log);
/* Waits for those that are closed and still written, for at most two seconds: before the program ends. */
void session_logs_finish(void);

#endif
