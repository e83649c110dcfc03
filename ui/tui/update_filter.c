/* SPDX-License-Identifier: Apache-2.0
 *
 * update_filter.c - keys while the filter line has the focus.
 */
#include <string.h>

#include "update.h"

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
	if (key->kind == KEY_KIND_SPECIAL && key->special == SK_ENTER) {
		model->filtering = false;
		return;
	}
	if ((key->kind == KEY_KIND_SPECIAL && key->special == SK_ESCAPE) ||
	    (key->kind == KEY_KIND_CHAR && key->ch == 'c' && key->mods == MOD_CTRL)) {
		model->filtering = false;
		field_set(&model->filter, "");
	} else if (key->kind == KEY_KIND_SPECIAL && (key->special == SK_UP || key->special == SK_DOWN)) {
		/* Roams while the filter is still being typed. */
		select_at(model, (long)model->selected_at + (key->special == SK_UP ? -1 : 1));
		return;
	} else if (key->kind == KEY_KIND_SPECIAL && key->special == SK_TAB) {
		complete(model);
	} else if (!field_key(&model->filter, key)) {
		return;
	}
	model_arrange(model);
}
