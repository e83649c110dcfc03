/* SPDX-License-Identifier: Apache-2.0
 *
 * plain_private.h - what the two halves of the plain dashboard share: plain.c
 * tells, plain_line.c obeys.
 */
#ifndef STOKER_UI_TUI_PLAIN_PRIVATE_H
#define STOKER_UI_TUI_PLAIN_PRIVATE_H

#include "plain.h"

#include <stdio.h>

#define PLAIN_IN 1024

struct said {
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1], words[64];
};

struct plain {
	const struct stoker_options *places;
	sigset_t mask;
	FILE *out;
	char in[PLAIN_IN];
	size_t in_len;
	bool overlong;
	struct said *said;
	size_t said_count;
	bool began;
	char message[1280];
	enum dialog dialog;
	int text_lines;
	enum plan_state plan_state;
	uint64_t form_told;  /* which edit of the form was told of, */
	bool form_checking;  /* and whether its check was still out */
	enum panel panel;    /* asked for, to be told as soon as its figures are here */
	bool answers;        /* so are the answers of a command on VMs */
	const char *run;     /* a verb to be run on this terminal, NULL: none */
	char run_name[STOKER_NAME_MAX + 1];
};

/* Whatever it is, as one clean line. */
void plain_tell(struct plain *plain, const char *format, ...) __attribute__((format(printf, 2, 3)));
void plain_list(struct plain *plain, const struct model *model);
void plain_plan(struct plain *plain, const struct plan_view *plan);

#endif
