/* SPDX-License-Identifier: Apache-2.0
 *
 * groups.c - groups of VMs.
 */
#include "groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

/* The value of a label into buf, "" when the VM has no such label. */
static void label_of(const char *labels, const char *key, char *buf, size_t cap)
{
	size_t len = strlen(key);
	buf[0] = '\0';
	while (*labels != '\0') {
		size_t n = strcspn(labels, ",");
		if (n > len && strncmp(labels, key, len) == 0 && labels[len] == '=') {
			snprintf(buf, cap, "%.*s", (int)n, labels);
			return;
		}
		labels += n + (labels[n] == ',');
	}
}

static void key_of(const struct model *model, const struct row *row, char *buf, size_t cap)
{
	switch (model->group_by) {
	case GROUP_BY_STATE:
		snprintf(buf, cap, "%s", row->vm.stale ? "stale" : stoker_state_name(row->vm.state));
		break;
	case GROUP_BY_IMAGE:
		snprintf(buf, cap, "%s", row->vm.image);
		break;
	case GROUP_BY_BACKEND:
		snprintf(buf, cap, "%s %s", row->vm.backend, row->vm.accel);
		break;
	case GROUP_BY_LABEL:
		label_of(row->vm.labels, model->group_label, buf, cap);
		break;
	default:
		buf[0] = '\0';
		break;
	}
}

struct keyed {
	char key[GROUP_KEY_SIZE];
	int row;
	size_t at;
};

/* Those without come last; inside a group the list's own order stays. */
static int by_key(const void *a, const void *b)
{
	const struct keyed *one = a, *two = b;
	int result;
	if ((one->key[0] == '\0') != (two->key[0] == '\0'))
		return one->key[0] == '\0' ? 1 : -1;
	result = strverscmp(one->key, two->key);
	return result != 0 ? result : (one->at > two->at) - (one->at < two->at);
}

static bool group_is_folded(const struct model *model, const char *key)
{
	int i;
	for (i = 0; i < model->folded_count; i++) {
		if (strcmp(model->folded[i], key) == 0)
			return true;
	}
	return false;
}

void group_fold(struct model *model, const char *key, bool fold)
{
	int i;
	for (i = 0; i < model->folded_count && strcmp(model->folded[i], key) != 0; i++)
		;
	if (fold && i == model->folded_count && i < FOLDED_MAX) {
		snprintf(model->folded[model->folded_count++], GROUP_KEY_SIZE, "%s", key);
	} else if (!fold && i < model->folded_count) {
		model->folded_count--;
		memmove(model->folded[i], model->folded[i + 1], (size_t)(model->folded_count - i) * GROUP_KEY_SIZE);
	}
}

static bool make_groups(struct model *model)
{
	struct keyed *keyed = malloc((model->shown_count + 1) * sizeof *keyed);
	struct group *groups = realloc(model->groups, (model->shown_count + 1) * sizeof *groups);
	size_t i;

	if (groups != NULL)
		model->groups = groups;
	if (keyed == NULL || groups == NULL) {
		free(keyed);
		return false;
	}
	for (i = 0; i < model->shown_count; i++) {
		keyed[i].row = model->shown[i];
		keyed[i].at = i;
		key_of(model, &model->rows[keyed[i].row], keyed[i].key, sizeof keyed[i].key);
	}
	qsort(keyed, model->shown_count, sizeof *keyed, by_key);
	for (i = 0; i < model->shown_count; i++) {
		struct group *group = model->group_count > 0 ? &groups[model->group_count - 1] : NULL;
		model->shown[i] = keyed[i].row;
		if (group == NULL || strcmp(group->key, keyed[i].key) != 0) {
			group = &groups[model->group_count++];
			memcpy(group->key, keyed[i].key, sizeof group->key);
			group->folded = group_is_folded(model, group->key);
			group->first = i;
			group->count = 0;
		}
		group->count++;
	}
	free(keyed);
	return true;
}

void groups_arrange(struct model *model)
{
	int *lines;
	size_t i, k;

	model->group_count = model->line_count = 0;
	if (model->group_by != GROUP_BY_NONE && !make_groups(model))
		model->group_count = 0;
	model->columns.indent = model->group_count > 0 ? 2 : 0;
	lines = realloc(model->lines, (model->shown_count + model->group_count + 1) * sizeof *lines);
	if (lines == NULL)
		return;
	model->lines = lines;
	if (model->group_count == 0) {
		for (i = 0; i < model->shown_count; i++)
			lines[model->line_count++] = (int)i;
		return;
	}
	for (i = 0; i < model->group_count; i++) {
		const struct group *group = &model->groups[i];
		lines[model->line_count++] = -1 - (int)i;
		for (k = 0; k < group->count && !group->folded; k++)
			lines[model->line_count++] = (int)(group->first + k);
	}
}

void group_sum(const struct model *model, const struct group *group, struct group_sum *sum)
{
	size_t i;
	memset(sum, 0, sizeof *sum);
	sum->cpu = sum->disk_rate = sum->net_rate = -1;
	for (i = group->first; i < group->first + group->count; i++) {
		const struct row *row = &model->rows[model->shown[i]];
		sum->glyphs[row_glyph(row)]++;
		sum->vcpus += row->vm.vcpus;
		sum->memory_mib += row->vm.memory_mib;
		sum->rss_kib += row->rss_kib;
		sum->marked += row->marked;
		if (row->cpu >= 0)
			sum->cpu = (sum->cpu < 0 ? 0 : sum->cpu) + row->cpu;
		if (row->disk_rate >= 0)
			sum->disk_rate = (sum->disk_rate < 0 ? 0 : sum->disk_rate) + row->disk_rate;
		if (row->net_rate >= 0)
			sum->net_rate = (sum->net_rate < 0 ? 0 : sum->net_rate) + row->net_rate;
	}
}

void groups_name(const struct model *model, char *buf, size_t cap)
{
	static const char *const names[GROUP_BY_COUNT] = { "not grouped", "grouped by state", "grouped by image",
		                                           "grouped by backend", "grouped by label" };
	snprintf(buf, cap, "%s%s%s", names[model->group_by], model->group_by == GROUP_BY_LABEL ? " " : "",
	         model->group_by == GROUP_BY_LABEL ? model->group_label : "");
}

/* The first label key behind `after` in the alphabet; false when there is none. */
static bool next_label(const struct model *model, const char *after, char *out, size_t cap)
{
	bool found = false;
	size_t i;
	for (i = 0; i < model->count; i++) {
		const char *labels = model->rows[i].vm.labels;
		while (*labels != '\0') {
			size_t n = strcspn(labels, ","), key = strcspn(labels, "=,");
			char name[STOKER_NAME_MAX + 1];
			if (key > 0 && key < sizeof name && key < n) {
				memcpy(name, labels, key);
				name[key] = '\0';
				if (strcmp(name, after) > 0 && (!found || strcmp(name, out) < 0)) {
					snprintf(out, cap, "%s", name);
					found = true;
				}
			}
			labels += n + (labels[n] == ',');
		}
	}
	return found;
}

void groups_next(struct model *model)
{
	char label[STOKER_NAME_MAX + 1] = "";
	if (model->group_by < GROUP_BY_BACKEND) {
		model->group_by++;
		return;
	}
	if (model->group_by == GROUP_BY_BACKEND)
		model->group_label[0] = '\0';
	if (next_label(model, model->group_label, label, sizeof label)) {
		model->group_by = GROUP_BY_LABEL;
		memcpy(model->group_label, label, sizeof label);
	} else {
		model->group_by = GROUP_BY_NONE;
		model->group_label[0] = '\0';
	}
}
