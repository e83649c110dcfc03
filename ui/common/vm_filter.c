/* SPDX-License-Identifier: Apache-2.0
 *
 * vm_filter.c - see vm_filter.h.
 */
#include "common/vm_filter.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALUE_MAX 128 /* of one alternative */

enum unit { UNIT_NONE, UNIT_PLAIN, UNIT_PERCENT, UNIT_SIZE, UNIT_TIME };

static const struct {
	const char *name;
	enum unit unit;
	const char *help;
} keys[FILTER_KEY_COUNT] = {
	[FILTER_WORD] = { "", UNIT_NONE, "a word: in name, state, address, image, labels or backend" },
	[FILTER_NAME] = { "name", UNIT_NONE, "part of the name" },
	[FILTER_STATE] = { "state", UNIT_NONE, "running, stopped, crashed, ... or booting, stale" },
	[FILTER_LABEL] = { "label", UNIT_NONE, "a label's key, its value, or key=value" },
	[FILTER_BACKEND] = { "backend", UNIT_NONE, "the VMM: qemu, firecracker" },
	[FILTER_ACCEL] = { "accel", UNIT_NONE, "kvm or tcg" },
	[FILTER_IMAGE] = { "image", UNIT_NONE, "part of the image's name" },
	[FILTER_IP] = { "ip", UNIT_NONE, "beginning of the address" },
	[FILTER_ID] = { "id", UNIT_NONE, "beginning of the id" },
	[FILTER_NETWORK] = { "network", UNIT_NONE, "user, tap or none" },
	[FILTER_DISK_MODE] = { "disk-mode", UNIT_NONE, "isolated, shared or copy" },
	[FILTER_IS] = { "is", UNIT_NONE, "ready, stale, ephemeral, marked or busy" },
	[FILTER_CPU] = { "cpu", UNIT_PERCENT, "CPU in percent of one" },
	[FILTER_MEM] = { "mem", UNIT_SIZE, "its memory: 512M, 2G" },
	[FILTER_RSS] = { "rss", UNIT_SIZE, "memory that its VMM holds" },
	[FILTER_DISK] = { "disk", UNIT_SIZE, "size of its disk" },
	[FILTER_VCPUS] = { "vcpus", UNIT_PLAIN, "virtual CPUs" },
	[FILTER_AGE] = { "age", UNIT_TIME, "since it was created: 30s, 10m, 2h, 3d, 1w" },
	[FILTER_UP] = { "up", UNIT_TIME, "since it was started" },
	[FILTER_PORT] = { "port", UNIT_PLAIN, "its SSH port" },
	[FILTER_PID] = { "pid", UNIT_PLAIN, "its VMM's process" },
	[FILTER_EXIT] = { "exit", UNIT_PLAIN, "exit status of its last VMM" },
};

static const char *const is_words[] = { "ready", "stale", "ephemeral", "marked", "busy" };

/* ----------------------------------------------------------------- reading */

static enum vm_filter_key find_key(const char *text, size_t len)
{
	int i;
	for (i = FILTER_WORD + 1; i < FILTER_KEY_COUNT; i++) {
		if (strlen(keys[i].name) == len && strncasecmp(keys[i].name, text, len) == 0)
			return (enum vm_filter_key)i;
	}
	return FILTER_KEY_COUNT;
}

/* A number with its unit, in the key's own measure; a fraction is allowed before a unit. */
static bool number(enum unit unit, const char *text, size_t len, int64_t *out)
{
	int64_t whole = 0, parts = 0, scale = 1, factor = 1;
	size_t i = 0;

	for (; i < len && isdigit((unsigned char)text[i]); i++) {
		whole = whole * 10 + (text[i] - '0');
		if (whole > 1000000000000LL)
			return false;
	}
	if (i == 0)
		return false;
	if (i < len && text[i] == '.') {
		for (i++; i < len && isdigit((unsigned char)text[i]); i++) {
			if (scale < 1000) {
				parts = parts * 10 + (text[i] - '0');
				scale *= 10;
			}
		}
	}
	if (len - i > 1)
		return false;
	if (unit == UNIT_SIZE) {
		switch (i < len ? tolower((unsigned char)text[i]) : 'm') {
		case 'k': factor = 0; break;
		case 'm': factor = 1; break;
		case 'g': factor = 1024; break;
		case 't': factor = 1024 * 1024; break;
		default: return false;
		}
		if (factor == 0) {
			*out = whole / 1024;
			return true;
		}
	} else if (unit == UNIT_TIME) {
		switch (i < len ? text[i] : 's') {
		case 's': factor = 1000; break;
		case 'm': factor = 60 * 1000; break;
		case 'h': factor = 3600 * 1000; break;
		case 'd': factor = 24 * 3600 * 1000; break;
		case 'w': factor = 7LL * 24 * 3600 * 1000; break;
		default: return false;
		}
	} else if (i < len && !(unit == UNIT_PERCENT && text[i] == '%')) {
		return false;
	}
	if (whole > INT64_MAX / 2 / factor)
		return false;
	*out = whole * factor + parts * factor / scale;
	return true;
}

__attribute__((format(printf, 3, 4))) static void wrong(struct vm_filter *filter, size_t at, const char *format, ...)
{
	va_list args;
	if (filter->problem[0] != '\0')
		return; /* the first one is told */
	filter->problem_at = at;
	va_start(args, format);
	vsnprintf(filter->problem, sizeof filter->problem, format, args);
	va_end(args);
}

static bool has_prefix(const char *whole, const char *text, size_t len)
{
	return strncasecmp(whole, text, len) == 0;
}

/* Is this the beginning of one of the words that the key knows? */
static bool known_word(enum vm_filter_key key, const char *text, size_t len)
{
	size_t i;
	if (memchr(text, '*', len) != NULL || memchr(text, '?', len) != NULL)
		return true;
	if (key == FILTER_IS) {
		for (i = 0; i < sizeof is_words / sizeof *is_words; i++) {
			if (has_prefix(is_words[i], text, len))
				return true;
		}
		return false;
	}
	for (i = 0; i < STOKER_STATE_COUNT; i++) {
		if (has_prefix(stoker_state_name((enum stoker_state)i), text, len))
			return true;
	}
	return has_prefix("booting", text, len) || has_prefix("stale", text, len);
}

static void read_value(struct vm_filter *filter, struct vm_filter_term *term, size_t at, size_t from, size_t len)
{
	const char *text = filter->text;
	enum unit unit = keys[term->key].unit;
	size_t part = from, end = from + len;

	if (len == 0)
		return; /* not finished: nothing is asked yet */
	if (unit == UNIT_NONE && term->compare != FILTER_EQUAL) {
		wrong(filter, at, "%s is text: write %s:%.*s", keys[term->key].name, keys[term->key].name, (int)len, text + from);
		return;
	}
	if (unit != UNIT_NONE && !number(unit, text + from, len, &term->number)) {
		wrong(filter, at, "%.*s is no number of %s (%s)", (int)(len > 40 ? 40 : len), text + from, keys[term->key].name,
		      keys[term->key].help);
		return;
	}
	for (; (term->key == FILTER_STATE || term->key == FILTER_IS) && part < end; part++) {
		size_t n = 0;
		while (part + n < end && text[part + n] != ',')
			n++;
		if (n > 0 && !known_word(term->key, text + part, n)) {
			wrong(filter, at, "there is no %s %.*s; %s", keys[term->key].name, (int)(n > 40 ? 40 : n), text + part,
			      keys[term->key].help);
			return;
		}
		part += n;
	}
	term->from = (uint16_t)from;
	term->len = (uint16_t)len;
	filter->count++;
}

static void read_term(struct vm_filter *filter, size_t at, size_t len)
{
	struct vm_filter_term *term = &filter->terms[filter->count];
	const char *text = filter->text;
	size_t key, op;

	if (filter->count == FILTER_TERMS_MAX) {
		wrong(filter, at, "more than %d terms", FILTER_TERMS_MAX);
		return;
	}
	memset(term, 0, sizeof *term);
	if (len > 1 && text[at] == '!') {
		term->negative = true;
		at++;
		len--;
	}
	for (key = 0; key < len && (isalnum((unsigned char)text[at + key]) || text[at + key] == '-'); key++)
		;
	op = key;
	if (key == 0 || key == len || strchr(":=<>", text[at + key]) == NULL) {
		/* A word. "!" alone is the beginning of one. */
		if (len == 1 && text[at] == '!' && !term->negative)
			return;
		read_value(filter, term, at, at, len);
		return;
	}
	term->key = find_key(text + at, key);
	if (term->key == FILTER_KEY_COUNT && text[at + op] == '=') { /* a label as a word: tier=web */
		term->key = FILTER_WORD;
		read_value(filter, term, at, at, len);
		return;
	}
	if (term->key == FILTER_KEY_COUNT) {
		wrong(filter, at, "there is no key %.*s", (int)(key > 40 ? 40 : key), text + at);
		return;
	}
	switch (text[at + op++]) {
	case '>': term->compare = FILTER_MORE; break;
	case '<': term->compare = FILTER_LESS; break;
	default: break;
	}
	if (op < len && text[at + op] == '=' && term->compare != FILTER_EQUAL) {
		term->compare = term->compare == FILTER_MORE ? FILTER_AT_LEAST : FILTER_AT_MOST;
		op++;
	}
	read_value(filter, term, at, at + op, len - op);
}

bool vm_filter_read(struct vm_filter *filter, const char *text)
{
	size_t at = 0, len = strnlen(text, FILTER_SIZE - 1);

	memcpy(filter->text, text, len);
	filter->text[len] = '\0';
	filter->count = 0;
	filter->problem[0] = '\0';
	filter->problem_at = 0;
	while (at < len) {
		size_t n = strcspn(filter->text + at, " \t");
		if (n > 0)
			read_term(filter, at, n);
		at += n + (at + n < len);
	}
	return filter->problem[0] == '\0';
}

/* ---------------------------------------------------------------- matching */

static bool has_glob(const char *value)
{
	return strpbrk(value, "*?") != NULL;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* fnmatch() takes exponential time over many stars, and this runs on the thread
 * that owns the terminal: only the last star is ever gone back to. */
static bool glob(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;
	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == '?' || (*pattern != '\0' && same(*pattern, *text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool whole(const char *field, const char *value)
{
	return has_glob(value) ? glob(value, field) : strcasecmp(field, value) == 0;
}

static bool inside(const char *field, const char *value)
{
	return has_glob(value) ? whole(field, value) : strcasestr(field, value) != NULL;
}

static bool begins(const char *field, const char *value)
{
	return has_glob(value) ? whole(field, value) : strncasecmp(field, value, strlen(value)) == 0;
}

static bool label_fits(const char *labels, const char *value)
{
	char pair[STOKER_LABELS_SIZE];
	while (*labels != '\0') {
		size_t n = strcspn(labels, ",");
		char *equals;
		memcpy(pair, labels, n);
		pair[n] = '\0';
		if (whole(pair, value))
			return true;
		equals = strchr(pair, '=');
		if (equals != NULL && strchr(value, '=') == NULL) {
			*equals = '\0';
			if (whole(pair, value) || whole(equals + 1, value))
				return true;
		}
		labels += n + (labels[n] == ',');
	}
	return false;
}

static bool booting(const struct stoker_vm *vm)
{
	return vm->state == STOKER_RUNNING && !vm->ready;
}

static bool is_fits(const struct vm_filter_facts *facts, const char *value)
{
	const struct stoker_vm *vm = facts->vm;
	return (vm->ready && begins("ready", value)) || (vm->stale && begins("stale", value)) ||
	       (vm->ephemeral && begins("ephemeral", value)) || (facts->marked && begins("marked", value)) ||
	       (facts->busy && begins("busy", value));
}

static bool text_fits(enum vm_filter_key key, const struct vm_filter_facts *facts, const char *value)
{
	const struct stoker_vm *vm = facts->vm;
	const char *state = stoker_state_name(vm->state);

	switch (key) {
	case FILTER_WORD:
		return inside(vm->name, value) || inside(state, value) || inside(vm->ip, value) || inside(vm->image, value) ||
		       inside(vm->labels, value) || inside(vm->backend, value) || (vm->stale && inside("stale", value));
	case FILTER_NAME:
		return inside(vm->name, value);
	case FILTER_STATE:
		return begins(state, value) || (vm->stale && begins("stale", value)) || (booting(vm) && begins("booting", value));
	case FILTER_LABEL:
		return label_fits(vm->labels, value);
	case FILTER_BACKEND:
		return begins(vm->backend, value) || (strcasecmp(value, "fc") == 0 && begins(vm->backend, "firecracker"));
	case FILTER_ACCEL:
		return begins(vm->accel, value);
	case FILTER_IMAGE:
		return inside(vm->image, value);
	case FILTER_IP:
		return begins(vm->ip, value);
	case FILTER_ID:
		return begins(vm->id, value);
	case FILTER_NETWORK:
		return begins(stoker_network_name(vm->network), value);
	case FILTER_DISK_MODE:
		return begins(stoker_disk_mode_name(vm->disk_mode), value);
	case FILTER_IS:
		return is_fits(facts, value);
	default:
		return false;
	}
}

/* -1: not known. */
static int64_t figure(enum vm_filter_key key, const struct vm_filter_facts *facts)
{
	const struct stoker_vm *vm = facts->vm;
	switch (key) {
	case FILTER_CPU:
		return facts->cpu_percent;
	case FILTER_MEM:
		return vm->memory_mib;
	case FILTER_RSS:
		return facts->rss_mib;
	case FILTER_DISK:
		return vm->disk_mib;
	case FILTER_VCPUS:
		return vm->vcpus;
	case FILTER_AGE:
		return vm->created_at_ms > 0 && facts->now_ms >= vm->created_at_ms ? facts->now_ms - vm->created_at_ms : -1;
	case FILTER_UP:
		return facts->uptime_ms;
	case FILTER_PORT:
		return vm->ssh_port > 0 ? vm->ssh_port : -1;
	case FILTER_PID:
		return vm->pid > 0 ? vm->pid : -1;
	case FILTER_EXIT:
		return vm->exit_status;
	default:
		return -1;
	}
}

static bool compares(enum vm_filter_compare compare, int64_t is, int64_t wanted)
{
	switch (compare) {
	case FILTER_MORE:
		return is > wanted;
	case FILTER_LESS:
		return is < wanted;
	case FILTER_AT_LEAST:
		return is >= wanted;
	case FILTER_AT_MOST:
		return is <= wanted;
	default:
		return is == wanted;
	}
}

static bool term_fits(const struct vm_filter *filter, const struct vm_filter_term *term, const struct vm_filter_facts *facts)
{
	const char *text = filter->text + term->from, *end = text + term->len;
	char value[VALUE_MAX];

	if (keys[term->key].unit != UNIT_NONE) {
		int64_t is = figure(term->key, facts);
		return is >= 0 && compares(term->compare, is, term->number);
	}
	while (text < end) {
		size_t n = 0, kept;
		/* A word may hold a comma: labels do. */
		while (text + n < end && (text[n] != ',' || term->key == FILTER_WORD))
			n++;
		kept = n < sizeof value ? n : sizeof value - 1;
		memcpy(value, text, kept);
		value[kept] = '\0';
		if (n > 0 && text_fits(term->key, facts, value))
			return true;
		text += n + 1;
	}
	return false;
}

bool vm_filter_fits(const struct vm_filter *filter, const struct vm_filter_facts *facts)
{
	size_t i;
	for (i = 0; i < filter->count; i++) {
		if (term_fits(filter, &filter->terms[i], facts) == filter->terms[i].negative)
			return false;
	}
	return true;
}

/* -------------------------------------------------------------- completion */

struct candidates {
	char (*out)[FILTER_CANDIDATE_SIZE];
	size_t count, cap;
	const char *typed; /* the value as far as it is typed */
	size_t typed_len;
	const char *before; /* what stands before it in the term */
	size_t before_len;
};

static void offer(struct candidates *c, const char *value, const char *after)
{
	char text[FILTER_CANDIDATE_SIZE];
	size_t i;
	int n;

	if (*value == '\0' || !has_prefix(value, c->typed, c->typed_len) || c->count == c->cap)
		return;
	n = snprintf(text, sizeof text, "%.*s%s%s", (int)c->before_len, c->before, value, after);
	if (n < 0 || (size_t)n >= sizeof text)
		return;
	for (i = 0; i < c->count; i++) {
		if (strcmp(c->out[i], text) == 0)
			return;
	}
	memcpy(c->out[c->count++], text, (size_t)n + 1);
}

static void offer_labels(struct candidates *c, const char *labels)
{
	char pair[STOKER_LABELS_SIZE];
	while (*labels != '\0') {
		size_t n = strcspn(labels, ",");
		memcpy(pair, labels, n);
		pair[n] = '\0';
		offer(c, pair, "");
		labels += n + (labels[n] == ',');
	}
}

static void offer_values(struct candidates *c, enum vm_filter_key key, const struct stoker_vm *vm)
{
	switch (key) {
	case FILTER_NAME:
		offer(c, vm->name, "");
		break;
	case FILTER_LABEL:
		offer_labels(c, vm->labels);
		break;
	case FILTER_BACKEND:
		offer(c, vm->backend, "");
		break;
	case FILTER_ACCEL:
		offer(c, vm->accel, "");
		break;
	case FILTER_IMAGE:
		offer(c, vm->image, "");
		break;
	case FILTER_IP:
		offer(c, vm->ip, "");
		break;
	case FILTER_ID:
		offer(c, vm->id, "");
		break;
	case FILTER_NETWORK:
		offer(c, stoker_network_name(vm->network), "");
		break;
	case FILTER_DISK_MODE:
		offer(c, stoker_disk_mode_name(vm->disk_mode), "");
		break;
	default:
		break;
	}
}

size_t vm_filter_complete(const char *text, size_t at, const struct stoker_vm *(*vm_at)(const void *context, size_t i),
                       const void *context, size_t vms, char (*out)[FILTER_CANDIDATE_SIZE], size_t cap, size_t *from)
{
	struct candidates c = { out, 0, cap, NULL, 0, NULL, 0 };
	enum vm_filter_key key;
	size_t begin = at, name, i;
	const char *comma;

	while (begin > 0 && text[begin - 1] != ' ' && text[begin - 1] != '\t')
		begin--;
	*from = begin;
	c.before = text + begin;
	name = begin + (begin < at && text[begin] == '!');
	for (i = name; i < at && (isalnum((unsigned char)text[i]) || text[i] == '-'); i++)
		;
	if (i == at) { /* a key, or a word: then names are offered too */
		c.before_len = name - begin;
		c.typed = text + name;
		c.typed_len = at - name;
		for (key = FILTER_NAME; key < FILTER_KEY_COUNT; key++)
			offer(&c, keys[key].name, keys[key].unit == UNIT_NONE ? ":" : ">");
		for (i = 0; at > name && i < vms; i++)
			offer(&c, vm_at(context, i)->name, "");
		return c.count;
	}
	key = find_key(text + name, i - name);
	if (key == FILTER_KEY_COUNT || text[i] != ':')
		return 0;
	c.typed = text + i + 1;
	while ((comma = memchr(c.typed, ',', (size_t)(text + at - c.typed))) != NULL)
		c.typed = comma + 1;
	c.typed_len = (size_t)(text + at - c.typed);
	c.before_len = (size_t)(c.typed - c.before);
	if (key == FILTER_STATE) {
		for (i = 0; i < STOKER_STATE_COUNT; i++)
			offer(&c, stoker_state_name((enum stoker_state)i), "");
		offer(&c, "booting", "");
		offer(&c, "stale", "");
	}
	for (i = 0; key == FILTER_IS && i < sizeof is_words / sizeof *is_words; i++)
		offer(&c, is_words[i], "");
	for (i = 0; i < vms; i++)
		offer_values(&c, key, vm_at(context, i));
	return c.count;
}
