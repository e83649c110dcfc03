/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - what every verb of the command line has in its hands.
 */
#ifndef STOKER_UI_CLI_CLI_H
#define STOKER_UI_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/options.h"
#include "stoker.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_OWN = 125 };

struct verb;

struct cli {
	struct stoker_options places;
	bool json, quiet, no_colour;
	int verbose;
	const struct verb *verb;   /* the one that runs */
	char verb_name[48];        /* "image build" */
	stoker *s;                 /* after cli_open() */
	bool out_is_terminal, err_is_terminal;
	bool progress_shown;       /* a progress line stands on the terminal and has to go first */
	char told[512];            /* the library's notice that was told already */
	int64_t progress_at_ns;    /* when it was last drawn */
	int64_t call_at_ns;        /* when the call under way was made */
	bool json_printed;         /* the one value that --json promises */
	struct stoker_error failed; /* what was told last, for that value when the verb came to none */
};

/* ---- errors: each prints one line on stderr and gives the exit code to return */

/* "stoker: what: why. fix", cleaned. 125 instead of the documented code where the guest's status is meant. */
int cli_fail(struct cli *cli, const struct stoker_error *err);
/* Bad usage of the running verb: 2 (125 for verbs that give the guest's status). `fix` may be "". */
int cli_usage(struct cli *cli, const char *fix, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* As cli_fail() with a sentence of our own. */
int cli_fail_text(struct cli *cli, enum stoker_status status, const char *what, const char *fix, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* A word on stderr that is no error; not with --quiet. */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- the library */

/* Opens the state folder; 0 or the exit code, the reason told. */
int cli_open(struct cli *cli);
/* Until something has changed, `fd` (-1: none) is readable, a signal was caught or timeout_ms (-1: never) are over. False:
 * nobody takes what is written any more. */
bool cli_wait_change(stoker_watch *watcher, int fd, int timeout_ms);
/* Tells what the library wants said, once. */
void cli_notice(struct cli *cli);
/* A call that ctrl-C, SIGTERM and SIGHUP cancel, limited by --timeout when the verb has one and it was given. */
void cli_call(struct cli *cli, const struct args *args, struct stoker_call *call);
/* Takes the progress line off the terminal. */
void cli_progress_end(struct cli *cli);
/* Says on a terminal that `ref` still boots, when it does; a progress line, see above. */
void cli_waiting(struct cli *cli, const char *ref);
/* After stoker_wait(): an interrupted wait undoes nothing, so the advice says what became of the VM. */
void cli_waited(const struct stoker_vm *vm, enum stoker_status status, const char *become, struct stoker_error *err);

/* ---- output */

/* Prints text cleaned of everything a terminal could take for more than text. */
void cli_put(FILE *to, const char *text);
/* Flushes stdout; the code to exit with, given the verb's own. */
int cli_finish_output(struct cli *cli, int code);
/* Writes all of it to a descriptor that may be non-blocking. False with errno. */
bool write_all(int fd, const void *data, size_t len);
/* "yes" from the terminal; false without one. */
bool cli_ask(struct cli *cli, const char *question);
/* ESC sequence for a colour, or "" where none is wanted. */
const char *cli_colour(const struct cli *cli, const char *sgr);

/* ---- the VMs a verb is for: words, or --all, or --label */

enum { LABELS_MOST = 62 };

struct targets {
	char (*refs)[STOKER_NAME_MAX + 1]; /* for --all and --label: ids */
	const char **names;                /* what to hand to the library, one each */
	size_t count;
	bool single;                       /* exactly one word was given: --json prints an object, not an array */
	struct stoker_vm *vms;             /* for --all and --label: their records; else NULL */
};
/* `skip`, when given, leaves out VMs of --all and --label that the verb is not for. 0 or the exit code. */
int targets_find(struct cli *cli, const struct args *args, bool (*skip)(const struct stoker_vm *vm),
                 struct targets *out);
void targets_free(struct targets *targets);

/* A specification from the options that `create` and `run` share. `labels` is the caller's buffer. */
struct spec_texts {
	char labels[STOKER_LABELS_SIZE], publish[256], allow[256];
};
int spec_from_args(struct cli *cli, const struct args *args, struct stoker_spec *spec, struct spec_texts *texts);

#endif
