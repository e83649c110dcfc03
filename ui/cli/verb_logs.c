/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_logs.c - logs: the console of a VM, as it is or made harmless.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "common/text.h"

#define LINE_MOST 4096

struct printer {
	bool raw, failed;
	char line[LINE_MOST];
	size_t len;
	cJSON *lines; /* with --json */
};

static void put_line(struct printer *p, const char *text, size_t len, bool whole)
{
	/* A tab may become eight blanks. */
	char clean[LINE_MOST * 8 + 2];
	size_t n;

	while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == '\n'))
		len--;
	n = text_clean(clean, sizeof(clean) - 1, text, len);
	if (p->lines) {
		cJSON_AddItemToArray(p->lines, json_text(clean, n));
		return;
	}
	if (whole)
		clean[n++] = '\n';
	if (!write_all(STDOUT_FILENO, clean, n))
		p->failed = true;
}

static void flush_line(struct printer *p)
{
	if (p->len > 0)
		put_line(p, p->line, p->len, true);
	p->len = 0;
}

static void feed(struct printer *p, const char *bytes, size_t len)
{
	if (p->raw) {
		if (!write_all(STDOUT_FILENO, bytes, len))
			p->failed = true;
		return;
	}
	for (size_t i = 0; i < len && !p->failed; i++) {
		/* Longer than any line: shown in pieces rather than kept without end. */
		if (p->len == LINE_MOST)
			flush_line(p);
		p->line[p->len++] = bytes[i];
		if (bytes[i] == '\n')
			flush_line(p);
	}
}

/* False when the log cannot be read any more. */
static bool drain(stoker_log *log, struct printer *p)
{
	char buf[16384];
	ssize_t n;

	while (!p->failed && !signals_caught() && (n = stoker_log_read(log, buf, sizeof(buf))) != 0) {
		if (n < 0)
			return false;
		feed(p, buf, (size_t)n);
	}
	return true;
}

static bool is_up(const struct stoker_vm *vm)
{
	return vm->state == STOKER_STARTING || vm->state == STOKER_RUNNING || vm->state == STOKER_PAUSED ||
	       vm->state == STOKER_STOPPING;
}

/* Goes on while the VM runs, or until it has run when it was not started yet. */
static int follow(struct cli *cli, const struct stoker_vm *at_first, stoker_log *log, struct printer *p)
{
	struct stoker_watch *watcher = NULL;
	struct stoker_error err = { 0 };
	struct stoker_vm vm = *at_first;
	bool seen_up = is_up(&vm);
	int code = EXIT_OK;

	if (stoker_watch_open(cli->s, &watcher, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	while (!p->failed && !signals_caught()) {
		bool there;

		/* State first, log second: what it wrote before it ended is then still shown. */
		enum stoker_status status = stoker_get(cli->s, vm.id, &vm, &err);
		there = status == STOKER_OK;
		if (!there && status != STOKER_E_NOT_FOUND) {
			code = cli_fail(cli, &err);
			break;
		}
		if (!drain(log, p) || !there)
			break;
		seen_up |= is_up(&vm);
		if (!is_up(&vm) && (seen_up || vm.state != STOKER_CREATED))
			break;
		if (!cli_wait_change(watcher, stoker_log_fd(log), -1))
			break;
	}
	stoker_watch_close(watcher);
	return code;
}

int verb_logs(struct cli *cli, const struct args *args)
{
	struct printer *p = calloc(1, sizeof(*p));
	struct stoker_error err = { 0 };
	stoker_log *log = NULL;
	struct stoker_vm vm;
	int code;

	if (!p)
		return cli_fail_text(cli, STOKER_E_NOMEM, "logs", "", "out of memory");
	if (arg_flag(args, "raw") && arg_flag(args, "clean")) {
		code = cli_usage(cli, "", "--raw and --clean are opposites");
		goto out;
	}
	if (cli->json && arg_flag(args, "follow")) {
		code = cli_usage(cli, "", "--follow goes on, --json is one value");
		goto out;
	}
	p->raw = !cli->json && (arg_flag(args, "raw") || (!cli->out_is_terminal && !arg_flag(args, "clean")));
	if ((code = cli_open(cli)) != EXIT_OK)
		goto out;
	if (stoker_get(cli->s, args->words[0], &vm, &err) != STOKER_OK ||
	    stoker_log_open(cli->s, vm.id, (int)arg_number(args, "tail", -1), &log, &err) != STOKER_OK) {
		code = cli_fail(cli, &err);
		goto out;
	}
	if (cli->json)
		p->lines = cJSON_CreateArray();
	signals_cancel_fd();
	if (arg_flag(args, "follow"))
		code = follow(cli, &vm, log, p);
	else if (!drain(log, p))
		code = cli_fail_text(cli, STOKER_E_FAILED, "logs", "", "the console log of %s cannot be read", vm.name);
	if (!p->failed)
		flush_line(p);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_text(o, "name", vm.name);
		json_add_text(o, "id", vm.id);
		cJSON_AddItemToObject(o, "lines", p->lines);
		code = json_print(cli, o, code);
	} else if (p->failed && code == EXIT_OK) {
		code = EXIT_FAILED;
	}
out:
	stoker_log_close(log);
	free(p);
	return code;
}
