/* SPDX-License-Identifier: Apache-2.0
 *
 * ascii.c - the nearest ASCII character, for terminals that have no others:
 * what full-screen programs draw frames and bars with stays recognisable.
 */
#include "screen.h"

#include <stddef.h>

/* U+00C0 to U+00FF without their accents. */
static const char latin[] = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPsaaaaaaaceeeeiiiidnooooo/ouuuuypy";

static const struct {
	uint16_t first, last;
	char ascii;
} like[] = {
	{ 0x00a0, 0x00a0, ' ' },  { 0x00ab, 0x00ab, '<' },  { 0x00b4, 0x00b4, '\'' }, { 0x00b7, 0x00b7, '.' },
	{ 0x00bb, 0x00bb, '>' },  { 0x2000, 0x200a, ' ' },  { 0x2010, 0x2015, '-' },  { 0x2018, 0x201b, '\'' },
	{ 0x201c, 0x201f, '"' },  { 0x2022, 0x2023, '*' },  { 0x2024, 0x2026, '.' },  { 0x2027, 0x2027, '.' },
	{ 0x2032, 0x2032, '\'' }, { 0x2033, 0x2033, '"' },  { 0x2039, 0x2039, '<' },  { 0x203a, 0x203a, '>' },
	{ 0x2190, 0x2190, '<' },  { 0x2191, 0x2191, '^' },  { 0x2192, 0x2192, '>' },  { 0x2193, 0x2193, 'v' },
	{ 0x2212, 0x2212, '-' },  { 0x2215, 0x2215, '/' },  { 0x2219, 0x2219, '.' },  { 0x2264, 0x2264, '<' },
	{ 0x2265, 0x2265, '>' },  { 0x23ba, 0x23bd, '-' },  { 0x2571, 0x2571, '/' },  { 0x2572, 0x2572, '\\' },
	{ 0x2573, 0x2573, 'X' },  { 0x2580, 0x2590, '#' },  { 0x2591, 0x2591, '.' },  { 0x2592, 0x2592, ':' },
	{ 0x2593, 0x259f, '#' },  { 0x25a0, 0x25ab, '#' },  { 0x25b2, 0x25b5, '^' },  { 0x25b6, 0x25bb, '>' },
	{ 0x25bc, 0x25bf, 'v' },  { 0x25c0, 0x25c5, '<' },  { 0x25c6, 0x25c8, '+' },  { 0x25cb, 0x25cb, 'o' },
	{ 0x25cf, 0x25cf, '*' },  { 0x2713, 0x2714, 'v' },  { 0x2715, 0x2718, 'x' },  { 0x2800, 0x2800, ' ' },
	{ 0x2801, 0x28ff, ':' },
};

/* Box drawing: frames are lines and corners, whatever their weight. */
static char box(uint32_t ch)
{
	static const uint16_t level[] = { 0x2500, 0x2501, 0x2504, 0x2505, 0x2508, 0x2509, 0x254c, 0x254d, 0x2550,
	                                  0x2574, 0x2576, 0x2578, 0x257a, 0x257c, 0x257e };
	static const uint16_t upright[] = { 0x2502, 0x2503, 0x2506, 0x2507, 0x250a, 0x250b, 0x254e, 0x254f, 0x2551,
	                                    0x2575, 0x2577, 0x2579, 0x257b, 0x257d, 0x257f };
	size_t i;
	for (i = 0; i < sizeof level / sizeof level[0]; i++) {
		if (level[i] == ch)
			return '-';
		if (upright[i] == ch)
			return '|';
	}
	return '+';
}

uint32_t char_ascii(uint32_t ch)
{
	size_t i;
	if (ch <= 0x7e)
		return ch;
	if (ch >= 0xc0 && ch <= 0xff)
		return (uint32_t)latin[ch - 0xc0];
	for (i = 0; i < sizeof like / sizeof like[0]; i++) {
		if (ch >= like[i].first && ch <= like[i].last)
			return (uint32_t)like[i].ascii;
	}
	return ch >= 0x2500 && ch <= 0x257f ? (uint32_t)box(ch) : '?';
}
