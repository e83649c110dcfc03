/* SPDX-License-Identifier: Apache-2.0
 *
 * view.c - what is there against what should be, and taking away what nobody has.
 */
#include "view.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "forward.h"
#include "link.h"
#include "nft.h"

struct net_view {
	struct net_instance me;
	struct net_link *links;
	struct net_route *routes;
	size_t link_count, route_count;
	struct nft_view rules;
	struct forward_names forwarding;
};

/* What the table and the file tell, as far as it is still so. */
static void take_forwarding(const stoker *s, struct net_view *view)
{
	struct forward_names names = { .count = 0 };
	char name[NET_NAME_SIZE];

	for (size_t i = 0; i < view->rules.count; i++)
		if (view->rules.items[i].set == NFT_SET_FORWARDING) {
			nft_element_device(&view->rules.items[i], name);
			forward_name(&names, name);
		}
	forward_noted(s, &names);
	for (size_t i = 0; i < names.count; i++)
		if (forward_is_on(names.items[i]))
			forward_name(&view->forwarding, names.items[i]);
}

struct net_view *net_view_take(const stoker *s, struct stoker_error *err)
{
	struct net_view *view = calloc(1, sizeof *view);
	struct nl_sock *sk = NULL;
	enum stoker_status st = view ? nft_look(s->filter, NFT_SETS_ALL, &view->rules, err) : error_set(err, STOKER_E_NOMEM, "not enough memory");

	if (st == STOKER_OK)
		st = link_instance(s, false, &view->me, err);
	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st == STOKER_OK)
		st = link_all(sk, &view->links, &view->link_count, err);
	if (st == STOKER_OK)
		st = link_routes(sk, &view->routes, &view->route_count, err);
	link_close(sk);
	if (view && st == STOKER_OK) {
		take_forwarding(s, view);
		return view;
	}
	net_view_free(view);
	return NULL;
}

void net_view_free(struct net_view *view)
{
	if (!view)
		return;
	nft_view_free(&view->rules);
	free(view->links);
	free(view->routes);
	free(view);
}

static const struct net_link *device_of(const struct net_view *view, const char *id)
{
	char owner[STOKER_ID_SIZE];
	for (size_t i = 0; i < view->link_count; i++)
		if (link_owner(&view->links[i], &view->me, owner) && strcmp(owner, id) == 0)
			return &view->links[i];
	return NULL;
}

const char *net_view_lacks(const struct net_view *view, const struct vm_record *rec)
{
	struct nft_element elements[NFT_VM_MAX];
	const struct net_link *link = device_of(view, rec->vm.id);
	struct forward_names names = { .count = 0 };
	struct net_policy policy;
	uint32_t ip;
	size_t count;
	bool route = false;

	if (!net_address(rec->vm.ip, &ip) || !net_policy_of(&rec->vm, &policy))
		return NULL; /* nothing that could be made again */
	if (!link)
		return "its device";
	for (size_t i = 0; i < view->route_count; i++)
		route = route || (link_route_is_ours(&view->routes[i], &view->me) && view->routes[i].to == ip &&
		                  view->routes[i].index == link->index);
	if (!link->up || !route)
		return "its route";
	if (view->rules.table != NFT_SOUND)
		return NULL;
	count = nft_elements_of(rec, &policy, elements);
	for (size_t i = 0; i < count; i++)
		if (!nft_has(&view->rules, &elements[i]))
			return "rules of its own";
	/* Its next start turns it on; a guest that runs has lost its way out, as when another route became the default. */
	if (process_alive(&rec->vmm))
		forward_needed(&policy, view->routes, view->route_count, &names);
	return names.count ? "the forwarding of its way out" : NULL;
}

const char *net_view_table(const struct net_view *view)
{
	return view->rules.table == NFT_SOUND ? NULL : view->rules.table == NFT_ABSENT ? "gone" : "changed";
}

bool net_view_device(const struct net_view *view, size_t i, char name[NET_NAME_SIZE], char id[STOKER_ID_SIZE])
{
	for (size_t k = 0; k < view->link_count; k++)
		if (link_owner(&view->links[k], &view->me, id) && i-- == 0) {
			memcpy(name, view->links[k].name, NET_NAME_SIZE);
			return true;
		}
	return false;
}

/* Has this address a device that is there? Rules come after the device and go before it. */
static bool has_device(const struct nft_view *rules, uint32_t address)
{
	for (size_t i = 0; i < rules->count; i++) {
		char name[NET_NAME_SIZE];
		if (rules->items[i].set != NFT_SET_GUEST || nft_element_guest(&rules->items[i]) != address)
			continue;
		nft_element_device(&rules->items[i], name);
		if (if_nametoindex(name))
			return true;
	}
	return false;
}

uint32_t net_view_stray(const struct net_view *view, size_t i)
{
	/* Every VM has exactly one element in ADDRESS, or in the worst case in GUEST alone. */
	for (size_t k = 0; k < view->rules.count; k++) {
		const struct nft_element *e = &view->rules.items[k];
		uint32_t address = nft_element_guest(e);
		bool first = address != 0;
		for (size_t j = 0; first && j < k; j++)
			first = nft_element_guest(&view->rules.items[j]) != address;
		if (first && !has_device(&view->rules, address) && i-- == 0)
			return address;
	}
	return 0;
}

void net_view_forwarding(const struct net_view *view, char *out, size_t cap)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < view->forwarding.count && at < cap; i++)
		at += (size_t)snprintf(out + at, cap - at, "%s%s", at ? "," : "", view->forwarding.items[i]);
}

size_t net_view_foreign(const struct net_view *view)
{
	char id[STOKER_ID_SIZE];
	size_t n = 0;
	for (size_t i = 0; i < view->link_count; i++)
		n += !link_owner(&view->links[i], &view->me, id);
	return n;
}

size_t net_view_elements(const struct net_view *view)
{
	return view->rules.count;
}

bool net_view_is_up(const struct net_view *view, const char *device)
{
	for (size_t i = 0; i < view->link_count; i++)
		if (strcmp(view->links[i].name, device) == 0)
			return view->links[i].up;
	return false;
}

enum stoker_status net_remove_stray(stoker *s, uint32_t address, struct stoker_error *err)
{
	struct nft_view rules;
	struct nft_change change = { 0 };
	enum stoker_status st = nft_look(s->filter, NFT_SETS_ALL, &rules, err);

	if (st != STOKER_OK)
		return st;
	if (!has_device(&rules, address))
		for (size_t i = 0; i < rules.count; i++)
			if (nft_element_guest(&rules.items[i]) == address)
				nft_delete(&change, &rules.items[i]);
	nft_view_free(&rules);
	return nft_commit(s->filter, &change, err);
}

enum stoker_status net_remove_device(stoker *s, const char *id, struct stoker_error *err)
{
	struct net_view *view = net_view_take(s, err);
	const struct net_link *link;
	struct nft_change change = { 0 };
	struct nl_sock *sk = NULL;
	char name[NET_NAME_SIZE], held[NET_NAME_SIZE];
	uint32_t address = 0;
	enum stoker_status st = STOKER_OK;

	if (!view)
		return err ? err->code : STOKER_E_FAILED;
	net_tap_name(id, name);
	link = device_of(view, id);
	for (size_t i = 0; i < view->rules.count; i++)
		if (view->rules.items[i].set == NFT_SET_GUEST) {
			nft_element_device(&view->rules.items[i], held);
			if (strcmp(held, name) == 0 && (link || !if_nametoindex(name)))
				address = nft_element_guest(&view->rules.items[i]);
		}
	for (size_t i = 0; address && i < view->rules.count; i++)
		if (nft_element_guest(&view->rules.items[i]) == address)
			nft_delete(&change, &view->rules.items[i]);
	st = nft_commit(s->filter, &change, err);
	if (st == STOKER_OK && link) {
		st = link_open(&sk, err);
		if (st == STOKER_OK)
			st = link_remove(sk, link, err);
		link_close(sk);
	}
	net_view_free(view);
	return st;
}

/* A stoker of another state folder may have made a device since the look. Its rules would be gone with the table: then
 * the table is made again without them, and that guest is shut in until its own reconcile. */
static enum stoker_status drop_table(stoker *s, bool *gone, struct stoker_error *err)
{
	struct nft_change change = { 0 };
	struct net_link *links = NULL;
	struct nl_sock *sk = NULL;
	size_t count = 0;
	enum stoker_status st;

	nft_drop_table(&change);
	st = nft_commit(s->filter, &change, err);
	*gone = st == STOKER_OK;
	if (st == STOKER_OK)
		st = link_open(&sk, err);
	if (st == STOKER_OK)
		st = link_all(sk, &links, &count, err);
	link_close(sk);
	free(links);
	if (st != STOKER_OK || count == 0)
		return st;
	*gone = false;
	return net_restore(s, err);
}

enum stoker_status net_remove_table(stoker *s, bool *gone, char *off, size_t cap, struct stoker_error *err)
{
	struct net_view *view = net_view_take(s, err);
	enum stoker_status st = STOKER_OK;
	size_t at = 0;

	*gone = false;
	off[0] = '\0';
	if (!view)
		return err ? err->code : STOKER_E_FAILED;
	if (view->link_count)
		goto out;
	/* Somebody made the whole host forward since: then these devices are to, whoever asked first. */
	for (size_t i = 0; st == STOKER_OK && i < view->forwarding.count && !forward_is_on("all"); i++) {
		st = forward_set(view->forwarding.items[i], false, err);
		if (st == STOKER_OK && at < cap)
			at += (size_t)snprintf(off + at, cap - at, "%s%s", at ? "," : "", view->forwarding.items[i]);
	}
	if (st == STOKER_OK && view->rules.table != NFT_ABSENT)
		st = drop_table(s, gone, err);
	if (st == STOKER_OK)
		forward_forget(s);
out:
	net_view_free(view);
	return st;
}
