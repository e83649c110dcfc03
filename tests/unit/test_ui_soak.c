/* SPDX-License-Identifier: Apache-2.0
 *
 * A dashboard in the hands of a monkey: random keys, lists, results, panes and
 * sizes; after each one the model must still make sense, and every frame must
 * come out. Worth most under the address sanitizer.
 *
 * SOAK_EVENTS and SOAK_SEED say how many and which: the same seed is the same
 * story, event by event.
 */
#include "ui_fixture.h"

#include "tui/painter.h"

#define EVENTS "250000"
#define SEED "20260203"

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

/* ------------------------------------------------------------------- a pane */

struct toy {
	struct pane pane;
	bool over;
};

static int toys;

static void toy_title(const struct pane *pane, char *buf, size_t cap)
{
	(void)pane;
	snprintf(buf, cap, "toy");
}

static const char *toy_hint(const struct pane *pane)
{
	/* Not by chance: a frame comes from the model alone. */
	return pane->activity ? "" : "q back";
}

static void toy_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	(void)pane;
	assert_true(rows > 0 && cols > 0);
	assert_true(row >= 0 && row + rows <= screen_rows(screen) && col >= 0 && col + cols <= screen_cols(screen));
	screen_fill(screen, row, col, rows, cols, tone(TONE_FIELD));
	if (focus)
		screen_cursor(screen, row, col);
}

static bool toy_key(struct pane *pane, const struct key *key, const struct keymap *keymap)
{
	(void)pane;
	(void)key;
	(void)keymap;
	return any(2);
}

static bool toy_command(struct pane *pane, enum pane_command command)
{
	(void)pane;
	(void)command;
	return true;
}

static bool toy_over(const struct pane *pane, char *why, size_t cap)
{
	const struct toy *toy = (const struct toy *)pane;
	if (toy->over)
		snprintf(why, cap, "%s", any(2) ? "cut off" : "");
	return toy->over;
}

static void toy_free(struct pane *pane)
{
	toys--;
	free(pane);
}

static const struct pane_ops shell_ops = { PANE_SHELL, toy_title, toy_hint, toy_draw, toy_key,
	                                   toy_command, NULL, NULL, NULL, toy_over, toy_free };
static const struct pane_ops log_ops = { PANE_LOG, toy_title, toy_hint, toy_draw, toy_key,
	                                 toy_command, NULL, NULL, NULL, toy_over, toy_free };

/* ------------------------------------------------------------------ a world */

struct op_seen {
	uint64_t op;
	enum effect_kind kind;
	char id[STOKER_ID_SIZE];
	enum pane_kind pane_kind;
	size_t count;
};

struct world {
	struct model *model;
	struct effects effects;
	struct op_seen ops[256];
	int op_count;
	struct stoker_vm vms[60];
	size_t count;
	int next_vm;
	int64_t now;
	size_t quits;
};

static void send(struct world *w, struct event *event);

static void add_vm(struct world *w)
{
	static const char *const names[] = { "quiet-otter", "amber-fox", "中文名", "x", "\033[31mred", "a-rather-long-name-for-a-vm" };
	char name[64];
	if (w->count == 60)
		return;
	snprintf(name, sizeof name, "%s-%d", names[any(6)], w->next_vm);
	w->vms[w->count] = fixture_vm(w->next_vm++, name, (enum stoker_state)any(STOKER_STATE_COUNT));
	w->vms[w->count].stale = any(10) == 0;
	w->vms[w->count].phase = any(4) == 0 ? (enum stoker_phase)any(STOKER_PHASE_COUNT) : STOKER_PHASE_NONE;
	w->vms[w->count].phase_since_ns = w->now - (int64_t)any(1000000000) * any(200);
	w->vms[w->count].last_phase = (enum stoker_phase)any(STOKER_PHASE_COUNT + 1);
	snprintf(w->vms[w->count].labels, sizeof w->vms[w->count].labels, "%s", any(2) ? "team=a,tier=b" : any(2) ? "team=b" : "");
	w->vms[w->count].last_phase_ns = (int64_t)any(1000000000) * any(100);
	if (any(3) == 0)
		snprintf(w->vms[w->count].reason, sizeof w->vms[w->count].reason, "because \033]0;x\a of %u", any(1000));
	w->count++;
}

static void new_list(struct world *w)
{
	struct event event;
	size_t i;
	if (any(3) == 0)
		add_vm(w);
	if (any(4) == 0 && w->count > 0) {
		size_t gone = any((uint32_t)w->count);
		memmove(w->vms + gone, w->vms + gone + 1, (w->count - gone - 1) * sizeof *w->vms);
		w->count--;
	}
	for (i = 0; i < w->count; i++) {
		if (any(5) == 0)
			w->vms[i].state = (enum stoker_state)any(STOKER_STATE_COUNT);
		if (any(6) == 0)
			w->vms[i].pid = any(2) ? 0 : 100 + any(1000);
	}
	fixture_event(&event, EVENT_SNAPSHOT);
	event.snapshot = calloc(1, sizeof *event.snapshot);
	event.snapshot->has_vms = any(20) != 0;
	if (!event.snapshot->has_vms)
		snprintf(event.snapshot->failure, sizeof event.snapshot->failure, "the store went away");
	event.snapshot->vms = malloc((w->count + 1) * sizeof *w->vms);
	memcpy(event.snapshot->vms, w->vms, w->count * sizeof *w->vms);
	event.snapshot->count = w->count;
	event.snapshot->samples = calloc(w->count + 1, sizeof *event.snapshot->samples);
	event.snapshot->sample_ids = calloc(w->count + 1, sizeof *event.snapshot->sample_ids);
	event.snapshot->sample_count = any((uint32_t)w->count + 1);
	for (i = 0; i < event.snapshot->sample_count; i++) {
		memcpy(event.snapshot->sample_ids[i], w->vms[any((uint32_t)w->count)].id, STOKER_ID_SIZE);
		event.snapshot->samples[i].at_ns = w->now;
		event.snapshot->samples[i].cpu_ns = any(5) == 0 ? -1 : (int64_t)any(2000000000) * any(10);
		event.snapshot->samples[i].rss_kib = any(3) ? any(4000000) : 0;
		event.snapshot->samples[i].read_bytes = any(3) ? (int64_t)any(1u << 30) * any(1000) : -1;
		event.snapshot->samples[i].write_bytes = (int64_t)any(1u << 30);
		event.snapshot->samples[i].rx_bytes = any(3) ? (int64_t)any(1u << 30) : -1;
		event.snapshot->samples[i].tx_bytes = (int64_t)any(1u << 30) * any(1000);
		event.snapshot->samples[i].traffic_ns = w->now - (int64_t)any(3) * SECOND;
	}
	event.snapshot->has_host = any(2);
	event.snapshot->host.cpu_total_ticks = any(100000);
	event.snapshot->host.cpu_busy_ticks = any(100000);
	event.snapshot->host.mem_total_kib = any(100000000);
	event.snapshot->host.mem_available_kib = any(100000000);
	event.snapshot->has_spread = any(4) == 0;
	for (i = 0; i < STOKER_PHASE_COUNT; i++) {
		event.snapshot->spread[i].count = any(500);
		event.snapshot->spread[i].p95_ns = any(2000000000);
		event.snapshot->spread[i].min_ns = any(2000000000);
		event.snapshot->spread[i].max_ns = (int64_t)any(2000000000) * any(100);
		event.snapshot->spread[i].bins[any(FLEET_BINS)] = any(100);
		event.snapshot->fleet[i].count = any(30);
		event.snapshot->fleet[i].p95_ns = any(2000000000);
	}
	event.snapshot->has_fleet = any(3) == 0;
	event.snapshot->events = calloc(4, sizeof *event.snapshot->events);
	event.snapshot->event_count = any(4);
	for (i = 0; i < event.snapshot->event_count && w->count > 0; i++) {
		memcpy(event.snapshot->events[i].id, w->vms[any((uint32_t)w->count)].id, STOKER_ID_SIZE);
		event.snapshot->events[i].at_ms = WALL_MS - (int64_t)any(1u << 31);
		snprintf(event.snapshot->events[i].kind, sizeof event.snapshot->events[i].kind, "%s", any(2) ? "failed" : "ready");
		snprintf(event.snapshot->events[i].text, sizeof event.snapshot->events[i].text, "something \033[2J %u", any(1000));
	}
	snprintf(event.snapshot->timings_id, STOKER_ID_SIZE, "%s", w->model->selected);
	event.snapshot->has_timings = any(2);
	event.snapshot->timing_count = any(400);
	event.snapshot->timings = calloc(event.snapshot->timing_count + 1, sizeof *event.snapshot->timings);
	for (i = 0; i < event.snapshot->timing_count; i++) {
		event.snapshot->timings[i].run = any(9);
		event.snapshot->timings[i].phase = (enum stoker_phase)any(STOKER_PHASE_COUNT);
		event.snapshot->timings[i].duration_ns = (int64_t)any(2000000000) * any(50);
	}
	send(w, &event);
	snapshot_free(event.snapshot);
}

static void random_key(struct world *w)
{
	static const char often[] = "cccsxXDRli/oO:?qjkgGaz[dnwp yneemPtefrb--b|tJK+-uCvVFr";
	struct event event;
	fixture_event(&event, EVENT_KEY);
	switch (any(8)) {
	case 0:
	case 1:
	case 2:
		event.key.kind = KEY_KIND_CHAR;
		event.key.ch = (uint32_t)often[any(sizeof often - 1)];
		break;
	case 3:
		event.key.kind = KEY_KIND_CHAR;
		event.key.ch = any(3) ? 32 + any(95) : any(0x10ffff);
		event.key.mods = any(6) == 0 ? any(8) : 0;
		break;
	case 4:
	case 5:
		event.key.kind = KEY_KIND_SPECIAL;
		event.key.special = (enum special_key)(1 + any(SK_COUNT - 1));
		event.key.mods = any(6) == 0 ? any(8) : 0;
		break;
	case 6:
		event.key.kind = KEY_KIND_MOUSE;
		event.key.act = (enum mouse_act)any(5);
		event.key.button = (int)any(4);
		event.key.row = (int)any(220) - 5;
		event.key.col = (int)any(420) - 5;
		break;
	default:
		if (any(3)) {
			event.key.kind = KEY_KIND_CHAR;
			event.key.ch = ']';
			event.key.mods = MOD_CTRL;
		} else {
			event.key.kind = KEY_KIND_PASTE;
			event.key.paste = "pasted \033[200~ text\nof \xff some length";
			event.key.paste_len = strlen(event.key.paste);
		}
		break;
	}
	send(w, &event);
}

static void open_pane(struct world *w, const char *id, enum pane_kind kind)
{
	struct toy *toy = calloc(1, sizeof *toy);
	struct event event;
	const struct row *row = model_row(w->model, id);
	assert_non_null(toy);
	toys++;
	toy->pane.ops = kind == PANE_SHELL ? &shell_ops : &log_ops;
	snprintf(toy->pane.vm_id, sizeof toy->pane.vm_id, "%s", id);
	snprintf(toy->pane.vm_name, sizeof toy->pane.vm_name, "%s", row != NULL ? row->vm.name : "gone");
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = &toy->pane;
	send(w, &event);
}

/* Something that is under way comes to an end, or gets on. */
static void some_result(struct world *w)
{
	struct event event;
	struct op_seen seen;
	int at;
	size_t i;

	if (w->op_count == 0)
		return;
	at = (int)any((uint32_t)w->op_count);
	seen = w->ops[at];
	fixture_event(&event, EVENT_OP_DONE);
	event.op = seen.op;
	event.failed = any(3) == 0;
	event.error.code = STOKER_E_FAILED;
	snprintf(event.error.why, sizeof event.error.why, "the dice said so");
	if (seen.kind == EFFECT_RUN) {
		event.kind = EVENT_RAN;
		event.status = (int)any(2);
		event.line_count = (int)any(4);
		event.lines = calloc(4, sizeof *event.lines);
		for (i = 0; i < (size_t)event.line_count; i++)
			event.lines[i] = strdup(any(2) ? "one" : "two");
		event.cut = any(10) == 0;
	}
	if (seen.kind == EFFECT_PLAN && any(2)) {
		event.kind = EVENT_PLAN;
		event.count = any(20);
		event.items = calloc(event.count + 1, sizeof *event.items);
		for (i = 0; i < event.count; i++) {
			event.items[i].finding.repair = (enum stoker_repair)any(7);
			event.items[i].finding.alternative = (enum stoker_repair)any(7);
			event.items[i].finding.ask = any(2);
		}
		send(w, &event);
		return;
	}
	if (seen.kind == EFFECT_APPLY && any(3)) {
		event.kind = EVENT_PLAN_ITEM;
		event.item = any(25);
		event.begun = any(2);
		send(w, &event);
		return;
	}
	if (seen.kind == EFFECT_CREATE && !event.failed) {
		add_vm(w);
		event.has_vm = w->count > 0;
		if (event.has_vm)
			event.vm = w->vms[w->count - 1];
	}
	w->ops[at] = w->ops[--w->op_count];
	send(w, &event);
	if (seen.kind == EFFECT_OPEN && !event.failed)
		open_pane(w, seen.id, seen.pane_kind);
}

static void inspect_answer(struct world *w, const char *id)
{
	struct event event;
	int i;
	fixture_event(&event, EVENT_TEXT);
	snprintf(event.vm_id, sizeof event.vm_id, "%s", id);
	event.line_count = (int)any(80);
	event.lines = calloc((size_t)event.line_count + 1, sizeof *event.lines);
	for (i = 0; i < event.line_count; i++)
		event.lines[i] = strdup(any(2) ? "label\tvalue" : "Heading");
	send(w, &event);
}

static void invariants(const struct world *w)
{
	const struct model *m = w->model;
	struct layout layout;
	size_t i, marked = 0;
	int cursor = model_cursor(m);
	for (i = 0; i < m->count; i++)
		marked += m->rows[i].marked;
	assert_int_equal(marked, m->marked);
	assert_true(m->shown_count <= m->count);
	assert_true(m->line_count == 0 ? cursor == -1 : cursor >= 0);
	assert_true(m->top == 0 || m->top < m->line_count);
	/* The selection is a VM that is there, or a group that is shown. */
	assert_true(m->on_group ? m->selected[0] == '\0' && model_line_group(m, (size_t)cursor) != NULL
	                        : m->selected[0] == '\0' || model_row(m, m->selected) != NULL);
	assert_true(m->panel_at >= 0 && m->panel_top >= 0 && m->panel_at <= panel_lines(m));
	/* Every line of the list is one VM that fits or one group, each VM at most once. */
	for (i = 0; i < m->line_count; i++)
		assert_true((model_line_row(m, i) != NULL) != (model_line_group(m, i) != NULL));
	for (i = 0; i < m->shown_count; i++)
		assert_true(m->shown[i] >= 0 && (size_t)m->shown[i] < m->count);
	assert_true(!m->panel_focus || panel_takes_focus(m->panel));
	layout_of(m, &layout);
	assert_true(!m->panel_focus || layout.panel.rows > 0 || layout.too_small);
	assert_true(m->ended_count <= OPS_KEPT && m->event_count <= EVENTS_KEPT);
	assert_true(m->front >= -1 && m->front < m->pane_count);
	assert_true(!m->pane_focus || m->front >= 0);
	assert_true(m->pane_count == toys);
	assert_true(m->filter.at <= m->filter.len && strlen(m->filter.text) == m->filter.len);
	assert_true(m->dialog <= DIALOG_COUNT - 1);
	assert_true(m->form.focus >= 0 && m->form.focus < FORM_COUNT);
	assert_true(m->dialog != DIALOG_CONFIRM || m->confirm.ids != NULL || m->confirm.action == ACTION_QUIT);
	for (i = 0; i < m->op_count; i++)
		assert_true(m->ops[i].id != 0);
}

static void send(struct world *w, struct event *event)
{
	struct effects effects = { 0 };
	size_t i;

	event->now_ns = w->now;
	update(w->model, event, &effects);
	for (i = 0; i < effects.count; i++) {
		struct effect *effect = &effects.items[i];
		switch (effect->kind) {
		case EFFECT_PANE_FREE:
			effect->pane->ops->free(effect->pane);
			break;
		case EFFECT_PANE_KEY:
			if (!effect->pane->ops->key(effect->pane, &effect->key, &w->model->keymap)) {
				struct event refused;
				fixture_event(&refused, EVENT_PANE_REFUSED_KEY);
				refused.key = effect->key;
				send(w, &refused);
				i = effects.count; /* the pane may be gone: what follows is not for it */
			}
			break;
		case EFFECT_INSPECT:
			if (any(2))
				inspect_answer(w, effect->id);
			break;
		case EFFECT_QUIT:
			w->quits++;
			break;
		case EFFECT_PANE_LOG:
			assert_false(w->model->read_only);
			break;
		case EFFECT_DO:
			/* On a VM that is there, but for one that comes back. */
			assert_true(effect->action == ACTION_UNDO || model_row(w->model, effect->id) != NULL);
			assert_false(w->model->read_only);
			/* fall through */
		case EFFECT_CREATE:
		case EFFECT_RUN:
		case EFFECT_PLAN:
		case EFFECT_APPLY:
		case EFFECT_OPEN:
			assert_true(!w->model->read_only || (effect->kind == EFFECT_OPEN && effect->pane_kind == PANE_LOG));
			assert_true(effect->op != 0);
			if (w->op_count < 256) {
				struct op_seen *seen = &w->ops[w->op_count++];
				seen->op = effect->op;
				seen->kind = effect->kind;
				seen->pane_kind = effect->pane_kind;
				memcpy(seen->id, effect->id, sizeof seen->id);
			}
			break;
		default:
			break;
		}
	}
	effects_free(&effects);
}

/* Draws and presents a frame; returns a sum over it. */
static uint64_t frame(struct world *w, struct screen *screen, struct painter *painter, uint64_t sum)
{
	int row, col;

	view_draw(w->model, screen);
	for (row = 0; row < screen_rows(screen); row++)
		for (col = 0; col < screen_cols(screen); col++)
			sum = sum_with(sum, screen_at(screen, row, col)->ch[0]);
	painter_present(painter, screen);
	painter->out_len = painter->out_sent = 0;
	return sum;
}

/* A frame is a function of the model, and one that is shown already costs no byte. */
static void frame_again(struct world *w, const struct screen *screen, struct painter *painter)
{
	struct screen *fresh = screen_new(screen_rows(screen), screen_cols(screen));
	int row, col, at[2], again[2];

	assert_non_null(fresh);
	view_draw(w->model, fresh);
	for (row = 0; row < screen_rows(screen); row++) {
		for (col = 0; col < screen_cols(screen); col++) {
			const struct cell *cell = screen_at(screen, row, col), *again_cell = screen_at(fresh, row, col);
			assert_memory_equal(cell->ch, again_cell->ch, sizeof cell->ch);
			assert_true(cell->style.fg == again_cell->style.fg && cell->style.bg == again_cell->style.bg &&
			            cell->style.attr == again_cell->style.attr && cell->width == again_cell->width);
		}
	}
	screen_get_cursor(screen, &at[0], &at[1]);
	screen_get_cursor(fresh, &again[0], &again[1]);
	assert_true(at[0] == again[0] && at[1] == again[1]);
	painter_present(painter, fresh);
	assert_int_equal(painter->out_len, 0);
	screen_free(fresh);
}

/* Plays so many events of a seed's story; returns a sum of its frames. */
static uint64_t story(long count, uint32_t begin, bool read_only)
{
	struct painter painter = { .colours = 256, .cursor_row = -1 };
	struct world *w = calloc(1, sizeof *w);
	struct screen *screen = screen_new(24, 80);
	uint64_t sum = SUM_OF_NOTHING;
	long i;
	int k;

	assert_non_null(w);
	seed = begin;
	assert_true(seed != 0);
	w->now = NOW_NS;
	w->model = model_new(24, 80);
	w->model->read_only = read_only;
	for (i = 0; i < 12; i++)
		add_vm(w);
	for (i = 0; i < FORM_COUNT; i++)
		field_set(&w->model->defaults[i], "");
	for (i = 0; i < count; i++) {
		struct event event;
		w->now += any(200) * 1000000;
		switch (any(20)) {
		case 0:
			new_list(w);
			break;
		case 1:
		case 2:
			some_result(w);
			break;
		case 3:
			if (any(10))
				break;
			fixture_event(&event, EVENT_RESIZE);
			event.rows = 1 + (int)any(any(3) ? 60 : 200);
			event.cols = 1 + (int)any(any(3) ? 150 : 400);
			send(w, &event);
			screen_resize(screen, event.rows, event.cols);
			break;
		case 4:
			for (k = 0; k < w->model->pane_count; k++)
				((struct toy *)w->model->panes[k])->over = any(30) == 0;
			fixture_event(&event, EVENT_PANE_CHANGED);
			send(w, &event);
			break;
		case 5:
			fixture_event(&event, any(2) ? EVENT_TICK : any(2) ? EVENT_CHECKED : EVENT_PROGRESS);
			if (event.kind == EVENT_PROGRESS && w->op_count > 0) {
				event.op = w->ops[any((uint32_t)w->op_count)].op;
				event.done = (int64_t)any(2000) - 100;
				event.total = any(1500);
				snprintf(event.text, sizeof event.text, "copying %u", any(100000));
			}
			event.generation = w->model->form.generation;
			event.failed = any(2);
			send(w, &event);
			break;
		case 6:
			w->model->ascii = any(2);
			break;
		default:
			random_key(w);
			break;
		}
		invariants(w);
		if (i % 13 == 0)
			sum = frame(w, screen, &painter, sum);
		if (i % 52 == 0)
			frame_again(w, screen, &painter);
	}
	assert_true(w->quits > 0 || count < 10000);
	while (w->model->pane_count > 0) {
		struct effects effects = { 0 };
		pane_close(w->model, 0, &effects);
		effects.items[0].pane->ops->free(effects.items[0].pane);
		effects_free(&effects);
	}
	assert_int_equal(toys, 0);
	painter_free(&painter);
	model_free(w->model);
	screen_free(screen);
	free(w);
	return sum;
}

static uint32_t first_seed(void)
{
	const char *text = getenv("SOAK_SEED");
	return (uint32_t)strtoul(text != NULL ? text : SEED, NULL, 10);
}

static void any_story_holds_together(void **state)
{
	const char *events = getenv("SOAK_EVENTS");
	long count = strtol(events != NULL ? events : EVENTS, NULL, 10);
	(void)state;
	print_message("%ld events from seed %u\n", count, first_seed());
	story(count, first_seed(), false);
}

/* What the monkey found can be played again: frame by frame the same. */
static void a_seed_is_a_story(void **state)
{
	uint64_t sum = story(4000, first_seed(), false);
	(void)state;
	assert_true(sum == story(4000, first_seed(), false));
	assert_true(sum != story(4000, first_seed() + 1, false));
}
/* No key, click or paste makes a read-only dashboard do anything but look. */
static void read_only_only_looks(void **state)
{
	(void)state;
	story(40000, first_seed(), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(any_story_holds_together), cmocka_unit_test(a_seed_is_a_story),
		                            cmocka_unit_test(read_only_only_looks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
