/* SPDX-License-Identifier: Apache-2.0
 *
 * image_build.c - building an image: a recipe run aside, checked, and put in
 * place by one rename.
 *
 * A recipe is a folder assets/images/NAME with a program build.sh. It is asked
 * for the digest of its inputs first; when an image of that digest is there,
 * nothing is done.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "error.h"
#include "image_files.h"
#include "image_kernel.h"
#include "store.h"

enum { BUILD_MS = 3600 * 1000 }; /* a kernel takes minutes, on a busy machine many */

struct build {
	const char *recipe, *name;
	char script[STOKER_PATH_SIZE], init[STOKER_PATH_SIZE], cache[STOKER_PATH_SIZE], kernel[STOKER_PATH_SIZE];
	const char *kernel_from;       /* "debian", "source" (the cache of own kernels) or "file" */
	char folder[STOKER_PATH_SIZE]; /* where it shall be */
	char work[STOKER_PATH_SIZE];   /* where it is being built; "" before */
	const char *const *packages;   /* more of them, for a recipe that takes any; NULL-terminated or NULL */
	char root[STOKER_PATH_SIZE];   /* the file that is imported; "" when the recipe makes its own */
	char digest[72];
	struct stoker_call call;       /* the rest of the time, after waiting for the lock */
};

/* ---- where things are */

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

/* `base`/`tail` when there is such a file. */
static bool found(char out[STOKER_PATH_SIZE], const char *base, const char *tail)
{
	return base && base[0] && snprintf(out, STOKER_PATH_SIZE, "%s/%s", base, tail) < STOKER_PATH_SIZE && is_file(out);
}

/* The folder of the running executable, or of this library; "" when it cannot be told. */
static void own_folder(bool library, char out[STOKER_PATH_SIZE])
{
	Dl_info info;
	ssize_t n = 0;
	if (!library)
		n = readlink("/proc/self/exe", out, STOKER_PATH_SIZE - 1);
	else if (dladdr((void *)(uintptr_t)stoker_version, &info) && info.dli_fname && strchr(info.dli_fname, '/'))
		n = snprintf(out, STOKER_PATH_SIZE, "%s", info.dli_fname);
	out[n > 0 && n < STOKER_PATH_SIZE ? n : 0] = '\0';
	char *slash = strrchr(out, '/');
	if (slash)
		*slash = '\0';
}

/* An explicit place goes first and is the only one then; next what lies
 * relative to the program, then to the library of one that is not stoker's (a
 * build folder in the source tree, a relocated installation); last where it
 * was configured to be installed. */
static bool find_file(char out[STOKER_PATH_SIZE], const char *explicit_base, const char *const *relative,
                      const char *installed, const char *tail)
{
	char self[STOKER_PATH_SIZE], base[STOKER_PATH_SIZE + 64];
	if (explicit_base && explicit_base[0])
		return found(out, explicit_base, tail);
	for (int library = 0; library < 2; library++) {
		own_folder(library, self);
		for (const char *const *r = relative; self[0] && *r; r++) {
			snprintf(base, sizeof base, "%s/%s", self, *r);
			if (strlen(base) < STOKER_PATH_SIZE && found(out, base, tail))
				return true;
		}
	}
	return found(out, installed, tail);
}

enum stoker_status image_recipe_find(const char *recipe, char out[STOKER_PATH_SIZE], struct stoker_error *err)
{
	static const char *const relative[] = { "../assets", "../../assets", "../share/stoker", "../../share/stoker", NULL };
	char tail[64], resolved[PATH_MAX];
	snprintf(tail, sizeof tail, "images/%.31s/build.sh", recipe);
	if (!find_file(out, getenv("STOKER_DATA_DIR"), relative, STOKER_DATADIR, tail)) {
		bool ours = strcmp(recipe, "micro") == 0 || strcmp(recipe, "debian") == 0 || strcmp(recipe, "kernel") == 0;
		error_set(err, STOKER_E_NOT_FOUND, "there is no recipe %s", recipe);
		return error_fix(err, ours ? "Install stoker's recipes, or set STOKER_DATA_DIR to the folder that has images/micro"
		                           : "The recipes that come with stoker are micro and debian");
	}
	if (realpath(out, resolved))
		snprintf(out, STOKER_PATH_SIZE, "%s", resolved);
	return STOKER_OK;
}

static enum stoker_status find_init(struct build *b, struct stoker_error *err)
{
	static const char *const relative[] = { ".", "..", "../libexec/stoker", "../../libexec/stoker", NULL };
	const char *given = getenv("STOKER_INIT");
	bool ok = given && given[0] ? snprintf(b->init, sizeof b->init, "%s", given) < (int)sizeof b->init && is_file(b->init)
	                            : find_file(b->init, NULL, relative, STOKER_LIBEXECDIR, "stoker-init");
	if (ok)
		return STOKER_OK;
	error_set(err, STOKER_E_MISSING, "the guest's init program stoker-init is not there");
	return error_fix(err, "Install stoker completely, or set STOKER_INIT to it");
}

/* Packages are kept here between builds. Nothing is lost with it. */
static enum stoker_status image_cache_find(const stoker *s, char out[STOKER_PATH_SIZE], struct stoker_error *err)
{
	const char *own = getenv("STOKER_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;
	if (own && own[0] == '/')
		n = snprintf(out, STOKER_PATH_SIZE, "%s", own);
	else if (geteuid() == 0)
		n = snprintf(out, STOKER_PATH_SIZE, "/var/cache/stoker");
	else if (xdg && xdg[0] == '/')
		n = snprintf(out, STOKER_PATH_SIZE, "%s/stoker", xdg);
	else if (home && home[0] == '/')
		n = snprintf(out, STOKER_PATH_SIZE, "%s/.cache/stoker", home);
	else
		n = snprintf(out, STOKER_PATH_SIZE, "%s/.cache", s->image_dir);
	return n >= 0 && n < STOKER_PATH_SIZE ? STOKER_OK
	                                          : error_set(err, STOKER_E_INVALID, "the path of the cache folder is too long");
}

/* A kernel in so many words, or the best that is there: an own one once there is one, else Debian's. */
static enum stoker_status find_kernel(stoker *s, struct build *b, const char *kernel, const struct stoker_call *call,
                                      struct stoker_error *err)
{
	char resolved[PATH_MAX], clean[200];
	b->kernel_from = "debian";
	if (kernel && strcmp(kernel, "debian") == 0)
		return STOKER_OK;
	if (!kernel || strcmp(kernel, "source") == 0) {
		enum stoker_status st = STOKER_OK;
		if (kernel)
			st = kernel_build(s, b->cache, call, b->kernel, err);
		else
			kernel_newest(s, b->kernel);
		if (b->kernel[0])
			b->kernel_from = "source";
		return st;
	}
	b->kernel_from = "file";
	if (!realpath(kernel, resolved) || !is_file(resolved)) {
		error_set(err, STOKER_E_NOT_FOUND, "the kernel %s is no file that can be read",
		          error_clean(clean, sizeof clean, kernel, strnlen(kernel, 190)));
		return error_fix(err, "Give --kernel the path of a vmlinux or bzImage, or one of the words source and debian");
	}
	snprintf(b->kernel, sizeof b->kernel, "%s", resolved);
	return STOKER_OK;
}

/* ---- running the recipe */

struct listener {
	char *digest; /* 72 bytes */
	const struct stoker_call *call;
};

static void on_line(void *user, const char *line)
{
	struct listener *l = user;
	long done, total;
	int at = 0;
	char clean[128];

	if (strncmp(line, "sha256:", 7) == 0) {
		size_t n = strlen(line);
		if (n < 72 && strspn(line + 7, "0123456789abcdef") == n - 7)
			memcpy(l->digest, line, n + 1);
		return;
	}
	if (sscanf(line, "progress %9ld %9ld %n", &done, &total, &at) != 2 || at == 0 || done < 0 || total < done)
		return;
	if (!l->call || !l->call->progress)
		return;
	struct stoker_progress p = { error_clean(clean, sizeof clean, line + at, strnlen(line + at, 120)), done, total };
	l->call->progress(l->call->user, &p);
}

/* The recipe says what is wrong in a sentence, often with "Run: ..." or "Give ..."
 * behind it: that is the error, not that a script ended with 1. */
static void own_words(struct stoker_error *err)
{
	char why[sizeof err->why];
	char *text, *fix;
	if (!err || err->code != STOKER_E_FAILED)
		return;
	snprintf(why, sizeof why, "%s", err->why);
	text = strstr(why, " ended with 1: ");
	if (!text)
		return;
	text += strlen(" ended with 1: ");
	fix = strstr(text, ". Run: ");
	if (!fix)
		fix = strstr(text, ". Give ");
	if (fix) {
		*fix = '\0';
		error_fix(err, "%s", fix + 2);
		if (strncmp(text, "these packages are missing", 26) == 0)
			err->code = STOKER_E_MISSING;
	}
	snprintf(err->why, sizeof err->why, "%s", text);
}

enum stoker_status image_recipe_run(const char *const *argv, const struct stoker_call *call, char digest[72],
                                    struct stoker_error *err)
{
	struct listener l = { digest, call };
	struct stoker_error own = { 0 };
	enum stoker_status st = process_run(argv, NULL, call, on_line, &l, &own);
	if (st == STOKER_OK && !digest[0])
		st = error_set(&own, STOKER_E_FAILED, "%s gave no digest of its inputs", argv[1]);
	if (st != STOKER_OK) {
		own_words(&own);
		st = own.code;
		if (err)
			*err = own;
	}
	return st;
}

static enum stoker_status run_recipe(struct build *b, bool digest_only, struct stoker_error *err)
{
	struct argv a = { 0 };
	enum stoker_status st;

	argv_add(&a, "/bin/sh");
	argv_add(&a, "%s", b->script);
	if (digest_only) {
		argv_add(&a, "--digest");
	} else {
		argv_add(&a, "--out");
		argv_add(&a, "%s", b->work);
		argv_add(&a, "--name");
		argv_add(&a, "%s", b->name);
	}
	argv_add(&a, "--init");
	argv_add(&a, "%s", b->init);
	argv_add(&a, "--cache");
	argv_add(&a, "%s", b->cache);
	argv_add(&a, "--kernel-from");
	argv_add(&a, "%s", b->kernel_from);
	if (b->kernel[0]) {
		argv_add(&a, "--kernel");
		argv_add(&a, "%s", b->kernel);
	}
	for (const char *const *p = b->packages; p && *p; p++) {
		argv_add(&a, "--package");
		argv_add(&a, "%s", *p);
	}
	if (b->root[0]) {
		argv_add(&a, "--root");
		argv_add(&a, "%s", b->root);
	}
	st = a.failed ? error_errno(err, ENOMEM, "no image can be built")
	              : image_recipe_run((const char *const *)a.items, &b->call, b->digest, err);
	argv_free(&a);
	return st;
}

/* ---- putting it in place */

enum stoker_status image_flush(const char *folder, struct stoker_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return error_errno(err, e, "the image cannot be written to disk");
	}
	close(fd);
	return STOKER_OK;
}

static enum stoker_status refuse_used(const stoker *s, const char *name, struct stoker_error *err)
{
	unsigned users = 0;
	enum stoker_status st = store_image_users(s->store, name, &users, err);
	if (st != STOKER_OK || users == 0)
		return st;
	error_set(err, STOKER_E_STATE, "the image %s would change, and %u VM%s use%s it", name, users, users == 1 ? "" : "s",
	          users == 1 ? "s" : "");
	return error_fix(err, "Build it under another name with --name, or delete those VMs first");
}

static enum stoker_status place(const stoker *s, struct build *b, struct stoker_error *err)
{
	struct image_info info;
	enum stoker_status st = image_load_folder(b->work, b->name, &info, err);
	if (st != STOKER_OK)
		return st;
	if (strcmp(info.image.digest, b->digest) != 0)
		return error_set(err, STOKER_E_FAILED, "the inputs of the image changed while it was built");
	if ((st = image_flush(b->work, err)) != STOKER_OK)
		return st;
	if (access(b->folder, F_OK) < 0)
		return rename(b->work, b->folder) == 0 ? STOKER_OK
		                                       : error_errno(err, errno, "%s cannot be put in place", b->folder);
	/* Looked at again: the build took its time. */
	if ((st = refuse_used(s, b->name, err)) != STOKER_OK)
		return st;
	if (renameat2(AT_FDCWD, b->work, AT_FDCWD, b->folder, RENAME_EXCHANGE) == 0)
		return STOKER_OK; /* the work folder is the old image now, and is removed */
	if (errno != EINVAL && errno != ENOSYS)
		return error_errno(err, errno, "%s cannot be replaced", b->folder);
	char old[STOKER_PATH_SIZE + 16];
	snprintf(old, sizeof old, "%s-old", b->work);
	if (rename(b->folder, old) < 0)
		return error_errno(err, errno, "%s cannot be moved aside", b->folder);
	if (rename(b->work, b->folder) < 0) {
		st = error_errno(err, errno, "%s cannot be put in place", b->folder);
		(void)!rename(old, b->folder);
		return st;
	}
	image_remove_tree(old);
	return STOKER_OK;
}

/* A package's name goes to apt: it must be able to be nothing else. */
static enum stoker_status check_packages(struct build *b, const char *const *packages, struct stoker_error *err)
{
	char clean[80];
	b->packages = packages;
	for (const char *const *p = packages; p && *p; p++) {
		size_t n = strlen(*p);
		if (n >= 2 && n <= 100 && strchr("+-.", **p) == NULL && strspn(*p, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == n)
			continue;
		error_set(err, STOKER_E_INVALID, "\"%s\" is no name of a package", error_clean(clean, sizeof clean, *p, strnlen(*p, 70)));
		return error_fix(err, "Use a-z, 0-9, '+', '-' and '.', as apt lists it");
	}
	if (packages && packages[0] && strcmp(b->recipe, "debian") != 0) {
		error_set(err, STOKER_E_INVALID, "the recipe %s takes no packages", b->recipe);
		return error_fix(err, "Build the recipe debian, whose packages can be chosen");
	}
	return STOKER_OK;
}

static enum stoker_status prepare(stoker *s, const struct stoker_image_spec *spec, struct build *b,
                                  struct stoker_error *err)
{
	enum stoker_status st = handle_writable(s, err);
	b->recipe = spec->recipe ? spec->recipe : "micro";
	b->name = spec->name ? spec->name : b->recipe;
	if (st == STOKER_OK)
		st = image_name_check(b->name, err);
	/* A recipe's name becomes part of a path. */
	if (st == STOKER_OK && (!image_name_valid(b->recipe) || strlen(b->recipe) > 31 || strcmp(b->recipe, "kernel") == 0))
		st = error_set(err, STOKER_E_INVALID, "that is no name of a recipe");
	if (st == STOKER_OK && !path_image(s, b->folder, "%s", b->name))
		st = error_set(err, STOKER_E_INVALID, "the path of the image is too long");
	if (st == STOKER_OK)
		st = image_recipe_find(b->recipe, b->script, err);
	if (st == STOKER_OK)
		st = find_init(b, err);
	if (st == STOKER_OK)
		st = image_cache_find(s, b->cache, err);
	if (st == STOKER_OK)
		st = check_packages(b, spec->packages, err);
	if (st == STOKER_OK && (strcmp(b->recipe, "import") == 0) != (spec->root != NULL)) {
		st = error_set(err, STOKER_E_INVALID, spec->root ? "the recipe %s takes no root file system" :
		               "the recipe %s takes the file that is the root file system", b->recipe);
		error_fix(err, "Use: stoker image import FILE");
	}
	if (st == STOKER_OK && spec->root)
		st = image_import_check(spec->root, b->root, err);
	return st;
}

static enum stoker_status build(stoker *s, const struct stoker_image_spec *spec, const struct stoker_call *call,
                                struct build *b, bool *built, struct stoker_error *err)
{
	struct image_info there;
	int lock = -1, work = -1;
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : BUILD_MS);
	enum stoker_status st = prepare(s, spec, b, err);

	if (st != STOKER_OK)
		return st;
	b->call = call ? *call : (struct stoker_call)STOKER_CALL_INIT;
	b->call.timeout_ms = deadline_poll_ms(deadline);
	/* Before the images are locked: it may take minutes, in which others build with what is there. */
	if ((st = find_kernel(s, b, spec->kernel, &b->call, err)) != STOKER_OK)
		return st;
	if ((st = image_lock(s, call, &lock, err)) != STOKER_OK)
		return st;
	b->call.timeout_ms = deadline_poll_ms(deadline);
	if ((st = run_recipe(b, true, err)) != STOKER_OK)
		goto out;
	bool same = image_load(s, b->name, &there, NULL) == STOKER_OK && strcmp(there.image.digest, b->digest) == 0;
	if (same && !spec->rebuild)
		goto out;
	if (access(b->folder, F_OK) == 0 && (st = refuse_used(s, b->name, err)) != STOKER_OK)
		goto out;
	if ((st = image_work_folder(s, b->name, b->work, &work, err)) != STOKER_OK) {
		b->work[0] = '\0';
		goto out;
	}
	b->call.timeout_ms = deadline_poll_ms(deadline);
	st = run_recipe(b, false, err);
	if (st == STOKER_OK)
		st = place(s, b, err);
	if (!image_remove_tree(b->work) && st == STOKER_OK)
		st = error_errno(err, errno, "%s cannot be removed", b->work);
	if (st == STOKER_OK) {
		*built = true;
		history_event(s->store, s->actor, NULL, "image", "image %s built", b->name);
		handle_touch(s);
	}
out:
	if (work >= 0)
		close(work);
	close(lock);
	return st;
}

enum stoker_status stoker_image_build(stoker *s, const struct stoker_image_spec *spec, const struct stoker_call *call,
                                      bool *built, struct stoker_error *err)
{
	static const struct stoker_image_spec standard = { 0 };
	struct build *b = calloc(1, sizeof *b);
	bool made = false;
	enum stoker_status st = b ? build(s, spec ? spec : &standard, call, b, &made, err)
	                          : error_errno(err, ENOMEM, "no image can be built");
	if (st != STOKER_OK)
		error_what(err, "build the image");
	else if (built)
		*built = made;
	free(b);
	return st;
}
