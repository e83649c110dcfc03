/* SPDX-License-Identifier: Apache-2.0
 *
 * ui_toy_pane.h - a shell's pane that always shows the same, for drawing.
 */
#ifndef STOKER_TESTS_UI_TOY_PANE_H
#define STOKER_TESTS_UI_TOY_PANE_H

#include "ui_fixture.h"

static inline void toy_title(const struct pane *pane, char *buf, size_t cap)
{
	(void)pane;
	snprintf(buf, cap, "root@172.16.0.2");
}

static const char *toy_hint(const struct pane *pane)
{
	(void)pane;
	return "";
}

static inline void toy_draw(struct pane *pane, struct screen *screen, int row, int col, int rows, int cols, bool focus)
{
	static const char *const lines[] = {
		"quiet-otter:~# uname -srm", "Linux 6.1.0 x86_64", "quiet-otter:~# df -h /",
		"Filesystem                Size      Used Available Use% Mounted on",
		"overlay                   2.0G     24.0K      1.9G   0% /", "quiet-otter:~# ",
	};
	int i;
	(void)pane;
	for (i = 0; i < 6 && i < rows; i++)
		screen_put(screen, row + i, col, cols, tone(TONE_PLAIN), lines[i]);
	if (focus)
		screen_cursor(screen, row + 5, col + 15);
}

static inline bool toy_key(struct pane *pane, const struct key *key, const struct keymap *keymap)
{
	(void)keymap;
	(void)pane;
	(void)key;
	return true;
}

static inline bool toy_command(struct pane *pane, enum pane_command command)
{
	(void)pane;
	(void)command;
	return true;
}

static inline int toy_poll(const struct pane *pane, struct pollfd fds[PANE_MAX_FDS])
{
	(void)pane;
	(void)fds;
	return 0;
}

static inline int toy_timeout(const struct pane *pane)
{
	(void)pane;
	return -1;
}

static inline bool toy_ready(struct pane *pane, const struct pollfd *fds, int count)
{
	(void)pane;
	(void)fds;
	(void)count;
	return false;
}

static inline bool toy_over(const struct pane *pane, char *why, size_t cap)
{
	(void)pane;
	(void)why;
	(void)cap;
	return false;
}

static inline void toy_free(struct pane *pane)
{
	free(pane);
}

static const struct pane_ops toy_ops = { PANE_SHELL, toy_title, toy_hint, toy_draw, toy_key, toy_command,
	                                 toy_poll, toy_timeout, toy_ready, toy_over, toy_free };

static inline void open_toy(struct model *model, const struct stoker_vm *vm, struct effects *effects)
{
	struct pane *pane = calloc(1, sizeof *pane);
	struct event event;
	assert_non_null(pane);
	pane->ops = &toy_ops;
	snprintf(pane->vm_id, sizeof pane->vm_id, "%s", vm->id);
	snprintf(pane->vm_name, sizeof pane->vm_name, "%s", vm->name);
	fixture_event(&event, EVENT_PANE_OPENED);
	event.pane = pane;
	fixture_send(model, &event, effects);
}

#endif
