/* SPDX-License-Identifier: Apache-2.0
 *
 * fc_double.h - a process that speaks Firecracker's API and misbehaves when
 * told to. For faults only: that the real one is spoken to rightly is shown in
 * the lab. A process of its own, since its socket's credentials are looked at.
 */
#ifndef STOKER_TESTS_FC_DOUBLE_H
#define STOKER_TESTS_FC_DOUBLE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/control.h"

enum fault {
	FAULT_NONE,
	FAULT_CUT,      /* half an answer, then the end; the request has taken effect */
	FAULT_RESET,    /* no answer at all; it has taken effect */
	FAULT_LOST,     /* no answer at all, and no effect */
	FAULT_HUGE,     /* 10 MB of body */
	FAULT_HEADERS,  /* nothing but headers, without end */
	FAULT_NO_JSON,
	FAULT_NO_BODY,  /* 204 where there should be one, 400 without one */
	FAULT_NO_HTTP,
	FAULT_SLOW,     /* a byte a second */
	FAULT_SILENT,   /* never anything */
	FAULT_REFUSED,  /* 400 with `text` as fault_message */
	FAULT_COUNT
};

struct double_plan {
	enum fault fault;
	const char *step;    /* path at which it happens; "" at none */
	unsigned times;      /* so often, then it behaves */
	const char *text, *version;
	bool dies;           /* on ctrl-alt-del */
	const char *metrics; /* where FlushMetrics writes; NULL: nowhere */
};

static inline void double_answer(int fd, const struct double_plan *p, enum fault fault, bool get, const char *body)
{
	static char big[1 << 16];
	char text[1024];
	int n = get ? snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body)
	            : snprintf(text, sizeof text, "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n");
	switch (fault) {
	case FAULT_CUT:
		n = get ? n - 5 : 12;
		break;
	case FAULT_HUGE:
		n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n");
		send(fd, text, (size_t)n, MSG_NOSIGNAL);
		memset(big, 'x', sizeof big);
		for (int i = 0; i < 160 && send(fd, big, sizeof big, MSG_NOSIGNAL) > 0; i++)
			;
		return;
	case FAULT_HEADERS:
		n = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
		send(fd, text, (size_t)n, MSG_NOSIGNAL);
		for (int i = 0; i < 100000 && send(fd, "X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", 44, MSG_NOSIGNAL) > 0; i++)
			;
		return;
	case FAULT_NO_JSON:
		n = snprintf(text, sizeof text, "HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n{\"state\":");
		break;
	case FAULT_NO_BODY:
		n = snprintf(text, sizeof text, get ? "HTTP/1.1 204 \r\n\r\n" : "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
		break;
	case FAULT_NO_HTTP:
		n = snprintf(text, sizeof text, "SSH-2.0-dropbear\r\n");
		break;
	case FAULT_REFUSED: {
		char fault_text[512];
		int len = snprintf(fault_text, sizeof fault_text, "{\"fault_message\":\"%s\"}", p->text);
		n = snprintf(text, sizeof text, "HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%s", len, fault_text);
		break;
	}
	case FAULT_SLOW:
		for (int i = 0; i < n && send(fd, text + i, 1, MSG_NOSIGNAL) > 0; i++)
			sleep(1);
		return;
	default:
		break;
	}
	send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

/* What the real one writes on FlushMetrics: a line of what was added since the line before. */
static inline bool double_metrics(const struct double_plan *p)
{
	char text[1024];
	int fd = p->metrics ? open(p->metrics, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
	int n = snprintf(text, sizeof text,
	                 "{\"utc_timestamp_ms\":1763900000000,\"api_server\":{\"process_startup_time_us\":8123,"
	                 "\"process_startup_time_cpu_us\":2000},\"block\":{\"read_bytes\":4096,\"write_bytes\":8192,"
	                 "\"read_agg\":{\"min_us\":1,\"max_us\":9,\"sum_us\":10}},\"block_disk\":{\"read_bytes\":4096},"
	                 "\"net\":{\"rx_bytes_count\":1500,\"tx_bytes_count\":700},\"net_eth0\":{\"rx_bytes_count\":1500},"
	                 "\"vcpu\":{\"exit_io_in\":10,\"exit_io_out\":20,\"exit_mmio_read\":30,\"exit_mmio_write\":40,"
	                 "\"exit_io_in_agg\":{\"min_us\":1,\"exit_io_in\":5},\"failures\":0}}\n");
	bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* One request. False: this connection is over. */
static inline bool double_serve(int fd, struct double_plan *p, const char **state)
{
	static char in[65536];
	char method[16], path[128], body[256], *end, *length;
	size_t have = 0, whole;
	bool get, hit, effect;
	enum fault fault;

	for (;;) {
		ssize_t n = recv(fd, in + have, sizeof in - 1 - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
		in[have] = '\0';
		end = strstr(in, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(in, "Content-Length:");
		whole = (size_t)(end - in) + 4 + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
		if (have >= whole)
			break;
	}
	if (sscanf(in, "%15s %127s", method, path) != 2)
		return false;
	get = strcmp(method, "GET") == 0;
	hit = p->times > 0 && strcmp(path, p->step) == 0;
	p->times -= hit;
	fault = hit ? p->fault : FAULT_NONE;
	effect = fault != FAULT_LOST && fault != FAULT_REFUSED;
	if (effect && strstr(in, "\"InstanceStart\"")) {
		if (strcmp(*state, "Not started") != 0) {
			p->text = "The requested operation is not supported after starting the microVM.";
			fault = FAULT_REFUSED;
		}
		*state = "Running";
	}
	if (effect && strstr(in, "\"FlushMetrics\"")) {
		if (strcmp(*state, "Not started") == 0) {
			p->text = "The requested operation is not supported before starting the microVM.";
			fault = FAULT_REFUSED;
		} else {
			double_metrics(p);
		}
	}
	if (effect && strstr(in, "\"SendCtrlAltDel\"") && p->dies)
		exit(0); /* as the real one does when its guest reboots */
	if (effect && strstr(in, "\"Paused\""))
		*state = "Paused";
	if (effect && strstr(in, "\"Resumed\""))
		*state = "Running";
	snprintf(body, sizeof body, "{\"id\":\"double\",\"state\":\"%s\",\"vmm_version\":\"%s\",\"app_name\":\"Firecracker\"}",
	         *state, p->version ? p->version : "1.12.1");
	/* What is late is late on its own connection: the next one is served beside it. */
	if (fault == FAULT_SILENT || fault == FAULT_SLOW) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (fault == FAULT_SLOW)
				double_answer(fd, p, fault, get, body);
			sleep(30);
			_exit(0);
		}
		return false;
	}
	if (fault == FAULT_RESET || fault == FAULT_LOST)
		return false;
	double_answer(fd, p, fault, get, body);
	return fault == FAULT_NONE || fault == FAULT_REFUSED || fault == FAULT_NO_BODY;
}

static inline _Noreturn void double_loop(int listener, struct double_plan plan)
{
	const char *state = "Not started";
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			poll(&(struct pollfd){ listener, POLLIN, 0 }, 1, -1);
			continue;
		}
		while (double_serve(fd, &plan, &state))
			;
		close(fd);
	}
}

/* The process; its API is DIR/api.sock. End it with double_end(). */
static inline pid_t double_start(const char *dir, struct double_plan plan)
{
	int listener = -1, ready[2];
	char byte;
	pid_t pid;
	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		listener = control_listen(dir, VMM_API_SOCKET);
		if (listener < 0 || write(ready[1], "r", 1) != 1)
			_exit(1);
		double_loop(listener, plan);
	}
	close(ready[1]);
	if (pid > 0 && read(ready[0], &byte, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static inline void double_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

#endif
