/* SPDX-License-Identifier: Apache-2.0
 *
 * image.c - the images that are there: list, get, delete.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "image_files.h"
#include "store.h"

static enum stoker_status users_of(const stoker *s, const char *name, unsigned *out, struct stoker_error *err)
{
	*out = 0;
	return s->store ? store_image_users(s->store, name, out, err) : STOKER_OK;
}

enum stoker_status stoker_image_get(stoker *s, const char *name, struct stoker_image *out, struct stoker_error *err)
{
	struct image_info info;
	enum stoker_status st = image_load(s, name, &info, err);
	if (st == STOKER_OK)
		st = users_of(s, name, &info.image.used_by, err);
	if (st == STOKER_OK)
		*out = info.image;
	else
		error_what(err, "look at the image");
	return st;
}

static int by_name(const void *a, const void *b)
{
	const struct stoker_image *x = a, *y = b;
	return strcmp(x->name, y->name);
}

/* A folder that is no image is left out: nothing could be done with it but to
 * look, and `get` says what is wrong with it. */
enum stoker_status stoker_image_list(stoker *s, struct stoker_image **out, size_t *count, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	struct stoker_image *all = NULL;
	size_t n = 0, room = 0;
	struct dirent *e;
	DIR *dir = opendir(s->image_dir);

	*out = NULL;
	*count = 0;
	if (!dir) {
		if (errno == ENOENT)
			return STOKER_OK;
		st = error_errno(err, errno, "the folder %s cannot be read", s->image_dir);
		error_what(err, "list images");
		return st;
	}
	while (st == STOKER_OK && (e = readdir(dir)) != NULL) {
		struct image_info info;
		if (!image_name_valid(e->d_name) || image_load(s, e->d_name, &info, NULL) != STOKER_OK)
			continue;
		if (n == room) {
			room = room ? room * 2 : 8;
			struct stoker_image *more = reallocarray(all, room, sizeof *all);
			if (!more) {
				st = error_errno(err, ENOMEM, "the list of images does not fit");
				break;
			}
			all = more;
		}
		st = users_of(s, e->d_name, &info.image.used_by, err);
		all[n++] = info.image;
	}
	closedir(dir);
	if (st != STOKER_OK) {
		error_what(err, "list images");
		free(all);
		return st;
	}
	if (n)
		qsort(all, n, sizeof *all, by_name);
	*out = all;
	*count = n;
	return STOKER_OK;
}

static enum stoker_status delete(stoker *s, const char *name, struct stoker_error *err)
{
	char folder[STOKER_PATH_SIZE], aside[STOKER_PATH_SIZE + 8];
	unsigned users = 0;
	int lock = -1, work = -1;
	struct stat sb;
	enum stoker_status st = image_name_check(name, err);

	if (st == STOKER_OK)
		st = handle_writable(s, err);
	if (st != STOKER_OK)
		return st;
	if ((st = image_lock(s, NULL, &lock, err)) != STOKER_OK)
		return st;
	if (!path_image(s, folder, "%s", name) || lstat(folder, &sb) < 0) {
		error_set(err, STOKER_E_NOT_FOUND, "there is no image %s", name);
		st = STOKER_E_NOT_FOUND;
		error_fix(err, "stoker image list shows those that are there");
		goto out;
	}
	if ((st = users_of(s, name, &users, err)) != STOKER_OK)
		goto out;
	if (users > 0) {
		st = error_set(err, STOKER_E_STATE, "%u VM%s use%s it", users, users == 1 ? "" : "s", users == 1 ? "s" : "");
		error_fix(err, "Delete those VMs first; stoker list shows them");
		goto out;
	}
	/* Gone by one rename; what follows may be cut off at any point, and reconcile removes the rest. */
	if ((st = image_work_folder(s, name, aside, &work, err)) != STOKER_OK)
		goto out;
	char inside[STOKER_PATH_SIZE + 16];
	snprintf(inside, sizeof inside, "%s/image", aside);
	if (rename(folder, inside) < 0) {
		st = error_errno(err, errno, "%s cannot be moved aside", folder);
		rmdir(aside);
		goto out;
	}
	if (!image_remove_tree(aside))
		st = error_errno(err, errno, "%s cannot be removed", aside);
	history_event(s->store, s->actor, NULL, "image", "image %s deleted", name);
	handle_touch(s);
out:
	if (work >= 0)
		close(work);
	close(lock);
	return st;
}

enum stoker_status stoker_image_delete(stoker *s, const char *name, struct stoker_error *err)
{
	enum stoker_status st = delete(s, name, err);
	if (st != STOKER_OK)
		error_what(err, "delete the image");
	return st;
}
