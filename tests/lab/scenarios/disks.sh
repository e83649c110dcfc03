#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The disk modes on the real Firecracker: two VMs write the same file and find
# their own again after a restart; shared leaves nothing, to nobody; a copy of a
# foreign root runs with its own init and without an agent.
export STOKER_TEST_DEFAULTS='backend = firecracker\nnetwork = none\n'
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
use_own_image

in_guest() {
	local vm=$1
	shift
	stoker exec "$vm" -- sh -c "$*"
}

digest() {
	sha256sum "$(vm_field a paths.base)" | cut -d' ' -f1
}

check "isolated: two VMs, one file, each its own, kept over a restart"
new_vm a --disk 128
base=$(digest)
new_vm b
ok stoker start a b
ok stoker wait a --for ready
ok stoker wait b --for ready
in_guest a 'test ! -e /root/file && echo of a >/root/file; rm /etc/hostname; sync'
in_guest b 'test ! -e /root/file && echo of b >/root/file; test -e /etc/hostname; sync'
size=$(in_guest a 'df -k / | tail -1' | awk '{ print $2 }')
{ [ "$size" -gt 90000 ] && [ "$size" -lt 131072 ]; } || fail "a disk of 128 MiB shows $size KiB"
ok stoker stop --force a
ok stoker stop b
ok stoker start a b
ok stoker wait a --for ready
ok stoker wait b --for ready
expect_equal "$(in_guest a 'cat /root/file')" 'of a'
expect_equal "$(in_guest b 'cat /root/file')" 'of b'
ok stoker delete --force b

check "shared: nothing of one is seen by the other, nor after a restart, and there is no disk"
new_vm s --disk-mode shared
new_vm t --disk-mode shared
expect_no_file "$STOKER_STATE_DIR/vms/$(vm_field s id)/disk.ext4"
ok stoker start s t
ok stoker wait s --for ready
ok stoker wait t --for ready
in_guest s 'echo gone >/root/file; sync'
in_guest t 'test ! -e /root/file'
ok stoker delete --force t
ok stoker stop s
ok stoker start s
ok stoker wait s --for ready
in_guest s 'test ! -e /root/file'
expect_equal "$(digest)" "$base" "the image that all share"
ok stoker delete --force s a

check "copy: a foreign root on TAP, ready when its SSH server speaks, asked to go down over SSH, kept"
new_vm f --image foreign --network tap --disk 200
expect_equal "$(vm_field f disk_mode) $(vm_field f agent)" 'copy false'
ok stoker start f
ok stoker wait f --for ready
expect_status 125 stoker exec f -- true
expect_match "$ERR" 'none was recorded'
key=$(stoker host-key f --quiet)
stoker logs f | grep -qF "Fingerprint: $key" || fail 'the console says another key'
ok stoker host-key f --accept "$key"
expect_match "$(stoker exec f -- sh -c 'cat /proc/1/comm; echo kept >/root/file; df -m / | tail -n 1')" $'^init\n.* 1[5-9][0-9] '
before=$SECONDS
ok stoker stop f --timeout 40
[ $((SECONDS - before)) -lt 30 ] || fail 'it was killed'
expect_match "$(stoker logs f | tail -n 8)" 'foreign init: going down'
ok stoker start f --wait
expect_equal "$(stoker exec f -- cat /root/file)" kept
