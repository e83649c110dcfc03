/* SPDX-License-Identifier: Apache-2.0
 *
 * test_run_status.c - the status file of a run: both ways, torn, and hostile.
 */
#include "store_kit.h"

#include <sys/socket.h>

#include "lifecycle.h"
#include "supervisor/control.h"
#include "supervisor/status.h"

#define BOOT "0cb900c8-9e5c-4d5f-bb4c-75fdd3a90280"
#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
#define HEAD "version=1\nboot_id=" BOOT "\nsupervisor=10:20\n"

static bool parse(const char *text, struct run_status *out)
{
	return status_parse(text, strlen(text), out);
}

static void goes_both_ways(void **state)
{
	struct run_status in = { .supervisor = { 100, 200, BOOT }, .vmm = { 101, 201, BOOT }, .spawned_ns = 5, .hello_ns = 6,
		                 .exit_ns = 7, .host_key = KEY, .agent = "0.1", .marks = "a:1,b:2", .bye = "poweroff",
		                 .message = "last words", .asked = true, .exit_status = 256 + 9 };
	static const int exits[] = { -2, -1, 0, 1, 255, 256 + 1, 256 + 64 };
	struct run_status out;
	char text[SUPERVISOR_STATUS_MAX];
	(void)state;
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++) {
		size_t len;
		in.exit_status = exits[i];
		len = status_format(&in, text, sizeof text);
		assert_true(len > 0);
		assert_true(status_parse(text, len, &out));
		assert_memory_equal(&in.supervisor, &out.supervisor, sizeof in.supervisor);
		assert_memory_equal(&in.vmm, &out.vmm, sizeof in.vmm);
		assert_string_equal(in.host_key, out.host_key);
		assert_string_equal(in.agent, out.agent);
		assert_string_equal(in.marks, out.marks);
		assert_string_equal(in.bye, out.bye);
		assert_string_equal(in.message, out.message);
		assert_int_equal(in.spawned_ns, out.spawned_ns);
		assert_int_equal(in.hello_ns, out.hello_ns);
		assert_int_equal(in.exit_ns, out.exit_ns);
		assert_true(out.asked);
		assert_int_equal(in.exit_status, out.exit_status);
		/* Torn anywhere, it says nothing. */
		for (size_t n = 0; n < len; n++)
			assert_false(status_parse(text, n, &out));
	}
	assert_int_equal(status_format(&in, text, 50), 0);
}

static void largest_fits(void **state)
{
	struct run_status in = { .supervisor = { INT32_MAX, UINT64_MAX / 2, BOOT }, .vmm = { INT32_MAX, UINT64_MAX / 2, BOOT },
		                 .spawned_ns = INT64_MAX, .hello_ns = INT64_MAX, .exit_ns = INT64_MAX, .host_key = KEY,
		                 .bye = "poweroff", .asked = true, .exit_status = 256 + 64 };
	struct run_status out;
	char text[SUPERVISOR_STATUS_MAX];
	size_t len;
	(void)state;
	memset(in.agent, 'a', sizeof in.agent - 1);
	memset(in.marks, 'm', sizeof in.marks - 1);
	memset(in.message, 'w', sizeof in.message - 1);
	len = status_format(&in, text, sizeof text);
	assert_true(len > 0);
	assert_true(status_parse(text, len, &out));
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"", "end=1\n", HEAD, HEAD "end=1", HEAD "end=2\n", HEAD "end=1\nvmm=1:2\n", HEAD "vmm=0:1\nend=1\n",
		HEAD "vmm=-1:1\nend=1\n", HEAD "vmm=1\nend=1\n", HEAD "vmm=1:\nend=1\n", HEAD "vmm=99999999999:1\nend=1\n",
		HEAD "vmm=1:99999999999999999999999\nend=1\n", HEAD "vmm=1:2\nvmm=1:2\nend=1\n", HEAD "spawned_ns=0\nend=1\n",
		HEAD "hello_ns=1x\nend=1\n", HEAD "hello_ns= 1\nend=1\n", HEAD "hello_ns=9223372036854775808\nend=1\n",
		HEAD "host_key=ssh-rsa AAAA\nend=1\n", HEAD "host_key=" KEY " x\nend=1\n", HEAD "message=\x1b[2J\nend=1\n",
		HEAD "exit=exited:256\nend=1\n", HEAD "exit=exited:\nend=1\n", HEAD "exit=signaled:200\nend=1\n",
		HEAD "exit=whatever\nend=1\n", HEAD "bye=later\nend=1\n", HEAD "asked=0\nend=1\n", HEAD "no equals sign\nend=1\n",
		HEAD "agent=0123456789012345678901234567890123456789\nend=1\n",
		"version=2\nboot_id=" BOOT "\nsupervisor=1:2\nend=1\n", "version=1\nboot_id=short\nsupervisor=1:2\nend=1\n",
		"version=1\nsupervisor=1:2\nend=1\n",
	};
	struct run_status out;
	char *large = calloc(1, 2 * SUPERVISOR_STATUS_MAX);
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(parse(bad[i], &out));
	assert_false(status_parse(HEAD "message=a\0b\nend=1\n", sizeof HEAD - 1 + 18, &out));
	assert_true(parse(HEAD "later=something\nend=1\n", &out));
	assert_int_equal(out.exit_status, -2);
	assert_non_null(large);
	memcpy(large, HEAD "later=", sizeof HEAD + 6);
	memset(large + strlen(large), 'x', SUPERVISOR_STATUS_MAX);
	memcpy(large + strlen(large), "\nend=1\n", 8);
	assert_false(parse(large, &out));
	free(large);
}

static void put(const char *dir, const char *text)
{
	char path[4096];
	int fd = open(kit_path(path, dir, "vms/0123456789abcdef/status"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void read_from_its_folder(void **state)
{
	char *dir = *state, path[4096], other[4096];
	struct stoker s = { .runtime_dir = dir };
	struct run_status out;
	assert_false(run_status_read(&s, "0123456789abcdef", &out));
	assert_int_equal(mkdir(kit_path(path, dir, "vms"), 0700), 0);
	assert_int_equal(mkdir(kit_path(path, dir, "vms/0123456789abcdef"), 0700), 0);
	assert_false(run_status_read(&s, "0123456789abcdef", &out));
	put(dir, HEAD "vmm=5:6\nend=1\n");
	assert_true(run_status_read(&s, "0123456789abcdef", &out));
	assert_int_equal(out.vmm.pid, 5);
	assert_string_equal(out.vmm.boot_id, BOOT);
	put(dir, HEAD "vmm=5:6\n");
	assert_false(run_status_read(&s, "0123456789abcdef", &out));
	/* Neither a link nor a FIFO is followed, and the FIFO does not hang us. */
	kit_path(path, dir, "vms/0123456789abcdef/status");
	put(dir, HEAD "end=1\n");
	assert_int_equal(rename(path, kit_path(other, dir, "elsewhere")), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_false(run_status_read(&s, "0123456789abcdef", &out));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(run_status_read(&s, "0123456789abcdef", &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_both_ways),
		cmocka_unit_test(largest_fits),
		cmocka_unit_test(refused),
		cmocka_unit_test_setup_teardown(read_from_its_folder, kit_make, kit_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
