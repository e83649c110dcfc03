/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_network.c - network list, inspect and remove: what is on the host of VMs
 * with network tap.
 */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/signals.h"
#include "cli/table.h"
#include "cli/verbs.h"

static void list_json(cJSON *array, const struct stoker_network_device *d)
{
	cJSON *o = cJSON_CreateObject();

	json_add_text(o, "device", d->device);
	json_add_some(o, "name", d->name);
	json_add_text(o, "id", d->id);
	json_add_some(o, "status", stoker_state_name(d->state));
	json_add_some(o, "ip", d->ip);
	json_add_positive(o, "ssh_port", d->ssh_port);
	json_add_published(o, d->publish);
	json_add_bool(o, "up", d->up);
	json_add_some(o, "missing", d->missing);
	cJSON_AddItemToArray(array, o);
}

static void list_row(struct table *t, const struct stoker_network_device *d)
{
	table_row(t);
	table_cell(t, NULL, "%s", d->device);
	table_cell(t, NULL, "%s", d->name[0] ? d->name : d->id);
	table_cell(t, NULL, "%s", d->name[0] ? stoker_state_name(d->state) : "no record");
	table_cell(t, NULL, "%s", d->ip[0] ? d->ip : "-");
	if (d->ssh_port)
		table_cell(t, NULL, "%u:22%s%s", d->ssh_port, d->publish[0] ? "," : "", d->publish);
	else
		table_cell(t, NULL, "%s", d->publish[0] ? d->publish : "-");
	if (!d->name[0])
		table_cell(t, "\033[33m", "left over");
	else if (d->missing[0])
		table_cell(t, "\033[33m", "missing: %s", d->missing);
	else
		table_cell(t, "\033[32m", "sound");
}

int verb_network_list(struct cli *cli, const struct args *args)
{
	static const char *const heads[] = { "DEVICE", "VM", "STATUS", "IP", "PORTS", "RULES", NULL };
	struct stoker_network_device *all = NULL;
	struct stoker_error err = { 0 };
	size_t count = 0;
	struct table *t;
	int code = cli_open(cli);

	(void)args;
	if (code != EXIT_OK)
		return code;
	if (stoker_network_list(cli->s, &all, &count, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (cli->json) {
		cJSON *array = cJSON_CreateArray();

		for (size_t i = 0; i < count; i++)
			list_json(array, &all[i]);
		stoker_free(all);
		return json_print(cli, array, EXIT_OK);
	}
	if (cli->quiet) {
		for (size_t i = 0; i < count; i++)
			puts(all[i].device);
		stoker_free(all);
		return EXIT_OK;
	}
	if (count == 0)
		cli_note(cli, "no VM has network tap");
	t = table_new(heads);
	for (size_t i = 0; i < count; i++)
		list_row(t, &all[i]);
	if (count > 0)
		table_print(cli, t, stdout, true, 0);
	else
		table_free(t);
	stoker_free(all);
	return EXIT_OK;
}

/* ---- inspect */

static void line(const char *key, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(const char *key, const char *format, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("  %-10s ", key);
	cli_put(stdout, text);
	putchar('\n');
}

int verb_network_inspect(struct cli *cli, const struct args *args)
{
	static const char *const words[STOKER_RULES_COUNT] = {
		[STOKER_RULES_ABSENT] = "the table inet stoker is not there; the first VM makes it",
		[STOKER_RULES_SOUND] = "the table inet stoker is as it was made",
		[STOKER_RULES_CHANGED] = "the table inet stoker was changed by somebody: stoker reconcile mends it",
	};
	struct stoker_error err = { 0 };
	struct stoker_network_state n;
	int code = cli_open(cli);

	(void)args;
	if (code != EXIT_OK)
		return code;
	if (stoker_network_get(cli->s, &n, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_text(o, "rules", stoker_rules_name(n.rules));
		json_add_int(o, "elements", n.elements);
		json_add_int(o, "devices", n.devices);
		json_add_int(o, "foreign", n.foreign);
		json_add_int(o, "strays", n.strays);
		json_add_text(o, "pool", n.pool);
		json_add_some(o, "gateway", n.gateway);
		json_add_int(o, "addresses_used", n.addresses_used);
		json_add_int(o, "addresses_total", n.addresses_total);
		json_add_text(o, "ports", n.ports);
		json_add_int(o, "ports_used", n.ports_used);
		json_add_int(o, "ports_total", n.ports_total);
		json_add_words(o, "forwarding", n.forwarding);
		json_add_bool(o, "ip_forward", n.ip_forward);
		json_add_some(o, "trouble", n.trouble);
		return json_print(cli, o, EXIT_OK);
	}
	line("rules", "%s", words[n.rules]);
	line("elements", "%u in its sets", n.elements);
	line("devices", "%u of this state folder, %u of other stokers", n.devices, n.foreign);
	if (n.strays)
		line("left over", "rules of %u address%s without a device: stoker reconcile removes them", n.strays,
		     n.strays == 1 ? "" : "es");
	line("pool", "%s, %u of %u addresses used, gateway %s", n.pool, n.addresses_used, n.addresses_total,
	     n.gateway[0] ? n.gateway : "-");
	line("ports", "%s of 127.0.0.1, %u of %u used", n.ports, n.ports_used, n.ports_total);
	line("forwarding", "turned on for %s; ip_forward of the host is %s and left so",
	     n.forwarding[0] ? n.forwarding : "no device", n.ip_forward ? "on" : "off");
	line("usable", "%s", n.trouble[0] ? n.trouble : "yes");
	return EXIT_OK;
}

/* ---- remove */

static bool ask(struct cli *cli)
{
	struct stoker_network_state n;

	signals_cancel_fd();
	if (stoker_network_get(cli->s, &n, NULL) == STOKER_OK)
		fprintf(stderr, "  %u device%s, %s, forwarding of %s\n", n.devices, n.devices == 1 ? "" : "s",
		        n.rules == STOKER_RULES_ABSENT ? "no table of rules" : "the table of rules",
		        n.forwarding[0] ? n.forwarding : "no device");
	return cli_ask(cli, "Remove the network of all VMs? They stay, and their next start makes it again.");
}

int verb_network_remove(struct cli *cli, const struct args *args)
{
	struct stoker_network_removed removed;
	struct stoker_error err = { 0 };
	struct stoker_call call;
	int code;

	/* Before anything is looked up, so that a script learns it at once and always. */
	if (!arg_flag(args, "yes") && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
		return cli_usage(cli, "Add --yes.", "removing the network without a terminal to ask on needs --yes");
	cli_call(cli, args, &call);
	if ((code = cli_open(cli)) != EXIT_OK)
		return code;
	if (!arg_flag(args, "yes") && !ask(cli)) {
		cli_note(cli, "nothing was removed");
		return EXIT_FAILED;
	}
	if (stoker_network_remove(cli->s, arg_flag(args, "force"), &call, &removed, &err) != STOKER_OK)
		return cli_fail(cli, &err);
	cli_progress_end(cli);
	if (cli->json) {
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "devices", removed.devices);
		json_add_int(o, "stopped", removed.stopped);
		json_add_int(o, "foreign", removed.foreign);
		json_add_bool(o, "table", removed.table);
		json_add_words(o, "forwarding", removed.forwarding);
		return json_print(cli, o, EXIT_OK);
	}
	if (cli->quiet)
		return EXIT_OK;
	printf("%u device%s removed", removed.devices, removed.devices == 1 ? "" : "s");
	if (removed.stopped)
		printf(" (%u VM%s killed)", removed.stopped, removed.stopped == 1 ? "" : "s");
	fputs(removed.table ? ", and the table of rules" : "", stdout);
	if (removed.forwarding[0]) {
		fputs("; forwarding turned off for ", stdout);
		cli_put(stdout, removed.forwarding);
	}
	putchar('\n');
	if (removed.foreign)
		cli_note(cli,
		         "%u device%s of other stokers %s there: the table of rules and the forwarding stay for them",
		         removed.foreign, removed.foreign == 1 ? "" : "s", removed.foreign == 1 ? "is" : "are");
	return EXIT_OK;
}
