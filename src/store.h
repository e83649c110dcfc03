/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - what is recorded: VMs, operations under way, timings, events.
 *
 * store.db is SQLite with a rollback journal (PERSIST, synchronous FULL): what
 * is said of a VM at rest is on disk when the call returns. What is said of a
 * step under way or of running processes, which a power cut ends anyway, is
 * written with synchronous NORMAL, a call to the disk less: whole or not at all.
 * history.db beside it holds timings and events with synchronous OFF; losing it
 * loses no VM, and a broken one is replaced by an empty one.
 *
 * Every write is one BEGIN IMMEDIATE transaction. The UNIQUE constraints on
 * name, ip, ssh_port and cid make double allocation impossible.
 */
#ifndef STOKER_SRC_STORE_H
#define STOKER_SRC_STORE_H

#include "process.h"
#include "stoker.h"

struct store;

/* An operation between its intent and its result. */
struct store_op {
	enum stoker_phase kind; /* STOKER_PHASE_NONE: none under way */
	int64_t since_ns;       /* CLOCK_MONOTONIC of owner.boot_id */
	struct process_id owner;/* who carries it out */
};

/* A row of vm with its row of op. `vm` holds the recorded fields as last
 * written; what only the host knows (ready, stale, uptime, ...) is zero until
 * lifecycle refreshes it. */
struct vm_record {
	struct stoker_vm vm;
	struct process_id vmm, supervisor; /* pid 0: none */
	uint32_t run;        /* starts so far */
	int64_t started_ns;  /* CLOCK_MONOTONIC of vmm.boot_id when the VMM accepted the boot */
	int64_t ready_ns;    /* ... of the hello; 0: not yet in this run */
	int64_t ssh_ns;      /* ... of the first authenticated SSH session; 0: not yet */
	struct process_id owner; /* the process it was made for; pid 0: it stands for itself */
	bool agent;          /* the image's init is ours */
	uint32_t cid;        /* of its vsock, its own on this store; 0: none was given */
	struct store_op op;
};

#define CID_FIRST 3u          /* below are the hypervisor, loopback and the host */
#define CID_LAST 0xfffffffeu

struct store_pools {
	uint32_t first_address, last_address; /* IPv4, host byte order, inclusive; 0,0: allocate none */
	uint16_t first_port, last_port;       /* inclusive; 0,0: allocate none */
	bool (*port_free)(uint16_t port);     /* bind test; a taken one is skipped */
};

/* Opens STATE/store.db and STATE/history.db, making them unless read_only.
 * A newer schema is refused; a corrupt file is moved aside and rebuilt from
 * STATE/vms/<id>/manifest.json, and `notice` (cap bytes) says so. */
enum stoker_status store_open(const char *state_dir, bool read_only, struct store **out, char *notice, size_t cap,
                              struct stoker_error *err);
void store_close(struct store *store);

/* Inserts the record of a VM being created: state created, op `create` as its
 * intent. Allocates cid, and vm.ip and vm.ssh_port from the pools (lowest free first)
 * in the same transaction and writes them into *rec. STOKER_E_EXISTS for a
 * taken name, STOKER_E_LIMIT for an exhausted pool, in each case nothing is kept. */
enum stoker_status store_insert(struct store *store, struct vm_record *rec, const struct store_pools *pools,
                                struct stoker_error *err);

/* Inserts a VM whose files and processes are there already, as *rec tells it,
 * op included. What is taken meanwhile gives way: the name gets the id behind
 * it, a taken address or port is left out (both are written into *rec). */
enum stoker_status store_adopt(struct store *store, struct vm_record *rec, struct stoker_error *err);

/* By name, id, or unique id prefix of 4+ characters. */
enum stoker_status store_find(struct store *store, const char *ref, struct vm_record *out, struct stoker_error *err);

/* All in order of creation; *out is malloc'ed. */
enum stoker_status store_all(struct store *store, struct vm_record **out, size_t *count, struct stoker_error *err);

/* Writes every recorded field of *rec and its op (kind NONE removes it) in one
 * transaction: used for the intent (op set) and for the result (op cleared).
 * Name, id, ip and port are never changed by it. STOKER_E_NOT_FOUND when the row is gone. */
enum stoker_status store_update(struct store *store, const struct vm_record *rec, struct stoker_error *err);

/* Removes the record and its op; what it held in the pools is free again. Not an error when gone. */
enum stoker_status store_remove(struct store *store, const char *id, struct stoker_error *err);

/* How many VMs use an image. */
enum stoker_status store_image_users(struct store *store, const char *image, unsigned *count, struct stoker_error *err);
/* How many addresses and ports are held. */
enum stoker_status store_pool_use(struct store *store, unsigned *addresses, unsigned *ports, struct stoker_error *err);

/* STATE/vms/ID/manifest.json, from which a lost store is rebuilt: written
 * aside, fsynced, renamed. */
enum stoker_status manifest_write(const char *state_dir, const struct vm_record *rec, struct stoker_error *err);
/* Bounded and checked: a manifest may be damaged or hostile. */
enum stoker_status manifest_read(const char *path, struct vm_record *out, struct stoker_error *err);

/* history.db; failures are swallowed: it is advisory. A timing of 0 ns counts.
 * At most the newest 64 per VM and phase and 20,000 in all are kept; events: the newest 10,000. */
void history_timing(struct store *store, const struct vm_record *rec, enum stoker_phase phase, int64_t start_ns,
                    int64_t duration_ns);
void history_event(struct store *store, const char *actor, const struct vm_record *rec /* NULL: none */,
                   const char *kind, const char *text, ...) __attribute__((format(printf, 5, 6)));
/* Both in one transaction: each is 20 system calls. */
void history_done(struct store *store, const char *actor, const struct vm_record *rec, enum stoker_phase phase,
                  int64_t start_ns, int64_t duration_ns, const char *kind, const char *text, ...)
    __attribute__((format(printf, 8, 9)));

/* What history.db keeps. Timings newest first, of one VM (id) or all (NULL);
 * of which those of a VM that is gone may still be asked for by its id or name.
 * Events after `since`, the newest `limit` of them, oldest first. *out is malloc'ed. */
enum stoker_status history_timings(struct store *store, const char *id_or_name, struct stoker_timing **out,
                                   size_t *count, struct stoker_error *err);
enum stoker_status history_events(struct store *store, int64_t since, size_t limit, struct stoker_event **out,
                                  size_t *count, struct stoker_error *err);

#endif
