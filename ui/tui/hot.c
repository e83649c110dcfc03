/* SPDX-License-Identifier: Apache-2.0
 *
 * hot.c - keys that are named on the screen, and what is at the mouse.
 */
#include "hot.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "keymap.h"
#include "view.h"

#define MODS_SHIFT 24

int hot_key_code(const char *name)
{
	struct binding binding;
	if (strcmp(name, "↵") == 0)
		return -SK_ENTER;
	if (!binding_read(&binding, name))
		return 0;
	return binding.special != SK_NONE ? -(int)(binding.special | binding.mods << MODS_SHIFT) : (int)(binding.ch | binding.mods << MODS_SHIFT);
}

struct key hot_key(int code)
{
	struct binding binding = { SK_NONE, 0, 0 };
	unsigned value = (unsigned)(code < 0 ? -code : code), mask = (1u << MODS_SHIFT) - 1;
	if (code < 0)
		binding.special = (enum special_key)(value & mask);
	else
		binding.ch = value & mask;
	binding.mods = value >> MODS_SHIFT;
	return binding_key(&binding);
}

void hot_part(struct screen *screen, int row, int col, const char *part, bool leader)
{
	enum hot_kind kind = leader ? HOT_LEADER : HOT_KEY;
	const char *p = part;
	int at = col, keys = 0, first = 0;
	char word[24];

	while (*p != '\0') {
		size_t n = strcspn(p, " ");
		int code;
		snprintf(word, sizeof word, "%.*s", n < sizeof word ? (int)n : 0, p);
		code = hot_key_code(word);
		if (code == 0)
			break;
		screen_hot(screen, row, at, text_width(word), kind, code);
		first = keys++ == 0 ? code : first;
		p += n + (p[n] == ' ');
		at += text_width(word) + 1;
	}
	/* The words behind one key are its button too. */
	if (keys == 1)
		screen_hot(screen, row, col, text_width(part), kind, first);
}

void hot_hints(struct screen *screen, int row, int col, const char *text)
{
	char part[160];
	if (!screen_seeking(screen))
		return;
	while (*text != '\0') {
		size_t n = 0;
		while (text[n] != '\0' && strncmp(text + n, "  ", 2) != 0 && strncmp(text + n, ", ", 2) != 0 &&
		       strncmp(text + n, ". ", 2) != 0)
			n++;
		snprintf(part, sizeof part, "%.*s", (int)(n < sizeof part ? n : sizeof part - 1), text);
		hot_part(screen, row, col, part, false);
		col += text_width(part);
		text += n;
		while (*text == ' ' || (n > 0 && (*text == ',' || *text == '.'))) {
			text++;
			col++;
		}
	}
}

struct hot hot_at(const struct model *model, int row, int col)
{
	struct screen *screen = screen_new(model->rows_size, model->cols_size);
	struct hot hot = { HOT_NONE, 0, 0, 0 };
	if (screen == NULL)
		return hot;
	screen_seek(screen, row, col);
	view_draw(model, screen);
	hot = screen_found(screen);
	screen_free(screen);
	return hot;
}
