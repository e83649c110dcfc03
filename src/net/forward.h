/* SPDX-License-Identifier: Apache-2.0
 *
 * forward.h - which devices of the host forward, and for which a stoker turned
 * that on; for the files of src/net only.
 *
 * Which those are is kept twice. The set `forwarding` of the table tells every
 * stoker of the host, and is gone when somebody flushes the table; the file
 * STATE/forwarding tells this one until a restart of the host or the end of
 * the network namespace, with which the setting itself is gone.
 */
#ifndef STOKER_SRC_NET_FORWARD_H
#define STOKER_SRC_NET_FORWARD_H

#include "net.h"

struct net_route;

enum { FORWARD_MAX = 32 };
struct forward_names {
	char items[FORWARD_MAX][NET_NAME_SIZE];
	size_t count;
};
/* Nothing when it is there already, or the list is full. */
void forward_name(struct forward_names *names, const char *name);

/* /proc/sys/net/ipv4/conf/NAME/forwarding: may packets that come from it go on? "all" is the host as a whole. */
bool forward_is_on(const char *name);
enum stoker_status forward_set(const char *name, bool on, struct stoker_error *err);

/* The devices by which a guest's packets leave, and by which the answers come: those must be forwarded as well. Only
 * these are asked to, not the host as a whole (ip_forward). Those that do not forward yet. */
void forward_needed(const struct net_policy *policy, const struct net_route *routes, size_t count, struct forward_names *out);

/* Notes it in the file, before it is turned on. */
enum stoker_status forward_note(const stoker *s, const char *name, struct stoker_error *err);
/* Adds what the file tells of this boot and this network namespace. */
void forward_noted(const stoker *s, struct forward_names *names);
void forward_forget(const stoker *s);

#endif
