#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A sandbox without a network under the real Firecracker: its whole life, and what goes wrong in it.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
use_own_image

check "create and start: Firecracker by its API, ready by the agent's hello over vsock"
new_vm a --backend firecracker --network none
ok stoker start a
ok stoker wait a
ok stoker inspect a --json
expect_equal "$(vm_field a accel)" kvm
pid=$(vm_field a pid)
expect_match "$(readlink "/proc/$pid/exe")" firecracker

check "exec over the channel"
ok stoker exec a -- sh -c 'uname -m; ls /sys/class/net'
expect_equal "$OUT" $'x86_64\nlo'

check "the guest's console is in its log"
ok stoker exec a -- sh -c 'echo said on the console >/dev/console'
sleep 0.5
ok stoker logs a
expect_match "$OUT" 'said on the console'

check "stop: the guest is asked, and ends by itself"
ok stoker stop a
ok stoker list --status stopped --format names
expect_equal "$OUT" a
expect_match "$(cat "$STOKER_STATE_DIR"/vms/*/console.log)" .
ok stoker start a
ok stoker exec a -- true

check "stop --force"
ok stoker stop --force a
ok stoker timings a
echo "$OUT"
ok stoker delete a

check "pause and resume; exec on a paused one says how it goes on; a paused one is stopped by its guest"
new_vm b --backend firecracker --network none
ok stoker start b
ok stoker wait b
ok stoker pause b
expect_equal "$(vm_field b status)" paused
expect_status 125 stoker exec b -- true
expect_match "$ERR" 'stoker resume b'
ok stoker resume b
ok stoker exec b -- echo on
expect_equal "$OUT" on
ok stoker pause b
ok stoker stop b --timeout 60
ok stoker logs b
expect_match "$OUT" 'reboot: Restarting'

check "an agent that cannot be asked: ctrl-alt-del makes the guest end by itself"
ok stoker start b
ok stoker wait b
supervisor=$(vm_field b supervisor_pid)
kill -STOP "$supervisor"
kill -KILL "$supervisor"
before=$SECONDS
ok stoker stop b --timeout 60
[ $((SECONDS - before)) -lt 30 ] || fail "it did not hear ctrl-alt-del: killed after $((SECONDS - before)) s"
expect_equal "$(vm_field b status)" stopped

check "supervisor killed: the VM goes on, the next command adopts it and exec works at once"
ok stoker start b
ok stoker wait b
pid=$(vm_field b pid)
kill -KILL "$(vm_field b supervisor_pid)"
ok stoker exec b -- echo adopted
expect_equal "$OUT" adopted
expect_equal "$(vm_field b pid)" "$pid"

check "the VMM killed: crashed, with its signal; started again"
kill -KILL "$pid"
ok stoker wait b --for stopped --timeout 20
expect_equal "$(vm_field b status)" crashed
ok stoker start b
ok stoker exec b -- true
ok stoker delete --force b

check "a bell that nobody heard: the guest rings again"
new_vm d --backend firecracker --network none
ok stoker start d
bell=$STOKER_RUNTIME_DIR/vms/$(vm_field d id)/vsock.sock_1024
mv "$bell" "$bell.away" # as the guest's connection finds nobody, its ring is lost
sleep 15 # long enough for it to boot and to ring
expect_equal "$(vm_field d ready)" false
mv "$bell.away" "$bell"
ok stoker wait d --timeout 60
ok stoker delete --force d

check "KVM taken away: a VM that was chosen for it starts under QEMU, and says why"
new_vm c --network none
expect_equal "$(vm_field c backend)" firecracker
mv /dev/kvm /dev/kvm.away
ok stoker start c
expect_equal "$(vm_field c backend)" qemu
expect_match "$(vm_field c choice)" 'Firecracker needs KVM'
ok stoker stop --force c
mv /dev/kvm.away /dev/kvm
ok stoker delete c
