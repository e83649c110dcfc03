/* SPDX-License-Identifier: Apache-2.0
 *
 * tui.c - begins and ends the dashboard: settings, signals, terminal, threads.
 */
#include "loop.h"

#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "appearance.h"
#include "common/now.h"
#include "common/text.h"
#include "remember.h"
#include "session_log.h"
#include "update.h"
#include "view.h"

#define LIST_EVERY_NS (15000 * MS) /* should a change ever go unnoticed */
#define FILES_MAX 16384            /* as many as 4,000 VMs need to be sampled every second */

static int utc_offset(void)
{
	time_t now = time(NULL);
	struct tm local;
	return localtime_r(&now, &local) != NULL ? (int)local.tm_gmtoff : 0;
}

static bool prepare_model(struct loop *loop, int rows, int cols)
{
	loop->model = model_new(rows, cols);
	loop->screen = screen_new(rows, cols);
	if (loop->model == NULL || loop->screen == NULL)
		return false;
	loop->model->ascii = appearance_ascii(loop);
	loop->model->read_only = loop->options->read_only;
	loop->model->utc_offset_s = utc_offset();
	config_apply(loop);
	if (snprintf(loop->model->session_dir, sizeof loop->model->session_dir, "%s/sessions",
	             stoker_place(loop->s, STOKER_PLACE_STATE)) >= (int)sizeof loop->model->session_dir)
		memcpy(loop->model->session_dir, ".", 2); /* such a path is for nobody to type over */
	return true;
}

/* An error on stderr, without what a terminal could obey; gives the code to exit with. */
static int refuse(const struct stoker_error *err)
{
	char text[1400], clean[1400];
	stoker_error_text(err, text, sizeof text);
	text_clean(clean, sizeof clean, text, strlen(text));
	fprintf(stderr, "stoker: %s\n", clean);
	return stoker_exit_code(err->code);
}

/* One frame as text, for pipes and the curious. */
static int once(struct loop *loop)
{
	struct event event = { .kind = EVENT_SNAPSHOT };
	struct stoker_error err = { 0 };
	struct stoker_vm vm = { .name = "" };
	const struct sight nothing = { 0 }; /* one look knows no rate */
	struct reader *reader;
	unsigned again;
	char *text = NULL;
	int code = 1;

	if (loop->options->start_vm != NULL && stoker_get(loop->s, loop->options->start_vm, &vm, &err) != STOKER_OK)
		return refuse(&err);
	reader = reader_new();
	if (!prepare_model(loop, loop->options->rows > 0 ? loop->options->rows : 24,
	                   loop->options->cols > 0 ? loop->options->cols : 80) || reader == NULL)
		goto out;
	memcpy(loop->model->select_name, vm.name, sizeof vm.name);
	event.now_ns = mono_ns();
	event.wall_ms = wall_ms();
	event.snapshot = reader_read(reader, loop->s, READ_LIST, "", &nothing, &again);
	if (event.snapshot == NULL)
		goto out;
	update(loop->model, &event, &loop->effects);
	code = event.snapshot->has_vms ? 0 : 1;
	snapshot_free(event.snapshot);
	/* Once more, for the timings of the VM that is now selected. */
	event.snapshot = reader_read(reader, loop->s, READ_TIMINGS, loop->model->selected, &nothing, &again);
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
		loop_feed(loop, &event);
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
	effect->op = op_begin(loop->model, ACTION_START, vm.id, vm.name);
	loop_submit(loop, effect, JOB_DO);
	free(effect);
}

static void notice(struct loop *loop)
{
	struct event event = { .kind = EVENT_NOTICE };
	const char *text = stoker_notice(loop->s);
	if (text == NULL || *text == '\0')
		return;
	snprintf(event.text, sizeof event.text, "%s", text);
	loop_feed(loop, &event);
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

static bool open_files(struct loop *loop)
{
	char why[1200];
	if (loop->options->record != NULL) {
		loop->recorder = recorder_open(loop->options->record, mono_ns(), why, sizeof why);
		if (loop->recorder == NULL) {
			fprintf(stderr, "stoker: dashboard: %s\n", why);
			return false;
		}
	}
	if (loop->options->replay != NULL) {
		loop->replay = replay_open(loop->options->replay, mono_ns(), why, sizeof why);
		if (loop->replay == NULL) {
			fprintf(stderr, "stoker: dashboard: %s\n", why);
			return false;
		}
	}
	return true;
}

static int print_frame(struct loop *loop)
{
	char *text;
	int code = 0;
	view_draw(loop->model, loop->screen);
	text = screen_text(loop->screen);
	if (text == NULL || fputs(text, stdout) == EOF || fflush(stdout) != 0)
		code = 1;
	free(text);
	return code;
}

static int run(struct loop *loop)
{
	struct terminal_options terminal_options;
	struct stoker_error err;
	char why[512];
	int rows, cols;

	appearance_read(loop, &terminal_options);
	memset(&err, 0, sizeof err);
	if (stoker_watch_open(loop->s, &loop->watch, &err) != STOKER_OK)
		loop->watch = NULL; /* the list is then read on a timer */
	config_watch(loop);
	if (!open_files(loop))
		return 1;
	rows = loop->options->rows > 0 ? loop->options->rows : 24;
	cols = loop->options->cols > 0 ? loop->options->cols : 80;
	if (loop->options->plain) {
		rows = PLAIN_ROWS; /* nothing is cut off that is only read out */
		cols = PLAIN_COLS;
		loop->plain = plain_new(&loop->places, &loop->old_mask, stdout);
		if (loop->plain == NULL)
			return 1;
	} else if (!loop->options->once) {
		loop->terminal = terminal_open(&terminal_options, why, sizeof why);
		if (loop->terminal == NULL) {
			fprintf(stderr, "stoker: dashboard: %s\n", why);
			return stoker_exit_code(STOKER_E_MISSING);
		}
		terminal_size(loop->terminal, &rows, &cols);
	}
	if (!prepare_model(loop, rows, cols))
		return 1;
	loop->terminal_shown = loop->terminal != NULL && loop->replay == NULL;
	if (loop->terminal_shown)
		memory_apply(loop); /* what is played begins as it was recorded: from the standard */
	if (loop->recorder != NULL) {
		struct key key = { .kind = KEY_KIND_RESIZE, .row = rows, .col = cols };
		recorder_key(loop->recorder, &key, mono_ns());
	}
	loop->list_every_ns = loop->watch != NULL ? LIST_EVERY_NS : loop->refresh_ns;
	loop->list_ns = mono_ns() + loop->list_every_ns;
	notice(loop);
	start_first(loop);
	loop->dirty = true;
	loop->first_ns = mono_ns();
	while (!loop->quit)
		loop_turn(loop);
	if (loop->options->once)
		loop->exit_code |= print_frame(loop);
	if (loop->replay != NULL && *replay_missed(loop->replay) != '\0' && loop->terminal == NULL)
		fprintf(stderr, "stoker: dashboard: not seen in time: %s\n", replay_missed(loop->replay));
	return loop->exit_code;
}

/* Threads, and the first reading of the list: it goes on while our own handle is opened and the terminal taken over. */
static bool begin_reading(struct loop *loop)
{
	/* Before any thread is made, so that signals come to this one only. */
	if (!take_signals(loop)) {
		fprintf(stderr, "stoker: dashboard: %s\n", strerror(errno));
		return false;
	}
	loop->jobs = jobs_new(&loop->places);
	if (loop->jobs == NULL) {
		fprintf(stderr, "stoker: dashboard: no threads can be made: %s\n", strerror(errno));
		return false;
	}
	jobs_read(loop->jobs, READ_FIRST);
	return true;
}

/* stoker_sample_vms() keeps files open, as many as the limit leaves room for: the usual one of 1,024 is enough for 256
 * VMs. It is raised as far as everybody may. */
static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int tui_run(const struct stoker_options *places, const struct tui_options *options)
{
	struct loop loop;
	struct stoker_error err;
	bool frame = options->once && options->replay == NULL;
	int code = 1;

	memset(&loop, 0, sizeof loop);
	memset(&err, 0, sizeof err);
	loop.signal_fd = loop.config_fd = -1;
	loop.options = options;
	if (places != NULL)
		loop.places = *places;
	loop.places.actor = "dashboard";
	loop.places.read_only = loop.places.read_only || options->read_only;
	setlocale(LC_CTYPE, "");
	allow_files();
	if (!frame && !begin_reading(&loop))
		goto out;
	if (stoker_open(&loop.places, &loop.s, &err) != STOKER_OK) {
		code = refuse(&err);
		goto out;
	}
	code = frame ? once(&loop) : run(&loop);
out:
	/* First the terminal, so that the operator has it back whatever follows. */
	terminal_close(loop.terminal);
	if (loop.masked)
		pthread_sigmask(SIG_SETMASK, &loop.old_mask, NULL);
	if (loop.terminal_shown)
		memory_keep(&loop);
	recorder_close(loop.recorder);
	replay_free(loop.replay);
	plain_free(loop.plain);
	model_free(loop.model);
	finish(&loop);
	session_logs_finish();
	stoker_plan_free(loop.plan);
	screen_free(loop.screen);
	effects_free(&loop.effects);
	if (loop.watch != NULL)
		stoker_watch_close(loop.watch);
	stoker_close(loop.s);
	if (loop.signal_fd >= 0)
		close(loop.signal_fd);
	if (loop.config_fd >= 0)
		close(loop.config_fd);
	return loop.ended_by > 0 ? 128 + loop.ended_by : code;
}
