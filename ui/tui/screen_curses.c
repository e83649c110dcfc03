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
#include <unistd.h>

#include "common/base64.h"
#include "common/now.h"
#include "keys.h"
#include "painter.h"

#define ESCAPE_WAIT_MS 10
#define STDERR_KEPT 65536
#define ANSWER_WAIT_MS 2000 /* a later one says nothing about this terminal */
#define ANSWER_DRAIN_MS 100 /* at the end: what still comes would be typed into the shell */

struct terminal {
	int fd;
	bool own_fd;
	struct painter painter;
	bool ascii, mouse, alive, active;
	bool ask;             /* ask for the ground's colour when the terminal is taken */
	int64_t asked_ns;     /* 0: no answer is waited for */
	struct termios saved;
	char enter[160], leave[160];
	size_t leave_len;
	int stderr_fd;  /* the real one, while ours goes to memory; -1 */
	int stderr_mem;

	struct keys *keys;
	int64_t last_input_ns;

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

void terminal_flush(struct terminal *terminal)
{
	struct painter *painter;
	if (terminal == NULL)
		return;
	painter = &terminal->painter;
	while (painter->out_sent < painter->out_len) {
		ssize_t n = write(terminal->fd, painter->out + painter->out_sent, painter->out_len - painter->out_sent);
		if (n > 0) {
			painter->out_sent += (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			return;
		} else {
			terminal->alive = false;
			break;
		}
	}
	painter->out_len = 0;
	painter->out_sent = 0;
}

bool terminal_pending(const struct terminal *terminal)
{
	return terminal != NULL && terminal->painter.out_sent < terminal->painter.out_len;
}

bool terminal_alive(const struct terminal *terminal)
{
	return terminal == NULL || terminal->alive;
}

void terminal_copy(struct terminal *terminal, const char *text, size_t len)
{
	char *coded = terminal != NULL && terminal->active ? base64_encode(text, len) : NULL;
	if (coded == NULL)
		return;
	painter_append(&terminal->painter, "\033]52;c;", 7);
	painter_append(&terminal->painter, coded, strlen(coded));
	painter_append(&terminal->painter, "\033\\", 2);
	free(coded);
	terminal_flush(terminal);
}

void terminal_present(struct terminal *terminal, const struct screen *screen)
{
	if (terminal == NULL || !terminal->active || terminal_pending(terminal))
		return;
	painter_present(&terminal->painter, screen);
	terminal_flush(terminal);
}

void terminal_palette(struct terminal *terminal, enum palette palette)
{
	if (terminal == NULL || terminal->painter.palette == palette)
		return;
	terminal->painter.palette = palette;
	terminal->painter.valid = false;
}

void terminal_redraw(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	terminal->painter.valid = false;
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

static int colours_of(const struct terminal_options *options)
{
	const char *colourterm = getenv("COLORTERM");
	int colours = tigetnum("colors");

	if (colours < 8 || options->no_colour)
		return 0;
	if (colours >= 256 && colourterm != NULL && (strcmp(colourterm, "truecolor") == 0 || strcmp(colourterm, "24bit") == 0))
		colours = 1 << 24;
	else
		colours = colours >= 256 ? 256 : colours >= 16 ? 16 : 8;
	return options->colours > 0 && options->colours < colours ? options->colours : colours;
}

/* Kinds that are known to take the question for what it is, answered or not:
 * the Linux console's older versions would print it. */
static bool can_be_asked(const char *name)
{
	static const char *const kinds[] = { "xterm", "tmux", "foot", "alacritty", "rxvt", "st-", "st", "kitty", "wezterm",
		                             "ghostty", "konsole", "vte", "gnome", "contour", "mlterm" };
	size_t i;
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0 && (strcmp(kinds[i], "st") != 0 || name[2] == '\0'))
			return true;
	}
	return false;
}

#define BACKGROUND_QUESTION "\033]11;?\033\\"
#define MOUSE_ON "\033[?1002h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1002l"

static void learn_enter(struct terminal *terminal)
{
	terminal->enter[0] = '\0';
	/* Autowrap off: the last cell can be written without scrolling. */
	append(terminal->enter, sizeof terminal->enter, capability("smcup"));
	append(terminal->enter, sizeof terminal->enter, "\033[0m\033[?7l\033[?25l\033[?2004h");
	if (terminal->mouse)
		append(terminal->enter, sizeof terminal->enter, MOUSE_ON);
	append(terminal->enter, sizeof terminal->enter, "\033[H\033[2J");
}

static bool learn(struct terminal *terminal, const struct terminal_options *options, char *why, size_t cap)
{
	const char *name = getenv("TERM"), *place;
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
	/* Only the form matters: the painter writes it itself, and the pauses of a real vt100 ($<5>) are no emulator's. */
	place = tigetstr("cup");
	if (place == NULL || place == (char *)-1 || strncmp(place, "\033[", 2) != 0) {
		snprintf(why, cap, "a terminal of the kind TERM=%.64s cannot place its cursor as the dashboard needs. "
		         "Use the command line: stoker help", name);
		return false;
	}
	terminal->painter.colours = colours_of(options);
	terminal->painter.palette = options->palette;
	terminal->ask = options->ask_background && terminal->painter.colours > 0 && can_be_asked(name);
	learn_enter(terminal);
	/* Where there is no other screen to go back to (GNU screen as it comes), the shell goes on below the picture. */
	append(terminal->leave, sizeof terminal->leave, "\033[0m\033[999;1H\033[K");
	/* Never wanted is not the same as never turned on: the setting may change. */
	append(terminal->leave, sizeof terminal->leave, MOUSE_OFF);
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
	int64_t end = mono_ns() + (int64_t)ms * 1000000;
	while (len > 0) {
		ssize_t n = write(terminal->fd, bytes, len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN && mono_ns() < end) {
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
	terminal->painter.valid = false;
	terminal->painter.cursor_row = -1;
	catch_stderr(terminal);
	watch_crashes(terminal);
	write_out(terminal, terminal->enter, strlen(terminal->enter), 500);
	if (terminal->ask) {
		static const char question[] = BACKGROUND_QUESTION;
		write_out(terminal, question, sizeof question - 1, 100);
		terminal->asked_ns = mono_ns();
		terminal->ask = false; /* once: another terminal would be another question */
	}
	return true;
}

static void give_back(struct terminal *terminal)
{
	struct painter *painter = &terminal->painter;
	if (!terminal->active)
		return;
	terminal->active = false;
	unwatch_crashes(terminal);
	if (terminal->alive && terminal->asked_ns != 0 && mono_ns() - terminal->asked_ns < ANSWER_WAIT_MS * 1000000LL) {
		/* Left before the terminal had answered. */
		struct pollfd p = { terminal->fd, POLLIN, 0 };
		if (poll(&p, 1, ANSWER_DRAIN_MS) > 0)
			tcflush(terminal->fd, TCIFLUSH);
	}
	terminal->asked_ns = 0;
	if (terminal->alive) {
		write_out(terminal, painter->out + painter->out_sent, painter->out_len - painter->out_sent, 200);
		write_out(terminal, terminal->leave, terminal->leave_len, 500);
	}
	painter->out_len = painter->out_sent = 0;
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
	painter_free(&terminal->painter);
	free(terminal);
}

void terminal_suspend(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
	give_back(terminal);
}

void terminal_resume(struct terminal *terminal)
{
	if (terminal == NULL)
		return;
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
	if (terminal != NULL && ioctl(terminal->fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
		*rows = size.ws_row > 1000 ? 1000 : size.ws_row;
		*cols = size.ws_col > 1000 ? 1000 : size.ws_col;
	}
}

void terminal_adjust(struct terminal *terminal, const struct terminal_options *options)
{
	static const char question[] = BACKGROUND_QUESTION;
	struct painter *painter = &terminal->painter;
	const char *name = getenv("TERM");

	painter->colours = colours_of(options);
	painter->palette = options->palette;
	painter->valid = false;
	terminal->ascii = options->ascii;
	if (terminal->mouse != options->mouse) {
		const char *bytes = options->mouse ? MOUSE_ON : MOUSE_OFF;
		terminal->mouse = options->mouse;
		learn_enter(terminal);
		painter_append(painter, bytes, strlen(bytes));
	}
	if (options->ask_background && painter->colours > 0 && name != NULL && can_be_asked(name)) {
		painter_append(painter, question, sizeof question - 1);
		terminal->asked_ns = mono_ns();
	}
	terminal_flush(terminal);
}

int terminal_fd(const struct terminal *terminal)
{
	return terminal != NULL ? terminal->fd : -1;
}

int terminal_timeout_ms(const struct terminal *terminal)
{
	int64_t left;
	if (terminal == NULL || !keys_waiting(terminal->keys))
		return -1;
	left = terminal->last_input_ns + ESCAPE_WAIT_MS * 1000000LL - mono_ns();
	return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

bool terminal_read(struct terminal *terminal, struct key *key)
{
	while (terminal != NULL) {
		size_t cap;
		void *room;
		ssize_t n;

		if (keys_take(terminal->keys, terminal_timeout_ms(terminal) == 0, key)) {
			bool awaited = terminal->asked_ns != 0 && mono_ns() - terminal->asked_ns < ANSWER_WAIT_MS * 1000000LL;
			if (key->kind != KEY_KIND_BACKGROUND)
				return true;
			terminal->asked_ns = 0;
			if (awaited)
				return true;
			continue;
		}
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
		terminal->last_input_ns = mono_ns();
	}
	return false;
}
