/* SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8, DIGITS_MAX = 18 };

/* Where Firecracker has them; "net" and "block" are of all its devices together. */
static const struct {
	const char *section, *key, *name; /* name: in our file */
	bool level;                       /* no count: the newest one is it */
} known[METRIC_COUNT] = {
	[METRIC_STARTUP_US] = { "api_server", "process_startup_time_us", "startup_us", true },
	[METRIC_IO_IN] = { "vcpu", "exit_io_in", "io_in", false },
	[METRIC_IO_OUT] = { "vcpu", "exit_io_out", "io_out", false },
	[METRIC_MMIO_READ] = { "vcpu", "exit_mmio_read", "mmio_read", false },
	[METRIC_MMIO_WRITE] = { "vcpu", "exit_mmio_write", "mmio_write", false },
	[METRIC_RX] = { "net", "rx_bytes_count", "rx", false },
	[METRIC_TX] = { "net", "tx_bytes_count", "tx", false },
	[METRIC_READ] = { "block", "read_bytes", "read", false },
	[METRIC_WRITE] = { "block", "write_bytes", "write", false },
};

static void add(uint64_t *sum, uint64_t more)
{
	*sum = more > INT64_MAX - *sum ? INT64_MAX : *sum + more;
}

/* A value has ended. */
static void take(struct metrics *m)
{
	if (m->depth == 2 && m->digits > 0 && !m->odd)
		for (int i = 0; i < METRIC_COUNT; i++)
			if (strcmp(m->key[0], known[i].section) == 0 && strcmp(m->key[1], known[i].key) == 0)
				m->line[i] = m->number;
	m->digits = 0;
	m->number = 0;
	m->odd = m->named = false;
}

static bool line_ended(struct metrics *m)
{
	bool good = m->whole && !m->bad && !m->in_string && m->depth == 0;
	for (int i = 0; good && i < METRIC_COUNT; i++) {
		if (!known[i].level)
			add(&m->sum[i], m->line[i]);
		else if (m->line[i])
			m->sum[i] = m->line[i];
	}
	m->lines += good;
	memset(m->line, 0, sizeof m->line);
	m->depth = m->digits = m->name_len = 0;
	m->number = 0;
	m->in_string = m->escaped = m->named = m->odd = m->bad = m->whole = false;
	return good;
}

static void in_string(struct metrics *m, char c)
{
	if (!m->escaped && c == '"') {
		/* One that was too long is none of those that are looked for. */
		m->name[m->name_len < METRICS_NAME ? m->name_len : 0] = '\0';
		m->in_string = false;
		m->named = true;
		return;
	}
	m->escaped = !m->escaped && c == '\\';
	if (m->name_len < METRICS_NAME)
		m->name[m->name_len++] = c;
}

static void outside(struct metrics *m, char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
		break;
	case '"':
		m->in_string = true;
		m->odd = true;
		m->named = false;
		m->name_len = 0;
		break;
	case ':':
		m->bad |= !m->named;
		if (m->depth == 1 || m->depth == 2)
			memcpy(m->key[m->depth - 1], m->name, METRICS_NAME);
		m->named = m->odd = false;
		m->digits = 0;
		m->number = 0;
		break;
	case '{':
	case '[':
		m->bad |= m->depth == DEPTH_MAX || m->whole;
		m->depth++;
		if (m->depth <= 2)
			m->key[m->depth - 1][0] = '\0';
		m->named = m->odd = false;
		break;
	case '}':
	case ']':
		take(m);
		m->bad |= m->depth == 0;
		m->depth -= m->depth > 0;
		m->whole = m->depth == 0;
		m->odd = true;
		break;
	case ',':
		take(m);
		break;
	default:
		if (c < '0' || c > '9' || m->digits == DIGITS_MAX) {
			m->odd = true; /* a word, a fraction, a negative or an endless number */
		} else {
			m->number = m->number * 10 + (uint64_t)(c - '0');
			m->digits++;
		}
		break;
	}
}

bool metrics_feed(struct metrics *m, const char *data, size_t len)
{
	bool changed = false;
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n')
			changed |= line_ended(m);
		else if (m->in_string)
			in_string(m, data[i]);
		else if (!m->bad)
			outside(m, data[i]);
	}
	return changed;
}

size_t metrics_format(const struct metrics *m, char *out, size_t cap)
{
	size_t used = 0;
	int n = snprintf(out, cap, "lines=%llu\n", (unsigned long long)m->lines);
	for (int i = 0; n >= 0 && i <= METRIC_COUNT; i++) {
		used += (size_t)n;
		if (used >= cap)
			return 0;
		n = i < METRIC_COUNT ? snprintf(out + used, cap - used, "%s=%llu\n", known[i].name, (unsigned long long)m->sum[i])
		                     : snprintf(out + used, cap - used, "end=1\n");
	}
	return n < 0 || used + (size_t)n >= cap ? 0 : used + (size_t)n;
}

/* "name=N\n" at *at, which is moved behind it. */
static bool value(const char **at, const char *end, const char *name, uint64_t *out)
{
	size_t len = strlen(name);
	uint64_t n = 0;
	const char *p = *at;

	if ((size_t)(end - p) < len + 3 || memcmp(p, name, len) != 0 || p[len] != '=')
		return false;
	for (p += len + 1; p < end && *p >= '0' && *p <= '9'; p++) {
		if (n > (INT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	if (p == end || *p != '\n' || p[-1] == '=')
		return false;
	*at = p + 1;
	*out = n;
	return true;
}

bool metrics_parse(const char *text, size_t len, struct metrics *out)
{
	const char *at = text, *end = text + len;
	uint64_t one = 0;
	bool ok;

	memset(out, 0, sizeof *out);
	ok = value(&at, end, "lines", &out->lines);
	for (int i = 0; ok && i < METRIC_COUNT; i++)
		ok = value(&at, end, known[i].name, &out->sum[i]);
	ok = ok && value(&at, end, "end", &one) && one == 1 && at == end;
	if (!ok)
		memset(out, 0, sizeof *out);
	return ok;
}
