/* SPDX-License-Identifier: Apache-2.0
 *
 * foreign.c - a root file system that has an init of its own.
 *
 * It knows nothing of us: what it needs to be reached is set up before it
 * begins. The card keeps its address over the exec, and the key lies where any
 * SSH server looks for it. No agent stays behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

/* As the kernel gives them to the first program. */
static void console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	for (int i = 0; fd >= 0 && i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

_Noreturn void foreign_init(const struct config *c)
{
	char path[sizeof c->init];
	char *const argv[] = { path, NULL }, *const env[] = { "HOME=/", "TERM=linux", "PATH=" GUEST_PATH, NULL };
	sigset_t none;

	memcpy(path, c->init, sizeof path);
	net_up(c);
	if (mkdir("/root", 0700) != 0 && errno != EEXIST)
		say("/root cannot be made: %s", strerror(errno));
	net_files(c);
	sync(); /* a guest that is killed a moment later must still let its key in */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	console();
	execve(path, argv, env);
	say("%s cannot be run: %s", path, strerror(errno));
	power_fail("the image's own init does not start");
}
