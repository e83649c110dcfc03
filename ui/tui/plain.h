/* SPDX-License-Identifier: Apache-2.0
 *
 * plain.h - the dashboard as lines of text, for screen readers and for
 * terminals that can do nothing: what changes is told in a line, what is typed
 * is a line. The same model, the same table of actions; no cursor is moved,
 * nothing is drawn over, and lines are edited as the terminal itself does it.
 */
#ifndef STOKER_UI_TUI_PLAIN_H
#define STOKER_UI_TUI_PLAIN_H

#include <signal.h>
#include <stdio.h>

#include "model.h"

#define PLAIN_ROWS 200 /* what the model believes to be shown on */
#define PLAIN_COLS 200

struct loop;
struct plain;

/* `mask`: the signals that a program which is run for a while (a shell) is given. */
struct plain *plain_new(const struct stoker_options *places, const sigset_t *mask, FILE *out);
void plain_free(struct plain *plain); /* NULL is allowed */
/* Says what has changed since it was last called. */
void plain_present(struct plain *plain, struct model *model);
/* Standard input is ready: carries out the lines that have come. */
void plain_read(struct plain *plain, struct loop *loop);

/* One line, as it was typed: what it does to the model, and the effects. */
void plain_line(struct plain *plain, struct model *model, const char *line, struct effects *effects);
/* The verb to be run on this terminal because of it, and for which VM ("": none); NULL when there is none. Said once. */
const char *plain_to_run(struct plain *plain, const char **name);
/* Why an action means something in a picture only; NULL: it can be typed. */
const char *plain_why_not(enum action_id action);

#endif
