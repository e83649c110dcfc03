/* SPDX-License-Identifier: Apache-2.0
 *
 * nft_read.h - between nft.c, which has the table's text, nft_read.c, which reads it, and nft_write.c, which changes
 * its elements.
 */
#ifndef STOKER_SRC_NET_NFT_READ_H
#define STOKER_SRC_NET_NFT_READ_H

#include "nft.h"

struct nl_sock;

struct nft_layout {
	const char *name;
	const char *key, *data; /* the kinds of their fields */
	bool interval;
};
extern const struct nft_layout nft_layouts[NFT_SET_COUNT];
size_t nft_fields_size(const char *fields);

/* FNV-1a: it guards against accidents and other programs, not against root. */
#define NFT_HASH_START 2166136261u
uint32_t nft_hash(uint32_t hash, const void *data, size_t len);
/* Of what the rules are made from. */
uint32_t nft_text_hash(void);
/* Of the chains and rules as the kernel has them. */
enum stoker_status nft_rules_hash(struct net_filter *filter, uint32_t *hash, bool *there, struct stoker_error *err);

/* The filter's socket; NULL with *code, libnl's. */
struct nl_sock *nft_socket(struct net_filter *filter, int *code);
/* After a failure: what is still under way on it is nobody's any more. */
void nft_socket_drop(struct net_filter *filter);
/* An error of the filter's. Returns err->code. */
enum stoker_status nft_failed(int code, const char *doing, struct stoker_error *err);
/* The messages of the second behind those of the first; the second is left as it is. */
void nft_append(struct nft_change *change, const struct nft_change *more);
void nft_change_free(struct nft_change *change);
/* Puts the seal on the rules as they are, as part of a change. */
void nft_seal(struct nft_change *change, uint32_t rules, uint32_t text);

#endif
