#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The verbs that talk to a guest: exec, run, shell, ping, logs, bench; what
# they give back, and that signals and closed pipes leave nothing behind.

. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
need jq timeout python3 ss
use_own_image

SMALL=(--memory 200 --disk-mode shared --egress none)

left() {
	"$STOKER_PROGRAM" list --quiet
	"$STOKER_PROGRAM" reconcile --dry-run --json | jq -r '.findings[].detail'
	find "$STOKER_STATE_DIR/vms" "$STOKER_RUNTIME_DIR/vms" -mindepth 1 2>/dev/null || true
}

check 'exec waits for a VM that boots'
ok stoker create web --memory 256 --egress none --publish $((PORTS + 90)):80 --publish $((PORTS + 91)):8081 --start
ok stoker exec web -- echo hello
expect_equal "$OUT" hello
ok stoker exec web echo without dashes
expect_equal "$OUT" 'without dashes'

check 'published ports lead to the guest, on 127.0.0.1 only; egress none lets it answer, no more'
if [ "$(vm_field web network)" = user ]; then
	stoker exec web -- sh -c 'for port in 80 8081; do
		(while true; do printf "HTTP/1.0 200 OK\r\n\r\nport $port" | nc -l -p $port; done) >/dev/null 2>&1 & done'
	fetch() { python3 -c "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())" "$1"; }
	expect_equal "$(fetch http://127.0.0.1:$((PORTS + 90))/)" 'port 80'
	expect_equal "$(fetch http://127.0.0.1:$((PORTS + 91))/)" 'port 8081'
	expect_equal "$(ss -Hltn "sport >= :$PORTS and sport < :$((PORTS + 100))" | awk '{ sub(/:.*/, "", $4); print $4 }' | sort -u)" 127.0.0.1
	# The host itself, by the address that user networking gives it.
	gateway=$(stoker exec web -- ip route | awk '$1 == "default" { print $3 }')
	expect_status 1 stoker exec web -- nc -w 2 "$gateway" $((PORTS + 90))
	# One that another VM has is refused by its number.
	expect_status 1 stoker create second --publish $((PORTS + 90)):80
	expect_match "$ERR" "port $((PORTS + 90)) .*web"
fi

check 'exec: status, streams, environment, folder, user'
expect_status 7 stoker exec web -- sh -c 'exit 7'
expect_status 143 stoker exec web -- sh -c 'kill -TERM $$'
expect_status 127 stoker exec web -- no-such-command
expect_match "$ERR" 'no-such-command'
expect_no_match "$ERR" 'sh -c'
expect_status 127 stoker exec web -- 'echo $HOME'
expect_match "$ERR" "for a line of shell: sh -c 'LINE'"
expect_status 126 stoker exec web -- /etc
ok stoker exec web -- sh -c 'echo out; echo err >&2'
expect_equal "$OUT/$ERR" 'out/err'
ok stoker exec --env A=1 -e 'B=two words' -w /tmp web -- sh -c 'echo "$A $B $PWD"'
expect_equal "$OUT" '1 two words /tmp'
ok stoker exec --user nobody web -- id -un
expect_equal "$OUT" nobody
expect_equal "$(printf 'a\0b\377' | stoker exec -i web -- cat | od -An -tx1 | tr -d ' \n')" 610062ff
expect_equal "$(echo unread | stoker exec web -- cat)" '' 'stdin without -i'
expect_equal "$(head -c 3000000 /dev/zero | stoker exec -i web -- wc -c)" 3000000
expect_equal "$(stoker exec web -- head -c 5000000 /dev/zero | wc -c)" 5000000
ok stoker exec -t web -- sh -c 'test -t 1 && stty size'
expect_match "$OUT" '^24 80'
for via in channel ssh auto; do
	expect_status 5 stoker exec --via "$via" web -- sh -c 'echo "$0"; exit 5' over-it
	expect_equal "$OUT" over-it
done

check 'exec in many: answers that are alike together'
ok stoker create one two --label set=pair "${SMALL[@]}" --start
ok stoker create off --label set=pair "${SMALL[@]}"
ok stoker exec --label set=pair -- uname -s
expect_match "$OUT" '^2 VMs say \(status 0\): one, two
  Linux$'
expect_status 3 stoker exec --all -- sh -c 'hostname; echo why >&2; [ "$(hostname)" != two ] || exit 3'
expect_match "$OUT" '1 VM says \(status 0, [0-9.]+ m?s\): web
  web
  why'
expect_match "$OUT" '1 VM says \(status 3, [0-9.]+ m?s\): two'
expect_no_match "$OUT" 'off'
ok stoker exec --all --json -- hostname
expect_equal "$(json '[.[] | .name + "=" + .stdout] | join(";")')" $'web=web\n;one=one\n;two=two'
two=$(stoker inspect two --json | jq -r .pid)
kill -STOP "$two"
expect_status 125 stoker exec --label set=pair --timeout 2s -- uname -s
kill -CONT "$two"
expect_match "$OUT" '1 VM could not be asked: two'
expect_match "$OUT" '1 VM says .*: one'
expect_status 125 stoker exec web --all -- true
expect_status 125 stoker exec -i --all -- true
ok stoker delete one two off --force

check 'exec --json'
expect_status 3 stoker exec --json web -- sh -c 'echo out; echo err >&2; exit 3'
expect_equal "$(json '[.stdout, .stderr, .status, .via] | tojson')" '["out\n","err\n",3,"channel"]'
json .duration_ms >/dev/null
printf 'in' | stoker exec --json -i web -- cat >"$T/out"
expect_equal "$(jq -r .stdout "$T/out")" in
ok stoker exec --json --via ssh web -- printf '\377\000x'
expect_equal "$(json .stdout_base64 | base64 -d | od -An -tx1 | tr -d ' \n')" ff0078
expect_status 125 stoker exec --json nobody -- true
expect_equal "$(jq -r '.error.code + (.status | tostring)' "$T/out")" not_foundnull
expect_status 125 stoker exec --json -t web -- true

check 'exec: timeout, cut short by a signal, closed pipe'
expect_status 125 stoker exec --timeout 1 web -- sleep 1234
expect_match "$ERR" '--timeout'
expect_status 124 timeout -s TERM 1 "$STOKER_PROGRAM" exec web -- sleep 2345
wait_until 5 sh -c "! '$STOKER_PROGRAM' exec web -- pgrep -f 'sleep [12][23][34][45]'"
stoker exec web -- yes | head -n 1 >"$T/out" || true
expect_equal "$(cat "$T/out")" y
wait_until 5 sh -c "! '$STOKER_PROGRAM' exec web -- pgrep yes"

check 'shell without a terminal'
expect_equal "$(echo 'echo from the shell' | stoker shell web)" 'from the shell'
expect_status 9 stoker shell web -- 'echo one line; exit 9'
expect_equal "$OUT" 'one line'
ok stoker ssh web echo several words
expect_equal "$OUT" 'several words'

check 'ping'
ok stoker ping web -c 20 --json
expect_equal "$(json '.rows | map(.via) | join(" ")')" 'channel ssh'
expect_equal "$(jq '.rows | all(.count == 20 and .min_ms <= .median_ms and .median_ms <= .p99_ms and .p99_ms <= .max_ms)' \
	"$T/out")" true
ok stoker ping web -c 3 --via channel --interval 10ms -v
expect_match "$OUT" 'channel 3: '
expect_match "$OUT" 'channel +3 '
ok stoker ping web --via ssh -c 2 --quiet
expect_match "$OUT" '^ssh +2 '
ok stoker ping web --via auto -c 1

check 'logs'
stoker exec web -- sh -c 'printf "one\n\033[31mtwo\033]0;title\007\tthree\nlast\n" >/dev/console'
wait_until 5 sh -c "'$STOKER_PROGRAM' logs web | grep -q last"
ok stoker logs web --clean
expect_match "$OUT" 'two +three'
expect_no_match "$(cat -v "$T/out")" '\^'
ok stoker logs web --raw
expect_match "$(cat -v "$T/out")" '\^\[\[31mtwo'
ok stoker logs web
expect_match "$(cat -v "$T/out")" '\^\[\[31mtwo'
ok stoker logs web --tail 1 --clean
expect_equal "$OUT" last
ok stoker log -n 2 web --json
expect_equal "$(json '.lines | length')" 2
expect_equal "$(json '.lines[1]')" last
ok stoker logs --tail 0 web
expect_equal "$OUT" ''
# Follows until the VM ends, and has what came last.
stoker logs -f web --clean >"$T/follow" &
FOLLOWER=$!
sleep 0.5
stoker exec web -- sh -c 'echo followed >/dev/console'
wait_until 5 grep -q followed "$T/follow"
ok stoker stop web
wait_until 5 sh -c "! kill -0 $FOLLOWER 2>/dev/null"
wait "$FOLLOWER"
expect_status 4 stoker ping web
expect_status 125 stoker exec web -- true
expect_status 4 stoker shell web -- true
ok stoker delete web

check 'run'
ok stoker run "${SMALL[@]}" -- echo hello
expect_equal "$OUT" hello
expect_status 7 stoker run "${SMALL[@]}" --network none --name job --label a=b -e X=7 sh -c 'exit $X'
expect_status 4 stoker run "${SMALL[@]}" --json -- sh -c 'echo json; exit 4'
expect_equal "$(json .stdout)" json
expect_equal "$(head -c 100000 /dev/zero | stoker run "${SMALL[@]}" -i -- wc -c)" 100000
expect_status 125 stoker run "${SMALL[@]}" --timeout 500ms -- sleep 60
# Nobody is sent to the console of a VM that is gone.
expect_no_match "$ERR" 'stoker logs'
expect_equal "$(left)" ''

check 'run: nothing is left after a signal at any moment'
for moment in 0.01 0.04 0.08 0.12 0.2 0.4 1 3; do
	for signal in INT TERM HUP; do
		[ "$moment" != 3 ] || [ "$signal" = INT ] || continue
		got=0
		# env: a shell has its background jobs ignore SIGINT; --foreground keeps timeout out of our group.
		timeout --foreground -s "$signal" "$moment" "$STOKER_PROGRAM" run "${SMALL[@]}" -- sleep 1000 \
			>"$T/out" 2>"$T/err" </dev/null || got=$?
		expect_equal "$got" 124 "run with $signal after $moment s"
		expect_equal "$(left)" '' "after $signal at $moment s"
	done
done
# The reader going away ends it as well.
stoker run "${SMALL[@]}" -- yes 2>/dev/null | head -n 1 >/dev/null || true
expect_equal "$(left)" ''
# A guest that powers off under its command.
expect_status 125 stoker run "${SMALL[@]}" -- sh -c 'echo b >/proc/sysrq-trigger; sleep 10'
expect_equal "$(left)" ''

check 'bench'
ok stoker bench --vms 2 --parallel 2 "${SMALL[@]}" --commands 3 --json -v
expect_equal "$(json '.rows | map(.phase) | join(" ")')" \
	'create_start ready ssh_ready exec_first exec_next exec_ssh_first exec_ssh_next stop_delete lifecycle'
expect_equal "$(jq -c '.rows | map(.n)' "$T/out")" '[2,2,2,2,6,2,6,2,2]'
expect_equal "$(jq '.rows | all(.min_ms <= .p50_ms and .p50_ms <= .p95_ms and .p95_ms <= .max_ms)' "$T/out")" true
expect_match "$ERR" '2/2 '
ok stoker bench --vms 1 "${SMALL[@]}" --no-ssh --graceful
expect_match "$OUT" 'lifecycle +1 '
got=0
timeout --foreground -s INT 2 "$STOKER_PROGRAM" bench --vms 5 --parallel 2 "${SMALL[@]}" >"$T/out" 2>&1 || got=$?
expect_equal "$got" 124
expect_equal "$(left)" '' 'after an interrupted bench'
expect_status 5 stoker bench --vms 1 --image none
