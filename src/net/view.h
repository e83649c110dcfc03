/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - what is on the host of all VMs, against what should be.
 */
#ifndef STOKER_SRC_NET_VIEW_H
#define STOKER_SRC_NET_VIEW_H

#include "net.h"

/* One look at devices, routes and rules. */
struct net_view;
/* NULL when it cannot be had (no right to, no memory): *err says why. */
struct net_view *net_view_take(const stoker *s, struct stoker_error *err);
void net_view_free(struct net_view *view);

/* What of this VM is not there, in words ("its device"), or NULL when nothing is missing. Rules are not asked for
 * while the table itself is gone or changed. */
const char *net_view_lacks(const struct net_view *view, const struct vm_record *rec);
/* NULL when the table is as it was made; else what is wrong with it. */
const char *net_view_table(const struct net_view *view);
/* The i-th device of this instance, and the VM it was made for; false past the end. */
bool net_view_device(const struct net_view *view, size_t i, char name[NET_NAME_SIZE], char id[STOKER_ID_SIZE]);
/* The i-th address that has rules but no device that is there; 0 past the end. */
uint32_t net_view_stray(const struct net_view *view, size_t i);

/* The devices for which a stoker turned forwarding on and that still forward, with commas between them; "" for none. */
void net_view_forwarding(const struct net_view *view, char *out, size_t cap);
/* How many devices are of stokers with another state folder: their rules are in the same table. */
size_t net_view_foreign(const struct net_view *view);
/* How many elements the table's sets have. */
size_t net_view_elements(const struct net_view *view);
bool net_view_is_up(const struct net_view *view, const char *device);

/* Makes the table whole again, with the elements of all our VMs. */
enum stoker_status net_restore(stoker *s, struct stoker_error *err);
/* The device made for a VM that has no record any more, and its rules. */
enum stoker_status net_remove_device(stoker *s, const char *id, struct stoker_error *err);
/* All rules of an address whose device is gone; nothing when it is there again. */
enum stoker_status net_remove_stray(stoker *s, uint32_t address, struct stoker_error *err);

/* The table, and the forwarding that was turned on, once no device of any stoker is left; until then nothing. What was
 * turned off, with commas between, in `off`; `*gone` tells whether the table went. */
enum stoker_status net_remove_table(stoker *s, bool *gone, char *off, size_t cap, struct stoker_error *err);

#endif
