/* SPDX-License-Identifier: Apache-2.0 */
#include "spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "backend/backend.h"
#include "error.h"
#include "names.h"
#include "net/net.h"

enum { LABELS_MAX = 16, LABEL_PART_MAX = 63 };

static bool alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

enum stoker_status spec_check_name(const char *name, struct stoker_error *err)
{
	size_t len = strnlen(name, STOKER_NAME_MAX + 1);
	bool good = len > 0 && len <= STOKER_NAME_MAX && alnum(name[0]) && alnum(name[len - 1]);
	char shown[64];
	for (size_t i = 0; good && i < len; i++)
		good = alnum(name[i]) || name[i] == '-';
	if (good)
		return STOKER_OK;
	error_clean(shown, sizeof shown, name, strnlen(name, 48));
	error_set(err, STOKER_E_INVALID, "'%s%s' is no name for a VM", shown, len > 48 ? "..." : "");
	error_fix(err, "Use 1 to %d of a-z, 0-9 and -, beginning and ending with a letter or digit", STOKER_NAME_MAX);
	return STOKER_E_INVALID;
}

/* ---- made-up names */

static const char *const first_words[] = {
	"amber", "brave", "brisk", "calm", "clear", "clever", "coral", "crisp", "dusky", "early", "fair", "fleet",
	"fond", "frank", "gentle", "glad", "golden", "grand", "happy", "hardy", "honest", "ivory", "jolly", "keen",
	"kind", "light", "lively", "loyal", "lucky", "mellow", "merry", "mild", "misty", "noble", "old", "plain",
	"proud", "quick", "quiet", "rapid", "ready", "royal", "rustic", "sharp", "shy", "silent", "silver", "sleek",
	"smart", "snowy", "solid", "spry", "steady", "still", "sunny", "swift", "tidy", "true", "vivid", "warm",
	"wild", "wise", "witty", "young"
};
static const char *const second_words[] = {
	"badger", "bear", "beaver", "bison", "crane", "crow", "deer", "dove", "eagle", "egret", "falcon", "ferret",
	"finch", "fox", "frog", "gecko", "goose", "hare", "hawk", "hedgehog", "heron", "hornet", "ibis", "jackdaw",
	"jay", "kestrel", "kite", "lark", "lemur", "lynx", "magpie", "marten", "mole", "moose", "newt", "okapi",
	"oriole", "osprey", "otter", "owl", "panda", "pelican", "pike", "plover", "puffin", "quail", "rabbit", "raven",
	"robin", "salmon", "seal", "shrew", "sparrow", "stoat", "stork", "swan", "tapir", "tern", "toad", "trout",
	"viper", "vole", "weasel", "wren"
};

void spec_make_name(char out[STOKER_NAME_MAX + 1], unsigned attempt)
{
	uint16_t r[3] = { 0 };
	if (getrandom(r, sizeof r, 0) != sizeof r)
		r[0] = (uint16_t)getpid(), r[1] = (uint16_t)attempt;
	if (attempt < 2)
		snprintf(out, STOKER_NAME_MAX + 1, "%s-%s", first_words[r[0] % 64], second_words[r[1] % 64]);
	else
		snprintf(out, STOKER_NAME_MAX + 1, "%s-%s-%u", first_words[r[0] % 64], second_words[r[1] % 64],
		         (unsigned)(r[2] % 10000));
}

/* ---- labels */

/* Blanks, controls and format characters: what is not seen, or turns the direction of writing, makes one label read as
 * another. */
static bool is_unseen(uint32_t ch)
{
	static const struct {
		uint32_t first, last;
	} unseen[] = { { 0x80, 0xa0 },     { 0xad, 0xad },     { 0x34f, 0x34f },   { 0x61c, 0x61c },   { 0x115f, 0x1160 },
		       { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 }, { 0x180e, 0x180e }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
		       { 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0x3164, 0x3164 }, { 0xd800, 0xf8ff }, { 0xfeff, 0xfeff },
		       { 0xffa0, 0xffa0 }, { 0xfff0, 0xffff }, { 0xe0000, 0x10ffff } };
	for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
		if (ch >= unseen[i].first && ch <= unseen[i].last)
			return true;
	return false;
}

/* Bytes of the character beyond ASCII that begins here, of any script; 0: none that a label may have. */
static size_t script_char(const char *p, size_t len)
{
	unsigned char c = (unsigned char)*p;
	size_t n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	uint32_t ch = c & (0xffu >> (n + 1));

	if (n == 0 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return 0;
		ch = ch << 6 | ((unsigned char)p[i] & 0x3f);
	}
	/* Nor one that is written longer than it has to be. */
	return (n == 3 && ch < 0x800) || (n == 4 && ch < 0x10000) || is_unseen(ch) ? 0 : n;
}

static bool label_part(const char *p, size_t len, bool may_be_empty)
{
	size_t n;
	if (len > LABEL_PART_MAX || (len == 0 && !may_be_empty))
		return false;
	for (size_t i = 0; i < len; i += n) {
		n = 1;
		if (!alnum(p[i]) && !(p[i] >= 'A' && p[i] <= 'Z') && !strchr("._/-", p[i]))
			n = script_char(p + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

static bool is_label(const char *text)
{
	const char *eq = strchr(text, '=');
	return eq && label_part(text, (size_t)(eq - text), false) && label_part(eq + 1, strlen(eq + 1), true);
}

static enum stoker_status no_label(const char *text, const char *form, struct stoker_error *err)
{
	char shown[80];
	error_set(err, STOKER_E_INVALID, "'%s' is no label", error_clean(shown, sizeof shown, text, strnlen(text, 64)));
	error_fix(err, "A label is %s, each of letters and digits of any script and ._/-, at most %d bytes", form, LABEL_PART_MAX);
	return STOKER_E_INVALID;
}

enum stoker_status spec_check_label_filter(const char *text, struct stoker_error *err)
{
	return is_label(text) || label_part(text, strlen(text), false) ? STOKER_OK : no_label(text, "key or key=value", err);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum stoker_status labels_resolve(const char *text, char out[STOKER_LABELS_SIZE], struct stoker_error *err)
{
	char copy[STOKER_LABELS_SIZE], *parts[LABELS_MAX], *p = copy;
	size_t n = 0, o = 0;
	if (strlen(text) >= sizeof copy) {
		error_set(err, STOKER_E_INVALID, "the labels are longer than %d bytes", STOKER_LABELS_SIZE - 1);
		return error_fix(err, "Use fewer or shorter labels"), STOKER_E_INVALID;
	}
	memcpy(copy, text, strlen(text) + 1);
	while (p && *p) {
		char *next = strchr(p, ',');
		if (next)
			*next++ = '\0';
		if (n == LABELS_MAX) {
			error_set(err, STOKER_E_INVALID, "more than %d labels", LABELS_MAX);
			return error_fix(err, "Use fewer labels"), STOKER_E_INVALID;
		}
		if (!is_label(p))
			return no_label(p, "key=value", err);
		parts[n++] = p;
		p = next;
	}
	if (n == 0)
		return out[0] = '\0', STOKER_OK;
	qsort(parts, n, sizeof *parts, by_key);
	for (size_t i = 0; i < n; i++) {
		size_t key = strcspn(parts[i], "=") + 1;
		if (i > 0 && strncmp(parts[i - 1], parts[i], key) == 0)
			return error_set(err, STOKER_E_INVALID, "the label %.*s is given twice", (int)key - 1, parts[i]),
			       error_fix(err, "Keep one of the two"), STOKER_E_INVALID;
		o += (size_t)snprintf(out + o, STOKER_LABELS_SIZE - o, "%s%s", i ? "," : "", parts[i]);
	}
	return STOKER_OK;
}

/* ---- the whole */

static enum stoker_status in_range(const char *what, const char *unit, unsigned value, unsigned min, unsigned max,
                                   struct stoker_error *err)
{
	if (value >= min && value <= max)
		return STOKER_OK;
	error_set(err, STOKER_E_INVALID, "%u%s is not possible for %s", value, unit, what);
	return error_fix(err, "Allowed here: %u to %u%s", min, max, unit), STOKER_E_INVALID;
}

static enum stoker_status one_of(const char *what, const char *value, int index, const char *allowed,
                                 struct stoker_error *err)
{
	char shown[64];
	if (index >= 0)
		return STOKER_OK;
	error_set(err, STOKER_E_INVALID, "'%s' is no %s", error_clean(shown, sizeof shown, value, strnlen(value, 48)), what);
	return error_fix(err, "Allowed: %s", allowed), STOKER_E_INVALID;
}

static const char *chosen(const stoker *s, const char *given, const char *key)
{
	return given ? given : settings_get(s->settings, key);
}

static unsigned chosen_number(const stoker *s, unsigned given, const char *key)
{
	return given ? given : (unsigned)settings_number(s->settings, key);
}

static unsigned host_memory_mib(void)
{
	struct sysinfo info;
	uint64_t mib;
	if (sysinfo(&info) < 0)
		return 1u << 20;
	mib = (uint64_t)info.totalram * info.mem_unit >> 20;
	return mib > 1u << 20 ? 1u << 20 : (unsigned)mib;
}

static unsigned host_disk_mib(const stoker *s)
{
	struct statvfs fs;
	uint64_t mib;
	if (statvfs(s->state_dir, &fs) < 0)
		return SPEC_DISK_MIN;
	mib = (uint64_t)fs.f_bavail * fs.f_frsize >> 20;
	return mib > 8u << 20 ? 8u << 20 : (unsigned)mib;
}

enum stoker_status spec_check_disk(const stoker *s, unsigned disk_mib, struct stoker_error *err)
{
	unsigned most = host_disk_mib(s);
	if (most >= SPEC_DISK_MIN)
		return in_range("a disk", " MiB", disk_mib, SPEC_DISK_MIN, most, err);
	error_set(err, STOKER_E_LIMIT, "only %u MiB are free in %s, and the smallest disk has %d", most, s->state_dir,
	          SPEC_DISK_MIN);
	return error_fix(err, "Free some space, use --disk-mode shared, or another place with --state DIR"), STOKER_E_LIMIT;
}

/* Egress, published ports and allowances: well said, in their normal form. */
static enum stoker_status connections(stoker *s, const struct stoker_spec *spec, struct stoker_vm *vm,
                                      struct stoker_error *err)
{
	const char *egress = chosen(s, spec->egress, "defaults.egress");
	struct net_policy policy;
	enum stoker_status st;

	if (!egress[0])
		return one_of("egress", egress, -1, "all, none, or with network tap networks such as 10.0.0.0/8", err);
	st = net_policy_parse(&policy, egress, spec->publish, spec->allow, err);
	if (st == STOKER_OK && !net_policy_text(&policy, vm))
		st = error_set(err, STOKER_E_INVALID, "the egress or what is published or allowed is too long to be kept");
	return st;
}

enum stoker_status spec_check_network(const struct stoker_vm *vm, struct stoker_error *err)
{
	struct net_policy policy = { 0 };

	net_policy_of(vm, &policy);
	if (vm->network != STOKER_NET_TAP && policy.cidr_count) {
		error_set(err, STOKER_E_INVALID, "network %s cannot tell one network from another: QEMU's user mode has no such filter",
		          stoker_network_name(vm->network));
		return error_fix(err, "Use --egress all or none, or --network tap"), STOKER_E_INVALID;
	}
	if (vm->network != STOKER_NET_TAP && vm->allow[0]) {
		error_set(err, STOKER_E_INVALID, "--allow opens what network tap closes; network %s has no such rules",
		          stoker_network_name(vm->network));
		return error_fix(err, "Leave --allow out, or use --network tap"), STOKER_E_INVALID;
	}
	if (vm->network == STOKER_NET_NONE && policy.port_count) {
		error_set(err, STOKER_E_INVALID, "a VM without a network has no port that could be published");
		return error_fix(err, "Use --network user or tap"), STOKER_E_INVALID;
	}
	return STOKER_OK;
}

enum stoker_status spec_resolve(stoker *s, const struct stoker_spec *spec, struct vm_record *rec,
                                struct stoker_error *err)
{
	struct stoker_vm *vm = &rec->vm;
	const char *mode, *network, *accel, *image, *backend;
	enum stoker_status st;
	int index;

	memset(rec, 0, sizeof *rec);
	rec->op.kind = STOKER_PHASE_NONE;
	vm->phase = vm->last_phase = STOKER_PHASE_NONE;
	vm->exit_status = -1;
	vm->uptime_ms = -1;
	if (spec->name) {
		st = spec_check_name(spec->name, err);
		if (st != STOKER_OK)
			return st;
		snprintf(vm->name, sizeof vm->name, "%s", spec->name);
	} else {
		spec_make_name(vm->name, 0);
	}
	image = chosen(s, spec->image, "defaults.image");
	if (strlen(image) >= sizeof vm->image)
		return error_set(err, STOKER_E_INVALID, "the image's name is longer than %zu bytes", sizeof vm->image - 1);
	snprintf(vm->image, sizeof vm->image, "%s", image);

	vm->vcpus = chosen_number(s, spec->vcpus, "defaults.vcpus");
	st = in_range("vCPUs", "", vm->vcpus, 1, SPEC_VCPUS_MAX, err);
	if (st != STOKER_OK)
		return st;
	vm->memory_mib = chosen_number(s, spec->memory_mib, "defaults.memory_mib");
	st = in_range("memory", " MiB", vm->memory_mib, SPEC_MEMORY_MIN, host_memory_mib(), err);
	if (st != STOKER_OK)
		return st;
	vm->disk_mib = chosen_number(s, spec->disk_mib, "defaults.disk_mib");

	mode = chosen(s, spec->disk_mode, "defaults.disk_mode");
	index = disk_mode_by_name(mode);
	st = one_of("disk mode", mode, index, "isolated, shared, copy", err);
	if (st != STOKER_OK)
		return st;
	vm->disk_mode = (enum stoker_disk_mode)index;
	if (vm->disk_mode != STOKER_DISK_SHARED) {
		st = spec_check_disk(s, vm->disk_mib, err);
		if (st != STOKER_OK)
			return st;
	}

	network = chosen(s, spec->network, "defaults.network");
	index = strcmp(network, "auto") == 0 ? (int)NETWORK_AUTO : network_by_name(network);
	st = one_of("network", network, index, "auto, user, tap, none", err);
	if (st != STOKER_OK)
		return st;
	vm->network = (enum stoker_network)index;
	st = connections(s, spec, vm, err);
	if (st != STOKER_OK)
		return st;

	backend = chosen(s, spec->backend, "defaults.backend");
	st = one_of("backend of this build", backend,
	            strcmp(backend, "auto") == 0 || backend_by_name(backend) ? 0 : -1, backend_names(), err);
	if (st != STOKER_OK)
		return st;
	snprintf(vm->backend, sizeof vm->backend, "%s", backend);
	accel = chosen(s, spec->accel, "defaults.accel");
	st = one_of("acceleration", accel,
	            strcmp(accel, "auto") == 0 || strcmp(accel, "kvm") == 0 || strcmp(accel, "tcg") == 0 ? 0 : -1,
	            "auto, kvm, tcg", err);
	if (st != STOKER_OK)
		return st;
	snprintf(vm->accel, sizeof vm->accel, "%s", accel);
	vm->ephemeral = spec->ephemeral;
	return labels_resolve(spec->labels ? spec->labels : "", vm->labels, err);
}
