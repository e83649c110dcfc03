# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the scripts about network tap start with, instead of lib.sh: a network
# namespace of their own, and helpers. No packet leaves the namespaces.

if [ -z "${STOKER_TEST_NETNS:-}" ] && [ "$(id -u)" = 0 ]; then
	STOKER_TEST_NETNS=1 exec unshare --net -- bash "$0" "$@"
fi
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need ip nft jq
[ -n "${STOKER_TEST_NETNS:-}" ] || skip 'network tap needs root'
[ -c /dev/net/tun ] || skip '/dev/net/tun is not here'
need_image
ip link set lo up

# A way out of the host, up0, that leads nowhere but to its own other end.
make_uplink() {
	ip link add up0 type veth peer name up1
	ip addr add 10.99.0.1/24 dev up0
	ip link set up0 up
	ip link set up1 up
	ip route add default via 10.99.0.2
}

# A way out of the host to another one, 10.99.0.2, whose process is $OTHER and which has the ADDRESSes too.
other_host() { # other_host [ADDRESS...]
	local address
	unshare --net -- sleep 900 &
	OTHER=$!
	wait_until 5 sh -c "[ \"\$(readlink /proc/$OTHER/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	ip link add up0 type veth peer name there0 netns $OTHER
	ip addr add 10.99.0.1/24 dev up0
	ip link set up0 up
	ip route add default via 10.99.0.2
	there ip link set lo up
	for address; do
		there ip addr add "$address/32" dev lo
	done
	there ip addr add 10.99.0.2/24 dev there0
	there ip link set there0 up
}
there() { nsenter --net="/proc/$OTHER/ns/net" -- "$@"; }

# Somebody else's rules.
make_rules_of_others() {
	nft -f - <<-'NFT'
		table ip theirs {
			chain c { type filter hook forward priority 10; policy accept; ip daddr 192.0.2.1 drop; }
		}
	NFT
}

# All of the host's network that a stoker could change, as text. Devices that have only now come up get more by and by.
host_network() {
	nft list ruleset
	ip -j link | jq -S 'map(del(.flags, .operstate))'
	ip -j -4 addr | jq -S 'map({ifname, addr: [.addr_info[]? | {local, prefixlen}]})'
	ip -4 route show table all | sed 's/ linkdown//'
	ip -4 neigh show nud permanent
	{ grep -r . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf 2>/dev/null || true; } | sort
}

expect_host_network() { # expect_host_network BEFORE WHEN
	host_network >"$T/now"
	diff <(printf '%s\n' "$1") "$T/now" >&2 || fail "the host's network is not as it was before ($2)"
}

device_of() {
	printf 'stk%.12s' "$(vm_field "$1" id)"
}

# Elements in the sets of the VMs.
elements() {
	nft -j list table inet stoker |
		jq '[.nftables[] | (.set // .map // empty) | select(.name != "seal" and .name != "forwarding") | .elem // [] | length] | add'
}
