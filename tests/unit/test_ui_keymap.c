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
		{ "Esc", "Esc" }, { "Shift-Tab", "Shift-Tab" }, { "alt-backspace", "Alt-Backspace" }, { "Ctrl-Alt-Left", "Ctrl-Alt-Left" },
	};
	static const char *const bad[] = { "", "xy", "Ctrl-", "Ctrl-H", "Ctrl-M", "Ctrl-[", "Ctrl-xx", "F13", "F0", "Shift-x", "\x01",
		                               "\xff", "Hyper-x", "Ctrl- ", "F5x", "Ctrl-Alt-x", "Alt-", "Shift-" };
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
	char text[24], all[256], why[320];
	int i, k;
	(void)state;
	keymap_standard(&map);
	keymap_standard(&read);
	for (i = 0; i < KEYMAP_ROWS; i++) {
		if (i == IN_NONE)
			continue;
		for (all[0] = '\0', k = 0; k < KEYS_EACH; k++) {
			binding_name(&map.keys[i][k], text, sizeof text);
			snprintf(all + strlen(all), sizeof all - strlen(all), "%s ", text);
		}
		memset(read.keys[i], 0, sizeof read.keys[i]);
		if (!keymap_set(&read, keymap_row_name(i), all, why, sizeof why))
			fail_msg("%s = %s: %s", keymap_row_name(i), all, why);
		assert_memory_equal(&map.keys[i], &read.keys[i], sizeof map.keys[i]);
		assert_int_equal(keymap_row(keymap_row_name(i)), i); /* no name twice */
		if (i > IN_NONE && map.keys[i][0].special == SK_NONE && map.keys[i][0].ch == 0)
			fail_msg("%s has no key", keymap_row_name(i));
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
	assert_false(keymap_set(&map, "start", "a b c d e f g", why, sizeof why));
	assert_non_null(strstr(why, "at most 6 keys"));
	assert_false(keymap_set(&map, "start", "Escape", why, sizeof why));
	assert_non_null(strstr(why, "Escape is no key"));
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

	with_file("[keys]\nkill = F9\nstop = F9\nnosuch = a\nlogs = xy\n", &map, &told);
	assert_int_equal(told.count, 3);
	assert_non_null(strstr(told.text[0], "stoker.conf:4: there is no action nosuch"));
	assert_non_null(strstr(told.text[1], "stoker.conf:5: xy is no key"));
	assert_non_null(strstr(told.text[2], "F9 is the key of stop and of kill; stop has it now"));
	assert_int_equal(pressed(&map, 'l', 0), ACTION_LOGS);
}

static enum place_key in(const struct keymap *map, enum key_place place, const char *name)
{
	struct binding binding;
	struct key key;
	assert_true(binding_read(&binding, name));
	key = binding_key(&binding);
	return keymap_at(map, &key, place);
}

/* The keys of dialogs, pages and typed lines are of the same section. */
static void places(void **state)
{
	struct keymap map;
	struct told told;
	(void)state;

	with_file("", &map, &told);
	assert_int_equal(told.count, 0);
	assert_int_equal(in(&map, PLACE_DIALOG, "q"), IN_DIALOG_LEAVE);
	assert_int_equal(in(&map, PLACE_LINE, "q"), IN_NONE);
	assert_int_equal(in(&map, PLACE_COLUMNS, "Shift-Up"), IN_COLUMNS_EARLIER);
	assert_int_equal(in(&map, PLACE_TEXT, "Shift-Up"), IN_TEXT_UP); /* where no key asks for Shift it is passed over */
	assert_int_equal(in(&map, PLACE_FORM, "Shift-Tab"), IN_FORM_PREVIOUS);
	assert_int_equal(in(&map, PLACE_FORM, "Tab"), IN_FORM_NEXT);

	with_file("[keys]\nconfirm-yes = j F2\ntext-down = Ctrl-T\nline-accept = Ctrl-O Enter\n", &map, &told);
	assert_int_equal(told.count, 0);
	assert_int_equal(in(&map, PLACE_CONFIRM, "j"), IN_CONFIRM_YES);
	assert_int_equal(in(&map, PLACE_CONFIRM, "y"), IN_NONE);
	assert_int_equal(in(&map, PLACE_TEXT, "Ctrl-T"), IN_TEXT_DOWN);
	assert_int_equal(in(&map, PLACE_TEXT, "Enter"), IN_NONE);

	/* One place, two who want it; and a place above another one. */
	with_file("[keys]\nconfirm-no = y\n", &map, &told);
	assert_string_equal(told.text[0], "stoker.conf:2: y is the key of confirm-yes and of confirm-no; confirm-no has it now");
	assert_int_equal(in(&map, PLACE_CONFIRM, "y"), IN_CONFIRM_NO);
	with_file("[keys]\nlogs = Esc\n", &map, &told);
	assert_string_equal(told.text[0], "stoker.conf:2: Esc is the key of logs and of list-clear; logs has it now");
	with_file("[keys]\ncolumns-reset = j\n", &map, &told);
	assert_string_equal(told.text[0], "stoker.conf:2: j is the key of columns-reset and of text-down; columns-reset has it where both are");
	assert_int_equal(told.count, 1);
	assert_int_equal(in(&map, PLACE_TEXT, "j"), IN_TEXT_DOWN);
	with_file("[keys]\ntext-down = Enter j\n", &map, &told); /* what was so before is no conflict */
	assert_int_equal(told.count, 0);

	/* Nobody is locked in, and letters stay letters. */
	with_file("[keys]\ndialog-leave = none\nconfirm-yes = none\n", &map, &told);
	assert_int_equal(told.count, 1);
	assert_string_equal(told.text[0], "stoker.conf:2: dialog-leave cannot do without a key; it has Esc");
	assert_int_equal(in(&map, PLACE_DIALOG, "Esc"), IN_DIALOG_LEAVE);
	assert_int_equal(in(&map, PLACE_DIALOG, "q"), IN_NONE);
	with_file("[keys]\nline-accept = Ctrl-U\nline-leave = Enter\n", &map, &told);
	assert_int_equal(in(&map, PLACE_LINE, "Enter"), IN_LINE_LEAVE);
	assert_int_equal(in(&map, PLACE_LINE, "Ctrl-U"), IN_LINE_ACCEPT);
	with_file("[keys]\nline-start = a\nform-next = j\ncopy-command = c\n", &map, &told);
	assert_int_equal(told.count, 3);
	assert_non_null(strstr(told.text[0], "stoker.conf:2: a is text where line-start works"));
	assert_int_equal(in(&map, PLACE_LINE, "Ctrl-A"), IN_LINE_START);

	with_file("[ui]\nleave_key = F12\n", &map, &told);
	assert_int_equal(map.leave.special, SK_F12);
}

static void text(void **state)
{
	struct keymap map;
	char buf[64], small[8];
	(void)state;
	keymap_standard(&map);
	keymap_text(&map, "{line-accept} keep  {dialog-leave} back  {leave} out", buf, sizeof buf);
	assert_string_equal(buf, "Enter keep  Esc back  Ctrl-] out");
	memset(map.keys[IN_DIALOG_LEAVE], 0, sizeof map.keys[0]);
	keymap_text(&map, "{line-accept} keep  {dialog-leave} back  {leave} out", buf, sizeof buf);
	assert_string_equal(buf, "Enter keep  Ctrl-] out");
	keymap_text(&map, "{line-accept} {dialog-leave} both", buf, sizeof buf);
	assert_string_equal(buf, "");
	keymap_text(&map, "{no-such} x", buf, sizeof buf);
	assert_string_equal(buf, "{no-such x");
	keymap_text(&map, "{", buf, sizeof buf);
	assert_string_equal(buf, "{");
	keymap_text(&map, "{line-accept} takes it", small, sizeof small);
	assert_string_equal(small, "Enter t");
}

/* What the manual says of each row is what is built in. */
static void manual(void **state)
{
	char *text_of = fixture_slurp(TEST_SOURCE_DIR "/assets/man/stoker.conf.5.scd");
	struct keymap map;
	int row, k;
	(void)state;
	keymap_standard(&map);
	for (row = IN_NONE + 1; row < KEYMAP_ROWS; row++) {
		char line[256], key[24];
		size_t len = (size_t)snprintf(line, sizeof line, "|  *%s*\n:  ", keymap_row_name(row));
		for (k = 0; k < KEYS_EACH; k++) {
			binding_name(&map.keys[row][k], key, sizeof key);
			if (key[0] != '\0')
				len += (size_t)snprintf(line + len, sizeof line - len, "%s%s", k > 0 ? " " : "", key);
		}
		snprintf(line + len, sizeof line - len, "\n");
		if (strstr(text_of, line) == NULL)
			fail_msg("stoker.conf(5) lacks: %s", line);
	}
	free(text_of);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bindings),
		cmocka_unit_test(standard_keys_can_be_written),
		cmocka_unit_test(one_entry),
		cmocka_unit_test(whole_section),
		cmocka_unit_test(places),
		cmocka_unit_test(text),
		cmocka_unit_test(manual),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
