/* SPDX-License-Identifier: Apache-2.0
 *
 * fanout.c - see fanout.h.
 */
#include "fanout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_lines(char **lines, int count)
{
	int i;
	for (i = 0; i < count; i++)
		free(lines[i]);
	free(lines);
}

void fanout_free(struct fanout *fanout)
{
	size_t i;
	for (i = 0; i < fanout->count; i++)
		free_lines(fanout->items[i].lines, fanout->items[i].line_count);
	free(fanout->items);
	memset(fanout, 0, sizeof *fanout);
}

bool fanout_begin(struct fanout *fanout, const char *command, size_t count)
{
	size_t i;
	fanout_free(fanout);
	fanout->items = calloc(count > 0 ? count : 1, sizeof *fanout->items);
	if (fanout->items == NULL)
		return false;
	snprintf(fanout->command, sizeof fanout->command, "%s", command);
	fanout->count = fanout->pending = count;
	for (i = 0; i < count; i++)
		fanout->items[i].group = -1;
	return true;
}

static bool same_answer(const struct fanout_item *a, const struct fanout_item *b)
{
	int i;
	if (a->failed != b->failed || a->status != b->status || a->line_count != b->line_count || a->cut != b->cut)
		return false;
	for (i = 0; i < a->line_count; i++) {
		if (strcmp(a->lines[i], b->lines[i]) != 0)
			return false;
	}
	return true;
}

void fanout_answer(struct fanout *fanout, uint64_t op, bool failed, int status, int64_t took_ns, char **lines,
                   int line_count, bool cut)
{
	struct fanout_item *item = NULL;
	size_t i;
	for (i = 0; i < fanout->count && item == NULL; i++) {
		if (fanout->items[i].op == op && !fanout->items[i].ended)
			item = &fanout->items[i];
	}
	if (item == NULL) {
		free_lines(lines, line_count);
		return;
	}
	item->ended = true;
	item->failed = failed;
	item->status = status;
	item->took_ns = took_ns;
	item->lines = lines;
	item->line_count = line_count;
	item->cut = cut;
	fanout->pending--;
	for (i = 0; i < fanout->count && item->group < 0; i++) {
		const struct fanout_item *other = &fanout->items[i];
		if (other != item && other->ended && same_answer(item, other))
			item->group = other->group;
	}
	if (item->group < 0)
		item->group = fanout->groups++;
}

size_t fanout_members(const struct fanout *fanout, int group)
{
	size_t i, n = 0;
	for (i = 0; i < fanout->count; i++)
		n += fanout->items[i].group == group;
	return n;
}

size_t fanout_order(const struct fanout *fanout, int *groups, size_t cap)
{
	size_t *sizes = calloc((size_t)fanout->groups + 1, sizeof *sizes), n = 0, i;
	if (sizes == NULL)
		return 0;
	for (i = 0; i < fanout->count; i++) {
		if (fanout->items[i].group >= 0)
			sizes[fanout->items[i].group]++;
	}
	while (n < cap && n < (size_t)fanout->groups) { /* the largest that is left, the first of several */
		int best = -1, g;
		for (g = 0; g < fanout->groups; g++) {
			if (sizes[g] > 0 && (best < 0 || sizes[g] > sizes[best]))
				best = g;
		}
		if (best < 0)
			break;
		groups[n++] = best;
		sizes[best] = 0;
	}
	free(sizes);
	return n;
}

const struct fanout_item *fanout_example(const struct fanout *fanout, int group)
{
	size_t i;
	for (i = 0; i < fanout->count; i++) {
		if (fanout->items[i].group == group)
			return &fanout->items[i];
	}
	return NULL;
}

void fanout_names(const struct fanout *fanout, int group, char *buf, size_t cap)
{
	size_t i, len = 0, told = 0, all = fanout_members(fanout, group);
	buf[0] = '\0';
	for (i = 0; i < fanout->count; i++) {
		const struct fanout_item *item = &fanout->items[i];
		if (item->group != group)
			continue;
		if (len + strlen(item->name) + 16 > cap) {
			snprintf(buf + len, cap - len, " and %zu more", all - told);
			return;
		}
		len += (size_t)snprintf(buf + len, cap - len, "%s%s", told > 0 ? ", " : "", item->name);
		told++;
	}
}

void fanout_summary(const struct fanout *fanout, char *buf, size_t cap)
{
	size_t ended = fanout->count - fanout->pending, failed = 0, most = 0, answers = 0, said, i, len = 0;
	int g;

	if (ended == 0) {
		snprintf(buf, cap, "asking %zu VM%s", fanout->count, fanout->count == 1 ? "" : "s");
		return;
	}
	for (i = 0; i < fanout->count; i++)
		failed += fanout->items[i].ended && fanout->items[i].failed;
	for (g = 0; g < fanout->groups; g++) {
		const struct fanout_item *item = fanout_example(fanout, g);
		size_t members = fanout_members(fanout, g);
		if (item == NULL || item->failed)
			continue; /* why it could not be asked is no answer */
		answers++;
		most = members > most ? members : most;
	}
	said = ended - failed;
	buf[0] = '\0';
	if (answers == 1)
		len = (size_t)snprintf(buf, cap, said == 1 ? "%zu VM has answered" : "all %zu say the same", said);
	else if (answers == 2)
		len = (size_t)snprintf(buf, cap, "%zu say%s one thing, %zu say%s another", most, most == 1 ? "s" : "", said - most,
		                       said - most == 1 ? "s" : "");
	else if (answers > 2 && most == 1)
		len = (size_t)snprintf(buf, cap, "%zu answers, no two alike", answers);
	else if (answers > 2)
		len = (size_t)snprintf(buf, cap, "%zu different answers, %zu VM%s give%s the most common one", answers, most,
		                       most == 1 ? "" : "s", most == 1 ? "s" : "");
	if (failed > 0 && len < cap)
		len += (size_t)snprintf(buf + len, cap - len, "%s%zu could not be asked", answers > 0 ? "; " : "", failed);
	if (fanout->pending > 0 && len < cap)
		len += (size_t)snprintf(buf + len, cap - len, "; %zu still at it", fanout->pending);
	if (fanout->left > 0 && len < cap)
		snprintf(buf + len, cap - len, "; %zu left: %s", fanout->left, fanout->left_why);
}
