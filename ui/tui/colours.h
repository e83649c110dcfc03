/* SPDX-License-Identifier: Apache-2.0
 *
 * colours.h - any colour as one that the terminal has.
 */
#ifndef STOKER_UI_TUI_COLOURS_H
#define STOKER_UI_TUI_COLOURS_H

#include <stdint.h>

/* `colours`: 0, 8, 16, 256 or 1 << 24. Gives COLOUR_DEFAULT, a palette index
 * below `colours`, or the COLOUR_RGB itself. */
int32_t colour_for(int colours, int32_t colour);

#endif
