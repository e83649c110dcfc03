/* SPDX-License-Identifier: Apache-2.0
 *
 * init.c - pid 1: from the kernel's hand-over to the agent's loop.
 */
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

static struct agent agent; /* 260 KiB */

int main(void)
{
	struct config config;

	if (getpid() != 1) {
		say("this is the init of a guest; it does not run as an ordinary program");
		return 1;
	}
	umask(022);
	int64_t begun = now_ms();

	if (!agent_init(&agent))
		power_fail("no signal descriptor");
	agent.marks.at[MARK_INIT] = begun;
	reboot(RB_DISABLE_CAD);
	if (!mounts_early())
		power_fail("the first file systems are missing");
	config_read(&config);
	modules_load("core");
	modules_load_devices();
	modules_load("root");
	agent.marks.at[MARK_MODULES] = now_ms();
	if (!mounts_root(&config))
		power_fail("there is no root file system");
	if (config.init[0] != '\0')
		foreign_init(&config);
	agent.marks.at[MARK_ROOT] = now_ms();
	/* dropbear takes longest to begin: it does so while the rest goes on. */
	service_begin(&agent.service, &config);
	agent.marks.at[MARK_KEY] = now_ms();
	net_up(&config);
	net_files(&config);
	agent.marks.at[MARK_NET] = now_ms();
	if (agent.service.settled)
		agent.marks.at[MARK_SSHD] = agent.marks.at[MARK_NET];
	power_end(&agent.wire, agent_run(&agent), config.reset);
}
