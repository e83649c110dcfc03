/* SPDX-License-Identifier: Apache-2.0
 *
 * handle.c - opening a place: its folders, its settings, its store.
 */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/traffic.h"
#include "host.h"
#include "net/net.h"
#include "reconcile.h"
#include "store.h"

enum { LOCK_STEP_MS = 50, LOCK_DEFAULT_MS = 600 * 1000 };

#define TEXT(x) #x
#define VERSION_TEXT(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *stoker_version(void)
{
	return VERSION_TEXT(STOKER_VERSION_MAJOR, STOKER_VERSION_MINOR, STOKER_VERSION_PATCH);
}

void stoker_free(void *p)
{
	free(p);
}

static bool join(char out[STOKER_PATH_SIZE], const char *base, const char *fmt, va_list ap)
{
	int n = snprintf(out, STOKER_PATH_SIZE, "%s/", base), m;
	if (n < 0 || n >= STOKER_PATH_SIZE)
		return false;
	m = vsnprintf(out + n, (size_t)(STOKER_PATH_SIZE - n), fmt, ap);
	return m >= 0 && m < STOKER_PATH_SIZE - n;
}

bool path_state(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = join(out, s->state_dir, fmt, ap);
	va_end(ap);
	return ok;
}

bool path_runtime(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = join(out, s->runtime_dir, fmt, ap);
	va_end(ap);
	return ok;
}

bool path_image(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool ok = join(out, s->image_dir, fmt, ap);
	va_end(ap);
	return ok;
}

enum stoker_status handle_writable(const stoker *s, struct stoker_error *err)
{
	if (!s->read_only)
		return STOKER_OK;
	error_set(err, STOKER_E_READ_ONLY, "this stoker was opened read-only");
	return error_fix(err, "Leave read-only mode to change anything"), STOKER_E_READ_ONLY;
}

void handle_touch(const stoker *s)
{
	char path[STOKER_PATH_SIZE];
	int fd;
	if (s->read_only || !path_state(s, path, "changed"))
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		futimens(fd, NULL);
		close(fd);
	}
}

enum stoker_status folder_lock(const char *folder, const char *held, const struct stoker_call *call, int *fd,
                               struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : LOCK_DEFAULT_MS);

	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return error_errno(err, errno, "the folder %s cannot be opened", folder);
	while (flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		struct pollfd cancel = { call ? call->cancel_fd : -1, POLLIN, 0 };
		int e = errno;
		if (e == EWOULDBLOCK && clock_now_ns() < deadline) {
			if (poll(&cancel, 1, LOCK_STEP_MS) <= 0)
				continue;
			close(*fd);
			return error_set(err, STOKER_E_CANCELLED, "cancelled while another %s was going on", held);
		}
		close(*fd);
		if (e == EWOULDBLOCK) {
			error_set(err, STOKER_E_TIMEOUT, "another %s is still going on", held);
			return error_fix(err, "Wait until it has ended, or end it");
		}
		return error_errno(err, e, "the folder %s cannot be locked", folder);
	}
	return STOKER_OK;
}

/* ---- where things are */

static char *absolute(const char *path)
{
	char *cwd, *out = NULL;
	if (path[0] == '/')
		return strdup(path);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return NULL;
	if (asprintf(&out, "%s/%s", cwd, path) < 0)
		out = NULL;
	free(cwd);
	return out;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

static const char *home_dir(void)
{
	const char *home = environment("HOME");
	struct passwd *pw;
	if (home && home[0] == '/')
		return home;
	pw = getpwuid(getuid());
	return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? pw->pw_dir : NULL;
}

/* $XDG/stoker<tail>, else HOME/<under>/stoker<tail>. malloc'ed, NULL when neither is known. */
static char *xdg(const char *variable, const char *under, const char *tail)
{
	const char *base = environment(variable);
	char *out = NULL;
	if (base && base[0] == '/')
		return asprintf(&out, "%s/stoker%s", base, tail) < 0 ? NULL : out;
	base = under ? home_dir() : NULL;
	if (!base)
		return NULL;
	return asprintf(&out, "%s/%s/stoker%s", base, under, tail) < 0 ? NULL : out;
}

static char *runtime_default(const char *state_dir, bool state_given)
{
	char *out = NULL;
	if (!state_given) {
		if (geteuid() == 0)
			return strdup("/run/stoker");
		out = xdg("XDG_RUNTIME_DIR", NULL, "");
		if (out)
			return out;
	}
	return asprintf(&out, "%s/run", state_dir) < 0 ? NULL : out;
}

static enum stoker_status places(stoker *s, const struct stoker_options *o, bool *config_named,
                                 struct stoker_error *err)
{
	const char *state = o->state_dir ? o->state_dir : environment("STOKER_STATE_DIR");
	const char *run = o->runtime_dir ? o->runtime_dir : environment("STOKER_RUNTIME_DIR");
	const char *image = o->image_dir ? o->image_dir : environment("STOKER_IMAGE_DIR");
	const char *config = o->config_file ? o->config_file : environment("STOKER_CONFIG");
	bool root = geteuid() == 0;

	s->state_dir = state ? absolute(state) : root ? strdup("/var/lib/stoker") : xdg("XDG_STATE_HOME", ".local/state", "");
	if (!s->state_dir) {
		error_set(err, STOKER_E_MISSING, "no place for the state: neither --state, STOKER_STATE_DIR, XDG_STATE_HOME nor HOME tells one");
		return error_fix(err, "Give one with --state DIR");
	}
	s->runtime_dir = run ? absolute(run) : runtime_default(s->state_dir, state != NULL);
	if (image)
		s->image_dir = absolute(image);
	else if (asprintf(&s->image_dir, "%s/images", s->state_dir) < 0)
		s->image_dir = NULL;
	*config_named = config != NULL;
	s->config_file = config ? absolute(config)
	                 : root ? strdup("/etc/stoker/stoker.conf")
	                        : xdg("XDG_CONFIG_HOME", ".config", "/stoker.conf");
	if (!s->config_file)
		s->config_file = strdup("");
	if (o->firecracker)
		s->firecracker = strchr(o->firecracker, '/') ? absolute(o->firecracker) : strdup(o->firecracker);
	if (!s->runtime_dir || !s->image_dir || !s->config_file || (o->firecracker && !s->firecracker))
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	/* Room for "/vms/ID/console.log.1" and the like behind each. */
	if (strlen(s->state_dir) > PATH_MAX - 128 || strlen(s->runtime_dir) > PATH_MAX - 128 ||
	    strlen(s->image_dir) > PATH_MAX - 256)
		return error_set(err, STOKER_E_INVALID, "the path of a place is longer than the host allows");
	return STOKER_OK;
}

static enum stoker_status no_folder(struct stoker_error *err, int e, const char *doing, const char *path, const char *option)
{
	enum stoker_status st = error_errno(err, e, "cannot %s the folder %s", doing, path);
	if (st == STOKER_E_FAILED && e != ENOSPC && e != EDQUOT)
		error_fix(err, "Check it and the folders above it, or choose another place with %s DIR", option);
	return st;
}

/* Makes a folder and its parents, 0700; an existing one must be ours and closed to others. `option` chooses another. */
static enum stoker_status make_private(const char *path, const char *option, bool may_make, bool must_be_ours,
                                       struct stoker_error *err)
{
	char part[STOKER_PATH_SIZE];
	struct stat st;
	size_t len = strlen(path);
	if (len >= sizeof part)
		return error_set(err, STOKER_E_INVALID, "the path is too long: %s", path);
	if (may_make) {
		for (size_t i = 1; i <= len; i++) {
			if (path[i] != '/' && path[i] != '\0')
				continue;
			memcpy(part, path, i);
			part[i] = '\0';
			if (mkdir(part, 0700) < 0 && errno != EEXIST) {
				int e = errno;
				if (stat(part, &st) == 0 && S_ISDIR(st.st_mode))
					continue;
				return no_folder(err, e, "make", part, option);
			}
		}
	}
	if (stat(path, &st) < 0)
		return no_folder(err, errno, "use", path, option);
	if (!S_ISDIR(st.st_mode)) {
		error_set(err, STOKER_E_STORE, "%s is not a folder", path);
		return error_fix(err, "Choose another place with %s DIR", option);
	}
	if (must_be_ours && st.st_uid != geteuid()) {
		error_set(err, STOKER_E_STORE, "the folder %s belongs to user %u, not to you", path, (unsigned)st.st_uid);
		return error_fix(err, "Choose another place with %s DIR", option);
	}
	if (must_be_ours && (st.st_mode & 077) != 0) {
		error_set(err, STOKER_E_STORE, "the folder %s is open to others (mode %03o)", path, (unsigned)st.st_mode & 0777);
		return error_fix(err, "Close it: chmod 700 '%s'", path);
	}
	if (access(path, may_make ? R_OK | W_OK | X_OK : R_OK | X_OK) < 0)
		return no_folder(err, errno, "use", path, option);
	return STOKER_OK;
}

static enum stoker_status folders(const stoker *s, struct stoker_error *err)
{
	const char *const below[] = { "vms", "templates" };
	char path[STOKER_PATH_SIZE];
	enum stoker_status st = make_private(s->state_dir, "--state", !s->read_only, true, err);
	if (st != STOKER_OK || s->read_only)
		return st;
	for (size_t i = 0; i < sizeof below / sizeof *below; i++)
		if (path_state(s, path, "%s", below[i]) && mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_errno(err, errno, "cannot make the folder %s", path);
	st = make_private(s->runtime_dir, "--runtime", true, true, err);
	if (st != STOKER_OK)
		return st;
	if (path_runtime(s, path, "vms") && mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "cannot make the folder %s", path);
	/* Images may be shared between users: only made here, never required to be ours. */
	return make_private(s->image_dir, "--image-dir", access(s->image_dir, F_OK) < 0, false, err);
}

enum stoker_status stoker_open(const struct stoker_options *options, stoker **out, struct stoker_error *err)
{
	static const struct stoker_options none;
	const struct stoker_options *o = options ? options : &none;
	enum stoker_status st;
	bool config_named = false;
	stoker *s = calloc(1, sizeof *s);

	*out = NULL;
	if (!s)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	s->filter = net_filter_new();
	if (!s->filter) {
		st = error_set(err, STOKER_E_NOMEM, "not enough memory");
		goto fail;
	}
	s->read_only = o->read_only;
	snprintf(s->actor, sizeof s->actor, "%s", o->actor ? o->actor : "library");
	if (!process_boot_id(s->boot_id)) {
		st = error_set(err, STOKER_E_MISSING, "/proc cannot be read: it tells processes apart");
		error_fix(err, "Mount it: mount -t proc proc /proc");
		goto fail;
	}
	st = places(s, o, &config_named, err);
	if (st == STOKER_OK)
		st = settings_load(s->config_file, config_named, &s->settings, err);
	if (st == STOKER_OK)
		st = folders(s, err);
	if (st == STOKER_OK)
		st = store_open(s->state_dir, s->read_only, &s->store, s->notice, sizeof s->notice, err);
	if (st != STOKER_OK)
		goto fail;
	/* A store rebuilt from manifests knows how each VM was made, not that it runs. */
	if (s->notice[0] && !s->read_only)
		reconcile_after_rescue(s);
	*out = s;
	return STOKER_OK;
fail:
	stoker_close(s);
	return st;
}

void stoker_close(stoker *s)
{
	if (!s)
		return;
	stoker_watch_close(s->changes);
	traffic_free(s->traffic);
	sampler_free(s->sampler);
	net_filter_free(s->filter);
	store_close(s->store);
	settings_free(s->settings);
	free(s->state_dir);
	free(s->runtime_dir);
	free(s->image_dir);
	free(s->config_file);
	free(s->firecracker);
	free(s);
}

const char *stoker_notice(const stoker *s)
{
	return s->notice;
}

const char *stoker_place(const stoker *s, enum stoker_place place)
{
	switch (place) {
	case STOKER_PLACE_STATE:
		return s->state_dir;
	case STOKER_PLACE_RUNTIME:
		return s->runtime_dir;
	case STOKER_PLACE_IMAGES:
		return s->image_dir;
	case STOKER_PLACE_CONFIG:
		return s->config_file;
	}
	return "";
}
