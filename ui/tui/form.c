/* SPDX-License-Identifier: Apache-2.0
 *
 * form.c - the form that creates a VM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/format.h"
#include "preset.h"
#include "update.h"

static const struct {
	const char *label, *unit, *choices;
	const char *offers; /* of a text: words that the arrows put there, as long as nothing else stands there */
} fields[FORM_COUNT] = {
	[FORM_PRESET] = { "Preset", "", "" },
	[FORM_NAME] = { "Name", "empty: two words are made up", NULL },
	[FORM_IMAGE] = { "Image", "", NULL },
	[FORM_VCPUS] = { "vCPUs", "", NULL },
	[FORM_MEMORY] = { "Memory", "MiB", NULL },
	[FORM_DISK] = { "Disk", "MiB", NULL },
	[FORM_DISK_MODE] = { "Disk mode", "", "isolated shared copy" },
	[FORM_BACKEND] = { "Backend", "", "auto " STOKER_BACKENDS(" ") },
	[FORM_ACCEL] = { "Acceleration", "", "auto kvm tcg" },
	[FORM_NETWORK] = { "Network", "", "auto user tap none" },
	[FORM_EGRESS] = { "Egress", "all none networks", NULL, "all none" },
	[FORM_PUBLISH] = { "Publish", "8080:80,8443:443", NULL },
	[FORM_ALLOW] = { "Allow", "guests host metadata", NULL, "guests host metadata" },
	[FORM_LABELS] = { "Labels", "key=value,...", NULL },
	[FORM_EPHEMERAL] = { "Ephemeral", "deleted when stopped", "no yes" },
	[FORM_START] = { "Start it", "", "yes no" },
};

const char *form_choices(enum form_field field)
{
	return fields[field].choices;
}

const char *form_label(enum form_field field)
{
	return fields[field].label;
}

const char *form_unit(enum form_field field)
{
	return fields[field].unit;
}

bool form_number(const char *text, unsigned *out)
{
	char *end;
	unsigned long value;
	if (*text == '\0') {
		*out = 0;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	if (value > 1u << 30)
		return false;
	if (*end == 'g' || *end == 'G') {
		if (value > 1u << 20)
			return false;
		value *= 1024;
		end++;
	} else if (*end == 'm' || *end == 'M') {
		end++;
	}
	if (*end != '\0')
		return false;
	*out = (unsigned)value;
	return true;
}

static const char *text_or_null(const char *text)
{
	return *text != '\0' ? text : NULL;
}

/* NULL with the form's message set when a number is none. */
static struct form_spec *specification(struct model *model)
{
	struct form *form = &model->form;
	struct form_spec *spec = calloc(1, sizeof *spec);
	unsigned *numbers[3];
	int i;

	if (spec == NULL)
		return NULL;
	numbers[0] = &spec->spec.vcpus;
	numbers[1] = &spec->spec.memory_mib;
	numbers[2] = &spec->spec.disk_mib;
	for (i = 0; i < 3; i++) {
		if (!form_number(form->fields[FORM_VCPUS + i].text, numbers[i])) {
			snprintf(form->message, sizeof form->message, "%s: %.40s is not a whole number",
			         fields[FORM_VCPUS + i].label, form->fields[FORM_VCPUS + i].text);
			form->wrong = true;
			form->checking = false;
			free(spec);
			return NULL;
		}
	}
	for (i = 0; i < FORM_COUNT; i++)
		memcpy(spec->text[i], form->fields[i].text, sizeof spec->text[i]);
	spec->spec.name = text_or_null(spec->text[FORM_NAME]);
	spec->spec.image = text_or_null(spec->text[FORM_IMAGE]);
	spec->spec.disk_mode = text_or_null(spec->text[FORM_DISK_MODE]);
	spec->spec.backend = text_or_null(spec->text[FORM_BACKEND]);
	spec->spec.accel = text_or_null(spec->text[FORM_ACCEL]);
	spec->spec.network = text_or_null(spec->text[FORM_NETWORK]);
	spec->spec.egress = text_or_null(spec->text[FORM_EGRESS]);
	spec->spec.publish = text_or_null(spec->text[FORM_PUBLISH]);
	spec->spec.allow = text_or_null(spec->text[FORM_ALLOW]);
	spec->spec.labels = text_or_null(spec->text[FORM_LABELS]);
	spec->spec.ephemeral = strcmp(spec->text[FORM_EPHEMERAL], "yes") == 0;
	spec->start = strcmp(spec->text[FORM_START], "no") != 0;
	return spec;
}

static void check(struct model *model, struct effects *effects)
{
	struct effect *effect;
	struct form_spec *spec;

	model->form.generation++;
	spec = specification(model);
	if (spec == NULL)
		return;
	model->form.checking = true;
	effect = effect_add(effects, EFFECT_CHECK);
	effect->spec = spec;
	effect->generation = model->form.generation;
}

static void fill(const struct model *model, struct field *to)
{
	int i;
	for (i = 0; i < FORM_COUNT; i++) {
		if (i != FORM_NAME)
			to[i] = model->defaults[i];
	}
	field_set(&to[FORM_PRESET], "none");
}

/* What the preset does not say is as it would be without one; the name stays. */
static void take_preset(struct model *model)
{
	struct form *form = &model->form;
	const char *name, *text;
	char chosen[64];
	size_t i;

	snprintf(chosen, sizeof chosen, "%.60s", form->fields[FORM_PRESET].text);
	fill(model, form->fields);
	form->like[0] = '\0';
	field_set(&form->fields[FORM_PRESET], chosen);
	for (i = 0; preset_at(model, i, &name, &text); i++) {
		if (strcmp(name, chosen) != 0)
			continue;
		if (!preset_apply(form->fields, text, form->message, sizeof form->message))
			say(model, MESSAGE_BAD, "preset %s: %s", name, form->message);
		break;
	}
}

static void focus(struct form *form, int field)
{
	form->focus = (field + FORM_COUNT) % FORM_COUNT;
	form->edited = false;
}

static void show(struct model *model, struct effects *effects)
{
	struct form *form = &model->form;
	focus(form, FORM_NAME);
	form->wrong = false;
	form->message[0] = '\0';
	model->dialog = DIALOG_CREATE;
	check(model, effects);
}

void form_again(struct model *model, struct effects *effects)
{
	model->form.wrong = false;
	model->form.message[0] = '\0';
	model->dialog = DIALOG_CREATE;
	check(model, effects);
}

void form_open(struct model *model, struct effects *effects)
{
	fill(model, model->form.fields);
	model->form.like[0] = '\0';
	model->form.fields[FORM_NAME] = model->defaults[FORM_NAME];
	show(model, effects);
}

void form_fill_like(const struct model *model, const struct stoker_vm *vm, struct field *to)
{
	char number[24];

	fill(model, to);
	field_set(&to[FORM_NAME], "");
	field_set(&to[FORM_IMAGE], vm->image);
	snprintf(number, sizeof number, "%u", vm->vcpus);
	field_set(&to[FORM_VCPUS], number);
	snprintf(number, sizeof number, "%u", vm->memory_mib);
	field_set(&to[FORM_MEMORY], number);
	snprintf(number, sizeof number, "%u", vm->disk_mib);
	if (vm->disk_mib > 0)
		field_set(&to[FORM_DISK], number);
	field_set(&to[FORM_DISK_MODE], stoker_disk_mode_name(vm->disk_mode));
	field_set(&to[FORM_BACKEND], vm->backend);
	field_set(&to[FORM_ACCEL], vm->accel);
	field_set(&to[FORM_NETWORK], stoker_network_name(vm->network));
	field_set(&to[FORM_EGRESS], vm->egress);
	field_set(&to[FORM_PUBLISH], ""); /* a port leads into one VM */
	field_set(&to[FORM_ALLOW], vm->allow);
	field_set(&to[FORM_LABELS], vm->labels);
	field_set(&to[FORM_EPHEMERAL], vm->ephemeral ? "yes" : "no");
}

void form_clone(struct model *model, const struct row *row, struct effects *effects)
{
	form_fill_like(model, &row->vm, model->form.fields);
	snprintf(model->form.like, sizeof model->form.like, "%s", row->vm.name);
	show(model, effects);
}

void form_checked(struct model *model, const struct event *event)
{
	struct form *form = &model->form;
	if (!dialog_is_open(model, DIALOG_CREATE) || event->generation != form->generation)
		return;
	form->checking = false;
	form->wrong = event->failed;
	form->message[0] = '\0';
	if (event->failed)
		format_reason(form->message, sizeof form->message, &event->error);
}

/* The choice after (or before) the present one, among words. */
static void turn(struct field *field, const char *choices, int step)
{
	char word[16][64];
	int count = 0, at = 0;
	while (*choices != '\0' && count < 16) {
		size_t n = strcspn(choices, " ");
		if (n > 0 && n < sizeof word[0]) {
			memcpy(word[count], choices, n);
			word[count][n] = '\0';
			if (strcmp(word[count], field->text) == 0)
				at = count;
			count++;
		}
		choices += n + (choices[n] == ' ');
	}
	if (count > 0)
		field_set(field, word[(at + step + count) % count]);
}

static void submit(struct model *model, struct effects *effects)
{
	struct form_spec *spec;
	struct effect *effect;
	const char *name = model->form.fields[FORM_NAME].text;

	if (model->form.wrong && !model->form.checking)
		return; /* the message says what to mend */
	spec = specification(model);
	if (spec == NULL)
		return;
	model->dialog = DIALOG_NONE;
	if (strlen(name) <= STOKER_NAME_MAX)
		memcpy(model->select_name, name, strlen(name) + 1);
	effect = effect_add(effects, EFFECT_CREATE);
	effect->spec = spec;
	effect->op = op_begin(model, ACTION_CREATE, "", name);
}

static const char *choices_of(const struct model *model, int field)
{
	return field == FORM_PRESET ? model->presets : fields[field].choices;
}

/* Who types into a field with one value means another value, not more digits behind the standard; a list goes on. */
static bool takes_place(const struct form *form, const struct key *key)
{
	static const bool lists[FORM_COUNT] = { [FORM_EGRESS] = true, [FORM_PUBLISH] = true, [FORM_ALLOW] = true, [FORM_LABELS] = true };

	return !form->edited && !lists[form->focus] &&
	       (key->kind == KEY_KIND_PASTE || (key->kind == KEY_KIND_CHAR && key->mods == 0 && key->ch > ' '));
}

void form_click(struct model *model, int field, int cols, int col)
{
	focus(&model->form, field);
	model->form.edited = col >= 0; /* there the cursor is now, and not behind the standard */
	if (col >= 0 && choices_of(model, field) == NULL)
		field_click(&model->form.fields[field], cols, col);
}

void form_choose(struct model *model, int field, int which, struct effects *effects)
{
	const char *word = choices_of(model, field);
	char chosen[64];

	focus(&model->form, field);
	while (word != NULL && which-- > 0) {
		word += strcspn(word, " ");
		word += *word == ' ';
	}
	if (word == NULL || *word == '\0')
		return;
	snprintf(chosen, sizeof chosen, "%.*s", (int)strcspn(word, " "), word);
	field_set(&model->form.fields[field], chosen);
	if (field == FORM_PRESET)
		take_preset(model);
	check(model, effects);
}

/* Nothing, or one of these words: what may be replaced without a loss. */
static bool is_offer(const char *offers, const char *text)
{
	size_t len = strlen(text);
	const char *at = len > 0 ? strstr(offers, text) : NULL;
	return len == 0 || (at != NULL && (at == offers || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'));
}

/* Of the words offered for a text: those keys turn them, the first digit of a network takes their place. */
static const char *offered(const struct model *model, struct field *field, const struct key *key, enum place_key turned)
{
	const char *offers = fields[model->form.focus].offers;

	if (model->form.focus == FORM_IMAGE)
		return key->kind == KEY_KIND_SPECIAL && turned != IN_NONE && model->images[0] != '\0' && field->at == field->len ? model->images : NULL;
	if (offers == NULL || !is_offer(offers, field->text))
		return NULL;
	if (model->form.focus == FORM_EGRESS && key->kind == KEY_KIND_CHAR && key->ch >= '0' && key->ch <= '9')
		field_set(field, "");
	return turned != IN_NONE ? offers : NULL;
}

static void edit(struct model *model, struct field *field, const struct key *key)
{
	if (takes_place(&model->form, key))
		field_set(field, "");
	model->form.edited = true;
	field_key(field, key, &model->keymap);
}

void form_key(struct model *model, const struct key *key, struct effects *effects)
{
	struct form *form = &model->form;
	struct field *field = &form->fields[form->focus], before = *field;
	const char *choices = choices_of(model, form->focus);
	enum place_key turned = keymap_at(&model->keymap, key, PLACE_CHOICE);

	if (choices == NULL)
		choices = offered(model, field, key, turned);
	if (choices == NULL || turned == IN_NONE) {
		switch ((int)keymap_at(&model->keymap, key, PLACE_FORM)) {
		case IN_FORM_NEXT: focus(form, form->focus + 1); return;
		case IN_FORM_PREVIOUS: focus(form, form->focus - 1); return;
		default: break;
		}
		switch ((int)keymap_at(&model->keymap, key, PLACE_LINE)) {
		case IN_LINE_LEAVE: model->dialog = DIALOG_NONE; return;
		case IN_LINE_ACCEPT: submit(model, effects); return;
		default: break;
		}
	}
	if (choices == NULL)
		edit(model, field, key);
	else if (turned != IN_NONE)
		turn(field, choices, turned == IN_FORM_TURN_BACK ? -1 : 1);
	if (strcmp(before.text, field->text) == 0)
		return;
	if (form->focus == FORM_PRESET)
		take_preset(model);
	check(model, effects);
}
