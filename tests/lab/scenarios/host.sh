#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The outer host is what the other scenarios take it for.
. "$(dirname "${BASH_SOURCE[0]}")/../../e2e/lib.sh"

script_finish() {
	[ ! -e /dev/kvm.away ] || mv /dev/kvm.away /dev/kvm
}

kvm() { # what doctor says of it
	stoker doctor --json >"$T/doctor" || [ $? = 1 ]
	json '.checks[] | select(.name == "kvm") | .result + " " + .reason' "$(cat "$T/doctor")"
}

check "the probe says yes where KVM runs guests, no where there is none, and does not keep the old answer"
expect_match "$(kvm)" '^ok .*a 64-bit guest ran on /dev/kvm'
mv /dev/kvm /dev/kvm.away
expect_match "$(kvm)" '^warn .*/dev/kvm does not exist'
mv /dev/kvm.away /dev/kvm
expect_match "$(kvm)" '^ok '

check "a KVM that never comes back is no KVM: said after 8 s"
strace -f -qq -o "$T/strace" -e trace=ioctl -e inject=ioctl:delay_enter=9000000:when=9+ \
	"$STOKER_PROGRAM" doctor --json --runtime "$T/other" >"$T/doctor" || [ $? = 1 ]
expect_match "$(json '.checks[] | select(.name == "kvm") | .result + " " + .reason' "$(cat "$T/doctor")")" \
	'^warn .*does not come back within 8 s'

check "TAP, nftables, network namespaces, the pinned Firecracker"
ip netns add one
ip netns exec one ip tuntap add stktest mode tap
ip netns exec one nft add table ip stoker
ip netns delete one
expect_match "$(firecracker --version)" 'Firecracker v1\.12\.1'
expect_match "$(jailer --version)" 'v1\.12\.1'
