/* SPDX-License-Identifier: Apache-2.0
 *
 * ui_fleet.h - a fleet of any size with a past, and each view of it opened as
 * an operator would.
 */
#ifndef STOKER_TESTS_UI_FLEET_H
#define STOKER_TESTS_UI_FLEET_H

#include "ui_fixture.h"
#include "tui/palette.h"
#include "ui_played.h"
#include "ui_toy_pane.h"

enum { VIEW_PHASES, VIEW_NOTHING, VIEW_GRAPHS, VIEW_FLEET, VIEW_OPERATIONS, VIEW_EVENTS, VIEW_TREE, VIEW_COLUMNS,
       VIEW_INSPECT, VIEW_PALETTE, VIEW_RESULTS, VIEW_HELP, VIEW_LOG, VIEW_FORM, VIEW_CONFIRM, VIEW_PLAN, VIEW_ANSWERS,
       VIEW_FILTER, VIEW_COMMANDS, VIEW_SHELL, VIEW_SPLIT, VIEW_BROADCAST, VIEW_SLOW, VIEW_ASK_RUN, VIEW_ASK_DISK,
       VIEW_ASK_NAME, VIEW_HELP_FILTER, VIEW_HELP_FLEET, VIEW_HELP_FORM, VIEW_HELP_SHELL, VIEW_WELCOME, VIEW_COPY,
       VIEW_COPY_SEARCH, VIEW_ENDED, VIEW_HELP_COPY, VIEW_HELP_LOG, VIEWS };
static const int sizes[4][2] = { { 10, 40 }, { 24, 80 }, { 43, 132 }, { 80, 300 } };

/* ------------------------------------------------------------------ a fleet */

static const char *const first[] = { "quiet", "amber", "brisk", "old", "tidy", "lone", "swift", "pale", "wry", "bold" };
static const char *const second[] = { "otter", "fox", "heron", "yak", "owl", "lynx", "wren", "elk", "hare", "crane" };

static inline struct stoker_vm any_vm(int i)
{
	static const enum stoker_state states[10] = { STOKER_RUNNING, STOKER_RUNNING, STOKER_RUNNING, STOKER_STOPPED,
		                                      STOKER_RUNNING, STOKER_CRASHED, STOKER_RUNNING, STOKER_PAUSED,
		                                      STOKER_RUNNING, STOKER_ERROR };
	struct stoker_vm vm;
	char name[64];
	if (i < 100)
		snprintf(name, sizeof name, "%s-%s", first[i % 10], second[i / 10]);
	else
		snprintf(name, sizeof name, "%s-%s-%d", first[i % 10], second[i / 10 % 10], i / 100);
	vm = fixture_vm(i, name, states[i % 10]);
	snprintf(vm.labels, sizeof vm.labels, i % 3 == 2 ? "" : "team=%s,tier=%s", i % 3 ? "build" : "web", i % 2 ? "ci" : "prod");
	if (i % 4 == 3)
		snprintf(vm.image, sizeof vm.image, "debian");
	vm.vcpus = 1 + (unsigned)i % 4;
	vm.memory_mib = 256u << (i % 3);
	vm.uptime_ms = vm.uptime_ms < 0 ? -1 : 1000 + (int64_t)i * 977000;
	vm.last_phase = (enum stoker_phase)(i % STOKER_PHASE_DELETE);
	vm.last_phase_ns = (3 + i * 37 % 1700) * 1000000LL;
	if (vm.state == STOKER_CRASHED) {
		vm.exit_status = 265;
		snprintf(vm.reason, sizeof vm.reason, "the VMM was ended by signal 9");
	}
	if (vm.state == STOKER_ERROR)
		snprintf(vm.reason, sizeof vm.reason, "port %d of 127.0.0.1 is taken by another program", 2200 + i);
	if (i % 13 == 6) {
		vm.phase = STOKER_PHASE_BOOT;
		vm.phase_since_ns = NOW_NS - (400 + i % 50 * 60) * 1000000LL;
		vm.ready = false;
	}
	return vm;
}

static inline void take(struct model *model, struct snapshot *snapshot, int64_t now, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_SNAPSHOT);
	event.now_ns = now;
	event.snapshot = snapshot;
	fixture_send(model, &event, effects);
	snapshot_free(snapshot);
}

static inline void live(struct model *model, size_t count, struct effects *effects)
{
	static int64_t used[1000];
	int seconds = count > 100 ? 20 : 600, t;
	size_t i;
	memset(used, 0, sizeof used);
	for (t = 0; t <= seconds; t++) {
		struct snapshot *s = calloc(1, sizeof *s);
		assert_non_null(s);
		s->samples = calloc(count + 1, sizeof *s->samples);
		s->sample_ids = calloc(count + 1, sizeof *s->sample_ids);
		s->sample_count = count;
		for (i = 0; i < count; i++) {
			struct stoker_sample *sample = &s->samples[i];
			int wave = (t + (int)i * 7) % 120;
			wave = wave < 60 ? wave : 120 - wave;
			memcpy(s->sample_ids[i], model->rows[i].vm.id, STOKER_ID_SIZE);
			sample->at_ns = NOW_NS - (seconds - t) * SECOND;
			used[i] += (2 + wave) * model->rows[i].vm.vcpus * (SECOND / 100);
			sample->cpu_ns = model->rows[i].vm.pid == 0 ? -1 : used[i];
			sample->rss_kib = 61000 + (uint64_t)wave * 700 + (uint64_t)t * 60;
			sample->read_bytes = t * 4000LL;
			sample->write_bytes = t / 40 * 9000000LL;
			sample->rx_bytes = i % 2 ? -1 : t * 1500LL + (wave > 50 ? 400000 : 0) * (t / 60 + 1);
			sample->tx_bytes = 0;
			sample->traffic_ns = sample->at_ns;
		}
		s->has_host = true;
		snprintf(s->host.hostname, sizeof s->host.hostname, "tower");
		s->host.cpus = 8;
		s->host.cpu_total_ticks = 1000 + (uint64_t)t * 100;
		s->host.cpu_busy_ticks = 100 + (uint64_t)(t * 31 + (t % 3) * 12);
		s->host.mem_total_kib = 24536678;
		s->host.mem_available_kib = 18140365;
		s->host.addresses_used = s->host.ports_used = (unsigned)count;
		s->host.addresses_total = 2045;
		s->host.ports_total = 2000;
		take(model, s, NOW_NS - (seconds - t) * SECOND, effects);
	}
}

static inline void happened(struct model *model, size_t count, struct effects *effects)
{
	static const char *const actors[] = { "dashboard", "command", "guest", "host", "reconcile" };
	static const char *const kinds[] = { "created", "started", "ready", "stopped", "failed", "crashed" };
	static const int usual[STOKER_PHASE_COUNT] = { 4, 25, 1480, 250, 9, 40, 6 };
	struct snapshot *s = calloc(1, sizeof *s);
	struct stoker_timing *timings = calloc(count * STOKER_PHASE_COUNT * 2 + 1, sizeof *timings);
	size_t i, n = 0;
	int p;

	assert_true(s != NULL && timings != NULL);
	s->event_count = count == 0 ? 0 : 60;
	s->events = calloc(61, sizeof *s->events);
	for (i = 0; i < s->event_count; i++) {
		struct stoker_event *event = &s->events[i];
		const struct stoker_vm *vm = &model->rows[i % count].vm;
		event->seq = (int64_t)i + 1;
		event->at_ms = WALL_MS - (int64_t)(60 - i) * 1000 * 331;
		snprintf(event->actor, sizeof event->actor, "%s", actors[i % 5]);
		snprintf(event->kind, sizeof event->kind, "%s", kinds[i * 7 % 6]);
		snprintf(event->text, sizeof event->text, "%s %s", vm->name, kinds[i * 7 % 6]);
		memcpy(event->id, vm->id, sizeof event->id);
		memcpy(event->name, vm->name, sizeof event->name);
	}
	for (i = 0; i < count * 2; i++) {
		const struct stoker_vm *vm = &model->rows[i % count].vm;
		for (p = 0; p < STOKER_PHASE_COUNT; p++) {
			struct stoker_timing *timing = &timings[n++];
			memcpy(timing->id, vm->id, sizeof timing->id);
			memcpy(timing->name, vm->name, sizeof timing->name);
			timing->phase = (enum stoker_phase)p;
			timing->run = p == STOKER_PHASE_CREATE ? 0 : 1 + (uint32_t)(i / count);
			timing->duration_ns = usual[p] * 10000LL * (80 + (int64_t)(i * 37 % 41) + (i % 29 == 0 ? 90 : 0));
		}
	}
	s->has_spread = fleet_spread(timings, n, s->spread);
	s->has_fleet = true;
	for (p = 0; p < STOKER_PHASE_COUNT; p++) {
		s->fleet[p].count = s->spread[p].count;
		s->fleet[p].p50_ns = s->spread[p].p50_ns;
		s->fleet[p].p95_ns = s->spread[p].p95_ns;
		s->fleet[p].p99_ns = s->spread[p].p99_ns;
	}
	s->has_timings = true;
	memcpy(s->timings_id, model->selected, sizeof s->timings_id);
	s->timings = calloc(n + 1, sizeof *s->timings);
	for (i = n; i > 0; i--) {
		if (strcmp(timings[i - 1].id, model->selected) == 0)
			s->timings[s->timing_count++] = timings[i - 1];
	}
	free(timings);
	take(model, s, NOW_NS, effects);
}

static inline struct model *fleet(size_t count, struct effects *effects)
{
	struct model *model = model_new(24, 80);
	struct stoker_vm *vms = calloc(count + 1, sizeof *vms);
	size_t i;
	if (model == NULL || vms == NULL)
		abort();
	for (i = 0; i < count; i++)
		vms[i] = any_vm((int)i);
	fixture_list(model, vms, count, effects);
	live(model, count, effects);
	happened(model, count, effects);
	free(vms);
	return model;
}

/* -------------------------------------------------------------------- views */

/* Keys that the front pane gets: what the loop does with them. */
static inline void to_pane(struct model *model, const char *keys)
{
	for (; *keys != '\0'; keys++) {
		struct key key = { .kind = KEY_KIND_CHAR, .ch = (unsigned char)*keys };
		model->panes[model->front]->ops->key(model->panes[model->front], &key, &model->keymap);
	}
}

/* A real pane on a session that has said this much, and is over or is not. */
static inline void real_shell(struct model *model, bool over, struct effects *effects)
{
	stoker_shell *shell = calloc(1, sizeof *shell);
	const struct row *row = model_selected(model);
	struct event event;

	assert_non_null(shell);
	if (row == NULL) {
		free(shell);
		return;
	}
	shell->over = over;
	fixture_special(model, SK_ENTER, effects);
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = shell_pane_new(shell, &row->vm, 10, 60, 200);
	assert_non_null(event.pane);
	do
		event.pane->ops->ready(event.pane, NULL, 0);
	while (event.pane->ops->timeout_ms(event.pane) == 0);
	fixture_send(model, &event, effects);
	if (model->front < 0) /* one that does not run opens none: it is brought there */
		pane_front(model, model->pane_count - 1, true);
	model->op_count = 0;
	model->message[0] = '\0';
}

static inline void read_back(struct model *model, const char *keys, struct effects *effects)
{
	struct screen *screen;
	real_shell(model, false, effects);
	if (model->front < 0)
		return;
	screen = screen_new(model->rows_size, model->cols_size);
	assert_non_null(screen);
	view_draw(model, screen); /* it has its size from being drawn */
	screen_free(screen);
	model->panes[model->front]->ops->command(model->panes[model->front], PANE_SCROLL);
	to_pane(model, keys);
}

static inline void open_log(struct model *model, struct effects *effects)
{
	stoker_log *log = calloc(1, sizeof *log);
	const struct row *row = model_selected(model);
	struct event event;

	assert_non_null(log);
	if (row == NULL) {
		free(log);
		return;
	}
	fixture_char(model, 'l', 0, effects);
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = log_pane_new(log, &row->vm, 10, 40);
	assert_non_null(event.pane);
	do
		event.pane->ops->ready(event.pane, NULL, 0);
	while (event.pane->ops->timeout_ms(event.pane) == 0);
	fixture_send(model, &event, effects);
	model->op_count = 0;
}

static inline void end_op(struct model *model, uint64_t op, enum stoker_status code, const char *why, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_OP_DONE);
	event.now_ns = NOW_NS + 340 * 1000000LL;
	event.op = op;
	event.failed = code != STOKER_OK;
	event.error.code = code;
	snprintf(event.error.why, sizeof event.error.why, "%s", why);
	snprintf(event.error.fix, sizeof event.error.fix, "%s", code == STOKER_E_FAILED ? "End that program" : "");
	fixture_send(model, &event, effects);
}

static inline void operations(struct model *model, struct effects *effects)
{
	struct event event;
	uint64_t op = model->next_op;
	size_t i;
	for (i = 0; i < 6 && i < model->count; i++)
		op_begin(model, i % 2 ? ACTION_START : ACTION_STOP, model->rows[i].vm.id, model->rows[i].vm.name);
	op_begin(model, ACTION_CREATE, "", "new-one");
	end_op(model, op, STOKER_OK, "", effects);
	end_op(model, op + 1, STOKER_E_FAILED, "port 2206 of 127.0.0.1 is taken by another program", effects);
	end_op(model, op + 2, STOKER_E_CANCELLED, "cancelled", effects);
	fixture_event(&event, EVENT_PROGRESS);
	event.op = model->next_op - 1;
	event.done = 37;
	event.total = 100;
	snprintf(event.text, sizeof event.text, "copying disk");
	fixture_send(model, &event, effects);
	model->message[0] = '\0';
	fixture_char(model, 't', 0, effects);
}

static inline void inspect(struct model *model, struct effects *effects)
{
	static const char *const lines[] = { "id\t0000000000001000", "state\trunning, ready", "", "Machine", "image\tmicro",
		                             "size\t1 vCPU, 256M memory, 2048M disk (isolated)", "backend\tqemu, tcg" };
	struct event event;
	int i;
	fixture_char(model, 'i', 0, effects);
	fixture_event(&event, EVENT_TEXT);
	memcpy(event.vm_id, model->text.vm_id, sizeof event.vm_id);
	snprintf(event.text, sizeof event.text, "%s", model->text.title);
	event.line_count = 7;
	event.lines = calloc(7, sizeof *event.lines);
	for (i = 0; i < 7; i++)
		event.lines[i] = strdup(lines[i]);
	if (model->dialog == DIALOG_TEXT) {
		fixture_send(model, &event, effects);
		return;
	}
	for (i = 0; i < 7; i++)
		free(event.lines[i]);
	free(event.lines);
}

static inline void results(struct model *model, struct effects *effects)
{
	static const char *const subject[3] = { "ghost", "disk of data-2", "qemu 46120" };
	struct event event;
	size_t i;
	fixture_char(model, 'R', 0, effects);
	fixture_event(&event, EVENT_PLAN);
	event.op = model->plan.op;
	event.count = 3;
	event.items = calloc(3, sizeof *event.items);
	for (i = 0; i < 3; i++) {
		struct stoker_finding *f = &event.items[i].finding;
		snprintf(f->subject, sizeof f->subject, "%s", subject[i]);
		snprintf(f->detail, sizeof f->detail, "the record says running, process 4700%zu is gone", i);
		snprintf(f->repair_text, sizeof f->repair_text, "mark crashed, free its port");
		f->repair = STOKER_REPAIR_MARK;
	}
	fixture_send(model, &event, effects);
	fixture_special(model, SK_ENTER, effects);
	for (i = 0; i < 3; i++) {
		fixture_event(&event, EVENT_PLAN_ITEM);
		event.op = model->plan.op;
		event.item = i;
		event.begun = i == 2;
		event.failed = i == 1;
		snprintf(event.error.why, sizeof event.error.why, "the disk is held by process 4711");
		fixture_send(model, &event, effects);
	}
}

/* A form that a person has begun to fill in, and what the library says of it. */
static inline void form(struct model *model, struct effects *effects)
{
	static const struct {
		enum form_field field;
		const char *text;
	} defaults[] = { { FORM_IMAGE, "micro" }, { FORM_VCPUS, "1" }, { FORM_MEMORY, "512" }, { FORM_DISK, "2048" },
		         { FORM_DISK_MODE, "isolated" }, { FORM_BACKEND, "auto" }, { FORM_ACCEL, "auto" },
		         { FORM_NETWORK, "user" }, { FORM_EGRESS, "all" }, { FORM_EPHEMERAL, "no" }, { FORM_START, "yes" } };
	struct event event;
	size_t i;
	for (i = 0; i < sizeof defaults / sizeof *defaults; i++)
		field_set(&model->defaults[defaults[i].field], defaults[i].text);
	fixture_char(model, 'c', 0, effects);
	fixture_type(model, "new-one", effects);
	fixture_event(&event, EVENT_CHECKED);
	event.generation = model->form.generation;
	fixture_send(model, &event, effects);
}

static inline void plan(struct model *model, struct effects *effects)
{
	static const char *const text[3][3] = {
		{ "ghost", "record says running, process 47002 is gone", "mark crashed, free its port" },
		{ "disk of data-2", "41 MB, held by no process", "remove it" },
		{ "", "qemu pid 46120 runs our image, its record is lost", "adopt it" },
	};
	fixture_plan(model, text, 3, effects);
}

/* One command on the first eight that run: six say the same, one differs, one could not be asked. */
static inline void answers(struct model *model, struct effects *effects)
{
	static const char *const said[3] = { "Linux 6.1.0-56-cloud-amd64 x86_64", "Linux 6.7.12-own x86_64",
		                             "the guest does not answer" };
	struct event event;
	size_t i, asked = 0, at;

	for (i = 0; i < model->count && asked < 8; i++) {
		if (model->rows[i].vm.state != STOKER_RUNNING)
			continue;
		model->rows[i].marked = true;
		asked++;
	}
	model_arrange(model);
	effects_clear(effects);
	fixture_type(model, "!uname -srm", effects);
	fixture_special(model, SK_ENTER, effects);
	/* More are asked as answers come: by where they stand, as the list of effects grows. */
	for (at = 0, i = 0; at < effects->count; at++) {
		int which = i == 2 ? 1 : i == 5 ? 2 : 0;
		if (effects->items[at].kind != EFFECT_RUN)
			continue;
		fixture_event(&event, EVENT_RAN);
		event.op = effects->items[at].op;
		event.failed = which == 2;
		event.lines = calloc(1, sizeof *event.lines);
		event.lines[0] = strdup(said[which]);
		event.line_count = 1;
		fixture_send(model, &event, effects);
		i++;
	}
}

static inline void shells(struct model *model, bool two, struct effects *effects)
{
	size_t i, opened = 0;
	for (i = 0; i < model->count && opened < (two ? 2 : 1); i++) {
		if (model->rows[i].vm.state != STOKER_RUNNING)
			continue;
		memcpy(model->selected, model->rows[i].vm.id, sizeof model->selected);
		model_arrange(model);
		fixture_char(model, ']', MOD_CTRL, effects);
		if (opened == 0)
			fixture_special(model, SK_ENTER, effects);
		else
			fixture_char(model, '%', 0, effects);
		open_toy(model, &model->rows[i].vm, effects);
		opened++;
	}
	model->op_count = 0;
	model->message[0] = '\0';
}

static inline void show(struct model *model, int view, struct effects *effects)
{
	size_t i;
	switch (view) {
	case VIEW_NOTHING:
		fixture_char(model, 'p', 0, effects);
		break;
	case VIEW_GRAPHS:
		fixture_char(model, 'm', 0, effects);
		break;
	case VIEW_FLEET:
		fixture_char(model, 'P', 0, effects);
		break;
	case VIEW_OPERATIONS:
		operations(model, effects);
		break;
	case VIEW_EVENTS:
		fixture_char(model, 'e', 0, effects);
		break;
	case VIEW_TREE:
		fixture_type(model, "bg-j", effects);
		model->message[0] = '\0';
		break;
	case VIEW_COLUMNS:
		fixture_type(model, "|jjj  K+", effects);
		break;
	case VIEW_INSPECT:
		inspect(model, effects);
		break;
	case VIEW_PALETTE:
		fixture_type(model, ":re", effects);
		break;
	case VIEW_RESULTS:
		results(model, effects);
		break;
	case VIEW_HELP:
		fixture_char(model, '?', 0, effects);
		break;
	case VIEW_LOG:
		open_log(model, effects);
		break;
	case VIEW_FORM:
		form(model, effects);
		break;
	case VIEW_CONFIRM:
		fixture_type(model, "  jj D", effects);
		break;
	case VIEW_PLAN:
		plan(model, effects);
		break;
	case VIEW_ANSWERS:
		answers(model, effects);
		break;
	case VIEW_FILTER:
		fixture_type(model, "/state:ru", effects);
		break;
	case VIEW_COMMANDS:
		fixture_char(model, 'y', 0, effects);
		break;
	case VIEW_SHELL:
	case VIEW_SPLIT:
		shells(model, view == VIEW_SPLIT, effects);
		break;
	case VIEW_BROADCAST:
		shells(model, true, effects);
		for (i = 0; i < model->count; i++)
			model->rows[i].marked = model_pane_of(model, model->rows[i].vm.id, PANE_SHELL) != NULL;
		model_arrange(model);
		fixture_char(model, ']', MOD_CTRL, effects);
		fixture_char(model, 'B', 0, effects);
		break;
	case VIEW_SLOW: /* its newest boot is an outlier */
		for (i = model->timing_count; i > 0; i--) {
			if (model->timings[i - 1].phase == STOKER_PHASE_BOOT)
				model->timings[i - 1].duration_ns = 3 * model->fleet[STOKER_PHASE_BOOT].p95_ns;
		}
		break;
	case VIEW_ASK_RUN:
		fixture_type(model, "!uname -a", effects);
		break;
	case VIEW_ASK_DISK:
		fixture_type(model, "/state:stopped", effects);
		fixture_special(model, SK_ENTER, effects);
		fixture_type(model, "+8G", effects);
		break;
	case VIEW_ASK_NAME:
		fixture_type(model, "/state:running", effects);
		fixture_special(model, SK_ENTER, effects);
		fixture_type(model, "Fmine", effects);
		break;
	case VIEW_HELP_FILTER:
		fixture_char(model, '/', 0, effects);
		fixture_special(model, SK_F1, effects);
		break;
	case VIEW_HELP_FLEET:
		fixture_type(model, "P?", effects);
		break;
	case VIEW_HELP_FORM:
		fixture_char(model, 'c', 0, effects);
		fixture_special(model, SK_F1, effects);
		break;
	case VIEW_HELP_SHELL:
		shells(model, false, effects);
		fixture_char(model, ']', MOD_CTRL, effects);
		fixture_char(model, '?', 0, effects);
		break;
	case VIEW_COPY:
		read_back(model, "kkkkkVkk", effects);
		break;
	case VIEW_COPY_SEARCH:
		read_back(model, "/file-3", effects);
		break;
	case VIEW_ENDED:
		real_shell(model, true, effects);
		break;
	case VIEW_HELP_COPY:
		read_back(model, "", effects);
		if (model->front >= 0)
			help_open(model);
		break;
	case VIEW_HELP_LOG:
		open_log(model, effects);
		if (model->front >= 0)
			help_open(model);
		break;
	case VIEW_WELCOME:
		say(model, MESSAGE_PLAIN, "Welcome. ? explains the keys, : finds everything");
		break;
	default:
		break;
	}
}

static inline void resize(struct model *model, int rows, int cols, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_RESIZE);
	event.rows = rows;
	event.cols = cols;
	fixture_send(model, &event, effects);
}

/* A sum of what its cells look like: the dark theme's colours, and their attributes. */
static inline uint64_t looks_of(const struct screen *screen)
{
	uint64_t sum = SUM_OF_NOTHING;
	int row, col;
	for (row = 0; row < screen_rows(screen); row++) {
		for (col = 0; col < screen_cols(screen); col++) {
			struct style style = screen_at(screen, row, col)->style;
			palette_apply(PALETTE_DARK, 256, &style);
			sum = sum_with(sum_with(sum_with(sum, (uint32_t)style.fg), (uint32_t)style.bg), style.attr);
		}
	}
	return sum;
}

static inline char *draw(struct model *model, uint64_t *looks)
{
	struct screen *screen = screen_new(model->rows_size, model->cols_size);
	char *text, *again, *p;
	assert_non_null(screen);
	view_draw(model, screen);
	text = screen_text(screen);
	/* A frame is a function of the model, whatever was on the screen. */
	view_draw(model, screen);
	again = screen_text(screen);
	assert_non_null(text);
	assert_string_equal(text, again);
	free(again);
	if (looks != NULL)
		*looks = looks_of(screen);
	for (p = text; model->ascii && *p != '\0'; p++)
		assert_true((unsigned char)*p < 127);
	screen_free(screen);
	return text;
}

#endif
