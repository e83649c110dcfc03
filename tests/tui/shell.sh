#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The shell pane as a person uses it: real VMs, the real dashboard, in tmux.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox
new_vm owl
ok stoker start fox owl
ok stoker wait fox --for ready --timeout 120
ok stoker wait owl --for ready --timeout 120

# The row a VM has in the list, by its mark; and the prompt at the end of the screen.
PROMPT='fox:~#'

check 'Enter opens a shell beside the list; the list stays'
terminal board 120x30 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see 'fox .*running.*owl .*running' 20
# action: shell
keys g Enter
see "$PROMPT" 30
see '▸ fox ⌂ .*│'
see 'Ctrl-\] to the list'
expect_match "$(screen)" 'NAME .*STATUS'

check 'commands, colours, and what they left behind'
typed 'printf "\033[1;31mred\033[0m \033[44mblue\033[0m\n"; ls --color /'
keys Enter
see 'red blue'
see 'home .*lost\+found'
expect_match "$(tm capture-pane -t board -p -e)" $'1m\033\\[31m(\033\\[49m)?red'
expect_match "$(tm capture-pane -t board -p -e)" $'\033\\[44mblue'
typed 'stty size; echo $TERM'
keys Enter
see '[0-9]+ [0-9]+
.*xterm-256color'

check 'control keys reach the guest: Ctrl-C, Ctrl-D, Tab, Ctrl-L'
typed 'echo begun; sleep 1000'
keys Enter
see '
.*begun' # else the shell's line editor would keep the Ctrl-C for its next line
sleep 0.5
keys C-c
see '\^C'
see "\^C
.*$PROMPT"
typed 'echo reading; cat > /tmp/typed'
keys Enter
see '
.*reading'
sleep 0.5
typed 'a line'
keys Enter C-d
see "a line
.*$PROMPT"
typed 'clear; cat /tmp/typed; ec'
keys Tab
typed 'ho completed'
keys Enter
see 'a line
.*completed'

check 'vi: alternate screen, arrows, insert, and back'
typed 'clear; echo before; vi /tmp/text'
keys Enter
see '~
.*~
.*~'
keys i
typed 'first'
keys Enter
typed 'second'
press Escape Up Home i
typed 'X'
press Escape
typed ':wq'
keys Enter
see 'before'
typed 'cat /tmp/text | tr a-z A-Z'
keys Enter
see 'XFIRST
.*SECOND'

check 'less and top'
typed 'clear; seq 1 300 | less'
keys Enter
see '1
.*2
.*3
'
keys G
see '300'
keys q
typed 'clear; top -d 1'
keys Enter
see 'Mem: .*
.*CPU: '
keys q
typed 'clear'
keys Enter

check 'pasting several lines'
tm set-buffer -b p $'echo pasted-$((40+2))\necho again-$((1+1))\n'
tm paste-buffer -t board -b p -p
see 'pasted-42'
see 'again-2'

check 'scrolling back and searching'
typed 'clear; seq 1 500 | sed "s/^/row /"'
keys Enter
see 'row 500'
# action: scroll
keys 'C-]' '['
see '\[0/[0-9]+\]'
see 'search'
keys PPage PPage
see 'scrolled [0-9]+ of [0-9]+'
unseen 'row 500'
keys /
typed 'row 123'
keys Enter
see 'row 123'
keys g
unseen 'row 123
'
typed 'n'
typed '/no such row'
see '/no such row'
keys Enter
see 'no such row: not found'
keys q
see 'row 500'
unseen 'scrolled'

check 'the wheel scrolls back, typing returns'
typed $'\033[<64;100;10M'
see 'scrolled 3 of'
typed 'echo li'
typed 've'
keys Enter
see 'live'
unseen 'scrolled'

check 'full screen and half of it again'
# action: full-screen
keys 'C-]' z
unseen 'NAME .*STATUS'
see 'Ctrl-\] to the list'
typed 'clear; until stty size | grep " 120$"; do sleep 0.1; done'
keys Enter
see '(2[0-9]|30) 120'
keys 'C-]' z
see 'NAME .*STATUS'

check 'resizing in the middle of things'
typed 'clear; vi /etc/profile'
keys Enter
see 'export PATH'
for s in 100x28 60x20 40x10 200x50 43x11 120x30; do
	size $s
done
see 'export PATH.*
'
see 'NAME .*STATUS'
typed ':q!'
keys Enter
typed 'clear; stty size'
keys Enter
see '[0-9]+ [0-9]+'

check 'two shells at once, put away and brought back'
typed 'WORD=kept-here'
keys Enter 'C-]' j Enter
see 'owl:~#' 30
typed 'echo on-$(hostname)'
keys Enter
see 'on-owl'
see 'fox ⌂'
see 'owl ⌂'
# action: detach
keys 'C-]' d
unseen 'on-owl'
keys g Enter
see 'Ctrl-\] to the list'
typed 'clear; echo $WORD'
keys Enter
see 'kept-here'

check 'a mark shows that a shell which is not in front has news'
typed 'clear; (sleep 2; echo news) &'
keys Enter
sleep 0.3
keys 'C-]' j Enter
see 'on-owl'
see 'fox ⌂·|⌂ fox ·|⌂ fox·' 15

check 'a flood of output delays neither the list nor the keys'
typed 'clear; yes floods'
keys Enter
see 'floods
.*floods'
keys 'C-]' k
see '▸ fox' 3
keys j
see '▸ owl' 3
keys '?'
see 'Virtual machines' 3
press Escape
unseen 'Virtual machines' 3
# action: focus
keys Tab C-c
see 'owl:~#' 20
typed 'clear; echo quiet'
keys Enter
see 'quiet'

check 'a page of everything looks as in a terminal of its own'
cat >"$T/page" <<'PAGE'
printf '\033[2J\033[H'
printf 'wide: 中文字符 日本語 한국어 Ａ１\n'
printf 'marks: e\314\201 a\314\210 n\314\203\n'
printf 'emoji: 😀 🚀 ⌚ ✅\n'
printf 'greek: αβγδ  cyrillic: привет  arrows: ←↑→↓\n'
printf 'boxes: ┌─┬─┐ │x│ ╔═╗ ▁▂▃▄▅▆▇█\n'
printf 'tab:\tone\ttwo\n'
for i in 0 1 2 3 4 5 6 7; do printf '\033[3%dm%d\033[9%dm%d\033[0;4%dm%d\033[10%dm%d\033[0m ' $i $i $i $i $i $i $i $i; done; echo
for i in 16 33 52 99 120 160 201 232 240 255; do printf '\033[38;5;%dmX\033[48;5;%dmY\033[0m ' $i $i; done; echo
printf '\033[1mbold\033[0m \033[2mdim\033[0m \033[3mitalic\033[0m \033[4munder\033[0m \033[7mreverse\033[0m\n'
printf 'overwritten\rOVER\n'
printf 'erased to here\033[10D\033[K\n'
printf '\033[15;20Hplaced\033[16;5H\033[1;42mgreen\033[0m\033[17;1H'
printf 'insert\033[5D\033[2@**\n'
printf 'narrow\033[1D\033[2P\n'
printf '123456789012345678901234567890123456789012345678901234567890123456789012345678中文\n'
printf '\033[20;22r\033[20;1Hregion 1\nregion 2\nregion 3\nregion 4\033[r\033[24;1Hend of page'
PAGE
expect_status 0 bash -c "'$STOKER_PROGRAM' exec owl -i -- sh -c 'cat >/tmp/page' <'$T/page'"
keys 'C-]' z
unseen 'NAME .*STATUS'
typed 'sh /tmp/page; read x'
keys Enter
see 'end of page'
sleep 0.5
tm capture-pane -t board -p | sed -n '2,25p' | sed 's/ *$//' >"$T/ours"
tm capture-pane -t board -p -e | sed -n '2,25p' >"$T/ours.e"
keys Enter
terminal plain 120x28 "$STOKER_PROGRAM shell owl"
see 'owl:~#' 30
typed 'sh /tmp/page; read x'
keys Enter
see 'end of page'
sleep 0.5
tm capture-pane -t plain -p | head -n 24 | sed 's/ *$//' >"$T/theirs"
tm capture-pane -t plain -p -e | head -n 24 >"$T/theirs.e"
keys Enter
typed 'exit'
keys Enter
diff "$T/theirs" "$T/ours" || fail 'the page differs from a plain terminal'
# Whether the colours end before or behind the blanks at a line's end is not seen.
sed -i -E $'s/(\033\\[[0-9;]*m| )+$//; s/^(\033\\[0?m|\033\\[[34]9m)+//' "$T/theirs.e" "$T/ours.e"
diff "$T/theirs.e" "$T/ours.e" || fail 'the colours of the page differ from a plain terminal'
use board
keys 'C-]' z
see 'NAME .*STATUS'

check 'hostile output cannot reach the terminal or the list'
typed 'clear; printf "\033]0;evil\007\033]52;c;aGk=\007\033[3;5r\033[?1049h\033[2J\033[?25l\033[999;999H\033[10Dcorner\033[?1000h\033(0"'
keys Enter
see 'corner'
see 'NAME .*STATUS'
keys 'C-]'
see '▸ owl'
expect_no_match "$(tm display-message -t board -p '#{pane_title}')" evil
expect_equal "$(tm show-buffer 2>/dev/null | head -n 1)" 'echo pasted-$((40+2))' 'the clipboard'
keys Tab
typed 'printf "\033c"; clear'
keys Enter
see 'owl:~#'

check 'a shell that is left closes its pane; Enter opens another'
typed 'exit'
keys Enter
unseen 'owl ⌂'
see '▸ owl'
keys Enter
see 'owl:~#' 30

check 'a guest that powers off cuts the shell, says so, and lives on in the list'
typed 'clear; poweroff -f'
keys Enter
see 'closed|cut' 20
see '▸ owl ⌂ +[^ ]+ (stopped|crashed)' 30
see 'owl has (ended|crashed), and its shell with it' 20
see 'Enter connect again'
keys PPage
see '\[[0-9]+/[0-9]+\]'
keys q
see 'Enter connect again'

check 'started again, Enter connects again'
keys 'C-]' s
see '▸ owl ⌂ +(●|◐) (running|boot)' 60
keys Tab Enter
see 'owl:~#' 60
unseen 'cut off'
typed 'exit'
keys Enter
unseen 'owl ⌂'

check 'quitting leaves the terminal as it was and the VMs running'
keys q
see 'Leave the dashboard\?'
see '1 open shell ends'
keys Enter # the safe answer has the focus
unseen 'Leave the dashboard\?'
see '▸ owl'
keys q
see 'Leave the dashboard\?'
keys Right Enter
see 'ended with 0'
expect_equal "$(tm display-message -t board -p '#{alternate_on} #{mouse_any_flag} #{cursor_flag}')" '0 0 1'
expect_equal "$(vm_field fox status)" running
