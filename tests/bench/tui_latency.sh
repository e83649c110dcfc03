#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The dashboard's figures, one a line: figure|measured|must reach|ok or MISS (or -: nothing to reach).
# Called by bench.py; alone it makes a private place of its own.
if [ -z "${T_DIR:-}" ]; then
	. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
	need_image
	T_DIR=$T
fi
set -e -u -o pipefail
TUI=$BUILD_DIR/tests/bench_tui_latency
LIB=$BUILD_DIR/tests/bench_lib
HERE=$(dirname "${BASH_SOURCE[0]}")

value() { # NAME OUTPUT
	awk -v name="$1" '$1 == name { print $2 }' <<<"$2"
}

# What could not be measured has not reached its limit.
row() { # FIGURE MEASURED UNIT LIMIT
	printf '%s|%s%s|%s|%s\n' "$1" "${2:-nothing}" "${2:+$3}" "$4" \
		"$(awk -v m="$2" -v limit="${4//[!0-9.]/}" -v op="${4%% *}" 'BEGIN {
			good = op == "-" || (op == "<" ? m + 0 < limit + 0 : op == ">=" ? m + 0 >= limit + 0 : m + 0 <= limit + 0)
			print m ~ /^-?[0-9]+(\.[0-9]+)?$/ && good ? (op == "-" ? "-" : "ok") : "MISS" }')"
}

latency() { # TITLE SETUP
	local out
	out=$("$TUI" keys "${KEYS:-400}" "$2" "$STOKER_PROGRAM") || out=
	row "key -> paint, $1, p50" "$(value p50_ms "$out")" ' ms' '-'
	row "key -> paint, $1, p99" "$(value p99_ms "$out")" ' ms' '< 16 ms'
	[ "$(value missed "$out")" = 0 ] || row "key -> paint, $1, not answered" "$(value missed "$out")" '' '<= 0'
}

# A fleet of its own, at rest: the one of bench.py has VMs that are still booting.
HOME_STATE=$STOKER_STATE_DIR HOME_RUN=$STOKER_RUNTIME_DIR
export STOKER_STATE_DIR=$T_DIR/tui-state STOKER_RUNTIME_DIR=$T_DIR/tui-run
printf 'filling 1,000 records\n' >&2
"$LIB" fill "${RECORDS:-1000}" 0 micro >/dev/null
out=$("$LIB" sample 1000 10) || out=
# Of a second, in per cent.
row 'CPU, memory and disk of 1,000 VMs, each once a second: CPU of a core' \
	"$(awk '$1 == "cpu_ms" { print $2 / 10 }' <<<"$out")" ' %' '< 1 %'
row '  of them read at each call' "$(value all "$out")" '' '>= 1000'
out=$("$TUI" idle "${SECONDS_IDLE:-20}" "$STOKER_PROGRAM") || out=
row 'dashboard at rest, 1,000 records: CPU of a core' "$(value cpu_percent "$out")" ' %' '< 1 %'
row 'dashboard at rest, 1,000 records: written' "$(value bytes "$out")" ' bytes' '<= 0'
latency 'idle, 1,000 records' '<1500>'

# 1,000 that run, as far as a look at the host can tell: each record is given a process, which waits.
running() { # PIDS...
	local pid stat i=0
	printf 'BEGIN;\n'
	for pid; do
		stat=$(<"/proc/$pid/stat")
		# shellcheck disable=SC2086 # its fields, of which the 20th behind the name is the start
		set -- ${stat##*) }
		printf "UPDATE vm SET vmm_pid=%d, vmm_ticks=%d WHERE name='many-%04d';\n" "$pid" "${20}" $((i++))
	done
	printf "UPDATE vm SET state=2, network=0, agent=1, run=1, vmm_boot='%s', sup_pid=vmm_pid, sup_ticks=vmm_ticks, sup_boot=vmm_boot,\n" \
		"$(</proc/sys/kernel/random/boot_id)"
	printf ' started_at_ms=%d, started_ns=1, ready_ns=2;\nCOMMIT;\n' $(($(date +%s%3N) - 9000000))
}
# Their network is `user`, and a stand-in answers for their agents: every second those in sight are asked, and 32 of the others.
mkfifo "$T_DIR/vmms"
"$LIB" vmms "${RECORDS:-1000}" >"$T_DIR/vmms" &
vmms=$!
mapfile -t waiting <"$T_DIR/vmms"
running "${waiting[@]}" | sqlite3 -cmd '.timeout 2000' "$STOKER_STATE_DIR/store.db"
ids=$(sqlite3 "$STOKER_STATE_DIR/store.db" 'SELECT id FROM vm')
coproc AGENTS { exec python3 "$HERE/guests_standin.py" "$STOKER_RUNTIME_DIR" <<<"$ids"; }
exec {answers}<&"${AGENTS[0]}"
agents=$AGENTS_PID
read -t 30 -r _ <&"$answers"
begun=$(date +%s%3N)
out=$("$TUI" idle "${SECONDS_IDLE:-20}" "$STOKER_PROGRAM") || out=
took=$(($(date +%s%3N) - begun))
row 'dashboard, 1,000 running VMs, sampled every second, those in sight asked for their traffic too: CPU of a core' \
	"$(value cpu_percent "$out")" ' %' '< 1 %'
row 'dashboard, 1,000 running VMs, sampled every second: written' "$(value bytes "$out")" ' bytes' '-'
kill "$vmms" "$agents" || true
wait "$vmms" "$agents" 2>/dev/null || true
read -t 10 -r out <&"$answers" || out=
exec {answers}<&-
row '  guests asked for their traffic meanwhile' "${out:+$((out * 1000 / took))}" ' a second' '>= 50 a second'
sqlite3 -cmd '.timeout 2000' "$STOKER_STATE_DIR/store.db" \
	'UPDATE vm SET state=5, network=2, vmm_pid=0, vmm_ticks=0, sup_pid=0, sup_ticks=0'

first() { # TITLE TEXT
	local out
	out=$("$TUI" first "${FIRSTS:-200}" "$2" "$STOKER_PROGRAM") || out=
	row "exec -> $1, 1,000 records, p50" "$(value p50_ms "$out")" ' ms' '< 30 ms'
	row "exec -> $1, 1,000 records, p99" "$(value p99_ms "$out")" ' ms' '< 30 ms'
}
first 'first frame' stoker
first 'the list' many-0

# All of them change their state ten times a second, and none of that is hidden from who looks.
coproc CHURN { exec python3 "$HERE/churn.py" "$STOKER_STATE_DIR" 10.2; }
churning=$CHURN_PID
exec {rate}<&"${CHURN[0]}"
latency '1,000 VMs changing ten times a second' '<1500>'
out=$("$TUI" idle 5 "$STOKER_PROGRAM") || out=
row '  written by the dashboard meanwhile' "$(awk '$1 == "bytes" { print int($2 / 5) }' <<<"$out")" ' bytes/s' '>= 1000 bytes/s'
kill "$churning" || true
wait "$churning" || true
read -t 10 -r out <&"$rate" || out=
exec {rate}<&-
row '  changed by the benchmark meanwhile' "$out" ' times/s' '>= 10 times/s'

# Beside the tools of the field: windows of 200x50 in one tmux, one after the other. What is written is what the
# program wrote to tmux; the answer to a key is taken where a person sees it, behind tmux.
tmux -S "$T_DIR/peers" -f /dev/null new-session -d -s keep 'sleep 3600' \; set -g default-terminal tmux-256color
peer() { # NAME KEYS COMMAND
	local name=$1 keys=$2 out
	if ! command -v "${3%% *}" >/dev/null; then
		printf '%s in tmux|left out: there is none in PATH|-|-\n' "$name"
		return
	fi
	out=$("$TUI" peer "$T_DIR/peers" "${PEER_SECONDS:-20}" 60 "$keys" "$3") || out=
	rm -f "$T_DIR/peers.out"
	row "$name in tmux at rest: CPU of a core" "$(value cpu_percent "$out")" ' %' '-'
	row "$name in tmux at rest: written in ${PEER_SECONDS:-20} s" "$(value bytes "$out")" ' bytes' '-'
	row "$name in tmux: resident memory" "$(value rss_kib "$out")" ' KiB' '-'
	row "$name in tmux: key -> output, p50" "$(value p50_ms "$out")" ' ms' '-'
	row "$name in tmux: key -> output, p99" "$(value p99_ms "$out")" ' ms' '-'
}
peer 'stoker, 1,000 records' jk "$STOKER_PROGRAM"
peer 'htop' II htop
peer 'btop' ee btop
# k9s shows nothing without a cluster: it gets an API with as many pods as the dashboard has VMs, as quiet as they are.
k9s=${STOKER_BENCH_K9S:-$(command -v k9s || true)}
if [ -x "$k9s" ]; then
	mkdir -p "$T_DIR/k9s"
	printf 'k9s:\n  skipLatestRevCheck: true\n' >"$T_DIR/k9s/config.yaml"
	python3 "$HERE/kubernetes_standin.py" "${RECORDS:-1000}" "$T_DIR/k9s/kubeconfig" &
	standin=$!
	for _ in $(seq 100); do
		[ ! -s "$T_DIR/k9s/kubeconfig" ] || break
		sleep 0.1
	done
	peer 'k9s, 1,000 pods' jk "env HOME='$T_DIR/k9s' K9S_CONFIG_DIR='$T_DIR/k9s' KUBECONFIG='$T_DIR/k9s/kubeconfig' '$k9s' --command pods"
	kill "$standin"
	wait "$standin" 2>/dev/null || true
else
	printf 'k9s in tmux|left out: no k9s in PATH or STOKER_BENCH_K9S|-|-\n'
fi
tmux -S "$T_DIR/peers" kill-server 2>/dev/null || true
"$STOKER_PROGRAM" delete --all --force --yes --quiet >/dev/null
export STOKER_STATE_DIR=$HOME_STATE STOKER_RUNTIME_DIR=$HOME_RUN

# Ctrl-U: the filter of the last time is remembered.
# Two VMs in front of everything else by name: one floods a shell, the other hangs.
for name in aa-flood aa-hung; do
	"$STOKER_PROGRAM" create "$name" --memory 256 --egress none --quiet >/dev/null
	"$STOKER_PROGRAM" start "$name" --quiet >/dev/null
	"$STOKER_PROGRAM" wait "$name" --for ready --timeout 120 --quiet >/dev/null
done
latency 'shell pane flooded by yes' $'<1500>/\x15aa-\r<300>g\r<?:~#>yes\r<1500>\x1d<300>'
pid=$("$STOKER_PROGRAM" inspect aa-hung --json | jq -r 'if type == "array" then .[0] else . end | .pid')
kill -STOP "$pid"
# The hung one is being asked for a shell while the keys are pressed.
latency 'a VMM stopped with SIGSTOP' $'<1500>/\x15aa-\r<300>G\r<500>g<300>'
kill -CONT "$pid"
"$STOKER_PROGRAM" delete aa-flood aa-hung --force --quiet >/dev/null
