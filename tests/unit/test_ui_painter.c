/* SPDX-License-Identifier: Apache-2.0
 *
 * What the painter writes, read back by a terminal emulator: whatever changes
 * from frame to frame, the terminal must show the screen, cell by cell.
 */
#include "ui_fixture.h"

#include "tui/colours.h"
#include "tui/painter.h"
#include "tui/term.h"

#define ROWS 12
#define COLS 47

static uint32_t seed = 4711;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void deliver(struct painter *painter, struct term *term)
{
	if (term != NULL)
		term_feed(term, painter->out, painter->out_len);
	painter->out_len = painter->out_sent = 0;
}

static void compare(const struct screen *screen, const struct term *term)
{
	struct screen *seen = screen_new(ROWS, COLS);
	int row, col, i;
	term_draw(term, seen, 0, 0, ROWS, COLS, 0, true);
	for (row = 0; row < ROWS; row++) {
		for (col = 0; col < COLS; col++) {
			const struct cell *want = screen_at(screen, row, col), *have = screen_at(seen, row, col);
			for (i = 0; i < CELL_CHARS; i++)
				assert_int_equal(want->ch[i], have->ch[i]);
			assert_int_equal(want->width, have->width);
			if (want->width == 0)
				continue;
			assert_int_equal(want->style.bg, have->style.bg);
			assert_int_equal(want->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE),
			                 have->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE));
			if (want->ch[0] != ' ') {
				assert_int_equal(want->style.fg, have->style.fg);
				assert_int_equal(want->style.attr & ATTR_BOLD, have->style.attr & ATTR_BOLD);
			}
		}
	}
	int want_row, want_col, have_row, have_col;
	screen_get_cursor(screen, &want_row, &want_col);
	screen_get_cursor(seen, &have_row, &have_col);
	assert_int_equal(want_row, have_row);
	if (want_row >= 0)
		assert_int_equal(want_col, have_col);
	screen_free(seen);
}

static void scribble(struct screen *screen)
{
	static const char *const texts[] = { "hello", "a longer text over many columns", "中文字", "● running", "e\xcc\x81t\xc3\xa9",
		                             "▁▂▃▄▅▆▇█", " ", "                    ", "😀 x", "│", "─────" };
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	int n = (int)any(6);
	while (n-- > 0) {
		if (any(2))
			style.fg = (int32_t)any(any(2) ? 16 : 256);
		if (any(4) == 0)
			style.bg = (int32_t)any(256);
		style.attr = any(3) == 0 ? (uint16_t)(any(64) & (ATTR_BOLD | ATTR_UNDERLINE | ATTR_REVERSE)) : 0;
		screen_put(screen, (int)any(ROWS), (int)any(COLS), COLS, style, texts[any(11)]);
	}
	if (any(9) == 0)
		screen_clear(screen);
	if (any(3) == 0)
		screen_cursor(screen, any(2) ? (int)any(ROWS) : -1, (int)any(COLS));
}

static void the_terminal_shows_the_screen(void **state)
{
	struct painter painter = { .colours = 256, .cursor_row = -1 };
	struct screen *screen = screen_new(ROWS, COLS);
	struct term *term = term_new(ROWS, COLS, 0);
	int i;
	(void)state;
	term_feed(term, "\033[?7l\033[?25l", 11);
	for (i = 0; i < 4000; i++) {
		scribble(screen);
		if (any(50) == 0)
			painter.valid = false;
		painter_present(&painter, screen);
		deliver(&painter, term);
		compare(screen, term);
		painter_present(&painter, screen);
		assert_int_equal(painter.out_len, 0); /* nothing changed: not one byte */
	}
	term_free(term);
	screen_free(screen);
	painter_free(&painter);
}

static void little_changes_cost_little(void **state)
{
	struct painter painter = { .colours = 256, .cursor_row = -1 };
	struct screen *screen = screen_new(50, 200);
	static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	int row;
	(void)state;
	for (row = 0; row < 50; row++)
		screen_put(screen, row, 3, 190, plain, "some text that fills the row to a part");
	painter_present(&painter, screen);
	assert_true(painter.out_len < 50 * 60);
	deliver(&painter, NULL);
	screen_put(screen, 30, 10, 2, plain, "42");
	painter_present(&painter, screen);
	assert_true(painter.out_len > 0 && painter.out_len < 20);
	deliver(&painter, NULL);
	screen_fill(screen, 12, 0, 1, 200, plain); /* a row goes: erased, not overwritten */
	painter_present(&painter, screen);
	assert_true(painter.out_len < 20);
	screen_free(screen);
	painter_free(&painter);
}

static void fewer_colours(void **state)
{
	int32_t c;
	(void)state;
	assert_int_equal(colour_for(0, 3), COLOUR_DEFAULT);
	assert_int_equal(colour_for(1 << 24, COLOUR_RGB(1, 2, 3)), COLOUR_RGB(1, 2, 3));
	assert_int_equal(colour_for(256, COLOUR_RGB(255, 0, 0)), 196);
	assert_int_equal(colour_for(256, COLOUR_RGB(0, 0, 0)), 16);
	assert_int_equal(colour_for(256, COLOUR_RGB(128, 128, 128)), 244);
	assert_int_equal(colour_for(16, 196), 9);
	assert_int_equal(colour_for(16, COLOUR_RGB(0, 140, 0)), 2);
	assert_int_equal(colour_for(8, 11), 3);
	assert_int_equal(colour_for(8, COLOUR_DEFAULT), COLOUR_DEFAULT);
	for (c = 0; c < 256; c++) {
		assert_true(colour_for(8, c) >= 0 && colour_for(8, c) < 8);
		assert_true(colour_for(16, c) >= 0 && colour_for(16, c) < 16);
		assert_int_equal(colour_for(256, c), c);
	}
}

static void without_colours_none_is_written(void **state)
{
	struct painter painter = { .colours = 0, .cursor_row = -1 };
	struct screen *screen = screen_new(2, 20);
	struct style loud = { 9, COLOUR_RGB(1, 2, 3), ATTR_BOLD | ATTR_REVERSE };
	size_t i;
	(void)state;
	screen_put(screen, 0, 0, 20, loud, "loud");
	painter_present(&painter, screen);
	for (i = 0; i + 3 < painter.out_len; i++)
		assert_true(memcmp(painter.out + i, ";3", 2) != 0 && memcmp(painter.out + i, ";4", 2) != 0);
	screen_free(screen);
	painter_free(&painter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_terminal_shows_the_screen),
		cmocka_unit_test(little_changes_cost_little),
		cmocka_unit_test(fewer_colours),
		cmocka_unit_test(without_colours_none_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
