#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What is seen below the list and in it: graphs, the fleet's phases, operations,
# events, groups and columns, of real VMs.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

need strace
use_own_image
new_vm fox --label team=red
new_vm owl --label team=blue
new_vm yak --label team=red
ok stoker start fox owl
ok stoker wait fox --for ready --timeout 120
ok stoker wait owl --for ready --timeout 120

check 'the header: counts, host and guests, pools'
terminal board 132x43 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see '▸ fox +● running' 20
see 'stoker +● 2 +○ 1'
see 'host +cpu +[0-9]+% .* mem [0-9.]+/[0-9.]+G +guests +cpu +[0-9]+%'
see 'addresses 3/[0-9]+ +ports 3/100'
see 'fox .* [0-9]+% .* [0-9]+M +[0-9.]+[KM]?' # CPU, resident memory, disk

check 'looking runs no other program: figures come from the host itself, the guest agent and the records'
terminal traced 132x43 "strace -f -o '$T/trace' -e trace=execve,fork,vfork '$STOKER_PROGRAM' tui --read-only; echo ended with \$?; read x"
see 'fox .* [0-9]+% ' 30
keys m
see 'cpu .*[0-9]+%' 30
sleep 3
keys q
see 'ended with 0'
expect_equal "$(grep -c 'execve\|fork(' "$T/trace")" 1 'programs that the dashboard began, itself among them'
use board

check 'graphs of the last ten minutes, of the VM that is selected'
# action: graphs
keys m
see 'fox: the last 10 minutes'
see 'cpu .*[0-9]+%'
see 'memory .*[0-9]+M'
ok stoker exec fox -- sh -c 'dd if=/dev/zero of=/big bs=64k count=200; sync'
see 'disk .*[0-9.]+[KM]/s' 20
# User networking is inside the VMM: the guest's own agent tells what came and went.
see 'network .* [0-9.]+[BKM]?/s' 20
ok stoker exec --via ssh fox -- sh -c 'dd if=/dev/zero bs=64k count=32'
see 'network .*[0-9.]+M' 20
keys j
see 'owl: the last 10 minutes'
keys G
see 'yak: the last 10 minutes'
see 'It does not run'
keys g m
unseen 'the last 10 minutes'
see 'fox: phases'

check 'the fleet: percentiles, how they are spread, the outlier'
# action: fleet
keys P
see 'fleet: phases of 3 lives'
see 'boot +[0-9.]+ m?s +[0-9.]+ m?s +[0-9.]+ m?s +[0-9.]+ m?s +2 .*(fox|owl) [0-9.]+ m?s'
keys P
see 'fox: phases'

check 'events: who did what; only those of one VM; Enter leads to its VM'
# action: events
keys e
see 'TIME +BY +WHAT'
see 'command .*owl'
see 'guest +fox is ready'
see 'guest +owl is ready'
keys j j Escape
unseen 'TIME +BY'
keys G e
# action: only-this
keys f
see 'events of yak'
unseen 'command +fox'
see 'command +.*yak'
keys f
see '[├─ ]events '
keys g Enter
see '▸ (fox|owl)'
keys e

check 'operations: under way, done, failed and tried once more'
# action: operations
keys t
see 'has done nothing yet'
keys Tab
keys G
see '▸ yak'
disk=$STOKER_STATE_DIR/vms/$(vm_field yak id)/disk.ext4
mv "$disk" "$T/disk"
keys s
see '✖ start +yak .*disk' 20
keys Tab
keys g
# action: retry
mv "$T/disk" "$disk"
keys r
see '✓ start +yak +[0-9.]+ m?s +done' 20
see '✖ start +yak'
expect_equal "$(vm_field yak status)" running
keys r
see 'retry: that operation did not fail'
press Escape
keys e
see 'dashboard +yak started'
press Escape
keys t

check 'an operation is cut short'
keys Tab g
pid=$(vm_field fox pid)
kill -STOP "$pid" # it does not answer: stop waits
keys x
see '◐ stop +fox'
keys Tab g
# action: cancel
keys C-x
see 'being cancelled|– stop +fox'
see '– stop +fox +[0-9.]+ m?s +cancelled' 20
kill -CONT "$pid"
keys Escape
see 'fox: phases|yak: phases'

check 'groups with their sums, folded and marked as one'
# action: group
keys b
see 'grouped by state'
see '▾ running +● 2'
keys b
see 'grouped by image'
see '▾ own +● 2'
keys b
see 'grouped by backend'
see '▾ qemu (tcg|kvm) +● 2'
keys b
see 'grouped by label team'
see '▾ team=blue'
see '▾ team=red'
keys g
see '▸ +▾ team=blue'
# action: fold
keys -
see '▹ team=blue'
unseen '  owl  '
keys G -
unseen '  fox  '
see '▹ team=red +.*2'
keys Space
see '2 marked'
keys Space
unseen 'marked'
keys Enter
see '▾ team=red'
see '  fox  '

check 'columns are chosen, moved and made wider'
# action: columns
keys '|'
see 'Columns'
keys j j Space Space
see 'PID +left out'
press Escape
unseen 'PID'
keys '|' j
keys K + + +
press Escape
see 'STATUS +NAME'

check 'how it was left is remembered'
keys q
see 'ended with 0'
expect_match "$(cat "$STOKER_STATE_DIR/tui.state")" 'columns = status:?[0-9]* name'
expect_match "$(cat "$STOKER_STATE_DIR/tui.state")" 'group_label = team'
expect_equal "$(stat -c %a "$STOKER_STATE_DIR/tui.state")" 600
terminal again 132x43 "'$STOKER_PROGRAM'"
see 'STATUS +NAME'
see '▾ team=red'
unseen ' PID '
keys q

check 'read-only leaves no trace of itself'
rm "$STOKER_STATE_DIR/tui.state"
terminal watch 132x43 "'$STOKER_PROGRAM' tui --read-only; echo ended with \$?; read x"
see 'read-only'
keys b
see 'grouped by'
keys q
see 'ended with 0'
expect_no_file "$STOKER_STATE_DIR/tui.state"

check 'who has been here is not welcomed again, also when nothing was changed'
terminal first 80x24 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see 'Welcome'
keys q
see 'ended with 0'
terminal second 80x24 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see 'q quit'
unseen 'Welcome'
keys q
see 'ended with 0'
