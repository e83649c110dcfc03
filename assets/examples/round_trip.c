/* SPDX-License-Identifier: Apache-2.0
 *
 * Round trips to a guest: to its agent, and over an open SSH connection.
 *
 * cc -o example round_trip.c $(pkg-config --cflags --libs stoker)
 */
#include <stdio.h>

#include <stoker.h>

static int failed(const struct stoker_error *err)
{
	char text[1400];

	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "%s\n", text);
	return stoker_exit_code(err->code);
}

static enum stoker_status pings(stoker *s, const char *id, enum stoker_via via, struct stoker_error *err)
{
	enum { COUNT = 50 };
	struct stoker_percentiles p;
	stoker_session *session = NULL;
	int64_t rtt[COUNT];
	enum stoker_status st = stoker_session_open(s, id, via, NULL, &session, err);

	for (int i = 0; i < COUNT && st == STOKER_OK; i++)
		st = stoker_ping(session, NULL, &rtt[i], err);
	stoker_session_close(session);
	if (st != STOKER_OK)
		return st;
	stoker_percentiles_of(rtt, COUNT, &p);
	printf("%-8s %d round trips: p50 %.3f ms, p95 %.3f ms, p99 %.3f ms\n",
	       via == STOKER_VIA_SSH ? "ssh" : "channel", COUNT, (double)p.p50_ns / 1e6, (double)p.p95_ns / 1e6,
	       (double)p.p99_ns / 1e6);
	return STOKER_OK;
}

int main(void)
{
	struct stoker_spec spec = { .memory_mib = 256, .ephemeral = true };
	struct stoker_error err = { .code = STOKER_OK };
	stoker *s = NULL;
	struct stoker_vm vm;

	if (stoker_open(NULL, &s, &err) != STOKER_OK || stoker_create(s, &spec, NULL, &vm, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	if (stoker_start(s, vm.id, NULL, NULL, &err) == STOKER_OK &&
	    pings(s, vm.id, STOKER_VIA_CHANNEL, &err) == STOKER_OK)
		pings(s, vm.id, STOKER_VIA_SSH, &err);
	stoker_delete(s, vm.id, true, NULL, NULL);
	stoker_close(s);
	return err.code == STOKER_OK ? 0 : failed(&err);
}
