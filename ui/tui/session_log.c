/* SPDX-License-Identifier: Apache-2.0
 *
 * session_log.c - see session_log.h.
 */
#include "session_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"

#define WAITING_MAX (1U << 20)
#define LINE_BYTES 4096
#define FINISH_S 2

struct session_log {
	char path[1024];

	/* The caller's: the line that is coming, without what moves the cursor. */
	enum { TEXT, ESCAPE, SEQUENCE, STRING, STRING_ESCAPE } state;
	char line[LINE_BYTES];
	size_t len;
	bool returned; /* a CR came: what follows overwrites, unless a LF does */
	size_t lost;

	/* The thread's too. */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	char *waiting;
	size_t waiting_len;
	bool quit, failed, told;
	int holders; /* the thread and the caller; the last one frees */
	char why[512];
};

/* Of all logs: the threads that still write. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t fewer;
	int count;
} writers = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void writers_add(int n)
{
	pthread_mutex_lock(&writers.mutex);
	writers.count += n;
	pthread_cond_broadcast(&writers.fewer);
	pthread_mutex_unlock(&writers.mutex);
}

static void give_up(struct session_log *log)
{
	bool last;
	pthread_mutex_lock(&log->mutex);
	last = --log->holders == 0;
	pthread_mutex_unlock(&log->mutex);
	if (!last)
		return;
	pthread_mutex_destroy(&log->mutex);
	pthread_cond_destroy(&log->work);
	free(log->waiting);
	free(log);
}

static void fail(struct session_log *log, const char *what)
{
	int error = errno;
	pthread_mutex_lock(&log->mutex);
	if (!log->failed)
		snprintf(log->why, sizeof log->why, "%s %.300s: %s", what, log->path,
		         error == EEXIST ? "it is there already. Give another name" : strerror(error));
	log->failed = true;
	pthread_mutex_unlock(&log->mutex);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* The folder of the default place is ours to make; any other must be there. */
static int create(const char *path)
{
	char folder[1024];
	const char *slash = strrchr(path, '/');
	if (slash != NULL && (size_t)(slash - path) < sizeof folder && slash - path >= 9 &&
	    strncmp(slash - 9, "/sessions", 9) == 0) {
		memcpy(folder, path, (size_t)(slash - path));
		folder[slash - path] = '\0';
		if (mkdir(folder, 0700) != 0 && errno != EEXIST)
			return -1;
	}
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void *writer(void *arg)
{
	struct session_log *log = arg;
	int fd = create(log->path);

	if (fd < 0)
		fail(log, "cannot make");
	pthread_mutex_lock(&log->mutex);
	for (;;) {
		char *bytes;
		size_t len;
		while (log->waiting_len == 0 && !log->quit)
			pthread_cond_wait(&log->work, &log->mutex);
		if (log->waiting_len == 0)
			break;
		bytes = log->waiting;
		len = log->waiting_len;
		log->waiting = NULL;
		log->waiting_len = 0;
		pthread_mutex_unlock(&log->mutex);
		if (fd >= 0 && !write_all(fd, bytes, len)) {
			fail(log, "cannot write");
			close(fd);
			fd = -1;
		}
		free(bytes);
		pthread_mutex_lock(&log->mutex);
	}
	pthread_mutex_unlock(&log->mutex);
	if (fd >= 0 && close(fd) != 0)
		fail(log, "cannot write");
	give_up(log);
	writers_add(-1);
	return NULL;
}

struct session_log *session_log_open(const char *path)
{
	struct session_log *log = calloc(1, sizeof *log);
	pthread_t thread;

	if (log == NULL || strlen(path) >= sizeof log->path) {
		free(log);
		return NULL;
	}
	snprintf(log->path, sizeof log->path, "%s", path);
	pthread_mutex_init(&log->mutex, NULL);
	pthread_cond_init(&log->work, NULL);
	log->holders = 2;
	writers_add(1);
	if (pthread_create(&thread, NULL, writer, log) != 0) {
		writers_add(-1);
		log->holders = 1;
		give_up(log);
		return NULL;
	}
	pthread_detach(thread);
	return log;
}

static void hand_over(struct session_log *log, const char *bytes, size_t len)
{
	char note[64];
	size_t note_len = 0, need;
	char *grown;

	pthread_mutex_lock(&log->mutex);
	if (log->lost > 0)
		note_len = (size_t)snprintf(note, sizeof note, "[%zu bytes left out: the disk is too slow]\n", log->lost);
	need = log->waiting_len + note_len + len;
	grown = log->failed || need > WAITING_MAX ? NULL : realloc(log->waiting, need);
	if (grown == NULL) {
		log->lost += log->failed ? 0 : len;
	} else {
		log->waiting = grown;
		memcpy(grown + log->waiting_len, note, note_len);
		memcpy(grown + log->waiting_len + note_len, bytes, len);
		log->waiting_len = need;
		log->lost = 0;
		pthread_cond_signal(&log->work);
	}
	pthread_mutex_unlock(&log->mutex);
}

static void end_line(struct session_log *log)
{
	/* Cleaned as everything that comes from a guest; a mark at most three times as long. */
	char clean[LINE_BYTES * 3 + 2];
	size_t len = text_clean(clean, sizeof clean - 1, log->line, log->len);
	clean[len++] = '\n';
	hand_over(log, clean, len);
	log->len = 0;
	log->returned = false;
}

static void text_byte(struct session_log *log, unsigned char c)
{
	switch (c) {
	case '\n':
		end_line(log);
		return;
	case '\r':
		log->returned = true;
		return;
	case '\b':
		/* The line editor's way to take a character back. */
		while (log->len > 0 && ((unsigned char)log->line[log->len - 1] & 0xc0) == 0x80)
			log->len--;
		log->len -= log->len > 0;
		return;
	case 0x1b:
		log->state = ESCAPE;
		return;
	default:
		if (c < 0x20 && c != '\t')
			return;
		if (log->returned) {
			/* A progress bar writes its line again and again: the last one is kept. */
			log->len = 0;
			log->returned = false;
		}
		if (log->len == sizeof log->line)
			end_line(log);
		log->line[log->len++] = c == '\t' ? ' ' : (char)c;
	}
}

void session_log_feed(struct session_log *log, const char *bytes, size_t len)
{
	size_t i;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		switch (log->state) {
		case TEXT:
			text_byte(log, c);
			break;
		case ESCAPE:
			log->state = c == '[' ? SEQUENCE : c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_' || c == 'k' ? STRING
			             : c >= 0x20 && c <= 0x2f ? ESCAPE : TEXT;
			break;
		case SEQUENCE:
			if (c == 0x1b)
				log->state = ESCAPE;
			else if (c < 0x20)
				text_byte(log, c);
			else if (c >= 0x40)
				log->state = TEXT;
			break;
		case STRING:
			if (c == 0x07 || c == '\n')
				log->state = TEXT;
			else if (c == 0x1b)
				log->state = STRING_ESCAPE;
			break;
		case STRING_ESCAPE:
			log->state = c == '\\' ? TEXT : STRING;
			break;
		}
	}
}

bool session_log_failed(struct session_log *log, char *why, size_t cap)
{
	bool news;
	pthread_mutex_lock(&log->mutex);
	news = log->failed && !log->told;
	if (news)
		snprintf(why, cap, "%s", log->why);
	log->told = log->failed;
	pthread_mutex_unlock(&log->mutex);
	return news;
}

bool session_log_trouble(struct session_log *log)
{
	bool trouble;
	pthread_mutex_lock(&log->mutex);
	trouble = log->failed && !log->told;
	pthread_mutex_unlock(&log->mutex);
	return trouble;
}

void session_log_close(struct session_log *log)
{
	if (log == NULL)
		return;
	if (log->len > 0)
		end_line(log);
	pthread_mutex_lock(&log->mutex);
	log->quit = true;
	pthread_cond_signal(&log->work);
	pthread_mutex_unlock(&log->mutex);
	give_up(log);
}

void session_logs_finish(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FINISH_S;
	pthread_mutex_lock(&writers.mutex);
	/* A disk that hangs keeps its thread, not us. */
	while (writers.count > 0 && pthread_cond_clockwait(&writers.fewer, &writers.mutex, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&writers.mutex);
}
