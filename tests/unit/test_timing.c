/* SPDX-License-Identifier: Apache-2.0
 *
 * test_timing.c - percentiles, kept timings, events.
 */
#include "handle.h"
#include "store_kit.h"

static void test_percentiles(void **state)
{
	struct stoker_percentiles p;
	int64_t some[1000];
	(void)state;

	stoker_percentiles_of(NULL, 0, &p);
	assert_int_equal(p.count, 0);
	assert_int_equal(p.p99_ns, 0);
	some[0] = 42;
	stoker_percentiles_of(some, 1, &p);
	assert_int_equal(p.p50_ns, 42);
	assert_int_equal(p.p95_ns, 42);
	assert_int_equal(p.p99_ns, 42);
	some[0] = 20;
	some[1] = 10;
	stoker_percentiles_of(some, 2, &p);
	assert_int_equal(p.p50_ns, 10); /* ceil(0.5 * 2) - 1 = 0 */
	assert_int_equal(p.p95_ns, 20);
	for (int i = 0; i < 1000; i++)
		some[i] = 1000 - i;
	stoker_percentiles_of(some, 1000, &p);
	assert_int_equal(p.count, 1000);
	assert_int_equal(p.p50_ns, 500);
	assert_int_equal(p.p95_ns, 950);
	assert_int_equal(p.p99_ns, 990);
	assert_int_equal(p.min_ns, 1);
	assert_int_equal(p.max_ns, 1000);
	for (int i = 0; i < 21; i++)
		some[i] = i + 1;
	stoker_percentiles_of(some, 21, &p);
	assert_int_equal(p.p50_ns, 11);
	assert_int_equal(p.p95_ns, 20); /* ceil(19.95) */
	assert_int_equal(p.p99_ns, 21); /* ceil(20.79) */
}

static void test_kept(void **state)
{
	struct stoker s = { .state_dir = *state };
	struct vm_record rec, other;
	struct stoker_timing *t;
	struct stoker_percentiles p[STOKER_PHASE_COUNT];
	size_t count;

	s.store = kit_open(*state);
	kit_record(&rec, 0xaaaa000000000001);
	strcpy(rec.vm.name, "one");
	assert_ok(store_insert(s.store, &rec, NULL, e));
	kit_record(&other, 0xbbbb000000000002);
	strcpy(other.vm.name, "two");
	assert_ok(store_insert(s.store, &other, NULL, e));
	rec.run = 3;
	for (int i = 1; i <= 70; i++)
		history_timing(s.store, &rec, STOKER_PHASE_BOOT, i, i * 1000);
	history_timing(s.store, &rec, STOKER_PHASE_STOP, 1, 0); /* 0 ns counts */
	history_timing(s.store, &rec, STOKER_PHASE_STOP, 1, -5);
	history_timing(s.store, &rec, STOKER_PHASE_NONE, 1, 5);
	history_timing(s.store, &other, STOKER_PHASE_BOOT, 5, 1000000);

	assert_ok(stoker_timings(&s, "aaaa", &t, &count, e));
	assert_int_equal(count, 65);
	assert_int_equal(t[0].phase, STOKER_PHASE_STOP);
	assert_int_equal(t[0].duration_ns, 0);
	assert_int_equal(t[1].duration_ns, 70000); /* newest first */
	assert_int_equal(t[64].duration_ns, 7000); /* the newest 64 of a phase */
	assert_int_equal(t[1].run, 3);
	assert_string_equal(t[1].name, "one");
	stoker_free(t);
	assert_ok(stoker_timings(&s, NULL, &t, &count, e));
	assert_int_equal(count, 66);
	stoker_free(t);
	assert_ok(stoker_phase_percentiles(&s, NULL, p, e));
	assert_int_equal(p[STOKER_PHASE_BOOT].count, 65);
	assert_int_equal(p[STOKER_PHASE_BOOT].max_ns, 1000000);
	assert_int_equal(p[STOKER_PHASE_STOP].count, 1);
	assert_int_equal(p[STOKER_PHASE_SSH].count, 0);
	assert_ok(stoker_phase_percentiles(&s, "two", p, e));
	assert_int_equal(p[STOKER_PHASE_BOOT].p50_ns, 1000000);
	assert_int_equal(p[STOKER_PHASE_STOP].count, 0);
	/* One that is gone may still be asked for; one that never was may not. */
	assert_ok(store_remove(s.store, other.vm.id, e));
	assert_ok(stoker_timings(&s, "two", &t, &count, e));
	assert_int_equal(count, 1);
	stoker_free(t);
	assert_int_equal(stoker_timings(&s, "three", &t, &count, NULL), STOKER_E_NOT_FOUND);
	assert_null(t);
	store_close(s.store);
}

static void test_ceilings(void **state)
{
	struct stoker s = { .state_dir = *state };
	struct stoker_timing *t;
	struct stoker_event *events;
	size_t count;

	s.store = kit_open(*state);
	for (unsigned i = 0; i < 20600; i++) {
		struct vm_record rec;
		kit_record(&rec, i);
		history_timing(s.store, &rec, STOKER_PHASE_BOOT, 1, i);
		if (i < 10100)
			history_event(s.store, "library", &rec, "created", "number %u", i);
	}
	assert_ok(stoker_timings(&s, NULL, &t, &count, e));
	assert_in_range(count, 19000, 20000);
	assert_int_equal(t[0].duration_ns, 20599);
	stoker_free(t);
	assert_ok(stoker_events(&s, 0, SIZE_MAX, &events, &count, e));
	assert_int_equal(count, 10000);
	assert_string_equal(events[9999].text, "number 10099");
	stoker_free(events);
	store_close(s.store);
}

static void test_events(void **state)
{
	struct stoker s = { .state_dir = *state };
	struct stoker_event *events;
	struct vm_record rec;
	size_t count;
	char longest[2000];
	int64_t seq;

	s.store = kit_open(*state);
	kit_record(&rec, 1);
	assert_ok(stoker_events(&s, 0, 10, &events, &count, e));
	assert_int_equal(count, 0);
	stoker_free(events);
	for (int i = 1; i <= 5; i++)
		history_event(s.store, "command", i % 2 ? &rec : NULL, "created", "event %d", i);
	assert_ok(stoker_events(&s, 0, 3, &events, &count, e));
	assert_int_equal(count, 3); /* the newest, oldest first */
	assert_string_equal(events[0].text, "event 3");
	assert_string_equal(events[2].text, "event 5");
	assert_string_equal(events[0].name, "vm-1");
	assert_string_equal(events[1].id, "");
	assert_string_equal(events[0].actor, "command");
	seq = events[1].seq;
	stoker_free(events);
	assert_ok(stoker_events(&s, seq, 10, &events, &count, e));
	assert_int_equal(count, 1);
	assert_int_equal(events[0].seq, seq + 1);
	stoker_free(events);
	/* What a guest may have had its hands in: made harmless and cut to size. */
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	history_event(s.store, "guest", &rec, "bye", "\033]52;c;\007%s", longest);
	assert_ok(stoker_events(&s, seq + 1, 10, &events, &count, e));
	assert_int_equal(count, 1);
	assert_true(strncmp(events[0].text, "?]52;c;?xxx", 11) == 0);
	assert_true(strlen(events[0].text) < sizeof events[0].text);
	stoker_free(events);
	store_close(s.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test_setup_teardown(test_kept, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_ceilings, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_events, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
