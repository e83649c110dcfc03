/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - a model onto a screen. Views ask nobody anything.
 */
#ifndef STOKER_UI_TUI_VIEW_H
#define STOKER_UI_TUI_VIEW_H

#include "layout.h"
#include "model.h"
#include "theme.h"

/* The whole frame. */
void view_draw(const struct model *model, struct screen *screen);

void view_header(const struct model *model, struct screen *screen, const struct layout *layout);
void view_list(const struct model *model, struct screen *screen, const struct layout *layout);
/* What is below the list. */
void view_phases(const struct model *model, struct screen *screen, const struct rect *at);
void view_graphs(const struct model *model, struct screen *screen, const struct rect *at);
void view_fleet(const struct model *model, struct screen *screen, const struct rect *at);
void view_operations(const struct model *model, struct screen *screen, const struct rect *at);
void view_history(const struct model *model, struct screen *screen, const struct rect *at);
void view_panes(const struct model *model, struct screen *screen, const struct layout *layout);
void view_events(const struct model *model, struct screen *screen, const struct layout *layout);
void view_message(const struct model *model, struct screen *screen, const struct layout *layout);
void view_footer(const struct model *model, struct screen *screen, const struct layout *layout);
void view_dialog(const struct model *model, struct screen *screen);
/* What a dialog that asks says; `undo`: what takes a delete back, NULL: its key. */
struct confirm_words {
	char title[160], keep[160], go[160], note[160];
};
void confirm_words(const struct model *model, const char *undo, struct confirm_words *words);
/* One VM of it: state, uptime, shell. */
void confirm_line(const struct model *model, const struct row *row, char *buf, size_t cap);
/* How many of the marked ones are left, and why the first of them is; "" for none. */
void confirm_left(const struct model *model, char *buf, size_t cap);
void view_form(const struct model *model, struct screen *screen);
void view_plan(const struct model *model, struct screen *screen);
/* The selected line of a panel with lines, and that there are more. */
void panel_cursor(const struct model *model, struct screen *screen, const struct rect *at, int i);
void view_columns(const struct model *model, struct screen *screen);
void view_fanout(const struct model *model, struct screen *screen);
/* Lines that the answers of a fan-out take. */
int fanout_height(const struct model *model);
/* view_finder.c: what the palette found, and what stands at the right of the line it is typed in. */
void view_finder(const struct model *model, struct screen *screen, const struct layout *layout);
void finder_hint(const struct model *model, char *buf, size_t cap);
void view_help(const struct model *model, struct screen *screen);

/* The sign of a VM with what we have under way on it. */
enum glyph row_glyph(const struct row *row);

/* "14:02" or "14:02:07", in the model's local time. */
void clock_text(const struct model *model, int64_t at_ms, bool seconds, char *buf, size_t cap);
/* A running time: "0.4s", "12s", "2m05s", "14m". */
void running_text(int64_t ns, char *buf, size_t cap);
/* Draws text over several lines, broken at blanks; returns the lines used. Without a screen it only counts them. */
int draw_wrapped(struct screen *screen, int row, int col, int rows, int cols, struct style style, const char *text);

#endif
