/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * apic_timer.c - put at the end of arch/x86/kernel/apic/apic.c when the guest's kernel is built.
 *
 * Where the local APIC has no TSC deadline (QEMU's TCG), the kernel measures its timer against the TSC for a tenth
 * of a second: a seventh of a boot, for a number that the emulator's source states. apic.timer_khz= tells it, as
 * tsc_early_khz= tells the TSC's. No configuration can; the name has a dot because a kernel that does not know it
 * passes over such a one in silence.
 */
static int __init parse_timer_khz(char *arg)
{
	unsigned int khz;

	if (!arg || kstrtouint(arg, 10, &khz) || khz < 1000 || khz > UINT_MAX / 1000)
		return -EINVAL;
	lapic_timer_period = khz * 1000 / HZ; /* counts in a jiffy */
	pr_info("APIC: the timer counts %u kHz, as it was told\n", khz);
	return 0;
}
early_param("apic.timer_khz", parse_timer_khz);
