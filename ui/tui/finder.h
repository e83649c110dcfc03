/* SPDX-License-Identifier: Apache-2.0
 *
 * finder.h - everything that can be had by typing its name: actions, VMs,
 * open panes, saved filters, settings.
 */
#ifndef STOKER_UI_TUI_FINDER_H
#define STOKER_UI_TUI_FINDER_H

#include "model.h"

enum finder_kind { FINDER_ACTION, FINDER_VM, FINDER_PANE, FINDER_FILTER, FINDER_SETTING };

struct finder_item {
	enum finder_kind kind;
	int index; /* the action, row, pane, or place in model->settings */
	int score;
};

#define FINDER_MAX 128
/* What fits what was typed, the best first. */
size_t finder_find(const struct model *model, struct finder_item *out, size_t cap);
/* Its name, what it is, its key; and why it cannot be had now, NULL when it can. */
void finder_words(const struct model *model, const struct finder_item *item, char *name, size_t name_cap, char *key,
                   size_t key_cap, char *help, size_t help_cap, const char **why);

#endif
