/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_conn.h - a connection to a VM's control.sock, as bytes and frames.
 */
#ifndef STOKER_SRC_GUEST_CHANNEL_CONN_H
#define STOKER_SRC_GUEST_CHANNEL_CONN_H

#include "guest/channel_wire.h"
#include "guest/session.h"

enum {
	IN_CAP = 128 * 1024 + FRAME_HEADER + FRAME_PAYLOAD_MAX,
	OUT_CAP = FRAME_HEADER + FRAME_PAYLOAD_MAX + 4096, /* a frame of stdin and some small ones */
};

struct channel {
	stoker *s;
	char id[STOKER_ID_SIZE], name[STOKER_NAME_MAX + 1];
	bool ephemeral;
	int fd;
	bool lost;             /* closed by the other side, or it broke the protocol */
	char lost_why[256];    /* what the supervisor said of it */
	uint32_t last_stream;
	size_t in_at, in_len, out_at, out_len;
	uint8_t in[IN_CAP], out[OUT_CAP];
};

enum stoker_status chan_connect(stoker *s, const struct vm_record *rec, struct channel **out, struct stoker_error *err);
/* struct session_ops.close: the supervisor ends what still runs for us. */
void chan_close(void *impl);

/* Where a payload of up to `len` bytes may be put; NULL while there is no room. */
uint8_t *chan_room(struct channel *c, size_t len);
/* Queues a frame whose payload is already where chan_room() said. */
void chan_frame(struct channel *c, uint8_t type, uint32_t stream, size_t len);
/* Queues a frame; false while there is no room. */
bool chan_send(struct channel *c, uint8_t type, uint32_t stream, const void *data, size_t len);
/* Sends what is queued as far as the socket takes it. */
void chan_flush(struct channel *c);
/* Reads what is there. */
void chan_fill(struct channel *c);
/* The next whole frame; its payload is valid until the next chan_fill(). */
bool chan_next(struct channel *c, struct frame *f, const uint8_t **data);
/* Waits for the next frame. 0, ETIMEDOUT, ECANCELED, or ECONNRESET when the connection is over. */
int chan_wait(struct channel *c, int64_t deadline_ns, int cancel_fd, struct frame *f, const uint8_t **data);
/* A stream number that was never used on this connection. */
uint32_t chan_stream(struct channel *c);

/* An EXIT about the whole connection: the supervisor says why it ends it. */
void chan_note_lost(struct channel *c, const struct wire_exit *e);
/* Why a connection is over: most often because the VM is. */
enum stoker_status chan_lost(const struct channel *c, struct stoker_error *err);
/* What chan_wait() gave, as an error: "NAME <what> in time". */
enum stoker_status chan_failed(struct channel *c, int problem, const char *what, struct stoker_error *err);

/* channel_exec.c: struct session_ops.exec. */
enum stoker_status channel_exec(void *impl, const struct stoker_exec *exec, struct exec_io *io,
                                const struct stoker_call *call, struct stoker_exec_result *result,
                                struct stoker_error *err);

#endif
