/* SPDX-License-Identifier: Apache-2.0
 *
 * view_header.c - is my fleet well? Counts, what failed and what is slow
 * in the first line; what host and guests use in the second.
 *
 * Figures that move by themselves (CPU, memory, the clock) are there only while
 * a VM lives: on a host where nothing runs, nothing ticks.
 */
#include <stdio.h>
#include <string.h>

#include "common/format.h"
#include "graph.h"
#include "hot.h"
#include "view.h"

struct pen {
	struct screen *screen;
	int row, col, end;
};

static void write_text(struct pen *pen, enum tone which, const char *text)
{
	int blanks = 0, len = (int)strlen(text);
	while (blanks < len && text[len - 1 - blanks] == ' ')
		blanks++;
	/* What does not fit whole, and all after it, is left out; the blanks behind it need not fit. */
	if (text_width(text) - blanks > pen->end - pen->col)
		pen->end = pen->col;
	if (pen->col < pen->end)
		pen->col += screen_put(pen->screen, pen->row, pen->col, pen->end - pen->col, tone(which), text);
}

static void counts(const struct model *model, struct pen *pen)
{
	static const struct {
		enum glyph glyph;
		enum tone tone;
	} kinds[] = {
		{ GLYPH_RUNNING, TONE_GOOD }, { GLYPH_BUSY, TONE_BUSY }, { GLYPH_PAUSED, TONE_PAUSED },
		{ GLYPH_STOPPED, TONE_QUIET }, { GLYPH_CRASHED, TONE_BAD }, { GLYPH_ERROR, TONE_BAD },
		{ GLYPH_STALE, TONE_ODD },
	};
	size_t count[GLYPH_COUNT] = { 0 }, i;
	char text[32];
	bool wide = model->cols_size >= 60;
	int from;

	for (i = 0; i < model->count; i++)
		count[row_glyph(&model->rows[i])]++;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (count[kinds[i].glyph] == 0)
			continue;
		from = pen->col;
		write_text(pen, kinds[i].tone, glyph(pen->screen, kinds[i].glyph));
		snprintf(text, sizeof text, wide ? " %zu  " : "%zu ", count[kinds[i].glyph]);
		write_text(pen, TONE_PLAIN, text);
		screen_hot(pen->screen, pen->row, from, pen->col - from - 1, HOT_STATE, (int)kinds[i].glyph);
	}
	if (model->loaded && model->count == 0)
		write_text(pen, TONE_QUIET, wide ? "no VMs  " : "no VMs ");
}

/* What wants a person, or is going on. */
static void news(const struct model *model, struct pen *pen)
{
	const struct row *slowest = model_slowest(model);
	size_t failures = model_failures(model);
	bool wide = model->cols_size >= 60, slow;
	char text[STOKER_NAME_MAX + 64], clock[16];
	int from = pen->col;

	if (failures > 0) {
		snprintf(text, sizeof text, wide ? "%zu failed  " : "!%zu ", failures);
		write_text(pen, TONE_BAD, text);
		screen_hot(pen->screen, pen->row, from, pen->col - from - 1, HOT_ACTION, ACTION_EVENTS);
	}
	from = pen->col;
	if (model->op_count > 0) {
		snprintf(text, sizeof text, wide ? "%zu under way  " : "+%zu ", model->op_count);
		write_text(pen, TONE_BUSY, text);
		screen_hot(pen->screen, pen->row, from, pen->col - from - 1, HOT_ACTION, ACTION_OPERATIONS);
	}
	if (model->marked > 0 && model->cols_size >= 80) {
		snprintf(text, sizeof text, "%zu marked  ", model->marked);
		write_text(pen, TONE_ACCENT, text);
	}
	if (slowest == NULL || model->cols_size < 80)
		return;
	running_text(model->now_ns - slowest->vm.phase_since_ns, clock, sizeof clock);
	slow = model_slow(model, slowest->vm.phase, model->now_ns - slowest->vm.phase_since_ns);
	snprintf(text, sizeof text, "slowest %s %s %s%s  ", slowest->vm.name, stoker_phase_name(slowest->vm.phase), clock,
	         slow ? glyph(pen->screen, GLYPH_SLOW) : "");
	from = pen->col;
	/* The word goes before the figure does. */
	write_text(pen, slow ? TONE_BAD : TONE_QUIET, text_width(text) - 2 > pen->end - pen->col ? text + strlen("slowest ") : text);
	screen_hot(pen->screen, pen->row, from, pen->col - from - 1, HOT_VM, (int)(slowest - model->rows));
}

static void host(const struct model *model, struct pen *pen, bool live)
{
	char text[64], rss[16], given[16];
	unsigned total = (unsigned)(model->host.mem_total_kib * 10 / (1024 * 1024));
	bool wide = model->cols_size >= 100;
	uint64_t memory = 0;
	size_t i;

	if (!live) {
		snprintf(text, sizeof text, "host   %u cpus  %u.%uG memory   ", model->host.cpus, total / 10, total % 10);
		write_text(pen, TONE_QUIET, text);
		return;
	}
	write_text(pen, TONE_QUIET, wide ? "host  cpu " : "host ");
	snprintf(text, sizeof text, model->host_cpu >= 0 ? "%3d%% " : "  -  ", model->host_cpu);
	write_text(pen, TONE_PLAIN, text);
	if (wide && pen->end - pen->col > 8) {
		graph_spark(pen->screen, pen->row, pen->col, 8, tone(TONE_ACCENT), model->host_history, model->host_history_len);
		pen->col += 8;
	}
	write_text(pen, TONE_QUIET, wide ? "  mem " : "");
	snprintf(text, sizeof text, "%u.%u/%u.%uG   ", model->mem_used_deci_gib / 10, model->mem_used_deci_gib % 10,
	         total / 10, total % 10);
	write_text(pen, TONE_PLAIN, text);
	for (i = 0; i < model->count; i++)
		memory += model->rows[i].vm.pid > 0 ? model->rows[i].vm.memory_mib : 0;
	write_text(pen, TONE_QUIET, wide ? "guests  cpu " : "guests ");
	snprintf(text, sizeof text, model->guest_cpu >= 0 ? "%3d%% " : "  -  ", model->guest_cpu);
	write_text(pen, TONE_PLAIN, text);
	write_text(pen, TONE_QUIET, wide ? " mem " : "");
	format_kib(rss, sizeof rss, model->guest_rss_kib);
	format_kib(given, sizeof given, memory * 1024);
	snprintf(text, sizeof text, "%s/%s   ", model->guest_rss_kib > 0 ? rss : "-", given);
	write_text(pen, TONE_PLAIN, text);
}

static void pool(struct pen *pen, const char *name, unsigned used, unsigned total)
{
	char text[48];
	if (total == 0)
		return;
	snprintf(text, sizeof text, " %u/%u   ", used, total);
	if (pen->col + text_width(name) + text_width(text) - 3 > pen->end)
		pen->end = pen->col;
	write_text(pen, TONE_QUIET, name);
	write_text(pen, used >= total ? TONE_BAD : TONE_PLAIN, text);
}

void view_header(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct pen pen = { screen, 0, 0, layout->header.cols };
	bool live = model_live(model), two = layout->header.rows > 1;
	char clock[16], right[128];
	int need;

	clock_text(model, model->wall_ms, false, clock, sizeof clock);
	snprintf(right, sizeof right, "%s ", live ? clock : "");
	need = text_width(right);
	write_text(&pen, TONE_TITLE, layout->header.cols >= 60 ? " stoker   " : " stoker ");
	if (model->read_only && layout->header.cols >= 60)
		write_text(&pen, TONE_BUSY, "read-only   ");
	pen.end = layout->header.cols - need - 1;
	counts(model, &pen);
	write_text(&pen, TONE_PLAIN, layout->header.cols >= 60 ? "  " : "");
	news(model, &pen);
	screen_put(screen, 0, layout->header.cols - need, need, tone(TONE_QUIET), right);
	/* The host's name has what is left: it is no news. */
	if (layout->header.cols >= 70 && model->host_known) {
		int col = layout->header.cols - need - text_width(model->host.hostname) - (live ? 2 : 0);
		if (col > pen.col)
			screen_put(screen, 0, col, text_width(model->host.hostname), tone(TONE_QUIET), model->host.hostname);
	}
	if (!model->host_known || layout->header.cols < 60)
		return;
	if (two) {
		pen = (struct pen){ screen, 1, 3, layout->header.cols };
		host(model, &pen, live);
		pool(&pen, layout->header.cols >= 100 ? "addresses" : "addr", model->host.addresses_used,
		     model->host.addresses_total);
		pool(&pen, "ports", model->host.ports_used, model->host.ports_total);
	} else if (live) {
		write_text(&pen, TONE_QUIET, "cpu ");
		snprintf(clock, sizeof clock, model->host_cpu >= 0 ? "%3d%%  " : "  -  ", model->host_cpu);
		write_text(&pen, TONE_PLAIN, clock);
	}
}
