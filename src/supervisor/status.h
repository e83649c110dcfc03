/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h - the text of a run's status file (control.h), both ways. Pure.
 */
#ifndef STOKER_SRC_SUPERVISOR_STATUS_H
#define STOKER_SRC_SUPERVISOR_STATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "lifecycle.h"

/* Returns the length, 0 when it does not fit. */
size_t status_format(const struct run_status *status, char *out, size_t cap);

/* False for anything but a whole, well-formed file: a torn or foreign one says
 * nothing rather than something wrong. Unknown keys are skipped. */
bool status_parse(const char *text, size_t len, struct run_status *out);

#endif
