/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_inspect.c - inspect: everything that is known about VMs.
 */
#include <stdarg.h>
#include <string.h>

#include "cli/json.h"
#include "cli/verbs.h"
#include "common/format.h"
#include "common/now.h"

__attribute__((format(printf, 2, 3))) static void line(const char *key, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!*text)
		return;
	printf("  %-12s ", key);
	cli_put(stdout, text);
	putchar('\n');
}

static void show_vm(struct cli *cli, const struct stoker_vm *vm)
{
	char text[64];

	printf("%s%s%s\n", cli_colour(cli, "\033[1m"), vm->name, cli_colour(cli, "\033[0m"));
	line("id", "%s", vm->id);
	line("status", "%s%s%s", stoker_state_name(vm->state), vm->stale ? ", stale" : "",
	     vm->state == STOKER_RUNNING ? vm->ready ? ", ready" : ", booting" : "");
	line("reason", "%s", vm->reason);
	if (vm->phase < STOKER_PHASE_COUNT) {
		format_duration(text, sizeof(text), mono_ns() - vm->phase_since_ns);
		line("under way", "%s for %s", stoker_phase_name(vm->phase), text);
	}
	format_at(text, sizeof(text), vm->created_at_ms);
	line("created", "%s", text);
	if (vm->started_at_ms > 0) {
		format_at(text, sizeof(text), vm->started_at_ms);
		line("started", "%s", text);
	}
	if (vm->uptime_ms >= 0) {
		format_uptime(text, sizeof(text), vm->uptime_ms);
		line("up", "%s", text);
	}
	if (vm->exit_status >= 0 && vm->pid <= 0 && vm->started_at_ms > 0)
		line("VMM ended", vm->exit_status >= 256 ? "by signal %d" : "with exit code %d", vm->exit_status % 256);
	line("labels", "%s", vm->labels);
	if (vm->ephemeral)
		line("ephemeral", "yes");

	puts("\nmachine");
	line("image", "%s%s", vm->image, vm->agent ? "" : ", without agent");
	line("vcpus", "%u", vm->vcpus);
	format_mib(text, sizeof(text), vm->memory_mib);
	line("memory", "%s", text);
	format_mib(text, sizeof(text), vm->disk_mib);
	line("disk", "%s, %s", text, stoker_disk_mode_name(vm->disk_mode));
	line("backend", "%s%s%s", vm->backend, vm->accel[0] ? ", " : "", vm->accel);
	line("chosen", "%s", vm->choice);
	if (vm->pid > 0)
		line("pid", "%lld", (long long)vm->pid);
	if (vm->supervisor_pid > 0)
		line("supervisor", "%lld", (long long)vm->supervisor_pid);

	puts("\nnetwork");
	line("network", "%s, reaches %s%s%s", stoker_network_name(vm->network),
	     vm->network == STOKER_NET_NONE ? "nothing" : strcmp(vm->egress, "none") == 0 ? "nothing outside" : vm->egress,
	     vm->allow[0] ? ", and " : "", vm->allow);
	line("ip", "%s", vm->ip);
	if (vm->ssh_port)
		line("ssh", "127.0.0.1 port %u", vm->ssh_port);
	line("published", "%s", vm->publish);
	line("host key", "%s", vm->host_key);
}

static void show_paths(const struct stoker_paths *p)
{
	puts("\nfiles");
	line("VMM", "%s", p->vmm);
	line("folder", "%s", p->dir);
	line("sockets", "%s", p->run);
	line("disk", "%s", p->disk);
	line("console", "%s", p->console);
	line("ssh key", "%s", p->key);
	line("kernel", "%s", p->kernel);
	line("initrd", "%s", p->initrd);
	line("base", "%s", p->base);
}

static void show_counters(const struct stoker_vmm_counters *c)
{
	char text[64], more[64];

	puts("\ncounters of the VMM");
	format_at(text, sizeof(text), c->at_ms);
	line("told", "%s", text);
	if (c->startup_ns > 0) {
		format_duration(text, sizeof(text), c->startup_ns);
		line("start-up", "%s to its API", text);
	}
	if (c->boot_ns >= 0) {
		format_duration(text, sizeof(text), c->boot_ns);
		line("boot", "%s", text);
	}
	line("exits", "%lld io in, %lld io out, %lld mmio read, %lld mmio write", (long long)c->exits_io_in,
	     (long long)c->exits_io_out, (long long)c->exits_mmio_read, (long long)c->exits_mmio_write);
	format_kib(text, sizeof(text), (uint64_t)c->read_bytes / 1024);
	format_kib(more, sizeof(more), (uint64_t)c->write_bytes / 1024);
	line("disks", "%s read, %s written", text, more);
	if (c->rx_bytes >= 0) {
		format_kib(text, sizeof(text), (uint64_t)c->rx_bytes / 1024);
		format_kib(more, sizeof(more), (uint64_t)c->tx_bytes / 1024);
		line("network", "%s received, %s sent", text, more);
	}
}

static cJSON *counters_json(const struct stoker_vmm_counters *c)
{
	cJSON *o = cJSON_CreateObject(), *exits;

	json_add_at(o, "at", c->at_ms);
	json_add_ms(o, "startup_ms", c->startup_ns > 0 ? c->startup_ns : -1);
	json_add_ms(o, "boot_ms", c->boot_ns);
	exits = cJSON_AddObjectToObject(o, "exits");
	json_add_int(exits, "io_in", c->exits_io_in);
	json_add_int(exits, "io_out", c->exits_io_out);
	json_add_int(exits, "mmio_read", c->exits_mmio_read);
	json_add_int(exits, "mmio_write", c->exits_mmio_write);
	json_add_int(o, "read_bytes", c->read_bytes);
	json_add_int(o, "write_bytes", c->write_bytes);
	if (c->rx_bytes >= 0) {
		json_add_int(o, "rx_bytes", c->rx_bytes);
		json_add_int(o, "tx_bytes", c->tx_bytes);
	} else {
		json_add_null(o, "rx_bytes");
		json_add_null(o, "tx_bytes");
	}
	return o;
}

static void show_timings(const struct stoker_percentiles *p)
{
	bool any = false;

	for (int i = 0; i < STOKER_PHASE_COUNT; i++) {
		char p50[32], p95[32];

		if (p[i].count == 0)
			continue;
		if (!any)
			puts("\ntimings");
		any = true;
		format_duration(p50, sizeof(p50), p[i].p50_ns);
		format_duration(p95, sizeof(p95), p[i].p95_ns);
		line(stoker_phase_name((enum stoker_phase)i), "p50 %s, p95 %s, %llu time%s", p50, p95,
		     (unsigned long long)p[i].count, p[i].count == 1 ? "" : "s");
	}
}

static cJSON *inspect_json(const struct stoker_vm *vm, const struct stoker_paths *paths,
                           const struct stoker_percentiles *timings, const struct stoker_vmm_counters *counters)
{
	cJSON *o = json_vm(vm), *p, *t;

	json_add_some(o, "choice", vm->choice);
	json_add_some(o, "host_key", vm->host_key);
	p = cJSON_AddObjectToObject(o, "paths");
	json_add_some(p, "dir", paths->dir);
	json_add_some(p, "run", paths->run);
	json_add_some(p, "disk", paths->disk);
	json_add_some(p, "key", paths->key);
	json_add_some(p, "console", paths->console);
	json_add_some(p, "kernel", paths->kernel);
	json_add_some(p, "initrd", paths->initrd);
	json_add_some(p, "base", paths->base);
	json_add_some(p, "vmm", paths->vmm);
	if (counters)
		cJSON_AddItemToObject(o, "counters", counters_json(counters));
	else
		json_add_null(o, "counters");
	t = cJSON_AddObjectToObject(o, "timings");
	for (int i = 0; i < STOKER_PHASE_COUNT; i++)
		json_add_percentiles(cJSON_AddObjectToObject(t, stoker_phase_name((enum stoker_phase)i)), &timings[i]);
	return o;
}

int verb_inspect(struct cli *cli, const struct args *args)
{
	struct targets targets = { 0 };
	cJSON *results = NULL;
	int code = cli_open(cli), first = EXIT_OK;

	if (code != EXIT_OK || (code = targets_find(cli, args, NULL, &targets)) != EXIT_OK)
		goto out;
	results = cJSON_CreateArray();
	for (size_t i = 0; i < targets.count; i++) {
		struct stoker_percentiles timings[STOKER_PHASE_COUNT] = { 0 };
		struct stoker_paths paths = { 0 };
		struct stoker_error err = { 0 };
		struct stoker_vmm_counters counters;
		struct stoker_vm vm;
		bool counted;

		if (stoker_get(cli->s, targets.names[i], &vm, &err) != STOKER_OK ||
		    stoker_vm_paths(cli->s, vm.id, &paths, &err) != STOKER_OK ||
		    stoker_phase_percentiles(cli->s, vm.id, timings, &err) != STOKER_OK) {
			code = cli_fail(cli, &err);
			if (first == EXIT_OK)
				first = code;
			if (cli->json) {
				cJSON *o = cJSON_CreateObject();

				json_add_text(o, "name", targets.names[i]);
				json_add_error(o, &err);
				cJSON_AddItemToArray(results, o);
			}
			continue;
		}
		/* None is no failure: QEMU keeps none, and one that hangs is to be looked at all the more. */
		counted = stoker_vmm_count(cli->s, vm.id, NULL, &counters, NULL) == STOKER_OK;
		if (cli->json) {
			cJSON_AddItemToArray(results, inspect_json(&vm, &paths, timings, counted ? &counters : NULL));
			continue;
		}
		if (i > 0)
			putchar('\n');
		show_vm(cli, &vm);
		if (counted)
			show_counters(&counters);
		show_paths(&paths);
		show_timings(timings);
	}
	code = first;
	if (cli->json) {
		code = json_print_results(cli, results, targets.single, first);
		results = NULL;
	}
out:
	cJSON_Delete(results);
	targets_free(&targets);
	return code;
}
