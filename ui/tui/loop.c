/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.c - the dashboard's one thread and its one poll().
 *
 * Keys are read before anything else in each turn, output of shells is read in
 * bounded bites, and nothing in here waits: so a key is answered within a few
 * milliseconds whatever the VMs do.
 */
#include "tui.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "jobs.h"
#include "model.h"
#include "screen.h"
#include "view.h"

#define MS 1000000LL
#define PANE_FRAME_NS (16 * MS)  /* a flooding guest is shown at this rate */
#define PANE_TURN_NS (6 * MS)    /* for reading panes, in one turn of the loop */
#define LIST_EVERY_NS (15000 * MS) /* should a change ever go unnoticed */
#define FIXED_FDS 4

struct loop {
	struct stoker_options places;
	const struct tui_options *options;
	stoker *s;
	stoker_watch *watch;
	struct terminal *terminal;
	struct jobs *jobs;
	struct model *model;
	struct screen *screen;
	struct effects effects;
	stoker_plan *plan;
	sigset_t old_mask;
	int signal_fd;
	int64_t sample_ns, refresh_ns, list_ns, animate_ns, painted_ns;
	bool dirty, pane_dirty, quit, masked;
	int exit_code, ended_by;
	int first_pane; /* whose turn it is */
	size_t scrollback;
};

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void carry_out(struct loop *loop);

static void feed(struct loop *loop, struct event *event)
{
	event->now_ns = now_ns();
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

static void submit(struct loop *loop, struct effect *effect, enum job_kind kind)
{
	struct job *job = job_for(effect, kind);
	if (job == NULL)
		return;
	job->spec = effect->spec;
	job->choices = effect->choices;
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
	terminal_size(loop->terminal, &event.rows, &event.cols);
	if (!screen_resize(loop->screen, event.rows, event.cols))
		return;
	terminal_redraw(loop->terminal);
	feed(loop, &event);
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

static void pane_key(struct loop *loop, const struct effect *effect)
{
	struct event event = { .kind = EVENT_PANE_REFUSED_KEY };
	struct key key = effect->key;
	if (effect->pane->ops->key(effect->pane, &key)) {
		loop->dirty = true;
		return;
	}
	if (key.kind == KEY_KIND_MOUSE)
		return;
	event.key = key;
	feed(loop, &event);
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
		submit(loop, effect, JOB_DO);
		break;
	case EFFECT_CREATE:
		submit(loop, effect, JOB_CREATE);
		break;
	case EFFECT_CHECK:
		submit(loop, effect, JOB_CHECK);
		break;
	case EFFECT_PLAN:
		submit(loop, effect, JOB_PLAN);
		break;
	case EFFECT_APPLY:
		submit(loop, effect, JOB_APPLY);
		break;
	case EFFECT_PLAN_DROP:
		stoker_plan_free(loop->plan);
		loop->plan = NULL;
		break;
	case EFFECT_INSPECT:
		submit(loop, effect, JOB_INSPECT);
		break;
	case EFFECT_LOOK:
		jobs_look(loop->jobs, effect->id);
		break;
	case EFFECT_OPEN:
		submit(loop, effect, effect->pane_kind == PANE_SHELL ? JOB_SHELL : JOB_LOG);
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

static void read_keys(struct loop *loop)
{
	struct event event = { .kind = EVENT_KEY };
	while (!loop->quit && terminal_read(loop->terminal, &event.key)) {
		struct event one = event;
		feed(loop, &one);
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
	struct event event = { .kind = EVENT_PANE_OPENED };
	struct layout layout;
	int rows, cols;

	layout_of(loop->model, &layout);
	rows = layout.pane.rows > 2 ? layout.pane.rows : 24;
	cols = layout.pane.rows > 2 && layout.pane.cols > 2 ? layout.pane.cols : 80;
	if (result->shell != NULL)
		event.pane = shell_pane_new(result->shell, &result->event.vm, rows, cols, loop->scrollback);
	else
		event.pane = log_pane_new(result->log, &result->event.vm, rows, cols);
	result->shell = NULL;
	result->log = NULL;
	if (event.pane != NULL)
		feed(loop, &event);
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
		feed(loop, &result->event);
		/* These the model has taken over. */
		if (result->event.kind == EVENT_PLAN)
			result->event.items = NULL;
		if (result->event.kind == EVENT_TEXT) {
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
		if (panes[at]->ops->ready(panes[at], fds + first[at], first[at + 1] - first[at])) {
			changed = true;
			if (at != loop->model->front)
				panes[at]->activity = true;
		}
		if (now_ns() - now > PANE_TURN_NS)
			break;
	}
	loop->first_pane = count > 0 ? (loop->first_pane + i + 1) % count : 0;
	if (changed) {
		bool dirty = loop->dirty;
		feed(loop, &event);
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
	view_draw(loop->model, loop->screen);
	terminal_present(loop->terminal, loop->screen);
	loop->dirty = loop->pane_dirty = false;
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
	if (model_live(loop->model))
		until = earlier(until, loop->sample_ns);
	if (model_pulse_ns(loop->model) > 0)
		until = earlier(until, loop->animate_ns);
	if (loop->pane_dirty && !terminal_pending(loop->terminal))
		until = earlier(until, loop->painted_ns + PANE_FRAME_NS);
	for (i = 0; i < loop->model->pane_count; i++) {
		ms = loop->model->panes[i]->ops->timeout_ms(loop->model->panes[i]);
		if (ms >= 0)
			until = earlier(until, now + ms * MS);
	}
	until -= now;
	return until <= 0 ? 0 : (int)((until + MS - 1) / MS);
}

static void timers(struct loop *loop, int64_t now)
{
	struct event event = { .kind = EVENT_TICK };
	if (now >= loop->list_ns) {
		jobs_read(loop->jobs, READ_LIST);
		loop->list_ns = now + LIST_EVERY_NS;
	}
	if (model_live(loop->model) && now >= loop->sample_ns) {
		jobs_read(loop->jobs, READ_SAMPLES);
		loop->sample_ns = now + loop->refresh_ns;
	}
	if (model_pulse_ns(loop->model) > 0 && now >= loop->animate_ns) {
		feed(loop, &event);
		loop->animate_ns = now + model_pulse_ns(loop->model);
	}
}

static void turn(struct loop *loop)
{
	struct pollfd fds[FIXED_FDS + PANES_MAX * PANE_MAX_FDS];
	int first[PANES_MAX + 1], count = FIXED_FDS, panes = loop->model->pane_count, i;
	int64_t now;

	fds[0].fd = terminal_fd(loop->terminal);
	fds[0].events = (short)(POLLIN | (terminal_pending(loop->terminal) ? POLLOUT : 0));
	fds[1].fd = loop->signal_fd;
	fds[2].fd = jobs_fd(loop->jobs);
	fds[3].fd = loop->watch != NULL ? stoker_watch_fd(loop->watch) : -1;
	fds[1].events = fds[2].events = fds[3].events = POLLIN;
	for (i = 0; i < panes; i++) {
		first[i] = count;
		count += loop->model->panes[i]->ops->poll(loop->model->panes[i], fds + count);
	}
	first[panes] = count;
	for (i = 0; i < count; i++)
		fds[i].revents = 0;
	if (poll(fds, (nfds_t)count, wait_ms(loop, now_ns())) < 0 && errno != EINTR) {
		loop->quit = true;
		loop->exit_code = 1;
		return;
	}
	now = now_ns();
	if (fds[0].revents & POLLOUT)
		terminal_flush(loop->terminal);
	if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) || terminal_timeout_ms(loop->terminal) == 0)
		read_keys(loop);
	if ((fds[0].revents & (POLLHUP | POLLERR)) || !terminal_alive(loop->terminal)) {
		loop->quit = true;
		loop->ended_by = SIGHUP;
	}
	if (fds[1].revents != 0)
		read_signals(loop);
	if (loop->dirty && !loop->quit)
		paint(loop, now); /* the answer to a key does not wait for what follows */
	if (fds[2].revents != 0)
		read_results(loop);
	if (fds[3].revents != 0 && stoker_watch_drain(loop->watch)) {
		jobs_read(loop->jobs, READ_LIST);
		loop->list_ns = now + LIST_EVERY_NS;
	}
	/* Keys may have closed a pane: then what was polled is out of date. */
	if (panes > 0 && panes == loop->model->pane_count && !loop->quit)
		pane_turn(loop, fds, first, panes, now);
	timers(loop, now);
	if (!loop->quit && (loop->dirty || (loop->pane_dirty && now - loop->painted_ns >= PANE_FRAME_NS)))
		paint(loop, now);
}

/* ------------------------------------------------------------ begin and end */

static const char *setting(const struct loop *loop, const char *key)
{
	const char *value = stoker_setting(loop->s, key);
	return value != NULL ? value : "";
}

static void read_defaults(struct loop *loop)
{
	static const struct {
		enum form_field field;
		const char *key, *value;
	} defaults[] = {
		{ FORM_IMAGE, "defaults.image", "micro" },       { FORM_VCPUS, "defaults.vcpus", "1" },
		{ FORM_MEMORY, "defaults.memory_mib", "512" },   { FORM_DISK, "defaults.disk_mib", "2048" },
		{ FORM_DISK_MODE, "defaults.disk_mode", "isolated" }, { FORM_BACKEND, "defaults.backend", "auto" },
		{ FORM_ACCEL, "defaults.accel", "auto" },        { FORM_NETWORK, "defaults.network", "user" },
		{ FORM_EGRESS, "defaults.egress", "all" },       { FORM_EPHEMERAL, NULL, "no" },
		{ FORM_START, NULL, "yes" },
	};
	size_t i;
	for (i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		const char *value = defaults[i].key != NULL ? setting(loop, defaults[i].key) : "";
		field_set(&loop->model->defaults[defaults[i].field], *value != '\0' ? value : defaults[i].value);
	}
}

static void read_leave_key(struct loop *loop)
{
	const char *text = setting(loop, "ui.leave_key");
	struct binding *key = &loop->model->leave_key;
	if (strncasecmp(text, "Ctrl-", 5) == 0 && text[5] > ' ' && text[6] == '\0') {
		key->special = SK_NONE;
		key->mods = MOD_CTRL;
		key->ch = (uint32_t)(text[5] >= 'A' && text[5] <= 'Z' ? text[5] + 32 : text[5]);
	} else if ((text[0] == 'F' || text[0] == 'f') && atoi(text + 1) >= 1 && atoi(text + 1) <= 12) {
		key->special = (enum special_key)(SK_F1 + atoi(text + 1) - 1);
		key->ch = 0;
		key->mods = 0;
	}
}

static int utc_offset(void)
{
	time_t now = time(NULL);
	struct tm local;
	return localtime_r(&now, &local) != NULL ? (int)local.tm_gmtoff : 0;
}

static bool wants_ascii(const struct loop *loop)
{
	const char *value = setting(loop, "ui.ascii");
	if (loop->options->ascii || strcmp(value, "on") == 0)
		return true;
	return strcmp(value, "off") != 0 && strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

static bool prepare_model(struct loop *loop, int rows, int cols)
{
	loop->model = model_new(rows, cols);
	loop->screen = screen_new(rows, cols);
	if (loop->model == NULL || loop->screen == NULL)
		return false;
	loop->model->ascii = wants_ascii(loop);
	loop->model->read_only = loop->options->read_only;
	loop->model->utc_offset_s = utc_offset();
	loop->scrollback = (size_t)strtoul(setting(loop, "ui.scrollback"), NULL, 10);
	loop->refresh_ns = strtol(setting(loop, "ui.refresh_ms"), NULL, 10) * MS;
	if (loop->refresh_ns < 100 * MS)
		loop->refresh_ns = 1000 * MS;
	read_defaults(loop);
	read_leave_key(loop);
	return true;
}

/* One frame as text, for pipes and the curious. */
static int once(struct loop *loop)
{
	struct event event = { .kind = EVENT_SNAPSHOT };
	struct reader *reader = reader_new();
	unsigned again;
	char *text = NULL;
	int code = 1;

	if (!prepare_model(loop, loop->options->rows > 0 ? loop->options->rows : 24,
	                   loop->options->cols > 0 ? loop->options->cols : 80) || reader == NULL)
		goto out;
	event.now_ns = now_ns();
	event.wall_ms = wall_ms();
	event.snapshot = reader_read(reader, loop->s, READ_LIST, "", &again);
	if (event.snapshot == NULL)
		goto out;
	update(loop->model, &event, &loop->effects);
	code = event.snapshot->has_vms ? 0 : 1;
	snapshot_free(event.snapshot);
	/* Once more, for the timings of the VM that is now selected. */
	event.snapshot = reader_read(reader, loop->s, READ_TIMINGS, loop->model->selected, &again);
	if (event.snapshot != NULL)
		update(loop->model, &event, &loop->effects);
	snapshot_free(event.snapshot);
	view_draw(loop->model, loop->screen);
	text = screen_text(loop->screen);
	if (text == NULL || fputs(text, stdout) == EOF || fflush(stdout) != 0)
		code = 1;
out:
	free(text);
	reader_free(reader);
	return code;
}

static bool take_signals(struct loop *loop)
{
	static const int numbers[] = { SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sigaddset(&set, numbers[i]);
	if (pthread_sigmask(SIG_BLOCK, &set, &loop->old_mask) != 0)
		return false;
	loop->masked = true;
	loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return loop->signal_fd >= 0;
}

/* The VM that the command line asked to start: selected, and started when it does not run. */
static void start_first(struct loop *loop)
{
	struct stoker_error err;
	struct stoker_vm vm;
	struct effect *effect;
	struct event event = { .kind = EVENT_NOTICE, .failed = true };

	if (loop->options->start_vm == NULL)
		return;
	memset(&err, 0, sizeof err);
	if (stoker_get(loop->s, loop->options->start_vm, &vm, &err) != STOKER_OK) {
		stoker_error_text(&err, event.text, sizeof event.text);
		feed(loop, &event);
		return;
	}
	memcpy(loop->model->select_name, vm.name, sizeof vm.name);
	if (vm.state == STOKER_RUNNING || vm.state == STOKER_STARTING || loop->options->read_only)
		return;
	effect = calloc(1, sizeof *effect);
	if (effect == NULL)
		return;
	effect->kind = EFFECT_DO;
	effect->action = ACTION_START;
	memcpy(effect->id, vm.id, sizeof effect->id);
	effect->op = 0;
	submit(loop, effect, JOB_DO);
	free(effect);
}

static void notice(struct loop *loop)
{
	struct event event = { .kind = EVENT_NOTICE };
	const char *text = stoker_notice(loop->s);
	if (text == NULL || *text == '\0')
		return;
	snprintf(event.text, sizeof event.text, "%s", text);
	feed(loop, &event);
}

static void finish(struct loop *loop)
{
	int running;
	if (loop->jobs == NULL)
		return;
	running = jobs_running(loop->jobs);
	if (running > 0 && loop->ended_by == 0)
		fprintf(stderr, "stoker: finishing what is under way ...\n");
	jobs_free(loop->jobs);
	loop->jobs = NULL;
}

static int run(struct loop *loop)
{
	struct terminal_options terminal_options;
	const char *no_colour = getenv("NO_COLOR"), *colour = setting(loop, "ui.colour");
	struct stoker_error err;
	char why[512];
	int rows, cols;

	memset(&terminal_options, 0, sizeof terminal_options);
	terminal_options.no_colour = loop->options->no_colour || (no_colour != NULL && *no_colour != '\0') ||
	                             strcmp(colour, "none") == 0;
	terminal_options.colours = atoi(colour);
	terminal_options.ascii = wants_ascii(loop);
	terminal_options.mouse = strcmp(setting(loop, "ui.mouse"), "off") != 0;
	memset(&err, 0, sizeof err);
	if (stoker_watch_open(loop->s, &loop->watch, &err) != STOKER_OK)
		loop->watch = NULL; /* the list is then read on a timer */
	/* Before any thread is made, so that signals come to this one only. */
	if (!take_signals(loop)) {
		fprintf(stderr, "stoker: dashboard: %s\n", strerror(errno));
		return 1;
	}
	loop->jobs = jobs_new(&loop->places);
	if (loop->jobs == NULL) {
		fprintf(stderr, "stoker: dashboard: no threads can be made: %s\n", strerror(errno));
		return 1;
	}
	loop->terminal = terminal_open(&terminal_options, why, sizeof why);
	if (loop->terminal == NULL) {
		fprintf(stderr, "stoker: dashboard: %s\n", why);
		return stoker_exit_code(STOKER_E_MISSING);
	}
	terminal_size(loop->terminal, &rows, &cols);
	if (!prepare_model(loop, rows, cols))
		return 1;
	loop->list_ns = now_ns() + (loop->watch != NULL ? LIST_EVERY_NS : loop->refresh_ns);
	jobs_read(loop->jobs, READ_LIST | READ_IMAGES);
	notice(loop);
	start_first(loop);
	loop->dirty = true;
	while (!loop->quit)
		turn(loop);
	return loop->exit_code;
}

int tui_run(const struct stoker_options *places, const struct tui_options *options)
{
	struct loop loop;
	struct stoker_error err;
	char text[1400];
	int code;

	memset(&loop, 0, sizeof loop);
	memset(&err, 0, sizeof err);
	loop.signal_fd = -1;
	loop.options = options;
	if (places != NULL)
		loop.places = *places;
	loop.places.actor = "dashboard";
	loop.places.read_only = loop.places.read_only || options->read_only;
	setlocale(LC_CTYPE, "");
	if (stoker_open(&loop.places, &loop.s, &err) != STOKER_OK) {
		stoker_error_text(&err, text, sizeof text);
		fprintf(stderr, "stoker: %s\n", text);
		return stoker_exit_code(err.code);
	}
	code = options->once ? once(&loop) : run(&loop);
	/* First the terminal, so that the operator has it back whatever follows. */
	terminal_close(loop.terminal);
	if (loop.masked)
		pthread_sigmask(SIG_SETMASK, &loop.old_mask, NULL);
	model_free(loop.model);
	finish(&loop);
	stoker_plan_free(loop.plan);
	screen_free(loop.screen);
	effects_free(&loop.effects);
	if (loop.watch != NULL)
		stoker_watch_close(loop.watch);
	stoker_close(loop.s);
	if (loop.signal_fd >= 0)
		close(loop.signal_fd);
	return loop.ended_by > 0 ? 128 + loop.ended_by : code;
}
