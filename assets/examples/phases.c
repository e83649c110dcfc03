/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole life of a VM, and how long each of its phases took.
 *
 * cc -o example phases.c $(pkg-config --cflags --libs stoker)
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

int main(void)
{
	static const char *const argv[] = { "true", NULL };
	struct stoker_spec spec = { .memory_mib = 256 };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result;
	struct stoker_error err = { .code = STOKER_OK };
	stoker_session *session = NULL;
	struct stoker_timing *timings = NULL;
	size_t count = 0;
	stoker *s = NULL;
	struct stoker_vm vm;
	enum stoker_status st;

	if (stoker_open(NULL, &s, &err) != STOKER_OK || stoker_create(s, &spec, NULL, &vm, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	st = stoker_start(s, vm.id, NULL, NULL, &err);
	if (st == STOKER_OK)
		st = stoker_wait(s, vm.id, STOKER_UNTIL_SSH, NULL, NULL, &err);
	if (st == STOKER_OK)
		st = stoker_session_open(s, vm.id, STOKER_VIA_AUTO, NULL, &session, &err);
	if (st == STOKER_OK)
		st = stoker_exec_capture(session, &exec, NULL, 0, 0, NULL, &result, NULL, NULL, &err);
	stoker_session_close(session);
	if (st == STOKER_OK)
		st = stoker_stop(s, vm.id, false, NULL, NULL, &err);
	stoker_delete(s, vm.id, true, NULL, NULL);
	/* Newest first, kept also after the VM is gone: then its id is asked for. */
	if (st == STOKER_OK)
		st = stoker_timings(s, vm.id, &timings, &count, &err);
	for (size_t i = count; i-- > 0;)
		printf("%-8s %10.3f ms\n", stoker_phase_name(timings[i].phase), (double)timings[i].duration_ns / 1e6);
	stoker_free(timings);
	stoker_close(s);
	return st == STOKER_OK ? 0 : failed(&err);
}
