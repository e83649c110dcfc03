/* SPDX-License-Identifier: Apache-2.0
 *
 * disk.h - the VM's own disk.
 */
#ifndef STOKER_SRC_DISK_H
#define STOKER_SRC_DISK_H

#include "handle.h"
#include "store.h"

/* Makes STATE/vms/ID/disk.ext4 as the disk mode wants it: isolated, an empty
 * ext4 of disk_mib (a formatted template per size is kept and its data copied);
 * copy, a writable copy of `base` grown to disk_mib; shared, nothing. Synced:
 * a created VM survives a power cut. Progress goes to `call`. */
enum stoker_status disk_make(stoker *s, const struct vm_record *rec, const char *base, const struct stoker_call *call,
                             struct stoker_error *err);

/* Can a disk of disk_mib hold a copy of this root file system? STOKER_E_INVALID with the least size when not. */
enum stoker_status disk_fits(const char *base, unsigned disk_mib, struct stoker_error *err);

/* Copies the data extents of a file into a new sparse file (reflinked where the file system can). */
enum stoker_status disk_copy(const char *from, const char *to, const struct stoker_call *call, struct stoker_error *err);

/* Makes a disk that nobody uses larger, its file system with it, by way of a
 * copy and one rename: whatever happens, the path is the old disk or the new. */
enum stoker_status disk_grow(const char *disk, unsigned mib, const struct stoker_call *call, struct stoker_error *err);
/* Removes what a growing that was cut off left. With the VM's lock held. */
void disk_forget_aside(const char *disk);

/* STOKER_E_STATE naming the process when a living one has this file open or
 * mapped. A missing file is in nobody's use. */
enum stoker_status disk_unused(const char *path, struct stoker_error *err);

#endif
