#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Commands over the channel of a real guest: every byte, many at once, clients
# that die or do not read, deadlines, and a supervisor that stays small.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need jq
use_own_image
new_vm web
ok stoker start web
ok stoker wait web --for ready

check 'every byte value and a large input come back as they went'
head -c 3000000 /dev/urandom >"$T/in"
stoker exec -i web -- cat <"$T/in" >"$T/back"
cmp "$T/in" "$T/back" || fail 'stdin and stdout differ'
sum=$(md5sum <"$T/in" | cut -d' ' -f1)
expect_equal "$(stoker exec -i web -- md5sum <"$T/in" | cut -d' ' -f1)" "$sum"

check 'stdout and stderr stay apart, environment, folder, user and status arrive'
ok stoker exec -e 'A=a b' -w /tmp web -- sh -c 'echo "$A"; pwd; echo wrong >&2; id -u'
expect_equal "$OUT" $'a b\n/tmp\n0'
expect_equal "$ERR" wrong
expect_status 3 stoker exec web -- sh -c 'exit 3'
expect_status 137 stoker exec web -- sh -c 'kill -9 $$'
expect_status 127 stoker exec web -- no-such-program
expect_match "$ERR" 'no-such-program'

check 'a command that ends before it read its input ends the exec'
head -c 20000000 /dev/zero >"$T/zeros"
timeout 60 "$STOKER_PROGRAM" exec -i web -- head -c 5 <"$T/zeros" >/dev/null

check 'twenty at once, each with its own bytes'
pids=()
for i in $(seq 20); do
	stoker exec -i web -- sh -c 'cat; sleep 0.2; echo done' <<<"input $i" >"$T/many.$i" &
	pids+=($!)
done
for pid in "${pids[@]}"; do
	wait "$pid" || fail 'one of twenty failed'
done
for i in $(seq 20); do
	expect_equal "$(cat "$T/many.$i")" "input $i"$'\n'done
done

check 'a client that dies takes its command with it'
"$STOKER_PROGRAM" exec web -- sh -c 'echo $$ >/tmp/pid; exec sleep 1000' &
client=$!
wait_until 20 stoker exec web -- test -s /tmp/pid
kill -9 $client
wait $client 2>/dev/null || true
wait_until 20 stoker exec web -- sh -c '! kill -0 $(cat /tmp/pid) 2>/dev/null'

check 'a deadline kills the command, and says so'
expect_status 125 stoker exec --timeout 1 web -- sleep 1001
expect_match "$ERR" 'killed'
expect_match "$(stoker exec web -- sh -c 'ps | grep -c "[s]leep 1001" || true')" '^0'

check 'a reader that goes away ends the command, as in a pipe'
timeout 60 "$STOKER_PROGRAM" exec web -- yes | head -n 2 >/dev/null || true

check 'a reader that stalls holds up nobody, and costs no memory to speak of'
mkfifo "$T/fifo"
stoker exec web -- sh -c 'cat /dev/zero | head -c 100000000' >"$T/fifo" &
stalled=$!
exec 7<"$T/fifo"
sleep 1
for _ in 1 2 3 4 5; do
	expect_equal "$(timeout 30 "$STOKER_PROGRAM" exec web -- echo quick)" quick
done
supervisor=$(vm_field web supervisor_pid)
pss=$(awk '/^Pss:/ { print $2 }' "/proc/$supervisor/smaps_rollup")
[ "$pss" -lt 3072 ] || fail "the supervisor has grown to $pss KiB"
exec 7<&-
wait $stalled || true
sleep 2
pss=$(awk '/^Pss:/ { print $2 }' "/proc/$supervisor/smaps_rollup")
say "the supervisor's own memory: $pss KiB"
[ "$pss" -lt 1536 ] || fail "the idle supervisor has $pss KiB"

check 'a new supervisor finds the step again in the middle of a flood'
stoker exec web -- yes >/dev/null 2>"$T/flood.err" &
flood=$!
sleep 1
kill -9 "$supervisor"
if wait $flood; then
	fail 'the flooded command should have failed'
fi
expect_equal "$(timeout 30 "$STOKER_PROGRAM" exec web -- echo again)" again
wait_until 20 stoker exec web -- sh -c '! pidof yes'

check 'the guest powers off by itself: the exec that asked for it ends, and tells'
stoker exec web -- poweroff >/dev/null 2>"$T/off.err" || true
ok stoker wait web --for stopped --timeout 30
expect_status 125 stoker exec web -- true
expect_match "$ERR" 'stoker start web'
