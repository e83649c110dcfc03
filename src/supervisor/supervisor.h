/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor.h - the parts of the supervisor around its one loop.
 */
#ifndef STOKER_SRC_SUPERVISOR_SUPERVISOR_H
#define STOKER_SRC_SUPERVISOR_SUPERVISOR_H

#include "console.h"
#include "control.h"
#include "metrics.h"
#include "queue.h"
#include "relay.h"
#include "status.h"

struct options {
	const char *run, *log, *notify, *name;
	int report_fd;
	size_t log_cap; /* 0: CONSOLE_LOG_CAP */
	bool console_output, channel_vsock, metrics, sandbox;
	struct process_id adopt; /* pid 0: start one */
	char *const *argv;       /* of the VMM */
};

struct client {
	int fd; /* -1: free */
	struct queue out;
	uint8_t *rest; /* an unfinished frame */
	size_t rest_len;
	bool ending;  /* to be closed after one last attempt to send */
	bool mute;    /* it reads no more; what it wrote before that still counts */
	bool doomed;  /* to be forgotten at the next chance */
	bool dirty;   /* `out` grew in this turn */
	bool watched; /* in the epoll set */
	bool wants_in, wants_out;
};

struct supervisor {
	struct options opt;
	int epoll, run_dir, listen, console_fd, errors_fd, metrics_fd, guest_fd, bell_fd, vmm_fd, spare_fd;
	bool child; /* the VMM is our child: its exit status is ours to collect */
	bool over;  /* the VMM has ended */
	bool guest_dirty, guest_wants_out, clients_held;
	bool greeting; /* vsock: "OK N\n" is still to come */
	bool rang;     /* the guest rang while connected: the end of that connection is near */
	bool logging;  /* vmm_log is open */
	int64_t publish_due_ns, reconnect_due_ns, console_due_ns, sync_due_ns, trim_due_ns, hangup_due_ns, over_due_ns;
	int64_t reconnect_wait_ns;
	struct run_status status;
	struct console console, vmm_log;
	char errors[2048]; /* the newest of what the VMM wrote to stderr */
	size_t errors_len;
	struct metrics metrics;
	struct queue guest_out;
	uint8_t *guest_in, *scratch;
	size_t guest_in_len;
	unsigned clients_used;
	size_t queued; /* bytes in all clients' queues */
	struct client clients[RELAY_CLIENTS_MAX];
	struct relay relay;
};

/* publish.c: the status file and the notify file. False (errno): not written. */
bool publish_now(struct supervisor *s);
/* The file `metrics`: what the lines so far add up to; taken over; gone. */
void publish_metrics(struct supervisor *s);
void publish_metrics_inherit(struct supervisor *s);
void publish_metrics_forget(struct supervisor *s);
/* As publish_now(), but tried again later when it failed. */
void publish(struct supervisor *s);
/* Takes over what an earlier supervisor of this run had published. */
void publish_inherit(struct supervisor *s);

/* vmm.c: sockets, FIFOs and the VMM itself. False: why[] has a sentence. */
bool vmm_start(struct supervisor *s, char *why, size_t cap);
bool vmm_adopt(struct supervisor *s, char *why, size_t cap);
/* SIG_IGN or SIG_DFL for those that are not to end the supervisor. */
void ignore_signals(void (*how)(int));
/* The FIFO has something; keeps the newest. */
void vmm_errors_read(struct supervisor *s);
/* The FIFO of the counters has something. */
void vmm_metrics_read(struct supervisor *s);
/* Removes what the VMM and its supervisor have made in the --run folder but the status. */
void vmm_leftovers(struct supervisor *s);
/* Our end of the VMM's console; -1 with errno. */
int vmm_console(struct supervisor *s);
/* The VMM has ended: collects its status and its last words. */
void vmm_ended(struct supervisor *s);

/* sandbox.c. In the child, last before its exec; `supervisor`: a socket whose other end is in sandbox_admit(). False
 * (errno): the kernel does not filter so. */
bool sandbox_enter(int supervisor);
/* In the supervisor: lets the child's exec through. Returns as read() would of a child that tells what went wrong:
 * 0 once it has become the VMM. */
ssize_t sandbox_admit(int child, int *problem);

/* clients.c */
void clients_init(struct supervisor *s);
void clients_accept(struct supervisor *s);
void client_readable(struct supervisor *s, unsigned i);
void client_writable(struct supervisor *s, unsigned i);
void client_queue(struct supervisor *s, unsigned i, const void *a, size_t alen, const void *b, size_t blen);
/* Sends what the turn queued, forgets the dead, holds back or lets go those that write. */
void clients_settle(struct supervisor *s);
void clients_close_all(struct supervisor *s);

/* guest.c: the channel's guest side. */
void guest_init(struct supervisor *s);
/* fd: a connected socket, or -1. `fresh`: nothing was ever sent over it. */
void guest_connected(struct supervisor *s, int fd, bool fresh);
void guest_reconnect(struct supervisor *s);
/* Listens for the guest's bell. False (errno): not possible. */
bool guest_bell(struct supervisor *s);
/* The guest rang. */
void guest_rang(struct supervisor *s);
void guest_readable(struct supervisor *s);
void guest_flush(struct supervisor *s);
void guest_close(struct supervisor *s, const char *why);

/* loop.c */
enum watch_kind { WATCH_LISTEN, WATCH_GUEST, WATCH_BELL, WATCH_CONSOLE, WATCH_ERRORS, WATCH_METRICS, WATCH_VMM, WATCH_CLIENT };
bool watch_set(struct supervisor *s, int op, int fd, enum watch_kind kind, unsigned index, bool out);
int loop_run(struct supervisor *s);

#define BELL_SOCKET "vsock.sock_1024"         /* VMM_VSOCK_SOCKET, "_", FRAME_VSOCK_PORT: the VMM names it so */
#define GUEST_QUEUE_SOFT (128 * 1024)         /* with more waiting for the guest no client is read */
#define CLIENT_QUEUES_MAX (64u * 1024 * 1024) /* all clients together; past it the fullest is cut */
#define READ_CHUNK (128 * 1024)
#define READ_BUFFER (READ_CHUNK + FRAME_HEADER + FRAME_PAYLOAD_MAX)

#endif
