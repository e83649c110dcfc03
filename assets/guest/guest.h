/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.h - what the pieces of the guest's init and agent know of each other.
 *
 * stoker-init is pid 1 of a guest and its agent: one static program, started
 * by the kernel from the initrd. It never ends; when it has nothing left to do
 * it sleeps in poll(). It is single-threaded and starts no shell.
 */
#ifndef STOKER_GUEST_H
#define STOKER_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest/ed25519.h"
#include "guest/frame.h"

#define AGENT_VERSION "0.1.0"
#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- util.c */

/* One line "stoker-init: ..." on the guest's console. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Opens /dev/console for say(); called again when /dev changed. */
void say_open(void);
int64_t now_ms(void); /* CLOCK_MONOTONIC: milliseconds since the kernel started */
/* Reads a small file; always NUL-terminates. Bytes read or -1. */
ssize_t read_file(const char *path, char *buf, size_t cap);
/* Writes a file as a whole. False (errno) when it cannot. */
bool write_file(const char *path, const char *text, mode_t mode);
/* Adds a line to a file that does not have it yet. */
bool ensure_line(const char *path, const char *line, mode_t mode);
/* Decoded length or -1; standard alphabet, padding optional. */
ssize_t base64_decode(uint8_t *out, size_t cap, const char *text);
/* False when it does not fit. */
bool base64_encode(char *out, size_t cap, const uint8_t *data, size_t n);

/* ---- cmdline.c */

enum disk_mode { DISK_ISOLATED, DISK_SHARED, DISK_COPY };

/* What the host asks of this guest on the kernel's command line. */
struct config {
	uint32_t ip, gateway; /* host byte order; 0: none */
	unsigned prefix;
	uint32_t dns[3];
	char host[65];
	char key[1024]; /* a line for authorized_keys, "" for none */
	enum disk_mode disk;
	char init[65]; /* the root's own init, which is to run instead of an agent; "": none */
	bool reset; /* this machine has no power switch: a reset ends it */
};
void config_read(struct config *c);
/* The same from text, for /proc/cmdline and tests. Bad values are said and left out. */
void config_parse(struct config *c, char *text);

/* ---- modules.c */

/* Loads the group's modules, in the order of the list in the initrd. */
void modules_load(const char *group);
/* The groups of those virtio devices that are there. */
void modules_load_devices(void);

/* ---- mounts.c */

/* Assembles the root, makes it "/" and mounts what belongs in it (but /dev, /proc and /sys not when the root has an
 * init of its own, which sees to that). False: the guest cannot run. */
bool mounts_early(void);
bool mounts_root(const struct config *c);
/* What still can be done for the disks before the power goes. */
void mounts_end(void);

/* ---- net.c */

void net_up(const struct config *c);
/* /etc files that follow from the configuration. */
void net_files(const struct config *c);

/* ---- foreign.c */

/* Network and key are set up; then c->init is process 1, and nothing of ours runs any more. */
_Noreturn void foreign_init(const struct config *c);

/* ---- service.c: the SSH server and its host key */

struct service {
	pid_t sshd_pid; /* 0: not running */
	bool settled; /* dropbear listens, or there is no hope that it will */
	int log_fd;   /* dropbear's messages; -1: none */
	int64_t started_ms, again_ms; /* again_ms 0: no start is due */
	unsigned failures;
	char host_key[128]; /* "ssh-ed25519 AAAA...", "" when there is none */
};
void service_begin(struct service *s, const struct config *c);
/* True when the pid was one of ours. */
bool service_ended(struct service *s, pid_t pid, int status);
void service_tick(struct service *s, int64_t now);
/* dropbear said something: from its first word on it listens. */
void service_log(struct service *s);
/* Milliseconds until service_tick() has something to do, -1: never. */
int service_timeout(const struct service *s, int64_t now);

/* ---- port.c: how the bytes reach the host */

/* A non-blocking descriptor, or -1: there is no such device, or over vsock
 * nobody has connected yet. *listener is -1 at first; it is set once the host
 * is to connect, and then becomes readable when it has. */
int port_open(int *listener);
/* Tells the host once more that it may connect. */
void port_ring(void);
/* Asks for a SIGIO when the host opens or closes its side of a serial port. */
void port_notify(int fd, int listener, bool on);
/* The host's side was closed: what is to be used from now on, -1 when it has to connect anew. */
int port_lost(int fd, int listener);

/* ---- wire.c: frames over the port */

#define WIRE_CHUNK (60 * 1024) /* whole pages of a pipe, and with its header two buffers of a port */
#define WIRE_OUT (128 * 1024)
#define WIRE_SPLICE (448 * 1024) /* at once: one list for the device, one kick, one interrupt; seven whole frames */

struct wire {
	int fd; /* -1: no port */
	bool up;   /* the host's side is open */
	bool lost; /* out of step: nothing counts until a SYNC */
	int stage[2], way[2]; /* two pipes between a command's and the port; -1: there are none */
	size_t way_left; /* what lies in the way; goes before `out` */
	bool bulk;    /* set by wire_splice(): there was much */
	bool cut;     /* the driver lost bytes in the middle of a frame */
	size_t in_at, in_len, out_at, out_len;
	uint8_t in[FRAME_HEADER + FRAME_PAYLOAD_MAX];
	uint8_t out[WIRE_OUT];
};
void wire_reset(struct wire *w);
/* From now on wire_splice() can be of use: the port is one that takes a pipe's pages. */
void wire_splices(struct wire *w);
/* Something waits for the port. */
bool wire_waits(const struct wire *w);
/* Forgets what is queued, be it in the middle of a frame. */
void wire_discard(struct wire *w);
/* How much may be queued; frames about a command wait while it is small. */
size_t wire_room(const struct wire *w);
/* Queues a frame. Callers looked at wire_room() before; what does not fit is dropped and false. */
bool wire_send(struct wire *w, enum frame_type type, uint32_t stream, const void *payload, size_t n);
bool wire_raw(struct wire *w, const void *data, size_t n);
/* Where the payload of a data frame may be read to (WIRE_CHUNK bytes), and its queueing. NULL: no room. */
uint8_t *wire_reserve(struct wire *w);
void wire_commit(struct wire *w, enum frame_type type, uint32_t stream, size_t n);
/* Frames of what a pipe holds, at most `most` bytes, that go without a copy as far as the port takes them. Only while
 * nothing is queued. How much went, 0: nothing, read it instead. */
size_t wire_splice(struct wire *w, enum frame_type type, uint32_t stream, int pipe, size_t most);
/* Writes what the port takes. False: the port is gone. */
bool wire_flush(struct wire *w);
/* Reads what is there. False: the host's side is closed. */
bool wire_fill(struct wire *w);
/* The next whole frame; its payload stays valid until wire_drop(). False: none yet. */
bool wire_next(struct wire *w, struct frame *f, const uint8_t **payload);
void wire_drop(struct wire *w, const struct frame *f);

/* ---- exec.c: one command */

enum { STREAM_IN, STREAM_OUT, STREAM_ERR };

struct stream {
	uint32_t id; /* 0: the slot is free */
	pid_t pid;   /* leader of its own session and process group */
	bool ended, tty, closed /* by the host */, draining;
	bool in_eof, in_dead, out_eof[3], line_open, widened;
	int status;
	int fd[3];
	uint32_t credit[3]; /* IN: what the host may still send; OUT, ERR: what we may */
	uint32_t owed;      /* stdin consumed, not yet credited */
	uint8_t *buf;       /* stdin that the command has not taken yet */
	size_t buf_at, buf_len, buf_cap;
	int64_t linger_ms;  /* when a pipe that outlives its command is given up; 0: not ended */
	int64_t end_ms;     /* until when an output's end waits for the command's; 0: none has ended */
	size_t left[3];     /* draining: bytes that still count */
};

/* Starts the command of an EXEC payload. On failure queues its EXIT and leaves the slot free. */
void stream_start(struct stream *s, struct wire *w, uint32_t id, const uint8_t *p, size_t n);
void stream_refuse(struct wire *w, uint32_t id, int err, const char *text);

/* ---- stream.c: its bytes and its end */

void stream_init(struct stream *s, uint32_t id);
void stream_stdin(struct stream *s, const uint8_t *p, size_t n);
void stream_write(struct stream *s); /* buffered stdin into the command */
void stream_credit(struct stream *s, unsigned which, uint32_t n);
void stream_signal(struct stream *s, uint32_t signo);
void stream_resize(struct stream *s, uint16_t rows, uint16_t cols);
void stream_close(struct stream *s);
/* Moves at most one frame's worth of one output. */
enum moved { MOVED_ALL /* all that was there */, MOVED_MORE /* there may be more */, MOVED_FULL /* nothing: no room */ };
enum moved stream_read(struct stream *s, struct wire *w, unsigned which);
/* Whether an output's end still waits, so that the agent has to look again at `end_ms`. */
bool stream_holds_end(const struct stream *s);
/* Sends what is due (credit, ends, exit status) and frees the slot when all is said. */
void stream_settle(struct stream *s, struct wire *w, int64_t now);
/* Kills the command and forgets the stream at once. */
void stream_forget(struct stream *s);

/* ---- stats.c */

/* Text of a STATS answer; its length. */
size_t stats_text(char *buf, size_t cap);

/* ---- agent.c */

enum { MARK_INIT, MARK_MODULES, MARK_ROOT, MARK_KEY, MARK_NET, MARK_SSHD, MARK_HELLO, MARK_COUNT };
struct marks {
	int64_t at[MARK_COUNT]; /* ms since kernel start; 0: not reached */
};

enum end { END_NONE, END_POWEROFF, END_REBOOT };

struct agent {
	struct wire wire;
	struct stream stream[FRAME_STREAMS_MAX];
	unsigned turn; /* whose output is looked at first */
	struct service service;
	struct marks marks;
	int signal_fd;
	unsigned top;  /* streams from here on are free */
	bool hello_due, sync_due;
	uint8_t nonce[FRAME_NONCE];
	int listener;    /* where the host connects to; -1: it does not */
	int64_t port_ms; /* when to look for the port again */
	int64_t ring_ms, ring_wait_ms; /* when to ring again, as nobody came; 0: somebody is there */
	unsigned port_tries;
	enum end end;
};
bool agent_init(struct agent *a);
/* Tends the host's frames, the commands and the SSH server until the guest is to go down. */
enum end agent_run(struct agent *a);

/* ---- power.c */

/* Says BYE, ends all processes, lets go of the disks and switches off. */
_Noreturn void power_end(struct wire *w, enum end how, bool reset);
/* Says why the guest cannot go on, and reboots. */
_Noreturn void power_fail(const char *why);

#endif
