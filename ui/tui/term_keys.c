/* SPDX-License-Identifier: Apache-2.0
 *
 * term_keys.c - see term_keys.h. libvterm would send CSI u for several of
 * these (Ctrl-I, Shift-Blank, Ctrl-Tab), which shells print instead of reading.
 */
#include "term_keys.h"

#include "common/text.h"

/* The control character of Ctrl with a key; -1 when there is none. */
static int control_of(uint32_t ch)
{
	if ((ch >= 'a' && ch <= 'z') || (ch >= '@' && ch <= '_'))
		return (int)(ch & 0x1f);
	switch (ch) {
	case ' ': case '2': case '`':
		return 0;
	case '3': case '4': case '5': case '6': case '7':
		return (int)(ch - '3') + 0x1b;
	case '/': case '-':
		return 0x1f;
	case '8': case '?':
		return 0x7f;
	default:
		return -1;
	}
}

size_t term_key_bytes(const struct key *key, char out[TERM_KEY_MAX])
{
	size_t len = 0;
	int control = -1;

	if (key->kind != KEY_KIND_CHAR &&
	    (key->kind != KEY_KIND_SPECIAL ||
	     (key->special != SK_TAB && key->special != SK_BACKSPACE && key->special != SK_ESCAPE)))
		return 0;
	if (key->mods & MOD_ALT)
		out[len++] = 033;
	if (key->kind == KEY_KIND_CHAR) {
		if (key->mods & MOD_CTRL)
			control = control_of(key->ch);
		if (control < 0)
			return len + text_encode(out + len, key->ch);
		out[len++] = (char)control;
	} else if (key->special == SK_ESCAPE) {
		out[len++] = 033;
	} else if (key->special == SK_BACKSPACE) {
		out[len++] = key->mods & MOD_CTRL ? '\b' : 0x7f;
	} else if (key->mods & MOD_SHIFT) {
		out[len++] = 033;
		out[len++] = '[';
		out[len++] = 'Z';
	} else {
		out[len++] = '\t';
	}
	return len;
}
