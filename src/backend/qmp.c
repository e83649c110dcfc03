/* SPDX-License-Identifier: Apache-2.0 */
#include "qmp.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"
#include "../supervisor/control.h"

enum { QMP_LINE_MAX = 1 << 20 };

struct qmp {
	int fd;
	char *buf;
	size_t len, cap;
};

static enum stoker_status qmp_wait(struct qmp *q, short events, int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	for (;;) {
		struct pollfd fds[2] = { { q->fd, events, 0 }, { cancel_fd, POLLIN, 0 } };
		int n = poll(fds, 2, deadline_poll_ms(deadline));
		if (n < 0 && errno != EINTR)
			return error_errno(err, errno, "cannot wait for QEMU");
		if (n > 0 && fds[1].revents)
			return error_set(err, STOKER_E_CANCELLED, "cancelled");
		if (n > 0)
			return STOKER_OK;
		if (n == 0 && clock_now_ns() >= deadline)
			return error_set(err, STOKER_E_TIMEOUT, "QEMU did not answer in time");
	}
}

static enum stoker_status qmp_send(struct qmp *q, const char *text, int64_t deadline, int cancel_fd,
                                   struct stoker_error *err)
{
	size_t left = strlen(text);
	while (left > 0) {
		ssize_t n = send(q->fd, text, left, MSG_NOSIGNAL);
		if (n > 0) {
			text += n;
			left -= (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			enum stoker_status st = qmp_wait(q, POLLOUT, deadline, cancel_fd, err);
			if (st != STOKER_OK)
				return st;
		} else {
			return error_set(err, STOKER_E_CLOSED, "QEMU closed its control socket");
		}
	}
	return STOKER_OK;
}

/* The next line as JSON; the caller deletes it. */
static enum stoker_status qmp_line(struct qmp *q, cJSON **out, int64_t deadline, int cancel_fd, struct stoker_error *err)
{
	for (;;) {
		char *end = q->len ? memchr(q->buf, '\n', q->len) : NULL;
		ssize_t n;
		if (end) {
			size_t line = (size_t)(end - q->buf) + 1;
			*out = cJSON_ParseWithLength(q->buf, line);
			memmove(q->buf, q->buf + line, q->len - line);
			q->len -= line;
			if (!*out)
				return error_set(err, STOKER_E_PEER, "QEMU answered with something that is not JSON");
			return STOKER_OK;
		}
		if (q->len == q->cap) {
			size_t cap = q->cap ? q->cap * 2 : 8192;
			char *grown = cap <= QMP_LINE_MAX ? realloc(q->buf, cap) : NULL;
			if (!grown)
				return error_set(err, STOKER_E_PEER, "QEMU's answer is longer than 1 MiB");
			q->buf = grown;
			q->cap = cap;
		}
		n = recv(q->fd, q->buf + q->len, q->cap - q->len, 0);
		if (n > 0) {
			q->len += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			enum stoker_status st = qmp_wait(q, POLLIN, deadline, cancel_fd, err);
			if (st != STOKER_OK)
				return st;
		} else {
			return error_set(err, STOKER_E_CLOSED, "QEMU closed its control socket");
		}
	}
}

enum stoker_status qmp_open(const char *run_dir, const struct process_id *listener, int64_t deadline_ns, int cancel_fd,
                            struct qmp **out, struct stoker_error *err)
{
	enum stoker_status st;
	struct ucred peer;
	socklen_t len = sizeof peer;
	cJSON *greeting = NULL;
	struct qmp *q = calloc(1, sizeof *q);

	*out = NULL;
	if (!q)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	q->fd = control_connect(run_dir, "qmp.sock");
	if (q->fd < 0) {
		st = error_errno(err, errno, "cannot reach QEMU's control socket");
		goto fail;
	}
	/* The credentials of a listening socket are those of the process that made it: the supervisor. */
	if (getsockopt(q->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || (listener->pid > 0 && peer.pid != listener->pid)) {
		st = error_set(err, STOKER_E_PEER, "QEMU's control socket belongs to another process");
		goto fail;
	}
	st = qmp_line(q, &greeting, deadline_ns, cancel_fd, err);
	if (st != STOKER_OK)
		goto fail;
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(greeting, "QMP"))) {
		st = error_set(err, STOKER_E_PEER, "what answers on the control socket is not QEMU");
		goto fail;
	}
	st = qmp_run(q, "qmp_capabilities", NULL, NULL, 0, deadline_ns, cancel_fd, err);
	if (st != STOKER_OK)
		goto fail;
	cJSON_Delete(greeting);
	*out = q;
	return STOKER_OK;
fail:
	cJSON_Delete(greeting);
	qmp_close(q);
	return st;
}

enum stoker_status qmp_run(struct qmp *qmp, const char *command, const char *member, char *value, size_t cap,
                           int64_t deadline_ns, int cancel_fd, struct stoker_error *err)
{
	char text[128];
	enum stoker_status st;
	snprintf(text, sizeof text, "{\"execute\":\"%s\"}\n", command);
	st = qmp_send(qmp, text, deadline_ns, cancel_fd, err);
	while (st == STOKER_OK) {
		cJSON *answer = NULL, *item;
		st = qmp_line(qmp, &answer, deadline_ns, cancel_fd, err);
		if (st != STOKER_OK)
			break;
		item = cJSON_GetObjectItemCaseSensitive(answer, "error");
		if (item) {
			const cJSON *desc = cJSON_GetObjectItemCaseSensitive(item, "desc");
			char clean[200] = "";
			if (cJSON_IsString(desc))
				error_clean(clean, sizeof clean, desc->valuestring, strlen(desc->valuestring));
			st = error_set(err, STOKER_E_FAILED, "QEMU refused %s: %s", command, clean);
			cJSON_Delete(answer);
			break;
		}
		item = cJSON_GetObjectItemCaseSensitive(answer, "return");
		if (item) { /* anything else is an event */
			const cJSON *found = member ? cJSON_GetObjectItemCaseSensitive(item, member) : NULL;
			if (value && cap)
				error_clean(value, cap, cJSON_IsString(found) ? found->valuestring : "",
				            cJSON_IsString(found) ? strlen(found->valuestring) : 0);
			cJSON_Delete(answer);
			break;
		}
		cJSON_Delete(answer);
	}
	return st;
}

void qmp_close(struct qmp *qmp)
{
	if (!qmp)
		return;
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp->buf);
	free(qmp);
}
