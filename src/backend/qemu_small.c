/* SPDX-License-Identifier: Apache-2.0
 *
 * qemu_small.c - the second build of QEMU that Debian's package has beside the
 * first: KVM and few machines only, no user-mode network. Much less to load.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../error.h"
#include "../process.h"
#include "backend.h"
#include "qemu.h"

enum { DEADLINE_MS = 5000 };

struct told {
	char *version;
	size_t cap;
	bool done;
};

static void version_line(void *user, const char *line)
{
	struct told *told = user;

	if (!told->done && strncmp(line, "QEMU emulator version ", 22) == 0) {
		error_clean(told->version, told->cap, line, strnlen(line, told->cap - 1));
		told->done = true;
	}
}

enum stoker_status qemu_version(const char *path, char *version, size_t cap, struct stoker_error *err)
{
	const char *const argv[] = { path, "-version", NULL };
	struct stoker_call call = STOKER_CALL_INIT;
	struct told told = { version, cap, false };
	enum stoker_status st;

	call.timeout_ms = DEADLINE_MS;
	st = process_run(argv, NULL, &call, version_line, &told, err);
	return st == STOKER_OK && !told.done ? error_set(err, STOKER_E_FAILED, "it does not tell its version") : st;
}

static bool mark(const char *path, char *key, size_t cap)
{
	struct stat info;
	/* Not its inode: an overlay, as containers have it, may number a file anew. */
	return stat(path, &info) == 0 &&
	       snprintf(key + strlen(key), cap - strlen(key), " %lld %lld %lld", (long long)info.st_size,
	                (long long)info.st_mtime, (long long)info.st_ctime) > 0;
}

bool qemu_small(stoker *s, const char *whole, char path[STOKER_PATH_SIZE], char *why, size_t cap)
{
	char versions[2][96], key[VERDICT_KEY_SIZE] = "", small[STOKER_PATH_SIZE];
	struct stoker_error err = { 0 };
	bool same;

	why[0] = '\0';
	if (settings_given(s->settings, "qemu.binary"))
		return snprintf(why, cap, "qemu.binary is set"), false;
	/* In the same folder, or it is of another package. */
	if (snprintf(small, sizeof small, "%s-microvm", whole) >= (int)sizeof small || !program_find(small, small))
		return false;
	memcpy(path, small, sizeof small);
	if (!mark(whole, key, sizeof key) || !mark(path, key, sizeof key))
		return snprintf(why, cap, "it cannot be looked at"), false;
	if (verdict_kept(s, "qemu-small", key, &same, why, cap))
		return same;
	/* What one of that version can is known; starting it shows as well that its libraries are there. */
	for (int i = 0; i < 2; i++)
		if (qemu_version(i ? path : whole, versions[i], sizeof versions[i], &err) != STOKER_OK)
			return snprintf(why, cap, "%s", err.why), false;
	same = strcmp(versions[0], versions[1]) == 0;
	if (!same)
		snprintf(why, cap, "it is another version: %.80s", versions[1]);
	verdict_keep(s, "qemu-small", key, same, why);
	return same;
}
