/* SPDX-License-Identifier: Apache-2.0
 *
 * view_list.c - the table of VMs.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "graph.h"
#include "groups.h"
#include "hot.h"
#include "update.h"
#include "view.h"

static int wide(int width)
{
	return width < 0 ? -width : width;
}

static void heading(const struct model *model, struct screen *screen, const struct layout *layout,
                    const struct column_place *place)
{
	int i;
	for (i = 0; i < COL_COUNT; i++) {
		bool sorted = column_sort((enum column)i) == (int)model->sort && column_title((enum column)i)[0] != '\0';
		char text[32];
		if (place[i].width == 0)
			continue;
		snprintf(text, sizeof text, "%s%s", column_title((enum column)i),
		         sorted ? glyph(screen, model->reverse ? GLYPH_UP : GLYPH_DOWN) : "");
		screen_field(screen, layout->heading.row, place[i].col, place[i].width, tone(sorted ? TONE_STRONG : TONE_QUIET),
		             text);
		screen_hot(screen, layout->heading.row, place[i].col - 1, wide(place[i].width) + 1, HOT_SORT,
		           column_sort((enum column)i));
	}
}

/* The word behind the state's sign. */
static void status_text(const struct model *model, const struct screen *screen, const struct row *row, char *buf,
                        size_t cap)
{
	const struct stoker_vm *vm = &row->vm;
	char clock[16];

	if (vm->phase != STOKER_PHASE_NONE) {
		running_text(model->now_ns - vm->phase_since_ns, clock, sizeof clock);
		snprintf(buf, cap, "%s %s %s%s", glyph(screen, state_glyph(vm)), stoker_phase_name(vm->phase), clock,
		         model_slow(model, vm->phase, model->now_ns - vm->phase_since_ns) ? glyph(screen, GLYPH_SLOW) : "");
	} else if (row->op != ACTION_NONE) {
		running_text(model->now_ns - row->op_since_ns, clock, sizeof clock);
		snprintf(buf, cap, "%s %s %s", glyph(screen, row_glyph(row)), action_at(row->op)->name, clock);
	} else if (vm->state == STOKER_CRASHED && vm->exit_status >= 0) {
		snprintf(buf, cap, "%s crashed %d", glyph(screen, state_glyph(vm)),
		         vm->exit_status >= 256 ? vm->exit_status - 256 : vm->exit_status);
	} else {
		snprintf(buf, cap, "%s %s", glyph(screen, state_glyph(vm)), stoker_state_name(vm->state));
	}
}

static void last_text(const struct model *model, const struct screen *screen, const struct stoker_vm *vm, char *buf,
                      size_t cap)
{
	char time[16];
	if (vm->reason[0] != '\0') {
		snprintf(buf, cap, "%s", vm->reason);
	} else if (vm->last_phase != STOKER_PHASE_NONE) {
		format_duration(time, sizeof time, vm->last_phase_ns);
		snprintf(buf, cap, "%s %s%s%s", stoker_phase_name(vm->last_phase), time,
		         model_slow(model, vm->last_phase, vm->last_phase_ns) ? " " : "",
		         model_slow(model, vm->last_phase, vm->last_phase_ns) ? glyph(screen, GLYPH_SLOW) : "");
	} else {
		buf[0] = '\0';
	}
}

static void draw_name(const struct model *model, struct screen *screen, int row, const struct column_place *place,
                      const struct row *vm_row, struct style style)
{
	const struct pane *pane = model_pane_of(model, vm_row->vm.id, PANE_SHELL);
	int width = place->width, col = place->col, sign = pane == NULL ? 0 : pane->activity ? 3 : 2, used;
	col += model->columns.indent; /* below its group */
	width -= model->columns.indent;
	used = text_width(vm_row->vm.name) <= width - sign ? text_width(vm_row->vm.name) : width - sign;
	screen_field(screen, row, col, width - sign, style, vm_row->vm.name);
	if (pane != NULL) {
		screen_put(screen, row, col + used + 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_SHELL));
		if (pane->activity)
			screen_put(screen, row, col + used + 2, 1, tone(TONE_BUSY), glyph(screen, GLYPH_ACTIVITY));
	}
}

/* Bytes a second in a column of six: "812K", "1.4M", "0". */
static void rate_text(char *buf, size_t cap, int64_t rate)
{
	if (rate < 0)
		snprintf(buf, cap, "-");
	else if (rate == 0)
		snprintf(buf, cap, "0");
	else
		format_kib(buf, cap, (uint64_t)(rate + 1023) / 1024);
}

static void cell_text(const struct model *model, const struct screen *screen, const struct row *row, int column,
                      char *buf, size_t cap)
{
	const struct stoker_vm *vm = &row->vm;
	buf[0] = '\0';
	switch (column) {
	case COL_PID:
		snprintf(buf, cap, vm->pid > 0 ? "%lld" : "-", (long long)vm->pid);
		break;
	case COL_IP:
		snprintf(buf, cap, "%s", vm->ip[0] != '\0' ? vm->ip : "-");
		break;
	case COL_PORT:
		snprintf(buf, cap, vm->ssh_port > 0 ? "%u" : "-", vm->ssh_port);
		break;
	case COL_BACKEND:
		snprintf(buf, cap, "%s %s", strcmp(vm->backend, "firecracker") == 0 ? "fc" : vm->backend, vm->accel);
		break;
	case COL_VCPU:
		snprintf(buf, cap, "%u", vm->vcpus);
		break;
	case COL_MEM:
		format_mib(buf, cap, vm->memory_mib);
		break;
	case COL_CPU:
		snprintf(buf, cap, row->cpu >= 0 ? "%d%%" : "-", row->cpu);
		break;
	case COL_RSS:
		if (row->rss_kib > 0)
			format_kib(buf, cap, row->rss_kib);
		else
			snprintf(buf, cap, "-");
		break;
	case COL_DISK:
		rate_text(buf, cap, row->disk_rate);
		break;
	case COL_NET:
		rate_text(buf, cap, row->net_rate);
		break;
	case COL_UP:
		format_uptime(buf, cap, model_uptime(model, row));
		break;
	case COL_LAST:
		last_text(model, screen, vm, buf, cap);
		break;
	case COL_IMAGE:
		snprintf(buf, cap, "%s", vm->image);
		break;
	case COL_LABELS:
		snprintf(buf, cap, "%s", vm->labels);
		break;
	default:
		break;
	}
}

static void draw_graph(const struct model *model, struct screen *screen, int row, const struct column_place *place,
                       const struct row *vm_row, int column)
{
	int width = wide(place->width), col = place->col;
	enum metric metric = column == COL_RSS_GRAPH ? METRIC_MEMORY : column == COL_DISK_GRAPH ? METRIC_DISK : METRIC_NETWORK;
	int points = graph_figures(screen, width);
	uint32_t top;

	if (column == COL_CPU_GRAPH) {
		graph_spark(screen, row, col, width, tone(TONE_ACCENT), vm_row->history, vm_row->history_len);
		return;
	}
	if (vm_row->vm.pid == 0)
		return; /* it would stand still */
	/* Against its own greatest: rates have no top. Memory has: what it was given. */
	top = usage_peak(vm_row->past, metric, model->now_ns, points);
	if (metric == METRIC_MEMORY && top < vm_row->vm.memory_mib)
		top = vm_row->vm.memory_mib;
	graph_area(screen, row, col, 1, width, tone(TONE_ACCENT), vm_row->past, metric, model->now_ns, points, top);
}

/* The line over the VMs of a group: what they come to. */
static void draw_group(const struct model *model, struct screen *screen, const struct layout *layout, int line,
                       const struct column_place *place, const struct group *group)
{
	static const struct {
		enum glyph glyph;
		enum tone tone;
	} kinds[] = {
		{ GLYPH_RUNNING, TONE_GOOD }, { GLYPH_BUSY, TONE_BUSY }, { GLYPH_PAUSED, TONE_PAUSED },
		{ GLYPH_STOPPED, TONE_QUIET }, { GLYPH_CRASHED, TONE_BAD }, { GLYPH_ERROR, TONE_BAD },
		{ GLYPH_STALE, TONE_ODD },
	};
	int row = layout->list.row + line, i, col, end;
	struct group_sum sum;
	char text[GROUP_KEY_SIZE + 32];
	size_t k;

	group_sum(model, group, &sum);
	if (sum.marked > 0)
		screen_put(screen, row, 0, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_MARK));
	snprintf(text, sizeof text, "%s %s", glyph(screen, group->folded ? GLYPH_FOLDED : GLYPH_OPEN),
	         group->key[0] != '\0' ? group->key : "none");
	screen_field(screen, row, place[COL_NAME].col, place[COL_NAME].width, tone(TONE_STRONG), text);
	/* Counts take the room of the columns that have no sum. */
	col = place[COL_STATUS].col;
	end = layout->list.cols - layout->beside;
	for (i = 0; i < COL_COUNT; i++) {
		if (place[i].width != 0 && place[i].col > col && place[i].col < end && (i == COL_VCPU || i == COL_MEM ||
		    i == COL_CPU || i == COL_RSS || i == COL_DISK || i == COL_NET))
			end = place[i].col;
	}
	for (k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		if (sum.glyphs[kinds[k].glyph] == 0)
			continue;
		snprintf(text, sizeof text, " %zu  ", sum.glyphs[kinds[k].glyph]);
		if (col + 1 + text_width(text) - 2 > end)
			break;
		col += screen_put(screen, row, col, 1, tone(kinds[k].tone), glyph(screen, kinds[k].glyph));
		col += screen_put(screen, row, col, end - col, tone(TONE_PLAIN), text);
	}
	for (i = 0; i < COL_COUNT; i++) {
		text[0] = '\0';
		if (place[i].width == 0)
			continue;
		if (i == COL_VCPU)
			snprintf(text, sizeof text, "%u", sum.vcpus);
		else if (i == COL_MEM)
			format_mib(text, sizeof text, sum.memory_mib);
		else if (i == COL_CPU)
			snprintf(text, sizeof text, sum.cpu > 9999 ? "%lldk%%" : sum.cpu >= 0 ? "%lld%%" : "-",
			         (long long)(sum.cpu > 9999 ? sum.cpu / 1000 : sum.cpu));
		else if (i == COL_RSS && sum.rss_kib > 0)
			format_kib(text, sizeof text, sum.rss_kib);
		else if (i == COL_RSS)
			snprintf(text, sizeof text, "-");
		else if (i == COL_DISK)
			rate_text(text, sizeof text, sum.disk_rate);
		else if (i == COL_NET)
			rate_text(text, sizeof text, sum.net_rate);
		if (text[0] != '\0')
			screen_field(screen, row, place[i].col, place[i].width, tone(text[0] == '-' ? TONE_QUIET : TONE_STRONG), text);
	}
}

static void draw_selection(const struct model *model, struct screen *screen, const struct layout *layout, int row)
{
	screen_put(screen, row, 1, 1, tone(TONE_STRONG), glyph(screen, GLYPH_SELECT));
	if (model->pane_focus || model->panel_focus) {
		screen_restyle(screen, row, 0, layout->list.cols, ATTR_BOLD, ATTR_DIM);
		return;
	}
	screen_uncolour(screen, row, 0, layout->list.cols);
	screen_restyle(screen, row, 0, layout->list.cols, ATTR_REVERSE, ATTR_DIM);
}

static void draw_row(const struct model *model, struct screen *screen, const struct layout *layout, int line,
                     const struct column_place *place, const struct row *vm_row)
{
	const struct stoker_vm *vm = &vm_row->vm;
	bool loud = vm->stale || vm->state == STOKER_CRASHED || vm->state == STOKER_ERROR;
	bool rests = !loud && vm->pid == 0 && vm->phase == STOKER_PHASE_NONE && vm_row->op == ACTION_NONE;
	enum tone base = rests ? TONE_QUIET : TONE_PLAIN;
	int row = layout->list.row + line, i;
	char text[512];

	if (vm_row->marked)
		screen_put(screen, row, 0, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_MARK));
	for (i = 0; i < COL_COUNT; i++) {
		struct style style = tone(base);
		if (place[i].width == 0)
			continue;
		if (i == COL_NAME) {
			draw_name(model, screen, row, &place[i], vm_row, tone(loud ? TONE_STRONG : TONE_PLAIN));
			continue;
		}
		if (i == COL_CPU_GRAPH || i == COL_RSS_GRAPH || i == COL_DISK_GRAPH || i == COL_NET_GRAPH) {
			draw_graph(model, screen, row, &place[i], vm_row, i);
			continue;
		}
		if (i == COL_STATUS) {
			status_text(model, screen, vm_row, text, sizeof text);
			style = tone(vm_row->op != ACTION_NONE && vm->phase == STOKER_PHASE_NONE ? TONE_BUSY : state_tone(vm));
		} else {
			cell_text(model, screen, vm_row, i, text, sizeof text);
			if (strcmp(text, "-") == 0)
				style = tone(TONE_QUIET);
			if (i == COL_LAST)
				style = loud ? tone(vm->stale ? TONE_ODD : TONE_BAD) : tone(TONE_QUIET);
			if (i == COL_LAST && loud)
				style.attr = 0;
		}
		screen_field(screen, row, place[i].col, place[i].width, style, text);
	}
}

/* An empty list teaches what to do. */
static void empty(const struct model *model, struct screen *screen, const struct layout *layout)
{
	const struct rect *list = &layout->list;
	int row = list->row + (list->rows > 6 ? list->rows / 3 : 0);
	char text[600], key[24];

	if (model->failure[0] != '\0') {
		draw_wrapped(screen, row, 3, list->rows, list->cols - 6, tone(TONE_BAD), model->failure);
		return;
	}
	if (!model->loaded) {
		screen_put(screen, row, 3, list->cols - 6, tone(TONE_QUIET), "Reading the records ...");
		return;
	}
	if (model->count > 0) {
		keymap_text(&model->keymap, "No VM matches the filter. {list-clear} takes it away.", text, sizeof text);
		draw_wrapped(screen, row, 3, list->rows, list->cols - 6, tone(TONE_QUIET), text);
		return;
	}
	action_first_key(model, ACTION_CREATE, key, sizeof key);
	snprintf(text, sizeof text, key[0] != '\0' ? "No VMs yet. Press %s to create one." : "No VMs yet.", key);
	if (!model->read_only && key[0] != '\0')
		screen_hot(screen, row, 3, list->cols - 6, HOT_ACTION, ACTION_CREATE);
	row += draw_wrapped(screen, row, 3, 2, list->cols - 6, tone(TONE_STRONG), model->read_only ? "No VMs yet." : text);
	if (list->rows > 5 && !model->read_only) {
		keymap_text(&model->keymap, "A new VM boots in about two seconds; {shell} then opens a shell in it.", text, sizeof text);
		row += 1 + draw_wrapped(screen, row + 1, 3, 2, list->cols - 6, tone(TONE_QUIET), text);
		keymap_text(&model->keymap, "{help} lists everything the dashboard can do.", text, sizeof text);
		row += draw_wrapped(screen, row, 3, 2, list->cols - 6, tone(TONE_QUIET), text);
	}
	if (list->rows > 7 && model->deleted_count > 0) {
		action_first_key(model, ACTION_UNDO, key, sizeof key);
		snprintf(text, sizeof text, "%s takes back what was deleted last.", key);
		if (key[0] != '\0')
			draw_wrapped(screen, row, 3, 2, list->cols - 6, tone(TONE_QUIET), text);
	}
}

void view_list(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct column_place place[COL_COUNT];
	int i;

	columns_place(&model->columns, layout->list.cols - layout->beside, place); /* a blank before the separator */
	if (layout->heading.rows > 0)
		heading(model, screen, layout, place);
	if (model->line_count == 0) {
		empty(model, screen, layout);
		return;
	}
	for (i = 0; i < layout->list.rows && model->top + (size_t)i < model->line_count; i++) {
		const struct group *group = model_line_group(model, model->top + (size_t)i);
		const struct row *row = model_line_row(model, model->top + (size_t)i);
		screen_hot(screen, layout->list.row + i, layout->list.col, layout->list.cols, HOT_LINE, (int)model->top + i);
		if (group != NULL)
			draw_group(model, screen, layout, i, place, group);
		else if (row != NULL)
			draw_row(model, screen, layout, i, place, row);
		if (model->top + (size_t)i == model->selected_at)
			draw_selection(model, screen, layout, layout->list.row + i);
	}
	/* More above or below than fits: said at the list's right edge. */
	if (model->top > 0)
		screen_put(screen, layout->list.row, layout->list.cols - 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (model->top + (size_t)layout->list.rows < model->line_count)
		screen_put(screen, layout->list.row + layout->list.rows - 1, layout->list.cols - 1, 1, tone(TONE_ACCENT),
		           glyph(screen, GLYPH_DOWN));
}
