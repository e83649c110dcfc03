/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions and shells against real servers on the loopback: dropbear, as in the
 * micro image, and OpenSSH where it is installed (tests/deps.sh does not: its
 * package would start a server for everybody); else a second dropbear.
 */
#include "ssh_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "clock.h"

static struct server sshd, bear;

#define ARGV(...) .argv = (const char *const[]){ __VA_ARGS__, NULL }

struct ran {
	enum stoker_status st;
	struct stoker_exec_result result;
	struct stoker_error err;
	char *out, *errout;
};

static struct ran run_with(void *impl, const struct stoker_exec *exec, const char *in, size_t in_len,
                           int64_t timeout_ms, int cancel_fd)
{
	struct exec_io io = { .in_fd = -1, .in = in, .in_len = in_len };
	struct stoker_call call = STOKER_CALL_INIT;
	struct ran r = { .st = STOKER_OK };

	call.timeout_ms = timeout_ms;
	call.cancel_fd = cancel_fd;
	exec_sink_open(&io.out, -1, 4 << 20);
	exec_sink_open(&io.err, -1, 4 << 20);
	r.st = ssh_ops.exec(impl, exec, &io, &call, &r.result, &r.err);
	r.out = io.out.data ? io.out.data : strdup("");
	r.errout = io.err.data ? io.err.data : strdup("");
	return r;
}

static struct ran run_sh(void *impl, const char *script, const char *in)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	return run_with(impl, &(struct stoker_exec){ .argv = argv }, in, in ? strlen(in) : 0, 20000, -1);
}

static void ran_free(struct ran *r)
{
	free(r->out);
	free(r->errout);
}

static void *open_session(struct server *v)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	void *impl = NULL;

	call.timeout_ms = 20000;
	if (ssh_open(v->s, &v->rec, &call, &impl, &err) != STOKER_OK)
		fail_msg("ssh_open: %s: %s", err.what, err.why);
	return impl;
}

/* ------------------------------------------------------------------ commands */

static void streams(struct server *v)
{
	void *impl = open_session(v);
	struct ran r = run_sh(impl, "cat; echo problem >&2; exit 42", "some input\nwithout end");

	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "some input\nwithout end");
	assert_string_equal(r.errout, "problem\n");
	assert_int_equal(r.result.status, 42);
	assert_int_equal(r.result.signal, 0);
	assert_true(r.result.duration_ns > 0);
	ran_free(&r);
	r = run_sh(impl, "kill -KILL $$", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.signal, SIGKILL);
	assert_int_equal(r.result.status, 128 + SIGKILL);
	ran_free(&r);
	r = run_sh(impl, "cat", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "");
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("no-such-program") }, NULL, 0, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.status, 127);
	assert_non_null(strstr(r.errout, "no-such-program"));
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "pwd; echo $A"), .dir = "/usr",
	             .env = (const char *const[]){ "A=x y", NULL } }, NULL, 0, 5000, -1);
	assert_string_equal(r.out, "/usr\nx y\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

/* Longer than dropbear and libssh2 take in one piece. */
static void long_command(struct server *v)
{
	void *impl = open_session(v);
	const size_t sizes[] = { 7900, 9500, 40000, 120000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char *word = malloc(sizes[i] + 1);
		struct ran r;
		assert_non_null(word);
		for (size_t k = 0; k < sizes[i]; k++)
			word[k] = "ab\n' \"$\\*"[k % 9];
		word[sizes[i]] = '\0';
		r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "printf %s \"$1\"; cat", "sh", word), .dir = "/usr" },
		             "+input", 6, 20000, -1);
		assert_int_equal(r.st, STOKER_OK);
		assert_int_equal(r.result.out_bytes, sizes[i] + 6);
		assert_memory_equal(r.out, word, sizes[i]);
		assert_string_equal(r.out + sizes[i], "+input");
		assert_string_equal(r.errout, "");
		ran_free(&r);
		free(word);
	}
	ssh_ops.close(impl);
}

static void test_long_command(void **state)
{
	(void)state;
	long_command(&bear);
	long_command(&sshd);
}

static void test_streams_openssh(void **state)
{
	(void)state;
	streams(&sshd);
}

static void test_streams_dropbear(void **state)
{
	(void)state;
	streams(&bear);
}

static void many(struct server *v)
{
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();

	for (int i = 0; i < 500; i++) {
		struct ran r;
		char script[64], want[64];
		snprintf(script, sizeof script, "echo %d; exit %d", i, i % 100);
		snprintf(want, sizeof want, "%d\n", i);
		r = run_sh(impl, script, NULL);
		assert_int_equal(r.st, STOKER_OK);
		assert_string_equal(r.out, want);
		assert_int_equal(r.result.status, i % 100);
		ran_free(&r);
	}
	print_message("500 commands: %.2f ms each\n", (double)(clock_now_ns() - begin) / 500 / NS_PER_MS);
	ssh_ops.close(impl);
}

static void test_many_openssh(void **state)
{
	(void)state;
	many(&sshd);
}

static void test_many_dropbear(void **state)
{
	(void)state;
	many(&bear);
}

static void tty(struct server *v)
{
	void *impl = open_session(v);
	struct ran r;

	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c", "stty size; echo $TERM; tty >&2"),
	             .tty = true, .rows = 33, .cols = 111, .term = "vt100" }, NULL, 0, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_non_null(strstr(r.out, "33 111\r\n"));
	assert_non_null(strstr(r.out, "vt100"));
	assert_non_null(strstr(r.out, "/dev/"));
	ran_free(&r);
	/* The end of the input ends a program that reads a terminal. */
	r = run_with(impl, &(struct stoker_exec){ ARGV("cat"), .tty = true }, "line\n", 5, 5000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "line\r\nline\r\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

static void test_tty(void **state)
{
	(void)state;
	tty(&sshd);
	tty(&bear);
}

/* True while a process with this argument lives. */
static bool lives(const char *mark)
{
	char command[128];
	snprintf(command, sizeof command, "exec pgrep -f '%s' >/dev/null", mark);
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void timeout(struct server *v)
{
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	int pipes[2];
	struct ran r;

	/* Something that an earlier command left in the background is spared. */
	r = run_sh(impl, "sleep 98765 >/dev/null 2>&1 </dev/null & echo left", NULL);
	assert_string_equal(r.out, "left\n");
	ran_free(&r);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sh", "-c",
	             "trap '' TERM HUP; echo begun; sleep 98764 & sleep 98763; sleep 98762") }, NULL, 0, 400, -1);
	assert_int_equal(r.st, STOKER_E_TIMEOUT);
	assert_string_equal(r.out, "begun\n");
	assert_int_equal(r.result.signal, SIGKILL);
	assert_true(clock_now_ns() - begin < 5 * NS_PER_S);
	ran_free(&r);
	assert_false(lives("slee[p] 98764"));
	assert_false(lives("slee[p] 98763"));
	assert_true(lives("slee[p] 98765"));
	/* The session goes on. */
	r = run_sh(impl, "echo alive", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "alive\n");
	ran_free(&r);
	/* Cancelling is the same, and a terminal too. */
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	r = run_with(impl, &(struct stoker_exec){ ARGV("sleep", "98761"), .tty = true }, NULL, 0,
	             -1, pipes[0]);
	assert_int_equal(r.st, STOKER_E_CANCELLED);
	ran_free(&r);
	close(pipes[0]);
	close(pipes[1]);
	assert_false(lives("slee[p] 98761"));
	r = run_sh(impl, "pkill -f 'slee[p] 98765'; echo alive", NULL);
	assert_int_equal(r.st, STOKER_OK);
	assert_string_equal(r.out, "alive\n");
	ran_free(&r);
	ssh_ops.close(impl);
}

static void test_timeout(void **state)
{
	(void)state;
	timeout(&sshd);
	timeout(&bear);
}

/* ------------------------------------------------------------------- volume */

/* A sanitizer keeps what was freed: nothing to be measured there. */
static long resident_kib(void)
{
	char line[256];
	long kib = 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#endif
	FILE *f = fopen("/proc/self/status", "re");
	while (fgets(line, sizeof line, f))
		(void)sscanf(line, "VmRSS: %ld", &kib);
	fclose(f);
	return kib;
}

static void volume(struct server *v, const char *script, uint64_t bytes)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct exec_io io = { .in_fd = -1 };
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	long before = resident_kib();

	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	exec_sink_open(&io.out, null, 0);
	exec_sink_open(&io.err, -1, 0);
	if (ssh_ops.exec(impl, &(struct stoker_exec){ .argv = argv }, &io, NULL, &result, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	exec_sink_close(&io.out);
	close(null);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.out_bytes, bytes);
	print_message("out: %.0f MB/s, %+ld KiB resident\n", (double)bytes / 1e6 / ((double)(clock_now_ns() - begin) / 1e9),
	              resident_kib() - before);
	assert_true(resident_kib() - before < 16 * 1024);
	ssh_ops.close(impl);
}

static void volume_in(struct server *v, uint64_t bytes)
{
	const char *argv[] = { "sh", "-c", "wc -c", NULL };
	struct exec_io io = { .in_fd = -1 };
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t begin = clock_now_ns();
	char path[] = "/tmp/stoker-ssh-in-XXXXXX";

	exec_sink_open(&io.out, -1, 4096);
	exec_sink_open(&io.err, -1, 0);
	io.in_fd = mkostemp(path, O_CLOEXEC);
	unlink(path);
	assert_int_equal(ftruncate(io.in_fd, (off_t)bytes), 0);
	if (ssh_ops.exec(impl, &(struct stoker_exec){ .argv = argv }, &io, NULL, &result, &err) != STOKER_OK)
		fail_msg("%s", err.why);
	close(io.in_fd);
	assert_int_equal(result.status, 0);
	assert_non_null(io.out.data);
	assert_int_equal(strtoull(io.out.data, NULL, 10), bytes);
	print_message("in: %.0f MB/s\n", (double)bytes / 1e6 / ((double)(clock_now_ns() - begin) / 1e9));
	free(io.out.data);
	ssh_ops.close(impl);
}

#define VOLUME (200 * 1000 * 1000)
static void test_volume(void **state)
{
	const char *more = getenv("STOKER_TEST_BYTES"); /* beyond 1 GiB dropbear exchanges keys again */
	uint64_t bytes = more ? strtoull(more, NULL, 10) : VOLUME;
	char script[64];
	(void)state;

	snprintf(script, sizeof script, "head -c %llu /dev/zero", (unsigned long long)bytes);
	volume(&bear, script, bytes);
	volume(&sshd, script, bytes);
	bytes = more ? bytes : bytes / 4;
	volume_in(&bear, bytes);
	volume_in(&sshd, bytes);
}

static void test_both_ways(void **state)
{
	size_t len = 3 << 20;
	char *in = malloc(len);
	struct ran r;
	void *impl = open_session(&bear);
	(void)state;

	assert_non_null(in);
	for (size_t i = 0; i < len; i++)
		in[i] = (char)('a' + i * 7 % 26);
	r = run_with(impl, &(struct stoker_exec){ ARGV("cat") }, in, len, 60000, -1);
	assert_int_equal(r.st, STOKER_OK);
	assert_int_equal(r.result.out_bytes, len);
	assert_memory_equal(r.out, in, len);
	ran_free(&r);
	free(in);
	ssh_ops.close(impl);
}

/* A reader that leaves ends the command, as in a pipe. */
static void test_reader_leaves(void **state)
{
	struct exec_io io = { .in_fd = -1 };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_exec_result result;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(&bear);
	int pipes[2];
	(void)state;

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	close(pipes[0]);
	exec_sink_open(&io.out, pipes[1], 0);
	exec_sink_open(&io.err, -1, 0);
	call.timeout_ms = 10000;
	if (ssh_ops.exec(impl, &(struct stoker_exec){ ARGV("yes") }, &io, &call, &result, &err) !=
	    STOKER_OK)
		fail_msg("%s", err.why);
	exec_sink_close(&io.out);
	close(pipes[1]);
	assert_int_equal(result.signal, SIGPIPE);
	ssh_ops.close(impl);
}

static void ping(struct server *v)
{
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	void *impl = open_session(v);
	int64_t rtt = -1;
	struct ran r;

	for (int i = 0; i < 20; i++) {
		if (ssh_ops.ping(impl, &call, &rtt, &err) != STOKER_OK)
			fail_msg("%s", err.why);
		assert_true(rtt > 0 && rtt < 5 * NS_PER_S);
	}
	print_message("ping %.3f ms\n", (double)rtt / NS_PER_MS);
	/* A stopped server answers no ping: it is a true round trip. */
	r = run_sh(impl, "echo $PPID", NULL);
	pid_t pid = (pid_t)atoi(r.out);
	ran_free(&r);
	assert_true(pid > 1);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	call.timeout_ms = 300;
	assert_int_equal(ssh_ops.ping(impl, &call, &rtt, &err), STOKER_E_TIMEOUT);
	kill(pid, SIGCONT);
	ssh_ops.close(impl);
}

static void test_ping(void **state)
{
	(void)state;
	ping(&sshd);
	ping(&bear);
}

static void test_statistics(void **state)
{
	struct stoker_guest_stats stats;
	struct stoker_error err;
	void *impl = open_session(&bear);
	(void)state;
	assert_int_equal(ssh_ops.statistics(impl, &stats, &err), STOKER_E_MISSING);
	ssh_ops.close(impl);
}

/* ------------------------------------------------------------ what can go wrong */

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
	(void)state;

	rec.vm.ssh_port = free_port();
	assert_int_equal(try_open(&bear, &rec, 20000, &err), STOKER_E_CLOSED);
	assert_non_null(strstr(err.why, "nothing listens"));
	assert_int_equal(try_open(&bear, &rec, 200, &err), STOKER_E_CLOSED);
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

/* -------------------------------------------------------------------- shells */

static stoker_shell *open_shell(struct server *v, const char *command)
{
	struct stoker_shell_spec spec = { .rows = 30, .cols = 100, .term = "xterm", .command = command };
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error err = { .why = "" };
	stoker_shell *shell = NULL;

	call.timeout_ms = 20000;
	if (ssh_shell_open(v->s, &v->rec, &spec, &call, &shell, &err) != STOKER_OK)
		fail_msg("%s: %s", err.what, err.why);
	return shell;
}

/* Reads until `want` has come (NULL: the end), at most 20 s. */
static bool read_until(stoker_shell *shell, const char *want, char *text, size_t cap, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(20000);
	size_t len = 0;

	text[0] = '\0';
	while (clock_now_ns() < deadline) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		int wait = stoker_shell_timeout_ms(shell);
		ssize_t n;
		poll(&fd, 1, wait < 0 || wait > 500 ? 500 : wait);
		while ((n = stoker_shell_read(shell, text + len, cap - 1 - len, err)) > 0) {
			len += (size_t)n;
			text[len] = '\0';
			if (len > cap / 2) {
				memmove(text, text + cap / 4, len - cap / 4 + 1);
				len -= cap / 4;
			}
			if (want && strstr(text, want))
				return true;
		}
		if (n < 0)
			return want == NULL;
	}
	return false;
}

static void shell_lives(struct server *v)
{
	stoker_shell *shell = open_shell(v, "exec sh");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];

	assert_int_equal(stoker_shell_write(shell, "PS1=; stty size; echo $TERM-$((40+2))\n", 38), 38);
	assert_true(read_until(shell, "xterm-42", text, sizeof text, &err));
	assert_non_null(strstr(text, "30 100"));
	for (uint16_t i = 20; i <= 50; i++)
		stoker_shell_resize(shell, i, (uint16_t)(i * 2));
	assert_int_equal(stoker_shell_write(shell, "stty size; echo end-$((1+1))\n", 29), 29);
	assert_true(read_until(shell, "end-2", text, sizeof text, &err));
	assert_non_null(strstr(text, "50 100"));
	assert_int_equal(stoker_shell_write(shell, "exit 7\n", 7), 7);
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(stoker_shell_status(shell), 7);
	assert_int_equal(err.code, STOKER_OK);
	assert_int_equal(stoker_shell_write(shell, "x", 1), -1);
	stoker_shell_close(shell);
}

static void test_shell(void **state)
{
	(void)state;
	shell_lives(&sshd);
	shell_lives(&bear);
}

static void test_login_shell(void **state)
{
	stoker_shell *shell = open_shell(&bear, NULL);
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	(void)state;

	assert_int_equal(stoker_shell_write(shell, "echo in-$((6*7))\nkill -TERM $$; kill -9 $$\n", 43), 43);
	assert_true(read_until(shell, "in-42", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(stoker_shell_status(shell), 128 + SIGKILL);
	stoker_shell_close(shell);
}

/* A large paste into a program that does not read it: taken up to a limit,
 * never waiting; and a resize still gets through. */
static void test_shell_paste(void **state)
{
	stoker_shell *shell = open_shell(&sshd, "stty raw -echo; echo go; sleep 1; stty size; head -c 2000000 | wc -c; "
	                                 "stty size");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024], paste[100000];
	int64_t begin, longest = 0;
	size_t taken = 0;
	(void)state;

	memset(paste, 'p', sizeof paste);
	assert_true(read_until(shell, "go", text, sizeof text, &err));
	for (int i = 0; i < 40; i++) {
		begin = clock_now_ns();
		ssize_t n = stoker_shell_write(shell, paste, sizeof paste);
		longest = clock_now_ns() - begin > longest ? clock_now_ns() - begin : longest;
		assert_true(n >= 0);
		taken += (size_t)n;
	}
	assert_true(taken >= 1000000 && taken < 4000000);
	stoker_shell_resize(shell, 44, 144);
	assert_true(longest < 200 * NS_PER_MS);
	while (taken < 2000000) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[256];
		ssize_t n;
		poll(&fd, 1, 100);
		n = stoker_shell_read(shell, bit, sizeof bit, &err);
		assert_true(n >= 0);
		n = stoker_shell_write(shell, paste, 2000000 - taken < sizeof paste ? 2000000 - taken : sizeof paste);
		assert_true(n >= 0);
		taken += (size_t)n;
	}
	assert_true(read_until(shell, "44 144", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	stoker_shell_close(shell);
}

static void test_shell_flood(void **state)
{
	stoker_shell *shell = open_shell(&bear, "yes");
	static char buf[16 * 1024];
	int64_t end = deadline_after_ms(1000), longest = 0;
	uint64_t bytes = 0;
	long before = resident_kib();
	(void)state;

	while (clock_now_ns() < end) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		int64_t begin;
		ssize_t n;
		poll(&fd, 1, 100);
		begin = clock_now_ns();
		n = stoker_shell_read(shell, buf, sizeof buf, NULL);
		assert_true(n >= 0);
		if (clock_now_ns() - begin > longest)
			longest = clock_now_ns() - begin;
		bytes += (uint64_t)n;
	}
	print_message("flood: %.1f MB/s, longest read %.2f ms\n", (double)bytes / 1e6, (double)longest / NS_PER_MS);
	assert_true(bytes > 1000000);
	assert_true(resident_kib() - before < 4096);
	stoker_shell_close(shell);
}

static void test_shell_cut(void **state)
{
	stoker_shell *shell = open_shell(&bear, "echo go; sleep 0.3; kill -9 $PPID; sleep 3");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	(void)state;

	assert_true(read_until(shell, "go", text, sizeof text, &err));
	assert_true(read_until(shell, NULL, text, sizeof text, &err));
	assert_int_equal(err.code, STOKER_E_CLOSED);
	assert_int_equal(stoker_shell_status(shell), -1);
	stoker_shell_close(shell);
}

/* A server that stands still is noticed; takes half a minute, so only when asked for. */
static void test_shell_frozen(void **state)
{
	stoker_shell *shell = open_shell(&bear, "echo pid $PPID; exec cat");
	struct stoker_error err = { .code = STOKER_OK };
	static char text[64 * 1024];
	int64_t begin = clock_now_ns();
	pid_t pid;
	(void)state;

	if (!getenv("STOKER_TEST_LONG")) {
		stoker_shell_close(shell);
		skip();
	}
	assert_true(read_until(shell, "\n", text, sizeof text, &err));
	assert_int_equal(sscanf(text, "pid %d", &pid), 1);
	/* Silence alone ends nothing while the server answers. */
	while (clock_now_ns() - begin < 45 * NS_PER_S) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[64];
		poll(&fd, 1, stoker_shell_timeout_ms(shell));
		assert_int_equal(stoker_shell_read(shell, bit, sizeof bit, &err), 0);
	}
	assert_int_equal(kill(pid, SIGSTOP), 0);
	begin = clock_now_ns();
	for (;;) {
		struct pollfd fd = { stoker_shell_fd(shell), stoker_shell_events(shell), 0 };
		char bit[64];
		poll(&fd, 1, stoker_shell_timeout_ms(shell));
		if (stoker_shell_read(shell, bit, sizeof bit, &err) < 0)
			break;
		assert_true(clock_now_ns() - begin < 40 * NS_PER_S);
	}
	print_message("noticed after %.1f s: %s\n", (double)(clock_now_ns() - begin) / 1e9, err.why);
	assert_int_equal(err.code, STOKER_E_CLOSED);
	assert_true(clock_now_ns() - begin < 31 * NS_PER_S);
	kill(pid, SIGKILL);
	stoker_shell_close(shell);
}

static int setup(void **state)
{
	(void)state;
	place_make(&sshd);
	if (access("/usr/sbin/sshd", X_OK) == 0)
		sshd_start(&sshd);
	else
		dropbear_start(&sshd);
	place_make(&bear);
	dropbear_start(&bear);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	place_remove(&sshd);
	place_remove(&bear);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams_openssh), cmocka_unit_test(test_streams_dropbear),
		cmocka_unit_test(test_long_command), cmocka_unit_test(test_many_openssh), cmocka_unit_test(test_many_dropbear),
		cmocka_unit_test(test_tty), cmocka_unit_test(test_timeout), cmocka_unit_test(test_volume),
		cmocka_unit_test(test_both_ways), cmocka_unit_test(test_reader_leaves), cmocka_unit_test(test_ping),
		cmocka_unit_test(test_statistics), cmocka_unit_test(test_host_key), cmocka_unit_test(test_accept_host_key),
		cmocka_unit_test(test_shown_host_key), cmocka_unit_test(test_probing),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_states), cmocka_unit_test(test_bad_servers), cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_cancel), cmocka_unit_test(test_cut), cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_shell),
		cmocka_unit_test(test_login_shell), cmocka_unit_test(test_shell_paste), cmocka_unit_test(test_shell_flood),
		cmocka_unit_test(test_shell_cut), cmocka_unit_test(test_shell_frozen),
	};

	/* Dropbear serves root, and is given a home of its own in a mount namespace. */
	if (geteuid() != 0 || access("/usr/sbin/dropbear", X_OK) != 0) {
		fprintf(stderr, "test_ssh: skipped: needs root and dropbear for its SSH servers\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
