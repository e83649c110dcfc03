/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_palette.c - the themes: what can be read on which ground, and how one is chosen.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tui/keys.h"
#include "tui/painter.h"
#include "tui/palette.h"
#include "tui/theme.h"

static struct style applied(enum palette palette, int colours, enum tone which)
{
	struct style style = tone(which);
	palette_apply(palette, colours, &style);
	return style;
}

/* xterm's values of a palette entry. */
static uint32_t rgb_of(int32_t colour)
{
	static const uint32_t base[16] = { 0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
		                           0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff };
	static const uint32_t level[6] = { 0, 95, 135, 175, 215, 255 };
	if (colour < 16)
		return base[colour];
	if (colour >= 232)
		return (uint32_t)(8 + 10 * (colour - 232)) * 0x10101;
	colour -= 16;
	return level[colour / 36] << 16 | level[colour / 6 % 6] << 8 | level[colour % 6];
}

static double linear(uint32_t part)
{
	double c = part / 255.0;
	return c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(uint32_t rgb)
{
	return 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8 & 255) + 0.0722 * linear(rgb & 255);
}

static double contrast(uint32_t a, uint32_t b)
{
	double x = luminance(a), y = luminance(b);
	return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

/* WCAG: 4.5 for text, 7 for those who need more. What is of the terminal's own 16 colours is held against xterm's,
 * where 3 is what there is to be had. */
static void what_is_written_can_be_read(void **state)
{
	static const struct { enum palette palette; int colours; uint32_t ground; double least; } cases[] = {
		{ PALETTE_LIGHT, 256, 0xffffff, 4.5 }, { PALETTE_CONTRAST, 256, 0x000000, 5.0 },
		{ PALETTE_COLOURBLIND, 256, 0x000000, 4.0 }, { PALETTE_DARK, 256, 0x000000, 3.0 }, { PALETTE_DARK, 8, 0x000000, 3.0 },
		{ PALETTE_LIGHT, 8, 0xffffff, 3.0 }, { PALETTE_CONTRAST, 8, 0x000000, 3.0 }, { PALETTE_COLOURBLIND, 8, 0x000000, 3.0 },
	};
	size_t i;
	int t;
	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (t = 0; t < TONE_COUNT; t++) {
			struct style style = applied(cases[i].palette, cases[i].colours, (enum tone)t);
			uint32_t back = style.bg >= 0 ? rgb_of(style.bg) : cases[i].ground;
			if (style.fg < 0)
				continue;
			if (contrast(rgb_of(style.fg), back) < cases[i].least)
				fail_msg("%s, tone %d: contrast %.1f", palette_name(cases[i].palette), t, contrast(rgb_of(style.fg), back));
		}
	}
}

static void every_theme_tells_tones_apart(void **state)
{
	static const enum tone signs[] = { TONE_GOOD, TONE_BUSY, TONE_PAUSED, TONE_BAD, TONE_ODD };
	size_t a, b;
	int p;
	(void)state;
	for (p = 0; p < PALETTE_MONO; p++) {
		for (a = 0; a < 5; a++) {
			for (b = a + 1; b < 5; b++) {
				struct style x = applied((enum palette)p, 256, signs[a]), y = applied((enum palette)p, 256, signs[b]);
				assert_false(x.fg == y.fg && x.attr == y.attr);
			}
		}
	}
}

/* As somebody without the red or the green cones sees it: Machado, Oliveira and Fernandes, "A Physiologically-based Model
 * for Simulation of Color Vision Deficiency" (IEEE TVCG 15(6), 2009), severity 1.0, on linear light. */
static const double eyes[3][3][3] = {
	{ { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } },
	{ { 0.152286, 1.052583, -0.204868 }, { 0.114503, 0.786281, 0.099216 }, { -0.003882, -0.048116, 1.051998 } },
	{ { 0.367322, 0.860646, -0.227968 }, { 0.280085, 0.672501, 0.047413 }, { -0.011820, 0.042940, 0.968881 } },
};

static double lab_part(double t)
{
	return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* CIE L*a*b* for D65 of what these eyes see. */
static void seen(const double eye[3][3], uint32_t rgb, double lab[3])
{
	double in[3] = { linear(rgb >> 16), linear(rgb >> 8 & 255), linear(rgb & 255) }, c[3], x, y, z;
	int i;
	for (i = 0; i < 3; i++)
		c[i] = fmin(1, fmax(0, eye[i][0] * in[0] + eye[i][1] * in[1] + eye[i][2] * in[2]));
	x = lab_part((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.9505);
	y = lab_part(0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]);
	z = lab_part((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.089);
	lab[0] = 116 * y - 16;
	lab[1] = 500 * (x - y);
	lab[2] = 200 * (y - z);
}

/* The theme for them keeps what has a state as far apart for them as for others: 35, where 2 is just to be seen. */
static void the_colour_blind_tell_states_apart(void **state)
{
	static const enum tone signs[] = { TONE_GOOD, TONE_BUSY, TONE_PAUSED, TONE_BAD, TONE_ODD };
	static const char *const names[] = { "nothing", "protanopia", "deuteranopia" };
	int eye, a, b;
	(void)state;
	for (eye = 0; eye < 3; eye++) {
		for (a = 0; a < 5; a++) {
			for (b = a + 1; b < 5; b++) {
				double one[3], two[3], far;
				seen(eyes[eye], rgb_of(applied(PALETTE_COLOURBLIND, 256, signs[a]).fg), one);
				seen(eyes[eye], rgb_of(applied(PALETTE_COLOURBLIND, 256, signs[b]).fg), two);
				far = sqrt(pow(one[0] - two[0], 2) + pow(one[1] - two[1], 2) + pow(one[2] - two[2], 2));
				if (far < 35)
					fail_msg("with %s tones %d and %d are %.0f apart", names[eye], signs[a], signs[b], far);
			}
		}
	}
}

static void without_colour_nothing_is_coloured(void **state)
{
	static const int depths[] = { 0, 8, 16, 256, 1 << 24 };
	int p, t, d;
	(void)state;
	for (p = 0; p < PALETTE_COUNT; p++) {
		for (t = 0; t < TONE_COUNT; t++) {
			for (d = 0; d < 5; d++) {
				struct style style = applied((enum palette)p, depths[d], (enum tone)t);
				assert_true(style.fg >= COLOUR_DEFAULT && style.fg < 256 && style.bg >= COLOUR_DEFAULT && style.bg < 256);
				if (p == PALETTE_MONO || depths[d] == 0)
					assert_true(style.fg == COLOUR_DEFAULT && style.bg == COLOUR_DEFAULT);
				if (depths[d] == 8 || depths[d] == 16)
					assert_true(style.fg < 16);
			}
		}
		/* the warning stands out in every one of them */
		assert_true(applied((enum palette)p, 0, TONE_WARN).attr & ATTR_REVERSE);
		assert_true(applied((enum palette)p, 8, TONE_WARN).bg >= 0 || applied((enum palette)p, 8, TONE_WARN).attr & ATTR_REVERSE);
	}
	assert_false(applied(PALETTE_CONTRAST, 256, TONE_QUIET).attr & ATTR_DIM);
}

static void a_guests_colours_are_left_alone(void **state)
{
	struct style style = { 196, COLOUR_RGB(1, 2, 3), ATTR_BOLD };
	int p;
	(void)state;
	for (p = 0; p < PALETTE_COUNT; p++) {
		struct style copy = style;
		palette_apply((enum palette)p, 256, &copy);
		assert_memory_equal(&copy, &style, sizeof copy);
	}
}

static void names_and_grounds(void **state)
{
	enum palette palette = PALETTE_MONO;
	(void)state;
	assert_true(palette_by_name("colourblind", &palette));
	assert_int_equal(palette, PALETTE_COLOURBLIND);
	assert_false(palette_by_name("auto", &palette));
	assert_int_equal(palette_for_background(0xffffff), PALETTE_LIGHT);
	assert_int_equal(palette_for_background(0xfdf6e3), PALETTE_LIGHT); /* Solarized's paper */
	assert_int_equal(palette_for_background(0x002b36), PALETTE_DARK);  /* and its night */
	assert_int_equal(palette_for_background(0x0000ff), PALETTE_DARK);
	assert_true(palette_of_colorfgbg("0;15", &palette));
	assert_int_equal(palette, PALETTE_LIGHT);
	assert_true(palette_of_colorfgbg("15;default;0", &palette));
	assert_int_equal(palette, PALETTE_DARK);
	assert_false(palette_of_colorfgbg("15;default", &palette));
	assert_false(palette_of_colorfgbg("", &palette));
	assert_false(palette_of_colorfgbg(NULL, &palette));
	assert_false(palette_of_colorfgbg("0;99", &palette));
}

static bool answer(const char *bytes, struct key *key)
{
	struct keys *keys = keys_new();
	size_t cap;
	bool taken;
	memcpy(keys_room(keys, &cap), bytes, strlen(bytes));
	keys_added(keys, strlen(bytes));
	taken = keys_take(keys, false, key);
	keys_free(keys);
	return taken;
}

static void the_terminal_answers_about_its_ground(void **state)
{
	struct key key;
	(void)state;
	assert_true(answer("\033]11;rgb:ffff/8000/0000\033\\", &key));
	assert_int_equal(key.kind, KEY_KIND_BACKGROUND);
	assert_int_equal(key.ch, 0xff7f00);
	assert_true(answer("\033]11;rgb:f/0/8\a", &key));
	assert_int_equal(key.ch, 0xff0088);
	assert_true(answer("\033]11;rgba:ffff/ffff/ffff/8000\a", &key));
	assert_int_equal(key.ch, 0xffffff);
	/* nothing else is an answer, and nothing of it becomes a key */
	assert_false(answer("\033]11;rgb:zz/0/0\a", &key));
	assert_false(answer("\033]11;rgb:12345/0/0\a", &key));
	assert_false(answer("\033]11;rgb:1/2\a", &key));
	assert_false(answer("\033]11;#ffffff\a", &key));
	assert_false(answer("\033]10;rgb:ff/ff/ff\a", &key));
	assert_false(answer("\033]11;", &key));
	assert_false(answer("\033]11;rgb:ff/ff/ff\033", &key));
}

/* Over a slow line a frame must not grow without bound: the worst one there is,
 * every cell with another colour, costs so many bytes a cell and no more. */
static void a_frame_is_bounded(void **state)
{
	static const int depths[] = { 0, 8, 256, 1 << 24 };
	static const size_t most[] = { 14, 20, 32, 50 };
	struct screen *screen = screen_new(50, 200);
	int d, r, c;
	(void)state;
	for (d = 0; d < 4; d++) {
		struct painter painter = { .colours = depths[d], .cursor_row = -1 };
		for (r = 0; r < 50; r++) {
			for (c = 0; c < 200; c++) {
				struct style style = { COLOUR_RGB(100 + c % 150, 100 + r, 199), COLOUR_RGB(199 - r, 101, 100 + c % 150),
					               (uint16_t)((r + c) % 64) };
				screen_put(screen, r, c, 1, style, "\xc3\xa9");
			}
		}
		painter_present(&painter, screen);
		if (painter.out_len > most[d] * 50 * 200)
			fail_msg("%d colours: %zu bytes, %.1f a cell", depths[d], painter.out_len, (double)painter.out_len / 10000);
		painter_free(&painter);
	}
	screen_free(screen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_can_be_read),
		cmocka_unit_test(every_theme_tells_tones_apart), cmocka_unit_test(the_colour_blind_tell_states_apart),
		cmocka_unit_test(without_colour_nothing_is_coloured),
		cmocka_unit_test(a_guests_colours_are_left_alone),
		cmocka_unit_test(names_and_grounds),
		cmocka_unit_test(the_terminal_answers_about_its_ground),
		cmocka_unit_test(a_frame_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
