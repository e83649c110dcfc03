/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_filter.c - any text as a filter: read, matched and completed (libFuzzer).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/vm_filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct stoker_vm *vm_at(const void *context, size_t i)
{
	return (const struct stoker_vm *)context + i;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stoker_vm vms[2] = {
		{ .id = "0000000000001000", .name = "web-1", .state = STOKER_RUNNING, .pid = 7, .ip = "172.16.0.2", .ssh_port = 2200,
		  .backend = "qemu", .accel = "tcg", .image = "micro", .vcpus = 2, .memory_mib = 512, .disk_mib = 2048,
		  .labels = "a=b,tier=web", .created_at_ms = 1000, .exit_status = -1 },
		{ .id = "0000000000001001", .name = "x", .state = STOKER_CRASHED, .stale = true, .exit_status = 265 },
	};
	char text[FILTER_SIZE * 2], found[16][FILTER_CANDIDATE_SIZE];
	struct vm_filter filter;
	size_t len = size < sizeof text - 1 ? size : sizeof text - 1, i, n, from;

	memcpy(text, data, len);
	text[len] = '\0';
	len = strlen(text);
	if (vm_filter_read(&filter, text) != (filter.problem[0] == '\0') || filter.count > FILTER_TERMS_MAX ||
	    filter.problem_at > FILTER_SIZE)
		abort();
	for (i = 0; i < 2; i++) {
		struct vm_filter_facts facts = { &vms[i], 50, 73, i == 0 ? 60000 : -1, 5000000, i == 0, i == 1 };
		vm_filter_fits(&filter, &facts);
	}
	n = vm_filter_complete(text, len, vm_at, vms, 2, found, 16, &from);
	if (n > 16 || from > len)
		abort();
	for (i = 0; i < n; i++) {
		/* A candidate continues what was typed, but for the case of its letters. */
		if (strlen(found[i]) < len - from || strlen(found[i]) >= FILTER_CANDIDATE_SIZE)
			abort();
	}
	return 0;
}
