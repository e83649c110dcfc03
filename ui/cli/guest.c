/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.c - one command in a guest, as `exec` and `run` do it.
 */
#include "cli/guest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/signals.h"
#include "common/now.h"

#define STDIN_CEILING ((size_t)64 << 20) /* with --json, where all of stdin waits in memory */

enum stoker_via guest_via(const struct args *args)
{
	const char *via = arg_text(args, "via", "auto");

	return strcmp(via, "ssh") == 0 ? STOKER_VIA_SSH : strcmp(via, "channel") == 0 ? STOKER_VIA_CHANNEL : STOKER_VIA_AUTO;
}

int guest_check(struct cli *cli, const struct args *args, bool tty)
{
	const char *pair;
	size_t i = 0;

	for (; (pair = arg_list(args, "env", i)); i++) {
		if (*pair == '=' || !strchr(pair, '='))
			return cli_usage(cli, "Give it as --env NAME=VALUE.", "\"%s\" is no setting of the environment", pair);
	}
	if (i > GUEST_ENV_MOST)
		return cli_usage(cli, "", "more than %d settings of the environment", GUEST_ENV_MOST);
	if (cli->json && tty)
		return cli_usage(cli, "", "--json keeps stdout and stderr apart, a terminal mixes them");
	return EXIT_OK;
}

static int64_t left_ms(const struct args *args, int64_t began_ns, int64_t otherwise)
{
	if (!arg_given(args, "timeout"))
		return otherwise;
	int64_t left = arg_number(args, "timeout", 0) - (mono_ns() - began_ns) / 1000000;
	return left > 0 ? left : 0;
}

/* All of stdin, until its end, the ceiling or a signal. NULL with errno. */
static char *read_stdin(size_t *len, int cancel_fd)
{
	size_t room = 65536;
	char *data = malloc(room);

	*len = 0;
	while (data) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = cancel_fd, .events = POLLIN } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents || signals_caught()) {
			errno = EINTR;
			break;
		}
		if (!fds[0].revents)
			continue;
		if (*len == room) {
			char *more = room < STDIN_CEILING ? realloc(data, room *= 2) : NULL;

			if (!more) {
				errno = EFBIG;
				break;
			}
			data = more;
		}
		ssize_t n = read(STDIN_FILENO, data + *len, room - *len);
		if (n == 0)
			return data;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		if (n > 0)
			*len += (size_t)n;
	}
	free(data);
	return NULL;
}

static void add_stream(cJSON *o, const char *key, const char *key64, const char *data, uint64_t len)
{
	if (!data) {
		json_add_text(o, key, "");
		return;
	}
	cJSON_AddItemToObject(o, key, json_text(data, (size_t)len));
	/* Text cannot carry what is no text: then the bytes themselves stand beside it. */
	if (!json_is_lossless(data, (size_t)len))
		json_add_base64(o, key64, data, (size_t)len);
}

void guest_add_result(cJSON *o, const struct stoker_exec_result *r, const char *out, const char *errout, const char *via,
                      const struct stoker_error *err)
{
	add_stream(o, "stdout", "stdout_base64", out, r->out_bytes);
	add_stream(o, "stderr", "stderr_base64", errout, r->err_bytes);
	if (err)
		json_add_null(o, "status");
	else
		json_add_int(o, "status", r->status);
	json_add_positive(o, "signal", r->signal);
	json_add_ms(o, "duration_ms", r->duration_ns > 0 ? r->duration_ns : -1);
	json_add_bool(o, "truncated", r->truncated);
	json_add_text(o, "via", via);
	if (err)
		json_add_error(o, err);
}

static int print_captured(struct cli *cli, const struct stoker_exec_result *r, const char *out, const char *errout,
                          const char *via, const struct stoker_error *err, int code)
{
	cJSON *o = cJSON_CreateObject();

	guest_add_result(o, r, out, errout, via, err ? &cli->failed : NULL); /* it was told, and has its what */
	return json_print(cli, o, code);
}

static int captured(struct cli *cli, stoker_session *session, const struct stoker_exec *exec, bool interactive,
                    const struct stoker_call *call)
{
	const char *via = stoker_session_via(session) == STOKER_VIA_SSH ? "ssh" : "channel";
	struct stoker_exec_result result = { 0 };
	struct stoker_error err = { 0 };
	char *in = NULL, *out = NULL, *errout = NULL;
	size_t in_len = 0;
	int code;

	if (interactive && !(in = read_stdin(&in_len, call->cancel_fd)))
		return cli_fail_text(cli, errno == EINTR ? STOKER_E_CANCELLED : STOKER_E_FAILED, "read stdin",
		                     errno == EFBIG ? "Leave --json out: then it is passed on as it comes" : "", "%s",
		                     errno == EFBIG ? "it is larger than 64 MiB" : strerror(errno));
	enum stoker_status status = stoker_exec_capture(session, exec, in, in_len, 0, call, &result, &out, &errout, &err);
	cli_progress_end(cli);
	code = status == STOKER_OK ? result.status : cli_fail(cli, &err);
	code = print_captured(cli, &result, out, errout, via, status == STOKER_OK ? NULL : &err, code);
	stoker_free(out);
	stoker_free(errout);
	free(in);
	return code;
}

static int passed_through(struct cli *cli, stoker_session *session, struct stoker_exec *exec, bool interactive,
                          const struct stoker_call *call)
{
	struct stoker_exec_result result = { 0 };
	struct stoker_error err = { 0 };

	if (exec->tty) {
		terminal_dimensions(STDOUT_FILENO, &exec->rows, &exec->cols);
		exec->term = getenv("TERM");
		if (interactive && isatty(STDIN_FILENO) && tty_raw(STDIN_FILENO))
			exec->resize = tty_size();
	}
	fflush(stdout);
	enum stoker_status status = stoker_exec_fds(session, exec, interactive ? STDIN_FILENO : -1, STDOUT_FILENO,
	                                            STDERR_FILENO, call, &result, &err);
	tty_restore();
	return status == STOKER_OK ? result.status : cli_fail(cli, &err);
}

int guest_command(struct cli *cli, const struct args *args, const char *ref, const char *const *command,
                  bool interactive, bool tty, int64_t began_ns)
{
	const char *env[GUEST_ENV_MOST + 1] = { 0 };
	struct stoker_exec exec = { .argv = command, .dir = arg_text(args, "workdir", NULL),
		                        .user = arg_text(args, "user", NULL), .tty = tty };
	stoker_session *session = NULL;
	struct stoker_error err = { 0 };
	struct stoker_call call;
	int code;

	for (size_t i = 0; i < GUEST_ENV_MOST && (env[i] = arg_list(args, "env", i)); i++)
		exec.env = env;
	cli_call(cli, NULL, &call);
	call.timeout_ms = left_ms(args, began_ns, -1);
	cli_waiting(cli, ref);
	enum stoker_status status = stoker_session_open(cli->s, ref, guest_via(args), &call, &session, &err);
	cli_progress_end(cli);
	if (status != STOKER_OK) {
		struct stoker_exec_result none = { 0 };

		/* The VM of `run` goes at once, and its console with it. */
		if (strcmp(cli->verb_name, "run") == 0 && strstr(err.fix, "stoker logs"))
			snprintf(err.fix, sizeof(err.fix), "Give it longer with --timeout, or look into one that stays: stoker create --start");
		code = cli_fail(cli, &err);
		return cli->json ? print_captured(cli, &none, NULL, NULL, NULL, &err, code) : code;
	}
	call.timeout_ms = left_ms(args, began_ns, -1);
	/* From here on the terminal belongs to the command. */
	call.progress = NULL;
	if (cli->json)
		code = captured(cli, session, &exec, interactive, &call);
	else
		code = passed_through(cli, session, &exec, interactive, &call);
	stoker_session_close(session);
	return code;
}
