/* SPDX-License-Identifier: Apache-2.0
 *
 * columns.h - which columns the list has, in which order, how wide.
 *
 * What nobody chose comes in by its importance as long as there is room; what
 * was chosen comes first, and what was left out stays out.
 */
#ifndef STOKER_UI_TUI_COLUMNS_H
#define STOKER_UI_TUI_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "screen.h"

enum column {
	COL_NAME, COL_STATUS, COL_PID, COL_IP, COL_PORT, COL_BACKEND, COL_VCPU, COL_MEM, COL_CPU, COL_CPU_GRAPH, COL_RSS,
	COL_RSS_GRAPH, COL_DISK, COL_DISK_GRAPH, COL_NET, COL_NET_GRAPH, COL_UP, COL_LAST, COL_IMAGE, COL_LABELS, COL_COUNT
};

enum column_want { COLUMN_AUTO, COLUMN_ON, COLUMN_OFF };

struct column_choice {
	enum column column;
	enum column_want want;
	int width; /* 0: the usual one */
};

struct columns {
	struct column_choice choice[COL_COUNT]; /* in the order they are shown in, each once */
	int cursor, top;                        /* of the dialog */
	int indent;                             /* of names below their group */
	int names;                              /* columns that the longest of all names takes */
};

struct column_place {
	int col, width; /* width 0: not shown; negative: right-aligned */
};

struct keymap;

void columns_reset(struct columns *columns);
/* As it is remembered: "name status:14 +disk -labels ...". What is no column is passed over, what is missing is as usual. */
void columns_read(struct columns *columns, const char *text);
void columns_write(const struct columns *columns, char *buf, size_t cap);
/* Shares `cols` columns of screen out; `place` is indexed by enum column. */
void columns_place(const struct columns *columns, int cols, struct column_place place[COL_COUNT]);
const char *column_title(enum column column);
const char *column_help(enum column column);
/* An enum sort_by; SORT_COUNT when one does not sort by it. */
int column_sort(enum column column);
/* A key of PLACE_COLUMNS; false: it is none. */
bool columns_key(struct columns *columns, const struct key *key, const struct keymap *keymap);

#endif
