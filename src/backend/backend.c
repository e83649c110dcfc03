/* SPDX-License-Identifier: Apache-2.0
 *
 * backend.c - the table of backends, and which one is used.
 */
#include "backend.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../error.h"
#include "../net/net.h"
#include "../spec.h"

/* In the order in which `auto` prefers them; STOKER_BACKENDS in stoker.h has their names. */
static const struct backend_ops *const backends[] = { &firecracker_backend, &qemu_backend };

const struct backend_ops *backend_at(size_t i)
{
	return i < sizeof backends / sizeof backends[0] ? backends[i] : NULL; /* NOLINT(bugprone-sizeof-expression): an array of pointers */
}

const struct backend_ops *backend_by_name(const char *name)
{
	const struct backend_ops *ops;
	for (size_t i = 0; (ops = backend_at(i)); i++)
		if (strcmp(ops->name, name) == 0)
			return ops;
	return NULL;
}

enum stoker_status backend_of(const struct vm_record *rec, const struct backend_ops **out, struct stoker_error *err)
{
	*out = backend_by_name(rec->vm.backend);
	return *out ? STOKER_OK : error_set(err, STOKER_E_MISSING, "the backend '%s' is not in this build", rec->vm.backend);
}

const char *backend_names(void)
{
	return "auto, " STOKER_BACKENDS(", ");
}

void argv_add(struct argv *argv, const char *fmt, ...)
{
	char *item = NULL;
	va_list ap;
	if (argv->count + 2 > argv->cap) {
		size_t cap = argv->cap ? argv->cap * 2 : 64;
		char **items = realloc(argv->items, cap * sizeof *items);
		if (!items) {
			argv->failed = true;
			return;
		}
		argv->items = items;
		argv->cap = cap;
	}
	va_start(ap, fmt);
	if (vasprintf(&item, fmt, ap) < 0)
		item = NULL;
	va_end(ap);
	if (!item) {
		argv->failed = true;
		return;
	}
	argv->items[argv->count++] = item;
	argv->items[argv->count] = NULL;
}

void argv_free(struct argv *argv)
{
	for (size_t i = 0; i < argv->count; i++)
		free(argv->items[i]);
	free(argv->items);
	memset(argv, 0, sizeof *argv);
}

/* A folder may be "executed" as well. */
static bool is_program(const char *path)
{
	struct stat info;
	return access(path, X_OK) == 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static bool in_path(const char *path, const char *name, char out[STOKER_PATH_SIZE])
{
	while (*path) {
		size_t len = strcspn(path, ":");
		int n = snprintf(out, STOKER_PATH_SIZE, "%.*s/%s", (int)len, path, name);
		if (len > 0 && n < STOKER_PATH_SIZE && is_program(out))
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

bool program_find(const char *name, char out[STOKER_PATH_SIZE])
{
	const char *path = getenv("PATH");
	if (strchr(name, '/')) {
		size_t len = strlen(name);
		if (len >= STOKER_PATH_SIZE)
			return false;
		memmove(out, name, len + 1);
		return is_program(out);
	}
	if (path && *path && in_path(path, name, out))
		return true;
	/* An ordinary user's PATH has no sbin, where Debian keeps mke2fs. */
	return in_path(path && *path ? "/usr/sbin:/sbin" : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	               name, out);
}

/* RUNTIME/NAME is one line: "BOOT-ID EUID KEY|yes or no|reason". */
static size_t verdict_head(const stoker *s, const char *key, char *line, size_t cap)
{
	size_t n = (size_t)snprintf(line, cap, "%s %u %s|", s->boot_id, (unsigned)geteuid(), key);
	return n < cap ? n : 0;
}

bool verdict_kept(stoker *s, const char *name, const char *key, bool *yes, char *reason, size_t cap)
{
	char path[STOKER_PATH_SIZE], head[VERDICT_KEY_SIZE + 64], line[sizeof head + 320];
	size_t n = verdict_head(s, key, head, sizeof head);
	ssize_t got = -1;
	int fd;

	if (n > 0 && path_runtime(s, path, "%s", name) && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) >= 0) {
		got = read(fd, line, sizeof line - 1);
		close(fd);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): n + 2 < got, which read() bounds */
	if (got <= (ssize_t)n + 2 || memcmp(line, head, n) != 0 || line[n + 1] != '|' || line[got - 1] != '\n')
		return false;
	line[got - 1] = '\0';
	snprintf(reason, cap, "%s", line + n + 2);
	*yes = line[n] == 'y';
	return true;
}

void verdict_keep(stoker *s, const char *name, const char *key, bool yes, const char *reason)
{
	char path[STOKER_PATH_SIZE], aside[STOKER_PATH_SIZE], line[VERDICT_KEY_SIZE + 64 + 320];
	size_t n = verdict_head(s, key, line, VERDICT_KEY_SIZE + 64);
	int fd;

	if (n == 0)
		return;
	n += (size_t)snprintf(line + n, sizeof line - n, "%c|%.200s\n", yes ? 'y' : 'n', reason);
	if (path_runtime(s, path, "%s", name) && path_runtime(s, aside, "%s.%ld", name, (long)getpid()) &&
	    (fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0) {
		bool whole = write(fd, line, n) == (ssize_t)n;
		close(fd);
		if (!whole || rename(aside, path) < 0)
			unlink(aside);
	}
}

/* The probe takes a few ms and its answer holds as long as the device node and this boot. */
static bool kvm_works(stoker *s, char *reason, size_t cap)
{
	char key[VERDICT_KEY_SIZE];
	struct stat info;
	bool works;

	if (stat("/dev/kvm", &info) < 0)
		return stoker_kvm_probe(reason, cap);
	snprintf(key, sizeof key, "%o %u %u %lld", (unsigned)info.st_mode, (unsigned)info.st_uid, (unsigned)info.st_gid,
	         (long long)info.st_ctime);
	if (!verdict_kept(s, "kvm-probe", key, &works, reason, cap)) {
		works = stoker_kvm_probe(reason, cap);
		verdict_keep(s, "kvm-probe", key, works, reason);
	}
	return works;
}

#define ASKED_FOR "asked for"
#define KVM_ASKED_FOR "kvm was " ASKED_FOR

/* Why a backend cannot have this VM; fills in the network when it can and none was asked for. */
static enum stoker_status suits(stoker *s, const struct backend_ops *ops, struct vm_record *rec, const char *accel,
                                struct stoker_error *err)
{
	struct stoker_vm *vm = &rec->vm;
	char probe[160];
	enum stoker_status st = ops->check(s, err);

	if (st != STOKER_OK)
		return st;
	if (ops->needs_kvm && strcmp(accel, "tcg") == 0) {
		error_set(err, STOKER_E_INVALID, "%s runs guests on KVM only", ops->title);
		return error_fix(err, "Leave --accel tcg out, or use --backend qemu"), STOKER_E_INVALID;
	}
	if (ops->needs_kvm && !kvm_works(s, probe, sizeof probe)) {
		error_set(err, STOKER_E_MISSING, "%s needs KVM: %s", ops->title, probe);
		return error_fix(err, "Use --backend qemu, which can emulate; stoker doctor says more about KVM"), STOKER_E_MISSING;
	}
	if (vm->network == NETWORK_AUTO) {
		struct stoker_error why = { 0 };
		if (ops->standard == STOKER_NET_TAP && net_check(s, &why) != STOKER_OK) {
			error_set(err, STOKER_E_MISSING, "%s would need a TAP: %.160s", ops->title, why.why);
			return error_fix(err, "Run as root, say --network none for a VM without a network, or use --backend qemu"),
			       STOKER_E_MISSING;
		}
		vm->network = ops->standard;
	}
	if (!(ops->networks & NETWORK_BIT(vm->network))) {
		error_set(err, STOKER_E_INVALID, "%s has no network '%s'", ops->title, stoker_network_name(vm->network));
		return error_fix(err, "Use --network none, or --backend qemu"), STOKER_E_INVALID;
	}
	return STOKER_OK;
}

enum stoker_status backend_choose(stoker *s, struct vm_record *rec, const char *backend, const char *accel,
                                  struct stoker_error *err)
{
	struct stoker_vm *vm = &rec->vm;
	bool any = strcmp(backend, "auto") == 0;
	const struct backend_ops *ops = any ? backend_at(0) : backend_by_name(backend);
	const enum stoker_network network = vm->network;
	char probe[160] = "", passed_over[240] = "";
	struct stoker_error why = { 0 };
	enum stoker_status st;
	size_t i = 0;

	if (!ops)
		return error_set(err, STOKER_E_INVALID, "the backend '%s' is not in this build", backend);
	while ((st = suits(s, ops, rec, accel, &why)) != STOKER_OK && any && backend_at(i + 1)) {
		size_t have = strlen(passed_over);
		snprintf(passed_over + have, sizeof passed_over - have, "%s%.100s", have ? ", " : "", why.why);
		vm->network = network;
		ops = backend_at(++i);
	}
	if (st != STOKER_OK) {
		if (err)
			*err = why;
		return st;
	}
	if (strcmp(accel, "auto") == 0) {
		bool kvm = kvm_works(s, probe, sizeof probe);
		snprintf(vm->accel, sizeof vm->accel, "%s", kvm ? "kvm" : "tcg");
	} else {
		snprintf(vm->accel, sizeof vm->accel, "%s", accel);
		snprintf(probe, sizeof probe, "%s was " ASKED_FOR, accel);
	}
	snprintf(vm->backend, sizeof vm->backend, "%s", ops->name);
	snprintf(vm->choice, sizeof vm->choice, "%s: %s; %s: %s", ops->name,
	         !any             ? ASKED_FOR
	         : passed_over[0] ? passed_over
	                          : "preferred, and all it needs is here",
	         vm->accel, probe);
	return STOKER_OK;
}

enum stoker_status stoker_install(stoker *s, const char *program, const struct stoker_call *call, char *path, size_t cap,
                                  bool *installed, struct stoker_error *err)
{
	const struct backend_ops *ops = backend_by_name(program);
	char where[STOKER_PATH_SIZE] = "", clean[64];
	bool fresh = false;
	enum stoker_status st = handle_writable(s, err);

	if (st == STOKER_OK && (!ops || !ops->install)) {
		st = error_set(err, STOKER_E_INVALID, "%s is nothing that stoker installs",
		               error_clean(clean, sizeof clean, program, strnlen(program, 60)));
		error_fix(err, "What has a package is installed with it; stoker doctor tells the commands");
	} else if (st == STOKER_OK) {
		st = ops->install(s, call, where, &fresh, err);
	}
	if (st != STOKER_OK) {
		error_what(err, "install %s", ops ? ops->title : "it");
		return st;
	}
	if (fresh) {
		history_event(s->store, s->actor, NULL, "installed", "%s installed as %s", ops->title, where);
		handle_touch(s);
	}
	if (path)
		snprintf(path, cap, "%s", where);
	if (installed)
		*installed = fresh;
	return STOKER_OK;
}

enum stoker_status backend_again(stoker *s, struct vm_record *rec, struct stoker_error *err)
{
	struct stoker_vm *vm = &rec->vm;
	const struct backend_ops *ops;
	char backend[sizeof vm->backend], probe[160];
	size_t name = strlen(vm->backend);
	bool asked = strncmp(vm->choice, vm->backend, name) == 0 &&
	             strncmp(vm->choice + name, ": " ASKED_FOR, sizeof ": " ASKED_FOR - 1) == 0;
	enum stoker_status st = backend_of(rec, &ops, err);

	if (st != STOKER_OK)
		return st;
	/* One that emulates goes on doing so, and KVM that was asked for is for the VMM to judge. */
	if (strcmp(vm->accel, "kvm") != 0 || strstr(vm->choice, KVM_ASKED_FOR) != NULL)
		return ops->check(s, err);
	if (suits(s, ops, rec, vm->accel, NULL) == STOKER_OK && kvm_works(s, probe, sizeof probe))
		return STOKER_OK;
	snprintf(backend, sizeof backend, "%s", asked ? vm->backend : "auto");
	return backend_choose(s, rec, backend, "auto", err);
}

static void base64(const char *in, size_t n, char *out, size_t cap)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t o = 0;
	for (size_t i = 0; i < n && o + 5 <= cap; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)in[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)(unsigned char)in[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned char)in[i + 2];
		out[o++] = digits[v >> 18 & 63];
		out[o++] = digits[v >> 12 & 63];
		out[o++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[o++] = i + 2 < n ? digits[v & 63] : '=';
	}
	out[o] = '\0';
}

bool boot_arguments(const struct launch *launch, char *out, size_t cap)
{
	const struct stoker_vm *vm = &launch->rec->vm;
	char key[400], net[200] = "", tsc[40] = "", init[80] = "";
	const char *emulated = "";
	const struct backend_ops *ops = backend_by_name(vm->backend);
	unsigned khz = strcmp(vm->accel, "tcg") == 0 ? tsc_khz() : 0;
	int n;

	base64(launch->public_key, strlen(launch->public_key), key, sizeof key);
	if (launch->net.address[0])
		snprintf(net, sizeof net, " stoker.ip=%s stoker.gw=%s%s%s", launch->net.address, launch->net.gateway,
		         launch->net.dns[0] ? " stoker.dns=" : "", launch->net.dns);
	if (khz)
		snprintf(tsc, sizeof tsc, " tsc_early_khz=%u", khz);
	/* An emulated processor speculates nothing, so that under TCG what guards against it would only cost. Patching
	 * lock prefixes out makes TCG translate the kernel anew: 120 ms of a boot. QEMU's local APIC counts nanoseconds,
	 * which the guest's own kernel can be told (assets/images/kernel/apic_timer.c): 100 ms more. (nolapic_timer would
	 * save them too, and leave a guest in which no timer ever ends.) */
	if (strcmp(vm->accel, "tcg") == 0)
		emulated = " mitigations=off noreplace-smp apic.timer_khz=1000000";
	if (!launch->files.agent)
		snprintf(init, sizeof init, " stoker.init=%s", launch->files.init);
	/* There is no PCI bus to look for. */
	n = snprintf(out, cap,
	             "console=ttyS0 quiet loglevel=3 %s panic=1 pci=off cryptomgr.notests no_timer_check tsc=reliable%s%s "
	             "random.trust_cpu=on stoker.host=%s stoker.disk=%s%s%s stoker.key=%s",
	             ops ? ops->boot : "", emulated, tsc, vm->name,
	             stoker_disk_mode_name(vm->disk_mode), init, net, key);
	return n > 0 && (size_t)n < cap;
}
