/* SPDX-License-Identifier: Apache-2.0
 *
 * screen_curses.c - shows a screen on a terminal and reads its keys.
 *
 * Of ncurses the terminal database is used, not the window layer: the cells
 * are already diffed by us against what is shown, by our own widths, so a
 * frame in which nothing changed costs no byte, and one write() holds a whole
 * frame. What the database knows (can the cursor be placed, how many colours,
 * the alternate screen) decides; the sequences themselves are ECMA-48, which
 * is what every terminal that can place the cursor that way speaks.
 */
#include "screen.h"

#include <curses.h>
#include <term.h>

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"

#define ESCAPE_WAIT_MS 10
#define OUT_MAX (8u * 1024u * 1024u)
#define STDERR_KEPT 65536

struct terminal {
	int fd;
	bool own_fd;
	int colours; /* 0, 8, 16, 256, or 1 << 24 */
	bool ascii, mouse, alive, active, valid, ring;
	struct termios saved;
	char enter[160], leave[160];
	size_t leave_len;
	int stderr_fd;  /* the real one, while ours goes to memory; -1 */
	int stderr_mem;

	struct keys *keys;
	int64_t last_input_ns;

	struct cell *shown;
	int rows, cols;
	int cursor_row, cursor_col; /* what the terminal shows; -1: hidden */

	char *out;
	size_t out_len, out_cap, out_sent;
	int at_row, at_col;  /* where the next character would land; -1: not known */
	struct style pen;
	bool pen_known;
	struct sigaction old_action[5];
};

/* The one thing a signal handler can reach. Written before the handlers are
 * set and cleared after they are gone. */
static struct {
	int fd, stderr_fd;
	struct termios saved;
	char leave[160];
	size_t leave_len;
} crash = { -1, -1, { 0 }, "", 0 };

static const int crash_signals[5] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Only calls that are safe in a signal handler: write, tcsetattr, dup2, raise. */
static void on_crash(int number)
{
	if (crash.fd >= 0) {
		ssize_t n = write(crash.fd, crash.leave, crash.leave_len);
		(void)n;
		tcsetattr(crash.fd, TCSANOW, &crash.saved);
		if (crash.stderr_fd >= 0)
			dup2(crash.stderr_fd, STDERR_FILENO);
		crash.fd = -1;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void watch_crashes(struct terminal *terminal)
{
	struct sigaction action;
	int i;

	crash.saved = terminal->saved;
	memcpy(crash.leave, terminal->leave, sizeof crash.leave);
	crash.leave_len = terminal->leave_len;
	crash.stderr_fd = terminal->stderr_fd;
	crash.fd = terminal->fd;
	memset(&action, 0, sizeof action);
	action.sa_handler = on_crash;
	action.sa_flags = SA_NODEFER | SA_RESETHAND;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < 5; i++)
		sigaction(crash_signals[i], &action, &terminal->old_action[i]);
}

static void unwatch_crashes(struct terminal *terminal)
{
	int i;
	for (i = 0; i < 5; i++)
		sigaction(crash_signals[i], &terminal->old_action[i], NULL);
	crash.fd = -1;
	crash.stderr_fd = -1;
}

/* ------------------------------------------------------------------ output */

static void out_bytes(struct terminal *terminal, const char *bytes, size_t len)
{
	if (terminal->out_len + len > terminal->out_cap) {
		size_t cap = terminal->out_cap < 16384 ? 16384 : terminal->out_cap;
		char *grown;
		while (cap < terminal->out_len + len)
			cap *= 2;
		grown = cap > OUT_MAX ? NULL : realloc(terminal->out, cap);
		if (grown == NULL) {
			terminal->valid = false; /* the frame is torn: the next one is drawn whole */
			return;
		}
		terminal->out = grown;
		terminal->out_cap = cap;
	}
	memcpy(terminal->out + terminal->out_len, bytes, len);
	terminal->out_len += len;
}

static void out_text(struct terminal *terminal, const char *text)
{
	out_bytes(terminal, text, strlen(text));
}

static void out_char(struct terminal *terminal, uint32_t ch)
{
	char b[4];
	size_t n;
	if (ch < 0x80) {
		b[0] = (char)ch;
		n = 1;
	} else if (ch < 0x800) {
		b[0] = (char)(0xc0 | ch >> 6);
		b[1] = (char)(0x80 | (ch & 0x3f));
		n = 2;
	} else if (ch < 0x10000) {
		b[0] = (char)(0xe0 | ch >> 12);
		b[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[2] = (char)(0x80 | (ch & 0x3f));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | ch >> 18);
		b[1] = (char)(0x80 | (ch >> 12 & 0x3f));
		b[2] = (char)(0x80 | (ch >> 6 & 0x3f));
		b[3] = (char)(0x80 | (ch & 0x3f));
		n = 4;
	}
	out_bytes(terminal, b, n);
}

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

/* The colour as this terminal can show it. */
static int32_t shown_colour(const struct terminal *terminal, int32_t colour)
{
	if (colour < 0 || terminal->colours == 0)
		return COLOUR_DEFAULT;
	if (terminal->colours >= 1 << 24)
		return colour;
	if (colour >= 0x1000000)
		colour = to_256(colour & 0xffffff);
	if (terminal->colours >= 256)
		return colour;
	colour = to_16(colour);
	return terminal->colours < 16 ? colour & 7 : colour;
}

static void out_colour(struct terminal *terminal, int32_t colour, bool background)
{
	char text[32];
	int base = background ? 40 : 30;
	if (colour < 0)
		return;
	if (colour >= 0x1000000)
		snprintf(text, sizeof text, ";%d;2;%d;%d;%d", base + 8, (int)(colour >> 16 & 255),
		         (int)(colour >> 8 & 255), (int)(colour & 255));
	else if (colour < 8)
		snprintf(text, sizeof text, ";%d", base + (int)colour);
	else if (colour < 16)
		snprintf(text, sizeof text, ";%d", base + 60 + (int)colour - 8);
	else
		snprintf(text, sizeof text, ";%d;5;%d", base + 8, (int)colour);
	out_text(terminal, text);
}

static bool same_style(const struct style *a, const struct style *b)
{
	return a->fg == b->fg && a->bg == b->bg && a->attr == b->attr;
}

static void set_pen(struct terminal *terminal, const struct style *wanted)
{
	static const struct {
		uint16_t attr;
		char code[3];
	} codes[] = { { ATTR_BOLD, ";1" },      { ATTR_DIM, ";2" },   { ATTR_ITALIC, ";3" },
		      { ATTR_UNDERLINE, ";4" }, { ATTR_BLINK, ";5" }, { ATTR_REVERSE, ";7" } };
	struct style style = *wanted;
	size_t i;

	/* Bright colours of a terminal that has eight: bold stands for them. */
	if (terminal->colours == 8 && style.fg >= 8 && style.fg < 16)
		style.attr |= ATTR_BOLD;
	style.fg = shown_colour(terminal, style.fg);
	style.bg = shown_colour(terminal, style.bg);
	if (terminal->pen_known && same_style(&style, &terminal->pen))
		return;
	out_text(terminal, "\033[0");
	for (i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (style.attr & codes[i].attr)
			out_bytes(terminal, codes[i].code, 2);
	}
	out_colour(terminal, style.fg, false);
	out_colour(terminal, style.bg, true);
	out_text(terminal, "m");
	terminal->pen = style;
	terminal->pen_known = true;
}

static void go(struct terminal *terminal, int row, int col)
{
	char text[32];
	if (terminal->at_row == row && terminal->at_col == col)
		return;
	if (terminal->at_row == row && terminal->at_col >= 0 && col > terminal->at_col && col - terminal->at_col < 10)
		snprintf(text, sizeof text, "\033[%dC", col - terminal->at_col);
	else
		snprintf(text, sizeof text, "\033[%d;%dH", row + 1, col + 1);
	out_text(terminal, text);
	terminal->at_row = row;
	terminal->at_col = col;
}

/* Characters whose width every terminal agrees on. After any other the cursor
 * is placed anew instead of being believed. */
static bool trusted(const struct cell *cell)
{
	uint32_t ch = cell->ch[0];
	return cell->width == 1 && cell->ch[1] == 0 &&
	       (ch < 0x300 || (ch >= 0x2010 && ch <= 0x2027) || (ch >= 0x2190 && ch <= 0x23cf) ||
	        (ch >= 0x2500 && ch <= 0x25fc) || (ch >= 0x2800 && ch <= 0x28ff));
}

static bool same_cell(const struct cell *a, const struct cell *b)
{
	int i;
	if (a->ch[0] != b->ch[0] || a->width != b->width || !same_style(&a->style, &b->style))
		return false;
	for (i = 1; i < CELL_CHARS && (a->ch[i] != 0 || b->ch[i] != 0); i++) {
		if (a->ch[i] != b->ch[i])
			return false;
	}
	return true;
}

static void show_cell(struct terminal *terminal, int row, int col, const struct cell *cell)
{
	int i;
	go(terminal, row, col);
	set_pen(terminal, &cell->style);
	for (i = 0; i < CELL_CHARS && cell->ch[i] != 0; i++)
		out_char(terminal, cell->ch[i]);
	terminal->at_col = trusted(cell) ? col + cell->width : -1;
}

static bool plain_blank(const struct cell *cell)
{
	return cell->ch[0] == ' ' && cell->ch[1] == 0 && cell->style.bg < 0 &&
	       (cell->style.attr & (ATTR_REVERSE | ATTR_UNDERLINE)) == 0;
}

static void show_row(struct terminal *terminal, const struct screen *screen, int row)
{
	static const struct style none = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	struct cell *shown = terminal->shown + (size_t)row * (size_t)terminal->cols;
	int col, end = terminal->cols, changed = 0;

	while (end > 0 && plain_blank(screen_at(screen, row, end - 1)))
		end--;
	for (col = end; col < terminal->cols; col++)
		changed += !terminal->valid || !same_cell(&shown[col], screen_at(screen, row, col));
	for (col = 0; col < terminal->cols; col++) {
		const struct cell *cell = screen_at(screen, row, col);
		if (col == end && changed > 4) {
			go(terminal, row, col);
			set_pen(terminal, &none);
			out_text(terminal, "\033[K");
			break;
		}
		if (cell->width == 0)
			continue;
		if (terminal->valid && same_cell(&shown[col], cell) &&
		    (cell->width == 1 || same_cell(&shown[col + 1], cell + 1)))
			continue;
		show_cell(terminal, row, col, cell);
	}
	for (col = 0; col < terminal->cols; col++)
		shown[col] = *screen_at(screen, row, col);
}

void terminal_flush(struct terminal *terminal)
{
	while (terminal->out_sent < terminal->out_len) {
		ssize_t n = write(terminal->fd, terminal->out + terminal->out_sent, terminal->out_len - terminal->out_sent);
		if (n > 0) {
			terminal->out_sent += (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		} else {
			terminal->alive = false;
			break;
		}
	}
	terminal->out_len = 0;
	terminal->out_sent = 0;
}

bool terminal_pending(const struct terminal *terminal)
{
	return terminal->out_sent < terminal->out_len;
}

bool terminal_alive(const struct terminal *terminal)
{
	return terminal->alive;
}

void terminal_bell(struct terminal *terminal)
{
	terminal->ring = true;
}

static bool fit(struct terminal *terminal, int rows, int cols)
{
	struct cell *cells;
	if (terminal->shown != NULL && rows == terminal->rows && cols == terminal->cols)
		return true;
	cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
	if (cells == NULL)
		return false;
	free(terminal->shown);
	terminal->shown = cells;
	terminal->rows = rows;
	terminal->cols = cols;
	terminal->valid = false;
	return true;
}

void terminal_present(struct terminal *terminal, const struct screen *screen)
{
	int row, cursor_row, cursor_col;
	bool whole;

	if (!terminal->active || terminal_pending(terminal) || !fit(terminal, screen_rows(screen), screen_cols(screen)))
		return;
	whole = !terminal->valid;
	screen_get_cursor(screen, &cursor_row, &cursor_col);
	if (whole) {
		/* Cells are compared against nothing: all are written, so that a
		 * terminal that was scribbled on is repaired without a flash. */
		out_text(terminal, "\033[?25l\033[0m");
		terminal->cursor_row = -1;
		terminal->pen_known = false;
		terminal->at_row = -1;
	}
	for (row = 0; row < terminal->rows; row++)
		show_row(terminal, screen, row);
	terminal->valid = true;
	if (terminal->out_len > 0 && terminal->cursor_row >= 0 && !whole) {
		/* The cursor was visible while we wrote: that is fine for a key's echo,
		 * the frame arrives in one piece. */
		terminal->cursor_col = -1;
	}
	if (cursor_row < 0) {
		if (terminal->cursor_row >= 0)
			out_text(terminal, "\033[?25l");
	} else if (terminal->cursor_row != cursor_row || terminal->cursor_col != cursor_col) {
		terminal->at_row = -1;
		go(terminal, cursor_row, cursor_col);
		if (terminal->cursor_row < 0)
			out_text(terminal, "\033[?25h");
	}
	terminal->cursor_row = cursor_row;
	terminal->cursor_col = cursor_col;
	if (terminal->ring)
		out_text(terminal, "\a");
	terminal->ring = false;
	terminal_flush(terminal);
}

void terminal_redraw(struct terminal *terminal)
{
	terminal->valid = false;
}

/* ------------------------------------------------------- taking and giving */

static void append(char *to, size_t cap, const char *text)
{
	size_t have = strlen(to), n = text != NULL ? strlen(text) : 0;
	if (have + n < cap)
		memcpy(to + have, text != NULL ? text : "", n + 1);
}

/* A capability without the padding some old entries carry. */
static const char *capability(const char *name)
{
	char *text = tigetstr(name);
	if (text == NULL || text == (char *)-1 || strstr(text, "$<") != NULL)
		return NULL;
	return text;
}

static bool learn(struct terminal *terminal, const struct terminal_options *options, char *why, size_t cap)
{
	const char *name = getenv("TERM"), *colourterm = getenv("COLORTERM"), *place;
	int result = 0;

	if (name == NULL || *name == '\0' || strcmp(name, "dumb") == 0) {
		snprintf(why, cap, "TERM is %s, a terminal that cannot place its cursor. "
		         "Set TERM to your terminal's kind (xterm-256color fits most) or use the command line: stoker help",
		         name == NULL || *name == '\0' ? "not set" : "\"dumb\"");
		return false;
	}
	if (strlen(name) > 64 || setupterm(name, STDOUT_FILENO, &result) != OK) {
		snprintf(why, cap, "the terminal database does not know TERM=%.64s. "
		         "Install ncurses-term or set TERM=xterm-256color", name);
		return false;
	}
	place = capability("cup");
	if (place == NULL || strncmp(place, "\033[", 2) != 0) {
		snprintf(why, cap, "a terminal of the kind TERM=%.64s cannot place its cursor as the dashboard needs. "
		         "Use the command line: stoker help", name);
		return false;
	}
	terminal->colours = tigetnum("colors");
	if (terminal->colours < 8 || options->no_colour)
		terminal->colours = 0;
	else if (terminal->colours >= 256)
		terminal->colours = colourterm != NULL && (strcmp(colourterm, "truecolor") == 0 || strcmp(colourterm, "24bit") == 0)
			? 1 << 24 : 256;
	else
		terminal->colours = terminal->colours >= 16 ? 16 : 8;
	if (options->colours > 0 && terminal->colours > options->colours)
		terminal->colours = options->colours;
	/* Autowrap off: the last cell can be written without scrolling. */
	append(terminal->enter, sizeof terminal->enter, capability("smcup"));
	append(terminal->enter, sizeof terminal->enter, "\033[0m\033[?7l\033[?25l\033[?2004h");
	if (terminal->mouse)
		append(terminal->enter, sizeof terminal->enter, "\033[?1002h\033[?1006h");
	append(terminal->enter, sizeof terminal->enter, "\033[H\033[2J");
	append(terminal->leave, sizeof terminal->leave, "\033[0m");
	if (terminal->mouse)
		append(terminal->leave, sizeof terminal->leave, "\033[?1006l\033[?1002l");
	append(terminal->leave, sizeof terminal->leave, "\033[?2004l\033[?7h\033[?25h");
	if (capability("rmcup") != NULL)
		append(terminal->leave, sizeof terminal->leave, capability("rmcup"));
	else
		append(terminal->leave, sizeof terminal->leave, "\033[H\033[2J");
	terminal->leave_len = strlen(terminal->leave);
	return true;
}

/* Messages that libraries print would tear the picture: they are kept and
 * shown when the terminal is given back. */
static void catch_stderr(struct terminal *terminal)
{
	if (!isatty(STDERR_FILENO))
		return;
	terminal->stderr_mem = memfd_create("stderr", MFD_CLOEXEC);
	terminal->stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (terminal->stderr_mem < 0 || terminal->stderr_fd < 0 || dup2(terminal->stderr_mem, STDERR_FILENO) < 0) {
		if (terminal->stderr_mem >= 0)
			close(terminal->stderr_mem);
		if (terminal->stderr_fd >= 0)
			close(terminal->stderr_fd);
		terminal->stderr_mem = terminal->stderr_fd = -1;
	}
}

static void release_stderr(struct terminal *terminal)
{
	char buf[1024];
	off_t at = 0;
	ssize_t n;
	if (terminal->stderr_fd < 0)
		return;
	dup2(terminal->stderr_fd, STDERR_FILENO);
	while (at < STDERR_KEPT && (n = pread(terminal->stderr_mem, buf, sizeof buf, at)) > 0) {
		ssize_t put = write(STDERR_FILENO, buf, (size_t)n);
		if (put <= 0)
			break;
		at += put;
	}
	close(terminal->stderr_fd);
	close(terminal->stderr_mem);
	terminal->stderr_fd = terminal->stderr_mem = -1;
}

/* Blocking in spirit, but never for longer than `ms`: a terminal stopped by
 * Ctrl-S must not keep the program from ending. */
static void write_out(struct terminal *terminal, const char *bytes, size_t len, int ms)
{
	int64_t end = now_ns() + (int64_t)ms * 1000000;
	while (len > 0) {
		ssize_t n = write(terminal->fd, bytes, len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN && now_ns() < end) {
			struct pollfd p = { terminal->fd, POLLOUT, 0 };
			poll(&p, 1, 50);
		} else {
			return;
		}
	}
}

static bool take(struct terminal *terminal)
{
	struct termios raw = terminal->saved;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
	raw.c_cflag |= CS8;
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(terminal->fd, TCSANOW, &raw) != 0)
		return false;
	terminal->active = true;
	terminal->valid = false;
	terminal->cursor_row = -1;
	catch_stderr(terminal);
	watch_crashes(terminal);
	write_out(terminal, terminal->enter, strlen(terminal->enter), 500);
	return true;
}

static void give_back(struct terminal *terminal)
{
	if (!terminal->active)
		return;
	terminal->active = false;
	unwatch_crashes(terminal);
	if (terminal->alive) {
		write_out(terminal, terminal->out + terminal->out_sent, terminal->out_len - terminal->out_sent, 200);
		write_out(terminal, terminal->leave, terminal->leave_len, 500);
	}
	terminal->out_len = terminal->out_sent = 0;
	tcsetattr(terminal->fd, TCSANOW, &terminal->saved);
	release_stderr(terminal);
}

struct terminal *terminal_open(const struct terminal_options *options, char *why, size_t cap)
{
	struct terminal *terminal;
	char *name;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(why, cap, "the dashboard needs a terminal, and standard %s is none. "
		         "Use the command line (stoker help) or stoker tui --once",
		         isatty(STDIN_FILENO) ? "output" : "input");
		return NULL;
	}
	terminal = calloc(1, sizeof *terminal);
	if (terminal == NULL || (terminal->keys = keys_new()) == NULL) {
		free(terminal);
		snprintf(why, cap, "no memory");
		return NULL;
	}
	terminal->stderr_fd = terminal->stderr_mem = -1;
	terminal->alive = true;
	terminal->mouse = options->mouse;
	terminal->ascii = options->ascii || strcasecmp(nl_langinfo(CODESET), "UTF-8") != 0;
	/* Opened anew so that "do not block" stays ours and is not left behind on
	 * the descriptor that we share with the shell that started us. */
	name = ttyname(STDIN_FILENO);
	terminal->fd = open(name != NULL ? name : "/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	terminal->own_fd = terminal->fd >= 0;
	if (terminal->fd < 0)
		terminal->fd = STDIN_FILENO;
	if (!learn(terminal, options, why, cap))
		goto fail;
	if (tcgetattr(terminal->fd, &terminal->saved) != 0 || !take(terminal)) {
		snprintf(why, cap, "the terminal does not take its settings: %s", strerror(errno));
		goto fail;
	}
	return terminal;
fail:
	terminal_close(terminal);
	return NULL;
}

void terminal_close(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	give_back(terminal);
	if (terminal->own_fd)
		close(terminal->fd);
	keys_free(terminal->keys);
	free(terminal->shown);
	free(terminal->out);
	free(terminal);
}

void terminal_suspend(struct terminal *terminal)
{
	give_back(terminal);
}

void terminal_resume(struct terminal *terminal)
{
	if (terminal->active) {
		/* Stopped without a word to us (SIGSTOP): the settings may be the shell's now. */
		give_back(terminal);
	}
	take(terminal);
}

void terminal_size(struct terminal *terminal, int *rows, int *cols)
{
	struct winsize size;
	*rows = 24;
	*cols = 80;
	if (ioctl(terminal->fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
		*rows = size.ws_row > 1000 ? 1000 : size.ws_row;
		*cols = size.ws_col > 1000 ? 1000 : size.ws_col;
	}
}

bool terminal_ascii(const struct terminal *terminal)
{
	return terminal->ascii;
}

int terminal_fd(const struct terminal *terminal)
{
	return terminal->fd;
}

int terminal_timeout_ms(const struct terminal *terminal)
{
	int64_t left;
	if (!keys_waiting(terminal->keys))
		return -1;
	left = terminal->last_input_ns + ESCAPE_WAIT_MS * 1000000LL - now_ns();
	return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

bool terminal_read(struct terminal *terminal, struct key *key)
{
	for (;;) {
		size_t cap;
		void *room;
		ssize_t n;

		if (keys_take(terminal->keys, terminal_timeout_ms(terminal) == 0, key))
			return true;
		room = keys_room(terminal->keys, &cap);
		if (cap == 0)
			return false;
		/* A terminal that we could not open anew may block: ask first. */
		if (!terminal->own_fd) {
			struct pollfd p = { terminal->fd, POLLIN, 0 };
			if (poll(&p, 1, 0) <= 0)
				return false;
		}
		n = read(terminal->fd, room, cap);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			terminal->alive = false;
		if (n <= 0)
			return false;
		keys_added(terminal->keys, (size_t)n);
		terminal->last_input_ns = now_ns();
	}
}
