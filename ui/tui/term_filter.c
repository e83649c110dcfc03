/* SPDX-License-Identifier: Apache-2.0
 *
 * term_filter.c - reads a guest's bytes and passes on what is whole and bounded.
 */
#include "term_filter.h"

#include <string.h>

#include "common/text.h"
#include "screen.h"

#define VALUE_MAX 9999 /* no screen is larger, no mode has a higher number */
#define PASS_ARGS 12   /* well below the sixteen the emulator has room for */
#define MAX_MARKS 3

struct run {
	struct filter *filter;
	const struct filter_ops *ops;
	void *user;
	int cols;
};

void filter_init(struct filter *filter)
{
	memset(filter, 0, sizeof(*filter));
}

static void flush(struct run *run)
{
	if (run->filter->out_len > 0)
		run->ops->pass(run->user, run->filter->out, run->filter->out_len);
	run->filter->out_len = 0;
}

static void put(struct run *run, const char *bytes, size_t len)
{
	struct filter *f = run->filter;
	if (len > sizeof(f->out) - f->out_len)
		flush(run);
	memcpy(f->out + f->out_len, bytes, len);
	f->out_len += len;
}

static void put_text(struct run *run, const char *text)
{
	put(run, text, strlen(text));
}

/* The emulator restores a saved position without asking whether the screen is
 * still that large, and the cursor's visibility with it, which belongs to
 * nobody's saved cursor. TBC 1 does nothing but have the position checked. */
static void after_restore(struct run *run)
{
	static const char *const shifts[4] = { "\017", "\016", "\033n", "\033o" };
	struct filter *f = run->filter;
	size_t i;

	for (i = 0; i < 4; i++) {
		char out[3] = { 033, "()*+"[i], f->saved.set[i] != 0 ? f->saved.set[i] : 'B' };
		if (f->saved.set[i] != f->sets.set[i])
			put(run, out, sizeof out);
	}
	if (f->saved.shift != f->sets.shift)
		put_text(run, shifts[(size_t)f->saved.shift]);
	f->sets = f->saved;
	put_text(run, run->filter->cursor_hidden ? "\033[1g\033[?25l" : "\033[1g\033[?25h");
}

/* ---- text */

static void put_char(struct run *run, uint32_t ch)
{
	struct filter *f = run->filter;
	char utf8[4];
	size_t len;
	int width = char_width(ch);

	if (text_unsafe(ch)) {
		/* Nothing of it is shown, but columns it would have taken stay. */
		for (; ch >= 0xa0 && width > 0; width--)
			put_text(run, " ");
		return;
	}
	f->high = true;
	if (width == 0) {
		if (++f->marks > MAX_MARKS)
			return;
		put(run, utf8, text_encode(utf8, ch));
		return;
	}
	f->marks = 0;
	if (ch >= 0x30000 && ch <= 0x3ffff) {
		put_text(run, width == 2 ? "\xef\xbf\xbd " : "\xef\xbf\xbd");
		return;
	}
	if (width == 2 && ch >= 0x10000 && ch <= 0x1ffff)
		ch = ch - 0x10000 + FILTER_PROXY_BASE;
	len = text_encode(utf8, ch);
	put(run, utf8, len);
	memcpy(f->last, utf8, len);
	f->last_len = len;
}

static void finish_pending(struct run *run)
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
static void high_byte(struct run *run, unsigned char c)
{
	struct filter *f = run->filter;
	if (f->pending_len > 0 && (c & 0xc0) != 0x80)
		finish_pending(run);
	f->pending[f->pending_len++] = (char)c;
	if (f->pending_len >= utf8_need((unsigned char)f->pending[0]))
		finish_pending(run);
}

/* ---- escape sequences */

static void soft_reset(struct run *run)
{
	run->filter->cursor_hidden = false;
	run->filter->sets.set[0] = run->filter->sets.shift = 0;
	run->filter->saved = run->filter->sets;
	put_text(run, "\033[4l\033[?1l\033[?6l\033[?25h\033[m\033>\033(B\017\0337\033[r\0338\033[1g");
}

static void begin_string(struct run *run, char kind)
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

static void end_string(struct run *run)
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
		put_text(run, "\033P");
		put(run, s, len);
		put_text(run, "\033\\");
	}
}

static void string_byte(struct run *run, unsigned char c)
{
	struct filter *f = run->filter;
	/* A title has no line ends: one means that its terminator was lost. The
	 * other strings carry lines of data. */
	if (c == 0x07) {
		end_string(run);
	} else if ((f->string_kind == ']' || f->string_kind == 'k') && (c == '\n' || c == '\r')) {
		end_string(run);
		put(run, (const char *)&c, 1);
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

static void dispatch_escape(struct run *run, char final)
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
		put(run, out, 1);
		put(run, &f->intermediate, 1);
		put(run, &final, 1);
		return;
	}
	switch (final) {
	case 'c':
		f->cursor_hidden = false;
		memset(&f->sets, 0, sizeof f->sets);
		f->saved = f->sets;
		f->last_len = 0;
		put_text(run, "\033c\0337"); /* a restore without a save would hide the cursor */
		break;
	case '8':
		put_text(run, "\0338");
		after_restore(run);
		break;
	case '7':
		f->saved = f->sets;
		put(run, out, 2);
		break;
	case 'n': case 'o':
		f->sets.shift = final == 'n' ? 2 : 3;
		put(run, out, 2);
		break;
	case '=': case '>': case 'D': case 'E': case 'H': case 'M': case 'N': case 'O':
	case '|': case '}': case '~':
		put(run, out, 2);
		break;
	default:
		break;
	}
}

static void escape_byte(struct run *run, unsigned char c)
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

/* ---- control sequences */

static void csi_begin_arg(struct filter *f)
{
	if (f->count < FILTER_ARGS)
		memset(&f->args[f->count++], 0, sizeof(f->args[0]));
	else
		f->bad = true;
}

static uint32_t arg(const struct filter *f, size_t i, uint32_t otherwise)
{
	return i < f->count && f->args[i].given ? f->args[i].value : otherwise;
}

/* At most four digits; printf would be half of all the work here. */
static size_t number(char *out, uint32_t value)
{
	char digits[4];
	size_t n = 0, len = 0;
	do
		digits[n++] = (char)('0' + value % 10);
	while ((value /= 10) > 0 && n < sizeof(digits));
	while (n > 0)
		out[len++] = digits[--n];
	return len;
}

/* ESC [ prefix a ; b ; ... final */
static void put_csi(struct run *run, const char *prefix, const uint32_t *values, size_t count, char final)
{
	char out[PASS_ARGS * 5 + 8];
	size_t n = 0;

	out[n++] = 033;
	out[n++] = '[';
	if (*prefix != '\0')
		out[n++] = *prefix;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			out[n++] = ';';
		n += number(out + n, values[i]);
	}
	out[n++] = final;
	put(run, out, n);
}

static void put_sgr(struct run *run, uint32_t value)
{
	put_csi(run, "", &value, 1, 'm');
}

/* A colour of SGR 38, 48 or 58 that begins at argument i; returns how many
 * arguments it takes. `what` 0: only step over it. */
static size_t sgr_colour(struct run *run, size_t i, uint32_t what)
{
	struct filter *f = run->filter;
	bool colons = f->args[i].more;
	size_t end = i + 1, at = i + 2;
	uint32_t kind = arg(f, i + 1, 0);

	if (colons) {
		while (end < f->count && f->args[end - 1].more)
			end++;
		if (kind == 2 && end - i >= 6)
			at++; /* 38:2:SPACE:r:g:b */
	} else {
		end = i + 2 + (kind == 5 ? 1 : kind == 2 ? 3 : 0);
		if (end > f->count)
			return f->count - i;
	}
	if (what == 0)
		return end - i;
	if (kind == 5 && at < end && arg(f, at, 0) <= 255) {
		uint32_t indexed[] = { what, 5, arg(f, at, 0) };
		put_csi(run, "", indexed, 3, 'm');
	} else if (kind == 2 && at + 2 < end && arg(f, at, 0) <= 255 && arg(f, at + 1, 0) <= 255 &&
	           arg(f, at + 2, 0) <= 255) {
		uint32_t rgb[] = { what, 2, arg(f, at, 0), arg(f, at + 1, 0), arg(f, at + 2, 0) };
		put_csi(run, "", rgb, 5, 'm');
	}
	return end - i;
}

static void dispatch_sgr(struct run *run)
{
	struct filter *f = run->filter;
	size_t i = 0;

	if (f->count == 0)
		put_text(run, "\033[m");
	while (i < f->count) {
		uint32_t value = arg(f, i, 0);
		size_t takes = 1;
		if (value == 38 || value == 48 || value == 58) {
			takes = sgr_colour(run, i, value == 58 ? 0 : value);
		} else {
			bool off = value == 4 && f->args[i].more && arg(f, i + 1, 1) == 0; /* 4:0 */
			while (i + takes < f->count && f->args[i + takes - 1].more)
				takes++;
			if (off)
				put_text(run, "\033[24m");
			else if (value == 2)
				put_sgr(run, 10 + FILTER_FONT_DIM);
			else if (value == 8)
				put_sgr(run, 10 + FILTER_FONT_CONCEAL);
			else if (value == 22)
				put_text(run, "\033[22;10m");
			else if (value == 28)
				put_text(run, "\033[10m");
			else if (value <= 9 || (value >= 20 && value <= 49) || (value >= 90 && value <= 107))
				put_sgr(run, value);
		}
		i += takes;
	}
}

/* One sequence for each mode: the emulator reads only the first of a list. */
static void dispatch_modes(struct run *run, char final)
{
	struct filter *f = run->filter;
	for (size_t i = 0; i < f->count; i++) {
		uint32_t mode = arg(f, i, 0);
		/* Not the left and right margins: no terminal description we offer
		 * has them, and the emulator does not keep them inside the screen. */
		if (mode == 0 || (f->leader == '?' && mode == 69))
			continue;
		put_csi(run, f->leader == '?' ? "?" : "", &mode, 1, final);
		if (f->leader != '?')
			continue;
		if (final == 'h' && (mode == 1049 || mode == 1048))
			f->saved = f->sets;
		if (mode == 25)
			f->cursor_hidden = final == 'l';
		if (final == 'l' && (mode == 47 || mode == 1047))
			f->saved = f->sets; /* these have saved nothing */
		if (final == 'l' && (mode == 1049 || mode == 1048 || mode == 47 || mode == 1047))
			after_restore(run);
	}
}

static void repeat_last(struct run *run)
{
	struct filter *f = run->filter;
	uint32_t times = arg(f, 0, 1);
	if (f->last_len == 0)
		return;
	if (times == 0)
		times = 1;
	if (times > (uint32_t)run->cols)
		times = (uint32_t)run->cols;
	while (times-- > 0)
		put(run, f->last, f->last_len);
}

static void pass_csi(struct run *run, char final)
{
	struct filter *f = run->filter;
	char out[PASS_ARGS * 5 + 8];
	size_t n = 0, i;

	out[n++] = 033;
	out[n++] = '[';
	if (f->leader != 0)
		out[n++] = f->leader;
	for (i = 0; i < f->count && i < PASS_ARGS; i++) {
		if (i > 0)
			out[n++] = ';';
		if (f->args[i].given)
			n += number(out + n, f->args[i].value);
	}
	if (f->intermediate != 0)
		out[n++] = f->intermediate;
	out[n++] = final;
	put(run, out, n);
}

static void dispatch_csi(struct run *run, char final)
{
	struct filter *f = run->filter;

	f->state = FILTER_GROUND;
	if (f->bad)
		return;
	if (f->intermediate != 0) {
		bool known = (f->intermediate == ' ' && final == 'q') || (f->intermediate == '"' && final == 'q') ||
		             (f->intermediate == '$' && final == 'p') ||
		             (f->intermediate == '\'' && (final == '}' || final == '~'));
		if (f->intermediate == '!' && final == 'p' && f->leader == 0)
			soft_reset(run);
		else if (known && f->count > 0 && (f->leader == 0 || f->leader == '?'))
			pass_csi(run, final);
		else if (f->intermediate == ' ' && final == 'q' && f->leader == 0)
			put_text(run, "\033[0 q");
		return;
	}
	if (f->leader == '?') {
		if (final == 'h' || final == 'l')
			dispatch_modes(run, final);
		else if (final == 'J' || final == 'K' || final == 'n')
			pass_csi(run, final);
		return;
	}
	if (f->leader != 0) {
		if (f->leader == '>' && final == 'c' && arg(f, 0, 0) == 0)
			pass_csi(run, final);
		return;
	}
	switch (final) {
	case 'm':
		dispatch_sgr(run);
		break;
	case 'h': case 'l':
		dispatch_modes(run, final);
		break;
	case 'b':
		repeat_last(run);
		break;
	case 'J':
		if (arg(f, 0, 0) == 3)
			run->ops->clear_history(run->user);
		else
			pass_csi(run, final);
		break;
	case 's':
		if (f->count == 0) {
			f->saved = f->sets;
			put_text(run, "\0337");
		}
		break;
	case 'u':
		put_text(run, "\0338");
		after_restore(run);
		break;
	case '@': case 'A': case 'B': case 'C': case 'D': case 'E': case 'F': case 'G': case 'H': case 'I': case 'K':
	case 'L': case 'M': case 'P': case 'S': case 'T': case 'X': case 'Z': case '`': case 'a': case 'c': case 'd':
	case 'e': case 'f': case 'g': case 'j': case 'k': case 'n': case 'r':
		if (final != 'T' || f->count <= 1) /* with more it begins mouse highlighting */
			pass_csi(run, final);
		break;
	default:
		break;
	}
}

static void csi_byte(struct run *run, unsigned char c)
{
	struct filter *f = run->filter;

	if (c >= '0' && c <= ';') {
		struct filter_arg *a;
		if (f->intermediate != 0)
			f->bad = true;
		if (f->count == 0)
			csi_begin_arg(f);
		a = &f->args[f->count - 1];
		if (c <= '9') {
			a->given = true;
			a->value = a->value * 10 + (uint32_t)(c - '0');
			if (a->value > VALUE_MAX)
				a->value = VALUE_MAX;
		} else {
			a->more = c == ':';
			csi_begin_arg(f);
		}
	} else if (c >= 0x3c && c <= 0x3f) {
		if (f->leader != 0 || f->count > 0 || f->intermediate != 0)
			f->bad = true;
		f->leader = (char)c;
	} else if (c >= 0x20 && c <= 0x2f) {
		if (f->intermediate != 0)
			f->bad = true;
		f->intermediate = (char)c;
	} else {
		dispatch_csi(run, (char)c);
	}
}

/* ---- all */

static void other_byte(struct run *run, unsigned char c)
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
		put(run, (const char *)&c, 1);
	}
}

void filter_feed(struct filter *f, const struct filter_ops *ops, void *user, const char *bytes, size_t len, int cols)
{
	struct run run = { f, ops, user, cols };
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
			put(&run, bytes + start, i - start);
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
				csi_byte(&run, c);
			i++;
		}
	}
	flush(&run);
}
