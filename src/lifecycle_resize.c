/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_resize.c - a larger disk for a VM that does not run.
 *
 * The disk is grown as a copy beside it and takes its place by one rename: a
 * crash at any point leaves the old disk or the new one, never half of either.
 * What it leaves of the copy, the next resize, start or delete removes.
 */
#include "disk.h"
#include "error.h"
#include "lifecycle_steps.h"
#include "spec.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum stoker_status check(stoker *s, const struct vm_record *rec, unsigned disk_mib, struct stoker_error *err)
{
	const struct stoker_vm *vm = &rec->vm;
	enum stoker_status st;

	if (vm->disk_mode == STOKER_DISK_SHARED) {
		st = error_set(err, STOKER_E_STATE, "it has no disk of its own: its disk mode is shared");
		error_fix(err, "Make a VM with --disk-mode isolated for one");
		return st;
	}
	if (vm->pid || rec->vmm.pid) {
		st = error_set(err, STOKER_E_STATE, "it is running (process %lld)", (long long)rec->vmm.pid);
		error_fix(err, "Stop it first: stoker stop %s", vm->name);
		return st;
	}
	if (rec->op.kind != STOKER_PHASE_NONE) {
		st = error_set(err, STOKER_E_STATE, "%s", vm->reason[0] ? vm->reason : "an operation on it was cut off");
		error_fix(err, "Mend it: stoker reconcile");
		return st;
	}
	if (disk_mib < vm->disk_mib) {
		st = error_set(err, STOKER_E_INVALID, "its disk has %u MiB, and a disk is only ever grown", vm->disk_mib);
		error_fix(err, "Make a new VM with the smaller disk and copy what is needed");
		return st;
	}
	return spec_check_disk(s, disk_mib, err);
}

enum stoker_status stoker_resize(stoker *s, const char *ref, unsigned disk_mib, const struct stoker_call *call,
                                 struct stoker_vm *out, struct stoker_error *err)
{
	struct stoker_error why = { 0 };
	struct vm_record rec;
	char disk[STOKER_PATH_SIZE];
	enum stoker_status st;
	unsigned before = 0;
	int lock = -1;

	memset(&rec, 0, sizeof rec);
	st = steps_enter(s, ref, call ? call->timeout_ms : -1, call ? call->cancel_fd : -1, &rec, &lock, &why);
	if (st == STOKER_OK)
		st = check(s, &rec, disk_mib, &why);
	if (st == STOKER_OK && !path_state(s, disk, "vms/%s/disk.ext4", rec.vm.id))
		st = error_set(&why, STOKER_E_FAILED, "the state folder's path is too long");
	if (st == STOKER_OK)
		st = disk_unused(disk, &why);
	if (st != STOKER_OK)
		goto out;
	before = rec.vm.disk_mib;
	if (disk_mib != before)
		st = disk_grow(disk, disk_mib, call, &why);
	if (st != STOKER_OK || disk_mib == before)
		goto out;
	/* From here on the disk is the new one. A crash before the record says so is mended by asking again. */
	rec.vm.disk_mib = disk_mib;
	st = store_update(s->store, &rec, &why);
	if (st == STOKER_OK) {
		manifest_write(s->state_dir, &rec, NULL); /* the store is what counts */
		history_event(s->store, s->actor, &rec, "resized", "%s: disk grown from %u to %u MiB", rec.vm.name, before, disk_mib);
		handle_touch(s);
	}
out:
	if (lock >= 0)
		close(lock);
	if (st == STOKER_OK) {
		lifecycle_refresh(s, &rec);
		if (out)
			*out = rec.vm;
	} else {
		error_what(&why, "resize %s", rec.vm.name[0] ? rec.vm.name : "the VM");
		if (err)
			*err = why;
	}
	return st;
}
