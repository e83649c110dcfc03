/* SPDX-License-Identifier: Apache-2.0
 *
 * traffic.h - bytes that guests on the network `user` have received and sent.
 *
 * No counter of the host's knows them: the VMM moves them through its own
 * stack. The guest's agent counts them, and is asked through the supervisor.
 */
#ifndef STOKER_SRC_GUEST_TRAFFIC_H
#define STOKER_SRC_GUEST_TRAFFIC_H

#include "handle.h"

/* Takes the answers that have come since the last call into `out`, and asks
 * those in sight (in_sight may be NULL) and the next of the others. Never waits;
 * asks at most once a second, and so many at once. */
#define TRAFFIC_IN_SIGHT 96
#define TRAFFIC_BY_TURNS 32
void traffic_sample(stoker *s, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                    struct stoker_sample *out);
void traffic_free(struct traffic *traffic);

#endif
