/* SPDX-License-Identifier: Apache-2.0
 *
 * update.h - what the parts of update() call of each other.
 */
#ifndef STOKER_UI_TUI_UPDATE_H
#define STOKER_UI_TUI_UPDATE_H

#include "model.h"

/* Adds an effect, zeroed but for its kind; a dummy without memory. */
struct effect *effect_add(struct effects *effects, enum effect_kind kind);

/* A key as it was typed, or as a click on its name on the screen has it. */
void key_take(struct model *model, const struct key *key, struct effects *effects);
/* As if the key of this row had been pressed, whatever it is and whether it has one: for the mouse and for --plain. */
void key_bound(struct model *model, enum place_key row, struct effects *effects);

void say(struct model *model, enum message_tone message_tone, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* update_many.c: actions on several VMs, and what is asked for in the message line. */
void mark_one(struct model *model);
void mark_all(struct model *model);
void mark_range(struct model *model);
void mark_invert(struct model *model);
void unmark(struct model *model);
void run_ask(struct model *model);
void run_ended(struct model *model, struct event *event, struct effects *effects);
/* Moves a scroll position or cursor by a key of PLACE_TEXT; who has it keeps it inside. */
bool scroll_key(const struct model *model, int *top, const struct key *key, int page);
void run_key(struct model *model, const struct key *key, struct effects *effects);
void results_open(struct model *model);
void commands_open(struct model *model);
/* A command line to the clipboard; `command` (malloc'ed, may be NULL) is taken over. */
void command_copy(struct model *model, char *command, struct effects *effects);
void undo(struct model *model, struct effects *effects);
/* An operation ended that may have put its VM into the trash or taken part in a batch. */
void many_ended(struct model *model, const struct event *event, const struct op *op, const struct row *row);
void ask_key(struct model *model, const struct key *key, struct effects *effects);

/* finder.c: a key while the palette has the focus, and a click on what it found. */
void finder_click(struct model *model, size_t at, struct effects *effects);
void finder_key(struct model *model, const struct key *key, struct effects *effects);

/* Is this VM one of those the action is for, and can it be done to it? */
bool action_target(const struct model *model, const struct action *action, const struct row *row);
/* How many VMs it would be done to now. */
size_t action_targets(const struct model *model, enum action_id id);

/* update_act.c */
void update_act(struct model *model, enum action_id action, struct effects *effects);
/* `action` once more on a VM; one that is confirmed was confirmed then. */
void op_again(struct model *model, const struct op *op, enum action_id action, struct effects *effects);
/* The disks of those the action is for to this size, as it was typed. */
void resize_begin(struct model *model, const char *text, struct effects *effects);
uint64_t op_begin(struct model *model, enum action_id action, const char *id, const char *name);
void op_end(struct model *model, const struct event *event, struct effects *effects);
void confirm_yes(struct model *model, struct effects *effects);
void select_at(struct model *model, long at);

/* update_filter.c */
void filter_key(struct model *model, const struct key *key);
/* How the term at the cursor can go on; *from is where it begins. */
#define FILTER_CANDIDATES 64
size_t filter_candidates(const struct model *model, char (*out)[FILTER_CANDIDATE_SIZE], size_t cap, size_t *from);

/* update_panel.c: what is below the list. */
void panel_open(struct model *model, enum panel panel);
void panel_close(struct model *model);
/* Moves in the panel that has the focus; `to_end`: by < 0 the first, else the last line. */
void panel_move(struct model *model, int by, bool to_end);
/* Enter: on a group it folds, in a panel it selects the VM of that line; false: neither. */
bool panel_enter(struct model *model);
void panel_fold(struct model *model);
void panel_group(struct model *model);
void panel_retry(struct model *model, struct effects *effects);
void panel_cancel(struct model *model, struct effects *effects);
/* The operation in the panel's line: under way, or ended. */
const struct op *panel_op(const struct model *model, int line);
const struct op_ended *panel_ended(const struct model *model, int line);
bool op_progress(struct model *model, const struct event *event);
void op_keep(struct model *model, const struct op *op, const struct event *event);

/* update_pane.c */
void pane_opened(struct model *model, const struct event *event, struct effects *effects);
/* Nobody waits any more for the shell or log whose place is on the screen. */
void pane_opening_leave(struct model *model, struct effects *effects);
void pane_close(struct model *model, int index, struct effects *effects);
void pane_front(struct model *model, int index, bool focus);
void pane_act(struct model *model, enum action_id action, struct effects *effects);
/* A key while a pane has the focus. */
void pane_key(struct model *model, const struct key *key, struct effects *effects);
void pane_refused(struct model *model, const struct key *key, struct effects *effects);
void pane_changed(struct model *model, struct effects *effects);
/* A shell's VM is at its end: in words for people. */
bool pane_lost_its_vm(const struct model *model, const struct pane *pane, char *buf, size_t cap);
/* update_split.c */
void split_act(struct model *model, enum action_id action, struct effects *effects);
void split_settle(struct model *model);
void broadcast_settle(struct model *model);
size_t broadcast_names(const struct model *model, char *buf, size_t cap);
/* A key while the path of a session's log is typed. */
void path_key(struct model *model, const struct key *key, struct effects *effects);

/* Connects a shell that was cut off again, keeping its pane. */
void pane_reopen(struct model *model, struct pane *pane, struct effects *effects);

/* update_dialog.c: a key while a dialog is open. */
void dialog_key(struct model *model, const struct key *key, struct effects *effects);
void plan_open(struct model *model, struct effects *effects);
void plan_event(struct model *model, struct event *event);
/* Open, or only covered by the help. */
bool dialog_is_open(const struct model *model, enum dialog dialog);
void help_open(struct model *model);
/* Copies the line of the text page that is chosen. */
void text_copy(struct model *model, struct effects *effects);
void text_open(struct model *model, const char *title, char **lines, int count);

/* form.c */
void form_open(struct model *model, struct effects *effects);
/* As it was left, for another try. */
void form_again(struct model *model, struct effects *effects);
/* Beginning as this VM is. */
void form_clone(struct model *model, const struct row *row, struct effects *effects);
/* FORM_COUNT fields as a new one like this VM has them. */
void form_fill_like(const struct model *model, const struct stoker_vm *vm, struct field *to);
void form_key(struct model *model, const struct key *key, struct effects *effects);
/* A click on a field, at this column of what shows its text, or (< 0) on its name; on the which-th of its words. */
void form_click(struct model *model, int field, int cols, int col);
void form_choose(struct model *model, int field, int which, struct effects *effects);
void form_checked(struct model *model, const struct event *event);
/* MiB, or with a G behind it GiB; false when it is no such number. */
bool form_number(const char *text, unsigned *out);
/* The choices of a field, separated by blanks; NULL for one that is typed. */
const char *form_choices(enum form_field field);
const char *form_label(enum form_field field);
const char *form_unit(enum form_field field);

/* update_mouse.c */
void mouse_key(struct model *model, const struct key *key, struct effects *effects);

#endif
