/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_pair.h - two real servers on the loopback: dropbear, as in the micro image,
 * and OpenSSH where it is installed (tests/deps.sh does not: its package would
 * start a server for everybody); else a second dropbear.
 */
#ifndef STOKER_TESTS_SSH_PAIR_H
#define STOKER_TESTS_SSH_PAIR_H

#include "ssh_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "clock.h"

static struct server sshd, bear;

#define ARGV(...) .argv = (const char *const[]){ __VA_ARGS__, NULL }

struct ran {
	enum stoker_status st;
	struct stoker_exec_result result;
	struct stoker_error err;
	char *out, *errout;
};

static inline struct ran run_with(void *impl, const struct stoker_exec *exec, const char *in, size_t in_len,
                           int64_t timeout_ms, int cancel_fd)
{
	struct exec_io io = { .in_fd = -1, .in = in, .in_len = in_len };
	struct stoker_call call = STOKER_CALL_INIT;
	struct ran r = { .st = STOKER_OK };

	call.timeout_ms = timeout_ms;
	call.cancel_fd = cancel_fd;
	exec_sink_open(&io.out, -1, 4 << 20);
	exec_sink_open(&io.err, -1, 4 << 20);
	r.st = ssh_ops.exec(impl, exec, &io, &call, &r.result, &r.err);
	r.out = io.out.data ? io.out.data : strdup("");
	r.errout = io.err.data ? io.err.data : strdup("");
	return r;
}

static inline struct ran run_sh(void *impl, const char *script, const char *in)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	return run_with(impl, &(struct stoker_exec){ .argv = argv }, in, in ? strlen(in) : 0, 20000, -1);
}

static inline void ran_free(struct ran *r)
{
	free(r->out);
	free(r->errout);
}

static inline void *open_session(struct server *v)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	void *impl = NULL;

	call.timeout_ms = 20000;
	if (ssh_open(v->s, &v->rec, &call, &impl, &err) != STOKER_OK)
		fail_msg("ssh_open: %s: %s", err.what, err.why);
	return impl;
}

/* A sanitizer keeps what was freed: nothing to be measured there. */
static inline long resident_kib(void)
{
	char line[256];
	long kib = 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#endif
	FILE *f = fopen("/proc/self/status", "re");
	while (fgets(line, sizeof line, f))
		(void)sscanf(line, "VmRSS: %ld", &kib);
	fclose(f);
	return kib;
}

static inline int setup(void **state)
{
	(void)state;
	place_make(&sshd);
	if (access("/usr/sbin/sshd", X_OK) == 0)
		sshd_start(&sshd);
	else
		dropbear_start(&sshd);
	place_make(&bear);
	dropbear_start(&bear);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	place_remove(&sshd);
	place_remove(&bear);
	return 0;
}

/* Dropbear serves root, and is given a home of its own in a mount namespace. */
static inline bool pair_possible(const char *test)
{
	if (geteuid() == 0 && access("/usr/sbin/dropbear", X_OK) == 0)
		return true;
	fprintf(stderr, "%s: skipped: needs root and dropbear for its SSH servers\n", test);
	return false;
}

#endif
