/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"

/* ---- libcurl, when needed */

#define CURL_FUNCTIONS(X) \
	X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_cleanup) \
	X(curl_easy_strerror) X(curl_multi_init) X(curl_multi_add_handle) X(curl_multi_remove_handle) \
	X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_info_read) X(curl_multi_cleanup) \
	X(curl_slist_append) X(curl_slist_free_all)

/* curl.h's macros around variadic functions would stand in the way of pointers of the same names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* One for the process, as the library itself is: made once, never changed after. */
static struct {
#define DECLARE(f) __typeof__(f) *f; /* NOLINT(bugprone-macro-parentheses): a declaration */
	CURL_FUNCTIONS(DECLARE)
	char why[160]; /* "" when it is there */
} lib;

static void load(void)
{
	void *so = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		const char *why = dlerror();
		snprintf(lib.why, sizeof lib.why, "%s", why ? why : "libcurl.so.4 is not there");
		return;
	}
#define RESOLVE(f) \
	lib.f = (__typeof__(f) *)(uintptr_t)dlsym(so, #f); \
	if (!lib.f) \
		snprintf(lib.why, sizeof lib.why, "libcurl.so.4 has no %s", #f);
	CURL_FUNCTIONS(RESOLVE)
	if (!lib.why[0] && lib.curl_global_init(CURL_GLOBAL_SSL) != CURLE_OK)
		snprintf(lib.why, sizeof lib.why, "libcurl cannot be initialised");
}

static enum stoker_status need_curl(struct stoker_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	if (!lib.why[0])
		return STOKER_OK;
	error_set(err, STOKER_E_MISSING, "libcurl is needed and cannot be loaded: %s", lib.why);
	return error_fix(err, "Install it: apt-get install libcurl4"), STOKER_E_MISSING;
}

/* ---- one transfer */

struct http {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	char name[64];
	struct process_id peer;
	int dir, socket;
	bool known;   /* who listens at the other end of this connection */
	int problem;  /* errno of what could not be written */
	bool foreign; /* somebody else listens */
	char *body;
	size_t length, room, ceiling;
	bool too_large, strange; /* is the answer */
	bool headed, chunked;    /* its head is whole, its body in chunks */
	/* fetching */
	int fd;
	int64_t done, most;
	const struct stoker_call *call;
	const char *step;
};

static void destroy(struct http *h)
{
	if (!h)
		return;
	if (h->easy)
		lib.curl_easy_cleanup(h->easy);
	if (h->multi)
		lib.curl_multi_cleanup(h->multi);
	lib.curl_slist_free_all(h->headers);
	if (h->dir >= 0)
		close(h->dir);
	free(h->body);
	free(h);
}

static struct http *make(void)
{
	struct http *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->fd = h->dir = h->socket = -1;
	h->easy = lib.curl_easy_init();
	h->multi = lib.curl_multi_init();
	if (h->easy && h->multi)
		return h;
	destroy(h);
	return NULL;
}

/* Runs what the easy handle is set to do, to its end, the deadline or a cancel. */
static enum stoker_status run(struct http *h, int64_t deadline_ns, int cancel_fd, CURLcode *code, struct stoker_error *err)
{
	struct curl_waitfd cancel = { .fd = cancel_fd, .events = CURL_WAIT_POLLIN };
	enum stoker_status st = STOKER_OK;
	int running = 1, left = 0;
	CURLMsg *message;

	*code = CURLE_OK;
	if (lib.curl_multi_add_handle(h->multi, h->easy) != CURLM_OK)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	for (;;) {
		int64_t wait = deadline_ns == INT64_MAX ? 1000 : deadline_poll_ms(deadline_ns);
		if (lib.curl_multi_perform(h->multi, &running) != CURLM_OK) {
			st = error_set(err, STOKER_E_FAILED, "libcurl fails");
			break;
		}
		if (!running)
			break;
		if (clock_now_ns() >= deadline_ns) {
			st = error_set(err, STOKER_E_TIMEOUT, "there was no answer in time");
			break;
		}
		cancel.revents = 0;
		lib.curl_multi_poll(h->multi, &cancel, cancel_fd >= 0, wait > 1000 ? 1000 : (int)wait, NULL);
		if (cancel.revents) {
			st = error_set(err, STOKER_E_CANCELLED, "cancelled");
			break;
		}
	}
	while ((message = lib.curl_multi_info_read(h->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			*code = message->data.result;
	/* A transfer that is cut off here takes its connection with it. */
	lib.curl_multi_remove_handle(h->multi, h->easy);
	return st;
}

/* ---- a VMM's API */

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http *h = user;
	(void)purpose;
	h->known = false;
	h->socket = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	return h->socket < 0 ? CURL_SOCKET_BAD : h->socket;
}

/* Connected, and nothing sent yet. A socket's credentials are those of the process that listens, as long as the
 * connection lasts. */
static int on_ready(void *user, char *remote, char *local, int remote_port, int local_port)
{
	struct http *h = user;
	struct ucred peer;
	socklen_t len = sizeof peer;

	(void)remote, (void)local, (void)remote_port, (void)local_port;
	h->known = h->known || (getsockopt(h->socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == h->peer.pid &&
	                        process_alive(&h->peer));
	if (h->known)
		return CURL_PREREQFUNC_OK;
	h->foreign = true;
	return CURL_PREREQFUNC_ABORT;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	struct http *h = user;
	size_t len = size * count; /* size is 1 */
	if (len > h->ceiling - h->length) {
		h->too_large = true;
		return 0;
	}
	if (h->length + len + 1 > h->room) {
		size_t room = h->length + len + 1 > 2 * h->room ? h->length + len + 1 : 2 * h->room;
		char *grown = realloc(h->body, room);
		if (!grown)
			return 0;
		h->body = grown;
		h->room = room;
	}
	memcpy(h->body + h->length, data, len);
	h->length += len;
	return len;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 204 ": libcurl reads a status out of much that only resembles it. */
static bool is_status_line(const char *line, size_t len)
{
	return len > 12 && memcmp(line, "HTTP/1.", 7) == 0 && is_digit(line[7]) && line[8] == ' ' && is_digit(line[9]) &&
	       is_digit(line[10]) && is_digit(line[11]) && !is_digit(line[12]);
}

/* Line by line. Headers count as well: a peer may send nothing but them. And libcurl takes a head that the end of the
 * connection cut off for a whole one. */
static size_t on_header(char *data, size_t size, size_t count, void *user)
{
	struct http *h = user;
	size_t len = size * count;
	if (h->done == 0 || (len >= 5 && memcmp(data, "HTTP/", 5) == 0)) { /* or one behind a head that said "continue" */
		h->headed = h->chunked = false;
		h->strange = !is_status_line(data, len);
	} else if (len > 0 && len <= 2 && data[len - 1] == '\n') {
		h->headed = true;
	} else if (len > 18 && strncasecmp(data, "Transfer-Encoding:", 18) == 0) {
		h->chunked = memmem(data, len, "chunked", 7) != NULL;
	}
	if (h->strange)
		return 0;
	h->done += (int64_t)len;
	if (h->done <= (int64_t)h->ceiling)
		return len;
	h->too_large = true;
	return 0;
}

enum stoker_status http_open(const char *dir, const char *name, const struct process_id *peer, struct http **out,
                             struct stoker_error *err)
{
	enum stoker_status st = need_curl(err);
	struct http *h;
	char path[108];
	*out = NULL;
	if (st != STOKER_OK)
		return st;
	h = make();
	if (!h)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	/* Any path fits a socket's address by way of the folder's descriptor. */
	h->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->dir < 0) {
		st = error_errno(err, errno, "cannot open %s", dir);
		destroy(h);
		return st;
	}
	snprintf(h->name, sizeof h->name, "%s", name);
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", h->dir, h->name);
	h->room = 4096;
	h->body = malloc(h->room);
	h->peer = *peer;
	h->headers = lib.curl_slist_append(NULL, "Content-Type: application/json");
	/* A server that cannot answer 100 would be waited for. */
	struct curl_slist *more = lib.curl_slist_append(h->headers, "Expect:");
	if (!h->body || !more ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, on_open) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH, path) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_PREREQFUNCTION, on_ready) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_PREREQDATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_PROXY, "") != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_TCP_NODELAY, 0L) != CURLE_OK) {
		destroy(h);
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	*out = h;
	return STOKER_OK;
}

void http_close(struct http *http)
{
	destroy(http);
}

static enum stoker_status explain(struct http *h, CURLcode code, struct stoker_error *err)
{
	if (h->foreign)
		return error_set(err, STOKER_E_PEER, "another process than the recorded %lld listens on %s", (long long)h->peer.pid,
		                 h->name);
	if (h->too_large)
		return error_set(err, STOKER_E_PEER, "the answer is larger than %zu bytes", h->ceiling);
	if (h->strange)
		return error_set(err, STOKER_E_PEER, "the answer is no HTTP");
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return error_set(err, STOKER_E_NOT_FOUND, "%s cannot be reached", h->name);
	case CURLE_OUT_OF_MEMORY:
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_HTTP2:
		return error_set(err, STOKER_E_PEER, "the answer is no HTTP (%s)", lib.curl_easy_strerror(code));
	default: /* an empty, a partial one, a reset */
		return error_set(err, STOKER_E_CLOSED, "the connection was cut (%s)", lib.curl_easy_strerror(code));
	}
}

enum stoker_status http_call(struct http *h, const char *method, const char *path, const char *body, size_t ceiling,
                             int64_t deadline_ns, int cancel_fd, struct http_reply *out, struct stoker_error *err)
{
	enum stoker_status st;
	CURLcode code;
	curl_off_t announced = -1;
	char url[256];

	memset(out, 0, sizeof *out);
	/* A number for a name: nothing is to be looked up for a connection that is made here. */
	if (snprintf(url, sizeof url, "http://127.0.0.1%s", path) >= (int)sizeof url)
		return error_set(err, STOKER_E_INVALID, "the path of the request is too long");
	h->length = 0;
	h->ceiling = ceiling;
	h->done = 0;
	h->foreign = h->too_large = h->strange = h->headed = h->chunked = false;
	if (lib.curl_easy_setopt(h->easy, CURLOPT_URL, url) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L) != CURLE_OK ||
	    (body && lib.curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body)) != CURLE_OK) ||
	    (body && lib.curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, body) != CURLE_OK) ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, method) != CURLE_OK)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	st = run(h, deadline_ns, cancel_fd, &code, err);
	if (st != STOKER_OK)
		return st;
	if (code != CURLE_OK)
		return explain(h, code, err);
	if (!h->headed)
		return error_set(err, STOKER_E_CLOSED, "the connection was cut in the head of the answer");
	lib.curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (h->length > 0 && announced < 0 && !h->chunked)
		return error_set(err, STOKER_E_PEER, "the answer does not say how long it is, and may have been cut");
	h->body[h->length] = '\0';
	lib.curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &out->status);
	out->body = h->body;
	out->length = h->length;
	return STOKER_OK;
}

/* ---- fetching a file */

static size_t on_file(char *data, size_t size, size_t count, void *user)
{
	struct http *h = user;
	size_t len = size * count, left = len;
	if ((int64_t)len > h->most - h->done) {
		h->too_large = true;
		return 0;
	}
	while (left > 0) {
		ssize_t n = write(h->fd, data, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			h->problem = n < 0 ? errno : EIO;
			return 0;
		}
		data += n;
		left -= (size_t)n;
	}
	h->done += (int64_t)len;
	return len;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
	struct http *h = user;
	(void)up_total, (void)up_now;
	if (h->call && h->call->progress)
		h->call->progress(h->call->user, &(struct stoker_progress){ h->step, now, total });
	return 0;
}

enum stoker_status http_fetch(const char *url, int fd, int64_t ceiling, const struct stoker_call *call,
                              const char *step, struct stoker_error *err)
{
	enum stoker_status st = need_curl(err);
	struct http *h;
	CURLcode code;
	long status = 0;

	if (st != STOKER_OK)
		return st;
	h = make();
	if (!h)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	h->fd = fd;
	h->most = ceiling;
	h->call = call;
	h->step = step;
	if (lib.curl_easy_setopt(h->easy, CURLOPT_URL, url) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_file) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_XFERINFODATA, h) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L) != CURLE_OK ||
	    /* Plain http is for a server of one's own; whatever it is, the digest decides. */
	    lib.curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "https,http") != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_MAXREDIRS, 5L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_FAILONERROR, 1L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT_MS, 15000L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1024L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, 30L) != CURLE_OK ||
	    lib.curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK) {
		destroy(h);
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	}
	st = run(h, call && call->timeout_ms >= 0 ? deadline_after_ms(call->timeout_ms) : INT64_MAX,
	         call ? call->cancel_fd : -1, &code, err);
	lib.curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	if (st == STOKER_OK && h->problem)
		st = error_errno(err, h->problem, "cannot write what was fetched");
	else if (st == STOKER_OK && h->too_large)
		st = error_set(err, STOKER_E_PEER, "%s is larger than %lld bytes", url, (long long)ceiling);
	else if (st == STOKER_OK && code == CURLE_HTTP_RETURNED_ERROR)
		st = error_set(err, STOKER_E_FAILED, "%s: the server answers %ld", url, status);
	else if (st == STOKER_OK && code != CURLE_OK)
		st = error_set(err, STOKER_E_FAILED, "%s: %s", url, lib.curl_easy_strerror(code));
	destroy(h);
	return st;
}
