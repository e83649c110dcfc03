#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Several shells at once: beside and below one another, typing into all of
# them, selecting and copying, writing a session down, and coming back after
# the connection was cut. Real VMs, the real dashboard, in tmux.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox
new_vm owl
ok stoker start fox owl
ok stoker wait fox --for ready --timeout 120
ok stoker wait owl --for ready --timeout 120

check 'two shells beside one another: the selected VM joins the one that is open'
terminal board 200x40 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
tm set -g set-clipboard on
see 'fox .*running.*owl .*running' 20
keys g Enter
see 'fox:~#' 30
# action: split
keys 'C-]' j %
see 'fox:~#.*│owl:~#|fox:~# *│ *owl:~#' 30
typed 'stty size'
keys Enter
see '[0-9]+ 5[0-9]'

check 'to the other one, and what is typed goes there alone'
# action: other-pane
keys 'C-]' '\;'
typed 'echo on-$(hostname)'
keys Enter
see 'on-fox'
expect_no_match "$(screen)" 'on-owl'

check 'one above the other, and turned back into one'
# action: split-below
keys 'C-]' '"'
see '─ owl ──'
see 'on-fox'
keys 'C-]' '"'
unseen '─ owl ──'
keys 'C-]' %
see 'on-fox.*│'

check 'broadcast: to both shells, with a word of warning'
# action: broadcast
keys 'C-]' B
see 'BROADCAST: what you type goes to 2 shells: fox owl'
expect_match "$(tm capture-pane -t board -p -e | tail -n 1)" $'\033\\[[0-9;]*(41|101)m'
typed 'clear; echo both-$(hostname)'
keys Enter
see 'both-fox'
see 'both-owl'
keys 'C-]' B
see 'broadcast is off'
typed 'echo only-$(hostname)'
keys Enter
see 'only-(fox|owl)'
expect_equal "$(screen | grep -oE 'only-(fox|owl)' | sort -u | grep -c .)" 1
keys 'C-]' B
see 'BROADCAST'
typed 'exit'
keys Enter
unseen 'BROADCAST' 20

check 'a session is written to a file, as text, for its owner alone'
press Escape
keys g Enter
see 'fox:~#' 30
# action: log-session
keys 'C-]' L
see '>.*/sessions/fox-[0-9]+-[0-9]+.log'
keys Enter
see 'the session is written to'
typed 'printf "\033[31mred\033[0m \033]0;title\007words\n"; echo to-the-log'
keys Enter
see 'red words'
keys 'C-]' L
see 'log is closed'
log=$(echo "$STOKER_STATE_DIR"/sessions/fox-*.log)
wait_until 5 grep -q '^red words$' "$log"
expect_equal "$(stat -c %a "$log")" 600
expect_equal "$(tr -d '\n -~\t' <"$log" | wc -c)" 0 'bytes that are no text'
grep -q '^to-the-log$' "$log" || fail 'not in the log'

check 'a path asked for; one that is there already is left alone'
echo precious >"$T/there.log"
keys 'C-]' L C-u
typed "$T/there.log"
keys Enter
see 'there.log: it is there already'
expect_equal "$(cat "$T/there.log")" precious
keys 'C-]' L C-u
typed "$T/mine.log"
keys Enter
see 'is written to .*mine.log'
typed 'echo in-mine'
keys Enter
wait_until 5 grep -q '^in-mine$' "$T/mine.log"
keys 'C-]' L
see 'log is closed'

check 'selecting by keys, to the clipboard of the outer terminal'
keys Tab
typed 'clear; printf "first line\nsecond LINE\nthird line\n"'
keys Enter
see 'third line'
keys 'C-]' '['
typed '/second'
keys Enter
typed 'V'
typed 'j'
see 'y copy'
keys y
see 'copied [0-9]+ bytes'
expect_equal "$(tm show-buffer)" $'second LINE\nthird line'

check 'selecting by mouse: a word, a part, a line'
read -r row col < <(place_of 'second LINE')
for _ in 1 2; do
	mouse 0 "$col" "$row" M
	mouse 0 "$col" "$row" m
done
see 'copied 6 bytes'
expect_equal "$(tm show-buffer)" second
sleep 0.6 # or it is the third click at one place, which takes the line
mouse 0 "$col" "$row" M
mouse 32 $((col + 3)) $((row + 1)) M
mouse 0 $((col + 3)) $((row + 1)) m
see 'copied 16 bytes'
expect_equal "$(tm show-buffer)" $'second LINE\nthir'

check 'the guest cannot set the clipboard unless it may'
typed 'printf "\033]52;c;ZXZpbA==\007"; echo tried'
keys Enter
see 'tried'
sleep 0.5
expect_no_match "$(tm show-buffer)" evil
terminal open 120x30 "STOKER_CONFIG='$T/open.conf' '$STOKER_PROGRAM'; read x"
printf '[ui]\nguest_clipboard = on\n' | cat "$STOKER_CONFIG" - >"$T/open.conf"
chmod 600 "$T/open.conf"
tm respawn-pane -k -t open "STOKER_CONFIG='$T/open.conf' '$STOKER_PROGRAM'; read x"
see 'fox .*running'
keys g Enter
see 'fox:~#' 30
typed 'printf "\033]52;c;YWxsb3dlZBtbMzFt\007"; echo done'
keys Enter
see 'fox set the clipboard: 11 bytes'
expect_equal "$(tm show-buffer)" 'allowed[31m' 'its control character is gone'
keys 'C-]' w
keys q
use board

check 'a click: into the other pane, on a tab; two clicks on a row open its shell'
keys 'C-]'
read -r row col < <(place_of ' owl ')
mouse 0 $((col + 1)) "$row" M
mouse 0 $((col + 1)) "$row" m
mouse 0 $((col + 1)) "$row" M
mouse 0 $((col + 1)) "$row" m
see 'owl:~#' 30
read -r row col < <(place_of '⌂ fox   ⌂ owl')
mouse 0 $((col + 1)) "$row" M
mouse 0 $((col + 1)) "$row" m
see 'third line|tried'

check 'the connection is cut while the VM lives: it comes back by itself, the pane kept'
typed 'clear; echo before the cut; echo $PPID >/tmp/session'
keys Enter
see 'before the cut'
ok stoker exec fox -- sh -c 'kill -9 $(cat /tmp/session)'
see 'before the cut.*connected again' 60
see 'connected again.*fox:~#' 30
typed 'echo after the cut'
keys Enter
see 'before the cut.*after the cut'

check 'titles from the guest are text, of a bounded length'
typed 'printf "\033]2;$(printf "\\342\\200\\256")long-%s\007" $(seq 1 40 | tr "\n" -)'
keys Enter
see 'long-1-2'
expect_no_match "$(screen)" '40-'
keys 'C-]' w
keys 'C-]' w
keys q
see 'ended with 0|Leave'
