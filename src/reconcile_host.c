/* SPDX-License-Identifier: Apache-2.0
 *
 * reconcile_host.c - who holds files of ours.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconcile.h"
#include "supervisor/control.h"

struct scan {
	struct host_view *view;
	const char *prefix;     /* ".../vms/", links resolved as /proc shows them */
	const char *run_prefix; /* the same of the runtime folder; NULL: there is none */
	int64_t self;
};

static bool is_output(int64_t pid, int fd, const char *fifo)
{
	char link[64], target[STOKER_PATH_SIZE + 32];
	size_t len = strlen(fifo);
	ssize_t n;
	snprintf(link, sizeof link, "/proc/%lld/fd/%d", (long long)pid, fd);
	n = readlink(link, target, sizeof target - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strncmp(target, fifo, len) == 0 && (target[len] == '\0' || strcmp(target + len, " (deleted)") == 0);
}

static bool is_vmm(const struct scan *scan, int64_t pid, const char *id)
{
	char errors[STOKER_PATH_SIZE], console[STOKER_PATH_SIZE];
	if (!scan->run_prefix ||
	    snprintf(errors, sizeof errors, "%s%s/" VMM_ERRORS_FIFO, scan->run_prefix, id) >= (int)sizeof errors ||
	    snprintf(console, sizeof console, "%s%s/" VMM_OUTPUT_FIFO, scan->run_prefix, id) >= (int)sizeof console)
		return false;
	return is_output(pid, 2, errors) && (is_output(pid, 1, errors) || is_output(pid, 1, console));
}

static void on_file(void *user, int64_t pid, const char *path)
{
	struct scan *scan = user;
	struct host_view *view = scan->view;
	const char *rest = path + strlen(scan->prefix);
	struct holder h = { 0 };
	struct process_id again;

	if (pid == scan->self || strspn(rest, "0123456789abcdef") != STOKER_ID_SIZE - 1 ||
	    rest[STOKER_ID_SIZE - 1] != '/')
		return;
	memcpy(h.id, rest, STOKER_ID_SIZE - 1);
	/* All that is found of one process comes in a row. */
	for (size_t i = view->count; i-- > 0 && view->items[i].process.pid == pid;)
		if (strcmp(view->items[i].id, h.id) == 0)
			return;
	/* Who it is, before and after the look: it must be one process that was looked at. */
	if (!process_identify(pid, &h.process))
		return;
	h.vmm = is_vmm(scan, pid, h.id);
	if (h.vmm && (!process_identify(pid, &again) || again.start_ticks != h.process.start_ticks))
		h.vmm = false;
	if (view->count == view->cap) {
		size_t cap = view->cap ? view->cap * 2 : 64;
		struct holder *more = reallocarray(view->items, cap, sizeof *more);
		if (!more) {
			view->failed = true;
			return;
		}
		view->items = more;
		view->cap = cap;
	}
	view->items[view->count++] = h;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct holder *)a)->id, ((const struct holder *)b)->id);
}

/* "DIR/vms/" as /proc shows it. Links in the path of a place are common (/var/run). */
static bool real_prefix(const char *dir, char out[STOKER_PATH_SIZE])
{
	char real[PATH_MAX];
	return realpath(dir, real) && snprintf(out, STOKER_PATH_SIZE, "%s/vms/", real) < STOKER_PATH_SIZE;
}

void view_take(const stoker *s, struct host_view *view)
{
	char state[STOKER_PATH_SIZE], run[STOKER_PATH_SIZE];
	struct scan scan = { .view = view, .self = getpid() };

	memset(view, 0, sizeof *view);
	if (real_prefix(s->runtime_dir, run))
		scan.run_prefix = run;
	if (real_prefix(s->state_dir, state)) {
		scan.prefix = state;
		host_files_held(state, on_file, &scan);
	} else {
		view->failed = true;
	}
	if (scan.run_prefix) {
		scan.prefix = run;
		host_files_held(run, on_file, &scan);
	}
	if (view->count)
		qsort(view->items, view->count, sizeof *view->items, by_id);
	view->net = net_view_take(s, NULL);
}

void view_free(struct host_view *view)
{
	free(view->items);
	net_view_free(view->net);
	memset(view, 0, sizeof *view);
}

const struct holder *view_of(const struct host_view *view, const char *id)
{
	size_t low = 0, high = view ? view->count : 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (strcmp(view->items[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return view && low < view->count && strcmp(view->items[low].id, id) == 0 ? &view->items[low] : NULL;
}

const struct holder *view_vmm(const struct host_view *view, const char *id)
{
	const struct holder *h = view_of(view, id);
	for (; h && h < view->items + view->count && strcmp(h->id, id) == 0; h++)
		if (h->vmm)
			return h;
	return NULL;
}
