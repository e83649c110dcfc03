#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The outer host is what the other scenarios take it for.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"

check "KVM runs guests here, and the probe says so"
stoker doctor --json >"$T/doctor" || [ $? = 1 ]
expect_match "$(json '.checks[] | select(.name == "kvm") | .result + " " + .text' "$(cat "$T/doctor")")" '^ok '

check "TAP, nftables, network namespaces, the pinned Firecracker"
ip netns add one
ip netns exec one ip tuntap add stktest mode tap
ip netns exec one nft add table ip stoker
ip netns delete one
expect_match "$(firecracker --version)" 'Firecracker v1\.12\.1'
expect_match "$(jailer --version)" 'v1\.12\.1'
