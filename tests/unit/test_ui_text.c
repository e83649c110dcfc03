/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_text.c - nothing that steers a terminal comes out of text_clean().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/text.h"

static void check(const char *in, size_t len, const char *want)
{
	char out[256];
	size_t n = text_clean(out, sizeof(out), in, len);
	assert_string_equal(out, want);
	assert_int_equal(n, strlen(want));
}
#define CLEAN(in, want) check(in, sizeof(in) - 1, want)

static void plain(void **state)
{
	(void)state;
	CLEAN("", "");
	CLEAN("hello", "hello");
	CLEAN("gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x98\x80");
	CLEAN("e\xcc\x81", "e\xcc\x81");
}

static void controls(void **state)
{
	(void)state;
	CLEAN("a\x07" "b\x7f" "c", "a?b?c");
	CLEAN("a\0b", "a?b");
	CLEAN("a\xc2\x85z", "a?z");            /* NEL, as UTF-8 */
	CLEAN("a\x85z", "a?z");                /* and as one byte */
	CLEAN("one\r\ntwo\nthree\r", "one two three");
	CLEAN("a\tb", "a       b");
	CLEAN("\t", "        ");
}

static void escapes(void **state)
{
	(void)state;
	CLEAN("\033[31mred\033[0m", "red");
	CLEAN("a\033]0;title\007b", "ab");
	CLEAN("a\033]52;c;Zm9v\033\\b", "ab");
	CLEAN("a\033Pq#0;2;0\033\\b", "ab");
	CLEAN("a\033]0;never ends\nnext", "a next");
	CLEAN("a\033c" "b\033(Bc", "abc");
	CLEAN("a\033", "a");
	CLEAN("a\033[", "a");
	CLEAN("a\033[1;2", "a");
	CLEAN("a\xc2\x9b" "31mb", "ab");
	CLEAN("a\xc2\x9d" "0;t\xc2\x9c" "b", "ab");
	CLEAN("\033\033[31mx", "x");
	CLEAN("\033[3\003" "1mx", "?1mx");
}

static void broken_utf8(void **state)
{
	(void)state;
	CLEAN("\xff\xfe", "??");
	CLEAN("\xc0\x80", "??");
	CLEAN("\xed\xa0\x80", "?");            /* surrogate */
	CLEAN("\xe0\x80\xaf", "?");            /* overlong */
	CLEAN("\xf4\x90\x80\x80", "?");        /* past the end of Unicode */
	CLEAN("\xe4\xb8", "?");                /* cut off */
	CLEAN("\xe4\xb8" "a", "?a");
	CLEAN("\xef\xbf\xbf", "?");            /* U+FFFF */
}

static void hidden_characters(void **state)
{
	(void)state;
	CLEAN("a\xe2\x80\xae" "b\xe2\x80\x8b" "c\xe2\x81\xa6" "d", "abcd");
	CLEAN("\xef\xbb\xbf" "x", "x");
	CLEAN("a\xe2\x80\xa8" "b", "a b");
	CLEAN("\xcc\x81" "a", "a");            /* a mark with nothing below it */
	CLEAN("a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81" "b", "a\xcc\x81\xcc\x81\xcc\x81" "b");
	CLEAN("a\xf3\xa0\x81\x81" "b", "ab");  /* tag character */
}

static void cut(void **state)
{
	char out[8];
	(void)state;
	assert_int_equal(text_clean(out, 0, "abc", 3), 0);
	assert_int_equal(text_clean(out, 1, "abc", 3), 0);
	assert_string_equal(out, "");
	assert_int_equal(text_clean(out, 3, "abc", 3), 2);
	assert_string_equal(out, "ab");
	assert_int_equal(text_clean(out, 4, "a\xe4\xb8\xad" "b", 5), 1);
	assert_string_equal(out, "a"); /* neither half of it, nor the b behind it */
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

/* Whatever goes in: what comes out is bounded, valid, and free of controls. */
static void any_bytes(void **state)
{
	static const char *const pieces[] = { "\033[", "\033]", "\xc2\x9b", "\xe2\x80\xae", "\xf0\x9f", "\033P", "\t", "\n" };
	uint32_t seed = 7;
	(void)state;
	for (int round = 0; round < 40000; round++) {
		char in[128], out[160];
		size_t len = next_random(&seed) % sizeof(in), cap = 1 + next_random(&seed) % sizeof(out), n, i, step;
		for (i = 0; i < len; i++)
			in[i] = (char)next_random(&seed);
		if (len > 16) {
			const char *piece = pieces[next_random(&seed) % 8];
			memcpy(in + next_random(&seed) % (len - 4), piece, strlen(piece));
		}
		memset(out, 0x55, sizeof(out));
		n = text_clean(out, cap, in, len);
		assert_true(n < cap);
		assert_int_equal(out[n], 0);
		if (cap < sizeof(out))
			assert_int_equal(out[cap], 0x55);
		for (i = 0; i < n; i += step) {
			uint32_t ch;
			step = text_decode(out + i, n - i, &ch);
			assert_true(ch != TEXT_BAD);
			assert_false(text_unsafe(ch));
		}
	}
}

static void round_trip(void **state)
{
	(void)state;
	for (uint32_t ch = 0; ch < 0x110000; ch++) {
		char utf8[4], out[8];
		uint32_t back;
		size_t n = text_encode(utf8, ch);
		assert_int_equal(text_decode(utf8, n, &back), n);
		assert_true(back == ch || back == '?');
		text_clean(out, sizeof(out), utf8, n);
		if (back == ch && text_unsafe(ch) && ch != '\t')
			assert_true(strcmp(out, "?") == 0 || strcmp(out, "") == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(controls),
		cmocka_unit_test(escapes),
		cmocka_unit_test(broken_utf8),
		cmocka_unit_test(hidden_characters),
		cmocka_unit_test(cut),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
