/* SPDX-License-Identifier: Apache-2.0
 *
 * term_play.c - what the shell pane's emulator shows:
 *
 *	term_play ROWS COLS <FILE                  after the bytes of a file
 *	term_play ROWS COLS KEYS FOLDER CMD...     while a program runs on it, which gets the emulator's answers:
 *	                                           FOLDER/00, 01 ... hold the screen after each step of KEYS, which
 *	                                           are separated by '|' ("\r" is Enter, "\x1b" Escape)
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tui/term.h"

#define QUIET_MS 400   /* so long nothing came: it waits for a key */
#define PATIENCE_S 20  /* for one step */

static void show(const struct term *term, int rows, int cols, FILE *out)
{
	struct screen *screen = screen_new(rows, cols);
	char *text;
	term_draw(term, screen, 0, 0, rows, cols, 0, false);
	text = screen_text(screen);
	fputs(text, out);
	free(text);
	screen_free(screen);
}

/* False when the program has ended. */
static bool settle(struct term *term, int fd)
{
	time_t until = time(NULL) + PATIENCE_S;
	while (time(NULL) < until) {
		struct pollfd p = { fd, POLLIN, 0 };
		char buf[16384];
		ssize_t n;
		if (poll(&p, 1, QUIET_MS) == 0)
			return true;
		n = read(fd, buf, sizeof buf);
		if (n <= 0)
			return false;
		term_feed(term, buf, (size_t)n);
		while ((n = (ssize_t)term_output(term, buf, sizeof buf)) > 0) {
			if (write(fd, buf, (size_t)n) != n)
				return false;
		}
	}
	return true;
}

static char hex(const char *two)
{
	char digits[3] = { two[0], two[1], '\0' };
	return (char)strtol(digits, NULL, 16);
}

static void type(int fd, const char *keys, size_t len)
{
	size_t i;
	for (i = 0; i < len; i++) {
		char key = keys[i];
		if (key == '\\' && i + 1 < len && keys[i + 1] == 'r') {
			key = '\r';
			i++;
		} else if (key == '\\' && i + 3 < len && keys[i + 1] == 'x') {
			key = hex(keys + i + 2);
			i += 3;
		}
		if (write(fd, &key, 1) != 1)
			return;
	}
}

static int run(struct term *term, int rows, int cols, char **argv)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
	const char *keys = argv[0];
	int fd, step = 0;
	bool alive;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);

	if (pid < 0) {
		perror("term_play: forkpty");
		return 1;
	}
	if (pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	alive = settle(term, fd);
	while (alive && *keys != '\0') {
		size_t len = strcspn(keys, "|");
		char path[512];
		FILE *out;
		type(fd, keys, len);
		keys += len + (keys[len] == '|');
		alive = settle(term, fd);
		snprintf(path, sizeof path, "%s/%02d", argv[1], step++);
		out = fopen(path, "we");
		if (out == NULL) {
			perror(path);
			break;
		}
		show(term, rows, cols, out);
		fclose(out);
	}
	kill(pid, SIGKILL); /* our own child */
	waitpid(pid, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	int rows = argc > 2 ? atoi(argv[1]) : 0, cols = argc > 2 ? atoi(argv[2]) : 0, code = 0;
	struct term *term;
	char buf[16384];
	ssize_t n;

	if (rows < 2 || cols < 2 || (argc > 3 && argc < 6)) {
		fprintf(stderr, "term_play: see the head of term_play.c\n");
		return 2;
	}
	term = term_new(rows, cols, 0);
	if (argc > 3) {
		code = run(term, rows, cols, argv + 3);
	} else {
		while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
			term_feed(term, buf, (size_t)n);
		show(term, rows, cols, stdout);
	}
	term_free(term);
	return code;
}
