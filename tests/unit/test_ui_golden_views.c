/* SPDX-License-Identifier: Apache-2.0
 *
 * Every view in every size, in UTF-8 and ASCII, with 0, 1, 50 and 1,000 VMs.
 * What is looked at are the frames in tests/golden/views/: each view at 40x10,
 * 80x24, 132x43 and 300x80, and the list in each number of VMs. All other
 * combinations are drawn too: nothing may be outside, out of ASCII, or differ
 * when it is drawn a second time; sums.txt has two sums of each, of its text
 * and of its colours and attributes, and the frame with another one is printed.
 *
 * GOLDEN_RENEW=1 writes the files anew.
 */
#include "ui_fleet.h"

static const char *const view_names[VIEWS] = { "phases", "nothing", "graphs", "fleet", "operations", "events", "tree",
	                                       "columns", "inspect", "palette", "results", "help", "log", "form", "confirm",
	                                       "plan", "answers", "filter", "commands", "shell", "split", "broadcast", "slow", "ask-run",
	                                       "ask-disk", "ask-name", "help-filter", "help-fleet", "help-form", "help-shell",
	                                       "welcome", "copy", "copy-search", "ended", "help-copy", "help-log" };
static const size_t fleets[4] = { 0, 1, 50, 1000 };

static int compare_file(const char *name, const char *have)
{
	char path[512], *want;
	int wrong;
	snprintf(path, sizeof path, "%s/tests/golden/views/%s.txt", TEST_SOURCE_DIR, name);
	if (getenv("GOLDEN_RENEW") != NULL) {
		FILE *file = fopen(path, "we");
		assert_non_null(file);
		fputs(have, file);
		assert_int_equal(fclose(file), 0);
		return 0;
	}
	want = fixture_slurp(path);
	wrong = strcmp(want, have) != 0;
	if (wrong)
		fprintf(stderr, "%s differs. Expected:\n%sGot:\n%s", path, want, have);
	free(want);
	return wrong;
}

/* Is this one of those to be looked at? Each view in each size and charset;
 * each number of VMs with the phases, the fleet and the tree. */
static bool kept(int view, int size, size_t count, bool ascii)
{
	if (count == 50)
		return size < 3 || !ascii;
	return size == 1 && !ascii &&
	       (view == VIEW_PHASES || view == VIEW_FLEET || view == VIEW_TREE || view == VIEW_EVENTS || view == VIEW_GRAPHS);
}

static void every_view_in_every_size(void **state)
{
	static char sums[VIEWS * 32 * 80];
	char *known = fixture_slurp(TEST_SOURCE_DIR "/tests/golden/views/sums.txt");
	size_t len = 0;
	int n, view, size, wrong = 0;

	(void)state;
	for (n = 0; n < 4; n++) {
		for (view = 0; view < VIEWS; view++) {
			struct effects effects = { 0 };
			struct model *model = fleet(fleets[n], &effects);
			show(model, view, &effects);
			for (size = 0; size < 8; size++) {
				const char *p;
				char name[96], *text, *line = sums + len;
				uint64_t sum = SUM_OF_NOTHING, looks;
				model->ascii = size & 1;
				resize(model, sizes[size / 2][0], sizes[size / 2][1], &effects);
				text = draw(model, &looks);
				snprintf(name, sizeof name, "%s-%zu-%dx%d%s", view_names[view], fleets[n], sizes[size / 2][1],
				         sizes[size / 2][0], size & 1 ? "-ascii" : "");
				for (p = text; *p != '\0'; p++)
					sum = sum_with(sum, (unsigned char)*p);
				len += (size_t)snprintf(sums + len, sizeof sums - len, "%s %016llx %016llx\n", name, (unsigned long long)sum,
				                        (unsigned long long)looks);
				assert_true(len < sizeof sums);
				if (kept(view, size / 2, fleets[n], size & 1))
					wrong += compare_file(name, text);
				else if (strstr(known, line) == NULL && getenv("GOLDEN_RENEW") == NULL)
					fprintf(stderr, "%s is another one than before:\n%s", name, text);
				free(text);
			}
			effects_free(&effects);
			model_free(model);
		}
	}
	/* One line for each frame, and none of a view that is no more. */
	wrong += compare_file("sums", sums);
	free(known);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_view_in_every_size) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
