/* SPDX-License-Identifier: Apache-2.0
 *
 * test_error.c - foreign text made harmless, to the last byte of the room there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"

static void cleaned(const char *text, size_t cap, const char *expected)
{
	char out[64];

	memset(out, 'x', sizeof out);
	assert_ptr_equal(error_clean(out, cap, text, strlen(text)), out);
	assert_string_equal(out, expected);
	for (size_t i = cap; i < sizeof out; i++)
		assert_int_equal(out[i], 'x');
}

static void what_just_fits_is_whole(void **state)
{
	(void)state;
	cleaned("0123456789abcdef", 17, "0123456789abcdef");
	cleaned("0123456789abcdef", 16, "0123456789abcde");
	cleaned("a", 1, "");
	cleaned("", 1, "");
}

static void no_character_is_split(void **state)
{
	(void)state;
	cleaned("ab\xc3\xa9", 5, "ab\xc3\xa9");
	cleaned("ab\xc3\xa9", 4, "ab");
	cleaned("\xf0\x9f\xa6\x8a", 5, "\xf0\x9f\xa6\x8a");
	cleaned("\xf0\x9f\xa6\x8a", 4, "");
}

static void what_is_dangerous_is_seen(void **state)
{
	(void)state;
	cleaned("a\x1b[31mb\n\x7f", 20, "a?[31mb??");
	cleaned("\xc2\x9b" "31m", 20, "?31m");   /* CSI as one C1 character */
	cleaned("\xff\xc3", 20, "??");
	cleaned("\xe2\x82", 20, "??");
}

/* Where a failure says nothing of its own, its kind does: the one place that all who show errors ask. */
static void every_kind_has_its_advice(void **state)
{
	struct stoker_error err = { .code = STOKER_E_NOT_FOUND, .what = "start web", .why = "there is no VM web" };
	char text[128];

	(void)state;
	assert_string_equal(stoker_error_advice(&err), "See what there is: stoker list");
	stoker_error_text(&err, text, sizeof text);
	assert_string_equal(text, "start web: there is no VM web. See what there is: stoker list");
	strcpy(err.fix, "Did you mean wob?");
	assert_ptr_equal(stoker_error_advice(&err), err.fix);
	stoker_error_text(&err, text, sizeof text);
	assert_string_equal(text, "start web: there is no VM web. Did you mean wob?");
	err = (struct stoker_error){ .code = STOKER_E_CANCELLED, .why = "cancelled" };
	assert_string_equal(stoker_error_advice(&err), "");
	stoker_error_text(&err, text, sizeof text);
	assert_string_equal(text, "cancelled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_just_fits_is_whole),
		cmocka_unit_test(no_character_is_split),
		cmocka_unit_test(what_is_dangerous_is_seen),
		cmocka_unit_test(every_kind_has_its_advice),
	};
	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
