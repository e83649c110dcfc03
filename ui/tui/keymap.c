/* SPDX-License-Identifier: Apache-2.0
 *
 * keymap.c - see keymap.h.
 */
#include "keymap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

static bool empty(const struct binding *binding)
{
	return binding->special == SK_NONE && binding->ch == 0;
}

static bool same(const struct binding *a, const struct binding *b)
{
	return !empty(a) && a->special == b->special && a->ch == b->ch && a->mods == b->mods;
}

void keymap_standard(struct keymap *map)
{
	int i;
	for (i = 0; i < ACTION_COUNT; i++) {
		map->keys[i][0] = action_at((enum action_id)i)->key;
		map->keys[i][1] = action_at((enum action_id)i)->second;
	}
}

bool binding_read(struct binding *binding, const char *text)
{
	static const struct {
		const char *name;
		enum special_key key;
	} names[] = {
		{ "Enter", SK_ENTER }, { "Tab", SK_TAB }, { "Backspace", SK_BACKSPACE }, { "Up", SK_UP }, { "Down", SK_DOWN },
		{ "Left", SK_LEFT }, { "Right", SK_RIGHT }, { "Insert", SK_INSERT }, { "Delete", SK_DELETE }, { "Home", SK_HOME },
		{ "End", SK_END }, { "PgUp", SK_PAGE_UP }, { "PgDn", SK_PAGE_DOWN },
	};
	uint32_t ch;
	size_t i, len;
	char *end;

	memset(binding, 0, sizeof *binding);
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
	if (strncasecmp(text, "Ctrl-", 5) == 0) {
		/* Not those that are other keys: H, I, J, M and [ are Backspace, Tab, Enter and Escape. */
		int c = tolower((unsigned char)text[5]);
		if (c == '\0' || text[6] != '\0' || strchr("abcdefgklnopqrstuvwxyz]\\^_", c) == NULL)
			return false;
		binding->ch = (uint32_t)c;
		binding->mods = MOD_CTRL;
		return true;
	}
	if (strncasecmp(text, "Alt-", 4) == 0) {
		binding->mods = MOD_ALT;
		text += 4;
	}
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

bool keymap_set(struct keymap *map, const char *action, const char *text, char *why, size_t cap)
{
	struct binding read[2] = { { SK_NONE, 0, 0 }, { SK_NONE, 0, 0 } };
	char word[24];
	int i, count = 0;

	for (i = 0; i < ACTION_COUNT && strcmp(action_at((enum action_id)i)->name, action) != 0; i++)
		;
	if (i == ACTION_COUNT) {
		snprintf(why, cap, "there is no action %.40s; ? in the dashboard lists them", action);
		return false;
	}
	if (strcasecmp(text, "none") == 0)
		text = "";
	while (*text != '\0') {
		size_t n = strcspn(text, " \t");
		if (n > 0) {
			if (count == 2) {
				snprintf(why, cap, "an action has at most two keys");
				return false;
			}
			snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
			if (n >= sizeof word || !binding_read(&read[count], word)) {
				snprintf(why, cap, "%s is no key; keys are one character, Space, Enter, Tab, Ctrl-X, Alt-x, F1 to F12, "
				         "PgUp, PgDn, Home, End, Up, Down, Left, Right, Insert, Delete, Backspace", word);
				return false;
			}
			count++;
		}
		text += n + (text[n] != '\0');
	}
	map->keys[i][0] = read[0];
	map->keys[i][1] = read[1];
	return true;
}

enum action_id keymap_action(const struct keymap *map, const struct key *key)
{
	unsigned mods = key->mods & ~(unsigned)MOD_SHIFT;
	int i, k;
	for (i = 0; i < ACTION_COUNT; i++) {
		for (k = 0; k < 2; k++) {
			const struct binding *binding = &map->keys[i][k];
			if (key->kind == KEY_KIND_SPECIAL ? binding->special != SK_NONE && binding->special == key->special && mods == 0
			                                  : key->kind == KEY_KIND_CHAR && binding->ch != 0 && binding->ch == key->ch &&
			                                    binding->mods == mods)
				return (enum action_id)i;
		}
	}
	return ACTION_NONE;
}

/* Each key once: what the file says goes before what is standard. */
static size_t settle(struct keymap *map, const bool *set, char (*origins)[192],
                     void (*problem)(void *user, const char *origin, const char *text), void *user)
{
	size_t problems = 0;
	int i, k, a, b;
	for (i = 0; i < ACTION_COUNT; i++) {
		for (k = i + 1; k < ACTION_COUNT; k++) {
			for (a = 0; a < 2; a++) {
				for (b = 0; b < 2; b++) {
					int loser = set[k] && !set[i] ? i : k, winner = loser == i ? k : i;
					char key[24], text[160];
					if (!same(&map->keys[i][a], &map->keys[k][b]))
						continue;
					action_key_text(&map->keys[i][a], true, key, sizeof key);
					memset(&map->keys[loser][loser == i ? a : b], 0, sizeof map->keys[0][0]);
					snprintf(text, sizeof text, "%s is the key of %s and of %s; %s has it now", key,
					         action_at((enum action_id)i)->name, action_at((enum action_id)k)->name,
					         action_at((enum action_id)winner)->name);
					problems++;
					if (problem != NULL)
						problem(user, origins[set[k] ? k : i], text);
				}
			}
		}
	}
	return problems;
}

size_t keymap_load(struct keymap *map, const stoker *s, void (*problem)(void *user, const char *origin, const char *text),
                   void *user)
{
	bool set[ACTION_COUNT] = { false };
	char origins[ACTION_COUNT][192], why[320];
	struct stoker_setting_row row;
	size_t i, problems = 0;

	memset(origins, 0, sizeof origins);
	keymap_standard(map);
	for (i = 0; stoker_setting_at(s, i, &row); i++) {
		enum action_id action;
		if (strncmp(row.key, "keys.", 5) != 0)
			continue;
		if (!keymap_set(map, row.key + 5, row.value, why, sizeof why)) {
			problems++;
			if (problem != NULL)
				problem(user, row.origin, why);
			continue;
		}
		for (action = 0; strcmp(action_at(action)->name, row.key + 5) != 0; action++)
			;
		set[action] = true;
		snprintf(origins[action], sizeof origins[action], "%s", row.origin);
	}
	return problems + settle(map, set, origins, problem, user);
}
