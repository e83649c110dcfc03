/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_term_input.c - the terminal emulator: keys, pastes and the mouse, as the guest gets them.
 */
#include "term_kit.h"

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
	(void)state;
	term_focus(term, true);
	expect_output(term, "");
	FEED(term, "\033[?1004h");
	term_focus(term, true);
	term_focus(term, false);
	expect_output(term, "\033[I\033[O");
	term_free(term);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(paste), cmocka_unit_test(mouse), cmocka_unit_test(focus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
