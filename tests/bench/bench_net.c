/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_net.c - what the network of one VM with network tap costs, measured on
 * the inside: device, address, route, neighbour and rules, and their removal.
 * Run in a network namespace of its own. Prints lines "figure nanoseconds".
 *
 *	bench_net N     N VMs made one after another, then removed one after another
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "net/net.h"

static void must(enum stoker_status st, const struct stoker_error *err)
{
	char text[1400];

	if (st == STOKER_OK)
		return;
	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "bench_net: %s\n", text);
	exit(1);
}

/* As a create makes it, without its disk and without the store. */
static void vm_of(size_t i, struct vm_record *rec)
{
	char text[16];

	memset(rec, 0, sizeof *rec);
	snprintf(rec->vm.id, sizeof rec->vm.id, "%016zx", (i + 1) << 32 | 0xbe);
	snprintf(rec->vm.name, sizeof rec->vm.name, "bench-%zu", i);
	snprintf(rec->vm.ip, sizeof rec->vm.ip, "%s", net_address_text(0xac100002u + (uint32_t)i, text));
	snprintf(rec->vm.egress, sizeof rec->vm.egress, "all");
	snprintf(rec->vm.publish, sizeof rec->vm.publish, "%zu:80", 20000 + i);
	rec->vm.network = STOKER_NET_TAP;
	rec->vm.ssh_port = (uint16_t)(2200 + i);
}

static void print(const char *figure, int64_t *samples, size_t n)
{
	struct stoker_percentiles p;

	stoker_percentiles_of(samples, n, &p);
	printf("%s_p50 %" PRId64 "\n%s_p95 %" PRId64 "\n", figure, p.p50_ns, figure, p.p95_ns);
}

int main(int argc, char **argv)
{
	struct stoker_error err = { .code = STOKER_OK };
	size_t n = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
	int64_t *took = n > 0 && n <= 250 ? calloc(n, sizeof *took) : NULL, begun;
	struct vm_record rec;
	stoker *s = NULL;

	if (!took) {
		fprintf(stderr, "bench_net: see the head of bench_net.c\n");
		return 2;
	}
	must(stoker_open(NULL, &s, &err), &err);
	/* The first one makes the table as well. */
	vm_of(n, &rec);
	must(net_attach(s, &rec, &err), &err);
	for (size_t i = 0; i < n; i++) {
		vm_of(i, &rec);
		begun = clock_now_ns();
		must(net_attach(s, &rec, &err), &err);
		took[i] = clock_now_ns() - begun;
	}
	print("attach", took, n);
	for (size_t i = 0; i < n; i++) {
		vm_of(i, &rec);
		begun = clock_now_ns();
		must(net_detach(s, &rec, &err), &err);
		took[i] = clock_now_ns() - begun;
	}
	print("detach", took, n);
	vm_of(n, &rec);
	must(net_detach(s, &rec, &err), &err);
	stoker_close(s);
	free(took);
	return 0;
}
