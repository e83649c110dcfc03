/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ui_jobs.c - operations on the dashboard's threads, with the real library: how far one is reaches the screen's
 * side while it runs.
 */
#include "ui_fixture.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/jobs.h"

struct place {
	char root[64], state[96], run[96], images[96];
	struct stoker_options options;
	struct jobs *jobs;
};

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void make_file_system(const char *file)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", 1);
		execlp("mke2fs", "mke2fs", "-q", "-F", "-t", "ext4", file, "32M", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* An image whose root is a real, empty file system; nothing of it is ever booted. */
static void make_image(const char *images)
{
	char dir[128], file[256], json[1024];
	struct stat root;

	snprintf(dir, sizeof dir, "%s/plain", images);
	assert_int_equal(mkdir(dir, 0700), 0);
	put(dir, "vmlinux", "kernel");
	put(dir, "initrd", "initrd");
	snprintf(file, sizeof file, "%s/root.ext4", dir);
	make_file_system(file);
	assert_int_equal(stat(file, &root), 0);
	snprintf(json, sizeof json,
	         "{\"format\":1,\"name\":\"plain\",\"recipe\":\"micro\",\"digest\":\"sha256:0\",\"kernel_version\":\"0\","
	         "\"kernel_from\":\"file\",\"agent\":true,\"built_at_ms\":1,\"files\":{"
	         "\"kernel\":{\"file\":\"vmlinux\",\"bytes\":6,\"sha256\":\"0\"},"
	         "\"initrd\":{\"file\":\"initrd\",\"bytes\":6,\"sha256\":\"0\"},"
	         "\"root\":{\"file\":\"root.ext4\",\"bytes\":%lld,\"sha256\":\"0\"}},\"packages\":{}}",
	         (long long)root.st_size);
	put(dir, "image.json", json);
}

static int make(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	assert_non_null(p);
	/* In memory: no file system there copies by reference, which takes no time at all. */
	snprintf(p->root, sizeof p->root, "/dev/shm/stoker-jobs-XXXXXX");
	assert_non_null(mkdtemp(p->root));
	snprintf(p->state, sizeof p->state, "%s/state", p->root);
	snprintf(p->run, sizeof p->run, "%s/run", p->root);
	snprintf(p->images, sizeof p->images, "%s/images", p->root);
	assert_int_equal(mkdir(p->images, 0700), 0);
	make_image(p->images);
	p->options = (struct stoker_options){ .state_dir = p->state, .runtime_dir = p->run, .image_dir = p->images };
	p->jobs = jobs_new(&p->options);
	assert_non_null(p->jobs);
	*state = p;
	return 0;
}

static int drop(void **state)
{
	struct place *p = *state;
	jobs_free(p->jobs);
	fixture_remove_folder(p->root);
	free(p);
	return 0;
}

static void submit_create(struct place *p, uint64_t op)
{
	struct job *job = calloc(1, sizeof *job);
	assert_non_null(job);
	job->kind = JOB_CREATE;
	job->action = ACTION_CREATE;
	job->op = op;
	job->spec = calloc(1, sizeof *job->spec);
	assert_non_null(job->spec);
	job->spec->spec = (struct stoker_spec){ .name = "copied", .image = "plain", .disk_mode = "copy", .disk_mib = 64,
		                                .backend = "qemu", .network = "none" };
	jobs_submit(p->jobs, job);
}

/* Takes events until the operation's end; false: nothing came for a minute. */
static bool until_done(struct place *p, uint64_t op, struct event *end, unsigned *steps)
{
	for (;;) {
		struct pollfd fd = { .fd = jobs_fd(p->jobs), .events = POLLIN };
		struct result *result;
		if (poll(&fd, 1, 60000) != 1)
			return false;
		while ((result = jobs_take(p->jobs)) != NULL) {
			bool done = result->event.op == op && result->event.kind == EVENT_OP_DONE;
			if (result->event.op == op && result->event.kind == EVENT_PROGRESS) {
				assert_string_equal(result->event.text, "copying the disk");
				assert_in_range(result->event.done, 1, result->event.total);
				assert_int_equal(result->event.total, 32 << 20);
				++*steps;
			}
			if (done)
				*end = result->event;
			result_free(result);
			if (done)
				return true;
		}
	}
}

static void a_copy_tells_how_far_it_is(void **state)
{
	struct place *p = *state;
	struct event end = { .failed = true };
	unsigned steps = 0;

	submit_create(p, 7);
	assert_true(until_done(p, 7, &end, &steps));
	if (end.failed)
		fail_msg("%s: %s", end.error.what, end.error.why);
	assert_true(end.has_vm);
	assert_string_equal(end.vm.name, "copied");
	assert_true(steps >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_copy_tells_how_far_it_is, make, drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
