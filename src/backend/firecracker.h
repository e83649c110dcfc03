/* SPDX-License-Identifier: Apache-2.0
 *
 * firecracker.h - between firecracker.c (the backend) and firecracker_parts.c:
 * what Firecracker says, read; where its program is.
 */
#ifndef STOKER_SRC_FIRECRACKER_H
#define STOKER_SRC_FIRECRACKER_H

#include "backend.h"

enum { FIRECRACKER_OLDEST = 107, FIRECRACKER_NEWEST = 117 }; /* that stoker was tried with, as firecracker_version_number() */

/* The answer to GET /. False for anything that is not one; `version` keeps what it has when none is told. */
bool firecracker_read_state(const char *body, size_t length, long status, enum vmm_state *out, char version[32]);

/* "1.12.1" -> 112, so that 1.9 < 1.12; 0: no version. */
int firecracker_version_number(const char *text);

/* What to do about a fault_message. Static. */
const char *firecracker_advice(const char *fault);

/* The program: the one named by the handle's options (--firecracker), else by the setting firecracker.binary (a path or
 * a name in PATH), else, when that setting is left as it is, the one that firecracker_install() put in place.
 * *how (may be NULL) says by which of them; static. */
enum stoker_status firecracker_find(stoker *s, char path[STOKER_PATH_SIZE], const char **how, struct stoker_error *err);

/* Where firecracker_install() puts it. False when the path is too long. */
bool firecracker_installed(const stoker *s, char path[STOKER_PATH_SIZE]);
enum stoker_status firecracker_install(stoker *s, const struct stoker_call *call, char path[STOKER_PATH_SIZE],
                                       bool *installed, struct stoker_error *err);

/* The version that a program tells of itself. */
enum stoker_status firecracker_version_of(const char *path, const struct stoker_call *call, char version[32],
                                          struct stoker_error *err);

void firecracker_doctor(struct doctor *d);

/* The release that the tests run, and that is installed. */
#define FIRECRACKER_PINNED "1.12.1"
/* What to do when there is none, or none that works. */
#define FIRECRACKER_INSTALL \
	"Run stoker doctor --install firecracker, or name one by --firecracker or as firecracker.binary in stoker.conf"

#endif
