/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_tui_latency.c - measures the dashboard from outside, on a
 * pseudo-terminal of 50 x 200, as a person's terminal sees it.
 *
 *	bench_tui_latency idle SECONDS CMD...       CPU and bytes written while nobody touches it
 *	bench_tui_latency first N TEXT CMD...       exec -> the frame with this text, N times
 *	bench_tui_latency peer SOCKET SECONDS N KEYS CMD  CPU, bytes, memory at rest, and key -> any output,
 *	                                            N times with the KEYS by turns: of any program, in a window
 *	                                            of the tmux whose server is at SOCKET
 *	bench_tui_latency keys N SETUP CMD...       key -> paint, N times
 *
 * keys: first SETUP is typed, then j and k by turns move the selection, and the
 * time is taken from the key's write() until the selection's sign has been
 * painted anew: other output (a flooding pane) does not count as the answer.
 * SETUP is made of bytes; "<1500>" in it waits so many ms, "<?text>" until the
 * text is on its way to the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stoker.h"

#define SIGN "\xe2\x96\xb8" /* the sign of the selection */

struct session {
	pid_t pid;
	int fd;
	uint64_t bytes;
	/* Whose CPU and memory is meant: the child, or the program that tmux runs for it. */
	pid_t measured;
	char piped[128]; /* where tmux writes down what that program writes, "": `bytes` counts */
	/* What is looked for, and how much of it has been seen so far. */
	const char *wanted;
	size_t matched;
	bool found;
};

static int64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_tui_latency: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void begin(struct session *s, char **command)
{
	struct winsize size = { .ws_row = 50, .ws_col = 200 };
	memset(s, 0, sizeof *s);
	s->pid = forkpty(&s->fd, NULL, NULL, &size);
	if (s->pid < 0)
		die("forkpty");
	s->measured = s->pid;
	if (s->pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execvp(command[0], command);
		_exit(127);
	}
	if (fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0)
		die("fcntl");
}

static void look_for(struct session *s, const char *text)
{
	s->wanted = text;
	s->matched = 0;
	s->found = false;
}

/* Reads what there is, for at most `ms`; returns when the wanted text has been found. */
static void take(struct session *s, int64_t ms)
{
	int64_t end = now_ns() + ms * 1000000;
	char buf[65536];

	while (!s->found) {
		struct pollfd p = { s->fd, POLLIN, 0 };
		int64_t left = end - now_ns();
		ssize_t n, i;
		if (left <= 0)
			return;
		if (poll(&p, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
			die("poll");
		n = read(s->fd, buf, sizeof buf);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0) {
			fprintf(stderr, "bench_tui_latency: the program has ended\n");
			exit(1);
		}
		s->bytes += (uint64_t)n;
		for (i = 0; i < n && s->wanted != NULL && !s->found; i++) {
			s->matched = buf[i] == s->wanted[s->matched] ? s->matched + 1 : buf[i] == s->wanted[0];
			s->found = s->wanted[s->matched] == '\0';
		}
	}
}

static void type(struct session *s, const char *bytes, size_t len)
{
	if (write(s->fd, bytes, len) != (ssize_t)len)
		die("write");
}

static void play(struct session *s, const char *setup)
{
	while (*setup != '\0') {
		const char *end = *setup == '<' ? strchr(setup, '>') : NULL;
		char text[256];
		size_t n;
		if (end == NULL) {
			type(s, setup++, 1);
			look_for(s, NULL);
			take(s, 30);
			continue;
		}
		n = (size_t)(end - setup) - 1 < sizeof text ? (size_t)(end - setup) - 1 : sizeof text - 1;
		memcpy(text, setup + 1, n);
		text[n] = '\0';
		if (text[0] == '?') {
			look_for(s, text + 1);
			take(s, 120000);
			if (!s->found) {
				fprintf(stderr, "bench_tui_latency: not seen within two minutes: %s\n", text + 1);
				exit(1);
			}
		} else {
			look_for(s, NULL);
			take(s, atoi(text));
		}
		setup = end + 1;
	}
}

static int64_t cpu_ticks(pid_t pid)
{
	char path[64], text[1024], *at;
	unsigned long user = 0, system = 0;
	FILE *file;
	size_t n;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		die(path);
	n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = '\0';
	at = strrchr(text, ')');
	if (at == NULL || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		die("/proc/PID/stat");
	return (int64_t)(user + system);
}

static uint64_t written(const struct session *s)
{
	struct stat st;
	if (s->piped[0] == '\0')
		return s->bytes;
	return stat(s->piped, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void idle(struct session *s, int seconds)
{
	int64_t before, ticks, from;
	double took;
	uint64_t bytes;

	look_for(s, NULL);
	take(s, 4000); /* it has found its feet */
	bytes = written(s);
	before = cpu_ticks(s->measured);
	from = now_ns();
	take(s, (int64_t)seconds * 1000);
	took = (double)(now_ns() - from) / 1e9;
	ticks = cpu_ticks(s->measured) - before;
	printf("cpu_percent %.3f\nbytes %" PRIu64 "\n", 100.0 * (double)ticks / (double)sysconf(_SC_CLK_TCK) / took,
	       written(s) - bytes);
}

static void keys(struct session *s, int count)
{
	struct stoker_percentiles p;
	int64_t *samples = calloc((size_t)count, sizeof *samples);
	int i, missed = 0;

	if (samples == NULL)
		die("memory");
	for (i = 0; i < count; i++) {
		int64_t from;
		look_for(s, SIGN);
		from = now_ns();
		type(s, i % 2 == 0 ? "j" : "k", 1);
		take(s, 2000);
		samples[i] = now_ns() - from;
		missed += !s->found;
		look_for(s, NULL);
		take(s, 5 + i * 7 % 40); /* not in step with anything */
	}
	stoker_percentiles_of(samples, (size_t)count, &p);
	printf("p50_ms %.3f\np99_ms %.3f\nmax_ms %.3f\nmissed %d\n", (double)p.p50_ns / 1e6, (double)p.p99_ns / 1e6,
	       (double)p.max_ns / 1e6, missed);
	free(samples);
}

static void finish(struct session *s)
{
	int status, tries;
	kill(s->pid, SIGTERM); /* our own child */
	for (tries = 0; waitpid(s->pid, &status, WNOHANG) == 0; tries++) {
		char buf[4096];
		struct pollfd p = { s->fd, POLLIN, 0 };
		poll(&p, 1, 50);
		if (tries == 200) /* ten seconds */
			kill(s->pid, SIGKILL);
		if (read(s->fd, buf, sizeof buf) < 0 && errno != EAGAIN && errno != EIO)
			break;
	}
	close(s->fd);
}

static void first(int count, const char *text, char **command)
{
	struct stoker_percentiles p;
	int64_t *samples = calloc((size_t)count, sizeof *samples);
	int i;

	if (samples == NULL)
		die("memory");
	for (i = 0; i < count; i++) {
		struct session s;
		int64_t from = now_ns();
		begin(&s, command);
		look_for(&s, text);
		take(&s, 10000);
		samples[i] = now_ns() - from;
		if (!s.found) {
			fprintf(stderr, "bench_tui_latency: no frame within ten seconds\n");
			exit(1);
		}
		look_for(&s, NULL);
		take(&s, 50);
		finish(&s);
	}
	stoker_percentiles_of(samples, (size_t)count, &p);
	printf("p50_ms %.3f\np99_ms %.3f\n", (double)p.p50_ns / 1e6, (double)p.p99_ns / 1e6);
	free(samples);
}

static long rss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *file;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		sscanf(line, "VmRSS: %ld", &kib);
	if (file != NULL)
		fclose(file);
	return kib;
}

/* A window of its own in the tmux that all peers share, on a terminal of the same size. */
static void begin_in_tmux(struct session *s, char *socket, char *command)
{
	char shell[512], pipe[256], line[600], name[32];
	char *window[] = { (char[]){ "tmux" }, (char[]){ "-S" }, socket, (char[]){ "-f" }, (char[]){ "/dev/null" },
		           (char[]){ "new-session" }, (char[]){ "-s" }, name, shell, (char[]){ ";" },
		           (char[]){ "set" }, (char[]){ "-g" }, (char[]){ "status" }, (char[]){ "off" }, (char[]){ ";" },
		           (char[]){ "pipe-pane" }, (char[]){ "-O" }, pipe, NULL };
	FILE *answer;
	int pid = 0;

	snprintf(name, sizeof name, "peer-%d", (int)getpid());
	if (snprintf(shell, sizeof shell, "exec %s", command) >= (int)sizeof shell ||
	    snprintf(pipe, sizeof pipe, "exec cat >'%.100s.out'", socket) >= (int)sizeof pipe ||
	    snprintf(line, sizeof line, "tmux -S '%s' list-panes -t '%s' -F '#{pane_pid}'", socket, name) >= (int)sizeof line) {
		errno = ENAMETOOLONG;
		die(socket);
	}
	begin(s, window);
	look_for(s, NULL);
	take(s, 1000);
	snprintf(s->piped, sizeof s->piped, "%.100s.out", socket);
	answer = popen(line, "re");
	if (answer == NULL || fscanf(answer, "%d", &pid) != 1 || pid <= 1)
		die("the program in tmux");
	pclose(answer);
	s->measured = (pid_t)pid;
}

/* The same for every program: what a key makes it write, at a moment when it writes nothing by itself. */
static void peer(struct session *s, int seconds, int count, const char *typed)
{
	struct stoker_percentiles p;
	int64_t *samples = calloc((size_t)count, sizeof *samples);
	size_t len = strlen(typed);
	int i;

	if (samples == NULL || len == 0)
		die("memory");
	idle(s, seconds);
	printf("rss_kib %ld\n", rss_kib(s->measured));
	for (i = 0; i < count; i++) {
		int64_t from, until = now_ns() + 3000000000;
		uint64_t bytes;
		do { /* 40 ms of silence first, or the answer could be another's */
			bytes = s->bytes;
			look_for(s, NULL);
			take(s, 40);
		} while (s->bytes != bytes && now_ns() < until);
		look_for(s, "\033");
		from = now_ns();
		type(s, typed + (size_t)i % len, 1);
		take(s, 2000);
		samples[i] = now_ns() - from;
	}
	stoker_percentiles_of(samples, (size_t)count, &p);
	printf("p50_ms %.3f\np99_ms %.3f\n", (double)p.p50_ns / 1e6, (double)p.p99_ns / 1e6);
	free(samples);
}

int main(int argc, char **argv)
{
	struct session s;

	if (argc >= 5 && strcmp(argv[1], "first") == 0) {
		first(atoi(argv[2]), argv[3], argv + 4);
		return 0;
	}
	if (argc >= 4 && strcmp(argv[1], "idle") == 0) {
		begin(&s, argv + 3);
		idle(&s, atoi(argv[2]));
	} else if (argc >= 5 && strcmp(argv[1], "keys") == 0) {
		begin(&s, argv + 4);
		play(&s, argv[3]);
		keys(&s, atoi(argv[2]));
	} else if (argc == 7 && strcmp(argv[1], "peer") == 0) {
		begin_in_tmux(&s, argv[2], argv[6]);
		peer(&s, atoi(argv[3]), atoi(argv[4]), argv[5]);
		kill(s.measured, SIGTERM); /* what we had tmux run */
	} else {
		fprintf(stderr, "bench_tui_latency: see the head of bench_tui_latency.c\n");
		return 2;
	}
	finish(&s);
	return 0;
}
