/* SPDX-License-Identifier: Apache-2.0
 *
 * trash.h - deleted VMs that rest for a while.
 *
 *   STATE/vms/ID/trash   the mark: this VM is to be put into the trash, not
 *                        removed. "DELETED_MS EXPIRES_MS", wall clock.
 *   STATE/trash/ID/      what was vms/ID, the mark included
 *   STATE/trash/ID.gone/ being removed
 *
 * The mark is the intent. It is set before anything else happens, and whoever
 * removes the files of a VM (the delete itself, or reconcile finishing one
 * that was cut off) finds it and moves the folder instead: one rename, and the
 * record goes after it as in any delete. A restore is the way back: rename,
 * record, mark off. One that was cut off leaves a marked folder without a
 * record, which reconcile's removal puts back into the trash.
 */
#ifndef STOKER_SRC_TRASH_H
#define STOKER_SRC_TRASH_H

#include "handle.h"

/* With the VM's lock held. */
enum stoker_status trash_mark(stoker *s, const char *id, int64_t keep_s, struct stoker_error *err);
void trash_unmark(stoker *s, const char *id);
bool trash_marked(stoker *s, const char *id);

/* Moves the marked vms/ID into the trash. Nothing to do when it is there already. */
enum stoker_status trash_take(stoker *s, const char *id, struct stoker_error *err);

#endif
