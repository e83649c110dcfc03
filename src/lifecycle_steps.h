/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_steps.h - shared between the files of the lifecycle core only.
 */
#ifndef STOKER_SRC_LIFECYCLE_STEPS_H
#define STOKER_SRC_LIFECYCLE_STEPS_H

#include <signal.h>
#include <stdarg.h>

#include "lifecycle.h"

/* With the lock held: writes down what the supervisor published since. */
bool lifecycle_take_up(stoker *s, struct vm_record *now);

/* Records the intent of an operation: the new state, and who carries it out
 * since when. With the lock held. */
enum stoker_status steps_begin(stoker *s, struct vm_record *rec, enum stoker_phase kind, enum stoker_state state,
                               int64_t since_ns, struct stoker_error *err);

/* Records its result: the state, no operation, the timing, the event; tells the watchers. */
enum stoker_status steps_end(stoker *s, struct vm_record *rec, enum stoker_phase kind, enum stoker_state state,
                             struct stoker_error *err);

/* Records that it failed: state error with the reason; the error stays the caller's. */
void steps_failed(stoker *s, struct vm_record *rec, enum stoker_phase kind, const struct stoker_error *why);

/* Finds, locks (waiting at most limit_ms, < 0: 30 s), finds again under the lock and refreshes. *lock_fd is the
 * caller's to close. */
enum stoker_status steps_enter(stoker *s, const char *ref, int64_t limit_ms, int cancel_fd, struct vm_record *rec,
                               int *lock_fd, struct stoker_error *err);

/* Deletes with the lock held: intent, files, record. */
enum stoker_status steps_delete(stoker *s, struct vm_record *rec, int64_t since_ns, struct stoker_error *err);

/* Where stoker-supervisor is. STOKER_E_MISSING with the way out when nowhere. */
enum stoker_status supervisor_find(char out[STOKER_PATH_SIZE], struct stoker_error *err);

/* Can this port of 127.0.0.1 be bound now? */
bool port_is_free(uint16_t port);

#endif
