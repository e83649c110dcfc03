/* SPDX-License-Identifier: Apache-2.0
 *
 * test_settings.c - the configuration file.
 */
#include "backend/backend.h"
#include "handle.h"
#include "settings.h"
#include "store_kit.h"

static struct settings *load(const char *dir, const char *text)
{
	struct settings *settings;
	char path[4096];
	kit_write(kit_path(path, dir, "stoker.conf"), text, strlen(text));
	assert_ok(settings_load(path, true, &settings, e));
	return settings;
}

static void refused(const char *dir, const char *text, const char *why, const char *fix)
{
	struct settings *settings;
	struct stoker_error err;
	char path[4096];
	kit_write(kit_path(path, dir, "stoker.conf"), text, strlen(text));
	if (settings_load(path, true, &settings, &err) != STOKER_E_INVALID)
		fail_msg("taken: %s", text);
	assert_null(settings);
	if (!strstr(err.why, why))
		fail_msg("why \"%s\" lacks \"%s\"", err.why, why);
	if (!strstr(err.fix, fix))
		fail_msg("fix \"%s\" lacks \"%s\"", err.fix, fix);
}

static void test_standards(void **state)
{
	struct stoker s = { 0 };
	struct stoker_setting_row row;
	struct store_pools pools = { 0 };
	char path[4096], text[8192] = "", section[32] = "";
	size_t n = 0;

	assert_ok(settings_load(kit_path(path, *state, "absent.conf"), false, &s.settings, e));
	assert_int_equal(settings_load(path, true, &(struct settings *){ NULL }, NULL), STOKER_E_NOT_FOUND);
	assert_string_equal(stoker_setting(&s, "defaults.image"), "micro");
	assert_null(stoker_setting(&s, "defaults.nonsense"));
	assert_int_equal(settings_number(s.settings, "timeouts.stop_s"), 3);
	settings_pools(s.settings, &pools);
	assert_int_equal(pools.first_address, 0xac100002);
	assert_int_equal(pools.last_address, 0xac1000fe);
	assert_int_equal(pools.first_port, 2200);
	assert_int_equal(pools.last_port, 2999);
	/* Every standard value passes its own check when it is written down. */
	for (; stoker_setting_at(&s, n, &row); n++) {
		size_t dot = strcspn(row.key, ".");
		assert_string_equal(row.value, row.standard);
		assert_string_equal(row.origin, "default");
		assert_true(row.help[0] != '\0');
		if (strncmp(section, row.key, dot) != 0 || section[dot]) {
			snprintf(section, sizeof section, "%.*s", (int)dot, row.key);
			snprintf(text + strlen(text), sizeof text - strlen(text), "[%s]\n", section);
		}
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s = %s\n", row.key + dot + 1, row.value);
	}
	assert_true(n >= 20);
	settings_free(s.settings);
	settings_free(load(*state, text));
	settings_free(NULL);
}

static void test_values(void **state)
{
	struct stoker s = { 0 };
	struct stoker_setting_row row;
	struct store_pools pools = { 0 };
	s.settings = load(*state, "\xef\xbb\xbf# ours\r\n[defaults]\r\n  vcpus = 4 ; four\r\nimage: debian-12\r\n\r\n"
	                          "[network]\npool=10.1.0.0/24\nports=3000-3000\n[qemu]\nbinary=/opt/q/bin/qemu\n"
	                          "[firecracker]\nurl = http://10.1.0.1:8080/fc.tgz\n"
	                          "[ui]\nleave_key=F12\n");
	assert_int_equal(settings_number(s.settings, "defaults.vcpus"), 4);
	assert_string_equal(settings_get(s.settings, "defaults.image"), "debian-12");
	assert_string_equal(settings_get(s.settings, "qemu.binary"), "/opt/q/bin/qemu");
	assert_string_equal(settings_get(s.settings, "ui.leave_key"), "F12");
	assert_string_equal(settings_get(s.settings, "firecracker.url"), "http://10.1.0.1:8080/fc.tgz");
	settings_pools(s.settings, &pools);
	assert_int_equal(pools.first_address, 0x0a010002);
	assert_int_equal(pools.last_address, 0x0a0100fe);
	assert_int_equal(pools.first_port, 3000);
	assert_int_equal(pools.last_port, 3000);
	assert_true(stoker_setting_at(&s, 1, &row));
	assert_string_equal(row.key, "defaults.vcpus");
	assert_string_equal(row.value, "4");
	assert_string_equal(row.standard, "1");
	assert_non_null(strstr(row.origin, "stoker.conf:3"));
	settings_free(s.settings);
}

static void test_refusals(void **state)
{
	char text[2048], path[4096];
	struct settings *settings;
	struct stoker_error err;

	refused(*state, "[defaults]\nvcpus = many\n", "stoker.conf:2:9: defaults.vcpus: ", "from 1 to 32");
	refused(*state, "[defaults]\nvcpus = 0\n", "\"0\"", "from 1");
	refused(*state, "[defaults]\nvcpus = -1\n", "defaults.vcpus", "from 1");
	refused(*state, "[defaults]\nvcpus = 99999999999999999999\n", "defaults.vcpus", "from 1");
	refused(*state, "[defaults]\nvcpus =\n", "it has no value", "from 1");
	refused(*state, "[defaults]\nmemory_mb = 512\n", "there is no such key", "Did you mean defaults.memory_mib?");
	refused(*state, "[default]\nvcpus = 2\n", "no such key", "Did you mean defaults.vcpus?");
	refused(*state, "[timeouts]\nvcpus = 2\n", "no such key", "Did you mean defaults.vcpus?");
	refused(*state, "[nothing]\nlike = this\n", "nothing.like", "lists the keys");
	refused(*state, "vcpus = 2\n", "no such key", "under a section");
	refused(*state, "[defaults]\nvcpus = 2\nvcpus = 3\n", "stoker.conf:3:1: defaults.vcpus: it was set before",
	        "Leave one");
	refused(*state, "[defaults]\nvcpus = 2\n nonsense\n", "stoker.conf:3:1: ", "key = value");
	refused(*state, "[defaults\nvcpus = 2\n", "stoker.conf:1:1: ", "[section]");
	refused(*state, "[defaults]\ndisk_mode = qcow2\n", "qcow2", "isolated, shared, copy");
	refused(*state, "[defaults]\ndisk_mode = isolated|shared\n", "not allowed", "isolated, shared, copy");
	refused(*state, "[defaults]\nimage = ../../etc\n", "not allowed", "letters");
	refused(*state, "[defaults]\nimage = a\033[31m\n", "a?[31m", "letters");
	refused(*state, "[qemu]\nbinary = ./qemu\n", "not allowed", "absolute");
	refused(*state, "[qemu]\nbinary = -evil\n", "not allowed", "absolute");
	refused(*state, "[firecracker]\nurl = ftp://host/fc.tgz\n", "not allowed", "https://HOST/PATH");
	refused(*state, "[firecracker]\nurl = https://\n", "not allowed", "https://HOST/PATH");
	refused(*state, "[firecracker]\nurl = http://host/a b\n", "not allowed", "https://HOST/PATH");
	refused(*state, "[network]\npool = 172.16.0.9-172.16.0.2\n", "above", "172.16");
	refused(*state, "[network]\npool = 172.16.0.300-172.16.1.2\n", "neither", "172.16");
	refused(*state, "[network]\npool = 10.0.0.0/8\n", "/16 to /29", "172.16");
	refused(*state, "[network]\npool = 10.0.0.5/24\n", "not the first", "172.16");
	refused(*state, "[network]\npool = 127.0.0.1-127.0.0.9\n", "not for hosts", "172.16");
	refused(*state, "[network]\npool = 10.0.0.1-10.9.0.1\n", "65536", "172.16");
	refused(*state, "[network]\nports = 22-99\n", "1024", "2200");
	refused(*state, "[network]\nports = 3000\n", "not a range", "2200");
	refused(*state, "[network]\nports = 3000-99999\n", "65535", "2200");
	refused(*state, "[ui]\nleave_key = Ctrl-C\n", "not allowed", "F1 to F12");
	refused(*state, "[ui]\nleave_key = F13\n", "not allowed", "F1 to F12");

	memset(text, 'a', sizeof text);
	memcpy(text, "[qemu]\nbinary=/", 15);
	text[sizeof text - 1] = '\0';
	refused(*state, text, "longer than", "Shorten");
	kit_write(kit_path(path, *state, "stoker.conf"), "[ui]\nmouse=on\0off\n", 18);
	assert_int_equal(settings_load(path, true, &settings, &err), STOKER_E_INVALID);
	assert_non_null(strstr(err.why, "NUL"));
}

static void test_files(void **state)
{
	struct settings *settings;
	struct stoker_error err;
	char path[4096];
	static char big[70 * 1024];

	kit_write(kit_path(path, *state, "stoker.conf"), "", 0);
	chmod(path, 0646);
	assert_int_equal(settings_load(path, false, &settings, &err), STOKER_E_INVALID);
	assert_non_null(strstr(err.why, "anybody"));
	chmod(path, 0644);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_int_equal(settings_load(path, false, &settings, &err), STOKER_E_INVALID);
		assert_non_null(strstr(err.why, "12345"));
	}
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0); /* must not hang */
	assert_int_equal(settings_load(path, false, &settings, &err), STOKER_E_INVALID);
	unlink(path);
	mkdir(path, 0700);
	assert_int_equal(settings_load(path, false, &settings, &err), STOKER_E_INVALID);
	rmdir(path);
	memset(big, '\n', sizeof big);
	kit_write(path, big, sizeof big);
	assert_int_equal(settings_load(path, false, &settings, &err), STOKER_E_INVALID);
	assert_non_null(strstr(err.why, "64 KiB"));
}

static void test_open_sections(void **state)
{
	struct stoker s = { 0 };
	struct stoker_setting_row row = { 0 };
	char text[16384] = "[keys]\n";
	size_t fixed = 0, n;

	while (stoker_setting_at(&s, fixed, &row))
		fixed++;
	s.settings = load(*state, "[keys]\nstop = Ctrl-T\npalette = :\n[filters]\n hot = cpu>50 label:tier=web\n"
	                          "[presets]\nsmall = memory=256M\n");
	assert_string_equal(stoker_setting(&s, "keys.stop"), "Ctrl-T");
	assert_string_equal(stoker_setting(&s, "keys.palette"), ":");
	assert_string_equal(stoker_setting(&s, "filters.hot"), "cpu>50 label:tier=web");
	assert_null(stoker_setting(&s, "keys.start"));
	for (n = fixed; stoker_setting_at(&s, n, &row); n++)
		assert_true(row.standard[0] == '\0' && row.help[0] != '\0');
	assert_int_equal(n, fixed + 4);
	assert_string_equal(row.key, "presets.small");
	assert_non_null(strstr(row.origin, "stoker.conf:7"));
	settings_free(s.settings);
	refused(*state, "[keys]\nStop = x\n", ":2:1: keys.Stop: this name", "lower case");
	refused(*state, "[keys]\n  a = \x01\n", ":2:7: keys.a: it has no value", "plain text");
	refused(*state, "[keys]\na = x\na = y\n", ":3:1: keys.a: it was set before", "Leave one");
	refused(*state, "[key]\na = x\n", ":2:1: key.a: there is no such key", "stoker.conf(5)");
	refused(*state, "[defaults]\n\tvcpus =  many\n", ":2:11: defaults.vcpus", "");
	for (n = 0; n <= 256; n++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "a%zu = x\n", n);
	refused(*state, text, ":258:1: there are more than 256", "Leave some out");
}

static void test_reload(void **state)
{
	struct stoker s = { 0 };
	struct stoker_error err = { 0 };
	char path[4096];

	s.settings = load(*state, "[defaults]\nvcpus = 2\n");
	s.config_file = kit_path(path, *state, "stoker.conf");
	kit_write(path, "[defaults]\nvcpus = 4\n", 21);
	assert_int_equal(stoker_settings_reload(&s, &err), STOKER_OK);
	assert_string_equal(stoker_setting(&s, "defaults.vcpus"), "4");
	kit_write(path, "[defaults]\nvcpus = x\n", 21);
	assert_int_equal(stoker_settings_reload(&s, &err), STOKER_E_INVALID);
	assert_non_null(strstr(err.why, ":2:9: "));
	assert_string_equal(stoker_setting(&s, "defaults.vcpus"), "4"); /* as it was */
	unlink(path);
	assert_int_equal(stoker_settings_reload(&s, &err), STOKER_OK);
	assert_string_equal(stoker_setting(&s, "defaults.vcpus"), "1");
	settings_free(s.settings);
}

/* The public list, from which options, settings and the form take their words, is the table's. */
static void test_backends_are_all_named(void **state)
{
	const struct backend_ops *ops;
	char names[256] = "";
	(void)state;
	for (size_t i = 0; (ops = backend_at(i)) != NULL; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? "|" : "", ops->name);
	assert_string_equal(names, STOKER_BACKENDS("|"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_standards, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_values, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_refusals, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_files, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_open_sections, kit_make, kit_drop),
		cmocka_unit_test_setup_teardown(test_reload, kit_make, kit_drop),
		cmocka_unit_test(test_backends_are_all_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
