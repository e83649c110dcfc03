/* SPDX-License-Identifier: Apache-2.0
 *
 * term_filter.c - reads a guest's bytes and passes on what is whole and bounded: text, strings, escapes.
 */
#include "term_filter_parts.h"

#include <string.h>

#include "common/text.h"
#include "screen.h"

#define MAX_MARKS 3

void filter_init(struct filter *filter)
{
	memset(filter, 0, sizeof(*filter));
}

static void flush(struct filter_run *run)
{
	if (run->filter->out_len > 0)
		run->ops->pass(run->user, run->filter->out, run->filter->out_len);
	run->filter->out_len = 0;
}

void filter_put(struct filter_run *run, const char *bytes, size_t len)
{
	struct filter *f = run->filter;
	if (len > sizeof(f->out) - f->out_len)
		flush(run);
	memcpy(f->out + f->out_len, bytes, len);
	f->out_len += len;
}

void filter_put_text(struct filter_run *run, const char *text)
{
	filter_put(run, text, strlen(text));
}

/* The emulator restores a saved position without asking whether the screen is
 * still that large, and the cursor's visibility with it, which belongs to
 * nobody's saved cursor. TBC 1 does nothing but have the position checked. */
void filter_after_restore(struct filter_run *run)
{
	static const char *const shifts[4] = { "\017", "\016", "\033n", "\033o" };
	struct filter *f = run->filter;
	size_t i;

	for (i = 0; i < 4; i++) {
		char out[3] = { 033, "()*+"[i], f->saved.set[i] != 0 ? f->saved.set[i] : 'B' };
		if (f->saved.set[i] != f->sets.set[i])
			filter_put(run, out, sizeof out);
	}
	if (f->saved.shift != f->sets.shift)
		filter_put_text(run, shifts[(size_t)f->saved.shift]);
	f->sets = f->saved;
	filter_put_text(run, run->filter->cursor_hidden ? "\033[1g\033[?25l" : "\033[1g\033[?25h");
}

/* ---- text */

static void put_char(struct filter_run *run, uint32_t ch)
{
	struct filter *f = run->filter;
	char utf8[4];
	size_t len;
	int width = char_width(ch);

	if (text_unsafe(ch)) {
		/* Nothing of it is shown, but columns it would have taken stay. */
		for (; ch >= 0xa0 && width > 0; width--)
			filter_put_text(run, " ");
		return;
	}
	f->high = true;
	if (width == 0) {
		if (++f->marks > MAX_MARKS)
			return;
		filter_put(run, utf8, text_encode(utf8, ch));
		return;
	}
	f->marks = 0;
	if (ch >= 0x30000 && ch <= 0x3ffff) {
		filter_put_text(run, width == 2 ? "\xef\xbf\xbd " : "\xef\xbf\xbd");
		return;
	}
	if (width == 2 && ch >= 0x10000 && ch <= 0x1ffff)
		ch = ch - 0x10000 + FILTER_PROXY_BASE;
	len = text_encode(utf8, ch);
	filter_put(run, utf8, len);
	memcpy(f->last, utf8, len);
	f->last_len = len;
}

static void finish_pending(struct filter_run *run)
{
	struct filter *f = run->filter;
	uint32_t ch;
	if (f->pending_len == 0)
		return;
	if (text_decode(f->pending, f->pending_len, &ch) != f->pending_len || ch == TEXT_BAD)
		ch = 0xfffd;
	f->pending_len = 0;
	put_char(run, ch);
}

static size_t utf8_need(unsigned char lead)
{
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xc2 && lead < 0xe0 ? 2 : 1;
}

/* A byte above 0x7f. */
static void high_byte(struct filter_run *run, unsigned char c)
{
	struct filter *f = run->filter;
	if (f->pending_len > 0 && (c & 0xc0) != 0x80)
		finish_pending(run);
	f->pending[f->pending_len++] = (char)c;
	if (f->pending_len >= utf8_need((unsigned char)f->pending[0]))
		finish_pending(run);
}

/* ---- escape sequences */

static void begin_string(struct filter_run *run, char kind)
{
	struct filter *f = run->filter;
	f->state = FILTER_STRING;
	f->string_kind = kind;
	f->string_len = 0;
	f->string_cut = false;
	f->clipboard = kind == ']' ? 0 : -1;
}

/* DECRQSS, by which an editor learns the pen, the margins and the cursor's
 * shape. For any other 0.1.4 prints a number as if it were a string. */
static bool status_query(const char *s, size_t len)
{
	return (len == 3 && (memcmp(s, "$qm", 3) == 0 || memcmp(s, "$qr", 3) == 0)) ||
	       (len == 4 && (memcmp(s, "$q q", 4) == 0 || memcmp(s, "$q\"q", 4) == 0));
}

static void end_string(struct filter_run *run)
{
	struct filter *f = run->filter;
	const char *s = f->string;
	size_t len = f->string_len;

	f->state = FILTER_GROUND;
	if (f->clipboard == 2) {
		run->ops->clipboard(run->user, NULL, 1);
		return;
	}
	if (f->string_kind == 'k') {
		run->ops->title(run->user, s, len);
	} else if (f->string_kind == ']' && len >= 2 && (s[0] == '0' || s[0] == '2') && s[1] == ';') {
		run->ops->title(run->user, s + 2, len - 2);
	} else if (f->string_kind == 'P' && !f->string_cut && status_query(s, len)) {
		filter_put_text(run, "\033P");
		filter_put(run, s, len);
		filter_put_text(run, "\033\\");
	}
}

static void string_byte(struct filter_run *run, unsigned char c)
{
	struct filter *f = run->filter;
	/* A title has no line ends: one means that its terminator was lost. The
	 * other strings carry lines of data. */
	if (c == 0x07) {
		end_string(run);
	} else if ((f->string_kind == ']' || f->string_kind == 'k') && (c == '\n' || c == '\r')) {
		end_string(run);
		filter_put(run, (const char *)&c, 1);
	} else if (c >= 0x20) {
		if (f->clipboard == 2) {
			char byte = (char)c;
			run->ops->clipboard(run->user, &byte, 1);
			return;
		}
		if (f->clipboard >= 0 && c == ';')
			f->clipboard = f->clipboard > 0 || (f->string_len == 2 && memcmp(f->string, "52", 2) == 0) ? f->clipboard + 1 : -1;
		if (f->string_len < sizeof(f->string))
			f->string[f->string_len++] = (char)c;
		else
			f->string_cut = true;
	}
}

static void dispatch_escape(struct filter_run *run, char final)
{
	struct filter *f = run->filter;
	static const char names[] = "()*+";
	char out[3] = { 033, final, 0 };
	const char *which = f->intermediate != 0 ? strchr(names, f->intermediate) : NULL;

	f->state = FILTER_GROUND;
	if (f->bad)
		return;
	if (f->intermediate != 0) {
		/* Character sets and the alignment pattern; not double-width lines,
		 * not 8-bit answers, not another encoding. The emulator would take
		 * some bytes behind the intermediate one for the begin of another
		 * sequence, so only known ones go through. */
		if (which != NULL) {
			final = strchr("0A", final) ? final : 'B';
			f->sets.set[which - names] = final != 'B' ? final : '\0';
		} else if (f->intermediate != '#' || final != '8') {
			return;
		}
		filter_put(run, out, 1);
		filter_put(run, &f->intermediate, 1);
		filter_put(run, &final, 1);
		return;
	}
	switch (final) {
	case 'c':
		f->cursor_hidden = false;
		memset(&f->sets, 0, sizeof f->sets);
		f->saved = f->sets;
		f->last_len = 0;
		filter_put_text(run, "\033c\0337"); /* a restore without a save would hide the cursor */
		break;
	case '8':
		filter_put_text(run, "\0338");
		filter_after_restore(run);
		break;
	case '7':
		f->saved = f->sets;
		filter_put(run, out, 2);
		break;
	case 'n': case 'o':
		f->sets.shift = final == 'n' ? 2 : 3;
		filter_put(run, out, 2);
		break;
	case '=': case '>': case 'D': case 'E': case 'H': case 'M': case 'N': case 'O':
	case '|': case '}': case '~':
		filter_put(run, out, 2);
		break;
	default:
		break;
	}
}

static void escape_byte(struct filter_run *run, unsigned char c)
{
	struct filter *f = run->filter;
	if (c >= 0x20 && c <= 0x2f) {
		f->bad = f->bad || f->intermediate != 0;
		f->intermediate = (char)c;
		return;
	}
	if (f->intermediate == 0 && !f->bad) {
		switch (c) {
		case '[':
			f->state = FILTER_CSI;
			f->leader = 0;
			f->count = 0;
			return;
		case ']': case 'P': case 'k':
			begin_string(run, (char)c);
			return;
		case 'X': case '^': case '_':
			begin_string(run, 0);
			return;
		}
	}
	dispatch_escape(run, (char)c);
}

/* ---- all */

static void other_byte(struct filter_run *run, unsigned char c)
{
	struct filter *f = run->filter;

	finish_pending(run);
	if (c == 0x18 || c == 0x1a) {
		f->state = FILTER_GROUND;
	} else if (c == 0x1b) {
		f->state = f->state == FILTER_STRING ? FILTER_STRING_ESCAPE : FILTER_ESCAPE;
		f->intermediate = 0;
		f->bad = false;
	} else if (f->state == FILTER_STRING) {
		string_byte(run, c);
	} else if (c >= 0x07 && c <= 0x0f) { /* BEL BS HT LF VT FF CR SO SI: also inside a sequence */
		if (c >= 0x0e)
			f->sets.shift = c == 0x0e;
		filter_put(run, (const char *)&c, 1);
	}
}

void filter_feed(struct filter *f, const struct filter_ops *ops, void *user, const char *bytes, size_t len, int cols)
{
	struct filter_run run = { f, ops, user, cols };
	size_t i = 0;

	while (i < len) {
		unsigned char c = (unsigned char)bytes[i];
		if (c < 0x20 || c == 0x7f) {
			other_byte(&run, c);
			i++;
		} else if (f->state == FILTER_GROUND && c < 0x7f) {
			size_t start = i;
			finish_pending(&run);
			if (f->high) /* else the emulator would not look ASCII up in the chosen set */
				flush(&run);
			f->high = false;
			while (i < len && i - start < FILTER_CHUNK && bytes[i] >= 0x20 && bytes[i] < 0x7f)
				i++;
			filter_put(&run, bytes + start, i - start);
			f->marks = 0;
			f->last[0] = bytes[i - 1];
			f->last_len = 1;
		} else if (f->state == FILTER_STRING) {
			string_byte(&run, c);
			i++;
		} else if (f->state == FILTER_STRING_ESCAPE) {
			/* ST, or an escape sequence that cuts the string off: either way it ends here. */
			end_string(&run);
			f->state = c == '\\' ? FILTER_GROUND : FILTER_ESCAPE;
			i += c == '\\';
		} else if (c >= 0x80) {
			/* No sequence has such a byte: one that is under way is broken. */
			f->state = FILTER_GROUND;
			high_byte(&run, c);
			i++;
		} else {
			if (f->state == FILTER_ESCAPE)
				escape_byte(&run, c);
			else
				filter_csi_byte(&run, c);
			i++;
		}
	}
	flush(&run);
}
