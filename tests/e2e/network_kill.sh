#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of a command at every point where it changes the host's network. Each
# time: `reconcile --yes` mends it, a second look finds nothing, the VM can be
# deleted, and neither a device, a route nor a rule is left. No guest is booted.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_net.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_kill.sh"
need strace
make_uplink
# What is not the VM's own: the table and the forwarding are there throughout.
ok stoker create first --network tap --egress all --memory 96
ok stoker delete first
expected=$(host_network)

nothing_left_besides() {
	expect_host_network "$expected" "$1"
}
VM='--network tap --egress 10.99.0.0/24,10.98.0.0/16 --allow host:53 --allow guests --memory 96'
nothing_before() { :; }
created_before() {
	# shellcheck disable=SC2086 # words
	stoker create k $VM --publish $((PORTS + 90)):80 --quiet >/dev/null
}
unplugged_before() { # as after a restart of the host
	created_before
	ip link delete "$(device_of k)"
	nft delete table inet stoker
}
stripped_before() { # the device is there, its rules are not
	created_before
	nft flush set inet stoker guest
}
running_before() {
	created_before
	stoker start k --quiet >/dev/null
}

check 'create, killed at every message to the kernel'
for call in ioctl sendmsg sendto; do
	# shellcheck disable=SC2086
	kill_at_each $call nothing_before create k $VM
done

check 'start after a restart of the host, killed at every message to the kernel'
for call in ioctl sendmsg sendto; do
	FROM=3 kill_at_each $call unplugged_before start k
done
kill_at_each sendto stripped_before start k

check 'stop and delete'
kill_at_each fdatasync running_before stop k --force
for call in sendmsg sendto _Fork,clone,clone3,vfork; do
	kill_at_each ${call#_Fork,} created_before delete k
done
kill_at_each fdatasync running_before delete k --force
