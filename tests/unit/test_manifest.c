/* SPDX-License-Identifier: Apache-2.0
 *
 * test_manifest.c - manifests: true to the last bit when ours, refused when
 * damaged or hostile.
 */
#include "store_kit.h"

static void full(struct vm_record *rec)
{
	kit_record(rec, 0xfedcba9876543210);
	rec->vm.state = STOKER_CRASHED;
	rec->vm.ephemeral = rec->agent = true;
	strcpy(rec->vm.ip, "172.16.0.77");
	rec->vm.ssh_port = 65535;
	rec->vm.disk_mode = STOKER_DISK_COPY;
	rec->vm.network = STOKER_NET_NONE;
	strcpy(rec->vm.reason, "QEMU said \"\xe2\x80\xa6\" and \\ ended");
	rec->vm.exit_status = 256 + 11;
	rec->vm.last_phase = STOKER_PHASE_DELETE;
	rec->vm.last_phase_ns = INT64_MAX;
	rec->vm.started_at_ms = -1;
	strcpy(rec->vm.host_key, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI");
	rec->vmm = (struct process_id){ INT32_MAX, INT64_MAX, "01234567-89ab-cdef-0123-456789abcdef" };
	rec->supervisor = (struct process_id){ 1, 1, "01234567-89ab-cdef-0123-456789abcdef" };
	rec->run = UINT32_MAX;
	rec->started_ns = INT64_C(9007199254740993);
	rec->ready_ns = INT64_MIN;
	rec->ssh_ns = -1;
}

static void test_round_trip(void **state)
{
	struct vm_record rec, got;
	struct stat sb;
	char path[4096];

	full(&rec);
	kit_manifest(*state, &rec);
	assert_ok(manifest_read(kit_path(path, *state, "vms/fedcba9876543210/manifest.json"), &got, e));
	assert_memory_equal(&rec, &got, sizeof rec);
	stat(path, &sb);
	assert_int_equal(sb.st_mode & 0777, 0600);
	/* Over the old one, and no leftover beside it. */
	rec.vm.state = STOKER_STOPPED;
	assert_ok(manifest_write(*state, &rec, e));
	assert_ok(manifest_read(path, &got, e));
	assert_int_equal(got.vm.state, STOKER_STOPPED);
	assert_int_equal(kit_count(kit_path(path, *state, "vms/fedcba9876543210"), "manifest"), 1);
	/* The operation under way belongs to a process and is not told. */
	rec.op.kind = STOKER_PHASE_STOP;
	assert_ok(manifest_write(*state, &rec, e));
	assert_ok(manifest_read(kit_path(path, *state, "vms/fedcba9876543210/manifest.json"), &got, e));
	assert_int_equal(got.op.kind, STOKER_PHASE_NONE);
	assert_int_equal(manifest_read(kit_path(path, *state, "vms/none/manifest.json"), &got, NULL),
	                 STOKER_E_NOT_FOUND);
	strcpy(rec.vm.id, "0000000000000009");
	assert_int_equal(manifest_write(*state, &rec, NULL), STOKER_E_FAILED); /* no folder */
	strcpy(rec.vm.id, "../../etc/passwd");
	assert_int_equal(manifest_write(*state, &rec, NULL), STOKER_E_INVALID);
}

static void test_where_it_lies(void **state)
{
	struct vm_record rec, got;
	char path[4096], other[4096];
	static char big[80 * 1024];

	full(&rec);
	kit_manifest(*state, &rec);
	kit_path(path, *state, "vms/fedcba9876543210/manifest.json");
	kit_path(other, *state, "other.json");
	chmod(path, 0666);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	chmod(path, 0600);
	rename(path, other);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	unlink(path);
	if (geteuid() == 0) {
		assert_int_equal(chown(other, 12345, 12345), 0);
		assert_int_equal(manifest_read(other, &got, NULL), STOKER_E_INVALID);
	}
	memset(big, ' ', sizeof big);
	kit_write(path, big, sizeof big);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	kit_write(path, "", 0);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
}

/* The good text with one piece replaced. */
static void spoiled(const char *dir, const char *what, const char *with)
{
	struct vm_record rec, got;
	char path[4096], text[8192], bad[8192], *at;
	struct stoker_error err;
	ssize_t n;
	int fd;

	full(&rec);
	kit_manifest(dir, &rec);
	fd = open(kit_path(path, dir, "vms/fedcba9876543210/manifest.json"), O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	at = strstr(text, what);
	if (!at)
		fail_msg("%s is not in %s", what, text);
	snprintf(bad, sizeof bad, "%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
	kit_write(path, bad, strlen(bad));
	if (manifest_read(path, &got, &err) != STOKER_E_INVALID)
		fail_msg("taken: %s for %s", with, what);
	assert_null(strchr(err.why, '\033'));
}

static void test_hostile(void **state)
{
	static const char *const pairs[][2] = {
		{ "fedcba9876543210", "../../../../etc/" },
		{ "fedcba9876543210", "FEDCBA9876543210" },
		{ "fedcba9876543210", "fedcba98765432100" },
		{ "\"vm-18364758544493064720\"", "\"-oProxyCommand=x\"" },
		{ "\"vm-18364758544493064720\"", "\"a/b\"" },
		{ "\"vm-18364758544493064720\"", "\"\"" },
		{ "\"vm-18364758544493064720\"", "17" },
		{ "\"vm-18364758544493064720\"", "null" },
		{ "\"crashed\"", "\"flying\"" },
		{ "\"crashed\"", "\"\"" },
		{ "\"micro\"", "\"../../secret\"" },
		{ "\"micro\"", "\"-drive\"" },
		{ "\"qemu\"", "\"a b\"" },
		{ "172.16.0.77", "172.16.0.777" },
		{ "172.16.0.77", "1.2.3.4; rm" },
		{ "65535", "65536" },
		{ "65535", "-1" },
		{ "65535", "22.5" },
		{ "65535", "1e999" },
		{ "65535", "\"22\"" },
		{ "2048", "4294967296" },
		{ "4294967295", "4294967296" },
		{ "9223372036854775807", "9223372036854775808" },
		{ "9223372036854775807", "0x10" },
		{ "9223372036854775807", "1-1" },
		{ "KVM runs", "\\u001b[31m" },
		{ "team=a", "team=\\u202e\\u0007" },
		{ "ssh-ed25519", "ssh\\n" },
		{ "true", "1" },
		{ "\"vmm\"", "\"vmn\"" },
		{ "01234567-89ab", "zzzzzzzz-89ab" },
		{ "\"stoker_manifest\":\t1", "\"stoker_manifest\":\t2" },
		{ "\"stoker_manifest\":\t1", "\"manifest\":\t1" },
		{ "{", "[" },
		{ "{", "" },
	};
	struct vm_record got;
	char path[4096], deep[60000];

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		spoiled(*state, pairs[i][0], pairs[i][1]);
	kit_path(path, *state, "vms/fedcba9876543210/manifest.json");
	memset(deep, '[', sizeof deep);
	kit_write(path, deep, sizeof deep);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	kit_write(path, "{}\0{}", 5);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
	kit_write(path, "null", 4);
	assert_int_equal(manifest_read(path, &got, NULL), STOKER_E_INVALID);
}

/* Whatever random damage makes of it: read as a sound record, or refused. */
static void test_damage(void **state)
{
	struct vm_record rec, got;
	char path[4096], text[8192], bad[8192];
	unsigned seed = 3;
	ssize_t n;
	int fd;

	full(&rec);
	kit_manifest(*state, &rec);
	fd = open(kit_path(path, *state, "vms/fedcba9876543210/manifest.json"), O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof text);
	close(fd);
	for (int i = 0; i < 3000; i++) {
		size_t len = (size_t)n;
		memcpy(bad, text, len);
		if (i % 3 == 0)
			len = (size_t)rand_r(&seed) % len;
		else
			for (int k = 0; k < 1 + i % 4; k++)
				bad[(size_t)rand_r(&seed) % len] = (char)rand_r(&seed);
		kit_write(path, bad, len);
		if (manifest_read(path, &got, NULL) == STOKER_OK) {
			assert_int_equal(strspn(got.vm.id, "0123456789abcdef"), 16);
			assert_true(strlen(got.vm.name) <= STOKER_NAME_MAX && !strpbrk(got.vm.name, "/. \033"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_where_it_lies, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_hostile, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_damage, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
