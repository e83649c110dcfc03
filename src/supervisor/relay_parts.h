/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_parts.h - the table of streams, for relay.c and relay_client.c only.
 */
#ifndef STOKER_SRC_SUPERVISOR_RELAY_PARTS_H
#define STOKER_SRC_SUPERVISOR_RELAY_PARTS_H

#include "relay.h"

enum {
	USED = 1,
	OUT_EOF = 2,
	ERR_EOF = 4,
	IN_EOF = 8,
	EXITED = 16,
	CLOSED = 32,  /* CLOSE was sent: only EXIT is awaited */
	ORPHAN = 64,  /* nobody is to be told of the EXIT */
	TTY = 128,    /* has no stderr of its own */
};

/* A stream's number towards the guest: generation << 10 | slot. Slots below
 * FRAME_STREAMS_MAX are commands; each client has one for PING and one for
 * STATS above them, so that no number of commands can keep a ping out. */
enum {
	SLOT_BITS = 10,
	PING_BASE = FRAME_STREAMS_MAX,
	STATS_BASE = PING_BASE + RELAY_CLIENTS_MAX,
	SLOT_END = STATS_BASE + RELAY_CLIENTS_MAX,
	EXIT_HEAD = 5,
	EXIT_TEXT_MAX = 1024,
	PING_MAX = 64,
	STATS_MAX = 4096,
};
_Static_assert(SLOT_END <= 1 << SLOT_BITS, "slots must fit their bits");
_Static_assert(RELAY_CLIENTS_MAX <= UINT8_MAX, "a client must fit its byte");

void relay_to_guest(struct relay *r, uint8_t type, uint32_t stream, const void *data, size_t len); /* unless it is away */
/* The EXIT of something that did not run, or not to its end. */
void relay_tell_exit(struct relay *r, unsigned client, uint32_t stream, int errno_value, const char *why);

/* Frees a stream of which nothing more can come. */
void relay_stream_maybe_free(struct relay *r, struct relay_stream *s);
/* Tells a client of the agent, once it is there. */
void relay_greet(struct relay *r, unsigned client);
/* Tells a client why, and cuts it. */
void relay_client_refuse(struct relay *r, unsigned client, int errno_value, const char *why);

#endif
