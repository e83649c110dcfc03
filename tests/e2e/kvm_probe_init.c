/* SPDX-License-Identifier: Apache-2.0
 *
 * kvm_probe_init.c - pid 1 of an emulated machine whose (emulated) processor
 * has AMD's virtualization: loads KVM, runs the probe there, prints its answer
 * and ends the machine. `--tsc` prints this host's TSC frequency in kHz.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/backend.h"
#include "clock.h"

int main(int argc, char **argv)
{
	static const char *const modules[] = { "/irqbypass.ko", "/kvm.ko", "/kvm-amd.ko" };
	char reason[200];

	if (argc > 1 && strcmp(argv[1], "--tsc") == 0) {
		printf("%u\n", tsc_khz());
		return 0;
	}
	if (getpid() != 1)
		return 2;
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mount("none", "/dev", "devtmpfs", 0, NULL);
	mount("none", "/proc", "proc", 0, NULL);
	/* Before the modules there is no /dev/kvm: that answer is wanted too. */
	printf("probe-before: %d %s\n", stoker_kvm_probe(reason, sizeof reason), reason);
	for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
		int fd = open(modules[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
			printf("module %s: not loaded\n", modules[i]);
		close(fd);
	}
	for (int i = 0; i < 3; i++) {
		int64_t begun = clock_now_ns();
		bool works = stoker_kvm_probe(reason, sizeof reason);
		printf("probe-after: %d %s (%lld ms)\n", works, reason, (long long)((clock_now_ns() - begun) / NS_PER_MS));
	}
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
