/* SPDX-License-Identifier: Apache-2.0
 *
 * Every VM with its status, process and address.
 *
 * cc -o example list.c $(pkg-config --cflags --libs stoker)
 */
#include <inttypes.h>
#include <stdio.h>

#include <stoker.h>

static int failed(const struct stoker_error *err)
{
	char text[1400];

	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "%s\n", text);
	return stoker_exit_code(err->code);
}

int main(void)
{
	struct stoker_options options = { .read_only = true };
	struct stoker_error err = { .code = STOKER_OK };
	struct stoker_vm *vms = NULL;
	size_t count = 0;
	stoker *s = NULL;

	if (stoker_open(&options, &s, &err) != STOKER_OK || stoker_list(s, NULL, &vms, &count, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	printf("%-24s %-10s %8s  %-15s %s\n", "NAME", "STATUS", "PID", "IP", "SSH");
	for (size_t i = 0; i < count; i++)
		printf("%-24s %-10s %8" PRId64 "  %-15s 127.0.0.1:%u%s\n", vms[i].name, stoker_state_name(vms[i].state),
		       vms[i].pid, vms[i].ip, (unsigned)vms[i].ssh_port, vms[i].stale ? "  (stale, see reconcile)" : "");
	stoker_free(vms);
	stoker_close(s);
	return 0;
}
