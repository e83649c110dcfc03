/* SPDX-License-Identifier: Apache-2.0
 *
 * test_qemu.c - QEMU's command line: whole for one VM, then what each network,
 * disk mode and accelerator changes in it, and what hostile words cannot.
 */
#include "store_kit.h"

#include "backend/backend.h"

struct kit {
	char *dir;
	stoker s;
	struct vm_record rec;
	struct launch launch;
	struct argv argv;
};

static int make(void **state)
{
	struct kit *k = calloc(1, sizeof *k);
	void *dir;
	char conf[4096];
	if (!k || kit_make(&dir) != 0)
		return -1;
	k->dir = dir;
	kit_write(kit_path(conf, k->dir, "stoker.conf"), "[qemu]\nbinary = /bin/sh\n", 24);
	if (settings_load(conf, true, &k->s.settings, NULL) != STOKER_OK)
		return -1;
	kit_record(&k->rec, 0xab);
	strcpy(k->rec.vm.name, "fox");
	strcpy(k->rec.vm.ip, "172.16.0.2");
	strcpy(k->rec.vm.egress, "none");
	k->rec.vm.ssh_port = 2200;
	k->rec.vm.vcpus = 2;
	k->rec.vm.memory_mib = 256;
	k->launch.rec = &k->rec;
	strcpy(k->launch.files.kernel, "/i/vmlinux");
	strcpy(k->launch.files.initrd, "/i/initrd");
	strcpy(k->launch.files.root, "/i/root.ext4");
	strcpy(k->launch.disk, "/s/disk.ext4");
	strcpy(k->launch.public_key, "ssh-ed25519 AAAA");
	k->launch.files.agent = true;
	*state = k;
	return 0;
}

static int drop(void **state)
{
	struct kit *k = *state;
	void *dir = k->dir;
	argv_free(&k->argv);
	settings_free(k->s.settings);
	free(k);
	return kit_drop(&dir);
}

static void compose(struct kit *k)
{
	argv_free(&k->argv);
	net_guest_config(&k->s, &k->rec.vm, &k->launch.net);
	assert_ok(qemu_backend.command(&k->s, &k->launch, &k->argv, e));
	assert_null(k->argv.items[k->argv.count]);
}

/* The n-th value of an option, from 0; NULL: it is not given so often. */
static const char *value(const struct kit *k, const char *option, unsigned n)
{
	for (size_t i = 1; i + 1 < k->argv.count; i++)
		if (strcmp(k->argv.items[i], option) == 0 && n-- == 0)
			return k->argv.items[i + 1];
	return NULL;
}

static bool has(const struct kit *k, const char *part)
{
	for (size_t i = 0; i < k->argv.count; i++)
		if (strstr(k->argv.items[i], part))
			return true;
	return false;
}

static void whole(void **state)
{
	struct kit *k = *state;
	char boot[1024], tsc[40] = "";
	if (tsc_khz())
		snprintf(tsc, sizeof tsc, " tsc_early_khz=%u", tsc_khz());
	snprintf(boot, sizeof boot,
	         "console=ttyS0 quiet loglevel=3 reboot=t panic=1 pci=off cryptomgr.notests no_timer_check tsc=reliable "
	         "mitigations=off noreplace-smp apic.timer_khz=1000000%s random.trust_cpu=on stoker.host=fox stoker.disk=isolated "
	         "stoker.ip=172.16.0.2/16 stoker.gw=172.16.0.1 stoker.dns=172.16.255.253 stoker.key=c3NoLWVkMjU1MTkgQUFBQQ==",
	         tsc);
	const char *const want[] = {
		"/bin/sh", "-name", "stoker-fox", "-M", "microvm,acpi=on,rtc=on,auto-kernel-cmdline=off", "-accel", "tcg", "-cpu",
		"max,-erms", "-smp", "2", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-S",
		"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", "-chardev",
		"socket,id=qmp,fd=10,server=on,wait=off", "-mon", "chardev=qmp,mode=control", "-chardev",
		"socket,id=console,fd=11,server=on,wait=on", "-serial", "chardev:console", "-chardev",
		"socket,id=agent,fd=12,server=on,wait=off", "-device", "virtio-serial-device", "-device",
		"virtserialport,chardev=agent,name=stoker.agent", "-drive",
		"id=base,if=none,format=raw,file.locking=off,read-only=on,file=/i/root.ext4", "-device",
		"virtio-blk-device,drive=base,serial=base", "-drive", "id=disk,if=none,format=raw,file.locking=on,file=/s/disk.ext4",
		"-device", "virtio-blk-device,drive=disk,serial=disk", "-netdev",
		"user,id=net,ipv6=off,net=172.16.0.0/16,host=172.16.0.1,dns=172.16.255.253,restrict=on,"
		"hostfwd=tcp:127.0.0.1:2200-172.16.0.2:22",
		"-device", "virtio-net-device,netdev=net,mac=52:54:00:00:00:00", "-kernel", "/i/vmlinux", "-initrd", "/i/initrd",
		"-append", boot
	};
	compose(k);
	for (size_t i = 0; i < k->argv.count && i < sizeof want / sizeof *want; i++)
		assert_string_equal(k->argv.items[i], want[i]);
	assert_int_equal(k->argv.count, sizeof want / sizeof *want);
}

static void networks(void **state)
{
	struct kit *k = *state;
	strcpy(k->rec.vm.egress, "all");
	strcpy(k->rec.vm.publish, "8080:80,9090:90");
	compose(k);
	assert_non_null(strstr(value(k, "-netdev", 0), ",restrict=off,hostfwd=tcp:127.0.0.1:2200-172.16.0.2:22,"
	                                               "hostfwd=tcp:127.0.0.1:8080-172.16.0.2:80,hostfwd=tcp:127.0.0.1:9090-172.16.0.2:90"));

	k->rec.vm.network = STOKER_NET_TAP;
	compose(k);
	assert_string_equal(value(k, "-netdev", 0), "tap,id=net,ifname=stk000000000000,script=no,downscript=no,vhost=off");
	assert_null(value(k, "-netdev", 1));
	assert_false(has(k, "hostfwd")); /* the rules of the table lead there */
	assert_true(has(k, " stoker.ip=172.16.0.2/32 stoker.gw=172.16.0.1"));

	k->rec.vm.network = STOKER_NET_NONE;
	k->rec.vm.ip[0] = k->rec.vm.publish[0] = '\0';
	compose(k);
	assert_null(value(k, "-netdev", 0));
	assert_false(has(k, "virtio-net"));
	assert_false(has(k, "stoker.ip"));
}

static void disks(void **state)
{
	struct kit *k = *state;
	k->rec.vm.disk_mode = STOKER_DISK_SHARED;
	k->launch.disk[0] = '\0';
	compose(k);
	assert_non_null(strstr(value(k, "-drive", 0), "id=base,"));
	assert_non_null(strstr(value(k, "-drive", 0), ",read-only=on,"));
	assert_null(value(k, "-drive", 1));
	assert_true(has(k, " stoker.disk=shared "));

	k->rec.vm.disk_mode = STOKER_DISK_COPY;
	strcpy(k->launch.disk, "/s/disk.ext4");
	compose(k);
	assert_string_equal(value(k, "-drive", 0), "id=disk,if=none,format=raw,file.locking=on,file=/s/disk.ext4");
	assert_null(value(k, "-drive", 1));
	assert_true(has(k, " stoker.disk=copy "));
}

static void accelerators(void **state)
{
	struct kit *k = *state;
	strcpy(k->rec.vm.accel, "kvm");
	compose(k);
	assert_string_equal(value(k, "-accel", 0), "kvm");
	assert_string_equal(value(k, "-cpu", 0), "host");
	/* All are for emulation alone: a real processor measures its own clocks, and needs its mitigations. */
	assert_false(has(k, "tsc_early_khz"));
	assert_false(has(k, "apic.timer_khz"));
	assert_false(has(k, "mitigations"));
	/* Never the one with the other to fall back on: what was chosen, and told, is what runs. */
	assert_null(value(k, "-accel", 1));
}

static void without(void **state)
{
	struct kit *k = *state;
	k->launch.no_sandbox = true;
	k->launch.files.initrd[0] = '\0';
	compose(k);
	assert_null(value(k, "-sandbox", 0));
	assert_null(value(k, "-initrd", 0));
	/* A root file system that has an init of its own. */
	assert_false(has(k, "stoker.init"));
	k->launch.files.agent = false;
	strcpy(k->launch.files.init, "/sbin/init");
	compose(k);
	assert_true(has(k, " stoker.init=/sbin/init "));
}

/* Paths are the user's: whatever bytes they have, each stays one value of one option. */
static void hostile_paths(void **state)
{
	struct kit *k = *state;
	static const char *const parts[] = { "a,b", ",readonly=off,snapshot=on", "x y", "'\"$(id)`;|&", "%s%n%d", "\xff\xfe", "-drive",
		                             "#", "=" };
	size_t count;
	compose(k);
	count = k->argv.count;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char doubled[256], want[512];
		size_t o = 0;
		for (const char *p = parts[i]; *p; p++) {
			doubled[o++] = *p;
			if (*p == ',')
				doubled[o++] = ',';
		}
		doubled[o] = '\0';
		snprintf(k->launch.disk, sizeof k->launch.disk, "/%s/disk.ext4", parts[i]);
		snprintf(k->launch.files.root, sizeof k->launch.files.root, "/%s/root.ext4", parts[i]);
		snprintf(k->launch.files.kernel, sizeof k->launch.files.kernel, "/%s/vmlinux", parts[i]);
		snprintf(k->launch.files.initrd, sizeof k->launch.files.initrd, "/%s/initrd", parts[i]);
		compose(k);
		assert_int_equal(k->argv.count, count);
		snprintf(want, sizeof want, "id=base,if=none,format=raw,file.locking=off,read-only=on,file=/%s/root.ext4", doubled);
		assert_string_equal(value(k, "-drive", 0), want);
		snprintf(want, sizeof want, "id=disk,if=none,format=raw,file.locking=on,file=/%s/disk.ext4", doubled);
		assert_string_equal(value(k, "-drive", 1), want);
		/* These two are words, not lists: nothing in them is doubled. */
		assert_string_equal(value(k, "-kernel", 0), k->launch.files.kernel);
		assert_string_equal(value(k, "-initrd", 0), k->launch.files.initrd);
	}
	/* The longest path there can be, of commas alone. */
	memset(k->launch.disk, ',', sizeof k->launch.disk - 1);
	k->launch.disk[0] = '/';
	k->launch.disk[sizeof k->launch.disk - 1] = '\0';
	argv_free(&k->argv);
	struct stoker_error err = { 0 };
	enum stoker_status st = qemu_backend.command(&k->s, &k->launch, &k->argv, &err);
	if (st == STOKER_OK)
		assert_int_equal(strlen(value(k, "-drive", 1)),
		                 strlen("id=disk,if=none,format=raw,file.locking=on,file=") + 2 * (sizeof k->launch.disk - 2) + 1);
	else
		assert_true(err.why[0] != '\0');
}

/* What a record says is checked before it is recorded; one that is damaged all the same is refused, not passed on. */
static void damaged_records(void **state)
{
	struct kit *k = *state;
	struct stoker_error err = { 0 };
	strcpy(k->rec.vm.labels, "a=1,netdev=user,b=-kernel");
	compose(k);
	assert_false(has(k, "netdev=user"));
	strcpy(k->rec.vm.publish, "8080:80,hostfwd=tcp::1-:2");
	argv_free(&k->argv);
	assert_int_not_equal(qemu_backend.command(&k->s, &k->launch, &k->argv, &err), STOKER_OK);
	assert_true(err.why[0] != '\0');
	k->rec.vm.publish[0] = '\0';
	strcpy(k->rec.vm.ip, "1,restrict");
	argv_free(&k->argv);
	net_guest_config(&k->s, &k->rec.vm, &k->launch.net);
	assert_int_not_equal(qemu_backend.command(&k->s, &k->launch, &k->argv, &err), STOKER_OK);
}

static void missing_program(void **state)
{
	struct kit *k = *state;
	struct stoker_error err = { 0 };
	char conf[4096];
	kit_write(kit_path(conf, k->dir, "stoker.conf"), "[qemu]\nbinary = /bin/nowhere\n", 29);
	settings_free(k->s.settings);
	assert_ok(settings_load(conf, true, &k->s.settings, e));
	assert_int_equal(qemu_backend.command(&k->s, &k->launch, &k->argv, &err), STOKER_E_MISSING);
	assert_int_equal(k->argv.count, 0);
	assert_non_null(strstr(err.why, "/bin/nowhere"));
	assert_non_null(strstr(err.fix, "apt-get install qemu-system-x86"));
}

/* A folder of programs as QEMU's package has them: the whole build, and the small one if it has a version. Each run of
 * either is a line of `runs`. */
static void installed(struct kit *k, const char *whole, const char *small)
{
	const char *const versions[] = { whole, small };
	char path[4096], text[4400], runs[4096];

	for (int i = 0; i < 2; i++) {
		kit_path(path, k->dir, "qemu-system-x86_64%s", i ? "-microvm" : "");
		unlink(path);
		if (!versions[i])
			continue;
		snprintf(text, sizeof text, "#!/bin/sh\necho run >>%s\necho 'QEMU emulator version %s'\n", kit_path(runs, k->dir, "runs"),
		         versions[i]);
		kit_write(path, text, strlen(text));
		assert_int_equal(chmod(path, 0755), 0);
	}
	setenv("PATH", k->dir, 1);
	settings_free(k->s.settings);
	k->s.settings = NULL;
	k->s.runtime_dir = k->dir;
}

static size_t runs(struct kit *k)
{
	char path[4096];
	struct stat info;
	return stat(kit_path(path, k->dir, "runs"), &info) == 0 ? (size_t)info.st_size / 4 : 0;
}

static void expect_build(struct kit *k, const char *accel, enum stoker_network network, bool small)
{
	char path[4096];

	strcpy(k->rec.vm.accel, accel);
	k->rec.vm.network = network;
	compose(k);
	assert_string_equal(k->argv.items[0], kit_path(path, k->dir, "qemu-system-x86_64%s", small ? "-microvm" : ""));
	/* The small one is built without a sandbox of its own: it is the supervisor's to make. None is without one. */
	assert_true(k->argv.sandbox == small);
	assert_true((value(k, "-sandbox", 0) == NULL) == small);
}

static void small_build(void **state)
{
	struct kit *k = *state;
	const char *was = getenv("PATH");
	char *path = strdup(was ? was : ""), conf[4096];

	installed(k, "7.2.22", "7.2.22");
	expect_build(k, "kvm", STOKER_NET_TAP, true);
	expect_build(k, "kvm", STOKER_NET_NONE, true);
	expect_build(k, "kvm", STOKER_NET_USER, false);
	expect_build(k, "tcg", STOKER_NET_TAP, false);
	expect_build(k, "tcg", STOKER_NET_NONE, false);
	expect_build(k, "tcg", STOKER_NET_USER, false);
	assert_int_equal(runs(k), 2); /* both were asked once */
	k->launch.whole = true;       /* it was tried, and did not do */
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	k->launch.whole = false;
	expect_build(k, "kvm", STOKER_NET_TAP, true);

	/* Another one in its place is looked at anew; what was found of it is kept too. */
	installed(k, "7.2.22", "9.0.1 (of another package)");
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	assert_int_equal(runs(k), 4);
	installed(k, "7.2.22", NULL);
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	assert_int_equal(runs(k), 4);

	/* What somebody wrote into the file is what runs, be it the standard name. */
	installed(k, "7.2.22", "7.2.22");
	kit_write(kit_path(conf, k->dir, "stoker.conf"), "[qemu]\nbinary = qemu-system-x86_64\n", 35);
	assert_ok(settings_load(conf, true, &k->s.settings, e));
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	setenv("PATH", path, 1);
	free(path);
}

/* One that does not start is not used, nor is that kept: its libraries may come. */
static void small_build_broken(void **state)
{
	struct kit *k = *state;
	const char *was = getenv("PATH");
	char *path = strdup(was ? was : ""), small[4096];

	installed(k, "7.2.22", "7.2.22");
	kit_write(kit_path(small, k->dir, "qemu-system-x86_64-microvm"), "#!/bin/sh\nexit 127\n", 19);
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	assert_int_equal(runs(k), 2);
	assert_int_equal(chmod(small, 0644), 0);
	expect_build(k, "kvm", STOKER_NET_TAP, false);
	assert_int_equal(runs(k), 2);
	setenv("PATH", path, 1);
	free(path);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(whole),          TEST(networks),        TEST(disks),          TEST(accelerators),
		                            TEST(without),        TEST(hostile_paths),   TEST(damaged_records), TEST(missing_program),
		                            TEST(small_build),    TEST(small_build_broken) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
