/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_term.c - a guest's output against the terminal emulator (libFuzzer).
 *
 * Bytes are fed as they are; 0xfe, which is no part of UTF-8, is followed by
 * one byte that does something from the other side: resize, draw, key, paste.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "tui/screen.h"
#include "tui/term.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the terminal would get: text only, of the width its cell has. */
static void check(const struct screen *screen)
{
	for (int row = 0; row < screen_rows(screen); row++) {
		for (int col = 0; col < screen_cols(screen); col++) {
			const struct cell *cell = screen_at(screen, row, col);
			if (cell->width == 0 ? col == 0 || screen_at(screen, row, col - 1)->width != 2
			                     : text_unsafe(cell->ch[0]) || char_width(cell->ch[0]) != cell->width)
				abort();
		}
	}
}

static void act(struct term *term, struct screen *screen, uint8_t what)
{
	struct key key = { .kind = KEY_KIND_SPECIAL, .special = what % SK_COUNT, .mods = what >> 5 };
	struct key mouse = { .kind = KEY_KIND_MOUSE, .act = what % 5, .button = what % 4 };
	char buf[64];

	switch (what % 8) {
	case 0:
		term_resize(term, what / 4, what / 2);
		break;
	case 1:
		term_draw(term, screen, 0, 0, screen_rows(screen), screen_cols(screen), what / 8, true);
		check(screen);
		break;
	case 2:
		term_key(term, &key);
		break;
	case 3:
		term_mouse(term, &mouse, what, what / 3);
		break;
	case 4:
		term_paste(term, "a\033[201~\n\xc3\xa9", 9);
		break;
	case 5:
		term_find_line(term, "a", what, what & 64 ? 1 : -1);
		break;
	case 6:
		term_mark(term, what & 64 ? "a" : NULL);
		term_focus(term, what & 32);
		break;
	default:
		while (term_output(term, buf, sizeof(buf)) > 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct term *term;
	struct screen *screen = screen_new(20, 40);
	size_t at = 2;

	if (screen == NULL || size < 2) {
		screen_free(screen);
		return 0;
	}
	term = term_new(data[0] % 40, data[1] % 100, 50);
	while (term != NULL && at < size) {
		const uint8_t *mark = memchr(data + at, 0xfe, size - at);
		size_t end = mark != NULL ? (size_t)(mark - data) : size;
		term_feed(term, data + at, end - at);
		if (end + 1 < size)
			act(term, screen, data[end + 1]);
		at = end + 2;
	}
	if (term != NULL) {
		term_draw(term, screen, 0, 0, 20, 40, 0, true);
		check(screen);
	}
	term_free(term);
	screen_free(screen);
	return 0;
}
