/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_lib.c - what the table of bench.py measures inside one process, with
 * the public library only. Prints lines "figure nanoseconds" (or bytes).
 *
 *	bench_lib life IMAGE       one VM: create ... delete
 *	bench_lib vmm N            N VMs one after another, created, started, killed, deleted; no guest is waited for
 *	bench_lib exec VM N VIA    N commands over one open session; VIA channel or ssh
 *	bench_lib stream VM BYTES  BYTES of stdout through one command, to /dev/null
 *	bench_lib spawn N CMD...   N runs of a whole process
 *	bench_lib sample N ROUNDS  what one look at N processes costs, of CPU
 *	bench_lib vmms N           N processes with as many threads as a VMM, their pids; until it is ended
 *	bench_lib fill N RUNNING IMAGE   N records, RUNNING of them with a VMM that is stopped at once (SIGSTOP)
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stoker.h"

extern char **environ;

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void must(enum stoker_status st, const struct stoker_error *err)
{
	char text[1400];

	if (st == STOKER_OK)
		return;
	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "bench_lib: %s\n", text);
	exit(1);
}

static void print_percentiles(const char *figure, int64_t *samples, size_t n)
{
	struct stoker_percentiles p;

	stoker_percentiles_of(samples, n, &p);
	printf("%s_p50 %" PRId64 "\n%s_p99 %" PRId64 "\n", figure, p.p50_ns, figure, p.p99_ns);
}

static void run_true(stoker_session *session, int64_t *took)
{
	static const char *const argv[] = { "true", NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result;
	struct stoker_error err = { .code = STOKER_OK };
	int64_t begun = now_ns();

	must(stoker_exec_capture(session, &exec, NULL, 0, 0, NULL, &result, NULL, NULL, &err), &err);
	*took = now_ns() - begun;
}

static int life(stoker *s, const char *image)
{
	struct stoker_spec spec = { .image = image, .memory_mib = 256, .egress = "none" };
	struct stoker_error err = { .code = STOKER_OK };
	stoker_session *channel, *ssh;
	struct stoker_vm vm;
	int64_t begun = now_ns(), t, first, next;

	must(stoker_create(s, &spec, NULL, &vm, &err), &err);
	printf("create %" PRId64 "\n", now_ns() - begun);
	must(stoker_start(s, vm.id, NULL, NULL, &err), &err);
	printf("create_start %" PRId64 "\n", now_ns() - begun);
	must(stoker_wait(s, vm.id, STOKER_UNTIL_READY, NULL, NULL, &err), &err);
	printf("ready %" PRId64 "\n", now_ns() - begun);
	must(stoker_session_open(s, vm.id, STOKER_VIA_SSH, NULL, &ssh, &err), &err);
	printf("ssh_ready %" PRId64 "\n", now_ns() - begun);
	must(stoker_session_open(s, vm.id, STOKER_VIA_CHANNEL, NULL, &channel, &err), &err);
	run_true(channel, &first);
	run_true(channel, &next);
	printf("exec_first %" PRId64 "\nexec_next %" PRId64 "\n", first, next);
	run_true(ssh, &first);
	run_true(ssh, &next);
	printf("exec_ssh_first %" PRId64 "\nexec_ssh_next %" PRId64 "\n", first, next);
	stoker_session_close(channel);
	stoker_session_close(ssh);
	t = now_ns();
	must(stoker_stop(s, vm.id, true, NULL, NULL, &err), &err);
	must(stoker_delete(s, vm.id, false, NULL, &err), &err);
	printf("stop_delete %" PRId64 "\nlifecycle %" PRId64 "\n", now_ns() - t, now_ns() - begun);
	return 0;
}

static int vmm_only(stoker *s, size_t n)
{
	struct stoker_spec spec = { .memory_mib = 256 };
	struct stoker_error err = { .code = STOKER_OK };
	int64_t *up = calloc(2 * n, sizeof *up), *down = up ? up + n : NULL;
	struct stoker_vm vm;

	if (!up || n == 0)
		return 1;
	for (size_t i = 0; i <= n; i++) { /* the first one makes what all others find */
		int64_t begun = now_ns(), t;

		must(stoker_create(s, &spec, NULL, &vm, &err), &err);
		must(stoker_start(s, vm.id, NULL, NULL, &err), &err);
		t = now_ns();
		if (i > 0)
			up[i - 1] = t - begun;
		must(stoker_stop(s, vm.id, true, NULL, NULL, &err), &err);
		must(stoker_delete(s, vm.id, false, NULL, &err), &err);
		if (i > 0)
			down[i - 1] = now_ns() - t;
	}
	print_percentiles("create_start", up, n);
	print_percentiles("stop_delete", down, n);
	free(up);
	return 0;
}

static int exec_many(stoker *s, const char *ref, size_t n, const char *via)
{
	struct stoker_error err = { .code = STOKER_OK };
	bool ssh = strcmp(via, "ssh") == 0;
	int64_t *samples = calloc(n, sizeof *samples), ignored;
	stoker_session *session;

	if (!samples || n == 0)
		return 1;
	must(stoker_session_open(s, ref, ssh ? STOKER_VIA_SSH : STOKER_VIA_CHANNEL, NULL, &session, &err), &err);
	run_true(session, &ignored);
	for (size_t i = 0; i < n; i++)
		run_true(session, &samples[i]);
	stoker_session_close(session);
	print_percentiles(ssh ? "exec_ssh" : "exec", samples, n);
	free(samples);
	return 0;
}

static int stream(stoker *s, const char *ref, const char *bytes)
{
	/* cat of a file of holes: a source that costs the guest nothing. busybox's head would be the bottleneck itself. */
	const char *const argv[] = { "sh", "-c", "truncate -s \"$0\" /tmp/stream && cat /tmp/stream && rm /tmp/stream",
		                     bytes, NULL };
	struct stoker_exec exec = { .argv = argv };
	struct stoker_exec_result result;
	struct stoker_error err = { .code = STOKER_OK };
	struct rusage before, after;
	stoker_session *session;
	int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int64_t begun;

	must(stoker_session_open(s, ref, STOKER_VIA_CHANNEL, NULL, &session, &err), &err);
	getrusage(RUSAGE_SELF, &before);
	begun = now_ns();
	must(stoker_exec_fds(session, &exec, -1, sink, -1, NULL, &result, &err), &err);
	printf("stream %" PRId64 "\nstream_bytes %" PRIu64 "\n", now_ns() - begun, result.out_bytes);
	getrusage(RUSAGE_SELF, &after);
	printf("stream_memory_kib %ld\n", after.ru_maxrss - before.ru_maxrss);
	stoker_session_close(session);
	close(sink);
	return 0;
}

static int spawn_many(size_t n, char **argv)
{
	int64_t *samples = calloc(n, sizeof *samples);
	posix_spawn_file_actions_t actions;

	if (!samples || n == 0 || !argv[0])
		return free(samples), 1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	for (size_t i = 0; i < n; i++) {
		int64_t begun = now_ns();
		int status;
		pid_t pid;
		if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0)
			return free(samples), 1;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		samples[i] = now_ns() - begun;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			fprintf(stderr, "bench_lib: %s failed\n", argv[0]);
			return free(samples), 1;
		}
	}
	posix_spawn_file_actions_destroy(&actions);
	print_percentiles("spawn", samples, n);
	free(samples);
	return 0;
}

static void *waits(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Processes that do nothing, in as many threads as QEMU has: what the kernel adds up over them when it is asked. */
static int vmms(size_t n, pid_t *pids)
{
	pid_t parent = getpid();

	for (size_t i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return perror("bench_lib: fork"), 1;
		if (pid > 0) {
			pids[i] = pid;
			continue;
		}
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent) /* which may have ended before */
			_exit(1);
		close(STDOUT_FILENO); /* who reads the pids waits for its end */
		for (int thread = 0; thread < 3; thread++) {
			pthread_t id;
			if (pthread_create(&id, NULL, waits, NULL) != 0)
				_exit(1);
		}
		waits(NULL);
	}
	return 0;
}

static int vmms_alone(size_t n)
{
	pid_t *pids = calloc(n, sizeof *pids);
	int status = pids ? vmms(n, pids) : 1;

	for (size_t i = 0; i < n && status == 0; i++)
		printf("%d\n", (int)pids[i]);
	free(pids);
	if (status != 0)
		return status;
	fclose(stdout);
	waits(NULL);
	return 0;
}

/* As the dashboard does, with as many open files, and once a second: what has been out of the caches meanwhile counts. */
static int sample(stoker *s, size_t n, unsigned rounds)
{
	struct stoker_vm *vms = calloc(n, sizeof *vms);
	struct stoker_sample *samples = calloc(n, sizeof *samples);
	pid_t *pids = calloc(n, sizeof *pids);
	const struct timespec second = { 1, 0 };
	struct timespec before, after;
	struct rlimit limit;
	size_t least = n, all;
	int status = 1;

	if (!vms || !samples || !pids || rounds == 0 || vmms(n, pids) != 0)
		goto out;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (size_t i = 0; i < n; i++) {
		vms[i].pid = pids[i];
		vms[i].network = STOKER_NET_NONE;
	}
	for (int first = 0; first < 2; first++) /* then all is open that is kept open */
		stoker_sample_vms(s, vms, n, NULL, samples);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (unsigned r = 0; r < rounds; r++) {
		nanosleep(&second, NULL);
		stoker_sample_vms(s, vms, n, NULL, samples);
		all = 0;
		for (size_t i = 0; i < n; i++)
			all += samples[i].cpu_ns >= 0 && samples[i].rss_kib > 0 && samples[i].read_bytes >= 0;
		least = all < least ? all : least;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	printf("cpu_ms %.3f\nall %zu\n",
	       ((double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6) / rounds, least);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	status = 0;
out:
	free(vms);
	free(samples);
	free(pids);
	return status;
}

static int fill(stoker *s, unsigned n, unsigned running, const char *image)
{
	struct stoker_error err = { .code = STOKER_OK };

	for (unsigned i = 0; i < n; i++) {
		char name[32];
		struct stoker_spec spec = { .name = name, .image = image, .memory_mib = 96, .disk_mode = "shared", .network = "none" };
		struct stoker_vm vm;
		snprintf(name, sizeof name, "many-%04u", i);
		must(stoker_create(s, &spec, NULL, &vm, &err), &err);
		if (i % (n / (running ? running : 1)) != 0 || i / (n / (running ? running : 1)) >= running)
			continue;
		must(stoker_start(s, vm.id, NULL, &vm, &err), &err);
		/* It stays a running VMM, and leaves the cores to what is measured. */
		if (vm.pid > 1)
			kill((pid_t)vm.pid, SIGSTOP);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct stoker_error err = { .code = STOKER_OK };
	stoker *s = NULL;
	int status = 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 4 && strcmp(argv[1], "spawn") == 0)
		return spawn_many((size_t)strtoul(argv[2], NULL, 10), argv + 3);
	if (argc == 3 && strcmp(argv[1], "vmms") == 0)
		return vmms_alone((size_t)strtoul(argv[2], NULL, 10));
	must(stoker_open(NULL, &s, &err), &err);
	if (argc == 3 && strcmp(argv[1], "life") == 0)
		status = life(s, argv[2]);
	else if (argc == 3 && strcmp(argv[1], "vmm") == 0)
		status = vmm_only(s, (size_t)strtoul(argv[2], NULL, 10));
	else if (argc == 5 && strcmp(argv[1], "exec") == 0)
		status = exec_many(s, argv[2], (size_t)strtoul(argv[3], NULL, 10), argv[4]);
	else if (argc == 4 && strcmp(argv[1], "stream") == 0)
		status = stream(s, argv[2], argv[3]);
	else if (argc == 4 && strcmp(argv[1], "sample") == 0)
		status = sample(s, (size_t)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
	else if (argc == 5 && strcmp(argv[1], "fill") == 0)
		status = fill(s, (unsigned)strtoul(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10), argv[4]);
	stoker_close(s);
	if (status == 2)
		fprintf(stderr, "bench_lib: see the head of bench_lib.c\n");
	return status;
}
