/* SPDX-License-Identifier: Apache-2.0
 *
 * net.h - a guest's network: what it may reach, and for `tap` what of it is on the host.
 *
 * Of a VM with network `tap` the host has
 *
 *   - one persistent TAP device, owned by the VMM's user, without a bridge:
 *     the gateway's address on it, a /32 route to the guest through it, and a
 *     permanent neighbour entry, so that no guest can claim another's address;
 *   - elements in the sets of the one nftables table `stoker` (nft.h).
 *
 * The device carries our tag in its alias: "stoker ID INSTANCE PATH", where
 * INSTANCE is a random number kept in the state folder. What does not carry
 * exactly our instance is never changed or removed, whatever it is called.
 *
 *   net.c       attach, detach: the order of the steps
 *   policy.c    --egress, --publish, --allow as text and as numbers
 *   guest.c     names, MACs, and what a guest is told on its command line
 *   link.c      devices, addresses, routes, neighbours (libnl)
 *   forward.c   which devices of the host forward, and which of them for us
 *   nft.c       the table: its text, making it; nft_read.c reads it, nft_write.c changes its elements
 *   view.c      what is there against what should be: lists, reconcile, removal
 *
 * The order of the effects is: device (tagged, then made to last), rules, and
 * only then it is up: nothing is ever reachable without its rules. Rules go
 * before the device does, so that an element without a device is left over.
 */
#ifndef STOKER_SRC_NET_NET_H
#define STOKER_SRC_NET_NET_H

#include "../handle.h"
#include "../store.h"

#define NET_NAME_SIZE 16
#define NET_MAC_SIZE 18

/* "stk" and the first 12 digits of the id: 15 bytes, as long as a device's name may be. */
void net_tap_name(const char *id, char out[NET_NAME_SIZE]);
/* The guest's MAC, "52:54:00:aa:bb:cc". */
void net_mac(const char *id, char out[NET_MAC_SIZE]);

/* IPv4 addresses are numbers in host byte order. False when the text is none. */
bool net_address(const char *text, uint32_t *out);
const char *net_address_text(uint32_t address, char out[16]);
/* The gateway of every TAP: the address before the pool's first. 0: none. */
uint32_t net_gateway(const stoker *s);

/* ---- what a guest is told */

struct net_guest {
	char address[24]; /* "172.16.0.2/32"; "" without a network */
	char gateway[16];
	char dns[56];     /* up to three, separated by commas; "" for none */
	char user_net[24];/* QEMU's user-mode network: "172.16.0.0/16" */
};
void net_guest_config(const stoker *s, const struct stoker_vm *vm, struct net_guest *out);

/* ---- what a guest may reach, and by what it is reached */

enum { NET_CIDRS_MAX = 12, NET_PORTS_MAX = 16, NET_HOST_PORTS_MAX = 12 };

struct net_cidr {
	uint32_t base; /* host byte order */
	unsigned bits;
};
struct net_policy {
	bool open; /* everything that is not the host, a guest or link-local */
	struct net_cidr cidrs[NET_CIDRS_MAX];
	size_t cidr_count;
	bool guests, host, metadata;
	uint16_t host_ports[NET_HOST_PORTS_MAX];
	size_t host_port_count;
	struct {
		uint16_t host, guest;
	} ports[NET_PORTS_MAX];
	size_t port_count;
};

/* "all", "none" or "CIDR,..."; "HOST:GUEST,..."; "guests,host,host:PORT,metadata". NULL is as "". */
enum stoker_status net_policy_parse(struct net_policy *out, const char *egress, const char *publish, const char *allow,
                                    struct stoker_error *err);
/* The record's own, which was checked when it was made. False when it is damaged. */
bool net_policy_of(const struct stoker_vm *vm, struct net_policy *out);
/* Writes vm->egress, publish and allow in their normal form. False when one does not fit. */
bool net_policy_text(const struct net_policy *policy, struct stoker_vm *vm);
/* Is this port of the host among those published? */
bool net_publishes(const struct net_policy *policy, uint16_t port);

/* ---- the host's side, for network `tap` only */

/* The packet filter as a handle sees it. NULL without memory. Freeing NULL is allowed. */
struct net_filter *net_filter_new(void);
void net_filter_free(struct net_filter *filter);


/* Can VMs have TAPs here? CAP_NET_ADMIN, /dev/net/tun, nft, and a pool that no route of the host's overlaps.
 * Changes nothing. */
enum stoker_status net_check(stoker *s, struct stoker_error *err);

/* Makes what is missing of the device, its address, route and rules; what is there and right is left alone, so that
 * it costs little when nothing is missing. A device of that name that is not ours is refused. */
enum stoker_status net_attach(stoker *s, const struct vm_record *rec, struct stoker_error *err);

/* Removes all of it. What is gone already is no error; a device that is not ours is left. The VMM must be dead. */
enum stoker_status net_detach(stoker *s, const struct vm_record *rec, struct stoker_error *err);

#endif
