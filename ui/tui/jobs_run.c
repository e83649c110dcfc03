/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs_run.c - what a job is, done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "common/now.h"

struct result *result_new(enum event_kind kind, const struct job *job)
{
	struct result *result = calloc(1, sizeof *result);
	if (result == NULL)
		return NULL;
	result->event.kind = kind;
	result->event.op = job->op;
	result->event.action = job->action;
	result->event.generation = job->generation;
	memcpy(result->event.vm_id, job->id, sizeof job->id);
	return result;
}

#define PROGRESS_EVERY_NS 100000000LL

struct watched {
	struct jobs *jobs;
	const struct job *job;
	const char *step;
	int64_t told_ns;
};

/* A new step is told at once, how far it is ten times a second. */
static void progress(void *user, const struct stoker_progress *p)
{
	struct watched *watched = user;
	struct result *result;
	int64_t now = mono_ns();

	if (watched->step == p->step && now - watched->told_ns < PROGRESS_EVERY_NS)
		return;
	watched->step = p->step;
	watched->told_ns = now;
	result = result_new(EVENT_PROGRESS, watched->job);
	if (result == NULL)
		return;
	snprintf(result->event.text, sizeof result->event.text, "%s", p->step);
	result->event.done = p->done;
	result->event.total = p->total;
	jobs_deliver(watched->jobs, result);
}

static void do_action(stoker *s, struct watched *watched, struct event *event)
{
	const struct job *job = watched->job;
	struct stoker_call call = { -1, job->cancel_fd, progress, watched };
	enum stoker_status status;

	switch (job->action) {
	case ACTION_START:
		status = stoker_start(s, job->id, &call, &event->vm, &event->error);
		event->has_vm = status == STOKER_OK;
		break;
	case ACTION_STOP:
	case ACTION_KILL:
		status = stoker_stop(s, job->id, job->force, &call, &event->vm, &event->error);
		break;
	case ACTION_PAUSE:
		status = stoker_pause(s, job->id, &call, &event->vm, &event->error);
		break;
	case ACTION_RESUME:
		status = stoker_resume(s, job->id, &call, &event->vm, &event->error);
		break;
	case ACTION_RESIZE:
		status = stoker_resize(s, job->id, (unsigned)job->count, &call, &event->vm, &event->error);
		event->has_vm = status == STOKER_OK;
		break;
	case ACTION_UNDO:
		status = stoker_trash_restore(s, job->id, NULL, &event->vm, &event->error);
		event->has_vm = status == STOKER_OK;
		break;
	case ACTION_DELETE:
	default:
		/* As long as there is a trash, a slip of the hand can be undone. */
		status = stoker_trash_put(s, job->id, job->force, &call, &event->error);
		break;
	}
	event->failed = status != STOKER_OK;
}

static void create(stoker *s, struct watched *watched, struct event *event)
{
	const struct job *job = watched->job;
	struct stoker_call call = { -1, job->cancel_fd, progress, watched };
	struct stoker_vm started;

	if (stoker_create(s, &job->spec->spec, &call, &event->vm, &event->error) != STOKER_OK) {
		event->failed = true;
		return;
	}
	event->has_vm = true;
	if (!job->spec->start)
		return;
	if (stoker_start(s, event->vm.id, &call, &started, &event->error) != STOKER_OK)
		event->failed = true;
	else
		event->vm = started;
}

static void plan(struct jobs *jobs, stoker *s, struct result *result)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct event *event = &result->event;
	size_t i;

	call.cancel_fd = jobs_cancel_fd(jobs);
	event->kind = EVENT_PLAN;
	if (stoker_reconcile_plan(s, &call, &result->plan, &event->error) != STOKER_OK) {
		event->failed = true;
		return;
	}
	event->count = stoker_plan_count(result->plan);
	event->items = calloc(event->count + 1, sizeof *event->items);
	if (event->items == NULL) {
		event->count = 0;
		return;
	}
	for (i = 0; i < event->count; i++)
		event->items[i].finding = *stoker_plan_at(result->plan, i);
}

static void apply(struct jobs *jobs, stoker *s, struct job *job)
{
	size_t i;
	for (i = 0; i < job->count && i < stoker_plan_count(job->plan); i++) {
		struct result *begun, *ended;
		if (job->choices[i] == STOKER_REPAIR_NONE)
			continue;
		begun = result_new(EVENT_PLAN_ITEM, job);
		ended = result_new(EVENT_PLAN_ITEM, job);
		if (begun == NULL || ended == NULL) {
			free(begun);
			free(ended);
			return;
		}
		begun->event.item = ended->event.item = i;
		begun->event.begun = true;
		jobs_deliver(jobs, begun);
		ended->event.failed =
			stoker_reconcile_apply(s, job->plan, i, job->choices[i], &ended->event.error) != STOKER_OK;
		jobs_deliver(jobs, ended);
	}
}

static void open_shell(stoker *s, const struct job *job, struct result *result)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_shell_spec spec = { job->rows, job->cols, "xterm-256color", NULL };
	struct event *event = &result->event;

	call.cancel_fd = job->cancel_fd;
	event->failed = stoker_get(s, job->id, &event->vm, &event->error) != STOKER_OK ||
	                stoker_shell_open(s, job->id, &spec, &call, &result->shell, &event->error) != STOKER_OK;
}

void job_run(struct jobs *jobs, stoker *s, struct job *job)
{
	struct watched watched = { jobs, job, NULL, 0 };
	struct result *result = result_new(EVENT_OP_DONE, job);
	struct event *event;

	if (result == NULL)
		return;
	event = &result->event;
	switch (job->kind) {
	case JOB_DO:
		do_action(s, &watched, event);
		break;
	case JOB_CREATE:
		create(s, &watched, event);
		break;
	case JOB_CHECK:
		event->kind = EVENT_CHECKED;
		event->failed = stoker_check_spec(s, &job->spec->spec, &event->error) != STOKER_OK;
		break;
	case JOB_PLAN: {
		struct result *made = result_new(EVENT_PLAN, job);
		if (made != NULL) {
			plan(jobs, s, made);
			jobs_deliver(jobs, made);
		}
		break;
	}
	case JOB_APPLY:
		apply(jobs, s, job);
		break;
	case JOB_INSPECT:
		event->kind = EVENT_TEXT;
		event->lines = inspect_lines(s, job->id, &event->line_count, &event->error);
		break;
	case JOB_RUN:
		event->kind = EVENT_RAN;
		ask_vm(s, job->id, job->text != NULL ? job->text : "", job->cancel_fd, event);
		break;
	case JOB_PURGE:
		stoker_trash_empty(s, NULL, true, NULL, NULL);
		break;
	case JOB_SHELL:
		open_shell(s, job, result);
		break;
	case JOB_LOG:
		event->failed = stoker_get(s, job->id, &event->vm, &event->error) != STOKER_OK ||
		                stoker_log_open(s, job->id, -1, &result->log, &event->error) != STOKER_OK;
		break;
	default:
		break;
	}
	jobs_deliver(jobs, result);
}
