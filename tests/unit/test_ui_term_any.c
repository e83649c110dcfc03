/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_term_any.c - the terminal emulator fed with anything, in any pieces, at any size.
 */
#include "term_kit.h"

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
		cmocka_unit_test(random_input), cmocka_unit_test(resize_storm), cmocka_unit_test(pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
