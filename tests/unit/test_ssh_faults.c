/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ssh_faults.c - sessions and servers that are wrong, strange, gone or stand still.
 */
#include "ssh_pair.h"

static enum stoker_status try_open(const struct server *v, const struct vm_record *rec, int64_t ms,
                                   struct stoker_error *err)
{
	struct stoker_call call = STOKER_CALL_INIT;
	void *impl = NULL;
	enum stoker_status st;

	call.timeout_ms = ms;
	memset(err, 0, sizeof *err);
	st = ssh_open(v->s, rec, &call, &impl, err);
	if (st == STOKER_OK)
		ssh_ops.close(impl);
	return st;
}

static void test_host_key(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_error err;
	char *fingerprint;
	(void)state;

	snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "%s", sshd.rec.vm.host_key);
	assert_int_equal(try_open(&bear, &rec, 10000, &err), STOKER_E_HOST_KEY);
	fingerprint = strstr(err.why, "SHA256:");
	assert_non_null(fingerprint);
	assert_non_null(strstr(fingerprint + 1, "SHA256:"));
	assert_true(err.fix[0]);
	rec.vm.host_key[0] = '\0';
	rec.agent = false;
	assert_int_equal(try_open(&bear, &rec, 10000, &err), STOKER_E_HOST_KEY);
	assert_non_null(strstr(err.why, "SHA256:"));
	snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "ssh-ed25519 AAAA");
	assert_int_equal(try_open(&bear, &rec, 10000, &err), STOKER_E_HOST_KEY);
	snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "%s", bear.rec.vm.host_key);
	assert_int_equal(try_open(&bear, &rec, 10000, &err), STOKER_OK);
}

/* A person's yes to the key of a guest without an agent is kept; a guest with one is not open to that. */
static void test_accept_host_key(void **state)
{
	struct stoker_options options = { .state_dir = NULL };
	struct store_pools pools = { 0x0a000002, 0x0a000010, 40000, 40010, NULL };
	struct vm_record rec = bear.rec;
	struct stoker_error err = { .why = "" };
	char dir[] = "/tmp/stoker-accept-XXXXXX";
	stoker *s;
	(void)state;

	assert_non_null(mkdtemp(dir));
	options.state_dir = dir;
	assert_int_equal(stoker_open(&options, &s, &err), STOKER_OK);
	rec.vm.state = STOKER_STOPPED;
	rec.vm.host_key[0] = '\0';
	rec.agent = false;
	if (store_insert(s->store, &rec, &pools, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	assert_int_equal(stoker_host_key_accept(s, "test", "ssh-rsa AAAA", NULL, &err), STOKER_E_INVALID);
	if (stoker_host_key_accept(s, "test", bear.rec.vm.host_key, NULL, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	assert_int_equal(store_find(s->store, "test", &rec, &err), STOKER_OK);
	assert_string_equal(rec.vm.host_key, bear.rec.vm.host_key);
	/* By fingerprint only what is shown now: of a VM that does not run there is nothing to see. */
	assert_int_equal(stoker_host_key_accept(s, "test", "SHA256:AAAA", NULL, &err), STOKER_E_STATE);
	rec.agent = true;
	assert_int_equal(store_update(s->store, &rec, &err), STOKER_OK);
	assert_int_equal(stoker_host_key_accept(s, "test", bear.rec.vm.host_key, NULL, &err), STOKER_E_STATE);
	stoker_close(s);
	run_quietly((const char *const[]){ "rm", "-rf", dir, NULL });
}

/* What a server shows is told whatever is recorded, and as the key's own tool tells it. */
static void test_shown_host_key(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_error err = { .why = "" };
	unsigned char blob[64];
	char line[128] = "", shown[64];
	size_t len;
	(void)state;

	snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "%s", sshd.rec.vm.host_key);
	assert_int_equal(ssh_shown_key(bear.s, &rec, deadline_after_ms(10000), -1, line, &err), STOKER_OK);
	assert_string_equal(line, bear.rec.vm.host_key);
	assert_true(ssh_key_blob(line, blob, &len));
	ssh_fingerprint(blob, len, shown);
	rec.agent = false;
	assert_int_equal(try_open(&bear, &rec, 10000, &err), STOKER_E_HOST_KEY);
	assert_non_null(strstr(err.fix, shown));
	assert_non_null(strstr(err.fix, "stoker host-key test --accept SHA256:"));
}

/* Without an agent nobody knows when the server will be there: it is tried until the deadline, and no longer than the
 * VMM lives. */
static void test_probing(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_error err = { .why = "" };
	int64_t begin;
	int status;
	pid_t vmm;
	(void)state;

	rec.agent = false;
	assert_int_equal(ssh_wait_banner(bear.s, &rec, deadline_after_ms(10000), -1, &err), STOKER_OK);
	vmm = fork();
	if (vmm == 0)
		for (;;)
			pause();
	assert_true(process_identify(vmm, &rec.vmm));
	rec.vm.ssh_port = free_port();
	begin = clock_now_ns();
	/* A VMM that lives: a refused connection is not the end, as it is after two seconds with an agent. */
	assert_int_not_equal(ssh_wait_banner(bear.s, &rec, deadline_after_ms(3000), -1, &err), STOKER_OK);
	assert_true(clock_now_ns() - begin >= 2900 * NS_PER_MS);
	kill(vmm, SIGKILL);
	waitpid(vmm, &status, 0);
	begin = clock_now_ns();
	assert_int_equal(ssh_wait_banner(bear.s, &rec, deadline_after_ms(20000), -1, &err), STOKER_E_CLOSED);
	assert_non_null(strstr(err.why, "the VM ended"));
	assert_true(clock_now_ns() - begin < 2000 * NS_PER_MS);
}

static void test_wrong_key(void **state)
{
	struct server other;
	struct stoker_error err;
	char path[256];
	(void)state;

	place_make(&other);
	other.rec.vm.ssh_port = bear.rec.vm.ssh_port;
	snprintf(other.rec.vm.host_key, sizeof other.rec.vm.host_key, "%s", bear.rec.vm.host_key);
	assert_int_equal(try_open(&other, &other.rec, 10000, &err), STOKER_E_AUTH);
	other.rec.vm.ssh_port = sshd.rec.vm.ssh_port;
	snprintf(other.rec.vm.host_key, sizeof other.rec.vm.host_key, "%s", sshd.rec.vm.host_key);
	assert_int_equal(try_open(&other, &other.rec, 10000, &err), STOKER_E_AUTH);
	/* A key file that is no key. */
	snprintf(path, sizeof path, "%s/vms/0123456789abcdef/key", other.dir);
	put_file(path, "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n");
	assert_int_equal(try_open(&other, &other.rec, 10000, &err), STOKER_E_FAILED);
	unlink(path);
	assert_int_equal(try_open(&other, &other.rec, 10000, &err), STOKER_E_FAILED);
	place_remove(&other);
}

static void test_states(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_error err;
	(void)state;

	rec.vm.state = STOKER_STOPPED;
	assert_int_equal(try_open(&bear, &rec, 1000, &err), STOKER_E_STATE);
	rec.vm.state = STOKER_RUNNING;
	rec.vm.network = STOKER_NET_NONE;
	assert_int_equal(try_open(&bear, &rec, 1000, &err), STOKER_E_MISSING);
}

/* Servers of the other kind: each serves connections until it is killed. */
enum { BAD_SILENT, BAD_CLOSES, BAD_GARBAGE, BAD_LINES, BAD_SLOW, BAD_BANNER_ONLY, BAD_BINARY };

static pid_t bad_server(int how, uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(listen(fd, 16), 0);
	*port = ntohs(addr.sin_port);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			static const char hello[] = "SSH-2.0-dropbear_2022.83\r\n";
			char block[4096];
			int c = accept(fd, NULL, NULL);
			switch (how) {
			case BAD_SILENT:
				continue;
			case BAD_CLOSES:
				break;
			case BAD_GARBAGE:
				memset(block, 'x', sizeof block);
				while (write(c, block, sizeof block) > 0)
					;
				break;
			case BAD_LINES:
				for (size_t i = 0; i < sizeof block; i++)
					block[i] = i % 8 == 7 ? '\n' : 'x';
				while (write(c, block, sizeof block) > 0)
					;
				break;
			case BAD_SLOW:
				for (size_t i = 0; i < sizeof hello && write(c, hello + i, 1) == 1; i++)
					sleep(1);
				break;
			case BAD_BANNER_ONLY:
				if (write(c, hello, sizeof hello - 1) > 0)
					continue;
				break;
			case BAD_BINARY:
				if (write(c, hello, sizeof hello - 1) < 0)
					break;
				memset(block, 0xff, sizeof block);
				while (write(c, block, sizeof block) > 0)
					;
				break;
			}
			close(c);
		}
	}
	close(fd);
	return pid;
}

static void test_bad_servers(void **state)
{
	static const struct {
		int how;
		enum stoker_status want;
	} cases[] = {
		{ BAD_SILENT, STOKER_E_TIMEOUT }, { BAD_CLOSES, STOKER_E_CLOSED }, { BAD_GARBAGE, STOKER_E_PEER },
		{ BAD_LINES, STOKER_E_PEER }, { BAD_SLOW, STOKER_E_TIMEOUT }, { BAD_BANNER_ONLY, STOKER_E_TIMEOUT },
		{ BAD_BINARY, STOKER_E_PEER },
	};
	(void)state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vm_record rec = bear.rec;
		struct stoker_error err;
		pid_t pid = bad_server(cases[i].how, &rec.vm.ssh_port);
		int64_t begin = clock_now_ns(), took;
		struct timespec cpu_before, cpu_after;
		enum stoker_status st;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before);
		st = try_open(&bear, &rec, 2500, &err);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after);
		took = clock_now_ns() - begin;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		print_message("%s: %s\n", stoker_status_name(st), err.why);
		assert_int_equal(st, cases[i].want);
		assert_true(took < 3500 * NS_PER_MS);
		assert_true((cpu_after.tv_sec - cpu_before.tv_sec) * NS_PER_S + cpu_after.tv_nsec - cpu_before.tv_nsec <
		            NS_PER_S / 2);
	}
}

static void test_nobody_listens(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_error err;
	int64_t begin;
	(void)state;

	rec.vm.ssh_port = free_port();
	assert_int_equal(try_open(&bear, &rec, 20000, &err), STOKER_E_CLOSED);
	assert_non_null(strstr(err.why, "nothing listens"));
	assert_int_equal(try_open(&bear, &rec, 200, &err), STOKER_E_CLOSED);
	/* With a TAP it is the guest that refuses, whose server may come later than QEMU would. */
	rec.vm.network = STOKER_NET_TAP;
	begin = clock_now_ns();
	assert_int_equal(try_open(&bear, &rec, 3000, &err), STOKER_E_CLOSED);
	assert_true(clock_now_ns() - begin >= 2900 * NS_PER_MS);
	assert_non_null(strstr(err.why, "takes no connection"));
}

static void test_cancel(void **state)
{
	struct vm_record rec = bear.rec;
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err;
	int pipes[2];
	void *impl;
	pid_t pid = bad_server(BAD_SILENT, &rec.vm.ssh_port), child;
	int64_t begin = clock_now_ns();
	(void)state;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		usleep(200 * 1000);
		_exit(write(pipes[1], "x", 1) == 1 ? 0 : 1);
	}
	call.cancel_fd = pipes[0];
	assert_int_equal(ssh_open(bear.s, &rec, &call, &impl, &err), STOKER_E_CANCELLED);
	assert_true(clock_now_ns() - begin < 2 * NS_PER_S);
	waitpid(child, NULL, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
}

/* The server's process dies in the middle of a command. */
static void test_cut(void **state)
{
	void *impl = open_session(&bear);
	struct ran r = run_sh(impl, "echo before; kill -9 $PPID; sleep 5", NULL);
	(void)state;

	assert_int_equal(r.st, STOKER_E_CLOSED);
	ran_free(&r);
	r = run_sh(impl, "echo again", NULL);
	assert_int_equal(r.st, STOKER_E_CLOSED);
	ran_free(&r);
	ssh_ops.close(impl);
}

/* A server that stands still: the deadline holds, and what follows is refused at once. */
static void test_frozen(void **state)
{
	void *impl = open_session(&bear);
	struct ran r = run_sh(impl, "echo $PPID", NULL);
	pid_t pid = (pid_t)atoi(r.out);
	int64_t begin;
	(void)state;

	ran_free(&r);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	begin = clock_now_ns();
	r = run_with(impl, &(struct stoker_exec){ ARGV("true") }, NULL, 0, 300, -1);
	assert_int_equal(r.st, STOKER_E_TIMEOUT);
	assert_true(clock_now_ns() - begin < 5 * NS_PER_S);
	ran_free(&r);
	begin = clock_now_ns();
	r = run_with(impl, &(struct stoker_exec){ ARGV("true") }, NULL, 0, 300, -1);
	assert_int_not_equal(r.st, STOKER_OK);
	assert_true(clock_now_ns() - begin < NS_PER_S);
	ran_free(&r);
	begin = clock_now_ns();
	ssh_ops.close(impl);
	assert_true(clock_now_ns() - begin < NS_PER_S);
	kill(pid, SIGKILL);
}

/* Every command of many sessions at once comes back to its own. */
static void *crowd(void *arg)
{
	struct server *v = arg;
	void *impl = open_session(v);

	for (int i = 0; i < 20; i++) {
		char script[64], want[64];
		struct ran r;
		snprintf(script, sizeof script, "echo %p-%d", (void *)&r, i);
		snprintf(want, sizeof want, "%p-%d\n", (void *)&r, i);
		r = run_sh(impl, script, NULL);
		if (r.st != STOKER_OK || strcmp(r.out, want) != 0)
			return arg;
		ran_free(&r);
	}
	ssh_ops.close(impl);
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[12];
	void *failed;
	(void)state;

	for (size_t i = 0; i < 12; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crowd, i % 2 ? &sshd : &bear), 0);
	for (size_t i = 0; i < 12; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_key), cmocka_unit_test(test_accept_host_key),
		cmocka_unit_test(test_shown_host_key), cmocka_unit_test(test_probing), cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_states), cmocka_unit_test(test_bad_servers), cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_cut), cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_threads),
	};

	return pair_possible("test_ssh_faults") ? cmocka_run_group_tests(tests, setup, teardown) : 0;
}
