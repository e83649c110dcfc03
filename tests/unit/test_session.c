/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.c - opening a session into VMs that do not run: what is said,
 * and that nothing is waited for in vain.
 */
#include "store_kit.h"

#include "guest/channel_conn.h"
#include "lifecycle.h"
#include "supervisor/status.h"

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

static unsigned inotifies(void)
{
	char path[64], target[64];
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t len = readlink(path, target, sizeof target - 1);
		if (len > 0) {
			target[len] = '\0';
			n += strstr(target, "inotify") != NULL;
		}
	}
	return n;
}

/* Giving an inotify back takes the kernel ten milliseconds: none is had without need, and one is kept. */
static void waits_share_one_watch(void **state)
{
	struct place *p = *state;
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err;
	struct vm_record rec;
	struct stoker_vm vm;
	int status;
	pid_t child;
	add(p, "new", 'a', STOKER_CREATED, "");
	assert_ok(stoker_wait(p->s, "new", STOKER_UNTIL_STOPPED, &call, &vm, e));
	assert_int_equal(inotifies(), 0);
	call.timeout_ms = 20;
	for (int i = 0; i < 3; i++)
		assert_int_equal(stoker_wait(p->s, "new", STOKER_UNTIL_RUNNING, &call, &vm, &err), STOKER_E_TIMEOUT);
	assert_int_equal(inotifies(), 1);

	/* It is told at once, not by the look that is taken every half second. */
	assert_ok(store_find(p->s->store, "new", &rec, e));
	child = fork();
	if (child == 0) {
		stoker *other;
		struct stoker_options options = { .state_dir = p->dir };
		if (stoker_open(&options, &other, NULL) != STOKER_OK)
			_exit(1);
		nanosleep(&(struct timespec){ .tv_nsec = 50 * NS_PER_MS }, NULL);
		rec.vm.state = STOKER_ERROR;
		if (store_update(other->store, &rec, NULL) != STOKER_OK)
			_exit(1);
		handle_touch(other);
		_exit(0);
	}
	call.timeout_ms = 30000;
	int64_t began = clock_now_ns();
	assert_int_equal(stoker_wait(p->s, "new", STOKER_UNTIL_RUNNING, &call, &vm, &err), STOKER_E_STATE);
	assert_true(clock_now_ns() - began < 400 * NS_PER_MS);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(inotifies(), 1);
}

/* Whoever comes too late and whose connection broke are told the same of a VM that has ended. */
static void an_end_is_told_in_one_way(void **state)
{
	static const struct {
		const char *bye, *message;
		bool ephemeral;
		const char *why, *fix;
	} cases[] = {
		{ "", "", false, "fox has ended", "Start it: stoker start fox" },
		{ "", "no more memory", false, "fox has ended, its VMM's last words were: no more memory", "Start it: stoker start fox" },
		{ "poweroff", "", false, "fox has ended: its guest did a poweroff", "Start it: stoker start fox" },
		{ "poweroff", "", true, "fox has ended: its guest did a poweroff",
		  "It was ephemeral and is deleted with its end; make another: stoker create --ephemeral --start" },
	};
	struct place *p = *state;
	char run[STOKER_PATH_SIZE], path[STOKER_PATH_SIZE], text[4096];
	struct channel *c = calloc(1, sizeof *c), *none;
	struct vm_record rec;
	kit_record(&rec, 0xf0);
	strcpy(rec.vm.name, "fox");
	assert_non_null(c);
	c->s = p->s;
	memcpy(c->id, rec.vm.id, sizeof c->id);
	strcpy(c->name, "fox");
	assert_true(path_runtime(p->s, run, "vms/%s", rec.vm.id) && path_runtime(p->s, path, "vms/%s/status", rec.vm.id));
	assert_int_equal(mkdir(run, 0700), 0);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct run_status status = { .supervisor = { 100, 200, "0cb900c8-9e5c-4d5f-bb4c-75fdd3a90280" },
			                     .vmm = { 101, 201, "0cb900c8-9e5c-4d5f-bb4c-75fdd3a90280" }, .exit_status = 0 };
		struct stoker_error late = { 0 }, cut = { 0 };
		strcpy(status.bye, cases[i].bye);
		strcpy(status.message, cases[i].message);
		kit_write(path, text, status_format(&status, text, sizeof text));
		rec.vm.ephemeral = c->ephemeral = cases[i].ephemeral;
		assert_int_equal(chan_connect(p->s, &rec, &none, &late), STOKER_E_STATE);
		assert_int_equal(chan_lost(c, &cut), STOKER_E_STATE);
		assert_string_equal(late.why, cases[i].why);
		assert_string_equal(cut.why, cases[i].why);
		assert_string_equal(late.fix, cases[i].fix);
		assert_string_equal(cut.fix, cases[i].fix);
	}
	free(c);
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
		                            TEST(an_end_is_told_in_one_way), TEST(waits_share_one_watch),
		                            TEST(unknown) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
