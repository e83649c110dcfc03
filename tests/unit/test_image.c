/* SPDX-License-Identifier: Apache-2.0
 *
 * test_image.c - images: what may be one, and that a build is all or nothing.
 *
 * The recipe here is a small script of its own: what is tested is what stands
 * around it. The real one is tested by booting what it made.
 */
#include "store_kit.h"

#include "guest/image_files.h"

#define GOOD                                                                                                 \
	"{\"format\":1,\"name\":\"x\",\"recipe\":\"micro\",\"digest\":\"sha256:aa\",\"kernel_version\":\"6.1\"," \
	"\"agent\":true,\"built_at_ms\":5,\"files\":{\"kernel\":{\"file\":\"vmlinux\"},"                      \
	"\"initrd\":{\"file\":\"initrd\"},\"root\":{\"file\":\"root.ext4\"}}}"

struct kit {
	char *dir;
	stoker *s;
};

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* A recipe that obeys a file `how` beside it. */
static const char script[] =
	"#!/bin/sh\n"
	"here=$(dirname \"$0\")\n"
	"mode=build\n"
	"while [ $# -gt 0 ]; do case $1 in --digest) mode=digest;; --out) out=$2; shift;; --kernel) kernel=$2; shift;;\n"
	"*) shift;; esac; shift; done\n"
	"digest=sha256:$(cat \"$here/inputs\")\n"
	"[ $mode = build ] || { echo $digest; exit 0; }\n"
	"how=$(cat \"$here/how\")\n"
	"echo run >> \"$here/runs\"\n"
	"echo 'progress 1 2 first'; mkdir $out/part; echo x > $out/part/x; ln -s / $out/part/link\n"
	"[ \"$how\" != fail ] || { echo 'the disk is full. Run: rm something' >&2; exit 1; }\n"
	"[ \"$how\" != slow ] || sleep 60\n"
	"echo kernel > $out/vmlinux; echo initrd > $out/initrd; echo \"$how\" > $out/root.ext4\n"
	"[ \"$how\" != half ] || rm $out/root.ext4\n"
	"rm -rf $out/part\n"
	"echo '{\"format\":1,\"name\":\"x\",\"recipe\":\"micro\",\"digest\":\"'$digest'\",\"kernel_version\":\"6.1\",'\\\n"
	"'\"agent\":true,\"built_at_ms\":5,\"files\":{\"kernel\":{\"file\":\"vmlinux\"},\"initrd\":{\"file\":\"initrd\"},'\\\n"
	"'\"root\":{\"file\":\"root.ext4\"}}}' > $out/image.json\n"
	"[ \"$how\" != changed ] || sed -i 's/sha256:[0-9a-f]*/sha256:00/' $out/image.json\n"
	"echo 'progress 2 2 second'\n";

static void tell(struct kit *k, const char *file, const char *text)
{
	char path[4096];
	write_text(kit_path(path, k->dir, "data/images/micro/%s", file), text, 0644);
}

static int setup(void **state)
{
	struct kit *k = calloc(1, sizeof *k);
	char path[4096];
	struct stoker_options o = { 0 };
	char config[4096];
	assert_non_null(k);
	if (kit_make((void **)&k->dir) != 0)
		return -1;
	mkdir(kit_path(path, k->dir, "data"), 0755);
	setenv("STOKER_DATA_DIR", path, 1);
	mkdir(kit_path(path, k->dir, "data/images"), 0755);
	mkdir(kit_path(path, k->dir, "data/images/micro"), 0755);
	write_text(kit_path(path, k->dir, "data/images/micro/build.sh"), script, 0755);
	tell(k, "inputs", "01");
	tell(k, "how", "well");
	write_text(kit_path(path, k->dir, "init"), "init", 0755);
	setenv("STOKER_INIT", path, 1);
	setenv("STOKER_CACHE_DIR", kit_path(path, k->dir, "cache"), 1);
	write_text(kit_path(config, k->dir, "conf"), "", 0600);
	o.config_file = config;
	o.state_dir = kit_path(path, k->dir, "state");
	struct stoker_error err;
	unsetenv("STOKER_RUNTIME_DIR");
	unsetenv("STOKER_IMAGE_DIR");
	if (stoker_open(&o, &k->s, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	*state = k;
	return 0;
}

static int teardown(void **state)
{
	struct kit *k = *state;
	stoker_close(k->s);
	kit_drop((void **)&k->dir);
	free(k);
	return 0;
}

static unsigned runs(struct kit *k)
{
	char path[4096], line[32];
	unsigned n = 0;
	FILE *f = fopen(kit_path(path, k->dir, "data/images/micro/runs"), "re");
	while (f && fgets(line, sizeof line, f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* Nothing but images, and no lock: what a build leaves behind. */
static void assert_only(struct kit *k, const char *names)
{
	char seen[512] = "";
	struct stoker_image *all;
	size_t count, entries = 0;
	struct stoker_error err;
	assert_int_equal(stoker_image_list(k->s, &all, &count, &err), STOKER_OK);
	for (size_t i = 0; i < count; i++)
		snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", all[i].name);
	stoker_free(all);
	assert_string_equal(seen, names);
	DIR *dir = opendir(stoker_place(k->s, STOKER_PLACE_IMAGES));
	assert_non_null(dir);
	struct dirent *e;
	while ((e = readdir(dir)) != NULL)
		entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(dir);
	assert_int_equal(entries, count);
}

static enum stoker_status build(struct kit *k, const char *name, bool rebuild, bool *built, struct stoker_error *err)
{
	struct stoker_image_spec spec = { .name = name, .rebuild = rebuild };
	return stoker_image_build(k->s, &spec, NULL, built, err);
}

static void test_names(void **state)
{
	char longest[65];
	(void)state;
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_true(image_name_valid("micro") && image_name_valid("0.x_y-z") && image_name_valid(longest + 1));
	const char *bad[] = { "", ".", "..", ".x", "-x", "_x", "a/b", "../x", "A", "a b", "a\n", "\xc3\xa4", longest };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(image_name_valid(bad[i]));
}

static void test_parse(void **state)
{
	struct image_info info;
	char why[128];
	(void)state;
	assert_true(image_parse(GOOD, strlen(GOOD), &info, why, sizeof why));
	assert_string_equal(info.kernel, "vmlinux");
	assert_string_equal(info.initrd, "initrd");
	assert_true(info.image.agent);
	assert_int_equal(info.image.built_at_ms, 5);

	/* Without an agent it must be known what is to be started instead. */
	static const char foreign[] = "{\"format\":1,\"recipe\":\"import\",\"digest\":\"sha256:aa\",\"kernel_version\":\"6.1\","
				      "\"agent\":false,\"init\":\"/sbin/init\",\"built_at_ms\":5,\"files\":{\"kernel\":"
				      "{\"file\":\"vmlinux\"},\"initrd\":{\"file\":\"initrd\"},\"root\":{\"file\":\"root.ext4\"}}}";
	static const char *const inits[] = { "sbin/initX", "/sbin/ini t", "", "/sbin\\nini" };
	assert_true(image_parse(foreign, strlen(foreign), &info, why, sizeof why));
	assert_false(info.image.agent);
	assert_string_equal(info.image.init, "/sbin/init");
	for (size_t i = 0; i < sizeof inits / sizeof *inits; i++) {
		char text[600];
		const char *at = strstr(foreign, "/sbin/init");
		snprintf(text, sizeof text, "%.*s%s%s", (int)(at - foreign), foreign, inits[i], at + 10);
		assert_false(image_parse(text, strlen(text), &info, why, sizeof why));
		assert_non_null(strstr(why, "init"));
	}

	/* Every prefix is refused, and so is each of these changes. */
	for (size_t n = 0; n < strlen(GOOD); n++)
		assert_false(image_parse(GOOD, n, &info, why, sizeof why));
	static const char *const changes[][2] = {
		{ "\"format\":1", "\"format\":2" }, { "\"format\":1", "\"format\":\"1\"" }, { "\"format\":1", "\"format\":0.5" },
		{ "\"micro\"", "7" }, { "\"micro\"", "\"\"" }, { "\"6.1\"", "\"6.1\\u001b[2J\"" },
		{ "\"micro\"", "\"a-name-that-is-longer-than-the-32-bytes-it-may-have\"" },
		{ "\"vmlinux\"", "\"../vmlinux\"" }, { "\"vmlinux\"", "\"/etc/passwd\"" }, { "\"vmlinux\"", "\"..\"" },
		{ "\"initrd\"}", "\"a/b\"}" }, { "{\"file\":\"root.ext4\"}", "[]" }, { "\"built_at_ms\":5", "\"built_at_ms\":-5" },
		{ "\"built_at_ms\":5", "\"built_at_ms\":1e300" }, { "\"files\":{", "\"files\":7,\"x\":{" },
	};
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		char text[1024];
		const char *at = strstr(GOOD, changes[i][0]);
		assert_non_null(at);
		snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, changes[i][1], at + strlen(changes[i][0]));
		if (image_parse(text, strlen(text), &info, why, sizeof why))
			fail_msg("accepted: %s", text);
		assert_true(why[0] != '\0');
	}
}

static void test_build(void **state)
{
	struct kit *k = *state;
	struct stoker_error err;
	struct stoker_image image;
	struct image_files files;
	bool built = false;

	assert_int_equal(image_paths(k->s, "micro", &files, &err), STOKER_E_MISSING);
	assert_string_equal(err.fix, "Run: stoker image build micro");
	assert_int_equal(stoker_image_get(k->s, "micro", &image, &err), STOKER_E_NOT_FOUND);
	assert_only(k, "");

	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	assert_true(built);
	assert_int_equal(stoker_image_get(k->s, "micro", &image, &err), STOKER_OK);
	assert_string_equal(image.digest, "sha256:01");
	assert_true(image.kernel_bytes > 0 && image.agent && image.used_by == 0);
	assert_int_equal(image_paths(k->s, "micro", &files, &err), STOKER_OK);
	assert_int_equal(access(files.kernel, R_OK) | access(files.initrd, R_OK) | access(files.root, R_OK), 0);

	/* The same inputs: nothing is done. Asked for, or with other inputs, it is. */
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	assert_false(built);
	assert_int_equal(runs(k), 1);
	assert_int_equal(build(k, NULL, true, &built, &err), STOKER_OK);
	assert_true(built);
	tell(k, "inputs", "02");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	assert_true(built);
	assert_int_equal(runs(k), 3);
	assert_int_equal(build(k, "other.1", false, &built, &err), STOKER_OK);
	assert_only(k, "micro other.1 ");

	/* A damaged one is built again, though its digest is right. */
	assert_int_equal(truncate(files.root, 0), 0);
	assert_int_equal(image_paths(k->s, "micro", &files, &err), STOKER_E_FAILED);
	assert_non_null(strstr(err.why, "root.ext4"));
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	assert_true(built);
	assert_int_equal(image_paths(k->s, "micro", &files, &err), STOKER_OK);
}

static void test_build_fails(void **state)
{
	struct kit *k = *state;
	struct stoker_error err = { 0 };
	struct stoker_image image;
	bool built = true;

	tell(k, "how", "fail");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_E_FAILED);
	assert_string_equal(err.why, "the disk is full");
	assert_string_equal(err.fix, "Run: rm something");
	assert_only(k, "");
	tell(k, "how", "half");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_E_FAILED);
	tell(k, "how", "changed");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_E_FAILED);
	assert_only(k, "");
	assert_true(built); /* untouched by failures */

	tell(k, "how", "slow");
	struct stoker_call call = STOKER_CALL_INIT;
	call.timeout_ms = 300;
	struct stoker_image_spec spec = { 0 };
	assert_int_equal(stoker_image_build(k->s, &spec, &call, &built, &err), STOKER_E_TIMEOUT);
	assert_only(k, "");
	int cancel[2];
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	call.timeout_ms = -1;
	call.cancel_fd = cancel[0];
	assert_int_equal(stoker_image_build(k->s, &spec, &call, &built, &err), STOKER_E_CANCELLED);
	close(cancel[0]);
	close(cancel[1]);
	assert_only(k, "");

	/* A failing rebuild leaves the old one as it was. */
	tell(k, "how", "well");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	tell(k, "how", "half");
	tell(k, "inputs", "77");
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_E_FAILED);
	assert_int_equal(stoker_image_get(k->s, "micro", &image, &err), STOKER_OK);
	assert_string_equal(image.digest, "sha256:01");
	assert_only(k, "micro ");

	spec.recipe = "none";
	assert_int_equal(stoker_image_build(k->s, &spec, NULL, NULL, &err), STOKER_E_NOT_FOUND);
	spec.recipe = "../micro";
	assert_int_equal(stoker_image_build(k->s, &spec, NULL, NULL, &err), STOKER_E_INVALID);
	spec.recipe = NULL;
	spec.kernel = "/nowhere";
	assert_int_equal(stoker_image_build(k->s, &spec, NULL, NULL, &err), STOKER_E_NOT_FOUND);
	assert_int_equal(build(k, "../x", false, NULL, &err), STOKER_E_INVALID);
	unsetenv("STOKER_INIT");
	setenv("STOKER_INIT", "/nowhere", 1);
	assert_int_equal(build(k, NULL, false, NULL, &err), STOKER_E_MISSING);
}

static void test_used(void **state)
{
	struct kit *k = *state;
	struct stoker_error err;
	struct stoker_image image;
	struct vm_record rec;
	bool built;

	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK);
	kit_record(&rec, 1);
	snprintf(rec.vm.image, sizeof rec.vm.image, "micro");
	struct store_pools none = { 0 };
	assert_int_equal(store_insert(k->s->store, &rec, &none, &err), STOKER_OK);
	assert_int_equal(stoker_image_get(k->s, "micro", &image, &err), STOKER_OK);
	assert_int_equal(image.used_by, 1);
	assert_int_equal(stoker_image_delete(k->s, "micro", &err), STOKER_E_STATE);
	assert_int_equal(build(k, NULL, false, &built, &err), STOKER_OK); /* nothing would change */
	assert_false(built);
	assert_int_equal(build(k, NULL, true, &built, &err), STOKER_E_STATE);
	assert_int_equal(runs(k), 1);
	assert_int_equal(store_remove(k->s->store, rec.vm.id, &err), STOKER_OK);
	assert_int_equal(stoker_image_delete(k->s, "micro", &err), STOKER_OK);
	assert_int_equal(stoker_image_delete(k->s, "micro", &err), STOKER_E_NOT_FOUND);
	assert_int_equal(stoker_image_delete(k->s, "..", &err), STOKER_E_INVALID);
	assert_only(k, "");
}

/* A build whose process was killed: its folder is nobody's, and can be removed. */
static void test_left_over(void **state)
{
	struct kit *k = *state;
	struct stoker_error err;
	char folder[STOKER_PATH_SIZE], path[STOKER_PATH_SIZE + 16];
	int fd;

	assert_int_equal(image_work_folder(k->s, "micro", folder, &fd, &err), STOKER_OK);
	snprintf(path, sizeof path, "%s/link", folder);
	assert_int_equal(symlink(k->dir, path), 0);
	snprintf(path, sizeof path, "%s/folder", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(image_build_busy(folder));
	assert_int_equal(image_build_remove(folder, &err), STOKER_E_STATE);
	close(fd);
	assert_false(image_build_busy(folder));
	assert_int_equal(image_build_remove(folder, &err), STOKER_OK);
	assert_only(k, "");
	assert_int_equal(access(k->dir, F_OK), 0);
	assert_int_equal(access(kit_path(path, k->dir, "data/images/micro/build.sh"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parse),
		cmocka_unit_test_setup_teardown(test_build, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_over, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
