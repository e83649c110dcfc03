/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_session_log.c - a session's log on a disk that hangs: nobody waits for it who shows a dashboard.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/now.h"
#include "tui/session_log.h"

/* The disk: this program's mkdir() goes before the C library's, and hangs until it is let go. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool entered, let_go;
} disk = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };

int mkdir(const char *path, mode_t mode)
{
	(void)path, (void)mode;
	pthread_mutex_lock(&disk.mutex);
	disk.entered = true;
	pthread_cond_broadcast(&disk.changed);
	while (!disk.let_go)
		pthread_cond_wait(&disk.changed, &disk.mutex);
	pthread_mutex_unlock(&disk.mutex);
	errno = EEXIST;
	return -1;
}

static void closing_does_not_wait(void **state)
{
	char dir[] = "/tmp/stoker-log-XXXXXX", sessions[64], path[80], text[64] = "";
	struct session_log *log;
	int64_t begun;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(sessions, sizeof sessions, "%s/sessions", dir);
	snprintf(path, sizeof path, "%s/fox.log", sessions);
	log = session_log_open(path);
	assert_non_null(log);
	session_log_feed(log, "said\r\n", 6);
	pthread_mutex_lock(&disk.mutex);
	while (!disk.entered)
		pthread_cond_wait(&disk.changed, &disk.mutex);
	pthread_mutex_unlock(&disk.mutex);
	begun = mono_ns();
	session_log_close(log);
	assert_true(mono_ns() - begun < INT64_C(1500000000)); /* it waited for two seconds once */
	/* The disk comes back: what was said is in the file when the program has waited for that. */
	assert_int_equal(mkdirat(AT_FDCWD, sessions, 0700), 0);
	pthread_mutex_lock(&disk.mutex);
	disk.let_go = true;
	pthread_cond_broadcast(&disk.changed);
	pthread_mutex_unlock(&disk.mutex);
	session_logs_finish();
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof text, file));
	fclose(file);
	assert_string_equal(text, "said\n");
	unlink(path);
	rmdir(sessions);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closing_does_not_wait),
	};
	return cmocka_run_group_tests_name("session_log", tests, NULL, NULL);
}
