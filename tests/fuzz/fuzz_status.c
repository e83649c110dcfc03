/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_status.c - a status file that anything may have written; and what is
 * accepted must come out the same when it is written again.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/control.h"
#include "supervisor/hello.h"
#include "supervisor/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run_status first, again;
	struct hello hello;
	const char *why;
	char text[SUPERVISOR_STATUS_MAX];
	size_t len;

	hello_parse(data, size, &hello, &why);
	if (!status_parse((const char *)data, size, &first))
		return 0;
	len = status_format(&first, text, sizeof text);
	if (len == 0 || !status_parse(text, len, &again))
		abort();
	if (strcmp(first.message, again.message) != 0 || first.exit_status != again.exit_status ||
	    first.vmm.pid != again.vmm.pid || first.hello_ns != again.hello_ns)
		abort();
	return 0;
}
