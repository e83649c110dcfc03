/* SPDX-License-Identifier: Apache-2.0
 *
 * palette.c - the table of themes.
 */
#include "palette.h"

#include <stdlib.h>
#include <string.h>

#include "theme.h"

/* `rich` is for 256 colours and more, `base` one of the 16; -1: the terminal's
 * own. No theme tells states apart by colour alone: each has a sign and a word. */
struct look {
	int32_t rich, base, back;
	uint16_t attr;
};

#define OWN COLOUR_DEFAULT

static const struct look looks[PALETTE_COUNT][TONE_COUNT] = {
	/* The operator's own 16 colours, which were chosen to be seen on a dark ground; but for blue, which mostly is not. */
	[PALETTE_DARK] = {
		[TONE_TITLE] = { 6, 6, OWN, 0 },   [TONE_GOOD] = { 2, 2, OWN, 0 },   [TONE_BUSY] = { 3, 3, OWN, 0 },
		[TONE_PAUSED] = { 12, 12, OWN, 0 }, [TONE_BAD] = { 1, 1, OWN, 0 },   [TONE_ODD] = { 5, 5, OWN, 0 },
		[TONE_ACCENT] = { 6, 6, OWN, 0 },  [TONE_WARN] = { 15, 7, 1, ATTR_BOLD },
	},
	/* Darker ones: yellow, green and cyan are hard to see on white, and of 16 there are no darker ones. */
	[PALETTE_LIGHT] = {
		[TONE_TITLE] = { 24, 4, OWN, 0 },  [TONE_GOOD] = { 22, OWN, OWN, 0 }, [TONE_BUSY] = { 94, 4, OWN, ATTR_BOLD },
		[TONE_PAUSED] = { 19, 4, OWN, 0 }, [TONE_BAD] = { 124, 1, OWN, 0 },  [TONE_ODD] = { 90, 5, OWN, 0 },
		[TONE_ACCENT] = { 24, 4, OWN, 0 }, [TONE_WARN] = { 15, 15, 1, ATTR_BOLD },
	},
	/* Nothing is dim, what matters is bold and bright. */
	[PALETTE_CONTRAST] = {
		[TONE_TITLE] = { 14, 14, OWN, ATTR_BOLD },  [TONE_GOOD] = { 10, 10, OWN, ATTR_BOLD },
		[TONE_BUSY] = { 11, 11, OWN, ATTR_BOLD },   [TONE_PAUSED] = { 14, 14, OWN, ATTR_BOLD },
		[TONE_BAD] = { 9, 9, OWN, ATTR_BOLD | ATTR_UNDERLINE }, [TONE_ODD] = { 13, 13, OWN, ATTR_BOLD | ATTR_UNDERLINE },
		[TONE_ACCENT] = { 14, 14, OWN, ATTR_BOLD }, [TONE_WARN] = { 16, 0, 11, ATTR_BOLD },
	},
	/* After Okabe and Ito's colours, which people with any of the usual kinds of colour blindness can tell apart; the
	 * states' are further from each other than theirs, as test_ui_palette wants them to be for those eyes. */
	[PALETTE_COLOURBLIND] = {
		[TONE_TITLE] = { 74, 6, OWN, 0 },  [TONE_GOOD] = { 36, 6, OWN, 0 },  [TONE_BUSY] = { 226, 3, OWN, 0 },
		[TONE_PAUSED] = { 27, 12, OWN, 0 }, [TONE_BAD] = { 166, 1, OWN, 0 },  [TONE_ODD] = { 183, 5, OWN, ATTR_UNDERLINE },
		[TONE_ACCENT] = { 74, 6, OWN, 0 }, [TONE_WARN] = { 16, 0, 178, ATTR_BOLD },
	},
	[PALETTE_MONO] = {
		[TONE_TITLE] = { OWN, OWN, OWN, 0 }, [TONE_GOOD] = { OWN, OWN, OWN, 0 }, [TONE_BUSY] = { OWN, OWN, OWN, ATTR_BOLD },
		[TONE_PAUSED] = { OWN, OWN, OWN, 0 }, [TONE_BAD] = { OWN, OWN, OWN, ATTR_UNDERLINE },
		[TONE_ODD] = { OWN, OWN, OWN, ATTR_UNDERLINE }, [TONE_ACCENT] = { OWN, OWN, OWN, 0 },
		[TONE_WARN] = { OWN, OWN, OWN, ATTR_BOLD | ATTR_REVERSE },
	},
};

static const char *const names[PALETTE_COUNT] = { "dark", "light", "contrast", "colourblind", "mono" };

void palette_apply(enum palette palette, int colours, struct style *style)
{
	const struct look *look;
	unsigned which;

	if (palette == PALETTE_CONTRAST)
		style->attr &= (uint16_t)~ATTR_DIM;
	if (style->fg > COLOUR_TONE(0) || style->fg <= COLOUR_TONE(TONE_COUNT))
		return;
	which = (unsigned)(COLOUR_TONE(0) - style->fg);
	/* A terminal without colours shows what monochrome shows. */
	look = &looks[colours == 0 ? PALETTE_MONO : palette][which];
	style->fg = colours >= 256 ? look->rich : look->base;
	style->attr |= look->attr;
	if (style->bg == COLOUR_DEFAULT)
		style->bg = look->back;
}

bool palette_by_name(const char *name, enum palette *out)
{
	int i;
	for (i = 0; i < PALETTE_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum palette)i;
			return true;
		}
	}
	return false;
}

const char *palette_name(enum palette palette)
{
	return names[palette];
}

enum palette palette_for_background(uint32_t rgb)
{
	uint32_t r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
	/* Perceived lightness, in thousandths: more than half of it is a light ground. */
	return (299 * r + 587 * g + 114 * b) / 255 > 500 ? PALETTE_LIGHT : PALETTE_DARK;
}

bool palette_of_colorfgbg(const char *text, enum palette *out)
{
	const char *last = text != NULL ? strrchr(text, ';') : NULL;
	char *end;
	long colour;
	if (last == NULL)
		return false;
	colour = strtol(last + 1, &end, 10);
	if (end == last + 1 || *end != '\0' || colour < 0 || colour > 15)
		return false;
	*out = colour == 7 || colour > 8 ? PALETTE_LIGHT : PALETTE_DARK;
	return true;
}
