/* SPDX-License-Identifier: Apache-2.0
 *
 * term_keys.h - the keys whose bytes depend on no mode of the terminal.
 */
#ifndef STOKER_UI_TUI_TERM_KEYS_H
#define STOKER_UI_TUI_TERM_KEYS_H

#include "screen.h"

#define TERM_KEY_MAX 8

/* What a terminal has always sent for characters with and without Ctrl and
 * Alt, and for Tab, Backspace and Escape; 0 for any other key. */
size_t term_key_bytes(const struct key *key, char out[TERM_KEY_MAX]);

#endif
