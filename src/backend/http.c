/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - HTTP/1.1 over a VMM's unix socket, as much of it as an API needs
 * that is spoken by a program beside us: no names, no proxies, no TLS, no
 * redirections. libcurl speaks it too, but loading that for it took 5 ms of a
 * start on an ordinary machine, and 150 where the lab measures.
 *
 * What arrives is not believed: lines, headers and bodies have ceilings, and an
 * answer that is not whole, or followed by more than was asked for, costs the
 * connection.
 */
#include "http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"

enum { WINDOW = 16 * 1024, CHUNK_DIGITS = 8, BUSY_NS = 1000000 };

struct http {
	char name[64];
	struct process_id peer;
	int dir, fd; /* fd -1: not connected */
	size_t at, end; /* what has arrived and was not used yet, in `window` */
	char window[WINDOW];
	char *body;
	size_t length, room;
};

/* One call: its limits, and how far its answer has been read. */
struct answer {
	struct http *h;
	size_t ceiling, headers; /* headers: their bytes so far */
	int64_t deadline_ns;
	int cancel_fd;
	struct stoker_error *err;
	bool chunked, has_length, last; /* last: the server closes after this one */
	size_t content;
	long status;
};

enum stoker_status http_open(const char *dir, const char *name, const struct process_id *peer, struct http **out,
                             struct stoker_error *err)
{
	struct http *h = calloc(1, sizeof *h);

	*out = NULL;
	if (!h)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	h->fd = -1;
	/* Any path fits a socket's address by way of the folder's descriptor. */
	h->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->dir < 0) {
		enum stoker_status st = error_errno(err, errno, "cannot open %s", dir);
		free(h);
		return st;
	}
	snprintf(h->name, sizeof h->name, "%s", name);
	h->peer = *peer;
	*out = h;
	return STOKER_OK;
}

static void hang_up(struct http *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	h->at = h->end = 0;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	hang_up(h);
	close(h->dir);
	free(h->body);
	free(h);
}

/* ---- errors */

static enum stoker_status no_http(const struct answer *a, const char *why)
{
	return error_set(a->err, STOKER_E_PEER, "the answer is no HTTP (%s)", why);
}

static enum stoker_status too_large(const struct answer *a)
{
	return error_set(a->err, STOKER_E_PEER, "the answer is larger than %zu bytes", a->ceiling);
}

static enum stoker_status cut(const struct answer *a, const char *why)
{
	return error_set(a->err, STOKER_E_CLOSED, "the connection was cut (%s)", why);
}

/* ---- the connection */

/* Until the socket is ready for `events`, or the time is over. */
static enum stoker_status wait_for(const struct answer *a, short events)
{
	for (;;) {
		struct pollfd fds[2] = { { a->h->fd, events, 0 }, { a->cancel_fd, POLLIN, 0 } };
		int n = poll(fds, 2, deadline_poll_ms(a->deadline_ns));

		if (n > 0 && fds[1].revents)
			return error_set(a->err, STOKER_E_CANCELLED, "cancelled");
		/* Also with bytes at hand: a peer that sends one now and then must not hold us for ever. */
		if (a->deadline_ns != INT64_MAX && clock_now_ns() >= a->deadline_ns)
			return error_set(a->err, STOKER_E_TIMEOUT, "there was no answer in time");
		if (n > 0)
			return STOKER_OK;
	}
}

/* A socket's credentials are those of the process that listens. */
static bool is_peer(const struct http *h)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	return getsockopt(h->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == h->peer.pid &&
	       process_alive(&h->peer);
}

static enum stoker_status dial(const struct answer *a)
{
	const struct timespec busy = { .tv_nsec = BUSY_NS };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct http *h = a->h;

	if (snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", h->dir, h->name) >=
	    (int)sizeof address.sun_path)
		return error_set(a->err, STOKER_E_INVALID, "the name of the socket is too long");
	h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->fd < 0)
		return error_errno(a->err, errno, "cannot make a socket");
	while (connect(h->fd, (const struct sockaddr *)&address, sizeof address) < 0) {
		struct pollfd cancel = { a->cancel_fd, POLLIN, 0 };

		/* Its queue is full: there is nothing to wait on. */
		if (errno != EAGAIN && errno != EINTR)
			return error_set(a->err, STOKER_E_NOT_FOUND, "%s cannot be reached", h->name);
		if (clock_now_ns() >= a->deadline_ns)
			return error_set(a->err, STOKER_E_TIMEOUT, "there was no answer in time");
		if (ppoll(&cancel, 1, &busy, NULL) > 0)
			return error_set(a->err, STOKER_E_CANCELLED, "cancelled");
	}
	return is_peer(h) ? STOKER_OK
	                  : error_set(a->err, STOKER_E_PEER, "another process than the recorded %lld listens on %s",
	                              (long long)h->peer.pid, h->name);
}

/* Of use only while it is open and silent: whatever has arrived on it was not asked for. */
static bool is_idle(const struct http *h)
{
	char byte;
	return h->fd >= 0 && h->at == h->end && recv(h->fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

static enum stoker_status send_all(const struct answer *a, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(a->h->fd, data, len, MSG_NOSIGNAL);
		enum stoker_status st = STOKER_OK;

		if (n < 0 && errno == EAGAIN)
			st = wait_for(a, POLLOUT);
		else if (n < 0 && errno != EINTR)
			st = cut(a, strerror(errno));
		if (st != STOKER_OK)
			return st;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return STOKER_OK;
}

/* More into the window. STOKER_E_CLOSED at the end of the connection. */
static enum stoker_status fill(const struct answer *a)
{
	struct http *h = a->h;

	if (h->at > 0) {
		memmove(h->window, h->window + h->at, h->end - h->at);
		h->end -= h->at;
		h->at = 0;
	}
	for (;;) {
		ssize_t n = recv(h->fd, h->window + h->end, sizeof h->window - h->end, 0);
		enum stoker_status st = STOKER_OK;

		if (n > 0) {
			h->end += (size_t)n;
			return STOKER_OK;
		}
		if (n == 0)
			return cut(a, "it ended");
		if (errno == EAGAIN)
			st = wait_for(a, POLLIN);
		else if (errno != EINTR)
			st = cut(a, strerror(errno));
		if (st != STOKER_OK)
			return st;
	}
}

/* ---- the answer */

/* The next line without its end; valid until the next fill(). */
static enum stoker_status line(struct answer *a, char **out)
{
	struct http *h = a->h;
	size_t seen = 0;
	char *end;

	while (!(end = memchr(h->window + h->at + seen, '\n', h->end - h->at - seen))) {
		enum stoker_status st;
		seen = h->end - h->at;
		if (a->headers + seen > a->ceiling || seen == sizeof h->window)
			return too_large(a);
		if ((st = fill(a)) != STOKER_OK)
			return st;
	}
	*out = h->window + h->at;
	a->headers += (size_t)(end + 1 - *out);
	h->at = (size_t)(end + 1 - h->window);
	if (end > *out && end[-1] == '\r')
		end--;
	*end = '\0';
	if (strlen(*out) != (size_t)(end - *out))
		return no_http(a, "a line holds a zero");
	return a->headers > a->ceiling ? too_large(a) : STOKER_OK;
}

/* "HTTP/1.1 204 " */
static enum stoker_status status_line(struct answer *a)
{
	static const char begin[] = "HTTP/1.";
	struct http *h = a->h;
	enum stoker_status st = h->at == h->end ? fill(a) : STOKER_OK;
	char *text;

	if (st != STOKER_OK)
		return st;
	/* Seen at once: what is no HTTP may never end a line. */
	if (strncmp(h->window + h->at, begin, h->end - h->at < 7 ? h->end - h->at : 7) != 0)
		return no_http(a, "it does not begin as HTTP/1 does");
	if ((st = line(a, &text)) != STOKER_OK)
		return st;
	if (strlen(text) < 12 || strncmp(text, begin, 7) != 0 || (text[7] != '0' && text[7] != '1') || text[8] != ' ' ||
	    strspn(text + 9, "0123456789") != 3 || (text[12] && text[12] != ' ') || text[9] == '0')
		return no_http(a, "it has no status");
	a->status = (text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0');
	a->last = text[7] == '0';
	return STOKER_OK;
}

static bool has_token(const char *value, const char *token)
{
	size_t n = strlen(token);
	return strncasecmp(value, token, n) == 0 && value[n + strspn(value + n, " \t")] == '\0';
}

static enum stoker_status header(struct answer *a, char *text)
{
	char *value = strchr(text, ':'), *end;
	unsigned long long n;

	if (!value || value == text)
		return no_http(a, "a header has no name");
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(text, "Content-Length") == 0) {
		errno = 0;
		n = strtoull(value, &end, 10);
		if (value[0] < '0' || value[0] > '9' || end[strspn(end, " \t")] || errno || (a->has_length && n != a->content))
			return no_http(a, "its length is no number");
		if (n > a->ceiling)
			return too_large(a);
		a->has_length = true;
		a->content = (size_t)n;
	} else if (strcasecmp(text, "Transfer-Encoding") == 0) {
		if (!has_token(value, "chunked"))
			return no_http(a, "its encoding is not known");
		a->chunked = true;
	} else if (strcasecmp(text, "Connection") == 0) {
		a->last = has_token(value, "close") || (a->last && !has_token(value, "keep-alive"));
	}
	return STOKER_OK;
}

/* Status and headers of the answer; those that only say that one will come are passed over. */
static enum stoker_status head(struct answer *a)
{
	enum stoker_status st;
	char *text;

	do {
		a->chunked = a->has_length = false;
		if ((st = status_line(a)) != STOKER_OK)
			return st;
		while ((st = line(a, &text)) == STOKER_OK && text[0])
			if ((st = header(a, text)) != STOKER_OK)
				return st;
		if (st != STOKER_OK)
			return st;
	} while (a->status < 200);
	return STOKER_OK;
}

static bool make_room(struct http *h, size_t len)
{
	size_t need = h->length + len + 1, room = need > 2 * h->room ? need : 2 * h->room;
	char *grown;

	if (need <= h->room)
		return true;
	grown = realloc(h->body, room < 1024 ? 1024 : room);
	if (!grown)
		return false;
	h->body = grown;
	h->room = room < 1024 ? 1024 : room;
	return true;
}

/* `len` bytes more of the body. */
static enum stoker_status take(struct answer *a, size_t len)
{
	struct http *h = a->h;

	if (len > a->ceiling - h->length)
		return too_large(a);
	if (!make_room(h, len))
		return error_set(a->err, STOKER_E_NOMEM, "not enough memory");
	while (len > 0) {
		size_t n = h->end - h->at < len ? h->end - h->at : len;
		enum stoker_status st = n == 0 ? fill(a) : STOKER_OK;

		if (st != STOKER_OK)
			return st;
		memcpy(h->body + h->length, h->window + h->at, n);
		h->length += n;
		h->at += n;
		len -= n;
	}
	return STOKER_OK;
}

static enum stoker_status chunks(struct answer *a)
{
	for (;;) {
		enum stoker_status st;
		size_t digits, n;
		char *text;

		if ((st = line(a, &text)) != STOKER_OK)
			return st;
		digits = strspn(text, "0123456789abcdefABCDEF");
		if (digits == 0 || digits > CHUNK_DIGITS || (text[digits] && !strchr("; \t", text[digits])))
			return no_http(a, "a chunk has no length");
		n = strtoul(text, NULL, 16);
		if (n == 0) {
			while ((st = line(a, &text)) == STOKER_OK && text[0])
				;
			return st;
		}
		if ((st = take(a, n)) != STOKER_OK || (st = line(a, &text)) != STOKER_OK)
			return st;
		if (text[0])
			return no_http(a, "a chunk is longer than it says");
	}
}

/* Until the server hangs up. */
static enum stoker_status rest(struct answer *a)
{
	struct stoker_error why = { 0 };
	struct answer quiet = *a;

	a->last = true;
	quiet.err = &why;
	for (;;) {
		enum stoker_status st = take(a, a->h->end - a->h->at);
		if (st != STOKER_OK)
			return st;
		st = fill(&quiet);
		if (st == STOKER_E_CLOSED && strstr(why.why, "it ended"))
			return STOKER_OK;
		if (st != STOKER_OK) {
			if (a->err)
				*a->err = why;
			return st;
		}
	}
}

static enum stoker_status body(struct answer *a)
{
	if (a->status == 204 || a->status == 304)
		return STOKER_OK;
	return a->chunked ? chunks(a) : a->has_length ? take(a, a->content) : rest(a);
}

enum stoker_status http_call(struct http *h, const char *method, const char *path, const char *text, size_t ceiling,
                             int64_t deadline_ns, int cancel_fd, struct http_reply *out, struct stoker_error *err)
{
	struct answer a = { .h = h, .ceiling = ceiling, .deadline_ns = deadline_ns, .cancel_fd = cancel_fd, .err = err };
	size_t len = text ? strlen(text) : 0, cap = strlen(path) + len + 256;
	enum stoker_status st = STOKER_OK;
	char *request = malloc(cap);
	int n;

	memset(out, 0, sizeof *out);
	h->length = 0;
	if (!request || !make_room(h, 0)) {
		free(request);
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	n = text ? snprintf(request, cap, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
	                    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", method, path, len, text)
	         : snprintf(request, cap, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n", method, path);
	if (n < 0 || (size_t)n >= cap)
		st = error_set(err, STOKER_E_INVALID, "the request is too long");
	if (st == STOKER_OK && !is_idle(h)) {
		hang_up(h);
		st = dial(&a);
	}
	if (st == STOKER_OK)
		st = send_all(&a, request, (size_t)n);
	if (st == STOKER_OK)
		st = head(&a);
	if (st == STOKER_OK)
		st = body(&a);
	if (st != STOKER_OK || a.last)
		hang_up(h);
	free(request);
	if (st != STOKER_OK)
		return st;
	h->body[h->length] = '\0';
	out->status = a.status;
	out->body = h->body;
	out->length = h->length;
	return STOKER_OK;
}
