/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_cli_options.c - command lines taken apart, values, and what was meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

static const struct option table[] = {
	{ 'f', "force", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "" },
	{ 'i', "interactive", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "" },
	{ 't', "tty", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "" },
	{ 'n', "tail", OPTION_NUMBER, "N", NULL, -1, 100, COMPLETE_NONE, "" },
	{ 'l', "label", OPTION_LIST, "K=V", NULL, 0, 0, COMPLETE_NONE, "" },
	{ 'm', "memory", OPTION_SIZE, "SIZE", NULL, 1, INT64_MAX, COMPLETE_NONE, "" },
	{ 0, "timeout", OPTION_TIME, "TIME", NULL, 0, 0, COMPLETE_NONE, "" },
	{ 0, "via", OPTION_CHOICE, "WAY", "auto|channel|ssh", 0, 0, COMPLETE_CHOICE, "" },
	{ 0 },
};
static const struct option more[] = {
	{ 0, "json", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "" },
	{ 0, "force", OPTION_TEXT, NULL, NULL, 0, 0, COMPLETE_NONE, "" }, /* hidden by the first table's */
	{ 0 },
};
static const struct option *const tables[] = { table, more, NULL };

static char why[256], fix[128];
static struct args args;
static char *line_copy, *words[64];

/* Splits a line at blanks and parses it. */
static bool parse(const char *line, int command_after)
{
	int n = 0;
	char *rest = NULL;

	args_free(&args);
	free(line_copy);
	line_copy = strdup(line);
	assert_non_null(line_copy);
	for (char *w = strtok_r(line_copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		words[n++] = w;
	words[n] = NULL;
	return args_parse(&args, tables, n, words, command_after, why, sizeof(why), fix, sizeof(fix));
}

static void forms(void **state)
{
	(void)state;
	assert_true(parse("--tail=5 web --memory 2G -f --json", -1));
	assert_int_equal(arg_number(&args, "tail", 0), 5);
	assert_int_equal(arg_number(&args, "memory", 0), 2048);
	assert_true(arg_flag(&args, "force"));
	assert_true(arg_flag(&args, "json"));
	assert_false(arg_flag(&args, "tty"));
	assert_int_equal(args.word_count, 1);
	assert_string_equal(args.words[0], "web");
	assert_null(args.words[1]);

	assert_true(parse("-itn7 a -n 8 b -l x=1 -lx=2 --label=y", -1));
	assert_true(arg_flag(&args, "interactive") && arg_flag(&args, "tty"));
	assert_int_equal(arg_number(&args, "tail", 0), 8);
	assert_string_equal(arg_list(&args, "label", 0), "x=1");
	assert_string_equal(arg_list(&args, "label", 1), "x=2");
	assert_string_equal(arg_list(&args, "label", 2), "y");
	assert_null(arg_list(&args, "label", 3));
	assert_int_equal(args.word_count, 2);

	assert_true(parse("--tail -1 -- -f --nothing", -1));
	assert_int_equal(arg_number(&args, "tail", 0), -1);
	assert_false(arg_flag(&args, "force"));
	assert_true(args.dashes);
	assert_int_equal(args.word_count, 2);
	assert_string_equal(args.words[1], "--nothing");

	/* A lone dash is a word; so is nothing. */
	assert_true(parse("-", -1));
	assert_string_equal(args.words[0], "-");
	assert_true(parse("", -1));
	assert_int_equal(args.word_count, 0);
	assert_null(args.words[0]);
}

static void commands(void **state)
{
	(void)state;
	assert_true(parse("web -i ls -f -- --nothing", 1));
	assert_true(arg_flag(&args, "interactive"));
	assert_false(arg_flag(&args, "force"));
	assert_string_equal(args.words[0], "web");
	assert_string_equal(args.command[0], "ls");
	assert_string_equal(args.command[1], "-f");
	assert_string_equal(args.command[2], "--");
	assert_string_equal(args.command[3], "--nothing");
	assert_null(args.command[4]);

	assert_true(parse("-t web -- -x y", 1));
	assert_string_equal(args.command[0], "-x");
	assert_true(parse("web --", 1));
	assert_null(args.command);
	assert_true(parse("-- web ls", 1));
	assert_string_equal(args.words[0], "web");
	assert_string_equal(args.command[0], "ls");
	assert_true(parse("ls -l", 0));
	assert_string_equal(args.command[1], "-l");
}

static void refused(void **state)
{
	static const struct {
		const char *line, *why, *fix;
	} cases[] = {
		{ "--forse", "there is no option --forse", "did you mean --force?" },
		{ "--label=", "--label needs a value", "give it as --label K=V" },
		{ "--tal 3", "there is no option --tal", "did you mean --tail?" },
		{ "--mem 3", "there is no option --mem", "did you mean --memory?" },
		{ "--zzzzzzzz", "there is no option --zzzzzzzz", "" },
		{ "-x", "there is no option -x", "" },
		{ "-json", "there is no option -j", "did you mean --json?" },
		{ "--force=yes", "--force takes no value", "" },
		{ "--tail", "--tail needs a value", "give it as --tail N" },
		{ "-n", "--tail needs a value", "give it as --tail N" },
		{ "--tail x", "--tail takes a number from -1 to 100, not \"x\"", "" },
		{ "--tail 101", "--tail takes a number from -1 to 100, not \"101\"", "" },
		{ "--tail=", "--tail takes a number from -1 to 100, not \"\"", "" },
		{ "--via smoke", "--via takes one of auto|channel|ssh, not \"smoke\"", "" },
		{ "--via auto|channel", "--via takes one of auto|channel|ssh, not \"auto|channel\"", "" },
		{ "--memory 0", "--memory takes a size such as 512, 512M or 2G (at least 1M), not \"0\"", "" },
		{ "--timeout -1", "--timeout takes a time such as 5, 500ms, 1.5s or 2m, not \"-1\"", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(parse(cases[i].line, -1));
		assert_string_equal(why, cases[i].why);
		assert_string_equal(fix, cases[i].fix);
	}
}

static void values(void **state)
{
	static const struct {
		const char *text;
		int64_t mib; /* -1: refused */
	} sizes[] = { { "512", 512 }, { "512M", 512 }, { "512mib", 512 }, { "2G", 2048 }, { "1.5g", 1536 }, { "1T", 1048576 },
		          { "", -1 }, { "M", -1 }, { "5K", -1 }, { "-5", -1 }, { "1.", -1 }, { ".5G", -1 }, { "1e9", -1 },
		          { "99999999999999999999", -1 }, { "9999999999999T", -1 }, { "5 M", -1 } };
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = { { "0", 0 }, { "5", 5000 }, { "500ms", 500 }, { "1.5s", 1500 }, { "0.001", 1 }, { "2m", 120000 },
		          { "1h", 3600000 }, { "x", -1 }, { "5d", -1 }, { "1.5.5", -1 }, { "99999999999999999999h", -1 } };
	int64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(parse_size_mib(sizes[i].text, &value), sizes[i].mib >= 0);
		if (sizes[i].mib >= 0)
			assert_int_equal(value, sizes[i].mib);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_int_equal(parse_time_ms(times[i].text, &value), times[i].ms >= 0);
		if (times[i].ms >= 0)
			assert_int_equal(value, times[i].ms);
	}
	assert_true(parse_number("9223372036854775799", &value));
	assert_false(parse_number("9223372036854775808", &value));
	assert_false(parse_number("12x", &value));
	assert_false(parse_number("-", &value));
}

static void leading(void **state)
{
	char json[] = "--json", n[] = "-n", three[] = "3", list[] = "list", nothing[] = "--nothing";
	char *const argv[] = { json, n, three, list, nothing, NULL };
	int used;

	(void)state;
	args_free(&args);
	assert_true(args_parse_leading(&args, tables, 5, argv, &used, why, sizeof(why), fix, sizeof(fix)));
	assert_int_equal(used, 3);
	assert_true(arg_flag(&args, "json"));
	assert_int_equal(arg_number(&args, "tail", 0), 3);
}

static void distances(void **state)
{
	char longer[200];

	(void)state;
	assert_int_equal(edit_distance("list", "list"), 0);
	assert_int_equal(edit_distance("lsit", "list"), 1);
	assert_int_equal(edit_distance("lst", "list"), 1);
	assert_int_equal(edit_distance("", "list"), 4);
	assert_int_equal(edit_distance("create", "delete"), 4);
	assert_true(edit_is_slip(1, "lst"));
	assert_false(edit_is_slip(1, "x"));
	assert_false(edit_is_slip(4, "reconcile"));
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(edit_distance(longer, longer), 0);
}

static int clean(void **state)
{
	(void)state;
	args_free(&args);
	free(line_copy);
	line_copy = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(forms, clean),   cmocka_unit_test_teardown(commands, clean),
		cmocka_unit_test_teardown(refused, clean), cmocka_unit_test_teardown(values, clean),
		cmocka_unit_test_teardown(leading, clean), cmocka_unit_test_teardown(distances, clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
