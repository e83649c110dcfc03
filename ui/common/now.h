/* SPDX-License-Identifier: Apache-2.0
 *
 * now.h - the clocks. Not for model, update and views, to which time comes in the event.
 */
#ifndef STOKER_UI_COMMON_NOW_H
#define STOKER_UI_COMMON_NOW_H

#include <stdint.h>

int64_t mono_ns(void); /* CLOCK_MONOTONIC */
int64_t wall_ms(void); /* since the Unix epoch */

#endif
