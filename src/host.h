/* SPDX-License-Identifier: Apache-2.0
 *
 * host.h - reading the host, shared by host.c and doctor.c.
 */
#ifndef STOKER_SRC_HOST_H
#define STOKER_SRC_HOST_H

#include "net/net.h"
#include "process.h"
#include "stoker.h"

/* The value of a line "Field:   123 kB" in the text of /proc/meminfo; 0 when not there. */
uint64_t host_meminfo_kib(const char *text, const char *field);

/* What reached the storage, from the text of /proc/PID/io. */
bool host_parse_io(const char *text, int64_t *read_bytes, int64_t *write_bytes);

/* Name and bytes of a line of /proc/net/dev; false for its headings. */
bool host_parse_netdev(const char *line, char name[NET_NAME_SIZE], int64_t *in, int64_t *out);

/* What stoker_sample_vms() keeps between its calls. */
void sampler_free(struct sampler *sampler);

/* Fills the pool figures of *out: totals from the settings, use from the store. */
enum stoker_status host_pools(stoker *s, struct stoker_host *out, struct stoker_error *err);

#endif
