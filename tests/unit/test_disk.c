/* SPDX-License-Identifier: Apache-2.0
 *
 * Sparse copies stay sparse and exact; a disk that somebody uses is known to be used.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk.h"

static char dir[] = "/tmp/stoker-disk-XXXXXX";
static char from[64], to[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(from, sizeof from, "%s/from", dir);
	snprintf(to, sizeof to, "%s/to", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(from);
	unlink(to);
	return rmdir(dir);
}

static void copies_data_and_holes(void **state)
{
	const off_t places[] = { 0, 1 << 20, (200 << 20) - 4096, 511 << 20 };
	struct stat a, b;
	char x[4096], y[4096];
	int fd = open(from, O_RDWR | O_CREAT | O_TRUNC, 0600), out;
	(void)state;
	assert_int_equal(ftruncate(fd, 512 << 20), 0);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		memset(x, 'a' + (int)i, sizeof x);
		assert_int_equal(pwrite(fd, x, sizeof x, places[i]), sizeof x);
	}
	assert_int_equal(disk_copy(from, to, NULL, NULL), STOKER_OK);
	out = open(to, O_RDONLY);
	assert_int_equal(fstat(fd, &a), 0);
	assert_int_equal(fstat(out, &b), 0);
	assert_int_equal(a.st_size, b.st_size);
	assert_true(b.st_blocks <= a.st_blocks + 64);
	assert_int_equal(b.st_mode & 0777, 0600);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		assert_int_equal(pread(fd, x, sizeof x, places[i]), sizeof x);
		assert_int_equal(pread(out, y, sizeof y, places[i]), sizeof y);
		assert_memory_equal(x, y, sizeof x);
	}
	close(fd);
	close(out);
	/* Never over something that is there. */
	assert_int_not_equal(disk_copy(from, to, NULL, NULL), STOKER_OK);
}

/* What lies close together is one extent of the copy, and no more is than that. */
static void closes_small_holes(void **state)
{
	const off_t near = 64 << 10, far = 4 << 20;
	struct stat a, b;
	char x[4096] = { 'x' };
	int in = open(from, O_RDWR | O_CREAT | O_TRUNC, 0600), out;
	(void)state;
	unlink(to);
	assert_int_equal(ftruncate(in, 8 << 20), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pwrite(in, x, sizeof x, i == 0 ? 0 : i == 1 ? near : far), sizeof x);
	if (lseek(in, 0, SEEK_HOLE) != sizeof x)
		skip(); /* here files have no holes */
	assert_int_equal(disk_copy(from, to, NULL, NULL), STOKER_OK);
	out = open(to, O_RDONLY);
	assert_int_equal(fstat(in, &a), 0);
	assert_int_equal(fstat(out, &b), 0);
	if (b.st_blocks > a.st_blocks) { /* else the copy shares the blocks of its source */
		assert_int_equal(lseek(out, 0, SEEK_HOLE), near + (off_t)sizeof x);
		assert_int_equal(lseek(out, near + (off_t)sizeof x, SEEK_DATA), far);
	}
	close(in);
	close(out);
}

/* A child holds the file open (or mapped, its descriptor closed). */
static pid_t hold(bool mapped)
{
	int ready[2];
	char c;
	pid_t pid;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(to, O_RDWR);
		if (mapped) {
			if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
				_exit(1);
			close(fd);
		}
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void knows_who_uses_it(void **state)
{
	struct stoker_error err;
	(void)state;
	assert_int_equal(disk_unused(to, &err), STOKER_OK);
	for (int mapped = 0; mapped < 2; mapped++) {
		char number[32];
		pid_t pid = hold(mapped);
		assert_int_equal(disk_unused(to, &err), STOKER_E_STATE);
		snprintf(number, sizeof number, "process %d", (int)pid);
		assert_non_null(strstr(err.why, number));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(disk_unused(to, &err), STOKER_OK);
	assert_int_equal(disk_unused("/nonexistent/file", &err), STOKER_OK);
}

enum { THREADS = 8 };

static void *make_one(void *arg)
{
	struct vm_record rec = { 0 };
	struct stoker_options o = { .state_dir = dir };
	struct stoker_error err;
	stoker *s = NULL;
	char path[STOKER_PATH_SIZE];
	intptr_t bad = 1;

	rec.vm.disk_mib = 64;
	snprintf(rec.vm.id, sizeof rec.vm.id, "%016lx", (unsigned long)(uintptr_t)arg);
	if (stoker_open(&o, &s, &err) == STOKER_OK && path_state(s, path, "vms/%s", rec.vm.id) && mkdir(path, 0700) == 0 &&
	    disk_make(s, &rec, "", NULL, &err) == STOKER_OK) {
		const char *const fsck[] = { "e2fsck", "-fn", path, NULL };
		path_state(s, path, "vms/%s/disk.ext4", rec.vm.id);
		bad = process_run(fsck, NULL, NULL, NULL, NULL, &err) != STOKER_OK;
	}
	stoker_close(s);
	return (void *)bad;
}

/* Many at once make the first disk of a size: each whole, one template, nothing else left. */
static void threads_share_a_template(void **state)
{
	const char *const rm[] = { "rm", "-rf", "--", dir, NULL };
	pthread_t threads[THREADS];
	struct dirent *e;
	char path[128];
	int entries = 0;
	DIR *d;
	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_one, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		void *bad = NULL;
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	snprintf(path, sizeof path, "%s/templates", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		entries += e->d_name[0] != '.';
	closedir(d);
	assert_int_equal(entries, 1);
	assert_int_equal(process_run(rm, NULL, NULL, NULL, NULL, NULL), STOKER_OK);
	assert_int_equal(mkdir(dir, 0700), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(copies_data_and_holes), cmocka_unit_test(closes_small_holes),
		                            cmocka_unit_test(knows_who_uses_it), cmocka_unit_test(threads_share_a_template) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
