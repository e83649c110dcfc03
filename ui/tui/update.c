/* SPDX-License-Identifier: Apache-2.0
 *
 * update.c - takes events into the model.
 */
#include "update.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define KIB_PER_MIB 1024u
#define RATE_MAX 1e15

struct effect *effect_add(struct effects *effects, enum effect_kind kind)
{
	struct effect *effect;
	if (effects->count == effects->cap) {
		size_t cap = effects->cap == 0 ? 16 : effects->cap * 2;
		struct effect *grown = realloc(effects->items, cap * sizeof *grown);
		if (grown == NULL)
			return &effects->spare;
		effects->items = grown;
		effects->cap = cap;
	}
	effect = &effects->items[effects->count++];
	memset(effect, 0, sizeof *effect);
	effect->kind = kind;
	return effect;
}

void say(struct model *model, enum message_tone message_tone, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(model->message, sizeof model->message, format, args);
	va_end(args);
	model->message_tone = message_tone;
	model->message_ns = model->now_ns;
}

/* --------------------------------------------------------------- snapshots */

#define MESSAGE_NS 5000000000LL /* a message has the line to itself for so long, then the next event takes it */

/* Figures that only tremble are left as they are: what did not really change
 * does not move on the screen, and costs no byte. */
static void settle(int *shown, int now, int tolerance)
{
	if (*shown < 0 || now < 0 || abs(now - *shown) > tolerance || (now == 0 && *shown > 0 && tolerance > 0))
		*shown = now;
}

static void push(int8_t *history, int *len, int percent)
{
	percent = percent < 0 ? 0 : percent > 100 ? 100 : percent;
	if (*len == HISTORY)
		memmove(history, history + 1, HISTORY - 1);
	else
		++*len;
	history[*len - 1] = (int8_t)percent;
}

/* Rates that only tremble stay as they are, too. */
static void settle_rate(int64_t *shown, int64_t now)
{
	int64_t tolerance = *shown / 10;
	if (*shown < 0 || now < *shown - tolerance || now > *shown + tolerance || (now == 0) != (*shown == 0))
		*shown = now;
}

/* A counter of bytes into a rate; `bytes` < 0: not known this time. */
static void take_rate(struct row *row, enum metric metric, int64_t bytes, int64_t at_ns)
{
	int64_t *last = metric == METRIC_DISK ? &row->disk_bytes : &row->net_bytes;
	int64_t *last_ns = metric == METRIC_DISK ? &row->disk_ns : &row->net_ns, rate;
	if (bytes < 0)
		return;
	if (*last_ns > 0 && at_ns > *last_ns && bytes >= *last) {
		/* In double: bytes times a billion would not fit. */
		double a_second = (double)(bytes - *last) * 1e9 / (double)(at_ns - *last_ns);
		/* A guest may claim anything. */
		rate = a_second > RATE_MAX ? (int64_t)RATE_MAX : (int64_t)a_second;
		settle_rate(metric == METRIC_DISK ? &row->disk_rate : &row->net_rate, rate);
		if (row->past != NULL) {
			int64_t kib = (rate + 1023) / 1024;
			usage_add(row->past, metric, *last_ns, at_ns, kib > 1 << 30 ? 1u << 30 : (uint32_t)kib);
		}
	}
	*last = bytes;
	*last_ns = at_ns;
}

static void forget_samples(struct row *row)
{
	row->cpu = -1;
	row->rss_kib = 0;
	row->rss_ns = 0;
	row->history_len = 0;
	row->sampled_ns = 0;
	row->disk_rate = row->net_rate = -1;
	row->disk_ns = row->net_ns = 0;
}

static void take_sample(struct row *row, const struct stoker_sample *sample)
{
	int64_t elapsed = sample->at_ns - row->sampled_ns, percent;
	unsigned vcpus = row->vm.vcpus > 0 ? row->vm.vcpus : 1;

	if (sample->cpu_ns < 0) {
		forget_samples(row);
		return;
	}
	if (row->past == NULL)
		row->past = usage_new();
	if (row->sampled_ns > 0 && elapsed > 0 && sample->cpu_ns >= row->cpu_ns) {
		percent = (sample->cpu_ns - row->cpu_ns) * 100 / elapsed;
		percent = percent > 100000 ? 100000 : percent;
		settle(&row->cpu, (int)percent, 1);
		push(row->history, &row->history_len, (int)(percent / vcpus));
		if (row->past != NULL)
			usage_add(row->past, METRIC_CPU, row->sampled_ns, sample->at_ns, (uint32_t)percent);
	}
	row->cpu_ns = sample->cpu_ns;
	row->sampled_ns = sample->at_ns;
	take_rate(row, METRIC_DISK, sample->read_bytes < 0 ? -1 : sample->read_bytes + sample->write_bytes, sample->at_ns);
	take_rate(row, METRIC_NETWORK, sample->rx_bytes < 0 ? -1 : sample->rx_bytes + sample->tx_bytes,
	          sample->traffic_ns);
	if (sample->rss_kib == 0)
		return;
	if (row->past != NULL)
		usage_add(row->past, METRIC_MEMORY, row->rss_ns > 0 ? row->rss_ns : sample->at_ns, sample->at_ns,
		          (uint32_t)(sample->rss_kib / KIB_PER_MIB));
	row->rss_ns = sample->at_ns;
	if (row->rss_kib == 0 || llabs((long long)sample->rss_kib - (long long)row->rss_kib) >= (long long)KIB_PER_MIB)
		row->rss_kib = sample->rss_kib;
}

static void take_samples(struct model *model, const struct snapshot *snapshot)
{
	size_t i, at = 0;
	for (i = 0; i < snapshot->sample_count; i++) {
		size_t tried;
		/* Samples come in the order of the list: the next one is close by. */
		for (tried = 0; tried < model->count; tried++, at++) {
			if (at >= model->count)
				at = 0;
			if (strcmp(model->rows[at].vm.id, snapshot->sample_ids[i]) == 0) {
				take_sample(&model->rows[at], &snapshot->samples[i]);
				break;
			}
		}
	}
}

static void take_vms(struct model *model, const struct snapshot *snapshot)
{
	struct row *rows = calloc(snapshot->count + 1, sizeof *rows);
	size_t i, at = 0, tried;

	if (rows == NULL)
		return;
	for (i = 0; i < snapshot->count; i++) {
		struct row *row = &rows[i];
		row->op = ACTION_NONE;
		forget_samples(row);
		for (tried = 0; tried < model->count; tried++, at++) {
			if (at >= model->count)
				at = 0;
			if (strcmp(model->rows[at].vm.id, snapshot->vms[i].id) == 0) {
				*row = model->rows[at];
				model->rows[at++].past = NULL; /* it has moved */
				break;
			}
		}
		if (row->vm.pid != snapshot->vms[i].pid || snapshot->vms[i].pid == 0) {
			forget_samples(row);
		}
		row->vm = snapshot->vms[i];
		row->listed_ns = model->now_ns;
	}
	for (i = 0; i < model->count; i++)
		free(model->rows[i].past);
	free(model->rows);
	model->rows = rows;
	model->count = snapshot->count;
	model->loaded = true;
}

static void take_host(struct model *model, const struct stoker_host *host)
{
	uint64_t used = host->mem_total_kib > host->mem_available_kib ? host->mem_total_kib - host->mem_available_kib : 0;
	uint64_t total = host->cpu_total_ticks - model->host.cpu_total_ticks;
	uint64_t busy = host->cpu_busy_ticks - model->host.cpu_busy_ticks;
	unsigned tenths = (unsigned)(used * 10 / (KIB_PER_MIB * KIB_PER_MIB));

	if (model->host_known && host->cpu_total_ticks > model->host.cpu_total_ticks &&
	    host->cpu_busy_ticks >= model->host.cpu_busy_ticks) {
		int percent = (int)(busy * 100 / total);
		settle(&model->host_cpu, percent, 1);
		push(model->host_history, &model->host_history_len, percent);
	}
	if (!model->host_known || tenths > model->mem_used_deci_gib + 1 || tenths + 1 < model->mem_used_deci_gib)
		model->mem_used_deci_gib = tenths;
	model->host = *host;
	model->host_known = true;
}

/* What all VMs use together, in the host's measure. */
static void sum_guests(struct model *model)
{
	uint64_t rss = 0;
	int64_t cpu = 0;
	unsigned cpus = model->host_known && model->host.cpus > 0 ? model->host.cpus : 1;
	bool known = false;
	size_t i;
	for (i = 0; i < model->count; i++) {
		rss += model->rows[i].rss_kib;
		if (model->rows[i].cpu >= 0) {
			cpu += model->rows[i].cpu;
			known = true;
		}
	}
	settle(&model->guest_cpu, known ? (int)(cpu / cpus) : -1, 1);
	if (rss == 0 || model->guest_rss_kib == 0 ||
	    llabs((long long)rss - (long long)model->guest_rss_kib) > (long long)(model->guest_rss_kib / 50))
		model->guest_rss_kib = rss;
}

static void take_events(struct model *model, const struct snapshot *snapshot)
{
	size_t add = snapshot->event_count < EVENTS_KEPT ? snapshot->event_count : EVENTS_KEPT, i;
	size_t keep = (size_t)model->event_count < EVENTS_KEPT - add ? (size_t)model->event_count : EVENTS_KEPT - add;
	if (add == 0)
		return;
	memmove(model->events + add, model->events, keep * sizeof *model->events);
	for (i = 0; i < add; i++)
		model->events[i] = snapshot->events[snapshot->event_count - 1 - i];
	model->event_count = (int)(add + keep);
	/* What somebody only looks on must not hide a crash for ever; what failed stays until the next key. */
	if (model->message_tone != MESSAGE_BAD && model->now_ns - model->message_ns >= MESSAGE_NS)
		model->message[0] = '\0';
	/* Who reads further down goes on reading the same line. */
	if (model->panel == PANEL_EVENTS && model->panel_at > 0)
		model->panel_at += (int)add;
}

static void take_snapshot(struct model *model, struct snapshot *snapshot)
{
	if (snapshot->failure[0] != '\0' || snapshot->has_vms)
		memcpy(model->failure, snapshot->failure, sizeof model->failure);
	if (snapshot->has_vms)
		take_vms(model, snapshot);
	take_samples(model, snapshot);
	if (snapshot->has_host)
		take_host(model, &snapshot->host);
	if (snapshot->has_fleet)
		memcpy(model->fleet, snapshot->fleet, sizeof model->fleet);
	if (snapshot->has_spread) {
		memcpy(model->spread, snapshot->spread, sizeof model->spread);
		model->spread_known = true;
	}
	sum_guests(model);
	take_events(model, snapshot);
	if (snapshot->has_timings) {
		free(model->timings);
		model->timings = NULL;
		model->timing_count = snapshot->timing_count < TIMINGS_KEPT ? snapshot->timing_count : TIMINGS_KEPT;
		if (model->timing_count > 0)
			model->timings = malloc(model->timing_count * sizeof *model->timings);
		if (model->timings == NULL)
			model->timing_count = 0;
		else
			memcpy(model->timings, snapshot->timings, model->timing_count * sizeof *model->timings);
		memcpy(model->timings_id, snapshot->timings_id, sizeof model->timings_id);
	}
	if (snapshot->images[0] != '\0')
		memcpy(model->images, snapshot->images, sizeof model->images);
	model_arrange(model);
}

/* -------------------------------------------------------------------- keys */

void select_at(struct model *model, long at)
{
	if (model->line_count == 0)
		return;
	at = at < 0 ? 0 : at >= (long)model->line_count ? (long)model->line_count - 1 : at;
	model_select_line(model, (size_t)at);
	model_arrange(model);
}

/* Takes back what narrows the view, one thing at a time. */
static void clear(struct model *model, struct effects *effects)
{
	if (model->opening[0] != '\0') {
		pane_opening_leave(model, effects);
	} else if (model->panel_focus) {
		panel_close(model);
	} else if (model->marked > 0) {
		unmark(model);
	} else if (model->filter.len > 0) {
		field_set(&model->filter, "");
	}
	model_arrange(model);
}

static void list_key(struct model *model, const struct key *key, struct effects *effects)
{
	enum action_id action;
	enum place_key panel;

	if (model->leader && keymap_leaves(&model->keymap, key) && model->front >= 0) {
		/* Twice: it is meant for the guest. */
		struct effect *effect = effect_add(effects, EFFECT_PANE_KEY);
		effect->pane = model->panes[model->front];
		effect->key = *key;
		pane_front(model, model->front, true);
		return;
	}
	panel = model->panel_focus ? keymap_at(&model->keymap, key, PLACE_PANEL) : IN_NONE;
	if (panel == IN_PANEL_CLOSE || keymap_at(&model->keymap, key, PLACE_LIST) == IN_LIST_CLEAR) {
		clear(model, effects);
		return;
	}
	action = keymap_action(&model->keymap, key);
	/* On a group what opens a shell in a VM opens the group. */
	if ((panel == IN_PANEL_GO || (!model->panel_focus && action == ACTION_SHELL && model->on_group)) && panel_enter(model))
		return;
	if (action != ACTION_NONE)
		update_act(model, action, effects);
}

void key_take(struct model *model, const struct key *key, struct effects *effects)
{
	bool leader = model->leader;

	if (key->kind != KEY_KIND_MOUSE || key->act == MOUSE_PRESS)
		model->message[0] = '\0';
	/* From everywhere, but a letter may be text, and a pane has keys of its own. */
	if (!model->pane_focus && key->kind != KEY_KIND_MOUSE && (key->kind == KEY_KIND_SPECIAL || (key->mods & (MOD_CTRL | MOD_ALT))) &&
	    keymap_action(&model->keymap, key) == ACTION_REDRAW) {
		update_act(model, ACTION_REDRAW, effects);
		return;
	}
	if (model->dialog == DIALOG_NONE && (model->filtering || model->naming || model->asking != ASK_NOTHING || model->commanding) &&
	    keymap_at(&model->keymap, key, PLACE_LINE) == IN_LINE_HELP) {
		help_open(model);
		return;
	}
	if (key->kind == KEY_KIND_MOUSE)
		mouse_key(model, key, effects);
	else if (model->dialog != DIALOG_NONE)
		dialog_key(model, key, effects);
	else if (model->filtering)
		filter_key(model, key);
	else if (model->naming)
		path_key(model, key, effects);
	else if (model->asking != ASK_NOTHING)
		ask_key(model, key, effects);
	else if (model->commanding)
		finder_key(model, key, effects);
	else if (model->pane_focus)
		pane_key(model, key, effects);
	else
		list_key(model, key, effects);
	if (leader && key->kind != KEY_KIND_MOUSE) {
		model->leader = false;
		model->was_full = false;
	}
}

void key_bound(struct model *model, enum place_key row, struct effects *effects)
{
	struct key key = { .kind = KEY_KIND_BOUND, .ch = (uint32_t)row };
	key_take(model, &key, effects);
}

static void take_vm(struct model *model, const struct stoker_vm *vm)
{
	struct row *row = model_row(model, vm->id), *rows;
	if (row == NULL) {
		rows = realloc(model->rows, (model->count + 1) * sizeof *rows);
		if (rows == NULL)
			return;
		model->rows = rows;
		row = &rows[model->count++];
		memset(row, 0, sizeof *row);
		row->op = ACTION_NONE;
		forget_samples(row);
	}
	row->vm = *vm;
	row->listed_ns = model->now_ns;
}

static bool take_event(struct model *model, const struct event *given, struct effects *effects)
{
	struct event event = *given;
	int fewer;

	model->now_ns = event.now_ns;
	model->wall_ms = event.wall_ms;
	switch (event.kind) {
	case EVENT_KEY:
		key_take(model, &event.key, effects);
		return true;
	case EVENT_RESIZE:
		model->rows_size = event.rows;
		model->cols_size = event.cols;
		model_arrange(model);
		return true;
	case EVENT_SNAPSHOT:
		take_snapshot(model, event.snapshot);
		pane_changed(model, effects);
		return true;
	case EVENT_OP_DONE:
		if (event.has_vm && !event.failed)
			take_vm(model, &event.vm);
		op_end(model, &event, effects);
		model_arrange(model);
		return true;
	case EVENT_CHECKED:
		form_checked(model, &event);
		return dialog_is_open(model, DIALOG_CREATE);
	case EVENT_PLAN:
	case EVENT_PLAN_ITEM:
		plan_event(model, &event);
		return true;
	case EVENT_RAN:
		run_ended(model, &event, effects);
		return true;
	case EVENT_TEXT:
		if (strcmp(event.vm_id, model->text.vm_id) == 0 && dialog_is_open(model, DIALOG_TEXT)) {
			enum dialog before = model->dialog;
			text_open(model, event.text, event.lines, event.line_count);
			model->dialog = before;
		} else {
			for (fewer = 0; fewer < event.line_count; fewer++)
				free(event.lines[fewer]);
			free(event.lines);
		}
		return true;
	case EVENT_PANE_OPENED:
		pane_opened(model, &event, effects);
		return true;
	case EVENT_PANE_REFUSED_KEY:
		pane_refused(model, &event.key, effects);
		return true;
	case EVENT_PANE_CHANGED:
		pane_changed(model, effects);
		return true;
	case EVENT_PROGRESS:
		return op_progress(model, &event);
	case EVENT_NOTICE:
		say(model, event.failed ? MESSAGE_BAD : MESSAGE_PLAIN, "%s", event.text);
		return true;
	case EVENT_TICK:
	default:
		return true;
	}
}

bool update(struct model *model, const struct event *event, struct effects *effects)
{
	char before[STOKER_ID_SIZE];
	bool fleet = model->panel == PANEL_FLEET, changed;
	struct effect *effect;

	memcpy(before, model->selected, sizeof before);
	changed = take_event(model, event, effects);
	split_settle(model);
	/* However the selection came to another VM: its timings are wanted. */
	if (strcmp(before, model->selected) != 0 || fleet != (model->panel == PANEL_FLEET)) {
		effect = effect_add(effects, EFFECT_LOOK);
		effect->force = model->panel == PANEL_FLEET;
		memcpy(effect->id, model->selected, sizeof effect->id);
	}
	return changed;
}
