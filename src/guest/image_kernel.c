/* SPDX-License-Identifier: Apache-2.0
 *
 * image_kernel.c - own kernels: built once per set of inputs, shared by all
 * images of a folder.
 *
 * A build goes on in a folder IMAGES/.build-kernel-*, which reconcile knows and
 * removes when it was cut off. Two builds exclude each other by flock() on
 * IMAGES/.kernels; builds of images that take another kernel go on meanwhile.
 */
#include "image_kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "image_files.h"
#include "store.h"

enum { NAME_DIGITS = 32, KEPT = 2, LOCK_STEP_MS = 200 };

/* A folder of the cache: nothing but hex digits, and a kernel in it. */
static bool is_kernel(const stoker *s, const char *name, char out[STOKER_PATH_SIZE], int64_t *at)
{
	struct stat st;
	if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789abcdef") != NAME_DIGITS ||
	    !path_image(s, out, ".kernels/%s/vmlinux", name) || stat(out, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	*at = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return true;
}

/* The newest or the oldest, and how many there are. */
static unsigned find_edge(const stoker *s, bool newest, char name_out[NAME_DIGITS + 1], char out[STOKER_PATH_SIZE])
{
	char folder[STOKER_PATH_SIZE], path[STOKER_PATH_SIZE];
	int64_t best = 0, at;
	unsigned count = 0;
	struct dirent *e;
	DIR *dir;

	out[0] = '\0';
	if (!path_image(s, folder, ".kernels") || !(dir = opendir(folder)))
		return 0;
	while ((e = readdir(dir)) != NULL) {
		if (!is_kernel(s, e->d_name, path, &at))
			continue;
		if (count++ == 0 || (newest ? at > best : at < best)) {
			best = at;
			memcpy(name_out, e->d_name, NAME_DIGITS + 1);
			memcpy(out, path, STOKER_PATH_SIZE);
		}
	}
	closedir(dir);
	return count;
}

void kernel_newest(const stoker *s, char out[STOKER_PATH_SIZE])
{
	char name[NAME_DIGITS + 1];
	find_edge(s, true, name, out);
}

static enum stoker_status lock_kernels(const stoker *s, const struct stoker_call *call, int64_t deadline, int *fd,
                                       struct stoker_error *err)
{
	char folder[STOKER_PATH_SIZE];
	if (!path_image(s, folder, ".kernels"))
		return error_set(err, STOKER_E_INVALID, "the path of the images is too long");
	if ((mkdir(folder, 0700) < 0 && errno != EEXIST) || (*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_errno(err, errno, "the folder %s cannot be made", folder);
	while (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd cancel = { call->cancel_fd, POLLIN, 0 };
		int e = errno;
		if (e == EINTR)
			continue;
		if (e != EWOULDBLOCK)
			return error_errno(err, e, "the folder %s cannot be locked", folder);
		if (clock_now_ns() >= deadline) {
			error_set(err, STOKER_E_TIMEOUT, "another build of the kernel is still going on");
			return error_fix(err, "Wait until it has ended, or end it");
		}
		if (poll(&cancel, 1, LOCK_STEP_MS) > 0)
			return error_set(err, STOKER_E_CANCELLED, "cancelled while another build of the kernel was going on");
	}
	return STOKER_OK;
}

/* Aside by one rename first: a removal that is cut off leaves no half a kernel
 * in the cache, but a folder that reconcile knows. */
static void forget_oldest(stoker *s)
{
	char name[NAME_DIGITS + 1], path[STOKER_PATH_SIZE], folder[STOKER_PATH_SIZE], aside[STOKER_PATH_SIZE + 8];
	char inside[STOKER_PATH_SIZE + 16];
	int work;

	while (find_edge(s, false, name, path) > KEPT) {
		if (!path_image(s, folder, ".kernels/%s", name) || image_work_folder(s, "kernel", aside, &work, NULL) != STOKER_OK)
			return;
		snprintf(inside, sizeof inside, "%s/kernel", aside);
		bool moved = rename(folder, inside) == 0;
		image_remove_tree(aside);
		close(work);
		if (!moved)
			return;
	}
}

static enum stoker_status make(stoker *s, const char *const *digest_argv, const char *script, const char *cache,
                               const struct stoker_call *call, const char *digest, const char *folder,
                               struct stoker_error *err)
{
	char work[STOKER_PATH_SIZE], again[72] = "", said[72] = "-";
	int fd = -1;
	enum stoker_status st = image_work_folder(s, "kernel", work, &fd, err);
	if (st != STOKER_OK)
		return st;
	const char *const argv[] = { "/bin/sh", script, "--out", work, "--cache", cache, NULL };
	st = image_recipe_run(argv, call, said, err);
	/* Was it built from what its name says? */
	if (st == STOKER_OK)
		st = image_recipe_run(digest_argv, call, again, err);
	if (st == STOKER_OK && strcmp(again, digest) != 0)
		st = error_set(err, STOKER_E_FAILED, "the inputs of the kernel changed while it was built");
	if (st == STOKER_OK)
		st = image_flush(work, err);
	if (st == STOKER_OK && rename(work, folder) < 0)
		st = error_errno(err, errno, "%s cannot be put in place", folder);
	if (st != STOKER_OK)
		image_remove_tree(work);
	close(fd);
	return st;
}

enum stoker_status kernel_build(stoker *s, const char *cache, const struct stoker_call *call, char out[STOKER_PATH_SIZE],
                                struct stoker_error *err)
{
	char script[STOKER_PATH_SIZE], digest[72] = "", folder[STOKER_PATH_SIZE], name[NAME_DIGITS + 1];
	int64_t deadline = deadline_after_ms(call->timeout_ms), at;
	struct stoker_call rest = *call;
	int lock = -1;
	enum stoker_status st = image_recipe_find("kernel", script, err);
	const char *const digest_argv[] = { "/bin/sh", script, "--digest", "--cache", cache, NULL };

	if (st == STOKER_OK)
		st = image_recipe_run(digest_argv, &rest, digest, err);
	if (st != STOKER_OK)
		return st;
	if (strlen(digest) < 7 + NAME_DIGITS)
		return error_set(err, STOKER_E_FAILED, "the recipe of the kernel gave no whole digest");
	memcpy(name, digest + 7, NAME_DIGITS);
	name[NAME_DIGITS] = '\0';
	if (!path_image(s, folder, ".kernels/%s", name))
		return error_set(err, STOKER_E_INVALID, "the path of the images is too long");
	if (is_kernel(s, name, out, &at))
		return STOKER_OK;
	st = lock_kernels(s, &rest, deadline, &lock, err);
	if (st == STOKER_OK && !is_kernel(s, name, out, &at)) { /* nobody was faster */
		image_remove_tree(folder); /* what a power cut may have left of one */
		rest.timeout_ms = deadline_poll_ms(deadline);
		st = make(s, digest_argv, script, cache, &rest, digest, folder, err);
		if (st == STOKER_OK && !is_kernel(s, name, out, &at))
			st = error_set(err, STOKER_E_FAILED, "the recipe of the kernel made no kernel");
		if (st == STOKER_OK) {
			history_event(s->store, s->actor, NULL, "image", "own kernel %.12s built", name);
			forget_oldest(s);
		}
	}
	if (st != STOKER_OK)
		out[0] = '\0';
	if (lock >= 0)
		close(lock);
	return st;
}
