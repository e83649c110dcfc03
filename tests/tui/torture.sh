#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The dashboard on terminals that misbehave: no crash, no leak, no operation
# lost, and a sane terminal afterwards.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

need python3
use_own_image
new_vm fox
pty=$(dirname "${BASH_SOURCE[0]}")/lib_pty.py

check 'a storm of sizes, 1x1 to 500x200'
ok python3 "$pty" sizes "$STOKER_PROGRAM"

check 'stopped and continued, again and again'
ok python3 "$pty" stops "$STOKER_PROGRAM"

check 'kinds of terminals; the ground is asked for only where that is known to be harmless'
ok python3 "$pty" kinds "$STOKER_PROGRAM"
missing=$(sed -n 's/^no terminfo for //p' <<<"$OUT" | paste -sd ' ')
[ -z "$missing" ] || not_tried "terminals whose description is not installed (tests/deps.sh installs it): $missing"

check 'within GNU screen: cell by cell what it is without, Escape gets through at once, and it is left sane'
program=$(type -P screen) || skip 'GNU screen is not installed (tests/deps.sh installs it)'
mkdir -m 700 "$T/screens"
terminal bare 120x30 "'$STOKER_PROGRAM' tui --read-only"
see '▸ fox .*created'
terminal within 120x30 "SCREENDIR='$T/screens' '$program' -c /dev/null -U -S stoker sh -c \"'$STOKER_PROGRAM' tui --read-only; echo ended with \\\$?; stty -a | grep -cw -- '-echo'; cat\""
see '▸ fox .*created'
shown=$(screen)
use bare
expect_equal "$(screen)" "$shown"
use within
keys i
see 'id +[0-9a-f]{16}'
press Escape
unseen 'id +[0-9a-f]{16}'
keys '?'
see 'Here: the list of VMs'
size 100x24
see 'Here: the list of VMs'
press Escape
unseen 'Here: the list of VMs'
keys q
see 'ended with 0
0'
SCREENDIR=$T/screens "$program" -S stoker -X quit >/dev/null
use bare
keys q

check 'the terminal is sane whatever ends it'
ok python3 "$pty" sane "$STOKER_PROGRAM"

# A minute, because the promise says a minute.
check 'output stopped for a minute while VMs come and go'
ok python3 "$pty" blocked "$STOKER_PROGRAM"
made=$(awk '/^created/ { print $2 }' <<<"$OUT")
ok stoker list --json
expect_equal "$(json 'map(select(.name | startswith("while-"))) | length')" "$made"
wait_until 60 vm_is fox status running

check 'a line of 9600 baud, and then a storm of changes'
ok stoker delete --all --force --yes --quiet
new_vm fox
ok stoker start fox
ok python3 "$pty" slow "$STOKER_PROGRAM"
say "   $OUT"
ok stoker stop fox --force

check 'closed in the middle of an operation: it is finished'
ok python3 "$pty" closed "$STOKER_PROGRAM"
wait_until 60 vm_is fox status running
ok stoker reconcile --dry-run --json
expect_equal "$(json '.findings | length')" 0

check 'no terminal kind, a dumb one: a sentence'
terminal none 80x24 "env -u TERM '$STOKER_PROGRAM' tui; echo status \$?; sleep 100"
see 'TERM is not set'
see 'status 5'
