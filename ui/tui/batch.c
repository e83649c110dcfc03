/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.c - see batch.h.
 */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "model.h"

void batch_begin(struct batch *batch, enum action_id action)
{
	batch->action = action;
	batch->number++;
	batch->count = batch->working = batch->done = batch->failed = batch->left = 0;
}

static struct batch_item *more(struct batch *batch, const char *name)
{
	struct batch_item *item;
	if (batch->count == batch->cap) {
		size_t cap = batch->cap == 0 ? 16 : batch->cap * 2;
		struct batch_item *grown = realloc(batch->items, cap * sizeof *grown);
		if (grown == NULL)
			return NULL;
		batch->items = grown;
		batch->cap = cap;
	}
	item = &batch->items[batch->count++];
	memset(item, 0, sizeof *item);
	snprintf(item->name, sizeof item->name, "%s", name);
	return item;
}

void batch_add(struct batch *batch, uint64_t op, const char *name, int64_t now_ns)
{
	struct batch_item *item = more(batch, name);
	if (item == NULL)
		return;
	item->op = op;
	item->since_ns = now_ns;
	item->state = BATCH_WORKING;
	batch->working++;
}

void batch_leave(struct batch *batch, const char *name, const char *why)
{
	struct batch_item *item = more(batch, name);
	if (item == NULL)
		return;
	item->state = BATCH_LEFT;
	snprintf(item->why, sizeof item->why, "%s", why);
	batch->left++;
}

bool batch_ended(struct batch *batch, const struct event *event)
{
	size_t i;
	for (i = 0; i < batch->count; i++) {
		struct batch_item *item = &batch->items[i];
		if (item->state != BATCH_WORKING || item->op != event->op)
			continue;
		item->took_ns = event->now_ns - item->since_ns;
		item->state = event->failed ? BATCH_FAILED : BATCH_DONE;
		if (event->failed) {
			batch->failed++;
			format_reason(item->why, sizeof item->why, &event->error);
		} else {
			batch->done++;
		}
		return --batch->working == 0;
	}
	return false;
}

void batch_summary(const struct batch *batch, char *buf, size_t cap)
{
	size_t len = (size_t)snprintf(buf, cap, "%s: %zu done", action_at(batch->action)->name, batch->done);
	if (batch->failed > 0 && len < cap)
		len += (size_t)snprintf(buf + len, cap - len, ", %zu failed", batch->failed);
	if (batch->working > 0 && len < cap)
		len += (size_t)snprintf(buf + len, cap - len, ", %zu under way", batch->working);
	if (batch->left > 0 && len < cap)
		snprintf(buf + len, cap - len, ", %zu left as %s", batch->left, batch->left == 1 ? "it was" : "they were");
}

char **batch_lines(const struct batch *batch, int *count)
{
	static const enum batch_state order[] = { BATCH_FAILED, BATCH_WORKING, BATCH_DONE, BATCH_LEFT };
	static const char *const words[] = { "under way", "done", "failed", "left" };
	char **lines = calloc(batch->count + 2, sizeof *lines), text[400], took[32];
	size_t i, k;
	int n = 0;

	*count = 0;
	if (lines == NULL)
		return NULL;
	batch_summary(batch, text, sizeof text);
	lines[n++] = strdup(text);
	for (k = 0; k < 4; k++) {
		for (i = 0; i < batch->count; i++) {
			const struct batch_item *item = &batch->items[i];
			if (item->state != order[k])
				continue;
			format_duration(took, sizeof took, item->took_ns);
			snprintf(text, sizeof text, "%s\t%s%s%s", words[item->state], item->name, item->state == BATCH_DONE ? "  in " : ": ",
			         item->state == BATCH_DONE ? took : item->state == BATCH_WORKING ? "..." : item->why);
			lines[n++] = strdup(text);
		}
	}
	for (k = i = 0; i < (size_t)n; i++) { /* what there was no memory for */
		if (lines[i] != NULL)
			lines[k++] = lines[i];
	}
	*count = (int)k;
	return lines;
}

void batch_free(struct batch *batch)
{
	free(batch->items);
	memset(batch, 0, sizeof *batch);
}
