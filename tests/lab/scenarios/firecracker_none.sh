#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A sandbox without a network under the real Firecracker: its whole life, and what goes wrong in it.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image

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
