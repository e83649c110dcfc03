/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys as the configuration has them.
 */
#include "ui_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static void bindings(void **state)
{
	static const struct {
		const char *text, *shown;
	} good[] = {
		{ "x", "x" }, { "?", "?" }, { "Space", "Space" }, { "space", "Space" }, { "Ctrl-T", "Ctrl-T" }, { "ctrl-t", "Ctrl-T" },
		{ "Ctrl-]", "Ctrl-]" }, { "F5", "F5" }, { "F12", "F12" }, { "Enter", "Enter" }, { "PgUp", "PgUp" },
		{ "Alt-x", "Alt-x" }, { "Delete", "Delete" }, { "-", "-" }, { "F", "F" }, { "\xc3\xa4", "a" },
	};
	static const char *const bad[] = { "", "xy", "Ctrl-", "Ctrl-H", "Ctrl-M", "Ctrl-[", "Ctrl-xx", "F13", "F0", "Esc", "\x01",
		                               "\xff", "Hyper-x", "Ctrl- ", "F5x" };
	struct binding binding, again;
	char text[24];
	size_t i;
	(void)state;
	for (i = 0; i < sizeof good / sizeof *good; i++) {
		if (!binding_read(&binding, good[i].text))
			fail_msg("%s is a key", good[i].text);
		action_key_text(&binding, true, text, sizeof text);
		assert_string_equal(text, good[i].shown);
		action_key_text(&binding, false, text, sizeof text);
		if (binding.special != SK_ENTER) { /* shown as a sign */
			assert_true(binding_read(&again, text));
			assert_memory_equal(&binding, &again, sizeof binding);
		}
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (binding_read(&binding, bad[i]))
			fail_msg("%s is no key", bad[i]);
	}
}

/* Every standard key can be written down in a configuration. */
static void standard_keys_can_be_written(void **state)
{
	struct keymap map, read;
	char text[2][24], both[64], why[320];
	int i;
	(void)state;
	keymap_standard(&map);
	keymap_standard(&read);
	for (i = 0; i < ACTION_COUNT; i++) {
		action_key_text(&map.keys[i][0], true, text[0], sizeof text[0]);
		action_key_text(&map.keys[i][1], true, text[1], sizeof text[1]);
		snprintf(both, sizeof both, "%s %s", text[0], text[1]);
		if (!keymap_set(&read, action_at((enum action_id)i)->name, both, why, sizeof why))
			fail_msg("%s = %s: %s", action_at((enum action_id)i)->name, both, why);
		assert_memory_equal(&map.keys[i], &read.keys[i], sizeof map.keys[i]);
	}
}

static enum action_id pressed(const struct keymap *map, uint32_t ch, unsigned mods)
{
	struct key key = { .kind = KEY_KIND_CHAR, .ch = ch, .mods = mods };
	return keymap_action(map, &key);
}

static void one_entry(void **state)
{
	struct keymap map;
	char why[320];
	(void)state;
	keymap_standard(&map);
	assert_true(keymap_set(&map, "stop", "Ctrl-T  F9", why, sizeof why));
	assert_int_equal(pressed(&map, 't', MOD_CTRL), ACTION_STOP);
	assert_int_equal(pressed(&map, 'x', 0), ACTION_NONE);
	assert_true(keymap_set(&map, "stop", "none", why, sizeof why));
	assert_int_equal(pressed(&map, 't', MOD_CTRL), ACTION_NONE);
	assert_false(keymap_set(&map, "launch", "l", why, sizeof why));
	assert_non_null(strstr(why, "no action launch"));
	assert_false(keymap_set(&map, "start", "a b c", why, sizeof why));
	assert_non_null(strstr(why, "two keys"));
	assert_false(keymap_set(&map, "start", "Esc", why, sizeof why));
	assert_non_null(strstr(why, "Esc is no key"));
	assert_int_equal(pressed(&map, 's', 0), ACTION_START); /* as it was */
}

struct told {
	int count;
	char text[8][256];
};

static void tell(void *user, const char *origin, const char *text)
{
	struct told *told = user;
	if (told->count < 8)
		snprintf(told->text[told->count], sizeof told->text[0], "%s: %s", strrchr(origin, '/') + 1, text);
	told->count++;
}

/* A handle of its own on a private folder, with this configuration. */
static void with_file(const char *text, struct keymap *map, struct told *told)
{
	char dir[] = "/tmp/stk.keymap.XXXXXX", config[64];
	struct stoker_options options = { .state_dir = dir, .config_file = config };
	struct stoker_error err = { 0 };
	size_t problems;
	stoker *s;
	FILE *file;
	assert_non_null(mkdtemp(dir));
	snprintf(config, sizeof config, "%s/stoker.conf", dir);
	file = fopen(config, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	if (stoker_open(&options, &s, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	memset(told, 0, sizeof *told);
	problems = keymap_load(map, s, tell, told);
	assert_int_equal(problems, told->count);
	stoker_close(s);
	fixture_remove_folder(dir);
}

static void whole_section(void **state)
{
	struct keymap map;
	struct told told;
	(void)state;
	with_file("[keys]\nstop = s\nstart = x\n", &map, &told); /* exchanged: no conflict */
	assert_int_equal(told.count, 0);
	assert_int_equal(pressed(&map, 's', 0), ACTION_STOP);
	assert_int_equal(pressed(&map, 'x', 0), ACTION_START);

	with_file("# mine\n[keys]\nstop = s\n", &map, &told); /* the file goes before what is standard */
	assert_int_equal(told.count, 1);
	assert_string_equal(told.text[0], "stoker.conf:3: s is the key of start and of stop; stop has it now");
	assert_int_equal(pressed(&map, 's', 0), ACTION_STOP);

	with_file("[keys]\nkill = F9\nstop = F9\nnosuch = a\nlogs = Esc\n", &map, &told);
	assert_int_equal(told.count, 3);
	assert_non_null(strstr(told.text[0], "stoker.conf:4: there is no action nosuch"));
	assert_non_null(strstr(told.text[1], "stoker.conf:5: Esc is no key"));
	assert_non_null(strstr(told.text[2], "F9 is the key of stop and of kill; stop has it now"));
	assert_int_equal(pressed(&map, 'l', 0), ACTION_LOGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bindings),
		cmocka_unit_test(standard_keys_can_be_written),
		cmocka_unit_test(one_entry),
		cmocka_unit_test(whole_section),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
