/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int exit_code;
} statuses[STOKER_E_COUNT] = {
	[STOKER_OK] = { "ok", 0 },
	[STOKER_E_FAILED] = { "failed", 1 },
	[STOKER_E_INVALID] = { "invalid", 2 },
	[STOKER_E_NOT_FOUND] = { "not_found", 3 },
	[STOKER_E_EXISTS] = { "exists", 4 },
	[STOKER_E_STATE] = { "wrong_state", 4 },
	[STOKER_E_MISSING] = { "missing", 5 },
	[STOKER_E_TIMEOUT] = { "timed_out", 6 },
	[STOKER_E_LIMIT] = { "limit", 1 },
	[STOKER_E_NOMEM] = { "no_memory", 1 },
	[STOKER_E_CANCELLED] = { "cancelled", 1 },
	[STOKER_E_STORE] = { "store", 1 },
	[STOKER_E_READ_ONLY] = { "read_only", 4 },
	[STOKER_E_PEER] = { "peer", 1 },
	[STOKER_E_HOST_KEY] = { "host_key", 1 },
	[STOKER_E_AUTH] = { "auth", 1 },
	[STOKER_E_CLOSED] = { "closed", 1 },
};

const char *stoker_status_name(enum stoker_status status)
{
	return (unsigned)status < STOKER_E_COUNT ? statuses[status].name : "unknown";
}

int stoker_exit_code(enum stoker_status status)
{
	return (unsigned)status < STOKER_E_COUNT ? statuses[status].exit_code : 1;
}

/* What helps with an error of this kind, where nothing is known of the very failure. */
static const char *usual_advice(enum stoker_status code)
{
	switch (code) {
	case STOKER_E_INVALID:
		return "See `stoker help`";
	case STOKER_E_NOT_FOUND:
	case STOKER_E_STATE:
		return "See what there is: stoker list";
	case STOKER_E_EXISTS:
		return "Choose another one";
	case STOKER_E_MISSING:
		return "See what this host lacks: stoker doctor";
	case STOKER_E_TIMEOUT:
		return "Give it longer with --timeout, or look at its console: stoker logs VM";
	case STOKER_E_LIMIT:
	case STOKER_E_NOMEM:
		return "Stop or delete some VMs, and see what is left: stoker doctor";
	case STOKER_E_STORE:
		return "Look after the state folder: stoker config shows where it is";
	case STOKER_E_PEER:
	case STOKER_E_CLOSED:
	case STOKER_E_AUTH:
		return "Look at its console: stoker logs VM; if it stays so, stop it and start it again";
	case STOKER_E_FAILED:
		return "See whether this host has all it needs: stoker doctor";
	default:
		return "";
	}
}

const char *stoker_error_advice(const struct stoker_error *err)
{
	return err->fix[0] ? err->fix : usual_advice(err->code);
}

int stoker_error_text(const struct stoker_error *err, char *buf, size_t cap)
{
	const char *advice = stoker_error_advice(err);

	return snprintf(buf, cap, "%s%s%s%s%s", err->what, err->what[0] ? ": " : "", err->why, *advice ? ". " : "", advice);
}

enum stoker_status error_set(struct stoker_error *err, enum stoker_status code, const char *why, ...)
{
	if (err) {
		va_list ap;
		err->code = code;
		err->what[0] = err->fix[0] = '\0';
		va_start(ap, why);
		vsnprintf(err->why, sizeof err->why, why, ap);
		va_end(ap);
	}
	return code;
}

void error_what(struct stoker_error *err, const char *what, ...)
{
	va_list ap;
	if (!err || err->what[0])
		return;
	va_start(ap, what);
	vsnprintf(err->what, sizeof err->what, what, ap);
	va_end(ap);
}

enum stoker_status error_fix(struct stoker_error *err, const char *fix, ...)
{
	va_list ap;
	if (!err)
		return STOKER_E_FAILED;
	va_start(ap, fix);
	vsnprintf(err->fix, sizeof err->fix, fix, ap);
	va_end(ap);
	return err->code;
}

enum stoker_status error_errno(struct stoker_error *err, int errno_value, const char *why, ...)
{
	enum stoker_status code = STOKER_E_FAILED;
	const char *fix = "";
	switch (errno_value) {
	case ENOMEM:
		code = STOKER_E_NOMEM;
		fix = "Free memory on the host, or stop some VMs";
		break;
	case EMFILE:
	case ENFILE:
		code = STOKER_E_LIMIT;
		fix = "Raise the limit on open files (ulimit -n)";
		break;
	case ENOSPC:
	case EDQUOT:
		fix = "Free disk space and try again; nothing was lost";
		break;
	case EROFS:
	case EACCES:
	case EPERM:
		fix = "Check the owner and the mode of the path, or choose another place with --state";
		break;
	default:
		break;
	}
	if (err) {
		va_list ap;
		size_t len;
		err->code = code;
		err->what[0] = err->fix[0] = '\0';
		va_start(ap, why);
		vsnprintf(err->why, sizeof err->why, why, ap);
		va_end(ap);
		len = strlen(err->why);
		snprintf(err->why + len, sizeof err->why - len, ": %s", strerror(errno_value));
		snprintf(err->fix, sizeof err->fix, "%s", fix);
	}
	return code;
}

char *error_clean(char *out, size_t cap, const char *text, size_t n)
{
	size_t i = 0, o = 0;
	while (i < n) {
		unsigned char c = (unsigned char)text[i];
		size_t len = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
		bool good = len != 0 && i + len <= n;
		for (size_t k = 1; good && k < len; k++)
			good = ((unsigned char)text[i + k] & 0xc0) == 0x80;
		/* A character goes in whole or not at all, and a text that just fits is not cut. */
		if (o + (good ? len : 1) >= cap)
			break;
		if (!good || (len == 1 && (c < 0x20 || c == 0x7f)) || (len == 2 && c == 0xc2 && (unsigned char)text[i + 1] < 0xa0)) {
			out[o++] = '?';
			i += good ? len : 1;
			continue;
		}
		memcpy(out + o, text + i, len);
		o += len;
		i += len;
	}
	if (cap)
		out[o] = '\0';
	return out;
}
