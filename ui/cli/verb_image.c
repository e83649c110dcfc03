/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_image.c - image build, import, list, inspect and delete.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"

static cJSON *image_json(const struct stoker_image *image)
{
	cJSON *o = cJSON_CreateObject();

	json_add_text(o, "name", image->name);
	json_add_text(o, "recipe", image->recipe);
	json_add_text(o, "kernel_version", image->kernel_version);
	json_add_text(o, "kernel_from", image->kernel_from);
	json_add_text(o, "digest", image->digest);
	json_add_at(o, "built_at", image->built_at_ms);
	json_add_int(o, "kernel_bytes", (int64_t)image->kernel_bytes);
	json_add_int(o, "initrd_bytes", (int64_t)image->initrd_bytes);
	json_add_int(o, "root_bytes", (int64_t)image->root_bytes);
	json_add_int(o, "used_by", image->used_by);
	json_add_bool(o, "agent", image->agent);
	json_add_some(o, "init", image->init);
	return o;
}

static void size_text(char *out, size_t cap, uint64_t bytes)
{
	format_kib(out, cap, bytes / 1024 + (bytes % 1024 != 0));
}

enum { PACKAGES_MAX = 256 };

static int build(struct cli *cli, const struct args *args, const struct stoker_image_spec *spec)
{
	const char *name = spec->name ? spec->name : spec->recipe;
	struct stoker_error err = { 0 };
	struct stoker_image image;
	struct stoker_call call;
	int64_t began = mono_ns();
	bool built = false;
	char text[32];
	int code;

	cli_call(cli, args, &call);
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	if (stoker_image_build(cli->s, spec, &call, &built, &err) != STOKER_OK ||
	    stoker_image_get(cli->s, name, &image, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	cli_progress_end(cli);
	if (cli->json) {
		cJSON *o = image_json(&image);

		json_add_bool(o, "built", built);
		json_add_ms(o, "duration_ms", mono_ns() - began);
		return json_print(cli, o, EXIT_OK);
	}
	if (cli->quiet) {
		puts(image.name);
		return EXIT_OK;
	}
	format_duration(text, sizeof(text), mono_ns() - began);
	cli_put(stdout, image.name);
	if (built)
		printf(spec->root ? "  imported in %s" : "  built in %s", text);
	else
		printf("  is up to date");
	fputs("  kernel ", stdout);
	cli_put(stdout, image.kernel_version);
	if (strcmp(image.kernel_from, "source") == 0)
		fputs(" (built by stoker)", stdout);
	putchar('\n');
	return EXIT_OK;
}

int verb_image_build(struct cli *cli, const struct args *args)
{
	const char *packages[PACKAGES_MAX + 1] = { NULL };
	const struct stoker_image_spec spec = { .recipe = args->words[0] ? args->words[0] : "micro",
		                                    .name = arg_text(args, "name", NULL), .kernel = arg_text(args, "kernel", NULL),
		                                    .rebuild = arg_flag(args, "rebuild"),
		                                    .packages = packages };

	for (size_t i = 0; (i < PACKAGES_MAX) && (packages[i] = arg_list(args, "package", i)) != NULL; i++)
		;
	if (arg_list(args, "package", PACKAGES_MAX))
		return cli_usage(cli, "", "more than %d packages", PACKAGES_MAX);
	return build(cli, args, &spec);
}

/* "/tmp/web.ext4" makes an image called web. */
int verb_image_import(struct cli *cli, const struct args *args)
{
	const char *file = args->words[0], *slash = strrchr(file, '/');
	char name[64];
	struct stoker_image_spec spec = { .recipe = "import", .root = file, .kernel = arg_text(args, "kernel", NULL),
		                              .rebuild = arg_flag(args, "rebuild") };

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : file);
	for (const char *const *ending = (const char *const[]){ ".ext4", ".img", ".raw", NULL }; *ending; ending++) {
		size_t n = strlen(name), cut = strlen(*ending);

		if (n > cut && strcmp(name + n - cut, *ending) == 0)
			name[n - cut] = '\0';
	}
	spec.name = arg_text(args, "name", name);
	return build(cli, args, &spec);
}

int verb_image_list(struct cli *cli, const struct args *args)
{
	static const char *const heads[] = { "NAME", "RECIPE", "KERNEL", ">SIZE", ">VMS", "AGENT", "BUILT", NULL };
	struct stoker_image *images = NULL;
	struct stoker_error err = { 0 };
	size_t count = 0;
	int code = cli_open(cli);

	(void)args;
	if (code != EXIT_OK)
		return code;
	if (stoker_image_list(cli->s, &images, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (cli->json) {
		cJSON *array = cJSON_CreateArray();

		for (size_t i = 0; i < count; i++)
			cJSON_AddItemToArray(array, image_json(&images[i]));
		code = json_print(cli, array, EXIT_OK);
	} else if (cli->quiet) {
		for (size_t i = 0; i < count; i++) {
			cli_put(stdout, images[i].name);
			putchar('\n');
		}
	} else {
		struct table *t = table_new(heads);

		if (count == 0 && cli->out_is_terminal)
			cli_note(cli, "no images yet. Make one with `stoker image build`");
		for (size_t i = 0; i < count; i++) {
			char text[32];

			table_row(t);
			table_cell(t, NULL, "%s", images[i].name);
			table_cell(t, NULL, "%s", images[i].recipe);
			table_cell(t, NULL, "%s", images[i].kernel_version);
			size_text(text, sizeof(text), images[i].kernel_bytes + images[i].initrd_bytes + images[i].root_bytes);
			table_cell(t, NULL, "%s", text);
			table_cell(t, NULL, "%u", images[i].used_by);
			table_cell(t, NULL, "%s", images[i].agent ? "yes" : "no");
			format_at(text, sizeof(text), images[i].built_at_ms);
			table_cell(t, NULL, "%s", text);
		}
		table_print(cli, t, stdout, true, 0);
	}
	stoker_free(images);
	return code;
}

static void line(const char *key, const char *value)
{
	printf("  %-10s ", key);
	cli_put(stdout, value);
	putchar('\n');
}

static void show_image(struct cli *cli, const struct stoker_image *image)
{
	const struct {
		const char *key;
		uint64_t bytes;
	} sizes[] = { { "vmlinux", image->kernel_bytes }, { "initrd", image->initrd_bytes }, { "root", image->root_bytes } };
	char text[64];

	fputs(cli_colour(cli, "\033[1m"), stdout);
	cli_put(stdout, image->name);
	printf("%s\n", cli_colour(cli, "\033[0m"));
	line("recipe", image->recipe);
	line("kernel", image->kernel_version);
	line("from", strcmp(image->kernel_from, "source") == 0 ? "Debian's kernel source, built by stoker" :
	             strcmp(image->kernel_from, "debian") == 0 ? "Debian's cloud kernel" : "a file");
	line("digest", image->digest);
	format_at(text, sizeof(text), image->built_at_ms);
	line("built", text);
	for (size_t i = 0; i < 3; i++) {
		size_text(text, sizeof(text), sizes[i].bytes);
		line(sizes[i].key, text);
	}
	line("agent", image->agent ? "yes" : "no");
	if (!image->agent)
		line("init", image->init);
	snprintf(text, sizeof(text), "%u VM%s", image->used_by, image->used_by == 1 ? "" : "s");
	line("used by", text);
}

/* Both verbs on several images: goes on after a failure, exits with the first one's code. */
static int each_image(struct cli *cli, const struct args *args, bool delete)
{
	cJSON *results = cJSON_CreateArray();
	int first = EXIT_OK, code = cli_open(cli);

	if (code != EXIT_OK) {
		cJSON_Delete(results);
		return code;
	}
	for (size_t i = 0; i < args->word_count; i++) {
		struct stoker_error err = { 0 };
		struct stoker_image image = { 0 };
		enum stoker_status status = delete ? stoker_image_delete(cli->s, args->words[i], &err)
		                                   : stoker_image_get(cli->s, args->words[i], &image, &err);
		cJSON *o = status == STOKER_OK && !delete ? image_json(&image) : cJSON_CreateObject();

		cJSON_AddItemToArray(results, o);
		if (status != STOKER_OK || delete)
			json_add_text(o, "name", args->words[i]);
		if (status != STOKER_OK) {
			json_add_error(o, &err);
			code = cli_fail(cli, &err);
			if (first == EXIT_OK)
				first = code;
		} else if (delete) {
			json_add_bool(o, "deleted", true);
			if (!cli->json) {
				cli_put(stdout, args->words[i]);
				puts(cli->quiet ? "" : "  deleted");
			}
		} else if (!cli->json) {
			show_image(cli, &image);
		}
	}
	if (cli->json)
		return json_print_results(cli, results, args->word_count == 1, first);
	cJSON_Delete(results);
	return first;
}

int verb_image_inspect(struct cli *cli, const struct args *args)
{
	return each_image(cli, args, false);
}

int verb_image_delete(struct cli *cli, const struct args *args)
{
	return each_image(cli, args, true);
}
