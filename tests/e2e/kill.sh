#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 of the VMM, of the supervisor, of both, and of clients at work. Each
# time: `reconcile --yes` mends it, a second look finds nothing, the VM can be
# deleted, and nothing is left.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib_kill.sh"
need jq
use_own_image

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

check 'run, killed while its guest works: its VM does not outlive the reconcile'
"$STOKER_PROGRAM" run --egress none --memory 128 -- sleep 1000 >/dev/null 2>&1 &
command=$!
wait_until 20 sh -c "'$STOKER_PROGRAM' list --json | jq -e '.[0].status == \"running\"'"
sleep 1
kill -9 $command
wait $command 2>/dev/null || true
settle
nothing_left 'run killed'
