/* SPDX-License-Identifier: Apache-2.0
 *
 * stoker-supervisor - one small process per VM. control.h has the contract.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor.h"

enum { REPORT_FD = 3 };

static void say(int fd, const char *text)
{
	size_t len = strlen(text);
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* whoever asked is gone: the VM matters, not the answer */
		text += n;
		len -= (size_t)n;
	}
}

static void report_error(int fd, const char *sentence)
{
	char line[512];
	snprintf(line, sizeof line, "error %.480s\n", sentence);
	say(fd, line);
}

static bool read_id(const char *text, struct process_id *out)
{
	char *end;
	long long pid;
	errno = 0;
	pid = strtoll(text, &end, 10);
	if (errno || pid <= 0 || pid > INT32_MAX || *end != ':')
		return false;
	out->pid = pid;
	out->start_ticks = strtoull(end + 1, &end, 10);
	return !errno && *end == '\0' && process_boot_id(out->boot_id);
}

static bool arguments(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "run", required_argument, NULL, 'r' },    { "log", required_argument, NULL, 'l' },
		{ "notify", required_argument, NULL, 'n' }, { "name", required_argument, NULL, 'N' },
		{ "report", required_argument, NULL, 'R' }, { "adopt", required_argument, NULL, 'a' },
		{ "log-cap", required_argument, NULL, 'c' }, { "console", required_argument, NULL, 'o' },
		{ "channel", required_argument, NULL, 'C' }, { "metrics", required_argument, NULL, 'm' },
		{ "sandbox", no_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int c;
	char *end;
	o->report_fd = -1;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			o->run = optarg;
			break;
		case 'l':
			o->log = optarg;
			break;
		case 'n':
			o->notify = optarg;
			break;
		case 'N':
			o->name = optarg;
			break;
		case 'R':
			errno = 0;
			o->report_fd = (int)strtol(optarg, &end, 10);
			if (errno || *end || fcntl(o->report_fd, F_GETFD) < 0)
				return false;
			break;
		case 'c':
			errno = 0;
			o->log_cap = strtoul(optarg, &end, 10);
			if (errno || *end || optarg[0] < '0' || optarg[0] > '9')
				return false;
			break;
		case 'o':
			o->console_output = strcmp(optarg, "output") == 0;
			if (!o->console_output && strcmp(optarg, "socket") != 0)
				return false;
			break;
		case 'C':
			o->channel_vsock = strcmp(optarg, "vsock") == 0;
			if (!o->channel_vsock && strcmp(optarg, "socket") != 0)
				return false;
			break;
		case 'm':
			o->metrics = strcmp(optarg, "fifo") == 0;
			if (!o->metrics && strcmp(optarg, "none") != 0)
				return false;
			break;
		case 's':
			o->sandbox = true;
			break;
		case 'a':
			if (!read_id(optarg, &o->adopt))
				return false;
			break;
		default:
			return false;
		}
	}
	o->argv = argv + optind;
	/* Absolute, because the supervisor leaves the folder it was started in. */
	return o->run && o->run[0] == '/' && o->log && o->log[0] == '/' && o->notify && o->notify[0] == '/' && o->name &&
	       o->report_fd >= 0 && (o->adopt.pid > 0 || o->argv[0] != NULL);
}

/* Out of the caller's session, folder and descriptors. With default signals and none blocked it was started. */
static bool detach(struct options *o)
{
	char comm[16];
	int null, high;

	setsid();
	umask(077);
	if (chdir("/") < 0)
		return false;
	signal(SIGCHLD, SIG_DFL); /* or nobody could learn of the VMM's end */
	ignore_signals(SIG_IGN);
	high = fcntl(o->report_fd, F_DUPFD_CLOEXEC, REPORT_FD + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (high < 0 || null < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (null == i ? fcntl(null, F_SETFD, 0) < 0 : dup2(null, i) < 0)
			return false;
	if (dup3(high, REPORT_FD, O_CLOEXEC) < 0 || syscall(SYS_close_range, REPORT_FD + 1, ~0u, 0) < 0)
		return false;
	o->report_fd = REPORT_FD;
	snprintf(comm, sizeof comm, "stoker %s", o->name);
	prctl(PR_SET_NAME, comm);
	return true;
}

static uint8_t *buffer(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static bool prepare(struct supervisor *s, char *why, size_t cap)
{
	const char *what = "cannot open the runtime folder";
	if ((s->run_dir = open(s->opt.run, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		goto fail;
	what = "cannot open the folder of the console log";
	if (!console_open(&s->console, s->opt.log, s->opt.adopt.pid == 0))
		goto fail;
	if (s->opt.log_cap)
		s->console.cap = s->opt.log_cap;
	what = "cannot listen on control.sock in the runtime folder";
	if ((s->listen = control_listen(s->opt.run, "control.sock")) < 0)
		goto fail;
	what = "not enough memory or descriptors";
	s->guest_in = buffer(READ_BUFFER);
	s->scratch = buffer(READ_BUFFER);
	if (!s->guest_in || !s->scratch || (s->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
		goto fail;
	what = "/proc cannot be read";
	if (!process_identify(getpid(), &s->status.supervisor))
		goto fail;
	return true;
fail:
	snprintf(why, cap, "%s: %s", what, strerror(errno));
	return false;
}

int main(int argc, char **argv)
{
	static struct supervisor s; /* zeroed pages that are only there once used */
	char why[400] = "", line[128];
	pid_t pid;

	if (!arguments(argc, argv, &s.opt)) {
		if (s.opt.report_fd >= 0)
			report_error(s.opt.report_fd, "the supervisor was started with wrong arguments");
		fputs("stoker-supervisor: started by stoker, one per VM; not to be called by hand\n", stderr);
		return 2;
	}
	/* A child that lives on is not to become a zombie of whoever started it. */
	pid = fork();
	if (pid != 0) {
		if (pid < 0)
			report_error(s.opt.report_fd, "the supervisor cannot detach: too many processes");
		_exit(pid < 0);
	}
	mallopt(M_MMAP_THRESHOLD, 64 * 1024); /* what a burst needed goes back to the host */
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	s.run_dir = s.listen = s.epoll = s.console_fd = s.errors_fd = s.metrics_fd = s.bell_fd = s.vmm_fd = -1;
	s.status.exit_status = -2;
	if (!detach(&s.opt)) {
		report_error(s.opt.report_fd, "the supervisor cannot detach");
		return 1;
	}
	guest_init(&s);
	clients_init(&s);
	if (!prepare(&s, why, sizeof why) ||
	    !(s.opt.adopt.pid > 0 ? vmm_adopt(&s, why, sizeof why) : vmm_start(&s, why, sizeof why))) {
		report_error(s.opt.report_fd, why);
		return 1;
	}
	snprintf(line, sizeof line, "ok %lld %llu %lld %llu\n", (long long)s.status.vmm.pid,
	         (unsigned long long)s.status.vmm.start_ticks, (long long)s.status.supervisor.pid,
	         (unsigned long long)s.status.supervisor.start_ticks);
	say(s.opt.report_fd, line);
	close(s.opt.report_fd);
	return loop_run(&s);
}
