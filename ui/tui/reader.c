/* SPDX-License-Identifier: Apache-2.0
 *
 * reader.c - reads the list and its figures, as little as possible of them.
 *
 * The list is read only when something changed; every second only the VMs that
 * have a process are sampled, from /proc and by their agents, without the store.
 * Those in sight come before the others.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs.h"
#include "common/now.h"

#define FLEET_EVERY_NS 500000000LL
#define SPREAD_EVERY_NS 2000000000LL /* it reads every timing there is */

struct reader {
	struct stoker_vm *alive; /* those with a process, in the list's order */
	size_t alive_count;
	bool *in_sight;          /* of each of them; NULL: not known for this list */
	struct sight sight;
	struct stoker_host host; /* as it was when the list was read: addresses and ports change only with that */
	int64_t seq;             /* of the newest event that was told */
	int64_t fleet_ns;        /* when percentiles were last read */
	bool fleet_due;
	int64_t spread_ns;
	bool spread_due;         /* something was timed since, or it was never read */
};

struct reader *reader_new(void)
{
	struct reader *reader = calloc(1, sizeof(struct reader));
	if (reader != NULL)
		reader->spread_due = true;
	return reader;
}

void reader_free(struct reader *reader)
{
	if (reader == NULL)
		return;
	free(reader->alive);
	free(reader->in_sight);
	free(reader);
}

static void remember_alive(struct reader *reader, const struct snapshot *snapshot)
{
	struct stoker_vm *alive;
	size_t i, count = 0;
	for (i = 0; i < snapshot->count; i++)
		count += snapshot->vms[i].pid > 0;
	alive = malloc((count + 1) * sizeof *alive);
	if (alive == NULL)
		return;
	free(reader->alive);
	free(reader->in_sight);
	reader->in_sight = NULL;
	reader->alive = alive;
	reader->alive_count = 0;
	for (i = 0; i < snapshot->count; i++) {
		if (snapshot->vms[i].pid > 0)
			alive[reader->alive_count++] = snapshot->vms[i];
	}
}

static void read_list(struct reader *reader, stoker *s, struct snapshot *snapshot)
{
	struct stoker_error err;
	size_t i;

	memset(&err, 0, sizeof err);
	if (stoker_list(s, NULL, &snapshot->vms, &snapshot->count, &err) != STOKER_OK) {
		stoker_error_text(&err, snapshot->failure, sizeof snapshot->failure);
		return;
	}
	snapshot->has_vms = true;
	remember_alive(reader, snapshot);
	if (stoker_events(s, reader->seq, EVENTS_KEPT, &snapshot->events, &snapshot->event_count, NULL) != STOKER_OK)
		snapshot->event_count = 0;
	for (i = 0; i < snapshot->event_count; i++) {
		if (snapshot->events[i].seq > reader->seq)
			reader->seq = snapshot->events[i].seq;
	}
	reader->fleet_due = reader->spread_due = true;
}

/* Looked for only when the list or the window in it is another one. */
static void find_sight(struct reader *reader, const struct sight *sight)
{
	size_t i, k;
	if (reader->in_sight != NULL && memcmp(&reader->sight, sight, sizeof *sight) == 0)
		return;
	free(reader->in_sight);
	reader->in_sight = calloc(reader->alive_count + 1, sizeof *reader->in_sight);
	reader->sight = *sight;
	for (i = 0; reader->in_sight != NULL && i < reader->alive_count; i++) {
		for (k = 0; k < sight->count && !reader->in_sight[i]; k++)
			reader->in_sight[i] = strcmp(reader->alive[i].id, sight->ids[k]) == 0;
	}
}

/* Nobody tells of a supervisor's end: its VMM runs on, and it was the one who tells. Nothing is sent. */
static bool lost_its_supervisor(const struct stoker_vm *vm)
{
	return !vm->stale && vm->supervisor_pid > 0 && kill((pid_t)vm->supervisor_pid, 0) < 0 && errno == ESRCH;
}

/* True when a process has gone that the list believes alive. */
static bool read_samples(struct reader *reader, stoker *s, struct snapshot *snapshot, const struct sight *sight)
{
	bool gone = false;
	size_t i;

	if (reader->alive_count == 0)
		return false;
	snapshot->samples = calloc(reader->alive_count, sizeof *snapshot->samples);
	snapshot->sample_ids = calloc(reader->alive_count, sizeof *snapshot->sample_ids);
	if (snapshot->samples == NULL || snapshot->sample_ids == NULL)
		return false;
	find_sight(reader, sight);
	stoker_sample_vms(s, reader->alive, reader->alive_count, reader->in_sight, snapshot->samples);
	for (i = 0; i < reader->alive_count; i++) {
		memcpy(snapshot->sample_ids[i], reader->alive[i].id, STOKER_ID_SIZE);
		gone = gone || snapshot->samples[i].cpu_ns < 0 || lost_its_supervisor(&reader->alive[i]);
	}
	snapshot->sample_count = reader->alive_count;
	return gone;
}

static void read_host(struct reader *reader, stoker *s, struct snapshot *snapshot, bool listed)
{
	struct stoker_host *host = &snapshot->host;
	if (listed || reader->host.cpus == 0) {
		snapshot->has_host = stoker_host_read(s, host, NULL) == STOKER_OK;
		reader->host = *host;
		return;
	}
	snapshot->has_host = stoker_host_read(NULL, host, NULL) == STOKER_OK;
	host->addresses_used = reader->host.addresses_used;
	host->addresses_total = reader->host.addresses_total;
	host->ports_used = reader->host.ports_used;
	host->ports_total = reader->host.ports_total;
}

static void read_images(stoker *s, struct snapshot *snapshot)
{
	struct stoker_image *images = NULL;
	size_t count = 0, i, len = 0;
	if (stoker_image_list(s, &images, &count, NULL) != STOKER_OK)
		return;
	for (i = 0; i < count && len < sizeof snapshot->images - 1; i++)
		len += (size_t)snprintf(snapshot->images + len, sizeof snapshot->images - len, "%s%s", i > 0 ? " " : "",
		                        images[i].name);
	stoker_free(images);
}

static void read_spread(struct reader *reader, stoker *s, struct snapshot *snapshot, int64_t now)
{
	struct stoker_timing *timings = NULL;
	size_t count = 0;
	if (stoker_timings(s, NULL, &timings, &count, NULL) == STOKER_OK)
		snapshot->has_spread = fleet_spread(timings, count, snapshot->spread);
	stoker_free(timings);
	reader->spread_due = false;
	reader->spread_ns = now;
}

struct snapshot *reader_read(struct reader *reader, stoker *s, unsigned what, const char *look,
                             const struct sight *sight, unsigned *again)
{
	struct snapshot *snapshot = calloc(1, sizeof *snapshot);
	int64_t now = mono_ns();

	*again = 0;
	if (snapshot == NULL)
		return NULL;
	if (what & (READ_LIST | READ_FIRST))
		read_list(reader, s, snapshot);
	if (what & READ_FIRST) {
		*again = READ_SAMPLES | READ_TIMINGS | READ_IMAGES;
		return snapshot;
	}
	if (what & (READ_LIST | READ_SAMPLES)) {
		if (read_samples(reader, s, snapshot, sight) && !(what & READ_LIST))
			*again |= READ_LIST;
		read_host(reader, s, snapshot, (what & READ_LIST) != 0);
	}
	/* Percentiles go over everything recorded: not at every change of a busy fleet. */
	if (reader->fleet_due && now - reader->fleet_ns >= FLEET_EVERY_NS) {
		snapshot->has_fleet = stoker_phase_percentiles(s, NULL, snapshot->fleet, NULL) == STOKER_OK;
		reader->fleet_due = false;
		reader->fleet_ns = now;
	}
	if ((what & READ_FLEET) && reader->spread_due && now - reader->spread_ns >= SPREAD_EVERY_NS)
		read_spread(reader, s, snapshot, now);
	if (reader->fleet_due || ((what & READ_FLEET) && reader->spread_due))
		*again |= READ_TIMINGS;
	if ((what & (READ_LIST | READ_TIMINGS)) && look[0] != '\0') {
		snprintf(snapshot->timings_id, sizeof snapshot->timings_id, "%s", look);
		snapshot->has_timings = stoker_timings(s, look, &snapshot->timings, &snapshot->timing_count, NULL) == STOKER_OK;
	}
	if (what & READ_IMAGES)
		read_images(s, snapshot);
	return snapshot;
}
