/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_policy.c - any bytes as --egress, --publish and --allow, a line each:
 * refused with a reason, or taken; what is taken means the same in its normal
 * form, and makes no more elements than there is room for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct net_policy *a, const struct net_policy *b)
{
	/* The whole host includes its ports, which the normal form leaves out; egress all has no networks. */
	return a->open == b->open && a->guests == b->guests && a->host == b->host && a->metadata == b->metadata &&
	       a->cidr_count == b->cidr_count && memcmp(a->cidrs, b->cidrs, sizeof a->cidrs) == 0 &&
	       a->port_count == b->port_count && memcmp(a->ports, b->ports, sizeof a->ports) == 0 &&
	       (a->host || (a->host_port_count == b->host_port_count &&
	                    memcmp(a->host_ports, b->host_ports, sizeof a->host_ports) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], *lines[3];
	struct nft_element elements[NFT_VM_MAX];
	struct stoker_error err = { 0 };
	struct vm_record rec = { .run = 0 };
	struct net_policy policy, again;

	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	lines[0] = text;
	lines[1] = lines[2] = text + size;
	for (int i = 1; i < 3; i++) {
		char *end = strchr(lines[i - 1], '\n');
		if (!end)
			break;
		*end = '\0';
		lines[i] = end + 1;
	}
	if (net_policy_parse(&policy, lines[0], lines[1], lines[2], &err) != STOKER_OK) {
		if (err.code != STOKER_E_INVALID || !err.why[0] || strpbrk(err.why, "\033\n\r\b"))
			abort();
		return 0;
	}
	/* A text that does not fit the record is refused where it is made (spec.c). */
	if (!net_policy_text(&policy, &rec.vm))
		return 0;
	if (!net_policy_of(&rec.vm, &again) || !same(&policy, &again))
		abort();
	memcpy(rec.vm.id, "0123456789abcdef", sizeof rec.vm.id);
	memcpy(rec.vm.ip, "172.16.0.2", sizeof "172.16.0.2");
	rec.vm.ssh_port = 2200;
	if (nft_elements_of(&rec, &policy, elements) > NFT_VM_MAX)
		abort();
	return 0;
}
