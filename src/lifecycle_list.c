/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_list.c - looking and waiting: nothing here changes a VM.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/channel.h"
#include "guest/image.h"
#include "guest/session.h"
#include "guest/ssh_conn.h"
#include "lifecycle_steps.h"
#include "log.h"
#include "names.h"
#include "spec.h"

static enum stoker_status with_what(enum stoker_status st, const char *verb, const char *ref, struct stoker_error *err)
{
	char shown[64];
	if (st != STOKER_OK)
		error_what(err, "%s %s", verb, !ref[0] ? "a VM" : error_clean(shown, sizeof shown, ref, strnlen(ref, 48)));
	return st;
}

enum stoker_status stoker_get(stoker *s, const char *ref, struct stoker_vm *out, struct stoker_error *err)
{
	struct vm_record rec;
	enum stoker_status st = lifecycle_find(s, ref, &rec, err);
	if (st == STOKER_OK)
		*out = rec.vm;
	return with_what(st, "look at", ref, err);
}

/* "k=v" must be one of the labels; "k" must be one's key. */
static bool label_fits(const char *labels, const char *wanted)
{
	size_t n = strlen(wanted);
	bool whole = strchr(wanted, '=') != NULL;
	while (*labels) {
		size_t len = strcspn(labels, ",");
		if (whole ? len == n && strncmp(labels, wanted, n) == 0
		          : len > n && strncmp(labels, wanted, n) == 0 && labels[n] == '=')
			return true;
		labels += len + (labels[len] == ',');
	}
	return false;
}

static bool fits(const struct stoker_vm *vm, const struct stoker_filter *filter)
{
	bool state = !filter || !filter->states || !filter->states[0];
	if (!filter)
		return true;
	for (size_t i = 0; !state && filter->states[i]; i++)
		state = strcmp(filter->states[i], stoker_state_name(vm->state)) == 0;
	for (size_t i = 0; filter->labels && filter->labels[i]; i++)
		if (!label_fits(vm->labels, filter->labels[i]))
			return false;
	return state;
}

enum stoker_status stoker_list(stoker *s, const struct stoker_filter *filter, struct stoker_vm **out, size_t *count,
                               struct stoker_error *err)
{
	struct vm_record *all = NULL;
	struct stoker_vm *vms;
	size_t n = 0, kept = 0;
	enum stoker_status st;

	*out = NULL;
	*count = 0;
	for (size_t i = 0; filter && filter->states && filter->states[i]; i++) {
		if (state_by_name(filter->states[i]) < 0) {
			char shown[64];
			error_set(err, STOKER_E_INVALID, "'%s' is no state",
			          error_clean(shown, sizeof shown, filter->states[i], strnlen(filter->states[i], 48)));
			error_fix(err, "Allowed: created, starting, running, paused, stopping, stopped, crashed, error");
			return STOKER_E_INVALID;
		}
	}
	for (size_t i = 0; filter && filter->labels && filter->labels[i]; i++) {
		st = spec_check_label_filter(filter->labels[i], err);
		if (st != STOKER_OK)
			return st;
	}
	st = store_all(s->store, &all, &n, err);
	if (st != STOKER_OK)
		return st;
	vms = malloc((n ? n : 1) * sizeof *vms);
	if (!vms) {
		free(all);
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	for (size_t i = 0; i < n; i++) {
		lifecycle_refresh(s, &all[i]);
		if (fits(&all[i].vm, filter))
			vms[kept++] = all[i].vm;
	}
	free(all);
	*out = vms;
	*count = kept;
	return STOKER_OK;
}

enum stoker_status stoker_vm_paths(stoker *s, const char *ref, struct stoker_paths *out, struct stoker_error *err)
{
	struct vm_record rec;
	struct image_files files;
	char exe[48];
	ssize_t n;
	enum stoker_status st = store_find(s->store, ref, &rec, err);
	if (st != STOKER_OK)
		return with_what(st, "look at", ref, err);
	memset(out, 0, sizeof *out);
	if (!path_state(s, out->dir, "vms/%s", rec.vm.id) || !path_runtime(s, out->run, "vms/%s", rec.vm.id) ||
	    !path_state(s, out->key, "vms/%s/key", rec.vm.id) || !path_state(s, out->console, "vms/%s/console.log", rec.vm.id) ||
	    (rec.vm.disk_mode != STOKER_DISK_SHARED && !path_state(s, out->disk, "vms/%s/disk.ext4", rec.vm.id))) {
		st = error_set(err, STOKER_E_LIMIT, "a path of its files is longer than %d bytes", STOKER_PATH_SIZE - 1);
		return with_what(st, "look at", ref, err);
	}
	if (image_paths(s, rec.vm.image, &files, NULL) == STOKER_OK) {
		memcpy(out->kernel, files.kernel, sizeof out->kernel);
		memcpy(out->initrd, files.initrd, sizeof out->initrd);
		memcpy(out->base, files.root, sizeof out->base);
	}
	/* Before the look whether it is still that process: a number that went to another's is not shown. */
	snprintf(exe, sizeof exe, "/proc/%lld/exe", (long long)rec.vmm.pid);
	n = rec.vmm.pid > 0 ? readlink(exe, out->vmm, sizeof out->vmm - 1) : -1;
	out->vmm[n > 0 && process_alive(&rec.vmm) ? n : 0] = '\0';
	return STOKER_OK;
}

/* ---- waiting */

enum stoker_status lifecycle_fix_start(struct stoker_error *err, const char *name, bool ephemeral)
{
	return ephemeral ? error_fix(err, "It was ephemeral and is deleted with its end; make another: stoker create --ephemeral --start")
	                 : error_fix(err, "Start it: stoker start %s", name);
}

static enum stoker_status ended(stoker *s, const struct vm_record *rec, struct stoker_error *err)
{
	error_set(err, STOKER_E_STATE, "it is %s%s%s", stoker_state_name(rec->vm.state), rec->vm.reason[0] ? ": " : "",
	          rec->vm.reason);
	if (rec->vm.state == STOKER_PAUSED)
		return error_fix(err, "Let it go on: stoker resume %s", rec->vm.name), STOKER_E_STATE;
	if (rec->run) /* or there never was a console */
		error_console(s, rec->vm.id, err);
	return lifecycle_fix_start(err, rec->vm.name, rec->vm.ephemeral), STOKER_E_STATE;
}

enum stoker_status lifecycle_wait_change(stoker *s, int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	struct pollfd fds[2] = { { -1, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
	int64_t step = deadline_after_ms(500);
	int n;
	/* Kept with the handle, for giving an inotify back takes the kernel ten milliseconds. What changed before there
	 * was one is seen by looking again. */
	if (!s->changes)
		return stoker_watch_open(s, &s->changes, err);
	fds[0].fd = stoker_watch_fd(s->changes);
	n = poll(fds, 2, deadline_poll_ms(step < deadline ? step : deadline));
	if (n < 0 && errno != EINTR)
		return error_errno(err, errno, "cannot wait");
	if (n > 0 && fds[1].revents)
		return error_set(err, STOKER_E_CANCELLED, "cancelled");
	stoker_watch_drain(s->changes);
	return clock_now_ns() >= deadline ? STOKER_E_TIMEOUT : STOKER_OK;
}

static enum stoker_status wait_state(stoker *s, struct vm_record *rec, bool running, int64_t deadline, int cancel_fd,
                                     struct stoker_error *err)
{
	char id[STOKER_ID_SIZE];
	enum stoker_status st = STOKER_OK;
	memcpy(id, rec->vm.id, sizeof id);
	while (st == STOKER_OK) {
		struct stoker_error why = { 0 };
		st = lifecycle_find(s, id, rec, &why);
		if (st == STOKER_E_NOT_FOUND && !running) {
			st = STOKER_OK; /* deleted: it is gone */
			break;
		}
		if (st != STOKER_OK) {
			if (err)
				*err = why;
			break;
		}
		if (running && rec->vm.state == STOKER_RUNNING && rec->vm.pid)
			break;
		if (running && rec->vm.phase != STOKER_PHASE_START && rec->vm.state != STOKER_STARTING &&
		    rec->vm.state != STOKER_CREATED && rec->vm.state != STOKER_STOPPED) {
			st = ended(s, rec, err);
			break;
		}
		if (!running && !rec->vm.pid && rec->vm.phase == STOKER_PHASE_NONE && !rec->vm.stale &&
		    rec->vm.state != STOKER_RUNNING && rec->vm.state != STOKER_PAUSED)
			break;
		if (!running && !rec->vm.pid && rec->vm.stale)
			break; /* the process is gone, whatever the record says */
		st = lifecycle_wait_change(s, deadline, cancel_fd, err);
		if (st == STOKER_E_TIMEOUT) {
			error_set(err, st, "it is still %s", stoker_state_name(rec->vm.state));
			error_fix(err, running ? "Give it longer with --timeout, or look at its console: stoker logs %s"
			                       : "Give it longer with --timeout, or stop it: stoker stop %s", rec->vm.name);
		}
	}
	return st;
}

static enum stoker_status wait_ready(stoker *s, struct vm_record *rec, const struct stoker_call *call, int64_t deadline,
                                     struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	if (rec->vm.phase == STOKER_PHASE_START)
		st = wait_state(s, rec, true, deadline, call ? call->cancel_fd : -1, err);
	if (st == STOKER_OK && (!rec->vm.pid || rec->vm.state == STOKER_PAUSED))
		return ended(s, rec, err);
	if (st == STOKER_OK && !rec->vm.ready) {
		int cancel_fd = call ? call->cancel_fd : -1;
		st = rec->agent ? channel_wait_hello(s, rec, deadline, cancel_fd, err)
		                : ssh_wait_banner(s, rec, deadline, cancel_fd, err);
		if (st == STOKER_E_TIMEOUT) {
			if (rec->agent)
				error_set(err, st, "the guest did not say that it is ready in time");
			error_console(s, rec->vm.id, err);
			error_fix(err, "Look at its console: stoker logs %s", rec->vm.name);
		} else if (st == STOKER_E_CLOSED || st == STOKER_E_STATE) {
			struct vm_record now;
			/* Give the supervisor the moment it needs to publish the end. */
			for (int i = 0; i < 50 && lifecycle_find(s, rec->vm.id, &now, NULL) == STOKER_OK && now.vm.pid; i++)
				nanosleep(&(struct timespec){ .tv_nsec = 10 * NS_PER_MS }, NULL);
			if (lifecycle_find(s, rec->vm.id, &now, NULL) == STOKER_OK && !now.vm.pid) {
				*rec = now;
				return ended(s, rec, err);
			}
		}
		if (st == STOKER_OK)
			st = lifecycle_find(s, rec->vm.id, rec, err);
	}
	return st;
}

/* An authenticated session, opened and closed. */
static enum stoker_status wait_ssh(stoker *s, struct vm_record *rec, const struct stoker_call *call, int64_t deadline,
                                   struct stoker_error *err)
{
	struct stoker_call limited = call ? *call : (struct stoker_call)STOKER_CALL_INIT;
	enum stoker_status st;
	void *ssh = NULL;
	limited.timeout_ms = deadline_poll_ms(deadline);
	st = ssh_open(s, rec, &limited, &ssh, err);
	if (st == STOKER_OK) {
		ssh_ops.close(ssh);
		st = lifecycle_find(s, rec->vm.id, rec, err);
	} else if (st == STOKER_E_TIMEOUT || st == STOKER_E_STATE) {
		error_console(s, rec->vm.id, err);
	}
	return st;
}

enum stoker_status stoker_wait(stoker *s, const char *ref, enum stoker_until until, const struct stoker_call *call,
                               struct stoker_vm *out, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call_limit_ms(s, call));
	int cancel_fd = call ? call->cancel_fd : -1;
	struct vm_record rec;
	enum stoker_status st = lifecycle_find(s, ref, &rec, err);

	if (st != STOKER_OK)
		return with_what(st, "wait for", ref, err);
	switch (until) {
	case STOKER_UNTIL_RUNNING:
		st = wait_state(s, &rec, true, deadline, cancel_fd, err);
		break;
	case STOKER_UNTIL_STOPPED:
		st = wait_state(s, &rec, false, deadline, cancel_fd, err);
		break;
	case STOKER_UNTIL_READY:
	case STOKER_UNTIL_SSH:
		st = wait_ready(s, &rec, call, deadline, err);
		if (st == STOKER_OK && until == STOKER_UNTIL_SSH)
			st = wait_ssh(s, &rec, call, deadline, err);
		break;
	}
	if (st == STOKER_OK && out)
		*out = rec.vm;
	return with_what(st, "wait for", rec.vm.name, err); /* not the id that it may have been named by */
}
