/* SPDX-License-Identifier: Apache-2.0
 *
 * nft.h - the one table of rules, for the files of src/net only.
 *
 * The rules are the same for any number of VMs; a VM is elements in their
 * sets. The rules are made by one run of `nft -f -`, once for a host; everything
 * is read, and elements are changed, over netlink without a subprocess: a VM
 * costs one transaction of a tenth of a millisecond, where a run of nft takes
 * four. The messages are our own, put together with libnl: libnftables, which
 * could do both, is GPL-2 only and would stand beside OpenSSL 3.
 *
 * Which rules the table holds is told by its set `seal`: a hash of the text
 * that they were made from, and a hash of what the kernel said of them when it
 * had them. A rule that somebody added, changed or removed breaks it.
 */
#ifndef STOKER_SRC_NET_NFT_H
#define STOKER_SRC_NET_NFT_H

#include "net.h"

struct nl_sock;

enum nft_set {
	NFT_SET_GUEST,      /* TAP . MAC . address: what a guest may send as */
	NFT_SET_ADDRESS,    /* all guests: masqueraded when they leave the host */
	NFT_SET_OPEN,       /* egress all */
	NFT_SET_EGRESS,     /* guest . network */
	NFT_SET_PEERS,      /* allow guests */
	NFT_SET_HOST,       /* allow host */
	NFT_SET_HOST_PORT,  /* allow host:PORT: guest . protocol . port */
	NFT_SET_METADATA,   /* allow metadata */
	NFT_SET_PORTS,      /* 127.0.0.1:PORT -> guest . port */
	NFT_SET_FORWARDING, /* devices for which forwarding was turned on by a stoker */
	NFT_SET_COUNT
};

struct nft_element {
	enum nft_set set;
	uint8_t key[32], end[32], data[8]; /* as the kernel has them; `end` is the last key of a range */
};

/* What a VM must have. Returns how many; at most NFT_VM_MAX. */
enum { NFT_VM_MAX = 8 + NET_CIDRS_MAX + 2 * NET_HOST_PORTS_MAX + NET_PORTS_MAX };
size_t nft_elements_of(const struct vm_record *rec, const struct net_policy *policy, struct nft_element out[NFT_VM_MAX]);
void nft_element_forwarding(const char *device, struct nft_element *out);
/* The address of the guest that an element is about; 0: of none. */
uint32_t nft_element_guest(const struct nft_element *e);
/* The device's name in an element of GUEST or FORWARDING. */
void nft_element_device(const struct nft_element *e, char out[NET_NAME_SIZE]);

/* The packet filter as a handle sees it: one socket, opened when it is first needed. (Its life is in net.h.) */
struct net_filter;

enum nft_verdict { NFT_ABSENT, NFT_SOUND, NFT_CHANGED };
struct nft_view {
	enum nft_verdict table;
	struct nft_element *items; /* of the sets that were looked at; sorted */
	size_t count;
};
/* The sets that are of interest, as bits: each that is read is a question to the kernel. */
#define NFT_SET_BIT(set) (1u << (set))
#define NFT_SETS_ALL (NFT_SET_BIT(NFT_SET_COUNT) - 1)
unsigned nft_sets_of(const struct nft_element *elements, size_t count);
/* STOKER_E_MISSING when it takes CAP_NET_ADMIN. Free with nft_view_free(). */
enum stoker_status nft_look(struct net_filter *filter, unsigned sets, struct nft_view *out, struct stoker_error *err);
/* Can it be asked at all? One question, where a look is a dozen. */
enum stoker_status nft_check(struct net_filter *filter, struct stoker_error *err);
void nft_view_free(struct nft_view *view);
bool nft_has(const struct nft_view *view, const struct nft_element *e);
/* Does this port of the host lead to another guest already, and to which? No second element can have it. */
bool nft_port_taken(const struct nft_view *view, const struct nft_element *e, uint32_t *guest);

/* A transaction being composed: netlink messages. */
struct nft_change {
	uint8_t *data;
	size_t len, cap;
	bool failed, deletes;
};
void nft_add(struct nft_change *change, const struct nft_element *e);
void nft_delete(struct nft_change *change, const struct nft_element *e);
void nft_drop_table(struct nft_change *change);
/* Carries it out unless there is nothing to do, and frees it. */
enum stoker_status nft_commit(struct net_filter *filter, struct nft_change *change, struct stoker_error *err);
/* Makes the table, or makes its rules right again, keeping the elements that are there; then adds the change's. */
enum stoker_status nft_restore(struct net_filter *filter, struct nft_change *change, struct stoker_error *err);

#endif
