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
	bool greeted;  /* the greeting has been read */
	bool agreed;   /* the answer to qmp_capabilities has been read */
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

/* The first command travels together with the negotiation: each answer costs a
 * turn of QEMU's main loop, which under TCG competes with the guest. */
#define NEGOTIATE "{\"execute\":\"qmp_capabilities\"}\n"

enum stoker_status qmp_open(const char *run_dir, const struct process_id *listener, struct qmp **out,
                            struct stoker_error *err)
{
	enum stoker_status st;
	struct ucred peer;
	socklen_t len = sizeof peer;
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
	*out = q;
	return STOKER_OK;
fail:
	qmp_close(q);
	return st;
}

static enum stoker_status refused(const cJSON *error, const char *command, struct stoker_error *err)
{
	const cJSON *desc = cJSON_GetObjectItemCaseSensitive(error, "desc");
	char clean[200] = "";
	if (cJSON_IsString(desc))
		error_clean(clean, sizeof clean, desc->valuestring, strlen(desc->valuestring));
	return error_set(err, STOKER_E_FAILED, "QEMU refused %s: %s", command, clean);
}

enum stoker_status qmp_run(struct qmp *qmp, const char *command, const char *member, char *value, size_t cap,
                           int64_t deadline_ns, int cancel_fd, struct stoker_error *err)
{
	char text[160];
	enum stoker_status st;
	bool answered = false;

	snprintf(text, sizeof text, "%s{\"execute\":\"%s\"}\n", qmp->agreed ? "" : NEGOTIATE, command);
	st = qmp_send(qmp, text, deadline_ns, cancel_fd, err);
	while (st == STOKER_OK && !answered) {
		const cJSON *item, *found;
		cJSON *line = NULL;
		st = qmp_line(qmp, &line, deadline_ns, cancel_fd, err);
		if (st != STOKER_OK)
			break;
		if (!qmp->greeted) {
			if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(line, "QMP")))
				st = error_set(err, STOKER_E_PEER, "what answers on the control socket is not QEMU");
			qmp->greeted = true;
		} else if ((item = cJSON_GetObjectItemCaseSensitive(line, "error"))) {
			st = refused(item, qmp->agreed ? command : "qmp_capabilities", err);
		} else if ((item = cJSON_GetObjectItemCaseSensitive(line, "return"))) {
			answered = qmp->agreed;
			qmp->agreed = true;
			found = member ? cJSON_GetObjectItemCaseSensitive(item, member) : NULL;
			const char *string = cJSON_GetStringValue(found);
			if (answered && value && cap)
				error_clean(value, cap, string ? string : "", string ? strlen(string) : 0);
		} /* anything else is an event */
		cJSON_Delete(line);
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
