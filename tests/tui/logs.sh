#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The console log in its pane, beside a shell: a real VM writes it.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox
ok stoker start fox
ok stoker wait fox --for ready --timeout 120

console() {
	ok stoker exec fox -- sh -c "$1"
}

check 'l shows the log and follows it'
terminal board 120x30 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see '▸ fox +● running' 20
keys l
see 'console, following'
see 'NAME +STATUS'
console 'echo first words >/dev/console'
see 'first words'
console 'i=1; while [ $i -le 200 ]; do echo "row $i of the console, which is rather longer than the pane is wide, so that it has an END"; i=$((i+1)); done >/dev/console'
see 'row 200 of'

check 'scrolling leaves the end alone, G follows again'
keys PPage
see 'console, line [0-9]+ of [0-9]+'
unseen 'row 200 of'
console 'echo something new >/dev/console'
sleep 0.5
expect_no_match "$(screen)" 'something new'
keys G
see 'something new'
see 'console, following'
keys g
see 'console, line 1 of'

check 'long lines: cut, moved sideways, wrapped'
keys G
unseen 'an END'
keys Right Right Right Right
see 'an END'
keys Left Left Left Left
unseen 'an END'
keys w
see 'an END'
keys w
unseen 'an END'

check 'searching'
typed '/row 57 '
see 'row 57 of'
keys Enter
see '/ search'
typed '/ROW'
see '/ROW'
keys Enter
see 'ROW: not found'
typed '/row 1'
keys Enter
see 'row 1[0-9]* of'
typed 'n'
typed 'N'
see 'console, line'

check 'what the guest writes is only text'
console 'printf "\033]0;evil\007\033[2J\033[31mplain\033[0m \342\200\256 \377 end\r\n" >/dev/console'
keys G
see 'plain  \? end'
see 'NAME +STATUS'
expect_no_match "$(tm display-message -t board -p '#{pane_title}')" evil

check 'a flood on the console delays nothing'
ok stoker exec fox -- sh -c 'yes "flooding the console" >/dev/console & echo $! >/tmp/flood'
see 'flooding.*flooding'
keys PPage
see 'console, line' 3
keys 'C-]'
keys '?'
see 'Virtual machines' 3
press Escape
unseen 'Virtual machines' 3
ok stoker exec fox -- sh -c 'kill $(cat /tmp/flood)'
keys Tab

check 'beside a shell; q closes the log alone'
keys 'C-]' Enter
see 'fox:~#' 30
see '⌂ fox +≡ fox|≡ fox·? +⌂ fox'
typed 'clear; echo to the console >/dev/console; echo to the shell'
keys Enter
see 'to the shell'
keys 'C-]' l
see 'console, line' # where it was left
keys G
see 'to the console'
keys q
unseen '≡ fox'
keys Enter
see 'to the shell'

check 'a VM that is killed leaves its log readable'
keys 'C-]' l
see 'to the console'
ok stoker stop fox --force
see '▸ fox [^○]*○ stopped' 20
see 'to the console'
keys q
unseen '≡ fox'
keys q Right Enter
see 'ended with 0'
