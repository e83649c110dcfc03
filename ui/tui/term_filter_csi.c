/* SPDX-License-Identifier: Apache-2.0
 *
 * term_filter_csi.c - control sequences, read to their end and built anew: ESC [ arguments final.
 */
#include "term_filter_parts.h"

#include <string.h>

#define VALUE_MAX 9999 /* no screen is larger, no mode has a higher number */
#define PASS_ARGS 12   /* well below the sixteen the emulator has room for */

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
static void put_csi(struct filter_run *run, const char *prefix, const uint32_t *values, size_t count, char final)
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
	filter_put(run, out, n);
}

static void put_sgr(struct filter_run *run, uint32_t value)
{
	put_csi(run, "", &value, 1, 'm');
}

/* A colour of SGR 38, 48 or 58 that begins at argument i; returns how many
 * arguments it takes. `what` 0: only step over it. */
static size_t sgr_colour(struct filter_run *run, size_t i, uint32_t what)
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

static void dispatch_sgr(struct filter_run *run)
{
	struct filter *f = run->filter;
	size_t i = 0;

	if (f->count == 0)
		filter_put_text(run, "\033[m");
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
				filter_put_text(run, "\033[24m");
			else if (value == 2)
				put_sgr(run, 10 + FILTER_FONT_DIM);
			else if (value == 8)
				put_sgr(run, 10 + FILTER_FONT_CONCEAL);
			else if (value == 22)
				filter_put_text(run, "\033[22;10m");
			else if (value == 28)
				filter_put_text(run, "\033[10m");
			else if (value <= 9 || (value >= 20 && value <= 49) || (value >= 90 && value <= 107))
				put_sgr(run, value);
		}
		i += takes;
	}
}

/* One sequence for each mode: the emulator reads only the first of a list. */
static void dispatch_modes(struct filter_run *run, char final)
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
			filter_after_restore(run);
	}
}

static void repeat_last(struct filter_run *run)
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
		filter_put(run, f->last, f->last_len);
}

static void pass_csi(struct filter_run *run, char final)
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
	filter_put(run, out, n);
}

static void soft_reset(struct filter_run *run)
{
	run->filter->cursor_hidden = false;
	run->filter->sets.set[0] = run->filter->sets.shift = 0;
	run->filter->saved = run->filter->sets;
	filter_put_text(run, "\033[4l\033[?1l\033[?6l\033[?25h\033[m\033>\033(B\017\0337\033[r\0338\033[1g");
}

static void dispatch_csi(struct filter_run *run, char final)
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
			filter_put_text(run, "\033[0 q");
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
			filter_put_text(run, "\0337");
		}
		break;
	case 'u':
		filter_put_text(run, "\0338");
		filter_after_restore(run);
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

void filter_csi_byte(struct filter_run *run, unsigned char c)
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
