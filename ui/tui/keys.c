/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.c - decodes what xterm and its many relatives send.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#define INPUT_SIZE 4096
#define SEQUENCE_MAX 64          /* longer ones are nobody's */
#define PASTE_MAX (1024u * 1024u) /* more than that of one paste is dropped */

struct keys {
	unsigned char in[INPUT_SIZE];
	size_t len;
	char *paste;
	size_t paste_len, paste_cap;
	bool pasting;
};

enum verdict { TAKEN, DROPPED, MORE };

struct keys *keys_new(void)
{
	return calloc(1, sizeof(struct keys));
}

void keys_free(struct keys *keys)
{
	if (keys == NULL)
		return;
	free(keys->paste);
	free(keys);
}

void *keys_room(struct keys *keys, size_t *cap)
{
	*cap = INPUT_SIZE - keys->len;
	return keys->in + keys->len;
}

void keys_added(struct keys *keys, size_t count)
{
	keys->len += count;
}

/* The answer about the ground on its way over a slow line: it is no key however
 * long it takes, and its rest must not become keys. */
static bool answer_coming(const struct keys *keys)
{
	return keys->len >= 5 && memcmp(keys->in, "\033]11;", 5) == 0;
}

bool keys_waiting(const struct keys *keys)
{
	return keys->len > 0 && !keys->pasting && !answer_coming(keys);
}

static void drop(struct keys *keys, size_t count)
{
	keys->len -= count;
	memmove(keys->in, keys->in + count, keys->len);
}

static void set_char(struct key *key, uint32_t ch, unsigned mods)
{
	memset(key, 0, sizeof *key);
	key->kind = KEY_KIND_CHAR;
	key->ch = ch;
	key->mods = mods;
}

static void set_special(struct key *key, enum special_key special, unsigned mods)
{
	memset(key, 0, sizeof *key);
	key->kind = KEY_KIND_SPECIAL;
	key->special = special;
	key->mods = mods;
}

/* A single byte below 0x80. */
static void simple(struct key *key, unsigned char byte, unsigned mods)
{
	if (byte == '\r' || byte == '\n')
		set_special(key, SK_ENTER, mods);
	else if (byte == '\t')
		set_special(key, SK_TAB, mods);
	else if (byte == 0x7f || byte == 0x08)
		set_special(key, SK_BACKSPACE, mods);
	else if (byte == 0x1b)
		set_special(key, SK_ESCAPE, mods);
	else if (byte == 0)
		set_char(key, ' ', mods | MOD_CTRL);
	else if (byte < 0x1b)
		set_char(key, (uint32_t)('a' + byte - 1), mods | MOD_CTRL);
	else if (byte < 0x20) /* Ctrl-\ Ctrl-] Ctrl-^ Ctrl-_ */
		set_char(key, (uint32_t)(byte + 0x40), mods | MOD_CTRL);
	else
		set_char(key, byte, mods);
}

/* xterm's "1 + bits" in a parameter. */
static unsigned modifiers(int param)
{
	unsigned bits = param > 1 ? (unsigned)(param - 1) : 0, mods = 0;
	if (bits & 1)
		mods |= MOD_SHIFT;
	if (bits & (2 | 8 | 32))
		mods |= MOD_ALT;
	if (bits & 4)
		mods |= MOD_CTRL;
	return mods;
}

static enum special_key letter_key(unsigned char final)
{
	switch (final) {
	case 'A':
		return SK_UP;
	case 'B':
		return SK_DOWN;
	case 'C':
		return SK_RIGHT;
	case 'D':
		return SK_LEFT;
	case 'F':
		return SK_END;
	case 'H':
		return SK_HOME;
	case 'M':
		return SK_ENTER;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		return (enum special_key)(SK_F1 + (final - 'P'));
	default:
		return SK_NONE;
	}
}

static enum special_key number_key(int number)
{
	switch (number) {
	case 1:
	case 7:
		return SK_HOME;
	case 2:
		return SK_INSERT;
	case 3:
		return SK_DELETE;
	case 4:
	case 8:
		return SK_END;
	case 5:
		return SK_PAGE_UP;
	case 6:
		return SK_PAGE_DOWN;
	default:
		break;
	}
	if (number >= 11 && number <= 15)
		return (enum special_key)(SK_F1 + number - 11);
	if (number >= 17 && number <= 21)
		return (enum special_key)(SK_F1 + number - 12);
	if (number >= 23 && number <= 24)
		return (enum special_key)(SK_F1 + number - 13);
	return SK_NONE;
}

/* A key told by its code (CSI 27;m;c~ and CSI c;m u). */
static enum verdict code_key(struct key *key, int code, unsigned mods)
{
	if (code == 13 || code == 9 || code == 127 || code == 8 || code == 27) {
		simple(key, (unsigned char)code, mods);
		return TAKEN;
	}
	if (code < 32 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || (code >= 0xe000 && code <= 0xf8ff))
		return DROPPED;
	set_char(key, (uint32_t)code, code < 0x80 ? mods & ~(unsigned)MOD_SHIFT : mods);
	return TAKEN;
}

static enum verdict mouse(struct key *key, const int *param, bool release)
{
	int bits = param[0];
	memset(key, 0, sizeof *key);
	key->kind = KEY_KIND_MOUSE;
	key->col = param[1] - 1;
	key->row = param[2] - 1;
	if (key->col < 0 || key->row < 0)
		return DROPPED;
	if (bits & 4)
		key->mods |= MOD_SHIFT;
	if (bits & 8)
		key->mods |= MOD_ALT;
	if (bits & 16)
		key->mods |= MOD_CTRL;
	if (bits & 64) {
		if ((bits & 3) > 1)
			return DROPPED; /* sideways */
		key->act = bits & 1 ? MOUSE_WHEEL_DOWN : MOUSE_WHEEL_UP;
		return TAKEN;
	}
	key->button = (bits & 3) == 3 ? 0 : (bits & 3) + 1;
	key->act = bits & 32 ? MOUSE_MOVE : release ? MOUSE_RELEASE : MOUSE_PRESS;
	return TAKEN;
}

/* ESC [ ... : parameters, then one final byte. `*used` gets its length. */
static enum verdict csi(struct keys *keys, struct key *key, size_t *used)
{
	const unsigned char *in = keys->in;
	size_t i = 2;
	int param[4] = { 0, 0, 0, 0 }, count = 0;
	bool sgr = false, digits = false, foreign = false;
	unsigned char final;

	if (keys->len > 2 && in[2] == '[') { /* the Linux console's F1 to F5 */
		if (keys->len < 4)
			return MORE;
		*used = 4;
		if (in[3] < 'A' || in[3] > 'E')
			return DROPPED;
		set_special(key, (enum special_key)(SK_F1 + in[3] - 'A'), 0);
		return TAKEN;
	}
	if (keys->len > 2 && in[2] == '<') {
		sgr = true;
		i = 3;
	}
	for (; i < keys->len && i < SEQUENCE_MAX; i++) {
		if (in[i] >= '0' && in[i] <= '9') {
			if (count < 4 && param[count] < 1000000)
				param[count] = param[count] * 10 + (in[i] - '0');
			digits = true;
		} else if (in[i] == ';' || in[i] == ':') {
			count++;
			digits = true;
		} else if (in[i] < 0x20 || in[i] > 0x3f) {
			break;
		} else {
			foreign = true; /* private or intermediate: an answer, not a key */
		}
	}
	if (i >= SEQUENCE_MAX) {
		*used = i;
		return DROPPED;
	}
	if (i >= keys->len)
		return MORE;
	final = in[i];
	if (final < 0x20) { /* cut off by something else: that is read next */
		*used = i;
		return DROPPED;
	}
	*used = i + 1;
	if (foreign)
		return DROPPED;
	if (sgr)
		return final == 'M' || final == 'm' ? mouse(key, param, final == 'm') : DROPPED;
	if (final == '~') {
		if (param[0] == 200) {
			keys->pasting = true;
			keys->paste_len = 0;
			return DROPPED;
		}
		if (param[0] == 27 && count >= 2)
			return code_key(key, param[2], modifiers(param[1]));
		set_special(key, number_key(param[0]), modifiers(param[1]));
		return key->special == SK_NONE ? DROPPED : TAKEN;
	}
	if (final == '^' || final == '@') { /* rxvt's way to tell modifiers */
		set_special(key, number_key(param[0]), final == '^' ? MOD_CTRL : MOD_CTRL | MOD_SHIFT);
		return key->special == SK_NONE ? DROPPED : TAKEN;
	}
	if (final == 'u')
		return code_key(key, param[0], modifiers(param[1]));
	if (final == 'Z') {
		set_special(key, SK_TAB, MOD_SHIFT);
		return TAKEN;
	}
	if (final == 'M' && !digits) { /* the mouse's old report, should one send it: three bytes more */
		if (keys->len < i + 4)
			return MORE;
		*used = i + 4;
		return DROPPED;
	}
	if (final >= 'a' && final <= 'd') { /* rxvt's arrows with shift */
		set_special(key, letter_key((unsigned char)(final - 'a' + 'A')), MOD_SHIFT);
		return TAKEN;
	}
	if (final == 'R' && digits && count == 1 && param[0] > 1)
		return DROPPED; /* a cursor report, not F3 */
	set_special(key, final == 'M' ? SK_NONE : letter_key(final), modifiers(param[1]));
	return key->special == SK_NONE ? DROPPED : TAKEN;
}

/* "rgb:RRRR/GGGG/BBBB" with one to four digits each, or rgba:. */
static bool colour_spec(const unsigned char *at, size_t len, uint32_t *rgb)
{
	uint32_t part[3] = { 0, 0, 0 };
	int i, digits;
	size_t k = 4;

	if (len < 9 || memcmp(at, "rgb", 3) != 0)
		return false;
	if (at[3] == 'a')
		k++;
	if (at[k - 1] != ':')
		return false;
	for (i = 0; i < 3; i++) {
		uint32_t most = 0;
		for (digits = 0; k < len && at[k] != '/'; digits++, k++) {
			unsigned char c = at[k] | 0x20;
			uint32_t value = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) : 16;
			if (value > 15 || digits == 4)
				return false;
			part[i] = part[i] * 16 + value;
			most = most * 16 + 15;
		}
		if (digits == 0)
			return false;
		part[i] = part[i] * 255 / most;
		k += k < len;
	}
	*rgb = part[0] << 16 | part[1] << 8 | part[2];
	return true;
}

/* OSC, DCS, APC, PM, SOS: an answer, up to its end. The ground's colour is the
 * only one that anybody asks for. */
static enum verdict string_answer(const struct keys *keys, struct key *key, size_t *used)
{
	size_t i;
	for (i = 2; i < keys->len; i++) {
		bool bell = keys->in[i] == 0x07;
		uint32_t rgb;
		if (!bell && keys->in[i] != 0x1b)
			continue;
		if (!bell && i + 1 >= keys->len) {
			*used = i;
			return MORE;
		}
		*used = bell ? i + 1 : keys->in[i + 1] == '\\' ? i + 2 : i;
		if (i > 5 && memcmp(keys->in + 1, "]11;", 4) == 0 && colour_spec(keys->in + 5, i - 5, &rgb)) {
			set_char(key, rgb, 0);
			key->kind = KEY_KIND_BACKGROUND;
			return TAKEN;
		}
		return DROPPED;
	}
	if (keys->len >= 256) {
		*used = keys->len;
		return DROPPED;
	}
	return MORE;
}

static size_t utf8_length(unsigned char first)
{
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* One character from in[at]; MORE when its bytes have not all come. */
static enum verdict utf8(const struct keys *keys, size_t at, unsigned mods, struct key *key, size_t *used)
{
	size_t need = utf8_length(keys->in[at]), i;
	uint32_t ch;

	*used = at + 1;
	if (need == 0)
		return DROPPED;
	ch = keys->in[at] & (0xffu >> (need + 1));
	for (i = 1; i < need; i++) {
		if (at + i >= keys->len)
			return MORE;
		if ((keys->in[at + i] & 0xc0) != 0x80)
			return DROPPED;
		ch = ch << 6 | (keys->in[at + i] & 0x3f);
	}
	*used = at + need;
	if (ch < 0xa0 || (need == 3 && ch < 0x800) || (need == 4 && ch < 0x10000) || ch > 0x10ffff ||
	    (ch >= 0xd800 && ch <= 0xdfff))
		return DROPPED;
	set_char(key, ch, mods);
	return TAKEN;
}

static enum verdict escape(struct keys *keys, struct key *key, size_t *used)
{
	unsigned char second;
	if (keys->len < 2)
		return MORE;
	second = keys->in[1];
	if (second == '[')
		return csi(keys, key, used);
	if (second == 'O') {
		if (keys->len < 3)
			return MORE;
		*used = 3;
		if (letter_key(keys->in[2]) == SK_NONE)
			return DROPPED;
		set_special(key, letter_key(keys->in[2]), 0);
		return TAKEN;
	}
	if (second == ']' || second == 'P' || second == '_' || second == '^' || second == 'X')
		return string_answer(keys, key, used);
	if (second == 0x1b) { /* Escape, and what follows speaks for itself */
		*used = 1;
		set_special(key, SK_ESCAPE, 0);
		return TAKEN;
	}
	if (second >= 0x80)
		return utf8(keys, 1, MOD_ALT, key, used);
	*used = 2;
	simple(key, second, MOD_ALT);
	return TAKEN;
}

static void paste_add(struct keys *keys, const unsigned char *bytes, size_t count)
{
	if (count > PASTE_MAX - keys->paste_len)
		count = PASTE_MAX - keys->paste_len;
	if (keys->paste_len + count > keys->paste_cap) {
		size_t cap = keys->paste_cap < 4096 ? 4096 : keys->paste_cap * 2;
		char *grown;
		while (cap < keys->paste_len + count)
			cap *= 2;
		grown = realloc(keys->paste, cap);
		if (grown == NULL)
			return;
		keys->paste = grown;
		keys->paste_cap = cap;
	}
	if (count > 0)
		memcpy(keys->paste + keys->paste_len, bytes, count);
	keys->paste_len += count;
}

/* Inside a bracketed paste everything is text up to ESC [ 201 ~. */
static bool paste_take(struct keys *keys, struct key *key)
{
	static const char end[] = "\033[201~";
	const size_t end_len = sizeof end - 1;
	size_t i, keep;

	for (i = 0; i + end_len <= keys->len; i++) {
		if (memcmp(keys->in + i, end, end_len) == 0) {
			paste_add(keys, keys->in, i);
			drop(keys, i + end_len);
			keys->pasting = false;
			memset(key, 0, sizeof *key);
			key->kind = KEY_KIND_PASTE;
			key->paste = keys->paste != NULL ? keys->paste : "";
			key->paste_len = keys->paste_len;
			return true;
		}
	}
	keep = keys->len < end_len - 1 ? keys->len : end_len - 1;
	paste_add(keys, keys->in, keys->len - keep);
	drop(keys, keys->len - keep);
	return false;
}

bool keys_take(struct keys *keys, bool late, struct key *key)
{
	while (keys->len > 0) {
		enum verdict verdict;
		size_t used = 1;

		if (keys->pasting)
			return paste_take(keys, key);
		if (keys->in[0] == 0x1b) {
			verdict = escape(keys, key, &used);
		} else if (keys->in[0] < 0x80) {
			simple(key, keys->in[0], 0);
			verdict = TAKEN;
		} else {
			verdict = utf8(keys, 0, 0, key, &used);
		}
		if (verdict == MORE) {
			if (!late || answer_coming(keys))
				return false;
			/* Nothing more came: a lone ESC is a key, ESC [ and ESC O are Alt with
			 * a letter, any other beginning is dropped. */
			if (keys->in[0] == 0x1b && keys->len == 1) {
				set_special(key, SK_ESCAPE, 0);
				verdict = TAKEN;
			} else if (keys->in[0] == 0x1b && keys->len == 2 && keys->in[1] < 0x80) {
				simple(key, keys->in[1], MOD_ALT);
				verdict = TAKEN;
			} else {
				verdict = DROPPED;
			}
			used = keys->len;
		}
		drop(keys, used);
		if (verdict == TAKEN)
			return true;
	}
	return false;
}
