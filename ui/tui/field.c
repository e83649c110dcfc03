/* SPDX-License-Identifier: Apache-2.0
 *
 * field.c - editing one line.
 */
#include "field.h"

#include <string.h>

#include "common/text.h"

static size_t before(const struct field *field, size_t at)
{
	while (at > 0 && (field->text[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t after(const struct field *field, size_t at)
{
	if (at < field->len)
		at++;
	while (at < field->len && (field->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void cut(struct field *field, size_t from, size_t to)
{
	memmove(field->text + from, field->text + to, field->len - to + 1);
	field->len -= to - from;
	field->at = from;
}

static void insert(struct field *field, const char *bytes, size_t count)
{
	if (count > FIELD_SIZE - 1 - field->len)
		return;
	memmove(field->text + field->at + count, field->text + field->at, field->len - field->at + 1);
	memcpy(field->text + field->at, bytes, count);
	field->len += count;
	field->at += count;
}

void field_set(struct field *field, const char *text)
{
	field->len = text_clean(field->text, sizeof field->text, text, strlen(text));
	field->at = field->len;
}

static size_t word_before(const struct field *field)
{
	size_t at = field->at;
	while (at > 0 && field->text[at - 1] == ' ')
		at--;
	while (at > 0 && field->text[at - 1] != ' ')
		at--;
	return at;
}

bool field_key(struct field *field, const struct key *key, const struct keymap *keymap)
{
	char bytes[FIELD_SIZE];
	size_t n;

	switch ((int)keymap_at(keymap, key, PLACE_LINE)) {
	case IN_LINE_LEFT: field->at = before(field, field->at); return true;
	case IN_LINE_RIGHT: field->at = after(field, field->at); return true;
	case IN_LINE_START: field->at = 0; return true;
	case IN_LINE_END: field->at = field->len; return true;
	case IN_LINE_ERASE: cut(field, before(field, field->at), field->at); return true;
	case IN_LINE_DELETE: cut(field, field->at, after(field, field->at)); return true;
	case IN_LINE_ERASE_WORD: cut(field, word_before(field), field->at); return true;
	case IN_LINE_ERASE_START: cut(field, 0, field->at); return true;
	case IN_LINE_ERASE_END: cut(field, field->at, field->len); return true;
	default: break;
	}
	if (key->kind == KEY_KIND_PASTE) {
		n = text_clean(bytes, sizeof bytes - field->len, key->paste, key->paste_len);
		insert(field, bytes, n);
		return true;
	}
	if (key->kind != KEY_KIND_CHAR || (key->mods & (MOD_CTRL | MOD_ALT)) || text_unsafe(key->ch))
		return false;
	n = text_encode(bytes, key->ch);
	insert(field, bytes, n);
	return true;
}

/* Leaves out so many bytes at the left that the cursor is in sight; *cursor is its column then. */
static size_t window(const struct field *field, int width, int *cursor)
{
	char part[FIELD_SIZE];
	size_t from = 0;

	for (;;) {
		size_t n = field->at - from;
		memcpy(part, field->text + from, n);
		part[n] = '\0';
		*cursor = text_width(part);
		if (*cursor < width || from >= field->at)
			return from;
		from = after(field, from);
	}
}

void field_click(struct field *field, int width, int col)
{
	char part[FIELD_SIZE];
	int cursor;
	size_t from = window(field, width, &cursor), at = from;

	while (at < field->len) {
		size_t n = after(field, at) - from;
		memcpy(part, field->text + from, n);
		part[n] = '\0';
		if (text_width(part) > col)
			break;
		at = from + n;
	}
	field->at = at;
}

void field_draw(const struct field *field, struct screen *screen, int row, int col, int width, struct style style,
                bool focus)
{
	int cursor;
	size_t from = window(field, width, &cursor);

	screen_fill(screen, row, col, 1, width, style);
	screen_put(screen, row, col, width, style, field->text + from);
	if (focus)
		screen_cursor(screen, row, col + (cursor < width ? cursor : width - 1));
}
