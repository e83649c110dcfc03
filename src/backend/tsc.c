/* SPDX-License-Identifier: Apache-2.0
 *
 * tsc.c - the host's TSC frequency.
 *
 * Under TCG the guest's TSC is the host's, but its kernel measures it against
 * an emulated timer, and about one boot in ten on a loaded host never ends
 * that. Telling it the frequency (tsc_early_khz) ends the measuring.
 */
#include <stdio.h>
#include <string.h>

#include "backend.h"

#if defined(__x86_64__)
#include <cpuid.h>

static unsigned from_cpuid(void)
{
	unsigned a, b, c, d, max;
	/* A hypervisor's own leaf, as VMware defined it and KVM took it over: EAX is kHz. */
	__cpuid(1, a, b, c, d);
	if (c & 1u << 31) {
		__cpuid(0x40000000, max, b, c, d);
		if (max >= 0x40000010 && max < 0x40010000) {
			__cpuid(0x40000010, a, b, c, d);
			if (a > 100000 && a < 10000000)
				return a;
		}
	}
	/* Intel: TSC = crystal (ECX, Hz) * EBX / EAX. */
	if (__get_cpuid_max(0, NULL) >= 0x15) {
		__cpuid(0x15, a, b, c, d);
		if (a && b && c)
			return (unsigned)((uint64_t)c * b / a / 1000);
	}
	return 0;
}
#else
static unsigned from_cpuid(void)
{
	return 0;
}
#endif

static unsigned from_cpuinfo(void)
{
	char line[256];
	double mhz = 0;
	FILE *f = fopen("/proc/cpuinfo", "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "cpu MHz : %lf", &mhz) == 1)
			break;
	fclose(f);
	return mhz > 100 && mhz < 10000 ? (unsigned)(mhz * 1000) : 0;
}

unsigned tsc_khz(void)
{
	unsigned khz = from_cpuid();
	return khz ? khz : from_cpuinfo();
}
