/* SPDX-License-Identifier: Apache-2.0
 *
 * What views and the list must do whatever is in them: be left and come back,
 * keep their columns, cost few bytes.
 */
#include "ui_fleet.h"

#include <unistd.h>

#include "tui/hot.h"
#include "tui/memory.h"
#include "tui/painter.h"
#include "tui/update.h"

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
	screens[0] = draw(model, NULL);
	screens[1] = draw(next, NULL);
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
	usage_add(usage, METRIC_CPU, now, now, 10);
	usage_add(usage, METRIC_CPU, now + SECOND, now + SECOND, 30);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + SECOND, 0), 20);
	usage_add(usage, METRIC_CPU, now + 20 * SECOND, now + 20 * SECOND, 7);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 0), 7);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 5), HISTORY_GAP);
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 20 * SECOND, 10), 20);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 20 * SECOND, 300), 20);
	/* Ten minutes and it is forgotten, also when nothing came in between. */
	assert_int_equal(usage_at(usage, METRIC_CPU, now + 620 * SECOND, 299), HISTORY_GAP);
	usage_add(usage, METRIC_CPU, now + 100000 * SECOND, now + 100000 * SECOND, 1);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 100000 * SECOND, 300), 1);
	/* A clock that goes back changes nothing. */
	usage_add(usage, METRIC_CPU, now, now, 99);
	assert_int_equal(usage_peak(usage, METRIC_CPU, now + 100000 * SECOND, 300), 1);
	free(usage);
}

static struct snapshot *sampled(const struct row *row, const struct stoker_sample *sample)
{
	struct snapshot *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->samples = malloc(sizeof *s->samples);
	s->sample_ids = malloc(sizeof *s->sample_ids);
	assert_true(s->samples && s->sample_ids);
	s->samples[0] = *sample;
	memcpy(s->sample_ids[0], row->vm.id, STOKER_ID_SIZE);
	s->sample_count = 1;
	return s;
}

/* What is read by turns holds for the time between two readings: a graph of it has no gaps. */
static void what_is_read_by_turns_leaves_no_gaps(void **state)
{
	static const uint32_t value[METRIC_COUNT] = { 25, 64, 10, 20 };
	struct effects effects = { 0 };
	struct model *model = fleet(1, &effects);
	const struct row *row = &model->rows[0];
	const struct stoker_sample ended = { NOW_NS + SECOND, -1, 0, -1, -1, -1, -1, 0 };
	int64_t begun = NOW_NS + 1000 * SECOND, now = begun + 62 * SECOND;

	(void)state;
	take(model, sampled(row, &ended), NOW_NS + SECOND, &effects);
	for (int t = 0; t <= 62; t++) {
		bool rest = t % 31 == 0;
		struct stoker_sample s = { begun + t * SECOND, t * SECOND / 4, rest ? 64 << 10 : 0, rest ? t * 10240 : -1,
			                   rest ? 0 : -1, rest ? t * 20480 : -1, rest ? 0 : -1, begun + t * SECOND };
		take(model, sampled(row, &s), s.at_ns, &effects);
	}
	for (int m = 0; m < METRIC_COUNT; m++) {
		for (int ago = 0; ago <= 31; ago++)
			assert_int_equal(usage_at(row->past, (enum metric)m, now, ago), value[m]);
		assert_int_equal(usage_at(row->past, (enum metric)m, now, 32), HISTORY_GAP); /* nothing is made up from before */
	}
	effects_free(&effects);
	model_free(model);
}

/* A guest that is asked after half a minute, and then every second as it is in sight: each rate is that of the time
 * between two countings, whenever the answers were taken. */
static void a_rate_is_of_the_time_between_two_answers(void **state)
{
	static const struct {
		int64_t counted, taken; /* ms */
		int64_t bytes, rate;
	} told[] = {
		{ 0, 1000, 0, -1 }, { 31000, 32000, 31000 * 100, 100000 }, { 32000, 32050, 31000 * 100 + 500000, 500000 },
		{ 33000, 34000, 31000 * 100 + 2500000, 2000000 }, { 34000, 39000, 31000 * 100 + 2500000, 0 },
	};
	struct effects effects = { 0 };
	struct model *model = fleet(1, &effects);
	const struct row *row = &model->rows[0];
	const struct stoker_sample ended = { NOW_NS + SECOND, -1, 0, -1, -1, -1, -1, 0 };
	int64_t begun = NOW_NS + 1000 * SECOND;

	(void)state;
	take(model, sampled(row, &ended), NOW_NS + SECOND, &effects);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		struct stoker_sample s = { begun + told[i].taken * (SECOND / 1000), 0, 0, -1, -1, told[i].bytes, 0,
			                   begun + told[i].counted * (SECOND / 1000) };
		take(model, sampled(row, &s), s.at_ns, &effects);
		assert_int_equal(row->net_rate, told[i].rate);
	}
	effects_free(&effects);
	model_free(model);
}

/* The VMs that a mouse would find in the list are those that are kept fresh, wherever the window is. */
static void what_is_in_sight_is_what_is_drawn(void **state)
{
	struct effects effects = { 0 };
	struct model *model = fleet(200, &effects);
	struct sight sight;

	(void)state;
	resize(model, 50, 200, &effects);
	for (int round = 0; round < 8; round++) {
		size_t seen = 0;
		if (round == 4)
			fixture_type(model, "b", &effects); /* groups, which are lines too */
		select_at(model, round % 4 * 66L);
		model_sight(model, &sight);
		for (int line = 0; line < 50; line++) {
			struct hot hot = hot_at(model, line, 5);
			const struct row *row = hot.kind == HOT_LINE ? model_line_row(model, (size_t)hot.value) : NULL;
			if (row == NULL)
				continue;
			assert_true(seen < sight.count);
			assert_string_equal(sight.ids[seen++], row->vm.id);
		}
		assert_int_equal(seen, sight.count);
		assert_true(seen > 20);
	}
	/* Of a list that is hidden the selected one is left: its figures are those of the panel that comes back. */
	snprintf(model->opening, sizeof model->opening, "x");
	model->full = true;
	model_sight(model, &sight);
	assert_int_equal(sight.count, 1);
	assert_string_equal(sight.ids[0], model->selected);
	effects_free(&effects);
	model_free(model);
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

/* Grouped by what is written in all of them, and each view of the selected VM. */
static void check_views(const struct stoker_vm *vms, size_t count, int rows, int cols, bool ascii)
{
	struct screen *screen = screen_new(rows, cols);
	int i;
	assert_non_null(screen);
	for (i = 0; i < VIEWS; i++) {
		struct effects effects = { 0 };
		struct model *model = model_new(rows, cols);
		model->ascii = ascii;
		model->group_by = GROUP_BY_LABEL;
		snprintf(model->group_label, sizeof model->group_label, "équipe");
		fixture_list(model, vms, count, &effects);
		view_draw(model, screen);
		check_cells(screen);
		show(model, i, &effects);
		view_draw(model, screen);
		check_cells(screen);
		effects_free(&effects);
		model_free(model);
	}
	screen_free(screen);
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
			check_views(vms, 8, sizes[size][0], sizes[size][1], ascii);
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
				for (i = 0; i < 2; i++) {
					model_free(models[i]);
					screen_free(screens[i]);
				}
				effects_free(&effects);
			}
		}
	}
}

/* ------------------------------------------------------------- a slow line */

/* What painting a model costs, and then that it has been sent. */
static size_t bytes_of(struct painter *painter, const struct model *model, struct screen *screen)
{
	size_t len;
	view_draw(model, screen);
	painter_present(painter, screen);
	len = painter->out_len;
	painter->out_len = painter->out_sent = 0;
	return len;
}

/* Figures of all VMs change: a second has gone by on a busy host. */
static void a_second_later(struct model *model, int64_t now, struct effects *effects)
{
	struct snapshot *s = calloc(1, sizeof *s);
	size_t i;
	assert_non_null(s);
	s->samples = calloc(model->count + 1, sizeof *s->samples);
	s->sample_ids = calloc(model->count + 1, sizeof *s->sample_ids);
	if (s->samples == NULL || s->sample_ids == NULL)
		abort();
	s->sample_count = model->count;
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		memcpy(s->sample_ids[i], row->vm.id, STOKER_ID_SIZE);
		s->samples[i].at_ns = now;
		s->samples[i].cpu_ns = row->vm.pid == 0 ? -1 : row->cpu_ns + (int64_t)(20 + i * 37 % 70) * (SECOND / 100);
		s->samples[i].rss_kib = 300000 + i * 9000;
		s->samples[i].read_bytes = row->disk_bytes + (int64_t)i * 77000000;
		s->samples[i].rx_bytes = row->net_bytes + (int64_t)i * 5000000;
		s->samples[i].traffic_ns = now;
	}
	take(model, s, now, effects);
}

/* Over a slow line each frame has to be small: what all views cost when they
 * are drawn whole, and what the usual changes cost in the list of 50. */
static void frames_are_small(void **state)
{
	static const struct {
		int rows, cols;
		size_t whole, move, second;
	} most[] = { { 24, 80, 4200, 600, 400 }, { 50, 200, 16000, 1300, 2500 } };
	size_t s;
	int view;
	(void)state;
	for (s = 0; s < 2; s++) {
		struct painter painter = { .colours = 256, .cursor_row = -1 };
		struct screen *screen = screen_new(most[s].rows, most[s].cols);
		struct effects effects = { 0 };
		struct model *model;
		size_t len;
		for (view = 0; view < VIEWS; view++) {
			model = fleet(50, &effects);
			show(model, view, &effects);
			resize(model, most[s].rows, most[s].cols, &effects);
			painter.valid = false;
			len = bytes_of(&painter, model, screen);
			if (getenv("FRAMES_TELL") != NULL)
				print_message("view %d at %dx%d: %zu bytes\n", view, most[s].cols, most[s].rows, len);
			if (len > most[s].whole)
				fail_msg("view %d at %dx%d: %zu bytes", view, most[s].cols, most[s].rows, len);
			assert_int_equal(bytes_of(&painter, model, screen), 0);
			model_free(model);
		}
		model = fleet(50, &effects);
		resize(model, most[s].rows, most[s].cols, &effects);
		bytes_of(&painter, model, screen);
		fixture_char(model, 'j', 0, &effects);
		len = bytes_of(&painter, model, screen);
		if (getenv("FRAMES_TELL") != NULL)
			print_message("a move: %zu bytes\n", len);
		assert_in_range(len, 1, most[s].move);
		a_second_later(model, NOW_NS + SECOND, &effects);
		len = bytes_of(&painter, model, screen);
		if (getenv("FRAMES_TELL") != NULL)
			print_message("a second: %zu bytes\n", len);
		assert_in_range(len, 1, most[s].second);
		model_free(model);
		effects_free(&effects);
		screen_free(screen);
		painter_free(&painter);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_it_was_left_comes_back),
		cmocka_unit_test(usage_has_gaps_and_an_end),
		cmocka_unit_test(what_is_read_by_turns_leaves_no_gaps),
		cmocka_unit_test(a_rate_is_of_the_time_between_two_answers),
		cmocka_unit_test(what_is_in_sight_is_what_is_drawn),
		cmocka_unit_test(the_fleet_knows_its_outlier),
		cmocka_unit_test(any_script_keeps_the_columns),
		cmocka_unit_test(frames_are_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
