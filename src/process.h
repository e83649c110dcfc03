/* SPDX-License-Identifier: Apache-2.0
 *
 * process.h - who a process is, and how it is signalled.
 *
 * A pid alone names nobody: it is used again. A process is (boot id, pid,
 * start time in clock ticks, field 22 of /proc/PID/stat). It is signalled only
 * through a pidfd that was opened first and whose identity was matched after,
 * so that no recycled pid is ever touched.
 */
#ifndef STOKER_SRC_PROCESS_H
#define STOKER_SRC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "stoker.h"

#define BOOT_ID_SIZE 37

struct process_id {
	int64_t pid; /* 0: nobody */
	uint64_t start_ticks;
	char boot_id[BOOT_ID_SIZE];
};

/* The first cap - 1 bytes of a descriptor or a file (small ones, as in /proc), NUL-terminated; how many.
 * -1 with errno when the file cannot be opened. */
size_t read_whole(int fd, char *buf, size_t cap);
ssize_t read_whole_file(const char *path, char *buf, size_t cap);

/* This boot's id from /proc/sys/kernel/random/boot_id, with hyphens. False
 * when /proc cannot be read. */
bool process_boot_id(char out[BOOT_ID_SIZE]);

/* Identity of a living process (a zombie counts as dead). False when gone. */
bool process_identify(int64_t pid, struct process_id *out);

/* True while exactly this process lives in this boot and is no zombie; true as well when there is no descriptor or memory
 * left to look: who takes a living process for dead does harm, who takes a dead one for living asks again. */
bool process_alive(const struct process_id *id);

/* Do both name the same process? Says nothing about whether it lives. */
bool process_same(const struct process_id *a, const struct process_id *b);

/* A pidfd (O_CLOEXEC) of exactly this process, or -1 with errno: ESRCH when there is no such process; anything else, as
 * EMFILE, says nothing about it. The caller closes it. */
int process_pidfd(const struct process_id *id);

/* Signal through a pidfd. 0 or -1 with errno. */
int process_signal(int pidfd, int signo);

/* Waits until the process behind the pidfd has ended (it may still be a
 * zombie of somebody's), the deadline passed (ETIMEDOUT) or cancel_fd (< 0:
 * none) became readable (ECANCELED). 0 or -1 with errno. */
int process_wait_end(int pidfd, int64_t deadline_ns, int cancel_fd);

/* Runs argv[0] (looked up in PATH) to its end with stdin from /dev/null, no
 * other descriptor than 0-2, default signals and no shell. Each chunk of its
 * stdout goes to on_line line by line (without the newline, at most 4 KiB);
 * the last 2 KiB of its stderr are kept for the error. Cancelling or a
 * deadline kills its process group. STOKER_E_MISSING when argv[0] is not there. */
enum stoker_status process_run(const char *const *argv, const char *const *extra_env, const struct stoker_call *call,
                               void (*on_line)(void *user, const char *line), void *user, struct stoker_error *err);
/* The same with stdin from `input` (NULL: /dev/null). */
enum stoker_status process_run_input(const char *const *argv, const char *const *extra_env, const void *input,
                                     size_t input_len, const struct stoker_call *call,
                                     void (*on_line)(void *user, const char *line), void *user, struct stoker_error *err);

#endif
