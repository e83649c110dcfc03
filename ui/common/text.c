/* SPDX-License-Identifier: Apache-2.0
 *
 * text.c - the cleaner of foreign text, see text.h for its rules.
 */
#include "text.h"

#include <string.h>

#define TAB 8
#define MAX_MARKS 3

struct range {
	uint32_t from, to;
};

/* Sorted. No width of their own, or they reorder or hide their neighbours. */
static const struct range hidden[] = {
	{ 0x00ad, 0x00ad }, { 0x034f, 0x034f }, { 0x061c, 0x061c }, { 0x115f, 0x1160 }, { 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x13430, 0x1345f },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

/* Sorted. The blocks made of combining marks only: those that pile up. */
static const struct range marks[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x064b, 0x065f }, { 0x0e34, 0x0e3a },
	{ 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0x302a, 0x302f },
	{ 0x3099, 0x309a }, { 0xfe20, 0xfe2f },
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t ch)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (ch < ranges[mid].from)
			high = mid;
		else if (ch > ranges[mid].to)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

static bool is_hidden(uint32_t ch)
{
	return in_ranges(hidden, sizeof(hidden) / sizeof(hidden[0]), ch);
}

static bool is_mark(uint32_t ch)
{
	return in_ranges(marks, sizeof(marks) / sizeof(marks[0]), ch);
}

static bool is_control(uint32_t ch)
{
	return ch < 0x20 || (ch >= 0x7f && ch <= 0x9f);
}

/* Neither a surrogate nor one of the code points set aside as "never a character". */
static bool is_character(uint32_t ch)
{
	return ch <= 0x10ffff && !(ch >= 0xd800 && ch <= 0xdfff) && !(ch >= 0xfdd0 && ch <= 0xfdef) &&
	       (ch & 0xfffe) != 0xfffe;
}

bool text_unsafe(uint32_t ch)
{
	return is_control(ch) || !is_character(ch) || ch == 0x2028 || ch == 0x2029 || is_hidden(ch);
}

size_t text_decode(const char *in, size_t len, uint32_t *ch)
{
	const unsigned char *p = (const unsigned char *)in;
	uint32_t value, least;
	size_t need, i;

	*ch = TEXT_BAD;
	if (len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ch = p[0];
		return 1;
	}
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 1;
		value = p[0] & 0x1f;
		least = 0x80;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 2;
		value = p[0] & 0x0f;
		least = 0x800;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 3;
		value = p[0] & 0x07;
		least = 0x10000;
	} else {
		return 1;
	}
	for (i = 1; i <= need; i++) {
		if (i >= len || (p[i] & 0xc0) != 0x80)
			return i;
		value = value << 6 | (p[i] & 0x3fU);
	}
	if (value >= least && is_character(value))
		*ch = value;
	return need + 1;
}

size_t text_encode(char out[4], uint32_t ch)
{
	if (!is_character(ch))
		ch = '?';
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		out[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	out[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

/* The end of a string sequence (OSC, DCS, ...) whose first byte is in[i]: behind
 * its terminator, or at the control character that breaks it off. */
static size_t skip_string(const char *in, size_t len, size_t i)
{
	while (i < len) {
		unsigned char c = (unsigned char)in[i];
		if (c == 0x07)
			return i + 1;
		if (c == 0x1b)
			return i + 1 < len && in[i + 1] == '\\' ? i + 2 : i;
		if (c == 0xc2 && i + 1 < len && (unsigned char)in[i + 1] == 0x9c)
			return i + 2;
		if (c < 0x20 || c == 0x7f)
			return i;
		i++;
	}
	return i;
}

static size_t skip_csi(const char *in, size_t len, size_t i)
{
	while (i < len && in[i] >= 0x20 && in[i] <= 0x3f)
		i++;
	return i < len && in[i] >= 0x40 && in[i] <= 0x7e ? i + 1 : i;
}

/* in[i] follows an ESC. */
static size_t skip_escape(const char *in, size_t len, size_t i)
{
	if (i >= len)
		return i;
	switch (in[i]) {
	case '[':
		return skip_csi(in, len, i + 1);
	case ']': case 'P': case 'X': case '^': case '_':
		return skip_string(in, len, i + 1);
	default:
		while (i < len && in[i] >= 0x20 && in[i] <= 0x2f)
			i++;
		return i < len && in[i] >= 0x30 && in[i] <= 0x7e ? i + 1 : i;
	}
}

struct writer {
	char *out;
	size_t cap, used; /* cap without the NUL */
	size_t chars;     /* for tabs */
	bool full;
};

static void write_bytes(struct writer *w, const char *bytes, size_t len)
{
	if (w->full || len > w->cap - w->used) {
		w->full = true; /* a later, shorter character must not slip in behind the cut */
		return;
	}
	memcpy(w->out + w->used, bytes, len);
	w->used += len;
}

static void write_char(struct writer *w, uint32_t ch)
{
	char utf8[4];
	size_t n = text_encode(utf8, ch);
	write_bytes(w, utf8, n);
	w->chars++;
}

size_t text_clean(char *out, size_t cap, const char *in, size_t len)
{
	struct writer w = { .out = out, .cap = cap ? cap - 1 : 0 };
	unsigned run = MAX_MARKS; /* a mark with nothing below it would hang on what stands before our text */
	size_t i = 0;

	if (cap == 0)
		return 0;
	while (i < len && !w.full) {
		uint32_t ch;
		i += text_decode(in + i, len - i, &ch);
		if (ch == TEXT_BAD) {
			write_char(&w, '?');
			run = 0;
		} else if (ch == 0x1b) {
			i = skip_escape(in, len, i);
		} else if (ch == 0x9b) {
			i = skip_csi(in, len, i);
		} else if (ch == 0x9d || ch == 0x90 || ch == 0x98 || ch == 0x9e || ch == 0x9f) {
			i = skip_string(in, len, i);
		} else if (ch == '\t') {
			do
				write_char(&w, ' ');
			while (w.chars % TAB && !w.full);
			run = 0;
		} else if ((ch >= '\n' && ch <= '\r') || ch == 0x2028 || ch == 0x2029) {
			if (ch == '\r' && i < len && in[i] == '\n')
				i++;
			if (i < len)
				write_char(&w, ' ');
			run = 0;
		} else if (is_control(ch)) {
			write_char(&w, '?');
			run = 0;
		} else if (is_hidden(ch)) {
			continue;
		} else if (is_mark(ch)) {
			if (run < MAX_MARKS) {
				write_char(&w, ch);
				w.chars--;
				run++;
			}
		} else {
			write_char(&w, ch);
			run = 0;
		}
	}
	out[w.used] = '\0';
	return w.used;
}
