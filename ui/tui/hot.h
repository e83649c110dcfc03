/* SPDX-License-Identifier: Apache-2.0
 *
 * hot.h - what a click means.
 *
 * While a view draws it says of places what they are (screen_hot()). Nobody
 * listens but hot_at(), which has the frame drawn once more to find out what
 * is at the mouse: so what can be clicked is always what is seen.
 */
#ifndef STOKER_UI_TUI_HOT_H
#define STOKER_UI_TUI_HOT_H

#include "screen.h"

enum hot_kind {
	HOT_NONE,
	HOT_INSIDE,  /* of a dialog, and nothing there */
	HOT_KEY,     /* as if the key `value` had been pressed: hot_key() */
	HOT_LEADER,  /* the leave key before it */
	HOT_ACTION,  /* an enum action_id */
	HOT_LINE,    /* a line of the list */
	HOT_VM,      /* an index into the model's rows */
	HOT_SORT,    /* an enum sort_by */
	HOT_STATE,   /* an enum glyph: VMs in that state */
	HOT_PANEL,   /* a line of what is below the list */
	HOT_TAB,     /* an index into the panes */
	HOT_PROMPT,  /* the line that is typed in */
	HOT_FOUND,   /* what the palette found */
	HOT_YES, HOT_NO,
	HOT_FIELD,   /* of the form */
	HOT_CHOICE,  /* one of its words: field * HOT_CHOICES + which */
	HOT_PLAN, HOT_PLAN_BOX, HOT_COLUMN, HOT_COLUMN_BOX,
	HOT_TEXT,    /* a line that can be copied */
	HOT_COPY     /* the command line that a dialog shows */
};
#define HOT_CHOICES 64

struct hot {
	enum hot_kind kind;
	int value;
	int offset, cols; /* where in the place, and how wide it is */
};

void screen_hot(struct screen *screen, int row, int col, int cols, enum hot_kind kind, int value);
void screen_hot_box(struct screen *screen, int row, int col, int rows, int cols);
/* From now on `screen` finds out what is drawn at this place. */
void screen_seek(struct screen *screen, int row, int col);
bool screen_seeking(const struct screen *screen);
struct hot screen_found(const struct screen *screen);

/* A key as HOT_KEY has it, from its name ("Esc", "Enter", "x"); 0: no key. And back. */
int hot_key_code(const char *name);
struct key hot_key(int code);
/* The keys that begin `part` ("j k scroll", "Enter create") at (row, col). */
void hot_part(struct screen *screen, int row, int col, const char *part, bool leader);
/* All parts of a line of them, separated by two blanks, a comma or a stop. */
void hot_hints(struct screen *screen, int row, int col, const char *text);

struct model;
struct hot hot_at(const struct model *model, int row, int col);

#endif
