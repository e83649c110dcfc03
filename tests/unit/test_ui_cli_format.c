/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_cli_format.c - times and sizes as people read them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json.h"
#include "common/format.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

static void durations(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ -1, "-" }, { 0, "0.00 ms" }, { 420000, "0.42 ms" }, { 994999, "0.99 ms" }, { 995000, "1 ms" },
		{ 4 * MS, "4 ms" }, { 4100000, "4.1 ms" }, { 9949999, "9.9 ms" }, { 9950000, "10 ms" }, { 26 * MS, "26 ms" },
		{ 999 * MS, "999 ms" }, { 999500000, "1.00 s" }, { 1230 * MS, "1.23 s" }, { 9994 * MS, "9.99 s" },
		{ 9995 * MS, "10.0 s" }, { 59940 * MS, "59.9 s" }, { 59950 * MS, "1m00s" }, { 125 * S, "2m05s" },
		{ 3599 * S + 600 * MS, "1h00m" }, { 8040 * S, "2h14m" }, { 3 * 86400 * S + 4 * 3600 * S, "3d04h" },
		{ INT64_MAX, "106751d" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = format_duration(text, sizeof(text), cases[i].ns);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(n, strlen(text));
		assert_true(n <= 7);
	}
}

static void uptimes(void **state)
{
	char text[32];

	(void)state;
	format_uptime(text, sizeof(text), -1);
	assert_string_equal(text, "-");
	format_uptime(text, sizeof(text), 1999);
	assert_string_equal(text, "1s");
	format_uptime(text, sizeof(text), 41 * 60 * 1000 + 59000);
	assert_string_equal(text, "41m");
	format_uptime(text, sizeof(text), INT64_C(8040) * 1000);
	assert_string_equal(text, "2h14m");
	format_uptime(text, sizeof(text), INT64_C(86400) * 1000);
	assert_string_equal(text, "1d00h");
}

static void sizes(void **state)
{
	char text[32];

	(void)state;
	format_mib(text, sizeof(text), 256);
	assert_string_equal(text, "256M");
	format_mib(text, sizeof(text), 2048);
	assert_string_equal(text, "2048M");
	format_mib(text, sizeof(text), 23962);
	assert_string_equal(text, "23.4G");
	format_mib(text, sizeof(text), 16384);
	assert_string_equal(text, "16G");
	format_mib(text, sizeof(text), UINT64_MAX);
	assert_true(strlen(text) < sizeof(text) - 1);
	format_kib(text, sizeof(text), 812);
	assert_string_equal(text, "812K");
	format_kib(text, sizeof(text), 74752);
	assert_string_equal(text, "73M");
	format_kib(text, sizeof(text), 1468006);
	assert_string_equal(text, "1.3G");
}

static void small_buffers(void **state)
{
	char text[4] = "xyz";

	(void)state;
	assert_int_equal(format_duration(text, sizeof(text), 1230 * MS), 3);
	assert_string_equal(text, "1.2");
	assert_int_equal(format_duration(NULL, 0, 1230 * MS), 0);
	format_at(text, sizeof(text), 0);
	assert_string_equal(text, "-");
}

static void reasons(void **state)
{
	struct stoker_error err = { .code = STOKER_E_TIMEOUT, .what = "wait", .why = "no answer" };
	char text[200];

	(void)state;
	format_reason(text, sizeof(text), &err);
	assert_string_equal(text, "no answer. Give it longer with --timeout, or look at its console: stoker logs VM");
	strcpy(err.fix, "Do that");
	assert_int_equal(format_reason(text, sizeof(text), &err), 18);
	assert_string_equal(text, "no answer. Do that");
	memset(err.why, 'x', sizeof(err.why) - 1);
	assert_int_equal(format_reason(text, 40, &err), 39);
	assert_string_equal(text, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx. Do that");
	/* But it is never all advice. */
	memset(err.fix, 'f', sizeof(err.fix) - 1);
	format_reason(text, 40, &err);
	assert_string_equal(text, "xxxxxxxxxxxxxxxxxxxx. fffffffffffffffff");
	assert_int_equal(format_reason(NULL, 0, &err), 0);
}

/* Programs are told the same advice as people. */
static void json_errors(void **state)
{
	struct stoker_error err = { .code = STOKER_E_NOT_FOUND, .why = "there is no VM web" };
	cJSON *o = cJSON_CreateObject();
	char *text;

	(void)state;
	json_fill_error(o, &err);
	text = cJSON_PrintUnformatted(o);
	assert_string_equal(text, "{\"code\":\"not_found\",\"what\":\"\",\"why\":\"there is no VM web\","
	                          "\"fix\":\"See what there is: stoker list\"}");
	cJSON_free(text);
	cJSON_Delete(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(uptimes),
		cmocka_unit_test(sizes),
		cmocka_unit_test(small_buffers),
		cmocka_unit_test(reasons),
		cmocka_unit_test(json_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
