/* SPDX-License-Identifier: Apache-2.0
 *
 * ui_story.h - the fixture's fleet in a model, before each story.
 */
#ifndef STOKER_TESTS_UI_STORY_H
#define STOKER_TESTS_UI_STORY_H

#include "ui_fixture.h"


struct story {
	struct model *model;
	struct effects effects;
	struct stoker_vm vms[8];
	size_t count;
};

static inline int begin(void **state)
{
	struct story *s = calloc(1, sizeof *s);
	s->model = model_new(40, 120);
	s->count = fixture_fleet(s->vms);
	fixture_list(s->model, s->vms, s->count, &s->effects);
	*state = s;
	return 0;
}

static inline int end(void **state)
{
	struct story *s = *state;
	effects_free(&s->effects);
	model_free(s->model);
	free(s);
	return 0;
}

static inline size_t count_of(const struct effects *effects, enum effect_kind kind)
{
	size_t i, n = 0;
	for (i = 0; i < effects->count; i++)
		n += effects->items[i].kind == kind;
	return n;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
