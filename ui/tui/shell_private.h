/* SPDX-License-Identifier: Apache-2.0
 *
 * shell_private.h - a shell's pane, for its two halves: shell_pane.c (the
 * session, keys to the guest, drawing) and shell_copy.c (reading back,
 * searching, selecting).
 */
#ifndef STOKER_UI_TUI_SHELL_PRIVATE_H
#define STOKER_UI_TUI_SHELL_PRIVATE_H

#include "pager.h"
#include "pane.h"
#include "select.h"
#include "session_log.h"
#include "term.h"

#define READ_MAX 16384          /* bytes a turn */
#define SLICE 128               /* bytes between two looks at the clock */
#define PARSE_NS 1000000        /* parsing in a turn: short, so that the scheduler has no reason to interrupt it */
#define FRAME_NS 20000000       /* 50 pictures a second */
#define WHEEL_LINES 3
#define TITLE_COLS 32
#define LOG_LOOK_MS 200

struct shell_pane {
	struct pane pane;
	stoker_shell *shell;
	struct term *term;
	char login[64];
	int rows, cols;

	char in[READ_MAX]; /* read, and not yet parsed: in_at .. in_len */
	size_t in_at, in_len;
	char out[4096];    /* for the guest, and not yet taken: out_at .. out_len */
	size_t out_at, out_len;
	bool more;         /* there may be more to read although nothing wakes us */
	bool dirty;        /* the picture has changed since ready() last said so */
	int64_t frame_at;  /* when ready() last said so */
	bool focus;

	bool over;
	char why[512];

	bool paging;       /* keys read back instead of going to the guest */
	bool scrolled;     /* the view stands on `top`, else it is live */
	int64_t top;       /* number of the line in the first row */
	int64_t began;     /* `top` when the search began */
	bool began_live;
	int64_t match;     /* line of the last match, -1 */
	struct pager pager;

	struct selection selection;
	bool visual;       /* keys move the selection's end instead of the view */
	bool dragging;     /* a button is down on it */
	int64_t clicked_at, clicked_line;
	int clicked_col, clicks;
	struct session_log *log;
};

/* shell_pane.c */
void shell_flush_output(struct shell_pane *p);

/* shell_copy.c */
int64_t shell_live_top(const struct shell_pane *p);
int64_t shell_top(const struct shell_pane *p);
/* Puts line `top` into the first row, as far as there are lines. */
void shell_go(struct shell_pane *p, int64_t top);
void shell_page_begin(struct shell_pane *p);
bool shell_page_key(struct shell_pane *p, const struct key *key, const struct keymap *keymap);
void shell_mouse(struct shell_pane *p, const struct key *key);

#endif
