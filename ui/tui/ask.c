/* SPDX-License-Identifier: Apache-2.0
 *
 * ask.c - one command in one VM, for a fan-out; on a worker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "common/text.h"
#include "fanout.h"
#include "jobs.h"

/* A stream's text as clean lines behind those that are there. */
static void add_lines(struct event *event, const char *text, size_t len)
{
	while (len > 0 && event->line_count < FANOUT_LINES_MAX) {
		const char *end = memchr(text, '\n', len);
		size_t n = end != NULL ? (size_t)(end - text) : len;
		char clean[1024];
		text_clean(clean, sizeof clean, text, n);
		event->lines[event->line_count] = strdup(clean);
		if (event->lines[event->line_count] == NULL)
			return;
		event->line_count++;
		n += end != NULL;
		text += n;
		len -= n;
	}
	event->cut = event->cut || len > 0;
}

void ask_vm(stoker *s, const char *id, const char *command, int cancel_fd, struct event *event)
{
	const char *argv[] = { "sh", "-c", command, NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result = { 0 };
	struct stoker_call call = STOKER_CALL_INIT;
	stoker_session *session = NULL;
	char *out = NULL, *errout = NULL, why[1280];

	call.cancel_fd = cancel_fd;
	call.timeout_ms = FANOUT_TIMEOUT_MS;
	event->lines = calloc(FANOUT_LINES_MAX, sizeof *event->lines);
	if (event->lines == NULL) {
		event->failed = true;
		return;
	}
	if (stoker_session_open(s, id, STOKER_VIA_AUTO, &call, &session, &event->error) != STOKER_OK ||
	    stoker_exec_capture(session, &exec, NULL, 0, FANOUT_BYTES_MAX, &call, &result, &out, &errout, &event->error) !=
	            STOKER_OK) {
		event->failed = true;
		/* Without the VM's name, so that those that fail alike are told together. */
		format_reason(why, sizeof why, &event->error);
		add_lines(event, why, strlen(why));
	} else {
		event->status = result.status;
		event->duration_ns = result.duration_ns;
		event->cut = result.truncated;
		add_lines(event, out, result.out_bytes);
		add_lines(event, errout, result.err_bytes);
	}
	stoker_free(out);
	stoker_free(errout);
	stoker_session_close(session);
}
