/* SPDX-License-Identifier: Apache-2.0
 *
 * theme.h - the glyphs and styles all views share.
 *
 * A tone says what is meant; which colour that is, the theme decides
 * (palette.c). No meaning hangs on a colour alone: each state has a glyph and a
 * word too.
 */
#ifndef STOKER_UI_TUI_THEME_H
#define STOKER_UI_TUI_THEME_H

#include "screen.h"
#include "stoker.h"

enum tone {
	TONE_PLAIN,
	TONE_QUIET,   /* dim: headings, units, what is at rest */
	TONE_STRONG,  /* bold */
	TONE_TITLE,   /* the program's name, titles of dialogs */
	TONE_GOOD,    /* green in most themes, as the following are said for them */
	TONE_BUSY,    /* yellow */
	TONE_PAUSED,  /* blue */
	TONE_BAD,     /* red */
	TONE_ODD,     /* magenta: the host contradicts the record */
	TONE_ACCENT,  /* cyan: bars, marks, keys */
	TONE_FOCUS,   /* reverse: the selection, the focused button */
	TONE_FIELD,   /* an input field */
	TONE_WARN,    /* what is typed goes further than usual */
	TONE_COUNT
};
struct style tone(enum tone tone);

enum glyph {
	GLYPH_RUNNING, GLYPH_BUSY, GLYPH_PAUSED, GLYPH_STOPPED, GLYPH_CRASHED, GLYPH_ERROR, GLYPH_STALE,
	GLYPH_SELECT, GLYPH_MARK, GLYPH_SHELL, GLYPH_ACTIVITY, GLYPH_UP, GLYPH_DOWN, GLYPH_ENTER, GLYPH_ELLIPSIS,
	GLYPH_ARROW, GLYPH_DASH, GLYPH_CHECK, GLYPH_SLOW, GLYPH_OPEN, GLYPH_FOLDED,
	GLYPH_H, GLYPH_V, GLYPH_TOP_LEFT, GLYPH_TOP_RIGHT, GLYPH_BOTTOM_LEFT, GLYPH_BOTTOM_RIGHT, GLYPH_TEE_LEFT,
	GLYPH_TEE_RIGHT, GLYPH_TEE_DOWN, GLYPH_TEE_UP,
	GLYPH_COUNT
};
const char *glyph(const struct screen *screen, enum glyph glyph);

/* Of a VM: its sign, its tone, and (when busy) that it is in transition. */
enum glyph state_glyph(const struct stoker_vm *vm);
enum tone state_tone(const struct stoker_vm *vm);

/* One of eight heights for 0 to 100, " " below. */
const char *spark(const struct screen *screen, int percent);
/* The eighths of a column for bars: 0 (" ") to 8 (a full block). */
const char *block(const struct screen *screen, int eighths);

/* Draws a frame and clears its inside; the title may be NULL. */
void draw_box(struct screen *screen, int row, int col, int rows, int cols, const char *title);
/* A rule across, with a title in it and one at its right end (each may be NULL). */
void draw_rule(struct screen *screen, int row, int col, int cols, const char *title, const char *right, bool focus);

#endif
