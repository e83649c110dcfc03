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
see '\[inner\].*' 20
typed 'stty size'
keys Enter
see '3[0-9] [0-9][0-9]' 20
typed 'tmux kill-server'
keys Enter
see "$PROMPT" 20
unseen '\[inner\]'
