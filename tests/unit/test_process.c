/* SPDX-License-Identifier: Apache-2.0
 *
 * A process is (boot id, pid, start ticks): nothing else is ever signalled.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "lifecycle.h"
#include "process.h"

static pid_t sleeper(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	return pid;
}

static void finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void knows_a_living_process(void **state)
{
	struct process_id id;
	pid_t pid = sleeper();
	(void)state;
	assert_true(process_identify(pid, &id));
	assert_true(process_alive(&id));
	finish(pid);
	assert_false(process_alive(&id));
	assert_int_equal(process_pidfd(&id), -1);
	assert_int_equal(errno, ESRCH);
}

static void zombie_is_dead(void **state)
{
	struct process_id id;
	siginfo_t info;
	pid_t pid = sleeper();
	(void)state;
	assert_true(process_identify(pid, &id));
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	assert_false(process_alive(&id));
	assert_false(process_identify(pid, &id));
	waitpid(pid, NULL, 0);
}

/* The same pid with other start ticks, or of another boot, is somebody else. */
static void recycled_pid_is_refused(void **state)
{
	struct process_id id, other;
	pid_t pid = sleeper();
	(void)state;
	assert_true(process_identify(pid, &id));
	other = id;
	other.start_ticks--;
	assert_false(process_alive(&other));
	assert_int_equal(process_pidfd(&other), -1);
	other = id;
	other.boot_id[0] = other.boot_id[0] == '0' ? '1' : '0';
	assert_false(process_alive(&other));
	assert_int_equal(process_pidfd(&other), -1);
	assert_true(process_alive(&id)); /* untouched */
	finish(pid);
}

struct told {
	pthread_barrier_t barrier;
	pid_t tid;
};

static void *lives_on(void *user)
{
	struct told *told = user;
	told->tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&told->barrier);
	pthread_barrier_wait(&told->barrier);
	return NULL;
}

/* The number of a process that ended may be a thread's now: the kernel says of it that it is no process, not that there is none. */
static void a_threads_number_is_no_process(void **state)
{
	struct told told;
	struct process_id id = { 0 };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&told.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, lives_on, &told), 0);
	pthread_barrier_wait(&told.barrier);
	assert_true(process_identify(getpid(), &id));
	id.pid = told.tid;
	errno = 0;
	assert_int_equal(process_pidfd(&id), -1);
	assert_int_equal(errno, ESRCH);
	pthread_barrier_wait(&told.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&told.barrier);
}

static void signals_and_waits_by_pidfd(void **state)
{
	struct process_id id;
	pid_t pid = sleeper();
	int fd;
	(void)state;
	assert_true(process_identify(pid, &id));
	fd = process_pidfd(&id);
	assert_true(fd >= 0);
	assert_int_equal(process_wait_end(fd, deadline_after_ms(20), -1), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(process_signal(fd, SIGKILL), 0);
	assert_int_equal(process_wait_end(fd, deadline_after_ms(5000), -1), 0);
	close(fd);
	waitpid(pid, NULL, 0);
}

struct seen {
	int lines;
	char last[64];
};

static void on_line(void *user, const char *line)
{
	struct seen *seen = user;
	seen->lines++;
	strncpy(seen->last, line, sizeof seen->last - 1);
}

static void runs_a_program(void **state)
{
	const char *const good[] = { "printf", "a\\nb\\nlast", NULL };
	const char *const bad[] = { "sh", "-c", "echo broken >&2; exit 3", NULL };
	const char *const none[] = { "no-such-program-of-ours", NULL };
	struct seen seen = { 0 };
	struct stoker_error err;
	(void)state;
	assert_int_equal(process_run(good, NULL, NULL, on_line, &seen, &err), STOKER_OK);
	assert_int_equal(seen.lines, 3);
	assert_string_equal(seen.last, "last");
	assert_int_equal(process_run(bad, NULL, NULL, NULL, NULL, &err), STOKER_E_FAILED);
	assert_non_null(strstr(err.why, "broken"));
	assert_non_null(strstr(err.why, "3"));
	assert_int_equal(process_run(none, NULL, NULL, NULL, NULL, &err), STOKER_E_MISSING);
}

static void run_is_limited_and_cancelled(void **state)
{
	const char *const slow[] = { "sleep", "20", NULL };
	const char *const silent[] = { "sh", "-c", "exec >/dev/null 2>&1; sleep 20", NULL }; /* its pipes end at once */
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err;
	int64_t before = clock_now_ns();
	int ends[2];
	(void)state;
	call.timeout_ms = 50;
	assert_int_equal(process_run(slow, NULL, &call, NULL, NULL, &err), STOKER_E_TIMEOUT);
	assert_int_equal(process_run(silent, NULL, &call, NULL, NULL, &err), STOKER_E_TIMEOUT);
	assert_string_equal(err.why, "sh did not end in time");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	call.timeout_ms = -1;
	call.cancel_fd = ends[0];
	assert_int_equal(process_run(slow, NULL, &call, NULL, NULL, &err), STOKER_E_CANCELLED);
	assert_int_equal(process_run(silent, NULL, &call, NULL, NULL, &err), STOKER_E_CANCELLED);
	assert_true(clock_now_ns() - before < 10 * NS_PER_S);
	close(ends[0]);
	close(ends[1]);
}

/* A VMM that could not even be looked at was counted as ended, and went on with its record saying stopped. */
static void without_descriptors_nothing_is_gone(void **state)
{
	struct rlimit before, few;
	struct vm_record rec = { 0 };
	struct stoker_error err = { 0 };
	pid_t pid = sleeper();
	int next = dup(0), fd, why;
	enum stoker_status st;
	bool alive;

	(void)state;
	close(next); /* the lowest that is free, and none above it is taken */
	assert_true(process_identify(pid, &rec.vmm));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (int room = 0; room < 2; room++) { /* for none, and for the pidfd alone */
		few.rlim_cur = (rlim_t)(next + room);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		fd = process_pidfd(&rec.vmm);
		why = errno;
		alive = process_alive(&rec.vmm);
		st = lifecycle_kill(NULL, &rec, 0, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_int_equal(fd, -1);
		assert_int_equal(why, EMFILE);
		assert_int_equal(st, STOKER_E_LIMIT);
		assert_true(alive);
		assert_true(process_alive(&rec.vmm));
	}
	finish(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_a_living_process), cmocka_unit_test(zombie_is_dead),
		cmocka_unit_test(recycled_pid_is_refused), cmocka_unit_test(a_threads_number_is_no_process), cmocka_unit_test(signals_and_waits_by_pidfd),
		cmocka_unit_test(runs_a_program),          cmocka_unit_test(run_is_limited_and_cancelled),
		cmocka_unit_test(without_descriptors_nothing_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
