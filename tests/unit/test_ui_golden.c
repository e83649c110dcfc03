/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole frames against tests/golden/. Look at what changed, and when it is
 * meant: GOLDEN_RENEW=1 writes the files anew.
 */
#include "ui_fixture.h"
#include "ui_toy_pane.h"

#include <sys/stat.h>

struct scene {
	struct model *model;
	struct effects effects;
	struct stoker_vm vms[8];
};

static int compare_frame(struct model *model, const char *name)
{
	char path[512], *want, *have;
	struct screen *screen = screen_new(model->rows_size, model->cols_size);
	int wrong = 0;

	snprintf(path, sizeof path, "%s/tests/golden/%s-%dx%d%s.txt", TEST_SOURCE_DIR, name, model->cols_size,
	         model->rows_size, model->ascii ? "-ascii" : "");
	view_draw(model, screen);
	have = screen_text(screen);
	assert_non_null(have);
	if (getenv("GOLDEN_RENEW") != NULL) {
		FILE *file = fopen(path, "w");
		assert_non_null(file);
		fputs(have, file);
		assert_int_equal(fclose(file), 0);
	} else {
		want = fixture_slurp(path);
		if (strcmp(want, have) != 0) {
			fprintf(stderr, "%s differs. Expected:\n%sGot:\n%s", path, want, have);
			wrong = 1;
		}
		free(want);
	}
	if (model->ascii) {
		const char *p;
		for (p = have; *p != '\0'; p++)
			assert_true((unsigned char)*p < 127);
	}
	free(have);
	screen_free(screen);
	return wrong;
}

static void resize(struct scene *scene, int rows, int cols)
{
	struct event event;
	fixture_event(&event, EVENT_RESIZE);
	event.rows = rows;
	event.cols = cols;
	fixture_send(scene->model, &event, &scene->effects);
}

/* The scene in every size, in UTF-8 and in ASCII. */
static void everywhere(struct scene *scene, const char *name)
{
	static const int sizes[][2] = { { 10, 40 }, { 24, 80 }, { 30, 120 }, { 50, 200 } };
	int i, wrong = 0;
	for (i = 0; i < 8; i++) {
		scene->model->ascii = i & 1;
		resize(scene, sizes[i / 2][0], sizes[i / 2][1]);
		wrong += compare_frame(scene->model, name);
	}
	assert_int_equal(wrong, 0);
}

/* The same for what is a dialog over the rest: the smallest and the usual. */
static void dialog_sizes(struct scene *scene, const char *name)
{
	static const int sizes[][2] = { { 10, 40 }, { 24, 80 }, { 30, 120 } };
	int i, wrong = 0;
	for (i = 0; i < 3; i++) {
		resize(scene, sizes[i][0], sizes[i][1]);
		wrong += compare_frame(scene->model, name);
	}
	assert_int_equal(wrong, 0);
}

static struct stoker_timing timing(int number, uint32_t run, enum stoker_phase phase, int64_t ms)
{
	struct stoker_timing t;
	memset(&t, 0, sizeof t);
	snprintf(t.id, sizeof t.id, "%016x", 0x1000 + number);
	t.run = run;
	t.phase = phase;
	t.duration_ns = ms * 1000000;
	return t;
}

static void samples(struct scene *scene)
{
	static const int busy[2][9] = { { 4, 4, 5, 3, 6, 55, 4, 30, 4 }, { 80, 150, 300, 390, 260, 399, 380, 211, 211 } };
	static const int which[2] = { 0, 2 };
	struct event event;
	int64_t cpu[2] = { 0, 0 };
	int i, k;

	for (i = 0; i < 10; i++) {
		fixture_event(&event, EVENT_SNAPSHOT);
		event.snapshot = calloc(1, sizeof *event.snapshot);
		event.snapshot->samples = calloc(2, sizeof *event.snapshot->samples);
		event.snapshot->sample_ids = calloc(2, sizeof *event.snapshot->sample_ids);
		event.snapshot->sample_count = 2;
		for (k = 0; k < 2; k++) {
			cpu[k] += i > 0 ? busy[k][i - 1] * (SECOND / 100) : 0;
			event.snapshot->samples[k].at_ns = NOW_NS - (10 - i) * SECOND;
			event.snapshot->samples[k].cpu_ns = cpu[k];
			event.snapshot->samples[k].rss_kib = k == 0 ? 74752 : 1468006;
			event.snapshot->samples[k].read_bytes = k == 0 ? i * 40000 : i * i * 900000;
			event.snapshot->samples[k].write_bytes = k == 0 ? 0 : i * 3000000;
			event.snapshot->samples[k].rx_bytes = k == 0 ? -1 : i * 120000;
			event.snapshot->samples[k].traffic_ns = event.snapshot->samples[k].at_ns;
			event.snapshot->samples[k].tx_bytes = k == 0 ? -1 : i * 64000;
			memcpy(event.snapshot->sample_ids[k], scene->vms[which[k]].id, STOKER_ID_SIZE);
		}
		event.snapshot->has_host = true;
		snprintf(event.snapshot->host.hostname, sizeof event.snapshot->host.hostname, "tower");
		event.snapshot->host.cpus = 8;
		event.snapshot->host.cpu_total_ticks = 1000 + (uint64_t)i * 100;
		event.snapshot->host.cpu_busy_ticks = 100 + (uint64_t)(i * 31 + (i % 3) * 12);
		event.snapshot->host.mem_total_kib = 24536678;
		event.snapshot->host.mem_available_kib = 18140365;
		event.snapshot->host.addresses_used = 12;
		event.snapshot->host.addresses_total = 253;
		event.snapshot->host.ports_used = 12;
		event.snapshot->host.ports_total = 800;
		fixture_send(scene->model, &event, &scene->effects);
		snapshot_free(event.snapshot);
	}
}

static void history(struct scene *scene, int number)
{
	static const char *const lines[4][3] = {
		{ "crashed", "old-heron", "old-heron: VMM ended by signal 9" },
		{ "stopped", "test-3", "test-3 stopped (4 ms)" },
		{ "created", "amber-fox", "amber-fox created (4 ms)" },
		{ "started", "amber-fox", "amber-fox started, pid 48001" },
	};
	static const int usual[STOKER_PHASE_COUNT] = { 4, 25, 1480, 250, 9, 4, 6 };
	struct event event;
	int i;

	fixture_event(&event, EVENT_SNAPSHOT);
	event.snapshot = calloc(1, sizeof *event.snapshot);
	event.snapshot->events = calloc(4, sizeof *event.snapshot->events);
	event.snapshot->event_count = 4;
	for (i = 0; i < 4; i++) {
		event.snapshot->events[i].at_ms = WALL_MS - (4 - i) * 37000;
		snprintf(event.snapshot->events[i].kind, sizeof event.snapshot->events[i].kind, "%s", lines[i][0]);
		snprintf(event.snapshot->events[i].name, sizeof event.snapshot->events[i].name, "%s", lines[i][1]);
		snprintf(event.snapshot->events[i].text, sizeof event.snapshot->events[i].text, "%s", lines[i][2]);
	}
	event.snapshot->has_fleet = true;
	for (i = 0; i < STOKER_PHASE_COUNT; i++) {
		event.snapshot->fleet[i].count = 50;
		event.snapshot->fleet[i].p50_ns = usual[i] * 1000000LL;
	}
	event.snapshot->has_timings = true;
	snprintf(event.snapshot->timings_id, sizeof event.snapshot->timings_id, "%016x", 0x1000 + number);
	event.snapshot->timings = calloc(12, sizeof *event.snapshot->timings);
	event.snapshot->timing_count = 11;
	event.snapshot->timings[0] = timing(number, 4, STOKER_PHASE_EXEC, 24);
	event.snapshot->timings[1] = timing(number, 4, STOKER_PHASE_SSH, 240);
	event.snapshot->timings[2] = timing(number, 4, STOKER_PHASE_BOOT, 1490);
	event.snapshot->timings[3] = timing(number, 4, STOKER_PHASE_START, 26);
	event.snapshot->timings[4] = timing(number, 3, STOKER_PHASE_STOP, 4);
	event.snapshot->timings[5] = timing(number, 3, STOKER_PHASE_BOOT, 1610);
	event.snapshot->timings[6] = timing(number, 3, STOKER_PHASE_START, 25);
	event.snapshot->timings[7] = timing(number, 2, STOKER_PHASE_BOOT, 1500);
	event.snapshot->timings[8] = timing(number, 2, STOKER_PHASE_START, 24);
	event.snapshot->timings[9] = timing(number, 1, STOKER_PHASE_BOOT, 1520);
	event.snapshot->timings[10] = timing(number, 0, STOKER_PHASE_CREATE, 4);
	fixture_send(scene->model, &event, &scene->effects);
	snapshot_free(event.snapshot);
}

static int begin(void **state)
{
	static const struct {
		enum form_field field;
		const char *text;
	} defaults[] = { { FORM_IMAGE, "micro" }, { FORM_VCPUS, "1" }, { FORM_MEMORY, "512" }, { FORM_DISK, "2048" },
			 { FORM_DISK_MODE, "isolated" }, { FORM_BACKEND, "auto" }, { FORM_ACCEL, "auto" },
			 { FORM_NETWORK, "user" }, { FORM_EGRESS, "all" }, { FORM_EPHEMERAL, "no" }, { FORM_START, "yes" } };
	struct scene *scene = calloc(1, sizeof *scene);
	size_t i;
	assert_non_null(scene);
	scene->model = model_new(24, 80);
	assert_non_null(scene->model);
	for (i = 0; i < sizeof defaults / sizeof *defaults; i++)
		field_set(&scene->model->defaults[defaults[i].field], defaults[i].text);
	fixture_list(scene->model, scene->vms, fixture_fleet(scene->vms), &scene->effects);
	samples(scene);
	history(scene, 0);
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;
	effects_free(&scene->effects);
	model_free(scene->model);
	free(scene);
	return 0;
}

static void main_view(void **state)
{
	everywhere(*state, "main");
}

static void a_vm_that_boots(void **state)
{
	struct scene *scene = *state;
	fixture_char(scene->model, 'j', 0, &scene->effects);
	history(scene, 1);
	/* Its run has only just begun: boot is going on, ssh has not been. */
	scene->model->timings[0].run = scene->model->timings[1].run = scene->model->timings[2].run = 3;
	everywhere(scene, "booting");
}

static void nothing_yet(void **state)
{
	struct scene *scene = *state;
	fixture_list(scene->model, scene->vms, 0, &scene->effects);
	scene->model->event_count = 0;
	everywhere(scene, "empty");
}

static void marked_and_under_way(void **state)
{
	struct scene *scene = *state;
	fixture_char(scene->model, 'G', 0, &scene->effects);
	fixture_char(scene->model, 'x', 0, &scene->effects);
	fixture_char(scene->model, 'g', 0, &scene->effects);
	fixture_char(scene->model, ' ', 0, &scene->effects);
	fixture_char(scene->model, ' ', 0, &scene->effects);
	fixture_char(scene->model, 's', 0, &scene->effects);
	everywhere(scene, "marked");
}

static void filtering(void **state)
{
	struct scene *scene = *state;
	fixture_type(scene->model, "/running", &scene->effects);
	everywhere(scene, "filter");
}

static void create_form(void **state)
{
	struct scene *scene = *state;
	struct event event;
	fixture_char(scene->model, 'c', 0, &scene->effects);
	fixture_type(scene->model, "Bad_Name", &scene->effects);
	fixture_event(&event, EVENT_CHECKED);
	event.generation = scene->model->form.generation;
	event.failed = true;
	snprintf(event.error.why, sizeof event.error.why, "the name \"Bad_Name\" has a character that is not allowed");
	snprintf(event.error.fix, sizeof event.error.fix, "Use a-z, 0-9 and '-', 63 at most");
	fixture_send(scene->model, &event, &scene->effects);
	dialog_sizes(scene, "create");
}

static void delete_dialog(void **state)
{
	struct scene *scene = *state;
	fixture_char(scene->model, ' ', 0, &scene->effects);
	fixture_char(scene->model, 'j', 0, &scene->effects);
	fixture_char(scene->model, ' ', 0, &scene->effects);
	fixture_char(scene->model, 'D', 0, &scene->effects);
	dialog_sizes(scene, "delete");
}

static void delete_many(void **state)
{
	struct scene *scene = *state;
	struct stoker_vm *vms = calloc(300, sizeof *vms);
	int i;
	char name[32];
	assert_non_null(vms);
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "worker-%03d", i);
		vms[i] = fixture_vm(i, name, i % 3 == 0 ? STOKER_RUNNING : STOKER_STOPPED);
	}
	fixture_list(scene->model, vms, 300, &scene->effects);
	fixture_char(scene->model, 'a', 0, &scene->effects);
	fixture_char(scene->model, 'D', 0, &scene->effects);
	dialog_sizes(scene, "delete-many");
	free(vms);
}

static void reconcile_dialog(void **state)
{
	static const char *const text[4][3] = {
		{ "ghost", "record says running, process 47002 is gone", "mark crashed, free its port" },
		{ "", "folder 3f2a9c11 carries our tag, no record owns it, and no process of this host holds anything in it open", "remove it" },
		{ "disk of data-2", "41 MB, held by no process", "remove it" },
		{ "", "qemu pid 46120 runs our image, its record is lost", "adopt it" },
	};
	struct scene *scene = *state;
	fixture_plan(scene->model, text, 4, &scene->effects);
	fixture_char(scene->model, 'j', 0, &scene->effects);
	scene->model->op_count = 0;
	dialog_sizes(scene, "reconcile");
}

static void help_page(void **state)
{
	struct scene *scene = *state;
	fixture_char(scene->model, '?', 0, &scene->effects);
	dialog_sizes(scene, "help");
	scene->model->read_only = true;
	scene->model->ascii = true;
	resize(scene, 60, 100);
	assert_int_equal(compare_frame(scene->model, "help-read-only"), 0);
}

static void long_message(void **state)
{
	struct scene *scene = *state;
	struct event event;
	fixture_event(&event, EVENT_NOTICE);
	event.failed = true;
	snprintf(event.text, sizeof event.text, "start failed-to-start: port 2206 of 127.0.0.1 is taken by another program. "
	         "End that program (ss -ltnp shows it), or delete the VM and create it again; then it gets another port");
	fixture_send(scene->model, &event, &scene->effects);
	dialog_sizes(scene, "message");
}

static void too_small_says_so(void **state)
{
	struct scene *scene = *state;
	resize(scene, 6, 30);
	assert_int_equal(compare_frame(scene->model, "small"), 0);
	resize(scene, 1, 1);
	assert_int_equal(compare_frame(scene->model, "small"), 0);
	resize(scene, 24, 80);
	assert_int_equal(compare_frame(scene->model, "main"), 0); /* and recovers */
}

static void shell_beside_the_list(void **state)
{
	struct scene *scene = *state;
	fixture_special(scene->model, SK_ENTER, &scene->effects);
	open_toy(scene->model, &scene->vms[0], &scene->effects);
	scene->model->op_count = 0;
	open_toy(scene->model, &scene->vms[2], &scene->effects); /* not asked for: it comes in behind */
	assert_int_equal(scene->model->front, 0);
	assert_true(scene->model->pane_focus);
	everywhere(scene, "shell");
	scene->model->ascii = false;
	fixture_char(scene->model, ']', MOD_CTRL, &scene->effects);
	assert_false(scene->model->pane_focus);
	dialog_sizes(scene, "shell-left");
	fixture_char(scene->model, 'z', 0, &scene->effects);
	assert_true(scene->model->full && scene->model->pane_focus);
	dialog_sizes(scene, "shell-full");
	fixture_char(scene->model, ']', MOD_CTRL, &scene->effects);
	fixture_char(scene->model, 'z', 0, &scene->effects);
	assert_true(!scene->model->full && scene->model->pane_focus);
	fixture_char(scene->model, ']', MOD_CTRL, &scene->effects);
	fixture_char(scene->model, 'd', 0, &scene->effects);
	assert_int_equal(scene->model->front, -1);
	assert_int_equal(scene->model->pane_count, 2);
	assert_true(scene->model->panes[1]->activity);
	dialog_sizes(scene, "shell-detached");
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(main_view),     SCENE(a_vm_that_boots),  SCENE(nothing_yet),     SCENE(marked_and_under_way),
		SCENE(filtering),     SCENE(create_form),      SCENE(delete_dialog),   SCENE(delete_many),
		SCENE(reconcile_dialog), SCENE(help_page),     SCENE(long_message),    SCENE(too_small_says_so),
		SCENE(shell_beside_the_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
