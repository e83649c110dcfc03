/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c - the dashboard's one thread and its one poll().
 *
 * Keys are read before anything else in each turn, output of shells is read in
 * bounded bites, and nothing in here waits: so a key is answered within a few
 * milliseconds whatever the VMs do.
 */
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "appearance.h"
#include "common/now.h"
#include "remember.h"
#include "view.h"

#define PANE_FRAME_NS (16 * MS)  /* a flooding guest is shown at this rate */
#define PANE_TURN_NS (6 * MS)    /* for reading panes, in one turn of the loop */
#define FIRST_WAIT_NS (4 * MS)   /* for the list: a small one is in the first frame */
#define FIXED_FDS 5

static void carry_out(struct loop *loop);

void loop_feed(struct loop *loop, struct event *event)
{
	event->now_ns = mono_ns();
	event->wall_ms = wall_ms();
	if (update(loop->model, event, &loop->effects))
		loop->dirty = true;
	carry_out(loop);
}

/* ------------------------------------------------------------------ effects */

static struct job *job_for(const struct effect *effect, enum job_kind kind)
{
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return NULL;
	job->kind = kind;
	job->action = effect->action;
	job->force = effect->force;
	job->op = effect->op;
	job->generation = effect->generation;
	memcpy(job->id, effect->id, sizeof job->id);
	return job;
}

void loop_submit(struct loop *loop, struct effect *effect, enum job_kind kind)
{
	struct job *job = job_for(effect, kind);
	if (job == NULL)
		return;
	job->spec = effect->spec;
	job->choices = effect->choices;
	job->text = effect->text;
	effect->text = NULL;
	job->count = effect->count;
	effect->spec = NULL;
	effect->choices = NULL;
	if (kind == JOB_APPLY) {
		job->plan = loop->plan;
		loop->plan = NULL;
		if (job->plan == NULL)
			job->count = 0;
	}
	if (kind == JOB_SHELL) {
		struct layout layout;
		layout_of(loop->model, &layout);
		job->rows = (uint16_t)(layout.pane.rows > 2 ? layout.pane.rows : 24);
		job->cols = (uint16_t)(layout.pane.rows > 2 && layout.pane.cols > 2 ? layout.pane.cols : 80);
	}
	jobs_submit(loop->jobs, job);
}

static void resized(struct loop *loop)
{
	struct event event = { .kind = EVENT_RESIZE };
	if (loop->terminal == NULL)
		return;
	terminal_size(loop->terminal, &event.rows, &event.cols);
	if (!screen_resize(loop->screen, event.rows, event.cols))
		return;
	terminal_redraw(loop->terminal);
	if (loop->recorder != NULL) {
		struct key key = { .kind = KEY_KIND_RESIZE, .row = event.rows, .col = event.cols };
		recorder_key(loop->recorder, &key, mono_ns());
	}
	loop_feed(loop, &event);
}

static void suspend(struct loop *loop)
{
	struct signalfd_siginfo info;
	terminal_suspend(loop->terminal);
	raise(SIGSTOP);
	/* Here again: the SIGCONT that woke us is known. */
	while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP || info.ssi_signo == SIGINT) {
			loop->quit = true;
			loop->ended_by = (int)info.ssi_signo;
		}
	}
	terminal_resume(loop->terminal);
	resized(loop);
	jobs_read(loop->jobs, READ_LIST);
}

/* What a pane has for the clipboard and for people. */
static void loop_pane_says(struct loop *loop, struct pane *pane)
{
	struct event event = { .kind = EVENT_NOTICE };

	if (pane->copied != NULL) {
		terminal_copy(loop->terminal, pane->copied, pane->copied_len);
		snprintf(event.text, sizeof event.text, "%s%s %zu bytes%s", pane->copied_by_guest ? pane->vm_name : "",
		         pane->copied_by_guest ? " set the clipboard:" : "copied", pane->copied_len,
		         pane->copied_cut ? "; the rest did not fit" : "");
		free(pane->copied);
		pane->copied = NULL;
		loop_feed(loop, &event);
	}
	if (pane->notice[0] != '\0') {
		event.failed = true;
		snprintf(event.text, sizeof event.text, "%s: %.400s", pane->vm_name, pane->notice);
		pane->notice[0] = '\0';
		loop_feed(loop, &event);
	}
}

static void pane_key(struct loop *loop, const struct effect *effect)
{
	struct event event = { .kind = EVENT_PANE_REFUSED_KEY };
	struct key key = effect->key;
	if (effect->pane->ops->key(effect->pane, &key, &loop->model->keymap)) {
		loop_pane_says(loop, effect->pane);
		loop->dirty = true;
		return;
	}
	if (key.kind == KEY_KIND_MOUSE)
		return;
	event.key = key;
	loop_feed(loop, &event);
}

static void one_effect(struct loop *loop, struct effect *effect)
{
	switch (effect->kind) {
	case EFFECT_QUIT:
		loop->quit = true;
		break;
	case EFFECT_SUSPEND:
		suspend(loop);
		break;
	case EFFECT_REDRAW:
		terminal_redraw(loop->terminal);
		jobs_read(loop->jobs, READ_LIST | READ_IMAGES);
		break;
	case EFFECT_DO:
		loop_submit(loop, effect, JOB_DO);
		break;
	case EFFECT_COPY:
		if (effect->text != NULL)
			terminal_copy(loop->terminal, effect->text, strlen(effect->text));
		break;
	case EFFECT_CREATE:
		loop_submit(loop, effect, JOB_CREATE);
		break;
	case EFFECT_CHECK:
		loop_submit(loop, effect, JOB_CHECK);
		break;
	case EFFECT_PLAN:
		loop_submit(loop, effect, JOB_PLAN);
		break;
	case EFFECT_APPLY:
		loop_submit(loop, effect, JOB_APPLY);
		break;
	case EFFECT_PLAN_DROP:
		stoker_plan_free(loop->plan);
		loop->plan = NULL;
		break;
	case EFFECT_INSPECT:
		loop_submit(loop, effect, JOB_INSPECT);
		break;
	case EFFECT_LOOK:
		jobs_look(loop->jobs, effect->id, effect->force);
		break;
	case EFFECT_OPEN:
		loop_submit(loop, effect, effect->pane_kind == PANE_SHELL ? JOB_SHELL : JOB_LOG);
		break;
	case EFFECT_RUN:
		loop_submit(loop, effect, JOB_RUN);
		break;
	case EFFECT_REMEMBER:
		remember_filter(loop, effect->text != NULL ? effect->text : "");
		break;
	case EFFECT_CANCEL:
		jobs_cancel(loop->jobs, effect->op);
		break;
	case EFFECT_PANE_KEY:
		pane_key(loop, effect);
		break;
	case EFFECT_PANE_COMMAND:
		effect->pane->ops->command(effect->pane, effect->command);
		loop->dirty = true;
		break;
	case EFFECT_PANE_LOG:
		shell_pane_log(effect->pane, effect->path[0] != '\0' ? effect->path : NULL);
		break;
	case EFFECT_PANE_FREE:
		effect->pane->ops->free(effect->pane);
		break;
	}
}

/* Effects can feed events that have effects: they are taken one list at a time. */
static void carry_out(struct loop *loop)
{
	while (loop->effects.count > 0) {
		struct effects now = loop->effects;
		size_t i;
		memset(&loop->effects, 0, sizeof loop->effects);
		for (i = 0; i < now.count; i++)
			one_effect(loop, &now.items[i]);
		effects_free(&now);
	}
}

/* ------------------------------------------------------------------- inputs */

static void play(struct loop *loop)
{
	struct event event = { .kind = EVENT_KEY };
	bool failed = false;

	while (!loop->quit && replay_next(loop->replay, loop->screen, mono_ns(), &event.key, &failed)) {
		struct event one = event;
		if (event.key.kind != KEY_KIND_RESIZE) {
			loop_feed(loop, &one);
		} else if (loop->terminal == NULL && screen_resize(loop->screen, event.key.row, event.key.col)) {
			one.kind = EVENT_RESIZE; /* a real terminal has its own size */
			one.rows = event.key.row;
			one.cols = event.key.col;
			loop_feed(loop, &one);
		}
		/* The next one may look at what this one shows. */
		if (loop->terminal == NULL)
			view_draw(loop->model, loop->screen);
	}
	if (failed)
		loop->exit_code = 1;
	if (replay_over(loop->replay) && loop->terminal == NULL)
		loop->quit = true;
}

static void read_keys(struct loop *loop)
{
	struct event event = { .kind = EVENT_KEY };
	/* While something is played, what is typed would change what it means. */
	while (!loop->quit && terminal_read(loop->terminal, &event.key)) {
		if (loop->replay != NULL && !replay_over(loop->replay) && !(event.key.kind == KEY_KIND_CHAR && event.key.ch == 'c' && event.key.mods == MOD_CTRL))
			continue;
		struct event one = event;
		if (event.key.kind == KEY_KIND_BACKGROUND) {
			appearance_ground(loop, event.key.ch);
			loop->dirty = true;
			continue;
		}
		if (loop->recorder != NULL)
			recorder_key(loop->recorder, &event.key, mono_ns());
		loop_feed(loop, &one);
	}
}

static void read_signals(struct loop *loop)
{
	struct signalfd_siginfo info;
	while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGWINCH:
			resized(loop);
			break;
		case SIGTSTP:
			suspend(loop);
			break;
		case SIGCONT:
			terminal_resume(loop->terminal);
			resized(loop);
			jobs_read(loop->jobs, READ_LIST);
			break;
		default:
			loop->quit = true;
			loop->ended_by = (int)info.ssi_signo;
			break;
		}
	}
}

/* A session or log that a worker opened becomes a pane of this thread's. */
static void adopt(struct loop *loop, struct result *result)
{
	struct event event = { .kind = EVENT_PANE_OPENED, .op = result->event.op };
	struct layout layout;
	int rows, cols;

	layout_of(loop->model, &layout);
	rows = layout.pane.rows > 2 ? layout.pane.rows : 24;
	cols = layout.pane.rows > 2 && layout.pane.cols > 2 ? layout.pane.cols : 80;
	if (result->shell != NULL) {
		char why[8];
		event.pane = model_pane_of(loop->model, result->event.vm.id, PANE_SHELL);
		if (event.pane != NULL && event.pane->ops->over(event.pane, why, sizeof why))
			shell_pane_attach(event.pane, result->shell);
		else
			event.pane = shell_pane_new(result->shell, &result->event.vm, rows, cols, loop->scrollback);
		if (event.pane != NULL)
			shell_pane_clipboard(event.pane, loop->guest_clipboard);
	}
	else
		event.pane = log_pane_new(result->log, &result->event.vm, rows, cols);
	result->shell = NULL;
	result->log = NULL;
	if (event.pane != NULL)
		loop_feed(loop, &event);
}

static void read_results(struct loop *loop)
{
	struct result *result;
	while ((result = jobs_take(loop->jobs)) != NULL) {
		bool open = result->shell != NULL || result->log != NULL;
		if (result->event.kind == EVENT_PLAN && result->plan != NULL) {
			stoker_plan_free(loop->plan);
			loop->plan = result->plan;
			result->plan = NULL;
		}
		if (result->event.kind == EVENT_TEXT)
			snprintf(result->event.text, sizeof result->event.text, "%s", loop->model->text.title);
		loop_feed(loop, &result->event);
		/* These the model has taken over. */
		if (result->event.kind == EVENT_PLAN)
			result->event.items = NULL;
		if (result->event.kind == EVENT_TEXT || result->event.kind == EVENT_RAN) {
			result->event.lines = NULL;
			result->event.line_count = 0;
		}
		if (open && !result->event.failed)
			adopt(loop, result);
		result_free(result);
	}
}

static void pane_turn(struct loop *loop, const struct pollfd *fds, const int *first, int count, int64_t now)
{
	struct event event = { .kind = EVENT_PANE_CHANGED };
	struct pane *panes[PANES_MAX];
	bool changed = false;
	int64_t spent;
	int i;

	/* A turn for each, beginning with another one every time, until the time is up. */
	memcpy(panes, loop->model->panes, sizeof panes);
	for (i = 0; i < count; i++) {
		int at = (loop->first_pane + i) % count, k;
		bool ready = panes[at]->ops->timeout_ms(panes[at]) == 0;
		for (k = first[at]; k < first[at + 1]; k++)
			ready = ready || fds[k].revents != 0;
		if (!ready)
			continue;
		changed = panes[at]->ops->ready(panes[at], fds + first[at], first[at + 1] - first[at]) || changed;
		/* What is in front is being read, also before its next frame is due. */
		if (at == loop->model->front || at == loop->model->split.other)
			panes[at]->activity = false;
		loop_pane_says(loop, panes[at]);
		if (mono_ns() - now > PANE_TURN_NS)
			break;
	}
	loop->first_pane = count > 0 ? (loop->first_pane + i + 1) % count : 0;
	/* As much rest as work: a program that is always busy is what a scheduler
	 * lets wait, and then keys would wait with it. */
	spent = mono_ns() - now;
	if (spent > MS / 2)
		loop->pane_rest_ns = now + 2 * spent;
	if (changed) {
		bool dirty = loop->dirty;
		loop_feed(loop, &event);
		/* Output alone is shown at a frame's pace; keys are not kept waiting for it. */
		loop->dirty = dirty;
		loop->pane_dirty = true;
	}
}

/* ---------------------------------------------------------------- the loop */

static void paint(struct loop *loop, int64_t now)
{
	if (terminal_pending(loop->terminal))
		return;
	if (loop->plain != NULL)
		plain_present(loop->plain, loop->model);
	else
		view_draw(loop->model, loop->screen);
	terminal_present(loop->terminal, loop->screen);
	loop->dirty = loop->pane_dirty = false;
	loop->begun = true;
	loop->painted_ns = now;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the loop has to turn even if nothing happens. */
static int wait_ms(const struct loop *loop, int64_t now)
{
	int64_t until = loop->list_ns;
	int ms = terminal_timeout_ms(loop->terminal), i;

	if (ms >= 0)
		until = earlier(until, now + ms * MS);
	ms = loop->replay != NULL ? replay_timeout_ms(loop->replay, now) : -1;
	if (ms >= 0)
		until = earlier(until, now + ms * MS);
	if (!loop->begun)
		until = earlier(until, loop->first_ns + FIRST_WAIT_NS);
	if (model_live(loop->model))
		until = earlier(until, loop->sample_ns);
	if (model_pulse_ns(loop->model) > 0)
		until = earlier(until, loop->animate_ns);
	if (loop->pane_dirty && !terminal_pending(loop->terminal))
		until = earlier(until, loop->painted_ns + PANE_FRAME_NS);
	for (i = 0; i < loop->model->pane_count; i++) {
		ms = loop->model->panes[i]->ops->timeout_ms(loop->model->panes[i]);
		if (ms >= 0)
			until = earlier(until, now + ms * MS > loop->pane_rest_ns ? now + ms * MS : loop->pane_rest_ns);
	}
	if (loop->pane_rest_ns > now) /* they are not polled until then */
		until = earlier(until, loop->pane_rest_ns);
	until -= now;
	return until <= 0 ? 0 : (int)((until + MS - 1) / MS);
}

/* What has had its time in the trash goes, once a minute. */
static void purge(struct loop *loop, int64_t now)
{
	struct job *job;
	if (loop->options->read_only || now < loop->purge_ns)
		return;
	loop->purge_ns = now + 60000 * MS;
	job = calloc(1, sizeof *job);
	if (job == NULL)
		return;
	job->kind = JOB_PURGE;
	jobs_submit(loop->jobs, job);
}

static void timers(struct loop *loop, int64_t now)
{
	struct event event = { .kind = EVENT_TICK };
	if (now >= loop->list_ns) {
		jobs_read(loop->jobs, READ_LIST);
		loop->list_ns = now + loop->list_every_ns;
		purge(loop, now);
	}
	if (model_live(loop->model) && now >= loop->sample_ns) {
		struct sight sight;
		model_sight(loop->model, &sight);
		jobs_sample(loop->jobs, &sight);
		loop->sample_ns = now + loop->refresh_ns;
	}
	if (model_pulse_ns(loop->model) > 0 && now >= loop->animate_ns) {
		loop_feed(loop, &event);
		loop->animate_ns = now + model_pulse_ns(loop->model);
	}
}

void loop_turn(struct loop *loop)
{
	struct pollfd fds[FIXED_FDS + PANES_MAX * PANE_MAX_FDS];
	int first[PANES_MAX + 1], count = FIXED_FDS, panes = loop->model->pane_count, i;
	unsigned changes = loop->model->pane_changes;
	bool rested = mono_ns() >= loop->pane_rest_ns;
	int64_t now;

	fds[0].fd = loop->plain != NULL ? STDIN_FILENO : terminal_fd(loop->terminal);
	fds[0].events = (short)(POLLIN | (terminal_pending(loop->terminal) ? POLLOUT : 0));
	fds[1].fd = loop->signal_fd;
	fds[2].fd = jobs_fd(loop->jobs);
	fds[3].fd = loop->watch != NULL ? stoker_watch_fd(loop->watch) : -1;
	fds[4].fd = loop->config_fd;
	fds[1].events = fds[2].events = fds[3].events = fds[4].events = POLLIN;
	for (i = 0; i < panes; i++) {
		first[i] = count;
		if (rested)
			count += loop->model->panes[i]->ops->poll(loop->model->panes[i], fds + count);
	}
	first[panes] = count;
	for (i = 0; i < count; i++)
		fds[i].revents = 0;
	if (poll(fds, (nfds_t)count, wait_ms(loop, mono_ns())) < 0 && errno != EINTR) {
		loop->quit = true;
		loop->exit_code = 1;
		return;
	}
	now = mono_ns();
	if (fds[0].revents & POLLOUT)
		terminal_flush(loop->terminal);
	if (loop->plain != NULL && fds[0].revents != 0)
		plain_read(loop->plain, loop);
	else if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) || terminal_timeout_ms(loop->terminal) == 0)
		read_keys(loop);
	if (loop->replay != NULL)
		play(loop);
	if (loop->plain == NULL && ((fds[0].revents & (POLLHUP | POLLERR)) || !terminal_alive(loop->terminal))) {
		loop->quit = true;
		loop->ended_by = SIGHUP;
	}
	if (fds[1].revents != 0)
		read_signals(loop);
	if (loop->dirty && loop->begun && !loop->quit)
		paint(loop, now); /* the answer to a key does not wait for what follows */
	if (fds[2].revents != 0)
		read_results(loop);
	if (fds[3].revents != 0 && stoker_watch_drain(loop->watch)) {
		jobs_read(loop->jobs, READ_LIST);
		loop->list_ns = now + loop->list_every_ns;
	}
	if (fds[4].revents != 0)
		config_changed(loop);
	/* A key or a result may have closed or opened a pane: then what was polled is out of date. */
	if (panes > 0 && rested && changes == loop->model->pane_changes && !loop->quit)
		pane_turn(loop, fds, first, panes, mono_ns());
	timers(loop, now);
	if (!loop->quit && (loop->dirty || (loop->pane_dirty && now - loop->painted_ns >= PANE_FRAME_NS)))
		paint(loop, now);
}
