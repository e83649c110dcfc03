/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - a command line taken apart by tables of options.
 *
 * The same tables feed parsing, help, completion and the nearest match for a
 * mistyped option. Values are checked while parsing, so that verbs only read
 * what is right. Nothing is copied: all strings are those of argv.
 */
#ifndef STOKER_UI_CLI_OPTIONS_H
#define STOKER_UI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_LIST,   /* text, may be given several times */
	OPTION_NUMBER, /* min..max */
	OPTION_SIZE,   /* MiB: "512", "512M", "2G"; min..max in MiB */
	OPTION_TIME,   /* "5", "1.5s", "500ms", "2m", "1h"; kept in ms */
	OPTION_CHOICE, /* one of `choices` */
};

/* What completes a word or a value. */
enum complete { COMPLETE_NONE, COMPLETE_VM, COMPLETE_IMAGE, COMPLETE_TRASH, COMPLETE_FILE, COMPLETE_DIR, COMPLETE_VERB, COMPLETE_CHOICE };

struct option {
	char letter;         /* 0: none */
	const char *name;    /* NULL ends a table */
	enum option_kind kind;
	const char *value;   /* what the help calls its value */
	const char *choices; /* "a|b|c" */
	int64_t min, max;
	enum complete complete;
	const char *help;
};

#define OPTION_TABLES 4
struct args {
	const struct option *tables[OPTION_TABLES]; /* NULL-terminated list of tables, the earlier one wins */
	struct arg_value {
		const struct option *option;
		const char *text;
		int64_t number;
	} *values;
	size_t value_count;
	const char **words; /* NULL-terminated */
	size_t word_count;
	const char *const *command; /* the guest's command; NULL when none was given */
	bool dashes;                /* "--" was there */
};

/* Takes argv[0..argc) apart; argv[argc] must be NULL. With command_after >= 0
 * the word after that many words begins the command, which is not looked into.
 * With `first_word` parsing stops at the first word; *used then says how many
 * of argv were taken. False with a sentence in why and advice in fix. Free with
 * args_free() in either case. */
bool args_parse(struct args *args, const struct option *const *tables, int argc, char *const *argv, int command_after,
                char *why, size_t why_cap, char *fix, size_t fix_cap);
bool args_parse_leading(struct args *args, const struct option *const *tables, int argc, char *const *argv, int *used,
                        char *why, size_t why_cap, char *fix, size_t fix_cap);
void args_free(struct args *args);

/* Of options given twice the last counts. */
bool arg_flag(const struct args *args, const char *name);
bool arg_given(const struct args *args, const char *name);
const char *arg_text(const struct args *args, const char *name, const char *otherwise);
int64_t arg_number(const struct args *args, const char *name, int64_t otherwise);
/* The i-th value of a list option, NULL past the last. */
const char *arg_list(const struct args *args, const char *name, size_t i);
/* All of them, each taken apart at its commas, as kubectl takes them: up to `most` and a NULL, which point into *room. The
 * caller frees *room, also when it is false: there are more, or is no memory. */
bool arg_words(const struct args *args, const char *name, const char **words, size_t most, char **room);

/* Single values, as the parser reads them. */
bool parse_number(const char *text, int64_t *out);
bool parse_size_mib(const char *text, int64_t *out);
bool parse_time_ms(const char *text, int64_t *out);

/* Edits (insert, delete, change, swap neighbours) from a to b, for finding what was meant. */
unsigned edit_distance(const char *a, const char *b);
/* True when `distance` is small enough for a word of this length to be a slip. */
bool edit_is_slip(unsigned distance, const char *word);

#endif
