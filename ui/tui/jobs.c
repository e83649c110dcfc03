/* SPDX-License-Identifier: Apache-2.0
 *
 * jobs.c - the threads.
 */
#include "jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/now.h"

#define THREAD_STACK (1024u * 1024u)
#define LIST_PAUSE_NS 40000000LL /* between two readings of a list that keeps changing */

struct queue {
	struct job *first, *last;
};

struct jobs {
	const struct stoker_options *places;
	pthread_mutex_t mutex;
	pthread_cond_t work, quick_work, read_work;
	struct queue slow, quick;
	struct job *cancellable; /* waiting or under way */
	struct result *first, *last;
	int fd, cancel_fd;
	bool quit;
	unsigned settings; /* counts renewals of the configuration */
	int running, idle, queued; /* idle, queued: of the slow ones */

	unsigned read;
	char look[STOKER_ID_SIZE];
	bool fleet; /* the spread of the fleet's phases is wanted */
	struct sight sight;

	pthread_t threads[JOBS_MAX], quick_thread, read_thread;
	int thread_count;
	bool quick_started, read_started;
};

/* ----------------------------------------------------------------- results */

void result_free(struct result *result)
{
	int i;
	if (result == NULL)
		return;
	snapshot_free(result->event.snapshot);
	free(result->event.items);
	for (i = 0; i < result->event.line_count; i++)
		free(result->event.lines[i]);
	free(result->event.lines);
	stoker_shell_close(result->shell);
	if (result->log != NULL)
		stoker_log_close(result->log);
	if (result->plan != NULL)
		stoker_plan_free(result->plan);
	free(result);
}

void jobs_deliver(struct jobs *jobs, struct result *result)
{
	uint64_t one = 1;
	ssize_t n;
	pthread_mutex_lock(&jobs->mutex);
	if (jobs->last != NULL)
		jobs->last->next = result;
	else
		jobs->first = result;
	jobs->last = result;
	pthread_mutex_unlock(&jobs->mutex);
	n = write(jobs->fd, &one, sizeof one);
	(void)n; /* full only when it is readable anyway */
}

struct result *jobs_take(struct jobs *jobs)
{
	struct result *result;
	uint64_t count;
	ssize_t n;

	pthread_mutex_lock(&jobs->mutex);
	result = jobs->first;
	if (result != NULL) {
		jobs->first = result->next;
		if (jobs->first == NULL)
			jobs->last = NULL;
		result->next = NULL;
	} else {
		n = read(jobs->fd, &count, sizeof count);
		(void)n;
	}
	pthread_mutex_unlock(&jobs->mutex);
	return result;
}

int jobs_fd(const struct jobs *jobs)
{
	return jobs->fd;
}

/* -------------------------------------------------------------------- jobs */

static void job_free(struct job *job)
{
	free(job->spec);
	free(job->choices);
	free(job->text);
	if (job->plan != NULL)
		stoker_plan_free(job->plan);
	if (job->cancel_fd >= 0)
		close(job->cancel_fd);
	free(job);
}

/* A handle that could not be opened is tried again with the next job. */
static bool have_handle(struct jobs *jobs, stoker **s, unsigned *settings, const struct job *job)
{
	struct result *result;
	unsigned now;
	pthread_mutex_lock(&jobs->mutex);
	now = jobs->settings;
	pthread_mutex_unlock(&jobs->mutex);
	if (*s != NULL && *settings != now)
		stoker_settings_reload(*s, NULL); /* what is wrong with it the loop has said */
	*settings = now;
	if (*s != NULL)
		return true;
	result = result_new(job->kind == JOB_CHECK ? EVENT_CHECKED : EVENT_OP_DONE, job);
	if (result == NULL)
		return false;
	if (stoker_open(jobs->places, s, &result->event.error) == STOKER_OK) {
		free(result);
		return true;
	}
	*s = NULL;
	result->event.failed = true;
	jobs_deliver(jobs, result);
	return false;
}

int jobs_cancel_fd(const struct jobs *jobs)
{
	return jobs->cancel_fd;
}

static struct job *next_job(struct jobs *jobs, struct queue *queue, pthread_cond_t *cond, bool count_idle)
{
	struct job *job;
	pthread_mutex_lock(&jobs->mutex);
	if (count_idle)
		jobs->idle++;
	/* What was submitted before the end is still carried out, unless it only asks. */
	while (queue->first == NULL && !jobs->quit)
		pthread_cond_wait(cond, &jobs->mutex);
	if (count_idle)
		jobs->idle--;
	job = queue->first;
	if (job != NULL) {
		queue->first = job->next;
		if (queue->first == NULL)
			queue->last = NULL;
		jobs->queued -= count_idle;
	}
	pthread_mutex_unlock(&jobs->mutex);
	return job;
}

static void ended(struct jobs *jobs, struct job *job)
{
	struct job **at;
	pthread_mutex_lock(&jobs->mutex);
	for (at = &jobs->cancellable; *at != NULL && *at != job; at = &(*at)->next_cancellable)
		;
	if (*at != NULL)
		*at = job->next_cancellable;
	jobs->running--;
	pthread_mutex_unlock(&jobs->mutex);
	job_free(job);
}

/* Under the mutex. */
static void cancel(const struct job *job)
{
	uint64_t one = 1;
	ssize_t n = write(job->cancel_fd, &one, sizeof one);
	(void)n;
}

void jobs_cancel(struct jobs *jobs, uint64_t op)
{
	const struct job *job;
	pthread_mutex_lock(&jobs->mutex);
	for (job = jobs->cancellable; job != NULL; job = job->next_cancellable) {
		if (job->op == op)
			cancel(job);
	}
	pthread_mutex_unlock(&jobs->mutex);
}

static void *slow_thread(void *context)
{
	struct jobs *jobs = context;
	struct job *job;
	unsigned settings = 0;
	stoker *s = NULL;
	while ((job = next_job(jobs, &jobs->slow, &jobs->work, true)) != NULL) {
		if (have_handle(jobs, &s, &settings, job))
			job_run(jobs, s, job);
		ended(jobs, job);
	}
	stoker_close(s);
	return NULL;
}

static void *quick_thread(void *context)
{
	struct jobs *jobs = context;
	struct job *job;
	unsigned settings = 0;
	stoker *s = NULL;
	while ((job = next_job(jobs, &jobs->quick, &jobs->quick_work, false)) != NULL) {
		if (have_handle(jobs, &s, &settings, job))
			job_run(jobs, s, job);
		ended(jobs, job);
	}
	stoker_close(s);
	return NULL;
}

/* ------------------------------------------------------------------ reading */

static void tell_failure(struct jobs *jobs, const struct stoker_error *error)
{
	struct result *result = calloc(1, sizeof *result);
	if (result == NULL)
		return;
	result->event.kind = EVENT_SNAPSHOT;
	result->event.snapshot = calloc(1, sizeof *result->event.snapshot);
	if (result->event.snapshot == NULL) {
		free(result);
		return;
	}
	stoker_error_text(error, result->event.snapshot->failure, sizeof result->event.snapshot->failure);
	jobs_deliver(jobs, result);
}

/* Waits until something is to be read, after a pause; 0: the end. */
static unsigned next_reading(struct jobs *jobs, unsigned left_over, char *look, struct sight *sight, int64_t pause_ns)
{
	struct timespec until;
	unsigned what;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(pause_ns % 1000000000);
	until.tv_sec += (time_t)(pause_ns / 1000000000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&jobs->mutex);
	while (!jobs->quit && pause_ns > 0) { /* many changes at once are one reading */
		if (pthread_cond_timedwait(&jobs->read_work, &jobs->mutex, &until) == ETIMEDOUT)
			break;
		if (jobs->read & READ_TIMINGS) /* another VM was selected: that is seen at once */
			break;
	}
	while (!jobs->quit && jobs->read == 0 && left_over == 0)
		pthread_cond_wait(&jobs->read_work, &jobs->mutex);
	what = jobs->quit ? 0 : jobs->read | left_over | (jobs->fleet ? READ_FLEET : 0);
	jobs->read = 0;
	memcpy(look, jobs->look, STOKER_ID_SIZE);
	*sight = jobs->sight;
	pthread_mutex_unlock(&jobs->mutex);
	return what;
}

static void *read_thread(void *context)
{
	struct jobs *jobs = context;
	struct reader *reader = reader_new();
	struct stoker_error error;
	stoker *s = NULL;
	char look[STOKER_ID_SIZE];
	struct sight sight;
	unsigned what, again = 0;
	int64_t pause = 0, began;

	for (;;) {
		struct result *result;
		what = next_reading(jobs, again, look, &sight, pause);
		again = 0;
		if (what == 0 || reader == NULL)
			break;
		memset(&error, 0, sizeof error);
		if (s == NULL && stoker_open(jobs->places, &s, &error) != STOKER_OK) {
			s = NULL;
			tell_failure(jobs, &error);
			continue;
		}
		result = calloc(1, sizeof *result);
		if (result == NULL)
			break;
		result->event.kind = EVENT_SNAPSHOT;
		began = mono_ns();
		result->event.snapshot = reader_read(reader, s, what, look, &sight, &again);
		/* A long list that keeps changing is read no more than a quarter of the time. */
		pause = what & READ_LIST ? LIST_PAUSE_NS + 3 * (mono_ns() - began) : 0;
		if (again & READ_TIMINGS)
			pause = what & READ_FIRST ? 0 : 500000000;
		if (result->event.snapshot != NULL)
			jobs_deliver(jobs, result);
		else
			free(result);
	}
	reader_free(reader);
	stoker_close(s);
	return NULL;
}

void jobs_read(struct jobs *jobs, unsigned what)
{
	pthread_mutex_lock(&jobs->mutex);
	jobs->read |= what;
	pthread_cond_signal(&jobs->read_work);
	pthread_mutex_unlock(&jobs->mutex);
}

void jobs_look(struct jobs *jobs, const char *id, bool fleet)
{
	pthread_mutex_lock(&jobs->mutex);
	jobs->fleet = fleet;
	memcpy(jobs->look, id, sizeof jobs->look);
	pthread_mutex_unlock(&jobs->mutex);
	jobs_read(jobs, READ_TIMINGS);
}

void jobs_sample(struct jobs *jobs, const struct sight *sight)
{
	pthread_mutex_lock(&jobs->mutex);
	jobs->sight = *sight;
	pthread_mutex_unlock(&jobs->mutex);
	jobs_read(jobs, READ_SAMPLES);
}

/* ------------------------------------------------------------- life of it */

static bool start_thread(pthread_t *thread, void *(*body)(void *), struct jobs *jobs)
{
	pthread_attr_t attr;
	bool ok;
	if (pthread_attr_init(&attr) != 0)
		return false;
	ok = pthread_attr_setstacksize(&attr, THREAD_STACK) == 0 && pthread_create(thread, &attr, body, jobs) == 0;
	pthread_attr_destroy(&attr);
	return ok;
}

struct jobs *jobs_new(const struct stoker_options *places)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);
	pthread_condattr_t attr;

	if (jobs == NULL)
		return NULL;
	jobs->places = places;
	pthread_mutex_init(&jobs->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->work, &attr);
	pthread_cond_init(&jobs->quick_work, &attr);
	pthread_cond_init(&jobs->read_work, &attr);
	pthread_condattr_destroy(&attr);
	jobs->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	jobs->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	jobs->quick_started = jobs->fd >= 0 && jobs->cancel_fd >= 0 && start_thread(&jobs->quick_thread, quick_thread, jobs);
	jobs->read_started = jobs->quick_started && start_thread(&jobs->read_thread, read_thread, jobs);
	if (!jobs->read_started) {
		jobs_free(jobs);
		return NULL;
	}
	return jobs;
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
	bool quick = job->kind == JOB_CHECK || job->kind == JOB_INSPECT || job->kind == JOB_LOG;
	struct queue *queue = quick ? &jobs->quick : &jobs->slow;

	job->next = NULL;
	job->cancel_fd = job->kind == JOB_SHELL || job->kind == JOB_DO || job->kind == JOB_CREATE || job->kind == JOB_RUN ?
	                 eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	pthread_mutex_lock(&jobs->mutex);
	if (job->cancel_fd >= 0) {
		job->next_cancellable = jobs->cancellable;
		jobs->cancellable = job;
	}
	/* Of several checks of one form only the newest matters. */
	if (job->kind == JOB_CHECK && queue->last != NULL && queue->last->kind == JOB_CHECK && queue->first == queue->last) {
		job_free(queue->last);
		queue->first = queue->last = NULL;
		jobs->running--;
	}
	if (queue->last != NULL)
		queue->last->next = job;
	else
		queue->first = job;
	queue->last = job;
	jobs->running++;
	jobs->queued += !quick;
	if (!quick && jobs->queued > jobs->idle && jobs->thread_count < JOBS_MAX &&
	    start_thread(&jobs->threads[jobs->thread_count], slow_thread, jobs))
		jobs->thread_count++;
	pthread_cond_signal(quick ? &jobs->quick_work : &jobs->work);
	pthread_mutex_unlock(&jobs->mutex);
}

void jobs_renew(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->mutex);
	jobs->settings++;
	pthread_mutex_unlock(&jobs->mutex);
}

int jobs_running(struct jobs *jobs)
{
	int running;
	pthread_mutex_lock(&jobs->mutex);
	running = jobs->running;
	pthread_mutex_unlock(&jobs->mutex);
	return running;
}

void jobs_free(struct jobs *jobs)
{
	struct result *result;
	const struct job *job;
	uint64_t one = 1;
	ssize_t n;
	int i;

	if (jobs == NULL)
		return;
	pthread_mutex_lock(&jobs->mutex);
	jobs->quit = true;
	for (job = jobs->cancellable; job != NULL; job = job->next_cancellable) {
		if (job->kind == JOB_SHELL)
			cancel(job);
	}
	pthread_cond_broadcast(&jobs->work);
	pthread_cond_broadcast(&jobs->quick_work);
	pthread_cond_broadcast(&jobs->read_work);
	pthread_mutex_unlock(&jobs->mutex);
	if (jobs->cancel_fd >= 0) {
		n = write(jobs->cancel_fd, &one, sizeof one);
		(void)n;
	}
	for (i = 0; i < jobs->thread_count; i++)
		pthread_join(jobs->threads[i], NULL);
	if (jobs->quick_started)
		pthread_join(jobs->quick_thread, NULL);
	if (jobs->read_started)
		pthread_join(jobs->read_thread, NULL);
	if (jobs->fd >= 0) {
		while ((result = jobs_take(jobs)) != NULL)
			result_free(result);
		close(jobs->fd);
	}
	if (jobs->cancel_fd >= 0)
		close(jobs->cancel_fd);
	pthread_cond_destroy(&jobs->work);
	pthread_cond_destroy(&jobs->quick_work);
	pthread_cond_destroy(&jobs->read_work);
	pthread_mutex_destroy(&jobs->mutex);
	free(jobs);
}
