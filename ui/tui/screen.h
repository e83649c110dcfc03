/* SPDX-License-Identifier: Apache-2.0
 *
 * screen.h - a grid of cells that views write and a presenter shows.
 *
 * Views know nothing of curses: the same view is drawn into memory for golden
 * tests and through screen_curses.c on a terminal. A screen holds only safe
 * text: screen_put() makes control characters visible as '?', and places every
 * character by its own column width, so that no string can move another.
 */
#ifndef STOKER_UI_TUI_SCREEN_H
#define STOKER_UI_TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CELL_CHARS 4 /* one base character and up to three combining ones */

enum { ATTR_BOLD = 1, ATTR_DIM = 2, ATTR_UNDERLINE = 4, ATTR_REVERSE = 8, ATTR_ITALIC = 16, ATTR_BLINK = 32, ATTR_STRIKE = 64 };

#define COLOUR_DEFAULT (-1)
/* What a view means instead of a colour: the theme decides when it is painted. Foregrounds only. */
#define COLOUR_TONE(tone) (-2 - (int32_t)(tone))
#define COLOUR_RGB(r, g, b) (0x1000000 | (r) << 16 | (g) << 8 | (b))

struct style {
	int32_t fg, bg; /* COLOUR_DEFAULT, 0-255 of the palette, COLOUR_RGB, or COLOUR_TONE */
	uint16_t attr;
};
static inline bool style_same(const struct style *a, const struct style *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

struct cell {
	uint32_t ch[CELL_CHARS]; /* ch[0] 0: the right half of a wide character */
	uint8_t width;           /* 1 or 2; 0 for a right half */
	struct style style;
};

struct screen;

struct screen *screen_new(int rows, int cols); /* blank; NULL without memory */
void screen_free(struct screen *screen);
bool screen_resize(struct screen *screen, int rows, int cols); /* blanks it */
void screen_clear(struct screen *screen);
int screen_rows(const struct screen *screen);
int screen_cols(const struct screen *screen);

/* Writes UTF-8 at (row, col), at most `width` columns, clipped to the screen;
 * returns the columns used. Never writes half of a wide character. */
int screen_put(struct screen *screen, int row, int col, int width, struct style style, const char *text);
/* The same, padded with blanks to `width`; right-aligned when width < 0. Text that does not fit ends in '…' (or '~' in ASCII mode). */
void screen_field(struct screen *screen, int row, int col, int width, struct style style, const char *text);
void screen_fill(struct screen *screen, int row, int col, int rows, int cols, struct style style);
/* One prepared cell (for the terminal pane). */
void screen_set(struct screen *screen, int row, int col, const struct cell *cell);
const struct cell *screen_at(const struct screen *screen, int row, int col);
/* Adds attributes to cells already written (selection, focus). */
void screen_restyle(struct screen *screen, int row, int col, int cols, uint16_t attr_on, uint16_t attr_off);

/* Takes the colours away, so that a reversed row is one even bar. */
void screen_uncolour(struct screen *screen, int row, int col, int cols);

/* Where the terminal's cursor is to be; row < 0 hides it. */
void screen_cursor(struct screen *screen, int row, int col);
void screen_get_cursor(const struct screen *screen, int *row, int *col);

/* The glyphs views use beyond ASCII come from here, so that one switch makes them ASCII. */
void screen_set_ascii(struct screen *screen, bool ascii);
bool screen_ascii(const struct screen *screen);

/* Text of all rows, trailing blanks cut, '\n' after each: for golden tests and
 * `stoker tui --once`. malloc'ed. */
char *screen_text(const struct screen *screen);

/* Columns of one character (0 combining, 1, 2), by our own table: never by the
 * locale. And of a UTF-8 string, control characters counting 1. */
int char_width(uint32_t ch);
int text_width(const char *text);
/* The ASCII character that looks most like it, '?' when none does. */
uint32_t char_ascii(uint32_t ch);

/* The themes; palette.c says what they look like. */
enum palette { PALETTE_DARK, PALETTE_LIGHT, PALETTE_CONTRAST, PALETTE_COLOURBLIND, PALETTE_MONO, PALETTE_COUNT };

/* screen_curses.c: the only file that includes <curses.h>. */
struct terminal;
struct terminal_options {
	bool no_colour;   /* NO_COLOR or --no-color */
	int colours;      /* at most so many (8, 16, 256); 0: what the terminal has */
	bool ascii;       /* by the locale's charset or asked for */
	bool mouse;
	bool ask_background; /* ask which colour the ground has: the answer comes as a KEY_KIND_BACKGROUND */
	enum palette palette;
};
/* Takes the terminal over; NULL with a sentence in why. */
struct terminal *terminal_open(const struct terminal_options *options, char *why, size_t cap);
/* Gives it back as it was. NULL is allowed, here and in all that follows: a dashboard that no terminal shows. */
void terminal_close(struct terminal *terminal);
void terminal_size(struct terminal *terminal, int *rows, int *cols);
/* Shows the difference to what is on the terminal now. Writes nothing when nothing differs. */
void terminal_present(struct terminal *terminal, const struct screen *screen);
/* As it is wanted now: colours, theme, mouse; with the next frame. */
void terminal_adjust(struct terminal *terminal, const struct terminal_options *options);
/* Another theme, with the next frame. */
void terminal_palette(struct terminal *terminal, enum palette palette);
/* Forgets what is on the terminal (after SIGCONT, Ctrl-L). */
void terminal_redraw(struct terminal *terminal);

/* A key, mouse action or paste as the views and the shell pane want it. */
enum key_kind { KEY_KIND_NONE, KEY_KIND_CHAR, KEY_KIND_SPECIAL, KEY_KIND_MOUSE, KEY_KIND_PASTE, KEY_KIND_RESIZE, KEY_KIND_BACKGROUND,
                KEY_KIND_BOUND /* no key: the row of the keymap in `ch`, see key_bound() */ };
enum { MOD_SHIFT = 1, MOD_ALT = 2, MOD_CTRL = 4 };
enum special_key {
	SK_NONE, SK_ENTER, SK_TAB, SK_BACKSPACE, SK_ESCAPE, SK_UP, SK_DOWN, SK_LEFT, SK_RIGHT, SK_INSERT, SK_DELETE, SK_HOME,
	SK_END, SK_PAGE_UP, SK_PAGE_DOWN, SK_F1, SK_F12 = SK_F1 + 11, SK_COUNT
};
enum mouse_act { MOUSE_PRESS, MOUSE_RELEASE, MOUSE_MOVE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };
struct key {
	enum key_kind kind;
	uint32_t ch;              /* CHAR: the character; Ctrl-A is ch 'a' with MOD_CTRL. BACKGROUND: 0xRRGGBB */
	enum special_key special; /* SPECIAL */
	unsigned mods;
	enum mouse_act act;       /* MOUSE */
	int button, row, col;     /* MOUSE: 1 left, 2 middle, 3 right */
	const char *paste;        /* PASTE: bytes, valid until the next terminal_read() */
	size_t paste_len;
};
/* Reads one pending key without waiting; false when there is none. Call until false after the terminal's fd was readable. */
bool terminal_read(struct terminal *terminal, struct key *key);
int terminal_fd(const struct terminal *terminal);
/* Milliseconds until terminal_read() has to be called even without input (a lone ESC has become a key), -1: never. */
int terminal_timeout_ms(const struct terminal *terminal);
/* True while a frame is still on its way out to a slow terminal: poll its fd for POLLOUT too, then terminal_flush().
 * terminal_present() does nothing meanwhile: whole frames are left out, never parts of one, and never input. */
bool terminal_pending(const struct terminal *terminal);
void terminal_flush(struct terminal *terminal);
/* False once reading or writing has failed for good: the terminal is gone. */
bool terminal_alive(const struct terminal *terminal);
/* Hands the terminal back for a while (Ctrl-Z) and takes it again. */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);
/* Sets the clipboard (OSC 52), where the terminal allows it. */
void terminal_copy(struct terminal *terminal, const char *text, size_t len);

#endif
