/* SPDX-License-Identifier: Apache-2.0
 *
 * channel.h - what else the channel is used for, besides sessions (session.h).
 */
#ifndef STOKER_SRC_GUEST_CHANNEL_H
#define STOKER_SRC_GUEST_CHANNEL_H

#include "store.h"

/* Asks the guest to power off and notes in the run status that it was asked
 * for. Does not wait: whether the guest does it shows in its VMM's end. */
enum stoker_status channel_poweroff(stoker *s, const struct vm_record *rec, struct stoker_error *err);

/* Returns when the agent has said hello in this run. STOKER_E_STATE when the
 * VM ended instead, with its last words; STOKER_E_TIMEOUT, STOKER_E_CANCELLED. */
enum stoker_status channel_wait_hello(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                      struct stoker_error *err);

#endif
