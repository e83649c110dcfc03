/* SPDX-License-Identifier: Apache-2.0
 *
 * store_kit.h - a private state folder and records to fill it with, for the
 * tests of the store and of what stands on it.
 */
#ifndef STOKER_TESTS_STORE_KIT_H
#define STOKER_TESTS_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "store.h"

#define KIT_UNUSED __attribute__((unused))

static int kit_rm(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A fresh folder, 0700: under TMPDIR, else in memory where a sync costs nothing. */
KIT_UNUSED static int kit_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL;
	if (!tmp || tmp[0] != '/')
		tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	if (asprintf(&dir, "%s/stoker-test-XXXXXX", tmp) < 0 || !mkdtemp(dir))
		return -1;
	*state = dir;
	return 0;
}

KIT_UNUSED static int kit_drop(void **state)
{
	nftw(*state, kit_rm, 32, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

KIT_UNUSED static char *kit_path(char out[4096], const char *dir, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
KIT_UNUSED static char *kit_path(char out[4096], const char *dir, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(out, 4096, "%s/", dir);
	va_start(ap, fmt);
	vsnprintf(out + n, 4096 - (size_t)n, fmt, ap);
	va_end(ap);
	return out;
}

/* A record as create makes it: id from n, name "vm-N". */
KIT_UNUSED static void kit_record(struct vm_record *rec, unsigned long long n)
{
	memset(rec, 0, sizeof *rec);
	snprintf(rec->vm.id, sizeof rec->vm.id, "%016llx", n);
	snprintf(rec->vm.name, sizeof rec->vm.name, "vm-%llu", n);
	strcpy(rec->vm.backend, "qemu");
	strcpy(rec->vm.accel, "tcg");
	strcpy(rec->vm.choice, "KVM runs no guests here, so QEMU emulates");
	strcpy(rec->vm.image, "micro");
	strcpy(rec->vm.egress, "all");
	strcpy(rec->vm.labels, "team=a,tier=web");
	rec->vm.vcpus = 1;
	rec->vm.memory_mib = 512;
	rec->vm.disk_mib = 2048;
	rec->vm.created_at_ms = 1700000000000 + (int64_t)n;
	rec->vm.exit_status = -1;
	rec->vm.last_phase = STOKER_PHASE_NONE;
	rec->vm.phase = rec->op.kind = STOKER_PHASE_NONE;
	rec->vm.uptime_ms = -1;
}

KIT_UNUSED static void kit_manifest(const char *dir, const struct vm_record *rec)
{
	char path[4096];
	struct stoker_error err;
	mkdir(kit_path(path, dir, "vms"), 0700);
	mkdir(kit_path(path, dir, "vms/%s", rec->vm.id), 0700);
	if (manifest_write(dir, rec, &err) != STOKER_OK)
		fail_msg("manifest: %s", err.why);
}

KIT_UNUSED static struct store *kit_open(const char *dir)
{
	struct store *store;
	struct stoker_error err;
	if (store_open(dir, false, &store, NULL, 0, &err) != STOKER_OK)
		fail_msg("open: %s", err.why);
	return store;
}

/* Files in `dir` whose name begins so. */
KIT_UNUSED static unsigned kit_count(const char *dir, const char *beginning)
{
	unsigned n = 0;
	struct dirent *e;
	DIR *d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)))
		n += strncmp(e->d_name, beginning, strlen(beginning)) == 0;
	closedir(d);
	return n;
}

KIT_UNUSED static void kit_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

#define assert_ok(call)                                                                                                \
	do {                                                                                                           \
		struct stoker_error err_ = { 0 }, *e = &err_;                                                          \
		enum stoker_status st_ = (call);                                                                       \
		if (st_ != STOKER_OK)                                                                                  \
			fail_msg("%s: %s: %s", #call, stoker_status_name(st_), err_.why);                              \
	} while (0)

#endif
