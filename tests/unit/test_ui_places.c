/* SPDX-License-Identifier: Apache-2.0
 *
 * Every key of every place: it does something there, does the same from
 * another key, and is named on the screen by the key that it has now.
 */
#include "ui_fleet.h"

#include "tui/update.h"

/* A scene in which each key of the place, or that one of it, has something to do. `before` and `after` are keys: "{name}"
 * is the standard one of that row. */
static const struct scene {
	enum place_key row; /* IN_NONE: all of the place that have no scene of their own */
	enum key_place place;
	int view; /* -1: a shell; -2: one in which somebody reads back */
	const char *before, *after;
} scenes[] = {
	{ IN_NONE, PLACE_LIST, VIEW_PHASES, " ", "" },
	{ IN_NONE, PLACE_PANEL, VIEW_EVENTS, "jjj", "" },
	{ IN_NONE, PLACE_DIALOG, VIEW_CONFIRM, "", "" },
	{ IN_NONE, PLACE_COMMAND, VIEW_CONFIRM, "", "" },
	{ IN_NONE, PLACE_CONFIRM, VIEW_CONFIRM, "", "" },
	{ IN_NONE, PLACE_PLAN, VIEW_PLAN, "", "" },
	{ IN_NONE, PLACE_COLUMNS, VIEW_COLUMNS, "", "" },
	{ IN_NONE, PLACE_ANSWERS, VIEW_ANSWERS, "", "" },
	{ IN_ANSWERS_GIVE_UP, PLACE_ANSWERS, VIEW_ANSWERS, "{answers-again}", "" },
	{ IN_NONE, PLACE_COMMANDS, VIEW_COMMANDS, "", "" },
	{ IN_NONE, PLACE_TEXT, VIEW_LOG, "{text-first}{text-page-down}{text-page-down}{text-right}{text-right}", "" },
	{ IN_TEXT_NEXT, PLACE_TEXT, VIEW_LOG, "/EXT4{line-accept}{text-next}{text-next}", "" },
	{ IN_TEXT_PREVIOUS, PLACE_TEXT, VIEW_LOG, "/EXT4{line-accept}{text-next}{text-next}{text-next}", "" },
	{ IN_NONE, PLACE_CONSOLE, VIEW_LOG, "{text-first}", "" },
	{ IN_NONE, PLACE_COPY, -2, "{text-up}", "" },
	{ IN_NONE, PLACE_SELECT, -2, "{text-up}{copy-select}{text-right}{text-up}", "" },
	{ IN_COPY_OTHER_END, PLACE_SELECT, -2, "{text-up}{copy-select}{text-right}{text-up}", "{text-up}" },
	{ IN_NONE, PLACE_SHELL, -1, "", "" },
	{ IN_SHELL_PAGE_DOWN, PLACE_SHELL, -1, "{shell-page-up}", "" },
	{ IN_NONE, PLACE_ENDED, VIEW_ENDED, "", "" },
	{ IN_NONE, PLACE_FORM, VIEW_FORM, "", "" },
	{ IN_NONE, PLACE_CHOICE, VIEW_FORM, "{form-next}{form-next}{form-next}{form-next}{form-next}", "" },
	{ IN_NONE, PLACE_LINE, VIEW_FILTER, "", "" },
	{ IN_LINE_UP, PLACE_LINE, VIEW_FILTER, "{line-down}{line-down}", "" },
	{ IN_LINE_PAGE_UP, PLACE_LINE, VIEW_FILTER, "{line-page-down}", "" },
	{ IN_LINE_RIGHT, PLACE_LINE, VIEW_FILTER, "{line-start}", "" },
	{ IN_LINE_END, PLACE_LINE, VIEW_FILTER, "{line-start}", "" },
	{ IN_LINE_DELETE, PLACE_LINE, VIEW_FILTER, "{line-start}", "" },
	{ IN_LINE_ERASE_END, PLACE_LINE, VIEW_FILTER, "{line-start}", "" },
};

static const struct scene *scene_of(int row)
{
	const struct scene *found = NULL;
	struct keymap map;
	struct key key;
	size_t i;

	keymap_standard(&map);
	key = binding_key(keymap_first(&map, row));
	for (i = 0; i < sizeof scenes / sizeof *scenes; i++) {
		if (scenes[i].row == (enum place_key)row)
			return &scenes[i];
		if (scenes[i].row == IN_NONE && keymap_at(&map, &key, scenes[i].place) == (enum place_key)row)
			found = &scenes[i];
	}
	return found;
}

/* As the loop does it: what the model gives to the pane, and what the pane gives back. */
static void press(struct model *model, struct key key, struct effects *effects)
{
	struct event event;
	size_t i = effects->count;

	fixture_event(&event, EVENT_KEY);
	event.key = key;
	fixture_send(model, &event, effects);
	for (; i < effects->count; i++) {
		struct effect *effect = &effects->items[i];
		if (effect->kind != EFFECT_PANE_KEY || effect->pane->ops->key(effect->pane, &effect->key, &model->keymap))
			continue;
		fixture_event(&event, EVENT_PANE_REFUSED_KEY);
		event.key = effect->key;
		fixture_send(model, &event, effects);
	}
}

static void keys(struct model *model, const char *text, struct effects *effects)
{
	struct keymap map;
	keymap_standard(&map);
	while (*text != '\0') {
		struct key key = { .kind = KEY_KIND_CHAR, .ch = (unsigned char)*text };
		if (*text == '{') {
			char name[32];
			size_t n = strcspn(text + 1, "}");
			snprintf(name, sizeof name, "%.*s", (int)n, text + 1);
			assert_true(keymap_row(name) >= 0);
			key = binding_key(keymap_first(&map, keymap_row(name)));
			text += n + 1;
		}
		press(model, key, effects);
		text++;
	}
}

/* All that can be seen of what happened: the frame, its looks, the cursor, what was asked of the loop. */
static char *seen(struct model *model, const struct effects *effects)
{
	struct screen *screen = screen_new(model->rows_size, model->cols_size);
	char *frame, *all;
	int row, col;
	size_t i, len, cap;

	assert_non_null(screen);
	view_draw(model, screen);
	frame = screen_text(screen);
	screen_get_cursor(screen, &row, &col);
	cap = strlen(frame) + 64 + effects->count * 8;
	all = malloc(cap);
	assert_non_null(all);
	len = (size_t)snprintf(all, cap, "%s%llx %d %d ", frame, (unsigned long long)looks_of(screen), row, col);
	for (i = 0; i < effects->count; i++) {
		if (effects->items[i].kind != EFFECT_PANE_KEY)
			len += (size_t)snprintf(all + len, cap - len, "%d ", (int)effects->items[i].kind);
	}
	free(frame);
	screen_free(screen);
	return all;
}

/* The scene, `row` done by `key` (or not, when it is NULL) under `map`, and what is seen then. */
static char *played(const struct scene *scene, const struct keymap *map, const struct binding *key)
{
	struct effects effects = { 0 };
	struct model *model = fleet(50, &effects);
	char *after;
	size_t i;

	if (scene->view == -1)
		real_shell(model, false, &effects);
	else if (scene->view == -2)
		read_back(model, "", &effects);
	else
		show(model, scene->view, &effects);
	if (model->plan.count > 0)
		model->plan.items[0].finding.alternative = STOKER_REPAIR_REMOVE;
	free(seen(model, &effects)); /* a pane has its size from being drawn */
	keys(model, scene->before, &effects);
	free(seen(model, &effects));
	if (key != NULL) {
		model->keymap = *map;
		press(model, binding_key(key), &effects);
		keymap_standard(&model->keymap);
	}
	keys(model, scene->after, &effects);
	after = seen(model, &effects);
	for (i = 0; i < effects.count; i++) {
		if (effects.items[i].kind == EFFECT_PANE_FREE)
			effects.items[i].pane->ops->free(effects.items[i].pane);
	}
	effects_free(&effects);
	model_free(model);
	return after;
}

static void each_does_it(void **state)
{
	struct keymap standard, other;
	struct binding f12;
	char why[200];
	int row, k;
	(void)state;

	keymap_standard(&standard);
	assert_true(binding_read(&f12, "F12"));
	for (row = IN_NONE + 1; row < KEYMAP_ROWS; row++) {
		const struct scene *scene = scene_of(row);
		char *without, *with, *again;

		if (scene == NULL)
			fail_msg("%s has no scene", keymap_row_name(row));
		without = played(scene, &standard, NULL);
		with = played(scene, &standard, keymap_first(&standard, row));
		if (strcmp(without, with) == 0)
			fail_msg("%s does nothing:\n%s", keymap_row_name(row), with);
		for (k = 1; k < KEYS_EACH && (standard.keys[row][k].ch != 0 || standard.keys[row][k].special != SK_NONE); k++) {
			again = played(scene, &standard, &standard.keys[row][k]);
			if (strcmp(again, with) != 0)
				fail_msg("%s: key %d does something else:\n%s\n%s", keymap_row_name(row), k, with, again);
			free(again);
		}
		other = standard;
		assert_true(keymap_set(&other, keymap_row_name(row), "F12", why, sizeof why));
		again = played(scene, &other, &f12);
		if (strcmp(again, with) != 0)
			fail_msg("%s: F12 does something else:\n%s\n%s", keymap_row_name(row), with, again);
		free(again);
		free(without);
		free(with);
	}
}

/* With every key on another one, no view names a standard one. */
static void views_name_what_is_bound(void **state)
{
	struct effects effects = { 0 };
	int view, row;
	(void)state;

	for (view = 0; view < VIEWS; view++) {
		struct model *model = fleet(50, &effects);
		char *text, *brace;
		show(model, view, &effects);
		text = draw(model, NULL);
		brace = strchr(text, '{'); /* of a name that is none */
		if (brace != NULL)
			fail_msg("view %d names no key: %.40s", view, brace);
		free(text);
		for (row = 0; row < KEYMAP_ROWS; row++)
			memset(model->keymap.keys[row], 0, sizeof model->keymap.keys[row]);
		for (row = IN_NONE + 1; row < KEYMAP_ROWS; row++)
			model->keymap.keys[row][0] = (struct binding){ SK_F12, 0, 0 };
		model->message[0] = '\0';
		if (view == VIEW_COMMANDS)
			commands_open(model); /* a page that is written when it is opened */
		text = draw(model, NULL);
		if (strstr(text, " Esc ") != NULL || strstr(text, " Enter ") != NULL || strstr(text, " Ctrl-Y ") != NULL ||
		    strstr(text, " PgUp ") != NULL)
			fail_msg("view %d names a key that does nothing:\n%s", view, text);
		free(text);
		effects_clear(&effects);
		model_free(model);
	}
	effects_free(&effects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_does_it),
		cmocka_unit_test(views_name_what_is_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
