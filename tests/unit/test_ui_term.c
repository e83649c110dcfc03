/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_term.c - the terminal emulator: bytes in, cells and answers out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/text.h"
#include "tui/screen.h"
#include "tui/term.h"

#define FEED(term, s) term_feed(term, s, sizeof(s) - 1)

static struct screen *drawn(const struct term *term, int rows, int cols, int back)
{
	struct screen *screen = screen_new(rows, cols);
	assert_non_null(screen);
	term_draw(term, screen, 0, 0, rows, cols, back, true);
	return screen;
}

static void expect_back(const struct term *term, int rows, int cols, int back, const char *want)
{
	struct screen *screen = drawn(term, rows, cols, back);
	char *text = screen_text(screen);
	assert_string_equal(text, want);
	free(text);
	screen_free(screen);
}

static void expect(const struct term *term, int rows, int cols, const char *want)
{
	expect_back(term, rows, cols, 0, want);
}

static struct cell cell_of(const struct term *term, int row, int col)
{
	struct screen *screen = drawn(term, 40, 120, 0);
	struct cell cell = *screen_at(screen, row, col);
	screen_free(screen);
	return cell;
}

static void expect_cursor(const struct term *term, int row, int col)
{
	struct screen *screen = drawn(term, 40, 120, 0);
	int r, c;
	screen_get_cursor(screen, &r, &c);
	screen_free(screen);
	assert_int_equal(r, row);
	assert_int_equal(c, col);
}

static void expect_output(struct term *term, const char *want)
{
	char buf[8192];
	size_t n = term_output(term, buf, sizeof(buf) - 1);
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

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
	/* half of a wide character overwritten */
	FEED(term, "\033[1;2Hq");
	c = cell_of(term, 0, 1);
	assert_int_equal(c.ch[0], 'q');
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
	int row = -1;
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
	assert_int_equal(term_find(term, "LINE 160", 0, -1, &row), -1);
	assert_int_equal(term_find(term, "line 160", 0, -1, &row), 37);
	assert_int_equal(row, 0);
	expect_back(term, 3, 20, 37, "line 160\nline 161\nline 162\n");
	assert_int_equal(term_find(term, "line 199", 37, 1, &row), 0);
	assert_int_equal(row, 2);
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

struct key_case {
	struct key key;
	const char *normal, *application;
};
#define SPECIAL(k, m) { .kind = KEY_KIND_SPECIAL, .special = k, .mods = m }
#define CHAR(c, m) { .kind = KEY_KIND_CHAR, .ch = c, .mods = m }

static void keys(void **state)
{
	static const struct key_case cases[] = {
		{ SPECIAL(SK_UP, 0), "\033[A", "\033OA" },
		{ SPECIAL(SK_DOWN, 0), "\033[B", "\033OB" },
		{ SPECIAL(SK_RIGHT, 0), "\033[C", "\033OC" },
		{ SPECIAL(SK_LEFT, 0), "\033[D", "\033OD" },
		{ SPECIAL(SK_HOME, 0), "\033[H", "\033OH" },
		{ SPECIAL(SK_END, 0), "\033[F", "\033OF" },
		{ SPECIAL(SK_UP, MOD_CTRL), "\033[1;5A", "\033[1;5A" },
		{ SPECIAL(SK_LEFT, MOD_ALT), "\033[1;3D", "\033[1;3D" },
		{ SPECIAL(SK_RIGHT, MOD_SHIFT), "\033[1;2C", "\033[1;2C" },
		{ SPECIAL(SK_INSERT, 0), "\033[2~", "\033[2~" },
		{ SPECIAL(SK_DELETE, 0), "\033[3~", "\033[3~" },
		{ SPECIAL(SK_PAGE_UP, 0), "\033[5~", "\033[5~" },
		{ SPECIAL(SK_PAGE_DOWN, MOD_CTRL), "\033[6;5~", "\033[6;5~" },
		{ SPECIAL(SK_F1, 0), "\033OP", "\033OP" },
		{ SPECIAL(SK_F1 + 3, 0), "\033OS", "\033OS" },
		{ SPECIAL(SK_F1 + 4, 0), "\033[15~", "\033[15~" },
		{ SPECIAL(SK_F12, 0), "\033[24~", "\033[24~" },
		{ SPECIAL(SK_F1 + 4, MOD_SHIFT), "\033[15;2~", "\033[15;2~" },
		{ SPECIAL(SK_ENTER, 0), "\r", "\r" },
		{ SPECIAL(SK_ENTER, MOD_SHIFT), "\r", "\r" },
		{ SPECIAL(SK_ENTER, MOD_ALT), "\033\r", "\033\r" },
		{ SPECIAL(SK_TAB, 0), "\t", "\t" },
		{ SPECIAL(SK_TAB, MOD_CTRL), "\t", "\t" },
		{ SPECIAL(SK_TAB, MOD_SHIFT), "\033[Z", "\033[Z" },
		{ SPECIAL(SK_BACKSPACE, 0), "\177", "\177" },
		{ SPECIAL(SK_BACKSPACE, MOD_ALT), "\033\177", "\033\177" },
		{ SPECIAL(SK_BACKSPACE, MOD_CTRL), "\b", "\b" },
		{ SPECIAL(SK_ESCAPE, 0), "\033", "\033" },
		{ CHAR('a', 0), "a", "a" },
		{ CHAR('A', MOD_SHIFT), "A", "A" },
		{ CHAR(' ', MOD_SHIFT), " ", " " },
		{ CHAR('i', MOD_CTRL), "\t", "\t" },
		{ CHAR('m', MOD_CTRL), "\r", "\r" },
		{ CHAR('j', MOD_CTRL), "\n", "\n" },
		{ CHAR('c', MOD_CTRL), "\003", "\003" },
		{ CHAR('[', MOD_CTRL), "\033", "\033" },
		{ CHAR(']', MOD_CTRL), "\035", "\035" },
		{ CHAR('\\', MOD_CTRL), "\034", "\034" },
		{ CHAR('_', MOD_CTRL), "\037", "\037" },
		{ CHAR('/', MOD_CTRL), "\037", "\037" },
		{ CHAR('x', MOD_ALT), "\033x", "\033x" },
		{ CHAR('x', MOD_ALT | MOD_CTRL), "\033\030", "\033\030" },
		{ CHAR(0xe9, 0), "\xc3\xa9", "\xc3\xa9" },
		{ CHAR(0x4e2d, MOD_CTRL), "\xe4\xb8\xad", "\xe4\xb8\xad" },
	};
	struct term *term = term_new(5, 20, 10);
	char buf[16];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		FEED(term, "\033[?1l");
		term_key(term, &cases[i].key);
		expect_output(term, cases[i].normal);
		FEED(term, "\033[?1h");
		term_key(term, &cases[i].key);
		expect_output(term, cases[i].application);
	}
	term_key(term, &(struct key)CHAR(' ', MOD_CTRL));
	assert_int_equal(term_output(term, buf, sizeof(buf)), 1);
	assert_int_equal(buf[0], 0);
	term_key(term, &(struct key){ .kind = KEY_KIND_SPECIAL, .special = SK_NONE });
	term_key(term, &(struct key){ .kind = KEY_KIND_RESIZE });
	expect_output(term, "");
	term_free(term);
}

static void paste(void **state)
{
	static const char evil[] = "a\nb\r\nc\rd\033[201~e\x9b" "201~f\xc2\x9b" "g\003\th\xe4\xb8\xad";
	struct term *term = term_new(5, 20, 10);
	char *big, buf[4096];
	size_t n, total = 0;
	(void)state;
	term_paste(term, evil, sizeof(evil) - 1);
	expect_output(term, "a\rb\rc\rd[201~e201~fg\th\xe4\xb8\xad");
	FEED(term, "\033[?2004h");
	term_paste(term, evil, sizeof(evil) - 1);
	expect_output(term, "\033[200~a\rb\rc\rd[201~e201~fg\th\xe4\xb8\xad\033[201~");
	/* large, and too large: all or nothing */
	big = malloc(3 << 20);
	memset(big, 'x', 3 << 20);
	term_paste(term, big, 1 << 20);
	while ((n = term_output(term, buf, sizeof(buf))) > 0)
		total += n;
	assert_int_equal(total, (1 << 20) + 12);
	term_paste(term, big, 3 << 20);
	assert_int_equal(term_output(term, buf, sizeof(buf)), 0);
	free(big);
	term_free(term);
}

static void mouse(void **state)
{
	struct key press = { .kind = KEY_KIND_MOUSE, .act = MOUSE_PRESS, .button = 1 };
	struct key release = { .kind = KEY_KIND_MOUSE, .act = MOUSE_RELEASE, .button = 0 };
	struct key wheel = { .kind = KEY_KIND_MOUSE, .act = MOUSE_WHEEL_DOWN };
	struct key move = { .kind = KEY_KIND_MOUSE, .act = MOUSE_MOVE };
	struct term *term = term_new(10, 40, 10);
	(void)state;
	assert_false(term_mouse(term, &press, 2, 3));
	expect_output(term, "");
	FEED(term, "\033[?1000;1006h"); /* both from one sequence */
	assert_true(term_mouse_wanted(term));
	assert_true(term_mouse(term, &press, 2, 3));
	assert_true(term_mouse(term, &move, 2, 4));
	assert_true(term_mouse(term, &release, 2, 4));
	expect_output(term, "\033[<0;4;3M\033[<0;5;3m");
	term_mouse(term, &wheel, 0, 0);
	expect_output(term, "\033[<65;1;1M");
	FEED(term, "\033[?1002h");
	term_mouse(term, &press, 1, 1);
	term_mouse(term, &move, 99, 99);
	expect_output(term, "\033[<0;2;2M\033[<32;40;10M");
	FEED(term, "\033[?1002l\033[?1000l");
	assert_false(term_mouse(term, &press, 2, 3));
	expect_output(term, "");
	term_free(term);
}

static void focus(void **state)
{
	struct term *term = term_new(5, 20, 10);
	bool blink = true;
	(void)state;
	term_focus(term, true);
	expect_output(term, "");
	FEED(term, "\033[?1004h");
	term_focus(term, true);
	term_focus(term, false);
	expect_output(term, "\033[I\033[O");
	FEED(term, "\033[4 q");
	assert_int_equal(term_cursor_shape(term, &blink), TERM_CURSOR_UNDERLINE);
	assert_false(blink);
	FEED(term, "\033[ q");
	assert_int_equal(term_cursor_shape(term, NULL), TERM_CURSOR_BLOCK);
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

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

/* All that is drawn is text of the width it claims. */
static void check_screen(const struct screen *screen)
{
	for (int row = 0; row < screen_rows(screen); row++) {
		for (int col = 0; col < screen_cols(screen); col++) {
			const struct cell *cell = screen_at(screen, row, col);
			if (cell->width == 0) {
				assert_true(col > 0 && screen_at(screen, row, col - 1)->width == 2);
				continue;
			}
			assert_false(text_unsafe(cell->ch[0]));
			assert_int_equal(char_width(cell->ch[0]), cell->width);
			assert_true(cell->width == 1 || col + 1 < screen_cols(screen));
			for (int i = 1; i < CELL_CHARS && cell->ch[i] != 0; i++)
				assert_int_equal(char_width(cell->ch[i]), 0);
		}
	}
}

static size_t random_piece(uint32_t *seed, char *out)
{
	static const char *const pieces[] = {
		"\033[", "\033]", "\033P", "\033_", "\033(0", "\033(B", "\0337", "\0338", "\033c", "\033D", "\033M", "\033#8",
		"\033[?1049h", "\033[?1049l", "\033[?6h", "\033[?69h", "\033[4h", "\033[?7l", "\033[99999999999b", "\033[r",
		"\xe4\xb8\xad", "\xf0\x9f\xab\xa0", "\xcc\x81", "\xcc\x81\xcc\x81\xcc\x81\xcc\x81", "\xc2\x9b", "\r\n", "\t",
		"\b", "\016", "\017", "\033N", "\033([", "\033)P", "\033*]", "\033[!p", "\033[?5h", "\033[c", "\033[6n", "\033\\", "\007", "\033[3J", "\033[2J",
		"\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21;22;23;24;25;26;27;28;29;30;31;32;33;34;35m",
		"\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;H", "\033[2147483647;2147483647H", "\033[4294967295C",
		"\033[9223372036854775807B", "\033[2147483647@", "\033[2147483647X", "\033[2147483647S", "\033[2147483647I",
	};
	static const char finals[] = "@ABCDEFGHIJKLMPSTXZ`abcdefghijklmnqrstu";
	int n = 0;
	switch (next_random(seed) % 6) {
	case 0:
		for (n = 0; n < 8; n++)
			out[n] = (char)next_random(seed);
		return 8;
	case 1:
		n = snprintf(out, 64, "\033[%s%u;%u%c", next_random(seed) % 4 ? "" : "?", next_random(seed) % 120,
		             next_random(seed) % 300, finals[next_random(seed) % (sizeof(finals) - 1)]);
		return (size_t)n;
	case 2:
		n = snprintf(out, 64, "\033[%u%c", next_random(seed) % 30, finals[next_random(seed) % (sizeof(finals) - 1)]);
		return (size_t)n;
	case 3:
		n = snprintf(out, 64, "word %u ", next_random(seed));
		return (size_t)n;
	default: {
		const char *piece = pieces[next_random(seed) % (sizeof(pieces) / sizeof(pieces[0]))];
		memcpy(out, piece, strlen(piece));
		return strlen(piece);
	}
	}
}

static void random_input(void **state)
{
	uint32_t seed = 12345;
	struct term *term = term_new(24, 80, 500);
	struct screen *screen = screen_new(30, 100);
	char buf[1024], out[256];
	size_t total = 0, limit = 10U << 20;
	(void)state;
	if (getenv("STOKER_FUZZ_MB") != NULL)
		limit = strtoul(getenv("STOKER_FUZZ_MB"), NULL, 10) << 20;
	while (total < limit) {
		size_t n = 0;
		while (n < sizeof(buf) - 256)
			n += random_piece(&seed, buf + n);
		term_feed(term, buf, n);
		total += n;
		if (next_random(&seed) % 8 == 0)
			term_resize(term, (int)(next_random(&seed) % 60), (int)(next_random(&seed) % 140));
		if (next_random(&seed) % 8 == 0)
			while (term_output(term, out, sizeof(out)) > 0)
				;
		if (next_random(&seed) % 32 == 0) {
			int back = (int)(next_random(&seed) % 600);
			term_draw(term, screen, 0, 0, 30, 100, back, true);
			check_screen(screen);
			term_find_line(term, "word", (int64_t)(next_random(&seed) % 2000), next_random(&seed) % 2 ? 1 : -1);
		}
	}
	screen_free(screen);
	term_free(term);
}

static void resize_storm(void **state)
{
	uint32_t seed = 99;
	struct term *term = term_new(1, 1, 200);
	(void)state;
	for (int i = 0; i < 20000; i++) {
		term_resize(term, (int)(next_random(&seed) % 50) - 1, (int)(next_random(&seed) % 120) - 1);
		FEED(term, "\xe4\xb8\xad" "a\xcc\x81line of text\r\n\xe4\xb8\xad\033[s\033[99;99H\xe4\xb8\xad");
		if (i % 3 == 0)
			FEED(term, "\033[u\xe4\xb8\xad\033[?1049h\033[5;20r\033[20;1Habc");
		else
			FEED(term, "\033[?1049l\0338x");
	}
	term_free(term);
}

/* One byte at a time gives the same screen as all at once. */
static void pieces(void **state)
{
	uint32_t seed = 4;
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct term *whole = term_new(10, 30, 50), *split = term_new(10, 30, 50);
		struct screen *a, *b;
		char buf[2048], *x, *y;
		size_t n = 0;
		while (n < 1500)
			n += random_piece(&seed, buf + n);
		term_feed(whole, buf, n);
		for (size_t i = 0; i < n; i++)
			term_feed(split, buf + i, 1);
		a = drawn(whole, 10, 30, 0);
		b = drawn(split, 10, 30, 0);
		x = screen_text(a);
		y = screen_text(b);
		assert_string_equal(x, y);
		free(x);
		free(y);
		screen_free(a);
		screen_free(b);
		term_free(whole);
		term_free(split);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_cursor),
		cmocka_unit_test(colours),
		cmocka_unit_test(attributes),
		cmocka_unit_test(wide_and_combining),
		cmocka_unit_test(plain_ascii),
		cmocka_unit_test(alternate_screen),
		cmocka_unit_test(scroll_region),
		cmocka_unit_test(scrollback),
		cmocka_unit_test(scrollback_returns),
		cmocka_unit_test(marks_matches),
		cmocka_unit_test(added_by_the_filter),
		cmocka_unit_test(titles_and_strings),
		cmocka_unit_test(answers),
		cmocka_unit_test(keys),
		cmocka_unit_test(paste),
		cmocka_unit_test(mouse),
		cmocka_unit_test(focus),
		cmocka_unit_test(damage),
		cmocka_unit_test(random_input),
		cmocka_unit_test(resize_storm),
		cmocka_unit_test(pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
