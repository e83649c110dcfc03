#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The dashboard as a person uses it, on real VMs, in tmux.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

need_image

# The dashboard that runs in a window: the shell's child, by its id.
dashboard_in() {
	ps --ppid "$(tm display-message -t "$1" -p '#{pane_pid}')" -o pid=,comm= | awk '$2 == "stoker" { print $1 }'
}

check 'no terminal, a dumb one, an unknown one: a clear sentence and no harm'
expect_status 2 stoker tui
expect_match "$ERR" 'needs a terminal'
terminal dumb 80x24 "TERM=dumb '$STOKER_PROGRAM' tui; echo status \$?; sleep 100"
see 'TERM is "dumb".*' 10
see 'status 5'
terminal unknown 80x24 "TERM=teletype-33 '$STOKER_PROGRAM' tui; echo status \$?; sleep 100"
see 'does not know TERM=teletype-33'
see 'status 5'

check 'one frame as text, without a terminal'
ok stoker tui --once --size 60x12
expect_match "$OUT" 'No VMs yet. Press c to create one.'

check 'an empty list teaches; a VM is created and started from the form'
terminal board 120x30 "'$STOKER_PROGRAM'; echo status \$?; stty -a | tr ';' '\n' | grep -c -- '[^-]icanon.*[^-]echo'; sleep 1000"
see 'No VMs yet. Press c to create one.' 20
see 'Welcome\. \? explains the keys, : finds everything'
# action: create
keys c
see 'Create a VM'
see 'Can be created and started'
typed 'Not_A_Name'
see 'Not_A_Name.*is no name'
keys Enter
see 'Create a VM' # refused while it is wrong
keys C-u
typed otter
keys Down Down Down C-u
typed 256
see 'Can be created and started'
keys Enter
see '▸ otter +◐ (create|start|boot) [0-9]'
see 'boot +█'
see '▸ otter +● running' 60
see 'otter is ready'
see 'last runs to ready +[0-9]'
ok stoker list --json
expect_equal "$(json '.[0].name + " " + (.[0].memory_mib | tostring)')" 'otter 256'

check 'another one made by the command line appears by itself, and the selection stays'
new_vm amber
see 'amber +○ created'
see '▸ otter'
# action: sort
keys o
see 'sorted by name'
see 'NAME▾'
see '▸ otter'
# action: reverse
keys O
see 'NAME▴'

check 'start it and see the running clock; stop asks the guest'
keys g G
# Another program scribbles over it: what did not change is not drawn again by itself.
scribble() {
	printf '\0337\033[%d;10Hscribbled-here\0338' "$1" >"$(tm display-message -t board -p '#{pane_tty}')"
}
scribble 12
see 'scribbled-here'
# action: redraw
keys C-l
unseen 'scribbled-here'
see '▸ (otter|amber)'
# action: filter
keys /
typed amber
see '1 of 2'
# action: start
keys Enter s
see '▸ amber +◐ (start|boot) [0-9]'
press Escape
see 'otter'
see 'amber +● running' 60
# action: stop
keys x
see 'amber +◐ stop [0-9]|amber +○ stopped'
see 'amber +○ stopped' 20
see 'amber stopped'

check 'marks: two at once; what is marked is told'
# action: mark
keys g Space Space
see '2 marked'
keys s
see '1 is left: it runs already'
keys Enter
see 'amber +● running' 60

check 'help, inspect, logs, palette'
# action: help
keys '?'
see 'A shell beside the list'
press Escape
# action: inspect
keys i
see 'host key +ssh-ed25519'
press Escape
# action: logs
keys l
see 'console, following'
see 'Ctrl-\] to the list'
keys q
unseen 'console, following'
# action: commands
keys :
typed insp
see 'inspect'
keys Enter
see 'host key +ssh-ed25519'
press Escape

check 'a storm of sizes; too small says so and recovers'
for s in 200x50 40x10 41x11 30x5 20x4 100x24 99x24 400x100 36x8 80x24; do
	size "$s"
	sleep 0.05
done
see 'NAME. +STATUS'
size 30x5
see 'too small'
size 40x10
see '(otter|amber) .*running'
size 120x30
see 'PORT +MEM +CPU'
size 200x50
see 'PORT +BACKEND +VCPU'
size 120x30
unseen 'BACKEND'

check 'the mouse: a click selects, on a heading it sorts'
click amber
see '▸ amber'
click STATUS
see 'STATUS▾'
click 'c create'
see 'Create a VM'
click ' kvm '
see '\[kvm\]'
click 'Esc cancel'
unseen 'Create a VM'
click '? help'
see 'Here: the list of VMs'
click 'Esc back'
unseen 'Here: the list'
click otter 2
see '1 marked'
click otter 2
unseen '1 marked'

check 'a supervisor that was killed is missed at once, and the plan says in full what will be done'
supervisor=$(vm_field amber supervisor_pid)
kill -9 "$supervisor"
see 'amber +\? running' 10
keys R
see "lives, its supervisor \(process $supervisor\) is gone → start a new .*the VM[^a-z]+goes[^a-z]+on[^a-z]" 20 # wherever its line ends
keys Enter
see '1 done, 0 failed' 20
press Escape
see 'amber +● running'

check 'a killed VMM is seen, with its signal; reconcile mends what is left'
pid=$(vm_field amber pid)
kill -9 "$(vm_field amber supervisor_pid)" "$pid"
see 'amber +(\?|✖)' 40
# action: reconcile
keys R
see 'Reconcile: [0-9]+ finding'
see '\[x\] .*amber'
keys Space
see '\[ \] .*amber'
keys Space Enter
see '1 done, 0 failed' 20
press Escape
see 'amber +✖ crashed'
keys e
see 'reconcile +amber'
keys e
ok stoker reconcile --dry-run --json
expect_equal "$(json '.findings | length')" 0

check 'delete asks; the safe answer has the focus; nothing else is hit'
keys / C-u
typed otter
keys Enter D
see 'Delete otter\?'
see 'running, up .*killed first'
see '\[ Keep it \]'
keys Enter
unseen 'Delete otter'
ok stoker inspect otter
# action: delete
keys D Tab
see '\[ Delete it \]'
keys Enter
unseen '▸ otter' 20
otter_is_gone() {
	! stoker inspect otter
}
wait_until 10 otter_is_gone
press Escape
see '▸ amber'

check 'Ctrl-Z hands the terminal back and fg takes it again'
terminal jobs 80x24 'bash --norc --noprofile -i'
typed "PS1='> '; '$STOKER_PROGRAM'"
keys Enter
see 'amber +✖'
# action: suspend
keys C-z
see 'Stopped'
unseen 'amber +✖'
typed 'echo typed-$((40+2))'
keys Enter
see 'typed-42'
typed fg
keys Enter
see 'amber +✖'
unseen 'typed-42'

check 'SIGTERM, SIGHUP: the terminal is as before, keys are echoed again'
for signal in TERM HUP INT; do
	board=$(dashboard_in jobs)
	kill -s "$signal" "$board"
	see 'typed-42' # what was there before
	typed "echo 'alive after $signal'"
	keys Enter
	see "
alive after $signal"
	typed "clear; echo typed-42; '$STOKER_PROGRAM'"
	keys Enter
	see 'amber +✖'
done
check 'and after a crash'
board=$(dashboard_in jobs)
kill -s SEGV "$board"
see 'typed-42'
typed "echo 'alive after the crash'"
keys Enter
see '
alive after the crash'

check 'q leaves with status 0 and a sane terminal'
use board
# action: quit
keys q
see 'status 0'
see '
1'

check 'ASCII without a UTF-8 locale; no colour with NO_COLOR'
terminal plain 80x24 "LC_ALL=C NO_COLOR=1 '$STOKER_PROGRAM'"
see '> amber +X crashed'
expect_no_match "$(screen)" '[^ -~
]'
expect_no_match "$(tm capture-pane -t plain -p -e)" $'\033\\[[0-9;]*3[0-7]'
keys q

check 'read-only changes nothing and says so'
terminal watch 80x24 "'$STOKER_PROGRAM' tui --read-only"
see 'read-only'
see '▸ amber'
keys s
see 'this dashboard is read-only'
keys D
see 'this dashboard is read-only'
keys q
