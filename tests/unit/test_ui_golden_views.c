/* SPDX-License-Identifier: Apache-2.0
 *
 * Every view in every size, in UTF-8 and ASCII, with 0, 1, 50 and 1,000 VMs.
 * What is looked at are the frames in tests/golden/views/: each view at 40x10,
 * 80x24, 132x43 and 300x80, and the list in each number of VMs. All other
 * combinations are drawn too: nothing may be outside, out of ASCII, or differ
 * when it is drawn a second time; the bytes of all of them are in one sum.
 *
 * GOLDEN_RENEW=1 writes the files anew.
 */
#include "ui_fixture.h"

#include <unistd.h>

#include "tui/memory.h"

enum { VIEW_PHASES, VIEW_NOTHING, VIEW_GRAPHS, VIEW_FLEET, VIEW_OPERATIONS, VIEW_EVENTS, VIEW_TREE, VIEW_COLUMNS,
       VIEW_INSPECT, VIEW_PALETTE, VIEW_RESULTS, VIEW_HELP, VIEW_LOG, VIEWS };
static const char *const view_names[VIEWS] = { "phases", "nothing", "graphs", "fleet", "operations", "events", "tree",
	                                       "columns", "inspect", "palette", "results", "help", "log" };
static const int sizes[4][2] = { { 10, 40 }, { 24, 80 }, { 43, 132 }, { 80, 300 } };
static const size_t fleets[4] = { 0, 1, 50, 1000 };

/* ------------------------------------------------------------------ a fleet */

static const char *const first[] = { "quiet", "amber", "brisk", "old", "tidy", "lone", "swift", "pale", "wry", "bold" };
static const char *const second[] = { "otter", "fox", "heron", "yak", "owl", "lynx", "wren", "elk", "hare", "crane" };

static struct stoker_vm any_vm(int i)
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

static void take(struct model *model, struct snapshot *snapshot, int64_t now, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_SNAPSHOT);
	event.now_ns = now;
	event.snapshot = snapshot;
	fixture_send(model, &event, effects);
	snapshot_free(snapshot);
}

static void live(struct model *model, size_t count, struct effects *effects)
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

static void happened(struct model *model, size_t count, struct effects *effects)
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

static struct model *fleet(size_t count, struct effects *effects)
{
	struct model *model = model_new(24, 80);
	struct stoker_vm *vms = calloc(count + 1, sizeof *vms);
	size_t i;
	assert_true(model != NULL && vms != NULL);
	for (i = 0; i < count; i++)
		vms[i] = any_vm((int)i);
	fixture_list(model, vms, count, effects);
	live(model, count, effects);
	happened(model, count, effects);
	free(vms);
	return model;
}

/* ---------------------------------------------- a log, played by this test */

struct stoker_log {
	int line;
};

ssize_t stoker_log_read(stoker_log *log, void *buf, size_t cap)
{
	if (log->line >= 60)
		return 0;
	log->line++;
	return snprintf(buf, cap, "[%5d.%06d] %s\n", log->line / 9, log->line * 13477 % 1000000,
	                log->line % 7 == 3 ? "EXT4-fs (vdb): mounted filesystem with ordered data mode. Quota mode: none." :
	                log->line % 5 == 1 ? "\033[31mrandom\033[0m: crng init done" : "virtio_net virtio1 eth0: renamed");
}

int stoker_log_fd(const stoker_log *log)
{
	(void)log;
	return -1;
}

void stoker_log_close(stoker_log *log)
{
	free(log);
}

/* -------------------------------------------------------------------- views */

static void open_log(struct model *model, struct effects *effects)
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

static void end_op(struct model *model, uint64_t op, enum stoker_status code, const char *why, struct effects *effects)
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

static void operations(struct model *model, struct effects *effects)
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

static void inspect(struct model *model, struct effects *effects)
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

static void results(struct model *model, struct effects *effects)
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

static void show(struct model *model, int view, struct effects *effects)
{
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
	default:
		break;
	}
}

static void resize(struct model *model, int rows, int cols, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_RESIZE);
	event.rows = rows;
	event.cols = cols;
	fixture_send(model, &event, effects);
}

static char *draw(struct model *model)
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
	for (p = text; model->ascii && *p != '\0'; p++)
		assert_true((unsigned char)*p < 127);
	screen_free(screen);
	return text;
}

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1 << 18);
	assert_non_null(text);
	if (file == NULL)
		return text;
	text[fread(text, 1, (1 << 18) - 1, file)] = '\0';
	fclose(file);
	return text;
}

static int compare_file(const char *name, const char *have)
{
	char path[512], *want;
	int wrong;
	snprintf(path, sizeof path, "%s/tests/golden/views/%s.txt", TEST_SOURCE_DIR, name);
	if (getenv("GOLDEN_RENEW") != NULL) {
		FILE *file = fopen(path, "we");
		assert_non_null(file);
		fputs(have, file);
		assert_int_equal(fclose(file), 0);
		return 0;
	}
	want = slurp(path);
	wrong = strcmp(want, have) != 0;
	if (wrong)
		fprintf(stderr, "%s differs. Expected:\n%sGot:\n%s", path, want, have);
	free(want);
	return wrong;
}

/* Is this one of those to be looked at? Each view in each size and charset;
 * each number of VMs with the phases, the fleet and the tree. */
static bool kept(int view, int size, size_t count, bool ascii)
{
	if (count == 50)
		return size < 3 || !ascii;
	return size == 1 && !ascii &&
	       (view == VIEW_PHASES || view == VIEW_FLEET || view == VIEW_TREE || view == VIEW_EVENTS || view == VIEW_GRAPHS);
}

static void every_view_in_every_size(void **state)
{
	static char sums[VIEWS * 32 * 64];
	size_t len = 0;
	int n, view, size, wrong = 0;

	(void)state;
	for (n = 0; n < 4; n++) {
		for (view = 0; view < VIEWS; view++) {
			struct effects effects = { 0 };
			struct model *model = fleet(fleets[n], &effects);
			show(model, view, &effects);
			for (size = 0; size < 8; size++) {
				const char *p;
				char name[96], *text;
				uint64_t sum = 1469598103934665603u;
				model->ascii = size & 1;
				resize(model, sizes[size / 2][0], sizes[size / 2][1], &effects);
				text = draw(model);
				snprintf(name, sizeof name, "%s-%zu-%dx%d%s", view_names[view], fleets[n], sizes[size / 2][1],
				         sizes[size / 2][0], size & 1 ? "-ascii" : "");
				for (p = text; *p != '\0'; p++)
					sum = (sum ^ (unsigned char)*p) * 1099511628211u;
				len += (size_t)snprintf(sums + len, sizeof sums - len, "%s %016llx\n", name, (unsigned long long)sum);
				assert_true(len < sizeof sums);
				if (kept(view, size / 2, fleets[n], size & 1))
					wrong += compare_file(name, text);
				free(text);
			}
			effects_free(&effects);
			model_free(model);
		}
	}
	/* One line for each frame, so that a difference says which one it is. */
	wrong += compare_file("sums", sums);
	assert_int_equal(wrong, 0);
}

static void how_it_was_left_comes_back(void **state)
{
	struct effects effects = { 0 };
	struct model *model = fleet(50, &effects), *next = fleet(50, &effects);
	char text[MEMORY_SIZE], again[MEMORY_SIZE], path[] = "/tmp/stoker-memory-XXXXXX", *screens[2];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	fixture_type(model, "bbbb|jjjK  +++", &effects);
	fixture_special(model, SK_ESCAPE, &effects);
	fixture_type(model, "e", &effects);
	fixture_special(model, SK_TAB, &effects);
	assert_true(memory_save(model, path));
	memory_load(next, path);
	memory_text(model, text, sizeof text);
	memory_text(next, again, sizeof again);
	assert_string_equal(text, again);
	assert_non_null(strstr(text, "group_label = team"));
	model_arrange(next);
	resize(model, 43, 132, &effects);
	resize(next, 43, 132, &effects);
	model->message[0] = next->message[0] = '\0';
	model->panel_focus = false;
	memcpy(next->selected, model->selected, sizeof next->selected);
	next->on_group = model->on_group;
	memcpy(next->selected_group, model->selected_group, sizeof next->selected_group);
	model_arrange(next);
	model_arrange(model);
	screens[0] = draw(model);
	screens[1] = draw(next);
	assert_string_equal(screens[0], screens[1]);
	free(screens[0]);
	free(screens[1]);
	/* What makes no sense is passed over; no column is lost or doubled by it. */
	memory_take(next, "columns", "nonsense +pid:9999 pid:5 -name status:-3 ::: + - ip:12");
	memory_take(next, "panel", "kitchen");
	memory_take(next, "group", "\033[31m");
	columns_write(&next->columns, text, sizeof text);
	assert_non_null(strstr(text, "+pid"));
	assert_null(strstr(text, "-name"));
	for (int i = 0; i < COL_COUNT; i++) {
		int k, seen = 0;
		for (k = 0; k < COL_COUNT; k++)
			seen += next->columns.choice[k].column == (enum column)i;
		assert_int_equal(seen, 1);
	}
	assert_int_equal(next->panel, PANEL_PHASES);
	assert_false(memory_save(next, "/nowhere/at/all"));
	memory_load(next, "/nowhere/at/all");
	unlink(path);
	effects_free(&effects);
	model_free(model);
	model_free(next);
}

static void usage_has_gaps_and_an_end(void **state)
{
	struct usage *usage = usage_new();
	int64_t now = 1000 * SECOND;
	(void)state;
	assert_non_null(usage);
	assert_int_equal(usage_at(usage, METRIC_CPU, now, 0), HISTORY_GAP);
	usage_add(usage, METRIC_CPU, now, 10);
	usage_add(usage, METRIC_CPU, now + SECOND, 30);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + SECOND, 0), 20);
	usage_add(usage, METRIC_CPU, now + 20 * SECOND, 7);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 0), 7);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 5), HISTORY_GAP);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 10), 20);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 20 * SECOND, 300), 20);
	/* Ten minutes and it is forgotten, also when nothing came in between. */
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 620 * SECOND, 299), HISTORY_GAP);
	usage_add(usage, METRIC_CPU, now + 100000 * SECOND, 1);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 100000 * SECOND, 300), 1);
	/* A clock that goes back changes nothing. */
	usage_add(usage, METRIC_CPU, now, 99);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 100000 * SECOND, 300), 1);
	free(usage);
}

static void the_fleet_knows_its_outlier(void **state)
{
	struct stoker_timing timings[101];
	struct fleet_phase spread[STOKER_PHASE_COUNT];
	unsigned sum = 0;
	int i;
	(void)state;
	memset(timings, 0, sizeof timings);
	for (i = 0; i < 101; i++) {
		timings[i].phase = STOKER_PHASE_BOOT;
		timings[i].duration_ns = (i == 17 ? 9000 : 1000 + i) * 1000000LL;
		snprintf(timings[i].name, sizeof timings[i].name, "vm-%d", i);
	}
	assert_true(fleet_spread(timings, 101, spread));
	assert_int_equal(spread[STOKER_PHASE_BOOT].count, 101);
	assert_string_equal(spread[STOKER_PHASE_BOOT].worst_name, "vm-17");
	for (i = 0; i < FLEET_BINS; i++)
		sum += spread[STOKER_PHASE_BOOT].bins[i];
	assert_int_equal(sum, 101);
	assert_int_equal(spread[STOKER_PHASE_BOOT].bins[FLEET_BINS - 1], 1);
	assert_int_equal(spread[STOKER_PHASE_SSH].count, 0);
	assert_true(fleet_spread(timings, 1, spread)); /* all the same */
	assert_int_equal(spread[STOKER_PHASE_BOOT].bins[0], 1);
	assert_int_equal(fleet_bin(5, 0, 0, 32), 0);
	assert_int_equal(fleet_bin(INT64_MAX, 1, 10, 32), 31);
	assert_int_equal(fleet_bin(-4, 1, 10, 32), 0);
}

/* ------------------------------------------------------------- any script */

static const char *const scripts[8] = {
	"équipe=ビルド,команда=сборка,ทีม=สร้าง", "a=\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87\xe4\xb8\xad\xe6\x96\x87",
	"e=e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88\xcc\x89", "\xcc\x81=begins with a mark",
	"he=שלום\xe2\x80\x8f\xe2\x80\xaeעולם", "ar=مرحبا,fa=سلام", "hi=निर्माण,emoji=👩‍👩‍👧‍👦😀", "broken=\xff\xe3\x83\x1b[31m\t\x7f\xc2\x9b",
};

/* The screen holds what a terminal shows the same way wherever it is: whole characters of the width they claim. */
static void check_cells(const struct screen *screen)
{
	int row, col;
	for (row = 0; row < screen_rows(screen); row++) {
		for (col = 0; col < screen_cols(screen); col++) {
			const struct cell *cell = screen_at(screen, row, col);
			if (cell->width == 0)
				assert_true(col > 0 && screen_at(screen, row, col - 1)->width == 2);
			else
				assert_int_equal(char_width(cell->ch[0]), cell->width);
			if (cell->width == 2)
				assert_true(col + 1 < screen_cols(screen) && screen_at(screen, row, col + 1)->width == 0);
		}
	}
}

/* Two fleets that differ only in what VMs are labelled and why they failed: all
 * that stands in other columns stands at the same place. */
static void any_script_keeps_the_columns(void **state)
{
	struct column_place place[COL_COUNT];
	struct stoker_vm vms[8], plain[8];
	struct layout layout;
	int size, ascii, by, i, row, col;
	(void)state;
	for (i = 0; i < 8; i++) {
		char name[16];
		snprintf(name, sizeof name, "vm-%d", i);
		vms[i] = fixture_vm(i, name, i == 3 ? STOKER_CRASHED : STOKER_RUNNING);
		plain[i] = vms[i];
		snprintf(vms[i].labels, sizeof vms[i].labels, "%s", scripts[i]);
		snprintf(vms[i].reason, sizeof vms[i].reason, "%s", scripts[7 - i]);
		snprintf(plain[i].labels, sizeof plain[i].labels, "plain=%d", i);
		snprintf(plain[i].reason, sizeof plain[i].reason, "plain");
	}
	for (size = 1; size < 4; size++) {
		for (ascii = 0; ascii < 2; ascii++) {
			for (by = 0; by < 2; by++) {
				struct effects effects = { 0 };
				struct model *models[2];
				struct screen *screens[2];
				for (i = 0; i < 2; i++) {
					models[i] = model_new(sizes[size][0], sizes[size][1]);
					models[i]->ascii = ascii;
					/* Labels before all others, so that the others are behind them. */
					columns_read(&models[i]->columns, "name status +labels:14 +last:12 +ip +pid");
					models[i]->group_by = by ? GROUP_BY_STATE : GROUP_BY_NONE;
					fixture_list(models[i], i == 0 ? vms : plain, 8, &effects);
					screens[i] = screen_new(sizes[size][0], sizes[size][1]);
					view_draw(models[i], screens[i]);
					check_cells(screens[i]);
				}
				layout_of(models[0], &layout);
				columns_place(&models[0]->columns, layout.list.cols, place);
				assert_true(place[COL_IP].width != 0 && place[COL_LABELS].width != 0 && place[COL_IP].col > place[COL_LABELS].col);
				for (row = layout.list.row; row < layout.list.row + layout.list.rows; row++) {
					for (col = 0; col < layout.list.cols; col++) {
						const struct cell *a = screen_at(screens[0], row, col), *b = screen_at(screens[1], row, col);
						if ((col >= place[COL_LABELS].col && col < place[COL_LABELS].col + abs(place[COL_LABELS].width)) ||
						    (col >= place[COL_LAST].col && col < place[COL_LAST].col + abs(place[COL_LAST].width)))
							continue;
						if (a->ch[0] != b->ch[0])
							fail_msg("%dx%d row %d col %d: U+%04X, not U+%04X", sizes[size][1], sizes[size][0], row, col,
							         (unsigned)a->ch[0], (unsigned)b->ch[0]);
					}
				}
				/* Grouped by what is written in all of them, and each view of the selected VM. */
				models[0]->group_by = GROUP_BY_LABEL;
				snprintf(models[0]->group_label, sizeof models[0]->group_label, "équipe");
				model_arrange(models[0]);
				for (i = 0; i < VIEWS; i++) {
					show(models[0], i, &effects);
					view_draw(models[0], screens[0]);
					check_cells(screens[0]);
				}
				for (i = 0; i < 2; i++) {
					model_free(models[i]);
					screen_free(screens[i]);
				}
				effects_free(&effects);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_view_in_every_size),
		cmocka_unit_test(how_it_was_left_comes_back),
		cmocka_unit_test(usage_has_gaps_and_an_end),
		cmocka_unit_test(the_fleet_knows_its_outlier),
		cmocka_unit_test(any_script_keeps_the_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
