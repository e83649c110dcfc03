/* SPDX-License-Identifier: Apache-2.0
 *
 * What a guest may reach, as people write it, as numbers, and as the elements
 * and messages that the kernel gets; and the names that follow from a VM's id.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/link.h"
#include "net/nft_read.h"

static enum stoker_status parse(struct net_policy *p, const char *egress, const char *publish, const char *allow)
{
	struct stoker_error err = { .code = STOKER_OK };
	enum stoker_status st = net_policy_parse(p, egress, publish, allow, &err);

	/* A refusal says what is allowed, and shows nothing that could harm a terminal. */
	if (st != STOKER_OK) {
		assert_int_equal(st, STOKER_E_INVALID);
		assert_int_equal(err.code, STOKER_E_INVALID);
		assert_null(strpbrk(err.why, "\n\033"));
	}
	return st;
}

/* ---- names */

static void names_of_an_id(void **state)
{
	char name[NET_NAME_SIZE], mac[NET_MAC_SIZE];

	(void)state;
	net_tap_name("0123456789abcdef", name);
	assert_string_equal(name, "stk0123456789ab");
	assert_int_equal(strlen(name), 15);
	net_mac("0123456789abcdef", mac);
	assert_string_equal(mac, "52:54:00:01:23:45");
	/* A shorter id, which no record has, is no harm. */
	net_tap_name("ab", name);
	assert_string_equal(name, "stkab");
}

static void owner_of_a_device(void **state)
{
	struct net_instance me = { .text = "00112233445566ff", .metric = 1 }, nobody = { .metric = 0 };
	struct net_link link = { .name = "stk0123456789ab", .alias = "stoker 0123456789abcdef 00112233445566ff /var/lib/stoker" };
	char id[STOKER_ID_SIZE];
	static const char *const strange[] = {
		"",
		"stoker",
		"stoker 0123456789abcdef",
		"stoker 0123456789abcdef 00112233445566fe /var/lib/stoker",  /* another instance */
		"stoker 0123456789abcdeff 00112233445566ff /var/lib/stoker", /* a digit too many */
		"stoker 0123456789abcde 00112233445566ff /var/lib/stoker",
		"stoker 0123456789ABCDEF 00112233445566ff /var/lib/stoker",
		"stoker fedcba9876543210 00112233445566ff /var/lib/stoker", /* renamed */
		"Stoker 0123456789abcdef 00112233445566ff /var/lib/stoker",
		"stoker 0123456789abcdef 00112233445566ffx",
	};

	(void)state;
	assert_true(link_owner(&link, &me, id));
	assert_string_equal(id, "0123456789abcdef");
	assert_false(link_owner(&link, &nobody, id));
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		snprintf(link.alias, sizeof link.alias, "%s", strange[i]);
		if (link_owner(&link, &me, id))
			fail_msg("taken for ours: %s", strange[i]);
	}
}

static void addresses(void **state)
{
	char text[16];
	uint32_t a;

	(void)state;
	assert_true(net_address("172.16.0.2", &a));
	assert_int_equal(a, 0xac100002);
	assert_string_equal(net_address_text(a, text), "172.16.0.2");
	assert_false(net_address("172.16.0", &a));
	assert_false(net_address("172.16.0.256", &a));
	assert_false(net_address("172.16.0.2/32", &a));
	assert_false(net_address("", &a));
}

/* ---- the policy */

static void what_is_understood(void **state)
{
	static const struct {
		const char *egress, *publish, *allow, *egress_text, *publish_text, *allow_text;
	} good[] = {
		{ NULL, NULL, NULL, "none", "", "" },
		{ "", "", "", "none", "", "" },
		{ "none", "", "", "none", "", "" },
		{ "all", "8080:80", "guests", "all", "8080:80", "guests" },
		{ "10.0.0.0/8", "1:65535,65535:1", "metadata,guests", "10.0.0.0/8", "1:65535,65535:1", "guests,metadata" },
		{ "192.168.7.5", "", "host:53", "192.168.7.5/32", "", "host:53" },
		{ "192.168.7.5/32,10.0.0.0/8", "", "host:53,host:443,host:53", "192.168.7.5/32,10.0.0.0/8", "", "host:53,host:443" },
		{ "0.0.0.0/0", "", "", "0.0.0.0/0", "", "" },
		{ "255.255.255.255", "", "", "255.255.255.255/32", "", "" },
		/* Blocks in blocks say nothing more, whichever comes first. */
		{ "10.1.0.0/16,10.0.0.0/8,10.2.3.4", "", "", "10.0.0.0/8", "", "" },
		{ "10.0.0.0/8,10.0.0.0/8", "", "", "10.0.0.0/8", "", "" },
		{ "10.0.0.0/9,10.128.0.0/9", "", "", "10.0.0.0/9,10.128.0.0/9", "", "" },
		/* The whole host includes each of its ports. */
		{ "none", "", "host:53,host", "none", "", "host" },
	};
	struct net_policy p, again;
	struct stoker_vm vm;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		memset(&vm, 0, sizeof vm);
		if (parse(&p, good[i].egress, good[i].publish, good[i].allow) != STOKER_OK)
			fail_msg("not understood: %s %s %s", good[i].egress, good[i].publish, good[i].allow);
		assert_true(net_policy_text(&p, &vm));
		assert_string_equal(vm.egress, good[i].egress_text);
		assert_string_equal(vm.publish, good[i].publish_text);
		assert_string_equal(vm.allow, good[i].allow_text);
		assert_true(net_policy_of(&vm, &again));
		assert_int_equal(again.cidr_count, p.cidr_count);
		assert_memory_equal(again.cidrs, p.cidrs, sizeof p.cidrs);
		assert_memory_equal(again.ports, p.ports, sizeof p.ports);
		assert_int_equal(again.open + 2 * again.guests + 4 * again.host + 8 * again.metadata,
		                 p.open + 2 * p.guests + 4 * p.host + 8 * p.metadata);
	}
}

static void what_is_refused(void **state)
{
	static const char *const egress[] = {
		"some", "ALL", "all,none", "all,10.0.0.0/8", "none,10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/",
		"10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/8,,10.0.0.0/9", ",10.0.0.0/8", "10.0.0", "010.0.0.0/8x", "10.0.0.0/08x", "::/0",
		"fe80::1", "example.org", "10.0.0.0-10.0.0.9", "10.0.0.0/8\n10.1.0.0/16", "10.0.0.0/8; flush ruleset", "}",
		"1.2.3.4/99999999999999999999", "\033[31m",
		"1.0.0.0/8000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
	};
	static const char *const publish[] = {
		"80", ":80", "80:", "0:80", "80:0", "65536:80", "80:65536", "-1:80", "8080:80:1", "8080:80 ", "8080;80", "a:b", ":", ",",
		"8080:80,8080:81", "8080:80,,8081:81", "80801:80", "+80:80", "0x50:80", "8080:80\n",
	};
	static const char *const allow[] = {
		"guest", "host:", "host:0", "host:65536", "host:http", "host:1:2", "HOST", "guests host", "metadata;", ",", "host:-1",
		"guests,,host", "all",
	};
	struct net_policy p;

	(void)state;
	for (size_t i = 0; i < sizeof egress / sizeof *egress; i++)
		if (parse(&p, egress[i], "", "") == STOKER_OK)
			fail_msg("egress understood: %s", egress[i]);
	for (size_t i = 0; i < sizeof publish / sizeof *publish; i++)
		if (parse(&p, "none", publish[i], "") == STOKER_OK)
			fail_msg("publish understood: %s", publish[i]);
	for (size_t i = 0; i < sizeof allow / sizeof *allow; i++)
		if (parse(&p, "none", "", allow[i]) == STOKER_OK)
			fail_msg("allow understood: %s", allow[i]);
}

/* As many as there is room for, and one more. */
static void how_many(void **state)
{
	static const struct {
		unsigned most;
		int what;
	} lists[] = { { NET_CIDRS_MAX, 0 }, { NET_PORTS_MAX, 1 }, { NET_HOST_PORTS_MAX, 2 } };
	struct net_policy p;
	struct stoker_vm vm;

	(void)state;
	for (size_t k = 0; k < 3; k++) {
		char text[512] = "";
		size_t at = 0;
		for (unsigned i = 0; i <= lists[k].most; i++) {
			const char *given[3] = { "none", "", "" };
			char one[32];
			if (k == 0)
				snprintf(one, sizeof one, "%s200.%u.0.0/16", i ? "," : "", i);
			else
				snprintf(one, sizeof one, "%s%s%u%s", i ? "," : "", k == 1 ? "" : "host:", 6000 + i, k == 1 ? ":5000" : "");
			at += (size_t)snprintf(text + at, sizeof text - at, "%s", one);
			given[lists[k].what] = text;
			assert_int_equal(parse(&p, given[0], given[1], given[2]), i < lists[k].most ? STOKER_OK : STOKER_E_INVALID);
			if (i < lists[k].most)
				assert_true(net_policy_text(&p, &vm));
		}
	}
	/* The longest texts fit the record. */
	assert_int_equal(parse(&p, "200.100.100.100,200.100.100.101,200.100.100.102,200.100.100.103,200.100.100.104,200.100.100.105,"
	                           "200.100.100.106,200.100.100.107,200.100.100.108,200.100.100.109,200.100.100.110,200.100.100.111",
	                       "", ""), STOKER_OK);
	assert_true(net_policy_text(&p, &vm));
}

static void published(void **state)
{
	struct net_policy p;

	(void)state;
	assert_int_equal(parse(&p, "none", "8080:80,8443:443", ""), STOKER_OK);
	assert_true(net_publishes(&p, 8080));
	assert_true(net_publishes(&p, 8443));
	assert_false(net_publishes(&p, 80));
	assert_false(net_publishes(&p, 0));
}

/* ---- what the kernel gets */

static void hex(char *out, size_t cap, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	out[0] = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, cap - 2 * i, "%02x", p[i]);
}

static void vm_with_everything(struct vm_record *rec, struct net_policy *policy)
{
	memset(rec, 0, sizeof *rec);
	memcpy(rec->vm.id, "0123456789abcdef", sizeof rec->vm.id);
	strncpy(rec->vm.ip, "172.16.0.2", sizeof rec->vm.ip - 1);
	rec->vm.ssh_port = 2200;
	rec->vm.network = STOKER_NET_TAP;
	assert_int_equal(parse(policy, "10.0.0.0/8,192.168.7.5", "8080:80", "guests,host:53,metadata"), STOKER_OK);
}

static void elements_of_a_vm(void **state)
{
	/* SET KEY [-LAST] [: DATA] */
	static const char *const want[] = {
		"guest 73746b30313233343536373839616200" "5254000123450000" "ac100002",
		"address ac100002",
		"egress ac1000020a000000 - ac1000020affffff",
		"egress ac100002c0a80705 - ac100002c0a80705",
		"peers ac100002",
		"host_port ac1000020600000000350000",
		"host_port ac1000021100000000350000",
		"metadata ac100002",
		"ports 0898 : ac10000200160000",
		"ports 1f90 : ac10000200500000",
	};
	struct nft_element e[NFT_VM_MAX];
	struct net_policy policy;
	struct vm_record rec;
	char key[80], last[80], data[80], line[300], device[NET_NAME_SIZE];
	size_t n;

	(void)state;
	vm_with_everything(&rec, &policy);
	n = nft_elements_of(&rec, &policy, e);
	assert_int_equal(n, sizeof want / sizeof *want);
	for (size_t i = 0; i < n; i++) {
		const struct nft_layout *l = &nft_layouts[e[i].set];
		hex(key, sizeof key, e[i].key, nft_fields_size(l->key));
		hex(last, sizeof last, e[i].end, nft_fields_size(l->key));
		hex(data, sizeof data, e[i].data, nft_fields_size(l->data));
		snprintf(line, sizeof line, "%s %s%s%s%s%s", l->name, key, l->interval ? " - " : "", l->interval ? last : "",
		         l->data[0] ? " : " : "", data);
		assert_string_equal(line, want[i]);
		assert_int_equal(nft_element_guest(&e[i]), 0xac100002);
	}
	nft_element_device(&e[0], device);
	assert_string_equal(device, "stk0123456789ab");
	nft_element_device(&e[1], device);
	assert_string_equal(device, "");
	/* Egress all and the whole host are one element each; without an address there is nothing. */
	assert_int_equal(parse(&policy, "all", "", "host"), STOKER_OK);
	rec.vm.ssh_port = 0;
	n = nft_elements_of(&rec, &policy, e);
	assert_int_equal(n, 4);
	assert_int_equal(e[2].set, NFT_SET_OPEN);
	assert_int_equal(e[3].set, NFT_SET_HOST);
	rec.vm.ip[0] = '\0';
	assert_int_equal(nft_elements_of(&rec, &policy, e), 0);
}

static void the_most_a_vm_can_have(void **state)
{
	struct nft_element e[NFT_VM_MAX];
	struct net_policy policy = { .open = true, .guests = true, .host = true, .metadata = true, .cidr_count = NET_CIDRS_MAX,
		                     .host_port_count = NET_HOST_PORTS_MAX, .port_count = NET_PORTS_MAX };
	struct vm_record rec;
	struct net_policy other;

	(void)state;
	vm_with_everything(&rec, &other);
	assert_true(nft_elements_of(&rec, &policy, e) <= NFT_VM_MAX);
}

static void messages(void **state)
{
	/* Length, type (nf_tables), flags, number, address; family, version; then table, set, and the element in it. */
	static const char want[] =
		/* NEWSETELEM: ports { 2200 : 172.16.0.2 . 22 } */
		"50000000" "0c0a" "0104" "00000000" "00000000" "01000000" "0b000100" "73746f6b65720000" "0a000200" "706f727473000000"
		"24000380" "20000180" "0c000180" "06000100" "08980000" "10000280" "0c000100" "ac10000200160000"
		/* DELSETELEM: peers { 172.16.0.2 } */
		"40000000" "0e0a" "0100" "00000000" "00000000" "01000000" "0b000100" "73746f6b65720000" "0a000200" "7065657273000000"
		"14000380" "10000180" "0c000180" "08000100" "ac100002"
		/* DELTABLE */
		"20000000" "020a" "0100" "00000000" "00000000" "01000000" "0b000100" "73746f6b65720000";
	struct nft_change change = { 0 };
	struct nft_element e[NFT_VM_MAX];
	struct net_policy policy;
	struct vm_record rec;
	char got[1024];

	(void)state;
	vm_with_everything(&rec, &policy);
	nft_elements_of(&rec, &policy, e);
	nft_add(&change, &e[8]);
	assert_false(change.deletes);
	nft_delete(&change, &e[4]);
	assert_true(change.deletes);
	nft_drop_table(&change);
	assert_false(change.failed);
	assert_true(change.len * 2 < sizeof got);
	hex(got, sizeof got, change.data, change.len);
	assert_string_equal(got, want);
	nft_change_free(&change);
}

static void a_port_that_is_taken(void **state)
{
	struct nft_element items[2], e[NFT_VM_MAX];
	struct nft_view view = { .items = items, .count = 2 };
	struct net_policy policy;
	struct vm_record rec;
	uint32_t guest = 0;

	(void)state;
	vm_with_everything(&rec, &policy);
	nft_elements_of(&rec, &policy, e);
	memcpy(&items[0], &e[0], sizeof e[0]);
	memcpy(&items[1], &e[8], sizeof e[8]);
	assert_false(nft_port_taken(&view, &e[8], &guest)); /* its own */
	items[1].data[3] = 9;
	assert_true(nft_port_taken(&view, &e[8], &guest));
	assert_int_equal(guest, 0xac100009);
	assert_false(nft_port_taken(&view, &e[9], &guest));
	assert_false(nft_port_taken(&view, &e[0], &guest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_an_id),
		cmocka_unit_test(owner_of_a_device),
		cmocka_unit_test(addresses),
		cmocka_unit_test(what_is_understood),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(how_many),
		cmocka_unit_test(published),
		cmocka_unit_test(elements_of_a_vm),
		cmocka_unit_test(the_most_a_vm_can_have),
		cmocka_unit_test(messages),
		cmocka_unit_test(a_port_that_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
