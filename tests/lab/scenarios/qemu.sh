#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A VM's whole life under QEMU with KVM, by the command line, with its phases;
# once on QEMU's own network, once on a TAP.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image

check "create and start: KVM is chosen, and why is kept"
new_vm a --backend qemu
ok stoker start a --wait
ok stoker inspect a --json
expect_equal "$(vm_field a accel)" kvm
expect_match "$(vm_field a choice)" 'kvm: a 64-bit guest ran'
pid=$(vm_field a pid)
line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
expect_match "$line" '-accel kvm -cpu host'

check "exec over the channel and over SSH"
ok stoker exec a -- sh -c 'uname -m; cat /proc/cpuinfo | grep -m1 "model name"; dmesg | grep -i -m1 hypervisor'
expect_match "$OUT" x86_64
ok stoker exec --via ssh a -- id -u
expect_equal "$OUT" 0

check "stop and delete, and the phases of it all"
ok stoker timings a
ok stoker stop a
ok stoker start a
ok stoker stop --force a
ok stoker delete a

check "the same on a TAP, beside a Firecracker on one: apart from each other"
new_vm b --backend qemu --network tap
new_vm c --backend firecracker --network tap
ok stoker start b c
ok stoker wait b --for ssh
ok stoker wait c --for ready
expect_equal "$(vm_field b backend) $(vm_field b accel) $(vm_field b network)" 'qemu kvm tap'
expect_match "$(stoker network list)" 'b'
expect_equal "$(stoker exec --via ssh b -- hostname)" b
expect_status 1 stoker exec b -- ping -c 1 -W 2 "$(vm_field c ip)"
ok stoker pause b
expect_equal "$(vm_field b status)" paused
ok stoker resume b
ok stoker stop b --timeout 20
expect_equal "$(vm_field b status)" stopped
ok stoker start b --wait
ok stoker delete --force b c
expect_no_match "$(ip -br link)" stk
