/* SPDX-License-Identifier: Apache-2.0
 *
 * ui_fixture.h - a small host with one VM of each kind, for the dashboard's tests.
 */
#ifndef STOKER_TESTS_UI_FIXTURE_H
#define STOKER_TESTS_UI_FIXTURE_H

#include <ftw.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tui/model.h"
#include "tui/update.h"
#include "tui/view.h"

static inline int fixture_remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb, (void)kind, (void)at;
	return remove(path);
}

static inline void fixture_remove_folder(const char *dir)
{
	assert_int_equal(nftw(dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* A whole file, "" when there is none. */
static inline char *fixture_slurp(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	if (file == NULL)
		return text;
	text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* FNV-1a, a value at a time: what sums over frames begin with, and go on with. */
#define SUM_OF_NOTHING 1469598103934665603u
static inline uint64_t sum_with(uint64_t sum, uint32_t value)
{
	return (sum ^ value) * 1099511628211u;
}

#define SECOND 1000000000LL
#define NOW_NS (5000 * SECOND)
#define WALL_MS 1770127327000LL /* 2026-02-03 14:02:07 UTC */

static inline struct stoker_vm fixture_vm(int number, const char *name, enum stoker_state state)
{
	struct stoker_vm vm;
	memset(&vm, 0, sizeof vm);
	snprintf(vm.id, sizeof vm.id, "%016x", 0x1000 + number);
	snprintf(vm.name, sizeof vm.name, "%s", name);
	snprintf(vm.ip, sizeof vm.ip, "172.16.%d.%d", number / 250, number % 250 + 2);
	snprintf(vm.backend, sizeof vm.backend, "qemu");
	snprintf(vm.accel, sizeof vm.accel, "tcg");
	snprintf(vm.image, sizeof vm.image, "micro");
	snprintf(vm.egress, sizeof vm.egress, "all");
	vm.ssh_port = (uint16_t)(2200 + number);
	vm.state = state;
	vm.vcpus = 1;
	vm.memory_mib = 256;
	vm.disk_mib = 2048;
	vm.uptime_ms = -1;
	vm.exit_status = -1;
	vm.phase = vm.last_phase = STOKER_PHASE_NONE;
	if (state == STOKER_RUNNING || state == STOKER_STARTING || state == STOKER_PAUSED || state == STOKER_STOPPING) {
		vm.pid = 48000 + number;
		vm.ready = state == STOKER_RUNNING;
		vm.uptime_ms = 8055000;
	}
	return vm;
}

static inline void fixture_event(struct event *event, enum event_kind kind)
{
	memset(event, 0, sizeof *event);
	event->kind = kind;
	event->now_ns = NOW_NS;
	event->wall_ms = WALL_MS;
}

static inline void fixture_send(struct model *model, struct event *event, struct effects *effects)
{
	if (event->now_ns == 0)
		event->now_ns = NOW_NS;
	if (event->wall_ms == 0)
		event->wall_ms = WALL_MS;
	update(model, event, effects);
}

static inline void fixture_list(struct model *model, const struct stoker_vm *vms, size_t count, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_SNAPSHOT);
	event.snapshot = calloc(1, sizeof *event.snapshot);
	assert_non_null(event.snapshot);
	event.snapshot->has_vms = true;
	event.snapshot->vms = malloc((count + 1) * sizeof *vms);
	assert_non_null(event.snapshot->vms);
	if (count > 0)
		memcpy(event.snapshot->vms, vms, count * sizeof *vms);
	event.snapshot->count = count;
	fixture_send(model, &event, effects);
	snapshot_free(event.snapshot);
}

static inline void fixture_char(struct model *model, uint32_t ch, unsigned mods, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_KEY);
	event.key.kind = KEY_KIND_CHAR;
	event.key.ch = ch;
	event.key.mods = mods;
	fixture_send(model, &event, effects);
}

/* Asks for the plan, and answers with findings of (subject, detail, repair): the first is to be marked, the last to be
 * adopted or ended as a person says, what lies between to be removed. */
static inline void fixture_plan(struct model *model, const char *const text[][3], size_t count, struct effects *effects)
{
	struct event event;
	size_t i;
	fixture_char(model, 'R', 0, effects);
	fixture_event(&event, EVENT_PLAN);
	event.op = model->plan.op;
	event.count = count;
	event.items = calloc(count, sizeof *event.items);
	for (i = 0; i < count; i++) {
		struct stoker_finding *f = &event.items[i].finding;
		bool last = i + 1 == count;
		snprintf(f->subject, sizeof f->subject, "%s", text[i][0]);
		snprintf(f->detail, sizeof f->detail, "%s", text[i][1]);
		snprintf(f->repair_text, sizeof f->repair_text, "%s", text[i][2]);
		f->repair = last ? STOKER_REPAIR_ADOPT : i == 0 ? STOKER_REPAIR_MARK : STOKER_REPAIR_REMOVE;
		f->alternative = last ? STOKER_REPAIR_END : STOKER_REPAIR_NONE;
		f->ask = last;
	}
	fixture_send(model, &event, effects);
}

static inline void fixture_special(struct model *model, enum special_key special, struct effects *effects)
{
	struct event event;
	fixture_event(&event, EVENT_KEY);
	event.key.kind = KEY_KIND_SPECIAL;
	event.key.special = special;
	fixture_send(model, &event, effects);
}

static inline void fixture_type(struct model *model, const char *text, struct effects *effects)
{
	for (; *text != '\0'; text++)
		fixture_char(model, (unsigned char)*text, 0, effects);
}

/* The fleet of the sketch: one of each state. Returns how many. */
static inline size_t fixture_fleet(struct stoker_vm vms[8])
{
	vms[0] = fixture_vm(0, "quiet-otter", STOKER_RUNNING);
	vms[0].last_phase = STOKER_PHASE_EXEC;
	vms[0].last_phase_ns = 24000000;
	vms[1] = fixture_vm(1, "amber-fox", STOKER_RUNNING);
	vms[1].ready = false;
	vms[1].phase = STOKER_PHASE_BOOT;
	vms[1].phase_since_ns = NOW_NS - 1170000000;
	vms[1].uptime_ms = 1170;
	vms[1].last_phase = STOKER_PHASE_START;
	vms[1].last_phase_ns = 26000000;
	vms[2] = fixture_vm(2, "build-7", STOKER_RUNNING);
	snprintf(vms[2].backend, sizeof vms[2].backend, "firecracker");
	snprintf(vms[2].accel, sizeof vms[2].accel, "kvm");
	snprintf(vms[2].labels, sizeof vms[2].labels, "team=build,tier=ci");
	vms[2].vcpus = 4;
	vms[2].memory_mib = 2048;
	vms[2].uptime_ms = 2460000;
	vms[2].last_phase = STOKER_PHASE_EXEC;
	vms[2].last_phase_ns = 9000000;
	vms[3] = fixture_vm(3, "old-heron", STOKER_CRASHED);
	vms[3].exit_status = 256 + 9;
	snprintf(vms[3].reason, sizeof vms[3].reason, "the VMM was ended by signal 9");
	vms[4] = fixture_vm(4, "test-3", STOKER_STOPPED);
	vms[4].last_phase = STOKER_PHASE_STOP;
	vms[4].last_phase_ns = 4000000;
	vms[5] = fixture_vm(5, "ghost", STOKER_RUNNING);
	vms[5].stale = true;
	snprintf(vms[5].reason, sizeof vms[5].reason, "process 47002 is gone");
	vms[6] = fixture_vm(6, "failed-to-start", STOKER_ERROR);
	snprintf(vms[6].reason, sizeof vms[6].reason, "port 2206 of 127.0.0.1 is taken by another program");
	vms[7] = fixture_vm(7, "sleeper", STOKER_PAUSED);
	return 8;
}

#endif
