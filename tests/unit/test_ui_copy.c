/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_copy.c - selections, the clipboard, a session's log, recorded input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base64.h"
#include "tui/record.h"
#include "tui/select.h"
#include "tui/session_log.h"

#define FEED(term, s) term_feed(term, s, sizeof(s) - 1)

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/stoker-test.XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static const char *in_folder(const char *name)
{
	static char path[160];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void slurp(const char *path, char *buf, size_t cap)
{
	FILE *file = fopen(path, "re");
	size_t n;
	assert_non_null(file);
	n = fread(buf, 1, cap - 1, file);
	buf[n] = '\0';
	fclose(file);
}

static void base64_there_and_back(void **state)
{
	char bytes[64], out[80], *text;
	size_t len, n, i;
	(void)state;
	for (len = 0; len < sizeof bytes; len++) {
		for (i = 0; i < len; i++)
			bytes[i] = (char)(i * 37 + len);
		text = base64_encode(bytes, len);
		assert_true(base64_decode(text, strlen(text), out, &n));
		assert_int_equal(n, len);
		assert_memory_equal(out, bytes, len);
		free(text);
	}
	assert_false(base64_decode("a b", 3, out, &n));
	assert_false(base64_decode("abcde", 5, out, &n));
	assert_false(base64_decode("?", 1, out, &n));
}

static void expect_text(const struct selection *selection, const struct term *term, const char *want)
{
	size_t len;
	bool cut;
	char *text = select_text(selection, term, &len, &cut);
	assert_non_null(text);
	assert_string_equal(text, want);
	assert_int_equal(len, strlen(want));
	assert_false(cut);
	free(text);
}

static void selections(void **state)
{
	struct term *term = term_new(4, 20, 100);
	struct selection s = { 0 };
	size_t len;
	bool cut;
	(void)state;
	FEED(term, "one\r\ntwo /etc/passwd x\r\n\xe4\xb8\xad\xe6\x96\x87 e\xcc\x81\r\nfour\r\nfive");
	select_begin(&s, 1, 0, true);
	expect_text(&s, term, "two /etc/passwd x\n");
	s.to_line = 0; /* upwards, into what has left the screen */
	expect_text(&s, term, "one\ntwo /etc/passwd x\n");
	select_begin(&s, 1, 4, false);
	s.to_line = 2;
	s.to_col = 2;
	expect_text(&s, term, "/etc/passwd x\n\xe4\xb8\xad\xe6\x96\x87");
	select_word(&s, term, 1, 8);
	expect_text(&s, term, "/etc/passwd");
	select_word(&s, term, 2, 5);
	expect_text(&s, term, "e\xcc\x81");
	select_begin(&s, 99, 0, true); /* beyond the end */
	assert_null(select_text(&s, term, &len, &cut));
	term_free(term);
}

static void a_large_selection_is_cut(void **state)
{
	struct term *term = term_new(4, 100, 5000);
	struct selection s = { 0 };
	size_t len;
	bool cut;
	char *text;
	int i;
	(void)state;
	for (i = 0; i < 2000; i++)
		FEED(term, "a line of some length, so that there are more than 64 KiB of them\r\n");
	select_begin(&s, term_first_line(term), 0, true);
	s.to_line = term_end_line(term) - 1;
	text = select_text(&s, term, &len, &cut);
	assert_true(cut);
	assert_true(len <= SELECT_MAX && len > SELECT_MAX - 200);
	free(text);
	term_free(term);
}

static void a_guest_and_the_clipboard(void **state)
{
	struct term *term = term_new(4, 40, 0);
	size_t len, i;
	char *text;
	(void)state;
	FEED(term, "\033]52;c;aGVsbG8=\007");
	assert_null(term_take_clipboard(term, &len)); /* not allowed */
	term_allow_clipboard(term, true);
	FEED(term, "\033]52;c;aGVs");
	FEED(term, "bG8=\033\\");
	text = term_take_clipboard(term, &len);
	assert_int_equal(len, 5);
	assert_memory_equal(text, "hello", 5);
	free(text);
	assert_null(term_take_clipboard(term, &len));
	/* control characters and what turns the direction of writing are left out */
	FEED(term, "\033]52;c;YRtbMm3igK5iCg==\007");
	text = term_take_clipboard(term, &len);
	assert_int_equal(len, 6);
	assert_memory_equal(text, "a[2mb\n", 6);
	free(text);
	/* a question is not answered, garbage and a flood are nothing */
	FEED(term, "\033]52;c;?\007\033]52;c;!!!!\007\033]52\007\033]52;;\007\033]521;c;aGk=\007");
	text = term_take_clipboard(term, &len);
	assert_true(text == NULL || len == 0);
	free(text);
	FEED(term, "\033]52;c;");
	for (i = 0; i < 40000; i++)
		FEED(term, "AAAA");
	FEED(term, "\007");
	text = term_take_clipboard(term, &len);
	assert_null(text);
	{
		char out[64];
		assert_int_equal(term_output(term, out, sizeof out), 0);
	}
	/* and the screen has shown none of it */
	{
		struct screen *screen = screen_new(4, 40);
		term_draw(term, screen, 0, 0, 4, 40, 0, false);
		text = screen_text(screen);
		assert_string_equal(text, "\n\n\n\n");
		free(text);
		screen_free(screen);
	}
	term_free(term);
}

static void a_cut_session_leaves_no_mode_behind(void **state)
{
	struct term *term = term_new(4, 20, 10);
	struct screen *screen = screen_new(4, 20);
	int row, col;
	(void)state;
	FEED(term, "kept\033[?1049h\033[?1002h\033[?25l\033[2;3rvi\033]0;half a ti");
	term_settle(term);
	FEED(term, "new");
	assert_false(term_alternate(term));
	assert_false(term_mouse_wanted(term));
	term_draw(term, screen, 0, 0, 4, 20, 0, true);
	{
		char *text = screen_text(screen);
		assert_non_null(strstr(text, "kept"));
		assert_null(strstr(text, "half"));
		free(text);
	}
	term_draw(term, screen, 0, 0, 4, 20, 0, true);
	screen_get_cursor(screen, &row, &col);
	assert_int_equal(row, 1);
	assert_int_equal(col, 3);
	screen_free(screen);
	term_free(term);
}

static void a_session_is_written_as_text(void **state)
{
	char path[160], have[4096];
	struct session_log *log;
	struct stat st;
	(void)state;
	snprintf(path, sizeof path, "%s", in_folder("session.log"));
	log = session_log_open(path);
	assert_non_null(log);
#define SAYS(s) session_log_feed(log, s, sizeof(s) - 1)
	SAYS("\033[31mred\033[0m and\t\033]0;ti");
	SAYS("tle\007plain\r\n10%\r20%\rdone\r\nlss\b\n\033P1;2q stuff\033\\\xe2\x80\xae\xc3\xa9\n\033(Bx\033[?25");
	SAYS("ly\x01\x7f\nlast");
	session_log_close(log);
	session_logs_finish();
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	slurp(path, have, sizeof have);
	unlink(path);
	assert_string_equal(have, "red and plain\ndone\nls\n\xc3\xa9\nxy?\nlast\n");
}

static void a_session_log_fails_in_words(void **state)
{
	char path[160], why[512], have[64];
	struct session_log *log;
	FILE *file;
	int i, told = 0;
	(void)state;
	snprintf(path, sizeof path, "%s", in_folder("there"));
	file = fopen(path, "we");
	fputs("precious", file);
	fclose(file);
	log = session_log_open(path);
	for (i = 0; i < 500 && !told; i++) {
		told = session_log_failed(log, why, sizeof why);
		usleep(10000);
	}
	assert_true(told);
	assert_non_null(strstr(why, "it is there already"));
	assert_false(session_log_failed(log, why, sizeof why)); /* once */
	session_log_close(log);
	slurp(path, have, sizeof have);
	assert_string_equal(have, "precious");
	unlink(path);
	/* a disk that is full */
	log = session_log_open("/dev/full/x");
	session_log_close(log);
	session_logs_finish();
}

static void what_was_typed_is_played_again(void **state)
{
	const struct key keys[] = {
		{ .kind = KEY_KIND_RESIZE, .row = 30, .col = 120 },
		{ .kind = KEY_KIND_CHAR, .ch = 0x4e2d, .mods = MOD_ALT },
		{ .kind = KEY_KIND_SPECIAL, .special = SK_F12, .mods = MOD_SHIFT | MOD_CTRL },
		{ .kind = KEY_KIND_MOUSE, .act = MOUSE_WHEEL_DOWN, .button = 2, .row = 3, .col = 77 },
		{ .kind = KEY_KIND_PASTE, .paste = "a\n\033\0b", .paste_len = 5 },
		{ .kind = KEY_KIND_PASTE, .paste = "", .paste_len = 0 },
	};
	char path[160], why[300];
	struct recorder *recorder;
	struct replay *replay;
	struct screen *screen = screen_new(2, 10);
	struct key key;
	size_t i;
	bool failed;
	(void)state;
	snprintf(path, sizeof path, "%s", in_folder("typed"));
	recorder = recorder_open(path, 1000000000, why, sizeof why);
	assert_non_null(recorder);
	for (i = 0; i < 6; i++)
		recorder_key(recorder, &keys[i], 1000000000 + (int64_t)i * 10000000);
	recorder_close(recorder);
	assert_null(recorder_open(path, 0, why, sizeof why));
	assert_non_null(strstr(why, "there already"));
	replay = replay_open(path, 0, why, sizeof why);
	assert_non_null(replay);
	for (i = 0; i < 6; i++) {
		assert_int_equal(replay_timeout_ms(replay, (int64_t)i * 10000000), i == 0 ? 0 : 0);
		if (i > 0)
			assert_false(replay_next(replay, screen, (int64_t)i * 10000000 - 1, &key, &failed));
		assert_true(replay_next(replay, screen, (int64_t)i * 10000000, &key, &failed));
		assert_int_equal(key.kind, keys[i].kind);
		assert_int_equal(key.ch, keys[i].ch);
		assert_int_equal(key.special, keys[i].special);
		assert_int_equal(key.mods, keys[i].mods);
		assert_int_equal(key.row, keys[i].row);
		assert_int_equal(key.col, keys[i].col);
		assert_int_equal(key.paste_len, keys[i].paste_len);
		if (key.paste_len > 0)
			assert_memory_equal(key.paste, keys[i].paste, key.paste_len);
	}
	assert_true(replay_over(replay));
	replay_free(replay);
	unlink(path);
	screen_free(screen);
}

static struct replay *written(const char *text, char *why, size_t cap)
{
	char path[160];
	struct replay *replay;
	FILE *file;
	snprintf(path, sizeof path, "%s", in_folder("hand"));
	file = fopen(path, "we");
	fputs(text, file);
	fclose(file);
	replay = replay_open(path, 0, why, cap);
	unlink(path);
	return replay;
}

static void waiting_for_a_text(void **state)
{
	static const struct style plain = { COLOUR_DEFAULT, COLOUR_DEFAULT, 0 };
	char why[300];
	struct screen *screen = screen_new(2, 20);
	struct replay *replay = written("stoker-input 1\n# a comment\n0 wait 2 is ready\n0 char 113 0\n", why, sizeof why);
	struct key key;
	bool failed;
	(void)state;
	assert_non_null(replay);
	assert_false(replay_next(replay, screen, 0, &key, &failed));
	assert_false(failed);
	screen_put(screen, 1, 0, 20, plain, "fox is ready");
	assert_true(replay_next(replay, screen, 1000000000, &key, &failed));
	assert_int_equal(key.ch, 'q');
	replay_free(replay);
	replay = written("stoker-input 1\n0 wait 2 never\n0 char 113 0\n", why, sizeof why);
	assert_false(replay_next(replay, screen, 0, &key, &failed));
	assert_false(replay_next(replay, screen, 1000000000, &key, &failed));
	assert_false(failed);
	assert_false(replay_next(replay, screen, 2000000001, &key, &failed));
	assert_true(failed && replay_over(replay));
	assert_string_equal(replay_missed(replay), "never");
	replay_free(replay);
	screen_free(screen);
}

static void what_is_no_recording_is_refused(void **state)
{
	static const char *const bad[] = { "", "stoker-input 2\n", "stoker-input 1\n0 char 27 0\n", "stoker-input 1\n0 char 1114112 0\n",
		                           "stoker-input 1\n-1 char 97 0\n", "stoker-input 1\n0 char 97 9\n", "stoker-input 1\n0 special 0 0\n",
		                           "stoker-input 1\n0 special 99 0\n", "stoker-input 1\n0 mouse 9 1 1 1 0\n",
		                           "stoker-input 1\n0 size 0 5\n", "stoker-input 1\n0 size 5 1001\n", "stoker-input 1\n0 paste 0\n",
		                           "stoker-input 1\n0 paste zz\n", "stoker-input 1\n0 wait 5 \n", "stoker-input 1\n0 wait 0 x\n",
		                           "stoker-input 1\n0 char 97 0 more\n", "stoker-input 1\n99999999 char 97 0\n", "stoker-input 1\nnonsense\n" };
	char why[300];
	size_t i;
	(void)state;
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (written(bad[i], why, sizeof why) != NULL)
			fail_msg("taken: %s", bad[i]);
		assert_true(why[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_there_and_back),
		cmocka_unit_test(selections),
		cmocka_unit_test(a_large_selection_is_cut),
		cmocka_unit_test(a_guest_and_the_clipboard),
		cmocka_unit_test(a_cut_session_leaves_no_mode_behind),
		cmocka_unit_test(a_session_is_written_as_text),
		cmocka_unit_test(a_session_log_fails_in_words),
		cmocka_unit_test(what_was_typed_is_played_again),
		cmocka_unit_test(waiting_for_a_text),
		cmocka_unit_test(what_is_no_recording_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
