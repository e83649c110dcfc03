/* SPDX-License-Identifier: Apache-2.0
 *
 * record.h - what came from the terminal, written down and played again.
 *
 * A text file, one line each, to be read and written by hand too:
 *
 *	stoker-input 1
 *	DELAY size ROWS COLS
 *	DELAY char CODE MODS          a character by its number
 *	DELAY special CODE MODS       as screen.h numbers them
 *	DELAY mouse ACT BUTTON ROW COL MODS
 *	DELAY paste HEX
 *	DELAY wait SECONDS TEXT       until the screen shows the text, at most so long
 *
 * DELAY: milliseconds since the line before. A recording holds everything that
 * was typed, into shells too: it is made with mode 0600.
 */
#ifndef STOKER_UI_TUI_RECORD_H
#define STOKER_UI_TUI_RECORD_H

#include <stdbool.h>

#include "screen.h"

struct recorder;
/* NULL with a sentence in why; a file that is there already is left alone. */
struct recorder *recorder_open(const char *path, int64_t now_ns, char *why, size_t cap);
/* KEY_KIND_RESIZE: row and col are the new size. */
void recorder_key(struct recorder *recorder, const struct key *key, int64_t now_ns);
void recorder_close(struct recorder *recorder); /* NULL is allowed */

struct replay;
struct replay *replay_open(const char *path, int64_t now_ns, char *why, size_t cap);
void replay_free(struct replay *replay);
/* Milliseconds until replay_next() has something to do, -1: it is over. */
int replay_timeout_ms(const struct replay *replay, int64_t now_ns);
/* The next key that is due; `screen` is looked at while one waits for a text.
 * *failed: a text that did not come. The key's paste is valid until the next call. */
bool replay_next(struct replay *replay, const struct screen *screen, int64_t now_ns, struct key *key, bool *failed);
bool replay_over(const struct replay *replay);
/* What was waited for in vain. */
const char *replay_missed(const struct replay *replay);

#endif
