#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of the VMM, of the supervisor, of both, and of a command at every
# point where it changes something. Each time: `reconcile --yes` mends it, a
# second look finds nothing, the VM can be deleted, and nothing is left.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need strace jq
need_image

# After a crash: one reconcile, then host and records agree.
settle() {
	ok stoker reconcile --yes
	ok stoker reconcile --dry-run --json
	expect_equal "$(jq '.findings | length' <<<"$OUT")" 0 "findings after reconcile: $OUT"
}

nothing_left() {
	local pid dir
	for _ in {1..40}; do
		[ -n "$(holders)" ] || break
		sleep 0.05
	done
	for pid in $(holders); do
		fail "after $1: left behind $(describe_process "$pid")"
	done
	for dir in "$STOKER_STATE_DIR/vms" "$STOKER_RUNTIME_DIR/vms"; do
		[ -z "$(ls -A "$dir")" ] || fail "after $1: left in $dir: $(find "$dir" | tr '\n' ' ')"
	done
	for dir in "$STOKER_STATE_DIR"/templates/*; do
		[[ $dir =~ /ext4-[0-9]+\.img$ || ! -e $dir ]] || fail "after $1: left $dir"
	done
	ok stoker list --json
	expect_equal "$(jq length <<<"$OUT")" 0 "records after $1"
}

check 'the VMM dies by itself: crashed, with its signal; it can be started again'
new_vm a
ok stoker start a
kill -9 "$(vm_field a pid)"
ok stoker wait a --for stopped --timeout 10
expect_equal "$(vm_field a status)" crashed
expect_match "$(stoker inspect a)" '(signal 9|SIGKILL|killed)'
ok stoker start a
ok stoker wait a --for ready
ok stoker exec a -- echo alive
expect_equal "$OUT" alive

check 'the supervisor dies: the VM goes on and gets a new one'
vmm=$(vm_field a pid)
kill -9 "$(vm_field a supervisor_pid)"
settle
expect_equal "$(vm_field a pid)" "$vmm" 'the VMM after its supervisor died'
expect_equal "$(vm_field a status)" running
ok stoker exec a -- echo still alive
expect_equal "$OUT" 'still alive'

check 'the supervisor dies in the middle of a command: that command fails, later ones do not'
"$STOKER_PROGRAM" exec a -- sleep 30 >"$T/cut.out" 2>&1 &
command=$!
sleep 0.5
kill -9 "$(vm_field a supervisor_pid)"
status=0
wait $command || status=$?
expect_equal $status 125 'a command whose supervisor died'
settle
ok stoker exec a -- echo again
expect_equal "$OUT" again

check 'a command whose client dies is killed in the guest'
"$STOKER_PROGRAM" exec a -- sleep 4321 &
command=$!
sleep 0.5
kill -9 $command
wait $command 2>/dev/null || true
# shellcheck disable=SC2016 # expanded in the guest
wait_until 5 stoker exec a -- sh -c '! ps | grep -v grep | grep -q "sleep 4321"'

check 'both die: reconcile says so before it does anything'
vmm=$(vm_field a pid)
kill -9 "$(vm_field a supervisor_pid)" "$vmm"
wait_until 5 test ! -d "/proc/$vmm"
ok stoker reconcile --dry-run --json
expect_equal "$(jq -r '.findings[0].kind' <<<"$OUT")" dead_process
expect_equal "$(jq -r '.findings[0].done' <<<"$OUT")" false
settle
expect_equal "$(vm_field a status)" crashed
ok stoker delete a
nothing_left 'both died'

# Runs `stoker ARGS` and kills it at its N-th CALL, for N = 1, 2, ... until it
# gets through. Before each round `before` runs, after each kill host and
# records must agree again and everything must be deletable.
kill_at_each() {
	local call=$1 before=$2 n status
	shift 2
	for ((n = 1; n <= 40; n++)); do
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
for call in fdatasync mkdir rename unlink ftruncate; do
	kill_at_each $call nothing_before create k --egress none --memory 128
done

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
	timeout -s KILL "0.0$(printf '%02d' $ms)" "$STOKER_PROGRAM" start k >/dev/null 2>&1 || true
	settle
	stoker delete --all --force --yes >/dev/null
	nothing_left "start killed after $ms ms"
done

check 'run, killed while its guest works: its VM does not outlive the reconcile'
"$STOKER_PROGRAM" run --egress none --memory 128 -- sleep 1000 >/dev/null 2>&1 &
command=$!
wait_until 20 sh -c "'$STOKER_PROGRAM' list --json | jq -e '.[0].status == \"running\"'"
sleep 1
kill -9 $command
wait $command 2>/dev/null || true
settle
nothing_left 'run killed'
