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

static void items(const struct model *model, struct screen *screen, int row, int col, int rows, int cols)
{
	const struct plan_view *plan = &model->plan;
	int lines = cols >= 84 ? 1 : 2, shown = rows / lines, i, top = 0;
	int subject = 0, most = cols >= 84 ? 18 : cols / 3, detail, repair = 0;
	char text[600];

	/* No wider than the names are: what was found needs the room. */
	for (i = 0; i < (int)plan->count && subject < most; i++) {
		const char *name = plan->items[i].finding.subject;
		int width = text_width(*name != '\0' ? name : NO_RECORD);
		subject = width > most ? most : width > subject ? width : subject;
	}

	/* What is done with it is read whole before what was found is. */
	for (i = 0; i < (int)plan->count; i++) {
		item_text(screen, &plan->items[i], plan->state, text, sizeof text);
		repair = text_width(text) > repair ? text_width(text) : repair;
	}
	if (repair > (cols - subject - 8) * 45 / 100)
		repair = (cols - subject - 8) * 45 / 100;

	if (plan->cursor >= shown)
		top = plan->cursor - shown + 1;
	for (i = 0; i < shown && top + i < (int)plan->count; i++) {
		const struct plan_item *item = &plan->items[top + i];
		int at = row + i * lines;
		bool left_out = item->choice == STOKER_REPAIR_NONE;
		item_sign(screen, at, col, item, plan->state);
		screen_hot(screen, at, col, cols, HOT_PLAN, top + i);
		screen_hot(screen, at + lines - 1, col, cols, HOT_PLAN, top + i);
		screen_hot(screen, at, col, 4, HOT_PLAN_BOX, top + i);
		screen_field(screen, at, col + 4, subject, tone(left_out ? TONE_QUIET : TONE_STRONG),
		             item->finding.subject[0] != '\0' ? item->finding.subject : NO_RECORD);
		item_text(screen, item, plan->state, text, sizeof text);
		detail = lines == 1 ? cols - subject - 8 - repair : cols - subject - 6;
		screen_field(screen, at, col + 6 + subject, detail, tone(left_out ? TONE_QUIET : TONE_PLAIN),
		             item->finding.detail);
		if (lines == 1)
			screen_field(screen, at, col + 8 + subject + detail, cols - subject - detail - 8,
			             tone(item->result == ITEM_FAILED ? TONE_BAD : left_out ? TONE_QUIET : TONE_ACCENT), text);
		else
			screen_field(screen, at + 1, col + 6, cols - 6,
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
	int cols = model->cols_size - 4 > 130 ? 130 : model->cols_size - 4, lines = cols - 4 >= 84 ? 1 : 2;
	int want = plan->count > 0 ? (int)plan->count * lines : 2, rows, row, col;
	size_t i, chosen = 0, done = 0, failed = 0;
	char title[64], text[160], keys[160];

	for (i = 0; i < plan->count; i++) {
		chosen += plan->items[i].choice != STOKER_REPAIR_NONE;
		done += plan->items[i].result == ITEM_DONE;
		failed += plan->items[i].result == ITEM_FAILED;
	}
	if (cols < 40)
		cols = model->cols_size;
	rows = want + 4 < model->rows_size - 2 ? want + 4 : model->rows_size - 2;
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
		items(model, screen, row + 1, col + 2, rows - 4, cols - 4);
	keymap_text(&model->keymap, text, keys, sizeof keys);
	screen_field(screen, row + rows - 2, col + 2, cols - 4, tone(TONE_QUIET), keys);
	hot_hints(screen, row + rows - 2, col + 2, keys);
}
