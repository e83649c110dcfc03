/* SPDX-License-Identifier: Apache-2.0
 *
 * loop.h - what a running dashboard consists of; tui.c begins and ends it.
 */
#ifndef STOKER_UI_TUI_LOOP_H
#define STOKER_UI_TUI_LOOP_H

#include <signal.h>

#include "jobs.h"
#include "model.h"
#include "plain.h"
#include "record.h"
#include "screen.h"
#include "tui.h"

#define MS 1000000LL

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
	int signal_fd, config_fd; /* config_fd: inotify on the folder of the configuration, -1: none */
	int64_t purge_ns, first_ns; /* first_ns: when it began to wait for something to show */
	int64_t sample_ns, refresh_ns, list_ns, list_every_ns, animate_ns, painted_ns, pane_rest_ns;
	bool dirty, pane_dirty, quit, masked;
	bool begun; /* a frame has been shown */
	int exit_code, ended_by;
	int first_pane; /* whose turn it is */
	size_t scrollback;
	char remembered[32768]; /* how the dashboard was left the last time, as text */
	bool terminal_shown; /* somebody looks at it, and will again */
	bool guest_clipboard;
	bool ground_known;   /* the terminal has told its background */
	uint32_t ground;
	struct recorder *recorder; /* NULL: nothing is recorded */
	struct replay *replay;     /* NULL: nothing is played */
	struct plain *plain;       /* NULL: there is a picture */
};

/* A setting; "" for one that is not known. */
static inline const char *loop_setting(const struct loop *loop, const char *key)
{
	const char *value = stoker_setting(loop->s, key);
	return value != NULL ? value : "";
}

/* Gives the model an event (its time is filled in) and carries the effects out. */
void loop_feed(struct loop *loop, struct event *event);
/* Gives a worker what the effect asks for. */
void loop_submit(struct loop *loop, struct effect *effect, enum job_kind kind);
/* Waits for whatever comes first and deals with it. */
void loop_turn(struct loop *loop);

#endif
