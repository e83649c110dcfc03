#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Acting on many VMs, the palette, undo, cloning, the commands behind it all,
# and what is configured and remembered.
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/lib_tmux.sh"

use_own_image
new_vm fox --memory 192M --label tier=web
new_vm owl --label tier=db
new_vm cat
ok stoker start fox owl
ok stoker wait fox --for ready --timeout 120
ok stoker wait owl --for ready --timeout 120

# What the commands page says an action is, lines that were broken put together.
command_for() {
	screen | sed 's/^[^│]*│ *//; s/ *│.*$//' | awk -v name="$1" '$1 == name { sub("^ *" name " +", ""); print; exit }'
}

check 'a first time gets a hint; keys of the configuration hold, and what is wrong with them is said'
printf '\n[keys]\nstop = Ctrl-T\nlogs = s\n\n[filters]\nweb = label:tier=web\n\n[presets]\nsmall = memory=128M\nodd = vcpus=many\n' >>"$STOKER_CONFIG"
terminal board 120x30 "'$STOKER_PROGRAM'; echo ended with \$?; read x"
tm set -g set-clipboard on
see '▸ fox +● running' 20
see 's is the key of start and of logs; logs has it now'
keys j k
expect_status 1 stoker config check
expect_match "$OUT" 's is the key of start and of logs; logs has it now'
expect_match "$OUT" 'stoker\.conf:[0-9]+: vCPUs: many is no number'
sed -i '/^odd = /d' "$STOKER_CONFIG"
sed -i '/^logs = s$/d' "$STOKER_CONFIG"
see 'the configuration was read again'
sed -i 's/^stop = Ctrl-T$/stop = F9/' "$STOKER_CONFIG"
see 'F9 stop'
printf '[ui]\nrefresh_ms = often\n' >>"$STOKER_CONFIG"
see 'stoker\.conf:[0-9]+:14: ui\.refresh_ms'
sed -i 's/^refresh_ms.*/mouse = off/' "$STOKER_CONFIG"
see 'the configuration was read again'
expect_equal "$(tm display-message -t board -p '#{mouse_any_flag}')" 0
coloured() { tm capture-pane -t board -pe | grep -q $'\033\\[[0-9;]*3[0-8]'; }
coloured || fail 'no colours'
keys j k
unseen 'read again'
sed -i 's/^mouse = off/colour = none/' "$STOKER_CONFIG"
see 'the configuration was read again'
expect_equal "$(tm display-message -t board -p '#{mouse_any_flag}')" 1
if coloured; then fail 'colours are left'; fi
keys j k
unseen 'read again'
sed -i 's/^colour = none/ascii = on/' "$STOKER_CONFIG"
see '> fox +\* running'
coloured || fail 'no colours again'
sed -i '/^ascii/d' "$STOKER_CONFIG"
see '▸ fox +● running'
# A dialog's keys are of the same section: the pages of text are left by another one, and say so.
sed -i 's/^stop = F9$/stop = F9\ndialog-leave = F7\ntext-down = Ctrl-T j/' "$STOKER_CONFIG"
see 'the configuration was read again'
keys '?'
see 'Ctrl-T k scroll  F7 back'
keys q
see 'Ctrl-T k scroll  F7 back'
keys F7
see 'F9 stop'
sed -i '/^dialog-leave/d; /^text-down/d' "$STOKER_CONFIG"
see 'the configuration was read again'

check 'one command on many VMs, answers that differ apart'
keys g Space
# action: mark-range
keys v
see '2 marked'
# action: run
keys '!'
see 'a command for 2 VMs'
typed 'hostname; uname -s'
keys Enter
see '1 says one thing, 1 says another' 30
see 'fox.* owl'
see 'Linux.* Linux'
press Escape
keys '!' C-u
typed 'uname -s; exit 3'
keys Enter
see 'all 2 say the same' 30
see '2 VMs say \(status 3\)'
press Escape
keys '!' C-u
typed 'sleep 30'
keys Enter
see 'asking 2 VMs'
keys x
see 'could not be asked' 20
press Escape

check 'marks the other way round; several at once are told first, and each result after'
# action: invert
keys V
see '1 marked'
keys V a
see '3 marked'
keys F9
see 'Stop 2 VMs\?'
see '1 is left: it does not run'
see 'stoker stop fox owl'
press Escape
keys s
see 'Start 1 VMs?\?|Start cat\?'
see '2 are left: it runs already'
keys Enter
see 'cat +● running' 60
# action: results
keys E
see 'start: 1 done, 2 left as they were'
see 'left +(fox|owl): it runs already'
press Escape

check 'the palette finds what is meant and says why something is not possible'
keys :
typed start
see '▸ start +s +not now: it runs already'
keys C-u
typed cat
see '▸ cat +VM, running'
keys Enter
see '▸ cat'
keys :
typed web
see 'filter: label:tier=web'
keys Enter
see '/label:tier=web +1 of 3'
press Escape
keys :
typed keep_s
see 'trash\.keep_s +setting = 600'
press Escape

check 'a filter is completed, counted, kept'
keys /
typed 'label:tier=d'
keys Tab
see '/label:tier=db.* 1 of 3'
typed 'colour:red '
see 'there is no key colour'
keys C-u
typed 'label:tier=db'
keys Enter
# action: save-filter
keys F
see 'a name for the filter'
typed db
keys Enter
see 'filter db kept'
press Escape
keys :
typed db
see '▸ db +filter: label:tier=db'
press Escape

check 'a clone begins as its origin is; a preset takes over what it says'
keys g
see '▸ fox'
# action: clone
keys C
see 'Create a VM like fox'
see 'Memory +192'
see 'Labels +tier=web'
typed fox-two
keys Up Right
see '\[small\]'
see 'Memory +128M'
keys Left
see 'Memory +512'
press Escape
unseen 'Create a VM'
keys C
typed fox-two
see 'Can be created and started'
see 'stoker create fox-two --memory 192'
keys Enter
see 'fox-two +● running' 60
expect_equal "$(vm_field fox-two memory_mib)" 192

check 'each action as a command, and the line does it'
keys g
see '▸ fox '
# action: command
keys y
see 'stoker delete --force --trash fox'
line=$(command_for run)
expect_equal "$line" "stoker exec fox -- sh -c 'sleep 30'"
line=$(command_for stop)
expect_equal "$line" 'stoker stop fox'
expect_equal "$(command_for inspect)" 'stoker inspect fox'
press Escape
ok eval "$line"
see 'fox +○ stopped' 20
keys y
see 'Enter copies'
keys Enter
see 'copied: stoker create --start'
expect_equal "$(tm show-buffer)" 'stoker create --start'

check 'a stopped VM gets a larger disk, a smaller one is refused with the reason'
# action: resize
keys +
see 'MiB, or with G: the disk of fox, now 2048'
typed 3G
keys Enter
see '▸ fox'
wait_until 20 vm_is fox disk_mib 3072
keys +
see 'the disk of fox, now 3072'
typed 100
keys Enter
see 'a disk is only ever grown'

check 'what was deleted rests, and comes back'
keys D
see 'It rests in the trash for 10m; U takes it back'
see 'stoker delete --trash fox'
keys Tab Enter
rests() {
	"$STOKER_PROGRAM" trash list | grep -Eq "$1 +[0-9a-f]{16} "
}
wait_until 20 rests fox # while it is on its way its row shows another state
unseen ' fox +[○◐]'
# action: undo
keys U
see 'fox +○ stopped'
ok stoker trash list --json
expect_equal "$OUT" '[]'
keys q

check 'the next dashboard remembers'
see 'ended with 0'
expect_match "$(cat "$STOKER_STATE_DIR/tui.state")" 'filters\.db = label:tier=db'
expect_equal "$(stat -c %a "$STOKER_STATE_DIR/tui.state")" 600

check 'a command means this host, however long the quoted name of its state folder is'
long=$T/$(printf "'%.0s" {1..200})
mkdir -m 700 "$long"
printf '#!/bin/sh\n"%s" --state "%s" tui\necho ended with $?\nread x\n' "$STOKER_PROGRAM" "$long" >"$T/far"
terminal far 200x30 "sh '$T/far'"
see 'No VMs yet'
keys : C-u
typed reconcile
see '▸ reconcile'
see "stoker --state '$T/'.'''"
press Escape
keys q
see 'ended with 0'

check 'read-only: every key, and not a byte of the state has changed, nor the VM that runs'
ok stoker stop --all --force
ok stoker start owl
ok stoker wait owl --for ready --timeout 120
ok stoker inspect owl --json
running=$(json '(if type == "array" then .[0] else . end) | [.status, .pid, .supervisor_pid] | @tsv')
expect_match "$running" '^running'
# Its guest writes to its own disk whenever it likes.
disk=$STOKER_STATE_DIR/vms/$(json '(if type == "array" then .[0] else . end).id')/disk.ext4
expect_file "$disk"
photograph() {
	find "$STOKER_STATE_DIR" "$STOKER_RUNTIME_DIR" \( -name '*.lock' -o -name '*-journal' -o -path "$disk" \) -prune -o -printf '%p %y %m %s %T@ %i\n' | sort
	find "$STOKER_STATE_DIR" -type f ! -name '*.lock' ! -path "$disk" -exec sha256sum {} + | sort
}
photograph >"$T/before"
terminal locked 120x30 "'$STOKER_PROGRAM' tui --read-only; echo ended with \$?; read x"
see '▸ owl' 20
for key in a D y Enter Escape X y Enter Escape x Enter s Enter u c Enter Escape C Enter Escape e Enter Escape R Enter Escape \
	Enter l q i Escape F Enter Escape v V Space o O p / Escape : d e l Enter Escape r Escape y Escape '?' Escape j k g G \
	PPage NPage Tab z '[' d n w F1 Escape F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 b f h m t A B E H I J K L M N P Q S T U W Y Z \
	0 1 2 3 4 5 6 7 8 9 + - . ',' ';' '#' '*' '!' '$' '%' '&' '(' ')' '=' '@' '^' '_' '~' '<' '>' '"' C-a C-e C-k C-n C-o C-p \
	C-r C-s C-t C-u C-v C-w C-x C-y; do
	keys "$key"
	[ "$key" != Escape ] || sleep 0.05
done
press Escape Escape Escape
see 'fox'
press q q
see 'ended with 0'
photograph >"$T/after"
diff "$T/before" "$T/after" >&2 || fail 'a read-only dashboard changed something'
ok stoker inspect owl --json
expect_equal "$(json '(if type == "array" then .[0] else . end) | [.status, .pid, .supervisor_pid] | @tsv')" "$running"

ok stoker delete --all --force --yes
ok stoker trash empty --yes
