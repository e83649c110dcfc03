/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzzy.h - how well a text fits what somebody typed of it.
 */
#ifndef STOKER_UI_TUI_FUZZY_H
#define STOKER_UI_TUI_FUZZY_H

/* 0: not at all. All characters of `typed` must be there in their order; those
 * that begin a word or follow one another count more, as does a whole match.
 * An empty `typed` fits everything a little. */
int fuzzy_score(const char *text, const char *typed);

#endif
