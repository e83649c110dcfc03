/* SPDX-License-Identifier: Apache-2.0
 *
 * view_header.c - one line about the host and the fleet.
 *
 * Figures that move by themselves (CPU, memory, the clock) are there only while
 * a VM lives: on a host where nothing runs, nothing ticks.
 */
#include <stdio.h>
#include <string.h>

#include "view.h"

struct pen {
	struct screen *screen;
	int col, end;
};

static void write_text(struct pen *pen, enum tone which, const char *text)
{
	/* What does not fit whole, and all after it, is left out. */
	if (text_width(text) > pen->end - pen->col + 3)
		pen->end = pen->col;
	if (pen->col < pen->end)
		pen->col += screen_put(pen->screen, 0, pen->col, pen->end - pen->col, tone(which), text);
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

	for (i = 0; i < model->count; i++)
		count[row_glyph(&model->rows[i])]++;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (count[kinds[i].glyph] == 0)
			continue;
		write_text(pen, kinds[i].tone, glyph(pen->screen, kinds[i].glyph));
		snprintf(text, sizeof text, wide ? " %zu  " : "%zu ", count[kinds[i].glyph]);
		write_text(pen, TONE_PLAIN, text);
	}
	if (model->loaded && model->count == 0)
		write_text(pen, TONE_QUIET, wide ? "no VMs  " : "no VMs ");
	if (model->op_count > 0) {
		snprintf(text, sizeof text, wide ? "%zu under way  " : "+%zu ", model->op_count);
		write_text(pen, TONE_BUSY, text);
	}
	if (model->marked > 0 && model->cols_size >= 80) {
		snprintf(text, sizeof text, "%zu marked  ", model->marked);
		write_text(pen, TONE_ACCENT, text);
	}
}

static void host(const struct model *model, struct pen *pen, bool live)
{
	char text[64];
	int i, shown = model->host_history_len < 8 ? model->host_history_len : 8;
	unsigned total = (unsigned)(model->host.mem_total_kib * 10 / (1024 * 1024));

	if (!model->host_known)
		return;
	if (!live) {
		snprintf(text, sizeof text, "%u cpus   %u.%uG memory   ", model->host.cpus, total / 10, total % 10);
		write_text(pen, TONE_QUIET, text);
		return;
	}
	write_text(pen, TONE_QUIET, "cpu ");
	if (model->host_cpu >= 0)
		snprintf(text, sizeof text, "%3d%% ", model->host_cpu);
	else
		snprintf(text, sizeof text, "  -%% ");
	write_text(pen, TONE_PLAIN, text);
	for (i = 0; i < 8 - shown; i++)
		write_text(pen, TONE_QUIET, " ");
	for (i = model->host_history_len - shown; i < model->host_history_len; i++)
		write_text(pen, TONE_ACCENT, spark(pen->screen, model->host_history[i]));
	write_text(pen, TONE_QUIET, "   mem ");
	snprintf(text, sizeof text, "%u.%u/%u.%uG   ", model->mem_used_deci_gib / 10, model->mem_used_deci_gib % 10,
	         total / 10, total % 10);
	write_text(pen, TONE_PLAIN, text);
}

static void pool(struct pen *pen, const char *name, unsigned used, unsigned total)
{
	char text[48];
	if (total == 0)
		return;
	write_text(pen, TONE_QUIET, name);
	snprintf(text, sizeof text, " %u/%u   ", used, total);
	write_text(pen, used >= total ? TONE_BAD : TONE_PLAIN, text);
}

void view_header(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct pen pen = { screen, 0, layout->header.cols };
	bool live = model_live(model);
	char clock[16], right[128];
	int need;

	clock_text(model, model->wall_ms, false, clock, sizeof clock);
	snprintf(right, sizeof right, "%s%s%s ", layout->header.cols >= 70 && model->host_known ? model->host.hostname : "",
	         live && layout->header.cols >= 70 ? "  " : "", live ? clock : "");
	need = text_width(right);
	write_text(&pen, TONE_TITLE, layout->header.cols >= 60 ? " stoker   " : " stoker ");
	if (model->read_only && layout->header.cols >= 60)
		write_text(&pen, TONE_BUSY, "read-only   ");
	pen.end = layout->header.cols - need - 1;
	counts(model, &pen);
	if (layout->header.cols >= 100) {
		pen.col = pen.col < 36 ? 36 : pen.col;
		host(model, &pen, live);
	} else if (model->host_known && live && layout->header.cols >= 60) {
		write_text(&pen, TONE_QUIET, "cpu ");
		snprintf(clock, sizeof clock, model->host_cpu >= 0 ? "%3d%%  " : "  -  ", model->host_cpu);
		write_text(&pen, TONE_PLAIN, clock);
	}
	if (model->host_known && layout->header.cols >= 60 && layout->header.cols - need - pen.col > 36) {
		pool(&pen, "addresses", model->host.addresses_used, model->host.addresses_total);
		pool(&pen, "ports", model->host.ports_used, model->host.ports_total);
	}
	screen_put(screen, 0, layout->header.cols - need, need, tone(TONE_QUIET), right);
}
