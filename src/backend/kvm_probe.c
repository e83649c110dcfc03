/* SPDX-License-Identifier: Apache-2.0
 *
 * kvm_probe.c - does KVM really run guests here?
 *
 * That /dev/kvm opens proves nothing: there are hosts where it answers every
 * request and where a 64-bit kernel then hangs with an empty console. So a
 * guest is run: one page of long-mode code that writes two bytes to a port and
 * halts. Nothing but KVM_EXIT_IO, KVM_EXIT_IO, KVM_EXIT_HLT counts as working.
 * (A guest in 16-bit mode passes on such hosts too: it would be no test.)
 *
 * The guest runs in a child process that is killed at the deadline, so that a
 * KVM which never comes back from KVM_RUN cannot hold its caller. The child
 * makes system calls only: it may be forked from a program with threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "stoker.h"

/* A working KVM answers in a few ms, a broken one exits at once; only a hung one
 * takes all of it. A guest that spins costs its process CPU time, which is what
 * is limited first: on a loaded or itself emulated host the right answer took
 * seconds, nearly all of them waiting for a CPU, and calling a working KVM
 * broken is the worse mistake. */
#define PROBE_CPU_S 1
#define PROBE_DEADLINE_MS 8000
#define PROBE_MEMORY 0x5000u
#define PROBE_PML4 0x1000u
#define PROBE_PDPT 0x2000u
#define PROBE_CODE 0x4000u
#define PROBE_PORT 0x3f8

enum probe_step {
	PROBE_OPEN, PROBE_VERSION, PROBE_VM, PROBE_MEMORY_MAP, PROBE_VCPU, PROBE_REGISTERS, PROBE_RUN,
	PROBE_EXIT_REASON, PROBE_DONE
};

/* What the child tells: where it ended, and errno or the exit reason there. */
struct probe_report {
	int step;
	int value;
	int exits; /* guest exits that were as expected */
};

#if defined(__x86_64__)
static int probe_long_mode(int vcpu)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_segment code = {
		.selector = 8, .base = 0, .limit = 0xffffffff, .type = 11, .present = 1, .dpl = 0, .s = 1, .l = 1, .g = 1
	};
	struct kvm_segment data = code;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	data.selector = 16;
	data.type = 3;
	data.l = 0;
	data.db = 1;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr3 = PROBE_PML4;
	sregs.cr4 |= 1u << 5;                /* PAE */
	sregs.efer |= 1u << 8 | 1u << 10;    /* LME, LMA */
	sregs.cr0 |= 1u << 31 | 1u;          /* PG, PE */
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0)
		return -1;
	memset(&regs, 0, sizeof regs);
	regs.rip = PROBE_CODE;
	regs.rsp = PROBE_MEMORY;
	regs.rflags = 2;
	return ioctl(vcpu, KVM_SET_REGS, &regs);
}

static void probe_memory_fill(uint8_t *memory)
{
	static const uint8_t code[] = {
		0x66, 0xba, PROBE_PORT & 0xff, PROBE_PORT >> 8, /* mov dx, port */
		0xb0, 'o', 0xee,                                /* mov al, 'o'; out dx, al */
		0xb0, 'k', 0xee,                                /* mov al, 'k'; out dx, al */
		0xf4                                            /* hlt */
	};
	uint64_t pml4 = PROBE_PDPT | 3;      /* present, writable */
	uint64_t pdpt = 0x80 | 3;            /* the first GiB onto itself in one page */

	memcpy(memory + PROBE_PML4, &pml4, sizeof pml4);
	memcpy(memory + PROBE_PDPT, &pdpt, sizeof pdpt);
	memcpy(memory + PROBE_CODE, code, sizeof code);
}

static void probe_run(struct probe_report *report)
{
	static const char expected[] = "ok";
	struct kvm_userspace_memory_region region = { .guest_phys_addr = 0, .memory_size = PROBE_MEMORY };
	struct kvm_run *run;
	uint8_t *memory;
	int kvm, vm, vcpu, size;

	report->step = PROBE_OPEN;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		goto failed;
	report->step = PROBE_VERSION;
	report->value = ioctl(kvm, KVM_GET_API_VERSION, 0);
	if (report->value != KVM_API_VERSION)
		return;
	report->step = PROBE_VM;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		goto failed;
	report->step = PROBE_MEMORY_MAP;
	memory = mmap(NULL, PROBE_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		goto failed;
	probe_memory_fill(memory);
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		goto failed;
	report->step = PROBE_VCPU;
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu < 0 || size < (int)sizeof *run)
		goto failed;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		goto failed;
	report->step = PROBE_REGISTERS;
	if (probe_long_mode(vcpu) < 0)
		goto failed;
	for (;;) {
		report->step = PROBE_RUN;
		if (ioctl(vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				continue;
			goto failed;
		}
		report->step = PROBE_EXIT_REASON;
		report->value = (int)run->exit_reason;
		if (report->exits == 2 && run->exit_reason == KVM_EXIT_HLT) {
			report->step = PROBE_DONE;
			return;
		}
		if (report->exits >= 2 || run->exit_reason != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT ||
		    run->io.port != PROBE_PORT || run->io.data_offset >= (uint64_t)size ||
		    ((const char *)run)[run->io.data_offset] != expected[report->exits])
			return;
		report->exits++;
	}
failed:
	report->value = errno;
}
#endif

/* Reads the child's report within the deadline. 0, or an errno value. */
static int probe_collect(int fd, struct probe_report *report)
{
	int64_t deadline = deadline_after_ms(PROBE_DEADLINE_MS);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		int left = deadline_poll_ms(deadline);
		int n = poll(&poll_fd, 1, left);
		ssize_t got;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return ETIMEDOUT;
		/* One write of a few bytes into a pipe arrives whole or not at all. */
		got = read(fd, report, sizeof *report);
		if (got < 0 && errno == EINTR)
			continue;
		return got == (ssize_t)sizeof *report ? 0 : EPIPE;
	}
}

static const char *exit_reason_name(int reason)
{
	switch (reason) {
	case KVM_EXIT_SHUTDOWN:
		return "KVM_EXIT_SHUTDOWN";
	case KVM_EXIT_FAIL_ENTRY:
		return "KVM_EXIT_FAIL_ENTRY";
	case KVM_EXIT_INTERNAL_ERROR:
		return "KVM_EXIT_INTERNAL_ERROR";
	case KVM_EXIT_MMIO:
		return "KVM_EXIT_MMIO";
	case KVM_EXIT_HLT:
		return "KVM_EXIT_HLT";
	case KVM_EXIT_IO:
		return "KVM_EXIT_IO";
	default:
		return "an exit that is not expected";
	}
}

static void probe_explain(const struct probe_report *report, char *reason, size_t cap)
{
	switch ((enum probe_step)report->step) {
	case PROBE_OPEN:
		if (report->value == ENOENT)
			snprintf(reason, cap, "/dev/kvm does not exist: no virtualization in this CPU, or its module is not loaded");
		else if (report->value == EACCES || report->value == EPERM)
			snprintf(reason, cap, "/dev/kvm may not be opened by this user");
		else
			snprintf(reason, cap, "/dev/kvm cannot be opened: %s", strerror(report->value));
		return;
	case PROBE_VERSION:
		snprintf(reason, cap, "/dev/kvm speaks API version %d, not %d", report->value, KVM_API_VERSION);
		return;
	case PROBE_VM:
		snprintf(reason, cap, "KVM refuses to make a VM: %s", strerror(report->value));
		return;
	case PROBE_MEMORY_MAP:
		snprintf(reason, cap, "KVM refuses guest memory: %s", strerror(report->value));
		return;
	case PROBE_VCPU:
		snprintf(reason, cap, "KVM refuses a vCPU: %s", strerror(report->value));
		return;
	case PROBE_REGISTERS:
		snprintf(reason, cap, "KVM refuses a vCPU in 64-bit mode: %s", strerror(report->value));
		return;
	case PROBE_RUN:
		snprintf(reason, cap, "KVM cannot run the vCPU: %s", strerror(report->value));
		return;
	case PROBE_EXIT_REASON:
		snprintf(reason, cap, "/dev/kvm opens, but a 64-bit guest does not run on it: %s after %d of 2 instructions",
		         exit_reason_name(report->value), report->exits);
		return;
	case PROBE_DONE:
		snprintf(reason, cap, "a 64-bit guest ran on /dev/kvm");
		return;
	}
	snprintf(reason, cap, "the KVM probe gave an impossible answer");
}

bool stoker_kvm_probe(char *reason, size_t cap)
{
#if defined(__x86_64__)
	struct probe_report report = { 0 };
	sigset_t all, old;
	int fds[2], bad, ended = 0;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		snprintf(reason, cap, "the KVM probe could not be run: %s", strerror(errno));
		return false;
	}
	/* No handler of the caller's may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	child = fork();
	if (child == 0) {
		const struct rlimit cpu = { PROBE_CPU_S, PROBE_CPU_S };
		ssize_t ignored;
		close(fds[0]);
		setrlimit(RLIMIT_CPU, &cpu); /* SIGKILL at once, as both are the same */
		probe_run(&report);
		ignored = write(fds[1], &report, sizeof report);
		(void)ignored;
		_exit(0);
	}
	bad = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(fds[1]);
	if (child < 0) {
		close(fds[0]);
		snprintf(reason, cap, "the KVM probe could not be run: %s", strerror(bad));
		return false;
	}
	bad = probe_collect(fds[0], &report);
	close(fds[0]);
	/* Our own child that nobody else reaps: the pid is still its own. */
	kill(child, SIGKILL);
	while (waitpid(child, &ended, 0) < 0 && errno == EINTR)
		continue;
	/* Without an answer: at the deadline, or the kernel killed it at its limit. */
	if (bad == ETIMEDOUT || (bad == EPIPE && WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL)) {
		snprintf(reason, cap, "/dev/kvm opens, but a guest on it does not come back within %d s%s",
		         bad == ETIMEDOUT ? PROBE_DEADLINE_MS / 1000 : PROBE_CPU_S, bad == ETIMEDOUT ? "" : " of CPU time");
		return false;
	}
	if (bad) {
		snprintf(reason, cap, "the KVM probe ended without an answer");
		return false;
	}
	probe_explain(&report, reason, cap);
	return report.step == PROBE_DONE;
#else
	snprintf(reason, cap, "KVM guests are supported on x86-64 only");
	return false;
#endif
}
