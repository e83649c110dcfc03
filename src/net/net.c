/* SPDX-License-Identifier: Apache-2.0
 *
 * net.c - attach and detach: the steps in their order, each of which may be
 * found done.
 */
#include "net.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../backend/backend.h"
#include "../error.h"
#include "../settings.h"
#include "forward.h"
#include "link.h"
#include "nft.h"
#include "view.h"

/* ---- the pool against the host's routes */

static const struct net_route *overlapping(const struct net_route *routes, size_t count, const struct net_instance *me,
                                           uint32_t gateway, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < count; i++) {
		const struct net_route *r = &routes[i];
		/* The default route leads everywhere; the gateway's address is on each of our own devices. */
		if (r->bits == 0 || r->to > last || link_route_last(r) < first || link_route_is_ours(r, me) ||
		    (r->to == gateway && r->bits == 32))
			continue;
		return r;
	}
	return NULL;
}

static enum stoker_status check_pool(stoker *s, const struct net_instance *me, const struct net_route *routes, size_t count,
                                     struct stoker_error *err)
{
	struct store_pools pools = { 0 };
	uint32_t gateway = net_gateway(s);
	const struct net_route *r;
	char name[IF_NAMESIZE] = "", text[16];

	settings_pools(s->settings, &pools);
	if (gateway >> 24 == 0 || gateway >> 24 == 127) {
		error_set(err, STOKER_E_INVALID, "the pool %s leaves no address before its first one for the gateway",
		          settings_get(s->settings, "network.pool"));
		return error_fix(err, "Begin network.pool one address later"), STOKER_E_INVALID;
	}
	r = overlapping(routes, count, me, gateway, gateway, pools.last_address);
	if (!r)
		return STOKER_OK;
	if (!r->index || !if_indextoname((unsigned)r->index, name))
		name[0] = '\0';
	error_set(err, STOKER_E_FAILED, "the pool of addresses %s overlaps %s %s/%u of this host%s%s%s",
	          settings_get(s->settings, "network.pool"),
	          r->protocol == LINK_ROUTE_PROTOCOL ? "a VM of another stoker," : "the route", net_address_text(r->to, text),
	          r->bits, name[0] ? " (" : "", name, name[0] ? ")" : "");
	return error_fix(err, "Choose addresses that are free here, in %s: [network] pool = 10.80.0.0/16; or use --network user",
	                 s->config_file[0] ? s->config_file : "stoker.conf");
}

/* ---- can it be had */

static enum stoker_status check_tools(struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];

	if (access("/dev/net/tun", R_OK | W_OK) < 0) {
		error_set(err, STOKER_E_MISSING, "network tap needs /dev/net/tun, which is not here or not ours to use");
		return error_fix(err, "Load it (sudo modprobe tun) and run as root, or use --network user"), STOKER_E_MISSING;
	}
	if (!program_find("nft", path)) {
		error_set(err, STOKER_E_MISSING, "network tap needs nft, which is not installed");
		return error_fix(err, "Install it: apt-get install nftables; or use --network user"), STOKER_E_MISSING;
	}
	return STOKER_OK;
}

enum stoker_status net_check(stoker *s, struct stoker_error *err)
{
	struct nl_sock *sk = NULL;
	struct net_route *routes = NULL;
	struct net_instance me;
	size_t count = 0;
	enum stoker_status st = nft_check(s->filter, err);

	if (st == STOKER_OK)
		st = check_tools(err);
	if (st == STOKER_OK)
		st = link_instance(s, false, &me, err);
	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st == STOKER_OK)
		st = link_routes(sk, &routes, &count, err);
	if (st == STOKER_OK)
		st = check_pool(s, &me, routes, count, err);
	free(routes);
	link_close(sk);
	return st;
}

/* ---- forwarding, where it is needed */

static enum stoker_status forward(stoker *s, const struct vm_record *rec, const struct forward_names *names,
                                  struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	for (size_t i = 0; st == STOKER_OK && i < names->count; i++) {
		st = forward_note(s, names->items[i], err);
		if (st == STOKER_OK)
			st = forward_set(names->items[i], true, err);
		if (st == STOKER_OK)
			history_event(s->store, "host", rec, "forwarding",
			              "forwarding was turned on for %s, by which %s reaches what its egress allows", names->items[i],
			              rec->vm.name);
	}
	return st;
}

/* ---- attach */

/* A table that is gone took every VM's elements along, and the names of the devices that forward. */
static enum stoker_status add_everybodys(stoker *s, struct nl_sock *sk, const struct net_instance *me, struct nft_change *change,
                                         const char *but, struct stoker_error *err)
{
	struct nft_element elements[NFT_VM_MAX];
	struct forward_names noted = { .count = 0 };
	struct vm_record *all = NULL;
	size_t count = 0;
	enum stoker_status st = store_all(s->store, &all, &count, err);

	forward_noted(s, &noted);
	for (size_t i = 0; st == STOKER_OK && i < noted.count; i++) {
		if (!forward_is_on(noted.items[i]))
			continue;
		nft_element_forwarding(noted.items[i], &elements[0]);
		nft_add(change, &elements[0]);
	}
	for (size_t i = 0; st == STOKER_OK && i < count; i++) {
		struct net_policy policy;
		struct net_link link;
		char name[NET_NAME_SIZE], owner[STOKER_ID_SIZE];
		size_t n;
		if (all[i].vm.network != STOKER_NET_TAP || strcmp(all[i].vm.id, but) == 0 || !net_policy_of(&all[i].vm, &policy))
			continue;
		net_tap_name(all[i].vm.id, name);
		if (link_find(sk, name, &link, NULL) != STOKER_OK || !link_owner(&link, me, owner))
			continue;
		n = nft_elements_of(&all[i], &policy, elements);
		for (size_t k = 0; k < n; k++)
			nft_add(change, &elements[k]);
	}
	free(all);
	return st;
}

/* A port of the host that leads to another guest already, of this stoker or of another. */
static enum stoker_status refuse_taken(stoker *s, const struct nft_view *view, const struct nft_element *elements, size_t count,
                                       struct stoker_error *err)
{
	struct vm_record *all = NULL;
	size_t n = 0, taken = 0;
	uint32_t guest;
	char text[16];

	while (taken < count && !nft_port_taken(view, &elements[taken], &guest))
		taken++;
	if (taken == count)
		return STOKER_OK;
	net_address_text(guest, text);
	error_set(err, STOKER_E_EXISTS, "port %u of 127.0.0.1 leads to the guest %s already",
	          (unsigned)elements[taken].key[0] << 8 | elements[taken].key[1], text);
	error_fix(err, "If that one is gone: stoker reconcile. If it is of another stoker, give this one ports of its own: [network] "
	          "ports = 3000-3999");
	if (store_all(s->store, &all, &n, NULL) == STOKER_OK)
		for (size_t i = 0; i < n; i++)
			if (all[i].vm.network == STOKER_NET_TAP && strcmp(all[i].vm.ip, text) == 0)
				error_fix(err, "It is that of %s: publish another port, or delete it first", all[i].vm.name);
	free(all);
	return STOKER_E_EXISTS;
}

/* The rules of one VM: what is missing of them, and of the table. */
static enum stoker_status make_rules(stoker *s, struct nl_sock *sk, const struct net_instance *me, const struct vm_record *rec,
                                     const struct net_policy *policy, const struct forward_names *names,
                                     struct stoker_error *err)
{
	struct nft_element elements[NFT_VM_MAX], device;
	size_t count = nft_elements_of(rec, policy, elements);
	unsigned sets = nft_sets_of(elements, count) | (names->count ? NFT_SET_BIT(NFT_SET_FORWARDING) : 0);
	struct nft_view view;
	enum stoker_status st = STOKER_OK;

	/* A second time when the table went away between the look and the change. */
	for (int tries = 0; tries < 2; tries++) {
		struct nft_change change = { 0 };
		st = nft_look(s->filter, sets, &view, err);
		if (st == STOKER_OK)
			st = refuse_taken(s, &view, elements, count, err);
		if (st != STOKER_OK) {
			nft_view_free(&view);
			return st;
		}
		for (size_t i = 0; i < count; i++)
			if (!nft_has(&view, &elements[i]))
				nft_add(&change, &elements[i]);
		for (size_t i = 0; i < names->count; i++) {
			nft_element_forwarding(names->items[i], &device);
			if (!nft_has(&view, &device))
				nft_add(&change, &device);
		}
		if (view.table == NFT_ABSENT)
			st = add_everybodys(s, sk, me, &change, rec->vm.id, err);
		if (st == STOKER_OK)
			st = view.table == NFT_SOUND ? nft_commit(s->filter, &change, err) : nft_restore(s->filter, &change, err);
		nft_view_free(&view);
		if (st == STOKER_OK || st == STOKER_E_MISSING)
			break;
	}
	return st;
}

static enum stoker_status make_device(stoker *s, struct nl_sock *sk, const struct net_instance *me, const struct vm_record *rec,
                                      bool forwards, struct net_link *link, struct stoker_error *err)
{
	char name[NET_NAME_SIZE], owner[STOKER_ID_SIZE], tag[LINK_ALIAS_SIZE], shown[LINK_ALIAS_SIZE];
	enum stoker_status st;

	net_tap_name(rec->vm.id, name);
	link_tag(s, me, rec->vm.id, tag);
	st = link_find(sk, name, link, err);
	if (st == STOKER_E_NOT_FOUND)
		return link_make(sk, name, tag, forwards, link, err);
	if (st != STOKER_OK)
		return st;
	if (link_owner(link, me, owner) && strcmp(owner, rec->vm.id) == 0)
		return link->forwards == forwards && link->group == LINK_GROUP ? STOKER_OK
		                                                               : link_configure(sk, link, tag, forwards, err);
	error_clean(shown, sizeof shown, link->alias, strlen(link->alias));
	error_set(err, STOKER_E_EXISTS, "the device %s is there already and is not of this stoker (its alias: %s)", name,
	          shown[0] ? shown : "none");
	return error_fix(err, "It is left as it is. When nobody needs it: sudo ip link delete %s", name), STOKER_E_EXISTS;
}

enum stoker_status net_attach(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	struct forward_names names = { .count = 0 };
	char mac[NET_MAC_SIZE];
	struct nl_sock *sk = NULL;
	struct net_route *routes = NULL;
	struct net_instance me;
	struct net_policy policy;
	struct net_link link;
	size_t route_count = 0;
	uint32_t ip;
	enum stoker_status st;

	if (!net_address(rec->vm.ip, &ip) || !net_policy_of(&rec->vm, &policy)) {
		error_set(err, STOKER_E_STATE, "its record has lost its address");
		return error_fix(err, "Delete it and create it anew: stoker delete %s", rec->vm.name), STOKER_E_STATE;
	}
	st = link_instance(s, true, &me, err);
	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st == STOKER_OK)
		st = link_routes(sk, &routes, &route_count, err);
	if (st == STOKER_OK)
		st = check_pool(s, &me, routes, route_count, err);
	if (st != STOKER_OK)
		goto out;
	forward_needed(&policy, routes, route_count, &names);
	st = make_device(s, sk, &me, rec, policy.open || policy.cidr_count || policy.guests || policy.metadata, &link, err);
	if (st == STOKER_OK)
		st = make_rules(s, sk, &me, rec, &policy, &names, err);
	if (st == STOKER_OK)
		st = forward(s, rec, &names, err);
	if (st == STOKER_OK) {
		net_mac(rec->vm.id, mac);
		st = link_connect(sk, &link, &me, net_gateway(s), ip, mac, err);
	}
out:
	free(routes);
	link_close(sk);
	return st;
}

enum stoker_status net_restore(stoker *s, struct stoker_error *err)
{
	struct net_instance me;
	struct nl_sock *sk = NULL;
	struct nft_change change = { 0 };
	enum stoker_status st = link_instance(s, true, &me, err);

	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st == STOKER_OK)
		st = add_everybodys(s, sk, &me, &change, "", err);
	if (st == STOKER_OK)
		st = nft_restore(s->filter, &change, err);
	link_close(sk);
	return st;
}

/* ---- detach */

static enum stoker_status remove_rules(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	struct nft_element elements[NFT_VM_MAX];
	struct net_policy policy;
	struct nft_view view;
	size_t count = net_policy_of(&rec->vm, &policy) ? nft_elements_of(rec, &policy, elements) : 0;
	enum stoker_status st = STOKER_OK;

	/* A second time when some of them went away between the look and the change. */
	for (int tries = 0; tries < 2; tries++) {
		struct nft_change change = { 0 };
		st = nft_look(s->filter, nft_sets_of(elements, count), &view, err);
		if (st != STOKER_OK)
			return st;
		for (size_t i = 0; i < count; i++)
			if (nft_has(&view, &elements[i]))
				nft_delete(&change, &elements[i]);
		nft_view_free(&view);
		st = nft_commit(s->filter, &change, err);
		if (st == STOKER_OK)
			break;
	}
	return st;
}

enum stoker_status net_detach(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	char name[NET_NAME_SIZE], owner[STOKER_ID_SIZE];
	struct nl_sock *sk = NULL;
	struct net_instance me;
	struct net_link link;
	enum stoker_status st = link_instance(s, true, &me, err);

	if (st == STOKER_OK)
		st = remove_rules(s, rec, err);
	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st != STOKER_OK)
		return st;
	net_tap_name(rec->vm.id, name);
	st = link_find(sk, name, &link, err);
	if (st == STOKER_OK && link_owner(&link, &me, owner) && strcmp(owner, rec->vm.id) == 0)
		st = link_remove(sk, &link, err);
	else if (st == STOKER_E_NOT_FOUND)
		st = STOKER_OK;
	link_close(sk);
	return st;
}
