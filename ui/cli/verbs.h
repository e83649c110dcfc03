/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.h - the one table of verbs.
 *
 * Parsing, `help`, `--help`, completion scripts and the nearest match for a
 * mistyped verb all come from it: a verb added there is known everywhere.
 */
#ifndef STOKER_UI_CLI_VERBS_H
#define STOKER_UI_CLI_VERBS_H

#include "cli/cli.h"

enum {
	VERB_JSON = 1,         /* has --json */
	VERB_GUEST_STATUS = 2, /* exits with the guest's status; own failures are 125 */
	VERB_COMMAND = 4,      /* what follows `words_max` words is the guest's command */
};

struct verb {
	const char *name;
	const char *aliases;   /* "rm del", or "" */
	const char *arguments; /* "VM..." */
	const char *help;      /* one line */
	const char *detail;    /* paragraphs for `help VERB`, or "" */
	const char *examples;  /* lines, or "" */
	const struct option *options[2];
	const struct verb *verbs; /* `image build`: verbs of its own, or NULL */
	int words_min, words_max; /* words_max -1: any number */
	enum complete complete;   /* of its words */
	unsigned flags;
	int (*run)(struct cli *cli, const struct args *args);
};

/* Ended by a name of NULL. */
extern const struct verb verb_table[];
/* Options before and after every verb. */
extern const struct option global_options[];

/* By name or alias; NULL when there is none. */
const struct verb *verb_find(const struct verb *table, const char *name);
/* What was probably meant, or NULL. */
const char *verb_nearest(const struct verb *table, const char *name);
/* The tables of options that hold for a verb, for args_parse(). */
void verb_options(const struct verb *verb, const struct option *tables[OPTION_TABLES]);

/* help.c: one verb or, with NULL, the overview. `parent` is "image" for its own verbs, else NULL. */
void help_verb(FILE *to, const struct verb *verb, const struct verb *parent);
void help_overview(FILE *to);
/* completion.c: the script for one shell; false when the shell is not known. */
bool completion_script(FILE *to, const char *shell);

int verb_create(struct cli *cli, const struct args *args);
int verb_start(struct cli *cli, const struct args *args);
int verb_resize(struct cli *cli, const struct args *args);
int verb_restart(struct cli *cli, const struct args *args);
int verb_stop(struct cli *cli, const struct args *args);
int verb_pause(struct cli *cli, const struct args *args);
int verb_resume(struct cli *cli, const struct args *args);
int verb_delete(struct cli *cli, const struct args *args);
int verb_list(struct cli *cli, const struct args *args);
int verb_inspect(struct cli *cli, const struct args *args);
int verb_exec(struct cli *cli, const struct args *args);
int verb_run(struct cli *cli, const struct args *args);
int verb_shell(struct cli *cli, const struct args *args);
int verb_ping(struct cli *cli, const struct args *args);
int verb_logs(struct cli *cli, const struct args *args);
int verb_wait(struct cli *cli, const struct args *args);
int verb_timings(struct cli *cli, const struct args *args);
int verb_events(struct cli *cli, const struct args *args);
int verb_reconcile(struct cli *cli, const struct args *args);
int verb_image_build(struct cli *cli, const struct args *args);
int verb_image_import(struct cli *cli, const struct args *args);
int verb_host_key(struct cli *cli, const struct args *args);
int verb_image_list(struct cli *cli, const struct args *args);
int verb_image_inspect(struct cli *cli, const struct args *args);
int verb_image_delete(struct cli *cli, const struct args *args);
int verb_trash_list(struct cli *cli, const struct args *args);
int verb_trash_restore(struct cli *cli, const struct args *args);
int verb_trash_empty(struct cli *cli, const struct args *args);
int verb_network_list(struct cli *cli, const struct args *args);
int verb_network_inspect(struct cli *cli, const struct args *args);
int verb_network_remove(struct cli *cli, const struct args *args);
int verb_bench(struct cli *cli, const struct args *args);
int verb_doctor(struct cli *cli, const struct args *args);
int verb_tui(struct cli *cli, const struct args *args);
int verb_config(struct cli *cli, const struct args *args);
int verb_version(struct cli *cli, const struct args *args);
int verb_completion(struct cli *cli, const struct args *args);
int verb_help(struct cli *cli, const struct args *args);

#endif
