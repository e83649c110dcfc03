/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - a way into a running VM, by channel or by SSH, for many commands.
 */
#include "guest/session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/channel.h"
#include "lifecycle.h"
#include "log.h"

#define CAPTURE_STANDARD ((size_t)16 << 20)
#define CAPTURE_MAX ((size_t)1 << 40)

struct stoker_session {
	stoker *s;
	const struct session_ops *ops;
	void *impl;
	struct vm_record rec;
};

/* ---- opening */

static enum stoker_status not_running(const struct vm_record *rec, struct stoker_error *err)
{
	const char *name = rec->vm.name;
	switch (rec->vm.state) {
	case STOKER_CREATED:
		error_set(err, STOKER_E_STATE, "%s was never started", name);
		error_fix(err, "Start it: stoker start %s", name);
		break;
	case STOKER_STOPPING:
		error_set(err, STOKER_E_STATE, "%s is being stopped", name);
		error_fix(err, "Wait for it, then: stoker start %s", name);
		break;
	case STOKER_PAUSED:
		error_set(err, STOKER_E_STATE, "%s is paused", name);
		error_fix(err, "Let it go on: stoker resume %s", name);
		break;
	default:
		error_set(err, STOKER_E_STATE, "%s is %s%s%s%s", name,
		          rec->vm.state == STOKER_ERROR ? "in error" : stoker_state_name(rec->vm.state),
		          rec->vm.reason[0] ? " (" : "", rec->vm.reason, rec->vm.reason[0] ? ")" : "");
		lifecycle_fix_start(err, name, rec->vm.ephemeral);
		break;
	}
	return STOKER_E_STATE;
}

static bool lost_supervisor(const struct vm_record *rec)
{
	return rec->vm.state == STOKER_RUNNING && process_alive(&rec->vmm) && !process_alive(&rec->supervisor);
}

/* A VM goes on without its supervisor; whoever comes next gives it a new one. */
static enum stoker_status adopt(stoker *s, const char *id, struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                struct stoker_error *err)
{
	int lock;
	enum stoker_status st = handle_writable(s, err);
	if (st == STOKER_OK)
		st = lifecycle_lock(s, id, deadline_ns, cancel_fd, &lock, err);
	if (st != STOKER_OK)
		return st;
	st = lifecycle_find(s, id, rec, err);
	if (st == STOKER_OK && lost_supervisor(rec)) /* nobody was faster */
		st = lifecycle_adopt(s, rec, err);
	close(lock);
	return st == STOKER_OK ? lifecycle_find(s, id, rec, err) : st;
}

/* Finds the VM and waits while somebody is just starting it. */
static enum stoker_status find_running(stoker *s, const char *ref, int64_t deadline_ns, int cancel_fd,
                                       struct vm_record *rec, struct stoker_error *err)
{
	char id[STOKER_ID_SIZE];
	enum stoker_status st = lifecycle_find(s, ref, rec, err);

	if (st != STOKER_OK)
		return st;
	memcpy(id, rec->vm.id, sizeof id); /* whatever it is called in a moment */
	if (rec->vm.state == STOKER_STARTING && !rec->vm.stale) {
		while (st == STOKER_OK) {
			st = lifecycle_find(s, id, rec, err);
			if (st != STOKER_OK || rec->vm.state != STOKER_STARTING || rec->vm.stale)
				break;
			st = lifecycle_wait_change(s, deadline_ns, cancel_fd, err);
			if (st == STOKER_E_TIMEOUT) {
				error_set(err, st, "%s is still starting", rec->vm.name);
				error_fix(err, "Give it longer with --timeout");
			}
		}
		if (st != STOKER_OK)
			return st;
	}
	if (lost_supervisor(rec)) {
		st = adopt(s, id, rec, deadline_ns, cancel_fd, err);
		if (st != STOKER_OK)
			return st;
	}
	if (rec->vm.stale) {
		error_set(err, STOKER_E_STATE, "the record of %s is stale: %s", rec->vm.name, rec->vm.reason);
		error_fix(err, "Mend it: stoker reconcile");
		return STOKER_E_STATE;
	}
	return rec->vm.state == STOKER_RUNNING ? STOKER_OK : not_running(rec, err);
}

enum stoker_status stoker_session_open(stoker *s, const char *ref, enum stoker_via via, const struct stoker_call *call,
                                       stoker_session **out, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call_limit_ms(s, call));
	struct stoker_call rest = call ? *call : (struct stoker_call)STOKER_CALL_INIT;
	struct stoker_session *session;
	enum stoker_status st;

	*out = NULL;
	session = calloc(1, sizeof *session);
	if (!session)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	session->s = s;
	st = find_running(s, ref, deadline, rest.cancel_fd, &session->rec, err);
	if (st != STOKER_OK)
		goto fail;
	if (via == STOKER_VIA_AUTO)
		via = session->rec.agent ? STOKER_VIA_CHANNEL : STOKER_VIA_SSH;
	if (via == STOKER_VIA_CHANNEL && !session->rec.agent) {
		st = error_set(err, STOKER_E_MISSING, "the image of %s has no agent", session->rec.vm.name);
		error_fix(err, "Go over SSH: --via ssh");
		goto fail;
	}
	/* Before the hello there is neither a listener nor a pinned host key to compare. */
	if (via == STOKER_VIA_SSH && session->rec.agent && (!session->rec.vm.ready || !session->rec.vm.host_key[0])) {
		st = channel_wait_hello(s, &session->rec, deadline, rest.cancel_fd, err);
		if (st == STOKER_E_TIMEOUT || st == STOKER_E_STATE)
			error_console(s, session->rec.vm.id, err);
		if (st == STOKER_OK)
			st = lifecycle_find(s, session->rec.vm.id, &session->rec, err);
		if (st != STOKER_OK)
			goto fail;
	}
	rest.timeout_ms = deadline_poll_ms(deadline);
	session->ops = via == STOKER_VIA_SSH ? &ssh_ops : &channel_ops;
	if (via == STOKER_VIA_SSH)
		st = ssh_open(s, &session->rec, &rest, &session->impl, err);
	else
		st = channel_open(s, &session->rec, &rest, &session->impl, err);
	if (st == STOKER_E_TIMEOUT || st == STOKER_E_STATE)
		error_console(s, session->rec.vm.id, err);
	if (st != STOKER_OK)
		goto fail;
	*out = session;
	return STOKER_OK;
fail:
	free(session);
	return st;
}

void stoker_session_close(stoker_session *session)
{
	if (!session)
		return;
	session->ops->close(session->impl);
	free(session);
}

enum stoker_via stoker_session_via(const stoker_session *session)
{
	return session->ops->via;
}

/* ---- commands */

/* Writing to a pipe whose reader is gone must not end the caller. The signal is the thread's, so it is enough to
 * block it here and to swallow the one we caused. */
static bool sigpipe_hold(sigset_t *before)
{
	sigset_t set, waiting;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigpending(&waiting);
	pthread_sigmask(SIG_BLOCK, &set, before);
	return sigismember(&waiting, SIGPIPE) == 1;
}

static void sigpipe_release(const sigset_t *before, bool was_waiting)
{
	static const struct timespec at_once;
	sigset_t set, waiting;
	sigpending(&waiting);
	if (!was_waiting && sigismember(&waiting, SIGPIPE) == 1) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static enum stoker_status run(stoker_session *session, const struct stoker_exec *exec, struct exec_io *io,
                              const struct stoker_call *call, struct stoker_exec_result *result,
                              struct stoker_error *err)
{
	struct stoker_exec_result unwanted;
	int64_t start = clock_now_ns();
	sigset_t before;
	bool was_waiting;
	enum stoker_status st;

	if (!result)
		result = &unwanted;
	memset(result, 0, sizeof *result);
	st = handle_writable(session->s, err); /* what a command changes is the guest */
	if (st != STOKER_OK)
		return st;
	if (!exec || !exec->argv || !exec->argv[0] || !exec->argv[0][0])
		return error_set(err, STOKER_E_INVALID, "no command was given");
	was_waiting = sigpipe_hold(&before);
	st = session->ops->exec(session->impl, exec, io, call, result, err);
	sigpipe_release(&before, was_waiting);
	exec_sink_close(&io->out);
	exec_sink_close(&io->err);
	if (st == STOKER_OK)
		lifecycle_note_exec(session->s, &session->rec, start, result->duration_ns);
	return st;
}

enum stoker_status stoker_exec_fds(stoker_session *session, const struct stoker_exec *exec, int in_fd, int out_fd,
                                   int err_fd, const struct stoker_call *call, struct stoker_exec_result *result,
                                   struct stoker_error *err)
{
	struct exec_io io = { .in_fd = in_fd };
	exec_sink_open(&io.out, out_fd, 0);
	exec_sink_open(&io.err, err_fd, 0);
	return run(session, exec, &io, call, result, err);
}

/* Memory for a stream that had nothing to say: still a string. */
static bool ensure_string(struct exec_sink *sink)
{
	if (!sink->data)
		sink->data = calloc(1, 1);
	return sink->data != NULL;
}

enum stoker_status stoker_exec_capture(stoker_session *session, const struct stoker_exec *exec, const void *in,
                                       size_t in_len, size_t ceiling, const struct stoker_call *call,
                                       struct stoker_exec_result *result, char **out, char **errout,
                                       struct stoker_error *err)
{
	struct exec_io io = { .in_fd = -1, .in = in, .in_len = in ? in_len : 0 };
	enum stoker_status st;

	if (ceiling == 0)
		ceiling = CAPTURE_STANDARD;
	if (ceiling > CAPTURE_MAX)
		ceiling = CAPTURE_MAX;
	exec_sink_open(&io.out, -1, out ? ceiling : 0);
	exec_sink_open(&io.err, -1, errout ? ceiling : 0);
	st = run(session, exec, &io, call, result, err);
	if ((out && !ensure_string(&io.out)) || (errout && !ensure_string(&io.err))) {
		free(io.out.data);
		free(io.err.data);
		io.out.data = io.err.data = NULL;
		st = error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	/* Also after a timeout: what had come until then. */
	if (out)
		*out = io.out.data;
	if (errout)
		*errout = io.err.data;
	return st;
}

enum stoker_status stoker_ping(stoker_session *session, const struct stoker_call *call, int64_t *rtt_ns,
                               struct stoker_error *err)
{
	int64_t unwanted;
	return session->ops->ping(session->impl, call, rtt_ns ? rtt_ns : &unwanted, err);
}

enum stoker_status stoker_guest_statistics(stoker_session *session, struct stoker_guest_stats *out,
                                           struct stoker_error *err)
{
	if (!session->ops->statistics) {
		error_set(err, STOKER_E_MISSING, "statistics come from the agent, and this session goes over SSH");
		return error_fix(err, "Open the session over the channel"), STOKER_E_MISSING;
	}
	return session->ops->statistics(session->impl, out, err);
}
