/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - stoker: finds the verb, reads the options, calls it.
 */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/verbs.h"

/* Options before the verb and after it mean the same; after it wins. */
static void take_globals(struct cli *cli, const struct args *args)
{
	cli->places.state_dir = arg_text(args, "state", cli->places.state_dir);
	cli->places.runtime_dir = arg_text(args, "runtime", cli->places.runtime_dir);
	cli->places.image_dir = arg_text(args, "image-dir", cli->places.image_dir);
	cli->places.config_file = arg_text(args, "config", cli->places.config_file);
	cli->places.firecracker = arg_text(args, "firecracker", cli->places.firecracker);
	cli->json |= arg_flag(args, "json");
	cli->quiet |= arg_flag(args, "quiet");
	cli->verbose |= arg_flag(args, "verbose");
	cli->no_colour |= arg_flag(args, "no-color");
}

/* The inner verb of `image list`, taken out of argv; the outer one when no word is there; NULL with *code. */
static const struct verb *own_verb(struct cli *cli, const struct verb *parent, int *argc, char ***argv, int *code)
{
	const struct option *tables[OPTION_TABLES];
	char why[512], fix[256];
	const struct verb *v;
	struct args args;
	int used;

	/* `image --state DIR list`: options may stand before the inner verb as well. */
	verb_options(NULL, tables);
	bool ok = args_parse_leading(&args, tables, *argc, *argv, &used, why, sizeof(why), fix, sizeof(fix));
	args_free(&args);
	if (!ok) {
		*code = cli_usage(cli, fix, "%s", why);
		return NULL;
	}
	if (used == *argc)
		return parent;
	v = verb_find(parent->verbs, (*argv)[used]);
	if (!v) {
		const char *near = verb_nearest(parent->verbs, (*argv)[used]);

		fix[0] = '\0';
		if (near)
			snprintf(fix, sizeof(fix), "Did you mean \"%s %s\"?", parent->name, near);
		*code = cli_usage(cli, fix, "there is no verb \"%s %s\"", parent->name, (*argv)[used]);
		return NULL;
	}
	memmove(*argv + 1, *argv, (size_t)used * sizeof(**argv));
	(*argv)++;
	(*argc)--;
	snprintf(cli->verb_name, sizeof(cli->verb_name), "%s %s", parent->name, v->name);
	return v;
}

static int needs_inner_verb(struct cli *cli, const struct verb *verb)
{
	char names[128];
	size_t n = 0;

	for (const struct verb *v = verb->verbs; v && v->name && n < sizeof(names); v++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", v->name);
	return cli_usage(cli, "", "one of its verbs is needed: %s", names);
}

static int run_verb(struct cli *cli, const struct verb *verb, const struct verb *parent, int argc, char **argv)
{
	const struct option *tables[OPTION_TABLES];
	char why[512], fix[256];
	struct args args;
	int code, after = verb->flags & VERB_COMMAND ? verb->words_max : -1;

	cli->verb = verb;
	verb_options(verb, tables);
	if (!args_parse(&args, tables, argc, argv, after, why, sizeof(why), fix, sizeof(fix))) {
		code = cli_usage(cli, fix, "%s", why);
		goto out;
	}
	take_globals(cli, &args);
	if (arg_flag(&args, "help")) {
		help_verb(stdout, verb, parent);
		code = EXIT_OK;
	} else if (arg_flag(&args, "version")) {
		code = verb_version(cli, &args);
	} else if (!verb->run) {
		code = needs_inner_verb(cli, verb);
	} else if (cli->json && !(verb->flags & VERB_JSON)) {
		code = cli_usage(cli, "", "it prints no data, so --json has no meaning");
	} else if ((int)args.word_count < verb->words_min) {
		code = cli_usage(cli, "", "%s is missing", verb->arguments);
	} else if (verb->words_max >= 0 && (int)args.word_count > verb->words_max) {
		code = cli_usage(cli, "", "\"%s\" is one word too many", args.words[verb->words_max]);
	} else {
		code = verb->run(cli, &args);
		/* One value, whatever comes: a verb that failed as a whole says so in it. */
		if (cli->json && !cli->json_printed && cli->failed.code != STOKER_OK) {
			cJSON *o = cJSON_CreateObject();

			json_add_error(o, &cli->failed);
			code = json_print(cli, o, code);
		}
	}
out:
	args_free(&args);
	return code;
}

static int no_verb(struct cli *cli, struct args *args)
{
	if (isatty(STDIN_FILENO) && cli->out_is_terminal) {
		cli->verb = verb_find(verb_table, "tui");
		snprintf(cli->verb_name, sizeof(cli->verb_name), "tui");
		return verb_tui(cli, args);
	}
	help_overview(stderr);
	return EXIT_USAGE;
}

/* What the fingers of those who come from podman, kubectl or virsh type. */
static const char *verb_from_elsewhere(const char *name)
{
	static const char *const words[][2] = {
		{ "attach", "`stoker shell VM` or `stoker logs -f VM`" },
		{ "console", "`stoker shell VM` or `stoker logs -f VM`" },
		{ "cp", "`tar c . | stoker exec -i VM -- tar x -C DIR`" },
		{ "describe", "`stoker inspect VM`" },
		{ "destroy", "`stoker stop --force VM` or `stoker delete VM`" },
		{ "history", "`stoker events VM` or `stoker timings VM`" },
		{ "get", "`stoker list`" },
		{ "kill", "`stoker stop --force VM`" },
		{ "port", "`stoker inspect VM`" },
		{ "prune", "`stoker trash empty`, and `stoker reconcile` for what a crash left" },
		{ "poweroff", "`stoker stop VM`" },
		{ "pull", "`stoker image build`" },
		{ "rmi", "`stoker image delete IMAGE`" },
		{ "shutdown", "`stoker stop VM`" },
		{ "stats", "the dashboard: `stoker`" },
		{ "top", "the dashboard: `stoker`" },
		{ "undefine", "`stoker delete VM`" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i][0], name) == 0)
			return words[i][1];
	}
	return NULL;
}

static int unknown_verb(struct cli *cli, const char *name)
{
	const char *near = verb_nearest(verb_table, name), *here = verb_from_elsewhere(name);
	char fix[128] = "";

	if (here)
		snprintf(fix, sizeof(fix), "Here that is %s.", here);
	else if (near)
		snprintf(fix, sizeof(fix), "Did you mean \"%s\"?", near);
	return cli_usage(cli, fix, "there is no verb \"%s\"", name);
}

/* "stoker --read-only": options of the dashboard, and no verb. */
static bool is_for_dashboard(const struct verb *tui, int argc, char **argv)
{
	const struct option *tables[OPTION_TABLES];
	char why[512], fix[256];
	struct args args;
	bool fits;

	verb_options(tui, tables);
	fits = args_parse(&args, tables, argc, argv, -1, why, sizeof(why), fix, sizeof(fix)) && args.word_count == 0;
	args_free(&args);
	return fits;
}

static int run_command_line(struct cli *cli, int argc, char **argv)
{
	const struct option *tables[OPTION_TABLES];
	const struct verb *verb, *parent = NULL;
	char why[512], fix[256];
	struct args args;
	int used, code;

	verb_options(NULL, tables);
	if (!args_parse_leading(&args, tables, argc, argv, &used, why, sizeof(why), fix, sizeof(fix))) {
		verb = verb_find(verb_table, "tui");
		if (is_for_dashboard(verb, argc, argv)) {
			snprintf(cli->verb_name, sizeof(cli->verb_name), "%s", verb->name);
			code = run_verb(cli, verb, NULL, argc, argv);
		} else {
			code = cli_usage(cli, fix, "%s", why);
		}
		goto out;
	}
	take_globals(cli, &args);
	argc -= used;
	argv += used;
	if (argc > 0 && strcmp(argv[0], "--") == 0) {
		argc--;
		argv++;
	}
	if (arg_flag(&args, "help") && argc == 0) {
		help_overview(stdout);
		code = EXIT_OK;
	} else if (arg_flag(&args, "version")) {
		code = verb_version(cli, &args);
	} else if (argc == 0) {
		code = no_verb(cli, &args);
	} else if (!(verb = verb_find(verb_table, argv[0]))) {
		code = unknown_verb(cli, argv[0]);
	} else {
		snprintf(cli->verb_name, sizeof(cli->verb_name), "%s", verb->name);
		argc--;
		argv++;
		code = EXIT_USAGE;
		if (verb->verbs) {
			parent = verb;
			verb = own_verb(cli, parent, &argc, &argv, &code);
			if (verb == parent)
				parent = NULL;
		}
		if (verb && arg_flag(&args, "help")) {
			help_verb(stdout, verb, parent);
			code = EXIT_OK;
		} else if (verb) {
			code = run_verb(cli, verb, parent, argc, argv);
		}
	}
out:
	args_free(&args);
	return code;
}

int main(int argc, char **argv)
{
	struct cli cli = { .places = { .actor = "command" } };
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	setlocale(LC_CTYPE, "");
	/* A closed pipe is an error to handle, not an end: `run` still has a VM to delete. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* under ulimit -f a write fails, and what was begun is undone */
	cli.out_is_terminal = isatty(STDOUT_FILENO);
	cli.err_is_terminal = isatty(STDERR_FILENO);
	cli.no_colour = (no_colour && *no_colour) || !term || strcmp(term, "dumb") == 0;
	/* A dumb terminal cannot take a line back, so it gets no progress. */
	if (!term || strcmp(term, "dumb") == 0)
		cli.err_is_terminal = false;

	int code = run_command_line(&cli, argc - 1, argv + 1);

	cli_progress_end(&cli);
	cli_notice(&cli);
	code = cli_finish_output(&cli, code);
	stoker_close(cli.s);
	signals_end();
	return code;
}
