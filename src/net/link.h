/* SPDX-License-Identifier: Apache-2.0
 *
 * link.h - devices, addresses, routes and neighbours, for the files of src/net only.
 */
#ifndef STOKER_SRC_NET_LINK_H
#define STOKER_SRC_NET_LINK_H

#include "net.h"

struct nl_sock;

#define LINK_ALIAS_SIZE 256

/* The device group of every TAP of a stoker: what the rules go by. "stk" */
#define LINK_GROUP 0x73746b
/* The protocol of our routes; their metric is the instance's number. */
#define LINK_ROUTE_PROTOCOL 83

struct net_link {
	char name[NET_NAME_SIZE];
	char alias[LINK_ALIAS_SIZE];
	int index;
	uint32_t group;
	bool up, carrier;
	bool forwards; /* a packet that comes from it may leave by another */
};

/* Who this state folder is among those of the host: chosen by the first that makes something (`make`). Before that it
 * is nobody, and nothing is its own. */
struct net_instance {
	char text[17];
	uint32_t metric; /* never 0 */
};
enum stoker_status link_instance(const stoker *s, bool make, struct net_instance *out, struct stoker_error *err);

/* "stoker ID INSTANCE PATH". */
void link_tag(const stoker *s, const struct net_instance *me, const char *id, char out[LINK_ALIAS_SIZE]);
/* The VM that a device is of when the tag is of this instance. */
bool link_owner(const struct net_link *link, const struct net_instance *me, char id[STOKER_ID_SIZE]);

enum stoker_status link_open(struct nl_sock **out, struct stoker_error *err);
/* Takes the pieces of a list as large as the kernel makes them: none has to be received once to learn its size. */
void link_lists_whole(struct nl_sock *sk);
void link_close(struct nl_sock *sk);

/* STOKER_E_NOT_FOUND, with *err left alone, when there is none of that name. */
enum stoker_status link_find(struct nl_sock *sk, const char *name, struct net_link *out, struct stoker_error *err);
/* All devices of our group; *out is malloc'ed. */
enum stoker_status link_all(struct nl_sock *sk, struct net_link **out, size_t *count, struct stoker_error *err);

/* A TAP that outlives us, tagged before it does. It is down. */
enum stoker_status link_make(struct nl_sock *sk, const char *name, const char *tag, bool forwards, struct net_link *out,
                             struct stoker_error *err);
/* Alias, group, and how it treats what comes from the guest. */
enum stoker_status link_configure(struct nl_sock *sk, const struct net_link *link, const char *tag, bool forwards,
                                  struct stoker_error *err);
/* Up, with the gateway's address, the route to the guest and its MAC as a permanent neighbour. */
enum stoker_status link_connect(struct nl_sock *sk, const struct net_link *link, const struct net_instance *me,
                                uint32_t gateway, uint32_t guest, const char *mac, struct stoker_error *err);
/* Closes a socket in a process that nobody waits for: for a close that the kernel keeps its caller waiting for. */
void link_close_apart(struct nl_sock *sk);
/* Returns once nobody can see it any more. */
enum stoker_status link_remove(struct nl_sock *sk, const struct net_link *link, struct stoker_error *err);

struct net_route {
	uint32_t to;
	unsigned bits;
	int index; /* of the device; 0: none, or several */
	uint8_t type, protocol;
	uint32_t metric;
};
/* The IPv4 routes of all tables, the host's own addresses (RTN_LOCAL) among them; *out is malloc'ed. */
enum stoker_status link_routes(struct nl_sock *sk, struct net_route **out, size_t *count, struct stoker_error *err);
/* The last address that it leads to. */
uint32_t link_route_last(const struct net_route *route);
bool link_route_is_ours(const struct net_route *route, const struct net_instance *me);

#endif
