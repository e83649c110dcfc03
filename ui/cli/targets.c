/* SPDX-License-Identifier: Apache-2.0
 *
 * targets.c - the VMs a verb is for: words, or --all, or --label.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static int from_filter(struct cli *cli, const struct args *args, bool (*skip)(const struct stoker_vm *vm),
                       struct targets *out)
{
	const char *labels[LABELS_MOST + 1];
	struct stoker_filter filter = { .labels = labels };
	struct stoker_error err = { 0 };
	struct stoker_vm *vms = NULL;
	char *room = NULL;
	size_t count = 0;
	int code = 0;

	if (!arg_words(args, "label", labels, LABELS_MOST, &room))
		code = cli_usage(cli, "", "more than %d labels", LABELS_MOST);
	else if (stoker_list(cli->s, labels[0] ? &filter : NULL, &vms, &count, &err) != STOKER_OK)
		code = cli_fail(cli, &err);
	else if (count == 0 && labels[0])
		code = cli_fail_text(cli, STOKER_E_NOT_FOUND, cli->verb_name, "See `stoker list`", "no VM has the label %s%s", labels[0],
		                     labels[1] ? " and the others" : "");
	free(room);
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
