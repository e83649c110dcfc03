/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - the agent protocol, version 1: one page.
 *
 * Spoken over one ordered byte stream: between the agent (the guest's init)
 * and the supervisor over a virtio-serial port or vsock, and, the very same
 * frames, between the supervisor and its local clients over control.sock. The
 * supervisor is a relay that renumbers streams. Whatever arrives from a guest
 * is hostile until checked; so is, to the guest, whatever arrives from the host.
 *
 * A frame, integers little-endian:
 *
 *   u32 length   of the payload, at most FRAME_PAYLOAD_MAX
 *   u8  type     enum frame_type
 *   u8  version  FRAME_VERSION
 *   u16 check    length_lo16 ^ length_hi16 ^ (type << 8 | version) ^ stream_lo16 ^ stream_hi16 ^ 0x5354
 *   u32 stream   0 for frames about the whole connection
 *   payload
 *
 * `check` is no security: it only finds out that the two sides lost step.
 * A receiver that sees a wrong header treats the connection as lost: a local
 * client closes it; on the guest's port see SYNC.
 *
 * Types (h: host -> guest, g: guest -> host):
 *   HELLO   g  text "key=value\n" lines, at most 4 KiB: protocol=1, agent=VERSION,
 *              host_key=ssh-ed25519 AAAA..., marks=k:v,... Sent when the port opens
 *              and as the answer to SYNC, but not before the guest's SSH server
 *              listens. marks: ms since the kernel started at init, modules, root,
 *              key, net, sshd, hello. No host_key: the guest runs no SSH server.
 *              The supervisor sends the last one it has to each local client, at
 *              once or when it arrives.
 *   SYNC    h  payload 16 bytes, see below.
 *   EXEC    h  starts a command on a new stream: u32 flags (EXEC_TTY), u16 rows,
 *              u16 cols, u16 argc, u16 envc, then NUL-terminated strings:
 *              user, dir, argv..., env... ("" = default user or folder).
 *   STDIN   h  bytes; an empty payload is end of file.
 *   STDOUT  g  bytes; STDERR g bytes. An empty payload is end of file.
 *   CREDIT  b  u8 which (0 stdin, 1 stdout, 2 stderr), u32 bytes: the receiver
 *              of that data allows as many more. Each direction of each stream
 *              starts with FRAME_WINDOW. A sender that exceeds its credit is
 *              broken: its stream (a guest's: the stream; a client's: the
 *              connection) is cut.
 *   EXIT    g  u8 kind (enum frame_exit), i32 value, text. Sent when the command has
 *              ended and its output is read to the end; where a descendant keeps
 *              a pipe open, 200 ms after the command, with what lies in it then.
 *              After it and both end of file frames the stream number is free again.
 *   SIGNAL  h  u32 signal number, to the command's process group.
 *   RESIZE  h  u16 rows, u16 cols.
 *   CLOSE   h  the client is gone: kill the process group, send nothing more
 *              but EXIT.
 *   PING    h  up to 64 bytes; PONG g the same bytes, same stream number.
 *   STATS   h  empty; g  text "key=value\n": uptime_ms, load1, load5, load15,
 *              mem_total_kib, mem_available_kib, disk_total_kib, disk_free_kib,
 *              processes, rx_bytes and tx_bytes (of its network cards). Same
 *              stream number.
 *   POWEROFF h empty: sync, unmount, power off.
 *   BYE     g  text "poweroff" or "reboot": the guest goes down by its own or our wish.
 *
 * Between the supervisor and its clients only: the supervisor itself answers
 * with EXIT, kind FRAME_NOT_RUN, for a stream that it had to end: value EPROTO
 * (the guest broke the protocol), ECONNRESET (the agent is gone or was started
 * again), EAGAIN (too many streams). With stream 0 it is about the whole
 * connection, which is closed after it; the text says why. A client has at
 * most one PING and one STATS under way: a new one replaces the old. It gets
 * one HELLO and no BYE.
 *
 * Losing step. When the supervisor is new (adoption) the guest may be in the
 * middle of a frame. The supervisor then sends FRAME_PAYLOAD_MAX zero bytes
 * and a SYNC frame with a random nonce of 16 bytes; the agent, which treats a
 * wrong header by reading on until the 12 bytes of a valid SYNC header appear,
 * kills all commands, forgets all streams, and answers with the 16-byte nonce
 * as raw bytes followed by a HELLO. The supervisor drops everything before the
 * nonce. An agent that sees the host's side of the port closed forgets all
 * streams as well.
 *
 * Over vsock. The agent listens on FRAME_VSOCK_AGENT_PORT, then rings: it
 * connects to the host's FRAME_VSOCK_PORT and closes that connection. The
 * supervisor connects when it hears that, or at once when it is new; each
 * connection starts a stream of its own with HELLO, so there is no step to
 * lose. When the connection is cut (a VM that was restored from a snapshot
 * cuts the first one) the agent rings again, and so it does, ever less often,
 * as long as nobody comes. The bell says nothing: any program of the guest can
 * ring it.
 */
#ifndef STOKER_SRC_GUEST_FRAME_H
#define STOKER_SRC_GUEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_VERSION 1
#define FRAME_HEADER 12
#define FRAME_PAYLOAD_MAX (64 * 1024)
#define FRAME_WINDOW (1024 * 1024)
#define FRAME_HELLO_MAX 4096
#define FRAME_NONCE 16
#define FRAME_STREAMS_MAX 256 /* commands at once in one guest */
#define FRAME_PORT_NAME "stoker.agent" /* the virtio-serial port's name */
#define FRAME_VSOCK_PORT 1024       /* the host's doorbell, see below */
#define FRAME_VSOCK_AGENT_PORT 1023 /* the guest's; only its root may bind it */

enum frame_type {
	FRAME_HELLO = 1, FRAME_SYNC, FRAME_EXEC, FRAME_STDIN, FRAME_STDOUT, FRAME_STDERR, FRAME_CREDIT,
	FRAME_EXIT, FRAME_SIGNAL, FRAME_RESIZE, FRAME_CLOSE, FRAME_PING, FRAME_PONG, FRAME_STATS,
	FRAME_POWEROFF, FRAME_BYE, FRAME_TYPE_END
};

enum { EXEC_TTY = 1 };

enum frame_exit {
	FRAME_EXITED = 0,   /* value: exit code */
	FRAME_SIGNALED = 1, /* value: signal */
	FRAME_NOT_RUN = 2   /* value: errno of the exec, 127/126 is the caller's to choose; text: what failed */
};

struct frame {
	uint32_t length, stream;
	uint8_t type;
};

static inline uint32_t frame_get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint16_t frame_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}
static inline void frame_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8), p[2] = (uint8_t)(v >> 16), p[3] = (uint8_t)(v >> 24);
}
static inline void frame_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8);
}

static inline uint16_t frame_check(const struct frame *f)
{
	return (uint16_t)(f->length ^ f->length >> 16 ^ ((uint32_t)f->type << 8 | FRAME_VERSION) ^ f->stream ^
	                  f->stream >> 16 ^ 0x5354);
}

static inline void frame_write_header(uint8_t out[FRAME_HEADER], const struct frame *f)
{
	frame_put32(out, f->length);
	out[4] = f->type;
	out[5] = FRAME_VERSION;
	frame_put16(out + 6, frame_check(f));
	frame_put32(out + 8, f->stream);
}

/* False when these 12 bytes are no header of ours. */
static inline bool frame_read_header(const uint8_t in[FRAME_HEADER], struct frame *out)
{
	out->length = frame_get32(in);
	out->type = in[4];
	out->stream = frame_get32(in + 8);
	return in[5] == FRAME_VERSION && out->type > 0 && out->type < FRAME_TYPE_END &&
	       out->length <= FRAME_PAYLOAD_MAX && frame_get16(in + 6) == frame_check(out);
}

/* The frame that stands at the start of `len` bytes. > 0: it is complete and
 * that long, header included; 0: more bytes are needed; -1: no frame of ours. */
static inline long frame_next(const uint8_t *in, size_t len, struct frame *out)
{
	if (len < FRAME_HEADER)
		return 0;
	if (!frame_read_header(in, out))
		return -1;
	return len < (size_t)FRAME_HEADER + out->length ? 0 : (long)FRAME_HEADER + (long)out->length;
}

#endif
