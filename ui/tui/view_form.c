/* SPDX-License-Identifier: Apache-2.0
 *
 * view_form.c - the form that creates a VM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "hot.h"
#include "update.h"
#include "view.h"

#define WIDTH 66
#define LABEL 16

/* The choices in a row, the chosen one standing out; NULL when they do not fit. */
static void draw_choices(struct screen *screen, int row, int col, int cols, const char *choices, const char *chosen,
                         bool focus, int first)
{
	char word[64];
	while (*choices != '\0') {
		size_t n = strcspn(choices, " ");
		bool is;
		n = n < sizeof word ? n : sizeof word - 1;
		memcpy(word, choices, n);
		word[n] = '\0';
		is = strcmp(word, chosen) == 0;
		if ((int)n + 2 > cols)
			break;
		screen_put(screen, row, col, 1, tone(TONE_PLAIN), is ? "[" : " ");
		screen_put(screen, row, col + 1, (int)n, tone(is ? TONE_STRONG : TONE_QUIET), word);
		screen_put(screen, row, col + 1 + (int)n, 1, tone(TONE_PLAIN), is ? "]" : " ");
		screen_hot(screen, row, col, (int)n + 2, HOT_CHOICE, first++);
		if (is && focus)
			screen_restyle(screen, row, col, (int)n + 2, ATTR_REVERSE, 0);
		col += (int)n + 3;
		cols -= (int)n + 3;
		choices += n + (choices[n] == ' ');
	}
}

static void draw_field(const struct model *model, struct screen *screen, int row, int col, int cols, int index)
{
	const struct form *form = &model->form;
	const char *choices = form_choices((enum form_field)index), *unit = form_unit((enum form_field)index);
	bool focus = form->focus == index;
	int room = cols - LABEL, width, need = text_width(unit);

	if (index == FORM_PRESET)
		choices = model->presets;
	screen_put(screen, row, col, 1, tone(TONE_STRONG), focus ? glyph(screen, GLYPH_SELECT) : " ");
	screen_put(screen, row, col + 2, LABEL - 3, tone(focus ? TONE_STRONG : TONE_PLAIN), form_label((enum form_field)index));
	screen_hot(screen, row, col, cols, HOT_FIELD, -1 - index);
	if (choices != NULL) {
		draw_choices(screen, row, col + LABEL, room, choices, form->fields[index].text, focus, index * HOT_CHOICES);
	} else {
		width = index >= FORM_VCPUS && index <= FORM_DISK ? 8 : room > 28 ? 28 : room;
		if (index == FORM_LABELS)
			width = room;
		if (index >= FORM_EGRESS && index <= FORM_ALLOW && room > need + 12)
			width = room - need - 2;
		field_draw(&form->fields[index], screen, row, col + LABEL, width, tone(TONE_FIELD), focus);
		screen_hot(screen, row, col + LABEL, width, HOT_FIELD, index);
		if (index == FORM_NAME && form->fields[index].len == 0)
			screen_put(screen, row, col + LABEL, width, tone(TONE_QUIET), "made up when empty");
		else if (index == FORM_IMAGE && model->images[0] != '\0' && room - width > 6)
			screen_field(screen, row, col + LABEL + width + 2, room - width - 2, tone(TONE_QUIET), model->images);
		else if (index != FORM_NAME && index != FORM_IMAGE && index != FORM_LABELS && need > 0 && room - width > need + 1)
			screen_put(screen, row, col + LABEL + width + 2, need, tone(TONE_QUIET), unit);
	}
	if (choices != NULL && focus && room > 44)
		screen_put(screen, row, col + cols - need, need, tone(TONE_QUIET), unit);
}

void view_form(const struct model *model, struct screen *screen)
{
	char title[STOKER_NAME_MAX + 32];
	const struct form *form = &model->form;
	int cols = WIDTH < model->cols_size - 2 ? WIDTH : model->cols_size - 2;
	int message = model->rows_size >= 22 ? 3 : model->rows_size >= 14 ? 2 : 1;
	int fields, rows, row, col, first = 0, i;
	char keys[160];

	keymap_text(&model->keymap, "{line-accept} create  {form-next} next  {form-turn} choose  {line-help} help  {line-leave} cancel", keys, sizeof keys);
	if (text_width(keys) > cols - 4)
		keymap_text(&model->keymap, "{line-accept} create  {line-leave} cancel", keys, sizeof keys);

	if (form->wrong) { /* the reason is shown whole; fields scroll */
		int need = draw_wrapped(NULL, 0, 0, model->rows_size / 2, cols - 4, tone(TONE_BAD), form->message);
		message = need > message ? need : message;
	}
	fields = model->rows_size - 1 - 3 - message;
	fields = fields > FORM_COUNT ? FORM_COUNT : fields < 1 ? 1 : fields;
	rows = fields + message + 3;
	row = (model->rows_size - rows) / 3;
	row = row < 0 ? 0 : row;
	col = (model->cols_size - cols) / 2;
	snprintf(title, sizeof title, "Create a VM%s%s", model->form.like[0] != '\0' ? " like " : "", model->form.like);
	draw_box(screen, row, col, rows, cols, title);
	if (form->focus >= fields)
		first = form->focus - fields + 1;
	for (i = 0; i < fields; i++)
		draw_field(model, screen, row + 1 + i, col + 2, cols - 4, first + i);
	/* The line under the fields says whether this can be created. */
	if (form->wrong)
		draw_wrapped(screen, row + 1 + fields, col + 2, message, cols - 4, tone(TONE_BAD), form->message);
	else if (form->checking)
		screen_put(screen, row + 1 + fields + (message > 1), col + 2, cols - 4, tone(TONE_QUIET), "Checking ...");
	else {
		char *command = command_of_form(model);
		screen_put(screen, row + 1 + fields + (message > 2), col + 2, cols - 4, tone(TONE_GOOD),
		           strcmp(form->fields[FORM_START].text, "no") == 0 ? "Can be created." : "Can be created and started.");
		if (message > 1 && command != NULL) {
			screen_field(screen, row + 2 + fields + (message > 2), col + 2, cols - 4, tone(TONE_QUIET), command);
			screen_hot(screen, row + 2 + fields + (message > 2), col + 2, cols - 4, HOT_COPY, 0);
		}
		free(command);
	}
	screen_put(screen, row + rows - 2, col + 2, cols - 4, tone(TONE_QUIET), keys);
	hot_hints(screen, row + rows - 2, col + 2, keys);
}
