/* SPDX-License-Identifier: Apache-2.0
 *
 * remember.c - see remember.h.
 */
#include "remember.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "appearance.h"
#include "command.h"
#include "memory.h"
#include "preset.h"

static void read_defaults(struct loop *loop)
{
	static const struct {
		enum form_field field;
		const char *key, *value;
	} defaults[] = {
		{ FORM_IMAGE, "defaults.image", "micro" },       { FORM_VCPUS, "defaults.vcpus", "1" },
		{ FORM_MEMORY, "defaults.memory_mib", "512" },   { FORM_DISK, "defaults.disk_mib", "2048" },
		{ FORM_DISK_MODE, "defaults.disk_mode", "isolated" }, { FORM_BACKEND, "defaults.backend", "auto" },
		{ FORM_ACCEL, "defaults.accel", "auto" },        { FORM_NETWORK, "defaults.network", "auto" },
		{ FORM_EGRESS, "defaults.egress", "all" },       { FORM_EPHEMERAL, NULL, "no" },
		{ FORM_START, NULL, "yes" },
	};
	size_t i;
	for (i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		const char *value = defaults[i].key != NULL ? loop_setting(loop, defaults[i].key) : "";
		field_set(&loop->model->defaults[defaults[i].field], *value != '\0' ? value : defaults[i].value);
	}
}

static void first_problem(void *user, const char *origin, const char *text)
{
	struct event *event = user;
	if (event->text[0] == '\0')
		snprintf(event->text, sizeof event->text, "%s: %s", origin, text);
}

/* What the file gets wrong about keys is said, and the rest of it holds. */
static void read_keys(struct loop *loop)
{
	struct event event = { .kind = EVENT_NOTICE, .failed = true };
	if (keymap_load(&loop->model->keymap, loop->s, first_problem, &event) > 0)
		loop_feed(loop, &event);
}

static void add_setting(struct model *model, size_t *cap, const char *key, const char *value, const char *origin,
                        const char *help)
{
	struct setting_line *line;
	if (model->setting_count == *cap) {
		size_t more = *cap == 0 ? 64 : *cap * 2;
		struct setting_line *grown = realloc(model->settings, more * sizeof *grown);
		if (grown == NULL)
			return;
		model->settings = grown;
		*cap = more;
	}
	line = &model->settings[model->setting_count++];
	snprintf(line->key, sizeof line->key, "%s", key);
	snprintf(line->value, sizeof line->value, "%s", value);
	snprintf(line->origin, sizeof line->origin, "%s", origin);
	snprintf(line->help, sizeof line->help, "%s", help);
}

/* Those of the file, and the filters that were kept by hand. */
static void read_settings(struct loop *loop)
{
	struct model *model = loop->model;
	struct stoker_setting_row row;
	char key[48];
	size_t i, cap = 0;
	int k;

	free(model->settings);
	model->settings = NULL;
	model->setting_count = 0;
	for (i = 0; stoker_setting_at(loop->s, i, &row); i++)
		add_setting(model, &cap, row.key, row.value, row.origin, row.help);
	for (k = 0; k < model->kept_count; k++) {
		snprintf(key, sizeof key, "filters.%s", model->kept[k].name);
		if (stoker_setting(loop->s, key) == NULL) /* the file goes before what was kept */
			add_setting(model, &cap, key, model->kept[k].text, "remembered", "Filter of that name");
	}
	preset_names(model);
}

/* The folders that were named to this program are named in its commands too. */
static void read_places(struct loop *loop)
{
	const struct {
		const char *option, *value;
	} places[] = {
		{ "--state", loop->places.state_dir }, { "--runtime", loop->places.runtime_dir },
		{ "--image-dir", loop->places.image_dir }, { "--config", loop->places.config_file },
		{ "--firecracker", loop->places.firecracker },
	};
	size_t i, len = 0, cap = 1;
	char *line;

	for (i = 0; i < sizeof places / sizeof *places; i++) {
		if (places[i].value != NULL)
			cap += strlen(places[i].option) + shell_quote(NULL, 0, places[i].value) + 2;
	}
	line = malloc(cap);
	if (line == NULL)
		return; /* those that were read before stay */
	line[0] = '\0';
	for (i = 0; i < sizeof places / sizeof *places; i++) {
		if (places[i].value == NULL)
			continue;
		len += (size_t)snprintf(line + len, cap - len, " %s ", places[i].option);
		len += shell_quote(line + len, cap - len, places[i].value);
	}
	free(loop->model->command_places);
	loop->model->command_places = line;
}

void config_apply(struct loop *loop)
{
	loop->scrollback = (size_t)strtoul(loop_setting(loop, "ui.scrollback"), NULL, 10);
	loop->refresh_ns = strtol(loop_setting(loop, "ui.refresh_ms"), NULL, 10) * MS;
	if (loop->refresh_ns < 100 * MS)
		loop->refresh_ns = 1000 * MS;
	loop->guest_clipboard = strcmp(loop_setting(loop, "ui.guest_clipboard"), "on") == 0;
	loop->model->trash_keep_s = strtol(loop_setting(loop, "trash.keep_s"), NULL, 10);
	read_defaults(loop);
	read_settings(loop);
	read_places(loop);
	read_keys(loop);
}

void config_watch(struct loop *loop)
{
	char folder[PATH_MAX];
	const char *path = stoker_place(loop->s, STOKER_PLACE_CONFIG), *slash = path != NULL ? strrchr(path, '/') : NULL;
	int n;

	if (slash == NULL)
		return;
	n = snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (n < 0 || (size_t)n >= sizeof folder)
		return;
	loop->config_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (loop->config_fd >= 0 &&
	    inotify_add_watch(loop->config_fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR) < 0) {
		close(loop->config_fd); /* there is no such folder: then nothing in it changes */
		loop->config_fd = -1;
	}
}

void config_changed(struct loop *loop)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const char *path = stoker_place(loop->s, STOKER_PLACE_CONFIG), *name = path != NULL ? strrchr(path, '/') : NULL;
	struct event event = { .kind = EVENT_NOTICE };
	struct stoker_error err;
	bool ours = false;
	ssize_t n;

	while ((n = read(loop->config_fd, buf, sizeof buf)) > 0) {
		ssize_t at = 0;
		while (at < n) {
			const struct inotify_event *e = (const void *)(buf + at);
			ours = ours || (name != NULL && e->len > 0 && strcmp(e->name, name + 1) == 0);
			at += (ssize_t)(sizeof *e + e->len);
		}
	}
	if (!ours)
		return;
	memset(&err, 0, sizeof err);
	if (stoker_settings_reload(loop->s, &err) != STOKER_OK) {
		event.failed = true;
		stoker_error_text(&err, event.text, sizeof event.text);
		loop_feed(loop, &event);
		return;
	}
	jobs_renew(loop->jobs);
	snprintf(event.text, sizeof event.text, "the configuration was read again");
	loop_feed(loop, &event);
	appearance_apply(loop);
	config_apply(loop); /* what it says of keys goes before that line */
	loop->dirty = true;
}

/* ------------------------------------------------------------------ memory */

/* Where it is remembered how the dashboard was left; false when that is too long. */
static bool memory_path(const struct loop *loop, char *buf, size_t cap)
{
	return snprintf(buf, cap, "%s/tui.state", stoker_place(loop->s, STOKER_PLACE_STATE)) < (int)cap;
}

void memory_apply(struct loop *loop)
{
	struct model *model = loop->model;
	struct event hint = { .kind = EVENT_NOTICE };
	char path[4096], help[24], commands[24];
	bool first = true;

	if (memory_path(loop, path, sizeof path)) {
		first = access(path, F_OK) != 0;
		memory_load(model, path);
	}
	memory_text(model, loop->remembered, sizeof loop->remembered);
	if (first) /* then it is kept even if nothing is changed: who has been here once is not welcomed again */
		snprintf(loop->remembered, sizeof loop->remembered, "nothing");
	read_settings(loop);
	model_arrange(model);
	if (!first || model->message[0] != '\0')
		return;
	action_first_key(model, ACTION_HELP, help, sizeof help);
	action_first_key(model, ACTION_PALETTE, commands, sizeof commands);
	snprintf(hint.text, sizeof hint.text, "Welcome. %s explains the keys, %s finds everything by its name", help, commands);
	loop_feed(loop, &hint);
}

/* Only what was changed, and nothing when nothing may be. */
void memory_keep(struct loop *loop)
{
	char path[4096], *now;
	if (loop->model == NULL || loop->options->once || loop->places.read_only || loop->remembered[0] == '\0')
		return;
	now = malloc(sizeof loop->remembered);
	if (now == NULL)
		return;
	memory_text(loop->model, now, sizeof loop->remembered);
	if (strcmp(now, loop->remembered) != 0 && memory_path(loop, path, sizeof path)) {
		if (memory_save(loop->model, path))
			memcpy(loop->remembered, now, sizeof loop->remembered);
		else if (loop->terminal == NULL || loop->quit)
			fprintf(stderr, "stoker: how the dashboard was left is not remembered: %s: %s\n", path, strerror(errno));
	}
	free(now);
}

void remember_filter(struct loop *loop, const char *name)
{
	struct event event = { .kind = EVENT_NOTICE };

	event.failed = !memory_keep_filter(loop->model, name, loop->model->filter.text);
	if (event.failed)
		snprintf(event.text, sizeof event.text, "filter %s: more than %d cannot be kept", name, KEPT_MAX);
	else
		snprintf(event.text, sizeof event.text, "filter %s kept; the commands list it", name);
	memory_keep(loop);
	read_settings(loop);
	loop_feed(loop, &event);
}
