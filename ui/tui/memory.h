/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - how the dashboard was left, for the next time: lines "key = value"
 * in STATE/tui.state. It is a convenience: what cannot be read is as usual.
 */
#ifndef STOKER_UI_TUI_MEMORY_H
#define STOKER_UI_TUI_MEMORY_H

#include "model.h"

#define MEMORY_SIZE 32768

/* All that is remembered, as text; and one line of it back into the model. */
void memory_text(const struct model *model, char *buf, size_t cap);
void memory_take(struct model *model, const char *key, const char *value);

/* Keeps a filter under a name, in place of one of that name; false when there are too many. */
bool memory_keep_filter(struct model *model, const char *name, const char *text);

void memory_load(struct model *model, const char *path);
/* Replaces the file in one rename; false with errno. */
bool memory_save(const struct model *model, const char *path);

#endif
