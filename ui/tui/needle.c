/* SPDX-License-Identifier: Apache-2.0
 *
 * needle.c - see needle.h.
 */
#include "needle.h"

#include <string.h>
#include <wctype.h>

#include "common/text.h"

static wint_t fold(uint32_t ch, bool folding)
{
	return folding ? towlower((wint_t)ch) : (wint_t)ch;
}

void needle_read(struct needle *needle, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0, i = 0;

	needle->len = 0;
	needle->folding = true;
	while (i < len && needle->len < NEEDLE_MAX) {
		uint32_t ch;
		i += text_decode(text + i, len - i, &ch);
		if (ch == TEXT_BAD)
			ch = '?';
		if (iswupper((wint_t)ch))
			needle->folding = false;
		needle->ch[needle->len++] = (wint_t)ch;
	}
	for (i = 0; i < needle->len; i++)
		needle->ch[i] = fold(needle->ch[i], needle->folding);
}

int needle_at(const struct needle *needle, const struct cell *cells, int cols, int col)
{
	for (size_t i = 0; i < needle->len; i++) {
		if (col >= cols || fold(cells[col].ch[0], needle->folding) != needle->ch[i])
			return -1;
		for (int k = 1; k < CELL_CHARS && cells[col].ch[k] != 0 && i + 1 < needle->len &&
		                needle->ch[i + 1] == (wint_t)cells[col].ch[k]; k++)
			i++;
		col += cells[col].width == 2 ? 2 : 1;
	}
	return col;
}

bool needle_in(const struct needle *needle, const struct cell *cells, int cols)
{
	for (int col = 0; col < cols; col++) {
		if (cells[col].width != 0 && needle_at(needle, cells, cols, col) >= 0)
			return true;
	}
	return false;
}

/* An ASCII needle must stand in the bytes as it is, but for case. */
bool needle_may_be_in(const struct needle *needle, const char *text, size_t len)
{
	size_t i, k;

	for (k = 0; k < needle->len; k++) {
		if (needle->ch[k] > 0x7e)
			return true;
	}
	for (i = 0; i + needle->len <= len; i++) {
		for (k = 0; k < needle->len; k++) {
			unsigned char c = (unsigned char)text[i + k];
			if (needle->folding && c >= 'A' && c <= 'Z')
				c = (unsigned char)(c + 32);
			if (c >= 0x80 || c != needle->ch[k])
				break;
		}
		if (k == needle->len)
			return true;
	}
	/* combining marks may stand between the letters: U+0300 and on */
	if (memchr(text, 0xcc, len) != NULL || memchr(text, 0xcd, len) != NULL)
		return true;
	/* blanks behind the end are not kept */
	return needle->ch[needle->len - 1] == ' ';
}
