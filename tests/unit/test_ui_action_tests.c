/* SPDX-License-Identifier: Apache-2.0
 *
 * Every action in the table is done by some script of tests/tui in the real
 * dashboard on real VMs: such a place begins with a line "# action: NAME", then
 * gives it (keys, press or typed) and looks at what came of it.
 */
#include "ui_fixture.h"

#include <dirent.h>

static int proved[ACTION_COUNT], wrong;

static const char *const given[] = { "keys ", "press ", "typed ", "tm send-keys ", "click " };
static const char *const looked[] = { "see ", "unseen ", "expect", "wait_until ", "ok " };

static bool begins(const char *line, const char *const *words, size_t count)
{
	size_t i;
	line += strspn(line, " \t");
	for (i = 0; i < count; i++) {
		if (strncmp(line, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

static void finish(const char *path, int action, bool acted, bool seen)
{
	if (action == ACTION_NONE)
		return;
	if (acted && seen) {
		proved[action]++;
		return;
	}
	fprintf(stderr, "%s: behind \"# action: %s\" nothing is %s\n", path, action_at((enum action_id)action)->name,
	        acted ? "looked at" : "pressed");
	wrong++;
}

static void read_script(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	int action = ACTION_NONE, i;
	bool acted = false, seen = false;

	assert_non_null(file);
	while (getline(&line, &cap, file) > 0) {
		char name[32];
		const char *mark = line + strspn(line, " \t");
		if (sscanf(mark, "# action: %31s", name) == 1) {
			finish(path, action, acted, seen);
			action = ACTION_NONE;
			for (i = 0; i < ACTION_COUNT; i++) {
				if (strcmp(action_at((enum action_id)i)->name, name) == 0)
					action = i;
			}
			if (action == ACTION_NONE) {
				fprintf(stderr, "%s: there is no action %s\n", path, name);
				wrong++;
			}
			acted = seen = false;
			continue;
		}
		if (begins(line, given, sizeof given / sizeof *given))
			acted = true;
		else if (acted && begins(line, looked, sizeof looked / sizeof *looked))
			seen = true;
	}
	finish(path, action, acted, seen);
	free(line);
	fclose(file);
}

static void every_action_is_tried_in_the_dashboard(void **state)
{
	const char *folder = TEST_SOURCE_DIR "/tests/tui";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int i;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);
		char path[512];
		if (len < 4 || strcmp(entry->d_name + len - 3, ".sh") != 0 || strncmp(entry->d_name, "lib", 3) == 0)
			continue;
		assert_true(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
		read_script(path);
	}
	closedir(dir);
	for (i = 0; i < ACTION_COUNT; i++) {
		if (proved[i] == 0) {
			fprintf(stderr, "no script in tests/tui has \"# action: %s\"\n", action_at((enum action_id)i)->name);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_action_is_tried_in_the_dashboard) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
