/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c - see record.h.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "stoker-input 1"
#define FILE_BYTES (16u << 20)
#define DELAY_MAX 3600000
#define LOOK_MS 20

struct recorder {
	FILE *file;
	int64_t last_ns;
};

struct recorder *recorder_open(const char *path, int64_t now_ns, char *why, size_t cap)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (recorder == NULL || fd < 0 || (recorder->file = fdopen(fd, "w")) == NULL) {
		snprintf(why, cap, "cannot record into %s: %s", path,
		         errno == EEXIST ? "it is there already. Give another name" : strerror(errno));
		if (fd >= 0)
			close(fd);
		free(recorder);
		return NULL;
	}
	recorder->last_ns = now_ns;
	fprintf(recorder->file, MAGIC "\n");
	return recorder;
}

void recorder_key(struct recorder *recorder, const struct key *key, int64_t now_ns)
{
	long long delay = (now_ns - recorder->last_ns) / 1000000;
	size_t i;

	switch (key->kind) {
	case KEY_KIND_CHAR:
		fprintf(recorder->file, "%lld char %u %u\n", delay, key->ch, key->mods);
		break;
	case KEY_KIND_SPECIAL:
		fprintf(recorder->file, "%lld special %d %u\n", delay, (int)key->special, key->mods);
		break;
	case KEY_KIND_MOUSE:
		fprintf(recorder->file, "%lld mouse %d %d %d %d %u\n", delay, (int)key->act, key->button, key->row, key->col, key->mods);
		break;
	case KEY_KIND_RESIZE:
		fprintf(recorder->file, "%lld size %d %d\n", delay, key->row, key->col);
		break;
	case KEY_KIND_PASTE:
		fprintf(recorder->file, "%lld paste ", delay);
		for (i = 0; i < key->paste_len; i++)
			fprintf(recorder->file, "%02x", (unsigned char)key->paste[i]);
		fputc('\n', recorder->file);
		break;
	default:
		return;
	}
	recorder->last_ns += delay * 1000000;
	fflush(recorder->file); /* a crash is what it is for */
}

void recorder_close(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	fclose(recorder->file);
	free(recorder);
}

/* ------------------------------------------------------------------ replay */

struct step {
	int64_t delay_ns;
	struct key key;
	char *text;         /* of a paste, or waited for */
	int64_t wait_ns;    /* more than 0: wait for text */
};

struct replay {
	struct step *steps;
	size_t count, at;
	int64_t due_ns, gives_up_ns; /* gives_up_ns 0: not waiting for a text */
	char *missed;
};

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool paste_of(struct step *step, const char *text)
{
	size_t len = strlen(text), i;
	if (len % 2 != 0 || (step->text = malloc(len / 2 + 1)) == NULL)
		return false;
	for (i = 0; i < len / 2; i++) {
		int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		step->text[i] = (char)(high << 4 | low);
	}
	step->key.kind = KEY_KIND_PASTE;
	step->key.paste = step->text;
	step->key.paste_len = len / 2;
	return true;
}

/* One line; what is out of its bounds is refused, so that nothing behind it has to ask. */
static bool parse(struct step *step, const char *line)
{
	struct key *key = &step->key;
	long delay;
	int at = 0, a, b, c, d, end = 0;
	unsigned ch, mods;

	memset(step, 0, sizeof *step);
	if (sscanf(line, "%8ld %n", &delay, &at) != 1 || delay < 0 || delay > DELAY_MAX || at == 0)
		return false;
	step->delay_ns = (int64_t)delay * 1000000;
	line += at;
	if (strncmp(line, "paste ", 6) == 0)
		return paste_of(step, line + 6);
	if (sscanf(line, "wait %4d %n", &a, &end) == 1 && end > 0 && a > 0 && a <= 3600 && line[end] != '\0') {
		step->wait_ns = (int64_t)a * 1000000000;
		step->text = strdup(line + end);
		return step->text != NULL;
	}
	if (sscanf(line, "size %5d %5d%n", &a, &b, &end) == 2 && line[end] == '\0') {
		key->kind = KEY_KIND_RESIZE;
		key->row = a;
		key->col = b;
		return a >= 1 && a <= 1000 && b >= 1 && b <= 1000;
	}
	if (sscanf(line, "char %8u %2u%n", &ch, &mods, &end) == 2 && line[end] == '\0') {
		key->kind = KEY_KIND_CHAR;
		key->ch = ch;
		key->mods = mods;
		return ch >= 0x20 && ch <= 0x10ffff && !(ch >= 0x7f && ch < 0xa0) && !(ch >= 0xd800 && ch <= 0xdfff) && mods < 8;
	}
	if (sscanf(line, "special %4d %2u%n", &a, &mods, &end) == 2 && line[end] == '\0') {
		key->kind = KEY_KIND_SPECIAL;
		key->special = (enum special_key)a;
		key->mods = mods;
		return a > SK_NONE && a < SK_COUNT && mods < 8;
	}
	if (sscanf(line, "mouse %2d %2d %5d %5d %2u%n", &a, &b, &c, &d, &mods, &end) == 5 && line[end] == '\0') {
		key->kind = KEY_KIND_MOUSE;
		key->act = (enum mouse_act)a;
		key->button = b;
		key->row = c;
		key->col = d;
		key->mods = mods;
		return a >= MOUSE_PRESS && a <= MOUSE_WHEEL_DOWN && b >= 0 && b <= 11 && c >= 0 && c < 1000 && d >= 0 && d < 1000 && mods < 8;
	}
	return false;
}

struct replay *replay_open(const char *path, int64_t now_ns, char *why, size_t cap)
{
	struct replay *replay = calloc(1, sizeof *replay);
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t line_cap = 0, room = 0, number = 0, total = 0;
	ssize_t n;

	why[0] = '\0';
	if (replay == NULL || file == NULL) {
		snprintf(why, cap, "cannot replay %s: %s", path, strerror(errno));
		goto fail;
	}
	while ((n = getline(&line, &line_cap, file)) >= 0) {
		number++;
		total += (size_t)n;
		line[strcspn(line, "\n")] = '\0';
		if (number == 1 && strcmp(line, MAGIC) != 0) {
			snprintf(why, cap, "%s is no recording: its first line is not \"" MAGIC "\"", path);
			goto fail;
		}
		if (number == 1 || line[0] == '\0' || line[0] == '#')
			continue;
		if (replay->count == room) {
			struct step *grown = realloc(replay->steps, (room = room == 0 ? 64 : room * 2) * sizeof *grown);
			if (grown == NULL)
				goto fail;
			replay->steps = grown;
		}
		/* Counted first: what a bad line holds is freed with the rest. */
		if (total > FILE_BYTES || !parse(&replay->steps[replay->count++], line)) {
			snprintf(why, cap, "%s:%zu: this is no recorded input", path, number);
			goto fail;
		}
	}
	if (number == 0) {
		snprintf(why, cap, "%s is no recording: it is empty", path);
		goto fail;
	}
	free(line);
	fclose(file);
	replay->due_ns = now_ns + (replay->count > 0 ? replay->steps[0].delay_ns : 0);
	return replay;
fail:
	if (why[0] == '\0')
		snprintf(why, cap, "cannot replay %s: no memory", path);
	free(line);
	if (file != NULL)
		fclose(file);
	replay_free(replay);
	return NULL;
}

void replay_free(struct replay *replay)
{
	size_t i;
	if (replay == NULL)
		return;
	for (i = 0; i < replay->count; i++)
		free(replay->steps[i].text);
	free(replay->steps);
	free(replay->missed);
	free(replay);
}

bool replay_over(const struct replay *replay)
{
	return replay->at >= replay->count;
}

const char *replay_missed(const struct replay *replay)
{
	return replay->missed != NULL ? replay->missed : "";
}

int replay_timeout_ms(const struct replay *replay, int64_t now_ns)
{
	int64_t left = replay->due_ns - now_ns;
	if (replay_over(replay))
		return -1;
	if (replay->gives_up_ns != 0)
		return LOOK_MS;
	return left <= 0 ? 0 : (int)((left + 999999) / 1000000);
}

static void advance(struct replay *replay, int64_t now_ns)
{
	replay->at++;
	replay->gives_up_ns = 0;
	if (!replay_over(replay))
		replay->due_ns = now_ns + replay->steps[replay->at].delay_ns;
}

bool replay_next(struct replay *replay, const struct screen *screen, int64_t now_ns, struct key *key, bool *failed)
{
	*failed = false;
	while (!replay_over(replay) && replay->due_ns <= now_ns) {
		const struct step *step = &replay->steps[replay->at];
		char *text;
		if (step->wait_ns == 0) {
			*key = step->key;
			advance(replay, now_ns);
			return true;
		}
		if (replay->gives_up_ns == 0)
			replay->gives_up_ns = now_ns + step->wait_ns;
		text = screen_text(screen);
		if (text != NULL && strstr(text, step->text) != NULL) {
			free(text);
			advance(replay, now_ns);
			continue;
		}
		free(text);
		if (now_ns < replay->gives_up_ns)
			return false;
		free(replay->missed);
		replay->missed = strdup(step->text);
		*failed = true;
		replay->at = replay->count;
	}
	return false;
}
