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

/* What goes to a clipboard or is searched: whole characters of UTF-8, and no control but line ends and tabs. */
static void check_text(const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t ch;
		size_t n = text_decode(text + at, len - at, &ch);
		if (n == 0 || ch == TEXT_BAD || (text_unsafe(ch) && ch != '\n' && ch != '\t'))
			abort();
		at += n;
	}
}

static void read_lines(const struct term *term, uint8_t what)
{
	char text[512];
	int64_t line = term_first_line(term) + what - 2; /* beyond the first and last too */
	size_t n = term_text(term, line, what % 7 - 1, what, text, 1 + (size_t)what * 2);
	if (n > (size_t)what * 2 + 1)
		abort();
	check_text(text, n);
}

static void take_clipboard(struct term *term, bool allowed)
{
	size_t len = 0;
	char *text = term_take_clipboard(term, &len);
	if (text != NULL) {
		if (!allowed)
			abort();
		check_text(text, len);
	}
	free(text);
}

/* Whatever a program had set before its connection was cut. */
static void settle(struct term *term)
{
	struct key mouse = { .kind = KEY_KIND_MOUSE, .act = MOUSE_PRESS, .button = 1 };
	term_settle(term);
	if (term_alternate(term) || term_mouse_wanted(term) || term_mouse(term, &mouse, 1, 1))
		abort();
}

static void act(struct term *term, struct screen *screen, uint8_t what)
{
	struct key key = { .kind = KEY_KIND_SPECIAL, .special = what % SK_COUNT, .mods = what >> 5 };
	struct key mouse = { .kind = KEY_KIND_MOUSE, .act = what % 5, .button = what % 4 };
	static bool allowed;
	char buf[64];

	if (what == 0xff) { /* a new one begins without it */
		allowed = false;
		return;
	}
	switch (what % 12) {
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
	case 7:
		read_lines(term, what);
		break;
	case 8:
		settle(term);
		break;
	case 9:
		allowed = what & 16;
		term_allow_clipboard(term, allowed);
		take_clipboard(term, true); /* from when it was allowed */
		break;
	case 10:
		take_clipboard(term, allowed);
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
	act(NULL, NULL, 0xff);
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
