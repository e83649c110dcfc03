/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - the names of states, phases and modes.
 */
#include "names.h"

#include <string.h>

#define NAME_OF(table, value) ((size_t)(value) < sizeof(table) / sizeof *(table) ? (table)[value] : "")

static const char *const state_names[STOKER_STATE_COUNT] = { "created", "starting", "running", "paused",
	                                                     "stopping", "stopped",  "crashed", "error" };
static const char *const phase_names[STOKER_PHASE_COUNT] = { "create", "start", "boot", "ssh", "exec", "stop", "delete" };
static const char *const disk_names[] = { "isolated", "shared", "copy" };
static const char *const network_names[] = { "user", "tap", "none" };

const char *stoker_state_name(enum stoker_state state)
{
	return NAME_OF(state_names, state);
}

const char *stoker_phase_name(enum stoker_phase phase)
{
	return NAME_OF(phase_names, phase);
}

const char *stoker_disk_mode_name(enum stoker_disk_mode mode)
{
	return NAME_OF(disk_names, mode);
}

const char *stoker_network_name(enum stoker_network network)
{
	return NAME_OF(network_names, network);
}

static int find(const char *const *table, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(table[i], name) == 0)
			return i;
	return -1;
}

int state_by_name(const char *name)
{
	return find(state_names, STOKER_STATE_COUNT, name);
}

int phase_by_name(const char *name)
{
	return find(phase_names, STOKER_PHASE_COUNT, name);
}

int disk_mode_by_name(const char *name)
{
	return find(disk_names, 3, name);
}

int network_by_name(const char *name)
{
	return find(network_names, 3, name);
}
