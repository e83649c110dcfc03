/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "hello.h"

struct text {
	char *out;
	size_t len, cap;
	bool full;
};

static __attribute__((format(printf, 2, 3))) void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;
	if (t->full)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->out + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->cap - t->len)
		t->full = true;
	else
		t->len += (size_t)n;
}

size_t status_format(const struct run_status *s, char *out, size_t cap)
{
	struct text t = { .out = out, .cap = cap };
	add(&t, "version=1\nboot_id=%s\n", s->supervisor.boot_id);
	add(&t, "supervisor=%lld:%llu\n", (long long)s->supervisor.pid, (unsigned long long)s->supervisor.start_ticks);
	if (s->vmm.pid > 0)
		add(&t, "vmm=%lld:%llu\n", (long long)s->vmm.pid, (unsigned long long)s->vmm.start_ticks);
	if (s->spawned_ns > 0)
		add(&t, "spawned_ns=%lld\n", (long long)s->spawned_ns);
	if (s->hello_ns > 0)
		add(&t, "hello_ns=%lld\n", (long long)s->hello_ns);
	if (s->host_key[0])
		add(&t, "host_key=%s\n", s->host_key);
	if (s->agent[0])
		add(&t, "agent=%s\n", s->agent);
	if (s->marks[0])
		add(&t, "marks=%s\n", s->marks);
	if (s->bye[0])
		add(&t, "bye=%s\n", s->bye);
	if (s->asked)
		add(&t, "asked=1\n");
	if (s->exit_status >= 256)
		add(&t, "exit=signaled:%d\n", s->exit_status - 256);
	else if (s->exit_status >= 0)
		add(&t, "exit=exited:%d\n", s->exit_status);
	else if (s->exit_status == -1)
		add(&t, "exit=unknown\n");
	if (s->exit_ns > 0)
		add(&t, "exit_ns=%lld\n", (long long)s->exit_ns);
	if (s->message[0])
		add(&t, "message=%s\n", s->message);
	add(&t, "end=1\n");
	return t.full ? 0 : t.len;
}

/* Digits only: no sign, no space, no overflow past `max`. */
static bool number(const char *v, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;
	if (len == 0 || len > 20)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(unsigned char)v[i] - '0';
		if (d > 9 || n > (max - d) / 10)
			return false;
		n = n * 10 + d;
	}
	*out = n;
	return true;
}

static bool time_ns(const char *v, size_t len, int64_t *out)
{
	uint64_t n;
	if (!number(v, len, INT64_MAX, &n) || n == 0)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool process(const char *v, size_t len, struct process_id *out)
{
	const char *colon = memchr(v, ':', len);
	uint64_t pid, ticks;
	if (!colon || !number(v, (size_t)(colon - v), INT32_MAX, &pid) || pid == 0 ||
	    !number(colon + 1, len - (size_t)(colon - v) - 1, UINT64_MAX / 2, &ticks))
		return false;
	out->pid = (int64_t)pid;
	out->start_ticks = ticks;
	return true;
}

static bool printable(const char *v, size_t len, char *out, size_t cap)
{
	if (len >= cap)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)v[i] < 0x20 || v[i] == 0x7f)
			return false;
	memcpy(out, v, len);
	out[len] = '\0';
	return true;
}

static bool boot_id(const char *v, size_t len, char out[BOOT_ID_SIZE])
{
	if (len != BOOT_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < len; i++)
		if (v[i] == '\0' || !strchr("0123456789abcdef-", v[i]))
			return false;
	memcpy(out, v, len);
	out[len] = '\0';
	return true;
}

static bool exit_value(const char *v, size_t len, int *out)
{
	uint64_t n;
	if (len == 7 && memcmp(v, "unknown", 7) == 0) {
		*out = -1;
	} else if (len > 7 && memcmp(v, "exited:", 7) == 0) {
		if (!number(v + 7, len - 7, 255, &n))
			return false;
		*out = (int)n;
	} else if (len > 9 && memcmp(v, "signaled:", 9) == 0) {
		if (!number(v + 9, len - 9, 127, &n))
			return false;
		*out = 256 + (int)n;
	} else {
		return false;
	}
	return true;
}

static bool bye_value(const char *v, size_t len, char *out, size_t cap)
{
	return ((len == 8 && memcmp(v, "poweroff", 8) == 0) || (len == 6 && memcmp(v, "reboot", 6) == 0)) &&
	       printable(v, len, out, cap);
}

enum key {
	VERSION, BOOT, SUPERVISOR, VMM, SPAWNED, HELLO, HOST_KEY, AGENT, MARKS, BYE, ASKED, EXIT, EXIT_NS, MESSAGE, END, KEYS
};

static const char *const keys[KEYS] = {
	"version", "boot_id", "supervisor", "vmm",  "spawned_ns", "hello_ns", "host_key", "agent",
	"marks",   "bye",     "asked",      "exit", "exit_ns",    "message",  "end",
};

static bool field(struct run_status *s, unsigned k, const char *v, size_t len)
{
	switch (k) {
	case VERSION:
	case ASKED:
	case END:
		s->asked |= k == ASKED;
		return len == 1 && v[0] == '1';
	case BOOT:
		if (!boot_id(v, len, s->supervisor.boot_id))
			return false;
		memcpy(s->vmm.boot_id, s->supervisor.boot_id, BOOT_ID_SIZE);
		return true;
	case SUPERVISOR:
		return process(v, len, &s->supervisor);
	case VMM:
		return process(v, len, &s->vmm);
	case SPAWNED:
		return time_ns(v, len, &s->spawned_ns);
	case HELLO:
		return time_ns(v, len, &s->hello_ns);
	case HOST_KEY:
		return host_key_valid(v, len) && printable(v, len, s->host_key, sizeof s->host_key);
	case AGENT:
		return printable(v, len, s->agent, sizeof s->agent);
	case MARKS:
		return printable(v, len, s->marks, sizeof s->marks);
	case BYE:
		return bye_value(v, len, s->bye, sizeof s->bye);
	case EXIT:
		return exit_value(v, len, &s->exit_status);
	case EXIT_NS:
		return time_ns(v, len, &s->exit_ns);
	case MESSAGE:
		return printable(v, len, s->message, sizeof s->message);
	}
	return true;
}

bool status_parse(const char *text, size_t len, struct run_status *out)
{
	struct run_status s = { .exit_status = -2 };
	unsigned seen = 0, needed = 1u << VERSION | 1u << BOOT | 1u << SUPERVISOR | 1u << END;

	if (len > SUPERVISOR_STATUS_MAX)
		return false;
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : 0, key;
		const char *eq = end ? memchr(text, '=', line) : NULL;
		unsigned k;
		if (!eq || (seen & 1u << END))
			return false;
		key = (size_t)(eq - text);
		for (k = 0; k < KEYS; k++)
			if (strlen(keys[k]) == key && memcmp(keys[k], text, key) == 0)
				break;
		if (k < KEYS && ((seen & 1u << k) || !field(&s, k, eq + 1, line - key - 1)))
			return false;
		seen |= k < KEYS ? 1u << k : 0;
		text += line + 1;
		len -= line + 1;
	}
	if ((seen & needed) != needed)
		return false;
	*out = s;
	return true;
}
