/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_exec_many.c - exec --all and --label: one command in many VMs at once,
 * and what they say, those that say the same together.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/guest.h"
#include "cli/json.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/text.h"

#define AT_ONCE 8
#define OUTPUT_MAX ((size_t)1 << 20) /* kept of each stream of each VM */

struct answer {
	const struct stoker_vm *vm;
	enum stoker_status status;
	enum stoker_via via;
	struct stoker_exec_result result;
	struct stoker_error err;
	char *out, *errout;
	int group; /* the first that said the same; -1: not looked at yet */
};

struct many {
	const struct stoker_options *places;
	const struct args *args;
	struct stoker_exec exec;
	enum stoker_via via;
	struct stoker_call call;
	pthread_mutex_t mutex;
	size_t next, count;
	struct answer *answers;
};

static void ask(const struct many *many, stoker *s, struct answer *a)
{
	stoker_session *session = NULL;
	struct stoker_call call = many->call;

	a->status = stoker_session_open(s, a->vm->id, many->via, &call, &session, &a->err);
	if (a->status != STOKER_OK)
		return;
	a->via = stoker_session_via(session);
	if (!arg_given(many->args, "timeout"))
		call.timeout_ms = -1; /* that of waiting for the VM is not the command's */
	a->status = stoker_exec_capture(session, &many->exec, NULL, 0, OUTPUT_MAX, &call, &a->result, &a->out, &a->errout,
	                                &a->err);
	stoker_session_close(session);
}

/* Each thread has a handle of its own; which VM comes next is shared. */
static void *worker(void *context)
{
	struct many *many = context;
	struct stoker_error err = { 0 };
	stoker *s = NULL;
	enum stoker_status opened = stoker_open(many->places, &s, &err);

	for (;;) {
		struct answer *a = NULL;

		pthread_mutex_lock(&many->mutex);
		if (many->next < many->count)
			a = &many->answers[many->next++];
		pthread_mutex_unlock(&many->mutex);
		if (!a)
			break;
		if (opened == STOKER_OK) {
			ask(many, s, a);
		} else {
			a->status = opened;
			a->err = err;
		}
	}
	stoker_close(s);
	return NULL;
}

static void ask_all(struct many *many)
{
	pthread_t threads[AT_ONCE];
	size_t begun = 0, wanted = many->count < AT_ONCE ? many->count : AT_ONCE;

	pthread_mutex_init(&many->mutex, NULL);
	while (begun < wanted && pthread_create(&threads[begun], NULL, worker, many) == 0)
		begun++;
	if (begun == 0)
		worker(many); /* one after the other, then */
	for (size_t i = 0; i < begun; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&many->mutex);
}

static bool same_bytes(const char *a, uint64_t a_len, const char *b, uint64_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, (size_t)a_len) == 0);
}

static bool same(const struct answer *a, const struct answer *b)
{
	if (a->status != STOKER_OK || b->status != STOKER_OK)
		return a->status == b->status && strcmp(a->err.why, b->err.why) == 0;
	return a->result.status == b->result.status && a->result.truncated == b->result.truncated &&
	       same_bytes(a->out, a->result.out_bytes, b->out, b->result.out_bytes) &&
	       same_bytes(a->errout, a->result.err_bytes, b->errout, b->result.err_bytes);
}

static size_t group_size(const struct many *many, size_t group)
{
	size_t n = 0;

	for (size_t i = 0; i < many->count; i++)
		n += many->answers[i].group == (int)group;
	return n;
}

/* Each answer gets the number of the first that is the same. */
static void find_groups(struct many *many)
{
	for (size_t i = 0; i < many->count; i++) {
		many->answers[i].group = (int)i;
		for (size_t k = 0; k < i; k++) {
			if (many->answers[k].group == (int)k && same(&many->answers[k], &many->answers[i])) {
				many->answers[i].group = (int)k;
				break;
			}
		}
	}
}

static void print_lines(const char *text, uint64_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', (size_t)len);
		size_t n = end ? (size_t)(end - text) : (size_t)len;
		char *clean = malloc(n * 8 + 1);

		if (!clean)
			return;
		text_clean(clean, n * 8 + 1, text, n);
		printf("  %s\n", clean);
		free(clean);
		n += end != NULL;
		text += n;
		len -= n;
	}
}

static void print_group(struct cli *cli, const struct many *many, size_t group)
{
	const struct answer *a = &many->answers[group];
	size_t members = group_size(many, group), told = 0;
	char took[32];

	if (a->status != STOKER_OK)
		printf("%zu VM%s could not be asked: ", members, members == 1 ? "" : "s");
	else if (members > 1)
		printf("%zu VMs say (status %d): ", members, a->result.status);
	else {
		format_duration(took, sizeof took, a->result.duration_ns);
		printf("1 VM says (status %d, %s): ", a->result.status, took);
	}
	for (size_t i = 0; i < many->count; i++) {
		if (many->answers[i].group == (int)group)
			printf("%s%s", told++ > 0 ? ", " : "", many->answers[i].vm->name);
	}
	putchar('\n');
	if (a->status != STOKER_OK) {
		char why[sizeof(a->err.why) + sizeof(a->err.fix)];

		format_reason(why, sizeof(why), &a->err);
		printf("  ");
		cli_put(stdout, why);
		putchar('\n');
	} else if (!cli->quiet && a->result.out_bytes + a->result.err_bytes == 0) {
		puts("  (nothing)");
	} else {
		print_lines(a->out, a->result.out_bytes);
		print_lines(a->errout, a->result.err_bytes);
		if (a->result.truncated)
			puts("  ... there was more");
	}
}

/* The most common answer first; of two as common the one that came first in the list. */
static void print_groups(struct cli *cli, struct many *many)
{
	bool first = true;

	find_groups(many);
	for (size_t size = many->count; size > 0; size--) {
		for (size_t i = 0; i < many->count; i++) {
			if (many->answers[i].group != (int)i || group_size(many, i) != size)
				continue;
			if (!first)
				putchar('\n');
			first = false;
			print_group(cli, many, i);
		}
	}
}

static cJSON *answer_json(const struct answer *a)
{
	cJSON *o = cJSON_CreateObject();

	json_add_text(o, "name", a->vm->name);
	json_add_text(o, "id", a->vm->id);
	guest_add_result(o, &a->result, a->out, a->errout,
	                 a->status != STOKER_OK && a->via == STOKER_VIA_AUTO ? NULL : a->via == STOKER_VIA_SSH ? "ssh" : "channel",
	                 a->status == STOKER_OK ? NULL : &a->err);
	return o;
}

static bool is_not_running(const struct stoker_vm *vm)
{
	return vm->state != STOKER_RUNNING;
}

/* 125 as soon as one could not be asked, else the first status that is not 0. */
static int exit_code(const struct many *many)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < many->count; i++) {
		if (many->answers[i].status != STOKER_OK)
			return EXIT_OWN;
		if (code == EXIT_OK)
			code = many->answers[i].result.status;
	}
	return code;
}

int exec_many(struct cli *cli, const struct args *args)
{
	const char *env[GUEST_ENV_MOST + 1] = { 0 };
	struct targets targets = { 0 };
	struct many many = { .places = &cli->places, .args = args, .via = guest_via(args) };
	int code;

	if (arg_flag(args, "interactive") || arg_flag(args, "tty"))
		return cli_usage(cli, "", "-i and -t are for one VM");
	if ((code = targets_find(cli, args, is_not_running, &targets)) != EXIT_OK)
		goto out;
	if (targets.count == 0)
		cli_note(cli, "no VM runs");
	many.exec = (struct stoker_exec){ .argv = args->command, .dir = arg_text(args, "workdir", NULL),
		                          .user = arg_text(args, "user", NULL) };
	for (size_t i = 0; i < GUEST_ENV_MOST && (env[i] = arg_list(args, "env", i)); i++)
		many.exec.env = env;
	cli_call(cli, args, &many.call);
	many.call.progress = NULL; /* of several there is no one line */
	many.count = targets.count;
	many.answers = calloc(targets.count + 1, sizeof *many.answers);
	if (!many.answers) {
		code = cli_fail_text(cli, STOKER_E_NOMEM, "exec", "", "out of memory");
		goto out;
	}
	for (size_t i = 0; i < many.count; i++)
		many.answers[i] = (struct answer){ .vm = &targets.vms[i], .via = STOKER_VIA_AUTO, .group = -1 };
	ask_all(&many);
	code = exit_code(&many);
	if (cli->json) {
		cJSON *array = cJSON_CreateArray();

		for (size_t i = 0; i < many.count; i++)
			cJSON_AddItemToArray(array, answer_json(&many.answers[i]));
		code = json_print(cli, array, code);
	} else {
		print_groups(cli, &many);
	}
out:
	for (size_t i = 0; many.answers && i < many.count; i++) {
		stoker_free(many.answers[i].out);
		stoker_free(many.answers[i].errout);
	}
	free(many.answers);
	targets_free(&targets);
	return code;
}
