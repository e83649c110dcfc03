/* SPDX-License-Identifier: Apache-2.0
 *
 * term_play.c - what the shell pane's emulator shows:
 *
 *	term_play cells COLSxROWS FILE ...         after the bytes of each file, which were written for that size: a line
 *	                                           for each cell, with its place, colours, attributes and characters
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

#include "common/text.h"
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

static void put_colour(int32_t colour)
{
	if (colour == COLOUR_DEFAULT)
		fputs("default\t", stdout);
	else if (colour >= 0x1000000)
		printf("#%06x\t", (unsigned)colour & 0xffffffU);
	else
		printf("%d\t", (int)colour);
}

static void put_cells(const struct term *term, int rows, int cols)
{
	static const struct { unsigned bit; const char *name; } attributes[] = {
		{ ATTR_BOLD, "bold" }, { ATTR_DIM, "dim" }, { ATTR_UNDERLINE, "underline" },
		{ ATTR_REVERSE, "reverse" }, { ATTR_ITALIC, "italic" }, { ATTR_BLINK, "blink" },
		{ ATTR_STRIKE, "struck" },
	};
	struct screen *screen = screen_new(rows, cols);
	int row, col, i;

	term_draw(term, screen, 0, 0, rows, cols, 0, false);
	for (row = 0; row < rows; row++) {
		for (col = 0; col < cols; col++) {
			const struct cell *cell = screen_at(screen, row, col);
			if (cell->width == 0)
				continue;
			printf("%d\t%d\t", row, col);
			put_colour(cell->style.fg);
			put_colour(cell->style.bg);
			for (i = 0; i < (int)(sizeof attributes / sizeof attributes[0]); i++) {
				if (cell->style.attr & attributes[i].bit)
					printf("%s ", attributes[i].name);
			}
			putchar('\t');
			for (i = 0; i < CELL_CHARS && cell->ch[i] != 0; i++) {
				char utf8[4];
				fwrite(utf8, 1, text_encode(utf8, cell->ch[i]), stdout);
			}
			putchar('\n');
		}
	}
	screen_free(screen);
}

/* Pairs of a size and a file. */
static int play(int count, char **pairs)
{
	struct term *term = NULL;
	int rows = 0, cols = 0, i;

	for (i = 0; i + 1 < count; i += 2) {
		char buf[16384];
		ssize_t n;
		int fd = open(pairs[i + 1], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || sscanf(pairs[i], "%dx%d", &cols, &rows) != 2) {
			fprintf(stderr, "term_play: %s %s: no size and file\n", pairs[i], pairs[i + 1]);
			return 1;
		}
		if (term == NULL)
			term = term_new(rows, cols, 10000);
		else
			term_resize(term, rows, cols);
		while ((n = read(fd, buf, sizeof buf)) > 0)
			term_feed(term, buf, (size_t)n);
		close(fd);
	}
	put_cells(term, rows, cols);
	term_free(term);
	return 0;
}

int main(int argc, char **argv)
{
	int rows = argc > 2 ? atoi(argv[1]) : 0, cols = argc > 2 ? atoi(argv[2]) : 0, code;
	struct term *term;

	if (argc >= 4 && argc % 2 == 0 && strcmp(argv[1], "cells") == 0)
		return play(argc - 2, argv + 2);
	if (rows < 2 || cols < 2 || argc < 6) {
		fprintf(stderr, "term_play: see the head of term_play.c\n");
		return 2;
	}
	term = term_new(rows, cols, 0);
	code = run(term, rows, cols, argv + 3);
	term_free(term);
	return code;
}
