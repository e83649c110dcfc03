/* SPDX-License-Identifier: Apache-2.0
 *
 * columns.c - the list's columns.
 */
#include "columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define GUTTER 3 /* select and mark signs */
#define WIDTH_MIN 3
#define WIDTH_MAX 60
#define NAME_MAX_WIDTH 34
#define SIGNS 3   /* behind a name: its shell, and news there */
#define NAME_ORDER 5

/* A negative width is right-aligned. */
static const struct {
	const char *name, *title, *help;
	int width;
	enum sort_by sort;
	int order; /* 0: always there; else by this order as long as there is room */
} known[COL_COUNT] = {
	[COL_NAME] = { "name", "NAME", "Its name", 11, SORT_NAME, 0 },
	[COL_STATUS] = { "status", "STATUS", "State, or what is under way", 13, SORT_STATUS, 0 },
	[COL_PID] = { "pid", "PID", "The VMM's process", -7, SORT_COUNT, 3 },
	[COL_IP] = { "ip", "IP", "The guest's address", 12, SORT_IP, 1 },
	[COL_PORT] = { "port", "PORT", "SSH on 127.0.0.1", -5, SORT_COUNT, 9 },
	[COL_BACKEND] = { "backend", "BACKEND", "VMM and acceleration", 8, SORT_COUNT, 12 },
	[COL_VCPU] = { "vcpu", "VCPU", "Processors it has", -4, SORT_COUNT, 13 },
	[COL_MEM] = { "mem", "MEM", "Memory it has", -5, SORT_COUNT, 11 },
	[COL_CPU] = { "cpu", "CPU", "CPU time, of one CPU", -5, SORT_CPU, 2 },
	[COL_CPU_GRAPH] = { "cpu-graph", "", "CPU, the last 16 seconds", -8, SORT_CPU, 6 },
	[COL_RSS] = { "rss", "RSS", "Host memory the VMM holds", -5, SORT_RSS, 7 },
	[COL_RSS_GRAPH] = { "rss-graph", "", "Host memory, the last 32 seconds", -8, SORT_RSS, 18 },
	[COL_DISK] = { "disk", "DISK/s", "Read and written on the host's storage", -6, SORT_DISK, 8 },
	[COL_DISK_GRAPH] = { "disk-graph", "", "Disk, the last 32 seconds", -8, SORT_DISK, 16 },
	[COL_NET] = { "net", "NET/s", "Received and sent; - where the host cannot tell", -6, SORT_NETWORK, 10 },
	[COL_NET_GRAPH] = { "net-graph", "", "Network, the last 32 seconds", -8, SORT_NETWORK, 17 },
	[COL_UP] = { "up", "UP", "Since it was started", -6, SORT_UPTIME, 4 },
	[COL_LAST] = { "last", "LAST", "The last phase, or why it is as it is", 13, SORT_LAST, 5 },
	[COL_IMAGE] = { "image", "IMAGE", "What it was made from", 10, SORT_COUNT, 14 },
	[COL_LABELS] = { "labels", "LABELS", "Its labels", 16, SORT_COUNT, 15 },
};

const char *column_title(enum column column)
{
	return known[column].title;
}

const char *column_help(enum column column)
{
	return known[column].help;
}

int column_sort(enum column column)
{
	return (int)known[column].sort;
}

void columns_reset(struct columns *columns)
{
	int i, indent = columns->indent, names = columns->names;
	memset(columns, 0, sizeof *columns);
	columns->indent = indent;
	columns->names = names;
	for (i = 0; i < COL_COUNT; i++)
		columns->choice[i].column = (enum column)i;
}

void columns_read(struct columns *columns, const char *text)
{
	struct column_choice read[COL_COUNT];
	bool seen[COL_COUNT] = { false };
	int count = 0, i, k;

	while (*text != '\0') {
		size_t n = strcspn(text, " "), name;
		enum column_want want = *text == '+' ? COLUMN_ON : *text == '-' ? COLUMN_OFF : COLUMN_AUTO;
		const char *word = text + (want != COLUMN_AUTO);
		long width;
		name = n > (size_t)(word - text) ? strcspn(word, " :") : 0;
		for (i = 0; i < COL_COUNT; i++) {
			if (seen[i] || strlen(known[i].name) != name || strncmp(known[i].name, word, name) != 0)
				continue;
			width = word[name] == ':' ? strtol(word + name + 1, NULL, 10) : 0;
			seen[i] = true;
			read[count].column = (enum column)i;
			read[count].want = known[i].order == 0 ? COLUMN_AUTO : want;
			read[count++].width = width < WIDTH_MIN || width > WIDTH_MAX ? 0 : (int)width;
			break;
		}
		text += n + (text[n] == ' ');
	}
	columns_reset(columns);
	if (count == 0)
		return;
	/* A column that is new since then stands behind the one it usually follows. */
	for (i = 0; i < COL_COUNT; i++) {
		int at = 0;
		if (seen[i])
			continue;
		for (k = 0; k < count; k++) {
			if (i > 0 && read[k].column == (enum column)(i - 1))
				at = k + 1;
		}
		memmove(read + at + 1, read + at, (size_t)(count - at) * sizeof *read);
		read[at] = (struct column_choice){ (enum column)i, COLUMN_AUTO, 0 };
		count++;
	}
	memcpy(columns->choice, read, sizeof read);
}

void columns_write(const struct columns *columns, char *buf, size_t cap)
{
	size_t len = 0;
	int i;
	if (cap > 0)
		buf[0] = '\0';
	for (i = 0; i < COL_COUNT && len < cap; i++) {
		const struct column_choice *choice = &columns->choice[i];
		len += (size_t)snprintf(buf + len, cap - len, "%s%s%s", i > 0 ? " " : "",
		                        choice->want == COLUMN_ON ? "+" : choice->want == COLUMN_OFF ? "-" : "",
		                        known[choice->column].name);
		if (choice->width > 0 && len < cap)
			len += (size_t)snprintf(buf + len, cap - len, ":%d", choice->width);
	}
}

/* -------------------------------------------------------------------- room */

static int width_of(const struct column_choice *choice)
{
	int usual = known[choice->column].width;
	if (choice->width == 0)
		return usual;
	return usual < 0 ? -choice->width : choice->width;
}

/* A gap of two before left-aligned columns that follow anything, one else. */
static int gap(int width)
{
	return width > 0 ? 2 : 1;
}

static bool take(const struct column_choice *choice, struct column_place place[COL_COUNT], int *left)
{
	int width = width_of(choice);
	if (*left < abs(width) + gap(width))
		return false;
	place[choice->column].width = width;
	*left -= abs(width) + gap(width);
	return true;
}

static bool tight(const struct columns *columns, int cols, struct column_place place[COL_COUNT])
{
	static const struct column_place places[] = { { GUTTER, 10 }, { GUTTER + 11, 11 }, { 0, 0 }, { GUTTER + 23, 12 } };
	int i, more = cols - 38 < 4 ? cols - 38 : 4;
	for (i = 0; i < COL_COUNT; i++) {
		if (columns->choice[i].want != COLUMN_AUTO || columns->choice[i].column != (enum column)i)
			return false;
	}
	memcpy(place, places, sizeof places);
	place[COL_NAME].width += more;
	place[COL_STATUS].col += more;
	place[COL_IP].col += more;
	return true;
}

/* Names are read whole before columns of less weight come in: how much wider theirs then is. */
static int name_more(const struct columns *columns, const struct column_place place[COL_COUNT], int left)
{
	int want = columns->names + SIGNS + columns->indent, i;
	for (i = 0; i < COL_COUNT; i++) {
		if (columns->choice[i].column == COL_NAME && columns->choice[i].width != 0)
			return 0; /* as it was chosen */
	}
	want = (want > NAME_MAX_WIDTH ? NAME_MAX_WIDTH : want) - place[COL_NAME].width;
	return want < 0 ? 0 : want > left ? left : want;
}

void columns_place(const struct columns *columns, int cols, struct column_place place[COL_COUNT])
{
	const struct column_choice *choice;
	int left = cols - GUTTER, order, i, col = GUTTER, extra, first = 1, part;

	memset(place, 0, COL_COUNT * sizeof *place);
	if (cols >= 38 && cols < 44 && tight(columns, cols, place)) /* a very narrow list still says where the VM is */
		return;
	for (i = 0; i < COL_COUNT; i++) {
		choice = &columns->choice[i];
		if (known[choice->column].order != 0)
			continue;
		place[choice->column].width = width_of(choice);
		left -= width_of(choice) + 2 * (choice->column != COL_NAME);
	}
	for (i = 0; i < COL_COUNT; i++) {
		if (columns->choice[i].want == COLUMN_ON)
			take(&columns->choice[i], place, &left);
	}
	for (order = 1; order < COL_COUNT; order++) {
		if (order == NAME_ORDER + 1) {
			part = name_more(columns, place, left);
			place[COL_NAME].width += part;
			left -= part;
		}
		for (i = 0; i < COL_COUNT; i++) {
			choice = &columns->choice[i];
			if (known[choice->column].order != order || choice->want != COLUMN_AUTO)
				continue;
			if (!take(choice, place, &left))
				order = COL_COUNT; /* the next ones wait for this one */
			break;
		}
	}
	/* What is left over makes long names and texts readable. */
	extra = left > 0 ? left : 0;
	part = extra < columns->indent ? extra : columns->indent;
	place[COL_NAME].width += part;
	extra -= part;
	if (place[COL_LAST].width > 0) {
		part = extra < 3 ? extra : 3;
		place[COL_LAST].width += part;
		extra -= part;
	}
	part = name_more(columns, place, extra);
	place[COL_NAME].width += part;
	extra -= part;
	if (place[COL_LABELS].width > 0) {
		part = extra / 2 < 16 ? extra / 2 : 16;
		if (place[COL_LAST].width > 0) {
			place[COL_LAST].width += part;
			extra -= part;
		}
		place[COL_LABELS].width += extra;
	} else if (place[COL_LAST].width > 0) {
		place[COL_LAST].width += extra;
	}
	for (i = 0; i < COL_COUNT; i++) {
		struct column_place *at = &place[columns->choice[i].column];
		if (at->width == 0)
			continue;
		if (!first)
			col += gap(at->width);
		first = 0;
		at->col = col;
		col += abs(at->width);
	}
}

/* ------------------------------------------------------------------ dialog */

static void move(struct columns *columns, int by)
{
	int to = columns->cursor + by;
	struct column_choice kept;
	if (to < 0 || to >= COL_COUNT)
		return;
	kept = columns->choice[columns->cursor];
	columns->choice[columns->cursor] = columns->choice[to];
	columns->choice[to] = kept;
	columns->cursor = to;
}

static void resize(struct columns *columns, int by)
{
	struct column_choice *choice = &columns->choice[columns->cursor];
	int width = abs(width_of(choice)) + by;
	if (width >= WIDTH_MIN && width <= WIDTH_MAX)
		choice->width = width == abs(known[choice->column].width) ? 0 : width;
}

bool columns_key(struct columns *columns, const struct key *key, const struct keymap *keymap)
{
	struct column_choice *choice = &columns->choice[columns->cursor];

	switch ((int)keymap_at(keymap, key, PLACE_COLUMNS)) {
	case IN_COLUMNS_EARLIER: move(columns, -1); return true;
	case IN_COLUMNS_LATER: move(columns, 1); return true;
	case IN_COLUMNS_WIDER: resize(columns, 1); return true;
	case IN_COLUMNS_NARROWER: resize(columns, -1); return true;
	case IN_COLUMNS_RESET: columns_reset(columns); return true;
	case IN_COLUMNS_SHOW:
		if (known[choice->column].order != 0)
			choice->want = choice->want == COLUMN_AUTO ? COLUMN_ON : choice->want == COLUMN_ON ? COLUMN_OFF : COLUMN_AUTO;
		return true;
	default: return false;
	}
}
