/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/channel_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { EXEC_HEAD = 12 };

static bool add_string(uint8_t *out, size_t *len, const char *text)
{
	size_t n = strlen(text) + 1;
	if (n > FRAME_PAYLOAD_MAX - *len)
		return false;
	memcpy(out + *len, text, n);
	*len += n;
	return true;
}

size_t wire_exec(const struct stoker_exec *exec, uint8_t *out)
{
	char term[80];
	size_t len = EXEC_HEAD, argc = 0, envc = 0;

	if (!add_string(out, &len, exec->user ? exec->user : "") || !add_string(out, &len, exec->dir ? exec->dir : ""))
		return 0;
	for (; exec->argv[argc]; argc++)
		if (!add_string(out, &len, exec->argv[argc]))
			return 0;
	if (exec->tty) { /* first, so that one given by the caller wins */
		int n = snprintf(term, sizeof term, "TERM=%s", exec->term ? exec->term : "xterm-256color");
		if (n < 0 || (size_t)n >= sizeof term || !add_string(out, &len, term))
			return 0;
		envc++;
	}
	for (size_t i = 0; exec->env && exec->env[i]; i++, envc++)
		if (!add_string(out, &len, exec->env[i]))
			return 0;
	if (argc == 0 || argc > UINT16_MAX || envc > UINT16_MAX)
		return 0;
	frame_put32(out, exec->tty ? EXEC_TTY : 0);
	frame_put16(out + 4, exec->rows);
	frame_put16(out + 6, exec->cols);
	frame_put16(out + 8, (uint16_t)argc);
	frame_put16(out + 10, (uint16_t)envc);
	return len;
}

bool wire_exit_parse(const uint8_t *data, size_t len, struct wire_exit *out)
{
	int value;
	if (len < 5 || data[0] > FRAME_NOT_RUN)
		return false;
	value = (int)frame_get32(data + 1);
	if (value < 0 || value > (data[0] == FRAME_EXITED ? 255 : data[0] == FRAME_SIGNALED ? 127 : 4095))
		return false;
	out->kind = (enum frame_exit)data[0];
	out->value = value;
	error_clean(out->text, sizeof out->text, (const char *)data + 5, len - 5);
	return true;
}

void wire_command_init(struct wire_command *c, uint32_t stream, bool tty)
{
	memset(c, 0, sizeof *c);
	c->stream = stream;
	c->tty = tty;
	c->err_eof = tty;
	c->in_credit = c->credit[0] = c->credit[1] = FRAME_WINDOW;
}

bool wire_command_done(const struct wire_command *c)
{
	return c->exited && (c->closing || c->exit.kind == FRAME_NOT_RUN || (c->out_eof && c->err_eof));
}

static enum wire_action output(struct wire_command *c, const struct frame *f, int which)
{
	bool *eof = which == 0 ? &c->out_eof : &c->err_eof;
	if (f->length > c->credit[which])
		return WIRE_BROKEN;
	c->credit[which] -= f->length;
	if (c->closing || (f->length == 0 && c->tty && which == 1))
		return WIRE_NOTHING;
	if (*eof)
		return WIRE_BROKEN;
	if (f->length > 0)
		return WIRE_DELIVER;
	*eof = true;
	return WIRE_NOTHING;
}

enum wire_action wire_command_frame(struct wire_command *c, const struct frame *f, const uint8_t *data, int *which)
{
	uint32_t more;
	if (f->type == FRAME_EXIT && f->stream == 0)
		return wire_exit_parse(data, f->length, &c->exit) ? WIRE_LOST : WIRE_BROKEN;
	if (f->stream != c->stream)
		return WIRE_NOTHING;
	switch (f->type) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		*which = f->type == FRAME_STDERR;
		return output(c, f, *which);
	case FRAME_CREDIT:
		more = f->length == 5 ? frame_get32(data + 1) : 0;
		if (more == 0 || data[0] != 0 || more > FRAME_WINDOW || c->in_credit > FRAME_WINDOW - more)
			return WIRE_BROKEN;
		c->in_credit += more;
		return WIRE_NOTHING;
	case FRAME_EXIT:
		/* A second one comes only from the supervisor, when the output behind the first was wrong. */
		if (!wire_exit_parse(data, f->length, &c->exit))
			return WIRE_BROKEN;
		c->exited = true;
		return WIRE_ENDED;
	default:
		return WIRE_BROKEN;
	}
}

uint32_t wire_command_consumed(struct wire_command *c, int which, uint32_t bytes)
{
	uint32_t give;
	c->consumed[which] += bytes;
	/* A quarter of the window at a time: the guest never waits, and the frames, each an interrupt there, stay few. */
	if (c->consumed[which] < FRAME_WINDOW / 4 || c->closing || (which == 0 ? c->out_eof : c->err_eof))
		return 0;
	give = c->consumed[which];
	c->consumed[which] = 0;
	c->credit[which] += give;
	return give;
}

/* ---- statistics */

static bool read_u64(const char *v, size_t len, uint64_t *out)
{
	uint64_t n = 0;
	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (v[i] < '0' || v[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(v[i] - '0');
	}
	*out = n;
	return true;
}

/* "12.34": digits, and perhaps a point and digits. No locale, no exponent, no NaN. */
static bool read_load(const char *v, size_t len, double *out)
{
	const char *point = memchr(v, '.', len);
	size_t whole = point ? (size_t)(point - v) : len, digits = point ? len - whole - 1 : 0;
	uint64_t a, b = 0;
	double scale = 1;
	if (!read_u64(v, whole, &a) || (point && (digits > 6 || !read_u64(point + 1, digits, &b))))
		return false;
	for (size_t i = 0; i < digits; i++)
		scale *= 10;
	*out = (double)a + (double)b / scale;
	return true;
}

bool wire_stats_parse(const uint8_t *data, size_t len, struct stoker_guest_stats *out)
{
	static const char *const keys[] = { "uptime_ms",        "mem_total_kib", "mem_available_kib", "disk_total_kib",
		                            "disk_free_kib",    "processes",     "rx_bytes",          "tx_bytes",
		                            "load1",            "load5",         "load15" };
	enum { PROCESSES = 5, RX, TX, NUMBERS, ALL = NUMBERS + 3 };
	uint64_t numbers[NUMBERS] = { 0 };
	double loads[ALL - NUMBERS] = { 0 };
	const char *p = (const char *)data;
	unsigned seen = 0;

	while (len > 0) {
		const char *end = memchr(p, '\n', len);
		size_t line = end ? (size_t)(end - p) : len, key;
		const char *eq = memchr(p, '=', line);
		if (!eq)
			return false;
		key = (size_t)(eq - p);
		for (unsigned k = 0; k < ALL; k++) {
			if (strlen(keys[k]) != key || memcmp(keys[k], p, key) != 0)
				continue;
			if (k < NUMBERS ? !read_u64(eq + 1, line - key - 1, &numbers[k])
			                : !read_load(eq + 1, line - key - 1, &loads[k - NUMBERS]))
				return false;
			seen |= 1u << k;
		}
		p += end ? line + 1 : line;
		len -= end ? line + 1 : line;
	}
	if (!(seen & 1u))
		return false;
	*out = (struct stoker_guest_stats){ .uptime_ms = (int64_t)numbers[0], .load1 = loads[0], .load5 = loads[1],
		.load15 = loads[2], .mem_total_kib = numbers[1], .mem_available_kib = numbers[2],
		.disk_total_kib = numbers[3], .disk_free_kib = numbers[4],
		.processes = numbers[PROCESSES] > UINT32_MAX ? UINT32_MAX : (unsigned)numbers[PROCESSES],
		.rx_bytes = -1, .tx_bytes = -1 };
	if ((seen & 1u << RX) && (seen & 1u << TX)) { /* at most 18 digits each: they can be added */
		out->rx_bytes = (int64_t)numbers[RX];
		out->tx_bytes = (int64_t)numbers[TX];
	}
	return true;
}
