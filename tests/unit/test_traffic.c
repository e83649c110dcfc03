/* SPDX-License-Identifier: Apache-2.0
 *
 * test_traffic.c - who is asked for its traffic, and when: those in sight each
 * time, the others by turns, and for a hung guest nobody waits.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "guest/frame.h"
#include "guest/traffic.h"
#include "handle.h"
#include "supervisor/control.h"

enum { VMS = 160, SIGHT = 140, SEEN = 8, HUNG = SIGHT, SECONDS = 5 };

/* Supervisors of as many guests, with one connection each at a time. */
struct world {
	char dir[64];
	stoker s;
	struct stoker_vm vms[VMS];
	struct stoker_sample samples[VMS];
	bool in_sight[VMS], hangs[VMS];
	int listens[VMS], clients[VMS];
	unsigned connected[VMS], asked[VMS], told[VMS];
	int64_t bytes;
};

static void make(struct world *w)
{
	memset(w, 0, sizeof *w);
	snprintf(w->dir, sizeof w->dir, "/tmp/stoker-traffic-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->s.runtime_dir = w->dir;
	for (int i = 0; i < VMS; i++) {
		char path[STOKER_PATH_SIZE];

		snprintf(w->vms[i].id, sizeof w->vms[i].id, "%016x", i);
		w->vms[i].pid = getpid();
		w->vms[i].network = STOKER_NET_USER;
		w->vms[i].state = STOKER_RUNNING;
		assert_true(path_runtime(&w->s, path, "vms"));
		mkdir(path, 0700);
		assert_true(path_runtime(&w->s, path, "vms/%s", w->vms[i].id));
		assert_int_equal(mkdir(path, 0700), 0);
		w->listens[i] = control_listen(path, "control.sock");
		assert_true(w->listens[i] >= 0);
		w->clients[i] = -1;
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void drop(struct world *w)
{
	traffic_free(w->s.traffic);
	for (int i = 0; i < VMS; i++) {
		close(w->listens[i]);
		if (w->clients[i] >= 0)
			close(w->clients[i]);
	}
	assert_int_equal(nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void say(int fd, enum frame_type type, uint32_t stream, const char *text)
{
	struct frame f = { .type = (uint8_t)type, .stream = stream, .length = (uint32_t)strlen(text) };
	uint8_t out[256];

	frame_write_header(out, &f);
	memcpy(out + FRAME_HEADER, text, f.length);
	assert_int_equal(send(fd, out, FRAME_HEADER + f.length, MSG_NOSIGNAL), FRAME_HEADER + f.length);
}

/* What the supervisors do between two calls: answer what was asked, for those that do not hang. */
static void serve(struct world *w)
{
	w->bytes += 1000;
	for (int i = 0; i < VMS; i++) {
		int fd = accept4(w->listens[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		uint8_t in[FRAME_HEADER];
		char text[128];
		ssize_t n;

		if (fd >= 0) {
			if (w->clients[i] >= 0)
				close(w->clients[i]);
			w->clients[i] = fd;
			w->connected[i]++;
			say(fd, FRAME_HELLO, 0, "protocol=1\nagent=1\n");
		}
		while (w->clients[i] >= 0 && (n = recv(w->clients[i], in, sizeof in, 0)) >= 0) {
			if (n == 0) {
				close(w->clients[i]);
				w->clients[i] = -1;
				break;
			}
			w->asked[i]++;
			snprintf(text, sizeof text, "uptime_ms=1\nrx_bytes=%d\ntx_bytes=%d\n", (int)w->bytes, i);
			if (!w->hangs[i])
				say(w->clients[i], FRAME_STATS, 1, text);
		}
	}
}

static void sample(struct world *w, int64_t from_ns, int64_t to_ns)
{
	for (int i = 0; i < VMS; i++)
		w->samples[i] = (struct stoker_sample){ clock_now_ns(), 1, 0, -1, -1, -1, -1, 0 };
	traffic_sample(&w->s, w->vms, VMS, w->in_sight, w->samples);
	for (int i = 0; i < VMS; i++) {
		if (w->samples[i].rx_bytes < 0)
			continue;
		assert_int_equal(w->samples[i].rx_bytes, w->bytes);
		assert_int_equal(w->samples[i].tx_bytes, i);
		/* When it was asked, not when somebody looked for the answer. */
		assert_true(w->samples[i].traffic_ns >= from_ns && w->samples[i].traffic_ns <= to_ns);
		w->told[i]++;
	}
}

/* A second of a dashboard, in which it samples twice, as when the list has changed. */
static void second(struct world *w)
{
	const struct timespec pause = { .tv_nsec = 930000000 };
	int64_t from = clock_now_ns(), to;

	sample(w, 0, from);
	to = clock_now_ns();
	serve(w);
	sample(w, from, to);
	serve(w); /* sees which lines have been closed */
	nanosleep(&pause, NULL);
}

static void those_in_sight_come_first(void **state)
{
	static struct world w;
	unsigned others;

	(void)state;
	make(&w);
	for (int i = 0; i < VMS; i++) {
		w.in_sight[i] = i >= SIGHT && i < SIGHT + SEEN;
		w.hangs[i] = i < SIGHT || i == HUNG; /* nearly all of them */
	}
	for (unsigned r = 1; r <= SECONDS; r++) {
		second(&w);
		others = 0;
		for (int i = 0; i < VMS; i++) {
			if (w.in_sight[i] && !w.hangs[i]) {
				assert_int_equal(w.asked[i], r);
				assert_int_equal(w.told[i], r);
				assert_int_equal(w.connected[i], 1); /* over one line */
			}
			assert_true(!w.hangs[i] || w.told[i] == 0);
			if (!w.in_sight[i])
				others += w.asked[i];
		}
		assert_int_equal(others, r * TRAFFIC_BY_TURNS);
	}
	/* Each of the others has had its turn, also the last of them, behind all that hang. */
	for (int i = 0; i < VMS; i++)
		assert_true(w.asked[i] >= 1);
	for (int i = SIGHT + SEEN; i < VMS; i++) {
		assert_int_equal(w.told[i], 1);
		assert_int_equal(w.clients[i], -1); /* a line only as long as it is needed */
	}
	/* The window moves on. */
	assert_true(w.clients[SIGHT + 1] >= 0);
	memset(w.in_sight, 0, sizeof w.in_sight);
	w.in_sight[VMS - 1] = true;
	second(&w);
	assert_int_equal(w.clients[SIGHT + 1], -1);
	assert_int_equal(w.asked[VMS - 1], 2);
	/* Its supervisor is another one: seen when it is asked, and asked all the same. */
	shutdown(w.clients[VMS - 1], SHUT_RDWR);
	close(w.clients[VMS - 1]);
	w.clients[VMS - 1] = -1;
	second(&w);
	assert_int_equal(w.told[VMS - 1], 3);
	assert_int_equal(w.connected[VMS - 1], 3);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_in_sight_come_first),
	};
	return cmocka_run_group_tests_name("traffic", tests, NULL, NULL);
}
