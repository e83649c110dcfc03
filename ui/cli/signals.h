/* SPDX-License-Identifier: Apache-2.0
 *
 * signals.h - signals turned into something poll() sees, and a terminal that
 * is given back whatever happens.
 */
#ifndef STOKER_UI_CLI_SIGNALS_H
#define STOKER_UI_CLI_SIGNALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT make this descriptor readable
 * for good instead of ending the program. May be called again. -1 when no pipe
 * can be had. Signals that were ignored when the program began stay ignored. */
int signals_cancel_fd(void);
/* The first of those signals that came, 0 when none. */
int signals_caught(void);
/* Ends the program by the signal it caught, so that its parent sees it; returns when none was caught. */
void signals_end(void);

/* The terminal's size, 24 x 80 when it cannot be told. */
void terminal_dimensions(int fd, uint16_t *rows, uint16_t *cols);

/* Raw mode on `fd`, remembered so that it ends with tty_restore(), with a
 * fatal signal, and while the program is stopped by SIGTSTP. From now on
 * SIGWINCH updates *tty_size() and makes tty_resize_fd() readable. */
bool tty_raw(int fd);
void tty_restore(void);
/* What a fatal signal writes to the terminal before it ends us (copied, at most 256 bytes). */
void tty_last_words(const char *bytes, size_t len);
/* High 16 bits rows, low 16 columns: what stoker_exec.resize wants. */
const volatile int *tty_size(void);
/* Readable after a change of size, until read empty. */
int tty_resize_fd(void);

#endif
