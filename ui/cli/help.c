/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - help from the tables, and the verbs help, version and completion.
 */
#include <string.h>

#include "cli/json.h"
#include "cli/verbs.h"

#define WIDTH 80

/* Words of a paragraph, broken at WIDTH, each line but the first indented. */
static void put_wrapped(FILE *to, const char *text, int column, int indent)
{
	while (*text) {
		size_t n = strcspn(text, " \n");

		if (column > indent && column + 1 + (int)n > WIDTH) {
			fprintf(to, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', to);
			column++;
		}
		fprintf(to, "%.*s", (int)n, text);
		column += (int)n;
		text += n;
		text += *text != '\0';
	}
	fputc('\n', to);
}

static void put_options(FILE *to, const struct option *o)
{
	for (; o->name; o++) {
		char left[96];

		int n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		                 o->letter ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
		fputs(left, to);
		if (n > 26) {
			fputc('\n', to);
			n = 0;
		}
		fprintf(to, "%*s", 28 - n, "");
		if (o->choices) {
			char help[256];

			snprintf(help, sizeof(help), "%s: %s", o->help, o->choices);
			put_wrapped(to, help, 28, 28);
		} else {
			put_wrapped(to, o->help, 28, 28);
		}
	}
}

static void put_verbs(FILE *to, const struct verb *table)
{
	for (const struct verb *v = table; v->name; v++) {
		char left[64];

		int n = snprintf(left, sizeof(left), "  %s%s%s%s", v->name, *v->aliases ? " (" : "", v->aliases,
		                 *v->aliases ? ")" : "");
		fprintf(to, "%s%*s%s\n", left, n < 28 ? 28 - n : 1, "", v->help);
	}
}

void help_verb(FILE *to, const struct verb *v, const struct verb *parent)
{
	fprintf(to, "stoker %s%s%s: %s\n\n", parent ? parent->name : "", parent ? " " : "", v->name, v->help);
	fprintf(to, "  stoker %s%s%s%s%s%s\n", parent ? parent->name : "", parent ? " " : "", v->name,
	        v->options[0] && (v->options[0]->name || v->options[1]) ? " [OPTIONS]" : "", *v->arguments ? " " : "",
	        v->arguments);
	if (*v->aliases)
		fprintf(to, "\nAlso called: %s\n", v->aliases);
	if (*v->detail) {
		fputc('\n', to);
		put_wrapped(to, v->detail, 0, 0);
	}
	if (v->verbs) {
		fputs("\nVerbs:\n", to);
		put_verbs(to, v->verbs);
	}
	if (v->options[0] && (v->options[0]->name || v->options[1])) {
		fputs("\nOptions:\n", to);
		for (size_t i = 0; i < 2 && v->options[i]; i++)
			put_options(to, v->options[i]);
	}
	fputs("\nOptions of every verb:\n", to);
	put_options(to, global_options);
	if (*v->examples) {
		fputs("\nExamples:\n", to);
		for (const char *line = v->examples; *line;) {
			size_t n = strcspn(line, "\n");

			fprintf(to, "  %.*s\n", (int)n, line);
			line += n + (line[n] == '\n');
		}
	}
}

void help_overview(FILE *to)
{
	fputs("stoker tends microVMs: makes, starts, watches, enters, stops and deletes them.\n\n"
	      "  stoker                      open the dashboard\n"
	      "  stoker VERB [OPTIONS] ...\n"
	      "  stoker help VERB            all about one verb\n\nVerbs:\n", to);
	put_verbs(to, verb_table);
	fputs("\nOptions, before or after the verb:\n", to);
	put_options(to, global_options);
	fputs("\nExit codes:\n"
	      "  0 ok, 1 failed, 2 usage, 3 not found, 4 wrong state, 5 needed thing missing,\n"
	      "  6 timed out; exec and run: the guest command's own, 125 when stoker failed\n"
	      "\nFirst steps:\n"
	      "  stoker doctor\n"
	      "  stoker image build\n"
	      "  stoker run -- uname -a\n", to);
}

int verb_help(struct cli *cli, const struct args *args)
{
	const struct verb *v, *parent = NULL;

	if (args->word_count == 0) {
		help_overview(stdout);
		return EXIT_OK;
	}
	v = verb_find(verb_table, args->words[0]);
	if (v && args->word_count > 1) {
		parent = v;
		v = v->verbs ? verb_find(v->verbs, args->words[1]) : NULL;
	}
	if (!v) {
		const char *last = args->words[args->word_count - 1];
		const char *near = parent ? parent->verbs ? verb_nearest(parent->verbs, last) : NULL
		                          : verb_nearest(verb_table, last);
		char fix[96] = "";

		if (near)
			snprintf(fix, sizeof(fix), "Did you mean \"%s%s%s\"?", parent ? parent->name : "", parent ? " " : "", near);
		return cli_usage(cli, fix, "there is no verb \"%s%s%s\"", parent ? args->words[0] : "", parent ? " " : "", last);
	}
	help_verb(stdout, v, parent);
	return EXIT_OK;
}

int verb_version(struct cli *cli, const struct args *args)
{
	char header[32];

	(void)args;
	snprintf(header, sizeof(header), "%d.%d.%d", STOKER_VERSION_MAJOR, STOKER_VERSION_MINOR, STOKER_VERSION_PATCH);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_text(o, "version", header);
		json_add_text(o, "library", stoker_version());
		return json_print(cli, o, EXIT_OK);
	}
	if (cli->quiet)
		puts(header);
	else if (strcmp(header, stoker_version()) == 0)
		printf("stoker %s\n", header);
	else
		printf("stoker %s (libstoker %s)\n", header, stoker_version());
	return EXIT_OK;
}

int verb_completion(struct cli *cli, const struct args *args)
{
	if (!completion_script(stdout, args->words[0]))
		return cli_usage(cli, "It knows bash, zsh and fish.", "no completion for \"%s\"", args->words[0]);
	return EXIT_OK;
}
