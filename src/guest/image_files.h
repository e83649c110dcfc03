/* SPDX-License-Identifier: Apache-2.0
 *
 * image_files.h - an image's folder: its name, its image.json, its files.
 *
 *   IMAGES/NAME/         vmlinux, initrd, root.ext4, image.json; never changed
 *   IMAGES/.build-*      a build or a delete going on; whoever does it holds
 *                        flock() on the folder, so it dies with its holder
 *
 * Builds and deletes of one IMAGES folder exclude each other by flock() on it.
 */
#ifndef STOKER_SRC_GUEST_IMAGE_FILES_H
#define STOKER_SRC_GUEST_IMAGE_FILES_H

#include "image.h"

struct image_info {
	struct stoker_image image; /* all but used_by */
	char kernel[64], initrd[64], root[64]; /* file names in the folder; initrd may be "" */
	char folder[STOKER_PATH_SIZE];
};

/* [a-z0-9][a-z0-9._-]{0,62} */
bool image_name_valid(const char *name);
enum stoker_status image_name_check(const char *name, struct stoker_error *err);

/* Reads and checks an image's folder. STOKER_E_NOT_FOUND when it is not there,
 * STOKER_E_FAILED when it is no image or is damaged. */
enum stoker_status image_load(const stoker *s, const char *name, struct image_info *out, struct stoker_error *err);
/* The same for any folder, such as one that is being built. */
enum stoker_status image_load_folder(const char *folder, const char *name, struct image_info *out,
                                     struct stoker_error *err);
/* image.json's text; exposed for tests. False, with the reason, when it cannot be one. */
bool image_parse(const char *text, size_t n, struct image_info *out, char *why, size_t cap);

/* Waits for the lock of IMAGES. The caller closes *fd. */
enum stoker_status image_lock(const stoker *s, const struct stoker_call *call, int *fd, struct stoker_error *err);

/* Makes and locks IMAGES/.build-NAME-PID-xxxx. The caller closes *fd. */
enum stoker_status image_work_folder(const stoker *s, const char *name, char out[STOKER_PATH_SIZE], int *fd,
                                     struct stoker_error *err);

/* Is this file a root file system that can be imported? Its absolute path; STOKER_E_INVALID with what it is instead. */
enum stoker_status image_import_check(const char *file, char out[STOKER_PATH_SIZE], struct stoker_error *err);

/* Removes a tree without following symbolic links. False with errno when something is left. */
bool image_remove_tree(const char *path);

#endif
