/* SPDX-License-Identifier: Apache-2.0
 *
 * lifecycle_counters.c - what a VMM counts, as its supervisor has summed it up.
 *
 * The VMM writes its counters once a minute by itself. Asked for, it is made to
 * write them at once, and the supervisor's next file has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"
#include "error.h"
#include "lifecycle.h"
#include "supervisor/control.h"
#include "supervisor/metrics.h"

enum { FLUSH_MS = 2000, FILE_MS = 500 };

static bool counters_read(const stoker *s, const char *id, struct metrics *out, int64_t *at_ms)
{
	char path[STOKER_PATH_SIZE], text[METRICS_TEXT_MAX + 1];
	struct stat info;
	size_t len;
	int fd = path_runtime(s, path, "vms/%s/" METRICS_FILE, id) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid()) {
		close(fd);
		return false;
	}
	len = read_whole(fd, text, sizeof text);
	close(fd);
	*at_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / NS_PER_MS;
	return metrics_parse(text, len, out);
}

/* Until the supervisor has counted more lines than `before`. */
static bool wait_for_more(const stoker *s, const char *id, int watch, uint64_t before, int64_t deadline_ns, int cancel_fd,
                          struct metrics *out, int64_t *at_ms)
{
	char events[4096];
	for (;;) {
		struct pollfd fds[2] = { { watch, POLLIN, 0 }, { cancel_fd, POLLIN, 0 } };
		int n;
		if (counters_read(s, id, out, at_ms) && out->lines > before)
			return true;
		n = poll(fds, 2, deadline_poll_ms(deadline_ns));
		if (n == 0 || (n > 0 && fds[1].revents) || (n < 0 && errno != EINTR))
			return false;
		while (read(watch, events, sizeof events) > 0)
			;
	}
}

static enum stoker_status may_ask(const struct vm_record *rec, const struct backend_ops *ops, struct stoker_error *err)
{
	if (!ops->flush) {
		error_set(err, STOKER_E_MISSING, "%s writes no counters", ops->title);
		return error_fix(err, "The dashboard's graphs (m) show what the host knows of it"), STOKER_E_MISSING;
	}
	if (rec->vm.pid && !rec->vm.stale && (rec->vm.state == STOKER_RUNNING || rec->vm.state == STOKER_PAUSED))
		return STOKER_OK;
	error_set(err, STOKER_E_STATE, "it is %s", stoker_state_name(rec->vm.state));
	return lifecycle_fix_start(err, rec->vm.name, rec->vm.ephemeral), STOKER_E_STATE;
}

enum stoker_status stoker_vmm_count(stoker *s, const char *ref, const struct stoker_call *call,
                                            struct stoker_vmm_counters *out, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : FLUSH_MS), at_ms = 0;
	int cancel_fd = call ? call->cancel_fd : -1, watch = -1;
	char run[STOKER_PATH_SIZE];
	struct metrics before = { 0 }, now = { 0 };
	const struct backend_ops *ops = NULL;
	struct vm_record rec;
	struct stoker_error why = { 0 };
	enum stoker_status st = lifecycle_find(s, ref, &rec, err);

	if (st == STOKER_OK)
		st = backend_of(&rec, &ops, err);
	if (st == STOKER_OK)
		st = may_ask(&rec, ops, err);
	if (st != STOKER_OK)
		goto out;
	counters_read(s, rec.vm.id, &before, &at_ms);
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || !path_runtime(s, run, "vms/%s", rec.vm.id) || inotify_add_watch(watch, run, IN_MOVED_TO) < 0) {
		st = error_errno(err, errno, "cannot watch the runtime folder");
		goto out;
	}
	st = ops->flush(s, &rec, deadline, cancel_fd, &why);
	if (st == STOKER_OK) {
		int64_t limit = deadline_after_ms(FILE_MS);
		wait_for_more(s, rec.vm.id, watch, before.lines, limit < deadline ? limit : deadline, cancel_fd, &now, &at_ms);
	}
	/* A VMM that hangs has told something before that; its age is told with it. */
	if (!now.lines && !counters_read(s, rec.vm.id, &now, &at_ms)) {
		if (st != STOKER_OK && err)
			*err = why;
		if (st == STOKER_OK) {
			st = error_set(err, STOKER_E_MISSING, "its counters are not there: it has no supervisor, or was started by an older stoker");
			error_fix(err, "Mend it: stoker reconcile; else they are there with its next start");
		}
		goto out;
	}
	st = STOKER_OK;
	*out = (struct stoker_vmm_counters){
		.at_ms = at_ms,
		.startup_ns = (int64_t)now.sum[METRIC_STARTUP_US] * 1000,
		.boot_ns = rec.ready_ns > rec.started_ns ? rec.ready_ns - rec.started_ns : -1,
		.exits_io_in = (int64_t)now.sum[METRIC_IO_IN],
		.exits_io_out = (int64_t)now.sum[METRIC_IO_OUT],
		.exits_mmio_read = (int64_t)now.sum[METRIC_MMIO_READ],
		.exits_mmio_write = (int64_t)now.sum[METRIC_MMIO_WRITE],
		.read_bytes = (int64_t)now.sum[METRIC_READ],
		.write_bytes = (int64_t)now.sum[METRIC_WRITE],
		.rx_bytes = rec.vm.network == STOKER_NET_NONE ? -1 : (int64_t)now.sum[METRIC_RX],
		.tx_bytes = rec.vm.network == STOKER_NET_NONE ? -1 : (int64_t)now.sum[METRIC_TX],
	};
out:
	if (watch >= 0)
		close(watch);
	if (st != STOKER_OK)
		error_what(err, "read the counters of %s", ref);
	return st;
}
