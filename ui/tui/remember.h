/* SPDX-License-Identifier: Apache-2.0
 *
 * remember.h - what a dashboard takes from the configuration and from its
 * memory, and gives back to the latter.
 */
#ifndef STOKER_UI_TUI_REMEMBER_H
#define STOKER_UI_TUI_REMEMBER_H

#include "loop.h"

/* The settings into the model; again after each change of the file. */
void config_apply(struct loop *loop);
/* Watches the configuration's folder: editors put a new file in its place. */
void config_watch(struct loop *loop);
/* Reads it again if it was that file; what is wrong with it is said and changes nothing. */
void config_changed(struct loop *loop);

/* Sort, filter and layout of the last time; a first time gets a hint. */
void memory_apply(struct loop *loop);
/* Written when the dashboard ends; a read-only one writes nothing. */
void memory_keep(struct loop *loop);
/* The present filter under a name. */
void remember_filter(struct loop *loop, const char *name);

#endif
