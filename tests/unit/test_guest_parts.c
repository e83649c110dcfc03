/* SPDX-License-Identifier: Apache-2.0
 *
 * test_guest_parts.c - pieces of the guest's init that need no guest: its key,
 * its command line, its small files. Its sources are compiled in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>

#include "../../assets/guest/cmdline.c"
#include "../../src/guest/ed25519.c"
#include "../../assets/guest/util.c"

static void public_key_of_openssl(uint8_t out[32], const uint8_t seed[32])
{
	size_t n = 32;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_raw_public_key(key, out, &n), 1);
	EVP_PKEY_free(key);
}

static void key_is_that_of_openssl(void **state)
{
	/* RFC 8032, section 7.1, first test. */
	static const uint8_t seed[32] = { 0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a,
		                          0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32,
		                          0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60 };
	static const uint8_t wanted[32] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
		                            0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
		                            0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };
	uint8_t ours[32], theirs[32], random[32];
	(void)state;
	ed25519_public(ours, seed);
	assert_memory_equal(ours, wanted, 32);
	for (int i = 0; i < 1000; i++) {
		if (i < 2)
			memset(random, i ? 0xff : 0, sizeof random);
		else
			assert_int_equal(getrandom(random, sizeof random, 0), sizeof random);
		ed25519_public(ours, random);
		public_key_of_openssl(theirs, random);
		assert_memory_equal(ours, theirs, 32);
	}
}

/* Numbers around p and with full limbs, which random keys do not meet. */
static void numbers_are_packed_below_p(void **state)
{
	static const struct {
		uint64_t first, rest;
		uint8_t low, other, top;
	} rows[] = {
		{ LIMB - 18, LIMB, 0, 0, 0 },         /* p is 0 */
		{ LIMB - 17, LIMB, 1, 0, 0 },         /* p + 1 */
		{ LIMB - 19, LIMB, 0xec, 0xff, 0x7f },/* p - 1 */
		{ LIMB, LIMB, 18, 0, 0 },             /* 2^255 - 1 */
		{ 2 * (LIMB - 18), 2 * LIMB, 0, 0, 0 },
		{ 4 * (LIMB - 18), 4 * LIMB, 0, 0, 0 },
		{ 4 * (LIMB - 18) + 5, 4 * LIMB, 5, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct number a = { { rows[i].first, rows[i].rest, rows[i].rest, rows[i].rest, rows[i].rest } };
		uint8_t out[32];
		pack(out, a);
		assert_int_equal(out[0], rows[i].low);
		for (int k = 1; k < 31; k++)
			assert_int_equal(out[k], rows[i].other);
		assert_int_equal(out[31], rows[i].top);
	}
	struct number most = { { (1ull << 54) - 1, (1ull << 54) - 1, (1ull << 54) - 1, (1ull << 54) - 1, (1ull << 54) - 1 } };
	struct number inverse = invert(&most), one = mul(&most, &inverse);
	uint8_t out[32], wanted[32] = { 1 };
	pack(out, one);
	assert_memory_equal(out, wanted, 32);
}

static void parse(struct config *c, const char *text)
{
	char copy[4096];
	memset(c, 0, sizeof *c);
	snprintf(copy, sizeof copy, "%s", text);
	config_parse(c, copy);
}

static void command_line(void **state)
{
	struct config c;
	(void)state;
	parse(&c, "console=ttyS0 stoker.ip=172.16.0.2/12 stoker.gw=172.31.255.254 stoker.dns=1.2.3.4,5.6.7.8 quiet "
	          "stoker.host=quiet-otter stoker.key=c3NoLWVkMjU1MTkgQUFBQQo= stoker.disk=shared stoker.init=/sbin/init stoker.else=1\n");
	assert_int_equal(c.ip, 0xac100002);
	assert_int_equal(c.prefix, 12);
	assert_int_equal(c.gateway, 0xacfffffe - 0xe00000);
	assert_int_equal(c.dns[0], 0x01020304);
	assert_int_equal(c.dns[1], 0x05060708);
	assert_string_equal(c.host, "quiet-otter");
	assert_string_equal(c.key, "ssh-ed25519 AAAA");
	assert_int_equal(c.disk, DISK_SHARED);
	assert_string_equal(c.init, "/sbin/init");

	static const char *const bad[] = {
		"stoker.ip=1.2.3.4", "stoker.ip=1.2.3.4/", "stoker.ip=1.2.3.4/33", "stoker.ip=1.2.3.4/0", "stoker.ip=1.2.3/8",
		"stoker.ip=1.2.3.4/8x", "stoker.gw=x", "stoker.host=-x", "stoker.host=a/b", "stoker.host=a\x1b", "stoker.disk=none",
		"stoker.key=!!!!", "stoker.key=YQpi" /* two lines */, "stoker.key=AAAA", "stoker.ip=", "stoker.", "stoker.ip",
		"stoker.init=sbin/init", "stoker.init=/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"stoker.host=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		static const struct config none;
		parse(&c, bad[i]);
		c.prefix = 0;
		c.dns[0] = 0;
		memset(c.key + 1, 0, sizeof c.key - 1); /* what was decoded before the fault is cut off, not wiped */
		assert_memory_equal(&c, &none, sizeof c);
	}
	parse(&c, "stoker.dns=1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4,5.5.5.5");
	assert_int_equal(c.dns[2], 0x03030303);
}

static void base64(void **state)
{
	uint8_t data[64], back[64];
	char text[100];
	(void)state;
	for (size_t n = 0; n <= sizeof data; n++) {
		char theirs[100];
		assert_int_equal(getrandom(data, n, 0), n);
		assert_true(base64_encode(text, sizeof text, data, n));
		EVP_EncodeBlock((unsigned char *)theirs, data, (int)n);
		assert_string_equal(text, theirs);
		assert_int_equal(base64_decode(back, sizeof back, text), n);
		assert_memory_equal(back, data, n);
	}
	assert_int_equal(base64_decode(back, 2, "AAAA"), -1);
	assert_int_equal(base64_decode(back, sizeof back, "AA*A"), -1);
	assert_false(base64_encode(text, 4, data, 3));
}

static void lines(void **state)
{
	char dir[] = "/tmp/stoker-test-XXXXXX", path[64], text[256];
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/f", dir);
	assert_true(ensure_line(path, "one", 0600) && ensure_line(path, "one", 0600) && ensure_line(path, "on", 0600));
	read_file(path, text, sizeof text);
	assert_string_equal(text, "one\non\n");
	assert_true(write_file(path, "x\none two", 0600) && ensure_line(path, "one", 0600));
	read_file(path, text, sizeof text);
	assert_string_equal(text, "x\none two\none\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nowhere/else", path), 0);
	assert_false(write_file(path, "x", 0600)); /* links are not followed */
	assert_int_equal(unlink(path) | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_that_of_openssl), cmocka_unit_test(numbers_are_packed_below_p),
		cmocka_unit_test(command_line),           cmocka_unit_test(base64),
		cmocka_unit_test(lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
