/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.h - the dashboard as lines of text, for screen readers and for
 * terminals that can do nothing: what changes is told in a line, what is typed
 * is a line. The same model, the same actions; no cursor is moved, nothing is
 * drawn over, and lines are edited as the terminal itself does it.
 */
#ifndef STOKER_UI_TUI_PLAIN_H
#define STOKER_UI_TUI_PLAIN_H

#include <signal.h>

#include "model.h"

#define PLAIN_ROWS 200 /* what the model believes to be shown on */
#define PLAIN_COLS 200

struct loop;
struct plain;

/* `mask`: the signals that a program which is run for a while (a shell) is given. */
struct plain *plain_new(const struct stoker_options *places, const sigset_t *mask);
void plain_free(struct plain *plain); /* NULL is allowed */
/* Says what has changed since it was last called. */
void plain_present(struct plain *plain, struct model *model);
/* Standard input is ready: carries out the lines that have come. */
void plain_read(struct plain *plain, struct loop *loop);

#endif
