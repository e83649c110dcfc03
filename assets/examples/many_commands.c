/* SPDX-License-Identifier: Apache-2.0
 *
 * One VM, many commands over one open session, and how long each took.
 *
 * cc -o example many_commands.c $(pkg-config --cflags --libs stoker)
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
	static const char *const commands[][4] = {
		{ "uname", "-r", NULL }, { "sh", "-c", "echo $((6 * 7))", NULL }, { "cat", "/proc/loadavg", NULL },
		{ "ls", "/", NULL }, { "true", NULL }
	};
	struct stoker_spec spec = { .memory_mib = 256, .ephemeral = true };
	struct stoker_error err = { .code = STOKER_OK };
	stoker_session *session = NULL;
	stoker *s = NULL;
	struct stoker_vm vm;

	if (stoker_open(NULL, &s, &err) != STOKER_OK)
		return failed(&err);
	if (stoker_create(s, &spec, NULL, &vm, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	/* Opening waits for the guest's agent. The one session then serves every command. */
	if (stoker_start(s, vm.id, NULL, NULL, &err) == STOKER_OK &&
	    stoker_session_open(s, vm.id, STOKER_VIA_AUTO, NULL, &session, &err) == STOKER_OK) {
		for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
			struct stoker_exec exec = { .argv = commands[i] };
			struct stoker_exec_result result;
			char *out = NULL, *errout = NULL;
			if (stoker_exec_capture(session, &exec, NULL, 0, 0, NULL, &result, &out, &errout, &err) != STOKER_OK)
				break;
			printf("%-6s status %d, %8.3f ms: %.60s\n", commands[i][0], result.status,
			       (double)result.duration_ns / 1e6, out);
			stoker_free(out);
			stoker_free(errout);
		}
	}
	stoker_session_close(session);
	stoker_delete(s, vm.id, true, NULL, NULL);
	stoker_close(s);
	return err.code == STOKER_OK ? 0 : failed(&err);
}
