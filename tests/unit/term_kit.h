/* SPDX-License-Identifier: Apache-2.0
 *
 * term_kit.h - a terminal emulator that is fed, and what is then on its screen.
 */
#ifndef STOKER_TESTS_TERM_KIT_H
#define STOKER_TESTS_TERM_KIT_H

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

static inline struct screen *drawn(const struct term *term, int rows, int cols, int back)
{
	struct screen *screen = screen_new(rows, cols);
	assert_non_null(screen);
	term_draw(term, screen, 0, 0, rows, cols, back, true);
	return screen;
}

static inline void expect_back(const struct term *term, int rows, int cols, int back, const char *want)
{
	struct screen *screen = drawn(term, rows, cols, back);
	char *text = screen_text(screen);
	assert_string_equal(text, want);
	free(text);
	screen_free(screen);
}

static inline void expect(const struct term *term, int rows, int cols, const char *want)
{
	expect_back(term, rows, cols, 0, want);
}

static inline struct cell cell_of(const struct term *term, int row, int col)
{
	struct screen *screen = drawn(term, 40, 120, 0);
	struct cell cell = *screen_at(screen, row, col);
	screen_free(screen);
	return cell;
}

static inline void expect_cursor(const struct term *term, int row, int col)
{
	struct screen *screen = drawn(term, 40, 120, 0);
	int r, c;
	screen_get_cursor(screen, &r, &c);
	screen_free(screen);
	assert_int_equal(r, row);
	assert_int_equal(c, col);
}

static inline void expect_output(struct term *term, const char *want)
{
	char buf[8192];
	size_t n = term_output(term, buf, sizeof(buf) - 1);
	buf[n] = '\0';
	assert_string_equal(buf, want);
}

#endif
