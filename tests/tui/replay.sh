#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The dashboard without a picture on a terminal: played from a recording, as
# one frame, as lines of text.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox
new_vm owl

check 'one frame, of the size that is asked for'
for size in 80x24 40x10 200x50 120x30; do
	ok stoker tui --once --size "$size"
	expect_equal "$(wc -l <"$T/out")" "${size#*x}" "rows of $size"
	expect_match "$OUT" 'fox'
done
ok stoker tui --once --size 80x24 --start owl
expect_match "$OUT" '▸ owl'
expect_equal "$(vm_field owl status)" created
expect_status 3 stoker tui --once --size 80x24 --start $'nobo\033dy'
expect_match "$ERR" '^stoker: look at nobo.dy: there is no VM nobo.dy. [A-Z]'
expect_no_match "$ERR" $'\033'
expect_equal "$OUT" ''
expect_status 2 stoker tui --once --size 80
expect_match "$ERR" 'COLUMNSxROWS'
expect_status 2 stoker tui --size 80x24

check 'what is typed is written down, and played again it does the same'
terminal board 120x30 "'$STOKER_PROGRAM' tui --record '$T/typed'; echo ended with \$?; read x"
see '▸ fox'
keys j
see '▸ owl'
keys /
typed fo
keys Enter
see '▸ fox'
keys s
see '▸ fox +● running' 60
press Escape
keys q
see 'ended with 0'
expect_equal "$(stat -c %a "$T/typed")" 600
ok stoker stop fox
expect_equal "$(vm_field fox status)" stopped
# played at its own pace, without a terminal
ok stoker tui --once --replay "$T/typed"
wait_until 20 vm_is fox status running

check 'a recording that waits for what it needs to see'
ok stoker wait fox --for ready --timeout 120
printf 'stoker-input 1\n0 size 30 120\n0 wait 20 fox\n0 special 1 0\n0 wait 60 fox:~#\n0 paste 6563686f20612d6c6f6e672d2d776f7264\n0 special 1 0\n0 wait 20 \n' |
	sed '$d' >"$T/shell.input"
printf '0 wait 20 a-long--word\n300 char 93 4\n' >>"$T/shell.input"
ok stoker tui --once --replay "$T/shell.input"
expect_match "$OUT" 'fox:~# echo a-long--word'
printf 'stoker-input 1\n0 wait 1 never to be seen\n' >"$T/never.input"
expect_status 1 stoker tui --once --replay "$T/never.input"
expect_match "$ERR" 'not seen in time: never to be seen'
printf 'rubbish\n' >"$T/rubbish"
expect_status 1 stoker tui --once --replay "$T/rubbish"
expect_match "$ERR" 'is no recording'

check 'plain: changes are told in lines, no cursor is moved'
mkfifo "$T/in"
"$STOKER_PROGRAM" tui --plain <"$T/in" >"$T/said" 2>&1 &
plain=$!
exec 7>"$T/in"
wait_until 10 grep -q 'Type help' "$T/said"
grep -q '^fox: running, ready' "$T/said" || fail 'the list was not told'
echo 'start owl' >&7
wait_until 60 grep -q '^owl: running, ready' "$T/said"
echo 'stop owl' >&7
wait_until 30 grep -q '^owl: stopped' "$T/said"
echo 'stop owl' >&7
wait_until 10 grep -q 'it does not run' "$T/said"
# tell LINE REGEX [SECONDS]: types it, and waits until the words are said once more than before.
tell() {
	local before
	before=$(grep -cE -- "$2" "$T/said" || true)
	echo "$1" >&7
	wait_until "${3:-10}" said_again "$2" "$before"
}
said_again() {
	[ "$(grep -cE -- "$1" "$T/said")" -gt "$2" ]
}
tell 'delete owl' 'It rests in the trash for .*undo takes it back\. Type yes or no'
expect_no_match "$(cat "$T/said")" 'cannot be undone'
tell 'inspect fox' 'host key' # which is no yes
ok stoker inspect owl
tell 'delete owl' 'undo takes it back\. Type yes or no'
tell yes '^owl: gone' 20
ok stoker trash list
expect_match "$OUT" owl
tell undo '^owl: stopped'
ok stoker inspect owl

check 'plain: whatever is in the table of actions can be typed'
tell 'pause fox' '^fox: paused' 20
tell 'resume fox' '^fox: running, ready' 20
tell 'run fox expr 6 \* 7' '^42$' 20
echo 'resize owl 3G' >&7
wait_until 20 vm_is owl disk_mib 3072
tell 'clone owl twin' '^twin: running, ready' 120
expect_equal "$(vm_field twin disk_mib)" 3072
tell 'stop twin fox' 'Stop 2 VMs[?]'
tell yes '^twin: stopped' 60
wait_until 60 vm_is fox status stopped
tell 'mark owl' '1 marked'
tell start '^owl: running, ready' 120 # the marked one
tell 'phases owl' '^owl: phases'
expect_match "$(cat "$T/said")" 'boot, [0-9.]+ m?s'
tell fleet '^fleet: phases of'
tell 'events twin' '^events of twin'
tell operations '^[0-9:]+, clone, twin|^[0-9:]+, create, twin'
tell 'focus' 'focus is for the picture'
echo 'frobnicate' >&7
wait_until 10 grep -q 'nothing that can be done here' "$T/said"
echo quit >&7
exec 7>&-
wait "$plain"
expect_equal "$(tr -d '\n -~' <"$T/said" | LC_ALL=C tr -d '\200-\377' | wc -c)" 0 'control characters'
