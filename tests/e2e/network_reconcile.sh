#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What the host has lost of network tap, and what it has too much: each made to
# happen, found by name, mended by one reconcile, and nothing else touched. No
# guest is booted.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
need sqlite3
make_uplink
make_rules_of_others

found() { # found KIND SUBJECT DETAIL: this is the one finding
	ok stoker reconcile --dry-run --json
	expect_equal "$(jq -r '.findings[] | "\(.kind) \(.subject)"' <<<"$OUT")" "$1 $2"
	expect_match "$(jq -r '.findings[0].detail' <<<"$OUT")" "$3"
}
mended() { # mended WHAT: one reconcile, and the network is as it was
	ok stoker reconcile --yes
	ok stoker reconcile --dry-run --json
	expect_equal "$(jq '.findings | length' <<<"$OUT")" 0 "findings after $1"
	expect_host_network "$whole" "$1"
}
# A device made anew has other numbers and a MAC of its own.
eval "$(declare -f host_network | sed '1s/host_network/host_network_exactly/')"
host_network() {
	host_network_exactly | grep -v -e '"ifindex":' -e '"address": "' |
		sed -E 's/^(local 172.16.0.1 dev) stk\w+/\1 STK/; s/0x[0-9a-f]{8}, 0x[0-9a-f]{8}/SEAL/' | sort
}

ok stoker create a --network tap --egress all --publish $((PORTS + 90)):80 --memory 96
ok stoker create b --network tap --egress 10.99.0.0/24 --allow guests --memory 96
ok stoker start b
a=$(device_of a) b=$(device_of b)
whole=$(host_network)
ok stoker reconcile --dry-run --json
expect_equal "$(jq '.findings | length' <<<"$OUT")" 0

check 'the table as the kernel has it, with all that a VM can have in it: tests/golden/network_table.json'
ok stoker create full --network tap --egress 10.98.0.0/16,192.0.2.7 --publish 8080:80 --allow guests --allow host --allow metadata --memory 96
id=$(vm_field full id)
table=$(nft -j list table inet stoker | sed -e "s/$(device_of full)/FULL/g; s/52:54:00:${id:0:2}:${id:2:2}:${id:4:2}/FULL-MAC/g" -e "s/$a/A/g; s/$b/B/g" \
	-e "s/\b$(vm_field full ssh_port)\b/FULL-PORT/; s/\b$(vm_field a ssh_port)\b/A-PORT/; s/\b$(vm_field b ssh_port)\b/B-PORT/; s/\b$((PORTS + 90))\b/A-PUBLISHED/" |
	sed -E 's/52:54:00(:[0-9a-f]{2}){3}/MAC/g; s/(FULL|A|B)-(PORT|PUBLISHED)/"&"/g' |
	jq -cS '.nftables[] | select(.metainfo | not) | del(.. | .handle?) | if .set.name == "seal" then .set.elem = "SEAL" else . end
		| if .set.elem? and (.set.elem | type) == "array" then .set.elem |= sort else . end | if .map.elem? then .map.elem |= sort else . end')
golden=$SOURCE_DIR/tests/golden/network_table.json
[ -z "${STOKER_GOLDEN_UPDATE:-}" ] || printf '%s\n' "$table" >"$golden"
diff "$golden" <(printf '%s\n' "$table") >&2 || fail 'the table is another one; look at it, and when it is right: STOKER_GOLDEN_UPDATE=1'
ok stoker delete full

check 'lost_network: the device, its route, its state, one rule'
ip link delete "$a"
found lost_network a 'its device is not there'
mended 'the device'
ip route delete 172.16.0.2 dev "$a"
found lost_network a 'its route is not there'
mended 'the route'
ip link set "$a" down
found lost_network a 'its route'
mended 'a device that was down'
ip addr flush dev "$a"
found lost_network a 'its route'
mended 'the address'
nft delete element inet stoker ports "{ $((PORTS + 90)) }"
found lost_network a 'rules of its own are not there'
mended 'a rule'
ip link delete "$b"
ok stoker reconcile --dry-run
expect_match "$OUT" 'b .*the running guest gets it by a stop and a start'
ok stoker reconcile --yes
ok stoker stop b --force
ok stoker start b
expect_host_network "$whole" 'the device of a running guest'

ip link set "$a" group default # then no rule would hold for it
found lost_network a 'its device is not there'
mended 'a device in another group'

check 'lost_network: another way out, as when a laptop changes networks, while a guest runs'
ip link add up2 type veth peer name up3
ip addr add 10.96.0.1/24 dev up2
ip link set up2 up
ip link set up3 up
ok stoker reconcile --dry-run # b may reach 10.99.0.0/24 only
ip route add 10.99.0.128/25 via 10.96.0.2
found lost_network b 'the forwarding of its way out is not there'
ok stoker network list
expect_match "$OUT" ' b .* missing: the forwarding of its way out'
ok stoker reconcile --yes
expect_equal "$(cat /proc/sys/net/ipv4/conf/up2/forwarding)" 1
expect_equal "$(stoker network inspect --json | jq -c '.forwarding | sort')" '["up0","up2"]'
ip link delete up2
nft delete element inet stoker forwarding '{ "up2" }'
mended 'a way out that came and went'

check 'lost_rules: the table, one rule less, one rule more, another policy'
nft delete table inet stoker
found lost_rules 'table stoker' 'is gone'
mended 'the table'
expect_match "$(stoker doctor --json | jq -r '.checks[] | select(.name == "rules") | .result')" ok
nft delete rule inet stoker input handle "$(nft -a list chain inet stoker input | sed -n 's/.*reject.*# handle //p')"
found lost_rules 'table stoker' 'not as it was made'
mended 'a rule less'
nft insert rule inet stoker source accept
found lost_rules 'table stoker' 'not as it was made'
mended 'a rule more'
nft add chain inet stoker forward '{ policy drop; }'
found lost_rules 'table stoker' 'not as it was made'
mended 'another policy'
nft delete element inet stoker seal "{ $(nft -j list set inet stoker seal | jq -r '.. | .elem? // empty | .[0]') }"
found lost_rules 'table stoker' 'not as it was made'
mended 'a broken seal'
nft delete table inet stoker
nft add table inet stoker
nft add set inet stoker guest '{ type ipv4_addr; }'
ok stoker reconcile --yes
expect_host_network "$whole" 'a table of another version'

check 'after a restart of the host all of it is gone: one reconcile'
nft delete table inet stoker
ip link delete "$a"
ip link delete "$b"
echo 0 >/proc/sys/net/ipv4/conf/up0/forwarding
rm -f "$STOKER_STATE_DIR/forwarding"
ok stoker stop b --force
ok stoker reconcile --dry-run --json
expect_equal "$(jq -r '[.findings[] | "\(.kind) \(.subject)"] | join(", ")' <<<"$OUT")" 'lost_network a, lost_network b'
mended 'a restart'
ok stoker start b

check 'orphan_tap: a device whose VM has no record any more'
forget() {
	sqlite3 "$STOKER_STATE_DIR/store.db" "PRAGMA foreign_keys=ON; DELETE FROM vm WHERE name='$1'"
}
ok stoker create gone --network tap --egress all --memory 96
gone=$(device_of gone) gone_id=$(vm_field gone id)
forget gone
rm -r "$STOKER_STATE_DIR/vms/$gone_id"
found orphan_tap "$gone" "$gone_id, which has no record"
mended 'an orphan'
# With its folder it is one finding, and goes with it.
ok stoker create gone --network tap --egress all --memory 96
gone_id=$(vm_field gone id)
forget gone
found orphan_dir "$(stoker reconcile --dry-run --json | jq -r '.findings[0].subject')" .
mended 'an orphan with its folder'

check 'orphan_rules: rules whose device is gone'
ok stoker create gone --network tap --egress 10.98.0.0/16 --allow host:53 --memory 96
gone=$(device_of gone) gone_id=$(vm_field gone id)
forget gone
rm -r "$STOKER_STATE_DIR/vms/$gone_id"
ip link delete "$gone"
found orphan_rules 172.16.0.4 'rules for the address 172.16.0.4, but no device'
mended 'orphaned rules'

check 'a VMM that died and a device that went, together: one reconcile'
kill -9 "$(vm_field b pid)"
ok stoker wait b --for stopped --timeout 10
ip link delete "$b"
ok stoker reconcile --yes
ok stoker reconcile --dry-run --json
expect_equal "$(jq '.findings | length' <<<"$OUT")" 0
expect_host_network "$whole" 'both'

check 'what is not ours is no finding and stays: a name like ours, an alias of another stoker, another table'
ip tuntap add stkdeadbeefdead mode tap
ip tuntap add stkfedcba987654 mode tap
ip link set stkfedcba987654 group 0x73746b
ip link set stkfedcba987654 alias "stoker fedcba9876543210 0000000000000000 /elsewhere"
ok stoker reconcile --yes
ok stoker delete --all --force --yes
expect_equal "$(ip -br link | grep -c '^stk')" 2
ip link delete stkdeadbeefdead
ip link delete stkfedcba987654
