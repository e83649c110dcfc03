#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The pools of addresses and ports under network tap: all 253 of the default
# pool, four at a time, and no one more; what a refusal leaves; and what a VM
# that comes back from the trash gets. No guest is booted.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
# In a namespace of its own the standard ports are free.
printf '[defaults]\negress = none\nnetwork = tap\nmemory_mib = 96\n' >"$STOKER_CONFIG"

network() {
	ok stoker network inspect --json
	jq -rc "$1" <<<"$OUT"
}
agree() {
	ok stoker reconcile --dry-run --json
	expect_equal "$(jq '.findings | length' <<<"$OUT")" 0 'findings'
}

check 'the trash: the address it had, or another when that is taken meanwhile'
ok stoker create a --publish 8080:80
ok stoker create b
expect_equal "$(vm_field a ip) $(vm_field a ssh_port)" '172.16.0.2 2200'
ok stoker delete a --trash
expect_equal "$(network .devices)" 1
agree
ok stoker trash restore a
expect_equal "$(vm_field a ip) $(vm_field a ssh_port)" '172.16.0.2 2200'
agree
expect_match "$(stoker network list)" "$(device_of a) +a +created +172\.16\.0\.2 +2200:22,8080:80 +sound"
ok stoker delete a --trash
ok stoker create thief
expect_equal "$(vm_field thief ip)" 172.16.0.2
ok stoker trash restore a
expect_equal "$(vm_field a ip) $(vm_field a ssh_port)" '172.16.0.4 2202'
expect_match "$(stoker network list)" "$(device_of a) +a +created +172\.16\.0\.4 +2202:22,8080:80 +sound"
agree
ok stoker delete a --trash

check 'a published port has one guest: a second one is refused, and left in the trash'
ok stoker create other --publish 8080:81
now=$(host_network)
expect_status 1 stoker create third --publish 9090:1 --publish 8080:82
expect_match "$ERR" 'port 8080 .*other already'
expect_status 1 stoker trash restore a
expect_match "$ERR" 'port 8080 .*other'
expect_host_network "$now" 'both were refused'
expect_equal "$(stoker trash list --quiet)" a
agree
ok stoker delete other
ok stoker trash restore a
ok stoker delete --all --yes
agree

check '253 creates, four at a time, no failure'
for i in {1..253}; do printf 'vm-%s\n' "$i"; done >"$T/names"
xargs -P 4 -n 1 "$STOKER_PROGRAM" create --quiet <"$T/names" >"$T/made" 2>"$T/failed" || fail "creates failed: $(cat "$T/failed")"
expect_equal "$(cat "$T/failed")" ''
expect_equal "$(sort "$T/made")" "$(sort "$T/names")"
ok stoker list --json
expect_equal "$(jq '[.[].ip] | unique | length' <<<"$OUT")" 253 'addresses'
expect_equal "$(jq '[.[].ssh_port] | unique | length' <<<"$OUT")" 253 'ports'
expect_equal "$(jq -r '[.[].ip] | sort_by(split(".") | map(tonumber)) | "\(first) \(last)"' <<<"$OUT")" '172.16.0.2 172.16.0.254'
expect_equal "$(network '[.rules, .devices, .elements, .addresses_used, .strays]')" '["sound",253,759,253,0]'
expect_equal "$(ip route show proto 83 | wc -l)" 253
agree

check 'the 254th is refused, and nothing of it is left'
now=$(host_network)
expect_status 1 stoker create one-more
expect_match "$ERR" 'all 253 addresses of the pool are in use.*network\.pool'
expect_status 3 stoker inspect one-more
expect_equal "$(find "$STOKER_STATE_DIR/vms" -mindepth 1 -maxdepth 1 | wc -l)" 253
expect_host_network "$now" 'a create was refused'
ok stoker delete vm-7
ok stoker create one-more
expect_status 1 stoker create two-more

check 'all deleted: nothing is left but the empty table'
ok stoker delete --all --yes
expect_equal "$(network '[.rules, .devices, .elements, .addresses_used, .strays]')" '["sound",0,0,0,0]'
expect_equal "$(ip -br link | grep -c stk || true)" 0
agree

check 'the ports run out before the addresses; a pool of one'
printf '[network]\nports = 3000-3001\n[defaults]\negress = none\nnetwork = tap\nmemory_mib = 96\n' >"$STOKER_CONFIG"
ok stoker create p q
expect_status 1 stoker create r
expect_match "$ERR" 'ports'
expect_equal "$(network '[.devices, .addresses_used, .ports_used]')" '[2,2,2]'
ok stoker delete p q
printf '[network]\npool = 10.80.0.7-10.80.0.7\n[defaults]\negress = none\nnetwork = tap\nmemory_mib = 96\n' >"$STOKER_CONFIG"
ok stoker create p
expect_equal "$(vm_field p ip) $(network .gateway)" '10.80.0.7 10.80.0.6'
expect_status 1 stoker create q
ok stoker delete p
