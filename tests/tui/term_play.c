/* SPDX-License-Identifier: Apache-2.0
 *
 * term_play.c - what the shell pane's emulator shows after the bytes of a file:
 *
 *	term_play ROWS COLS <FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tui/term.h"

int main(int argc, char **argv)
{
	int rows = argc == 3 ? atoi(argv[1]) : 0, cols = argc == 3 ? atoi(argv[2]) : 0;
	struct screen *screen;
	struct term *term;
	char buf[16384], *text;
	ssize_t n;

	if (rows < 2 || cols < 2) {
		fprintf(stderr, "term_play: see the head of term_play.c\n");
		return 2;
	}
	term = term_new(rows, cols, 0);
	screen = screen_new(rows, cols);
	while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
		term_feed(term, buf, (size_t)n);
	term_draw(term, screen, 0, 0, rows, cols, 0, false);
	text = screen_text(screen);
	fputs(text, stdout);
	free(text);
	screen_free(screen);
	term_free(term);
	return 0;
}
