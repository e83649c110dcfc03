/* SPDX-License-Identifier: Apache-2.0
 *
 * keymap.h - which key does what, everywhere in the dashboard.
 *
 * The list's keys are those of the actions (actions.h). Those of every other
 * place, the dialogs, pages, forms, typed lines, are in the one list below.
 * [keys] of the configuration changes both. What is drawn names keys by
 * keymap_text(), so that no text on the screen tells of a key that is bound
 * elsewhere.
 */
#ifndef STOKER_UI_TUI_KEYMAP_H
#define STOKER_UI_TUI_KEYMAP_H

#include "actions.h"

/* Where a key is asked for. Views ask of more than one place, the nearest first: see `layers` in keymap.c. */
enum key_place {
	PLACE_LIST,     /* the list; the actions are all here */
	PLACE_PANEL,    /* the panel below the list has the focus */
	PLACE_DIALOG,   /* any dialog */
	PLACE_COMMAND,  /* wherever a command line is shown, also behind a typed line */
	PLACE_CONFIRM, PLACE_PLAN, PLACE_COLUMNS, PLACE_ANSWERS, PLACE_COMMANDS,
	PLACE_TEXT,     /* pages of text: help, inspect, consoles, reading back */
	PLACE_CONSOLE,
	PLACE_COPY,     /* reading back in a shell's pane */
	PLACE_SELECT,   /* there, while something is selected */
	PLACE_SHELL,    /* a shell's pane; all other keys go to the guest */
	PLACE_ENDED,    /* a pane whose session is over */
	PLACE_FORM,
	PLACE_CHOICE,   /* a field of the form that offers words */
	PLACE_LINE      /* a line that is typed */
};

enum { KEY_NEEDED = 1 }; /* one cannot get out, or on, without it: its first key stays when it would have none */

/*	  id           name            place          keys                          flags */
#define PLACE_KEYS(X)                                                                  \
	X(LIST_CLEAR, "list-clear", PLACE_LIST, "Esc", 0)                                  \
	X(PANEL_CLOSE, "panel-close", PLACE_PANEL, "Esc", KEY_NEEDED)                      \
	X(PANEL_GO, "panel-go", PLACE_PANEL, "Enter", 0)                                   \
	X(DIALOG_LEAVE, "dialog-leave", PLACE_DIALOG, "Esc q Ctrl-C", KEY_NEEDED)          \
	X(DIALOG_ACCEPT, "dialog-accept", PLACE_DIALOG, "Enter", KEY_NEEDED)               \
	X(COPY_COMMAND, "copy-command", PLACE_COMMAND, "Ctrl-Y", 0)                        \
	X(CONFIRM_YES, "confirm-yes", PLACE_CONFIRM, "y Y", 0)                             \
	X(CONFIRM_NO, "confirm-no", PLACE_CONFIRM, "n N", 0)                               \
	X(CONFIRM_OTHER, "confirm-other", PLACE_CONFIRM, "Tab Left Right h l", 0)          \
	X(PLAN_TAKE, "plan-take", PLACE_PLAN, "Space", 0)                                  \
	X(PLAN_OTHER, "plan-other", PLACE_PLAN, "e", 0)                                    \
	X(COLUMNS_SHOW, "columns-show", PLACE_COLUMNS, "Space", 0)                         \
	X(COLUMNS_LATER, "columns-later", PLACE_COLUMNS, "J Shift-Down", 0)                \
	X(COLUMNS_EARLIER, "columns-earlier", PLACE_COLUMNS, "K Shift-Up", 0)              \
	X(COLUMNS_WIDER, "columns-wider", PLACE_COLUMNS, "+ = Right", 0)                   \
	X(COLUMNS_NARROWER, "columns-narrower", PLACE_COLUMNS, "- Left", 0)                \
	X(COLUMNS_RESET, "columns-reset", PLACE_COLUMNS, "r", 0)                           \
	X(ANSWERS_AGAIN, "answers-again", PLACE_ANSWERS, "r", 0)                           \
	X(ANSWERS_GIVE_UP, "answers-give-up", PLACE_ANSWERS, "x", 0)                       \
	X(COMMANDS_COPY, "commands-copy", PLACE_COMMANDS, "Enter y", 0)                    \
	X(TEXT_LEAVE, "text-leave", PLACE_TEXT, "q Esc Ctrl-C", KEY_NEEDED)                \
	X(TEXT_UP, "text-up", PLACE_TEXT, "k Up Ctrl-Y Ctrl-P", 0)                         \
	X(TEXT_DOWN, "text-down", PLACE_TEXT, "j Down Enter Ctrl-E Ctrl-N", 0)             \
	X(TEXT_LEFT, "text-left", PLACE_TEXT, "h Left", 0)                                 \
	X(TEXT_RIGHT, "text-right", PLACE_TEXT, "l Right", 0)                              \
	X(TEXT_PAGE_UP, "text-page-up", PLACE_TEXT, "PgUp b Ctrl-B", 0)                    \
	X(TEXT_PAGE_DOWN, "text-page-down", PLACE_TEXT, "PgDn f Space Ctrl-F", 0)          \
	X(TEXT_HALF_UP, "text-half-up", PLACE_TEXT, "u Ctrl-U", 0)                         \
	X(TEXT_HALF_DOWN, "text-half-down", PLACE_TEXT, "d Ctrl-D", 0)                     \
	X(TEXT_FIRST, "text-first", PLACE_TEXT, "g Home <", 0)                             \
	X(TEXT_LAST, "text-last", PLACE_TEXT, "G End >", 0)                                \
	X(TEXT_SEARCH, "text-search", PLACE_TEXT, "/", 0)                                  \
	X(TEXT_SEARCH_UP, "text-search-up", PLACE_TEXT, "?", 0)                            \
	X(TEXT_NEXT, "text-next", PLACE_TEXT, "n", 0)                                      \
	X(TEXT_PREVIOUS, "text-previous", PLACE_TEXT, "N", 0)                              \
	X(CONSOLE_WRAP, "console-wrap", PLACE_CONSOLE, "w", 0)                             \
	X(CONSOLE_FOLLOW, "console-follow", PLACE_CONSOLE, "F", 0)                         \
	X(COPY_SELECT, "copy-select", PLACE_COPY, "v", 0)                                  \
	X(COPY_LINES, "copy-lines", PLACE_COPY, "V", 0)                                    \
	X(COPY_TAKE, "copy-take", PLACE_SELECT, "y Enter", 0)                              \
	X(COPY_OTHER_END, "copy-other-end", PLACE_SELECT, "o", 0)                          \
	X(COPY_LINE_START, "copy-line-start", PLACE_SELECT, "0 Home", 0)                   \
	X(COPY_LINE_END, "copy-line-end", PLACE_SELECT, "$ End", 0)                        \
	X(SHELL_PAGE_UP, "shell-page-up", PLACE_SHELL, "Shift-PgUp", 0)                    \
	X(SHELL_PAGE_DOWN, "shell-page-down", PLACE_SHELL, "Shift-PgDn", 0)                \
	X(ENDED_LEAVE, "ended-leave", PLACE_ENDED, "q Esc Ctrl-C", KEY_NEEDED)             \
	X(ENDED_CONNECT, "ended-connect", PLACE_ENDED, "Enter", 0)                         \
	X(ENDED_READ_BACK, "ended-read-back", PLACE_ENDED, "PgUp Up", 0)                   \
	X(FORM_NEXT, "form-next", PLACE_FORM, "Tab Down", 0)                               \
	X(FORM_PREVIOUS, "form-previous", PLACE_FORM, "Shift-Tab Up", 0)                   \
	X(FORM_TURN, "form-turn", PLACE_CHOICE, "Space Right", 0)                          \
	X(FORM_TURN_BACK, "form-turn-back", PLACE_CHOICE, "Left", 0)                       \
	X(LINE_LEAVE, "line-leave", PLACE_LINE, "Esc Ctrl-C Ctrl-G", KEY_NEEDED)           \
	X(LINE_ACCEPT, "line-accept", PLACE_LINE, "Enter", KEY_NEEDED)                     \
	X(LINE_HELP, "line-help", PLACE_LINE, "F1", 0)                                     \
	X(LINE_COMPLETE, "line-complete", PLACE_LINE, "Tab", 0)                            \
	X(LINE_UP, "line-up", PLACE_LINE, "Up Ctrl-P", 0)                                  \
	X(LINE_DOWN, "line-down", PLACE_LINE, "Down Ctrl-N", 0)                            \
	X(LINE_PAGE_UP, "line-page-up", PLACE_LINE, "PgUp", 0)                             \
	X(LINE_PAGE_DOWN, "line-page-down", PLACE_LINE, "PgDn", 0)                         \
	X(LINE_LEFT, "line-left", PLACE_LINE, "Left Ctrl-B", 0)                            \
	X(LINE_RIGHT, "line-right", PLACE_LINE, "Right Ctrl-F", 0)                         \
	X(LINE_START, "line-start", PLACE_LINE, "Ctrl-A Home", 0)                          \
	X(LINE_END, "line-end", PLACE_LINE, "Ctrl-E End", 0)                               \
	X(LINE_ERASE, "line-erase", PLACE_LINE, "Backspace", 0)                            \
	X(LINE_DELETE, "line-delete", PLACE_LINE, "Delete Ctrl-D", 0)                      \
	X(LINE_ERASE_WORD, "line-erase-word", PLACE_LINE, "Ctrl-W Alt-Backspace", 0)       \
	X(LINE_ERASE_START, "line-erase-start", PLACE_LINE, "Ctrl-U", 0)                   \
	X(LINE_ERASE_END, "line-erase-end", PLACE_LINE, "Ctrl-K", 0)

/* Numbered behind the actions: a row of the map is an enum action_id or one of these. */
enum place_key {
	IN_NONE = ACTION_COUNT,
#define X(id, ...) IN_##id,
	PLACE_KEYS(X)
#undef X
	KEYMAP_ROWS
};

#define KEYS_EACH 6

struct keymap {
	struct binding keys[KEYMAP_ROWS][KEYS_EACH]; /* neither special nor ch: none */
	struct binding leave;                        /* out of a pane: ui.leave_key */
};

void keymap_standard(struct keymap *map);

/* One entry of [keys]: "x", "Ctrl-T F9", "none". What is wrong leaves the map
 * as it was and fills `why`. */
bool keymap_set(struct keymap *map, const char *name, const char *text, char *why, size_t cap);

/* The whole section over the standard, and ui.leave_key. A key that two would
 * have in one place goes to the one that the file gives it, else to the first
 * of the table. `problem` (may be NULL) hears of each conflict and mistake:
 * where ("path:line") and what. Returns how many there were. */
size_t keymap_load(struct keymap *map, const stoker *s, void (*problem)(void *user, const char *origin, const char *text),
                   void *user);

/* The action bound to a key, ACTION_NONE when there is none; what a key means in a place, IN_NONE when nothing. */
enum action_id keymap_action(const struct keymap *map, const struct key *key);
enum place_key keymap_at(const struct keymap *map, const struct key *key, enum key_place place);
bool keymap_leaves(const struct keymap *map, const struct key *key);

/* An action's or place key's name; -1: there is none of that name. */
const char *keymap_row_name(int row);
int keymap_row(const char *name);
/* The one to tell; an empty one when it has none. */
const struct binding *keymap_first(const struct keymap *map, int row);

/* `text` with each {name} replaced by the first key of that action or place
 * key, {leave} by the one that leads out of a pane. Parts are separated by two
 * blanks; one whose key is not bound is left out. */
void keymap_text(const struct keymap *map, const char *text, char *buf, size_t cap);

/* A key as it is written down, "x", "Space", "Ctrl-X", "Shift-Tab", "F5", "PgUp"; and read. */
void binding_name(const struct binding *binding, char *buf, size_t cap);
struct key binding_key(const struct binding *binding); /* as if it had been pressed */
bool binding_read(struct binding *binding, const char *text);
/* Several, with blanks between them. */
bool bindings_read(struct binding keys[KEYS_EACH], const char *text, char *why, size_t cap);

#endif
