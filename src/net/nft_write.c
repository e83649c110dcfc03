/* SPDX-License-Identifier: Apache-2.0
 *
 * nft_write.c - changing elements over netlink: a tenth of a millisecond, where
 * a run of nft takes four; and the socket for this and for reading.
 *
 * The kernel lets go of what was deleted only when no processor uses it any
 * more, some 10 ms later, and whoever closes a socket of the packet filter
 * before is kept waiting until then. So a handle keeps its socket, and leaves a
 * close after a deletion to a process that nobody waits for.
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
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"
#include "link.h"
#include "nft_read.h"

enum { LINGER_MS = 200 };

/* ---- the socket */

struct net_filter {
	struct nl_sock *sk;
	uint32_t seq;
	int64_t deleted_ns; /* when something was deleted last; 0: never */
};

struct net_filter *net_filter_new(void)
{
	return calloc(1, sizeof(struct net_filter));
}

void nft_socket_drop(struct net_filter *filter)
{
	if (!filter || !filter->sk)
		return;
	if (filter->deleted_ns && clock_now_ns() - filter->deleted_ns < LINGER_MS * NS_PER_MS)
		link_close_apart(filter->sk);
	else
		nl_socket_free(filter->sk);
	filter->sk = NULL;
}

void net_filter_free(struct net_filter *filter)
{
	nft_socket_drop(filter);
	free(filter);
}

struct nl_sock *nft_socket(struct net_filter *filter, int *code)
{
	struct nl_sock *sk;

	*code = 0;
	if (filter && filter->sk)
		return filter->sk;
	sk = filter ? nl_socket_alloc() : NULL;
	*code = sk ? nl_connect(sk, NETLINK_NETFILTER) : -NLE_NOMEM;
	if (*code < 0) {
		nl_socket_free(sk);
		return NULL;
	}
	nl_socket_disable_auto_ack(sk);
	nl_socket_set_buffer_size(sk, 1 << 20, 0);
	link_lists_whole(sk);
	return filter->sk = sk;
}

enum stoker_status nft_failed(int code, const char *doing, struct stoker_error *err)
{
	if (code == -NLE_NOMEM)
		return error_errno(err, ENOMEM, "cannot %s the host's packet filter", doing);
	if (code == -NLE_PERM) {
		error_set(err, STOKER_E_MISSING, "network tap needs the right to change the host's network (CAP_NET_ADMIN)");
		return error_fix(err, "Run stoker as root, or use --network user"), STOKER_E_MISSING;
	}
	error_set(err, STOKER_E_MISSING, "the host's packet filter (nf_tables) cannot be asked: %s", nl_geterror(code));
	return error_fix(err, "Load it: sudo modprobe nf_tables; or use --network user"), STOKER_E_MISSING;
}

/* ---- composing a change */

static void append(struct nft_change *c, const void *data, size_t len)
{
	if (c->cap - c->len < len) {
		size_t cap = c->cap ? c->cap : 4096;
		uint8_t *more;
		while (cap - c->len < len)
			cap *= 2;
		more = c->failed ? NULL : realloc(c->data, cap);
		if (!more) {
			c->failed = true;
			return;
		}
		c->data = more;
		c->cap = cap;
	}
	memcpy(c->data + c->len, data, len);
	c->len += len;
}

void nft_append(struct nft_change *change, const struct nft_change *more)
{
	change->failed = change->failed || more->failed;
	change->deletes = change->deletes || more->deletes;
	if (more->len)
		append(change, more->data, more->len);
}

void nft_change_free(struct nft_change *change)
{
	free(change->data);
	memset(change, 0, sizeof *change);
}

static struct nl_msg *begin(int type, int flags)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_REQUEST | flags);
	if (msg && nlmsg_append(msg, &head, sizeof head, NLMSG_ALIGNTO) == 0)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static void end(struct nft_change *c, struct nl_msg *msg, bool whole)
{
	if (msg && whole)
		append(c, nlmsg_hdr(msg), NLMSG_ALIGN(nlmsg_hdr(msg)->nlmsg_len));
	else
		c->failed = true;
	nlmsg_free(msg);
}

static bool put_value(struct nl_msg *msg, int attribute, const void *value, size_t len)
{
	struct nlattr *nest = nla_nest_start(msg, attribute);
	return nest && nla_put(msg, NFTA_DATA_VALUE, (int)len, value) == 0 && nla_nest_end(msg, nest) == 0;
}

/* With `key` NULL a deletion is one of all elements. */
static void element(struct nft_change *c, bool add, const char *set, const void *key, const void *last, size_t key_len,
                    const void *data, size_t data_len)
{
	struct nl_msg *msg = begin(add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE : 0);
	struct nlattr *list = NULL, *one = NULL;
	bool ok = msg && nla_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, "stoker") == 0 &&
	          nla_put_string(msg, NFTA_SET_ELEM_LIST_SET, set) == 0;

	if (ok && key) {
		ok = (list = nla_nest_start(msg, NFTA_SET_ELEM_LIST_ELEMENTS)) && (one = nla_nest_start(msg, 1 /* NFTA_LIST_ELEM */)) &&
		     put_value(msg, NFTA_SET_ELEM_KEY, key, key_len) && (!last || put_value(msg, NFTA_SET_ELEM_KEY_END, last, key_len)) &&
		     (!data || put_value(msg, NFTA_SET_ELEM_DATA, data, data_len)) && nla_nest_end(msg, one) == 0 &&
		     nla_nest_end(msg, list) == 0;
	}
	end(c, msg, ok);
	c->deletes = c->deletes || !add;
}

static void element_of(struct nft_change *c, bool add, const struct nft_element *e)
{
	const struct nft_layout *l = &nft_layouts[e->set];
	element(c, add, l->name, e->key, l->interval ? e->end : NULL, nft_fields_size(l->key), add && l->data[0] ? e->data : NULL,
	        nft_fields_size(l->data));
}

void nft_add(struct nft_change *change, const struct nft_element *e)
{
	element_of(change, true, e);
}

void nft_delete(struct nft_change *change, const struct nft_element *e)
{
	element_of(change, false, e);
}

void nft_seal(struct nft_change *change, uint32_t rules, uint32_t text)
{
	element(change, false, "seal", NULL, NULL, 0, NULL, 0);
	element(change, true, "seal", &rules, NULL, sizeof rules, NULL, 0);
	element(change, true, "seal", &text, NULL, sizeof text, NULL, 0);
}

void nft_drop_table(struct nft_change *change)
{
	struct nl_msg *msg = begin(NFT_MSG_DELTABLE, 0);
	end(change, msg, msg && nla_put_string(msg, NFTA_TABLE_NAME, "stoker") == 0);
	change->deletes = true;
}

/* ---- carrying it out */

struct batch_mark {
	struct nlmsghdr head;
	struct nfgenmsg gen;
};

static void mark(struct nft_change *c, int type)
{
	struct batch_mark m = { { sizeof m, (uint16_t)type, NLM_F_REQUEST, 0, 0 },
		                { AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES) } };
	append(c, &m, sizeof m);
}

/* The kernel has answered when the send returns: what failed first, at the end the last message that asked. */
static int answers(int fd, uint32_t last)
{
	_Alignas(struct nlmsghdr) uint8_t buffer[16384];
	for (;;) {
		ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EPROTO;
		int left = (int)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)buffer; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = nlmsg_data(h);
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof *e))
				return EPROTO;
			if (e->error || h->nlmsg_seq == last)
				return -e->error;
		}
	}
}

/* 0 or errno. */
static int carry_out(struct net_filter *filter, const struct nft_change *change)
{
	struct nft_change all = { 0 };
	struct nlmsghdr *h = NULL;
	int code, fd;
	ssize_t n;

	fd = nft_socket(filter, &code) ? nl_socket_get_fd(filter->sk) : -1;
	if (fd < 0)
		return code == -NLE_PERM ? EPERM : ENOMEM;
	mark(&all, NFNL_MSG_BATCH_BEGIN);
	nft_append(&all, change);
	mark(&all, NFNL_MSG_BATCH_END);
	if (all.failed) {
		nft_change_free(&all);
		return ENOMEM;
	}
	for (size_t at = 0; at < all.len; at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = (struct nlmsghdr *)(void *)(all.data + at);
		h->nlmsg_seq = ++filter->seq;
		/* The last but one: the end of a batch is not answered by every kernel. */
		if (at + NLMSG_ALIGN(h->nlmsg_len) + sizeof(struct batch_mark) == all.len)
			h->nlmsg_flags |= NLM_F_ACK;
	}
	n = send(fd, all.data, all.len, 0);
	code = n < 0 ? errno : answers(fd, filter->seq - 1);
	nft_change_free(&all);
	if (code)
		nft_socket_drop(filter);
	return code;
}

enum stoker_status nft_commit(struct net_filter *filter, struct nft_change *change, struct stoker_error *err)
{
	int why = change->failed ? ENOMEM : change->len ? carry_out(filter, change) : 0;

	if (why == 0 && change->deletes)
		filter->deleted_ns = clock_now_ns();
	nft_change_free(change);
	if (why == 0)
		return STOKER_OK;
	return why == EPERM ? nft_failed(-NLE_PERM, "change", err) : error_errno(err, why, "cannot change the host's packet filter");
}
