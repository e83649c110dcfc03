/* SPDX-License-Identifier: Apache-2.0
 *
 * http.h - HTTP: a VMM's API over its unix socket, and the fetching of a file.
 * The only module that knows libcurl, which is loaded when it is first needed:
 * mapping it and its thirty libraries costs more than most commands take.
 *
 * Every call has a deadline and a ceiling. A call either brings a whole answer
 * or fails; what the other side did with the request is then not known, and
 * asking it is the caller's business.
 */
#ifndef STOKER_SRC_HTTP_H
#define STOKER_SRC_HTTP_H

#include "../process.h"
#include "stoker.h"

struct http;

/* DIR/NAME, where `peer` must be the process that listens: checked by SO_PEERCRED on each connection before
 * anything is sent. Connects with the first call and again when the connection was lost. */
enum stoker_status http_open(const char *dir, const char *name, const struct process_id *peer, struct http **out,
                             struct stoker_error *err);
void http_close(struct http *http);

struct http_reply {
	long status;  /* 200 ... */
	char *body;   /* NUL-terminated, never NULL; valid until the next call */
	size_t length;
};

/* One request; `body` NULL: none. STOKER_E_TIMEOUT, _CANCELLED; STOKER_E_NOT_FOUND: nobody listens there (yet);
 * STOKER_E_CLOSED: the answer was cut off or the connection reset; STOKER_E_PEER: another process listens, the answer is
 * no HTTP/1.x, does not say where it ends, or is larger than `ceiling` bytes. */
enum stoker_status http_call(struct http *http, const char *method, const char *path, const char *body, size_t ceiling,
                             int64_t deadline_ns, int cancel_fd, struct http_reply *out, struct stoker_error *err);

/* Fetches `url` into the file `fd`, at most `ceiling` bytes; follows redirections to https only. */
enum stoker_status http_fetch(const char *url, int fd, int64_t ceiling, const struct stoker_call *call,
                              const char *step, struct stoker_error *err);

#endif
