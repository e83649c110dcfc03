#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The actions that the other scripts of this folder do not come by: moving,
# marking all, ending a VM at once, panes one after the other.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox
new_vm owl
ok stoker start fox owl
for i in $(seq -w 1 40); do
	new_vm "idle-$i"
done
ok stoker wait fox --for ready --timeout 120
ok stoker wait owl --for ready --timeout 120

check 'moving: a row, a page, the ends'
terminal board 120x30 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
see '▸ fox +● running' 20
# action: down
keys j
see '▸ owl'
keys Down
see '▸ idle-01'
# action: up
keys k
see '▸ owl'
keys Up
see '▸ fox'
# action: last
keys G
see '▸ idle-40'
# action: first
keys g
see '▸ fox'
# action: page-down
keys PPage NPage
unseen '▸ (fox|owl)'
see '▸ idle-'
# action: page-up
keys PPage
see '▸ fox'

check 'all marked and none'
# action: mark-all
keys a
see '42 marked'
keys a
unseen 'marked'

check 'the phases go and come'
see 'fox: phases'
# action: phases
keys p
unseen 'fox: phases'
keys p
see 'fox: phases'

check 'kill asks, and ends the VM at once'
keys / 
typed owl
keys Enter
see '▸ owl +● running'
# action: kill
keys X
see 'Kill owl\?'
keys Tab Enter
see '▸ owl +○ stopped' 20
expect_equal "$(vm_field owl pid)" null
expect_equal "$(vm_field owl exit_status)" 265 'ended by SIGKILL'
ok stoker logs owl
expect_no_match "$OUT" 'Power down' # the guest was not asked
press Escape

check 'paused where it is, and on again'
press Escape
keys g
see '▸ fox +● running'
# action: pause
keys Z
see '▸ fox +‖ paused' 20
# action: resume
keys u
see '▸ fox +● running' 20

check 'panes one after the other, and closed'
keys g Enter
see 'fox:~#' 30
keys 'C-]' l
see 'console, following'
# action: next-pane
keys 'C-]' n
see 'fox:~#'
unseen 'console, following'
keys 'C-]' n
see 'console, following'
keys 'C-]' n
see 'fox:~#'
# action: close
keys 'C-]' w
unseen 'fox:~#'
unseen 'fox ⌂'
keys q
see 'ended with 0|Leave|▸ fox'
