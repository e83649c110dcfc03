/* SPDX-License-Identifier: Apache-2.0
 *
 * image.h - what the lifecycle needs of an image.
 */
#ifndef STOKER_SRC_GUEST_IMAGE_H
#define STOKER_SRC_GUEST_IMAGE_H

#include "../handle.h"

struct image_files {
	char kernel[STOKER_PATH_SIZE];
	char initrd[STOKER_PATH_SIZE]; /* "" when the image has none */
	char root[STOKER_PATH_SIZE];
	bool agent;      /* its initrd carries our init, which stays as the agent */
	char init[64];   /* else the root's own init, to which ours hands over; "" in an image with agent */
	bool own_kernel; /* built by us: what assets/guest/kernel.fragment has is built in */
};

/* The files of an image, checked to be there. STOKER_E_MISSING with the command that builds it when not. */
enum stoker_status image_paths(const stoker *s, const char *name, struct image_files *out, struct stoker_error *err);

/* True when a folder IMAGES/.build-* belongs to a build (or a delete) that is
 * still going on: whoever carries it out holds flock() on the folder. */
bool image_build_busy(const char *path);
/* Removes such a folder with all that is in it. */
enum stoker_status image_build_remove(const char *path, struct stoker_error *err);

#endif
