/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzzy.c - see fuzzy.h.
 */
#include "fuzzy.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static bool begins_word(const char *text, size_t at)
{
	return at == 0 || !isalnum((unsigned char)text[at - 1]);
}

/* From this place on, each character where it comes first; -1 when one is missing. */
static int score_from(const char *text, size_t at, const char *typed)
{
	int score = 0;
	bool before = false;
	for (; *typed != '\0'; typed++) {
		if (*typed == ' ')
			continue;
		while (text[at] != '\0' && !same(text[at], *typed)) {
			at++;
			before = false;
		}
		if (text[at] == '\0')
			return -1;
		score += 1 + (before ? 4 : 0) + (begins_word(text, at) ? 3 : 0);
		before = true;
		at++;
	}
	return score;
}

int fuzzy_score(const char *text, const char *typed)
{
	int best = 0;
	size_t at, len = strlen(typed);

	if (len == 0)
		return 1;
	for (at = 0; text[at] != '\0' && at < 256; at++) {
		int score;
		if (!same(text[at], typed[0]))
			continue;
		score = score_from(text, at, typed);
		if (score < 0)
			break;
		if (at == 0)
			score += 4;
		if (score > best)
			best = score;
	}
	if (best > 0 && strncasecmp(text, typed, len) == 0)
		best += text[len] == '\0' ? 100 : 20;
	return best;
}
