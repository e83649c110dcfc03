/* SPDX-License-Identifier: Apache-2.0
 *
 * test_firecracker_answers.c - what the client of Firecracker's API makes of
 * answers that nobody thought of: good ones cut, changed, stretched and drowned
 * by a seeded generator, over a real unix socket.
 *
 * Each answer comes from a number of its own, which is told when it fails:
 * STOKER_ANSWER=NUMBER plays that one alone. STOKER_ANSWERS=COUNT makes more of
 * them, STOKER_ANSWERS_FROM=NUMBER others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/firecracker.h"
#include "backend/http.h"
#include "clock.h"
#include "fc_place.h"

enum {
	COUNT = 2500,
	HANGING = 20,      /* of them: the connection stays open behind what is not whole */
	ROOM = 96 * 1024,  /* the ceiling and more */
	CEILING = 64 * 1024,
	LIMIT_MS = 3000,
	HANG_LIMIT_MS = 60,
	SLACK_MS = 2000,   /* of a machine that is busy */
};

/* What is known of an answer by how it was made. */
enum kind { GOOD, BAD, ANYTHING };

struct answer {
	uint64_t seed;
	char bytes[ROOM];
	size_t length;
	unsigned piece;    /* so many bytes at a time; 0: all at once */
	bool hangs;        /* the end never comes */
	enum kind kind;    /* as an answer in HTTP */
	long status;       /* GOOD: what it says */
	char body[512];    /* GOOD */
	enum vmm_state state;
	bool tells_state;  /* GOOD: 200, with a state that is one */
};

static struct {
	struct fc_place place;
	int listener, stop[2];
	pthread_t thread;
	pthread_mutex_t lock; /* of the answer: a connection that was given up may still be served */
	struct answer answer;
	stoker s;
	struct vm_record rec;
} kit = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the generator */

static uint64_t dice;

static uint32_t roll(uint32_t sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 32) % sides;
}

static void add(struct answer *a, const char *bytes, size_t len)
{
	if (len > ROOM - a->length)
		len = ROOM - a->length;
	memcpy(a->bytes + a->length, bytes, len);
	a->length += len;
}

static void add_text(struct answer *a, const char *text)
{
	add(a, text, strlen(text));
}

/* A head and a body as Firecracker writes them, or as another server would. */
static void make_good(struct answer *a)
{
	static const char *const names[] = { "Not started", "Running", "Paused" };
	static const char *const reasons[] = { "", "OK", "No Content", "anything at all" };
	static const struct {
		long status;
		const char *body;
	} others[] = { { 204, "" }, { 400, "{\"fault_message\":\"it would not\"}" }, { 500, "" }, { 200, "" }, { 200, "[]" },
		       { 200, "{\"state\":\"Gone\"}" }, { 200, "{\"state\":7}" }, { 200, "{\"State\":\"Running\"}" }, { 404, "{}" } };
	char text[640];
	uint32_t other = roll(20);

	a->kind = GOOD;
	if (other < sizeof others / sizeof *others) {
		a->status = others[other].status;
		snprintf(a->body, sizeof a->body, "%s", others[other].body);
	} else {
		uint32_t state = roll(3);
		a->status = 200;
		a->tells_state = true;
		a->state = state == 0 ? VMM_NOT_STARTED : state == 1 ? VMM_RUNNING : VMM_PAUSED;
		snprintf(a->body, sizeof a->body, "{\"id\":\"x\",\"state\":\"%s\",\"vmm_version\":\"1.12.1\"}", names[state]);
	}
	snprintf(text, sizeof text, "HTTP/1.1 %ld %s\r\n", a->status, reasons[roll(4)]);
	add_text(a, text);
	for (uint32_t n = roll(4); n > 0; n--) {
		snprintf(text, sizeof text, "X-%u: %u\r\n", roll(1000), roll(1000));
		add_text(a, text);
	}
	if (a->status == 204) {
		add_text(a, "\r\n");
		return;
	}
	if (roll(4) == 0) { /* in chunks */
		size_t len = strlen(a->body), at = 0;
		add_text(a, "Transfer-Encoding: chunked\r\n\r\n");
		while (at < len) {
			size_t n = 1 + roll(20);
			n = n < len - at ? n : len - at;
			snprintf(text, sizeof text, "%zx\r\n%.*s\r\n", n, (int)n, a->body + at);
			add_text(a, text);
			at += n;
		}
		add_text(a, "0\r\n\r\n");
		return;
	}
	snprintf(text, sizeof text, "Content-Length: %zu\r\n\r\n%s", strlen(a->body), a->body);
	add_text(a, text);
}

/* The announced body does not come, or is no body. */
static void make_bad(struct answer *a)
{
	static const char *const bad[] = {
		"", "\r\n", "\r\n\r\n", "SSH-2.0-dropbear\r\n", "{\"state\":\"Running\"}", "GET / HTTP/1.1\r\n\r\n",
		"HTTP/1.1\r\n\r\n", "HTTP/1.1 \r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{\"state\":\"Running\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{\"state\":\"Running\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{\"state\":\"Running\"}",
		"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{\"state\":\"Running\"}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"state\":\"Running\"}",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{\"state\":\"Running\"}\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"sta\r\n0",
	};
	uint32_t which = roll(4);

	a->kind = BAD;
	if (which == 0) {
		add_text(a, bad[roll(sizeof bad / sizeof *bad)]);
	} else if (which == 1) { /* cut: a byte at least is missing of its body or head, or the last of its chunks */
		make_good(a);
		a->kind = BAD;
		a->length = roll((uint32_t)a->length - (memmem(a->bytes, a->length, "chunked", 7) ? 4 : 0));
	} else if (which == 2) { /* a head without an end, or a body beyond the ceiling */
		bool head = roll(2) == 0;
		add_text(a, head ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n");
		while (a->length < ROOM)
			add_text(a, head ? "X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" : "{\"state\":\"Running\"}");
	} else { /* noise: no status line begins with such a byte */
		for (uint32_t n = 1 + roll(2000); n > 0; n--) {
			char byte = (char)(a->length == 0 ? 0x80 | roll(128) : roll(256));
			add(a, &byte, 1);
		}
	}
}

/* A good one with some bytes changed: still good, or not, or another. */
static void make_anything(struct answer *a)
{
	make_good(a);
	a->kind = ANYTHING;
	for (uint32_t n = 1 + roll(6); n > 0 && a->length > 0; n--) {
		size_t at = roll((uint32_t)a->length), piece = 1 + roll(16);
		piece = piece < a->length - at ? piece : a->length - at;
		switch (roll(5)) {
		case 0:
			a->bytes[at] = (char)roll(256);
			break;
		case 1:
			a->bytes[at] ^= (char)(1u << roll(8));
			break;
		case 2:
			memmove(a->bytes + at, a->bytes + at + piece, a->length - at - piece);
			a->length -= piece;
			break;
		case 3:
			if (a->length + piece <= ROOM) {
				memmove(a->bytes + at + piece, a->bytes + at, a->length - at);
				a->length += piece;
			}
			break;
		default:
			a->bytes[at] = "0123456789\r\n\t :{}\"\\"[roll(20)];
		}
	}
}

static void make(struct answer *a, uint64_t seed, bool hangs)
{
	uint32_t what;

	memset(a, 0, sizeof *a);
	a->seed = seed;
	dice = seed * 0x9e3779b97f4a7c15u | 1;
	for (int i = 0; i < 8; i++)
		roll(2);
	what = roll(10);
	if (hangs || what < 4)
		make_bad(a);
	else if (what < 6)
		make_good(a);
	else
		make_anything(a);
	a->hangs = hangs;
	a->piece = roll(3) == 0 ? 1 + roll(40) : 0;
	if (a->length / (a->piece ? a->piece : 1) > 400)
		a->piece = 0;
}

/* ---- the server */

static void serve(int fd)
{
	static struct answer a; /* one at a time */
	char in[4096];
	size_t sent = 0;
	struct pollfd fds[2] = { { fd, POLLIN, 0 }, { kit.stop[0], POLLIN, 0 } };
	ssize_t n = recv(fd, in, sizeof in, 0);

	pthread_mutex_lock(&kit.lock);
	a = kit.answer;
	pthread_mutex_unlock(&kit.lock);
	while (n > 0 && sent < a.length) {
		size_t piece = a.piece && a.piece < a.length - sent ? a.piece : a.length - sent;
		n = send(fd, a.bytes + sent, piece, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
	}
	if (!a.hangs)
		shutdown(fd, SHUT_WR);
	/* With something unread the end would be a reset, and the answer be lost. */
	while (poll(fds, 2, -1) > 0 && !fds[1].revents && recv(fd, in, sizeof in, 0) > 0)
		;
}

static void *server(void *unused)
{
	(void)unused;
	for (;;) {
		struct pollfd fds[2] = { { kit.listener, POLLIN, 0 }, { kit.stop[0], POLLIN, 0 } };
		int fd;
		poll(fds, 2, -1);
		if (fds[1].revents)
			return NULL;
		fd = accept4(kit.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}

static int setup(void **state)
{
	(void)state;
	if (!fc_place_make(&kit.place))
		return -1;
	kit.s.runtime_dir = kit.place.root;
	strcpy(kit.rec.vm.id, ID);
	kit.listener = control_listen(kit.place.run, VMM_API_SOCKET);
	if (!process_identify(getpid(), &kit.rec.vmm) || kit.listener < 0 || pipe2(kit.stop, O_CLOEXEC) < 0)
		return -1;
	return pthread_create(&kit.thread, NULL, server, NULL);
}

static int teardown(void **state)
{
	(void)state;
	close(kit.stop[1]);
	pthread_join(kit.thread, NULL);
	close(kit.stop[0]);
	close(kit.listener);
	return fc_place_remove(&kit.place);
}

/* ---- the judge */

/* By a reading of its own, as generous as can be: could these bytes be taken for a status of 200 and this state? */
static bool could_say(const struct answer *a, enum vmm_state state)
{
	static const char *const names[] = { [VMM_NOT_STARTED] = "Not started", [VMM_RUNNING] = "Running", [VMM_PAUSED] = "Paused" };
	const char *letter = names[state];

	if (a->length < 12 || memcmp(a->bytes, "HTTP/1.", 7) != 0 || !memmem(a->bytes, a->length, "200", 3))
		return false;
	if (!memmem(a->bytes, a->length, "chunked", 7))
		return memmem(a->bytes, a->length, letter, strlen(letter)) != NULL;
	/* Chunks may part it. */
	for (size_t i = 0; i < a->length && *letter; i++)
		letter += a->bytes[i] == *letter;
	return *letter == '\0';
}

static bool clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static void show(const struct answer *a)
{
	print_error("answer %" PRIu64 ", %zu bytes%s: ", a->seed, a->length, a->hangs ? ", and no end" : "");
	for (size_t i = 0; i < a->length && i < 400; i++)
		print_error(a->bytes[i] >= 0x20 && a->bytes[i] < 0x7f ? "%c" : "\\x%02x", (unsigned char)a->bytes[i]);
	print_error("\n");
}

#define must(a, ok) \
	do { \
		if (!(ok)) { \
			show(a); \
			fail_msg("not so: %s", #ok); \
		} \
	} while (0)

/* One request over HTTP: all of the answer, or none. */
static void call(const struct answer *a)
{
	int64_t limit_ms = a->hangs ? HANG_LIMIT_MS : LIMIT_MS, from = clock_now_ns();
	struct stoker_error err = { 0 };
	struct http_reply reply;
	struct http *http = NULL;
	enum stoker_status st = http_open(kit.place.run, VMM_API_SOCKET, &kit.rec.vmm, &http, &err);

	must(a, st == STOKER_OK);
	st = http_call(http, "GET", "/", NULL, CEILING, deadline_after_ms(limit_ms), -1, &reply, &err);
	must(a, (clock_now_ns() - from) / NS_PER_MS < limit_ms + SLACK_MS);
	if (st != STOKER_OK) {
		must(a, a->kind != GOOD);
		must(a, err.code == st && err.why[0] && clean(err.why));
		must(a, st == STOKER_E_CLOSED || st == STOKER_E_PEER || (a->hangs && st == STOKER_E_TIMEOUT));
	} else {
		must(a, a->kind != BAD);
		must(a, reply.status >= 100 && reply.status <= 999 && reply.length <= CEILING && reply.body[reply.length] == '\0');
		must(a, a->kind != GOOD || (reply.status == a->status && strcmp(reply.body, a->body) == 0));
	}
	http_close(http);
}

/* The question for its state, asked up to three times. */
static void ask(const struct answer *a)
{
	int64_t limit_ms = a->hangs ? HANG_LIMIT_MS : LIMIT_MS, from = clock_now_ns();
	struct stoker_error err = { 0 };
	enum vmm_state told = VMM_NOT_STARTED;
	enum stoker_status st = firecracker_backend.state(&kit.s, &kit.rec, deadline_after_ms(limit_ms), -1, &told, &err);

	must(a, (clock_now_ns() - from) / NS_PER_MS < limit_ms + SLACK_MS);
	if (st == STOKER_OK) {
		must(a, a->kind != BAD);
		must(a, a->kind != GOOD || (a->tells_state && told == a->state));
		must(a, could_say(a, told));
	} else {
		must(a, a->kind != GOOD || !a->tells_state);
		must(a, err.code == st && err.why[0] && err.fix[0] && clean(err.why));
	}
}

static void one(uint64_t seed, bool hangs)
{
	static struct answer a;
	make(&a, seed, hangs);
	pthread_mutex_lock(&kit.lock);
	kit.answer = a;
	pthread_mutex_unlock(&kit.lock);
	call(&a);
	ask(&a);
}

static uint64_t wanted(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* By the number itself, so that an answer played alone is the same one. */
static bool hangs(uint64_t seed)
{
	return seed % (COUNT / HANGING) == 0;
}

static void no_answer_is_more_than_it_is(void **state)
{
	uint64_t from = wanted("STOKER_ANSWERS_FROM", 1), count = wanted("STOKER_ANSWERS", COUNT);

	(void)state;
	if (getenv("STOKER_ANSWER")) {
		from = wanted("STOKER_ANSWER", 1);
		count = 1;
	}
	for (uint64_t seed = from; seed < from + count; seed++)
		one(seed, hangs(seed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_answer_is_more_than_it_is, setup, teardown),
	};
	return cmocka_run_group_tests_name("firecracker_answers", tests, NULL, NULL);
}
