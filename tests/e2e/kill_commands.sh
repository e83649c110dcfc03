#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of a command at every point where it changes something, and at any
# moment of a start. Each time: `reconcile --yes` mends it, a second look finds
# nothing, the VM can be deleted, and nothing is left.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_kill.sh"
need strace jq
use_own_image

nothing_before() { :; }
created_before() { stoker create k --egress none --memory 128 --quiet >/dev/null; }
running_before() {
	created_before
	stoker start k --quiet >/dev/null
}

check 'create, killed at every change it makes'
for call in fdatasync rename unlink ftruncate; do
	kill_at_each $call nothing_before create k --egress none --memory 128
done
# The first of them only look whether the places are there.
FROM=8 kill_at_each mkdir nothing_before create k --egress none --memory 128

check 'start, killed at every change it makes'
for call in fdatasync vfork,clone,clone3 connect sendto; do
	kill_at_each $call created_before start k
done

check 'stop, killed at every change it makes'
for call in fdatasync pidfd_send_signal; do
	kill_at_each $call running_before stop k --force
done

check 'delete, killed at every change it makes'
for call in fdatasync unlinkat rmdir; do
	kill_at_each $call created_before delete k
done
kill_at_each fdatasync running_before delete k --force

check 'start, killed at any moment'
for ms in 3 6 9 12 15 20 25 30 40 60; do
	created_before
	{
		timeout -s KILL "0.0$(printf '%02d' $ms)" "$STOKER_PROGRAM" start k >/dev/null 2>&1 || true
	} 2>/dev/null
	settle
	stoker delete --all --force --yes >/dev/null
	nothing_left "start killed after $ms ms"
done
