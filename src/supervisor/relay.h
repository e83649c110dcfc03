/* SPDX-License-Identifier: Apache-2.0
 *
 * relay.h - the state machine between the guest's agent and local clients.
 *
 * Pure: bytes in, actions out through struct relay_ops; it knows neither
 * descriptors nor time. It renumbers streams, holds both sides to their
 * credit, and trusts neither: a guest that breaks the rules loses the stream
 * (or, when it loses step, the channel is synchronised again), a client that
 * does so is cut.
 *
 * What it may make the caller keep for a client is bounded by the credit of
 * that client's streams; what it may make the caller keep for the guest is
 * bounded when the caller stops feeding clients while much is kept.
 *
 * relay.c has the guest's side, relay_client.c the clients'.
 */
#ifndef STOKER_SRC_SUPERVISOR_RELAY_H
#define STOKER_SRC_SUPERVISOR_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/frame.h"
#include "hello.h"

enum {
	RELAY_CLIENTS_MAX = 128,
	RELAY_RESYNCS_MAX = 8,                    /* in one run; an honest agent never needs one */
	RELAY_SYNC_BYTES_MAX = 32 * 1024 * 1024,  /* looked through for one nonce */
};

/* None of these may call the relay again, but for lost_step(), which calls
 * relay_sync() and nothing else. */
struct relay_ops {
	/* Two pieces to be sent one behind the other; either may be empty. */
	void (*client_send)(void *user, unsigned client, const void *a, size_t alen, const void *b, size_t blen);
	void (*guest_send)(void *user, const void *a, size_t alen, const void *b, size_t blen);
	/* What waits to be sent to the guest is worthless now. */
	void (*guest_discard)(void *user);
	/* The client is to be closed once what was sent to it is out. The relay has forgotten it. */
	void (*client_end)(void *user, unsigned client);
	void (*hello)(void *user, const struct hello *hello);
	void (*bye)(void *user, const char *how);
	void (*asked)(void *user); /* called before the POWEROFF goes out */
	/* The guest lost step: call relay_sync() with a fresh nonce. */
	void (*lost_step)(void *user, const char *why);
	/* Given up on the channel: the guest's side is to be closed. */
	void (*broken)(void *user, const char *why);
};

enum relay_guest { RELAY_DOWN, RELAY_OPEN, RELAY_SYNCING, RELAY_BROKEN };

struct relay_stream {
	uint32_t client_stream;
	uint32_t generation; /* tells late frames of an earlier command from those of this one */
	uint32_t credit[3];  /* 0: what the client may send as stdin; 1, 2: what the guest may send */
	uint8_t client;
	uint8_t flags;
};

struct relay_client {
	bool used, greeted, ping_busy, stats_busy;
	uint32_t ping_stream, stats_stream, ping_generation, stats_generation;
	uint16_t streams;
};

struct relay {
	const struct relay_ops *ops;
	void *user;
	enum relay_guest state;
	bool poweroff_due; /* asked for while the agent was away */
	unsigned resyncs, streams;
	uint32_t generation;
	uint64_t sync_bytes;
	uint8_t nonce[FRAME_NONCE];
	uint16_t hello_len; /* 0: none from this connection */
	char broken_why[128];
	uint8_t hello_text[FRAME_HELLO_MAX];
	struct relay_client clients[RELAY_CLIENTS_MAX];
	struct relay_stream table[FRAME_STREAMS_MAX];
};

void relay_init(struct relay *r, const struct relay_ops *ops, void *user);

/* The guest's side was connected. Unless it is at the very start of its stream, call relay_sync() after it. */
void relay_guest_up(struct relay *r);
/* Its side was closed: every stream ends. */
void relay_guest_down(struct relay *r, const char *why);
/* Discards, and asks the agent to start anew. */
void relay_sync(struct relay *r, const uint8_t nonce[FRAME_NONCE]);
/* No answer to a SYNC in time. */
void relay_sync_failed(struct relay *r);
/* Feeds bytes; returns how many were used up (all but an unfinished frame). */
size_t relay_guest_input(struct relay *r, const uint8_t *in, size_t len);

/* A new client; `client` < RELAY_CLIENTS_MAX is free. */
void relay_client_up(struct relay *r, unsigned client);
/* It is gone: its commands are ended in the guest. */
void relay_client_down(struct relay *r, unsigned client);
/* As relay_guest_input(). When the client was ended meanwhile everything counts as used up. */
size_t relay_client_input(struct relay *r, unsigned client, const uint8_t *in, size_t len);

#endif
