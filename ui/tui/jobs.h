/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs.h - what takes time, on threads of its own.
 *
 * A job goes in, an event comes out; nothing is shared in between. Each thread
 * has its own stoker handle. One thread keeps the list fresh, one answers
 * quick questions (is this form right?), and up to JOBS_MAX carry operations
 * out: so a VM that hangs can delay neither the list nor another VM.
 */
#ifndef STOKER_UI_TUI_JOBS_H
#define STOKER_UI_TUI_JOBS_H

#include "model.h"

#define JOBS_MAX 8

enum job_kind { JOB_DO, JOB_CREATE, JOB_CHECK, JOB_PLAN, JOB_APPLY, JOB_INSPECT, JOB_SHELL, JOB_LOG, JOB_RUN, JOB_PURGE };

struct job {
	enum job_kind kind;
	enum action_id action;
	bool force;
	uint64_t op, generation;
	char id[STOKER_ID_SIZE];
	struct form_spec *spec;      /* owned */
	enum stoker_repair *choices; /* owned */
	char *text;                  /* owned */
	size_t count;
	stoker_plan *plan;           /* owned */
	uint16_t rows, cols;         /* of a shell */
	int cancel_fd;               /* jobs.c makes and closes it; -1: cannot be cancelled */
	struct job *next, *next_cancellable;
};

/* An event, and what cannot be in one because it still has to be adopted. */
struct result {
	struct event event;
	stoker_shell *shell;
	stoker_log *log;
	stoker_plan *plan; /* belongs to the event EVENT_PLAN */
	struct result *next;
};

struct jobs;

/* NULL without memory or threads. `places` is borrowed until jobs_free(). */
struct jobs *jobs_new(const struct stoker_options *places);
/* What only waits is cancelled; operations that change something are finished
 * first. Results nobody took are freed with what they hold. */
void jobs_free(struct jobs *jobs);

/* Readable when there is a result. */
int jobs_fd(const struct jobs *jobs);
/* The next result, NULL when there is none. Free with result_free(). */
struct result *jobs_take(struct jobs *jobs);
void result_free(struct result *result);

/* Takes `job` (malloc'ed) over. */
void jobs_submit(struct jobs *jobs, struct job *job);
/* Cuts operation `op` short where that can be done; its result comes nevertheless. */
void jobs_cancel(struct jobs *jobs, uint64_t op);
/* Operations that have been submitted and not ended. */
int jobs_running(struct jobs *jobs);

/* What the reader is to do next, as soon as it can. */
enum { READ_LIST = 1, READ_SAMPLES = 2, READ_TIMINGS = 4, READ_IMAGES = 8, READ_FLEET = 16,
       READ_FIRST = 32 /* the list alone, what else there is right after it */ };
void jobs_read(struct jobs *jobs, unsigned what);
/* Whose timings are wanted, and whether the spread of everybody's is. */
void jobs_look(struct jobs *jobs, const char *id, bool fleet);
/* Reads the samples; those in sight are kept fresh from now on. */
void jobs_sample(struct jobs *jobs, const struct sight *sight);

/* jobs_run.c: does what a job asks for, on the calling thread. What jobs.c gives it to do so. */
void job_run(struct jobs *jobs, stoker *s, struct job *job);
struct result *result_new(enum event_kind kind, const struct job *job);
void jobs_deliver(struct jobs *jobs, struct result *result);
int jobs_cancel_fd(const struct jobs *jobs); /* readable when the dashboard ends */

/* reader.c: reads what is asked for, on the calling thread. */
struct reader;
struct reader *reader_new(void);
void reader_free(struct reader *reader);
/* NULL when nothing was worth telling. *again is set to what must be read as soon as possible. */
struct snapshot *reader_read(struct reader *reader, stoker *s, unsigned what, const char *look,
                             const struct sight *sight, unsigned *again);

/* From now on every thread works with the settings as they are in the file now. */
void jobs_renew(struct jobs *jobs);

/* ask.c: a command in one VM, its output as clean lines in the event. */
void ask_vm(stoker *s, const char *id, const char *command, int cancel_fd, struct event *event);

/* inspect.c: pages of lines, "label\tvalue" or a heading. malloc'ed, each of them too. */
char **inspect_lines(stoker *s, const char *id, int *count, struct stoker_error *err);

#endif
