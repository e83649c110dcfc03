/* SPDX-License-Identifier: Apache-2.0
 *
 * traffic.c - asks agents for their counters, and looks for the answers a call later.
 *
 * Those in sight are asked every second, all the others by turns. A question
 * needs a connection to the VM's control socket, which is kept as long as the
 * VM is in sight, and else only until the answer is there: so a thousand VMs
 * need no more descriptors than LINES. A hung guest costs the others nothing:
 * when there is no more room, the line that was asked longest ago gives way.
 */
#include "guest/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "guest/channel_wire.h"
#include "supervisor/control.h"

#define ASK_EVERY (NS_PER_S * 9 / 10) /* a timer of one second may be a little early */
#define ANSWER_LIMIT (5 * NS_PER_S)
enum { STATS_MAX = 4096, STREAM = 1, LINES = TRAFFIC_IN_SIGHT + TRAFFIC_BY_TURNS };

struct line {
	int fd;
	bool asked;         /* an answer is waited for */
	size_t at;          /* where the VM was in the list */
	int64_t asked_ns;
	int64_t counted_ns; /* not before then: a look that finds no answer moves it on */
	char id[STOKER_ID_SIZE];
};

struct traffic {
	struct line lines[LINES];
	size_t count;
	size_t turn; /* the VM to be asked next when nobody looks at it */
	int64_t asked_ns;
};

enum answer { ANSWER_NONE, ANSWER_HERE, ANSWER_NEVER };

/* What has come is left in the socket until all of the answer has: no line has a buffer of its own. */
static enum answer look(int fd, struct stoker_guest_stats *stats)
{
	uint8_t in[FRAME_HEADER + FRAME_HELLO_MAX + FRAME_HEADER + STATS_MAX];
	size_t at = 0, len;
	ssize_t n = recv(fd, in, sizeof in, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return ANSWER_NONE;
	if (n <= 0)
		return ANSWER_NEVER;
	len = (size_t)n;
	for (;;) {
		struct frame f;
		long size = frame_next(in + at, len - at, &f);

		if (size < 0 || (size == 0 && len == sizeof in))
			return ANSWER_NEVER;
		if (size == 0)
			return ANSWER_NONE;
		at += (size_t)size;
		if (f.type == FRAME_STATS && f.stream == STREAM)
			return wire_stats_parse(in + at - f.length, f.length, stats) &&
			       recv(fd, in, at, MSG_DONTWAIT) == (ssize_t)at ? ANSWER_HERE : ANSWER_NEVER;
		if (f.type != FRAME_HELLO) /* the agent is not there yet, or not any more */
			return ANSWER_NEVER;
	}
}

/* Where its VM is now; `count`: nowhere, or it does not run. */
static size_t place(const struct line *line, const struct stoker_vm *vms, size_t count)
{
	size_t at = line->at;

	if (at >= count || strcmp(vms[at].id, line->id) != 0) /* the list has changed meanwhile */
		for (at = 0; at < count && strcmp(vms[at].id, line->id) != 0; at++)
			;
	return at < count && vms[at].pid > 0 ? at : count;
}

/* Takes the answer, if there is one. False when the line is of no more use. */
static bool hear(struct line *line, int64_t now, bool seen, struct stoker_sample *out)
{
	struct stoker_guest_stats stats;

	if (!line->asked)
		return seen;
	switch (look(line->fd, &stats)) {
	case ANSWER_NONE:
		line->counted_ns = now;
		return now - line->asked_ns < ANSWER_LIMIT;
	case ANSWER_HERE:
		out->rx_bytes = stats.rx_bytes;
		out->tx_bytes = stats.tx_bytes;
		out->traffic_ns = line->counted_ns;
		line->asked = false;
		return seen;
	default:
		return false;
	}
}

static void collect(struct traffic *t, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                    struct stoker_sample *out)
{
	int64_t now = clock_now_ns();
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct line line = t->lines[i];

		line.at = place(&line, vms, count);
		if (line.at < count && hear(&line, now, in_sight && in_sight[line.at], &out[line.at]))
			t->lines[kept++] = line;
		else
			close(line.fd);
	}
	t->count = kept;
}

static bool ask(int fd)
{
	struct frame f = { .type = FRAME_STATS, .stream = STREAM };
	uint8_t head[FRAME_HEADER];

	frame_write_header(head, &f);
	return send(fd, head, sizeof head, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof head;
}

static int connect_and_ask(const stoker *s, const char *id)
{
	char dir[STOKER_PATH_SIZE];
	struct ucred peer;
	socklen_t len = sizeof peer;
	int fd = path_runtime(s, dir, "vms/%s", id) ? control_connect(dir, "control.sock") : -1;

	if (fd < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid() && ask(fd))
		return fd;
	close(fd);
	return -1;
}

static void drop(struct traffic *t, size_t line)
{
	close(t->lines[line].fd);
	t->lines[line] = t->lines[--t->count];
}

/* Room for one more line. */
static void make_room(struct traffic *t)
{
	size_t oldest = 0;

	if (t->count < LINES)
		return;
	for (size_t i = 1; i < t->count; i++)
		if (t->lines[i].asked_ns < t->lines[oldest].asked_ns)
			oldest = i;
	drop(t, oldest);
}

/* Asks a VM; false when that is of no use, or done already. */
static bool question(stoker *s, struct traffic *t, const struct stoker_vm *vms, size_t at)
{
	struct line line = { .asked = true, .at = at, .asked_ns = t->asked_ns, .counted_ns = t->asked_ns };
	size_t i;

	if (vms[at].pid <= 0 || vms[at].network != STOKER_NET_USER || vms[at].state != STOKER_RUNNING)
		return false;
	for (i = 0; i < t->count && strcmp(t->lines[i].id, vms[at].id) != 0; i++)
		;
	memcpy(line.id, vms[at].id, sizeof line.id);
	if (i < t->count) {
		if (t->lines[i].asked || t->lines[i].asked_ns == t->asked_ns)
			return false;
		line.fd = t->lines[i].fd;
		if (ask(line.fd)) {
			t->lines[i] = line;
			return true;
		}
		drop(t, i); /* its supervisor has ended; there may be a new one */
	}
	line.fd = connect_and_ask(s, line.id);
	if (line.fd >= 0) {
		make_room(t);
		t->lines[t->count++] = line;
	}
	return true;
}

static void ask_next(stoker *s, struct traffic *t, const struct stoker_vm *vms, size_t count, const bool *in_sight)
{
	int64_t now = clock_now_ns();
	size_t begin = count > 0 ? t->turn % count : 0, seen = 0, tried = 0;

	if (now - t->asked_ns < ASK_EVERY)
		return;
	t->asked_ns = now;
	for (size_t at = 0; in_sight && at < count && seen < TRAFFIC_IN_SIGHT; at++)
		seen += in_sight[at] && question(s, t, vms, at);
	for (size_t i = 0; i < count && tried < TRAFFIC_BY_TURNS; i++) {
		size_t at = (begin + i) % count;

		if (!question(s, t, vms, at))
			continue;
		t->turn = at + 1;
		tried++;
	}
}

void traffic_sample(stoker *s, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                    struct stoker_sample *out)
{
	if (!s->traffic)
		s->traffic = calloc(1, sizeof *s->traffic);
	if (!s->traffic)
		return;
	collect(s->traffic, vms, count, in_sight, out);
	ask_next(s, s->traffic, vms, count, in_sight);
}

void traffic_free(struct traffic *traffic)
{
	for (size_t i = 0; traffic && i < traffic->count; i++)
		close(traffic->lines[i].fd);
	free(traffic);
}
