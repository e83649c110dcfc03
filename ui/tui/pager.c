/* SPDX-License-Identifier: Apache-2.0
 *
 * pager.c - see pager.h.
 */
#include "pager.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

static void begin_search(struct pager *pager, bool backwards)
{
	pager->typing = true;
	pager->missed = false;
	pager->backwards = backwards;
	memcpy(pager->before, pager->needle, sizeof(pager->before));
	pager->needle[0] = '\0';
}

static void append(struct pager *pager, const char *bytes, size_t len)
{
	size_t used = strlen(pager->needle);
	char clean[256];
	size_t n = text_clean(clean, sizeof(clean), bytes, len);
	if (n >= sizeof(pager->needle) - used)
		return;
	memcpy(pager->needle + used, clean, n + 1);
}

static void erase_last(struct pager *pager)
{
	size_t len = strlen(pager->needle);
	while (len > 0 && ((unsigned char)pager->needle[len - 1] & 0xc0) == 0x80)
		len--;
	if (len > 0)
		len--;
	pager->needle[len] = '\0';
}

static enum pager_act give_up(struct pager *pager)
{
	pager->typing = pager->missed = false;
	memcpy(pager->needle, pager->before, sizeof(pager->needle));
	return PAGER_DROPPED;
}

static enum pager_act type(struct pager *pager, const struct key *key, const struct keymap *keymap)
{
	char utf8[4];

	switch ((int)keymap_at(keymap, key, PLACE_LINE)) {
	case IN_LINE_ACCEPT:
		pager->typing = false;
		if (pager->needle[0] == '\0') { /* as in less: the last one again */
			memcpy(pager->needle, pager->before, sizeof(pager->needle));
			return pager->needle[0] == '\0' ? PAGER_DROPPED : PAGER_NEXT;
		}
		return PAGER_FOUND;
	case IN_LINE_LEAVE:
		return give_up(pager);
	case IN_LINE_ERASE:
		if (pager->needle[0] == '\0')
			return give_up(pager);
		erase_last(pager);
		return PAGER_TYPED;
	case IN_LINE_ERASE_START:
		pager->needle[0] = '\0';
		return PAGER_TYPED;
	default:
		break;
	}
	if (key->kind == KEY_KIND_PASTE) {
		append(pager, key->paste, key->paste_len < 200 ? key->paste_len : 200);
		return PAGER_TYPED;
	}
	if (key->kind == KEY_KIND_CHAR && !(key->mods & (MOD_CTRL | MOD_ALT))) {
		append(pager, utf8, text_encode(utf8, key->ch));
		return PAGER_TYPED;
	}
	return PAGER_NOTHING;
}

enum pager_act pager_key(struct pager *pager, const struct key *key, const struct keymap *keymap, bool up_first)
{
	if (pager->typing)
		return type(pager, key, keymap);
	pager->missed = false;
	if (key->kind == KEY_KIND_MOUSE)
		return key->act == MOUSE_WHEEL_UP     ? PAGER_WHEEL_UP
		       : key->act == MOUSE_WHEEL_DOWN ? PAGER_WHEEL_DOWN
		                                      : PAGER_NOTHING;
	if (key->kind != KEY_KIND_CHAR && key->kind != KEY_KIND_SPECIAL)
		return PAGER_NOTHING;
	switch ((int)keymap_at(keymap, key, PLACE_TEXT)) {
	case IN_TEXT_UP: return PAGER_UP;
	case IN_TEXT_DOWN: return PAGER_DOWN;
	case IN_TEXT_LEFT: return PAGER_LEFT;
	case IN_TEXT_RIGHT: return PAGER_RIGHT;
	case IN_TEXT_PAGE_UP: return PAGER_PAGE_UP;
	case IN_TEXT_PAGE_DOWN: return PAGER_PAGE_DOWN;
	case IN_TEXT_HALF_UP: return PAGER_HALF_UP;
	case IN_TEXT_HALF_DOWN: return PAGER_HALF_DOWN;
	case IN_TEXT_FIRST: return PAGER_TOP;
	case IN_TEXT_LAST: return PAGER_BOTTOM;
	case IN_TEXT_SEARCH:
		begin_search(pager, up_first);
		return PAGER_NOTHING;
	case IN_TEXT_SEARCH_UP:
		begin_search(pager, true);
		return PAGER_NOTHING;
	case IN_TEXT_NEXT: return pager->needle[0] != '\0' ? PAGER_NEXT : PAGER_NOTHING;
	case IN_TEXT_PREVIOUS: return pager->needle[0] != '\0' ? PAGER_PREVIOUS : PAGER_NOTHING;
	case IN_TEXT_LEAVE: return PAGER_LEAVE;
	default: return PAGER_REFUSED;
	}
}

bool pager_draw(const struct pager *pager, struct screen *screen, int row, int col, int cols, bool focus)
{
	struct style style = { COLOUR_DEFAULT, COLOUR_DEFAULT, ATTR_REVERSE };
	char line[320];
	const char *shown = line;
	int width;

	if (!pager->typing && !pager->missed)
		return false;
	snprintf(line, sizeof(line), pager->typing ? "/%s" : "%s: not found", pager->needle);
	/* Of a needle that is too long its end is seen, where the cursor is. */
	while (text_width(shown) >= cols && *shown != '\0') {
		uint32_t ch;
		shown += text_decode(shown, strlen(shown), &ch);
	}
	width = text_width(shown);
	screen_fill(screen, row, col, 1, cols, style);
	screen_put(screen, row, col, cols, style, shown);
	if (focus && pager->typing)
		screen_cursor(screen, row, col + (width < cols ? width : cols - 1));
	return true;
}
