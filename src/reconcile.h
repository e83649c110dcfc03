/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile.h - between the files reconcile*.c.
 *
 *   reconcile.c         the plan: collecting what to look at, the public API
 *   reconcile_look.c    one VM or leftover: what contradicts what
 *   reconcile_repair.c  carrying one repair out
 *   reconcile_host.c    who holds files of ours
 *
 * Nothing is ended or removed because a name matches. A folder of a VM is ours
 * by a valid manifest with its own id in it, a runtime folder by a status file
 * of a supervisor of ours, and neither is touched while a living process holds
 * anything in it. A process is ended only when it is who a record or a status
 * file says (boot, pid, start ticks), or when its output goes to the FIFO that
 * our supervisor made for this one VM.
 */
#ifndef STOKER_SRC_RECONCILE_H
#define STOKER_SRC_RECONCILE_H

#include "lifecycle.h"
#include "net/view.h"

/* ---- who holds our files */

struct holder {
	char id[STOKER_ID_SIZE];
	struct process_id process;
	bool vmm; /* its output goes to the VM's FIFOs */
};
struct host_view {
	struct holder *items; /* sorted by id */
	size_t count, cap;
	bool failed; /* out of memory: what is missing may be in use */
	struct net_view *net; /* NULL: not ours to see */
};

/* All living holders of anything under STATE/vms/ID/ and RUNTIME/vms/ID/, this process apart. */
void view_take(const stoker *s, struct host_view *view);
void view_free(struct host_view *view);
/* The first holder of a VM's files, NULL when none; the others follow it. */
const struct holder *view_of(const struct host_view *view, const char *id);
/* The one that is a VMM. */
const struct holder *view_vmm(const struct host_view *view, const char *id);

/* ---- looking */

struct findings {
	struct stoker_finding *items;
	size_t count, cap;
	bool failed; /* out of memory */
};

/* Adds a zeroed finding; NULL: out of memory. */
struct stoker_finding *findings_add(struct findings *all, enum stoker_finding_kind kind, const char *id);

/* What the host contradicts in this record. `view` NULL: holders are not asked. */
void look_record(stoker *s, const struct vm_record *rec, const struct host_view *view, struct findings *out);
/* What is there of an id that has no record. */
void look_orphan(stoker *s, const char *id, const struct host_view *view, struct findings *out);

/* The VMM that lives for this VM as the status file tells: the record need not know it. */
bool living_by_status(const stoker *s, const char *id, struct run_status *out);
/* STATE/vms/ID/manifest.json when it is valid and of this id. */
bool manifest_of(const stoker *s, const char *id, struct vm_record *out);

#define LOST_DISK_REASON "its disk is gone"

/* ---- repairing, with the VM's lock held where there is one */

enum stoker_status repair_record(stoker *s, struct vm_record *rec, const struct stoker_finding *found,
                                 const struct host_view *view, enum stoker_repair repair, struct stoker_error *err);
enum stoker_status repair_orphan(stoker *s, const struct stoker_finding *found, const struct host_view *view,
                                 enum stoker_repair repair, struct stoker_error *err);

/* After the store was rebuilt from manifests, which tell how a VM was created:
 * takes up those that run. */
void reconcile_after_rescue(stoker *s);

#endif
