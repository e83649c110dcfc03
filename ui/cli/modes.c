/* SPDX-License-Identifier: Apache-2.0
 *
 * modes.c - what a guest has switched on in our terminal, and how to undo it.
 */
#include "cli/modes.h"

#include <string.h>

/* `rest` is how the terminal stands when nobody has touched it. */
static const struct {
	int number;
	bool rest;
	const char *undo;
} known[] = {
	{ 1049, false, "\033[?1049l" }, { 1047, false, "\033[?1047l" }, { 47, false, "\033[?47l" },
	{ 1000, false, "\033[?1000l" }, { 1002, false, "\033[?1002l" }, { 1003, false, "\033[?1003l" },
	{ 1004, false, "\033[?1004l" }, { 1005, false, "\033[?1005l" }, { 1006, false, "\033[?1006l" },
	{ 1015, false, "\033[?1015l" }, { 2004, false, "\033[?2004l" }, { 1, false, "\033[?1l" },
	{ 5, false, "\033[?5l" },       { 25, true, "\033[?25h" },      { 7, true, "\033[?7h" },
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

enum { TEXT, ESC, CSI, PRIVATE };

static void set(struct modes *m, bool high)
{
	for (int i = 0; i < m->count; i++) {
		for (size_t k = 0; k < KNOWN; k++) {
			if (known[k].number != m->numbers[i])
				continue;
			if (high == known[k].rest)
				m->on &= ~(1U << k);
			else
				m->on |= 1U << k;
		}
	}
}

void modes_follow(struct modes *m, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (c == '\033') {
			m->state = ESC;
			continue;
		}
		switch (m->state) {
		case TEXT: {
			/* Most bytes are text: skip to the next escape at once. */
			const char *next = memchr(bytes + i, '\033', len - i);

			if (!next)
				return;
			i = (size_t)(next - bytes) - 1;
			break;
		}
		case ESC:
			m->state = c == '[' ? CSI : TEXT;
			if (c == '=' || c == '>')
				m->keypad = c == '=';
			else if (c == 'c')
				m->on = 0;
			break;
		case CSI:
			m->state = c == '?' ? PRIVATE : TEXT;
			m->numbers[0] = 0;
			m->count = 1;
			break;
		case PRIVATE:
			if (c >= '0' && c <= '9') {
				int *n = &m->numbers[m->count - 1];

				*n = *n < 100000 ? *n * 10 + (c - '0') : *n;
			} else if (c == ';') {
				if (m->count < 8)
					m->count++;
				m->numbers[m->count - 1] = 0;
			} else {
				if (c == 'h' || c == 'l')
					set(m, c == 'h');
				m->state = TEXT;
			}
			break;
		}
	}
}

size_t modes_undo(const struct modes *m, char *out, size_t cap)
{
	size_t used = 0;

	for (size_t k = 0; k < KNOWN + 2; k++) {
		const char *undo = k < KNOWN ? known[k].undo : k == KNOWN ? "\033>" : "\033[0m";

		if (k < KNOWN ? !(m->on & 1U << k) : k == KNOWN ? !m->keypad : false)
			continue;
		size_t n = strlen(undo);
		if (used + n > cap)
			break;
		memcpy(out + used, undo, n); /* NOLINT(bugprone-not-null-terminated-result): bytes, with their length */
		used += n;
	}
	return used;
}

/* Keeps account of escape sequences: after an answer of the terminal a line still begins where it began. */
static void follow_line(struct escape *e, char c)
{
	if (c == '\033') {
		e->before = e->line_start;
		e->line_start = false;
		e->sequence = 1;
	} else if (e->sequence == 1) {
		e->sequence = c == '[' ? 2 : 0;
	} else if (e->sequence == 2) {
		if (c >= '@' && c <= '~') {
			/* Cursor and status reports, attributes, modes, sizes. */
			e->line_start = strchr("Rncyt", c) && e->before;
			e->sequence = 0;
		}
	} else {
		e->line_start = c == '\r' || c == '\n';
	}
}

enum escape_act escape_filter(struct escape *e, const char *in, size_t len, size_t *used, char *out, size_t *out_len)
{
	size_t n = 0, i = 0;

	while (i < len) {
		char c = in[i++];

		if (e->tilde) {
			e->tilde = false;
			if (c == '.' || c == '?') {
				e->line_start = c == '?';
				*used = i;
				*out_len = n;
				return c == '.' ? ESCAPE_END : ESCAPE_HELP;
			}
			out[n++] = '~';
			if (c == '~') {
				e->line_start = false;
				continue;
			}
		} else if (e->line_start && c == '~') {
			e->tilde = true;
			continue;
		}
		follow_line(e, c);
		out[n++] = c;
	}
	*used = i;
	*out_len = n;
	return ESCAPE_NONE;
}
