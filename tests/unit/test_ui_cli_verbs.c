/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_cli_verbs.c - the table of verbs: whole, without clashes, and the
 * same in the help, the completion scripts and the manual page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json.h"
#include "cli/verbs.h"

static char *text_of_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static void options_are_sound(const struct verb *v)
{
	const struct option *tables[OPTION_TABLES], *all[96];
	size_t n = 0;

	verb_options(v, tables);
	for (size_t t = 0; tables[t]; t++) {
		for (const struct option *o = tables[t]; o->name; o++) {
			assert_true(n < 96);
			assert_true(o->help && *o->help);
			assert_true((o->kind == OPTION_FLAG) == (o->value == NULL));
			if (o->kind == OPTION_CHOICE)
				assert_non_null(o->choices);
			if (o->kind == OPTION_NUMBER || o->kind == OPTION_SIZE)
				assert_true(o->min <= o->max);
			/* A verb's own option may hide nothing of those that hold for all. */
			for (size_t i = 0; i < n; i++) {
				if (strcmp(all[i]->name, o->name) == 0 || (o->letter && all[i]->letter == o->letter))
					fail_msg("%s: --%s and --%s clash", v->name, all[i]->name, o->name);
			}
			all[n++] = o;
		}
	}
}

static void table_is_sound(void **state)
{
	size_t count = 0;

	(void)state;
	for (const struct verb *v = verb_table; v->name; v++, count++) {
		options_are_sound(v);
		assert_true(v->run || v->verbs);
		assert_ptr_equal(verb_find(verb_table, v->name), v);
		for (const struct verb *own = v->verbs; own && own->name; own++)
			options_are_sound(own);
	}
	assert_int_equal(count, 30);
	assert_string_equal(verb_find(verb_table, "rm")->name, "delete");
	assert_string_equal(verb_find(verb_table, "ls")->name, "list");
	assert_string_equal(verb_find(verb_table, "ps")->name, "list");
	assert_string_equal(verb_find(verb_table, "ssh")->name, "shell");
	assert_null(verb_find(verb_table, ""));
	assert_null(verb_find(verb_table, "del remove"));
	assert_string_equal(verb_nearest(verb_table, "lits"), "list");
	assert_string_equal(verb_nearest(verb_table, "recon"), "reconcile");
	assert_string_equal(verb_nearest(verb_table, "dleete"), "delete");
	assert_null(verb_nearest(verb_table, "frobnicate"));
}

static void known_everywhere(const struct verb *v, const char *before, const char *manual, char *const scripts[3])
{
	char line[128];

	snprintf(line, sizeof(line), "## %s%s%s", before, before[0] ? " " : "", v->name);
	if (!strstr(manual, line))
		fail_msg("stoker(1) says nothing of %s", v->name);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(scripts[i], v->name));
	for (size_t t = 0; t < 2 && v->options[t]; t++) {
		for (const struct option *o = v->options[t]; o->name; o++) {
			snprintf(line, sizeof(line), "*--%s*", o->name);
			if (!strstr(manual, line))
				fail_msg("stoker(1) says nothing of %s --%s", v->name, o->name);
			snprintf(line, sizeof(line), "--%s", o->name);
			assert_non_null(strstr(scripts[0], line));
			assert_non_null(strstr(scripts[1], line));
			snprintf(line, sizeof(line), "-l %s", o->name);
			assert_non_null(strstr(scripts[2], line));
		}
	}
}

static void same_everywhere(void **state)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	char *manual = text_of_file(TEST_SOURCE_DIR "/assets/man/stoker.1.scd"), *scripts[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		size_t size;
		FILE *f = open_memstream(&scripts[i], &size);

		assert_non_null(f);
		assert_true(completion_script(f, shells[i]));
		fclose(f);
	}
	for (const struct verb *v = verb_table; v->name; v++) {
		known_everywhere(v, "", manual, scripts);
		for (const struct verb *own = v->verbs; own && own->name; own++)
			known_everywhere(own, v->name, manual, scripts);
	}
	assert_false(completion_script(stdout, "csh"));
	for (size_t i = 0; i < 3; i++)
		free(scripts[i]);
	free(manual);
}

/* Whatever the header exports is in stoker(3), and nothing else is. */
static void manual_names_every_function(void **state)
{
	char *header = text_of_file(TEST_SOURCE_DIR "/include/stoker.h");
	char *manual = text_of_file(TEST_SOURCE_DIR "/assets/man/stoker.3.scd");
	char name[80], line[84];
	size_t n = 0;

	(void)state;
	for (const char *at = header; (at = strstr(at, "\nSTOKER_API ")); n++) {
		const char *end = strchr(at, '(');

		assert_non_null(end);
		const char *begin = end;
		while (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z'))
			begin--;
		snprintf(name, sizeof(name), "%.*s", (int)(end - begin), begin);
		snprintf(line, sizeof(line), "*%s*()", name);
		if (!strstr(manual, line))
			fail_msg("stoker(3) says nothing of %s()", name);
		at = end;
	}
	assert_true(n > 50);
	for (const char *at = manual; (at = strstr(at, "*stoker_")); at += strlen(name)) {
		snprintf(name, sizeof(name), "%.*s(", (int)strcspn(at + 1, "*"), at + 1);
		if (!strstr(header, name))
			fail_msg("stoker(3) tells of %s), which does not exist", name);
	}
	free(manual);
	free(header);
}

static void json_text_is_valid(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *json;
	} cases[] = {
		{ "plain", 5, "\"plain\"" },
		{ "a\"b\\c\n\t", 7, "\"a\\\"b\\\\c\\n\\t\"" },
		{ "a\0b", 3, "\"a\\u0000b\"" },
		{ "\033[31m", 5, "\"\\u001b[31m\"" },
		{ "\xff\xfe", 2, "\"\\ufffd\\ufffd\"" },
		{ "\xc3\xa9", 2, "\"\xc3\xa9\"" },
		{ "\xc2\x9b", 2, "\"\\u009b\"" },
		{ "\xe2\x80\xae", 3, "\"\\u202e\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cJSON *item = json_text(cases[i].text, cases[i].len);
		char *printed = cJSON_PrintUnformatted(item);

		assert_string_equal(printed, cases[i].json);
		cJSON_free(printed);
		cJSON_Delete(item);
	}
	assert_true(json_is_lossless("\xc3\xa9", 2));
	assert_false(json_is_lossless("\xc3", 1));
}

static void json_of_a_vm(void **state)
{
	struct stoker_vm vm = { .id = "0123456789abcdef", .name = "web", .state = STOKER_RUNNING, .pid = 42,
		                    .labels = "a=1,b=x=y,c", .created_at_ms = INT64_C(1770127327123), .uptime_ms = 1500,
		                    .phase = STOKER_PHASE_NONE, .last_phase = STOKER_PHASE_NONE, .exit_status = -1 };
	cJSON *o = json_vm(&vm);
	char *text = cJSON_PrintUnformatted(o);

	(void)state;
	assert_non_null(strstr(text, "\"status\":\"running\""));
	assert_non_null(strstr(text, "\"labels\":{\"a\":\"1\",\"b\":\"x=y\",\"c\":\"\"}"));
	assert_non_null(strstr(text, "\"created_at\":\"2026-02-03T14:02:07.123Z\""));
	assert_non_null(strstr(text, "\"uptime_s\":1.500"));
	assert_non_null(strstr(text, "\"ip\":null"));
	assert_non_null(strstr(text, "\"pid\":42"));
	cJSON_free(text);
	cJSON_Delete(o);

	o = cJSON_CreateObject();
	json_add_int(o, "n", INT64_MAX);
	json_add_ms(o, "ms", 1234567);
	json_add_base64(o, "b", "\xff\x00\x01z", 4);
	text = cJSON_PrintUnformatted(o);
	assert_string_equal(text, "{\"n\":9223372036854775807,\"ms\":1.234,\"b\":\"/wABeg==\"}");
	cJSON_free(text);
	cJSON_Delete(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound),
		cmocka_unit_test(same_everywhere), cmocka_unit_test(manual_names_every_function),
		cmocka_unit_test(json_text_is_valid),
		cmocka_unit_test(json_of_a_vm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
