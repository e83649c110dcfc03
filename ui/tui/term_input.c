/* SPDX-License-Identifier: Apache-2.0
 *
 * term_input.c - keys, pastes and mouse actions into what a guest's program expects.
 */
#include "common/text.h"
#include "term_keys.h"
#include "term_private.h"

/* ---- keys */

static VTermKey special_of(enum special_key key)
{
	static const VTermKey keys[] = {
		[SK_UP] = VTERM_KEY_UP,           [SK_DOWN] = VTERM_KEY_DOWN,
		[SK_LEFT] = VTERM_KEY_LEFT,       [SK_RIGHT] = VTERM_KEY_RIGHT,
		[SK_INSERT] = VTERM_KEY_INS,      [SK_DELETE] = VTERM_KEY_DEL,
		[SK_HOME] = VTERM_KEY_HOME,       [SK_END] = VTERM_KEY_END,
		[SK_PAGE_UP] = VTERM_KEY_PAGEUP,  [SK_PAGE_DOWN] = VTERM_KEY_PAGEDOWN,
	};
	if (key >= SK_F1 && key <= SK_F12)
		return (VTermKey)VTERM_KEY_FUNCTION(1 + (int)(key - SK_F1));
	return (size_t)key < sizeof(keys) / sizeof(keys[0]) ? keys[key] : VTERM_KEY_NONE;
}

static VTermModifier modifiers(unsigned mods)
{
	unsigned out = (mods & MOD_SHIFT ? VTERM_MOD_SHIFT : 0U) | (mods & MOD_ALT ? VTERM_MOD_ALT : 0U) |
	               (mods & MOD_CTRL ? VTERM_MOD_CTRL : 0U);
	return (VTermModifier)out;
}

void term_key(struct term *term, const struct key *key)
{
	char bytes[TERM_KEY_MAX];
	size_t len;

	len = term_key_bytes(key, bytes);
	if (len > 0) {
		term_put(term, bytes, len);
		return;
	}
	if (key->kind != KEY_KIND_SPECIAL)
		return;
	switch (key->special) {
	case SK_ENTER: /* with Shift or Ctrl: as without, or shells would print the rest of a CSI u */
		if (key->mods & MOD_ALT)
			term_put(term, "\033", 1);
		vterm_keyboard_key(term->vt, VTERM_KEY_ENTER, VTERM_MOD_NONE);
		return;
	default:
		vterm_keyboard_key(term->vt, special_of(key->special), modifiers(key->mods));
	}
}

/* Only text, tabs and line ends are pasted: no control character can end the
 * brackets early or press a key in the guest. */
void term_paste(struct term *term, const char *bytes, size_t len)
{
	size_t i = 0;

	if (!term_reserve(term, len + 16)) /* all of it or none: half a paste could be another command */
		return;
	vterm_keyboard_start_paste(term->vt);
	while (i < len) {
		uint32_t ch;
		size_t step = text_decode(bytes + i, len - i, &ch);
		if (ch == '\n')
			term_put(term, "\r", 1);
		else if (ch == '\r')
			term_put(term, "\r", i + 1 < len && bytes[i + 1] == '\n' ? 0 : 1);
		else if (ch == '\t' || (ch != TEXT_BAD && ch >= 0x20 && !(ch >= 0x7f && ch <= 0x9f)))
			term_put(term, bytes + i, step);
		i += step;
	}
	vterm_keyboard_end_paste(term->vt);
}

/* ---- mouse */

bool term_mouse_wanted(const struct term *term)
{
	return term->mouse != VTERM_PROP_MOUSE_NONE;
}

bool term_mouse(struct term *term, const struct key *key, int row, int col)
{
	VTermModifier mods = modifiers(key->mods);

	/* libvterm 0.1.4 reports clicks to guests that never asked. */
	if (key->kind != KEY_KIND_MOUSE || !term_mouse_wanted(term))
		return false;
	row = row < 0 ? 0 : row >= term->rows ? term->rows - 1 : row;
	col = col < 0 ? 0 : col >= term->cols ? term->cols - 1 : col;
	vterm_mouse_move(term->vt, row, col, mods);
	switch (key->act) {
	case MOUSE_PRESS:
		if (key->button >= 1 && key->button <= 3)
			vterm_mouse_button(term->vt, key->button, true, mods);
		break;
	case MOUSE_RELEASE:
		for (int button = 1; button <= 3; button++) {
			if (key->button == button || key->button < 1 || key->button > 3)
				vterm_mouse_button(term->vt, button, false, mods);
		}
		break;
	case MOUSE_WHEEL_UP:
		vterm_mouse_button(term->vt, 4, true, mods);
		break;
	case MOUSE_WHEEL_DOWN:
		vterm_mouse_button(term->vt, 5, true, mods);
		break;
	case MOUSE_MOVE:
		break;
	}
	return true;
}

void term_focus(struct term *term, bool focus)
{
	if (focus)
		vterm_state_focus_in(term->state);
	else
		vterm_state_focus_out(term->state);
}
