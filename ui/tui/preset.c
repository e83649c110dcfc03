/* SPDX-License-Identifier: Apache-2.0
 *
 * preset.c - see preset.h.
 */
#include "preset.h"

#include <stdio.h>
#include <string.h>

#include "update.h"

static const struct {
	const char *name, *text;
} built_in[] = {
	{ "small", "vcpus=1 memory=256M disk=1G" },
	{ "medium", "vcpus=2 memory=1G disk=4G" },
	{ "large", "vcpus=4 memory=4G disk=16G" },
	{ "throwaway", "vcpus=1 memory=512M disk-mode=shared egress=none ephemeral=yes" },
};
#define BUILT_IN (sizeof built_in / sizeof *built_in)

static const struct {
	const char *key;
	enum form_field field;
} keys[] = {
	{ "image", FORM_IMAGE }, { "vcpus", FORM_VCPUS }, { "memory", FORM_MEMORY }, { "disk", FORM_DISK },
	{ "disk-mode", FORM_DISK_MODE }, { "backend", FORM_BACKEND }, { "accel", FORM_ACCEL }, { "network", FORM_NETWORK },
	{ "egress", FORM_EGRESS }, { "publish", FORM_PUBLISH }, { "allow", FORM_ALLOW }, { "label", FORM_LABELS }, { "ephemeral", FORM_EPHEMERAL }, { "start", FORM_START },
};

/* Is it what the field takes? What only the library knows (an image, a backend, labels) is said when the form is checked. */
static bool fits(enum form_field field, const char *value, char *why, size_t cap)
{
	const char *choices = form_choices(field), *word = choices;
	unsigned number;

	if (field >= FORM_VCPUS && field <= FORM_DISK && !form_number(value, &number)) {
		snprintf(why, cap, "%s: %.60s is no number%s", form_label(field), value, field == FORM_VCPUS ? "" : " of MiB or, with a G, GiB");
		return false;
	}
	if (field == FORM_EGRESS && strcmp(value, "all") != 0 && strcmp(value, "none") != 0 && (*value < '0' || *value > '9')) {
		snprintf(why, cap, "%s: %.60s is neither all, none nor networks", form_label(field), value);
		return false;
	}
	while (word != NULL && *word != '\0') {
		size_t n = strcspn(word, " ");
		if (strlen(value) == n && strncmp(word, value, n) == 0)
			return true;
		word += n + (word[n] == ' ');
	}
	if (choices == NULL)
		return true;
	snprintf(why, cap, "%s: there is no %.60s, only %s", form_label(field), value, choices);
	return false;
}

bool preset_apply(struct field *fields, const char *text, char *why, size_t cap)
{
	bool labelled = false;
	char word[FIELD_SIZE], labels[FIELD_SIZE];
	while (*text != '\0') {
		size_t n = strcspn(text, " \t"), i;
		char *value;
		if (n == 0) {
			text++;
			continue;
		}
		snprintf(word, sizeof word, "%.*s", (int)n, text);
		text += n;
		value = strchr(word, '=');
		if (value == NULL || value[1] == '\0') {
			snprintf(why, cap, "%.60s is no key=value", word);
			return false;
		}
		*value++ = '\0';
		for (i = 0; i < sizeof keys / sizeof *keys && strcmp(keys[i].key, word) != 0; i++)
			;
		if (i == sizeof keys / sizeof *keys) {
			snprintf(why, cap, "a preset has no %.60s; it may say image, vcpus, memory, disk, disk-mode, backend, accel, network, "
			         "egress, publish, allow, label, ephemeral and start", word);
			return false;
		}
		if (keys[i].field == FORM_LABELS && labelled) {
			int len = snprintf(labels, sizeof labels, "%s,%s", fields[FORM_LABELS].text, value);
			if (len > 0 && (size_t)len < sizeof labels)
				field_set(&fields[FORM_LABELS], labels);
			continue;
		}
		labelled = labelled || keys[i].field == FORM_LABELS;
		if (!fits(keys[i].field, value, why, cap))
			return false;
		field_set(&fields[keys[i].field], value);
	}
	return true;
}

static const char *of_file(const struct model *model, const char *name)
{
	size_t i;
	for (i = 0; i < model->setting_count; i++) {
		if (strncmp(model->settings[i].key, "presets.", 8) == 0 && strcmp(model->settings[i].key + 8, name) == 0)
			return model->settings[i].value;
	}
	return NULL;
}

bool preset_at(const struct model *model, size_t i, const char **name, const char **text)
{
	size_t k, b;
	if (i < BUILT_IN) {
		const char *own = of_file(model, built_in[i].name);
		*name = built_in[i].name;
		*text = own != NULL ? own : built_in[i].text;
		return true;
	}
	i -= BUILT_IN;
	for (k = 0; k < model->setting_count; k++) {
		const struct setting_line *setting = &model->settings[k];
		if (strncmp(setting->key, "presets.", 8) != 0)
			continue;
		for (b = 0; b < BUILT_IN && strcmp(built_in[b].name, setting->key + 8) != 0; b++)
			;
		if (b == BUILT_IN && i-- == 0) {
			*name = setting->key + 8;
			*text = setting->value;
			return true;
		}
	}
	return false;
}

void preset_names(struct model *model)
{
	const char *name, *text;
	size_t i, len = (size_t)snprintf(model->presets, sizeof model->presets, "none");
	for (i = 0; preset_at(model, i, &name, &text) && len + strlen(name) + 2 < sizeof model->presets; i++)
		len += (size_t)snprintf(model->presets + len, sizeof model->presets - len, " %s", name);
}
