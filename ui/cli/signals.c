/* SPDX-License-Identifier: Apache-2.0
 *
 * signals.c - signals turned into something poll() sees, and a terminal that
 * is given back whatever happens.
 *
 * A signal handler gets no argument of ours, so what it needs must be static:
 * this file is the one place of the command line with state of its own.
 */
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int cancel_pipe[2] = { -1, -1 };
static volatile sig_atomic_t caught;

static int resize_pipe[2] = { -1, -1 };
static volatile int size_word;
static int tty_fd = -1;
static struct termios tty_saved, tty_raw_mode;
static volatile sig_atomic_t tty_is_raw;
static char last_words[256];
static volatile sig_atomic_t last_words_len;

static void on_cancel(int signo)
{
	int saved = errno;

	if (!caught)
		caught = signo;
	if (write(cancel_pipe[1], "", 1) < 0) {
		/* The pipe is full: it is readable already. */
	}
	errno = saved;
}

static void handle(int signo, void (*handler)(int))
{
	struct sigaction old, action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	if (sigaction(signo, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(signo, &action, NULL);
}

int signals_cancel_fd(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	if (cancel_pipe[0] >= 0)
		return cancel_pipe[0];
	if (pipe2(cancel_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		handle(signals[i], on_cancel);
	return cancel_pipe[0];
}

int signals_caught(void)
{
	return caught;
}

void signals_end(void)
{
	int signo = caught;

	if (!signo)
		return;
	signal(signo, SIG_DFL);
	raise(signo);
}

void terminal_dimensions(int fd, uint16_t *rows, uint16_t *cols)
{
	struct winsize size;

	*rows = 24;
	*cols = 80;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
		*rows = size.ws_row;
		*cols = size.ws_col;
	}
}

static void read_size(void)
{
	uint16_t rows, cols;

	terminal_dimensions(tty_fd, &rows, &cols);
	size_word = (int)((unsigned)rows << 16 | cols);
}

static void on_resize(int signo)
{
	int saved = errno;

	(void)signo;
	read_size();
	if (write(resize_pipe[1], "", 1) < 0) {
		/* Full: readable already. */
	}
	errno = saved;
}

static void on_fatal(int signo)
{
	/* tcsetattr is async-signal-safe; the handler is gone (SA_RESETHAND), so raising ends us as it should. */
	if (tty_is_raw) {
		tcsetattr(tty_fd, TCSANOW, &tty_saved);
		if (write(STDOUT_FILENO, last_words, (size_t)last_words_len) < 0) {
			/* There is nothing left to try. */
		}
	}
	raise(signo);
}

static void on_stop(int signo)
{
	int saved = errno;

	(void)signo;
	if (tty_is_raw)
		tcsetattr(tty_fd, TCSANOW, &tty_saved);
	raise(SIGSTOP);
	/* Continued: in the background this would stop us again with SIGTTOU, and rightly so. */
	if (tty_is_raw) {
		tcsetattr(tty_fd, TCSANOW, &tty_raw_mode);
		on_resize(SIGWINCH);
	}
	errno = saved;
}

bool tty_raw(int fd)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };

	if (tcgetattr(fd, &tty_saved) != 0)
		return false;
	if (resize_pipe[0] < 0 && pipe2(resize_pipe, O_CLOEXEC | O_NONBLOCK) != 0)
		return false;
	tty_fd = fd;
	tty_raw_mode = tty_saved;
	cfmakeraw(&tty_raw_mode);
	read_size();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
	handle(SIGTSTP, on_stop);
	action.sa_handler = on_resize;
	action.sa_flags = 0;
	sigaction(SIGWINCH, &action, NULL);
	tty_is_raw = 1;
	if (tcsetattr(fd, TCSANOW, &tty_raw_mode) != 0) {
		tty_is_raw = 0;
		return false;
	}
	return true;
}

void tty_restore(void)
{
	if (!tty_is_raw)
		return;
	tty_is_raw = 0;
	tcsetattr(tty_fd, TCSANOW, &tty_saved);
	signal(SIGTSTP, SIG_DFL);
}

void tty_last_words(const char *bytes, size_t len)
{
	last_words_len = 0;
	if (len > sizeof(last_words))
		return;
	memcpy(last_words, bytes, len);
	last_words_len = (sig_atomic_t)len;
}

const volatile int *tty_size(void)
{
	return &size_word;
}

int tty_resize_fd(void)
{
	return resize_pipe[0];
}
