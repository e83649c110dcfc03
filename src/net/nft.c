/* SPDX-License-Identifier: Apache-2.0
 *
 * nft.c - the table of rules: its text, what a VM has in its sets, and making it.
 *
 * The text is in nft's own language, not JSON, which `nft -j` reads as well: it
 * is how rules are read and reviewed. It is the same for every host and VM.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../error.h"
#include "nft_read.h"

enum { NFT_WAIT_MS = 20000 };

/* ---- the rules */

/* G is the device group of our TAPs (link.h). Sets and chains first, as adding them twice is nothing; then all rules
 * are flushed and made anew, in the same transaction. Priority -100 is dstnat, a name nft does not know in `output`. */
#define G "0x73746b"
static const char sets_and_chains[] =
	"table inet stoker {\n"
	" set seal { type mark; }\n"
	" set guest { type ifname . ether_addr . ipv4_addr; }\n"
	" set address { type ipv4_addr; }\n"
	" set open { type ipv4_addr; }\n"
	" set egress { type ipv4_addr . ipv4_addr; flags interval; }\n"
	" set peers { type ipv4_addr; }\n"
	" set host { type ipv4_addr; }\n"
	" set host_port { type ipv4_addr . inet_proto . inet_service; }\n"
	" set metadata { type ipv4_addr; }\n"
	" map ports { type inet_service : ipv4_addr . inet_service; }\n"
	" set forwarding { type ifname; }\n"
	" chain source { type filter hook prerouting priority raw; policy accept; }\n"
	" chain input { type filter hook input priority filter; policy accept; }\n"
	" chain leaving { }\n"
	" chain forward { type filter hook forward priority filter; policy accept; }\n"
	" chain output { type nat hook output priority -100; policy accept; }\n"
	" chain postrouting { type nat hook postrouting priority srcnat; policy accept; }\n"
	"}\n";
static const char rules[] =
	"flush table inet stoker\n"
	"flush set inet stoker seal\n"
	"table inet stoker {\n"
	/* A guest is who its device says; the host's loopback is no destination that comes over a wire. */
	" chain source {\n"
	"  iifgroup != " G " accept\n"
	"  meta nfproto != ipv4 drop\n"
	"  iifname . ether saddr . ip saddr != @guest drop\n"
	"  ip daddr 127.0.0.0/8 drop\n"
	" }\n"
	/* To the host itself. */
	" chain input {\n"
	"  iifgroup != " G " accept\n"
	"  ct state established,related accept\n"
	"  ip daddr 169.254.0.0/16 ip saddr @metadata accept\n"
	"  ip daddr != 169.254.0.0/16 ip saddr @host accept\n"
	"  ip daddr != 169.254.0.0/16 ip saddr . meta l4proto . th dport @host_port accept\n"
	"  reject with icmpx admin-prohibited\n"
	" }\n"
	/* From a guest to others: guests only when both agree, and never by a wide egress. */
	" chain leaving {\n"
	"  ct state established,related accept\n"
	"  oifgroup " G " ip saddr @peers ip daddr @peers accept\n"
	"  oifgroup " G " reject with icmpx admin-prohibited\n"
	"  ip daddr 169.254.0.0/16 ip saddr @metadata accept\n"
	"  ip daddr 169.254.0.0/16 reject with icmpx admin-prohibited\n"
	"  ip saddr @open accept\n"
	"  ip saddr . ip daddr @egress accept\n"
	"  reject with icmpx admin-prohibited\n"
	" }\n"
	" chain forward {\n"
	"  iifgroup " G " goto leaving\n"
	"  oifgroup != " G " accept\n"
	"  ct state established,related accept\n"
	"  drop\n"
	" }\n"
	" chain output {\n"
	"  ip daddr 127.0.0.1 dnat ip to tcp dport map @ports\n"
	" }\n"
	/* The guest answers to what it can reach: the gateway. Others answer to the host. */
	" chain postrouting {\n"
	"  oifgroup " G " ip saddr 127.0.0.0/8 masquerade\n"
	"  oifgroup != " G " ip saddr @address masquerade\n"
	" }\n"
	"}\n";

/* ---- the sets: of which fields a key is made */

/* n a device's name, e a MAC, a an address, p a protocol, s a port; each fills whole words of four bytes. */
const struct nft_layout nft_layouts[NFT_SET_COUNT] = {
	[NFT_SET_GUEST] = { "guest", "nea", "", false },
	[NFT_SET_ADDRESS] = { "address", "a", "", false },
	[NFT_SET_OPEN] = { "open", "a", "", false },
	[NFT_SET_EGRESS] = { "egress", "aa", "", true },
	[NFT_SET_PEERS] = { "peers", "a", "", false },
	[NFT_SET_HOST] = { "host", "a", "", false },
	[NFT_SET_HOST_PORT] = { "host_port", "aps", "", false },
	[NFT_SET_METADATA] = { "metadata", "a", "", false },
	[NFT_SET_PORTS] = { "ports", "s", "as", false },
	[NFT_SET_FORWARDING] = { "forwarding", "n", "", false },
};

static size_t field_size(char kind)
{
	return kind == 'n' ? 16 : kind == 'e' ? 8 : 4;
}

/* A port alone is not filled up. */
size_t nft_fields_size(const char *fields)
{
	size_t n = 0;
	if (strcmp(fields, "s") == 0)
		return 2;
	for (; *fields; fields++)
		n += field_size(*fields);
	return n;
}

static void put_address(uint8_t *at, uint32_t address)
{
	address = htonl(address);
	memcpy(at, &address, 4);
}

static uint32_t get_address(const uint8_t *at)
{
	uint32_t address;
	memcpy(&address, at, 4);
	return ntohl(address);
}

static void put_port(uint8_t *at, uint16_t port)
{
	at[0] = (uint8_t)(port >> 8);
	at[1] = (uint8_t)port;
}

/* ---- the elements of a VM */

static struct nft_element *put(struct nft_element *out, size_t *n, enum nft_set set)
{
	struct nft_element *e = &out[(*n)++];
	memset(e, 0, sizeof *e);
	e->set = set;
	return e;
}

static void put_guest(struct nft_element *out, size_t *n, enum nft_set set, uint32_t ip)
{
	put_address(put(out, n, set)->key, ip);
}

static void put_port_map(struct nft_element *out, size_t *n, uint16_t host, uint32_t ip, uint16_t guest)
{
	struct nft_element *e = put(out, n, NFT_SET_PORTS);
	put_port(e->key, host);
	put_address(e->data, ip);
	put_port(e->data + 4, guest);
}

size_t nft_elements_of(const struct vm_record *rec, const struct net_policy *policy, struct nft_element out[NFT_VM_MAX])
{
	const struct stoker_vm *vm = &rec->vm;
	struct nft_element *e;
	unsigned mac[6] = { 0 };
	char text[NET_MAC_SIZE], name[NET_NAME_SIZE];
	uint32_t ip;
	size_t n = 0;

	if (!net_address(vm->ip, &ip))
		return 0;
	net_tap_name(vm->id, name);
	net_mac(vm->id, text);
	sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]);
	e = put(out, &n, NFT_SET_GUEST);
	memcpy(e->key, name, strnlen(name, 15));
	for (int i = 0; i < 6; i++)
		e->key[16 + i] = (uint8_t)mac[i];
	put_address(e->key + 24, ip);
	put_guest(out, &n, NFT_SET_ADDRESS, ip);
	if (policy->open)
		put_guest(out, &n, NFT_SET_OPEN, ip);
	for (size_t i = 0; i < policy->cidr_count; i++) {
		const struct net_cidr *c = &policy->cidrs[i];
		e = put(out, &n, NFT_SET_EGRESS);
		put_address(e->key, ip);
		put_address(e->key + 4, c->base);
		put_address(e->end, ip);
		put_address(e->end + 4, c->base | (c->bits ? (uint32_t)(0xffffffffULL >> c->bits) : UINT32_MAX));
	}
	if (policy->guests)
		put_guest(out, &n, NFT_SET_PEERS, ip);
	if (policy->host)
		put_guest(out, &n, NFT_SET_HOST, ip);
	for (size_t i = 0; i < 2 * policy->host_port_count; i++) {
		e = put(out, &n, NFT_SET_HOST_PORT);
		put_address(e->key, ip);
		e->key[4] = i % 2 ? IPPROTO_UDP : IPPROTO_TCP;
		put_port(e->key + 8, policy->host_ports[i / 2]);
	}
	if (policy->metadata)
		put_guest(out, &n, NFT_SET_METADATA, ip);
	if (vm->ssh_port)
		put_port_map(out, &n, vm->ssh_port, ip, 22);
	for (size_t i = 0; i < policy->port_count; i++)
		put_port_map(out, &n, policy->ports[i].host, ip, policy->ports[i].guest);
	return n;
}

void nft_element_forwarding(const char *device, struct nft_element *out)
{
	memset(out, 0, sizeof *out);
	out->set = NFT_SET_FORWARDING;
	memcpy(out->key, device, strnlen(device, 15));
}

uint32_t nft_element_guest(const struct nft_element *e)
{
	switch (e->set) {
	case NFT_SET_GUEST:
		return get_address(e->key + 24);
	case NFT_SET_PORTS:
		return get_address(e->data);
	case NFT_SET_FORWARDING:
		return 0;
	default:
		return get_address(e->key);
	}
}

void nft_element_device(const struct nft_element *e, char out[NET_NAME_SIZE])
{
	bool has = e->set == NFT_SET_GUEST || e->set == NFT_SET_FORWARDING;
	snprintf(out, NET_NAME_SIZE, "%.15s", has ? (const char *)e->key : "");
}

/* ---- making the table */

static enum stoker_status nft_run(const char *text, size_t len, struct stoker_error *err)
{
	static const char *const argv[] = { "nft", "-f", "-", NULL };
	struct stoker_call call = STOKER_CALL_INIT;
	enum stoker_status st;
	call.timeout_ms = NFT_WAIT_MS;
	st = process_run_input(argv, NULL, text, len, &call, NULL, NULL, err);
	if (st == STOKER_E_MISSING)
		error_fix(err, "Install it: apt-get install nftables; or use --network user");
	return st;
}

uint32_t nft_text_hash(void)
{
	return nft_hash(nft_hash(NFT_HASH_START, sets_and_chains, sizeof sets_and_chains), rules, sizeof rules);
}

static enum stoker_status make_table(bool anew, struct stoker_error *err)
{
	char text[sizeof sets_and_chains + sizeof rules + 64];
	int len = snprintf(text, sizeof text, "%s%s%s", anew ? "table inet stoker\ndelete table inet stoker\n" : "",
	                   sets_and_chains, rules);
	return nft_run(text, (size_t)len, err);
}

enum stoker_status nft_restore(struct net_filter *filter, struct nft_change *change, struct stoker_error *err)
{
	struct nft_change all = { 0 };
	uint32_t hash;
	bool there;
	enum stoker_status st = make_table(false, NULL);

	/* A set of another kind, as another version of stoker has it, cannot become ours. */
	if (st != STOKER_OK)
		st = make_table(true, err);
	/* The seal is put on what the kernel now says of the rules. Until the elements are there, guests are shut in. */
	if (st == STOKER_OK)
		st = nft_rules_hash(filter, &hash, &there, err);
	if (st == STOKER_OK) {
		nft_seal(&all, hash, nft_text_hash());
		nft_append(&all, change);
		st = nft_commit(filter, &all, err);
	}
	nft_change_free(change);
	return st;
}
