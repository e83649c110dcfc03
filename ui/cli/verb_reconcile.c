/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_reconcile.c - reconcile: shows what records and host disagree about,
 * and mends it item by item.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"

struct choice {
	enum stoker_repair repair; /* STOKER_REPAIR_NONE: leave it alone */
	bool tried;
	struct stoker_error err;
};

static bool may(const struct stoker_finding *f, enum stoker_repair repair)
{
	return f->repair == repair || f->alternative == repair;
}

/* By the whole id, a prefix of four characters, or the subject. */
static bool is_meant(const struct stoker_finding *f, const char *word)
{
	size_t len = strlen(word);

	return (len >= 4 && strncmp(f->id, word, len) == 0) || strcmp(f->subject, word) == 0;
}

/* --adopt and --end: each word must mean exactly one finding that can be repaired so. */
static int take_words(struct cli *cli, const struct args *args, const char *option, enum stoker_repair repair,
                      const stoker_plan *plan, struct choice *choices)
{
	const char *word;

	for (size_t i = 0; (word = arg_list(args, option, i)); i++) {
		size_t hits = 0, last = 0;

		for (size_t k = 0; k < stoker_plan_count(plan); k++) {
			const struct stoker_finding *f = stoker_plan_at(plan, k);

			if (!is_meant(f, word) || !may(f, repair))
				continue;
			hits++;
			last = k;
		}
		if (hits != 1)
			return cli_fail_text(cli, STOKER_E_NOT_FOUND, cli->verb_name, "See `stoker reconcile --dry-run`",
			                     hits ? "\"%s\" fits several findings" : "there is nothing to %2$s under \"%1$s\"", word,
			                     option);
		choices[last].repair = repair;
	}
	return EXIT_OK;
}

static const char *repair_words(const struct stoker_finding *f, const struct choice *c)
{
	if (c->repair != STOKER_REPAIR_NONE && c->repair != f->repair)
		return c->repair == STOKER_REPAIR_ADOPT ? "adopt it" : c->repair == STOKER_REPAIR_END ? "end it" : f->repair_text;
	return f->repair_text;
}

static const char *sign(const struct stoker_finding *f, const struct choice *c)
{
	if (f->done)
		return "done";
	if (c->tried)
		return "failed";
	return c->repair == STOKER_REPAIR_NONE && f->ask ? "asks" : "planned";
}

static void show(struct cli *cli, const stoker_plan *plan, const struct choice *choices)
{
	static const char *const heads[] = { "ID", "SUBJECT", "FOUND", "REPAIR", "", NULL };
	struct table *t = table_new(heads);

	for (size_t i = 0; i < stoker_plan_count(plan); i++) {
		const struct stoker_finding *f = stoker_plan_at(plan, i);
		const char *how = sign(f, &choices[i]);

		table_row(t);
		table_cell(t, NULL, "%s", f->id[0] ? f->id : "-");
		table_cell(t, NULL, "%s", f->subject);
		table_cell(t, NULL, "%s", f->detail);
		table_cell(t, NULL, "%s", repair_words(f, &choices[i]));
		table_cell(t, f->done ? "\033[32m" : choices[i].tried ? "\033[31m" : "\033[33m", "%s", how);
	}
	table_print(cli, t, stdout, true, 0);
}

static int print_json(struct cli *cli, const stoker_plan *plan, const struct choice *choices, bool dry, int code)
{
	cJSON *o = cJSON_CreateObject(), *findings = cJSON_AddArrayToObject(o, "findings");

	for (size_t i = 0; i < stoker_plan_count(plan); i++) {
		const struct stoker_finding *f = stoker_plan_at(plan, i);
		enum stoker_repair repair = choices[i].repair != STOKER_REPAIR_NONE ? choices[i].repair : f->repair;
		cJSON *item = cJSON_CreateObject();

		json_add_text(item, "kind", stoker_finding_kind_name(f->kind));
		json_add_some(item, "id", f->id);
		json_add_text(item, "subject", f->subject);
		json_add_text(item, "detail", f->detail);
		json_add_text(item, "repair", stoker_repair_name(repair));
		json_add_text(item, "repair_text", repair_words(f, &choices[i]));
		json_add_some(item, "alternative",
		              f->alternative == STOKER_REPAIR_NONE ? NULL : stoker_repair_name(f->alternative));
		json_add_bool(item, "ask", f->ask);
		json_add_positive(item, "pid", f->pid);
		json_add_bool(item, "done", f->done);
		if (choices[i].tried && !f->done)
			json_add_error(item, &choices[i].err);
		cJSON_AddItemToArray(findings, item);
	}
	json_add_bool(o, "dry_run", dry);
	return json_print(cli, o, code);
}

static int carry_out(struct cli *cli, stoker_plan *plan, struct choice *choices)
{
	int first = EXIT_OK;

	for (size_t i = 0; i < stoker_plan_count(plan) && !signals_caught(); i++) {
		struct choice *c = &choices[i];

		if (c->repair == STOKER_REPAIR_NONE)
			continue;
		c->tried = true;
		if (stoker_reconcile_apply(cli->s, plan, i, c->repair, &c->err) == STOKER_OK)
			continue;
		int code = cli_fail(cli, &c->err);
		if (first == EXIT_OK)
			first = code;
	}
	return first;
}

int verb_reconcile(struct cli *cli, const struct args *args)
{
	bool dry = arg_flag(args, "dry-run"), yes = arg_flag(args, "yes");
	bool chosen = arg_given(args, "adopt") || arg_given(args, "end");
	/* Nobody to ask and nobody said yes: then it is a look and no more. */
	bool only_look = dry || (!yes && !chosen && (cli->json || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)));
	struct stoker_error err = { 0 };
	struct choice *choices = NULL;
	stoker_plan *plan = NULL;
	struct stoker_call call;
	size_t count, planned = 0, asking = 0, done = 0, can_adopt = 0, can_end = 0;
	int code;

	if (dry && (yes || chosen))
		return cli_usage(cli, "", "--dry-run changes nothing, %s does", yes ? "--yes" : "--adopt or --end");
	cli_call(cli, args, &call);
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	if (stoker_reconcile_plan(cli->s, &call, &plan, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	cli_progress_end(cli);
	count = stoker_plan_count(plan);
	choices = calloc(count + 1, sizeof(*choices));
	if (!choices) {
		code = cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
		goto out;
	}
	/* A choice on the command line is the consent for that item, and for that item only. */
	for (size_t i = 0; i < count; i++) {
		const struct stoker_finding *f = stoker_plan_at(plan, i);

		if (!f->ask && (only_look || yes || !chosen))
			choices[i].repair = f->repair;
	}
	if ((code = take_words(cli, args, "adopt", STOKER_REPAIR_ADOPT, plan, choices)) != EXIT_OK ||
	    (code = take_words(cli, args, "end", STOKER_REPAIR_END, plan, choices)) != EXIT_OK)
		goto out;
	for (size_t i = 0; i < count; i++) {
		planned += choices[i].repair != STOKER_REPAIR_NONE;
		if (choices[i].repair != STOKER_REPAIR_NONE || !stoker_plan_at(plan, i)->ask)
			continue;
		asking++;
		can_adopt += may(stoker_plan_at(plan, i), STOKER_REPAIR_ADOPT);
		can_end += may(stoker_plan_at(plan, i), STOKER_REPAIR_END);
	}
	if (!only_look && !yes && !chosen && planned > 0) {
		char question[64];

		show(cli, plan, choices);
		snprintf(question, sizeof(question), "Carry out %zu repair%s?", planned, planned == 1 ? "" : "s");
		if (!cli_ask(cli, question)) {
			cli_note(cli, "nothing was changed");
			code = EXIT_FAILED;
			goto out;
		}
	}
	if (!only_look)
		code = carry_out(cli, plan, choices);
	for (size_t i = 0; i < count; i++)
		done += stoker_plan_at(plan, i)->done;
	if (cli->json)
		code = print_json(cli, plan, choices, only_look, code);
	else if (count > 0 && !(cli->quiet && !only_look))
		show(cli, plan, choices);
	/* Not a success: who runs this from a script expects it to be mended. */
	if (only_look && !dry && planned > 0)
		code = cli_fail_text(cli, STOKER_E_FAILED, "reconcile", "Carry it out with --yes, or look with --dry-run",
		                     "nothing was changed: there is no terminal to ask on");
	if (cli->json)
		goto out;
	if (count == 0)
		cli_note(cli, "records and host agree");
	else if (!only_look)
		cli_note(cli, "%zu of %zu carried out", done, count);
	if (asking > 0)
		cli_note(cli, "%zu finding%s a choice of yours:%s%s%s", asking, asking == 1 ? " needs" : "s need",
		         can_adopt ? " `stoker reconcile --adopt ID`" : "", can_adopt && can_end ? " or" : "",
		         can_end ? " `stoker reconcile --end ID`" : "");
out:
	free(choices);
	stoker_plan_free(plan);
	return code;
}
