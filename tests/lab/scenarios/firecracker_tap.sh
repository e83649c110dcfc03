#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The real Firecracker on a TAP, chosen by itself because this host has all it needs.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"
need_image

check "chosen without being asked for: Firecracker, KVM, tap"
new_vm a
ok stoker start a
ok stoker wait a
expect_equal "$(vm_field a backend)" firecracker
expect_equal "$(vm_field a network)" tap
expect_match "$(vm_field a choice)" 'firecracker: preferred'

check "exec over vsock, SSH over the TAP; the VMM has no right to the host's network"
ok stoker exec a -- true
ok stoker exec --via ssh a -- hostname
expect_equal "$OUT" a
expect_match "$(cat "/proc/$(vm_field a pid)/status")" 'NoNewPrivs:	1'
caps=$(sed -n 's/^CapEff:\t//p' "/proc/$(vm_field a pid)/status")
expect_equal $((0x$caps >> 12 & 1)) 0

check "stop and delete leave no device"
ok stoker stop a --timeout 60
ok stoker delete a
expect_no_match "$(ip -br link)" stk
# The table of rules stays for the next VM; the scenario after this one is to find the host as it was.
ok nft delete table inet stoker
