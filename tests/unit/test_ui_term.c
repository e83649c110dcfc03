/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_term.c - the terminal emulator: bytes in, cells and answers out.
 */
#include "term_kit.h"

static void text_and_cursor(void **state)
{
	struct term *term = term_new(4, 10, 100);
	(void)state;
	FEED(term, "hello\r\nworld");
	expect(term, 4, 10, "hello\nworld\n\n\n");
	expect_cursor(term, 1, 5);
	FEED(term, "\033[1;1HH\033[2;3HX\033[4;10H!\033[Aup");
	expect(term, 4, 10, "Hello\nwoXld\n         u\np        !\n");
	FEED(term, "\033[2J\033[H0123456789abc");
	expect(term, 4, 10, "0123456789\nabc\n\n\n");
	FEED(term, "\033[H\033[K\033[2;2H\033[1P\033[1@");
	expect(term, 4, 10, "\na c\n\n\n");
	term_free(term);
}

static void colours(void **state)
{
	struct term *term = term_new(3, 40, 0);
	struct cell c;
	(void)state;
	FEED(term, "\033[31ma\033[1;97;44mb\033[38;5;208mc\033[48;2;1;2;3md\033[0me\033[38:2::9:8:7mf\033[38:5:20mg\033[39;49mh");
	c = cell_of(term, 0, 0);
	assert_int_equal(c.style.fg, 1);
	assert_int_equal(c.style.bg, COLOUR_DEFAULT);
	c = cell_of(term, 0, 1);
	assert_int_equal(c.style.fg, 15);
	assert_int_equal(c.style.bg, 4);
	assert_int_equal(c.style.attr, ATTR_BOLD);
	c = cell_of(term, 0, 2);
	assert_int_equal(c.style.fg, 208);
	c = cell_of(term, 0, 3);
	assert_int_equal(c.style.bg, COLOUR_RGB(1, 2, 3));
	c = cell_of(term, 0, 4);
	assert_int_equal(c.style.fg, COLOUR_DEFAULT);
	assert_int_equal(c.style.attr, 0);
	assert_int_equal(cell_of(term, 0, 5).style.fg, COLOUR_RGB(9, 8, 7));
	assert_int_equal(cell_of(term, 0, 6).style.fg, 20);
	assert_int_equal(cell_of(term, 0, 7).style.fg, COLOUR_DEFAULT);
	term_free(term);
}

static void attributes(void **state)
{
	struct term *term = term_new(3, 40, 0);
	(void)state;
	FEED(term, "\033[2ma\033[22mb\033[3mc\033[23;4md\033[4:0me\033[4:3mf\033[24;7mg\033[27;5mh\033[25mi\033[8msecret\033[28mj");
	assert_int_equal(cell_of(term, 0, 0).style.attr, ATTR_DIM);
	assert_int_equal(cell_of(term, 0, 1).style.attr, 0);
	assert_int_equal(cell_of(term, 0, 2).style.attr, ATTR_ITALIC);
	assert_int_equal(cell_of(term, 0, 3).style.attr, ATTR_UNDERLINE);
	assert_int_equal(cell_of(term, 0, 4).style.attr, 0);
	assert_int_equal(cell_of(term, 0, 5).style.attr, ATTR_UNDERLINE);
	assert_int_equal(cell_of(term, 0, 6).style.attr, ATTR_REVERSE);
	assert_int_equal(cell_of(term, 0, 7).style.attr, ATTR_BLINK);
	assert_int_equal(cell_of(term, 0, 8).style.attr, 0);
	expect(term, 1, 40, "abcdefghi      j\n");
	/* struck through; a blank that is written keeps it */
	FEED(term, "\033[0m\033[2;20H\033[9mx \033[29my");
	assert_int_equal(cell_of(term, 1, 19).style.attr, ATTR_STRIKE);
	assert_int_equal(cell_of(term, 1, 20).style.attr, ATTR_STRIKE);
	assert_int_equal(cell_of(term, 1, 21).style.attr, 0);
	/* an underline colour is stepped over, not taken for blink and bold */
	FEED(term, "\033[0m\033[2;1H\033[58;5;1mx\033[58;2;5;7;3my\033[58:5:1mz");
	assert_int_equal(cell_of(term, 1, 0).style.attr, 0);
	assert_int_equal(cell_of(term, 1, 1).style.attr, 0);
	assert_int_equal(cell_of(term, 1, 2).style.attr, 0);
	/* what is erased with a reversed pen is not reversed, but has its background */
	FEED(term, "\033[3;1H\033[7;42m\033[K");
	assert_int_equal(cell_of(term, 2, 5).style.attr, 0);
	assert_int_equal(cell_of(term, 2, 5).style.bg, 2);
	/* the whole screen reversed */
	FEED(term, "\033[m\033[2J\033[?5h");
	assert_int_equal(cell_of(term, 2, 5).style.attr, ATTR_REVERSE);
	term_free(term);
}

static void wide_and_combining(void **state)
{
	struct term *term = term_new(4, 6, 10);
	struct cell c;
	(void)state;
	FEED(term, "a\xe4\xb8\xad" "b");
	assert_int_equal(cell_of(term, 0, 1).width, 2);
	assert_int_equal(cell_of(term, 0, 2).width, 0);
	expect_cursor(term, 0, 4);
	FEED(term, "\r\ne\xcc\x81\xcc\xa7x");
	c = cell_of(term, 1, 0);
	assert_int_equal(c.ch[0], 'e');
	assert_int_equal(c.ch[1], 0x301);
	assert_int_equal(c.ch[2], 0x327);
	FEED(term, "\r\n12345\xe4\xb8\xad"); /* does not fit: wraps */
	expect(term, 4, 6, "a\xe4\xb8\xad" "b\ne\xcc\x81\xcc\xa7x\n12345\n\xe4\xb8\xad\n");
	/* emoji, also those younger than libvterm's table */
	FEED(term, "\033[2J\033[H\xf0\x9f\xab\xa0\xf0\x9f\x98\x80.");
	expect(term, 1, 6, "\xf0\x9f\xab\xa0\xf0\x9f\x98\x80.\n");
	assert_int_equal(cell_of(term, 0, 0).width, 2);
	/* split between two reads */
	FEED(term, "\033[2J\033[H\xf0\x9f");
	FEED(term, "\x98\x80z\xe4");
	FEED(term, "\xb8");
	FEED(term, "\xad");
	expect(term, 1, 6, "\xf0\x9f\x98\x80z\xe4\xb8\xad\n");
	/* half of a wide character overwritten: nothing is left of the other half, nor of its marks */
	FEED(term, "\033[2J\033[H\xf0\x9f\x98\x80\xcc\x81z\xe4\xb8\xad\033[1;2Hq");
	expect(term, 1, 6, " qz\xe4\xb8\xad\n");
	c = cell_of(term, 0, 0);
	assert_int_equal(c.ch[1], 0);
	assert_int_equal(c.width, 1);
	FEED(term, "\033[2J\033[H\xff\xc3(\xe2\x80\xae!");
	expect(term, 1, 6, "\xef\xbf\xbd\xef\xbf\xbd(!\n");
	term_free(term);
}

/* A terminal of plain ASCII: frames stay frames. */
static void plain_ascii(void **state)
{
	struct term *term = term_new(2, 20, 0);
	struct screen *screen = screen_new(2, 20);
	char *text;
	(void)state;
	FEED(term, "\033(0lqwqk\033(B \xc3\xa9\xe2\x80\x9cx\xe2\x80\x9d\xe4\xb8\xad!\r\n\xe2\x96\x88\xe2\x96\x91 \xe2\x95\x91\xe2\x95\xac e\xcc\x81");
	screen_set_ascii(screen, true);
	term_draw(term, screen, 0, 0, 2, 20, 0, false);
	text = screen_text(screen);
	assert_string_equal(text, "+-+-+ e\"x\"? !\n#. |+ e\n");
	free(text);
	screen_free(screen);
	term_free(term);
	for (uint32_t ch = 0x20; ch < 0x110000; ch++)
		assert_in_range(char_ascii(ch), 0x20, ch < 0x7f ? ch : 0x7e);
}

static void alternate_screen(void **state)
{
	struct term *term = term_new(3, 10, 100);
	(void)state;
	FEED(term, "one\r\ntwo\033[?1049h\033[H");
	assert_true(term_alternate(term));
	for (int i = 0; i < 20; i++)
		FEED(term, "full\r\n");
	assert_int_equal(term_scrollback(term), 0);
	FEED(term, "\033[?1049l");
	assert_false(term_alternate(term));
	expect(term, 3, 10, "one\ntwo\n\n");
	expect_cursor(term, 1, 3);
	term_free(term);
}

static void scroll_region(void **state)
{
	struct term *term = term_new(5, 10, 100);
	(void)state;
	FEED(term, "1\r\n2\r\n3\r\n4\r\n5\033[2;4r\033[4;1H\nx\033[r");
	expect(term, 5, 10, "1\n3\n4\nx\n5\n");
	assert_int_equal(term_scrollback(term), 0);
	FEED(term, "\033[2;1H\033[L\033[3;1H\033[M");
	expect(term, 5, 10, "1\n\n4\nx\n\n");
	FEED(term, "\033[H\033M");
	expect(term, 5, 10, "\n1\n\n4\nx\n");
	term_free(term);
}

static void scrollback(void **state)
{
	struct term *term = term_new(3, 20, 50);
	char line[64];
	(void)state;
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "\033[3%dmline %d%s", i % 8, i, i < 199 ? "\r\n" : "");
		term_feed(term, line, strlen(line));
	}
	assert_int_equal(term_scrollback(term), 50);
	assert_int_equal(term_first_line(term), 147);
	assert_int_equal(term_end_line(term), 200);
	expect_back(term, 3, 20, 0, "line 197\nline 198\nline 199\n");
	expect_back(term, 3, 20, 2, "line 195\nline 196\nline 197\n");
	expect_back(term, 3, 20, 50, "line 147\nline 148\nline 149\n");
	expect_back(term, 3, 20, 9999, "line 147\nline 148\nline 149\n");
	assert_int_equal(term_find_line(term, "LINE 160", 200, -1), -1);
	assert_int_equal(term_find_line(term, "line 160", 200, -1), 160);
	expect_back(term, 3, 20, 37, "line 160\nline 161\nline 162\n");
	assert_int_equal(term_find_line(term, "line 199", 160, 1), 199);
	assert_int_equal(term_find_line(term, "line 18", 200, -1), 189);
	assert_int_equal(term_find_line(term, "line 18", 188, -1), 188);
	assert_int_equal(term_find_line(term, "line 18", 0, 1), 180);
	assert_int_equal(term_find_line(term, "nothing", 200, -1), -1);
	assert_int_equal(term_find_line(term, "", 200, -1), -1);
	FEED(term, "\033[3J");
	assert_int_equal(term_scrollback(term), 0);
	expect(term, 3, 20, "line 197\nline 198\nline 199\n");
	term_free(term);
}

/* What left the screen and comes back when it grows is what it was. */
static void scrollback_returns(void **state)
{
	struct term *term = term_new(4, 20, 50);
	(void)state;
	FEED(term, "\033[1;31mred\033[0m \xe4\xb8\xad\xe6\x96\x87 e\xcc\x81 \xf0\x9f\xab\xa0 \033[2mdim\033[0m\r\nb\r\nc\r\nd\r\ne\r\nf");
	assert_int_equal(term_scrollback(term), 2);
	expect_back(term, 4, 20, 2, "red \xe4\xb8\xad\xe6\x96\x87 e\xcc\x81 \xf0\x9f\xab\xa0 dim\nb\nc\nd\n");
	term_resize(term, 6, 20);
	assert_int_equal(term_scrollback(term), 0);
	expect(term, 6, 20, "red \xe4\xb8\xad\xe6\x96\x87 e\xcc\x81 \xf0\x9f\xab\xa0 dim\nb\nc\nd\ne\nf\n");
	assert_int_equal(cell_of(term, 0, 0).style.attr, ATTR_BOLD);
	assert_int_equal(cell_of(term, 0, 0).style.fg, 1);
	assert_int_equal(cell_of(term, 0, 14).style.attr, ATTR_DIM);
	expect_cursor(term, 5, 1);
	term_resize(term, 3, 20);
	assert_int_equal(term_scrollback(term), 3);
	expect(term, 3, 20, "d\ne\nf\n");
	term_free(term);
}

static void marks_matches(void **state)
{
	struct term *term = term_new(2, 20, 0);
	(void)state;
	FEED(term, "an Error, an error");
	term_mark(term, "error");
	assert_int_equal(cell_of(term, 0, 3).style.attr, ATTR_REVERSE);
	assert_int_equal(cell_of(term, 0, 7).style.attr, ATTR_REVERSE);
	assert_int_equal(cell_of(term, 0, 8).style.attr, 0);
	assert_int_equal(cell_of(term, 0, 13).style.attr, ATTR_REVERSE);
	term_mark(term, "Error");
	assert_int_equal(cell_of(term, 0, 3).style.attr, ATTR_REVERSE);
	assert_int_equal(cell_of(term, 0, 13).style.attr, 0);
	term_mark(term, NULL);
	assert_int_equal(cell_of(term, 0, 3).style.attr, 0);
	term_free(term);
}

/* What libvterm 0.1.4 does not have or does otherwise than xterm. */
static void added_by_the_filter(void **state)
{
	struct term *term = term_new(5, 20, 10);
	(void)state;
	FEED(term, "x\033[4b.");                       /* REP */
	expect(term, 1, 20, "xxxxx.\n");
	FEED(term, "\033[2J\033[H\xe4\xb8\xad\033[2b\033[99b");
	expect(term, 1, 20, "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\n");
	FEED(term, "\033[2J\033[3;5H\033[s\033[Hab\033[ucd"); /* save, restore */
	expect(term, 3, 20, "ab\n\n    cd\n");
	FEED(term, "\033[2;3r\033[?6h\033[4h\033[!p\033[H1\033[5;1H2"); /* soft reset */
	expect(term, 5, 20, "1b\n\n    cd\n\n2\n");
	FEED(term, "\033[?25;1h\033[?25l");
	expect_cursor(term, -1, -1);
	FEED(term, "\0337\033[?25h\0338");             /* restoring does not hide it again */
	expect_cursor(term, 4, 1);
	FEED(term, "\033[2J\033[H\033#6wide\033_hidden\033\\\033^hidden\033\\\033Xhidden\033\\.");
	expect(term, 1, 20, "wide.\n");
	FEED(term, "\033[2J\033[H\033(0lqk\033(B lqk"); /* line drawing */
	expect(term, 1, 20, "\xe2\x94\x8c\xe2\x94\x80\xe2\x94\x90 lqk\n");
	FEED(term, "\033[2J\033[H\033(0\0337\033(Bq\0338q\033(B\0337\033)0\016\0338q"); /* which goes with a saved cursor */
	expect(term, 1, 20, "\xe2\x94\x80q\n");
	FEED(term, "\033c\033([9b\033)]0;x\007.");     /* would begin another sequence, and hang in a REP */
	expect(term, 1, 20, "9b0;x.\n");
	term_free(term);
}

static void titles_and_strings(void **state)
{
	struct term *term = term_new(3, 20, 10);
	(void)state;
	FEED(term, "\033]0;my \xe4\xb8\xad title\007ok");
	assert_string_equal(term_title(term), "my \xe4\xb8\xad title");
	FEED(term, "\033]2;evil\xe2\x80\xae\001\xc2\x9b" "31mx\033\\");
	assert_string_equal(term_title(term), "evilx");
	FEED(term, "\033ktmux\033\\");
	assert_string_equal(term_title(term), "tmux");
	FEED(term, "\033]52;c;SGVsbG8=\007\033]52;c;?\007\033]10;?\007\033]4;1;?\007\033]8;;http://x\033\\link\033]8;;\033\\");
	expect_output(term, "");
	expect(term, 1, 20, "oklink\n");
	/* longer than any buffer, in pieces, never shown */
	FEED(term, "\033]52;c;");
	for (int i = 0; i < 1000; i++)
		FEED(term, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB");
	FEED(term, "\007!");
	expect(term, 1, 20, "oklink!\n");
	FEED(term, "\033]0;no end\r\nnext");
	expect(term, 2, 20, "oklink!\nnext\n");
	term_free(term);
}

static void answers(void **state)
{
	struct term *term = term_new(5, 20, 10);
	char buf[65536];
	size_t n;
	(void)state;
	FEED(term, "\033[c");
	expect_output(term, "\033[?1;2c");
	FEED(term, "\033[2;3H\033[6n\033[5n");
	expect_output(term, "\033[2;3R\033[0n");
	FEED(term, "\033P$q q\033\\");
	n = term_output(term, buf, sizeof(buf));
	assert_true(n > 4 && memcmp(buf, "\033P", 2) == 0);
	FEED(term, "\033P$ql\033\\\033P$q\033\\\033P$qmm\033\\\033P+q544e\033\\"); /* would crash 0.1.4 */
	expect_output(term, "");
	for (int i = 0; i < 100000; i++)
		FEED(term, "\033[c");
	/* a key is not lost among them */
	term_key(term, &(struct key){ .kind = KEY_KIND_CHAR, .ch = 'k' });
	n = term_output(term, buf, sizeof(buf));
	assert_true(n <= 4097);
	assert_int_equal(buf[n - 1], 'k');
	assert_int_equal((n - 1) % 7, 0); /* only whole ones */
	FEED(term, "\033[c");
	expect_output(term, "\033[?1;2c");
	term_free(term);
}

static void damage(void **state)
{
	struct term *term = term_new(5, 20, 10);
	(void)state;
	assert_true(term_take_damage(term));
	assert_false(term_take_damage(term));
	FEED(term, "x");
	assert_true(term_take_damage(term));
	FEED(term, "\007\033[m");
	assert_false(term_take_damage(term));
	term_free(term);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_cursor), cmocka_unit_test(colours), cmocka_unit_test(attributes),
		cmocka_unit_test(wide_and_combining), cmocka_unit_test(plain_ascii), cmocka_unit_test(alternate_screen),
		cmocka_unit_test(scroll_region), cmocka_unit_test(scrollback), cmocka_unit_test(scrollback_returns),
		cmocka_unit_test(marks_matches), cmocka_unit_test(added_by_the_filter), cmocka_unit_test(titles_and_strings),
		cmocka_unit_test(answers), cmocka_unit_test(damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
