/* SPDX-License-Identifier: Apache-2.0
 *
 * plain_line.c - what a typed line does: "ACTION [VM...] [TEXT]", for every
 * action of the table but those that mean something in a picture only.
 */
#include "plain_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "update.h"

static const struct {
	enum action_id action;
	const char *why;
} pictures[] = {
	{ ACTION_UP, "name the VM instead" },
	{ ACTION_DOWN, "name the VM instead" },
	{ ACTION_PAGE_UP, "the list is told whole" },
	{ ACTION_PAGE_DOWN, "the list is told whole" },
	{ ACTION_FIRST, "name the VM instead" },
	{ ACTION_LAST, "name the VM instead" },
	{ ACTION_COLUMNS, "lines have no columns" },
	{ ACTION_FOLD, "the list is told whole; list and words tell a part of it" },
	{ ACTION_ONLY_THIS, "type: events VM" },
	{ ACTION_PALETTE, "type help" },
	{ ACTION_NEXT_FOCUS, "a shell has the whole terminal here" },
	{ ACTION_FULL, "a shell has the whole terminal here" },
	{ ACTION_SCROLL, "the terminal itself scrolls back" },
	{ ACTION_DETACH, "a shell has the whole terminal here" },
	{ ACTION_NEXT_PANE, "a shell has the whole terminal here" },
	{ ACTION_SPLIT, "a shell has the whole terminal here" },
	{ ACTION_STACK, "a shell has the whole terminal here" },
	{ ACTION_OTHER_PANE, "a shell has the whole terminal here" },
	{ ACTION_BROADCAST, "type: run VM... COMMAND" },
	{ ACTION_LOG_SESSION, "script(1) around stoker shell does that" },
	{ ACTION_CLOSE, "a shell ends when it is left" },
};

const char *plain_why_not(enum action_id action)
{
	size_t i;
	for (i = 0; i < sizeof pictures / sizeof *pictures; i++) {
		if (pictures[i].action == action)
			return pictures[i].why;
	}
	return NULL;
}

const char *plain_to_run(struct plain *plain, const char **name)
{
	const char *verb = plain->run;
	plain->run = NULL;
	*name = plain->run_name;
	return verb;
}

/* Marks are taken for the shown ones or from the marked ones; everything else that is for a VM wants its name. */
static bool needs_name(const struct action *action)
{
	return (action->flags & ACT_VM) && action->id != ACTION_MARK_ALL && action->id != ACTION_INVERT;
}

/* What can stand behind an action, for the help. */
static const char *operands(const struct action *action)
{
	switch (action->id) {
	case ACTION_CREATE:
		return " [NAME]";
	case ACTION_CLONE:
		return " VM [NAME]";
	case ACTION_RUN:
		return " VM... COMMAND";
	case ACTION_RESIZE:
		return " VM... SIZE";
	case ACTION_FILTER:
		return " WORDS";
	case ACTION_SAVE_FILTER:
		return " NAME";
	case ACTION_PHASES:
	case ACTION_GRAPHS:
	case ACTION_FLEET:
	case ACTION_EVENTS:
	case ACTION_RETRY:
	case ACTION_CANCEL:
		return " [VM]";
	default:
		return !needs_name(action) ? "" : action->flags & ACT_MANY ? " VM..." : " VM";
	}
}

static void help(struct plain *plain, const struct model *model)
{
	int i;
	plain_tell(plain, "list: all VMs. list WORDS: those that fit a filter.");
	for (i = 0; i < ACTION_COUNT; i++) {
		const struct action *action = action_at((enum action_id)i);
		if (plain_why_not(action->id) == NULL)
			plain_tell(plain, "%s%s: %s.", action->name, operands(action),
			           model->read_only && (action->flags & ACT_CHANGES) ? "not in a read-only dashboard" : action->help);
	}
	plain_tell(plain, "VM...: several names, or none for all that are marked.");
}

/* ----------------------------------------------------------- answers to dialogs */

/* "memory 256", "Disk mode copy": the field and what it is to be. */
static bool set_field(struct plain *plain, struct model *model, const char *line, struct effects *effects)
{
	int found = -1, i, at;
	size_t len = 0;
	const char *value, *choices;

	for (i = 0; i < FORM_COUNT; i++) {
		size_t n = strlen(form_label((enum form_field)i));
		if (n > len && strncasecmp(line, form_label((enum form_field)i), n) == 0 && (line[n] == ' ' || line[n] == '\0')) {
			found = i;
			len = n;
		}
	}
	if (found < 0)
		return false;
	value = line + len + strspn(line + len, " ");
	choices = found == FORM_PRESET ? model->presets : form_choices((enum form_field)found);
	if (choices == NULL) {
		struct key key = { .kind = KEY_KIND_PASTE, .paste = value, .paste_len = strlen(value) };
		model->form.focus = found;
		key_bound(model, IN_LINE_END, effects);
		key_bound(model, IN_LINE_ERASE_START, effects);
		key_take(model, &key, effects);
		return true;
	}
	for (at = 0; *choices != '\0'; at++) {
		size_t n = strcspn(choices, " ");
		if (n == strlen(value) && strncmp(choices, value, n) == 0) {
			form_choose(model, found, at, effects);
			return true;
		}
		choices += n + (choices[n] == ' ');
	}
	plain_tell(plain, "%s is one of: %s", form_label((enum form_field)found),
	           found == FORM_PRESET ? model->presets : form_choices((enum form_field)found));
	return true;
}

/* "2" leaves the second item out or takes it in; "other 2": what else can be done with it. */
static bool choose_item(struct plain *plain, struct model *model, const char *line, struct effects *effects)
{
	bool other = strncmp(line, "other ", 6) == 0;
	char *end;
	unsigned long item = strtoul(other ? line + 6 : line, &end, 10);

	if (model->plan.state != PLAN_READY || *end != '\0' || end == line || item < 1 || item > model->plan.count)
		return false;
	model->plan.cursor = (int)item - 1;
	key_bound(model, other ? IN_PLAN_OTHER : IN_PLAN_TAKE, effects);
	plain_plan(plain, &model->plan);
	return true;
}

/* A line while something is asked; false when it is a command after all, which says no. */
static bool answer(struct plain *plain, struct model *model, const char *line, struct effects *effects)
{
	bool yes = strcasecmp(line, "yes") == 0, no = strcasecmp(line, "no") == 0;

	if (model->asking != ASK_NOTHING) {
		field_set(&model->answer, line);
		key_bound(model, IN_LINE_ACCEPT, effects);
		return true;
	}
	if (model->dialog == DIALOG_NONE || *line == '\0')
		return model->dialog != DIALOG_NONE;
	if (model->dialog == DIALOG_RECONCILE && choose_item(plain, model, line, effects))
		return true;
	if (model->dialog == DIALOG_CREATE && !yes && !no) {
		if (!set_field(plain, model, line, effects))
			plain_tell(plain, "Type a field and what it is to be, yes to create it, no to leave it.");
		return true;
	}
	if (model->dialog == DIALOG_CREATE)
		key_bound(model, yes ? IN_LINE_ACCEPT : IN_LINE_LEAVE, effects);
	else if (!yes)
		key_bound(model, IN_DIALOG_LEAVE, effects);
	else
		key_bound(model, model->dialog == DIALOG_CONFIRM ? IN_CONFIRM_YES /* whatever has the focus */ : IN_DIALOG_ACCEPT, effects);
	return yes || no;
}

/* ------------------------------------------------------------- the line itself */

static struct row *named(struct model *model, const char *text, size_t len)
{
	size_t i;
	for (i = 0; i < model->count; i++) {
		if (strlen(model->rows[i].vm.name) == len && strncmp(model->rows[i].vm.name, text, len) == 0)
			return &model->rows[i];
	}
	return NULL;
}

static void select_row(struct model *model, const struct row *row)
{
	memcpy(model->selected, row->vm.id, sizeof model->selected);
	model->on_group = false;
	field_set(&model->filter, "");
	model_arrange(model);
}

/* Takes the VMs that the words begin with: one is selected, several are marked. What is behind them comes back. */
static const char *take_names(struct model *model, const struct action *action, const char *words, size_t *count)
{
	struct row *row;
	size_t n;

	*count = 0;
	while ((n = strcspn(words, " ")) > 0 && (*count == 0 || (action->flags & ACT_MANY)) &&
	       (row = named(model, words, n)) != NULL) {
		if (*count == 0) {
			select_row(model, row);
			if (action->flags & ACT_MANY)
				unmark(model); /* it is for these and for no others */
		} else {
			model_row(model, model->selected)->marked = row->marked = true;
		}
		++*count;
		words += n + strspn(words + n, " ");
	}
	if (words[0] == '-' && words[1] == '-' && (words[2] == ' ' || words[2] == '\0'))
		words += 2 + strspn(words + 2, " ");
	model_arrange(model); /* counts the marks */
	return words;
}

static bool takes_text(enum action_id action)
{
	return action == ACTION_CREATE || action == ACTION_CLONE || action == ACTION_RUN || action == ACTION_RESIZE ||
	       action == ACTION_SAVE_FILTER || action == ACTION_FILTER;
}

/* The line of the operations that is meant: the newest that can be, of this VM when it is named. */
static void find_operation(struct model *model, enum action_id action, bool of_one)
{
	int i;
	model->panel = PANEL_OPERATIONS;
	model->panel_at = action == ACTION_RETRY ? (int)model->op_count : 0;
	for (i = 0; i < panel_lines(model); i++) {
		const struct op_ended *ended = panel_ended(model, i);
		const struct op *op = ended != NULL ? &ended->op : panel_op(model, i);
		bool can = action == ACTION_RETRY ? ended != NULL && ended->result != OP_DONE : ended == NULL;
		if (can && (!of_one || strcmp(op->vm_id, model->selected) == 0)) {
			model->panel_at = i;
			return;
		}
	}
}

static bool begin(struct plain *plain, struct model *model, enum action_id action, size_t names, const char *text)
{
	switch (action) {
	case ACTION_HELP:
		help(plain, model);
		return false;
	case ACTION_FILTER:
		field_set(&model->filter, text);
		model_arrange(model);
		plain_list(plain, model);
		return false;
	case ACTION_SHELL:
	case ACTION_LOGS:
		if (action_disabled(action, model) != NULL)
			return true; /* which is said */
		plain->run = action_at(action)->name;
		snprintf(plain->run_name, sizeof plain->run_name, "%s", model_selected(model)->vm.name);
		return false;
	case ACTION_PHASES:
	case ACTION_GRAPHS:
	case ACTION_FLEET:
	case ACTION_OPERATIONS:
	case ACTION_EVENTS:
		/* The same key again would close it. */
		model->panel = PANEL_NONE;
		model->panel_focus = false;
		model->events_of_one = names > 0;
		model->spread_known = false;
		return true;
	case ACTION_RETRY:
	case ACTION_CANCEL:
		find_operation(model, action, names > 0);
		return true;
	default:
		return true;
	}
}

/* What the action left open: a question, a form, a view. */
static void settle(struct plain *plain, struct model *model, enum action_id action, const char *text, struct effects *effects)
{
	static const char *const questions[] = { [ASK_COMMAND] = "Which command?", [ASK_FILTER_NAME] = "Under which name?",
		                                 [ASK_DISK] = "Which size, in MiB or with a G behind it?" };
	if (model->asking != ASK_NOTHING) {
		field_set(&model->answer, text);
		if (*text != '\0')
			key_bound(model, IN_LINE_ACCEPT, effects);
		else
			plain_tell(plain, "%s Type it, or an empty line to leave it.", questions[model->asking]);
	} else if (model->dialog == DIALOG_CREATE && *text != '\0') {
		struct key name = { .kind = KEY_KIND_PASTE, .paste = text, .paste_len = strlen(text) };
		field_set(&model->form.fields[FORM_NAME], "");
		key_take(model, &name, effects);
		key_bound(model, IN_LINE_ACCEPT, effects);
	} else if (model->panel != PANEL_NONE) {
		if (action != ACTION_RETRY && action != ACTION_CANCEL)
			plain->panel = model->panel;
		else
			model->panel = PANEL_NONE;
	}
	if (action == ACTION_SORT || action == ACTION_REVERSE || action == ACTION_GROUP)
		plain_list(plain, model);
}

static void obey(struct plain *plain, struct model *model, const char *verb, const char *words, struct effects *effects)
{
	enum action_id id = strcmp(verb, "list") == 0 ? ACTION_FILTER : action_of_name(verb);
	const struct action *action = action_at(id);
	size_t names, marked = model->marked;

	if (action == NULL) {
		plain_tell(plain, "%.60s is nothing that can be done here. Type help.", verb);
		return;
	}
	if (plain_why_not(id) != NULL) {
		plain_tell(plain, "%s is for the picture: %s.", action->name, plain_why_not(id));
		return;
	}
	plain->panel = model->panel = PANEL_NONE;
	if (id == ACTION_CREATE || id == ACTION_FILTER || id == ACTION_SAVE_FILTER)
		names = 0; /* its words are no VMs */
	else
		words = take_names(model, action, words, &names);
	if (*words != '\0' && !takes_text(id)) {
		plain_tell(plain, "there is no VM %.60s", words);
		return;
	}
	if (needs_name(action) && names == 0 && !((action->flags & ACT_MANY) && model->marked > 0)) {
		if (*words != '\0')
			plain_tell(plain, "there is no VM %.*s", (int)strcspn(words, " ") > 60 ? 60 : (int)strcspn(words, " "), words);
		else
			plain_tell(plain, "Which VM? Type: %s%s", action->name, operands(action));
		return;
	}
	if (!begin(plain, model, id, names, words))
		return;
	update_act(model, id, effects);
	settle(plain, model, id, words, effects);
	if (model->marked != marked && model->dialog != DIALOG_CONFIRM)
		plain_tell(plain, "%zu marked", model->marked);
}

void plain_line(struct plain *plain, struct model *model, const char *line, struct effects *effects)
{
	char text[PLAIN_IN], *verb = text, *words;
	struct effect *look;
	size_t len;

	snprintf(text, sizeof text, "%s", line);
	verb += strspn(verb, " \t");
	for (len = strlen(verb); len > 0 && isspace((unsigned char)verb[len - 1]); len--)
		verb[len - 1] = '\0';
	model->message[0] = plain->message[0] = '\0'; /* what is said twice is told twice */
	if (!answer(plain, model, verb, effects) && *verb != '\0') {
		words = verb + strcspn(verb, " \t");
		if (*words != '\0')
			*words++ = '\0';
		words += strspn(words, " \t");
		obey(plain, model, verb, words, effects);
	}
	if (model->dialog == DIALOG_FANOUT) { /* it is told when all have answered */
		model->dialog = DIALOG_NONE;
		plain->answers = true;
	}
	/* What is told of belongs to the VM that was named. */
	look = effect_add(effects, EFFECT_LOOK);
	look->force = plain->panel == PANEL_FLEET;
	memcpy(look->id, model->selected, sizeof look->id);
}
