/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_cli_modes.c - terminal modes a guest left on, and the escape "~.".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/modes.h"

static const char *undo(struct modes *modes)
{
	static char out[512];

	out[modes_undo(modes, out, sizeof(out) - 1)] = '\0';
	return out;
}

static void follow(struct modes *modes, const char *bytes)
{
	modes_follow(modes, bytes, strlen(bytes));
}

static void what_is_left_on(void **state)
{
	struct modes m = { 0 };

	(void)state;
	assert_string_equal(undo(&m), "\033[0m");
	follow(&m, "text\033[31mred\033[?1049h\033[?25l more\033[?1000;1006h\033=");
	assert_string_equal(undo(&m), "\033[?1049l\033[?1000l\033[?1006l\033[?25h\033>\033[0m");
	follow(&m, "\033[?1006l\033[?25h\033[?1049l\033>");
	assert_string_equal(undo(&m), "\033[?1000l\033[0m");
	follow(&m, "\033c");
	assert_string_equal(undo(&m), "\033[0m");
}

static void in_pieces(void **state)
{
	static const char bytes[] = "abc\033[?20\033[?2004h\033[?;;;;;;;;;;;;25l\033[?99999999999999h";
	struct modes m = { 0 };

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(bytes); i++)
		modes_follow(&m, bytes + i, 1);
	assert_string_equal(undo(&m), "\033[?2004l\033[?25h\033[0m");
}

static void whole_sequences_only(void **state)
{
	struct modes m = { 0 };
	char out[10];

	(void)state;
	follow(&m, "\033[?1049h\033[?1000h");
	assert_int_equal(modes_undo(&m, out, sizeof(out)), 8);
}

static void check(struct escape *e, const char *in, const char *want, enum escape_act act, size_t want_used)
{
	char out[64];
	size_t used, len;

	assert_int_equal(escape_filter(e, in, strlen(in), &used, out, &len), act);
	assert_int_equal(used, want_used);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(out, want, len);
}

static void escapes(void **state)
{
	struct escape e = { .line_start = true };

	(void)state;
	check(&e, "ls ~.\r", "ls ~.\r", ESCAPE_NONE, 6);
	check(&e, "~", "", ESCAPE_NONE, 1);
	check(&e, "~x", "~x", ESCAPE_NONE, 2);
	check(&e, "\r~~.\r", "\r~.\r", ESCAPE_NONE, 5);
	check(&e, "~?ls", "", ESCAPE_HELP, 2);
	check(&e, "~?", "", ESCAPE_HELP, 2);
	check(&e, "~a\r", "~a\r", ESCAPE_NONE, 3);
	check(&e, "ab\r~.rest", "ab\r", ESCAPE_END, 5);
	/* A shell asked where the cursor is, and the terminal answered; cut in two, too. An arrow key is typing. */
	e = (struct escape){ .line_start = true };
	check(&e, "\033[24;8R~.", "\033[24;8R", ESCAPE_END, 9);
	e = (struct escape){ .line_start = true };
	check(&e, "\033[2", "\033[2", ESCAPE_NONE, 3);
	check(&e, "4;8R~.", "4;8R", ESCAPE_END, 6);
	e = (struct escape){ .line_start = true };
	check(&e, "\033[A~.", "\033[A~.", ESCAPE_NONE, 5);
	check(&e, "\033[1;1R~.", "\033[1;1R~.", ESCAPE_NONE, 8);
	e = (struct escape){ .line_start = true, .tilde = true };
	check(&e, "\r~.", "~\r", ESCAPE_END, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_on),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(whole_sequences_only),
		cmocka_unit_test(escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
