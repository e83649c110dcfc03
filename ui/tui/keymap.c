/* SPDX-License-Identifier: Apache-2.0
 *
 * keymap.c - see keymap.h. How keys are written down is in keymap_text.c.
 */
#include "keymap.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum key_place place;
	const char *keys;
	unsigned flags;
} place_keys[] = {
#define X(id, name, place, keys, flags) { name, place, keys, flags },
	PLACE_KEYS(X)
#undef X
};

/* Where one is asked before the other: a key of both does what the upper says. */
static const struct {
	enum key_place upper, lower;
} layers[] = {
	{ PLACE_PANEL, PLACE_LIST },      { PLACE_COMMAND, PLACE_DIALOG },  { PLACE_COMMAND, PLACE_LINE },
	{ PLACE_CONFIRM, PLACE_DIALOG },  { PLACE_PLAN, PLACE_DIALOG },     { PLACE_PLAN, PLACE_TEXT },
	{ PLACE_COLUMNS, PLACE_DIALOG },  { PLACE_COLUMNS, PLACE_TEXT },    { PLACE_ANSWERS, PLACE_DIALOG },
	{ PLACE_ANSWERS, PLACE_TEXT },    { PLACE_COMMANDS, PLACE_DIALOG }, { PLACE_COMMANDS, PLACE_TEXT },
	{ PLACE_DIALOG, PLACE_TEXT },     { PLACE_CONSOLE, PLACE_TEXT },    { PLACE_SELECT, PLACE_COPY },
	{ PLACE_SELECT, PLACE_TEXT },     { PLACE_COPY, PLACE_TEXT },       { PLACE_FORM, PLACE_LINE },
	{ PLACE_CHOICE, PLACE_LINE },     { PLACE_CHOICE, PLACE_FORM },
};

static bool empty(const struct binding *binding)
{
	return binding->special == SK_NONE && binding->ch == 0;
}

static bool same(const struct binding *a, const struct binding *b)
{
	return !empty(a) && a->special == b->special && a->ch == b->ch && a->mods == b->mods;
}

static enum key_place place_of(int row)
{
	return row <= IN_NONE ? PLACE_LIST : place_keys[row - IN_NONE - 1].place;
}

static bool needed(int row)
{
	return row > IN_NONE && (place_keys[row - IN_NONE - 1].flags & KEY_NEEDED) != 0;
}

static bool is_over(enum key_place upper, enum key_place lower)
{
	size_t i;
	for (i = 0; i < sizeof layers / sizeof *layers; i++) {
		if (layers[i].upper == upper && layers[i].lower == lower)
			return true;
	}
	return false;
}

const char *keymap_row_name(int row)
{
	return row < ACTION_COUNT ? action_at((enum action_id)row)->name : row == IN_NONE ? "" : place_keys[row - IN_NONE - 1].name;
}

int keymap_row(const char *name)
{
	int row;
	for (row = 0; row < KEYMAP_ROWS; row++) {
		if (row != IN_NONE && strcmp(keymap_row_name(row), name) == 0)
			return row;
	}
	return -1;
}

/* What is built in for one row. */
static void standard(struct binding *keys, int row)
{
	const struct action *action;
	char why[8];

	memset(keys, 0, KEYS_EACH * sizeof *keys);
	if (row > IN_NONE) {
		bindings_read(keys, place_keys[row - IN_NONE - 1].keys, why, sizeof why);
	} else if (row < ACTION_COUNT) {
		action = action_at((enum action_id)row);
		keys[0] = action->key;
		keys[1] = action->second;
	}
}

void keymap_standard(struct keymap *map)
{
	int row;
	for (row = 0; row < KEYMAP_ROWS; row++)
		standard(map->keys[row], row);
	binding_read(&map->leave, "Ctrl-]");
}

bool keymap_set(struct keymap *map, const char *name, const char *text, char *why, size_t cap)
{
	struct binding read[KEYS_EACH];
	int row = keymap_row(name), i;
	enum key_place place;

	if (row < 0) {
		snprintf(why, cap, "there is no action %.40s; ? in the dashboard lists them, stoker.conf(5) the other places'", name);
		return false;
	}
	if (!bindings_read(read, strcasecmp(text, "none") == 0 ? "" : text, why, cap))
		return false;
	place = place_of(row);
	for (i = 0; i < KEYS_EACH; i++) {
		if ((place == PLACE_LINE || place == PLACE_FORM || place == PLACE_COMMAND) && read[i].ch != 0 && read[i].mods == 0) {
			char key[24];
			binding_name(&read[i], key, sizeof key);
			snprintf(why, cap, "%s is text where %s works; take a key such as Ctrl-X, Alt-x, F5 or Home", key, name);
			return false;
		}
	}
	memcpy(map->keys[row], read, sizeof read);
	return true;
}

/* ------------------------------------------------------------------ lookup */

static bool fits(const struct binding *binding, const struct key *key, unsigned mods)
{
	if (key->kind == KEY_KIND_SPECIAL)
		return binding->special != SK_NONE && binding->special == key->special && binding->mods == mods;
	return key->kind == KEY_KIND_CHAR && binding->ch != 0 && binding->ch == key->ch && binding->mods == mods;
}

/* With Shift as it is pressed, else without: of a character the character tells it already. */
static int find(const struct keymap *map, const struct key *key, enum key_place place, int from, int to)
{
	unsigned mods = key->mods;
	int row = (int)key->ch, k;

	if (key->kind == KEY_KIND_BOUND)
		return row >= from && row < to && place_of(row) == place ? row : -1;
	if (key->kind == KEY_KIND_CHAR)
		mods &= ~(unsigned)MOD_SHIFT;
	for (;; mods &= ~(unsigned)MOD_SHIFT) {
		for (row = from; row < to; row++) {
			if (place_of(row) != place)
				continue;
			for (k = 0; k < KEYS_EACH; k++) {
				if (fits(&map->keys[row][k], key, mods))
					return row;
			}
		}
		if (!(mods & MOD_SHIFT))
			return -1;
	}
}

enum action_id keymap_action(const struct keymap *map, const struct key *key)
{
	int row = find(map, key, PLACE_LIST, 0, ACTION_COUNT);
	return row < 0 ? ACTION_NONE : (enum action_id)row;
}

enum place_key keymap_at(const struct keymap *map, const struct key *key, enum key_place place)
{
	int row = find(map, key, place, IN_NONE + 1, KEYMAP_ROWS);
	return row < 0 ? IN_NONE : (enum place_key)row;
}

bool keymap_leaves(const struct keymap *map, const struct key *key)
{
	return fits(&map->leave, key, key->mods);
}

const struct binding *keymap_first(const struct keymap *map, int row)
{
	int k = 0;
	while (k < KEYS_EACH - 1 && empty(&map->keys[row][k]))
		k++;
	return &map->keys[row][k];
}

/* -------------------------------------------------------- the configuration */

struct loading {
	struct keymap *map;
	bool set[KEYMAP_ROWS];
	char origins[KEYMAP_ROWS][192];
	void (*problem)(void *user, const char *origin, const char *text);
	void *user;
	size_t problems;
};

static void tell(struct loading *l, const char *origin, const char *text)
{
	l->problems++;
	if (l->problem != NULL)
		l->problem(l->user, origin, text);
}

/* Whether the file has given the row a key that it had not before. */
static bool is_new(const struct loading *l, int row, const struct binding *key)
{
	struct binding was[KEYS_EACH];
	int k;
	if (!l->set[row])
		return false;
	standard(was, row);
	for (k = 0; k < KEYS_EACH; k++) {
		if (same(&was[k], key))
			return false;
	}
	return true;
}

/* Two rows that can be asked of one key: in one place it goes to one of them; in two, the upper one hides the other. */
static void settle_pair(struct loading *l, int i, int k)
{
	bool one = place_of(i) == place_of(k), above = is_over(place_of(i), place_of(k));
	int a, b, loser = l->set[k] && !l->set[i] ? i : k, winner;
	char key[24], text[224];

	if (!l->set[i] && !l->set[k])
		return; /* what is built in agrees with itself: a test sees to that */
	if (!one && !above && !is_over(place_of(k), place_of(i)))
		return;
	if (!one)
		loser = above ? k : i;
	winner = loser == i ? k : i;
	for (a = 0; a < KEYS_EACH; a++) {
		for (b = 0; b < KEYS_EACH; b++) {
			struct binding *first = &l->map->keys[i][a], *second = &l->map->keys[k][b];
			if (!same(first, second) || (!one && !is_new(l, i, first) && !is_new(l, k, first)))
				continue;
			binding_name(first, key, sizeof key);
			snprintf(text, sizeof text, "%s is the key of %s and of %s; %s has it %s", key, keymap_row_name(i),
			         keymap_row_name(k), keymap_row_name(winner), one ? "now" : "where both are");
			if (one)
				memset(loser == i ? first : second, 0, sizeof *first);
			tell(l, l->origins[l->set[k] ? k : i], text);
		}
	}
}

/* Who has bound away the way out of a dialog would sit in it. */
static void keep_needed(struct loading *l, int row)
{
	struct binding was[KEYS_EACH];
	char key[24], text[160];

	if (!needed(row) || !empty(keymap_first(l->map, row)))
		return;
	standard(was, row);
	l->map->keys[row][0] = was[0];
	binding_name(&was[0], key, sizeof key);
	snprintf(text, sizeof text, "%s cannot do without a key; it has %s", keymap_row_name(row), key);
	tell(l, l->origins[row], text);
}

size_t keymap_load(struct keymap *map, const stoker *s, void (*problem)(void *user, const char *origin, const char *text),
                   void *user)
{
	struct loading l = { .map = map, .problem = problem, .user = user };
	struct stoker_setting_row at;
	struct binding leave;
	const char *text = stoker_setting(s, "ui.leave_key");
	char why[320];
	size_t i;
	int row, other;

	keymap_standard(map);
	if (text != NULL && binding_read(&leave, text))
		map->leave = leave;
	for (i = 0; stoker_setting_at(s, i, &at); i++) {
		if (strncmp(at.key, "keys.", 5) != 0)
			continue;
		if (!keymap_set(map, at.key + 5, at.value, why, sizeof why)) {
			tell(&l, at.origin, why);
			continue;
		}
		row = keymap_row(at.key + 5);
		l.set[row] = true;
		snprintf(l.origins[row], sizeof l.origins[row], "%s", at.origin);
	}
	for (row = 0; row < KEYMAP_ROWS; row++) {
		for (other = row + 1; other < KEYMAP_ROWS; other++)
			settle_pair(&l, row, other);
	}
	for (row = 0; row < KEYMAP_ROWS; row++)
		keep_needed(&l, row);
	return l.problems;
}
