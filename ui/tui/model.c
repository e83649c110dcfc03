/* SPDX-License-Identifier: Apache-2.0
 *
 * model.c - the model's memory, and which VMs are shown in which order.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "groups.h"
#include "layout.h"
#include "preset.h"

struct model *model_new(int rows, int cols)
{
	struct model *model = calloc(1, sizeof *model);
	if (model == NULL)
		return NULL;
	model->rows_size = rows;
	model->cols_size = cols;
	model->front = model->split.other = model->mouse_pane = -1;
	model->host_cpu = model->guest_cpu = -1;
	model->panel = PANEL_PHASES;
	model->help_below = HELP_COUNT;
	columns_reset(&model->columns);
	model->next_op = 1;
	keymap_standard(&model->keymap);
	model->trash_keep_s = 600;
	preset_names(model);
	return model;
}

static void free_lines(struct text_view *text)
{
	int i;
	for (i = 0; i < text->count; i++)
		free(text->lines[i]);
	free(text->lines);
}

void model_free(struct model *model)
{
	size_t k;
	int i;
	if (model == NULL)
		return;
	for (i = 0; i < model->pane_count; i++)
		model->panes[i]->ops->free(model->panes[i]);
	for (k = 0; k < model->count; k++)
		free(model->rows[k].past);
	free(model->rows);
	free(model->shown);
	free(model->groups);
	free(model->lines);
	free(model->ended);
	free(model->timings);
	free(model->ops);
	free(model->confirm.ids);
	batch_free(&model->batch);
	fanout_free(&model->fanout);
	free(model->settings);
	free(model->command_places);
	free(model->plan.items);
	free_lines(&model->text);
	free(model);
}

void snapshot_free(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	stoker_free(snapshot->vms);
	free(snapshot->samples);
	free(snapshot->sample_ids);
	stoker_free(snapshot->events);
	stoker_free(snapshot->timings);
	free(snapshot);
}

void effects_clear(struct effects *effects)
{
	size_t i;
	for (i = 0; i < effects->count; i++) {
		free(effects->items[i].spec);
		free(effects->items[i].choices);
		free(effects->items[i].text);
	}
	effects->count = 0;
}

void effects_free(struct effects *effects)
{
	effects_clear(effects);
	free(effects->items);
	effects->items = NULL;
	effects->cap = 0;
}

struct row *model_row(const struct model *model, const char *id)
{
	size_t i;
	for (i = 0; *id != '\0' && i < model->count; i++) {
		if (strcmp(model->rows[i].vm.id, id) == 0)
			return &model->rows[i];
	}
	return NULL;
}

const struct row *model_selected(const struct model *model)
{
	int cursor = model_cursor(model);
	return cursor < 0 ? NULL : model_line_row(model, (size_t)cursor);
}

int64_t model_uptime(const struct model *model, const struct row *row)
{
	if (row->vm.uptime_ms < 0)
		return -1;
	return row->vm.uptime_ms + (model->now_ns > row->listed_ns ? (model->now_ns - row->listed_ns) / 1000000 : 0);
}

const struct row *model_line_row(const struct model *model, size_t line)
{
	return line < model->line_count && model->lines[line] >= 0 ? &model->rows[model->shown[model->lines[line]]] : NULL;
}

const struct group *model_line_group(const struct model *model, size_t line)
{
	return line < model->line_count && model->lines[line] < 0 ? &model->groups[-1 - model->lines[line]] : NULL;
}

static bool selected_is(const struct model *model, size_t line)
{
	const struct row *row = model_line_row(model, line);
	const struct group *group = model_line_group(model, line);
	if (model->on_group)
		return group != NULL && strcmp(group->key, model->selected_group) == 0;
	return row != NULL && strcmp(row->vm.id, model->selected) == 0;
}

int model_cursor(const struct model *model)
{
	size_t i;
	/* Where it was is where it is, nearly always. */
	if (selected_is(model, model->selected_at))
		return (int)model->selected_at;
	for (i = 0; i < model->line_count; i++) {
		if (selected_is(model, i))
			return (int)i;
	}
	return -1;
}

void model_select_line(struct model *model, size_t line)
{
	const struct row *row = model_line_row(model, line);
	const struct group *group = model_line_group(model, line);
	model->on_group = group != NULL;
	model->selected[0] = '\0';
	if (group != NULL)
		memcpy(model->selected_group, group->key, sizeof model->selected_group);
	if (row != NULL)
		memcpy(model->selected, row->vm.id, sizeof model->selected);
	model->selected_at = line;
}

bool model_slow(const struct model *model, enum stoker_phase phase, int64_t ns)
{
	return phase < STOKER_PHASE_COUNT && model->fleet[phase].count >= 10 && model->fleet[phase].p95_ns > 0 &&
	       ns > model->fleet[phase].p95_ns;
}

const struct row *model_slowest(const struct model *model)
{
	const struct row *slowest = NULL;
	size_t i;
	for (i = 0; i < model->count; i++) {
		const struct row *row = &model->rows[i];
		if (row->vm.phase != STOKER_PHASE_NONE &&
		    (slowest == NULL || row->vm.phase_since_ns < slowest->vm.phase_since_ns))
			slowest = row;
	}
	return slowest;
}

size_t model_failures(const struct model *model)
{
	size_t count = 0;
	int i;
	for (i = 0; i < model->event_count && model->events[i].at_ms > model->wall_ms - 3600000; i++)
		count += strcmp(model->events[i].kind, "failed") == 0;
	return count;
}

static const struct group *group_of(const struct model *model, const char *id)
{
	size_t i, k;
	for (i = 0; *id != '\0' && i < model->group_count; i++) {
		const struct group *group = &model->groups[i];
		for (k = group->first; group->folded && k < group->first + group->count; k++) {
			if (strcmp(model->rows[model->shown[k]].vm.id, id) == 0)
				return group;
		}
	}
	return NULL;
}

static bool matches(const struct model *model, const struct row *row)
{
	struct vm_filter_facts facts = { &row->vm, row->cpu, row->rss_kib > 0 ? (int64_t)(row->rss_kib / 1024) : -1,
		                             model_uptime(model, row), model->wall_ms, row->marked,
		                             row->op != ACTION_NONE || row->vm.phase != STOKER_PHASE_NONE };
	return vm_filter_fits(&model->wanted, &facts);
}

static int sign(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Addresses by number, so that .9 comes before .10; none comes last. */
static int64_t address(const char *ip)
{
	int64_t value = 0, part = 0;
	if (*ip == '\0')
		return INT64_MAX;
	for (; *ip != '\0'; ip++) {
		if (*ip >= '0' && *ip <= '9') {
			part = part * 10 + (*ip - '0');
			part = part > 255 ? 255 : part;
		} else {
			value = value << 8 | part;
			part = 0;
		}
	}
	return value << 8 | part;
}

/* What needs a person comes first. */
static int rank(const struct stoker_vm *vm)
{
	static const int order[STOKER_STATE_COUNT] = { 6, 3, 4, 5, 3, 7, 1, 2 };
	return vm->stale ? 0 : order[vm->state];
}

static int compare(const void *a, const void *b, void *context)
{
	const struct model *model = context;
	const struct row *one = &model->rows[*(const int *)a], *two = &model->rows[*(const int *)b];
	int result = 0;

	switch (model->sort) {
	case SORT_NAME:
		result = strverscmp(one->vm.name, two->vm.name);
		break;
	case SORT_STATUS:
		result = rank(&one->vm) - rank(&two->vm);
		break;
	case SORT_IP:
		result = sign(address(one->vm.ip), address(two->vm.ip));
		break;
	case SORT_CPU: /* the most first: that is what one looks for */
		result = two->cpu - one->cpu;
		break;
	case SORT_RSS:
		result = sign((int64_t)two->rss_kib, (int64_t)one->rss_kib);
		break;
	case SORT_UPTIME:
		result = sign(two->vm.uptime_ms, one->vm.uptime_ms);
		break;
	case SORT_DISK:
		result = sign(two->disk_rate, one->disk_rate);
		break;
	case SORT_NETWORK:
		result = sign(two->net_rate, one->net_rate);
		break;
	case SORT_LAST:
		result = sign(two->vm.last_phase_ns, one->vm.last_phase_ns);
		break;
	default:
		break;
	}
	if (model->reverse)
		result = -result;
	if (result == 0) {
		result = sign(*(const int *)a, *(const int *)b); /* the order of creation */
		if (model->sort == SORT_CREATED && model->reverse)
			result = -result;
	}
	return result;
}

/* Keeps the panel's line and window inside. */
static void arrange_panel(struct model *model, int height, bool hidden)
{
	int count = panel_lines(model);
	height = height < 1 ? 1 : height;
	if (model->panel_at >= count)
		model->panel_at = count - 1;
	if (model->panel_at < 0)
		model->panel_at = 0;
	if (model->panel_at < model->panel_top)
		model->panel_top = model->panel_at;
	if (model->panel_at >= model->panel_top + height)
		model->panel_top = model->panel_at - height + 1;
	if (model->panel_top + height > count)
		model->panel_top = count > height ? count - height : 0;
	if (!panel_takes_focus(model->panel) || hidden)
		model->panel_focus = false;
}

void model_arrange(struct model *model)
{
	struct layout layout;
	const struct group *folded;
	size_t i, height;
	int cursor, *shown;

	shown = realloc(model->shown, (model->count + 1) * sizeof *shown);
	if (shown == NULL)
		return;
	model->shown = shown;
	model->shown_count = 0;
	model->marked = 0;
	model->columns.names = 0;
	vm_filter_read(&model->wanted, model->filter.text);
	for (i = 0; i < model->count; i++) {
		int width = (int)strlen(model->rows[i].vm.name); /* ASCII: a name has nothing else */
		model->columns.names = width > model->columns.names ? width : model->columns.names;
		model->marked += model->rows[i].marked;
		if (matches(model, &model->rows[i]))
			shown[model->shown_count++] = (int)i;
	}
	if (model->sort != SORT_CREATED || model->reverse)
		qsort_r(shown, model->shown_count, sizeof *shown, compare, model);
	if (model->select_name[0] != '\0') {
		for (i = 0; i < model->count; i++) {
			if (strcmp(model->rows[i].vm.name, model->select_name) == 0) {
				memcpy(model->selected, model->rows[i].vm.id, sizeof model->selected);
				model->on_group = false;
				model->select_name[0] = '\0';
				break;
			}
		}
	}
	groups_arrange(model);
	cursor = model_cursor(model);
	folded = cursor < 0 && model->line_count > 0 ? group_of(model, model->selected) : NULL;
	if (folded != NULL) {
		/* It is in a group that is folded: that stands for it. */
		memcpy(model->selected_group, folded->key, sizeof model->selected_group);
		model->on_group = true;
		model->selected[0] = '\0';
		cursor = model_cursor(model);
	}
	if (cursor < 0 && model->line_count > 0) {
		/* It has gone or is filtered out: its neighbour in the same place. */
		cursor = (int)(model->selected_at < model->line_count ? model->selected_at : model->line_count - 1);
		model_select_line(model, (size_t)cursor);
	}
	if (cursor >= 0)
		model->selected_at = (size_t)cursor;
	else
		model_select_line(model, 0);

	layout_of(model, &layout);
	height = layout.list.rows > 0 ? (size_t)layout.list.rows : 1;
	if (model->selected_at < model->top)
		model->top = model->selected_at;
	if (model->selected_at >= model->top + height)
		model->top = model->selected_at - height + 1;
	if (model->top + height > model->line_count)
		model->top = model->line_count > height ? model->line_count - height : 0;
	arrange_panel(model, layout.panel.rows - 2, layout.panel.rows == 0);
}

struct pane *model_pane_of(const struct model *model, const char *vm_id, enum pane_kind kind)
{
	int i;
	for (i = 0; i < model->pane_count; i++) {
		if (model->panes[i]->ops->kind == kind && strcmp(model->panes[i]->vm_id, vm_id) == 0)
			return model->panes[i];
	}
	return NULL;
}

int64_t model_pulse_ns(const struct model *model)
{
	int64_t youngest = INT64_MAX;
	size_t i;
	for (i = 0; i < model->op_count; i++) {
		if (model->now_ns - model->ops[i].since_ns < youngest)
			youngest = model->now_ns - model->ops[i].since_ns;
	}
	for (i = 0; i < model->count; i++) {
		const struct stoker_vm *vm = &model->rows[i].vm;
		if (vm->phase != STOKER_PHASE_NONE && model->now_ns - vm->phase_since_ns < youngest)
			youngest = model->now_ns - vm->phase_since_ns;
	}
	/* Tenths are shown for ten seconds, seconds for ten minutes: see running_text(). */
	return youngest == INT64_MAX ? 0 : youngest < 10000000000LL ? 100000000LL : 1000000000LL;
}

static void see(struct sight *sight, const struct row *row)
{
	if (row != NULL && sight->count < SIGHT_MAX)
		memcpy(sight->ids[sight->count++], row->vm.id, STOKER_ID_SIZE);
}

void model_sight(const struct model *model, struct sight *sight)
{
	struct layout layout;
	size_t i, end;

	layout_of(model, &layout);
	end = model->top + (size_t)layout.list.rows;
	memset(sight, 0, sizeof *sight); /* so that two can be compared */
	/* The window follows the selection, but there may be none: behind a full shell, or for who reads lines of text. */
	if (model->selected_at < model->top || model->selected_at >= end)
		see(sight, model_selected(model));
	for (i = model->top; i < end && i < model->line_count; i++)
		see(sight, model_line_row(model, i));
}

bool model_live(const struct model *model)
{
	size_t i;
	for (i = 0; i < model->count; i++) {
		if (model->rows[i].vm.pid > 0)
			return true;
	}
	return false;
}
