/* SPDX-License-Identifier: Apache-2.0
 *
 * term_filter_parts.h - for term_filter.c and term_filter_csi.c only: one call of filter_feed().
 */
#ifndef STOKER_UI_TUI_TERM_FILTER_PARTS_H
#define STOKER_UI_TUI_TERM_FILTER_PARTS_H

#include "term_filter.h"

struct filter_run {
	struct filter *filter;
	const struct filter_ops *ops;
	void *user;
	int cols;
};

/* To the emulator. */
void filter_put(struct filter_run *run, const char *bytes, size_t len);
void filter_put_text(struct filter_run *run, const char *text);
/* Behind every restore of the cursor: what the emulator does not restore, or restores and should not. */
void filter_after_restore(struct filter_run *run);

/* The next byte of a control sequence. */
void filter_csi_byte(struct filter_run *run, unsigned char c);

#endif
