/* SPDX-License-Identifier: Apache-2.0
 *
 * modes.h - what a guest has switched on in our terminal, and how to undo it.
 *
 * A program in the guest that dies with the connection cannot give the
 * alternate screen, the mouse or the cursor back. This follows the private
 * modes in the bytes that go by, so that exactly those still on are ended.
 */
#ifndef STOKER_UI_CLI_MODES_H
#define STOKER_UI_CLI_MODES_H

#include <stdbool.h>
#include <stddef.h>

struct modes {
	unsigned on;      /* bits of modes that differ from a terminal at rest */
	int state;
	int numbers[8], count;
	bool keypad;
};

void modes_follow(struct modes *modes, const char *bytes, size_t len);
/* Writes what ends them; at most cap bytes, always whole sequences. Returns the length. */
size_t modes_undo(const struct modes *modes, char *out, size_t cap);

/* "~." typed at the start of a line. What the terminal itself answers to a
 * guest's question (a shell's prompt may ask where the cursor is) is no typing. */
struct escape {
	bool line_start; /* the next character begins a line */
	bool tilde;      /* "~" stood there and is held back */
	int sequence;    /* inside an escape sequence: 1 after ESC, 2 after ESC [ */
	bool before;     /* line_start when that began */
};
enum escape_act { ESCAPE_NONE, ESCAPE_END, ESCAPE_HELP };
/* Takes keys in, gives those for the guest (out has room for len + 1). Stops
 * after the first act; *used says how many of the keys were taken. */
enum escape_act escape_filter(struct escape *escape, const char *in, size_t len, size_t *used, char *out,
                              size_t *out_len);

#endif
