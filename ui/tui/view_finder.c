/* SPDX-License-Identifier: Apache-2.0
 *
 * view_finder.c - what the palette found, above the line it is typed in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "finder.h"
#include "hot.h"
#include "view.h"

#define LINES_MAX 14

void view_finder(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct finder_item items[FINDER_MAX];
	size_t count = finder_find(model, items, FINDER_MAX), at = model->palette_at, first, i;
	int bottom = layout->message.row, cols = layout->message.cols, lines, row, name_cols = cols >= 70 ? 18 : 13;
	int key_cols = cols >= 70 ? 12 : 8;
	char name[96], key[40], help[512], text[640];
	const char *why;

	lines = bottom - 3 < LINES_MAX ? bottom - 3 : LINES_MAX;
	if ((size_t)lines > count)
		lines = (int)count;
	if (lines < 1)
		return;
	at = at < count ? at : count - 1;
	first = at >= (size_t)lines ? at - (size_t)lines + 1 : 0;
	row = bottom - lines;
	draw_rule(screen, row - 1, 0, cols, "Commands", NULL, true);
	screen_fill(screen, row, 0, lines, cols, tone(TONE_PLAIN));
	for (i = first; i < first + (size_t)lines; i++, row++) {
		finder_words(model, &items[i], name, sizeof name, key, sizeof key, help, sizeof help, &why);
		screen_hot(screen, row, 0, cols, HOT_FOUND, (int)i);
		screen_put(screen, row, 1, 1, tone(TONE_STRONG), i == at ? glyph(screen, GLYPH_SELECT) : " ");
		screen_field(screen, row, 3, name_cols, tone(why != NULL ? TONE_QUIET : TONE_STRONG), name);
		screen_put(screen, row, 4 + name_cols, key_cols, tone(why != NULL ? TONE_QUIET : TONE_TITLE), key);
		if (why != NULL)
			snprintf(text, sizeof text, "not now: %s", why);
		else
			snprintf(text, sizeof text, "%s", help);
		screen_field(screen, row, 5 + name_cols + key_cols, cols - 6 - name_cols - key_cols,
		             tone(why != NULL ? TONE_QUIET : TONE_PLAIN), text);
		if (i == at) {
			screen_uncolour(screen, row, 0, cols);
			screen_restyle(screen, row, 0, cols, ATTR_REVERSE, ATTR_DIM);
		}
	}
}

/* What the line's right end says: the command line of what is chosen, where there is one. */
void finder_hint(const struct model *model, char *buf, size_t cap)
{
	struct finder_item items[FINDER_MAX];
	size_t count = finder_find(model, items, FINDER_MAX), at = model->palette_at;
	char *line = NULL;

	if (count == 0) {
		snprintf(buf, cap, "nothing is called so");
		return;
	}
	at = at < count ? at : count - 1;
	if (items[at].kind == FINDER_ACTION)
		line = command_of(model, (enum action_id)items[at].index);
	if (line != NULL && line[0] != '\0')
		snprintf(buf, cap, "%.100s%s", line, strlen(line) > 100 ? "..." : "");
	else
		snprintf(buf, cap, "%zu of %zu", at + 1, count);
	free(line);
}
