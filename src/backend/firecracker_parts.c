/* SPDX-License-Identifier: Apache-2.0
 *
 * firecracker_parts.c - what Firecracker says, read and explained; where its
 * program is, and what doctor says about it.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../doctor.h"
#include "../error.h"
#include "firecracker.h"

bool firecracker_read_state(const char *body, size_t length, long status, enum vmm_state *out, char version[32])
{
	static const struct {
		const char *name;
		enum vmm_state state;
	} states[] = { { "Not started", VMM_NOT_STARTED }, { "Running", VMM_RUNNING }, { "Paused", VMM_PAUSED } };
	cJSON *json = status == 200 ? cJSON_ParseWithLength(body, length) : NULL;
	const char *state = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "state"));
	const char *told = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "vmm_version"));
	bool known = false;

	for (size_t i = 0; state && i < sizeof states / sizeof *states; i++)
		if (strcmp(states[i].name, state) == 0) {
			*out = states[i].state;
			known = true;
		}
	if (known && told)
		error_clean(version, 32, told, strnlen(told, 31));
	cJSON_Delete(json);
	return known;
}

int firecracker_version_number(const char *text)
{
	unsigned major, minor;
	if (sscanf(text, "%3u.%3u", &major, &minor) != 2 || major == 0 || minor > 99)
		return 0;
	return (int)(major * 100 + minor);
}

const char *firecracker_advice(const char *fault)
{
	static const struct {
		const char *says, *advice;
	} known[] = {
		{ "os error 16", "Another process holds this TAP: see which with `sudo lsof /dev/net/tun`, end it and start again" },
		{ "Resource busy", "Another process holds this TAP: see which with `sudo lsof /dev/net/tun`, end it and start again" },
		{ "tap device", "The TAP is not as stoker makes it: stoker reconcile, then start again" },
		{ "MAC address", "Two cards of this VM have one address: delete it and create it again" },
		{ "KVM", "Look at what stoker doctor says about KVM, or create the VM with --backend qemu" },
		{ "Kernel", "Build its image again: stoker image build --rebuild" },
		{ "kernel", "Build its image again: stoker image build --rebuild" },
		{ "Boot source", "Build its image again: stoker image build --rebuild" },
		{ "initrd", "Build its image again: stoker image build --rebuild" },
		{ "os error 12", "Free memory on the host, or create the VM with less (--memory)" },
		{ "guest memory", "Free memory on the host, or create the VM with less (--memory)" },
		{ "memory size", "Create the VM with another --memory" },
		{ "vCPUs", "Create the VM with 1 to 32 --vcpus" },
		{ "os error 13", "It may not open this file: check owner and mode, and that the folders above may be entered" },
		{ "os error 2)", "A file of the VM or its image is gone: stoker doctor and stoker reconcile tell which" },
		{ "vsock", "Remove what is left of an earlier run: stoker reconcile, then start again" },
		{ "after starting", "It runs already: stoker reconcile brings record and host together" },
		{ "before starting", "It does not run yet: start it again" },
		{ "boot-specific resources", "A snapshot is loaded into a fresh process only: start it again" },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strstr(fault, known[i].says))
			return known[i].advice;
	return "Look at what it says itself: vmm.log in the VM's folder (stoker inspect)";
}

/* ---- the program */

bool firecracker_installed(const stoker *s, char path[STOKER_PATH_SIZE])
{
	return path_state(s, path, "bin/firecracker");
}

enum stoker_status firecracker_find(stoker *s, char path[STOKER_PATH_SIZE], const char **how, struct stoker_error *err)
{
	const char *name = s->firecracker ? s->firecracker : settings_get(s->settings, "firecracker.binary");
	const char *by = s->firecracker ? "--firecracker" : strchr(name, '/') ? "firecracker.binary" : "in PATH";
	bool found = program_find(name, path);

	/* What was named in so many words is that one or none. */
	if (!found && !s->firecracker && strcmp(name, "firecracker") == 0) {
		by = "installed by stoker";
		found = firecracker_installed(s, path) && program_find(path, path);
	}
	if (how)
		*how = by;
	if (found)
		return STOKER_OK;
	error_set(err, STOKER_E_MISSING, "Firecracker (%s%s) is not installed", name,
	          s->firecracker ? ", as --firecracker says" : strcmp(name, "firecracker") != 0 ? ", as firecracker.binary says" : "");
	return error_fix(err, "%s", FIRECRACKER_INSTALL), STOKER_E_MISSING;
}

static void version_line(void *user, const char *line)
{
	char *version = user;
	if (strncmp(line, "Firecracker v", 13) == 0)
		error_clean(version, 32, line + 13, strnlen(line + 13, 31));
}

enum stoker_status firecracker_version_of(const char *path, const struct stoker_call *call, char version[32],
                                          struct stoker_error *err)
{
	const char *const argv[] = { path, "--version", NULL };
	enum stoker_status st;

	version[0] = '\0';
	st = process_run(argv, NULL, call, version_line, version, err);
	if (st == STOKER_OK && !firecracker_version_number(version))
		st = error_set(err, STOKER_E_FAILED, "it does not tell its version");
	return st;
}

void firecracker_doctor(struct doctor *d)
{
	char path[STOKER_PATH_SIZE], version[32] = "", probe[160];
	const char *how;
	struct stoker_call call = STOKER_CALL_INIT;
	struct stoker_error why = { 0 };
	struct stoker_check *row;
	enum stoker_status st = firecracker_find(d->s, path, &how, &why);
	int number;

	if (st != STOKER_OK) {
		row = doctor_row(d, "firecracker", STOKER_CHECK_WARN, "%s; QEMU is used", why.why);
		doctor_fix(row, "%s", FIRECRACKER_INSTALL);
		return;
	}
	call.timeout_ms = 5000;
	st = firecracker_version_of(path, &call, version, &why);
	number = firecracker_version_number(version);
	if (st != STOKER_OK) {
		row = doctor_row(d, "firecracker", STOKER_CHECK_FAIL, "%s (%s) does not work: %s", path, how, why.why);
		doctor_fix(row, "%s", FIRECRACKER_INSTALL);
	} else if (number < FIRECRACKER_OLDEST) {
		row = doctor_row(d, "firecracker", STOKER_CHECK_FAIL, "%s (%s): version %s is too old, 1.7 or newer is needed", path,
		                 how, version);
		doctor_fix(row, "%s", FIRECRACKER_INSTALL);
	} else if (!stoker_kvm_probe(probe, sizeof probe)) {
		row = doctor_row(d, "firecracker", STOKER_CHECK_WARN, "%s (%s): version %s, of no use here, for it needs KVM: %s", path,
		                 how, version, probe);
		doctor_fix(row, "Mend KVM (see above); until then QEMU is used");
	} else if (number > FIRECRACKER_NEWEST) {
		row = doctor_row(d, "firecracker", STOKER_CHECK_WARN,
		                 "%s (%s): version %s is newer than what stoker was tried with (1.7 to 1.17); it is used all the same",
		                 path, how, version);
		doctor_fix(row, "Nothing, unless it misbehaves. %s", FIRECRACKER_INSTALL);
	} else {
		doctor_row(d, "firecracker", STOKER_CHECK_OK, "%s (%s): version %s, and KVM runs its guests", path, how, version);
	}
}
