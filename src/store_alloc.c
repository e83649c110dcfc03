/* SPDX-License-Identifier: Apache-2.0
 *
 * store_alloc.c - what a new VM gets of what there is only once: an address,
 * ports of the host, a vsock CID.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "error.h"
#include "net/net.h"
#include "store_db.h"

/* The lowest number of first..last that no row holds; 0: none. `fits` and the ports to be published may refuse one. */
static uint32_t lowest_free(struct store *store, enum store_stmt used, uint32_t first, uint32_t last,
                            bool (*fits)(uint16_t port), const struct net_policy *policy, struct stoker_error *err, enum stoker_status *st)
{
	struct sqlite3_stmt *s = store_stmt(store, used, err);
	uint64_t next = first;
	int code;
	*st = s ? STOKER_OK : STOKER_E_STORE;
	if (!s)
		return 0;
	sqlite3_bind_int64(s, 1, first);
	sqlite3_bind_int64(s, 2, last);
	do {
		uint64_t held;
		code = sqlite3_step(s);
		held = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : (uint64_t)last + 1;
		for (; next < held && next <= last; next++)
			if ((!policy || !net_publishes(policy, (uint16_t)next)) && (!fits || fits((uint16_t)next)))
				goto found;
		next = held + 1;
	} while (code == SQLITE_ROW);
	next = 0;
found:
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		next = 0;
	*st = store_finish(store, s, code, err);
	return (uint32_t)next;
}

/* The ports to be published, which somebody may have. */
static enum stoker_status check_published(struct store *store, const struct net_policy *policy, const struct store_pools *pools,
                                          struct stoker_error *err)
{
	for (size_t i = 0; i < policy->port_count; i++) {
		struct sqlite3_stmt *s = store_stmt(store, STMT_PORT_OWNER, err);
		uint16_t port = policy->ports[i].host;
		char owner[STOKER_NAME_MAX + 1] = "";
		enum stoker_status st;
		int code;
		if (!s)
			return STOKER_E_STORE;
		sqlite3_bind_int(s, 1, port);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			snprintf(owner, sizeof owner, "%s", (const char *)sqlite3_column_text(s, 0));
		st = store_finish(store, s, code, err);
		if (st != STOKER_OK)
			return st;
		if (owner[0]) {
			error_set(err, STOKER_E_LIMIT, "port %u of the host leads into the VM %s already", (unsigned)port, owner);
			return error_fix(err, "Publish another port"), STOKER_E_LIMIT;
		}
		if (pools->port_free && !pools->port_free(port)) {
			error_set(err, STOKER_E_LIMIT, "port %u of 127.0.0.1 is taken by another program, or not ours to take",
			          (unsigned)port);
			return error_fix(err, "Publish another port (ss -ltnp 'sport = :%u' names who has it)", (unsigned)port),
			       STOKER_E_LIMIT;
		}
	}
	return STOKER_OK;
}

enum stoker_status store_allocate(struct store *store, struct vm_record *rec, const struct store_pools *pools,
                                  struct stoker_error *err)
{
	struct net_policy policy = { 0 };
	enum stoker_status st;
	uint32_t got;

	/* 2^32 of them: they do not run out before the memory does. */
	rec->cid = lowest_free(store, STMT_USED_CIDS, CID_FIRST, CID_LAST, NULL, NULL, err, &st);
	if (st == STOKER_OK && net_policy_of(&rec->vm, &policy))
		st = check_published(store, &policy, pools, err);
	if (st != STOKER_OK)
		return st;
	if (pools->first_address) {
		got = lowest_free(store, STMT_USED_IPS, pools->first_address, pools->last_address, NULL, NULL, err, &st);
		if (st != STOKER_OK)
			return st;
		if (!got) {
			error_set(err, STOKER_E_LIMIT, "all %llu addresses of the pool are in use",
			          (unsigned long long)pools->last_address - pools->first_address + 1);
			return error_fix(err, "Delete VMs, or widen network.pool in the configuration"), STOKER_E_LIMIT;
		}
		store_ip_text(got, rec->vm.ip);
	}
	if (pools->first_port) {
		got = lowest_free(store, STMT_USED_PORTS, pools->first_port, pools->last_port, pools->port_free,
		                  &policy, err, &st);
		if (st != STOKER_OK)
			return st;
		if (!got) {
			error_set(err, STOKER_E_LIMIT, "no port of %u-%u is free on this host", pools->first_port,
			          pools->last_port);
			return error_fix(err, "Delete VMs, or widen network.ports in the configuration"),
			       STOKER_E_LIMIT;
		}
		rec->vm.ssh_port = (uint16_t)got;
	}
	return STOKER_OK;
}
