/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - a command line taken apart by tables of options.
 */
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
	struct args *args;
	char *why, *fix;
	size_t why_cap, fix_cap;
};

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

bool parse_number(const char *text, int64_t *out)
{
	int64_t value = 0;
	bool negative = *text == '-';

	if (negative)
		text++;
	if (!digit(*text))
		return false;
	for (; digit(*text); text++) {
		if (value > (INT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (*text - '0');
	}
	if (*text)
		return false;
	*out = negative ? -value : value;
	return true;
}

/* "1.5" as thousandths, so that no floating point decides what a person typed. */
static bool parse_thousandths(const char **text, int64_t *out)
{
	const char *p = *text;
	int64_t whole = 0, part = 0, scale = 100;

	if (!digit(*p))
		return false;
	for (; digit(*p); p++) {
		if (whole > INT64_MAX / 1000000)
			return false;
		whole = whole * 10 + (*p - '0');
	}
	if (*p == '.') {
		p++;
		if (!digit(*p))
			return false;
		for (; digit(*p); p++, scale /= 10)
			part += (*p - '0') * scale;
	}
	*out = whole * 1000 + part;
	*text = p;
	return true;
}

struct unit {
	const char *name;
	int64_t thousandth; /* in the result's unit, times `per` */
	int64_t per;
};

static bool parse_with_unit(const char *text, const struct unit *units, int64_t *out)
{
	int64_t value;

	if (!parse_thousandths(&text, &value))
		return false;
	for (; units->name; units++) {
		if (strcasecmp(text, units->name) != 0)
			continue;
		if (value > INT64_MAX / units->thousandth)
			return false;
		*out = value * units->thousandth / units->per;
		return true;
	}
	return false;
}

bool parse_size_mib(const char *text, int64_t *out)
{
	static const struct unit units[] = {
		{ "", 1, 1000 },         { "m", 1, 1000 },        { "mb", 1, 1000 },   { "mib", 1, 1000 },
		{ "g", 1024, 1000 },     { "gb", 1024, 1000 },    { "gib", 1024, 1000 },
		{ "t", 1048576, 1000 },  { "tb", 1048576, 1000 }, { "tib", 1048576, 1000 }, { 0 },
	};
	return parse_with_unit(text, units, out);
}

bool parse_time_ms(const char *text, int64_t *out)
{
	static const struct unit units[] = {
		{ "", 1, 1 }, { "s", 1, 1 }, { "ms", 1, 1000 }, { "m", 60, 1 }, { "min", 60, 1 }, { "h", 3600, 1 }, { 0 },
	};
	return parse_with_unit(text, units, out);
}

unsigned edit_distance(const char *a, const char *b)
{
	enum { LONGEST = 64 };
	unsigned rows[3][LONGEST + 1];
	size_t la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST);

	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[la % 3][lb];
}

bool edit_is_slip(unsigned distance, const char *word)
{
	size_t len = strlen(word);

	return distance <= (len <= 2 ? 1 : len <= 5 ? 2 : 3) && distance < len;
}

static const struct option *find(const struct args *args, const char *name, size_t len)
{
	for (size_t t = 0; args->tables[t]; t++) {
		for (const struct option *o = args->tables[t]; o->name; o++) {
			if (strncmp(o->name, name, len) == 0 && o->name[len] == '\0')
				return o;
		}
	}
	return NULL;
}

static const struct option *find_letter(const struct args *args, char letter)
{
	for (size_t t = 0; args->tables[t]; t++) {
		for (const struct option *o = args->tables[t]; o->name; o++) {
			if (o->letter == letter)
				return o;
		}
	}
	return NULL;
}

static bool unknown_option(struct parse *p, const char *name, size_t len)
{
	const char *best = NULL;
	unsigned least = ~0U;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), name);
	snprintf(p->why, p->why_cap, "there is no option --%s", word);
	for (size_t t = 0; p->args->tables[t]; t++) {
		for (const struct option *o = p->args->tables[t]; o->name; o++) {
			unsigned distance = edit_distance(word, o->name);

			/* What was cut short ("--mem") is meant as its beginning. */
			if (len >= 2 && strncmp(o->name, word, strlen(word)) == 0)
				distance = 1;
			if (distance < least) {
				least = distance;
				best = o->name;
			}
		}
	}
	if (best && edit_is_slip(least, word))
		snprintf(p->fix, p->fix_cap, "did you mean --%s?", best);
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *c = choices; *c;) {
		size_t n = strcspn(c, "|");

		if (n == len && memcmp(c, text, n) == 0)
			return true;
		c += n + (c[n] == '|');
	}
	return false;
}

static bool needs_value(struct parse *p, const struct option *o)
{
	snprintf(p->why, p->why_cap, "--%s needs a value", o->name);
	snprintf(p->fix, p->fix_cap, "give it as --%s %s", o->name, o->value ? o->value : "VALUE");
	return false;
}

static bool take_value(struct parse *p, const struct option *o, const char *text)
{
	struct arg_value *v = &p->args->values[p->args->value_count];

	v->option = o;
	v->text = text;
	v->number = 0;
	switch (o->kind) {
	case OPTION_FLAG:
		break;
	case OPTION_LIST:
		if (!*text)
			return needs_value(p, o);
		break;
	case OPTION_TEXT:
		/* An empty path is mostly a variable that was never set; taken as it is, it would be the folder one is in. */
		if (!*text && (o->complete == COMPLETE_DIR || o->complete == COMPLETE_FILE))
			return needs_value(p, o);
		break;
	case OPTION_NUMBER:
		if (!parse_number(text, &v->number) || v->number < o->min || v->number > o->max) {
			snprintf(p->why, p->why_cap, "--%s takes a number from %lld to %lld, not \"%s\"", o->name,
			         (long long)o->min, (long long)o->max, text);
			return false;
		}
		break;
	case OPTION_SIZE:
		if (!parse_size_mib(text, &v->number) || v->number < o->min || v->number > o->max) {
			snprintf(p->why, p->why_cap, "--%s takes a size such as 512, 512M or 2G (at least %lldM), not \"%s\"",
			         o->name, (long long)o->min, text);
			return false;
		}
		break;
	case OPTION_TIME:
		if (!parse_time_ms(text, &v->number) || v->number > INT64_C(1000) * 86400 * 365) {
			snprintf(p->why, p->why_cap, "--%s takes a time such as 5, 500ms, 1.5s or 2m, not \"%s\"", o->name, text);
			return false;
		}
		break;
	case OPTION_CHOICE:
		if (!is_choice(o->choices, text)) {
			snprintf(p->why, p->why_cap, "--%s takes one of %s, not \"%s\"", o->name, o->choices, text);
			return false;
		}
		break;
	}
	p->args->value_count++;
	return true;
}

/* "--name", "--name=value", "--name value". */
static bool take_long(struct parse *p, int argc, char *const *argv, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const struct option *o = find(p->args, name, len);

	if (!o)
		return unknown_option(p, name, len);
	if (o->kind == OPTION_FLAG) {
		if (name[len] == '=') {
			snprintf(p->why, p->why_cap, "--%s takes no value", o->name);
			return false;
		}
		return take_value(p, o, NULL);
	}
	if (name[len] == '=')
		return take_value(p, o, name + len + 1);
	if (*i + 1 >= argc)
		return needs_value(p, o);
	return take_value(p, o, argv[++*i]);
}

/* "-it", "-n5", "-n 5". */
static bool take_letters(struct parse *p, int argc, char *const *argv, int *i)
{
	for (const char *c = argv[*i] + 1; *c; c++) {
		const struct option *o = find_letter(p->args, *c);

		if (!o) {
			snprintf(p->why, p->why_cap, "there is no option -%c", *c);
			/* "-json" for "--json" is a slip of its own. */
			if (c == argv[*i] + 1 && strlen(c) > 1 && find(p->args, c, strcspn(c, "=")))
				snprintf(p->fix, p->fix_cap, "did you mean --%s?", c);
			return false;
		}
		if (o->kind == OPTION_FLAG) {
			if (!take_value(p, o, NULL))
				return false;
			continue;
		}
		if (c[1])
			return take_value(p, o, c + 1);
		if (*i + 1 >= argc)
			return needs_value(p, o);
		return take_value(p, o, argv[++*i]);
	}
	return true;
}

/* Every argument gives at most one value but letters in a cluster, which give
 * one each: as many slots as there are characters are always enough. */
static size_t slots_needed(int argc, char *const *argv)
{
	size_t n = 1;

	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		n += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 1;
	return n;
}

static bool begin(struct parse *p, const struct option *const *tables, int argc, char *const *argv)
{
	struct args *args = p->args;
	size_t t = 0;

	memset(args, 0, sizeof(*args));
	p->why[0] = p->fix[0] = '\0';
	for (; tables[t] && t + 1 < OPTION_TABLES; t++)
		args->tables[t] = tables[t];
	args->values = calloc(slots_needed(argc, argv), sizeof(*args->values));
	args->words = calloc((size_t)argc + 1, sizeof(*args->words));
	if (!args->values || !args->words) {
		snprintf(p->why, p->why_cap, "out of memory");
		return false;
	}
	return true;
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

bool args_parse(struct args *args, const struct option *const *tables, int argc, char *const *argv, int command_after,
                char *why, size_t why_cap, char *fix, size_t fix_cap)
{
	struct parse p = { args, why, fix, why_cap, fix_cap };
	bool options = true;

	if (!begin(&p, tables, argc, argv))
		return false;
	for (int i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
			args->dashes = true;
			continue;
		}
		if (options && is_option(argv[i])) {
			if (argv[i][1] == '-' ? !take_long(&p, argc, argv, &i) : !take_letters(&p, argc, argv, &i))
				return false;
			continue;
		}
		/* With --all or --label it is not named which VM: the command begins at once. */
		if (command_after > 0 && (arg_given(args, "all") || arg_given(args, "label")))
			command_after = 0;
		if (command_after >= 0 && args->word_count == (size_t)command_after) {
			args->command = (const char *const *)(argv + i);
			break;
		}
		args->words[args->word_count++] = argv[i];
	}
	return true;
}

bool args_parse_leading(struct args *args, const struct option *const *tables, int argc, char *const *argv, int *used,
                        char *why, size_t why_cap, char *fix, size_t fix_cap)
{
	struct parse p = { args, why, fix, why_cap, fix_cap };
	int i = 0;

	*used = 0;
	if (!begin(&p, tables, argc, argv))
		return false;
	for (; i < argc && is_option(argv[i]) && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][1] == '-' ? !take_long(&p, argc, argv, &i) : !take_letters(&p, argc, argv, &i))
			return false;
	}
	*used = i;
	return true;
}

void args_free(struct args *args)
{
	free(args->values);
	free(args->words);
	memset(args, 0, sizeof(*args));
}

static const struct arg_value *last(const struct args *args, const char *name)
{
	for (size_t i = args->value_count; i > 0; i--) {
		if (strcmp(args->values[i - 1].option->name, name) == 0)
			return &args->values[i - 1];
	}
	return NULL;
}

bool arg_given(const struct args *args, const char *name)
{
	return last(args, name) != NULL;
}

bool arg_flag(const struct args *args, const char *name)
{
	return arg_given(args, name);
}

const char *arg_text(const struct args *args, const char *name, const char *otherwise)
{
	const struct arg_value *v = last(args, name);

	return v ? v->text : otherwise;
}

int64_t arg_number(const struct args *args, const char *name, int64_t otherwise)
{
	const struct arg_value *v = last(args, name);

	return v ? v->number : otherwise;
}

const char *arg_list(const struct args *args, const char *name, size_t i)
{
	for (size_t k = 0; k < args->value_count; k++) {
		if (strcmp(args->values[k].option->name, name) == 0 && i-- == 0)
			return args->values[k].text;
	}
	return NULL;
}

bool arg_words(const struct args *args, const char *name, const char **words, size_t most, char **room)
{
	const char *text;
	size_t n = 0, len = 0;
	char *p;

	for (size_t i = 0; (text = arg_list(args, name, i)); i++)
		len += strlen(text) + 1;
	words[0] = NULL;
	if (!(p = *room = malloc(len + 1)))
		return false;
	for (size_t i = 0; (text = arg_list(args, name, i)); i++) {
		for (bool more = true; more; n++) {
			size_t part = strcspn(text, ",");

			if (n == most)
				return false;
			words[n] = memcpy(p, text, part);
			words[n + 1] = NULL;
			p[part] = '\0';
			p += part + 1;
			more = text[part] == ',';
			text += part + 1;
		}
	}
	return true;
}
