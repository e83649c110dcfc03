/* SPDX-License-Identifier: Apache-2.0
 *
 * log_search.c - finding a text in a console's lines.
 */
#include "log_private.h"

#include <string.h>
#include <wctype.h>

#include "common/text.h"

static bool upper_in(const char *text)
{
	size_t at = 0, len = strlen(text);
	while (at < len) {
		uint32_t ch;
		at += text_decode(text + at, len - at, &ch);
		if (iswupper((wint_t)ch))
			return true;
	}
	return false;
}

/* The place of the needle in text from `at` on, and its length there. */
static const char *find_in(const char *text, const char *needle, bool folding, size_t *found_len)
{
	size_t needle_len = strlen(needle), len, i = 0;

	while (i < needle_len && (unsigned char)needle[i] < 0x80)
		i++;
	if (i == needle_len) { /* nearly always, and many times faster */
		*found_len = needle_len;
		return folding ? strcasestr(text, needle) : strstr(text, needle);
	}
	len = strlen(text);
	for (size_t at = 0; at < len;) {
		size_t a = at, b = 0;
		uint32_t x, y;
		while (b < needle_len && a < len) {
			size_t step_a = text_decode(text + a, len - a, &x);
			size_t step_b = text_decode(needle + b, needle_len - b, &y);
			if (folding ? towlower((wint_t)x) != towlower((wint_t)y) : x != y)
				break;
			a += step_a;
			b += step_b;
		}
		if (b == needle_len) {
			*found_len = a - at;
			return text + at;
		}
		at += text_decode(text + at, len - at, &x);
	}
	return NULL;
}

static void log_search(struct log_pane *p, int64_t from, bool up)
{
	bool folding = !upper_in(p->pager.needle);
	int64_t n;
	size_t len;

	p->pager.missed = true;
	if (from < p->first)
		from = up ? p->first - 1 : p->first;
	for (n = from; n >= p->first && n < log_view_end(p); n += up ? -1 : 1) {
		const char *line = log_line_at(p, n), *at = find_in(line, p->pager.needle, folding, &len);
		int64_t top;
		int row, used = 0;
		if (at == NULL)
			continue;
		p->pager.missed = false;
		p->match = n;
		log_current(p, &top, &row);
		if (n <= top || n >= top + p->rows - 1 || p->wrap) {
			top = n;
			row = 0;
			log_step(p, &top, &row, -(p->rows / 2));
			log_go(p, top, row);
		}
		/* sideways too, when it is cut off */
		for (const char *c = line; c < at;) {
			uint32_t ch;
			c += text_decode(c, strlen(c), &ch);
			used += char_width(ch);
		}
		if (!p->wrap && (used < p->left || used >= p->left + p->cols))
			p->left = used < p->cols ? 0 : used - p->cols / 2;
		return;
	}
}

void log_search_on(struct log_pane *p, bool up)
{
	int64_t top, from;
	int row;
	log_current(p, &top, &row);
	from = up ? top + p->rows - 1 : top;
	if (from >= log_view_end(p))
		from = log_view_end(p) - 1;
	if (p->match >= 0)
		from = p->match + (up ? -1 : 1);
	log_search(p, from, up);
}

void log_search_back(struct log_pane *p)
{
	p->match = -1;
	p->follow = p->began_follow;
	p->top = p->began_top;
	p->top_row = p->began_row;
}

void log_draw_matches(const struct log_pane *p, struct screen *screen, int row, int col, int cols, const char *text)
{
	bool folding = !upper_in(p->pager.needle);
	const char *at = text;
	int used = 0;
	size_t len;

	for (;;) {
		const char *found = find_in(at, p->pager.needle, folding, &len);
		int width = 0, start;
		if (found == NULL)
			return;
		while (at < found + len) {
			uint32_t ch;
			size_t n = text_decode(at, strlen(at), &ch);
			if (at < found)
				used += char_width(ch);
			else
				width += char_width(ch);
			at += n;
		}
		start = used < cols ? used : cols;
		screen_restyle(screen, row, col + start, width < cols - start ? width : cols - start, ATTR_REVERSE, 0);
		used += width;
	}
}
