/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle.h - what the rest of libstoker may ask of the lifecycle core.
 */
#ifndef STOKER_SRC_LIFECYCLE_H
#define STOKER_SRC_LIFECYCLE_H

#include "handle.h"
#include "store.h"

/* Finds and refreshes a record: takes up what the supervisor published (hello,
 * host key, end of the VMM), sets the fields only the host knows. Writes to
 * the store only when something new was published and the handle may write. */
enum stoker_status lifecycle_find(stoker *s, const char *ref, struct vm_record *out, struct stoker_error *err);

/* The refresh alone, on a record just read. */
void lifecycle_refresh(stoker *s, struct vm_record *rec);

/* Records the first authenticated SSH session of this run (phase ssh), which
 * was asked for at request_ns; later ones are ignored. */
void lifecycle_note_ssh(stoker *s, const struct vm_record *rec, int64_t request_ns);

/* Records that the SSH server of a guest without agent spoke for the first time in this run (phase boot): it is ready. */
void lifecycle_note_banner(stoker *s, const struct vm_record *rec);

/* Records the duration of a command (phase exec). */
void lifecycle_note_exec(stoker *s, const struct vm_record *rec, int64_t start_ns, int64_t duration_ns);

/* What to do about a VM that does not run: start it, or, as an ephemeral one is deleted with its end, make another.
 * Returns err->code. */
enum stoker_status lifecycle_fix_start(struct stoker_error *err, const char *name, bool ephemeral);

/* For loops that look, wait, and look again: until the state folder changes, half a second is over (what nobody
 * announces, such as a process that was killed), or cancelled. Now and then it returns without a change.
 * STOKER_E_TIMEOUT, with *err left alone, once the deadline has passed. */
enum stoker_status lifecycle_wait_change(stoker *s, int64_t deadline_ns, int cancel_fd, struct stoker_error *err);

/* The limit of a call that waits for a guest: the caller's, else the setting timeouts.ready_s. */
int64_t call_limit_ms(const stoker *s, const struct stoker_call *call);

/* The record by its id, once more: that it is gone means that somebody deleted it meanwhile. */
enum stoker_status lifecycle_find_again(stoker *s, const char *id, struct vm_record *rec, struct stoker_error *err);

/* The VM's lock: an exclusive flock on STATE/vms/ID, waited for within the
 * deadline. On success *lock_fd is to be closed to give it back. After it the
 * record must be read again. STOKER_E_TIMEOUT names the operation that holds it. */
enum stoker_status lifecycle_lock(stoker *s, const char *id, int64_t deadline_ns, int cancel_fd, int *lock_fd,
                                  struct stoker_error *err);

/* With the lock held: kills exactly this VM's VMM and supervisor if they live
 * and waits until both are gone. */
enum stoker_status lifecycle_kill(stoker *s, const struct vm_record *rec, int64_t deadline_ns, struct stoker_error *err);

/* With the lock held: starts a supervisor for a VMM that lost its own. */
enum stoker_status lifecycle_adopt(stoker *s, struct vm_record *rec, struct stoker_error *err);

/* With the lock held: carries a start on whose VMM lives, until it has accepted the boot. One that has already is
 * not harmed. */
enum stoker_status lifecycle_accept(stoker *s, struct vm_record *rec, int64_t deadline_ns, struct stoker_error *err);

/* With the lock held: removes STATE/vms/ID and RUNTIME/vms/ID, after checking
 * that no living process holds a file in them (STOKER_E_STATE names it). A VM
 * that is marked for the trash (trash.h) is moved there instead. */
enum stoker_status lifecycle_remove_files(stoker *s, const char *id, struct stoker_error *err);
/* The same, and its device and rules where it has any: all that is left then is the record. */
enum stoker_status lifecycle_remove(stoker *s, const struct vm_record *rec, struct stoker_error *err);

/* A folder of files, the one called `last` (may be "") after all others. Not an error when it is gone. */
enum stoker_status lifecycle_remove_folder(const char *path, const char *last, struct stoker_error *err);

/* What the supervisor published; false when there is nothing that can be read. */
struct run_status {
	struct process_id supervisor, vmm;
	int64_t spawned_ns, hello_ns, exit_ns;
	char host_key[128], agent[32], marks[256], bye[16], message[512];
	bool asked;
	int exit_status; /* -2: still running, -1: not known, else as stoker_vm.exit_status */
};
bool run_status_read(const stoker *s, const char *id, struct run_status *out);

/* /proc/PID/fd and /proc/PID/maps of every process that may be read: calls `found` for each
 * descriptor whose target lies under `prefix` (with a trailing slash). */
void host_files_held(const char *prefix, void (*found)(void *user, int64_t pid, const char *path), void *user);

#endif
