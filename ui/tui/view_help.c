/* SPDX-License-Identifier: Apache-2.0
 *
 * view_help.c - the help page: first the keys of what had them, then all.
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "update.h"
#include "view.h"

#define HERE_MAX 12

/* A key by the action it belongs to (it may be bound elsewhere), else by its name; LEAVE is the key out of a pane. */
struct here {
	enum action_id action;
	const char *key, *words;
};
#define OF(id, words) { ACTION_##id, NULL, words }
#define KEY(name, words) { ACTION_NONE, name, words }
#define LEAVE ""
#define SLOW "\1" /* the sign, as the screen can show it */

static const struct {
	const char *title;
	struct here lines[HERE_MAX];
} places[HELP_COUNT] = {
	[HELP_LIST] = { "Here: the list of VMs", {
		KEY("Click", "Selects; twice: opens a shell, or folds a group"),
		KEY("Right click", "Marks; on a heading: which columns there are"),
		KEY("a heading", "A click sorts by it, again: the other way round"),
		KEY("a count", "In the header: only VMs in that state, again: all"),
		KEY("Esc", "Takes back what narrows the view: the marks, then the filter") } },
	[HELP_OPERATIONS] = { "Here: the operations", {
		KEY("j k", "Move"), KEY("Enter", "To the VM of this line; so does a second click"), OF(RETRY, "Try it once more"),
		OF(CANCEL, "Cut it short"), OF(NEXT_FOCUS, "Back to the list, and the panel stays"), KEY("Esc", "Close the panel") } },
	[HELP_EVENTS] = { "Here: the events", {
		KEY("j k", "Move"), KEY("Enter", "To the VM of this line; so does a second click"),
		OF(ONLY_THIS, "Only those of the selected VM, or all"), OF(NEXT_FOCUS, "Back to the list, and the panel stays"),
		KEY("Esc", "Close the panel") } },
	[HELP_SHELL] = { "Here: a shell, after the key that leads out of it", {
		KEY(LEAVE, "Once more: send it to the guest"), OF(NEXT_FOCUS, "Back into the shell"), OF(FULL, "Full screen, or half"),
		OF(SCROLL, "Read back, search; there: v selects, y copies, q ends it"), OF(SPLIT, "A second shell beside it"),
		OF(STACK, "A second one below it"), OF(OTHER_PANE, "To the other of two"), OF(NEXT_PANE, "The next open pane"),
		OF(BROADCAST, "Type into the shells of all marked VMs"), OF(LOG_SESSION, "Write what it shows to a file"),
		OF(DETACH, "Put it away; it lives on"), OF(CLOSE, "End it") } },
	[HELP_LOG] = { "Here: a console", {
		KEY("PgUp PgDn", "A page; g and G to its ends"), KEY("/ n N", "Search, next, the one before"),
		KEY("w", "Wrap long lines, or cut them"), KEY("F", "Follow what is written now"), OF(NEXT_FOCUS, "To the list"),
		KEY("q", "Close it") } },
	[HELP_FORM] = { "Here: the form", {
		KEY("Tab", "The next field; Shift-Tab the one before; or click on one"),
		KEY("Space", "The next choice; Left and Right too; or click on one"),
		KEY("Enter", "Create it, if the line below the fields says that it can be"),
		KEY("Ctrl-Y", "Copy the command that does the same"), KEY("Esc", "Leave it") } },
	[HELP_PLAN] = { "Here: what reconcile would do", {
		KEY("Space", "Leave an item out, or take it in; or click on its box"),
		KEY("e", "The other thing that can be done with it, if there is one"),
		KEY("Enter", "Carry out what is taken in"), KEY("Esc", "Do nothing") } },
	[HELP_COLUMNS] = { "Here: the columns", {
		KEY("Space", "As fits, always shown, left out; or click on its box"), KEY("J K", "Move it down or up"),
		KEY("+ -", "Wider, narrower"), KEY("r", "As they were at first"), KEY("Esc", "Done; they are remembered") } },
	[HELP_FANOUT] = { "Here: answers of many VMs", {
		KEY("j k", "Scroll"), KEY("r", "The same command once more"), KEY("x", "Give up those that have not answered"),
		KEY("Esc", "Back to the list") } },
	[HELP_TEXT] = { "Here: a page", {
		KEY("j k", "Scroll, or choose a line"), KEY("Enter", "Of commands: copy the chosen one; or click on it"),
		KEY("Esc", "Back") } },
	[HELP_FILTER] = { "Here: the filter", {
		KEY("web 172.16", "Words: in the name, state, address, image, labels or backend"),
		KEY("label:a=b", "So state: backend: image: name: ip: network: is:"),
		KEY("mem>=1G", "So cpu rss disk vcpus age up port pid exit; < too: age>1h"),
		KEY("!web", "All but those; * and ? stand for any characters and any one"),
		KEY("Tab", "Complete it, as far as there is one way"), KEY("Up Down", "Move in the list meanwhile"),
		KEY("Enter", "Keep it"), KEY("Esc", "All VMs again") } },
	[HELP_PALETTE] = { "Here: all commands", {
		KEY("letters", "Of an action, a VM, an open pane, a filter or a setting"), KEY("Up Down", "Choose among what is found"),
		KEY("Enter", "Do it, go there"), KEY("Tab", "Its whole name"), KEY("Ctrl-Y", "Copy the stoker command that does the same"),
		KEY("Esc", "Leave it") } },
	[HELP_LINE] = { "Here: a line that is asked for", {
		KEY("Enter", "Take it; an empty one is as good as Esc"), KEY("Ctrl-U", "Delete to the beginning; Ctrl-W the word before"), KEY("Ctrl-A", "To its beginning; Ctrl-E to its end"), KEY("Esc", "Leave it") } },
	[HELP_PHASES] = { "Below the list: the phases of the selected VM", {
		KEY("a bar", "When a phase began and how long it took, beside the others"),
		KEY("p50", "What half of the fleet's VMs took at most"), KEY(SLOW, "Slower than 95 of 100 in the fleet"),
		KEY("last runs", "From start to ready, the newest first") } },
	[HELP_GRAPHS] = { "Below the list: what the selected VM used in ten minutes", {
		KEY("the right", "The top of the scale, the highest so far, and just now"),
		KEY("a gap", "Nothing was measured then: it did not run, or nobody looked"), OF(GRAPHS, "Back to its phases") } },
	[HELP_FLEET] = { "Below the list: the phases of the whole fleet", {
		KEY("p50 p95 p99", "So many of 100 were as fast or faster, deleted ones too"), KEY("n", "How many were timed"),
		KEY("min ... max", "How they are spread; the selected VM stands out"), KEY("slowest", "Which VM that was"),
		KEY(SLOW, "The selected VM was slower than 95 of 100"), OF(FLEET, "Back to the selected VM's phases") } },
};

/* Is this line of the page in sight? */
#define SHOWN (screen != NULL && line >= top && line < top + page)

static int here_lines(const struct model *model, struct screen *screen, const struct rect *p, int top, int line,
                      enum help_of of)
{
	int i, page = p->rows - 2, row;
	int words_col = p->col + 16;
	char key[40];

	if (SHOWN)
		screen_put(screen, p->row + 1 + line - top, p->col + 2, p->cols - 4, tone(TONE_STRONG),
		           places[of].title);
	line++;
	for (i = 0; i < HERE_MAX && places[of].lines[i].words != NULL; i++, line++) {
		const struct here *here = &places[of].lines[i];
		if (!SHOWN)
			continue;
		if (here->key == NULL)
			action_first_key(model, here->action, key, sizeof key);
		else if (here->key[0] == '\0')
			action_key_text(&model->leave_key, model->ascii, key, sizeof key);
		else
			snprintf(key, sizeof key, "%s", here->key[0] == SLOW[0] ? glyph(screen, GLYPH_SLOW) : here->key);
		row = p->row + 1 + line - top;
		screen_field(screen, row, p->col + 4, 11, tone(TONE_TITLE), key);
		screen_field(screen, row, words_col, p->col + p->cols - 2 - words_col, tone(TONE_PLAIN), here->words);
	}
	return line + 1;
}

/* Counts lines when screen is NULL. */
static int help_lines(const struct model *model, struct screen *screen, const struct rect *p, int top)
{
	static const struct {
		enum glyph glyph;
		enum tone tone;
		const char *text;
	} signs[] = {
		{ GLYPH_RUNNING, TONE_GOOD, "running and ready" },
		{ GLYPH_BUSY, TONE_BUSY, "on its way: starting, booting, stopping" },
		{ GLYPH_PAUSED, TONE_PAUSED, "paused" },
		{ GLYPH_STOPPED, TONE_QUIET, "created or stopped" },
		{ GLYPH_CRASHED, TONE_BAD, "crashed: the VMM ended by itself (how, behind it)" },
		{ GLYPH_ERROR, TONE_BAD, "error: an operation failed, the reason is kept" },
		{ GLYPH_STALE, TONE_ODD, "the host contradicts the record: reconcile" },
		{ GLYPH_SHELL, TONE_ACCENT, "has a shell open" },
	};
	int line, group, i, row, page = p->rows - 2;
	char key[24], both[48];
	bool narrow = p->cols < 60;
	int help_col = p->col + (narrow ? 16 : 29);

	line = here_lines(model, screen, p, top, 0, model->help_of);
	if (model->help_below != HELP_COUNT)
		line = here_lines(model, screen, p, top, line, model->help_below);
	for (group = 0; group < GROUP_COUNT; group++) {
		if (SHOWN)
			screen_put(screen, p->row + 1 + line - top, p->col + 2, p->cols - 4, tone(TONE_STRONG),
			           action_group_name((enum action_group)group));
		line++;
		for (i = 0; i < ACTION_COUNT; i++) {
			const struct action *action = action_at((enum action_id)i);
			bool off;
			if (action->group != (enum action_group)group)
				continue;
			row = p->row + 1 + line - top;
			if (SHOWN) {
				action_keys_text(model, action->id, both, sizeof both);
				off = model->read_only && (action->flags & ACT_CHANGES);
				screen_hot(screen, row, p->col + 1, p->cols - 2, HOT_ACTION, i);
				screen_put(screen, row, p->col + 4, 12, tone(off ? TONE_QUIET : TONE_TITLE), both);
				if (!narrow)
					screen_put(screen, row, p->col + 16, 12, tone(off ? TONE_QUIET : TONE_PLAIN), action->name);
				screen_field(screen, row, help_col, p->col + p->cols - 2 - help_col, tone(off ? TONE_QUIET : TONE_PLAIN),
				             off ? "(not in a read-only dashboard)" : action->help);
			}
			line++;
		}
		if (group == GROUP_PANE) {
			if (SHOWN) {
				action_key_text(&model->leave_key, model->ascii, key, sizeof key);
				screen_put(screen, p->row + 1 + line - top, p->col + 4, 12, tone(TONE_TITLE), key);
				if (!narrow)
					screen_put(screen, p->row + 1 + line - top, p->col + 16, 12, tone(TONE_PLAIN), "leave");
				screen_field(screen, p->row + 1 + line - top, help_col, p->col + p->cols - 2 - help_col, tone(TONE_PLAIN),
				             "Out of the pane; twice sends it to the guest");
			}
			line++;
		}
		line++;
	}
	if (SHOWN)
		screen_put(screen, p->row + 1 + line - top, p->col + 2, p->cols - 4, tone(TONE_STRONG), "Signs");
	line++;
	for (i = 0; i < (int)(sizeof signs / sizeof *signs); i++) {
		row = p->row + 1 + line - top;
		if (SHOWN) {
			screen_put(screen, row, p->col + 4, 2, tone(signs[i].tone), glyph(screen, signs[i].glyph));
			screen_field(screen, row, p->col + 16, p->cols - 18, tone(TONE_PLAIN), signs[i].text);
		}
		line++;
	}
	return line;
}

void view_help(const struct model *model, struct screen *screen)
{
	int cols = model->cols_size > 102 ? 100 : model->cols_size - 2;
	struct rect p = { 1, (model->cols_size - cols) / 2, model->rows_size - 2, cols };
	int total, top = model->help_top;

	total = help_lines(model, NULL, &p, 0);
	if (p.rows > total + 2)
		p.rows = total + 2;
	if (top > total - (p.rows - 2))
		top = total - (p.rows - 2);
	if (top < 0)
		top = 0;
	if (p.cols + 2 >= model->cols_size) /* no crumbs of the list beside it */
		screen_fill(screen, p.row, 0, p.rows, model->cols_size, tone(TONE_PLAIN));
	draw_box(screen, p.row, p.col, p.rows, p.cols, "Keys");
	help_lines(model, screen, &p, top);
	if (top > 0)
		screen_put(screen, p.row, p.col + p.cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_UP));
	if (top + p.rows - 2 < total)
		screen_put(screen, p.row + p.rows - 1, p.col + p.cols - 4, 1, tone(TONE_ACCENT), glyph(screen, GLYPH_DOWN));
}
