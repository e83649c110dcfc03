/* SPDX-License-Identifier: Apache-2.0
 *
 * completion.c - completion scripts for bash, zsh and fish, from the tables.
 *
 * Names of VMs come from `stoker list --quiet`, names of images from
 * `stoker image list --quiet`, what rests in the trash from `stoker trash list
 * --quiet`, all with the places given on the line so far.
 */
#include <string.h>

#include "cli/verbs.h"

static void put_aliases(FILE *to, const struct verb *v, const char *before)
{
	for (const char *a = v->aliases; *a;) {
		size_t n = strcspn(a, " ");

		fprintf(to, "%s%.*s", before, (int)n, a);
		a += n + (a[n] == ' ');
	}
}

/* What completes the words of a verb, or the value of an option, as a word of the script. */
static const char *source_name(enum complete complete)
{
	switch (complete) {
	case COMPLETE_VM:
		return "@vm";
	case COMPLETE_IMAGE:
		return "@image";
	case COMPLETE_TRASH:
		return "@trash";
	case COMPLETE_FILE:
		return "@file";
	case COMPLETE_DIR:
		return "@dir";
	case COMPLETE_VERB:
		return "@verb";
	case COMPLETE_CHOICE:
	case COMPLETE_NONE:
		break;
	}
	return "@none";
}

static void put_choices(FILE *to, const char *choices)
{
	for (const char *c = choices; *c; c++)
		fputc(*c == '|' ? ' ' : *c, to);
}

/* ---- bash: one case per verb for its options, one per option for its values */

static void bash_options(FILE *to, const struct verb *v)
{
	const struct option *tables[OPTION_TABLES];

	verb_options(v, tables);
	for (size_t t = 0; tables[t]; t++) {
		for (const struct option *o = tables[t]; o->name; o++) {
			fprintf(to, " --%s", o->name);
			if (o->letter)
				fprintf(to, " -%c", o->letter);
		}
	}
}

static void bash_values(FILE *to, const struct verb *v, const char *key)
{
	const struct option *tables[OPTION_TABLES];

	verb_options(v, tables);
	for (size_t t = 0; tables[t] && tables[t] != global_options; t++) {
		for (const struct option *o = tables[t]; o->name; o++) {
			if (o->kind == OPTION_FLAG)
				continue;
			fprintf(to, "\t\"%s --%s\"", key, o->name);
			if (o->letter)
				fprintf(to, " | \"%s -%c\"", key, o->letter);
			fputs(") echo \"", to);
			if (o->choices)
				put_choices(to, o->choices);
			else
				fputs(source_name(o->complete), to);
			fputs("\" ;;\n", to);
		}
	}
}

static void bash_verb(FILE *to, const struct verb *v, const struct verb *parent)
{
	fprintf(to, "\t\"%s%s%s\"", parent ? parent->name : "", parent ? " " : "", v->name);
	fputs(") opts=\"", to);
	bash_options(to, v);
	fputs("\" words=\"", to);
	if (v->verbs) {
		for (const struct verb *own = v->verbs; own->name; own++)
			fprintf(to, "%s%s", own == v->verbs ? "" : " ", own->name);
	} else if (strcmp(v->name, "completion") == 0) {
		fputs("bash zsh fish", to);
	} else {
		fputs(source_name(v->complete), to);
	}
	fprintf(to, "\" command=%d ;;\n", v->flags & VERB_COMMAND ? v->words_max : -1);
}

static void bash_canonical(FILE *to, const struct verb *v, const struct verb *parent)
{
	const char *before = parent ? parent->name : "", *gap = parent ? " " : "";

	if (!*v->aliases && !parent)
		return;
	fprintf(to, "\t'%s%s%s'", before, gap, v->name);
	for (const char *a = v->aliases; *a;) {
		size_t n = strcspn(a, " ");

		fprintf(to, " | '%s%s%.*s'", before, gap, (int)n, a);
		a += n + (a[n] == ' ');
	}
	fprintf(to, ") echo '%s%s%s' ;;\n", before, gap, v->name);
}

static void bash_script(FILE *to)
{
	fputs("# bash completion for stoker; made by `stoker completion bash`\n\n"
	      "_stoker_verbs=\"", to);
	for (const struct verb *v = verb_table; v->name; v++) {
		fprintf(to, "%s%s", v == verb_table ? "" : " ", v->name);
		put_aliases(to, v, " ");
	}
	fputs("\"\n\n# The name in the table for a verb as it was typed; of \"VERB WORD\" only where the verb has verbs of its own.\n"
	      "_stoker_canonical() {\n\tcase $1 in\n", to);
	for (const struct verb *v = verb_table; v->name; v++) {
		bash_canonical(to, v, NULL);
		for (const struct verb *own = v->verbs; own && own->name; own++)
			bash_canonical(to, own, v);
	}
	fputs("\t*' '*) ;;\n", to);
	fputs("\t*) echo \"$1\" ;;\n\tesac\n}\n\n# What an option's value is: words, or @source; nothing for a flag.\n"
	      "_stoker_value() {\n\tcase \"$1 $2\" in\n", to);
	for (const struct verb *v = verb_table; v->name; v++) {
		bash_values(to, v, v->name);
		for (const struct verb *own = v->verbs; own && own->name; own++) {
			char key[64];

			snprintf(key, sizeof(key), "%s %s", v->name, own->name);
			bash_values(to, own, key);
		}
	}
	for (const struct option *o = global_options; o->name; o++) {
		if (o->kind != OPTION_FLAG)
			fprintf(to, "\t*\" --%s\") echo \"%s\" ;;\n", o->name, source_name(o->complete));
	}
	fputs("\tesac\n}\n\n_stoker_table() {\n\tcase $1 in\n", to);
	for (const struct verb *v = verb_table; v->name; v++) {
		bash_verb(to, v, NULL);
		for (const struct verb *own = v->verbs; own && own->name; own++)
			bash_verb(to, own, v);
	}
	fputs("\t*) opts=\"", to);
	bash_options(to, NULL);
	fputs("\" words=\"$_stoker_verbs\" command=-1 ;;\n\tesac\n}\n\n"
	      "_stoker_source() {\n"
	      "\tcase $1 in\n"
	      "\t@vm) COMPREPLY=($(compgen -W \"$(\"${places[@]}\" list --quiet 2>/dev/null)\" -- \"$cur\")) ;;\n"
	      "\t@image) COMPREPLY=($(compgen -W \"$(\"${places[@]}\" image list --quiet 2>/dev/null)\" -- \"$cur\")) ;;\n"
	      "\t@trash) COMPREPLY=($(compgen -W \"$(\"${places[@]}\" trash list --quiet 2>/dev/null)\" -- \"$cur\")) ;;\n"
	      "\t@file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
	      "\t@dir) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- \"$cur\")) ;;\n"
	      "\t@verb) COMPREPLY=($(compgen -W \"$_stoker_verbs\" -- \"$cur\")) ;;\n"
	      "\t@none) ;;\n"
	      "\t*) COMPREPLY=($(compgen -W \"$1\" -- \"$cur\")) ;;\n"
	      "\tesac\n}\n\n"
	      "_stoker() {\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\tlocal verb= opts= words= command=-1 count=0 i word value\n"
	      "\tlocal -a places=(\"${COMP_WORDS[0]}\")\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tword=${COMP_WORDS[i]}\n"
	      "\t\tcase $word in\n"
	      "\t\t--state | --runtime | --image-dir | --config)\n"
	      "\t\t\t[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n"
	      "\t\t\t((i + 1 < COMP_CWORD)) && places+=(\"$word\" \"${COMP_WORDS[i+1]/#\\~/$HOME}\")\n"
	      "\t\t\t((i++)) ;;\n"
	      "\t\t--) [[ $command -ge 0 ]] && return; count=1000 ;;\n"
	      "\t\t-*)\n"
	      "\t\t\tif [[ -n $(_stoker_value \"$verb\" \"$word\") ]]; then\n"
	      "\t\t\t\t[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n"
	      "\t\t\t\t((i++))\n"
	      "\t\t\tfi ;;\n"
	      "\t\t*)\n"
	      "\t\t\tif [[ -z $verb ]]; then\n"
	      "\t\t\t\tverb=$(_stoker_canonical \"$word\")\n"
	      "\t\t\telif [[ $(_stoker_canonical \"$verb $word\") == \"$verb \"* ]]; then\n"
	      "\t\t\t\tverb=$(_stoker_canonical \"$verb $word\")\n"
	      "\t\t\telse\n"
	      "\t\t\t\t((count++))\n"
	      "\t\t\tfi\n"
	      "\t\t\t_stoker_table \"$verb\" ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\t_stoker_table \"$verb\"\n"
	      "\t# What is helped with: behind a verb only those of its own.\n"
	      "\tif [[ $verb == help && $count -gt 0 ]]; then\n"
	      "\t\t_stoker_table \"$(_stoker_canonical \"$word\")\"\n"
	      "\t\tcommand=-1\n"
	      "\t\t[[ $words == @* || $count -gt 1 ]] && words=@none\n"
	      "\tfi\n"
	      "\t# The guest's command is the guest's business.\n"
	      "\t((command >= 0 && count > command)) && return\n"
	      "\t((command >= 0 && count == command)) && words=@none\n"
	      "\tif [[ $cur == = ]]; then\n"
	      "\t\tcur=\n"
	      "\telif [[ $prev == = ]]; then\n"
	      "\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\tfi\n"
	      "\tvalue=$(_stoker_value \"$verb\" \"$prev\")\n"
	      "\tif [[ -n $value ]]; then\n"
	      "\t\t_stoker_source \"$value\"\n"
	      "\telif [[ $cur == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$opts\" -- \"$cur\"))\n"
	      "\telse\n"
	      "\t\t_stoker_source \"$words\"\n"
	      "\tfi\n"
	      "}\n\n"
	      "complete -F _stoker stoker\n", to);
}

/* ---- zsh */

/* Inside '...' of an _arguments specification: no quote, bracket or colon. */
static void zsh_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", to);
		else if (strchr("[]:\\", *text))
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
}

static void zsh_action(FILE *to, enum complete complete, const char *choices)
{
	if (choices) {
		fputc('(', to);
		put_choices(to, choices);
		fputc(')', to);
		return;
	}
	switch (complete) {
	case COMPLETE_VM:
		fputs("_stoker_vms", to);
		break;
	case COMPLETE_IMAGE:
		fputs("_stoker_images", to);
		break;
	case COMPLETE_TRASH:
		fputs("_stoker_trashed", to);
		break;
	case COMPLETE_FILE:
		fputs("_files", to);
		break;
	case COMPLETE_DIR:
		fputs("_files -/", to);
		break;
	case COMPLETE_VERB:
		fputs("_stoker_verbs", to);
		break;
	case COMPLETE_CHOICE:
	case COMPLETE_NONE:
		fputc(' ', to);
		break;
	}
}

static void zsh_option(FILE *to, const struct option *o)
{
	const char *names[2] = { NULL, NULL };
	char letter[3] = { '-', o->letter, '\0' };

	names[0] = o->name;
	if (o->letter)
		names[1] = letter;
	for (size_t i = 0; i < 2 && names[i]; i++) {
		fprintf(to, " \\\n\t\t'%s%s%s%s[", o->kind == OPTION_LIST ? "*" : "", i ? "" : "--", names[i],
		        o->kind == OPTION_FLAG ? "" : i ? "+" : "=");
		zsh_text(to, o->help);
		fputc(']', to);
		if (o->kind != OPTION_FLAG) {
			fprintf(to, ":%s:", o->value);
			zsh_action(to, o->complete, o->choices);
		}
		fputc('\'', to);
	}
}

static void zsh_verb(FILE *to, const struct verb *v)
{
	const struct option *tables[OPTION_TABLES];

	fputs("_arguments -s", to);
	verb_options(v, tables);
	for (size_t t = 0; tables[t]; t++) {
		for (const struct option *o = tables[t]; o->name; o++)
			zsh_option(to, o);
	}
	if (v->flags & VERB_COMMAND) {
		if (v->words_max > 0) {
			fputs(" \\\n\t\t'1:VM:", to);
			zsh_action(to, v->complete, NULL);
			fputc('\'', to);
		}
		fputs(" \\\n\t\t'*::command: '", to);
	} else if (strcmp(v->name, "completion") == 0) {
		fputs(" \\\n\t\t'1:shell:(bash zsh fish)'", to);
	} else if (v->complete != COMPLETE_NONE) {
		fprintf(to, " \\\n\t\t'%s:%s:", v->words_max < 0 ? "*" : "1", v->complete == COMPLETE_VERB ? "verb" : "name");
		zsh_action(to, v->complete, NULL);
		fputc('\'', to);
	}
	fputs(" ;;\n", to);
}

static void zsh_cases(FILE *to, const struct verb *table)
{
	for (const struct verb *v = table; v->name; v++) {
		fprintf(to, "\t%s", v->name);
		put_aliases(to, v, " | ");
		fputs(") ", to);
		if (v->verbs)
			fprintf(to, "_stoker_%s ;;\n", v->name);
		else
			zsh_verb(to, v);
	}
}

static void zsh_describe(FILE *to, const char *function, const struct verb *table)
{
	fprintf(to, "%s() {\n\tlocal -a verbs\n\tverbs=(\n", function);
	for (const struct verb *v = table; v->name; v++) {
		fprintf(to, "\t\t'%s:", v->name);
		zsh_text(to, v->help);
		fputs("'\n", to);
	}
	fputs("\t)\n\t_describe -t verbs verb verbs\n}\n\n", to);
}

static void zsh_script(FILE *to)
{
	fputs("#compdef stoker\n# zsh completion for stoker; made by `stoker completion zsh`\n\n"
	      "# The places given so far: before the verb, and among the verb's own options.\n"
	      "_stoker_places() {\n"
	      "\tlocal o\n"
	      "\tplaces=(stoker $outer)\n"
	      "\tfor o in state runtime image-dir config; do\n"
	      "\t\t[[ -n ${opt_args[--$o]} ]] && places+=(--$o ${~opt_args[--$o]})\n"
	      "\tdone\n"
	      "}\n\n"
	      "_stoker_vms() {\n\tlocal -a places names\n\t_stoker_places\n"
	      "\tnames=(${(f)\"$($places list --quiet 2>/dev/null)\"})\n\tcompadd -a names\n}\n\n"
	      "_stoker_images() {\n\tlocal -a places names\n\t_stoker_places\n"
	      "\tnames=(${(f)\"$($places image list --quiet 2>/dev/null)\"})\n\tcompadd -a names\n}\n\n"
	      "_stoker_trashed() {\n\tlocal -a places names\n\t_stoker_places\n"
	      "\tnames=(${(f)\"$($places trash list --quiet 2>/dev/null)\"})\n\tcompadd -a names\n}\n\n", to);
	zsh_describe(to, "_stoker_verbs", verb_table);
	for (const struct verb *v = verb_table; v->name; v++) {
		char name[64];

		if (!v->verbs)
			continue;
		snprintf(name, sizeof(name), "_stoker_%s_verbs", v->name);
		zsh_describe(to, name, v->verbs);
		fprintf(to, "_stoker_%s() {\n\tlocal context state line\n\t_arguments -C '1: :%s' '*:: :->rest' && return\n"
		        "\tcase $words[1] in\n", v->name, name);
		zsh_cases(to, v->verbs);
		fputs("\tesac\n}\n\n", to);
	}
	fputs("_stoker() {\n\tlocal context state line o\n\tlocal -a outer\n\ttypeset -A opt_args\n\t_arguments -C -s", to);
	for (const struct option *o = global_options; o->name; o++)
		zsh_option(to, o);
	fputs(" \\\n\t\t'1: :_stoker_verbs' \\\n\t\t'*:: :->rest' && return\n"
	      "\tfor o in state runtime image-dir config; do\n"
	      "\t\t[[ -n ${opt_args[--$o]} ]] && outer+=(--$o ${~opt_args[--$o]})\n"
	      "\tdone\n"
	      "\tcase $words[1] in\n", to);
	zsh_cases(to, verb_table);
	fputs("\tesac\n}\n\nif [[ $funcstack[1] == _stoker ]]; then\n\t_stoker \"$@\"\nelse\n\tcompdef _stoker stoker\nfi\n", to);
}

/* ---- fish */

static void fish_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
}

static const char *fish_source(enum complete complete)
{
	switch (complete) {
	case COMPLETE_VM:
		return "-f -a '(__stoker_names list)'";
	case COMPLETE_IMAGE:
		return "-f -a '(__stoker_names image list)'";
	case COMPLETE_TRASH:
		return "-f -a '(__stoker_names trash list)'";
	case COMPLETE_FILE:
		return "-F";
	case COMPLETE_DIR:
		return "-f -a '(__fish_complete_directories)'";
	case COMPLETE_VERB:
		return "-f -a '(__stoker_verbs)'";
	case COMPLETE_CHOICE:
	case COMPLETE_NONE:
		break;
	}
	return "-f";
}

static void fish_options(FILE *to, const struct option *o, const char *condition)
{
	for (; o->name; o++) {
		fprintf(to, "complete -c stoker%s -l %s", condition, o->name);
		if (o->letter)
			fprintf(to, " -s %c", o->letter);
		if (o->kind != OPTION_FLAG)
			fputs(" -r", to);
		if (o->choices) {
			fputs(" -f -a '", to);
			put_choices(to, o->choices);
			fputc('\'', to);
		} else if (o->kind != OPTION_FLAG) {
			fprintf(to, " %s", fish_source(o->complete));
		}
		fputs(" -d '", to);
		fish_text(to, o->help);
		fputs("'\n", to);
	}
}

static void fish_verb(FILE *to, const struct verb *v, const char *condition)
{
	for (size_t i = 0; i < 2 && v->options[i]; i++)
		fish_options(to, v->options[i], condition);
	if (strcmp(v->name, "completion") == 0)
		fprintf(to, "complete -c stoker%s -f -a 'bash zsh fish'\n", condition);
	else if ((v->flags & VERB_COMMAND && v->complete != COMPLETE_NONE) || v->complete == COMPLETE_VERB)
		/* Behind the VM the guest's command begins, behind a verb are only those of its own. */
		fprintf(to, "complete -c stoker%.*s; and __stoker_count 1' %s\n", (int)strlen(condition) - 1, condition,
		        fish_source(v->complete));
	else if (v->complete != COMPLETE_NONE)
		fprintf(to, "complete -c stoker%s %s\n", condition, fish_source(v->complete));
}

static void fish_script(FILE *to)
{
	char condition[256];

	fputs("# fish completion for stoker; made by `stoker completion fish`\n\n"
	      "function __stoker_places\n"
	      "\tset -l tokens (commandline -opc)\n"
	      "\tfor i in (seq (count $tokens))\n"
	      "\t\tswitch $tokens[$i]\n"
	      "\t\tcase --state --runtime --image-dir --config\n"
	      "\t\t\tset -l next (math $i + 1)\n"
	      "\t\t\tprintf '%s\\n' $tokens[$i] $tokens[$next]\n"
	      "\t\tcase '--state=*' '--runtime=*' '--image-dir=*' '--config=*'\n"
	      "\t\t\tprintf '%s\\n' $tokens[$i]\n"
	      "\t\tend\n"
	      "\tend\n"
	      "end\n\n"
	      "function __stoker_names\n"
	      "\tstoker (__stoker_places) $argv --quiet 2>/dev/null\n"
	      "end\n\n"
	      "# The words so far that are no options: the verb, its own verb, names.\n"
	      "function __stoker_words\n"
	      "\tset -l skip no\n"
	      "\tset -l tokens (commandline -opc)\n"
	      "\tfor token in $tokens[2..-1]\n"
	      "\t\tif test $skip = yes\n"
	      "\t\t\tset skip no\n"
	      "\t\t\tcontinue\n"
	      "\t\tend\n"
	      "\t\tswitch $token\n"
	      "\t\tcase --state --runtime --image-dir --config --firecracker\n"
	      "\t\t\tset skip yes\n"
	      "\t\tcase '-*'\n"
	      "\t\tcase '*'\n"
	      "\t\t\tprintf '%s\\n' $token\n"
	      "\t\tend\n"
	      "\tend\n"
	      "end\n\n"
	      "function __stoker_none\n"
	      "\ttest (count (__stoker_words)) -eq 0\n"
	      "end\n\n"
	      "function __stoker_is\n"
	      "\tset -l words (__stoker_words)\n"
	      "\tcontains -- \"$words[1]\" $argv\n"
	      "end\n\n"
	      "function __stoker_own\n"
	      "\tset -l words (__stoker_words)\n"
	      "\ttest (count $words) -ge 2; and contains -- \"$words[2]\" $argv\n"
	      "end\n\n"
	      "function __stoker_count\n"
	      "\ttest (count (__stoker_words)) -eq $argv[1]\n"
	      "end\n\n"
	      "function __stoker_verbs\n", to);
	for (const struct verb *v = verb_table; v->name; v++) {
		fprintf(to, "\tprintf '%%s\\t%%s\\n' %s '", v->name);
		fish_text(to, v->help);
		fputs("'\n", to);
	}
	fputs("end\n\ncomplete -c stoker -f\n"
	      "complete -c stoker -n __stoker_none -f -a '(__stoker_verbs)'\n", to);
	fish_options(to, global_options, "");
	for (const struct verb *v = verb_table; v->name; v++) {
		int n = snprintf(condition, sizeof(condition), " -n '__stoker_is %s%s%s", v->name, *v->aliases ? " " : "",
		                 v->aliases);
		char *tail = condition + n;
		size_t room = sizeof(condition) - (size_t)n;

		if (!v->verbs) {
			snprintf(tail, room, "'");
			fish_verb(to, v, condition);
			continue;
		}
		for (const struct verb *own = v->verbs; own->name; own++) {
			fprintf(to, "complete -c stoker -n '__stoker_is help; and __stoker_count 2; and __stoker_own %s %s' -f -a %s\n",
			        v->name, v->aliases, own->name);
			snprintf(tail, room, "; and __stoker_count 1'");
			fprintf(to, "complete -c stoker%s -f -a %s -d '", condition, own->name);
			fish_text(to, own->help);
			fputs("'\n", to);
			snprintf(tail, room, "; and __stoker_own %s%s%s'", own->name, *own->aliases ? " " : "", own->aliases);
			fish_verb(to, own, condition);
		}
	}
}

bool completion_script(FILE *to, const char *shell)
{
	if (strcmp(shell, "bash") == 0)
		bash_script(to);
	else if (strcmp(shell, "zsh") == 0)
		zsh_script(to);
	else if (strcmp(shell, "fish") == 0)
		fish_script(to);
	else
		return false;
	return true;
}
