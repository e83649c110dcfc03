/* SPDX-License-Identifier: Apache-2.0
 *
 * doctor.h - between doctor.c (the host) and doctor_tools.c (programs, images, pools).
 */
#ifndef STOKER_SRC_DOCTOR_H
#define STOKER_SRC_DOCTOR_H

#include "handle.h"

struct doctor {
	stoker *s;
	unsigned vms, new_vms, cpus, memory_mib, disk_mib;
	size_t existing, living, taps;
	struct stoker_check *rows;
	size_t count, cap;
	bool failed;               /* memory ran out: rows then go to the spare one */
	struct stoker_check spare;
};

/* Adds a row; valid until the next one is added. */
struct stoker_check *doctor_row(struct doctor *d, const char *name, enum stoker_check_result result,
                                const char *reason, ...) __attribute__((format(printf, 4, 5)));
void doctor_fix(struct stoker_check *row, const char *fix, ...) __attribute__((format(printf, 2, 3)));

void doctor_check_qemu(struct doctor *d);
void doctor_check_programs(struct doctor *d);
void doctor_check_kernel(struct doctor *d);
void doctor_check_image(struct doctor *d);
void doctor_check_tools(struct doctor *d);
void doctor_check_pools(struct doctor *d);
void doctor_check_network(struct doctor *d);

#endif
