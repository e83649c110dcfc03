/* SPDX-License-Identifier: Apache-2.0
 *
 * nft_read.h - between nft.c, which writes the table, and nft_read.c, which reads it.
 */
#ifndef STOKER_SRC_NET_NFT_READ_H
#define STOKER_SRC_NET_NFT_READ_H

#include "nft.h"

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
enum stoker_status nft_rules_hash(uint32_t *hash, bool *there, struct stoker_error *err);

#endif
