/* SPDX-License-Identifier: Apache-2.0
 *
 * pager.h - the keys for reading back, alike in every pane: what less and vi use, unless [keys] says else.
 */
#ifndef STOKER_UI_TUI_PAGER_H
#define STOKER_UI_TUI_PAGER_H

#include "keymap.h"

enum pager_act {
	PAGER_NOTHING, /* taken, nothing to do but draw */
	PAGER_REFUSED, /* not a key of the pager */
	PAGER_UP, PAGER_DOWN, PAGER_PAGE_UP, PAGER_PAGE_DOWN, PAGER_HALF_UP, PAGER_HALF_DOWN,
	PAGER_WHEEL_UP, PAGER_WHEEL_DOWN, PAGER_TOP, PAGER_BOTTOM, PAGER_LEFT, PAGER_RIGHT,
	PAGER_TYPED,   /* the needle changed while it is typed: show where it would lead */
	PAGER_DROPPED, /* the search was given up: back to where it began */
	PAGER_NEXT, PAGER_PREVIOUS, /* in, and against, the direction of the search */
	PAGER_FOUND,   /* the needle is complete */
	PAGER_LEAVE
};

#define PAGER_TYPING_HINT "{line-accept} find   {line-leave} give up"

struct pager {
	bool typing;
	bool backwards;    /* '?': the search runs up; '/' too in a pane read from its end */
	bool missed;       /* the last search found nothing */
	char needle[256];  /* in force, "" when none */
	char before[256];  /* in force before the one being typed */
};

/* `up_first`: '/' searches towards the top, as the newest is at the bottom. */
enum pager_act pager_key(struct pager *pager, const struct key *key, const struct keymap *keymap, bool up_first);
/* The search line, while one is typed or when it found nothing; sets the cursor when typing and `focus`. */
bool pager_draw(const struct pager *pager, struct screen *screen, int row, int col, int cols, bool focus);

#endif
