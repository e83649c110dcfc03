/* SPDX-License-Identifier: Apache-2.0
 *
 * nft_read.c - reading the table over netlink: a tenth of a millisecond, where a run of nft takes four.
 */
#include <errno.h>
#include <netinet/in.h> /* before the kernel's own header of the same things */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "nft_read.h"

enum { READ_TRIES = 8 };

uint32_t nft_hash(uint32_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

/* ---- one dump */

typedef int (*reader)(struct nl_msg *msg, void *user);

/* 0 or libnl's code. `table` and `set` go along as the attributes 1 and 2, which mean that in every request here. */
static int dump(struct nl_sock *sk, int type, bool of_table, const char *set, reader take, void *user)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_DUMP);
	int code = cb && msg ? nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) : -NLE_NOMEM;

	if (code == 0 && of_table)
		code = nla_put_string(msg, 1, "stoker");
	if (code == 0 && set)
		code = nla_put_string(msg, 2, set);
	if (code == 0) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take, user);
		code = nl_send_auto(sk, msg);
	}
	if (code >= 0)
		code = nl_recvmsgs(sk, cb);
	nlmsg_free(msg);
	nl_cb_put(cb);
	return code < 0 ? code : 0;
}

static bool is_ours(struct nlattr *table)
{
	return table && nla_len(table) == sizeof "stoker" && memcmp(nla_data(table), "stoker", sizeof "stoker") == 0;
}

/* ---- chains and rules */

struct summary {
	uint32_t hash;
	bool table;
};

static void mix(struct summary *sum, struct nlattr *a)
{
	if (a)
		sum->hash = nft_hash(sum->hash, nla_data(a), (size_t)nla_len(a));
}

static int take_table(struct nl_msg *msg, void *user)
{
	struct summary *sum = user;
	struct nlattr *a[NFTA_TABLE_MAX + 1];
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), a, NFTA_TABLE_MAX, NULL) == 0 && is_ours(a[NFTA_TABLE_NAME]))
		sum->table = true;
	return NL_OK;
}

static int take_chain(struct nl_msg *msg, void *user)
{
	struct summary *sum = user;
	struct nlattr *a[NFTA_CHAIN_MAX + 1];
	/* Neither handles nor counters: the same chain made anew is the same. */
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), a, NFTA_CHAIN_MAX, NULL) == 0 && is_ours(a[NFTA_CHAIN_TABLE])) {
		mix(sum, a[NFTA_CHAIN_NAME]);
		mix(sum, a[NFTA_CHAIN_HOOK]);
		mix(sum, a[NFTA_CHAIN_POLICY]);
		mix(sum, a[NFTA_CHAIN_TYPE]);
	}
	return NL_OK;
}

static int take_rule(struct nl_msg *msg, void *user)
{
	struct summary *sum = user;
	struct nlattr *a[NFTA_RULE_MAX + 1];
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), a, NFTA_RULE_MAX, NULL) == 0 && is_ours(a[NFTA_RULE_TABLE])) {
		mix(sum, a[NFTA_RULE_CHAIN]);
		mix(sum, a[NFTA_RULE_EXPRESSIONS]);
	}
	return NL_OK;
}

static int read_summary(struct nl_sock *sk, struct summary *sum)
{
	int code;
	sum->hash = NFT_HASH_START;
	sum->table = false;
	code = dump(sk, NFT_MSG_GETTABLE, false, NULL, take_table, sum);
	if (code == 0 && sum->table)
		code = dump(sk, NFT_MSG_GETCHAIN, false, NULL, take_chain, sum);
	if (code == 0 && sum->table)
		code = dump(sk, NFT_MSG_GETRULE, true, NULL, take_rule, sum);
	return code;
}

/* ---- elements */

struct reading {
	struct nft_view *view;
	size_t cap;
	enum nft_set set;
	bool failed;
	uint32_t seals[2];
	size_t seal_count;
};

static size_t value_of(struct nlattr *a, uint8_t *out, size_t cap)
{
	struct nlattr *data[NFTA_DATA_MAX + 1];
	size_t n = 0;
	if (a && nla_parse_nested(data, NFTA_DATA_MAX, a, NULL) == 0 && data[NFTA_DATA_VALUE]) {
		n = (size_t)nla_len(data[NFTA_DATA_VALUE]);
		memcpy(out, nla_data(data[NFTA_DATA_VALUE]), n < cap ? n : cap);
	}
	return n;
}

static void take_element(struct reading *r, struct nlattr **a)
{
	struct nft_element e;
	memset(&e, 0, sizeof e);
	if (r->set == NFT_SET_COUNT) { /* the seal */
		uint32_t mark;
		if (r->seal_count < 2 && value_of(a[NFTA_SET_ELEM_KEY], (uint8_t *)&mark, sizeof mark) == sizeof mark)
			r->seals[r->seal_count++] = mark;
		return;
	}
	e.set = r->set;
	if (value_of(a[NFTA_SET_ELEM_KEY], e.key, sizeof e.key) == 0)
		return;
	if (nft_layouts[r->set].interval)
		value_of(a[NFTA_SET_ELEM_KEY_END], e.end, sizeof e.end);
	value_of(a[NFTA_SET_ELEM_DATA], e.data, sizeof e.data);
	if (r->view->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 256;
		struct nft_element *more = reallocarray(r->view->items, cap, sizeof *more);
		if (!more) {
			r->failed = true;
			return;
		}
		r->view->items = more;
		r->cap = cap;
	}
	r->view->items[r->view->count++] = e;
}

static int take_elements(struct nl_msg *msg, void *user)
{
	struct reading *r = user;
	struct nlattr *a[NFTA_SET_ELEM_LIST_MAX + 1], *one, *e[NFTA_SET_ELEM_MAX + 1];
	int left;
	if (nlmsg_parse(nlmsg_hdr(msg), sizeof(struct nfgenmsg), a, NFTA_SET_ELEM_LIST_MAX, NULL) < 0 ||
	    !a[NFTA_SET_ELEM_LIST_ELEMENTS])
		return NL_OK;
	nla_for_each_nested(one, a[NFTA_SET_ELEM_LIST_ELEMENTS], left)
		if (nla_parse_nested(e, NFTA_SET_ELEM_MAX, one, NULL) == 0)
			take_element(r, e);
	return NL_OK;
}

static int by_element(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct nft_element));
}

/* A set that rules use cannot be taken away, so that sound rules speak for the sets that are not looked at. */
static int read_all(struct nl_sock *sk, unsigned sets, struct nft_view *view)
{
	struct reading r = { .view = view };
	struct summary sum;
	uint32_t text = nft_text_hash();
	bool whole = true;
	int code = read_summary(sk, &sum);

	view->count = 0;
	view->table = NFT_ABSENT;
	if (code != 0 || !sum.table)
		return code;
	for (int set = 0; code == 0 && set <= NFT_SET_COUNT; set++) {
		if (set < NFT_SET_COUNT && !(sets & NFT_SET_BIT(set)))
			continue;
		r.set = (enum nft_set)set;
		code = dump(sk, NFT_MSG_GETSETELEM, true, set < NFT_SET_COUNT ? nft_layouts[set].name : "seal", take_elements, &r);
		if (code == -NLE_OBJ_NOTFOUND) { /* the set is gone */
			whole = false;
			code = 0;
		}
	}
	if (r.failed)
		code = -NLE_NOMEM;
	whole = whole && r.seal_count == 2 &&
	        ((r.seals[0] == sum.hash && r.seals[1] == text) || (r.seals[1] == sum.hash && r.seals[0] == text));
	view->table = whole ? NFT_SOUND : NFT_CHANGED;
	if (view->count)
		qsort(view->items, view->count, sizeof *view->items, by_element);
	return code;
}

/* ---- asking */

static enum stoker_status read_failed(struct net_filter *filter, int code, struct stoker_error *err)
{
	nft_socket_drop(filter);
	return nft_failed(code, "read", err);
}

enum stoker_status nft_rules_hash(struct net_filter *filter, uint32_t *hash, bool *there, struct stoker_error *err)
{
	int code;
	struct nl_sock *sk = nft_socket(filter, &code);
	struct summary sum = { 0 };
	for (int i = 0; code == 0 && i < READ_TRIES; i++) {
		code = read_summary(sk, &sum);
		if (code != -NLE_DUMP_INTR)
			break;
		code = 0;
	}
	*hash = sum.hash;
	*there = sum.table;
	return code == 0 ? STOKER_OK : read_failed(filter, code, err);
}

enum stoker_status nft_check(struct net_filter *filter, struct stoker_error *err)
{
	int code;
	struct nl_sock *sk = nft_socket(filter, &code);
	struct summary sum = { 0 };
	/* What is listed while it changes was listed. */
	if (code == 0)
		code = dump(sk, NFT_MSG_GETTABLE, false, NULL, take_table, &sum);
	return code == 0 || code == -NLE_DUMP_INTR ? STOKER_OK : read_failed(filter, code, err);
}

unsigned nft_sets_of(const struct nft_element *elements, size_t count)
{
	unsigned sets = 0;
	for (size_t i = 0; i < count; i++)
		sets |= NFT_SET_BIT(elements[i].set);
	return sets;
}

enum stoker_status nft_look(struct net_filter *filter, unsigned sets, struct nft_view *out, struct stoker_error *err)
{
	int code;
	struct nl_sock *sk = nft_socket(filter, &code);

	memset(out, 0, sizeof *out);
	for (int i = 0; code == 0 && i < READ_TRIES; i++) {
		nft_view_free(out);
		code = read_all(sk, sets, out);
		if (code != -NLE_DUMP_INTR)
			break;
		code = 0;
	}
	if (code == 0)
		return STOKER_OK;
	nft_view_free(out);
	return read_failed(filter, code, err);
}

void nft_view_free(struct nft_view *view)
{
	free(view->items);
	memset(view, 0, sizeof *view);
}

bool nft_has(const struct nft_view *view, const struct nft_element *e)
{
	return view->count && bsearch(e, view->items, view->count, sizeof *e, by_element);
}

bool nft_port_taken(const struct nft_view *view, const struct nft_element *e, uint32_t *guest)
{
	for (size_t i = 0; e->set == NFT_SET_PORTS && i < view->count; i++)
		if (view->items[i].set == NFT_SET_PORTS && memcmp(view->items[i].key, e->key, 2) == 0) {
			*guest = nft_element_guest(&view->items[i]);
			return memcmp(view->items[i].data, e->data, sizeof e->data) != 0;
		}
	return false;
}
