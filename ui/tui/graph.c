/* SPDX-License-Identifier: Apache-2.0
 *
 * graph.c - figures over time.
 */
#include "graph.h"

#include <string.h>

#include "common/text.h"

/* Dots of a braille character from below, left and right: U+2800 and these bits. */
static const unsigned left_dots[5] = { 0, 0x40, 0x44, 0x46, 0x47 };
static const unsigned right_dots[5] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };

static void put_braille(struct screen *screen, int row, int col, struct style style, int left, int right)
{
	char text[5];
	unsigned dots;
	left = left < 0 ? 0 : left > 4 ? 4 : left;
	right = right < 0 ? 0 : right > 4 ? 4 : right;
	dots = left_dots[left] | right_dots[right];
	if (dots == 0)
		return;
	text[text_encode(text, 0x2800 + dots)] = '\0';
	screen_put(screen, row, col, 1, style, text);
}

/* 1 to `heights` for what there is, so that a little is told from nothing. */
static int level(uint64_t value, uint64_t top, int heights)
{
	if (value == 0)
		return 1;
	if (top == 0 || value >= top)
		return heights;
	return 1 + (int)(value * (uint64_t)heights / (top + 1));
}

void graph_spark(struct screen *screen, int row, int col, int cols, struct style style, const int8_t *values, int count)
{
	int c, i;
	if (screen_ascii(screen)) {
		for (c = 0; c < cols; c++) {
			i = count - cols + c;
			if (i >= 0)
				screen_put(screen, row, col + c, 1, style, spark(screen, values[i]));
		}
		return;
	}
	for (c = 0; c < cols; c++) {
		i = count - 2 * (cols - c);
		put_braille(screen, row, col + c, style, i >= 0 && values[i] >= 0 ? level((uint64_t)values[i], 100, 4) : 0,
		            i + 1 >= 0 && values[i + 1] >= 0 ? level((uint64_t)values[i + 1], 100, 4) : 0);
	}
}

int graph_figures(const struct screen *screen, int cols)
{
	return cols * (screen_ascii(screen) ? 1 : 2);
}

struct scale {
	int points, figures, heights;
	uint32_t top;
};

/* The peak of the points that are in the figure so many before the newest; 0 heights for a gap. Which points share
 * a figure depends on the time alone, so that a figure does not change while it moves. */
static int height_at(const struct usage *usage, enum metric metric, int64_t now_ns, int ago, const struct scale *scale)
{
	int64_t newest = now_ns / HISTORY_STEP_NS, figure = newest * scale->figures / scale->points - ago;
	int64_t point = (figure * scale->points + scale->figures - 1) / scale->figures;
	int64_t end = ((figure + 1) * scale->points + scale->figures - 1) / scale->figures;
	bool any = false;
	uint32_t peak = 0;
	for (; point < end && point <= newest; point++) {
		uint32_t value = usage_at(usage, metric, now_ns, (int)(newest - point));
		if (value == HISTORY_GAP)
			continue;
		any = true;
		peak = value > peak ? value : peak;
	}
	return any ? level(peak, scale->top, scale->heights) : 0;
}

void graph_area(struct screen *screen, int row, int col, int rows, int cols, struct style style,
                const struct usage *usage, enum metric metric, int64_t now_ns, int points, uint32_t top)
{
	bool ascii = screen_ascii(screen);
	struct scale scale = { points, graph_figures(screen, cols), rows * (ascii ? 2 : 4), top };
	int c, r;

	for (c = 0; c < cols; c++) {
		int left, right = 0;
		if (ascii) {
			left = height_at(usage, metric, now_ns, cols - 1 - c, &scale);
		} else {
			left = height_at(usage, metric, now_ns, 2 * (cols - 1 - c) + 1, &scale);
			right = height_at(usage, metric, now_ns, 2 * (cols - 1 - c), &scale);
		}
		for (r = 0; r < rows; r++) {
			int below = (rows - 1 - r) * (ascii ? 2 : 4);
			if (!ascii)
				put_braille(screen, row + r, col + c, style, left - below, right - below);
			else if (left > below)
				screen_put(screen, row + r, col + c, 1, style, left - below == 1 ? "." : ":");
		}
	}
}
