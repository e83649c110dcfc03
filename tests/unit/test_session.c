/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.c - opening a session into VMs that do not run: what is said,
 * and that nothing is waited for in vain.
 */
#include "store_kit.h"

#include "lifecycle.h"

struct place {
	char *dir;
	stoker *s;
};

static int make(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct stoker_options options = { 0 };
	void *dir;
	if (!p || kit_make(&dir) != 0)
		return -1;
	p->dir = dir;
	options.state_dir = p->dir;
	*state = p;
	return stoker_open(&options, &p->s, NULL) == STOKER_OK ? 0 : -1;
}

static int drop(void **state)
{
	struct place *p = *state;
	void *dir = p->dir;
	stoker_close(p->s);
	free(p);
	return kit_drop(&dir);
}

static void add(struct place *p, const char *name, char digit, enum stoker_state st, const char *reason)
{
	struct vm_record rec = { 0 };
	struct store_pools pools = { 0 };
	struct stoker_error err = { 0 };
	memset(rec.vm.id, digit, STOKER_ID_SIZE - 1);
	snprintf(rec.vm.name, sizeof rec.vm.name, "%s", name);
	snprintf(rec.vm.reason, sizeof rec.vm.reason, "%s", reason);
	memcpy(rec.vm.image, "micro", 6);
	memcpy(rec.vm.backend, "qemu", 5);
	memcpy(rec.vm.accel, "tcg", 4);
	memcpy(rec.vm.egress, "all", 4);
	rec.vm.vcpus = 1;
	rec.vm.memory_mib = 256;
	rec.vm.disk_mib = 64;
	rec.vm.exit_status = -1;
	rec.vm.phase = rec.vm.last_phase = STOKER_PHASE_NONE;
	rec.vm.network = STOKER_NET_NONE;
	rec.vm.created_at_ms = clock_wall_ms();
	rec.op.kind = STOKER_PHASE_NONE;
	if (store_insert(p->s->store, &rec, &pools, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	rec.vm.state = st;
	if (store_update(p->s->store, &rec, &err) != STOKER_OK)
		fail_msg("%s", err.why);
}

static void says_why_and_what_to_do(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *name;
		enum stoker_state state;
		const char *reason, *why, *fix;
	} cases[] = {
		{ "new", STOKER_CREATED, "", "new was never started", "Start it: stoker start new" },
		{ "old", STOKER_STOPPED, "", "old is stopped", "Start it: stoker start old" },
		{ "dead", STOKER_CRASHED, "it was killed", "dead is crashed (it was killed)", "Start it: stoker start dead" },
		{ "bad", STOKER_ERROR, "no disk", "bad is in error (no disk)", "Start it: stoker start bad" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct stoker_error err = { 0 };
		stoker_session *session = (stoker_session *)p;
		int64_t start = clock_now_ns();
		add(p, cases[i].name, (char)('1' + i), cases[i].state, cases[i].reason);
		assert_int_equal(stoker_session_open(p->s, cases[i].name, STOKER_VIA_AUTO, NULL, &session, &err), STOKER_E_STATE);
		assert_null(session);
		assert_string_equal(err.why, cases[i].why);
		assert_string_equal(err.fix, cases[i].fix);
		assert_true(clock_now_ns() - start < 30 * NS_PER_S);
	}
}

static void record_that_the_host_contradicts(void **state)
{
	struct place *p = *state;
	struct stoker_error err = { 0 };
	stoker_session *session;
	add(p, "gone", 'a', STOKER_RUNNING, "");
	assert_int_equal(stoker_session_open(p->s, "gone", STOKER_VIA_AUTO, NULL, &session, &err), STOKER_E_STATE);
	assert_null(session);
	assert_string_not_equal(err.fix, "");
}

static void unknown(void **state)
{
	struct place *p = *state;
	stoker_session *session;
	struct stoker_error err = { 0 };
	assert_int_equal(stoker_session_open(p->s, "nobody", STOKER_VIA_AUTO, NULL, &session, &err), STOKER_E_NOT_FOUND);
	assert_null(session);
	stoker_session_close(NULL);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(says_why_and_what_to_do), TEST(record_that_the_host_contradicts),
		                            TEST(unknown) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
