/* SPDX-License-Identifier: Apache-2.0
 *
 * manifest.c - STATE/vms/ID/manifest.json: what a lost store is rebuilt from,
 * and the tag by which a folder is known as ours.
 *
 * Written aside, synced, renamed: a reader sees the old one or the new one.
 * Numbers of more than 53 bits are written as strings, which JSON's readers
 * leave alone. What is read may be damaged or hostile: size, depth, types,
 * lengths, ranges and characters are checked before anything is believed.
 */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "names.h"
#include "net/net.h"
#include "store_db.h"

#define MANIFEST_VERSION 1
#define MANIFEST_MAX (64 * 1024)

/* ---- what a record may hold */

static bool made_of(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_name(const char *text)
{
	size_t len = strlen(text);
	return len >= 1 && len <= STOKER_NAME_MAX && made_of(text, LOWER DIGITS "-") && text[0] != '-' &&
	       text[len - 1] != '-';
}

/* A word that becomes part of a path or an option: no slash, no leading dot or dash. */
static bool is_word(const char *text)
{
	return text[0] != '.' && text[0] != '-' && made_of(text, LOWER UPPER DIGITS "._-");
}

static bool is_printable(const char *text)
{
	char clean[768];
	size_t len = strlen(text);
	return len + 8 < sizeof clean && strcmp(error_clean(clean, sizeof clean, text, len), text) == 0;
}

static bool is_ip(const char *text)
{
	struct in_addr addr;
	return inet_pton(AF_INET, text, &addr) == 1;
}

static bool is_process(const struct process_id *p)
{
	size_t len = strlen(p->boot_id);
	return p->pid >= 0 && p->pid <= INT_MAX && p->start_ticks <= INT64_MAX &&
	       (len == 0 || (len == BOOT_ID_SIZE - 1 && made_of(p->boot_id, "0123456789abcdef-")));
}

const char *record_fault(const struct vm_record *rec)
{
	const struct stoker_vm *vm = &rec->vm;
	struct net_policy policy;
	if (strlen(vm->id) != STOKER_ID_SIZE - 1 || !made_of(vm->id, "0123456789abcdef"))
		return "its id is not 16 hexadecimal digits";
	if (!is_name(vm->name))
		return "its name is not allowed";
	if (vm->ip[0] && !is_ip(vm->ip))
		return "its address is not one";
	if ((unsigned)vm->state >= STOKER_STATE_COUNT || (unsigned)vm->disk_mode > STOKER_DISK_COPY ||
	    (unsigned)vm->network > STOKER_NET_NONE || (unsigned)vm->last_phase > STOKER_PHASE_NONE ||
	    (unsigned)rec->op.kind > STOKER_PHASE_NONE)
		return "its state is not one";
	if (!is_word(vm->backend) || !is_word(vm->accel) || !is_word(vm->image))
		return "its backend, acceleration or image is not a word";
	if (net_policy_parse(&policy, vm->egress, vm->publish, vm->allow, NULL) != STOKER_OK)
		return "its egress, published ports or allowances are not what they may be";
	if (!is_printable(vm->labels) || !is_printable(vm->choice) || !is_printable(vm->reason) ||
	    !is_printable(vm->host_key))
		return "one of its texts has control characters";
	if (vm->vcpus > INT_MAX || vm->memory_mib > INT_MAX || vm->disk_mib > INT_MAX)
		return "one of its sizes is too large";
	if (rec->cid && (rec->cid < CID_FIRST || rec->cid > CID_LAST))
		return "its context id is not one";
	if (!is_process(&rec->vmm) || !is_process(&rec->supervisor) || !is_process(&rec->op.owner))
		return "one of its processes is not one";
	return NULL;
}

/* ---- writing */

static bool put_big(cJSON *to, const char *key, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%lld", (long long)value);
	return cJSON_AddStringToObject(to, key, text) != NULL;
}

static bool put_process(cJSON *to, const char *key, const struct process_id *p)
{
	cJSON *o = cJSON_AddObjectToObject(to, key);
	return o && cJSON_AddNumberToObject(o, "pid", (double)p->pid) &&
	       put_big(o, "start_ticks", (int64_t)p->start_ticks) && cJSON_AddStringToObject(o, "boot_id", p->boot_id);
}

static char *encode(const struct vm_record *rec)
{
	const struct stoker_vm *vm = &rec->vm;
	cJSON *o = cJSON_CreateObject();
	char *text = NULL;
	if (o && cJSON_AddNumberToObject(o, "stoker_manifest", MANIFEST_VERSION) &&
	    cJSON_AddStringToObject(o, "id", vm->id) && cJSON_AddStringToObject(o, "name", vm->name) &&
	    cJSON_AddStringToObject(o, "state", stoker_state_name(vm->state)) &&
	    cJSON_AddBoolToObject(o, "ephemeral", vm->ephemeral) && cJSON_AddStringToObject(o, "ip", vm->ip) &&
	    cJSON_AddNumberToObject(o, "ssh_port", vm->ssh_port) &&
	    cJSON_AddStringToObject(o, "backend", vm->backend) && cJSON_AddStringToObject(o, "accel", vm->accel) &&
	    cJSON_AddStringToObject(o, "choice", vm->choice) && cJSON_AddStringToObject(o, "image", vm->image) &&
	    cJSON_AddNumberToObject(o, "vcpus", vm->vcpus) &&
	    cJSON_AddNumberToObject(o, "memory_mib", vm->memory_mib) &&
	    cJSON_AddNumberToObject(o, "disk_mib", vm->disk_mib) &&
	    cJSON_AddStringToObject(o, "disk_mode", stoker_disk_mode_name(vm->disk_mode)) &&
	    cJSON_AddStringToObject(o, "network", stoker_network_name(vm->network)) &&
	    cJSON_AddStringToObject(o, "egress", vm->egress) &&
	    cJSON_AddStringToObject(o, "publish", vm->publish) && cJSON_AddStringToObject(o, "allow", vm->allow) && cJSON_AddStringToObject(o, "labels", vm->labels) &&
	    put_big(o, "created_at_ms", vm->created_at_ms) && put_big(o, "started_at_ms", vm->started_at_ms) &&
	    cJSON_AddNumberToObject(o, "exit_status", vm->exit_status) &&
	    cJSON_AddStringToObject(o, "reason", vm->reason) &&
	    cJSON_AddStringToObject(o, "last_phase", stoker_phase_name(vm->last_phase)) &&
	    put_big(o, "last_phase_ns", vm->last_phase_ns) && cJSON_AddStringToObject(o, "host_key", vm->host_key) &&
	    put_process(o, "vmm", &rec->vmm) && put_process(o, "supervisor", &rec->supervisor) &&
	    cJSON_AddNumberToObject(o, "run", rec->run) && put_big(o, "started_ns", rec->started_ns) &&
	    put_big(o, "ready_ns", rec->ready_ns) && put_big(o, "ssh_ns", rec->ssh_ns) &&
	    cJSON_AddBoolToObject(o, "agent", rec->agent) && cJSON_AddNumberToObject(o, "cid", rec->cid))
		text = cJSON_Print(o);
	cJSON_Delete(o);
	return text;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n < 0 ? errno : EIO;
			return false;
		}
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* The folder is not synced: after a power cut the file is the old one or the new one, and the store, whose commit waits
 * for the disk, is what counts. */
enum stoker_status manifest_write(const char *state_dir, const struct vm_record *rec, struct stoker_error *err)
{
	char path[4096];
	char *text = NULL;
	const char *fault = record_fault(rec);
	int dir = -1, fd = -1;
	enum stoker_status st = STOKER_OK;

	if (fault)
		return error_set(err, STOKER_E_INVALID, "the manifest cannot be written: %s", fault);
	if (snprintf(path, sizeof path, "%s/vms/%s", state_dir, rec->vm.id) >= (int)sizeof path)
		return error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
	text = encode(rec);
	if (!text)
		return error_errno(err, ENOMEM, "cannot write the manifest of %s", rec->vm.name);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0)
		fd = openat(dir, "manifest.json.new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || !write_all(fd, text, strlen(text)) || fsync(fd) < 0 ||
	    renameat(dir, "manifest.json.new", dir, "manifest.json") < 0) {
		int e = errno;
		if (dir >= 0 && fd >= 0)
			unlinkat(dir, "manifest.json.new", 0);
		st = error_errno(err, e, "cannot write %s/manifest.json", path);
	}
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	cJSON_free(text);
	return st;
}

/* ---- reading */

struct source {
	const cJSON *object;
	const char *fault; /* the first key that is missing or not as it must be */
};

static const cJSON *item(struct source *s, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(s->object, key);
}

static void get_text(struct source *s, const char *key, char *out, size_t cap)
{
	const cJSON *i = item(s, key);
	size_t len = cJSON_IsString(i) ? strlen(i->valuestring) : cap;
	out[0] = '\0';
	if (len < cap)
		memcpy(out, i->valuestring, len + 1);
	else if (!s->fault)
		s->fault = key;
}

static int64_t get_number(struct source *s, const char *key, int64_t low, int64_t high)
{
	const cJSON *i = item(s, key);
	double d = cJSON_IsNumber(i) ? i->valuedouble : 0.5; /* 0.5: refused below */
	if (d >= (double)low && d <= (double)high && (double)(int64_t)d == d)
		return (int64_t)d;
	if (!s->fault)
		s->fault = key;
	return low;
}

static int64_t get_big(struct source *s, const char *key)
{
	const cJSON *i = item(s, key);
	if (cJSON_IsString(i) && i->valuestring[0] && made_of(i->valuestring, DIGITS "-")) {
		char *end;
		long long value;
		errno = 0;
		value = strtoll(i->valuestring, &end, 10);
		if (!errno && *end == '\0')
			return value;
	}
	if (!s->fault)
		s->fault = key;
	return 0;
}

static bool get_bool(struct source *s, const char *key)
{
	const cJSON *i = item(s, key);
	if (!cJSON_IsBool(i) && !s->fault)
		s->fault = key;
	return cJSON_IsTrue(i);
}

static unsigned get_named(struct source *s, const char *key, int (*by_name)(const char *name), int empty)
{
	const cJSON *i = item(s, key);
	int value = !cJSON_IsString(i) ? -1 : i->valuestring[0] == '\0' ? empty : by_name(i->valuestring);
	if (value < 0 && !s->fault)
		s->fault = key;
	return value < 0 ? 0 : (unsigned)value;
}

static void get_process(struct source *s, const char *key, struct process_id *out)
{
	struct source inner = { item(s, key), NULL };
	out->pid = get_number(&inner, "pid", 0, INT_MAX);
	out->start_ticks = (uint64_t)get_big(&inner, "start_ticks");
	get_text(&inner, "boot_id", out->boot_id, sizeof out->boot_id);
	if (inner.fault && !s->fault)
		s->fault = key;
}

static const char *decode(const cJSON *o, struct vm_record *rec)
{
	struct source s = { o, NULL };
	struct stoker_vm *vm = &rec->vm;

	memset(rec, 0, sizeof *rec);
	rec->op.kind = vm->phase = STOKER_PHASE_NONE;
	vm->uptime_ms = -1;
	if (!cJSON_IsObject(o))
		return "it is not an object";
	if (get_number(&s, "stoker_manifest", 1, INT_MAX) != MANIFEST_VERSION)
		return s.fault ? s.fault : "it is of another version";
	get_text(&s, "id", vm->id, sizeof vm->id);
	get_text(&s, "name", vm->name, sizeof vm->name);
	vm->state = (enum stoker_state)get_named(&s, "state", state_by_name, -1);
	vm->ephemeral = get_bool(&s, "ephemeral");
	get_text(&s, "ip", vm->ip, sizeof vm->ip);
	vm->ssh_port = (uint16_t)get_number(&s, "ssh_port", 0, UINT16_MAX);
	get_text(&s, "backend", vm->backend, sizeof vm->backend);
	get_text(&s, "accel", vm->accel, sizeof vm->accel);
	get_text(&s, "choice", vm->choice, sizeof vm->choice);
	get_text(&s, "image", vm->image, sizeof vm->image);
	vm->vcpus = (unsigned)get_number(&s, "vcpus", 0, INT_MAX);
	vm->memory_mib = (unsigned)get_number(&s, "memory_mib", 0, INT_MAX);
	vm->disk_mib = (unsigned)get_number(&s, "disk_mib", 0, INT_MAX);
	vm->disk_mode = (enum stoker_disk_mode)get_named(&s, "disk_mode", disk_mode_by_name, -1);
	vm->network = (enum stoker_network)get_named(&s, "network", network_by_name, -1);
	get_text(&s, "egress", vm->egress, sizeof vm->egress);
	/* Manifests of before have neither. */
	if (item(&s, "publish"))
		get_text(&s, "publish", vm->publish, sizeof vm->publish);
	if (item(&s, "allow"))
		get_text(&s, "allow", vm->allow, sizeof vm->allow);
	get_text(&s, "labels", vm->labels, sizeof vm->labels);
	vm->created_at_ms = get_big(&s, "created_at_ms");
	vm->started_at_ms = get_big(&s, "started_at_ms");
	vm->exit_status = (int)get_number(&s, "exit_status", INT_MIN, INT_MAX);
	get_text(&s, "reason", vm->reason, sizeof vm->reason);
	vm->last_phase = (enum stoker_phase)get_named(&s, "last_phase", phase_by_name, STOKER_PHASE_NONE);
	vm->last_phase_ns = get_big(&s, "last_phase_ns");
	get_text(&s, "host_key", vm->host_key, sizeof vm->host_key);
	get_process(&s, "vmm", &rec->vmm);
	get_process(&s, "supervisor", &rec->supervisor);
	rec->run = (uint32_t)get_number(&s, "run", 0, UINT32_MAX);
	rec->started_ns = get_big(&s, "started_ns");
	rec->ready_ns = get_big(&s, "ready_ns");
	rec->ssh_ns = get_big(&s, "ssh_ns");
	rec->agent = get_bool(&s, "agent");
	if (item(&s, "cid")) /* a manifest from before there was one */
		rec->cid = (uint32_t)get_number(&s, "cid", 0, CID_LAST);
	return s.fault ? s.fault : record_fault(rec);
}

enum stoker_status manifest_read(const char *path, struct vm_record *out, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	const char *fault = NULL;
	char *text = NULL;
	size_t len = 0;
	cJSON *json = NULL;
	struct stat sb;
	/* A pipe in its place must not hang us, a link must not lead away. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &sb) < 0) {
		int e = errno;
		/* What stays as it is belongs to the file and makes it unusable; what passes is an error of the host's.
		 */
		if (e == ELOOP || e == EACCES || e == ENOTDIR || e == ENXIO)
			st = error_set(err, STOKER_E_INVALID, "%s is not a usable manifest: %s", path, strerror(e));
		else
			st = e == ENOENT ? error_set(err, STOKER_E_NOT_FOUND, "there is no %s", path)
			                 : error_errno(err, e, "cannot read %s", path);
		goto out;
	}
	if (!S_ISREG(sb.st_mode))
		fault = "it is not a regular file";
	else if (sb.st_uid != geteuid())
		fault = "it belongs to another user";
	else if (sb.st_mode & 022)
		fault = "others may write it";
	else if (sb.st_size <= 0 || sb.st_size > MANIFEST_MAX)
		fault = "its size is not that of a manifest";
	if (fault)
		goto bad;
	text = malloc(MANIFEST_MAX + 1);
	if (!text) {
		st = error_errno(err, ENOMEM, "cannot read %s", path);
		goto out;
	}
	while (len <= MANIFEST_MAX) {
		ssize_t n = read(fd, text + len, MANIFEST_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			st = error_errno(err, errno, "cannot read %s", path);
			goto out;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (len > MANIFEST_MAX || memchr(text, '\0', len)) {
		fault = "it holds what no manifest does";
		goto bad;
	}
	json = cJSON_ParseWithLength(text, len);
	fault = json ? decode(json, out) : "it is not JSON";
	if (!fault)
		goto out;
bad:
	st = error_set(err, STOKER_E_INVALID, "%s is not a usable manifest: %s", path, fault);
	error_fix(err, "Move it away if its VM is no longer wanted");
out:
	cJSON_Delete(json);
	free(text);
	if (fd >= 0)
		close(fd);
	return st;
}
