/* SPDX-License-Identifier: Apache-2.0
 *
 * spec.h - the one place where names and sizes are checked.
 */
#ifndef STOKER_SRC_SPEC_H
#define STOKER_SRC_SPEC_H

#include "handle.h"
#include "store.h"

/* What a VM needs at least and this build takes at most; above, the host's memory and free disk set the limit. */
enum { SPEC_VCPUS_MAX = 32, SPEC_MEMORY_MIN = 96, SPEC_DISK_MIN = 64 };

/* vm.network until backend_choose() has decided: none was asked for. */
#define NETWORK_AUTO ((enum stoker_network)(STOKER_NET_NONE + 1))

/* [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])? : safe in paths, host names, kernel command lines and option lists. */
enum stoker_status spec_check_name(const char *name, struct stoker_error *err);

/* Fills the recorded fields of *rec from the specification, the settings and
 * the defaults, or says which value is outside which range. A NULL name gets a
 * made-up one. Backend, acceleration, id and pools are left to create. */
enum stoker_status spec_resolve(stoker *s, const struct stoker_spec *spec, struct vm_record *rec,
                                struct stoker_error *err);

/* From SPEC_DISK_MIN to what the host has free. */
enum stoker_status spec_check_disk(const stoker *s, unsigned disk_mib, struct stoker_error *err);

/* Can the network that was chosen do what is asked of it? */
enum stoker_status spec_check_network(const struct stoker_vm *vm, struct stoker_error *err);

/* What stoker_list() is to look for: "key" or "key=value", as labels are written. */
enum stoker_status spec_check_label_filter(const char *text, struct stoker_error *err);

/* Two words and, from the third attempt on, a number. */
void spec_make_name(char out[STOKER_NAME_MAX + 1], unsigned attempt);

#endif
