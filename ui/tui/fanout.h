/* SPDX-License-Identifier: Apache-2.0
 *
 * fanout.h - one command on many VMs, and what they answer, those that say
 * the same together.
 */
#ifndef STOKER_UI_TUI_FANOUT_H
#define STOKER_UI_TUI_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stoker.h"

#define FANOUT_LINES_MAX 500    /* kept of one VM's answer */
#define FANOUT_BYTES_MAX 65536  /* asked for of each of its streams */
#define FANOUT_TIMEOUT_MS 60000 /* for the command, in each VM */

struct fanout_item {
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1];
	uint64_t op;
	bool ended, failed;  /* failed: it could not be asked; lines[0] says why */
	int status;          /* of the command */
	int64_t took_ns;
	char **lines;        /* clean text, malloc'ed, each of them too */
	int line_count;
	bool cut;            /* there was more */
	int group;           /* which answer it gave, -1: none yet */
};

struct fanout {
	char command[512];
	struct fanout_item *items;
	size_t count, pending;
	size_t left;         /* marked, and not asked */
	char left_why[64];   /* for the first of those */
	int groups;          /* different answers so far, numbered by who gave them first */
	int top;
};

/* Forgets the last one; false without memory. */
bool fanout_begin(struct fanout *fanout, const char *command, size_t count);
void fanout_free(struct fanout *fanout);
/* Takes the lines over. Nothing (and the lines are freed) for an operation that is none of these. */
void fanout_answer(struct fanout *fanout, uint64_t op, bool failed, int status, int64_t took_ns, char **lines,
                   int line_count, bool cut);
/* The groups, the largest first; returns how many were written. */
size_t fanout_order(const struct fanout *fanout, int *groups, size_t cap);
size_t fanout_members(const struct fanout *fanout, int group);
/* Anybody of the group. */
const struct fanout_item *fanout_example(const struct fanout *fanout, int group);
/* "web-1, web-2, ... (12)", cut to the buffer at a name's end. */
void fanout_names(const struct fanout *fanout, int group, char *buf, size_t cap);
/* "12 VMs say the same", "3 VMs say X, 1 says otherwise": in one line. */
void fanout_summary(const struct fanout *fanout, char *buf, size_t cap);

#endif
