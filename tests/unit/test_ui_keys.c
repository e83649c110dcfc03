/* SPDX-License-Identifier: Apache-2.0 */
#include "ui_fixture.h"

#include "tui/keys.h"

static void push(struct keys *keys, const char *bytes, size_t len)
{
	size_t cap;
	void *room = keys_room(keys, &cap);
	assert_true(len <= cap);
	memcpy(room, bytes, len);
	keys_added(keys, len);
}

static void expect(const char *bytes, enum key_kind kind, uint32_t code, unsigned mods)
{
	struct keys *keys = keys_new();
	struct key key;
	push(keys, bytes, strlen(bytes));
	assert_true(keys_take(keys, true, &key));
	assert_int_equal(key.kind, kind);
	assert_int_equal(kind == KEY_KIND_CHAR ? key.ch : (uint32_t)key.special, code);
	assert_int_equal(key.mods, mods);
	assert_false(keys_take(keys, true, &key));
	keys_free(keys);
}

static void expect_nothing(const char *bytes)
{
	struct keys *keys = keys_new();
	struct key key;
	push(keys, bytes, strlen(bytes));
	assert_false(keys_take(keys, true, &key));
	assert_false(keys_waiting(keys));
	keys_free(keys);
}

static void single_keys(void **state)
{
	(void)state;
	expect("a", KEY_KIND_CHAR, 'a', 0);
	expect("A", KEY_KIND_CHAR, 'A', 0);
	expect("\x01", KEY_KIND_CHAR, 'a', MOD_CTRL);
	expect("\x1d", KEY_KIND_CHAR, ']', MOD_CTRL);
	expect("\r", KEY_KIND_SPECIAL, SK_ENTER, 0);
	expect("\t", KEY_KIND_SPECIAL, SK_TAB, 0);
	expect("\x7f", KEY_KIND_SPECIAL, SK_BACKSPACE, 0);
	expect("\033", KEY_KIND_SPECIAL, SK_ESCAPE, 0);
	expect("\033a", KEY_KIND_CHAR, 'a', MOD_ALT);
	expect("é", KEY_KIND_CHAR, 0xe9, 0);
	expect("中", KEY_KIND_CHAR, 0x4e2d, 0);
	expect("\033é", KEY_KIND_CHAR, 0xe9, MOD_ALT);
	expect("😀", KEY_KIND_CHAR, 0x1f600, 0);
}

static void sequences(void **state)
{
	(void)state;
	expect("\033[A", KEY_KIND_SPECIAL, SK_UP, 0);
	expect("\033OB", KEY_KIND_SPECIAL, SK_DOWN, 0);
	expect("\033[1;5C", KEY_KIND_SPECIAL, SK_RIGHT, MOD_CTRL);
	expect("\033[1;2D", KEY_KIND_SPECIAL, SK_LEFT, MOD_SHIFT);
	expect("\033[1;3A", KEY_KIND_SPECIAL, SK_UP, MOD_ALT);
	expect("\033[H", KEY_KIND_SPECIAL, SK_HOME, 0);
	expect("\033[4~", KEY_KIND_SPECIAL, SK_END, 0);
	expect("\033[5~", KEY_KIND_SPECIAL, SK_PAGE_UP, 0);
	expect("\033[3;5~", KEY_KIND_SPECIAL, SK_DELETE, MOD_CTRL);
	expect("\033OP", KEY_KIND_SPECIAL, SK_F1, 0);
	expect("\033[15~", KEY_KIND_SPECIAL, SK_F1 + 4, 0);
	expect("\033[24~", KEY_KIND_SPECIAL, SK_F12, 0);
	expect("\033[[C", KEY_KIND_SPECIAL, SK_F1 + 2, 0);
	expect("\033[1;2R", KEY_KIND_SPECIAL, SK_F1 + 2, MOD_SHIFT);
	expect("\033[Z", KEY_KIND_SPECIAL, SK_TAB, MOD_SHIFT);
	expect("\033[27;5;97~", KEY_KIND_CHAR, 'a', MOD_CTRL);
	expect("\033[97;5u", KEY_KIND_CHAR, 'a', MOD_CTRL);
}

static void unknown_ones_are_dropped_whole(void **state)
{
	(void)state;
	expect_nothing("\033[?1;2c");
	expect_nothing("\033[24;80R");
	expect_nothing("\033[99~");
	expect_nothing("\033]10;rgb:0000/0000/0000\033\\");
	expect_nothing("\033P1$r0m\033\\");
	expect_nothing("\033[?25$y");
	expect_nothing("\xff");
	expect_nothing("\xc3");
	expect_nothing("\033[12");
}

static void a_sequence_that_comes_in_pieces(void **state)
{
	struct keys *keys = keys_new();
	struct key key;
	(void)state;
	push(keys, "\033", sizeof "\033" - 1);
	assert_false(keys_take(keys, false, &key));
	assert_true(keys_waiting(keys));
	push(keys, "[1;", sizeof "[1;" - 1);
	assert_false(keys_take(keys, false, &key));
	push(keys, "5Ax", sizeof "5Ax" - 1);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.special, SK_UP);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.ch, 'x');
	keys_free(keys);
}

static void mouse(void **state)
{
	struct keys *keys = keys_new();
	struct key key;
	(void)state;
	push(keys, "\033[<0;10;5M\033[<0;10;5m\033[<65;1;1M\033[<32;3;4M", sizeof "\033[<0;10;5M\033[<0;10;5m\033[<65;1;1M\033[<32;3;4M" - 1);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.kind, KEY_KIND_MOUSE);
	assert_int_equal(key.act, MOUSE_PRESS);
	assert_int_equal(key.button, 1);
	assert_int_equal(key.col, 9);
	assert_int_equal(key.row, 4);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.act, MOUSE_RELEASE);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.act, MOUSE_WHEEL_DOWN);
	assert_true(keys_take(keys, false, &key));
	assert_int_equal(key.act, MOUSE_MOVE);
	keys_free(keys);
}

static void a_paste_is_one_key(void **state)
{
	struct keys *keys = keys_new();
	struct key key;
	(void)state;
	push(keys, "\033[200~rm -rf\r\033[A q\033[20", sizeof "\033[200~rm -rf\r\033[A q\033[20" - 1);
	assert_false(keys_take(keys, true, &key));
	push(keys, "1~z", sizeof "1~z" - 1);
	assert_true(keys_take(keys, true, &key));
	assert_int_equal(key.kind, KEY_KIND_PASTE);
	assert_int_equal(key.paste_len, 12);
	assert_memory_equal(key.paste, "rm -rf\r\033[A q", 12);
	assert_true(keys_take(keys, true, &key));
	assert_int_equal(key.ch, 'z');
	keys_free(keys);
}

static void a_paste_without_end_is_bounded(void **state)
{
	struct keys *keys = keys_new();
	struct key key;
	char block[1000];
	int i;
	(void)state;
	memset(block, 'x', sizeof block);
	push(keys, "\033[200~", sizeof "\033[200~" - 1);
	for (i = 0; i < 3000; i++) {
		push(keys, block, sizeof block);
		assert_false(keys_take(keys, true, &key));
	}
	push(keys, "\033[201~", sizeof "\033[201~" - 1);
	assert_true(keys_take(keys, true, &key));
	assert_true(key.paste_len <= 1024 * 1024);
	keys_free(keys);
}

static void garbage(void **state)
{
	struct keys *keys = keys_new();
	struct key key;
	uint32_t random = 12345;
	int i;
	(void)state;
	for (i = 0; i < 200000; i++) {
		size_t cap, n, k;
		unsigned char *room = keys_room(keys, &cap);
		random = random * 1664525 + 1013904223;
		n = random >> 24 & 15;
		if (n > cap)
			n = cap;
		for (k = 0; k < n; k++) {
			random = random * 1664525 + 1013904223;
			room[k] = random >> 28 < 5 ? (unsigned char)"\033[;<0M~uO?"[random >> 8 & 7] : (unsigned char)(random >> 16);
		}
		keys_added(keys, n);
		while (keys_take(keys, i % 3 == 0, &key)) {
			assert_true(key.kind != KEY_KIND_NONE);
			assert_true(key.kind != KEY_KIND_CHAR || (key.ch >= 32 && key.ch <= 0x10ffff && key.ch != 0x7f));
			assert_true(key.kind != KEY_KIND_SPECIAL || (key.special > SK_NONE && key.special < SK_COUNT));
		}
		keys_room(keys, &cap);
		assert_true(cap > 0); /* never stuck with a full buffer */
	}
	keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_keys),
		cmocka_unit_test(sequences),
		cmocka_unit_test(unknown_ones_are_dropped_whole),
		cmocka_unit_test(a_sequence_that_comes_in_pieces),
		cmocka_unit_test(mouse),
		cmocka_unit_test(a_paste_is_one_key),
		cmocka_unit_test(a_paste_without_end_is_bounded),
		cmocka_unit_test(garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
