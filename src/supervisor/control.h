/* SPDX-License-Identifier: Apache-2.0
 *
 * control.h - the contract between libstoker and the supervisor.
 *
 * stoker-supervisor is one small process per VM. libstoker starts it so:
 *
 *   stoker-supervisor --run RUNTIME/vms/ID --log STATE/vms/ID/console.log
 *       --notify STATE/changed --name NAME --report FD [--log-cap BYTES]
 *       [--console output] [--channel vsock] [--metrics fifo]
 *       [--sandbox] -- VMM-ARGV...
 *   stoker-supervisor ... --adopt PID:START_TICKS
 *
 * with default signals and none blocked. It detaches (new session, /;
 * descriptors other than its own are closed), listens on its sockets in the
 * --run folder, starts the VMM in that folder with some of them as descriptors
 * 10, 11 and 12, connects to the console before the VMM can print, and writes
 * one line to the report descriptor:
 *
 *   "ok VMM_PID VMM_START_TICKS SUPERVISOR_PID SUPERVISOR_START_TICKS\n"
 *   or "error SENTENCE\n", and then closes it.
 *
 * With --adopt it starts nothing: it takes over a VMM whose supervisor died,
 * connects to the console and the channel again, and watches it by pidfd.
 *
 * With --sandbox it denies the VMM what QEMU's own sandbox denies (sandbox.c):
 * for one that was built without. Where the kernel does not let it, nothing is
 * started, and the sentence of the error has the word "sandbox".
 *
 * It ends when the VMM has ended and its end is published. The VMM survives
 * the supervisor: nothing about the VMM's life hangs on it.
 *
 * Sockets in the --run folder (paths too long for sun_path are reached through
 * /proc/self/fd/DIRFD/NAME):
 *   qmp.sock      fd 10 of the VMM: listening; libstoker talks QMP over it
 *   console.sock  fd 11: the VMM's serial port; only the supervisor connects
 *   channel.sock  fd 12: the agent's port; only the supervisor connects
 *   control.sock  the supervisor's own: frames (guest/frame.h) for local
 *                 clients of the same user (SO_PEERCRED uid checked)
 *   vsock.sock_1024  the supervisor's own, with --channel vsock: the guest's
 *                 doorbell (guest/frame.h)
 *   api.sock, vsock.sock  a VMM's that makes its own, as Firecracker does
 *
 * With --console output the console is what the VMM writes to its standard
 * output, the FIFO `vmm.out`; there is no fd 11 then. With --channel vsock the
 * supervisor connects to the VMM's vsock.sock ("CONNECT PORT\n", answered by
 * "OK N\n") when the guest rings, and at once when it adopts; no fd 12 then.
 * A VMM that is given neither gets no fd 10 either.
 *
 * The file `status` in the --run folder is text, "key=value\n" lines, replaced
 * by rename on every change, followed by a touch of the --notify file:
 *   version=1
 *   boot_id=...            of the host
 *   supervisor=PID:TICKS
 *   vmm=PID:TICKS
 *   spawned_ns=N           CLOCK_MONOTONIC just before the VMM's fork
 *   hello_ns=N             when the agent's first hello arrived
 *   host_key=ssh-ed25519 AAAA...    checked for form, from that hello
 *   agent=VERSION
 *   marks=k:v,k:v          the hello's boot marks, checked for form
 *   bye=poweroff|reboot    the agent's farewell: the guest is going down by itself
 *   asked=1                a local client asked for the power-off
 *   exit=exited:CODE | signaled:SIGNO | unknown   once the VMM has ended
 *   exit_ns=N
 *   message=...            the last lines the VMM wrote to stderr, cleaned, at most 500 bytes
 *   end=1                  the last line: without it the file is torn
 *
 * Signals. SIGTERM, SIGINT, SIGHUP and the like are ignored: a session that
 * ends must not take the only witness of the VMM's end with it, and at the
 * host's shutdown the VMM's own end lets the supervisor end. SIGKILL ends it,
 * and the VM goes on without it until it is adopted.
 *
 * The VMM's stderr (and its stdout, where that is no console) is the FIFO
 * `vmm.err` in the --run folder, opened for reading and writing and
 * non-blocking: without a supervisor the VMM neither gets SIGPIPE nor blocks,
 * what does not fit is dropped. The VMM may open it once more by its name as
 * the log it is to write. What comes through it stands in vmm.log beside the
 * console log, at most VMM_LOG_CAP bytes of it and as many in vmm.log.1.
 *
 * With --metrics fifo the VMM writes its counters to the FIFO `vmm.metrics`,
 * which it opens by that name. Each line is a JSON object with what was added
 * since the line before; the sums since the start stand in the file `metrics`
 * (metrics.h), replaced by rename with each line. Nobody is told: who wants to
 * know makes the VMM write a line, and waits for the file. What does not fit
 * into the FIFO while there is no supervisor is lost.
 *
 * Each start begins a new console.log; that of the run before becomes
 * console.log.1. The supervisor's own remarks stand in it on lines of their
 * own that begin with "stoker: ".
 */
#ifndef STOKER_SRC_SUPERVISOR_CONTROL_H
#define STOKER_SRC_SUPERVISOR_CONTROL_H

enum { VMM_FD_QMP = 10, VMM_FD_CONSOLE = 11, VMM_FD_CHANNEL = 12 };

#define SUPERVISOR_STATUS_MAX 4096 /* bytes; a larger file is refused */
#define VMM_LOG_CAP (256 * 1024)
#define CONSOLE_LOG_CAP (4 * 1024 * 1024) /* bytes of console.log before it becomes console.log.1, unless --log-cap says else */

/* The sockets of a VMM that makes its own, relative to the --run folder, which is its working folder: any path fits. */
#define VMM_API_SOCKET "api.sock"
#define VMM_VSOCK_SOCKET "vsock.sock"
#define VMM_ERRORS_FIFO "vmm.err"
#define VMM_OUTPUT_FIFO "vmm.out"
#define VMM_METRICS_FIFO "vmm.metrics"
#define METRICS_FILE "metrics"

/* Descriptor `out` of a unix stream socket bound in or connected to folder
 * `dir`, name `name`; works for any path length. O_CLOEXEC and non-blocking.
 * -1 with errno. */
int control_listen(const char *dir, const char *name);
int control_connect(const char *dir, const char *name);

#endif
