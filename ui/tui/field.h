/* SPDX-License-Identifier: Apache-2.0
 *
 * field.h - one line of text that a person edits.
 */
#ifndef STOKER_UI_TUI_FIELD_H
#define STOKER_UI_TUI_FIELD_H

#include "keymap.h"

#define FIELD_SIZE 512

struct field {
	char text[FIELD_SIZE]; /* always valid UTF-8, NUL-terminated */
	size_t len, at;        /* at: the cursor, a byte offset at a character's start */
};

void field_set(struct field *field, const char *text);
/* A key or paste; true when it was for the field: it edits, or is text. */
bool field_key(struct field *field, const struct key *key, const struct keymap *keymap);
/* The cursor to the character at this column of where it is drawn, `width` wide. */
void field_click(struct field *field, int width, int col);
/* Draws `width` columns with the cursor in sight. */
void field_draw(const struct field *field, struct screen *screen, int row, int col, int width, struct style style,
                bool focus);

#endif
