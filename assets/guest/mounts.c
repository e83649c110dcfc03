/* SPDX-License-Identifier: Apache-2.0
 *
 * mounts.c - the root file system in its three disk modes, and what is mounted in it.
 *
 *   isolated  overlay of the read-only base and the VM's own disk (upper/, work/)
 *   shared    overlay of the read-only base and a tmpfs of half the memory
 *   copy      the first disk itself, writable
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define BASE_LABEL "stoker-base"
#define DISKS 4

static bool try_mount(const char *what, const char *where, const char *type, unsigned long flags, const char *data)
{
	if (mkdir(where, 0755) != 0 && errno != EEXIST) {
		say("%s cannot be made: %s", where, strerror(errno));
		return false;
	}
	return mount(what, where, type, flags, data) == 0;
}

static bool must_mount(const char *what, const char *where, const char *type, unsigned long flags, const char *data)
{
	if (try_mount(what, where, type, flags, data))
		return true;
	say("%s cannot be mounted on %s as %s: %s", what, where, type, strerror(errno));
	return false;
}

bool mounts_early(void)
{
	bool ok = must_mount("dev", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");

	say_open();
	return must_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) &&
	       must_mount("sys", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) && ok;
}

/* The base is known by its label: in which order a kernel finds its disks is
 * the VMM's affair. */
static bool is_base(const char *device)
{
	char label[16];
	int fd = open(device, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = pread(fd, label, sizeof label, 1024 + 0x78);

	close(fd);
	return n == (ssize_t)sizeof label && strncmp(label, BASE_LABEL, sizeof label) == 0;
}

static bool find_disks(char base[16], char own[16])
{
	char device[16];

	base[0] = own[0] = '\0';
	/* The driver finds its disks while its module loads; a built-in one may need a moment. */
	for (int tries = 0; access("/dev/vda", F_OK) != 0; tries++) {
		if (tries == 2000)
			return false;
		usleep(1000);
	}
	for (int i = 0; i < DISKS; i++) {
		snprintf(device, sizeof device, "/dev/vd%c", 'a' + i);
		if (access(device, F_OK) != 0)
			continue;
		if (base[0] == '\0' && is_base(device))
			memcpy(base, device, sizeof device);
		else if (own[0] == '\0')
			memcpy(own, device, sizeof device);
	}
	if (base[0] == '\0') { /* a foreign root file system has its own label, or none */
		memcpy(base, own, sizeof device);
		own[0] = '\0';
	}
	return base[0] != '\0';
}

static bool overlay(const char *base)
{
	if ((mkdir("/own/upper", 0755) != 0 && errno != EEXIST) || (mkdir("/own/work", 0755) != 0 && errno != EEXIST)) {
		say("the VM's own disk cannot be written: %s", strerror(errno));
		return false;
	}
	return must_mount(base, "/base", "ext4", MS_RDONLY | MS_NOATIME, NULL) &&
	       must_mount("overlay", "/root", "overlay", MS_NOATIME, "lowerdir=/base,upperdir=/own/upper,workdir=/own/work");
}

static bool assemble(const struct config *c)
{
	char base[16], own[16];

	if (!find_disks(base, own)) {
		say("there is no disk /dev/vda");
		return false;
	}
	switch (c->disk) {
	case DISK_COPY:
		return must_mount(base, "/root", "ext4", MS_NOATIME, NULL);
	case DISK_SHARED:
		return must_mount("tmpfs", "/own", "tmpfs", MS_NOATIME, "mode=0755,size=50%") && overlay(base);
	case DISK_ISOLATED:
		if (own[0] == '\0') {
			say("the VM's own disk is missing");
			return false;
		}
		/* Its inode tables need not be written out: they are zeros of a sparse file. */
		return must_mount(own, "/own", "ext4", MS_NOATIME, "noinit_itable") && overlay(base);
	}
	return false;
}

/* Kept open across the change of root, so that the file system below the
 * overlay can still be reached when the guest goes down. */
static const int own_fd = 8;

static bool enter_root(void)
{
	int fd = open("/own", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fd != own_fd) {
		dup3(fd, own_fd, O_CLOEXEC);
		close(fd);
	}
	/* The initrd's files stay in memory otherwise. */
	unlink("/init");
	for (const char *const *dir = (const char *const[]){ "dev", "proc", "sys", NULL }; *dir != NULL; dir++) {
		char from[16], to[32];

		snprintf(from, sizeof from, "/%s", *dir);
		snprintf(to, sizeof to, "/root/%s", *dir);
		if (mkdir(to, 0755) != 0 && errno != EEXIST)
			say("%s cannot be made: %s", to, strerror(errno));
		if (mount(from, to, NULL, MS_MOVE, NULL) != 0) {
			say("%s cannot be moved: %s", from, strerror(errno));
			return false;
		}
	}
	if (chdir("/root") != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0) {
		say("the root cannot be entered: %s", strerror(errno));
		return false;
	}
	return true;
}

bool mounts_root(const struct config *c)
{
	static const struct {
		const char *what, *where, *type;
		unsigned long flags;
		const char *data;
	} rest[] = {
		{ "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666" },
		{ "shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
		{ "run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=20%" },
		{ "tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777" },
		{ "cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate" },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};

	if (!assemble(c) || !enter_root())
		return false;
	if (c->init[0] != '\0')
		return true;
	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
		if (strncmp(rest[i].where, "/sys", 4) == 0 && access(rest[i].where, F_OK) != 0)
			continue; /* not in this kernel */
		if (!try_mount(rest[i].what, rest[i].where, rest[i].type, rest[i].flags, rest[i].data))
			say("%s cannot be mounted: %s", rest[i].where, strerror(errno));
	}
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		(void)!symlink(links[i][0], links[i][1]);
	return true;
}

void mounts_end(void)
{
	char own[32];

	sync();
	/* First what lies on top. Where something still holds a file open for
	 * writing this fails, and the sync must do. */
	mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
	snprintf(own, sizeof own, "/proc/self/fd/%d", own_fd);
	mount(NULL, own, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	sync();
}
