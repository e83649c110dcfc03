/* SPDX-License-Identifier: Apache-2.0
 *
 * view_list.c - the table of VMs.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "update.h"
#include "view.h"

enum column {
	COL_NAME, COL_STATUS, COL_PID, COL_IP, COL_PORT, COL_BACKEND, COL_VCPU, COL_MEM, COL_CPU, COL_SPARK, COL_RSS, COL_UP,
	COL_LAST, COL_IMAGE, COL_LABELS, COL_COUNT
};

#define GUTTER 3 /* select and mark signs */

/* A negative width is right-aligned. */
static const struct {
	const char *title;
	int width;
	enum sort_by sort;
	int order; /* 0: always; else columns come in by this order as long as there is room */
} columns[COL_COUNT] = {
	[COL_NAME] = { "NAME", 11, SORT_NAME, 0 },
	[COL_STATUS] = { "STATUS", 13, SORT_STATUS, 0 },
	[COL_PID] = { "PID", -7, SORT_COUNT, 3 },
	[COL_IP] = { "IP", 12, SORT_IP, 1 },
	[COL_PORT] = { "PORT", -5, SORT_COUNT, 7 },
	[COL_BACKEND] = { "BACKEND", 8, SORT_COUNT, 10 },
	[COL_VCPU] = { "VCPU", -4, SORT_COUNT, 11 },
	[COL_MEM] = { "MEM", -5, SORT_COUNT, 9 },
	[COL_CPU] = { "CPU", -5, SORT_CPU, 2 },
	[COL_SPARK] = { "", -8, SORT_CPU, 6 },
	[COL_RSS] = { "RSS", -5, SORT_RSS, 8 },
	[COL_UP] = { "UP", -5, SORT_UPTIME, 4 },
	[COL_LAST] = { "LAST", 13, SORT_LAST, 5 },
	[COL_IMAGE] = { "IMAGE", 10, SORT_COUNT, 12 },
	[COL_LABELS] = { "LABELS", 16, SORT_COUNT, 13 },
};

struct place {
	int col, width; /* width 0: not shown; negative: right-aligned */
};

static int wide(int width)
{
	return width < 0 ? -width : width;
}

/* A gap of two before left-aligned columns that follow anything, one else. */
static int gap(int column)
{
	return columns[column].width > 0 ? 2 : 1;
}

static void place_columns(int cols, struct place place[COL_COUNT])
{
	int left = cols - GUTTER - columns[COL_NAME].width - wide(columns[COL_STATUS].width) - 2, order, i, col, extra;

	memset(place, 0, COL_COUNT * sizeof *place);
	if (cols >= 38 && cols < 44) { /* a very narrow list still says where the VM is */
		static const struct place tight[] = { { GUTTER, 10 }, { GUTTER + 11, 11 }, { 0, 0 }, { GUTTER + 23, 12 } };
		memcpy(place, tight, sizeof tight);
		place[COL_NAME].width += cols - 38 < 4 ? cols - 38 : 4;
		place[COL_STATUS].col += cols - 38 < 4 ? cols - 38 : 4;
		place[COL_IP].col += cols - 38 < 4 ? cols - 38 : 4;
		return;
	}
	place[COL_NAME].width = columns[COL_NAME].width;
	place[COL_STATUS].width = columns[COL_STATUS].width;
	for (order = 1; order < COL_COUNT; order++) {
		for (i = 0; i < COL_COUNT; i++) {
			if (columns[i].order != order)
				continue;
			if (left < wide(columns[i].width) + gap(i)) {
				order = COL_COUNT; /* the next ones wait for this one */
				break;
			}
			place[i].width = columns[i].width;
			left -= wide(columns[i].width) + gap(i);
		}
	}
	/* What is left over makes long names and texts readable. */
	extra = left > 0 ? left : 0;
	if (extra > 0) {
		int name = extra < 14 ? extra : 14;
		place[COL_NAME].width += name;
		extra -= name;
	}
	if (place[COL_LABELS].width > 0) {
		place[COL_LAST].width += extra / 2 < 16 ? extra / 2 : 16;
		extra -= extra / 2 < 16 ? extra / 2 : 16;
		place[COL_LABELS].width += extra;
	} else if (place[COL_LAST].width > 0) {
		place[COL_LAST].width += extra;
	}
	col = GUTTER;
	for (i = 0; i < COL_COUNT; i++) {
		if (place[i].width == 0)
			continue;
		if (i != COL_NAME)
			col += gap(i);
		place[i].col = col;
		col += wide(place[i].width);
	}
}

enum sort_by heading_at(const struct model *model, int col)
{
	struct place place[COL_COUNT];
	struct layout layout;
	int i;
	layout_of(model, &layout);
	place_columns(layout.list.cols - layout.beside, place);
	for (i = 0; i < COL_COUNT; i++) {
		if (place[i].width != 0 && col >= place[i].col - 1 && col < place[i].col + wide(place[i].width))
			return columns[i].sort;
	}
	return SORT_COUNT;
}

static void heading(const struct model *model, struct screen *screen, const struct layout *layout,
                    const struct place *place)
{
	int i;
	for (i = 0; i < COL_COUNT; i++) {
		bool sorted = columns[i].sort == model->sort && model->sort != SORT_COUNT && i != COL_SPARK;
		char text[32];
		if (place[i].width == 0)
			continue;
		snprintf(text, sizeof text, "%s%s", columns[i].title,
		         sorted ? glyph(screen, model->reverse ? GLYPH_UP : GLYPH_DOWN) : "");
		screen_field(screen, layout->heading.row, place[i].col, place[i].width, tone(sorted ? TONE_STRONG : TONE_QUIET),
		             text);
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
		snprintf(buf, cap, "%s %s %s", glyph(screen, state_glyph(vm)), stoker_phase_name(vm->phase), clock);
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

static void last_text(const struct stoker_vm *vm, char *buf, size_t cap)
{
	char time[16];
	if (vm->reason[0] != '\0') {
		snprintf(buf, cap, "%s", vm->reason);
	} else if (vm->last_phase != STOKER_PHASE_NONE) {
		format_duration(time, sizeof time, vm->last_phase_ns);
		snprintf(buf, cap, "%s %s", stoker_phase_name(vm->last_phase), time);
	} else {
		buf[0] = '\0';
	}
}

static void draw_name(const struct model *model, struct screen *screen, int row, const struct place *place,
                      const struct row *vm_row, struct style style)
{
	const struct pane *pane = model_pane_of(model, vm_row->vm.id, PANE_SHELL);
	int width = place->width, sign = pane == NULL ? 0 : pane->activity ? 3 : 2, used;
	used = text_width(vm_row->vm.name) <= width - sign ? text_width(vm_row->vm.name) : width - sign;
	screen_field(screen, row, place->col, width - sign, style, vm_row->vm.name);
	if (pane != NULL) {
		screen_put(screen, row, place->col + used + 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_SHELL));
		if (pane->activity)
			screen_put(screen, row, place->col + used + 2, 1, tone(TONE_BUSY), glyph(screen, GLYPH_ACTIVITY));
	}
}

static void cell_text(const struct model *model, const struct row *row, int column, char *buf, size_t cap)
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
	case COL_UP:
		format_uptime(buf, cap, model_uptime(model, row));
		break;
	case COL_LAST:
		last_text(vm, buf, cap);
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

static void draw_spark(struct screen *screen, int row, const struct place *place, const struct row *vm_row)
{
	int width = wide(place->width), i, from = vm_row->history_len > width ? vm_row->history_len - width : 0;
	int col = place->col + width - (vm_row->history_len - from);
	for (i = from; i < vm_row->history_len; i++)
		screen_put(screen, row, col++, 1, tone(TONE_ACCENT), spark(screen, vm_row->history[i]));
}

static void draw_row(const struct model *model, struct screen *screen, const struct layout *layout, int line,
                     const struct place *place, const struct row *vm_row)
{
	const struct stoker_vm *vm = &vm_row->vm;
	bool selected = strcmp(vm->id, model->selected) == 0;
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
		if (i == COL_SPARK) {
			draw_spark(screen, row, &place[i], vm_row);
			continue;
		}
		if (i == COL_STATUS) {
			status_text(model, screen, vm_row, text, sizeof text);
			style = tone(vm_row->op != ACTION_NONE && vm->phase == STOKER_PHASE_NONE ? TONE_BUSY : state_tone(vm));
		} else {
			cell_text(model, vm_row, i, text, sizeof text);
			if (strcmp(text, "-") == 0)
				style = tone(TONE_QUIET);
			if (i == COL_LAST)
				style = loud ? tone(vm->stale ? TONE_ODD : TONE_BAD) : tone(TONE_QUIET);
			if (i == COL_LAST && loud)
				style.attr = 0;
		}
		screen_field(screen, row, place[i].col, place[i].width, style, text);
	}
	if (!selected)
		return;
	screen_put(screen, row, 1, 1, tone(TONE_STRONG), glyph(screen, GLYPH_SELECT));
	if (model->pane_focus) {
		screen_restyle(screen, row, 0, layout->list.cols, ATTR_BOLD, ATTR_DIM);
		return;
	}
	screen_uncolour(screen, row, 0, layout->list.cols);
	screen_restyle(screen, row, 0, layout->list.cols, ATTR_REVERSE, ATTR_DIM);
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
		snprintf(text, sizeof text, "No VM matches the filter. Esc takes it away.");
		draw_wrapped(screen, row, 3, list->rows, list->cols - 6, tone(TONE_QUIET), text);
		return;
	}
	action_first_key(model, ACTION_CREATE, key, sizeof key);
	snprintf(text, sizeof text, key[0] != '\0' ? "No VMs yet. Press %s to create one." : "No VMs yet.", key);
	row += draw_wrapped(screen, row, 3, 2, list->cols - 6, tone(TONE_STRONG), model->read_only ? "No VMs yet." : text);
	if (list->rows > 5 && !model->read_only) {
		char help[24];
		action_first_key(model, ACTION_SHELL, key, sizeof key);
		action_first_key(model, ACTION_HELP, help, sizeof help);
		snprintf(text, sizeof text, "A new VM boots in about two seconds; %s then opens a shell in it. "
		         "%s lists everything the dashboard can do.", strcmp(key, "↵") == 0 ? "Enter" : key, help);
		draw_wrapped(screen, row + 1, 3, 3, list->cols - 6, tone(TONE_QUIET), text);
	}
}

void view_list(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct place place[COL_COUNT];
	int i;

	place_columns(layout->list.cols - layout->beside, place); /* a blank before the separator */
	if (layout->heading.rows > 0)
		heading(model, screen, layout, place);
	if (model->shown_count == 0) {
		empty(model, screen, layout);
		return;
	}
	for (i = 0; i < layout->list.rows && model->top + (size_t)i < model->shown_count; i++)
		draw_row(model, screen, layout, i, place, &model->rows[model->shown[model->top + (size_t)i]]);
	/* More above or below than fits: said at the list's right edge. */
	if (model->top > 0)
		screen_put(screen, layout->list.row, layout->list.cols - 1, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (model->top + (size_t)layout->list.rows < model->shown_count)
		screen_put(screen, layout->list.row + layout->list.rows - 1, layout->list.cols - 1, 1, tone(TONE_ACCENT),
		           glyph(screen, GLYPH_DOWN));
}
