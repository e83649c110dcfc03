/* SPDX-License-Identifier: Apache-2.0
 *
 * preset.h - named beginnings for the create form: "memory=2G vcpus=2 label=tier=web".
 */
#ifndef STOKER_UI_TUI_PRESET_H
#define STOKER_UI_TUI_PRESET_H

#include "model.h"

/* Reads a preset over the FORM_COUNT fields, which keep what it does not say. False with a sentence in `why`. */
bool preset_apply(struct field *fields, const char *text, char *why, size_t cap);

/* The i-th preset's name and text: built in, then those of [presets], which
 * may take a built-in one's name. False past the end. */
bool preset_at(const struct model *model, size_t i, const char **name, const char **text);

/* Their names for a form, separated by blanks, behind "none"; into model->presets. */
void preset_names(struct model *model);

#endif
