/* SPDX-License-Identifier: Apache-2.0
 *
 * keymap_text.c - keys as they are written down and named on the screen.
 */
#include "keymap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

static const struct {
	const char *name;
	enum special_key key;
} names[] = {
	{ "Enter", SK_ENTER }, { "Esc", SK_ESCAPE }, { "Tab", SK_TAB }, { "Backspace", SK_BACKSPACE }, { "Up", SK_UP },
	{ "Down", SK_DOWN }, { "Left", SK_LEFT }, { "Right", SK_RIGHT }, { "Insert", SK_INSERT }, { "Delete", SK_DELETE },
	{ "Home", SK_HOME }, { "End", SK_END }, { "PgUp", SK_PAGE_UP }, { "PgDn", SK_PAGE_DOWN },
};

static const struct {
	const char *prefix;
	unsigned mod;
} prefixes[] = { { "Ctrl-", MOD_CTRL }, { "Alt-", MOD_ALT }, { "Shift-", MOD_SHIFT } };

void binding_name(const struct binding *binding, char *buf, size_t cap)
{
	char key[8] = "";
	const char *name = key;
	size_t i, len = 0;

	buf[0] = '\0';
	if (binding->special == SK_NONE && binding->ch == 0)
		return;
	for (i = 0; i < sizeof names / sizeof *names; i++) {
		if (binding->special == names[i].key)
			name = names[i].name;
	}
	if (binding->special >= SK_F1 && binding->special <= SK_F12)
		snprintf(key, sizeof key, "F%d", (int)(binding->special - SK_F1) + 1);
	else if (binding->special == SK_NONE && binding->ch == ' ')
		name = "Space";
	else if (binding->special == SK_NONE)
		text_encode(key, binding->mods & MOD_CTRL && binding->ch >= 'a' && binding->ch <= 'z' ? binding->ch - 32 : binding->ch);
	for (i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if ((binding->mods & prefixes[i].mod) && len < cap)
			len += (size_t)snprintf(buf + len, cap - len, "%s", prefixes[i].prefix);
	}
	if (len < cap)
		snprintf(buf + len, cap - len, "%s", name);
}

struct key binding_key(const struct binding *binding)
{
	struct key key;
	memset(&key, 0, sizeof key);
	key.kind = binding->special != SK_NONE ? KEY_KIND_SPECIAL : KEY_KIND_CHAR;
	key.special = binding->special;
	key.ch = binding->ch;
	key.mods = binding->mods;
	return key;
}

static bool special_read(struct binding *binding, const char *text)
{
	size_t i;
	char *end;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcasecmp(text, names[i].name) == 0) {
			binding->special = names[i].key;
			return true;
		}
	}
	if ((text[0] == 'F' || text[0] == 'f') && text[1] >= '1' && text[1] <= '9') {
		long n = strtol(text + 1, &end, 10);
		if (*end != '\0' || n > 12)
			return false;
		binding->special = (enum special_key)(SK_F1 + n - 1);
		return true;
	}
	return false;
}

bool binding_read(struct binding *binding, const char *text)
{
	uint32_t ch;
	size_t i, len;

	memset(binding, 0, sizeof *binding);
	for (i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t n = strlen(prefixes[i].prefix);
		if (strncasecmp(text, prefixes[i].prefix, n) == 0) {
			binding->mods |= prefixes[i].mod;
			text += n;
		}
	}
	if (special_read(binding, text))
		return true;
	if (binding->mods & MOD_CTRL) {
		/* Not those that are other keys: H, I, J, M and [ are Backspace, Tab, Enter and Escape. */
		int c = tolower((unsigned char)text[0]);
		if (binding->mods != MOD_CTRL || c == '\0' || text[1] != '\0' || strchr("abcdefgklnopqrstuvwxyz]\\^_", c) == NULL)
			return false;
		binding->ch = (uint32_t)c;
		return true;
	}
	if (binding->mods & MOD_SHIFT)
		return false; /* of a character: it is another character */
	if (strcasecmp(text, "Space") == 0) {
		binding->ch = ' ';
		return true;
	}
	len = strlen(text);
	if (len == 0 || text_decode(text, len, &ch) != len || ch == TEXT_BAD || text_unsafe(ch) || ch == ' ')
		return false;
	binding->ch = ch;
	return true;
}

bool bindings_read(struct binding keys[KEYS_EACH], const char *text, char *why, size_t cap)
{
	char word[32];
	int count = 0;

	memset(keys, 0, KEYS_EACH * sizeof *keys);
	while (*text != '\0') {
		size_t n = strcspn(text, " \t");
		if (n > 0) {
			if (count == KEYS_EACH) {
				snprintf(why, cap, "at most %d keys do the same", KEYS_EACH);
				return false;
			}
			snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
			if (n >= sizeof word || !binding_read(&keys[count], word)) {
				snprintf(why, cap, "%s is no key; keys are one character, Space, Enter, Esc, Tab, Ctrl-X, Alt-x, F1 to F12, "
				         "PgUp, PgDn, Home, End, Up, Down, Left, Right, Insert, Delete, Backspace", word);
				return false;
			}
			count++;
		}
		text += n + (text[n] != '\0');
	}
	return true;
}

/* The key that `{name}` at `text` stands for; where the text goes on. */
static const char *named(const struct keymap *map, const char *text, char *key, size_t cap)
{
	size_t n = strcspn(text + 1, "}");
	char name[32];
	int row;

	snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : 0), text + 1);
	row = keymap_row(name);
	snprintf(key, cap, "{%.*s", (int)n, text + 1); /* no such name: a test looks for the brace */
	if (strcmp(name, "leave") == 0)
		binding_name(&map->leave, key, cap);
	else if (row >= 0)
		binding_name(keymap_first(map, row), key, cap);
	return text + 1 + n + (text[1 + n] == '}');
}

void keymap_text(const struct keymap *map, const char *text, char *buf, size_t cap)
{
	size_t len = 0, part = 0; /* where the present part begins */
	char key[24];

	buf[0] = '\0';
	while (*text != '\0' && len + 1 < cap) {
		if (*text == '{' && text[1] >= 'a' && text[1] <= 'z') {
			text = named(map, text, key, sizeof key);
			if (key[0] == '\0') {
				const char *next = strstr(text, "  ");
				text = next != NULL ? next + 2 : text + strlen(text);
				while (*text == ' ')
					text++;
				len = part;
				buf[len] = '\0';
				continue;
			}
			len += (size_t)snprintf(buf + len, cap - len, "%s", key);
			continue;
		}
		if (strncmp(text, "  ", 2) == 0) {
			while (*text == ' ' && len + 1 < cap) {
				buf[len++] = ' ';
				text++;
			}
			part = len;
		} else {
			buf[len++] = *text++;
		}
		buf[len] = '\0';
	}
	if (len >= cap)
		len = cap - 1;
	while (len > 0 && buf[len - 1] == ' ')
		buf[--len] = '\0';
}
