/* SPDX-License-Identifier: Apache-2.0
 *
 * targets.c - the VMs a verb is for: words, or --all, or --label.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int label_filter_take(struct cli *cli, const struct args *args, struct label_filter *out)
{
	const char *text;
	size_t n = 0, len = 0;
	char *p;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; (text = arg_list(args, "label", i)); i++)
		len += strlen(text) + 1;
	if (!(p = out->room = malloc(len + 1)))
		return cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
	/* "-l a=1,b=2" too, as in kubectl: no label has a comma in it. */
	for (size_t i = 0; (text = arg_list(args, "label", i)); i++) {
		for (bool more = true; more; n++) {
			size_t part = strcspn(text, ",");

			if (n == LABEL_FILTER_MOST)
				return cli_usage(cli, "", "more than %d labels", LABEL_FILTER_MOST);
			out->labels[n] = memcpy(p, text, part);
			p[part] = '\0';
			p += part + 1;
			more = text[part] == ',';
			text += part + 1;
		}
	}
	out->count = n;
	return 0;
}

static int from_filter(struct cli *cli, const struct args *args, bool (*skip)(const struct stoker_vm *vm),
                       struct targets *out)
{
	struct label_filter wanted;
	struct stoker_filter filter = { .labels = wanted.labels };
	struct stoker_error err = { 0 };
	struct stoker_vm *vms = NULL;
	size_t count = 0;
	int code = label_filter_take(cli, args, &wanted);

	if (code == 0 && stoker_list(cli->s, wanted.count ? &filter : NULL, &vms, &count, &err) != STOKER_OK)
		code = cli_fail(cli, &err);
	else if (code == 0 && count == 0 && wanted.count > 0)
		code = cli_fail_text(cli, STOKER_E_NOT_FOUND, cli->verb_name, "See `stoker list`", "no VM has the label %s%s",
		                     wanted.labels[0], wanted.count > 1 ? " and the others" : "");
	free(wanted.room);
	if (code != 0) {
		stoker_free(vms);
		return code;
	}
	out->refs = calloc(count + 1, sizeof(*out->refs));
	out->names = calloc(count + 1, sizeof(*out->names));
	if (!out->refs || !out->names) {
		stoker_free(vms);
		return cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
	}
	out->vms = vms;
	for (size_t i = 0; i < count; i++) {
		if (skip && skip(&vms[i]))
			continue;
		/* Ids, not names: a name may belong to another VM by the time it is its turn. */
		memcpy(out->refs[out->count], vms[i].id, sizeof(vms[i].id));
		out->names[out->count] = out->refs[out->count];
		if (out->count != i)
			vms[out->count] = vms[i];
		out->count++;
	}
	return 0;
}

int targets_find(struct cli *cli, const struct args *args, bool (*skip)(const struct stoker_vm *vm),
                 struct targets *out)
{
	bool filtered = arg_flag(args, "all") || arg_list(args, "label", 0);

	memset(out, 0, sizeof(*out));
	if (filtered && args->word_count)
		return cli_usage(cli, "", "names and %s do not go together", arg_flag(args, "all") ? "--all" : "--label");
	if (!filtered && !args->word_count)
		return cli_usage(cli, "", "no VM is named");
	if (filtered)
		return from_filter(cli, args, skip, out);
	out->names = calloc(args->word_count + 1, sizeof(*out->names));
	if (!out->names)
		return cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
	/* The same VM named twice is meant once. */
	for (size_t i = 0; i < args->word_count; i++) {
		size_t k = 0;

		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): k < count, and those are set */
		while (k < out->count && strcmp(out->names[k], args->words[i]) != 0)
			k++;
		if (k == out->count)
			out->names[out->count++] = args->words[i];
	}
	out->single = args->word_count == 1;
	return 0;
}

void targets_free(struct targets *targets)
{
	free(targets->refs);
	free(targets->names);
	stoker_free(targets->vms);
	memset(targets, 0, sizeof(*targets));
}
