/* SPDX-License-Identifier: Apache-2.0
 *
 * actions.h - everything the operator can do, said once.
 *
 * The one list below gives the keys, the footer, the help, the palette, what
 * read-only mode leaves out, and why an action is not possible just now. To
 * add an action: add a line, and what it does in update_act().
 */
#ifndef STOKER_UI_TUI_ACTIONS_H
#define STOKER_UI_TUI_ACTIONS_H

#include "screen.h"
#include "stoker.h"

enum {
	ACT_VM = 1,       /* needs a VM: the selected or the marked ones */
	ACT_CHANGES = 2,  /* changes something: not in read-only mode */
	ACT_DANGER = 4,   /* asks first, the safe answer has the focus */
	ACT_MANY = 8,     /* works on all marked VMs at once */
	ACT_PANE = 16,    /* needs a pane */
	ACT_QUIET = 32    /* not in the footer */
};

enum action_group { GROUP_VM, GROUP_LIST, GROUP_VIEW, GROUP_PANE, GROUP_GENERAL, GROUP_COUNT };

/*	  id          name         key                 second key           group         flags                              rank why_not
 *	  footer      help
 * rank: order in the footer, which shows as many as fit. */
#define ACTIONS(X)                                                                                                     \
	X(SHELL, "shell", SPECIAL(SK_ENTER), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES, 1, why_not_shell,                 \
	  "shell", "A shell beside the list, or back to an open one")                                         \
	X(CREATE, "create", PLAIN('c'), NO_KEY, GROUP_VM, ACT_CHANGES, 2, NULL,                                        \
	  "create", "Create a VM; the form begins with the defaults")                                                \
	X(START, "start", PLAIN('s'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY, 3, why_not_start,             \
	  "start", "Start the VM")                                                                                    \
	X(STOP, "stop", PLAIN('x'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY, 4, why_not_stop,                \
	  "stop", "Ask the guest to power off, kill it when late")                                \
	X(KILL, "kill", PLAIN('X'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY | ACT_DANGER, 6, why_not_stop,   \
	  "kill", "End the VM at once, as if its power were cut")                                                     \
	X(PAUSE, "pause", PLAIN('Z'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY | ACT_QUIET, 0, why_not_pause,   \
	  "", "Halt the VM where it is")                                                                               \
	X(RESUME, "resume", PLAIN('u'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY | ACT_QUIET, 0,                \
	  why_not_resume, "", "Let a paused VM go on")                                                                 \
	X(DELETE, "delete", PLAIN('D'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY | ACT_DANGER, 5,             \
	  why_not_delete, "delete", "Delete the VM and its disk")                                                     \
	X(UNDO, "undo", PLAIN('U'), NO_KEY, GROUP_VM, ACT_CHANGES | ACT_QUIET, 0, NULL, "",                             \
	  "Take back what was deleted last, from the trash")                                                                 \
	X(CLONE, "clone", PLAIN('C'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_QUIET, 0, NULL, "",                  \
	  "Create one like it, with its settings")                                                     \
	X(RESIZE, "resize", PLAIN('+'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY | ACT_QUIET, 0, why_not_resize,  \
	  "", "Grow the disk of a VM that does not run")                                                              \
	X(RUN, "run", PLAIN('!'), NO_KEY, GROUP_VM, ACT_VM | ACT_CHANGES | ACT_MANY, 18, why_not_run,                   \
	  "run", "One command on all marked VMs, side by side")                                              \
	X(LOGS, "logs", PLAIN('l'), NO_KEY, GROUP_VM, ACT_VM, 9, NULL, "logs", "Show and follow the VM's console")      \
	X(INSPECT, "inspect", PLAIN('i'), NO_KEY, GROUP_VM, ACT_VM, 10, NULL,                                          \
	  "inspect", "All that is recorded, its files, its timings")                                   \
	X(RECONCILE, "reconcile", PLAIN('R'), NO_KEY, GROUP_VM, ACT_CHANGES, 8, NULL,                                  \
	  "reconcile", "Compare records with host, repair differences")                               \
	X(UP, "up", PLAIN('k'), SPECIAL(SK_UP), GROUP_LIST, ACT_QUIET, 0, NULL, "", "Select the VM above")              \
	X(DOWN, "down", PLAIN('j'), SPECIAL(SK_DOWN), GROUP_LIST, ACT_QUIET, 0, NULL, "", "Select the VM below")        \
	X(PAGE_UP, "page-up", SPECIAL(SK_PAGE_UP), CONTROL('b'), GROUP_LIST, ACT_QUIET, 0, NULL, "", "A page up")       \
	X(PAGE_DOWN, "page-down", SPECIAL(SK_PAGE_DOWN), CONTROL('f'), GROUP_LIST, ACT_QUIET, 0, NULL, "",             \
	  "A page down")                                                                                               \
	X(FIRST, "first", PLAIN('g'), SPECIAL(SK_HOME), GROUP_LIST, ACT_QUIET, 0, NULL, "", "The first VM")             \
	X(LAST, "last", PLAIN('G'), SPECIAL(SK_END), GROUP_LIST, ACT_QUIET, 0, NULL, "", "The last VM")                 \
	X(MARK, "mark", PLAIN(' '), NO_KEY, GROUP_LIST, ACT_VM, 13, NULL, "mark",                                      \
	  "Mark it; actions then go to all marked VMs")                                                         \
	X(MARK_ALL, "mark-all", PLAIN('a'), NO_KEY, GROUP_LIST, ACT_VM | ACT_QUIET, 0, NULL, "",                        \
	  "Mark all that are shown, or none if all are")                                                     \
	X(MARK_RANGE, "mark-range", PLAIN('v'), NO_KEY, GROUP_LIST, ACT_VM | ACT_QUIET, 0, NULL, "",                    \
	  "Mark from the one marked last to here")                                                                     \
	X(INVERT, "invert", PLAIN('V'), NO_KEY, GROUP_LIST, ACT_VM | ACT_QUIET, 0, NULL, "",                            \
	  "Mark what is not marked, and vice versa")                                                          \
	X(FILTER, "filter", PLAIN('/'), NO_KEY, GROUP_LIST, 0, 11, NULL, "filter",                                     \
	  "Only VMs that fit: words, state: label: cpu>")                                    \
	X(SAVE_FILTER, "save-filter", PLAIN('F'), NO_KEY, GROUP_LIST, ACT_QUIET, 0, NULL, "",                           \
	  "Keep the filter by a name, among the commands")                                                        \
	X(SORT, "sort", PLAIN('o'), NO_KEY, GROUP_LIST, 0, 12, NULL, "sort", "Sort by the next column")                 \
	X(REVERSE, "reverse", PLAIN('O'), NO_KEY, GROUP_LIST, ACT_QUIET, 0, NULL, "", "Sort the other way round")       \
	X(COLUMNS, "columns", PLAIN('|'), NO_KEY, GROUP_LIST, ACT_QUIET, 0, NULL, "",                                   \
	  "Choose, order and resize columns")                                                                         \
	X(GROUP, "group", PLAIN('b'), NO_KEY, GROUP_LIST, ACT_QUIET, 0, NULL, "",                                       \
	  "Group by state, image, backend, each label")                                                               \
	X(FOLD, "fold", PLAIN('-'), NO_KEY, GROUP_LIST, ACT_QUIET, 0, NULL, "",                                         \
	  "Fold the group to its sums, or unfold it")                                                                 \
	X(PHASES, "phases", PLAIN('p'), NO_KEY, GROUP_VIEW, ACT_QUIET, 0, NULL, "",                                     \
	  "The selected VM's phases below the list, or not")                                                          \
	X(GRAPHS, "graphs", PLAIN('m'), NO_KEY, GROUP_VIEW, 0, 18, NULL, "graphs",                                      \
	  "Its CPU, memory, disk, network for ten minutes")                                                           \
	X(FLEET, "fleet", PLAIN('P'), NO_KEY, GROUP_VIEW, ACT_QUIET, 0, NULL, "",                                       \
	  "Phases of the whole fleet, and who is slow")                                                               \
	X(OPERATIONS, "operations", PLAIN('t'), NO_KEY, GROUP_VIEW, 0, 19, NULL, "operations",                          \
	  "What is under way, what was done, what failed")                                                            \
	X(EVENTS, "events", PLAIN('e'), NO_KEY, GROUP_VIEW, 0, 20, NULL, "events",                                      \
	  "What happened on this host, and by whom")                                                                  \
	X(ONLY_THIS, "only-this", PLAIN('f'), NO_KEY, GROUP_VIEW, ACT_QUIET, 0, NULL, "",                               \
	  "Only the selected VM's events, or all")                                                                    \
	X(RETRY, "retry", PLAIN('r'), NO_KEY, GROUP_VIEW, ACT_CHANGES | ACT_QUIET, 0, NULL, "",                         \
	  "Try the operation in the line once more")                                                                  \
	X(CANCEL, "cancel", CONTROL('x'), NO_KEY, GROUP_VIEW, ACT_CHANGES | ACT_QUIET, 0, NULL, "",                     \
	  "Cut the operation in the line short")                                                                      \
	X(NEXT_FOCUS, "focus", SPECIAL(SK_TAB), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                  \
	  "Move between the list, its panel and the pane")                                                                        \
	X(FULL, "full-screen", PLAIN('z'), NO_KEY, GROUP_PANE, ACT_PANE, 14, NULL, "full screen",                       \
	  "Give the pane the whole screen, or half again")                                                       \
	X(SCROLL, "scroll", PLAIN('['), NO_KEY, GROUP_PANE, ACT_PANE, 15, NULL, "scroll",                               \
	  "Scroll back and search in the pane")                                                                        \
	X(DETACH, "detach", PLAIN('d'), NO_KEY, GROUP_PANE, ACT_PANE, 16, NULL, "detach",                               \
	  "Put the pane away; a shell in it lives on")                                                                 \
	X(NEXT_PANE, "next-pane", PLAIN('n'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                    \
	  "Bring the next open pane to the front")                                                                     \
	X(SPLIT, "split", PLAIN('%'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                            \
	  "A second pane beside it, or back to one")                       \
	X(STACK, "split-below", PLAIN('"'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                      \
	  "The same, one above the other")                                                                             \
	X(OTHER_PANE, "other-pane", PLAIN(';'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                  \
	  "To the other one of two panes")                                                                             \
	X(BROADCAST, "broadcast", PLAIN('B'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_CHANGES | ACT_QUIET, 0, NULL, "",      \
	  "Type into the shells of all marked VMs at once")                              \
	X(LOG_SESSION, "log-session", PLAIN('L'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_CHANGES | ACT_QUIET, 0, NULL, "",  \
	  "Write what the shell shows to a file, or stop")                                                        \
	X(CLOSE, "close", PLAIN('w'), NO_KEY, GROUP_PANE, ACT_PANE | ACT_QUIET, 0, NULL, "",                            \
	  "Close the pane; a shell in it ends")                                                                        \
	X(PALETTE, "commands", PLAIN(':'), NO_KEY, GROUP_GENERAL, 0, 17, NULL, "commands",                              \
	  "Find an action, VM, pane or setting by its name")                                                       \
	X(COMMAND, "command", PLAIN('y'), NO_KEY, GROUP_GENERAL, ACT_QUIET, 0, NULL, "",                                \
	  "Show the stoker command of each action, to copy")                                                           \
	X(RESULTS, "results", PLAIN('E'), NO_KEY, GROUP_GENERAL, ACT_QUIET, 0, NULL, "",                                \
	  "How the last action on several VMs went")                                                          \
	X(HELP, "help", PLAIN('?'), SPECIAL(SK_F1), GROUP_GENERAL, 0, 0, NULL, "help", "This page")                     \
	X(SUSPEND, "suspend", CONTROL('z'), NO_KEY, GROUP_GENERAL, ACT_QUIET, 0, NULL, "",                              \
	  "Back to the shell that began it; fg returns")                                                         \
	X(REDRAW, "redraw", CONTROL('l'), NO_KEY, GROUP_GENERAL, ACT_QUIET, 0, NULL, "",                                \
	  "Draw everything again, read the records anew")                                                           \
	X(QUIT, "quit", PLAIN('q'), CONTROL('c'), GROUP_GENERAL, 0, 7, NULL, "quit",                                    \
	  "Close what is open, then leave; VMs run on")

enum action_id {
#define X(id, ...) ACTION_##id,
	ACTIONS(X)
#undef X
	ACTION_COUNT,
	ACTION_NONE = ACTION_COUNT
};

struct binding {
	enum special_key special;
	uint32_t ch;
	unsigned mods;
};

struct model;
struct row;

struct action {
	enum action_id id;
	const char *name;
	struct binding key, second; /* neither special nor ch: none */
	enum action_group group;
	unsigned flags;
	int rank;
	/* NULL: always possible. Returns why it is not for this VM, or NULL. */
	const char *(*why_not)(const struct stoker_vm *vm);
	const char *footer, *help;
};

const struct action *action_at(enum action_id id);
/* By its whole name or a prefix that fits only one. */
enum action_id action_of_name(const char *name);
/* "Enter", "c", "Ctrl-Z", "PgUp"; shown as ↵ where the screen can: see binding_name() for how it is written down. */
void action_key_text(const struct binding *binding, bool ascii, char *buf, size_t cap);
/* The keys an action has in this dashboard, "" when none; and the one to tell. */
void action_keys_text(const struct model *model, enum action_id id, char *buf, size_t cap);
void action_first_key(const struct model *model, enum action_id id, char *buf, size_t cap);
const char *action_group_name(enum action_group group);

/* Why the action is not possible now (read-only, no VM, no pane, state), or NULL. */
const char *action_disabled(enum action_id id, const struct model *model);

#endif
