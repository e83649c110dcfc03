/* SPDX-License-Identifier: Apache-2.0
 *
 * channel_wire.h - the client's side of the agent protocol without a socket.
 *
 * Pure: frames in, decisions out. What arrives was checked by the supervisor,
 * and is checked again: the words in it are the guest's.
 */
#ifndef STOKER_SRC_GUEST_CHANNEL_WIRE_H
#define STOKER_SRC_GUEST_CHANNEL_WIRE_H

#include "frame.h"
#include "stoker.h"

/* The payload of EXEC; 0 when it does not fit into a frame (or a NUL-terminated
 * string cannot be said). `out` has FRAME_PAYLOAD_MAX bytes. */
size_t wire_exec(const struct stoker_exec *exec, uint8_t *out);

struct wire_exit {
	enum frame_exit kind;
	int value;
	char text[256]; /* cleaned */
};
bool wire_exit_parse(const uint8_t *data, size_t len, struct wire_exit *out);

/* One command as the client sees it. */
struct wire_command {
	uint32_t stream;
	bool tty;
	bool exited, out_eof, err_eof;
	bool closing;               /* CLOSE was sent: only EXIT counts */
	uint32_t in_credit;         /* bytes that may be sent as stdin */
	uint32_t credit[2];         /* bytes that the guest may still send: stdout, stderr */
	uint32_t consumed[2];       /* delivered and not yet given back as credit */
	struct wire_exit exit;
};

void wire_command_init(struct wire_command *c, uint32_t stream, bool tty);
/* Nothing more will come. */
bool wire_command_done(const struct wire_command *c);

enum wire_action {
	WIRE_NOTHING,
	WIRE_DELIVER, /* payload goes to output *which (0 stdout, 1 stderr) */
	WIRE_ENDED,   /* EXIT: see c->exit */
	WIRE_LOST,    /* EXIT for the whole connection: see c->exit */
	WIRE_BROKEN   /* the other side broke the protocol */
};
/* Takes a frame of any stream; those of others are nothing. */
enum wire_action wire_command_frame(struct wire_command *c, const struct frame *f, const uint8_t *data, int *which);

/* How much credit is to be given back now for output `which`, after `bytes`
 * more were delivered; 0: none yet. */
uint32_t wire_command_consumed(struct wire_command *c, int which, uint32_t bytes);

bool wire_stats_parse(const uint8_t *data, size_t len, struct stoker_guest_stats *out);

#endif
