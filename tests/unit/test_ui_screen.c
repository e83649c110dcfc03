/* SPDX-License-Identifier: Apache-2.0 */
#include "ui_fixture.h"

static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };

static void expect_text(const struct screen *screen, const char *want)
{
	char *text = screen_text(screen);
	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(char_width('a'), 1);
	assert_int_equal(char_width(0xe9), 1);
	assert_int_equal(char_width(0x301), 0);
	assert_int_equal(char_width(0x200d), 0);
	assert_int_equal(char_width(0x4e2d), 2);
	assert_int_equal(char_width(0xac00), 2);
	assert_int_equal(char_width(0xff21), 2);
	assert_int_equal(char_width(0x1f600), 2);
	assert_int_equal(char_width(0x1fae0), 2);
	assert_int_equal(char_width(0x20000), 2);
	assert_int_equal(char_width(0x25cf), 1);  /* ● */
	assert_int_equal(char_width(0x2581), 1);  /* ▁ */
	assert_int_equal(char_width(0x2500), 1);  /* ─ */
	assert_int_equal(char_width(0x10ffff), 1);
	assert_int_equal(text_width("a中b"), 4);
	assert_int_equal(text_width("e\xcc\x81"), 1);
	assert_int_equal(text_width("\033[31m"), 5); /* a control character counts 1 */
	assert_int_equal(text_width("\xff\xfe"), 2);
}

static void puts_and_clips(void **state)
{
	struct screen *screen = screen_new(2, 8);
	(void)state;
	assert_int_equal(screen_put(screen, 0, 0, 8, plain, "hello"), 5);
	assert_int_equal(screen_put(screen, 1, 6, 8, plain, "long text"), 2);
	expect_text(screen, "hello\n      lo\n");
	assert_int_equal(screen_put(screen, 5, 0, 8, plain, "no row"), 0);
	assert_int_equal(screen_put(screen, -1, 0, 8, plain, "no row"), 0);
	screen_put(screen, 0, -2, 8, plain, "XYZ");
	expect_text(screen, "Zello\n      lo\n");
	screen_free(screen);
}

static void wide_characters_are_never_halved(void **state)
{
	struct screen *screen = screen_new(1, 5);
	(void)state;
	assert_int_equal(screen_put(screen, 0, 0, 5, plain, "中文字"), 4); /* the third does not fit */
	expect_text(screen, "中文\n");
	screen_put(screen, 0, 1, 1, plain, "x"); /* cuts the first in its middle */
	expect_text(screen, " x文\n");
	screen_put(screen, 0, 2, 1, plain, "y");
	expect_text(screen, " xy\n");
	screen_clear(screen);
	assert_int_equal(screen_put(screen, 0, 4, 2, plain, "中"), 0);
	expect_text(screen, "\n");
	screen_free(screen);
}

static void harmful_text_is_made_visible(void **state)
{
	struct screen *screen = screen_new(1, 40);
	(void)state;
	screen_put(screen, 0, 0, 40, plain, "a\033[2Jb\nc\x7f" "d");
	expect_text(screen, "a?[2Jb?c?d\n");
	screen_clear(screen);
	/* Turning the direction, hiding, C1 as UTF-8, broken UTF-8, overlong, surrogate. */
	screen_put(screen, 0, 0, 40, plain, "\xe2\x80\xae" "x\xe2\x80\x8b\xc2\x9b\xff\xc0\xaf\xed\xa0\x80");
	expect_text(screen, "?x????????\n");
	screen_free(screen);
}

static void combining_marks_stay_with_their_base(void **state)
{
	struct screen *screen = screen_new(1, 6);
	(void)state;
	assert_int_equal(screen_put(screen, 0, 0, 6, plain, "e\xcc\x81z\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86"), 2);
	assert_int_equal(screen_at(screen, 0, 0)->ch[1], 0x301);
	assert_int_equal(screen_at(screen, 0, 1)->ch[3], 0x304); /* more than three are left out */
	assert_int_equal(screen_at(screen, 0, 2)->ch[0], ' ');
	screen_free(screen);
}

static void fields(void **state)
{
	struct screen *screen = screen_new(4, 12);
	(void)state;
	screen_field(screen, 0, 0, 6, plain, "ab");
	screen_field(screen, 0, 6, -6, plain, "cd");
	screen_field(screen, 1, 0, 6, plain, "abcdefgh");
	screen_field(screen, 2, 0, -4, plain, "中文字");
	screen_set_ascii(screen, true);
	screen_field(screen, 3, 0, 6, plain, "abcdefgh");
	expect_text(screen, "ab        cd\nabcde…\n中…\nabcde~\n");
	screen_free(screen);
}

static void cells_of_a_pane(void **state)
{
	struct screen *screen = screen_new(1, 4);
	struct cell cell;
	(void)state;
	memset(&cell, 0, sizeof cell);
	cell.style = plain;
	cell.ch[0] = 0x4e2d;
	cell.width = 2;
	screen_set(screen, 0, 0, &cell);
	cell.ch[0] = 0;
	cell.width = 0;
	screen_set(screen, 0, 1, &cell);
	expect_text(screen, "中\n");
	cell.ch[0] = 0x1b;
	cell.width = 1;
	screen_set(screen, 0, 2, &cell);
	/* Someone who takes a wide character for narrow must not move the rest. */
	cell.ch[0] = 0x6587;
	screen_set(screen, 0, 3, &cell);
	expect_text(screen, "中??\n");
	screen_free(screen);
}

static void sizes(void **state)
{
	struct screen *screen = screen_new(-3, 0);
	(void)state;
	assert_int_equal(screen_rows(screen), 1);
	assert_int_equal(screen_cols(screen), 1);
	assert_true(screen_resize(screen, 1000000, 2));
	assert_int_equal(screen_rows(screen), 4096);
	screen_cursor(screen, 5, 9);
	int row, col;
	screen_get_cursor(screen, &row, &col);
	assert_int_equal(row, -1);
	screen_fill(screen, -5, -5, 1 << 30, 1 << 30, plain);
	screen_restyle(screen, 0, -10, 100, ATTR_BOLD, 0);
	screen_free(screen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths),
		cmocka_unit_test(puts_and_clips),
		cmocka_unit_test(wide_characters_are_never_halved),
		cmocka_unit_test(harmful_text_is_made_visible),
		cmocka_unit_test(combining_marks_stay_with_their_base),
		cmocka_unit_test(fields),
		cmocka_unit_test(cells_of_a_pane),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
