/* SPDX-License-Identifier: Apache-2.0
 *
 * console.h - the size-capped log of a VM's console: console.log, and
 * console.log.1 with what was before. Never an error to the caller: a full
 * disk costs lines of the log, not the VM.
 */
#ifndef STOKER_SRC_SUPERVISOR_CONSOLE_H
#define STOKER_SRC_SUPERVISOR_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console {
	char name[64], old[72]; /* in the folder */
	int dir, fd;
	size_t size, cap;       /* cap: CONSOLE_LOG_CAP unless set after the opening */
	uint64_t lost;          /* bytes that could not be written */
	bool line_open;         /* the last byte was no newline */
	unsigned notes;
};

/* `path` is absolute. `fresh`: puts an existing log aside. False (errno) when the folder cannot be opened. */
bool console_open(struct console *c, const char *path, bool fresh);
void console_write(struct console *c, const void *data, size_t len);
/* A remark of the supervisor's own on a line of its own; only so many in one run. */
void console_note(struct console *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
