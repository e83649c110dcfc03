/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c - what the verbs share: errors, the library's handle, output.
 */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/signals.h"
#include "cli/verbs.h"
#include "common/now.h"
#include "common/text.h"

void cli_put(FILE *to, const char *text)
{
	char small[1024], *clean = small;
	size_t len = strlen(text), cap = sizeof(small);

	/* A tab becomes up to eight blanks; nothing else grows. */
	if (len * 8 + 1 > cap && (clean = malloc(cap = len * 8 + 1)) == NULL) {
		clean = small;
		cap = sizeof(small);
	}
	text_clean(clean, cap, text, len);
	fputs(clean, to);
	if (clean != small)
		free(clean);
}

static int cli_code(const struct cli *cli, enum stoker_status status)
{
	if (status != STOKER_OK && cli->verb && cli->verb->flags & VERB_GUEST_STATUS)
		return EXIT_OWN;
	return stoker_exit_code(status);
}

int cli_fail(struct cli *cli, const struct stoker_error *err)
{
	char text[sizeof(err->what) + sizeof(err->why) + sizeof(err->fix) + 16];
	struct stoker_error named = *err;

	cli_progress_end(cli);
	if (!named.what[0])
		snprintf(named.what, sizeof(named.what), "%s", cli->verb_name);
	stoker_error_text(&named, text, sizeof(text));
	cli->failed = named;
	fflush(stdout);
	fputs("stoker: ", stderr);
	cli_put(stderr, text);
	fputc('\n', stderr);
	return cli_code(cli, err->code == STOKER_OK ? STOKER_E_FAILED : err->code);
}

int cli_usage(struct cli *cli, const char *fix, const char *format, ...)
{
	struct stoker_error err = { .code = STOKER_E_INVALID };
	const char *verb = cli->verb_name;
	va_list args;

	va_start(args, format);
	vsnprintf(err.why, sizeof(err.why), format, args);
	va_end(args);
	snprintf(err.what, sizeof(err.what), "%s", verb);
	const char *end = *fix ? strchr(".?!", fix[strlen(fix) - 1]) ? " " : ". " : "";
	snprintf(err.fix, sizeof(err.fix), "%s%sSee `stoker help%s%s`", fix, end, *verb ? " " : "", verb);
	if (*err.fix >= 'a' && *err.fix <= 'z')
		*err.fix = (char)(*err.fix - 'a' + 'A');
	int code = cli_fail(cli, &err);

	cli->failed.code = STOKER_OK; /* of a wrong command line stdout says nothing */
	return code;
}

int cli_fail_text(struct cli *cli, enum stoker_status status, const char *what, const char *fix, const char *format, ...)
{
	struct stoker_error err = { .code = status };
	va_list args;

	va_start(args, format);
	vsnprintf(err.why, sizeof(err.why), format, args);
	va_end(args);
	snprintf(err.what, sizeof(err.what), "%s", what);
	snprintf(err.fix, sizeof(err.fix), "%s", fix);
	return cli_fail(cli, &err);
}

void cli_note(struct cli *cli, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (cli->quiet)
		return;
	cli_progress_end(cli);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(stdout);
	fputs("stoker: ", stderr);
	cli_put(stderr, text);
	fputc('\n', stderr);
}

int cli_open(struct cli *cli)
{
	struct stoker_error err = { 0 };

	if (stoker_open(&cli->places, &cli->s, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	cli_notice(cli);
	return 0;
}

bool cli_wait_change(stoker_watch *watcher, int fd, int timeout_ms)
{
	struct pollfd fds[] = { { .fd = signals_cancel_fd(), .events = POLLIN },
		                    { .fd = stoker_watch_fd(watcher), .events = POLLIN },
		                    { .fd = STDOUT_FILENO, .events = 0 },
		                    { .fd = fd, .events = POLLIN } };

	if ((poll(fds, sizeof(fds) / sizeof(*fds), timeout_ms) < 0 && errno != EINTR) || (fds[2].revents & (POLLERR | POLLNVAL)))
		return false;
	if (fds[1].revents)
		stoker_watch_drain(watcher);
	return true;
}

void cli_notice(struct cli *cli)
{
	const char *notice = cli->s ? stoker_notice(cli->s) : "";

	if (!*notice || strcmp(notice, cli->told) == 0)
		return;
	snprintf(cli->told, sizeof(cli->told), "%s", notice);
	cli_note(cli, "%s", notice);
}

/* One line on the terminal, drawn over itself, ten times a second at most. */
static void show_progress(void *user, const struct stoker_progress *p)
{
	struct cli *cli = user;
	int64_t now = mono_ns();
	char step[160];

	if (!p || !p->step)
		return;
	text_clean(step, sizeof(step), p->step, strlen(p->step));
	if (!cli->err_is_terminal) {
		if (cli->verbose && p->done == 0)
			fprintf(stderr, "stoker: %s\n", step);
		return;
	}
	/* What is over in no time would only flicker. */
	if (now - cli->call_at_ns < 200000000)
		return;
	if (cli->progress_shown && p->done != 0 && p->done != p->total && now - cli->progress_at_ns < 100000000)
		return;
	cli->progress_at_ns = now;
	cli->progress_shown = true;
	if (p->total > 0)
		fprintf(stderr, "\r\033[K%s %3d%%", step, (int)(p->done * 100.0 / (double)p->total));
	else
		fprintf(stderr, "\r\033[K%s ...", step);
	fflush(stderr);
}

void cli_progress_end(struct cli *cli)
{
	if (!cli->progress_shown)
		return;
	cli->progress_shown = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void cli_call(struct cli *cli, const struct args *args, struct stoker_call *call)
{
	*call = (struct stoker_call)STOKER_CALL_INIT;
	call->cancel_fd = signals_cancel_fd();
	cli->call_at_ns = mono_ns();
	if (!cli->quiet && (cli->err_is_terminal || cli->verbose)) {
		call->progress = show_progress;
		call->user = cli;
	}
	if (args && arg_given(args, "timeout"))
		call->timeout_ms = arg_number(args, "timeout", -1);
}

void cli_waiting(struct cli *cli, const char *ref)
{
	struct stoker_vm vm;

	/* Only for a person who would wonder; a script needs no extra look. */
	if (cli->quiet || !cli->err_is_terminal || stoker_get(cli->s, ref, &vm, NULL) != STOKER_OK)
		return;
	if (vm.state != STOKER_STARTING && (vm.state != STOKER_RUNNING || vm.ready))
		return;
	fprintf(stderr, "\r\033[Kwaiting for %s, which still boots ...", vm.name);
	fflush(stderr);
	cli->progress_shown = true;
}

void cli_waited(const struct stoker_vm *vm, enum stoker_status status, const char *become, struct stoker_error *err)
{
	if (status == STOKER_E_CANCELLED)
		snprintf(err->fix, sizeof(err->fix), "%s %s; delete it with `stoker delete --force %s`", vm->name, become, vm->name);
}

int cli_finish_output(struct cli *cli, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	/* A reader that has seen enough (`| head`) is no failure worth words. */
	if (errno == EPIPE)
		return code ? code : EXIT_FAILED;
	const char *fix = errno == ENOSPC ? "Free disk space there, or write it elsewhere" : "Write it to a file or a terminal";
	int own = cli_fail_text(cli, STOKER_E_FAILED, "write the output", fix, "%s", strerror(errno));
	return code ? code : own;
}

bool write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd wait = { .fd = fd, .events = POLLOUT };

			poll(&wait, 1, -1);
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

bool cli_ask(struct cli *cli, const char *question)
{
	char answer[16] = "";
	size_t len = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	cli_progress_end(cli);
	fflush(stdout);
	cli_put(stderr, question);
	fputs(" [y/N] ", stderr);
	fflush(stderr);
	/* read(), not stdio: what is not ours of stdin stays there, and a caught signal ends the question. */
	for (char c; len + 1 < sizeof(answer) && read(STDIN_FILENO, &c, 1) == 1 && c != '\n';)
		answer[len++] = c;
	if (signals_caught())
		fputc('\n', stderr);
	return !signals_caught() && (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0);
}

const char *cli_colour(const struct cli *cli, const char *sgr)
{
	return cli->no_colour || !cli->out_is_terminal ? "" : sgr;
}

/* The values of a list option as one, with commas between them; NULL when there are none. */
static int joined(struct cli *cli, const struct args *args, const char *option, char *text, size_t cap, const char **out)
{
	size_t used = 0;
	const char *value;

	text[0] = '\0';
	for (size_t i = 0; (value = arg_list(args, option, i)); i++) {
		int n = snprintf(text + used, cap - used, "%s%s", i ? "," : "", value);
		if (n < 0 || (size_t)n >= cap - used)
			return cli_usage(cli, "", "all values of --%s together are longer than %zu characters", option, cap - 1);
		used += (size_t)n;
	}
	*out = used ? text : NULL;
	return 0;
}

int spec_from_args(struct cli *cli, const struct args *args, struct stoker_spec *spec, struct spec_texts *texts)
{
	int code;

	memset(spec, 0, sizeof(*spec));
	spec->image = arg_text(args, "image", NULL);
	spec->disk_mode = arg_text(args, "disk-mode", NULL);
	spec->backend = arg_text(args, "backend", NULL);
	spec->accel = arg_text(args, "accel", NULL);
	spec->network = arg_text(args, "network", NULL);
	spec->egress = arg_text(args, "egress", NULL);
	static const char *const sizes[] = { "memory", "disk" };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (arg_number(args, sizes[i], 0) > INT32_MAX)
			return cli_usage(cli, "", "--%s %s is larger than any VM can have", sizes[i], arg_text(args, sizes[i], ""));
	}
	spec->vcpus = (unsigned)arg_number(args, "vcpus", 0);
	spec->memory_mib = (unsigned)arg_number(args, "memory", 0);
	spec->disk_mib = (unsigned)arg_number(args, "disk", 0);
	if ((code = joined(cli, args, "label", texts->labels, sizeof(texts->labels), &spec->labels)) == 0 &&
	    (code = joined(cli, args, "publish", texts->publish, sizeof(texts->publish), &spec->publish)) == 0)
		code = joined(cli, args, "allow", texts->allow, sizeof(texts->allow), &spec->allow);
	return code;
}
