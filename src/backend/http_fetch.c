/* SPDX-License-Identifier: Apache-2.0
 *
 * http_fetch.c - fetching a file by libcurl, which is loaded when it is first
 * needed: mapping it and its thirty libraries costs more than most commands take.
 */
#include "http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"

/* ---- libcurl, when needed */

#define CURL_FUNCTIONS(X) \
	X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_cleanup) \
	X(curl_easy_strerror) X(curl_multi_init) X(curl_multi_add_handle) X(curl_multi_remove_handle) \
	X(curl_multi_perform) X(curl_multi_poll) X(curl_multi_info_read) X(curl_multi_cleanup)

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

struct fetch {
	CURL *easy;
	CURLM *multi;
	int problem;  /* errno of what could not be written */
	bool too_large;
	int fd;
	int64_t done, most;
	const struct stoker_call *call;
	const char *step;
};

static void destroy(struct fetch *h)
{
	if (!h)
		return;
	if (h->easy)
		lib.curl_easy_cleanup(h->easy);
	if (h->multi)
		lib.curl_multi_cleanup(h->multi);
	free(h);
}

static struct fetch *make(void)
{
	struct fetch *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->easy = lib.curl_easy_init();
	h->multi = lib.curl_multi_init();
	if (h->easy && h->multi)
		return h;
	destroy(h);
	return NULL;
}

/* Runs what the easy handle is set to do, to its end, the deadline or a cancel. */
static enum stoker_status run(struct fetch *h, int64_t deadline_ns, int cancel_fd, CURLcode *code, struct stoker_error *err)
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

static size_t on_file(char *data, size_t size, size_t count, void *user)
{
	struct fetch *h = user;
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
	struct fetch *h = user;
	(void)up_total, (void)up_now;
	if (h->call && h->call->progress)
		h->call->progress(h->call->user, &(struct stoker_progress){ h->step, now, total });
	return 0;
}

enum stoker_status http_fetch(const char *url, int fd, int64_t ceiling, const struct stoker_call *call,
                              const char *step, struct stoker_error *err)
{
	enum stoker_status st = need_curl(err);
	struct fetch *h;
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
