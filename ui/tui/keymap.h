/* SPDX-License-Identifier: Apache-2.0
 *
 * keymap.h - which key does what: the table of actions, with what [keys] of
 * the configuration changes in it.
 */
#ifndef STOKER_UI_TUI_KEYMAP_H
#define STOKER_UI_TUI_KEYMAP_H

#include "actions.h"

struct keymap {
	struct binding keys[ACTION_COUNT][2]; /* neither special nor ch: none */
};

void keymap_standard(struct keymap *map);

/* One entry of [keys]: "x", "Ctrl-T F9", "none". What is wrong leaves the map
 * as it was and fills `why`. */
bool keymap_set(struct keymap *map, const char *action, const char *text, char *why, size_t cap);

/* The whole section over the standard. A key that two actions would have goes
 * to the one that the file gives it, else to the first of the table. `problem`
 * (may be NULL) hears of each conflict and mistake: where ("path:line") and
 * what. Returns how many there were. */
size_t keymap_load(struct keymap *map, const stoker *s, void (*problem)(void *user, const char *origin, const char *text),
                   void *user);

/* The action bound to a key, ACTION_NONE when there is none. */
enum action_id keymap_action(const struct keymap *map, const struct key *key);

/* Reads what action_key_text() writes: "x", "Space", "Ctrl-X", "F5", "PgUp". */
bool binding_read(struct binding *binding, const char *text);

#endif
