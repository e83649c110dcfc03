/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_log_pane.c - the console log in a pane. The log itself is played by
 * this test, so that what a guest writes comes in exactly the wanted pieces.
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
#include <cmocka.h>

#include "common/text.h"
#include "tui/keymap.h"
#include "tui/pane.h"

struct stoker_log {
	const char *bytes;
	size_t len, at, piece;
	bool failed;
	int closed;
};

ssize_t stoker_log_read(stoker_log *log, void *buf, size_t cap)
{
	size_t n = log->len - log->at;
	if (log->failed)
		return -1;
	if (n > cap)
		n = cap;
	if (log->piece > 0 && n > log->piece)
		n = log->piece;
	memcpy(buf, log->bytes + log->at, n);
	log->at += n;
	return (ssize_t)n;
}

int stoker_log_fd(const stoker_log *log)
{
	(void)log;
	return 0;
}

void stoker_log_close(stoker_log *log)
{
	log->closed++;
}

static const struct stoker_vm vm = { .id = "0123456789abcdef", .name = "fox" };

static void play(struct pane *pane, struct stoker_log *log, const char *bytes, size_t len)
{
	log->bytes = bytes;
	log->len = len;
	log->at = 0;
	do
		pane->ops->ready(pane, NULL, 0);
	while (pane->ops->timeout_ms(pane) == 0);
	assert_int_equal(log->at, len);
}
#define PLAY(pane, log, s) play(pane, log, s, sizeof(s) - 1)

static struct screen *shown(struct pane *pane, int rows, int cols)
{
	struct screen *screen = screen_new(rows, cols);
	pane->ops->draw(pane, screen, 0, 0, rows, cols, true);
	return screen;
}

static void expect(struct pane *pane, int rows, int cols, const char *want)
{
	struct screen *screen = shown(pane, rows, cols);
	char *text = screen_text(screen);
	assert_string_equal(text, want);
	free(text);
	screen_free(screen);
}

/* By the standard keys. */
static bool pane_key(struct pane *pane, const struct key *key)
{
	struct keymap keymap;
	keymap_standard(&keymap);
	return pane->ops->key(pane, key, &keymap);
}

static bool type(struct pane *pane, const char *keys)
{
	bool taken = true;
	for (; *keys != '\0'; keys++) {
		struct key key = { .kind = KEY_KIND_CHAR, .ch = (unsigned char)*keys };
		if (*keys == '\r')
			key = (struct key){ .kind = KEY_KIND_SPECIAL, .special = SK_ENTER };
		if (*keys == '\033')
			key = (struct key){ .kind = KEY_KIND_SPECIAL, .special = SK_ESCAPE };
		taken = pane_key(pane, &key);
	}
	return taken;
}

static bool special(struct pane *pane, enum special_key which)
{
	struct key key = { .kind = KEY_KIND_SPECIAL, .special = which };
	return pane_key(pane, &key);
}

static void expect_title(struct pane *pane, const char *want)
{
	char title[128];
	pane->ops->title(pane, title, sizeof(title));
	assert_string_equal(title, want);
}

static void follows(void **state)
{
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 3, 20);
	(void)state;
	expect(pane, 3, 30, "nothing on the console yet\n\n\n");
	PLAY(pane, &log, "one\r\ntwo\nthree");
	expect(pane, 3, 20, "one\ntwo\nthree\n");
	PLAY(pane, &log, " more\r");
	PLAY(pane, &log, "\nfour\r\n");
	expect(pane, 3, 20, "two\nthree more\nfour\n");
	expect_title(pane, "console, following");
	assert_true(pane->activity);
	type(pane, "k");
	expect(pane, 3, 20, "one\ntwo\nthree more\n");
	expect_title(pane, "console, line 1 of 4");
	PLAY(pane, &log, "five\n");
	expect(pane, 3, 20, "one\ntwo\nthree more\n");
	type(pane, "G");
	expect(pane, 3, 20, "three more\nfour\nfive\n");
	type(pane, "gjj");
	expect_title(pane, "console, following"); /* the end was reached */
	special(pane, SK_PAGE_UP);
	expect(pane, 3, 20, "one\ntwo\nthree more\n");
	assert_false(type(pane, "q"));
	pane->ops->free(pane);
	assert_int_equal(log.closed, 1);
}

static void cleans(void **state)
{
	struct stoker_log log = { .piece = 1 };
	struct pane *pane = log_pane_new(&log, &vm, 4, 30);
	(void)state;
	PLAY(pane, &log, "\033[31mred\033[0m \033]0;evil\007t\xe4\xb8\xad\xe2\x80\xaex\n10%\r20%\rdone\n\tx\xff\n");
	expect(pane, 4, 30, "10%\n20%\ndone\n        x?\n");
	type(pane, "g");
	expect(pane, 4, 30, "red t\xe4\xb8\xadx\n10%\n20%\ndone\n");
	pane->ops->free(pane);
}

static void wraps_and_cuts(void **state)
{
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 4, 10);
	(void)state;
	PLAY(pane, &log, "0123456789abcdefghijklmno\nx\n");
	expect(pane, 4, 10, "0123456789\nx\n\n\n");
	type(pane, "l");
	expect(pane, 4, 10, "89abcdefgh\n\n\n\n");
	type(pane, "ll");
	expect(pane, 4, 10, "o\n\n\n\n");
	type(pane, "w");
	expect(pane, 4, 10, "0123456789\nabcdefghij\nklmno\nx\n");
	expect(pane, 2, 10, "klmno\nx\n");
	type(pane, "k");
	expect(pane, 2, 10, "abcdefghij\nklmno\n");
	type(pane, "kkkk");
	expect(pane, 2, 10, "0123456789\nabcdefghij\n");
	type(pane, "w");
	expect(pane, 2, 10, "0123456789\nx\n");
	pane->ops->free(pane);
}

static void searches(void **state)
{
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 5, 40);
	char *text = malloc(400000);
	size_t len = 0;
	struct screen *screen;
	(void)state;
	for (int i = 0; i < 5000; i++)
		len += (size_t)sprintf(text + len, "line %d%s\n", i, i % 1000 == 7 ? " Fault here" : "");
	play(pane, &log, text, len);
	screen_free(shown(pane, 5, 40));
	type(pane, "/fault\r");
	expect(pane, 5, 40, "line 4005\nline 4006\nline 4007 Fault here\nline 4008\nline 4009\n");
	screen = shown(pane, 5, 40);
	assert_int_equal(screen_at(screen, 2, 10)->style.attr, ATTR_REVERSE);
	assert_int_equal(screen_at(screen, 2, 14)->style.attr, ATTR_REVERSE);
	assert_int_equal(screen_at(screen, 2, 15)->style.attr, 0);
	screen_free(screen);
	type(pane, "n");
	expect(pane, 5, 40, "line 3005\nline 3006\nline 3007 Fault here\nline 3008\nline 3009\n");
	type(pane, "N");
	expect_title(pane, "console, line 4006 of 5000");
	type(pane, "N");
	expect(pane, 5, 40, "line 4005\nline 4006\nline 4007 Fault here\nline 4008\nfault: not found\n");
	type(pane, "/zzz");
	expect(pane, 5, 40, "line 4005\nline 4006\nline 4007 Fault here\nline 4008\n/zzz\n");
	type(pane, "\033G/Fault\033");
	expect_title(pane, "console, following");
	pane->ops->free(pane);
	free(text);
}

static void has_ceilings(void **state)
{
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 2, 40);
	char *text = malloc(12 << 20);
	size_t len = 0;
	char title[128];
	(void)state;
	for (int i = 0; i < 100000; i++)
		len += (size_t)sprintf(text + len, "line %d\n", i);
	play(pane, &log, text, len);
	type(pane, "g");
	expect(pane, 2, 40, "line 80000\nline 80001\n");
	memset(text, 'x', 12 << 20); /* one endless line */
	for (size_t i = 1; i < 12 << 20; i += 2)
		text[i] = '\xff';
	play(pane, &log, text, 12 << 20);
	pane->ops->title(pane, title, sizeof(title));
	expect(pane, 1, 4, "x?x?\n");
	pane->ops->free(pane);
	free(text);
}

static void reads_a_bounded_amount(void **state)
{
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 2, 40);
	char *text = calloc(1, 1 << 20);
	(void)state;
	log.bytes = text;
	log.len = 1 << 20;
	pane->ops->ready(pane, NULL, 0);
	assert_true(log.at <= 16384);
	assert_int_equal(pane->ops->timeout_ms(pane), 0);
	pane->ops->free(pane);
	free(text);
}

static void fails(void **state)
{
	struct stoker_log log = { .failed = true };
	struct pane *pane = log_pane_new(&log, &vm, 2, 40);
	struct pollfd fds[PANE_MAX_FDS];
	char why[64] = "";
	(void)state;
	pane->ops->ready(pane, NULL, 0);
	assert_true(pane->ops->over(pane, why, sizeof(why)));
	assert_string_equal(why, "the console log could not be read");
	assert_int_equal(pane->ops->poll(pane, fds), 0);
	assert_int_equal(pane->ops->timeout_ms(pane), -1);
	pane->ops->free(pane);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525U + 1013904223U;
	return *seed >> 8;
}

static void random_bytes_and_keys(void **state)
{
	static const char keys[] = "jjkkgGnNwlhudbf /ab\r\033?q\010F";
	uint32_t seed = 3;
	struct stoker_log log = { 0 };
	struct pane *pane = log_pane_new(&log, &vm, 10, 40);
	char buf[512];
	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = next_random(&seed) % sizeof(buf);
		for (size_t k = 0; k < len; k++)
			buf[k] = next_random(&seed) % 3 ? "ab \n\xe4\xb8\xad\xcc\x81"[next_random(&seed) % 9] : (char)next_random(&seed);
		play(pane, &log, buf, len);
		buf[0] = keys[next_random(&seed) % (sizeof(keys) - 1)];
		buf[1] = '\0';
		type(pane, buf);
		if (i % 16 == 0) {
			int rows = (int)(next_random(&seed) % 20) + 1, cols = (int)(next_random(&seed) % 60) + 1;
			screen_free(shown(pane, rows, cols));
		}
	}
	pane->ops->free(pane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows),
		cmocka_unit_test(cleans),
		cmocka_unit_test(wraps_and_cuts),
		cmocka_unit_test(searches),
		cmocka_unit_test(has_ceilings),
		cmocka_unit_test(reads_a_bounded_amount),
		cmocka_unit_test(fails),
		cmocka_unit_test(random_bytes_and_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
