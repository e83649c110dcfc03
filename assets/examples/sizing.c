/* SPDX-License-Identifier: Apache-2.0
 *
 * A small VM and a large one, and what a guest then sees of it.
 *
 * cc -o example sizing.c $(pkg-config --cflags --libs stoker)
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

static enum stoker_status one(stoker *s, const char *title, const struct stoker_spec *spec, struct stoker_error *err)
{
	static const char *const argv[] = { "sh", "-c", "nproc; free -m | awk '/Mem/{print $2}'; df -m / | awk 'END{print $2}'",
		                            NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result;
	stoker_session *session = NULL;
	char *out = NULL;
	unsigned cpus = 0, memory = 0, disk = 0;
	struct stoker_vm vm;
	enum stoker_status st = stoker_create(s, spec, NULL, &vm, err);

	if (st != STOKER_OK)
		return st;
	st = stoker_start(s, vm.id, NULL, NULL, err);
	if (st == STOKER_OK)
		st = stoker_session_open(s, vm.id, STOKER_VIA_AUTO, NULL, &session, err);
	if (st == STOKER_OK)
		st = stoker_exec_capture(session, &exec, NULL, 0, 0, NULL, &result, &out, NULL, err);
	if (st == STOKER_OK && sscanf(out, "%u %u %u", &cpus, &memory, &disk) == 3)
		printf("%-6s asked %u vCPU, %u MiB memory, %u MiB disk; the guest sees %u, %u, %u\n", title, vm.vcpus,
		       vm.memory_mib, vm.disk_mib, cpus, memory, disk);
	stoker_free(out);
	stoker_session_close(session);
	stoker_delete(s, vm.id, true, NULL, NULL);
	return st;
}

int main(void)
{
	struct stoker_spec small = { .vcpus = 1, .memory_mib = 128, .disk_mib = 64 };
	struct stoker_spec large = { .vcpus = 2, .memory_mib = 1024, .disk_mib = 8192 };
	struct stoker_error err = { .code = STOKER_OK };
	stoker *s = NULL;

	if (stoker_open(NULL, &s, &err) == STOKER_OK && one(s, "small", &small, &err) == STOKER_OK)
		one(s, "large", &large, &err);
	stoker_close(s);
	return err.code == STOKER_OK ? 0 : failed(&err);
}
