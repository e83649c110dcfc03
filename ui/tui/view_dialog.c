/* SPDX-License-Identifier: Apache-2.0
 *
 * view_dialog.c - the confirm dialog; text and help pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "command.h"
#include "hot.h"
#include "update.h"
#include "view.h"

struct place {
	int row, col, rows, cols;
};

static struct place centred(const struct model *model, int rows, int cols)
{
	struct place p;
	p.rows = rows < model->rows_size - 1 ? rows : model->rows_size - 1;
	p.cols = cols < model->cols_size - 2 ? cols : model->cols_size - 2;
	p.row = (model->rows_size - p.rows) / 3;
	p.col = (model->cols_size - p.cols) / 2;
	return p;
}

/* ----------------------------------------------------------------- confirm */

#define CONFIRM_LINES 8
#define LABEL_COLS 13 /* of the inspect page */

void confirm_words(const struct model *model, const char *undo, struct confirm_words *words)
{
	const struct confirm *confirm = &model->confirm;
	char *title = words->title, *keep = words->keep, *go = words->go, *note = words->note;
	const size_t cap = sizeof words->title;
	char verb[24];
	const struct row *row;
	size_t i, shells = 0, ephemeral = 0;
	bool danger;

	if (confirm->action == ACTION_QUIT) {
		for (i = 0; i < (size_t)model->pane_count; i++)
			shells += model->panes[i]->ops->kind == PANE_SHELL;
		snprintf(title, cap, "Leave the dashboard?");
		snprintf(keep, cap, "Stay");
		snprintf(go, cap, "Leave");
		if (shells > 0)
			snprintf(note, cap, "%zu open %s. The VMs run on.", shells, shells == 1 ? "shell ends" : "shells end");
		else
			snprintf(note, cap, "What is under way is finished first. The VMs run on.");
		return;
	}
	danger = action_at(confirm->action)->flags & ACT_DANGER;
	snprintf(verb, sizeof verb, "%s", action_at(confirm->action)->name);
	verb[0] = (char)(verb[0] - 'a' + 'A');
	row = confirm->count == 1 ? model_row(model, confirm->ids[0]) : NULL;
	if (row != NULL) {
		snprintf(title, cap, "%s %s?", verb, row->vm.name);
		snprintf(keep, cap, danger ? "Keep it" : "Leave it");
		snprintf(go, cap, "%s it", verb);
	} else {
		snprintf(title, cap, "%s %zu VMs?", verb, confirm->count);
		snprintf(keep, cap, danger ? "Keep them" : "Leave them");
		snprintf(go, cap, "%s %zu", verb, confirm->count);
	}
	for (i = 0; i < confirm->count; i++) {
		const struct row *one = model_row(model, confirm->ids[i]);
		ephemeral += one != NULL && one->vm.ephemeral;
	}
	if (confirm->action == ACTION_DELETE && model->trash_keep_s > 0 && ephemeral < confirm->count) {
		char time[16], key[24], rest[48] = "";
		format_uptime(time, sizeof time, model->trash_keep_s * 1000);
		action_first_key(model, ACTION_UNDO, key, sizeof key);
		if (undo == NULL)
			undo = key[0] != '\0' ? key : "stoker trash restore";
		if (ephemeral > 0)
			snprintf(rest, sizeof rest, ", but for %zu ephemeral", ephemeral);
		snprintf(note, cap, "%s in the trash for %s%s; %s takes %s back.", confirm->count == 1 ? "It rests" : "They rest", time,
		         rest, undo, confirm->count == 1 ? "it" : "them");
	} else if (confirm->action == ACTION_DELETE) {
		snprintf(note, cap, "%s", confirm->count == 1 ? "Its disk goes with it." : "Their disks go with them.");
	} else if (confirm->action == ACTION_KILL) {
		snprintf(note, cap, "As if the power were cut: what is not on disk is lost.");
	} else {
		note[0] = '\0';
	}
}

/* One VM of the dialog: name, state, uptime, shell. */
void confirm_line(const struct model *model, const struct row *row, char *buf, size_t cap)
{
	char up[16] = "";
	size_t len;
	if (row->vm.uptime_ms >= 0)
		format_uptime(up, sizeof up, model_uptime(model, row));
	len = (size_t)snprintf(buf, cap, "%s%s%s%s", stoker_state_name(row->vm.state), up[0] != '\0' ? ", up " : "", up,
	                       model_pane_of(model, row->vm.id, PANE_SHELL) != NULL ? ", shell open" : "");
	if (row->vm.pid > 0 && model->confirm.action == ACTION_DELETE && len < cap)
		snprintf(buf + len, cap - len, "; it is killed first");
}

/* How many of the marked ones are left, and why the first of them is. */
void confirm_left(const struct model *model, char *buf, size_t cap)
{
	const struct confirm *confirm = &model->confirm;
	buf[0] = '\0';
	if (confirm->left > 0)
		snprintf(buf, cap, "%zu %s left: %s", confirm->left, confirm->left == 1 ? "is" : "are", confirm->left_why);
}

static int confirm_place(const struct model *model, struct place *place, int *keep_col, int *keep_cols, int *go_col,
                         int *go_cols)
{
	struct confirm_words words;
	char text[160];
	int lines = (int)model->confirm.count, width = 50, names = 0, longest = 0, buttons;
	size_t i;

	confirm_words(model, NULL, &words);
	lines = lines > CONFIRM_LINES ? CONFIRM_LINES + 1 : lines;
	for (i = 0; i < model->confirm.count; i++) {
		const struct row *row = model_row(model, model->confirm.ids[i]);
		int n = row != NULL ? text_width(row->vm.name) : 0, m = 0;
		if (row != NULL && (int)i < lines) {
			confirm_line(model, row, text, sizeof text);
			m = text_width(text);
		}
		names = n > names ? n : names;
		longest = m > longest ? m : longest;
	}
	if (names + longest + 6 > width)
		width = names + longest + 6;
	if (text_width(words.title) + 10 > width)
		width = text_width(words.title) + 10;
	confirm_left(model, text, sizeof text);
	if (text_width(text) + 6 > width)
		width = text_width(text) + 6;
	if (text_width(words.note) + 6 > width)
		width = text_width(words.note) + 6;
	*place = centred(model, lines + 4 + (words.note[0] != '\0') + (text[0] != '\0') + (model->confirm.action != ACTION_QUIT), width);
	*keep_cols = text_width(words.keep) + 4;
	*go_cols = text_width(words.go) + 4;
	buttons = *keep_cols + 3 + *go_cols;
	*keep_col = place->col + (place->cols - buttons) / 2;
	*go_col = *keep_col + *keep_cols + 3;
	return names;
}

static void button(struct screen *screen, int row, int col, int cols, const char *text, bool focus, enum hot_kind kind)
{
	char label[176];
	snprintf(label, sizeof label, focus ? "[ %s ]" : "  %s  ", text);
	screen_put(screen, row, col, cols, tone(TONE_STRONG), label);
	screen_hot(screen, row, col, cols, kind, 0);
	if (focus)
		screen_restyle(screen, row, col, cols, ATTR_REVERSE, 0);
}

static void view_confirm(const struct model *model, struct screen *screen)
{
	const struct confirm *confirm = &model->confirm;
	struct confirm_words words;
	char text[160], left[160];
	int keep_col, keep_cols, go_col, go_cols, names, row, last, below;
	char *command = NULL;
	struct place p;
	size_t i;

	confirm_words(model, NULL, &words);
	names = confirm_place(model, &p, &keep_col, &keep_cols, &go_col, &go_cols);
	draw_box(screen, p.row, p.col, p.rows, p.cols, words.title);
	last = p.row + p.rows - 2; /* buttons */
	row = p.row + 1;
	confirm_left(model, left, sizeof left);
	if (confirm->action != ACTION_QUIT && confirm->count > 0)
		command = command_of_ids(model, confirm->action, confirm->ids, confirm->count);
	below = 1 + (words.note[0] != '\0') + (left[0] != '\0') + (confirm->action != ACTION_QUIT);
	if (last - below <= row) { /* too low for all of it: who it is about goes first */
		left[0] = '\0';
		below = 1 + (words.note[0] != '\0');
		free(command);
		command = NULL;
	}
	for (i = 0; i < confirm->count && row < last - below; i++) {
		const struct row *vm = model_row(model, confirm->ids[i]);
		if (row == last - below - 1 && i + 1 < confirm->count) {
			snprintf(text, sizeof text, "and %zu more", confirm->count - i);
			screen_put(screen, row++, p.col + 2, p.cols - 4, tone(TONE_QUIET), text);
			break;
		}
		if (vm == NULL)
			continue;
		screen_field(screen, row, p.col + 2, names < p.cols - 4 ? names : p.cols - 4, tone(TONE_STRONG), vm->vm.name);
		confirm_line(model, vm, text, sizeof text);
		if (p.cols - names - 6 > 0)
			screen_field(screen, row, p.col + 4 + names, p.cols - names - 6, tone(TONE_PLAIN), text);
		row++;
	}
	if (row < last && left[0] != '\0')
		screen_field(screen, row++, p.col + 2, p.cols - 4, tone(TONE_ACCENT), left);
	if (row < last && words.note[0] != '\0')
		screen_field(screen, row++, p.col + 2, p.cols - 4, tone(TONE_PLAIN), words.note);
	if (row < last && command != NULL && command[0] != '\0') {
		screen_field(screen, row, p.col + 2, p.cols - 4, tone(TONE_QUIET), command);
		screen_hot(screen, row, p.col + 2, p.cols - 4, HOT_COPY, 0);
	}
	free(command);
	button(screen, last, keep_col, keep_cols, words.keep, !confirm->yes, HOT_NO);
	button(screen, last, go_col, go_cols, words.go, confirm->yes, HOT_YES);
}

/* ------------------------------------------------------------ text and help */

/* Rows that the lines from..to take. */
static int text_height(const struct text_view *text, int from, int to, int cols)
{
	int rows = 0, i, used;
	for (i = from; i <= to && i < text->count; i++) {
		const char *tab = strchr(text->lines[i], '\t');
		used = draw_wrapped(NULL, 0, 0, 99, cols - 4 - (tab != NULL ? LABEL_COLS : 0), tone(TONE_PLAIN),
		                    tab != NULL ? tab + 1 : text->lines[i]);
		rows += used > 0 ? used : 1;
	}
	return rows;
}

static void view_text(const struct model *model, struct screen *screen)
{
	const struct text_view *text = &model->text;
	struct place p = centred(model, model->rows_size - 2, model->cols_size > 110 ? 110 : model->cols_size);
	int i, k, page, row = 0, used, top = text->top;

	p.row = 1;
	if (p.cols + 2 >= model->cols_size) /* no crumbs of the list beside it */
		screen_fill(screen, p.row, 0, p.rows, model->cols_size, tone(TONE_PLAIN));
	draw_box(screen, p.row, p.col, p.rows, p.cols, text->title);
	page = p.rows - 2;
	while (text->choose && top < text->cursor && text_height(text, top, text->cursor, p.cols) > page)
		top++;
	if (text->count == 0)
		screen_put(screen, p.row + 1, p.col + 2, p.cols - 4, tone(TONE_QUIET), "Reading ...");
	for (i = top; row < page && i < text->count; i++) {
		/* A value comes behind its label and a tab; what has no tab is a heading. */
		const char *line = text->lines[i], *tab = strchr(line, '\t');
		if (tab != NULL) {
			char label[64];
			size_t n = (size_t)(tab - line) < sizeof label ? (size_t)(tab - line) : sizeof label - 1;
			memcpy(label, line, n);
			label[n] = '\0';
			screen_put(screen, p.row + 1 + row, p.col + 2, LABEL_COLS - 2, tone(TONE_QUIET), label);
			used = draw_wrapped(screen, p.row + 1 + row, p.col + 2 + LABEL_COLS, page - row, p.cols - 4 - LABEL_COLS,
			                    tone(TONE_PLAIN), tab + 1);
		} else {
			used = draw_wrapped(screen, p.row + 1 + row, p.col + 2, page - row, p.cols - 4, tone(TONE_STRONG), line);
		}
		used = used > 0 ? used : 1;
		for (k = 0; k < used && text->choose && tab != NULL; k++) {
			screen_hot(screen, p.row + 1 + row + k, p.col + 1, p.cols - 2, HOT_TEXT, i);
			if (i == text->cursor)
				screen_restyle(screen, p.row + 1 + row + k, p.col + 1, p.cols - 2, ATTR_REVERSE, ATTR_DIM);
		}
		row += used;
	}
	if (top > 0)
		screen_put(screen, p.row, p.col + p.cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (i < text->count)
		screen_put(screen, p.row + p.rows - 1, p.col + p.cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_DOWN));
}

void view_dialog(const struct model *model, struct screen *screen)
{
	screen_cursor(screen, -1, -1);
	switch (model->dialog) {
	case DIALOG_CONFIRM:
		view_confirm(model, screen);
		break;
	case DIALOG_CREATE:
		view_form(model, screen);
		break;
	case DIALOG_RECONCILE:
		view_plan(model, screen);
		break;
	case DIALOG_TEXT:
		view_text(model, screen);
		break;
	case DIALOG_COLUMNS:
		view_columns(model, screen);
		break;
	case DIALOG_HELP:
		view_help(model, screen);
		break;
	case DIALOG_FANOUT:
		view_fanout(model, screen);
		break;
	default:
		break;
	}
}
