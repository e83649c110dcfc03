/* SPDX-License-Identifier: Apache-2.0
 *
 * view_footer.c - events, the message line, and the keys that work now.
 */
#include <stdio.h>
#include <string.h>

#include "hot.h"
#include "update.h"
#include "view.h"

#define MESSAGE_LINES 5

static void event_line(const struct model *model, struct screen *screen, int row, int cols, int index)
{
	const struct stoker_event *event = &model->events[index];
	char clock[16];
	bool bad = strcmp(event->kind, "failed") == 0 || strcmp(event->kind, "crashed") == 0;
	clock_text(model, event->at_ms, true, clock, sizeof clock);
	screen_put(screen, row, 1, 8, tone(TONE_QUIET), clock);
	screen_field(screen, row, 11, cols - 12, tone(bad ? TONE_BAD : index == 0 ? TONE_PLAIN : TONE_QUIET), event->text);
}

/* Older events above, the newest in the message line below them. */
void view_events(const struct model *model, struct screen *screen, const struct layout *layout)
{
	int i;
	for (i = 0; i < layout->events.rows; i++) {
		int index = layout->events.rows - i;
		if (index < model->event_count) {
			event_line(model, screen, layout->events.row + i, layout->events.cols, index);
			screen_hot(screen, layout->events.row + i, 0, layout->events.cols, HOT_ACTION, ACTION_EVENTS);
		}
	}
}

static void prompt(const struct field *field, struct screen *screen, const struct layout *layout, const char *sign,
                   const char *right)
{
	int row = layout->message.row, cols = layout->message.cols, need = text_width(right);
	int width = cols - 4 - need > 10 ? cols - 4 - need : cols - 3;
	screen_put(screen, row, 1, 1, tone(TONE_TITLE), sign);
	field_draw(field, screen, row, 2, width, tone(TONE_PLAIN), true);
	screen_hot(screen, row, 2, width, HOT_PROMPT, 0);
	if (cols - 4 - need > 10)
		screen_put(screen, row, cols - need - 1, need, tone(TONE_QUIET), right);
}

/* What of the filter is wrong, or how it can go on, and how many VMs it leaves. */
static void filter_text(const struct model *model, char *buf, size_t cap)
{
	char found[FILTER_CANDIDATES][FILTER_CANDIDATE_SIZE];
	size_t from, i, len = 0, n;

	if (model->wanted.problem[0] != '\0' && model->wanted.problem_at + 1 < model->filter.at) {
		snprintf(buf, cap, "%.100s   %zu of %zu", model->wanted.problem, model->shown_count, model->count);
		return;
	}
	n = model->filter.at > 0 && model->filter.text[model->filter.at - 1] != ' '
	    ? filter_candidates(model, found, FILTER_CANDIDATES, &from) : 0;
	buf[0] = '\0';
	for (i = 0; i < n && len + strlen(found[i]) + 2 < 60 && len < cap; i++)
		len += (size_t)snprintf(buf + len, cap - len, "%s  ", found[i]);
	if (len < cap)
		snprintf(buf + len, cap - len, "%s %zu of %zu", i < n ? "..." : "", model->shown_count, model->count);
}

void view_message(const struct model *model, struct screen *screen, const struct layout *layout)
{
	static const enum tone tones[] = { TONE_PLAIN, TONE_GOOD, TONE_BAD };
	int row = layout->message.row, cols = layout->message.cols, len = 0;
	char text[160], all[48];

	if (model->naming) {
		keymap_text(&model->keymap, "{line-accept} begins, {line-leave} does not", text, sizeof text);
		prompt(&model->path, screen, layout, ">", text);
	} else if (model->commanding) {
		finder_hint(model, text, sizeof text);
		prompt(&model->palette, screen, layout, ":", text);
	} else if (model->asking != ASK_NOTHING) {
		size_t many = action_targets(model, model->asking == ASK_COMMAND ? ACTION_RUN : ACTION_RESIZE), left;
		const struct row *selected = model_selected(model);
		left = model->marked > many ? model->marked - many : 0;
		if (model->asking == ASK_COMMAND)
			len = snprintf(text, sizeof text, "a command for %zu VM%s", many, many == 1 ? "" : "s");
		else if (model->asking == ASK_DISK && model->marked > 0)
			len = snprintf(text, sizeof text, "MiB, or with G: the disks of %zu VM%s", many, many == 1 ? "" : "s");
		else if (model->asking == ASK_DISK && selected != NULL)
			snprintf(text, sizeof text, "MiB, or with G: the disk of %s, now %u", selected->vm.name, selected->vm.disk_mib);
		else
			snprintf(text, sizeof text, "a name for the filter");
		if (len > 0 && left > 0)
			snprintf(text + len, sizeof text - (size_t)len, ", %zu left out", left);
		prompt(&model->answer, screen, layout, model->asking == ASK_COMMAND ? "$" : model->asking == ASK_DISK ? "+" : "=", text);
	} else if (model->filtering) {
		filter_text(model, text, sizeof text);
		prompt(&model->filter, screen, layout, "/", text);
	} else if (model->message[0] != '\0') {
		/* A long one takes the lines it needs from what is above it. */
		int lines = draw_wrapped(NULL, 0, 0, MESSAGE_LINES, cols - 2, tone(TONE_PLAIN), model->message);
		lines = lines < 1 ? 1 : lines > row ? row : lines;
		screen_fill(screen, row - lines + 1, 0, lines, cols, tone(TONE_PLAIN));
		draw_wrapped(screen, row - lines + 1, 1, lines, cols - 2, tone(tones[model->message_tone]), model->message);
	} else if (model->failure[0] != '\0' && model->count > 0) {
		/* What is shown is from before: that has to be known. */
		screen_field(screen, row, 1, cols - 2, tone(TONE_BAD), model->failure);
	} else if (model->filter.len > 0) {
		keymap_text(&model->keymap, "   {list-clear} shows all", all, sizeof all);
		snprintf(text, sizeof text, "/%.60s   %zu of %zu%s", model->filter.text, model->shown_count, model->count, all);
		screen_put(screen, row, 1, cols - 2, tone(TONE_ACCENT), text);
		screen_hot(screen, row, 0, cols, HOT_ACTION, ACTION_FILTER);
	} else if (model->event_count > 0) {
		event_line(model, screen, row, cols, 0);
		screen_hot(screen, row, 0, cols, HOT_ACTION, ACTION_EVENTS);
	}
}

/* ------------------------------------------------------------------ footer */

struct button {
	enum action_id action;
	int col, width;
};

/* The buttons that fit, in the order of their rank; help and quit always. */
static int buttons(const struct model *model, struct button *out)
{
	int count = 0, rank, i, col = 1, tail = 0, cols = model->cols_size;
	char key[16];
	const enum action_id last[2] = { ACTION_HELP, ACTION_QUIT };

	for (i = 0; i < 2; i++) {
		action_first_key(model, last[i], key, sizeof key);
		tail += text_width(key) + 1 + text_width(action_at(last[i])->footer) + 2;
	}
	for (rank = 1; rank <= 20; rank++) {
		for (i = 0; i < ACTION_COUNT; i++) {
			const struct action *action = action_at((enum action_id)i);
			int width;
			if (action->rank != rank || (action->flags & ACT_QUIET) || i == ACTION_QUIT || i == ACTION_HELP)
				continue;
			if (action_disabled((enum action_id)i, model) != NULL)
				continue;
			action_first_key(model, action->id, key, sizeof key);
			if (key[0] == '\0')
				continue; /* the palette still has it */
			width = text_width(key) + 1 + text_width(action->footer);
			if (col + width + 2 + tail > cols)
				continue;
			out[count].action = (enum action_id)i;
			out[count].col = col;
			out[count++].width = width;
			col += width + 2;
		}
	}
	for (i = 0; i < 2; i++) {
		action_first_key(model, last[i], key, sizeof key);
		out[count].action = last[i];
		out[count].col = col;
		out[count].width = text_width(key) + 1 + text_width(action_at(last[i])->footer);
		col += out[count++].width + 2;
	}
	return count;
}

/* "key what" pairs, separated by two blanks; the keys stand out. A pair that does not fit whole is left out, and what is
 * behind it too. */
static void hint(const struct model *model, struct screen *screen, int row, int col, int cols, const char *keys)
{
	char all[400];
	const char *text = all;
	bool leader = false;

	keymap_text(&model->keymap, keys, all, sizeof all);
	while (*text != '\0' && col < cols) {
		char part[128];
		const char *end = strstr(text, "  ");
		size_t n = end != NULL ? (size_t)(end - text) : strlen(text), key;
		n = n < sizeof part ? n : sizeof part - 1;
		snprintf(part, sizeof part, "%.*s", (int)n, text);
		if (col > 1 && col + text_width(part) > cols)
			break;
		hot_part(screen, row, col, part, leader);
		key = strcspn(text, " ");
		key = key > n ? n : key;
		if (key == 0)
			break;
		memcpy(part, text, key);
		part[key] = '\0';
		/* "then:" is no key: it says that those behind it come after the leave key. */
		leader = leader || part[key - 1] == ':';
		col += screen_put(screen, row, col, cols - col, tone(part[key - 1] == ':' ? TONE_PLAIN : TONE_TITLE), part);
		memcpy(part, text + key, n - key);
		part[n - key] = '\0';
		col += screen_put(screen, row, col, cols - col, tone(TONE_PLAIN), part) + 2;
		text += n;
		while (*text == ' ')
			text++;
	}
}

/* The panel below the list has the focus. */
static void panel_footer(const struct model *model, struct screen *screen, int row, int cols)
{
	hint(model, screen, row, 1, cols, model->panel == PANEL_OPERATIONS
	     ? "{panel-close} close  {focus} to the list  {retry} retry  {cancel} cancel  {panel-go} to its VM  {down} {up} move"
	     : model->events_of_one
	     ? "{panel-close} close  {focus} to the list  {only-this} all events  {panel-go} to its VM  {down} {up} move"
	     : "{panel-close} close  {focus} to the list  {only-this} only the selected VM's  {panel-go} to its VM  {down} {up} move");
}

static void pane_footer(const struct model *model, struct screen *screen, int row, int cols)
{
	const struct pane *pane = model->panes[model->front];
	const char *own = pane->ops->hint(pane);
	bool typed = own == NULL || *own == '\0'; /* into the guest */
	char text[400];

	/* While one reads back nothing is typed into the shells. */
	if (pane->broadcast && typed) {
		char names[160], ends[48];
		size_t n = broadcast_names(model, names, sizeof names);
		keymap_text(&model->keymap, "{leave} {broadcast} ends it", ends, sizeof ends);
		snprintf(text, sizeof text, " BROADCAST: what you type goes to %zu shells: %s   %s", n, names, ends);
		screen_field(screen, row, 0, cols, tone(TONE_WARN), text);
		binding_name(keymap_first(&model->keymap, ACTION_BROADCAST), ends, sizeof ends);
		screen_hot(screen, row, 0, cols, HOT_LEADER, hot_key_code(ends));
		return;
	}
	/* The way out comes first: it is never the part that does not fit. */
	snprintf(text, sizeof text, "{leave} to the list  %s%s%s", !typed ? own : cols < 76 ? "" : "then:  {full-screen} ",
	         !typed || cols < 76 ? "" : model->full ? "half screen  {scroll} scroll and search  {detach} detach"
	                                                : "full screen  {scroll} scroll and search  {detach} detach",
	         typed && cols >= 92 ? "  {leave} send it" : "");
	if (cols >= 116 && typed)
		screen_put(screen, row, cols - 24, 24, tone(TONE_QUIET), "(keys go to the guest)");
	hint(model, screen, row, 1, cols, text);
}

/* The keys of what is open over the list, or typed below it; NULL: those of the list. */
static const char *keys_here(const struct model *model, int cols)
{
	switch (model->dialog) {
	case DIALOG_TEXT:
		return model->text.choose ? "{text-down} {text-up} choose  {commands-copy} copy  {dialog-leave} back"
		                          : "{text-down} {text-up} scroll  {dialog-leave} back";
	case DIALOG_HELP:
		return "{text-down} {text-up} scroll  {dialog-leave} back";
	case DIALOG_COLUMNS:
		return cols < 72 ? "{dialog-leave} back  {columns-show}  {columns-later} {columns-earlier} move  "
		                   "{columns-wider} {columns-narrower} width  {columns-reset} reset"
		                 : "{dialog-leave} back  {columns-show} as fits, shown, left out  {columns-later} {columns-earlier} move  "
		                   "{columns-wider} {columns-narrower} width  {columns-reset} reset";
	case DIALOG_CONFIRM:
		return "{dialog-accept} take it  {dialog-leave} back  {confirm-other} other answer  {copy-command} copy the command line";
	case DIALOG_FANOUT:
		return model->fanout.pending > 0 ? "{text-down} {text-up} scroll  {answers-give-up} give up the rest  {dialog-leave} back"
		                                 : "{text-down} {text-up} scroll  {answers-again} run again  {dialog-leave} back";
	case DIALOG_NONE:
		break;
	default:
		return ""; /* the others say their keys themselves */
	}
	if (model->pane_focus && model->front >= 0)
		return NULL;
	if (model->filtering)
		return "{line-accept} keep  {line-leave} drop  {line-complete} complete  {line-help} help  !term without it  state: label: cpu>";
	if (model->naming)
		return "{line-accept} write the session to this file  {line-leave} back";
	if (model->asking != ASK_NOTHING)
		return model->asking == ASK_COMMAND ? "{line-accept} run it there  {line-leave} back" :
		       model->asking == ASK_DISK ? "{line-accept} grow to it  {line-leave} back" : "{line-accept} keep it  {line-leave} back";
	if (model->commanding)
		return "{line-accept} do it  {line-leave} back  {line-up} {line-down} choose  {line-complete} complete  {line-help} help  "
		       "{copy-command} copy the command line";
	if (model->leader && !model->panel_focus)
		return "{full-screen} full screen  {scroll} scroll, copy  {detach} detach  {close} close  {focus} back  {next-pane} next  "
		       "{split} {split-below} split  {other-pane} other  {broadcast} broadcast  {log-session} log";
	return NULL;
}

void view_footer(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct button button[ACTION_COUNT + 2];
	int row = layout->footer.row, cols = layout->footer.cols, i, count, used;
	const char *here = keys_here(model, cols);
	char key[24];

	if (here != NULL) {
		hint(model, screen, row, 1, cols, here);
		return;
	}
	if (model->pane_focus && model->front >= 0) {
		pane_footer(model, screen, row, cols);
		return;
	}
	if (model->panel_focus) {
		panel_footer(model, screen, row, cols);
		return;
	}
	count = buttons(model, button);
	for (i = 0; i < count; i++) {
		const struct action *action = action_at(button[i].action);
		action_first_key(model, action->id, key, sizeof key);
		screen_hot(screen, row, button[i].col, button[i].width, HOT_ACTION, (int)action->id);
		used = screen_put(screen, row, button[i].col, cols - button[i].col, tone(TONE_TITLE), key);
		screen_put(screen, row, button[i].col + used + 1, cols - button[i].col - used - 1, tone(TONE_PLAIN),
		           action->footer);
	}
}
