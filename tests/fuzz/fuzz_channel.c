/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_channel.c - the client's view of one command: frames of any kind and
 * order. It must never deliver more than it allowed, and never after the end.
 */
#include <stdlib.h>
#include <string.h>

#include "guest/channel_wire.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stoker_guest_stats stats;
	struct wire_command c;
	struct wire_exit e;
	uint64_t delivered[2] = { 0, 0 }, allowed[2] = { FRAME_WINDOW, FRAME_WINDOW };

	wire_stats_parse(data, size, &stats);
	if (wire_exit_parse(data, size, &e))
		check(memchr(e.text, 0, sizeof e.text) && e.value >= 0);
	if (size < 1)
		return 0;
	wire_command_init(&c, 1, data[0] & 1);
	data++, size--;
	/* type, stream, 16-bit length, payload; and what is raw. */
	while (size >= 4) {
		struct frame f = { .type = data[0], .stream = data[1], .length = frame_get16(data + 2) };
		enum wire_action action;
		uint32_t more;
		int which = -1;
		data += 4, size -= 4;
		if (f.length > size)
			f.length = (uint32_t)size;
		action = wire_command_frame(&c, &f, data, &which);
		if (action == WIRE_BROKEN || action == WIRE_LOST)
			return 0;
		if (action == WIRE_DELIVER) {
			check((which == 0 || which == 1) && f.stream == 1 && f.length > 0 && !c.closing);
			delivered[which] += f.length;
			check(delivered[which] <= allowed[which]);
			more = wire_command_consumed(&c, which, f.length);
			allowed[which] += more;
			check(c.credit[which] <= FRAME_WINDOW);
		}
		check(c.in_credit <= FRAME_WINDOW);
		data += f.length, size -= f.length;
	}
	return 0;
}
