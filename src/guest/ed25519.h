/* SPDX-License-Identifier: Apache-2.0
 *
 * ed25519.h - the public key of an Ed25519 seed; for the guest's init as well.
 */
#ifndef STOKER_SRC_GUEST_ED25519_H
#define STOKER_SRC_GUEST_ED25519_H

#include <stdint.h>

/* In the same time whatever the seed is. */
void ed25519_public(uint8_t out[32], const uint8_t seed[32]);

#endif
