/* SPDX-License-Identifier: Apache-2.0
 *
 * term_filter.h - what stands between a guest's bytes and the terminal emulator.
 *
 * libvterm trusts its input more than a guest deserves: 0.1.4, which Debian 12
 * ships, writes past an array when a control sequence has more than sixteen
 * arguments, adds unchecked numbers to its cursor, loops for ever on a REP with
 * nothing to repeat, and keeps every combining mark it is ever given. So this
 * filter reads the whole language itself and passes on only sequences it has
 * rebuilt, complete and within bounds: the emulator never sees a guest's own
 * escape sequence. It also adds what the emulator lacks (several modes in one
 * sequence, dim, soft reset, ED 3, save and restore by CSI s and u, character
 * sets that go with a saved cursor).
 */
#ifndef STOKER_UI_TUI_TERM_FILTER_H
#define STOKER_UI_TUI_TERM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fonts, which no screen here has, carry what the emulator cannot store. */
enum { FILTER_FONT_DIM = 1, FILTER_FONT_CONCEAL = 2 };

/* Wide characters of plane 1 travel as the same place in plane 3, whose
 * characters are wide in every version; the emulator's own table of emoji is
 * years old. */
#define FILTER_PROXY_BASE 0x30000U
static inline uint32_t filter_unproxy(uint32_t ch)
{
	return ch >= FILTER_PROXY_BASE && ch <= 0x3ffff ? ch - FILTER_PROXY_BASE + 0x10000 : ch;
}

struct filter_ops {
	void (*pass)(void *user, const char *bytes, size_t len); /* at most FILTER_CHUNK at a time */
	void (*title)(void *user, const char *bytes, size_t len); /* as the guest sent it */
	void (*clear_history)(void *user);
	/* The data of an OSC 52, in pieces; then once with NULL: len 1 when it was complete. */
	void (*clipboard)(void *user, const char *bytes, size_t len);
};

#define FILTER_CHUNK 4096
#define FILTER_ARGS 32

struct filter {
	enum { FILTER_GROUND, FILTER_ESCAPE, FILTER_CSI, FILTER_STRING, FILTER_STRING_ESCAPE } state;
	char intermediate; /* of an escape or control sequence, 0: none */
	bool bad;          /* the sequence is to be dropped at its end */

	char leader; /* one of < = > ?, or 0 */
	struct filter_arg {
		uint32_t value;
		bool given;
		bool more; /* a colon follows: the next one belongs to this */
	} args[FILTER_ARGS];
	size_t count;

	char string_kind; /* ']' OSC, 'P' DCS, 'k' screen's title, 0: swallowed */
	char string[256];
	size_t string_len;
	bool string_cut;
	int clipboard;     /* semicolons seen of an OSC 52: 2 and its data follow; -1: it is none */

	char pending[4]; /* a character whose last bytes have not come yet */
	size_t pending_len;
	unsigned marks;  /* combining marks in a row */
	char last[4];    /* what REP repeats */
	size_t last_len;
	bool cursor_hidden;
	/* Which set each of G0-G3 holds (0: ASCII) and which one is shifted in; a saved cursor takes them along. */
	struct filter_sets {
		char set[4], shift;
	} sets, saved;
	bool high;       /* what was put last is not ASCII */

	size_t out_len;
	char out[FILTER_CHUNK];
};

void filter_init(struct filter *filter);
/* `cols`: a REP repeats at most that often. */
void filter_feed(struct filter *filter, const struct filter_ops *ops, void *user, const char *bytes, size_t len,
                 int cols);

#endif
