#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of a command at every point where it changes something, and at any
# moment of a start. Each time: `reconcile --yes` mends it, a second look finds
# nothing, the VM can be deleted, and nothing is left.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_kill.sh"
need strace jq
need_image

# Runs `stoker ARGS` and kills it at its N-th CALL, for N = 1, 2, ... until it
# gets through. Before each round `before` runs, after each kill host and
# records must agree again and everything must be deletable.
kill_at_each() {
	local call=$1 before=$2 n status
	shift 2
	for ((n = ${FROM:-1}; n <= 40; n++)); do
		$before
		status=0
		# Not -f: only the command itself is to die, not what it starts.
		{
			strace -qq -o /dev/null -e trace="$call" -e inject="$call":signal=KILL:when="$n" \
				"$STOKER_PROGRAM" "$@" >"$T/killed.out" 2>&1 || status=$?
		} 2>/dev/null # or the shell itself says "Killed"
		if [ $status != 137 ]; then
			[ $status = 0 ] || fail "stoker $* with nothing killed: status $status: $(cat "$T/killed.out")"
			settle
			stoker delete --all --force --yes >/dev/null 2>&1 || true
			nothing_left "$* whole"
			break
		fi
		settle
		stoker delete --all --force --yes >/dev/null 2>"$T/delete.err" ||
			fail "killed at $call number $n of $*: cannot delete: $(cat "$T/delete.err")"
		nothing_left "$* killed at $call number $n"
	done
	say "   stoker $1: killed at $((n - 1)) calls of $call"
}

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
