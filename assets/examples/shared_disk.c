/* SPDX-License-Identifier: Apache-2.0
 *
 * Disk mode shared: VMs on one read-only base, where nothing that is written stays.
 *
 * cc -o example shared_disk.c $(pkg-config --cflags --libs stoker)
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

static enum stoker_status run(stoker *s, const char *id, const char *script, struct stoker_error *err)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result;
	stoker_session *session = NULL;
	char *out = NULL;
	enum stoker_status st = stoker_session_open(s, id, STOKER_VIA_AUTO, NULL, &session, err);

	if (st == STOKER_OK)
		st = stoker_exec_capture(session, &exec, NULL, 0, 0, NULL, &result, &out, NULL, err);
	if (st == STOKER_OK)
		printf("  %s  ->  %s", script, out);
	stoker_free(out);
	stoker_session_close(session);
	return st;
}

int main(void)
{
	struct stoker_spec spec = { .memory_mib = 256, .disk_mode = "shared" };
	struct stoker_error err = { .code = STOKER_OK };
	stoker *s = NULL;
	struct stoker_vm vm;
	enum stoker_status st;

	if (stoker_open(NULL, &s, &err) != STOKER_OK || stoker_create(s, &spec, NULL, &vm, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	printf("%s has disk mode %s: no disk of its own\n", vm.name, stoker_disk_mode_name(vm.disk_mode));
	st = stoker_start(s, vm.id, NULL, NULL, &err);
	if (st == STOKER_OK)
		st = run(s, vm.id, "echo written > /root/note && cat /root/note", &err);
	if (st == STOKER_OK)
		st = stoker_stop(s, vm.id, true, NULL, NULL, &err);
	if (st == STOKER_OK)
		st = stoker_start(s, vm.id, NULL, NULL, &err);
	if (st == STOKER_OK)
		st = run(s, vm.id, "cat /root/note 2>/dev/null || echo gone after a restart", &err);
	stoker_delete(s, vm.id, true, NULL, NULL);
	stoker_close(s);
	return st == STOKER_OK ? 0 : failed(&err);
}
