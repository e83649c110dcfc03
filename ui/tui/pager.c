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

static enum pager_act type(struct pager *pager, const struct key *key)
{
	char utf8[4];

	if (key->kind == KEY_KIND_PASTE) {
		append(pager, key->paste, key->paste_len < 200 ? key->paste_len : 200);
		return PAGER_TYPED;
	}
	if (key->kind == KEY_KIND_CHAR && !(key->mods & (MOD_CTRL | MOD_ALT))) {
		append(pager, utf8, text_encode(utf8, key->ch));
		return PAGER_TYPED;
	}
	if (key->kind == KEY_KIND_CHAR && (key->mods & MOD_CTRL)) {
		if (key->ch == 'u') {
			pager->needle[0] = '\0';
			return PAGER_TYPED;
		}
		if (key->ch == 'c' || key->ch == 'g')
			return give_up(pager);
		return PAGER_NOTHING;
	}
	if (key->kind != KEY_KIND_SPECIAL)
		return PAGER_NOTHING;
	switch (key->special) {
	case SK_ENTER:
		pager->typing = false;
		if (pager->needle[0] == '\0') { /* as in less: the last one again */
			memcpy(pager->needle, pager->before, sizeof(pager->needle));
			return pager->needle[0] == '\0' ? PAGER_DROPPED : PAGER_NEXT;
		}
		return PAGER_FOUND;
	case SK_ESCAPE:
		return give_up(pager);
	case SK_BACKSPACE:
		if (pager->needle[0] == '\0')
			return give_up(pager);
		erase_last(pager);
		return PAGER_TYPED;
	default:
		return PAGER_NOTHING;
	}
}

static enum pager_act special(const struct key *key)
{
	switch (key->special) {
	case SK_UP: return PAGER_UP;
	case SK_DOWN: case SK_ENTER: return PAGER_DOWN;
	case SK_LEFT: return PAGER_LEFT;
	case SK_RIGHT: return PAGER_RIGHT;
	case SK_PAGE_UP: return PAGER_PAGE_UP;
	case SK_PAGE_DOWN: return PAGER_PAGE_DOWN;
	case SK_HOME: return PAGER_TOP;
	case SK_END: return PAGER_BOTTOM;
	case SK_ESCAPE: return PAGER_LEAVE;
	default: return PAGER_REFUSED;
	}
}

enum pager_act pager_key(struct pager *pager, const struct key *key, bool up_first)
{
	if (pager->typing)
		return type(pager, key);
	pager->missed = false;
	if (key->kind == KEY_KIND_MOUSE)
		return key->act == MOUSE_WHEEL_UP     ? PAGER_WHEEL_UP
		       : key->act == MOUSE_WHEEL_DOWN ? PAGER_WHEEL_DOWN
		                                      : PAGER_NOTHING;
	if (key->kind == KEY_KIND_SPECIAL)
		return special(key);
	if (key->kind != KEY_KIND_CHAR)
		return PAGER_NOTHING;
	if (key->mods & MOD_CTRL) {
		switch (key->ch) {
		case 'b': return PAGER_PAGE_UP;
		case 'f': return PAGER_PAGE_DOWN;
		case 'u': return PAGER_HALF_UP;
		case 'd': return PAGER_HALF_DOWN;
		case 'y': case 'p': return PAGER_UP;
		case 'e': case 'n': return PAGER_DOWN;
		case 'c': return PAGER_LEAVE;
		default: return PAGER_REFUSED;
		}
	}
	if (key->mods & MOD_ALT)
		return PAGER_REFUSED;
	switch (key->ch) {
	case 'k': return PAGER_UP;
	case 'j': return PAGER_DOWN;
	case 'h': return PAGER_LEFT;
	case 'l': return PAGER_RIGHT;
	case 'b': return PAGER_PAGE_UP;
	case 'f': case ' ': return PAGER_PAGE_DOWN;
	case 'u': return PAGER_HALF_UP;
	case 'd': return PAGER_HALF_DOWN;
	case 'g': case '<': return PAGER_TOP;
	case 'G': case '>': return PAGER_BOTTOM;
	case '/':
		begin_search(pager, up_first);
		return PAGER_NOTHING;
	case '?':
		begin_search(pager, true);
		return PAGER_NOTHING;
	case 'n': return pager->needle[0] != '\0' ? PAGER_NEXT : PAGER_NOTHING;
	case 'N': return pager->needle[0] != '\0' ? PAGER_PREVIOUS : PAGER_NOTHING;
	case 'q': return PAGER_LEAVE;
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
