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

/* Both as keymap_text() takes them. */
struct here {
	const char *key, *words;
};
#define SLOW "\1" /* the sign, as the screen can show it */

static const struct {
	const char *title;
	struct here lines[HERE_MAX];
} places[HELP_COUNT] = {
	[HELP_LIST] = { "Here: the list of VMs", {
		{ "Click", "Selects; twice: opens a shell, or folds a group" },
		{ "Right click", "Marks; on a heading: which columns there are" },
		{ "a heading", "A click sorts by it, again: the other way round" },
		{ "a count", "In the header: only VMs in that state, again: all" },
		{ "{list-clear}", "Takes back what narrows the view: the marks, then the filter" } } },
	[HELP_OPERATIONS] = { "Here: the operations", {
		{ "{down} {up}", "Move" }, { "{panel-go}", "To the VM of this line; so does a second click" }, { "{retry}", "Try it once more" },
		{ "{cancel}", "Cut it short" }, { "{focus}", "Back to the list, and the panel stays" }, { "{panel-close}", "Close the panel" } } },
	[HELP_EVENTS] = { "Here: the events", {
		{ "{down} {up}", "Move" }, { "{panel-go}", "To the VM of this line; so does a second click" },
		{ "{only-this}", "Only those of the selected VM, or all" }, { "{focus}", "Back to the list, and the panel stays" },
		{ "{panel-close}", "Close the panel" } } },
	[HELP_SHELL] = { "Here: a shell, after the key that leads out of it", {
		{ "{leave}", "Once more: send it to the guest" }, { "{focus}", "Back into the shell" }, { "{full-screen}", "Full screen, or half" },
		{ "{scroll}", "Read back, search; there: {copy-select} selects, {copy-take} copies, {text-leave} ends it" },
		{ "{split}", "A second shell beside it" }, { "{split-below}", "A second one below it" },
		{ "{other-pane}", "To the other of two" }, { "{next-pane}", "The next open pane" },
		{ "{broadcast}", "Type into the shells of all marked VMs" }, { "{log-session}", "Write what it shows to a file" },
		{ "{detach}", "Put it away; it lives on" }, { "{close}", "End it" } } },
	[HELP_COPY] = { "Here: reading back in a shell", {
		{ "{text-down} {text-up}", "A line; {text-half-down} and {text-half-up} half a page" },
		{ "{text-page-down} {text-page-up}", "A page; {text-first} and {text-last} to its ends" },
		{ "{text-search} {text-search-up}", "Search upwards; {text-next} the next, {text-previous} the one before" },
		{ "{copy-select} {copy-lines}", "Select from here, or whole lines; once more: not" },
		{ "{copy-line-start} {copy-line-end}", "The selection's end to the line's beginning or end" },
		{ "{copy-other-end}", "Move its other end" }, { "{copy-take}", "Copy it to the clipboard" },
		{ "{leave}", "To the list; what is shown stays" }, { "{text-leave}", "Drop the selection, then back to the shell" } } },
	[HELP_LOG] = { "Here: a console", {
		{ "{text-page-up} {text-page-down}", "A page; {text-first} and {text-last} to its ends" },
		{ "{text-search} {text-next} {text-previous}", "Search, next, the one before" },
		{ "{console-wrap}", "Wrap long lines, or cut them" }, { "{console-follow}", "Follow what is written now" }, { "{focus}", "To the list" },
		{ "{full-screen}", "Full screen, or half" }, { "{text-leave}", "Close it" } } },
	[HELP_FORM] = { "Here: the form", {
		{ "{form-next}", "The next field; {form-previous} the one before; or click on one" },
		{ "{form-turn}", "The next choice, {form-turn-back} the one before; or click on one" },
		{ "{line-accept}", "Create it, if the line below the fields says that it can be" },
		{ "{copy-command}", "Copy the command that does the same" }, { "{line-leave}", "Leave it" } } },
	[HELP_PLAN] = { "Here: what reconcile would do", {
		{ "{plan-take}", "Leave an item out, or take it in; or click on its box" },
		{ "{plan-other}", "The other thing that can be done with it, if there is one" },
		{ "{dialog-accept}", "Carry out what is taken in" }, { "{dialog-leave}", "Do nothing" } } },
	[HELP_COLUMNS] = { "Here: the columns", {
		{ "{columns-show}", "As fits, always shown, left out; or click on its box" },
		{ "{columns-later} {columns-earlier}", "Move it down or up" },
		{ "{columns-wider} {columns-narrower}", "Wider, narrower" }, { "{columns-reset}", "As they were at first" },
		{ "{dialog-leave}", "Done; they are remembered" } } },
	[HELP_FANOUT] = { "Here: answers of many VMs", {
		{ "{text-down} {text-up}", "Scroll" }, { "{answers-again}", "The same command once more" },
		{ "{answers-give-up}", "Give up those that have not answered" }, { "{dialog-leave}", "Back to the list" } } },
	[HELP_TEXT] = { "Here: a page", {
		{ "{text-down} {text-up}", "Scroll, or choose a line" }, { "{commands-copy}", "Of commands: copy the chosen one; or click on it" },
		{ "{dialog-leave}", "Back" } } },
	[HELP_FILTER] = { "Here: the filter", {
		{ "web 172.16", "Words: in the name, state, address, image, labels or backend" },
		{ "label:a=b", "So state: backend: image: name: ip: network: is:" },
		{ "mem>=1G", "So cpu rss disk vcpus age up port pid exit; < too: age>1h" },
		{ "!web", "All but those; * and ? stand for any characters and any one" },
		{ "{line-complete}", "Complete it, as far as there is one way" }, { "{line-up} {line-down}", "Move in the list meanwhile" },
		{ "{line-accept}", "Keep it" }, { "{line-leave}", "All VMs again" } } },
	[HELP_PALETTE] = { "Here: all commands", {
		{ "letters", "Of an action, a VM, an open pane, a filter or a setting" },
		{ "{line-up} {line-down}", "Choose among what is found" }, { "{line-accept}", "Do it, go there" },
		{ "{line-complete}", "Its whole name" }, { "{copy-command}", "Copy the stoker command that does the same" },
		{ "{line-leave}", "Leave it" } } },
	[HELP_LINE] = { "Here: a line that is asked for", {
		{ "{line-accept}", "Take it; an empty one is as good as {line-leave}" },
		{ "{line-erase-start}", "Delete to the beginning; {line-erase-word} the word before" },
		{ "{line-start}", "To its beginning; {line-end} to its end" }, { "{line-leave}", "Leave it" } } },
	[HELP_PHASES] = { "Below the list: the phases of the selected VM", {
		{ "a bar", "When a phase began and how long it took, beside the others" },
		{ "p50", "What half of the fleet's VMs took at most" }, { SLOW, "Slower than 95 of 100 in the fleet" },
		{ "last runs", "From start to ready, the newest first" } } },
	[HELP_GRAPHS] = { "Below the list: what the selected VM used in ten minutes", {
		{ "the right", "The top of the scale, the highest so far, and just now" },
		{ "a gap", "Nothing was measured then: it did not run, or nobody looked" }, { "{graphs}", "Back to its phases" } } },
	[HELP_FLEET] = { "Below the list: the phases of the whole fleet", {
		{ "p50 p95 p99", "So many of 100 were as fast or faster, deleted ones too" }, { "n", "How many were timed" },
		{ "min ... max", "How they are spread; the selected VM stands out" }, { "slowest", "Which VM that was" },
		{ SLOW, "The selected VM was slower than 95 of 100" }, { "{fleet}", "Back to the selected VM's phases" } } },
};

/* Is this line of the page in sight? */
#define SHOWN (screen != NULL && line >= top && line < top + page)

static int here_lines(const struct model *model, struct screen *screen, const struct rect *p, int top, int line,
                      enum help_of of)
{
	int i, page = p->rows - 2, row;
	int words_col = p->col + 16;
	char key[40], words[120];

	if (SHOWN)
		screen_put(screen, p->row + 1 + line - top, p->col + 2, p->cols - 4, tone(TONE_STRONG),
		           places[of].title);
	line++;
	for (i = 0; i < HERE_MAX && places[of].lines[i].words != NULL; i++, line++) {
		const struct here *here = &places[of].lines[i];
		if (!SHOWN)
			continue;
		if (here->key[0] == SLOW[0])
			snprintf(key, sizeof key, "%s", glyph(screen, GLYPH_SLOW));
		else
			keymap_text(&model->keymap, here->key, key, sizeof key);
		keymap_text(&model->keymap, here->words, words, sizeof words);
		row = p->row + 1 + line - top;
		screen_field(screen, row, p->col + 4, 11, tone(TONE_TITLE), key);
		screen_field(screen, row, words_col, p->col + p->cols - 2 - words_col, tone(TONE_PLAIN), words);
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
				binding_name(&model->keymap.leave, key, sizeof key);
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
