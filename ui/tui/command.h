/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - what the dashboard does, as a line for a shell.
 */
#ifndef STOKER_UI_TUI_COMMAND_H
#define STOKER_UI_TUI_COMMAND_H

#include "model.h"

/* One word so that a POSIX shell gives it back as it is. Returns the length it has, as snprintf() does. */
size_t shell_quote(char *out, size_t cap, const char *word);

/* The `stoker ...` line that does what the action would do now, to the marked
 * or selected VMs; "" when the command line has nothing like it. malloc'ed,
 * NULL without memory. */
char *command_of(const struct model *model, enum action_id action);
/* The same for VMs that are named already (a dialog's), for the form as it is, and for a command on many VMs. */
char *command_of_ids(const struct model *model, enum action_id action, char (*ids)[STOKER_ID_SIZE], size_t count);
char *command_of_form(const struct model *model);

#endif
