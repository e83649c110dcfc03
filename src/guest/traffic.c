/* SPDX-License-Identifier: Apache-2.0
 *
 * traffic.c - asks agents for their counters, and looks for the answers a call later.
 *
 * A question is a connection of its own to the VM's control socket, which is
 * there only until the answer is: so a thousand VMs need no more descriptors
 * than TRAFFIC_AT_ONCE, and a hung guest costs the others nothing.
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
enum { STATS_MAX = 4096, STREAM = 1 };

struct question {
	int fd;
	int64_t asked_ns;
	char id[STOKER_ID_SIZE];
};

struct traffic {
	struct question questions[TRAFFIC_AT_ONCE];
	size_t count;
	size_t turn; /* the VM to be asked next */
	int64_t asked_ns;
};

enum answer { ANSWER_NONE, ANSWER_HERE, ANSWER_NEVER };

/* What has come is left in the socket until all of the answer has: no question has a buffer of its own. */
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
		if (f.type == FRAME_STATS && f.stream == STREAM)
			return wire_stats_parse(in + at + FRAME_HEADER, f.length, stats) ? ANSWER_HERE : ANSWER_NEVER;
		if (f.type != FRAME_HELLO) /* the agent is not there yet, or not any more */
			return ANSWER_NEVER;
		at += (size_t)size;
	}
}

static struct stoker_sample *sample_of(const char *id, const struct stoker_vm *vms, size_t count,
                                       struct stoker_sample *out)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(vms[i].id, id) == 0)
			return vms[i].pid > 0 ? &out[i] : NULL;
	return NULL;
}

static void collect(struct traffic *t, const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct question q = t->questions[i];
		struct stoker_guest_stats stats;
		enum answer answer = look(q.fd, &stats);
		struct stoker_sample *sample;

		if (answer == ANSWER_NONE && clock_now_ns() - q.asked_ns < ANSWER_LIMIT) {
			t->questions[kept++] = q;
			continue;
		}
		close(q.fd);
		sample = answer == ANSWER_HERE ? sample_of(q.id, vms, count, out) : NULL;
		if (sample) {
			sample->rx_bytes = stats.rx_bytes;
			sample->tx_bytes = stats.tx_bytes;
		}
	}
	t->count = kept;
}

static int ask(const stoker *s, const char *id)
{
	struct frame f = { .type = FRAME_STATS, .stream = STREAM };
	char dir[STOKER_PATH_SIZE];
	uint8_t head[FRAME_HEADER];
	struct ucred peer;
	socklen_t len = sizeof peer;
	int fd = path_runtime(s, dir, "vms/%s", id) ? control_connect(dir, "control.sock") : -1;

	if (fd < 0)
		return -1;
	frame_write_header(head, &f);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == geteuid() &&
	    send(fd, head, sizeof head, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof head)
		return fd;
	close(fd);
	return -1;
}

static bool is_asked(const struct traffic *t, const char *id)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->questions[i].id, id) == 0)
			return true;
	return false;
}

static void ask_next(stoker *s, struct traffic *t, const struct stoker_vm *vms, size_t count)
{
	int64_t now = clock_now_ns();
	size_t begin = count > 0 ? t->turn % count : 0, tried = 0;

	if (now - t->asked_ns < ASK_EVERY)
		return;
	t->asked_ns = now;
	for (size_t i = 0; i < count && t->count < TRAFFIC_AT_ONCE && tried < TRAFFIC_AT_ONCE; i++) {
		size_t at = (begin + i) % count;
		struct question q = { .asked_ns = now };

		if (vms[at].pid <= 0 || vms[at].network != STOKER_NET_USER || vms[at].state != STOKER_RUNNING ||
		    is_asked(t, vms[at].id))
			continue;
		t->turn = at + 1;
		tried++;
		memcpy(q.id, vms[at].id, sizeof q.id);
		q.fd = ask(s, q.id);
		if (q.fd >= 0)
			t->questions[t->count++] = q;
	}
}

void traffic_sample(stoker *s, const struct stoker_vm *vms, size_t count, struct stoker_sample *out)
{
	if (!s->traffic)
		s->traffic = calloc(1, sizeof *s->traffic);
	if (!s->traffic)
		return;
	collect(s->traffic, vms, count, out);
	ask_next(s, s->traffic, vms, count);
}

void traffic_free(struct traffic *traffic)
{
	for (size_t i = 0; traffic && i < traffic->count; i++)
		close(traffic->questions[i].fd);
	free(traffic);
}
