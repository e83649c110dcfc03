/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_shell_pane.c - a shell in a pane. The SSH session is played by this
 * test: what comes, what is taken, and how it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <cmocka.h>

#include "tui/keymap.h"
#include "tui/pane.h"

struct stoker_shell {
	const char *bytes;
	size_t len, at;
	bool endless;        /* `bytes` again and again */
	uint64_t given;
	char got[65536];
	size_t got_len, take; /* take: what it takes until it is raised again */
	uint16_t rows, cols;
	int resizes, closed, status, timeout;
	bool over;
	const char *why;
};

int stoker_shell_fd(const stoker_shell *shell)
{
	(void)shell;
	return 7;
}

short stoker_shell_events(const stoker_shell *shell)
{
	(void)shell;
	return POLLIN;
}

int stoker_shell_timeout_ms(const stoker_shell *shell)
{
	return shell->timeout;
}

ssize_t stoker_shell_read(stoker_shell *shell, void *buf, size_t cap, struct stoker_error *err)
{
	size_t n = shell->len - shell->at;
	if (n == 0 && shell->endless) {
		shell->at = 0;
		n = shell->len;
	}
	if (n == 0 && shell->over) {
		if (shell->why != NULL) {
			err->code = STOKER_E_CLOSED;
			snprintf(err->why, sizeof(err->why), "%s", shell->why);
		}
		return -1;
	}
	if (n > cap)
		n = cap;
	memcpy(buf, shell->bytes + shell->at, n);
	shell->at += n;
	shell->given += n;
	return (ssize_t)n;
}

ssize_t stoker_shell_write(stoker_shell *shell, const void *buf, size_t len)
{
	if (shell->over)
		return -1;
	if (len > shell->take)
		len = shell->take;
	memcpy(shell->got + shell->got_len, buf, len);
	shell->got_len += len;
	shell->take -= len;
	shell->got[shell->got_len] = '\0';
	return (ssize_t)len;
}

void stoker_shell_resize(stoker_shell *shell, uint16_t rows, uint16_t cols)
{
	shell->rows = rows;
	shell->cols = cols;
	shell->resizes++;
}

int stoker_shell_status(const stoker_shell *shell)
{
	return shell->status;
}

void stoker_shell_close(stoker_shell *shell)
{
	shell->closed++;
}

static const struct stoker_vm vm = { .id = "0123456789abcdef", .name = "fox", .ip = "10.0.0.2" };

struct fixture {
	struct stoker_shell shell;
	struct pane *pane;
};

static struct fixture *begin(int rows, int cols)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->shell.take = 60000;
	f->shell.timeout = -1;
	f->pane = shell_pane_new(&f->shell, &vm, rows, cols, 100);
	assert_non_null(f->pane);
	return f;
}

static void finish(struct fixture *f)
{
	f->pane->ops->free(f->pane);
	assert_int_equal(f->shell.closed, 1);
	free(f);
}

static void play(struct fixture *f, const char *bytes)
{
	f->shell.bytes = bytes;
	f->shell.len = strlen(bytes);
	f->shell.at = 0;
	do
		f->pane->ops->ready(f->pane, NULL, 0);
	while (f->pane->ops->timeout_ms(f->pane) == 0);
}

static struct screen *shown(struct fixture *f, int rows, int cols)
{
	struct screen *screen = screen_new(rows, cols);
	f->pane->ops->draw(f->pane, screen, 0, 0, rows, cols, true);
	return screen;
}

static void expect(struct fixture *f, int rows, int cols, const char *want)
{
	struct screen *screen = shown(f, rows, cols);
	char *text = screen_text(screen);
	assert_string_equal(text, want);
	free(text);
	screen_free(screen);
}

static void expect_got(struct fixture *f, const char *want)
{
	assert_string_equal(f->shell.got, want);
	f->shell.got_len = 0;
	f->shell.got[0] = '\0';
}

/* By the standard keys. */
static bool pane_key(struct pane *pane, const struct key *key)
{
	struct keymap keymap;
	keymap_standard(&keymap);
	return pane->ops->key(pane, key, &keymap);
}

static bool type(struct fixture *f, const char *keys)
{
	bool taken = true;
	for (; *keys != '\0'; keys++) {
		struct key key = { .kind = KEY_KIND_CHAR, .ch = (unsigned char)*keys };
		if (*keys == '\r')
			key = (struct key){ .kind = KEY_KIND_SPECIAL, .special = SK_ENTER };
		if (*keys == '\033')
			key = (struct key){ .kind = KEY_KIND_SPECIAL, .special = SK_ESCAPE };
		taken = pane_key(f->pane, &key);
	}
	return taken;
}

static bool press(struct fixture *f, struct key key)
{
	return pane_key(f->pane, &key);
}

static void expect_title(struct fixture *f, const char *want)
{
	char title[128];
	f->pane->ops->title(f->pane, title, sizeof(title));
	assert_string_equal(title, want);
}

static void lives(void **state)
{
	struct fixture *f = begin(4, 20);
	struct pollfd fds[PANE_MAX_FDS];
	char why[64];
	(void)state;
	assert_int_equal(f->pane->ops->timeout_ms(f->pane), 0); /* what came while opening */
	play(f, "fox:~# ");
	expect(f, 4, 20, "fox:~#\n\n\n\n");
	expect_title(f, "root@10.0.0.2  20x4");
	assert_int_equal(f->pane->ops->poll(f->pane, fds), 1);
	assert_int_equal(fds[0].fd, 7);
	assert_false(f->pane->ops->over(f->pane, why, sizeof(why)));
	assert_true(type(f, "ls\r"));
	expect_got(f, "ls\r");
	press(f, (struct key){ .kind = KEY_KIND_PASTE, .paste = "a\nb", .paste_len = 3 });
	expect_got(f, "a\rb");
	play(f, "\033[?2004h\033[c\033]2;vim\007");
	expect_got(f, "\033[?1;2c");
	press(f, (struct key){ .kind = KEY_KIND_PASTE, .paste = "x\033y", .paste_len = 3 });
	expect_got(f, "\033[200~xy\033[201~");
	expect_title(f, "vim  20x4");
	press(f, (struct key){ .kind = KEY_KIND_CHAR, .ch = ']', .mods = MOD_CTRL });
	expect_got(f, "\035");
	assert_true(f->pane->activity);
	assert_string_equal(f->pane->ops->hint(f->pane), "");
	finish(f);
}

static void resizes(void **state)
{
	struct fixture *f = begin(4, 20);
	(void)state;
	play(f, "hello");
	expect(f, 4, 20, "hello\n\n\n\n");
	f->shell.resizes = 0;
	expect(f, 4, 20, "hello\n\n\n\n");
	assert_int_equal(f->shell.resizes, 0);
	expect(f, 6, 30, "hello\n\n\n\n\n\n");
	assert_int_equal(f->shell.rows, 6);
	assert_int_equal(f->shell.cols, 30);
	expect(f, 1, 1, "h\n");
	assert_int_equal(f->shell.rows, 2);
	assert_int_equal(f->shell.cols, 2);
	f->shell.resizes = 0;
	expect(f, 1, 1, "h\n");
	assert_int_equal(f->shell.resizes, 0);
	finish(f);
}

/* A guest that takes nothing for a while loses nothing and blocks nothing. */
static void slow_guest(void **state)
{
	struct fixture *f = begin(4, 20);
	char *big = malloc(50000);
	(void)state;
	memset(big, 'x', 50000);
	f->shell.take = 3;
	type(f, "abcdef");
	expect_got(f, "abc");
	press(f, (struct key){ .kind = KEY_KIND_PASTE, .paste = big, .paste_len = 50000 });
	type(f, "!");
	f->shell.take = 60000;
	play(f, "");
	assert_int_equal(f->shell.got_len, 50004);
	assert_memory_equal(f->shell.got, "defxxx", 6);
	assert_int_equal(f->shell.got[50003], '!');
	free(big);
	finish(f);
}

static void scrolls(void **state)
{
	struct fixture *f = begin(3, 20);
	struct key wheel_up = { .kind = KEY_KIND_MOUSE, .act = MOUSE_WHEEL_UP };
	struct key wheel_down = { .kind = KEY_KIND_MOUSE, .act = MOUSE_WHEEL_DOWN };
	(void)state;
	play(f, "1 Fox\r\n2\r\n3\r\n4 fox\r\n5\r\n6\r\n7\r\n8");
	expect(f, 3, 20, "6\n7\n8\n");
	f->pane->ops->command(f->pane, PANE_SCROLL);
	assert_string_not_equal(f->pane->ops->hint(f->pane), "");
	type(f, "k");
	expect(f, 3, 20, "5              [1/5]\n6\n7\n");
	expect_title(f, "scrolled 1 of 5");
	play(f, "\r\n9\r\n10"); /* the view stands while output goes on */
	expect(f, 3, 20, "5              [3/7]\n6\n7\n");
	type(f, "g");
	expect(f, 3, 20, "1 Fox          [7/7]\n2\n3\n");
	type(f, "G");
	expect(f, 3, 20, "8              [0/7]\n9\n10\n");
	type(f, "/fox\r");
	expect(f, 3, 20, "3              [5/7]\n4 fox\n5\n");
	type(f, "n");
	expect(f, 3, 20, "1 Fox          [7/7]\n2\n3\n");
	type(f, "n");
	expect(f, 3, 20, "1 Fox          [7/7]\n2\nfox: not found\n");
	type(f, "N");
	expect(f, 3, 20, "3              [5/7]\n4 fox\n5\n");
	type(f, "/zz");
	expect(f, 3, 20, "3              [5/7]\n4 fox\n/zz\n");
	type(f, "\033");
	expect(f, 3, 20, "3              [5/7]\n4 fox\n5\n");
	expect_got(f, "");
	type(f, "q");
	expect(f, 3, 20, "8\n9\n10\n");
	/* the wheel alone; a key leads back */
	press(f, wheel_up);
	expect(f, 3, 20, "5              [3/7]\n6\n7\n");
	press(f, wheel_down);
	expect(f, 3, 20, "8\n9\n10\n");
	press(f, wheel_up);
	type(f, "x");
	expect_got(f, "x");
	expect(f, 3, 20, "8\n9\n10\n");
	/* a full-screen program gets arrows, one that asked gets the mouse */
	play(f, "\033[?1049h");
	press(f, wheel_up);
	expect_got(f, "\033[A\033[A\033[A");
	play(f, "\033[?1000;1006h");
	press(f, wheel_up);
	expect_got(f, "\033[<64;1;1M");
	finish(f);
}

static void ends(void **state)
{
	struct fixture *f = begin(3, 30);
	struct pollfd fds[PANE_MAX_FDS];
	char why[128] = "?";
	(void)state;
	f->shell.over = true;
	f->shell.status = 3;
	play(f, "logout\r\n");
	assert_true(f->pane->ops->over(f->pane, why, sizeof(why)));
	assert_string_equal(why, "");
	assert_int_equal(f->pane->ops->poll(f->pane, fds), 0);
	assert_int_equal(f->pane->ops->timeout_ms(f->pane), -1);
	assert_false(type(f, "q"));
	finish(f);

	f = begin(3, 30);
	f->shell.over = true;
	f->shell.status = -1;
	f->shell.why = "the VM \033[31mwent away";
	play(f, "last words");
	assert_true(f->pane->ops->over(f->pane, why, sizeof(why)));
	assert_string_equal(why, "the VM went away");
	expect(f, 3, 30, "last words\n\n the VM went away\n");
	assert_false(type(f, "\r"));
	f->pane->ops->command(f->pane, PANE_SCROLL); /* still to be read */
	assert_true(type(f, "q"));
	finish(f);
}

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* No turn is long, none is starved, and pictures keep their distance. */
static void floods(void **state)
{
	static const char *const kinds[] = { "y\r\n", "\n", "\033[9999S", "\xe4\xb8\xad\033[9999b", "\033[2J\033[H\033[?1049h" };
	(void)state;
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		struct fixture *f = begin(50, 200);
		int frames = 0;
		uint64_t turns = 0;
		int64_t end = now_ns() + 300000000, longest = 0;
		char *bytes = malloc(65536);
		size_t len = 0, n = strlen(kinds[kind]);
		while (len + n < 65536) {
			memcpy(bytes + len, kinds[kind], n);
			len += n;
		}
		f->shell.bytes = bytes;
		f->shell.len = len;
		f->shell.endless = true;
		while (now_ns() < end) {
			uint64_t before = f->shell.given;
			struct timespec a, b;
			int64_t took;
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
			frames += f->pane->ops->ready(f->pane, NULL, 0);
			clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
			took = (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
			longest = took > longest ? took : longest;
			assert_true(f->shell.given - before <= 16384);
			assert_int_equal(f->pane->ops->timeout_ms(f->pane), 0);
			turns++;
		}
		assert_true(frames <= 20);
		print_message("flood %zu: %llu bytes in %llu turns, the longest %.1f ms, %d pictures\n", kind,
		              (unsigned long long)f->shell.given, (unsigned long long)turns, (double)longest / 1e6, frames);
		free(bytes);
		finish(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(resizes),
		cmocka_unit_test(slow_guest),
		cmocka_unit_test(scrolls),
		cmocka_unit_test(ends),
		cmocka_unit_test(floods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
