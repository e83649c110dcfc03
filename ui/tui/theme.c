/* SPDX-License-Identifier: Apache-2.0
 *
 * theme.c - glyphs, styles, frames.
 */
#include "theme.h"

#include "hot.h"

static const struct style styles[TONE_COUNT] = {
	[TONE_PLAIN] = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 },
	[TONE_QUIET] = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_DIM },
	[TONE_STRONG] = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_BOLD },
	[TONE_TITLE] = { COLOUR_TONE(TONE_TITLE), COLOUR_DEFAULT, ATTR_BOLD },
	[TONE_GOOD] = { COLOUR_TONE(TONE_GOOD), COLOUR_DEFAULT, 0 },
	[TONE_BUSY] = { COLOUR_TONE(TONE_BUSY), COLOUR_DEFAULT, 0 },
	[TONE_PAUSED] = { COLOUR_TONE(TONE_PAUSED), COLOUR_DEFAULT, 0 },
	[TONE_BAD] = { COLOUR_TONE(TONE_BAD), COLOUR_DEFAULT, ATTR_BOLD },
	[TONE_ODD] = { COLOUR_TONE(TONE_ODD), COLOUR_DEFAULT, ATTR_BOLD },
	[TONE_ACCENT] = { COLOUR_TONE(TONE_ACCENT), COLOUR_DEFAULT, 0 },
	[TONE_FOCUS] = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE },
	[TONE_FIELD] = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_UNDERLINE },
	[TONE_WARN] = { COLOUR_TONE(TONE_WARN), COLOUR_DEFAULT, ATTR_BOLD },
};

static const char *const glyphs[GLYPH_COUNT][2] = {
	[GLYPH_RUNNING] = { "●", "*" },
	[GLYPH_BUSY] = { "◐", "~" },
	[GLYPH_PAUSED] = { "‖", "=" },
	[GLYPH_STOPPED] = { "○", "o" },
	[GLYPH_CRASHED] = { "✖", "X" },
	[GLYPH_ERROR] = { "!", "!" },
	[GLYPH_STALE] = { "?", "?" },
	[GLYPH_SELECT] = { "▸", ">" },
	[GLYPH_MARK] = { "+", "+" },
	[GLYPH_SHELL] = { "⌂", "$" },
	[GLYPH_ACTIVITY] = { "·", "." },
	[GLYPH_UP] = { "▴", "^" },
	[GLYPH_DOWN] = { "▾", "v" },
	[GLYPH_ENTER] = { "↵", "Enter" },
	[GLYPH_ELLIPSIS] = { "…", "..." },
	[GLYPH_ARROW] = { "→", "->" },
	[GLYPH_DASH] = { "–", "-" },
	[GLYPH_CHECK] = { "✓", "v" },
	[GLYPH_SLOW] = { "▲", "^" },
	[GLYPH_OPEN] = { "▾", "v" },
	[GLYPH_FOLDED] = { "▹", ">" },
	[GLYPH_H] = { "─", "-" },
	[GLYPH_V] = { "│", "|" },
	[GLYPH_TOP_LEFT] = { "┌", "+" },
	[GLYPH_TOP_RIGHT] = { "┐", "+" },
	[GLYPH_BOTTOM_LEFT] = { "└", "+" },
	[GLYPH_BOTTOM_RIGHT] = { "┘", "+" },
	[GLYPH_TEE_LEFT] = { "┤", "+" },
	[GLYPH_TEE_RIGHT] = { "├", "+" },
	[GLYPH_TEE_DOWN] = { "┬", "+" },
	[GLYPH_TEE_UP] = { "┴", "+" },
};

struct style tone(enum tone which)
{
	return styles[which];
}

const char *glyph(const struct screen *screen, enum glyph which)
{
	return glyphs[which][screen_ascii(screen)];
}

/* An operation that runs in a VM that is up changes nothing about its state. */
static bool in_transition(const struct stoker_vm *vm)
{
	switch (vm->phase) {
	case STOKER_PHASE_CREATE:
	case STOKER_PHASE_START:
	case STOKER_PHASE_BOOT:
	case STOKER_PHASE_STOP:
	case STOKER_PHASE_DELETE:
		return true;
	case STOKER_PHASE_SSH:
	case STOKER_PHASE_EXEC:
	default:
		return vm->state == STOKER_STARTING || vm->state == STOKER_STOPPING ||
		       (vm->state == STOKER_RUNNING && !vm->ready);
	}
}

enum glyph state_glyph(const struct stoker_vm *vm)
{
	if (vm->stale)
		return GLYPH_STALE;
	if (vm->state == STOKER_CRASHED)
		return GLYPH_CRASHED;
	if (in_transition(vm))
		return GLYPH_BUSY;
	switch (vm->state) {
	case STOKER_RUNNING:
		return GLYPH_RUNNING;
	case STOKER_PAUSED:
		return GLYPH_PAUSED;
	case STOKER_ERROR:
		return GLYPH_ERROR;
	default:
		return GLYPH_STOPPED;
	}
}

enum tone state_tone(const struct stoker_vm *vm)
{
	switch (state_glyph(vm)) {
	case GLYPH_RUNNING:
		return TONE_GOOD;
	case GLYPH_BUSY:
		return TONE_BUSY;
	case GLYPH_PAUSED:
		return TONE_PAUSED;
	case GLYPH_CRASHED:
	case GLYPH_ERROR:
		return TONE_BAD;
	case GLYPH_STALE:
		return TONE_ODD;
	default:
		return TONE_QUIET;
	}
}

const char *spark(const struct screen *screen, int percent)
{
	static const char *const utf8[9] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[9] = { " ", "_", ".", ",", "-", "=", "+", "*", "#" };
	int level = percent < 0 ? 0 : 1 + percent * 8 / 101;
	level = level > 8 ? 8 : level;
	return screen_ascii(screen) ? ascii[level] : utf8[level];
}

const char *block(const struct screen *screen, int eighths)
{
	static const char *const utf8[9] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
	eighths = eighths < 0 ? 0 : eighths > 8 ? 8 : eighths;
	if (screen_ascii(screen))
		return eighths == 0 ? " " : eighths < 8 ? "|" : "#";
	return utf8[eighths];
}

static void line(struct screen *screen, int row, int col, int cols, struct style style)
{
	int c;
	for (c = 0; c < cols; c++)
		screen_put(screen, row, col + c, 1, style, glyph(screen, GLYPH_H));
}

void draw_box(struct screen *screen, int row, int col, int rows, int cols, const char *title)
{
	struct style quiet = tone(TONE_QUIET);
	int r;
	screen_hot_box(screen, row, col, rows, cols);
	screen_fill(screen, row, col, rows, cols, tone(TONE_PLAIN));
	line(screen, row, col + 1, cols - 2, quiet);
	line(screen, row + rows - 1, col + 1, cols - 2, quiet);
	for (r = row + 1; r < row + rows - 1; r++) {
		screen_put(screen, r, col, 1, quiet, glyph(screen, GLYPH_V));
		screen_put(screen, r, col + cols - 1, 1, quiet, glyph(screen, GLYPH_V));
	}
	screen_put(screen, row, col, 1, quiet, glyph(screen, GLYPH_TOP_LEFT));
	screen_put(screen, row, col + cols - 1, 1, quiet, glyph(screen, GLYPH_TOP_RIGHT));
	screen_put(screen, row + rows - 1, col, 1, quiet, glyph(screen, GLYPH_BOTTOM_LEFT));
	screen_put(screen, row + rows - 1, col + cols - 1, 1, quiet, glyph(screen, GLYPH_BOTTOM_RIGHT));
	if (title != NULL && cols > 6) {
		int used = screen_put(screen, row, col + 3, cols - 6, tone(TONE_TITLE), title);
		screen_put(screen, row, col + 2, 1, quiet, " ");
		screen_put(screen, row, col + 3 + used, 1, quiet, " ");
	}
}

void draw_rule(struct screen *screen, int row, int col, int cols, const char *title, const char *right, bool focus)
{
	struct style quiet = tone(TONE_QUIET);
	int used, need;
	line(screen, row, col, cols, quiet);
	if (title != NULL && cols > 8) {
		used = screen_put(screen, row, col + 3, cols - 5, tone(focus ? TONE_TITLE : TONE_STRONG), title);
		screen_put(screen, row, col, 1, quiet, " ");
		screen_put(screen, row, col + 2, 1, quiet, " ");
		screen_put(screen, row, col + 3 + used, 1, quiet, " ");
		if (right != NULL && *right != '\0') {
			need = text_width(right);
			if (used + need + 12 < cols) {
				screen_put(screen, row, col + cols - need - 4, 1, quiet, " ");
				screen_put(screen, row, col + cols - need - 3, need, quiet, right);
				screen_put(screen, row, col + cols - 3, 1, quiet, " ");
			}
		}
	}
}
