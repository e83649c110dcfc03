/* SPDX-License-Identifier: Apache-2.0
 *
 * network.c - what is on the host of the VMs with network tap: shown, and taken
 * away as a whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "host.h"
#include "lifecycle_steps.h"
#include "net/view.h"
#include "settings.h"

enum { NAMES_SHOWN = 5 };

const char *stoker_rules_name(enum stoker_rules rules)
{
	static const char *const names[STOKER_RULES_COUNT] = { "absent", "sound", "changed" };
	return (unsigned)rules < STOKER_RULES_COUNT ? names[rules] : "";
}

static enum stoker_rules rules_of(const struct net_view *view)
{
	const char *wrong = net_view_table(view);
	return !wrong ? STOKER_RULES_SOUND : strcmp(wrong, "gone") == 0 ? STOKER_RULES_ABSENT : STOKER_RULES_CHANGED;
}

/* ---- list */

static void describe(const struct net_view *view, const struct vm_record *rec, struct stoker_network_device *out)
{
	const struct stoker_vm *vm = &rec->vm;
	const char *lacks = net_view_lacks(view, rec);
	char name[NET_NAME_SIZE];

	memcpy(out->id, vm->id, sizeof out->id);
	memcpy(out->name, vm->name, sizeof out->name);
	out->state = vm->state;
	snprintf(out->ip, sizeof out->ip, "%.15s", vm->ip);
	out->ssh_port = vm->ssh_port;
	memcpy(out->publish, vm->publish, sizeof out->publish);
	net_tap_name(vm->id, name);
	memcpy(out->device, name, sizeof name);
	out->up = net_view_is_up(view, name);
	if (!lacks && rules_of(view) != STOKER_RULES_SOUND)
		lacks = "the table of rules";
	snprintf(out->missing, sizeof out->missing, "%s", lacks ? lacks : "");
}

enum stoker_status stoker_network_list(stoker *s, struct stoker_network_device **out, size_t *count,
                                       struct stoker_error *err)
{
	struct net_view *view = net_view_take(s, err);
	struct stoker_network_device *items = NULL;
	struct vm_record *all = NULL;
	size_t n = 0, devices = 0, used = 0;
	char name[NET_NAME_SIZE], id[STOKER_ID_SIZE];
	enum stoker_status st = STOKER_OK;

	*out = NULL;
	*count = 0;
	if (!view) {
		st = err ? err->code : STOKER_E_FAILED;
		goto out;
	}
	st = store_all(s->store, &all, &n, err);
	if (st != STOKER_OK)
		goto out;
	while (net_view_device(view, devices, name, id))
		devices++;
	items = calloc(n + devices + 1, sizeof *items);
	if (!items) {
		st = error_set(err, STOKER_E_NOMEM, "not enough memory");
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].vm.network != STOKER_NET_TAP)
			continue;
		lifecycle_refresh(s, &all[i]);
		describe(view, &all[i], &items[used++]);
	}
	/* Those without a record: what reconcile calls orphan_tap. */
	for (size_t i = 0; i < devices && net_view_device(view, i, name, id); i++) {
		bool known = false;
		for (size_t k = 0; k < n; k++)
			known = known || strcmp(all[k].vm.id, id) == 0;
		if (known)
			continue;
		memcpy(items[used].id, id, sizeof id);
		memcpy(items[used].device, name, sizeof name);
		items[used].state = STOKER_STATE_COUNT;
		items[used++].up = net_view_is_up(view, name);
	}
	*out = items;
	*count = used;
out:
	free(all);
	net_view_free(view);
	if (st != STOKER_OK)
		error_what(err, "list the network");
	return st;
}

/* ---- inspect */

enum stoker_status stoker_network_get(stoker *s, struct stoker_network_state *out, struct stoker_error *err)
{
	struct net_view *view = net_view_take(s, err);
	struct stoker_host host = { .cpus = 0 };
	struct stoker_error why = { .code = STOKER_OK };
	char name[NET_NAME_SIZE], id[STOKER_ID_SIZE], text[8];
	uint32_t gateway = net_gateway(s);
	enum stoker_status st = view ? host_pools(s, &host, err) : err ? err->code : STOKER_E_FAILED;

	memset(out, 0, sizeof *out);
	if (st == STOKER_OK) {
		out->rules = rules_of(view);
		out->elements = (unsigned)net_view_elements(view);
		while (net_view_device(view, out->devices, name, id))
			out->devices++;
		out->foreign = (unsigned)net_view_foreign(view);
		while (net_view_stray(view, out->strays))
			out->strays++;
		snprintf(out->pool, sizeof out->pool, "%s", settings_get(s->settings, "network.pool"));
		snprintf(out->ports, sizeof out->ports, "%s", settings_get(s->settings, "network.ports"));
		if (gateway)
			net_address_text(gateway, out->gateway);
		out->addresses_used = host.addresses_used;
		out->addresses_total = host.addresses_total;
		out->ports_used = host.ports_used;
		out->ports_total = host.ports_total;
		net_view_forwarding(view, out->forwarding, sizeof out->forwarding);
		out->ip_forward =
		    read_whole_file("/proc/sys/net/ipv4/ip_forward", text, sizeof text) > 0 && text[0] == '1';
		if (net_check(s, &why) != STOKER_OK)
			stoker_error_text(&why, out->trouble, sizeof out->trouble);
	} else {
		error_what(err, "inspect the network");
	}
	net_view_free(view);
	return st;
}

/* ---- remove */

static bool lives(const struct stoker_vm *vm)
{
	return vm->pid || vm->state == STOKER_STARTING || vm->state == STOKER_STOPPING;
}

/* Refuses when any of them runs. */
static enum stoker_status refuse_living(const struct vm_record *all, size_t count, struct stoker_error *err)
{
	char names[NAMES_SHOWN * (STOKER_NAME_MAX + 2) + 8] = "";
	size_t at = 0, n = 0;

	for (size_t i = 0; i < count; i++) {
		if (all[i].vm.network != STOKER_NET_TAP || !lives(&all[i].vm))
			continue;
		if (n < NAMES_SHOWN)
			at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", n ? ", " : "", all[i].vm.name);
		else if (n == NAMES_SHOWN)
			snprintf(names + at, sizeof names - at, ", ...");
		n++;
	}
	if (n == 0)
		return STOKER_OK;
	if (n == 1)
		error_set(err, STOKER_E_STATE, "%s runs with it", names);
	else
		error_set(err, STOKER_E_STATE, "%zu VMs run with it: %s", n, names);
	return error_fix(err, "%s",
	                 n == 1 ? "Stop it first, or add --force, which kills it"
	                        : "Stop them first, or add --force, which kills them"),
	       STOKER_E_STATE;
}

/* Device and rules of one VM, which stays. */
static enum stoker_status remove_one(stoker *s, const char *id, const struct net_view *view,
                                     const struct stoker_call *call, unsigned *devices, struct stoker_error *err)
{
	struct vm_record rec;
	char name[NET_NAME_SIZE], owner[STOKER_ID_SIZE];
	int lock = -1;
	enum stoker_status st = steps_enter(s, id, -1, call ? call->cancel_fd : -1, &rec, &lock, err);

	if (st == STOKER_E_NOT_FOUND)
		return STOKER_OK; /* deleted meanwhile, or by its end */
	if (st == STOKER_OK && rec.vm.pid) {
		st = error_set(err, STOKER_E_STATE, "%s was started meanwhile", rec.vm.name);
		error_fix(err, "Try again");
	} else if (st == STOKER_OK && lives(&rec.vm)) {
		st = error_set(err, STOKER_E_STATE, "what was done to %s was cut off", rec.vm.name);
		error_fix(err, "Mend it first: stoker reconcile");
	}
	if (st == STOKER_OK)
		st = net_detach(s, &rec, err);
	for (size_t i = 0; st == STOKER_OK && net_view_device(view, i, name, owner); i++)
		if (strcmp(owner, id) == 0) {
			(*devices)++;
			history_event(s->store, s->actor, &rec, "network",
			              "the device and rules of %s were removed; its next start makes them again",
			              rec.vm.name);
		}
	if (lock >= 0)
		close(lock);
	return st;
}

static enum stoker_status remove_all(stoker *s, bool force, const struct stoker_call *call,
                                     struct stoker_network_removed *out, struct stoker_error *err)
{
	struct net_view *view = net_view_take(s, err);
	struct vm_record *all = NULL;
	size_t n = 0;
	char name[NET_NAME_SIZE], id[STOKER_ID_SIZE];
	uint32_t address;
	enum stoker_status st = view ? store_all(s->store, &all, &n, err) : err ? err->code : STOKER_E_FAILED;

	for (size_t i = 0; st == STOKER_OK && i < n; i++)
		lifecycle_refresh(s, &all[i]);
	if (st == STOKER_OK && !force)
		st = refuse_living(all, n, err);
	for (size_t i = 0; st == STOKER_OK && i < n; i++) {
		if (all[i].vm.network != STOKER_NET_TAP)
			continue;
		if (all[i].vm.pid) {
			st = stoker_stop(s, all[i].vm.id, true, call, NULL, err);
			out->stopped += st == STOKER_OK;
			if (st == STOKER_E_STATE || st == STOKER_E_NOT_FOUND)
				st = STOKER_OK; /* it ended by itself */
		}
		if (st == STOKER_OK)
			st = remove_one(s, all[i].vm.id, view, call, &out->devices, err);
	}
	/* What has no record any more. */
	for (size_t i = 0; st == STOKER_OK && net_view_device(view, i, name, id); i++) {
		bool known = false;
		for (size_t k = 0; k < n; k++)
			known = known || strcmp(all[k].vm.id, id) == 0;
		if (!known) {
			st = net_remove_device(s, id, err);
			out->devices += st == STOKER_OK;
		}
	}
	for (size_t i = 0; st == STOKER_OK && (address = net_view_stray(view, i)); i++)
		st = net_remove_stray(s, address, err);
	if (st == STOKER_OK)
		st = net_remove_table(s, &out->table, out->forwarding, sizeof out->forwarding, err);
	out->foreign = view ? (unsigned)net_view_foreign(view) : 0;
	free(all);
	net_view_free(view);
	return st;
}

enum stoker_status stoker_network_remove(stoker *s, bool force, const struct stoker_call *call,
                                         struct stoker_network_removed *out, struct stoker_error *err)
{
	struct stoker_network_removed removed = { .devices = 0 };
	enum stoker_status st = handle_writable(s, err);

	if (st == STOKER_OK)
		st = remove_all(s, force, call, &removed, err);
	if (st == STOKER_OK && (removed.devices || removed.table || removed.forwarding[0])) {
		history_event(s->store, s->actor, NULL, "network", "%u device%s%s %s removed%s%s", removed.devices,
		              removed.devices == 1 ? "" : "s", removed.table ? " and the table of rules" : "",
		              removed.devices == 1 && !removed.table ? "was" : "were",
		              removed.forwarding[0] ? "; forwarding was turned off for " : "", removed.forwarding);
		handle_touch(s);
	}
	if (out)
		*out = removed;
	if (st != STOKER_OK)
		error_what(err, "remove the network");
	return st;
}
