#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What people run in a shell pane: vim, htop, less and tmux, in a real Debian guest.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

need mmdebstrap
need_debian
new_vm deb --image debian --network user
ok stoker start deb --wait --timeout 180
PROMPT='root@deb:~#'

terminal board 130x32 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see 'deb .*running' 20
keys g Enter
see "$PROMPT" 60

check 'vim: insert, arrows, search, its own status line, and the screen is back after it'
typed 'clear; echo before; vim.tiny -u NONE -c "set showmode ruler" /tmp/text'
keys Enter
see '~
.*~
.*~' 30
keys i
see 'INSERT'
typed 'one two three'
keys Enter
typed 'four'
press Escape
unseen 'INSERT'
press Up Home
typed 'xx'
press Escape
typed '/four'
keys Enter
see '2,1 '
typed ':wq'
keys Enter
see "before
.*$PROMPT" 20
unseen '~
.*~'
typed 'cat /tmp/text'
keys Enter
see 'e two three
.*four'

check 'htop: it draws, F5 and q reach it'
typed 'clear; htop -d 5'
keys Enter
see 'PID.*USER.*Command' 30
see 'F1 ?Help'
keys F5
see '─|`-' 20
keys q
see "$PROMPT" 20
unseen 'F1 ?Help'

check 'less: pages, search, end'
typed 'clear; seq 1 500 | less'
keys Enter
see '│1
.*│2
' 20
keys Space
unseen '│2
'
typed '/^444$'
keys Enter
see '444'
keys G
see '500'
keys q
see "$PROMPT" 20

check 'tmux: a pane split in the pane, typing goes to the right half, a resize reaches it, and it ends'
typed 'clear; tmux -u -f /dev/null new -s inner'
keys Enter
see '\[inner\]' 30
keys C-b %
see '│.*│' 20
typed 'echo $((6 * 7)) right'
keys Enter
see '42 right' 20
size 150x40
typed 'until stty size | grep ^3; do sleep 0.1; done'
keys Enter
see '3[0-9] [0-9][0-9]' 20
typed 'tmux kill-server'
keys Enter
see "$PROMPT" 20
unseen '\[inner\]'

check 'the same programs in the pane and in tmux of its size: every cell, its colour and attributes'
use board
size 100x32
keys C-]
keys z
typed 'clear; until stty size | grep " 100$"; do sleep 0.1; done'
keys Enter
see '3[0-9] 100' 20
read -r rows cols < <(screen | grep -oE '^ *(2|3)[0-9] 100$')
tm new-session -d -s beside -x "$cols" -y "$rows" "'$STOKER_PROGRAM' shell deb --term xterm-256color" \; set -g status off
tm resize-window -t beside -x "$cols" -y "$rows"
use beside
see "$PROMPT" 60
# both TEXT KEY...: to the pane and to the window beside it
both() {
	local text=$1
	shift
	for WINDOW in board beside; do
		[ -z "$text" ] || typed "$text"
		[ $# = 0 ] || press "$@"
	done
}
# same WHAT REGEX [FIRST LAST]: when both show it; the pane is below one row of the dashboard
same() {
	local what=$1 regex=$2
	shift 2
	for WINDOW in board beside; do
		see "$regex" 30
	done
	printf '   %s: ' "$what"
	python3 "$LIB_DIR/../tui/lib_cells.py" windows "$T/tmux" board 0 1 beside "$@" || fail "$what: the pane differs from tmux"
}
cat >"$T/coloured.sh" <<'END'
i=0
while [ $i -lt 120 ]; do
	printf '\033[3%dm%d\033[m \033[1;4mbold\033[m \033[38;5;%dmpalette\033[m \033[48;5;%dmground\033[m \033[7;3mreversed\033[m 中文 😀 e\314\201\n' \
		$((i % 8)) $i $((i + 16)) $((255 - i))
	i=$((i + 1))
done
END
stoker exec -i deb -- sh -c 'cat >/tmp/coloured.sh && sh /tmp/coloured.sh >/tmp/coloured' <"$T/coloured.sh"
both 'export LC_ALL=C.UTF-8; clear; stty size' Enter
same 'the shell' "$rows $cols"
both 'clear; head -20 /tmp/coloured' Enter
same 'colours, wide characters and emoji' "19 bold.*$PROMPT"
both 'clear; less -R /tmp/coloured' Enter
same 'less' '28 bold'
both ' '
both '/79 bold' Enter
same 'less, a page on and a search' '107 bold'
both 'G'
same 'less at the end' '119 bold'
both 'q'
both 'clear; vim.tiny -n -u NONE -c "set showmode ruler" /tmp/coloured.sh' Enter
same 'vim' 'done.*All'
both 'Goone 中文 😀'
both '' Escape
same 'vim after an insertion' 'one 中文.*7,'
both ':split' Enter
both '/while' Enter
same 'vim, split, after a search' 'coloured.sh.*2,1.*coloured.sh'
both ':qa!' Enter
both 'clear; htop -d 100' Enter
same 'the keys of htop' 'F10 ?Quit' -1 -1 # the rest of it changes
both '' F1
same 'the help of htop' 'Released under|Copyright'
both 'q'
both 'q'
both 'clear; tmux -u -f /dev/null new -A -s shared' Enter
for WINDOW in board beside; do
	see '\[shared\]' 30
done
keys C-b %
see '│.*│'
typed 'cat /tmp/coloured'
keys Enter
same 'tmux, split' '119 bold' 0 -2 # the status line has the clock
typed 'tmux kill-server'
keys Enter
