/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - one action on several VMs: who takes part, who is left out and
 * why, and how it went for each.
 */
#ifndef STOKER_UI_TUI_BATCH_H
#define STOKER_UI_TUI_BATCH_H

#include "actions.h"

enum batch_state { BATCH_WORKING, BATCH_DONE, BATCH_FAILED, BATCH_LEFT };

struct batch_item {
	char name[STOKER_NAME_MAX + 1];
	uint64_t op;
	enum batch_state state;
	int64_t since_ns, took_ns;
	char why[256];
};

struct batch {
	enum action_id action;
	uint64_t number; /* counts them */
	struct batch_item *items;
	size_t count, cap, working, done, failed, left;
};

struct event;

/* Forgets the last one. */
void batch_begin(struct batch *batch, enum action_id action);
void batch_add(struct batch *batch, uint64_t op, const char *name, int64_t now_ns);
void batch_leave(struct batch *batch, const char *name, const char *why);
/* The end of an operation, if it was one of these. True when it was the last. */
bool batch_ended(struct batch *batch, const struct event *event);
/* "stop: 35 done, 2 failed, 1 left". */
void batch_summary(const struct batch *batch, char *buf, size_t cap);
/* A line for each, failures first; malloc'ed, for text_open(). */
char **batch_lines(const struct batch *batch, int *count);
void batch_free(struct batch *batch);

#endif
