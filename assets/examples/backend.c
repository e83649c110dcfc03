/* SPDX-License-Identifier: Apache-2.0
 *
 * Backend and acceleration left to stoker, and chosen in so many words. A
 * backend that cannot be had here is refused before anything is made, with the
 * reason and the way out.
 *
 * cc -o example backend.c $(pkg-config --cflags --libs stoker)
 */
#include <stdio.h>

#include <stoker.h>

static int failed(const struct stoker_error *err)
{
	char text[1400];

	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "%s\n", text);
	return stoker_exit_code(err->code);
}

static enum stoker_status show(stoker *s, const struct stoker_spec *spec, struct stoker_error *err)
{
	struct stoker_vm vm;
	enum stoker_status st = stoker_create(s, spec, NULL, &vm, err);

	if (st != STOKER_OK)
		return st;
	st = stoker_start(s, vm.id, NULL, &vm, err);
	if (st == STOKER_OK)
		printf("asked for %s/%s, runs on %s/%s\n  because %s\n", spec->backend ? spec->backend : "auto",
		       spec->accel ? spec->accel : "auto", vm.backend, vm.accel, vm.choice);
	stoker_delete(s, vm.id, true, NULL, NULL);
	return st;
}

int main(void)
{
	struct stoker_spec left = { .memory_mib = 256 };
	struct stoker_spec firecracker = { .memory_mib = 256, .backend = "firecracker", .network = "none" };
	struct stoker_spec emulated = { .memory_mib = 256, .backend = "qemu", .accel = "tcg" };
	struct stoker_error err = { .code = STOKER_OK };
	char reason[200];
	stoker *s = NULL;

	printf("KVM %s: ", stoker_kvm_probe(reason, sizeof reason) ? "works" : "does not work");
	printf("%s\n", reason);
	if (stoker_open(NULL, &s, &err) != STOKER_OK || show(s, &left, &err) != STOKER_OK)
		goto out;
	if (show(s, &firecracker, &err) == STOKER_E_MISSING) { /* no program, or no KVM */
		printf("asked for firecracker/auto, which cannot be had here\n  because %s\n  %s\n", err.why, err.fix);
		err.code = STOKER_OK;
	}
	if (err.code == STOKER_OK)
		show(s, &emulated, &err);
out:
	stoker_close(s);
	return err.code == STOKER_OK ? 0 : failed(&err);
}
