/* SPDX-License-Identifier: Apache-2.0
 *
 * image_kernel.h - the guest's own kernels, and what they share with the recipes of images.
 *
 *   IMAGES/.kernels/DIGEST/   vmlinux, config, System.map, kernel.json; DIGEST is of
 *                             the build's inputs; never changed. Images hold copies.
 */
#ifndef STOKER_SRC_GUEST_IMAGE_KERNEL_H
#define STOKER_SRC_GUEST_IMAGE_KERNEL_H

#include "image.h"

/* The own kernel of today's inputs: found in the cache, or built into it, which
 * takes minutes and tells its progress. `out` is the path of its vmlinux.
 * STOKER_E_MISSING with the command that installs the tools. */
enum stoker_status kernel_build(stoker *s, const char *cache, const struct stoker_call *call, char out[STOKER_PATH_SIZE],
                                struct stoker_error *err);
/* The vmlinux of the newest own kernel that is there; "" when there is none. */
void kernel_newest(const stoker *s, char out[STOKER_PATH_SIZE]);

/* ---- of image_build.c */

/* The build.sh of a recipe. */
enum stoker_status image_recipe_find(const char *recipe, char out[STOKER_PATH_SIZE], struct stoker_error *err);
/* Runs a recipe: its progress goes to `call`, a digest it prints to `digest`,
 * which is an error when it is still "" at the end. Its complaint is the error. */
enum stoker_status image_recipe_run(const char *const *argv, const struct stoker_call *call, char digest[72],
                                    struct stoker_error *err);
/* To the disk, all of it, before a rename puts it in place. */
enum stoker_status image_flush(const char *folder, struct stoker_error *err);

#endif
