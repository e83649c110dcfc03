/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.h - bytes from a terminal into keys, mouse actions and pastes.
 *
 * No terminal is needed: bytes go in, keys come out, so that it can be tested
 * and fed garbage. What is no known sequence is dropped whole, never taken for
 * keys: half an unknown escape sequence must not act as commands.
 */
#ifndef STOKER_UI_TUI_KEYS_H
#define STOKER_UI_TUI_KEYS_H

#include "screen.h"

struct keys;

struct keys *keys_new(void);
void keys_free(struct keys *keys);

/* Room for bytes to be read into; keys_added() says how many were. */
void *keys_room(struct keys *keys, size_t *cap);
void keys_added(struct keys *keys, size_t count);

/* Takes the next key. `late` says that nothing has followed for the time a
 * terminal needs to send a whole sequence: a lone ESC is then the Escape key. */
bool keys_take(struct keys *keys, bool late, struct key *key);

/* True while bytes wait that may be the beginning of a sequence. */
bool keys_waiting(const struct keys *keys);

#endif
