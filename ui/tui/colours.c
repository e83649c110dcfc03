/* SPDX-License-Identifier: Apache-2.0
 *
 * colours.c - from 16 million colours to 256, 16, 8 and none.
 */
#include "colours.h"

#include "screen.h"

static int squared(int32_t a, int32_t b)
{
	return (a - b) * (a - b);
}

/* The nearest of the 6x6x6 cube and the grey ramp of the 256 colours. */
static int32_t to_256(int32_t rgb)
{
	static const int level[6] = { 0, 95, 135, 175, 215, 255 };
	int32_t part[3] = { rgb >> 16 & 255, rgb >> 8 & 255, rgb & 255 };
	int near[3], i, k, grey, cube;
	for (i = 0; i < 3; i++) {
		near[i] = 0;
		for (k = 1; k < 6; k++) {
			if (squared(level[k], part[i]) < squared(level[near[i]], part[i]))
				near[i] = k;
		}
	}
	grey = ((part[0] + part[1] + part[2]) / 3 - 3) / 10;
	grey = grey < 0 ? 0 : grey > 23 ? 23 : grey;
	cube = squared(level[near[0]], part[0]) + squared(level[near[1]], part[1]) + squared(level[near[2]], part[2]);
	if (squared(8 + 10 * grey, part[0]) + squared(8 + 10 * grey, part[1]) + squared(8 + 10 * grey, part[2]) < cube)
		return 232 + grey;
	return 16 + 36 * near[0] + 6 * near[1] + near[2];
}

static void from_256(int32_t colour, int32_t part[3])
{
	static const int level[6] = { 0, 95, 135, 175, 215, 255 };
	if (colour >= 232) {
		part[0] = part[1] = part[2] = 8 + 10 * (colour - 232);
	} else {
		part[0] = level[(colour - 16) / 36];
		part[1] = level[(colour - 16) / 6 % 6];
		part[2] = level[(colour - 16) % 6];
	}
}

/* One of the 16 base colours for any other. */
static int32_t to_16(int32_t colour)
{
	int32_t part[3], high, low, base = 0;
	int i;
	if (colour < 16)
		return colour;
	from_256(colour, part);
	high = part[0] > part[1] ? part[0] : part[1];
	high = part[2] > high ? part[2] : high;
	low = part[0] < part[1] ? part[0] : part[1];
	low = part[2] < low ? part[2] : low;
	if (high - low < 40)
		return high < 60 ? 0 : high < 150 ? 8 : high < 220 ? 7 : 15;
	for (i = 0; i < 3; i++) {
		if (part[i] * 3 > high * 2)
			base |= 1 << i;
	}
	return high > 200 ? base + 8 : base;
}

int32_t colour_for(int colours, int32_t colour)
{
	if (colour < 0 || colours == 0)
		return COLOUR_DEFAULT;
	if (colours >= 1 << 24)
		return colour;
	if (colour >= 0x1000000)
		colour = to_256(colour & 0xffffff);
	if (colours >= 256)
		return colour;
	colour = to_16(colour);
	return colours < 16 ? colour & 7 : colour;
}
