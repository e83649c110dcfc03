/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - from a name back to its value; -1 for an unknown one.
 */
#ifndef STOKER_SRC_NAMES_H
#define STOKER_SRC_NAMES_H

#include "stoker.h"

int state_by_name(const char *name);
int phase_by_name(const char *name);
int disk_mode_by_name(const char *name);
int network_by_name(const char *name);

#endif
