/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - JSON as programs want it: whole numbers exact, text always valid.
 */
#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/now.h"
#include "common/text.h"

static size_t put_unit(char *out, unsigned unit)
{
	return (size_t)snprintf(out, 7, "\\u%04x", unit & 0xffff);
}

/* One byte gives at most six ("\u0000"), four bytes of one character at most twelve. */
cJSON *json_text(const char *text, size_t len)
{
	char *out, *p;
	cJSON *item;

	if (!text)
		return cJSON_CreateNull();
	if (len > (SIZE_MAX - 3) / 6 || !(out = malloc(len * 6 + 3)))
		return NULL;
	p = out;
	*p++ = '"';
	for (size_t i = 0; i < len;) {
		unsigned char plain = (unsigned char)text[i];
		uint32_t ch;

		/* Nearly all of it. */
		if (plain >= 0x20 && plain < 0x7f && plain != '"' && plain != '\\') {
			*p++ = text[i++];
			continue;
		}
		size_t n = text_decode(text + i, len - i, &ch);
		if (ch == TEXT_BAD) {
			p += put_unit(p, 0xfffd);
		} else if (ch == '"' || ch == '\\') {
			*p++ = '\\';
			*p++ = (char)ch;
		} else if (ch == '\n') {
			*p++ = '\\';
			*p++ = 'n';
		} else if (ch == '\t') {
			*p++ = '\\';
			*p++ = 't';
		} else if (ch > 0xffff && text_unsafe(ch)) {
			p += put_unit(p, 0xd800 + ((ch - 0x10000) >> 10));
			p += put_unit(p, 0xdc00 + ((ch - 0x10000) & 0x3ff));
		} else if (ch < 0x20 || text_unsafe(ch)) {
			p += put_unit(p, ch);
		} else {
			memcpy(p, text + i, n);
			p += n;
		}
		i += n;
	}
	*p++ = '"';
	*p = '\0';
	item = cJSON_CreateRaw(out);
	free(out);
	return item;
}

bool json_is_lossless(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t ch;

		i += text_decode(text + i, len - i, &ch);
		if (ch == TEXT_BAD)
			return false;
	}
	return true;
}

/* Keys are literals everywhere but for labels, and so are not copied. */
void json_add_text(cJSON *object, const char *key, const char *text)
{
	cJSON_AddItemToObjectCS(object, key, json_text(text, text ? strlen(text) : 0));
}

void json_add_some(cJSON *object, const char *key, const char *text)
{
	json_add_text(object, key, text && *text ? text : NULL);
}

/* cJSON keeps numbers as double and may print them rounded; a raw item is printed as it is. */
void json_add_int(cJSON *object, const char *key, int64_t value)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRId64, value);
	cJSON_AddItemToObjectCS(object, key, cJSON_CreateRaw(number));
}

void json_add_positive(cJSON *object, const char *key, int64_t value)
{
	if (value > 0)
		json_add_int(object, key, value);
	else
		json_add_null(object, key);
}

void json_add_bool(cJSON *object, const char *key, bool value)
{
	cJSON_AddItemToObjectCS(object, key, cJSON_CreateBool(value));
}

void json_add_null(cJSON *object, const char *key)
{
	cJSON_AddItemToObjectCS(object, key, cJSON_CreateNull());
}

void json_add_ms(cJSON *object, const char *key, int64_t ns)
{
	char number[32];

	if (ns < 0) {
		json_add_null(object, key);
		return;
	}
	snprintf(number, sizeof(number), "%" PRId64 ".%03d", ns / 1000000, (int)(ns % 1000000 / 1000));
	cJSON_AddItemToObjectCS(object, key, cJSON_CreateRaw(number));
}

void json_add_at(cJSON *object, const char *key, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm tm;
	char text[80];

	if (at_ms <= 0 || !gmtime_r(&seconds, &tm)) {
		json_add_null(object, key);
		return;
	}
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	         tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(at_ms % 1000));
	json_add_text(object, key, text);
}

void json_add_base64(cJSON *object, const char *key, const char *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out, *p;

	if (len > SIZE_MAX / 2 || !(out = malloc((len + 2) / 3 * 4 + 3)))
		return;
	p = out;
	*p++ = '"';
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = (uint32_t)(unsigned char)data[i] << 16;

		if (n > 1)
			bits |= (uint32_t)(unsigned char)data[i + 1] << 8;
		if (n > 2)
			bits |= (unsigned char)data[i + 2];
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*p++ = n > 2 ? digits[bits & 63] : '=';
	}
	*p++ = '"';
	*p = '\0';
	cJSON_AddItemToObjectCS(object, key, cJSON_CreateRaw(out));
	free(out);
}

void json_fill_error(cJSON *object, const struct stoker_error *err)
{
	json_add_text(object, "code", stoker_status_name(err->code));
	json_add_text(object, "what", err->what);
	json_add_text(object, "why", err->why);
	json_add_text(object, "fix", stoker_error_advice(err));
}

void json_add_error(cJSON *object, const struct stoker_error *err)
{
	json_fill_error(cJSON_AddObjectToObject(object, "error"), err);
}

static void add_labels(cJSON *object, const char *labels)
{
	cJSON *map = cJSON_AddObjectToObject(object, "labels");

	while (*labels) {
		size_t n = strcspn(labels, ","), k = strcspn(labels, ",=");
		char key[STOKER_LABELS_SIZE];

		snprintf(key, sizeof(key), "%.*s", (int)k, labels);
		size_t from = k < n ? k + 1 : n;
		cJSON_AddItemToObject(map, key, json_text(labels + from, n - from));
		labels += n + (labels[n] == ',');
	}
}

void json_add_published(cJSON *object, const char *list)
{
	cJSON *array = cJSON_AddArrayToObject(object, "publish");
	unsigned host, guest;
	int n;

	for (; sscanf(list, "%5u:%5u%n", &host, &guest, &n) == 2; list += n + (list[n] == ',')) {
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "host", host);
		json_add_int(o, "guest", guest);
		cJSON_AddItemToArray(array, o);
	}
}

void json_add_words(cJSON *object, const char *key, const char *list)
{
	cJSON *array = cJSON_AddArrayToObject(object, key);

	for (size_t n; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		cJSON_AddItemToArray(array, json_text(list, n));
	}
}

cJSON *json_vm(const struct stoker_vm *vm)
{
	cJSON *o = cJSON_CreateObject();
	char uptime[32];

	json_add_text(o, "name", vm->name);
	json_add_text(o, "id", vm->id);
	json_add_text(o, "status", stoker_state_name(vm->state));
	json_add_bool(o, "ready", vm->ready);
	json_add_bool(o, "stale", vm->stale);
	json_add_some(o, "reason", vm->reason);
	json_add_positive(o, "pid", vm->pid);
	json_add_positive(o, "supervisor_pid", vm->supervisor_pid);
	json_add_some(o, "ip", vm->ip);
	json_add_positive(o, "ssh_port", vm->ssh_port);
	json_add_text(o, "backend", vm->backend);
	json_add_text(o, "accel", vm->accel);
	json_add_int(o, "vcpus", vm->vcpus);
	json_add_int(o, "memory_mib", vm->memory_mib);
	json_add_int(o, "disk_mib", vm->disk_mib);
	json_add_text(o, "disk_mode", stoker_disk_mode_name(vm->disk_mode));
	json_add_text(o, "network", stoker_network_name(vm->network));
	json_add_text(o, "egress", vm->egress);
	json_add_published(o, vm->publish);
	json_add_words(o, "allow", vm->allow);
	json_add_text(o, "image", vm->image);
	json_add_bool(o, "agent", vm->agent);
	add_labels(o, vm->labels);
	json_add_bool(o, "ephemeral", vm->ephemeral);
	json_add_at(o, "created_at", vm->created_at_ms);
	json_add_at(o, "started_at", vm->started_at_ms);
	if (vm->uptime_ms >= 0) {
		snprintf(uptime, sizeof(uptime), "%" PRId64 ".%03d", vm->uptime_ms / 1000, (int)(vm->uptime_ms % 1000));
		cJSON_AddItemToObject(o, "uptime_s", cJSON_CreateRaw(uptime));
	} else {
		json_add_null(o, "uptime_s");
	}
	if (vm->exit_status >= 0 && vm->started_at_ms > 0)
		json_add_int(o, "exit_status", vm->exit_status);
	else
		json_add_null(o, "exit_status");
	json_add_some(o, "phase", stoker_phase_name(vm->phase));
	json_add_ms(o, "phase_ms", vm->phase < STOKER_PHASE_COUNT ? mono_ns() - vm->phase_since_ns : -1);
	json_add_some(o, "last_phase", stoker_phase_name(vm->last_phase));
	json_add_ms(o, "last_phase_ms", vm->last_phase < STOKER_PHASE_COUNT ? vm->last_phase_ns : -1);
	return o;
}

void json_add_percentiles(cJSON *object, const struct stoker_percentiles *p)
{
	bool any = p->count > 0;

	json_add_int(object, "n", (int64_t)p->count);
	json_add_ms(object, "p50_ms", any ? p->p50_ns : -1);
	json_add_ms(object, "p95_ms", any ? p->p95_ns : -1);
	json_add_ms(object, "p99_ms", any ? p->p99_ns : -1);
	json_add_ms(object, "min_ms", any ? p->min_ns : -1);
	json_add_ms(object, "max_ms", any ? p->max_ns : -1);
}

int json_print(struct cli *cli, cJSON *value, int code)
{
	/* Room to begin with: growing by doubling would copy a long list many times. */
	char *text = cJSON_PrintBuffered(value, 1 << 16, cli->out_is_terminal);

	cJSON_Delete(value);
	if (!text)
		return cli_fail_text(cli, STOKER_E_NOMEM, cli->verb_name, "", "out of memory");
	cli_progress_end(cli);
	cli->json_printed = true;
	puts(text);
	cJSON_free(text);
	return code;
}

int json_print_results(struct cli *cli, cJSON *array, bool single, int code)
{
	if (single && cJSON_GetArraySize(array) == 1) {
		cJSON *only = cJSON_DetachItemFromArray(array, 0);

		cJSON_Delete(array);
		return json_print(cli, only, code);
	}
	return json_print(cli, array, code);
}
