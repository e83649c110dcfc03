/* SPDX-License-Identifier: Apache-2.0
 *
 * model.h - what the dashboard knows and shows; events in, effects out.
 *
 * update() is the only thing that changes a model, and it is deterministic: it
 * reads no clock (the time is in the event), no file and no thread, and what is
 * to be done outside comes back as effects. view_draw() reads a model and
 * writes a screen. So a test can play any story without a terminal or a VM.
 *
 * A selection and the marks belong to VM ids, never to rows: they survive any
 * sorting, filtering and refreshing.
 */
#ifndef STOKER_UI_TUI_MODEL_H
#define STOKER_UI_TUI_MODEL_H

#include "actions.h"
#include "batch.h"
#include "columns.h"
#include "common/vm_filter.h"
#include "fanout.h"
#include "field.h"
#include "fleet.h"
#include "keymap.h"
#include "usage.h"
#include "pane.h"
#include "screen.h"
#include "stoker.h"

#define HISTORY 16          /* CPU samples kept per VM and of the host */
#define EVENTS_KEPT 400
#define OPS_KEPT 200        /* operations that have ended */
#define GROUP_KEY_SIZE 96
#define FOLDED_MAX 32
#define PANES_MAX 32
#define TIMINGS_KEPT 256    /* of the selected VM */

/* --------------------------------------------------------------- the model */

struct row {
	struct stoker_vm vm;
	bool marked;
	enum action_id op;      /* what we have under way on it, ACTION_NONE: nothing */
	int64_t op_since_ns;
	int64_t listed_ns;      /* when `vm` was read: its uptime counts on from there */
	int cpu;                /* percent of one CPU as shown, -1: not known */
	uint64_t rss_kib;       /* as shown, 0: not known */
	int8_t history[HISTORY]; /* 0-100 of all its vCPUs, newest last */
	int history_len;
	int64_t cpu_ns, sampled_ns; /* the last raw sample */
	int64_t disk_rate, net_rate; /* bytes a second as shown, -1: not known */
	int64_t disk_bytes, disk_ns, net_bytes, net_ns, rss_ns; /* the last raw samples; _ns 0: none yet */
	struct usage *past;   /* of the last ten minutes, owned; NULL before the first sample */
};

enum sort_by { SORT_CREATED, SORT_NAME, SORT_STATUS, SORT_IP, SORT_CPU, SORT_RSS, SORT_UPTIME, SORT_LAST,
               SORT_DISK, SORT_NETWORK, SORT_COUNT };

/* What is below the list. */
enum panel { PANEL_NONE, PANEL_PHASES, PANEL_GRAPHS, PANEL_FLEET, PANEL_OPERATIONS, PANEL_EVENTS, PANEL_COUNT };

enum group_by { GROUP_BY_NONE, GROUP_BY_STATE, GROUP_BY_IMAGE, GROUP_BY_BACKEND, GROUP_BY_LABEL, GROUP_BY_COUNT };

/* VMs that have something in common, and their sums. */
struct group {
	char key[GROUP_KEY_SIZE]; /* "running", "team=build"; "" is drawn as none of them */
	bool folded;
	size_t first, count;      /* in `shown` */
};

struct op {
	uint64_t id;
	enum action_id action;
	char vm_id[STOKER_ID_SIZE]; /* "" for create and reconcile */
	char name[STOKER_NAME_MAX + 1];
	int64_t since_ns, since_ms;
	bool cancelling;
	unsigned disk_mib;          /* wanted, of a resize */
	uint64_t batch;             /* what it was begun with */
	char step[64];              /* "copying disk", "" before the first word of it */
	int64_t done, total;        /* total 0: unknown */
};

/* One that has ended. */
enum op_result { OP_DONE, OP_FAILED, OP_CANCELLED };
struct op_ended {
	struct op op;
	enum op_result result;
	int64_t took_ns;
	char why[512];
};

enum message_tone { MESSAGE_PLAIN, MESSAGE_GOOD, MESSAGE_BAD };

enum dialog { DIALOG_NONE, DIALOG_CONFIRM, DIALOG_CREATE, DIALOG_RECONCILE, DIALOG_TEXT, DIALOG_HELP, DIALOG_COLUMNS,
	DIALOG_FANOUT, DIALOG_COUNT };

/* What had the keys when help was asked for. */
enum help_of { HELP_LIST, HELP_OPERATIONS, HELP_EVENTS, HELP_SHELL, HELP_COPY, HELP_LOG, HELP_FORM, HELP_PLAN, HELP_COLUMNS, HELP_FANOUT,
	HELP_TEXT, HELP_FILTER, HELP_PALETTE, HELP_LINE, HELP_PHASES, HELP_GRAPHS, HELP_FLEET, HELP_COUNT };

enum form_field {
	FORM_PRESET, FORM_NAME, FORM_IMAGE, FORM_VCPUS, FORM_MEMORY, FORM_DISK, FORM_DISK_MODE, FORM_BACKEND, FORM_ACCEL, FORM_NETWORK,
	FORM_EGRESS, FORM_PUBLISH, FORM_ALLOW, FORM_LABELS, FORM_EPHEMERAL, FORM_START, FORM_COUNT
};

struct form {
	struct field fields[FORM_COUNT]; /* choices and switches hold their text too */
	int focus;
	bool edited;         /* the field with the focus, since it got it */
	uint64_t generation; /* counts edits: an answer to an older one is ignored */
	bool checking;       /* the newest edit has not been answered yet */
	bool wrong;
	char message[1280];  /* what the check says; "" when all is well */
	char like[STOKER_NAME_MAX + 1]; /* whose settings it began with, "" */
};

/* A specification that owns its strings, for workers. */
struct form_spec {
	char text[FORM_COUNT][STOKER_LABELS_SIZE];
	struct stoker_spec spec; /* points into text */
	bool start;
};

struct confirm {
	enum action_id action;
	char (*ids)[STOKER_ID_SIZE];
	size_t count;
	size_t left;          /* of the marked ones: not possible for them */
	char left_why[96];    /* for the first of those */
	bool yes; /* which button has the focus; false at first, but for what does no harm */
};

/* A setting as the palette shows it; filters and presets are found among them. */
struct setting_line {
	char key[64], value[FIELD_SIZE], origin[192], help[96];
};

/* One that this dashboard put into the trash. */
struct deleted_vm {
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1];
	uint64_t batch; /* which delete it went with: they come back together */
};
#define DELETED_KEPT 1000

/* A filter that was kept by hand; the memory has it. */
struct kept_filter {
	char name[33], text[FIELD_SIZE];
};
#define KEPT_MAX 32

/* What is being asked for in the message line. */
enum asking { ASK_NOTHING, ASK_COMMAND, ASK_FILTER_NAME, ASK_DISK };

enum plan_state { PLAN_LOOKING, PLAN_READY, PLAN_WORKING, PLAN_DONE, PLAN_FAILED };
struct plan_item {
	struct stoker_finding finding;
	enum stoker_repair choice; /* STOKER_REPAIR_NONE: left out */
	enum { ITEM_WAITING, ITEM_WORKING, ITEM_DONE, ITEM_FAILED } result;
	char why[320];
};
struct plan_view {
	enum plan_state state;
	struct plan_item *items;
	size_t count;
	int cursor, top;
	uint64_t op;
	char failure[512];
};

struct text_view {
	char title[STOKER_NAME_MAX + 32];
	char vm_id[STOKER_ID_SIZE];
	char **lines;
	int count, top;
	bool choose;  /* a line is chosen: what is behind its tab can be copied */
	int cursor;
};

struct model {
	int rows_size, cols_size; /* of the terminal */
	int64_t now_ns, wall_ms;  /* of the last event */
	int utc_offset_s;         /* so that views show local time without asking anybody */
	bool ascii, read_only, loaded;
	char failure[512];        /* why there is no list, "" when there is one */
	struct keymap keymap;

	struct row *rows;
	size_t count;
	size_t marked;
	int *shown;               /* indexes into rows: filtered, grouped, sorted */
	size_t shown_count;
	enum group_by group_by;
	char group_label[STOKER_NAME_MAX + 1]; /* whose key, for GROUP_BY_LABEL */
	struct group *groups;
	size_t group_count;
	char folded[FOLDED_MAX][GROUP_KEY_SIZE];
	int folded_count;
	int *lines;               /* what the list shows: an index into shown, or -1 - index into groups */
	size_t line_count;
	bool on_group;            /* the selection is a group, by its key; then no VM is selected */
	char selected_group[GROUP_KEY_SIZE];
	char selected[STOKER_ID_SIZE];
	char select_name[STOKER_NAME_MAX + 1]; /* select this one as soon as it is seen */
	size_t selected_at;       /* the line it was last shown in: who follows when it goes */
	size_t top;               /* first line in sight */
	enum sort_by sort;
	bool reverse;
	struct columns columns;
	enum panel panel;
	bool panel_focus;         /* moving moves in the panel */
	int panel_at, panel_top;  /* line of operations or events */
	bool events_of_one;       /* only those of the selected VM */
	struct field filter;
	bool filtering;           /* the filter line has the focus */
	struct vm_filter wanted;  /* the filter as it was read; its `problem` is shown while one types */
	struct field palette;
	bool commanding;          /* the palette has the focus */
	size_t palette_at;        /* which of what it found */
	enum asking asking;       /* `answer` has the focus */
	struct field answer;
	char mark_anchor[STOKER_ID_SIZE]; /* marked last: where a range begins */
	struct batch batch;       /* the last action on several VMs */
	struct fanout fanout;     /* the last command on several */
	struct deleted_vm deleted[DELETED_KEPT]; /* the one deleted last is the last */
	size_t deleted_count;
	int64_t trash_keep_s;
	struct kept_filter kept[KEPT_MAX];
	int kept_count;
	struct setting_line *settings;
	size_t setting_count;
	char presets[256];        /* their names, separated by blanks, "none" first */
	char *command_places;     /* what a stoker command needs to mean this host: " --state DIR ...", or NULL */

	struct stoker_host host;
	bool host_known;
	int host_cpu;             /* as shown */
	int8_t host_history[HISTORY];
	int host_history_len;
	unsigned mem_used_deci_gib; /* as shown, tenths */
	int guest_cpu;            /* of all CPUs, as shown, -1: not known */
	uint64_t guest_rss_kib;   /* as shown */

	struct stoker_percentiles fleet[STOKER_PHASE_COUNT];
	struct fleet_phase spread[STOKER_PHASE_COUNT]; /* read while the fleet's phases are shown */
	bool spread_known;
	char timings_id[STOKER_ID_SIZE];
	struct stoker_timing *timings; /* of the selected VM, newest first */
	size_t timing_count;
	struct stoker_event events[EVENTS_KEPT]; /* newest first */
	int event_count;

	struct op *ops;
	size_t op_count, op_cap;
	uint64_t next_op;
	struct op_ended *ended;   /* newest first, OPS_KEPT at most */
	size_t ended_count;
	char message[1280];
	enum message_tone message_tone;
	int64_t message_ns; /* when it was said */

	struct pane *panes[PANES_MAX];
	int pane_count;
	unsigned pane_changes;    /* counts openings and closings */
	int front;                /* index into panes, -1: none is shown */
	bool pane_focus, full;
	struct {
		int other;            /* index of the second pane that is shown, -1: none */
		bool stacked;         /* one above the other, not side by side */
		bool other_first;     /* it is the left or upper one */
	} split;
	int mouse_pane;           /* where a button went down and has not come up, -1 */
	int64_t clicked_ns;       /* the last click on a line of the list or below it, for the double one */
	char clicked[GROUP_KEY_SIZE]; /* the VM's id, the group, or which line */
	char session_dir[900];    /* where session logs go unless told otherwise */
	struct field path;
	bool naming;              /* the path of a session log has the focus */
	char naming_id[STOKER_ID_SIZE];
	bool leader, was_full;    /* the leave key was the last key; from a full screen */
	char opening[STOKER_NAME_MAX + 1]; /* whose shell is being opened, "" */
	enum pane_kind opening_kind;

	enum dialog dialog;
	struct confirm confirm;
	struct form form;
	struct field defaults[FORM_COUNT]; /* what a new form begins with */
	char images[256];         /* names for the image field, separated by blanks */
	struct plan_view plan;
	struct text_view text;
	int help_top;
	enum dialog help_back;    /* what the help was opened over */
	enum help_of help_of;     /* whose keys it begins with, */
	enum help_of help_below;  /* and what is below the list besides, HELP_COUNT: nothing */
};

struct model *model_new(int rows, int cols);
void model_free(struct model *model);
/* The selected VM, NULL when there is none. */
const struct row *model_selected(const struct model *model);
struct row *model_row(const struct model *model, const char *id);
/* Milliseconds it has been up by now, -1 when it is not. */
int64_t model_uptime(const struct model *model, const struct row *row);
/* The line of the selection, -1 when there is none. */
int model_cursor(const struct model *model);
/* The VM in a line of the list, NULL when that is a group; and the group, NULL when it is a VM. */
const struct row *model_line_row(const struct model *model, size_t line);
const struct group *model_line_group(const struct model *model, size_t line);
void model_select_line(struct model *model, size_t line);
/* Is a phase slower than 95 of 100 in the fleet? Never said before ten have been timed. */
bool model_slow(const struct model *model, enum stoker_phase phase, int64_t ns);
/* The VM whose phase under way has lasted longest, NULL when none is. */
const struct row *model_slowest(const struct model *model);
/* Operations that failed in the last hour, whoever began them. */
size_t model_failures(const struct model *model);
/* Can the panel have the focus? */
bool panel_takes_focus(enum panel panel);
/* Lines of the panel with operations or events, and the event in one. */
int panel_lines(const struct model *model);
const struct stoker_event *panel_event(const struct model *model, int line);
/* Applies filter and sort anew and keeps selection and window in order. */
void model_arrange(struct model *model);
struct pane *model_pane_of(const struct model *model, const char *vm_id, enum pane_kind kind);
/* How often a clock that is running changes what is seen: 0 when none runs. */
int64_t model_pulse_ns(const struct model *model);
/* True when any VM lives: figures then change by themselves. */
bool model_live(const struct model *model);

/* Whose figures a person sees now: the VMs in the list's window, and the selected one. */
#define SIGHT_MAX 256
struct sight {
	size_t count;
	char ids[SIGHT_MAX][STOKER_ID_SIZE];
};
void model_sight(const struct model *model, struct sight *sight);

/* -------------------------------------------------------------- the events */

/* What the reader found; parts that did not change are NULL or false. */
struct snapshot {
	bool has_vms;
	struct stoker_vm *vms;
	size_t count;
	struct stoker_sample *samples; /* sample_ids[i] names the VM of samples[i] */
	char (*sample_ids)[STOKER_ID_SIZE];
	size_t sample_count;
	bool has_host, has_fleet, has_timings, has_spread;
	struct fleet_phase spread[STOKER_PHASE_COUNT];
	struct stoker_host host;
	struct stoker_percentiles fleet[STOKER_PHASE_COUNT];
	struct stoker_event *events;   /* oldest first */
	size_t event_count;
	char timings_id[STOKER_ID_SIZE];
	struct stoker_timing *timings;
	size_t timing_count;
	char images[256];
	char failure[512];             /* why listing failed, "" when it did not */
};
void snapshot_free(struct snapshot *snapshot);

enum event_kind {
	EVENT_TICK,     /* time went on */
	EVENT_KEY, EVENT_RESIZE, EVENT_SNAPSHOT,
	EVENT_OP_DONE,  /* an operation ended; `failed` and `error` or `vm` */
	EVENT_CHECKED,  /* the answer to EFFECT_CHECK */
	EVENT_PLAN,     /* a plan was made; the model takes `items` */
	EVENT_PLAN_ITEM,/* one item is being or was carried out */
	EVENT_RAN,      /* a command of a fan-out ended; the model takes `lines` */
	EVENT_TEXT,     /* lines for the inspect view; the model takes them */
	EVENT_PANE_OPENED, EVENT_PANE_REFUSED_KEY, EVENT_PANE_CHANGED,
	EVENT_PROGRESS, /* of operation `op`: `text`, `done` of `total` */
	EVENT_NOTICE    /* a line for the message line */
};

struct event {
	enum event_kind kind;
	int64_t now_ns, wall_ms;
	struct key key;
	int rows, cols;
	struct snapshot *snapshot; /* taken by the model's owner afterwards, parts may be moved out */
	uint64_t op;
	enum action_id action;
	bool failed;
	struct stoker_error error;
	struct stoker_vm vm;
	bool has_vm;
	uint64_t generation;
	struct plan_item *items;
	size_t count, item;
	bool begun;
	char **lines;
	int line_count;
	int64_t done, total;
	int status;
	int64_t duration_ns;
	bool cut;
	char vm_id[STOKER_ID_SIZE];
	char text[512];
	struct pane *pane;
};

/* ------------------------------------------------------------- the effects */

enum effect_kind {
	EFFECT_QUIT, EFFECT_SUSPEND, EFFECT_REDRAW,
	EFFECT_DO,        /* carry out `action` on `id` as operation `op`; a resize to `count` MiB */
	EFFECT_CREATE,    /* create (and start) `spec`, which goes to the worker */
	EFFECT_CHECK,     /* check `spec` and answer with `generation` */
	EFFECT_PLAN, EFFECT_APPLY, /* apply: `choices`, `count` long, goes to the worker */
	EFFECT_PLAN_DROP, /* the plan is not wanted any more */
	EFFECT_INSPECT,
	EFFECT_LOOK,      /* `id` is now the selected VM, and `force`: the fleet's phases are wanted */
	EFFECT_OPEN,      /* open a pane of `pane_kind` on `id` */
	EFFECT_RUN,       /* run `text` in `id` as operation `op` of a fan-out */
	EFFECT_REMEMBER,  /* keep the present filter under the name `text` */
	EFFECT_COPY,      /* `text` to the clipboard */
	EFFECT_CANCEL,    /* operation `op` is not wanted any more */
	EFFECT_PANE_KEY, EFFECT_PANE_COMMAND, EFFECT_PANE_FREE,
	EFFECT_PANE_LOG   /* write its session to `path`, "": stop */
};

struct effect {
	enum effect_kind kind;
	enum action_id action;
	bool force;
	uint64_t op, generation;
	char id[STOKER_ID_SIZE];
	struct form_spec *spec;          /* malloc'ed, the taker frees it */
	enum stoker_repair *choices;     /* malloc'ed, the taker frees it */
	char *text;                      /* malloc'ed, the taker frees it */
	size_t count;
	enum pane_kind pane_kind;
	enum pane_command command;
	struct pane *pane;
	struct key key;
	char path[FIELD_SIZE];
};

struct effects {
	struct effect *items;
	size_t count, cap;
	struct effect spare; /* written without memory, carried out by nobody */
};
void effects_clear(struct effects *effects); /* frees what was not taken */
void effects_free(struct effects *effects);

/* Returns true when what is to be seen may have changed. */
bool update(struct model *model, const struct event *event, struct effects *effects);

#endif
