/* SPDX-License-Identifier: Apache-2.0
 *
 * image_files.c - an image's folder: checked on every use, for it may be
 * damaged, half copied or made by somebody else.
 */
#include "image_files.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"

enum { JSON_MAX = 1024 * 1024, TREE_DEPTH = 64, FORMAT = 1 };

bool image_name_valid(const char *name)
{
	size_t n = strlen(name);
	if (n < 1 || n > 63 || strchr("._-", name[0]) != NULL)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

enum stoker_status image_name_check(const char *name, struct stoker_error *err)
{
	char clean[80];
	if (image_name_valid(name))
		return STOKER_OK;
	error_set(err, STOKER_E_INVALID, "\"%s\" is no name for an image", error_clean(clean, sizeof clean, name, strnlen(name, 70)));
	return error_fix(err, "Use 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit");
}

/* ---- image.json */

static bool text_of(const cJSON *o, const char *key, char *out, size_t cap)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
	const char *text = cJSON_GetStringValue(item);
	size_t n = text ? strlen(text) : 0;
	if (!text || n == 0 || n >= cap)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	memcpy(out, text, n + 1);
	return true;
}

static bool number_of(const cJSON *o, const char *key, double max, double *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= max))
		return false;
	*out = item->valuedouble;
	return true;
}

/* A plain name in the image's own folder. */
static bool file_of(const cJSON *files, const char *key, char *out, size_t cap)
{
	const cJSON *file = cJSON_GetObjectItemCaseSensitive(files, key);
	return cJSON_IsObject(file) && text_of(file, "file", out, cap) && out[0] != '.' && strchr(out, '/') == NULL;
}

bool image_parse(const char *text, size_t n, struct image_info *out, char *why, size_t cap)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const cJSON *files = o ? cJSON_GetObjectItemCaseSensitive(o, "files") : NULL;
	const char *bad = NULL;
	double format = 0, built = 0;

	memset(out, 0, sizeof *out);
	if (!cJSON_IsObject(o))
		bad = "it is not a JSON object";
	else if (!number_of(o, "format", 1e6, &format) || floor(format) != format)
		bad = "it has no format number";
	else if (format > FORMAT)
		bad = "it was made by a newer stoker";
	else if (!text_of(o, "recipe", out->image.recipe, sizeof out->image.recipe) ||
	         !text_of(o, "digest", out->image.digest, sizeof out->image.digest) ||
	         !text_of(o, "kernel_version", out->image.kernel_version, sizeof out->image.kernel_version))
		bad = "its recipe, digest or kernel_version is missing or no plain text";
	else if (!number_of(o, "built_at_ms", 1e15, &built))
		bad = "its built_at_ms is no time";
	else if (!file_of(files, "kernel", out->kernel, sizeof out->kernel) ||
	         !file_of(files, "root", out->root, sizeof out->root))
		bad = "it does not name its kernel and root file";
	else if (cJSON_GetObjectItemCaseSensitive(files, "initrd") &&
	         !file_of(files, "initrd", out->initrd, sizeof out->initrd))
		bad = "it does not name its initrd properly";
	if (!bad) {
		out->image.built_at_ms = (int64_t)built;
		/* Images of before there was a choice say nothing of it. */
		if (!text_of(o, "kernel_from", out->image.kernel_from, sizeof out->image.kernel_from))
			snprintf(out->image.kernel_from, sizeof out->image.kernel_from, "debian");
		out->image.agent = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "agent"));
		if (!out->image.agent && (!text_of(o, "init", out->image.init, sizeof out->image.init) || out->image.init[0] != '/' || strchr(out->image.init, ' ')))
			bad = "it has no agent, and does not name the init of its root";
	}
	cJSON_Delete(o);
	if (bad)
		snprintf(why, cap, "%s", bad);
	return !bad;
}

/* Bytes allocated, or false when it is not an ordinary file with something in it. */
static bool file_size(const char *folder, const char *name, uint64_t *out)
{
	char path[STOKER_PATH_SIZE + 64];
	struct stat st;
	if (name[0] == '\0')
		return true;
	snprintf(path, sizeof path, "%s/%s", folder, name);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	*out = (uint64_t)st.st_blocks * 512;
	return true;
}

enum stoker_status image_load_folder(const char *folder, const char *name, struct image_info *out,
                                     struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE + 16], why[128];
	char *text = NULL;
	enum stoker_status status = STOKER_OK;
	ssize_t n = 0;
	size_t got = 0;
	const char *lost;

	snprintf(path, sizeof path, "%s/image.json", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int e = errno;
		status = e == ENOENT ? error_set(err, STOKER_E_FAILED, "the image %s has no image.json", name)
		                     : error_errno(err, e, "the image %s cannot be read", name);
		goto out;
	}
	text = malloc(JSON_MAX);
	if (!text) {
		status = error_errno(err, ENOMEM, "the image %s cannot be read", name);
		goto out;
	}
	while (got < JSON_MAX && ((n = read(fd, text + got, JSON_MAX - got)) > 0 || (n < 0 && errno == EINTR)))
		got += n > 0 ? (size_t)n : 0;
	if (n < 0) {
		status = error_errno(err, errno, "the image.json of the image %s cannot be read", name);
		goto out;
	}
	if (got == JSON_MAX) {
		status = error_set(err, STOKER_E_FAILED, "the image.json of the image %s is longer than %d bytes", name, JSON_MAX);
		goto out;
	}
	if (!image_parse(text, got, out, why, sizeof why)) {
		status = error_set(err, STOKER_E_FAILED, "the image.json of the image %s is damaged: %s", name, why);
		goto out;
	}
	snprintf(out->image.name, sizeof out->image.name, "%s", name);
	snprintf(out->folder, sizeof out->folder, "%s", folder);
	lost = !file_size(folder, out->kernel, &out->image.kernel_bytes) ? out->kernel
	       : !file_size(folder, out->initrd, &out->image.initrd_bytes) ? out->initrd
	       : !file_size(folder, out->root, &out->image.root_bytes) ? out->root : NULL;
	if (lost)
		status = error_set(err, STOKER_E_FAILED, "the image %s is damaged: its file %s is not there or empty", name, lost);
out:
	if (status != STOKER_OK && err && !err->fix[0])
		error_fix(err, "Build it again: stoker image build %s --rebuild", name);
	if (fd >= 0)
		close(fd);
	free(text);
	return status;
}

enum stoker_status image_load(const stoker *s, const char *name, struct image_info *out, struct stoker_error *err)
{
	char folder[STOKER_PATH_SIZE];
	struct stat st;
	enum stoker_status status = image_name_check(name, err);
	if (status != STOKER_OK)
		return status;
	if (!path_image(s, folder, "%s", name))
		return error_set(err, STOKER_E_INVALID, "the path of the image %s is too long", name);
	if (stat(folder, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		error_set(err, STOKER_E_NOT_FOUND, "there is no image %s", name);
		return strcmp(name, "micro") == 0 ? error_fix(err, "Run: stoker image build micro")
		                                  : error_fix(err, "stoker image list shows those that are there");
	}
	return image_load_folder(folder, name, out, err);
}

enum stoker_status image_paths(const stoker *s, const char *name, struct image_files *out, struct stoker_error *err)
{
	struct image_info info;
	enum stoker_status status = image_load(s, name, &info, err);
	if (status == STOKER_E_NOT_FOUND) {
		error_set(err, STOKER_E_MISSING, "there is no image %s", name);
		return strcmp(name, "micro") == 0 ? error_fix(err, "Run: stoker image build micro")
		                                  : error_fix(err, "stoker image list shows those that are there");
	}
	if (status != STOKER_OK)
		return status;
	memset(out, 0, sizeof *out);
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): image_load() filled it, or it was no STOKER_OK */
	out->agent = info.image.agent;
	memcpy(out->init, info.image.init, sizeof out->init);
	out->own_kernel = strcmp(info.image.kernel_from, "source") == 0;
	if (!path_image(s, out->kernel, "%s/%s", name, info.kernel) || !path_image(s, out->root, "%s/%s", name, info.root) ||
	    (info.initrd[0] && !path_image(s, out->initrd, "%s/%s", name, info.initrd)))
		return error_set(err, STOKER_E_INVALID, "the path of the image %s is too long", name);
	return STOKER_OK;
}

/* ---- folders and locks */

enum stoker_status image_lock(const stoker *s, const struct stoker_call *call, int *fd, struct stoker_error *err)
{
	return folder_lock(s->image_dir, "build or delete of an image", call, fd, err);
}

enum stoker_status image_work_folder(const stoker *s, const char *name, char out[STOKER_PATH_SIZE], int *fd,
                                     struct stoker_error *err)
{
	*fd = -1;
	if (!path_image(s, out, ".build-%s-%ld-XXXXXX", name, (long)getpid()))
		return error_set(err, STOKER_E_INVALID, "the path of the image %s is too long", name);
	if (!mkdtemp(out))
		return error_errno(err, errno, "no folder can be made in %s", s->image_dir);
	*fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		int e = errno;
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
		rmdir(out);
		return error_errno(err, e, "the folder %s cannot be locked", out);
	}
	return STOKER_OK;
}

bool image_build_busy(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool busy = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return busy;
}

static bool remove_at(int parent, const char *name, int depth)
{
	struct dirent *e;
	bool ok = true;
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	if (depth == 0) {
		errno = ELOOP;
		return false;
	}
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = remove_at(fd, e->d_name, depth - 1) && ok;
	closedir(dir);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 && ok;
}

bool image_remove_tree(const char *path)
{
	return remove_at(AT_FDCWD, path, TREE_DEPTH);
}

enum stoker_status image_build_remove(const char *path, struct stoker_error *err)
{
	if (image_build_busy(path))
		return error_set(err, STOKER_E_STATE, "the build in %s is still going on", path);
	if (!image_remove_tree(path))
		return error_errno(err, errno, "%s cannot be removed", path);
	return STOKER_OK;
}
