/* SPDX-License-Identifier: Apache-2.0
 *
 * qemu.h - QEMU's two builds, for its backend and for doctor.
 */
#ifndef STOKER_SRC_BACKEND_QEMU_H
#define STOKER_SRC_BACKEND_QEMU_H

#include "../handle.h"

/* The first line of -version. It starts the program, which takes some 30 ms. */
enum stoker_status qemu_version(const char *path, char *version, size_t cap, struct stoker_error *err);

/* The small build beside the `whole` one, if it can stand in for it where KVM and no user-mode network are wanted. False:
 * why[] says why not, "" when there is none. Versions are compared once per boot and installation. */
bool qemu_small(stoker *s, const char *whole, char path[STOKER_PATH_SIZE], char *why, size_t cap);

#endif
