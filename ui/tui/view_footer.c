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
	int row = layout->message.row, cols = layout->message.cols;
	char text[160];

	if (model->naming) {
		prompt(&model->path, screen, layout, ">", "Enter begins, Esc does not");
	} else if (model->commanding) {
		finder_hint(model, text, sizeof text);
		prompt(&model->palette, screen, layout, ":", text);
	} else if (model->asking != ASK_NOTHING) {
		size_t many = model->marked > 0 ? model->marked : 1;
		const struct row *selected = model_selected(model);
		if (model->asking == ASK_COMMAND)
			snprintf(text, sizeof text, "a command for %zu VM%s", many, many == 1 ? "" : "s");
		else if (model->asking == ASK_DISK && model->marked > 0)
			snprintf(text, sizeof text, "MiB, or with G: the disks of %zu VM%s", many, many == 1 ? "" : "s");
		else if (model->asking == ASK_DISK && selected != NULL)
			snprintf(text, sizeof text, "MiB, or with G: the disk of %s, now %u", selected->vm.name, selected->vm.disk_mib);
		else
			snprintf(text, sizeof text, "a name for the filter");
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
		snprintf(text, sizeof text, "/%.60s   %zu of %zu   Esc shows all", model->filter.text, model->shown_count,
		         model->count);
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
static void hint(struct screen *screen, int row, int col, int cols, const char *text)
{
	bool leader = false;
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
	char one[24], two[24], tab[24], text[200];
	action_first_key(model, ACTION_NEXT_FOCUS, tab, sizeof tab);
	if (model->panel == PANEL_OPERATIONS) {
		action_first_key(model, ACTION_RETRY, one, sizeof one);
		action_first_key(model, ACTION_CANCEL, two, sizeof two);
		snprintf(text, sizeof text, "Esc close  %s to the list  %s retry  %s cancel  Enter to its VM  j k move", tab, one, two);
	} else {
		action_first_key(model, ACTION_ONLY_THIS, one, sizeof one);
		snprintf(text, sizeof text, "Esc close  %s to the list  %s %s  Enter to its VM  j k move", tab, one,
		         model->events_of_one ? "all events" : "only the selected VM's");
	}
	hint(screen, row, 1, cols, text);
}

static void pane_footer(const struct model *model, struct screen *screen, int row, int cols)
{
	const struct pane *pane = model->panes[model->front];
	const char *own = pane->ops->hint(pane);
	char leave[24], text[256];

	action_key_text(&model->leave_key, model->ascii, leave, sizeof leave);
	/* While one reads back nothing is typed into the shells. */
	if (pane->broadcast && (own == NULL || *own == '\0')) {
		char names[160];
		size_t n = broadcast_names(model, names, sizeof names);
		snprintf(text, sizeof text, " BROADCAST: what you type goes to %zu shells: %s   %s B ends it", n, names, leave);
		screen_field(screen, row, 0, cols, tone(TONE_WARN), text);
		screen_hot(screen, row, 0, cols, HOT_LEADER, 'B');
		return;
	}
	/* The way out comes first: it is never the part that does not fit. */
	if (own != NULL && *own != '\0')
		snprintf(text, sizeof text, "%s to the list  %s", leave, own);
	else if (cols < 76)
		snprintf(text, sizeof text, "%s to the list", leave);
	else
		snprintf(text, sizeof text, "%s to the list  then:  z %s  [ scroll and search  d detach%s%s%s", leave,
		         model->full ? "half screen" : "full screen", cols >= 92 ? "  " : "", cols >= 92 ? leave : "",
		         cols >= 92 ? " send it" : "");
	if (cols >= 116 && (own == NULL || *own == '\0'))
		screen_put(screen, row, cols - 24, 24, tone(TONE_QUIET), "(keys go to the guest)");
	hint(screen, row, 1, cols, text);
}

void view_footer(const struct model *model, struct screen *screen, const struct layout *layout)
{
	struct button button[ACTION_COUNT + 2];
	int row = layout->footer.row, cols = layout->footer.cols, i, count, used;
	char key[16];

	if (model->dialog == DIALOG_TEXT && model->text.choose) {
		hint(screen, row, 1, cols, "j k choose  Enter copy  Esc back");
		return;
	}
	if (model->dialog == DIALOG_HELP || model->dialog == DIALOG_TEXT) {
		hint(screen, row, 1, cols, "j k scroll  Esc back");
		return;
	}
	if (model->dialog == DIALOG_COLUMNS) {
		hint(screen, row, 1, cols, cols < 72 ? "Esc back  Space  J K move  + - width  r reset" :
		                                     "Esc back  Space as fits, shown, left out  J K move  + - width  r reset");
		return;
	}
	if (model->dialog == DIALOG_CONFIRM) {
		hint(screen, row, 1, cols, "Enter take it  Esc back  Tab other answer  Ctrl-Y copy the command line");
		return;
	}
	if (model->dialog == DIALOG_FANOUT) {
		hint(screen, row, 1, cols, model->fanout.pending > 0 ? "j k scroll  x give up the rest  Esc back"
		                                                     : "j k scroll  r run again  Esc back");
		return;
	}
	if (model->dialog != DIALOG_NONE)
		return; /* the others say their keys themselves */
	if (model->pane_focus && model->front >= 0) {
		pane_footer(model, screen, row, cols);
		return;
	}
	if (model->filtering) {
		hint(screen, row, 1, cols, "Enter keep  Esc drop  Tab complete  F1 help  !term without it  state: label: cpu>");
		return;
	}
	if (model->naming) {
		hint(screen, row, 1, cols, "Enter write the session to this file  Esc back");
		return;
	}
	if (model->asking != ASK_NOTHING) {
		hint(screen, row, 1, cols, model->asking == ASK_COMMAND ? "Enter run it there  Esc back" :
		                         model->asking == ASK_DISK ? "Enter grow to it  Esc back" : "Enter keep it  Esc back");
		return;
	}
	if (model->commanding) {
		hint(screen, row, 1, cols, "Enter do it  Esc back  Up Down choose  Tab complete  F1 help  Ctrl-Y copy the command line");
		return;
	}
	if (model->panel_focus) {
		panel_footer(model, screen, row, cols);
		return;
	}
	if (model->leader) {
		hint(screen, row, 1, cols, "z full screen  [ scroll, copy  d detach  w close  Tab back  n next  % \" split  ; other  B broadcast  L log");
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
