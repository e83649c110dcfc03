/* SPDX-License-Identifier: Apache-2.0
 *
 * view_plan.c - what reconcile found, what is to be done, and what came of it.
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "view.h"

#define NO_RECORD "(no record)"

static void item_sign(struct screen *screen, int row, int col, const struct plan_item *item, enum plan_state state)
{
	bool chosen = item->choice != STOKER_REPAIR_NONE;
	if (state == PLAN_READY || (state != PLAN_LOOKING && !chosen)) {
		screen_put(screen, row, col, 3, tone(chosen ? TONE_STRONG : TONE_QUIET), chosen ? "[x]" : "[ ]");
		return;
	}
	switch (item->result) {
	case ITEM_DONE:
		screen_put(screen, row, col, 3, tone(TONE_GOOD), screen_ascii(screen) ? "ok" : " ✓");
		break;
	case ITEM_FAILED:
		screen_put(screen, row, col, 3, tone(TONE_BAD), screen_ascii(screen) ? "!!" : " ✖");
		break;
	case ITEM_WORKING:
		screen_put(screen, row, col, 3, tone(TONE_BUSY), screen_ascii(screen) ? " ~" : " ◐");
		break;
	default:
		screen_put(screen, row, col, 3, tone(TONE_QUIET), screen_ascii(screen) ? " ." : " ·");
		break;
	}
}

/* What is going to happen with it, in words. */
static void item_text(const struct screen *screen, const struct plan_item *item, enum plan_state state, char *buf,
                      size_t cap)
{
	const struct stoker_finding *finding = &item->finding;
	const char *words = item->choice == STOKER_REPAIR_NONE ? finding->repair == STOKER_REPAIR_NONE
	                    ? "nothing can be done" : finding->repair_text
	                    : item->choice == finding->repair ? finding->repair_text
	                    : stoker_repair_name(item->choice);
	if (item->result == ITEM_FAILED)
		snprintf(buf, cap, "%s", item->why);
	else if (state == PLAN_READY && finding->alternative != STOKER_REPAIR_NONE)
		snprintf(buf, cap, "%s %s   (e: %s)", glyph(screen, GLYPH_ARROW), words,
		         stoker_repair_name(item->choice == finding->alternative ? finding->repair : finding->alternative));
	else
		snprintf(buf, cap, "%s %s", glyph(screen, GLYPH_ARROW), words);
}

struct widths {
	int lines; /* of an item */
	int subject, detail, repair;
	int told;  /* lines that the longest item takes which does not fit in its own */
};

enum { TOLD_MOST = 4 };

/* What was found and what is done with it, in full. */
static void whole_text(const struct screen *screen, const struct plan_item *item, enum plan_state state, char *buf, size_t cap)
{
	char text[600];
	item_text(screen, item, state, text, sizeof text);
	snprintf(buf, cap, "%s %s", item->finding.detail, text);
}

static struct widths measure(const struct plan_view *plan, const struct screen *screen, int cols)
{
	struct widths w = { .lines = cols >= 84 ? 1 : 2 };
	int most = cols >= 84 ? 18 : cols / 3, i;
	char text[1200];

	/* No wider than the names are: what was found needs the room. */
	for (i = 0; i < (int)plan->count && w.subject < most; i++) {
		const char *name = plan->items[i].finding.subject;
		int width = text_width(*name != '\0' ? name : NO_RECORD);
		w.subject = width > most ? most : width > w.subject ? width : w.subject;
	}
	/* What is done with it is read whole before what was found is. */
	for (i = 0; i < (int)plan->count; i++) {
		item_text(screen, &plan->items[i], plan->state, text, sizeof text);
		w.repair = text_width(text) > w.repair ? text_width(text) : w.repair;
	}
	if (w.lines == 2)
		w.repair = cols - 6;
	else if (w.repair > (cols - w.subject - 8) * 45 / 100)
		w.repair = (cols - w.subject - 8) * 45 / 100;
	w.detail = w.lines == 1 ? cols - w.subject - 8 - w.repair : cols - w.subject - 6;
	for (i = 0; i < (int)plan->count; i++) {
		item_text(screen, &plan->items[i], plan->state, text, sizeof text);
		if (text_width(text) <= w.repair && text_width(plan->items[i].finding.detail) <= w.detail)
			continue;
		whole_text(screen, &plan->items[i], plan->state, text, sizeof text);
		int lines = draw_wrapped(NULL, 0, 0, TOLD_MOST, cols, tone(TONE_PLAIN), text);
		w.told = lines > w.told ? lines : w.told;
	}
	return w;
}

static void items(const struct model *model, struct screen *screen, const struct widths *w, int row, int col, int rows, int cols)
{
	const struct plan_view *plan = &model->plan;
	int shown = rows / w->lines, i, top = 0;
	char text[600];

	if (plan->cursor >= shown)
		top = plan->cursor - shown + 1;
	for (i = 0; i < shown && top + i < (int)plan->count; i++) {
		const struct plan_item *item = &plan->items[top + i];
		int at = row + i * w->lines;
		bool left_out = item->choice == STOKER_REPAIR_NONE;
		item_sign(screen, at, col, item, plan->state);
		screen_hot(screen, at, col, cols, HOT_PLAN, top + i);
		screen_hot(screen, at + w->lines - 1, col, cols, HOT_PLAN, top + i);
		screen_hot(screen, at, col, 4, HOT_PLAN_BOX, top + i);
		screen_field(screen, at, col + 4, w->subject, tone(left_out ? TONE_QUIET : TONE_STRONG),
		             item->finding.subject[0] != '\0' ? item->finding.subject : NO_RECORD);
		item_text(screen, item, plan->state, text, sizeof text);
		screen_field(screen, at, col + 6 + w->subject, w->detail, tone(left_out ? TONE_QUIET : TONE_PLAIN),
		             item->finding.detail);
		screen_field(screen, at + w->lines - 1, w->lines == 1 ? col + 8 + w->subject + w->detail : col + 6, w->repair,
		             tone(item->result == ITEM_FAILED ? TONE_BAD : left_out ? TONE_QUIET : TONE_ACCENT), text);
		if (top + i == plan->cursor)
			screen_uncolour(screen, at, col, cols);
		if (top + i == plan->cursor)
			screen_restyle(screen, at, col, cols, ATTR_REVERSE, ATTR_DIM);
	}
}

void view_plan(const struct model *model, struct screen *screen)
{
	const struct plan_view *plan = &model->plan;
	int cols = model->cols_size - 4 > 130 ? 130 : model->cols_size - 4, want, told, rows, row, col;
	size_t i, chosen = 0, done = 0, failed = 0;
	char title[64], text[160], keys[160], whole[1200];
	struct widths w;

	for (i = 0; i < plan->count; i++) {
		chosen += plan->items[i].choice != STOKER_REPAIR_NONE;
		done += plan->items[i].result == ITEM_DONE;
		failed += plan->items[i].result == ITEM_FAILED;
	}
	if (cols < 40)
		cols = model->cols_size;
	w = measure(plan, screen, cols - 4);
	want = plan->count > 0 ? (int)plan->count * w.lines : 2;
	/* A blank line and the one under the cursor in full, where the list keeps some room. */
	told = w.told > 0 && model->rows_size - 2 >= w.told + 1 + 4 + (want < 3 * w.lines ? want : 3 * w.lines) ? w.told + 1 : 0;
	rows = want + 4 + told < model->rows_size - 2 ? want + 4 + told : model->rows_size - 2;
	row = (model->rows_size - rows) / 3;
	col = (model->cols_size - cols) / 2;
	snprintf(title, sizeof title, "Reconcile: %zu finding%s", plan->count, plan->count == 1 ? "" : "s");
	draw_box(screen, row, col, rows, cols, plan->state == PLAN_LOOKING || plan->count == 0 ? "Reconcile" : title);
	switch (plan->state) {
	case PLAN_LOOKING:
		screen_put(screen, row + 1, col + 2, cols - 4, tone(TONE_BUSY), "Comparing the records with the host ...");
		snprintf(text, sizeof text, "{dialog-leave} back");
		break;
	case PLAN_FAILED:
		draw_wrapped(screen, row + 1, col + 2, rows - 4, cols - 4, tone(TONE_BAD), plan->failure);
		snprintf(text, sizeof text, "{dialog-leave} back");
		break;
	case PLAN_READY:
		if (plan->count == 0) {
			draw_wrapped(screen, row + 1, col + 2, 2, cols - 4, tone(TONE_GOOD),
			             "The records and the host agree: nothing to repair.");
			snprintf(text, sizeof text, "{dialog-accept} or {dialog-leave} back");
		} else if (chosen == 0) {
			snprintf(text, sizeof text, "{plan-take} takes an item in, {dialog-leave} does nothing");
		} else if (cols < 68) {
			snprintf(text, sizeof text, "{dialog-accept} does %zu, {plan-take} in or out, {dialog-leave}", chosen);
		} else {
			snprintf(text, sizeof text, "{plan-take} leaves an item out, {dialog-accept} carries out %zu, {dialog-leave} does nothing", chosen);
		}
		break;
	case PLAN_WORKING:
		snprintf(text, sizeof text, "Carrying out: %zu of %zu done. {dialog-leave}: it goes on", done + failed, chosen);
		break;
	case PLAN_DONE:
	default:
		snprintf(text, sizeof text, "%zu done, %zu failed. {dialog-accept} or {dialog-leave} back", done, failed);
		break;
	}
	if (plan->count > 0)
		items(model, screen, &w, row + 1, col + 2, rows - 4 - told, cols - 4);
	if (told > 0) {
		whole_text(screen, &plan->items[plan->cursor], plan->state, whole, sizeof whole);
		draw_wrapped(screen, row + rows - 2 - told, col + 2, told - 1, cols - 4, tone(TONE_PLAIN), whole);
	}
	keymap_text(&model->keymap, text, keys, sizeof keys);
	screen_field(screen, row + rows - 2, col + 2, cols - 4, tone(TONE_QUIET), keys);
	hot_hints(screen, row + rows - 2, col + 2, keys);
}
