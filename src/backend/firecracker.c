/* SPDX-License-Identifier: Apache-2.0
 *
 * firecracker.c - Firecracker, by its API.
 *
 * The VM's runtime folder is its working folder, so its sockets have short
 * names whatever the path. Its log goes to the supervisor by the FIFO vmm.err,
 * the guest's console by its standard output.
 *
 * An answer that is late, cut off, too large or not what it should be says
 * nothing about what became of the request. Then Firecracker is asked for its
 * state, over a new connection, and only that counts: a configuration that was
 * sent before the boot may be sent again, and a boot that is under way was
 * accepted.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#include "../clock.h"
#include "../doctor.h"
#include "../error.h"
#include "../net/net.h"
#include "../supervisor/control.h"
#include "backend.h"
#include "firecracker.h"
#include "http.h"

enum { ANSWER_MAX = 64 * 1024, CALL_LIMIT_MS = 10000, ASK_LIMIT_MS = 2000, ASK_TRIES = 3 };

static enum stoker_status firecracker_check(stoker *s, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	return firecracker_find(s, path, NULL, err);
}

static enum stoker_status firecracker_command(stoker *s, const struct launch *launch, struct argv *a,
                                              struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	enum stoker_status st = firecracker_find(s, path, NULL, err);

	if (st != STOKER_OK)
		return st;
	argv_add(a, "%s", path);
	argv_add(a, "--id");
	argv_add(a, "%s", launch->rec->vm.id);
	argv_add(a, "--api-sock");
	argv_add(a, VMM_API_SOCKET);
	argv_add(a, "--log-path");
	argv_add(a, VMM_ERRORS_FIFO);
	argv_add(a, "--level");
	argv_add(a, "Warning");
	argv_add(a, "--show-level"); /* by which the supervisor tells what may have been the reason for its end */
	argv_add(a, "--metrics-path");
	argv_add(a, VMM_METRICS_FIFO);
	/* By the same clock; without it a start-up of 0 is counted. */
	argv_add(a, "--start-time-us");
	argv_add(a, "%lld", (long long)(clock_now_ns() / 1000));
	return a->failed ? error_set(err, STOKER_E_NOMEM, "not enough memory") : STOKER_OK;
}

/* ---- the API */

struct api {
	struct http *http;
	char run[STOKER_PATH_SIZE];
	const struct process_id *vmm;
	int64_t deadline_ns;
	int cancel_fd;
	char version[32]; /* "" before the first answer that names it */
};

static enum stoker_status api_open(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                   struct api *api, struct stoker_error *err)
{
	memset(api, 0, sizeof *api);
	api->vmm = &rec->vmm;
	api->deadline_ns = deadline_ns;
	api->cancel_fd = cancel_fd;
	if (!path_runtime(s, api->run, "vms/%s", rec->vm.id))
		return error_set(err, STOKER_E_FAILED, "the runtime folder's path is too long");
	return http_open(api->run, VMM_API_SOCKET, api->vmm, &api->http, err);
}

/* The next call makes a connection of its own: what is left on this one belongs to an answer nobody waits for. */
static enum stoker_status api_afresh(struct api *api, struct stoker_error *err)
{
	http_close(api->http);
	api->http = NULL;
	return http_open(api->run, VMM_API_SOCKET, api->vmm, &api->http, err);
}

static int64_t limited(const struct api *api, int64_t ms)
{
	int64_t limit = deadline_after_ms(ms);
	return limit < api->deadline_ns ? limit : api->deadline_ns;
}

/* How a call went: done or refused for sure, or not known. *fault gets what Firecracker said of a refusal. */
enum outcome { DONE, REFUSED, UNKNOWN };

static enum outcome judge(const struct http_reply *reply, char *fault, size_t cap, struct stoker_error *err)
{
	const char *text;
	cJSON *json;
	fault[0] = '\0';
	if (reply->status == 204 || (reply->status == 200 && reply->length > 0))
		return DONE;
	json = cJSON_ParseWithLength(reply->body, reply->length);
	text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "fault_message"));
	if (text)
		error_clean(fault, cap, text, strlen(text));
	cJSON_Delete(json);
	if (reply->status >= 400 && reply->status < 600 && fault[0])
		return REFUSED;
	error_set(err, STOKER_E_PEER, "it answers with status %ld and nothing that explains it", reply->status);
	return UNKNOWN;
}

/* GET /: asked over and over, each time anew, until an answer makes sense or the time is over. */
static enum stoker_status api_state(struct api *api, enum vmm_state *out, struct stoker_error *err)
{
	struct stoker_error why = { 0 };
	enum stoker_status st = STOKER_OK;

	for (int i = 0; i < ASK_TRIES; i++) {
		struct http_reply reply;
		if (i > 0 && (st = api_afresh(api, &why)) != STOKER_OK)
			break;
		st = http_call(api->http, "GET", "/", NULL, ANSWER_MAX, limited(api, ASK_LIMIT_MS), api->cancel_fd, &reply, &why);
		if (st == STOKER_OK && firecracker_read_state(reply.body, reply.length, reply.status, out, api->version))
			return STOKER_OK;
		if (st == STOKER_OK)
			st = error_set(&why, STOKER_E_PEER, "its state is not told in a way that can be understood");
		if (st == STOKER_E_CANCELLED || st == STOKER_E_NOT_FOUND || clock_now_ns() >= api->deadline_ns)
			break;
	}
	if (st != STOKER_E_CANCELLED && err) {
		error_set(err, st == STOKER_E_NOT_FOUND ? STOKER_E_CLOSED : st, "Firecracker cannot be asked for its state: %s", why.why);
		error_fix(err, "Try again; if it stays so, stop it (stoker stop --force) and start it");
		return err->code;
	}
	if (err)
		*err = why;
	return st;
}

static enum stoker_status refused(const char *path, const char *fault, struct stoker_error *err)
{
	const char *advice = firecracker_advice(fault);
	error_set(err, STOKER_E_FAILED, "Firecracker refuses %s: %s", path, fault);
	error_fix(err, "%s", advice);
	return STOKER_E_FAILED;
}

/* One change, made sure of. `reached` is the state in which it has happened, whatever was answered;
 * VMM_NOT_STARTED: it can be sent again as long as nothing was started. */
static enum stoker_status api_change(struct api *api, const char *method, const char *path, const cJSON *body,
                                     enum vmm_state reached, bool *explained, struct stoker_error *err)
{
	char *text = cJSON_PrintUnformatted(body);
	enum stoker_status st = STOKER_OK;

	if (!text)
		return error_set(err, STOKER_E_NOMEM, "not enough memory");
	for (int i = 0; i < 2; i++) {
		struct stoker_error why = { 0 };
		enum outcome outcome = UNKNOWN;
		enum vmm_state now = VMM_NOT_STARTED;
		struct http_reply reply;
		char fault[400] = "";
		/* Time is kept for asking what became of it. */
		int64_t limit = limited(api, reached == VMM_NOT_STARTED ? CALL_LIMIT_MS : INT64_MAX / NS_PER_MS);
		if (api->deadline_ns - clock_now_ns() > 2 * ASK_LIMIT_MS * NS_PER_MS && limit > api->deadline_ns - ASK_LIMIT_MS * NS_PER_MS)
			limit = api->deadline_ns - ASK_LIMIT_MS * NS_PER_MS;
		st = http_call(api->http, method, path, text, ANSWER_MAX, limit, api->cancel_fd, &reply, &why);
		if (st == STOKER_OK)
			outcome = judge(&reply, fault, sizeof fault, &why);
		if (outcome == DONE)
			break;
		if (st == STOKER_E_CANCELLED) {
			if (err)
				*err = why;
			break;
		}
		/* A boot that was sent twice, because the first answer was lost on the way, is refused the second time. */
		if (outcome == REFUSED && reached == VMM_NOT_STARTED) {
			*explained = true;
			st = refused(path, fault, err);
			break;
		}
		st = api_afresh(api, err);
		if (st == STOKER_OK)
			st = api_state(api, &now, err);
		if (st != STOKER_OK)
			break;
		if (now == reached && reached != VMM_NOT_STARTED)
			break;
		if (outcome == REFUSED) {
			*explained = true;
			st = refused(path, fault, err);
			break;
		}
		st = error_set(err, why.code == STOKER_OK ? STOKER_E_PEER : why.code, "Firecracker does not take %s: %s", path, why.why);
		error_fix(err, "Look at what it says itself: vmm.log in the VM's folder (stoker inspect)");
		if (reached == VMM_NOT_STARTED && now != VMM_NOT_STARTED)
			break;
	}
	cJSON_free(text);
	return st;
}

/* ---- coming up */

/* How long to wait for the next look at something that was waited for since: an eighth of that, so that no more than this
 * is lost, and a slow host is not kept busy with looking. */
static struct timespec step_since(int64_t since_ns)
{
	enum { LEAST = 250000, MOST = 50000000 };
	int64_t step = (clock_now_ns() - since_ns) / 8;
	return (struct timespec){ .tv_nsec = step < LEAST ? LEAST : step > MOST ? MOST : (long)step };
}

/* Until the API's socket is there. inotify would tell, but giving one back costs a grace period of the kernel's, which is
 * more than all the looks. How slow the host is shows in what this start has taken `since` it began. */
static enum stoker_status wait_for_socket(struct api *api, int64_t since, enum vmm_state *state, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE + sizeof VMM_API_SOCKET + 1];
	enum stoker_status st = STOKER_OK;
	int vmm = process_pidfd(api->vmm);

	snprintf(path, sizeof path, "%s/" VMM_API_SOCKET, api->run);
	for (;;) {
		struct pollfd fds[2] = { { api->cancel_fd, POLLIN, 0 }, { vmm, POLLIN, 0 } };
		struct http_reply reply;
		struct stoker_error why;
		struct timespec step;
		int n;
		if (access(path, F_OK) == 0) {
			st = http_call(api->http, "GET", "/", NULL, ANSWER_MAX, limited(api, CALL_LIMIT_MS), api->cancel_fd, &reply, &why);
			if (st == STOKER_OK && firecracker_read_state(reply.body, reply.length, reply.status, state, api->version))
				break;
			if (st == STOKER_E_CANCELLED) {
				if (err)
					*err = why;
				break;
			}
			if (st != STOKER_E_NOT_FOUND) { /* it listens, and answers strangely */
				st = api_afresh(api, err);
				if (st == STOKER_OK)
					st = api_state(api, state, err);
				break;
			}
		}
		step = step_since(since);
		n = ppoll(fds, 2, &step, NULL);
		if (n > 0 && fds[0].revents) {
			st = error_set(err, STOKER_E_CANCELLED, "cancelled");
			break;
		}
		if (vmm < 0 || (n > 0 && fds[1].revents)) {
			st = error_set(err, STOKER_E_CLOSED, "Firecracker ended before it could be spoken to");
			break;
		}
		if (clock_now_ns() >= api->deadline_ns) {
			st = error_set(err, STOKER_E_TIMEOUT, "Firecracker did not open its API socket in time");
			break;
		}
	}
	if (vmm >= 0)
		close(vmm);
	return st;
}

/* A newer one than was tried is used all the same, and that is told once. */
static enum stoker_status check_version(stoker *s, struct api *api, const struct vm_record *rec, bool *explained,
                                        struct stoker_error *err)
{
	int version = firecracker_version_number(api->version);
	char path[STOKER_PATH_SIZE];
	int fd;

	if (version == 0) {
		*explained = true;
		error_set(err, STOKER_E_PEER, "what was started as Firecracker does not tell its version");
		return error_fix(err, "%s", FIRECRACKER_INSTALL), STOKER_E_PEER;
	}
	if (version < FIRECRACKER_OLDEST) {
		*explained = true;
		error_set(err, STOKER_E_MISSING, "Firecracker %s is too old: stoker needs 1.7 or newer", api->version);
		return error_fix(err, "%s", FIRECRACKER_INSTALL), STOKER_E_MISSING;
	}
	if (version > FIRECRACKER_NEWEST && path_runtime(s, path, "firecracker-%d-is-new", version) &&
	    (fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0) {
		close(fd);
		snprintf(s->notice, sizeof s->notice,
		         "Firecracker %s is newer than what stoker was tried with (1.7 to 1.17); it is used all the same", api->version);
		history_event(s->store, "host", rec, "warned", "%s", s->notice);
	}
	return STOKER_OK;
}

/* ---- the configuration of a VM */

static cJSON *object(void)
{
	return cJSON_CreateObject();
}

/* Takes the body over. */
static enum stoker_status put(struct api *api, const char *path, cJSON *body, bool complete, bool *explained,
                              struct stoker_error *err)
{
	enum stoker_status st = body && complete ? api_change(api, "PUT", path, body, VMM_NOT_STARTED, explained, err)
	                                         : error_set(err, STOKER_E_NOMEM, "not enough memory");
	cJSON_Delete(body);
	return st;
}

static enum stoker_status put_machine(struct api *api, const struct launch *launch, bool *explained, struct stoker_error *err)
{
	cJSON *o = object();
	return put(api, "/machine-config", o,
	           cJSON_AddNumberToObject(o, "vcpu_count", launch->rec->vm.vcpus) &&
	               cJSON_AddNumberToObject(o, "mem_size_mib", launch->rec->vm.memory_mib),
	           explained, err);
}

static enum stoker_status put_boot(struct api *api, const struct launch *launch, bool *explained, struct stoker_error *err)
{
	char boot[2048];
	cJSON *o;
	if (!boot_arguments(launch, boot, sizeof boot))
		return error_set(err, STOKER_E_FAILED, "the guest's kernel command line is too long");
	o = object();
	return put(api, "/boot-source", o,
	           cJSON_AddStringToObject(o, "kernel_image_path", launch->files.kernel) &&
	               (!launch->files.initrd[0] || cJSON_AddStringToObject(o, "initrd_path", launch->files.initrd)) &&
	               cJSON_AddStringToObject(o, "boot_args", boot),
	           explained, err);
}

/* With an initrd there is no root device: the guest's init finds its disks by their labels. */
static enum stoker_status put_drive(struct api *api, const char *id, const char *path, bool read_only, bool *explained,
                                    struct stoker_error *err)
{
	char url[64];
	cJSON *o = object();
	snprintf(url, sizeof url, "/drives/%s", id);
	return put(api, url, o,
	           cJSON_AddStringToObject(o, "drive_id", id) && cJSON_AddStringToObject(o, "path_on_host", path) &&
	               cJSON_AddBoolToObject(o, "is_root_device", false) && cJSON_AddBoolToObject(o, "is_read_only", read_only) &&
	               /* What the guest has flushed is on the host's disk, as under QEMU. */
	               cJSON_AddStringToObject(o, "cache_type", read_only ? "Unsafe" : "Writeback"),
	           explained, err);
}

/* The TAP is there already: Firecracker opens it by its name, and may not make one. */
static enum stoker_status put_card(struct api *api, const struct launch *launch, bool *explained, struct stoker_error *err)
{
	char tap[NET_NAME_SIZE], mac[NET_MAC_SIZE];
	cJSON *o = object();
	net_tap_name(launch->rec->vm.id, tap);
	net_mac(launch->rec->vm.id, mac);
	return put(api, "/network-interfaces/eth0", o,
	           cJSON_AddStringToObject(o, "iface_id", "eth0") && cJSON_AddStringToObject(o, "host_dev_name", tap) &&
	               cJSON_AddStringToObject(o, "guest_mac", mac),
	           explained, err);
}

static enum stoker_status put_vsock(struct api *api, const struct launch *launch, bool *explained, struct stoker_error *err)
{
	cJSON *o = object();
	return put(api, "/vsock", o,
	           /* Each Firecracker has contexts of its own; that they differ is for people. */
	           cJSON_AddNumberToObject(o, "guest_cid", launch->rec->cid ? launch->rec->cid : CID_FIRST) &&
	               cJSON_AddStringToObject(o, "uds_path", VMM_VSOCK_SOCKET),
	           explained, err);
}

static enum stoker_status action(struct api *api, const char *type, enum vmm_state reached, bool *explained,
                                 struct stoker_error *err)
{
	cJSON *o = object();
	enum stoker_status st = cJSON_AddStringToObject(o, "action_type", type)
	                            ? api_change(api, "PUT", "/actions", o, reached, explained, err)
	                            : error_set(err, STOKER_E_NOMEM, "not enough memory");
	cJSON_Delete(o);
	return st;
}

static enum stoker_status firecracker_accept(stoker *s, struct launch *launch, int64_t deadline_ns, int cancel_fd,
                                             struct stoker_error *err)
{
	const struct vm_record *rec = launch->rec;
	enum vmm_state state = VMM_NOT_STARTED;
	struct api api;
	enum stoker_status st = api_open(s, rec, deadline_ns, cancel_fd, &api, err);

	if (st == STOKER_OK)
		st = wait_for_socket(&api, rec->op.since_ns, &state, err);
	if (st == STOKER_OK)
		st = check_version(s, &api, rec, &launch->explained, err);
	if (st == STOKER_OK && state != VMM_NOT_STARTED) /* a start that was cut off after its last step */
		goto out;
	if (st == STOKER_OK)
		st = put_machine(&api, launch, &launch->explained, err);
	if (st == STOKER_OK)
		st = put_boot(&api, launch, &launch->explained, err);
	if (st == STOKER_OK && rec->vm.disk_mode != STOKER_DISK_COPY)
		st = put_drive(&api, "base", launch->files.root, true, &launch->explained, err);
	if (st == STOKER_OK && launch->disk[0])
		st = put_drive(&api, "disk", launch->disk, false, &launch->explained, err);
	if (st == STOKER_OK && rec->vm.network == STOKER_NET_TAP)
		st = put_card(&api, launch, &launch->explained, err);
	if (st == STOKER_OK)
		st = put_vsock(&api, launch, &launch->explained, err);
	if (st == STOKER_OK)
		st = action(&api, "InstanceStart", VMM_RUNNING, &launch->explained, err);
out:
	http_close(api.http);
	return st;
}

/* ---- while it runs */

static enum stoker_status firecracker_state(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                            enum vmm_state *out, struct stoker_error *err)
{
	struct api api;
	enum stoker_status st = api_open(s, rec, deadline_ns, cancel_fd, &api, err);
	if (st == STOKER_OK)
		st = api_state(&api, out, err);
	http_close(api.http);
	return st;
}

static enum stoker_status firecracker_pause(stoker *s, const struct vm_record *rec, bool on, int64_t deadline_ns,
                                            int cancel_fd, struct stoker_error *err)
{
	struct api api;
	bool explained = false;
	cJSON *o = object();
	enum stoker_status st = api_open(s, rec, deadline_ns, cancel_fd, &api, err);
	if (st == STOKER_OK && !cJSON_AddStringToObject(o, "state", on ? "Paused" : "Resumed"))
		st = error_set(err, STOKER_E_NOMEM, "not enough memory");
	if (st == STOKER_OK)
		st = api_change(&api, "PATCH", "/vm", o, on ? VMM_PAUSED : VMM_RUNNING, &explained, err);
	cJSON_Delete(o);
	http_close(api.http);
	return st;
}

static enum stoker_status firecracker_press(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                            struct stoker_error *err)
{
	struct api api;
	bool explained = false;
	enum stoker_status st = api_open(s, rec, deadline_ns, cancel_fd, &api, err);
	if (st == STOKER_OK)
		st = action(&api, "SendCtrlAltDel", VMM_NOT_STARTED, &explained, err);
	http_close(api.http);
	return st;
}

static enum stoker_status firecracker_flush(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
                                            struct stoker_error *err)
{
	struct api api;
	bool explained = false;
	enum stoker_status st = api_open(s, rec, deadline_ns, cancel_fd, &api, err);
	if (st == STOKER_OK)
		st = action(&api, "FlushMetrics", VMM_NOT_STARTED, &explained, err);
	http_close(api.http);
	return st;
}

const struct backend_ops firecracker_backend = {
	.name = "firecracker",
	.title = "Firecracker",
	.needs_kvm = true,
	.networks = NETWORK_BIT(STOKER_NET_TAP) | NETWORK_BIT(STOKER_NET_NONE),
	.standard = STOKER_NET_TAP,
	.console = "output",
	.channel = "vsock",
	.sockets = { VMM_API_SOCKET, VMM_VSOCK_SOCKET },
	.counters = true,
	/* A reset by the keyboard's controller is what Firecracker ends on, and it has no power switch. Its keyboard is
	 * there for ctrl-alt-del, and known by ACPI: with i8042.nopnp a kernel asks for the interrupt of old, which is not
	 * there, and does without keys. Looking for a mouse would cost a second. */
	.boot = "reboot=k stoker.off=reset 8250.nr_uarts=1 i8042.noaux i8042.nomux i8042.dumbkbd",
	.check = firecracker_check,
	.command = firecracker_command,
	.accept = firecracker_accept,
	.state = firecracker_state,
	.pause = firecracker_pause,
	.press = firecracker_press,
	.flush = firecracker_flush,
	.install = firecracker_install,
	.doctor = firecracker_doctor,
};
