/* SPDX-License-Identifier: Apache-2.0
 *
 * store_vm.c - the records of VMs and the operations under way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "net/net.h"
#include "store_db.h"

/* ---- between rows and structs */

void store_ip_text(uint32_t ip, char out[46])
{
	struct in_addr addr = { htonl(ip) };
	inet_ntop(AF_INET, &addr, out, 46);
}

static void bind_process(struct sqlite3_stmt *s, int at, const struct process_id *p)
{
	sqlite3_bind_int64(s, at, p->pid);
	sqlite3_bind_int64(s, at + 1, (sqlite3_int64)p->start_ticks);
	sqlite3_bind_text(s, at + 2, p->boot_id, -1, SQLITE_STATIC);
}

/* Parameters 1 to 41 in the order of COLUMNS in store.c; *rec outlives the step. */
static void bind_vm(struct sqlite3_stmt *s, const struct vm_record *rec)
{
	const struct stoker_vm *vm = &rec->vm;
	const char *const texts[] = { vm->backend, vm->accel, vm->choice, vm->image };
	uint32_t ip;

	sqlite3_bind_text(s, 1, vm->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, vm->name, -1, SQLITE_STATIC);
	if (net_address(vm->ip, &ip))
		sqlite3_bind_int64(s, 3, ip);
	if (vm->ssh_port)
		sqlite3_bind_int(s, 4, vm->ssh_port);
	sqlite3_bind_int(s, 5, (int)vm->state);
	sqlite3_bind_int(s, 6, vm->ephemeral);
	for (int i = 0; i < 4; i++)
		sqlite3_bind_text(s, 7 + i, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 11, vm->vcpus);
	sqlite3_bind_int64(s, 12, vm->memory_mib);
	sqlite3_bind_int64(s, 13, vm->disk_mib);
	sqlite3_bind_int(s, 14, (int)vm->disk_mode);
	sqlite3_bind_int(s, 15, (int)vm->network);
	sqlite3_bind_text(s, 16, vm->egress, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 17, vm->labels, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 18, vm->created_at_ms);
	sqlite3_bind_int64(s, 19, vm->started_at_ms);
	sqlite3_bind_int(s, 20, vm->exit_status);
	sqlite3_bind_text(s, 21, vm->reason, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 22, (int)vm->last_phase);
	sqlite3_bind_int64(s, 23, vm->last_phase_ns);
	sqlite3_bind_text(s, 24, vm->host_key, -1, SQLITE_STATIC);
	bind_process(s, 25, &rec->vmm);
	bind_process(s, 28, &rec->supervisor);
	sqlite3_bind_int64(s, 31, rec->run);
	sqlite3_bind_int64(s, 32, rec->started_ns);
	sqlite3_bind_int64(s, 33, rec->ready_ns);
	sqlite3_bind_int64(s, 34, rec->ssh_ns);
	sqlite3_bind_int(s, 35, rec->agent);
	bind_process(s, 36, &rec->owner);
	if (rec->cid)
		sqlite3_bind_int64(s, 39, rec->cid);
	sqlite3_bind_text(s, 40, vm->publish, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 41, vm->allow, -1, SQLITE_STATIC);
}

struct reader {
	struct sqlite3_stmt *stmt;
	int at;
	bool fits; /* false: some value is outside what its field holds */
};

static void take_text(struct reader *r, char *out, size_t cap)
{
	const char *text = (const char *)sqlite3_column_text(r->stmt, r->at);
	size_t len = (size_t)sqlite3_column_bytes(r->stmt, r->at++);
	if (!text || len >= cap || memchr(text, '\0', len)) {
		r->fits = false;
		out[0] = '\0';
		return;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static int64_t take_int(struct reader *r, int64_t low, int64_t high)
{
	int type = sqlite3_column_type(r->stmt, r->at);
	int64_t value = sqlite3_column_int64(r->stmt, r->at++);
	if (type != SQLITE_INTEGER || value < low || value > high) {
		r->fits = false;
		return low;
	}
	return value;
}

static void take_process(struct reader *r, struct process_id *out)
{
	out->pid = take_int(r, 0, INT32_MAX);
	out->start_ticks = (uint64_t)take_int(r, 0, INT64_MAX);
	take_text(r, out->boot_id, sizeof out->boot_id);
}

static bool read_row(struct sqlite3_stmt *stmt, struct vm_record *rec)
{
	struct reader r = { stmt, 0, true };
	struct stoker_vm *vm = &rec->vm;

	memset(rec, 0, sizeof *rec);
	take_text(&r, vm->id, sizeof vm->id);
	take_text(&r, vm->name, sizeof vm->name);
	if (sqlite3_column_type(stmt, r.at) == SQLITE_NULL)
		r.at++;
	else
		store_ip_text((uint32_t)take_int(&r, 1, UINT32_MAX), vm->ip);
	if (sqlite3_column_type(stmt, r.at) == SQLITE_NULL)
		r.at++;
	else
		vm->ssh_port = (uint16_t)take_int(&r, 1, UINT16_MAX);
	vm->state = (enum stoker_state)take_int(&r, 0, STOKER_STATE_COUNT - 1);
	vm->ephemeral = take_int(&r, 0, 1);
	take_text(&r, vm->backend, sizeof vm->backend);
	take_text(&r, vm->accel, sizeof vm->accel);
	take_text(&r, vm->choice, sizeof vm->choice);
	take_text(&r, vm->image, sizeof vm->image);
	vm->vcpus = (unsigned)take_int(&r, 0, INT32_MAX);
	vm->memory_mib = (unsigned)take_int(&r, 0, INT32_MAX);
	vm->disk_mib = (unsigned)take_int(&r, 0, INT32_MAX);
	vm->disk_mode = (enum stoker_disk_mode)take_int(&r, 0, STOKER_DISK_COPY);
	vm->network = (enum stoker_network)take_int(&r, 0, STOKER_NET_NONE);
	take_text(&r, vm->egress, sizeof vm->egress);
	take_text(&r, vm->labels, sizeof vm->labels);
	vm->created_at_ms = take_int(&r, INT64_MIN, INT64_MAX);
	vm->started_at_ms = take_int(&r, INT64_MIN, INT64_MAX);
	vm->exit_status = (int)take_int(&r, INT32_MIN, INT32_MAX);
	take_text(&r, vm->reason, sizeof vm->reason);
	vm->last_phase = (enum stoker_phase)take_int(&r, 0, STOKER_PHASE_NONE);
	vm->last_phase_ns = take_int(&r, INT64_MIN, INT64_MAX);
	take_text(&r, vm->host_key, sizeof vm->host_key);
	take_process(&r, &rec->vmm);
	take_process(&r, &rec->supervisor);
	rec->run = (uint32_t)take_int(&r, 0, UINT32_MAX);
	rec->started_ns = take_int(&r, INT64_MIN, INT64_MAX);
	rec->ready_ns = take_int(&r, INT64_MIN, INT64_MAX);
	rec->ssh_ns = take_int(&r, INT64_MIN, INT64_MAX);
	rec->agent = take_int(&r, 0, 1);
	take_process(&r, &rec->owner);
	if (sqlite3_column_type(stmt, r.at) == SQLITE_NULL)
		r.at++;
	else
		rec->cid = (uint32_t)take_int(&r, CID_FIRST, CID_LAST);
	take_text(&r, vm->publish, sizeof vm->publish);
	take_text(&r, vm->allow, sizeof vm->allow);
	rec->op.kind = STOKER_PHASE_NONE;
	if (sqlite3_column_type(stmt, r.at) != SQLITE_NULL) {
		rec->op.kind = (enum stoker_phase)take_int(&r, 0, STOKER_PHASE_COUNT - 1);
		rec->op.since_ns = take_int(&r, INT64_MIN, INT64_MAX);
		take_process(&r, &rec->op.owner);
	}
	vm->uptime_ms = -1;
	vm->phase = rec->op.kind;
	vm->phase_since_ns = rec->op.since_ns;
	return r.fits && !record_fault(rec);
}

/* One row from a stepped statement; remembers a damaged one. */
static enum stoker_status take_row(struct store *store, struct sqlite3_stmt *stmt, struct vm_record *out,
                                   struct stoker_error *err)
{
	if (read_row(stmt, out))
		return STOKER_OK;
	store->corrupt = true;
	error_set(err, STOKER_E_STORE, "a record in %s/store.db is damaged", store->dir);
	return STOKER_E_STORE;
}

enum stoker_status store_finish(struct store *store, struct sqlite3_stmt *stmt, int code, struct stoker_error *err)
{
	enum stoker_status st =
	    code == SQLITE_DONE || code == SQLITE_ROW ? STOKER_OK : store_failed(store, store->db, "write", err);
	store_reset(stmt);
	return st;
}

/* ---- inserting */

static enum stoker_status put_op(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	bool none = rec->op.kind == STOKER_PHASE_NONE;
	struct sqlite3_stmt *s = store_stmt(store, none ? STMT_CLEAR_OP : STMT_SET_OP, err);
	if (!s)
		return STOKER_E_STORE;
	sqlite3_bind_text(s, 1, rec->vm.id, -1, SQLITE_STATIC);
	if (!none) {
		sqlite3_bind_int(s, 2, (int)rec->op.kind);
		sqlite3_bind_int64(s, 3, rec->op.since_ns);
		bind_process(s, 4, &rec->op.owner);
	}
	return store_finish(store, s, sqlite3_step(s), err);
}

static enum stoker_status put_port(struct store *store, const struct vm_record *rec, uint16_t port, struct stoker_error *err)
{
	struct sqlite3_stmt *s = store_stmt(store, STMT_ADD_PORT, err);
	int code;
	if (!s)
		return STOKER_E_STORE;
	sqlite3_bind_int(s, 1, port);
	sqlite3_bind_text(s, 2, rec->vm.id, -1, SQLITE_STATIC);
	code = sqlite3_step(s);
	if ((code & 0xff) == SQLITE_CONSTRAINT) {
		store_reset(s);
		return error_set(err, STOKER_E_EXISTS, "port %u of the host leads into another VM", (unsigned)port);
	}
	return store_finish(store, s, code, err);
}

static enum stoker_status put_ports(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	struct net_policy policy;
	enum stoker_status st = rec->vm.ssh_port ? put_port(store, rec, rec->vm.ssh_port, err) : STOKER_OK;
	if (st == STOKER_OK && net_policy_of(&rec->vm, &policy))
		for (size_t i = 0; st == STOKER_OK && i < policy.port_count; i++)
			st = put_port(store, rec, policy.ports[i].host, err);
	return st;
}

static enum stoker_status put_row(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	struct sqlite3_stmt *s = store_stmt(store, STMT_INSERT_VM, err);
	int code;
	if (!s)
		return STOKER_E_STORE;
	bind_vm(s, rec);
	code = sqlite3_step(s);
	if ((code & 0xff) == SQLITE_CONSTRAINT) {
		/* "UNIQUE constraint failed: vm.name" */
		const char *text = sqlite3_errmsg(store->db), *column = strstr(text, "vm.");
		error_set(err, STOKER_E_EXISTS, "%s is taken by another VM", column ? column + 3 : rec->vm.name);
		store_reset(s);
		return STOKER_E_EXISTS;
	}
	if (store_finish(store, s, code, err) != STOKER_OK)
		return err ? err->code : STOKER_E_STORE;
	return rec->op.kind == STOKER_PHASE_NONE ? STOKER_OK : put_op(store, rec, err);
}

/* Within a transaction: inserts a row and its op as they are. STOKER_E_EXISTS
 * for a taken id, name, address or port. */
static enum stoker_status store_put(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = put_row(store, rec, err);
	if (st != STOKER_OK)
		return st;
	st = put_ports(store, rec, err);
	if (st == STOKER_E_EXISTS) { /* within somebody's transaction: the row goes as if it had not been */
		struct sqlite3_stmt *s = store_stmt(store, STMT_DELETE_VM, NULL);
		if (s) {
			sqlite3_bind_text(s, 1, rec->vm.id, -1, SQLITE_STATIC);
			if (store_finish(store, s, sqlite3_step(s), NULL) != STOKER_OK)
				st = STOKER_E_STORE;
		}
	}
	return st;
}

enum stoker_status store_put_yielding(struct store *store, struct vm_record *rec, struct stoker_error *err)
{
	struct stoker_vm *vm = &rec->vm;
	char name[STOKER_NAME_MAX + 1], ip[sizeof vm->ip], publish[sizeof vm->publish];
	uint16_t port = vm->ssh_port;
	uint32_t cid = rec->cid;
	enum stoker_status st = STOKER_E_EXISTS;

	memcpy(name, vm->name, sizeof name);
	memcpy(ip, vm->ip, sizeof ip);
	memcpy(publish, vm->publish, sizeof publish);
	for (int give = 0; give < 4 && st == STOKER_E_EXISTS; give++) {
		memcpy(vm->name, name, sizeof name);
		memcpy(vm->ip, ip, sizeof ip);
		memcpy(vm->publish, publish, sizeof publish);
		vm->ssh_port = port;
		rec->cid = cid;
		if (give & 2)
			snprintf(vm->name, sizeof vm->name, "%.46s-%s", name, vm->id);
		if (give & 1) {
			memset(vm->ip, 0, sizeof vm->ip);
			memset(vm->publish, 0, sizeof vm->publish);
			vm->ssh_port = 0;
			rec->cid = 0;
		}
		st = store_put(store, rec, err);
	}
	return st;
}

static enum stoker_status exists_error(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	struct vm_record other;
	if (store_find(store, rec->vm.name, &other, NULL) == STOKER_OK && strcmp(other.vm.name, rec->vm.name) == 0) {
		error_set(err, STOKER_E_EXISTS, "there is already a VM called %s", rec->vm.name);
		return error_fix(err, "Choose another name, or delete that one: stoker delete %s", rec->vm.name),
		       STOKER_E_EXISTS;
	}
	return STOKER_E_EXISTS; /* as store_put said it */
}

/* A step under way, and what is said of processes, means nothing after a power cut: it need not outlast one. */
static bool outlasts_power(const struct vm_record *rec)
{
	return rec->op.kind == STOKER_PHASE_NONE && !rec->vmm.pid && !rec->supervisor.pid;
}

static enum stoker_status insert_once(struct store *store, struct vm_record *rec, const struct store_pools *pools,
                                      struct stoker_error *err)
{
	struct vm_record row = *rec;
	enum stoker_status st = store_begin(store, outlasts_power(rec), err);
	if (st != STOKER_OK)
		return st;
	if (pools)
		st = store_allocate(store, &row, pools, err);
	if (st == STOKER_OK)
		st = store_put(store, &row, err);
	st = store_end(store, st, err);
	if (st == STOKER_OK)
		*rec = row;
	return st == STOKER_E_EXISTS ? exists_error(store, rec, err) : st;
}

static enum stoker_status check_record(const struct vm_record *rec, struct stoker_error *err)
{
	const char *fault = record_fault(rec);
	return fault ? error_set(err, STOKER_E_INVALID, "the record cannot be kept: %s", fault) : STOKER_OK;
}

enum stoker_status store_insert(struct store *store, struct vm_record *rec, const struct store_pools *pools,
                                struct stoker_error *err)
{
	enum stoker_status st = check_record(rec, err);
	if (st != STOKER_OK)
		return st;
	st = insert_once(store, rec, pools, err);
	return st != STOKER_OK && store_mended(store) ? insert_once(store, rec, pools, err) : st;
}

static enum stoker_status adopt_once(struct store *store, struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = store_begin(store, true, err);
	return st == STOKER_OK ? store_end(store, store_put_yielding(store, rec, err), err) : st;
}

enum stoker_status store_adopt(struct store *store, struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = check_record(rec, err);
	if (st != STOKER_OK)
		return st;
	st = adopt_once(store, rec, err);
	return st != STOKER_OK && store_mended(store) ? adopt_once(store, rec, err) : st;
}

/* ---- reading */

static enum stoker_status one(struct store *store, enum store_stmt which, const char *key, struct vm_record *out,
                              unsigned *found, struct stoker_error *err)
{
	struct sqlite3_stmt *s = store_stmt(store, which, err);
	enum stoker_status st = STOKER_OK;
	int code;
	*found = 0;
	if (!s)
		return STOKER_E_STORE;
	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && st == STOKER_OK) {
		st = take_row(store, s, out, err);
		++*found;
	}
	if (st != STOKER_OK) {
		store_reset(s);
		return st;
	}
	return store_finish(store, s, code, err);
}

static enum stoker_status find_once(struct store *store, const char *ref, struct vm_record *out,
                                    struct stoker_error *err)
{
	size_t len = strlen(ref);
	bool hex = len >= 4 && len < STOKER_ID_SIZE && strspn(ref, "0123456789abcdef") == len;
	bool whole = hex && len == STOKER_ID_SIZE - 1;
	unsigned found = 0;
	char shown[80];
	enum stoker_status st = store_current(store, err);

	/* A whole id goes before a name: no name that somebody chose comes between a script and its VM. */
	if (st == STOKER_OK && whole)
		st = one(store, STMT_BY_ID, ref, out, &found, err);
	if (st == STOKER_OK && !found && len <= STOKER_NAME_MAX)
		st = one(store, STMT_BY_NAME, ref, out, &found, err);
	if (st == STOKER_OK && !found && hex && !whole)
		st = one(store, STMT_BY_PREFIX, ref, out, &found, err);
	if (st != STOKER_OK || found == 1)
		return st;
	error_clean(shown, sizeof shown, ref, len);
	if (found) {
		error_set(err, STOKER_E_INVALID, "more than one id begins with %s", shown);
		return error_fix(err, "Give more digits, or the name"), STOKER_E_INVALID;
	}
	error_set(err, STOKER_E_NOT_FOUND, "there is no VM %s", shown[0] ? shown : "without a name");
	return error_fix(err, "See which there are: stoker list"), STOKER_E_NOT_FOUND;
}

enum stoker_status store_find(struct store *store, const char *ref, struct vm_record *out, struct stoker_error *err)
{
	enum stoker_status st = find_once(store, ref, out, err);
	return st == STOKER_E_STORE && store_mended(store) ? find_once(store, ref, out, err) : st;
}

static enum stoker_status all_once(struct store *store, struct vm_record **out, size_t *count, struct stoker_error *err)
{
	struct vm_record *rows = NULL;
	struct sqlite3_stmt *s;
	size_t n = 0, cap = 0;
	int code = SQLITE_DONE;
	enum stoker_status st = store_current(store, err);

	if (st != STOKER_OK)
		return st;
	s = store_stmt(store, STMT_ALL, err);
	if (!s)
		return STOKER_E_STORE;
	while (st == STOKER_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
		if (n == cap) {
			struct vm_record *more;
			cap = cap ? cap * 2 : 64;
			more = reallocarray(rows, cap, sizeof *rows);
			if (!more) {
				st = error_errno(err, ENOMEM, "cannot read %zu records", n);
				break;
			}
			rows = more;
		}
		st = take_row(store, s, &rows[n], err);
		n++;
	}
	if (st == STOKER_OK)
		st = store_finish(store, s, code, err);
	else
		store_reset(s);
	if (st != STOKER_OK) {
		free(rows);
		return st;
	}
	*out = rows;
	*count = n;
	return STOKER_OK;
}

enum stoker_status store_all(struct store *store, struct vm_record **out, size_t *count, struct stoker_error *err)
{
	enum stoker_status st;
	*out = NULL;
	*count = 0;
	st = all_once(store, out, count, err);
	return st == STOKER_E_STORE && store_mended(store) ? all_once(store, out, count, err) : st;
}

/* ---- changing and removing */

static enum stoker_status update_once(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	struct sqlite3_stmt *s;
	enum stoker_status st = store_begin(store, outlasts_power(rec), err);
	if (st != STOKER_OK)
		return st;
	s = store_stmt(store, STMT_UPDATE_VM, err);
	if (!s)
		return store_end(store, STOKER_E_STORE, err);
	bind_vm(s, rec);
	st = store_finish(store, s, sqlite3_step(s), err);
	if (st == STOKER_OK && sqlite3_changes(store->db) == 0) {
		error_set(err, STOKER_E_NOT_FOUND, "%s is gone", rec->vm.name);
		error_fix(err, "It was deleted meanwhile: stoker list");
		st = STOKER_E_NOT_FOUND;
	}
	if (st == STOKER_OK)
		st = put_op(store, rec, err);
	return store_end(store, st, err);
}

enum stoker_status store_update(struct store *store, const struct vm_record *rec, struct stoker_error *err)
{
	enum stoker_status st = check_record(rec, err);
	if (st != STOKER_OK)
		return st;
	st = update_once(store, rec, err);
	return st != STOKER_OK && store_mended(store) ? update_once(store, rec, err) : st;
}

static enum stoker_status remove_once(struct store *store, const char *id, struct stoker_error *err)
{
	struct sqlite3_stmt *s;
	enum stoker_status st = store_begin(store, true, err);
	if (st != STOKER_OK)
		return st;
	s = store_stmt(store, STMT_DELETE_VM, err);
	if (!s)
		return store_end(store, STOKER_E_STORE, err);
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	return store_end(store, store_finish(store, s, sqlite3_step(s), err), err);
}

enum stoker_status store_remove(struct store *store, const char *id, struct stoker_error *err)
{
	enum stoker_status st = remove_once(store, id, err);
	return st != STOKER_OK && store_mended(store) ? remove_once(store, id, err) : st;
}

static enum stoker_status count_once(struct store *store, enum store_stmt which, const char *key, unsigned *a,
                                     unsigned *b, struct stoker_error *err)
{
	struct sqlite3_stmt *s;
	enum stoker_status st = store_current(store, err);
	int code;
	if (st != STOKER_OK)
		return st;
	s = store_stmt(store, which, err);
	if (!s)
		return STOKER_E_STORE;
	if (key)
		sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		*a = (unsigned)sqlite3_column_int64(s, 0);
		if (b)
			*b = (unsigned)sqlite3_column_int64(s, 1);
	}
	return store_finish(store, s, code, err);
}

enum stoker_status store_image_users(struct store *store, const char *image, unsigned *count, struct stoker_error *err)
{
	enum stoker_status st = count_once(store, STMT_IMAGE_USERS, image, count, NULL, err);
	return st == STOKER_E_STORE && store_mended(store)
	           ? count_once(store, STMT_IMAGE_USERS, image, count, NULL, err)
	           : st;
}

enum stoker_status store_pool_use(struct store *store, unsigned *addresses, unsigned *ports, struct stoker_error *err)
{
	enum stoker_status st = count_once(store, STMT_POOL_USE, NULL, addresses, ports, err);
	return st == STOKER_E_STORE && store_mended(store)
	           ? count_once(store, STMT_POOL_USE, NULL, addresses, ports, err)
	           : st;
}
