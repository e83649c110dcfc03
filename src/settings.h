/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - what of the settings is parsed already. The rest is in handle.h.
 */
#ifndef STOKER_SRC_SETTINGS_H
#define STOKER_SRC_SETTINGS_H

struct settings;
struct store_pools;

/* Fills the ranges of addresses and ports; leaves port_free as it is. */
void settings_pools(const struct settings *settings, struct store_pools *out);

#endif
