/* SPDX-License-Identifier: Apache-2.0
 *
 * appearance.h - colours, theme, mouse and character set: what is asked for by
 * the command line, the environment and the configuration, in this order.
 */
#ifndef STOKER_UI_TUI_APPEARANCE_H
#define STOKER_UI_TUI_APPEARANCE_H

#include "loop.h"

/* How the terminal is to be opened. */
void appearance_read(const struct loop *loop, struct terminal_options *options);
/* The same after the configuration has changed, on the terminal as it is. */
void appearance_apply(struct loop *loop);
/* The terminal has said which colour its ground has. */
void appearance_ground(struct loop *loop, uint32_t rgb);
/* Only ASCII? */
bool appearance_ascii(const struct loop *loop);

#endif
