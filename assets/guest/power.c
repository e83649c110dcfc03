/* SPDX-License-Identifier: Apache-2.0
 *
 * power.c - going down.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

#define BYE_MS 50   /* for the host to take what is queued */
#define TERM_MS 150 /* for processes to end by themselves */
#define KILL_MS 50

static void flush(struct wire *w, int64_t until)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };

	while (wire_flush(w) && wire_waits(w)) {
		int64_t left = until - now_ms();

		if (left <= 0 || poll(&p, 1, (int)left) <= 0 || p.revents & POLLHUP)
			return;
	}
}

/* True when no process is left: every orphan becomes our child, so having no child means being alone. */
static bool all_ended(int64_t until)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			return true;
		int64_t left = until - now_ms();

		if (left <= 0)
			return false;
		struct timespec wait = { .tv_nsec = left * 1000000 };

		sigtimedwait(&child, NULL, &wait);
	}
}

_Noreturn static void down(enum end how)
{
	reboot(how == END_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
	/* Should the switch not work: under a VMM a reset ends it as well. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

_Noreturn void power_end(struct wire *w, enum end how, bool reset)
{
	if (w->up) {
		const char *why = how == END_REBOOT ? "reboot" : "poweroff";

		wire_send(w, FRAME_BYE, 0, why, how == END_REBOOT ? 6 : 8);
		flush(w, now_ms() + BYE_MS);
	}
	kill(-1, SIGTERM);
	kill(-1, SIGCONT);
	if (!all_ended(now_ms() + TERM_MS)) {
		kill(-1, SIGKILL);
		all_ended(now_ms() + KILL_MS);
	}
	mounts_end();
	/* Without a power switch the kernel would only halt, and its VMM go on. */
	down(reset ? END_REBOOT : how);
}

_Noreturn void power_fail(const char *why)
{
	say("%s; the guest cannot go on and reboots", why);
	sync();
	usleep(500 * 1000); /* so that the console gets it out */
	down(END_REBOOT);
}
