/* SPDX-License-Identifier: Apache-2.0
 *
 * vmm.c - the VMM as a process: started or adopted, its stderr, its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "supervisor.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum { HIGH_FD = 64 }; /* above all numbers that are given away */

static bool failed(char *why, size_t cap, const char *what)
{
	snprintf(why, cap, "%s: %s", what, strerror(errno));
	return false;
}

/* Our own reading end. Opened O_RDWR by the VMM, it never ends. */
static int fifo_open(struct supervisor *s, const char *name)
{
	struct stat st;
	int fd;
	if (mkfifoat(s->run_dir, name, 0600) < 0 && errno != EEXIST)
		return -1;
	fd = openat(s->run_dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		errno = EEXIST;
		return -1;
	}
	return fd;
}

int vmm_console(struct supervisor *s)
{
	return s->opt.console_output ? fifo_open(s, VMM_OUTPUT_FIFO) : control_connect(s->opt.run, "console.sock");
}

void vmm_leftovers(struct supervisor *s)
{
	static const char *const names[] = { "control.sock", "qmp.sock", "console.sock", "channel.sock", VMM_ERRORS_FIFO,
		                             VMM_OUTPUT_FIFO, VMM_METRICS_FIFO, VMM_API_SOCKET, VMM_VSOCK_SOCKET,
		                             BELL_SOCKET };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(s->run_dir, names[i], 0);
}

/* Those of a terminal, of a session's end, of tools that send any, of a log that reached ulimit -f: the VM outlives them. */
void ignore_signals(void (*how)(int))
{
	static const int these[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGTTIN,
		                     SIGTTOU, SIGXFSZ };
	for (size_t i = 0; i < sizeof these / sizeof *these; i++)
		signal(these[i], how);
}

enum { GIVEN = 3 };
static const int given_as[GIVEN] = { VMM_FD_QMP, VMM_FD_CONSOLE, VMM_FD_CHANNEL };

/* In the child: what it is given at its numbers, nothing else, and exec. Only returns on failure, with errno, which
 * is negative where it was the sandbox. */
static int become_vmm(struct supervisor *s, const int given[GIVEN], int out, int errors, int tell)
{
	char *const *argv = s->opt.argv;
	int high[GIVEN + 3];
	const int from[GIVEN + 3] = { given[0], given[1], given[2], out, errors, tell };

	setsid();
	ignore_signals(SIG_DFL); /* an exec keeps what is ignored */
	/* Its own sockets have short names in there. A VMM needs no right to the host's network, and with it might make
	 * a device that nobody would remove; where it may not be dropped there is none. */
	prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0);
	if (fchdir(s->run_dir) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	/* First all out of the way, so that no number is overwritten while still needed. */
	for (int i = 0; i < GIVEN + 3; i++) {
		high[i] = from[i] < 0 ? -1 : fcntl(from[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (from[i] >= 0 && high[i] < 0)
			return errno;
	}
	if (syscall(SYS_close_range, 3, HIGH_FD - 1, 0) < 0)
		return errno;
	for (int i = 0; i < GIVEN; i++)
		if (high[i] >= 0 && dup2(high[i], given_as[i]) < 0)
			return errno;
	if (dup2(high[GIVEN], 1) < 0 || dup2(high[GIVEN + 1], 2) < 0 ||
	    dup3(high[GIVEN + 2], VMM_FD_CHANNEL + 1, O_CLOEXEC) < 0 || syscall(SYS_close_range, HIGH_FD, ~0u, 0) < 0)
		return errno;
	if (s->opt.sandbox && !sandbox_enter(VMM_FD_CHANNEL + 1))
		return -errno;
	execvp(argv[0], argv);
	return errno;
}

/* Its own end of a FIFO. */
static int fifo_give(struct supervisor *s, const char *name)
{
	return openat(s->run_dir, name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
}

/* The fork; 0 or what made the exec fail, as become_vmm() has it. */
static int spawn(struct supervisor *s, const int given[GIVEN], pid_t *pid)
{
	int ends[2], errors, out, problem = 0;
	ssize_t n;

	errors = fifo_give(s, VMM_ERRORS_FIFO);
	out = errors >= 0 && s->opt.console_output ? fifo_give(s, VMM_OUTPUT_FIFO) : errors;
	if (errors < 0 || out < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		problem = errno;
		goto out;
	}
	s->status.spawned_ns = clock_now_ns();
	*pid = fork();
	if (*pid == 0) {
		problem = become_vmm(s, given, out, errors, ends[1]);
		/* The number it had, or the one it was moved to; whichever is open. */
		_exit(write(VMM_FD_CHANNEL + 1, &problem, sizeof problem) < 0 &&
		      write(ends[1], &problem, sizeof problem) < 0 ? 126 : 127);
	}
	if (*pid < 0)
		problem = errno;
	close(ends[1]);
	if (*pid > 0) {
		n = sandbox_admit(ends[0], &problem);
		if (n != sizeof problem)
			problem = 0; /* closed by the exec */
		else
			waitpid(*pid, NULL, 0);
	}
	close(ends[0]);
out:
	if (out >= 0 && out != errors)
		close(out);
	if (errors >= 0)
		close(errors);
	return problem;
}

/* Everything the VMM is to be reached by, made before it is started. */
static bool prepare(struct supervisor *s, int given[GIVEN], int *guest, char *why, size_t cap)
{
	static const char *const names[GIVEN] = { "qmp.sock", "console.sock", "channel.sock" };
	const bool wanted[GIVEN] = { !s->opt.console_output || !s->opt.channel_vsock, !s->opt.console_output,
		                     !s->opt.channel_vsock };

	/* Of a run that nobody saw end: a VMM that makes its own sockets finds the names taken. */
	unlinkat(s->run_dir, VMM_API_SOCKET, 0);
	unlinkat(s->run_dir, VMM_VSOCK_SOCKET, 0);
	s->errors_fd = fifo_open(s, VMM_ERRORS_FIFO);
	if (s->errors_fd < 0)
		return failed(why, cap, "cannot make the FIFO for the VMM's messages");
	publish_metrics_forget(s); /* those of the run before */
	if (s->opt.metrics && (s->metrics_fd = fifo_open(s, VMM_METRICS_FIFO)) < 0)
		return failed(why, cap, "cannot make the FIFO for the VMM's counters");
	for (int i = 0; i < GIVEN; i++) {
		given[i] = wanted[i] ? control_listen(s->opt.run, names[i]) : -1;
		if (wanted[i] && given[i] < 0)
			return failed(why, cap, "cannot listen on a socket in the runtime folder");
	}
	if (s->opt.channel_vsock && !guest_bell(s))
		return failed(why, cap, "cannot listen for the guest in the runtime folder");
	/* They wait in the backlog from before the VMM's first instruction: nothing it prints is missed. */
	s->console_fd = vmm_console(s);
	*guest = s->opt.channel_vsock ? -1 : control_connect(s->opt.run, "channel.sock");
	if (s->console_fd < 0 || (!s->opt.channel_vsock && *guest < 0))
		return failed(why, cap, "cannot connect to the VMM's sockets");
	return true;
}

/* Of a starter that was killed nobody knows what it started, and a reconcile may have looked for that already. */
static bool is_awaited(const struct supervisor *s)
{
	struct pollfd report = { s->opt.report_fd, 0, 0 };
	return poll(&report, 1, 0) <= 0 || !(report.revents & (POLLERR | POLLHUP));
}

bool vmm_start(struct supervisor *s, char *why, size_t cap)
{
	int given[GIVEN] = { -1, -1, -1 }, guest = -1, problem;
	bool ok = false;
	pid_t pid = -1;

	if (!prepare(s, given, &guest, why, cap))
		goto out;
	if (!is_awaited(s)) {
		snprintf(why, cap, "whoever wanted the VMM started has ended");
		goto out;
	}
	problem = spawn(s, given, &pid);
	if (problem) {
		snprintf(why, cap, problem < 0 ? "cannot put %s into a sandbox: %s" : "cannot run %s: %s", s->opt.argv[0],
		         strerror(problem < 0 ? -problem : problem));
		goto out;
	}
	s->child = true;
	s->vmm_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* A child cannot be mistaken: it stays a zombie until it is waited for here. */
	if (s->vmm_fd < 0 || !process_identify(pid, &s->status.vmm)) {
		s->status.vmm = (struct process_id){ 0 };
		if (s->vmm_fd >= 0) { /* it ended at once: that is a run with an end, told in the status */
			siginfo_t si = { 0 };
			if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == pid) {
				vmm_errors_read(s);
				error_clean(why, cap, s->errors, s->errors_len);
				if (!why[0])
					snprintf(why, cap, "%s ended at once", s->opt.argv[0]);
			} else {
				snprintf(why, cap, "/proc cannot be read");
			}
		} else {
			failed(why, cap, "cannot watch the VMM");
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		goto out;
	}
	if (!publish_now(s)) {
		failed(why, cap, "cannot write the status file in the runtime folder");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		goto out;
	}
	if (!s->opt.channel_vsock)
		guest_connected(s, guest, true);
	guest = -1;
	ok = true;
out:
	for (int i = 0; i < GIVEN; i++)
		if (given[i] >= 0)
			close(given[i]);
	if (guest >= 0)
		close(guest);
	return ok;
}

bool vmm_adopt(struct supervisor *s, char *why, size_t cap)
{
	s->vmm_fd = process_pidfd(&s->opt.adopt);
	if (s->vmm_fd < 0 || !process_alive(&s->opt.adopt)) { /* a zombie is nothing to watch over */
		snprintf(why, cap, "the VMM to be adopted does not run any more");
		return false;
	}
	s->status.vmm = s->opt.adopt;
	publish_inherit(s);
	s->errors_fd = fifo_open(s, VMM_ERRORS_FIFO);
	s->console_fd = vmm_console(s);
	if (s->opt.metrics) {
		publish_metrics_inherit(s);
		s->metrics_fd = fifo_open(s, VMM_METRICS_FIFO);
	}
	if (s->opt.channel_vsock)
		guest_bell(s); /* without it only a cut connection is noticed later */
	guest_reconnect(s);
	if (!publish_now(s))
		return failed(why, cap, "cannot write the status file in the runtime folder");
	return true;
}

/* vmm.log, beside the console's log, from the first message on. */
static void log_add(struct supervisor *s, const char *text, size_t len)
{
	char path[4096];
	const char *slash = strrchr(s->opt.log, '/');
	if (!s->logging) {
		if (snprintf(path, sizeof path, "%.*s/vmm.log", (int)(slash - s->opt.log), s->opt.log) >= (int)sizeof path ||
		    !console_open(&s->vmm_log, path, s->opt.adopt.pid == 0))
			return;
		s->vmm_log.cap = VMM_LOG_CAP;
		s->logging = true;
	}
	console_write(&s->vmm_log, text, len);
}

void vmm_errors_read(struct supervisor *s)
{
	char chunk[1024];
	ssize_t n;
	/* Bounded: a VMM that does nothing but complain gets its turns, no more. */
	for (int i = 0; i < 16; i++) {
		n = read(s->errors_fd, chunk, sizeof chunk);
		if (n <= 0)
			return;
		log_add(s, chunk, (size_t)n);
		if ((size_t)n > sizeof s->errors - s->errors_len) {
			size_t drop = (size_t)n - (sizeof s->errors - s->errors_len);
			memmove(s->errors, s->errors + drop, s->errors_len - drop);
			s->errors_len -= drop;
		}
		memcpy(s->errors + s->errors_len, chunk, (size_t)n);
		s->errors_len += (size_t)n;
	}
}

void vmm_metrics_read(struct supervisor *s)
{
	char chunk[4096];
	bool changed = false;
	ssize_t n;
	for (int i = 0; i < 16 && (n = read(s->metrics_fd, chunk, sizeof chunk)) > 0; i++)
		changed |= metrics_feed(&s->metrics, chunk, (size_t)n);
	if (changed)
		publish_metrics(s);
}

/* What the VMM calls information is no reason for its end; nor, where it tells levels ("TIME [ID:THREAD:LEVEL] ..."),
 * what it calls less than an error: Firecracker warns of things as harmless as a resume. */
static bool worth_a_word(const char *line, size_t len)
{
	static const char *const harmless[] = { ":WARN]", ":INFO]", ":DEBUG]", ":TRACE]" };
	const char *bracket = len > 0 ? memchr(line, ']', len) : NULL;
	const char *open = bracket ? memchr(line, '[', (size_t)(bracket - line)) : NULL;

	for (size_t i = 0; open && i < sizeof harmless / sizeof *harmless; i++) {
		size_t n = strlen(harmless[i]);
		if ((size_t)(bracket + 1 - open) > n && memcmp(bracket + 1 - n, harmless[i], n) == 0)
			return false;
	}
	return len > 0 && !memmem(line, len, ": info: ", 8);
}

/* The last lines, whole ones if possible, as one line of at most 500 bytes. */
static void last_words(struct supervisor *s)
{
	enum { KEEP = 500 };
	char text[KEEP];
	size_t at = sizeof text, end = s->errors_len;
	while (end > 0) {
		size_t start = end, len;
		while (start > 0 && s->errors[start - 1] != '\n')
			start--;
		len = end - start;
		while (len > 0 && (s->errors[start + len - 1] == '\r' || s->errors[start + len - 1] == ' '))
			len--;
		if (worth_a_word(s->errors + start, len)) {
			size_t bar = at < sizeof text ? 3 : 0;
			if (len + bar > at) {
				if (bar > 0)
					break;
				start += len - at; /* one endless line: its end */
				len = at;
			}
			at -= len + bar;
			memcpy(text + at, s->errors + start, len);
			if (bar > 0)
				memcpy(text + at + len, " | ", 3); /* NOLINT(bugprone-not-null-terminated-result): more text follows */
		}
		end = start > 0 ? start - 1 : 0;
	}
	error_clean(s->status.message, sizeof s->status.message, text + at, sizeof text - at);
}

void vmm_ended(struct supervisor *s)
{
	siginfo_t si = { 0 };
	s->status.exit_ns = clock_now_ns();
	s->status.exit_status = -1;
	if (s->child && waitid((idtype_t)P_PIDFD, (id_t)s->vmm_fd, &si, WEXITED) == 0)
		s->status.exit_status = si.si_code == CLD_EXITED ? si.si_status & 255 : 256 + (si.si_status & 127);
	if (s->errors_fd >= 0)
		vmm_errors_read(s);
	if (s->metrics_fd >= 0)
		vmm_metrics_read(s);
	last_words(s);
}
