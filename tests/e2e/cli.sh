#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line without a guest to talk to: help, usage, exit codes, the
# verbs that make, show, start, stop, mend and delete, and all of their options.
# What talks to guests is in cli_guest.sh, what needs a terminal in cli_terminal.sh.

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq python3

VERBS='create start stop delete list inspect exec run shell ping logs wait timings events reconcile image network bench doctor tui config
version completion help'

# expect_usage MESSAGE ARGS...: exit 2, one line on stderr, nothing on stdout.
expect_usage() {
	local message=$1
	shift
	expect_status 2 stoker "$@"
	expect_match "$ERR" "$message"
	expect_match "$ERR" '^stoker: '
	expect_equal "$(wc -l <"$T/err")" 1 "lines on stderr for: $*"
	expect_equal "$OUT" ''
}

# one_json: stdout is exactly one JSON value.
one_json() {
	expect_equal "$(jq -s length "$T/out")" 1 'JSON values on stdout'
}

check 'help and version'
ok stoker help
for verb in $VERBS; do
	expect_match "$OUT" "  $verb"
	"$STOKER_PROGRAM" help "$verb" >"$T/help" || fail "help $verb"
	"$STOKER_PROGRAM" "$verb" --help | cmp - "$T/help"
	"$STOKER_PROGRAM" --help "$verb" | cmp - "$T/help"
done
ok stoker --help
expect_match "$OUT" 'Exit codes'
ok stoker image build --help
expect_match "$OUT" '--kernel FILE'
ok stoker help image build
ok stoker help rm
expect_match "$OUT" 'stoker delete:'
ok stoker --version
expect_match "$OUT" '^stoker [0-9]+\.[0-9]+\.[0-9]+$'
ok stoker version --quiet
expect_match "$OUT" '^[0-9.]+$'
ok stoker version --json
one_json
json .version >/dev/null
expect_status 2 stoker
expect_match "$ERR" 'Verbs:'

check 'usage'
expect_usage 'there is no verb "lst"\. Did you mean "list"\?' lst
expect_usage 'there is no verb "frobnicate"' frobnicate
expect_usage 'there is no option --stauts\. Did you mean --status\?' list --stauts running
expect_usage 'there is no option -Z' list -Z
expect_usage 'Did you mean --json' list -json
expect_usage 'there is no option --nothing' --nothing list
expect_usage '--state needs a value\. Give it as --state DIR\. See' --state
expect_usage '"word" is one word too many' list word
expect_usage 'VM is missing' ping
expect_usage 'no VM is named' start
expect_usage 'names and --all do not go together' stop --all web
expect_usage 'names and --label do not go together' stop --label a=b web
expect_usage 'one of its verbs is needed: build, import, list' image
expect_usage 'no verb "kill"\. Here that is `stoker stop --force VM`' kill web
expect_usage 'Here that is the dashboard: `stoker`\. See' top
expect_usage 'Here that is `stoker stop VM`' shutdown web
expect_usage 'Did you mean "image list"' image lits
expect_usage '--force takes no value' delete --force=yes web
expect_usage 'takes a number from 1 to 4096, not "0"' create --vcpus 0
expect_usage 'takes a size' create --memory lots
expect_usage 'takes one of isolated' create --disk-mode none
# What this build has is offered, in help and completion alike.
expect_match "$("$STOKER_PROGRAM" help create)" 'auto\|firecracker\|qemu'
for shell in bash zsh fish; do
	expect_match "$("$STOKER_PROGRAM" completion "$shell")" 'firecracker'
done
expect_usage 'no network' create --network bridge x
expect_usage 'neither all, none nor a network' create --network tap --egress 10.0.0.1/8 x
expect_usage 'cannot tell one network from another' create --network user --egress 10.0.0.0/8 x
expect_usage 'has no such rules' create --network user --allow host x
expect_usage 'no port that could be published' create --network none --publish 8080:80 x
expect_usage 'nothing that can be published' create --publish 8080 x
expect_usage 'published twice' create --publish 8080:80 --publish 8080:81 x
printf '[firecracker]\nbinary = /nonexistent/firecracker\n' >"$T/fc.conf"
chmod 600 "$T/fc.conf"
expect_status 5 stoker --config "$T/fc.conf" create --backend firecracker x
expect_match "$ERR" 'Firecracker .*is not installed\. Run stoker doctor --install firecracker'
expect_usage 'takes a time' wait --timeout soon web
expect_usage 'there is no state "asleep"' list --status asleep
expect_usage 'json' shell --json web
expect_usage 'json' list --watch --json
expect_usage 'needs --yes' delete --all
expect_usage '--dry-run changes nothing' reconcile --dry-run --yes
expect_usage 'bash, zsh and fish' completion csh
expect_usage 'needs a terminal' tui
expect_usage 'opposites' logs --raw --clean web
expect_usage 'no meaning' completion --json bash
# A hostile word comes out harmless.
expect_status 2 stoker $'\e]0;x\a\e[31mlist\n'
expect_no_match "$(cat -v "$T/err")" '\^\['
# Verbs that give the guest's status keep 125 for everything of their own.
expect_status 125 stoker exec
expect_status 125 stoker exec web
expect_status 125 stoker run
expect_status 125 stoker exec --nothing web -- true
expect_status 125 stoker exec --env novalue web -- true
expect_status 125 stoker exec web -- true
expect_match "$ERR" 'web'
expect_status 125 stoker run --memory 1T -- true
expect_status 125 stoker run --timeout x -- true

check 'places and settings'
ok stoker config --json
one_json
expect_equal "$(json .places.state)" "$STOKER_STATE_DIR"
expect_equal "$(json '.settings[] | select(.key == "defaults.egress").value')" none
expect_match "$(json '.settings[] | select(.key == "defaults.egress").origin')" 'stoker\.conf:5$'
ok stoker config defaults.image defaults.vcpus
expect_equal "$OUT" $'micro\n1'
ok stoker config --quiet
expect_match "$OUT" 'network\.ports'
expect_status 3 stoker config memory_mib
expect_match "$ERR" 'defaults\.memory_mib'
ok stoker --state "$T/other" config --json
expect_equal "$(json .places.state)" "$T/other"
ok stoker config --json --state="$T/other" --runtime "$T/other-run" --image-dir "$T/other-images"
expect_equal "$(json '.places | [.state, .runtime, .images] | join(" ")')" \
	"$T/other $T/other-run $T/other-images"
expect_status 3 stoker --config "$T/none.conf" list
printf '[defaults]\nimagge = x\n' >"$T/bad.conf"
expect_status 2 stoker --config "$T/bad.conf" list
expect_match "$ERR" 'bad\.conf:2'
mkdir "$T/open"
chmod 777 "$T/open"
expect_status 1 stoker --state "$T/open" list
expect_match "$ERR" 'stoker: '

check 'completion scripts'
for shell in bash zsh fish; do
	ok stoker completion "$shell"
	for verb in $VERBS; do
		expect_match "$OUT" "$verb"
	done
	if command -v "$shell" >/dev/null; then
		"$shell" -n "$T/out" || fail "$shell cannot read its completion"
	fi
done

check 'a missing image'
expect_status 5 stoker create nobody --image-dir "$T/none"
expect_match "$ERR" 'image'
expect_status 3 stoker image inspect nothing
expect_status 3 stoker image delete nothing

check 'images'
need_image
ok stoker image list --json
one_json
expect_equal "$(json '.[] | select(.name == "micro") | .agent')" true
ok stoker image ls --quiet
expect_match "$OUT" '(^|
)micro($|
)'
ok stoker image list
expect_match "$OUT" 'KERNEL'
ok stoker image inspect micro
expect_match "$OUT" 'sha256:'
ok stoker image inspect micro --json
json .kernel_version >/dev/null
ok stoker image build micro --kernel debian --json
expect_equal "$(jq -r .built "$T/out")" false
ok stoker image build micro --kernel debian
expect_match "$OUT" 'up to date'
expect_status 3 stoker image build no-such-recipe

check 'names and sizes that are refused'
for name in '../x' 'UPPER' 'a b' $'a\nb' "$(printf 'a%.0s' {1..300})" ''; do
	expect_status 2 stoker create -- "$name"
	expect_match "$ERR" '^stoker: '
	expect_equal "$(wc -l <"$T/err")" 1 'lines on stderr'
done
expect_status 2 stoker create -- -oProxyCommand=x
expect_usage 'there is no option -o' create -oProxyCommand=x
expect_status 2 stoker create --memory 1
expect_match "$ERR" 'MiB'
expect_status 2 stoker create --memory 99999G
expect_status 2 stoker create --disk 10
expect_status 2 stoker create --label 'not a label'
expect_status 2 stoker create --vcpus 4000
ok stoker list --json
expect_equal "$(jq length "$T/out")" 0

check 'create'
ok stoker create web --memory 256M --vcpus 1 --disk 128 --disk-mode isolated --backend qemu --accel tcg --network user \
	--egress none --image micro --label tier=front --label team=blue
expect_match "$OUT" '^web  created in '
expect_status 4 stoker create web
expect_match "$ERR" 'web'
ok stoker create --quiet
MADE_UP=$OUT
expect_match "$MADE_UP" '^[a-z]+-[a-z]+(-[0-9a-z]+)?$'
ok stoker inspect "$MADE_UP" --json
expect_equal "$(json '[.vcpus, .memory_mib, .disk_mib, .disk_mode, .image] | join(" ")')" '1 512 2048 isolated micro'
ok stoker create one two --memory 200 --disk-mode shared --network none --label tier=back --json
one_json
expect_equal "$(json 'map(.name) | join(" ")')" 'one two'
ok stoker create three --memory=160m --json
expect_equal "$(json 'type + " " + .name + " " + (.memory_mib | tostring)')" 'object three 160'
# Goes on after a failure and exits with the first failure's code.
expect_status 4 stoker create web four --json
one_json
expect_equal "$(json '.[0].error.code')" exists
expect_equal "$(json '.[1].name')" four

check 'list'
ok stoker list
expect_match "$OUT" 'NAME +STATUS +PID +IP'
expect_equal "$(wc -l <"$T/out")" 7
ok stoker ls --quiet
expect_equal "$(sort <<<"$OUT" | tr '\n' ' ')" "$(printf '%s\n' web one two three four "$MADE_UP" | sort | tr '\n' ' ')"
ok stoker ps --format ids
ID=$(head -n1 "$T/out")
expect_match "$ID" '^[0-9a-f]{16}$'
ok stoker list --format names
ok stoker list --format json
one_json
ok stoker list --json
one_json
for field in name id status pid ip ssh_port backend accel vcpus memory_mib disk_mib disk_mode network image labels \
	created_at uptime_s; do
	expect_equal "$(jq "all(has(\"$field\"))" "$T/out")" true "field $field"
done
expect_equal "$(json '.[] | select(.name == "web") | [.status, .backend, .accel, .vcpus, .memory_mib, .disk_mib,
	.disk_mode, .network, .image, .labels.tier, .labels.team] | join(" ")')" \
	'created qemu tcg 1 256 128 isolated user micro front blue'
expect_equal "$(jq -c '.[] | select(.name == "one") | [.pid, .ip, .ssh_port, .uptime_s]' "$T/out")" '[null,null,null,null]'
ok stoker list --quiet --label tier=back
expect_equal "$OUT" $'one\ntwo'
ok stoker list --quiet --label tier --label team=blue
expect_equal "$OUT" web
ok stoker list --quiet --label tier,team=blue
expect_equal "$OUT" web
ok stoker list --quiet --label tier=back,team=blue
expect_equal "$OUT" ''
expect_status 2 stoker list --label tier,
expect_match "$ERR" "'' is no label"
ok stoker list --quiet --label tier=none
expect_equal "$OUT" ''
ok stoker list --quiet --status running
expect_equal "$OUT" ''
ok stoker list --quiet --status created,running --all
expect_equal "$(wc -l <"$T/out")" 6
ok stoker list --no-color --json
timeout 2 "$STOKER_PROGRAM" list --watch >"$T/watch" 2>&1 || true
expect_match "$(cat "$T/watch")" 'web +created'

check 'inspect'
ok stoker inspect web
expect_match "$OUT" 'tier=front'
expect_match "$OUT" 'chosen +qemu: asked for; tcg: tcg was asked for'
ok stoker inspect "$MADE_UP" --json
# Why this one, and KVM or not: each has a reason.
expect_match "$(json .choice)" '^(qemu|firecracker): [^;]+; (kvm|tcg): .+'
ok stoker inspect "${ID:0:8}" --json
expect_equal "$(json .id)" "$ID"
expect_file "$(json .paths.dir)"
ok stoker inspect one two --json
expect_equal "$(json length)" 2
ok stoker inspect --label tier=back,tier --json
expect_equal "$(json length)" 2
expect_status 3 stoker inspect one nobody two --json
one_json
expect_equal "$(json '.[1].error.code')" not_found
expect_equal "$(json '.[2].name')" two
expect_status 3 stoker inspect nobody
expect_status 3 stoker inspect --label tier=none
expect_status 125 stoker exec --json nobody -- true
one_json
expect_equal "$(json .error.what)" exec
# A verb that comes to no result is one value as well.
for verb in logs ping host-key events timings 'trash empty' 'inspect --label' 'reconcile --adopt'; do
	read -ra words <<<"$verb"
	expect_status 3 stoker --json "${words[@]}" nobody
	one_json
	expect_equal "$(json '.error.code')" not_found
done
expect_status 1 stoker --json list --state /proc/nowhere
one_json

check 'wrong states'
expect_status 4 stoker stop web
expect_status 3 stoker stop nobody
expect_status 3 stoker start nobody
expect_status 3 stoker delete nobody
expect_status 3 stoker wait nobody
expect_status 3 stoker logs nobody
expect_status 3 stoker ping nobody
expect_status 3 stoker timings nobody
expect_status 3 stoker shell nobody
expect_status 125 stoker exec nobody -- true
expect_status 125 stoker exec web -- true
expect_status 6 stoker wait web --for running --timeout 200ms

check 'start, wait, stop'
ok stoker start web three
expect_match "$OUT" 'web  started in '
expect_status 4 stoker start web
expect_match "$ERR" 'already running'
# The first failure's code, and the others are still done.
expect_status 3 stoker start nobody one web
ok stoker list --status running --quiet
expect_equal "$(sort "$T/out" | tr '\n' ' ')" 'one three web '
ok stoker wait web --for running --json
expect_equal "$(json .status)" running
expect_match "$(json .pid)" '^[0-9]+$'
expect_status 4 stoker delete web
expect_match "$ERR" '--force'
expect_status 6 stoker wait web --for stopped --timeout 100ms
expect_match "$ERR" '^stoker: wait for web: .*stoker stop web'
expect_status 6 stoker wait "$(stoker list --format ids --filter name:web)" --for stopped --timeout 1ms
expect_match "$ERR" '^stoker: wait for web: '
ok stoker wait web three --for ready --timeout 60 --quiet
expect_equal "$OUT" $'web\nthree'
ok stoker wait web --for ssh
ok stoker stop web --timeout 10 --json
expect_equal "$(json .status)" stopped
ok stoker wait web --for stopped
ok stoker stop --label tier=back --force
ok stoker stop --all --force
ok stoker stop --all
expect_match "$ERR" 'nothing to stop'
ok stoker start --label tier=back --quiet
expect_equal "$OUT" $'one\ntwo'
ok stoker stop -af
expect_status 3 stoker start --label tier=none
ok stoker create quick --ephemeral --memory 256 --disk-mode shared --start --quiet
expect_equal "$OUT" quick
ok stoker stop quick --json
expect_equal "$(json .deleted)" true
expect_status 3 stoker inspect quick
# An ephemeral VM that is gone is not to be started again.
ok stoker create brief --ephemeral --memory 256 --disk-mode shared --start --quiet
ok stoker wait brief --quiet
"$STOKER_PROGRAM" exec brief -- sleep 60 >/dev/null 2>"$T/brief.err" &
EXEC=$!
sleep 0.5
kill -9 "$(vm_field brief pid)"
status=0
wait "$EXEC" || status=$?
expect_equal "$status" 125 'exit status of exec'
expect_match "$(cat "$T/brief.err")" 'ephemeral.*make another: stoker create'
expect_status 125 stoker exec brief -- true
expect_no_match "$ERR" 'stoker start'

check 'a wait that a signal interrupts'
# interrupted REGEX ARGS...: SIGTERM as soon as the VM late runs; stderr says that it is kept, and it is.
interrupted() {
	local regex=$1 pid status=0
	shift
	"$STOKER_PROGRAM" "$@" >"$T/late.out" 2>"$T/late.err" &
	pid=$!
	wait_until 10 sh -c '"$STOKER_PROGRAM" list --status running --quiet | grep -qx late'
	kill -TERM "$pid"
	wait "$pid" || status=$?
	expect_equal "$status" 143 'exit status'
	expect_match "$(cat "$T/late.err")" "^stoker: wait for late: .*cancelled.*$regex"
	expect_equal "$(wc -l <"$T/late.err")" 1 'lines on stderr'
	expect_equal "$(vm_field late status)" running
	ok stoker stop late --force
}
interrupted 'late was created and is kept' create late --memory 256 --disk-mode shared --wait
interrupted 'late was started and is kept running' start late --wait
ok stoker delete late

check 'timings'
ok stoker timings web --json
one_json
for phase in create start boot ssh stop; do
	expect_match "$(json ".$phase")" '^[0-9.]+$'
	json ".phases.$phase | .n, .last_ms, .p50_ms, .p95_ms, .p99_ms, .min_ms, .max_ms" >/dev/null
done
expect_equal "$(json '.rows | map(.row) | join(" ")')" 'create_start ssh_ready exec stop_delete lifecycle'
ok stoker timings
for row in create start boot ssh exec stop delete 'Create \+ Start' 'SSH ready' 'Command execution' 'Stop \+ Delete' \
	'Full lifecycle'; do
	expect_match "$OUT" "$row"
done
# Of a VM that was deleted, by its name.
ok stoker timings quick --json
expect_equal "$(json .name)" quick
expect_match "$(json .id)" '^[0-9a-f]{16}$'
expect_match "$(json .delete)" '^[0-9.]+$'
expect_status 3 stoker timings nobody
expect_match "$ERR" 'no VM nobody'

check 'events: what happened and by whom, of one VM or of all, deleted ones too'
ok stoker events --json
one_json
all=$(json length)
expect_equal "$(json 'map(select(.name == "quick").kind) | index("created") != null and index("deleted") != null')" true
expect_equal "$(json 'map(.at) == (map(.at) | sort)')" true
expect_equal "$(json 'map(select(.by == "command" and (.text | length) > 0)) | length > 0')" true
ok stoker events
expect_equal "$(wc -l <"$T/out")" "$all"
expect_match "$OUT" '[0-9:]{8}.*  command    quick deleted'
ok stoker events quick web --json
expect_equal "$(json 'map(.name) | unique | join(" ")')" 'quick web'
ok stoker events web --limit 2
expect_equal "$(wc -l <"$T/out")" 2
expect_no_match "$OUT" quick
ok stoker events "$(vm_field web id)" --limit 1 --json
expect_equal "$(json '.[0].name')" web
expect_status 3 stoker events nobody
expect_match "$ERR" 'no VM nobody'
expect_usage 'goes on' events --json --follow
"$STOKER_PROGRAM" events web --follow --limit 0 >"$T/followed" &
follower=$!
sleep 0.5
ok stoker create other --memory 256 --disk-mode shared
ok stoker delete other
ok stoker start web
ok stoker stop web --force
wait_until 10 grep -q 'web stopped' "$T/followed"
kill -TERM "$follower"
wait "$follower" || true
expect_match "$(cat "$T/followed")" 'web started'
expect_no_match "$(cat "$T/followed")" other
# Whoever reads no more ends it.
"$STOKER_PROGRAM" events --follow | head -1 >"$T/one"
expect_equal "$(wc -l <"$T/one")" 1

check 'ping: both ways that fail'
ok stoker create mute --memory 256 --disk-mode shared
expect_status 4 stoker ping mute --json
one_json
expect_equal "$(json '[.errors[].via] | join(" ")')" 'channel ssh'
expect_equal "$(json '.error.code == .errors[0].code')" true
ok stoker delete mute

check 'doctor'
"$STOKER_PROGRAM" doctor --vms 5 --json >"$T/out" 2>"$T/err" || [ $? = 1 ]
one_json
expect_equal "$(jq '.checks | length > 5 and all(has("name") and has("result") and has("reason") and has("fix"))' "$T/out")" true
expect_equal "$(jq '.checks | all(.result == "ok" or .result == "warn" or .result == "fail")' "$T/out")" true
"$STOKER_PROGRAM" doctor >"$T/out" || [ $? = 1 ]
expect_match "$(cat "$T/out")" 'qemu'

check 'missing or broken QEMU'
printf '[qemu]\nbinary = /nonexistent/qemu\n' >"$T/noqemu.conf"
expect_status 5 stoker --config "$T/noqemu.conf" start web
printf '#!/bin/sh\necho broken >&2\nexit 3\n' >"$T/qemu"
chmod 755 "$T/qemu"
printf '[qemu]\nbinary = %s\n' "$T/qemu" >"$T/badqemu.conf"
expect_status 1 stoker --config "$T/badqemu.conf" start web

check 'reconcile'
ok stoker reconcile --dry-run
expect_match "$ERR" 'agree'
ok stoker reconcile --json
expect_equal "$(jq '.findings | length' "$T/out")" 0
ok stoker start three
kill -9 "$(vm_field three pid)" "$(vm_field three supervisor_pid)"
ok stoker reconcile --dry-run --json
one_json
expect_equal "$(json '.findings[0] | [.kind, .subject, .repair] | join(" ")')" 'dead_process three mark'
expect_equal "$(jq '.findings[0] | has("detail") and .done == false' "$T/out")" true
expect_status 1 stoker reconcile
expect_match "$OUT" 'three'
expect_match "$ERR" '--yes'
expect_status 1 stoker reconcile --json
expect_equal "$(json '[.findings[0].kind, .dry_run] | tojson')" '["dead_process",true]'
ok stoker reconcile --yes --json
expect_equal "$(json '.findings[0].done')" true
ok stoker reconcile --yes
expect_equal "$(vm_field three status)" crashed
ok stoker list
expect_match "$OUT" 'crashed'
expect_status 3 stoker reconcile --adopt 0000000000000000
expect_status 3 stoker reconcile --end 0000000000000000

check 'reconcile: what needs a choice'
# Their records are lost, their VMMs live: with a manifest one can be adopted, without only ended.
ok stoker start four web
FOUR=$(vm_field four id) WEB=$(vm_field web id) FOUR_PID=$(vm_field four pid) WEB_PID=$(vm_field web pid)
python3 - "$STOKER_STATE_DIR/store.db" <<'END'
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.execute("DELETE FROM vm WHERE name IN ('four', 'web')")
store.commit()
END
rm "$STOKER_STATE_DIR/vms/$WEB/manifest.json"
ok stoker reconcile --yes --json
expect_equal "$(jq '[.findings[] | select(.kind == "orphan_vmm") | .ask and (.done | not)] | length' "$T/out")" 2
kill -0 "$FOUR_PID" "$WEB_PID"
expect_status 3 stoker reconcile --adopt "$WEB"
ok stoker reconcile --adopt "${FOUR:0:8}"
expect_equal "$(vm_field four pid)" "$FOUR_PID"
expect_equal "$(vm_field four status)" running
kill -0 "$WEB_PID"
ok stoker reconcile --end "$WEB" --json
expect_equal "$(json '.findings[] | select(.kind == "orphan_vmm") | .done')" true
wait_until 5 sh -c "! kill -0 $WEB_PID 2>/dev/null"
ok stoker reconcile --dry-run --json
expect_equal "$(jq '.findings | length' "$T/out")" 0
ok stoker stop -f four

check 'delete'
PREFIX=$(vm_field "$MADE_UP" id | cut -c1-6)
ok stoker delete "$PREFIX"
ok stoker start one
ok stoker rm -f one two --json
expect_equal "$(json 'map(.deleted) | all')" true
expect_status 3 stoker delete --label missing=yes --yes
ok stoker delete --all --force --yes --quiet
expect_equal "$(sort "$T/out" | tr '\n' ' ')" 'four three '
ok stoker delete --all --yes
ok stoker list --quiet
expect_equal "$OUT" ''

check 'of several names one that cannot be is found before anything is made'
expect_usage 'twin is named twice' create twin other twin
expect_usage "'Not One' is no name" create other 'Not One'
ok stoker list --quiet
expect_equal "$OUT" ''
expect_status 3 stoker delete --json nobody
expect_equal "$(jq -c '[.deleted, .error.code]' <<<"$OUT")" '[false,"not_found"]'

check 'one frame of the dashboard'
ok stoker --once --size 80x24 --read-only --ascii
expect_match "$OUT" 'read-only'
expect_status 2 stoker --read-only list
expect_match "$ERR" 'there is no option --read-only. See `stoker help`'
ok stoker tui --once --size 80x24 --read-only --ascii
expect_equal "$(wc -l <"$T/out")" 24

check 'output that cannot be written'
expect_status 1 bash -c '"$STOKER_PROGRAM" config >/dev/full'
expect_match "$ERR" 'No space left on device\. Free disk space there'
