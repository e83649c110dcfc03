/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.h - the list as a tree: VMs with something in common under one line
 * that sums them up.
 */
#ifndef STOKER_UI_TUI_GROUPS_H
#define STOKER_UI_TUI_GROUPS_H

#include "model.h"

/* After filter and sort: groups what is shown, and makes the list's lines. */
void groups_arrange(struct model *model);
/* What the rows of a group come to. */
struct group_sum {
	size_t glyphs[32]; /* VMs by enum glyph */
	int64_t cpu, disk_rate, net_rate; /* -1: nothing known */
	uint64_t rss_kib, memory_mib;
	unsigned vcpus;
	size_t marked;
};
void group_sum(const struct model *model, const struct group *group, struct group_sum *sum);
/* "by state", "by label team". */
void groups_name(const struct model *model, char *buf, size_t cap);
void group_fold(struct model *model, const char *key, bool fold);
/* The next thing to group by: also each label key that some VM has. */
void groups_next(struct model *model);

#endif
