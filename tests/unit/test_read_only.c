/* SPDX-License-Identifier: Apache-2.0
 *
 * test_read_only.c - a handle that was opened read-only refuses every call that
 * changes something, on VMs for which it would otherwise be done; and neither
 * those calls nor those that read change a byte.
 *
 * Each function of stoker.h is in one of the two lists below: a new one fails
 * this test until it is.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include "guest/frame.h"
#include "reconcile_kit.h"
#include "supervisor/control.h"

static const struct stoker_call at_once = { .timeout_ms = 0, .cancel_fd = -1 };
static const char *const true_argv[] = { "true", NULL };
static const struct stoker_exec command = { .argv = true_argv };

/* ------------------------------------------------------- what changes things */

#define CHANGING(name, ...)                                                                                            \
	static enum stoker_status try_##name(stoker *s, const char *ref, struct stoker_error *err)                     \
	{                                                                                                              \
		(void)s;                                                                                               \
		(void)ref;                                                                                             \
		return stoker_##name(__VA_ARGS__);                                                                     \
	}

static const struct stoker_spec spec = { .name = "another", .image = "micro", .network = "none" };
static const struct stoker_image_spec image = { .recipe = "micro" };
static const struct stoker_shell_spec shell = { .rows = 24, .cols = 80 };
static stoker_shell *opened;
static stoker_session *session;
static struct stoker_exec_result result;
static stoker_plan *plan;

CHANGING(create, s, &spec, &at_once, NULL, err)
CHANGING(start, s, ref, &at_once, NULL, err)
CHANGING(stop, s, ref, true, &at_once, NULL, err)
CHANGING(pause, s, ref, &at_once, NULL, err)
CHANGING(resume, s, ref, &at_once, NULL, err)
CHANGING(delete, s, ref, true, &at_once, err)
CHANGING(trash_put, s, ref, true, &at_once, err)
CHANGING(trash_restore, s, "vm-3", NULL, NULL, err)
CHANGING(trash_empty, s, NULL, false, NULL, err)
CHANGING(resize, s, ref, 4096, &at_once, NULL, err)
CHANGING(host_key_accept, s, ref, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &at_once, err)
CHANGING(exec_fds, session, &command, -1, -1, -1, &at_once, &result, err)
CHANGING(exec_capture, session, &command, NULL, 0, 0, &at_once, &result, NULL, NULL, err)
CHANGING(shell_open, s, ref, &shell, &at_once, &opened, err)
CHANGING(reconcile_apply, s, plan, 0, stoker_plan_at(plan, 0)->repair, err)
CHANGING(image_build, s, &image, &at_once, NULL, err)
CHANGING(image_delete, s, "spare", err)
CHANGING(network_remove, s, true, &at_once, NULL, err)
CHANGING(install, s, "firecracker", &at_once, NULL, 0, NULL, err)

#define ROW(name) { "stoker_" #name, try_##name }
static const struct {
	const char *name;
	enum stoker_status (*call)(stoker *s, const char *ref, struct stoker_error *err);
} changing[] = {
	ROW(create), ROW(start), ROW(stop), ROW(pause), ROW(resume), ROW(delete), ROW(trash_put), ROW(trash_restore),
	ROW(trash_empty), ROW(resize), ROW(host_key_accept), ROW(exec_fds), ROW(exec_capture), ROW(shell_open),
	ROW(reconcile_apply), ROW(image_build), ROW(image_delete), ROW(network_remove), ROW(install),
};
enum { CHANGES = sizeof changing / sizeof *changing };

/* --------------------------------------------------------- what only reads */

static const char *const reading[] = {
	/* texts and names */
	"version", "error_advice", "error_text", "exit_code", "status_name", "state_name", "phase_name", "disk_mode_name",
	"network_name", "finding_kind_name", "repair_name", "rules_name", "percentiles_of", "free",
	/* the handle */
	"open", "close", "notice", "place", "setting", "setting_at", "settings_reload",
	/* VMs */
	"check_spec", "get", "list", "wait", "trash_list", "host_key_get", "vm_paths", "vmm_count", "timings",
	"phase_percentiles", "events", "sample_vms", "log_open", "log_read", "log_fd", "log_close", "watch_open",
	"watch_fd", "watch_drain", "watch_close",
	/* a session reads until a command is given to it */
	"session_open", "session_close", "session_via", "ping", "guest_statistics",
	/* of a shell, which shell_open() does not give to a read-only handle */
	"shell_fd", "shell_events", "shell_timeout_ms", "shell_read", "shell_write", "shell_resize", "shell_status",
	"shell_close",
	/* the host */
	"reconcile_plan", "plan_count", "plan_at", "plan_free", "image_list", "image_get", "network_list", "network_get",
	"doctor", "kvm_probe", "host_read",
};
enum { READS = sizeof reading / sizeof *reading };

static void every_function_is_known_to_read_or_to_change(void **state)
{
	FILE *f = fopen(TEST_SOURCE_DIR "/include/stoker.h", "re");
	char line[512], name[64];
	bool declares = false;
	int found = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		int known = 0;
		const char *at = strstr(line, "STOKER_API ");
		declares = declares || (at == line && line[0] != '#');
		for (at = line; declares && (at = strstr(at, "stoker_")); at++) { /* the first name that a bracket follows */
			size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
			if (at[n] == '(' && n < sizeof name) {
				memcpy(name, at, n);
				name[n] = '\0';
				break;
			}
		}
		if (!declares || !at)
			continue;
		declares = false;
		found++;
		for (int i = 0; i < CHANGES; i++)
			known += strcmp(changing[i].name, name) == 0;
		for (int i = 0; i < READS; i++)
			known += strcmp(reading[i], name + strlen("stoker_")) == 0;
		if (known != 1)
			fail_msg("%s is in %d of the lists of %s", name, known, __FILE__);
	}
	fclose(f);
	assert_int_equal(found, CHANGES + READS);
}

/* ------------------------------------------------------------ a photograph */

static char *photo;
static size_t photo_len, photo_root;

static int photograph_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	char line[4400];
	int n = snprintf(line, sizeof line, "%s %o %lld %lld.%09ld\n", path + photo_root, (unsigned)sb->st_mode,
	                 (long long)sb->st_size, (long long)sb->st_mtim.tv_sec, sb->st_mtim.tv_nsec);

	(void)type;
	(void)ftw;
	/* What SQLite's readers keep beside the file that they read. */
	if (strstr(path, "-shm") || strstr(path, "-wal") || n < 0 || n >= (int)sizeof line)
		return 0;
	photo = realloc(photo, photo_len + (size_t)n + 1);
	if (!photo)
		return 1;
	memcpy(photo + photo_len, line, (size_t)n + 1);
	photo_len += (size_t)n;
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every file with its time, in order: a folder may be read in another one the next time. */
static char *photograph(const char *root)
{
	char **lines = NULL, *sorted, *rest, *line;
	size_t count = 0, len = 0;

	photo = NULL;
	photo_len = 0;
	photo_root = strlen(root);
	assert_int_equal(nftw(root, photograph_one, 32, FTW_PHYS), 0);
	assert_non_null(photo);
	sorted = calloc(1, photo_len + 1);
	lines = calloc(photo_len + 1, sizeof *lines);
	assert_true(sorted && lines);
	for (line = strtok_r(photo, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		lines[count++] = line;
	qsort(lines, count, sizeof *lines, by_line);
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(sorted + len, photo_len + 1 - len, "%s\n", lines[i]);
	free(lines);
	free(photo);
	return sorted;
}

/* --------------------------------------------------------------- the place */

/* vm-1 runs, as far as a look at the host can tell, vm-2 is stopped, vm-3 lies in the trash, vm-4 contradicts the host;
 * beside the images there is one that no VM uses. */
static void furnish(struct place *p)
{
	struct process_id vmm;
	struct vm_record rec;
	char path[4096];

	make_vm(p, 1, &rec);
	vmm = spawn_vmm(p, rec.vm.id);
	rec.vm.state = STOKER_RUNNING;
	rec.vmm = vmm;
	rec.supervisor = spawn_supervisor(p, &vmm);
	assert_ok(store_update(p->s.store, &rec, e));
	write_status(p, rec.vm.id, &rec.vmm, &rec.supervisor, true, -2);
	make_vm(p, 2, &rec);
	rec.vm.state = STOKER_STOPPED;
	assert_ok(store_update(p->s.store, &rec, e));
	make_vm(p, 3, &rec);
	rec.vm.state = STOKER_STOPPED;
	assert_ok(store_update(p->s.store, &rec, e));
	assert_ok(stoker_trash_put(&p->s, "vm-3", false, NULL, e));
	make_vm(p, 4, &rec);
	rec.vm.state = STOKER_RUNNING;
	rec.vmm = dead_one(p);
	assert_ok(store_update(p->s.store, &rec, e));
	mkdir(kit_path(path, p->images, "spare"), 0700);
	kit_write(kit_path(path, p->images, "spare/image.json"), "{}", 2);
}

/* As much of vm-1's supervisor and agent as a session needs to be opened; whatever comes then ends it. */
static pid_t answer_session(const char *folder)
{
	static const char text[] = "protocol=1\nagent=1\n";
	const struct frame f = { .length = sizeof text - 1, .type = FRAME_HELLO };
	uint8_t hello[FRAME_HEADER + sizeof text];
	int fd = control_listen(folder, "control.sock");
	pid_t pid;

	assert_true(fd >= 0);
	frame_write_header(hello, &f);
	memcpy(hello + FRAME_HEADER, text, sizeof text);
	pid = fork();
	if (pid == 0) {
		char byte;
		int client;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(fd, F_SETFL, 0);
		while ((client = accept(fd, NULL, NULL)) >= 0) {
			if (send(client, hello, FRAME_HEADER + sizeof text - 1, MSG_NOSIGNAL) < 0 || recv(client, &byte, 1, 0) >= 0)
				close(client);
		}
		_exit(0);
	}
	assert_true(pid > 0);
	close(fd);
	return pid;
}

static stoker *open_read_only(struct place *p)
{
	const struct stoker_options options = { .state_dir = p->state, .runtime_dir = p->runtime, .image_dir = p->images,
		                                .read_only = true };
	stoker *s = NULL;

	assert_ok(stoker_open(&options, &s, e));
	assert_non_null(s);
	return s;
}

static void all_that_reads(stoker *s)
{
	struct stoker_error err = { 0 };
	struct stoker_vm vm, *vms = NULL;
	struct stoker_percentiles percentiles[STOKER_PHASE_COUNT];
	struct stoker_network_state network;
	struct stoker_sample samples[8];
	struct stoker_host host;
	struct stoker_paths paths;
	struct stoker_host_key key;
	struct stoker_vmm_counters counters;
	stoker_log *log = NULL;
	stoker_watch *watch = NULL;
	void *list = NULL;
	size_t n = 0;
	char text[64];

	assert_ok(stoker_list(s, NULL, &vms, &n, e));
	assert_int_equal(n, 3);
	for (int i = 0; i < 3; i++)
		stoker_sample_vms(s, vms, n, NULL, samples);
	stoker_free(vms);
	assert_ok(stoker_get(s, "vm-1", &vm, e));
	assert_int_equal(vm.state, STOKER_RUNNING);
	stoker_check_spec(s, &spec, &err);
	stoker_wait(s, "vm-2", STOKER_UNTIL_READY, &at_once, &vm, &err);
	stoker_host_key_get(s, "vm-1", &at_once, &key, &err);
	assert_ok(stoker_vm_paths(s, "vm-1", &paths, e));
	stoker_vmm_count(s, "vm-1", &at_once, &counters, &err);
	assert_ok(stoker_trash_list(s, (struct stoker_trashed **)&list, &n, e));
	assert_int_equal(n, 1);
	stoker_free(list);
	assert_ok(stoker_timings(s, NULL, (struct stoker_timing **)&list, &n, e));
	stoker_free(list);
	assert_ok(stoker_phase_percentiles(s, NULL, percentiles, e));
	assert_ok(stoker_events(s, 0, 100, (struct stoker_event **)&list, &n, e));
	stoker_free(list);
	assert_ok(stoker_log_open(s, "vm-1", -1, &log, e));
	assert_true(stoker_log_read(log, text, sizeof text) > 0);
	stoker_log_close(log);
	assert_ok(stoker_watch_open(s, &watch, e));
	stoker_watch_close(watch);
	stoker_image_list(s, (struct stoker_image **)&list, &n, &err);
	stoker_free(list);
	stoker_network_get(s, &network, &err);
	assert_ok(stoker_host_read(s, &host, e));
	assert_ok(stoker_settings_reload(s, e));
}

static void nothing_can_be_changed(void **state)
{
	struct place *p = *state;
	char *before, *after, folder[4096];
	stoker *s;
	pid_t answering;

	furnish(p);
	answering = answer_session(kit_path(folder, p->runtime, "vms/%016llx", 1ULL));
	store_close(p->s.store);
	p->s.store = NULL;
	before = photograph(p->state);
	s = open_read_only(p);
	assert_ok(stoker_session_open(s, "vm-1", STOKER_VIA_CHANNEL, NULL, &session, e));
	assert_ok(stoker_reconcile_plan(s, NULL, &plan, e));
	assert_true(stoker_plan_count(plan) > 0);
	for (int vm = 1; vm <= 4; vm += vm == 2 ? 2 : 1) {
		char ref[24];
		snprintf(ref, sizeof ref, "vm-%d", vm);
		for (int i = 0; i < CHANGES; i++) {
			struct stoker_error err = { 0 };
			enum stoker_status st = changing[i].call(s, ref, &err);
			if (st != STOKER_E_READ_ONLY)
				fail_msg("%s of %s: %s %s %s", changing[i].name, ref, stoker_status_name(st), err.what, err.why);
			assert_int_equal(err.code, STOKER_E_READ_ONLY);
		}
	}
	all_that_reads(s);
	stoker_plan_free(plan);
	stoker_session_close(session);
	stoker_close(s);
	after = photograph(p->state);
	assert_string_equal(before, after);
	for (unsigned i = 0; i < 2; i++) /* vm-1's */
		assert_true(process_alive(&p->children[i]));
	kill(answering, SIGKILL);
	assert_int_equal(waitpid(answering, NULL, 0), answering);
	free(before);
	free(after);
	p->s.store = kit_open(p->state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_is_known_to_read_or_to_change),
		cmocka_unit_test_setup_teardown(nothing_can_be_changed, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("read_only", tests, NULL, NULL);
}
