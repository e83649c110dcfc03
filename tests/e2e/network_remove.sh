#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# stoker network: what it shows, and that `remove` leaves the host's network as
# it was before the first VM. No guest is booted.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
need script
make_uplink
make_rules_of_others
before=$(host_network)

network() {
	ok stoker network inspect --json
	jq -rc "$1" <<<"$OUT"
}

check 'nothing yet'
ok stoker network list
expect_equal "$OUT" ''
expect_equal "$(network '[.rules, .devices, .elements, .forwarding, .ip_forward, .trouble]')" '["absent",0,0,[],false,null]'
ok stoker network remove --yes
expect_host_network "$before" 'nothing was there'

check 'list and inspect'
ok stoker create shut --network tap --memory 96
ok stoker create open --network tap --egress all --publish $((PORTS + 90)):80 --memory 96
ok stoker create plain --network user --backend qemu
ok stoker network list --json
expect_equal "$(jq -c 'map([.name, .status, .ip, .up, .missing])' <<<"$OUT")" \
	'[["shut","created","172.16.0.2",true,null],["open","created","172.16.0.3",true,null]]'
expect_equal "$(jq -c '.[1] | [.device, .ssh_port, .publish]' <<<"$OUT")" \
	"[\"$(device_of open)\",$(vm_field open ssh_port),[{\"host\":$((PORTS + 90)),\"guest\":80}]]"
ok stoker network list
expect_match "$OUT" "$(device_of open) +open +created +172\.16\.0\.3 +$(vm_field open ssh_port):22,$((PORTS + 90)):80 +sound"
ok stoker network list --quiet
expect_equal "$OUT" "$(device_of shut)"$'\n'"$(device_of open)"
expect_equal "$(network '[.rules, .devices, .foreign, .strays, .forwarding, .ip_forward, .addresses_used, .gateway]')" \
	'["sound",2,0,0,["up0"],false,3,"172.16.0.1"]'
expect_equal "$(cat /proc/sys/net/ipv4/conf/up0/forwarding)" 1 'forwarding of the way out'
ip link delete "$(device_of shut)"
ok stoker network list
expect_match "$OUT" 'shut .* missing: its device'
ok stoker reconcile --yes

check 'what is missing a right or a choice changes nothing'
now=$(host_network)
expect_status 2 stoker network remove
expect_match "$ERR" 'needs --yes'
ok stoker start open
expect_status 4 stoker network remove --yes
expect_match "$ERR" 'open runs with it.*--force'
printf 'no\n' | script -qec "'$STOKER_PROGRAM' network remove --force" "$T/asked" >/dev/null && fail 'a no was taken for a yes'
expect_match "$(cat "$T/asked")" '2 devices, the table of rules, forwarding of up0.*Remove the network of all VMs'
expect_status 5 setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$STOKER_PROGRAM" network remove --yes
expect_match "$ERR" 'CAP_NET_ADMIN'
expect_host_network "$now" 'it was refused'
expect_equal "$(vm_field open status)" running

check 'remove --force: the host is as it was; the VMs stay'
ok stoker network remove --yes --force --json
expect_equal "$(jq -c '[.devices, .stopped, .foreign, .table, .forwarding]' <<<"$OUT")" '[2,1,0,true,["up0"]]'
expect_host_network "$before" 'all was removed'
expect_equal "$(vm_field open status)" stopped
ok stoker network list
expect_match "$OUT" 'open +stopped .* missing: its device'
ok stoker doctor --json || true
expect_equal "$(jq -r '.checks[] | select(.name == "rules") | .result' <<<"$OUT")" ok

check 'the next start makes it again, the forwarding too'
ok stoker start open
expect_equal "$(network '[.rules, .devices, .forwarding]')" '["sound",1,["up0"]]'
ok stoker reconcile --yes
expect_equal "$(network .devices)" 2

check 'the table is flushed by somebody: what was turned on is still known'
nft delete table inet stoker
expect_equal "$(network '[.rules, .forwarding]')" '["absent",["up0"]]'
ok stoker network list
expect_match "$OUT" 'shut .* missing: the table of rules'
ok stoker reconcile --yes
expect_equal "$(network '[.rules, .forwarding]')" '["sound",["up0"]]'
expect_match "$(nft list set inet stoker forwarding)" 'up0'
nft delete table inet stoker
ok stoker network remove --yes --force
expect_match "$OUT" '^2 devices removed \(1 VM killed\); forwarding turned off for up0$'
expect_host_network "$before" 'it was removed without its table'

check 'somebody turned forwarding on for the whole host since: it stays on'
ok stoker start open
echo 1 >/proc/sys/net/ipv4/ip_forward
ok stoker network remove --yes --force --json
expect_equal "$(jq -c '[.devices, .table, .forwarding]' <<<"$OUT")" '[1,true,[]]'
expect_equal "$(cat /proc/sys/net/ipv4/conf/up0/forwarding)" 1
echo 0 >/proc/sys/net/ipv4/ip_forward
expect_host_network "$before" 'ip_forward was on meanwhile'

check 'what is left over goes too; what is not ours stays'
ok stoker create late --network tap --memory 96
ip tuntap add stk0123456789ab mode tap group 0
ip link set stk0123456789ab group 0x73746b
ip link set stk0123456789ab alias "stoker 0123456789abcdef $(cat "$STOKER_STATE_DIR/instance") $STOKER_STATE_DIR"
ip tuntap add stkfedcba987654 mode tap
ok stoker network list
expect_match "$OUT" 'stk0123456789ab +0123456789abcdef +no record .* left over'
expect_no_match "$OUT" 'stkfedcba987654'
ok stoker network remove --yes --json
expect_equal "$(jq -c '[.devices, .table]' <<<"$OUT")" '[2,true]'
expect_equal "$(ip -br link | grep -c stkfedcba987654)" 1 'a device without our tag'
ip link delete stkfedcba987654
expect_host_network "$before" 'leftovers were removed'

check 'of two stokers the one leaves what the other needs, and the last takes all'
printf '[network]\npool = 10.81.0.0/24\nports = %d-%d\n' $((PORTS + 40)) $((PORTS + 80)) >"$T/second.conf"
chmod 600 "$T/second.conf"
second() { stoker --state "$T/second" --config "$T/second.conf" "$@"; }
ok stoker start open
ok second create other --network tap --egress 10.99.0.0/24 --memory 96
expect_equal "$(network '[.devices, .foreign]')" '[1,1]'
# A port leads to one guest, whosever.
expect_status 4 stoker --state "$T/second" --config "$T/second.conf" create greedy --network tap --publish $((PORTS + 90)):80
expect_match "$ERR" "port $((PORTS + 90)) of 127\.0\.0\.1 leads to the guest 172\.16\.0\.3 already.*ports"
expect_equal "$(second list --quiet)" other
ok stoker network remove --yes --force
expect_match "$ERR" '1 device of other stokers is there'
expect_equal "$(network '[.rules, .devices, .foreign, .forwarding]')" '["sound",0,1,["up0"]]'
expect_equal "$(second network list --json | jq -c 'map([.name, .missing])')" '[["other",null]]'
ok second network remove --yes
expect_host_network "$before" 'both were removed'
ok second delete --all --yes
