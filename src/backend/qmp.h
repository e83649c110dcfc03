/* SPDX-License-Identifier: Apache-2.0
 *
 * qmp.h - QEMU's machine protocol: one JSON object a line over a unix socket.
 * Every call has a deadline; an answer is at most 1 MiB; what QEMU says is
 * checked like anything foreign.
 */
#ifndef STOKER_SRC_QMP_H
#define STOKER_SRC_QMP_H

#include "../process.h"
#include "stoker.h"

struct qmp;

/* Connects to RUN_DIR/qmp.sock, whose listener must have been made by
 * `listener` (SO_PEERCRED). Waits for nothing. */
enum stoker_status qmp_open(const char *run_dir, const struct process_id *listener, struct qmp **out,
                            struct stoker_error *err);
/* Runs a command without arguments and gives the string at return.<member>, or
 * "" (member NULL: none wanted). The first one carries the negotiation with it. */
enum stoker_status qmp_run(struct qmp *qmp, const char *command, const char *member, char *value, size_t cap,
                           int64_t deadline_ns, int cancel_fd, struct stoker_error *err);
void qmp_close(struct qmp *qmp);

#endif
