/* SPDX-License-Identifier: Apache-2.0
 *
 * pane.h - what the dashboard shows beside its list: a shell, a log.
 *
 * A pane is opened in two steps: a worker opens the blocking part (an
 * authenticated stoker_shell, a stoker_log), then the loop makes the pane of it
 * on the terminal's thread. From then on everything here is called by that one
 * thread and never blocks. A pane that is not shown (detached, another one in
 * front) lives on: it is still polled and read.
 */
#ifndef STOKER_UI_TUI_PANE_H
#define STOKER_UI_TUI_PANE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "screen.h"
#include "stoker.h"

#define PANE_MAX_FDS 2

/* What the operator asks of a pane with the leave key and one more. */
enum pane_command {
	PANE_SCROLL /* enter the mode for scrolling back and searching */
};

struct pane;
struct keymap;

struct pane_ops {
	enum pane_kind { PANE_SHELL, PANE_LOG } kind;

	/* What its tab or heading says to the right of the VM's name, cleaned:
	 * "root@172.16.0.2", "following", "scrolled 120 lines". */
	void (*title)(const struct pane *pane, char *buf, size_t cap);

	/* The keys that matter in its present mode, for the footer, without the
	 * leave key, as keymap_text() takes them: "{text-search} search  {text-leave} back".
	 * "" when keys go to the guest. */
	const char *(*hint)(const struct pane *pane);

	/* Draws itself into the rectangle; a changed size is taken over from here
	 * (the guest is told). Sets the screen's cursor when it has the focus. */
	void (*draw)(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus);

	/* A key, mouse action (row and col are inside the pane's rectangle) or
	 * paste. false: not for this pane; the dashboard then takes those of
	 * PLACE_ENDED. */
	bool (*key)(struct pane *pane, const struct key *key, const struct keymap *keymap);
	bool (*command)(struct pane *pane, enum pane_command command);

	/* What to poll now: fills at most PANE_MAX_FDS, returns how many. */
	int (*poll)(const struct pane *pane, struct pollfd fds[PANE_MAX_FDS]);
	/* Milliseconds until ready() wants to be called without events, -1: never. */
	int (*timeout_ms)(const struct pane *pane);
	/* Called with the polled descriptors after any of them was ready or the
	 * time was over. Reads a bounded amount (16 KiB), so that keys stay fast.
	 * true: what draw() shows has changed. */
	bool (*ready)(struct pane *pane, const struct pollfd *fds, int count);

	/* The session or log has ended; `why` gets a line for people. A pane that
	 * is over stays readable until it is closed. */
	bool (*over)(const struct pane *pane, char *why, size_t cap);

	void (*free)(struct pane *pane);
};

/* The first member of every pane. */
struct pane {
	const struct pane_ops *ops;
	char vm_id[STOKER_ID_SIZE];
	char vm_name[STOKER_NAME_MAX + 1];
	bool activity; /* output since it was last in front; the loop clears it */
	bool broadcast; /* what is typed into one of these goes to all of them */
	bool logging;   /* its session is being written to a file */
	bool reopening; /* a shell that was cut off and is being connected again */
	bool retried;   /* that has been tried without being asked for */
	int64_t attached_ns; /* when its present session began */
	int64_t cut_ns;      /* when that was found to have ended; 0: it lives */
	bool told;           /* and people know */
	bool gone;           /* with its VM, which was deleted: there is nothing left to connect to */
	/* For the loop, which takes and frees it: text for the clipboard, a line for people. */
	char *copied;
	size_t copied_len;
	bool copied_by_guest, copied_cut;
	char notice[512];
};

/* shell_pane.c: takes `shell` over (also when it fails, then closes it). */
struct pane *shell_pane_new(stoker_shell *shell, const struct stoker_vm *vm, int rows, int cols, size_t scrollback_lines);
/* Takes a new session over for a shell that was cut off: what was shown stays above it. */
void shell_pane_attach(struct pane *pane, stoker_shell *shell);
/* Begins to write what it shows into a file; NULL ends that. */
void shell_pane_log(struct pane *pane, const char *path);
/* Whether programs in it may set the clipboard. */
void shell_pane_clipboard(struct pane *pane, bool allowed);
/* log_pane.c: takes `log` over likewise. */
struct pane *log_pane_new(stoker_log *log, const struct stoker_vm *vm, int rows, int cols);

#endif
