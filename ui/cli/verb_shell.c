/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_shell.c - shell: a terminal in a VM over SSH.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/guest.h"
#include "cli/modes.h"
#include "cli/signals.h"
#include "cli/verbs.h"

struct pane {
	stoker_shell *shell;
	struct escape escape;
	struct modes modes;
	bool stdin_open, ended_by_us, over;
	struct stoker_error err;
};

/* As ssh does: the words with blanks between them, for the login shell to read. */
static char *one_line(const char *const *words)
{
	size_t len = 1;
	char *line;

	for (size_t i = 0; words[i]; i++)
		len += strlen(words[i]) + 1;
	if (!(line = calloc(1, len)))
		return NULL;
	char *p = line;
	for (size_t i = 0; words[i]; i++) {
		if (i > 0)
			*p++ = ' ';
		size_t n = strlen(words[i]);
		memcpy(p, words[i], n);
		p += n;
	}
	return line;
}

static void from_guest(struct pane *pane)
{
	char buf[16384];
	ssize_t n;

	/* A flood of output must not keep the keys waiting for ever. */
	for (int turns = 0; turns < 16; turns++) {
		n = stoker_shell_read(pane->shell, buf, sizeof(buf), &pane->err);
		if (n <= 0) {
			pane->over = n < 0;
			return;
		}
		unsigned before = pane->modes.on;
		modes_follow(&pane->modes, buf, (size_t)n);
		if (pane->modes.on != before) {
			char undo[256];

			tty_last_words(undo, modes_undo(&pane->modes, undo, sizeof(undo)));
		}
		if (!write_all(STDOUT_FILENO, buf, (size_t)n)) {
			pane->over = pane->ended_by_us = true;
			return;
		}
	}
}

static void help(void)
{
	static const char text[] = "~?\r\nEscapes at the start of a line:\r\n  ~.  end the session\r\n  ~~  a tilde\r\n"
	                           "  ~?  this help\r\n";

	write_all(STDOUT_FILENO, text, sizeof(text) - 1);
}

static void from_keys(struct pane *pane)
{
	char keys[4096], out[sizeof(keys) + 1];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		pane->stdin_open = false;
		pane->over = pane->ended_by_us = true;
		return;
	}
	for (size_t at = 0; at < (size_t)n && !pane->over;) {
		size_t used, len;
		enum escape_act act = escape_filter(&pane->escape, keys + at, (size_t)n - at, &used, out, &len);

		at += used;
		for (size_t sent = 0; sent < len && !pane->over;) {
			ssize_t took = stoker_shell_write(pane->shell, out + sent, len - sent);

			if (took < 0)
				pane->over = true;
			else if (took == 0)
				break; /* a guest that has not read a MiB of keys gets no more */
			else
				sent += (size_t)took;
		}
		if (act == ESCAPE_HELP)
			help();
		if (act == ESCAPE_END)
			pane->over = pane->ended_by_us = true;
	}
}

static void loop(struct pane *pane)
{
	int cancel = signals_cancel_fd();

	while (!pane->over && !signals_caught()) {
		struct pollfd fds[] = {
			{ .fd = stoker_shell_fd(pane->shell), .events = stoker_shell_events(pane->shell) },
			{ .fd = pane->stdin_open ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = tty_resize_fd(), .events = POLLIN },
			{ .fd = cancel, .events = POLLIN },
		};

		if (poll(fds, 4, stoker_shell_timeout_ms(pane->shell)) < 0 && errno != EINTR)
			break;
		if (fds[2].revents) {
			char drop[64];

			while (read(tty_resize_fd(), drop, sizeof(drop)) > 0) {
			}
			stoker_shell_resize(pane->shell, (uint16_t)((unsigned)*tty_size() >> 16), (uint16_t)(*tty_size() & 0xffff));
		}
		if (fds[1].revents)
			from_keys(pane);
		if (!pane->over)
			from_guest(pane);
	}
}

/* A guest that powers off closes its SSH before its VM is gone: so long is waited for word of that. */
enum { VM_END_MS = 1000, DELETED_MS = 100 };

static int cut_off(struct cli *cli, const char *ref, struct stoker_error *err)
{
	struct stoker_call call = STOKER_CALL_INIT;
	enum stoker_status gone;

	call.timeout_ms = VM_END_MS;
	gone = stoker_wait(cli->s, ref, STOKER_UNTIL_STOPPED, &call, NULL, NULL);
	if (gone == STOKER_OK) { /* what is deleted is killed first */
		struct stoker_vm vm;

		poll(NULL, 0, DELETED_MS);
		gone = stoker_get(cli->s, ref, &vm, NULL) == STOKER_E_NOT_FOUND ? STOKER_E_NOT_FOUND : STOKER_OK;
	}
	if (gone == STOKER_OK || gone == STOKER_E_NOT_FOUND)
		snprintf(err->what, sizeof(err->what), "shell in %.60s", ref);
	if (gone == STOKER_OK) {
		snprintf(err->why, sizeof(err->why), "it has ended, and its shell with it");
		snprintf(err->fix, sizeof(err->fix), "Start it again: stoker start %.60s", ref);
	} else if (gone == STOKER_E_NOT_FOUND) {
		snprintf(err->why, sizeof(err->why), "it was deleted, and its shell with it");
		snprintf(err->fix, sizeof(err->fix), "See those that are left: stoker list");
	}
	return cli_fail(cli, err);
}

static int with_terminal(struct cli *cli, const struct args *args, const char *command)
{
	struct pane pane = { .escape = { .line_start = true }, .stdin_open = true };
	struct stoker_shell_spec spec = { .term = arg_text(args, "term", getenv("TERM")), .command = command };
	struct stoker_call call;
	char undo[256];
	int status;

	terminal_dimensions(STDIN_FILENO, &spec.rows, &spec.cols);
	cli_call(cli, args, &call);
	cli_waiting(cli, args->words[0]);
	if (stoker_shell_open(cli->s, args->words[0], &spec, &call, &pane.shell, &pane.err) != STOKER_OK)
		return cli_fail(cli, &pane.err);
	cli_progress_end(cli);
	if (!tty_raw(STDIN_FILENO)) {
		stoker_shell_close(pane.shell);
		return cli_fail_text(cli, STOKER_E_FAILED, "shell", "", "the terminal cannot be put into raw mode: %s",
		                     strerror(errno));
	}
	/* It may have been resized while the session was being opened. */
	stoker_shell_resize(pane.shell, (uint16_t)((unsigned)*tty_size() >> 16), (uint16_t)(*tty_size() & 0xffff));
	loop(&pane);
	status = stoker_shell_status(pane.shell);
	bool cut = pane.ended_by_us || signals_caught() || status < 0;
	if (cut)
		write_all(STDOUT_FILENO, undo, modes_undo(&pane.modes, undo, sizeof(undo)));
	tty_restore();
	stoker_shell_close(pane.shell);
	if (!cut)
		return status;
	write_all(STDOUT_FILENO, "\n", 1);
	if (pane.ended_by_us || signals_caught()) {
		cli_note(cli, "the session with %s was closed", args->words[0]);
		return EXIT_OK;
	}
	if (pane.err.code == STOKER_OK)
		pane.err = (struct stoker_error){ .code = STOKER_E_CLOSED, .why = "the connection was cut", .fix = "Look at `stoker list`" };
	return cut_off(cli, args->words[0], &pane.err);
}

/* Piped input: a shell that reads it, with nothing of a terminal. */
static int without_terminal(struct cli *cli, const struct args *args, const char *command)
{
	const char *const argv[] = { "/bin/sh", "-l", command ? "-c" : NULL, command, NULL };
	stoker_session *session = NULL;
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result = { 0 };
	struct stoker_error err = { 0 };
	struct stoker_call call;

	cli_call(cli, args, &call);
	enum stoker_status status = stoker_session_open(cli->s, args->words[0], STOKER_VIA_SSH, &call, &session, &err);
	cli_progress_end(cli);
	if (status == STOKER_OK) {
		call.timeout_ms = -1;
		call.progress = NULL;
		status = stoker_exec_fds(session, &exec, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, &call, &result, &err);
		stoker_session_close(session);
	}
	return status == STOKER_OK ? result.status : cli_fail(cli, &err);
}

int verb_shell(struct cli *cli, const struct args *args)
{
	char *command = args->command ? one_line(args->command) : NULL;
	int code;

	if (args->command && !command)
		return cli_fail_text(cli, STOKER_E_NOMEM, "shell", "", "out of memory");
	if ((code = cli_open(cli)) == EXIT_OK) {
		if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
			code = with_terminal(cli, args, command);
		else
			code = without_terminal(cli, args, command);
	}
	free(command);
	return code;
}
