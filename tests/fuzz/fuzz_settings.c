/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_settings.c - any bytes as a configuration file: refused with a line, a
 * reason and no control characters, or taken with every value within bounds.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle.h"
#include "settings.h"
#include "store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char file[] = "/tmp/stoker-fuzz-XXXXXX";

static void clean(void)
{
	unlink(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct stoker_error err = { 0 };
	struct stoker s = { 0 };
	struct stoker_setting_row row;
	struct store_pools pools = { 0 };

	if (fd < 0) {
		fd = mkstemp(file);
		if (fd < 0)
			abort();
		atexit(clean);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (settings_load(file, true, &s.settings, &err) != STOKER_OK) {
		if (!err.why[0] || !err.fix[0] || strpbrk(err.why, "\033\n\r\b"))
			abort();
		return 0;
	}
	for (size_t i = 0; stoker_setting_at(&s, i, &row); i++)
		if (!row.value[0] || strpbrk(row.value, "\033\n\r"))
			abort();
	settings_pools(s.settings, &pools);
	if (!pools.first_address || pools.first_address > pools.last_address || pools.first_port < 1024 ||
	    pools.first_port > pools.last_port || settings_number(s.settings, "defaults.vcpus") < 1)
		abort();
	settings_free(s.settings);
	return 0;
}
