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

/* The program: the setting firecracker.binary, a path or a name in PATH. */
enum stoker_status firecracker_find(stoker *s, char path[STOKER_PATH_SIZE], struct stoker_error *err);

void firecracker_doctor(struct doctor *d);

/* What to do when there is none, or none that works. 1.12.1 is the release that the tests run. */
#define FIRECRACKER_INSTALL \
	"Put the program firecracker of its release 1.12.1 into PATH, or name it as firecracker.binary in stoker.conf"

#endif
