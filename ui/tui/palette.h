/* SPDX-License-Identifier: Apache-2.0
 *
 * palette.h - the themes: what each tone looks like on a terminal.
 *
 * Views say what they mean (COLOUR_TONE); which colour that is, is decided when
 * it is painted. So a theme can change while the dashboard runs, and what a
 * guest shows in its pane keeps the guest's own colours.
 */
#ifndef STOKER_UI_TUI_PALETTE_H
#define STOKER_UI_TUI_PALETTE_H

#include "screen.h"

/* Replaces COLOUR_TONE in a style by what the theme says for a terminal of so many colours. */
void palette_apply(enum palette palette, int colours, struct style *style);
/* "dark", "light", "contrast", "colourblind", "mono"; false: no such one. */
bool palette_by_name(const char *name, enum palette *out);
const char *palette_name(enum palette palette);
/* The theme for a background: 0xRRGGBB. */
enum palette palette_for_background(uint32_t rgb);
/* COLORFGBG, "15;0" or "0;default;15", as rxvt and its relatives set it; false: says nothing. */
bool palette_of_colorfgbg(const char *text, enum palette *out);

#endif
