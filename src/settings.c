/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.c - the configuration file over built-in defaults. One table says
 * for every key what it means, what is allowed and what is standard; values
 * are checked when the file is read, so that whoever asks later may rely on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "handle.h"
#include "settings.h"
#include "settings_check.h"
#include "spec.h"
#include "store.h"

#define FILE_MAX (64 * 1024)
#define VALUE_MAX 192

static const struct setting_key keys[] = {
	{ "defaults.image", "micro", WORD, 0, 0, NULL, "Image of a VM created without one" },
	{ "defaults.vcpus", "1", NUMBER, 1, SPEC_VCPUS_MAX, NULL, "Virtual CPUs of a VM" },
	{ "defaults.memory_mib", "512", NUMBER, SPEC_MEMORY_MIN, 16777216, NULL, "Memory of a VM in MiB" },
	{ "defaults.disk_mib", "2048", NUMBER, SPEC_DISK_MIN, 67108864, NULL, "Size of a VM's own disk in MiB" },
	{ "defaults.disk_mode", "isolated", CHOICE, 0, 0, "isolated|shared|copy", "What a VM sees as its disk" },
	{ "defaults.backend", "auto", CHOICE, 0, 0, "auto|" STOKER_BACKENDS("|"), "Which VMM runs a VM" },
	{ "defaults.accel", "auto", CHOICE, 0, 0, "auto|kvm|tcg", "KVM, emulation, or whichever works" },
	{ "defaults.network", "auto", CHOICE, 0, 0, "auto|user|tap|none", "How a VM is connected" },
	{ "defaults.egress", "all", EGRESS, 0, 0, NULL, "What a VM may reach by itself: all, none or networks (tap only)" },
	{ "network.pool", "172.16.0.2-172.16.0.254", ADDRESSES, 0, 0, NULL,
	  "Addresses given to VMs: FIRST-LAST or CIDR" },
	{ "network.ports", "2200-2999", PORTS, 0, 0, NULL, "Ports of 127.0.0.1 forwarded to the VMs' SSH" },
	{ "network.dns", "host", DNS, 0, 0, NULL, "Name servers of VMs with network tap: host, none or addresses" },
	{ "firecracker.binary", "firecracker", PROGRAM, 0, 0, NULL, "Firecracker: a name in PATH or an absolute path" },
	{ "firecracker.url", "upstream", SOURCE, 0, 0, NULL,
	  "Where doctor --install gets the release's archive: upstream or a URL" },
	{ "qemu.binary", "qemu-system-x86_64", PROGRAM, 0, 0, NULL, "QEMU: a name in PATH or an absolute path; not set: with KVM, its small build where that does" },
	{ "timeouts.ready_s", "60", NUMBER, 1, 3600, NULL, "Seconds to wait for a VM to become ready" },
	{ "timeouts.stop_s", "3", NUMBER, 0, 3600, NULL, "Seconds a guest has to power off before it is killed" },
	{ "trash.keep_s", "600", NUMBER, 0, 31536000, NULL, "Seconds a VM rests in the trash; 0: none is put there" },
	{ "console.log_kib", "4096", NUMBER, 16, 1048576, NULL, "Size in KiB at which a console log is rotated" },
	{ "ui.leave_key", "Ctrl-]", KEY, 0, 0, NULL, "Key that leaves the shell pane" },
	{ "ui.refresh_ms", "1000", NUMBER, 100, 60000, NULL, "How often the dashboard samples CPU and memory" },
	{ "ui.mouse", "auto", CHOICE, 0, 0, "auto|on|off", "Use the mouse in the dashboard" },
	{ "ui.colour", "auto", CHOICE, 0, 0, "auto|none|8|16|256", "Colours of the dashboard" },
	{ "ui.ascii", "auto", CHOICE, 0, 0, "auto|on|off", "Draw with plain ASCII" },
	{ "ui.theme", "auto", CHOICE, 0, 0, "auto|dark|light|contrast|colourblind|mono",
	  "Colours of the dashboard; auto goes by the terminal's background" },
	{ "ui.guest_clipboard", "off", CHOICE, 0, 0, "off|on", "Let programs in a shell pane set the clipboard (OSC 52)" },
	{ "ui.scrollback", "5000", NUMBER, 0, 200000, NULL, "Lines kept behind a shell pane" },
};
#define KEYS (sizeof keys / sizeof *keys)

/* Sections whose keys whoever writes the file chooses; what the values mean is the user interface's to check. */
static const struct {
	const char *section, *help;
} open_sections[] = {
	{ "keys", "Key of an action in the dashboard" },
	{ "filters", "Filter of that name" },
	{ "presets", "What a VM made from that preset gets" },
};
#define OPEN_SECTIONS (sizeof open_sections / sizeof *open_sections)
#define OPEN_MAX 256
#define OPEN_NAME_MAX 32

struct value {
	char *text; /* NULL: the standard */
	char *origin;
};

struct open_value {
	char *key; /* with its section */
	struct value value;
	const char *help;
};

struct settings {
	struct value values[KEYS];
	struct open_value *open;
	size_t open_count;
};

/* ---- reading */

struct reading {
	struct settings *settings;
	const char *file;
	FILE *stream;
	unsigned line, failed_line;
	unsigned name_col, value_col; /* of the line that was read last, from 1, in bytes */
	bool failed, no_memory;
	struct stoker_error *err;
};

static const struct setting_key *find(const char *name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strcmp(keys[i].key, name) == 0)
			return &keys[i];
	return NULL;
}

/* Edits to get from a to b; names here are short. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);
	if (n >= 64 || strlen(a) >= 64)
		return UINT_MAX;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned before = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned up = row[j], best = before + (a[i - 1] != b[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			before = up;
			row[j] = best;
		}
	}
	return row[n];
}

static const char *nearest(const char *name)
{
	const char *best = NULL, *tail = strchr(name, '.');
	unsigned least = 4;
	for (size_t i = 0; i < KEYS; i++) {
		unsigned d = distance(name, keys[i].key);
		/* The right key under the wrong section. */
		if (tail && strcmp(tail, strchr(keys[i].key, '.')) == 0 && d > 2)
			d = 2;
		if (d < least) {
			least = d;
			best = keys[i].key;
		}
	}
	return best;
}

__attribute__((format(printf, 4, 5))) static void refuse(struct reading *r, unsigned col, const char *fix,
                                                          const char *why, ...)
{
	char text[512];
	va_list ap;
	if (r->failed)
		return; /* the first one is told */
	r->failed = true;
	r->failed_line = r->line;
	va_start(ap, why);
	vsnprintf(text, sizeof text, why, ap);
	va_end(ap);
	error_set(r->err, STOKER_E_INVALID, "%s:%u:%u: %s", r->file, r->line, col > 0 ? col : 1, text);
	error_fix(r->err, "%s", fix);
}

/* fgets for inih that counts lines and keeps out what inih would take wrongly:
 * lines it would split, continuation lines, NUL bytes. */
static char *next_line(char *buf, int cap, void *user)
{
	struct reading *r = user;
	int c, len = 0;
	size_t at;
	bool too_long = false, nul = false;

	if (cap < 3 || (c = getc_unlocked(r->stream)) == EOF)
		return NULL;
	r->line++;
	r->name_col = 1;
	for (; c != EOF && c != '\n'; c = getc_unlocked(r->stream)) {
		if (len == 0 && (c == ' ' || c == '\t')) {
			r->name_col++;
			continue;
		}
		nul |= c == '\0';
		if (len < cap - 2)
			buf[len++] = (char)c;
		else
			too_long = true;
	}
	if (nul)
		refuse(r, r->name_col, "Write it as plain text", "the line holds a NUL byte");
	else if (too_long)
		refuse(r, r->name_col, "Shorten it", "the line is longer than %d bytes", cap - 2);
	if (nul || too_long)
		len = 0;
	buf[len++] = '\n';
	buf[len] = '\0';
	at = strcspn(buf, "=:\n");
	at += buf[at] != '\n';
	at += strspn(buf + at, " \t");
	r->value_col = r->name_col + (unsigned)at;
	return buf;
}

/* Room for one more in an open section, NULL (with the complaint made) when it may not be. */
static struct value *open_slot(struct reading *r, size_t section, const char *name, const char *full)
{
	struct settings *settings = r->settings;
	struct open_value *slot;
	size_t len = strlen(name);

	if (len == 0 || len > OPEN_NAME_MAX || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
		refuse(r, r->name_col, "Allowed are lower case letters, digits and -, 32 at most", "%s: this name is not allowed",
		       full);
		return NULL;
	}
	for (size_t i = 0; i < settings->open_count; i++)
		if (strcmp(settings->open[i].key, full) == 0)
			return &settings->open[i].value;
	if (settings->open_count == OPEN_MAX) {
		refuse(r, r->name_col, "Leave some out", "there are more than %d entries under [keys], [filters] and [presets]",
		       OPEN_MAX);
		return NULL;
	}
	slot = realloc(settings->open, (settings->open_count + 1) * sizeof *slot);
	if (!slot) {
		r->no_memory = true;
		return NULL;
	}
	settings->open = slot;
	slot += settings->open_count;
	memset(slot, 0, sizeof *slot);
	slot->help = open_sections[section].help;
	slot->key = strdup(full);
	if (!slot->key) {
		r->no_memory = true;
		return NULL;
	}
	settings->open_count++;
	return &slot->value;
}

static bool is_text(const char *value)
{
	char clean[VALUE_MAX * 2];
	return *value && strcmp(error_clean(clean, sizeof clean, value, strlen(value)), value) == 0;
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
	struct reading *r = user;
	const struct setting_key *key = NULL;
	struct setting_fault fault;
	struct value *slot;
	size_t open = 0;
	char full[128], shown[128];

	snprintf(full, sizeof full, "%.60s%s%.60s", section, section[0] ? "." : "", name);
	error_clean(shown, sizeof shown, full, strlen(full));
	while (open < OPEN_SECTIONS && strcmp(section, open_sections[open].section) != 0)
		open++;
	if (open == OPEN_SECTIONS)
		key = find(full);
	if (!key && open == OPEN_SECTIONS) {
		const char *near = nearest(full);
		char fix[192];
		if (!section[0] && !near)
			snprintf(fix, sizeof fix, "Keys stand under a section, such as [defaults]");
		else if (near)
			snprintf(fix, sizeof fix, "Did you mean %s?", near);
		else
			snprintf(fix, sizeof fix, "stoker.conf(5) lists the keys there are");
		refuse(r, r->name_col, fix, "%s: there is no such key", shown);
		return 0;
	}
	slot = key ? &r->settings->values[key - keys] : open_slot(r, open, name, shown);
	if (!slot)
		return 0;
	if (slot->text) {
		refuse(r, r->name_col, "Leave one of them out", "%s: it was set before, at %s", shown, slot->origin);
		return 0;
	}
	if (strlen(value) >= VALUE_MAX || (key ? !setting_check(key, value, &fault) : !is_text(value))) {
		if (strlen(value) >= VALUE_MAX)
			refuse(r, r->value_col, "Shorten it", "%s: the value is longer than %d bytes", shown, VALUE_MAX - 1);
		else if (key)
			refuse(r, r->value_col, fault.allowed, "%s: %s", shown, fault.why);
		else
			refuse(r, r->value_col, "Write it as plain text", "%s: it has no value, or one that cannot be shown", shown);
		return 0;
	}
	slot->text = strdup(value);
	if (!slot->text || asprintf(&slot->origin, "%s:%u", r->file, r->line) < 0) {
		slot->origin = NULL;
		r->no_memory = true;
		return 0;
	}
	return 1;
}

/* What decides which program runs must not be writable by strangers. */
static enum stoker_status check_file(const char *file, const struct stat *sb, struct stoker_error *err)
{
	if (!S_ISREG(sb->st_mode)) {
		error_set(err, STOKER_E_INVALID, "the configuration %s is not a regular file", file);
		return error_fix(err, "Name a file with --config FILE"), STOKER_E_INVALID;
	}
	if (sb->st_uid != geteuid() && sb->st_uid != 0) {
		error_set(err, STOKER_E_INVALID, "the configuration %s belongs to user %u, neither to you nor to root",
		          file, (unsigned)sb->st_uid);
		return error_fix(err, "Copy it to a file of your own"), STOKER_E_INVALID;
	}
	if (sb->st_mode & 002) {
		error_set(err, STOKER_E_INVALID, "the configuration %s may be written by anybody", file);
		return error_fix(err, "Close it: chmod o-w '%s'", file), STOKER_E_INVALID;
	}
	if (sb->st_size > FILE_MAX) {
		error_set(err, STOKER_E_INVALID, "the configuration %s is larger than %d KiB", file, FILE_MAX / 1024);
		return error_fix(err, "stoker.conf(5) tells what belongs in it"), STOKER_E_INVALID;
	}
	return STOKER_OK;
}

enum stoker_status settings_load(const char *file, bool must_exist, struct settings **out, struct stoker_error *err)
{
	struct reading r = { .file = file, .err = err };
	enum stoker_status st = STOKER_OK;
	struct stat sb;
	int fd = -1, at;

	*out = NULL;
	r.settings = calloc(1, sizeof *r.settings);
	if (!r.settings)
		return error_errno(err, ENOMEM, "cannot read the configuration");
	if (file && file[0])
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (must_exist || (file && file[0] && errno != ENOENT && errno != ENOTDIR)) {
			int e = errno;
			st = e == ENOENT ? error_set(err, STOKER_E_NOT_FOUND, "there is no configuration file %s", file)
			                 : error_errno(err, e, "cannot read the configuration %s", file);
			error_fix(err, "Check the path given by --config or STOKER_CONFIG");
		}
		goto out;
	}
	if (fstat(fd, &sb) < 0) {
		st = error_errno(err, errno, "cannot read the configuration %s", file);
		goto out;
	}
	st = check_file(file, &sb, err);
	if (st != STOKER_OK)
		goto out;
	r.stream = fdopen(fd, "r");
	if (!r.stream) {
		st = error_errno(err, errno, "cannot read the configuration %s", file);
		goto out;
	}
	fd = -1;
	at = ini_parse_stream(next_line, &r, on_pair, &r);
	if (ferror(r.stream))
		st = error_errno(err, errno, "cannot read the configuration %s", file);
	else if (r.no_memory || at == -2)
		st = error_errno(err, ENOMEM, "cannot read the configuration %s", file);
	else if (r.failed && (at <= 0 || (unsigned)at >= r.failed_line))
		st = STOKER_E_INVALID;
	else if (at > 0) { /* inih's own complaint, and the first of all */
		r.line = (unsigned)at;
		r.failed = false;
		refuse(&r, 1, "Write [section], key = value, or a comment beginning with #", "this is no setting");
		st = STOKER_E_INVALID;
	}
out:
	if (r.stream)
		fclose(r.stream);
	if (fd >= 0)
		close(fd);
	if (st != STOKER_OK) {
		settings_free(r.settings);
		return st;
	}
	*out = r.settings;
	return STOKER_OK;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; settings && i < KEYS; i++) {
		free(settings->values[i].text);
		free(settings->values[i].origin);
	}
	for (size_t i = 0; settings && i < settings->open_count; i++) {
		free(settings->open[i].key);
		free(settings->open[i].value.text);
		free(settings->open[i].value.origin);
	}
	if (settings)
		free(settings->open);
	free(settings);
}

/* ---- asking */

static const char *value_at(const struct settings *settings, size_t i)
{
	return settings && settings->values[i].text ? settings->values[i].text : keys[i].standard;
}

bool settings_given(const struct settings *settings, const char *key)
{
	const struct setting_key *k = find(key);
	return k && settings && settings->values[k - keys].text;
}

const char *settings_get(const struct settings *settings, const char *key)
{
	const struct setting_key *k = find(key);
	if (k)
		return value_at(settings, (size_t)(k - keys));
	for (size_t i = 0; settings && i < settings->open_count; i++)
		if (strcmp(settings->open[i].key, key) == 0)
			return settings->open[i].value.text;
	return NULL;
}

long settings_number(const struct settings *settings, const char *key)
{
	const char *text = settings_get(settings, key);
	long n = 0;
	return text && setting_number(text, &n) ? n : 0;
}

void settings_pools(const struct settings *settings, struct store_pools *out)
{
	const char *why;
	/* Both were checked when read, and the standards are right. */
	if (!setting_addresses(settings_get(settings, "network.pool"), &out->first_address, &out->last_address, &why))
		out->first_address = out->last_address = 0;
	if (!setting_ports(settings_get(settings, "network.ports"), &out->first_port, &out->last_port, &why))
		out->first_port = out->last_port = 0;
}

const char *stoker_setting(const stoker *s, const char *key)
{
	return settings_get(s->settings, key);
}

bool stoker_setting_at(const stoker *s, size_t i, struct stoker_setting_row *out)
{
	if (i >= KEYS) {
		const struct open_value *open;
		if (!s->settings || i - KEYS >= s->settings->open_count)
			return false;
		open = &s->settings->open[i - KEYS];
		out->key = open->key;
		out->value = open->value.text;
		out->standard = "";
		out->help = open->help;
		out->origin = open->value.origin;
		return true;
	}
	out->key = keys[i].key;
	out->value = value_at(s->settings, i);
	out->standard = keys[i].standard;
	out->help = keys[i].help;
	out->origin = s->settings && s->settings->values[i].origin ? s->settings->values[i].origin : "default";
	return true;
}

enum stoker_status stoker_settings_reload(stoker *s, struct stoker_error *err)
{
	struct settings *fresh;
	enum stoker_status st = settings_load(s->config_file, false, &fresh, err);

	if (st != STOKER_OK)
		return error_what(err, "read the configuration"), st;
	settings_free(s->settings);
	s->settings = fresh;
	return STOKER_OK;
}
