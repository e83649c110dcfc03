/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_create.c - phase create.
 *
 * One intent covers the whole of it, since everything it makes is named by the
 * id, two folders and a network device: undoing it is removing them and the record.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "disk.h"
#include "error.h"
#include "guest/image.h"
#include "guest/session.h"
#include "guest/ssh_conn.h"
#include "lifecycle_steps.h"
#include "net/net.h"
#include "settings.h"
#include "spec.h"

bool port_is_free(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool is_free;
	if (fd < 0)
		return true; /* not known: the start will tell */
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	is_free = bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0;
	close(fd);
	return is_free;
}

static bool make_id(char out[STOKER_ID_SIZE])
{
	uint8_t r[8];
	if (getrandom(r, sizeof r, 0) != sizeof r)
		return false;
	for (int i = 0; i < 8; i++)
		snprintf(out + 2 * i, 3, "%02x", r[i]);
	return true;
}

/* Everything on the host: folder and lock, manifest, key, disk, network. */
static enum stoker_status make_files(stoker *s, struct vm_record *rec, const char *base, const struct stoker_call *call,
                                     int *lock, struct stoker_error *err)
{
	char dir[STOKER_PATH_SIZE], line[256];
	enum stoker_status st;
	if (!path_state(s, dir, "vms/%s", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the state folder's path is too long");
	if (mkdir(dir, 0700) < 0)
		return error_errno(err, errno, "cannot make the VM's folder");
	*lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) < 0)
		return error_errno(err, errno, "cannot lock the VM's folder");
	st = manifest_write(s->state_dir, rec, err);
	if (st == STOKER_OK)
		st = key_make(dir, line, err);
	if (st == STOKER_OK)
		st = disk_make(s, rec, base, call, err);
	if (st == STOKER_OK && rec->vm.network == STOKER_NET_TAP)
		st = net_attach(s, rec, err);
	return st;
}

static enum stoker_status insert(stoker *s, struct vm_record *rec, bool named, struct stoker_error *err)
{
	struct store_pools pools = { 0 };
	enum stoker_status st;
	if (rec->vm.network != STOKER_NET_NONE) {
		settings_pools(s->settings, &pools);
		pools.port_free = port_is_free;
	}
	for (unsigned attempt = 0;; attempt++) {
		if (!named && attempt > 0)
			spec_make_name(rec->vm.name, attempt);
		if (!make_id(rec->vm.id))
			return error_errno(err, errno, "no random numbers");
		st = store_insert(s->store, rec, &pools, err);
		if (st != STOKER_E_EXISTS || named || attempt > 50)
			return st;
	}
}

/* Over a root that has an init of its own nothing can be laid: a VM has a copy of it. And only of a guest that says
 * nothing over the channel can somebody else know the host key. */
static enum stoker_status check_foreign(stoker *s, const struct stoker_spec *spec, struct vm_record *rec,
                                        const struct image_files *files, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	if (files->agent && spec->host_key) {
		error_set(err, STOKER_E_INVALID, "the image %s has an agent, which alone tells the guest's host key", rec->vm.image);
		return error_fix(err, "Leave --host-key out"), STOKER_E_INVALID;
	}
	if (!files->agent && rec->vm.disk_mode != STOKER_DISK_COPY) {
		if (spec->disk_mode) {
			error_set(err, STOKER_E_INVALID, "the image %s has no agent, so its disk mode can only be copy", rec->vm.image);
			return error_fix(err, "Leave --disk-mode out, or use --disk-mode copy"), STOKER_E_INVALID;
		}
		rec->vm.disk_mode = STOKER_DISK_COPY;
		st = spec_check_disk(s, rec->vm.disk_mib, err);
	}
	if (st == STOKER_OK && rec->vm.disk_mode == STOKER_DISK_COPY)
		st = disk_fits(files->root, rec->vm.disk_mib, err);
	if (st == STOKER_OK && spec->host_key)
		st = ssh_key_given(spec->host_key, rec->vm.host_key, err);
	return st;
}

/* Everything that can be known before anything is made. */
static enum stoker_status prepare(stoker *s, const struct stoker_spec *spec, struct vm_record *rec,
                                  struct image_files *files, struct stoker_error *err)
{
	char backend[sizeof rec->vm.backend], accel[sizeof rec->vm.accel];
	enum stoker_status st = spec_resolve(s, spec, rec, err);
	if (st == STOKER_OK)
		st = image_paths(s, rec->vm.image, files, err);
	if (st != STOKER_OK)
		return st;
	rec->agent = files->agent;
	st = check_foreign(s, spec, rec, files, err);
	if (st != STOKER_OK)
		return st;
	memcpy(backend, rec->vm.backend, sizeof backend);
	memcpy(accel, rec->vm.accel, sizeof accel);
	st = backend_choose(s, rec, backend, accel, err);
	if (st == STOKER_OK)
		st = spec_check_network(&rec->vm, err);
	return st == STOKER_OK && rec->vm.network == STOKER_NET_TAP ? net_check(s, err) : st;
}

enum stoker_status stoker_check_spec(stoker *s, const struct stoker_spec *spec, struct stoker_error *err)
{
	struct image_files files;
	struct vm_record rec, other;
	enum stoker_status st = prepare(s, spec, &rec, &files, err);
	if (st == STOKER_OK && spec->name && store_find(s->store, spec->name, &other, NULL) == STOKER_OK &&
	    strcmp(other.vm.name, spec->name) == 0) {
		st = error_set(err, STOKER_E_EXISTS, "there is already a VM called %s", spec->name);
		error_fix(err, "Choose another name");
	}
	return st;
}

enum stoker_status stoker_create(stoker *s, const struct stoker_spec *spec, const struct stoker_call *call,
                                 struct stoker_vm *out, struct stoker_error *err)
{
	int64_t since = clock_now_ns();
	struct image_files files;
	struct vm_record rec;
	struct process_id me;
	struct stoker_error why = { 0 };
	enum stoker_status st;
	bool inserted = false;
	int lock = -1;

	st = handle_writable(s, &why);
	if (st == STOKER_OK)
		st = prepare(s, spec, &rec, &files, &why);
	if (st != STOKER_OK)
		goto out;
	if (!process_identify(getpid(), &me)) {
		st = error_set(&why, STOKER_E_FAILED, "/proc does not tell who we are");
		goto out;
	}
	rec.vm.state = STOKER_CREATED;
	rec.vm.created_at_ms = clock_wall_ms();
	if (spec->owned)
		rec.owner = me;
	rec.op.kind = STOKER_PHASE_CREATE;
	rec.op.since_ns = since;
	rec.op.owner = me;
	st = insert(s, &rec, spec->name != NULL, &why);
	if (st != STOKER_OK)
		goto out;
	inserted = true;
	st = make_files(s, &rec, files.root, call, &lock, &why);
	if (st == STOKER_OK)
		st = steps_end(s, &rec, STOKER_PHASE_CREATE, STOKER_CREATED, &why);
out:
	if (st != STOKER_OK && inserted) {
		/* Undo in reverse. What cannot be undone now stays recorded as half done, for reconcile. */
		if (lifecycle_remove(s, &rec, NULL) == STOKER_OK)
			store_remove(s->store, rec.vm.id, NULL);
		handle_touch(s);
	}
	if (lock >= 0)
		close(lock);
	if (st == STOKER_OK) {
		lifecycle_refresh(s, &rec);
		if (out)
			*out = rec.vm;
	} else {
		error_what(&why, "create %s", spec->name && spec_check_name(spec->name, NULL) == STOKER_OK ? spec->name : "a VM");
		if (err)
			*err = why;
	}
	return st;
}
