/* SPDX-License-Identifier: Apache-2.0
 *
 * tsc.c - prints this machine's TSC frequency in kHz, as the outer host of the lab must know it.
 */
#include <stdio.h>

#include "backend/backend.h"

int main(void)
{
	unsigned khz = tsc_khz();
	if (khz)
		printf("%u\n", khz);
	return khz ? 0 : 1;
}
