/* SPDX-License-Identifier: Apache-2.0
 *
 * update_filter.c - keys while the filter line has the focus.
 */
#include <string.h>

#include "update.h"

#define ROAM_PAGE 10

static const struct stoker_vm *vm_at(const void *context, size_t i)
{
	return &((const struct model *)context)->rows[i].vm;
}

size_t filter_candidates(const struct model *model, char (*out)[FILTER_CANDIDATE_SIZE], size_t cap, size_t *from)
{
	return vm_filter_complete(model->filter.text, model->filter.at, vm_at, model, model->count, out, cap, from);
}

/* As far as all that is possible agrees; a term that is finished gets its blank. */
static void complete(struct model *model)
{
	char found[FILTER_CANDIDATES][FILTER_CANDIDATE_SIZE], text[FIELD_SIZE];
	struct field *field = &model->filter;
	size_t from, n = filter_candidates(model, found, FILTER_CANDIDATES, &from), len, i, tail = field->len - field->at;
	bool whole;

	if (n == 0)
		return;
	len = strlen(found[0]);
	for (i = 1; i < n; i++) {
		size_t k = 0;
		while (k < len && found[i][k] == found[0][k])
			k++;
		len = k;
	}
	whole = n == 1 && len > 0 && strchr(":>", found[0][len - 1]) == NULL && tail == 0;
	if (len < field->at - from || from + len + whole + tail >= sizeof text)
		return;
	memcpy(text, field->text, from);
	memcpy(text + from, found[0], len);
	if (whole)
		text[from + len] = ' ';
	memcpy(text + from + len + whole, field->text + field->at, tail + 1);
	field_set(field, text);
	field->at = from + len + whole;
}

void filter_key(struct model *model, const struct key *key)
{
	enum place_key own = keymap_at(&model->keymap, key, PLACE_LINE);

	switch ((int)own) {
	case IN_LINE_ACCEPT:
		model->filtering = false;
		return;
	case IN_LINE_LEAVE:
		model->filtering = false;
		field_set(&model->filter, "");
		break;
	case IN_LINE_UP: /* roams while the filter is still being typed */
		select_at(model, (long)model->selected_at - 1);
		return;
	case IN_LINE_DOWN:
		select_at(model, (long)model->selected_at + 1);
		return;
	case IN_LINE_PAGE_UP:
	case IN_LINE_PAGE_DOWN:
		select_at(model, (long)model->selected_at + (own == IN_LINE_PAGE_UP ? -ROAM_PAGE : ROAM_PAGE));
		return;
	case IN_LINE_COMPLETE:
		complete(model);
		break;
	default:
		if (!field_key(&model->filter, key, &model->keymap))
			return;
		break;
	}
	model_arrange(model);
}
