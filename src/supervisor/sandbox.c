/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.c - the filter of system calls for a VMM that was built without one.
 *
 * It denies what QEMU's own "-sandbox on,obsolete=deny,elevateprivileges=deny,
 * spawn=deny,resourcecontrol=deny" denies, and is there from the VMM's first
 * instruction. The one exec that makes the child a VMM cannot be told from a
 * later one by the filter: it is put to the supervisor, who lets the first
 * through and never answers again, with which the kernel refuses the others.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor.h"

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1u
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
/* When what is loaded is (not) `value`. */
#define IS(value, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1), ANSWER(action)
#define IS_NOT(value, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0), ANSWER(action)
#define CALL(name, action) IS(SYS_##name, action)
#define DENY(name) CALL(name, SECCOMP_RET_KILL_PROCESS)
#define REFUSE (SECCOMP_RET_ERRNO | EPERM)

/* A thread as the C library makes it, and no other child. */
#define THREAD                                                                                                         \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |               \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define X32 0x40000000u

static struct sock_filter filter[] = {
	LOAD(arch), IS_NOT(AUDIT_ARCH_X86_64, SECCOMP_RET_KILL_PROCESS),
	/* No call at all: one that a tracer has answered. */
	LOAD(nr), IS(~0u, SECCOMP_RET_ALLOW),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1), ANSWER(SECCOMP_RET_KILL_PROCESS),
	/* Spawning. What clone3() is asked for stands in memory, out of a filter's sight: the C library then uses clone(). */
	DENY(fork), DENY(vfork), DENY(execveat), CALL(execve, SECCOMP_RET_USER_NOTIF), CALL(clone3, SECCOMP_RET_ERRNO | ENOSYS),
	/* Other rights. */
	DENY(setuid), DENY(setgid), DENY(setpgid), DENY(setsid), DENY(setreuid), DENY(setregid), DENY(setresuid),
	DENY(setresgid), DENY(setfsuid), DENY(setfsgid), DENY(unshare), DENY(setns),
	/* What concerns the host. */
	DENY(reboot), DENY(swapon), DENY(swapoff), DENY(syslog), DENY(mount), DENY(kexec_load),
	/* Obsolete, or never built. */
	DENY(uselib), DENY(ustat), DENY(sysfs), DENY(_sysctl), DENY(create_module), DENY(get_kernel_syms), DENY(query_module),
	DENY(getpmsg), DENY(putpmsg), DENY(afs_syscall), DENY(tuxcall), DENY(security), DENY(vserver),
	/* Resources. */
	CALL(setpriority, REFUSE), CALL(sched_setparam, REFUSE), CALL(sched_setscheduler, REFUSE),
	CALL(sched_setaffinity, REFUSE),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0), ANSWER(SECCOMP_RET_ALLOW),
	LOAD(args[0]), IS_NOT(THREAD, SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW),
};

static bool give(int to, int fd)
{
	int nothing = 0;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { &nothing, sizeof nothing };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes,
		                  .msg_controllen = sizeof control.bytes };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(to, &message, MSG_NOSIGNAL) == sizeof nothing;
}

bool sandbox_enter(int supervisor)
{
	const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
	long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);

	if (listener < 0 || !give(supervisor, (int)listener))
		return false;
	close((int)listener); /* with the supervisor's gone nobody is left to be asked, and the exec is refused */
	return true;
}

/* Lets one exec through. A child that ended before it, or was not let, is told by the end of the socket. */
static void admit(int listener, int child)
{
	struct pollfd fds[2] = { { listener, POLLIN, 0 }, { child, POLLIN, 0 } };
	struct seccomp_notif asked = { 0 };
	struct seccomp_notif_resp answer = { 0 };

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (!(fds[0].revents & POLLIN) || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0)
		return;
	answer.id = asked.id;
	answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

ssize_t sandbox_admit(int child, int *problem)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { problem, sizeof *problem };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes,
		                  .msg_controllen = sizeof control.bytes };
	struct cmsghdr *head;
	ssize_t n;
	int listener;

	do
		n = recvmsg(child, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || *problem != 0)
		return n; /* it did not come so far, or there is no sandbox */
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS) { /* it is lost where we have too many open */
		memcpy(&listener, CMSG_DATA(head), sizeof listener);
		admit(listener, child);
		close(listener);
	}
	do
		n = read(child, problem, sizeof *problem);
	while (n < 0 && errno == EINTR);
	return n;
}
