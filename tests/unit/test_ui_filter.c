/* SPDX-License-Identifier: Apache-2.0
 *
 * The filter language: what fits, what is wrong, and how a term goes on.
 */
#include "ui_fixture.h"

#include "common/vm_filter.h"

static struct stoker_vm web, stopped;
static struct vm_filter_facts facts;

static int setup(void **state)
{
	(void)state;
	web = fixture_vm(1, "web-1", STOKER_RUNNING);
	snprintf(web.labels, sizeof web.labels, "owner=ann,tier=web");
	web.memory_mib = 1024;
	web.created_at_ms = WALL_MS - 2 * 3600 * 1000;
	stopped = fixture_vm(2, "old-heron", STOKER_CRASHED);
	stopped.exit_status = 265;
	facts = (struct vm_filter_facts){ &web, 98, 73, 8055000, WALL_MS, false, false };
	return 0;
}

static bool fits(const char *text)
{
	struct vm_filter filter;
	if (!vm_filter_read(&filter, text))
		fail_msg("%s: %s", text, filter.problem);
	return vm_filter_fits(&filter, &facts);
}

static void words(void **state)
{
	(void)state;
	assert_true(fits(""));
	assert_true(fits("   "));
	assert_true(fits("WEB"));
	assert_true(fits("172.16.0.3"));
	assert_true(fits("run micro tier=web"));
	assert_true(fits("owner=ann,tier=web"));
	assert_false(fits("web heron"));
	assert_false(fits("!web"));
	assert_true(fits("!heron"));
	assert_true(fits("w*1"));
	assert_false(fits("w*2"));
	assert_true(fits("!")); /* not finished */
	facts.vm = &stopped;
	stopped.stale = true;
	assert_true(fits("stale"));
}

static void fields(void **state)
{
	(void)state;
	assert_true(fits("state:running"));
	assert_true(fits("state:run"));
	assert_true(fits("STATE:Running"));
	assert_true(fits("state:stopped,running"));
	assert_false(fits("state:stopped,crashed"));
	assert_true(fits("!state:stopped,crashed"));
	assert_false(fits("state:booting"));
	web.ready = false;
	assert_true(fits("state:booting state:running"));
	assert_true(fits("name:web-?"));
	assert_true(fits("name:b-1"));
	assert_true(fits("backend:qemu !backend:fc accel:tcg"));
	assert_true(fits("ip:172.16."));
	assert_false(fits("ip:16."));
	assert_true(fits("image:mic"));
	assert_true(fits("label:tier label:web label:tier=web label:tier=w* label:*=ann"));
	assert_false(fits("label:tie"));
	assert_false(fits("label:tier=ann"));
	assert_true(fits("network:user disk-mode:iso"));
	assert_false(fits("is:ready"));
	facts.marked = true;
	assert_true(fits("is:marked"));
	assert_true(fits("is:stale,marked"));
	assert_true(fits("id:00000000000010"));
	snprintf(web.backend, sizeof web.backend, "firecracker");
	assert_true(fits("backend:fc"));
}

static void figures(void **state)
{
	(void)state;
	assert_true(fits("cpu>50 cpu>50% cpu<99 cpu>=98 cpu<=98 cpu=98 cpu:98"));
	assert_false(fits("cpu>98"));
	assert_true(fits("mem=1G mem>1023M mem>0.9G mem<1T mem:1024 rss<74 rss>50000k"));
	assert_false(fits("mem>1G"));
	assert_true(fits("age>1h age>119m age<1d age<=2h up>2h up<1w vcpus=1 pid>1 port=2201 disk:2G"));
	assert_false(fits("age>1d"));
	assert_true(fits("!cpu>98"));
	/* What is not known fits no comparison, neither more nor less. */
	facts = (struct vm_filter_facts){ &stopped, -1, -1, -1, WALL_MS, false, false };
	assert_false(fits("cpu>0"));
	assert_false(fits("cpu<1"));
	assert_false(fits("up<1w"));
	assert_false(fits("age>1s"));
	assert_true(fits("exit=265"));
	assert_false(fits("pid>0"));
}

static void unfinished(void **state)
{
	(void)state;
	/* While one types, nothing disappears and nothing is scolded. */
	assert_true(fits("state:"));
	assert_true(fits("cpu>"));
	assert_true(fits("cpu>="));
	assert_true(fits("!label:"));
}

static void wrongs(void **state)
{
	static const struct {
		const char *text, *problem;
		size_t at;
	} cases[] = {
		{ "web colour:red", "no key colour", 4 },
		{ "state:runing", "no state runing", 0 },
		{ "!is:blue", "no is blue", 1 },
		{ "web cpu>much", "much is no number", 4 },
		{ "mem>1X", "1X is no number", 0 },
		{ "mem>1GB", "1GB is no number", 0 },
		{ "name>web", "write name:web", 0 },
		{ "age>1y", "1y is no number", 0 },
		{ "mem>9999999999999999", "is no number", 0 },
		{ "cpu>-1", "-1 is no number", 0 },
	};
	struct vm_filter filter;
	size_t i;
	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_false(vm_filter_read(&filter, cases[i].text));
		if (strstr(filter.problem, cases[i].problem) == NULL)
			fail_msg("%s: %s", cases[i].text, filter.problem);
		assert_int_equal(filter.problem_at, cases[i].at);
	}
	/* The rest of it still holds. */
	vm_filter_read(&filter, "heron colour:red");
	assert_false(vm_filter_fits(&filter, &facts));
	vm_filter_read(&filter, "web colour:red");
	assert_true(vm_filter_fits(&filter, &facts));
}

static void ceilings(void **state)
{
	char text[2 * FILTER_SIZE];
	struct vm_filter filter;
	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	vm_filter_read(&filter, text);
	assert_int_equal(strlen(filter.text), FILTER_SIZE - 1);
	assert_false(vm_filter_fits(&filter, &facts));
	text[0] = '\0';
	while (strlen(text) + 3 < FILTER_SIZE)
		strcat(text, "w ");
	assert_false(vm_filter_read(&filter, text));
	assert_non_null(strstr(filter.problem, "more than"));
	/* Many stars cost no time. */
	memset(web.labels, 'a', sizeof web.labels - 1);
	snprintf(text, sizeof text, "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
	vm_filter_read(&filter, text);
	assert_false(vm_filter_fits(&filter, &facts));
}

static const struct stoker_vm *vm_at(const void *context, size_t i)
{
	(void)context;
	return i == 0 ? &web : &stopped;
}

static void completions(void **state)
{
	static const struct {
		const char *text, *first;
		size_t count, from;
	} cases[] = {
		{ "st", "state:", 1, 0 },          { "web !ba", "!backend:", 1, 4 }, { "state:s", "state:starting", 4, 0 },
		{ "state:running,cr", "state:running,created", 2, 0 },              { "old", "old-heron", 1, 0 },
		{ "label:t", "label:tier=web", 1, 0 }, { "cp", "cpu>", 1, 0 },      { "label:zz", NULL, 0, 0 },
		{ "cpu>5", NULL, 0, 0 },           { "nosuch:1", NULL, 0, 0 },       { "name:", "name:web-1", 2, 0 },
		{ "is:m", "is:marked", 1, 0 },
	};
	char found[32][FILTER_CANDIDATE_SIZE];
	size_t i, n, from;
	(void)state;
	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		n = vm_filter_complete(cases[i].text, strlen(cases[i].text), vm_at, NULL, 2, found, 32, &from);
		if (n != cases[i].count || from != cases[i].from || (n > 0 && strcmp(found[0], cases[i].first) != 0))
			fail_msg("%s: %zu, %s, from %zu", cases[i].text, n, n > 0 ? found[0] : "", from);
	}
	/* With nothing typed: the keys, not two hundred names. */
	n = vm_filter_complete("", 0, vm_at, NULL, 2, found, 32, &from);
	assert_int_equal(n, FILTER_KEY_COUNT - 1);
	n = vm_filter_complete("", 0, vm_at, NULL, 2, found, 3, &from);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(words, setup),      cmocka_unit_test_setup(fields, setup),
		cmocka_unit_test_setup(figures, setup),    cmocka_unit_test_setup(unfinished, setup),
		cmocka_unit_test_setup(wrongs, setup),     cmocka_unit_test_setup(ceilings, setup),
		cmocka_unit_test_setup(completions, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
